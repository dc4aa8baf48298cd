"""What a student's function returned, as plain data: named arrays that can be stored, sent and compared.

A *leaf* is one array of a result. A result of one array has one leaf, `""`; a tuple of arrays has a leaf for each. Numbers,
flat lists of numbers, PyTorch tensors and arrays all become NumPy arrays, so how a student wrote the result never matters.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """One call: positional and keyword arguments, made of arrays, numbers, strings, None, tuples, lists and dicts."""

    args: tuple = ()
    kwargs: dict = field(default_factory=dict)

    def size(self) -> int:
        """How many array elements the call holds: the measure by which the smallest failing input is chosen."""
        return sum(array.size for array in arrays_in((self.args, self.kwargs)))


def case(*args, **kwargs) -> Case:
    """The call that a check makes, written as the student would write it: `case(x, w, b, stride=2)`."""
    return Case(args, kwargs)


def arrays_in(value: Any) -> list[np.ndarray]:
    """All arrays in nested tuples, lists and dicts, in order."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [array for item in value for array in arrays_in(item)]
    return []


@dataclass
class Outcome:
    """What one call gave: leaves by name, or the error it ended in. Holds no object of the student's."""

    leaves: dict[str, np.ndarray] | None = None
    raised: str | None = None
    message: str = ""
    lines: tuple[tuple[int, str], ...] = ()
    ancestors: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def returned(self) -> bool:
        return self.leaves is not None


def is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float, complex, np.number, np.bool_))


def as_array(value: Any) -> np.ndarray | None:
    """The value as an array of numbers, or None when it is none."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    if is_number(value) or isinstance(value, np.ndarray) or (isinstance(value, (tuple, list)) and all(is_number(v) for v in value)):
        array = np.asarray(value)
    else:
        return None
    return array if array.dtype.kind in "biufc" else None


def describe(value: Any) -> str:
    """A value in words for messages: "an array of shape (2, 3), float64", "None", "a string"."""
    if value is None:
        return "None"
    array = as_array(value)
    if array is not None and isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)} numbers"
    if array is not None and array.ndim == 0:
        return f"the number {array.item()!r}"
    if array is not None:
        return f"an array of shape {array.shape}, {array.dtype}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)} values"
    return f"a {type(value).__name__}"


def to_leaves(value: Any, names: tuple[str, ...]) -> tuple[dict[str, np.ndarray] | None, str | None]:
    """Split a result into its leaves.

    names: one name for each expected value, `()` when the result is one array. Returns (leaves, None), or (None, what is
    wrong with the result's structure). Arrays are copied, so that later changes by the student cannot reach them.
    """
    if value is None:
        return None, "Your function returned None. Does it end with a `return`?"
    if not names:
        array = as_array(value)
        if array is None:
            return None, f"Expected one array or number, got {describe(value)}."
        return {"": array.copy()}, None
    listed = f"{len(names)} values ({', '.join(names)})"
    if isinstance(value, dict):
        missing = [name for name in names if name not in value]
        if missing:
            return None, f"Expected {listed}; your dictionary has no {', '.join(map(repr, missing))}."
        value = [value[name] for name in names]
    if (isinstance(value, np.ndarray) and value.ndim == 0) or not isinstance(value, (tuple, list, np.ndarray)):
        return None, f"Expected {listed}, got {describe(value)}."
    if len(value) != len(names):
        return None, f"Expected {listed}, got {describe(value)}."
    leaves = {}
    for name, item in zip(names, value, strict=True):
        array = as_array(item)
        if array is None:
            return None, f"Expected {name} to be an array or number, got {describe(item)}."
        leaves[name] = array.copy()
    return leaves, None
