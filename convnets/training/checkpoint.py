"""Save a training run after every epoch and go on from there."""

import os
from pathlib import Path

import torch


def save_checkpoint(path, model, optimizer, scaler, history):
    """Write everything that training needs to go on to `path`, whole or not at all. Does nothing if path is None."""
    if path is None:
        return
    path = Path(path)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scaler": scaler.state_dict(),
        "history": history.state(),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, temporary)
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:  # torch.save reports a missing or read-only folder as RuntimeError
        raise ValueError(
            f"Cannot write the checkpoint {path}: {error}. Choose a path in a folder that you can write to."
        ) from error
    finally:
        if temporary.exists():
            temporary.unlink()


def load_checkpoint(path, model, optimizer, scaler, history):
    """Put back what `save_checkpoint` wrote. Does nothing if path is None or there is no such file."""
    if path is None or not Path(path).exists():
        return
    where = next(model.parameters()).device
    advice = "Delete it or give another path."
    try:
        state = torch.load(path, map_location=where, weights_only=True)
        parts = [state[name] for name in ("model", "optimizer", "scaler", "history")]
    except Exception as error:
        raise ValueError(
            f"Cannot read the checkpoint {path}: it is damaged or no checkpoint of fit. {advice}"
        ) from error
    try:
        model.load_state_dict(parts[0])
        optimizer.load_state_dict(parts[1])
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"The checkpoint {path} is of another network or optimizer. {advice}") from error
    scaler.load_state_dict(parts[2])
    history.restore(parts[3])
