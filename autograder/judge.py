"""The judge: one submission in, one verdict out. Student code runs in the sandbox; comparing and deciding happen here.

The submitted notebook is never executed: the master is rebuilt (`submissions.mend`), the student's cells go into the sandbox one by one,
and where the master has a check cell the judge asks its questions. What comes back is arrays and short texts, each one checked.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import stat
import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import nbformat

from autograder.attempt import WORDS, Attempt, Breach, Calls, Ended, calls_of, kind_of_error, words
from autograder.hidden import MIME, without_values
from autograder.limits import Limits
from autograder.nbgrader_rules import checksum
from autograder.sandbox import Zygote
from autograder.submissions import LARGEST, SKIP, Submission, mended, notes_on
from autograder.units import Unit
from autograder.verdict import Verdict
from convnets.check.html import as_html
from convnets.check.questions import ExerciseQuestions, load
from convnets.check.report import Report, judge
from convnets.check.run import TimeLimit
from convnets.check.text import as_text
from convnets.check.values import Outcome

CRASHES = 3
MOST_ATTEMPTS = 24
FULL = ("memory limit", "process limit", "disk limit")
FINAL = ("time limit", "output limit", "process limit", "memory limit")
HANDED_IN_MB = 64
HANDED_IN_FILES = 500


@dataclass(frozen=True)
class Job:
    """What is the same for a whole class. questions: file of hidden questions. kind, modules: the zygote's. limits: by exercise, "" for all.

    links: files of the unit that lie beside the notebook, {name: place in the sandbox}. shared: {place below /sandbox: file}.
    gpu: answer in the student's process itself, which may hold a GPU. unsafe:
    let stock nbgrader execute notebooks without a sandbox. version: changes whenever marks could.
    """

    unit: Unit
    questions: str
    kind: str
    modules: tuple[str, ...]
    limits: dict[str, dict] = field(hash=False)
    links: dict[str, str] = field(hash=False)
    shared: dict[str, Path] = field(hash=False)
    gpu: bool = False
    unsafe: bool = False
    version: str = ""


@lru_cache(maxsize=2)
def questions_in(path: str) -> dict[str, ExerciseQuestions]:
    return load(path)[1]


@lru_cache(maxsize=64)
def calls_in(path: str, name: str, first: int) -> Calls:
    return calls_of(questions_in(path)[name], first)


def key_of(job: Job, submission: Submission) -> str:
    """A hash of all that decides a submission's marks: what was handed in, the questions, the limits and the versions."""
    found = hashlib.sha256(job.version.encode())
    found.update(repr((submission.student, submission.problem, submission.timestamp)).encode())
    if submission.path is not None:
        for name, content in {"": notebook_bytes(submission.path), **handed_in(submission)}.items():
            found.update(f"{name}\0{len(content)}\0".encode(errors="surrogateescape"))
            found.update(content)
    return found.hexdigest()


def notebook_bytes(path: Path) -> bytes:
    """The file's bytes, b"" where it is no plain file; of one that is too large to be read only its size."""
    with contextlib.suppress(OSError):
        facts = path.lstat()
        if stat.S_ISREG(facts.st_mode):
            return path.read_bytes() if facts.st_size <= LARGEST else str(facts.st_size).encode()
    return b""


def handed_in(submission: Submission) -> dict[str, bytes]:
    """The plain files beside a notebook that has a folder of its own, as far as they are not too many or too large."""
    files: dict[str, bytes] = {}
    folder, total = submission.path.parent, 0
    if folder.name not in (submission.path.stem, submission.student):
        return files
    for file in sorted(folder.iterdir()):
        if file.suffix == ".ipynb" or file.is_symlink() or not file.is_file() or file.name == "timestamp.txt":
            continue
        size = file.stat().st_size
        if total + size > HANDED_IN_MB << 20 or len(files) >= HANDED_IN_FILES:
            continue
        with contextlib.suppress(OSError):
            files[file.name] = file.read_bytes()
            total += size
    return files


def grade_submission(job: Job, zygote: Zygote, submission: Submission, key: str) -> Verdict:
    """The verdict on one submission. Raises Fault when the machinery failed, which says nothing about the submission."""
    if (found := mended(job.unit, submission)) is None:
        return nothing(job, submission, key)
    notebook, notes = found
    run = Run(job, zygote, {name: content for name, content in handed_in(submission).items() if name not in job.links})
    try:
        for cell in notebook.cells:
            run.take(cell)
    finally:
        run.stop()
    questions = questions_in(job.questions)
    exercises = {}
    for name, asked in questions.items():
        exercises[name] = entry_of(asked, run.answers.get(name), notes_on(name, notes))
    write_outputs(notebook, exercises)
    for entry in exercises.values():
        entry.pop("report", None)
    return Verdict(
        submission.student,
        key,
        exercises=exercises,
        notebook=json.dumps(notebook, ensure_ascii=False),
        timestamp=submission.timestamp,
        comments=comments_of(job.unit, notebook),
        seconds=round(run.seconds, 4),
        memory_mb=round(run.memory_mb, 1),
    )


