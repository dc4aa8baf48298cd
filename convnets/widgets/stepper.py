"""The convolution stepper: slide a kernel over an image and watch every product and every sum."""

from collections.abc import Callable

import numpy as np
import traitlets

from convnets.widgets import picture, student
from convnets.widgets.base import CourseWidget, encode, image, module, whole

MOST_VALUES = 200_000


class ConvolutionStepper(CourseWidget):
    """The widget that `convolution_stepper` returns. `stride`, `padding`, `dilation` and `step` can be read and set."""

    _esm = module("stepper")
    _name = "stepper"
    image_shape = traitlets.List().tag(sync=True)
    kernel_shape = traitlets.List().tag(sync=True)
    pixels = traitlets.Unicode().tag(sync=True)
    weights = traitlets.Unicode().tag(sync=True)
    bias = traitlets.Float().tag(sync=True)
    stride = traitlets.Int(1, min=1).tag(sync=True)
    padding = traitlets.Int(0, min=0).tag(sync=True)
    dilation = traitlets.Int(1, min=1).tag(sync=True)
    step = traitlets.Int(0, min=0).tag(sync=True)
    student = traitlets.Dict().tag(sync=True)

    def __init__(self, image, kernel, bias, settings, function, flat):
        super().__init__(
            image_shape=list(image.shape), kernel_shape=list(kernel.shape), pixels=encode(image), weights=encode(kernel),
            bias=bias, **settings,
        )  # fmt: skip
        self._arrays = image, kernel
        self._function, self._flat = function, flat
        if function is not None:
            self._ask()
            self.observe(self._ask, ["stride", "padding", "dilation"])

    def _settings(self) -> dict:
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}

    def _ask(self, change=None):
        self.student = student.run(self._function, *self._arrays, self.bias, self._settings(), self._flat)

    def summary(self) -> str:
        c, h, w = self.image_shape
        _, kh, kw = self.kernel_shape
        return f"Convolution stepper: {c}×{h}×{w} image, {kh}×{kw} kernel, stride {self.stride}, padding {self.padding}, dilation {self.dilation}"

    def picture(self) -> str:
        x, w = self._arrays
        try:
            y = student.right_output(x, w, self.bias, self._settings())
        except RuntimeError:
            return f"<p>{self.summary()}: the kernel does not fit in the padded input.</p>"
        p, d = self.padding, self.dilation
        padded = np.pad(x[0], p)
        cell = min(40, 300 / max(padded.shape), 300 / max(y.shape))
        left, top, span = 20, 40, [d * (k - 1) + 1 for k in w.shape[1:]]
        kernel_x = left + padded.shape[1] * cell + 40
        small = min(32, 150 / max(w.shape[1:]))
        output_x = kernel_x + max(w.shape[2] * small, 70) + 50
        row, column = divmod(self.step, y.shape[1])
        height = top + max(padded.shape[0] * cell, w.shape[1] * small, y.shape[0] * cell) + 20
        width = max(output_x + y.shape[1] * cell, output_x + 110) + 20
        channel = ", channel 0" if len(x) > 1 else ""
        drawing = picture.svg(
            width, height,
            picture.text(left, 26, f"Input{channel}"), picture.grid(padded, left, top, cell, signed=bool(x.min() < 0)),
            picture.box(left + p * cell, top + p * cell, x.shape[2] * cell, x.shape[1] * cell),
            picture.box(left + column * self.stride * cell, top + row * self.stride * cell, span[1] * cell, span[0] * cell, picture.ORANGE, thick=3),
            picture.text(kernel_x, 26, f"Kernel{channel}"), picture.grid(w[0], kernel_x, top, small),
            picture.text(output_x, 26, f"Output {y.shape[0]}×{y.shape[1]}"), picture.grid(y, output_x, top, cell),
            picture.box(output_x + column * cell, top + row * cell, cell, cell, picture.ORANGE, thick=3),
        )  # fmt: skip
        alt = f"{self.summary()}. The output is {y.shape[0]}×{y.shape[1]}; its cell [{row}, {column}] is {y[row, column]:.4g}."
        return image(drawing, alt, int(width))


