"""Grading on a Dask scheduler's workers and in Slurm jobs comes to what this machine's own processes come to."""

import os
import signal
import stat
import subprocess
import sys

import pytest
from dask_cluster import Cluster, free_port, wait_until
from many import descendants, outcome, write_class
from toy import UNIT

from autograder.errors import CourseError
from autograder.grade import grade
from autograder.pool import Local, chosen_pool

distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install distributed dask-jobqueue")
interrupt = signal.getsignal(signal.SIGINT)
pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed: pip install dask-jobqueue")
signal.signal(signal.SIGINT, interrupt)

from autograder import cluster  # noqa: E402

STUDENTS = 16
SBATCH = """#!/bin/sh
[ "$1" = --test-only ] && {{ echo "{answer}" >&2; exit {code}; }}
cp "$1" "$JOBS/job.$$"
setsid sh "$JOBS/job.$$" >"$JOBS/log.$$" 2>&1 </dev/null &
echo $! >>"$JOBS/started"
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
kill -9 -- -"$1"
echo "$1" >>"$JOBS/cancelled"
"""


pytestmark = pytest.mark.usefixtures("course")


@pytest.fixture(scope="module")
def submitted(course, tmp_path_factory):
    folder = tmp_path_factory.mktemp("class") / "submitted"
    write_class(course, folder, STUDENTS)
    return folder


