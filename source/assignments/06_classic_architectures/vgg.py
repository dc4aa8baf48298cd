"""VGG: one kind of layer, many times."""

from collections import OrderedDict

from torch import nn


def vgg(depth=16, classes=1000, in_channels=3, width=64, hidden=4096, image_size=224, batchnorm=False, dropout=0.5):
    """VGG with 11, 13, 16 or 19 layers that have weights.

    Five stages of 3×3 convolutions with padding 1, each followed by a ReLU; after each stage max pooling 2×2, stride 2. The stages have
    1 · width, 2 · width, 4 · width, 8 · width and 8 · width filters. Convolutions in the five stages:
    (1, 1, 2, 2, 2) for depth 11, (2, 2, 2, 2, 2) for 13, (2, 2, 3, 3, 3) for 16, (2, 2, 4, 4, 4) for 19.
    Adaptive average pooling then brings the maps to image_size // 32 rows and columns, at least 1.
    At last fc6 and fc7 with `hidden` outputs each, ReLU, then dropout; and fc8.

    classes, in_channels, width, hidden: int
    image_size: int, side of the images in pixels; images of another size from 32 on are taken, too
    batchnorm: True puts an nn.BatchNorm2d between each convolution and its ReLU; the convolutions keep their bias
    dropout: float, share of the outputs of fc6 and of fc7 that is switched off in training

    Returns an nn.Module: float tensor (N, in_channels, H, W) → logits (N, classes). Raises ValueError for another depth.
    Source: Simonyan, Zisserman, "Very deep convolutional networks for large-scale image recognition", 2015, table 1: A, B, D, E.
    """
    ### BEGIN SOLUTION
    counts = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
    if depth not in counts:
        raise ValueError(f"depth must be 11, 13, 16 or 19, not {depth!r}")
    parts, channels = OrderedDict(), in_channels
    for stage, (count, times) in enumerate(zip(counts[depth], (1, 2, 4, 8, 8), strict=True), 1):
        layers = OrderedDict()
        for number in range(1, count + 1):
            layers[f"conv{number}"] = nn.Conv2d(channels, times * width, kernel_size=3, padding=1)
            channels = times * width
            if batchnorm:
                layers[f"norm{number}"] = nn.BatchNorm2d(channels)
            layers[f"relu{number}"] = nn.ReLU()
        layers["pool"] = nn.MaxPool2d(kernel_size=2)
        parts[f"stage{stage}"] = nn.Sequential(layers)
    grid = max(1, image_size // 32)
    parts["grid"] = nn.AdaptiveAvgPool2d(grid)
    head = OrderedDict(flatten=nn.Flatten())
    head["fc6"] = nn.Linear(channels * grid * grid, hidden)
    head["relu6"], head["drop6"] = nn.ReLU(), nn.Dropout(dropout)
    head["fc7"] = nn.Linear(hidden, hidden)
    head["relu7"], head["drop7"] = nn.ReLU(), nn.Dropout(dropout)
    head["fc8"] = nn.Linear(hidden, classes)
    parts["head"] = nn.Sequential(head)
    return nn.Sequential(parts)
    ### END SOLUTION
