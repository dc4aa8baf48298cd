"""An exercise's questions: the calls with their expected outcomes, as data that needs no reference solution.

Questions are made once from an `Exercise` (by `ask`) and travel as an npz file beside the notebook: inputs, expected
outputs, and what each classic mistake would give. Arrays are stored as they are, everything else as JSON in the same file.
"""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convnets.check.compare import agree, held
from convnets.check.exercise import Exercise
from convnets.check.packing import Packer, unpack
from convnets.check.run import run_case
from convnets.check.values import Case, Outcome, arrays_in, to_leaves

FORMAT = 2
VISIBLE = "visible"
VISIBLE_CASES = 2
HIDDEN_CASES = 3
MARGIN = 0.01


@dataclass
class Question:
    """One call with its expected outcome, and the outcomes of the mistakes that this call can tell from the right one."""

    case: Case
    expected: Outcome
    mistakes: dict[str, Outcome]
    terms: int


@dataclass
class PropertyQuestions:
    name: str
    points: float
    settings: dict
    probe: str | None
    questions: list[Question]
    holds: str | None = None


@dataclass
class ExerciseQuestions:
    """Everything a check needs to judge one exercise, as data."""

    name: str
    title: str
    returns: tuple[str, ...]
    seconds: float
    hints: dict[str, str]
    properties: list[PropertyQuestions]

    @property
    def points(self) -> float:
        return sum(p.points for p in self.properties)


def ask(exercise: Exercise, secret: str = VISIBLE, count: int = VISIBLE_CASES) -> ExerciseQuestions:
    """Make an exercise's questions from its reference and mistakes, `count` for each property.

    Where the hidden calls have a generator of their own, the accuracy that they ask for is lower by `MARGIN`: what passes the visible
    check must not fail by the luck of the draw. An accuracy depends on the student's own net, so no mistake is looked for in it.
    """
    properties = []
    for prop in exercise.properties:
        questions, settings = [], prop.settings()
        if secret != VISIBLE and prop.hidden and prop.accuracy:
            settings["accuracy"] = prop.accuracy - MARGIN
        for call in exercise.cases(prop, secret, count, hidden=secret != VISIBLE):
            options = {"names": exercise.returns, "probe": prop.probe, "seconds": None}
            if isinstance(call, tuple):
                call, value = call
                expected = Outcome(leaves=to_leaves(value, exercise.returns)[0])
            else:
                expected = held(run_case(exercise.reference, call, **options), prop.holds)
            if expected.problem or (expected.raised and expected.raised not in ("ValueError", "TypeError", "IndexError", "KeyError")):
                raise ValueError(f"{exercise.name}: the reference fails on {prop.name!r}: {expected.raised or ''} {expected.message}")
            expected.lines, expected.modified = (), ()
            terms = max((array.size for array in arrays_in((call.args, call.kwargs))), default=1)
            mistakes = {}
            for mistake in exercise.mistakes if prop.accuracy is None else ():
                outcome = held(run_case(mistake.function, call, **options), prop.holds)
                outcome.lines = ()
                if not agree(outcome, expected, **settings, terms=terms):
                    mistakes[mistake.name] = outcome
            questions.append(Question(call, expected, mistakes, terms))
        properties.append(PropertyQuestions(prop.name, prop.points, settings, prop.probe, questions, prop.holds))
    hints = {mistake.name: mistake.hint for mistake in exercise.mistakes}
    return ExerciseQuestions(exercise.name, exercise.title, exercise.returns, exercise.seconds, hints, properties)


def dumps(unit: str, exercises: list[ExerciseQuestions]) -> bytes:
    """The npz file's bytes: the same questions always give the same bytes."""
    packer = Packer()
    listed = []
    for exercise in exercises:
        properties = [
            {
                "name": p.name,
                "points": p.points,
                "settings": packer.pack(p.settings),
                "probe": p.probe,
                "questions": [[packer.pack(q.case), packer.pack(q.expected), packer.pack(q.mistakes), q.terms] for q in p.questions],
            }
            | ({"holds": p.holds} if p.holds else {})
            for p in exercise.properties
        ]
        facts = {"name": exercise.name, "title": exercise.title, "returns": list(exercise.returns), "seconds": exercise.seconds}
        listed.append(facts | {"hints": exercise.hints, "properties": properties})
    manifest = json.dumps({"format": FORMAT, "unit": unit, "exercises": listed}, ensure_ascii=False)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, manifest=np.frombuffer(manifest.encode(), np.uint8), **packer.arrays())
    return buffer.getvalue()


def save(path: Path, unit: str, exercises: list[ExerciseQuestions]) -> None:
    """Write the questions to `path`, whole or not at all."""
    temporary = path.with_suffix(".part")
    temporary.write_bytes(dumps(unit, exercises))
    os.replace(temporary, path)


def load(path: str | Path) -> tuple[str, dict[str, ExerciseQuestions]]:
    """Read (unit, exercises by name) from an npz file. Raises FileNotFoundError or ValueError in words."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(
            f"{path.name} is not in {path.resolve().parent}. The checks are data that lie beside the notebook: "
            "open the notebook from its own folder, or take the unit's folder from the course archive again."
        )
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        manifest = json.loads(arrays.pop("manifest").tobytes())
        exercises = [_exercise(entry, arrays) for entry in manifest["exercises"]]
    except Exception as error:
        raise ValueError(f"{path} is not readable as a file of checks ({error}). Take it from the course archive again.") from error
    return manifest["unit"], {exercise.name: exercise for exercise in exercises}


def _exercise(entry: dict, arrays: dict) -> ExerciseQuestions:
    properties = [
        PropertyQuestions(
            p["name"],
            p["points"],
            unpack(p["settings"], arrays),
            p["probe"],
            [Question(*(unpack(v, arrays) for v in q[:3]), q[3]) for q in p["questions"]],
            p.get("holds"),
        )
        for p in entry["properties"]
    ]
    return ExerciseQuestions(
        entry["name"], entry["title"], tuple(entry["returns"]), entry["seconds"], entry["hints"], properties
    )
