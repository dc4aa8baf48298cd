"""Bad input to the instructor's command: one clear line, a non-zero exit, nothing half-written."""

import sys
from pathlib import Path

import pytest
from toy import UNIT, make_course

from autograder import cli


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("course")
        patch.setenv("CONVNETS_COURSE", str(folder))
        yield make_course(folder)


@pytest.fixture
def here(course, tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.setenv("CONVNETS_COURSE", str(course))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, monkeypatch, *words):
    """(exit status, what was said on stderr) of one command."""
    monkeypatch.setattr(sys, "argv", ["autograder", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    said = capsys.readouterr().err
    if isinstance(stopped.value.code, str):
        return 1, said + stopped.value.code
    return stopped.value.code, said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["build", "01_tie"], "There is no unit '01_tie'. Did you mean 01_toy?"),
        (["grade", "01_tie"], "There is no unit '01_tie'. Did you mean 01_toy?"),
        (["grade", "nothing-like-it"], "There is no unit 'nothing-like-it'. The units are: 01_toy."),
        (["grade", UNIT], "There is no folder submitted with submissions."),
        (["grade", UNIT, "--submissions", "empty"], "empty holds no submissions."),
        (["grade", UNIT, "--submissions", "a-file"], "The submissions folder a-file is not readable: Not a directory."),
        (["grade", UNIT, "--submissions", "class", "--out", "a-file"], "a-file is a file, not a folder."),
        (["grade", UNIT, "--submissions", "class", "--out", "a-file/out"], "a-file is not a folder. Name another --out."),
        (["grade", UNIT, "--submissions", "class", "--out", "class"], "class is not empty and holds no earlier grading."),
        (["grade", UNIT, "--submissions", "class", "--out", "a[1]"], "the path holds one of [ ] * ?"),
        (["report", UNIT], f"grading/{UNIT} holds no grading. Grade first: autograder grade {UNIT}"),
        (["feedback", UNIT, "--out", "empty"], "empty holds no grading."),
        (["export", UNIT, "--out", "broken"], "broken/results.json is not readable"),
        (["bundle", "--out", "course.zip"], "convnets is missing: students need the library."),
    ],
)
def test_one_clear_line(here, capsys, monkeypatch, words, message):
    (here / "empty").mkdir()
    (here / "broken").mkdir()
    (here / "broken" / "results.json").write_text("{")
    (here / "a-file").touch()
    (here / "class" / "ann").mkdir(parents=True)
    before = sorted(here.rglob("*"))
    status, said = run(capsys, monkeypatch, *words)
    assert status == 1
    assert message in said and said.startswith("autograder: ") and len(said.strip().splitlines()) == 1
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("words", [["grade"], ["grade", UNIT, "--speed", "9"], ["gread", UNIT]])
def test_a_mistyped_command_is_explained(here, capsys, monkeypatch, words):
    status, said = run(capsys, monkeypatch, *words)
    assert status == 2 and "Error" in said
    assert list(here.iterdir()) == []


def test_a_folder_without_a_course_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("CONVNETS_COURSE", str(tmp_path))
    status, said = run(capsys, monkeypatch, "grade", UNIT)
    assert status == 1 and f"{tmp_path} holds no folder source/" in said


def test_a_folder_that_cannot_be_written(here, capsys, monkeypatch):
    (here / "class" / "ann").mkdir(parents=True)

    mkdir = Path.mkdir

    def refuse(self, *args, **kwargs):
        if self.is_relative_to(here):
            raise PermissionError(13, "Permission denied", str(self))
        mkdir(self, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", refuse)
    status, said = run(capsys, monkeypatch, "grade", UNIT, "--submissions", "class")
    assert status == 1 and f"Cannot write grading/{UNIT}: Permission denied." in said


def test_a_unit_that_is_not_built(here, course, capsys, monkeypatch):
    (here / "class" / "ann").mkdir(parents=True)
    built = course / "assignments" / UNIT / f"{UNIT}.ipynb"
    content = built.read_bytes()
    built.unlink()
    try:
        status, said = run(capsys, monkeypatch, "grade", UNIT, "--submissions", "class")
    finally:
        built.write_bytes(content)
    assert status == 1 and f"Run: autograder build {UNIT}" in said
