"""Probes for lab 05: they build the learner's blocks, joins and nets, run them, and return arrays. They hold no answer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import nn

from convnets.check.experiment_probes import sizes, to_single
from convnets.check.torch_probes import gradients_arrive

COPIES = 20_000
KINDS = ("identity", "scaled", "exclusive gate", "shortcut gate", "convolution", "dropout")
CHANGES = {"rises": 1, "cannot tell": 0, "falls": -1}
LOWER = {"residual": 1, "cannot tell": 0, "plain": -1}


class Weighted(nn.Module):
    """A join with a weight for each channel."""

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: torch.Tensor, f: torch.Tensor) -> torch.Tensor:
        return self.weight * x + f


JOINS = {
    "plain": lambda channels: lambda x, f: f,
    "residual": lambda channels: torch.add,
    "shortcut": lambda channels: lambda x, f: x,
    "different": lambda channels: lambda x, f: 2 * x - f,
    "weighted": Weighted,
}


def recording(join: str) -> tuple[Callable, list[int]]:
    """(the join of that name, a list that gets the number of channels of every one that is made)."""
    asked = []

    def make(channels):
        asked.append(int(channels))
        return JOINS[join](channels)

    return make, asked


def tensors(*arrays: np.ndarray, dtype: torch.dtype) -> list[torch.Tensor]:
    return [torch.from_numpy(array).to(dtype) for array in arrays]


def block_output(make_block: Callable, x: np.ndarray, channels: int, stride: int, join: str) -> np.ndarray:
    """What Block(in_channels, channels, stride, join) makes of x (N, in_channels, H, W), in evaluation mode with known weights."""
    return to_single(lambda: make_block(x.shape[1], channels, stride, JOINS[join]), {}, lambda block, dtype: block.eval()(*tensors(x, dtype=dtype)))


def block_in_training(make_block: Callable, x: np.ndarray, channels: int, stride: int, join: str) -> np.ndarray:
    """The same in training mode."""
    return to_single(lambda: make_block(x.shape[1], channels, stride, JOINS[join]), {}, lambda block, dtype: block.train()(*tensors(x, dtype=dtype)))


def block_sizes(make_block: Callable, in_channels: int, channels: int, stride: int, join: str) -> np.ndarray:
    """Number of elements of every parameter of the block, sorted."""
    return sizes(lambda: make_block(in_channels, channels, stride, JOINS[join]))


def net_sizes(make_net: Callable, depth: int, join: str, **options) -> np.ndarray:
    """Number of elements of every parameter of make_net(depth, join), sorted."""
    return sizes(lambda: make_net(depth, JOINS[join], **options))


def net_logits(make_net: Callable, x: np.ndarray, depth: int, join: str, **options) -> np.ndarray:
    """Logits (N, classes) for x (N, C, H, W), in evaluation mode with known weights."""
    return to_single(lambda: make_net(depth, JOINS[join], **options), {}, lambda net, dtype: net.eval()(*tensors(x, dtype=dtype)))


def net_joins(make_net: Callable, depth: int, **options) -> np.ndarray:
    """For how many channels the net asks for joins, in the order in which it does."""
    join, asked = recording("residual")
    make_net(depth, join, **options)
    return np.array(asked)


def net_gradients(make_net: Callable, x: np.ndarray, depth: int, join: str, **options) -> np.ndarray:
    """For every parameter, in order of size, whether a loss on x moves it."""
    return gradients_arrive(lambda: make_net(depth, JOINS[join], **options), x)


def join_output(make_join: Callable, kind: str, x: np.ndarray, f: np.ndarray) -> np.ndarray:
    """What Join(kind, channels) makes of shortcut x and branch f, both (N, C, H, W), in evaluation mode with known weights."""
    return to_single(lambda: make_join(kind, x.shape[1]), {}, lambda join, dtype: join.eval()(*tensors(x, f, dtype=dtype)))


def joins_leave_inputs(make_join: Callable, x: np.ndarray, f: np.ndarray) -> np.ndarray:
    """For each kind, whether shortcut and branch are as they were after the join has seen them, in evaluation mode."""
    alone = []
    for kind in KINDS:
        shortcut, branch = tensors(x.copy(), f.copy(), dtype=torch.float32)
        with torch.no_grad():
            make_join(kind, x.shape[1]).eval()(shortcut, branch)
        alone.append(np.array_equal(shortcut.numpy(), x) and np.array_equal(branch.numpy(), f))
    return np.array(alone)


def join_parameters(make_join: Callable, channels: int) -> np.ndarray:
    """How many parameters a join of each kind has."""
    return np.array([sizes(partial(make_join, kind, channels)).sum() for kind in KINDS])


def join_at_the_start(make_join: Callable, kind: str, channels: int, *bias: float) -> np.ndarray:
    """The factors of a faint shortcut and of a branch beside it, when a gate has just been made: array (2, channels)."""
    torch.manual_seed(0)
    join = make_join(kind, channels, *bias).double().eval()
    faint, none = torch.full((1, channels, 1, 1), 1e-6, dtype=torch.float64), torch.zeros(1, channels, 1, 1, dtype=torch.float64)
    with torch.no_grad():
        return torch.stack([join(faint, none)[0, :, 0, 0] * 1e6, join(faint, none + 1)[0, :, 0, 0] - join(faint, none)[0, :, 0, 0]]).numpy()


def join_dropout(make_join: Callable, kind: str) -> np.ndarray:
    """The different values that come out for many shortcuts 2 and branches 3 in training mode, sorted, and then the share of the smallest."""
    torch.manual_seed(0)
    x = torch.full((COPIES, 1, 1, 1), 2.0)
    out = make_join(kind, 1).train()(x, x + 1).detach()
    values, counts = out.unique(return_counts=True)
    return np.append(values.numpy(), counts[0].item() / COPIES)


def join_made(make_join: Callable, kind: str, channels: int) -> bool:
    """Whether a join of that kind can be made."""
    return isinstance(make_join(kind, channels), nn.Module)


class Small(nn.Module):
    """A net of two convolutions with BatchNorm and a linear layer, whose parts are registered in another order than they compute."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 2)
        self.norms = nn.ModuleList(nn.BatchNorm2d(3) for _ in range(2))
        self.first = nn.Conv2d(3, 3, 3, bias=False)
        self.second = nn.Conv2d(3, 3, 3, bias=False)


