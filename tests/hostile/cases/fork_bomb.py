# Forks without end.
# breach: process limit
# says: too many processes
# %% target
import os
def target(x):
    while True:
        os.fork()
