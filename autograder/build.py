"""`autograder build`: notebooks from `source/`, with jupytext and nbgrader's own generate step.

A source says everything once. The build adds what follows from it: the set-up cell, each exercise's heading with points and
minutes from `exercises.py`, its check cell with the hidden test, tables of architectures, and the visible questions as `checks.npz`.
"""

from __future__ import annotations

import contextlib
import filecmp
import hashlib
import logging
import os
import re
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

import jupytext
import nbformat
import numpy as np
from nbformat.v4 import new_code_cell
from platformdirs import user_cache_path

from autograder.errors import CourseError
from autograder.parts import with_parts
from autograder.tables import with_tables
from autograder.units import Unit, exercises
from convnets.check import Exercise
from convnets.check.questions import ask, save

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
SETUP_CELL = Path(__file__).with_name("setup_cell.py.txt")
ANSWER = re.compile(r"(widgets\.)?(question|predict)\(")
LIBRARIES = ("jupytext", "nbconvert", "nbformat", "nbgrader", "numpy", "torch")
DIFFICULTY = {1: "●○○ easy", 2: "●●○ moderate", 3: "●●● demanding"}


def points_words(points: float) -> str:
    return f"{points:g} point{'s' if points != 1 else ''}"


def read_source(unit: Unit) -> nbformat.NotebookNode:
    """The unit's source as a notebook, as written."""
    try:
        text = unit.source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"The source {unit.source} of {unit.name} is not readable: {error}.") from error
    notebook = jupytext.reads(text, fmt="py:percent")
    if not any(cell.source.strip() for cell in notebook.cells):
        raise CourseError(f"The source {unit.source} of {unit.name} is empty; a unit needs at least a heading and a set-up cell.")
    return notebook


def finished_notebook(unit: Unit) -> nbformat.NotebookNode:
    """The unit's notebook with solutions and hidden tests: what nbgrader calls the source version."""
    notebook = read_source(unit)
    with_parts(unit, notebook)
    declared = exercises(unit.name)
    if notebook.cells[0].cell_type != "markdown" or not notebook.cells[0].source.startswith("# "):
        raise CourseError(f"{unit.source}: the first cell must be a markdown cell that begins with the title, `# …`.")
    cells = [notebook.cells[0], new_code_cell(setup_source(unit), metadata={"tags": ["setup"]})]
    for cell in notebook.cells[1:]:
        if cell.cell_type == "markdown":
            cell.source = with_tables(with_headings(cell.source, declared))
        cells.append(cell)
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        for exercise in declared:
            if exercise.name == name:
                cells.append(check_cell(unit, exercise))
    missing = {e.name for e in declared} - {c.metadata.get("nbgrader", {}).get("grade_id") for c in cells}
    if missing:
        raise CourseError(f"{unit.source}: no solution cell has the grade_id of the declared exercise {', '.join(sorted(missing))}.")
    notebook.cells = cells
    for number, cell in enumerate(cells):
        tidy(cell, number)
    facts = notebook.metadata.get("convnets", {})
    if graded := sum(e.points for e in declared):
        facts = {**facts, "points": graded, "exercises": [e.name for e in declared]}
    facts = {**facts, "unit": unit.name, "kind": unit.kind, "generated_from": unit.source.relative_to(unit.root).as_posix()}
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}, "convnets": facts})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def setup_source(unit: Unit) -> str:
    return SETUP_CELL.read_text(encoding="utf-8").rstrip().replace("{folder}", unit.student_notebook.parent.relative_to(unit.root).as_posix())


def with_headings(text: str, declared: list[Exercise]) -> str:
    """Turn a heading line `## name` of a declared exercise into its full heading, with points, minutes and difficulty."""
    for number, exercise in enumerate(declared, 1):
        facts = f"*{points_words(exercise.points)} · about {exercise.minutes} minute{'s' * (exercise.minutes != 1)} · {DIFFICULTY[exercise.difficulty]}*"
        heading = rf"## Exercise {number} · {exercise.title}: `{exercise.name}`\n\n{facts}"
        text = re.sub(rf"^## {exercise.name}$", lambda _, heading=heading: heading.replace(r"\n", "\n"), text, flags=re.MULTILINE)
    return text


def check_cell(unit: Unit, exercise: Exercise) -> nbformat.NotebookNode:
    lines = [
        f'check("{exercise.name}", {exercise.name})',
        "### BEGIN HIDDEN TESTS",
        "from autograder.hidden import hidden_check",
        "",
        f'hidden_check("{unit.name}", "{exercise.name}", {exercise.name})',
        "### END HIDDEN TESTS",
    ]
    facts = {
        "grade": True,
        "grade_id": f"test_{exercise.name}",
        "locked": True,
        "points": float(exercise.points),
        "schema_version": 3,
        "solution": False,
        "task": False,
    }
    return new_code_cell("\n".join(lines), metadata={"nbgrader": facts})


def tidy(cell: nbformat.NotebookNode, number: int) -> None:
    """Give a cell a stable id, no outputs, and only the metadata that readers need. Fold the set-up, and code that holds an answer."""
    name = cell.metadata.get("nbgrader", {}).get("grade_id")
    cell["id"] = re.sub(r"[^a-zA-Z0-9_-]", "-", name)[:64] if name else f"cell-{number:03d}"
    tags = [tag for tag in cell.metadata.get("tags", []) if tag != "active-ipynb"]
    kept = {"nbgrader": cell.metadata["nbgrader"]} if name else {}
    if name:
        kept["nbgrader"].setdefault("cell_type", cell.cell_type)
        if kept["nbgrader"]["locked"]:
            kept |= {"deletable": False, "editable": False}
    cell.metadata = nbformat.from_dict(kept | ({"tags": tags} if tags else {}))
    if "setup" in tags or ANSWER.match(cell.source):
        cell.metadata |= {"jupyter": {"source_hidden": True}, "cellView": "form"}
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None


