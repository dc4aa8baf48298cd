"""EfficientNet: seven stages of MBConv, and what compound scaling makes of them."""

from collections import OrderedDict

from torch import nn

from .mbconv import MBConv
from .scale_stage import scale_stage

STAGES = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1))


def efficientnet(width=1.0, depth=1.0, classes=1000, in_channels=3):
    """EfficientNet-B0, scaled by `width` and `depth`.

    Stem: 3×3 convolution, stride 2, padding 1, to 32 · width channels, BatchNorm, SiLU. Then the seven rows of STAGES, each
    (expansion, kernel, stride, channels, layers) of one stage of `MBConv`; only the first block of a stage has the stage's stride.
    Head: 1×1 convolution to four times the channels of the last stage, BatchNorm, SiLU, global average pooling, dropout 0.2, linear
    layer. `scale_stage` rounds the channels of stem and stages, and the layers. Of stem and head only the linear layer has a bias.

    width, depth: float, factors of channels and layers
    classes, in_channels: int

    Returns an nn.Module: float tensor (N, in_channels, H, W) → logits (N, classes).
    Source: Tan, Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019, table 1. Stochastic depth, which
    its training recipe adds to every skip, is left out.
    """
    ### BEGIN SOLUTION
    channels, _ = scale_stage(32, 1, width)
    parts = OrderedDict(conv1=convolution(in_channels, channels, 3, stride=2))
    for number, (expansion, kernel, stride, out_channels, layers) in enumerate(STAGES, 1):
        out_channels, layers = scale_stage(out_channels, layers, width, depth)
        blocks = [MBConv(channels, out_channels, kernel, stride, expansion)]
        blocks += [MBConv(out_channels, out_channels, kernel, 1, expansion) for _ in range(layers - 1)]
        parts[f"stage{number}"] = nn.Sequential(*blocks)
        channels = out_channels
    parts["head"] = convolution(channels, 4 * channels, 1)
    parts["pool"] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2))
    parts["fc"] = nn.Linear(4 * channels, classes)
    return nn.Sequential(parts)
    ### END SOLUTION


def convolution(in_channels, out_channels, kernel, stride=1):
    """Convolution without a bias, BatchNorm, SiLU."""
    layer = nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(out_channels), nn.SiLU())


def efficientnet_b0(classes=1000, in_channels=3):
    """The base net, for images of 224×224 pixels."""
    return efficientnet(1.0, 1.0, classes, in_channels)
