"""`autograder bench`: the same submissions through stock `nbgrader autograde` and through `autograder grade`, each as its own command.

Nothing that a user waits for is left out: the clock runs from the start of the command to its end. Submissions are the reference solutions.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import nbformat

from autograder.errors import CourseError
from autograder.hidden import PREPARED
from autograder.pool import cores
from autograder.records import RECORDS
from autograder.sample_class import hand_in_weights, notebook_with, solutions
from autograder.units import Unit, find_unit

LIGHT, LIGHT_COURSE = "01_light", Path(__file__).resolve().parents[1] / "benchmarks" / "light_course"
EVERY, MEMORY_EVERY = 0.25, 1.0  # seconds; reading the memory of PyTorch's processes takes time from what is measured
MEGABYTE = 1 << 20


@dataclass
class Measured:
    """One command's run over a class. Seconds of wall clock: all, and until the first mark is there (start), None where it cannot be told.

    student_seconds: CPU time of the students' processes; cpu_seconds: of everything. memory_mb: the most that all processes held at once.
    """

    who: str
    students: int
    seconds: float
    start: float | None
    cpu_seconds: float
    memory_mb: float
    student_seconds: float | None = None

    @property
    def rate(self) -> float:
        """Submissions a minute, start-up included."""
        return 60 * self.students / self.seconds

    @property
    def steady(self) -> float | None:
        """Submissions a minute once the first mark is there."""
        return 60 * (self.students - 1) / (self.seconds - self.start) if self.start is not None and self.students > 1 else None

    @property
    def stretch(self) -> float | None:
        """Wall clock in units of the best possible: the students' CPU seconds spread evenly over this machine's cores."""
        return self.seconds * len(cores()) / self.student_seconds if self.student_seconds else None

    @property
    def steady_stretch(self) -> float | None:
        """The same once the first mark is there."""
        return 60 * len(cores()) * self.students / (self.steady * self.student_seconds) if self.steady and self.student_seconds else None


def bench(sizes: list[int], stock: int, unit: str, students: int, say: Callable[[str], None], workers: int | None = None, rounds: int = 1) -> float:
    """Measure the light unit with classes of these sizes and `unit` with one of `students`; `stock` submissions of each go through nbgrader.

    say: takes each line of the report as it is known. rounds: how often each class is graded; the sizes take turns, so that a machine that
    changes its speed changes it for all of them, and medians count. Returns how many times more submissions of the light unit a minute we grade,
    largest class against stock; NaN where stock is 0. Raises CourseError when a command fails.
    """
    ratio = float("nan")
    if not LIGHT_COURSE.is_dir():
        raise CourseError(f"{LIGHT_COURSE} is missing. Run `autograder bench` from a checkout of the course.")
    if unit and not find_unit(unit).graded:
        raise CourseError(f"{unit} is a chapter: it has no exercises to grade. Name an assignment or a lab with --unit.")
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        course = Path(place) / "light"
        shutil.copytree(LIGHT_COURSE, course)
        run([sys.executable, "-m", "autograder", "build"], course, course)
        loads = [(find_unit(LIGHT, course), sizes, f"{LIGHT}: imports PyTorch, computes under 0.1 s")]
        if unit:
            loads.append((find_unit(unit), [students], f"{unit} as it is"))
        for chosen, counts, title in loads:
            say(f"\n{title}; {len(cores())} cores; start: until the first mark; a minute: submissions with start-up, then: after it")
            say(HEADING)
            measured = [stock_run(chosen, stock, Path(place))] if stock else []
            for line in measured:
                say(row(line))
            runs = {count: [] for count in counts}
            for turn in range(rounds):
                for count in counts[:: 1 if turn % 2 == 0 else -1]:
                    runs[count].append(our_run(chosen, count, Path(place), workers))
                    say(row(runs[count][-1]))
            last = sorted(runs[counts[-1]], key=lambda line: line.rate)[(rounds - 1) // 2]
            if measured:
                times = last.rate / measured[0].rate
                say(f"{times:.1f} times stock nbgrader's submissions a minute with {last.students} students")
                ratio = times if chosen.name == LIGHT else ratio
            if best := last.stretch:
                later = f", {last.steady_stretch:.2f} times after the first mark" if last.steady_stretch else ""
                say(f"wall time is {best:.2f} times the students' CPU seconds / {len(cores())} cores with {last.students} students{later}")
            for line in compared(list(runs.values())):
                say(line)
    return ratio


def compared(runs: list[list[Measured]]) -> list[str]:
    """How the rate after the first mark changes with the class: each size against the one before it, run by run; the median of these ratios."""
    lines = []
    for small, large in itertools.pairwise(runs):
        times = [b.steady / a.steady for a, b in zip(small, large, strict=True) if a.steady and b.steady]
        if times:
            several = f": the median of {len(times)} rounds, which gave {', '.join(f'{t:.2f}' for t in times)}" if len(times) > 1 else ""
            lines.append(f"{large[0].students} students: {median(times):.2f} times the submissions a minute of {small[0].students} after the first mark{several}")
    return lines


def class_sizes(text: str) -> list[int]:
    """Sizes of classes from a list like "20,200,1000". Raises CourseError for anything else."""
    sizes = text.replace(" ", "").split(",")
    if not all(size.isascii() and size.isdigit() and 0 < int(size) <= 9999 for size in sizes):
        raise CourseError(f"--sizes takes whole numbers from 1 to 9999 with commas between them, as 20,200,1000, not {text!r}.")
    return [int(size) for size in sizes]


HEADING = f"{'':<12}{'students':>9}{'wall s':>9}{'start s':>9}{'a minute':>10}{'then':>7}{'student CPU s':>15}{'other CPU s':>13}{'memory MB':>11}"


def row(line: Measured) -> str:
    student = "" if line.student_seconds is None else f"{line.student_seconds:.2f}"
    other = "" if line.student_seconds is None else f"{line.cpu_seconds - line.student_seconds:.2f}"
    start = "" if line.start is None else f"{line.start:.2f}"
    then = f"{line.steady:.0f}" if line.steady else ""
    return f"{line.who:<12}{line.students:>9}{line.seconds:>9.2f}{start:>9}{line.rate:>10.1f}{then:>7}{student:>15}{other:>13}{line.memory_mb:>11.0f}"


def hand_in_class(unit: Unit, count: int, folder: Path) -> None:
    """`count` submissions of the reference solution in nbgrader's layout."""
    text = nbformat.writes(notebook_with(unit, solutions(unit)))
    for number in range(count):
        place = folder / f"student{number:04d}" / unit.name
        place.mkdir(parents=True)
        (place / f"{unit.name}.ipynb").write_text(text, encoding="utf-8")
        hand_in_weights(unit, place)


