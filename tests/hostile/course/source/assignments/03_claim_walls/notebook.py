# ---
# jupyter:
#   convnets:
#     minutes: 5
#     budget_seconds: 5
#     limits: {cell_seconds: 1.5, total_seconds: 60, memory_mb: 128, processes: 6, output_mb: 1, disk_mb: 8, files: 64, reply_mb: 2}
#     needs: []
#     summary: A claim that is held against the numbers that come with it, for the tests of the sandbox
# ---

# %% [markdown]
# # Claims
#
# The exercise in the middle is attacked: it hands out what was claimed and what was measured.

# %%
import numpy as np

from convnets.check import check  # noqa: F401

# %% [markdown]
# ## before
#
# One more.

# %% nbgrader={"grade": false, "grade_id": "before", "locked": false, "schema_version": 3, "solution": true, "task": false}
def before(x):
    """x + 1."""
    ### BEGIN SOLUTION
    return x + 1
    ### END SOLUTION


# %% [markdown]
# ## target
#
# Claims about two rows of measurements, and the rows.

# %% nbgrader={"grade": false, "grade_id": "target", "locked": false, "schema_version": 3, "solution": true, "task": false}
def target():
    """(wins, gain, error and winner), first row, second row."""
    ### BEGIN SOLUTION
    canary_in_the_reference = np.array([83.0, 81, 84, 83, 86]), np.array([80.0, 82, 81, 79, 84])
    return np.array([4, 2.2, 0.86, 1]), *canary_in_the_reference
    ### END SOLUTION


# %% [markdown]
# ## after
#
# Squares.

# %% nbgrader={"grade": false, "grade_id": "after", "locked": false, "schema_version": 3, "solution": true, "task": false}
def after(x):
    """x²."""
    ### BEGIN SOLUTION
    return x * x
    ### END SOLUTION
