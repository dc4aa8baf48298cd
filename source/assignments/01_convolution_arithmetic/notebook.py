# ---
# jupyter:
#   convnets:
#     minutes: 130
#     budget_seconds: 40
#     needs: [01_images_and_filters, 02_convolution_arithmetic]
#     summary: Six formulas and four functions that say what a convolution costs, what it sees and what it does to a photo.
# ---

# %% [markdown]
# # Convolution arithmetic
#
# A convolution slides a small window over an image. This assignment is about that one motion: how often the window fits, what
# it costs, how far it sees, and what it does to a real photo.
#
# **What you will be able to do**
#
# - Tell the output size, parameters, multiply-adds and memory of a convolution before you build it.
# - Say how much of the image one number deep inside a network can see.
# - Write convolution in one and two dimensions with loops, and say what "cross-correlation" has to do with it.
# - Filter a colour photo with kernels that are older than neural networks.
#
# **Time** about 130 minutes; ten exercises, each checked on the spot. **Needs** chapters 01 and 02, and NumPy's indexing.
#
# **How to work** Read the example, make your prediction, write the function, run the check below it. The check names the property that
# fails and often the mistake behind it. You may run it as often as you like. The graded check tests the same properties on
# other numbers.

# %%
import math

import numpy as np

from convnets.check import check

# %% [markdown]
# The next cell is for the pictures and widgets between the exercises. Your own functions need only the cell above.

# %% tags=["active-ipynb"]
# from contextlib import suppress
#
# import matplotlib.pyplot as plt
#
# from convnets.data import photo
# from convnets.plots import MARKERS, SIGNED, bars, receptive_field_diagram, show
# from convnets.widgets import arithmetic_explorer, convolution_stepper, predict

# %% [markdown]
# ## Where the window stands
#
# Below is one row of 7 pixels and a window of 3. A square marks a pixel that the window reads.
#
#     stride 1                 stride 2                 stride 3
#     ■ ■ ■ · · · ·  first     ■ ■ ■ · · · ·  first     ■ ■ ■ · · · ·  first
#     · ■ ■ ■ · · ·            · · ■ ■ ■ · ·            · · · ■ ■ ■ ·  last
#     · · ■ ■ ■ · ·            · · · · ■ ■ ■  last
#     · · · ■ ■ ■ ·
#     · · · · ■ ■ ■  last
#     5 positions              3 positions              2 positions
#
# - **Stride** is how many pixels the window moves in one step.
# - With stride 3 the seventh pixel is never read. A window may not stick out, so the count is rounded **down**. (Some lecture
#   slides write 2.33 here and say that stride 3 "does not fit". PyTorch drops the rest and gives 2.)
# - **Padding** puts pixels of value 0 around the image, the same number on every side. With padding 1 the row above has 9 pixels.
# - **Dilation** spreads the window out. Dilation 2 reads every second pixel: `■ · ■ · ■`. Three pixels then span five.
#
# Rows and columns follow the same rule, each with its own numbers. So one function for one side is enough.

# %% [markdown]
# ## output_size
#
# **Why it matters** A network is a chain, and each layer must accept what the last one gives. Most shape errors are one wrong output size.
#
# **Example** `size=7, kernel=3` gives 5, 3 and 2 for strides 1, 2 and 3, as drawn above. With `padding=1` and `stride=2` the row has 9
# pixels, and the window stands at pixels 0, 2, 4 and 6: `output_size(7, 3, stride=2, padding=1)` is 4. With `dilation=2` the
# window spans 5 pixels: `output_size(7, 3, dilation=2)` is 3.
#
# <details><summary>Hint 1: the span</summary>
#
# How many pixels lie between the window's first and last pixel, both counted? There are `kernel - 1` steps between neighbours, and
# each step is `dilation` pixels long. Draw `kernel=3, dilation=2` and count: 5.
# </details>
# <details><summary>Hint 2: steps and positions</summary>
#
# Put the window at the left end. The pixels to its right, padding included, are the room it has. `stride` pixels are used up by each step, and a step that
# does not fit completely is not made. The window has one position more than it makes steps.
# </details>
# <details><summary>Hint 3: when to raise</summary>
#
# Check the arguments first. Then compare the span with `size + 2 * padding`. `raise ValueError("…")` with a sentence that names the
# numbers helps whoever meets the error later.
# </details>


