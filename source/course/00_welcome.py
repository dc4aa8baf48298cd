# ---
# jupyter:
#   convnets:
#     minutes: 40
#     budget_seconds: 25
#     needs: []
#     summary: How the course works, how a batch of images is laid out, and what a check tells you
# ---

# %% [markdown]
# # Welcome
#
# **When you have worked through this chapter, you can**
#
# - say what chapters, assignments and labs are for, and in which order to take them;
# - read the shape of a batch, N×C×H×W, and pick out any image, channel, row or pixel;
# - bring images from H×W×C into this layout, without the classic mistake;
# - read what a check tells you, and use it to find your own error;
# - read a shape error from the end to the beginning, and know where to get help;
# - say whether your code runs on a CPU or on a GPU.
#
# **Time:** about 40 minutes. **Needs:** Python, and a first meeting with NumPy arrays. No GPU.
#
# A notebook is a list of cells. Click one, then press **Shift + Enter**: it runs, and the next one is selected. Start with the
# cell above and the one below. If something looks odd later, choose *Kernel → Restart Kernel and Run All Cells*.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from convnets import data, plots
from convnets.check import Exercise, case, check, check_function, show_report
from convnets.check.questions import ask
from convnets.check.text import first_to_show
from convnets.train import device
from convnets.widgets import predict, question

# %% [markdown]
# ## Before you run anything
#
# Everywhere in this course, a question comes before the answer. Commit yourself first, then run the cell. You remember a surprise
# much longer than a fact.

# %%
predict(
    "A batch holds 64 colour images. Each is 32 pixels high and 48 pixels wide. How many numbers is that?",
    answer=64 * 3 * 32 * 48,
    explain="64 images × 3 channels × 32 rows × 48 columns = 294,912 numbers. The shape of the batch is (64, 3, 32, 48).",
    hint="A colour image has three numbers for each pixel: red, green, blue.",
)

# %% [markdown]
# ## How the course works
#
# There are three kinds of notebooks, and a topic often goes through all three.

# %%
fig, ax = plt.subplots(figsize=(8, 2.3))
stages = [
    ("Chapters", "explore", "read, predict,\nrun, play", plots.PALETTE["sky"]),
    ("Assignments", "implement", "write it in NumPy or PyTorch;\na check answers at once", plots.PALETTE["orange"]),
    ("Labs", "train", "real images, real experiments,\non a laptop or a GPU", plots.PALETTE["green"]),
]
for i, (name, verb, words, colour) in enumerate(stages):
    ax.add_patch(plt.Rectangle((i * 3, 0), 2.4, 1.5, facecolor=colour, alpha=0.35, edgecolor="black"))
    ax.text(i * 3 + 1.2, 1.2, f"{name}: {verb}", ha="center", va="center", fontsize=11, fontweight="bold")
    ax.text(i * 3 + 1.2, 0.55, words, ha="center", va="center", fontsize=10)
    if i < 2:
        ax.annotate("", (i * 3 + 2.95, 0.75), (i * 3 + 2.45, 0.75), arrowprops={"arrowstyle": "->", "lw": 1.5})
ax.set_xlim(-0.1, 8.5)
ax.set_ylim(-0.1, 1.6)
ax.axis("off")
plots.show(
    fig,
    alt="Three boxes from left to right. Chapters: explore. Assignments: implement, and a check answers at once. "
    "Labs: train on real images.",
)

# %% [markdown]
# - A **chapter** explains one idea: first a picture, then the formula, then a dozen lines of NumPy, then the same in PyTorch. You change
#   values and see what happens. Nothing is graded.
# - An **assignment** asks you to write the pieces yourself. You see at once which properties your function has and which it lacks.
# - A **lab** asks a question that only an experiment can answer. It is sized for a laptop. Where there is a GPU, it runs the full experiment.
#
# The start page lists all of them with the time they take, and shows what you have done. Take the chapters in order. Do an assignment as soon as
# you have read the chapters that it names.
#
# ## An image is an array
#
# This is Grace Hopper, who wrote one of the first compilers. To the computer she is a block of numbers: rows, columns, and three
# numbers for each pixel.

# %%
photo = data.photo()
print(f"shape {photo.shape}: height, width, channels")
print(f"type {photo.dtype}, from {photo.min():.2f} to {photo.max():.2f}")
print(f"one pixel of the blue wall, row 200, column 450: {photo[200, 450].round(2)}")
print(f"one pixel of the white collar, row 365, column 205: {photo[365, 205].round(2)}")

