"""SqueezeNet 1.0: the accuracy of AlexNet with a fiftieth of its weights."""

from collections import OrderedDict

from torch import nn

from .fire import Fire


def squeezenet(base=128, classes=1000, in_channels=3):
    """SqueezeNet 1.0.

    7×7 convolution, stride 2, no padding, 96 filters, ReLU; 3×3 max pooling, stride 2; Fire modules 2, 3, 4; the same pooling;
    Fire modules 5, 6, 7, 8; the same pooling; Fire module 9; dropout 0.5; 1×1 convolution to `classes` maps, ReLU; global average pooling.
    Every max pooling rounds its output size up (`ceil_mode=True`).

    base: int, channels that Fire modules 2 and 3 give; 4 and 5 give 2 · base, 6 and 7 give 3 · base, 8 and 9 give 4 · base.
        Of e channels, half come from the 1×1 and half from the 3×3 convolution; the squeezing convolution has e // 8 filters.
    classes, in_channels: int

    Returns an nn.Module: float tensor (N, in_channels, H, W), H and W at least 21 → logits (N, classes).
    """
    ### BEGIN SOLUTION
    parts = OrderedDict(conv1=nn.Sequential(nn.Conv2d(in_channels, 96, kernel_size=7, stride=2), nn.ReLU()))
    parts["pool1"] = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
    channels = 96
    for number in range(2, 10):
        out_channels = base * (number // 2)
        parts[f"fire{number}"] = Fire(channels, out_channels // 8, out_channels // 2, out_channels // 2)
        if number in (4, 8):
            parts[f"pool{number}"] = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        channels = out_channels
    parts["conv10"] = nn.Sequential(nn.Dropout(0.5), nn.Conv2d(channels, classes, kernel_size=1), nn.ReLU())
    parts["pool10"] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(parts)
    ### END SOLUTION
