"""The naive Inception module: four branches read the same maps, their outputs are put side by side."""

import torch
from torch import nn


class NaiveInception(nn.Module):
    """Three convolutions of different sizes and a max pooling, side by side on the same input.

    in_channels: int
    ones, threes, fives: int, filters of the 1×1, the 3×3 (padding 1) and the 5×5 convolution (padding 2), each with bias and ReLU

    The fourth branch is max pooling 3×3 with stride 1 and padding 1; it has no parameters.

    forward: tensor (N, in_channels, H, W) → tensor (N, ones + threes + fives + in_channels, H, W), the branches in this order
    Source: Szegedy et al., "Going deeper with convolutions", 2015, figure 2a.
    """

    def __init__(self, in_channels, ones, threes, fives):
        super().__init__()
        ### BEGIN SOLUTION
        self.ones = nn.Sequential(nn.Conv2d(in_channels, ones, kernel_size=1), nn.ReLU())
        self.threes = nn.Sequential(nn.Conv2d(in_channels, threes, kernel_size=3, padding=1), nn.ReLU())
        self.fives = nn.Sequential(nn.Conv2d(in_channels, fives, kernel_size=5, padding=2), nn.ReLU())
        self.pool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return torch.cat([self.ones(x), self.threes(x), self.fives(x), self.pool(x)], dim=1)
        ### END SOLUTION
