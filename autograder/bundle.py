"""`autograder bundle`: the archive that students get, without anything that is not theirs."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from autograder.build import build_unit, same_content
from autograder.errors import CourseError
from autograder.leaks import leaks_in, solution_regions
from autograder.units import Unit, all_units, course_root

TOP = "convnets-course"
DAY = (2020, 1, 1, 0, 0, 0)
README = Path(__file__).with_name("student_readme.md")

MAKEFILE = """\
# Needs only Python >= 3.11 and make. Set-up makes .venv once; delete that folder to start afresh.
PYTHON ?= python3
export JUPYTER_PLATFORM_DIRS = 1

.PHONY: lab

lab: .venv/.complete
\t.venv/bin/convnets lab

.venv/.complete: requirements.txt pyproject.toml tools/setup.sh
\tPYTHON=$(PYTHON) sh tools/setup.sh
\ttouch $@
"""


def bundle(out: Path) -> list[str]:
    """Write the students' archive to `out`, whole or not at all. Returns the names of the files in it.

    Raises CourseError, and writes nothing, when a built file is stale or a file would give away a solution, a hidden test or the
    autograder; the message names file and line.
    """
    root = course_root()
    units = all_units(root)
    files = built_files(units) | library_files(root) | support_files(root)
    solutions = [region for unit in units if unit.graded for region in solution_regions(unit)]
    found = [leak for name, content in sorted(files.items()) for leak in leaks_in(Path(name), content, solutions)]
    if found:
        raise CourseError("Not bundled, the archive would give something away:\n  " + "\n  ".join(map(str, found)))
    write_zip(out, files)
    return sorted(f"{TOP}/{name}" for name in files)


def built_files(units: list[Unit]) -> dict[str, bytes]:
    """{name: content} of what students get of each unit: exactly what a build writes, and only if it is what lies there."""
    files, old = {}, []
    with tempfile.TemporaryDirectory() as aside:
        for unit in units:
            for path in build_unit(unit, Path(aside)):
                target = unit.root / path
                if not target.exists() or not same_content(target, Path(aside) / path):
                    old.append(path)
                elif path.parts[0] != "solutions":
                    files[path.as_posix()] = target.read_bytes()
    if old:
        raise CourseError("Not bundled, these files are stale; run `autograder build`:\n  " + "\n  ".join(map(str, old)))
    return files


def library_files(root: Path) -> dict[str, bytes]:
    """The package that notebooks import."""
    folder = root / "convnets"
    if not folder.is_dir():
        raise CourseError(f"{folder} is missing: students need the library. Run the command in a complete checkout.")
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(root).parts) and path.suffix not in (".pyc", ".part")
    }


def support_files(root: Path) -> dict[str, bytes]:
    """What a student needs to install and start the course."""
    texts = {name: read(root / name) for name in ("LICENSE", "requirements.txt", "pyproject.toml", "environment.yml", "tools/setup.sh")}
    project = tomllib.loads(texts["pyproject.toml"])
    made = {
        "README.md": README.read_text(encoding="utf-8"),
        "LICENSE": texts["LICENSE"],
        "Makefile": MAKEFILE,
        "environment.yml": texts["environment.yml"],
        "pyproject.toml": students_project(project),
        "requirements.txt": students_requirements(texts["requirements.txt"], project["project"]["dependencies"]),
        "tools/setup.sh": texts["tools/setup.sh"],
    }
    return {name: text.encode() for name, text in made.items()}


def read(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CourseError(f"{path} is needed for the archive and is not readable: {error.strerror}.") from error
    if not text.strip():
        raise CourseError(f"{path} is needed for the archive and is empty.")
    return text


def students_project(project: dict) -> str:
    """pyproject.toml of the archive: the library and its command only."""
    facts = project["project"]
    kept = ("name", "version", "description", "readme", "requires-python", "license", "license-files", "dependencies")
    tables = {
        "build-system": project["build-system"],
        "project": {key: facts[key] for key in kept},
        "project.scripts": {"convnets": facts["scripts"]["convnets"]},
        "tool.setuptools.packages.find": {"include": ["convnets*"]},
        "tool.setuptools.package-data": {"convnets": project["tool"]["setuptools"]["package-data"]["convnets"]},
    }
    return "\n".join(f"[{name}]\n" + "".join(f"{key} = {toml_value(value)}\n" for key, value in table.items()) for name, table in tables.items())


def toml_value(value: str | list[str]) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return "[\n" + "".join(f"    {toml_value(item)},\n" for item in value) + "]"


def students_requirements(text: str, dependencies: Iterable[str]) -> str:
    """The lines of requirements.txt that the course's own dependencies need, directly or not, on any platform."""
    wanted = needed(dependencies)
    lines = ["# The versions that the course was tested with."]
    for line in text.splitlines():
        match = re.match(r"[A-Za-z0-9._-]+", line)
        if match and canonicalize_name(match.group()) in wanted:
            lines.append(line)
    return "\n".join(lines) + "\n"


def needed(dependencies: Iterable[str]) -> set[str]:
    """Names of these requirements and of everything that they require, as the installed packages declare it."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in dependencies]
    done = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        found.add(name)
        key = (name, frozenset(requirement.extras))
        if key in done:
            continue
        done.add(key)
        try:
            declared = importlib.metadata.requires(requirement.name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for text in declared:
            further = Requirement(text)
            extras = re.findall(r"extra == ['\"]([^'\"]+)['\"]", str(further.marker or ""))
            if not extras or requirement.extras & set(extras):
                waiting.append(further)
    return found


def write_zip(out: Path, files: dict[str, bytes]) -> None:
    """A zip whose bytes depend on names and contents only."""
    temporary = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, content in sorted(files.items()):
                entry = zipfile.ZipInfo(f"{TOP}/{name}", DAY)
                entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
                entry.external_attr = (0o100755 if name.endswith(".sh") else 0o100644) << 16
                archive.writestr(entry, content, compresslevel=9)
        os.replace(temporary, out)
    except OSError as error:
        raise CourseError(f"Cannot write {out}: {error.strerror}. Name another file with --out.") from error
    finally:
        temporary.unlink(missing_ok=True)
