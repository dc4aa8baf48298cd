# A frame whose texts are halves of characters: the error's name, its lines and its class's ancestors.
# include: forge
# says: stopped with
# %% target
def target(x):
    ugly = "\ud800 \udfff \x00"
    hand_over(*(frame({"case": i, "leaves": None, "raised": ugly, "message": ugly, "lines": [[1, ugly]], "ancestors": [ugly]}) for i in range(9)))
