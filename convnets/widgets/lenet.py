"""A LeNet under one's own pen: draw on the board, and every map of every layer follows."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import traitlets

from convnets.widgets import picture
from convnets.widgets.base import CourseWidget, image, module

if TYPE_CHECKING:
    import torch
    from torch import nn

MOST_WEIGHTS = 200_000
LARGEST = 64


def layers_of(net: nn.Module) -> list[nn.Module]:
    """Return the net's layers in order, without those that do nothing in use.

    Raises ValueError for a layer that the widget cannot compute in the page.
    """
    from torch import nn

    if isinstance(net, nn.Sequential):
        return [layer for part in net for layer in layers_of(part)]
    if isinstance(net, nn.Dropout | nn.Identity):
        return []
    plain = isinstance(net, nn.ReLU | nn.Tanh | nn.Linear) or (isinstance(net, nn.Flatten) and net.start_dim == 1 and net.end_dim == -1)
    whole = isinstance(net, nn.Conv2d) and net.groups == 1 and _pair(net.dilation) == (1, 1) and net.padding_mode == "zeros" and not isinstance(net.padding, str)
    pool = isinstance(net, nn.MaxPool2d | nn.AvgPool2d) and _pair(net.padding) == (0, 0) and not net.ceil_mode and _pair(getattr(net, "dilation", 1)) == (1, 1)
    if not (plain or whole or pool):
        raise ValueError(
            f"lenet_drawing cannot draw {net}: it knows nn.Sequential of Conv2d (groups and dilation 1), ReLU, Tanh, MaxPool2d and AvgPool2d "
            "(without padding), Flatten, Linear and Dropout."
        )
    return [net]


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def _packed(tensor: torch.Tensor | None, size: int = 0) -> str:
    values = np.zeros(size) if tensor is None else tensor.detach().numpy()
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def stages_of(layers: list[nn.Module], size: int) -> list[dict]:
    """Return what the page needs of each stage, a stage being a convolution, a pooling or a linear layer with its activation.

    Each has `name` (C1, S2, …), `kind`, `act`, `shape` of the output [C, H, W], and what the widget marks on the board: the `field` of pixels that one
    value sees, the `step` between neighbours, and where the first one begins (`start`), all [down, across] in pixels.
    """
    import torch
    from torch import nn

    stages, x = [], torch.zeros(1, 1, size, size)
    field, step, start = np.ones(2), np.ones(2), np.zeros(2)
    for layer in layers:
        try:
            with torch.no_grad():
                x = layer(x)
        except RuntimeError as error:
            raise ValueError(f"the net does not fit an image of {size}×{size} pixels: {error}") from None
        if isinstance(layer, nn.Flatten):
            continue
        if isinstance(layer, nn.ReLU | nn.Tanh):
            if not stages or stages[-1]["act"] or stages[-1]["kind"] in ("max", "mean"):
                raise ValueError("each activation must follow a convolution or a linear layer.")
            stages[-1]["act"] = "relu" if isinstance(layer, nn.ReLU) else "tanh"
            continue
        stage = {"act": "", "shape": list(x.shape[1:]) if x.ndim == 4 else [x.shape[1], 1, 1]}
        if isinstance(layer, nn.Linear):
            stage |= {"kind": "linear", "letter": "F", "weight": _packed(layer.weight), "bias": _packed(layer.bias, layer.out_features), "inputs": layer.in_features}
            field, step, start = np.full(2, size), np.zeros(2), np.zeros(2)
        else:
            kernel, stride = np.array(_pair(layer.kernel_size)), np.array(_pair(layer.stride))
            padding = np.zeros(2, int)
            stage |= {"kind": "max" if isinstance(layer, nn.MaxPool2d) else "mean", "letter": "S"}
            if isinstance(layer, nn.Conv2d):
                padding = np.array(_pair(layer.padding))
                stage |= {"kind": "conv", "letter": "C", "weight": _packed(layer.weight), "bias": _packed(layer.bias, layer.out_channels), "inputs": layer.in_channels}
            stage |= {"kernel": kernel.tolist(), "stride": stride.tolist(), "padding": padding.tolist()}
            start, field, step = start - padding * step, field + (kernel - 1) * step, step * stride
        stage |= {"name": f"{stage.pop('letter')}{len(stages) + 1}", "field": field.tolist(), "step": step.tolist(), "start": start.tolist()}
        stages.append(stage)
    if not stages or stages[-1]["kind"] != "linear" or stages[-1]["act"]:
        raise ValueError("the net must end in a Linear layer: its outputs are the logits.")
    stages[-1]["name"] = "logits"
    return stages


def ask(function: Callable, given: np.ndarray, expected: np.ndarray) -> dict:
    """Call `function(x)` on x (1, 1, H, W) and compare with the net's logits (classes,).

    Returns `logits` (list or empty), `mark` ("✓", "✗" or "!") and `words`.
    """
    report = {"logits": [], "mark": "✗", "words": ""}
    try:
        with np.errstate(all="ignore"):
            got = function(given.copy())
    except NotImplementedError as error:
        return report | {"mark": "!", "words": f"Your function is not written yet. {error}".strip()}
    except Exception as error:
        return report | {"words": f"Your function raised {type(error).__name__}: {error}"}
    if got is None:
        return report | {"words": "Your function returned None. Does it end with a return?"}
    try:
        got = np.asarray(got, float)
    except (TypeError, ValueError):
        return report | {"words": f"Your function returned a {type(got).__name__}, not an array of numbers."}
    if got.shape != (1, len(expected)):
        return report | {"words": f"Your logits have shape {got.shape}, they should have (1, {len(expected)}): one image, {len(expected)} classes."}
    if not np.isfinite(got).all():
        return report | {"words": "Your logits hold NaN or infinity."}
    report["logits"], far = got[0].tolist(), np.abs(got[0] - expected)
    if (far <= 1e-4 * (1 + np.abs(expected).max())).all():
        size = f"{far.max():.0e}" if far.any() else "0"
        return report | {"mark": "✓", "words": f"Your function gives the same {len(expected)} logits: the largest difference is {size}."}
    at = int(far.argmax())
    return report | {"words": f"Your logits are other ones. The largest difference is at class {at}: yours {got[0, at]:.4g}, it should be {expected[at]:.4g}.".replace(" -", " −")}


class LenetDrawing(CourseWidget):
    """The widget that `lenet_drawing` returns. `drawing` (one number from 0 to 255 a pixel, row by row), `unit`
    ([stage, map, row, column], marked in the page), `tool` and `radius` can be read and set.
    """

    _esm = module("lenet")
    _name = "lenet"
    size = traitlets.Int().tag(sync=True)
    stages = traitlets.List().tag(sync=True)
    classes = traitlets.List().tag(sync=True)
    scale = traitlets.List().tag(sync=True)
    samples = traitlets.List().tag(sync=True)
    drawing = traitlets.List().tag(sync=True)
    unit = traitlets.List().tag(sync=True)
    tool = traitlets.Enum(["pen", "eraser"], "pen").tag(sync=True)
    radius = traitlets.Float(1.2, min=0.5, max=3).tag(sync=True)
    student = traitlets.Dict().tag(sync=True)

    def __init__(self, layers, size, classes, scale, samples, function):
        self._layers = copy.deepcopy(layers)
        first = samples[0]["pixels"] if samples else [0] * size**2
        stages = stages_of(self._layers, size)
        middle = [0, 0, stages[0]["shape"][1] // 2, stages[0]["shape"][2] // 2]
        super().__init__(size=size, stages=stages, classes=classes, scale=scale, samples=samples, drawing=first, unit=middle)
        self._function = function
        if function is not None:
            self._ask()
            self.observe(self._ask, "drawing")

    def _ask(self, change=None):
        self.student = {"drawing": self.drawing} | ask(self._function, self.inputs(), self.activations()["logits"].ravel())

    def inputs(self) -> np.ndarray:
        """Return what the net gets for the drawing, float32 (1, 1, size, size): scaled to 0 … 1, less the mean, divided by the deviation."""
        pixels = np.array(self.drawing, np.float32).reshape(1, 1, self.size, self.size) / 255
        return (pixels - np.float32(self.scale[0])) / np.float32(self.scale[1])

    def activations(self) -> dict[str, np.ndarray]:
        """Return the output of each stage for the drawing, by name: C1 (6, 28, 28), S2, …, logits (10, 1, 1)."""
        import torch
        from torch import nn

        x, found = torch.from_numpy(self.inputs()), []
        with torch.no_grad():
            for layer in self._layers:
                x = layer(x)
                if isinstance(layer, nn.Flatten):
                    continue
                if isinstance(layer, nn.ReLU | nn.Tanh):
                    found.pop()
                found.append(x[0].numpy())
        return {stage["name"]: values.reshape(stage["shape"]) for stage, values in zip(self.stages, found, strict=True)}

    def probabilities(self) -> np.ndarray:
        """Return the softmax of the logits for the drawing, (classes,)."""
        logits = self.activations()["logits"].ravel().astype(float)
        powers = np.exp(logits - logits.max())
        return powers / powers.sum()

    def summary(self) -> str:
        chances = self.probabilities()
        best = np.argsort(-chances)[:2]
        said = ", then ".join(f"{self.classes[i]} ({100 * chances[i]:.0f} %)" for i in best)
        maps = ", ".join(f"{s['name']} {'×'.join(map(str, s['shape'])) if s['shape'][1] > 1 else s['shape'][0]}" for s in self.stages[:-1])
        return f"LeNet and a drawing of {self.size}×{self.size} pixels. Layers: {maps}. It says {said}"

    def picture(self) -> str:
        board = np.array(self.drawing, float).reshape(self.size, self.size)
        parts = [picture.text(8, 18, "drawing", 12, picture.GREY), picture.grid(board, 8, 26, 168 / self.size, signed=False)]
        chances = self.probabilities()
        for i, (name, chance) in enumerate(zip(self.classes, chances, strict=True)):
            y = 34 + 16 * i
            best = i == chances.argmax()
            parts += [picture.text(278, y + 9, name, 12, anchor="end", weight=700 if best else 400), picture.box(284, y, max(1.0, 200 * chance), 10, fill=picture.ORANGE if best else picture.SKY)]
            parts.append(picture.text(290 + 200 * chance, y + 9, f"{100 * chance:.1f} %", 12))
        y = max(216, 50 + 16 * len(self.classes))
        for stage, values in zip(self.stages, self.activations().values(), strict=True):
            count, height, width = values.shape
            if height == 1:
                continue
            cell = min(58 / height, 560 / count / (width + 1))
            cell, gap = min(cell, 5.9), np.zeros((height, 1))
            parts.append(picture.text(8, y + 14, f"{stage['name']}: {count} maps of {height}×{width}", 12, picture.GREY))
            parts.append(picture.grid(np.concatenate([part for each in values for part in (each, gap)][:-1], axis=1), 8, y + 20, cell))
            parts += [picture.box(8 + i * (width + 1) * cell, y + 20, width * cell, height * cell, picture.GREY, thick=0.5) for i in range(count)]
            y += 30 + height * cell
        return image(picture.svg(660, y + 8, *parts), f"{self.summary()}.", 660)


def lenet_drawing(
    net: nn.Module,
    classes: Sequence[str] | None = None,
    *,
    size: int = 32,
    mean: float = 0.0,
    std: float = 1.0,
    samples: dict[str, np.ndarray] | None = None,
    function: Callable | None = None,
) -> LenetDrawing:
    """Return a widget with a board to draw on, and a LeNet that looks at it: all maps and the answer follow the pen.

    Draw with the mouse or a finger. With the keyboard: arrow keys move the pen, Space puts it down and lifts it, E changes to the eraser, Delete
    clears the board. Click a value in a map to see which pixels it looks at. Everything is computed in the page, so it works without a kernel.

    Args:
        net: an nn.Sequential (others may be nested in it) of Conv2d, ReLU or Tanh, MaxPool2d or AvgPool2d, Flatten, Linear and Dropout, for one input channel,
            with at most 200,000 weights. It is copied; dropout is off.
        classes: one name for each output; "0", "1", … by default.
        size: height and width of the board in pixels, at most 64.
        mean, std: the net gets (pixel / 255 - mean) / std.
        samples: drawings to begin with, by name: uint8 arrays (H, W) not larger than the board. They are put in its middle. The first one is on the board.
        function: your own forward pass `f(x)`: x is float32 (1, 1, size, size), already scaled; it returns logits (1, classes). The widget says whether they are
            the net's.

    Raises:
        ValueError: a net that cannot be drawn or does not fit, other numbers of classes, samples of another kind, a function that cannot be called.
    """
    from torch import nn

    if isinstance(size, bool) or not isinstance(size, int | np.integer) or not 8 <= size <= LARGEST:
        raise ValueError(f"size must be a whole number from 8 to {LARGEST}, not {size!r}.")
    if not isinstance(net, nn.Module):
        raise ValueError(f"net must be a torch.nn.Sequential, not {type(net).__name__}.")
    weights = sum(p.numel() for p in net.parameters())
    if weights > MOST_WEIGHTS:
        raise ValueError(f"the net has {weights:,} weights; the page takes at most {MOST_WEIGHTS:,}.")
    if not std > 0:
        raise ValueError(f"std must be positive, not {std!r}.")
    layers = [layer.cpu() for layer in layers_of(copy.deepcopy(net).eval())]
    outputs = next((layer.out_features for layer in reversed(layers) if isinstance(layer, nn.Linear)), 0)
    classes = [str(name) for name in (range(outputs) if classes is None else classes)]
    if len(classes) != outputs:
        raise ValueError(f"the net has {outputs} outputs, but there are {len(classes)} classes: give one name for each output.")
    if function is not None and not callable(function):
        raise ValueError("function must be callable as f(x) and return logits (1, classes).")
    placed = [{"name": str(name), "pixels": _placed(name, pixels, size)} for name, pixels in (samples or {}).items()]
    return LenetDrawing(layers, int(size), classes, [float(mean), float(std)], placed, function)


def _placed(name: str, pixels: np.ndarray, size: int) -> list[int]:
    pixels = np.asarray(pixels)
    if pixels.ndim != 2 or pixels.dtype != np.uint8 or max(pixels.shape) > size:
        raise ValueError(f"sample {name!r} must be a uint8 array (H, W) of at most {size}×{size} pixels, not {pixels.dtype} {pixels.shape}.")
    board = np.zeros((size, size), np.uint8)
    top, left = (size - pixels.shape[0]) // 2, (size - pixels.shape[1]) // 2
    board[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return board.ravel().tolist()
