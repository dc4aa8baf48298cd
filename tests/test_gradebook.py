"""The door to nbgrader's gradebook, on SQLite and on a real PostgreSQL: same content as nbgrader's own steps write, nothing half written."""

import contextlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Base, Comment, Grade, Gradebook
from sqlalchemy import create_engine, event, text

from autograder.build import release_preprocessors
from autograder.errors import CourseError
from autograder.gradebook import (
    comments,
    default_url,
    open_book,
    penalties,
    prepare_assignment,
    record,
    scores,
    shown,
    unfit_name,
)
from autograder.verdict import Verdict

UNIT = "01_toy"
pytestmark = pytest.mark.filterwarnings("ignore:Object of type <Submitted.*not in session")


# --- a unit of made-up exercises, and databases


def marked(name, *, grade, points=0.0):
    facts = {"grade": grade, "solution": not grade, "locked": grade, "task": False, "schema_version": 3, "grade_id": name}
    return {"nbgrader": facts | ({"points": points, "cell_type": "code"} if grade else {"cell_type": "code"})}


def unit_notebook(exercises=3, points=4.0):
    """The instructor's notebook: a solution and a check for each exercise."""
    cells = [new_markdown_cell("# A unit")]
    for n in range(exercises):
        body = f"def ex{n}(x):\n    ### BEGIN SOLUTION\n    return {n}\n    ### END SOLUTION"
        cells.append(new_code_cell(body, metadata=marked(f"ex{n}", grade=False)))
        check = f"ex{n}(1)\n### BEGIN HIDDEN TESTS\nassert ex{n}(2) == {n}\n### END HIDDEN TESTS"
        cells.append(new_code_cell(check, metadata=marked(f"test_ex{n}", grade=True, points=points)))
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return new_notebook(cells=cells, metadata=kernel)


