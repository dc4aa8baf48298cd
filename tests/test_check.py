"""The check itself: what it says about every way to be wrong, and that it never raises on the student's account."""

import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from convnets.check import Exercise, as_html, as_text, case, check, check_function
from convnets.check.progress import read_progress
from convnets.check.questions import ask, dumps, load, save


def correlate(x, w, stride=1):
    if w.shape[0] > x.shape[0] or w.shape[1] > x.shape[1]:
        raise ValueError("the kernel is larger than the image")
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape)[::stride, ::stride]
    return (windows * w).sum((2, 3))


def toy() -> Exercise:
    exercise = Exercise("correlate", correlate, "Correlate", minutes=5, difficulty=1, seconds=1.0)

    def pair(rng, height, dtype=float):
        return rng.standard_normal((height, 8)).astype(dtype), rng.standard_normal((3, 2)).astype(dtype)

    @exercise.checks("stride 1", points=2)
    def _(rng):
        return case(*pair(rng, rng.integers(5, 9)))

    @exercise.checks("stride 2", points=1)
    def _(rng):
        return case(*pair(rng, rng.integers(5, 9)), stride=2)

    @exercise.checks("float32 stays float32", points=1, dtype=True)
    def _(rng):
        return case(*pair(rng, 5, np.float32))

    @exercise.checks("input left unmodified", points=1, unmodified=True)
    def _(rng):
        return case(*pair(rng, 5))

    @exercise.checks("kernel too large", points=1)
    def _(rng):
        return case(*pair(rng, 2))

    @exercise.mistake("stride ignored", loses="stride 2")
    def _(x, w, stride=1):
        """You never used `stride`: step by it in both axes."""
        return correlate(x, w)

    @exercise.mistake("kernel flipped", loses="stride 1")
    def _(x, w, stride=1):
        """You flipped the kernel: that is convolution, correlation takes it as it is."""
        return correlate(x, w[::-1, ::-1], stride)

    return exercise


@pytest.fixture(scope="module")
def questions():
    return ask(toy())


def failures(report):
    return {p.name: p.failure for p in report.properties if p.failure}


def test_a_right_solution_holds_everything(questions):
    report = check_function(questions, correlate)
    assert report.score == report.max_score == 6.0
    assert type(report.score) is float
    assert "All properties hold" in as_text(report)


def test_single_precision_is_precise_enough(questions):
    def single(x, w, stride=1):
        return correlate(x.astype(np.float32), w.astype(np.float32), stride)

    assert check_function(questions, single).score == 6.0


def test_a_classic_mistake_is_named(questions):
    report = check_function(questions, lambda x, w, stride=1: correlate(x, w))
    assert set(failures(report)) == {"stride 2"}
    assert report.misconceptions == ["stride ignored"]
    assert "You never used `stride`" in as_text(report)
    assert report.as_json()["properties"]["stride 2"]["misconception"] == "stride ignored"


def test_the_first_wrong_element_is_marked(questions):
    def off(x, w, stride=1):
        out = correlate(x, w, stride)
        out[1, 2] += 100
        return out

    report = check_function(questions, off)
    difference = failures(report)["stride 1"].difference
    assert (difference.kind, difference.index) == ("value", (1, 2))
    assert "Your result[1, 2] is" in difference.message
    text = as_text(report)
    marked = [line for line in text.splitlines() if line.count("[") == 2 and line.startswith("    ")]
    assert marked, "expected and got stand side by side with the element in brackets"
    assert "cv-mark" in as_html(report)


def test_the_smallest_failing_input_is_shown(questions):
    report = check_function(questions, lambda x, w, stride=1: correlate(x, w, stride) + 1)
    failure = failures(report)["stride 1"]
    stride_1 = next(p for p in questions.properties if p.name == "stride 1")
    assert failure.question.case.size() == min(q.case.size() for q in stride_1.questions)


