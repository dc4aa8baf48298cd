# A cell of more magics than IPython's transformer has patience for.
# breach: (time limit)?
# says: .
# generate: magics
# %% target
def target(x):
    raise LookupError("ran")
