"""Probes for lab 06: they hand tensors to the learner's function, run it, and return arrays. They hold no answer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

CLAIMS = {"helps": 1, "cannot tell": 0, "hurts": -1}
ENTRIES = ("verdicts", "total", "strongest")


def filters_of(whitening_filters: Callable, images: np.ndarray, options: dict) -> torch.Tensor:
    filters = whitening_filters(torch.from_numpy(images), **options)
    if not isinstance(filters, torch.Tensor) or filters.ndim != 4:
        raise ValueError(f"your function should return a tensor with four axes, got {getattr(filters, 'shape', type(filters).__name__)}")
    return filters.detach().double()


def filter_shape(whitening_filters: Callable, images: np.ndarray, **options) -> tuple:
    """Shape of the filters for images (N, C, H, W)."""
    return tuple(filters_of(whitening_filters, images, options).shape)


def filter_strengths(whitening_filters: Callable, images: np.ndarray, **options) -> np.ndarray:
    """The length of each filter (k,), in the order in which they were returned."""
    return filters_of(whitening_filters, images, options).flatten(1).norm(dim=1).numpy()


def weights_without_signs(whitening_filters: Callable, images: np.ndarray, **options) -> np.ndarray:
    """The absolute values of all weights of the filters (k, C, size, size): they do not depend on the signs that a library gives to eigenvectors."""
    return filters_of(whitening_filters, images, options).abs().numpy()


def responses(whitening_filters: Callable, images: np.ndarray, **options) -> np.ndarray:
    """How far each filter's response on each patch of the images lies from the response's mean, without its sign: (N, k, H', W')."""
    found = F.conv2d(torch.from_numpy(images).double(), filters_of(whitening_filters, images, options))
    return (found - found.mean(dim=(0, 2, 3), keepdim=True)).abs().numpy()


def loss_gradient(loss: Callable, logits: np.ndarray, labels: np.ndarray, **options) -> np.ndarray:
    """Gradient (N, K) of loss(logits, labels) with respect to the logits."""
    inputs = torch.from_numpy(logits).requires_grad_()
    value = loss(inputs, torch.from_numpy(labels), **options)
    if not isinstance(value, torch.Tensor) or not value.requires_grad:
        raise ValueError("no gradient can flow through what your function returned: return the tensor itself, without .item(), .detach() or NumPy")
    return torch.autograd.grad(value, inputs)[0].numpy()


def numbered_net(numbers: np.ndarray, counted: int) -> nn.Module:
    """A linear layer and a BatchNorm of two features whose parameters and running averages are these numbers (10,), and which has counted so many batches."""
    net = nn.Sequential(nn.Linear(1, 2, bias=False), nn.BatchNorm1d(2))
    with torch.no_grad():
        for i, tensor in enumerate([net[0].weight, net[1].weight, net[1].bias, net[1].running_mean, net[1].running_var]):
            tensor.copy_(torch.from_numpy(numbers[2 * i : 2 * i + 2]).reshape(tensor.shape))
    net[1].num_batches_tracked.fill_(counted)
    return net


def parts(*states: dict) -> tuple:
    """(parameters, running averages, counted batches) of state dictionaries of `numbered_net`, one after the other."""
    found = [[value.detach().double().flatten() for value in state.values()] for state in states]
    return tuple(torch.cat([value for values in found for value in values[part]]) for part in (slice(3), slice(3, 5), slice(5, 6)))


def averaged(average_update: Callable, start: np.ndarray, visits: np.ndarray, decay: float) -> tuple:
    """`parts` of the average after the net was at each of the visits (V, 10); the average starts as a copy of a net with the numbers start (10,)."""
    average = {name: value.clone() for name, value in numbered_net(start, 3).state_dict().items()}
    for i, visit in enumerate(visits):
        average_update(average, numbered_net(visit, 10 + i), decay)
    return parts(average)


def net_and_average(average_update: Callable, start: np.ndarray, visit: np.ndarray, decay: float) -> tuple:
    """`parts` of the average and of the net after one update."""
    average = {name: value.clone() for name, value in numbered_net(start, 3).state_dict().items()}
    net = numbered_net(visit, 10)
    average_update(average, net, decay)
    return parts(average, net.state_dict())


def average_after_training_on(average_update: Callable, start: np.ndarray, visit: np.ndarray, decay: float) -> tuple:
    """`parts` of the average when all numbers of the net change after the update."""
    average = {name: value.clone() for name, value in numbered_net(start, 3).state_dict().items()}
    net = numbered_net(visit, 10)
    average_update(average, net, decay)
    with torch.no_grad():
        for value in net.state_dict().values():
            value.add_(5)
    return parts(average)


def claims_and_ladder(conclusion: Callable) -> tuple | None:
    """What the learner claims and the table it rests on: verdicts (rungs − 1,) as 1, 0 and −1, total, number of the strongest rung from 1, table (rungs, seeds)."""
    answer = conclusion()
    if answer is None:
        return None
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise ValueError("your function should return two things, the claims and the results: leave its last line as it was")
    claims, table = answer
    if not isinstance(claims, dict) or [name for name in ENTRIES if name not in claims]:
        raise ValueError(f"claims should be a dict with the entries {', '.join(ENTRIES)}")
    tricks = tuple(conclusion.__globals__.get("TRICKS", ()))
    verdicts = claims["verdicts"]
    if not isinstance(verdicts, dict) or set(verdicts) != set(tricks) or not all(isinstance(word, str) and word in CLAIMS for word in verdicts.values()):
        raise ValueError(f'"verdicts" should be a dict that gives each of {", ".join(tricks)} one of the words {", ".join(CLAIMS)}')
    if claims["strongest"] not in tricks:
        raise ValueError(f'"strongest" should be one of {", ".join(tricks)}')
    try:
        total = float(claims["total"])
    except (TypeError, ValueError) as error:
        raise ValueError(f'"total" should be a number, and is a {type(claims["total"]).__name__}') from error
    return np.array([CLAIMS[verdicts[name]] for name in tricks]), total, tricks.index(claims["strongest"]) + 1, np.asarray(table)
