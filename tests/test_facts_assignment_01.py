"""Numbers that assignment 01 states in its text, and its reference solutions against PyTorch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.units import find_unit, import_unit

unit = import_unit("01_convolution_arithmetic")
SIDE = st.integers(1, 9)


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "positions"), [(1, 0, 1, 5), (2, 0, 1, 3), (3, 0, 1, 2), (2, 1, 1, 4), (1, 0, 2, 3)]
)
def test_seven_pixels_and_a_window_of_three(stride, padding, dilation, positions):
    assert unit.output_size(7, 3, stride, padding, dilation) == positions


def test_stride_three_would_be_2_33_without_rounding():
    assert round((7 - 3) / 3 + 1, 2) == 2.33


def test_two_kernels_share_an_output_size():
    assert unit.output_size(32, 3, stride=2) == unit.output_size(32, 4, stride=2) == 15


def test_padding_examples():
    assert [unit.same_padding(3), unit.same_padding(5), unit.same_padding(3, dilation=2)] == [1, 2, 2]
    assert [unit.output_size(32, 4, padding=1), unit.output_size(32, 4, padding=2)] == [31, 33]


def test_ten_filters_of_five_by_five():
    assert unit.output_size(32, 5, padding=2) == 32
    assert unit.conv_parameters(3, 10, 5) == 10 * (3 * 5 * 5 + 1) == 760
    assert unit.conv_parameters(3, 10, 5, bias=False) == 750
    assert unit.conv_parameters(3, 10, (5, 1)) == 160
    assert unit.conv_multiply_adds(3, 10, 5, (32, 32)) == 10_240 * 75 == 768_000
    assert unit.activation_memory([(10, 32, 32)]) == 40_960
    assert unit.activation_memory([(10, 32, 32), (10,)]) == 41_000


def test_group_examples():
    assert unit.conv_parameters(4, 6, 3, groups=2) == 6 * 19 == 114
    assert unit.conv_multiply_adds(4, 6, 3, (10, 8), groups=2) == 6 * 10 * 8 * 18 == 8_640


def test_first_layer_of_alexnet():
    assert unit.output_size(227, 11, stride=4) == 55
    assert unit.output_size(224, 11, stride=4) == 54
    assert unit.conv_parameters(3, 1, 11) == 364
    assert unit.conv_parameters(3, 96, 11) == 34_944
    outputs = 96 * 55 * 55
    assert outputs == 290_400
    assert outputs * 364 == 105_705_600
    assert 3 * 227**2 == 154_587
    assert outputs * 154_587 == 44_892_064_800


def test_the_slip_on_the_slide():
    assert 3 * 277**2 == 230_187
    assert 230_187 * 290_400 == 66_846_304_800


def test_a_separable_convolution_is_eight_times_less_work():
    usual = unit.conv_multiply_adds(64, 128, 3, (56, 56))
    separable = unit.conv_multiply_adds(64, 64, 3, (56, 56), groups=64) + unit.conv_multiply_adds(64, 128, 1, (56, 56))
    assert round(usual / separable) == 8


def test_receptive_field_examples():
    assert unit.receptive_field([]) == (1, 1)
    assert unit.receptive_field([{"kernel": 3}] * 2) == (5, 5)
    assert unit.receptive_field([{"kernel": 3, "stride": 2}, {"kernel": 3}]) == (7, 7)
    assert unit.receptive_field([{"kernel": (1, 5)}, {"kernel": 3}]) == (3, 7)
    assert unit.receptive_field([{"kernel": 3}] * 6) == (13, 13)


def test_strides_and_growing_dilations_see_equally_far():
    strided = unit.receptive_field([{"kernel": 3, "stride": 2}] * 6)
    assert strided == unit.receptive_field([{"kernel": 3, "dilation": 2**i} for i in range(6)]) == (127, 127)
    assert 2**6 == 64


@given(st.integers(1, 9), st.integers(0, 8))
@settings(deadline=None)
def test_layers_of_one_kernel_without_stride(kernel, count):
    assert unit.receptive_field([{"kernel": kernel}] * count)[0] == 1 + count * (kernel - 1)


def test_alexnet_sees_195_pixels_at_its_last_pool():
    conv, pool = lambda k, s=1: {"kernel": k, "stride": s}, {"kernel": 3, "stride": 2}
    assert unit.receptive_field([conv(11, 4), pool, conv(5), pool, conv(3), conv(3), conv(3), pool]) == (195, 195)


def test_worked_examples_of_the_loops():
    assert unit.convolve_1d(np.array([1, 2, 3, 4]), np.array([10, 1, 0])).tolist() == [32, 43]
    image, kernel = np.array([[1, 2, 0, 1], [0, 3, 1, 2], [2, 0, 1, 1]]), np.array([[1, 2], [0, -1]])
    assert unit.correlate_2d(image, kernel).tolist() == [[2, 1, 0], [6, 4, 4]]
    assert unit.correlate_2d(image, kernel, stride=2).tolist() == [[2, 0]]
    assert unit.correlate_2d(image, kernel, padding=1).shape == (4, 5)


def test_an_impulse_shows_the_kernel():
    kernel = np.arange(1, 10).reshape(3, 3)
    impulse = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    assert unit.convolve_2d(impulse, kernel, padding=1).tolist() == kernel.tolist()
    assert unit.correlate_2d(impulse, kernel, padding=1).tolist() == [[9, 8, 7], [6, 5, 4], [3, 2, 1]]


@pytest.mark.parametrize(("edges", "values"), [("constant", [6, 12, 10]), ("edge", [8, 12, 16]), ("reflect", [10, 12, 14])])
def test_three_kinds_of_border(edges, values):
    image = np.array([2.0, 4.0, 6.0]).reshape(1, 3, 1)
    assert unit.filter_image(image, np.ones((1, 3)), edges).ravel().tolist() == values


@pytest.mark.parametrize(
    ("edges", "row"),
    [("constant", [0, 0, 1, 2, 3, 4, 0, 0]), ("edge", [1, 1, 1, 2, 3, 4, 4, 4]), ("reflect", [3, 2, 1, 2, 3, 4, 3, 2])],
)
def test_borders_as_drawn(edges, row):
    assert np.pad([1, 2, 3, 4], 2, mode=edges).tolist() == row


def test_named_kernels_keep_brightness_or_answer_to_change():
    sums = {name: kernel.sum() for name, kernel in unit.KERNELS.items()}
    assert {name for name, total in sums.items() if np.isclose(total, 1)} == {"identity", "box blur", "Gaussian blur", "sharpen"}
    assert {name for name, total in sums.items() if np.isclose(total, 0)} == {"edge", "brighter right"}


@given(st.integers(1, 24), st.integers(1, 6), st.integers(1, 4), st.integers(0, 3), st.integers(1, 3))
@settings(deadline=None)
def test_output_size_is_pytorchs(size, kernel, stride, padding, dilation):
    x = torch.zeros(1, 1, size, device="meta")
    w = torch.zeros(1, 1, kernel, device="meta")
    try:
        expected = torch.nn.functional.conv1d(x, w, stride=stride, padding=padding, dilation=dilation).shape[-1]
    except RuntimeError:
        with pytest.raises(ValueError, match="does not fit"):
            unit.output_size(size, kernel, stride, padding, dilation)
    else:
        assert unit.output_size(size, kernel, stride, padding, dilation) == expected


@given(SIDE, st.integers(1, 4))
@settings(deadline=None)
def test_same_padding_keeps_the_size(kernel, dilation):
    x, w = torch.zeros(1, 1, 40, device="meta"), torch.zeros(1, 1, kernel, device="meta")
    sizes = [torch.nn.functional.conv1d(x, w, padding=p, dilation=dilation).shape[-1] for p in range(17)]
    if 40 in sizes:
        assert unit.same_padding(kernel, dilation) == sizes.index(40)
    else:
        with pytest.raises(ValueError, match="no centre"):
            unit.same_padding(kernel, dilation)


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), SIDE, SIDE, st.booleans())
@settings(deadline=None)
def test_parameters_are_pytorchs(channels, filters, groups, kh, kw, bias):
    layer = torch.nn.Conv2d(channels * groups, filters * groups, (kh, kw), groups=groups, bias=bias, device="meta")
    expected = sum(p.numel() for p in layer.parameters())
    assert unit.conv_parameters(channels * groups, filters * groups, (kh, kw), bias, groups) == expected


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 2)), max_size=3))
@settings(deadline=None)
def test_receptive_field_is_where_the_gradient_reaches(layers):
    x = torch.zeros(1, 1, 90, requires_grad=True)
    y = x
    for kernel, stride, dilation in layers:
        y = torch.nn.functional.conv1d(y, torch.ones(1, 1, kernel), stride=stride, dilation=dilation)
    y[0, 0, 0].backward()
    reached = torch.nonzero(x.grad[0, 0]).ravel()
    names = ("kernel", "stride", "dilation")
    assert unit.receptive_field([dict(zip(names, layer, strict=True)) for layer in layers])[0] == int(reached[-1]) + 1


@given(st.integers(0, 2**32), SIDE, SIDE, st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2))
@settings(deadline=None)
def test_correlation_is_pytorchs_convolution(seed, height, width, kh, kw, stride, padding):
    rng = np.random.default_rng(seed)
    image, kernel = rng.normal(size=(height, width)), rng.normal(size=(kh, kw))
    if kh > height + 2 * padding or kw > width + 2 * padding:
        with pytest.raises(ValueError, match="does not fit"):
            unit.correlate_2d(image, kernel, stride, padding)
        return
    x, w = torch.tensor(image)[None, None], torch.tensor(kernel)[None, None]
    expected = torch.nn.functional.conv2d(x, w, stride=stride, padding=padding)[0, 0].numpy()
    np.testing.assert_allclose(unit.correlate_2d(image, kernel, stride, padding), expected, atol=1e-12)


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 6))
@settings(deadline=None)
def test_convolution_is_numpys(seed, n, k):
    rng = np.random.default_rng(seed)
    signal, kernel = rng.normal(size=n), rng.normal(size=k)
    if k > n:
        with pytest.raises(ValueError, match="does not fit"):
            unit.convolve_1d(signal, kernel)
    else:
        np.testing.assert_allclose(unit.convolve_1d(signal, kernel), np.convolve(signal, kernel, "valid"), atol=1e-12)


@given(st.integers(0, 2**32))
@settings(deadline=None, max_examples=25)
def test_two_convolutions_are_one_with_the_convolved_kernel(seed):
    """Associativity, which cross-correlation does not have."""
    rng = np.random.default_rng(seed)
    image, a, b = rng.normal(size=(9, 8)), rng.normal(size=(3, 2)), rng.normal(size=(2, 3))
    full = np.pad(a, ((1, 1), (2, 2)))
    together = unit.convolve_2d(full, b)
    np.testing.assert_allclose(unit.convolve_2d(unit.convolve_2d(image, a), b), unit.convolve_2d(image, together), atol=1e-12)


@given(st.integers(0, 2**32), st.sampled_from(["constant", "edge", "reflect"]))
@settings(deadline=None, max_examples=25)
def test_filtering_is_a_depthwise_convolution(seed, edges):
    rng = np.random.default_rng(seed)
    image, kernel = rng.uniform(size=(6, 7, 3)), rng.normal(size=(3, 5))
    mode = {"constant": "constant", "edge": "replicate", "reflect": "reflect"}[edges]
    x = torch.nn.functional.pad(torch.tensor(image).permute(2, 0, 1)[None], (2, 2, 1, 1), mode=mode)
    expected = torch.nn.functional.conv2d(x, torch.tensor(kernel).expand(3, 1, 3, 5), groups=3)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(unit.filter_image(image, kernel, edges), expected, atol=1e-12)


def test_the_files_of_checks_are_small():
    assert (find_unit("01_convolution_arithmetic").student_notebook.with_name("checks.npz")).stat().st_size < 300_000
