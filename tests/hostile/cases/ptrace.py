# Traces its parent.
# breach: forbidden action
# %% target
import ctypes, os
def target(x):
    ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0)
    return x
