"""What grading found out about one student's submission, as plain data that crosses every border as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field


@dataclass
class Verdict:
    """One graded submission.

    key: a hash of all that decides the marks; equal keys mean that nothing need be graded again. problem: why nothing could be graded,
    else "". exercises: the entries of results.json. notebook: the graded notebook as JSON text, "" where there is a problem.
    timestamp: when it was handed in, ISO 8601 in UTC, or None. comments: nbgrader's automatic comments by `grade_id`.
    seconds: CPU time of the student's processes. memory_mb: their largest memory at once.
    """

    student: str
    key: str
    problem: str = ""
    exercises: dict[str, dict] = field(default_factory=dict)
    notebook: str = ""
    timestamp: str | None = None
    comments: dict[str, str | None] = field(default_factory=dict)
    seconds: float = 0.0
    memory_mb: float = 0.0

    @property
    def points(self) -> float:
        return sum(entry["points"] for entry in self.exercises.values())

    def to_json(self) -> str:
        return json.dumps(vars(self), ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Verdict:
        return Verdict(**json.loads(text))
