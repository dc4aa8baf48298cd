"""What a student gets back: one page with points, what holds, hints and the instructor's comments, and nothing that is hidden."""

from __future__ import annotations

import builtins
import re
from typing import TYPE_CHECKING

from markupsafe import Markup

from autograder.attempt import WORDS
from autograder.highlight import highlighted
from autograder.pages import fill, title_of
from autograder.printable import printable
from autograder.units import Unit, exercises
from convnets.check import Exercise
from convnets.check.text import KINDS

if TYPE_CHECKING:
    from nbformat import NotebookNode

MIME = "application/vnd.convnets.report+json"
LONGEST_CODE = 20_000
RAISED = re.compile(r"Your code stopped with (\w+)(?:.*because its cell stopped with (\w+))?", re.DOTALL)

BREACHES = {
    "time limit": (
        "Your code was still running when its time was up, and was stopped. Is there a loop that never ends?",
        "Try a small input first. Then look for loops over single numbers that NumPy can do in one step.",
    ),
    "memory limit": (
        "Your code asked for more memory than this exercise allows, and was stopped. Is there a list or an array that keeps growing?",
        "Print the shapes of your arrays: one of them is larger than you think.",
    ),
    "process limit": (
        "Your code started too many processes or threads, and was stopped.",
        "Leave out `multiprocessing`, `threading` and `subprocess`. Every exercise can be solved in one process.",
    ),
    "output limit": (
        "Your code printed more than this exercise allows, and was stopped. Is there a `print` in a loop?",
        "Print a few numbers of one small example instead.",
    ),
    "disk limit": (
        "Your code wrote more to the disk than this exercise allows, and was stopped.",
        "Take out the lines that save files. The checks look only at what your function returns.",
    ),
    "forbidden action": (
        "Your code tried something that graded code may not do, such as starting a program, going online or reaching into other files.",
        "Take that step out. If you think that your code does nothing of the kind, show this page to your instructor.",
    ),
    "crash": (
        "Your code ended Python in the middle of a call, so there is no error message.",
        "Look for `exit()`, `quit()` or `os._exit`, and for a function that calls itself without end. Restart the kernel and run all cells: does it stop there, too?",
    ),
    "malformed reply": (
        "What your code gave back could not be read as a result.",
        "Return plain NumPy arrays or numbers, in the shapes that the text names.",
    ),
}
"""What each breach of a limit means, where the judge has not said it with numbers, and what to do about it."""
STOPPED = {kind: re.compile(re.sub(r"\\{.*?\\}", r"[\\d.e+]+", re.escape(text))) for kind, text in WORDS.items()}


def feedback_preprocessors() -> list:
    """nbgrader's own steps for feedback, with everything hidden taken out."""
    from autograder.stock_feedback import PREPROCESSORS

    return list(PREPROCESSORS)


def feedback_page(
    unit: Unit,
    student: str,
    notebook: NotebookNode | None,
    scores: dict[str, float],
    problem: str = "",
    comments: dict[str, str | None] | None = None,
    entries: dict[str, dict] | None = None,
    penalty: float = 0.0,
) -> str:
    """The feedback page of one student as HTML that needs no other file and runs no script.

    notebook: the graded notebook, None where there is none. scores, comments: points and comments by `grade_id`, as the gradebook has
    them. problem: why nothing could be graded, else "". entries: the student's part of results.json, for breaches, problems and
    notes of single exercises. penalty: points taken off for handing in late.
    """
    cells = {} if notebook is None else {c.metadata.get("nbgrader", {}).get("grade_id"): c for c in notebook.cells}
    shown = []
    for exercise in exercises(unit.name):
        entry = (entries or {}).get(exercise.name, {})
        said = [text for key in (exercise.name, f"test_{exercise.name}") if (text := (comments or {}).get(key))]
        points = float(scores.get(f"test_{exercise.name}", 0.0))
        shown.append(part(exercise, cells, points, {} if problem else entry, said))
    known = {key for e in exercises(unit.name) for key in (e.name, f"test_{e.name}")}
    other = [text for key, text in (comments or {}).items() if text and key not in known]
    return page(title_of(unit), student, problem, shown, unit=unit.name, other=other, penalty=penalty)


def problem_page(title: str, student: str, problem: str) -> str:
    """A feedback page for a submission that could not be graded."""
    return page(title, student, problem, [])


def page(title: str, student: str, problem: str, shown: list[dict], *, unit: str = "", other: tuple | list = (), penalty: float = 0.0) -> str:
    won, worth = sum(e["points"] for e in shown), sum(e["max_points"] for e in shown)
    return fill(
        "feedback.html",
        title=title,
        unit=unit,
        student=student,
        problem=problem,
        exercises=shown,
        other=other,
        penalty=penalty,
        total=max(won - penalty, 0.0),
        worth=worth,
        complete=sum(e["state"] == "complete" for e in shown),
        following=next((e for e in shown if e["state"] != "complete"), None),
    )


