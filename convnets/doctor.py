"""What this machine offers the course."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys

from convnets.check.progress import progress_path

LIBRARIES = ("numpy", "torch", "torchvision", "matplotlib", "jupyterlab", "anywidget", "nbgrader")


def report() -> list[tuple[str, str]]:
    """Rows of (what, finding)."""
    import torch

    rows = [("Python", f"{platform.python_version()} at {sys.executable}"), ("system", platform.platform())]
    rows += [(name, version(name)) for name in LIBRARIES]
    rows.append(("processor", f"{os.cpu_count()} cores, PyTorch uses {torch.get_num_threads()} threads"))
    rows.append(("accelerator", accelerator()))
    rows.append(("CONVNETS_DATA", os.environ.get("CONVNETS_DATA") or "not set (no mirror folder)"))
    rows.append(("progress", str(progress_path())))
    return rows + grading()


def version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def accelerator() -> str:
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()} (CUDA)"
    if torch.backends.mps.is_available():
        return "Apple GPU (MPS)"
    return "none; everything but the full experiments runs on the CPU"


def grading() -> list[tuple[str, str]]:
    """Rows about the instructor's tool: on Linux each wall of its sandbox, tried out; one row where it is not installed."""
    found = list(importlib.metadata.entry_points(group="convnets.doctor"))
    if not found:
        return [("grading", "not installed (students do not need it)")]
    if sys.platform != "linux":
        return [("grading", "everything works here but the sandbox, which needs Linux: grade only code that you trust, with --unsafe")]
    return [row for part in found for row in part.load()()]
