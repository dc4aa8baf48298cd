# Ends Python at once.
# breach: crash
# says: ended Python
# %% target
import os
def target(x):
    os._exit(0)
