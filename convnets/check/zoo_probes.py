"""Probes for lab 04: they make small nets, hand them to the learner's function, and return numbers. They hold no answer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import nn

ENTRIES = ("best", "beyond luck", "front")
WORDS = {"yes": 1.0, "no": 0.0}


def chain(channels: int, width: int, layers: int, *, batchnorm: bool = False, frozen: bool = False) -> nn.Module:
    """Convolutions 3×3 with `width` filters and ReLU, a pooling in the middle, a linear layer; frozen: the first one is not trained."""
    parts = []
    for i in range(layers):
        parts.append(nn.Conv2d(channels if i == 0 else width, width, 3, padding=1))
        parts += [nn.BatchNorm2d(width)] if batchnorm else []
        parts += [nn.ReLU()] + ([nn.MaxPool2d(2)] if i == 0 else [])
    if frozen:
        parts[0].requires_grad_(False)
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


def costs_of_chain(costs: Callable, chosen: dict, image_shape: tuple, **options) -> tuple:
    """What costs(net, image_shape) says of a chain with the chosen settings."""
    return costs(chain(**chosen), tuple(image_shape), **options)


def widest_chain(widest: Callable, chosen: dict, image_shape: tuple, budget: int, widths: tuple) -> int:
    """What widest answers for the family of chains whose other settings are chosen."""
    return widest(lambda width: chain(width=width, **chosen), tuple(image_shape), budget, list(widths))


def claims_and_race(conclusion: Callable) -> tuple | None:
    """What the learner claims and the numbers it rests on: number of the best net, beyond luck (1 or 0), whether each net is on the front (nets,), accuracy (nets, seeds), cost (nets,)."""
    answer = conclusion()
    if answer is None:
        return None
    if not isinstance(answer, tuple) or len(answer) != 3:
        raise ValueError("your function should return three things, the claims, the accuracies and the multiply-adds: leave its last line as it was")
    claims, accuracy, cost = answer
    names = tuple(conclusion.__globals__.get("NAMES", ()))
    if not isinstance(claims, dict) or [entry for entry in ENTRIES if entry not in claims]:
        raise ValueError(f"claims should be a dict with the entries {', '.join(ENTRIES)}")
    if claims["best"] not in names:
        raise ValueError(f'"best" should be one of {", ".join(names)}')
    if not isinstance(claims["beyond luck"], str) or claims["beyond luck"] not in WORDS:
        raise ValueError('"beyond luck" should be "yes" or "no"')
    front = claims["front"]
    if not isinstance(front, (list, tuple, set)) or not set(front) <= set(names):
        raise ValueError(f'"front" should be a list of names out of {", ".join(names)}')
    return names.index(claims["best"]), WORDS[claims["beyond luck"]], np.array([name in front for name in names]), np.asarray(accuracy), np.asarray(cost)
