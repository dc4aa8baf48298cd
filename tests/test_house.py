"""The house is in order: files that must be there, environments in step, nothing that gives away where it was made."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]


def tracked():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return [ROOT / name for name in listed if name]


@pytest.mark.parametrize(
    "name",
    ["README.md", "LICENSE", "CONTRIBUTING.md", "environment.yml", "pyproject.toml", "requirements.txt", "Makefile", ".ci/run", "nbgrader_config.py"],
)
def test_the_top_level_is_complete(name):
    assert (ROOT / name).stat().st_size > 0


def test_the_readme_begins_with_a_picture_and_two_commands_and_all_its_pictures_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", text)
    assert pictures and all((ROOT / path).is_file() for _, path in pictures)
    first_screen = text[:1200]
    assert "![" in first_screen and "make lab" in first_screen and "make demo" in first_screen


def pinned():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_requirements_are_pinned_and_name_no_registry():
    assert all([s.operator for s in r.specifier] == ["=="] and r.url is None for r in pinned())
    assert "://" not in (ROOT / "requirements.txt").read_text()


def test_requirements_hold_what_pyproject_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(r for extra in project["optional-dependencies"].values() for r in extra)]
    for requirement in map(Requirement, asked):
        versions = [next(iter(p.specifier)).version for p in pinned() if p.name == requirement.name]
        assert versions, requirement.name
        assert all(requirement.specifier.contains(v) for v in versions), requirement.name


def test_conda_takes_the_same_versions():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python = next(d for d in environment["dependencies"] if isinstance(d, str) and d.startswith("python="))
    pip = next(d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    assert pip == ["-r requirements.txt", "-e ."]
    minimum = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    assert tuple(map(int, python.removeprefix("python=").split("."))) >= tuple(map(int, minimum.split(".")))


def test_no_notebook_holds_outputs():
    import nbformat

    for path in tracked():
        if path.suffix == ".ipynb":
            cells = nbformat.read(path, as_version=4).cells
            assert not any(cell.get("outputs") for cell in cells), path


def test_no_file_is_large():
    sizes = {path.relative_to(ROOT).as_posix(): path.stat().st_size for path in tracked()}
    shipped = {"convnets/data/files/fashion_mnist_small.npz", "convnets/data/files/emoji32.npz"}
    assert not {name for name, size in sizes.items() if size > 1_500_000} - shipped


def test_promises_are_kept():
    """No unfinished corner is marked in code or text."""
    words = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME"]) + r")\b")
    found = [p.relative_to(ROOT).as_posix() for p in tracked() if p.suffix in {".py", ".md", ".js", ".yml"} and words.search(p.read_text(encoding="utf-8"))]
    assert not found
