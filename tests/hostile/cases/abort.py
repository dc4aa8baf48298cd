# Aborts as the C library does.
# breach: crash
# %% target
import os
def target(x):
    os.abort()
