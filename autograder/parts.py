"""Solution cells that are written as modules of their own beside a unit's notebook.py.

The cell in notebook.py says `from .alexnet import alexnet`. In the built notebook the text of `alexnet.py` stands there, without its docstring
and its imports: what it imports from outside is imported in the notebook's own first cells, what it imports from other such modules is
defined in cells above.
"""

from __future__ import annotations

import ast
import re

import nbformat

from autograder.errors import CourseError
from autograder.units import Unit

IMPORT = re.compile(r"from \.(\w+) import \(?[\w,\s]+\)?")


def with_parts(unit: Unit, notebook: nbformat.NotebookNode) -> None:
    """Put the text of the modules into the solution cells that import them."""
    for cell in notebook.cells:
        mark = cell.metadata.get("nbgrader", {})
        if mark.get("solution") and (found := IMPORT.fullmatch(cell.source.strip())):
            cell.source = part(unit, found[1], mark["grade_id"])


def part(unit: Unit, module: str, name: str) -> str:
    """The text of the unit's `module`.py as a cell. Raises CourseError when it is not there or does not define `name`."""
    path = unit.source.with_name(f"{module}.py")
    try:
        text = path.read_text(encoding="utf-8")
        body = ast.parse(text).body
    except (OSError, SyntaxError) as error:
        raise CourseError(f"{unit.source} takes {name} from {path.name}, which cannot be read: {error}.") from error
    if not any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name for node in body):
        raise CourseError(f"{path} does not define {name}, the grade_id of the cell that imports it.")
    lines = text.splitlines()
    for node in body:
        docstring = node is body[0] and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if docstring or isinstance(node, (ast.Import, ast.ImportFrom)):
            lines[node.lineno - 1 : node.end_lineno] = [None] * (node.end_lineno - node.lineno + 1)
    return "\n".join(line for line in lines if line is not None).strip("\n")
