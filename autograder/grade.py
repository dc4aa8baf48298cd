"""`autograder grade`: a class of submissions into one folder, by one writer, so that it can be stopped and continued at any moment.

Workers judge (`pool`, `judge`); this process alone writes. Each student's graded notebook, marks, feedback page and, last of all, record are
written one after the other, each whole or not at all; who has a record with an unchanged key is not graded again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import platform
import shutil
import time
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import nbformat

from autograder import gradebook
from autograder.build import read_source, stale_now
from autograder.errors import CourseError
from autograder.feedback import feedback_page
from autograder.formgrader import furnish, note_submission
from autograder.hidden import prepare
from autograder.judge import Job, key_of
from autograder.limits import checked
from autograder.needs import needs
from autograder.pool import Local, Task, grade_all
from autograder.records import RECORDS, WORK, opened, read_records, uninterrupted, write_record, write_whole
from autograder.report import write_report
from autograder.results import RESULTS, results_of, write_results
from autograder.submissions import PATTERN, find_submissions
from autograder.units import Unit, exercises
from autograder.verdict import Verdict

JUDGING = ("judge.py", "attempt.py", "submissions.py", "names.py", "outputs.py", "limits.py", "hidden.py", "sandbox.py", "stock.py")
PACKAGES = ("numpy", "torch", "nbgrader", "ipython", "convnets-course")


@dataclass
class Graded:
    """What a run of `grade` did. changes: {student: (points before, points now)} of those whose marks changed. faults: who could not be graded, and why."""

    results: dict
    graded: int = 0
    unchanged: int = 0
    changes: dict[str, tuple[float, float]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    stopped: bool = False


def grade(
    unit: Unit,
    submissions: Path,
    out: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    pool=None,
    url: str | None = None,
    unsafe: bool = False,
    gpu: bool = False,
    check_built: bool = True,
) -> Graded:
    """Grade what lies in `submissions` and write `out`: records/, autograded/, feedback/, results.json, report.html, manifest.json and the gradebook.

    progress: called with (students done, students). pool: who grades; this machine's processes when None. url: the gradebook, one in `out`
    when None. unsafe: without a sandbox. gpu: let student code see the GPU. Ctrl-C ends the run with what is done (`stopped`); the same call goes on.
    A submission that cannot be graded costs only itself. Raises CourseError before anything is written, NoSandbox where there is none.
    """
    if check_built:
        require_built(unit)
    if PATTERN.search(str(out.absolute())):
        raise CourseError(f"nbgrader cannot work in {out.absolute()}, because the path holds one of [ ] * ?. Name another folder with --out.")
    found = find_submissions(submissions, unit)
    for submission in found:
        submission.path = submission.path and submission.path.absolute()
        if submission.path and (reason := gradebook.unfit_name(submission.student)):
            submission.path, submission.problem = None, f"not gradable: {reason}; rename the folder or file"
    started = datetime.now(UTC)
    pool = pool or Local()
    with opened(out), gradebook.open_book(url or gradebook.default_url(out)) as book:
        gradebook.prepare_assignment(book, unit.name, nbformat.read(unit.solution_notebook, as_version=4))
        furnish(out, unit, url or gradebook.default_url(out))
        questions = hidden_questions_of(unit, out.absolute() / WORK)
        job = job_of(unit, questions, unsafe, gpu)
        earlier = read_records(out)
        tasks = [Task(s, key_of(job, s)) for s in found]
        waiting = [t for t in tasks if not is_done(out, unit, earlier.get(t.submission.student), t.key)]
        done = Graded({}, unchanged=len(tasks) - len(waiting))
        progress(done.unchanged, len(tasks))
        try:
            with contextlib.closing(grade_all(job, waiting, pool)) as verdicts:
                for task, verdict in verdicts:
                    if isinstance(verdict, Exception):
                        done.faults[task.submission.student] = str(verdict) or type(verdict).__name__
                        continue
                    with uninterrupted():
                        old, new = write_verdict(unit, out, book, verdict)
                        if old is not None and not math.isclose(old, new, abs_tol=1e-9):
                            done.changes[verdict.student] = (old, new)
                        done.graded += 1
                    progress(done.unchanged + done.graded, len(tasks))
        except KeyboardInterrupt:
            done.stopped = True
        except CourseError:
            if done.graded:
                finish(unit, out, book)
            raise
        done.results = finish(unit, out, book)
        write_whole(out / "manifest.json", json.dumps(manifest(unit, job, out, done, started, walls_of(pool, job, done)), indent=1, ensure_ascii=False) + "\n")
    return done


def renew(unit: Unit, out: Path, *, feedback: bool = False, url: str | None = None, progress: Callable[[int, int], None] = lambda done, total: None) -> Path:
    """Bring results.json and the report of a grading up to date with its gradebook, and the feedback pages where asked for.

    Returns `out`. Raises CourseError when `out` holds no grading of this unit.
    """
    if not (out / RECORDS).is_dir():
        raise CourseError(f"{out} holds no grading. Grade first: autograder grade {unit.name}")
    records = read_records(out)
    names = {e.name for e in exercises(unit.name)}
    if not all(set(verdict.exercises) == names for verdict in records.values()):
        raise CourseError(f"{out} holds no grading of {unit.name} as it is now. Grade first: autograder grade {unit.name}")
    with opened(out), gradebook.open_book(url or gradebook.default_url(out)) as book:
        if feedback:
            for number, verdict in enumerate(records.values()):
                progress(number, len(records))
                write_feedback(unit, out, book, verdict)
        finish(unit, out, book)
    return out


def hidden_questions_of(unit: Unit, folder: Path) -> Path:
    """Write the unit's hidden questions into `folder`, where only this user can read them. The file's name tells its content: workers may remember files."""
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / "hidden.npz"
    prepare(unit.name, path)
    return path.rename(path.with_name(f"hidden-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}.npz"))


def require_built(unit: Unit) -> None:
    if not unit.graded:
        raise CourseError(f"{unit.name} is a chapter: it has no exercises to grade. Name an assignment or a lab.")
    if old := stale_now(unit):
        raise CourseError(f"{unit.name} is not built as its source stands ({old[0]} is stale). Run: autograder build {unit.name}")


def job_of(unit: Unit, questions: Path, unsafe: bool, gpu: bool) -> Job:
    """The job that grades this unit, from its source's header and its exercises."""
    found = needs(unit)
    facts = read_source(unit).metadata.get("convnets", {})
    declared = exercises(unit.name)
    limits = {"": checked(facts.get("limits", {}), str(unit.source))}
    limits |= {e.name: checked(e.limits, f"{unit.name}: {e.name}") for e in declared if e.limits}
    probes = {p.probe.partition(":")[0] for e in declared for p in e.properties if p.probe}
    found["modules"] = tuple(sorted({*found["modules"], *probes}))
    return Job(unit, str(questions), **found, limits=limits, gpu=gpu, unsafe=unsafe, version=version_of(unit, questions, found["kind"], limits, unsafe, gpu))


