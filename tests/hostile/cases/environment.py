# Looks for secrets in the environment, in Python and through the C library.
# says: .
# %% target
import ctypes, os
def target(x):
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_char_p
    for name in (b"CONVNETS_SECRET", b"CONVNETS_COURSE", b"CONVNETS_HIDDEN", b"CANARY"):
        if libc.getenv(name) or name in os.environb:
            return np.zeros(len(x))
    raise LookupError("nothing")
