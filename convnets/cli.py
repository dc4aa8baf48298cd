"""The `convnets` command: what a student types."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from convnets.errors import UserError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def convnets() -> None:
    """An open course on convolutional networks: start it, check your work, find its data."""


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def lab(context: typer.Context) -> None:
    """Open JupyterLab on the start page. Further options go to JupyterLab, for example --no-browser."""
    from convnets.lab import run_lab

    raise typer.Exit(run_lab(context.args))


@app.command()
def check(notebook: Annotated[Path, typer.Argument(help="The notebook to run and check.")]) -> None:
    """Run a notebook from top to bottom in a fresh kernel and print what its checks say."""
    from convnets.check_notebook import check_notebook

    if not check_notebook(notebook):
        raise typer.Exit(1)


@app.command()
def data() -> None:
    """List the data sets: where each was found, or why not, and its licence."""
    from rich.console import Console
    from rich.table import Column, Table

    from convnets.data import sources_report
    from convnets.units import readable_bytes

    table = Table("data set", Column("where", overflow="fold"), "size", "licence")
    for row in sources_report():
        table.add_row(row.name, row.found or row.reason, readable_bytes(row.bytes), row.licence)
    Console().print(table)


@app.command()
def doctor() -> None:
    """Say what this machine offers the course: Python, libraries, threads, GPU, data folders, and which walls of the grading sandbox hold."""
    from convnets.doctor import report

    for name, value in report():
        print(f"{name:<26} {value}")


def main() -> None:
    """Run the command line; a UserError becomes one line on stderr and exit status 1."""
    try:
        app()
    except UserError as error:
        sys.exit(f"convnets: {error}")
