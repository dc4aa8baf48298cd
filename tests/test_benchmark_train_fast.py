"""`python benchmarks/train_fast.py`: every rung runs for a few steps anywhere, and figures come from a GPU or not at all."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "train_fast.py"
ladder = {"plain": {}, "half": {}, "schedule": {}}


def run(*arguments):
    return subprocess.run([sys.executable, str(BENCHMARK), *arguments], capture_output=True, text=True, timeout=300, env=os.environ | {"CUDA_VISIBLE_DEVICES": ""})


def test_the_rehearsal_runs_every_rung_and_measures_nothing():
    done = run("--rehearsal")
    assert done.returncode == 0 and done.stderr == ""
    head, *lines = done.stdout.splitlines()
    assert head == "Rehearsal on cpu: every rung runs, nothing is measured."
    from autograder.units import import_unit

    assert [line[:18].strip() for line in lines] == list(import_unit("06_train_fast").FULL_LADDER)
    assert all("10 steps, " in line and " s" not in line.replace(" steps", "") for line in lines)


def test_without_a_gpu_there_is_no_table():
    done = run()
    assert done.returncode == 1 and done.stdout == "" and "no CUDA GPU" in done.stderr


def test_one_seed_is_refused():
    done = run("--seeds", "1")
    assert done.returncode == 2 and "one run has no spread" in done.stderr


def test_the_fastest_rung_that_reaches_the_target_is_named():
    best = runpy.run_path(str(BENCHMARK))["best_rung"]
    accuracies = np.array([[0.92, 0.93], [0.939, 0.943], [0.95, 0.951]])
    seconds = np.array([[9.0, 9.2], [5.0, 5.2], [6.0, 6.0]])
    assert "“half”" in best(accuracies, seconds, ladder) and "94.10 % in 5.10 s" in best(accuracies, seconds, ladder)
    assert "No rung reaches 94%" in best(accuracies - 0.02, seconds, ladder)


def test_weights_that_are_no_numbers_stop_the_rehearsal(monkeypatch):
    space = runpy.run_path(str(BENCHMARK))
    space["TINY"]["rate"] = float("nan")
    from autograder.units import import_unit

    try:
        space["rehearse"](import_unit("06_train_fast"), torch.device("cpu"))
    except SystemExit as stopped:
        assert "no longer numbers" in str(stopped)
    else:
        raise AssertionError("a rate of NaN went through")
