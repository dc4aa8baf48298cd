# Stops itself, so that no answer ever comes.
# breach: time limit
# %% target
import os, signal
def target(x):
    os.kill(os.getpid(), signal.SIGSTOP)
