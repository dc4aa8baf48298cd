"""Grading on a Dask cluster: the workers of a scheduler that runs, or Slurm jobs that are started for the purpose.

Workers run the same code as this machine's own processes. They must see the same files, under the same names, and have the same versions.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import Executor, Future
from functools import lru_cache
from pathlib import Path

from autograder import pool
from autograder.errors import CourseError
from autograder.grade import judging_code, version_of
from autograder.judge import Job, calls_in, questions_in
from autograder.submissions import Submission, template

LOADED = judging_code()
REACH_SECONDS = 10.0
RETURN_SECONDS = 60.0
VISIBLE_SECONDS = 5.0
GO_ON = "What is graded is kept; the same command goes on from here."
NOT_INSTALLED = "Grading on a cluster needs Dask. Install it here and for the workers: pip install distributed dask-jobqueue"
PER_JOB = {"cores": 2, "memory": "8GiB"}


def dask():
    """Dask's `distributed`, silent. Raises CourseError where it is not installed."""
    try:
        import distributed
        from dask import config
    except ImportError as error:
        raise CourseError(NOT_INSTALLED) from error
    for name in ("distributed", "distributed.client", "distributed.gc", "tornado.application", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    config.set({"distributed.comm.timeouts.connect": f"{REACH_SECONDS:g}s"})
    warnings.filterwarnings("ignore", module=r"distributed|dask_jobqueue")
    return distributed


# --- on the workers


def grade_here(job: Job, submission: Submission, key: str) -> str:
    """`pool.grade_one` on a worker of a cluster. Raises CourseError where this worker cannot do what the writer's machine would."""
    require_same(job)
    return pool.grade_one(job, submission, key)


@lru_cache(maxsize=1)
def require_same(job: Job) -> None:
    """Once for each job: forget what was read for an earlier one, and see that files and versions are the writer's."""
    questions_in.cache_clear()
    calls_in.cache_clear()
    template.cache_clear()
    files, me = (Path(job.questions), job.unit.student_notebook), f"The worker on {socket.gethostname()}"
    deadline = time.monotonic() + VISIBLE_SECONDS
    while missing := [file for file in files if not file.exists()]:
        if time.monotonic() > deadline:
            raise CourseError(f"{me} does not see {missing[0]}. All workers need the course and --out on a file system that they share, under the same paths.")
        time.sleep(0.2)
    if judging_code() != LOADED:
        raise CourseError(f"{me} runs an autograder that was changed since it started. Start the workers again.")
    if version_of(job.unit, Path(job.questions), job.kind, job.limits, job.unsafe, job.gpu) != job.version:
        raise CourseError(f"{me} has other versions of Python, of the libraries or of the autograder than this machine. Start the workers from the same environment.")


# --- on the writer's machine


class Scheduler:
    """The workers of a Dask scheduler. address: as `tcp://HOST:8786`."""

    def __init__(self, address: str):
        dask()
        self.address = address
        self.client = None
        self.walls: Future | None = None
        self.patience = REACH_SECONDS
        self.alone_since: float | None = None
        self.known, self.counted = 1, 0.0

    @property
    def count(self) -> int:
        """How many submissions the workers can take at once; asked for every few seconds."""
        if time.monotonic() - self.counted > pool.LOOK_EVERY:
            self.known, self.counted = max(1, sum(self.threads().values())), time.monotonic()
        return self.known

    def threads(self) -> dict[str, int]:
        """{worker: threads}; {} where nobody answers."""
        with contextlib.suppress(Exception):
            return self.client.nthreads()
        return {}

    def open(self) -> Executor:
        deadline = time.monotonic() + self.patience
        while self.client is None:
            try:
                self.client = self.connected(max(1.0, deadline - time.monotonic()))
            except (OSError, ValueError, TypeError) as error:
                if not isinstance(error, OSError) or time.monotonic() > deadline:
                    raise CourseError(f"There is no Dask scheduler at {self.address} ({one_line(error)}). {self.advice()}") from error
                time.sleep(0.5)
        self.patience = RETURN_SECONDS
        self.alone_since = None
        return self.client.get_executor(pure=False)

    def connected(self, seconds: float):
        return dask().Client(self.address, timeout=seconds)

    def advice(self) -> str:
        return GO_ON if self.patience == RETURN_SECONDS else "Start one with: dask scheduler; and workers with: dask worker ADDRESS --nthreads 1"

    def submit(self, executor: Executor, *task) -> Future:
        return executor.submit(grade_here, *task)

    def check(self, executor: Executor) -> None:
        """Raises CourseError when there has been no worker for a while."""
        if self.threads():
            self.alone_since = None
            return
        self.alone_since = self.alone_since or time.monotonic()
        if time.monotonic() - self.alone_since > RETURN_SECONDS:
            raise CourseError(f"The scheduler at {self.address} has had no worker for {RETURN_SECONDS:g} seconds. Start some: dask worker {self.address} --nthreads 1. {GO_ON}")

    def close(self, executor: Executor) -> None:
        client, self.client = self.client, None
        if client is None:
            return
        if client.status == "running":
            with contextlib.suppress(Exception):
                executor.shutdown(wait=False)
            with contextlib.suppress(Exception):
                client.run(pool.end_zygotes, on_error="ignore")
        with contextlib.suppress(Exception):
            client.close(timeout=5)


class Slurm(Scheduler):
    """Dask workers in Slurm jobs, and a scheduler in this process. jobs: how many. Queue, account, time, cores and memory of a job are Dask's settings (jobqueue.slurm)."""

    def __init__(self, jobs: int):
        if shutil.which("sbatch") is None:
            raise CourseError("--slurm: there is no `sbatch` on this machine. Run the command on a login node of a Slurm cluster, or use --scheduler.")
        super().__init__("Slurm")
        self.jobs = jobs
        self.cluster = None

    def connected(self, seconds: float):
        if self.cluster is None:
            self.cluster = slurm_cluster()
            require_accepted(self.cluster.job_script())
            self.cluster.scale(jobs=self.jobs)
        return dask().Client(self.cluster, timeout=max(seconds, REACH_SECONDS))

    def check(self, executor: Executor) -> None:
        """Jobs may wait in Slurm's queue for as long as it takes."""

    def close(self, executor: Executor) -> None:
        super().close(executor)
        cluster, self.cluster = self.cluster, None
        if cluster is not None:
            with contextlib.suppress(Exception):
                cluster.close(timeout=30)


def slurm_cluster():
    """A Dask cluster of Slurm jobs, each worker with one thread. Raises CourseError where dask-jobqueue is missing or its settings are wrong."""
    before = signal.getsignal(signal.SIGINT)
    dask()
    try:
        from dask import config
        from dask_jobqueue import SLURMCluster
    except ImportError as error:
        raise CourseError(NOT_INSTALLED) from error
    finally:
        signal.signal(signal.SIGINT, before)  # dask-jobqueue takes Ctrl-C for itself when it is imported
    wanted = {name: config.get(f"jobqueue.slurm.{name}", None) or value for name, value in PER_JOB.items()}
    try:
        return SLURMCluster(**wanted, processes=wanted["cores"], python=sys.executable)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise CourseError(f"--slurm: Dask's settings for Slurm do not work ({one_line(error)}). See ~/.config/dask/jobqueue.yaml.") from error


def require_accepted(script: str) -> None:
    """Ask Slurm whether it would run the job. Raises CourseError with its answer where it would not."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.sh"
        path.write_text(script, encoding="utf-8")
        asked = subprocess.run(["sbatch", "--test-only", os.fspath(path)], capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        raise CourseError(f"--slurm: Slurm would not run the job: {one_line(asked.stderr or asked.stdout)}. Set queue, account and time in ~/.config/dask/jobqueue.yaml.")


def one_line(text: object) -> str:
    return " ".join(str(text).split()).rstrip(".")
