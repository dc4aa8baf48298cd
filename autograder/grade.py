"""`autograder grade`: a class through stock nbgrader, in parallel, into one folder that is written whole or not at all.

Each worker process runs nbgrader's own converters on a course folder of its own, with a copy of the gradebook; one writer then carries the scores
into the class's gradebook through nbgrader's API. A score or comment that a person gave is never touched.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat

from autograder.build import stale
from autograder.errors import CourseError
from autograder.feedback import problem_page
from autograder.hidden import PREPARED, prepare
from autograder.report import write_report
from autograder.results import RESULTS, assemble, read_results, write_results
from autograder.submissions import PATTERN, Submission, Unreadable, find_submissions, mend, read_notebook
from autograder.units import Unit, exercises
from autograder.worker import convert, load_config

GRADEBOOK = "gradebook.db"
HIDDEN = "hidden.npz"
DIED = "the grading process died"
OURS = {GRADEBOOK, RESULTS, "report.html", "autograded", "feedback"}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def grade(unit: Unit, submissions: Path, out: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> dict:
    """Grade what lies in `submissions` and write `out`: results.json, report.html, gradebook.db, autograded/ and feedback/.

    Returns the results, {student: {exercise: {"points", "max_points", "properties"}}}. A submission that cannot be graded costs
    only itself. progress: called with (students done, students). Raises CourseError before anything is written.
    """
    require_built(unit)
    return grade_built(unit, submissions, out, progress)


def grade_built(unit: Unit, submissions: Path, out: Path, progress: Callable[[int, int], None]) -> dict:
    """`grade` for a unit that is known to be built as its source stands."""
    warnings.filterwarnings("ignore", module=r"nbgrader\.")
    found = find_submissions(submissions, unit)
    require_ours(out)
    with aside(out) as work:
        prepare_gradebook(unit, out, work)
        waiting = [s for s in found if take_in(unit, s, work)]
        prepare(unit.name, work / HIDDEN)
        progress(0, len(waiting))
        run_workers(unit, work, waiting, progress)
        for submission in found:
            if submission.path and submission.problem:
                record_nothing(unit, submission, work)
        results = assemble(unit, work, found)
        write_results(work / RESULTS, results)
        write_report(unit, results, work / "report.html")
        replace_folder(work, out)
    return results


def renew(unit: Unit, out: Path, *, feedback: bool = False, progress: Callable[[int, int], None] = lambda done, total: None) -> Path:
    """Bring results.json and the report of an earlier grading up to date with its gradebook, and the feedback pages where asked for.

    Returns `out`. Raises CourseError when `out` holds no grading of this unit.
    """
    old = read_results(out)
    if not all(set(student) == {e.name for e in exercises(unit.name)} for student in old.values()):
        raise CourseError(f"{out} holds no grading of {unit.name} as it is now. Grade first: autograder grade {unit.name}")
    found = [earlier(unit, out, student, old[student]) for student in old]
    with aside(out) as work:
        for name in OURS - {RESULTS, "report.html"}:
            if (out / name).exists():
                (shutil.copytree if (out / name).is_dir() else shutil.copy)(out / name, work / name)
        if feedback:
            config = load_config(work, unit.name)
            graded = [s.student for s in found if not s.problem]
            for number, student in enumerate(graded):
                progress(number, len(graded))
                convert("feedback", config, student)
        results = assemble(unit, work, found)
        write_results(work / RESULTS, results)
        write_report(unit, results, work / "report.html")
        replace_folder(work, out)
    return out


def earlier(unit: Unit, out: Path, student: str, entries: dict) -> Submission:
    """The submission as an earlier grading's results tell of it."""
    notes = [f"{name}: {entry['note']}" for name, entry in entries.items() if "note" in entry]
    path = out / "autograded" / student / unit.name / f"{unit.name}.ipynb"
    if path.exists():
        return Submission(student, path, "", notes)
    return Submission(student, None, next(iter(entries.values())).get("problem", "not gradable: the graded notebook is gone"), notes)


def require_built(unit: Unit) -> None:
    if not unit.graded:
        raise CourseError(f"{unit.name} is a chapter: it has no exercises to grade. Name an assignment or a lab.")
    if old := stale([unit]):
        raise CourseError(f"{unit.name} is not built as its source stands ({old[0]} is stale). Run: autograder build {unit.name}")


