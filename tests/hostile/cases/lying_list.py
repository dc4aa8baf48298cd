# Returns a list that lies about its length and items.
# says: .
# %% target
class Endless(list):
    def __len__(self): return 1 << 30
    def __iter__(self):
        while True: yield 0.0
    def __getitem__(self, i): return 0.0
def target(x):
    return Endless([1.0])
# breach: time limit
