"""`convnets check NOTEBOOK`: run a notebook in a fresh kernel and print what its checks say."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from convnets.errors import UserError

SECONDS = 600


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """Read a notebook. Raises UserError in words when the file is missing, unreadable or empty."""
    if not path.is_file():
        raise UserError(f"There is no notebook {path}.")
    try:
        notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    except Exception as error:
        raise UserError(f"{path} is not a readable notebook ({type(error).__name__}). Take it from the course archive again.") from error
    if not notebook.cells:
        raise UserError(f"{path} is empty. Take it from the course archive again.")
    return notebook


def check_notebook(path: Path) -> bool:
    """Print every check's report. Returns whether all points were earned."""
    notebook = read_notebook(path)
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        allow_errors=True,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.resolve().parent)}},
    )
    try:
        client.execute()
    except CellTimeoutError as error:
        raise UserError(f"A cell of {path.name} ran longer than {SECONDS} seconds.") from error
    except DeadKernelError as error:
        raise UserError(f"The kernel died while it ran {path.name}. Did a cell run out of memory?") from error
    tests = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    if not tests:
        raise UserError(f"{path.name} has no checks: it is a chapter, or not a notebook of the course.")
    earned = 0.0
    for cell in tests:
        print(output_text(cell) or "(no output)", end="\n\n")
        earned += score(cell)
    total = sum(float(cell.metadata.nbgrader.points) for cell in tests)
    print(f"{path.name}: {earned:g} of {total:g} points")
    return earned == total


def output_text(cell: nbformat.NotebookNode) -> str:
    parts = []
    for output in cell.outputs:
        if output.output_type == "error":
            parts.append(f"{output.ename}: {output.evalue}")
        elif output.output_type == "stream":
            parts.append(output.text)
        elif output.output_type == "display_data":
            parts.append(output.data.get("text/plain", ""))
    return "\n".join(part.rstrip() for part in parts)


def score(cell: nbformat.NotebookNode) -> float:
    for output in cell.outputs:
        if output.output_type == "execute_result":
            try:
                return float(output.data.get("text/plain", ""))
            except ValueError:
                return 0.0
    return 0.0
