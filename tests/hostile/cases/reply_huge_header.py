# Claims a header of four gigabytes.
# include: forge
# breach: malformed reply
# %% target
def target(x):
    hand_over(frame(lengths=(0xFFFFFFFF, 0)) + b" " * 1000)
