"""nbgrader 0.9.6 as it is: the traps in how it scores a cell, and that what we build goes through its own commands."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.api import Gradebook
from toy import RIGHT, ROOT, UNIT, answered, cell_of, hand_in

NBGRADER = Path(sys.executable).with_name("nbgrader")
BARE = "c = get_config()\n"

TRAPS = {
    "prints_only": ('print("0 of 2 points")', 2.0),
    "last_value_is_numpy": ("import numpy as np\nnp.float64(0.5)", 2.0),
    "last_value_is_a_string": ("'0.5 points'", 2.0),
    "last_value_is_a_float": ("0.5", 0.5),
    "prints_then_a_float": ('print("half of it")\n0.5', 0.5),
    "a_float_that_is_not_last": ("0.5\nNone", 2.0),
    "writes_to_stderr": ('import sys\nprint("a progress bar", file=sys.stderr)\n2.0', 0.0),
    "warns": ('import warnings\nwarnings.warn("careful")\n2.0', 0.0),
    "raises": ("1 / 0", 0.0),
}

NOISY = """import os, sys, warnings
def double(x):
    print("hello")
    warnings.warn("a warning")
    print("to stderr", file=sys.stderr)
    return 2 * x"""


def nbgrader(folder, *words, check=True):
    environment = os.environ | {"PATH": os.pathsep.join([str(NBGRADER.parent), os.environ["PATH"]])}
    done = subprocess.run([NBGRADER, *words], cwd=folder, capture_output=True, text=True, env=environment, timeout=300)
    assert not check or done.returncode == 0, done.stderr
    return done


def scores(folder, unit, student):
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        notebook = book.find_submission(unit, student).notebooks[0]
        return {grade.name: grade.auto_score for grade in notebook.grades}


def graded_cell(name, source):
    facts = {"grade": True, "grade_id": name, "locked": True, "points": 2.0, "schema_version": 3, "solution": False, "task": False}
    return new_code_cell(source, metadata={"nbgrader": facts | {"cell_type": "code"}})


@pytest.fixture(scope="module")
def trapped(tmp_path_factory):
    """Scores that nbgrader with its default settings gives to the cells of TRAPS."""
    folder = tmp_path_factory.mktemp("traps")
    (folder / "nbgrader_config.py").write_text(BARE)
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    notebook = new_notebook(cells=[graded_cell(name, source) for name, (source, _) in TRAPS.items()], metadata=kernel)
    for place in ("source/traps", "submitted/ann/traps"):
        (folder / place).mkdir(parents=True)
        nbformat.write(notebook, folder / place / "traps.ipynb")
    nbgrader(folder, "generate_assignment", "traps")
    nbgrader(folder, "autograde", "traps")
    return scores(folder, "traps", "ann")


@pytest.mark.parametrize("name", TRAPS)
def test_how_nbgrader_scores_a_cell(trapped, name):
    assert trapped[name] == TRAPS[name][1]


@pytest.fixture(scope="module")
def course(course):
    """The toy course with the repository's nbgrader configuration, generated and autograded by nbgrader's own commands."""
    folder = course
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    answers = {
        "ann": RIGHT,
        "bob": {"double": NOISY, "running_sum": "def running_sum(x):\n    return x.sum()"},
        "cy": {},
        "dot": {"double": "def double(x):\n    return 2 * abs(x)", "running_sum": "def running_sum(x)\n    return x"},
    }
    for student, texts in answers.items():
        hand_in(answered(folder, **texts), folder / "submitted" / student / UNIT / f"{UNIT}.ipynb")
    built = (folder / "assignments" / UNIT / f"{UNIT}.ipynb").read_bytes()
    nbgrader(folder, "generate_assignment", UNIT, "--force")
    (folder / "generated.ipynb").write_bytes((folder / "assignments" / UNIT / f"{UNIT}.ipynb").read_bytes())
    (folder / "assignments" / UNIT / f"{UNIT}.ipynb").write_bytes(built)
    nbgrader(folder, "autograde", UNIT)
    nbgrader(folder, "generate_feedback", UNIT)
    return folder


@pytest.mark.parametrize(
    ("student", "expected"),
    {"ann": (3.0, 2.0), "bob": (3.0, 0.0), "cy": (0.0, 0.0), "dot": (2.0, 0.0)}.items(),
)
def test_nbgraders_own_commands_give_the_right_marks(course, student, expected):
    assert scores(course, UNIT, student) == {"test_double": expected[0], "test_running_sum": expected[1]}


def test_check_cells_end_in_a_built_in_float(course):
    notebook = nbformat.read(course / "autograded" / "bob" / UNIT / f"{UNIT}.ipynb", as_version=4)
    for name in ("test_double", "test_running_sum"):
        outputs = cell_of(notebook, name).outputs
        result = [output for output in outputs if output.output_type == "execute_result"]
        assert [re.fullmatch(r"\d+\.\d+", output.data["text/plain"]) is not None for output in result] == [True]
        assert not [output for output in outputs if output.output_type == "stream" and output.name == "stderr"]


def test_generate_assignment_makes_what_we_build(course):
    ours = nbformat.read(course / "assignments" / UNIT / f"{UNIT}.ipynb", as_version=4)
    theirs = nbformat.read(course / "generated.ipynb", as_version=4)
    assert [cell.source for cell in theirs.cells] == [cell.source for cell in ours.cells]
    text = (course / "generated.ipynb").read_text()
    assert not re.search("SOLUTION|HIDDEN|autograder|doubled_by_addition", text)


def test_validate_says_that_the_stubs_fail_and_the_solutions_do_not(course):
    released = nbgrader(course, "validate", f"assignments/{UNIT}/{UNIT}.ipynb")
    assert "VALIDATION FAILED ON 2 CELL(S)!" in released.stdout + released.stderr
    solved = nbgrader(course, "validate", f"solutions/{UNIT}/{UNIT}.ipynb")
    assert "Success! Your notebook passes all the tests." in solved.stdout + solved.stderr


def test_feedback_by_nbgrader_shows_no_hidden_test(course):
    for student in ("ann", "bob", "cy", "dot"):
        page = (course / "feedback" / student / UNIT / f"{UNIT}.html").read_text()
        assert not re.search("doubled_by_addition|vnd.convnets", page)
    assert "You returned the total" in (course / "feedback" / "bob" / UNIT / f"{UNIT}.html").read_text()
