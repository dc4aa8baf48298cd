"""A large class of the toy course, and what a grading must have come to, whatever happened on the way."""

import contextlib
import json
import sqlite3
from pathlib import Path

from toy import RIGHT, UNIT, answered, hand_in

SQUARE = RIGHT | {"double": "def double(x):\n    return x * x"}
TOTAL = RIGHT | {"running_sum": "def running_sum(x):\n    return x.sum()"}
GONE = RIGHT | {"double": "import os\ndef double(x):\n    os._exit(3)"}
UNFINISHED = RIGHT | {"double": "def double(x:\n    return 2 * x"}
KINDS = (RIGHT, SQUARE, RIGHT, TOTAL, {}, RIGHT, GONE, UNFINISHED, RIGHT, SQUARE, RIGHT, TOTAL, {}, RIGHT, SQUARE, UNFINISHED)
COMMENTS = "SELECT s.student_id, b.name, {} FROM comment c JOIN base_cell b ON b.id = c.cell_id JOIN submitted_notebook n ON n.id = c.notebook_id JOIN submitted_assignment s ON s.id = n.assignment_id"
GRADES = "SELECT s.student_id, b.name, {} FROM grade c JOIN base_cell b ON b.id = c.cell_id JOIN submitted_notebook n ON n.id = c.notebook_id JOIN submitted_assignment s ON s.id = n.assignment_id"
COSTS = ("seconds", "memory_mb")


def write_class(course: Path, folder: Path, count: int) -> None:
    """`count` submissions of several kinds; every 50th is no notebook, every 60th nothing, and some bring a time."""
    notebooks = [answered(course, **texts) for texts in KINDS]
    for number in range(count):
        home = folder / f"student{number:04d}"
        if number % 60 == 59:
            (home / UNIT).mkdir(parents=True)
        elif number % 50 == 49:
            (home / UNIT).mkdir(parents=True)
            (home / UNIT / f"{UNIT}.ipynb").write_text('{"cells": [')
        else:
            hand_in(notebooks[number % len(KINDS)], home / UNIT / f"{UNIT}.ipynb")
        if number % 7 == 0:
            (home / UNIT / "timestamp.txt").write_text(f"2030-01-02 03:04:{number % 60:02d} UTC")


def outcome(out: Path) -> dict:
    """All that a grading came to, without what may differ between two runs (times, memory, row ids)."""
    with sqlite3.connect(f"file:{out / 'gradebook.db'}?mode=ro", uri=True) as book:
        rows = {
            "students": sorted(book.execute("SELECT id FROM student")),
            "submissions": sorted(book.execute("SELECT student_id, timestamp FROM submitted_assignment"), key=repr),
            "notebooks": sorted(book.execute("SELECT s.student_id, n.late_submission_penalty FROM submitted_notebook n JOIN submitted_assignment s ON s.id = n.assignment_id"), key=repr),
            "grades": sorted(book.execute(GRADES.format("auto_score, manual_score, needs_manual_grade")), key=repr),
            "comments": sorted(book.execute(COMMENTS.format("auto_comment, manual_comment")), key=repr),
        }
    book.close()
    results = json.loads((out / "results.json").read_text())
    for student in results.values():
        for entry in student.values():
            for name in COSTS:
                entry.pop(name, None)
    records = {path.name: strip(json.loads(path.read_text())) for path in (out / "records").glob("*.json")}
    files = {str(path.relative_to(out)): path.read_text() for name in ("autograded", "feedback", "submitted") for path in sorted((out / name).rglob("*")) if path.is_file()}
    return rows | {"results": results, "records": records, "files": files}


def only(found: dict, students) -> dict:
    """The part of an outcome that belongs to these students."""
    kept = {kind: [row for row in rows if row[0] in students] for kind, rows in found.items() if isinstance(rows, list)}
    kept["results"] = {student: entry for student, entry in found["results"].items() if student in students}
    kept["records"] = {name: record for name, record in found["records"].items() if name.removesuffix(".json") in students}
    kept["files"] = {path: text for path, text in found["files"].items() if path.split("/")[1] in students}
    return kept


def strip(record: dict) -> dict:
    for entry in (record, *record["exercises"].values()):
        for name in COSTS:
            entry.pop(name, None)
    return record


def processes() -> dict[int, tuple[int, str]]:
    """{number: (its parent's number, its name)} of every process of this machine that has not ended."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                name, _, facts = (entry / "stat").read_text().partition("(")[2].rpartition(")")
                state, parent = facts.split()[:2]
                if state not in "ZX":
                    found[int(entry.name)] = (int(parent), name)
    return found


def descendants(number: int) -> dict[int, str]:
    """{number: name} of a process's children, their children, and so on."""
    everyone, found, waiting = processes(), {}, [number]
    while waiting:
        parent = waiting.pop()
        born = {child: name for child, (of, name) in everyone.items() if of == parent}
        found |= born
        waiting += born
    return found
