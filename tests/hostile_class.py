"""Reads the hostile corpus, tests/hostile/cases, and writes it as a class of submissions.

A case is one student. NAME.py holds cells: a header of `# key: value` lines says what is expected, `# %% own` begins a cell of the student's,
`# %% target` the answer to the attacked exercise, `# %% after` a cell behind its check. NAME.json describes changes to the notebook itself.
Keys: unit (01_walls), target (points of the attacked exercise, 0), others (points of the exercises before and after it, 1 1), breach and says
(patterns for the breach and for the messages), problem (pattern, where nothing can be graded), include (a file to put before the answer).
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

FOLDER = Path(__file__).parent / "hostile"
WALLS, TORCH, CLAIMS, PATIENT = "01_walls", "02_torch_walls", "03_claim_walls", "04_patient_walls"
ATTACKED = (WALLS, TORCH, CLAIMS, PATIENT)
RIGHT = {
    WALLS: {"before": "def before(x):\n    return x + 1", "target": "def target(x):\n    return 3 * x - x[::-1]", "after": "def after(x):\n    return x * x"},
    TORCH: {
        "before": "def before(x):\n    return torch.from_numpy(x) + 1",
        "target": "def target(x):\n    return 3 * torch.from_numpy(x) - torch.from_numpy(x).flip(0)",
        "after": "def after(x):\n    return torch.from_numpy(x) ** 2",
    },
    CLAIMS: {
        "before": "def before(x):\n    return x + 1",
        "target": "def target():\n    return [4, 2.2, 0.9, 1], [83, 81, 84, 83, 86], [80, 82, 81, 79, 84]",
        "after": "def after(x):\n    return x * x",
    },
}
RIGHT[PATIENT] = RIGHT[WALLS]
EMPTY = "def target(x):\n    raise NotImplementedError"


@dataclass
class Expected:
    """A case: who it is, and what grading must say."""

    name: str
    about: str
    unit: str = WALLS
    target: float = 0.0
    others: tuple[float, float] = (1.0, 1.0)
    breach: str = ""
    says: str = ""
    problem: str = ""
    include: str = ""
    generate: str = ""
    cells: list[tuple[str, str]] = field(default_factory=list)
    edits: list[dict] = field(default_factory=list)
    files: dict = field(default_factory=dict)
    many_files: int = 0


def read_case(path: Path) -> Expected:
    if path.suffix == ".json":
        facts = json.loads(path.read_text())
        return Expected(path.stem, **facts | {"others": tuple(facts.get("others", (1.0, 1.0)))})
    text = path.read_text()
    about, *keys = re.findall(r"^# (?!%%)(.+)$", text, re.MULTILINE)
    facts = dict(key.split(": ", 1) for key in keys if re.match(r"[a-z]+: ", key))
    if "others" in facts:
        facts["others"] = tuple(float(points) for points in facts["others"].split())
    parts = re.split(r"^# %% (\w+)\n", text, flags=re.MULTILINE)[1:]
    cells = [(place, re.sub(r"^# (breach|says): .*\n", "", source, flags=re.MULTILINE)) for place, source in zip(parts[::2], parts[1::2], strict=True)]
    return Expected(path.stem, about, **facts | {"target": float(facts.get("target", 0)), "cells": cells})


def all_cases() -> list[Expected]:
    return [read_case(path) for path in sorted((FOLDER / "cases").iterdir())]


def write_course(course: Path) -> None:
    """Copy the attacked course, with a unit more: 01_walls with time for those who search a disk, however slow."""
    shutil.copytree(FOLDER / "course", course)
    walls = course / "source" / "assignments" / WALLS
    patient = walls.with_name(PATIENT)
    shutil.copytree(walls, patient)
    text = (patient / "exercises.py").read_text()
    (patient / "exercises.py").write_text(text.replace(WALLS, PATIENT).replace("seconds=1.0", "seconds=30.0"))


def fill(text: str, places: dict[str, str]) -> str:
    """The text with @NAME@ replaced by the place of that name."""
    return re.sub(r"@([A-Z]+)@", lambda found: places[found[1]], text)


def blank(course: Path, unit: str, answers: dict[str, str]) -> nbformat.NotebookNode:
    kind = "labs" if unit == TORCH else "assignments"
    notebook = nbformat.read(course / kind / unit / f"{unit}.ipynb", as_version=4)
    for cell in notebook.cells:
        if (name := mark(cell)) in answers:
            cell.source = answers[name]
    return notebook


def mark(cell) -> str:
    found = cell.get("metadata", {})
    found = found.get("nbgrader", {}) if isinstance(found, dict) else {}
    found = found.get("grade_id", "") if isinstance(found, dict) else ""
    return found if isinstance(found, str) else ""


def code(source: str) -> dict:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}


def write_case(case: Expected, course: Path, submitted: Path, places: dict[str, str]) -> None:
    """Write a case as a student would hand it in: SUBMITTED/NAME/UNIT/UNIT.ipynb."""
    folder = submitted / case.name / case.unit
    path = folder / f"{case.unit}.ipynb"
    answers = {name: text for name, text in RIGHT[case.unit].items() if name != "target"}
    content = json.loads(nbformat.writes(blank(course, case.unit, answers | {"target": EMPTY})))
    cells = content["cells"]
    for place, source in case.cells:
        source = fill(source, places)
        at = next(number for number, cell in enumerate(cells) if mark(cell) == "target")
        if place == "target":
            before = (FOLDER / f"{case.include}.py").read_text() + "\n\n" if case.include else ""
            magics = "!touch somewhere\n" * 700 if case.generate == "magics" else ""
            cells[at]["source"] = magics + before + source
        else:
            cells.insert(at + 2 if place == "after" else at, code(source))
    folder.mkdir(parents=True)
    write_file = True
    for edit in case.edits:
        write_file = change(content, edit, path, places) and write_file
    if write_file:
        path.write_text(json.dumps(content))
    for name, what in case.files.items():
        beside(folder / name, what, places)
    for number in range(case.many_files):
        (folder / f"file{number:04d}").touch()


def beside(path: Path, what: str | dict, places: dict[str, str]) -> None:
    if isinstance(what, str):
        path.write_text(fill(what, places))
    elif "link" in what:
        path.symlink_to(fill(what["link"], places))
    elif "pipe" in what:
        os.mkfifo(path)
    else:
        path.touch()
        os.truncate(path, what["sparse"])


def change(content: dict, edit: dict, path: Path, places: dict[str, str]) -> bool:
    """Change the notebook, or write another file in its place; whether the notebook is still to be written."""
    cells, what = content["cells"], edit["do"]
    cell = next((c for c in cells if mark(c) == edit.get("cell")), None)
    text = str(edit.get("text", "")) * edit.get("times", 1)
    if what == "delete":
        cells.remove(cell)
    elif what == "source":
        (cells[edit["number"]] if "number" in edit else cell)["source"] = text
    elif what == "copy":
        cells.append(json.loads(json.dumps(cell)) | {"source": text, "id": f"copy{len(cells)}"})
    elif what == "type":
        cell["cell_type"] = edit["to"]
    elif what == "mark":
        cell["metadata"]["nbgrader"].update(edit["set"])
    elif what == "metadata":
        cell["metadata"] = edit["to"]
    elif what == "outputs":
        cell["outputs"] = edit["to"]
    elif what == "append":
        cells.append(edit["to"])
    elif what == "top":
        content.update(edit["set"])
    elif what == "many cells":
        cells[2:2] = [code(text or "pass")] * edit["count"]
    elif what == "fill code":
        cells.append(code("x = 1\n" * (edit["megabytes"] * 1_000_000 // 6)))
    elif what == "fill outputs":
        line = "0123456789" * 100_000
        cells[-1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": line}] * edit["megabytes"]
    else:
        write_other(what, edit, content, text, path, places)
        return False
    return True


def write_other(what: str, edit: dict, content: dict, text: str, path: Path, places: dict[str, str]) -> None:
    """Write something in the notebook's place that is no notebook."""
    if what == "text":
        path.write_text(text)
    elif what == "bytes":
        path.write_bytes(base64.b64decode(edit["base64"]))
    elif what == "cut":
        whole = json.dumps(content)
        path.write_text(whole[: int(len(whole) * edit["share"])])
    elif what == "nest":
        content["cells"][-1]["outputs"] = [{"output_type": "display_data", "data": "here"}]
        path.write_text(json.dumps(content).replace('"here"', '{"a":' * edit["depth"] + "1" + "}" * edit["depth"]))
    elif what == "keys twice":
        path.write_text(json.dumps(content)[:-1] + ', "nbformat": "4", "cells": 5}')
    elif what == "sparse":
        path.touch()
        os.truncate(path, edit["bytes"])
    elif what == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in edit["names"]:
                archive.writestr(name, "0" * 1_000_000)
        path.write_bytes(buffer.getvalue())
    elif what == "link":
        path.symlink_to(fill(edit["to"], places))
    elif what == "link folder":
        path.parent.rmdir()
        path.parent.parent.rmdir()
        path.parent.parent.symlink_to(fill(edit["to"], places))
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    else:
        raise ValueError(what)
