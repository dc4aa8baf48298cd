"""The class report: marks, what each property's success says, misconceptions with their hints, how good each exercise was, who is stuck, time and memory."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path

from autograder.pages import fill, title_of, write_page
from autograder.results import total
from autograder.units import Unit, exercises

UNGRADED = ("nothing handed in", "not readable", "not gradable")
BINS = 10
SLOWEST = 5
FEWEST = 3
"""With fewer students a correlation says nothing at all."""


@dataclass
class Row:
    """One student in the table of marks. problem: why nothing was graded, else ""."""

    student: str
    points: float
    max_points: float
    scores: list[dict]
    problem: str

    @property
    def share(self) -> float:
        return self.points / self.max_points if self.max_points else 0.0

    @property
    def remarks(self) -> list[str]:
        """What the instructor should know about single exercises."""
        found = [(e["name"], remark(e)) for e in self.scores]
        return [] if self.problem else [f"{name}: {text}" for name, text in found if text]

    @property
    def breaches(self) -> list[tuple[str, str]]:
        """(kind, exercise) of every limit that was broken."""
        return [(e["breach"], e["name"]) for e in self.scores if e.get("breach")]


def remark(entry: dict) -> str:
    """What went wrong with one exercise, and what was mended; a limit that was broken is told elsewhere."""
    problem = "" if entry.get("breach") else entry.get("problem")
    return "; ".join(text for text in (problem, entry.get("note")) if text)


def problem_of(student: dict) -> str:
    """Why the whole submission could not be graded, or ""."""
    problems = {entry.get("problem", "") for entry in student.values()}
    only = problems.pop() if len(problems) == 1 else ""
    return only if only.startswith(UNGRADED) else ""


def rows(results: dict) -> list[Row]:
    """One row for each student, in the order of their names."""
    return [
        Row(name, *total(student), [{"name": key, **entry} for key, entry in student.items()], problem_of(student))
        for name, student in sorted(results.items())
    ]


def histogram(shares: list[float]) -> list[int]:
    """How many students reached 0–10 %, 10–20 %, …, 90–100 % of the points; 100 % is in the last bin."""
    counts = [0] * BINS
    for share in shares:
        counts[min(int(share * BINS), BINS - 1)] += 1
    return counts


def misconceptions(unit: Unit, graded: list[Row]) -> list[dict]:
    """The classic mistakes found, the commonest first: {"exercise", "name", "hint", "students"}."""
    hints = {(e.name, m.name): m.hint for e in exercises(unit.name) for m in e.mistakes}
    found: dict[tuple[str, str], list[str]] = {}
    for row in graded:
        for entry in row.scores:
            for name in dict.fromkeys(p["misconception"] for p in entry["properties"].values() if p["misconception"]):
                found.setdefault((entry["name"], name), []).append(row.student)
    listed = [{"exercise": e, "name": n, "hint": hints.get((e, n), ""), "students": s} for (e, n), s in found.items()]
    return sorted(listed, key=lambda m: (-len(m["students"]), m["exercise"], m["name"]))


def items(unit: Unit, graded: list[Row]) -> list[dict]:
    """Each exercise: its difficulty (the share of its points that the class won), how many won all and none, its discrimination,
    the time and memory that it took, and the success of its properties."""
    found = {e.name: [entry for row in graded for entry in row.scores if entry["name"] == e.name] for e in exercises(unit.name)}
    totals = [row.points for row in graded]
    listed = []
    for exercise in exercises(unit.name):
        entries = found[exercise.name]
        won = [entry["points"] / entry["max_points"] for entry in entries if entry["max_points"]]
        properties = [(p.name, p.points, sum(e["properties"].get(p.name, {}).get("points", 0) > 0 for e in entries)) for p in exercise.properties]
        listed.append(
            {
                "name": exercise.name,
                "title": exercise.title,
                "points": exercise.points,
                "share": statistics.fmean(won) if won else 0.0,
                "full": sum(share >= 1 for share in won),
                "none": sum(share == 0 for share in won),
                "discrimination": discrimination([entry["points"] for entry in entries], totals),
                "seconds": spread([entry["seconds"] for entry in entries if entry.get("seconds") is not None]),
                "memory_mb": spread([entry["memory_mb"] for entry in entries if entry.get("memory_mb") is not None]),
                "properties": properties,
            }
        )
    return listed


def discrimination(points: list[float], totals: list[float]) -> float | None:
    """Corrected item–total correlation: Pearson's r between the points in one exercise and the points in all others together.

    None where it cannot be computed: with fewer than three students, or where one of the two is the same for everybody.
    """
    if len(points) != len(totals) or len(points) < FEWEST:
        return None
    rest = [round(whole - own, 6) for whole, own in zip(totals, points, strict=True)]
    try:
        return statistics.correlation(points, rest)
    except statistics.StatisticsError:
        return None


def discrimination_words(value: float | None) -> str:
    """What a discrimination means, by the bounds of Ebel and Frisbie, Essentials of Educational Measurement (1991)."""
    if value is None:
        return "cannot be computed"
    bounds = ((0.4, "tells very well"), (0.3, "tells well"), (0.2, "tells a little"), (0.0, "hardly tells"))
    return next((said for bound, said in bounds if value >= bound), "points the wrong way")


def spread(values: list[float]) -> tuple[float, float] | None:
    """(median, maximum), None where nothing was measured."""
    return (statistics.median(values), max(values)) if values else None


def slowest(graded: list[Row]) -> list[dict]:
    """The students whose code took the most CPU time: {"student", "seconds", "exercise", "worst"}, the exercise that took most of it."""
    listed = []
    for row in graded:
        times = {e["name"]: e["seconds"] for e in row.scores if e.get("seconds") is not None}
        if times:
            worst = max(times, key=times.get)
            listed.append({"student": row.student, "seconds": sum(times.values()), "exercise": worst, "worst": times[worst]})
    return sorted(listed, key=lambda s: (-s["seconds"], s["student"]))[:SLOWEST]


def breaches(graded: list[Row]) -> list[dict]:
    """Limits that were broken, the commonest first: {"kind", "count", "who": [(student, [exercises])]}."""
    found: dict[str, dict[str, list[str]]] = {}
    for row in graded:
        for kind, exercise in row.breaches:
            found.setdefault(kind, {}).setdefault(row.student, []).append(exercise)
    listed = [{"kind": kind, "count": sum(map(len, who.values())), "who": list(who.items())} for kind, who in found.items()]
    return sorted(listed, key=lambda b: (-b["count"], b["kind"]))


def stuck(graded: list[Row]) -> list[dict]:
    """Students who are stuck, those with most exercises first: {"student", "exercises", "of"}.

    The rule: an exercise is one that most others solved when more than half of the other graded students won at least half of its
    points. A student is stuck who handed in and won nothing in at least a third of these exercises. of: how many these are.
    """
    solved = {name: sum(halfway(e) for e in column) for name, column in columns(graded).items()}
    listed = []
    for row in graded:
        usual = [e for e in row.scores if 2 * (solved[e["name"]] - halfway(e)) > len(graded) - 1]
        none = [e["name"] for e in usual if e["max_points"] and e["points"] <= 0]
        if none and 3 * len(none) >= len(usual):
            listed.append({"student": row.student, "exercises": none, "of": len(usual)})
    return sorted(listed, key=lambda s: (-len(s["exercises"]), s["student"]))


def halfway(entry: dict) -> bool:
    return entry["max_points"] > 0 and entry["points"] >= entry["max_points"] / 2


def columns(graded: list[Row]) -> dict[str, list[dict]]:
    """{exercise: its entries}, over all students."""
    found: dict[str, list[dict]] = {}
    for row in graded:
        for entry in row.scores:
            found.setdefault(entry["name"], []).append(entry)
    return found


def report_page(unit: Unit, results: dict) -> str:
    """The report as HTML that needs no other file and runs no script."""
    everyone = rows(results)
    graded = [row for row in everyone if not row.problem]
    shares = [row.share for row in graded]
    return fill(
        "report.html",
        unit=unit,
        title=title_of(unit),
        rows=everyone,
        attention=[(row.student, row.problem) for row in everyone if row.problem] + [(row.student, text) for row in everyone for text in row.remarks],
        graded=graded,
        bins=histogram(shares),
        mean=statistics.fmean(shares) if shares else 0.0,
        median=statistics.median(shares) if shares else 0.0,
        misconceptions=misconceptions(unit, graded),
        items=items(unit, graded),
        discrimination_words=discrimination_words,
        breaches=breaches(graded),
        stuck=stuck(graded),
        slowest=slowest(graded),
    )


def write_report(unit: Unit, results: dict, path: Path) -> None:
    """Write the report, whole or not at all."""
    write_page(report_page(unit, results), path)
