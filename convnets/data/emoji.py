"""Emoji in two drawing styles, 32×32: the same things, drawn by Google and by Twitter."""

import io
from dataclasses import dataclass

import numpy as np

from convnets.data.sources import check_sha256, shipped

LICENCE = "Noto images Apache-2.0, Twemoji images CC BY 4.0, names MIT"
FILE = "emoji32.npz"
SHA256 = "3e2eaa275603cf8fd77807f725cf1c2de00040e8d3774737a79b019ae408bc00"


@dataclass(frozen=True, eq=False)
class Emoji:
    """The same emoji in two styles.

    noto, twemoji    uint8 arrays (N, 32, 32, 3), RGB on white: Google's and Twitter's drawing of the same emoji
    labels           int64 array (N,): positions in `classes`
    classes          names of the categories
    names            short name of each emoji
    subcategories    finer category of each emoji
    """

    noto: np.ndarray
    twemoji: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    names: tuple[str, ...]
    subcategories: tuple[str, ...]

    def __repr__(self):
        return f"<Emoji: {len(self.labels):,} in two styles, 32×32×3, {len(self.classes)} classes>"


def load_emoji():
    """1,906 emoji in the styles Noto and Twemoji, which come with the course, as `Emoji`."""
    content = shipped(FILE).read_bytes()
    check_sha256(content, SHA256)
    with np.load(io.BytesIO(content)) as arrays:
        classes, labels = np.unique(arrays["category"], return_inverse=True)
        return Emoji(
            noto=arrays["noto"],
            twemoji=arrays["twemoji"],
            labels=labels.astype(np.int64),
            classes=tuple(classes.tolist()),
            names=tuple(arrays["name"].tolist()),
            subcategories=tuple(arrays["subcategory"].tolist()),
        )
