"""The computational graph: values flow forward, gradients flow backward, one node at a time."""

import math
from collections.abc import Callable

import numpy as np
import traitlets

from convnets.widgets import expression as graphs
from convnets.widgets import picture
from convnets.widgets.base import CourseWidget, image, module

_BOX, _HIGH = 76, 58


class ComputationalGraph(CourseWidget):
    """The widget that `computational_graph` returns. `step`, `numbers` and `expression` can be read and set.

    A new expression that cannot be drawn leaves the graph as it is, and `problem` says why.
    """

    _esm = module("graph")
    _name = "graph"
    expression = traitlets.Unicode().tag(sync=True)
    nodes = traitlets.List().tag(sync=True)
    numbers = traitlets.Dict().tag(sync=True)
    step = traitlets.Int(0, min=0).tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)
    student = traitlets.Dict().tag(sync=True)

    def __init__(self, expression, nodes, numbers, function):
        super().__init__(expression=expression, nodes=nodes, numbers=numbers)
        self._function = function
        self._ask()
        self.observe(self._read, "expression")
        self.observe(self._ask, ["numbers", "nodes"])

    def _read(self, change):
        """A new expression, typed on the page: draw its graph, or say what is wrong with it. New names start at 1."""
        try:
            nodes = graphs.parse(change["new"])
        except ValueError as error:
            self.expression = change["old"]
            self.problem = str(error)
            return
        with self.hold_sync():
            self.problem, self.step, self.nodes = "", 0, nodes
            self.numbers = {name: self.numbers.get(name, 1.0) for name in graphs.names(nodes)}

    def _ask(self, change=None):
        if self._function is not None and set(graphs.names(self.nodes)) == set(self.numbers):
            self.student = compare(self._function, self.nodes, self.numbers)

    def gradients(self) -> dict[str, float]:
        """Return the gradient of the output with respect to each input, by name."""
        found = graphs.backward(self.nodes, graphs.forward(self.nodes, self.numbers))
        return {node["name"]: g for node, g in zip(self.nodes, found, strict=True) if node["op"] == "input"}

    def summary(self) -> str:
        value = graphs.forward(self.nodes, self.numbers)[-1]
        given = ", ".join(f"{name} = {_number(number)}" for name, number in self.numbers.items())
        slopes = ", ".join(f"{name} {_number(slope)}" for name, slope in self.gradients().items())
        return f"Computational graph of {self.expression}: for {given} the output is {_number(value)}; gradients: {slopes}"

    def picture(self) -> str:
        values = graphs.forward(self.nodes, self.numbers)
        gradients = graphs.backward(self.nodes, values)
        across, down, left, top = 112, 72, 16, 44
        corner = [(left + n["column"] * across, top + n["row"] * down) for n in self.nodes]
        parts = [picture.text(left, 26, "value: above · ∂ gradient of the output: below")]
        for (x, y), node in zip(corner, self.nodes, strict=True):
            for j, way, slot in zip(node["inputs"], node["ways"], node["slots"], strict=True):
                points = [(corner[j][0] + _BOX, corner[j][1] + _HIGH / 2)]
                for passed, row in enumerate(way, start=self.nodes[j]["column"] + 1):
                    points += [(left + passed * across + dx, top + row * down + _HIGH / 2) for dx in (0, _BOX)]
                points.append((x, y + _HIGH / 2 + (slot - (len(node["inputs"]) - 1) / 2) * 20))
                parts.append(picture.line(points, picture.GREY))
        for (x, y), node, value, gradient in zip(corner, self.nodes, values, gradients, strict=True):
            middle = x + _BOX / 2
            parts += [
                picture.box(x, y, _BOX, _HIGH, picture.GREY, "#fff" if node["inputs"] else "#f2f2f4"),
                picture.text(middle, y + 17, title(node), 13, anchor="middle", weight=650),
                picture.text(middle, y + 34, _number(value, 3), 13, picture.BLUE, "middle"),
            ]
            if node["varies"]:
                parts.append(picture.text(middle, y + 51, f"∂ {_number(gradient, 3)}", 13, "#b34700", "middle"))
        width = max(x for x, _ in corner) + _BOX + 16
        rows = [n["row"] for n in self.nodes] + [row for n in self.nodes for way in n["ways"] for row in way]
        height = top + down * max(rows) + _HIGH + 16
        return image(picture.svg(max(width, 330), height, *parts), f"{self.summary()}.", int(max(width, 330)))