def published(numbers: np.ndarray) -> dict[str, torch.Tensor]:
    """Tensors as somebody may have published them for `Small`, with numbers (n,) one after the other, and a layer of another net at the end."""
    shapes = {}
    for i in (1, 2):
        shapes |= {f"conv{i}.weight": (3, 3, 3, 3)} | {f"bn{i}.{part}": (3,) for part in ("weight", "bias", "running_mean", "running_var")}
    shapes |= {"linear.weight": (2, 3), "linear.bias": (2,)}
    values = torch.from_numpy(numbers).float()
    tensors, at = {}, 0
    for name, shape in shapes.items():
        count = int(np.prod(shape))
        tensors[name] = values[at : at + count].reshape(shape).clone()
        at += count
    return tensors


NAMES = {"first": "conv1", "norms.0": "bn1", "second": "conv2", "norms.1": "bn2", "head": "linear"}


def state(net: nn.Module, part: str) -> np.ndarray:
    """All tensors of the net whose name ends in `part`, one after the other."""
    return torch.cat([t.flatten() for name, t in net.state_dict().items() if name.endswith(part)]).numpy().copy()


def loaded(load_weights: Callable, numbers: np.ndarray, part: str, swapped: bool = False) -> np.ndarray:
    """What the small net's tensors of that part hold after loading; swapped: the two convolutions and norms exchange their counterparts."""
    torch.manual_seed(0)
    names = NAMES if not swapped else NAMES | {"first": "conv2", "second": "conv1", "norms.0": "bn2", "norms.1": "bn1"}
    net = Small()
    returned = load_weights(net, published(numbers), dict(names))
    if returned is not net:
        raise ValueError("your function should return the net that it was given")
    return state(net, part)


def changed(weights: dict, names: dict, how: str) -> None:
    """Spoil what is handed to `load_weights`."""
    if how == "missing tensor":
        del weights["bn2.running_var"]
    elif how == "missing layer":
        del names["second"]
    elif how == "left over":
        weights["layer9.conv1.weight"] = torch.zeros(3, 3, 3, 3)
    elif how == "shape":
        weights["bn2.bias"] = weights["bn2.bias"][:1]
    elif how == "turned shape":
        weights["linear.weight"] = weights["linear.weight"].T.contiguous()


def refused(load_weights: Callable, numbers: np.ndarray, how: str) -> np.ndarray:
    """Raises what `load_weights` raises on spoilt weights."""
    net, weights, names = Small(), published(numbers), dict(NAMES)
    changed(weights, names, how)
    return state(load_weights(net, weights, names), "weight")


def left_alone(load_weights: Callable, numbers: np.ndarray, how: str) -> np.ndarray:
    """Whether spoilt weights were refused with a ValueError, and whether the net is as it was before."""
    torch.manual_seed(0)
    net, weights, names = Small(), published(numbers), dict(NAMES)
    changed(weights, names, how)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    told = False
    try:
        load_weights(net, weights, names)
    except ValueError:
        told = True
    return np.array([told, all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())])


def copied(load_weights: Callable, numbers: np.ndarray) -> np.ndarray:
    """All weights of the loaded net, and then the published tensors after that net was changed, one after the other."""
    weights, net = published(numbers), Small()
    load_weights(net, weights, dict(NAMES))
    filled = state(net, "weight")
    with torch.no_grad():
        for tensor in net.state_dict().values():
            tensor.add_(1)
    return np.concatenate([filled, *(tensor.detach().flatten().numpy() for tensor in weights.values())])


def claims_and_errors(conclusion: Callable) -> tuple | None:
    """What the learner claims and the table that it rests on, as they stand: claims (3,) as 1, 0 and −1, training errors (2, depths, seeds)."""
    if getattr(conclusion, "__globals__", {}).get("own", "") is None:
        with contextlib.suppress(TypeError):
            conclusion()
        raise FileNotFoundError("there is no experiment of yours yet: run it, and hand in degradation.safetensors with your notebook")
    answer = conclusion()
    if answer is None:
        return None
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise ValueError("your function should return two things, the claims and the errors: leave its last line as it was")
    claims, table = answer
    words = {"plain": CHANGES, "residual": CHANGES, "deepest": LOWER}
    for name, meanings in words.items():
        if not isinstance(claims, dict) or not isinstance(claims.get(name), str) or claims[name] not in meanings:
            raise ValueError(f"claims should be a dict that gives {name} one of the words {', '.join(meanings)}")
    return np.array([meanings[claims[name]] for name, meanings in words.items()]), table
