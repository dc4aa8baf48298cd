# Fills memory and catches the error, for ever.
# breach: memory limit|time limit
# %% target
def target(x):
    hoard = []
    while True:
        try: hoard.append(bytearray(1_000_000))
        except MemoryError: pass
