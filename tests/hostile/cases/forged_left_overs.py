# Leaves frames behind that the next exercise could take for its own.
# include: forge
# says: .
# %% target
def target(x):
    for one in [frame({"end": 0})] * 30 + [frame({"ran": "forged"})] * 30:
        work().sendall(one)
    return np.zeros_like(x)
# breach: crash
