# Overflows the stack.
# breach: crash
# %% target
import sys
def target(x):
    sys.setrecursionlimit(10**9)
    class Deep:
        def __getattr__(self, name): return getattr(self, name + "x" if len(name) < 3 else name)
    f = lambda: sorted([0], key=lambda _: f())
    f()
