"""The block of the shortcut study: He, Zhang, Ren and Sun, "Identity Mappings in Deep Residual Networks" (2016), table 1 and figure 2."""

import torch
from torch import nn
from torch.nn import functional as F

from .shortcut import make_shortcut

VARIANTS = ("identity", "scaled", "exclusive gate", "shortcut gate", "convolution", "dropout")


class StudyBlock(nn.Module):
    """ReLU(sum of what the shortcut carries and of F(x)), in six variants. F is that of a `BasicBlock`, s = `make_shortcut(…, "A")(x)`.

    "identity": s + F(x)                      "scaled": 0.5·s + 0.5·F(x)
    "exclusive gate": (1 − g)·s + g·F(x)      "shortcut gate": (1 − g)·s + F(x)
    "convolution": C(s) + F(x)                "dropout": s with dropout 0.5 (in training only) + F(x)
    g = sigmoid(1×1 convolution of s), with bias; C is a 1×1 convolution without bias, then BatchNorm. Both have `channels` channels in and out

    in_channels, channels, stride: as in `BasicBlock`. variant: one of VARIANTS. Only the layers that it needs are made
    gate_bias: float, value with which every bias of the gate's convolution starts

    forward: float tensor (N, in_channels, H, W) → (N, channels, ⌈H/stride⌉, ⌈W/stride⌉); the input is not modified. Another variant: ValueError
    """

    def __init__(self, in_channels, channels, stride=1, variant="identity", gate_bias=-6.0):
        super().__init__()
        ### BEGIN SOLUTION
        if variant not in VARIANTS:
            raise ValueError(f"variant is one of {', '.join(VARIANTS)}; got {variant!r}")
        self.variant = variant
        self.branch = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.shortcut = make_shortcut(in_channels, channels, stride, "A")
        if variant.endswith("gate"):
            self.gate = nn.Conv2d(channels, channels, 1)
            nn.init.constant_(self.gate.bias, gate_bias)
        elif variant == "convolution":
            self.shortcut = nn.Sequential(self.shortcut, nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        carried, made = self.shortcut(x), self.branch(x)
        if self.variant == "scaled":
            carried, made = 0.5 * carried, 0.5 * made
        elif self.variant == "dropout":
            carried = F.dropout(carried, 0.5, self.training)
        elif self.variant.endswith("gate"):
            gate = torch.sigmoid(self.gate(carried))
            carried = (1 - gate) * carried
            made = gate * made if self.variant == "exclusive gate" else made
        return torch.relu(carried + made)
        ### END SOLUTION
