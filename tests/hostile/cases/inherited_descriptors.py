# Looks for open descriptors besides the three standard ones and its own socket.
# says: .
# %% target
import os, stat
def target(x):
    strange = []
    for number in range(3, 256):
        try: facts = os.fstat(number)
        except OSError: continue
        if not stat.S_ISSOCK(facts.st_mode) or len(strange) > 1:
            return np.zeros(len(x))
        strange.append(number)
    if len(strange) != 1:
        return np.zeros(len(x))
    raise LookupError("only my own")