def build_unit(unit: Unit, out: Path) -> list[Path]:
    """Write all built files of a unit below `out`, which mirrors the course's folder. Returns their relative paths."""
    notebook = finished_notebook(unit)
    solution = out / unit.solution_notebook.relative_to(unit.root)
    solution.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, solution)
    if not unit.graded:
        return [solution.relative_to(out)]
    save(solution.with_name("checks.npz"), unit.name, [ask(e) for e in exercises(unit.name)])
    for extra in sorted((unit.source.parent / "files").glob("*")):
        shutil.copy(extra, solution.parent / extra.name)
    release(unit, out)
    return sorted(p.relative_to(out) for folder in (solution.parent, out / unit.kind / unit.name) for p in folder.rglob("*") if p.is_file())


def release(unit: Unit, out: Path) -> None:
    """The students' version, by nbgrader's own generate step."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from traitlets.config import Config

    config = Config()
    config.CourseDirectory.root = str(out)
    config.CourseDirectory.source_directory = "solutions"
    config.CourseDirectory.release_directory = unit.kind
    config.CourseDirectory.assignment_id = unit.name
    config.GenerateAssignment.no_database = True
    config.GenerateAssignment.force = True
    config.GenerateAssignment.preprocessors = release_preprocessors()
    logger = logging.getLogger("autograder.release")
    logger.setLevel(logging.CRITICAL)
    converter = GenerateAssignment(coursedir=CourseDirectory(config=config), config=config)
    converter.log = logger
    converter.start()
    built = out / unit.kind / unit.name / f"{unit.name}.ipynb"
    notebook = nbformat.read(built, as_version=4)
    for number, cell in enumerate(notebook.cells):
        tidy(cell, number)
    nbformat.write(notebook, built)


def release_preprocessors() -> list:
    """The generate step of nbgrader_config.py without its gradebook."""
    from nbgrader import preprocessors as nb

    from autograder.stubs import ClearSolutionsByName

    return [
        nb.IncludeHeaderFooter,
        nb.LockCells,
        ClearSolutionsByName,
        nb.ClearOutput,
        nb.CheckCellMetadata,
        nb.ComputeChecksums,
        nb.ClearHiddenTests,
        nb.ClearMarkScheme,
        nb.ComputeChecksums,
        nb.CheckCellMetadata,
    ]


def build(units: list[Unit]) -> list[Path]:
    """Build units into the course's folder. All are built aside first, so a failure changes nothing. Returns what changed."""
    changed = []
    with tempfile.TemporaryDirectory() as aside:
        built = [(unit, build_unit(unit, Path(aside))) for unit in units]
        for unit, paths in built:
            for path in paths:
                target = unit.root / path
                if target.exists() and same_content(target, Path(aside) / path):
                    continue
                try:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    temporary = target.with_name(target.name + ".part")
                    shutil.copyfile(Path(aside) / path, temporary)
                    os.replace(temporary, target)
                except OSError as error:
                    raise CourseError(f"Cannot write {target}: {error.strerror}. Give yourself write permission for that folder.") from error
                changed.append(path)
    return changed


def stale(units: list[Unit]) -> list[Path]:
    """Files of units that are missing or differ from what a build would write."""
    with tempfile.TemporaryDirectory() as aside:
        return [
            path
            for unit in units
            for path in build_unit(unit, Path(aside))
            if not (unit.root / path).exists() or not same_content(unit.root / path, Path(aside) / path)
        ]


def stale_now(unit: Unit) -> list[Path]:
    """`stale` of one unit, which takes seconds, asked once: that nothing was stale is remembered for as long as no file that decides it changes."""
    mark = user_cache_path("convnets") / "built" / state_of(unit)
    if mark.exists():
        return []
    if not (old := stale([unit])):
        with contextlib.suppress(OSError):
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
    return old


def state_of(unit: Unit) -> str:
    """A hash of a unit's built files, of all sources (one may import another), of the code that builds them, and of the libraries' versions."""
    found = hashlib.sha256(repr([unit.name, *(version(name) for name in LIBRARIES)]).encode())
    folders = [unit.root / "source", unit.solution_notebook.parent, unit.student_notebook.parent]
    code = [file for package in ("autograder", "convnets") for file in sorted((Path(__file__).parents[1] / package).rglob("*.py*")) if file.suffix != ".pyc"]
    files = [file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file() and file.suffix != ".pyc"]
    for file in (*code, *files):
        content = file.read_bytes()
        found.update(f"{file.name}\0{len(content)}\0".encode())
        found.update(content)
    return found.hexdigest()


def same_content(one: Path, other: Path) -> bool:
    """Whether two built files say the same; arrays may differ by what another processor's rounding does to them."""
    if filecmp.cmp(one, other, shallow=False):
        return True
    if one.suffix != ".npz":
        return False
    with np.load(one, allow_pickle=False) as a, np.load(other, allow_pickle=False) as b:
        if set(a.files) != set(b.files):
            return False
        return all(nearly_equal(a[key], b[key]) for key in a.files)


def nearly_equal(a: np.ndarray, b: np.ndarray) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind not in "fc":
        return bool(np.array_equal(a, b))
    return bool(np.allclose(a, b, rtol=1e-5, atol=1e-7, equal_nan=True))
