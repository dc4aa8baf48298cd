# Runs for ever.
# breach: time limit
# says: still running after 1 seconds
# %% target
def target(x):
    while True:
        pass