def nothing(job: Job, submission: Submission, key: str) -> Verdict:
    """The verdict where nothing could be graded: zero in every exercise, and the reason."""
    exercises = {}
    for name, asked in questions_in(job.questions).items():
        properties = {p.name: {"points": 0.0, "max_points": float(p.points), "misconception": None} for p in asked.properties}
        exercises[name] = {"points": 0.0, "max_points": float(asked.points), "properties": properties, "problem": submission.problem}
    return Verdict(submission.student, key, problem=submission.problem, exercises=exercises, timestamp=submission.timestamp)


@dataclass
class Answer:
    """What a submission gave for one exercise."""

    report: Report
    breach: str | None
    seconds: float
    memory_mb: float


class Run:
    """Runs a mended notebook's cells in order and asks each exercise's questions where its check cell stands.

    A cell or question that breaks a limit ends its attempt; a new one runs the earlier cells again, without that cell.
    """

    def __init__(self, job: Job, zygote: Zygote, files: dict[str, bytes]):
        self.job, self.zygote, self.files = job, zygote, files
        self.limits = Limits().for_exercise(job.limits.get(""))
        self.deadline = time.monotonic() + self.limits.total_seconds
        self.attempt: Attempt | None = None
        self.before: list[str] = []
        self.answers: dict[str, Answer] = {}
        self.stopped: dict[str, str] = {}
        self.seconds = self.memory_mb = 0.0
        self.attempts = 0
        self.asked = False

    def take(self, cell) -> None:
        if cell.cell_type != "code" or SKIP in cell.metadata.get("tags", []):
            return
        mark = cell.metadata.get("nbgrader", {})
        if mark.get("grade") and mark["grade_id"].startswith("test_"):
            name = mark["grade_id"].removeprefix("test_")
            self.answers[name] = self.ask(name)
        elif cell.source.strip():
            self.run(cell.source, mark.get("grade_id"))

    def started(self) -> Attempt:
        """The running attempt, or a new one in which the cells so far have been run. Raises Breach when the submission's time is over."""
        if time.monotonic() > self.deadline:
            raise Breach("time limit")
        while self.attempt is None:
            self.attempts += 1
            if self.attempts > MOST_ATTEMPTS:
                raise Breach("crash")
            self.attempt = Attempt(self.zygote, self.limits, self.deadline, self.files, self.job.links)
            for number, source in enumerate(self.before):
                try:
                    self.attempt.run(source)
                except Breach as breach:
                    self.stop()
                    if breach.kind in ("time limit", "output limit") and time.monotonic() > self.deadline:
                        raise
                    del self.before[number]
                    break
        return self.attempt

    def stop(self) -> None:
        if self.attempt is not None:
            self.attempt.finish()
            self.seconds += self.attempt.cost["seconds"]
            self.memory_mb = max(self.memory_mb, self.attempt.cost["memory_mb"])
            self.attempt, self.asked = None, False

    def run(self, source: str, name: str | None) -> None:
        try:
            try:
                error = self.started().run(source)
            except Breach as breach:
                if not self.blameless(breach):
                    raise
                error = self.started().run(source)
            if error and name:
                self.stopped[name] = error
            if limit_of(error) in FULL:  # what filled it is still there, and would cost the next exercises, too
                self.stop()
            else:
                self.before.append(source)
        except Breach as breach:
            self.stop()
            if name:
                self.stopped[name] = breach.kind

    def blameless(self, breach: Breach) -> bool:
        """End the attempt, and say whether an earlier question's process, which had the same socket, may be why it broke: then a new one is worth a try."""
        suspect = self.asked and breach.kind in ("crash", "malformed reply")
        self.stop()
        return suspect

    def ask(self, name: str) -> Answer:
        """Ask all questions of an exercise; after a crash the remaining ones are asked again, after a lost deadline none is."""
        questions = questions_in(self.job.questions)[name]
        limits = self.limits.for_exercise(self.job.limits.get(name))
        seconds = limits.seconds or questions.seconds
        total = sum(len(prop.questions) for prop in questions.properties)
        outcomes: list[Outcome] = []
        kinds: list[str] = []
        cost = {"seconds": 0.0, "memory_mb": 0.0}
        if self.stopped.get(name) in WORDS:
            kinds.append(self.stopped[name])
        while len(outcomes) < total and len(kinds) <= CRASHES and not (kinds and kinds[-1] in FINAL):
            answered = len(outcomes)
            try:
                attempt = self.started()
                attempt.limits = limits
                here = self.job.gpu or attempt.threads() > 1
                spent = attempt.ask(calls_in(self.job.questions, name, len(outcomes)), seconds, here, outcomes)
                cost = {"seconds": cost["seconds"] + spent["seconds"], "memory_mb": max(cost["memory_mb"], spent["memory_mb"])}
                attempt.limits, self.asked = self.limits, True
                if len(outcomes) < total:
                    kinds.append("time limit" if outcomes[-1].problem == "time" else "memory limit")
            except (Breach, Ended) as breach:
                if isinstance(breach, Breach):
                    if self.blameless(breach) and len(outcomes) == answered:
                        continue
                elif self.attempt:
                    self.attempt.limits, self.asked = self.limits, True
                kinds.append(breach.kind)
                outcomes.append(broken(breach.kind, limits, seconds))
        while len(outcomes) < total:
            outcomes.append(broken(kinds[-1], limits, seconds))
        for number, outcome in enumerate(outcomes):
            if outcome.problem == "breach" and outcome.message in WORDS:
                kinds.append(outcome.message)
                outcomes[number] = broken(outcome.message, limits, seconds)
            if outcome.raised == "NameError" and name in self.stopped and f"{name!r}" in outcome.message:
                outcomes[number] = Outcome(raised="NameError", message=f"{outcome.message}, because its cell stopped with {self.stopped[name]}", ancestors=outcome.ancestors)
        rows = iter(outcomes)
        report = judge(questions, [[next(rows) for _ in prop.questions] for prop in questions.properties])
        if not kinds and report.score < report.max_score and (kind := limit_of(self.stopped.get(name, ""))):
            kinds.append(kind)
        return Answer(report, kinds[0] if kinds else None, **cost)


