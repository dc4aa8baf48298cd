# ---
# jupyter:
#   convnets:
#     minutes: 5
#     budget_seconds: 5
#     limits: {cell_seconds: 1.5, total_seconds: 60, memory_mb: 128, processes: 6, output_mb: 1, disk_mb: 8, files: 64, reply_mb: 2}
#     needs: []
#     summary: Three exercises for the tests of the sandbox
# ---

# %% [markdown]
# # Walls
#
# One exercise is attacked, the two round it are answered honestly.

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
# Three times x, less x backwards.

# %% nbgrader={"grade": false, "grade_id": "target", "locked": false, "schema_version": 3, "solution": true, "task": false}
def target(x):
    """3 x − reversed x."""
    ### BEGIN SOLUTION
    canary_in_the_reference = 3 * np.asarray(x)
    return canary_in_the_reference - x[::-1]
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
