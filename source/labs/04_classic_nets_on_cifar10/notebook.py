# ---
# jupyter:
#   convnets:
#     minutes: 120
#     budget_seconds: 180
#     libraries: pytorch
#     needs: [09_alexnet_zfnet, 10_vgg, 11_googlenet, 06_classic_architectures, 02_batchnorm_dropout_augmentation]
#     summary: LeNet, AlexNet, VGG and GoogLeNet on small images. What do accuracy, parameters, multiply-adds, memory and time have to do with each other?
# ---

# %% [markdown]
# # Classic nets on CIFAR-10
#
# LeNet-5 of 1998, AlexNet of 2012, VGG and GoogLeNet of 2014: each one was the best of its time. You have built all four in assignment 06. Now they race against each other, in small versions for images of 32×32 pixels, with the same data, the same number of steps, and several seeds.
#
# "Which one is the best?" is not one question. A net has an accuracy, but it also costs **parameters** (to store), **multiply-adds** (to compute), **activation memory** (to train), and **seconds**. These four are not the same thing, and you will see how little one says about another.
#
# **You will be able to**
#
# - measure all four costs of any net,
# - choose widths so that different nets cost the same, which makes a comparison fair,
# - find the nets that no other one beats in both accuracy and cost,
# - read a confusion matrix for the pairs of classes that a net mixes up,
# - draw a conclusion that your own numbers support.
#
# **Time** about 2 hours, of which the computer works for about a minute and a half on two CPU cores.
# **You need** assignment 06: this notebook takes your own nets from there. Without it you can do all exercises but not the race.
#
# Points are earned in five exercises. The last one is graded with *your* table of results.

# %%
import contextlib
import io
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn.functional import pad

from convnets import plots, widgets
from convnets.arithmetic import layer_table
from convnets.check import check
from convnets.data import load_cifar10, load_fashion_mnist, sources_report
from convnets.own_code import functions_from
from convnets.plots import PALETTE, show
from convnets.results import load_results, save_results
from convnets.train import device, fit, one_cycle, predict, seed_everything

NAMES = ("LeNet-5", "AlexNet", "VGG-11", "GoogLeNet")

# %% [markdown]
# ## The nets
#
# They are **your** functions, with smaller numbers: AlexNet and GoogLeNet with `small_images=True`, so that the first layers do not shrink a small image to nothing, VGG with `image_size=32` and batch normalisation, GoogLeNet in the variant with batch normalisation and without its auxiliary heads. LeNet-5 is as it was, but for colours.
#
# One number, `width`, makes three of them a family: it is the number of filters of the first convolution, 64 in the originals. All other layers grow and shrink with it.

# %%
def families(lenet5, alexnet, vgg, googlenet, in_channels=3):
    """{name: function of a width → net for images of in_channels×32×32}, made with the four functions of assignment 06. LeNet-5 has no width."""
    common = {"classes": 10, "in_channels": in_channels}
    return {
        "LeNet-5": lambda width: lenet5(**common),
        "AlexNet": lambda width: alexnet(**common, width=width, hidden=16 * width, small_images=True),
        "VGG-11": lambda width: vgg(11, **common, width=width, hidden=8 * width, image_size=32, batchnorm=True),
        "GoogLeNet": lambda width: googlenet(**common, width=width, auxiliary=False, variant="torchvision", small_images=True),
    }


# %% tags=["active-ipynb"]
# at_hand = next(source for source in sources_report() if "cifar10" in source.loader).found
# channels = 3 if at_hand else 1
# try:
#     zoo = families(*functions_from("06_classic_architectures", "lenet5", "alexnet", "vgg", "googlenet"), in_channels=channels)
#     print("Your four nets are here.")
# except (FileNotFoundError, NotImplementedError) as reason:
#     zoo = {}
#     print(f"{reason} Until then you can do the exercises; the race waits.")

