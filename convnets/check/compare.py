"""Comparing an outcome with the expected one: tolerances, and a message for every way to be wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from convnets.check.run import load_probe
from convnets.check.values import Outcome

MOST = 1 << 14
DISAGREES = "What you say does not agree with your own numbers."


@dataclass
class Difference:
    """Why an outcome is not the expected one.

    kind: "none", "structure", "exception", "time", "breach", "shape", "dtype", "value", "nan", "modified", "no error", "accuracy",
    "claim" (it does not follow from the numbers that came with it) or "data" (those numbers cannot be used).
    message: one or two sentences for the student. leaf, index: where the first wrong element is, for kind "value" and "nan".
    """

    kind: str
    message: str
    leaf: str = ""
    index: tuple[int, ...] | None = None
    expected: np.ndarray | None = None
    got: np.ndarray | None = None


def tolerance(*arrays: np.ndarray, terms: int = 1) -> float:
    """Relative tolerance for results that sum `terms` products: rounding errors grow like √terms.

    Single precision is always good enough, so that a solution may compute in float32; float16 results are judged as such.
    """
    half = any(array.dtype == np.float16 for array in arrays)
    return 16 * (1e-3 if half else 1.2e-7) * float(np.sqrt(max(terms, 1)))


def close(got: np.ndarray, expected: np.ndarray, rtol: float) -> np.ndarray:
    """Elementwise |got − expected| ≤ rtol · max(|expected|, typical size of expected); equal infinities and NaNs agree."""
    got, expected = np.asarray(got), np.asarray(expected)
    equal = got == expected
    if equal.all():
        return equal
    finite = np.abs(expected[np.isfinite(expected)]) if expected.size else np.zeros(0)
    with np.errstate(all="ignore"):
        scale = float(np.sqrt(np.mean(finite.astype(np.float64) ** 2))) if finite.size else 0.0
        near = np.abs(got.astype(np.complex128) - expected) <= rtol * (np.abs(expected) + scale)
    return (near & np.isfinite(expected)) | equal | (np.isnan(got) & np.isnan(expected))


def sentence(leaf: str) -> str:
    return leaf if leaf else "your result"


def error_words(outcome: Outcome) -> str:
    where = "".join(f"\n    line {number}: {text}" for number, text in outcome.lines)
    return f"Your code stopped with {outcome.raised}: {outcome.message}{where}"


def held(outcome: Outcome, name: str | None) -> Outcome:
    """The outcome with what the function `module:function` makes of its values in their place; problem "data" where it cannot use them.

    The function stands in the library, not in the learner's notebook: `convnets.check.conclusions`. name None: the outcome as it is.
    """
    if name is None or outcome.leaves is None:
        return outcome
    try:
        with np.errstate(all="ignore"):
            value = load_probe(name)(**{leaf: plain_numbers(leaf, array) for leaf, array in outcome.leaves.items()})
    except ValueError as error:
        return replace(outcome, leaves=None, problem="data", message=str(error))
    return replace(outcome, leaves={"": np.asarray(value, dtype=float)})


def plain_numbers(leaf: str, array: np.ndarray) -> np.ndarray:
    """The array in float64. Raises ValueError where that says something else, or is more than a conclusion rests on."""
    if array.dtype.kind == "c":
        raise ValueError(f"The numbers of {sentence(leaf)} are complex; plain numbers are expected.")
    if array.size > MOST:
        raise ValueError(f"There are {array.size} numbers in {sentence(leaf)}; a conclusion rests on at most {MOST}.")
    return array.astype(np.float64)


def compare(
    got: Outcome,
    expected: Outcome,
    *,
    only: tuple[str, ...] = (),
    dtype: bool = False,
    unmodified: bool = False,
    rtol: float | None = None,
    accuracy: float | None = None,
    terms: int = 1,
) -> Difference | None:
    """The first thing by which `got` differs from `expected`, or None.

    only: names of the leaves that count, `()` for all. dtype: also compare dtypes. unmodified: also ask whether the
    inputs were left as they were. rtol: fixed relative tolerance instead of the one from dtype and `terms`.
    accuracy: the share of predicted classes that must be right.
    """
    if got.problem in ("time", "breach", "data"):
        return Difference(got.problem, got.message)
    if expected.raised:
        return compare_error(got, expected)
    if got.raised:
        return Difference("exception", error_words(got))
    if unmodified and got.modified:
        names = ", ".join(got.modified)
        return Difference("modified", f"Your function changed its input: {names}. Work on a copy (`.copy()`), the caller still needs it.")
    if got.problem:
        return Difference("none" if "returned None" in got.message else "structure", got.message)
    for leaf, right in expected.leaves.items():
        if only and leaf not in only:
            continue
        if accuracy is None:
            difference = compare_leaf(leaf, got.leaves[leaf], right, dtype, rtol, terms)
        else:
            difference = compare_classes(leaf, got.leaves[leaf], right, accuracy)
        if difference and unmodified:
            difference.message = f"The inputs are left as they were, but the result is wrong: {difference.message}"
        if difference:
            return difference
    return None


def compare_error(got: Outcome, expected: Outcome) -> Difference | None:
    if got.raised == expected.raised or expected.raised in got.ancestors:
        return None
    if got.raised:
        return Difference("exception", f"This input is not valid and should raise {expected.raised}. {error_words(got)}")
    words = f"This input is not valid: your function should raise {expected.raised}, but it returned a result."
    return Difference("no error", f"{words} The reason: {expected.message}" if expected.message else words)


def compare_leaf(leaf, got, right, dtype, rtol, terms) -> Difference | None:
    name = sentence(leaf)
    if got.shape != right.shape:
        message = f"The shape of {name} is {got.shape}, expected {right.shape}."
        if got.size == right.size:
            message += " The number of elements is right: look at the order of the axes, or at a missing or extra axis."
        return Difference("shape", message, leaf, None, right, got)
    if right.dtype.kind in "iu" and got.dtype.kind not in "iu":
        message = f"Expected whole numbers (int), got {got.dtype}: for a single number `//` gives an int and `/` a float."
        return Difference("dtype", message, leaf, None, right, got)
    if dtype and got.dtype != right.dtype:
        return Difference("dtype", f"The dtype of {name} is {got.dtype}, expected {right.dtype} as in the input.", leaf, None, right, got)
    if right.dtype.kind in "biu":
        wrong = got != right
    else:
        wrong = ~close(got, right, rtol or tolerance(got, right, terms=terms))
    if not wrong.any():
        return None
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    if np.isnan(got[index]) and not np.isnan(right[index]):
        return Difference("nan", f"{name}{bracket(index)} is NaN (not a number), expected {number(right[index])}.", leaf, index, right, got)
    subject = name[0].upper() + name[1:] if not leaf else name
    first = f"{subject}{bracket(index)} is {number(got[index])}, expected {number(right[index])}"
    if not index:
        return Difference("value", f"{first}.", leaf, index, right, got)
    count = f"{int(wrong.sum())} of {wrong.size} elements are wrong"
    return Difference("value", f"{first}; {count}.", leaf, index, right, got)


def compare_classes(leaf, got, right, accuracy) -> Difference | None:
    if got.shape != right.shape:
        return Difference("shape", f"The shape of {sentence(leaf)} is {got.shape}, expected {right.shape}: one class for each image.", leaf)
    share = float(np.mean(got == right))
    if share >= accuracy:
        return None
    return Difference("accuracy", f"{share:.1%} of {right.size} images are classified right; at least {accuracy:.1%} are asked.", leaf)


def bracket(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else ""


def number(value) -> str:
    """A number as a student would write it: 3, 0.25, 1.234568."""
    value = value.item() if hasattr(value, "item") else value
    return repr(value) if isinstance(value, (bool, int)) else f"{value:.7g}"


def agree(one: Outcome, other: Outcome, **settings) -> bool:
    """Whether two outcomes are the same as far as the check's settings can tell, errors and changed inputs included."""
    if one.raised or other.raised:
        return one.raised == other.raised and bool(one.raised)
    if one.problem or other.problem:
        return (one.problem, one.message) == (other.problem, other.message)
    if settings.get("unmodified") and one.modified != other.modified:
        return False
    return compare(one, other, **(settings | {"unmodified": False, "accuracy": None})) is None
