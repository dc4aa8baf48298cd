# Claims that change from look to look and rows that are no plain arrays: what crosses is numbers only.
# unit: 03_claim_walls
# says: complex|has four entries
# %% target
class Agrees(np.ndarray):
    def __eq__(self, other): return np.True_
    def __array_ufunc__(self, *args, **kwargs): return self

def target():
    return np.array(1.0).view(Agrees), np.array([83j, 81, 84]), np.array([80, 82, 81]).view(Agrees)
