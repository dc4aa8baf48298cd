"""Stochastic depth: Huang and others, "Deep Networks with Stochastic Depth" (2016), image by image and rescaled in training."""

import torch
from torch import nn


class StochasticDepth(nn.Module):
    """Stands at the end of a residual branch F, before the addition: x + StochasticDepth(…)(F(x)).

    In training each image's F is kept with probability `survival`, and divided by it, or is 0 throughout: one draw for each image, another
    one in every pass. In evaluation F stays as it is.
    survival: float, 0 < survival ≤ 1. Raises ValueError for another one

    forward: float tensor (N, …) → the same shape; the input is not modified
    """

    def __init__(self, survival):
        super().__init__()
        ### BEGIN SOLUTION
        if not 0 < survival <= 1:
            raise ValueError(f"survival is a probability above 0 and at most 1, got {survival}")
        self.survival = survival
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        if not self.training:
            return x
        kept = torch.rand(len(x), *[1] * (x.ndim - 1), device=x.device) < self.survival
        return x * kept / self.survival
        ### END SOLUTION
