# ---
# jupyter:
#   convnets:
#     minutes: 5
#     budget_seconds: 5
#     needs: []
#     summary: Two exercises for the tests of grading
# ---

# %% [markdown]
# # A toy unit
#
# Two exercises.

# %%
import numpy as np

from convnets.check import check  # noqa: F401

# %% [markdown]
# ## double
#
# Twice the input.

# %% nbgrader={"grade": false, "grade_id": "double", "locked": false, "schema_version": 3, "solution": true, "task": false}
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    doubled_by_addition = np.asarray(x) + np.asarray(x)
    return doubled_by_addition.reshape(np.shape(x))
    ### END SOLUTION


# %% tags=["active-ipynb"]
# import pathlib
#
# factor = 3
# pathlib.Path("explored.txt").touch()

# %% [markdown]
# ## running_sum
#
# Sums of the first, the first two, ... numbers.

# %% nbgrader={"grade": false, "grade_id": "running_sum", "locked": false, "schema_version": 3, "solution": true, "task": false}
def running_sum(x):
    """Cumulative sum of a flat array."""
    ### BEGIN SOLUTION
    return np.cumsum(x)
    ### END SOLUTION
