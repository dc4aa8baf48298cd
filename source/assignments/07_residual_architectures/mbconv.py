"""MBConv: the block of MobileNetV2 and EfficientNet, wide inside and narrow outside."""

from torch import nn

from .squeeze_excitation import SqueezeExcitation


class MBConv(nn.Module):
    """Expand by 1×1, filter by depth, weigh the channels, project by 1×1, and add the input where the shapes allow it.

    With e = expansion · in_channels:
    1×1 convolution to e channels, BatchNorm, SiLU (all three left out when expansion is 1);
    depthwise convolution kernel×kernel with this stride and padding (kernel − 1)/2, BatchNorm, SiLU;
    `SqueezeExcitation` of the e channels with in_channels // 4 hidden units (at least 1) and SiLU between its layers;
    1×1 convolution to out_channels, BatchNorm, and no activation after it.
    The input is added when stride is 1 and in_channels equals out_channels. Only the two layers of SqueezeExcitation have a bias.

    in_channels, out_channels: int; kernel: odd int; stride: int; expansion: int

    forward: tensor (N, in_channels, H, W) → tensor (N, out_channels, ⌈H/stride⌉, ⌈W/stride⌉)

    Source: Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018; Tan, Le, "EfficientNet", 2019.
    """

    def __init__(self, in_channels, out_channels, kernel=3, stride=1, expansion=6):
        super().__init__()
        ### BEGIN SOLUTION
        expanded = expansion * in_channels
        widen = [nn.Conv2d(in_channels, expanded, kernel_size=1, bias=False), nn.BatchNorm2d(expanded), nn.SiLU()]
        self.body = nn.Sequential(
            *(widen if expansion != 1 else []),
            nn.Conv2d(expanded, expanded, kernel, stride=stride, padding=kernel // 2, groups=expanded, bias=False),
            nn.BatchNorm2d(expanded),
            nn.SiLU(),
            SqueezeExcitation(expanded, squeezed=max(1, in_channels // 4), activation=nn.SiLU),
            nn.Conv2d(expanded, out_channels, kernel_size=1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.skips = stride == 1 and in_channels == out_channels
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return x + self.body(x) if self.skips else self.body(x)
        ### END SOLUTION
