"""Probes for functions that draw random numbers: they call the function with a seeded generator and return what every right one shares."""

from collections.abc import Callable

import numpy as np


def shape_of_draws(draw: Callable, shape: tuple, seed: int) -> tuple:
    """Shape of what draw(shape, rng) returns."""
    return np.shape(draw(shape, np.random.default_rng(seed)))


def statistics_of_draws(draw: Callable, shape: tuple, seed: int) -> np.ndarray:
    """Mean, standard deviation, mean size and the size that 99 % stay below, of the numbers that draw(shape, rng) returns."""
    numbers = np.asarray(draw(shape, np.random.default_rng(seed)), dtype=np.float64)
    sizes = np.abs(numbers)
    return np.array([numbers.mean(), numbers.std(), sizes.mean(), np.quantile(sizes, 0.99)])


def repeats(draw: Callable, shape: tuple, seed: int) -> np.ndarray:
    """Whether two generators of one seed give the same numbers, and whether two calls with one generator do."""
    one, other = (np.asarray(draw(shape, np.random.default_rng(seed))) for _ in range(2))
    rng = np.random.default_rng(seed)
    first, second = (np.asarray(draw(shape, rng)) for _ in range(2))
    return np.array([np.array_equal(one, other), np.array_equal(first, second)])
