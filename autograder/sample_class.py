"""A sample class: submissions to a unit made from the unit's own declarations, so that a new unit joins without another line.

The right answers are the unit's solutions and, where tests/correct/UNIT.py has them, other people's; the wrong ones are its classic mistakes.
"""

from __future__ import annotations

import ast
import copy
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat

from autograder.errors import CourseError
from autograder.standalone import standalone
from autograder.units import Unit, exercises, import_file
from convnets.check import Exercise

Cells = dict[str, str]


def solutions(unit: Unit) -> Cells:
    """{exercise: the text of its solution cell}."""
    notebook = nbformat.read(unit.solution_notebook, as_version=4)
    cells = {cell.metadata.nbgrader.grade_id: cell.source for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("solution")}
    return {name: "\n".join(line for line in text.splitlines() if not re.search(r"### (BEGIN|END) SOLUTION", line)) for name, text in cells.items()}


def correct_variants(unit: Unit) -> dict[str, list[Callable]]:
    """{exercise: differently written right solutions}, from tests/correct/UNIT.py; empty where there is no such file."""
    path = unit.root / "tests" / "correct" / f"{unit.name}.py"
    return import_file(path, f"convnets_units.{unit.name}.correct").CORRECT if path.exists() else {}


def other_answers(unit: Unit, number: int) -> Cells:
    variants = correct_variants(unit)
    return {name: standalone(found[number], name) for name, found in variants.items() if len(found) > number}


def mistake_text(exercise: Exercise, number: int) -> str:
    """The exercise's mistake of that number, counted round and round; the next one where a mistake has no text."""
    for i in range(len(exercise.mistakes)):
        try:
            return standalone(exercise.mistakes[(number + i) % len(exercise.mistakes)].function, exercise.name)
        except CourseError:
            continue
    raise CourseError(f"No mistake of {exercise.name} has a source text that stands alone.")


def mistakes(unit: Unit, number: int, step: int = 1, first: int = 0) -> Cells:
    """Mistake `number` in every `step`-th exercise, from the `first` one on."""
    return {e.name: mistake_text(e, number) for e in exercises(unit.name)[first::step] if e.mistakes}


def without_return(text: str) -> str:
    """The same function with its `return` forgotten."""

    class Forget(ast.NodeTransformer):
        def visit_Return(self, node):
            return ast.copy_location(ast.Expr(node.value or ast.Constant(None)), node)

    return ast.unparse(Forget().visit(ast.parse(text)))


def noisy(text: str, name: str) -> str:
    """The same answer, printing and warning at every call."""
    if not re.search(rf"^def {name}\(", text, re.MULTILINE):
        return text
    return f"""{text}


import sys
import warnings

quiet_{name} = {name}


def {name}(*args, **kwargs):
    print("called with", len(args), "arguments")
    print("still here", file=sys.stderr)
    warnings.warn("nothing to worry about")
    return quiet_{name}(*args, **kwargs)"""


def never_ending(name: str) -> str:
    return f"def {name}(*args, **kwargs):\n    step = 0\n    while step < 1:\n        step = step * 2"


HOSTILE = {
    "viktor": """import builtins, sys
import numpy as np
from IPython import get_ipython

class Agrees(np.ndarray):
    def __eq__(self, other): return np.True_
    def __array_ufunc__(self, *args, **kwargs): return self

def {name}(*args, **kwargs):
    return np.zeros(3).view(Agrees)

np.array_equal = np.allclose = lambda *args, **kwargs: True
np.testing.assert_allclose = lambda *args, **kwargs: None
get_ipython().events.register("post_run_cell", lambda *args: print("100 points"))
sys.displayhook = lambda value: print("100.0")
for module in list(sys.modules.values()):
    for function in ("compare", "judge", "run_case"):
        if hasattr(module, function): setattr(module, function, lambda *args, **kwargs: None)""",
    "wanda": """import glob, os, subprocess

def {name}(*args, **kwargs):
    for place in ("/", "..", "/work", "/home", os.path.expanduser("~"), "/proc/1"):
        for file in glob.glob(place + "/**/*", recursive=True)[:500]:
            if any(word in file for word in ("solution", "gradebook", "secret", "hidden")):
                print(open(file, "rb").read()[:1000])
    print(dict(os.environ))
    return subprocess.run(["cat", "/etc/passwd"], capture_output=True).stdout""",
    "xaver": """import os

def {name}(*args, **kwargs):
    while True:
        os.fork()""",
    "yolanda": """import os, signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)

def {name}(*args, **kwargs):
    hoard = []
    while True:
        hoard.append(bytearray(10_000_000))""",
}
"""Students who try to get marks, secrets or the machine instead of writing the exercise `{name}`."""


