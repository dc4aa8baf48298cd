"""nbgrader's checksum of a cell, without the second that importing nbgrader takes."""

from __future__ import annotations

import hashlib

from nbformat import NotebookNode


def checksum(cell: NotebookNode) -> str:
    """What `nbgrader.utils.compute_checksum` (0.9.6) gives for a marked cell: equal as long as nobody has changed the cell."""
    mark = cell.metadata.nbgrader
    parts = [cell.source, cell.cell_type, *(str(bool(mark.get(name, False))) for name in ("grade", "solution")), str(locked(mark)), mark["grade_id"]]
    if mark.get("grade", False):
        parts.append(str(float(mark["points"])))
    return hashlib.md5("".join(parts).encode()).hexdigest()


def locked(mark: dict) -> bool:
    """Whether nbgrader takes a cell with this mark as locked: never a solution, always a check."""
    if mark.get("solution", False):
        return False
    return True if mark.get("grade", False) else bool(mark.get("locked", False))
