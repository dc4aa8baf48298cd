# Fills the disk.
# breach: disk limit
# says: more than 8 MB to disk
# %% target
def target(x):
    with open("bomb", "wb") as file:
        while True:
            file.write(b"x" * (1 << 20))
