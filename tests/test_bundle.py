"""The students' archive: complete enough to install and open, and refused as soon as it would give something away."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest
from toy import UNIT, make_course

from autograder.bundle import bundle, students_requirements
from autograder.errors import CourseError

TOP = "convnets-course/"
LIBRARY_MODULE = "convnets/check/text.py"
SOLUTION = """\
        doubled_by_addition = np.asarray(x) + np.asarray(x)
        return doubled_by_addition.reshape(np.shape(x))
"""
RENAMED = """\
def another(values):
    'The same in other words.'
    two = numpy.asarray(values) + numpy.asarray(values)  # a comment
    return two.reshape(numpy.shape(values))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("course")
        patch.setenv("CONVNETS_COURSE", str(folder))
        patch.setenv("CONVNETS_SECRET", "a secret for tests")
        yield make_course(folder, complete=True)


@pytest.fixture
def course(built, tmp_path, monkeypatch):
    """A course of the test's own, to plant things in."""
    folder = tmp_path / "course"
    shutil.copytree(built, folder)
    monkeypatch.setenv("CONVNETS_COURSE", str(folder))
    return folder


@pytest.fixture(scope="module")
def archive(built, tmp_path_factory):
    out = tmp_path_factory.mktemp("bundle") / "course.zip"
    names = bundle(out)
    with zipfile.ZipFile(out) as opened:
        assert opened.namelist() == names
    return out


def content(archive):
    with zipfile.ZipFile(archive) as opened:
        return {name.removeprefix(TOP): opened.read(name) for name in opened.namelist()}


def test_everything_lies_below_one_folder_and_is_wanted(archive):
    names = set(content(archive))
    assert {"README.md", "LICENSE", "Makefile", "pyproject.toml", "requirements.txt", "environment.yml", "tools/setup.sh"} <= names
    assert {f"assignments/{UNIT}/{UNIT}.ipynb", f"assignments/{UNIT}/checks.npz", LIBRARY_MODULE} <= names
    allowed = re.compile(r"(course|assignments|labs|convnets|tools)/|README\.md|LICENSE|Makefile|pyproject\.toml|requirements\.txt|environment\.yml")
    assert all(allowed.match(name) for name in names)
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".part"))]


def test_no_file_holds_a_solution_a_hidden_test_or_the_autograder(archive):
    for name, data in content(archive).items():
        assert not re.search(rb"BEGIN SOLUTION|HIDDEN TESTS|hidden_check|import autograder|from autograder|doubled_by_addition", data), name


