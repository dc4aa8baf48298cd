# Children in sessions of their own that live on and write, spin and sleep.
# breach: process limit
# says: returned None
# %% target
import os, time
def target(x):
    for _ in range(2):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                while True:
                    os.write(1, b"4.0\n")
                    time.sleep(0.01)
            os._exit(0)
    return None
