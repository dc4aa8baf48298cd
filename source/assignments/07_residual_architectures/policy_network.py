"""AlphaGo's policy network: a probability for every point of the board, by convolutions alone."""

import torch
from torch import nn


def policy_network(planes=48, filters=192, layers=12, size=19):
    """The policy network of AlphaGo.

    A 5×5 convolution (padding 2) and `layers` − 1 convolutions 3×3 (padding 1), all with `filters` filters, a bias and a ReLU; then one 1×1
    filter without a bias; then each of the size · size points has a bias of its own, one parameter of shape (size²,); then softmax over the points.

    planes: int, planes of the input; filters: int; layers: int, convolutions before the 1×1 filter; size: int, side of the board

    Returns an nn.Module: float tensor (N, planes, size, size) → probabilities (N, size, size) that sum to 1 over each board.
    Source: Silver et al., "Mastering the game of Go with deep neural networks and tree search", 2016, Methods.
    """
    ### BEGIN SOLUTION
    parts = [nn.Conv2d(planes, filters, kernel_size=5, padding=2), nn.ReLU()]
    for _ in range(layers - 1):
        parts += [nn.Conv2d(filters, filters, kernel_size=3, padding=1), nn.ReLU()]
    parts += [nn.Conv2d(filters, 1, kernel_size=1, bias=False), nn.Flatten(), PointBias(size * size)]
    return nn.Sequential(*parts, nn.Softmax(dim=1), nn.Unflatten(1, (size, size)))
    ### END SOLUTION


class PointBias(nn.Module):
    """Add a number of its own to each of so many points."""

    def __init__(self, points):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(points))

    def forward(self, x):
        return x + self.bias
