"""Grading again: only what changed is graded, what people gave stays, and a fault of the machinery is never a student's zero."""

import json
import os
import shutil
from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from many import outcome
from toy import RIGHT, UNIT, answered, hand_in
from typer.testing import CliRunner

from autograder import grade as grading
from autograder import pool as pools
from autograder.cli import app
from autograder.errors import CourseError
from autograder.grade import grade
from autograder.pool import Local, Task, grade_all
from autograder.records import opened
from autograder.sandbox import Fault, NoSandbox
from autograder.submissions import Submission
from autograder.verdict import Verdict

SQUARE = RIGHT | {"double": "def double(x):\n    return x * x"}
STUDENTS = {"ann": RIGHT, "bob": SQUARE, "cyd": {}}


class Here:
    """A pool that grades in this process, one submission after the other. fails: {student: how often its grading fails}."""

    count, walls = 1, None

    def __init__(self, fails=None, error=Fault):
        self.fails, self.error, self.begun = fails or {}, error, []

    def open(self):
        return self

    def submit(self, executor, job, submission, key):
        future = Future()
        self.begun.append(submission.student)
        if self.fails.get(submission.student, 0) > 0:
            self.fails[submission.student] -= 1
            future.set_exception(self.error("the disk is full"))
            return future
        try:
            future.set_result(pools.grade_one(job, submission, key))
        except BaseException as error:
            future.set_exception(error)
        return future

    def check(self, executor):
        raise AssertionError("nothing to wait for")

    def close(self, executor):
        """The zygote waits for the next test."""


@pytest.fixture(scope="module", autouse=True)
def zygotes_end(course):
    yield
    pools.end_zygotes()


@pytest.fixture(scope="module")
def first(course, unit, tmp_path_factory):
    folder = tmp_path_factory.mktemp("class")
    for student, texts in STUDENTS.items():
        hand_in(answered(course, **texts), folder / "submitted" / student / f"{UNIT}.ipynb")
    done = grade(unit, folder / "submitted", folder / "out", pool=Here())
    assert (done.graded, done.unchanged, done.changes, done.faults) == (3, 0, {}, {})
    return folder


@pytest.fixture
def again(first, unit, tmp_path):
    """(submitted, out, run) of a copy of a grading; run(**settings) grades it again and returns (Graded, students begun)."""
    shutil.copytree(first, tmp_path / "class")
    submitted, out = tmp_path / "class" / "submitted", tmp_path / "class" / "out"

    def run(pool=None, **settings):
        pool = pool or Here()
        return grade(unit, submitted, out, pool=pool, **settings), pool.begun

    return submitted, out, run


def give(out, student, score, comment):
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{out / 'gradebook.db'}") as book:
        book.find_grade("test_double", UNIT, UNIT, student).manual_score = score
        book.find_comment("double", UNIT, UNIT, student).manual_comment = comment
        book.db.commit()


def test_nothing_changed_nothing_is_graded_and_no_pool_is_opened(again):
    _, out, run = again
    before = outcome(out)

    class Never(Here):
        def open(self):
            raise AssertionError("there is nothing to grade")

    done, _ = run(Never())
    assert (done.graded, done.unchanged, done.changes) == (0, 3, {})
    assert outcome(out) == before


def test_one_changed_notebook_is_graded_and_its_marks_told(course, again):
    submitted, out, run = again
    hand_in(answered(course, **RIGHT), submitted / "bob" / f"{UNIT}.ipynb")
    done, begun = run()
    assert begun == ["bob"] and (done.graded, done.unchanged) == (1, 2)
    assert done.changes == {"bob": (2.0, 5.0)}
    assert json.loads((out / "results.json").read_text())["bob"]["double"]["points"] == 3
    assert "<b>5</b>" in (out / "feedback" / "bob" / UNIT / f"{UNIT}.html").read_text()


def test_another_file_beside_the_notebook_counts_and_the_time_does_not(again):
    submitted, _, run = again
    (submitted / "ann" / "data.txt").write_text("1 2 3")
    done, begun = run()
    assert begun == ["ann"] and done.changes == {}


