"""DenseNet-121 and its deeper relatives, for images of 224×224 pixels."""

from collections import OrderedDict

from torch import nn

from .dense_block import DenseBlock


def densenet(depth=121, growth=32, stem=64, classes=1000, in_channels=3):
    """DenseNet with four dense blocks and three transitions (DenseNet-BC).

    Stem: 7×7 convolution, stride 2, padding 3, to `stem` channels, BatchNorm, ReLU, 3×3 max pooling, stride 2, padding 1.
    Then `DenseBlock`s; after each but the last one a transition: BatchNorm, ReLU, 1×1 convolution to half the channels (rounded down),
    2×2 average pooling, stride 2. At the end BatchNorm, ReLU, global average pooling, and a linear layer. Only that last layer has a bias.

    depth: 121, 169 or 201, with blocks of (6, 12, 24, 16), (6, 12, 32, 32) or (6, 12, 48, 32) layers
    growth: int, channels that each layer appends; stem: int, channels of the first convolution
    classes, in_channels: int

    Returns an nn.Module: float tensor (N, in_channels, H, W), H and W at least 32 → logits (N, classes).
    """
    ### BEGIN SOLUTION
    blocks = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}[depth]
    parts = OrderedDict(
        conv1=nn.Sequential(nn.Conv2d(in_channels, stem, kernel_size=7, stride=2, padding=3, bias=False), nn.BatchNorm2d(stem), nn.ReLU()),
        pool1=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
    )
    channels = stem
    for number, layers in enumerate(blocks, 1):
        parts[f"block{number}"] = DenseBlock(channels, layers, growth)
        channels += layers * growth
        if number < len(blocks):
            parts[f"transition{number}"] = nn.Sequential(
                nn.BatchNorm2d(channels),
                nn.ReLU(),
                nn.Conv2d(channels, channels // 2, kernel_size=1, bias=False),
                nn.AvgPool2d(kernel_size=2),
            )
            channels //= 2
    parts["norm"] = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU())
    parts["pool"] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    parts["fc"] = nn.Linear(channels, classes)
    return nn.Sequential(parts)
    ### END SOLUTION
