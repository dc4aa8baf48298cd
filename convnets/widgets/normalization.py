"""Which numbers share one mean and one variance: batch, layer, group and instance normalisation on one cube of numbers."""

from collections.abc import Callable

import numpy as np
import traitlets

from convnets.widgets import picture
from convnets.widgets.base import CourseWidget, encode, image, module, whole

METHODS = {"batch": "Batch norm", "layer": "Layer norm", "group": "Group norm", "instance": "Instance norm"}
MOST_VALUES = 200


class NormalizationAxes(CourseWidget):
    """The widget that `normalization_axes` returns. `method`, `groups` and `cell` (an index into x.ravel()) can be read and set."""

    _esm = module("normalization")
    _name = "normalization"
    shape = traitlets.List().tag(sync=True)
    values = traitlets.Unicode().tag(sync=True)
    eps = traitlets.Float().tag(sync=True)
    method = traitlets.Unicode().tag(sync=True)
    groups = traitlets.Int(1, min=1).tag(sync=True)
    cell = traitlets.Int(0, min=0).tag(sync=True)
    student = traitlets.Dict().tag(sync=True)

    def __init__(self, x, settings, function):
        report = examine(function, x, settings["eps"]) if function is not None else {}
        if report.get("sets"):
            settings = settings | {"method": "function"}
        super().__init__(shape=list(x.shape), values=encode(x), student=report, **settings)
        self._x = x

    def sets(self) -> np.ndarray:
        """Return, for each number, the number of the set that it shares its statistics with: int, shape (N, C, H, W)."""
        if self.method == "function":
            found = self.student["sets"]
            return np.reshape(found, self.shape) if found else np.arange(self._x.size).reshape(self.shape)
        return sets_of(self.method, self.shape, self.groups)

    def summary(self) -> str:
        n, c, h, w = self.shape
        name = METHODS.get(self.method, "Your function") + (f", {self.groups} groups" if self.method == "group" else "")
        return f"Normalisation axes: {n}×{c}×{h}×{w}, {name}"

    def picture(self) -> str:
        n, c, h, w = self.shape
        sets, pixels = self.sets().reshape(n, c, h * w), h * w
        chosen = np.unravel_index(self.cell, sets.shape)
        shared = sets == sets[chosen]
        cell, cube, left, top = min(38, 700 / (n * (c + 1))), 26, 30, 34
        parts = [picture.text(left, 20, "The cube: images N →, pixels H, W ↓, channels C into the depth", 12)]
        drawn = cube_faces(n, c, pixels, cube)
        lift = max(0.45 * cube * c, 0)
        for (i, j, p), points in drawn:
            outline = " ".join(f"{left + x:g},{top + lift + y:g}" for x, y in points)
            fill = picture.ORANGE if shared[i, j, p] else "#f2f2f4"
            parts.append(f'<polygon points="{outline}" fill="{fill}" stroke="{picture.GREY}" stroke-width="1"/>')
        y0 = top + lift + pixels * cube + 66
        parts.append(picture.text(left, y0 - 30, f"All numbers: {c} channels side by side, {pixels} pixels from top to bottom", 12))
        for i in range(n):
            x0 = left + i * (c + 1) * cell
            parts.append(picture.text(x0, y0 - 8, f"image {i}", 12))
            for j in range(c):
                for p in range(pixels):
                    fill = picture.ORANGE if shared[i, j, p] else "#fff"
                    thick = 3 if (i, j, p) == tuple(chosen) else 1
                    parts.append(picture.box(x0 + j * cell, y0 + p * cell, cell, cell, picture.INK if thick > 1 else picture.GREY, fill, thick))
                    value = self._x.reshape(sets.shape)[i, j, p]
                    parts.append(picture.text(x0 + (j + 0.5) * cell, y0 + (p + 0.6) * cell, f"{value:.3g}".replace("-", "−"), 12, anchor="middle"))
        width = max(left + n * (c + 1) * cell, left + (n + 0.55 * c) * cube, 400) + 10
        inside = self._x.reshape(sets.shape)[shared]
        alt = f"{self.summary()}. The chosen number shares its mean {inside.mean():.3g} and variance {inside.var():.3g} with {inside.size} numbers in all, marked orange."
        return image(picture.svg(width, y0 + pixels * cell + 16, *parts), alt, int(width))


