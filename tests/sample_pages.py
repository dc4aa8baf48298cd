"""Feedback pages and class reports for the tests: of a student, of a class, and with scripts planted in every string."""

import html
import re

import nbformat
import numpy as np
from toy import RIGHT, answered, cell_of

from autograder.feedback import MIME, feedback_page
from autograder.units import exercises
from convnets.check import check_function
from convnets.check.html import as_html
from convnets.check.questions import ask
from convnets.check.text import as_text

SECRET = "the course secret of this test"
PLANT = """</title></style></pre><script>window.ran = 1</script><img src="http://canary.test/x" onerror="window.ran = 1">"""
PLANT += """<svg onload="window.ran = 1"></svg><a href="javascript:window.ran = 1">x</a>{{ 7 * 191 }} \x1b[31mred\x1b[0m \x07 \u202etxt"""
NAMES = ["ann", "bob", "cy", "dot", "eve", "fay", "gus", "hal"]



def judge_reports(unit, notebook):
    """{exercise: report}, put into the notebook's grade cells as the judge does."""
    reports = {}
    for exercise in exercises(unit.name):
        space = {"np": np}
        exec(cell_of(notebook, exercise.name).source, space)
        report = reports[exercise.name] = check_function(ask(exercise, SECRET, 3), space[exercise.name])
        data = {"text/plain": as_text(report, examples=False), "text/html": as_html(report, examples=False), MIME: report.as_json()}
        cell_of(notebook, f"test_{exercise.name}").outputs = [
            nbformat.v4.new_output("display_data", data),
            nbformat.v4.new_output("execute_result", {"text/plain": str(report.score)}),
        ]
    return reports


def page_of(unit, course, student="ann", /, answers=None, **more):
    """(page, reports) of a student who handed in these answers."""
    notebook = answered(course, **(answers or {}))
    reports = judge_reports(unit, notebook)
    scores = more.pop("scores", {f"test_{name}": report.score for name, report in reports.items()})
    return feedback_page(unit, student, notebook, scores, **more), reports


def text_of(page):
    """The page's text as one line, without tags."""
    body = re.sub(r"(?s)<style>.*?</style>", "", page)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def hostile_page(unit, course):
    notebook = answered(course, **RIGHT)
    judge_reports(unit, notebook)
    report = cell_of(notebook, "test_double").outputs[0]["data"]
    report[MIME]["properties"]["positive numbers"] |= {"points": 0.0, "hint": PLANT, "message": PLANT, "misconception": PLANT}
    report[MIME]["properties"]["negative numbers"] |= {"points": 0.0, "message": PLANT, "kind": PLANT}
    report["text/plain"], report["text/html"] = PLANT, PLANT
    cell_of(notebook, "double").source = f"{PLANT}\n'''{PLANT}\n# {PLANT}\ndef double(x):\n    return '{PLANT}'\ud800"
    entries = {"double": {"problem": PLANT, "note": PLANT, "breach": PLANT}}
    comments = {"double": PLANT, "test_double": PLANT, PLANT: PLANT}
    return feedback_page(unit, PLANT, notebook, {"test_double": 1.0}, comments=comments, entries=entries)


def entry(points, worth=2.0, misconception=None, **more):
    prop = {"points": points, "max_points": worth, "misconception": misconception}
    return {"points": points, "max_points": worth, "properties": {"values": prop}, **more}


def of_unit(unit, share, misconception=None, **more):
    """A student's entries with that share of every property's points."""
    found = {}
    for e in exercises(unit.name):
        properties = {p.name: {"points": share * p.points, "max_points": float(p.points), "misconception": misconception} for p in e.properties}
        found[e.name] = {"points": share * e.points, "max_points": float(e.points), "properties": properties, **more}
    return found


def a_class(unit):
    results = {name: of_unit(unit, share, seconds=0.02 * i + 0.01, memory_mb=80.0 + i) for i, (name, share) in enumerate(zip(NAMES, [1, 1, 1, 0.5, 1, 0, 1, 1], strict=True))}
    results["bob"]["double"] |= {"points": 0.0, "breach": "memory limit", "problem": "the check did not finish: memory limit"}
    results["cy"]["double"]["note"] = "the cell is missing"
    for p in results["fay"]["running_sum"]["properties"].values():
        p["misconception"] = "the total"
    results["ida"] = {name: e | {"points": 0.0, "problem": "not readable: the file is empty"} for name, e in of_unit(unit, 0.0).items()}
    return results


def hostile_results(unit):
    results = {}
    for i, name in enumerate((PLANT, "=cmd|' /C calc'!A0", "@SUM(1+1)", "\u202egpj.exe", "\x1b]0;owned\x07mallory", "\ud800", "x" * 255)):
        results[name] = of_unit(unit, i % 2, misconception=PLANT, problem=PLANT, note=PLANT, breach=PLANT, seconds=1.0, memory_mb=1.0)
    results["out"] = {e: v | {"problem": f"not readable: {PLANT}"} for e, v in of_unit(unit, 0.0).items()}
    results["more"] = of_unit(unit, 1.0) | {PLANT: entry(0.0, breach=PLANT, misconception=PLANT, seconds=9.0)}
    return results
