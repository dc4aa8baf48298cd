"""Probes for networks and blocks written in PyTorch: they look at behaviour, never at names of attributes, and hold no answer.

Each takes the learner's class or function first, then plain data, then the learner's own arguments by keyword:

    @resnet.checks("50 layers", points=2, probe="convnets.check.network_probes:parameter_count")
    def _(rng):
        return case(depth=50)                                      # resnet(depth=50): 25,557,032

    @resnet.checks("logits with known weights", points=3, probe="convnets.check.network_probes:output")
    def _(rng):
        return case((2, 3, 40, 33), seed(rng), depth=18, width=4)  # noise of that shape from that seed

What costs nothing at full size: `parameter_count`, `parameter_sizes`, `output_shape`, `feature_sizes`, `convolutions`. They build
the net on PyTorch's meta device, which has shapes and no numbers. Code that needs numbers (`.item()`, `.tolist()`, NumPy) cannot run
there; it is then built in memory with its initialisation left out, and runs on zeros.

What needs numbers, so make it small by `width`, `classes`, `depth`, image size: `output`, `training_output`, `output_at_zero_weights`,
`parameters_without_gradient`, `random_in_training`, `alone_as_in_company`, `channel_dependence`, `receptive_field`.
`known_weights` fills parameters and running averages by their shape alone: two nets with the same layers give the same logits,
whatever the layers are called and in which order they were made. Dropout's masks are known, too, so training can be compared.

`loss_and_gradients` is for loss functions that take the outputs of such a net.

A net may return one tensor or several; several come back stacked (outputs, N, classes), their shapes as rows of one array.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from convnets.check.experiment_probes import to_single

NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm, nn.modules.instancenorm._InstanceNorm)


# --- building -----------------------------------------------------------------------------------------------------------


def built(make_net: Callable, options: dict) -> nn.Module:
    """make_net(**options). Raises TypeError when that is no `nn.Module`."""
    net = make_net(**options)
    if not isinstance(net, nn.Module):
        raise TypeError(f"a network is expected, a torch.nn.Module, but this is a {type(net).__name__}")
    return net


class NoInitialisation(TorchFunctionMode):
    """While it is active, weights are not drawn: they hold what happened to be in memory, and a large net costs nothing."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func.__name__ in ("uniform_", "normal_", "kaiming_uniform_", "kaiming_normal_", "xavier_uniform_", "xavier_normal_", "trunc_normal_"):
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def without_numbers(make_net: Callable, options: dict, look: Callable):
    """look(net, device) for a net on the meta device; for one in memory with arbitrary weights where the meta device does not do."""
    try:
        with torch.device("meta"):
            net = built(make_net, options)
            return look(net, "meta")
    except Exception:  # whatever the learner's code raises there, it gets a second chance in memory
        with NoInitialisation():
            net = built(make_net, options)
        return look(net, "cpu")


@lru_cache(maxsize=1024)
def values_for(shape: tuple, word: str) -> torch.Tensor:
    """Standard normal numbers that only the shape and the word decide. A linear layer over C·H·W inputs gets those of the convolution C×H×W."""
    flat = tuple(shape) if len(shape) < 2 else (shape[0], math.prod(shape[1:]))
    seed = list(hashlib.sha256(f"{word} {flat}".encode()).digest())
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(flat).reshape(tuple(shape)))


def known_weights(net: nn.Module) -> nn.Module:
    """Fill parameters and running averages with numbers that only their shape decides, of a size that keeps deep nets alive.

    Arrays of two and more axes get He's spread √(2 / inputs); scales of normalisation layers lie around 1, all other vectors around 0.
    """
    scales = {id(module.weight) for module in net.modules() if isinstance(module, NORMS) and module.weight is not None}
    with torch.no_grad():
        for parameter in net.parameters():
            values = values_for(parameter.shape, "scale" if id(parameter) in scales else "weight")
            spread = math.sqrt(2 / math.prod(parameter.shape[1:])) if parameter.ndim > 1 else 0.25
            parameter.copy_(spread * values + (id(parameter) in scales))
        for module in net.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats:
                module.running_mean.copy_(0.25 * values_for(module.running_mean.shape, "mean"))
                module.running_var.copy_(torch.exp(0.5 * values_for(module.running_var.shape, "variance")))
    return net


def seed(rng: np.random.Generator) -> int:
    """A number for a probe to draw its images from; for use in generators of cases."""
    return int(rng.integers(1 << 30))


def noise(shape: tuple, number: int) -> torch.Tensor:
    """Standard normal float32 numbers of that shape, decided by the seed `number`."""
    return torch.from_numpy(np.random.default_rng(number).standard_normal(tuple(shape), dtype=np.float32))


