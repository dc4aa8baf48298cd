"""ZFNet: AlexNet after a look inside."""

from collections import OrderedDict

from torch import nn


def zfnet(classes=1000, in_channels=3, filters=(96, 256, 512, 1024, 512), hidden=4096, dropout=0.5):
    """ZFNet: a finer first layer than AlexNet's, and one tower.

    conv1: 7×7, stride 2, padding 1. conv2: 5×5, stride 2, no padding. conv3, conv4, conv5: 3×3, padding 1. ReLU after each.
    Max pooling 3×3, stride 2, follows conv1, conv2 and conv5; its output size is rounded up (`ceil_mode=True`).
    LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2) follows the first and the second pooling.
    Then fc6 and fc7 with `hidden` outputs each, ReLU, then dropout; then fc8.

    classes, in_channels, hidden: int
    filters: five ints, of conv1 to conv5; (96, 256, 384, 384, 256) is the net of the paper's figure 3
    dropout: float, share of the outputs of fc6 and of fc7 that is switched off in training

    Returns an nn.Module: float tensor (N, in_channels, 224, 224) → logits (N, classes).
    Source: Zeiler, Fergus, "Visualizing and understanding convolutional networks", 2014, figure 3. It gives no constants for its contrast
    normalisation: these are AlexNet's.
    """
    ### BEGIN SOLUTION
    parts = OrderedDict()
    kernels = {1: (7, 2, 1), 2: (5, 2, 0), 3: (3, 1, 1), 4: (3, 1, 1), 5: (3, 1, 1)}
    for number, (kernel, stride, padding) in kernels.items():
        channels = filters[number - 1]
        parts[f"conv{number}"] = nn.Conv2d(in_channels, channels, kernel, stride=stride, padding=padding)
        parts[f"relu{number}"] = nn.ReLU()
        if number in (1, 2, 5):
            parts[f"pool{number}"] = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        if number in (1, 2):
            parts[f"norm{number}"] = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)
        in_channels = channels
    parts["flatten"] = nn.Flatten()
    parts["fc6"] = nn.Linear(in_channels * 6 * 6, hidden)
    parts["relu6"], parts["drop6"] = nn.ReLU(), nn.Dropout(dropout)
    parts["fc7"] = nn.Linear(hidden, hidden)
    parts["relu7"], parts["drop7"] = nn.ReLU(), nn.Dropout(dropout)
    parts["fc8"] = nn.Linear(hidden, classes)
    return nn.Sequential(parts)
    ### END SOLUTION
