"""Probes for lab 02: they make the learner's net or layer, run it, and return arrays. They hold no answer."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from convnets.check.torch_probes import set_known_weights

COPIES = 6000
INGREDIENTS = ("batchnorm", "dropout", "augmentation")
CLAIMS = {"helps": 1, "cannot tell": 0, "hurts": -1}


def sizes(make_net: Callable, **options) -> np.ndarray:
    """Number of elements of every parameter of make_net(**options), sorted."""
    return np.array(sorted(p.numel() for p in make_net(**options).parameters()))


def to_single(make_net: Callable, options: dict, run: Callable[[nn.Module, torch.dtype], torch.Tensor], fill: Callable = set_known_weights) -> np.ndarray:
    """What run(net, dtype) gives with known weights, in float32. fill: gives a net its weights and returns it.

    The net computes in double precision, so that the order of its sums, which number of threads and processor decide, cannot be seen in the
    result. A net that takes nothing but float32 computes in that.
    """
    with torch.no_grad():
        for dtype in (torch.float64, torch.float32):
            torch.manual_seed(0)
            net = fill(make_net(**options)).to(dtype)
            try:
                result = run(net, dtype)
                break
            except RuntimeError:
                if dtype == torch.float32:
                    raise
        return result.float().numpy()


def logits(make_net: Callable, x: np.ndarray, **options) -> np.ndarray:
    """Logits (N, classes) of make_net(**options) in evaluation mode, for x (N, C, H, W); known weights."""
    return to_single(make_net, options, lambda net, dtype: net.eval()(torch.from_numpy(x).to(dtype)))


def logits_after_training_mode(make_net: Callable, batches: np.ndarray, x: np.ndarray, **options) -> np.ndarray:
    """Logits for x in evaluation mode, after the net has seen batches (B, N, C, H, W) in training mode; known weights throughout."""

    def run(net, dtype):
        net.train()
        for batch in batches:
            net(torch.from_numpy(batch).to(dtype))
        return net.eval()(torch.from_numpy(x).to(dtype))

    return to_single(make_net, options, run)


def spread_of_dropout(make_net: Callable, x: np.ndarray, **options) -> np.ndarray:
    """Standard deviation of each logit over many passes of one image x (1, C, H, W) in training mode; known weights."""
    return to_single(make_net, options, lambda net, dtype: net.train()(torch.from_numpy(x).to(dtype).repeat(COPIES, 1, 1, 1)).std(dim=0))


def on_tensors(function: Callable, *arrays, **options):
    """function on tensors that share their memory with the arrays."""
    return function(*(torch.from_numpy(a) if isinstance(a, np.ndarray) else a for a in arrays), **options)


def nothing_in_evaluation(make_layer: Callable, x: np.ndarray, **options) -> bool:
    """Whether the layer gives x (N, C, H, W) back as it is in evaluation mode."""
    torch.manual_seed(0)
    return torch.equal(make_layer(**options).eval()(torch.from_numpy(x)), torch.from_numpy(x))


def shape_in_training(make_layer: Callable, x: np.ndarray, **options) -> tuple:
    """Shape of what the layer gives for x (N, C, H, W) in training mode."""
    torch.manual_seed(0)
    return tuple(make_layer(**options).train()(torch.from_numpy(x)).shape)


def numbered_picture(most: int) -> torch.Tensor:
    """A square picture (1, 1, side, side) whose pixels are numbered from 1, large enough for moves of twice `most`."""
    side = 4 * most + 5
    return torch.arange(1.0, side * side + 1).reshape(1, 1, side, side)


def many_versions(make_layer: Callable, most: int, options: dict) -> tuple[np.ndarray, np.ndarray]:
    """(numbered picture (side, side), what the layer makes of many copies of it (COPIES, side, side))."""
    torch.manual_seed(0)
    picture = numbered_picture(most)
    versions = make_layer(most=most, **options).train()(picture.repeat(COPIES, 1, 1, 1))
    return picture[0, 0].numpy(), versions.detach().numpy()[:, 0]


def decoded(picture: np.ndarray, versions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far each version was moved, down and right, and whether it is mirrored: read off two pixels in the middle."""
    side = len(picture)
    middle = side // 2
    here, beside = versions[:, middle, middle], versions[:, middle, middle + 1]
    mirrored = beside < here
    row, column = (here.astype(int) - 1) // side, (here.astype(int) - 1) % side
    return middle - row, np.where(mirrored, column - middle, middle - column), mirrored


def moves_seen(make_layer: Callable, most: int, **options) -> np.ndarray:
    """Table (2·most + 3, 2·most + 3, 2) of bool: which moves down and right, mirrored or not, occur; the outermost rows and columns are farther ones."""
    down, right, mirrored = decoded(*many_versions(make_layer, most, options))
    table = np.zeros((2 * most + 3, 2 * most + 3, 2), dtype=bool)
    table[np.clip(down, -most - 1, most + 1) + most + 1, np.clip(right, -most - 1, most + 1) + most + 1, mirrored.astype(int)] = True
    return table


def share_mirrored(make_layer: Callable, most: int, **options) -> float:
    """Share of many images that the layer mirrors in training mode."""
    return float(decoded(*many_versions(make_layer, most, options))[2].mean())


def what_comes_in(make_layer: Callable, most: int, **options) -> np.ndarray:
    """The values in the layer's versions of a picture that the picture itself does not hold, sorted."""
    picture, versions = many_versions(make_layer, most, options)
    return np.setdiff1d(versions, picture)


def repeats(make_layer: Callable, most: int, **options) -> np.ndarray:
    """Whether one seed of PyTorch's generator gives the same versions twice, and whether the next call gives the same again."""
    layer, batch = make_layer(most=most, **options).train(), numbered_picture(most).repeat(60, 1, 1, 1)
    torch.manual_seed(3)
    first, following = layer(batch).clone(), layer(batch).clone()
    torch.manual_seed(3)
    return np.array([torch.equal(first, layer(batch)), torch.equal(first, following)])


def claims_and_table(conclusion: Callable) -> tuple | None:
    """What the learner claims and the table of results that it rests on, as they stand: claims (3,) as 1, 0 and −1, table (2, 2, 2, seeds)."""
    answer = conclusion()
    if answer is None:
        return None
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise ValueError("your function should return two things, the claims and the results: leave its last line as it was")
    claims, table = answer
    if not isinstance(claims, dict) or set(claims) != set(INGREDIENTS) or not all(isinstance(word, str) and word in CLAIMS for word in claims.values()):
        raise ValueError(f"claims should be a dict that gives each of {', '.join(INGREDIENTS)} one of the words {', '.join(CLAIMS)}")
    return np.array([CLAIMS[claims[name]] for name in INGREDIENTS]), table