def version_of(unit: Unit, questions: Path, kind: str, limits: dict, unsafe: bool, gpu: bool) -> str:
    """A hash of everything beside the submission that decides marks: questions, notebook, limits, libraries and the judging code."""
    found = hashlib.sha256(repr((versions(), kind, sorted(limits.items()), unsafe, gpu, judging_code())).encode())
    for path in (questions, unit.student_notebook):
        found.update(path.read_bytes())
    return found.hexdigest()


def judging_code() -> str:
    """A hash of the code that comes to marks, as it is on disk now."""
    here = Path(__file__).parent
    found = hashlib.sha256()
    for path in (*sorted((here / "inside").glob("*.py")), *(here / name for name in JUDGING), *sorted((here.parent / "convnets").rglob("*.py"))):
        found.update(path.read_bytes())
    return found.hexdigest()


def versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


def is_done(out: Path, unit: Unit, record: Verdict | None, key: str) -> bool:
    """Whether a student was graded with the same key and all that was written then is still there."""
    if record is None or record.key != key:
        return False
    page = feedback_path(out, unit, record.student)
    return page.exists() and (bool(record.problem) or notebook_path(out, unit, record.student).exists())


def notebook_path(out: Path, unit: Unit, student: str) -> Path:
    return out / "autograded" / student / unit.name / f"{unit.name}.ipynb"