class KnownDropout(TorchFunctionMode):
    """While it is active, dropout in training uses a mask that only shape and share decide, so training gives the same numbers each time."""

    WHOLE_MAPS = ("dropout1d", "dropout2d", "dropout3d", "feature_dropout")

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = func.__name__.rstrip("_")
        if name != "dropout" and name not in self.WHOLE_MAPS:
            return func(*args, **(kwargs or {}))
        given = dict(zip(("input", "p", "training", "inplace"), args, strict=False)) | (kwargs or {})
        x, share = given["input"], given.get("p", 0.5)
        if not given.get("training", given.get("train", True)) or share == 0:
            return x
        drawn = x.shape if name == "dropout" else (*x.shape[:2], *(1 for _ in x.shape[2:]))
        kept = torch.special.ndtr(values_for(drawn, "dropout")) >= share
        return x * kept.to(x) / max(1 - share, 1e-9)


def stacked(outputs) -> torch.Tensor:
    """One output as it is, several of the same shape stacked."""
    return outputs if isinstance(outputs, torch.Tensor) else torch.stack(tuple(outputs))


# --- full size, no numbers ------------------------------------------------------------------------------------------------


def parameter_count(make_net: Callable, /, **options) -> int:
    """How many numbers the net learns."""
    return without_numbers(make_net, options, lambda net, device: sum(p.numel() for p in net.parameters()))


def parameter_sizes(make_net: Callable, /, **options) -> np.ndarray:
    """Number of elements of every parameter, sorted. Only where the text fixes the layers; else `parameter_count`."""
    return without_numbers(make_net, options, lambda net, device: np.array(sorted(p.numel() for p in net.parameters())))


def output_shape(make_net: Callable, shape: tuple, training: bool = False, /, **options) -> np.ndarray:
    """Shape of the output for an input of that shape, of several outputs a row for each."""

    def look(net, device):
        with torch.no_grad():
            outputs = net.train(training)(torch.zeros(shape, device=device))
        several = not isinstance(outputs, torch.Tensor)
        return np.array([tuple(tensor.shape) for tensor in outputs] if several else tuple(outputs.shape))

    return without_numbers(make_net, options, look)


class Watch(TorchDispatchMode):
    """Notes the shape of every new tensor, inside layers and between them, and the arguments of convolutions."""

    def __init__(self):
        super().__init__()
        self.results: list[tuple] = []
        self.convolutions: list[tuple] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if func._schema.name in ("aten::convolution", "aten::mkldnn_convolution"):
            weight = args[1]
            groups = args[8] if func._schema.name == "aten::convolution" else args[6]
            stride = args[3] if func._schema.name == "aten::convolution" else args[4]
            self.convolutions.append((weight.shape[1] * groups, weight.shape[0], *weight.shape[2:], stride[0], groups, *result.shape[-2:]))
        if not any(returned.alias_info for returned in func._schema.returns):  # views, such as slices, are no maps of their own
            tensors = result if isinstance(result, (tuple, list)) else [result]
            self.results += [tuple(tensor.shape) for tensor in tensors if isinstance(tensor, torch.Tensor)]
        return result


def watched(make_net: Callable, shape: tuple, options: dict, read: Callable):
    """read(watch) after one evaluation of the net at that shape."""

    def look(net, device):
        with torch.no_grad(), Watch() as watch:
            net.eval()(torch.zeros(shape, device=device))
        return read(watch)

    return without_numbers(make_net, options, look)


def feature_sizes(make_net: Callable, shape: tuple, /, **options) -> np.ndarray:
    """The sizes (height, width) that maps have on their way, without repetition, in order: [[28, 28], [14, 14], …].

    shape: (N, C, H, W). Operations between layers count as well, also a padding of their own. 1×1 is left out: global pooling by
    `mean` has no such maps.
    """

    def read(watch):
        return np.array(list(dict.fromkeys(s[2:] for s in watch.results if len(s) == 4 and s[0] == shape[0] and s[2:] != (1, 1))) or [(0, 0)])

    return watched(make_net, shape, options, read)


def convolutions(make_net: Callable, shape: tuple, /, **options) -> np.ndarray:
    """A row for each convolution, sorted: in_channels, out_channels, kernel height, width, stride, groups, output height, width.

    Only where the text fixes the convolutions: a Linear layer may stand for a 1×1 convolution elsewhere.
    """
    return watched(make_net, shape, options, lambda watch: np.array(sorted(watch.convolutions) or [(0,) * 8]))


# --- small nets, with numbers ---------------------------------------------------------------------------------------------


def output(make_net: Callable, shape: tuple, number: int, scale: float = 1.0, /, **options) -> np.ndarray:
    """What the net makes of noise of that shape, with known weights, in evaluation mode. scale: standard deviation of the noise."""
    x = scale * noise(shape, number)
    return to_single(partial(built, make_net, options), {}, lambda net, dtype: stacked(net.eval()(x.to(dtype))), known_weights)


