# Asks for more memory than there is.
# unit: 02_torch_walls
# breach: memory limit
# %% target
def target(x):
    return torch.ones(1 << 20, 1 << 12)
