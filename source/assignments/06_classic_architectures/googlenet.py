"""GoogLeNet: nine Inception modules, two auxiliary heads, and no large fully connected layer."""

from torch import nn

from .auxiliary_head import AuxiliaryHead
from .inception import Inception, convolution

MODULES = {  # for width 64: ones, threes_in, threes, fives_in, fives, pooled; table 1 of the paper
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


class GoogLeNet(nn.Module):
    """The net that `googlenet` returns, with its arguments.

    Stem: `convolution` 7×7 with stride 2 and `width` filters; pooling; response normalisation; `convolution` 1×1 with `width` filters;
    `convolution` 3×3 with 3 · width filters; response normalisation; pooling. Then modules 3a, 3b, pooling, 4a to 4e, pooling, 5a, 5b;
    global average pooling, dropout, one linear layer. The heads read the outputs of 4a and 4d.

    Each pooling is max pooling 3×3 with stride 2 whose output size is rounded up (`ceil_mode=True`).
    Response normalisation is LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2), and nothing in variant "torchvision".
    """

    def __init__(self, classes, auxiliary, variant, in_channels, width, dropout, small_images):
        super().__init__()
        ### BEGIN SOLUTION
        original = variant == "original"

        def response_norm():
            return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2) if original else nn.Identity()

        def pooling(size=3):
            return nn.MaxPool2d(size, stride=2, ceil_mode=True)

        self.conv1 = convolution(in_channels, width, 3, variant) if small_images else convolution(in_channels, width, 7, variant, stride=2)
        self.pool1 = nn.Identity() if small_images else pooling()
        self.norm1 = response_norm()
        self.conv2 = convolution(width, width, 1, variant)
        self.conv3 = convolution(width, 3 * width, 3, variant)
        self.norm3 = response_norm()
        self.pool3 = pooling()
        channels = 3 * width
        for name, numbers in MODULES.items():
            ones, threes_in, threes, fives_in, fives, pooled = (number * width // 64 for number in numbers)
            setattr(self, f"inception{name}", Inception(channels, ones, threes_in, threes, fives_in, fives, pooled, variant))
            channels = ones + threes + fives + pooled
            if auxiliary and name in ("4a", "4d"):
                setattr(self, "aux1" if name == "4a" else "aux2", AuxiliaryHead(channels, classes, width, variant))
        self.pool4, self.pool5 = pooling(), pooling(3 if original else 2)
        self.auxiliary = auxiliary
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, classes)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        x = self.norm1(self.pool1(self.conv1(x)))
        x = self.pool3(self.norm3(self.conv3(self.conv2(x))))
        x = self.pool4(self.inception3b(self.inception3a(x)))
        x = first = self.inception4a(x)
        x = second = self.inception4d(self.inception4c(self.inception4b(x)))
        x = self.pool5(self.inception4e(x))
        x = self.inception5b(self.inception5a(x))
        logits = self.fc(self.dropout(self.flatten(self.average(x))))
        if self.training and self.auxiliary:
            return logits, self.aux1(first), self.aux2(second)
        return logits
        ### END SOLUTION


def googlenet(classes=1000, auxiliary=True, variant="original", in_channels=3, width=64, dropout=0.4, small_images=False):
    """GoogLeNet.

    classes, in_channels: int
    auxiliary: True for the two heads, after modules 4a and 4d. They speak in training only, and have a dropout of 0.7
    variant: "original" (the paper of 2014) or "torchvision": BatchNorm in place of bias and response normalisation, 3×3 in place of 5×5
        (both in `convolution` and `Inception`), pooling 2×2 in place of 3×3 before 5a, adaptive pooling in the heads
    width: int, a multiple of 8, filters of conv1; every number of filters, the heads' numbers included, is multiplied by width / 64
    dropout: float, between the global average pooling and the last linear layer
    small_images: True for images of 32×32 pixels: conv1 is 3×3 with stride 1, and the pooling after it is left out; with heads "torchvision" only

    Returns an nn.Module: float tensor (N, in_channels, 224, 224) → in training with heads (logits, aux1, aux2), else logits; each (N, classes).
    Source: Szegedy et al., "Going deeper with convolutions", 2015, table 1 and figure 3; the constants of the normalisation are AlexNet's.
    """
    return GoogLeNet(classes, auxiliary, variant, in_channels, width, dropout, small_images)
