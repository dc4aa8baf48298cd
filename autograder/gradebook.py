"""nbgrader's gradebook, SQLite or PostgreSQL: the one door through which marks get into it and out of it.

A write is one transaction under a lock that every grader takes, so several may write at once and a killed one leaves the old state or the new.
Only what the judge found out is written; scores and comments that a person gave stay as they are. Times are in UTC, without a time zone.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import nbformat
from alembic.script import ScriptDirectory
from nbgrader import utils
from nbgrader.api import (
    Assignment,
    Base,
    BaseCell,
    Comment,
    Course,
    Grade,
    Gradebook,
    GradeCell,
    InvalidEntry,
    Notebook,
    SolutionCell,
    SourceCell,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
    new_uuid,
)
from nbgrader.dbutil import ALEMBIC_DIR
from nbgrader.preprocessors import ClearHiddenTests
from sqlalchemy import create_engine, insert, inspect, select, update
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from autograder.build import release_preprocessors
from autograder.errors import CourseError
from autograder.verdict import Verdict

try:
    import fcntl
except ImportError:
    fcntl = None

GRADEBOOK = "gradebook.db"
COURSE = "default_course"
LONGEST_NAME = 128
LOCK_NUMBER = 7_233_906_114
PATIENCE_MS = 30_000
WAITS = (0.05, 0.2, 0.8, 2.0, None)
GRADED = (GradeCell.__name__, TaskCell.__name__)
ANSWERED = (SolutionCell.__name__, TaskCell.__name__)
TRANSIENT = ("08", "40001", "40P01", "53300", "55P03", "57P0")


def default_url(out: Path) -> str:
    """The URL of the SQLite gradebook in a grading's folder."""
    return URL.create("sqlite", database=str(out.absolute() / GRADEBOOK)).render_as_string()


def shown(url: str) -> str:
    """The gradebook as it may be printed: a path, or a URL without its password."""
    try:
        address = make_url(url)
        return address.database or url if address.get_backend_name() == "sqlite" else address.render_as_string(hide_password=True)
    except ArgumentError:
        return re.sub(r"//[^@]*@", "//***@", url)


def unfit_name(student: str) -> str:
    """Why nbgrader cannot keep a student of that name, "" where it can.

    Its pages write names into HTML and JavaScript as they are, and its tables hold 128 characters.
    """
    if not student or student != student.strip():
        return "nbgrader cannot keep a name that is empty or begins or ends with a space"
    if found := re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff<>\"\\/`]", student):
        return f"nbgrader's pages cannot show a name with {found.group()!r}"
    if len(student) > LONGEST_NAME:
        return f"nbgrader keeps at most {LONGEST_NAME} characters of a name, this one has {len(student)}"
    return ""


@contextlib.contextmanager
def open_book(url: str) -> Iterator[Gradebook]:
    """nbgrader's `Gradebook` for an SQLAlchemy URL (`sqlite:///PATH`, `postgresql://USER@HOST/NAME`), made where there is none.

    Raises CourseError when it cannot be opened: unreachable, not a gradebook, no permission, no driver. Opened once and given to `record`
    and `scores` it saves them the opening. It belongs to the process that opened it: a fork opens its own.
    """
    with in_words(url):
        address = parse(url)
        create_tables(address)
        book = Gradebook(address.render_as_string(hide_password=False))
    with book:
        yield book


def prepare_assignment(book: Gradebook | str, unit: str, notebook: nbformat.NotebookNode) -> None:
    """Put a unit's cells into the gradebook as `nbgrader generate_assignment` does. Due date and extensions stay.

    book: an open book or a URL. notebook: the instructor's version, with solutions and hidden tests. Raises CourseError when there are
    submissions and the notebook has other cells now.
    """
    cells = released_cells(notebook)
    kernel = json.dumps(notebook.metadata.get("kernelspec", {}))
    with opened(book) as found:
        transaction(found, lambda db: put_assignment(db, unit, kernel, cells))


