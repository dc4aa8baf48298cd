"""The architecture explorer and Inception's bottlenecks in Chromium, on pages without a kernel."""

import re

import pytest
import torch
from test_live_widgets import CUT, MEASURE
from torch import nn

from autograder.units import import_unit
from convnets.arithmetic import layer_table
from convnets.vision import torchvision
from convnets.widgets import architecture_explorer, inception_bottlenecks

classic = import_unit("06_classic_architectures")


@pytest.fixture
def show(page, tmp_path):
    def open_page(widget, width=1000, dark=False):
        colours = "--jp-ui-font-color0:#fff;--jp-ui-font-color1:#ddd;--jp-layout-color1:#111;--jp-layout-color2:#222" if dark else ""
        head = f'<!doctype html><meta charset="utf-8"><style>:root{{{colours}}}</style><body data-jp-theme-light="{str(not dark).lower()}">'
        (tmp_path / "page.html").write_text(head + widget.still_html(), encoding="utf-8")
        page.set_viewport_size({"width": width, "height": 1000})
        page.goto(f"file://{tmp_path}/page.html")
        page.locator(".cvn").wait_for()
        return page.locator(".cvn")

    return open_page


def googlenet():
    with torch.device("meta"):
        return classic.googlenet()


def test_the_keyboard_unfolds_walks_and_folds(show, page):
    shown = show(architecture_explorer(googlenet(), (3, 224, 224)))
    spoken = shown.locator("[aria-live]")
    module = shown.get_by_role("treeitem", name=re.compile("^inception3a"))
    assert module.get_attribute("aria-expanded") == "false"
    shown.locator("[role=treeitem][tabindex='0']").focus()
    while page.evaluate("document.activeElement.dataset.id") != module.get_attribute("data-id"):
        page.keyboard.press("ArrowDown")
    detail = shown.locator(".cvn-detail").inner_text()
    assert "ones: 12,352 + threes: 129,248 + fives: 15,920 + pooled: 6,176 = 163,696" in detail
    page.keyboard.press("Enter")
    assert module.get_attribute("aria-expanded") == "true"
    assert spoken.inner_text().startswith("inception3a")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("ones")
    tops = [shown.get_by_role("treeitem", name=re.compile(f"^{name}, Seq")).bounding_box() for name in ("ones", "threes", "fives", "pooled")]
    assert len({round(box["y"]) for box in tops}) == 1
    assert [box["x"] for box in tops] == sorted({box["x"] for box in tops})
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert module.get_attribute("aria-expanded") == "false"
    page.keyboard.press("Home")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("input")


def test_bars_show_what_was_chosen_and_wires_join_their_boxes(show):
    net = nn.Sequential(nn.Conv2d(3, 10, 5, padding=2), nn.Flatten(), nn.Linear(10240, 10))
    shown = show(architecture_explorer(net, (3, 32, 32)))

    def bars():
        return [float(re.search(r"width: ([\d.]+)%", style)[1]) for style in shown.locator(".cvn-box-bar i").evaluate_all("nodes => nodes.map((n) => n.getAttribute('style'))")]

    table = layer_table(net, (3, 32, 32))
    for title, key in (("Parameters", "parameters"), ("Multiply-adds", "multiply_adds"), ("Memory", "activation_bytes")):
        shown.get_by_role("button", name=title, exact=True).click()
        values = [getattr(row, key) for row in table]
        assert bars() == pytest.approx([100 * value / max(values) for value in values], abs=0.01)
    shown.get_by_role("treeitem", name=re.compile("^2, Linear")).hover()
    assert "10 × (10240 + 1) = 102,410" in shown.locator(".cvn-detail").inner_text()
    assert shown.locator(".cvn-wire").count() == 3
    assert shown.locator(".cvn-wire-on").count() == 1


def test_two_nets_have_totals_and_unfold_on_their_own(show):
    with torch.device("meta"):
        nets = {"VGG-16": torchvision.models.vgg16(), "ResNet-50": torchvision.models.resnet50()}
    shown = show(architecture_explorer(nets, (3, 224, 224)))
    totals = shown.locator(".cvn-totals").inner_text()
    assert "138,357,544" in totals and "25,557,032" in totals and "0.18×" in totals
    first, second = shown.get_by_role("tree").all()
    before = first.get_by_role("treeitem").count()
    second.get_by_role("treeitem", name=re.compile("^0, Bottleneck, 256")).click()
    assert second.get_by_role("treeitem", name=re.compile("^downsample")).count() == 1
    assert first.get_by_role("treeitem").count() == before
    shown.get_by_role("button", name="Unfold all").click()
    assert second.get_by_role("treeitem").count() > 170
    shown.get_by_role("button", name="Fold all", exact=True).click()
    assert first.get_by_role("treeitem").count() == 5


def test_sliders_and_buttons_of_the_bottlenecks(show, page):
    shown = show(inception_bottlenecks())
    assert (shown.get_attribute("data-naive"), shown.get_attribute("data-bottleneck")) == ("854196224", "271351808")
    assert "counts the 3×3 convolution twice" in shown.inner_text()
    shown.get_by_role("slider", name="1×1 before 5×5").focus()
    page.keyboard.press("ArrowLeft")
    assert int(shown.get_attribute("data-bottleneck")) == inception_bottlenecks(reduce5=56).totals()["bottleneck"][0]
    assert "358" not in shown.inner_text()
    for words, mark in (("222 channels before the 3×3", {"reduce3": 216}), ("222 channels before the 3×3", {"reduce3": 224})):
        assert words in shown.inner_text()
        small = {p["name"]: p["multiply_adds"] for p in inception_bottlenecks(**mark).parts()["bottleneck"]}
        naive = {p["name"]: p["multiply_adds"] for p in inception_bottlenecks().parts()["naive"]}
        assert (small["3×3"] + small["1×1 before 3×3"] < naive["3×3"]) == (mark["reduce3"] <= 222)
    net = googlenet()
    table = layer_table(net, (3, 224, 224))
    for name in ("3a", "4a", "5b"):
        shown.get_by_role("button", name=f"GoogLeNet {name}").click()
        rows = [row for row in table if row.name.startswith(f"inception{name}.")]
        assert int(shown.get_attribute("data-bottleneck")) == sum(row.multiply_adds for row in rows)
        assert int(shown.get_attribute("data-narrow")) == rows[-1].output_shape[0]
    assert "times fewer" in shown.locator("[aria-live]").inner_text()


@pytest.mark.parametrize("width", [390, 640])
def test_they_fit_and_are_legible(show, page, width):
    widget = architecture_explorer(googlenet(), (3, 224, 224))
    widget.opened = [[i for i in widget.ids()[0] if i.startswith("inception3a#")]]
    for each in (widget, inception_bottlenecks()):
        show(each, width=width, dark=width == 390)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        assert page.evaluate(MEASURE) == []
        assert page.evaluate(CUT) == []
