"""The architecture explorer: any network as a diagram that unfolds, one net or two side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import traitlets

from convnets.units import readable_bytes
from convnets.widgets import picture
from convnets.widgets.architecture import caption_of, total_data
from convnets.widgets.base import CourseWidget, image, module
from convnets.widgets.diagram import groups_of, opened_at_first, tree, visible

if TYPE_CHECKING:
    from torch import nn

SHOWS = ("parameters", "multiply_adds", "bytes")
_COLOURS = {"conv": "#56B4E9", "linear": "#CC79A7", "pool": "#F0E442", "join": "#D55E00", "other": "#d5d5da"}


class ArchitectureExplorer(CourseWidget):
    """The widget that `architecture_explorer` returns. `shows` ("parameters", "multiply_adds" or "bytes": what the bars show) and
    `opened` (for each net the ids of its unfolded groups) can be read and set; `ids()` lists the groups.
    """

    _esm = module("architecture_explorer")
    _name = "architecture_explorer"
    nets = traitlets.List().tag(sync=True)
    texts = traitlets.List().tag(sync=True)
    opened = traitlets.List().tag(sync=True)
    shows = traitlets.Enum(SHOWS, "parameters").tag(sync=True)

    def __init__(self, nets):
        self._nets = nets
        texts = {}
        packed = [net | {"root": _interned(net["root"], texts)} for net in nets]
        super().__init__(nets=packed, texts=list(texts), opened=[opened_at_first(net["root"]) for net in nets])

    def ids(self) -> list[list[str]]:
        """Return, for each net, the ids of the groups that can be unfolded, outer ones first."""
        return [[group["id"] for group in groups_of(net["root"])] for net in self._nets]

    def summary(self) -> str:
        lines = []
        for net in self._nets:
            total, root = net["total"], net["root"]
            lines.append(
                f"{net['title']}: {net['caption']}. {total['parameters']:,} parameters, {total['multiply_adds']:,} multiply-adds, "
                f"{readable_bytes(total['bytes'])} of activations"
            )
            lines += [_line(depth, box) for depth, box in visible(root, set(opened_at_first(root))) if not box["thin"]]
        return "\n".join(lines)

    def picture(self) -> str:
        gap, wide = 20, 900 / len(self._nets)
        largest = max(box[self.shows] or 0 for net, ids in zip(self._nets, self.opened, strict=True) for _, box in _seen(net, ids)) or 1
        parts, bottom = [], 0
        for k, (net, ids) in enumerate(zip(self._nets, self.opened, strict=True)):
            left, y = k * wide, 22
            parts += [picture.text(left, y, net["title"], 15, weight=700), picture.text(left, y + 18, _totals(net["total"]).rpartition(", ")[0], 12, picture.GREY)]
            y += 32
            for depth, box in _seen(net, ids):
                high = 20 if box["thin"] or box["id"] in ids else 40
                parts.append(self._row(box, left + 14 * depth, y, left + wide - gap, high, largest))
                y += high
            bottom = max(bottom, y)
        alt = " ".join(f"{net['title']}: {net['caption']}, {_totals(net['total'])}." for net in self._nets)
        return image(picture.svg(900, bottom + 8, *parts), f"Diagram of the layers. {alt}", 900)

    def _row(self, box, left, y, right, high, largest):
        middle, share = y + high / 2 + 4, (box[self.shows] or 0) / largest
        start = max(left + 62 + 7.4 * len(box["name"]) + 12, right - 250)
        parts = [picture.text(left + 62, middle, box["name"], 12.5, weight=600), picture.text(start, middle, box["output"], 12)]
        if high == 40:
            parts += [_slab(box, left, y + high / 2), picture.box(right - 150, y + 11, max(1.0, 150 * share), 18, "none", picture.SKY)]
            value = box[self.shows]
            amount = "?" if value is None else readable_bytes(value) if self.shows == "bytes" else f"{value:,}"
            parts.append(picture.text(right - 4, middle, amount, 12, anchor="end"))
        return "".join(parts)


def _seen(net, ids):
    return visible(net["root"], set(ids))


def _totals(total):
    return f"{total['parameters']:,} parameters, {total['multiply_adds']:,} multiply-adds, {readable_bytes(total['bytes'])} of activations"


def _line(depth, box):
    return f"{'  ' * (depth + 1)}{box['name']} ({box['kind']}): {box['output']}, {box['parameters']:,} parameters"


def _slab(box, left, middle):
    from math import log2

    channels, height, width = box["size"]
    wide, high, deep = 2 + 3 * log2(1 + width), 2 + 3 * log2(1 + height), 2.2 * log2(1 + channels)
    up = 0.35 * deep
    x, y = left + (56 - wide - deep) / 2, middle - (high - up) / 2
    paths = [
        [(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)],
        [(x, y), (x + deep, y - up), (x + wide + deep, y - up), (x + wide, y)],
        [(x + wide, y), (x + wide + deep, y - up), (x + wide + deep, y + high - up), (x + wide, y + high)],
    ]
    fill = _COLOURS[box["family"]]
    return "".join(f'<polygon points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in path)}" fill="{fill}" stroke="{picture.GREY}"/>' for path in paths)


def _interned(box, texts):
    """The box with its formulas as positions in `texts`: blocks repeat, and so do their sums."""
    formulas = {key: texts.setdefault(text, len(texts)) for key, text in box["formulas"].items()}
    packed = {key: value for key, value in box.items() if key not in ("children", "field")} | {"formulas": formulas}
    return packed | ({"children": [_interned(child, texts) for child in box["children"]]} if "children" in box else {})


def architecture_explorer(net: nn.Module | dict[str, nn.Module], input_shape: tuple[int, ...] | dict[str, tuple[int, ...]]) -> ArchitectureExplorer:
    """Return a diagram of a network, or of two side by side: one box a layer, grouped by module, with all wires.

    The boxes show the shape of each output: the front face its height and width, the depth its channels (both on a log scale). Click a
    group, or press Enter on it, and it unfolds. Arrow keys walk through the boxes; ← folds a group. Bars show parameters, multiply-adds or memory,
    and for the box under the pointer or in focus all its numbers stand below as sums. Everything works in an exported page, too.

    Args:
        net: any `torch.nn.Module`, or two of them by name: `{"VGG-16": a, "ResNet-50": b}`. They stay as they are. A big net needs no memory when it is built
            under `with torch.device("meta"):`.
        input_shape: C×H×W of one image, or N×C×H×W, see `convnets.arithmetic.layer_table`; or one shape for each net, by the same names.

    Raises:
        TypeError: something that is no `nn.Module`.
        ValueError: a net that does not take an input of this shape, more than two nets, or shapes under other names.
    """
    from convnets.arithmetic import layer_table

    nets = net if isinstance(net, dict) else {type(net).__name__: net}
    if not 1 <= len(nets) <= 2:
        raise ValueError(f"architecture_explorer shows one net or two, not {len(nets)}: choose two of them.")
    shapes = input_shape if isinstance(input_shape, dict) else dict.fromkeys(nets, input_shape)
    if set(shapes) != set(nets):
        raise ValueError(f"input_shape must have one shape for each net, under the same names ({', '.join(map(str, nets))}), not for {', '.join(map(str, shapes))}.")
    found = []
    for title, each in nets.items():
        table = layer_table(each, shapes[title])
        kinds = {name: type(part).__name__ for name, part in each.named_modules()}
        found.append({"title": str(title), "caption": caption_of(each, shapes[title]), "total": total_data(table.total), "root": tree(table, kinds)})
    return ArchitectureExplorer(found)
