"""Questions about Fashion-MNIST images that a student's trained net has not seen, for the units in which weights are handed in."""

from __future__ import annotations

import numpy as np

from convnets.check.values import Case, case
from convnets.data import load_fashion_mnist

TESTED = 2000


def unseen(rng: np.random.Generator, n: int) -> tuple[Case, np.ndarray]:
    """The places of n shipped test images, and their labels (n,)."""
    rows = rng.permutation(TESTED)[:n]
    return case(rows), load_fashion_mnist().test_labels[rows]


def photographed_again(rng: np.random.Generator, n: int) -> tuple[Case, np.ndarray]:
    """n test images (n, 28, 28), uint8, in another light and with other noise, which only the instructor's secret decides: nobody has them beforehand. And their labels (n,)."""
    rows, data = rng.permutation(TESTED)[:n], load_fashion_mnist()
    images = data.test_images[rows]
    bright = images * rng.uniform(0.9, 1.1, (n, 1, 1)) + rng.normal(0, 6, images.shape)
    return case(np.where(images > 0, np.clip(bright, 1, 255), 0).astype(np.uint8)), data.test_labels[rows]


def unseen_well(probe: str, share: float, n: int) -> dict:
    """What a property needs that asks for `share` of n images right: visible ones by `unseen`, hidden ones photographed again."""
    return {"probe": probe, "accuracy": share, "calls": 1, "hidden": lambda rng: photographed_again(rng, n)}
