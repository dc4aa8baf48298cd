"""The hostile corpus: submissions that attack the sandbox and the judge win nothing, change nothing and leave nothing behind.

The attacks are data, tests/hostile/cases; each says what grading must answer. Network attacks are aimed at a listener of this test's own.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import resource
import shutil
import socket
import statistics
import threading
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
from dask_cluster import wait_until
from hostile_class import ATTACKED, RIGHT, WALLS, all_cases, blank, code, mark, write_case, write_course

from autograder.build import build
from autograder.grade import grade, job_of
from autograder.hidden import hidden_questions, prepare
from autograder.judge import grade_submission, key_of
from autograder.pool import cores
from autograder.records import read_records
from autograder.sandbox import Zygote, bubblewrap
from autograder.submissions import find_submissions
from autograder.units import all_units, find_unit
from convnets.check.values import arrays_in

pytestmark = pytest.mark.skipif(bubblewrap() is None, reason="no bubblewrap on this machine")

CASES = all_cases()
HONEST = ("ann", "kim", "zoe")
NAMES = {b"caf\xe9": "not text in UTF-8", b"<script>alert(1)": "cannot show a name", b"\x1b[2J": "cannot", b"n" * 200: "at most 128 characters"}
UNTIMED = ("seconds", "memory_mb", "key")
CANARIES = {name: f"canary-{name}-{hashlib.sha256(name.encode()).hexdigest()[:12]}" for name in ("secret", "environment", "home", "gradebook", "neighbour")}
REFERENCE_CANARY = "canary_in_the_reference"


class Listener:
    """Canary servers on this machine's loopback address (TCP, UDP) and Unix sockets (abstract, in a folder); `heard` is who called."""

    def __init__(self, folder: Path):
        self.heard: list[str] = []
        self.abstract, self.path = f"canary-{os.getpid()}", str(folder / "canary.sock")
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.port = self.tcp.getsockname()[1]
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", self.port))
        self.unix = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        for sock, address in zip(self.unix, (f"\0{self.abstract}", self.path), strict=True):
            sock.bind(address)
            sock.listen()
        for name, sock in (("tcp", self.tcp), ("udp", self.udp), ("abstract", self.unix[0]), ("path", self.unix[1])):
            threading.Thread(target=self.listen, args=(name, sock), daemon=True).start()

    def listen(self, name: str, sock: socket.socket) -> None:
        while True:
            try:
                if name == "udp":
                    sock.recv(100)
                else:
                    sock.accept()[0].close()
            except OSError:
                return
            self.heard.append(name)


def honest_notebook(course: Path, unit: str, student: str):
    notebook = blank(course, unit, RIGHT[unit])
    at = next(number for number, cell in enumerate(notebook.cells) if mark(cell) == "after")
    notebook.cells.insert(at, nbformat.from_dict(code(f"# {CANARIES['neighbour']}-{student}\nprint('hello')\n")))
    return notebook


def write_honest(course: Path, submitted: Path, unit: str) -> None:
    for student in HONEST:
        place = submitted / student / unit
        place.mkdir(parents=True)
        nbformat.write(honest_notebook(course, unit, student), place / f"{unit}.ipynb")


