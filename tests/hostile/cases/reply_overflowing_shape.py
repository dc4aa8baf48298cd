# Shapes whose product overflows, and one without elements that is too large for NumPy.
# include: forge
# breach: malformed reply
# %% target
def target(x):
    hand_over(frame(arrays=[["<f8", [0, 1 << 39, 1 << 39]]]), frame(arrays=[["<f8", [1 << 39, 1 << 39, 2]]], lengths=None))
