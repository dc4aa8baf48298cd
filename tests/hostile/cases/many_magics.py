# A cell of more magics than IPython's transformer has patience for.
# says: .
# generate: magics
# %% target
def target(x):
    raise LookupError("ran")
