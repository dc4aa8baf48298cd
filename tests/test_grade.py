"""Grading a class: every submission gets its due, a damaged one costs only itself, and what is written is whole."""

import contextlib
import copy
import json
import re
from pathlib import Path

import nbformat
import pytest
from toy import RIGHT, UNIT, answered, cell_of, hand_in

from autograder.demo import demo
from autograder.errors import CourseError
from autograder.grade import Graded, grade, renew
from autograder.names import names_in
from autograder.records import OURS
from autograder.report import histogram, problem_of, rows
from autograder.results import read_results
from autograder.sample_class import sample_notebooks, write_sample_class
from autograder.standalone import standalone
from autograder.submissions import Unreadable, find_submissions, mend, read_notebook
from autograder.units import exercises, find_unit
from convnets.check import check_function
from convnets.check.questions import ask

NOISY = """import os, sys, warnings
def double(x):
    print("hello")
    warnings.warn("a warning")
    print("to stderr", file=sys.stderr)
    os.write(2, b"past Python, to the file descriptor")
    return 2 * x"""
SQUARE = {"double": "def double(x):\n    return x * x", "running_sum": "def running_sum(x):\n    return x.sum()"}


pytestmark = pytest.mark.usefixtures("course")


def damaged(course):
    """The first cell twice (the last one is right), its check gone; the second cell without its mark, its check gone, too."""
    notebook = answered(course, **RIGHT)
    first = cell_of(notebook, "double")
    earlier = copy.deepcopy(first)
    earlier.source, earlier["id"] = SQUARE["double"], "earlier"
    notebook.cells.insert(notebook.cells.index(first), earlier)
    for name in ("test_double", "test_running_sum"):
        notebook.cells.remove(cell_of(notebook, name))
    cell_of(notebook, "running_sum").metadata = nbformat.NotebookNode()
    return notebook


@pytest.fixture(scope="module")
def graded(course, unit, tmp_path_factory):
    """(results, output folder, submissions folder) of a class."""
    folder = tmp_path_factory.mktemp("class")
    submitted, out = folder / "submitted", folder / "grading" / UNIT
    hand_in(answered(course, **RIGHT), submitted / "ann" / UNIT / f"{UNIT}.ipynb")
    (submitted / "ann" / UNIT / "timestamp.txt").write_text("2030-01-02 03:04:05 UTC")
    hand_in(answered(course, **SQUARE), submitted / "bob" / f"{UNIT}.ipynb")
    (submitted / "bob" / "timestamp.txt").write_text("yesterday")
    hand_in(answered(course, **(RIGHT | {"double": NOISY})), submitted / "cy (1).ipynb")
    hand_in(answered(course), submitted / "dot.ipynb")
    hand_in(answered(course, **(RIGHT | {"double": "def double(x:\n    return 2 * x"})), submitted / "eve.ipynb")
    hand_in(damaged(course), submitted / "fay.ipynb")
    hand_in(answered(course, **(RIGHT | {"double": "import os\nos._exit(1)"})), submitted / "gus.ipynb")
    (submitted / "hal.ipynb").write_text((submitted / "dot.ipynb").read_text()[:900])
    (submitted / "ida.ipynb").touch()
    (submitted / "jon" / UNIT).mkdir(parents=True)
    hand_in(answered(course, **RIGHT), submitted / "kim [1].ipynb")
    seen = []
    done = grade(unit, submitted, out, lambda done, total: seen.append((done, total)))
    assert seen[0] == (0, 11) and seen[-1] == (11, 11)
    assert (done.graded, done.unchanged, done.faults, done.stopped) == (11, 0, {}, False)
    return done.results, out, submitted


def points(results, student):
    return [results[student][name]["points"] for name in ("double", "running_sum")]


@pytest.mark.parametrize(
    ("student", "expected"),
    {
        "ann": [3, 2],
        "bob": [0, 0],
        "cy (1)": [3, 2],
        "dot": [0, 0],
        "eve": [0, 2],
        "fay": [3, 2],
        "gus": [0, 2],
        "hal": [0, 0],
        "ida": [0, 0],
        "jon": [0, 0],
        "kim [1]": [0, 0],
    }.items(),
)
def test_points(graded, student, expected):
    assert points(graded[0], student) == expected


