# Half a frame, and then nothing.
# include: forge
# breach: time limit|malformed reply
# %% target
def target(x):
    work().sendall(frame(arrays=[["<f8", [5]]], content=bytes(40))[:-13])
    while True: pass
