# Writes to the standard descriptors without end, from a child, while a cell runs.
# breach: output limit
# %% target
import os
def target(x):
    return None
while True:
    os.write(2, b"y" * 65536)