def test_results_file_has_the_agreed_form(graded, unit):
    results, out, _ = graded
    assert json.loads((out / "results.json").read_text()) == results == read_results(out)
    for student in results.values():
        assert list(student) == ["double", "running_sum"]
        for exercise in exercises(unit.name):
            entry = student[exercise.name]
            assert {"points", "max_points", "properties"} <= set(entry)
            assert entry["max_points"] == exercise.points
            assert set(entry["properties"]) == {p.name for p in exercise.properties}
            assert sum(p["points"] for p in entry["properties"].values()) == entry["points"]
            assert entry.get("seconds", 0) >= 0 and entry.get("memory_mb", 0) >= 0
            assert all(set(p) == {"points", "max_points", "misconception"} for p in entry["properties"].values())


def test_misconceptions_are_named(graded):
    bob = graded[0]["bob"]
    assert bob["double"]["properties"]["positive numbers"]["misconception"] == "square"
    assert bob["running_sum"]["properties"]["values"]["misconception"] == "the total"


@pytest.mark.parametrize(
    ("student", "words"),
    {
        "hal": "not readable: the file is cut off or damaged",
        "ida": "not readable: the file is empty",
        "jon": f"nothing handed in: no {UNIT}.ipynb",
        "kim [1]": "not gradable: nbgrader cannot read a name with",
    }.items(),
)
def test_what_cannot_be_graded_is_named(graded, student, words):
    results, out, _ = graded
    assert re.search(words, problem_of(results[student]))
    assert student in (out / "report.html").read_text()
    assert re.search(words, (out / "feedback" / student / UNIT / f"{UNIT}.html").read_text())


def test_what_was_mended_is_told(graded):
    fay = graded[0]["fay"]
    assert "2 cells carry its mark" in fay["double"]["note"] and "check cell is missing" in fay["double"]["note"]
    assert "found by its name" in fay["running_sum"]["note"]


def test_a_cell_that_ends_python_costs_its_own_exercise(graded):
    results, out, _ = graded
    assert results["gus"]["double"]["breach"] == "crash" and "breach" not in results["gus"]["running_sum"]
    assert "Python itself stopped" in (out / "feedback" / "gus" / UNIT / f"{UNIT}.html").read_text() or "ended Python" in (
        out / "feedback" / "gus" / UNIT / f"{UNIT}.html"
    ).read_text()


def test_feedback_shows_the_verdict_and_nothing_hidden(graded):
    out = graded[1]
    pages = {path.parts[-3]: path.read_text() for path in out.glob(f"feedback/*/{UNIT}/{UNIT}.html")}
    assert set(pages) == set(graded[0])
    for page in pages.values():
        assert not re.search("autograder|HIDDEN TEST|hidden_check|vnd.convnets|doubled_by_addition", page)
    assert "You squared: add the number to itself." in pages["bob"]
    assert "SyntaxError" in pages["eve"]


def test_exploration_cells_are_not_run_in_vain(graded):
    assert not list(graded[1].rglob("explored.txt"))


def test_report_stands_alone_and_is_accessible(graded):
    page = (graded[1] / "report.html").read_text()
    assert not re.search(r"""(?:src|href)\s*=|https?://|url\(|@import""", page)
    assert '<html lang="en">' in page and page.count("<h1>") == 1 and "<caption>" in page and 'scope="col"' in page
    assert 'role="img"' in page and "90 to 100%: 3 students" in page
    assert "You returned the total: return one sum for each number." in page
    assert "5 of 7" in page


def test_nothing_else_is_left_behind(graded):
    _, out, submitted = graded
    assert {p.name for p in out.iterdir()} <= OURS
    assert {p.name for p in (out / "records").iterdir()} == {f"{student}.json" for student in graded[0]}
    assert [p.name for p in out.parent.iterdir()] == [UNIT]
    assert {p.name for p in (submitted / "bob").iterdir()} == {f"{UNIT}.ipynb", "timestamp.txt"}