def test_the_command_line_tells_old_and_new(course, again):
    submitted, out, _ = again
    hand_in(answered(course, **RIGHT), submitted / "bob" / f"{UNIT}.ipynb")
    said = CliRunner().invoke(app, ["grade", UNIT, "--submissions", str(submitted), "--out", str(out), "--workers", "1"])
    assert said.exit_code == 0, said.output
    assert "1 graded, 2 unchanged since the last time." in said.output and "changed: bob  2 → 5" in said.output


@pytest.mark.parametrize("what", ["limits", "questions", "secret", "versions", "code"])
def test_what_decides_marks_grades_everybody_again(what, course, unit, again, monkeypatch, tmp_path):
    _submitted, _out, run = again
    if what == "limits":
        monkeypatch.setattr(grading, "checked", lambda changes, where: {**changes, "memory_mb": 900})
    elif what == "versions":
        monkeypatch.setattr(grading, "versions", lambda: {"numpy": "99"})
    elif what == "code":
        monkeypatch.setattr(grading, "judging_code", lambda: "another")
    else:
        monkeypatch.setenv("CONVNETS_SECRET", "another secret")
        from autograder.hidden import hidden_questions

        hidden_questions.cache_clear()
        if what == "questions":
            monkeypatch.setenv("CONVNETS_SECRET", "a secret for tests")
            monkeypatch.setattr("autograder.hidden.HIDDEN_CASES", 2)
    try:
        done, begun = run()
    finally:
        if what in ("secret", "questions"):
            hidden_questions.cache_clear()
    assert sorted(begun) == sorted(STUDENTS) and (done.graded, done.unchanged) == (3, 0)
    assert done.changes == {}


@pytest.mark.parametrize("gone", ["feedback/bob", "autograded/bob", "records/bob.json"])
def test_what_was_lost_is_made_again(again, gone):
    _, out, run = again
    before = outcome(out)
    path = out / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    done, begun = run()
    assert begun == ["bob"] and done.changes == {}
    assert outcome(out) == before


def test_a_damaged_record_counts_as_none(again):
    _, out, run = again
    before = outcome(out)
    (out / "records" / "ann.json").write_text('{"student": "ann", ')
    assert run()[1] == ["ann"]
    assert outcome(out) == before


def test_what_people_gave_stays_and_changes_tell_the_gradebooks_points(course, again):
    submitted, out, run = again
    give(out, "bob", 1.5, "Nearly there!")
    hand_in(answered(course, **(SQUARE | {"running_sum": "def running_sum(x):\n    return x.sum()"})), submitted / "bob" / f"{UNIT}.ipynb")
    done, begun = run()
    assert begun == ["bob"] and done.changes == {"bob": (3.5, 1.5)}
    assert done.results["bob"]["double"]["points"] == 1.5
    assert "Nearly there!" in (out / "feedback" / "bob" / UNIT / f"{UNIT}.html").read_text()
    assert [row for row in outcome(out)["grades"] if row[0] == "bob"] == [("bob", "test_double", 0.0, 1.5, 1), ("bob", "test_running_sum", 0.0, None, 0)]


def test_a_score_by_hand_alone_is_no_change_of_marks(again):
    submitted, out, run = again
    give(out, "bob", 2.5, "")
    (submitted / "bob" / "data.txt").write_text("new")
    done, begun = run()
    assert begun == ["bob"] and done.changes == {}


# --- faults


def test_a_fault_is_listed_never_a_zero_and_graded_the_next_time(course, again):
    submitted, out, run = again
    hand_in(answered(course, **RIGHT), submitted / "bob" / f"{UNIT}.ipynb")
    hand_in(answered(course, **RIGHT), submitted / "dee" / f"{UNIT}.ipynb")
    before = outcome(out)["grades"]
    broken = Here({"bob": 99, "dee": 99})
    done, begun = run(broken)
    assert done.faults == {"bob": "the disk is full", "dee": "the disk is full"} and done.graded == 0
    assert begun.count("bob") == begun.count("dee") == pools.TRIES
    assert outcome(out)["grades"] == before
    assert "dee" not in done.results and done.results["bob"]["double"]["points"] == 0
    done, begun = run()
    assert sorted(begun) == ["bob", "dee"] and done.faults == {}
    assert done.results["dee"]["double"]["points"] == done.results["bob"]["double"]["points"] == 3


