# A thread that lives on and tampers with the other exercises' names.
# says: returned None
# %% own
import threading, time
def later():
    while True:
        time.sleep(0.005)
        globals()["target"] = lambda x: np.zeros_like(x)
# %% target
def target(x):
    if threading.active_count() == 1:
        threading.Thread(target=later, daemon=True).start()
    return None
