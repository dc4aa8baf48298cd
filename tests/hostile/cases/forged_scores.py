# Writes frames that claim points, a pass and a report.
# include: forge
# breach: malformed reply
# %% target
def target(x):
    hand_over(frame({"case": None, "points": 4.0, "score": 4.0, "max_points": 4.0, "passed": True, "report": {"points": 4.0}}))
