"""The class report: marks, what each property's success says, the commonest misconceptions with their hints, how hard each exercise was."""

from __future__ import annotations

import os
import statistics
from dataclasses import dataclass
from pathlib import Path

import jinja2

from autograder.build import read_source
from autograder.results import total
from autograder.units import Unit, exercises

UNGRADED = ("nothing handed in", "not readable", "not gradable")
BINS = 10


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
        found = [(e["name"], e.get(key)) for e in self.scores for key in ("problem", "note")]
        return [] if self.problem else [f"{name}: {text}" for name, text in found if text]


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
    """Each exercise: the share of its points that the class won, how many won all and none, and the success of its properties."""
    listed = []
    for exercise in exercises(unit.name):
        entries = [entry for row in graded for entry in row.scores if entry["name"] == exercise.name]
        won = [entry["points"] / entry["max_points"] for entry in entries if entry["max_points"]]
        properties = [(p.name, p.points, sum(e["properties"][p.name]["points"] > 0 for e in entries)) for p in exercise.properties]
        listed.append(
            {
                "name": exercise.name,
                "title": exercise.title,
                "points": exercise.points,
                "share": statistics.fmean(won) if won else 0.0,
                "full": sum(share >= 1 for share in won),
                "none": sum(share == 0 for share in won),
                "properties": properties,
            }
        )
    return listed


def title_of(unit: Unit) -> str:
    return read_source(unit).cells[0].source.splitlines()[0].lstrip("# ")


def code(text: str) -> str:
    """Escape, and set `quoted` parts in code type."""
    pieces = str(jinja2.utils.markupsafe.escape(text)).split("`")
    return "".join(f"<code>{piece}</code>" if i % 2 else piece for i, piece in enumerate(pieces)) if len(pieces) % 2 else "".join(pieces)


def write_report(unit: Unit, results: dict, path: Path) -> None:
    """Write the report as one HTML page that needs no other file, whole or not at all."""
    everyone = rows(results)
    graded = [row for row in everyone if not row.problem]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"points": lambda value: f"{round(value, 2):g}", "percent": lambda share: f"{share:.0%}", "code": lambda text: jinja2.utils.markupsafe.Markup(code(text))}
    shares = [row.share for row in graded]
    page = environment.get_template("report.html").render(
        unit=unit,
        title=title_of(unit),
        rows=everyone,
        graded=graded,
        bins=histogram(shares),
        mean=statistics.fmean(shares) if shares else 0.0,
        median=statistics.median(shares) if shares else 0.0,
        misconceptions=misconceptions(unit, graded),
        items=items(unit, graded),
    )
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(page, encoding="utf-8")
    os.replace(temporary, path)
