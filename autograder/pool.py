"""Who grades: processes of this machine, or the workers of a Dask cluster; the same code runs on both.

A worker that dies takes nothing with it: its submission is graded by another one. What fails again and again is told as a fault of the
machinery, never as a student's zero.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from autograder.errors import CourseError
from autograder.judge import Job, grade_submission
from autograder.sandbox import Fault, NoSandbox, Zygote
from autograder.stock import grade_with_nbgrader
from autograder.submissions import Submission
from autograder.verdict import Verdict

TRIES = 6
PARENT_DEATH_SIGNAL = 1
mine = threading.local()
core: int | None = None


@dataclass
class Task:
    """One submission to grade. tries: how often it was begun."""

    submission: Submission
    key: str
    tries: int = 0


def cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def grade_one(job: Job, submission: Submission, key: str) -> str:
    """Grade a submission in this worker and return its verdict as JSON. A faulty zygote is replaced, twice."""
    if job.unsafe:
        return grade_with_nbgrader(job, submission, key).to_json()
    for last in (False, False, True):
        try:
            return grade_submission(job, zygote_for(job), submission, key).to_json()
        except Fault:
            drop_zygote()
            if last:
                raise
    raise AssertionError("unreachable")


def zygote_for(job: Job) -> Zygote:
    """This thread's zygote, started on first use and again when it is worn or the job is another one."""
    wanted = (job.kind, job.modules, tuple(sorted(job.shared.items())), job.gpu)
    if getattr(mine, "zygote", None) is None or mine.zygote.worn or mine.wanted != wanted:
        drop_zygote()
        mine.zygote, mine.wanted = Zygote(job.kind, job.modules, job.shared, core, gpu=job.gpu), wanted
    return mine.zygote


def drop_zygote() -> None:
    if getattr(mine, "zygote", None) is not None:
        mine.zygote.close()
        mine.zygote = None


def start_worker(slots) -> None:
    """Begin a process of the pool: it ends with its parent, leaves Ctrl-C to it, and pins its zygotes to a core of their own."""
    global core
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != multiprocessing.parent_process().pid:
            os._exit(1)
    with contextlib.suppress(Exception):
        core = slots.get(timeout=1)


class Local:
    """Processes of this machine, one for each core."""

    def __init__(self, count: int | None = None):
        self.cores = cores()
        self.count = count or len(self.cores)

    def open(self) -> Executor:
        context = multiprocessing.get_context("spawn")
        slots = context.Queue()
        for number in range(self.count):
            slots.put(self.cores[number % len(self.cores)])
        return ProcessPoolExecutor(self.count, context, start_worker, (slots,))

    def close(self, executor: Executor) -> None:
        processes = list((getattr(executor, "_processes", None) or {}).values())
        executor.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()
        for process in processes:
            process.join()


def chosen_pool(workers: int | None, scheduler: str | None, slurm: int):
    """The pool that the command line asks for. Raises CourseError when it asks for two."""
    if bool(workers) + bool(scheduler) + bool(slurm) > 1:
        raise CourseError("--workers, --scheduler and --slurm exclude each other: name one.")
    if scheduler or slurm:
        from autograder.cluster import Scheduler, Slurm

        return Scheduler(scheduler) if scheduler else Slurm(slurm)
    return Local(workers)


def grade_all(job: Job, tasks: Iterable[Task], pool) -> Iterator[tuple[Task, Verdict | Exception]]:
    """Verdicts in the order in which they come; an exception where the machinery failed `TRIES` times.

    pool: has `count`, `open()` for an executor and `close(executor)`. Raises NoSandbox at once: no other submission would fare better.
    """
    waiting = deque(tasks)
    running: dict[Future, Task] = {}
    executor = pool.open()
    try:
        while waiting or running:
            broken = False
            while waiting and len(running) < 2 * pool.count and not broken:
                task = waiting.popleft()
                task.tries += 1
                try:
                    running[executor.submit(grade_one, job, task.submission, task.key)] = task
                except (BrokenProcessPool, RuntimeError):
                    task.tries -= 1
                    waiting.appendleft(task)
                    broken = True
            done, _ = wait(running, return_when=FIRST_COMPLETED) if running else (set(), set())
            for future in done:
                task = running.pop(future)
                try:
                    yield task, Verdict.from_json(future.result())
                except NoSandbox:
                    raise
                except (Exception, CancelledError) as error:
                    broken = broken or not isinstance(error, Fault)
                    if task.tries >= TRIES:
                        yield task, error if isinstance(error, Exception) else Fault("the worker was lost")
                    else:
                        waiting.append(task)
            if broken:
                for task in running.values():
                    waiting.append(task)
                running.clear()
                pool.close(executor)
                executor = pool.open()
    finally:
        pool.close(executor)
