"""Probes for residual blocks and nets: they look at behaviour, never at names of attributes, and hold no answer. See `network_probes`."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from convnets.check.network_probes import NoInitialisation, built, known_weights, noise, output, parameter_count


def counts(make_net: Callable, depths: tuple, /, **options) -> np.ndarray:
    """Parameters of the nets of these depths."""
    with NoInitialisation():
        return np.array([parameter_count(make_net, depth=depth, **options) for depth in depths])


def gate_start(make_layer: Callable, shape: tuple, gate_bias: float, /, **options) -> np.ndarray:
    """Where the gates of a fresh layer stand for a layer whose matrices are 0: smallest and largest pre-activation, as multiples of gate_bias.

    The layer is then g·(something constant) + (1 − g)·x, so its answer to 1 minus its answer to 0 is 1 − g.
    """
    torch.manual_seed(0)
    layer = built(make_layer, {"gate_bias": gate_bias, **options}).eval().double()
    with torch.no_grad():
        for parameter in layer.parameters():
            if parameter.ndim > 1:
                parameter.zero_()
        ones = torch.ones(shape, dtype=torch.float64)
        gate = 1 - (layer(ones) - layer(0 * ones))
    gate = gate.clamp(1e-9, 1 - 1e-9)
    multiples = torch.log(gate / (1 - gate)) / gate_bias
    return np.round([multiples.min().item(), multiples.max().item()], 1) + 0.0


def zero_start(make_block: Callable, shape: tuple, number: int, /, **options) -> np.ndarray:
    """Of a fresh block on a positive input: whether it gives the input back, then how many of its parameters a loss reaches.

    First with zero_init=True, then as it is by default.
    """
    found = []
    for flag in ({"zero_init": True}, {}):
        torch.manual_seed(0)
        block, x = built(make_block, options | flag).train(), noise(shape, number).abs()
        y = block(x)
        (y * noise(y.shape, number + 1)).sum().backward()
        same = y.shape == x.shape and torch.allclose(y, x, atol=1e-6)
        found += [int(same), sum(p.grad is not None and bool(p.grad.abs().max() > 1e-6) for p in block.parameters())]
    return np.array(found)


def zero_scales(make_net: Callable, /, **options) -> int:
    """How many more vectors of parameters start as zeros with zero_init=True than without."""
    zeros = []
    for flag in (True, False):
        torch.manual_seed(0)
        net = built(make_net, options | {"zero_init": flag})
        zeros.append(sum(p.ndim == 1 and not bool(p.any()) for p in net.parameters()))
    return zeros[0] - zeros[1]


def spread_of_weights(make_net: Callable, /, **options) -> float:
    """Mean over the larger convolutions: standard deviation of the fresh weights, as a multiple of He's √(2 / fan-out)."""
    torch.manual_seed(0)
    weights = [p.detach() for p in built(make_net, options).parameters() if p.ndim == 4 and p.numel() >= 1000]
    return float(np.mean([w.std().item() * math.sqrt(w.shape[0] * w.shape[2] * w.shape[3] / 2) for w in weights]))


class StrangeBlock(nn.Module):
    """A block that nobody would write, to find out whether a net uses the block it was given."""

    def __init__(self, in_channels, channels, stride):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, 2, stride=stride, padding=1)

    def forward(self, x):
        return torch.cos(self.conv(x))


def output_with_strange_blocks(make_net: Callable, shape: tuple, number: int, /, **options) -> np.ndarray:
    """Logits of the net with known weights whose blocks are `StrangeBlock`s."""
    return output(make_net, shape, number, block=lambda in_channels, channels, stride=1: StrangeBlock(in_channels, channels, stride), **options)


def carried(make_block: Callable, channels: int, number: int, /, **options) -> np.ndarray:
    """What a block whose parameters are all 0 makes of ones.

    Smallest and largest value in evaluation, the same in training, share of zeros in training to one decimal, and whether both kinds of
    values occur within one map.
    """
    block = built(make_block, {"in_channels": channels, "channels": channels, **options})
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.zero_()
        ones = torch.ones(4, channels, 40, 40)
        at_rest = block.eval()(ones)
        torch.manual_seed(number)
        moving = block.train()(ones)
    mixed = bool((moving.amax(dim=(2, 3)) > moving.amin(dim=(2, 3))).any())
    limits = [v.item() for y in (at_rest, moving) for v in (y.min(), y.max())]
    return np.array([*limits, round((moving == 0).float().mean().item(), 1), mixed])


def passes(make_layer: Callable, shape: tuple, number: int, options: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """(x without zeros, what the layer makes of it in training in 60 passes)."""
    layer, x = built(make_layer, options).train(), noise(shape, number)
    x = torch.where(x.abs() < 0.1, torch.ones(()), x)
    torch.manual_seed(number)
    return x, torch.stack([layer(x) for _ in range(60)])


def fate_of_images(make_layer: Callable, shape: tuple, number: int, /, **options) -> np.ndarray:
    """Whether in training some images pass, some become 0, some do both in part, within one pass; and whether passes differ."""
    _, found = passes(make_layer, shape, number, options)
    zero = (found == 0).flatten(2)
    whole, none = zero.all(dim=2), ~zero.any(dim=2)
    within = (whole.any(dim=1) & none.any(dim=1)).any()
    return np.array([bool(none.any()), bool(whole.any()), bool((~whole & ~none).any()), bool(within), bool((zero != zero[:1]).any())])


def share_kept(make_layer: Callable, shape: tuple, number: int, /, **options) -> float:
    """Share of the numbers that the layer lets through in training, over 60 passes."""
    _, found = passes(make_layer, shape, number, options)
    return float((found != 0).float().mean())


def factor_of_kept(make_layer: Callable, shape: tuple, number: int, /, **options) -> float:
    """By what the layer multiplies what it lets through in training."""
    x, found = passes(make_layer, shape, number, options)
    return round(float((found / x)[found != 0].double().mean()), 5)


def as_it_came(make_layer: Callable, shape: tuple, number: int, training: bool, /, **options) -> np.ndarray:
    """What the layer makes of noise in evaluation or training."""
    torch.manual_seed(number)
    return known_weights(built(make_layer, options)).train(training)(noise(shape, number)).detach().numpy()
