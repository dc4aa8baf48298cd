"""The learner's own progress: the last score of every exercise, in one JSON file of the user's data folder."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import platformdirs


def progress_path() -> Path:
    """The file: `CONVNETS_PROGRESS` where that is set, else progress.json in the user's data folder."""
    return Path(os.environ.get("CONVNETS_PROGRESS") or Path(platformdirs.user_data_dir("convnets")) / "progress.json")


def read_progress() -> dict[str, dict[str, dict]]:
    """{unit: {exercise: {"points", "max_points", "time"}}}; empty when nothing was checked or the file is unreadable."""
    try:
        content = json.loads(progress_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def record(unit: str, exercise: str, points: float, max_points: float) -> None:
    """Remember a score. A full disk or a read-only folder costs the record only, never the check."""
    content = read_progress()
    entry = {"points": points, "max_points": max_points, "time": time.time()}
    content.setdefault(unit, {})[exercise] = entry
    path = progress_path()
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(content), encoding="utf-8")
        os.replace(temporary, path)
    except OSError:
        return
