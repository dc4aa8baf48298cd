# Ends Python while its cell runs.
# breach: crash
# %% target
import os
def target(x):
    return x
os._exit(0)
