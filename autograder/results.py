"""results.json: points and properties of every student, from the verdicts and the gradebook."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from autograder.errors import CourseError
from autograder.verdict import Verdict

RESULTS = "results.json"


def results_of(verdicts: Iterable[Verdict], scores: dict[str, dict[str, float]]) -> dict:
    """{student: {exercise: {"points", "max_points", "properties": {name: {"points", "max_points", "misconception"}}}}}.

    Points come from the gradebook (scores: {student: {grade_id: points}}), where a manual score goes before the check's own; properties from
    the verdict. An exercise also has "problem" where it could not be graded, "note" where a cell of it was mended, "breach" where a limit was
    broken, and "seconds" that its questions took.
    """
    results = {}
    for verdict in sorted(verdicts, key=lambda verdict: verdict.student):
        known = scores.get(verdict.student, {})
        results[verdict.student] = {
            name: entry | {"points": known.get(f"test_{name}", entry["points"])} for name, entry in verdict.exercises.items()
        }
    return results


def write_results(path: Path, results: dict) -> None:
    """Write results.json, whole or not at all."""
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def read_results(folder: Path) -> dict:
    """The results of an earlier grading. Raises CourseError where there is none."""
    path = folder / RESULTS
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(f"{folder} holds no {RESULTS}. Grade first: autograder grade UNIT") from None
    except (OSError, ValueError) as error:
        raise CourseError(f"{path} is not readable: {error}. Grade again.") from error


def total(student: dict) -> tuple[float, float]:
    """(points, max_points) of one student."""
    return sum(e["points"] for e in student.values()), sum(e["max_points"] for e in student.values())