# %% [markdown]
# ## costs
#
# **Why.** Before a net is trained, three of its four costs can be counted. `layer_table(net, image_shape)` of the course's library goes through a net, and its `.total` holds the sums over all layers: `parameters`, `multiply_adds` for one image, and `activation_bytes`, the float32 outputs of all layers for one image.
#
# Training keeps the outputs of all layers, for **every** image of the batch, because the backward pass needs them. Parameters are there once, however many images there are.
#
# **Example.** One convolution with 10 filters of 5×5, padding 2, on 3×32×32: 760 parameters, $10 \cdot 75 \cdot 1024 = 768{,}000$ multiply-adds for an image, and the input and output maps. With a batch of 8 images the third number is eight times as large as with one image; the other two stay.
#
# <details><summary>Hint: what to import</summary>
#
# `layer_table` is imported already. `layer_table(net, (3, 32, 32)).total.parameters` is a whole number.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "costs", "locked": false, "schema_version": 3, "solution": true, "task": false}
def costs(net, image_shape, batch=1):
    """What a net costs before it is trained.

    net: nn.Module. image_shape: (C, H, W) of one image. batch: int, images in a batch of training

    Returns (parameters, multiply_adds, activation_bytes): whole numbers; multiply_adds for one image, activation_bytes for the whole batch.
    """
    ### BEGIN SOLUTION
    total = layer_table(net, image_shape).total
    return total.parameters, total.multiply_adds, batch * total.activation_bytes
    ### END SOLUTION


# %% tags=["active-ipynb"]
# SMALL = 8
# try:
#     table = {name: costs(make(SMALL), (channels, 32, 32), batch=64) for name, make in zoo.items()}
# except NotImplementedError as reason:
#     print(reason)
# else:
#     for i, (title, unit) in enumerate((("parameters", ""), ("multiply-adds for one image", ""), ("activation memory for a batch of 64 images", "bytes"))):
#         if table:
#             words = ", ".join(f"{name} {cost[i]:,}" for name, cost in table.items())
#             show(plots.bars({name: cost[i] for name, cost in table.items()}, unit=unit, title=title), alt=f"Bars of {title}: {words}.")

# %% [markdown]
# Three costs, three orders. The net with the most parameters is not the one that computes most. Which layer type makes the difference? In assignment 06 you saw it: fully connected layers hold parameters, convolutions on large maps do the work.

# %% tags=["active-ipynb"]
# widgets.question(
#     "GoogLeNet has the fewest parameters of the three larger nets, and by far the most activation memory. How can that be?",
#     {
#         "It has no large fully connected layer, and many layers on large maps": "Yes. Parameters sit in wide layers, activations in many large maps. One says little about the other.",
#         "Its filters are larger": "Most of its filters are 1×1. Count maps, not kernels.",
#         "Batch normalisation stores a copy of everything": "It adds outputs of its own, but VGG has it as well.",
#     },
#     answer="It has no large fully connected layer, and many layers on large maps",
# )

# %% [markdown]
# ## widest
#
# **Why.** A fat net often beats a thin one, whatever it is called. So a comparison of AlexNet with VGG says nothing as long as one of them is allowed to compute ten times as much. A fair race gives every family the **same budget** of multiply-adds, and lets each use the largest width that fits.
#
# `make_net` is a function of the width. Of the widths that are offered, in any order, find the largest one whose net needs at most `budget` multiply-adds for one image. A net that hits the budget exactly fits.
#
# **Example.** Widths 8, 16, 32 need 3, 11.5 and 45 million. With a budget of 12 million the answer is 16; with 45 million exactly it is 32. With 1 million nothing fits: raise ValueError.
#
# <details><summary>Hint: only the shapes matter</summary>
#
# You can make a net, ask for its costs, and throw it away. `max(…, default=None)` of the widths that fit is all you need.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "widest", "locked": false, "schema_version": 3, "solution": true, "task": false}
def widest(make_net, image_shape, budget, widths):
    """The largest of some widths whose net keeps within a budget of multiply-adds.

    make_net: function of a width, an int → nn.Module. image_shape: (C, H, W). budget: multiply-adds for one image. widths: ints in any order

    Returns one of the widths. Raises ValueError when none fits.
    """
    ### BEGIN SOLUTION
    fitting = [width for width in widths if layer_table(make_net(width), image_shape).total.multiply_adds <= budget]
    if not fitting:
        raise ValueError(f"no width of {sorted(widths)} keeps within {budget:,} multiply-adds")
    return max(fitting)
    ### END SOLUTION


