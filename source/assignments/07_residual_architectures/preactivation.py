"""The pre-activation block: He, Zhang, Ren and Sun, "Identity Mappings in Deep Residual Networks" (2016), figure 4(e)."""

import torch
from torch import nn


class PreActivationBlock(nn.Module):
    """BatchNorm and ReLU before each convolution, and nothing after the addition.

    With a = ReLU(BatchNorm(x)) the block returns convolution 3×3(ReLU(BatchNorm(convolution 3×3(a)))) + shortcut. The shortcut is x itself
    where the shape stays; where channels or size change, it is a 1×1 convolution of a, without BatchNorm.
    in_channels, channels: int, channels of the input and of the output. Convolutions have no bias
    stride: int, of the first convolution and of the shortcut

    forward: float tensor (N, in_channels, H, W) → (N, channels, ⌈H/stride⌉, ⌈W/stride⌉); the input is not modified
    """

    def __init__(self, in_channels, channels, stride=1):
        super().__init__()
        ### BEGIN SOLUTION
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        changes = stride != 1 or in_channels != channels
        self.projection = nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False) if changes else None
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        a = torch.relu(self.bn1(x))
        carried = x if self.projection is None else self.projection(a)
        return self.conv2(torch.relu(self.bn2(self.conv1(a)))) + carried
        ### END SOLUTION
