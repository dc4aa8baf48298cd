# Returns as much as allowed for every call, of the wrong shape, to fill the judge's memory.
# says: wrong shape
# %% target
def target(x):
    return np.zeros(240_000)
