"""Probes: what a check runs on the student's side where a plain call does not do. A probe returns arrays and holds no answer."""

from collections.abc import Callable

import numpy as np

FUNCTIONS: dict[str, Callable[[np.ndarray], float]] = {
    "weighted sum": lambda x: float(np.sum(np.arange(1, x.size + 1).reshape(x.shape) * x)),
    "cubes": lambda x: float(np.sum(x**3)),
    "cube of the sum": lambda x: float(np.sum(x) ** 3),
    "sines": lambda x: float(np.sum(np.sin(x))),
}


def without_overflow(function: Callable, *args, **kwargs):
    """Call the function such that an overflow, a division by zero or an invalid operation raises FloatingPointError."""
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        return function(*args, **kwargs)


def gradient_of(numerical_gradient: Callable, name: str, x: np.ndarray, **settings):
    """Call the student's `numerical_gradient(f, x, …)` with the function of that name in `FUNCTIONS`."""
    return numerical_gradient(FUNCTIONS[name], x, **settings)
