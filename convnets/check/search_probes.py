"""Probes for searches: they stand in for training with numbers that are known beforehand, and watch what a function does with them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import numpy as np

ENTRIES = ("wins", "gain", "error", "winner")
WINNERS = {"random": 1.0, "nobody": 0.0, "grid": -1.0}


def rows_in_order(function: Callable, *args, **settings) -> np.ndarray:
    """What the function returns, as rows in a fixed order: their own does not matter."""
    rows = np.asarray(function(*args, **settings))
    return rows[np.lexsort(np.round(rows, 9).T[::-1])] if rows.ndim == 2 else rows


class Rehearsal:
    """A training run whose validation accuracies are known: epoch i has scores[i], and its weights are the number i."""

    def __init__(self, scores: np.ndarray):
        self.scores = scores
        self.trained = 0
        self.weights = -1
        self.kept = None

    def epoch(self) -> float:
        if self.trained == len(self.scores):
            raise RuntimeError(f"your function asks for more than {self.trained} epochs: nothing stops it")
        self.weights = self.trained
        self.trained += 1
        return float(self.scores[self.weights])

    def keep(self) -> None:
        self.kept = self.weights

    def go_back(self) -> None:
        if self.kept is None:
            raise RuntimeError("run.go_back() was called before any run.keep()")
        self.weights = self.kept


def rehearsed(train_with_patience: Callable, scores: np.ndarray, patience: int, most: int) -> tuple:
    """(accuracies that it returned, epochs that it trained, epoch whose weights the run has in the end)."""
    run = Rehearsal(scores)
    returned = train_with_patience(run, patience, most)
    return returned if returned is None else np.asarray(returned), run.trained, run.weights


def halved(successive_halving: Callable, table: np.ndarray, **settings) -> tuple:
    """(the winner's number, how many settings were trained in each rung) where table[r, s] is the score of setting s after rung r."""
    rungs, count = table.shape
    trained = []

    def advance(settings):
        chosen = np.asarray(settings)
        if len(trained) == rungs:
            raise RuntimeError(f"advance was called more than {rungs} times; there are {rungs} rungs")
        if chosen.ndim != 1 or chosen.dtype.kind not in "iu" or not len(chosen):
            raise RuntimeError(f"advance needs the numbers of the settings that go on, whole numbers from 0, and got {settings!r}")
        trained.append(len(chosen))
        return table[len(trained) - 1, chosen]

    winner = successive_halving(advance, count, rungs, **settings)
    return winner, np.array(trained + [0] * (rungs - len(trained)))


def asked_once(choose: Callable, validation: np.ndarray, test: np.ndarray) -> tuple:
    """(the chosen setting, the reported number, how often the test images were asked); test: (settings, seeds)."""
    asked = []

    def test_of(setting):
        asked.append(setting)
        return test[setting].copy()

    chosen, reported = choose(validation, test_of)
    return chosen, reported, len(asked)


def claims_and_searches(my_conclusion: Callable) -> tuple | None:
    """What the learner claims and what the learner measured, as they stand: (wins, gain, error, winner) as numbers, and both rows of results (n,)."""
    own = my_conclusion.__globals__.get("own")
    if own is None:
        with contextlib.suppress(TypeError):
            my_conclusion()
        raise FileNotFoundError("there are no searches of yours yet: run them, and hand in searches.safetensors with your notebook")
    if not isinstance(own, dict) or not {"random", "grid"} <= own.keys():
        raise ValueError("`own` holds no results named random and grid: delete searches.safetensors, run the searches again, then the cell that reads the file")
    claims = my_conclusion()
    if claims is None:
        return None
    if missing := [name for name in ENTRIES if not isinstance(claims, dict) or name not in claims]:
        raise ValueError(f"your conclusion has no {missing[0]}; it is a dict with {', '.join(ENTRIES)}")
    numbers = [number_in(claims, name) for name in ENTRIES[:3]]
    winner = claims["winner"] if isinstance(claims["winner"], str) else ""
    return np.array([*numbers, WINNERS.get(winner, np.nan)]), np.asarray(own["random"]), np.asarray(own["grid"])


def number_in(claims: dict, name: str) -> float:
    try:
        return float(claims[name])
    except (TypeError, ValueError) as error:
        raise ValueError(f"your {name} is no number, but a {type(claims[name]).__name__}") from error
