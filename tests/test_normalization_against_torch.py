"""Assignment 03's reference layers against PyTorch, forward, backward and over several batches, and against numerical gradients."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from autograder.units import import_unit

norms = import_unit("03_normalization")
numerical_gradient = import_unit("02_layers").numerical_gradient
quick = settings(max_examples=30, deadline=None, derandomize=True)
few = settings(max_examples=10, deadline=None, derandomize=True)
sizes = st.integers(1, 4)
seeds = st.integers(0, 2**32 - 1)
epsilons = st.sampled_from([1e-5, 1e-3, 0.5])
dtypes = st.sampled_from([np.float64, np.float32])


def random(seed, *shape, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def same(got, expected):
    """Equal to what the coarser dtype allows, and of the same dtype."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.dtype == expected.dtype and got.shape == expected.shape
    tolerance = 1e-8 if got.dtype == np.float64 else 2e-4
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


def torch_gradients(function, *inputs):
    """(output, a random dout, gradients of Σ dout·output) by PyTorch, in the inputs' dtype."""
    tensors = [torch.from_numpy(a).requires_grad_() for a in inputs]
    out = function(*tensors)
    dout = random(17, *out.shape, dtype=inputs[0].dtype)
    return out.detach().numpy(), dout, [g.numpy() for g in torch.autograd.grad(out, tensors, torch.from_numpy(dout))]


def agree(forward, backward, reference, *inputs):
    out, dout, gradients = torch_gradients(reference, *inputs)
    same(forward(*inputs), out)
    for got, expected in zip(backward(dout, *inputs[:2]), gradients, strict=True):
        same(got, expected)


def spread(seed, *shape, dtype):
    """Numbers of which the first two along each axis differ by 2: no set of them has hardly any variance, where gradients explode."""
    x = random(seed, *shape, dtype=dtype)
    for axis in range(len(shape)):
        first = [slice(None)] * len(shape)
        first[axis] = slice(0, 1)
        x[tuple(first)] += 2
    return x


@quick
@given(n=st.integers(2, 6), d=sizes, eps=epsilons, dtype=dtypes, seed=seeds)
def test_batch_norm_of_vectors(n, d, eps, dtype, seed):
    agree(
        lambda x, gamma, beta: norms.batchnorm_forward(x, gamma, beta, eps),
        lambda dout, x, gamma: norms.batchnorm_backward(dout, x, gamma, eps),
        lambda x, gamma, beta: F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps),
        spread(seed, n, d, dtype=dtype), random(seed + 1, d, dtype=dtype), random(seed + 2, d, dtype=dtype),
    )  # fmt: skip


@quick
@given(n=st.integers(2, 4), c=sizes, h=sizes, w=sizes, eps=epsilons, dtype=dtypes, seed=seeds)
def test_batch_norm_of_images(n, c, h, w, eps, dtype, seed):
    still = np.zeros(c, dtype), np.ones(c, dtype)
    agree(
        lambda x, gamma, beta: norms.batchnorm2d_forward(x, gamma, beta, *still, True, eps=eps)[0],
        lambda dout, x, gamma: norms.batchnorm2d_backward(dout, x, gamma, eps),
        lambda x, gamma, beta: F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps),
        spread(seed, n, c, h, w, dtype=dtype), random(seed + 1, c, dtype=dtype), random(seed + 2, c, dtype=dtype),
    )  # fmt: skip


@quick
@given(shape=st.lists(st.integers(2, 4), min_size=2, max_size=4), eps=epsilons, dtype=dtypes, seed=seeds)
def test_layer_norm(shape, eps, dtype, seed):
    agree(
        lambda x, gamma, beta: norms.layernorm_forward(x, gamma, beta, eps),
        lambda dout, x, gamma: norms.layernorm_backward(dout, x, gamma, eps),
        lambda x, gamma, beta: F.layer_norm(x, shape[1:], gamma, beta, eps),
        spread(seed, *shape, dtype=dtype), random(seed + 1, *shape[1:], dtype=dtype), random(seed + 2, *shape[1:], dtype=dtype),
    )  # fmt: skip


@quick
@given(n=sizes, groups=st.integers(1, 3), size=st.integers(1, 3), h=st.integers(2, 4), w=sizes, eps=epsilons, dtype=dtypes, seed=seeds)
def test_group_norm(n, groups, size, h, w, eps, dtype, seed):
    c = groups * size
    agree(
        lambda x, gamma, beta: norms.groupnorm_forward(x, gamma, beta, groups, eps),
        lambda dout, x, gamma: norms.groupnorm_backward(dout, x, gamma, groups, eps),
        lambda x, gamma, beta: F.group_norm(x, groups, gamma, beta, eps),
        spread(seed, n, c, h, w, dtype=dtype), random(seed + 1, c, dtype=dtype), random(seed + 2, c, dtype=dtype),
    )  # fmt: skip


