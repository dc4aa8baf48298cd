"""The class report: its numbers against independent ones, its rules, and a page in which nothing that a student wrote can do harm."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_pages import a_class, entry, of_unit, text_of
from toy import UNIT, make_course

from autograder.report import (
    breaches,
    discrimination,
    discrimination_words,
    items,
    report_page,
    rows,
    slowest,
    spread,
    stuck,
    write_report,
)
from autograder.units import find_unit


@pytest.fixture(scope="module", autouse=True)
def course(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("course")
        patch.setenv("CONVNETS_COURSE", str(folder))
        yield make_course(folder)


@pytest.fixture(scope="module")
def unit(course):
    return find_unit(UNIT)


def matrix(points):
    """Rows of students a, b, … with these points in exercises e0, e1, …, each worth 2."""
    return rows({chr(97 + i): {f"e{j}": entry(float(p)) for j, p in enumerate(row)} for i, row in enumerate(points)})


# --- numbers


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 40)), min_size=3, max_size=40))
def test_discrimination_is_the_correlation_with_the_rest(students):
    own, rest = (np.array(column, float) for column in zip(*students, strict=True))
    value = discrimination(list(own / 2), list(own / 2 + rest / 4))
    if own.std() == 0 or rest.std() == 0:
        assert value is None
    else:
        assert value == pytest.approx(np.corrcoef(own, rest)[0, 1], abs=1e-9)


def test_discrimination_leaves_the_exercise_itself_out():
    """An exercise that has nothing to do with the others, though it is most of the total."""
    assert discrimination([0, 0, 10, 10], [1, 2, 11, 12]) == pytest.approx(0)


@pytest.mark.parametrize(("points", "totals"), [([], []), ([1.0, 0.0], [2.0, 0.0]), ([1.0] * 5, [1.0, 2, 3, 4, 5]), ([0.0, 1, 2], [0.0, 1, 2])])
def test_discrimination_that_cannot_be_computed(points, totals):
    assert discrimination(points, totals) is None
    assert discrimination_words(None) == "cannot be computed"


@pytest.mark.parametrize(
    ("value", "words"),
    {1.0: "tells very well", 0.4: "tells very well", 0.39: "tells well", 0.2: "tells a little", 0.1: "hardly tells", 0.0: "hardly tells", -0.01: "points the wrong way"}.items(),
)
def test_discrimination_in_words(value, words):
    assert discrimination_words(value) == words


def test_items_have_difficulty_time_and_memory(unit):
    results = {"a": of_unit(unit, 1.0, seconds=0.25, memory_mb=100.0), "b": of_unit(unit, 0.0, seconds=3.0, memory_mb=400.0), "c": of_unit(unit, 0.5)}
    results["c"]["double"]["seconds"] = 1.0
    double, running_sum = items(unit, rows(results))
    assert (double["share"], double["full"], double["none"]) == (0.5, 1, 1)
    assert double["seconds"] == (1.0, 3.0) and double["memory_mb"] == (250.0, 400.0)
    assert running_sum["seconds"] == (1.625, 3.0)
    assert double["discrimination"] == pytest.approx(1.0)
    assert [right for _, _, right in double["properties"]] == [2, 2]
    assert spread([]) is None


def test_slowest_students_come_first_and_no_more_than_five(unit):
    results = {f"s{i}": {"quick": entry(1.0, seconds=0.1), "slow": entry(1.0, seconds=float(i))} for i in range(8)} | {"old": {"quick": entry(1.0)}}
    found = slowest(rows(results))
    assert [s["student"] for s in found] == ["s7", "s6", "s5", "s4", "s3"]
    assert found[0] == {"student": "s7", "seconds": 7.1, "exercise": "slow", "worst": 7.0}


def test_breaches_are_counted_by_kind_with_names():
    results = {
        "ann": {"e1": entry(0.0, breach="time limit"), "e2": entry(0.0, breach="time limit")},
        "bob": {"e1": entry(0.0, breach="crash"), "e2": entry(2.0)},
        "cy": {"e1": entry(0.0, breach="time limit"), "e2": entry(2.0, breach=None)},
    }
    assert breaches(rows(results)) == [
        {"kind": "time limit", "count": 3, "who": [("ann", ["e1", "e2"]), ("cy", ["e1"])]},
        {"kind": "crash", "count": 1, "who": [("bob", ["e1"])]},
    ]


# --- who is stuck


def test_stuck_is_who_wins_nothing_where_most_others_won():
    points = [[2, 2, 2, 0], [2, 1, 2, 0], [2, 2, 1, 0], [0, 0, 2, 2], [0.5, 0.5, 0.5, 0]]
    assert stuck(matrix(points)) == [{"student": "d", "exercises": ["e0", "e1"], "of": 3}]


def test_the_others_are_counted_without_the_student():
    """Of three students one solved e0: for a that is half of the others at most, so nobody is stuck; with two it is most."""
    assert stuck(matrix([[0], [2], [0]])) == []
    assert stuck(matrix([[0], [2], [2]])) == [{"student": "a", "exercises": ["e0"], "of": 1}]


def test_less_than_a_third_is_not_stuck():
    good, once = [2, 2, 2, 2], [0, 2, 2, 2]
    assert stuck(matrix([good, good, good, once])) == []
    assert [s["student"] for s in stuck(matrix([good, good, good, [0, 0, 2, 2], [0, 0, 0, 0]]))] == ["e", "d"]


@pytest.mark.parametrize("points", [[], [[0, 0]], [[0, 0], [0, 0], [0, 0]], [[0.5], [0.5], [0]]])
def test_nobody_is_stuck_where_nobody_else_is_ahead(points):
    assert stuck(matrix(points)) == []


# --- the page


def test_the_report_says_it_all(unit):
    text = text_of(report_page(unit, a_class(unit)))
    assert "Graded 8 of 9" in text and "Median 100%" in text
    assert "ida : not readable: the file is empty" in text and "cy : double: the cell is missing" in text
    assert text.count("memory limit") == 1
    assert "fay : nothing in 2 of 2 exercises that most others solved ( double , running_sum )" in text
    assert "Limit Times By whom, and in which exercise memory limit 1 bob ( double )" in text
    assert "the total in running_sum : 1 student ( fay ) You returned the total: return one sum for each number." in text
    assert "double 80 ms 150 ms 84 MB 87 MB" in text
    assert "hal : 300 ms, of which 150 ms in double" in text
    double, _ = items(unit, [row for row in rows(a_class(unit)) if not row.problem])
    assert f"{double['share']:.0%} 5 2 3 {double['discrimination']:.2f} {discrimination_words(double['discrimination'])}" in text


def test_a_report_of_an_older_grading_leaves_out_what_was_not_measured(unit):
    text = text_of(report_page(unit, {"ann": of_unit(unit, 1.0)}))
    assert "Time and memory" not in text and "Limits that were broken" not in text and "Who is stuck" not in text
    assert "– cannot be computed" in text


@pytest.mark.parametrize("results", [{}, {"ann": {}}])
def test_a_report_on_nobody(unit, results):
    assert "How the class did" in report_page(unit, results)


def test_the_report_stands_alone_and_is_accessible(unit):
    page = report_page(unit, a_class(unit))
    assert page.startswith("<!DOCTYPE html>") and '<html lang="en">' in page and page.count("<h1>") == 1
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert not re.search(r"""<script|<link|<iframe|(?:src|href)\s*=|https?:|url\(|@import""", page)
    assert page.count('tabindex="0" role="region" aria-label=') == page.count('class="scroll"') == 4


def test_the_report_is_written_whole_or_not_at_all(unit, tmp_path, monkeypatch):
    file = tmp_path / "report.html"
    write_report(unit, a_class(unit), file)
    before = file.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_report(unit, {}, file)
    assert file.read_bytes() == before
