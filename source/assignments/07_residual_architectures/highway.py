"""The Highway layer: Srivastava, Greff and Schmidhuber, "Highway Networks" (2015)."""

import torch
from torch import nn


class Highway(nn.Module):
    """One fully connected Highway layer, y = T·H + (1 − T)·x, of two `nn.Linear(features, features)`.

    H = ReLU(first linear of x) is what the layer makes of its input. T = sigmoid(second linear of x) says, number by number, how much
    of it is let through; the rest of each number is x itself.
    features: int. gate_bias: float, value with which every bias of the second linear layer starts

    forward: float tensor (N, features) → the same shape; the input is not modified
    """

    def __init__(self, features, gate_bias=-2.0):
        super().__init__()
        ### BEGIN SOLUTION
        self.transform = nn.Linear(features, features)
        self.gate = nn.Linear(features, features)
        nn.init.constant_(self.gate.bias, gate_bias)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        gate = torch.sigmoid(self.gate(x))
        return gate * torch.relu(self.transform(x)) + (1 - gate) * x
        ### END SOLUTION
