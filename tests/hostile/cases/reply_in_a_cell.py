# Answers for the cell itself, with texts that claim a breach and a score.
# include: forge
# breach: .+
# %% target
sys._getframe()
work().sendall(frame({"ran": "time limit"}))
def target(x):
    return None