# %% nbgrader={"grade": false, "grade_id": "output_size", "locked": false, "schema_version": 3, "solution": true, "task": false}
def output_size(size, kernel, stride=1, padding=0, dilation=1):
    """Number of positions at which a window fits along one side of an image.

    Args:
        size: pixels along this side, int, at least 1.
        kernel: pixels that the window reads along this side, int, at least 1.
        stride: pixels that the window moves in one step, int, at least 1.
        padding: pixels put on each of the two ends, int, at least 0.
        dilation: distance in pixels between neighbours in the window, int, at least 1.

    Returns:
        The output's size along this side, int, at least 1. Pixels left over at the end are dropped.

    Raises:
        ValueError: an argument is too small, or the window is wider than the padded side.

    Source: the shape formula of torch.nn.Conv2d, https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    ### BEGIN SOLUTION
    if min(size, kernel, stride, dilation) < 1 or padding < 0:
        raise ValueError(
            "size, kernel, stride and dilation must be at least 1 and padding at least 0, "
            f"got {size}, {kernel}, {stride}, {dilation} and {padding}."
        )
    span = dilation * (kernel - 1) + 1
    room = size + 2 * padding - span
    if room < 0:
        raise ValueError(f"A window of {span} pixels does not fit in {size} + 2 · {padding} pixels.")
    return room // stride + 1
    ### END SOLUTION


# %% [markdown]
# **Predict, then run.** A side of 32 pixels, stride 2, a kernel of 3: how many positions? And does a kernel of 4 have fewer?

# %% tags=["active-ipynb"]
# predict(
#     "How many positions does a kernel of <b>4</b> have on 32 pixels with stride 2?",
#     answer=15,
#     explain="The window has 32 − 4 = 28 pixels of room, 14 steps of 2, so 15 positions. A kernel of 3 has 29 pixels of room: also 14 steps, and one pixel is never read.",
# )

# %% tags=["active-ipynb"]
# with suppress(NotImplementedError):
#     kernels = range(1, 13)
#     sizes = {stride: [output_size(32, kernel, stride) for kernel in kernels] for stride in (1, 2, 3)}
#     fig, ax = plt.subplots(figsize=(7.5, 3.4))
#     for (stride, values), marker in zip(sizes.items(), MARKERS, strict=False):
#         ax.plot(kernels, values, marker=marker, drawstyle="steps-mid", label=f"stride {stride}")
#     ax.set(xlabel="kernel (pixels)", ylabel="output size", title="Your output_size on a side of 32 pixels", ylim=(0, 34))
#     ax.legend()
#     show(fig, alt="Output size against kernel size for a 32-pixel side. Stride 1 falls by one for each pixel of the kernel; "
#          "strides 2 and 3 fall in steps of two and three kernel sizes, because the count is rounded down.")

# %% [markdown]
# With a stride, several kernels share an output size: those are the flat pieces of the stairs. The rounding hides a pixel or two that no
# window reads. The explorer shows which ones. Set size 7, kernel 3, stride 3 and find the pixel that is never read.

# %% tags=["active-ipynb"]
# arithmetic_explorer(size=7, kernel=3, stride=3)

# %% [markdown]
# ## same_padding
#
# **Why it matters** Without padding every layer makes the image smaller, and a deep network would run out of pixels. Padding that keeps the
# size ("same" padding) lets you stack as many layers as you like.
#
# **Example** A window of 3 sticks out by one pixel when its centre stands on the first pixel. So it needs one pixel of padding on each side:
#
#     · = padding          · [■ ■] □ □ □ ·        centre on the first pixel, one pixel sticks out
#
# `same_padding(3)` is 1 and `same_padding(5)` is 2. With `dilation=2` a kernel of 3 spans 5 pixels: `same_padding(3, dilation=2)` is 2.
# A window that spans an even number of pixels has no centre. With 4 pixels the output is one pixel short for padding 1 and one too long for padding
# 2: no padding keeps the size, so raise `ValueError`.
#
# <details><summary>Hint 1</summary>
#
# At stride 1 the output is smaller than the padded input by the span minus 1. Both sides together must give that back.
# </details>
# <details><summary>Hint 2</summary>
#
# Whether it works depends on the span, not on the kernel. Which span have 2 pixels with dilation 2?
# </details>


# %% nbgrader={"grade": false, "grade_id": "same_padding", "locked": false, "schema_version": 3, "solution": true, "task": false}
def same_padding(kernel, dilation=1):
    """Padding on each side that keeps the size of the image at stride 1.

    Args:
        kernel: pixels that the window reads along this side, int, at least 1.
        dilation: distance in pixels between neighbours in the window, int, at least 1.

    Returns:
        Pixels to put on each of the two ends, int.

    Raises:
        ValueError: the window spans an even number of pixels, so that no equal padding on both ends keeps the size.

    Source: torch.nn.Conv2d with padding="same", https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    ### BEGIN SOLUTION
    beyond = dilation * (kernel - 1)
    if beyond % 2:
        raise ValueError(f"A window that spans {beyond + 1} pixels has no centre: no padding keeps the size on both ends alike.")
    return beyond // 2
    ### END SOLUTION


# %% [markdown]
# Now let your two functions talk to each other. Whatever the kernel, 32 pixels should go in and 32 come out.

# %% tags=["active-ipynb"]
# with suppress(NotImplementedError):
#     print("kernel  dilation  padding  size in → out")
#     for kernel, dilation in [(1, 1), (3, 1), (5, 1), (7, 1), (3, 2), (2, 2), (5, 4)]:
#         padding = same_padding(kernel, dilation)
#         print(f"{kernel:4} {dilation:9} {padding:9} {32:9} → {output_size(32, kernel, padding=padding, dilation=dilation)}")

# %% [markdown]
# ## What a layer costs
#
# The example for the next three exercises is a small layer. A colour image of 32 × 32 pixels goes in. Ten filters of 5 × 5, stride 1 and padding 2, look at it.
#
#     input               one filter           output
#     3 × 32 × 32    →    3 × 5 × 5       →    10 × 32 × 32
#     (C × H × W)         + 1 bias             one map for each of the ten filters
#
# A filter is always as deep as its input. It multiplies 3 · 5 · 5 = 75 pairs of numbers, adds them up, adds its bias, and that is **one** output
# value. The same 75 weights are used again at every position.
#
# **Groups** share out the channels. With `groups=2` half of the filters see the first half of the channels, the other half sees the rest. With as many groups as
# channels each filter sees one channel only: that is a *depthwise* convolution.
#
#     groups=1: every filter sees all channels        groups=2: two halves that never meet
#
#     channels   0  1  2  3                           channels   0  1 │ 2  3
#     filter A   ■  ■  ■  ■                           filter A   ■  ■ │
#     filter B   ■  ■  ■  ■                           filter B        │ ■  ■

# %% [markdown]
# ## conv_parameters
#
# **Why it matters** Parameters are what a network learns, what its file stores, and what it can overfit with.
#
# **Example** The layer above has 3 · 5 · 5 + 1 = 76 numbers in each filter and ten filters: `conv_parameters(3, 10, 5)` is 760. Without
# biases it is 750. A kernel may be taller than wide: `conv_parameters(3, 10, (5, 1))` is 160. With groups the filters get less deep:
# `conv_parameters(4, 6, 3, groups=2)` is 114, because each of the six filters sees 2 channels, 2 · 3 · 3 + 1 = 19.
#
# <details><summary>Hint 1</summary>
#
# Count one filter first: how many weights, how many biases? Then multiply by the number of filters, which is `out_channels`.
# </details>
# <details><summary>Hint 2</summary>
#
# `kernel_size` may be an int or a pair. `kh, kw = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)` makes a pair of both.
# </details>