def title(node: dict) -> str:
    """Return what stands on a node's box: its name, its sign, or both."""
    if node["op"] == "number":
        return ""
    return node["name"] if node["op"] == "input" else f"{node['name']}: {node['op']}" if node["name"] else node["op"]


def _number(value: float, digits: int = 4) -> str:
    return "0" if value == 0 else f"{value:.{digits}g}".replace("-", "−")


def compare(function: Callable, nodes: list[dict], numbers: dict[str, float]) -> dict:
    """Call `function(**numbers)`, the student's gradients, and compare them with the right ones.

    Returns `numbers` as they were, `problem` (a sentence, or None), `wrong` (name, theirs, right) and `mark`: "✓", "✗" or "!".
    """
    report = {"numbers": dict(numbers), "problem": None, "wrong": [], "mark": "✗"}
    order = graphs.names(nodes)
    found = graphs.backward(nodes, graphs.forward(nodes, numbers))
    right = {node["name"]: g for node, g in zip(nodes, found, strict=True) if node["op"] == "input"}
    try:
        got = function(**numbers)
    except NotImplementedError as error:
        return report | {"problem": f"Your function is not written yet. {error}".strip(), "mark": "!"}
    except Exception as error:
        return report | {"problem": f"Your function raised {type(error).__name__}: {error}"}
    if not isinstance(got, dict):
        got = got if isinstance(got, tuple | list) else (got,)
        if len(got) != len(order):
            return report | {"problem": f"Your function returned {len(got)} gradients, it should be {len(order)}: {', '.join(order)}."}
        got = dict(zip(order, got, strict=True))
    wrong = []
    for name in order:
        if name not in got:
            return report | {"problem": f"Your function returned no gradient for {name}."}
        try:
            value = float(got[name])
        except (TypeError, ValueError):
            return report | {"problem": f"Your gradient for {name} is no number: {got[name]!r}."[:200]}
        if not math.isclose(value, right[name], rel_tol=1e-6, abs_tol=1e-9):
            wrong.append([name, *(v if math.isfinite(v) else str(v) for v in (value, right[name]))])
    return report | {"wrong": wrong, "mark": "✗" if wrong else "✓"}


def computational_graph(expression: str, /, *, function: Callable | None = None, **numbers: float) -> ComputationalGraph:
    """Return a widget that draws `expression` as a graph, and runs it forward and backward, step by step.

        computational_graph("(x + y) * z", x=1, y=2, z=3)

    Press "Next", or click the graph and use the arrow keys, Home and End; Space plays. Going forward, each node shows its
    value. Going backward, it multiplies the gradient from above by its local gradients and sends the products on. The numbers
    can be changed on the page, and in a notebook with a kernel the expression, too.

    Args:
        expression: names, numbers, + - * / **, parentheses, exp, log, sqrt, tanh, sigmoid, relu, abs, max, min. Lines `name = …` before the
            last one, or parted by ";", name results on the way. A name that is used twice is one node with two arrows.
        function: your own gradients, to be compared: `f(x, y, z)`, called by name, returns the gradients of the output with
            respect to the inputs, as a dict or in the order in which they stand in the expression.
        numbers: a value for each name, finite.

    Raises:
        ValueError: another kind of expression, a name without a value or a value without a name, a graph of more than 32
            nodes, numbers at which the expression has no finite value.
    """
    if not isinstance(expression, str):
        raise ValueError(f"expression must be text, such as '(x + y) * z', not {type(expression).__name__}.")
    nodes = graphs.parse(expression)
    order = graphs.names(nodes)
    for name in order:
        if name not in numbers:
            raise ValueError(f"{name} has no value: pass it, as in {name}=2.")
    for name, number in numbers.items():
        if name not in order:
            raise ValueError(f"{name} is not in the expression {expression!r}: its inputs are {', '.join(order) or 'none'}.")
        if isinstance(number, bool) or not isinstance(number, int | float | np.integer | np.floating) or not np.isfinite(number):
            raise ValueError(f"{name} must be a finite number, not {number!r}.")
    if function is not None and not callable(function):
        raise ValueError("function must be callable: it gets the inputs by name and returns their gradients.")
    numbers = {name: float(numbers[name]) for name in order}
    for node, value in zip(nodes, graphs.forward(nodes, numbers), strict=True):
        if not np.isfinite(value):
            raise ValueError(f"{node['text']} has no finite value at these numbers: choose others.")
    return ComputationalGraph(graphs.one_line(expression), nodes, numbers, function)
