"""The `autograder` command: what an instructor types."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from autograder.errors import CourseError
from autograder.units import all_units, find_unit
from convnets.errors import UserError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def autograder() -> None:
    """Build the course's notebooks and grade what students hand in."""


def chosen(names: list[str] | None) -> list:
    return [find_unit(name) for name in names] if names else all_units()


@app.command()
def build(
    units: Annotated[list[str] | None, typer.Argument(help="Units to build; all when none is named.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when a built file is missing or stale.")] = False,
) -> None:
    """Turn source/ into notebooks: chapters, assignments, labs and solutions."""
    from autograder.build import build as build_units
    from autograder.build import stale

    listed = chosen(units)
    if check:
        if old := stale(listed):
            raise CourseError("Stale, run `autograder build`:\n  " + "\n  ".join(map(str, old)))
        print(f"{len(listed)} units are up to date.")
        return
    changed = build_units(listed)
    for path in changed:
        print(f"built {path}")
    print(f"{len(listed)} units built, {len(changed)} files changed.")


def main() -> None:
    """Run the command line; a UserError becomes one line on stderr and exit status 1."""
    try:
        app()
    except UserError as error:
        sys.exit(f"autograder: {error}")