def test_a_second_run_gives_the_same_and_keeps_what_people_gave(graded, unit, tmp_path):
    from nbgrader.api import Gradebook

    first, out, submitted = graded
    with Gradebook(f"sqlite:///{out / 'gradebook.db'}") as book:
        book.find_grade("test_double", UNIT, UNIT, "bob").manual_score = 1.5
        book.find_comment("double", UNIT, UNIT, "bob").manual_comment = "Nearly there!"
        book.db.commit()
    (out / "my notes.txt").write_text("kept")
    some = tmp_path / "some"
    for name in ("ann", "bob"):
        (some / name).mkdir(parents=True)
        handed_in = next((submitted / name).rglob("*.ipynb"))
        for file in (handed_in, *handed_in.parent.glob("timestamp.txt")):
            (some / name / file.name).write_bytes(file.read_bytes())
    done = grade(unit, some, out)
    again = done.results
    assert (done.graded, done.unchanged) == (0, 2)
    assert again["ann"] == first["ann"]
    assert again["bob"]["double"]["points"] == 1.5
    assert again["bob"]["double"]["properties"] == first["bob"]["double"]["properties"]
    assert (out / "my notes.txt").read_text() == "kept"
    with Gradebook(f"sqlite:///{out / 'gradebook.db'}") as book:
        assert book.find_grade("test_double", UNIT, UNIT, "bob").auto_score == 0
        assert book.find_grade("test_double", UNIT, UNIT, "cy (1)").auto_score == 3
        book.find_grade("test_double", UNIT, UNIT, "bob").manual_score = 2
        book.db.commit()
    renew(unit, out, feedback=True)
    assert read_results(out)["bob"]["double"]["points"] == 2
    page = (out / "feedback" / "bob" / UNIT / f"{UNIT}.html").read_text()
    assert "Nearly there!" in page and "2 / 3" in page


def test_marks_equal_those_in_process(graded, unit):
    for exercise in exercises(unit.name):
        wrong = next(m for m in exercise.mistakes if m.name in ("square", "the total")).function
        report = check_function(ask(exercise, "any", 3), wrong)
        assert report.score == graded[0]["bob"][exercise.name]["points"]


# --- reading and mending, without a kernel