def our_run(unit: Unit, count: int, place: Path, workers: int | None = None) -> Measured:
    """`autograder grade` on a class of that size."""
    with tempfile.TemporaryDirectory(dir=place) as folder:
        submitted, out = Path(folder) / "submitted", Path(folder) / "out"
        hand_in_class(unit, count, submitted)
        line = [sys.executable, "-m", "autograder", "grade", unit.name, "--submissions", str(submitted), "--out", str(out)]
        if workers:
            line += ["--workers", str(workers)]
        watched = run(line, Path(folder), unit.root, first=lambda: next((out / RECORDS).glob("*.json"), None))
        manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        return Measured("autograder", count, *watched, student_seconds=sum(manifest["cpu_seconds"].values()))


def stock_run(unit: Unit, count: int, place: Path) -> Measured:
    """`nbgrader autograde` on a class of that size, on a course that `nbgrader generate_assignment` has made ready."""
    with tempfile.TemporaryDirectory(dir=place) as name:
        folder = Path(name)
        shutil.copy(Path(__file__).resolve().parents[1] / "nbgrader_config.py", folder)
        shutil.copytree(unit.solution_notebook.parent, folder / "solutions" / unit.name)
        hand_in_class(unit, count, folder / "submitted")
        questions = folder / "hidden.npz"
        run([sys.executable, "-c", f"from pathlib import Path; from autograder.hidden import prepare; prepare({unit.name!r}, Path({str(questions)!r}))"], folder, unit.root)
        nbgrader = [sys.executable, "-m", "nbgrader"]
        run([*nbgrader, "generate_assignment", unit.name], folder, unit.root)
        watched = run([*nbgrader, "autograde", unit.name], folder, unit.root, first=None, extra={PREPARED: str(questions)})
        graded = len(list((folder / "autograded").glob(f"*/{unit.name}/*.ipynb")))
        if graded != count:
            raise CourseError(f"nbgrader graded {graded} of {count} submissions.")
        return Measured("nbgrader", count, *watched)


