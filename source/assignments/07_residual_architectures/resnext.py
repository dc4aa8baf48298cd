"""ResNeXt: ResNet-50's plan with many narrow paths in each block."""

from .resnet import resnet


def resnext(depth=50, groups=32, base_width=4, classes=1000, in_channels=3, width=64):
    """ResNeXt: `resnet` whose blocks have `groups` paths, each of them base_width · channels/64 wide.

    depth: 50, 101 or 152
    groups: int, the cardinality C; base_width: int, the width d of one path in the first stage, where channels is 64
    classes, in_channels: int; width: int, channels of the stem, as in `resnet`

    Returns an nn.Module: float tensor (N, in_channels, H, W) → logits (N, classes). Raises ValueError for a depth below 50, where
    the blocks have no 3×3 convolution between two 1×1 convolutions.

    Source: Xie, Girshick, Dollár, Tu, He, "Aggregated residual transformations for deep neural networks", 2017, table 1.
    """
    ### BEGIN SOLUTION
    if depth < 50:
        raise ValueError(f"ResNeXt is made of bottleneck blocks: depth is 50, 101 or 152, got {depth}")
    return resnet(depth, classes=classes, in_channels=in_channels, width=width, groups=groups, base_width=base_width)
    ### END SOLUTION
