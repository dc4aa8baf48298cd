"""The computational graph: PyTorch has the same values and gradients, bad expressions get one clear error, nothing is evaluated as Python."""

import base64
import json
import math
import re

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convnets.widgets import computational_graph
from convnets.widgets.expression import MOST_NODES, backward, forward, names, parse

TORCH_NAMES = {
    "exp": torch.exp, "log": torch.log, "sqrt": torch.sqrt, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu, "abs": torch.abs,
    "max": torch.maximum, "min": torch.minimum,
}  # fmt: skip
TORCH = {
    name: lambda *numbers, f=f: f(*(torch.as_tensor(number, dtype=torch.float64) for number in numbers)) for name, f in TORCH_NAMES.items()
}


def by_torch(expression, numbers):
    """(value, {name: gradient}) of an expression, by PyTorch's autograd."""
    leaves = {name: torch.tensor(number, dtype=torch.float64, requires_grad=True) for name, number in numbers.items()}
    *lines, last = [re.sub(r"\(([\d.]+)\)", r"number(\1)", line.strip()) for line in expression.split(";")]
    scope = TORCH | leaves | {"number": lambda number: torch.tensor(number, dtype=torch.float64)}
    for line in lines:
        exec(line, {}, scope)
    value = eval(last, {}, scope)
    value.backward()
    return value.item(), {name: leaf.grad.item() for name, leaf in leaves.items()}


def close(one, other):
    return math.isclose(one, other, rel_tol=1e-7, abs_tol=1e-9)


