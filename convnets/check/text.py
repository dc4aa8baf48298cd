"""A report as plain text: for terminals, for nbgrader's feedback, and for whoever reads with a screen reader."""

from __future__ import annotations

import numpy as np

from convnets.check.compare import number
from convnets.check.report import Failure, PropertyResult, Report

WIDTH = 7
WHOLE = 30


def points(value: float) -> str:
    return f"{value:g}"


def headline(report: Report, examples: bool = True) -> str:
    """One line: the exercise, its score, and what it means. A check that shows no examples is a hidden one and says so."""
    score = f"{'' if examples else 'Hidden check of '}{report.exercise}: {points(report.score)} of {points(report.max_score)} points"
    if unwritten(report):
        return f"{score}. Not written yet: replace the line `raise NotImplementedError(…)` with your own code."
    return score + (". All properties hold." if report.score == report.max_score else "")


def unwritten(report: Report) -> bool:
    failures = [p.failure for p in report.properties if p.failure]
    return len(failures) == len(report.properties) and all(f.got.raised == "NotImplementedError" for f in failures)


def first_to_show(report: Report) -> PropertyResult | None:
    """The lost property whose failing call is smallest: the best place to start looking."""
    lost = [p for p in report.properties if p.failure]
    return min(lost, key=lambda p: p.failure.question.case.size(), default=None)


def value_words(value) -> str:
    """An input in words: small arrays whole, large ones by shape and dtype."""
    if isinstance(value, np.ndarray):
        if value.ndim == 0:
            return number(value)
        if value.size <= WHOLE:
            return str(np.round(value, 4).tolist() if value.dtype.kind == "f" else value.tolist())
        return f"array of shape {value.shape}, {value.dtype}"
    return repr(value)


def call_words(report: Report, result: PropertyResult) -> str:
    """The failing call as the student would type it; for a probe, what the probe was given."""
    call = result.failure.question.case
    listed = [value_words(v) for v in call.args] + [f"{k}={value_words(v)}" for k, v in call.kwargs.items()]
    return f"{probe_words(result) or report.exercise}({', '.join(listed)})"


def probe_words(result: PropertyResult) -> str:
    """The probe's own name, or "" where the function was called as it is."""
    return result.probe.rpartition(":")[2] if result.probe else ""


def window(array: np.ndarray, index: tuple[int, ...] | None) -> tuple[np.ndarray, tuple[int, ...], tuple[int, int], tuple[int, int]]:
    """The two-dimensional part of an array around `index`, at most 7×7.

    Returns (part, indices of the leading axes, (row, column) of its corner, (row, column) of the marked element).
    """
    array = np.asarray(array)
    index = index or (0,) * array.ndim
    while array.ndim < 2:
        array, index = array[None], (0, *index)
    lead, (row, column) = index[:-2], index[-2:]
    plane = array[lead]
    top = max(0, min(row - WIDTH // 2, plane.shape[0] - WIDTH))
    left = max(0, min(column - WIDTH // 2, plane.shape[1] - WIDTH))
    return plane[top : top + WIDTH, left : left + WIDTH], lead, (top, left), (row - top, column - left)


def grid(array: np.ndarray, index: tuple[int, ...] | None) -> list[str]:
    """Lines of numbers with the element at `index` in [brackets]."""
    part, lead, _, mark = window(array, index)
    cells = [[short(v) for v in row] for row in part]
    if index is not None:
        cells[mark[0]][mark[1]] = f"[{cells[mark[0]][mark[1]]}]"
    width = max((len(c) for row in cells for c in row), default=1)
    lines = ["  ".join(c.rjust(width) for c in row) for row in cells]
    return ([f"at [{', '.join(map(str, lead))}, …]"] if lead else []) + lines


def short(value) -> str:
    value = value.item() if hasattr(value, "item") else value
    return str(value) if isinstance(value, (bool, int)) else f"{value:.4g}"


def counterexample(report: Report, result: PropertyResult) -> list[str]:
    """The smallest failing call with expected and got, as lines."""
    failure = result.failure
    difference = failure.difference
    lines = [f"Smallest failing input, property “{result.name}”:", f"  {call_words(report, result)}"]
    if difference.kind in ("value", "nan") and difference.index:
        label = f" {difference.leaf}" if difference.leaf else ""
        lines += beside(
            [f"expected{label}:", *grid(difference.expected, difference.index)],
            [f"got{label}:", *grid(difference.got, difference.index)],
        )
    return [*lines, replay(report, result)]


def beside(left: list[str], right: list[str]) -> list[str]:
    """Two blocks of lines next to each other."""
    width = max(map(len, left))
    return [f"    {a.ljust(width)}      {b}" for a, b in zip(left, right, strict=True)]


def replay(report: Report, result: PropertyResult) -> str:
    """The line that repeats the failing call."""
    if not result.probe:
        return f"Run it yourself: call = check.failing; {report.exercise}(*call.args, **call.kwargs)"
    module, _, name = result.probe.partition(":")
    return f"Run it yourself: from {module} import {name}; call = check.failing; {name}({report.exercise}, *call.args, **call.kwargs)"


def by_kind(report: Report) -> list[tuple[list[str], Failure]]:
    """Failures that no mistake explains, grouped by kind: names of the properties, and the smallest failure of the group."""
    groups: dict[str, list[PropertyResult]] = {}
    for p in report.properties:
        if p.failure and not p.failure.misconception:
            groups.setdefault(p.failure.difference.kind, []).append(p)
    smallest = {kind: min(lost, key=lambda p: p.failure.question.case.size()) for kind, lost in groups.items()}
    return [([p.name for p in lost], smallest[kind].failure) for kind, lost in groups.items()]


def as_text(report: Report, *, examples: bool = True) -> str:
    """The report as lines of text. examples=False leaves out inputs and expected values, as hidden checks do."""
    lines = [headline(report, examples)]
    if unwritten(report):
        return lines[0]
    width = max(len(p.name) for p in report.properties)
    for p in report.properties:
        mark = "✗" if p.failure else "✓"
        lines.append(f"  {mark} {p.name.ljust(width)}  {points(p.points)}/{points(p.max_points)}")
    for name in report.misconceptions:
        lost = [p.name for p in report.properties if p.failure and p.failure.misconception == name]
        lines += ["", f"Hint ({', '.join(lost)}): {report.hints[name]}"]
    for names, failure in by_kind(report):
        message = failure.difference.message if examples else kind_words(failure.difference)
        lines += ["", f"{', '.join(names)}: {message}"]
    if examples and (result := first_to_show(report)):
        if result.failure.misconception:
            lines += ["", f"{result.name}: {result.failure.difference.message}"]
        lines += ["", *counterexample(report, result)]
    return "\n".join(lines)


KINDS = {
    "none": "your function returned None.",
    "structure": "the result does not have the expected parts.",
    "exception": "your code stopped with an error.",
    "time": "your code ran out of time.",
    "shape": "the result has the wrong shape.",
    "dtype": "the result has the wrong dtype.",
    "value": "the result has wrong values.",
    "nan": "the result has values that are not numbers (NaN).",
    "modified": "your function changed its input.",
    "accuracy": "too few images are classified right.",
    "no error": "this input is not valid, and your function did not raise an error.",
}


def kind_words(difference) -> str:
    """What went wrong without the values, for hidden cases."""
    return KINDS.get(difference.kind, difference.message)
