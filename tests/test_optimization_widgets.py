"""The race of optimisers, the dropout masks and the augmentation playground: what they compute, refuse and say."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convnets.widgets import augmentation_playground, dropout_masks, optimizer_race
from convnets.widgets.dropout import hidden_values
from convnets.widgets.race import height, slope

PHOTO = np.random.default_rng(0).random((12, 9, 3)).astype(np.float32)


def momentum(x, gradient, state, learning_rate):
    state["v"] = 0.9 * state.get("v", 0) + gradient
    return x - learning_rate * state["v"]


# --- the race


OPTIMIZERS = {
    "SGD": lambda p, rate: torch.optim.SGD(p, lr=rate), "Momentum": lambda p, rate: torch.optim.SGD(p, lr=rate, momentum=0.9),
    "RMSProp": lambda p, rate: torch.optim.RMSprop(p, lr=rate, alpha=0.9), "Adam": lambda p, rate: torch.optim.Adam(p, lr=rate),
}  # fmt: skip


def loss_of(surface, condition, p):
    return (p[0] ** 2 + condition * p[1] ** 2) / 2 if surface == "valley" else (condition * p[0] ** 2 - p[1] ** 2) / 2 + p[1] ** 4 / 4 + 0.25


@given(
    surface=st.sampled_from(["valley", "saddle"]), condition=st.floats(1, 100), x=st.floats(-4, 4), y=st.floats(-2.4, 2.4),
    rate=st.floats(1e-3, 0.01), seed=st.integers(0, 99), noise=st.floats(0, 2),
)  # fmt: skip
@settings(max_examples=15, deadline=None)
def test_every_runner_takes_pytorchs_steps(surface, condition, x, y, rate, seed, noise):
    race = optimizer_race(surface, condition=condition, start=(x, y), noise=noise, seed=seed, steps=12, rates=dict.fromkeys(OPTIMIZERS, rate))
    kicks = np.random.default_rng(seed).standard_normal((12, 2))
    for name, path in race.paths().items():
        p = torch.tensor([x, y], dtype=torch.float64, requires_grad=True)
        optimizer = OPTIMIZERS[name]([p], rate)
        for kick, expected in zip(kicks, path[1:], strict=True):
            (gradient,) = torch.autograd.grad(loss_of(surface, condition, p), p)
            p.grad = gradient + noise * torch.from_numpy(kick)
            optimizer.step()
            np.testing.assert_allclose(p.detach().numpy(), expected, rtol=1e-6, atol=1e-7)


@given(surface=st.sampled_from(["valley", "saddle"]), condition=st.floats(1, 200), x=st.floats(-4, 4), y=st.floats(-2.4, 2.4))
def test_the_slope_is_that_of_the_height(surface, condition, x, y):
    point, tiny = np.array([x, y]), 1e-5
    for axis in np.eye(2):
        numeric = (height(surface, condition, point + tiny * axis) - height(surface, condition, point - tiny * axis)) / (2 * tiny)
        assert numeric == pytest.approx(slope(surface, condition, point) @ axis, rel=1e-4, abs=1e-4)


def test_a_rule_is_recognised_and_runs_again_when_a_control_moves():
    race = optimizer_race(function=momentum)
    assert race.student["same"] == "Momentum"
    race.rates = race.rates | {"yours": 0.01}
    assert race.student["settings"][-1] == 0.01 and race.student["same"] == "Momentum"
    race.surface = "saddle"
    assert race.student["settings"][0] == "saddle"
    assert optimizer_race(function=lambda x, g, state, rate: x - 2 * rate * g).student["same"] is None


def test_a_runner_that_flies_away_is_said_to():
    race = optimizer_race(rates={"SGD": 0.1})
    assert race.losses()["SGD"] == np.inf and "SGD inf" in race.summary()


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (lambda x, g, state, rate: None, "returned None"),
        (lambda x, g, state, rate: x[0], r"shape \(\), it should be \(2,\)"),
        (lambda x, g, state, rate: state["missing"], 'raised KeyError.*state\\["missing"\\]'),
    ],
)
def test_a_broken_rule_gets_one_sentence(rule, words):
    race = optimizer_race(function=rule)
    assert re.search(words, race.student["problem"]) and race.student["path"] == []


@pytest.mark.parametrize("bad", [{"condition": 0}, {"noise": -1}, {"start": (9, 0)}, {"start": (1,)}, {"steps": 0}, {"rates": {"Adagrad": 0.1}}, {"rates": {"SGD": 0}}, {"function": 3}, {"surface": "hill"}])  # fmt: skip
def test_bad_races_get_one_clear_error(bad):
    with pytest.raises(ValueError, match=next(iter(bad)) if bad != {"rates": {"SGD": 0}} else "learning rate of SGD"):
        optimizer_race(**bad)


# --- dropout


def right(h, p, rng):
    return h * (rng.random(h.shape) >= p) / (1 - p)


def in_place(h, p, rng):
    h *= 0.5
    return right(h, p, rng)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.8])
def test_a_right_dropout_agrees_for_every_p(p):
    report = dropout_masks(p, function=right).student
    assert report["mark"] == "✓" and len(report["values"]) == 200


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda h, p, rng: h * (rng.random(h.shape) >= p), "multiplied the others by 1: it should be"),
        (lambda h, p, rng: h * (rng.random(h.shape) >= p) * (1 - p), "by 0.7: it should be"),
        (lambda h, p, rng: h * (rng.random(h.shape) < p) / p, "probability to be dropped, not to be kept"),
        (lambda h, p, rng: h, "dropped 0 %"),
        (lambda h, p, rng: right(h, p, np.random.default_rng(0)), "same values every time"),
        (lambda h, p, rng: h * (rng.random() >= p) / (1 - p), "all values or none|it should be about"),
        (lambda h, p, rng: None, "returned None"),
        (lambda h, p, rng: h[:3], r"shape \(3,\)"),
        (lambda h, p, rng: h / 0, "NaN or infinity"),
        (lambda h, p, rng: h.undefined, "AttributeError"),
        (in_place, "changed the array"),
    ],
)
def test_what_is_wrong_with_a_dropout_is_said(function, words):
    report = dropout_masks(0.3, function=function).student
    assert report["mark"] == "✗" and re.search(words, report["words"])


def test_the_mean_over_masks_goes_to_the_output_without_dropout_only_with_scaling():
    masks = dropout_masks(0.5)
    masks.draw = 200
    _, mean, full = masks.outputs()
    assert mean == pytest.approx(full, rel=0.1)
    masks.scaled = False
    assert masks.outputs()[1] == pytest.approx(full / 2, rel=0.1)
    assert (hidden_values() > 0).all()


def test_bad_dropouts_get_one_clear_error():
    for bad in (-0.1, 0.95, "half", True):
        with pytest.raises(ValueError, match="p must be a number"):
            dropout_masks(bad)
    with pytest.raises(ValueError, match="function"):
        dropout_masks(function=1)


# --- augmentation


def flip(image, rng):
    return image[:, ::-1] if rng.random() < 0.5 else image


def darken_in_place(image, rng):
    image *= rng.uniform(0.5, 1)
    return image


@pytest.mark.parametrize(
    ("function", "mark", "words"),
    [
        (flip, "✓", "original is untouched"),
        (darken_in_place, "✗", "changed the image that it was given"),
        (lambda image, rng: image[2:], "✗", "is 12×9×3, but a result is 10×9×3"),
        (lambda image, rng: image.mean(2), "✗", r"shape \(12, 9\)"),
        (lambda image, rng: image + rng.random(), "!", "np.clip"),
        (lambda image, rng: image, "!", "All eight draws are the same"),
        (lambda image, rng: None, "✗", "returned None"),
        (lambda image, rng: 1 / 0, "✗", "ZeroDivisionError"),
        (lambda image, rng: np.full(image.shape, np.nan), "✗", "NaN"),
    ],
)
def test_what_an_augmentation_does_is_said(function, mark, words):
    report = augmentation_playground(PHOTO, function=function).student
    assert report["mark"] == mark and re.search(words, report["words"])


def test_a_new_seed_draws_again():
    playground = augmentation_playground(PHOTO, function=lambda image, rng: image * rng.random())
    before = playground.student["images"]
    playground.seed += 1
    assert len(before) == 8 and playground.student["images"] != before and playground.student["seed"] == 1


@pytest.mark.parametrize(("image", "words"), [(np.zeros((4, 4)), "shape"), (np.zeros((400, 4, 3)), "320"), (np.zeros((4, 4, 3), np.uint8), "divide bytes by 255"), (np.full((4, 4, 3), 2.0), "0 to 1")])  # fmt: skip
def test_bad_photos_get_one_clear_error(image, words):
    with pytest.raises(ValueError, match=words):
        augmentation_playground(image)


# --- pages


@pytest.mark.parametrize("make", [optimizer_race, lambda: optimizer_race("saddle", function=momentum), dropout_masks, lambda: dropout_masks(function=right), augmentation_playground, lambda: augmentation_playground(PHOTO, function=flip)])  # fmt: skip
def test_each_brings_a_picture_with_a_text_and_needs_no_network(make):
    widget = make()
    data, _ = widget._repr_mimebundle_()
    assert re.search(r'<img [^>]*alt="[^"]{40,}"', widget.picture())
    assert "http" not in data["text/html"].replace("http://www.w3.org/2000/svg", "")
    assert data["text/plain"] == widget.summary()