def write(path: Path, content) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("{", "not JSON"),
        ("[1, 2]", "not a notebook"),
        ('{"cells": []}', "not a notebook"),
        ('{"nbformat": 4, "metadata": {}}', "not a complete notebook"),
        ('{"nbformat": 99, "nbformat_minor": 0, "metadata": {}, "cells": []}', "not a complete notebook"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_unreadable_notebooks(tmp_path, content, words):
    with pytest.raises(Unreadable, match=words):
        read_notebook(write(tmp_path / "n.ipynb", content))


def test_a_notebook_with_nonsense_among_its_cells_is_read(tmp_path):
    cells = [None, 3, {"cell_type": "code"}, {"cell_type": "code", "source": ["a\n", "b"], "metadata": {"nbgrader": {"grade_id": 7}}}]
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    assert [cell.source for cell in read_notebook(write(tmp_path / "n.ipynb", json.dumps(notebook))).cells] == ["", "a\nb"]


def test_an_old_notebook_format_is_read(tmp_path):
    cell = {"cell_type": "code", "language": "python", "input": "x = 1", "outputs": [], "collapsed": False, "metadata": {}}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": [cell], "metadata": {}}]}
    assert [cell.source for cell in read_notebook(write(tmp_path / "n.ipynb", json.dumps(old))).cells] == ["x = 1"]


def mended(unit, notebook, tmp_path):
    hand_in(notebook, tmp_path / "n.ipynb")
    return mend(unit, read_notebook(tmp_path / "n.ipynb"))


def test_an_untouched_notebook_comes_back_as_it_was(course, unit, tmp_path):
    master = answered(course)
    notebook, notes = mended(unit, master, tmp_path)
    assert notes == []
    assert [(c.cell_type, c.source) for c in notebook.cells] == [(c.cell_type, c.source) for c in master.cells]
    assert cell_of(notebook, "test_double").metadata.nbgrader == cell_of(master, "test_double").metadata.nbgrader


def test_edited_checks_and_marks_are_put_right(course, unit, tmp_path):
    submitted = answered(course, **RIGHT)
    cell_of(submitted, "test_double").source = "3.0"
    cell_of(submitted, "double").metadata.nbgrader |= {"points": 100, "grade": True}
    submitted.cells[-1].metadata["tags"] = ["skip-execution"]
    notebook, _ = mended(unit, submitted, tmp_path)
    assert cell_of(notebook, "test_double").source == 'check("double", double)'
    assert cell_of(notebook, "double").metadata.nbgrader.grade is False
    assert "tags" not in notebook.cells[-1].metadata


def test_a_retyped_cell_and_lost_imports_cost_nothing(course, unit, tmp_path):
    submitted = answered(course, **RIGHT)
    retyped = cell_of(submitted, "double")
    retyped.cell_type = "markdown"
    del retyped["outputs"], retyped["execution_count"]
    submitted.cells = [cell for cell in submitted.cells if "import" not in cell.source or "pathlib" in cell.source]
    notebook, notes = mended(unit, submitted, tmp_path)
    assert cell_of(notebook, "double").cell_type == "code" and "no longer a code cell" in notes[0]
    assert any(cell.source.startswith("import numpy") for cell in notebook.cells[:3])


def test_a_missing_exercise_becomes_its_stub(course, unit, tmp_path):
    submitted = answered(course, **RIGHT)
    for name in ("double", "test_double"):
        submitted.cells.remove(cell_of(submitted, name))
    notebook, notes = mended(unit, submitted, tmp_path)
    assert notes == ["double: the cell is missing"]
    assert "NotImplementedError" in cell_of(notebook, "double").source
    assert notebook.cells.index(cell_of(notebook, "test_double")) == notebook.cells.index(cell_of(notebook, "double")) + 1


def test_a_notebook_of_something_else_is_refused(unit):
    with pytest.raises(Unreadable, match="none of the unit's solution cells"):
        mend(unit, nbformat.v4.new_notebook(cells=[]))


def test_exploration_that_a_student_builds_on_is_run(course, unit, tmp_path):
    def skipped(text):
        notebook, _ = mended(unit, answered(course, **(RIGHT | {"double": text})), tmp_path)
        return [c for c in notebook.cells if "skip-execution" in c.metadata.get("tags", [])]

    assert len(skipped(RIGHT["double"])) == 1
    assert len(skipped("def double(x):\n    factor = 2\n    return factor * x")) == 1
    assert skipped("def double(x):\n    return x * factor - x") == []


@pytest.mark.parametrize(
    ("source", "taken", "given"),
    [
        ("a = b + 1", {"b"}, {"a"}),
        ("a = 1\nb = a", set(), {"a", "b"}),
        ("a += 1", {"a"}, {"a"}),
        ("def f(x):\n    y = x\n    return y + z", {"z"}, {"f"}),
        ("if c:\n    d = 1\nelse:\n    e = d2", {"c", "d2"}, {"d", "e"}),
        ("import numpy as np\nnp.sum(v)", {"v"}, {"np"}),
        ("%matplotlib inline\nx", {"get_ipython", "x"}, set()),
        ("for i in items:\n    total = i", {"items"}, {"i", "total"}),
        ("def f(:\n  broken", set(), set()),
    ],
)
def test_names_of_a_cell(source, taken, given):
    assert names_in(source) == (taken, given)


# --- folders


def test_one_students_folder_is_not_a_class(course, unit, tmp_path):
    hand_in(answered(course), tmp_path / UNIT / f"{UNIT}.ipynb")
    with pytest.raises(CourseError, match="one student's folder"):
        find_submissions(tmp_path, unit)


def test_a_folder_with_other_things_is_never_replaced(unit, tmp_path):
    (tmp_path / "submitted" / "ann").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(CourseError, match="holds no earlier grading"):
        grade(unit, tmp_path / "submitted", tmp_path / "out")
    assert (tmp_path / "out" / "thesis.txt").read_text() == "years of work"


def test_a_grading_that_fails_leaves_the_old_one(unit, tmp_path, monkeypatch):
    (tmp_path / "submitted" / "ann").mkdir(parents=True)
    out = tmp_path / "out"
    grade(unit, tmp_path / "submitted", out)
    before = (out / "results.json").read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device", "report.html")

    monkeypatch.setattr("autograder.grade.write_report", full)
    with pytest.raises(CourseError, match="No space left on device"):
        grade(unit, tmp_path / "submitted", out)
    assert (out / "results.json").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "submitted"]


def test_a_chapter_or_a_stale_unit_is_not_graded(course, tmp_path):
    (course / "source" / "course").mkdir()
    (course / "source" / "course" / "00_hello.py").write_text("# %% [markdown]\n# # Hello\n")
    with pytest.raises(CourseError, match="is a chapter"):
        grade(find_unit("00_hello"), tmp_path, tmp_path / "out")
    built = course / "assignments" / UNIT / f"{UNIT}.ipynb"
    text = built.read_text()
    built.write_text(text.replace("A toy unit", "Another unit"))
    try:
        with pytest.raises(CourseError, match=f"autograder build {UNIT}"):
            grade(find_unit(UNIT), tmp_path, tmp_path / "out")
    finally:
        built.write_text(text)
    assert list(tmp_path.iterdir()) == []


