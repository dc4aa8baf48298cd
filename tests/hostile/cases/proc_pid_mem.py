# Opens /proc/PID/mem of its parent and of process 1.
# says: .
# %% target
import os
def target(x):
    for pid in (os.getppid(), 1, "self", @PID@):
        try:
            open(f"/proc/{pid}/mem", "r+b").read(1)
            return np.zeros(len(x))
        except FileNotFoundError:
            pass
    raise LookupError("nothing")
