"""What all our HTML pages share: one style, one way to escape, and files that are written whole or not at all.

A template is filled with autoescape, and every text that it prints goes through `printable`, so a page cannot be broken by what a student wrote.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from autograder.printable import printable
from autograder.units import Unit

LONGEST = 500


def code(text: str) -> Markup:
    """Escape a text and set its `quoted` parts in code type."""
    pieces = str(escape(printable(text))).split("`")
    if len(pieces) % 2 == 0:
        return Markup("`".join(pieces))
    return Markup("".join(f"<code>{piece}</code>" if i % 2 else piece for i, piece in enumerate(pieces)))


def points(value: float) -> str:
    return f"{round(value, 2):g}"


def percent(share: float) -> str:
    return f"{share:.0%}"


def seconds(value: float) -> str:
    return f"{value:.1f} s" if value >= 1 else f"{1000 * value:.0f} ms"


def short(text: str) -> str:
    """A text that may be of any length, cut where it would swamp the page."""
    return printable(text, LONGEST)


def clean(value: object) -> object:
    """What a template prints, `printable`; markup of our own stays as it is."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@lru_cache
def environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=clean,
        auto_reload=False,
    )
    made.filters |= {"points": points, "percent": percent, "code": code, "short": short, "seconds": seconds}
    return made


def fill(template: str, **values) -> str:
    """One of the package's templates, filled."""
    return environment().get_template(template).render(**values)


def write_page(page: str, path: Path) -> None:
    """Write a page, whole or not at all."""
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(page, encoding="utf-8")
    os.replace(temporary, path)


def title_of(unit: Unit) -> str:
    """The title in the unit's first cell."""
    return title_in(unit, unit.source.stat().st_mtime_ns)


@lru_cache
def title_in(unit: Unit, _changed: int) -> str:
    from autograder.build import read_source

    return read_source(unit).cells[0].source.splitlines()[0].lstrip("# ")
