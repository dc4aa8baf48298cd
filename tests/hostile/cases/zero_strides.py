# Returns a view of terabytes that takes no memory here.
# breach: memory limit
# %% target
def target(x):
    return np.broadcast_to(np.float64(0), (1 << 20, 1 << 18))
