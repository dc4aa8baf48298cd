# Leaves work for the end of the process: atexit, finalizers and __del__.
# says: .
# %% own
import atexit, os, weakref
atexit.register(lambda: print("4.0"))
atexit.register(os._exit, 0)
class Last:
    def __del__(self): print("4.0")
last = Last()
weakref.finalize(last, print, "4.0")
# %% target
def target(x):
    raise LookupError("nothing")
