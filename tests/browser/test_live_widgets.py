"""The widgets in Chromium: on a page without a kernel, in an exported notebook, and in JupyterLab."""

import json
import time

import nbformat
import numpy as np
import pytest
import torch
from torch import nn

from convnets.arithmetic import layer_table
from convnets.widgets import (
    architecture_table,
    arithmetic_explorer,
    convolution_stepper,
    export,
    predict,
    question,
    training_panel,
)

IMAGE = np.add.outer(np.arange(7), np.arange(7)) ** 2 % 10
KERNEL = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
PROGRESS = {
    "epoch": 2, "epochs": 3, "step": 80, "steps": 120, "seconds_left": 0, "train_loss": [[s, 2.3 / s] for s in range(1, 81)],
    "validation": [[1, 1.6, 0.5], [2, 0.7, 0.75]], "status": "stopped",
}  # fmt: skip


def right_output(image, kernel, bias=0.0, **options):
    x, w = (torch.tensor(np.asarray(a, dtype=float)) for a in (image, kernel))
    x, w = (x[None], w[None]) if x.ndim == 2 else (x, w)
    return nn.functional.conv2d(x[None], w[None], torch.tensor([float(bias)]).double(), **options)[0, 0].numpy()


@pytest.fixture
def show(page, tmp_path):
    """show(widget, …) opens a page that holds the widgets without a kernel, at `width` pixels, and returns the page."""

    def open_page(*widgets, width=1000, dark=False):
        colours = "--jp-ui-font-color0:#fff;--jp-ui-font-color1:#ddd;--jp-layout-color1:#111;--jp-layout-color2:#222" if dark else ""
        body = "".join(widget.still_html() for widget in widgets)
        (tmp_path / "page.html").write_text(
            f'<!doctype html><meta charset="utf-8"><style>:root{{{colours}}}</style><body data-jp-theme-light="{str(not dark).lower()}">{body}',
            encoding="utf-8",
        )
        page.set_viewport_size({"width": width, "height": 1000})
        page.goto(f"file://{tmp_path}/page.html")
        page.locator(".cvn").nth(len(widgets) - 1).wait_for()
        return page

    return open_page


def value_of(stepper):
    return float(stepper.locator(".cvn-value").first.get_attribute("data-value"))


def place_of(stepper):
    return tuple(int(stepper.get_attribute(f"data-{axis}")) for axis in ("row", "column"))


# --- the convolution stepper


def random_case(seed):
    rng = np.random.default_rng(seed)
    channels, stride, padding, dilation = rng.integers((1, 1, 0, 1), (6, 4, 4, 3))
    kernel = rng.normal(size=(channels, *rng.integers(1, 5, 2))).round(2)
    low = [dilation * (k - 1) + 1 for k in kernel.shape[1:]]
    image = rng.normal(size=(channels, *(rng.integers(low, 12)))).round(2)
    return image, kernel, {"bias": 0.25, "stride": int(stride), "padding": int(padding), "dilation": int(dilation)}


def test_every_sum_is_pytorchs(show):
    cases = [random_case(seed) for seed in range(12)]
    page = show(*(convolution_stepper(image, kernel, **options) for image, kernel, options in cases))
    for i, (image, kernel, options) in enumerate(cases):
        stepper, expected = page.locator(".cvn-stepper").nth(i), right_output(image, kernel, **options)
        stepper.locator(".cvn-input").first.focus()
        page.keyboard.press("End")
        assert place_of(stepper) == (expected.shape[0] - 1, expected.shape[1] - 1)
        assert value_of(stepper) == pytest.approx(expected[-1, -1])
        for _ in range(min(3, expected.size - 1)):
            page.keyboard.press("ArrowLeft")
            assert value_of(stepper) == pytest.approx(expected[place_of(stepper)])


def test_keys_walk_over_the_output_and_are_told_aloud(show):
    page = show(convolution_stepper(IMAGE, KERNEL))
    stepper, expected = page.locator(".cvn-stepper"), right_output(IMAGE, KERNEL)
    stepper.locator(".cvn-input").focus()
    for key, place in [("ArrowRight", (0, 1)), ("ArrowDown", (1, 1)), ("ArrowLeft", (1, 0)), ("ArrowUp", (0, 0)), ("ArrowUp", (0, 0)), ("End", (4, 4)), ("Home", (0, 0))]:
        page.keyboard.press(key)
        assert place_of(stepper) == place
        assert value_of(stepper) == expected[place]
    said = stepper.locator("[aria-live=polite]").inner_text()
    assert said.startswith("output 0, 0: 9 products add up to")
    page.keyboard.press("Space")
    stepper.get_by_text("Pause").wait_for()
    page.wait_for_function("document.querySelector('.cvn-stepper').dataset.step >= 2")
    page.keyboard.press("Space")
    stepper.get_by_text("Play").wait_for()