def require_ours(out: Path) -> None:
    """Refuse to replace a folder that holds something other than an earlier grading, or whose path nbgrader takes for a pattern."""
    if PATTERN.search(str(out.absolute())):
        raise CourseError(f"nbgrader cannot work in {out.absolute()}, because the path holds one of [ ] * ?. Name another folder with --out.")
    if out.is_dir():
        entries = {p.name for p in out.iterdir()}
        if entries and not {RESULTS, GRADEBOOK} <= entries:
            raise CourseError(f"{out} is not empty and holds no earlier grading. Name a new folder with --out, or empty this one.")
    elif out.exists():
        raise CourseError(f"{out} is a file, not a folder. Name another folder with --out.")


@contextlib.contextmanager
def aside(out: Path) -> Iterator[Path]:
    """A new folder beside `out` to work in, gone at the end; an OSError becomes a CourseError."""
    work = out.absolute().with_name(f".{out.absolute().name}.{os.getpid()}.part")
    try:
        work.parent.mkdir(parents=True, exist_ok=True)
        work.mkdir()
    except (FileExistsError, NotADirectoryError) as error:
        raise CourseError(f"Cannot write {out}: {work.parent} is not a folder. Name another --out.") from error
    except OSError as error:
        raise CourseError(f"Cannot write {out}: {error.strerror}. Give yourself write permission for {work.parent}, or name another --out.") from error
    try:
        yield work
    except OSError as error:
        raise CourseError(f"Cannot write {out}: {error.strerror or error} ({error.filename}).") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def prepare_gradebook(unit: Unit, out: Path, work: Path) -> None:
    """The unit's exercises in the class's gradebook, by nbgrader's own step; an earlier gradebook is carried on."""
    if (out / GRADEBOOK).exists():
        shutil.copy(out / GRADEBOOK, work / GRADEBOOK)
    shutil.copytree(unit.solution_notebook.parent, work / "solutions" / unit.name)
    try:
        convert("release", load_config(work, unit.name))
    except RuntimeError as error:
        raise CourseError(
            f"The gradebook {out / GRADEBOOK} does not fit {unit.name} as it is now ({error}). Move {out} away, or name another --out."
        ) from error


def take_in(unit: Unit, submission: Submission, work: Path) -> bool:
    """Put a mended copy of the submission where nbgrader will look. False when it cannot be graded, with the problem noted."""
    if submission.path is None:
        return False
    folder = work / "submitted" / submission.student / unit.name
    try:
        notebook, submission.notes = mend(unit, read_notebook(submission.path))
    except Unreadable as error:
        submission.problem = f"not readable: {error}"
        return False
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{unit.name}.ipynb")
    if submission.path.parent.name in (unit.name, submission.student):
        for file in sorted(submission.path.parent.iterdir()):
            if file.suffix != ".ipynb" and file.is_file() and not file.is_symlink() and not bad_time(file):
                shutil.copyfile(file, folder / file.name)
    return True


def bad_time(file: Path) -> bool:
    """Whether the file is a timestamp that nbgrader would stop at."""
    if file.name != "timestamp.txt":
        return False
    from nbgrader.utils import parse_utc

    try:
        parse_utc(file.read_text(encoding="utf-8").strip())
    except (ValueError, OverflowError):
        return True
    return False


