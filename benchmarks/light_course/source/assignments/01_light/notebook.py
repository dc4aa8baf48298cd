# ---
# jupyter:
#   convnets:
#     minutes: 5
#     budget_seconds: 5
#     libraries: pytorch
#     needs: []
#     summary: A light unit that imports PyTorch, for `autograder bench`
# ---

# %% [markdown]
# # A light unit
#
# Two short exercises in PyTorch. Starting Python takes far longer than the answers.

# %%
import numpy as np
import torch
from torch import nn

from convnets.check import check  # noqa: F401

# %% [markdown]
# ## centred
#
# Take the mean of each channel away from an image.

# %% nbgrader={"grade": false, "grade_id": "centred", "locked": false, "schema_version": 3, "solution": true, "task": false}
def centred(image):
    """An image C×H×W, each channel with mean 0."""
    ### BEGIN SOLUTION
    pixels = torch.from_numpy(image)
    return (pixels - pixels.mean(dim=(1, 2), keepdim=True)).numpy()
    ### END SOLUTION


# %% [markdown]
# ## Trying it
#
# One small layer on one small image.

# %%
layer = nn.Conv2d(3, 4, kernel_size=3, padding=1)
maps = layer(torch.from_numpy(centred(np.ones((3, 8, 8), np.float32)))[None])

# %% [markdown]
# ## filtered
#
# Slide one filter over each image of a batch.

# %% nbgrader={"grade": false, "grade_id": "filtered", "locked": false, "schema_version": 3, "solution": true, "task": false}
def filtered(images, kernel):
    """Cross-correlation of images N×C×H×W with one kernel C×K×K, without padding: N×1×(H-K+1)×(W-K+1)."""
    ### BEGIN SOLUTION
    return nn.functional.conv2d(torch.from_numpy(images), torch.from_numpy(kernel)[None]).numpy()
    ### END SOLUTION