def verdict(student="ann", points=1.5, exercises=3, **more):
    entries = {f"ex{n}": {"points": points, "max_points": 4.0, "properties": {}} for n in range(exercises)}
    return Verdict(student, "key", exercises=entries, **more)


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL of the test's own, reached through a Unix socket. Yields a function that makes an empty database and returns its URL."""
    pytest.importorskip("psycopg", reason='needs the driver: pip install "psycopg[binary]"')
    homes = [Path(p).parent for p in [shutil.which("initdb")] if p] + sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    home = next((h for h in homes if (h / "initdb").exists() and (h / "pg_ctl").exists()), None) or next(
        (h.resolve() for h in homes if (h.resolve() / "pg_ctl").exists()), None
    )
    if home is None:
        pytest.skip("needs PostgreSQL's initdb and pg_ctl: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    who = {"user": "postgres"} if os.getuid() == 0 else {}
    if who:
        shutil.chown(folder, "postgres")
    pipes = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "timeout": 120, **who}
    data = str(folder / "data")
    subprocess.run([home / "initdb", "-D", data, "-U", "judge", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"], check=True, **pipes)
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    subprocess.run([home / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"], check=True, **pipes)
    made = iter(range(10**6))

    def database():
        admin = create_engine(f"postgresql://judge@/postgres?host={folder}", isolation_level="AUTOCOMMIT")
        name = f"book{next(made)}"
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        admin.dispose()
        return f"postgresql://judge@/{name}?host={folder}"

    database.stop = lambda: subprocess.run([home / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop"], **pipes)
    database.start = lambda: subprocess.run([home / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"], check=True, **pipes)
    try:
        yield database
    finally:
        database.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """An empty database."""
    return default_url(tmp_path) if request.param == "sqlite" else request.getfixturevalue("server")()


@pytest.fixture
def book(url):
    """A gradebook with the unit in it, open."""
    with open_book(url) as found:
        prepare_assignment(found, UNIT, unit_notebook())
        yield found


def content(url):
    """Everything in a gradebook that has a meaning: rows of every table, with random ids replaced by the names they stand for."""
    engine = create_engine(url)
    with engine.connect() as connection:
        tables = {name: connection.execute(table.select()).mappings().all() for name, table in Base.metadata.tables.items()}
    engine.dispose()
    names = {row["id"]: row["name"] for rows in tables.values() for row in rows if "name" in row}
    names |= {row["id"]: f"{row['student_id']}'s" for row in tables["submitted_assignment"]}
    names |= {row["id"]: f"{names[row['assignment_id']]} {names[row['notebook_id']]}" for row in tables["submitted_notebook"]}

    def plain(row):
        return {k: names.get(v, v) if k == "id" or k.endswith("_id") else v for k, v in row.items() if k != "id" or v in names}

    ignored = {"course", "assignment"}
    return {name: sorted(str(plain(row)) for row in rows) for name, rows in tables.items() if name not in ignored}


# --- the same as nbgrader's own steps


def stock_prepare(url, notebook):
    """nbgrader's generate step, its own preprocessors with its own SaveCells."""
    from nbgrader.preprocessors import ClearHiddenTests, SaveCells

    with Gradebook(url) as book:
        book.update_or_create_assignment(UNIT)
    resources = {"nbgrader": {"notebook": UNIT, "assignment": UNIT, "db_url": url}}
    for step in release_preprocessors():
        if step is ClearHiddenTests:
            SaveCells().preprocess(notebook, resources)
            return
        notebook, resources = step().preprocess(notebook, resources)


def stock_record(url, student, notebook, timestamp=None, config=None):
    """nbgrader's autograde step on an executed notebook."""
    from nbgrader.preprocessors import AssignLatePenalties, SaveAutoGrades

    with Gradebook(url) as book:
        book.update_or_create_student(student)
        book.update_or_create_submission(UNIT, student, **({"timestamp": timestamp} if timestamp else {}))
    resources = {"nbgrader": {"notebook": UNIT, "assignment": UNIT, "student": student, "db_url": url}}
    for step in (SaveAutoGrades, AssignLatePenalties):
        step(config=config).preprocess(notebook, resources)


def executed(points):
    """The notebook with a result in each check cell, as the judge writes it."""
    notebook = unit_notebook()
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.outputs = [new_output("execute_result", {"text/plain": str(points)})]
    return notebook


@pytest.fixture
def nbgrader_on_path(monkeypatch):
    """nbgrader calls alembic by name when it makes a gradebook."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


def test_what_is_written_equals_what_nbgrader_writes(tmp_path, nbgrader_on_path):
    ours, stock = f"sqlite:///{tmp_path / 'ours.db'}", f"sqlite:///{tmp_path / 'stock.db'}"
    prepare_assignment(ours, UNIT, unit_notebook())
    stock_prepare(stock, unit_notebook())
    assert content(ours) == content(stock)
    assert len(content(ours)["grade_cells"]) == 3 and "HIDDEN" in str(content(ours)["source_cell"])
    record(ours, UNIT, verdict(timestamp="2030-01-02T03:04:05+00:00"))
    stock_record(stock, "ann", executed(1.5), "2030-01-02 03:04:05 UTC")
    assert content(ours) == content(stock)
    for url in (ours, stock):
        with Gradebook(url) as found:
            found.find_grade("test_ex1", UNIT, UNIT, "ann").manual_score = 3.5
            found.find_comment("ex1", UNIT, UNIT, "ann").manual_comment = "Well argued."
            found.db.commit()
    record(ours, UNIT, verdict(points=4.0, timestamp="2030-01-02T03:04:05+00:00"))
    stock_record(stock, "ann", executed(4.0), "2030-01-02 03:04:05 UTC")
    assert content(ours) == content(stock)
    with open_book(ours) as a, Gradebook(stock) as b:
        query = text("SELECT version_num FROM alembic_version")
        assert a.db.execute(query).all() == b.db.execute(query).all() != []


LATE = """
from nbgrader.plugins import LateSubmissionPlugin
class Half(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return score / 2 if total_seconds_late > 60 else None
c = get_config()
c.AssignLatePenalties.plugin_class = Half
"""


def test_late_penalties_are_those_of_the_courses_plugin(url, tmp_path, monkeypatch):
    from autograder.gradebook import late_plugin

    (tmp_path / "course" / "source").mkdir(parents=True)
    (tmp_path / "course" / "nbgrader_config.py").write_text(LATE)
    monkeypatch.setenv("CONVNETS_COURSE", str(tmp_path / "course"))
    late_plugin.cache_clear()
    prepare_assignment(url, UNIT, unit_notebook())
    with open_book(url) as book:
        book.update_or_create_assignment(UNIT, duedate="2030-01-01 00:00:00 UTC")
        for student, when in {"ann": "2030-01-01T02:00:00+01:00", "bob": "2030-01-01T00:00:30Z", "cy": "2029-12-31T00:00:00", "dee": None}.items():
            record(book, UNIT, verdict(student, timestamp=when))
        record(book, UNIT, verdict("eve", timestamp="2030-01-03T00:00:00+00:00"))
        assert penalties(book, UNIT) == {"ann": 2.25, "eve": 2.25}
        book.grant_extension(UNIT, "eve", days=3)
        record(book, UNIT, verdict("eve", timestamp="2030-01-03T00:00:00+00:00"))
        assert penalties(book, UNIT) == {"ann": 2.25}
        prepare_assignment(book, UNIT, unit_notebook())
        assert str(book.find_assignment(UNIT).duedate) == "2030-01-01 00:00:00"
    late_plugin.cache_clear()


# --- recording


def test_old_and_new_points(book):
    assert record(book, UNIT, verdict(points=1.5)) is None
    assert record(book, UNIT, verdict(points=2.0)) == 4.5
    assert record(book, UNIT, verdict(points=2.0)) == 6.0
    assert scores(book, UNIT) == {"ann": {f"test_ex{n}": 2.0 for n in range(3)}}


def test_twice_is_once(book, url):
    given = verdict(timestamp="2030-01-02T03:04:05+00:00", comments={"ex0": "No response."})
    record(book, UNIT, given)
    before = content(url)
    record(book, UNIT, given)
    assert content(url) == before
    assert "No response." in str(before["comment"])


def test_what_a_person_gave_stays(book):
    record(book, UNIT, verdict(points=1.0, comments={"ex0": "No response."}))
    grade = book.find_grade("test_ex0", UNIT, UNIT, "ann")
    grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 3.0, 0.5, False
    book.find_comment("ex0", UNIT, UNIT, "ann").manual_comment = "Nearly there!"
    book.find_submission_notebook(UNIT, UNIT, "ann").flagged = True
    book.db.commit()
    assert record(book, UNIT, verdict(points=0.0)) == 5.5
    assert scores(book, UNIT, "ann") == {"ann": {"test_ex0": 3.5, "test_ex1": 0.0, "test_ex2": 0.0}}
    assert comments(book, UNIT) == {"ann": {"ex0": "Nearly there!"}}
    assert book.find_submission_notebook(UNIT, UNIT, "ann").flagged
    book.db.expire_all()
    again = book.find_grade("test_ex0", UNIT, UNIT, "ann")
    assert (again.auto_score, again.manual_score, again.extra_credit, again.needs_manual_grade) == (0.0, 3.0, 0.5, True)


def test_a_problem_is_zero_and_a_later_submission_is_not(book):
    record(book, UNIT, Verdict("bob", "k", problem="not readable: the file is empty"))
    assert scores(book, UNIT, "bob") == {"bob": {f"test_ex{n}": 0.0 for n in range(3)}}
    assert not book.find_submission(UNIT, "bob").needs_manual_grade
    assert record(book, UNIT, verdict("bob", points=4.0)) == 0.0
    assert sum(scores(book, UNIT, "bob")["bob"].values()) == 12.0


def test_what_the_verdict_does_not_mention_waits_for_a_person(book):
    record(book, UNIT, verdict(exercises=2))
    assert book.find_grade("test_ex2", UNIT, UNIT, "ann").needs_manual_grade
    assert not book.find_grade("test_ex1", UNIT, UNIT, "ann").needs_manual_grade


def test_a_granted_extension_alone_is_no_grade(book):
    book.update_or_create_student("ann")
    book.add_submission(UNIT, "ann")
    assert record(book, UNIT, verdict()) is None


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["record", "problem", "manual"]), st.integers(0, 4)), max_size=8))
def test_any_order_of_judge_and_person(tmp_path, steps):
    (tmp_path / "gradebook.db").unlink(missing_ok=True)
    expected, manual = {}, set()
    with open_book(default_url(tmp_path)) as book:
        prepare_assignment(book, UNIT, unit_notebook(2))
        for student, what, points in steps:
            if what != "manual":
                given = Verdict(student, "k", problem="gone") if what == "problem" else verdict(student, float(points), 2)
                before = record(book, UNIT, given)
                assert before == (sum(expected[student].values()) if student in expected else None)
                new = 0.0 if what == "problem" else float(points)
                own = expected.setdefault(student, {})
                own |= {f"test_ex{n}": new for n in range(2) if n or student not in manual}
            elif student in expected:
                book.find_grade("test_ex0", UNIT, UNIT, student).manual_score = points
                book.db.commit()
                manual.add(student)
                expected[student]["test_ex0"] = float(points)
        assert scores(book, UNIT) == expected


def statements(book, work):
    seen = []
    count = lambda *details: seen.append(details[2])  # noqa: E731
    event.listen(book.engine, "after_cursor_execute", count)
    work()
    event.remove(book.engine, "after_cursor_execute", count)
    return len(seen)


def test_the_number_of_queries_does_not_grow(tmp_path):
    def needed(exercises):
        with open_book(f"sqlite:///{tmp_path / str(exercises)}.db") as book:
            prepare_assignment(book, UNIT, unit_notebook(exercises))
            return [statements(book, lambda: record(book, UNIT, verdict(exercises=exercises))) for _ in range(2)] + [
                statements(book, lambda: scores(book, UNIT))
            ]

    assert needed(2) == needed(20)
    assert needed(20)[2] == 1


# --- preparing


def test_points_and_tests_may_change_but_not_the_cells(book):
    record(book, UNIT, verdict())
    prepare_assignment(book, UNIT, unit_notebook(points=8.0))
    assert book.find_assignment(UNIT).max_score == 24.0
    with pytest.raises(CourseError, match=r"does not fit 01_toy as it is now.*: ex3, test_ex3\. Grade into a new folder"):
        prepare_assignment(book, UNIT, unit_notebook(4))
    assert book.find_assignment(UNIT).max_score == 24.0
    assert sum(scores(book, UNIT)["ann"].values()) == 4.5


def test_without_submissions_cells_may_change(book, url):
    prepare_assignment(book, UNIT, unit_notebook(4))
    prepare_assignment(book, UNIT, unit_notebook(2))
    rows = content(url)
    assert len(rows["grade_cells"]) == len(rows["solution_cells"]) == 2 and len(rows["base_cell"]) == len(rows["source_cell"]) == 4
    prepare_assignment(book, UNIT, unit_notebook(2))
    assert content(url) == rows


def test_a_verdict_of_another_unit_is_refused(book):
    with pytest.raises(CourseError, match="it has no cell test_ex3"):
        record(book, UNIT, verdict(exercises=4))
    with pytest.raises(CourseError, match="no such assignment"):
        record(book, "02_other", verdict())
    assert scores(book, UNIT) == {}


def test_units_do_not_mix(book):
    prepare_assignment(book, "02_other", unit_notebook(1))
    record(book, UNIT, verdict(points=1.0))
    record(book, "02_other", verdict(points=3.0, exercises=1))
    assert scores(book, UNIT)["ann"] == {f"test_ex{n}": 1.0 for n in range(3)}
    assert scores(book, "02_other") == {"ann": {"test_ex0": 3.0}}


# --- names and errors


@pytest.mark.parametrize("name", ["Zoë O'Brien-Łukasz (2)", "r&d", "李明", "a" * 128, "=cmd()", "100%"])
def test_names_that_nbgrader_keeps(book, name):
    assert unfit_name(name) == ""
    record(book, UNIT, verdict(name))
    assert scores(book, UNIT, name)[name]["test_ex0"] == 1.5


@pytest.mark.parametrize("name", ["", " a", "a\n", "a" * 129, "<b>", 'a"b', "a\\", "a/b", "\udcff", "a\x00b", "a\x1b[31m"])
def test_names_that_it_cannot_keep(tmp_path, name):
    assert unfit_name(name)
    with pytest.raises(CourseError, match="cannot be put into the gradebook") as caught:
        record(default_url(tmp_path), UNIT, verdict(name))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("gradebook.db", "Expected sqlite:///PATH or postgresql://"),
        ("sqlite:////no/such/folder/gradebook.db", "/no/such/folder/gradebook.db cannot be used: .*"),
        ("postgresql://judge:secret@127.0.0.1:1/book", r"judge:\*\*\*@127.0.0.1:1/book.* cannot be used: .*(refused|failed)"),
        ("nosuch://judge:secret@host/book", "cannot be used: "),
    ],
)
def test_a_wrong_url_is_one_clear_line(url, words):
    started = time.monotonic()
    with pytest.raises(CourseError, match=words) as caught, open_book(url):
        pass
    assert "\n" not in str(caught.value) and "secret" not in str(caught.value)
    assert time.monotonic() - started < 15


def test_a_file_that_is_no_gradebook(tmp_path):
    (tmp_path / "gradebook.db").write_text("Dear diary, " * 500)
    with pytest.raises(CourseError, match="file is not a database"):
        scores(default_url(tmp_path), UNIT)
    assert (tmp_path / "gradebook.db").read_text().startswith("Dear diary")


@pytest.mark.parametrize("folder", ["two words", "Übung #3", "100%20", "a+b&c=d", "x@y:z"])
def test_any_folder_may_hold_it(tmp_path, folder):
    (tmp_path / folder).mkdir()
    prepare_assignment(default_url(tmp_path / folder), UNIT, unit_notebook())
    assert {p.name for p in (tmp_path / folder).iterdir()} == {"gradebook.db", "gradebook.db.lock"}
    assert [p.name for p in tmp_path.iterdir()] == [folder]


def test_passwords_are_not_shown():
    assert shown("postgresql://a:hidden@b/c") == "postgresql://a:***@b/c"


# --- more than one grader, and graders that die

def apart(function, *arguments):
    """A process that runs a function of this module; nothing is shared with the test's own process, and imports are done once for all."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["autograder.gradebook", "hypothesis", "nbgrader.preprocessors", "pytest"])
    process = processes.Process(target=function, args=arguments)
    process.start()
    return process


def grade_many(url, first, begin):
    while not begin.exists():
        time.sleep(0.001)
    with open_book(url) as book:
        for unit in ("one", "two"):
            prepare_assignment(book, unit, unit_notebook())
        for n in range(first, first + 25):
            for unit in ("one", "two"):
                record(book, unit, verdict(f"s{n}", points=n % 5))


def test_two_graders_at_once(url, tmp_path):
    """Each makes the gradebook and the units where they are missing and writes 50 verdicts, 26 of them the other's too."""
    graders = [apart(grade_many, url, first, tmp_path / "begin") for first in (0, 12)]
    (tmp_path / "begin").touch()
    for grader in graders:
        grader.join(60)
    assert [grader.exitcode for grader in graders] == [0, 0]
    expected = {f"s{n}": {f"test_ex{k}": float(n % 5) for k in range(3)} for n in range(37)}
    assert scores(url, "one") == scores(url, "two") == expected
    rows = content(url)
    assert len(rows["grade"]) == 37 * 2 * 3 and len(rows["submitted_notebook"]) == 37 * 2 and len(rows["student"]) == 37


OLD, NEW = verdict(points=1.0, comments={"ex0": "old"}), verdict(points=2.0, comments={"ex0": "new"})


def die_after(url, number):
    seen = []

    def count(*details):
        seen.append(details[2])
        if len(seen) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    with open_book(url) as book:
        event.listen(book.engine, "after_cursor_execute", count)
        record(book, UNIT, NEW)


def test_a_killed_grader_leaves_the_old_state_or_the_new(book, url):
    """Killed after every single statement of one record(), and once not at all."""
    record(book, UNIT, OLD)
    for number in range(1, 100):
        child = apart(die_after, url, number)
        child.join(60)
        state = scores(book, UNIT)["ann"], comments(book, UNIT)["ann"]
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
        assert state == ({f"test_ex{n}": 1.0 for n in range(3)}, {"ex0": "old"})
    assert state == ({f"test_ex{n}": 2.0 for n in range(3)}, {"ex0": "new"})
    assert number >= 8
    assert record(book, UNIT, OLD) == 6.0


def test_a_server_that_restarts_costs_nothing(server):
    with open_book(server()) as book:
        prepare_assignment(book, UNIT, unit_notebook())
        record(book, UNIT, verdict())
        server.stop()
        server.start()
        assert record(book, UNIT, verdict(points=2.0)) == 4.5


def test_formgrader_may_write_in_between(url):
    """A page of formgrader holds the gradebook open and saves a score and a comment between two of ours."""
    with open_book(url) as book, open_book(url) as page:
        prepare_assignment(book, UNIT, unit_notebook())
        record(book, UNIT, verdict())
        page.find_grade("test_ex0", UNIT, UNIT, "ann").manual_score = 4.0
        page.db.commit()
        page.find_comment("ex0", UNIT, UNIT, "ann").manual_comment = "Good."
        page.db.commit()
        record(book, UNIT, verdict(points=0.0))
        page.find_grade("test_ex1", UNIT, UNIT, "ann").extra_credit = 1.0
        page.db.commit()
        assert scores(book, UNIT)["ann"] == {"test_ex0": 4.0, "test_ex1": 1.0, "test_ex2": 0.0}


def test_formgraders_own_questions_get_answers(book, url, tmp_path):
    """What formgrader's pages are made of, on either database; test_formgrader.py asks the pages themselves."""
    from nbgrader.apps.api import NbGraderAPI
    from nbgrader.coursedir import CourseDirectory

    for student, points in {"ann": 1.0, "bob": 2.0}.items():
        record(book, UNIT, verdict(student, points, timestamp="2030-01-02T03:04:05+00:00"))
        (tmp_path / "autograded" / student / UNIT).mkdir(parents=True)
        (tmp_path / "autograded" / student / UNIT / f"{UNIT}.ipynb").touch()
    (tmp_path / "source" / UNIT).mkdir(parents=True)
    pages = NbGraderAPI(CourseDirectory(root=str(tmp_path), db_url=url))
    assert [(a["name"], a["max_score"], a["average_score"]) for a in pages.get_assignments()] == [(UNIT, 12.0, 4.5)]
    assert [(s["student"], s["score"], s["max_score"]) for s in pages.get_submissions(UNIT)] == [("ann", 3.0, 12.0), ("bob", 6.0, 12.0)]
    listed = pages.get_notebook_submissions(UNIT, UNIT)
    assert {(s["student"], s["score"], s["failed_tests"], s["needs_manual_grade"]) for s in listed} == {("ann", 3.0, True, False), ("bob", 6.0, True, False)}
    assert [(s["id"], s["score"]) for s in pages.get_students()] == [("ann", 3.0), ("bob", 6.0)]


def test_a_busy_file_is_waited_for(tmp_path):
    url = default_url(tmp_path)
    prepare_assignment(url, UNIT, unit_notebook())
    waiting = threading.Thread(target=record, args=(url, UNIT, verdict()))
    with contextlib.closing(create_engine(url).raw_connection()) as other:
        other.cursor().execute("BEGIN IMMEDIATE")
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive() and scores(url, UNIT) == {}
        other.rollback()
    waiting.join(10)
    assert scores(url, UNIT)["ann"]["test_ex0"] == 1.5


def test_the_rows_are_nbgraders_own(book):
    record(book, UNIT, verdict())
    assert book.db.query(Grade).count() == book.db.query(Comment).count() == 3
    found = book.find_submission(UNIT, "ann")
    assert (found.score, found.max_score, found.late_submission_penalty) == (4.5, 12.0, 0.0)
    assert nbformat.validate(unit_notebook()) is None
