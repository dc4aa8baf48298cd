"""`autograder export`: a plain CSV, and the files of Canvas, Moodle and Blackboard filled cell by cell.

The headings are those of the systems' own files: Canvas's gradebook CSV, Moodle's offline grading worksheet and gradebook export,
Blackboard's "work offline" download.
"""

import codecs
import csv
import io
import json
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.api import Gradebook
from toy import UNIT, make_course

from autograder import cli
from autograder.errors import CourseError
from autograder.export import defused, export, match, people_of, read_sheet, replaced, summary
from autograder.gradebook import default_url, prepare_assignment, record
from autograder.units import find_unit
from autograder.verdict import Verdict


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("course")
        patch.setenv("CONVNETS_COURSE", str(folder))
        yield make_course(folder)


@pytest.fixture
def unit(course, monkeypatch):
    monkeypatch.setenv("CONVNETS_COURSE", str(course))
    return find_unit(UNIT)


def entry(points, most):
    return {"points": points, "max_points": most, "properties": {}}


def graded(folder: Path, **totals: float) -> Path:
    """A grading of the toy unit (3 + 2 points) with these totals."""
    return graded_names(folder, totals)


def graded_names(folder: Path, totals: dict) -> Path:
    folder.mkdir(exist_ok=True)
    results = {name: {"double": entry(min(t, 3.0), 3.0), "running_sum": entry(max(t - 3.0, 0.0), 2.0)} for name, t in totals.items()}
    (folder / "results.json").write_text(json.dumps(results))
    return folder


def filled(unit, tmp_path, content, totals, column=None, name="lms.csv"):
    """(what export says, the filled file's bytes) for a downloaded file with this content."""
    lms = tmp_path / name
    lms.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = export(unit, graded_names(tmp_path / "out", totals), lms, None, column)
    return done, done.path.read_bytes()


CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Essay (101),01 Toy (102),Current Score\n"
    "    Points Possible,,,,,10.00,5.00,(read only)\n"
    '"Álvarez, Zoë",9001,S1,zoe@uni.example,"A, morning",=1+1,,80.5\n'
    '"O""Neil, Bo",9002,S2,bo,B,7.0,2,70\n'
    '"Student, Test",9003,,0123456789abcdef,A,,,\n'
    '"Quiet, Quinn",9004,S4,quinn,A,EX,,\n'
)


def test_canvas_is_filled_and_every_other_byte_kept(unit, tmp_path):
    done, content = filled(unit, tmp_path, CANVAS, {"zoe": 4.5, "bo": 5, "nobody": 1})
    expected = CANVAS.replace("=1+1,,80.5", "=1+1,4.5,80.5").replace("B,7.0,2,70", "B,7.0,5,70")
    assert content == expected.encode()
    assert (done.lms, done.column, done.filled, done.scaled) == ("Canvas", "01 Toy (102)", 2, "")
    assert done.unmatched == ["nobody"] and done.unmarked == ["Quiet, Quinn"]
    assert done.replaced == [('O"Neil, Bo', "2", "5")]
    assert done.path.name == "lms.filled.csv"
    assert "nobody" in summary(done) and "Quiet, Quinn" in summary(done) and "2 → 5" in summary(done)


def test_a_muted_line_before_the_points_and_another_maximum(unit, tmp_path):
    content = "Student,ID,SIS Login ID,Section,Toy (7)\r\n,,,,Manual Posting\r\n    Points Possible,,,,50\r\nAnn,1,ann,A,\r\n"
    done, got = filled(unit, tmp_path, content, {"ann": 4})
    assert got.decode() == content.replace("Ann,1,ann,A,", "Ann,1,ann,A,40")
    assert done.scaled == "from 5 to 50 points" and "scaled from 5 to 50 points" in summary(done)


def test_moodle_worksheet(unit, tmp_path):
    content = (
        '\ufeffIdentifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed","Last modified (submission)","Feedback comments"\n'
        'Participant 71,"Ann Álvarez",ann@uni.example,"Submitted for grading",,10.00,Yes,"Monday, 2 March","<p>line one\nline two</p>"\n'
        'Participant 72,Bo,bo@uni.example,-,1.00,10.00,No,-,\n'
        "Participant 73,Cy,cy@uni.example,-,-,10.00,Yes,-,"
    )
    done, got = filled(unit, tmp_path, content, {"Ann Alvarez_71_assignsubmission_file": 5, "bo": 3, "Cy": 2.25})
    assert got.decode() == content.replace('grading",,10.00', 'grading",10,10.00').replace("-,-,10.00,Yes,-,", "-,4.5,10.00,Yes,-,")
    assert done.locked == ["Bo"] and done.replaced == [] and done.filled == 2


