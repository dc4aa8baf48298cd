"""What the command line shows: a progress bar with time left, and the table of marks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from autograder.printable import one_line
from autograder.report import misconceptions, rows
from autograder.units import Unit

if TYPE_CHECKING:
    from autograder.grade import Graded

LONGEST = 200


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr where that is a terminal; yields a function of (done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left:"), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def print_results(unit: Unit, results: dict, out: Path) -> None:
    """Print the marks as a table, and where everything else is. What students wrote is plain text: no terminal code, no markup of rich."""
    console = Console()
    everyone = rows(results)
    found = misconceptions(unit, [row for row in everyone if not row.problem])
    table = Table(title=unit.name, title_justify="left", title_style="bold")
    for heading in ("student", "points", "share", "exercises right", "remark"):
        table.add_column(heading, justify="right" if heading in ("points", "share", "exercises right") else "left", no_wrap=heading == "student")
    for row in everyone:
        right = sum(entry["points"] >= entry["max_points"] for entry in row.scores)
        mistakes = [m["name"] for m in found if row.student in m["students"]]
        stopped = [f"{exercise}: {kind}" for kind, exercise in row.breaches]
        remark = row.problem or first_of(stopped or [f"“{name}”" for name in mistakes] or row.remarks)
        cells = (row.student, f"{row.points:g} / {row.max_points:g}", f"{row.share:.0%}", f"{right} / {len(row.scores)}", remark)
        table.add_row(*(Text(one_line(cell, LONGEST)) for cell in cells))
    console.print(table)
    for label, name in (("class report", "report.html"), ("feedback", "feedback"), ("results", "results.json"), ("gradebook", "gradebook.db")):
        print(f"{label}: {out / name}")


def print_graded(unit: Unit, done: Graded, out: Path) -> None:
    """Print the table of marks, whose marks changed, and what could not be done."""
    print_results(unit, done.results, out)
    print(f"{done.graded} graded, {done.unchanged} unchanged since the last time.")
    for student, (old, new) in sorted(done.changes.items()):
        print(f"changed: {one_line(student, LONGEST)}  {old:g} → {new:g}")
    for student, fault in sorted(done.faults.items()):
        print(f"NOT graded, the fault is not the submission's: {one_line(student, LONGEST)}: {one_line(fault, LONGEST)}")
    if done.stopped:
        print("Stopped. What is graded is kept; the same command goes on from here.")


def first_of(texts: list[str]) -> str:
    """The first text, and how many more there are."""
    return texts[0] + (f" and {len(texts) - 1} more" if len(texts) > 1 else "") if texts else ""
