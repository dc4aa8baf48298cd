"""`autograder similarity`: a disguised copy ranks first, what was handed out counts nothing, and nothing that was handed in runs."""

import http.server
import json
import re
import shutil
import subprocess
import sys
import threading

import nbformat
import pytest
from toy import UNIT, answered, hand_in, make_course

from autograder import cli
from autograder.errors import CourseError
from autograder.similarity import compare, page, read_answer, similarity
from autograder.submissions import find_submissions
from autograder.units import find_unit

pytest.importorskip("copydetect", reason="comparing needs the package copydetect")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)

ORIGINAL = '''def half_of(values, start):
    """One half."""
    total = np.zeros(len(values))
    for index in range(start, len(values)):
        total[index] = values[index] * 0.5
    return total


def put_together(parts):
    collected = parts[0].copy()
    while len(parts) > 1:
        part = parts.pop()
        if part.shape != collected.shape:
            raise ValueError("shapes differ")
        collected = collected + part
    return collected


def double(x):
    """Twice x."""
    flat = np.asarray(x).ravel()
    pieces = [half_of(flat, 0) for _ in range(4)]
    return put_together(pieces).reshape(np.shape(x))
'''

DISGUISED = '''# all my own work
def glue(stuff):
    """Sticks the arrays together, one by one."""
    out = stuff[0].copy()   # start with the first
    while len(stuff) > 1:
        s = stuff.pop()

        if s.shape != out.shape: raise ValueError("wrong size")
        out = out + s
    return out

def double(numbers):
    """Twice x."""
    # make it flat first
    v = np.asarray(numbers).ravel()
    quarters = [halve(v, 0) for _ in range(4)]
    return glue(quarters).reshape(np.shape(numbers))

def halve(a, first):
    r = np.zeros(len(a))
    for i in range(first, len(a)):
        r[i] = a[i] * 0.5   # half
    return r
'''

OTHERS = {
    "cem": "def double(x):\n    result = []\n    for value in np.asarray(x):\n        twice = float(value)\n        twice += float(value)\n        result.append(twice)\n    return np.array(result, dtype=float)\n",
    "dana": "def double(x):\n    x = np.array(x, copy=True)\n    if x.ndim == 0:\n        return x + x\n    for i, row in enumerate(x):\n        x[i] = double(row)\n    return x\n",
    "eli": "def double(x):\n    matrix = np.eye(np.size(x), dtype=np.asarray(x).dtype) * 2\n    return (matrix @ np.reshape(x, -1)).reshape(np.shape(x))\n",
    "fay": "def double(x):\n    stacked = np.stack([np.asarray(x)] * 2, axis=-1)\n    return np.einsum('...k->...', stacked, optimize=True)\n",
    "gus": "def double(x):\n    with np.errstate(over='raise'):\n        try:\n            return np.ldexp(np.asarray(x, dtype=float), 1)\n        except FloatingPointError as error:\n            raise OverflowError(str(error)) from error\n",
}  # fmt: skip


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


def class_of(course, folder, **doubles):
    for student, text in doubles.items():
        hand_in(answered(course, double=text), folder / student / UNIT / f"{UNIT}.ipynb")
    return folder


def compared(unit, folder):
    return compare(unit, find_submissions(folder, unit))


def share_of(found, one, two):
    return next((pair.shares["double"][0] for pair in found.pairs if {pair.one, pair.two} == {one, two}), 0.0)


def test_new_names_another_order_and_other_comments_still_rank_first(course, unit, tmp_path):
    found = compared(unit, class_of(course, tmp_path, ann=ORIGINAL, bob=DISGUISED, **OTHERS))
    first, *rest = found.pairs
    assert {first.one, first.two} == {"ann", "bob"}
    assert first.alike > 0.65 and first.above > 0.6 and first.shares["double"][1]
    assert min(first.one_in_two, first.two_in_one) > 0.6
    assert all(pair.above < first.above / 2 for pair in rest)
    assert found.compared == 21


