"""Diagrams of networks: volumes as boxes, and what one output sees."""

import numpy as np
from matplotlib.patches import Polygon, Rectangle

from convnets.plots.style import INK, PALETTE, QUIET, WIDTH, new_canvas

_SLANT = np.array([0.42, 0.32])


def shapes_diagram(shapes, labels=None):
    """Volumes from input to output as boxes: height and width of the maps as the face, channels as the thickness.

    ``shapes``: tuples C×H×W, or (n,) for a vector. ``labels``: text above each box, such as the layer that made it. Sizes
    are compressed (a map four times as high is drawn twice as high), so that small volumes stay visible.
    """
    shapes = [tuple(int(n) for n in (shape if np.iterable(shape) else (shape,))) for shape in shapes]
    for shape in shapes:
        if len(shape) not in (1, 3) or min(shape) < 1:
            raise ValueError(f"a shape must be C×H×W or (n,), but got {shape}; leave the batch out")
    if not shapes:
        raise ValueError("there are no shapes to draw: pass at least one")
    labels = [""] * len(shapes) if labels is None else list(labels)
    if len(labels) != len(shapes):
        raise ValueError(f"there are {len(shapes)} shapes but {len(labels)} labels: give one label for each shape")
    boxes = _sized(shapes)
    wide = [thick + deep * _SLANT[0] for thick, _, deep in boxes]
    gap = 4.6 / len(shapes) if len(shapes) < 9 else 0.34
    left = [sum(wide[:i]) + i * gap for i in range(len(shapes))]
    x = left[-1] + wide[-1]
    texts = ["×".join(map(str, shape)) for shape in shapes]
    size = 10.5 if len(shapes) <= 8 else 8.5
    scale = min((WIDTH - 0.6) / x, 1.15)
    centres = [a + b / 2 for a, b in zip(left, wide, strict=True)]
    crowded = _crowded(texts, centres, size, scale)
    label_size = size - 1.5 if _crowded(labels, centres, size, scale) else size
    top = max(high + deep * _SLANT[1] for _, high, deep in boxes)
    below = 0.85 if crowded else 0.55
    tall = (top + below / scale + (0.45 / scale if any(labels) else 0.1)) * scale
    fig, ax = new_canvas(tall)
    middle = top / 2
    for i, (thick, high, deep) in enumerate(boxes):
        base = middle - (high + deep * _SLANT[1]) / 2
        colour = PALETTE["sky"] if len(shapes[i]) == 3 else PALETTE["orange"]
        _box(ax, left[i], base, thick, high, deep * _SLANT, PALETTE["green"] if i == 0 else colour)
        drop = 0.3 / scale if crowded and i % 2 else 0
        ax.text(centres[i], -0.12 / scale - drop, texts[i], ha="center", va="top", fontsize=size)
        if labels[i]:
            ax.text(
                centres[i], top + 0.1 / scale, labels[i], ha="center", va="bottom", fontsize=label_size, color=QUIET
            )
        if i + 1 < len(boxes):
            end = left[i] + wide[i]
            ax.annotate(
                "", (left[i + 1] - 0.06, middle), (end + 0.06, middle), arrowprops={"arrowstyle": "->", "color": QUIET}
            )
    slack = (WIDTH / scale - x) / 2
    ax.set_xlim(-slack, x + slack)
    ax.set_ylim(-below / scale, tall / scale - below / scale)
    return fig


def _crowded(texts, centres, size, scale):
    """Whether two texts side by side would touch; 0.62 em is a generous width of a character."""
    widths = [len(text) * size * 0.62 / 72 for text in texts]
    return any(
        (centres[i + 1] - centres[i]) * scale < (widths[i] + widths[i + 1]) / 2 + 0.08
        for i in range(len(texts) - 1)
        if texts[i] and texts[i + 1]
    )


def _sized(shapes):
    """Thickness, height, depth of each box in drawing units."""
    highest = max((shape[1] for shape in shapes if len(shape) == 3), default=1)
    widest = max((shape[2] for shape in shapes if len(shape) == 3), default=1)
    most = max(shape[0] for shape in shapes if len(shape) == 3) if any(len(s) == 3 for s in shapes) else 1
    longest = max((shape[0] for shape in shapes if len(shape) == 1), default=1)
    side = max(highest, widest)
    thickest = 0.9 if len(shapes) < 9 else 0.6
    result = []
    for shape in shapes:
        if len(shape) == 3:
            c, h, w = shape
            result.append((0.12 + thickest * (c / most) ** 0.6, 2.3 * (h / side) ** 0.5, 2.3 * (w / side) ** 0.5))
        else:
            result.append((0.16, 0.35 + 1.9 * (shape[0] / longest) ** 0.45, 0.16))
    return result


