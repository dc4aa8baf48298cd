"""The residual block of ResNet-50 and deeper: He, Zhang, Ren and Sun (2015), figure 5, right; stride and groups as in torchvision."""

import torch
from torch import nn

from .shortcut import make_shortcut


class Bottleneck(nn.Module):
    """ReLU(F(x) + shortcut(x)), where F is 1×1, 3×3 and 1×1 convolution, each with BatchNorm, and a ReLU after the first two.

    in_channels: int, channels of the input. channels: int; the output has 4·channels
    stride: int, of the 3×3 convolution and of the shortcut (option "B"). groups: int, of the 3×3 convolution
    base_width: int; the 3×3 convolution has channels·base_width/64·groups channels in and out (just `channels` by default)
    zero_init: bool; True lets the scale (weight) of the last BatchNorm start at 0 instead of 1

    forward: float tensor (N, in_channels, H, W) → (N, 4·channels, ⌈H/stride⌉, ⌈W/stride⌉); the input is not modified
    """

    def __init__(self, in_channels, channels, stride=1, groups=1, base_width=64, zero_init=False):
        super().__init__()
        ### BEGIN SOLUTION
        width, out_channels = channels * base_width // 64 * groups, 4 * channels
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.shortcut = make_shortcut(in_channels, out_channels, stride)
        if zero_init:
            nn.init.zeros_(self.bn3.weight)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        out = torch.relu(self.bn1(self.conv1(x)))
        out = torch.relu(self.bn2(self.conv2(out)))
        return torch.relu(self.bn3(self.conv3(out)) + self.shortcut(x))
        ### END SOLUTION
