"""A large class of the toy course, and what a grading must have come to, whatever happened on the way."""

import json
import os
import sqlite3
from pathlib import Path

from toy import RIGHT, UNIT, answered, hand_in

SQUARE = RIGHT | {"double": "def double(x):\n    return x * x"}
TOTAL = RIGHT | {"running_sum": "def running_sum(x):\n    return x.sum()"}
GONE = RIGHT | {"double": "import os\ndef double(x):\n    os._exit(3)"}
UNFINISHED = RIGHT | {"double": "def double(x:\n    return 2 * x"}
KINDS = (RIGHT, SQUARE, RIGHT, TOTAL, {}, RIGHT, GONE, UNFINISHED)
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
    records = {path.name: strip(json.loads(path.read_text())) for path in (out / "records").iterdir()}
    files = {str(path.relative_to(out)): path.read_text() for name in ("autograded", "feedback", "submitted") for path in sorted((out / name).rglob("*")) if path.is_file()}
    return rows | {"results": results, "records": records, "files": files}


def strip(record: dict) -> dict:
    for entry in (record, *record["exercises"].values()):
        for name in COSTS:
            entry.pop(name, None)
    return record


def processes() -> dict[int, list[str]]:
    """{number: command line} of every process that is not a zombie."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if line := (entry / "cmdline").read_bytes():
                    found[int(entry.name)] = line.decode(errors="replace").split("\0")
            except OSError:
                continue
    return found


def ours(mark: str) -> dict[int, list[str]]:
    """Of these processes the ones whose environment holds `mark`, which a test gave to a grader; sandboxes belong to them by their parents."""
    found = {}
    for number, line in processes().items():
        try:
            if number != os.getpid() and mark.encode() in Path(f"/proc/{number}/environ").read_bytes():
                found[number] = line
        except OSError:
            continue
    return found
