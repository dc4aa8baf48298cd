"""The computational graph in Chromium: on a page without a kernel, in an exported notebook, and in JupyterLab."""

import nbformat
import numpy as np
import pytest
from test_live_widgets import CUT, MEASURE

from convnets.widgets import computational_graph, export
from convnets.widgets.expression import backward, forward

SUM_TIMES = ("(x + y) * z", {"x": -2, "y": 5, "z": -4})
NEURON = ("1 / (1 + exp(-(w0*x0 + w1*x1 + b)))", {"w0": 2, "x0": -1, "w1": -3, "x1": -2, "b": -3})
EXPRESSIONS = [
    SUM_TIMES, NEURON,
    ("q = x * y; q * x + max(q, 2) - min(x, y, 0.5)", {"x": 3, "y": 1.5}),
    ("tanh(x) + sigmoid(y) * sqrt(z) + relu(x) * abs(y) - x / z + z ** 2.5 + 2 ** y", {"x": 0.3, "y": -0.7, "z": 1.2}),
    ("e = exp(s0); -log(e / (e + exp(s1) + exp(s2)))", {"s0": 2, "s1": 1, "s2": 0}),
    ("max(x, y) + relu(x - y) + abs(y - x) + min(x, y)", {"x": 1, "y": 1}),
]  # fmt: skip


@pytest.fixture
def show(page, tmp_path):
    """show(widget, …) opens a page that holds the widgets without a kernel, `width` pixels wide."""

    def open_page(*widgets, width=1000, dark=False):
        colours = "--jp-ui-font-color0:#fff;--jp-ui-font-color1:#ddd;--jp-layout-color1:#111;--jp-layout-color2:#222" if dark else ""
        head = f'<!doctype html><meta charset="utf-8"><style>:root{{{colours}}}</style><body data-jp-theme-light="{str(not dark).lower()}">'
        (tmp_path / "page.html").write_text(head + "".join(w.still_html() for w in widgets), encoding="utf-8")
        page.set_viewport_size({"width": width, "height": 1000})
        page.goto(f"file://{tmp_path}/page.html")
        page.locator(".cvn").nth(len(widgets) - 1).wait_for()
        return page

    return open_page


def boxes(graph):
    """[(value, gradient)] of all nodes as the page has them; None where there is none yet."""
    found = [(node.get_attribute("data-value"), node.get_attribute("data-gradient")) for node in graph.locator("[data-node]").all()]
    return [tuple(None if text is None else float(text) for text in pair) for pair in found]


def said(graph):
    return graph.locator("[aria-live=polite]").inner_text()


def test_values_and_gradients_are_pythons(show):
    graphs = [computational_graph(expression, **numbers) for expression, numbers in EXPRESSIONS]
    page = show(*graphs)
    for i, graph in enumerate(graphs):
        place = page.locator(".cvn-graph").nth(i)
        place.locator("svg").focus()
        page.keyboard.press("End")
        values = forward(graph.nodes, graph.numbers)
        shown, gradients = zip(*boxes(place), strict=True)
        varies = [node["varies"] for node in graph.nodes]
        np.testing.assert_allclose(shown, values, rtol=1e-12)
        assert [g is not None for g in gradients] == varies
        np.testing.assert_allclose([g or 0 for g in gradients], backward(graph.nodes, values), rtol=1e-12, atol=1e-15)


def test_keys_step_forward_then_backward_and_every_step_is_told_aloud(show):
    page = show(computational_graph(SUM_TIMES[0], **SUM_TIMES[1]))
    graph = page.locator(".cvn-graph")
    assert boxes(graph) == [(-2, None), (5, None), (None, None), (-4, None), (None, None)]
    graph.locator("svg").focus()
    told = []
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        told.append(said(graph))
    assert told == [
        "Forward: (x + y) is (−2) + 5, that is 3.",
        "Forward: f is 3 × (−4), that is −12.",
        "Backward begins at the output, with the gradient 1.",
        "Backward: the × node gets 1. It sends −4 times 1, that is −4, to (x + y). It sends 3 times 1, that is 3, to z.",
        "Backward: the + node gets −4. It sends 1 times −4, that is −4, to x. It sends 1 times −4, that is −4, to y.",
    ]
    assert boxes(graph) == [(-2, -4), (5, -4), (3, -4), (-4, 3), (-12, 1)]
    page.keyboard.press("ArrowRight")
    assert graph.get_attribute("data-step") == "5"
    page.keyboard.press("ArrowLeft")
    assert boxes(graph)[0] == (-2, None)
    page.keyboard.press("Home")
    assert graph.get_attribute("data-step") == "0" and graph.get_by_role("button", name="Step before").is_disabled()
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('.cvn-graph').dataset.step >= 1")
    page.keyboard.press("Space")
    graph.get_by_text("Play").wait_for()


def test_ways_that_meet_are_added_one_after_the_other(show):
    page = show(computational_graph("x * y + x", x=3, y=4))
    graph = page.locator(".cvn-graph")
    graph.locator("svg").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    assert boxes(graph)[0] == (3, 1) and "1, and 1 more to come" in graph.locator("table").inner_text()
    page.keyboard.press("ArrowRight")
    assert boxes(graph)[0] == (3, 5) and "1 + 4 = 5" in graph.locator("table").inner_text()


def test_a_click_on_a_node_goes_to_its_step(show):
    page = show(computational_graph(SUM_TIMES[0], **SUM_TIMES[1]))
    graph = page.locator(".cvn-graph")
    graph.locator("[data-node='4']").click()
    assert graph.get_attribute("data-step") == "2"
    graph.get_by_role("button", name="Last step").click()
    graph.locator("[data-node='4']").click()
    assert (graph.get_attribute("data-step"), graph.get_attribute("data-phase")) == ("4", "backward")


