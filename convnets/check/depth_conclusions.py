"""Holding a learner's conclusion about depth against the learner's own errors, as `convnets.check.conclusions` does for other experiments.

claims: (3,), 1, 0 or −1: the plain net's training error rises (1) or falls (−1) from the smallest to the greatest depth; the residual net's does; the
residual net (1) or the plain net (−1) has the lower error at the greatest depth. 0 says that one cannot tell.
table: (2, depths, S), training errors in percent, plain and residual, of S seeds.
"""

from __future__ import annotations

import numpy as np

from convnets.check.conclusions import FEWEST_SEEDS, each_seed_its_own, none_opposite, none_too_bold, none_too_shy, side

FEWEST_DEPTHS = 3
AGAIN = "Delete degradation.safetensors and run the experiment again."


def verdicts(claims: np.ndarray, table: np.ndarray) -> list[tuple[int, int]]:
    """For each of the three claims (claim, what the table says). Raises ValueError when the numbers are no measurements."""
    if claims.shape != (3,) or not np.isin(claims, (-1, 0, 1)).all():
        raise ValueError("A conclusion has three entries: plain, residual and deepest.")
    if table.ndim != 3 or table.shape[0] != 2 or table.shape[1] < FEWEST_DEPTHS or not table.shape[2]:
        raise ValueError(f'The table of errors has the shape {table.shape}, expected (2, depths, seeds) with {FEWEST_DEPTHS} depths or more. Hand on own["training"] as it is. {AGAIN}')
    if missing := np.count_nonzero(np.isnan(table)):
        raise ValueError(f"Your table has no error yet (NaN) for {missing} of its {table.size} runs. Run the experiment's cell again: it goes on where it stopped.")
    if not ((table >= 0) & (table <= 100)).all():
        raise ValueError(f"Your table holds errors outside of 0 to 100 percent. {AGAIN}")
    if table.max() <= 1:
        raise ValueError(f"Your table seems to hold shares from 0 to 1; `error_rate` returns percent. {AGAIN}")
    plain, residual = table
    differences = (plain[-1] - plain[0], residual[-1] - residual[0], plain[-1] - residual[-1])
    return [(int(claim), side(d)) for claim, d in zip(claims, differences, strict=True)]


def complete(claims: np.ndarray, table: np.ndarray) -> float:
    """`each_seed_its_own` of the errors."""
    verdicts(claims, table)
    return each_seed_its_own(table.reshape(-1, table.shape[2]).T, FEWEST_SEEDS)


def not_the_opposite(claims: np.ndarray, table: np.ndarray) -> float:
    """Whether no claim says the opposite of the table."""
    return none_opposite(verdicts(claims, table))


def not_too_much(claims: np.ndarray, table: np.ndarray) -> float:
    """Whether every claim but "cannot tell" is beyond two standard errors."""
    return none_too_bold(verdicts(claims, table))


def not_too_little(claims: np.ndarray, table: np.ndarray) -> float:
    """Whether every "cannot tell" is within two standard errors."""
    return none_too_shy(verdicts(claims, table))