LEAVES = st.sampled_from(["x", "y", "z", "(0.5)", "(2)"])
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from(["exp", "log", "sqrt", "tanh", "sigmoid", "relu", "abs"]), inner).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(st.sampled_from(["max", "min"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
        inner.map(lambda t: f"(-{t})"), inner.map(lambda t: f"({t} ** 2)"), inner.map(lambda t: f"(2 ** {t})"), inner.map(lambda t: f"({t} ** 1.5)"),
    ),
    max_leaves=7,
)  # fmt: skip


@given(inner=EXPRESSIONS, numbers=st.tuples(*[st.floats(-2, 2).map(lambda v: round(v, 2))] * 3))
@settings(max_examples=150, deadline=None)
def test_values_and_gradients_are_pytorchs(inner, numbers):
    expression = f"x * y + z * {inner}"
    numbers = dict(zip("xyz", numbers, strict=True))
    value, gradients = by_torch(expression, numbers)
    assume(all(math.isfinite(v) and abs(v) < 1e6 for v in (value, *gradients.values())))
    nodes = parse(expression)
    values = forward(nodes, numbers)
    assert all(map(math.isfinite, values[-1:]))
    assert close(values[-1], value)
    found = backward(nodes, values)
    assert all(close(g, gradients[node["name"]]) for node, g in zip(nodes, found, strict=True) if node["op"] == "input")


@pytest.mark.parametrize("expression", ["max(x, y) * z", "min(x, y) * z", "relu(x - y) * z", "abs(x - y) * z", "max(x, y, z)"])
def test_ties_and_kinks_are_pytorchs(expression):
    numbers = {"x": 1.0, "y": 1.0, "z": 3.0 if "z)" not in expression else 0.5}
    wanted = by_torch(expression if expression.count(",") < 2 else "max(max(x, y), z)", numbers)
    assert computational_graph(expression, **numbers).gradients() == wanted[1]


@given(expression=EXPRESSIONS)
@settings(max_examples=80, deadline=None)
def test_boxes_do_not_lie_on_each_other_and_arrows_point_to_the_right_and_pass_no_box(expression):
    nodes = parse(f"x * {expression} + y")
    places = [(node["column"], node["row"]) for node in nodes]
    assert min(column for column, _ in places) == 0 == min(row for _, row in places)
    for i, (column, row) in enumerate(places):
        assert all(c != column or abs(r - row) >= 1 for c, r in places[:i])
    for node in nodes:
        assert sorted(node["slots"]) == list(range(len(node["inputs"])))
        for j, way in zip(node["inputs"], node["ways"], strict=True):
            passed = list(enumerate(way, start=places[j][0] + 1))
            assert len(passed) == node["column"] - places[j][0] - 1 >= 0
            assert all(abs(row - r) >= 0.7 for column, row in passed for c, r in places if c == column)


def test_a_name_that_is_used_twice_is_one_node_and_its_gradients_add_up():
    graph = computational_graph("q = x + y; q * q", x=1, y=2)
    assert [node["op"] for node in graph.nodes] == ["input", "input", "+", "×"]
    assert graph.nodes[3]["inputs"] == [2, 2]
    assert graph.gradients() == {"x": 6.0, "y": 6.0}


def test_inputs_stand_in_the_order_of_the_expression():
    assert names(parse("b + a * b + c")) == ["b", "a", "c"]


def test_several_lines_become_one_that_means_the_same():
    graph = computational_graph("q = (x +\n   y)\nq * -2.5\n", x=1, y=2)
    assert graph.expression == "q = x + y; q * -2.5"
    assert parse(graph.expression) == graph.nodes
    assert [node["number"] for node in graph.nodes if node["op"] == "number"] == [-2.5]


# --- what is refused


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "computes nothing"),
        ("x", "computes nothing"),
        ("x +", "is not a Python expression"),
        ("x @ y", "cannot be drawn: an expression may hold names"),
        ("x.real + 1", "cannot be drawn"),
        ("__import__('os').system('true')", "cannot be drawn"),
        ("(lambda: x)() + 1", "cannot be drawn"),
        ("x[0] + 1", "cannot be drawn"),
        ("True + x", "cannot be drawn"),
        ("1j * x", "cannot be drawn"),
        ("'a' * x", "cannot be drawn"),
        ("x < y", "cannot be drawn"),
        ("exp(x, y)", "exp needs one number, not 2"),
        ("max(x)", "two numbers or more, not 1"),
        ("exp(x=1)", "cannot be drawn"),
        ("exp + x", "'exp' is a function"),
        ("import os; x + 1", "cannot stand here"),
        ("x * 2; x + 1", "cannot stand here"),
        ("q = x; q * 2", "only another name for 'x'"),
        ("q = x * 2; r = q; r + 1", "only another name"),
        ("x = x * 2; x + 1", "already means something"),
        ("q = x * 2; x + 1", "'q' is never used"),
        ("q = x * 2; x", "must compute something"),
        ("x * 1e999", "too large a number"),
        ("+".join(["x"] * 40), f"more than {MOST_NODES} nodes"),
        ("(" * 300 + "x" + ")" * 300, "is not a Python expression"),
        ("x \0 y", "is not a Python expression"),
    ],
)
def test_a_bad_expression_gets_one_clear_error(expression, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        computational_graph(expression, x=1, y=2)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({"x": 1}, "y has no value"),
        ({"x": 1, "y": 2, "z": 3}, "z is not in the expression"),
        ({"x": 1, "y": math.nan}, "y must be a finite number"),
        ({"x": 1, "y": "2"}, "y must be a finite number"),
        ({"x": 1, "y": True}, "y must be a finite number"),
        ({"x": 1, "y": 0}, "log(y) has no finite value"),
        ({"x": 1, "y": -1}, "log(y) has no finite value"),
        ({"x": 1, "y": 2, "function": 3}, "function must be callable"),
    ],
)
def test_bad_numbers_get_one_clear_error(numbers, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        computational_graph("x * log(y)", **numbers)


def test_huge_powers_end_quickly_in_infinity():
    with pytest.raises(ValueError, match="no finite value"):
        computational_graph("9.0 ** 9.0 ** 9.0 ** x", x=9)


# --- changes on the page


def test_a_new_expression_keeps_the_numbers_that_stay_and_starts_others_at_one():
    graph = computational_graph("x * y", x=3, y=4)
    graph.step = 3
    graph.expression = "x * z + 1"
    assert graph.numbers == {"x": 3.0, "z": 1.0}
    assert (graph.step, graph.problem) == (0, "")
    assert graph.gradients() == {"x": 1.0, "z": 3.0}


def test_a_bad_new_expression_leaves_the_graph_and_says_why():
    graph = computational_graph("x * y", x=3, y=4)
    before = graph.nodes
    graph.expression = "x * open('f')"
    assert graph.nodes == before and graph.expression == "x * y" and "open" in graph.problem
    graph.expression = "x / y"
    assert graph.problem == "" and graph.gradients() == {"x": 0.25, "y": -3 / 16}


# --- the student's gradients


@pytest.mark.parametrize("answer", [lambda x, y: {"y": x, "x": y}, lambda x, y: (y, x), lambda y, x: [np.float32(y), torch.tensor(x)]])
def test_right_gradients_agree_in_any_form(answer):
    assert computational_graph("x * y", function=answer, x=3, y=4).student["mark"] == "✓"


def test_a_wrong_gradient_is_named_and_asked_again_with_new_numbers():
    graph = computational_graph("x * y + x", function=lambda x, y: (1, x), x=3, y=4)
    assert graph.student["wrong"] == [["x", 1.0, 5.0]]
    graph.numbers = {"x": 3.0, "y": 0.0}
    assert graph.student["mark"] == "✓" and graph.student["numbers"] == {"x": 3.0, "y": 0.0}


def stub(x, y):
    raise NotImplementedError("Write it")


@pytest.mark.parametrize(
    ("function", "mark", "words"),
    [
        (stub, "!", "Your function is not written yet. Write it"),
        (lambda x, y: 1 / 0, "✗", "ZeroDivisionError"),
        (lambda x: 1, "✗", "TypeError"),
        (lambda x, y: x, "✗", "returned 1 gradients, it should be 2: x, y"),
        (lambda x, y: None, "✗", "returned 1 gradients"),
        (lambda x, y: {"x": 1}, "✗", "no gradient for y"),
        (lambda x, y: ("a", 1), "✗", "gradient for x is no number: 'a'"),
    ],
)
def test_what_goes_wrong_is_said_in_words(function, mark, words):
    report = computational_graph("x * y", function=function, x=3, y=4).student
    assert report["mark"] == mark and words in report["problem"]


def test_nan_is_wrong_and_can_be_sent():
    report = computational_graph("x * y", function=lambda x, y: (math.nan, x), x=3, y=4).student
    assert report["wrong"] == [["x", "nan", 4.0]]
    json.dumps(report, allow_nan=False)


# --- pages without scripts


def test_the_picture_tells_all_values_and_gradients():
    graph = computational_graph("(x + y) * z", x=-2, y=5, z=-4)
    data, _ = graph._repr_mimebundle_()
    assert data["text/plain"] == graph.summary()
    assert "x = −2, y = 5, z = −4 the output is −12; gradients: x −4, y −4, z 3" in graph.summary()
    assert re.search(r'<img [^>]*alt="[^"]{60,}"', graph.picture())
    svg = base64.b64decode(re.search(r'base64,([^"]+)', graph.picture())[1]).decode()
    for words in ("∂ −4", "∂ 3", "∂ 1", ">−12<", ">×<"):
        assert words in svg
    assert "http" not in data["text/html"].replace("http://www.w3.org/2000/svg", "")


def test_markup_in_an_expression_cannot_end_the_script():
    graph = computational_graph("x * y", x=1, y=2)
    graph.expression = "x</script>"
    html = graph.still_html()
    assert "</script>" in graph.problem or graph.problem
    assert html.count("</script>") == 1
