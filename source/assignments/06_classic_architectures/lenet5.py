"""LeNet-5: the pattern of 1998 in PyTorch's layers."""

from collections import OrderedDict

from torch import nn


def lenet5(classes=10, in_channels=1):
    """LeNet-5 with tanh and plain average pooling.

    C1: 5×5 convolution, 6 filters, tanh. S2: average pooling 2×2, stride 2. C3: 5×5 convolution, 16 filters that read all six maps, tanh.
    S4: as S2. C5: 5×5 convolution, 120 filters, tanh. F6: linear layer, 84 outputs, tanh. Output: linear layer. No convolution has padding.

    classes, in_channels: int

    Returns an nn.Module: float tensor (N, in_channels, 32, 32) → logits (N, classes).
    Source: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998, section II. Its trainable
    subsampling, its sparse C3 and its distances to fixed pictures are built in chapter 08.
    """
    ### BEGIN SOLUTION
    parts = OrderedDict()
    parts["C1"], parts["tanh1"] = nn.Conv2d(in_channels, 6, kernel_size=5), nn.Tanh()
    parts["S2"] = nn.AvgPool2d(kernel_size=2)
    parts["C3"], parts["tanh3"] = nn.Conv2d(6, 16, kernel_size=5), nn.Tanh()
    parts["S4"] = nn.AvgPool2d(kernel_size=2)
    parts["C5"], parts["tanh5"] = nn.Conv2d(16, 120, kernel_size=5), nn.Tanh()
    parts["flatten"] = nn.Flatten()
    parts["F6"], parts["tanh6"] = nn.Linear(120, 84), nn.Tanh()
    parts["output"] = nn.Linear(84, classes)
    return nn.Sequential(parts)
    ### END SOLUTION
