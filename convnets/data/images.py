"""What the loaders return."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Images:
    """Labelled images, split into a part to train on and a part to test with.

    train_images, test_images   uint8 arrays, (N, H, W) for grey and (N, H, W, 3) for RGB images
    train_labels, test_labels   int64 arrays (N,): positions in `classes`
    classes                     names of the classes

    The arrays are yours: change them as you like.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    classes: tuple[str, ...]

    def __repr__(self):
        shape = "×".join(map(str, self.train_images.shape[1:]))
        return (
            f"<Images: {len(self.train_images):,} to train on, {len(self.test_images):,} to test with, "
            f"{shape}, {len(self.classes)} classes>"
        )
