# A thread that begins in a cell, lives on and puts its own function in the place of the attacked one.
# says: wrong values
# %% own
import threading, time
import numpy as np
def later():
    while True:
        time.sleep(0.005)
        globals()["target"] = lambda x: np.ones_like(x)
threading.Thread(target=later, daemon=True).start()
# %% target
time.sleep(0.05)
def target(x):
    return np.zeros_like(x)