def test_the_window_is_dragged(show):
    page = show(convolution_stepper(IMAGE, KERNEL, stride=2, padding=1))
    stepper = page.locator(".cvn-stepper")
    box = stepper.locator(".cvn-input").bounding_box()
    cell = (box["width"] - 8) / 9
    at = lambda row, column: (box["x"] + 4 + (column + 0.5) * cell, box["y"] + 4 + (row + 0.5) * cell)  # noqa: E731
    page.mouse.move(*at(1, 1))
    page.mouse.down()
    for row, column in [(2, 3), (3, 5), (5, 7)]:
        page.mouse.move(*at(row, column))
    page.mouse.up()
    assert place_of(stepper) == (2, 3)
    assert value_of(stepper) == right_output(IMAGE, KERNEL, stride=2, padding=1)[2, 3]
    page.mouse.move(*at(1, 1))
    assert place_of(stepper) == (2, 3)


def test_controls_change_the_shape_and_unread_pixels_are_counted(show):
    page = show(convolution_stepper(IMAGE, KERNEL))
    stepper = page.locator(".cvn-stepper")
    assert stepper.locator(".cvn-unread").count() == 0
    stepper.get_by_label("stride").fill("3")
    page.keyboard.press("Enter")
    assert stepper.get_by_text("Output · 2×2").is_visible()
    assert stepper.get_by_text("never read by any window: 13 of 49 pixels").is_visible()
    assert stepper.locator(".cvn-unread").count() == 13
    stepper.get_by_label("dilation").fill("4")
    page.keyboard.press("Enter")
    assert "It does not fit: the kernel spans 9×9 pixels, the padded input has 7×7" in stepper.locator(".cvn-sum").inner_text()
    stepper.get_by_label("padding").fill("1")
    page.keyboard.press("Enter")
    assert value_of(stepper) == right_output(IMAGE, KERNEL, stride=3, padding=1, dilation=4)[0, 0]


def off_by_one(image, kernel):
    """Leaves out the last row of windows."""
    out = right_output(image, kernel).copy()
    out[-1] = 0
    return out


def test_the_first_wrong_cell_is_marked(show):
    page = show(convolution_stepper(IMAGE, KERNEL, function=off_by_one))
    stepper, expected = page.locator(".cvn-stepper"), right_output(IMAGE, KERNEL)
    first = 20 + int(np.flatnonzero(expected[4])[0])
    assert stepper.locator(".cvn-first-wrong").get_attribute("data-wrong") == str(first)
    assert f"first at [4, {first - 20}]" in stepper.locator(".cvn-verdict").inner_text()
    stepper.get_by_role("button", name="Go to the first wrong cell").click()
    assert place_of(stepper) == (4, first - 20)
    assert f"yours 0, should be {expected[4, first - 20]:g}".replace("-", "−") in stepper.locator(".cvn-compare").inner_text()
    assert stepper.get_by_label("stride").is_disabled()


def test_channels_are_paged_and_large_images_are_drawn(show):
    rng = np.random.default_rng(0)
    image, kernel = rng.random((7, 60, 80)), rng.normal(size=(7, 5, 5))
    page = show(convolution_stepper(image, kernel))
    stepper = page.locator(".cvn-stepper")
    stepper.get_by_text("channels 0 to 2 of 7").wait_for()
    stepper.get_by_role("button", name="Next channels").click()
    stepper.get_by_text("channels 3 to 5 of 7").wait_for()
    stepper.locator(".cvn-input").first.focus()
    page.keyboard.press("End")
    assert value_of(stepper) == pytest.approx(right_output(image, kernel)[-1, -1])


# --- the arithmetic explorer