def test_an_exact_copy_is_all_alike_and_a_padded_one_shows_on_one_side(course, unit, tmp_path):
    padded = ORIGINAL + "".join(f"\n\ndef more_{name}(a, b):\n    {name}_values = {{number: b ** number - {len(name)} for number in sorted(a)}}\n    assert {name}_values, 'none'\n    return [*map(str, {name}_values)]" for name in ("one",)) + "\n"
    found = compared(unit, class_of(course, tmp_path, ann=ORIGINAL, bob=ORIGINAL, cy=padded))
    shares = {frozenset((p.one, p.two)): p for p in found.pairs}
    exact, mixed = shares[frozenset(("ann", "bob"))], shares[frozenset(("ann", "cy"))]
    assert exact.alike == exact.one_in_two == exact.two_in_one == 1.0
    assert mixed.one_in_two == 1.0 and 0.5 < mixed.two_in_one < 0.9


def test_untouched_stubs_and_given_cells_count_nothing(course, unit, tmp_path):
    for student in ("ann", "bob", "cy"):
        hand_in(answered(course), tmp_path / student / UNIT / f"{UNIT}.ipynb")
    found = compared(unit, tmp_path)
    assert found.pairs == [] and [(u.answers, u.short, u.pairs) for u in found.exercises] == [(0, 0, 0)] * 2
    assert "nothing to compare" in page(unit, found)


@pytest.mark.parametrize("signature", ['def double(x):\n    """Twice x."""', "def double(x):", 'def double(x):\n    """My own words."""'])
def test_only_what_stands_under_the_signature_counts(unit, signature):
    stub = 'defF(V):SraiseNotImplementedError("S")'
    own = read_answer(f"{signature}\n    return np.cumsum(x) - x", stub).code.replace("\0", "")
    assert own.removeprefix("r") in ("eturnV.V(V)-V",)


def test_the_units_own_code_in_an_answer_counts_nothing(course, unit, tmp_path):
    given = next(cell.source for cell in answered(course).cells if "setup" in cell.metadata.get("tags", []))
    found = compared(unit, class_of(course, tmp_path, ann=f"{given}\n", bob=f"{given}\n", cem=OTHERS["cem"]))
    assert found.pairs == []


def test_answers_shorter_than_a_passage_are_counted_as_such(course, unit, tmp_path):
    found = compared(unit, class_of(course, tmp_path, ann="def double(x):\n    return 2 * x", bob="def double(x):\n    return 2 * x"))
    assert found.pairs == [] and (found.exercises[0].answers, found.exercises[0].short) == (0, 2)


def test_where_most_answers_are_the_same_nobody_stands_out(course, unit, tmp_path):
    same = {f"s{i}": OTHERS["cem"] for i in range(8)}
    found = compared(unit, class_of(course, tmp_path, ann=ORIGINAL, bob=DISGUISED, **same))
    assert found.exercises[0].median == 1.0 and found.exercises[0].top[0][2] == 1.0
    assert found.pairs == [] and "No pair is more alike than usual" in page(unit, found)


def test_the_graded_cell_is_the_one_compared(course, unit, tmp_path):
    class_of(course, tmp_path, ann=ORIGINAL, cem=OTHERS["cem"])
    lost = answered(course, double=DISGUISED)
    for cell in lost.cells:
        cell.metadata.pop("nbgrader", None)
    hand_in(lost, tmp_path / "bob" / UNIT / f"{UNIT}.ipynb")
    twice = answered(course, double=OTHERS["eli"])
    second = next(cell for cell in answered(course, double=ORIGINAL).cells if cell.metadata.get("nbgrader", {}).get("grade_id") == "double")
    twice.cells.append(nbformat.from_dict(second | {"id": "again"}))
    hand_in(twice, tmp_path / "dan" / UNIT / f"{UNIT}.ipynb")
    found = compared(unit, tmp_path)
    assert share_of(found, "ann", "bob") > 0.65 and share_of(found, "ann", "dan") == 1.0


def test_what_cannot_be_read_is_named_and_costs_only_itself(course, unit, tmp_path):
    class_of(course, tmp_path, ann=ORIGINAL, bob=DISGUISED, long="#" * 60_000, odd="def double(x:\n  \x00\x1b[2J return '")
    for name, text in {"cut": '{"cells": [', "empty": "", "other": json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []})}.items():
        (tmp_path / f"{name}.ipynb").write_text(text)
    (tmp_path / "nothing").mkdir()
    to = tmp_path / "pages" / "s.html"
    found = similarity(unit, tmp_path, to)
    assert set(found.unread) == {"cut", "empty", "other", "nothing", "long"}
    assert "more than 50,000 characters" in found.unread["long"] and "none of the unit's solution cells" in found.unread["other"]
    assert {found.pairs[0].one, found.pairs[0].two} == {"ann", "bob"}
    text = to.read_text()
    assert all(f"<b><bdi>{name}</bdi></b>" in text for name in found.unread)


