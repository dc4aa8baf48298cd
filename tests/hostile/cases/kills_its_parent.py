# Kills the process that forked it.
# breach: crash
# says: ended Python
# %% target
import os, signal
def target(x):
    os.kill(os.getppid(), signal.SIGKILL)
    return x
