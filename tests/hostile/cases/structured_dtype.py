# Returns structured, datetime and string arrays.
# says: .
# %% target
def target(x):
    return np.zeros(len(x), dtype=[("a", "f8"), ("b", "O")])
