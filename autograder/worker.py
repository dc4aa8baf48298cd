"""One worker of `autograder grade`: stock nbgrader on a course folder of its own, one student after another.

Run as `python -m autograder.worker FOLDER UNIT`; reads a student's name a line and answers each with a line of JSON when that student is done.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import warnings
from pathlib import Path

from autograder.units import course_root

CONFIG = "nbgrader_config.py"


def load_config(folder: Path, unit: str):
    """The repository's nbgrader configuration for a course that lies in `folder`. nbgrader calls alembic by name, so PATH must have it."""
    from traitlets.config import Config
    from traitlets.config.loader import PyFileConfigLoader

    scripts = str(Path(sys.executable).parent)
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([scripts, os.environ.get("PATH", "")])
    places = [course_root() / CONFIG, Path(__file__).resolve().parents[1] / CONFIG]
    config = Config()
    for place in places:
        if place.exists():
            config = PyFileConfigLoader(place.name, path=str(place.parent)).load_config()
            break
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

    kinds = {"release": converters.GenerateAssignment, "autograde": converters.Autograde, "feedback": converters.GenerateFeedback}
    coursedir = CourseDirectory(config=config)
    coursedir.student_id = student
    if step == "feedback":
        coursedir.ignore = ["*"]
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


def main(folder: Path, unit: str) -> None:
    warnings.simplefilter("ignore")
    config = load_config(folder, unit)
    for line in sys.stdin:
        student, problem = json.loads(line), ""
        for step in ("autograde", "feedback"):
            try:
                convert(step, config, student)
            except RuntimeError as error:
                problem = problem or str(error)
        print(json.dumps({"student": student, "problem": problem}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