# %% nbgrader={"grade": false, "grade_id": "conv_parameters", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv_parameters(in_channels, out_channels, kernel_size, bias=True, groups=1):
    """Number of weights and biases that a convolution layer learns.

    Args:
        in_channels: channels of the input, int.
        out_channels: number of filters, int.
        kernel_size: an int for a square kernel, or a pair (kh, kw), in pixels.
        bias: whether each filter has a bias.
        groups: number of groups into which channels and filters are shared out equally, int, at least 1.

    Returns:
        Number of parameters, int.

    Raises:
        ValueError: `in_channels` or `out_channels` cannot be shared out equally among the groups.

    Source: the weight's shape in torch.nn.Conv2d, https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    ### BEGIN SOLUTION
    if in_channels % groups or out_channels % groups:
        raise ValueError(f"{in_channels} channels and {out_channels} filters cannot be shared out equally among {groups} groups.")
    kh, kw = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    return out_channels * (in_channels // groups * kh * kw + bool(bias))
    ### END SOLUTION


# %% [markdown]
# ### Why not fully connected?
#
# AlexNet's first layer (2012) reads a 3 × 227 × 227 image with 96 filters of 11 × 11 at stride 4. Its output is 96 × 55 × 55. (The
# paper prints 224 for the image, but 224 would give 54: try your `output_size`.) What would the same output cost if each
# output value had filter weights of its own? And if each were connected to every input number?

# %% tags=["active-ipynb"]
# with suppress(NotImplementedError):
#     side = output_size(227, 11, stride=4)
#     outputs = 96 * side * side
#     shared = conv_parameters(3, 96, 11)
#     unshared = outputs * conv_parameters(3, 1, 11)
#     connected = outputs * (3 * 227 * 227)
#     print(f"outputs                {96} × {side} × {side} = {outputs:,}")
#     print(f"convolution            96 × {conv_parameters(3, 1, 11)} = {shared:,} parameters")
#     print(f"filters not shared     {outputs:,} × {conv_parameters(3, 1, 11)} = {unshared:,}")
#     print(f"fully connected        {outputs:,} × {3 * 227 * 227:,} = {connected:,} weights")
#     fig = bars({"convolution": shared, "filters not shared": unshared, "fully connected": connected}, log=True,
#                title="Parameters for the same output: each grid line is ten times the one before")
#     show(fig, alt=f"Parameters on a logarithmic scale: convolution {shared:,}, filters not shared {unshared:,}, fully connected {connected:,}.")

# %% [markdown]
# Two ideas save all that: a filter looks only at a small window (**locality**), and it is the same filter everywhere (**weight sharing**).
#
# **Find the slip.** A well-known set of slides prints 230,187 × 290,400 = 66,846,304,800 for the fully connected layer. Your number is smaller. Which side length was
# typed by mistake?

# %% tags=["active-ipynb"]
# predict(
#     "230,187 input numbers would be a colour image. How many pixels long is its side?",
#     answer=277,
#     unit="pixels",
#     explain="3 · 277 · 277 = 230,187. A 227 became a 277; the right count is 3 · 227 · 227 = 154,587.",
#     hint="Divide by the three colours, then take the square root.",
# )

# %% [markdown]
# ## conv_multiply_adds
#
# **Why it matters** Parameters say how much a layer stores. Multiply-adds say how long it works.
#
# **Example** In the layer above one output value takes 75 products, each added to a running sum: 75 multiply-adds. There are 10 · 32 · 32 = 10,240
# output values, so `conv_multiply_adds(3, 10, 5, (32, 32))` is 768,000. The bias is left out of this count by convention. With groups a filter sees fewer channels:
# `conv_multiply_adds(4, 6, 3, (10, 8), groups=2)` is 6 · 10 · 8 · 18 = 8,640.
#
# <details><summary>Hint 1</summary>
#
# Multiply two numbers: how many output values there are, and how many products each takes.
# </details>


# %% nbgrader={"grade": false, "grade_id": "conv_multiply_adds", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv_multiply_adds(in_channels, out_channels, kernel_size, output_hw, groups=1):
    """Number of multiply-adds that a convolution layer does for one image.

    Args:
        in_channels: channels of the input, int, a multiple of `groups`.
        out_channels: number of filters, int, a multiple of `groups`.
        kernel_size: an int for a square kernel, or a pair (kh, kw), in pixels.
        output_hw: a pair (height, width) of the output, in pixels.
        groups: number of groups into which channels and filters are shared out equally, int.

    Returns:
        Number of multiply-adds, int. One multiply-add is one product added to a sum; the bias does not count.

    Source: Stanford CS231n, notes on convolutional networks, https://cs231n.github.io/convolutional-networks/
    """
    ### BEGIN SOLUTION
    kh, kw = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
    height, width = output_hw
    return out_channels * height * width * (in_channels // groups) * kh * kw
    ### END SOLUTION


# %% [markdown]
# **Predict, then run.** MobileNet replaces a 3 × 3 convolution by two cheap ones: a depthwise 3 × 3 (one filter for each channel), then a 1 × 1 that mixes the channels. Is that 2, 8 or 20
# times less work for 64 → 128 channels on 56 × 56 pixels?

# %% tags=["active-ipynb"]
# with suppress(NotImplementedError):
#     usual = conv_multiply_adds(64, 128, 3, (56, 56))
#     depthwise = conv_multiply_adds(64, 64, 3, (56, 56), groups=64)
#     mixing = conv_multiply_adds(64, 128, 1, (56, 56))
#     print(f"3 × 3 convolution      {usual:>12,} multiply-adds")
#     print(f"depthwise 3 × 3        {depthwise:>12,}")
#     print(f"1 × 1                  {mixing:>12,}")
#     print(f"both together          {depthwise + mixing:>12,}   {usual / (depthwise + mixing):.1f} times less")

# %% [markdown]
# ## activation_memory
#
# **Why it matters** Training keeps every layer's output until the backward pass has used it. On a GPU these **activations**, not the weights, are often what runs out.
#
# **Example** An output of shape (10, 32, 32) holds 10,240 values. A `float32` takes 4 bytes, so `activation_memory([(10, 32, 32)])` is 40,960 bytes. With a
# second output of shape (10,) behind it, 10 more values, it is 41,000. A batch of 8 images takes 8 times as much, `float16` half as much.
#
# <details><summary>Hint 1</summary>
#
# `math.prod((10, 32, 32))` multiplies the numbers of a shape, however many there are.
# </details>
# <details><summary>Hint 2</summary>
#
# `np.dtype("float16").itemsize` is the number of bytes of one value.
# </details>


# %% nbgrader={"grade": false, "grade_id": "activation_memory", "locked": false, "schema_version": 3, "solution": true, "task": false}
def activation_memory(shapes, dtype="float32", batch_size=1):
    """Memory that the outputs of a network's layers take.

    Args:
        shapes: list of output shapes for one image, tuples of ints such as (10, 32, 32) or (10,).
        dtype: name of a NumPy dtype, such as "float32" or "float16".
        batch_size: number of images, int.

    Returns:
        Number of bytes of all outputs together, int.

    Source: the definition; sizes of dtypes from numpy.dtype.itemsize.
    """
    ### BEGIN SOLUTION
    values = sum(math.prod(shape) for shape in shapes)
    return batch_size * values * np.dtype(dtype).itemsize
    ### END SOLUTION


# %% [markdown]
# How much is it for AlexNet's first output, and for a batch as the authors used it?

# %% tags=["active-ipynb"]
# with suppress(NotImplementedError):
#     first = [(96, 55, 55)]
#     print(f"one image, float32    {activation_memory(first):>12,} bytes")
#     print(f"128 images, float32   {activation_memory(first, batch_size=128):>12,} bytes")
#     print(f"128 images, float16   {activation_memory(first, 'float16', 128):>12,} bytes")
#     print(f"its parameters        {4 * conv_parameters(3, 96, 11):>12,} bytes")

# %% [markdown]
# ## What one output sees
#
# One value of a 3 × 3 layer sees 3 pixels of a row. Stack a second 3 × 3 layer: its value sees three values, and each of these sees three pixels. The windows
# overlap, so together they cover 5 pixels, not 9.
#
#     image       · ■ ■ ■ ■ ■ ·      5 pixels
#     layer 1       · ■ ■ ■ ·        3 values
#     layer 2         · ■ ·          1 value
#
# Now give the first layer stride 2. Neighbours in its output are then 2 pixels apart in the image. Call that distance the **jump**. The second layer's window reaches
# two neighbours further, and that is 2 · 2 = 4 pixels now: together 3 + 4 = 7.
#
#     image       ■ ■ ■ ■ ■ ■ ■      7 pixels
#     layer 1       ■   ■   ■        3 values, jump 2
#     layer 2           ■            1 value
#
# The number of pixels that one value depends on, along a side, is its **receptive field**.

# %% [markdown]
# ## receptive_field
#
# **Why it matters** A network cannot recognise what does not fit in its receptive field. A net that sees 7 × 7 pixels finds an eyelash but no face.
#
# **Example** `receptive_field([{"kernel": 3}, {"kernel": 3}])` is `(5, 5)`, and with stride 2 in the first layer it is `(7, 7)`, as drawn above. Without any layer a
# value sees itself: `receptive_field([])` is `(1, 1)`. A kernel of (1, 5), then one of 3, see `(3, 7)`.
#
# The list begins with the layer next to the image. A layer is a dictionary with `"kernel"` and, where they are not 1, `"stride"` and `"dilation"`. Each is an int, or a
# pair (height, width). Pooling layers count like convolutions: they have a kernel and a stride, too.
#
# <details><summary>Hint 1: two numbers to carry</summary>
#
# Go through the layers from the image upwards, for one side at a time. Carry the receptive field, which starts at 1, and the jump, which also starts at 1.
# </details>
# <details><summary>Hint 2: what a layer changes</summary>
#
# A window of 3 reaches 2 neighbours beyond its first pixel, and neighbours are one jump apart. A dilation makes each of those steps longer. A stride changes the jump for the layers that come
# after. It does not widen this layer's own window.
# </details>
# <details><summary>Hint 3: ints and pairs</summary>
#
# `layer.get("stride", 1)` gives 1 where there is no stride. Turn ints into pairs first: `(value, value) if isinstance(value, int) else value`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "receptive_field", "locked": false, "schema_version": 3, "solution": true, "task": false}
def receptive_field(layers):
    """Pixels of the image that one output value of a stack of layers depends on.

    Args:
        layers: list of dictionaries, the layer next to the image first. Each has "kernel", and may have "stride" and "dilation"
            (1 where missing); each value is an int, or a pair of ints (height, width).

    Returns:
        (height, width) of the receptive field in pixels, two ints. Padding does not change it.

    Source: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019,
        https://distill.pub/2019/computing-receptive-fields/
    """
    ### BEGIN SOLUTION
    field, jump = [1, 1], [1, 1]
    for layer in layers:
        values = layer["kernel"], layer.get("stride", 1), layer.get("dilation", 1)
        kernel, stride, dilation = ((v, v) if isinstance(v, int) else v for v in values)
        for side in (0, 1):
            field[side] += dilation[side] * (kernel[side] - 1) * jump[side]
            jump[side] *= stride[side]
    return tuple(field)
    ### END SOLUTION


# %% [markdown]
# The picture below follows one output down to the pixels that it sees. Is the number at the bottom yours? Change the stack in both lines and try again.

# %% tags=["active-ipynb"]
# stack = [(3, 2), (3, 1), (3, 1)]  # (kernel, stride), the layer next to the image first
# show(receptive_field_diagram(stack), alt=f"One output and everything below it that it depends on, for layers of (kernel, stride) {stack}.")
# with suppress(NotImplementedError):
#     print("Your receptive_field says", receptive_field([{"kernel": kernel, "stride": stride} for kernel, stride in stack]))

# %% [markdown]
# **Predict, then run.** Three ways to stack 3 × 3 layers: plain, with stride 2 in every layer, and with dilations 1, 2, 4, 8 … How much does each see after six layers?

# %% tags=["active-ipynb"]
# predict(
#     "Six plain 3 × 3 layers, stride 1: how many pixels along a side does one output see?",
#     answer=13,
#     unit="pixels",
#     explain="Each layer adds 2 to the 1 pixel at the start: 1 + 6 · 2 = 13. In general L layers of kernel K see 1 + L(K − 1).",
# )

# %% tags=["active-ipynb"]
# with suppress(NotImplementedError):
#     depths = range(1, 7)
#     stacks = {
#         "plain": lambda i: {"kernel": 3},
#         "stride 2 in each layer": lambda i: {"kernel": 3, "stride": 2},
#         "dilation 1, 2, 4, …": lambda i: {"kernel": 3, "dilation": 2**i},
#     }
#     seen = {name: [receptive_field([layer(i) for i in range(depth)])[0] for depth in depths] for name, layer in stacks.items()}
#     fig, ax = plt.subplots(figsize=(7.5, 3.4))
#     for (name, values), style in zip(seen.items(), ("o-", "s-", "^:"), strict=True):
#         ax.plot(depths, values, style, markersize=10 if style == "s-" else 6, label=f"{name}: {values[-1]} pixels after 6 layers")
#     ax.set(xlabel="number of 3 × 3 layers", ylabel="receptive field (pixels)", title="Your receptive_field for three stacks")
#     ax.legend()
#     show(fig, alt="Receptive field against depth: " + "; ".join(f"{name} {', '.join(map(str, values))}" for name, values in seen.items()) + ".")

# %% [markdown]
# Strides and growing dilations see equally far, and both double their reach with each layer. They differ in what comes out: six layers of stride 2 leave one output for every 64 × 64 pixels, the
# dilated stack keeps one for each pixel.

# %% [markdown]
# ## The bill for a whole network
#
# Your six functions are enough to price a real network. These are AlexNet's convolution and pooling layers. (Its authors split three of the layers into two groups, one for each of their two GPUs.)

# %% tags=["active-ipynb"]
# alexnet = [
#     # name, filters, kernel, stride, padding, groups; a pooling layer has no filters of its own
#     ("conv1", 96, 11, 4, 0, 1),
#     ("pool1", None, 3, 2, 0, 1),
#     ("conv2", 256, 5, 1, 2, 2),
#     ("pool2", None, 3, 2, 0, 1),
#     ("conv3", 384, 3, 1, 1, 1),
#     ("conv4", 384, 3, 1, 1, 2),
#     ("conv5", 256, 3, 1, 1, 2),
#     ("pool5", None, 3, 2, 0, 1),
# ]
# with suppress(NotImplementedError):
#     rows, channels, side, layers = [], 3, 227, []
#     for name, filters, kernel, stride, padding, groups in alexnet:
#         side = output_size(side, kernel, stride, padding)
#         layers.append({"kernel": kernel, "stride": stride})
#         learned = conv_parameters(channels, filters, kernel, groups=groups) if filters else 0
#         work = conv_multiply_adds(channels, filters, kernel, (side, side), groups) if filters else 0
#         channels = filters or channels
#         shape = (channels, side, side)
#         rows.append((name, " × ".join(map(str, shape)), learned, work, activation_memory([shape]), receptive_field(layers)[0]))
#     print("layer   output           parameters  multiply-adds       bytes  sees")
#     for name, shape, learned, work, memory, sees in rows:
#         print(f"{name}   {shape:14} {learned:>12,} {work:>14,} {memory:>11,} {sees:>5}")
#     print(f"total{sum(r[2] for r in rows):>30,} {sum(r[3] for r in rows):>14,} {sum(r[4] for r in rows):>11,}")

# %% [markdown]
# Read the columns. Early layers need memory, because their maps are large. Parameters sit in the later ones. The last value sees 195 of the 227 pixels: nearly the whole picture.

# %% [markdown]
# ## convolve_1d
#
# **Why it matters** The oldest use of convolution is smoothing. Replace each value by a weighted mean of its neighbours, and the noise averages out.
#
# **Example** A **convolution** reads the kernel backwards. Here it is for the signal 1, 2, 3, 4 and the kernel 10, 1, 0:
#
#     signal            1   2   3   4
#     kernel, flipped   0   1  10                 0·1 + 1·2 + 10·3 = 32
#                           0   1  10             0·2 + 1·3 + 10·4 = 43
#
# So `convolve_1d([1, 2, 3, 4], [10, 1, 0])` gives `[32, 43]` (the function gets arrays). Only windows that lie inside the signal count: N − K + 1 of them.
#
# Why backwards? Think of the signal as footsteps and the kernel as an echo: loud at once, then fading. At each moment you hear the latest step with the echo's **first** weight, and the step before with
# its second. So the weights run against the order of the signal.
#
# <details><summary>Hint 1</summary>
#
# Flip the kernel once, before the loop: `kernel[::-1]`. Then every output is the sum of `window * flipped`.
# </details>
# <details><summary>Hint 2</summary>
#
# Make the result before the loop with `np.zeros(size, dtype=np.result_type(signal, kernel))`. A whole-number signal with fractional weights then gives fractions, and float32 stays float32.
# </details>


# %% nbgrader={"grade": false, "grade_id": "convolve_1d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def convolve_1d(signal, kernel):
    """Convolution of a signal with a kernel, only where the kernel lies inside the signal.

    Output i is the sum over k of kernel[k] · signal[i + K − 1 − k].

    Args:
        signal: array of shape (N,), floats or ints. Must not be modified.
        kernel: array of shape (K,), floats or ints. Must not be modified.

    Returns:
        Array of shape (N − K + 1,), of dtype np.result_type(signal, kernel).

    Raises:
        ValueError: the kernel is longer than the signal.

    Source: the definition of discrete convolution; numpy.convolve with mode="valid".
    """
    ### BEGIN SOLUTION
    n, k = len(signal), len(kernel)
    if k > n:
        raise ValueError(f"A kernel of {k} values does not fit in a signal of {n}.")
    flipped = kernel[::-1]
    result = np.zeros(n - k + 1, dtype=np.result_type(signal, kernel))
    for i in range(len(result)):
        result[i] = np.sum(signal[i : i + k] * flipped)
    return result
    ### END SOLUTION


# %% [markdown]
# Here is one row of a photo, its brightness from left to right, and your function at work on it. **Predict, then run.** Which will be smoother: nine equal weights, or nine
# weights that are large in the middle?

# %% tags=["active-ipynb"]
# with suppress(NotImplementedError):
#     row = photo(300)[110].mean(axis=1)
#     bell = np.array([1, 8, 28, 56, 70, 56, 28, 8, 1]) / 256
#     smooth = {"nine equal weights": convolve_1d(row, np.full(9, 1 / 9)), "bell-shaped weights": convolve_1d(row, bell)}
#     fig, axes = plt.subplots(2, 1, figsize=(7.5, 4.4), sharex=True, sharey=True)
#     for ax, (name, values) in zip(axes, smooth.items(), strict=True):
#         ax.plot(row, color="0.6", linewidth=1, label="row 110 of the photo")
#         ax.plot(np.arange(len(values)) + 4, values, linewidth=2, label=name)
#         ax.legend(loc="upper left", fontsize=9)
#         ax.set(ylabel="brightness", ylim=(-0.05, 1.35))
#     axes[1].set(xlabel="pixel")
#     roughness = {name: np.abs(np.diff(values)).sum() for name, values in {"the row itself": row, **smooth}.items()}
#     show(fig, alt="Brightness along one row of the photo, twice, with its smoothed version over it. Equal weights smooth more than bell-shaped weights.")
#     print("Sum of the steps from pixel to pixel: " + ", ".join(f"{name} {value:.1f}" for name, value in roughness.items()))

# %% [markdown]
# Equal weights smooth more, because far neighbours count as much as near ones. Bell-shaped weights keep edges sharper, because near neighbours count most. The smaller sum says "smoother".

# %% [markdown]
# ## correlate_2d
#
# **Why it matters** This is the operation at the heart of every convolutional network. Deep learning calls it convolution, but its kernel is **not** flipped. The exact name is **cross-correlation**.
#
# **Example** A 3 × 4 image, a 2 × 2 kernel, stride 1, no padding. Lay the kernel on the top left corner, multiply what lies on top of each other, and add:
#
#     image                kernel         first window                      output, 2 × 3
#     1  2  0  1           1   2          1·1 + 2·2 + 0·0 + 3·(−1) = 2      2  1  0
#     0  3  1  2           0  −1                                            6  4  4
#     2  0  1  1
#
# With `padding=1` the image gets a frame of zeros first, and the output is 4 × 5. With `stride=2` the window moves two pixels at a time, and the output is 1 × 2: the values 2 and 0 of the first row.
#
# Write it with two loops, one over the output's rows and one over its columns. Speed does not matter here. You will make it fast in assignment 02.
#
# <details><summary>Hint 1: the plan</summary>
#
# Pad the image. Find the output's height and width with your `output_size`, which also raises the error for you. Make the result. For each output cell cut out its window, multiply by the kernel, sum.
# </details>
# <details><summary>Hint 2: where a window starts</summary>
#
# The window of output cell (i, j) starts at row `i * stride` and column `j * stride` of the padded image. It is as high as the kernel and as wide as the kernel: `kh, kw = kernel.shape`.
# </details>
# <details><summary>Hint 3: dtypes</summary>
#
# `np.zeros((height, width), dtype=np.result_type(image, kernel))` keeps float32 as float32 and gives floats for a photo of whole numbers.
# </details>


# %% nbgrader={"grade": false, "grade_id": "correlate_2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def correlate_2d(image, kernel, stride=1, padding=0):
    """Cross-correlation of a single-channel image with a kernel: slide, multiply, sum. The kernel is not flipped.

    Output (i, j) is the sum over u and v of kernel[u, v] · padded[i · stride + u, j · stride + v].

    Args:
        image: array of shape (H, W), floats or ints. Must not be modified.
        kernel: array of shape (kh, kw), floats or ints. Must not be modified.
        stride: pixels that the window moves in one step, down and to the right, int, at least 1.
        padding: rows and columns of zeros put on each side of the image, int, at least 0.

    Returns:
        Array of shape (H', W') with H' = output_size(H, kh, stride, padding) and W' alike, of dtype np.result_type(image, kernel).

    Raises:
        ValueError: the kernel does not fit in the padded image.

    Source: the formula of torch.nn.Conv2d, https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    ### BEGIN SOLUTION
    kh, kw = kernel.shape
    height = output_size(image.shape[0], kh, stride, padding)
    width = output_size(image.shape[1], kw, stride, padding)
    padded = np.pad(image, padding)
    result = np.zeros((height, width), dtype=np.result_type(image, kernel))
    for i in range(height):
        for j in range(width):
            top, left = i * stride, j * stride
            result[i, j] = np.sum(padded[top : top + kh, left : left + kw] * kernel)
    return result
    ### END SOLUTION


