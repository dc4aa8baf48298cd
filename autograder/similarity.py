"""`autograder similarity`: which students' answers are more alike than answers to these exercises usually are.

Code is read by copydetect: its tokeniser drops comments and spaces and puts one sign for every name, and a passage is `LENGTH` signs in a
row (Schleimer, Wilkerson, Aiken: Winnowing, SIGMOD 2003; every passage is kept, so the result is exact). What the unit handed out does
not count.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import numpy as np
from markupsafe import Markup, escape

from autograder.errors import CourseError
from autograder.export import write_bytes
from autograder.pages import fill, title_of
from autograder.printable import one_line, printable
from autograder.submissions import Submission, Unreadable, defines, find_submissions, read_notebook
from autograder.units import Unit, exercises

LENGTH = 20
HEADER = 8
LONGEST = 50_000
EVIDENCE = 50
LISTED = 50
ENOUGH_PAIRS = 10
BLOCK = 20_000
GIVEN = "\0"


@dataclass(frozen=True)
class Answer:
    """One solution cell. code: copydetect's signs, with GIVEN in place of what the stub gave. offsets: its table from signs to text."""

    text: str
    code: str
    offsets: np.ndarray


@dataclass
class Usual:
    """How alike all pairs of answers to one exercise are, as shares. known: whether there are pairs enough to call the median usual."""

    exercise: str
    title: str
    answers: int
    short: int
    pairs: int
    median: float = 0.0
    high: float = 0.0
    most: float = 0.0
    fence: float = 1.0
    top: list[tuple[str, str, float]] = field(default_factory=list)

    @property
    def known(self) -> bool:
        return self.pairs >= ENOUGH_PAIRS


@dataclass
class Pair:
    """Two students. alike, usual: shares over the exercises that both answered. one_in_two: the share of the first one's passages that
    the second has too. shares: {exercise: (share, it stands out)}."""

    one: str
    two: str
    alike: float
    usual: float
    one_in_two: float
    two_in_one: float
    shares: dict[str, tuple[float, bool]]

    @property
    def above(self) -> float:
        return self.alike - self.usual


@dataclass
class Comparison:
    """All that the page shows. unread: {student: why}. answers: {exercise: {student: Answer}}. given: passages that the unit handed out."""

    students: list[str]
    unread: dict[str, str]
    exercises: list[Usual]
    pairs: list[Pair]
    compared: int
    answers: dict[str, dict[str, Answer]]
    given: np.ndarray