def _array(name: str, value: object, shape: str) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind not in "bifu" or array.ndim not in (2, 3) or not array.size:
        raise ValueError(f"{name} must be an array of numbers shaped {shape}, not {array.dtype} of shape {array.shape}.")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity: products with them show nothing. Replace them first.")
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


def convolution_stepper(
    image: np.ndarray,
    kernel: np.ndarray,
    *,
    bias: float = 0,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    function: Callable | None = None,
) -> ConvolutionStepper:
    """Return a widget that slides `kernel` over `image`, one window at a time.

    Drag the window, or click the input and use the arrow keys, Home and End; Space plays. Each step shows the window, its
    products with the kernel, channel by channel, and their sum plus the bias: one cell of the output. As in PyTorch
    the kernel is not flipped, and a window that would stick out is left out, so that some pixels may never be read.

    Args:
        image: numbers, (H, W) or (C, H, W), at most 200,000 of them.
        kernel: numbers, (kh, kw) for an image (H, W), (C, kh, kw) for an image (C, H, W): one filter.
        bias: added to every sum.
        stride, padding, dilation: where the stepper starts; the page has controls for them.
        function: your own convolution, to be compared with the right output. It is called again whenever stride, padding
            or dilation change, and its first wrong cell is marked. Two forms are understood:
            `f(image, kernel)` gets the arrays as you gave them and returns (H', W');
            `f(x, w, b)`, where b may have a default, is a layer: it gets x (1, C, H, W), w (1, C, kh, kw), b (1,) and returns (1, 1, H', W').
            Both get `stride=`, `padding=` and `dilation=` if they have parameters of that name, and may return a tuple
            whose first item is the output. For anything else pass a lambda that has one of these forms.

    Raises:
        ValueError: shapes that do not belong together, NaN, a kernel that does not fit, an image too large to draw.

    Source: the formula of `torch.nn.Conv2d`, https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    x, w = _array("image", image, "(H, W) or (C, H, W)"), _array("kernel", kernel, "(kh, kw) or (C, kh, kw)")
    if x.ndim != w.ndim:
        raise ValueError(
            f"image has shape {x.shape} and kernel {w.shape}: give both 2 dimensions, (H, W) and (kh, kw), "
            "or both 3, (C, H, W) and (C, kh, kw)."
        )
    flat = x.ndim == 2
    x, w = (x[None], w[None]) if flat else (x, w)
    if len(x) != len(w):
        hint = " Is the image H×W×C? Then pass image.transpose(2, 0, 1)." if x.shape[2] == len(w) else ""
        raise ValueError(f"image has {len(x)} channels, kernel has {len(w)}: they must be the same.{hint}")
    if x.size > MOST_VALUES:
        raise ValueError(f"image has {x.size:,} numbers, at most {MOST_VALUES:,} can be stepped through: pass a part of it, or image[..., ::4, ::4].")
    settings = {
        "stride": whole("stride", stride, 1, 16), "padding": whole("padding", padding, 0, 16), "dilation": whole("dilation", dilation, 1, 16),
    }  # fmt: skip
    if not np.isfinite(bias):
        raise ValueError(f"bias must be a finite number, not {bias!r}.")
    span = [dilation * (k - 1) + 1 for k in w.shape[1:]]
    room = [size + 2 * padding for size in x.shape[1:]]
    if span[0] > room[0] or span[1] > room[1]:
        raise ValueError(f"the kernel spans {span[0]}×{span[1]} pixels, the padded image has {room[0]}×{room[1]}: it does not fit. Pad more, or dilate less.")
    if function is not None and (not callable(function) or not student.form(function)):
        raise ValueError("function must be callable as f(image, kernel) or as f(x, w, b): wrap yours in a lambda of one of these forms.")
    return ConvolutionStepper(x, w, float(bias), settings, function, flat)
