# ---
# jupyter:
#   convnets:
#     minutes: 180
#     budget_seconds: 180
#     libraries: pytorch
#     needs: [06_optimization, 07_regularization, 02_batchnorm_dropout_augmentation]
#     summary: How fast can one GPU reach 94 % on CIFAR-10? One trick at a time, each with its measured gain
# ---

# %% [markdown]
# # Train fast: one trick at a time
#
# An ordinary training of a ResNet-18 on CIFAR-10 takes minutes on a large GPU. The record to **94 %** of the test images stood at **3.83 seconds** on one NVIDIA A100 when Keller Jordan published *airbench94* in 2024, and at 3.29 seconds with compiled code. Later code by the same author is faster still. No single idea made the difference. It was a stack of small tricks, each one measured.
#
# You will build that stack, and you will measure it in the same way: add **one** trick, train with several seeds, write down the gain, go on to the next.
#
# **You will be able to**
#
# - tell two kinds of speed apart: cheaper steps, and fewer steps,
# - write six of the tricks yourself: a triangular schedule, a whitening first layer, label smoothing, the alternating flip, crops of a whole batch at once, averaged weights,
# - turn on three more that PyTorch has ready: `channels_last`, mixed precision, `torch.compile`,
# - read an additive table, as in the ResNet-RS paper, and say what it does and does not show.
#
# **Time** about 3 hours, of which the computer works for under two minutes on two CPU cores.
# **You need** chapters 06 and 07, and lab 02 for the error bars.
#
# Points are earned in seven exercises. The last one is graded with *your* table. All the code that trains stands in this notebook, in plain PyTorch. You can read it in an hour.

# %%
import copy
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from convnets import plots, widgets
from convnets.check import check
from convnets.data import load_cifar10, load_fashion_mnist, sources_report
from convnets.plots import PALETTE, show
from convnets.results import load_results, save_results
from convnets.train import device

# %% [markdown]
# ## Two ways to be fast
#
# $$\text{seconds} = \text{steps} \times \text{seconds per step}$$
#
# A trick can make each step **cheaper**: the same arithmetic, done by better use of the machine. Or it can save **steps**: the net learns more from each one. The two kinds are measured in different ways.
#
# | kind | you hold fixed | you measure | tricks |
# |:--|:--|:--|:--|
# | cheaper steps | what is computed | seconds | `channels_last`, mixed precision, `torch.compile`, augmentation on the device |
# | fewer steps | the number of steps | accuracy | schedule, whitening, label smoothing, flips, crops, averaging, several views |
#
# A trick of the second kind does not shorten the run by itself. It raises the accuracy, and then you can afford fewer steps for the same 94 %.

# %% tags=["active-ipynb"]
# widgets.question(
#     "A trick makes every step 10 % slower, and the net needs 30 % fewer steps. Is the whole training faster?",
#     {
#         "No, each step is slower": "Look at the product. There are fewer of these slower steps.",
#         "Yes: 1.10 · 0.70 = 0.77 of the time": "Yes. Only the product counts, so always measure both factors.",
#         "That depends on the GPU": "The 10 % may depend on it. But with these two numbers the product is known.",
#     },
#     answer="Yes: 1.10 · 0.70 = 0.77 of the time",
# )

# %% [markdown]
# ## The data
#
# With a GPU, the game is played with all of CIFAR-10: 50,000 images to train on, 10,000 to test with. On a CPU it is played in small: 500 images, shrunk to half their size, and a narrow net. Then the tricks are compared at a fixed number of steps, on 2,500 other images that are not trained on. The test images wait for the end.
#
# Without a copy of CIFAR-10 at hand, a CPU takes the clothes that come with the course. Nothing is downloaded for it.

# %%
def prepared(images, labels, mean, std, shrink=1, where="cpu"):
    """uint8 images (N, H, W) or (N, H, W, C) → (float tensor (N, C, H, W), int64 tensor (N,)) on a device, centred and scaled; `shrink`×`shrink` pixels become one."""
    x = torch.from_numpy(images).to(where).float() / 255
    x = x.unsqueeze(1) if x.ndim == 3 else x.permute(0, 3, 1, 2)
    x = (x - torch.as_tensor(mean, device=where).reshape(-1, 1, 1)) / torch.as_tensor(std, device=where).reshape(-1, 1, 1)
    return F.avg_pool2d(x, shrink).contiguous(), torch.from_numpy(labels).to(where)


def colours(images):
    """(mean, standard deviation) of each channel of uint8 images, on the scale 0 to 1, as float32 arrays (C,)."""
    pixels = images.reshape(-1, 1 if images.ndim == 3 else images.shape[3]) / 255
    return pixels.mean(axis=0).astype(np.float32), pixels.std(axis=0).astype(np.float32)


# %% tags=["active-ipynb"]
# FEW, MORE = 500, 3000
# at_hand = next(source for source in sources_report() if "cifar10" in source.loader).found
# data = load_cifar10(sheets=MORE // 1000) if at_hand else load_fashion_mnist()
# mean, std = colours(data.train_images[:FEW])
# train_set, validation = (prepared(data.train_images[part], data.train_labels[part], mean, std, shrink=2) for part in (slice(FEW), slice(FEW, MORE)))
# DATA = "CIFAR-10" if at_hand else "Fashion-MNIST"
# print(f"{DATA}: {len(train_set[1]):,} images {tuple(train_set[0].shape[1:])} to train on, {len(validation[1]):,} to compare on")
# if at_hand:
#     pixels = (train_set[0][:16].permute(0, 2, 3, 1) * torch.from_numpy(std) + torch.from_numpy(mean)).clamp(0, 1)
#     show(plots.image_grid(pixels.numpy(), titles=[data.classes[k] for k in train_set[1][:16]], columns=8), alt="Sixteen training images of 16×16 pixels with their classes. Many can still be recognised.")

# %% [markdown]
# ## The tricks
#
# ## triangle
#
# **Why.** At the start of training the gradients of all images agree, and large steps go the right way. Later they disagree, and large steps only jump about. So the learning rate rises for a short while, and then falls in a straight line. No other line of code buys more.
#
# `progress` runs from 0 at the first step to 1 at the end. The factor begins at `start`, reaches 1 at progress `peak`, and ends at `end`, in two straight lines.
#
# **Example.** With start 0.2, peak 0.25 and end 0.1: halfway up, at progress 0.125, the factor is 0.6. At progress 0.25 it is 1. A third of the way down, at progress 0.5, it is $1 - \tfrac13 (1 - 0.1) = 0.7$.
#
# <details><summary>Hint 1: where on the line?</summary>
#
# On the way up, `progress / peak` says which share of the way lies behind you, from 0 to 1. On the way down it is `(progress - peak) / (1 - peak)`.
#
# </details>
#
# <details><summary>Hint 2: a straight line between two values</summary>
#
# From a to b with the share s: `a + (b - a) * s`. NumPy has `np.interp` for lines through given points.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "triangle", "locked": false, "schema_version": 3, "solution": true, "task": false}
def triangle(progress, start=0.2, peak=0.23, end=0.07):
    """Factor of the learning rate: a straight line up, then a straight line down.

    progress: float, 0 at the first step, 1 at the end of training
    start, end: floats, the factor at progress 0 and at progress 1. peak: float between 0 and 1, the progress at which the factor is 1

    Returns a float. Raises ValueError when progress is not between 0 and 1.
    Source of the form and of the defaults: K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv:2404.00498, 2024.
    """
    ### BEGIN SOLUTION
    if not 0 <= progress <= 1:
        raise ValueError(f"progress is a number from 0 to 1, got {progress}")
    return float(np.interp(progress, [0, peak, 1], [start, 1, end]))
    ### END SOLUTION