def record(book: Gradebook | str, unit: str, verdict: Verdict) -> float | None:
    """Write one verdict, whole or not at all. Returns the student's points before, None when there were none yet.

    book: an open book or a URL. The check cell of exercise E is `test_E`. A cell that the verdict says nothing about waits for a person;
    with `verdict.problem` every cell gets 0. As in nbgrader, a new automatic score beside a manual one asks for a second look.
    Doing it twice is the same as doing it once. Raises CourseError.
    """
    if reason := unfit_name(verdict.student):
        raise CourseError(f"{verdict.student!a} cannot be put into the gradebook: {reason}. Rename the submission.")
    with opened(book) as found:
        return transaction(found, lambda db: put_verdict(db, unit, verdict))


def scores(book: Gradebook | str, unit: str, student: str | None = None) -> dict[str, dict[str, float]]:
    """{student: {grade_id: points}} of all submissions, or of one student; a manual score before the automatic one, extra credit added."""
    return by_student(book, of_cells(Grade, Grade.score, unit, student), float)


def comments(book: Gradebook | str, unit: str, student: str | None = None) -> dict[str, dict[str, str]]:
    """{student: {grade_id: text}} of the cells that have a comment, a person's before an automatic one."""
    return by_student(book, of_cells(Comment, Comment.comment, unit, student).where(Comment.comment.is_not(None)), str)


def penalties(book: Gradebook | str, unit: str, student: str | None = None) -> dict[str, float]:
    """{student: points} that are taken off for handing in late."""
    query = of_notebooks(select(SubmittedAssignment.student_id, SubmittedNotebook.late_submission_penalty), unit, student)
    with opened(book) as found:
        return {name: float(points) for name, points in read(found, query.where(SubmittedNotebook.late_submission_penalty > 0))}


# --- reading


def of_notebooks(query, unit: str, student: str | None):
    """The query over a unit's submitted notebooks. It names every column of nbgrader's indexes: without, a read takes the whole table."""
    query = (
        query.select_from(Assignment)
        .join(Notebook, Notebook.assignment_id == Assignment.id)
        .join(SubmittedAssignment, SubmittedAssignment.assignment_id == Assignment.id)
        .join(SubmittedNotebook, (SubmittedNotebook.notebook_id == Notebook.id) & (SubmittedNotebook.assignment_id == SubmittedAssignment.id))
        .where(Assignment.name == unit)
    )
    return query if student is None else query.where(SubmittedAssignment.student_id == student)


def of_cells(table, value, unit: str, student: str | None):
    query = of_notebooks(select(SubmittedAssignment.student_id, BaseCell.name, value), unit, student)
    return query.join(BaseCell, BaseCell.notebook_id == Notebook.id).join(table, (table.cell_id == BaseCell.id) & (table.notebook_id == SubmittedNotebook.id))


def by_student(book: Gradebook | str, query, kind: type) -> dict[str, dict]:
    result: dict[str, dict] = {}
    with opened(book) as found:
        for student, name, value in read(found, query):
            result.setdefault(student, {})[name] = kind(value)
    return result


def read(book: Gradebook, query) -> list:
    """All rows, in a transaction that ends at once: an open one would show later calls an old state."""
    try:
        return book.db.execute(query).all()
    finally:
        book.db.rollback()


# --- writing


