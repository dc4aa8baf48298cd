"""Digits that a machine writes with an unsteady hand: a few strokes each, bent, turned and drawn with a round pen."""

from itertools import pairwise

import numpy as np

SIDE = 28
TALL, WIDE = 18.0, 13.0
MOST = 20_000


def arc(x, y, width, height, start, end):
    """Points of an ellipse around (x, y), from `start` to `end` degrees; 0 is right, 90 is below. One point each 30 degrees."""
    angles = np.radians(np.linspace(start, end, max(2, round(abs(end - start) / 30) + 1)))
    return [(x + width * a, y + height * b) for a, b in zip(np.cos(angles), np.sin(angles), strict=True)]


# Digit → its ways of being written → strokes → points (x, y), both from 0 to 1, y downwards.
WAYS = (
    ([arc(0.5, 0.5, 0.42, 0.48, -90, 270)], [arc(0.5, 0.5, 0.3, 0.49, -60, 300)]),
    ([[(0.5, 0.02), (0.5, 0.98)]], [[(0.25, 0.28), (0.55, 0.02), (0.55, 0.98)]], [[(0.25, 0.25), (0.52, 0.02), (0.52, 0.98)], [(0.22, 0.98), (0.82, 0.98)]]),
    ([[*arc(0.48, 0.29, 0.36, 0.27, 195, 390), (0.45, 0.72), (0.12, 0.97), (0.9, 0.97)]], [[*arc(0.48, 0.26, 0.34, 0.24, 210, 400), *arc(0.26, 0.86, 0.16, 0.11, 270, -20), (0.92, 0.95)]]),
    ([[*arc(0.45, 0.26, 0.34, 0.24, 205, 450), *arc(0.45, 0.74, 0.4, 0.24, 270, 515)]], [[(0.12, 0.03), (0.85, 0.03), (0.42, 0.4), *arc(0.44, 0.69, 0.4, 0.29, 275, 510)]]),
    ([[(0.2, 0.05), (0.12, 0.6), (0.92, 0.6)], [(0.7, 0.1), (0.66, 0.98)]], [[(0.68, 0.98), (0.68, 0.02), (0.06, 0.66), (0.95, 0.66)]], [[(0.35, 0.03), (0.06, 0.6), (0.92, 0.58)], [(0.64, 0.35), (0.62, 0.98)]]),
    ([[(0.85, 0.03), (0.24, 0.03), (0.17, 0.44), *arc(0.45, 0.68, 0.38, 0.29, 225, 510)]], [[(0.26, 0.06), (0.22, 0.46), *arc(0.4, 0.7, 0.42, 0.27, 240, 490)], [(0.26, 0.06), (0.9, 0.03)]]),
    ([[*arc(0.82, 0.58, 0.66, 0.56, 265, 185), *arc(0.5, 0.71, 0.33, 0.27, 180, -180)]], [[(0.62, 0.02), (0.3, 0.36), *arc(0.5, 0.7, 0.36, 0.28, 200, -190)]]),
    ([[(0.1, 0.05), (0.9, 0.05), (0.42, 0.98)]], [[(0.1, 0.05), (0.9, 0.05), (0.4, 0.98)], [(0.28, 0.52), (0.82, 0.5)]], [[(0.1, 0.16), (0.12, 0.04), (0.88, 0.06), (0.6, 0.45), (0.48, 0.98)]]),
    ([[*arc(0.5, 0.26, 0.29, 0.24, 90, 450), *arc(0.5, 0.74, 0.37, 0.24, 270, 630)]], [[(0.5 + 0.34 * np.sin(2 * t), 0.5 - 0.48 * np.cos(t)) for t in np.linspace(0, 2 * np.pi, 25)]]),
    ([[*arc(0.47, 0.29, 0.34, 0.27, 0, -360), (0.74, 0.98)]], [[*arc(0.5, 0.28, 0.34, 0.26, -30, -360), *arc(0.22, 0.42, 0.6, 0.55, 0, 85)]]),
)  # fmt: skip


def pen(segments, radius, side=SIDE):
    """What a round pen leaves behind, float32 (N, side, side) from 0 to 1.

    segments: (N, K, 2, 2), from and to, each (x, y) in pixels; the centre of the first pixel is (0, 0)
    radius: (N,) in pixels; ink fades over one pixel, so its value at the distance d is radius + 0.5 - d, cut to 0 … 1
    """
    a, v = (part[..., None].astype(np.float32) for part in (segments[:, :, 0], segments[:, :, 1] - segments[:, :, 0]))
    place = np.arange(side, dtype=np.float32)
    dx, dy = (place - a[:, :, 0])[:, :, None, :], (place - a[:, :, 1])[:, :, :, None]
    vx, vy = v[:, :, 0, :, None], v[:, :, 1, :, None]
    t = np.clip((dx * vx + dy * vy) / np.maximum(vx**2 + vy**2, 1e-6), 0, 1)
    distance = np.sqrt(((dx - t * vx) ** 2 + (dy - t * vy) ** 2).min(axis=1))
    return np.clip(radius[:, None, None] + 0.5 - distance, 0, 1).astype(np.float32)


def drawn_digits(count, seed=0):
    """Return `count` digits as a machine draws them: images uint8 (count, 28, 28) on black, and labels int64 (count,).

    Like MNIST's, they are white strokes, about 18 pixels high, near the middle. Each is written in one of two or three ways, then bent, slanted, turned, stretched,
    moved, and drawn with a thinner or thicker pen. As many of each digit as possible, well mixed. The same seed gives the same digits.

    Raises ValueError for a count that is not a whole number from 1 to 20,000.
    """
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or not 1 <= count <= MOST:
        raise ValueError(f"count must be a whole number from 1 to {MOST:,}, not {count!r}.")
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % 10)
    ways = [[_segments(way) for way in digit] for digit in WAYS]
    longest = max(len(way) for digit in ways for way in digit)
    images = np.empty((count, SIDE, SIDE), np.uint8)
    for start in range(0, count, 100):
        chosen = [ways[label][rng.integers(len(ways[label]))] for label in labels[start : start + 100]]
        segments = np.stack([np.concatenate([way, np.repeat(way[-1:], longest - len(way), axis=0)]) for way in chosen])
        inked = pen(_unsteady(segments, rng), rng.uniform(0.6, 1.7, len(segments)))
        images[start : start + 100] = np.rint(255 * inked)
    return images, labels


def _segments(way):
    return np.array([(a, b) for stroke in way for a, b in pairwise(stroke)])


def _unsteady(segments, rng):
    """The segments (N, K, 2, 2) bent, slanted, turned, stretched and moved, in pixels."""
    n = len(segments)
    points = segments.reshape(n, -1, 2) - 0.5
    for _ in range(2):
        wave, phase = rng.normal(0, 4, (n, 2, 2)), rng.uniform(0, 2 * np.pi, (n, 1, 2))
        points = points + rng.uniform(0, 0.05, (n, 1, 2)) * np.sin(points @ wave + phase)
    angle, slant = rng.normal(0, 0.12, n), rng.normal(0.08, 0.16, n)
    across, down = WIDE * rng.uniform(0.75, 1.3, n), TALL * rng.uniform(0.8, 1.2, n)
    x, y = points[..., 0] * across[:, None], points[..., 1] * down[:, None]
    x = x - slant[:, None] * y
    turned = np.stack([x * np.cos(angle)[:, None] - y * np.sin(angle)[:, None], x * np.sin(angle)[:, None] + y * np.cos(angle)[:, None]], axis=-1)
    return (turned + (SIDE - 1) / 2 + rng.uniform(-2, 2, (n, 1, 2))).reshape(segments.shape)
