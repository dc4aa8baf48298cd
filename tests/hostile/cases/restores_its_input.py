# Changes its input while it works and puts it back: honest work, which keeps its marks.
# target: 4
# %% target
def target(x):
    kept = x.copy()
    x *= 3
    result = x - kept[::-1]
    x[:] = kept
    return result