def limit_of(error: str) -> str | None:
    """The limit that a cell's error, "Name: message", tells of."""
    name, _, message = error.partition(": ")
    return "time limit" if name == TimeLimit.__name__ else kind_of_error((name,), message)


def broken(kind: str, limits: Limits, seconds: float) -> Outcome:
    return Outcome(problem="breach", message=words(kind, limits, seconds))


def entry_of(questions: ExerciseQuestions, answer: Answer | None, notes: list[str]) -> dict:
    """An exercise's entry in results.json."""
    if answer is None:
        properties = {p.name: {"points": 0.0, "max_points": float(p.points), "misconception": None} for p in questions.properties}
        return {"points": 0.0, "max_points": float(questions.points), "properties": properties, "problem": "the check cell is missing"}
    report = answer.report
    properties = {
        p.name: {"points": float(p.points), "max_points": float(p.max_points), "misconception": p.failure.misconception if p.failure else None}
        for p in report.properties
    }
    entry = {"points": report.score, "max_points": report.max_score, "properties": properties, "report": report}
    entry |= {"seconds": round(answer.seconds, 4), "memory_mb": round(answer.memory_mb, 1)}
    if answer.breach:
        entry["breach"] = answer.breach
    if notes:
        entry["note"] = "; ".join(notes)
    return entry


def write_outputs(notebook: nbformat.NotebookNode, exercises: dict[str, dict]) -> None:
    """Put the judge's own outputs into the grade cells."""
    count = 0
    for cell in notebook.cells:
        mark = cell.metadata.get("nbgrader", {})
        report = exercises.get(mark.get("grade_id", "").removeprefix("test_"), {}).get("report") if mark.get("grade") else None
        if report is None:
            continue
        count += 1
        shown = {"text/plain": as_text(report, examples=False), "text/html": as_html(report, examples=False), MIME: without_values(report)}
        cell.execution_count = count
        result = {"output_type": "execute_result", "metadata": {}, "data": {"text/plain": repr(float(report.score))}, "execution_count": count}
        cell.outputs = nbformat.from_dict([{"output_type": "display_data", "metadata": {}, "data": shown}, result])


def comments_of(unit: Unit, notebook: nbformat.NotebookNode) -> dict[str, str | None]:
    """nbgrader's automatic comments: "No response." for an answer that was left as it was."""
    found = {}
    for cell in notebook.cells:
        mark = cell.metadata.get("nbgrader", {})
        if mark.get("solution"):
            untouched = "checksum" in mark and mark["checksum"] == checksum(cell)
            found[mark["grade_id"]] = "No response." if untouched else None
    return found
