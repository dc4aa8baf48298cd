"""MobileNet's block: a convolution taken apart into space and channels."""

from torch import nn


def depthwise_separable(in_channels, out_channels, stride=1):
    """A 3×3 convolution of each channel by itself, then a 1×1 convolution across the channels.

    in_channels, out_channels: int
    stride: int, of the 3×3 convolution, which has padding 1

    BatchNorm and ReLU follow each of the two convolutions; the convolutions have no bias.

    Returns an nn.Module: tensor (N, in_channels, H, W) → tensor (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉).
    Source: Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision applications", 2017, section 3.
    """
    ### BEGIN SOLUTION
    return nn.Sequential(
        nn.Conv2d(in_channels, in_channels, kernel_size=3, stride=stride, padding=1, groups=in_channels, bias=False),
        nn.BatchNorm2d(in_channels),
        nn.ReLU(),
        nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )
    ### END SOLUTION
