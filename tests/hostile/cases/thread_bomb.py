# Starts threads without end.
# breach: process limit
# %% target
import threading, time
def target(x):
    while True:
        threading.Thread(target=time.sleep, args=(60,)).start()
