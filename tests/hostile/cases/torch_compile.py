# Compiles code with the machine's compiler.
# unit: 02_torch_walls
# breach: (time limit)?
# says: .
# %% target
def target(x):
    return torch.compile(lambda y: y * 0)(torch.from_numpy(x))
