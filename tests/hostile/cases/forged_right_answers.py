# Finds the work socket and writes answers made of zeros itself, for every call.
# include: forge
# says: wrong values
# %% target
def target(x):
    zeros = np.zeros(5)
    hand_over(*(frame({"case": i}, [["<f8", [n]]] * (1 + (3 <= i < 6)), bytes(8 * n) * (1 + (3 <= i < 6))) for i, n in enumerate([5] * 3 + [6] * 3 + [7] * 3)))
