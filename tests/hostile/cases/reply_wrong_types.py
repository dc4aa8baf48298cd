# Every field of the reply has another type than it should have.
# include: forge
# breach: malformed reply
# %% target
def target(x):
    hand_over(frame({"leaves": {"": 1}, "raised": ["ValueError"], "message": 5, "lines": "x", "ancestors": None, "problem": {"a": 1}}))
