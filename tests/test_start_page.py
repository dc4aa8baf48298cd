"""The start page and the students' command line."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from convnets.check.progress import record
from convnets.errors import UserError
from convnets.lab import lab_command
from convnets.start_page import course_folder, next_unit, start_page, unit_cards, write_start_page

ROOT = Path(__file__).resolve().parents[1]


def write_unit(folder, kind, name, title, **facts):
    path = folder / kind / (f"{name}.ipynb" if kind == "course" else f"{name}/{name}.ipynb")
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"convnets": {"unit": name, "kind": kind, "minutes": 30, "summary": f"all about {title}", **facts}}
    nbformat.write(new_notebook(cells=[new_markdown_cell(f"# {title}\n\nText.")], metadata=metadata), path)


@pytest.fixture
def course(tmp_path):
    write_unit(tmp_path, "course", "01_images", "Images")
    write_unit(tmp_path, "assignments", "01_sizes", "Sizes", points=10, needs=["01_images"])
    write_unit(tmp_path, "assignments", "02_layers", "Layers", points=20, needs=["01_sizes"])
    write_unit(tmp_path, "labs", "01_lenet", "LeNet", points=5, needs=["01_sizes"])
    return tmp_path


def plain(page):
    return page.replace("\N{NO-BREAK SPACE}", " ")


def test_it_lists_the_units_with_time_points_and_links(course):
    page = plain(start_page(course))
    assert "[01 · Images](course/01_images.ipynb) | all about Images | 30 min |" in page
    assert "[02 · Layers](assignments/02_layers/02_layers.ipynb) | all about Layers | 30 min | ▱▱▱▱▱▱▱▱ 0 of 20 |" in page
    assert page.count("\n# ") + page.startswith("# ") == 1


def test_the_next_unit_follows_the_learners_own_checks(course):
    assert next_unit(unit_cards(course)).name == "01_sizes"
    assert "**Next: assignment [01 · Sizes](assignments/01_sizes/01_sizes.ipynb)**" in start_page(course)
    assert "It builds on [01 · Images](course/01_images.ipynb)" in start_page(course)
    record("01_sizes", "output_size", 10.0, 10.0)
    record("02_layers", "linear", 5.0, 5.0)
    page = plain(start_page(course))
    assert "**Next: assignment [02 · Layers]" in page
    assert "▰▰▰▰▰▰▰▰ 10 of 10 ✓ done" in page
    assert "▰▰▱▱▱▱▱▱ 5 of 20" in page
    record("02_layers", "conv", 15.0, 15.0)
    record("01_lenet", "train", 5.0, 5.0)
    assert "You have finished every graded unit" in start_page(course)


def test_a_learners_own_notebook_is_left_out(course):
    nbformat.write(new_notebook(cells=[new_code_cell("1 + 1")]), course / "course" / "scratch.ipynb")
    (course / "course" / "broken.ipynb").write_text("{", encoding="utf-8")
    assert len(unit_cards(course)) == 4


def test_it_is_written_whole_and_found_from_below(course):
    assert course_folder(course / "assignments" / "01_sizes") == course
    path = write_start_page(course)
    assert path.read_text(encoding="utf-8") == start_page(course)
    assert sorted(p.name for p in course.iterdir()) == ["assignments", "course", "labs", "start.md"]


def test_outside_the_course_it_says_where_to_go(tmp_path):
    with pytest.raises(UserError, match=r"holds course/ and assignments/"):
        course_folder(tmp_path)


def test_jupyterlab_starts_without_news_and_instructor_panels():
    command = lab_command(Path("/anywhere"), ["--no-browser"])
    assert "--LabApp.default_url=/lab/tree/start.md" in command and command[-1] == "--no-browser"
    settings = ROOT / "convnets/jupyter/settings"
    notification = json.loads((settings / "overrides.json").read_text())["@jupyterlab/apputils-extension:notification"]
    assert notification == {"fetchNews": "false", "checkForUpdates": False}
    assert "@jupyter/nbgrader" in json.loads((settings / "page_config.json").read_text())["disabledExtensions"]


def convnets(*args, cwd=ROOT):
    return subprocess.run([sys.executable, "-m", "convnets", *map(str, args)], capture_output=True, text=True, cwd=cwd)


def test_the_real_course_has_a_start_page():
    page = start_page(ROOT)
    for path in [*ROOT.glob("course/*.ipynb"), *ROOT.glob("assignments/*/*.ipynb"), *ROOT.glob("labs/*/*.ipynb")]:
        assert path.relative_to(ROOT).as_posix() in page


def test_doctor_says_what_the_machine_offers():
    result = convnets("doctor")
    assert result.returncode == 0 and "torch" in result.stdout and "accelerator" in result.stdout


def test_checking_a_stub_from_the_command_line():
    result = convnets("check", "assignments/01_convolution_arithmetic/01_convolution_arithmetic.ipynb")
    assert result.returncode == 1
    assert "Not written yet" in result.stdout and "0 of" in result.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "There is no notebook"), (b"", "not a readable notebook"), (b"{}", "not a readable notebook"), (b"\xff\xfe", "not a readable notebook")],
)
def test_a_notebook_that_cannot_be_read_costs_one_line(tmp_path, content, words):
    path = tmp_path / "x.ipynb"
    if content is not None:
        path.write_bytes(content)
    result = convnets("check", path)
    assert result.returncode == 1
    assert words in result.stderr and len(result.stderr.strip().splitlines()) == 1


def test_lab_outside_the_course_costs_one_line(tmp_path):
    result = convnets("lab", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("convnets: ") and len(result.stderr.strip().splitlines()) == 1
