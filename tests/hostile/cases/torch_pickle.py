# Loads a pickle that runs code, and downloads a model.
# unit: 02_torch_walls
# says: .
# %% target
import io, os
class Bomb:
    def __reduce__(self): return (os.system, ("touch @HOME@/pickled",))
def target(x):
    buffer = io.BytesIO()
    torch.save({"weights": Bomb()}, buffer)
    torch.load(io.BytesIO(buffer.getvalue()), weights_only=False)
    torch.hub.load_state_dict_from_url("http://127.0.0.1:@PORT@/weights.pt")
