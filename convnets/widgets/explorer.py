"""The arithmetic explorer: output sizes, read and unread pixels, and the receptive field of a stack."""

import traitlets

from convnets.widgets import picture
from convnets.widgets.base import CourseWidget, image, module, whole


class ArithmeticExplorer(CourseWidget):
    """The widget that `arithmetic_explorer` returns. Its numbers can be read and set."""

    _esm = module("explorer")
    _name = "explorer"
    size = traitlets.Int().tag(sync=True)
    kernel = traitlets.Int().tag(sync=True)
    stride = traitlets.Int().tag(sync=True)
    padding = traitlets.Int().tag(sync=True)
    dilation = traitlets.Int().tag(sync=True)
    layers = traitlets.List().tag(sync=True)

    def _windows(self) -> list[list[int]]:
        last = self.size + 2 * self.padding - (self.dilation * (self.kernel - 1) + 1)
        return [[start + self.dilation * tap for tap in range(self.kernel)] for start in range(0, last + 1, self.stride)]

    def summary(self) -> str:
        return (
            f"Arithmetic explorer: {self.size} pixels, kernel {self.kernel}, stride {self.stride}, padding {self.padding}, "
            f"dilation {self.dilation} give {len(self._windows())} outputs"
        )

    def picture(self) -> str:
        windows, long = self._windows(), self.size + 2 * self.padding
        cell, left, top = min(40, 640 / long), 20, 44
        shown = windows[:12]
        parts = [picture.text(left, 28, f"input: {self.size}, padding on each side: {self.padding}, windows: {len(windows)}")]
        read = {i for window in windows for i in window}
        for i in range(long):
            inside = self.padding <= i < self.padding + self.size
            fill = "#fff" if inside and i in read else "#eee" if not inside else "#f6d3bd"
            parts.append(picture.box(left + i * cell, top, cell, cell, picture.GREY, fill))
            if cell >= 18:
                words = str(i - self.padding) if inside else "0"
                parts.append(picture.text(left + (i + 0.5) * cell, top + cell / 2 + 5, words, 13, picture.INK if inside else picture.GREY, "middle"))
        for n, window in enumerate(shown):
            y = top + cell + 10 + n * 18
            parts.append(picture.line([(left + window[0] * cell, y + 6), (left + (window[-1] + 1) * cell, y + 6)], picture.BLUE))
            parts += [picture.box(left + i * cell + 2, y, cell - 4, 12, picture.BLUE, picture.SKY) for i in window]
            parts.append(picture.text(left + long * cell + 8, y + 11, f"→ output {n}"))
        unread = [i - self.padding for i in range(self.padding, self.padding + self.size) if i not in read]
        below = top + cell + 30 + 18 * len(shown)
        never = f"never read: {', '.join(map(str, unread))}" if unread else "every pixel is read"
        parts.append(picture.text(left, below, never))
        width = left + long * cell + 110
        return image(picture.svg(width, below + 16, *parts), f"{self.summary()}; {never}.", int(width))


def arithmetic_explorer(
    size: int = 7,
    kernel: int = 3,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    layers: list[tuple[int, int]] = ((3, 1), (3, 1), (3, 1)),
) -> ArithmeticExplorer:
    """Return a widget with sliders for the size of the input, the kernel, stride, padding and dilation.

    It shows the windows of one row, how many read each pixel, the pixels that none reads, and the output size with
    the numbers put into PyTorch's formula. Below, a stack of layers shows how the receptive field grows.

    Args:
        size: pixels in a row, 1 to 64.
        kernel, stride, padding, dilation: of the one layer, in pixels; up to 15, 8, 8 and 6.
        layers: the stack, from the input up: (kernel, stride) or (kernel, stride, dilation) for each, at most 8.

    Raises:
        ValueError: a number out of these limits.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html (output size);
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285.
    """
    if not 1 <= len(layers) <= 8 or any(len(layer) not in (2, 3) for layer in layers):
        raise ValueError(f"layers must be 1 to 8 pairs (kernel, stride) or triples (kernel, stride, dilation), not {layers!r}.")
    limits = (("kernel", 11), ("stride", 4), ("dilation", 4))
    stack = [[whole(f"{name} of a layer", value, 1, most) for (name, most), value in zip(limits, (*layer, 1)[:3], strict=True)] for layer in layers]
    return ArithmeticExplorer(
        size=whole("size", size, 1, 64), kernel=whole("kernel", kernel, 1, 15), stride=whole("stride", stride, 1, 8),
        padding=whole("padding", padding, 0, 8), dilation=whole("dilation", dilation, 1, 6), layers=stack,
    )  # fmt: skip