# %%
fig, ax = plt.subplots(figsize=(8, 3.9))
ax.imshow(photo)
ax.plot([450, 205], [200, 365], "s", markersize=9, markerfacecolor="none", markeredgecolor=plots.PALETTE["orange"], markeredgewidth=2.5)
ax.text(398, 172, "[200, 450]", fontsize=9)
ax.text(85, 425, "[365, 205]", fontsize=9, color="white")
ax.set_xlabel("column (width) →")
ax.set_ylabel("← row (height)")
plots.show(fig, alt="The photo with axes. Rows count from the top down, columns from left to right. Two pixels are marked: one on the wall, one on the collar.")

# %% [markdown]
# Note two conventions. **Rows come first**: `photo[200, 450]` is row 200, column 450. And **rows count downwards** from the top.
#
# Pixels in files are whole numbers from 0 to 255 (`uint8`). For computing we use floating-point numbers from 0 to 1.
#
# ## A batch is N×C×H×W
#
# A network reads several images at once. That is a **batch**. In this course, and in PyTorch, its axes always have this order:
#
# | axis | letter | meaning | in the batch below |
# |---|---|---|---|
# | 0 | N | which image | 3 |
# | 1 | C | which channel (red, green, blue, or later: which feature) | 3 |
# | 2 | H | which row | 90 |
# | 3 | W | which column | 72 |
#
# Let us cut three pieces out of the photo and make a batch of them.

# %%
corners = [(200, 0), (120, 190), (10, 190)]
pieces = np.stack([photo[top : top + 180 : 2, left : left + 144 : 2] for top, left in corners])
batch = pieces.transpose(0, 3, 1, 2)
print(f"as pictures are stored: {pieces.shape}  N×H×W×C")
print(f"as networks read them:  {batch.shape}  N×C×H×W")

# %%
fig, axes = plt.subplots(3, 4, figsize=(8, 7))
for n in range(3):
    axes[n, 0].imshow(pieces[n])
    axes[n, 0].set_ylabel(f"n = {n}", fontsize=12, rotation=0, labelpad=26)
    for c in range(3):
        axes[n, c + 1].imshow(batch[n, c], cmap="gray", vmin=0, vmax=1)
        axes[n, c + 1].text(3, 84, f"batch[{n}, {c}]", fontsize=9, bbox={"facecolor": "white", "edgecolor": "none", "pad": 2})
for ax, title in zip(axes[0], ["image", "c = 0 (red)", "c = 1 (green)", "c = 2 (blue)"], strict=True):
    ax.set_title(title)
for ax in axes.flat:
    ax.set_xticks([]), ax.set_yticks([])
plots.show(
    fig,
    alt="Three rows, one for each image of the batch: a piece of the flag, the face, the cap. In each row the image in colour, "
    "then its red, green and blue channel as three grey pictures. The red stripe of the flag is bright in the red channel and dark in the two others.",
)

# %% [markdown]
# Read the picture as the array: N goes down, C goes across, and each small picture is H×W. The red stripe is bright in channel 0 and
# dark in channels 1 and 2. That is what "red" means.
#
# Each index that you give takes one axis away, from the left.

# %%
question(
    "`batch.shape` is `(3, 3, 90, 72)`. What is the shape of `batch[:, 0]`?",
    {
        "(3, 90, 72)": "Yes: all images, their red channel, all rows, all columns. The index 0 used up the channel axis.",
        "(90, 72)": "That is `batch[0, 0]`: one image and one channel. The colon keeps all three images.",
        "(3, 3, 72)": "That is `batch[:, :, 0]`: the top row of every channel. The second index is the channel.",
        "(3, 1, 90, 72)": "That is `batch[:, 0:1]`. A slice keeps its axis, a single index removes it.",
    },
    answer="(3, 90, 72)",
)

# %%
for words in ["batch[0]", "batch[:, 0]", "batch[:, 0:1]", "batch[1, 2]", "batch[1, 2, 40]", "batch[1, 2, 40, 36]", "batch.mean(axis=(0, 2, 3))"]:
    print(f"{words:28} shape {np.shape(eval(words))}")

# %% [markdown]
# The last line is worth a second look. It averages over images, rows and columns, so one number for each channel is left. You will meet
# it again in batch normalisation.
#
# ## Where a number lies
#
# Memory has no rows and columns: it is one long line of numbers. In a fresh array the last axis runs fastest, so neighbours in a row are
# neighbours in memory. The number $x_{n,c,h,w}$ lies at the position
#
# $$\big((n\,C + c)\,H + h\big)\,W + w .$$
#
# Read it from the inside: skip $n$ images, then $c$ channels, then $h$ rows, then $w$ columns.


