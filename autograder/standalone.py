"""A function's source as text that stands alone: what it uses from its module comes along, so that it can be pasted into a notebook cell."""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import sys
import textwrap
import types
from collections.abc import Callable

import numpy as np

from autograder.errors import CourseError
from autograder.names import names_in


def standalone(thing: Callable, name: str) -> str:
    """Source of a function or class, renamed to `name`, without decorators and docstring, after everything that it needs.

    Helpers, constants and values of a closure become part of the text; modules become imports; a function `other` reached through
    another module of the course, as in `notebook.other`, is called `other_of_the_notebook`; a value of that module which cannot be
    written down, such as a trained net, keeps its name. Raises CourseError when something has no source.
    """
    parts: dict[str, str] = {}
    main = rewritten(thing, name, parts)
    imports = sorted(text for text in parts.values() if text.startswith(("import ", "from ")))
    others = [text for text in parts.values() if not text.startswith(("import ", "from "))]
    blocks = (["\n".join(imports)] if imports else []) + others + [main]
    return "\n\n\n".join(blocks)


def rewritten(thing: Callable, name: str, parts: dict[str, str]) -> str:
    """The source of `thing` under a new name; adds what it needs to `parts`, in an order in which it can run."""
    tree = definition(thing)
    own, tree.name = tree.name, name
    tree.decorator_list = []
    drop_docstring(tree)
    values = surroundings(thing)
    Paths(values, parts).visit(tree)
    used = names_in(ast.unparse(ast.fix_missing_locations(tree)))[0]
    for other in sorted((used & values.keys()) - {name, own}):
        if can_be_text(values[other]) or not from_notebook(thing):
            add(other, values[other], parts)
    if own in used and own != name:
        Rename({own: name}).visit(tree)
    return ast.unparse(tree)


def definition(thing: Callable) -> ast.FunctionDef | ast.ClassDef:
    try:
        text = textwrap.dedent(inspect.getsource(thing))
        tree = ast.parse(text)
    except (OSError, TypeError, SyntaxError) as error:
        raise CourseError(f"{getattr(thing, '__qualname__', thing)!r} has no source text that can stand alone ({error}); write it with `def`.") from error
    found = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    if not found:
        raise CourseError(f"{getattr(thing, '__qualname__', thing)!r} is not written with `def` or `class`: {text.splitlines()[0]}")
    return found[0]


def drop_docstring(tree) -> None:
    first = tree.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str) and len(tree.body) > 1:
        tree.body = tree.body[1:]


def surroundings(thing: Callable) -> dict:
    """Names that a function or class sees outside itself: its module's and its closure's."""
    functions = [f for f in vars(thing).values() if isinstance(f, types.FunctionType)] if isinstance(thing, type) else [thing]
    values = dict(vars(sys.modules[thing.__module__]) if isinstance(thing, type) else thing.__globals__)
    for function in functions:
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            if name != "__class__":
                values[name] = cell.cell_contents
    return values


def is_course_module(value) -> bool:
    return isinstance(value, types.ModuleType) and value.__name__.startswith("convnets_units.")


class Paths(ast.NodeTransformer):
    """Turns `notebook.other` into `other_of_the_notebook` and brings `other` along."""

    def __init__(self, values: dict, parts: dict[str, str]):
        self.values, self.parts = values, parts

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and is_course_module(self.values.get(node.value.id)):
            value = getattr(self.values[node.value.id], node.attr)
            name = f"{node.attr}_of_the_{node.value.id}" if can_be_text(value) else node.attr
            if name != node.attr:
                add(name, value, self.parts)
            return ast.copy_location(ast.Name(name, node.ctx), node)
        return node


class Rename(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]):
        self.names = names

    def visit_Name(self, node):
        node.id = self.names.get(node.id, node.id)
        return node


