# A header that is nested a hundred thousand deep.
# include: forge
# breach: malformed reply
# %% target
def target(x):
    hand_over(frame(header=b"[" * 100_000 + b"]" * 100_000))
