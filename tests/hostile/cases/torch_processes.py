# Starts worker processes that share memory, and leaves them.
# unit: 02_torch_walls
# breach: .+
# %% target
import torch.multiprocessing as mp, time
def target(x):
    for _ in range(20):
        mp.get_context("fork").Process(target=time.sleep, args=(60,)).start()
    time.sleep(60)
