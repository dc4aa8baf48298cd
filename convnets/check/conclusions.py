"""Holding a learner's conclusion against the learner's own numbers.

A probe hands out what was claimed and what was measured, as they stand. Whether the one follows from the other is decided by these functions,
where answers are judged and never where they are given. Each takes arrays of float64 by name, believes none of them, and returns one number,
1 where the claim holds. ValueError says why the numbers themselves cannot be used, and what to do. Numbers that somebody invented with care cannot be
told from measured ones; but a claim that its own numbers do not support is found, whatever the process that answers does.
"""

from __future__ import annotations

import numpy as np

NEAR = 0.0501  # of a number given to one decimal
FEWEST_PAIRS = 3
FEWEST_SEEDS = 3
AGAIN = "Delete searches.safetensors and run the searches again."


def sums(differences: np.ndarray) -> tuple[int, float, float]:
    """(n, their sum, n times the sum of their squared distances from the mean) of n numbers of any shape."""
    flat = differences.ravel()
    total = float(flat.sum())
    return flat.size, total, max(0.0, float(flat.size * (flat @ flat) - total**2))


def side(differences: np.ndarray) -> int:
    """1 or −1 where the mean lies more than two of its standard errors above or below 0, else 0."""
    n, total, scatter = sums(differences)
    return int(np.sign(total)) if total**2 * (n - 1) > 4 * scatter else 0


# --- what all experiments share: verdicts are pairs (claim, what the numbers say), both 1, 0 or −1 ---------------------------


def each_seed_its_own(seeds: np.ndarray, fewest: int) -> float:
    """seeds: (S, numbers of a seed). 1 when there are enough seeds and each has numbers of its own; 0 for too few seeds, −1 for one that repeats another."""
    if len(seeds) < fewest:
        return 0.0
    return 1.0 if len(np.unique(seeds, axis=0)) == len(seeds) else -1.0


def none_opposite(verdicts: list[tuple[int, int]]) -> float:
    """Whether no claim says the opposite of the numbers."""
    return float(all(claim * says != -1 for claim, says in verdicts))


def none_too_bold(verdicts: list[tuple[int, int]]) -> float:
    """Whether every claim but "cannot tell" is beyond two standard errors."""
    return float(all(says != 0 for claim, says in verdicts if claim != 0))


def none_too_shy(verdicts: list[tuple[int, int]]) -> float:
    """Whether every "cannot tell" is within two standard errors."""
    return float(all(says == 0 for claim, says in verdicts if claim == 0))


# --- two searches, in pairs ----------------------------------------------------------------------------------------------


def pairs(claims: np.ndarray, random: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """The differences random − grid (n,). claims: (4,), as the probe writes them down. random, grid: (n,), percent. Raises ValueError when they are no measurements."""
    if claims.shape != (4,):
        raise ValueError("A conclusion has four entries: wins, gain, error and winner.")
    if random.ndim != 1 or random.shape != grid.shape:
        raise ValueError(f"Both searches should have one number for each repetition, and as many as the other; their shapes are {random.shape} and {grid.shape}. {AGAIN}")
    if len(random) < FEWEST_PAIRS:
        raise ValueError(f"Your file holds {len(random)} repetitions. Fewer than {FEWEST_PAIRS} show no spread. {AGAIN}")
    both = np.concatenate([random, grid])
    if not np.isfinite(both).all():
        raise ValueError(f"Your file holds accuracies that are not numbers (NaN or infinite). A run that broke counts as 10 %. {AGAIN}")
    if both.min() < 0 or both.max() > 100:
        raise ValueError(f"Your file holds accuracies outside of 0 to 100 percent. {AGAIN}")
    if both.max() <= 1:
        raise ValueError(f"Your file seems to hold shares from 0 to 1; the accuracies are asked in percent, as `Run.train` returns them. {AGAIN}")
    if np.ptp(random - grid) < 1e-9:
        raise ValueError(f"In every repetition the two searches differ by the same amount. What is measured scatters. {AGAIN}")
    return random - grid


def agreement(claim: float, truth: float) -> float:
    """1 when the claim is the number to one decimal; −1, 100 or 0.01 when it is that many times the number; else 0."""
    for factor in (1.0, -1.0, 100.0, 0.01):
        if abs(claim / factor - truth) <= NEAR:
            return factor
    return 0.0


def wins(claims, random, grid) -> float:
    """Whether claims[0] says in how many pairs random is strictly larger."""
    ahead = pairs(claims, random, grid) > 0
    return float(claims[0] == np.count_nonzero(ahead))


def gain(claims, random, grid) -> float:
    """How claims[1] agrees with the mean of the differences, by `agreement`."""
    n, total, _ = sums(pairs(claims, random, grid))
    return agreement(claims[1], total / n)


def error(claims, random, grid) -> float:
    """How claims[2] agrees with the standard error of that mean, by `agreement`."""
    n, _, scatter = sums(pairs(claims, random, grid))
    return agreement(claims[2], float(np.sqrt(scatter / (n - 1))) / n)


def winner(claims, random, grid) -> float:
    """1 when claims[3] (1 random, −1 grid, 0 nobody) is on the right side of two standard errors; 0 for a wrong "nobody", −1 for any other wrong claim."""
    says = side(pairs(claims, random, grid))
    return 1.0 if claims[3] == says else 0.0 if claims[3] == 0 else -1.0


# --- a cube of recipes ---------------------------------------------------------------------------------------------------


def verdicts(claims: np.ndarray, table: np.ndarray) -> list[tuple[int, int]]:
    """For each of three ingredients (claim, what the table says), both 1 helps, −1 hurts, 0 cannot tell.

    claims: (3,). table: (2, 2, 2, S), accuracies from 0 to 1, an axis for each ingredient, and the seeds. Raises ValueError when they are no measurements.
    """
    if claims.shape != (3,) or not np.isin(claims, (-1, 0, 1)).all():
        raise ValueError('A conclusion gives each of the three ingredients one of the words "helps", "hurts" and "cannot tell".')
    if table.ndim != 4 or table.shape[:3] != (2, 2, 2) or not table.shape[3]:
        raise ValueError(f"The table of results has the shape {table.shape}, expected (2, 2, 2, seeds). Hand on `results` as `experiment` returns it.")
    if missing := np.count_nonzero(np.isnan(table)):
        raise ValueError(f"Your table has no accuracy yet (NaN) for {missing} of its {table.size} runs. Run the experiment's cell again: it goes on where it stopped.")
    if not ((table > 0) & (table <= 1)).all():
        raise ValueError("Your table holds accuracies that are not between 0 and 1. They are shares, not percent: hand on `results` as `experiment` returns it.")
    return [(int(claim), side(np.diff(table, axis=axis))) for axis, claim in enumerate(claims)]


def complete(claims, table) -> float:
    """`each_seed_its_own` of the accuracies."""
    verdicts(claims, table)
    return each_seed_its_own(table.reshape(8, -1).T, FEWEST_SEEDS)


def not_the_opposite(claims, table) -> float:
    """Whether no claim says the opposite of the table."""
    return none_opposite(verdicts(claims, table))


def not_too_much(claims, table) -> float:
    """Whether every claim that an ingredient helps or hurts is beyond two standard errors."""
    return none_too_bold(verdicts(claims, table))


def not_too_little(claims, table) -> float:
    """Whether every "cannot tell" is within two standard errors."""
    return none_too_shy(verdicts(claims, table))