@quick
@given(n=sizes, c=sizes, h=st.integers(2, 4), w=sizes, eps=epsilons, dtype=dtypes, seed=seeds)
def test_instance_norm(n, c, h, w, eps, dtype, seed):
    x, gamma, beta = spread(seed, n, c, h, w, dtype=dtype), random(seed + 1, c, dtype=dtype), random(seed + 2, c, dtype=dtype)
    expected = F.instance_norm(*map(torch.from_numpy, (x,)), weight=torch.from_numpy(gamma), bias=torch.from_numpy(beta), eps=eps)
    same(norms.instancenorm_forward(x, gamma, beta, eps), expected.numpy())


@quick
@given(n=st.integers(2, 5), c=sizes, h=sizes, w=sizes, momentum=st.sampled_from([0.1, 0.01, 0.5, 1.0]), dtype=dtypes, seed=seeds)
def test_running_averages_over_several_batches_and_then_in_use(n, c, h, w, momentum, dtype, seed):
    theirs = nn.BatchNorm2d(c, momentum=momentum, dtype=getattr(torch, np.dtype(dtype).name))
    gamma, beta = random(seed + 1, c, dtype=dtype), random(seed + 2, c, dtype=dtype)
    theirs.weight.data, theirs.bias.data = torch.from_numpy(gamma), torch.from_numpy(beta)
    mean, var = np.zeros(c, dtype), np.ones(c, dtype)
    for batch in range(4):
        x = 3 + 2 * random(seed + batch, n, c, h, w, dtype=dtype)
        flat = x.transpose(0, 2, 3, 1).reshape(-1, c)
        of_vectors = norms.update_running(mean, var, flat, momentum)
        _, mean, var = norms.batchnorm2d_forward(x, gamma, beta, mean, var, True, momentum)
        theirs(torch.from_numpy(x))
        for got, vector, expected in zip((mean, var), of_vectors, (theirs.running_mean, theirs.running_var), strict=True):
            same(got, expected.numpy())
            same(vector, expected.numpy())
    theirs.eval()
    one = random(seed + 9, 1, c, h, w, dtype=dtype)
    expected = theirs(torch.from_numpy(one)).detach().numpy()
    out, mean_after, var_after = norms.batchnorm2d_forward(one, gamma, beta, mean, var, False)
    same(out, expected)
    same(norms.batchnorm_inference(one.transpose(0, 2, 3, 1).reshape(-1, c), gamma, beta, mean, var), expected.transpose(0, 2, 3, 1).reshape(-1, c))
    same(mean_after, mean), same(var_after, var)


