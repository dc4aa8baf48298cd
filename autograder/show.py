"""What the command line shows: a progress bar with time left, and the table of marks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from autograder.report import misconceptions, rows
from autograder.units import Unit


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr where that is a terminal; yields a function of (done, total)."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left:"), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def print_results(unit: Unit, results: dict, out: Path) -> None:
    """Print the marks as a table, and where everything else is."""
    console = Console()
    everyone = rows(results)
    found = misconceptions(unit, [row for row in everyone if not row.problem])
    table = Table(title=unit.name, title_justify="left", title_style="bold")
    for heading in ("student", "points", "share", "exercises right", "remark"):
        table.add_column(heading, justify="right" if heading in ("points", "share", "exercises right") else "left", no_wrap=heading == "student")
    for row in everyone:
        right = sum(entry["points"] >= entry["max_points"] for entry in row.scores)
        mistakes = [m["name"] for m in found if row.student in m["students"]]
        remark = row.problem or first_of([f"“{name}”" for name in mistakes] or row.remarks)
        table.add_row(row.student, f"{row.points:g} / {row.max_points:g}", f"{row.share:.0%}", f"{right} / {len(row.scores)}", remark)
    console.print(table)
    for label, name in (("class report", "report.html"), ("feedback", "feedback"), ("results", "results.json"), ("gradebook", "gradebook.db")):
        print(f"{label}: {out / name}")


def first_of(texts: list[str]) -> str:
    """The first text, and how many more there are."""
    return texts[0] + (f" and {len(texts) - 1} more" if len(texts) > 1 else "") if texts else ""