def test_output_sizes_and_unread_pixels_are_pytorchs(show):
    cases = [(7, 3, 1, 0, 1), (7, 3, 2, 0, 1), (7, 3, 3, 0, 1), (32, 5, 1, 2, 1), (12, 3, 2, 1, 2), (5, 3, 1, 0, 3), (9, 2, 4, 1, 1)]
    page = show(*(arithmetic_explorer(*case) for case in cases))
    for i, (size, kernel, stride, padding, dilation) in enumerate(cases):
        explorer = page.locator(".cvn-explorer").nth(i)
        if dilation * (kernel - 1) + 1 > size + 2 * padding:
            assert explorer.get_attribute("data-output") == "0"
            assert "PyTorch raises an error" in explorer.locator(".cvn-verdict").inner_text()
            continue
        x = torch.zeros(1, 1, size, requires_grad=True)
        out = nn.functional.conv1d(x, torch.ones(1, 1, kernel), stride=stride, padding=padding, dilation=dilation)
        out.sum().backward()
        assert explorer.get_attribute("data-output") == str(out.shape[-1])
        assert explorer.locator(".cvn-line .cvn-unread").count() == int((x.grad == 0).sum())


def test_the_formula_shows_the_fraction(show):
    page = show(arithmetic_explorer(size=7, kernel=3, stride=3))
    explorer = page.locator(".cvn-explorer")
    assert "4 / 3 + 1 = 2.33" in explorer.locator(".cvn-verdict").inner_text()
    assert "⌊(7 + 2·0 − 1·(3 − 1) − 1) / 3⌋ + 1" in explorer.locator(".cvn-formula").inner_text()


def test_sliders_follow_the_keyboard(show):
    page = show(arithmetic_explorer(size=7, kernel=3, stride=1))
    explorer = page.locator(".cvn-explorer")
    explorer.get_by_label("stride S").focus()
    page.keyboard.press("ArrowRight")
    assert explorer.get_attribute("data-output") == "3"
    explorer.get_by_label("input size W").focus()
    page.keyboard.press("End")
    assert explorer.get_attribute("data-output") == "31"
    assert explorer.locator("[aria-live=polite]").inner_text().startswith("Output size 31.")
    explorer.locator(".cvn-line svg").focus()
    page.keyboard.press("ArrowDown")
    assert "Window 1 reads positions 2, 3, 4" in explorer.locator("[aria-live=polite]").inner_text()


def test_the_receptive_field_of_a_stack_is_the_measured_one(show):
    stacks = [[(3, 1)], [(3, 1)] * 3, [(7, 2), (3, 2), (3, 1), (3, 1, 2)], [(5, 1), (2, 2), (5, 1), (2, 2)]]
    page = show(*(arithmetic_explorer(layers=stack) for stack in stacks))
    for i, stack in enumerate(stacks):
        convolutions = [nn.Conv2d(1, 1, k, stride=s, dilation=d) for k, s, d in ((*layer, 1)[:3] for layer in stack)]
        field = layer_table(nn.Sequential(*convolutions), (1, 99, 99)).rows[-1].receptive_field.size[0]
        assert page.locator(".cvn-explorer").nth(i).get_attribute("data-field") == str(field)


def test_layers_are_added_changed_and_removed(show):
    page = show(arithmetic_explorer(layers=[(3, 1)]))
    explorer = page.locator(".cvn-explorer")
    explorer.get_by_role("button", name="Add a layer").click()
    assert explorer.get_attribute("data-field") == "5"
    explorer.get_by_label("stride of layer 1").fill("2")
    page.keyboard.press("Tab")
    assert explorer.get_attribute("data-field") == "7"
    explorer.get_by_role("button", name="Remove layer 1").click()
    assert explorer.get_attribute("data-field") == "3"


# --- the architecture table, questions


def test_the_table_sorts_and_explains(show):
    net = nn.Sequential(nn.Conv2d(3, 10, 5, padding=2), nn.ReLU(), nn.Flatten(), nn.Linear(10240, 10))
    page = show(architecture_table(net, (3, 32, 32)))
    table = page.locator(".cvn-architecture")
    first = table.locator("tbody tr").first
    table.get_by_role("button", name="Multiply-adds").click()
    assert "Conv2d" in first.inner_text()
    assert "768,000" in first.inner_text()
    table.get_by_role("button", name="Parameters").click()
    assert "Linear" in first.inner_text()
    assert table.locator("th[aria-sort=descending]").inner_text().startswith("Parameters")
    first.focus()
    page.keyboard.press("ArrowDown")
    assert "10 × (5·5·3 + 1) = 760" in table.locator(".cvn-detail").inner_text()
    assert "103,170" in table.locator("tfoot").inner_text()


