"""`autograder grade` and stock `nbgrader autograde` give every reference, other right solution, classic mistake and empty stub the marks that the check gives.

One class for each unit: student k has variant k of every exercise. After each check an extra cell puts the right answer back, so that a
variant meets no other variant. nbgrader runs once for each core, over that core's students.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook

from autograder.build import build_unit
from autograder.grade import grade
from autograder.hidden import PREPARED, hidden_questions, prepare
from autograder.sample_class import correct_variants, hand_in_weights, notebook_with, solutions
from autograder.standalone import standalone
from autograder.submissions import mend, read_notebook
from autograder.units import all_units, exercises
from convnets.check import check_function

ROOT = Path(__file__).resolve().parents[1]
UNITS = [unit for unit in all_units() if unit.graded]
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
SECRET = "a secret for tests"


def stub(*args, **kwargs):
    raise NotImplementedError


def variants(unit):
    """{exercise: [(what it is, function, text of its cell, None for the untouched stub)]}."""
    right, others = solutions(unit), correct_variants(unit)
    return {
        e.name: [
            ("reference", e.reference, right[e.name]),
            ("empty stub", stub, None),
            *((f"correct {i}", f, standalone(f, e.name)) for i, f in enumerate(others[e.name], 1)),
            *((f"mistake “{m.name}”", m.function, standalone(m.function, e.name)) for m in e.mistakes),
        ]
        for e in exercises(unit.name)
    }


def submission(unit, chosen, right, path):
    """Write the notebook that answers with `chosen`, {exercise: text}, as its student would hand it in."""
    notebook = notebook_with(unit, {name: text for name, text in chosen.items() if text is not None})
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        name = cell.metadata.get("nbgrader", {}).get("grade_id", "").removeprefix("test_")
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cells.append(new_code_cell(right[name]))
    notebook.cells = cells
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
    nbformat.write(mend(unit, read_notebook(path))[0], path)
    hand_in_weights(unit, path.parent)


def autograde(folder, unit, hidden):
    """Stock nbgrader on the class in `folder`, with the hidden questions of the file `hidden`. Returns {student: {exercise: points}}."""
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    build_unit(unit, folder)
    scripts = str(Path(sys.executable).parent)
    environment = os.environ | {"PATH": os.pathsep.join([scripts, os.environ["PATH"]]), PREPARED: str(hidden)}
    for words in (["generate_assignment", unit.name, "--force"], ["autograde", unit.name]):
        command = [f"{scripts}/nbgrader", *words, "--CourseDirectory.release_directory=released"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]
    marks = {}
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        for found in book.find_assignment(unit.name).submissions:
            marks[found.student.id] = {grade.name.removeprefix("test_"): grade.auto_score for grade in found.notebooks[0].grades}
    return marks


@pytest.fixture(scope="module", params=UNITS, ids=lambda unit: unit.name)
def graded(request, tmp_path_factory):
    """(unit, its variants, nbgrader's marks of the class, the judge's marks)."""
    unit = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONVNETS_SECRET", SECRET)
        listed, right = variants(unit), solutions(unit)
        folders = [tmp_path_factory.mktemp(f"core{i}") for i in range(CORES)]
        for k in range(max(map(len, listed.values()))):
            chosen = {name: found[k][2] if k < len(found) else right[name] for name, found in listed.items()}
            submission(unit, chosen, right, folders[k % CORES] / "submitted" / str(k) / unit.name / f"{unit.name}.ipynb")
        hidden = tmp_path_factory.mktemp("hidden") / "hidden.npz"
        prepare(unit.name, hidden)
        with ThreadPoolExecutor(CORES) as pool:
            marks = {student: found for part in pool.map(lambda folder: autograde(folder, unit, hidden), folders) for student, found in part.items()}
        everybody = tmp_path_factory.mktemp("class") / "submitted"
        for folder in folders:
            shutil.copytree(folder / "submitted", everybody, dirs_exist_ok=True)
        done = grade(unit, everybody, everybody.parent / "grading", check_built=False)
        assert done.faults == {}
        judged = {student: {name: entry["points"] for name, entry in found.items()} for student, found in done.results.items()}
        yield unit, listed, marks, judged


def test_nbgrader_judge_and_check_agree(graded, monkeypatch):
    monkeypatch.setenv("CONVNETS_SECRET", SECRET)
    unit, listed, marks, judged = graded
    different = {}
    for name, found in listed.items():
        for k, (what, function, _) in enumerate(found):
            given = (marks[str(k)][name], judged[str(k)][name], check_function(hidden_questions(unit.name, name), function).score)
            if len(set(given)) > 1:
                different[f"{name}, {what}"] = given
    assert different == {}, "(nbgrader's mark, the judge's mark, the check's mark in this process)"


def test_the_class_had_right_and_wrong_answers(graded):
    unit, listed, marks, _ = graded
    for exercise in exercises(unit.name):
        given = [marks[str(k)][exercise.name] for k in range(len(listed[exercise.name]))]
        assert given[0] == exercise.points and given[1] == 0
        assert sum(mark == exercise.points for mark in given) == len(given) - 1 - len(exercise.mistakes) >= 4