@pytest.fixture(scope="module")
def here(unit, submitted, tmp_path_factory):
    """What this machine's own processes come to."""
    out = tmp_path_factory.mktemp("here") / "out"
    grade(unit, submitted, out, pool=Local())
    return outcome(out)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A scheduler with one worker that knows neither this course nor its secret."""
    with Cluster(tmp_path_factory.mktemp("dask")) as found:
        found.start_scheduler()
        found.start_worker(CONVNETS_COURSE="/nowhere", CONVNETS_SECRET="")
        yield found


def test_workers_of_a_scheduler_come_to_the_same(unit, submitted, here, running, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = grade(unit, submitted, tmp_path / "out", pool=chosen_pool(None, running.address, 0))
    assert (done.graded, done.faults) == (STUDENTS, {})
    assert outcome(tmp_path / "out") == here


def test_relative_folders_mean_the_same_to_the_workers(unit, submitted, here, running, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.symlink(submitted, "handed")
    from pathlib import Path

    done = grade(unit, Path("handed"), Path("out"), pool=chosen_pool(None, running.address, 0))
    assert (done.graded, done.faults) == (STUDENTS, {})
    assert outcome(tmp_path / "out") == here


def test_other_questions_in_the_same_place_are_not_mistaken_for_the_earlier_ones(unit, submitted, here, running, tmp_path, monkeypatch):
    from autograder.hidden import hidden_questions

    grade(unit, submitted, tmp_path / "out", pool=chosen_pool(None, running.address, 0))
    monkeypatch.setenv("CONVNETS_SECRET", "another secret")
    hidden_questions.cache_clear()
    try:
        done = grade(unit, submitted, tmp_path / "out", pool=chosen_pool(None, running.address, 0))
    finally:
        hidden_questions.cache_clear()
    assert (done.graded, done.faults, done.changes) == (STUDENTS, {}, {})
    assert outcome(tmp_path / "out")["grades"] == here["grades"]


def test_no_zygote_stays_on_a_worker(unit, submitted, running, tmp_path):
    grade(unit, submitted, tmp_path / "out", pool=chosen_pool(None, running.address, 0))
    assert wait_until(lambda: not descendants(running.workers[0].pid), 10)


def test_a_worker_that_does_not_see_the_files_is_told(unit, submitted, running, tmp_path, monkeypatch):
    real = cluster.Scheduler.submit

    def elsewhere(self, executor, job, submission, key):
        from dataclasses import replace

        return real(self, executor, replace(job, questions="/another/place/hidden.npz"), submission, key)

    monkeypatch.setattr(cluster.Scheduler, "submit", elsewhere)
    with pytest.raises(CourseError, match=r"The worker on .* does not see /another/place/hidden.npz. All workers need the course and --out on a file system that they share"):
        grade(unit, submitted, tmp_path / "out", pool=chosen_pool(None, running.address, 0))


def test_a_worker_with_other_versions_is_told(unit, submitted, running, tmp_path, monkeypatch):
    monkeypatch.setattr("autograder.grade.versions", lambda: {"numpy": "99"})
    with pytest.raises(CourseError, match="has other versions of Python, of the libraries or of the autograder"):
        grade(unit, submitted, tmp_path / "out", pool=chosen_pool(None, running.address, 0))


def autograder(*line, **environment):
    return subprocess.run([sys.executable, "-m", "autograder", *line], capture_output=True, text=True, timeout=100, env=os.environ | environment, check=False)


def test_an_unreachable_scheduler_is_one_line(submitted, tmp_path):
    address = f"tcp://127.0.0.1:{free_port()}"
    said = autograder("grade", UNIT, "--submissions", str(submitted), "--out", str(tmp_path / "out"), "--scheduler", address)
    assert said.returncode == 1
    assert said.stderr.count("\n") == 1 and f"There is no Dask scheduler at {address}" in said.stderr and "dask scheduler" in said.stderr
    assert not list(tmp_path.glob("out/records/*"))


@pytest.mark.parametrize("address", ["tcp://", "ftp://nowhere:1", "tcp://127.0.0.1:notaport"])
def test_a_wrong_address_is_one_line(unit, submitted, tmp_path, address, monkeypatch):
    monkeypatch.setattr(cluster, "REACH_SECONDS", 1.0)
    with pytest.raises(CourseError, match="There is no Dask scheduler at "):
        grade(unit, submitted, tmp_path / "out", pool=chosen_pool(None, address, 0))


def test_a_scheduler_without_workers_is_told(unit, submitted, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "RETURN_SECONDS", 1.0)
    monkeypatch.setattr("autograder.pool.LOOK_EVERY", 0.3)
    with Cluster(tmp_path) as empty:
        empty.start_scheduler()
        with pytest.raises(CourseError, match=r"has had no worker for 1 seconds\. Start some: dask worker"):
            grade(unit, submitted, tmp_path / "out", pool=chosen_pool(None, empty.address, 0))


def test_only_one_way_of_grading_can_be_asked_for():
    with pytest.raises(CourseError, match="exclude each other"):
        chosen_pool(2, "tcp://127.0.0.1:1", 0)
    with pytest.raises(CourseError, match="exclude each other"):
        chosen_pool(None, "tcp://127.0.0.1:1", 3)


# --- Slurm


def program(path, text):
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Commands named sbatch and scancel that run a job at once on this machine; the folder where they note what they did."""
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    program(jobs / "sbatch", SBATCH.format(answer="sbatch: Job 1 to start now", code=0))
    program(jobs / "scancel", SCANCEL)
    monkeypatch.setenv("PATH", f"{jobs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("JOBS", str(jobs))
    monkeypatch.chdir(tmp_path)
    return jobs


def test_without_sbatch_it_is_one_line(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CourseError, match=r"^--slurm: there is no `sbatch` on this machine\. Run the command on a login node .*$"):
        chosen_pool(None, None, 2)


def test_the_job_script_starts_single_threaded_workers_of_this_python(slurm):
    dask = pytest.importorskip("dask")
    with dask.config.set({"jobqueue.slurm.queue": "teaching", "jobqueue.slurm.account": "cs101", "jobqueue.slurm.cores": 4, "jobqueue.slurm.memory": "12GB"}):
        found = cluster.slurm_cluster()
        try:
            script = found.job_script()
        finally:
            found.close()
    lines = script.splitlines()
    assert lines[0].startswith("#!")
    assert {"#SBATCH -p teaching", "#SBATCH -A cs101", "#SBATCH -n 1", "#SBATCH --cpus-per-task=4", "#SBATCH --mem=12G"} <= set(lines)
    start = next(line for line in lines if line.startswith(sys.executable))
    assert "distributed.cli.dask_worker tcp://" in start and "--nthreads 1" in start and "--nworkers 4" in start


def test_a_job_that_slurm_would_not_run_is_one_line(unit, submitted, slurm, tmp_path):
    program(slurm / "sbatch", SBATCH.format(answer="sbatch: error: invalid partition specified: gpu", code=1))
    with pytest.raises(CourseError, match="Slurm would not run the job: sbatch: error: invalid partition specified: gpu"):
        grade(unit, submitted, tmp_path / "out", pool=chosen_pool(None, None, 1))
    assert not (slurm / "started").exists()


def test_slurm_jobs_come_to_the_same_and_are_cancelled(unit, submitted, here, slurm, tmp_path):
    dask = pytest.importorskip("dask")
    with dask.config.set({"jobqueue.slurm.cores": 1, "jobqueue.slurm.memory": "4GB", "jobqueue.slurm.interface": "lo"}):
        done = grade(unit, submitted, tmp_path / "out", pool=chosen_pool(None, None, 1))
    assert (done.graded, done.faults) == (STUDENTS, {})
    assert outcome(tmp_path / "out") == here
    assert (slurm / "started").read_text().split() == (slurm / "cancelled").read_text().split()


def test_importing_dask_jobqueue_leaves_ctrl_c_alone():
    program = "import contextlib, signal, sys\nfrom autograder import cluster\nwith contextlib.suppress(Exception): cluster.slurm_cluster()\n"
    program += "assert 'dask_jobqueue.runner' in sys.modules\nassert signal.getsignal(signal.SIGINT) is signal.default_int_handler"
    subprocess.run([sys.executable, "-c", program], check=True)
