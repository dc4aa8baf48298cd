"""The Inception module with 1×1 bottlenecks, and the layer that it is made of."""

import torch
from torch import nn


def convolution(in_channels, out_channels, kernel_size, variant="original", stride=1):
    """One convolution of GoogLeNet, with padding that keeps the size at stride 1: the original has a bias, torchvision's has BatchNorm."""
    if variant == "original":
        return nn.Sequential(nn.Conv2d(in_channels, out_channels, kernel_size, stride=stride, padding=kernel_size // 2), nn.ReLU())
    layer = nn.Conv2d(in_channels, out_channels, kernel_size, stride=stride, padding=kernel_size // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(out_channels, eps=1e-3), nn.ReLU())


class Inception(nn.Module):
    """Four branches side by side; a 1×1 convolution makes the input of the large kernels thin.

    in_channels: int
    ones: int, filters of the first branch, a 1×1 convolution
    threes_in, threes: int, filters of the second branch: 1×1, then 3×3 (padding 1)
    fives_in, fives: int, filters of the third branch: 1×1, then 5×5 (padding 2)
    pooled: int, filters of the fourth branch: max pooling 3×3 (stride 1, padding 1), then 1×1
    variant: "original", or "torchvision": there the third branch ends in a 3×3 convolution as well, and `convolution` has BatchNorm

    Make each convolution by `convolution(…, variant)`: its ReLU is part of it.

    forward: tensor (N, in_channels, H, W) → tensor (N, ones + threes + fives + pooled, H, W), the branches in this order
    Source: Szegedy et al., "Going deeper with convolutions", 2015, figure 2b.
    """

    def __init__(self, in_channels, ones, threes_in, threes, fives_in, fives, pooled, variant="original"):
        super().__init__()
        ### BEGIN SOLUTION
        large = 5 if variant == "original" else 3
        self.ones = convolution(in_channels, ones, 1, variant)
        self.threes = nn.Sequential(convolution(in_channels, threes_in, 1, variant), convolution(threes_in, threes, 3, variant))
        self.fives = nn.Sequential(convolution(in_channels, fives_in, 1, variant), convolution(fives_in, fives, large, variant))
        self.pooled = nn.Sequential(nn.MaxPool2d(kernel_size=3, stride=1, padding=1), convolution(in_channels, pooled, 1, variant))
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return torch.cat([self.ones(x), self.threes(x), self.fives(x), self.pooled(x)], dim=1)
        ### END SOLUTION
