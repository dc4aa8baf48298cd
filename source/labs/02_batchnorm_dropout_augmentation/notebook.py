# ---
# jupyter:
#   convnets:
#     minutes: 150
#     budget_seconds: 240
#     libraries: pytorch
#     needs: [05_normalization, 07_regularization, 01_lenet_on_fashion_mnist]
#     summary: What do batch normalisation, dropout and augmentation buy, alone and together? An experiment with eight nets and three seeds
# ---

# %% [markdown]
# # BatchNorm, dropout, augmentation: what does each buy?
#
# You know three famous ingredients: batch normalisation, dropout and data augmentation. Everybody uses them. But what does each one buy *here*, for this net and these images? And does it still buy
# anything when the other two are there already?
#
# Nobody can answer that by thinking. So you will run an experiment, and you will run it well: a question, a guess written down first, several seeds, error bars, and a conclusion that is held against your own numbers.
#
# **You will be able to**
#
# - build a net with switches for batch normalisation and dropout,
# - write an augmentation as a layer that is active in training only,
# - plan an experiment in which every run answers three questions at once,
# - turn a table of accuracies into differences with error bars,
# - say what your numbers tell, and what they do not tell.
#
# **Time** about 2½ hours, of which the computer trains for about two minutes on two CPU cores.
# **You need** chapters 05 and 07 for the ingredients, and lab 01 for PyTorch.
#
# Points are earned in six exercises. The last one is graded with *your* table of results.

# %%
import contextlib
import io
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from convnets import plots, widgets
from convnets.check import check
from convnets.data import load_cifar10, load_fashion_mnist
from convnets.plots import show
from convnets.results import load_results, save_results
from convnets.train import device, evaluate, fit, one_cycle, seed_everything

INGREDIENTS = ("batchnorm", "dropout", "augmentation")

# %% [markdown]
# ## The plan: a cube of eight recipes
#
# Each ingredient is in or out. That makes $2 \cdot 2 \cdot 2 = 8$ recipes, and they lie at the corners of a cube. **B** is batch normalisation, **D** dropout, **A** augmentation.

# %% tags=["active-ipynb"]
# STYLES = {"batchnorm": ("blue", "-"), "dropout": ("vermillion", "--"), "augmentation": ("green", ":")}
#
#
# def place(batchnorm, dropout, augmentation):
#     """Where a recipe's corner is drawn."""
#     return np.array([1.0 * batchnorm + 0.48 * augmentation, 0.8 * dropout + 0.4 * augmentation])
#
#
# def short(batchnorm, dropout, augmentation):
#     """A recipe's name, such as "B·A"; "plain" for none."""
#     return "·".join(letter for letter, there in zip("BDA", (batchnorm, dropout, augmentation), strict=True) if there) or "plain"
#
#
# def draw_cube(at_corner, at_edge=None):
#     """The cube of recipes. at_corner(*recipe): text there. at_edge(ingredient, *the other two): text on the edge that adds the ingredient."""
#     fig, ax = plt.subplots(figsize=(8, 5.2))
#     for axis, name in enumerate(INGREDIENTS):
#         colour, line = STYLES[name]
#         for others in np.ndindex(2, 2):
#             start, end = (place(*np.insert(others, axis, there)) for there in (0, 1))
#             label = name if others == (0, 0) else None
#             ax.plot(*zip(start, end, strict=True), line, color=plots.PALETTE[colour], linewidth=2.5, label=label, zorder=1)
#             if at_edge:
#                 x, y = start + (end - start) * (0.72, 0.28, 0.42)[axis]
#                 ax.text(x, y, at_edge(name, *others), color=plots.PALETTE[colour], ha="center", va="center", fontsize=10, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5}, zorder=2)
#     for recipe in np.ndindex(2, 2, 2):
#         ax.text(*place(*recipe), at_corner(*recipe), ha="center", va="center", fontsize=11, bbox={"facecolor": "white", "edgecolor": "#767676", "boxstyle": "round,pad=0.35"}, zorder=3)
#     ax.set_xlim(-0.22, 1.72)
#     ax.set_ylim(-0.12, 1.32)
#     ax.axis("off")
#     ax.legend(loc="lower center", bbox_to_anchor=(0.5, -0.1), ncols=3, title="an edge adds")
#     return fig
#
#
# show(draw_cube(short), alt="A cube with the eight recipes at its corners: plain, B, D, A, B·D, B·A, D·A, B·D·A. Four parallel edges add batch normalisation, four dropout, four augmentation.")

# %% [markdown]
# An edge joins two recipes that differ in **one** ingredient and in nothing else. So every edge is a fair comparison. Count them: each ingredient has four edges, one for each company that it can be in.
#
# This is why we run all eight recipes instead of "plain" and the three with one ingredient. It costs twice as much. But every run is used three times, once for each ingredient, and we learn what happens in company.
#
# One run proves little: another seed gives other initial weights, another order of the images, and another accuracy. So each recipe is trained with **three seeds**. Runs with the same seed share much of their luck, so we compare them pair by pair.

