"""Nested values as JSON and a few long arrays: how questions are stored and sent."""

from __future__ import annotations

import math

import numpy as np

from convnets.check.values import Case, Outcome


class Packer:
    """Turns nested values into JSON. Arrays of a dtype lie one after the other in one long array; JSON says where."""

    def __init__(self):
        self.parts: dict[str, list[np.ndarray]] = {}
        self.length: dict[str, int] = {}
        self.known: dict[bytes, list] = {}

    def place(self, array: np.ndarray) -> list:
        """[dtype, start, shape] of the array, stored once however often it occurs."""
        flat = np.ascontiguousarray(array).reshape(-1)
        key = repr((array.dtype.str, array.shape)).encode() + flat.tobytes()
        if key not in self.known:
            kind = array.dtype.str
            start = self.length.get(kind, 0)
            self.parts.setdefault(kind, []).append(flat)
            self.length[kind] = start + flat.size
            self.known[key] = [kind, start, list(array.shape)]
        return self.known[key]

    def arrays(self) -> dict[str, np.ndarray]:
        return {kind: np.concatenate(parts) for kind, parts in self.parts.items()}

    def pack(self, value):
        if isinstance(value, np.ndarray):
            return {"array": self.place(value)}
        if isinstance(value, tuple):
            return {"tuple": [self.pack(v) for v in value]}
        if isinstance(value, list):
            return {"list": [self.pack(v) for v in value]}
        if isinstance(value, dict):
            return {"dict": {k: self.pack(v) for k, v in value.items()}}
        if isinstance(value, np.generic):
            return {"array": self.place(np.asarray(value)), "scalar": True}
        if isinstance(value, Case):
            return {"case": [self.pack(value.args), self.pack(value.kwargs)]}
        if isinstance(value, Outcome):
            kept = {k: v for k, v in vars(value).items() if v or (k == "leaves" and v is not None)}
            return {"outcome": self.pack(kept)}
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise TypeError(f"A check's inputs are arrays, numbers, strings, None, tuples, lists and dicts, not {type(value).__name__}")


def unpack(value, arrays: dict[str, np.ndarray]):
    """The value that `Packer.pack` turned into JSON, with its arrays copied out of the long ones."""
    if not isinstance(value, dict):
        return value
    if "array" in value:
        kind, start, shape = value["array"]
        array = arrays[kind][start : start + math.prod(shape)].reshape(shape).copy()
        return array[()] if value.get("scalar") else array
    if "tuple" in value:
        return tuple(unpack(v, arrays) for v in value["tuple"])
    if "list" in value:
        return [unpack(v, arrays) for v in value["list"]]
    if "dict" in value:
        return {k: unpack(v, arrays) for k, v in value["dict"].items()}
    if "case" in value:
        return Case(*(unpack(v, arrays) for v in value["case"]))
    return Outcome(**unpack(value["outcome"], arrays))
