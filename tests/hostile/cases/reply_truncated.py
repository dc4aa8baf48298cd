# Half a frame, and the end of the process.
# include: forge
# breach: crash|malformed reply|time limit
# %% target
def target(x):
    hand_over(frame(arrays=[["<f8", [5]]], content=bytes(40))[:-13])
