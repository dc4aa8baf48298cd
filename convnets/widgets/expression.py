"""Small Python expressions as computational graphs: parsed, computed forward, differentiated backward, and laid out.

A graph is a list of nodes in the order of computation; the last one is the output. A node is a dict: `op` ("input", "number", or
a key of OPERATIONS), `inputs` (indices of nodes), `name` ("" where it has none), `text` (its source), `number` (of a constant),
`varies` (whether it depends on an input), `column` and `row` (its place, counted in boxes, from the upper left corner), `ways` (for each
input the rows in which its arrow passes the columns in between), `slots` (for each input the place of its arrow head, from above).
"""

import ast

import numpy as np

MOST_NODES = 32
LANE = 0.75
"""Rows between a box and an arrow that passes it."""

OPERATIONS = {
    "+": (lambda a, b: a + b, lambda y, a, b: (1, 1)),
    "−": (lambda a, b: a - b, lambda y, a, b: (1, -1)),
    "×": (lambda a, b: a * b, lambda y, a, b: (b, a)),
    "÷": (lambda a, b: a / b, lambda y, a, b: (1 / b, -a / b**2)),
    "^": (lambda a, b: a**b, lambda y, a, b: (b * a ** (b - 1), y * np.log(a))),
    "neg": (lambda a: -a, lambda y, a: (-1,)),
    "exp": (np.exp, lambda y, a: (y,)),
    "log": (np.log, lambda y, a: (1 / a,)),
    "sqrt": (np.sqrt, lambda y, a: (0.5 / y,)),
    "tanh": (np.tanh, lambda y, a: (1 - y**2,)),
    "sigmoid": (lambda a: 1 / (1 + np.exp(-a)), lambda y, a: (y * (1 - y),)),
    "relu": (lambda a: np.maximum(a, 0), lambda y, a: (a > 0,)),
    "abs": (np.abs, lambda y, a: (np.sign(a),)),
    "max": (np.maximum, lambda y, a, b: ((a > b) + 0.5 * (a == b), (b > a) + 0.5 * (a == b))),
    "min": (np.minimum, lambda y, a, b: ((a < b) + 0.5 * (a == b), (b < a) + 0.5 * (a == b))),
}
"""Each operation: its value for inputs a, b, and its local gradients, given the value y as well. Ties and kinks as in PyTorch."""

_SIGNS = {ast.Add: "+", ast.Sub: "−", ast.Mult: "×", ast.Div: "÷", ast.Pow: "^"}
_FUNCTIONS = ("exp", "log", "sqrt", "tanh", "sigmoid", "relu", "abs", "max", "min")
_ALLOWED = f"an expression may hold names, numbers, + - * / **, parentheses, and {', '.join(_FUNCTIONS)}"