def test_numbers_can_be_changed_without_a_kernel_and_impossible_ones_are_said(show):
    page = show(computational_graph("x * log(y)", x=2, y=1))
    graph = page.locator(".cvn-graph")
    graph.get_by_label("value of y").fill("4")
    graph.get_by_role("button", name="Last step").click()
    assert boxes(graph) == [(2, pytest.approx(np.log(4))), (4, 0.5), (pytest.approx(np.log(4)), 2), (pytest.approx(2 * np.log(4)), 1)]
    graph.get_by_label("value of y").fill("0")
    assert "log(y) has no finite value at these numbers" in graph.locator(".cvn-verdict").first.inner_text()
    graph.get_by_label("value of y").fill("")
    page.keyboard.press("Tab")
    assert graph.get_by_label("value of y").input_value() == "0"
    assert graph.get_by_label("Expression").is_disabled()
    assert "it can be changed in a notebook with a kernel" in graph.inner_text()


def test_wrong_gradients_are_named(show):
    page = show(computational_graph("x * y + x", function=lambda x, y: (1, x), x=3, y=4), computational_graph("x * y", function=lambda x, y: (y, x), x=3, y=4))
    wrong, right = (page.locator(".cvn-graph").nth(i) for i in range(2))
    assert "Your gradient for x is 1, it should be 5." in wrong.locator(".cvn-verdict").nth(1).inner_text()
    assert "Your gradients agree" in right.locator(".cvn-verdict").nth(1).inner_text()
    assert wrong.get_by_label("value of x").is_disabled()


@pytest.mark.parametrize("width", [640, 900])
def test_text_is_legible_nothing_overflows_and_all_controls_have_names(show, width):
    page = show(*(computational_graph(expression, **numbers) for expression, numbers in EXPRESSIONS if expression.count("+") < 5), width=width, dark=width == 640)
    for i in range(page.locator(".cvn-graph").count()):
        page.locator(".cvn-graph svg").nth(i).focus()
        page.keyboard.press("End")
    page.wait_for_timeout(200)
    assert page.evaluate(MEASURE) == []


def test_a_deep_graph_is_scrolled_to_the_node_at_work(show):
    page = show(computational_graph("tanh(" * 12 + "x" + ")" * 12, x=1), width=640)
    graph = page.locator(".cvn-graph")
    assert page.evaluate("document.scrollingElement.scrollWidth <= 640")
    graph.locator("svg").focus()
    for _ in range(13):
        page.keyboard.press("ArrowRight")
    box, stage = graph.locator(".cvn-active rect").bounding_box(), graph.locator(".cvn-graph-stage").bounding_box()
    assert stage["x"] <= box["x"] and box["x"] + box["width"] <= stage["x"] + stage["width"]


@pytest.mark.parametrize("width", [340, 420])
def test_on_a_narrow_page_only_the_graph_and_its_table_scroll(show, width):
    page = show(*(computational_graph(expression, **numbers) for expression, numbers in EXPRESSIONS), width=width)
    for i in range(page.locator(".cvn-graph").count()):
        page.locator(".cvn-graph svg").nth(i).focus()
        page.keyboard.press("End")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert [bad for bad in page.evaluate(MEASURE) if not bad.startswith("sticks out")] == []


def saved(*widgets):
    outputs = [nbformat.v4.new_output("display_data", data=widget._repr_mimebundle_()[0]) for widget in widgets]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("widget", outputs=[output]) for output in outputs])


def test_an_exported_page_is_alive_and_shows_a_picture_where_scripts_do_not_run(page, browser, tmp_path):
    nbformat.write(saved(computational_graph(NEURON[0], **NEURON[1])), tmp_path / "unit.ipynb")
    address = f"file://{export(tmp_path / 'unit.ipynb')}"
    page.goto(address)
    page.context.set_offline(True)
    graph = page.locator(".cvn-graph")
    graph.locator("svg").focus()
    page.keyboard.press("End")
    assert boxes(graph)[-1][0] == pytest.approx(1 / (1 + np.exp(-1)))
    page.set_viewport_size({"width": 420, "height": 1000})
    page.wait_for_timeout(300)
    assert page.evaluate(CUT) == []
    context = browser.new_context(java_script_enabled=False)
    still = context.new_page()
    still.goto(address)
    picture = still.locator("[data-convnets] img")
    assert picture.bounding_box()["height"] > 200 and "w0 −0.1966" in picture.get_attribute("alt")
    context.close()


CELL = """
from convnets.widgets import computational_graph
computational_graph("x * y", function=lambda **given: {name: 1 for name in given}, x=3, y=4)
"""


def test_in_jupyterlab_the_expression_is_the_learners(run_in_lab, page):
    run_in_lab(CELL)
    graph = page.locator(".cvn-graph")
    graph.wait_for(timeout=60_000)
    field = graph.get_by_role("textbox", name="Expression")
    field.fill("x + open('f')")
    field.press("Enter")
    complaint = graph.locator(".cvn-verdict", has_text="cannot be drawn")
    complaint.wait_for()
    assert graph.locator("[data-node]").count() == 3
    field.fill("q = x + z; q * q")
    field.press("Enter")
    graph.locator("[data-node='3']").wait_for()
    assert not complaint.is_visible()
    graph.locator(".cvn-verdict", has_text="Your gradient for x is 1, it should be 8.").wait_for()
    graph.get_by_label("value of z").fill("-2.5")
    graph.locator(".cvn-verdict", has_text="Your gradients agree").wait_for()
    graph.locator("svg").focus()
    page.keyboard.press("End")
    assert boxes(graph) == [(3, 1), (-2.5, 1), (0.5, 1), (0.25, 1)]
