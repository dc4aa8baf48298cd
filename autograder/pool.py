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
from asyncio import CancelledError as Cancelled
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from dataclasses import dataclass, replace

from autograder import cgroup
from autograder.errors import CourseError
from autograder.judge import Job, grade_submission, key_of
from autograder.sandbox import Fault, NoSandbox, Zygote
from autograder.submissions import Submission, template
from autograder.verdict import Verdict

TRIES = 6
ALONE = 2
LOOK_EVERY = 5.0
PARENT_DEATH_SIGNAL = 1
INTERRUPT = {signal.SIGINT}
lock = threading.Lock()
idle: list[tuple[tuple, Zygote]] = []
core: int | None = None
walled = False


@dataclass
class Task:
    """One submission to grade. tries: how often it was begun."""

    submission: Submission
    key: str
    tries: int = 0


def cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def grade_one(job: Job, submission: Submission, key: str) -> str:
    """Grade a submission in this worker and return its verdict as JSON. A faulty zygote is replaced, twice.

    Raises Fault when the files are not those that `key` was made of: changed in the meantime, or not to be read from here.
    """
    verdict = graded(job, replace(submission), key)
    if key_of(job, submission) != key:
        raise Fault("its files changed while it was graded, or cannot be read by the worker")
    return verdict.to_json()


def graded(job: Job, submission: Submission, key: str) -> Verdict:
    if job.unsafe:
        from autograder.stock import grade_with_nbgrader

        return grade_with_nbgrader(job, submission, key)
    for last in (False, False, True):
        try:
            with zygote_for(job) as zygote:
                return grade_submission(job, zygote, submission, key)
        except Fault:
            if last:
                raise
    raise AssertionError("unreachable")


@contextlib.contextmanager
def zygote_for(job: Job) -> Iterator[Zygote]:
    """A zygote for one submission: one that waits in this process, or a new one. Whatever goes wrong ends it."""
    global walled
    wanted = (job.kind, job.modules, tuple(sorted(job.shared.items())), job.gpu)
    zygote = waiting_zygote(wanted)
    if zygote is None:
        try:
            zygote = Zygote(job.kind, job.modules, job.shared, core, gpu=job.gpu)
        except NoSandbox as error:
            if walled:
                raise Fault(str(error)) from error
            raise
        walled = True
    try:
        yield zygote
    except BaseException:
        zygote.close()
        raise
    with lock:
        idle.append((wanted, zygote))


def waiting_zygote(wanted: tuple) -> Zygote | None:
    """Take a zygote of this sort that is not worn; all others that wait are ended."""
    with lock:
        kept, idle[:] = idle[:], []
    found = None
    for sort, zygote in kept:
        if found is None and sort == wanted and not zygote.worn:
            found = zygote
        elif sort == wanted and not zygote.worn:
            with lock:
                idle.append((sort, zygote))
        else:
            zygote.close()
    return found


def look_at_walls(job: Job) -> dict[str, dict]:
    """The layers of the sandbox that hold round a submission in this worker, as `layers.as_json` gives them."""
    from autograder.layers import as_json, look

    with zygote_for(job) as zygote:
        return as_json(look(zygote, job.kind))


def warm_up(job: Job) -> None:
    """Have a zygote wait in this worker, and the unit's notebook read."""
    with zygote_for(job):
        template(job.unit)


def end_zygotes() -> None:
    """End the zygotes that wait in this process."""
    waiting_zygote(())


def start_worker(slots) -> None:
    """Begin a process of the pool: it ends with its parent, leaves Ctrl-C to it, and pins its zygotes to a core of their own."""
    global core
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, INTERRUPT)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != multiprocessing.parent_process().pid:
            os._exit(1)
    with contextlib.suppress(Exception):
        core = slots.get(timeout=1)


@contextlib.contextmanager
def no_interrupt() -> Iterator[None]:
    """Ctrl-C waits until the block is done; processes that are started in it do not get it before `start_worker`."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPT)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Local:
    """Processes of this machine, one for each core."""

    def __init__(self, count: int | None = None):
        self.cores = cores()
        self.count = count or len(self.cores)
        self.begun: Executor | None = None
        self.walls: Future | None = None

    def warm(self, job: Job) -> None:
        """Start the workers and their zygotes before the submissions are known, and look at the walls. `dismiss` ends them where they were not used."""
        self.begun = self.open()
        with no_interrupt():
            self.walls = self.begun.submit(look_at_walls, job)
            for _ in range(self.count):
                self.begun.submit(warm_up, job)

    def dismiss(self) -> None:
        if self.begun is not None:
            self.close(self.begun)
            self.begun = None

    def open(self) -> Executor:
        if self.begun is not None:
            executor, self.begun = self.begun, None
            return executor
        with contextlib.suppress(cgroup.Unusable):
            cgroup.enter()
        context = multiprocessing.get_context("spawn")
        slots = context.Queue()
        for number in range(self.count):
            slots.put(self.cores[number % len(self.cores)] if self.count >= len(self.cores) else None)
        return ProcessPoolExecutor(self.count, context, start_worker, (slots,))

    def submit(self, executor: Executor, *task) -> Future:
        with no_interrupt():
            return executor.submit(grade_one, *task)

    def check(self, executor: Executor) -> None:
        """Nothing to look after: an executor tells when a process of its own ends."""

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

    pool: has `count`, `walls` (the future of `look_at_walls`, None until somebody asks), `open()` for an executor,
    `submit(executor, job, submission, key)` for a future of `grade_one`, `check(executor)`, called while nothing comes, and `close(executor)`. Raises CourseError at once (no sandbox, no worker), for no other submission would fare better.
    """
    waiting = deque(tasks)
    running: dict[Future, Task] = {}
    breaks = 0
    if not waiting:
        return
    executor = pool.open()
    try:
        if not job.unsafe and pool.walls is None:
            with contextlib.suppress(Exception), no_interrupt():
                pool.walls = executor.submit(look_at_walls, job)
        while waiting or running:
            broken = hopeless = None
            while waiting and has_room(waiting[0], running.values(), pool.count):
                task = waiting.popleft()
                try:
                    running[pool.submit(executor, job, task.submission, task.key)] = task
                except Exception as error:
                    waiting.appendleft(task)
                    broken = error
                    break
                task.tries += 1
            done = wait(running, LOOK_EVERY, FIRST_COMPLETED).done if running else ()
            if running and not done:
                pool.check(executor)
            for future in done:
                task = running.pop(future)
                try:
                    verdict = Verdict.from_json(future.result())
                except CourseError as error:
                    hopeless = error
                    continue
                except (Exception, Cancelled) as error:
                    if isinstance(error, (BrokenExecutor, CancelledError, Cancelled)):
                        broken = error
                    if task.tries < TRIES:
                        waiting.append(task)
                        continue
                    verdict = error if isinstance(error, Exception) else Fault("the worker was lost")
                breaks = 0
                yield task, verdict
            if hopeless is not None:
                raise hopeless
            if broken is not None:
                breaks += 1
                if breaks > 4 * TRIES:
                    raise CourseError(f"The workers end again and again before they have graded anything ({broken!r}). The same command goes on from here.")
                waiting.extend(running.values())
                running.clear()
                pool.close(executor)
                executor = pool.open()
    finally:
        pool.close(executor)


def has_room(task: Task, running: Iterable[Task], count: int) -> bool:
    """Whether a task may begin now. One that failed `ALONE` times runs by itself, so that it costs no other a try."""
    running = list(running)
    alone = task.tries >= ALONE or any(other.tries > ALONE for other in running)
    return not running if alone else len(running) < 2 * count
