"""Holding what a learner says about a ladder of tricks against the learner's own table. See `convnets.check.conclusions`."""

from __future__ import annotations

import numpy as np

from convnets.check.conclusions import agreement, each_seed_its_own, none_opposite, none_too_bold, none_too_shy, side

FEWEST_SEEDS = 4
AGAIN = "Delete ladder.safetensors and run the experiment again."


def steps(verdicts: np.ndarray, table: np.ndarray) -> np.ndarray:
    """What each rung adds to the one below (rungs − 1, seeds), in percentage points. Raises ValueError when the table is none of measurements."""
    if table.ndim != 2 or len(table) != len(verdicts) + 1 or not table.shape[1]:
        raise ValueError(f"The table of results has the shape {table.shape}, expected ({len(verdicts) + 1}, seeds). Hand on `results` as `experiment` returns it.")
    if missing := np.count_nonzero(np.isnan(table)):
        raise ValueError(f"Your table has no accuracy yet (NaN) for {missing} of its {table.size} runs. Run the experiment's cell again: it goes on where it stopped.")
    if not ((table > 0) & (table <= 1)).all():
        raise ValueError("Your table holds accuracies that are not between 0 and 1. They are shares, not percent: hand on `results` as `experiment` returns it.")
    if table.shape[1] > 1 and np.ptp(table, axis=1).max() < 1e-9:
        raise ValueError(f"All seeds have the same accuracies. What is measured scatters. {AGAIN}")
    return 100 * np.diff(table, axis=0)


def pairs(verdicts: np.ndarray, table: np.ndarray) -> list[tuple[int, int]]:
    """For each trick (claim, what the table says), both 1 helps, −1 hurts, 0 cannot tell."""
    return [(int(claim), side(row)) for claim, row in zip(verdicts, steps(verdicts, table), strict=True)]


def complete(verdicts, total, strongest, table) -> float:
    """`each_seed_its_own` of the accuracies."""
    steps(verdicts, table)
    return each_seed_its_own(table.T, FEWEST_SEEDS)


def right_total(verdicts, total, strongest, table) -> float:
    """How the claimed total agrees with the mean gain from the first rung to the last, by `agreement`."""
    return agreement(float(total), float(steps(verdicts, table).sum(axis=0).mean()))


def right_strongest(verdicts, total, strongest, table) -> float:
    """1 when the strongest trick has the largest mean gain; 0 when it is the one with the highest rung, −1 for any other."""
    means = steps(verdicts, table).mean(axis=1)
    named = int(strongest) - 1
    if means[named] >= means.max() - 1e-9:
        return 1.0
    return 0.0 if named + 1 == int(table.mean(axis=1).argmax()) else -1.0


def not_the_opposite(verdicts, total, strongest, table) -> float:
    """Whether no verdict says the opposite of the table."""
    return none_opposite(pairs(verdicts, table))


def not_too_much(verdicts, total, strongest, table) -> float:
    """Whether every verdict that a trick helps or hurts is beyond two standard errors."""
    return none_too_bold(pairs(verdicts, table))


def not_too_little(verdicts, total, strongest, table) -> float:
    """Whether every "cannot tell" is within two standard errors."""
    return none_too_shy(pairs(verdicts, table))
