"""Every notebook runs: solutions and chapters in full, within budget and without a word on stderr; stubs fail politely."""

import os
import re
import shutil
import tempfile
import time
from functools import lru_cache
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from autograder.units import all_units

UNITS = all_units()
GRADED = [unit for unit in UNITS if unit.graded]


def name(unit):
    return unit.name


def run(path: Path, folder: Path, *, allow_errors=False) -> tuple[nbformat.NotebookNode, float]:
    """Execute a copy of a notebook as a student would, on two threads. Returns it with its outputs, and the seconds."""
    for neighbour in path.parent.parent.iterdir() if path.parent.name != "course" else [path.parent]:
        if neighbour.is_dir():
            shutil.copytree(neighbour, folder / neighbour.name, ignore=shutil.ignore_patterns("*.safetensors", ".*"))
    path = folder / path.parent.name / path.name
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        allow_errors=allow_errors,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "2")
    start = time.monotonic()
    client.execute(env=os.environ | threads | {"OMP_WAIT_POLICY": "PASSIVE"})
    return notebook, time.monotonic() - start


@lru_cache
def solved(unit) -> tuple[nbformat.NotebookNode, float]:
    """A unit's solution notebook, executed once for all tests."""
    with tempfile.TemporaryDirectory() as folder:
        return run(unit.solution_notebook, Path(folder))


def outputs(notebook, kind):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs if output.output_type == kind]


def stderr(notebook):
    return [output.text for output in outputs(notebook, "stream") if output.name == "stderr"]


def earned(notebook):
    """Points by test cell: the value of its last expression."""
    tests = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    return {
        cell.metadata.nbgrader.grade_id: [o.data["text/plain"] for o in cell.outputs if o.output_type == "execute_result"] for cell in tests
    }


@pytest.mark.parametrize("unit", UNITS, ids=name)
def test_it_runs_within_its_budget_without_a_word_on_stderr(unit):
    notebook, seconds = solved(unit)
    assert stderr(notebook) == []
    assert seconds <= notebook.metadata.convnets.budget_seconds
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            assert earned(notebook)[cell.metadata.nbgrader.grade_id] == [str(float(cell.metadata.nbgrader.points))]
    for output in outputs(notebook, "display_data"):
        html = output.data.get("text/html", "")
        assert "image/png" not in output.data or "text/html" in output.data, "a figure without alt text: use convnets.plots.show"
        assert html.count("<img") == html.count("alt=")


@pytest.mark.parametrize("unit", GRADED, ids=name)
def test_stubs_fail_politely(unit, tmp_path):
    notebook, _ = run(unit.student_notebook, tmp_path, allow_errors=True)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            assert not any(o.output_type == "error" for o in cell.outputs), cell.metadata.nbgrader.grade_id
            shown = "".join(o.data.get("text/plain", "") for o in cell.outputs if o.output_type == "display_data")
            assert "Not written yet" in shown
    assert {tuple(values) for values in earned(notebook).values()} == {("0.0",)}
    assert stderr(notebook) == []


def test_lab_01_reaches_88_percent_in_two_minutes_from_the_notebook_itself():
    notebook, _ = solved(next(unit for unit in UNITS if unit.name == "01_lenet_on_fashion_mnist"))
    printed = "".join(output.text for output in outputs(notebook, "stream"))
    accuracy, seconds = re.search(r"test accuracy ([\d.]+)%, trained on cpu in (\d+) s", printed).groups()
    assert float(accuracy) >= 88
    assert int(seconds) <= 120
    assert "with your convolution: training loss" in printed
