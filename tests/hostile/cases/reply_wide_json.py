# A header of as many small lists as fit.
# include: forge
# breach: malformed reply
# %% target
def target(x):
    hand_over(frame(header=b'{"message": {}, "arrays": [' + b"[]," * 300_000 + b"[]]}"))
