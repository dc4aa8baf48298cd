"""SE-ResNet: a ResNet whose blocks weigh their channels before they add them."""

from torch import nn

from .bottleneck import Bottleneck
from .resnet import resnet
from .squeeze_excitation import SqueezeExcitation


def se_resnet(depth=50, reduction=16, classes=1000, in_channels=3, width=64):
    """`resnet` of depth 50, 101 or 152 with a `SqueezeExcitation` at the end of each residual branch.

    It stands after the branch's last BatchNorm and before the addition: ReLU(SE(F(x)) + shortcut(x)). It has no part in the shortcut.

    depth: 50, 101 or 152; reduction: int, for every `SqueezeExcitation`
    classes, in_channels, width: int, as in `resnet`

    Returns an nn.Module: float tensor (N, in_channels, H, W) → logits (N, classes).
    Source: Hu, Shen, Sun, "Squeeze-and-excitation networks", 2018, figure 3 and table 1.
    """
    ### BEGIN SOLUTION
    net = resnet(depth, classes=classes, in_channels=in_channels, width=width)
    for block in net.modules():
        if isinstance(block, Bottleneck):
            block.bn3 = nn.Sequential(block.bn3, SqueezeExcitation(block.bn3.num_features, reduction))
    return net
    ### END SOLUTION
