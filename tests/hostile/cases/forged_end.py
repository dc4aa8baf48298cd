# Ends the question before its first answer, with a status that claims success.
# include: forge
# breach: crash
# %% target
def target(x):
    hand_over(frame({"end": 0, "seconds": float("nan"), "memory_mb": -1e308}))
