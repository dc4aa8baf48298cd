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


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The toy course, built in a folder of the test file's own and named to the autograder."""
    from toy import make_course

    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("course")
        patch.setenv("CONVNETS_COURSE", str(folder))
        patch.setenv("CONVNETS_SECRET", "a secret for tests")
        yield make_course(folder)


@pytest.fixture(scope="module")
def unit(course):
    from toy import UNIT

    from autograder.units import find_unit

    return find_unit(UNIT)
