"""The `autograder` command: what an instructor types."""

from __future__ import annotations

import atexit
import gc
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


GradebookUrl = Annotated[str | None, typer.Option("--gradebook", help="SQLAlchemy URL of nbgrader's gradebook, as postgresql://USER@HOST/NAME; OUT/gradebook.db when not given.")]


@app.command()
def grade(
    unit: UnitName,
    submissions: Annotated[Path, typer.Option(help="Folder with STUDENT/UNIT/UNIT.ipynb, STUDENT/UNIT.ipynb or STUDENT.ipynb.")] = Path("submitted"),
    out: GradingFolder = None,
    gradebook: GradebookUrl = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes on this machine; one for each core when not given.")] = None,
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Grade on the workers of this Dask scheduler, as tcp://HOST:8786.")] = None,
    slurm: Annotated[int, typer.Option(metavar="JOBS", help="Start that many Slurm jobs of Dask workers and grade on them.")] = 0,
    gpu: Annotated[bool, typer.Option("--gpu", help="Let student code see the NVIDIA GPU.")] = False,
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Run student code without a sandbox, with your own rights, in stock nbgrader.")] = False,
) -> None:
    """Grade a class in the sandbox: results.json, gradebook, graded notebooks, feedback and class report. Run it again to go on or to grade what changed."""
    from autograder.needs import begun
    from autograder.pool import chosen_pool

    found = find_unit(unit)
    out = out or Path("grading") / found.name
    pool = chosen_pool(workers, scheduler, slurm)
    with begun(None if unsafe else pool, found, gpu):
        from autograder.grade import grade as grade_class
        from autograder.show import print_graded, progress_bar

        with progress_bar(f"grading {found.name}") as progress:
            done = grade_class(found, submissions, out, progress, pool=pool, url=gradebook, unsafe=unsafe, gpu=gpu)
    print_graded(found, done, out)
    if done.stopped or done.faults:
        raise typer.Exit(1)


@app.command()
def feedback(unit: UnitName, out: GradingFolder = None, gradebook: GradebookUrl = None) -> None:
    """Write the students' feedback pages again, after scores or comments were given by hand."""
    from autograder.grade import renew
    from autograder.show import progress_bar

    found = find_unit(unit)
    with progress_bar(f"feedback on {found.name}") as progress:
        folder = renew(found, out or Path("grading") / found.name, feedback=True, url=gradebook, progress=progress)
    print(f"feedback pages: {folder / 'feedback'}")


@app.command()
def report(unit: UnitName, out: GradingFolder = None, gradebook: GradebookUrl = None) -> None:
    """Write results.json and the class report again, after scores were given by hand."""
    from autograder.grade import renew

    found = find_unit(unit)
    folder = renew(found, out or Path("grading") / found.name, url=gradebook)
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


@app.command()
def export(
    unit: UnitName,
    out: GradingFolder = None,
    into: Annotated[Path | None, typer.Option(help="The grades file that you downloaded from Canvas, Moodle or Blackboard.")] = None,
    to: Annotated[Path | None, typer.Option(help="File to write; OUT/marks.csv, or NAME.filled.csv beside the LMS's file.")] = None,
    column: Annotated[str | None, typer.Option(help="Heading, name or ID of the column to fill, where several could be meant.")] = None,
    gradebook: Annotated[str | None, typer.Option(help="URL of the gradebook; OUT/gradebook.db when not given.")] = None,
) -> None:
    """Write the marks as a CSV file, or fill them into the file from your LMS."""
    from autograder.export import export as export_marks
    from autograder.export import summary

    found = find_unit(unit)
    print(summary(export_marks(found, out or Path("grading") / found.name, into, to, column, gradebook)))


@app.command()
def similarity(
    unit: UnitName,
    submissions: Annotated[Path, typer.Option(help="Folder with the submissions, as for grade.")] = Path("submitted"),
    to: Annotated[Path | None, typer.Option(help="HTML file to write; grading/UNIT-similarity.html when not given.")] = None,
) -> None:
    """List the pairs of students whose answers are more alike than answers usually are."""
    from autograder.show import progress_bar
    from autograder.similarity import similarity as compare_class
    from autograder.similarity import summary

    found = find_unit(unit)
    to = to or Path("grading") / f"{found.name}-similarity.html"
    with progress_bar(f"comparing {found.name}") as progress:
        compared = compare_class(found, submissions, to, progress)
    print(summary(compared, to))


@app.command()
def bench(
    sizes: Annotated[str, typer.Option(help="Students in the classes that do the light unit.")] = "20,200,1000",
    stock: Annotated[int, typer.Option(min=0, help="Submissions that go through stock nbgrader, of each unit.")] = 4,
    unit: Annotated[str, typer.Option(help="The unit that is measured as it is; an empty text for none.")] = "02_layers",
    students: Annotated[int, typer.Option(min=1, help="Students in the class that does it.")] = 1000,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that grade; one for each core when not given.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each class is graded, the sizes in turn; medians count.")] = 1,
) -> None:
    """Measure stock nbgrader and this autograder on the same submissions, with the sandbox on."""
    from autograder.bench import bench as measure
    from autograder.bench import class_sizes

    ratio = measure(class_sizes(sizes), stock, unit, students, lambda line: print(line, flush=True), workers, rounds)
    print(f"ratio: {ratio:.1f}")


def main() -> None:
    """Run the command line; a UserError becomes one line on stderr and exit status 1.

    What is alive at the end is left to the system: Python would spend a second on looking through PyTorch's objects for cycles.
    """
    atexit.register(gc.freeze)
    try:
        app()
    except UserError as error:
        sys.exit(f"autograder: {error}")