@quick
@given(n=sizes, c=sizes, f=sizes, k=st.integers(1, 3), dtype=dtypes, seed=seeds)
def test_a_folded_convolution_does_what_both_did(n, c, f, k, dtype, seed):
    kind = getattr(torch, np.dtype(dtype).name)
    conv, norm = nn.Conv2d(c, f, k, dtype=kind), nn.BatchNorm2d(f, dtype=kind).eval()
    conv.weight.data, conv.bias.data = torch.from_numpy(random(seed + 5, f, c, k, k, dtype=dtype)), torch.from_numpy(random(seed + 6, f, dtype=dtype))
    norm.weight.data, norm.bias.data = torch.from_numpy(random(seed, f, dtype=dtype)), torch.from_numpy(random(seed + 1, f, dtype=dtype))
    norm.running_mean, norm.running_var = torch.from_numpy(random(seed + 2, f, dtype=dtype)), torch.from_numpy(random(seed + 3, f, dtype=dtype) ** 2 + dtype(0.1))
    numbers = [t.detach().numpy() for t in (conv.weight, conv.bias, norm.weight, norm.bias, norm.running_mean, norm.running_var)]
    w, b = norms.fold_batchnorm(*numbers)
    x = torch.from_numpy(random(seed + 4, n, c, 5, 4, dtype=dtype))
    same(F.conv2d(x, torch.from_numpy(w), torch.from_numpy(b)).numpy(), norm(conv(x)).detach().numpy())
    fused = nn.utils.fuse_conv_bn_weights(conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
    same(w, fused[0].detach().numpy()), same(b, fused[1].detach().numpy())
    w, b = norms.fold_batchnorm(numbers[0].reshape(f, -1), *numbers[1:])
    same(w, fused[0].detach().numpy().reshape(f, -1)), same(b, fused[1].detach().numpy())


@pytest.mark.parametrize("name", ["batchnorm", "batchnorm2d", "layernorm", "groupnorm"])
def test_gradients_pass_the_numerical_check(name):
    x = random(1, 3, 4, 2, 3) if name.endswith(("2d", "groupnorm")) else random(1, 4, 5)
    size = x.shape[-1] if x.ndim == 2 else 4
    inputs = x, random(2, size), random(3, size)
    extra = {"batchnorm2d": (np.zeros(4), np.ones(4), True), "groupnorm": (2,)}.get(name, ())
    forward = lambda *inputs: (lambda out: out[0] if isinstance(out, tuple) else out)(getattr(norms, f"{name}_forward")(*inputs, *extra))  # noqa: E731
    dout = random(4, *x.shape)
    gradients = getattr(norms, f"{name}_backward")(dout, *inputs[:2], *(extra if name == "groupnorm" else ()))
    for i, gradient in enumerate(gradients):
        right = numerical_gradient(lambda moved, i=i: np.sum(dout * forward(*inputs[:i], moved, *inputs[i + 1 :])), inputs[i])
        assert np.abs(gradient - right).max() < 1e-7 * np.abs(right).max()


def numerically_right(forward, backward, *inputs):
    """Whether each gradient of Σ dout·forward is the numerical one, for the inputs x, γ and β."""
    dout = random(4, *inputs[0].shape)
    for i, gradient in enumerate(backward(dout, *inputs[:2])):
        right = numerical_gradient(lambda moved, i=i: np.sum(dout * forward(*inputs[:i], moved, *inputs[i + 1 :])), inputs[i])
        np.testing.assert_allclose(gradient, right, rtol=1e-6, atol=1e-7 * max(np.abs(right).max(), 1))


@few
@given(n=st.integers(2, 4), d=sizes, eps=epsilons, seed=seeds)
def test_gradients_of_batch_norm_are_the_numerical_ones(n, d, eps, seed):
    numerically_right(
        lambda x, gamma, beta: norms.batchnorm_forward(x, gamma, beta, eps),
        lambda dout, x, gamma: norms.batchnorm_backward(dout, x, gamma, eps),
        spread(seed, n, d, dtype=np.float64), random(seed + 1, d), random(seed + 2, d),
    )  # fmt: skip


@few
@given(n=st.integers(2, 3), c=st.integers(1, 3), h=st.integers(1, 3), w=st.integers(1, 2), eps=epsilons, seed=seeds)
def test_gradients_of_batch_norm_of_images_are_the_numerical_ones(n, c, h, w, eps, seed):
    numerically_right(
        lambda x, gamma, beta: norms.batchnorm2d_forward(x, gamma, beta, np.zeros(c), np.ones(c), True, eps=eps)[0],
        lambda dout, x, gamma: norms.batchnorm2d_backward(dout, x, gamma, eps),
        spread(seed, n, c, h, w, dtype=np.float64), random(seed + 1, c), random(seed + 2, c),
    )  # fmt: skip


@few
@given(shape=st.lists(st.integers(2, 3), min_size=2, max_size=4), eps=epsilons, seed=seeds)
def test_gradients_of_layer_norm_are_the_numerical_ones(shape, eps, seed):
    numerically_right(
        lambda x, gamma, beta: norms.layernorm_forward(x, gamma, beta, eps),
        lambda dout, x, gamma: norms.layernorm_backward(dout, x, gamma, eps),
        spread(seed, *shape, dtype=np.float64), random(seed + 1, *shape[1:]), random(seed + 2, *shape[1:]),
    )  # fmt: skip


@few
@given(n=st.integers(1, 2), groups=st.integers(1, 3), size=st.integers(1, 2), h=st.integers(2, 3), w=st.integers(1, 2), eps=epsilons, seed=seeds)
def test_gradients_of_group_norm_are_the_numerical_ones(n, groups, size, h, w, eps, seed):
    c = groups * size
    numerically_right(
        lambda x, gamma, beta: norms.groupnorm_forward(x, gamma, beta, groups, eps),
        lambda dout, x, gamma: norms.groupnorm_backward(dout, x, gamma, groups, eps),
        spread(seed, n, c, h, w, dtype=np.float64), random(seed + 1, c), random(seed + 2, c),
    )  # fmt: skip


def test_scale_and_shift_recover_the_identity():
    x = random(5, 6, 3)
    np.testing.assert_allclose(norms.batchnorm_forward(x, np.sqrt(x.var(axis=0) + 1e-5), x.mean(axis=0)), x)


def test_group_norm_reaches_from_layer_norm_to_instance_norm():
    x = random(6, 2, 6, 3, 2)
    ones, zeros = np.ones(6), np.zeros(6)
    np.testing.assert_allclose(norms.groupnorm_forward(x, ones, zeros, 1), norms.layernorm_forward(x, np.ones(x.shape[1:]), np.zeros(x.shape[1:])))
    np.testing.assert_allclose(norms.groupnorm_forward(x, ones, zeros, 6), norms.instancenorm_forward(x, ones, zeros))
    one = x[:1]
    np.testing.assert_allclose(norms.batchnorm2d_forward(one, ones, zeros, zeros, ones, True)[0], norms.instancenorm_forward(one, ones, zeros))


def test_worked_examples_of_the_notebook():
    one, zero = np.ones(1), np.zeros(1)
    column = np.array([[1], [3]])
    assert norms.batchnorm_forward(column, np.array([10.0]), np.array([5.0]), eps=0).ravel().tolist() == [-5, 15]
    mean, var = norms.update_running(zero, one, column)
    assert mean == pytest.approx(0.2) and var == pytest.approx(1.1)
    assert norms.batchnorm_inference(np.array([[5]]), 10 * one, one, 3 * one, 4 * one, eps=0).item() == 11
    four = np.array([[-1.0], [-1], [1], [1]])
    dout = np.array([[4.0], [0], [0], [0]])
    dx, dgamma, dbeta = norms.batchnorm_backward(dout, four, one, eps=0)
    assert (dx.ravel().tolist(), dgamma.item(), dbeta.item()) == ([2, -2, 0, 0], -4, 4)
    pair = np.array([1, 1, 5, 5]).reshape(2, 1, 1, 2)
    out, _, var = norms.batchnorm2d_forward(pair, one, zero, zero, one, True, momentum=1.0, eps=0)
    assert out.ravel().tolist() == [-1, -1, 1, 1] and var.item() == pytest.approx(5.33, abs=0.005)
    dx, _, _ = norms.batchnorm2d_backward(dout.reshape(2, 1, 1, 2), pair, one, eps=0)
    assert dx.ravel().tolist() == [1, -1, 0, 0]
    two = np.array([[1, 3], [10, 30]])
    assert norms.layernorm_forward(two, np.ones(2), np.zeros(2), eps=0).tolist() == [[-1, 1], [-1, 1]]
    assert norms.layernorm_forward(two, np.array([5, 7]), np.zeros(2), eps=0).tolist() == [[-5, 7], [-5, 7]]
    dx, dgamma, dbeta = norms.layernorm_backward(np.array([[2.0, 0, 0, 0]]), four.T, np.array([2.0, 1, 1, 1]), eps=0)
    assert (dx.tolist(), dgamma.tolist(), dbeta.tolist()) == ([[2, -2, 0, 0]], [-2, 0, 0, 0], [2, 0, 0, 0])
    channels = np.array([1, 3, 10, 30]).reshape(1, 4, 1, 1)
    assert norms.groupnorm_forward(channels, np.ones(4), np.zeros(4), 2, eps=0).ravel().tolist() == [-1, 1, -1, 1]
    grouped = four.reshape(1, 2, 1, 2), np.array([2.0, 1.0])
    dx, dgamma, dbeta = norms.groupnorm_backward(np.array([2.0, 0, 0, 0]).reshape(1, 2, 1, 2), *grouped, 1, eps=0)
    assert (dx.ravel().tolist(), dgamma.tolist(), dbeta.tolist()) == ([2, -2, 0, 0], [-2, 0], [2, 0])
    assert norms.instancenorm_forward(channels.reshape(1, 2, 1, 2), np.ones(2), np.zeros(2), eps=0).ravel().tolist() == [-1, 1, -1, 1]
    w, b = norms.fold_batchnorm(np.array([1, 2]).reshape(1, 1, 1, 2), 5 * one, 6 * one, one, 3 * one, 4 * one, eps=0)
    assert (w.ravel().tolist(), b.tolist()) == ([3, 6], [7])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: norms.batchnorm_forward(np.zeros((1, 3)), np.ones(3), np.zeros(3)), "at least two"),
        (lambda: norms.update_running(np.zeros(3), np.ones(3), np.zeros((1, 3))), "at least two"),
        (lambda: norms.batchnorm2d_forward(np.zeros((1, 3, 1, 1)), *np.ones((4, 3)), True), "at least two"),
        (lambda: norms.groupnorm_forward(np.zeros((1, 3, 2, 2)), np.ones(3), np.zeros(3), 2), "3 channels"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_pytorch_refuses_the_same_batch():
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        nn.BatchNorm1d(3)(torch.zeros(1, 3))


def test_minutes_of_the_sittings():
    from autograder.units import exercises

    source = Path(norms.__file__).read_text(encoding="utf-8")
    declared = exercises("03_normalization")
    assert sum(e.minutes for e in declared) <= int(re.search(r"minutes: (\d+)", source)[1])
    pairs = {}
    for e in declared:
        pairs.setdefault(e.name.removesuffix("_forward").removesuffix("_backward"), []).extend(m.name for m in e.mistakes)
    for pair in ("batchnorm", "batchnorm2d", "layernorm", "groupnorm"):
        assert len(pairs[pair]) >= 16, pair