def test_a_decimal_comma_stays_one(unit, tmp_path):
    content = "Identifier;Full name;Email address;Grade;Maximum Grade\nTeilnehmer/in 71;Ann;ann@x;;5,00\n"
    _, got = filled(unit, tmp_path, content, {"ann": 2.5})
    assert got.decode().endswith("Ann;ann@x;2,5;5,00\n")
    _, got = filled(unit, tmp_path, content.replace(";", ",").replace("5,00", '"5,00"'), {"ann": 2.5})
    assert got.decode().endswith('Ann,ann@x,"2,5","5,00"\n')


def test_moodle_gradebook(unit, tmp_path):
    content = (
        '"First name",Surname,"ID number",Institution,Department,"Email address","Assignment: 01 toy (Real)","Quiz: 02 (Real)","Course total (Real)"\n'
        "Ann,Able,77,,,ann@uni.example,-,3,4\n"
    )
    done, got = filled(unit, tmp_path, content, {"Able, Ann": 5})
    assert got.decode() == content.replace("example,-,3", "example,5,3") and done.column == "Assignment: 01 toy (Real)"


def test_blackboard_in_utf_16_with_tabs(unit, tmp_path):
    text = (
        '"Last Name"\t"First Name"\t"Username"\t"Student ID"\t"Last Access"\t"Availability"\t"01_toy [Total Pts: 100 Score] |43210"\t"Essay [Total Pts: up to 10 Score] |43211"\r\n'
        '"Able"\t"Ann"\t"aable"\t"0042"\t"2026-03-02"\t"Yes"\t""\t"9"\r\n'
        '"Bó"\t"Bo"\t"bbo"\t"0043"\t"2026-03-02"\t"Yes"\t""\t""\r\n'
    )
    content = codecs.BOM_UTF16_LE + text.encode("utf-16-le")
    done, got = filled(unit, tmp_path, content, {"aable": 4, "0043": 5}, name="gc.xls")
    expected = text.replace('"Yes"\t""\t"9"', '"Yes"\t"80"\t"9"').replace('"Yes"\t""\t""', '"Yes"\t"100"\t""')
    assert got == codecs.BOM_UTF16_LE + expected.encode("utf-16-le")
    assert done.lms == "Blackboard" and done.path.name == "gc.filled.xls"


def test_an_old_encoding_is_kept(unit, tmp_path):
    content = CANVAS.encode("cp1252")
    _, got = filled(unit, tmp_path, content, {"zoe": 1})
    assert got == CANVAS.replace("=1+1,,", "=1+1,1,").encode("cp1252")


@pytest.mark.parametrize("column", ["Essay (101)", "essay", "101"])
def test_the_column_can_be_named(unit, tmp_path, column):
    done, got = filled(unit, tmp_path, CANVAS, {"bo": 5}, column)
    assert done.column == "Essay (101)" and b"B,10,2,70" in got


@pytest.mark.parametrize(
    ("student", "row"),
    [
        ("BO", 3), ("bo@uni.example", 3), ("Zoe", 2), ("zoe@uni.example", 2), ("9001", 2), ("s1", 2), ("Zoë Álvarez", 2), ("alvarez_zoe", 2),
        ("alvarezzoe_late_9001_555_01_toy", 2), ("gradebook_X_01_bo_attempt_2026-03-02-10-11-12_01_toy", 3), ("Zoe Alvarez_5_assignsubmission_file", 2), ("x_9002_assignsubmission_file", 3), ("x_zoe_assignsubmission_file", None), ("x_9001_attempt_2026-03-02", None),
        ("neil", None), ("900", None), ("", None),
    ],
)  # fmt: skip
def test_who_is_who(tmp_path, student, row):
    sheet = tmp_path / "c.csv"
    sheet.write_text(CANVAS.replace(",bo,", ",bo@uni.example,"))
    sheet = read_sheet(sheet)
    headings = [cell.text for cell in sheet.rows[0]]
    pairs, doubtful = match([student], people_of(sheet, "Canvas", headings, 0, 1))
    assert ({s: p.row for s, p in pairs.items()}, doubtful) == ({student: row} if row else {}, {})


