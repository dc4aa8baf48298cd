"""Take functions that you wrote in one notebook into another."""

from __future__ import annotations

import ast
import json
from pathlib import Path

PLACES = ("../{unit}/{unit}.ipynb", "../../assignments/{unit}/{unit}.ipynb", "../../labs/{unit}/{unit}.ipynb")


def functions_from(unit: str, *names: str) -> list:
    """The functions `names` as you wrote them in your notebook of `unit`, in the order of `names`.

    Runs the notebook's cells of imports and definitions, nothing else. Raises FileNotFoundError when the notebook is
    not there, NotImplementedError when one of the functions is not written yet, and whatever your own cells raise.
    """
    path = next((p for place in PLACES if (p := Path(place.format(unit=unit))).exists()), None)
    if path is None:
        raise FileNotFoundError(f"Your notebook {unit}.ipynb is not beside this one, nor in assignments/ or labs/.")
    space: dict = {"__name__": unit}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source, facts = "".join(cell["source"]), cell["metadata"].get("nbgrader", {})
        if facts.get("grade_id") in names and f'raise NotImplementedError("{facts["grade_id"]}' in source:
            raise NotImplementedError(f"{facts['grade_id']} is not written yet in {unit}.ipynb. Come back when its checks hold.")
        if cell["cell_type"] == "code" and (facts.get("solution") or only_definitions(source)):
            exec(compile(source, str(path), "exec"), space)
    return [space[name] for name in names]


def only_definitions(source: str) -> bool:
    """Whether a cell holds imports, functions, classes and constants, and nothing that does something."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return False
    return bool(body) and all(
        isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef))
        or (isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant))
        for node in body
    )
