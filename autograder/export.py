"""`autograder export`: marks as a plain CSV, or filled into the file that the instructor downloaded from Canvas, Moodle or Blackboard.

A filled file differs from the downloaded one in the filled cells only: encoding, byte order mark, delimiter, quotes, line ends and
every other cell stay byte for byte.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from autograder.errors import CourseError
from autograder.pages import title_of
from autograder.printable import one_line
from autograder.results import read_results, total
from autograder.units import Unit

MARKS = "marks.csv"
FORMULA = tuple("=+-@\t\r\n＝＋－＠")
MARKS_OF_ORDER = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
LOGIN = {"sis login id", "login id", "username"}
EMAIL = {"email address", "email"}
NUMBER = {"id", "sis user id", "integration id", "student id", "id number", "identifier"}
NAME = {"student", "full name"}
FAMILY = {"last name", "surname"}
ABOUT = LOGIN | EMAIL | NUMBER | NAME | FAMILY | {"first name", "section", "root account", "status", "institution", "department", "availability"}
CANVAS_COLUMN = re.compile(r"(.+) \((\d+)\)")
BLACKBOARD_COLUMN = re.compile(r"(.+?)(?: \[Total Pts: ?(?:up to )?([\d.,]*)[^\]]*\])? ?\|(_?\d+(?:_\d+)?)")
MOODLE_COLUMN = re.compile(r"(?!Feedback: )[^:]+: (.+?)(?: \(Real\))?")
LEVELS = ("login", "login", "login", "id", "name")
DOWNLOADED = (
    re.compile(r"(?P<name>.*)_(?P<id>\d+)_assignsubmission_\w+"),
    re.compile(r"[^_\W]+(?:_late)?_(?P<id>\d+)_\d+_.*"),
    re.compile(r".*_(?P<login>[^_]+)_attempt_\d{4}-\d\d-\d\d.*"),
)


@dataclass(frozen=True)
class Cell:
    """One cell of a file. start, end: where it stands in the file's text, its quotes included. text: what it says."""

    start: int
    end: int
    text: str


@dataclass
class Sheet:
    """A file of cells. mark: its byte order mark. rows: all lines in order, an empty line as []."""

    path: Path
    mark: bytes
    codec: str
    delimiter: str
    text: str
    rows: list[list[Cell]]

    def cell(self, row: int, column: int | None) -> str:
        cells = self.rows[row]
        return cells[column].text.strip() if column is not None and column < len(cells) else ""


@dataclass
class Person:
    """One student in an LMS's file. keys: for each of LEVELS (login, email, the email's first part, ID, name) what the student is called."""

    row: int
    label: str
    keys: list[set[str]]


@dataclass
class Exported:
    """What was written. column: the heading of the filled column, "" for a plain file. scaled: e.g. "from 20 to 100 points", else "".

    unmatched: students with a mark but no line in the file. doubtful: students whose line is not certain, with the reason.
    unmarked: people in the file without a mark. locked: people whose mark the LMS does not let change. replaced: (person, old, new).
    """

    path: Path
    lms: str = ""
    column: str = ""
    filled: int = 0
    scaled: str = ""
    unmatched: list[str] = field(default_factory=list)
    doubtful: dict[str, str] = field(default_factory=dict)
    unmarked: list[str] = field(default_factory=list)
    locked: list[str] = field(default_factory=list)
    replaced: list[tuple[str, str, str]] = field(default_factory=list)


def export(unit: Unit, out: Path, into: Path | None = None, to: Path | None = None, column: str | None = None, gradebook: str | None = None) -> Exported:
    """Write the marks of the grading in `out`, whole or not at all.

    Marks are as they stand in the gradebook, so scores given by hand count at once, and late penalties are taken off; what the gradebook
    does not know comes from results.json. gradebook: its URL, where it is not OUT/gradebook.db. into: the file from the LMS; the filled copy goes to `to`, or beside it as NAME.filled.csv. Without it a plain CSV goes to `to`,
    or to OUT/marks.csv: student, points, max_points, share, the points of each exercise, and the late penalty where anybody has one. column: heading, name or ID of the column
    to fill, where several could be meant. Raises CourseError.
    """
    marks = checked(read_results(out), out)
    penalties = renewed(marks, unit, out, gradebook)
    if into is None:
        if column is not None:
            raise CourseError("--column names a column of a file that --into names. Give both, or leave --column out.")
        to = to or out / MARKS
        write_bytes(to, plain(marks, penalties))
        return Exported(to, filled=len(marks))
    sheet = read_sheet(into)
    done, values = fill(unit, sheet, {student: after(entries, penalties.get(student, 0.0)) for student, entries in marks.items()}, column)
    done.path = to or into.with_name(f"{into.stem}.filled{into.suffix}")
    write_bytes(done.path, replaced(sheet, values))
    return done