# --- the sample class and the demo


def marks(unit, notebook):
    """{exercise: points} of the solution cells that run, in process."""
    result = {}
    for exercise in exercises(unit.name):
        space = {"np": __import__("numpy")}
        try:
            exec(cell_of(notebook, exercise.name).source, space)
        except SyntaxError:
            continue
        result[exercise.name] = check_function(ask(exercise, "any", 2), space[exercise.name]).score
    return result


def test_the_sample_class_is_what_it_says(unit):
    notebooks = sample_notebooks(unit)
    assert marks(unit, notebooks["amara"]) == marks(unit, notebooks["chiara"]) == {"double": 3, "running_sum": 2}
    assert marks(unit, notebooks["dmitri"]) == marks(unit, notebooks["jun"]) == {"double": 0, "running_sum": 0}
    assert marks(unit, notebooks["elif"]) == {"double": 2, "running_sum": 2}
    assert marks(unit, notebooks["abel"]) == {"running_sum": 0}
    assert "running_sum" not in [c.metadata.get("nbgrader", {}).get("grade_id") for c in notebooks["lena"].cells]


def test_the_sample_class_is_the_same_every_time(unit, tmp_path):
    contents = []
    for name in ("one", "two"):
        write_sample_class(unit, tmp_path / name)
        contents.append({p.relative_to(tmp_path / name): p.read_bytes() for p in sorted((tmp_path / name).rglob("*.ipynb"))})
    assert contents[0] == contents[1]
    found = find_submissions(tmp_path / "one", unit)
    assert len(found) >= 12 and [s.student for s in found if s.path is None] == ["noor"]
    with pytest.raises(Unreadable, match="cut off"):
        read_notebook(tmp_path / "one" / "mateo" / UNIT / f"{UNIT}.ipynb")


@pytest.mark.parametrize(("sandbox", "students"), [("/usr/bin/bwrap", 16), (None, 12)])
def test_the_demo_builds_grades_and_shows_every_graded_unit(unit, tmp_path, monkeypatch, sandbox, students):
    seen = []

    def grade_nobody(unit, submissions, out, *, pool, unsafe, check_built):
        seen.append((unit.name, len(find_submissions(submissions, unit)), out))
        assert unsafe == (sandbox is None) and not check_built
        return Graded({"ann": {}})

    monkeypatch.setattr("autograder.demo.bubblewrap", lambda: sandbox)

    monkeypatch.setattr("autograder.demo.grade", grade_nobody)
    told, shown = [], []
    demo([unit], tmp_path, told.append, lambda *args: shown.append(args), lambda title: contextlib.nullcontext(lambda done, total: None))
    assert seen == [(UNIT, students, tmp_path / UNIT)] and shown == [(unit, {"ann": {}}, tmp_path / UNIT)]
    assert any("There is no sandbox on this machine, so the hostile students stay out" in line for line in told) == (sandbox is None)
    assert told[0] == "Building 1 units, then grading 1 classes …" and re.fullmatch(r"The whole loop took \d+ seconds\.", told[-1])
    assert not (tmp_path / "submitted").exists()


# --- the report's numbers, and texts that stand alone


def test_histogram_and_rows():
    assert histogram([0, 0.05, 0.1, 0.95, 1.0]) == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    results = {"b": {"e": {"points": 1.0, "max_points": 4.0, "properties": {}}}, "a": {"e": {"points": 0.0, "max_points": 4.0, "properties": {}, "problem": "not readable: x"}}}
    first, second = rows(results)
    assert (first.student, first.problem, second.share) == ("a", "not readable: x", 0.25)


def maker(factor, pick=lambda x: x[0]):
    def made(x):
        """A hint."""
        return factor * pick(x) + offset(1)

    return made


def offset(n):
    return SHIFT + n


SHIFT = 10


def test_standalone_text_brings_what_it_needs():
    text = standalone(maker(3), "answer")
    space = {}
    exec(text, space)
    assert space["answer"]([5]) == maker(3)([5]) == 26
    assert "A hint" not in text


def test_every_mistake_of_the_toy_stands_alone(unit):
    for exercise in exercises(unit.name):
        for mistake in exercise.mistakes:
            space = {}
            exec(standalone(mistake.function, exercise.name), space)
            asked = ask(exercise, "any", 2)
            assert check_function(asked, space[exercise.name]).as_json() == check_function(asked, mistake.function).as_json()