def test_questions_answer_at_once(show):
    page = show(
        question("Which?", {"one": "Yes, <b>one</b>.", "two": "Count again."}, answer="one", explain="It is so."),
        predict("How many?", answer=44_892, explain="A product.", unit="weights", hint="Multiply."),
    )
    choice, box = page.locator(".cvn-question").nth(0), page.locator(".cvn-question").nth(1)
    choice.get_by_label("two").focus()
    page.keyboard.press("Space")
    assert choice.locator(".cvn-verdict").inner_text().split("\n")[0] == "✗"
    assert "Count again." in choice.locator(".cvn-verdict").inner_text()
    page.keyboard.press("ArrowUp")
    assert choice.get_attribute("data-right") == "true"
    assert "Right. Yes, one. It is so." in choice.locator(".cvn-verdict").inner_text()
    field = box.get_by_role("textbox")
    for typed, words in [("x", "Type a number"), ("7", "larger"), ("1e6", "smaller"), ("44,892", "Right: 44,892 weights. A product.")]:
        field.fill(typed)
        page.keyboard.press("Enter")
        assert words in box.locator(".cvn-verdict").inner_text()


# --- every widget


def every_widget():
    panel = training_panel()
    panel.update(PROGRESS)
    return [
        convolution_stepper(IMAGE, KERNEL, padding=1, stride=3, function=lambda x, w, b, stride, padding: right_output(x[0], w[0], stride=stride, padding=padding)[None, None] + 1),
        convolution_stepper(np.random.default_rng(0).random((5, 12, 9)), np.ones((5, 3, 3)), bias=1, dilation=2),
        arithmetic_explorer(12, 3, 2, 1, 2, layers=[(7, 2), (3, 2), (3, 1, 2)]), panel,
        architecture_table(nn.Sequential(nn.Conv2d(3, 10, 5, padding=2), nn.ReLU()), (3, 32, 32)),
        question("Which?", {"one": "Yes.", "two": "No."}, answer="one", hint="Look."), predict("How many?", answer=3, explain="Count."),
    ]  # fmt: skip


MEASURE = """() => {
  const bad = [];
  for (const node of document.querySelectorAll(".cvn *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (own && node.checkVisibility() && parseFloat(getComputedStyle(node).fontSize) < 12) bad.push(`small: ${node.textContent}`);
  }
  for (const node of document.querySelectorAll(".cvn, .cvn-scroll")) {
    if (node.scrollWidth > node.clientWidth + 1) bad.push(`too wide: ${node.className} ${node.scrollWidth} > ${node.clientWidth}`);
    const right = node.getBoundingClientRect().right;
    for (const part of node.querySelectorAll("svg")) if (part.getBoundingClientRect().right > right) bad.push(`sticks out: ${node.className}`);
    for (const part of node.querySelectorAll("button, input, [tabindex='0'], svg[role=img]")) {
      const named = part.getAttribute("aria-label") || part.textContent.trim() || part.labels?.length;
      if (!named) bad.push(`without a name: ${part.outerHTML.slice(0, 80)}`);
    }
  }
  return bad;
}"""


# Drawings that the page's own style has made lower or narrower than they were drawn.
CUT = """() => [...document.querySelectorAll('.cvn svg[height]')].filter((svg) => svg.checkVisibility()).flatMap((svg) => {
  const box = svg.getBoundingClientRect();
  return Math.abs(box.height - svg.getAttribute('height')) > 1 || Math.abs(box.width - svg.getAttribute('width')) > 1 ? [`${svg.getAttribute('class')} ${box.width}×${box.height}`] : [];
})"""


@pytest.mark.parametrize("width", [640, 900])
def test_text_is_legible_nothing_overflows_and_all_controls_have_names(show, width):
    page = show(*every_widget(), width=width, dark=width == 640)
    page.wait_for_timeout(200)
    assert page.evaluate(MEASURE) == []


def saved(*widgets):
    outputs = [nbformat.v4.new_output("display_data", data=widget._repr_mimebundle_()[0]) for widget in widgets]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("widget", outputs=[output]) for output in outputs])


def test_an_exported_page_is_alive_without_network_and_kernel(page, tmp_path):
    nbformat.write(saved(*every_widget()), tmp_path / "unit.ipynb")
    page.goto(f"file://{export(tmp_path / 'unit.ipynb')}")
    page.context.set_offline(True)
    assert page.locator(".cvn").count() == len(every_widget())
    stepper = page.locator(".cvn-stepper").nth(1)
    stepper.locator(".cvn-input").first.focus()
    page.keyboard.press("ArrowRight")
    assert place_of(stepper) == (0, 1)
    panel = page.locator(".cvn-training")
    assert "Stopped · epoch 2 of 3 · step 80 of 120" in panel.inner_text()
    assert "75%" in panel.locator("svg").nth(1).get_attribute("aria-label")
    assert panel.locator(".cvn-curve").count() == 4
    assert not panel.get_by_role("button").is_visible()


