"""What a unit's zygotes need, known without running the unit: so that they can start while the rest is still being made ready."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import nbformat

from autograder.build import read_source
from autograder.errors import CourseError
from autograder.judge import Job
from autograder.names import modules_in
from autograder.pool import Local
from autograder.sandbox import NUMPY, PYTORCH
from autograder.units import Unit

ALWAYS = {NUMPY: {"convnets.check", "convnets.check.probes"}, PYTORCH: {"convnets.check", "convnets.check.probes", "convnets.check.torch_probes"}}


def needs(unit: Unit) -> dict:
    """`Job`'s kind, modules, links and shared. Raises CourseError when the source's header names other libraries than there are."""
    kind = read_source(unit).metadata.get("convnets", {}).get("libraries", NUMPY)
    if kind not in ALWAYS:
        raise CourseError(f"{unit.source}: `libraries` in the header must be {' or '.join(ALWAYS)}, not {kind!r}.")
    files = [file for file in sorted(unit.student_notebook.parent.iterdir()) if file.is_file() and file.suffix != ".ipynb"]
    return {
        "kind": kind,
        "modules": tuple(sorted(modules_in(nbformat.read(unit.student_notebook, as_version=4)) | ALWAYS[kind])),
        "links": {file.name: f"/sandbox/unit/{file.name}" for file in files},
        "shared": {f"unit/{file.name}": file for file in files},
    }


@contextlib.contextmanager
def begun(pool, unit: Unit, gpu: bool) -> Iterator[None]:
    """Let this machine's processes and their zygotes start now; those that the block did not use are ended. What is wrong with the unit is told later."""
    if isinstance(pool, Local):
        with contextlib.suppress(CourseError, OSError, ValueError):
            pool.warm(Job(unit, "", **needs(unit), limits={}, gpu=gpu))
    try:
        yield
    finally:
        if isinstance(pool, Local):
            pool.dismiss()
