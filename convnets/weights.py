"""Weights on disk, as safetensors: no code travels in the file, so a stranger's weights are safe to load."""

from __future__ import annotations

import os
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from convnets.errors import UserError


def save_weights(net: nn.Module, path: str | Path) -> None:
    """Write the net's parameters and buffers to `path`, whole or not at all."""
    path = Path(path)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in net.state_dict().items()}
    save_file(tensors, temporary, metadata={"order": "\n".join(tensors)})
    os.replace(temporary, path)


def load_weights(net: nn.Module, path: str | Path) -> nn.Module:
    """Load weights that `save_weights` wrote, by name, or by order where the names differ. Returns the net.

    Raises UserError when the file is missing, unreadable, or of a net with other shapes.
    """
    path = Path(path)
    try:
        saved = load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{path} cannot be read as safetensors ({error}). Train again, or take the file again.") from error
    own = net.state_dict()
    if set(saved) != set(own):
        order = in_file_order(path)
        saved = dict(zip(own, (saved[name] for name in order), strict=False)) if len(order) == len(own) else {}
    wrong = [name for name, tensor in own.items() if name not in saved or saved[name].shape != tensor.shape]
    if wrong:
        raise UserError(f"{path} holds the weights of another net: {', '.join(wrong)} do not fit. Train again, or load it into the net it is of.")
    net.load_state_dict(saved)
    return net


def in_file_order(path: Path) -> list[str]:
    """Names of the tensors in the net's own order. The format sorts them, so `save_weights` keeps the order in the metadata."""
    with safe_open(path, framework="pt") as file:
        names = list(file.keys())
        return (file.metadata() or {}).get("order", "\n".join(names)).split("\n")
