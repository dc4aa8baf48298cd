# Sleeps until its time is up.
# breach: time limit
# %% target
import time
def target(x):
    time.sleep(1e6)
