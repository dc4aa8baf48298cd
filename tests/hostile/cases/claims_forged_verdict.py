# Writes the answers to the socket itself, and they hold the verdict 1 where claims and numbers are asked.
# unit: 03_claim_walls
# include: forge
# says: has four entries|one number for each repetition
# %% target
def target():
    names = ["claims", "random", "grid"]
    ones = struct.pack("<3d", 1.0, 1.0, 1.0)
    hand_over(*(frame({"case": number, "leaves": names}, [["<f8", []]] * 3, ones) for number in range(4)))