def test_where_scripts_do_not_run_the_picture_stays(browser, tmp_path):
    widgets = every_widget()
    nbformat.write(saved(*widgets), tmp_path / "unit.ipynb")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"file://{export(tmp_path / 'unit.ipynb')}")
    pictures = page.locator("[data-convnets] img")
    assert pictures.count() == 4
    for i in range(4):
        assert pictures.nth(i).bounding_box()["height"] > 100
        assert len(pictures.nth(i).get_attribute("alt")) > 40
    assert page.get_by_role("table").is_visible()
    assert page.locator("details summary", has_text="Answer").count() == 2
    context.close()


# --- JupyterLab

STEPPER_CELL = """
import numpy as np, torch
from convnets.widgets import convolution_stepper, training_panel
def mine(x, w, b, stride=1, padding=0):
    out = torch.nn.functional.conv2d(torch.tensor(x), torch.tensor(w), torch.tensor(b), stride, padding).numpy()
    out[0, 0, 1, 2] += 1
    return out
convolution_stepper(np.arange(49.).reshape(7, 7), np.ones((3, 3)), function=mine)
"""
TRAINING_CELL = """
import threading, time
from IPython.display import display
panel, stop = training_panel(), threading.Event()
panel.on_stop(stop.set)
def train():
    losses = []
    for step in range(1, 2001):
        losses.append([step, 2 / step])
        stopped = stop.wait(0.02)
        panel.update(dict(epoch=step // 100, epochs=20, step=step, steps=2000, seconds_left=9.0, train_loss=losses, validation=[], status="stopped" if stopped else "running"))
        if stopped:
            break
display(panel)
threading.Thread(target=train).start()
"""


def test_in_jupyterlab(run_in_lab, page):
    path = run_in_lab(STEPPER_CELL, TRAINING_CELL)
    stepper = page.locator(".cvn-stepper")
    stepper.wait_for(timeout=60_000)

    assert "first at [1, 2]" in stepper.locator(".cvn-verdict").inner_text()
    stepper.locator(".cvn-input").click(position={"x": 8, "y": 8})
    for key in ("Home", "ArrowDown", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    assert place_of(stepper) == (1, 2)
    assert value_of(stepper) == np.arange(49.0).reshape(7, 7)[1:4, 2:5].sum() == 153
    assert "yours 154, should be 153" in stepper.locator(".cvn-compare").inner_text()
    assert page.locator(".jp-Notebook .jp-Cell").count() == 2

    stepper.get_by_label("stride").fill("2")
    page.keyboard.press("Enter")
    stepper.locator(".cvn-verdict").get_by_text("wrong in 1 of 9 cells, first at [1, 2]").wait_for()
    stepper.get_by_label("dilation").fill("2")
    page.keyboard.press("Enter")
    stepper.locator(".cvn-verdict").get_by_text("Your function takes no dilation").wait_for()

    page.locator(".jp-Notebook .cm-content").nth(1).click()
    page.keyboard.press("Shift+Enter")
    panel = page.locator(".cvn-training[data-status=running]")
    panel.wait_for(timeout=30_000)
    panel.locator(".cvn-curve").first.wait_for()
    clicked = time.monotonic()
    panel.get_by_role("button", name="Stop").click()
    stopped = page.locator(".cvn-training[data-status=stopped]")
    stopped.wait_for(timeout=5_000)
    assert time.monotonic() - clicked < 1
    assert stopped.locator(".cvn-curve").count() >= 2
    assert not stopped.get_by_role("button").is_visible()

    page.locator(".jp-NotebookPanel-toolbar [data-jp-item-name=save]").click()
    end = time.monotonic() + 20
    while '\\"status\\": \\"stopped\\"' not in path.read_text() and time.monotonic() < end:
        page.wait_for_timeout(200)
    html = [output["data"]["text/html"] for cell in json.loads(path.read_text())["cells"] for output in cell["outputs"] if "data" in output]
    assert len(html) == 2
    assert '"status": "stopped"' in "".join(html[1])