# %% [markdown]
# Watch your own function. The stepper slides the kernel and computes each sum next to yours. If a cell of yours is wrong, it is marked. Use the arrow keys, and change stride and padding.

# %% tags=["active-ipynb"]
# step_image = np.array([[1, 2, 0, 1], [0, 3, 1, 2], [2, 0, 1, 1]])
# convolution_stepper(step_image, np.array([[1, 2], [0, -1]]), function=correlate_2d)

# %% [markdown]
# ## convolve_2d
#
# **Why it matters** Signal processing and mathematics use the true convolution, which flips the kernel along **both** axes. Mixing up the two is a classic bug when a filter from a textbook meets a
# library. A network does not care: it learns its weights, flipped or not.
#
# **Example** The image below is 0 everywhere but for a single 1, an *impulse*. Convolution stamps the kernel there as it is. Cross-correlation stamps it turned by 180°.
#
#     image (padding 1)    kernel        convolution    cross-correlation
#     0  0  0              1  2  3       1  2  3        9  8  7
#     0  1  0              4  5  6       4  5  6        6  5  4
#     0  0  0              7  8  9       7  8  9        3  2  1
#
# Use your `correlate_2d`: one line does it. If its check still fails, finish it first.
#
# <details><summary>Hint 1</summary>
#
# What must you do to the kernel, so that sliding it without a flip is the same as sliding the original with a flip? `array[::-1]` reverses the first axis. `array[:, ::-1]` reverses the second.
# </details>