# %%
def position(n, c, h, w, shape):
    """Where x[n, c, h, w] lies in the flat array; shape is (N, C, H, W)."""
    _, C, H, W = shape
    return ((n * C + c) * H + h) * W + w


flat = np.ascontiguousarray(batch).ravel()
rng = np.random.default_rng(0)
for _ in range(4):
    n, c, h, w = (int(rng.integers(size)) for size in batch.shape)
    place = position(n, c, h, w, batch.shape)
    print(f"batch[{n}, {c}, {h:2}, {w:2}] = {batch[n, c, h, w]:.4f}   flat[{place:6,}] = {flat[place]:.4f}")

# %% [markdown]
# ## The classic mistake: reshape instead of transpose
#
# A picture from a file is H×W×C. The network wants C×H×W. There are two ways to get the *shape* right, and only one of them is right.
#
# - `transpose` **moves axes**. Every number keeps its meaning: row, column and channel stay what they were.
# - `reshape` **keeps the line in memory** and cuts it up anew. The shape fits. The meaning is gone.
#
# What do you expect to see when the face is reshaped? Think for ten seconds. Then run the cell.

# %%
face = pieces[1]
moved = face.transpose(2, 0, 1)
cut_anew = face.reshape(3, 90, 72)
print(f"both have the shape {moved.shape} = {cut_anew.shape}")
fig = plots.image_grid([moved[0], cut_anew[0], cut_anew[1], cut_anew[2]], titles=["transpose: channel 0", "reshape: channel 0", "reshape: channel 1", "reshape: channel 2"])
plots.show(
    fig,
    alt="Four grey pictures. After transpose, channel 0 shows the face. After reshape, each channel is a woven pattern of stripes in which the face cannot be recognised.",
)

# %% [markdown]
# The reshaped "red channel" holds no red channel at all. It holds the upper third of the face. Each row is cut in three parts, which are laid below each other, and the
# red, green and blue values of a pixel now lie side by side. No error was raised. A network would train on it, badly, and you would not know why.
#
# ## Your first check
#
# In assignments a **check** looks for such mistakes. It does not only say "wrong": it names the properties that a right answer has, and when it
# recognises a classic mistake, it says which one.
#
# The next cell prepares a small exercise. You need not read it. (In an assignment the right answers are data beside the notebook. Here the exercise is
# declared in the open, so that you can see how one is made.)

# %%
demo = Exercise("to_batch", reference=lambda images: images.transpose(0, 3, 1, 2) / 255.0, title="Images to a batch", minutes=2, difficulty=1)


def some_images(rng):
    height, width = rng.permutation([2, 4, 5])[:2]
    return rng.integers(0, 256, (2, height, width, 3)).astype(np.uint8)


demo.checks("shape N×C×H×W", points=1)(lambda rng: case(some_images(rng) * 0))
demo.checks("values from 0 to 1", points=1)(lambda rng: case(some_images(rng) * 0 + 51))
demo.checks("every pixel in its place", points=2)(lambda rng: case(some_images(rng)))


@demo.mistake("reshape instead of transpose", loses="every pixel in its place")
def reshaped(images):
    """The shape is right, but reshape only cuts the line of numbers anew: channels and pixels are mixed up. Axes are moved by transpose."""
    n, h, w, c = images.shape
    return images.reshape(n, c, h, w) / 255.0


@demo.mistake("height and width swapped", loses="every pixel in its place")
def swapped(images):
    """Your channels are right, but your images lie on their side: height (axis 1) must come before width (axis 2)."""
    return images.transpose(0, 3, 2, 1) / 255.0


@demo.mistake("not divided", loses="values from 0 to 1")
def not_divided(images):
    """The axes are right, but your values still run from 0 to 255: divide by 255."""
    return images.transpose(0, 3, 1, 2)


def check_demo(function):
    report = check_function(ask(demo), function)
    lost = first_to_show(report)
    check.failing = lost.failure.question.case if lost else None
    show_report(report)
    return report.score


# %% [markdown]
# **Your task:** `to_batch(images)` gets `uint8` images N×H×W×3 and returns floats from 0 to 1 as N×3×H×W. Here is a first attempt. It is wrong
# on purpose.


# %%
def to_batch(images):
    n, h, w, c = images.shape
    return images.reshape(n, c, h, w) / 255.0


check_demo(to_batch)

# %% [markdown]
# Read the verdict from the top.
#
# 1. **The score**: 2 of 4 points. The number below the table is what an assignment would count.
# 2. **The properties**: ✓ holds, ✗ does not. The shape and the range are right. So look for the mistake elsewhere.
# 3. **The hint**: the check ran the classic mistakes too. Your result equals one of them, so it can say what you did.
# 4. **The smallest failing input**, with expected and got side by side. The first wrong number is marked.
#
# The failing call is kept for you, so you can look into it with your own hands.

