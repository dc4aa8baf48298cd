"""Checks that teach: `check("conv2d_forward", conv2d_forward)` says which properties hold and which mistake was made.

`check` reads the questions from `checks.npz` beside the notebook. How exercises are declared stands in `exercise.py`; how
an outcome is judged in `report.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from convnets.check.exercise import Exercise
from convnets.check.html import as_html
from convnets.check.progress import record
from convnets.check.questions import ExerciseQuestions, load
from convnets.check.report import Report, check_function
from convnets.check.text import as_text, first_to_show
from convnets.check.values import case

__all__ = ["Exercise", "case", "check", "check_function", "show_report"]

FILE = "checks.npz"
_loaded: dict[tuple[Path, float], tuple[str, dict[str, ExerciseQuestions]]] = {}


def questions_here() -> tuple[str, dict[str, ExerciseQuestions]]:
    """(unit, exercises) of the notebook's folder, read again when the file changes."""
    path = Path(FILE).resolve()
    key = (path, path.stat().st_mtime if path.exists() else 0.0)
    if key not in _loaded:
        _loaded[key] = load(path)
    return _loaded[key]


def check(name: str, function: Callable) -> float:
    """Check the exercise `name` on its visible cases, show what holds and what does not, and return the score.

    name: the exercise, as in its heading. function: what you wrote, the function or class itself (not a call of it).
    Returns the points as a built-in `float`; `check.failing` is then the smallest failing call, or None. Raises ValueError for an unknown exercise.
    """
    unit, exercises = questions_here()
    if name not in exercises:
        raise ValueError(f"There is no exercise {name!r} in {unit}; its exercises are: {', '.join(exercises)}.")
    report = check_function(exercises[name], function)
    lost = first_to_show(report)
    check.failing = lost.failure.question.case if lost else None
    show_report(report)
    if "NBGRADER_EXECUTION" not in os.environ:
        record(unit, name, report.score, report.max_score)
        refresh_start_page()
    return report.score


check.failing = None


def show_report(report: Report, *, examples: bool = True, extra: dict | None = None) -> None:
    """Show a report: rich in a notebook, text elsewhere. extra: more MIME types for the notebook's output."""
    text = as_text(report, examples=examples)
    if not in_notebook():
        print(text)
        return
    from IPython.display import display

    bundle = {"text/plain": text, "text/html": as_html(report, examples=examples)}
    display(bundle | (extra or {}), raw=True)


def refresh_start_page() -> None:
    """Bring the start page up to date where there is one."""
    from convnets.errors import UserError
    from convnets.start_page import FILE, course_folder, write_start_page

    try:
        folder = course_folder()
        if (folder / FILE).exists():
            write_start_page(folder)
    except UserError:
        return


def in_notebook() -> bool:
    """Whether outputs go to a Jupyter kernel's client."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return getattr(get_ipython(), "kernel", None) is not None
