"""The exercises of assignment 01: their properties with points, and the classic mistakes with their hints."""

import math

import numpy as np

from autograder.units import import_unit
from convnets.check import Exercise, case

notebook = import_unit("01_convolution_arithmetic")


def whole(rng, low, high):
    """A Python int from low to high, both included."""
    return int(rng.integers(low, high + 1))


def choice(rng, *values):
    return values[whole(rng, 0, len(values) - 1)]


def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def valid_window(size, kernel, stride, padding, dilation):
    """Raise ValueError as output_size asks."""
    notebook.output_size(size, kernel, stride, padding, dilation)


# ---------------------------------------------------------------------------------------------------------------------
output_size = Exercise("output_size", reference=notebook.output_size, title="How many windows fit", minutes=12, difficulty=1)


@output_size.checks("stride 1, no padding", points=2)
def _(rng):
    return case(whole(rng, 7, 14), whole(rng, 2, 5))


@output_size.checks("padding", points=1)
def _(rng):
    return case(whole(rng, 7, 14), whole(rng, 2, 5), padding=whole(rng, 1, 4))


@output_size.checks("stride that fits", points=1)
def _(rng):
    kernel, stride, steps = whole(rng, 2, 5), whole(rng, 2, 4), whole(rng, 2, 6)
    return case(kernel + stride * steps, kernel, stride=stride)


@output_size.checks("stride that leaves a remainder", points=1)
def _(rng):
    kernel, stride, steps = whole(rng, 2, 5), whole(rng, 2, 4), whole(rng, 2, 6)
    return case(kernel + stride * steps + whole(rng, 1, stride - 1), kernel, stride=stride)


@output_size.checks("dilation", points=1)
def _(rng):
    kernel, dilation = whole(rng, 3, 5), whole(rng, 2, 3)
    return case(dilation * kernel + whole(rng, 3, 9), kernel, dilation=dilation)


@output_size.checks("everything at once", points=1)
def _(rng):
    kernel, stride, padding, dilation = whole(rng, 3, 5), whole(rng, 2, 3), whole(rng, 1, 3), whole(rng, 2, 3)
    span = dilation * (kernel - 1) + 1
    return case(span + stride * whole(rng, 4, 8) + 1, kernel, stride, padding, dilation)


@output_size.checks("small input, enough padding", points=1)
def _(rng):
    padding = whole(rng, 2, 4)
    size = whole(rng, 1, 3)
    return case(size, size + whole(rng, 1, 2 * padding - 1), padding=padding)


@output_size.checks("window that does not fit: ValueError", points=1)
def _(rng):
    size, padding = whole(rng, 2, 8), whole(rng, 0, 2)
    return case(size, size + 2 * padding + whole(rng, 2, 5), padding=padding)


@output_size.checks("dilated window that does not fit: ValueError", points=1)
def _(rng):
    kernel, dilation = whole(rng, 3, 5), whole(rng, 2, 3)
    return case(dilation * (kernel - 1) - whole(rng, 1, 2), kernel, dilation=dilation)


@output_size.checks("stride or dilation below 1: ValueError", points=1)
def _(rng):
    bad = {choice(rng, "stride", "dilation"): whole(rng, -2, 0)}
    return case(whole(rng, 7, 12), whole(rng, 2, 4), **bad)


@output_size.checks("negative padding: ValueError", points=1)
def _(rng):
    return case(whole(rng, 9, 14), whole(rng, 2, 4), padding=whole(rng, -2, -1))


@output_size.mistake("+ 1 forgotten", loses="stride 1, no padding")
def _(size, kernel, stride=1, padding=0, dilation=1):
    """You counted the steps of the window, not its positions. The window also stands somewhere before its first step:
    add 1 after dividing."""
    return notebook.output_size(size, kernel, stride, padding, dilation) - 1


@output_size.mistake("padding added on one side", loses="padding")
def _(size, kernel, stride=1, padding=0, dilation=1):
    """You added `padding` once. It is put on both sides, so the side grows by `2 * padding`."""
    valid_window(size, kernel, stride, padding, dilation)
    return (size + padding - dilation * (kernel - 1) - 1) // stride + 1


