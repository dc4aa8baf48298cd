# Fills memory in several processes, each below the limit.
# breach: memory limit
# %% target
import os, time
def target(x):
    for _ in range(4):
        if os.fork() == 0:
            mine = bytearray(b"x") * 60_000_000
            time.sleep(30)
    time.sleep(30)
