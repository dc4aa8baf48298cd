"""The hidden check of an exercise: the visible check's properties on fresh cases that the course secret decides."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from autograder.errors import CourseError
from autograder.secret import course_secret
from autograder.units import exercises
from convnets.check import check_function, show_report
from convnets.check.questions import HIDDEN_CASES, ExerciseQuestions, ask, load, save
from convnets.check.report import Report
from convnets.check.text import KINDS

MIME = "application/vnd.convnets.report+json"
PREPARED = "CONVNETS_HIDDEN"
TELLING = {"shape", "dtype", "value", "nan", "accuracy", "no error"}


@lru_cache
def hidden_questions(unit: str, name: str) -> ExerciseQuestions:
    """The hidden questions of one exercise; from the file `CONVNETS_HIDDEN` where that is set, as it is for grading a class."""
    if prepared := os.environ.get(PREPARED):
        return prepared_questions(prepared)[name]
    for exercise in exercises(unit):
        if exercise.name == name:
            return ask(exercise, f"{course_secret()}/{unit}", HIDDEN_CASES)
    raise CourseError(f"{unit} declares no exercise {name!r} in exercises.py.")


@lru_cache
def prepared_questions(path: str) -> dict[str, ExerciseQuestions]:
    return load(path)[1]


def prepare(unit: str, path: Path) -> None:
    """Write a unit's hidden questions to `path`, so that the reference and the mistakes run once for a whole class."""
    save(path, unit, [hidden_questions(unit, exercise.name) for exercise in exercises(unit)])


def hidden_check(unit: str, name: str, function: Callable) -> float:
    """Judge `function` on the hidden cases, show the verdict without inputs or expected values, and return the points."""
    report = check_function(hidden_questions(unit, name), function)
    show_report(report, examples=False, extra={MIME: without_values(report)})
    return report.score


def without_values(report: Report) -> dict:
    """`Report.as_json` whose messages name no expected value or shape: the graded notebook may be given back."""
    found = report.as_json()
    for entry in found["properties"].values():
        if entry["kind"] in TELLING:
            entry["message"] = KINDS[entry["kind"]]
    return found