def checked(results: dict, out: Path) -> dict:
    try:
        for entries in results.values():
            points, most = total(entries)
            if not 0 <= points <= max(most, points) < float("inf"):
                raise ValueError("points must be numbers from 0 up")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CourseError(f"{out}/results.json does not read as marks ({type(error).__name__}: {error}). Grade again.") from error
    if not results:
        raise CourseError(f"{out}/results.json holds no student. Grade first: autograder grade UNIT")
    return results


def renewed(marks: dict, unit: Unit, out: Path, url: str | None) -> dict[str, float]:
    """Bring the marks up to what the gradebook says now. Returns {student: late penalty}."""
    from autograder.gradebook import GRADEBOOK, default_url, open_book, penalties, scores

    if not url and not (out / GRADEBOOK).exists():
        return {}
    with open_book(url or default_url(out)) as book:
        now, late = scores(book, unit.name), penalties(book, unit.name)
    for student, entries in marks.items():
        for name, entry in entries.items():
            entry["points"] = now.get(student, {}).get(f"test_{name}", entry["points"])
    return late


def after(entries: dict, penalty: float) -> tuple[float, float]:
    """(points, max_points) of one student, the late penalty taken off."""
    points, most = total(entries)
    return max(points - penalty, 0.0), most


def defused(text: str) -> str:
    """The text as a spreadsheet shows it: an apostrophe goes before what would else begin a formula."""
    return f"'{text}" if text.startswith(FORMULA) or text.lstrip().startswith(FORMULA) else text


def number(value: float) -> str:
    """At most two decimals, none that says nothing: 7, 7.5, 7.25."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def plain(marks: dict, penalties: dict[str, float]) -> bytes:
    """The plain CSV, UTF-8 with a byte order mark, which spreadsheets need to show accents."""
    late = ["late_penalty"] if penalties else []
    names = list(dict.fromkeys(name for entries in marks.values() for name in entries))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["student", "points", "max_points", "share", *map(defused, names), *late])
    for student, entries in sorted(marks.items()):
        points, most = after(entries, penalties.get(student, 0.0))
        each = [number(entries[name]["points"]) if name in entries else "" for name in names]
        writer.writerow([defused(student), number(points), number(most), f"{points / most if most else 0:.4f}", *each, *([number(penalties.get(student, 0.0))] if late else [])])
    return codecs.BOM_UTF8 + text.getvalue().encode("utf-8", "backslashreplace")


def read_sheet(path: Path) -> Sheet:
    """A downloaded file with the place of every cell. Raises CourseError."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise CourseError(f"There is no file {path}. Download the grades from the LMS and name that file with --into.") from None
    except OSError as error:
        raise CourseError(f"{path} is not readable: {error.strerror}.") from error
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise CourseError(f"{path} is a spreadsheet's own file, not text. Save it as CSV, or download it from the LMS as CSV.")
    mark, codec = next(((m, c) for m, c in MARKS_OF_ORDER if content.startswith(m)), (b"", ""))
    body = content[len(mark) :]
    for name in [codec] if codec else ["utf-8", "cp1252", "latin-1"]:
        try:
            text = body.decode(name)
        except UnicodeDecodeError:
            continue
        codec = name
        break
    else:
        raise CourseError(f"{path} is damaged: it is not text in {codec.upper()}. Download it again.")
    if not text.strip() or "\0" in text:
        raise CourseError(f"{path} is {'not a text file' if text.strip() else 'empty'}. Name the CSV file that the LMS gave you.")
    head = re.split(r"[\r\n]", re.sub(r'"[^"]*"', "q", text).lstrip("\r\n"), maxsplit=1)[0]
    delimiter = max("\t,;", key=head.count)
    return Sheet(path, mark, codec, delimiter, text, list(rows_of(text, delimiter, path)))


