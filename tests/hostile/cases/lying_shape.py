# Returns an ndarray subclass that lies about shape, dtype and size.
# says: .
# %% target
class Lies(np.ndarray):
    shape = property(lambda self: (1 << 40, 1 << 20))
    dtype = property(lambda self: np.dtype("O"))
    nbytes = property(lambda self: -8)
    size = property(lambda self: 0)
    def copy(self, *args): return self
def target(x):
    return np.ndarray.__new__(Lies, (5,))
