# The reply names values that nobody asked for.
# include: forge
# breach: malformed reply
# %% target
def target(x):
    hand_over(frame({"leaves": ["", "expected", "../../gradebook"]}, [["<f8", [1]]] * 3, bytes(24)))
