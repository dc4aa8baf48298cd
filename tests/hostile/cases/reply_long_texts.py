# Error texts of megabytes, through the socket.
# include: forge
# says: stopped with
# %% target
def target(x):
    long = {"leaves": None, "raised": "R" * 200_000, "message": "M" * 200_000, "lines": [[1, "L" * 100_000]] * 2, "ancestors": ["A" * 10] * 9000}
    hand_over(*(frame({"case": i} | long) for i in range(9)))
