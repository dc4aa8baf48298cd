"""A classifier half way up GoogLeNet, so that the gradient has a short way to the early layers."""

from torch import nn

from .inception import convolution


class AuxiliaryHead(nn.Module):
    """Average pooling to 4×4, a 1×1 convolution, and two fully connected layers.

    Average pooling 5×5, stride 3 (variant "torchvision": adaptive average pooling to 4×4); `convolution` 1×1 with 2 · width filters;
    a linear layer with 16 · width outputs, ReLU, dropout; a linear layer to the classes.

    in_channels, classes: int
    width: int, 64 in GoogLeNet
    variant: "original" or "torchvision", for the pooling and for `convolution`
    dropout: float, share of the outputs of the first linear layer that is switched off in training

    forward: tensor (N, in_channels, 14, 14) → logits (N, classes); "torchvision" takes maps of any size
    Source: Szegedy et al., "Going deeper with convolutions", 2015, section 5.
    """

    def __init__(self, in_channels, classes, width=64, variant="original", dropout=0.7):
        super().__init__()
        ### BEGIN SOLUTION
        self.pool = nn.AvgPool2d(kernel_size=5, stride=3) if variant == "original" else nn.AdaptiveAvgPool2d(4)
        self.conv = convolution(in_channels, 2 * width, 1, variant)
        self.fc1 = nn.Linear(2 * width * 4 * 4, 16 * width)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(16 * width, classes)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        x = self.conv(self.pool(x)).flatten(1)
        return self.fc2(self.dropout(self.relu(self.fc1(x))))
        ### END SOLUTION
