"""Building notebooks: deterministic, in nbgrader's schema, fresh, and polite on bad input."""

import itertools
import re
import shutil
from pathlib import Path

import nbformat
import pytest

from autograder.build import build, build_unit, read_source, stale, stale_now
from autograder.errors import CourseError
from autograder.units import Unit, all_units, exercises, find_unit

ROOT = Path(__file__).resolve().parents[1]
UNITS = all_units()
GRADED = [unit for unit in UNITS if unit.graded]


def name(unit):
    return unit.name


@pytest.fixture(params=UNITS, ids=name)
def unit(request):
    return request.param


@pytest.fixture(params=GRADED, ids=name)
def graded(request):
    return request.param


def built(path):
    return nbformat.read(path, as_version=4)


def test_a_build_gives_the_same_bytes_again(unit, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    paths = build_unit(unit, one)
    assert paths == build_unit(unit, two)
    assert all((one / path).read_bytes() == (two / path).read_bytes() for path in paths)


def test_every_notebook_is_valid_and_marked_as_generated(unit):
    for path in {unit.student_notebook, unit.solution_notebook}:
        notebook = built(path)
        nbformat.validate(notebook)
        facts = notebook.metadata.convnets
        assert (ROOT / facts.generated_from).exists()
        assert facts.minutes > 0 and 0 < facts.budget_seconds <= 240 and facts.summary
        assert notebook.metadata.kernelspec.name == "python3"


def test_headings_are_in_order(unit):
    text = "\n\n".join(c.source for c in built(unit.solution_notebook).cells if c.cell_type == "markdown")
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    levels = [len(marks) for marks in re.findall(r"^(#+) ", text, flags=re.MULTILINE)]
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(b <= a + 1 for a, b in itertools.pairwise(levels))


def test_what_a_unit_needs_exists(unit):
    for needed in built(unit.student_notebook).metadata.convnets.get("needs", []):
        find_unit(needed)


def test_exercise_cells_follow_the_contract(graded):
    declared = exercises(graded.name)
    assert declared
    for path in (graded.student_notebook, graded.solution_notebook):
        cells = {c.metadata.nbgrader.grade_id: c for c in built(path).cells if "nbgrader" in c.metadata}
        for exercise in declared:
            solution, test = cells[exercise.name], cells[f"test_{exercise.name}"]
            assert solution.metadata.nbgrader.solution and not solution.metadata.nbgrader.grade
            assert test.metadata.nbgrader.grade and test.metadata.nbgrader.points == exercise.points
            assert test.source.startswith(f'check("{exercise.name}", ')


def test_students_get_stubs_that_name_the_exercise_and_no_hidden_test(graded):
    text = graded.student_notebook.read_text(encoding="utf-8")
    for forbidden in ("BEGIN SOLUTION", "HIDDEN TESTS", "autograder"):
        assert forbidden not in text
    for exercise in exercises(graded.name):
        assert f"NotImplementedError(\\\"{exercise.name}: " in text


def test_every_exercise_has_hints_a_docstring_and_a_full_heading(graded):
    notebook = built(graded.student_notebook)
    words = [c.source for c in notebook.cells if c.cell_type == "markdown"]
    for exercise in exercises(graded.name):
        heading = next(text for text in words if re.search(rf"^## Exercise \d+ · .*`{exercise.name}`$", text, flags=re.MULTILINE))
        assert "point" in heading and "minutes" in heading
        stub = next(c.source for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == exercise.name)
        assert '"""' in stub
    assert sum(text.count("<details>") for text in words) >= len(exercises(graded.name))


def test_committed_notebooks_are_fresh(unit):
    assert stale([unit]) == []


@pytest.fixture
def course(tmp_path):
    """A copy of the course with one unit, free to be broken."""
    shutil.copytree(ROOT / "source/assignments/01_convolution_arithmetic", tmp_path / "source/assignments/01_convolution_arithmetic")
    return tmp_path


def test_a_stale_file_is_found_and_built_again(course):
    unit = Unit("assignments", "01_convolution_arithmetic", course)
    changed = build([unit])
    assert len(changed) >= 4 and stale([unit]) == [] and build([unit]) == []
    unit.student_notebook.write_text("{}", encoding="utf-8")
    assert stale([unit]) == [unit.student_notebook.relative_to(course)]
    assert build([unit]) == [unit.student_notebook.relative_to(course)]
    assert not list(course.rglob("*.part"))


def test_what_was_up_to_date_is_looked_at_again_once_a_file_has_changed(course, tmp_path, monkeypatch):
    monkeypatch.setattr("autograder.build.user_cache_path", lambda name: tmp_path / "cache" / name)
    unit = Unit("assignments", "01_convolution_arithmetic", course)
    build([unit])
    assert stale_now(unit) == []
    monkeypatch.setattr("autograder.build.stale", lambda units: ["asked again"])
    assert stale_now(unit) == []
    for file in (unit.source, unit.student_notebook, unit.source.with_name("exercises.py"), unit.solution_notebook.with_name("checks.npz")):
        before = file.read_bytes()
        file.write_bytes(before + b" ")
        assert stale_now(unit) == ["asked again"], file
        file.write_bytes(before)
    assert stale_now(unit) == []


def test_a_missing_solution_cell_is_named(course):
    unit = Unit("assignments", "01_convolution_arithmetic", course)
    text = unit.source.read_text(encoding="utf-8").replace('"grade_id": "output_size"', '"grade_id": "renamed"')
    unit.source.write_text(text, encoding="utf-8")
    with pytest.raises(CourseError, match="grade_id of the declared exercise output_size"):
        build([unit])
    assert not (course / "assignments").exists(), "nothing is half-written"


def test_an_empty_source_is_refused(course):
    unit = Unit("assignments", "01_convolution_arithmetic", course)
    unit.source.write_text("", encoding="utf-8")
    with pytest.raises(CourseError, match="is empty"):
        read_source(unit)


def test_an_unknown_unit_is_answered_with_the_nearest():
    with pytest.raises(CourseError, match="Did you mean 01_convolution_arithmetic"):
        find_unit("01_convolution_arithmetik")