def parse(expression: str) -> list[dict]:
    """Return the graph of `expression`: one line, or several with `name = …` before the last, parted by line ends or ";".

    Raises ValueError for what is not such an expression, with what may stand in one; nothing is ever evaluated as Python.
    """
    try:
        statements = ast.parse(expression.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{expression!r} is not a Python expression ({getattr(error, 'msg', error)}): {_ALLOWED}.") from None
    graph = _Graph()
    for place, statement in enumerate(statements):
        graph.add_statement(statement, last=place == len(statements) - 1)
    nodes = graph.nodes
    if not nodes or nodes[-1]["op"] in ("input", "number"):
        raise ValueError(f"{expression!r} computes nothing: use at least one operation, as in 'x * y'.")
    used = {i for node in nodes for i in node["inputs"]}
    idle = next((node for i, node in enumerate(nodes[:-1]) if i not in used), None)
    if idle:
        raise ValueError(f"{idle['name'] or idle['text']!r} is never used: take it into the last line, or leave it out.")
    _place(nodes)
    return nodes


def one_line(expression: str) -> str:
    """Return an expression that `parse` takes as one line."""
    return "; ".join(ast.unparse(statement) for statement in ast.parse(expression.strip()).body)


class _Graph:
    def __init__(self):
        self.nodes, self.names = [], {}

    def add_statement(self, statement: ast.stmt, last: bool) -> None:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
            name = statement.targets[0].id
            index = self.add(statement.value)
            if name in self.names or name in _FUNCTIONS:
                raise ValueError(f"{name!r} already means something: give this result another name.")
            self.names[name] = index
            if self.nodes[index]["op"] in ("input", "number") or self.nodes[index]["name"]:
                raise ValueError(f"{name!r} is only another name for {self.nodes[index]['text']!r}: compute something in each line.")
            self.nodes[index]["name"] = name
        elif isinstance(statement, ast.Expr) and last:
            if self.add(statement.value) != len(self.nodes) - 1:
                raise ValueError("The last line must compute something, as in 'x * y'.")
        else:
            raise ValueError(f"{ast.unparse(statement)!r} cannot stand here: write 'name = …' lines and one expression at the end.")

    def add(self, tree: ast.expr) -> int:
        sign = tree.op if isinstance(tree, ast.BinOp | ast.UnaryOp) else None
        if isinstance(tree, ast.Name):
            if tree.id in _FUNCTIONS:
                raise ValueError(f"{tree.id!r} is a function: call it, as in '{tree.id}(x)', and give your number another name.")
            if tree.id not in self.names:
                self.names[tree.id] = self._node("input", [], tree, name=tree.id)
            return self.names[tree.id]
        if isinstance(tree, ast.Constant) and type(tree.value) in (int, float):
            return self._number(tree, 1)
        if isinstance(sign, ast.USub):
            if isinstance(tree.operand, ast.Constant) and type(tree.operand.value) in (int, float):
                return self._number(tree.operand, -1)
            return self._node("neg", [self.add(tree.operand)], tree)
        if type(sign) in _SIGNS:
            return self._node(_SIGNS[type(sign)], [self.add(tree.left), self.add(tree.right)], tree)
        if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and tree.func.id in _FUNCTIONS and not tree.keywords:
            return self._call(tree)
        raise ValueError(f"{ast.unparse(tree)!r} cannot be drawn: {_ALLOWED}.")

    def _call(self, tree: ast.Call) -> int:
        name = tree.func.id
        if len(tree.args) < 2 if name in ("max", "min") else len(tree.args) != 1:
            raise ValueError(f"{name} needs {'two numbers or more' if name in ('max', 'min') else 'one number'}, not {len(tree.args)}.")
        first, *others = [self.add(argument) for argument in tree.args]
        if not others:
            return self._node(name, [first], tree)
        for other in others:
            first = self._node(name, [first, other], tree)
        return first

    def _number(self, tree: ast.Constant, sign: int) -> int:
        number = sign * float(tree.value)
        if not np.isfinite(number):
            raise ValueError(f"{tree.value!r} is too large a number.")
        return self._node("number", [], tree, number=number, text=f"{number:g}")

    def _node(self, op: str, inputs: list[int], tree: ast.expr, name: str = "", number: float = 0.0, text: str = "") -> int:
        if len(self.nodes) >= MOST_NODES:
            raise ValueError(f"The graph has more than {MOST_NODES} nodes, too many to draw: take a smaller expression.")
        varies = op == "input" or any(self.nodes[i]["varies"] for i in inputs)
        text = text or ast.unparse(tree)
        self.nodes.append({"op": op, "inputs": inputs, "name": name, "text": text, "number": number, "varies": varies})
        return len(self.nodes) - 1


def _place(nodes: list[dict]) -> None:
    """Set column, row and ways: a column for each depth, inputs just before their first use, and room for arrows that pass."""
    depth, users = [0] * len(nodes), [[k for k, user in enumerate(nodes) if i in user["inputs"]] for i in range(len(nodes))]
    for i, node in enumerate(nodes):
        depth[i] = 1 + max((depth[j] for j in node["inputs"]), default=-1)
    for i, node in enumerate(nodes):
        if not node["inputs"]:
            depth[i] = min(depth[k] for k in users[i]) - 1
    leaves = [i for i, node in enumerate(nodes) if not node["inputs"]]  # in the order in which a reader meets them
    rows: dict[tuple[int, int], float] = {}  # of a node in its own column, and of its arrow in the columns that it passes
    for column in range(max(depth) + 1):
        wanted = {}
        for i, node in enumerate(nodes):
            if depth[i] == column:
                sources = [rows[j, column - 1] for j in node["inputs"]]
                wanted[i] = sum(sources) / len(sources) if sources else leaves.index(i)
            elif depth[i] < column < max((depth[k] for k in users[i]), default=0):
                wanted[i] = rows[i, column - 1]
        last, boxed = -np.inf, True
        for i in sorted(wanted, key=lambda i: (wanted[i], depth[i] == column)):
            box = depth[i] == column
            last = rows[i, column] = float(max(wanted[i], last + (1 if box and boxed else LANE)))
            boxed = box
    top = min(rows.values())
    for i, node in enumerate(nodes):
        node["column"], node["row"] = depth[i], rows[i, depth[i]] - top
        node["ways"] = [[rows[j, column] - top for column in range(depth[j] + 1, depth[i])] for j in node["inputs"]]
    for node in nodes:
        node["slots"] = _slots(node, nodes)


def _slots(node: dict, nodes: list[dict]) -> list[int]:
    """Return, for each input, which arrow head from above is its own: by height, unless the order of the inputs matters."""
    order = list(range(len(node["inputs"])))
    if node["op"] in ("+", "×", "max", "min"):
        height = [way[-1] if way else nodes[j]["row"] for j, way in zip(node["inputs"], node["ways"], strict=True)]
        order.sort(key=height.__getitem__)
    return [order.index(place) for place in range(len(order))]


def names(nodes: list[dict]) -> list[str]:
    """Return the names of the inputs, in the order of the expression."""
    return [node["name"] for node in nodes if node["op"] == "input"]


def forward(nodes: list[dict], numbers: dict[str, float]) -> list[float]:
    """Return the value of each node for the inputs `numbers`; NaN or infinity where the mathematics ends."""
    values: list[np.float64] = []
    with np.errstate(all="ignore"):
        for node in nodes:
            if node["inputs"]:
                values.append(np.float64(OPERATIONS[node["op"]][0](*(values[i] for i in node["inputs"]))))
            else:
                values.append(np.float64(numbers[node["name"]] if node["op"] == "input" else node["number"]))
    return [float(value) for value in values]


def backward(nodes: list[dict], values: list[float]) -> list[float]:
    """Return the gradient of the output with respect to each node, given the values that `forward` returned; 0 for constants."""
    gradients = [0.0] * len(nodes)
    gradients[-1] = 1.0
    with np.errstate(all="ignore"):
        for i in reversed(range(len(nodes))):
            node = nodes[i]
            if not node["inputs"]:
                continue
            local = OPERATIONS[node["op"]][1](*np.float64([values[i], *(values[j] for j in node["inputs"])]))
            for j, slope in zip(node["inputs"], local, strict=True):
                if nodes[j]["varies"]:
                    gradients[j] += float(slope) * gradients[i]
    return gradients
