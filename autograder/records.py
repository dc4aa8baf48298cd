"""A grading's folder: what lies in it, one record a student, and the lock that keeps a second grader out."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from autograder.errors import CourseError
from autograder.verdict import Verdict

try:
    import fcntl
except ImportError:
    fcntl = None

RECORDS = "records"
WORK = ".work"
OURS = {"gradebook.db", "gradebook.db.lock", "results.json", "report.html", "manifest.json", "autograded", "feedback", RECORDS, WORK, ".lock"}
OURS |= {"nbgrader_config.py", "solutions", "submitted"}


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C in the block takes effect when the block is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple] = []
    before = signal.signal(signal.SIGINT, lambda *how: came.append(how))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came and callable(before):
        before(*came[0])


@contextlib.contextmanager
def opened(out: Path) -> Iterator[None]:
    """Hold a grading's folder, made where it is missing. An OSError becomes a CourseError.

    Raises CourseError when it is a file, holds something else, cannot be written, or another grader is at work in it.
    """
    if out.is_dir():
        entries = {p.name for p in out.iterdir()}
        if entries and not entries & {"gradebook.db", RECORDS, WORK, ".lock"}:
            raise CourseError(f"{out} is not empty and holds no earlier grading. Name a new folder with --out, or empty this one.")
    elif out.exists():
        raise CourseError(f"{out} is a file, not a folder. Name another folder with --out.")
    new = not out.exists()
    try:
        out.absolute().mkdir(parents=True, exist_ok=True)
        lock = open(out / ".lock", "a")  # noqa: SIM115
    except (FileExistsError, NotADirectoryError) as error:
        raise CourseError(f"Cannot write {out}: {out.parent} is not a folder. Name another --out.") from error
    except OSError as error:
        raise CourseError(f"Cannot write {out}: {error.strerror}. Give yourself write permission for {out.parent}, or name another --out.") from error
    with lock:
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise CourseError(f"Another grader is at work in {out}. Wait until it is done, or name another folder with --out.") from error
        try:
            yield
        except OSError as error:
            raise CourseError(f"Cannot write {out}: {error.strerror or error} ({error.filename}).") from error
        finally:
            shutil.rmtree(out / WORK, ignore_errors=True)
            if new and not (out / RECORDS).exists() and not (out / "gradebook.db").exists():
                shutil.rmtree(out, ignore_errors=True)


def read_records(out: Path) -> dict[str, Verdict]:
    """{student: verdict} of everybody who has been graded; an unreadable record counts as none."""
    found = {}
    for path in sorted((out / RECORDS).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, TypeError):
            verdict = Verdict.from_json(path.read_text(encoding="utf-8"))
            found[verdict.student] = verdict
    return found


def write_record(out: Path, verdict: Verdict) -> None:
    """Keep a verdict without its notebook, which lies in autograded/. Written last: a record says that all else of this student is done."""
    write_whole(out / RECORDS / f"{verdict.student}.json", replace(verdict, notebook="").to_json())
