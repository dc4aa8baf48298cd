"""Measured numbers on disk: what an experiment found goes beside its notebook, and is handed in with it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from convnets.errors import UserError


def save_results(path: str | Path, **arrays) -> None:
    """Write named arrays (or numbers) to `path` as safetensors, whole or not at all."""
    path = Path(path)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        save_file({name: np.ascontiguousarray(values) for name, values in arrays.items()}, temporary)
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} cannot be written ({error}). Choose a folder that you can write to.") from error
    finally:
        temporary.unlink(missing_ok=True)


def load_results(path: str | Path) -> dict[str, np.ndarray] | None:
    """The arrays that `save_results` wrote, by name; None where there is no such file yet. Raises UserError when it is damaged."""
    path = Path(path)
    if not path.exists():
        return None
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} cannot be read ({error}). Delete it, and run the experiment again.") from error
