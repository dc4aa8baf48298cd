"""Put your own NumPy forward and backward functions into a PyTorch network."""

import numpy as np
import torch
from torch import nn
from torch.autograd.function import once_differentiable

__all__ = ["Conv2dFromNumPy", "numpy_function"]


def numpy_function(forward, backward, output_shape=None):
    """Make a function on tensors, with gradients, out of two functions on arrays.

    forward(*arrays, **settings)          → array, the output
    backward(dout, *arrays, **settings)   → one array per input: the gradient of the loss for that input
    output_shape(*tensors, **settings)    → the shape the output must have; not checked if left out

    Returns function(*tensors, **settings) → tensor. Arrays arrive read-only and in the tensors' dtype; what comes back
    is converted to that dtype. Computing happens on the CPU, wherever the tensors are. Second derivatives are not
    supported. Raises ValueError, naming your function, when it returns no array or a wrong shape.

    >>> double = numpy_function(lambda x: 2 * x, lambda dout, x: (2 * dout,))
    >>> double(torch.tensor([1.0, 3.0]))
    tensor([2., 6.])
    """

    class FromNumPy(torch.autograd.Function):
        @staticmethod
        def forward(ctx, settings, *tensors):
            ctx.save_for_backward(*tensors)
            ctx.settings = settings
            out = forward(*map(_array, tensors), **settings)
            expected = tuple(output_shape(*tensors, **settings)) if output_shape else None
            given = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
            return _tensor(
                out, expected, tensors[0], forward, f"for inputs of shapes {given} and {settings or 'no settings'}"
            )

        @staticmethod
        @once_differentiable
        def backward(ctx, dout):
            tensors = ctx.saved_tensors
            gradients = backward(_array(dout), *map(_array, tensors), **ctx.settings)
            gradients = gradients if isinstance(gradients, (tuple, list)) else (gradients,)
            if len(gradients) != len(tensors):
                got = f"{len(gradients)} gradient{'s' * (len(gradients) != 1)}"
                raise ValueError(f"{_name(backward)} returned {got}, expected {len(tensors)}: one for each input.")
            return None, *(
                _tensor(gradient, tuple(tensor.shape), tensor, backward, f"for gradient {i}: that of its input")
                for i, (gradient, tensor) in enumerate(zip(gradients, tensors, strict=True), 1)
            )

    def function(*tensors, **settings):
        return FromNumPy.apply(settings, *tensors)

    return function


class Conv2dFromNumPy(nn.Module):
    """A convolution layer that computes with your NumPy functions and learns like nn.Conv2d.

    in_channels, out_channels   numbers of channels
    kernel_size                 height and width of the kernel, or one number for both
    stride, padding             whole numbers, the same in both directions
    forward                     conv2d_forward(x, w, b, stride=…, padding=…) → out
    backward                    conv2d_backward(dout, x, w, stride=…, padding=…) → (dx, dw, db)

    with arrays x (N, in_channels, H, W), w (out_channels, in_channels, kernel height, kernel width),
    b (out_channels,), out and dout (N, out_channels, H', W'). Weights start as nn.Conv2d's do: the same seed gives
    the same numbers. Raises ValueError, naming your function, when it returns a wrong shape.
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, *, forward, backward):
        super().__init__()
        same = nn.Conv2d(in_channels, out_channels, kernel_size, stride=stride, padding=padding)
        self.weight, self.bias = same.weight, same.bias
        self.stride, self.padding = stride, padding

        def conv2d_backward(dout, x, w, b, **settings):
            return backward(dout, x, w, **settings)

        conv2d_backward.__name__ = _name(backward)
        self._function = numpy_function(forward, conv2d_backward, output_shape=_conv2d_shape)

    def forward(self, x):
        return self._function(x, self.weight, self.bias, stride=self.stride, padding=self.padding)

    def extra_repr(self):
        out_channels, in_channels, height, width = self.weight.shape
        kernel_size = (height, width)
        return f"{in_channels}, {out_channels}, {kernel_size=}, stride={self.stride}, padding={self.padding}"


def _conv2d_shape(x, w, b, **settings):
    return nn.functional.conv2d(x.to("meta"), w.to("meta"), b.to("meta"), **settings).shape


def _array(tensor):
    array = tensor.detach().cpu().numpy().view()
    array.flags.writeable = False
    return array


def _tensor(result, expected, like, function, context):
    if not isinstance(result, (np.ndarray, np.generic)):
        raise ValueError(f"{_name(function)} returned {type(result).__name__}, expected a NumPy array {context}.")
    if expected is not None and result.shape != expected:
        raise ValueError(f"{_name(function)} returned an array of shape {result.shape}, expected {expected} {context}.")
    return torch.from_numpy(np.array(result, order="C")).to(device=like.device, dtype=like.dtype)


def _name(function):
    return getattr(function, "__name__", "your function")
