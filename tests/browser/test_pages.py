"""What a student wrote is shown in feedback and report and never run; both pages fit a phone."""

import re

import pytest
from sample_pages import PLANT, a_class, hostile_page, hostile_results, page_of
from toy import RIGHT, make_course

from autograder.feedback import problem_page
from autograder.report import write_report
from autograder.units import find_unit


@pytest.fixture(scope="module", autouse=True)
def course(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("course")
        patch.setenv("CONVNETS_COURSE", str(folder))
        yield make_course(folder)


@pytest.fixture(scope="module")
def unit(course):
    return find_unit("01_toy")


def test_feedback_shows_what_a_student_wrote_and_runs_nothing(unit, course, tmp_path, page):
    for name, text in (("page", hostile_page(unit, course)), ("problem", problem_page(PLANT, PLANT, PLANT))):
        assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text and "1337" not in text
        file = tmp_path / f"{name}.html"
        file.write_text(text, encoding="utf-8")
        asked = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto(file.as_uri())
        assert page.evaluate("typeof window.ran") == "undefined" and asked == [file.as_uri()]
        assert page.locator("script, img, svg, iframe, a[href^=javascript]").count() == 0
        assert page.locator("bdi").first.inner_text().startswith("</title></style></pre><script>window.ran = 1")
        assert "\\u202etxt" in page.locator("bdi").first.inner_text()


def test_feedback_fits_a_phone(unit, course, tmp_path, page):
    long = "x" * 200
    text, _ = page_of(unit, course, "a-very-long-name-" * 12, answers=RIGHT | {"double": f"def double(x):\n    {long} = 1\n    return x"}, entries={"double": {"problem": long}})
    file = tmp_path / "page.html"
    file.write_text(text, encoding="utf-8")
    page.set_viewport_size({"width": 400, "height": 900})
    page.goto(file.as_uri())
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 400


def test_the_report_shows_what_a_student_wrote_and_runs_nothing(unit, tmp_path, page):
    file = tmp_path / "report.html"
    write_report(unit, hostile_results(unit), file)
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text) and "1337" not in text
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    for closed in page.locator("details").all():
        closed.evaluate("d => { d.open = true }")
    assert page.evaluate("typeof window.ran") == "undefined" and asked == [file.as_uri()]
    assert page.locator("script, img, iframe, a, svg[onload]").count() == 0
    shown = page.locator("body").inner_text()
    assert "<script>window.ran = 1</script>" in shown and "=cmd|' /C calc'!A0" in shown and "\\u202egpj.exe" in shown and "\\ud800" in shown


@pytest.mark.parametrize("results", [a_class, hostile_results])
def test_the_report_fits_a_phone(unit, tmp_path, page, results):
    file = tmp_path / "report.html"
    write_report(unit, results(unit), file)
    page.set_viewport_size({"width": 400, "height": 900})
    page.goto(file.as_uri())
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 400