def rows_of(text: str, delimiter: str, path: Path) -> Iterable[list[Cell]]:
    """The cells of each line, as RFC 4180 reads them."""
    border = re.compile(rf"{re.escape(delimiter)}|\r\n|\r|\n")
    row, place = [], 0
    while place < len(text):
        start = end = place
        quoted = re.compile(r'"((?:[^"]|"")*)"').match(text, start)
        if quoted:
            end = quoted.end()
        elif text[start] == '"':
            raise CourseError(f"{path}, line {text.count(chr(10), 0, start) + 1}: a quote is opened and never closed. Download the file again.")
        found = border.search(text, end)
        end = found.start() if found else len(text)
        said = quoted.group(1).replace('""', '"') + text[quoted.end() : end] if quoted else text[start:end]
        row.append(Cell(start, end, said))
        place = found.end() if found else len(text)
        if found and found.group() == delimiter:
            if place == len(text):
                row.append(Cell(place, place, ""))
            continue
        yield [] if len(row) == 1 and start == end else row
        row = []
    if row:
        yield row


def replaced(sheet: Sheet, values: dict[tuple[int, int], str]) -> bytes:
    """The file with these cells set, and nothing else changed."""
    pieces, place = [], 0
    for (row, column), value in sorted(values.items()):
        cell = sheet.rows[row][column]
        quote = sheet.text[cell.start : cell.start + 1] == '"' or sheet.delimiter in value
        pieces += [sheet.text[place : cell.start], f'"{value}"' if quote else value]
        place = cell.end
    return sheet.mark + "".join([*pieces, sheet.text[place:]]).encode(sheet.codec)


def lms_of(sheet: Sheet, headings: list[str]) -> str:
    """Which system the file is from, by its headings."""
    names = {heading.casefold() for heading in headings}
    if {"student", "id"} <= names:
        return "Canvas"
    if {"identifier", "grade"} <= names:
        return "Moodle (grading worksheet)"
    if "username" in names and any(map(BLACKBOARD_COLUMN.fullmatch, headings)):
        return "Blackboard"
    if "first name" in names and names & FAMILY and names & (EMAIL | NUMBER):
        return "Moodle (gradebook)"
    raise CourseError(
        f"{sheet.path} is none of the files that export can fill: Canvas's has the headings Student and ID, Moodle's grading worksheet Identifier "
        "and Grade, Moodle's gradebook First name, Last name and Email address, Blackboard's Username and columns that end in |ID. Download it in "
        "English, or leave --into out and copy from the plain CSV."
    )


def gradable(sheet: Sheet, lms: str, headings: list[str], possible: int | None) -> dict[int, str]:
    """{column: the assignment's name} of the columns that hold an assignment's marks."""
    if lms == "Moodle (grading worksheet)":
        return {column: heading for column, heading in enumerate(headings) if heading.casefold() == "grade"}
    pattern = {"Canvas": CANVAS_COLUMN, "Blackboard": BLACKBOARD_COLUMN}.get(lms, MOODLE_COLUMN)
    found = {c: m.group(1) for c, h in enumerate(headings) if h.casefold() not in ABOUT and (m := pattern.fullmatch(h))}
    return {c: name for c, name in found.items() if possible is None or "read only" not in sheet.cell(possible, c).casefold()}


def words(text: str) -> str:
    """Lower-case words without accents and punctuation, one space between them."""
    flat = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(re.findall(r"[^\W_]+", flat))