def test_two_bundles_are_the_same_bytes(archive, built, tmp_path):
    for path in built.rglob("*"):
        os.utime(path)
    bundle(tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def test_the_library_in_it_stands_without_the_autograder(archive, tmp_path):
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path)
    program = """
import importlib, pkgutil, sys
for name in ("autograder", "nbgrader", "jupytext"):
    sys.modules[name] = None
import convnets
assert convnets.__file__.startswith(sys.argv[1]), convnets.__file__
for module in pkgutil.walk_packages(convnets.__path__, "convnets."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
    folder = tmp_path / TOP
    environment = os.environ | {"PYTHONPATH": str(folder)}
    subprocess.run([sys.executable, "-c", program, str(folder)], check=True, env=environment, cwd=folder, timeout=120)


def test_the_archive_installs_the_students_command(archive, tmp_path):
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(tmp_path / "site"), "."]
    subprocess.run(command, check=True, cwd=tmp_path / TOP, timeout=120)
    assert [p.name for p in (tmp_path / "site" / "bin").iterdir()] == ["convnets"]
    assert (tmp_path / "site" / "convnets" / "widgets" / "widgets.css").exists()
    assert not (tmp_path / "site" / "autograder").exists()


def test_requirements_hold_what_students_need_and_no_more(archive):
    files = content(archive)
    project = tomllib.loads(files["pyproject.toml"].decode())["project"]
    assert "optional-dependencies" not in project and list(project["scripts"]) == ["convnets"]
    names = {re.match(r"[\w.-]+", line).group() for line in files["requirements.txt"].decode().splitlines() if not line.startswith("#")}
    assert {re.match(r"[\w.-]+", text).group() for text in project["dependencies"]} <= names
    assert {"ipykernel", "jinja2", "pywinpty", "appnope"} <= names
    assert not names & {"nbgrader", "jupytext", "pytest", "hypothesis", "playwright", "ruff", "sqlalchemy", "alembic"}


def test_requirements_follow_extras():
    text = "a==1\njupyter-events==1\nrfc3987-syntax==2\nalembic==3 ; python_version < '4'\n"
    assert students_requirements(text, ["jupyter-events"]).splitlines()[1:] == ["jupyter-events==1", "rfc3987-syntax==2"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("### BEGIN SOLUTION\n", "BEGIN SOLUTION"),
        ("### BEGIN HIDDEN TESTS\n", "BEGIN HIDDEN TESTS"),
        ("from autograder.hidden import hidden_check\n", "autograder.hidden"),
        (f"def double(x):\n{SOLUTION}", "solution of double"),
        (RENAMED, "solution of double"),
        (f"class A:\n    def helper(self):\n{SOLUTION}", "solution of double"),
        ("def running_sum(numbers):\n    return np.cumsum(numbers)\n", "solution of running_sum"),
    ],
)
def test_a_leak_in_the_library_is_refused_by_file_and_line(course, tmp_path, text, words):
    path = course / LIBRARY_MODULE
    before = path.read_text()
    path.write_text(before + "\n\n" + text)
    with pytest.raises(CourseError) as caught:
        bundle(tmp_path / "leaky.zip")
    found = re.search(rf"{LIBRARY_MODULE}, line (\d+): .*{words}", str(caught.value))
    assert found, str(caught.value)
    line = int(found.group(1))
    assert len(before.splitlines()) < line <= len(path.read_text().splitlines())
    assert not (tmp_path / "leaky.zip").exists()


def test_a_solution_in_another_kind_of_file_is_refused(course, tmp_path):
    (course / "convnets" / "notes.md").write_text(f"Do it like this:\n\n{SOLUTION}")
    with pytest.raises(CourseError, match=r"convnets/notes\.md, line 3: is the solution of double"):
        bundle(tmp_path / "leaky.zip")


def test_a_solution_in_a_chapter_is_refused_with_its_cell(course, tmp_path):
    from autograder.build import build
    from autograder.units import find_unit

    (course / "source" / "course").mkdir()
    code = f"# %%\nx = 3\n\n\ndef anything(x):\n{SOLUTION}"
    (course / "source" / "course" / "01_hello.py").write_text(f"# %% [markdown]\n# # Hello\n\n{code}")
    build([find_unit("01_hello")])
    with pytest.raises(CourseError, match=r"course/01_hello\.ipynb, cell 3, line 5: is the solution of double"):
        bundle(tmp_path / "leaky.zip")


def test_stale_or_tampered_notebooks_are_refused(course, tmp_path):
    path = course / "assignments" / UNIT / f"{UNIT}.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"][-1]["source"] = ["from autograder.hidden import hidden_check"]
    path.write_text(json.dumps(notebook))
    with pytest.raises(CourseError, match=f"stale; run `autograder build`:\n.*{UNIT}.ipynb"):
        bundle(tmp_path / "leaky.zip")


def test_only_what_the_build_makes_is_packed(course, tmp_path):
    (course / "assignments" / UNIT / "my solution.ipynb").write_text("{}")
    names = bundle(tmp_path / "course.zip")
    assert not [name for name in names if "my solution" in name]


def test_an_empty_licence_or_a_missing_file_is_refused(course, tmp_path):
    (course / "LICENSE").write_text("")
    with pytest.raises(CourseError, match="LICENSE is needed for the archive and is empty"):
        bundle(tmp_path / "course.zip")
    (course / "LICENSE").unlink()
    with pytest.raises(CourseError, match="LICENSE is needed for the archive and is not readable"):
        bundle(tmp_path / "course.zip")
    assert not (tmp_path / "course.zip").exists()
