# Stops its parent and ends.
# breach: time limit
# %% target
import os, signal
def target(x):
    os.kill(os.getppid(), signal.SIGSTOP)
    os._exit(0)
