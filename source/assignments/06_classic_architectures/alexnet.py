"""AlexNet in its two forms: the original of 2012 on two GPUs, and the one tower that libraries ship."""

from collections import OrderedDict

from torch import nn


def alexnet(variant="one tower", classes=1000, in_channels=3, width=64, hidden=4096, dropout=0.5, small_images=False):
    """AlexNet: five convolutions, three fully connected layers, ReLU after each but the last.

    variant: "one tower" (Krizhevsky 2014, as in torchvision) or "two towers" (the paper of 2012)

    | | one tower | two towers |
    |---|---|---|
    | conv1, 11×11, stride 4 | 64 filters, padding 2 | 96 filters, padding 0 |
    | conv2, 5×5, padding 2 | 192 filters | 256 filters in 2 groups |
    | conv3, 3×3, padding 1 | 384 filters | 384 filters |
    | conv4, 3×3, padding 1 | 256 filters | 384 filters in 2 groups |
    | conv5, 3×3, padding 1 | 256 filters | 256 filters in 2 groups |
    | after ReLU 1 and ReLU 2, before the pooling | nothing | LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2) |

    Max pooling 3×3, stride 2, follows conv1, conv2 and conv5. Adaptive average pooling brings the maps to 6×6. Then fc6 and fc7 with `hidden`
    outputs each, ReLU, then dropout; then fc8.

    classes, in_channels, hidden: int
    width: int, filters of conv1 in one tower; every number of filters above is multiplied by width / 64
    dropout: float, share of the outputs of fc6 and of fc7 that is switched off in training
    small_images: True for images of 32×32 pixels: conv1 is 3×3 with stride 1 and padding 1, and the grid before fc6 is 3×3

    Returns an nn.Module: float tensor (N, in_channels, H, W) → logits (N, classes). H and W are 224 for one tower, 227 for two.
    Raises ValueError for another variant.
    """
    ### BEGIN SOLUTION
    if variant not in ("one tower", "two towers"):
        raise ValueError(f'variant must be "one tower" or "two towers", not {variant!r}')
    two = variant == "two towers"
    filters = [number * width // 64 for number in ((96, 256, 384, 384, 256) if two else (64, 192, 384, 256, 256))]
    groups = 2 if two else 1
    first = {"kernel_size": 3, "padding": 1} if small_images else {"kernel_size": 11, "stride": 4, "padding": 0 if two else 2}
    parts = OrderedDict()
    parts["conv1"] = nn.Conv2d(in_channels, filters[0], **first)
    parts["relu1"] = nn.ReLU()
    if two:
        parts["norm1"] = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)
    parts["pool1"] = nn.MaxPool2d(kernel_size=3, stride=2)
    parts["conv2"] = nn.Conv2d(filters[0], filters[1], kernel_size=5, padding=2, groups=groups)
    parts["relu2"] = nn.ReLU()
    if two:
        parts["norm2"] = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)
    parts["pool2"] = nn.MaxPool2d(kernel_size=3, stride=2)
    parts["conv3"] = nn.Conv2d(filters[1], filters[2], kernel_size=3, padding=1)
    parts["relu3"] = nn.ReLU()
    parts["conv4"] = nn.Conv2d(filters[2], filters[3], kernel_size=3, padding=1, groups=groups)
    parts["relu4"] = nn.ReLU()
    parts["conv5"] = nn.Conv2d(filters[3], filters[4], kernel_size=3, padding=1, groups=groups)
    parts["relu5"] = nn.ReLU()
    parts["pool5"] = nn.MaxPool2d(kernel_size=3, stride=2)
    grid = 3 if small_images else 6
    parts["grid"] = nn.AdaptiveAvgPool2d(grid)
    parts["flatten"] = nn.Flatten()
    parts["fc6"] = nn.Linear(filters[4] * grid * grid, hidden)
    parts["relu6"], parts["drop6"] = nn.ReLU(), nn.Dropout(dropout)
    parts["fc7"] = nn.Linear(hidden, hidden)
    parts["relu7"], parts["drop7"] = nn.ReLU(), nn.Dropout(dropout)
    parts["fc8"] = nn.Linear(hidden, classes)
    return nn.Sequential(parts)
    ### END SOLUTION
