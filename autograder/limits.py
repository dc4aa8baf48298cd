"""What a submission may use while it is graded. Every limit can be set for a unit or for one exercise."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace

from autograder.errors import CourseError


@dataclass(frozen=True)
class Limits:
    """Limits of one submission; an exercise may have its own.

    seconds: one call of a check, None for the exercise's own time. cell_seconds: one cell of the student's. total_seconds: the whole
    submission, wall clock. memory_mb: memory beyond what Python and its libraries hold. processes: at once. output_mb: what is
    printed in all, from one start of the notebook's cells on. disk_mb, files: what is written to the private temporary folder. reply_mb: one call's result.
    """

    seconds: float | None = None
    cell_seconds: float = 30.0
    total_seconds: float = 300.0
    memory_mb: int = 1024
    processes: int = 12
    output_mb: float = 16.0
    disk_mb: int = 128
    files: int = 4096
    reply_mb: float = 64.0

    def for_exercise(self, changes: dict | None) -> Limits:
        return replace(self, **changes) if changes else self

    def as_json(self) -> dict:
        return asdict(self)


def checked(changes: dict, where: str) -> dict:
    """The changes as they are. Raises CourseError for an unknown name or a value that is no positive number."""
    names = {field.name for field in fields(Limits)}
    for name, value in changes.items():
        if name not in names:
            raise CourseError(f"{where}: there is no limit {name!r}; the limits are: {', '.join(sorted(names))}.")
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not value > 0:
            raise CourseError(f"{where}: the limit {name} must be a positive number, not {value!r}.")
    return changes
