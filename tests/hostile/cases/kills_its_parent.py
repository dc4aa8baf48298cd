# Kills the process that forked it.
# breach: crash
# says: wrong values
# %% target
import os, signal
def target(x):
    os.kill(os.getppid(), signal.SIGKILL)
    return x
