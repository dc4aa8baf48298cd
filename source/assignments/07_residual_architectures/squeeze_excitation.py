"""Squeeze-and-Excitation: look at the whole image, then turn each channel up or down."""

from torch import nn


class SqueezeExcitation(nn.Module):
    """Multiply every channel by a number between 0 and 1 that depends on all channels of the same image.

    channels: int, channels of the input and of the output
    reduction: int, the hidden layer has channels // reduction units
    squeezed: int, the number of hidden units, where it is not channels // reduction
    activation: class of the nonlinearity between the two layers: nn.ReLU, or nn.SiLU in EfficientNet

    forward: tensor (N, channels, H, W) → tensor of the same shape

    Both layers have a bias. Source: Hu, Shen, Sun, "Squeeze-and-excitation networks", 2018, sections 3.1 and 3.2.
    """

    def __init__(self, channels, reduction=16, squeezed=None, activation=nn.ReLU):
        super().__init__()
        ### BEGIN SOLUTION
        squeezed = squeezed or channels // reduction
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, kernel_size=1),
            activation(),
            nn.Conv2d(squeezed, channels, kernel_size=1),
            nn.Sigmoid(),
        )
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return x * self.gate(x)
        ### END SOLUTION
