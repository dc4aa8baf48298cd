"""The LeNet under one's own pen in Chromium: mouse, touch and keyboard draw, all maps are PyTorch's, and the page needs no kernel."""

import functools
import math
from itertools import pairwise

import nbformat
import numpy as np
import pytest
import torch
from test_live_widgets import MEASURE
from torch import nn
from torch.nn import functional as F

from convnets.data import drawn_digits
from convnets.data.strokes import pen
from convnets.widgets import export, lenet_drawing


@functools.cache
def reader():
    """A LeNet that reads drawn digits, trained for about three seconds."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    images, labels = drawn_digits(3000)
    x, y = F.pad(torch.from_numpy(images)[:, None].float() / 255, (2, 2, 2, 2)), torch.from_numpy(labels)
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for _ in range(4):
        for rows in torch.randperm(3000).split(50):
            optimizer.zero_grad()
            F.cross_entropy(net((x[rows] - 0.1) / 0.3), y[rows]).backward()
            optimizer.step()
    return net


def widget(**options):
    images, labels = drawn_digits(40, seed=9)
    return lenet_drawing(reader(), mean=0.1, std=0.3, samples={f"a {k}": images[np.flatnonzero(labels == k)[0]] for k in (3, 7)}, **options)


@pytest.fixture
def show(page, tmp_path):
    def open_page(*widgets, width=1000, dark=False):
        colours = "--jp-ui-font-color0:#fff;--jp-ui-font-color1:#ddd;--jp-layout-color1:#111;--jp-layout-color2:#222" if dark else ""
        head = f'<!doctype html><meta charset="utf-8"><style>:root{{{colours}}}</style><body data-jp-theme-light="{str(not dark).lower()}">'
        (tmp_path / "page.html").write_text(head + "".join(w.still_html() for w in widgets), encoding="utf-8")
        page.set_viewport_size({"width": width, "height": 1000})
        page.goto(f"file://{tmp_path}/page.html")
        page.locator(".cvn").nth(len(widgets) - 1).wait_for()
        return page

    return open_page


def pixels(page):
    """The board as the page shows it, uint8 (32, 32)."""
    data = page.evaluate("(() => { const c = document.querySelector('.cvn-lenet-canvas'); return [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data].filter((_, i) => i % 4 === 0); })()")
    return np.array(data, np.uint8).reshape(32, 32)


def agrees(page, board):
    """Whether logits and the sums of all maps in the page are PyTorch's for this board."""
    python = widget()
    python.drawing = board.ravel().tolist()
    lenet = page.locator(".cvn-lenet").first
    logits = [float(v) for v in lenet.get_attribute("data-logits").split()]
    found = python.activations()
    np.testing.assert_allclose(logits, found["logits"].ravel(), rtol=1e-4, atol=1e-4)
    for name, values in list(found.items())[:-1]:
        figure = lenet.locator(f"[data-stage={name}]")
        assert float(figure.get_attribute("data-sum")) == pytest.approx(values.sum(), rel=1e-4, abs=1e-3)
        assert float(figure.get_attribute("data-size")) == pytest.approx(np.abs(values).sum(), rel=1e-4, abs=1e-3)
    assert lenet.get_attribute("data-answer") == str(int(np.argmax(logits)))
    return lenet.get_attribute("data-answer")


def draw_with_mouse(page, *strokes):
    box = page.locator(".cvn-lenet-over").bounding_box()
    for stroke in strokes:
        for i, (x, y) in enumerate(stroke):
            page.mouse.move(box["x"] + (x + 0.5) / 32 * box["width"], box["y"] + (y + 0.5) / 32 * box["height"], steps=1 if i == 0 else 5)
            if i == 0:
                page.mouse.down()
        page.mouse.up()
    page.wait_for_timeout(100)


def said(page):
    page.wait_for_timeout(350)
    return page.locator(".cvn-lenet [aria-live=polite]").inner_text()


CIRCLE = [(16 + 5.5 * math.sin(t), 16 - 8.5 * math.cos(t)) for t in np.linspace(0, 2 * math.pi, 25)]
DIGITS = {"0": [CIRCLE], "1": [[(16, 7), (16, 25)]], "7": [[(10, 8), (22, 8), (15, 25)]], "4": [[(13, 7), (10, 18), (23, 18)], [(19, 9), (19, 25)]]}


