# An array of negative size.
# include: forge
# breach: malformed reply
# %% target
def target(x):
    hand_over(frame(arrays=[["<f8", [-5]]]))