def cube_faces(images: int, channels: int, pixels: int, side: float) -> list:
    """Return the visible faces of the cube as [((n, c, pixel), four corners)]: front (c = 0), top (pixel 0) and right (last n).

    The corner of image 0, channel 0, pixel 0 is at (0, 0); channels go back to the upper right.
    """
    across, up = 0.55 * side, -0.45 * side

    def corners(x, y, one, other):
        return [(x, y), (x + one[0], y + one[1]), (x + one[0] + other[0], y + one[1] + other[1]), (x + other[0], y + other[1])]

    right, down, back = (side, 0), (0, side), (across, up)
    front = [((n, 0, p), corners(n * side, p * side, right, down)) for n in range(images) for p in range(pixels)]
    top = [((n, c, 0), corners(n * side + c * across, c * up, right, back)) for n in range(images) for c in range(channels)]
    edge = [((images - 1, c, p), corners(images * side + c * across, p * side + c * up, down, back)) for c in range(channels) for p in range(pixels)]
    return front + top + edge


def sets_of(method: str, shape: list[int], groups: int = 1) -> np.ndarray:
    """Return, for each place of an array (N, C, H, W), the number of its set under `method`: int, (N, C, H, W)."""
    n, c, h, w = np.indices(shape)
    block = c // max(shape[1] // groups, 1)
    keys = {
        "batch": c, "layer": n, "instance": n * shape[1] + c, "group": n * groups + block,
        "everything": 0 * n, "images only": (c * shape[2] + h) * shape[3] + w, "channels only": (n * shape[2] + h) * shape[3] + w,
        "rows": (n * shape[1] + c) * shape[2] + h, "columns": (n * shape[1] + c) * shape[3] + w, "width": w,
    }  # fmt: skip
    return keys[method]


_SAYS = {
    "batch": "It shares as batch normalisation does: each channel, over all images and pixels.",
    "layer": "It shares as layer normalisation does: all numbers of each image.",
    "instance": "It shares as instance normalisation does: each channel of each image.",
    "everything": "One mean and one variance serve the whole array.",
    "images only": "It averages over the images only: every pixel of every channel has a mean of its own.",
    "channels only": "It averages over the channels only: every pixel of every image has a mean of its own.",
    "rows": "It averages over rows: every row of pixels has a mean of its own.",
    "columns": "It averages over columns: every column of pixels has a mean of its own.",
    "width": "Its sets lie along the width: numbers of the same column belong together, whatever their channel.",
}


def examine(function: Callable, x: np.ndarray, eps: float) -> dict:
    """Find out which numbers share their statistics in `function`, by moving one input after the other.

    Each is moved past all others, up and down: of two numbers that share a mean, one becomes −1 and one +1, and only their order matters.

    Returns `sets` (the set of each number, [] when none could be found), `values` (what the function gives for x), `mark`
    ("✓", "✗", "!") and `words` (one or two sentences).
    """
    nothing = {"sets": [], "values": []}
    try:
        values, follows = _call(function, x), np.zeros((x.size, x.size), bool)
        base = x + 0.1 * np.random.default_rng(0).standard_normal(x.shape)
        before = _call(function, base).ravel()
        for moved in range(x.size):
            for far in (np.ptp(base) + 1.37, -np.ptp(base) - 1.37):
                other = base.copy()
                other.flat[moved] += far
                follows[moved] |= np.abs(_call(function, other).ravel() - before) > 1e-7
    except NotImplementedError as error:
        return nothing | {"mark": "!", "words": f"Your function is not written yet. {error}".strip()}
    except Exception as error:
        return nothing | {"mark": "✗", "words": f"Your function raised {type(error).__name__}: {error}"}
    report = {"values": [float(v) if np.isfinite(v) else str(v) for v in values.ravel().tolist()]}
    if not follows[np.diag_indices(x.size)].all():
        return nothing | report | {"mark": "✗", "words": "Some outputs do not depend on the input in their own place at all."}
    if not all((follows[i] == follows[j]).all() for i in range(x.size) for j in np.flatnonzero(follows[i])):
        return nothing | report | {"mark": "✗", "words": "Your function forms no sets: a number works on outputs whose own numbers do not work on it. Are mean, variance, scale and input lined up with the same axes?"}
    sets = follows.argmax(axis=1)
    if len(set(sets.tolist())) == x.size:
        words = "Each output follows its own input only: mean and variance are constants here. That is batch normalisation in use, with running averages."
        return report | {"sets": sets.tolist(), "mark": "✓", "words": words}
    name, words = _name(sets, x.shape)
    usual = name in METHODS
    if usual and not np.allclose(values.ravel(), normalised(x, sets.reshape(x.shape), eps).ravel(), rtol=1e-3, atol=1e-3):
        return report | {"sets": sets.tolist(), "mark": "!", "words": f"{words} But the values are not (x − mean) / √(biased variance + eps); do γ, β, eps or N − 1 play a part?"}
    return report | {"sets": sets.tolist(), "mark": "✓" if usual else "✗", "words": words}