# %% tags=["active-ipynb"]
# FLAT = 0.55  # about the mean of the triangle, for comparison: the same rate all the time
# try:
#     line = [triangle(p) for p in np.linspace(0, 1, 301)]
# except NotImplementedError as reason:
#     print(reason)
# else:
#     fig, ax = plt.subplots(figsize=(8, 2.8))
#     ax.plot(np.linspace(0, 1, 301), line, color=PALETTE["blue"], label="triangle")
#     ax.axhline(FLAT, color=PALETTE["vermillion"], linestyle="--", label=f"flat, {FLAT}")
#     ax.set(xlabel="progress", ylabel="factor of the learning rate", ylim=(0, 1.1))
#     ax.legend()
#     show(fig, alt=f"The factor rises from {line[0]:.2f} to 1 at progress 0.23 and falls to {line[-1]:.2f}. A dashed line stays at {FLAT}.")
#     print(f"mean of the triangle: {np.mean(line):.2f}")

# %% [markdown]
# ## whitening_filters
#
# **Why.** Neighbouring pixels are nearly equal. So of the numbers in a small patch, nearly all the variance lies in *one* direction, the mean brightness, and little in the directions that show edges. Gradient descent is slow in directions with little variance (chapter 06: ill-conditioning). A first layer that **whitens** the patches brings all directions to the same variance before learning begins.
#
# Nothing is learned for it. It follows from the covariance of the patches:
#
# 1. Cut all `size`×`size` patches out of the images, overlapping, and make each one a row of $k = C \cdot \text{size}^2$ numbers.
# 2. Subtract the mean row. The covariance is the $k\times k$ matrix $\Sigma = \frac1n P^\top P$.
# 3. Its eigenvectors $v_i$ are the directions, its eigenvalues $\lambda_i$ the variances in them. The filter for direction $i$ is $v_i / \sqrt{\lambda_i + \varepsilon}$.
#
# The $\varepsilon$ keeps directions that hold nothing but noise from being blown up.
#
# **Example.** One channel, `size` 1: there is a single direction, and the filter is the number $1/\sqrt{\text{variance of the pixels} + \varepsilon}$. With variance 4 and ε = 0 it is 0.5 (or −0.5: an eigenvector has no sign, and the check does not ask for one).
#
# <details><summary>Hint 1: the patches</summary>
#
# `F.unfold(images, size)` gives a tensor (N, k, places). Bring the axis of k to the end, then make it a matrix of k columns: `.transpose(1, 2).reshape(-1, k)`.
#
# </details>
#
# <details><summary>Hint 2: eigenvectors</summary>
#
# `torch.linalg.eigh(covariance)` returns eigenvalues from small to large, and a matrix whose **columns** are the eigenvectors.
#
# </details>
#
# <details><summary>Hint 3: into the shape of filters</summary>
#
# Transpose, so that each row is an eigenvector, and turn the order of the rows round with `.flip(0)`. Then `.reshape(k, C, size, size)`.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "whitening_filters", "locked": false, "schema_version": 3, "solution": true, "task": false}
def whitening_filters(images, size=2, eps=5e-4):
    """Filters whose responses on patches of these images have no correlation, and nearly the variance 1.

    images: float tensor (N, C, H, W). size: int, height and width of a patch. eps: float, added to each eigenvalue

    Returns a tensor (C·size², C, size, size): eigenvectors of the patches' covariance (mean subtracted, divided by the number of patches), each divided by
    √(eigenvalue + eps), the one with the largest eigenvalue first. Their signs do not matter.
    Source: D. Page, "How to Train Your ResNet", 2018, who took over an old habit of image processing.
    """
    ### BEGIN SOLUTION
    channels = images.shape[1]
    k = channels * size * size
    patches = F.unfold(images, size).transpose(1, 2).reshape(-1, k)
    patches = patches - patches.mean(dim=0)
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    filters = (vectors / torch.sqrt(values + eps)).T
    return filters.flip(0).reshape(k, channels, size, size)
    ### END SOLUTION


# %% tags=["active-ipynb"]
# try:
#     filters = whitening_filters(train_set[0])
# except NotImplementedError as reason:
#     print(reason)
# else:
#     def spread_of(responses):
#         return torch.cov(responses.transpose(0, 1).flatten(1))
#
#
#     k = len(filters)
#     before, after = spread_of(F.unfold(train_set[0], 2)), spread_of(F.conv2d(train_set[0], filters))
#     fig, axes = plt.subplots(1, 2, figsize=(8, 3.3))
#     for ax, matrix, title in zip(axes, (before, after), ("the numbers in a patch", "responses of your filters"), strict=True):
#         drawn = ax.imshow(matrix, cmap=plots.SIGNED, vmin=-1.2, vmax=1.2)
#         ax.set(title=title, xticks=[0, k - 1], yticks=[0, k - 1])
#     fig.colorbar(drawn, ax=axes, label="covariance", shrink=0.8)
#     apart = (after - torch.diag(after.diag())).abs().max()
#     show(fig, alt=f"Two covariance matrices of {k} numbers. Before: strong covariances everywhere. After whitening only the diagonal is left; the largest number beside it is {apart:.3f}.")
#     show(plots.filters(filters), alt=f"The {k} whitening filters of 2×2 pixels, from the direction of most variance, brightness, to those of colour edges.")
#     variances = torch.linalg.eigvalsh(before).flip(0)
#     print(f"variance in the strongest direction {variances[0]:.2f}, in the weakest {variances[-1]:.4f}: {variances[0] / variances[-1]:,.0f} times")

# %% [markdown]
# The first layer of the net gets these filters **and their negatives**. The nonlinearity after it cuts off negative responses, so without the negatives half of the information would be lost. The layer is not trained: it is right from the first step.

