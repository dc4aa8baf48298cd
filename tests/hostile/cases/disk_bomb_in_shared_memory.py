# Fills /dev/shm.
# breach: disk limit
# %% target
def target(x):
    for i in range(100):
        with open(f"/dev/shm/bomb{i}", "wb") as file:
            file.write(b"x" * (1 << 20))
    return np.zeros_like(x)
