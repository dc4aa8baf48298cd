"""Run a student's convolution on the stepper's image, and say where it goes wrong."""

import inspect
import traceback
from collections.abc import Callable

import numpy as np

_DEFAULTS = {"stride": 1, "padding": 0, "dilation": 1}


def right_output(image: np.ndarray, kernel: np.ndarray, bias: float, settings: dict) -> np.ndarray:
    """Return PyTorch's output (H', W') in float64 for `image` (C, H, W) and `kernel` (C, kh, kw)."""
    import torch

    x, w = (torch.tensor(np.asarray(a, dtype=np.float64))[None] for a in (image, kernel))
    return torch.nn.functional.conv2d(x, w, torch.tensor([float(bias)], dtype=torch.float64), **settings)[0, 0].numpy()


def run(function: Callable, image: np.ndarray, kernel: np.ndarray, bias: float, settings: dict, flat: bool) -> dict:
    """Call `function` and compare its output with the right one.

    Returns `settings` (stride, padding, dilation), and either `problem` (a sentence: exception, wrong shape, …) or
    `wrong` (indices of the wrong cells, in C order) with their `values`. NaN and infinity are given as text.
    `mark` is "✓", "✗", or "!" where there was nothing to compare.
    """
    report = {"settings": list(settings.values()), "problem": None, "wrong": [], "values": [], "mark": "✗"}
    cannot = _cannot_take(function, bias, settings)
    if cannot:
        return report | {"problem": cannot, "mark": "!"}
    try:
        expected = right_output(image, kernel, bias, settings)
    except RuntimeError:
        return report | {"problem": "The kernel does not fit, so there is nothing to compare your function with.", "mark": "!"}
    arguments, lead = _arguments(function, image, kernel, bias, flat)
    options = {name: value for name, value in settings.items() if _takes(function, name)}
    try:
        got = function(*arguments, **options)
    except NotImplementedError as error:
        return report | {"problem": f"Your function is not written yet. {error}".strip(), "mark": "!"}
    except Exception as error:
        return report | {"problem": _complaint(error)}
    if isinstance(got, tuple) and got:
        got = got[0]
    problem = _shape_problem(got, lead + expected.shape)
    if problem:
        return report | {"problem": problem}
    got = np.asarray(got).reshape(expected.shape)
    scale = max(float(np.abs(right_output(np.abs(image), np.abs(kernel), abs(bias), settings)).max()), 1e-30)
    coarse = np.float32 in (image.dtype, got.dtype)
    close = np.abs(got.astype(np.float64) - expected) <= scale * (1e-5 if coarse else 1e-10)
    wrong = np.flatnonzero(~close)
    values = [float(v) if np.isfinite(v) else str(v) for v in got.ravel()[wrong].tolist()]
    return report | {"wrong": wrong.tolist(), "values": values, "mark": "✗" if len(wrong) else "✓"}


def _takes(function: Callable, name: str) -> bool:
    parameters = inspect.signature(function).parameters.values()
    return any(p.name == name or p.kind is p.VAR_KEYWORD for p in parameters)


def form(function: Callable) -> int:
    """Return 2 for `f(image, kernel)`, 3 for `f(x, w, b)`, 0 for a function of neither form."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 0
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return 3
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name not in _DEFAULTS]
    needed = sum(p.default is p.empty for p in places)
    has_bias = len(places) > 2 and places[2].name in ("b", "bias")
    return 3 if needed == 3 or (needed == 2 and has_bias) else 2 if needed == 2 else 0


def _cannot_take(function: Callable, bias: float, settings: dict) -> str | None:
    for name, value in settings.items():
        if value != _DEFAULTS[name] and not _takes(function, name):
            return f"Your function takes no {name}, so it is compared only at {name} {_DEFAULTS[name]}."
    if bias and form(function) == 2:
        return "Your function takes no bias, so it is compared only at bias 0."
    return None


def _arguments(function: Callable, image: np.ndarray, kernel: np.ndarray, bias: float, flat: bool) -> tuple[tuple, tuple]:
    if form(function) == 2:
        return ((image[0].copy(), kernel[0].copy()) if flat else (image.copy(), kernel.copy())), ()
    return (image[None].copy(), kernel[None].copy(), np.array([bias], dtype=image.dtype)), (1, 1)


def _complaint(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)[1:]
    theirs = next((f for f in reversed(frames) if "site-packages" not in f.filename and f.line), None)
    where = f" In line {theirs.lineno}: {theirs.line}" if theirs else ""
    return f"Your function raised {type(error).__name__}: {error}{where}"


def _shape_problem(got: object, expected: tuple[int, ...]) -> str | None:
    if got is None:
        return "Your function returned None. Does it end with a return?"
    try:
        array = np.asarray(got)
    except Exception:
        array = np.asarray(None)
    if array.dtype.kind not in "bifu":
        return f"Your function returned a {type(got).__name__}, not an array of numbers."
    if array.shape != expected:
        return f"Your output has shape {array.shape}, it should be {expected}."
    return None