# %% [markdown]
# ## smooth_loss
#
# **Why.** The usual target says: all probability for the right class. No finite logits reach that, so the net pushes them further and further apart, and the images that are learned already go on making gradients. **Label smoothing** asks for a little less: the right class gets $1 - s$, and the rest $s$ is spread over **all** $K$ classes, the right one included. A net that reaches this target can stop pushing.
#
# The loss is the cross-entropy between that target and the net's probabilities, the mean over the batch. The net's probabilities are the softmax of logits / `temperature`. A temperature above 1 makes them softer. The fast nets have it built in: they divide their logits by 9.
#
# **Example.** Three classes, label 0, smoothing 0.3: the target is (0.8, 0.1, 0.1). If all logits are equal, each probability is 1/3, and the loss is $\ln 3 \approx 1.0986$ for every smoothing. With logits (2, 0, 0), temperature 2 and smoothing 0.3: the softmax of (1, 0, 0) is (0.576, 0.212, 0.212), and the loss is $-0.8\ln 0.576 - 0.2 \ln 0.212 = 0.751$.
#
# <details><summary>Hint 1: logarithms that do not overflow</summary>
#
# `(logits / temperature).log_softmax(dim=1)` gives the logarithms of the probabilities, safely.
#
# </details>
#
# <details><summary>Hint 2: two means</summary>
#
# The loss of an image is $-(1-s)$ times the log-probability of its label, minus $s$ times the **mean** of all its log-probabilities.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "smooth_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
def smooth_loss(logits, labels, smoothing=0.2, temperature=1.0):
    """Cross-entropy with label smoothing, mean over the batch.

    logits: float tensor (N, K). labels: int64 tensor (N,)
    smoothing: float from 0 to 1, the share of the target that is spread evenly over all K classes
    temperature: float above 0, the logits are divided by it

    Returns a tensor with one number, through which gradients flow.
    Source: C. Szegedy and others, "Rethinking the Inception Architecture for Computer Vision", CVPR 2016.
    """
    ### BEGIN SOLUTION
    logs = (logits / temperature).log_softmax(dim=1)
    right = logs.gather(1, labels[:, None]).squeeze(1)
    return -((1 - smoothing) * right + smoothing * logs.mean(dim=1)).mean()
    ### END SOLUTION


# %% tags=["active-ipynb"]
# lead = torch.linspace(-2, 12, 141)
# ahead = torch.stack([lead, *[torch.zeros_like(lead)] * 9], dim=1)
# try:
#     lines = {s: [smooth_loss(row[None], torch.tensor([0]), smoothing=s).item() for row in ahead] for s in (0.0, 0.1, 0.2)}
# except NotImplementedError as reason:
#     print(reason)
# else:
#     fig, ax = plt.subplots(figsize=(8, 3.2))
#     for (s, line), (colour, style) in zip(lines.items(), (("blue", "-"), ("green", "--"), ("vermillion", "-.")), strict=True):
#         ax.plot(lead, line, style, color=PALETTE[colour], label=f"smoothing {s}")
#         if s:
#             ax.plot(lead[int(np.argmin(line))], min(line), "o", color=PALETTE[colour])
#     ax.set(xlabel="logit of the right class; the other nine are 0", ylabel="loss")
#     ax.legend()
#     lowest = ", ".join(f"{lead[int(np.argmin(line))]:.1f} for smoothing {s}" for s, line in lines.items() if s)
#     show(fig, alt=f"Loss against the logit of the right class. Without smoothing it falls for ever. With smoothing it has a lowest point, at the logit {lowest}, and rises again.")

# %% [markdown]
# ## alternating_flip
#
# **Why.** A mirrored photo is a second photo for free. The usual way is to toss a coin for every image in every epoch. But after two epochs, half of the images have been shown the same way round twice. The second view was wasted on them. Keller Jordan's remedy: toss the coin **once**, and from then on alternate. Now each image shows both its sides in any two epochs that follow each other.
#
# `first` holds the coins: it says which images are mirrored in epoch 0. In epoch 1 it is the others. In epoch 2 it is those of epoch 0 again, and so on.
#
# **Example.** With `first` = (true, false, false): epoch 0 mirrors image 0. Epoch 1 mirrors the images 1 and 2. Epoch 2 mirrors image 0.
#
# <details><summary>Hint 1: odd epochs</summary>
#
# `epoch % 2` is 1 in odd epochs. There, the images to be mirrored are `~first`.
#
# </details>
#
# <details><summary>Hint 2: some of the images</summary>
#
# `torch.where(mask[:, None, None, None], images.flip(3), images)` takes the mirror image where the mask is true.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "alternating_flip", "locked": false, "schema_version": 3, "solution": true, "task": false}
def alternating_flip(images, first, epoch):
    """Mirror some images, left for right: in even epochs those that `first` names, in odd epochs all others.

    images: float tensor (N, C, H, W), not to be modified. first: bool tensor (N,). epoch: int, from 0

    Returns a tensor (N, C, H, W) on the same device.
    Source: K. Jordan, arXiv:2404.00498, 2024.
    """
    ### BEGIN SOLUTION
    mirrored = first ^ bool(epoch % 2)
    return torch.where(mirrored[:, None, None, None], images.flip(3), images)
    ### END SOLUTION


# %% tags=["active-ipynb"]
# numbered = torch.arange(2.0).repeat(40, 1)[:, None, None]  # each image is the two pixels 0 1; its first pixel is 1 when it is mirrored
# coins = torch.Generator().manual_seed(0)
# tosses = torch.rand(40, generator=coins) < 0.5
# try:
#     sides = {"a coin in every epoch": torch.rand(10, 40, generator=coins) < 0.5, "alternating": torch.stack([alternating_flip(numbered, tosses, epoch)[:, 0, 0, 0] > 0 for epoch in range(10)])}
# except NotImplementedError as reason:
#     print(reason)
# else:
#     fig, axes = plt.subplots(2, 1, figsize=(8, 4))
#     for ax, (name, seen) in zip(axes, sides.items(), strict=True):
#         both = (seen[:2].any(dim=0) & ~seen[:2].all(dim=0)).float().mean()
#         ax.imshow(seen, cmap="Blues", vmin=-0.3, vmax=1.3, aspect="auto")
#         ax.set(title=f"{name}: {both:.0%} of the images show both sides in the first two epochs", ylabel="epoch", xticks=[], yticks=[0, 9])
#     axes[1].set_xlabel("40 images; dark: mirrored")
#     show(fig, alt="Which of 40 images are mirrored in 10 epochs. With coins the pattern is random. Alternating, each column changes in every epoch, so that all images show both sides in two epochs.")

