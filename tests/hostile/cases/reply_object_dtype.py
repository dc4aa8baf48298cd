# Arrays of objects, of structures and of dates.
# include: forge
# breach: malformed reply
# %% target
def target(x):
    hand_over(frame(arrays=[["|O", [5]]], content=bytes(40)))
