# Not-a-number, infinity and numbers that overflow, in arrays and in JSON.
# says: not numbers|wrong values
# %% target
def target(x):
    return np.full_like(x, np.nan)