def put_assignment(db: Session, unit: str, kernel: str, cells: dict[tuple[str, str], dict]) -> None:
    """cells: {(table, name): columns} as `released_cells` gives them."""
    assignment = db.execute(select(Assignment).where(Assignment.name == unit)).scalar_one_or_none()
    if assignment is None:
        assignment = Assignment(name=unit, course_id=COURSE)
        db.add(assignment)
    own = next((n for n in assignment.notebooks if n.name == unit), None)
    kept = {(type(cell).__name__, cell.name): cell for cell in (*own._base_cells, *own.source_cells)} if own else {}
    others = [n for n in assignment.notebooks if n is not own]
    if any(n.submissions for n in assignment.notebooks) and (others or kept.keys() != cells.keys()):
        changed = ", ".join(sorted({name for _, name in kept.keys() ^ cells.keys()} | {f"{n.name}.ipynb" for n in others}))
        raise CourseError(
            f"The gradebook does not fit {unit} as it is now: it holds submissions, and these came or went: {changed}. "
            "Grade into a new folder with --out, or with another gradebook."
        )
    gone = [kept[key] for key in kept.keys() - cells.keys()]
    for row in [*gone, *(cell for n in others for cell in (*n._base_cells, *n.source_cells)), *others]:
        db.delete(row)
    own = own or Notebook(name=unit, assignment=assignment)
    own.kernelspec = kernel
    for (table, name), columns in cells.items():
        cell = kept.get((table, name)) or KINDS[table](name=name, notebook=own)
        for column, value in columns.items():
            setattr(cell, column, value)
        db.add(cell)


KINDS = {kind.__name__: kind for kind in (GradeCell, SolutionCell, TaskCell, SourceCell)}


def released_cells(notebook: nbformat.NotebookNode) -> dict[tuple[str, str], dict]:
    """What nbgrader's SaveCells keeps of a notebook: {(table, grade_id): columns}."""
    released, resources = copy.deepcopy(notebook), {}
    for step in itertools.takewhile(lambda step: step is not ClearHiddenTests, release_preprocessors()):
        released, resources = step().preprocess(released, resources)
    cells: dict[tuple[str, str], dict] = {}
    for cell in released.cells:
        mark = cell.metadata.get("nbgrader", {})
        kinds = {GradeCell: utils.is_grade(cell), SolutionCell: utils.is_solution(cell), TaskCell: utils.is_task(cell)}
        for kind in (kind for kind, true in kinds.items() if true):
            columns = {} if kind is SolutionCell else {"max_score": float(mark["points"]), "cell_type": cell.cell_type}
            cells[kind.__name__, mark["grade_id"]] = columns
        if any(kinds.values()) or utils.is_locked(cell):
            source = {"cell_type": cell.cell_type, "locked": utils.is_locked(cell), "source": cell.source, "checksum": mark.get("checksum")}
            cells[SourceCell.__name__, mark["grade_id"]] = source
    return cells


def put_verdict(db: Session, unit: str, verdict: Verdict) -> float | None:
    cells = db.execute(
        select(Assignment.id, Assignment.duedate, Notebook.id, BaseCell.id, BaseCell.name, BaseCell.type)
        .join(Notebook, Notebook.assignment_id == Assignment.id)
        .join(BaseCell, BaseCell.notebook_id == Notebook.id)
        .where(Assignment.name == unit, Notebook.name == unit)
    ).all()
    graded = {name: cell for *_, cell, name, kind in cells if kind in GRADED}
    answered = {name: cell for *_, cell, name, kind in cells if kind in ANSWERED}
    points = {f"test_{name}": float(entry["points"]) for name, entry in verdict.exercises.items()}
    if not cells or (strange := points.keys() - graded.keys()):
        missing = f"no cell {min(strange)}" if cells else "no such assignment"
        raise CourseError(f"The gradebook does not fit {unit} as it is now: it has {missing}. Grade again, or into a new folder with --out.")
    assignment, due, notebook = cells[0][:3]
    timestamp = utils.parse_utc(verdict.timestamp)
    submitted, extension = submission_of(db, assignment, notebook, verdict.student, timestamp)
    rows = {row.cell_id: row for row in rows_of(db, Grade, submitted, graded.values(), Grade.manual_score, Grade.auto_score, Grade.extra_credit)}
    given = [row for row in rows.values() if (row.manual_score, row.auto_score) != (None, None)]
    before = sum(score_of(row, row.auto_score) for row in given) if given else None
    automatic = {cell: 0.0 if verdict.problem else points.get(name) for name, cell in graded.items()}
    db.execute(
        update(Grade),
        [
            {"id": rows[cell].id, "auto_score": auto, "needs_manual_grade": auto is None or rows[cell].manual_score is not None}
            for cell, auto in automatic.items()
        ],
    )
    said = {cell: verdict.comments.get(name) for name, cell in answered.items()}
    remarks = rows_of(db, Comment, submitted, answered.values(), Comment.auto_comment)
    if changed := [{"id": row.id, "auto_comment": said[row.cell_id]} for row in remarks if row.auto_comment != said[row.cell_id]]:
        db.execute(update(Comment), changed)
    total = sum(score_of(rows[cell], auto) for cell, auto in automatic.items())
    late = (timestamp - due - (extension or timedelta())).total_seconds() if timestamp and due else 0.0
    penalty = late_penalty(verdict.student, total, late) if late > 0 else None
    db.execute(update(SubmittedNotebook), [{"id": submitted, "late_submission_penalty": penalty}])
    return before


