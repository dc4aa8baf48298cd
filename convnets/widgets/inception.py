"""Inception's bottlenecks: what 1×1 convolutions before the large kernels save, under sliders."""

import traitlets

from convnets.widgets import picture
from convnets.widgets.base import CourseWidget, image, module, whole

LIMITS = {
    "size": (4, 56), "channels": (16, 1024), "reduce3": (8, 256), "reduce5": (8, 256), "pooled": (8, 256), "ones": (8, 512), "threes": (8, 512), "fives": (8, 512),
}  # fmt: skip
_COLOURS = {"1": picture.SKY, "3": picture.ORANGE, "5": picture.VERMILLION, "pool": "#F0E442", "reduce": picture.GREEN}


class InceptionBottlenecks(CourseWidget):
    """The widget that `inception_bottlenecks` returns. All its arguments can be read and set as attributes."""

    _esm = module("inception")
    _name = "inception"
    size = traitlets.Int().tag(sync=True)
    channels = traitlets.Int().tag(sync=True)
    ones = traitlets.Int().tag(sync=True)
    threes = traitlets.Int().tag(sync=True)
    fives = traitlets.Int().tag(sync=True)
    reduce3 = traitlets.Int().tag(sync=True)
    reduce5 = traitlets.Int().tag(sync=True)
    pooled = traitlets.Int().tag(sync=True)

    def parts(self) -> dict[str, list[dict]]:
        """Return the parts of both modules, "naive" and "bottleneck". Each has `name`, `kind`, `inputs` (channels), `outputs`, `kernel`, `last` (whether its
        outputs are concatenated) and `multiply_adds`.
        """
        def part(name, kind, inputs, outputs, kernel, last=True):
            cost = self.size**2 * outputs * kernel**2 * inputs
            return {"name": name, "kind": kind, "inputs": inputs, "outputs": outputs, "kernel": kernel, "last": last, "multiply_adds": cost}

        c = self.channels
        return {
            "naive": [
                part("1×1", "1", c, self.ones, 1), part("3×3", "3", c, self.threes, 3), part("5×5", "5", c, self.fives, 5),
                part("pooling", "pool", c, c, 0),
            ],
            "bottleneck": [
                part("1×1", "1", c, self.ones, 1),
                part("1×1 before 3×3", "reduce", c, self.reduce3, 1, False), part("3×3", "3", self.reduce3, self.threes, 3),
                part("1×1 before 5×5", "reduce", c, self.reduce5, 1, False), part("5×5", "5", self.reduce5, self.fives, 5),
                part("1×1 after pooling", "pool", c, self.pooled, 1),
            ],
        }  # fmt: skip

    def totals(self) -> dict[str, tuple[int, int]]:
        """Return (multiply-adds, output channels) of "naive" and of "bottleneck"."""
        return {name: (sum(p["multiply_adds"] for p in parts), sum(p["outputs"] for p in parts if p["last"])) for name, parts in self.parts().items()}

    def summary(self) -> str:
        (naive, wide), (small, narrow) = self.totals().values()
        return (
            f"Inception on {self.size}×{self.size}×{self.channels}: naive {naive:,} multiply-adds and {wide} channels, "
            f"with bottlenecks {small:,} and {narrow}"
        )

    def picture(self) -> str:
        parts, shapes, y = self.parts(), [], 18
        largest = max(p["multiply_adds"] for each in parts.values() for p in each) or 1
        for name, (cost, channels) in self.totals().items():
            title = "Naive module" if name == "naive" else "With bottlenecks"
            shapes.append(picture.text(8, y, f"{title}: {cost:,} multiply-adds, {channels} channels", 14, weight=700))
            for p in parts[name]:
                y += 24
                length = 330 * p["multiply_adds"] / largest
                shapes += [picture.text(8, y, f"{p['name']}, {p['outputs']} channels", 12.5), picture.box(220, y - 13, max(1, length), 17, "#3a3a3f", _COLOURS[p["kind"]])]
                shapes.append(picture.text(226 + length, y, f"{p['multiply_adds']:,}", 12.5))
            y += 38
        return image(picture.svg(660, y - 18, *shapes), f"{self.summary()}.", 660)


def inception_bottlenecks(
    size: int = 28, channels: int = 256, *, ones: int = 128, threes: int = 192, fives: int = 96, reduce3: int = 64, reduce5: int = 64, pooled: int = 64
) -> InceptionBottlenecks:
    """Return a widget that sets the naive Inception module against the one with 1×1 bottlenecks: multiply-adds and channels, part by part.

    Drag the sliders, or move them with the arrow keys. In the drawing each part is as wide as it has output channels, and as high as one of its output values costs:
    its area is its work. It begins with the lecture's example, and buttons bring modules of GoogLeNet.

    Args:
        size: side of the input maps in pixels, 4 to 56.
        channels: of the input, 16 to 1,024.
        ones, threes, fives: output channels of the 1×1, the 3×3 and the 5×5 convolution, 8 to 512.
        reduce3, reduce5: channels to which 1×1 convolutions reduce the input before the 3×3 and the 5×5 convolution, 8 to 256.
        pooled: channels of the 1×1 convolution after the pooling, 8 to 256.

    Raises:
        ValueError: a number out of these limits.

    Source: C. Szegedy and others, Going Deeper with Convolutions, https://arxiv.org/abs/1409.4842, figure 2 and table 1.
    """
    given = {"size": size, "channels": channels, "ones": ones, "threes": threes, "fives": fives, "reduce3": reduce3, "reduce5": reduce5, "pooled": pooled}
    return InceptionBottlenecks(**{name: whole(name, value, *LIMITS[name]) for name, value in given.items()})