def training_output(make_net: Callable, shape: tuple, number: int, /, **options) -> np.ndarray:
    """The same in training mode: BatchNorm by the batch's statistics, dropout (`nn.Dropout`, `F.dropout`) with known masks."""
    x = noise(shape, number)
    with KnownDropout():
        return to_single(partial(built, make_net, options), {}, lambda net, dtype: stacked(net.train()(x.to(dtype))), known_weights)


def output_at_zero_weights(make_net: Callable, shape: tuple, number: int, /, **options) -> np.ndarray:
    """What is left when every parameter is 0: of a residual block the shortcut, of a net nothing."""
    net = built(make_net, options).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        return stacked(net(noise(shape, number))).numpy()


def parameters_without_gradient(make_net: Callable, shape: tuple, number: int, /, **options) -> int:
    """How many parameters a loss on all outputs in training mode does not reach."""
    torch.manual_seed(0)
    net = known_weights(built(make_net, options)).train()
    with KnownDropout():
        outputs = net(noise(shape, number))
    mixed = sum((t * noise(t.shape, number + 1)).sum() for t in ([outputs] if isinstance(outputs, torch.Tensor) else outputs))
    if mixed.requires_grad:
        mixed.backward()
    return sum(p.grad is None or not bool(p.grad.abs().sum() > 0) for p in net.parameters())


def random_in_training(make_net: Callable, shape: tuple, number: int, /, **options) -> np.ndarray:
    """Whether two passes in training mode differ, and whether two passes in evaluation mode do."""
    torch.manual_seed(number)
    net, x = known_weights(built(make_net, options)), noise(shape, number)
    differ = []
    with torch.no_grad():
        for training in (True, False):
            net.train(training)
            one, other = stacked(net(x)).numpy(), stacked(net(x)).numpy()
            differ.append(not np.allclose(one, other, rtol=1e-4, atol=1e-5 * np.abs(one).max()))
    return np.array(differ)


def alone_as_in_company(make_net: Callable, shape: tuple, number: int, /, **options) -> bool:
    """Whether in evaluation mode the first image's answer is the same alone and in its batch. shape: N at least 2."""
    net, x = known_weights(built(make_net, options)).eval(), noise(shape, number)
    with torch.no_grad():
        company, alone = ((outputs if isinstance(outputs, torch.Tensor) else outputs[0])[:1].numpy() for outputs in (net(x), net(x[:1])))
    return company.shape == alone.shape and bool(np.allclose(company, alone, rtol=1e-3, atol=1e-4 * np.abs(company).max()))


def with_positive_weights(make_net: Callable, options: dict) -> nn.Module:
    """The net in evaluation mode with weights that are all positive, so that no ReLU cuts a path of a positive input."""
    net = known_weights(built(make_net, options)).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.abs_().add_(1e-3)
        for module in net.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats:
                module.running_mean.zero_()
    return net.double()


def channel_dependence(make_net: Callable, shape: tuple, /, **options) -> np.ndarray:
    """A matrix (output channels or classes, input channels): whether the one depends on the other. Shows groups. shape: (1, C, H, W)."""
    net, x = with_positive_weights(make_net, options), noise(shape, 0).abs().double().requires_grad_()
    totals = net(x).flatten(2).sum(dim=(0, 2)) if net(x).ndim > 2 else net(x).sum(dim=0)
    rows = [torch.autograd.grad(total, x, retain_graph=True)[0].abs().sum(dim=(0, 2, 3)) > 0 for total in totals]
    return torch.stack(rows).numpy()


def receptive_field(make_net: Callable, shape: tuple, /, **options) -> np.ndarray:
    """Height and width of the part of the input that the middle of the output map sees; for nets without max pooling."""
    net, x = with_positive_weights(make_net, options), noise(shape, 0).abs().double().requires_grad_()
    maps = net(x)
    maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2].sum().backward()
    seen = x.grad.abs().sum(dim=(0, 1)) > 0
    return np.array([np.ptp(np.flatnonzero(seen.any(dim=1 - axis).numpy())) + 1 for axis in (0, 1)])


def loss_and_gradients(loss: Callable, outputs: tuple | np.ndarray, labels: np.ndarray, /, **options) -> tuple:
    """(loss, its gradient with respect to the outputs, stacked) for outputs (N, classes): one array, or a tuple of several."""
    several = isinstance(outputs, (tuple, list))
    tensors = [torch.from_numpy(array).requires_grad_() for array in (outputs if several else [outputs])]
    value = loss(tuple(tensors) if several else tensors[0], torch.from_numpy(labels), **options)
    if isinstance(value, torch.Tensor) and value.requires_grad:
        value.sum().backward()
    return value, torch.stack([torch.zeros_like(t) if t.grad is None else t.grad for t in tensors])
