"""The ResNets for CIFAR-10: He, Zhang, Ren and Sun (2015), section 4.2."""

from collections import OrderedDict
from functools import partial

from torch import nn

from .basic_block import BasicBlock


def cifar_resnet(depth, classes=10, shortcut="A", residual=True, width=16, in_channels=3, block=None):
    """A net of depth 6n + 2 for small images: one convolution, three stages of n blocks, one linear layer.

    depth: int, 8, 14, 20, 26, …: convolutions on the main path and the linear layer, counted together
    classes: int, number of logits. in_channels: int, channels of the images
    shortcut: "A" or "B", for the two blocks where the size changes. residual: bool; False gives the plain net, without shortcuts
    width: int, channels of the first stage; the second has 2·width, the third 4·width
    block: None, for a `BasicBlock` with this shortcut and residual, or a function (in_channels, channels, stride) → nn.Module with
        `channels` output channels that makes all the blocks; shortcut and residual are not used then

    Returns an nn.Module: float tensor (N, in_channels, H, W) → logits (N, classes). Every convolution's weights are drawn by
    `nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu")`. Raises ValueError where depth is not 6n + 2 with n ≥ 1.
    """
    ### BEGIN SOLUTION
    blocks, rest = divmod(depth - 2, 6)
    if blocks < 1 or rest:
        raise ValueError(f"depth must be 6n + 2: 8, 14, 20, 26, …; got {depth}")
    make = block or partial(BasicBlock, option=shortcut, residual=residual)
    parts = OrderedDict(conv1=nn.Conv2d(in_channels, width, 3, padding=1, bias=False), bn1=nn.BatchNorm2d(width), relu1=nn.ReLU())
    before = width
    for stage, stride in ((1, 1), (2, 2), (3, 2)):
        channels = width * 2 ** (stage - 1)
        rest_of_stage = (make(channels, channels, 1) for _ in range(blocks - 1))
        parts[f"stage{stage}"] = nn.Sequential(make(before, channels, stride), *rest_of_stage)
        before = channels
    parts |= OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(before, classes))
    net = nn.Sequential(parts)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return net
    ### END SOLUTION
