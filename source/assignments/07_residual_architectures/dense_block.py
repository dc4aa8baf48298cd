"""DenseNet's blocks: every layer reads all that came before it, and adds a few channels."""

import torch
from torch import nn


class DenseBlock(nn.Module):
    """Layers that each append `growth` channels to what they read.

    One layer: BatchNorm, ReLU, 1×1 convolution to 4 · growth channels, BatchNorm, ReLU, 3×3 convolution (padding 1) to `growth` channels.
    No convolution has a bias. Layer i reads the block's input and the outputs of layers 0 … i − 1, in this order along the channels.

    in_channels: int; layers: int, number of layers; growth: int, channels that each layer appends

    forward: tensor (N, in_channels, H, W) → tensor (N, in_channels + layers · growth, H, W), the input's channels first

    Source: Huang, Liu, van der Maaten, Weinberger, "Densely connected convolutional networks", 2017 (DenseNet-B).
    """

    def __init__(self, in_channels, layers, growth=32):
        super().__init__()
        ### BEGIN SOLUTION
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(channels),
                nn.ReLU(),
                nn.Conv2d(channels, 4 * growth, kernel_size=1, bias=False),
                nn.BatchNorm2d(4 * growth),
                nn.ReLU(),
                nn.Conv2d(4 * growth, growth, kernel_size=3, padding=1, bias=False),
            )
            for channels in range(in_channels, in_channels + layers * growth, growth)
        )
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        for layer in self.layers:
            x = torch.cat([x, layer(x)], dim=1)
        return x
        ### END SOLUTION