# %% [markdown]
# ## batch_crop
#
# **Why.** A photo that is moved by a pixel or two is a new photo, too. Libraries often crop one image at a time, in Python, on the CPU. A GPU that trains on tens of thousands of images in a second would spend its time waiting. So the images stay on the device, and the whole batch is cropped **at once**, without a loop over images. That is *augmentation on the device*.
#
# The images come with a border that was added before. Each one is cut out at a place of its own.
#
# **Example.** One image of 3×3 pixels, `size` 2, `top` 1, `left` 0:
#
# ```
#   1 2 3
#   4 5 6     →    4 5
#   7 8 9          7 8
# ```
#
# <details><summary>Hint 1: which rows, which columns?</summary>
#
# Row r of the result comes from row `top + r` of the image. For all images at once: `top[:, None] + torch.arange(size)` is a tensor (N, size). The same with `left` for the columns.
#
# </details>
#
# <details><summary>Hint 2: four indices</summary>
#
# A tensor can be indexed with four tensors, one for each axis, which are broadcast together to (N, C, size, size). The numbers of the images need the shape (N, 1, 1, 1), the channels (C, 1, 1), the rows (N, 1, size, 1), the columns (N, 1, 1, size).
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "batch_crop", "locked": false, "schema_version": 3, "solution": true, "task": false}
def batch_crop(padded, top, left, size):
    """Cut a square out of each image, each at a place of its own.

    padded: float tensor (N, C, H, W), not to be modified. size: int, height and width of the squares
    top, left: int64 tensors (N,), row and column of each square's first pixel; top + size ≤ H and left + size ≤ W

    Returns a tensor (N, C, size, size) of the same dtype, on the same device.
    """
    ### BEGIN SOLUTION
    n, channels = padded.shape[:2]
    steps = torch.arange(size, device=padded.device)
    image = torch.arange(n, device=padded.device)[:, None, None, None]
    channel = torch.arange(channels, device=padded.device)[:, None, None]
    rows, columns = (place[:, None] + steps for place in (top, left))
    return padded[image, channel, rows[:, None, :, None], columns[:, None, None, :]]
    ### END SOLUTION


# %% [markdown]
# With that, one function makes the images of an epoch. It also holds **cutout**, a square of nothing at a random place, which makes the net look at more than one spot. Cutout is short, so it is given.

