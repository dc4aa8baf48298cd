# Answers call number 10 to the power of 30 first.
# include: forge
# breach: malformed reply
# %% target
def target(x):
    hand_over(frame({"case": 10**30}, [["<f8", [5]]], bytes(40)))
