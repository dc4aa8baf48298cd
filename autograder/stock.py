"""Grading without a sandbox (`--unsafe`): stock nbgrader executes the mended notebook with the instructor's rights.

For machines that have no sandbox and submissions that are trusted; slower by far. The verdict has the same form as the judge's.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from traitlets.config import Config

from autograder.formgrader import course_settings
from autograder.hidden import MIME, PREPARED
from autograder.submissions import Submission, mended, notes_on
from autograder.verdict import Verdict

if TYPE_CHECKING:
    from autograder.judge import Job

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def grade_with_nbgrader(job: Job, submission: Submission, key: str) -> Verdict:
    """The verdict that stock nbgrader comes to on one submission."""
    from autograder.judge import comments_of, handed_in, nothing, questions_in

    if (found := mended(job.unit, submission)) is None:
        return nothing(job, submission, key)
    notebook, notes = found
    warnings.filterwarnings("ignore", module=r"nbgrader\.")
    os.environ |= dict.fromkeys(THREADS, "1") | {"CONVNETS_COURSE": str(job.unit.root), PREPARED: job.questions, "PYTHONWARNINGS": "ignore"}
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # kernels warn on the terminal
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        shutil.copytree(job.unit.solution_notebook.parent, folder / "solutions" / job.unit.name)
        handed = folder / "submitted" / "student" / job.unit.name
        handed.mkdir(parents=True)
        nbformat.write(notebook, handed / f"{job.unit.name}.ipynb")
        for name, content in handed_in(submission).items():
            (handed / name).write_bytes(content)
        config = settings(folder, job.unit.name)
        try:
            convert("release", config)
            convert("autograde", config, "student")
        except RuntimeError as error:
            submission.problem = f"not gradable: {error}"
            return nothing(job, submission, key)
        graded = nbformat.read(folder / "autograded" / "student" / job.unit.name / f"{job.unit.name}.ipynb", as_version=4)
    cells = {cell.metadata.nbgrader.grade_id: cell for cell in graded.cells if cell.metadata.get("nbgrader", {}).get("grade")}
    exercises = {name: entry_of(name, asked, cells.get(f"test_{name}"), notes) for name, asked in questions_in(job.questions).items()}
    return Verdict(
        submission.student,
        key,
        exercises=exercises,
        notebook=json.dumps(graded, ensure_ascii=False),
        timestamp=submission.timestamp,
        comments=comments_of(job.unit, graded),
        seconds=round(time.monotonic() - began, 3),
    )


def entry_of(name: str, asked, cell, notes: list[str]) -> dict:
    """An exercise's entry in results.json, from the outputs of its executed check cell."""
    outputs = cell.outputs if cell is not None else []
    reports = [output["data"][MIME] for output in outputs if MIME in output.get("data", {})]
    found = reports[-1]["properties"] if reports else {}
    properties = {
        p.name: {"points": 0.0, "max_points": float(p.points), "misconception": None}
        | {key: found[p.name][key] for key in ("points", "misconception") if p.name in found}
        for p in asked.properties
    }
    entry = {"points": points_of(outputs), "max_points": float(asked.points), "properties": properties}
    if not reports:
        errors = [output for output in outputs if output.output_type == "error"]
        entry["problem"] = f"the check did not finish: {f'{errors[-1].ename}: {errors[-1].evalue}' if errors else 'it gave no result'}"
    if own := notes_on(name, notes):
        entry["note"] = "; ".join(own)
    return entry


def points_of(outputs: list) -> float:
    """The points that nbgrader reads from a check cell: its last result, a built-in float."""
    results = [output["data"].get("text/plain", "") for output in outputs if output.output_type == "execute_result"]
    try:
        return float(results[-1])
    except (IndexError, ValueError):
        return 0.0


def settings(folder: Path, unit: str) -> Config:
    """The course's nbgrader settings for a course that lies in `folder`. nbgrader calls alembic by name, so PATH must have it."""
    scripts = str(Path(sys.executable).parent)
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", "")])
    config = course_settings()
    config.CourseDirectory.root = str(folder)
    config.CourseDirectory.assignment_id = unit
    config.CourseDirectory.source_directory = "solutions"
    config.CourseDirectory.release_directory = "release"
    return config


def quiet_log() -> logging.Logger:
    """A log that goes nowhere: what matters is said by results and exceptions."""
    log = logging.getLogger("autograder.nbgrader")
    log.handlers, log.propagate = [logging.NullHandler()], False
    return log


def convert(step: str, config, student: str = "*") -> None:
    """Run one of nbgrader's converters for a student. Raises RuntimeError with the reason when it fails."""
    from nbgrader import converters
    from nbgrader.coursedir import CourseDirectory

    kinds = {"release": converters.GenerateAssignment, "autograde": converters.Autograde}
    coursedir = CourseDirectory(config=config)
    coursedir.student_id = student
    converter = kinds[step](coursedir=coursedir, config=config)
    converter.force = True
    converter.log = quiet_log()
    seen = Remember()
    converter.log.handlers = [seen]
    try:
        converter.start()
    except (Exception, SystemExit) as error:
        raise RuntimeError(seen.reason or f"{type(error).__name__}: {error}") from error


class Remember(logging.Handler):
    """Keeps the last line of the last traceback that nbgrader logs: it says why a conversion failed."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.reason = ""

    def emit(self, record):
        message = record.getMessage().strip()
        if message.startswith("Traceback"):
            self.reason = re.sub(r"^(\w+\.)+(?=\w+:)", "", message.splitlines()[-1])