def run_workers(unit: Unit, work: Path, submissions: list[Submission], progress: Callable[[int, int], None]) -> None:
    """Autograde and write feedback with one process for each core. Who gets no result is tried once more, alone."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    waiting, done = queue.SimpleQueue(), set()
    for submission in submissions:
        waiting.put(submission.student)

    def one_done(student: str) -> None:
        done.add(student)
        progress(len(done), len(submissions))

    with ThreadPoolExecutor(cores) as pool:
        jobs = [pool.submit(run_worker, unit, work, f"worker-{i}", waiting, one_done) for i in range(min(cores, len(submissions)))]
        problems = {student: problem for job in jobs for student, problem in job.result().items()}
    for number, submission in enumerate(submissions):
        if problems.get(submission.student, DIED):
            waiting.put(submission.student)
            again = run_worker(unit, work, f"again-{number}", waiting, one_done)
            if problem := again.get(submission.student, DIED):
                submission.problem = f"not gradable: {problem}"


def run_worker(unit: Unit, work: Path, name: str, waiting: queue.SimpleQueue, one_done: Callable[[str], None]) -> dict[str, str]:
    """Let a worker process grade students from the queue and carry its results into `work`. Returns {student: problem or ""}."""
    folder = work / name
    shutil.copytree(work / "solutions", folder / "solutions")
    shutil.copy(work / GRADEBOOK, folder / GRADEBOOK)
    command = [sys.executable, "-m", "autograder.worker", str(folder), unit.name]
    environment = os.environ | dict.fromkeys(THREADS, "1") | {"CONVNETS_COURSE": str(unit.root), PREPARED: str(work / HIDDEN), "PYTHONWARNINGS": "ignore"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    problems = {}
    process = subprocess.Popen(command, **pipes, text=True, env=environment, encoding="utf-8")
    try:
        while (student := next_of(waiting)) is not None:
            shutil.copytree(work / "submitted" / student, folder / "submitted" / student)
            process.stdin.write(json.dumps(student) + "\n")
            process.stdin.flush()
            problems[student] = answer(process.stdout)
            one_done(student)
    except BrokenPipeError:
        problems[student] = DIED
    finally:
        process.kill()
        process.wait()
    good = [student for student, problem in problems.items() if not problem]
    with WRITER:
        carry_scores(unit, folder / GRADEBOOK, work / GRADEBOOK, good)
    for step in ("autograded", "feedback"):
        for student in good:
            target = work / step / student / unit.name
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder / step / student / unit.name, target)
    shutil.rmtree(folder)
    return problems


def next_of(waiting: queue.SimpleQueue) -> str | None:
    try:
        return waiting.get_nowait()
    except queue.Empty:
        return None


def answer(lines: Iterable[str]) -> str:
    """The problem that the worker's next answer tells of, "" for none."""
    for line in lines:
        with contextlib.suppress(ValueError):
            return json.loads(line)["problem"]
    return DIED


WRITER = threading.Lock()


def carry_scores(unit: Unit, source: Path, target: Path, students: list[str]) -> None:
    """Copy what nbgrader found out about these students from one gradebook to another; manual scores and comments stay as they are."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{source}") as new, Gradebook(f"sqlite:///{target}") as book:
        for student in students:
            found = new.find_submission(unit.name, student)
            book.update_or_create_student(student)
            book.update_or_create_submission(unit.name, student, timestamp=found.timestamp)
            for notebook in found.notebooks:
                own = book.find_submission_notebook(notebook.name, unit.name, student)
                own.late_submission_penalty = notebook.late_submission_penalty
                for score in notebook.grades:
                    kept = book.find_grade(score.name, notebook.name, unit.name, student)
                    kept.auto_score, kept.needs_manual_grade = score.auto_score, score.needs_manual_grade
                for comment in notebook.comments:
                    book.find_comment(comment.name, notebook.name, unit.name, student).auto_comment = comment.auto_comment
        book.db.commit()


def record_nothing(unit: Unit, submission: Submission, work: Path) -> None:
    """Score 0 in the gradebook, and a page that tells the student why."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{work / GRADEBOOK}") as book:
        book.update_or_create_student(submission.student)
        found = book.update_or_create_submission(unit.name, submission.student)
        for notebook in found.notebooks:
            for score in notebook.grades:
                score.auto_score, score.needs_manual_grade = 0.0, score.manual_score is not None
        book.db.commit()
    folder = work / "feedback" / submission.student / unit.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{unit.name}.html").write_text(problem_page(unit.name, submission.student, submission.problem), encoding="utf-8")


def replace_folder(work: Path, out: Path) -> None:
    """Put the finished grading in the place of `out`; what else lay there comes along."""
    for entry in list(work.iterdir()):
        if entry.name not in OURS:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    old = work.with_name(work.name + ".old")
    if out.exists():
        os.replace(out, old)
    try:
        os.replace(work, out)
    except OSError:
        if old.exists():
            os.replace(old, out)
        raise
    if old.exists():
        for entry in old.iterdir():
            if entry.name not in OURS:
                os.replace(entry, out / entry.name)
        shutil.rmtree(old)