def test_a_fault_that_passes_is_not_seen(course, again):
    submitted, _, run = again
    hand_in(answered(course, **RIGHT), submitted / "bob" / f"{UNIT}.ipynb")
    done, begun = run(Here({"bob": 3}, RuntimeError))
    assert begun == ["bob"] * 4 and done.faults == {} and done.changes == {"bob": (2.0, 5.0)}


def test_the_command_line_lists_faults_and_fails(course, again, monkeypatch):
    submitted, out, _ = again
    hand_in(answered(course, **RIGHT), submitted / "bob" / f"{UNIT}.ipynb")
    monkeypatch.setattr(pools, "chosen_pool", lambda *asked: Here({"bob": 99}))
    said = CliRunner().invoke(app, ["grade", UNIT, "--submissions", str(submitted), "--out", str(out)])
    assert said.exit_code == 1
    assert "NOT graded, the fault is not the submission's: bob: the disk is full" in said.output
    assert json.loads((out / "manifest.json").read_text())["faults"] == {"bob": "the disk is full"}


def test_files_that_change_while_they_are_graded_are_a_fault(course, again, monkeypatch):
    submitted, _out, run = again
    hand_in(answered(course, **RIGHT), submitted / "bob" / f"{UNIT}.ipynb")
    real = pools.grade_submission

    def slow(job, zygote, submission, key):
        verdict = real(job, zygote, submission, key)
        hand_in(answered(course, **SQUARE), submitted / "bob" / f"{UNIT}.ipynb")
        return verdict

    monkeypatch.setattr(pools, "grade_submission", slow)
    done, _ = run()
    assert "changed while it was graded" in done.faults["bob"]
    monkeypatch.setattr(pools, "grade_submission", real)
    done, _begun = run()
    assert done.faults == {} and done.results["bob"]["double"]["points"] == 0


def test_a_notebook_that_a_worker_cannot_see_is_a_fault(again, monkeypatch):
    submitted, _out, run = again
    path = submitted / "dee" / f"{UNIT}.ipynb"
    path.parent.mkdir()
    path.write_bytes((submitted / "ann" / f"{UNIT}.ipynb").read_bytes())

    class Elsewhere(Here):
        def submit(self, executor, job, submission, key):
            os.rename(path, path.with_suffix(".away"))
            try:
                return super().submit(executor, job, submission, key)
            finally:
                os.rename(path.with_suffix(".away"), path)

    done, _ = run(Elsewhere())
    assert "cannot be read by the worker" in done.faults["dee"] and "dee" not in done.results


def test_no_sandbox_ends_the_run_at_once_and_keeps_what_is_graded(course, again):
    submitted, _out, run = again
    for student in ("ann", "bob"):
        hand_in(answered(course, **(RIGHT | {"double": "def double(x):\n    return x + x"})), submitted / student / f"{UNIT}.ipynb")
    with pytest.raises(NoSandbox, match="the disk is full"):
        run(Here({"bob": 1}, NoSandbox))
    assert run()[1] == ["bob"]


# --- the loop that hands out work


class Fake:
    """A pool of fake workers. break_on: students whose grading ends every worker."""

    count, walls = 2, None

    def __init__(self, break_on=()):
        self.break_on, self.opened, self.together = set(break_on), 0, []

    def open(self):
        self.opened += 1
        self.futures = {}
        return self

    def submit(self, executor, job, submission, key):
        future = Future()
        self.futures[future] = submission.student
        return future

    def check(self, executor):
        """Stands for time that passes: a worker ends, or everybody is done."""
        names = list(self.futures.values())
        self.together.append(sorted(names))
        for future, student in list(self.futures.items()):
            if self.break_on & set(names):
                future.set_exception(pools.BrokenExecutor("a worker ended"))
            else:
                future.set_result(Verdict(student, "key").to_json())
        self.futures = {}

    def close(self, executor):
        for future in self.futures:
            future.cancel()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(pools, "LOOK_EVERY", 0.0)