def test_the_first_example_is_on_the_board_and_every_map_is_pytorchs(show):
    page = show(widget())
    assert agrees(page, pixels(page)) == "3"


@pytest.mark.parametrize("digit", DIGITS)
def test_digits_drawn_with_the_mouse_are_read(show, digit):
    page = show(widget())
    page.get_by_role("button", name="Clear").click()
    assert pixels(page).max() == 0 and "board is empty" in page.locator(".cvn-lenet-answer").inner_text()
    draw_with_mouse(page, *DIGITS[digit])
    board = pixels(page)
    segments = np.array([[(a, b) for stroke in DIGITS[digit] for a, b in pairwise(stroke)]])
    expected = np.rint(255 * pen(segments, np.array([1.2]), 32)[0])
    assert np.abs(board.astype(float) - expected).max() <= 12
    assert agrees(page, board) == digit
    assert said(page).startswith(f"The net says {digit}, ")


def test_a_finger_draws(browser, tmp_path):
    context = browser.new_context(viewport={"width": 700, "height": 1000}, has_touch=True)
    page = context.new_page()
    (tmp_path / "page.html").write_text(f'<!doctype html><meta charset="utf-8"><body data-jp-theme-light="true">{widget().still_html()}', encoding="utf-8")
    page.goto(f"file://{tmp_path}/page.html")
    page.get_by_role("button", name="Clear").click()
    box = page.locator(".cvn-lenet-over").bounding_box()
    touch = context.new_cdp_session(page)
    at = lambda y: [{"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] * y}]  # noqa: E731
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": at(0.25)})
    for y in np.linspace(0.25, 0.78, 12):
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": at(float(y))})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(150)
    assert agrees(page, pixels(page)) == "1"
    assert page.evaluate("scrollY") == 0
    context.close()


def test_the_keyboard_draws_erases_and_clears_and_it_is_told_aloud(show):
    page = show(widget())
    page.locator(".cvn-lenet-over").focus()
    page.keyboard.press("Delete")
    assert pixels(page).max() == 0
    for _ in range(8):
        page.keyboard.press("ArrowUp")
    assert pixels(page).max() == 0
    page.keyboard.press("Space")
    for _ in range(17):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    board = pixels(page)
    expected = pen(np.array([[[(16.0, 8.0), (16.0, 25.0)]]]), np.array([1.2]), 32)[0]
    assert np.abs(board - np.rint(255 * expected)).max() <= 1
    assert agrees(page, board) == "1"
    assert said(page).startswith("Pen up, row 25, column 16. The net says 1, ")
    page.keyboard.press("e")
    page.keyboard.press("Space")
    for _ in range(17):
        page.keyboard.press("ArrowUp")
    assert pixels(page).max() < 30
    assert said(page).startswith("Eraser down, row 8, column 16.")
    page.get_by_role("button", name="Undo").click()
    assert np.abs(pixels(page).astype(int) - board).max() == 0


def test_the_drawing_is_moved_and_examples_are_loaded(show):
    page = show(widget())
    before = pixels(page)
    page.get_by_role("button", name="Move the drawing right").click()
    page.get_by_role("button", name="Move the drawing up").click()
    moved = np.zeros_like(before)
    moved[:-1, 1:] = before[1:, :-1]
    np.testing.assert_array_equal(pixels(page), moved)
    agrees(page, moved)
    page.get_by_label("example").select_option("a 7")
    assert agrees(page, pixels(page)) == "7"


def test_a_value_shows_the_pixels_that_it_sees(show):
    page = show(widget())
    lenet = page.locator(".cvn-lenet")
    canvas = lenet.locator("[data-stage=C3] canvas")
    canvas.focus()
    for key in ("ArrowRight", "PageDown", "PageDown", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    assert lenet.get_attribute("data-unit") == "2 2 1 1"
    assert lenet.get_attribute("data-field") == "2 16 2 16"
    value = widget().activations()["C3"][2, 1, 1]
    words = page.locator(".cvn-lenet-unit").inner_text()
    assert "C3, map 2, row 1, column 1: " in words and "14×14 pixels" in words and "6 kernels of 5×5" in words
    assert float(words.split(": ")[1].split(". It")[0].replace("−", "-")) == pytest.approx(value, rel=1e-2, abs=1e-3)
    box = lenet.locator("[data-stage=S4] canvas").bounding_box()
    page.mouse.click(box["x"] + 3, box["y"] + 3)
    assert lenet.get_attribute("data-unit") == "3 0 0 0" and lenet.get_attribute("data-field") == "0 16 0 16"
    lenet.locator("[data-stage=F6] canvas").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert lenet.get_attribute("data-unit") == "5 1 0 0" and "whole board" in page.locator(".cvn-lenet-unit").inner_text()


def test_one_update_takes_less_than_a_frame(show):
    page = show(widget())
    taken = page.evaluate("""() => { const over = document.querySelector('.cvn-lenet-over'); over.focus(); const key = (k) => over.dispatchEvent(new KeyboardEvent('keydown', { key: k, bubbles: true }));
        key(' '); const times = []; for (let i = 0; i < 20; i++) { const start = performance.now(); key(i % 2 ? 'ArrowDown' : 'ArrowUp'); times.push(performance.now() - start); } return times.sort((a, b) => a - b)[10]; }""")
    assert taken < 40


@pytest.mark.parametrize("width", [340, 480, 640, 900])
def test_text_is_legible_nothing_overflows_and_all_controls_have_names(show, width):
    page = show(widget(), widget(classes=[f"long name {i}" for i in range(10)]), width=width, dark=width == 640)
    page.wait_for_timeout(200)
    assert page.evaluate(MEASURE) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert all(page.locator("canvas").nth(i).bounding_box()["x"] + page.locator("canvas").nth(i).bounding_box()["width"] <= width for i in range(page.locator("canvas").count()) if page.locator("canvas").nth(i).is_visible())


def test_an_exported_page_is_alive_and_shows_a_picture_where_scripts_do_not_run(page, browser, tmp_path):
    output = nbformat.v4.new_output("display_data", data=widget()._repr_mimebundle_()[0])
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("widget", outputs=[output])]), tmp_path / "unit.ipynb")
    address = f"file://{export(tmp_path / 'unit.ipynb')}"
    page.goto(address)
    page.context.set_offline(True)
    page.locator(".cvn-lenet").wait_for()
    page.get_by_role("button", name="Clear").click()
    page.locator(".cvn-lenet-over").scroll_into_view_if_needed()
    draw_with_mouse(page, *DIGITS["7"])
    assert agrees(page, pixels(page)) == "7"
    context = browser.new_context(java_script_enabled=False)
    still = context.new_page()
    still.goto(address)
    picture = still.locator("[data-convnets] img")
    assert picture.bounding_box()["height"] > 200 and "It says 3 (" in picture.get_attribute("alt")
    context.close()