def submission_of(db: Session, assignment: str, notebook: str, student: str, timestamp) -> tuple[str, object]:
    """(id of the student's submitted notebook, the extension granted or None); both are made where they are missing."""
    found = db.execute(
        select(SubmittedAssignment.id, SubmittedAssignment.extension, SubmittedAssignment.timestamp, SubmittedNotebook.id)
        .outerjoin(SubmittedNotebook, (SubmittedNotebook.assignment_id == SubmittedAssignment.id) & (SubmittedNotebook.notebook_id == notebook))
        .where(SubmittedAssignment.assignment_id == assignment, SubmittedAssignment.student_id == student)
    ).one_or_none()
    if found is None:
        if db.execute(select(Student.id).where(Student.id == student)).one_or_none() is None:
            db.execute(insert(Student), [{"id": student}])
        found = (new_uuid(), None, timestamp, None)
        db.execute(insert(SubmittedAssignment), [{"id": found[0], "assignment_id": assignment, "student_id": student, "timestamp": timestamp}])
    submission, extension, known, submitted = found
    if known != timestamp:
        db.execute(update(SubmittedAssignment), [{"id": submission, "timestamp": timestamp}])
    if submitted is None:
        submitted = new_uuid()
        db.execute(insert(SubmittedNotebook), [{"id": submitted, "assignment_id": submission, "notebook_id": notebook, "flagged": False}])
    return submitted, extension


def rows_of(db: Session, table, submitted: str, cells, *columns) -> list:
    """The rows of a submitted notebook, one for each cell, locked until the transaction ends; missing ones are made."""
    query = select(table.id, table.cell_id, *columns).where(table.notebook_id == submitted, table.cell_id.in_(cells)).with_for_update()
    rows = list(db.execute(query))
    if missing := set(cells) - {row.cell_id for row in rows}:
        made = [{"id": new_uuid(), "cell_id": cell, "notebook_id": submitted} for cell in sorted(missing)]
        db.execute(insert(table), made)
        rows += [SimpleNamespace(**row, **dict.fromkeys(column.key for column in columns)) for row in made]
    return rows


def score_of(row, automatic: float | None) -> float:
    """nbgrader's rule: the manual score, else the automatic one, else 0, and extra credit where there is a score."""
    score = row.manual_score if row.manual_score is not None else automatic
    return 0.0 if score is None else score + (row.extra_credit or 0.0)


def late_penalty(student: str, score: float, seconds: float) -> float | None:
    """Points that the plugin in the course's nbgrader_config.py takes off, between 0 and `score`; None for no penalty."""
    penalty = late_plugin().late_submission_penalty(student, score, seconds)
    return None if penalty is None else min(max(0.0, float(penalty)), score)


@lru_cache
def late_plugin():
    """nbgrader's plugin for late submissions, as the course's settings name and configure it."""
    from nbgrader.preprocessors import AssignLatePenalties

    from autograder.formgrader import course_settings

    step = AssignLatePenalties(config=course_settings())
    step.init_plugin()
    return step.plugin_inst


