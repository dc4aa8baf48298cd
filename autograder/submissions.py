"""What students handed in: found in a folder, read with patience, and mended so that a damaged part costs only itself."""

from __future__ import annotations

import copy
import json
import re
import stat
import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.build import read_source
from autograder.errors import CourseError
from autograder.names import names_in
from autograder.nbgrader_rules import parse_utc
from autograder.outputs import safe_outputs
from autograder.printable import printable
from autograder.units import Unit, all_units

LARGEST = 50_000_000
MOST_CELLS = 2000
MOST_CODE = 4_000_000
HALF = re.compile("[\ud800-\udfff]")
SKIP = "skip-execution"
PATTERN = re.compile(r"[\[\]*?]")


@dataclass
class Submission:
    """One student's notebook. path: None when nothing was handed in. problem: why it cannot be graded, else "". notes: what was mended."""

    student: str
    path: Path | None = None
    problem: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def timestamp(self) -> str | None:
        """When it was handed in, from the file timestamp.txt that nbgrader puts beside the notebook; None where there is none that can be read."""
        file = self.path and self.path.with_name("timestamp.txt")
        if not file or file.is_symlink() or not file.is_file() or file.stat().st_size > 100:
            return None
        try:
            return parse_utc(file.read_text(encoding="utf-8").strip()).isoformat()
        except (ValueError, OverflowError):
            return None


class Unreadable(Exception):
    """A notebook that cannot be read; the message is the reason in words."""


def find_submissions(folder: Path, unit: Unit) -> list[Submission]:
    """One submission for each student in `folder`, in the order of their names.

    Accepted side by side: STUDENT/UNIT/UNIT.ipynb (nbgrader's own), STUDENT/UNIT.ipynb and STUDENT.ipynb. Raises CourseError
    when the folder is missing, not readable, empty, or one student's.
    """
    layout = f"Expected {folder}/STUDENT/{unit.name}/{unit.name}.ipynb, {folder}/STUDENT/{unit.name}.ipynb or {folder}/STUDENT.ipynb."
    try:
        entries = sorted(p for p in folder.iterdir() if not p.name.startswith((".", "__")))
    except FileNotFoundError:
        raise CourseError(f"There is no folder {folder} with submissions. {layout}") from None
    except OSError as error:
        raise CourseError(f"The submissions folder {folder} is not readable: {error.strerror}.") from error
    found = {}
    for entry in entries:
        if entry.is_symlink():
            found[entry.name.removesuffix(".ipynb")] = Submission(entry.name.removesuffix(".ipynb"), None, "not readable: it is a link to another place")
        elif entry.is_dir():
            found[entry.name] = from_folder(entry, unit)
        elif entry.suffix == ".ipynb" and entry.stem not in found:
            found[entry.stem] = Submission(entry.stem, entry)
    units = {u.name for u in all_units(unit.root)}
    if found and set(found) <= units:
        raise CourseError(f"{folder} is one student's folder: it holds {', '.join(found)}. Name the folder above it, with a folder for each student.")
    if not found:
        raise CourseError(f"{folder} holds no submissions. {layout}")
    for student, submission in found.items():
        if submission.path and (PATTERN.search(student) or student != student.strip()):
            submission.path, submission.problem = None, "not gradable: nbgrader cannot read a name with [ ] * ? or outer spaces; rename the folder or file"
        if HALF.search(student):
            submission.student = printable(student)
            submission.path, submission.problem = None, "not gradable: the name is not text in UTF-8; rename the folder or file"
    return sorted(found.values(), key=lambda submission: submission.student)


def from_folder(folder: Path, unit: Unit) -> Submission:
    name = f"{unit.name}.ipynb"
    for path in (folder / unit.name / name, folder / name):
        if path.parent.is_symlink() or path.is_symlink():
            return Submission(folder.name, None, "not readable: it is a link to another place")
        if path.exists():
            return Submission(folder.name, path)
    others = sorted(p.name for place in (folder, folder / unit.name) for p in place.glob("*.ipynb"))
    found = f" (found {', '.join(others)})" if others else ""
    return Submission(folder.name, None, f"nothing handed in: no {name}{found}")


