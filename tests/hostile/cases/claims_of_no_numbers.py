# Numbers that make every comparison fail or hold: not-a-number and infinity, in claims and in what was measured.
# unit: 03_claim_walls
# says: not numbers
# %% target
def target():
    return np.array([np.inf, np.nan, np.inf, np.nan]), np.array([np.nan, np.inf, 81.0]), np.array([-np.inf, np.nan, 80.0])
