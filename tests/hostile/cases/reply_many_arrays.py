# A reply of fifty thousand arrays without elements.
# include: forge
# breach: malformed reply
# %% target
def target(x):
    hand_over(frame(arrays=[["<f8", [0]]] * 50_000))
