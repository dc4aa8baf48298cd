# Fills memory bit by bit.
# breach: memory limit
# says: more than 128 MB of memory
# %% target
def target(x):
    hoard = []
    while True:
        hoard.append(bytearray(1_000_000))