def read_notebook(path: Path) -> NotebookNode:
    """A notebook as nbformat 4, whatever its version. Raises Unreadable with the reason."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise Unreadable("it is not a plain file (a link, a pipe or a device)")
        if path.stat().st_size > LARGEST:
            raise Unreadable(f"the file is larger than {LARGEST // 1_000_000} MB")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise Unreadable("the file is not text in UTF-8") from error
    if not text.strip():
        raise Unreadable("the file is empty")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise Unreadable(f"the file is cut off or damaged{where}: it is not JSON") from error
    if not isinstance(content, dict) or not isinstance(content.get("nbformat"), int):
        raise Unreadable("the file is JSON but not a notebook")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            notebook = NotebookNode(content)
            if content["nbformat"] != 4:
                notebook = nbformat.convert(nbformat.from_dict(content), 4)
            cells = list(notebook["cells"])
    except Exception as error:
        raise Unreadable(f"the file is not a complete notebook ({type(error).__name__}: {error})") from error
    if len(cells) > MOST_CELLS:
        raise Unreadable(f"it has {len(cells)} cells; grading takes at most {MOST_CELLS}")
    notebook.cells = [cell for cell in map(plain_cell, cells) if cell]
    if (size := sum(len(cell.source) for cell in notebook.cells if cell.cell_type == "code")) > MOST_CODE:
        raise Unreadable(f"its cells hold {size / 1e6:.1f} MB of code; grading takes at most {MOST_CODE / 1e6:g} MB")
    return notebook


def plain_cell(cell) -> NotebookNode | None:
    """A cell with its source, the `grade_id` of its nbgrader mark and its harmless outputs only; None when it is not a cell."""
    if not isinstance(cell, dict):
        return None
    source = cell.get("source", "")
    source = "".join(map(str, source)) if isinstance(source, list) else source
    if not isinstance(source, str):
        return None
    source = HALF.sub("\ufffd", source)
    metadata = cell.get("metadata") if isinstance(cell.get("metadata"), dict) else {}
    mark = metadata.get("nbgrader") if isinstance(metadata.get("nbgrader"), dict) else {}
    name = mark.get("grade_id")
    kept = {"mark": name if isinstance(name, str) else ""}
    kind = "code" if cell.get("cell_type") == "code" else "markdown"
    return new_cell(kind, source, kept, safe_outputs(cell.get("outputs")))


def new_cell(kind: str, source: str, metadata: dict, outputs: list | tuple = ()) -> NotebookNode:
    """A cell, without the validation of each one that nbformat's own functions do. metadata: a flat dict, or one of `NotebookNode`s."""
    cell = NotebookNode(cell_type=kind, source=source, metadata=NotebookNode(metadata))
    if kind == "code":
        cell.update(outputs=list(outputs), execution_count=None)
    return cell


