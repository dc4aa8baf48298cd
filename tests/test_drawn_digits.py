"""The machine that writes digits: what it promises, and that its digits can be told apart."""

import numpy as np
import pytest

from convnets.data import drawn_digits
from convnets.data.strokes import WAYS, pen


def test_as_many_of_each_and_the_same_seed_gives_the_same():
    images, labels = drawn_digits(200, seed=3)
    assert images.shape == (200, 28, 28) and images.dtype == np.uint8
    assert np.bincount(labels).tolist() == [20] * 10 and labels.dtype == np.int64
    again, same = drawn_digits(200, seed=3)
    np.testing.assert_array_equal(images, again)
    np.testing.assert_array_equal(labels, same)
    assert (drawn_digits(200, seed=4)[0] != images).any()


def test_digits_are_white_on_black_whole_and_near_the_middle():
    images, _ = drawn_digits(500, seed=0)
    ink = images / 255.0
    assert (ink.max((1, 2)) > 0.9).all()
    assert 0.03 < ink.mean() < 0.2
    border = np.concatenate([ink[:, 0], ink[:, -1], ink[:, :, 0], ink[:, :, -1]], axis=1)
    assert (border.max(1) > 0).mean() < 0.08
    centre = (ink * np.arange(28)[:, None]).sum((1, 2)) / ink.sum((1, 2))
    assert np.abs(centre - 13.5).max() < 6


def test_the_pen_is_round_and_its_ink_fades_over_one_pixel():
    line = np.array([[[[5.0, 8.0], [12.0, 8.0]]]])
    inked = pen(line, np.array([1.2]), 20)[0]
    rows, columns = np.mgrid[:20, :20]
    distance = np.hypot(np.maximum(np.maximum(5 - columns, columns - 12), 0), rows - 8)
    np.testing.assert_allclose(inked, np.clip(1.7 - distance, 0, 1), atol=1e-5)


def test_every_digit_has_two_ways_within_the_unit_square():
    assert len(WAYS) == 10
    for ways in WAYS:
        assert len(ways) >= 2
        for way in ways:
            points = np.concatenate([np.array(stroke) for stroke in way])
            assert points.min() > -0.06 and points.max() < 1.06


def test_digits_can_be_told_apart_by_their_neighbours():
    (known, labels), (new, right) = drawn_digits(3000, seed=0), drawn_digits(200, seed=1)
    far = ((known.reshape(3000, -1)[None].astype(np.float32) - new.reshape(200, 1, -1)) ** 2).sum(2)
    assert (labels[far.argmin(1)] == right).mean() > 0.85


@pytest.mark.parametrize("bad", [0, -1, 20_001, 2.5, True, "ten"])
def test_bad_counts_get_one_clear_error(bad):
    with pytest.raises(ValueError, match="count must be a whole number from 1 to 20,000"):
        drawn_digits(bad)