def choose(sheet: Sheet, unit: Unit, headings: list[str], found: dict[int, str], wanted: str | None) -> int:
    """The column to fill. Raises CourseError with the columns to choose from."""
    listed = "; ".join(one_line(headings[column]) for column in found) or "none"
    if wanted is not None:
        asked = wanted.strip().casefold()
        for same in (
            lambda c: headings[c].casefold() == asked,
            lambda c: found.get(c, "").casefold() == asked,
            lambda c: bool(asked) and headings[c].casefold().endswith((f"({asked})", f"|{asked}")),
        ):
            if len(fitting := [c for c in range(len(headings)) if headings[c].casefold() not in ABOUT and same(c)]) == 1:
                return fitting[0]
            if fitting:
                break
        many = "more than one column" if fitting else "no column"
        raise CourseError(f"{sheet.path} has {many} {one_line(wanted)!r}. Give --column one of these headings as it stands: {listed}.")
    title = words(title_of(unit))
    named = [c for c, name in found.items() if f" {words(unit.name)} " in f" {words(name)} " or words(name) == title]
    options = named or list(found)
    if len(options) != 1:
        what = "has several columns that could be meant" if options else "has no column of an assignment"
        raise CourseError(f"{sheet.path} {what} for {unit.name}. Name one with --column. Its assignments: {listed}.")
    return options[0]


def people_of(sheet: Sheet, lms: str, headings: list[str], top: int, possible: int | None) -> list[Person]:
    """Everyone in the file, with all that a student's folder may be called after."""
    lower = [heading.casefold() for heading in headings]

    def values(row: int, names: set[str]) -> list[str]:
        return [value for column, heading in enumerate(lower) if heading in names and (value := sheet.cell(row, column))]

    people = []
    for row in range(top + 1, len(sheet.rows)):
        if not sheet.rows[row] or row == possible or (lms == "Canvas" and not sheet.cell(row, lower.index("id"))):
            continue
        login, email, ids, name = (values(row, names) for names in (LOGIN, EMAIL, NUMBER, NAME))
        name += [" ".join(both)] if (both := values(row, {"first name"}) + values(row, FAMILY)) else []
        if not login + email + ids + name or name == ["Student, Test"]:
            continue
        ids += [value.rsplit(" ", 1)[1] for value in ids if re.fullmatch(r"\D+ \d+", value)]
        first = [address.split("@")[0] for address in email + login if "@" in address]
        keys = [{key(v) for v in level} for level in (login, email, first, ids)] + [{order_free(v) for v in name} - {""}]
        people.append(Person(row, (name + email + login + ids)[0], keys))
    return people


def key(text: str) -> str:
    return unicodedata.normalize("NFC", text.strip().casefold())


def order_free(text: str) -> str:
    return " ".join(sorted(words(text).split()))


def match(students: Iterable[str], people: list[Person]) -> tuple[dict[str, Person], dict[str, str]]:
    """Whose line is whose. Returns ({student: person}, {student: why it is not certain}).

    A line is the student's whose folder name is its login; else its email address; else the part of that before the @; else an ID;
    else its name (in any order, case, accents and punctuation aside). A folder that an LMS named (Moodle's Name_ID_assignsubmission_file,
    Canvas's name_ID_…, Blackboard's …_login_attempt_…) goes by the ID, login or name in it too. What fits two lines, and a line that two
    students fit, is left alone.
    """
    pairs: dict[str, Person] = {}
    doubtful: dict[str, str] = {}
    for level, what in enumerate(LEVELS):
        index: dict[str, list[Person]] = {}
        taken = {person.row for person in pairs.values()}
        for person in people:
            for name in person.keys[level] if person.row not in taken else ():
                index.setdefault(name, []).append(person)
        claims: dict[int, list[tuple[str, Person]]] = {}
        for student in students:
            if student in pairs or student in doubtful:
                continue
            called = [student, *downloaded(student, what)]
            names = {order_free(c) if what == "name" else key(c) for c in called}
            fitting = {person.row: person for name in names for person in index.get(name, [])}
            if len(fitting) > 1:
                doubtful[student] = f"fits {len(fitting)} lines: {', '.join(person.label for person in fitting.values())}"
            for row, person in fitting.items() if len(fitting) == 1 else ():
                claims.setdefault(row, []).append((student, person))
        for claim in claims.values():
            for student, person in claim:
                if len(claim) == 1:
                    pairs[student] = person
                else:
                    doubtful[student] = f"{len(claim)} students fit the line of {person.label}: {', '.join(s for s, _ in claim)}"
    return pairs, doubtful


def downloaded(student: str, what: str) -> list[str]:
    """The ID, login or name in what an LMS called a folder or file."""
    found = [pattern.fullmatch(student.casefold()) for pattern in DOWNLOADED]
    return [match[what] for match in found if match and what in match.groupdict()]