def run_loop(pool, names="abcdefgh"):
    return {task.submission.student: verdict for task, verdict in grade_all(SimpleNamespace(unsafe=True), [Task(Submission(name), "key") for name in names], pool)}


def test_every_submission_comes_back_once(impatient):
    pool = Fake()
    found = run_loop(pool)
    assert {name: verdict.student for name, verdict in found.items()} == {name: name for name in "abcdefgh"}
    assert pool.opened == 1 and max(map(len, pool.together)) == 4


def test_one_that_ends_every_worker_costs_only_itself(impatient):
    pool = Fake("c")
    found = run_loop(pool)
    assert isinstance(found.pop("c"), pools.BrokenExecutor)
    assert {name: verdict.student for name, verdict in found.items()} == {name: name for name in "abdefgh"}
    assert ["c"] in pool.together


def test_two_that_end_every_worker_cost_only_themselves(impatient):
    found = run_loop(Fake("ch"))
    assert sorted(name for name, verdict in found.items() if isinstance(verdict, Exception)) == ["c", "h"]


def test_workers_that_never_live_end_the_run_with_one_line(impatient):
    class Dead(Fake):
        def submit(self, executor, job, submission, key):
            raise pools.BrokenExecutor("no memory")

    with pytest.raises(CourseError, match="end again and again before they have graded anything"):
        run_loop(Dead())


# --- one grader in a folder


def test_a_second_grader_in_one_folder_is_told(again, unit):
    _submitted, out, run = again
    with opened(out), pytest.raises(CourseError, match=r"Another grader is at work in .* Wait until it is done, or name another folder with --out"):
        run()
    assert run()[0].unchanged == 3


def test_the_hidden_questions_are_gone_afterwards_and_after_a_killed_run_too(again):
    _, out, run = again
    assert not (out / ".work").exists()
    (out / ".work").mkdir()
    (out / ".work" / "hidden-0123456789abcdef.npz").write_bytes(b"left by a run that was killed")
    (out / "records" / ".ann.json.part").write_text("half a rec")
    assert run()[0].unchanged == 3
    assert not (out / ".work").exists()


def test_a_stopped_run_says_how_to_go_on(course, again, monkeypatch):
    submitted, out, run = again
    for student in ("ann", "bob", "dee"):
        hand_in(answered(course, **(RIGHT | {"double": "def double(x):\n    return x + x"})), submitted / student / f"{UNIT}.ipynb")

    class Stopped(Here):
        def submit(self, executor, job, submission, key):
            if submission.student == "dee":
                raise KeyboardInterrupt
            return super().submit(executor, job, submission, key)

    monkeypatch.setattr(pools, "chosen_pool", lambda *asked: Stopped())
    said = CliRunner().invoke(app, ["grade", UNIT, "--submissions", str(submitted), "--out", str(out)])
    assert said.exit_code == 1
    assert "2 graded, 1 unchanged" in said.output and "the same command goes on from here" in said.output
    assert json.loads((out / "manifest.json").read_text())["stopped"] is True
    done, begun = run()
    assert begun == ["dee"] and sorted(done.results) == ["ann", "bob", "cyd", "dee"]


def test_a_pool_of_processes_leaves_none_behind(unit, again, course):
    submitted, out, _ = again
    hand_in(answered(course, **RIGHT), submitted / "bob" / f"{UNIT}.ipynb")
    pool = Local(1)
    workers = []

    class Seen(Local):
        def close(self, executor):
            workers.extend((executor._processes or {}).values())
            super().close(executor)

    pool = Seen(1)
    assert grade(unit, submitted, out, pool=pool).graded == 1
    assert workers and not any(worker.is_alive() for worker in workers)
