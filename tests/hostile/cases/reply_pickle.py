# Returns an object whose pickle would run code where it is read.
# says: .
# %% target
class Bomb:
    def __reduce__(self): return (__import__("os").system, ("touch @HOME@/pickled",))
def target(x):
    return np.array([Bomb()] * 5, dtype=object)
