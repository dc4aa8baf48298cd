"""Diagrams of blocks: what is drawn, and what happens with bad input."""

import pytest

from convnets import plots
from convnets.plots.display import _png

BOXES = {"x": (0, 0, "in"), "a": (0, 1, "3×3, 64", "blue"), "sum": (0, 2, "+")}


def test_every_box_and_arrow_is_drawn():
    fig = plots.block_diagram({"plain": (BOXES, ["x > a > sum"]), "residual": (BOXES, ["x > a > sum", "x ~> sum", "x <~ sum"])})
    plain, residual = fig.axes
    words = [[text.get_text() for text in ax.texts if text.get_text()] for ax in fig.axes]
    arrows = [[text for text in ax.texts if not text.get_text()] for ax in fig.axes]
    assert words == [["in", "3×3, 64", "+"]] * 2
    assert (plain.get_title(), residual.get_title()) == ("plain", "residual")
    assert [len(found) for found in arrows] == [2, 4]
    assert [len(ax.lines) for ax in fig.axes] == [0, 2]
    right, left = (line.get_xdata() for line in residual.lines)
    assert max(right) > 0 > min(left)
    assert len(_png(fig)) > 1000


def test_data_flows_downwards():
    fig = plots.block_diagram({"": (BOXES, ["x > a > sum"])})
    fig.draw_without_rendering()
    heights = [text.get_window_extent().y0 for text in fig.axes[0].texts if text.get_text()]
    assert heights == sorted(heights, reverse=True)


def test_an_arrow_to_nowhere_is_named():
    with pytest.raises(ValueError, match="'a' > 'total' needs boxes of these names \\(x, a, sum\\)"):
        plots.block_diagram({"": (BOXES, ["x > a > total"])})
    with pytest.raises(ValueError, match="one of > ~> <~"):
        plots.block_diagram({"": (BOXES, ["x -> a"])})
    with pytest.raises(ValueError, match="nothing to draw"):
        plots.block_diagram({})


def test_a_column_has_its_steps_in_order_and_a_shortcut_only_to_a_plus():
    fig = plots.block_diagram({"plain": plots.column(["conv 3×3", "ReLU"]), "residual": plots.column(["3×3, 64", "BN", "+", "ReLU"], start="64 channels")})
    plain, residual = fig.axes
    assert [text.get_text() for text in plain.texts if text.get_text()] == ["x", "conv 3×3", "ReLU"]
    assert [text.get_text() for text in residual.texts if text.get_text()] == ["64 channels", "3×3, 64", "BN", "+", "ReLU"]
    assert (len(plain.lines), len(residual.lines)) == (0, 1)
    frames = {text.get_text(): text.get_bbox_patch().get_edgecolor() for text in residual.texts if text.get_text()}
    assert frames["3×3, 64"] != frames["BN"]