# %% nbgrader={"grade": false, "grade_id": "convolve_2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def convolve_2d(image, kernel, padding=0):
    """True convolution of a single-channel image with a kernel: the kernel is flipped along both axes, then slid.

    Args:
        image: array of shape (H, W), floats or ints. Must not be modified.
        kernel: array of shape (kh, kw), floats or ints. Must not be modified.
        padding: rows and columns of zeros put on each side of the image, int, at least 0.

    Returns:
        Array of shape (H + 2·padding − kh + 1, W + 2·padding − kw + 1), of dtype np.result_type(image, kernel).

    Raises:
        ValueError: the kernel does not fit in the padded image.

    Source: the definition of discrete convolution in two dimensions.
    """
    ### BEGIN SOLUTION
    return correlate_2d(image, kernel[::-1, ::-1], padding=padding)
    ### END SOLUTION


# %% [markdown]
# **Predict, then run.** The kernel is a letter F and the image holds three impulses. Which of the two pictures shows three upright letters?

# %% tags=["active-ipynb"]
# with suppress(NotImplementedError):
#     letter = np.array([[1, 1, 1, 1, 0], [1, 0, 0, 0, 0], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0]])
#     impulses = np.zeros((13, 17))
#     impulses[3, 3] = impulses[9, 8] = impulses[3, 13] = 1
#     pictures = {
#         "image: three impulses": impulses,
#         "kernel": letter,
#         "correlate_2d": correlate_2d(impulses, letter, padding=2),
#         "convolve_2d": convolve_2d(impulses, letter, padding=2),
#     }
#     fig, axes = plt.subplots(1, 4, figsize=(8.5, 2), width_ratios=[17, 5, 17, 17])
#     for ax, (name, picture) in zip(axes, pictures.items(), strict=True):
#         ax.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
#         ax.set_title(name, fontsize=11)
#         ax.set(xticks=[], yticks=[])
#         ax.spines[:].set_visible(True)
#     show(fig, alt="Three impulses, the kernel in the shape of a letter F, and two results: cross-correlation stamps three letters turned by "
#          "180 degrees, convolution stamps three upright letters.")

