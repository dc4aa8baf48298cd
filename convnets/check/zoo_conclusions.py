"""Holding what a learner says about a race of nets against the learner's own numbers. See `convnets.check.conclusions`."""

from __future__ import annotations

import numpy as np

from convnets.check.conclusions import FEWEST_SEEDS, each_seed_its_own, side

AGAIN = "Delete race.safetensors and run the race again."


def checked(front: np.ndarray, accuracy: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Mean accuracies (nets,). Raises ValueError when the numbers are no measurements."""
    if accuracy.ndim != 2 or len(accuracy) != len(front) or not accuracy.shape[1] or cost.shape != front.shape:
        raise ValueError(f"The accuracies have the shape {accuracy.shape} and the costs {cost.shape}; expected ({len(front)}, seeds) and ({len(front)},). Hand on what `experiment` returns.")
    if not np.isfinite(accuracy).all():
        raise ValueError("Your table has no accuracy yet (NaN) for some of its runs. Run the experiment's cell again: it goes on where it stopped.")
    if not ((accuracy > 0) & (accuracy <= 1)).all():
        raise ValueError("Your table holds accuracies that are not between 0 and 1. They are shares, not percent: hand on what `experiment` returns.")
    if not (np.isfinite(cost) & (cost > 0)).all():
        raise ValueError(f"Your table holds multiply-adds that are not positive numbers. {AGAIN}")
    if accuracy.shape[1] > 1 and np.ptp(accuracy, axis=1).max() < 1e-9:
        raise ValueError(f"All seeds have the same accuracies. What is measured scatters. {AGAIN}")
    return accuracy.mean(axis=1)


def complete(best, luck, front, accuracy, cost) -> float:
    """`each_seed_its_own` of the accuracies."""
    checked(front, accuracy, cost)
    return each_seed_its_own(accuracy.T, FEWEST_SEEDS)


def right_best(best, luck, front, accuracy, cost) -> float:
    """1 when the named net has the highest mean accuracy; 0 when it only holds the highest single one, −1 for any other."""
    mean = checked(front, accuracy, cost)
    if mean[int(best)] >= mean.max() - 1e-12:
        return 1.0
    return 0.0 if accuracy[int(best)].max() >= accuracy.max() - 1e-12 else -1.0


def right_luck(best, luck, front, accuracy, cost) -> float:
    """1 when "beyond luck" follows from the differences of the two best nets, 0 for a wrong yes, −1 for a wrong no."""
    mean = checked(front, accuracy, cost)
    second, first = mean.argsort()[-2:]
    says = side(accuracy[first] - accuracy[second]) == 1
    return 1.0 if bool(luck) == says else 0.0 if luck else -1.0


def right_front(best, luck, front, accuracy, cost) -> float:
    """1 when the front is right; 0 when it holds a net that is beaten, −1 when one is missing only."""
    mean = checked(front, accuracy, cost)
    beats = (mean[:, None] >= mean) & (cost[:, None] <= cost) & ((mean[:, None] > mean) | (cost[:, None] < cost))
    beaten, there = beats.any(axis=0), front > 0.5
    if (there & beaten).any():
        return 0.0
    return 1.0 if (there == ~beaten).all() else -1.0
