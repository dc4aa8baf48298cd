# Ends the question with a status that no process has.
# include: forge
# breach: crash
# %% target
def target(x):
    hand_over(frame({"end": 1 << 200}), frame({"end": -1}), frame({"end": "0"}), frame({"end": [1]}))