# %% tags=["active-ipynb"]
# widgets.question(
#     "Eight recipes, three seeds. How many differences “with minus without, same seed” does the experiment give for dropout?",
#     {
#         "3": "That is plain against D alone. Dropout is added along three more edges of the cube.",
#         "4": "Four edges, yes. But each recipe is trained with three seeds.",
#         "12": "Four edges, three seeds each. And the same 24 runs give twelve differences for each of the other two ingredients.",
#         "24": "24 is the number of runs. Each difference needs two of them.",
#     },
#     answer="12",
# )

# %% [markdown]
# ## The data
#
# Two of the three are famous for their help against overfitting. So we make overfitting easy: only **500** of the 10,000 training images are trained on. The last 8,000 are the validation images, on which the recipes are compared. So many of them keep the noise of measuring small. The test images stay
# untouched until the very end.
#
# And we shrink the images to 14×14 pixels, each the mean of four, so that 24 nets can be trained while you wait.

# %% tags=["active-ipynb"]
# data = load_fashion_mnist()
# FEW, REST = 500, 2000
# mean, std = data.train_images[:FEW].mean() / 255, data.train_images[:FEW].std() / 255
#
#
# def prepared(images, labels, mean=mean, std=std, shrink=2):
#     """(images, labels) as tensors, N×C×H×W, centred and scaled, each `shrink`×`shrink` pixels made one."""
#     x = torch.from_numpy(images).float() / 255
#     x = x.unsqueeze(1) if x.ndim == 3 else x.permute(0, 3, 1, 2).contiguous()
#     return (nn.functional.avg_pool2d(x, shrink) - mean) / std, torch.from_numpy(labels)
#
#
# train = prepared(data.train_images[:FEW], data.train_labels[:FEW])
# validation = prepared(data.train_images[REST:], data.train_labels[REST:])
# black = float((0 - mean) / std)
# print(f"{len(train[1]):,} images {tuple(train[0].shape[1:])} to train on, of each class {torch.bincount(train[1]).tolist()}; {len(validation[1]):,} to compare the recipes on")
# print(f"a black pixel is {black:.2f} after centring and scaling")

# %% [markdown]
# ## Write your guess down, now
#
# By how many **percentage points** of validation accuracy will each ingredient move the result, on average over the cube? A minus sign means that it hurts. Replace the zeros and run the cell. A guess that is written down cannot change its mind afterwards; your guesses will be drawn into the result.

# %% tags=["active-ipynb"]
# guess = {"batchnorm": 0.0, "dropout": 0.0, "augmentation": 0.0}

