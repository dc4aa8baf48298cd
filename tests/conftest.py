"""Shared by all tests: one thread a process, a course secret, and no trace in the user's own folders."""

import os

import pytest

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory, monkeypatch):
    """Progress and the course secret belong to the test."""
    monkeypatch.setenv("CONVNETS_PROGRESS", str(tmp_path_factory.mktemp("progress") / "progress.json"))
    monkeypatch.setenv("CONVNETS_SECRET", "a secret for tests")
