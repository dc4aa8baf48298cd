"""Probes for PyTorch exercises: they run where the student's code lives, call it, and return arrays. They hold no answer."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import numpy as np
import torch
import torch._dynamo  # optimizers import it at their first step, which would count for that check's time limit
from torch import nn

from convnets.data import load_fashion_mnist


def set_known_weights(net: nn.Module) -> nn.Module:
    """Fill every parameter with numbers that only its shape decides, so that names and order in the net do not matter."""
    with torch.no_grad():
        for parameter in net.parameters():
            seed = list(hashlib.sha256(repr(tuple(parameter.shape)).encode()).digest())
            values = np.random.default_rng(seed).standard_normal(parameter.shape)
            fan_in = math.prod(parameter.shape[1:])
            parameter.copy_(torch.from_numpy(values / math.sqrt(fan_in)))
    return net


def logits(make_net: Callable, x: np.ndarray, **options) -> np.ndarray:
    """Logits (N, classes) of make_net(**options) with known weights, in evaluation mode, for x (N, C, H, W)."""
    torch.manual_seed(0)
    with torch.no_grad():
        return set_known_weights(make_net(**options)).eval()(torch.from_numpy(x).float()).numpy()


def output_shape(make_net: Callable, shape: tuple) -> tuple:
    """Shape of the output for an input of that shape."""
    with torch.no_grad():
        return tuple(make_net().eval()(torch.zeros(shape)).shape)


def parameter_sizes(make_net: Callable) -> np.ndarray:
    """Number of elements of every parameter, sorted."""
    return np.array(sorted(p.numel() for p in make_net().parameters()))


def gradients_arrive(make_net: Callable, x: np.ndarray) -> np.ndarray:
    """For every parameter, in order of size, whether a loss on x moves it."""
    net = set_known_weights(make_net())
    net(torch.from_numpy(x).float()).pow(2).sum().backward()
    parameters = sorted(net.parameters(), key=torch.numel)
    return np.array([p.grad is not None and bool(p.grad.abs().sum() > 0) for p in parameters])


def small_net(kind: str, features: int, classes: int) -> nn.Module:
    """A net with known weights in double precision: "linear", or "batchnorm", which tells training from evaluation."""
    layers = [nn.Flatten(), *([nn.BatchNorm1d(features)] if kind == "batchnorm" else []), nn.Linear(features, classes)]
    return set_known_weights(nn.Sequential(*layers).double())


def one_epoch(train_epoch: Callable, kind: str, x: np.ndarray, labels: np.ndarray, order: np.ndarray, batch_size: int) -> tuple:
    """(returned loss, all weights afterwards) of train_epoch on a small net that was left in evaluation mode."""
    net = small_net(kind, x[0].size, int(labels.max()) + 1).eval()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    loss = train_epoch(net, torch.from_numpy(x), torch.from_numpy(labels), optimizer, torch.from_numpy(order), batch_size)
    return loss, torch.cat([p.detach().flatten() for p in net.parameters()])


def classes_of_small_net(classify: Callable, kind: str, images: np.ndarray) -> np.ndarray:
    """What classify answers for uint8 images (N, H, W) with a small float32 net that was left in training mode."""
    net = small_net(kind, images[0].size, 10).float().train()
    return classify(images, net)


def classes_of_fashion(classify: Callable, images: np.ndarray) -> np.ndarray:
    """What classify answers, with the learner's own trained net, for images (N, 28, 28), or for these rows (N,) of the shipped test images."""
    return classify(load_fashion_mnist().test_images[images] if images.ndim == 1 else images)