def test_the_marked_passages_are_the_students_own_text(course, unit, tmp_path):
    class_of(course, tmp_path, ann=ORIGINAL, bob=DISGUISED, **OTHERS)
    text = page(unit, compared(unit, tmp_path))
    first = text[text.index('id="pair-1"') : text.index("</details>")]
    left, right = re.findall(r"<pre[^>]*>(.*?)</pre>", first, re.DOTALL)
    plain = [re.sub(r"<[^>]+>", "", re.sub(r'<b class="number".*?</b>', "", side)) for side in (left, right)]
    assert plain == [source.strip("\n").replace('"', "&#34;").replace(">", "&gt;") for source in (ORIGINAL, DISGUISED)]
    marks = ["".join(re.sub(r'<b class="number".*?</b>', "", m) for m in re.findall(r"<mark>(.*?)</mark>", side, re.DOTALL)) for side in (left, right)]
    assert "collected = collected + part" in marks[0] and "out = out + s" in marks[1]
    assert "Twice x" not in "".join(marks) and "all my own work" not in marks[1]
    numbers = [set(re.findall(r'class="number">([\d, ]+)<', side)) for side in (left, right)]
    assert numbers[1] and {n for label in numbers[1] for n in label.split(", ")} <= numbers[0]


@pytest.fixture
def canary():
    """A server on the loopback address and the list of what was asked of it."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def opened(path, profile) -> str:
    """The page's document after headless Chromium has loaded it."""
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    command = [CHROMIUM, *flags, f"--user-data-dir={profile}", "--virtual-time-budget=2000", "--dump-dom", path.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.skipif(not CHROMIUM, reason="browser tests need Chromium: apt-get install chromium")
def test_nothing_that_was_handed_in_runs(course, unit, tmp_path, canary):
    address, asked = canary
    flag = "document.documentElement.dataset.ran=1"
    evil = f"<script>{flag}</script><img src={address}/i onerror={flag}>"
    attack = ORIGINAL.replace("shapes differ", f"{evil}\u202e</pre></mark>{{{{7*7}}}}").replace("One half.", evil) + f"# {evil}\n"
    names = (f"ann<script>{flag}<", f"<img src=x onerror={flag}>", "bo\u202e\x1b[2J")
    class_of(course, tmp_path / "class", **dict.fromkeys(names, attack))
    (tmp_path / "class" / f"<svg onload={flag}>.ipynb").write_text("{")
    to = tmp_path / "s.html"
    similarity(unit, tmp_path / "class", to)
    open_details = to.read_text().replace("<details", "<details open")
    to.write_text(open_details)
    document = opened(to, tmp_path / "profile")
    assert asked == [] and "data-ran" not in document
    assert not re.search(r"<(script|img|svg)\b", document)
    assert "{{7*7}}" in document and "\\u202e" in document and "\u202e" not in document and "bo\\u202e</bdi>" in document
    control = to.with_name("control.html")
    control.write_text(f"<!DOCTYPE html><html><body>{evil}</body></html>")
    assert "data-ran" in opened(control, tmp_path / "profile") and asked == ["/i"]


def test_the_command(course, unit, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    class_of(course, tmp_path / "submitted", ann=ORIGINAL, bob=DISGUISED, **OTHERS)
    (tmp_path / "submitted" / "cut\x1b[2J.ipynb").write_text("{")

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["autograder", *arguments])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        return stopped.value.code

    assert not run("similarity", UNIT)
    said = capsys.readouterr().out
    assert said.splitlines()[1].startswith("ann and bob: ") and "not compared: cut (" in said and "\x1b" not in said
    assert (tmp_path / "grading" / f"{UNIT}-similarity.html").exists()
    assert "There is no folder nowhere with submissions" in run("similarity", UNIT, "--submissions", "nowhere")
    assert "Cannot write" in run("similarity", UNIT, "--to", "submitted")


def test_a_chapter_has_nothing_to_compare(unit, tmp_path):
    with pytest.raises(CourseError, match="is a chapter"):
        similarity(type(unit)("course", "00_x", unit.root), tmp_path, tmp_path / "s.html")