def as_number(text: str) -> float | None:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None


def fill(unit: Unit, sheet: Sheet, marks: dict[str, tuple[float, float]], wanted: str | None) -> tuple[Exported, dict[tuple[int, int], str]]:
    """What goes into which cell: marks are {student: (points, max_points)}. Where the LMS's own maximum differs, marks are scaled to it."""
    top = next(number for number, row in enumerate(sheet.rows) if row)
    headings = [cell.text.strip() for cell in sheet.rows[top]]
    lower = [heading.casefold() for heading in headings]
    lms = lms_of(sheet, headings)
    canvas = range(top + 1, len(sheet.rows)) if lms == "Canvas" else ()
    possible = next((row for row in canvas if sheet.cell(row, lower.index("student")).casefold() == "points possible"), None)
    column = choose(sheet, unit, headings, gradable(sheet, lms, headings, possible), wanted)
    people = people_of(sheet, lms, headings, top, possible)
    if not people:
        raise CourseError(f"{sheet.path} holds no student. Download it again with everyone who is enrolled.")
    pairs, doubtful = match(marks, people)
    done = Exported(sheet.path, lms, headings[column], doubtful=doubtful)
    heading = BLACKBOARD_COLUMN.fullmatch(headings[column]) if lms == "Blackboard" else None
    values = {}
    for student, person in pairs.items():
        points, most = marks[student]
        if len(sheet.rows[person.row]) <= column:
            raise CourseError(f"{sheet.path}: the line of {one_line(person.label)} has {len(sheet.rows[person.row])} cells, its heading line {len(headings)}. Download the file again.")
        if "grade can be changed" in lower and sheet.cell(person.row, lower.index("grade can be changed")).casefold() == "no":
            done.locked.append(person.label)
            continue
        said = heading.group(2) or "" if heading else sheet.cell(possible, column) if possible is not None else ""
        if "maximum grade" in lower:
            said = sheet.cell(person.row, lower.index("maximum grade"))
        full = as_number(said) or 0.0
        if most and 0 < full < float("inf") and full != most:
            done.scaled, points = f"from {number(most)} to {number(full)} points", points * full / most
        value = number(points).replace(".", "," if re.fullmatch(r"\d+,\d+", said) else ".")
        old = sheet.cell(person.row, column)
        if old not in ("", "-", value) and (as_number(old) is None or as_number(old) != as_number(value)):
            done.replaced.append((person.label, old, value))
        values[person.row, column] = value
    done.filled = len(values)
    done.unmatched = sorted(set(marks) - set(pairs) - set(doubtful))
    matched = {person.row for person in pairs.values()}
    done.unmarked = [person.label for person in people if person.row not in matched]
    if not pairs:
        raise CourseError(
            f"None of the {len(marks)} graded students is in {sheet.path}: submissions are called {some(marks)}, the file has "
            f"{some(person.label for person in people)}. Rename the submissions after login, email address, ID or full name, and grade again."
        )
    return done, values


def some(names: Iterable[str], most: int = 3) -> str:
    names = [one_line(name) for name in names]
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise CourseError(f"Cannot write {path}: {error.strerror}. Name another file with --to.") from error


def summary(done: Exported) -> str:
    """What the command line says: what was filled, and everything that the instructor must look at."""
    if not done.lms:
        return f"{done.filled} students: {done.path}"
    lines = [f"{done.lms}: {done.filled} marks in the column {one_line(done.column)!r}" + (f", scaled {done.scaled}" if done.scaled else "")]
    lines += [f"not certain, left as it was: {one_line(student)} ({one_line(why)})" for student, why in done.doubtful.items()]
    for title, names in (
        ("graded, but not in the file", done.unmatched),
        ("in the file, but not graded (left as they were)", done.unmarked),
        ("locked by the LMS (left as they were)", done.locked),
        ("had another mark in the file", [f"{who} ({old} → {new})" for who, old, new in done.replaced]),
    ):
        lines += [f"{title}: {', '.join(map(one_line, names))}"] if names else []
    return "\n".join([*lines, f"filled file: {done.path}"])