# --- opening, locking, trying again


@contextlib.contextmanager
def opened(book: Gradebook | str) -> Iterator[Gradebook]:
    if isinstance(book, str):
        with open_book(book) as found, in_words(book):
            yield found
    else:
        with in_words(str(book.engine.url)):
            yield book


def parse(url: str) -> URL:
    """The URL, with a limit on the time that connecting to a server may take."""
    address = make_url(url)
    if address.drivername in ("postgresql", "postgresql+psycopg", "postgresql+psycopg2") and "connect_timeout" not in address.query:
        address = address.update_query_dict({"connect_timeout": "10"})
    return address


def create_tables(address: URL) -> None:
    """nbgrader's tables and its course in an empty database, all of it in one transaction. Afterwards opening the book writes nothing."""
    engine = create_engine(address)
    try:
        with engine.connect() as connection:
            if is_made(connection):
                return
        with locked(address), engine.connect() as connection:
            begin(connection)
            if not inspect(connection).get_table_names():
                Base.metadata.create_all(connection)
                connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
                connection.exec_driver_sql(f"INSERT INTO alembic_version (version_num) VALUES ('{ScriptDirectory(ALEMBIC_DIR).get_current_head()}')")
            if not is_made(connection):
                connection.execute(insert(Course), [{"id": COURSE}])
            connection.commit()
    finally:
        engine.dispose()


def is_made(connection: Connection) -> bool:
    return bool(inspect(connection).get_table_names()) and connection.execute(select(Course.id).where(Course.id == COURSE)).first() is not None


@contextlib.contextmanager
def locked(address: URL) -> Iterator[None]:
    """Wait for and hold the lock of an SQLite gradebook, a file beside it; a server has its own (see `begin`)."""
    if fcntl is None or address.get_backend_name() != "sqlite" or not address.database:
        yield
        return
    with open(f"{address.database}.lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def begin(connection: Connection) -> None:
    """Begin a transaction that no other grader's can overlap."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_NUMBER})")


def transaction(book: Gradebook, work: Callable[[Session], object]):
    """Run `work` as one transaction under the lock and return what it returns; what may pass (a lost connection, a busy file) is tried again."""
    for wait in WAITS:
        try:
            with locked(book.engine.url):
                book.db.rollback()
                begin(book.db.connection())
                result = work(book.db())
                book.db.commit()
                return result
        except BaseException as error:
            book.db.rollback()
            if wait is None or not may_pass(error):
                raise
        time.sleep(wait)


def may_pass(error: BaseException) -> bool:
    """Whether the same work may succeed a moment later. A clash with a row that nbgrader's own pages just made counts as such."""
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated or isinstance(error, IntegrityError):
        return True
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None) or ""
    return state.startswith(TRANSIENT) or bool(re.search("database is locked|database table is locked|connection (failed|refused)", str(error.orig)))


@contextlib.contextmanager
def in_words(url: str) -> Iterator[None]:
    """One line for whatever a database can say."""
    try:
        yield
    except (DBAPIError, ArgumentError, InvalidEntry, OSError, ImportError, UnicodeError) as error:
        raise CourseError(f"The gradebook {shown(url)} cannot be used: {reason_of(error)}") from error


def reason_of(error: Exception) -> str:
    text = " ".join(str(getattr(error, "orig", None) or error).split()).rstrip(".")
    if isinstance(error, ArgumentError):
        return f"{text}. Expected sqlite:///PATH or postgresql://USER@HOST/NAME."
    if isinstance(error, ImportError):
        return f'{text}. Install the driver: pip install "psycopg[binary]".'
    if isinstance(error, OSError):
        return f"{error.strerror or text}. Name another gradebook, or give yourself write permission for its folder."
    if re.search("no such column|no such table|UndefinedColumn|does not exist", text):
        return f"{text}. If it is an older nbgrader's, back it up and run: nbgrader db upgrade"
    return f"{text}. Check the URL, that the server runs, and that you may write there."