# %% [markdown]
# ## make_net
#
# **Why.** In an experiment, everything must be the same except for the one thing that is tested. So one function builds all nets, with switches.
#
# | layer | output (C×H×W) for size 14, width 16 |
# |:--|:--|
# | input | `channels`×14×14 |
# | convolution 3×3, `width` filters, padding 1, *BatchNorm*, ReLU | 16×14×14 |
# | max pooling 2×2 | 16×7×7 |
# | convolution 3×3, 2·`width` filters, padding 1, *BatchNorm*, ReLU | 32×7×7 |
# | max pooling 2×2, rounding down | 32×3×3 |
# | convolution 3×3, 4·`width` filters, padding 1, *BatchNorm*, ReLU | 64×3×3 |
# | flatten | 576 |
# | fully connected, ReLU, *dropout* | 128 |
# | fully connected: the logits | 10 |
#
# **The switches.** With `batchnorm`, an `nn.BatchNorm2d` stands between each convolution and its ReLU, and these convolutions have **no bias**: the normalisation would subtract it again, and its own shift takes its place (chapter 05). Without `batchnorm`, they have a bias. `dropout` is the share of the
# 128 activations that is switched off while training.
#
# **Example.** The net of the table has 98,442 parameters. With batch normalisation it has 98,554: 16 + 32 + 64 = 112 biases less, and twice 112 scales and shifts more.
#
# The check fills your weights with numbers of its own, so you may name your parts as you like, and write a class or an `nn.Sequential`.
#
# <details><summary>Hint 1: a list of layers</summary>
#
# Start with an empty list and append layers to it, in a loop over the three convolutions. `nn.Sequential(*layers)` makes a net of the list.
#
# </details>
#
# <details><summary>Hint 2: how many numbers reach the linear layer?</summary>
#
# Two poolings halve the side twice, rounding down: `size // 4`. There are 4·`width` maps of that side.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "make_net", "locked": false, "schema_version": 3, "solution": true, "task": false}
def make_net(batchnorm=False, dropout=0.0, channels=1, size=14, width=16):
    """A small convolutional net with switches.

    batchnorm: bool, whether a BatchNorm2d stands between each convolution and its ReLU; the convolutions then have no bias
    dropout: float, share of the 128 hidden activations that is switched off in training, after their ReLU
    channels: int, channels of the images. size: int, their height and width, at least 4. width: int, filters of the first convolution

    Returns an nn.Module: float32 tensor (N, channels, size, size) → logits, float32 tensor (N, 10).
    """
    ### BEGIN SOLUTION
    layers, inputs = [], channels
    for outputs, pooled in ((width, True), (2 * width, True), (4 * width, False)):
        layers.append(nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=not batchnorm))
        if batchnorm:
            layers.append(nn.BatchNorm2d(outputs))
        layers.append(nn.ReLU())
        if pooled:
            layers.append(nn.MaxPool2d(2))
        inputs = outputs
    hidden = nn.Linear(4 * width * (size // 4) ** 2, 128)
    return nn.Sequential(*layers, nn.Flatten(), hidden, nn.ReLU(), nn.Dropout(dropout), nn.Linear(128, 10))
    ### END SOLUTION


# %% tags=["active-ipynb"]
# for batchnorm in (False, True):
#     print(f"batchnorm={batchnorm}: {sum(p.numel() for p in make_net(batchnorm).parameters()):,} parameters")
# widgets.architecture_table(make_net(batchnorm=True, dropout=0.5), (1, 14, 14))

# %% [markdown]
# Which layer holds most of the weights? It is also the one whose outputs dropout thins out. That is no accident: this is where the net can learn its training images by heart.

# %% [markdown]
# ## shift_and_flip
#
# **Why.** A coat that is two pixels further left is still a coat, and so is its mirror image. Augmentation shows the net such versions, a new one in every epoch. This function makes them. It gets its moves as arguments and draws nothing at random: what is random comes in the next exercise. So you can test it.
#
# **Example.** First the mirror, then the move. The image below, with `flip` true, `down` 0, `right` 1 and `fill` 9:
#
# ```
#   1 2 3      mirrored:  3 2 1      moved right by 1:  9 3 2
#   4 5 6                 6 5 4                         9 6 5
# ```
#
# The first column has no source any more and gets the value `fill`. And with `flip` false, `down` −1, `right` 0, the same image becomes
#
# ```
#   4 5 6
#   9 9 9
# ```
#
# Why not fill with 0? The images are centred: 0 is a middle grey. Black, the colour of the background, is the number that the data cell above has printed.
#
# <details><summary>Hint 1: one image at a time is fine</summary>
#
# Make a new tensor full of `fill` with `torch.full_like`. For each image, copy the part that stays in the picture into it. For a move by d ≥ 0 rows that is `new[d:] = old[:H - d]`.
#
# </details>
#
# <details><summary>Hint 2: all images at once</summary>
#
# Ask for every pixel of the result where it comes from: row r comes from row r − down. That is one index for each image and row: `torch.arange(H) - down[:, None]`, of shape (N, H). Clamp the index to 0 … H − 1 so that you can
# use it, and put `fill` where it was outside, with `torch.where`.
#
# </details>
#
# <details><summary>Hint 3: mirroring some of the images</summary>
#
# `torch.where(flip[:, None, None, None], images.flip(3), images)` takes the mirror image where `flip` is true. Axis 3 is the width. `Tensor.flip` makes a copy.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "shift_and_flip", "locked": false, "schema_version": 3, "solution": true, "task": false}
def shift_and_flip(images, down, right, flip, fill):
    """Mirror some images and move each one, in this order.

    images: float tensor (N, C, H, W), not to be modified
    down, right: int64 tensors (N,), by how many pixels each image moves; negative numbers move up and left. Smaller in size than H and W
    flip: bool tensor (N,), which images are mirrored, left for right, before they move
    fill: float, value of the pixels that come in from outside

    Returns a new tensor (N, C, H, W) of the same dtype, on the same device.
    """
    ### BEGIN SOLUTION
    n, channels, height, width = images.shape
    mirrored = torch.where(flip[:, None, None, None], images.flip(3), images)
    rows = torch.arange(height, device=images.device) - down[:, None]
    columns = torch.arange(width, device=images.device) - right[:, None]
    inside = ((rows >= 0) & (rows < height))[:, None, :, None] & ((columns >= 0) & (columns < width))[:, None, None, :]
    image = torch.arange(n, device=images.device)[:, None, None, None]
    channel = torch.arange(channels, device=images.device)[:, None, None]
    moved = mirrored[image, channel, rows.clamp(0, height - 1)[:, None, :, None], columns.clamp(0, width - 1)[:, None, None, :]]
    return torch.where(inside, moved, fill)
    ### END SOLUTION


# %% tags=["active-ipynb"]
# shoe, shirt = (int(torch.nonzero(train[1] == k)[0, 0]) for k in (7, 6))
# twelve = train[0][[shoe] * 6 + [shirt] * 6]
# moves = torch.tensor([0, 1, -1, 2, 0, -2] * 2)
# try:
#     versions = shift_and_flip(twelve, moves, moves.flip(0), torch.tensor([False, True] * 6), fill=black)
# except NotImplementedError as reason:
#     print(reason)
# else:
#     titles = [f"{'mirrored, ' if f else ''}{d:+d} ↓ {r:+d} →" for d, r, f in zip(moves.tolist(), moves.flip(0).tolist(), [False, True] * 6, strict=True)]
#     figure = plots.image_grid((versions * std + mean).clamp(0, 1), titles=titles, columns=6)
#     show(figure, alt="Six versions of one sneaker and six of one shirt, each moved by up to two pixels, every second one mirrored. What comes in from outside is black.")

# %% [markdown]
# Look at the sneaker. In Fashion-MNIST nearly all shoes point to the left. A mirrored one is still a sneaker, so the label stays right. But the validation images hold hardly any. So the experiment on clothes moves the images and does not mirror them. Whether that is the better choice, you can find out at the end.

# %% [markdown]
# ## RandomShiftAndFlip
#
# **Why.** Batch normalisation and dropout behave differently in training and in use. Augmentation does so, too: nobody wants to classify a photo that was moved at random. So all three can follow **the same switch**, `net.train()` and `net.eval()`, if augmentation is a layer.
#
# | | in `train()` mode | in `eval()` mode |
# |:--|:--|:--|
# | `BatchNorm2d` | statistics of the batch | running averages |
# | `Dropout` | random mask | does nothing |
# | your layer | random moves | does nothing |
#
# In training, each image gets a move of its own: `down` and `right` are whole numbers, −`most` … +`most`, all equally likely. With `mirror`, each image is mirrored with probability ½. Use your `shift_and_flip`.
#
# Draw with PyTorch's own generator, with calls such as `torch.randint` and `torch.rand`. Then one `torch.manual_seed` at the beginning of a run repeats everything: order, dropout masks and moves.
#
# **Example.** `RandomShiftAndFlip(most=2, mirror=False)` can do $5 \cdot 5 = 25$ different things to an image, one of which is nothing at all.
#
# <details><summary>Hint 1: which mode?</summary>
#
# Every `nn.Module` knows its mode: `self.training` is True or False. Return `x` as it is when it is False.
#
# </details>
#
# <details><summary>Hint 2: both ends count</summary>
#
# `torch.randint(low, high, (n,))` never draws `high`. So `high` must be `most + 1`.
#
# </details>
#
# <details><summary>Hint 3: on a GPU</summary>
#
# Moves must lie where the images lie: pass `device=x.device` to the functions that draw.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "RandomShiftAndFlip", "locked": false, "schema_version": 3, "solution": true, "task": false}
class RandomShiftAndFlip(nn.Module):
    """A layer that moves and mirrors each image at random in training, and does nothing in evaluation.

    most: int, largest move in each of the four directions, in pixels
    fill: float, value of the pixels that come in from outside
    mirror: bool, whether images are mirrored, each with probability 1/2

    forward: float tensor (N, C, H, W) → float tensor (N, C, H, W); the input is not modified
    """

    def __init__(self, most=2, fill=0.0, mirror=True):
        super().__init__()
        ### BEGIN SOLUTION
        self.most, self.fill, self.mirror = most, fill, mirror
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        if not self.training:
            return x
        down, right = torch.randint(-self.most, self.most + 1, (2, len(x)), device=x.device)
        flip = (torch.rand(len(x), device=x.device) < 0.5) & self.mirror
        return shift_and_flip(x, down, right, flip, self.fill)
        ### END SOLUTION


# %% tags=["active-ipynb"]
# try:
#     seed_everything(0)
#     layer = RandomShiftAndFlip(most=2, fill=black)
#     eight = train[0][[shirt]].repeat(8, 1, 1, 1)
#     rows = torch.cat([layer.train()(eight), layer.eval()(eight)])
# except NotImplementedError as reason:
#     print(reason)
# else:
#     figure = plots.image_grid((rows * std + mean).clamp(0, 1), titles=["train()"] * 8 + ["eval()"] * 8, columns=8)
#     show(figure, alt="The same shirt eight times in training mode, each time moved or mirrored differently, and eight times in evaluation mode, always as it was.")

# %% [markdown]
# ## The experiment
#
# What follows is given. Read it all the same: an experiment is only as good as the function that runs it. `recipe` puts the ingredients together. `experiment` trains every recipe with every seed, and writes down two numbers for each run, both measured in `eval()` mode: accuracy on the training images and on the
# validation images.
#
# The table is saved after each run. If you stop, it goes on from there. It lies beside this notebook as `results.safetensors`, and you hand it in with the notebook. **Delete it when you have changed one of your functions**, so that all runs are made anew.


# %%
def recipe(batchnorm, dropout, augmentation, *, fill, most=1, mirror=False, **sizes):
    """The net of one corner of the cube; each ingredient is 0 or 1. sizes: `channels`, `size`, `width` of `make_net`."""
    net = make_net(batchnorm=bool(batchnorm), dropout=0.5 * dropout, **sizes)
    return nn.Sequential(RandomShiftAndFlip(most=most, fill=fill, mirror=mirror), net) if augmentation else net


def trained(net, train, *, epochs, seed, rate=3e-3, batch_size=50):
    """The net after training with Adam, where the learning rate rises and then falls to zero."""
    with contextlib.redirect_stdout(io.StringIO()):  # no line for every epoch of every run
        optimizer = torch.optim.Adam(net.parameters(), lr=rate)
        history = fit(net, train, epochs=epochs, optimizer=optimizer, batch_size=batch_size, schedule=one_cycle, seed=seed, panel=False)
    if history.stopped:
        raise KeyboardInterrupt("stopped; run the cell again to go on")
    return net


def experiment(train, validation, path, *, epochs, seeds=3, rate=3e-3, batch_size=50, **settings):
    """Train all eight recipes with every seed. Returns accuracies on the training and on the validation images.

    Both are arrays (2, 2, 2, seeds): [batchnorm, dropout, augmentation, seed], each ingredient 0 (out) or 1 (in); values 0 to 1.
    path: where they are saved after each run. Runs that are there already are not made again. settings: those of `recipe`.
    """
    table = {name: np.full((2, 2, 2, seeds), np.nan) for name in ("training", "validation")}
    if found := load_results(path):
        table = {name: values.copy() for name, values in found.items()}
        if table["validation"].shape[3] != seeds:
            raise ValueError(f"{path} holds {table['validation'].shape[3]} seeds, not {seeds}: delete it to run the experiment anew")
    for seed in range(seeds):
        start = time.perf_counter()
        for chosen in np.ndindex(2, 2, 2):
            if np.isfinite(table["validation"][*chosen, seed]):
                continue
            seed_everything(seed)
            net = trained(recipe(*chosen, **settings), train, epochs=epochs, seed=seed, rate=rate, batch_size=batch_size)
            table["training"][*chosen, seed], table["validation"][*chosen, seed] = evaluate(net, train)[1], evaluate(net, validation)[1]
            save_results(path, **table)
        print(f"seed {seed}: eight recipes, mean validation accuracy {table['validation'][..., seed].mean():.1%}, {time.perf_counter() - start:.0f} s", flush=True)
    return table["training"], table["validation"]


# %% [markdown]
# Now it runs: 24 nets. That takes one to two minutes on a CPU. Have you written down your guess?

# %% tags=["active-ipynb"]
# torch.set_num_threads(1)  # nets this small gain little from a second thread, and lose much when the machine is busy
# training, results = experiment(train, validation, Path("results.safetensors"), epochs=40, fill=black)

# %% [markdown]
# Here is your cube again, with the mean accuracy of three seeds at each corner. Follow the edges: does the same ingredient always change the accuracy by the same amount?

# %% tags=["active-ipynb"]
# def corner(*chosen):
#     return f"{short(*chosen)}\n{100 * results[chosen].mean():.1f} ± {100 * results[chosen].std(ddof=1):.1f} %"
#
#
# def edge(name, *others):
#     axis = INGREDIENTS.index(name)
#     step = [results[tuple(np.insert(others, axis, there))].mean() for there in (0, 1)]
#     return f"{100 * (step[1] - step[0]):+.1f}".replace("-", "−")
#
#
# names = [short(*chosen) for chosen in np.ndindex(2, 2, 2)]
# told = "; ".join(f"{name} {100 * results[chosen].mean():.1f} %" for name, chosen in zip(names, np.ndindex(2, 2, 2), strict=True))
# show(draw_cube(corner, edge), alt=f"The cube of recipes with mean validation accuracies: {told}. Each edge carries the difference in percentage points.")

# %% [markdown]
# The number behind ± is the standard deviation over the seeds. Compare it with the numbers on the edges. Some of the differences are hardly larger than the luck of a seed. So which can you trust? That is what the next two exercises are about.

# %% [markdown]
# ## differences
#
# **Why.** Runs with the same seed see the images in the same order. With and without dropout, and with and without augmentation, they also start from the same weights. So compare them pair by pair, with minus without. What both had in common, a lucky start for example, cancels out.
#
# (With batch normalisation only the first convolution starts from the same weights: convolutions without a bias draw fewer random numbers, so all later draws are others. These pairs have less in common.)
#
# `accuracy` has four axes: batchnorm, dropout, augmentation, seed. For one ingredient you get a table with three axes: the other two ingredients in their old order, and the seed.
#
# **Example.** For `"dropout"`, entry `[1, 0, 2]` of the result is the accuracy with batch normalisation, dropout and no augmentation, minus the one with batch normalisation, no dropout and no augmentation, both with seed 2: `accuracy[1, 1, 0, 2] - accuracy[1, 0, 0, 2]`.
#
# <details><summary>Hint 1: which axis?</summary>
#
# `INGREDIENTS.index("dropout")` is 1, and raises ValueError for a name that is not there.
#
# </details>
#
# <details><summary>Hint 2: one entry of an axis</summary>
#
# `np.take(accuracy, 1, axis=axis)` is the part of the table with the ingredient in.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "differences", "locked": false, "schema_version": 3, "solution": true, "task": false}
def differences(accuracy, ingredient):
    """What adding an ingredient changes, in each company and for each seed: with minus without.

    accuracy: array (2, 2, 2, S), [batchnorm, dropout, augmentation, seed], each ingredient 0 (out) or 1 (in)
    ingredient: one of INGREDIENTS

    Returns an array (2, 2, S): [first other ingredient, second other ingredient, seed], in the order of INGREDIENTS.
    Raises ValueError for an unknown ingredient.
    """
    ### BEGIN SOLUTION
    without, with_it = np.moveaxis(accuracy, INGREDIENTS.index(ingredient), 0)
    return with_it - without
    ### END SOLUTION


# %% [markdown]
# ## verdict
#
# **Why.** Twelve differences scatter. Their mean is your best estimate, but how far can you trust it? The **standard error** says how much the mean itself would scatter if you did the whole experiment again:
#
# $$\text{mean} = \frac1n \sum_i d_i \qquad s = \sqrt{\frac{1}{n-1}\sum_i (d_i - \text{mean})^2} \qquad \text{error} = \frac{s}{\sqrt n}$$
#
# Here $s$ is the standard deviation. It says how much **one** difference scatters, and does not shrink with more runs. The error does: four times the runs, half the error.
#
# **The rule.** If the mean is more than **two** standard errors away from 0, we say that the ingredient helps (+1) or hurts (−1). If it is not, we say that we cannot tell (0). With twelve differences, and if nothing is there, luck alone breaks this rule about once in fourteen times. So "helps" is not "proved".
# And "cannot tell" is not "does nothing".
#
# **Example.** The differences 0.01, 0.03, 0.02, 0.02 have the mean 0.02, $s = 0.00816$ and the error $0.00816/\sqrt4 = 0.00408$. The mean is 4.9 errors away from 0: it helps, so the result is (0.02, 0.00408, 1).
#
# <details><summary>Hint: NumPy's default</summary>
#
# `np.std` divides by n. With `ddof=1` it divides by n − 1.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "verdict", "locked": false, "schema_version": 3, "solution": true, "task": false}
def verdict(differences):
    """Mean and standard error of differences, and what they say.

    differences: float array of any shape; all its n ≥ 2 numbers count alike

    Returns (mean, error, says): two floats, and 1 if mean > 2·error, −1 if mean < −2·error, else 0.
    Raises ValueError for fewer than two differences, which have no spread.
    """
    ### BEGIN SOLUTION
    d = np.asarray(differences)
    if d.size < 2:
        raise ValueError(f"a spread needs at least two differences, got {d.size}")
    mean, error = d.mean(), d.std(ddof=1) / np.sqrt(d.size)
    return mean, error, int(mean > 2 * error) - int(mean < -2 * error)
    ### END SOLUTION


# %% [markdown]
# Now the figure that answers the question of this lab. For each ingredient: all twelve differences as small dots, what it buys **alone** (plain against this one), what it buys **on top** of the other two, and the mean of **all** twelve. The bars are two standard errors long in each direction. The star is your guess.

# %% tags=["active-ipynb"]
# def say(d):
#     mean, error, says = verdict(d)
#     return f"{100 * mean:+.1f} ± {100 * error:.1f}", {1: "helps", -1: "hurts", 0: "cannot tell"}[says]
#
#
# def effects_figure(results):
#     fig, ax = plt.subplots(figsize=(8, 4.2))
#     kinds = {"alone": ("sky", "o"), "on top of the other two": ("orange", "s"), "all twelve": ("black", "^")}
#     for i, name in enumerate(INGREDIENTS):
#         d = differences(results, name)
#         ax.plot(100 * d.ravel(), np.full(d.size, i) + 0.3, "|", color="#767676", markersize=9, label="one difference" if i == 0 else None)
#         for (kind, (colour, marker)), part, offset in zip(kinds.items(), (d[0, 0], d[1, 1], d), (0.12, -0.06, -0.24), strict=True):
#             mean, error, _ = verdict(part)
#             ax.errorbar(100 * mean, i + offset, xerr=200 * error, fmt=marker, color=plots.PALETTE[colour], markeredgecolor="black", capsize=4, label=kind if i == 0 else None)
#         ax.plot(guess[name], i - 0.4, "*", markerfacecolor="white", markeredgecolor="black", markersize=12, label="your guess" if i == 0 else None)
#     ax.axvline(0, color="black", linewidth=0.8)
#     ax.set_yticks(range(3), INGREDIENTS)
#     ax.invert_yaxis()
#     ax.set_xlabel("change of the validation accuracy, in percentage points; bars: ± 2 standard errors")
#     ax.grid(axis="x")
#     ax.legend(loc="upper center", bbox_to_anchor=(0.45, 1.2), ncols=5, fontsize=9, columnspacing=1, handletextpad=0.4)
#     return fig
#
#
# words = {name: [say(part) for part in (d[0, 0], d[1, 1], d)] for name in INGREDIENTS for d in [differences(results, name)]}
# listed = "; ".join(f"{name}: alone {w[0][0]}, on top {w[1][0]}, all {w[2][0]} points" for name, w in words.items())
# show(effects_figure(results), alt=f"What each ingredient changes, with error bars. {listed}.")
# print(f"{'points of accuracy':20}{'alone':>14}{'on top':>14}{'all twelve':>14}   verdict on all twelve")
# for name, w in words.items():
#     print(f"{name:20}{w[0][0]:>14}{w[1][0]:>14}{w[2][0]:>14}   {w[2][1]}")

# %% [markdown]
# Take your time with this figure.
#
# - Does an ingredient buy less when the other two are there already? Then they do, in part, the same job. Does it buy more? Then they work together.
# - "Alone" and "on top" rest on three differences each, "all twelve" on four times as many. That is what the whole cube was for.
# - How far off was your guess?
#
# Two warnings about the bars. From three numbers the spread itself is known badly: three differences that happen to lie close together give a short bar, and look more certain than they are. And the twelve differences scatter for two reasons, luck and company. An ingredient that helps much alone and little on top has a long bar even without any luck. So read that bar together with the two above it.

# %% [markdown]
# ## Where does it come from? The gap
#
# The validation accuracy can rise for two reasons: the net fits the training images better, or the gap between training and validation gets smaller. Before you look: which ingredient will cost the most **training** accuracy? And will the recipe with the smallest gap be the best one?

# %% tags=["active-ipynb"]
# order = sorted(np.ndindex(2, 2, 2), key=lambda chosen: results[chosen].mean())
# fig, ax = plt.subplots(figsize=(8, 3.8))
# for i, chosen in enumerate(order):
#     ends = 100 * training[chosen].mean(), 100 * results[chosen].mean()
#     ax.plot(ends, (i, i), color="#BBBBBB", linewidth=4, zorder=1)
#     ax.annotate(f"gap {ends[0] - ends[1]:.1f}", (np.mean(ends), i), xytext=(0, 4), textcoords="offset points", ha="center", fontsize=9)
#     for table, colour, marker, label in ((training, "vermillion", "s", "training images"), (results, "blue", "o", "validation images")):
#         ax.errorbar(100 * table[chosen].mean(), i, xerr=100 * table[chosen].std(ddof=1), fmt=marker, color=plots.PALETTE[colour], capsize=3, label=label if i == 0 else None)
# ax.set_yticks(range(8), [short(*chosen) for chosen in order])
# ax.set_ylim(-0.6, 7.7)
# ax.set_xlabel("accuracy in %, mean and standard deviation of the seeds")
# ax.grid(axis="x")
# ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=2)
# gaps = "; ".join(f"{short(*c)} {100 * (training[c] - results[c]).mean():.1f}" for c in order)
# show(fig, alt=f"Training and validation accuracy of the eight recipes, sorted by validation accuracy. The gap in percentage points: {gaps}.")
# for i, name in enumerate(INGREDIENTS):
#     print(f"{name:13} training accuracy {say(differences(training, name))[0]:>12}, validation accuracy {say(differences(results, name))[0]:>12}, gap {say(differences(training - results, name))[0]:>12} points")
# narrow = min(order, key=lambda chosen: (training - results)[chosen].mean())
# print(f"smallest gap: {short(*narrow)}; in validation accuracy it is number {8 - order.index(narrow)} of eight")

# %% [markdown]
# A small gap is no aim in itself. A net that has learned nothing has a gap of zero. What counts is the accuracy on images that the net has not seen, and the gap only tells where to look: at a large one, help the net to generalise; at a small one with low accuracy, help it to learn.

# %% [markdown]
# ## conclusion
#
# **Why.** An experiment ends with a sentence. Write it so that your own numbers can hold it to account: for each ingredient one of three claims, `"helps"`, `"hurts"` or `"cannot tell"`, about the mean of all twelve differences. You may type the claims, or let your function work them out from `results`.
#
# Your function returns two things: your claims, and the table that they rest on. It does not judge them. The check does that. It works out the means and their errors from your table by itself, with the rule of two errors, and asks four questions:
#
# - Is the table complete: eight recipes, three seeds or more, and no seed that repeats another?
# - Does a claim say the opposite of your numbers?
# - Does a claim say more than your numbers can?
# - Does a claim say less than your numbers can?
#
# A table with accuracies that are missing, or not between 0 and 1, supports no claim at all, and earns no point.
#
# **Example.** For numbers −0.4 ± 0.3 points, `"hurts"` says too much, `"cannot tell"` is right, and `"helps"` says too much, as well.
#
# <details><summary>Hint: where are the numbers?</summary>
#
# The lines below the figure of effects say it: the column "all twelve" has mean and error of each ingredient, and the last column the verdict. In code, it is `verdict(differences(results, name))`.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "conclusion", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conclusion():
    """Your conclusion and the table that it rests on.

    Write `claims` in place of the marked line: a dictionary that gives each of INGREDIENTS one of the words "helps", "hurts", "cannot tell".
    Returns (claims, results), results as `experiment` returned it.
    """
    ### BEGIN SOLUTION
    words = {1: "helps", 0: "cannot tell", -1: "hurts"}
    claims = {name: words[verdict(differences(results, name))[2]] for name in INGREDIENTS}
    ### END SOLUTION
    return claims, results


# %% [markdown]
# Now add what no check can grade. In your own words, in a cell of your own: what would you do with the next net, and why? And name one thing that your experiment did **not** show. Here are four candidates:
#
# - All recipes had the same learning rate. Chapter 05 has shown that batch normalisation bears a higher one. Tuned one by one, the recipes might come out in another order.
# - All had the same number of epochs. Dropout and augmentation slow learning down, and gain from a longer training.
# - There were 500 images. With more of them there is less to overfit.
# - Dropout had one place and one strength, and the moves had one size.
#
# You can change one of these in the experiment's cell, give it another file name, and run it again: `epochs=80`, for example: does augmentation look better when it has more time? Or `rate=0.01`, or `mirror=True`.

# %% [markdown]
# ## The test images, once
#
# The best of eight recipes is also the luckiest of eight. Its validation accuracy is a little too good to be true, because we have chosen it by that number. So now, at the very end, we ask the 2,000 test images. We train the best recipe anew, and for comparison the plain net, and a third one: the **plain** net with **all
# 10,000** images, twenty times as many, in the same number of steps. Which one will win?

# %% tags=["active-ipynb"]
# test = prepared(data.test_images, data.test_labels)
# everything = prepared(data.train_images, data.train_labels)
# best = max(np.ndindex(2, 2, 2), key=lambda chosen: results[chosen].mean())
# entries = {
#     "plain, 500 images": ((0, 0, 0), train, 40),
#     f"{short(*best)}, 500 images": (best, train, 40),
#     "plain, 10,000 images": ((0, 0, 0), everything, 2),
# }
# for name, (chosen, images, epochs) in entries.items():
#     scores = []
#     for seed in (10, 11, 12):
#         seed_everything(seed)
#         scores.append(100 * evaluate(trained(recipe(*chosen, fill=black), images, epochs=epochs, seed=seed), test)[1])
#     print(f"{name:24} test accuracy {np.mean(scores):.1f} ± {np.std(scores, ddof=1):.1f} %")

# %% [markdown]
# More data is the ingredient that the other three try to replace.

# %% tags=["active-ipynb"]
# widgets.question(
#     "A paper says: “Our new layer raises the accuracy from 93.1 % to 93.4 %.” One run each. What do you ask first?",
#     {
#         "How many layers has the net?": "Good to know, but it does not tell whether 0.3 points are more than luck.",
#         "How much do runs with different seeds differ?": "Yes. If seeds differ by 0.3 points as well, the sentence tells nothing. You have just measured how much they can differ.",
#         "Was a GPU used?": "The device hardly changes an accuracy.",
#         "Which batch size?": "It must be the same for both, of course. But even then one run each is one difference, and one difference has no error bar.",
#     },
#     answer="How much do runs with different seeds differ?",
# )

# %% tags=["active-ipynb"]
# widgets.question(
#     "Your verdict on an ingredient is “cannot tell”. Which sentence is right?",
#     {
#         "It has no effect.": "You do not know that. The effect may be small, or your error bar long.",
#         "Its effect is too small for this experiment to see.": "Yes. The error bar says how small: what you can exclude are effects beyond its ends.",
#         "The experiment has failed.": "It has answered: whatever this ingredient does here, it is less than about two standard errors.",
#         "With one more seed it will become “helps”.": "Perhaps. But if you add seeds until you like the answer, the rule of two errors no longer means what it says. Decide how many seeds you take before you look.",
#     },
#     answer="Its effect is too small for this experiment to see.",
# )

# %% tags=["active-ipynb"]
# widgets.predict(
#     "With 3 seeds (12 differences) a standard error is 0.4 points. How many seeds would bring it down to about 0.2 points?",
#     answer=12,
#     explain="The error shrinks with the square root: half the error needs four times the runs, so 12 seeds and 96 nets.",
#     unit="seeds",
#     hint="error = s/√n",
# )

# %% [markdown]
# ## The full experiment
#
# The same eight recipes for colour photos: CIFAR-10, 45,000 images to train on, 5,000 to compare the recipes on, full size, a net twice as wide, moves of up to four pixels, mirrored or not. Where PyTorch finds a GPU, the cell runs by itself. On a CPU it would take far too long, so there it only says so. The data set (170 MB) is looked for in your class's data folder first, and downloaded otherwise.
#
# Before you run it: with 45,000 images instead of 500, will dropout buy more or less? And mirroring: in which of the ten classes does a mirrored photo look odd?

# %% tags=["active-ipynb"]
# FULL = device().type != "cpu"
# if FULL:
#     photos = load_cifar10()
#     level, spread = photos.train_images[:45_000].mean() / 255, photos.train_images[:45_000].std() / 255
#     colour_train = prepared(photos.train_images[:45_000], photos.train_labels[:45_000], level, spread, shrink=1)
#     colour_validation = prepared(photos.train_images[45_000:], photos.train_labels[45_000:], level, spread, shrink=1)
#     colour_training, colour_results = experiment(
#         colour_train, colour_validation, Path("results_cifar10.safetensors"), epochs=15, fill=float(-level / spread), most=4, mirror=True, batch_size=128, channels=3, size=32, width=32
#     )
#     print(f"CIFAR-10, trained on {device()}")
#     for chosen in np.ndindex(2, 2, 2):
#         print(f"{short(*chosen):8} training {100 * colour_training[chosen].mean():.1f} %, validation {100 * colour_results[chosen].mean():.1f} ± {100 * colour_results[chosen].std(ddof=1):.1f} %")
#     for name in INGREDIENTS:
#         d = differences(colour_results, name)
#         print(f"{name:13} alone {say(d[0, 0])[0]}, on top {say(d[1, 1])[0]}, all {say(d)[0]} points: {say(d)[1]}")
# else:
#     print("This machine has no GPU that PyTorch can use: all figures above come from its CPU and from 500 images of Fashion-MNIST.")

# %% [markdown]
# ## What to take with you
#
# - Ingredients are not good or bad. They buy something for a certain net, with certain data, in certain company.
# - An experiment with all combinations uses every run several times, and shows who works together.
# - A number without an error bar is an anecdote. A guess that was not written down before is no guess.
# - Batch normalisation, dropout and augmentation all change when you call `eval()`. Forget the call, and you measure another net.
#
# **Next**: lab 03 looks for the learning rate and other settings, which here were given.
#
# **Sources.** S. Ioffe, C. Szegedy, *Batch Normalization*, ICML 2015 · N. Srivastava and others, *Dropout*, JMLR 2014 · R. A. Fisher, *The Design of Experiments*, 1935, for testing all combinations · H. Xiao, K. Rasul, R. Vollgraf, *Fashion-MNIST*, arXiv:1708.07747, 2017 (MIT licence) · A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009, for CIFAR-10 ·
# X. Bouthillier and others, *Accounting for Variance in Machine Learning Benchmarks*, MLSys 2021, for why seeds matter.
