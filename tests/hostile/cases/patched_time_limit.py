# Switches its own time limit off and goes on for ever.
# breach: time limit
# says: still running after 1 seconds
# %% own
import _thread, contextlib, signal, sys
from convnets.check import run
run.time_limit = lambda seconds: contextlib.nullcontext()
_thread.interrupt_main = lambda *args: None
signal.signal(signal.SIGALRM, signal.SIG_IGN)
# %% target
def target(x):
    while True:
        pass