def test_what_is_not_certain_is_left_alone(unit, tmp_path):
    content = "Student,ID,SIS Login ID,Toy (7)\n    Points Possible,,,5\nKim Lee,1,kl1,\nKim Lee,2,kl2,\nAnn,3,ann,\nBo,4,bo,\n"
    done, got = filled(unit, tmp_path, content, {"Lee Kim": 1, "ann": 2, "ANN": 3, "bo": 4})
    assert got.decode() == content.replace("Bo,4,bo,", "Bo,4,bo,4")
    assert set(done.doubtful) == {"Lee Kim", "ann", "ANN"}
    assert "fits 2 lines: Kim Lee, Kim Lee" in done.doubtful["Lee Kim"] and "2 students fit the line of Ann" in done.doubtful["ann"]
    assert set(done.unmarked) == {"Kim Lee", "Ann"}


def test_a_login_goes_before_a_name(unit, tmp_path):
    content = "Student,ID,SIS Login ID,Toy (7)\n    Points Possible,,,5\nann,1,bo,\nbo,2,ann,\n"
    _, got = filled(unit, tmp_path, content, {"ann": 1, "bo": 5})
    assert got.decode() == content.replace("ann,1,bo,", "ann,1,bo,5").replace("bo,2,ann,", "bo,2,ann,1")


def test_plain_csv_defuses_formulas_and_keeps_numbers(unit, tmp_path):
    out = graded_names(tmp_path / "out", {"ann": 4.5, "=cmd|' /C calc'!A0": 0, "+1": 1, "-2": 1, "@sum": 1, "Zoë, B": 5, "\tx": 0})
    done = export(unit, out)
    content = done.path.read_bytes()
    assert done.path == out / "marks.csv" and content.startswith(codecs.BOM_UTF8)
    lines = {row[0]: row for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))}
    assert lines["student"] == ["student", "points", "max_points", "share", "double", "running_sum"]
    assert lines["ann"] == ["ann", "4.5", "5", "0.9000", "3", "1.5"]
    assert {"'=cmd|' /C calc'!A0", "'+1", "'-2", "'@sum", "Zoë, B", "'\tx"} <= set(lines)
    assert len(lines) == 8


def test_marks_are_as_the_gradebook_says_now(unit, tmp_path):
    out = graded(tmp_path / "out", ann=5, bob=2, cy=3)
    url = default_url(out)
    prepare_assignment(url, UNIT, nbformat.read(unit.solution_notebook, as_version=4))
    for student, entries in json.loads((out / "results.json").read_text()).items():
        if student != "cy":
            record(url, UNIT, Verdict(student, key="1", exercises=entries))
    with Gradebook(url) as book:
        book.find_grade("test_double", UNIT, UNIT, "bob").manual_score = 2.75
        book.find_submission_notebook(UNIT, UNIT, "ann").late_submission_penalty = 1.25
        book.db.commit()
    lines = export(unit, out).path.read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "student,points,max_points,share,double,running_sum,late_penalty"
    assert lines[1:] == ["ann,3.75,5,0.7500,3,2,1.25", "bob,2.75,5,0.5500,2.75,0,0", "cy,3,5,0.6000,3,0,0"]
    (tmp_path / "c.csv").write_text("Student,ID,Toy (1)\nAnn,1,\nBob,2,\n")
    shutil.move(out / "gradebook.db", tmp_path / "elsewhere.db")
    done = export(unit, out, tmp_path / "c.csv", gradebook=f"sqlite:///{tmp_path}/elsewhere.db")
    assert done.path.read_text() == "Student,ID,Toy (1)\nAnn,1,3.75\nBob,2,2.75\n"
    with pytest.raises(CourseError):
        export(unit, out, gradebook="postgres//nowhere")


