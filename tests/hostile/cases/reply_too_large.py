# Returns more than a reply may hold.
# breach: malformed reply
# %% target
def target(x):
    return np.zeros(1 << 20)
