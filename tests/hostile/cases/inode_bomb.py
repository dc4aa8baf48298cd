# Makes empty files and folders without end.
# breach: disk limit
# %% target
import os
def target(x):
    for i in range(100_000):
        os.mkdir(f"folder{i}")
