# Reads address 0.
# breach: crash
# %% target
import ctypes
def target(x):
    ctypes.string_at(0)
