"""The widget of normalisation's axes: its sets are PyTorch's, and it names what a student's function shares."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from autograder.units import import_unit
from convnets.widgets import normalization_axes
from convnets.widgets.normalization import normalised, sets_of

norms = import_unit("03_normalization")
X = np.random.default_rng(0).integers(-4, 9, (3, 4, 2, 2)).astype(float)
ONES, ZEROS = np.ones(4), np.zeros(4)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(n=st.integers(1, 3), groups=st.integers(1, 3), size=st.integers(1, 2), h=st.integers(2, 3), w=st.integers(1, 3), seed=st.integers(0, 99))
def test_the_sets_give_pytorchs_normalisations(n, groups, size, h, w, seed):
    x = np.random.default_rng(seed).standard_normal((n, groups * size, h, w))
    t = torch.from_numpy(x)
    theirs = {
        "batch": F.batch_norm(t, None, None, training=True), "layer": F.layer_norm(t, x.shape[1:]),
        "instance": F.instance_norm(t), "group": F.group_norm(t, groups),
    }  # fmt: skip
    for method, expected in theirs.items():
        np.testing.assert_allclose(normalised(x, sets_of(method, x.shape, groups), 1e-5), expected.numpy(), atol=1e-9)


def from_axes(*axes):
    return lambda x: (x - x.mean(axis=axes, keepdims=True)) / np.sqrt(x.var(axis=axes, keepdims=True) + 1e-5)


@pytest.mark.parametrize(
    ("function", "mark", "words"),
    [
        (lambda x: norms.batchnorm2d_forward(x, ONES, ZEROS, ZEROS, ONES, True), "✓", "as batch normalisation does"),
        (lambda x: norms.layernorm_forward(x, np.ones(x.shape[1:]), np.zeros(x.shape[1:])), "✓", "as layer normalisation does"),
        (lambda x: norms.instancenorm_forward(x, ONES, ZEROS), "✓", "as instance normalisation does"),
        (lambda x: norms.groupnorm_forward(x, ONES, ZEROS, 2), "✓", "group normalisation with 2 groups"),
        (lambda x: norms.batchnorm2d_forward(x, ONES, ZEROS, ZEROS, ONES, False), "✓", "its own input only"),
        (lambda x: norms.batchnorm2d_forward(x, 2 * ONES, ZEROS, ZEROS, ONES, True), "!", "But the values are not"),
        (from_axes(0), "✗", "over the images only"),
        (from_axes(1), "✗", "over the channels only"),
        (from_axes(3), "✗", "over rows"),
        (from_axes(0, 1, 2, 3), "✗", "the whole array"),
        (lambda x: x - np.roll(x, 1, axis=1) / 2, "✗", "forms no sets"),
        (lambda x: 0 * x, "✗", "do not depend on the input"),
        (lambda x: x[0], "✗", r"shape \(4, 2, 2\), it should be \(3, 4, 2, 2\)"),
        (lambda x: x.nonsense, "✗", "AttributeError"),
    ],
)
def test_a_students_function_is_recognised(function, mark, words):
    report = normalization_axes(X, function=function).student
    assert report["mark"] == mark
    assert re.search(words, report["words"]), report["words"]


@pytest.mark.parametrize(("groups", "words"), [(1, "layer normalisation"), (2, "with 2 groups"), (3, "with 3 groups"), (6, "instance normalisation")])
def test_sets_of_two_numbers_are_found_too(groups, words):
    x = np.random.default_rng(6).integers(-3, 7, (3, 6, 2, 1)).astype(float)
    report = normalization_axes(x, function=lambda x: norms.groupnorm_forward(x, np.ones(6), np.zeros(6), groups)).student
    assert report["mark"] == "✓" and words in report["words"]


def test_a_stub_is_not_called_an_error():
    def stub(x):
        raise NotImplementedError("Exercise groupnorm_forward: write this function.")

    widget = normalization_axes(X, method="group", function=stub)
    assert widget.method == "group" and widget.student["mark"] == "!"
    assert "groupnorm_forward" in widget.student["words"]


def test_the_function_may_change_its_input():
    def careless(x):
        x -= x.mean(axis=(0, 2, 3), keepdims=True)
        return x / np.sqrt((x**2).mean(axis=(0, 2, 3), keepdims=True) + 1e-5)

    assert normalization_axes(X, function=careless).student["mark"] == "✓"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: normalization_axes(np.zeros((3, 4))), "shaped \\(N, C, H, W\\)"),
        (lambda: normalization_axes(np.zeros((9, 9, 9, 9))), "2 to 200"),
        (lambda: normalization_axes(np.full((1, 2, 1, 1), np.nan)), "finite"),
        (lambda: normalization_axes(X, method="weight"), "batch, layer, group, instance"),
        (lambda: normalization_axes(X, method="group", groups=3), "must divide the 4 channels"),
        (lambda: normalization_axes(X, function=3), "callable"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_the_picture_tells_what_it_shows():
    widget = normalization_axes(X, method="layer")
    html = widget.still_html()
    assert re.search(r'<img [^>]*alt="Normalisation axes: 3×4×2×2, Layer norm\. [^"]*with 16 numbers in all', html)
    assert "http://" not in html.replace("http://www.w3.org/", "") and "https://" not in html
    assert widget.sets().reshape(-1).tolist() == np.repeat([0, 1, 2], 16).tolist()
