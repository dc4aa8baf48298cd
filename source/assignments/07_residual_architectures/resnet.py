"""The ResNets for ImageNet: He, Zhang, Ren and Sun (2015), table 1, with the stride in the 3×3 convolution as in torchvision."""

from collections import OrderedDict
from functools import partial

from torch import nn

from .basic_block import BasicBlock
from .bottleneck import Bottleneck

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def resnet(depth, classes=1000, in_channels=3, width=64, groups=1, base_width=64, zero_init=False):
    """ResNet-18, 34, 50, 101 or 152: a stem that divides the size by 4, four stages of BLOCKS[depth] blocks, one linear layer.

    depth: int; 18 and 34 are made of `BasicBlock`s with option "B", 50 and deeper of `Bottleneck`s
    classes: int, number of logits. in_channels: int, channels of the images
    width: int, channels of the stem; the blocks of the four stages get channels = width, 2·width, 4·width, 8·width
    groups, base_width: int, for each `Bottleneck`; not used by 18 and 34. zero_init: bool, for each block

    Returns an nn.Module: float tensor (N, in_channels, H, W) → logits (N, classes). Every convolution's weights are drawn by
    `nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu")`. Raises ValueError for another depth.
    """
    ### BEGIN SOLUTION
    if depth not in BLOCKS:
        raise ValueError(f"depth is one of {', '.join(map(str, BLOCKS))}, got {depth}")
    block = BasicBlock if depth < 50 else partial(Bottleneck, groups=groups, base_width=base_width)
    expansion = 1 if depth < 50 else 4
    parts = OrderedDict(
        conv1=nn.Conv2d(in_channels, width, 7, stride=2, padding=3, bias=False),
        bn1=nn.BatchNorm2d(width),
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(3, stride=2, padding=1),
    )
    before = width
    for stage, count in enumerate(BLOCKS[depth], 1):
        channels = width * 2 ** (stage - 1)
        first = block(before, channels, stride=1 if stage == 1 else 2, zero_init=zero_init)
        before = expansion * channels
        parts[f"stage{stage}"] = nn.Sequential(first, *(block(before, channels, zero_init=zero_init) for _ in range(count - 1)))
    parts |= OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(before, classes))
    net = nn.Sequential(parts)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return net
    ### END SOLUTION