@pytest.mark.parametrize(
    ("kind", "words", "function"),
    [
        ("shape", "shape of your result is", lambda x, w, stride=1: correlate(x, w, stride)[:-1]),
        ("shape", "order of the axes", lambda x, w, stride=1: correlate(x, w, stride).T),
        ("none", "returned None", lambda x, w, stride=1: None),
        ("structure", "Expected one array or number, got a str", lambda x, w, stride=1: "done"),
        ("nan", "is NaN", lambda x, w, stride=1: correlate(x, w, stride) * np.nan),
        ("time", "still running after 1 seconds", lambda x, w, stride=1: [None for _ in iter(int, 1)]),
    ],
)
def test_every_way_to_be_wrong_has_a_message(questions, kind, words, function):
    difference = failures(check_function(questions, function))["stride 1"].difference
    assert difference.kind == kind
    assert words in difference.message


def test_dtype_has_a_message(questions):
    report = check_function(questions, lambda x, w, stride=1: correlate(x, w, stride).astype(np.float64))
    assert set(failures(report)) == {"float32 stays float32"}
    assert "float64, expected float32" in failures(report)["float32 stays float32"].difference.message


def test_a_changed_input_has_a_message(questions):
    def doubles(x, w, stride=1):
        out = correlate(x, w, stride)
        x *= 2
        return out

    lost = failures(check_function(questions, doubles))
    assert set(lost) == {"input left unmodified"}
    assert "changed its input: argument 1" in lost["input left unmodified"].difference.message


def test_an_exception_shows_the_students_own_line(questions):
    def broken(x, w, stride=1):
        height = x.shape[0]
        return np.zeros(height) @ w

    difference = failures(check_function(questions, broken))["stride 1"].difference
    assert difference.kind == "exception"
    assert "return np.zeros(height) @ w" in difference.message
    assert "run.py" not in difference.message


def test_an_error_that_should_have_been_raised(questions):
    def lenient(x, w, stride=1):
        return correlate(x, w, stride) if len(x) > 2 else np.zeros((0, 7))

    lost = failures(check_function(questions, lenient))
    assert set(lost) == {"kernel too large"}
    assert "should raise ValueError" in lost["kernel too large"].difference.message


def test_raising_always_earns_nothing(questions):
    def raises(x, w, stride=1):
        raise ValueError("no")

    assert check_function(questions, raises).score == 0


def test_a_stub_is_met_politely(questions):
    def stub(x, w, stride=1):
        raise NotImplementedError("correlate: replace this line with your own code")

    report = check_function(questions, stub)
    assert report.score == 0
    assert "Not written yet" in as_text(report)
    assert "Traceback" not in as_text(report)


def test_warnings_and_stderr_stay_out_of_the_cell(questions, capsys):
    def noisy(x, w, stride=1):
        warnings.warn("careful", stacklevel=1)
        print("to stderr", file=sys.stderr)
        np.log(-np.ones(2))
        return correlate(x, w, stride)

    assert check_function(questions, noisy).score == 6
    assert capsys.readouterr().err == ""


def test_exit_and_deep_recursion_are_results_like_others(questions):
    def leaves(x, w, stride=1):
        raise SystemExit(0)

    def recurses(x, w, stride=1):
        return recurses(x, w, stride)

    assert check_function(questions, leaves).score == 0
    assert "RecursionError" in as_text(check_function(questions, recurses))


def test_an_exception_that_cannot_say_why_is_a_result_too(questions):
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    def stops(x, w, stride=1):
        raise Mute

    report = check_function(questions, stops)
    assert report.score == 0
    assert "Your code stopped with Mute: (it cannot say why: its own __str__ raises RuntimeError)" in as_text(report)


def test_the_users_own_interrupt_is_not_swallowed(questions):
    def interrupted(x, w, stride=1):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_function(questions, interrupted)


def test_hidden_reports_show_no_values(questions):
    report = check_function(questions, lambda x, w, stride=1: correlate(x, w, stride) + 1)
    for shown in (as_text(report, examples=False), as_html(report, examples=False)):
        assert "expected" not in shown
        assert "Smallest failing input" not in shown
        assert "wrong values" in shown


def test_html_is_escaped(questions):
    def hostile(x, w, stride=1):
        raise RuntimeError("<script>alert(1)</script>")

    assert "<script>" not in as_html(check_function(questions, hostile))


