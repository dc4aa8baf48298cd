# Writes a compiled library into its folder and loads it.
# says: .
# %% target
import ctypes, glob, os, shutil
def target(x):
    source = next(path for pattern in ("/lib*/*/libz.so*", "/usr/lib*/*/libz.so*", "/usr/lib*/libz.so*", "/lib*/*/libm.so*") for path in glob.glob(pattern))
    for place in ("brought.so", "/dev/shm/brought.so", "/tmp/brought.so"):
        shutil.copyfile(source, place)
        try: ctypes.CDLL(os.path.abspath(place))
        except OSError: continue
        return np.zeros_like(x)
    raise LookupError("refused")
