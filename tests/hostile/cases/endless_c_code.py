# Spends for ever inside one call of C code, where no interrupt reaches it.
# breach: time limit
# %% target
def target(x):
    return sum(range(10**14))
