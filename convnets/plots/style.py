"""One look for all figures: colours that colour-blind readers can tell apart, readable sizes, no frames."""

import logging

logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it announces its font cache on stderr

import matplotlib as mpl  # noqa: E402
from cycler import cycler  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

#: Okabe & Ito, "Color Universal Design" (2008): https://jfly.uni-koeln.de/color/
PALETTE = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#000000",
}
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
SIGNED = "RdBu_r"
SEQUENTIAL = "Blues"
WIDTH = 8.0
INK = "#222222"
QUIET = "#767676"
DPI = 100


def style():
    """Apply the course's look to every matplotlib figure. Importing `convnets.plots` does it once."""
    mpl.rcParams.update(
        {
            "figure.figsize": (WIDTH, 4.0),
            "figure.dpi": DPI,
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "savefig.facecolor": "white",
            "font.family": "sans-serif",
            "font.sans-serif": ["DejaVu Sans"],
            "font.size": 11,
            "axes.titlesize": 11,
            "axes.titlepad": 6,
            "axes.labelsize": 11,
            "axes.edgecolor": QUIET,
            "axes.labelcolor": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "axes.grid": False,
            "axes.prop_cycle": cycler(color=list(PALETTE.values())),
            "grid.color": "#DDDDDD",
            "grid.linewidth": 0.8,
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "xtick.labelsize": 10,
            "ytick.labelsize": 10,
            "lines.linewidth": 2,
            "lines.markersize": 6,
            "legend.frameon": False,
            "image.interpolation": "nearest",
            "image.cmap": "gray",
        }
    )


def new_figure(height, width=WIDTH):
    """A figure of the course's width, in inches, that pyplot does not know, so that it is shown once: by `show`."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")


def new_canvas(height):
    """A figure that is all drawing: one bare axes from edge to edge."""
    fig = Figure(figsize=(WIDTH, height), dpi=DPI, layout="none", facecolor="white")
    return fig, bare(fig.add_axes((0, 0, 1, 1)))


def bare(ax):
    """Take away ticks and frame."""
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def ink_on(rgba):
    """Black or white, whichever is readable on this colour (relative luminance as in WCAG 2)."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in rgba[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.179 else "white"
