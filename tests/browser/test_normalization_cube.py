"""The widget of normalisation's axes in Chromium, on a page without a kernel."""

import numpy as np
import pytest
from test_live_widgets import MEASURE

from convnets.widgets import normalization_axes

X = np.random.default_rng(3).integers(-4, 9, (3, 4, 2, 2)).astype(float)
AXES = {"Batch norm": (0, 2, 3), "Layer norm": (1, 2, 3), "Instance norm": (2, 3)}


@pytest.fixture
def widget(page, tmp_path):
    def open_page(*args, width=1000, **settings):
        text = normalization_axes(*args, **settings).still_html()
        (tmp_path / "page.html").write_text(f'<!doctype html><meta charset="utf-8"><body data-jp-theme-light="true">{text}', encoding="utf-8")
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"file://{tmp_path}/page.html")
        page.locator(".cvn-normalization").wait_for()
        return page.locator(".cvn-normalization")

    return open_page


def number(widget, name):
    return float(widget.get_attribute(f"data-{name}"))


def test_statistics_are_numpys_for_every_button(widget, page):
    shown = widget(X)
    shown.locator(".cvn-norm-board").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    n, c, p = 1, 1, 1
    for name, axes in AXES.items():
        shown.get_by_role("button", name=name).click()
        mean, variance = (f(axis=axes, keepdims=True) for f in (X.mean, X.var))
        right = ((X - mean) / np.sqrt(variance + 1e-5)).reshape(3, 4, 4)[n, c, p]
        assert number(shown, "result") == pytest.approx(right)
        assert number(shown, "count") == X.size / mean.size
        assert shown.locator(".cvn-norm-board .cvn-cell-tap").count() == X.size / mean.size
        assert shown.get_by_role("button", name=name).get_attribute("aria-pressed") == "true"
        assert shown.locator("[aria-live]").inner_text().startswith(name)
    shown.get_by_label("number of groups").select_option("2")
    parts = X.reshape(3, 2, 2, 4)
    assert number(shown, "mean") == pytest.approx(parts[1, 0].mean())
    assert number(shown, "variance") == pytest.approx(parts[1, 0].var())


def test_keys_stop_at_the_edges_and_a_click_chooses(widget, page):
    shown = widget(X)
    board = shown.locator(".cvn-norm-board")
    board.focus()
    for key, said in [("ArrowLeft", "image 0, channel 0, pixel (0, 0)"), ("End", "image 2, channel 3, pixel (1, 1)"), ("ArrowDown", "image 2, channel 3, pixel (1, 1)"), ("Home", "image 0, channel 0, pixel (0, 0)")]:
        page.keyboard.press(key)
        assert said in shown.locator("[aria-live]").inner_text()
    board.locator("[data-cell='22']").click()
    assert "image 1, channel 1, pixel (1, 0)" in shown.locator("[aria-live]").inner_text()
    page.keyboard.press("ArrowUp")
    assert "image 1, channel 1, pixel (0, 1)" in shown.locator("[aria-live]").inner_text()


def test_a_students_sets_are_shown_and_named(widget):
    shown = widget(X, function=lambda x: x - x.mean(axis=0))
    assert shown.get_by_role("button", name="Your function").get_attribute("aria-pressed") == "true"
    assert shown.get_attribute("data-shared") == "0 16 32"
    assert "over the images only" in shown.locator(".cvn-verdict").inner_text()
    assert "your function makes" in shown.inner_text()


@pytest.mark.parametrize("width", [340, 400])
def test_it_fits_a_phone_and_its_numbers_are_legible(widget, page, width):
    shown = widget(X, width=width, function=lambda x: x - x.mean(axis=0))
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert page.evaluate(MEASURE) == []
    shown.locator("[data-cell='47']").click()
    assert "image 2, channel 3, pixel (1, 1)" in shown.locator("[aria-live]").inner_text()