def _call(function: Callable, x: np.ndarray) -> np.ndarray:
    out = function(x.copy())
    out = np.asarray(out[0] if isinstance(out, tuple) else out, dtype=np.float64)
    if out.shape != x.shape:
        raise ValueError(f"the result has shape {out.shape}, it should be {x.shape}")
    return out


def _name(sets: np.ndarray, shape: tuple[int, ...]) -> tuple[str, str]:
    """Return (method, what to say) for a partition, or ("", …) when it has no name."""
    alike = np.equal.outer(sets, sets)

    def matches(method, groups=1):
        other = sets_of(method, shape, groups).ravel()
        return np.array_equal(alike, np.equal.outer(other, other))

    for method in ("batch", "layer", "instance"):
        if matches(method):
            return method, _SAYS[method]
    for groups in (g for g in range(2, shape[1]) if shape[1] % g == 0):
        if matches("group", groups):
            return "group", f"It shares as group normalisation with {groups} groups does: blocks of {shape[1] // groups} neighbouring channels of each image."
    for method in ("everything", "images only", "channels only", "rows", "columns", "width"):
        if matches(method):
            return method, _SAYS[method]
    return "", "It shares statistics in none of the usual ways. Look at the cells that turn orange."


def normalised(x: np.ndarray, sets: np.ndarray, eps: float) -> np.ndarray:
    """Return x with each set brought to mean 0 and variance 1 (biased variance, eps under the root)."""
    out = np.empty_like(x)
    for each in np.unique(sets):
        inside = sets == each
        out[inside] = (x[inside] - x[inside].mean()) / np.sqrt(x[inside].var() + eps)
    return out


def normalization_axes(
    x: np.ndarray | None = None,
    *,
    method: str = "batch",
    groups: int = 2,
    eps: float = 1e-5,
    function: Callable | None = None,
) -> NormalizationAxes:
    """Return a widget that shows, on a cube of numbers, which of them share one mean and one variance.

    Choose a normalisation, then click a number or walk with the arrow keys: → goes through the channels and on to the next
    image, ↓ through the pixels. Below stand the mean, the variance, and what becomes of the chosen number.

    Args:
        x: numbers (N, C, H, W), at most 200, at least two of them in each set; by default 3×4×2×2 whole numbers.
        method: "batch", "layer", "group" or "instance": what is shown first, if there is no function.
        groups: how many groups group normalisation makes, a divisor of C.
        eps: added to the variance, under the root.
        function: your own normalisation, f(x) → array of x's shape, or a tuple that begins with it. It is asked 2·(1 + x.size) times: one
            input after the other is moved, and the outputs that follow show which numbers share their statistics.

    Raises:
        ValueError: an x of another shape or too large, an unknown method, groups that do not divide C.

    Source: Y. Wu, K. He, Group Normalization, https://arxiv.org/abs/1803.08494, figure 2.
    """
    x = np.random.default_rng(0).integers(-4, 9, (3, 4, 2, 2)) if x is None else np.asarray(x)
    if x.ndim != 4 or x.dtype.kind not in "bifu" or not 2 <= x.size <= MOST_VALUES or not np.isfinite(x).all():
        raise ValueError(f"x must be finite numbers shaped (N, C, H, W), 2 to {MOST_VALUES} of them, not {x.dtype} of shape {x.shape}.")
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}.")
    channels = x.shape[1]
    groups = min(groups, channels) if method != "group" else groups
    if method == "group" and channels % whole("groups", groups, 1, channels):
        raise ValueError(f"groups must divide the {channels} channels, and {groups} does not.")
    while channels % groups:
        groups -= 1
    if function is not None and not callable(function):
        raise ValueError("function must be callable as f(x): wrap yours in a lambda of that form.")
    settings = {"eps": float(eps), "method": method, "groups": groups}
    return NormalizationAxes(x.astype(np.float64), settings, function)
