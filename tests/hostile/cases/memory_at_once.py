# Asks for a terabyte.
# breach: memory limit
# %% target
def target(x):
    return np.ones((1 << 20, 1 << 17))
