# Writes the answers to the socket itself: one value 1, as if the verdict were asked here.
# unit: 03_claim_walls
# include: forge
# breach: malformed reply
# %% target
def target():
    hand_over(*(frame({"case": number}, [["<f8", []]], struct.pack("<d", 1.0)) for number in range(4)))
