# Prints without end.
# breach: output limit
# says: printed more than 1 MB
# %% target
def target(x):
    while True:
        print("x" * 1000)
