# Forks without end while its cell runs.
# breach: process limit
# %% target
import os
def target(x):
    return x
while True:
    try: os.fork()
    except OSError: pass