def add(name: str, value, parts: dict[str, str]) -> None:
    """Add what defines `name` as `value` to `parts`."""
    if name in parts or is_course_module(value) or (hasattr(builtins, name) and getattr(builtins, name) is value):
        return
    if isinstance(value, types.ModuleType):
        parts[name] = f"import {value.__name__}" + (f" as {name}" if value.__name__ != name else "")
        return
    if isinstance(value, (types.FunctionType, type)) and belongs_to_course(value) and value.__name__ != "<lambda>":
        parts[name] = ""
        text = rewritten(value, name, parts)
    elif importable(value):
        text = f"from {value.__module__} import {value.__name__}" + (f" as {name}" if value.__name__ != name else "")
    else:
        text = f"{name} = {expression(name, value, parts)}"
    parts.pop(name, None)
    parts[name] = text


def from_notebook(thing) -> bool:
    return thing.__module__.startswith("convnets_units.") and not thing.__module__.endswith((".exercises", "_checks"))


def can_be_text(value) -> bool:
    """Whether the value can be written down; what cannot, such as a trained net, is expected to stand in the notebook under its name."""
    if callable(value) and (isinstance(value, (types.FunctionType, type)) or importable(value)):
        return True
    try:
        return isinstance(value, types.ModuleType) or bool(expression("value", value, {}))
    except CourseError:
        return False


def importable(value) -> bool:
    return callable(value) and getattr(sys.modules.get(getattr(value, "__module__", None)), getattr(value, "__name__", ""), None) is value


def belongs_to_course(value) -> bool:
    """Whether the function or class is written in a unit or a test, not in an installed package or the library that students have."""
    module = value.__module__ or ""
    if module.startswith("convnets_units."):
        return True
    return module.split(".")[0] not in {"convnets", *sys.stdlib_module_names} and "site-packages" not in str(inspect.getsourcefile(value))


def expression(name: str, value, parts: dict[str, str]) -> str:
    """An expression that gives the value again; `parts` gets what it needs."""
    if isinstance(value, np.ndarray):
        add("np", np, parts)
        return f"np.array({value.tolist()!r}, dtype=np.{value.dtype})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {expression(f'{name}_{i}', v, parts)}" for i, (key, v) in enumerate(value.items())) + "}"
    if isinstance(value, types.FunctionType) and value.__name__ == "<lambda>":
        return lambda_text(value, parts)
    if callable(value) and "." in getattr(value, "__qualname__", "") and "<locals>" not in value.__qualname__:
        owner, _, method = value.__qualname__.rpartition(".")
        add(owner, getattr(sys.modules[value.__module__], owner, None), parts)
        return f"{owner}.{method}"
    if isinstance(value, (types.FunctionType, type)):
        add(value.__name__, value, parts)
        return value.__name__
    try:
        same = ast.literal_eval(repr(value)) == value
    except (ValueError, SyntaxError):
        same = False
    if not same:
        raise CourseError(f"{name} = {repr(value)[:60]} cannot be written as text; make it a function or a plain value.")
    return repr(value)


def lambda_text(value: types.FunctionType, parts: dict[str, str]) -> str:
    """The source of a lambda, found by where its code lies."""
    file = ast.parse("".join(linecache.getlines(value.__code__.co_filename)))
    places = {(line, column) for line, _, column, _ in value.__code__.co_positions() if line and column}
    found = [n for n in ast.walk(file) if isinstance(n, ast.Lambda) and n.lineno == value.__code__.co_firstlineno and places & spots(n.body)]
    if not found:
        raise CourseError(f"A lambda in {value.__module__} has no source text that can stand alone; write it with `def`.")
    tree = min(found, key=lambda n: n.end_col_offset - n.col_offset)
    values = surroundings(value)
    Paths(values, parts).visit(tree)
    text = ast.unparse(ast.fix_missing_locations(tree))
    for other in sorted(names_in(text)[0] & values.keys()):
        add(other, values[other], parts)
    return text


def spots(tree) -> set[tuple[int, int]]:
    return {(node.lineno, node.col_offset) for node in ast.walk(tree) if hasattr(node, "lineno")}
