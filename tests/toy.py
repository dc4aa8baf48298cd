"""A toy course for the tests of grading and bundling: one unit with two exercises, built in a folder of the test's own."""

import shutil
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
UNIT = "01_toy"


def make_course(folder: Path, *, complete: bool = False) -> Path:
    """Build the toy course in `folder`; `CONVNETS_COURSE` must name it. complete: with what a bundle needs besides."""
    from autograder.build import build
    from autograder.units import all_units

    shutil.copytree(ROOT / "tests" / "toy_course", folder, dirs_exist_ok=True)
    if complete:
        for name in ("LICENSE", "requirements.txt", "pyproject.toml", "environment.yml"):
            shutil.copy(ROOT / name, folder / name)
        shutil.copytree(ROOT / "tools", folder / "tools")
        shutil.copytree(ROOT / "convnets", folder / "convnets", ignore=shutil.ignore_patterns("__pycache__", "*.npz"))
    build(all_units(folder))
    return folder


def answered(course: Path, **answers: str) -> nbformat.NotebookNode:
    """The students' notebook with these texts in the solution cells."""
    notebook = nbformat.read(course / "assignments" / UNIT / f"{UNIT}.ipynb", as_version=4)
    for cell in notebook.cells:
        if (name := cell.metadata.get("nbgrader", {}).get("grade_id")) in answers:
            cell.source = answers[name]
    return notebook


def cell_of(notebook, grade_id: str):
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def hand_in(notebook, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


RIGHT = {"double": "def double(x):\n    return 2 * x", "running_sum": "def running_sum(x):\n    return np.cumsum(x)"}