@output_size.mistake("rounded up", loses="stride that leaves a remainder")
def _(size, kernel, stride=1, padding=0, dilation=1):
    """You rounded up. The last window must lie inside completely, so pixels left over at the end are dropped: round down
    with `//`."""
    valid_window(size, kernel, stride, padding, dilation)
    return math.ceil((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1


@output_size.mistake("/ instead of //", loses="stride 1, no padding")
def _(size, kernel, stride=1, padding=0, dilation=1):
    """You divided with `/`, which gives a float, such as 5.0 or 2.33. A number of windows is a whole number: divide with `//`."""
    valid_window(size, kernel, stride, padding, dilation)
    return (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1


@output_size.mistake("+ 1 before dividing", loses="stride that fits")
def _(size, kernel, stride=1, padding=0, dilation=1):
    """You added the 1 before dividing by the stride. Divide first (that counts the steps), then add 1 for the window's
    first position."""
    valid_window(size, kernel, stride, padding, dilation)
    return (size + 2 * padding - dilation * (kernel - 1)) // stride


@output_size.mistake("stride ignored", loses="stride that fits")
def _(size, kernel, stride=1, padding=0, dilation=1):
    """Your result does not depend on the stride. The window moves `stride` pixels a step: divide the room that it has by `stride`."""
    valid_window(size, kernel, stride, padding, dilation)
    return size + 2 * padding - dilation * (kernel - 1)


@output_size.mistake("dilation ignored", loses="dilation")
def _(size, kernel, stride=1, padding=0, dilation=1):
    """Your result does not depend on the dilation. Between two neighbours of the kernel lie `dilation - 1` skipped pixels, so
    the window is wider than `kernel`: count its span first."""
    valid_window(size, kernel, stride, padding, dilation)
    return (size + 2 * padding - kernel) // stride + 1


@output_size.mistake("span taken as dilation × kernel", loses="dilation")
def _(size, kernel, stride=1, padding=0, dilation=1):
    """You took `dilation * kernel` as the span of the window. There are only `kernel - 1` steps between the first and the last
    pixel: draw 3 pixels with dilation 2 and count."""
    valid_window(size, kernel, stride, padding, dilation)
    return (size + 2 * padding - dilation * kernel) // stride + 1


@output_size.mistake("dilation added once", loses="dilation")
def _(size, kernel, stride=1, padding=0, dilation=1):
    """You made the window wider by `dilation - 1` once. Every one of the `kernel - 1` gaps grows by that much."""
    valid_window(size, kernel, stride, padding, dilation)
    return (size + 2 * padding - (kernel + dilation - 1)) // stride + 1


@output_size.mistake("fit judged without the padding", loses="small input, enough padding")
def _(size, kernel, stride=1, padding=0, dilation=1):
    """You refused a kernel that is larger than the input. It may still fit in the padded input: compare with `size + 2 * padding`."""
    if kernel > size:
        raise ValueError("does not fit")
    return notebook.output_size(size, kernel, stride, padding, dilation)


@output_size.mistake("fit judged without the dilation", loses="dilated window that does not fit: ValueError")
def _(size, kernel, stride=1, padding=0, dilation=1):
    """You compared `kernel` with the padded input. A dilated window is wider than that: compare its span, gaps included."""
    if min(size, kernel, stride, dilation) < 1 or padding < 0 or kernel > size + 2 * padding:
        raise ValueError("does not fit")
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


@output_size.mistake("no check that the window fits", loses="window that does not fit: ValueError")
def _(size, kernel, stride=1, padding=0, dilation=1):
    """You returned a negative number of windows. Where the window does not fit there is no output: raise a ValueError that
    says so."""
    if min(size, kernel, stride, dilation) < 1 or padding < 0:
        raise ValueError("too small")
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


@output_size.mistake("0 where the window does not fit", loses="window that does not fit: ValueError")
def _(size, kernel, stride=1, padding=0, dilation=1):
    """You returned 0 where the window does not fit. An empty output would break a later layer, far from the cause: raise
    ValueError here."""
    if min(size, kernel, stride, dilation) < 1 or padding < 0:
        raise ValueError("too small")
    return max(0, (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1)


@output_size.mistake("impossible numbers accepted", loses="stride or dilation below 1: ValueError")
def _(size, kernel, stride=1, padding=0, dilation=1):
    """You computed with a stride, dilation or padding that cannot exist. Before the formula, raise ValueError if `size`,
    `kernel`, `stride` or `dilation` is below 1, or `padding` below 0."""
    if size + 2 * padding < dilation * (kernel - 1) + 1:
        raise ValueError("does not fit")
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


# ---------------------------------------------------------------------------------------------------------------------
same_padding = Exercise("same_padding", reference=notebook.same_padding, title="Padding that keeps the size", minutes=8, difficulty=1)


@same_padding.checks("odd kernel", points=2)
def _(rng):
    return case(2 * whole(rng, 1, 7) + 1)


@same_padding.checks("odd kernel, dilated", points=1)
def _(rng):
    return case(2 * whole(rng, 1, 4) + 1, dilation=whole(rng, 2, 5))


@same_padding.checks("even kernel, even dilation", points=1)
def _(rng):
    return case(2 * whole(rng, 1, 3), dilation=2 * whole(rng, 1, 2))


@same_padding.checks("even span: ValueError", points=1)
def _(rng):
    return case(2 * whole(rng, 1, 5), dilation=2 * whole(rng, 0, 2) + 1)


@same_padding.mistake("both sides together", loses="odd kernel")
def _(kernel, dilation=1):
    """You returned the padding of both sides together. `padding` is what is put on each side: half of that."""
    return 2 * notebook.same_padding(kernel, dilation)


@same_padding.mistake("half of kernel + 1", loses="odd kernel")
def _(kernel, dilation=1):
    """You padded with half of `kernel + 1`, one too many on each side. The window sticks out by what lies beside its centre:
    half of `kernel - 1`."""
    return notebook.same_padding(kernel, dilation) + 1


@same_padding.mistake("float", loses="odd kernel")
def _(kernel, dilation=1):
    """You divided with `/`, which gives a float. A number of pixels is a whole number: divide with `//`."""
    return float(notebook.same_padding(kernel, dilation))


@same_padding.mistake("dilation ignored", loses="odd kernel, dilated")
def _(kernel, dilation=1):
    """Your result does not depend on the dilation. Take the span of the dilated window, gaps included, instead of `kernel`."""
    notebook.same_padding(kernel, dilation)
    return (kernel - 1) // 2


@same_padding.mistake("half of dilation × kernel", loses="odd kernel, dilated")
def _(kernel, dilation=1):
    """You took `dilation * kernel` as the span. Only the `kernel - 1` steps between neighbours are stretched, so the span is
    `dilation * (kernel - 1) + 1`."""
    notebook.same_padding(kernel, dilation)
    return (dilation * kernel) // 2


@same_padding.mistake("every even kernel refused", loses="even kernel, even dilation")
def _(kernel, dilation=1):
    """You refused an even kernel, but with an even dilation its span is odd: 2 pixels with dilation 2 span 3. Look at the
    span, not at the kernel."""
    if kernel % 2 == 0:
        raise ValueError("even kernel")
    return notebook.same_padding(kernel, dilation)


@same_padding.mistake("even span accepted", loses="even span: ValueError")
def _(kernel, dilation=1):
    """You returned a padding for an even span. No symmetric padding keeps the size there, the output is one pixel too small or
    too large: raise ValueError."""
    return dilation * (kernel - 1) // 2


# ---------------------------------------------------------------------------------------------------------------------
conv_parameters = Exercise("conv_parameters", reference=notebook.conv_parameters, title="Parameters of a layer", minutes=8, difficulty=1)


def channels(rng):
    """(in_channels, out_channels), different from each other, neither a multiple of the other."""
    small = whole(rng, 3, 7)
    return choice(rng, (small, 2 * small + 1), (2 * small + 1, small))


def flat_kernel(rng):
    """A kernel that is not square."""
    kh = whole(rng, 2, 5)
    return kh, kh + choice(rng, -1, 1, 2)


def grouped(rng):
    """(in_channels, out_channels, groups): more than one channel and filter a group, groups does not equal either."""
    groups = whole(rng, 2, 4)
    a = whole(rng, 2, 4)
    return groups * a, groups * (a + whole(rng, 1, 3)), groups


@conv_parameters.checks("square kernel, with bias", points=2)
def _(rng):
    return case(*channels(rng), whole(rng, 2, 7))


@conv_parameters.checks("without bias", points=1)
def _(rng):
    return case(*channels(rng), whole(rng, 2, 7), bias=False)


@conv_parameters.checks("non-square kernel", points=1)
def _(rng):
    return case(*channels(rng), flat_kernel(rng))


@conv_parameters.checks("groups", points=1)
def _(rng):
    in_channels, out_channels, groups = grouped(rng)
    return case(in_channels, out_channels, whole(rng, 2, 5), groups=groups)


@conv_parameters.checks("depthwise", points=1)
def _(rng):
    in_channels = whole(rng, 3, 9)
    return case(in_channels, in_channels * whole(rng, 2, 3), whole(rng, 2, 5), groups=in_channels)


@conv_parameters.checks("groups that do not divide the channels: ValueError", points=1)
def _(rng):
    groups = whole(rng, 2, 4)
    good, bad = groups * whole(rng, 2, 4), groups * whole(rng, 2, 4) + whole(rng, 1, groups - 1)
    return case(*choice(rng, (good, bad), (bad, good)), 3, groups=groups)


def parameters(in_channels, out_channels, kernel_size, bias, groups):
    """(kh, kw, weights of one filter, whether a bias), checked as the exercise asks."""
    notebook.conv_parameters(in_channels, out_channels, kernel_size, bias, groups)
    kh, kw = pair(kernel_size)
    return kh, kw, kh * kw * in_channels // groups, int(bias)


@conv_parameters.mistake("bias forgotten", loses="square kernel, with bias")
def _(in_channels, out_channels, kernel_size, bias=True, groups=1):
    """You counted only the weights. Every filter also has a bias, unless `bias=False`: one more number a filter."""
    *_, weights, _ = parameters(in_channels, out_channels, kernel_size, bias, groups)
    return out_channels * weights


@conv_parameters.mistake("one bias for the whole layer", loses="square kernel, with bias")
def _(in_channels, out_channels, kernel_size, bias=True, groups=1):
    """You added a single bias for the layer. Every filter has its own: `out_channels` of them."""
    *_, weights, one = parameters(in_channels, out_channels, kernel_size, bias, groups)
    return out_channels * weights + one


@conv_parameters.mistake("a bias for every input channel of every filter", loses="square kernel, with bias")
def _(in_channels, out_channels, kernel_size, bias=True, groups=1):
    """You added a bias for every pair of input channel and filter. A filter sums over all its channels first and then adds
    one bias."""
    kh, kw, _, one = parameters(in_channels, out_channels, kernel_size, bias, groups)
    return out_channels * (in_channels // groups) * (kh * kw + one)


@conv_parameters.mistake("a bias for every input channel", loses="square kernel, with bias")
def _(in_channels, out_channels, kernel_size, bias=True, groups=1):
    """You counted `in_channels` biases. The bias belongs to the filter, that is to the output channel: there are `out_channels`."""
    *_, weights, one = parameters(in_channels, out_channels, kernel_size, bias, groups)
    return out_channels * weights + one * in_channels


@conv_parameters.mistake("filter without depth", loses="square kernel, with bias")
def _(in_channels, out_channels, kernel_size, bias=True, groups=1):
    """You counted kh × kw weights a filter. A filter is as deep as its input: kh × kw weights for each of the `in_channels`."""
    kh, kw, _, one = parameters(in_channels, out_channels, kernel_size, bias, groups)
    return out_channels * (kh * kw + one)


@conv_parameters.mistake("bias=False ignored", loses="without bias")
def _(in_channels, out_channels, kernel_size, bias=True, groups=1):
    """You counted the biases of a layer that has none. Read the argument `bias`."""
    *_, weights, _ = parameters(in_channels, out_channels, kernel_size, bias, groups)
    return out_channels * (weights + 1)


@conv_parameters.mistake("kernel height used for both sides", loses="non-square kernel")
def _(in_channels, out_channels, kernel_size, bias=True, groups=1):
    """You squared the first number of `kernel_size`. The kernel has kh × kw cells: multiply the two."""
    kh, _, _, one = parameters(in_channels, out_channels, kernel_size, bias, groups)
    return out_channels * (kh * kh * in_channels // groups + one)


@conv_parameters.mistake("groups ignored", loses="groups")
def _(in_channels, out_channels, kernel_size, bias=True, groups=1):
    """Your result does not depend on `groups`. A filter of a grouped convolution sees only the channels of its own group:
    `in_channels // groups` of them."""
    kh, kw, _, one = parameters(in_channels, out_channels, kernel_size, bias, groups)
    return out_channels * (kh * kw * in_channels + one)


@conv_parameters.mistake("groups divides the filters too", loses="groups")
def _(in_channels, out_channels, kernel_size, bias=True, groups=1):
    """You divided both the channels and the filters by `groups`: that is one group. There are `groups` of them, so all
    `out_channels` filters stay; only their depth shrinks."""
    *_, weights, one = parameters(in_channels, out_channels, kernel_size, bias, groups)
    return out_channels // groups * (weights + one)


@conv_parameters.mistake("groups divides the biases and not only the weights", loses="depthwise")
def _(in_channels, out_channels, kernel_size, bias=True, groups=1):
    """You divided the whole filter, bias included, by `groups` (or lost a filter by rounding). Groups make a filter less deep;
    its one bias stays."""
    kh, kw, _, one = parameters(in_channels, out_channels, kernel_size, bias, groups)
    return out_channels * (kh * kw * in_channels + one) // groups


@conv_parameters.mistake("any groups accepted", loses="groups that do not divide the channels: ValueError")
def _(in_channels, out_channels, kernel_size, bias=True, groups=1):
    """You returned a number for channels that cannot be shared out equally among the groups. Raise ValueError if
    `in_channels` or `out_channels` leaves a remainder when divided by `groups`."""
    kh, kw = pair(kernel_size)
    return out_channels * (kh * kw * (in_channels // groups) + int(bias))


# ---------------------------------------------------------------------------------------------------------------------
conv_multiply_adds = Exercise(
    "conv_multiply_adds", reference=notebook.conv_multiply_adds, title="Multiply-adds of a layer", minutes=7, difficulty=1
)


def output_shape(rng):
    """(height, width) of an output that is not square."""
    height = whole(rng, 4, 12)
    return height, height + choice(rng, -2, -1, 1, 3)


@conv_multiply_adds.checks("square kernel, square output", points=2)
def _(rng):
    side = whole(rng, 4, 12)
    return case(*channels(rng), whole(rng, 2, 5), (side, side))


@conv_multiply_adds.checks("non-square output", points=1)
def _(rng):
    return case(*channels(rng), whole(rng, 2, 5), output_shape(rng))


@conv_multiply_adds.checks("non-square kernel", points=1)
def _(rng):
    return case(*channels(rng), flat_kernel(rng), output_shape(rng))


@conv_multiply_adds.checks("groups", points=1)
def _(rng):
    in_channels, out_channels, groups = grouped(rng)
    return case(in_channels, out_channels, whole(rng, 2, 5), output_shape(rng), groups=groups)


@conv_multiply_adds.mistake("bias counted", loses="square kernel, square output")
def _(in_channels, out_channels, kernel_size, output_hw, groups=1):
    """You counted the bias as a multiply-add. It is an addition without a multiplication, and the convention leaves it out:
    kh · kw · channels for each output value."""
    kh, kw = pair(kernel_size)
    return math.prod(output_hw) * out_channels * (kh * kw * in_channels // groups + 1)


@conv_multiply_adds.mistake("positions forgotten", loses="square kernel, square output")
def _(in_channels, out_channels, kernel_size, output_hw, groups=1):
    """You counted the weights, which are used at one position. Every filter is used again at each of the output's
    height × width positions."""
    kh, kw = pair(kernel_size)
    return out_channels * kh * kw * in_channels // groups


@conv_multiply_adds.mistake("one filter only", loses="square kernel, square output")
def _(in_channels, out_channels, kernel_size, output_hw, groups=1):
    """You counted the work of one filter. There are `out_channels` filters, and each visits every position."""
    kh, kw = pair(kernel_size)
    return math.prod(output_hw) * kh * kw * in_channels // groups


@conv_multiply_adds.mistake("filter without depth", loses="square kernel, square output")
def _(in_channels, out_channels, kernel_size, output_hw, groups=1):
    """You counted kh × kw products for an output value. The window is as deep as the input: kh × kw products for each of the
    channels that the filter sees."""
    kh, kw = pair(kernel_size)
    return math.prod(output_hw) * out_channels * kh * kw


@conv_multiply_adds.mistake("multiplications and additions counted apart", loses="square kernel, square output")
def _(in_channels, out_channels, kernel_size, output_hw, groups=1):
    """Your result is twice as large: you counted a multiplication and an addition as two. One multiply-add is both of them
    together; twice that number is called FLOPs."""
    return 2 * notebook.conv_multiply_adds(in_channels, out_channels, kernel_size, output_hw, groups)


@conv_multiply_adds.mistake("output height used for both sides", loses="non-square output")
def _(in_channels, out_channels, kernel_size, output_hw, groups=1):
    """You squared the output's height. The output has height × width positions: multiply the two numbers of `output_hw`."""
    height, _ = output_hw
    return notebook.conv_multiply_adds(in_channels, out_channels, kernel_size, (height, height), groups)


@conv_multiply_adds.mistake("kernel height used for both sides", loses="non-square kernel")
def _(in_channels, out_channels, kernel_size, output_hw, groups=1):
    """You squared the kernel's height. The kernel has kh × kw cells: multiply the two."""
    return notebook.conv_multiply_adds(in_channels, out_channels, pair(kernel_size)[0], output_hw, groups)


@conv_multiply_adds.mistake("groups ignored", loses="groups")
def _(in_channels, out_channels, kernel_size, output_hw, groups=1):
    """Your result does not depend on `groups`. A filter sees only `in_channels // groups` channels, and does only their products."""
    return notebook.conv_multiply_adds(in_channels, out_channels, kernel_size, output_hw)


@conv_multiply_adds.mistake("groups divides the filters too", loses="groups")
def _(in_channels, out_channels, kernel_size, output_hw, groups=1):
    """You divided both the channels and the filters by `groups`: that is the work of one group. All `out_channels` filters work."""
    return notebook.conv_multiply_adds(in_channels, out_channels, kernel_size, output_hw, groups) // groups


# ---------------------------------------------------------------------------------------------------------------------
activation_memory = Exercise(
    "activation_memory", reference=notebook.activation_memory, title="Memory for the activations", minutes=7, difficulty=1
)


def maps(rng):
    """A shape (channels, height, width) with three different numbers."""
    channels = whole(rng, 2, 12)
    height = channels + whole(rng, 1, 6)
    return channels, height, height + whole(rng, 1, 6)


def growing(rng, count):
    """`count` shapes of maps, each smaller than the one before, as in a network that narrows."""
    shapes = [maps(rng)]
    for _ in range(count - 1):
        shapes.append(tuple(n + whole(rng, 1, 3) for n in shapes[-1]))
    return shapes[::-1]


@activation_memory.checks("one output", points=2)
def _(rng):
    return case([maps(rng)])


@activation_memory.checks("several outputs", points=1)
def _(rng):
    return case(growing(rng, whole(rng, 2, 4)))


@activation_memory.checks("other dtypes", points=1)
def _(rng):
    return case(growing(rng, 2), dtype=choice(rng, "float16", "float64", "uint8"))


@activation_memory.checks("a batch of images", points=1)
def _(rng):
    return case(growing(rng, 2), batch_size=whole(rng, 2, 64))


@activation_memory.checks("outputs without height and width", points=1)
def _(rng):
    return case([*growing(rng, 2), (whole(rng, 20, 90),), (whole(rng, 5, 15),)])


@activation_memory.mistake("values, not bytes", loses="one output")
def _(shapes, dtype="float32", batch_size=1):
    """You counted values. Each takes several bytes: `np.dtype(dtype).itemsize` says how many (4 for float32)."""
    return notebook.activation_memory(shapes, "uint8", batch_size)


@activation_memory.mistake("bits, not bytes", loses="one output")
def _(shapes, dtype="float32", batch_size=1):
    """Your result is 8 times too large: that is the number of bits. A byte has 8 bits, so a float32 takes 4 bytes."""
    return 8 * notebook.activation_memory(shapes, dtype, batch_size)


@activation_memory.mistake("dimensions added", loses="one output")
def _(shapes, dtype="float32", batch_size=1):
    """You added the numbers of a shape. A block of C × H × W values holds their product."""
    return batch_size * sum(sum(shape) for shape in shapes) * np.dtype(dtype).itemsize


@activation_memory.mistake("one channel only", loses="one output")
def _(shapes, dtype="float32", batch_size=1):
    """You counted height × width, one map. There are as many maps as channels: the first number of the shape counts too."""
    return batch_size * sum(math.prod(shape[-2:]) for shape in shapes) * np.dtype(dtype).itemsize


@activation_memory.mistake("largest output only", loses="several outputs")
def _(shapes, dtype="float32", batch_size=1):
    """You counted only the largest output. Training keeps all of them until the backward pass: add them up."""
    return max(notebook.activation_memory([shape], dtype, batch_size) for shape in shapes)


@activation_memory.mistake("last output only", loses="several outputs")
def _(shapes, dtype="float32", batch_size=1):
    """You counted only the last output. Does your loop overwrite the total instead of adding to it? All outputs are kept."""
    return notebook.activation_memory(shapes[-1:], dtype, batch_size)


@activation_memory.mistake("always 4 bytes", loses="other dtypes")
def _(shapes, dtype="float32", batch_size=1):
    """You took 4 bytes a value whatever the dtype is. Ask NumPy: `np.dtype(dtype).itemsize`."""
    return notebook.activation_memory(shapes, "float32", batch_size)


@activation_memory.mistake("one image only", loses="a batch of images")
def _(shapes, dtype="float32", batch_size=1):
    """You counted one image. Every image of the batch has activations of its own: multiply by `batch_size`."""
    return notebook.activation_memory(shapes, dtype)


@activation_memory.mistake("every shape unpacked into three", loses="outputs without height and width")
def _(shapes, dtype="float32", batch_size=1):
    """You unpacked every shape into channels, height and width. A fully connected layer's output has one number in its
    shape: `math.prod(shape)` takes any number of them."""
    total = 0
    for channels, height, width in shapes:
        total += channels * height * width
    return batch_size * total * np.dtype(dtype).itemsize


# ---------------------------------------------------------------------------------------------------------------------
receptive_field = Exercise(
    "receptive_field",
    reference=notebook.receptive_field,
    title="What one output sees",
    minutes=18,
    difficulty=3,
    returns=("height", "width"),
)


def strided(rng):
    """Three layers with growing kernels and strides ≥ 2 below."""
    kernel = whole(rng, 2, 3)
    second = kernel + whole(rng, 1, 2)
    third = second + whole(rng, 0, 1)
    return [
        {"kernel": kernel, "stride": whole(rng, 2, 3)},
        {"kernel": second, "stride": whole(rng, 2, 3)},
        {"kernel": third},
    ]


@receptive_field.checks("one layer", points=1)
def _(rng):
    return case([{"kernel": whole(rng, 2, 9)}])


@receptive_field.checks("no layer", points=1)
def _(rng):
    return case([])


@receptive_field.checks("stack without stride", points=2)
def _(rng):
    return case([{"kernel": whole(rng, 3, 7)} for _ in range(whole(rng, 2, 4))])


@receptive_field.checks("stack with strides", points=2)
def _(rng):
    return case(strided(rng))


@receptive_field.checks("dilation", points=1)
def _(rng):
    layers = strided(rng)
    return case([layer | {"dilation": whole(rng, 2, 3)} for layer in layers])


@receptive_field.checks("non-square kernels", points=1)
def _(rng):
    low = whole(rng, 2, 4)
    return case([{"kernel": (low, low + 2)}, {"kernel": (low + 1, low + whole(rng, 3, 5))}, {"kernel": 3}])


@receptive_field.checks("pairs for stride and dilation", points=1)
def _(rng):
    layers = [
        {"kernel": 3, "stride": (2, 3), "dilation": (1, 2)},
        {"kernel": (3, 4), "stride": (whole(rng, 2, 3), 1)},
        {"kernel": whole(rng, 3, 5), "dilation": (2, 1)},
    ]
    return case(layers)


def sides(layers):
    """For height and width: the list of (kernel, stride, dilation), input first."""
    keys = (("kernel", None), ("stride", 1), ("dilation", 1))
    return [[tuple(pair(layer.get(key, default))[side] for key, default in keys) for layer in layers] for side in (0, 1)]


@receptive_field.mistake("kernels added up", loses="stack without stride")
def _(layers):
    """You added the kernel sizes. Neighbouring windows overlap, so a layer adds only what reaches beyond: its span minus 1.
    Start with 1, a pixel that sees itself."""
    fields = []
    for side in sides(layers):
        field, jump = 0, 1
        for kernel, stride, dilation in side:
            field, jump = field + (dilation * (kernel - 1) + 1) * jump, jump * stride
        fields.append(field or 1)
    return tuple(fields)


@receptive_field.mistake("started with 0", loses="one layer")
def _(layers):
    """Your receptive field is 1 too small. Without any layer a value sees itself: start with 1."""
    return tuple(field - 1 for field in notebook.receptive_field(layers))


@receptive_field.mistake("last layer only", loses="stack without stride")
def _(layers):
    """You returned the window of the last layer, in its own input. Go on down to the image: what do the values in that window see?"""
    return notebook.receptive_field([{"kernel": layer["kernel"], "dilation": layer.get("dilation", 1)} for layer in layers[-1:]])


@receptive_field.mistake("strides ignored", loses="stack with strides")
def _(layers):
    """Your result does not depend on the strides. Behind a stride of 2, neighbours are 2 pixels apart in the image, so a later
    kernel reaches twice as far."""
    return notebook.receptive_field([layer | {"stride": 1} for layer in layers])


@receptive_field.mistake("layers in reverse order", loses="stack with strides")
def _(layers):
    """You went through the layers from the last to the first with a rule for the other direction. The first layer in the list
    is next to the image: keep a jump that starts at 1 there, and go up."""
    return notebook.receptive_field(layers[::-1])


@receptive_field.mistake("a layer's own stride applied to its own kernel", loses="stack with strides")
def _(layers):
    """You multiplied the jump by a layer's stride before you used it for that layer's kernel. A stride moves the window; it does
    not make it wider. It matters from the next layer on: first grow the field, then the jump."""
    fields = []
    for side in sides(layers):
        field, jump = 1, 1
        for kernel, stride, dilation in side:
            jump *= stride
            field += dilation * (kernel - 1) * jump
        fields.append(field)
    return tuple(fields)


@receptive_field.mistake("strides added instead of multiplied", loses="stack with strides")
def _(layers):
    """You added the strides. A step of 2 in a map whose neighbours are already 2 pixels apart is 4 pixels in the image:
    strides multiply."""
    fields = []
    for side in sides(layers):
        field, jump = 1, 1
        for kernel, stride, dilation in side:
            field, jump = field + dilation * (kernel - 1) * jump, jump + stride
        fields.append(field)
    return tuple(fields)


@receptive_field.mistake("only the stride just below", loses="stack with strides")
def _(layers):
    """You used only the stride of the layer just below. All strides below count: keep their product, the jump."""
    fields = []
    for side in sides(layers):
        field, below = 1, 1
        for kernel, stride, dilation in side:
            field, below = field + dilation * (kernel - 1) * below, stride
        fields.append(field)
    return tuple(fields)


@receptive_field.mistake("dilation ignored", loses="dilation")
def _(layers):
    """Your result does not depend on the dilation. A dilated kernel reaches `dilation * (kernel - 1)` beyond its first pixel."""
    return notebook.receptive_field([layer | {"dilation": 1} for layer in layers])


@receptive_field.mistake("span taken as dilation × kernel", loses="dilation")
def _(layers):
    """You took `dilation * kernel` as the span of a dilated window. Only the `kernel - 1` steps are stretched, so a layer adds
    `dilation * (kernel - 1)` steps."""
    fields = []
    for side in sides(layers):
        field, jump = 1, 1
        for kernel, stride, dilation in side:
            field, jump = field + (dilation * kernel - 1) * jump, jump * stride
        fields.append(field)
    return tuple(fields)


@receptive_field.mistake("height and width swapped", loses="non-square kernels")
def _(layers):
    """You returned (width, height). A pair is always (height, width), in the arguments and in the result."""
    return notebook.receptive_field(layers)[::-1]


@receptive_field.mistake("height used for both sides", loses="non-square kernels")
def _(layers):
    """You computed the height and returned it twice. Kernels, strides and dilations may differ along the width: do the same
    with the second number of each pair."""
    height, _ = notebook.receptive_field(layers)
    return height, height


# ---------------------------------------------------------------------------------------------------------------------
convolve_1d = Exercise("convolve_1d", reference=notebook.convolve_1d, title="Weighted smoothing", minutes=12, difficulty=2)


def symmetric(rng, size):
    half = rng.uniform(0.5, 2, size)
    return np.concatenate([half, rng.uniform(2, 3, 1), half[::-1]])


@convolve_1d.checks("symmetric kernel", points=2)
def _(rng):
    return case(rng.normal(size=whole(rng, 7, 10)), symmetric(rng, 1))


@convolve_1d.checks("kernel that is not symmetric", points=2)
def _(rng):
    return case(rng.normal(size=whole(rng, 7, 12)), rng.normal(size=whole(rng, 3, 4)))


@convolve_1d.checks("kernel as long as the signal", points=1)
def _(rng):
    size = whole(rng, 3, 6)
    return case(rng.normal(size=size), rng.normal(size=size))


@convolve_1d.checks("whole-number signal", points=1)
def _(rng):
    return case(rng.integers(-20, 20, whole(rng, 7, 10)), rng.uniform(0.1, 0.9, 3))


@convolve_1d.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(rng.normal(size=whole(rng, 7, 10)).astype(np.float32), rng.normal(size=3).astype(np.float32))


@convolve_1d.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case(rng.normal(size=whole(rng, 7, 10)), rng.normal(size=whole(rng, 3, 4)))


@convolve_1d.checks("kernel longer than the signal: ValueError", points=1)
def _(rng):
    size = whole(rng, 2, 5)
    return case(rng.normal(size=size), rng.normal(size=size + 1))


def fits(signal, kernel):
    if len(kernel) > len(signal):
        raise ValueError("the kernel is longer than the signal")


@convolve_1d.mistake("kernel not flipped", loses="kernel that is not symmetric")
def _(signal, kernel):
    """You slid the kernel as it is: that is cross-correlation. A convolution reads the kernel backwards: its last weight
    meets the first value of the window."""
    return notebook.convolve_1d(signal, kernel[::-1])


@convolve_1d.mistake("signal flipped instead of the kernel", loses="kernel that is not symmetric")
def _(signal, kernel):
    """You flipped the signal, so your result comes out backwards. Flip the kernel and leave the signal in its order."""
    return notebook.convolve_1d(signal, kernel)[::-1]


@convolve_1d.mistake("divided by the sum of the weights", loses="symmetric kernel")
def _(signal, kernel):
    """You divided by the sum of the weights. A convolution uses the weights as they are; a kernel that should average brings
    its own 1/9 or 1/16."""
    return notebook.convolve_1d(signal, kernel) / np.sum(kernel)


@convolve_1d.mistake("full: windows that stick out", loses="symmetric kernel")
def _(signal, kernel):
    """Your result is longer than the signal: you also used windows that stick out at both ends. Use only windows that lie
    inside: N − K + 1 of them."""
    fits(signal, kernel)
    return np.convolve(signal, kernel, "full")


@convolve_1d.mistake("same: result as long as the signal", loses="symmetric kernel")
def _(signal, kernel):
    """Your result is as long as the signal, so zeros were invented beyond its ends. Use only windows that lie inside:
    N − K + 1 of them."""
    fits(signal, kernel)
    return np.convolve(signal, kernel, "same")


@convolve_1d.mistake("last window missing", loses="symmetric kernel")
def _(signal, kernel):
    """Your result is one value short: the last window is missing. The window starts at 0, 1, … N − K, which makes N − K + 1
    positions."""
    return notebook.convolve_1d(signal, kernel)[:-1]


@convolve_1d.mistake("result cut to whole numbers", loses="whole-number signal")
def _(signal, kernel):
    """You wrote the sums into an array of whole numbers (`zeros_like` of an integer signal), which cuts off the decimals. Make
    it with `dtype=np.result_type(signal, kernel)`."""
    return notebook.convolve_1d(signal, kernel).astype(signal.dtype)


@convolve_1d.mistake("kernel flipped in place", loses="inputs left unmodified")
def _(signal, kernel):
    """You turned the caller's kernel around in its own memory. `kernel[::-1]` gives a flipped view and leaves the kernel alone."""
    result = notebook.convolve_1d(signal, kernel)
    kernel[:] = kernel[::-1].copy()
    return result


@convolve_1d.mistake("empty result for a long kernel", loses="kernel longer than the signal: ValueError")
def _(signal, kernel):
    """You returned an empty result where the kernel is longer than the signal. No window fits: raise ValueError."""
    return notebook.convolve_1d(signal, kernel) if len(kernel) <= len(signal) else np.zeros(0)


@convolve_1d.mistake("signal and kernel exchanged", loses="kernel longer than the signal: ValueError")
def _(signal, kernel):
    """You let the longer array be the signal, as `np.convolve` does. Here a kernel longer than the signal is an error: raise
    ValueError."""
    return np.convolve(signal, kernel, "valid")


# ---------------------------------------------------------------------------------------------------------------------
correlate_2d = Exercise("correlate_2d", reference=notebook.correlate_2d, title="Slide a kernel over an image", minutes=25, difficulty=2)


@correlate_2d.checks("3 × 3 kernel, square image", points=2)
def _(rng):
    side = whole(rng, 5, 6)
    return case(rng.normal(size=(side, side)), rng.normal(size=(3, 3)))


@correlate_2d.checks("non-square image", points=1)
def _(rng):
    height = whole(rng, 4, 6)
    return case(rng.normal(size=(height, height + whole(rng, 1, 3))), rng.normal(size=(3, 3)))


@correlate_2d.checks("non-square kernel", points=1)
def _(rng):
    kh = whole(rng, 3, 4)
    return case(rng.normal(size=(7, whole(rng, 6, 8))), rng.normal(size=(kh, kh - 1)))


@correlate_2d.checks("padding", points=1)
def _(rng):
    return case(rng.normal(size=(4, whole(rng, 5, 6))), rng.normal(size=(3, 3)), padding=whole(rng, 1, 2))


@correlate_2d.checks("stride", points=1)
def _(rng):
    stride = whole(rng, 2, 3)
    return case(rng.normal(size=(3 + 2 * stride, 3 + stride)), rng.normal(size=(3, 3)), stride=stride)


@correlate_2d.checks("stride that leaves a remainder", points=1)
def _(rng):
    stride = whole(rng, 2, 3)
    return case(rng.normal(size=(4 + 2 * stride, 4 + stride)), rng.normal(size=(3, 3)), stride=stride)


@correlate_2d.checks("stride and padding together", points=1)
def _(rng):
    padding = whole(rng, 1, 2)
    return case(rng.normal(size=(6, whole(rng, 8, 9))), rng.normal(size=(3, 2)), stride=2, padding=padding)


@correlate_2d.checks("whole-number image", points=1)
def _(rng):
    image = rng.integers(0, 256, (5, whole(rng, 6, 7)), dtype=np.uint8)
    return case(image, rng.normal(size=(3, 3)))


@correlate_2d.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(rng.normal(size=(5, whole(rng, 6, 7))).astype(np.float32), rng.normal(size=(3, 3)).astype(np.float32))


@correlate_2d.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case(rng.normal(size=(5, whole(rng, 6, 7))), rng.normal(size=(3, 3)))


@correlate_2d.checks("kernel that does not fit: ValueError", points=1)
def _(rng):
    padding = whole(rng, 0, 1)
    side = 4 + 2 * padding
    return case(rng.normal(size=choice(rng, (3, 6), (6, 3))), rng.normal(size=(side, side)), padding=padding)


@correlate_2d.mistake("kernel flipped", loses="3 × 3 kernel, square image")
def _(image, kernel, stride=1, padding=0):
    """You flipped the kernel: that is a true convolution, the next exercise. Cross-correlation lays the kernel on the image as
    it is: `kernel[0, 0]` meets the window's top left pixel."""
    return notebook.correlate_2d(image, kernel[::-1, ::-1], stride, padding)


@correlate_2d.mistake("kernel transposed", loses="3 × 3 kernel, square image")
def _(image, kernel, stride=1, padding=0):
    """You exchanged the kernel's rows and columns. Row u, column v of the kernel meets row `i + u`, column `j + v` of the image."""
    return notebook.correlate_2d(image, kernel.T, stride, padding)


@correlate_2d.mistake("rows and columns of the output exchanged", loses="non-square image")
def _(image, kernel, stride=1, padding=0):
    """Your output is lying on its side. The first index of an array is the row (down), the second the column (right):
    `result[i, j]` with i from the height."""
    return notebook.correlate_2d(image, kernel, stride, padding).T


@correlate_2d.mistake("mean instead of sum", loses="3 × 3 kernel, square image")
def _(image, kernel, stride=1, padding=0):
    """You averaged the products. A window's output is their sum; a kernel that should average brings its own 1/9."""
    return notebook.correlate_2d(image, kernel, stride, padding) / kernel.size


@correlate_2d.mistake("last row and column missing", loses="3 × 3 kernel, square image")
def _(image, kernel, stride=1, padding=0):
    """Your output lacks its last row and last column. The number of positions is the number of steps plus 1: use your `output_size`."""
    return notebook.correlate_2d(image, kernel, stride, padding)[:-1, :-1]


@correlate_2d.mistake("kernel height used for both sides", loses="non-square kernel")
def _(image, kernel, stride=1, padding=0):
    """You read one side of the kernel and used it for both. Take them apart: `kh, kw = kernel.shape`."""
    notebook.correlate_2d(image, kernel, stride, padding)
    k = kernel.shape[0]
    padded = np.pad(image, padding)
    height, width = ((n - k) // stride + 1 for n in padded.shape)
    result = np.zeros((height, width), dtype=np.result_type(image, kernel))
    for i in range(height):
        for j in range(width):
            result[i, j] = np.sum(padded[i * stride : i * stride + k, j * stride : j * stride + k] * kernel)
    return result


@correlate_2d.mistake("padding ignored", loses="padding")
def _(image, kernel, stride=1, padding=0):
    """Your result does not depend on `padding`. First put `padding` rows and columns of zeros around the image: `np.pad(image, padding)`."""
    notebook.correlate_2d(image, kernel, stride, padding)
    return notebook.correlate_2d(image, kernel, stride)


@correlate_2d.mistake("padding above and to the left only", loses="padding")
def _(image, kernel, stride=1, padding=0):
    """You padded only above and to the left. All four sides get `padding` zeros: `np.pad(image, padding)`."""
    notebook.correlate_2d(image, kernel, stride, padding)
    return notebook.correlate_2d(np.pad(image, ((padding, 0), (padding, 0))), kernel, stride)


@correlate_2d.mistake("border repeated instead of zeros", loses="padding")
def _(image, kernel, stride=1, padding=0):
    """You padded with copies of the border pixels. Convolution layers pad with zeros unless told otherwise; `np.pad(image, padding)` does."""
    notebook.correlate_2d(image, kernel, stride, padding)
    return notebook.correlate_2d(np.pad(image, padding, mode="edge"), kernel, stride)


@correlate_2d.mistake("stride ignored", loses="stride")
def _(image, kernel, stride=1, padding=0):
    """Your result does not depend on `stride`. The window of output cell (i, j) starts at row `i * stride`, column `j * stride`."""
    return notebook.correlate_2d(image, kernel, 1, padding)


@correlate_2d.mistake("right size, but windows one pixel apart", loses="stride")
def _(image, kernel, stride=1, padding=0):
    """Your output has the right size, but its windows are one pixel apart. The window of output cell (i, j) starts at row
    `i * stride`, column `j * stride`."""
    height, width = notebook.correlate_2d(image, kernel, stride, padding).shape
    return notebook.correlate_2d(image, kernel, 1, padding)[:height, :width]


@correlate_2d.mistake("stride down only", loses="stride")
def _(image, kernel, stride=1, padding=0):
    """You used the stride for the rows only. The window moves by `stride` to the right, too."""
    return notebook.correlate_2d(image, kernel, 1, padding)[::stride]


@correlate_2d.mistake("size rounded up", loses="stride that leaves a remainder")
def _(image, kernel, stride=1, padding=0):
    """Your last windows run over the edge. Round the number of positions down: a window that would stick out is left out."""
    right = notebook.correlate_2d(image, kernel, stride, padding)
    rows, columns = (math.ceil((n + 2 * padding - k) / stride) + 1 for n, k in zip(image.shape, kernel.shape, strict=True))
    kh, kw = kernel.shape
    padded = np.pad(image, padding)
    result = np.zeros((rows, columns), dtype=right.dtype)
    for i in range(rows):
        for j in range(columns):
            result[i, j] = np.sum(padded[i * stride : i * stride + kh, j * stride : j * stride + kw] * kernel)
    return result


@correlate_2d.mistake("result cut to whole numbers", loses="whole-number image")
def _(image, kernel, stride=1, padding=0):
    """You wrote the sums into an array of the image's own whole-number dtype: decimals are cut off, and a uint8 starts again
    at 0 after 255. Make it with `dtype=np.result_type(image, kernel)`."""
    result = notebook.correlate_2d(image, kernel, stride, padding)
    return result if image.dtype.kind == "f" else result.astype(np.int64).astype(image.dtype)


@correlate_2d.mistake("always float64", loses="float32 stays float32")
def _(image, kernel, stride=1, padding=0):
    """You made the output with `np.zeros(shape)`, which is float64. Networks compute in float32: make it with
    `dtype=np.result_type(image, kernel)`."""
    return notebook.correlate_2d(image, kernel, stride, padding).astype(np.float64)


@correlate_2d.mistake("window multiplied in place", loses="inputs left unmodified")
def _(image, kernel, stride=1, padding=0):
    """A slice of an array is a view: `window *= kernel` multiplies the caller's image itself, and the next window reads what is
    left of it. Write `window * kernel`, which makes a new array."""
    rows, columns = notebook.correlate_2d(image, kernel, stride, padding).shape
    kh, kw = kernel.shape
    padded = np.pad(image, padding) if padding else image
    result = np.zeros((rows, columns), dtype=np.result_type(image, kernel))
    for i in range(rows):
        for j in range(columns):
            window = padded[i * stride : i * stride + kh, j * stride : j * stride + kw]
            window *= kernel
            result[i, j] = window.sum()
    return result


@correlate_2d.mistake("empty result for a large kernel", loses="kernel that does not fit: ValueError")
def _(image, kernel, stride=1, padding=0):
    """You returned an empty output where the kernel is larger than the padded image. Raise ValueError: your `output_size` already does."""
    rows, columns = ((n + 2 * padding - k) // stride + 1 for n, k in zip(image.shape, kernel.shape, strict=True))
    if rows < 1 or columns < 1:
        return np.zeros((max(rows, 0), max(columns, 0)))
    return notebook.correlate_2d(image, kernel, stride, padding)


# ---------------------------------------------------------------------------------------------------------------------
convolve_2d = Exercise("convolve_2d", reference=notebook.convolve_2d, title="True convolution", minutes=8, difficulty=1)


@convolve_2d.checks("an impulse prints the kernel", points=2)
def _(rng):
    kernel = rng.normal(size=(3, 3))
    image = np.zeros((3, 3))
    image[1, 1] = 1
    return case(image, kernel, padding=1), kernel


@convolve_2d.checks("3 × 3 kernel", points=2)
def _(rng):
    return case(rng.normal(size=(5, whole(rng, 6, 8))), rng.normal(size=(3, 3)))


@convolve_2d.checks("non-square kernel", points=1)
def _(rng):
    kh = whole(rng, 2, 3)
    return case(rng.normal(size=(6, whole(rng, 7, 8))), rng.normal(size=(kh, kh + 1)))


@convolve_2d.checks("padding", points=1)
def _(rng):
    return case(rng.normal(size=(4, whole(rng, 5, 6))), rng.normal(size=(3, 3)), padding=whole(rng, 1, 2))


@convolve_2d.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case(rng.normal(size=(4, whole(rng, 5, 6))), rng.normal(size=(3, 3)))


@convolve_2d.mistake("not flipped", loses="3 × 3 kernel")
def _(image, kernel, padding=0):
    """You did not flip the kernel, so this is still cross-correlation. Flip it along both axes: `kernel[::-1, ::-1]`."""
    return notebook.correlate_2d(image, kernel, padding=padding)


@convolve_2d.mistake("rows flipped only", loses="3 × 3 kernel")
def _(image, kernel, padding=0):
    """You turned the kernel upside down, but not left to right. `kernel[::-1]` flips the rows only; the second axis needs a
    `::-1` too."""
    return notebook.correlate_2d(image, kernel[::-1], padding=padding)


@convolve_2d.mistake("columns flipped only", loses="3 × 3 kernel")
def _(image, kernel, padding=0):
    """You flipped the kernel left to right, but not upside down. Both axes need a `::-1`."""
    return notebook.correlate_2d(image, kernel[:, ::-1], padding=padding)


@convolve_2d.mistake("transposed instead of flipped", loses="3 × 3 kernel")
def _(image, kernel, padding=0):
    """You exchanged rows and columns (`kernel.T`). Flipping along both axes is a turn by 180 degrees: the top left weight goes
    to the bottom right, and the shape stays."""
    return notebook.correlate_2d(image, kernel.T, padding=padding)


@convolve_2d.mistake("turned by 90 degrees", loses="3 × 3 kernel")
def _(image, kernel, padding=0):
    """You turned the kernel by a quarter. It takes half a turn: `np.rot90(kernel, 2)`, which is the same as `kernel[::-1, ::-1]`."""
    return notebook.correlate_2d(image, np.rot90(kernel), padding=padding)


@convolve_2d.mistake("image flipped instead of the kernel", loses="3 × 3 kernel")
def _(image, kernel, padding=0):
    """You flipped the image, so your output comes out turned by 180 degrees. Flip the kernel and leave the image as it is."""
    return notebook.convolve_2d(image, kernel, padding)[::-1, ::-1]


@convolve_2d.mistake("result of the correlation flipped", loses="3 × 3 kernel")
def _(image, kernel, padding=0):
    """You correlated first and then flipped the result. Flip the kernel before you slide it, and leave the result as it comes."""
    return notebook.correlate_2d(image, kernel, padding=padding)[::-1, ::-1]


@convolve_2d.mistake("padding ignored", loses="padding")
def _(image, kernel, padding=0):
    """Your result does not depend on `padding`. Hand it on: `correlate_2d(…, padding=padding)`."""
    return notebook.convolve_2d(image, kernel)


@convolve_2d.mistake("kernel flipped in place", loses="inputs left unmodified")
def _(image, kernel, padding=0):
    """You flipped the caller's kernel in its own memory. `kernel[::-1, ::-1]` gives a flipped view and leaves the kernel alone."""
    kernel[:] = kernel[::-1, ::-1].copy()
    return notebook.correlate_2d(image, kernel, padding=padding)


# ---------------------------------------------------------------------------------------------------------------------
filter_image = Exercise("filter_image", reference=notebook.filter_image, title="Filter a photo", minutes=20, difficulty=2)

NAMED = ("edge", "sharpen", "box blur", "Gaussian blur")


def photo(rng, channels=3, height=None):
    """A small photo of noise, values from 0 to 1, not square."""
    height = height or whole(rng, 3, 4)
    return rng.uniform(size=(height, height + whole(rng, 1, 2), channels))


@filter_image.checks("a named kernel, repeated border", points=2)
def _(rng):
    return case(photo(rng), notebook.KERNELS[choice(rng, *NAMED)].copy(), edges="edge")


@filter_image.checks("any 3 × 3 kernel", points=1)
def _(rng):
    return case(photo(rng), rng.uniform(-2, 2, (3, 3)))


@filter_image.checks("zeros outside", points=1)
def _(rng):
    return case(photo(rng), rng.uniform(-2, 2, (3, 3)), edges="constant")


@filter_image.checks("mirrored border", points=1)
def _(rng):
    return case(photo(rng), rng.uniform(-2, 2, (3, 3)), edges="reflect")


@filter_image.checks("larger and non-square kernels", points=1)
def _(rng):
    return case(photo(rng, 2, 5), rng.uniform(-2, 2, choice(rng, (1, 5), (5, 3), (5, 1))))


@filter_image.checks("any number of channels", points=1)
def _(rng):
    return case(photo(rng, choice(rng, 1, 2, 4)), rng.uniform(-2, 2, (3, 3)))


@filter_image.checks("uint8 photo", points=1)
def _(rng):
    image = rng.integers(0, 256, photo(rng).shape, dtype=np.uint8)
    return case(image, rng.uniform(-2, 2, (3, 3)))


@filter_image.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case(photo(rng), rng.uniform(-2, 2, (3, 3)))


@filter_image.checks("kernel without a centre: ValueError", points=1)
def _(rng):
    return case(photo(rng), rng.uniform(-2, 2, choice(rng, (2, 2), (2, 3), (3, 4))))


def odd(kernel):
    if kernel.shape[0] % 2 == 0 or kernel.shape[1] % 2 == 0:
        raise ValueError("even kernel")


@filter_image.mistake("kernel flipped", loses="any 3 × 3 kernel")
def _(image, kernel, edges="edge"):
    """You flipped the kernel. This exercise slides it as it is, like `correlate_2d` and like PyTorch."""
    return notebook.filter_image(image, kernel[::-1, ::-1], edges)


@filter_image.mistake("channels mixed", loses="any 3 × 3 kernel")
def _(image, kernel, edges="edge"):
    """You summed over the colours, so every channel got the same picture. Filter red with red, green with green, blue with blue."""
    result = notebook.filter_image(image, kernel, edges)
    return np.repeat(result.sum(axis=2, keepdims=True), result.shape[2], axis=2)


@filter_image.mistake("first channel only", loses="any 3 × 3 kernel")
def _(image, kernel, edges="edge"):
    """You filtered one channel and left the others at 0. Loop over all of them: `range(image.shape[2])`."""
    result = notebook.filter_image(image, kernel, edges)
    result[:, :, 1:] = 0
    return result


@filter_image.mistake("smaller result", loses="any 3 × 3 kernel")
def _(image, kernel, edges="edge"):
    """Your result is smaller than the photo. Pad half a kernel on each side first, so that every pixel gets a window."""
    odd(kernel)
    kh, kw = kernel.shape
    full = notebook.filter_image(image, kernel, edges)
    return full[kh // 2 : full.shape[0] - kh // 2, kw // 2 : full.shape[1] - kw // 2]


@filter_image.mistake("clipped to 0…1", loses="any 3 × 3 kernel")
def _(image, kernel, edges="edge"):
    """You clipped the result to 0…1. An edge filter gives negative values that mean something, so return them; clip only when
    you show the picture."""
    return np.clip(notebook.filter_image(image, kernel, edges), 0, 1)


@filter_image.mistake("stretched to 0…1", loses="any 3 × 3 kernel")
def _(image, kernel, edges="edge"):
    """You stretched the result so that it reaches from 0 to 1. Return the sums as they are; stretch only when you show the picture."""
    result = notebook.filter_image(image, kernel, edges)
    return (result - result.min()) / (result.max() - result.min())


@filter_image.mistake("absolute values", loses="any 3 × 3 kernel")
def _(image, kernel, edges="edge"):
    """You returned absolute values. The sign says on which side of an edge it is bright: keep it."""
    return np.abs(notebook.filter_image(image, kernel, edges))


@filter_image.mistake("zeros whatever `edges` says", loses="mirrored border")
def _(image, kernel, edges="edge"):
    """You padded with zeros whatever `edges` says. Hand it to NumPy: `np.pad(…, mode=edges)`."""
    return notebook.filter_image(image, kernel, "constant")


@filter_image.mistake("border pixel mirrored twice", loses="mirrored border")
def _(image, kernel, edges="edge"):
    """Your mirror repeats the border pixel (`symmetric` in NumPy's words). With `reflect` the border pixel itself is the mirror
    and is not doubled: hand `edges` to `np.pad` as it comes."""
    return notebook.filter_image(image, kernel, "symmetric" if edges == "reflect" else edges)


@filter_image.mistake("kernel height used for both sides", loses="larger and non-square kernels")
def _(image, kernel, edges="edge"):
    """You padded left and right by half the kernel's height. Half the width belongs there: `kw // 2`."""
    odd(kernel)
    p = kernel.shape[0] // 2
    padded = np.pad(image, ((p, p), (p, p), (0, 0)), mode=edges)
    channels = [notebook.correlate_2d(padded[:, :, c], kernel) for c in range(image.shape[2])]
    return np.stack(channels, axis=2)


@filter_image.mistake("always one pixel of padding", loses="larger and non-square kernels")
def _(image, kernel, edges="edge"):
    """You padded one pixel whatever the kernel's size is. That suits 3 × 3; pad `kh // 2` rows and `kw // 2` columns."""
    odd(kernel)
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode=edges)
    return np.stack([notebook.correlate_2d(padded[:, :, c], kernel) for c in range(image.shape[2])], axis=2)


@filter_image.mistake("colour axis padded too", loses="any 3 × 3 kernel")
def _(image, kernel, edges="edge"):
    """You padded the colours as well as the rows and columns, so channel 0 is no longer red. Give a width for each axis:
    `((ph, ph), (pw, pw), (0, 0))`."""
    odd(kernel)
    kh, kw = kernel.shape
    padded = np.pad(image, ((kh // 2,) * 2, (kw // 2,) * 2, (1, 1)), mode=edges)
    return np.stack([notebook.correlate_2d(padded[:, :, c], kernel) for c in range(image.shape[2])], axis=2)


@filter_image.mistake("always three channels", loses="any number of channels")
def _(image, kernel, edges="edge"):
    """You counted on three channels. Read their number from `image.shape[2]`."""
    result = notebook.filter_image(image, kernel, edges)
    return np.concatenate([result, np.zeros((*image.shape[:2], max(0, 3 - image.shape[2])))], axis=2)[:, :, :3]


@filter_image.mistake("result written into uint8", loses="uint8 photo")
def _(image, kernel, edges="edge"):
    """You wrote the sums into a uint8 array, which knows only 0 to 255 and starts again at the other end. Compute in floats:
    `image.astype(float)`, or `np.zeros(image.shape)` for the result."""
    result = notebook.filter_image(image, kernel, edges)
    return result.astype(np.int64).astype(np.uint8) if image.dtype == np.uint8 else result


@filter_image.mistake("uint8 divided by 255", loses="uint8 photo")
def _(image, kernel, edges="edge"):
    """You divided a uint8 photo by 255. Nobody asked for that: the result has the units of the photo."""
    return notebook.filter_image(image, kernel, edges) / (255 if image.dtype == np.uint8 else 1)


@filter_image.mistake("result written into the photo", loses="inputs left unmodified")
def _(image, kernel, edges="edge"):
    """You wrote the result into the caller's photo, and later windows may have read it. Write into a new array."""
    result = notebook.filter_image(image, kernel, edges)
    image[...] = result.astype(np.int64) if image.dtype == np.uint8 else result
    return result


@filter_image.mistake("kernel without a centre accepted, larger result", loses="kernel without a centre: ValueError")
def _(image, kernel, edges="edge"):
    """Your result is larger than the photo: a kernel with an even side has no centre pixel, and half of it on each side is one
    too many. Raise ValueError for such a kernel."""
    kh, kw = kernel.shape
    padded = np.pad(image, ((kh // 2, kh // 2), (kw // 2, kw // 2), (0, 0)), mode=edges)
    return np.stack([notebook.correlate_2d(padded[:, :, c], kernel) for c in range(image.shape[2])], axis=2)


@filter_image.mistake("kernel without a centre accepted", loses="kernel without a centre: ValueError")
def _(image, kernel, edges="edge"):
    """You accepted a kernel with an even side. It has no centre pixel, so no symmetric padding keeps the size: raise ValueError."""
    kh, kw = kernel.shape
    padded = np.pad(image, ((kh // 2, (kh - 1) // 2), (kw // 2, (kw - 1) // 2), (0, 0)), mode=edges)
    return np.stack([notebook.correlate_2d(padded[:, :, c], kernel) for c in range(image.shape[2])], axis=2)
