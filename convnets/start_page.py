"""The start page: the units with time, points and the learner's own progress, as Markdown that JupyterLab shows."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from convnets.check.progress import read_progress
from convnets.errors import UserError

KINDS = {"course": "Chapters", "assignments": "Assignments", "labs": "Labs"}
INTRO = {
    "course": "Read, predict, run, play. Nothing here is graded.",
    "assignments": "Write the pieces yourself. A check tells you at once what holds and what does not.",
    "labs": "Train on real images, on a laptop's CPU or on a GPU.",
}
FILE = "start.md"
SPACE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class UnitCard:
    """What the start page says about one unit. points: 0 for a chapter. earned: the points of the last checks."""

    name: str
    kind: str
    path: str
    title: str
    summary: str
    minutes: int
    points: float
    earned: float
    needs: tuple[str, ...]

    @property
    def link(self) -> str:
        """Markdown link to the notebook: number and title."""
        return f"[{self.name.partition('_')[0]} · {self.title}]({self.path})"

    @property
    def done(self) -> bool:
        return 0 < self.points <= self.earned


def course_folder(start: Path | None = None) -> Path:
    """The course's folder: `start` (default: the current folder) or the nearest above it that holds course/ and assignments/."""
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "course").is_dir() and (folder / "assignments").is_dir():
            return folder
    raise UserError(f"{start} is not inside the course's folder. Go to the folder that holds course/ and assignments/, then try again.")


def unit_cards(folder: Path) -> list[UnitCard]:
    """The cards of all notebooks in the course's folder, in the order of the start page."""
    progress = read_progress()
    paths = [p for kind in KINDS for p in sorted((folder / kind).glob("*.ipynb" if kind == "course" else "*/*.ipynb"))]
    return [card for path in paths if (card := unit_card(path, folder, progress))]


def unit_card(path: Path, folder: Path, progress: dict) -> UnitCard | None:
    """The card of one notebook; None for a notebook that is not a unit of the course, such as a learner's own."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        facts = notebook["metadata"]["convnets"]
        title = "".join(notebook["cells"][0]["source"]).splitlines()[0].lstrip("# ")
        scores = progress.get(facts["unit"], {}).values()
        return UnitCard(
            name=facts["unit"],
            kind=facts["kind"],
            path=path.relative_to(folder).as_posix(),
            title=title,
            summary=facts.get("summary", ""),
            minutes=facts.get("minutes", 0),
            points=facts.get("points", 0),
            earned=sum(entry["points"] for entry in scores),
            needs=tuple(facts.get("needs", ())),
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None


def next_unit(cards: list[UnitCard]) -> UnitCard | None:
    """The first assignment or lab that is not finished, assignments and labs taken turn by turn as their needs allow."""
    done = {card.name for card in cards if card.done or not card.points}
    open_cards = [card for card in cards if card.points and not card.done]
    ready = [card for card in open_cards if set(card.needs) <= done]
    return (ready or open_cards or [None])[0]


def bar(card: UnitCard) -> str:
    if not card.points:
        return ""
    filled = round(8 * min(card.earned / card.points, 1))
    mark = " ✓ done" if card.done else ""
    return f"{'▰' * filled}{'▱' * (8 - filled)} {card.earned:g} of {card.points:g}{mark}".replace(" ", SPACE)


def start_page(folder: Path) -> str:
    """The whole page as Markdown."""
    cards = unit_cards(folder)
    by_name = {card.name: card for card in cards}
    lines = ["# Convolutional networks, from the first pixel", ""]
    if following := next_unit(cards):
        lines.append(f"**Next: {KINDS[following.kind].lower().removesuffix('s')} {following.link}**, about {following.minutes} minutes, {following.points:g} point{'s' * (following.points != 1)}.")
        chapters = [by_name[n] for n in following.needs if n in by_name and by_name[n].kind == "course"]
        if chapters:
            lines[-1] += " It builds on " + ", ".join(c.link for c in chapters) + "."
    elif any(card.points for card in cards):
        lines.append("**You have finished every graded unit.** Well done.")
    lines += ["", "New here? Begin with the first chapter. Your progress below comes from your last checks.", ""]
    for kind, heading in KINDS.items():
        listed = [card for card in cards if card.kind == kind]
        if not listed:
            continue
        graded = any(card.points for card in listed)
        lines += [f"## {heading}", "", INTRO[kind], ""]
        lines += ["| unit | what it is about | time |" + (" your points |" if graded else "")]
        lines += ["|:--|:--|--:|" + (":--|" if graded else "")]
        for card in listed:
            lines.append(f"| {card.link} | {card.summary} | {card.minutes}{SPACE}min |" + (f" {bar(card)} |" if graded else ""))
        lines.append("")
    return "\n".join(lines)


def write_start_page(folder: Path) -> Path:
    """Write start.md into the course's folder, whole or not at all. Returns its path."""
    path = folder / FILE
    temporary = path.with_name(f"{FILE}.{os.getpid()}.part")
    try:
        temporary.write_text(start_page(folder), encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"Cannot write {path}: {error.strerror}. Give yourself write permission for that folder.") from error
    return path
