"""Two rules of nbgrader 0.9.6, word for word in effect: importing nbgrader itself takes every worker longer than grading several submissions."""

from __future__ import annotations

import hashlib
from datetime import datetime

import dateutil.parser
import dateutil.tz
from nbformat import NotebookNode


def checksum(cell: NotebookNode) -> str:
    """What `nbgrader.utils.compute_checksum` gives for a marked cell: equal as long as nobody has changed the cell."""
    mark = cell.metadata.nbgrader
    grade, solution = mark.get("grade", False), mark.get("solution", False)
    locked = False if solution else True if grade else mark.get("locked", False)
    parts = [cell.source, cell.cell_type, str(grade), str(solution), str(locked), mark["grade_id"]]
    if grade:
        parts.append(str(float(mark["points"])))
    return hashlib.md5("".join(parts).encode()).hexdigest()


def parse_utc(text: str) -> datetime:
    """What `nbgrader.utils.parse_utc` reads from timestamp.txt, as UTC without a time zone. Raises ValueError or OverflowError where it is no time."""
    parts = text.split(" ")
    if len(parts) == 3:
        zone = int(parts[2]) if parts[2].lstrip("+-").isdecimal() else dateutil.tz.gettz(parts[2])
        found = dateutil.parser.parse(" ".join([*parts[:2], "TZ"]), tzinfos={"TZ": zone})
    else:
        found = dateutil.parser.parse(text)
    return (found - found.utcoffset()).replace(tzinfo=None) if found.tzinfo is not None else found