# %%
def cut_out(images, size):
    """A copy of images (N, C, H, W) with a square of zeros at a random place in each; at the border a part of it may lie outside."""
    height, width = images.shape[2:]
    middle = [torch.randint(0, side, (len(images), 1), device=images.device) for side in (height, width)]
    rows, columns = ((torch.arange(side, device=images.device) - m + size // 2) for side, m in zip((height, width), middle, strict=True))
    hole = ((rows >= 0) & (rows < size))[:, None, :, None] & ((columns >= 0) & (columns < size))[:, None, None, :]
    return images.masked_fill(hole, 0.0)


def augmented(images, epoch, first, flip=None, crop=0, cutout=0):
    """The images of one epoch. flip: None, "random" or "alternating". crop: by how many pixels they may move. cutout: side of a square of zeros, in pixels."""
    if crop:
        padded = F.pad(images, (crop,) * 4, mode="reflect")
        images = batch_crop(padded, *torch.randint(0, 2 * crop + 1, (2, len(images)), device=images.device), images.shape[-1])
    if flip == "alternating":
        images = alternating_flip(images, first, epoch)
    elif flip == "random":
        images = alternating_flip(images, torch.rand(len(images), device=images.device) < 0.5, 0)
    return cut_out(images, cutout) if cutout else images


# %% tags=["active-ipynb"]
# def one_at_a_time(images, crop):
#     """What a loop over images does, for comparison."""
#     padded, size, new = F.pad(images, (crop,) * 4, mode="reflect"), images.shape[-1], []
#     for image in padded:
#         top, left = torch.randint(0, 2 * crop + 1, (2,)).tolist()
#         image = image[:, top : top + size, left : left + size]
#         new.append(image.flip(2) if torch.rand(()) < 0.5 else image)
#     return torch.stack(new)
#
#
# try:
#     torch.manual_seed(0)
#     six = train_set[0][[3] * 6 + [5] * 6]
#     versions = augmented(six, 0, torch.tensor([False, True] * 6), flip="alternating", crop=2, cutout=4)
#     seconds = {}
#     for name, work in {"one image at a time": lambda: one_at_a_time(train_set[0], 1), "the whole batch": lambda: augmented(train_set[0], 0, None, "random", 1)}.items():
#         start = time.perf_counter()
#         work()
#         seconds[name] = time.perf_counter() - start
# except NotImplementedError as reason:
#     print(reason)
# else:
#     look = (versions.permute(0, 2, 3, 1) * torch.from_numpy(std) + torch.from_numpy(mean)).clamp(0, 1).squeeze(-1)
#     show(plots.image_grid(look.numpy(), columns=6), alt="Six versions each of two images: moved by up to two pixels, half of them mirrored, each with a grey square of four pixels cut out.")
#     show(plots.bars({name: 1000 * s for name, s in seconds.items()}, unit="ms", title="one epoch of flips and crops"), alt="Time for one epoch of flips and crops: " + ", ".join(f"{name} {1000 * s:.0f} ms" for name, s in seconds.items()) + ".")

# %% [markdown]
# This is the first trick of the other kind: the same images, made in a fraction of the time. Here both ran on the CPU. On a GPU the gap is far wider.

# %% [markdown]
# ## average_update
#
# **Why.** With a large learning rate the weights do not settle. They jump about around a good place. The **mean** of the places they visit lies nearer to it than any single one. An exponential moving average keeps such a mean without storing all the visits:
#
# $$\text{average} \leftarrow \text{decay} \cdot \text{average} + (1 - \text{decay}) \cdot \text{net}$$
#
# The average is kept as a dictionary of tensors, as `net.state_dict()` gives them: parameters **and** buffers, such as the running averages of BatchNorm. Buffers that hold whole numbers (BatchNorm counts its batches) cannot be averaged; they are copied.
#
# **Example.** A weight is 2 in the average and 4 in the net, decay 0.9: the average becomes $0.9 \cdot 2 + 0.1 \cdot 4 = 2.2$.
#
# <details><summary>Hint 1: in place</summary>
#
# The dictionary that the caller holds must change: write into its tensors, for example with `.mul_`, `.add_`, `.lerp_` or `.copy_`. An assignment to the name of the loop variable changes nothing.
#
# </details>
#
# <details><summary>Hint 2: state_dict shares memory</summary>
#
# `net.state_dict()` returns the net's **own** tensors. Never put them into the average: the next step of training would change them there, too.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "average_update", "locked": false, "schema_version": 3, "solution": true, "task": false}
def average_update(average, net, decay):
    """Move an average of weights a little towards a net's weights, in place.

    average: dict of name → tensor, with the names of net.state_dict(); changed in place
    net: nn.Module, stays as it is. decay: float from 0 to 1, the share of the old average that stays

    Tensors of floating-point numbers become decay · average + (1 − decay) · net, others are copied from the net. Returns None.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        for name, value in net.state_dict().items():
            if value.is_floating_point():
                average[name].lerp_(value, 1 - decay)
            else:
                average[name].copy_(value)
    ### END SOLUTION


# %% tags=["active-ipynb"]
# class Place(nn.Module):
#     """A "net" with two weights, so that we can draw where it is."""
#
#     def __init__(self):
#         super().__init__()
#         self.weights = nn.Parameter(torch.tensor([-2.0, 1.5]))
#
#
# torch.manual_seed(0)
# place = Place()
# mean_place = {name: value.clone() for name, value in place.state_dict().items()}
# walked, averaged = [], []
# try:
#     for _ in range(150):
#         with torch.no_grad():
#             place.weights -= 0.15 * (place.weights + 1.6 * torch.randn(2))  # the gradient of a bowl, with noise
#         average_update(mean_place, place, decay=0.95)
#         walked.append(place.weights.detach().clone())
#         averaged.append(mean_place["weights"].clone())
# except NotImplementedError as reason:
#     print(reason)
# else:
#     walked, averaged = torch.stack(walked), torch.stack(averaged)
#     far = [path[75:].norm(dim=1).mean() for path in (walked, averaged)]
#     fig, ax = plt.subplots(figsize=(8, 3.6))
#     ax.plot(*walked.T, ".-", color=PALETTE["sky"], linewidth=0.8, label="the weights")
#     ax.plot(*averaged.T, "-", color=PALETTE["vermillion"], linewidth=2.5, label="their average, decay 0.95")
#     ax.plot(0, 0, "*", color="black", markersize=14, label="the best place")
#     ax.set_aspect("equal")
#     ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
#     show(fig, alt=f"Two weights jump about around the best place, their average walks there smoothly. Mean distance in the second half: weights {far[0]:.2f}, average {far[1]:.2f}.")
#     print(f"mean distance from the best place in the second half: weights {far[0]:.2f}, average {far[1]:.2f}")

# %% [markdown]
# The loop below calls your function after every step, and the average is what is tested in the end. In the first steps the decay is small, so that the random start is forgotten; then it is 0.95. The published record goes one step further and sets the net itself back to the average every five steps. That is called *lookahead*.

# %% [markdown]
# ## The net and the loop
#
# From here on everything is given. It is short, and it uses your functions. Read it.
#
# ### The net
#
# A 2×2 layer that whitens, three blocks, a linear layer.
#
# | layer | output (C×H×W) for 32×32 images, widths 64, 256, 256 |
# |:--|:--|
# | input | 3×32×32 |
# | convolution 2×2, whitening filters and their negatives, GELU | 24×31×31 |
# | block: 3×3, pooling, BatchNorm, GELU, 3×3, BatchNorm, GELU | 64×15×15 |
# | block | 256×7×7 |
# | block | 256×3×3 |
# | largest value of each map | 256 |
# | fully connected, no bias, divided by 9 | 10 |
#
# Three details come from airbench94. The pooling stands directly behind a block's first convolution, so all that follows is four times cheaper. BatchNorm's scale is fixed at 1, and its shift learns with 64 times the learning rate. And each 3×3 convolution starts as the identity as far as possible: filter i passes channel i through. GELU is a smooth relative of ReLU.

# %%
def convolution(inputs, outputs):
    """A 3×3 convolution without bias whose first filters pass their channel through."""
    layer = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    nn.init.dirac_(layer.weight.data[: min(inputs, outputs)])
    return layer


def shift_only(channels):
    """BatchNorm with a fixed scale of 1."""
    layer = nn.BatchNorm2d(channels, momentum=0.4)
    layer.weight.requires_grad_(False)
    return layer


class FastNet(nn.Module):
    """images: float tensor (N, C, H, W), an example for the whitening. whiten: whether the first layer whitens and stays as it is, or is trained from a random start."""

    def __init__(self, images, widths=(64, 256, 256), whiten=True, classes=10):
        super().__init__()
        filters = 4 * images.shape[1]
        self.first = nn.Conv2d(images.shape[1], 2 * filters, 2)
        if whiten:
            half = whitening_filters(images)
            self.first.weight.data = torch.cat([half, -half])
            self.first.weight.requires_grad_(False)
        layers = [nn.GELU()]
        for inputs, outputs in zip((2 * filters, *widths), widths, strict=False):
            layers += [convolution(inputs, outputs), nn.MaxPool2d(2), shift_only(outputs), nn.GELU()]
            layers += [convolution(outputs, outputs), shift_only(outputs), nn.GELU()]
        self.blocks = nn.Sequential(*layers)
        self.last = nn.Linear(widths[-1], classes, bias=False)

    def forward(self, x):
        return self.last(self.blocks(self.first(x)).amax(dim=(2, 3))) / 9


# %% tags=["active-ipynb"]
# try:
#     shown = widgets.architecture_table(FastNet(torch.randn(20, 3, 32, 32)), (3, 32, 32))
# except NotImplementedError as reason:
#     shown = print(reason)
# shown

# %% [markdown]
# ### The loop
#
# All tricks are switches of one function, so that a rung of the ladder is a dictionary such as `{"schedule": True, "whiten": True}`. The three tricks that PyTorch has ready are one or two lines each. Find them:
#
# - `channels_last`: the numbers of one pixel, all its channels, lie side by side in memory, in the order N×H×W×C. Fast convolutions read them that way. The shapes stay N×C×H×W.
# - `half`: *mixed precision*. Inside `torch.autocast`, multiplications are done with 16 bits, while the weights keep 32. The short format is bfloat16, which has the range of float32. Older GPUs only have float16. Its range is small, so small gradients would become 0; there `GradScaler` multiplies the loss by a large factor, and divides the gradients again before the step.
# - `compiled`: `torch.compile` reads the net once and writes code for it that does several operations in one go. That takes a while, so it is done before the clock starts, as in the published record.


# %%
def clock(where):
    """Seconds, when all that was asked of the device is done."""
    if where.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def grouped(net, rate, weight_decay, faster=64):
    """The parameters that learn, for an optimizer: BatchNorm's shifts with a rate `faster` times as high and the same decay in every step."""
    shifts = [p for m in net.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters() if p.requires_grad]
    own = {id(p) for p in shifts}
    others = [p for p in net.parameters() if p.requires_grad and id(p) not in own]
    return [{"params": others, "lr": rate, "weight_decay": weight_decay}, {"params": shifts, "lr": faster * rate, "weight_decay": weight_decay / faster}]


def train(data, *, epochs, seed, widths, batch_size, rate, weight_decay=0.0013, schedule=False, whiten=False, smoothing=0.0, flip=None, crop=0, cutout=0, average=False,
          channels_last=False, half=False, compiled=None):  # fmt: skip
    """Train a FastNet on data = (images (N, C, H, W), labels (N,)), which lie on a device already. Returns (net, seconds).

    Every epoch has N // batch_size steps. compiled: None, or the name of a backend of torch.compile, usually "inductor".
    The seconds count from the making of the net to the last step, without the time to compile.
    """
    images, labels = data
    where = images.device
    torch.manual_seed(seed)
    began = clock(where)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    net = FastNet(images[:2000], widths, whiten).to(where, memory_format=layout)
    optimizer = torch.optim.SGD(grouped(net, rate, weight_decay), momentum=0.85, nesterov=True)
    rates = [group["lr"] for group in optimizer.param_groups]
    short = torch.bfloat16 if where.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    scaler = torch.amp.GradScaler(where.type, enabled=half and short == torch.float16)
    averaged = {name: value.clone() for name, value in net.state_dict().items()}
    first = torch.rand(len(images), device=where) < 0.5
    steps = len(images) // batch_size
    run = net
    if compiled:
        paused, start = clock(where), copy.deepcopy(net.state_dict())
        torch.compiler.reset()
        run = torch.compile(net, backend=compiled)
        with torch.autocast(where.type, short, enabled=half):
            smooth_loss(run(images[:batch_size].contiguous(memory_format=layout)), labels[:batch_size], smoothing).backward()
        net.load_state_dict(start)
        began += clock(where) - paused

    for epoch in range(epochs):
        shown = augmented(images, epoch, first, flip, crop, cutout).contiguous(memory_format=layout)
        for step, rows in enumerate(torch.randperm(len(images), device=where)[: steps * batch_size].split(batch_size)):
            progress = (epoch * steps + step) / (epochs * steps)
            for group, highest in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = highest * (triangle(progress) if schedule else 0.55)
            with torch.autocast(where.type, short, enabled=half):
                loss = smooth_loss(run(shown[rows]), labels[rows], smoothing)
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            if average:
                done = epoch * steps + step
                average_update(averaged, net, decay=min(0.95, (1 + done) / (10 + done)))
    if average:
        net.load_state_dict(averaged)
    return net, clock(where) - began


# %% [markdown]
# The last trick needs no training at all. **Several views**: show each test image six times, mirrored or not, and shifted by a pixel or not, and add up the logits. It is the only trick that makes the *use* of the net more expensive.


# %%
def accuracy(net, data, views=1, batch_size=2000):
    """Share of images that the net classifies right, 0 to 1. data: (images (N, C, H, W), labels (N,)). views: 1, 2 (mirrored, too) or 6 (also shifted by one pixel)."""
    net.eval()
    right = 0
    with torch.no_grad():
        for images, labels in zip(data[0].split(batch_size), data[1].split(batch_size), strict=True):
            places = [(images, 2)]
            if views == 6:
                padded = F.pad(images, (1, 1, 1, 1), mode="reflect")
                places += [(padded[:, :, :-2, :-2], 1), (padded[:, :, 2:, 2:], 1)]
            logits = sum(times * (net(x) + net(x.flip(3)) if views > 1 else net(x)) for x, times in places)
            right += (logits.argmax(dim=1) == labels).sum().item()
    return right / len(data[1])


# %% [markdown]
# ## Cheaper steps, measured
#
# Before the ladder, the tricks of the first kind. The cell below takes training steps in turns: plain, with `channels_last`, with bfloat16, and with both. It shows the **median**: now and then a computer has something else to do, and a mean would count that.
#
# **Predict.** Which one will be the fastest on *your* machine? Does the CPU gain from 16 bits?

# %%
def step_seconds(data, variants, *, rounds, widths, batch_size, rate):
    """Median seconds of a training step for each variant, {name: settings of `train`}. The variants take turns, so that a busy moment hits all of them."""
    images, labels = data[0][:batch_size], data[1][:batch_size]
    times = {name: [] for name in variants}
    for turn in range(rounds + 1):
        for name, settings in variants.items():
            _, seconds = train((images.repeat(6, 1, 1, 1), labels.repeat(6)), epochs=1, seed=turn, widths=widths, batch_size=batch_size, rate=rate, **settings)
            times[name].append(seconds / 6)
    return {name: float(np.median(values[1:])) for name, values in times.items()}  # the first turn warms up


# %% tags=["active-ipynb"]
# torch.set_num_threads(1)  # nets this small gain little from a second thread, and lose much when the machine is busy
# SMALL = {"widths": (16, 32, 32), "batch_size": 50, "rate": 0.15}
# VARIANTS = {"plain": {}, "channels_last": {"channels_last": True}, "bfloat16": {"half": True}, "both": {"channels_last": True, "half": True}}
# try:
#     cheap = step_seconds(train_set, VARIANTS, rounds=3, **SMALL | {"batch_size": 125})
# except NotImplementedError as reason:
#     print(reason)
# else:
#     best = min(cheap, key=cheap.get)
#     show(plots.bars({name: 1000 * s for name, s in cheap.items()}, unit="ms", title="one training step with 125 images on this CPU, one thread", highlight=best), alt="Median milliseconds of a training step: " + ", ".join(f"{name} {1000 * s:.1f}" for name, s in cheap.items()) + ".")
#     print(f"fastest here: {best}, {cheap['plain'] / cheap[best]:.1f} times as fast as plain")

# %% [markdown]
# Such numbers belong to one machine, one net and one version of PyTorch. A processor without 16-bit arithmetic has to pretend, and gets slower. A GPU with tensor cores gains most from it, and only with `channels_last` and a batch that is large enough. So: measure, then decide.

# %% [markdown]
# ## The ladder
#
# Now the tricks of the second kind, in a fixed number of steps. Each rung has **all tricks of the rungs below it and one more**, as in the table of ResNet-RS. Its gain is the accuracy minus that of the rung below, with the same seed.

# %%
LADDER = {
    "plain": {},
    "schedule": {"schedule": True},
    "whitening": {"whiten": True},
    "smoothing": {"smoothing": 0.2},
    "random flip": {"flip": "random"},
    "alternating flip": {"flip": "alternating"},
    "crop": {"crop": 1},
    "average": {"average": True},
    "six views": {"views": 6},
}
TRICKS = tuple(LADDER)[1:]


def climb(ladder):
    """{name of the rung: all settings of that rung}, from a ladder of what each rung adds to the one below."""
    rungs, settings = {}, {}
    for name, added in ladder.items():
        settings = settings | added
        rungs[name] = settings
    return rungs


def experiment(train_data, test_data, path, *, ladder=LADDER, seeds=4, **settings):
    """Train every rung with every seed. Returns (accuracies, seconds): arrays (rungs, seeds), accuracies from 0 to 1.

    path: where they are saved after each run; runs that are there already are not made again. settings: those of `train`.
    """
    table = {name: np.full((len(ladder), seeds), np.nan) for name in ("accuracy", "seconds")}
    if found := load_results(path):
        table = {name: values.copy() for name, values in found.items()}
        if table["accuracy"].shape != (len(ladder), seeds):
            raise ValueError(f"{path} holds {table['accuracy'].shape} runs, not {(len(ladder), seeds)}: delete it to run the experiment anew")
    where = train_data[0].device
    for seed in range(seeds):
        began, last = time.perf_counter(), None
        for rung, chosen in enumerate(climb(ladder).values()):
            views = chosen.get("views", 1)
            recipe = {key: value for key, value in chosen.items() if key != "views"}
            if np.isfinite(table["accuracy"][rung, seed]):
                continue
            if recipe != last:  # a rung that only looks at the images in another way needs no new net
                if where.type == "cuda":  # a few steps that nobody times: libraries look for their fastest routine first
                    few = 3 * settings["batch_size"]
                    train((train_data[0][:few], train_data[1][:few]), seed=seed, **settings | recipe | {"epochs": 1})
                net, trained = train(train_data, seed=seed, **settings | recipe)
                last = recipe
            start = clock(where)
            table["accuracy"][rung, seed] = accuracy(net, test_data, views)
            table["seconds"][rung, seed] = trained + clock(where) - start
            save_results(path, **table)
        print(f"seed {seed}: {ladder_words(table['accuracy'][:, seed])}, {time.perf_counter() - began:.0f} s", flush=True)
    return table["accuracy"], table["seconds"]


def ladder_words(column):
    return f"from {100 * column[0]:.1f} % to {100 * column[-1]:.1f} %"


def gain(accuracies, rung):
    """(mean, standard error) of what a rung adds to the one below, in percentage points, over the seeds. accuracies: (rungs, seeds), 0 to 1."""
    d = 100 * (accuracies[rung] - accuracies[rung - 1])
    return d.mean(), d.std(ddof=1) / np.sqrt(len(d))


# %% [markdown]
# **Write your guess down.** How many percentage points will each trick add? The most famous one need not be the strongest one. Replace the zeros.

# %% tags=["active-ipynb"]
# guess = dict.fromkeys(TRICKS, 0.0)

# %% [markdown]
# Now it runs: eight nets for each of the four seeds, about one minute on a CPU. The table is saved beside this notebook as `ladder.safetensors`, and you hand it in with it. **Delete the file when you have changed one of your functions**, so that all runs are made anew.

# %% tags=["active-ipynb"]
# results, seconds = experiment(train_set, validation, Path("ladder.safetensors"), epochs=18, channels_last=True, **SMALL)

# %% tags=["active-ipynb"]
# def ladder_figure(table, names, guess=None):
#     fig, (left, right) = plt.subplots(1, 2, figsize=(9.5, 0.42 * len(names) + 1), sharey=True)
#     mean, spread = 100 * table.mean(axis=1), 100 * table.std(axis=1, ddof=1)
#     left.barh(range(len(names)), mean, color=PALETTE["sky"], height=0.62)
#     for i, row in enumerate(100 * table):
#         left.plot(row, np.full(len(row), i), "|", color="black", markersize=8)
#         left.annotate(f"{mean[i]:.1f} ± {spread[i]:.1f}", (0.02, i), xycoords=left.get_yaxis_transform(), va="center", fontsize=9)
#     left.set(xlabel="accuracy in %; one line a seed", yticks=range(len(names)), yticklabels=[("+ " if i else "") + name for i, name in enumerate(names)])
#     for i in range(1, len(names)):
#         points, error = gain(table, i)
#         strong = abs(points) > 2 * error
#         right.errorbar(points, i, xerr=2 * error, fmt="o" if strong else "s", markerfacecolor=PALETTE["blue"] if strong else "white", color=PALETTE["blue"], capsize=4)
#         if guess:
#             right.plot(guess[names[i]], i, "*", markerfacecolor="white", markeredgecolor="black", markersize=11)
#     right.axvline(0, color="black", linewidth=0.8)
#     right.invert_yaxis()
#     right.grid(axis="x")
#     right.set_xlabel("gain in points; bars: ± 2 standard errors" + ("\nstars: your guess" if guess else ""))
#     return fig
#
#
# names = list(LADDER)
# told = "; ".join(f"{name} {100 * row.mean():.1f} %" for name, row in zip(names, results, strict=True))
# show(ladder_figure(results, names, guess), alt=f"The ladder: mean accuracy of each rung and the gain over the rung below with two standard errors. {told}.")
# print(f"{'rung':18}{'accuracy in %':>16}{'gain':>8}{'error':>7}   on {DATA}, {results.shape[1]} seeds")
# for i, name in enumerate(names):
#     points, error = gain(results, i) if i else (0, 0)
#     says = "" if not i else "helps" if points > 2 * error else "hurts" if points < -2 * error else "cannot tell"
#     print(f"{name:18}{100 * results[i].mean():>9.1f} ± {100 * results[i].std(ddof=1):<4.1f}" + (f"{points:>+8.1f}{error:>7.1f}   {says}" if i else ""))
# total = 100 * (results[-1] - results[0]).mean()
# print(f"from the first rung to the last: {total:+.1f} points")

# %% [markdown]
# Read the ladder from the top.
#
# - Filled circles are gains beyond two standard errors; empty squares are not.
# - A rung shows what a trick adds **on top of the rungs above it in the table**. In another order the numbers would differ. Lab 02's cube shows how much; it needs $2^8$ recipes for eight tricks.
# - Each of the 500 images is seen eighteen times, so the net could learn them by heart. That is where flips and crops have something to do. With many images that are seen a few times each, they would have less. And on clothes a mirrored shoe is a rare sight, so there a flip can hurt. A trick has its regime.
# - Averaging and a falling learning rate do the same job: both calm the weights at the end. Here the schedule came first. What is left for the average?

# %% [markdown]
# ## conclusion
#
# **Why.** A table is not yet a sentence. Say what yours means, so that it can be held to account.
#
# Fill in three things:
#
# - `"verdicts"`: for each of `TRICKS` one of the words `"helps"`, `"hurts"`, `"cannot tell"`. The rule is lab 02's: beyond two standard errors of the mean gain over your seeds, or we cannot tell.
# - `"total"`: by how many percentage points the last rung is above the first, the mean over the seeds, to one decimal.
# - `"strongest"`: the trick with the largest mean gain.
#
# You may type them, or let your function work them out from `results`. It returns the claims and the table. It does not judge them; the check does that, from your own numbers.
#
# **Example.** Four seeds, and a rung that adds 1.0, 2.0, 1.5 and 1.5 points: the mean is 1.5, the standard error 0.2, so `"helps"`. A rung with −1.0, 1.0, 2.0 and 0.0 has the mean 0.5 and the error 0.65: `"cannot tell"`.
#
# <details><summary>Hint: where are the numbers?</summary>
#
# The printed table has them all: gain, error and the word that follows. In code, `gain(results, i)` gives mean and error of rung i, and rung i is the trick `TRICKS[i - 1]`.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "conclusion", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conclusion():
    """Your claims and the table that they rest on.

    Write `claims` in place of the marked line: a dictionary with "verdicts" (a dictionary that gives each of TRICKS one of the words "helps", "cannot tell",
    "hurts"), "total" (a number, percentage points) and "strongest" (one of TRICKS). Returns (claims, results), results as `experiment` returned it.
    """
    ### BEGIN SOLUTION
    gains = {name: gain(results, i) for i, name in enumerate(TRICKS, 1)}
    claims = {
        "verdicts": {name: "helps" if mean > 2 * error else "hurts" if mean < -2 * error else "cannot tell" for name, (mean, error) in gains.items()},
        "total": round(100 * float((results[-1] - results[0]).mean()), 1),
        "strongest": max(gains, key=lambda name: gains[name][0]),
    }
    ### END SOLUTION
    return claims, results


# %% [markdown]
# ## The test images, once
#
# The tricks were compared on the validation images. So now, once, 2,000 of the test images: the first rung, and the last one, with a seed that has not been used.

# %% tags=["active-ipynb"]
# test = prepared(data.test_images[:2000], data.test_labels[:2000], mean, std, shrink=2)
# for name in (names[0], names[-1]):
#     recipe = climb(LADDER)[name]
#     views = recipe.pop("views", 1)
#     net, trained = train(train_set, epochs=18, seed=100, channels_last=True, **SMALL, **recipe)
#     print(f"{name:10} test accuracy {100 * accuracy(net, test, views):.1f} %, {trained:.1f} s of training on the CPU")

# %% [markdown]
# ## The full game
#
# With a GPU, the cell below plays it: all 50,000 images, the wide net, ten epochs, three seeds. First come three rungs that make steps cheaper, then the tricks of your ladder, and cutout at the end. It prints seconds and accuracy of every rung, with the name of the device. Without a GPU it says so, and shows no numbers: seconds on another machine are not yours to claim.
#
# The same run stands in `benchmarks/train_fast.py` for the command line. **The number to beat**: airbench94 reports 94.01 % in 3.83 s on an A100, mean of 1,000 runs, and 3.29 s with `torch.compile`. Your loop is not quite theirs: they average by lookahead, freeze the bias of the first layer after three epochs, and use float16 throughout.

# %%
FULL_LADDER = {
    "plain": {},
    "channels_last": {"channels_last": True},
    "half": {"half": True},
    "compiled": {"compiled": "inductor"},
    "schedule": {"schedule": True},
    "whitening": {"whiten": True},
    "smoothing": {"smoothing": 0.2},
    "random flip": {"flip": "random"},
    "alternating flip": {"flip": "alternating"},
    "crop": {"crop": 2},
    "average": {"average": True},
    "six views": {"views": 6},
    "cutout": {"cutout": 6},
}
FULL_GAME = {"epochs": 10, "widths": (64, 256, 256), "batch_size": 1024, "rate": 1.5}


def full_data(where, sheets=None):
    """(training data, test data) of all of CIFAR-10, on a device. sheets: as in `load_cifar10`."""
    photos = load_cifar10(sheets)
    mean, std = colours(photos.train_images)
    return prepared(photos.train_images, photos.train_labels, mean, std, where=where), prepared(photos.test_images, photos.test_labels, mean, std, where=where)


def full_table(accuracies, times, ladder, name):
    """The additive table as text: seconds and accuracy of each rung, on the device of that name."""
    lines = [f"{name}, {accuracies.shape[1]} seeds, mean and standard deviation", f"{'rung':18}{'seconds':>16}{'accuracy in %':>18}{'gain':>8}"]
    for i, rung in enumerate(ladder):
        more = f"{gain(accuracies, i)[0]:>+8.2f}" if i else ""
        lines.append(f"{rung:18}{times[i].mean():>9.2f} ± {times[i].std(ddof=1):<4.2f}{100 * accuracies[i].mean():>11.2f} ± {100 * accuracies[i].std(ddof=1):<4.2f}{more}")
    return "\n".join(lines)


# %% tags=["active-ipynb"]
# if device().type == "cuda":
#     full = experiment(*full_data(device()), Path("full_ladder.safetensors"), ladder=FULL_LADDER, seeds=3, **FULL_GAME)
#     print(full_table(*full, FULL_LADDER, torch.cuda.get_device_name()))
#     show(ladder_figure(full[0], list(FULL_LADDER)), alt="The full ladder: mean accuracy of each rung on the test images, and its gain over the rung below.")
# else:
#     print(f"This machine has no CUDA GPU. All figures above come from its CPU and from a small part of {DATA}; the table of the full game is left out.")

# %% tags=["active-ipynb"]
# widgets.question(
#     "On the ladder, “average” adds 1.2 points. A friend takes averaging alone, without the other tricks, and finds +0.3. Who is wrong?",
#     {
#         "The friend": "Both can have measured well. They asked different questions.",
#         "The ladder": "Both can have measured well. They asked different questions.",
#         "Nobody: a ladder shows a trick in the company of those before it": "Yes. Tricks can do the same job twice, or make each other possible. A ladder shows one order of many.",
#     },
#     answer="Nobody: a ladder shows a trick in the company of those before it",
# )

# %% tags=["active-ipynb"]
# widgets.question(
#     "Mixed precision makes a step 2.5 times as fast on a GPU and changes the accuracy by −0.02 ± 0.05 points. Keep it?",
#     {
#         "No, it costs accuracy": "A change of −0.02 ± 0.05 is nothing that one can tell from 0.",
#         "Yes": "Yes. 2.5 times as many steps in the same time buy far more than 0.02 points.",
#         "Only with label smoothing": "The two have nothing to do with each other.",
#     },
#     answer="Yes",
# )

# %% tags=["active-ipynb"]
# widgets.predict(
#     "A run takes 400 steps of 20 ms. One trick makes a step twice as fast, another one saves a quarter of the steps. How many seconds are left?",
#     unit="s",
#     answer=3.0,
#     tolerance=0.05,
#     explain="300 steps of 10 ms are 3 seconds. Before, it was 8 seconds.",
#     hint="steps × seconds per step",
# )

# %% [markdown]
# ## What to take with you
#
# - Seconds are steps times seconds per step. Know which of the two a trick is for, and hold the other one fixed while you measure.
# - One trick at a time, the same seeds for both, error bars. A stack of ten tricks that were never measured one by one is a superstition.
# - Much of the gain comes before the first step: normalise, whiten, start the layers as the identity, choose the schedule.
# - Keep the data on the device, and work on whole batches.
# - Tricks have a regime. What helps in ten epochs can hurt in two hundred, and the other way round.
#
# **Next**: chapter 14, where the fastest training of all is not to train: transfer learning.
#
# **Sources.** K. Jordan, *94% on CIFAR-10 in 3.29 Seconds on a Single GPU*, arXiv:2404.00498, 2024, and the published code airbench94, for the net, the settings and the two record times · D. Page, *How to Train Your ResNet*, a series of posts, 2018, for whitening and augmentation on the device · I. Bello and others, *Revisiting ResNets*, NeurIPS 2021, for the additive table (ResNet-RS) ·
# P. Micikevicius and others, *Mixed Precision Training*, ICLR 2018 · C. Szegedy and others, *Rethinking the Inception Architecture for Computer Vision*, CVPR 2016, for label smoothing · T. DeVries, G. Taylor, *Improved Regularization of Convolutional Neural Networks with Cutout*, 2017 · M. Zhang and others, *Lookahead Optimizer: k steps forward, 1 step back*, NeurIPS 2019 · A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009, for CIFAR-10.