def mend(unit: Unit, submitted: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """The student's notebook with the unit's own cells put right. Returns (notebook for grading, what was mended).

    The student's cells keep their order. Solution cells are known by their `grade_id` (of several the last one counts, the others
    run as ordinary cells), or, where the mark is lost, by the name that they define; a missing one becomes the empty stub.
    Check cells, the set-up cell and the unit's imports come from the unit. Exploration cells that the student left as they were
    are not run, unless a cell of the student's uses a name from them. Raises Unreadable when no solution cell is in it.
    """
    whole, explored = template(unit)
    master = NotebookNode(whole)  # its cells are replaced below, and not changed
    marked = {cell.metadata.nbgrader.grade_id: cell for cell in master.cells if "nbgrader" in cell.metadata}
    names = [name for name, cell in marked.items() if cell.metadata.nbgrader.solution]
    cells, notes = list(submitted.cells), []
    solutions, theirs = {}, {}
    for cell in cells:
        theirs.setdefault(cell.metadata.mark, []).append(cell)
    for name in names:
        if found := theirs.get(name):
            solutions[name] = found[-1]
            if len(found) > 1:
                notes.append(f"{name}: {len(found)} cells carry its mark; the last one was graded")
        elif found := [cell for cell in cells if cell.cell_type == "code" and defines(cell.source, name) and cell.metadata.mark not in marked]:
            solutions[name] = found[-1]
            notes.append(f"{name}: the cell had lost its mark and was found by its name")
    if not solutions:
        raise Unreadable("it has none of the unit's solution cells")
    cells = place_checks(master, names, solutions, cells, notes)
    given = {cell.source.strip() for cell in master.cells if cell.cell_type == "code"} - explored
    cells = prelude(master, cells, explored) + cells
    master.cells = [finish(cell, number, marked) for number, cell in enumerate(cells)]
    skip_untouched(master.cells, explored, given)
    return master, notes


@lru_cache(maxsize=4)
def template(unit: Unit) -> tuple[NotebookNode, frozenset[str]]:
    """(the students' notebook, the sources of its exploration cells), read once."""
    master = nbformat.read(unit.student_notebook, as_version=4)
    explored = {cell.source.strip() for cell in read_source(unit).cells if "active-ipynb" in cell.metadata.get("tags", [])}
    return master, frozenset(explored)


def mended(unit: Unit, submission: Submission) -> tuple[NotebookNode, list[str]] | None:
    """`mend` of what was handed in; None where nothing can be graded, which `submission.problem` then tells."""
    if submission.path is None:
        return None
    try:
        return mend(unit, read_notebook(submission.path))
    except Unreadable as error:
        submission.problem = f"not readable: {error}"
        return None


def notes_on(name: str, notes: list[str]) -> list[str]:
    """What was mended in one exercise."""
    return [note.removeprefix(f"{name}: ") for note in notes if note.startswith(f"{name}: ")]


def defines(source: str, name: str) -> bool:
    return re.search(rf"^(def|class)\s+{re.escape(name)}\b", source, re.MULTILINE) is not None


def place_checks(master, names, solutions, cells, notes) -> list:
    """Every solution followed by its check, the student's other cells where they were, missing exercises at the end."""
    own = {cell.metadata.nbgrader.grade_id: cell for cell in master.cells if "nbgrader" in cell.metadata}
    checks = {f"test_{name}" for name in names}
    where = {id(cell): number for number, cell in enumerate(cells)}
    theirs = {cell.metadata.mark: where[id(cell)] for cell in cells if cell.metadata.mark in checks}
    after: dict[int, list] = {}
    for name in names:
        check = [fresh(own[f"test_{name}"], f"test_{name}")] if f"test_{name}" in own else []
        if name not in solutions:
            notes.append(f"{name}: the cell is missing")
            after.setdefault(len(cells) - 1, []).extend([fresh(own[name], name), *check])
            continue
        cell = solutions[name]
        if cell.cell_type != own[name].cell_type:
            notes.append(f"{name}: the cell was no longer a {own[name].cell_type} cell; it was graded as one")
        if check and f"test_{name}" not in theirs:
            notes.append(f"{name}: the check cell is missing; it was put back")
        cell.metadata["role"] = name
        position = where[id(cell)]
        after.setdefault(max(position, theirs.get(f"test_{name}", position)), []).extend(check)
    result = []
    for number, cell in enumerate(cells):
        if cell.metadata.mark not in checks:
            result.append(cell)
        result += after.get(number, [])
    return result


def fresh(cell, role: str):
    """A copy of the unit's own cell that `finish` will recognise."""
    return new_cell(cell.cell_type, cell.source, {"mark": role, "role": role})


def prelude(master, cells: list, explored: set[str]) -> list:
    """The set-up cell, and the unit's own cells before its first exercise (imports) that the student changed or lost."""
    sources = {cell.source.strip() for cell in cells}
    result = []
    for cell in master.cells:
        if "nbgrader" in cell.metadata:
            break
        if cell.cell_type == "code" and cell.source.strip() not in sources | explored:
            result.append(fresh(cell, ""))
    return result


def finish(cell, number: int, marked: dict):
    """The cell as nbgrader wants it: the unit's own mark on solutions and checks, none on anything else."""
    own = marked.get(cell.metadata.get("role"))
    metadata = copy.deepcopy(own.metadata) if own else {}
    done = new_cell((own or cell).cell_type, cell.source, metadata, cell.get("outputs", ()))
    done["id"] = own.id if own else f"submitted-{number:04d}"
    return done


def skip_untouched(cells: list, explored: set[str], given: set[str]) -> None:
    """Tag exploration cells that are as the unit wrote them, and that nothing of the student's needs, so that nbclient leaves them out.

    explored: sources of the unit's exploration cells. given: sources of its other code cells: set-up, imports, stubs and checks.
    """
    code = [(cell, cell.source.strip(), *names_in(cell.source)) for cell in cells if cell.cell_type == "code"]
    skipped = [entry for entry in code if entry[1] in explored]
    needed = {name for _, source, used, _ in code if source not in explored | given for name in used}
    needed -= {name for _, source, _, bound in code if source in given for name in bound}
    while wanted := [entry for entry in skipped if entry[3] & needed]:
        skipped = [entry for entry in skipped if entry not in wanted]
        needed |= {name for _, _, used, _ in wanted for name in used}
    for cell, *_ in skipped:
        cell.metadata["tags"] = [*cell.metadata.get("tags", []), SKIP]
