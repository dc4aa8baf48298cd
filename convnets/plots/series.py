"""Curves over epochs, and bars."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from convnets.plots.images import as_array
from convnets.plots.style import INK, MARKERS, PALETTE, new_figure
from convnets.units import readable_bytes

_OF_HISTORY = ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy")


def curves(history, x_label="epoch"):
    """Loss and accuracy over epochs, each line named at its end.

    ``history``: a History of `convnets.train`, or a dict of name to one number an epoch. Series with "accuracy" in their
    name (0 to 1) get a panel of their own, in percent; those that are None or empty are left out.
    """
    series = history if isinstance(history, dict) else {name: getattr(history, name, None) for name in _OF_HISTORY}
    series = {
        name: np.asarray(as_array(values), float)
        for name, values in series.items()
        if values is not None and len(values)
    }
    series = {name: values for name, values in series.items() if np.isfinite(values).any()}
    if not series:
        raise ValueError(
            "there is nothing to draw: pass a History after training, or a dict of name to a list of numbers"
        )
    right = {name: 100 * values for name, values in series.items() if "accuracy" in name}
    left = {name: values for name, values in series.items() if "accuracy" not in name}
    panels = [(title, lines) for title, lines in (("loss", left), ("accuracy in %", right)) if lines]
    fig = new_figure(3.3)
    for ax, (title, lines) in zip(fig.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        _lines(ax, lines, word=title.split()[0])
        if title != "loss" or all("loss" in name for name in lines):
            ax.set_title(title, loc="left", fontweight="bold")
        ax.set_xlabel(x_label)
    return fig


def _lines(ax, lines, word):
    ends = []
    longest = max(map(len, lines.values()))
    for (name, values), colour, marker in zip(lines.items(), _cycle(PALETTE.values()), _cycle(MARKERS), strict=False):
        epochs = np.arange(1, len(values) + 1)
        every = max(1, len(values) // 10)
        ax.plot(
            epochs, values, color=colour, marker=marker, markevery=every, markeredgecolor="white", markeredgewidth=0.6
        )
        last = np.flatnonzero(np.isfinite(values))[-1]
        label = name.replace("_", " ").replace(word, "").strip() or name.replace("_", " ")
        ends.append([values[last], label, colour, marker])
    ax.set_xlim(1 - 0.02 * longest, longest + 0.02 * longest if longest > 1 else 2)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    ax.grid(axis="y")
    low, high = ax.get_ylim()
    ax.set_ylim(low, high)
    for (_, label, _colour, marker), y in zip(
        ends, _apart([end[0] for end in ends], 0.085 * (high - low)), strict=True
    ):
        sign = {"o": "●", "s": "■", "^": "▲", "D": "◆", "v": "▼", "P": "✚", "X": "✖", "*": "★"}[marker]
        ax.annotate(
            f"{sign} {label}",
            (1.02, y),
            xycoords=ax.get_yaxis_transform(),
            va="center",
            fontsize=10,
            color=_colour_of(_colour),
        )


def _colour_of(colour):
    """Yellow and the light colours are too pale for text."""
    return INK if colour in (PALETTE["yellow"], PALETTE["sky"], PALETTE["orange"], PALETTE["purple"]) else colour


def _cycle(values):
    values = list(values)
    return (values * 4)[: 4 * len(values)]


def _apart(heights, gap):
    """The same heights moved as little as keeps labels from lying on each other."""
    order = np.argsort(heights)
    placed = np.array(heights, float)[order]
    for i in range(1, len(placed)):
        placed[i] = max(placed[i], placed[i - 1] + gap)
    placed -= (placed - np.array(heights)[order]).mean()
    result = np.empty_like(placed)
    result[order] = placed
    return result


def bars(values, unit="", title=None, log=False, highlight=None):
    """Horizontal bars with their numbers at the end; ``values`` is a dict of name to number.

    ``unit`` follows each number ("bytes" gives kB, MB, GB). ``log`` makes each grid line ten times the one before.
    ``highlight`` names the bar to set apart, by colour and by bold type.
    """
    if not values:
        raise ValueError("there are no bars to draw: pass a dict of name to number")
    names, numbers = list(values), [float(value) for value in values.values()]
    fig = new_figure(0.45 + 0.36 * len(names) + (0.35 if title else 0) + (0.3 if log else 0))
    ax = fig.add_subplot()
    colours = [PALETTE["vermillion"] if name == highlight else PALETTE["blue"] for name in names]
    ax.barh(range(len(names)), numbers, color=colours, height=0.68)
    for i, (name, number) in enumerate(zip(names, numbers, strict=True)):
        ax.annotate(
            _number(values[name], unit), (max(number, 0), i), xytext=(5, 0), textcoords="offset points",
            va="center", fontsize=10, fontweight="bold" if name == highlight else "normal",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip
    ax.set_yticks(range(len(names)), [str(name) for name in names])
    ax.invert_yaxis()
    ax.tick_params(length=0)
    if log:
        ax.set_xscale("log")
        ax.minorticks_off()
        positive = [number for number in numbers if number > 0] or [1]
        ax.set_xlim(min(positive) / 3, max(positive) * 8)
        ax.grid(axis="x")
    else:
        ax.set_xticks([])
        ax.margins(x=0.16)
        ax.spines["bottom"].set_visible(False)
        if min(numbers) >= 0:
            ax.set_xlim(left=0)
    if title:
        ax.set_title(title, loc="left", fontweight="bold")
    return fig


def _number(value, unit):
    if unit == "bytes":
        return readable_bytes(int(value))
    text = (
        f"{value:,.3g}"
        if isinstance(value, float) and abs(value) < 1000 and value != int(value)
        else f"{round(value):,}"
    )
    return f"{text} {unit}".strip().replace(" %", " %").replace("-", "−")
