"""What nbgrader's formgrader and feedback need beside a gradebook to treat the folder of a grading as a course of nbgrader's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sqlalchemy.engine import make_url
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder.errors import CourseError
from autograder.gradebook import GRADEBOOK
from autograder.units import Unit, course_root
from autograder.verdict import Verdict

CONFIG = "nbgrader_config.py"
SETTINGS = '''"""nbgrader's settings for this grading, written by `autograder grade`: those of the course, and where this gradebook is."""

from autograder.formgrader import course_settings

c = get_config()  # noqa: F821
c.merge(course_settings())
'''
FILTERS = {"clean_html": "autograder.sanitize.safe_html", "strip_files_prefix": "autograder.sanitize.safe_html"}


def harmless_pages(c: Config) -> None:
    """Set nbconvert, as nbgrader uses it, so that nothing in a submission runs in the browser of whoever looks at it."""
    c.HTMLExporter.sanitize_html = True
    c.HTMLExporter.exclude_anchor_links = True
    c.HTMLExporter.filters = FILTERS
    c.HTMLExporter.preprocessors = ["autograder.sanitize.EscapeNames"]


def course_settings() -> Config:
    """The course's nbgrader_config.py, or the one beside this package where the course has none. Raises CourseError when it is broken."""
    for folder in (course_root(), Path(__file__).resolve().parents[1]):
        if (folder / CONFIG).is_file():
            try:
                return PyFileConfigLoader(CONFIG, path=str(folder)).load_config()
            except Exception as error:
                raise CourseError(f"{folder / CONFIG} is broken: {type(error).__name__}: {error}. Mend it; the course's own is in its repository.") from error
    return Config()


def furnish(out: Path, unit: Unit, url: str) -> None:
    """Make `out` a course of nbgrader's: its settings and the unit's source. Then `cd OUT` and `jupyter lab` or `nbgrader …` do the rest.

    A gradebook that nbgrader would not find by itself is named in the settings, without its password: libpq reads that from ~/.pgpass or PGPASSWORD.
    """
    text = SETTINGS
    if make_url(url) != make_url(f"sqlite:///{out.absolute() / GRADEBOOK}"):
        text += f"c.CourseDirectory.db_url = {make_url(url)._replace(password=None).render_as_string()!r}\n"
    write_whole(out / CONFIG, text)
    target = out / "solutions" / unit.name
    target.mkdir(parents=True, exist_ok=True)
    for file in unit.solution_notebook.parent.iterdir():
        if file.is_file():
            shutil.copyfile(file, target / f"{file.name}.part")
            os.replace(target / f"{file.name}.part", target / file.name)


def note_submission(out: Path, unit: str, verdict: Verdict) -> None:
    """Say in `submitted/` when a graded notebook was handed in: nbgrader's pages count and compare those folders.

    The notebook itself stays out, so that formgrader's button “Autograde” finds nothing that it could run without a sandbox.
    """
    folder = out / "submitted" / verdict.student / unit
    if verdict.problem:
        shutil.rmtree(folder, ignore_errors=True)
        return
    folder.mkdir(parents=True, exist_ok=True)
    if verdict.timestamp:
        write_whole(folder / "timestamp.txt", verdict.timestamp)
    else:
        (folder / "timestamp.txt").unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    path.with_name(path.name + ".part").write_text(text, encoding="utf-8")
    os.replace(path.with_name(path.name + ".part"), path)
