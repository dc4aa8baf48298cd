"""The units of the course: where their source lies, what they are called, and how their Python is imported."""

from __future__ import annotations

import difflib
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from autograder.errors import CourseError
from convnets.check import Exercise

KINDS = ("course", "assignments", "labs")


def course_root() -> Path:
    """The course's folder: `CONVNETS_COURSE` where that is set, else the checkout that this package lies in."""
    root = Path(os.environ.get("CONVNETS_COURSE") or Path(__file__).resolve().parents[1]).resolve()
    if not (root / "source").is_dir():
        raise CourseError(f"{root} holds no folder source/. Run the autograder from a checkout of the course, or set CONVNETS_COURSE to one.")
    return root


@dataclass(frozen=True)
class Unit:
    """One chapter, assignment or lab. source: its py:percent file. folder: where its checks.npz and other files lie."""

    kind: str
    name: str
    root: Path

    @property
    def graded(self) -> bool:
        return self.kind != "course"

    @property
    def source(self) -> Path:
        folder = self.root / "source" / self.kind
        return folder / self.name / "notebook.py" if self.graded else folder / f"{self.name}.py"

    @property
    def student_notebook(self) -> Path:
        """The notebook as students get it."""
        folder = self.root / self.kind
        return folder / self.name / f"{self.name}.ipynb" if self.graded else folder / f"{self.name}.ipynb"

    @property
    def solution_notebook(self) -> Path:
        """The notebook with solutions and hidden tests; for a chapter the chapter itself."""
        return self.root / "solutions" / self.name / f"{self.name}.ipynb" if self.graded else self.student_notebook


def all_units(root: Path | None = None) -> list[Unit]:
    """Every unit that has a source, chapters first, in the order of their names."""
    root = root or course_root()
    units = []
    for kind in KINDS:
        folder = root / "source" / kind
        names = sorted(p.stem for p in folder.glob("*.py")) if kind == "course" else sorted(p.parent.name for p in folder.glob("*/notebook.py"))
        units += [Unit(kind, name, root) for name in names]
    return units


def find_unit(name: str, root: Path | None = None) -> Unit:
    """The unit of that name. Raises CourseError with the nearest names for an unknown one."""
    units = {unit.name: unit for unit in all_units(root)}
    name = name.rstrip("/").rsplit("/", 1)[-1].removesuffix(".ipynb")
    if name not in units:
        near = difflib.get_close_matches(name, units, 3, 0.4)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"The units are: {', '.join(units)}."
        raise CourseError(f"There is no unit {name!r}. {hint}")
    return units[name]


def import_file(path: Path, module_name: str) -> ModuleType:
    """Import a Python file once under `module_name`. Files beside it can be imported from it as in a package, `from .other import thing`."""
    if module_name in sys.modules:
        return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, path, submodule_search_locations=[str(path.parent)])
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module


def import_unit(name: str) -> ModuleType:
    """A unit's notebook as a module: its reference solutions, by name. Cells tagged `active-ipynb` are comments there."""
    unit = find_unit(name)
    return import_file(unit.source, f"convnets_units.{unit.name}")


def exercises(name: str) -> list[Exercise]:
    """The exercises that a unit's `exercises.py` declares, in order; [] for a chapter."""
    unit = find_unit(name)
    path = unit.source.with_name("exercises.py")
    if not unit.graded or not path.exists():
        return []
    module = import_file(path, f"convnets_units.{unit.name}.exercises")
    return [value for value in vars(module).values() if isinstance(value, Exercise)]
