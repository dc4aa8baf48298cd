"""The student's page: everything that helps, nothing that is hidden, and nothing that a student wrote can do harm."""

import html
import json
import re
import time

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_pages import judge_reports, page_of, text_of
from toy import RIGHT, UNIT, answered, cell_of, make_course

from autograder.attempt import WORDS
from autograder.attempt import words as judge_words
from autograder.feedback import BREACHES, MIME, feedback_page, feedback_preprocessors, problem_page
from autograder.highlight import highlighted
from autograder.limits import Limits
from autograder.printable import one_line, printable
from autograder.show import print_results
from autograder.units import find_unit
from convnets.check.text import KINDS, unwritten

SQUARE = "def double(x):\n    return x * x"


@pytest.fixture(scope="module", autouse=True)
def course(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("course")
        patch.setenv("CONVNETS_COURSE", str(folder))
        yield make_course(folder)


@pytest.fixture(scope="module")
def unit(course):
    return find_unit(UNIT)


def test_points_verdicts_hints_and_code(unit, course):
    page, _ = page_of(unit, course, answers=RIGHT | {"double": SQUARE})
    text = text_of(page)
    assert "A toy unit: feedback for ann" in text and "2 of 5 points" in text
    assert "1 of 2 exercises is complete. Go on with Twice" in text
    assert "✗ no points yet 0 / 3" in text and "✓ complete 2 / 2" in text
    assert "✗ lost positive numbers 0 / 2 ✗ lost negative numbers 0 / 1" in text and "✓ holds values 2 / 2" in text
    assert "Hint: You squared: add the number to itself. Concerns all properties." in text
    assert "def double (x): return x * x" in text


def test_all_points_and_part_of_the_points(unit, course):
    assert "You won all points" in text_of(page_of(unit, course, answers=RIGHT)[0])
    part = RIGHT | {"double": "def double(x):\n    return 2 * abs(x)"}
    text = text_of(page_of(unit, course, answers=part)[0])
    assert "4 of 5 points" in text and "◐ in part 2 / 3" in text and "You lost the sign of negative numbers. Concerns negative numbers." in text


def test_an_exercise_that_was_not_begun(unit, course):
    page, reports = page_of(unit, course, answers={"running_sum": RIGHT["running_sum"]})
    assert unwritten(reports["double"])
    text = text_of(page)
    assert "✎ not written yet 0 / 3" in text and "replace the line raise NotImplementedError(…)" in text
    assert "lost" not in text


@pytest.mark.parametrize(
    ("body", "said"),
    {
        "return x + 1.25": KINDS["value"],
        "return None": KINDS["none"],
        "return x[:1]": KINDS["shape"],
        "raise ValueError(float(x[0]))": "your code stopped with ValueError.",
        "raise NameError('double, because its cell stopped with SyntaxError: x')": "your code stopped with NameError, because its cell stopped with SyntaxError.",
        "raise NameError(f'double, because its cell stopped with {x[0]}')": "your code stopped with NameError.",
        "class Mine(Exception): pass\n    raise Mine(float(x[0]))": KINDS["exception"],
    }.items(),
)
def test_what_went_wrong_is_told_without_a_hidden_value(unit, course, body, said):
    page, reports = page_of(unit, course, answers=RIGHT | {"double": f"def double(x):\n    {body}"})
    text = text_of(page)
    assert f"{said[0].upper()}{said[1:]} Concerns all properties." in text
    for prop in reports["double"].as_json()["properties"].values():
        assert prop["message"] and prop["message"] not in text
        for number in re.findall(r"-?\d+\.\d{3,}", prop["message"]):
            assert number not in page


def test_nothing_hidden_and_nothing_of_the_machinery_is_in_the_page(unit, course):
    page, _ = page_of(unit, course, answers=RIGHT | {"double": SQUARE})
    assert not re.search(r"vnd\.convnets|HIDDEN|hidden_check|doubled_by_addition|expected|autograder", page)


def plain(text):
    """Without the marks of code and the spaces that tags leave."""
    return re.sub(r" +(?=[,.?:)]|$)", "", " ".join(text.replace("`", " ").split()))


@pytest.mark.parametrize("kind", BREACHES)
def test_a_breach_says_what_it_means_and_what_to_do(unit, course, kind):
    entries = {"double": {"points": 0.0, "max_points": 3.0, "properties": {}, "breach": kind}}
    text = text_of(page_of(unit, course, entries=entries, scores={"test_double": 0.0, "test_running_sum": 2.0})[0])
    means, to_do = BREACHES[kind]
    assert plain(f"Stopped: {kind}. {means} What to do: {to_do}") in plain(text)


def test_every_limit_that_the_judge_knows_has_words():
    assert set(BREACHES) == set(WORDS)


@pytest.mark.parametrize("kind", WORDS)
def test_a_breach_is_told_as_the_judge_told_it_and_once(unit, course, kind):
    notebook = answered(course, **RIGHT)
    judge_reports(unit, notebook)
    report = cell_of(notebook, "test_double").outputs[0]["data"][MIME]["properties"]
    said = judge_words(kind, Limits(), 2.5)
    report["negative numbers"] |= {"points": 0.0, "message": said}
    page = feedback_page(unit, "ann", notebook, {"test_double": 2.0}, entries={"double": {"breach": kind}})
    text = text_of(page)
    assert text.count(f"Stopped: {kind}.") == 1 and "Concerns negative numbers." in text and f"■ stopped: {kind} 2 / 3" in text
    assert plain(said) in plain(text)
    assert f"Stopped: {kind}" in text_of(feedback_page(unit, "ann", notebook, {"test_double": 2.0}))


def test_a_breach_that_nobody_knows_is_told_all_the_same(unit, course):
    text = text_of(page_of(unit, course, entries={"double": {"breach": "clock limit"}}, scores={})[0])
    assert "Stopped: clock limit. Your code was stopped while it was graded." in text


def test_problems_and_notes_of_single_exercises(unit, course):
    entries = {"double": {"problem": "the check did not finish: NameError: name 'double' is not defined", "note": "the cell had lost its mark"}}
    text = text_of(page_of(unit, course, answers=RIGHT, entries=entries)[0])
    assert "NameError: name 'double' is not defined" in text and "Mended before grading: the cell had lost its mark" in text


def test_what_the_instructor_gave(unit, course):
    comments = {"double": "Nearly <there>!\nSee me.", "test_running_sum": "Fine.", "essay": "Well written.", "none": None}
    page, _ = page_of(unit, course, answers=RIGHT | {"double": SQUARE}, scores={"test_double": 1.5, "test_running_sum": 2.0}, comments=comments, penalty=0.5)
    text = text_of(page)
    assert "3 of 5 points" in text and "0.5 points taken off for handing in late." in text
    assert "given by your instructor. The check alone gave 0." in text and text.count("given by your instructor") == 1
    assert "Nearly &lt;there&gt;!\nSee me." in page
    assert "Your instructor: Fine." in text and "Your instructor: Well written." in text and "None" not in text


def test_what_could_not_be_graded(unit):
    page = feedback_page(unit, "ann", None, {"test_double": 1.0}, problem="not readable: the file is <cut> off", comments={"double": "I read it."})
    text = text_of(page)
    assert "Your submission could not be graded. not readable: the file is <cut> off" in text and "Restart Kernel and Run All Cells" in text
    assert "1 of 5 points" in text and "I read it." in text
    assert "could not be graded" in text_of(problem_page("A toy unit", "ann", "not readable"))


def test_a_damaged_report_costs_only_itself(unit, course):
    notebook = answered(course, **RIGHT)
    cell_of(notebook, "test_double").outputs = [nbformat.v4.new_output("display_data", {MIME: ["not", "a", "report"]})]
    text = text_of(feedback_page(unit, "ann", notebook, {"test_double": 3.0, "test_running_sum": 2.0}))
    assert "5 of 5 points" in text and "✓ complete 3 / 3" in text


def test_the_page_stands_alone_and_is_accessible(unit, course):
    page, _ = page_of(unit, course, answers=RIGHT | {"double": SQUARE})
    assert page.startswith("<!DOCTYPE html>") and '<html lang="en">' in page and page.count("<h1>") == 1
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert not re.search(r"""<script|<link|<iframe|src\s*=|https?:|url\(|@import""", page)
    assert all(target in re.findall(r'id="([\w-]+)"', page) for target in re.findall(r'href="#([\w-]+)"', page))


def test_a_page_with_much_code_is_quick(unit, course):
    """Two exercises with as much code as twenty have."""
    answers = {name: text + "\n" + "    total = np.sum(x[1:] * 2.5)  # a comment\n    name = 'a string'\n" * 120 for name, text in RIGHT.items()}
    notebook = answered(course, **RIGHT)
    reports = judge_reports(unit, notebook)
    for name, text in answers.items():
        cell_of(notebook, name).source = text
    times = []
    for _ in range(7):
        start = time.process_time()
        feedback_page(unit, "ann", notebook, {f"test_{name}": r.score for name, r in reports.items()})
        times.append(time.process_time() - start)
    assert min(times) < 0.015


def test_a_huge_cell_is_cut(unit, course):
    notebook = answered(course, **RIGHT)
    cell_of(notebook, "double").source = "x = 1\n" * 1_000_000
    page = feedback_page(unit, "ann", notebook, {})
    assert len(page) < 300_000 and "more characters)" in page


def test_stock_nbgrader_keeps_its_steps():
    names = [step.__name__ for step in feedback_preprocessors()]
    assert names[0] == "GetGrades" and {"ClearHiddenTests", "ShortErrors", "DropReports"} <= set(names)


# --- colours, and text that can be shown


@given(st.text(alphabet=st.characters(codec="utf-8")) | st.text("\"'#\\\nrf@ def0.class<>&"))
def test_colours_change_no_character(code):
    plain = re.sub(r'<span class="[a-z]">|</span>', "", highlighted(code))
    assert plain == html.escape(code, quote=False)


def test_colours_know_the_kinds():
    code = "@decorated\ndef f(x):  # say <b>\n    return f'a{x}' if x @ y > 0x1f else 'it\\'s' and 1.5e-3"
    found = re.findall(r'<span class="([a-z])">(.*?)</span>', highlighted(code))
    assert found == [
        ("d", "@decorated"), ("k", "def"), ("d", "f"), ("c", "# say &lt;b&gt;"), ("k", "return"), ("s", "f'a{x}'"), ("k", "if"),
        ("m", "0x1f"), ("k", "else"), ("s", "'it\\'s'"), ("k", "and"), ("m", "1.5e-3"),
    ]  # fmt: skip


def test_colours_take_no_longer_than_the_text_is_long():
    for part in ('"', "'''", "\\", "#", "r'", "def ", '"""\\', "@@", "1.", "_" * 3):
        start = time.perf_counter()
        highlighted(part * (20_000 // len(part)))
        assert time.perf_counter() - start < 0.5


@pytest.mark.parametrize(
    ("text", "shown"),
    {
        "\x1b[31mred\x1b[0m": "red",
        "\x1b]0;title\x07x": "x",
        "\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\": "link",
        "\x9b2Jgone": "gone",
        "\x1bcreset": "reset",
        "a\x07b\x00c\x7f": "a\\x07b\\x00c\\x7f",
        "over\rwritten": "over\\x0dwritten",
        "two\r\nlines\tand tab": "two\nlines\tand tab",
        "\u202etxt.exe\u2069": "\\u202etxt.exe\\u2069",
        "\ud800": "\\ud800",
        "نیم\u200cفاصله 👩\u200d💻 שלום Ünï": "نیم\u200cفاصله 👩\u200d💻 שלום Ünï",
        "unfinished \x1b[": "unfinished ",
    }.items(),
)
def test_printable(text, shown):
    assert printable(text) == shown


@given(st.text(alphabet=st.characters(exclude_categories=())) | st.text("\x1b[]0;m\x07\x9b\\ab\x90"))
def test_printable_text_can_be_written_and_holds_no_code(text):
    shown = printable(text)
    shown.encode("utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    assert printable(shown) == shown
    assert "\n" not in one_line(text)


def test_printable_text_is_cut_where_it_is_too_long():
    assert printable("x" * 1500, 1000) == "x" * 1000 + " … (500 more characters)"


# --- the table in the terminal


def test_the_terminal_shows_names_and_messages_as_they_are(unit, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("TERMINAL_WIDTH", "300")

    def of(**more):
        return {"double": {"points": 1.0, "max_points": 3.0, "properties": {"p": {"points": 0.0, "max_points": 3.0, "misconception": None}}, **more}}

    results = {
        "kim [bold]x[/bold] :smile:": of(),
        "\x1b]0;owned\x07\x1b[2Jleo": of(problem="not readable: \x1b[31m[red]oh\x07"),
        "mia\nroot 3 / 3": of(breach="time limit"),
        "\u202eevil": of(note="[link=http://a]x[/link]"),
    }
    print_results(unit, json.loads(json.dumps(results)), tmp_path)
    said = capsys.readouterr().out
    for words in ("kim [bold]x[/bold] :smile:", "leo", "not readable: [red]oh\\x07", "mia root 3 / 3", "double: time limit", "\\u202eevil", "[link=http://a]x[/link]"):
        assert words in said
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", said)
