"""`autograder demo`: build, a sample class, grading and feedback, on the first units that are graded."""

from __future__ import annotations

import multiprocessing
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from autograder.build import build
from autograder.errors import CourseError
from autograder.grade import grade
from autograder.pool import Local, cores
from autograder.sample_class import write_sample_class
from autograder.sandbox import bubblewrap
from autograder.units import Unit


def shown_units(units: list[Unit]) -> list[Unit]:
    """The first two assignments and the first lab."""
    return [u for u in units if u.kind == "assignments"][:2] + [u for u in units if u.kind == "labs"][:1]


def demo(units: list[Unit], out: Path, tell: Callable[[str], None], show: Callable[[Unit, dict, Path], None], progress) -> None:
    """Grade a sample class in `out`/UNIT and show each unit's marks.

    tell: called with one line at each step. show: called with (unit, results, folder). progress: makes a progress bar from a title. The units
    run side by side. Hostile students are in the class of the last assignment, and nowhere without a sandbox.
    """
    started = time.monotonic()
    graded = shown_units(units)
    tell(f"Building {len(graded)} units, then grading {len(graded)} classes …")
    unsafe = bubblewrap() is None
    if unsafe:
        tell("There is no sandbox on this machine, so the hostile students stay out and nbgrader grades the others, slowly. `convnets doctor` says what is missing.")
    attacked = None if unsafe else next((unit for unit in reversed(graded) if unit.kind == "assignments"), None)
    tasks = [(unit, out, unit == attacked, unsafe) for unit in graded]
    with progress("grading") as update:
        results = run(tasks, lambda done: update(done, len(tasks)))
    shutil.rmtree(out / "submitted", ignore_errors=True)
    for unit in graded:
        show(unit, results[unit.name], out / unit.name)
    tell(f"The whole loop took {time.monotonic() - started:.0f} seconds.")


def run(tasks: list[tuple], one_done: Callable[[int], None]) -> dict[str, dict]:
    """{unit: results}: each task in a process with one worker, the longest first; a single task in this process, with all workers."""
    one_done(0)
    if len(tasks) == 1:
        return {tasks[0][0].name: one_class(*tasks[0])}
    found = {}
    with ProcessPoolExecutor(len(cores()), multiprocessing.get_context("spawn")) as pool:
        begun = {pool.submit(one_class, *task, 1): task[0].name for task in reversed(tasks)}
        for future in as_completed(begun):
            found[begun[future]] = future.result()
            one_done(len(found))
    return found


def one_class(unit: Unit, out: Path, hostile: bool, unsafe: bool, workers: int | None = None) -> dict:
    """Build a unit, write its sample class and grade it. Returns the results."""
    build([unit])
    submitted = out / "submitted" / unit.name
    try:
        shutil.rmtree(submitted, ignore_errors=True)
        write_sample_class(unit, submitted, hostile)
    except OSError as error:
        raise CourseError(f"Cannot write the sample class in {submitted}: {error.strerror}. Name another folder with --out.") from error
    return grade(unit, submitted, out / unit.name, pool=Local(workers), unsafe=unsafe, check_built=False).results