# %% tags=["active-ipynb"]
# WIDTHS = (8, 16, 24, 32, 48, 64)
# try:
#     for budget in (3_000_000, 30_000_000, 100_000_000):
#         print(f"budget {budget:>11,} multiply-adds")
#         for name in list(zoo)[1:]:
#             try:
#                 width = widest(zoo[name], (channels, 32, 32), budget, WIDTHS)
#                 print(f"    {name:10} width {width:3}: {costs(zoo[name](width), (channels, 32, 32))[1]:>11,}")
#             except ValueError:
#                 print(f"    {name:10} even the thinnest one needs more")
# except NotImplementedError as reason:
#     print(reason)

# %% [markdown]
# ## The race
#
# On a CPU, all nets run with width 8, and you will see their costs beside their accuracy. **1,500** images are trained on, four times each; 1,500 other images are the judges. That is a sprint. It says who learns fast from little, not who is the best in the end.
#
# With CIFAR-10 at hand, these are colour photos. Without it, a CPU takes the clothes that come with the course, with a black border that makes 32×32 of 28×28.

# %%
def prepared(images, labels, mean, std):
    """uint8 images (N, H, W) or (N, 32, 32, C) → (float tensor (N, C, 32, 32), centred and scaled, int64 tensor (N,))."""
    x = torch.from_numpy(images).float() / 255
    x = x.unsqueeze(1) if x.ndim == 3 else x.permute(0, 3, 1, 2).contiguous()
    x = pad(x, ((32 - x.shape[3]) // 2,) * 2 + ((32 - x.shape[2]) // 2,) * 2)
    return (x - mean) / std, torch.from_numpy(labels)


def raced(net, train, validation, *, epochs, seed, rate=2e-3, batch_size=64):
    """Train a net. Returns (validation accuracy after each epoch (epochs,), seconds of training, predicted classes (N,))."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=1e-2)
    with contextlib.redirect_stdout(io.StringIO()):  # no line for every epoch of every run
        start = time.perf_counter()
        history = fit(net, train, validation, epochs=epochs, optimizer=optimizer, batch_size=batch_size, schedule=one_cycle, seed=seed, channels_last=True, panel=False)
    if history.stopped:
        raise KeyboardInterrupt("stopped; run the cell again to go on")
    return np.array(history.validation_accuracy), time.perf_counter() - start, predict(net, validation[0]).argmax(dim=1).numpy()


def experiment(nets, train, validation, path, *, epochs, seeds=3, **settings):
    """Train every net with every seed. Returns a dictionary of arrays, saved at `path` after each run; runs that are there already are not made again.

    nets: {name: function without arguments that makes a net}
    accuracy: (nets, seeds, epochs), after each epoch. seconds: (nets, seeds). confusion: (nets, seeds, 10, 10), rows are the true classes. costs: (nets, 3), as `costs` gives them for a batch of 64.
    """
    shape = tuple(train[0].shape[1:])
    table = {
        "accuracy": np.full((len(nets), seeds, epochs), np.nan),
        "seconds": np.full((len(nets), seeds), np.nan),
        "confusion": np.zeros((len(nets), seeds, 10, 10), dtype=np.int64),
        "costs": np.array([costs(make(), shape, 64) for make in nets.values()]),
    }
    if found := load_results(path):
        if found["accuracy"].shape != table["accuracy"].shape:
            raise ValueError(f"{path} holds runs of the shape {found['accuracy'].shape}, not {table['accuracy'].shape}: delete it to run the experiment anew")
        table = {name: values.copy() for name, values in found.items()}
    for seed in range(seeds):
        for i, (name, make) in enumerate(nets.items()):
            if np.isfinite(table["accuracy"][i, seed]).all():
                continue
            seed_everything(seed)
            curve, seconds, predicted = raced(make(), train, validation, epochs=epochs, seed=seed, **settings)
            table["accuracy"][i, seed], table["seconds"][i, seed] = curve, seconds
            np.add.at(table["confusion"][i, seed], (validation[1].numpy(), predicted), 1)
            save_results(path, **table)
            print(f"seed {seed}, {name:10} {curve[-1]:.1%}, {seconds:.0f} s", flush=True)
    return table


# %% [markdown]
# **Write your guess down.** In which order will they arrive after four rounds? Put the names in the order that you expect, the best one first. Will the youngest win?

# %% tags=["active-ipynb"]
# guess = ("LeNet-5", "AlexNet", "VGG-11", "GoogLeNet")

# %% [markdown]
# The table is saved beside this notebook as `race.safetensors`, and you hand it in with it. **Delete the file when you have changed one of your nets.**

# %% tags=["active-ipynb"]
# torch.set_num_threads(1)  # nets this small gain little from a second thread, and lose much when the machine is busy
# data = load_cifar10(sheets=3) if at_hand else load_fashion_mnist()
# level, spread = data.train_images[:1500].mean() / 255, data.train_images[:1500].std() / 255
# train, validation = (prepared(data.train_images[part], data.train_labels[part], level, spread) for part in (slice(1500), slice(1500, 3000)))
# DATA = "CIFAR-10" if at_hand else "Fashion-MNIST"
# results = load_results("race.safetensors")
# if zoo:
#     try:
#         results = experiment({name: lambda make=make: make(SMALL) for name, make in zoo.items()}, train, validation, Path("race.safetensors"), epochs=4)
#     except NotImplementedError as reason:
#         print(reason)
# print(f"{DATA}: {len(train[1]):,} images to train on, {len(validation[1]):,} judges" if results else "There are no results yet.")

# %% tags=["active-ipynb"]
# STYLES = dict(zip(NAMES, (("black", "o", ":"), ("vermillion", "s", "-."), ("blue", "^", "--"), ("green", "D", "-")), strict=True))
# if results:
#     fig, ax = plt.subplots(figsize=(8, 3.4))
#     rounds = np.arange(1, results["accuracy"].shape[2] + 1)
#     for name, runs in zip(NAMES, 100 * results["accuracy"], strict=True):
#         colour, marker, line = STYLES[name]
#         ax.plot(rounds, runs.mean(axis=0), line, marker=marker, color=PALETTE[colour], label=name)
#         ax.fill_between(rounds, runs.min(axis=0), runs.max(axis=0), color=PALETTE[colour], alpha=0.15, linewidth=0)
#     ax.axhline(10, color="#767676", linewidth=1)
#     ax.annotate("guessing", (rounds[-1], 10), xytext=(0, 4), textcoords="offset points", ha="right", fontsize=9)
#     ax.set(xlabel="epoch", ylabel="validation accuracy in %", xticks=rounds)
#     ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
#     final = 100 * results["accuracy"][:, :, -1]
#     told = "; ".join(f"{name} {row.mean():.1f} ± {row.std(ddof=1):.1f} %" for name, row in zip(NAMES, final, strict=True))
#     show(fig, alt=f"Learning curves of the four nets, mean and range of the seeds. At the end: {told}.")
#     print(f"{'':10}{'accuracy in %':>16}{'parameters':>12}{'multiply-adds':>15}{'memory, batch 64':>18}{'seconds':>9}   on {DATA}, CPU")
#     for i, name in enumerate(NAMES):
#         parameters, multiply_adds, memory = results["costs"][i]
#         print(f"{name:10}{final[i].mean():>9.1f} ± {final[i].std(ddof=1):<4.1f}{parameters:>12,}{multiply_adds:>15,}{memory / 1e6:>15.1f} MB{results['seconds'][i].mean():>9.1f}")

# %% [markdown]
# ## not_beaten
#
# **Why.** Should you take the net with 38 % and 3 million multiply-adds, or the one with 41 % and 7 million? That depends on what you have. But there are nets that *nobody* should take: another one is at least as accurate **and** at least as cheap, and better in one of the two. Such a net is **beaten**. Those that nobody beats form the *Pareto front*. It is the honest answer to "which is the best".
#
# **Example.** Accuracies 0.3, 0.4, 0.4, 0.5 and costs 1, 3, 2, 9: the second net is beaten by the third (as accurate, and cheaper). The others are not beaten: the result is (true, false, true, true). Two nets that agree in both numbers do not beat each other.
#
# <details><summary>Hint: one net against all</summary>
#
# For net i: `as_good = (accuracy >= accuracy[i]) & (cost <= cost[i])`, and `better = (accuracy > accuracy[i]) | (cost < cost[i])`. It is beaten when both hold for some net.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "not_beaten", "locked": false, "schema_version": 3, "solution": true, "task": false}
def not_beaten(accuracy, cost):
    """Which nets no other one beats: at least as accurate, at most as expensive, and better in one of the two.

    accuracy: float array (N,), more is better. cost: array (N,), less is better

    Returns a bool array (N,).
    """
    ### BEGIN SOLUTION
    accuracy, cost = np.asarray(accuracy), np.asarray(cost)
    as_good = (accuracy[:, None] >= accuracy) & (cost[:, None] <= cost)
    better = (accuracy[:, None] > accuracy) | (cost[:, None] < cost)
    return ~(as_good & better).any(axis=0)
    ### END SOLUTION


# %% [markdown]
# Now the picture that you find in many papers. Each bubble is a net; its area shows the parameters. Filled bubbles are on the front, empty ones are beaten. Compare the three panels: does the front change with the kind of cost?

# %% tags=["active-ipynb"]
# KINDS = {"multiply-adds for one image": lambda table: table["costs"][:, 1], "activation bytes, batch of 64": lambda table: table["costs"][:, 2], "seconds of training": lambda table: table["seconds"].mean(axis=1)}
#
#
# def bubbles(table):
#     mean, spread = 100 * table["accuracy"][:, :, -1].mean(axis=1), 100 * table["accuracy"][:, :, -1].std(axis=1, ddof=1)
#     fig, axes = plt.subplots(1, 3, figsize=(10, 3.8), sharey=True)
#     for ax, (title, of) in zip(axes, KINDS.items(), strict=True):
#         best = not_beaten(mean, of(table))
#         for i, name in enumerate(NAMES):
#             colour = PALETTE[STYLES[name][0]]
#             ax.errorbar(of(table)[i], mean[i], yerr=2 * spread[i] / np.sqrt(table["seconds"].shape[1]), fmt="none", ecolor=colour, capsize=3)
#             ax.scatter(of(table)[i], mean[i], s=table["costs"][i, 0] / table["costs"][:, 0].max() * 700, facecolor=colour if best[i] else "white", edgecolor=colour, linewidth=2, alpha=0.85)
#             last = of(table)[i] == of(table).max()
#             ax.annotate(name, (of(table)[i], mean[i]), xytext=(-19 if last else 19, 0), textcoords="offset points", ha="right" if last else "left", va="center", fontsize=9)
#         ax.set(xscale="log", xlabel=title)
#         ax.minorticks_off()
#         ax.margins(0.25)
#         ax.grid(axis="y")
#     axes[0].set_ylabel("validation accuracy in %")
#     return fig
#
#
# if results:
#     try:
#         fronts = {title: [name for name, there in zip(NAMES, not_beaten(results["accuracy"][:, :, -1].mean(axis=1), of(results)), strict=True) if there] for title, of in KINDS.items()}
#         fig = bubbles(results)
#     except NotImplementedError as reason:
#         print(reason)
#     else:
#         show(fig, alt="Accuracy against three costs, a bubble for each net, its area the parameters, bars of two standard errors. Not beaten: " + "; ".join(f"by {title}: {', '.join(front)}" for title, front in fronts.items()) + ".")
#         for title, front in fronts.items():
#             print(f"not beaten, {title}: {', '.join(front)}")

# %% [markdown]
# Multiply-adds were counted, seconds were measured, and they do not agree. Many thin layers, one after the other, keep a processor less busy than few fat ones. What you count is not what you wait for.

# %% [markdown]
# ## confused_pairs
#
# **Why.** A number such as 40 % does not say *what* goes wrong. The confusion matrix does: row i, column j counts the images of class i that were taken for class j. Cats taken for dogs and dogs taken for cats are the same problem, so the two counts belong together.
#
# For every pair of two different classes i < j, add both counts. Return the pairs with the largest sums, the largest first. Of equal sums, the pair with the smaller i comes first, then the one with the smaller j.
#
# **Example.** The matrix
#
# ```
#   5 2 0
#   1 6 4
#   0 3 7
# ```
#
# has the pairs (0, 1) with 2 + 1 = 3, (0, 2) with 0, and (1, 2) with 4 + 3 = 7. For `count` 2 the result is [[1, 2], [0, 1]].
#
# <details><summary>Hint: a list of pairs</summary>
#
# `matrix + matrix.T` holds the sums. Make a list of (−sum, i, j) for all i < j and sort it: Python sorts tuples by their first entry, and equal ones by the next.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "confused_pairs", "locked": false, "schema_version": 3, "solution": true, "task": false}
def confused_pairs(matrix, count):
    """The pairs of classes that are mixed up most often, in either direction.

    matrix: int array (K, K), row i, column j: how many images of class i were taken for class j; not to be modified. count: how many pairs, at most K(K − 1)/2

    Returns an int array (count, 2): pairs i < j, most often first; of equals the smaller i first, then the smaller j.
    """
    ### BEGIN SOLUTION
    both = matrix + matrix.T
    pairs = sorted((-both[i, j], i, j) for i in range(len(both)) for j in range(i + 1, len(both)))
    return np.array([pair[1:] for pair in pairs[:count]])
    ### END SOLUTION


# %% tags=["active-ipynb"]
# if results:
#     winner = int(results["accuracy"][:, :, -1].mean(axis=1).argmax())
#     matrix = results["confusion"][winner].sum(axis=0)
#     show(plots.confusion_matrix(matrix, data.classes), alt=f"Confusion matrix of {NAMES[winner]}, all seeds together. The diagonal is strongest.")
#     try:
#         for i, j in confused_pairs(matrix, 4):
#             print(f"{data.classes[i]} and {data.classes[j]}: {matrix[i, j]} + {matrix[j, i]} times")
#     except NotImplementedError as reason:
#         print(reason)

# %% [markdown]
# Are these pairs that you would mix up, too, at 32×32 pixels? Some are alike in shape, others only in their background.

# %% [markdown]
# ## conclusion
#
# **Why.** Now say what your race has shown. Fill in three things:
#
# - `"best"`: the net with the highest mean accuracy after the last epoch.
# - `"beyond luck"`: `"yes"` or `"no"`. Take the best net and the second best one, and their differences seed by seed. Is the mean difference more than two of its standard errors? (Lab 02's rule.)
# - `"front"`: the names of all nets that are not beaten, by mean accuracy and multiply-adds for one image.
#
# You may type them, or let your function work them out from `results`: the final accuracies are `results["accuracy"][:, :, -1]`, a row for each net and a column for each seed, and the multiply-adds `results["costs"][:, 1]`. It returns the claims, the final accuracies (nets, seeds), and the multiply-adds. The check works everything out from these numbers, and tells you where your sentence does not follow.
#
# **Example.** Best 0.41, 0.42, 0.43, second best 0.40, 0.40, 0.41: the differences 0.01, 0.02, 0.02 have the mean 0.0167 and the standard error 0.0033. The mean is five errors: `"yes"`.
#
# <details><summary>Hint: sorted by mean</summary>
#
# With `accuracy = results["accuracy"][:, :, -1]`, `order = accuracy.mean(axis=1).argsort()[::-1]` gives the numbers of the nets, the best one first. `NAMES[order[0]]` is its name.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "conclusion", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conclusion():
    """Your claims and the numbers that they rest on.

    Write `claims` in place of the marked line: a dictionary with "best" (one of NAMES), "beyond luck" ("yes" or "no") and "front" (a list of names).
    Returns (claims, accuracies (nets, seeds), multiply-adds (nets,)), the numbers as `experiment` returned them.
    """
    ### BEGIN SOLUTION
    accuracy, multiply_adds = results["accuracy"][:, :, -1], results["costs"][:, 1]
    first, second = accuracy.mean(axis=1).argsort()[::-1][:2]
    d = accuracy[first] - accuracy[second]
    claims = {
        "best": NAMES[first],
        "beyond luck": "yes" if d.mean() > 2 * d.std(ddof=1) / np.sqrt(len(d)) else "no",
        "front": [name for name, there in zip(NAMES, not_beaten(accuracy.mean(axis=1), multiply_adds), strict=True) if there],
    }
    ### END SOLUTION
    return claims, results["accuracy"][:, :, -1], results["costs"][:, 1]


# %% [markdown]
# Now name, in a cell of your own, one thing that this race did **not** show. Three candidates: all nets had the same learning rate, and nobody tuned it for each. All had four epochs; AlexNet without batch normalisation starts slowly. And width 8 is an eighth of the originals: large nets may rank differently.

# %% [markdown]
# ## The full experiment
#
# With a GPU, the cell below runs a fair race: every family with **the largest width within 100 million multiply-adds**, chosen by your `widest`, all 45,000 training images of CIFAR-10, 5,000 judges, thirty epochs, three seeds. Without a GPU it says so, and shows no numbers.

# %%
FULL_BUDGET, FULL_WIDTHS = 100_000_000, (8, 16, 24, 32, 48, 64)


def fair(nets, image_shape, budget=FULL_BUDGET, widths=FULL_WIDTHS):
    """{name: function that makes the widest net of each family within the budget}."""
    chosen = {name: widest(make, image_shape, budget, widths) for name, make in nets.items()}
    return {name: lambda make=make, width=chosen[name]: make(width) for name, make in nets.items()}


# %% tags=["active-ipynb"]
# if device().type != "cpu" and zoo:
#     photos = load_cifar10()
#     level, spread = photos.train_images[:45_000].mean() / 255, photos.train_images[:45_000].std() / 255
#     whole, judges = (prepared(photos.train_images[part], photos.train_labels[part], level, spread) for part in (slice(45_000), slice(45_000, 50_000)))
#     full_zoo = families(*functions_from("06_classic_architectures", "lenet5", "alexnet", "vgg", "googlenet"))
#     full = experiment(fair(full_zoo, (3, 32, 32)), whole, judges, Path("race_full.safetensors"), epochs=30, batch_size=256, rate=3e-3)
#     print(f"CIFAR-10, trained on {device()}")
#     for name, runs, (parameters, multiply_adds, _), seconds in zip(NAMES, full["accuracy"], full["costs"], full["seconds"], strict=True):
#         print(f"{name:10} {100 * runs[:, -1].mean():.1f} ± {100 * runs[:, -1].std(ddof=1):.1f} %, {parameters:,} parameters, {multiply_adds:,} multiply-adds, {seconds.mean():.0f} s")
#     show(bubbles(full), alt="The full race: accuracy against three costs, a bubble for each net.")
# else:
#     print(f"No GPU that PyTorch can use, or no nets: all figures above come from this machine's CPU and 1,500 images of {DATA}.")

# %% tags=["active-ipynb"]
# widgets.question(
#     "A phone has little memory and a fast processor. Which number of a net do you look at first?",
#     {
#         "Multiply-adds": "The processor is fast. Something else is scarce.",
#         "Parameters, and the largest activations": "Yes. Parameters must be stored and loaded, and the activations of a layer must fit at once. Backward passes do not happen there.",
#         "Seconds on your laptop": "Another processor, other seconds.",
#     },
#     answer="Parameters, and the largest activations",
# )

# %% tags=["active-ipynb"]
# widgets.question(
#     "Net A: 41.0 %, 7 million multiply-adds. Net B: 40.6 %, 3 million. Their seeds differ by 1 point. Which net is “better”?",
#     {
#         "A, its accuracy is higher": "0.4 points are less than what seeds differ by. You cannot tell that it is more accurate.",
#         "B: as far as one can tell as accurate, and cheaper": "Yes. Where accuracies cannot be told apart, the cost decides.",
#         "Neither, one must try more epochs": "More epochs answer another question. With these numbers you can decide.",
#     },
#     answer="B: as far as one can tell as accurate, and cheaper",
# )

# %% tags=["active-ipynb"]
# widgets.predict(
#     "Doubling the width of all layers of a convolutional net multiplies the multiply-adds of its inner convolutions by …",
#     answer=4,
#     explain="Twice the input channels and twice the filters: 2 · 2 = 4. Only the first layer, whose input stays 3 channels, doubles.",
#     hint="input channels × filters",
# )

# %% [markdown]
# ## What to take with you
#
# - Parameters, multiply-adds, activation memory and seconds are four different costs.
# - Compare nets at the same cost, or show the cost beside the accuracy.
# - The front of nets that nobody beats is a better answer than one winner.
# - In a short race, what learns fast wins. Batch normalisation helps there; age alone says little.
#
# **Next**: lab 05 asks why one cannot simply go on stacking layers, and what residual connections change.
#
# **Sources.** Y. LeCun and others, *Gradient-based learning applied to document recognition*, 1998 · A. Krizhevsky, I. Sutskever, G. Hinton, *ImageNet Classification with Deep Convolutional Neural Networks*, 2012 · K. Simonyan, A. Zisserman, *Very Deep Convolutional Networks for Large-Scale Image Recognition*, 2015 · C. Szegedy and others, *Going Deeper with Convolutions*, 2015 ·
# A. Canziani, A. Paszke, E. Culurciello, *An Analysis of Deep Neural Network Models for Practical Applications*, 2016, for the bubble plot · A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009, for CIFAR-10.
