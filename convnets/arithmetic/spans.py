"""Receptive fields, carried through the operations of a network.

For every spatial axis of the network's input a tensor carries one `Span`: how many input positions one of its values
depends on, how far this window moves from one value to the next, and where the first window starts. Windows may start
before the image, in the padding; they are cut to the image only where an operation reads a whole axis.

Recurrences after Araujo, Norris & Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
"""

import math
from dataclasses import dataclass, replace
from fractions import Fraction


class UnknownFieldError(Exception):
    """The receptive field cannot be followed through this operation."""


@dataclass(frozen=True)
class Span:
    """The window of one input axis. ``dim`` counts tensor dimensions from the end: -1 is the last one.

    ``pure`` is False once ``dim`` holds other axes too (after a flatten). ``whole`` is True once every value depends on
    the same window, as after global pooling or a fully connected layer.
    """

    length: int
    count: int
    dim: int | None
    size: int = 1
    jump: Fraction = Fraction(1)
    start: Fraction = Fraction(0)
    pure: bool = True
    whole: bool = False


def of_input(shape):
    """Spans of an input N×C×spatial: each value sees itself."""
    return tuple(Span(shape[d], shape[d], d - len(shape)) for d in range(2, len(shape)))


def gathered(span):
    """The span after an operation that reads the whole axis: one window for all, cut to the image."""
    if span.whole:
        return replace(span, count=1)
    first = max(span.start, 0)
    last = min(span.start + (span.count - 1) * span.jump + span.size, span.length)
    return replace(span, size=math.ceil(last - first), start=first, count=1, whole=True)


def slid(span, extent, stride, before, count):
    """The span after a window of ``extent`` + 1 positions that moves by ``stride``, with ``before`` positions of padding."""
    if span.whole:
        return replace(span, jump=span.jump * stride, count=count)
    return replace(
        span,
        size=math.ceil(span.size + extent * span.jump),
        start=span.start - before * span.jump,
        jump=span.jump * stride,
        count=count,
    )


def spread(span, extent, stride, before, count):
    """The span after a transposed convolution; the largest window where the number of contributing inputs varies."""
    if span.whole:
        return replace(span, jump=span.jump / stride, count=count)
    return replace(
        span,
        size=math.ceil(span.size + extent // stride * span.jump),
        start=span.start + math.ceil(Fraction(before - extent, stride)) * span.jump,
        jump=span.jump / stride,
        count=count,
    )


def windowed(spans, move, dims, counts):
    """Apply ``move(span, i, count)`` to the spans that lie in the last ``dims`` dimensions; gather those in channels."""
    result = []
    for span in spans:
        if span.dim is None or span.dim < -dims - 1:
            result.append(span)
        elif span.dim == -dims - 1 or not span.pure:
            result.append(replace(gathered(span), dim=None))
        else:
            i = span.dim + dims
            result.append(move(span, i, counts[i]))
    return tuple(result)


def mixed(spans, dims):
    """Every value now depends on all positions of the dimensions ``dims`` (negative)."""
    return tuple(gathered(span) if span.dim in dims else span for span in spans)


def merged(fields):
    """The spans of a value computed from several tensors position by position: add, multiply, concatenate channels."""
    first, *others = fields
    return tuple(_merged_pair(pair) for pair in zip(*[first, *others], strict=True)) if others else first


def _merged_pair(spans):
    result = spans[0]
    for other in spans[1:]:
        result = _union(result, other)
    return result


def _union(a, b):
    if a.whole or b.whole:
        moving = max(a, b, key=lambda span: (span.dim is not None, span.count))
        a, b = (gathered(span) for span in (a, b))
        first, last = min(a.start, b.start), max(a.start + a.size, b.start + b.size)
        return replace(moving, size=math.ceil(last - first), start=first, whole=True)
    if (a.dim, a.jump, a.count, a.pure) != (b.dim, b.jump, b.count, b.pure):
        raise UnknownFieldError
    first, last = min(a.start, b.start), max(a.start + a.size, b.start + b.size)
    return replace(a, size=math.ceil(last - first), start=first)


def moved(spans, new_dim):
    """Rename dimensions: ``new_dim(dim)`` is the new negative index of ``dim``, or None where it is gone."""
    return tuple(span if span.dim is None else replace(span, dim=new_dim(span.dim)) for span in spans)


def viewed(spans, old, new):
    """The spans after a view of shape ``old`` as shape ``new``: each axis is kept, or merged into a larger dimension."""
    return tuple(span if span.dim is None else _viewed(span, old, new) for span in spans)


def _viewed(span, old, new):
    low = math.prod(old[span.dim + 1 :]) if span.dim != -1 else 1
    high = low * old[span.dim]
    step = 1
    for dim in range(-1, -len(new) - 1, -1):
        top = step * new[dim]
        if (step, top) == (low, high) and (new[dim] > 1 or old[span.dim] == 1):
            return replace(span, dim=dim)
        if step <= low and high <= top and new[dim] > 1:
            return replace(span, dim=dim, pure=False)
        step = top
    if span.whole or old[span.dim] == 1:
        return replace(span, dim=None, whole=True) if span.whole else replace(gathered(span), dim=None)
    raise UnknownFieldError


def sliced(spans, index, ndim):
    """The spans after ``tensor[index]`` with integers, slices, None and Ellipsis; anything else is not followed."""
    index = index if isinstance(index, tuple) else (index,)
    if not all(i is None or i is Ellipsis or type(i) in (int, slice) for i in index):
        raise UnknownFieldError
    used = sum(i is not None and i is not Ellipsis for i in index)
    filler = (slice(None),) * (ndim - used)
    at = next((k for k, i in enumerate(index) if i is Ellipsis), len(index))
    index = index[:at] + filler + index[at + 1 :]
    by_dim = {span.dim: span for span in spans if span.dim is not None}
    kept, changed, old = [], {}, -ndim
    for i in index:
        if i is None:
            kept.append(None)
            continue
        span = by_dim.get(old)
        if span is not None and i != slice(None) and not span.whole:
            changed[old] = _taken(span, i)
        if not isinstance(i, int):
            kept.append(old)
        old += 1
    where = {dim: k - len(kept) for k, dim in enumerate(kept) if dim is not None}
    return moved(tuple(changed.get(span.dim, span) for span in spans), where.get)


def _taken(span, i):
    if not span.pure:
        raise UnknownFieldError
    if isinstance(i, int):
        one = replace(span, start=span.start + i % span.count * span.jump, count=1)
        return gathered(one)
    first, last, step = i.indices(span.count)
    return slid(span, 0, step, -first, len(range(first, last, step)))