def _box(ax, x, y, thick, high, slant, colour):
    dx, dy = slant
    faces = (
        ([(x, y), (x + thick, y), (x + thick, y + high), (x, y + high)], 1.0),
        ([(x, y + high), (x + thick, y + high), (x + thick + dx, y + high + dy), (x + dx, y + high + dy)], 0.55),
        ([(x + thick, y), (x + thick + dx, y + dy), (x + thick + dx, y + high + dy), (x + thick, y + high)], 0.3),
    )
    for corners, strength in faces:
        ax.add_patch(Polygon(corners, facecolor="white", edgecolor="none"))
        ax.add_patch(Polygon(corners, facecolor=colour, alpha=0.25 + 0.5 * strength, edgecolor="none"))
        ax.add_patch(Polygon(corners, fill=False, edgecolor=INK, linewidth=0.9, joinstyle="round"))


def receptive_field_diagram(layers):
    """What one output value sees through a stack of layers, along one axis, from the output down to the input.

    ``layers``: first to last, each (kernel, stride) or (kernel, stride, dilation), or just the kernel size. Padding is left
    out: it changes where a window lies, not its size. Cells that the output depends on are filled and marked with a dot.
    """
    layers = [_layer(layer) for layer in layers]
    if not layers:
        raise ValueError("there are no layers: pass at least one, such as [(3, 1)]")
    used = [{0}]
    for kernel, stride, dilation in reversed(layers):
        used.insert(0, {i * stride + k * dilation for i in used[0] for k in range(kernel)})
    jumps, offsets = [1.0], [0.0]
    for kernel, stride, dilation in layers:
        offsets.append(offsets[-1] + jumps[-1] * dilation * (kernel - 1) / 2)
        jumps.append(jumps[-1] * stride)
    field = max(used[0]) + 1
    if field > 150:
        raise ValueError(
            f"one output of this stack sees {field} pixels, too many to draw: take fewer layers (up to 150)"
        )
    margin = max(1, round(0.08 * field))
    low, high = -margin - 0.5, field - 1 + margin + 0.5
    unit = min(0.42, (WIDTH - 3.4) / (high - low))
    step = max(0.62, 2.0 * unit) / unit
    fig, ax = new_canvas((len(layers) * step + 1.0) * unit + 0.35)
    for level in range(len(layers) + 1):
        y = level * step
        _cells(ax, level, y, used[level], jumps[level], offsets[level], (low, high))
        ax.text(low - 0.12 / unit, y, _name(level, layers), ha="right", va="center", fontsize=10.5, linespacing=1.3)
        ax.text(high + 0.12 / unit, y, _sight(level, used[level], layers), ha="left", va="center", fontsize=10.5)
        if level:
            kernel, stride, dilation = layers[level - 1]
            for i in used[level]:
                centre = offsets[level] + i * jumps[level]
                for k in range(kernel):
                    below = offsets[level - 1] + (i * stride + k * dilation) * jumps[level - 1]
                    ax.plot(
                        [centre, below],
                        [y - 0.4, y - step + 0.4],
                        color=PALETTE["vermillion"],
                        linewidth=0.8,
                        alpha=0.6,
                        zorder=0,
                    )
    wide = WIDTH / unit
    centre = (low + high) / 2
    ax.set_xlim(centre - wide / 2, centre + wide / 2)
    tall = fig.get_figheight() / unit
    ax.set_ylim(-(tall - len(layers) * step) / 2, tall - (tall - len(layers) * step) / 2)
    return fig


def _layer(layer):
    numbers = (layer,) if np.isscalar(layer) else tuple(layer)
    if not 1 <= len(numbers) <= 3 or any(int(n) != n or n < 1 for n in numbers):
        raise ValueError(
            f"a layer must be (kernel, stride) or (kernel, stride, dilation), all at least 1, but got {layer!r}"
        )
    return (*map(int, numbers), *(1, 1))[:3]


def _cells(ax, level, y, used, jump, offset, limits):
    first = int(np.ceil((limits[0] + 0.4 - offset) / jump))
    last = int(np.floor((limits[1] - 0.4 - offset) / jump))
    for i in range(first, last + 1):
        x = offset + i * jump
        seen = i in used
        fill, edge = (PALETTE["orange"], INK) if seen else ("white", "#BBBBBB")
        ax.add_patch(Rectangle((x - 0.42, y - 0.42), 0.84, 0.84, linewidth=1, facecolor=fill, edgecolor=edge))
        if seen:
            ax.plot(x, y, ".", color=INK, markersize=3)


def _name(level, layers):
    if level == 0:
        return "input"
    kernel, stride, dilation = layers[level - 1]
    extra = (f", stride {stride}" if stride > 1 else "") + (f", dilation {dilation}" if dilation > 1 else "")
    return f"layer {level}\nkernel {kernel}{extra}"


def _sight(level, used, layers):
    if level == len(layers):
        return "1 output sees"
    word = "pixel" if level == 0 else "value"
    text = f"{len(used)} {word}" + ("s" if len(used) > 1 else "")
    return text if len(used) == max(used) + 1 else f"{text},\nspread over {max(used) + 1}"
