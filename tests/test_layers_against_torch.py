"""Assignment 02's reference layers against PyTorch, forward and backward, and against numbers published elsewhere."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from autograder.units import import_unit

layers = import_unit("02_layers")
quick = settings(max_examples=40, deadline=None, derandomize=True)
sizes = st.integers(1, 4)
seeds = st.integers(0, 2**32 - 1)


def random(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def torch_gradients(function, *inputs):
    """(output, a random dout, gradients of Σ dout·output) by PyTorch, in float64."""
    tensors = [torch.from_numpy(a).requires_grad_() for a in inputs]
    out = function(*tensors)
    dout = random(17, *out.shape)
    return out.detach().numpy(), dout, [g.numpy() for g in torch.autograd.grad(out, tensors, torch.from_numpy(dout))]


def same(got, expected):
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


@st.composite
def windows(draw, dilated):
    """Size, kernel, stride, padding and dilation of one axis, such that at least one window fits."""
    kernel, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 3)) if dilated else 1
    padding = draw(st.integers(0, 3 if dilated else kernel // 2))
    smallest = max(1, dilation * (kernel - 1) + 1 - 2 * padding)
    return draw(st.integers(smallest, smallest + 5)), kernel, draw(st.integers(1, 3)), padding, dilation


@quick
@given(n=sizes, d=sizes, m=sizes, seed=seeds)
def test_linear(n, d, m, seed):
    x, w, b = random(seed, n, 2, d), random(seed + 1, m, 2 * d), random(seed + 2, m)
    out, dout, gradients = torch_gradients(lambda x, w, b: F.linear(x.flatten(1), w, b), x, w, b)
    same(layers.linear_forward(x, w, b), out)
    for got, expected in zip(layers.linear_backward(dout, x, w), gradients, strict=True):
        same(got, expected)


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh"])
@quick
@given(shape=st.lists(sizes, max_size=4), scale=st.sampled_from([1, 30, 1000]), seed=seeds)
def test_activations(name, shape, scale, seed):
    x = random(seed, *shape) * scale
    x = np.asarray(np.where(np.abs(x) < 0.1 * scale, 0, x))
    out, dout, (dx,) = torch_gradients(getattr(torch, name), x)
    same(getattr(layers, f"{name}_forward")(x), out)
    same(getattr(layers, f"{name}_backward")(dout, x), dx)


@quick
@given(n=sizes, c=st.integers(2, 6), scale=st.sampled_from([1, 100, 10_000]), seed=seeds)
def test_softmax_cross_entropy(n, c, scale, seed):
    logits = torch.from_numpy(random(seed, n, c) * scale).requires_grad_()
    labels = torch.from_numpy(np.random.default_rng(seed).integers(0, c, n))
    expected = F.cross_entropy(logits, labels)
    loss, dlogits = layers.softmax_cross_entropy(logits.detach().numpy(), labels.numpy())
    same(loss, expected.item())
    same(dlogits, torch.autograd.grad(expected, logits)[0].numpy())


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_a_net_that_knows_nothing_has_loss_ln_c(classes):
    loss, _ = layers.softmax_cross_entropy(np.zeros((4, classes)), np.arange(4) % classes)
    assert loss == pytest.approx(math.log(classes))


@quick
@given(n=sizes, groups=st.integers(1, 3), c=sizes, f=sizes, rows=windows(True), columns=windows(True), seed=seeds)
def test_conv2d(n, groups, c, f, rows, columns, seed):
    (h, kh, *row), (w, kw, *column) = rows, columns
    x, weights, b = random(seed, n, groups * c, h, w), random(seed + 1, groups * f, c, kh, kw), random(seed + 2, groups * f)
    stride, padding, dilation = zip(row, column, strict=True)
    out, dout, gradients = torch_gradients(lambda x, w, b: F.conv2d(x, w, b, stride, padding, dilation, groups), x, weights, b)
    same(layers.conv2d_forward(x, weights, b, stride, padding, dilation, groups), out)
    for got, expected in zip(layers.conv2d_backward(dout, x, weights, stride, padding, dilation, groups), gradients, strict=True):
        same(got, expected)


@quick
@given(n=sizes, c=sizes, rows=windows(True), columns=windows(True), seed=seeds)
def test_im2col_and_col2im(n, c, rows, columns, seed):
    (h, kh, *row), (w, kw, *column) = rows, columns
    stride, padding, dilation = zip(row, column, strict=True)
    x = random(seed, n, c, h, w)
    cols = layers.im2col(x, (kh, kw), stride, padding, dilation)
    same(cols, F.unfold(torch.from_numpy(x), (kh, kw), dilation, padding, stride).numpy())
    y = random(seed + 1, *cols.shape)
    back = layers.col2im(y, x.shape, (kh, kw), stride, padding, dilation)
    same(back, F.fold(torch.from_numpy(y), (h, w), (kh, kw), dilation, padding, stride).numpy())
    assert np.sum(cols * y) == pytest.approx(np.sum(x * back), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
@quick
@given(n=sizes, c=sizes, rows=windows(False), columns=windows(False), ties=st.booleans(), seed=seeds)
def test_pooling(name, n, c, rows, columns, ties, seed):
    (h, kh, *row), (w, kw, *column) = rows, columns
    stride, padding, _ = zip(row, column, strict=True)
    x = np.round(random(seed, n, c, h, w)) if ties else random(seed, n, c, h, w)
    out, dout, (dx,) = torch_gradients(lambda x: getattr(F, name)(x, (kh, kw), stride, padding), x)
    same(getattr(layers, f"{name}_forward")(x, (kh, kw), stride, padding), out)
    same(getattr(layers, f"{name}_backward")(dout, x, (kh, kw), stride, padding), dx)


@quick
@given(shape=st.tuples(sizes, sizes, sizes, sizes), seed=seeds)
def test_global_pooling(shape, seed):
    x = random(seed, *shape)
    out, dout, (dx,) = torch_gradients(lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1), x)
    same(layers.global_avg_pool2d_forward(x), out)
    same(layers.global_avg_pool2d_backward(dout, x), dx)


def test_conv2d_gives_the_numbers_that_cs231n_published():
    """Stanford CS231n, assignment 2, ConvolutionalNetworks.ipynb: `conv_forward_naive` on linspaces."""
    x = np.linspace(-0.1, 0.5, 96).reshape(2, 3, 4, 4)
    w = np.linspace(-0.2, 0.3, 144).reshape(3, 3, 4, 4)
    out = layers.conv2d_forward(x, w, np.linspace(-0.1, 0.2, 3), stride=2, padding=1)
    assert out.shape == (2, 3, 2, 2)
    assert out[0, 0, 0, 0] == pytest.approx(-0.08759809, abs=5e-9)
    assert out[1, 2, 1, 1] == pytest.approx(2.38247847, abs=5e-9)


def test_pooling_examples_of_the_course():
    x = np.array([[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]])[None, None]
    assert layers.max_pool2d_forward(x, 2).tolist() == [[[[6, 8], [3, 4]]]]
    assert layers.avg_pool2d_forward(x, 2).tolist() == [[[[3.25, 5.25], [2, 2]]]]


def test_worked_examples_of_the_notebook():
    w = np.array([[1, 0], [0, 1], [1, 1]])
    assert layers.linear_forward(np.array([[1, 2]]), w, np.array([10, 20, 30])).tolist() == [[11, 22, 33]]
    assert layers.linear_backward(np.array([[1, 0, 2]]), np.array([[1, 2]]), w)[0].tolist() == [[3, 2]]
    assert layers.relu_backward(np.array([5, 6, 7, -8]), np.array([-2, 0, 3, 4])).tolist() == [0, 0, 7, -8]
    assert layers.sigmoid_backward(np.array([8.0]), np.zeros(1)) == layers.tanh_backward(np.array([2.0]), np.zeros(1)) == 2
    cube = layers.numerical_gradient(lambda x: x[0] ** 3, np.array([2]), h=0.1)
    assert cube[0] == pytest.approx(12.01)
    one_sided = (2.1**3 - 2**3) / 0.1
    assert one_sided == pytest.approx(12.61)
    x = np.array([[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]])
    assert layers.conv2d_forward(x, np.array([[[[1, 0], [0, 1]], [[0, 1], [0, 0]]]]), np.array([100])).item() == 111
    nine = np.arange(1, 10).reshape(1, 1, 3, 3)
    assert layers.im2col(nine, 2)[0].tolist() == [[1, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8], [5, 6, 8, 9]]
    assert layers.col2im(np.ones((1, 4, 4)), (1, 1, 3, 3), 2)[0, 0].tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
    dx, dw, db = layers.conv2d_backward(np.array([[[[1, 2]]]]), np.array([[[[3, 4, 5]]]]), np.array([[[[10, 1]]]]))
    assert (dx.ravel().tolist(), dw.ravel().tolist(), db.tolist()) == ([10, 21, 2], [3 + 2 * 4, 4 + 2 * 5], [3])
    window = np.array([[[[1, 6], [5, 6]]]])
    assert layers.max_pool2d_backward(np.full((1, 1, 1, 1), 10), window, 2)[0, 0].tolist() == [[0, 10], [0, 0]]
    assert layers.avg_pool2d_backward(np.full((1, 1, 1, 1), 8), window, 2)[0, 0].tolist() == [[2, 2], [2, 2]]
    channels = np.array([[[[1, 2], [3, 4]], [[0, 0], [0, 8]]]])
    assert layers.global_avg_pool2d_forward(channels).tolist() == [[2.5, 2]]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: layers.conv2d_forward(np.zeros((1, 3, 5, 5)), np.zeros((4, 2, 3, 3)), np.zeros(4)), "3 channels"),
        (lambda: layers.conv2d_forward(np.zeros((1, 2, 5, 2)), np.zeros((4, 2, 3, 3)), np.zeros(4)), "does not fit"),
        (lambda: layers.im2col(np.zeros((1, 1, 3, 3)), 2, dilation=3), "does not fit"),
        (lambda: layers.max_pool2d_forward(np.zeros((1, 1, 4, 4)), 2, padding=2), "half of the kernel"),
        (lambda: layers.avg_pool2d_forward(np.zeros((1, 1, 4, 4)), 5), "does not fit"),
        (lambda: layers.linear_forward(np.zeros((2, 3)), np.zeros((4, 5)), np.zeros(4)), "3 features"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