# %% [markdown]
# ## Kernels with a name
#
# People designed these filters by hand, long before networks learned theirs. Each is a 3 × 3 array of weights. Look at the sums: weights that add up to 1 keep the brightness, and weights that
# add up to 0 answer only to change.

# %%
KERNELS = {
    "identity": np.array([[0.0, 0, 0], [0, 1, 0], [0, 0, 0]]),
    "box blur": np.ones((3, 3)) / 9,
    "Gaussian blur": np.array([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16,
    "sharpen": np.array([[0.0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "edge": np.array([[-1.0, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    "brighter right": np.array([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
}

# %% tags=["active-ipynb"]
# for name, kernel in KERNELS.items():
#     print(f"{name:15} weights add up to {kernel.sum():.0f}")

# %% [markdown]
# ## filter_image
#
# **Why it matters** Now your loops meet a real photo. Two questions come up that a formula hides: what to do with three colours, and what lies beyond the border.
#
# **Colours** A photo is an array of shape (H, W, 3): red, green and blue for each pixel. Filter each channel by itself, with the same kernel, and put the results together again.
#
# **The border** The result has as many pixels as the photo, so the windows at the border stick out. You have to invent pixels there. `np.pad` offers several ways, by the name of its `mode`:
#
#     a row of pixels                         1 2 3 4
#     edges="constant"    zeros           0 0 1 2 3 4 0 0
#     edges="edge"        the last pixel  1 1 1 2 3 4 4 4
#     edges="reflect"     a mirror        3 2 1 2 3 4 3 2
#
# **Example** A photo of one row and one channel with the values 2, 4, 6, and the kernel [[1, 1, 1]]: `edges="constant"` gives 6, 12, 10. `edges="edge"` gives 8, 12, 16. `edges="reflect"` gives 10, 12, 14.
#
# The kernel is not flipped. The result is not clipped: an edge filter gives negative values, and they mean something. A photo of whole numbers (`uint8`, 0 to 255) must give floats. A `uint8` cannot hold −3.
#
# <details><summary>Hint 1: padding only rows and columns</summary>
#
# `np.pad(image, ((ph, ph), (pw, pw), (0, 0)), mode=edges)` pads `ph` rows, `pw` columns, and no colour. How large must `ph` be for a kernel of height `kh`?
# </details>
# <details><summary>Hint 2: two ways to go on</summary>
#
# *Channel by channel*: `correlate_2d(padded[:, :, c], kernel)` for each c, then put them together with `np.stack(…, axis=2)`.
#
# *Kernel cell by kernel cell*: the result is a sum of shifted photos, `kernel[u, v] * padded[u : u + H, v : v + W]`. There are only kh · kw of these. That makes a much faster loop.
# </details>


# %% nbgrader={"grade": false, "grade_id": "filter_image", "locked": false, "schema_version": 3, "solution": true, "task": false}
def filter_image(image, kernel, edges="edge"):
    """Cross-correlation of every channel of a photo with the same kernel. The result is as large as the photo.

    Args:
        image: array of shape (H, W, C), floats or uint8. Must not be modified.
        kernel: array of shape (kh, kw), both odd. It is not flipped.
        edges: what lies beyond the border, a mode of np.pad: "constant" (zeros), "edge" (the border pixel again) or "reflect" (a mirror).

    Returns:
        Array of floats of shape (H, W, C), in the units of the image, neither clipped nor rescaled.

    Raises:
        ValueError: a side of the kernel is even, so that it has no centre pixel.

    Source: the formula of torch.nn.Conv2d, for one channel at a time; numpy.pad for the names of the edges.
    """
    ### BEGIN SOLUTION
    kh, kw = kernel.shape
    if kh % 2 == 0 or kw % 2 == 0:
        raise ValueError(f"A {kh} × {kw} kernel has no centre pixel: both sides must be odd.")
    height, width, _ = image.shape
    padded = np.pad(image, ((kh // 2, kh // 2), (kw // 2, kw // 2), (0, 0)), mode=edges)
    result = np.zeros(image.shape)
    for u in range(kh):
        for v in range(kw):
            result += kernel[u, v] * padded[u : u + height, v : v + width]
    return result
    ### END SOLUTION


# %% [markdown]
# ## Your filters on a photo
#
# This is Grace Hopper, computer scientist and rear admiral, in a photo by the US Navy. **Predict, then run.** Which kernels leave her recognisable? What will "edge" make of the plain parts of the background?

# %% tags=["active-ipynb"]
# with suppress(NotImplementedError):
#     portrait = photo(300)
#     results = {name: filter_image(portrait, kernel) for name, kernel in KERNELS.items()}
#     fig, axes = plt.subplots(2, 3, figsize=(8.5, 7))
#     for ax, (name, result) in zip(axes.flat, results.items(), strict=True):
#         if KERNELS[name].sum() > 0.5:
#             ax.imshow(np.clip(result, 0, 1))
#             ax.set_title(name)
#         else:
#             drawn = ax.imshow(result.mean(axis=2), cmap=SIGNED, vmin=-1, vmax=1)
#             ax.set_title(f"{name}: white is 0")
#         ax.set(xticks=[], yticks=[])
#         ax.spines[:].set_visible(True)
#     fig.colorbar(drawn, ax=axes[1, 1:], orientation="horizontal", shrink=0.6, ticks=[-1, 0, 1], label="response, from −1 to 1 and beyond")
#     show(fig, alt="The portrait under six kernels: unchanged; box blur and Gaussian blur, slightly soft; sharpen, crisp; edge, outlines on white; "
#          "brighter right, strong responses along vertical outlines, of opposite sign on the two sides of the face.")

# %% [markdown]
# The last two pictures are signed, so they are drawn with white at 0. Plain parts vanish, because the weights add up to 0. "Brighter right" answers with one sign where a bright part begins and with the other where
# it ends. An edge detector like this is what the first layer of a trained network often finds by itself: chapter 01 shows some.
#
# Blur the photo once, and you hardly see it. Blur it twenty times, and the border begins to matter. **Predict, then run.** Which choice of `edges` darkens the border, and why?

# %% tags=["active-ipynb"]
# with suppress(NotImplementedError):
#     small = photo((120, 120))
#     repeated = {}
#     for edges in ("constant", "edge", "reflect"):
#         result = small
#         for _ in range(20):
#             result = filter_image(result, KERNELS["box blur"], edges)
#         repeated[edges] = result
#     fig, axes = plt.subplots(1, 3, figsize=(8.5, 3.2))
#     for ax, (edges, result) in zip(axes, repeated.items(), strict=True):
#         ax.imshow(np.clip(result, 0, 1))
#         ax.set_title(f'edges="{edges}"')
#         ax.set(xticks=[], yticks=[])
#         ax.spines[:].set_visible(True)
#     show(fig, alt="The portrait blurred twenty times with three kinds of border. With zeros the picture fades to black along its border; with the repeated "
#          "border pixel and with the mirror it does not.")

# %% [markdown]
# Zeros are black, and every blur lets them seep in by one more pixel. A convolution layer pads with zeros all the same: it learns to live with them.
#
# Last, go back to the stepper, this time with a piece of the photo: 16 × 16 pixels around an eye, in grey. It runs **your** `correlate_2d`. Follow the window across an edge and watch the sign of the sum.

# %% tags=["active-ipynb"]
# eye = photo(150)[42:58, 48:64].mean(axis=2).round(2)
# convolution_stepper(eye, KERNELS["brighter right"], padding=1, function=correlate_2d)

# %% [markdown]
# ## What you have, and what comes next
#
# You can price a network with pencil and paper, and you have written the operation that it repeats millions of times. Two things are missing. A layer has many channels and many filters at once, and a network has to
# **learn** its kernels, which takes gradients. Assignment 02 builds both, and makes the loops fast.
#
# **Sources** V. Dumoulin and F. Visin, *A guide to convolution arithmetic for deep learning*, arXiv:1603.07285. A. Araujo, W. Norris and J. Sim, *Computing Receptive Fields of Convolutional Neural Networks*, Distill, 2019.
# A. Krizhevsky, I. Sutskever and G. Hinton, *ImageNet classification with deep convolutional neural networks*, NeurIPS 2012. Stanford CS231n, notes on convolutional networks.
