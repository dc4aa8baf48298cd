# Takes many threads and computes for ever.
# unit: 02_torch_walls
# breach: .+
# %% target
def target(x):
    torch.set_num_threads(64)
    while True:
        torch.ones(400, 400) @ torch.ones(400, 400)