def test_ones_own_function_is_judged_for_the_saved_drawing_only(show):
    page = show(widget(function=lambda x: reader()(torch.from_numpy(x)).detach().numpy()))
    verdict = page.locator(".cvn-lenet .cvn-verdict")
    assert verdict.get_attribute("data-mark") == "✓" and "same 10 logits" in verdict.inner_text()
    page.get_by_role("button", name="Clear").click()
    assert verdict.get_attribute("data-mark") == "…" and "only in a notebook with a kernel" in verdict.inner_text()
    page.get_by_role("button", name="Undo").click()
    assert verdict.get_attribute("data-mark") == "✓"


CELL = """
import numpy as np, torch
from torch import nn
from convnets.widgets import lenet_drawing
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 2, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(392, 10))
def mine(x):
    return net(torch.from_numpy(x)).detach().numpy() + (x.sum() > 50)
lenet_drawing(net, function=mine)
"""


def test_in_jupyterlab_ones_own_function_is_asked_while_one_draws(run_in_lab, page):
    run_in_lab(CELL)
    lenet = page.locator(".cvn-lenet")
    lenet.wait_for(timeout=60_000)
    lenet.locator(".cvn-verdict[data-mark='✓']").wait_for()
    page.locator(".cvn-lenet-over").scroll_into_view_if_needed()
    draw_with_mouse(page, *DIGITS["7"])
    lenet.locator(".cvn-verdict[data-mark='✗']", has_text="Your logits are other ones").wait_for()
    lenet.get_by_role("button", name="Clear").click()
    lenet.locator(".cvn-verdict[data-mark='✓']").wait_for()
