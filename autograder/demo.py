"""`autograder demo`: build, a sample class, grading and feedback, on every unit that is graded."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from autograder.build import build
from autograder.errors import CourseError
from autograder.grade import grade
from autograder.sample_class import write_sample_class
from autograder.sandbox import bubblewrap
from autograder.units import Unit


def demo(units: list[Unit], out: Path, tell: Callable[[str], None], show: Callable[[Unit, dict, Path], None], progress) -> None:
    """Grade a sample class in `out`/UNIT and show each unit's marks.

    tell: called with one line at each step. show: called with (unit, results, folder). progress: makes a progress bar from a title.
    """
    started = time.monotonic()
    tell(f"Building {len(units)} units …")
    changed = build(units)
    tell(f"{len(changed)} files changed.")
    unsafe = bubblewrap() is None
    if unsafe:
        tell("There is no sandbox on this machine, so the hostile students stay out and nbgrader grades the others, slowly. `convnets doctor` says what is missing.")
    for unit in units:
        if not unit.graded:
            continue
        submitted = out / "submitted"
        try:
            shutil.rmtree(submitted, ignore_errors=True)
            write_sample_class(unit, submitted, hostile=not unsafe)
        except OSError as error:
            raise CourseError(f"Cannot write the sample class in {submitted}: {error.strerror}. Name another folder with --out.") from error
        with progress(f"grading {unit.name}") as update:
            results = grade(unit, submitted, out / unit.name, update, check_built=False, unsafe=unsafe).results
        show(unit, results, out / unit.name)
        shutil.rmtree(submitted, ignore_errors=True)
    tell(f"The whole loop took {time.monotonic() - started:.0f} seconds.")
