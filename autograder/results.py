"""results.json: points and properties of every student, from the gradebook and the hidden checks' reports."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbformat

from autograder.errors import CourseError
from autograder.hidden import MIME
from autograder.submissions import Submission
from autograder.units import Unit, exercises

RESULTS = "results.json"


def assemble(unit: Unit, folder: Path, submissions: list[Submission]) -> dict:
    """{student: {exercise: {"points", "max_points", "properties": {name: {"points", "max_points", "misconception"}}}}}.

    folder: where gradebook.db and autograded/ lie. An exercise also has "problem" where it could not be graded, and "note" where
    a cell of it was mended. Points come from nbgrader's gradebook, a manual score before the check's own; properties from the check.
    """
    return {s.student: of_student(unit, folder, s) for s in submissions}


def of_student(unit: Unit, folder: Path, submission: Submission) -> dict:
    scores = gradebook_scores(unit, folder / "gradebook.db", submission.student)
    cells = {} if submission.problem else graded_cells(folder / "autograded" / submission.student / unit.name / f"{unit.name}.ipynb")
    result = {}
    for exercise in exercises(unit.name):
        cell = cells.get(f"test_{exercise.name}")
        report = hidden_report(cell) if cell else None
        properties = {
            p.name: {"points": 0.0, "max_points": float(p.points), "misconception": None}
            | {key: report["properties"][p.name][key] for key in ("points", "misconception") if report and p.name in report["properties"]}
            for p in exercise.properties
        }
        entry = {"points": scores.get(f"test_{exercise.name}", 0.0), "max_points": float(exercise.points), "properties": properties}
        if problem := submission.problem or ("" if report else no_report(cell)):
            entry["problem"] = problem
        if notes := [note.split(": ", 1)[1] for note in submission.notes if note.startswith(f"{exercise.name}: ")]:
            entry["note"] = "; ".join(notes)
        result[exercise.name] = entry
    return result


def gradebook_scores(unit: Unit, gradebook: Path, student: str) -> dict[str, float]:
    """{grade_id: points} of one student; empty when the gradebook knows of no submission."""
    from nbgrader.api import Gradebook, MissingEntry

    with Gradebook(f"sqlite:///{gradebook}") as book:
        try:
            notebooks = book.find_submission(unit.name, student).notebooks
        except MissingEntry:
            return {}
        return {score.name: float(score.score or 0) for notebook in notebooks for score in notebook.grades}


def graded_cells(path: Path) -> dict[str, nbformat.NotebookNode]:
    notebook = nbformat.read(path, as_version=4)
    return {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")}


def hidden_report(cell) -> dict | None:
    """The last report in the cell's outputs: the hidden check is the last thing that the cell runs."""
    reports = [output["data"][MIME] for output in cell.outputs if MIME in output.get("data", {})]
    return reports[-1] if reports else None


def no_report(cell) -> str:
    """Why an exercise has no report."""
    if cell is None:
        return "the check cell is missing"
    errors = [output for output in cell.outputs if output.output_type == "error"]
    reason = f"{errors[-1].ename}: {errors[-1].evalue}" if errors else "it gave no result"
    return f"the check did not finish: {reason}"


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
