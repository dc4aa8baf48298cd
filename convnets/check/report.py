"""Judging outcomes: which properties hold, which classic mistake explains the failures, and the score."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from convnets.check.compare import DISAGREES, Difference, agree, compare, held
from convnets.check.questions import ExerciseQuestions, PropertyQuestions, Question
from convnets.check.run import run_case
from convnets.check.values import Outcome


@dataclass
class Failure:
    """Why a property is lost: the smallest call that shows it, what came out, and the mistake's name where one explains it."""

    question: Question
    got: Outcome
    difference: Difference
    misconception: str | None = None


@dataclass
class PropertyResult:
    name: str
    points: float
    max_points: float
    failure: Failure | None = None
    probe: str | None = None


@dataclass
class Report:
    """The verdict on one exercise."""

    exercise: str
    title: str
    properties: list[PropertyResult]
    hints: dict[str, str]

    @property
    def score(self) -> float:
        return float(sum(p.points for p in self.properties))

    @property
    def max_score(self) -> float:
        return float(sum(p.max_points for p in self.properties))

    @property
    def misconceptions(self) -> list[str]:
        """Names of the mistakes that explain a failure, each once, in the order of the properties."""
        return list(dict.fromkeys(p.failure.misconception for p in self.properties if p.failure and p.failure.misconception))

    def as_json(self) -> dict:
        """{"points", "max_points", "properties": {name: {"points", "max_points", "misconception", "hint", "kind", "message"}}}."""
        properties = {}
        for p in self.properties:
            misconception = p.failure.misconception if p.failure else None
            properties[p.name] = {
                "points": p.points,
                "max_points": p.max_points,
                "misconception": misconception,
                "hint": self.hints.get(misconception),
                "kind": p.failure.difference.kind if p.failure else None,
                "message": p.failure.difference.message if p.failure else None,
            }
        return {"points": self.score, "max_points": self.max_score, "properties": properties}


def check_function(questions: ExerciseQuestions, function: Callable) -> Report:
    """Run a function on all questions in this process and judge the outcomes."""
    return judge(questions, run_questions(questions, function))


def run_questions(questions: ExerciseQuestions, function: Callable) -> list[list[Outcome]]:
    """Outcomes for every property and question. After a call that ran out of time the rest of its exercise is not run."""
    outcomes, late = [], None
    for prop in questions.properties:
        row = []
        for question in prop.questions:
            outcome = late or run_case(
                function, question.case, names=questions.returns, probe=prop.probe, seconds=questions.seconds
            )
            late = outcome if outcome.problem == "time" else None
            row.append(outcome)
        outcomes.append(row)
    return outcomes


def judge(questions: ExerciseQuestions, outcomes: Iterable[Iterable[Outcome]]) -> Report:
    """Compare outcomes with what was expected. Looks only at arrays and strings, never at the student's code."""
    outcomes = [[held(got, prop.holds) for got in row] for prop, row in zip(questions.properties, outcomes, strict=True)]
    works = any(got.returned for row in outcomes for got in row)
    results, matches = [], None
    for prop, row in zip(questions.properties, outcomes, strict=True):
        failures = []
        for question, got in zip(prop.questions, row, strict=True):
            difference = compare(got, question.expected, **prop.settings, terms=question.terms)
            if question.expected.raised and not difference and not works:
                difference = Difference("exception", f"Your code stops with {got.raised} on every input, on valid ones too.")
            if difference and prop.holds and difference.kind == "value":
                difference = Difference("claim", DISAGREES)
            if difference:
                failures.append(Failure(question, got, difference))
        if not failures:
            results.append(PropertyResult(prop.name, prop.points, prop.points, probe=prop.probe))
            continue
        matches = matches or mistake_matches(questions, outcomes)
        smallest = min(failures, key=lambda failure: failure.question.case.size())
        smallest.misconception = explain(prop, failures, matches)
        results.append(PropertyResult(prop.name, 0.0, prop.points, smallest, prop.probe))
    return Report(questions.name, questions.title, results, questions.hints)


def same_as(mistake: Outcome, got: Outcome, prop: PropertyQuestions, question: Question) -> bool:
    return agree(got, mistake, **prop.settings, terms=question.terms)


def mistake_matches(questions: ExerciseQuestions, outcomes: list[list[Outcome]]) -> dict[str, float]:
    """For each mistake, on what share of all questions the student's outcomes are what the mistake would give."""
    counts = dict.fromkeys(questions.hints, 0)
    total = 0
    for prop, row in zip(questions.properties, outcomes, strict=True):
        for question, got in zip(prop.questions, row, strict=True):
            total += 1
            for name in counts:
                counts[name] += same_as(question.mistakes.get(name, question.expected), got, prop, question)
    return {name: count / max(total, 1) for name, count in counts.items()}


def explain(prop: PropertyQuestions, failures: list[Failure], matches: dict[str, float]) -> str | None:
    """The mistake that gives exactly the student's wrong results on this property; among several, the one nearest overall."""
    candidates = [
        name
        for name in matches
        if all(name in f.question.mistakes and same_as(f.question.mistakes[name], f.got, prop, f.question) for f in failures)
    ]
    return max(candidates, key=matches.get, default=None)
