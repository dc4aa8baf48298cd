"""Workers, scheduler and writer are killed at random moments: in the end the grading is the undisturbed one's, and nobody is left."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest
from dask_cluster import Cluster, kill, wait_until
from many import descendants, only, outcome, processes, write_class
from toy import UNIT

from autograder.grade import grade
from autograder.pool import Local

STUDENTS = int(os.environ.get("CONVNETS_CHAOS_STUDENTS", "300"))
SOME = 60
SEED = int(os.environ.get("CONVNETS_CHAOS_SEED", "7"))
LONGEST = 240


pytestmark = pytest.mark.usefixtures("course")


@pytest.fixture(scope="module")
def submitted(course, tmp_path_factory):
    folder = tmp_path_factory.mktemp("class") / "submitted"
    write_class(course, folder, STUDENTS)
    return folder


@pytest.fixture(scope="module")
def undisturbed(unit, submitted, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    done = grade(unit, submitted, out, pool=Local())
    assert (done.graded, done.faults, done.stopped) == (STUDENTS, {}, False)
    found = outcome(out)
    assert len(found["students"]) == STUDENTS and len(found["grades"]) == 2 * STUDENTS
    return found


class Writer:
    """An `autograder grade` of its own session, and what it had started when it ended."""

    def __init__(self, submitted, out, *options):
        line = [sys.executable, "-m", "autograder", "grade", UNIT, "--submissions", str(submitted), "--out", str(out), *options]
        self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.records = out / "records"
        self.seen: dict[int, str] = {}

    @property
    def over(self) -> bool:
        return self.process.poll() is not None

    def done(self) -> int:
        return len(list(self.records.glob("*.json")))

    def started(self) -> dict[int, str]:
        found = descendants(self.process.pid)
        self.seen |= found
        return found

    def end(self, how: int) -> None:
        """Send a signal to this one process, or Ctrl-C to all of its terminal's as a shell does."""
        self.started()
        os.killpg(self.process.pid, how) if how == signal.SIGINT else self.process.send_signal(how)

    def said(self) -> tuple[int, str, str]:
        stdout, stderr = self.process.communicate(timeout=LONGEST)
        return self.process.returncode, stdout, stderr

    def nobody_left(self) -> bool:
        """Whether all that it started has ended, a moment later at most."""
        return wait_until(lambda: not {n for n, (_, name) in processes().items() if self.seen.get(n) == name}, 15)


def beginning(writer, course):
    """The writer's descendants that kill -9 may hit: workers and zygotes. What runs a student's code looks like a student's crash, so it is spared."""
    found = writer.started()
    workers = {number for number, (parent, name) in processes().items() if parent == writer.process.pid and name != "bwrap" and number in found}
    tracker = {number for number in workers if b"resource_tracker" in command(number)}
    return sorted(workers - tracker), sorted(number for number, name in found.items() if name == "bwrap")


def has_workers(writer) -> bool:
    return any(b"spawn_main" in command(number) for number in writer.started())


