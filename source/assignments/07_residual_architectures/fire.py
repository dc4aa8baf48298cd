"""SqueezeNet's Fire module."""

import torch
from torch import nn


class Fire(nn.Module):
    """A 1×1 convolution squeezes the channels; 1×1 and 3×3 convolutions, side by side, expand them again.

    in_channels: int
    squeeze: int, filters of the squeezing 1×1 convolution
    ones: int, filters of the expanding 1×1 convolution; threes: int, filters of the expanding 3×3 convolution (padding 1)

    forward: tensor (N, in_channels, H, W) → tensor (N, ones + threes, H, W), the 1×1 convolution's channels first

    Each of the three convolutions has a bias and is followed by a ReLU.
    Source: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size", 2016, section 3.2.
    """

    def __init__(self, in_channels, squeeze, ones, threes):
        super().__init__()
        ### BEGIN SOLUTION
        self.squeeze = nn.Sequential(nn.Conv2d(in_channels, squeeze, kernel_size=1), nn.ReLU())
        self.ones = nn.Sequential(nn.Conv2d(squeeze, ones, kernel_size=1), nn.ReLU())
        self.threes = nn.Sequential(nn.Conv2d(squeeze, threes, kernel_size=3, padding=1), nn.ReLU())
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        x = self.squeeze(x)
        return torch.cat([self.ones(x), self.threes(x)], dim=1)
        ### END SOLUTION
