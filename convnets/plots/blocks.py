"""Small nets as boxes and arrows: the picture beside a block's name."""

from matplotlib.colors import to_rgb

from convnets.plots.style import INK, PALETTE, QUIET, bare, new_figure

_SYMBOLS = ("+", "×", "σ", "‖")


def block_diagram(panels, height=3.6):
    """One or more blocks side by side, each of boxes and arrows that data follows downwards.

    panels   {title: (boxes, arrows)}
    boxes    {name: (x, y, text)} or {name: (x, y, text, colour)}: x counts columns to the right, y rows downwards. The
             colour is a name of `PALETTE`; a box without one is data, and has no frame. One of + × σ ‖ becomes a circle
    arrows   list of chains such as "x > conv > sum"; "x ~> sum" goes round the right side of all boxes, as a
             shortcut does, "x <~ sum" round the left
    height   of the figure in inches

    Raises ValueError for no panels, or an arrow from or to a box that is not there.
    """
    if not panels:
        raise ValueError("there is nothing to draw: pass {title: (boxes, arrows)}")
    spans = [_span(boxes) for boxes, _ in panels.values()]
    fig = new_figure(height)
    axes = fig.subplots(1, len(panels), width_ratios=[right - left for left, right, *_ in spans], squeeze=False)[0]
    for ax, (title, (boxes, arrows)), (left, right, top, bottom) in zip(axes, panels.items(), spans, strict=True):
        bare(ax)
        ax.set_xlim(left, right)
        ax.set_ylim(bottom, top)
        ax.set_title(title, fontweight="bold")
        drawn = {name: _box(ax, *box) for name, box in boxes.items()}
        for chain in arrows:
            for start, end, bend in _links(chain, drawn):
                _arrow(ax, boxes, drawn, start, end, bend)
    return fig


def column(steps, start="x"):
    """A panel for `block_diagram`: steps one below the other, and a shortcut from the start to the "+" if there is one.

    steps    texts such as "3×3, 64" and "ReLU", or "+". Layers with weights (conv…, linear…, or a kernel such as 3×3) are blue
    start    text of what goes in
    """
    boxes = {"start": (0, 0, start)}
    for row, text in enumerate(steps, 1):
        weights = text.startswith(("conv", "linear")) or text[:3] in ("1×1", "3×3", "5×5", "7×7")
        boxes[f"step{row}"] = (0, row, text) if text in _SYMBOLS else (0, row, text, "blue" if weights else "black")
    plus = [f"start ~> step{row}" for row, text in enumerate(steps, 1) if text == "+"]
    return boxes, [" > ".join(boxes), *plus]


def _span(boxes):
    xs, ys = [box[0] for box in boxes.values()], [box[1] for box in boxes.values()]
    return min(xs) - 0.75, max(xs) + 0.75, min(ys) - 0.5, max(ys) + 0.5


def _box(ax, x, y, text, colour=None):
    style = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": "none", "linewidth": 1.2}
    if text in _SYMBOLS:
        style |= {"boxstyle": "circle,pad=0.2", "edgecolor": INK}
    if colour:
        style |= {"facecolor": [1 - 0.28 * (1 - c) for c in to_rgb(PALETTE[colour])], "edgecolor": PALETTE[colour]}
    return ax.text(x, y, text, ha="center", va="center", fontsize=10, bbox=style, zorder=2)


def _links(chain, drawn):
    words = chain.split()
    for start, how, end in zip(words[::2], words[1::2], words[2::2], strict=False):
        missing = [name for name in (start, end) if name not in drawn]
        if missing or how not in (">", "~>", "<~"):
            raise ValueError(f"the arrow {start!r} {how} {end!r} needs boxes of these names ({', '.join(drawn)}) and one of > ~> <~")
        yield start, end, {">": 0, "~>": 1, "<~": -1}[how]


def _arrow(ax, boxes, drawn, start, end, bend):
    (x0, y0), (x1, y1) = boxes[start][:2], boxes[end][:2]
    colour = QUIET if bend else INK
    if bend:
        aside = ax.get_xlim()[bend > 0] - 0.07 * bend
        ax.plot([x0, aside, aside], [y0, y0, y1], color=colour, linewidth=1.6, zorder=1)
        x0, y0 = aside, y1
    ax.annotate(
        "", (x1, y1), (x0, y0), zorder=3,
        arrowprops={
            "arrowstyle": "-|>", "color": colour, "linewidth": 1.6 if bend else 1.2, "mutation_scale": 11, "shrinkA": 0 if bend else 1, "shrinkB": 2,
            "patchA": None if bend else drawn[start].get_bbox_patch(), "patchB": drawn[end].get_bbox_patch(),
        },
    )  # fmt: skip