# %%
if check.failing is None:
    print("Nothing fails: your function has all properties.")
else:
    (images,) = check.failing.args
    print(f"the failing input has the shape {images.shape}; your function makes {to_batch(images).shape} of it")
    print(f"red values of image 0, as they should be:\n{images[0, :, :, 0]}")
    print(f"channel 0 of image 0 in your result, times 255:\n{(to_batch(images)[0, 0] * 255).round().astype(int)}")

# %% [markdown]
# Now it is your turn: correct `to_batch` above, and run both cells again until all properties hold.
#
# <details><summary>Hint</summary>
#
# `images.transpose(...)` takes the old axes in their new order. The images come first, axis 0. Which old axis is the channel?
#
# </details>
# <details><summary>Answer</summary>
#
# `return images.transpose(0, 3, 1, 2) / 255.0`
#
# </details>
#
# Then try to break it: swap height and width, forget the division, return nothing. The check says something different each time.
# You cannot use up your attempts. A check is a conversation, not an exam. In an assignment, hidden tests look at the *same properties* with other inputs. Nothing
# is asked that the check does not name.
#
# ## The same in PyTorch
#
# PyTorch's arrays are called **tensors**. They have the same indexing, a `device` that they live on, and gradients when you ask for
# them. Axes are moved with `permute`, the twin of NumPy's `transpose`.

# %%
tensor = torch.from_numpy(pieces).permute(0, 3, 1, 2)
print(f"shape {tuple(tensor.shape)}, {tensor.dtype}, on {tensor.device}")
print(f"equal to the NumPy batch: {np.array_equal(tensor.numpy(), batch)}")

layer = nn.Conv2d(in_channels=3, out_channels=8, kernel_size=3)
print(f"a layer with 8 filters of 3×3 makes {tuple(layer(tensor).shape)} of it")

# %% [markdown]
# ## Reading a shape error
#
# You will see many of these. Everybody does. An error message has its most useful part **at the end**. Read the last line first.
#
# Below are three calls with a mistake each. Before you run the cell: what is wrong with each of them?

# %%
hwc = torch.from_numpy(pieces)
head = nn.Linear(in_features=8 * 88 * 70, out_features=10)
mistakes = {
    "layer(hwc)": lambda: layer(hwc),
    "head(layer(tensor))": lambda: head(layer(tensor)),
    "layer((tensor * 255).byte())": lambda: layer((tensor * 255).byte()),
}
for call, run in mistakes.items():
    try:
        run()
    except RuntimeError as error:
        print(f"{call}\n    RuntimeError: {error}\n")

# %% [markdown]
# 1. **`expected input[3, 90, 72, 3] to have 3 channels, but got 90 channels`.** Axis 1 is the channel. It holds 90 here, which is our height: the input is still
#    N×H×W×C. Cure: `permute(0, 3, 1, 2)`. By the way, `weight of size [8, 3, 3, 3]` reads: 8 filters, 3 input channels, 3 high, 3 wide.
# 2. **`mat1 and mat2 shapes cannot be multiplied (2112x70 and 49280x10)`.** The second shape is the linear layer: 49,280 inputs, 10 outputs. The first one ends with 70, our
#    width. So the images were not flattened: 2112 = 3·8·88 is everything but the last axis. Cure: `layer(tensor).flatten(1)`.
# 3. **`Input type (unsigned char) and bias type (float) should be the same`.** The shape is fine, the *type* is not: pixels are still whole numbers. Cure: `.float() / 255`.
#
# The habit that saves most time: **print the shape after every step**, and say aloud what each number is.

# %%
out = tensor
for name, step in {"conv": layer, "flatten": nn.Flatten(), "linear": head}.items():
    out = step(out)
    print(f"after {name:8} {tuple(out.shape)}")

# %%
question(
    "`mat1 and mat2 shapes cannot be multiplied (32x400 and 256x120)`. What do you know?",
    {
        "The batch holds 256 images": "The first matrix is the data: 32 rows, so 32 images. The second one is the layer's weight.",
        "The layer expects 256 inputs, but each image gives 400": "Yes. 32 images with 400 numbers each meet a layer with 256 inputs and 120 outputs. Either the layer's "
        "`in_features` is wrong, or a layer before it changed size.",
        "The layer should have 400 outputs": "Outputs are the last number, 120, and they are not the problem. The two inner numbers must agree: 400 and 256.",
        "The images are not flattened": "They are: each image is one row of 400 numbers. There are just not as many as the layer expects.",
    },
    answer="The layer expects 256 inputs, but each image gives 400",
)