@pytest.mark.parametrize(("text", "safe"), [("=1", "'=1"), (" =1", "' =1"), ("\r=1", "'\r=1"), ("＝1", "'＝1"), ("a=1", "a=1"), ("", "")])
def test_defused(text, safe):
    assert defused(text) == safe


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(st.lists(st.lists(cells, min_size=2, max_size=4), min_size=1, max_size=5), st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n"]), st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
def test_any_file_reads_as_csv_reads_it_and_comes_back_as_it_was(tmp_path_factory, rows, delimiter, newline, quoting):
    text = io.StringIO(newline="")
    head = ["student", "points"]
    csv.writer(text, delimiter=delimiter, lineterminator=newline, quoting=quoting).writerows([head, *rows])
    path = tmp_path_factory.mktemp("any") / "a.csv"
    path.write_bytes(text.getvalue().encode())
    sheet = read_sheet(path)
    expected = list(csv.reader(io.StringIO(text.getvalue().removeprefix("\ufeff"), newline=""), delimiter=delimiter))
    assert [[cell.text for cell in row] for row in sheet.rows] == expected
    assert replaced(sheet, {}) == path.read_bytes()
    changed = replaced(sheet, {(1, 1): "7.5"})
    expected[1][1] = "7.5"
    assert list(csv.reader(io.StringIO(changed.decode(), newline=""), delimiter=delimiter)) == expected


@pytest.mark.parametrize(
    ("content", "column", "message"),
    [
        (None, None, "There is no file"),
        (b"", None, "is empty"),
        (b"PK\x03\x04rest", None, "Save it as CSV"),
        (b"a\0b,c\n", None, "is not a text file"),
        (codecs.BOM_UTF16_LE + b"a\0b", None, "it is not text in UTF-16-LE"),
        ('Student,ID,Toy (1)\nAnn,1,"4\n', None, "line 2: a quote is opened and never closed"),
        ("Name,Mark\nann,1\n", None, "is none of the files that export can fill"),
        ("Student,ID,Essay\nann,1,\n", None, "has no column of an assignment for 01_toy. Name one with --column. Its assignments: none."),
        ("Student,ID,One (1),Two (2)\nann,1,,\n", None, "has several columns that could be meant for 01_toy. Name one with --column. Its assignments: One (1); Two (2)."),
        ("Student,ID,One (1),Two (2)\nann,1,,\n", "Three", "has no column 'Three'."),
        ("Student,ID,One (1),Two (2)\nann,1,,\n", "Student", "has no column 'Student'."),
        ("Student,ID,One (1),One (2)\nann,1,,\n", "one", "has more than one column 'one'."),
        ("Student,ID,Toy (1)\n", None, "holds no student"),
        ("Student,ID,Toy (1)\nann,1\n", None, "the line of ann has 2 cells, its heading line 3"),
        ("Student,ID,Toy (1)\nSomebody,1,\n", None, "None of the 1 graded students is in"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line_and_writes_nothing(unit, tmp_path, content, column, message):
    lms = tmp_path / "lms.csv"
    if content is not None:
        lms.write_bytes(content if isinstance(content, bytes) else content.encode())
    out = graded(tmp_path / "out", ann=3)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(CourseError) as error:
        export(unit, out, lms, None, column)
    assert message in str(error.value) and len(str(error.value).splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("text", ["[]", "{}", '{"ann": {"double": {}}}', '{"ann": {"double": {"points": "5", "max_points": 5}}}', '{"ann": {"double": {"points": NaN, "max_points": 5}}}'])
def test_results_that_are_not_marks(unit, tmp_path, text):
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(CourseError, match=r"results\.json (does not read as marks|holds no student)"):
        export(unit, tmp_path)


def test_a_file_that_cannot_be_written_is_named_and_nothing_is_left(unit, tmp_path):
    out = graded(tmp_path / "out", ann=3)
    (tmp_path / "file").touch()
    with pytest.raises(CourseError, match=r"Cannot write .*Name another file with --to"):
        export(unit, out, None, tmp_path / "file" / "marks.csv")
    with pytest.raises(CourseError, match="Cannot write"):
        export(unit, out, None, out)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["file", "out", "results.json"]


def test_the_command(unit, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    graded_names(tmp_path / "out", {"ann": 3, "\x1b[2Jevil\u202e": 1})
    (tmp_path / "c.csv").write_text("Student,ID,Toy (1)\nAnn,1,\n")
    monkeypatch.setattr(sys, "argv", ["autograder", "export", UNIT, "--out", "out", "--into", "c.csv", "--to", "c.csv"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    said = capsys.readouterr().out
    assert not stopped.value.code and (tmp_path / "c.csv").read_text() == "Student,ID,Toy (1)\nAnn,1,3\n"
    assert "graded, but not in the file: evil\\u202e" in said and said.isascii()
    monkeypatch.setattr(sys, "argv", ["autograder", "export", UNIT, "--out", "out", "--column", "Toy"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert "--column names a column of a file that --into names" in str(stopped.value.code)
