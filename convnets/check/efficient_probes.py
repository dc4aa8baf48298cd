"""Probes for the nets after ResNet: as `network_probes`, but a Linear layer and a 1×1 convolution count as the same layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import nn

from convnets.check.experiment_probes import to_single
from convnets.check.network_probes import built, known_weights, noise, values_for


def known_or_linear(net: nn.Module) -> nn.Module:
    """`known_weights`, with the weights of a 1×1 convolution (D, C, 1, 1) like those of a Linear layer (D, C)."""
    known_weights(net)
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.ndim == 4 and parameter.shape[2:] == (1, 1):
                values = values_for(parameter.shape[:2], "weight").reshape(parameter.shape)
                parameter.copy_(math.sqrt(2 / parameter.shape[1]) * values)
    return net


def output(make_net: Callable, shape: tuple, number: int, /, **options) -> np.ndarray:
    """What the net makes of noise of that shape from that seed, with known weights, in evaluation mode, as float32."""
    x = noise(shape, number)
    return to_single(partial(built, make_net, options), {}, lambda net, dtype: net.eval()(x.to(dtype)), known_or_linear)


def output_with_silu(make_net: Callable, shape: tuple, number: int, /, **options) -> np.ndarray:
    """`output` of a module that takes the class of its activation, with nn.SiLU."""
    return output(make_net, shape, number, activation=nn.SiLU, **options)


def on_tensors(function: Callable, *arrays: np.ndarray, **options) -> np.ndarray:
    """What a function of tensors gives for these arrays, as float32."""
    with torch.no_grad():
        return function(*(torch.from_numpy(array) for array in arrays), **options).float().numpy()