def command(number):
    try:
        with open(f"/proc/{number}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


def hit(numbers, chance) -> bool:
    if not numbers:
        return False
    try:
        os.kill(chance.choice(numbers), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def test_workers_zygotes_and_the_writer_are_killed(course, submitted, undisturbed, tmp_path):
    chance, out = random.Random(SEED), tmp_path / "out"
    plan = ["worker"] * 3 + ["zygote"] * 3 + ["writer"] * 2
    chance.shuffle(plan)
    moments = sorted(chance.sample(range(1, STUDENTS * 9 // 10), len(plan)))
    hits, writer = [], None
    for moment, victim in zip(moments, plan, strict=True):
        if writer is None or writer.over:
            writer = Writer(submitted, out)
        assert wait_until(lambda w=writer, m=moment: w.done() >= m or w.over, LONGEST, 0.01)
        time.sleep(chance.uniform(0, 0.1))
        if victim == "writer":
            writer.end(signal.SIGKILL)
            writer.said()
            assert writer.nobody_left()
            hits.append(victim)
        else:
            workers, zygotes = beginning(writer, course)
            hits += [victim] * hit(workers if victim == "worker" else zygotes, chance)
    last = writer if not writer.over else Writer(submitted, out)
    last.started()
    status, stdout, stderr = last.said()
    assert (status, stderr) == (0, ""), stdout[-2000:] + stderr
    assert "NOT graded" not in stdout and last.nobody_left()
    assert hits.count("writer") == 2 and {"worker", "zygote"} <= set(hits), hits
    assert outcome(out) == undisturbed
    again = Writer(submitted, out)
    assert f"0 graded, {STUDENTS} unchanged" in again.said()[1]
    assert sorted(p.name for p in out.iterdir()) == [".lock", "autograded", "feedback", "gradebook.db", "gradebook.db.lock", "manifest.json", "nbgrader_config.py", "records", "report.html", "results.json", "solutions", "submitted"]


def test_ctrl_c_leaves_a_consistent_gradebook_and_grade_goes_on(submitted, undisturbed, tmp_path):
    chance, out, some = random.Random(SEED + 1), tmp_path / "out", tmp_path / "some"
    students = sorted(path.name for path in submitted.iterdir())[:: STUDENTS // SOME]
    some.mkdir()
    for student in students:
        shutil.copytree(submitted / student, some / student)
    for part in (0, chance.randrange(1, SOME // 2), SOME // 2 + chance.randrange(1, SOME // 4)):
        writer = Writer(some, out)
        ready = (out / ".work").exists if part == 0 else lambda: True
        assert wait_until(lambda w=writer, m=part, r=ready: w.over or (w.done() >= m and has_workers(w) and r()), LONGEST, 0.01)
        time.sleep(chance.uniform(0, 0.3))
        writer.end(signal.SIGINT)
        status, stdout, stderr = writer.said()
        assert writer.nobody_left() and stderr == "", stderr[-2000:]
        if status == 130 and part == 0:  # still at its preparations
            assert not list((out / "records").glob("*"))
            continue
        assert status == 1 and "the same command goes on from here" in stdout
        found, listed = outcome(out), json.loads((out / "results.json").read_text())
        assert part <= len(listed) < len(students)
        assert found == only(undisturbed, listed)
    status, _, stderr = Writer(some, out).said()
    assert (status, stderr) == (0, "")
    assert outcome(out) == only(undisturbed, students)


def test_dask_workers_scheduler_and_the_writer_are_killed(submitted, undisturbed, tmp_path):
    pytest.importorskip("distributed", reason="Dask is not installed: pip install distributed")
    chance, out = random.Random(SEED + 2), tmp_path / "out"
    plan = ["worker", "scheduler", "writer", "worker"]
    moments = sorted(chance.sample(range(1, STUDENTS * 9 // 10), len(plan)))
    started: set[int] = set()
    with Cluster(tmp_path) as cluster:
        cluster.start_scheduler()
        cluster.start_worker()
        cluster.start_worker()
        options = ("--scheduler", cluster.address)
        writer = Writer(submitted, out, *options)
        for moment, victim in zip(moments, plan, strict=True):
            assert wait_until(lambda w=writer, m=moment: w.done() >= m or w.over, LONGEST, 0.01)
            assert not writer.over, writer.said()
            started |= {number for worker in cluster.workers for number in descendants(worker.pid)}
            time.sleep(chance.uniform(0, 0.1))
            if victim == "worker":
                kill(cluster.workers.pop(chance.randrange(2)))
                cluster.start_worker()
            elif victim == "scheduler":
                kill(cluster.scheduler)
                cluster.start_scheduler()
                for worker in cluster.workers:
                    kill(worker)
                cluster.workers.clear()
                cluster.start_worker()
                cluster.start_worker()
            else:
                writer.end(signal.SIGKILL)
                writer.said()
                writer = Writer(submitted, out, *options)
        status, stdout, stderr = writer.said()
        assert (status, stderr) == (0, ""), stdout[-2000:] + stderr
        started |= {number for worker in cluster.workers for number in descendants(worker.pid)}
        assert wait_until(lambda: not any(descendants(worker.pid) for worker in cluster.workers), 15)
    assert wait_until(lambda: not started & processes().keys(), 15)
    assert outcome(out) == undisturbed
