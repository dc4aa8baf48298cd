"""`autograder bench`: its arithmetic, its errors, a small run of the real thing, and what its speed rests on."""

import os
import re
import subprocess
import sys
import time

import nbformat
import pytest
from nbgrader import utils
from toy import ROOT

from autograder import bench, nbgrader_rules
from autograder.errors import CourseError
from autograder.submissions import read_notebook
from autograder.units import find_unit


def test_rate_and_stretch(monkeypatch):
    monkeypatch.setattr(bench, "cores", lambda: [0, 1])
    line = bench.Measured("autograder", 100, 30.0, 5.0, 70.0, 800.0, student_seconds=40.0)
    assert line.rate == 200
    assert line.stretch == 1.5
    assert line.steady == pytest.approx(60 * 99 / 25)
    assert line.steady_stretch == pytest.approx(100 * 25 / 99 * 2 / 40)
    assert bench.row(line).split() == ["autograder", "100", "30.00", "5.00", "200.0", "238", "40.00", "30.00", "800"]
    assert len(bench.row(line)) == len(bench.HEADING)


def test_sizes_are_compared_round_by_round():
    """The second round's machine is three times slower: its pair says the same as the first."""

    def line(students, per_minute):
        return bench.Measured("autograder", students, 5 + 60 * (students - 1) / per_minute, 5.0, 1.0, 800.0)

    (said,) = bench.compared([[line(100, 1200), line(100, 400), line(100, 1000)], [line(1000, 1080), line(1000, 360), line(1000, 1100)]])
    assert said == "1000 students: 0.90 times the submissions a minute of 100 after the first mark: the median of 3 rounds, which gave 0.90, 0.90, 1.10"
    assert bench.compared([[line(20, 60)]]) == []


@pytest.mark.parametrize(("text", "sizes"), [("20,200,1000", [20, 200, 1000]), ("3", [3]), ("1, 2", [1, 2])])
def test_class_sizes(text, sizes):
    assert bench.class_sizes(text) == sizes


@pytest.mark.parametrize("text", ["", "20,", "0", "ten", "-3", "20;30", "10000", "1.5", "²"])
def test_wrong_class_sizes_cost_one_line(text):
    with pytest.raises(CourseError, match="--sizes takes whole numbers"):
        bench.class_sizes(text)


def test_a_command_that_fails_is_named_with_its_last_words(tmp_path):
    with pytest.raises(CourseError, match=r"failed with status 3: no luck"):
        bench.run([sys.executable, "-c", "import sys; print('no luck'); sys.exit(3)"], tmp_path, ROOT)


def test_a_command_is_measured_with_its_children(tmp_path):
    work = "import time, os\nheld = bytearray(60 << 20)\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass\nopen('mark', 'w').close()\ntime.sleep(1.2)"
    line = [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {work!r}], check=True)"]
    began = time.perf_counter()
    seconds, first, cpu, megabytes = bench.run(line, tmp_path, ROOT, first=(tmp_path / "mark").exists)
    assert 1.7 < seconds <= time.perf_counter() - began
    assert 0.5 < first < seconds - 1
    assert cpu >= 0.5
    assert megabytes > 60


def test_bench_measures_both_and_ends_with_the_ratio():
    line = [sys.executable, "-m", "autograder", "bench", "--sizes", "3", "--stock", "1", "--unit", ""]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=300, env=os.environ | {"PYTHONWARNINGS": "ignore"}, check=False)
    assert done.returncode == 0, done.stderr
    rows = {words[0]: list(map(float, words[1:])) for words in map(str.split, done.stdout.splitlines()) if words and words[0] in ("nbgrader", "autograder")}
    assert rows["nbgrader"][0] == 1
    students, seconds, start, rate, then, student_cpu, other_cpu, megabytes = rows["autograder"]
    assert students == 3
    assert 0 < start <= seconds
    assert rate == pytest.approx(180 / seconds, rel=0.05)
    assert then == pytest.approx(120 / (seconds - start), rel=0.1)
    assert 0 < student_cpu < 3
    assert other_cpu > 0
    assert 100 < megabytes < 2048
    assert re.fullmatch(r"ratio: \d+\.\d", done.stdout.splitlines()[-1])


def test_a_worker_imports_neither_nbgrader_nor_pytorch_nor_a_database():
    code = "import sys, autograder.pool, autograder.needs; print(sorted({'nbgrader', 'torch', 'sqlalchemy', 'rfc3987_syntax.syntax_helpers'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("unit", ["01_convolution_arithmetic", "02_layers"])
def test_checksums_are_nbgraders(unit):
    for path in (find_unit(unit).student_notebook, find_unit(unit).solution_notebook):
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if "nbgrader" in cell.metadata]
        assert len(cells) > 5
        for cell in cells:
            assert nbgrader_rules.checksum(cell) == utils.compute_checksum(cell)
            cell.source += "#"
            assert nbgrader_rules.checksum(cell) == utils.compute_checksum(cell)


TIMES = ["2026-01-02 03:04:05.678 UTC", "2026-01-02 03:04:05", "2026-01-02T03:04:05+02:00", "2026-01-02 03:04:05 Europe/Berlin", "2026-01-02 03:04:05 -3600", "2 Jan 2026 3pm"]


@pytest.mark.parametrize("text", TIMES)
def test_times_are_read_as_nbgrader_reads_them(text):
    try:
        expected = utils.parse_utc(text)
    except ValueError as error:
        with pytest.raises(ValueError, match=re.escape(str(error))):
            nbgrader_rules.parse_utc(text)
    else:
        assert nbgrader_rules.parse_utc(text) == expected


def test_the_light_class_is_the_reference_solution(tmp_path):
    unit = find_unit("01_convolution_arithmetic")
    bench.hand_in_class(unit, 2, tmp_path)
    paths = sorted(tmp_path.rglob("*.ipynb"))
    assert [path.parent.parent.name for path in paths] == ["student0000", "student0001"]
    assert "raise NotImplementedError" not in "".join(cell.source for cell in read_notebook(paths[0]).cells)


def test_what_cannot_be_measured_costs_one_line(monkeypatch, tmp_path):
    with pytest.raises(CourseError, match="There is no unit 'nowhere'"):
        bench.bench([1], 0, "nowhere", 1, print)
    with pytest.raises(CourseError, match="is a chapter"):
        bench.bench([1], 0, "01_images_and_filters", 1, print)
    monkeypatch.setattr(bench, "LIGHT_COURSE", tmp_path / "gone")
    with pytest.raises(CourseError, match="gone is missing"):
        bench.bench([1], 0, "", 1, print)