def test_questions_hold_no_code_and_survive_the_file(questions, tmp_path):
    path = tmp_path / "checks.npz"
    save(path, "toy", [questions])
    unit, loaded = load(path)
    assert unit == "toy"
    assert dumps("toy", [loaded["correlate"]]) == dumps("toy", [questions])
    assert b"sliding_window_view" not in path.read_bytes()
    with np.load(path, allow_pickle=False) as file:
        assert all(file[key].dtype != object for key in file.files)
    assert check_function(loaded["correlate"], correlate).score == 6
    assert check_function(loaded["correlate"], lambda x, w, stride=1: correlate(x, w)).misconceptions == ["stride ignored"]


def test_the_secret_decides_the_hidden_cases():
    def inputs(secret):
        return [q.case.args[0].tobytes() for p in ask(toy(), secret).properties for q in p.questions]

    assert inputs("one") == inputs("one")
    assert not set(inputs("one")) & set(inputs("two"))


def test_declarations_that_make_no_sense_are_refused():
    exercise = toy()
    with pytest.raises(ValueError, match="declared twice"):
        exercise.checks("stride 2", points=1)(None)
    with pytest.raises(ValueError, match="docstring is the hint"):
        exercise.mistake("no hint", loses="stride 2")(lambda: None)
    with pytest.raises(ValueError, match="looks at"):
        exercise.checks("gradient", points=1, only="dw")


def test_accuracy_asks_for_a_share_of_right_classes():
    exercise = Exercise("classify", lambda labels: labels, "Classify", minutes=1, difficulty=1)

    @exercise.checks("at least 75 %", points=3, accuracy=0.75)
    def _(rng):
        labels = rng.integers(0, 10, 40)
        return case(labels), labels

    asked = ask(exercise)
    assert check_function(asked, lambda x: x).score == 3
    assert check_function(asked, lambda x: np.where(np.arange(40) < 31, x, -1)).score == 3
    report = check_function(asked, lambda x: np.where(np.arange(40) < 20, x, -1))
    assert "50.0% of 40 images are classified right; at least 75.0% are asked" in as_text(report)


@given(arrays.arrays(np.float64, st.tuples(st.integers(3, 6), st.integers(2, 6)), elements=st.floats(-1e6, 1e6)))
def test_a_result_always_agrees_with_itself_and_never_with_a_shifted_copy(x):
    from convnets.check.compare import compare
    from convnets.check.values import Outcome

    one = Outcome(leaves={"": x})
    assert compare(one, one) is None
    shifted = Outcome(leaves={"": x + 0.01 * (1 + np.abs(x).max())})
    assert compare(shifted, one).kind == "value"


def test_check_reads_the_file_beside_the_notebook_and_remembers_the_score(questions, tmp_path, monkeypatch, capsys):
    save(tmp_path / "checks.npz", "toy_unit", [questions])
    monkeypatch.chdir(tmp_path)
    score = check("correlate", lambda x, w, stride=1: correlate(x, w))
    assert type(score) is float and score == 5.0
    assert check.failing.kwargs == {"stride": 2}
    assert "Hint" in capsys.readouterr().out
    assert read_progress()["toy_unit"]["correlate"]["points"] == 5.0
    with pytest.raises(ValueError, match="no exercise 'corelate' in toy_unit; its exercises are: correlate"):
        check("corelate", correlate)


def test_missing_or_damaged_questions_are_explained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="lie beside the notebook"):
        check("correlate", correlate)
    (tmp_path / "checks.npz").write_bytes(b"not a zip")
    with pytest.raises(ValueError, match="Take it from the course archive again"):
        check("correlate", correlate)


def test_a_damaged_progress_file_costs_the_record_only(tmp_path, monkeypatch, questions):
    path = tmp_path / "progress.json"
    path.write_text("{", encoding="utf-8")
    monkeypatch.setenv("CONVNETS_PROGRESS", str(path))
    save(tmp_path / "checks.npz", "toy_unit", [questions])
    monkeypatch.chdir(tmp_path)
    assert check("correlate", correlate) == 6.0
    assert json.loads(path.read_text())["toy_unit"]["correlate"]["points"] == 6.0


def test_students_library_never_imports_the_autograder():
    program = "import sys, convnets.check, convnets.cli, convnets.start_page; print(any(m.startswith('autograder') for m in sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": ""}, check=True)
    assert result.stdout.strip() == "False"