# %% [markdown]
# ## CPU and GPU
#
# A convolution is millions of multiplications that do not depend on each other. A GPU does thousands of them at the same time. You do not need one for this
# course: everything runs on a laptop's CPU in minutes. `device()` tells you what there is.

# %%
where = device()
images = torch.rand(64, 3, 64, 64)
conv = nn.Conv2d(3, 32, kernel_size=3, padding=1)


def seconds(conv, images, repeats=5):
    """Time of one forward pass, the best of several."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        with torch.no_grad():
            conv(images).sum().item()
        times.append(time.perf_counter() - start)
    return min(times)


print(f"this machine's best device: {where}")
print(f"64 images 3×64×64 through 32 filters of 3×3 on {where}: {1000 * seconds(conv.to(where), images.to(where)):.1f} ms")
print(f"the same, one image at a time: {1000 * 64 * seconds(conv, images[:1].to(where)):.1f} ms for all 64")

# %% [markdown]
# Two rules are enough.
#
# - **Model and data must be on the same device.** Move both with `.to(device())`. Training with `convnets.train.fit` does it for you.
# - **To look at a result, bring it back**: `result.cpu().numpy()`.
#
# Labs say how long they take on a CPU, find out what your machine has, and name the device that their figures came from.
#
# ## When you are stuck
#
# 1. **Read the last line** of the error, then the line of *your* code that it names.
# 2. **Print shapes.** Then print a tiny input: 1×1×3×3 with the numbers 0 to 8.
# 3. **Open the hints** of the exercise, one after the other. The first one only points; the last one nearly tells.
# 4. **Look at the failing call**: `check.failing.args` holds the smallest input that your function gets wrong.
# 5. **Ask the function**: put the cursor on its name and press Shift + Tab, or run `help(nn.Conv2d)`.
# 6. **Restart** the kernel and run all cells. Old variables hide many mistakes.
# 7. **Ask a person.** Say what you ran, what you expected and what you got. Often you find the answer while you write that down.
#
# If the machine itself is the problem, type `convnets doctor` in a terminal. It lists what you have, and what is missing.
#
# ## Check yourself

# %%
predict(
    "`x` has the shape (16, 3, 32, 32). How many numbers does one image have, that is, how long is `x[0].ravel()`?",
    answer=3 * 32 * 32,
    explain="3·32·32 = 3,072. You will meet this number again: it is the size of a CIFAR-10 image.",
)

# %%
question(
    "You have one grey image, an array of shape (28, 28). A layer expects N×C×H×W. What do you do?",
    {
        "`image.reshape(28, 28, 1, 1)`": "That says 28 images with 28 channels of a single pixel each. The shape has four axes, but the wrong meaning.",
        "`image[None, None]`": "Yes: one image, one channel, and the rows and columns untouched: (1, 1, 28, 28).",
        "`image.transpose(2, 0, 1)`": "There is no axis 2 to move: this image has no channel axis yet. Add two axes of length 1 in front.",
        "Nothing: grey images need no channel": "The layer still reads axis 1 as the channel. A grey image has one channel, and the axis must be there.",
    },
    answer="`image[None, None]`",
)

# %%
question(
    "A check shows ✓ for the shape and ✗ for `every pixel in its place`. What is a good next step?",
    {
        "Start again from nothing": "Half of it is right already. Keep that and look at what is left.",
        "Look at the smallest failing input, by hand": "Yes. It is small on purpose. Compare one wrong number with the input: where did it come from?",
        "Change something and run the check again, until it passes": "That may work, but you will not know why. Look first: the check shows you an input that fails.",
        "Ignore it, the shape is what counts": "A wrong shape raises an error. A right shape with wrong contents trains silently and badly.",
    },
    answer="Look at the smallest failing input, by hand",
)

# %% [markdown]
# ## What this leads to
#
# - **Chapter 01** looks at what one small filter does to a photo, and why networks for images are built from such filters.
# - **Chapter 02** counts: sizes, parameters, multiplications. **Assignment 01** lets you write all of it.
# - **Lab 01** trains a network on 10,000 pictures of clothes. You will know each of its parts by then.
#
# ## Sources
#
# - C. R. Harris et al., *Array programming with NumPy*, Nature 585, 2020: arrays, axes and strides.
# - PyTorch documentation, `torch.nn.Conv2d`: the layout N×C×H×W and the shape of the weight.
# - The photo: Grace Hopper, US Navy, public domain, as it comes with matplotlib.