def run(line: list[str], folder: Path, course: Path, first: Callable[[], object] | None = None, extra: dict | None = None) -> tuple:
    """Run a command and return (seconds, seconds until `first` gives something, CPU seconds, megabytes). Raises CourseError when it fails."""
    scripts = str(Path(sys.executable).parent)
    environment = os.environ | {"CONVNETS_COURSE": str(course), "CONVNETS_SECRET": "bench", "CONVNETS_PROGRESS": str(folder / "progress.json")}
    environment |= {"PATH": os.pathsep.join([scripts, os.environ.get("PATH", "")]), "PYTHONWARNINGS": "ignore"} | (extra or {})
    with tempfile.TemporaryFile() as said:
        began, before = time.perf_counter(), os.times()
        process = subprocess.Popen(line, cwd=folder, env=environment, stdout=said, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        with sampled(process.pid, began, first) as seen:
            status = process.wait()
            seconds = time.perf_counter() - began
        after = os.times()
        if status:
            said.seek(0)
            text = said.read().decode(errors="replace").strip()
            raise CourseError(f"`{' '.join(line[1:4])}` failed with status {status}: {text[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, seen["first"], cpu + sum(seen["zygotes"].values()), seen["memory"] / MEGABYTE


@contextlib.contextmanager
def sampled(root: int, began: float, first: Callable[[], object] | None) -> Iterator[dict]:
    """While the block runs, note the processes below `root`: their memory, the zygotes' CPU time, and when `first` gave something.

    Zygotes are told apart because nobody outside their sandbox waits for them: the kernel adds their time to no other process.
    """
    seen = {"first": None, "memory": 0, "zygotes": {}}
    over = threading.Event()

    def sample() -> None:
        next_memory = 0.0
        while not over.wait(0.05 if first and seen["first"] is None else EVERY):
            now = time.perf_counter()
            if first and seen["first"] is None and first():
                seen["first"] = now - began
            if now >= next_memory:
                family = descendants(root)
                seen["memory"] = max(seen["memory"], sum(map(memory, family)))
                seen["zygotes"] |= {key: spent for pid in family if (found := zygote(pid, family)) for key, spent in [found]}
                next_memory = now + MEMORY_EVERY

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third one on; [] for a process that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def descendants(root: int) -> dict[int, int]:
    """{process: its parent} of `root` and all below it."""
    parents = {int(name): int(fields[1]) for name in os.listdir("/proc") if name.isdigit() and (fields := stat(int(name)))}
    family = {root: 0}
    grown = True
    while grown:
        grown = {pid: parent for pid, parent in parents.items() if parent in family and pid not in family}
        family |= grown
    return family


def memory(pid: int) -> int:
    """Bytes that a process holds, pages that it shares divided among their holders."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def zygote(pid: int, family: dict[int, int]) -> tuple[tuple[int, str], float] | None:
    """(what names it for good, CPU seconds of it and of all that it has waited for) where the process is a zygote, not a fork of one."""
    if not (is_zygote(pid) and not is_zygote(family[pid])) or not (fields := stat(pid)):
        return None
    return (pid, fields[19]), sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def is_zygote(pid: int) -> bool:
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return words[0].endswith(os.path.basename(sys.executable).encode()) and any(word.endswith(b"inside/zygote.py") for word in words)
    return False
