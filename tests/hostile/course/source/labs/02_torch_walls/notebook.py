# ---
# jupyter:
#   convnets:
#     minutes: 5
#     budget_seconds: 5
#     libraries: pytorch
#     limits: {cell_seconds: 3, total_seconds: 60, memory_mb: 256, processes: 6, output_mb: 1, disk_mb: 8, files: 64, reply_mb: 2}
#     needs: []
#     summary: Three exercises for the tests of the sandbox, with PyTorch
# ---

# %% [markdown]
# # Walls round PyTorch
#
# One exercise is attacked, the two round it are answered honestly.

# %%
import torch

from convnets.check import check  # noqa: F401

# %% [markdown]
# ## before
#
# One more.

# %% nbgrader={"grade": false, "grade_id": "before", "locked": false, "schema_version": 3, "solution": true, "task": false}
def before(x):
    """x + 1 as a tensor."""
    ### BEGIN SOLUTION
    return torch.from_numpy(x) + 1
    ### END SOLUTION


# %% [markdown]
# ## target
#
# Three times x, less x backwards.

# %% nbgrader={"grade": false, "grade_id": "target", "locked": false, "schema_version": 3, "solution": true, "task": false}
def target(x):
    """3 x − reversed x as a tensor."""
    ### BEGIN SOLUTION
    canary_in_the_reference = torch.from_numpy(x)
    return 3 * canary_in_the_reference - canary_in_the_reference.flip(0)
    ### END SOLUTION


# %% [markdown]
# ## after
#
# Squares.

# %% nbgrader={"grade": false, "grade_id": "after", "locked": false, "schema_version": 3, "solution": true, "task": false}
def after(x):
    """x² as a tensor."""
    ### BEGIN SOLUTION
    return torch.from_numpy(x).pow(2)
    ### END SOLUTION
