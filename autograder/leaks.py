"""Finds solutions, hidden tests and references in what students would get."""

from __future__ import annotations

import ast
import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat

from autograder.units import Unit

MARKS = re.compile(r"BEGIN SOLUTION|END SOLUTION|BEGIN HIDDEN TESTS|END HIDDEN TESTS|autograder\.\w+|\bhidden_check\b|(?:import|from)\s+autograder")
SMALLEST = 25
SHORTEST = 60


@dataclass(frozen=True)
class Solution:
    """One solution region: what a student must write. tree: its statements; lines: its text without indentation."""

    exercise: str
    tree: tuple[ast.stmt, ...]
    lines: tuple[str, ...]

    @cached_property
    def weight(self) -> int:
        return sum(1 for statement in self.tree for _ in ast.walk(statement))

    @cached_property
    def shape(self) -> tuple[type, ...]:
        return shape(self.tree)

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(self.tree)


@dataclass(frozen=True)
class Leak:
    """Where something leaks: line counts from 1, in the file or in the named cell."""

    path: Path
    line: int
    what: str
    cell: int | None = None

    def __str__(self) -> str:
        place = f"cell {self.cell}, line {self.line}" if self.cell else f"line {self.line}"
        return f"{self.path}, {place}: {self.what}"


def solution_regions(unit: Unit) -> list[Solution]:
    """The text between the solution marks of every exercise of a unit."""
    notebook = nbformat.read(unit.solution_notebook, as_version=4)
    found = []
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if cell.metadata.get("nbgrader", {}).get("solution"):
            for region in re.findall(r"### BEGIN SOLUTION\n(.*?)\n\s*### END SOLUTION", cell.source, re.DOTALL):
                found.append(Solution(name, statements_of(region), squeezed(region)))
    return [solution for solution in found if solution.lines]


def statements_of(region: str) -> tuple[ast.stmt, ...]:
    try:
        tree = ast.parse("def region():\n" + textwrap.indent(textwrap.dedent(region), "    "))
    except SyntaxError:
        return ()
    return tuple(without_docstring(tree.body[0].body))


def squeezed(text: str) -> tuple[str, ...]:
    """Lines without comments, indentation, blank lines and repeated spaces."""
    lines = (re.sub(r"\s+", " ", re.sub(r"\s#.*$", "", line)).strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return body[1:]
    return body


def shape(statements: tuple[ast.stmt, ...]) -> tuple[type, ...]:
    """The kinds of the nodes at the top of the statements: cheap to compare."""
    return tuple(type(node) for statement in statements for node in (statement, *ast.iter_child_nodes(statement)))


def fingerprint(statements: tuple[ast.stmt, ...]) -> str:
    """The statements as text in which names are numbered by their first use, so that renaming hides nothing."""
    numbers: dict[str, int] = {}

    class Number(ast.NodeTransformer):
        def visit_Name(self, node):
            return ast.Name(f"n{numbers.setdefault(node.id, len(numbers))}", node.ctx)

        def visit_arg(self, node):
            return ast.arg(f"n{numbers.setdefault(node.arg, len(numbers))}", None)

    return " ".join(ast.dump(Number().visit(ast.parse(ast.unparse(statement)))) for statement in statements)


def leaks_in(path: Path, content: bytes, solutions: list[Solution]) -> Iterator[Leak]:
    """Everything in a file that a student must not get. path: what the file is called in messages."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return
    for number, line in enumerate(text.splitlines(), 1):
        if MARKS.search(line):
            yield Leak(path, number, f"holds “{line.strip()[:80]}”")
    if path.suffix == ".ipynb":
        for number, cell in enumerate(json.loads(text)["cells"], 1):
            source = "".join(cell["source"])
            yield from solution_leaks(path, source, solutions, number, code=cell["cell_type"] == "code")
            for output in cell.get("outputs", []):
                yield from solution_leaks(path, json.dumps(output).replace("\\n", "\n"), solutions, number, code=False)
    else:
        yield from solution_leaks(path, text, solutions, None, code=path.suffix == ".py")


def solution_leaks(path: Path, text: str, solutions: list[Solution], cell: int | None, *, code: bool) -> Iterator[Leak]:
    """Solutions in a piece of text: line by line everywhere, and by their syntax where the text is Python."""
    seen = set()
    for line, solution in [*same_lines(text, solutions), *(same_code(text, solutions) if code else [])]:
        if solution.exercise not in seen:
            seen.add(solution.exercise)
            yield Leak(path, line, f"is the solution of {solution.exercise}", cell)


def same_lines(text: str, solutions: list[Solution]) -> Iterator[tuple[int, Solution]]:
    lines = [(number, *squeezed(line)) for number, line in enumerate(text.splitlines(), 1) if squeezed(line)]
    content = [line for _, line in lines]
    for solution in solutions:
        count = len(solution.lines)
        if count < 2 or sum(map(len, solution.lines)) < SHORTEST:
            continue
        for start, line in enumerate(content):
            if line == solution.lines[0] and tuple(content[start : start + count]) == solution.lines:
                yield lines[start][0], solution


def same_code(text: str, solutions: list[Solution]) -> Iterator[tuple[int, Solution]]:
    try:
        tree = ast.parse("\n".join("pass" if line.startswith(("%", "!")) else line for line in text.splitlines()))
    except (SyntaxError, ValueError):
        return
    for owner, body in bodies(tree, ""):
        for solution in solutions:
            count = len(solution.tree)
            named = owner.split(".")[0] == solution.exercise
            if not count or not (named or solution.weight >= SMALLEST):
                continue
            for start in range(len(body) - count + 1):
                part = tuple(body[start : start + count])
                if shape(part) == solution.shape and fingerprint(part) == solution.fingerprint:
                    yield part[0].lineno, solution


def bodies(tree: ast.AST, owner: str) -> Iterator[tuple[str, list[ast.stmt]]]:
    """Every list of statements in a tree, with the dotted name of the function or class that it lies in."""
    for node in ast.iter_child_nodes(tree):
        inner = f"{owner}.{node.name}".lstrip(".") if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else owner
        yield from bodies(node, inner)
    for field in ("body", "orelse", "finalbody"):
        body = getattr(tree, field, None)
        if isinstance(body, list):
            name = f"{owner}.{tree.name}".lstrip(".") if isinstance(tree, (ast.FunctionDef, ast.ClassDef)) and not owner.endswith(tree.name) else owner
            yield name, without_docstring(body)
