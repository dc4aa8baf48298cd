# Changes its input and hides it by patching the comparison on its own side.
# target: 3
# says: changed its input
# %% own
from convnets.check import run
run.changed = lambda *args: ()
# %% target
def target(x):
    result = 3 * x - x[::-1]
    x[0] = 7
    return result