def contents(folder: Path) -> dict[str, str]:
    """{path: hash} of every file below a folder; links by where they point."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path)] = os.readlink(path)
        elif path.is_file():
            found[str(path)] = f"{path.stat().st_size} {path.stat().st_mode:o} " + (hashlib.sha256(path.read_bytes()).hexdigest() if path.stat().st_size < 1 << 27 else "large")
        else:
            found[str(path)] = oct(path.stat().st_mode)
    return found


def left_processes(place: str) -> list[str]:
    """Processes that live in a sandbox into which a file of `place` is mounted, or that work for it."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) == os.getpid():
            continue
        try:
            told = folder.joinpath("mountinfo").read_text() if "zygote.py" in folder.joinpath("cmdline").read_text() else ""
            if place in told or place in folder.joinpath("cmdline").read_text():
                found.append(folder.name)
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The course, its class and what grading made of it: {"results": {unit: results}, ...}."""
    base = tmp_path_factory.mktemp("hostile")
    course, home, submitted = base / "course", base / "home", base / "handed_in"
    home.mkdir()
    (home / "canary.txt").write_text(CANARIES["home"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONVNETS_COURSE", str(course))
        patch.setenv("CONVNETS_SECRET", CANARIES["secret"])
        patch.setenv("CANARY", CANARIES["environment"])
        patch.setenv("HOME", str(home))
        write_course(course)
        (course / ".course-secret").write_text(CANARIES["secret"])
        build(all_units(course))
        listener = Listener(base)
        out = base / "grading"
        places = {"COURSE": str(course), "HOME": str(home), "OUT": str(out), "SUBMITTED": str(submitted), "PID": str(os.getpid())}
        places |= {"PORT": str(listener.port), "ABSTRACT": listener.abstract, "SOCKET": listener.path}
        world = {"base": base, "course": course, "listener": listener, "out": out, "submitted": submitted, "done": {}, "alone": {}, "seconds": {}}
        for unit in ATTACKED:
            write_honest(course, base / "alone", unit)
            write_honest(course, submitted / unit, unit)
        for case in CASES:
            write_case(case, course, submitted / case.unit, places)
        for name in NAMES:
            place = os.path.join(os.fsencode(submitted), WALLS.encode(), name, WALLS.encode())
            os.makedirs(place)
            shutil.copyfile(submitted / WALLS / "ann" / WALLS / f"{WALLS}.ipynb", os.path.join(place, f"{WALLS}.ipynb".encode()))
        for unit in ATTACKED:
            world["alone"][unit] = grade(find_unit(unit), base / "alone", base / "alone_graded" / unit)
        plant_comment(base, out)
        watched = (course, home, submitted, base / "alone", base / "alone_graded")
        world["before"] = {str(folder): contents(folder) for folder in watched}
        for unit in ATTACKED:
            began = time.monotonic()
            world["done"][unit] = grade(find_unit(unit), submitted / unit, out / unit)
            world["seconds"][unit] = time.monotonic() - began
        wait_until(lambda: not left_processes(str(course)), 10)  # the kernel ends what a killed worker had, a moment after it
        world["left"] = left_processes(str(course))
        world["after"] = {str(folder): contents(folder) for folder in watched}
        yield world


def plant_comment(base: Path, out: Path) -> None:
    """Let somebody who is not in the hostile class be in the gradebook, with a comment that is a canary."""
    from nbgrader.api import Gradebook

    shutil.copytree(base / "alone_graded" / WALLS, out / WALLS)
    for folder in ("records", "autograded", "feedback"):
        shutil.rmtree(out / WALLS / folder)
    with Gradebook(f"sqlite:///{out / WALLS / 'gradebook.db'}") as book:
        book.add_student("somebody_else")
        book.add_submission(WALLS, "somebody_else")
        book.find_comment("target", WALLS, WALLS, "somebody_else").manual_comment = CANARIES["gradebook"]
        book.db.commit()


def notebook_of(world, unit: str, student: str) -> dict:
    return json.loads((world["out"] / unit / "autograded" / student / unit / f"{unit}.ipynb").read_text())


def messages(world, case) -> str:
    """What the judge tells of the attacked exercise, from the graded notebook."""
    cell = next(cell for cell in notebook_of(world, case.unit, case.name)["cells"] if mark(cell) == "test_target")
    data = cell["outputs"][0]["data"]
    told = [entry["message"] or "" for entry in data["application/vnd.convnets.report+json"]["properties"].values()]
    return "\n".join([data["text/plain"], *told])


def test_the_corpus_is_large_enough():
    assert len(CASES) >= 60 and len({case.name for case in CASES}) == len(CASES)


def test_nothing_failed_and_everybody_was_graded(world):
    print({unit: f"{seconds:.1f} s" for unit, seconds in world["seconds"].items()}, len(CASES), "cases")
    for unit in ATTACKED:
        done = world["done"][unit]
        assert done.faults == {} and not done.stopped
        strange = {student: entries["target"]["problem"] for student, entries in done.results.items() if student not in HONEST and student not in {case.name for case in CASES}}
        assert len(strange) == len(NAMES) * (unit == WALLS)
        assert all(any(re.search(words, problem) for problem in strange.values()) for words in NAMES.values() if strange)
        assert set(done.results) - set(strange) == {case.name for case in CASES if case.unit == unit} | set(HONEST)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_verdict(world, case):
    entries = world["done"][case.unit].results[case.name]
    told = {name: entry["points"] for name, entry in entries.items()}
    assert told == {"before": case.others[0], "target": case.target, "after": case.others[1]}, entries
    problem = entries["target"].get("problem", "")
    if case.problem:
        assert re.search(case.problem, problem), problem
        return
    assert not problem
    breach = entries["target"].get("breach", "")
    assert re.fullmatch(case.breach, breach), f"breach {breach!r}: {messages(world, case)}"
    assert re.search(case.says or "", messages(world, case)), messages(world, case)


def test_no_breach_is_told_of_honest_exercises(world):
    told = {
        (case.name, name): entry["breach"]
        for case in CASES
        for name, entry in world["done"][case.unit].results[case.name].items()
        if name != "target" and "breach" in entry and case.others == (1.0, 1.0)
    }
    assert told == {}


def test_nothing_outside_has_changed(world):
    assert world["after"] == world["before"]


def test_nobody_called_the_canary_listener(world):
    listener = world["listener"]
    assert listener.heard == []
    socket.create_connection(("127.0.0.1", listener.port)).close()
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", listener.port))
    for address in (f"\0{listener.abstract}", listener.path):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(address)
    deadline = time.monotonic() + 5
    while len(listener.heard) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sorted(listener.heard) == ["abstract", "path", "tcp", "udp"]


def test_no_process_is_left(world):
    assert world["left"] == []


def test_honest_marks_are_bit_identical_beside_hostile_ones(world):
    for unit in ATTACKED:
        alone, beside = read_records(world["base"] / "alone_graded" / unit), read_records(world["out"] / unit)
        for student in HONEST:
            one, other = (without_times(json.loads(records[student].to_json())) for records in (alone, beside))
            assert one == other and sum(entry["points"] for entry in other["exercises"].values()) == 6
            assert notebook_of(world, unit, student) == json.loads((world["base"] / "alone_graded" / unit / "autograded" / student / unit / f"{unit}.ipynb").read_text())


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in UNTIMED}
    return value


def test_canaries_are_in_nothing_that_was_written(world):
    numbers = hidden_numbers()
    assert len(numbers) > 100
    for unit in ATTACKED:
        out = world["out"] / unit
        pages = [path for folder in ("autograded", "feedback", "records") for path in (out / folder).rglob("*") if path.is_file()]
        pages += [out / name for name in ("results.json", "report.html", "manifest.json")]
        assert len(pages) > 3 * len(HONEST)
        for path in pages:
            text = path.read_text(encoding="utf-8")
            for name, canary in CANARIES.items():
                own = name == "neighbour" and any(student in path.parts for student in HONEST)
                assert own or canary not in text, f"{name} in {path}"
            assert REFERENCE_CANARY not in text, path
            assert not (found := [number for number in numbers if number in text]), f"{found} in {path}"


def hidden_numbers() -> set[str]:
    """Hidden expected values as a report would write them."""
    found = set()
    for unit in ATTACKED:
        for name in ("before", "target", "after"):
            for prop in hidden_questions(unit, name).properties:
                for question in prop.questions:
                    values = [float(v) for array in arrays_in(question.expected.leaves) for v in array.ravel()]
                    found |= {form(v) for v in values for form in (repr, "{:.7g}".format) if len(form(v).strip("-")) >= 8}
    return found


def test_no_page_holds_a_script_or_a_control_character(world):
    for unit in ATTACKED:
        for path in (world["out"] / unit / "feedback").rglob("*.html"):
            text = path.read_text(encoding="utf-8")
            assert "<script" not in text.lower() and not re.search(r"<[^>]+\bon\w+\s*=\s*[\"']", text), path
            assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", text), path


def test_the_judge_needs_little_memory(world):
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 1_500_000
    assert world["done"]



def repeat_hostile(job, submission, core: int, go, stop) -> None:
    """In a process of its own: grade a hostile submission again and again while `go` is set."""
    zygote = Zygote(job.kind, job.modules, job.shared, core)
    try:
        while not stop.is_set():
            if go.wait(0.05):
                grade_submission(job, zygote, submission, "key")
    finally:
        zygote.close()


@pytest.mark.skipif(len(cores()) < 2, reason="takes two processors")
def test_honest_work_takes_hardly_longer_beside_hostile_work(world, tmp_path):
    unit = find_unit(WALLS)
    prepare(unit.name, tmp_path / "hidden.npz")
    job = job_of(unit, tmp_path / "hidden.npz", False, False)
    submissions = {s.student: s for s in find_submissions(world["submitted"] / WALLS, unit)}
    first, second = cores()[:2]
    context = multiprocessing.get_context("fork")
    go, stop = context.Event(), context.Event()
    hostile = context.Process(target=repeat_hostile, args=(job, submissions["endless_loop_ignores_signals"], second, go, stop), daemon=True)
    zygote = Zygote(job.kind, job.modules, job.shared, first)
    hostile.start()
    try:
        ratios = []
        for _ in range(3):
            times: dict[bool, list[float]] = {False: [], True: []}
            for number in range(24):
                busy = number % 8 >= 4
                (go.set if busy else go.clear)()
                if number % 4 == 0:
                    time.sleep(0.1)
                began = time.monotonic()
                assert grade_submission(job, zygote, submissions["ann"], key_of(job, submissions["ann"])).points == 6
                times[busy].append(time.monotonic() - began)
            ratios.append(statistics.median(times[True]) / statistics.median(times[False]))
            if ratios[-1] <= 1.5:
                break
        print(f"honest beside hostile takes {ratios} times as long; alone {statistics.median(times[False]) * 1000:.0f} ms")
        assert min(ratios) <= 1.5
    finally:
        stop.set()
        zygote.close()
        hostile.join(20)
        hostile.kill()
    assert np.isfinite(ratios).all()