def similarity(unit: Unit, submissions: Path, to: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> Comparison:
    """Compare everyone's solution cells pair by pair and write the page, whole or not at all. Raises CourseError."""
    if not unit.graded:
        raise CourseError(f"{unit.name} is a chapter: students hand nothing in. Name an assignment or a lab.")
    found = compare(unit, find_submissions(submissions, unit), progress)
    write_bytes(to, page(unit, found).encode("utf-8"))
    return found


def library():
    try:
        from copydetect import utils
    except ImportError:
        raise CourseError("Comparing needs the package copydetect. Install it: pip install 'convnets-course[grading]'") from None
    return utils


def solution_cells(unit: Unit, notebook: nbformat.NotebookNode) -> dict[str, str]:
    """{exercise: text} of the cells that are graded: the last one with the exercise's mark, else the last one that defines its name."""
    found = {}
    for exercise in exercises(unit.name):
        marked = [cell.source for cell in notebook.cells if cell.metadata.mark == exercise.name]
        named = [cell.source for cell in notebook.cells if cell.cell_type == "code" and defines(cell.source, exercise.name)]
        if texts := marked or named:
            found[exercise.name] = texts[-1]
    return found


def compare(unit: Unit, submissions: list[Submission], progress: Callable[[int, int], None] = lambda done, total: None) -> Comparison:
    """Compare submissions; one that cannot be read is named and left out, and so is a cell of more than LONGEST characters."""
    stubs, given = handed_out(unit)
    cells: dict[str, dict[str, str]] = {}
    unread: dict[str, str] = {}
    for done, submission in enumerate(submissions):
        progress(done, len(submissions))
        try:
            if submission.path is None:
                raise Unreadable(submission.problem)
            texts = solution_cells(unit, read_notebook(submission.path))
            if not texts:
                raise Unreadable("it has none of the unit's solution cells")
            if long := [name for name, text in texts.items() if len(text) > LONGEST]:
                unread[submission.student] = f"not compared in {', '.join(long)}: the cell has more than {LONGEST:,} characters"
            cells[submission.student] = {name: text for name, text in texts.items() if len(text) <= LONGEST}
        except Unreadable as error:
            unread[submission.student] = str(error)
    students = list(cells)
    count = len(students)
    own, both, expected = np.zeros((count, count)), np.zeros((count, count)), np.zeros((count, count))
    usuals, shares, answers = [], {}, {}
    for exercise in exercises(unit.name):
        answers[exercise.name] = {s: read_answer(texts[exercise.name], stubs[exercise.name]) for s, texts in cells.items() if exercise.name in texts}
        passages = [np.unique(hashes_of(answers[exercise.name][s], given)[0]) if s in answers[exercise.name] else np.empty(0, int) for s in students]
        sizes = np.array([len(p) for p in passages], dtype=float)
        common = shared(passages)
        pairs = (sizes[:, None] > 0) & (sizes > 0)
        total = np.where(pairs, sizes[:, None] + sizes, 0.0)
        alike = np.divide(2 * common, total, out=np.zeros_like(common), where=total > 0)
        texts = [text for s in students if (text := answers[exercise.name].get(s))]
        short = sum(bool(a.code.replace(GIVEN, "").strip()) for a in texts) - int((sizes > 0).sum())
        usual = how_usual(exercise, students, alike, pairs, short)
        usuals.append(usual)
        own += np.where(pairs, sizes[:, None], 0.0)
        both += np.where(pairs, common, 0.0)
        expected += total * (usual.median if usual.known else 0.0)
        shares[exercise.name] = np.where(pairs, alike, np.nan).astype(np.float32)
    progress(len(submissions), len(submissions))
    return Comparison(students, unread, usuals, rank(students, own, both, expected, shares, usuals), count * (count - 1) // 2, answers, given)


def handed_out(unit: Unit) -> tuple[dict[str, str], np.ndarray]:
    """({exercise: the stub's signs}, the passages of the unit's other code cells)."""
    try:
        master = nbformat.read(unit.student_notebook, as_version=4)
    except (OSError, ValueError) as error:
        raise CourseError(f"{unit.student_notebook} is not readable. Run: autograder build {unit.name}") from error
    stubs = {e.name: "" for e in exercises(unit.name)}
    given = []
    for cell in master.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name in stubs:
            stubs[name] = signs(cell.source)[0]
        elif cell.cell_type == "code":
            given.append(library().hashed_kgrams(signs(cell.source)[0], LENGTH))
    return stubs, np.unique(np.concatenate(given)) if given else np.empty(0, int)


def signs(text: str) -> tuple[str, np.ndarray]:
    """copydetect's signs for Python code, and its table [[place in the signs, characters left out so far], …]."""
    return library().filter_code(text, "", "python")


@functools.lru_cache(maxsize=4096)
def read_answer(text: str, stub: str) -> Answer:
    """The answer with the stub's own pieces, its signature and docstring, taken out wherever they stand."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace(GIVEN, " ").strip("\n")
    code, table = signs(text)
    offsets = table[1:][table[1:, 0] >= 0]
    for piece in stub.split('raiseNotImplementedError("S")'):
        if len(piece) >= HEADER and piece in code:
            code = code.replace(piece, GIVEN * len(piece), 1)
        elif len(piece) >= HEADER:
            for block in difflib.SequenceMatcher(None, piece, code, autojunk=False).get_matching_blocks():
                if block.size >= HEADER:
                    code = code[: block.b] + GIVEN * block.size + code[block.b + block.size :]
    code = code.replace('raiseNotImplementedError("S")', GIVEN * len('raiseNotImplementedError("S")'))
    return Answer(text, code, offsets)


def hashes_of(answer: Answer, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(hash, place) of every passage of the student's own signs that the unit did not hand out."""
    hashes = library().hashed_kgrams(answer.code, LENGTH).astype(np.int64)
    places = np.array([place for place in range(len(hashes)) if GIVEN not in answer.code[place : place + LENGTH]], dtype=int)
    places = places[~np.isin(hashes[places], given)] if len(places) else places
    return hashes[places], places


def shared(passages: list[np.ndarray]) -> np.ndarray:
    """How many passages each two have in common, as a float matrix."""
    names, counts = np.unique(np.concatenate([*passages, np.empty(0, int)]), return_counts=True)
    names = names[counts > 1]
    common = np.zeros((len(passages), len(passages)), dtype=np.float32)
    for first in range(0, len(names), BLOCK):
        block = names[first : first + BLOCK]
        has = np.zeros((len(passages), len(block)), dtype=np.float32)
        for row, mine in enumerate(passages):
            has[row, np.searchsorted(block, mine[(mine >= block[0]) & (mine <= block[-1]) & np.isin(mine, block)])] = 1
        common += has @ has.T
    return common.astype(float)


def how_usual(exercise, students: list[str], alike: np.ndarray, pairs: np.ndarray, short: int) -> Usual:
    upper = np.triu(pairs, 1)
    values = alike[upper]
    usual = Usual(exercise.name, exercise.title, int(pairs.diagonal().sum()), short, len(values))
    if len(values):
        low, usual.median, third, usual.high, usual.most = map(float, np.quantile(values, [0.25, 0.5, 0.75, 0.9, 1.0]))
        usual.fence = max(third + 1.5 * (third - low), 0.5)
        order = np.argsort(-values, kind="stable")[:3]
        ones, twos = np.nonzero(upper)
        usual.top = [(students[ones[i]], students[twos[i]], float(values[i])) for i in order if values[i] > 0]
    return usual


def rank(students, own, both, expected, shares, usuals: list[Usual]) -> list[Pair]:
    """The LISTED pairs that are most alike beyond what is usual, of those where both have EVIDENCE passages of their own to compare."""
    total = own + own.T
    alike = np.divide(2 * both, total, out=np.zeros_like(both), where=total > 0)
    usual = np.divide(expected, total, out=np.zeros_like(both), where=total > 0)
    fit = np.triu((own >= EVIDENCE) & (own.T >= EVIDENCE) & (alike > usual), 1)
    ones, twos = np.nonzero(fit)
    order = np.argsort((usual - alike)[fit], kind="stable")[:LISTED]
    fences = {u.exercise: u.fence if u.known else 1.1 for u in usuals}
    listed = []
    for i, j in zip(ones[order], twos[order], strict=True):
        each = {name: (float(m[i, j]), bool(m[i, j] >= fences[name])) for name, m in shares.items() if not np.isnan(m[i, j])}
        sides = (float(both[i, j] / own[i, j]), float(both[i, j] / own[j, i]))
        listed.append(Pair(students[i], students[j], float(alike[i, j]), float(usual[i, j]), *sides, each))
    return listed


def passages(one: Answer, two: Answer, given: np.ndarray) -> tuple[list, list]:
    """Matching passages: for each side [(start, end, numbers of the passages on the left that it says again)], in characters of the text."""
    (hashes1, places1), (hashes2, places2) = hashes_of(one, given), hashes_of(two, given)
    again = np.intersect1d(hashes1, hashes2)
    in1, in2 = np.isin(hashes1, again), np.isin(hashes2, again)
    slices1, slices2 = (runs(places[found]) for places, found in ((places1, in1), (places2, in2)))
    number = {}
    for count, (start, end) in enumerate(slices1, 1):
        for value in hashes1[in1 & (places1 >= start) & (places1 < end)]:
            number.setdefault(int(value), count)
    left = [(*in_text(one, start, end), {count}) for count, (start, end) in enumerate(slices1, 1)]
    right = [
        (*in_text(two, start, end), {number[int(value)] for value in hashes2[in2 & (places2 >= start) & (places2 < end)]}) for start, end in slices2
    ]
    return left, right


def runs(places: np.ndarray) -> list[tuple[int, int]]:
    return [(int(start), int(end)) for start, end in library().get_copied_slices(places, LENGTH).T] if len(places) else []


def in_text(answer: Answer, start: int, end: int) -> tuple[int, int]:
    """Where signs start to end stand in the text; spaces and comments at the end are left out."""
    table = answer.offsets

    def place(sign: int) -> int:
        entry = min(int(np.searchsorted(table[:, 0], sign)), len(table) - 1)
        return min(sign + (int(table[entry, 1]) if len(table) else 0), len(answer.text))

    first, last = place(start), place(end - 1) + 1
    if re.match(r"\w", answer.text[last - 1 : last]):
        last = re.compile(r"\w*").match(answer.text, last).end()
    return first, max(first, last)


def marked(text: str, parts: list) -> Markup:
    """The code, escaped, with its matching passages marked and numbered."""
    pieces, place = [], 0
    for start, end, numbers in parts:
        start, end = max(start, place), max(end, place)
        label = ", ".join(map(str, sorted(numbers)))
        number = Markup('<b class="number">{}</b>').format(label)
        pieces.append(escape(printable(text[place:start])))
        lines = []
        for line in printable(text[start:end]).split("\n"):
            code = line.strip()
            before, after = line[: len(line) - len(line.lstrip())], line[len(line.rstrip()) :]
            lines.append(Markup("{}<mark>{}{}</mark>{}").format(before, number, code, after) if code else escape(line))
            number = Markup("") if code else number
        pieces.append(Markup("\n").join(lines))
        place = end
    return Markup("").join([*pieces, escape(printable(text[place:]))])


def side_by_side(found: Comparison, pair: Pair) -> list[dict]:
    """The exercises in which the two share a passage, the most alike first, with both texts marked."""
    shown = []
    for name, (share, out) in sorted(pair.shares.items(), key=lambda item: -item[1][0]):
        if share > 0:
            one, two = found.answers[name][pair.one], found.answers[name][pair.two]
            left, right = passages(one, two, found.given)
            shown.append({"name": name, "share": share, "out": out, "left": marked(one.text, left), "right": marked(two.text, right)})
    return shown


def page(unit: Unit, found: Comparison) -> str:
    """One HTML page that needs no other file and runs no script."""
    return fill(
        "similarity.html",
        unit=unit,
        title=title_of(unit),
        found=found,
        shown=[(pair, side_by_side(found, pair)) for pair in found.pairs],
        length=LENGTH,
        evidence=EVIDENCE,
        enough=ENOUGH_PAIRS,
    )


def summary(found: Comparison, path: Path) -> str:
    """What the command line says: the first pairs, who was not compared, and where the page is."""
    lines = [f"{len(found.students)} students, {found.compared} pairs compared."]
    for pair in found.pairs[:5]:
        lines.append(f"{one_line(pair.one)} and {one_line(pair.two)}: {pair.alike:.0%} alike, usual {pair.usual:.0%}")
    lines += [f"not compared: {one_line(student)} ({one_line(why)})" for student, why in found.unread.items()]
    return "\n".join([*lines, "Alike proves nothing: read the passages side by side.", f"similarity: {path}"])
