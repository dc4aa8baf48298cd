"""convnets.numpy_layer: a student's NumPy convolution inside a PyTorch network, against nn.Conv2d."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from convnets import data
from convnets.numpy_layer import Conv2dFromNumPy, numpy_function
from convnets.train import evaluate, fit, seed_everything


def conv2d_forward(x, w, b, stride=1, padding=0):
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    return np.einsum("nchwij,ocij->nohw", windows, w, optimize=True) + b[:, None, None]


def conv2d_backward(dout, x, w, stride=1, padding=0):
    dpadded = np.pad(np.zeros_like(x), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    dw = np.zeros_like(w)
    height, width = dout.shape[2:]
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            rows, columns = slice(i, i + stride * height, stride), slice(j, j + stride * width, stride)
            dpadded[:, :, rows, columns] += np.einsum("nohw,oc->nchw", dout, w[:, :, i, j])
            dw[:, :, i, j] = np.einsum("nohw,nchw->oc", dout, padded[:, :, rows, columns])
    inner = (slice(None), slice(None), slice(padding, padding + x.shape[2]), slice(padding, padding + x.shape[3]))
    return dpadded[inner], dw, dout.sum((0, 2, 3))


def layer(*arguments, forward=conv2d_forward, backward=conv2d_backward, **settings):
    return Conv2dFromNumPy(*arguments, forward=forward, backward=backward, **settings)


@settings(deadline=None, max_examples=25)
@given(
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 4),
    st.tuples(st.integers(1, 3), st.integers(1, 3)), st.integers(1, 3), st.integers(0, 2), st.integers(0, 2**20),
)  # fmt: skip
def test_values_and_gradients_are_those_of_conv2d(n, in_channels, out_channels, kernel_size, stride, padding, seed):
    torch.manual_seed(seed)
    theirs = nn.Conv2d(in_channels, out_channels, kernel_size, stride=stride, padding=padding)
    torch.manual_seed(seed)
    ours = layer(in_channels, out_channels, kernel_size, stride=stride, padding=padding)
    assert torch.equal(ours.weight, theirs.weight) and torch.equal(ours.bias, theirs.bias)
    x = torch.randn(n, in_channels, 7, 5)
    ours_x, theirs_x = x.clone().requires_grad_(), x.clone().requires_grad_()
    ours_out, theirs_out = ours(ours_x), theirs(theirs_x)
    torch.testing.assert_close(ours_out, theirs_out, rtol=1e-4, atol=1e-5)
    dout = torch.randn_like(theirs_out)
    ours_out.backward(dout)
    theirs_out.backward(dout)
    torch.testing.assert_close(ours_x.grad, theirs_x.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours.bias.grad, theirs.bias.grad, rtol=1e-4, atol=1e-4)


def test_gradients_are_numerically_right():
    convolution = layer(2, 3, 3, stride=2, padding=1).double()
    x = torch.randn(2, 2, 6, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(convolution, (x,))


def test_a_net_with_it_learns_clothes():
    images = data.load_fashion_mnist()

    def tensors(pixels, labels, count):
        return torch.from_numpy(pixels[:count, None]).float() / 255 - 0.286, torch.from_numpy(labels[:count])

    seed_everything(0)
    net = nn.Sequential(
        layer(1, 6, 5, stride=2, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(294, 10)
    )
    test = tensors(images.test_images, images.test_labels, 1000)
    assert evaluate(net, test)[1] < 0.3
    train = tensors(images.train_images, images.train_labels, 2000)
    fit(net, train, epochs=3, batch_size=50, optimizer=torch.optim.Adam(net.parameters(), lr=5e-3))
    assert evaluate(net, test)[1] > 0.7


def test_it_keeps_dtype_and_takes_results_of_another():
    out = layer(1, 2, 3, forward=lambda *a, **s: conv2d_forward(*a, **s).astype(np.float64))(torch.ones(1, 1, 4, 4))
    assert out.dtype == torch.float32


def test_the_students_function_cannot_change_the_network():
    def greedy(x, w, b, stride, padding):
        x -= x.mean()
        return conv2d_forward(x, w, b, stride, padding)

    with pytest.raises(ValueError, match="read-only"):
        layer(1, 1, 3, forward=greedy)(torch.ones(1, 1, 4, 4))


def test_a_result_that_is_the_input_itself_is_copied(recwarn):
    same = numpy_function(lambda x: x, lambda dout, x: (dout,))
    x = torch.ones(3, requires_grad=True)
    out = same(x)
    out.data.zero_()
    assert x.sum() == 3 and not recwarn.list


@pytest.mark.parametrize(
    "forward, message",
    [
        (
            lambda x, w, b, stride, padding: x,
            r"<lambda> returned an array of shape \(2, 3, 8, 8\), expected \(2, 4, 6, 6\)",
        ),
        (lambda x, w, b, stride, padding: None, "<lambda> returned NoneType, expected a NumPy array"),
    ],
)
def test_wrong_forward_is_named(forward, message):
    with pytest.raises(ValueError, match=message):
        layer(3, 4, 3, forward=forward)(torch.ones(2, 3, 8, 8))


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda dx, dw, db: (dx, dw), "conv2d_backward returned 2 gradients, expected 3"),
        (lambda dx, dw, db: (dx, db, dw), r"returned an array of shape \(4,\), expected \(4, 3, 3, 3\) for gradient 2"),
        (lambda dx, dw, db: (None, dw, db), "conv2d_backward returned NoneType, expected a NumPy array for gradient 1"),
    ],
)  # fmt: skip
def test_wrong_backward_is_named(change, message):
    def wrong(*arguments, **settings):
        return change(*conv2d_backward(*arguments, **settings))

    wrong.__name__ = "conv2d_backward"
    with pytest.raises(ValueError, match=message):
        layer(3, 4, 3, backward=wrong)(torch.ones(2, 3, 8, 8)).sum().backward()


def test_an_error_in_the_students_code_arrives_as_it_is():
    def broken(x, w, b, stride, padding):
        raise NotImplementedError("conv2d_forward")

    with pytest.raises(NotImplementedError, match="conv2d_forward"):
        layer(1, 1, 3, forward=broken)(torch.ones(1, 1, 4, 4))


def test_repr_reads_like_that_of_conv2d():
    assert repr(layer(3, 4, (3, 2), stride=2)) == "Conv2dFromNumPy(3, 4, kernel_size=(3, 2), stride=2, padding=0)"
