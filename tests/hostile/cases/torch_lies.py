# A tensor subclass that answers every comparison itself.
# unit: 02_torch_walls
# says: wrong values
# %% target
class Agrees(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return super().__torch_function__(function, types, args, kwargs or {})
    def __eq__(self, other): return torch.ones(self.shape, dtype=torch.bool)
def target(x):
    return torch.zeros(len(x), dtype=torch.from_numpy(x).dtype).as_subclass(Agrees)
