# Fills memory that processes share.
# breach: memory limit
# %% target
import mmap, time
def target(x):
    hoard = [mmap.mmap(-1, 1 << 24) for _ in range(60)]
    for one in hoard:
        one.write(b"x" * (1 << 24))
    time.sleep(30)
