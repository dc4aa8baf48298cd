"""The `autograder` command: what an instructor types."""

from __future__ import annotations

import sys
from pathlib import Path
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


UnitName = Annotated[str, typer.Argument(help="An assignment or a lab.")]
GradingFolder = Annotated[Path | None, typer.Option("--out", help="Folder of the grading; grading/UNIT when not given.")]


@app.command()
def grade(
    unit: UnitName,
    submissions: Annotated[Path, typer.Option(help="Folder with STUDENT/UNIT/UNIT.ipynb, STUDENT/UNIT.ipynb or STUDENT.ipynb.")] = Path("submitted"),
    out: GradingFolder = None,
) -> None:
    """Grade a class with nbgrader: results.json, gradebook, feedback and class report."""
    from autograder.grade import grade as grade_class
    from autograder.show import print_results, progress_bar

    found = find_unit(unit)
    out = out or Path("grading") / found.name
    with progress_bar(f"grading {found.name}") as progress:
        results = grade_class(found, submissions, out, progress)
    print_results(found, results, out)


@app.command()
def feedback(unit: UnitName, out: GradingFolder = None) -> None:
    """Write the students' feedback pages again, after scores or comments were given by hand."""
    from autograder.grade import renew
    from autograder.show import progress_bar

    found = find_unit(unit)
    with progress_bar(f"feedback on {found.name}") as progress:
        folder = renew(found, out or Path("grading") / found.name, feedback=True, progress=progress)
    print(f"feedback pages: {folder / 'feedback'}")


@app.command()
def report(unit: UnitName, out: GradingFolder = None) -> None:
    """Write results.json and the class report again, after scores were given by hand."""
    from autograder.grade import renew

    found = find_unit(unit)
    folder = renew(found, out or Path("grading") / found.name)
    print(f"class report: {folder / 'report.html'}")


@app.command()
def bundle(
    out: Annotated[Path, typer.Option("--out", help="The archive to write.")] = Path("convnets-course.zip"),
) -> None:
    """Write the archive that students get; refuses when it would leak a solution or a hidden test."""
    from autograder.bundle import bundle as write_bundle

    names = write_bundle(out)
    print(f"{out}: {len(names)} files, {out.stat().st_size / 1e6:.1f} MB.")


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder for the class and its grading.")] = Path("grading") / "demo",
) -> None:
    """Show the whole loop on a sample class: build, submissions, grading, feedback and report."""
    from autograder.demo import demo as run_demo
    from autograder.show import print_results, progress_bar

    run_demo(all_units(), out, print, print_results, progress_bar)


def main() -> None:
    """Run the command line; a UserError becomes one line on stderr and exit status 1."""
    try:
        app()
    except UserError as error:
        sys.exit(f"autograder: {error}")
