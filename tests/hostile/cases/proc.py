# Reads maps, memory, descriptors, environment and command lines under /proc.
# says: .
# %% target
import glob
def target(x):
    found = glob.glob("/proc/*") + glob.glob("/sys/*")
    if found:
        return np.zeros(len(x))
    open("/proc/self/maps").read()