def part(exercise: Exercise, cells: dict, points: float, entry: dict, comments: list[str]) -> dict:
    """What the page shows of one exercise. cells: the graded notebook's cells by `grade_id`. entry: the exercise's part of results.json."""
    report, plain = judged(cells.get(f"test_{exercise.name}"))
    found = report.get("properties") or {}
    listed = [{"name": p.name, "max_points": p.points, **found[p.name]} for p in exercise.properties if p.name in found]
    lost = [p for p in listed if p["points"] < p["max_points"]]
    unwritten = bool(lost) and len(lost) == len(listed) and all("NotImplementedError" in (p.get("message") or "") for p in lost)
    breach = entry.get("breach") or report.get("breach") or ""
    source = cells[exercise.name].source if exercise.name in cells else ""
    return {
        "name": exercise.name,
        "title": exercise.title,
        "points": points,
        "max_points": float(exercise.points),
        "checked": float(report["points"]) if "points" in report else None,
        "state": state(points, exercise.points, unwritten, breach),
        "stops": stops_of(lost, breach),
        "problem": entry.get("problem", ""),
        "note": entry.get("note", ""),
        "unwritten": unwritten,
        "properties": [] if unwritten else listed,
        "hints": [] if unwritten else grouped((p["hint"], p["name"]) for p in lost if p.get("hint")),
        "said": [] if unwritten else grouped((words(p, plain), p["name"]) for p in lost if not p.get("hint") and not stop_of(p)),
        "comments": comments,
        "code": code_of(source),
    }


def state(points: float, worth: float, unwritten: bool, breach: str) -> str:
    if points >= worth:
        return "complete"
    if unwritten and not points:
        return "not written yet"
    if breach:
        return f"stopped: {breach}"
    return "in part" if points else "no points yet"


def judged(cell: NotebookNode | None) -> tuple[dict, str]:
    """(the judge's report, the same as plain text) of a grade cell; ({}, "") where it has none. The last one counts."""
    outputs = [o["data"] for o in (cell or {}).get("outputs", []) if isinstance(o.get("data", {}).get(MIME), dict)]
    return (outputs[-1][MIME], outputs[-1].get("text/plain", "")) if outputs else ({}, "")


def stop_of(prop: dict) -> str:
    """The kind of breach that cost the property, "" where it was none."""
    return next((kind for kind, pattern in STOPPED.items() if pattern.fullmatch(prop.get("message") or "")), "")


def stops_of(lost: list[dict], breach: str) -> list[tuple[str, str, str, list[str]]]:
    """(kind, what it means, what to do, names of the properties that it cost) of each breach; in any case of the exercise's own."""
    told = grouped((p["message"], p["name"]) for p in lost if stop_of(p))
    stops = [(kind, said, BREACHES[kind][1], names) for said, names in told for kind in [stop_of({"message": said})]]
    if breach and all(kind != breach for kind, *_ in stops):
        stops.append((breach, *BREACHES.get(breach, ("Your code was stopped while it was graded.", "Show this page to your instructor.")), []))
    return stops


def words(prop: dict, plain: str) -> str:
    """What went wrong with a property, without a value of the hidden case.

    The report's own message names expected values, so only its kind is told, from the report or from the lines of its plain text;
    of an error the type, where it is one of Python's own, and the type of the error that kept the function from being defined.
    """
    said = KINDS.get(prop.get("kind"), "") or next((w for names, w in kinds_in(plain) if f", {prop['name']}, " in f", {names}, "), "")
    if said != KINDS["exception"] or not (raised := RAISED.search(prop.get("message") or "")) or not error(raised[1]):
        return said
    cause = f", because its cell stopped with {raised[2]}" if error(raised[2]) else ""
    return f"your code stopped with {raised[1]}{cause}."


def error(name: str | None) -> bool:
    """Whether it is the name of one of Python's own errors."""
    known = getattr(builtins, name or "", None)
    return isinstance(known, type) and issubclass(known, BaseException)


def kinds_in(plain: str) -> list[tuple[str, str]]:
    """(names of properties, what went wrong) of each line that says so."""
    lines = [line.rpartition(": ") for line in plain.splitlines()]
    return [(names, said) for names, _, said in lines if said in KINDS.values()]


def grouped(pairs) -> list[tuple[str, list[str]]]:
    """(text, names) in the order in which the texts come; pairs without a text are left out."""
    groups: dict[str, list[str]] = {}
    for text, name in pairs:
        if text:
            groups.setdefault(text, []).append(name)
    return list(groups.items())


def code_of(source: str) -> Markup:
    return highlighted(printable(source, LONGEST_CODE)) if source.strip() else Markup("")
