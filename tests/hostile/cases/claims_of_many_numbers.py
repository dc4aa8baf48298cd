# Rows of a size that would cost the judge memory and time.
# unit: 03_claim_walls
# says: at most 16384
# %% target
def target():
    return np.array([1.0, 1.0, 1.0, 1.0]), np.ones(200_000, dtype=np.uint8), np.zeros(200_000, dtype=np.uint8)
