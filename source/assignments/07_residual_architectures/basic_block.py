"""The residual block of two 3×3 convolutions: He, Zhang, Ren and Sun (2015), figure 5, left."""

import torch
from torch import nn

from .shortcut import make_shortcut


class BasicBlock(nn.Module):
    """ReLU(F(x) + shortcut(x)), where F is convolution 3×3, BatchNorm, ReLU, convolution 3×3, BatchNorm.

    in_channels, channels: int, channels of the input and of the output. Convolutions have padding 1 and no bias
    stride: int, of the first convolution and of the shortcut. option: "A" or "B", see `make_shortcut`
    residual: bool; False leaves the shortcut and the addition out: ReLU(F(x)), with no parameters for a shortcut
    zero_init: bool; True lets the scale (weight) of the last BatchNorm start at 0 instead of 1, so that F(x) = 0 at the start

    forward: float tensor (N, in_channels, H, W) → (N, channels, ⌈H/stride⌉, ⌈W/stride⌉); the input is not modified
    """

    def __init__(self, in_channels, channels, stride=1, option="B", residual=True, zero_init=False):
        super().__init__()
        ### BEGIN SOLUTION
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = make_shortcut(in_channels, channels, stride, option) if residual else None
        if zero_init:
            nn.init.zeros_(self.bn2.weight)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        out = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        if self.shortcut is not None:
            out = out + self.shortcut(x)
        return torch.relu(out)
        ### END SOLUTION