def feedback_path(out: Path, unit: Unit, student: str) -> Path:
    return out / "feedback" / student / unit.name / f"{unit.name}.html"


def write_verdict(unit: Unit, out: Path, book, verdict: Verdict) -> tuple[float | None, float]:
    """Write all that belongs to one student; the record, which says that this is done, last. Returns the points before, None if there were none, and now."""
    old = None
    if verdict.problem:
        shutil.rmtree(out / "autograded" / verdict.student, ignore_errors=True)
    else:
        write_whole(notebook_path(out, unit, verdict.student), verdict.notebook)
    if not gradebook.unfit_name(verdict.student):
        old = gradebook.record(book, unit.name, verdict)
    note_submission(out, unit.name, verdict)
    new = write_feedback(unit, out, book, verdict)
    write_record(out, verdict)
    return old, new


def write_feedback(unit: Unit, out: Path, book, verdict: Verdict) -> float:
    """The student's feedback page, from the graded notebook and the gradebook. Returns the points in the gradebook."""
    student, path = verdict.student, notebook_path(out, unit, verdict.student)
    notebook = None
    with contextlib.suppress(OSError, ValueError):
        notebook = nbformat.from_dict(json.loads(verdict.notebook or path.read_text(encoding="utf-8")))
    scores = gradebook.scores(book, unit.name, student).get(student, {})
    said = gradebook.comments(book, unit.name, student).get(student, {})
    penalty = gradebook.penalties(book, unit.name, student).get(student, 0.0)
    page = feedback_page(unit, student, notebook, scores, verdict.problem, said, verdict.exercises, penalty)
    write_whole(feedback_path(out, unit, student), page)
    return sum(scores.values())


def finish(unit: Unit, out: Path, book) -> dict:
    """Write results.json and the class report from the records and the gradebook. Returns the results."""
    results = results_of(read_records(out).values(), gradebook.scores(book, unit.name))
    write_results(out / RESULTS, results)
    write_report(unit, results, out / "report.html")
    return results


def walls_of(pool, job: Job, done: Graded) -> dict | str:
    """The layers that a worker found round a submission, in words where none was asked."""
    if job.unsafe:
        return "none (--unsafe)"
    if pool.walls is None or not (done.graded or pool.walls.done()):
        return "nothing was run"
    try:
        return pool.walls.result(timeout=0)
    except (Exception, CancelledError) as error:
        return f"bubblewrap; its layers were not looked at ({type(error).__name__})"


def manifest(unit: Unit, job: Job, out: Path, done: Graded, started: datetime, walls: dict | str) -> dict:
    """What a run was done with, and what came of it."""
    records: Iterable[Verdict] = read_records(out).values()
    return {
        "unit": unit.name,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round((datetime.now(UTC) - started).total_seconds(), 2),
        "graded": done.graded,
        "unchanged": done.unchanged,
        "stopped": done.stopped,
        "faults": done.faults,
        "versions": versions(),
        "libraries": job.kind,
        "limits": job.limits,
        "sandbox": walls,
        "gpu": job.gpu,
        "version": job.version,
        "questions": hashlib.sha256(Path(job.questions).read_bytes()).hexdigest(),
        "keys": {record.student: record.key for record in records},
        "cpu_seconds": {record.student: record.seconds for record in records},
        "memory_mb": {record.student: record.memory_mb for record in records},
        "written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
