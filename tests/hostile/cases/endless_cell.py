# Its cell runs for ever and catches the interrupt.
# breach: time limit
# %% target
def target(x):
    return x
while True:
    try:
        while True: pass
    except BaseException:
        continue