def hostile_notebooks(unit: Unit) -> dict[str, nbformat.NotebookNode]:
    """{student: notebook} of the hostile students: an attack in the first exercise, right answers in all others."""
    right, first = solutions(unit), exercises(unit.name)[0].name
    return {student: notebook_with(unit, right | {first: text.replace("{name}", first)}) for student, text in HOSTILE.items()}


def notebook_with(unit: Unit, answers: Cells) -> nbformat.NotebookNode:
    """The students' notebook with these answers filled in, as JupyterLab would save it; other exercises stay empty."""
    notebook = nbformat.read(unit.student_notebook, as_version=4)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in answers:
            cell.source = answers[name]
    return notebook


def with_damaged_cells(unit: Unit, answers: Cells) -> nbformat.NotebookNode:
    """Right answers in a notebook whose cells were deleted, copied, retyped and stripped of their mark."""
    notebook = notebook_with(unit, answers)
    names = [e.name for e in exercises(unit.name)]
    place = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in notebook.cells}
    notebook.cells.remove(place[names[-1]])
    notebook.cells.remove(place[f"test_{names[0]}"])
    first_try = copy.deepcopy(place[names[0]])
    first_try.source, first_try["id"] = mistakes(unit, 0)[names[0]], "first-try"
    notebook.cells.insert(notebook.cells.index(place[names[0]]), first_try)
    if len(names) > 2:
        place[names[1]].metadata = nbformat.NotebookNode()
        place[names[2]].cell_type = "markdown"
        del place[names[2]]["outputs"], place[names[2]]["execution_count"]
    return notebook


def sample_notebooks(unit: Unit) -> dict[str, nbformat.NotebookNode]:
    """{student: notebook} of the students whose notebook can be read."""
    right = solutions(unit)
    names = [e.name for e in exercises(unit.name)]
    first, half = names[0], len(names) // 2
    slips = {
        first: right[first].replace("(", "((", 1),
        **{name: without_return(right[name]) for name in names[1:-1:2]},
        names[-1]: never_ending(names[-1]),
    }
    answers = {
        "abel": right | slips,
        "amara": right,
        "chiara": {name: noisy(text, name) for name, text in (right | other_answers(unit, 0)).items()},
        "dmitri": right | mistakes(unit, 0),
        "elif": right | mistakes(unit, 1, step=2),
        "farid": {name: text for name, text in (right | mistakes(unit, 2, step=2, first=1)).items() if name in names[: half + 2]},
        "jun": {},
    }
    return {student: notebook_with(unit, cells) for student, cells in answers.items()} | {"lena": with_damaged_cells(unit, right)}


def write_sample_class(unit: Unit, folder: Path, hostile: bool = True) -> None:
    """Write the class's submissions to `unit` below `folder`, in nbgrader's layout; the same class every time. hostile: with `HOSTILE` students."""
    notebooks = sample_notebooks(unit) | (hostile_notebooks(unit) if hostile else {})
    for student, notebook in notebooks.items():
        place = folder / student / unit.name
        place.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, place / f"{unit.name}.ipynb")
        hand_in_weights(unit, place)
    name = f"{unit.name}.ipynb"
    text = (folder / "amara" / unit.name / name).read_text(encoding="utf-8")
    unusable = {"mateo": text[: len(text) // 2], "oscar": "", "petra": nbformat.writes(nbformat.v4.new_notebook())}
    for student, content in unusable.items():
        (folder / student / unit.name).mkdir(parents=True, exist_ok=True)
        (folder / student / unit.name / name).write_text(content, encoding="utf-8")
    (folder / "noor" / unit.name).mkdir(parents=True, exist_ok=True)


def hand_in_weights(unit: Unit, place: Path) -> None:
    """A lab's trained weights go beside the notebook, under the name that the notebook gives them."""
    weights = unit.source.with_name("reference.safetensors")
    if weights.exists():
        name = re.search(r'"(\w+\.safetensors)"', unit.source.read_text(encoding="utf-8")).group(1)
        shutil.copyfile(weights, place / name)
