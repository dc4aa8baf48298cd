# ---
# jupyter:
#   convnets:
#     minutes: 150
#     budget_seconds: 240
#     needs: [06_optimization, 07_regularization, 04_training, 01_lenet_on_fashion_mnist]
#     summary: Learning rate, weight decay, dropout — search for them with a method, stop early, and ask the test images once.
# ---

# %% [markdown]
# # Finding hyperparameters
#
# Training finds the weights. Who finds the learning rate? You do, and every try costs a training. So the question of this lab is: **you can afford a few trainings; which ones do you run, and what may you say afterwards?**
#
# **You will be able to**
#
# - draw settings on the right scale, and lay a grid of a given budget;
# - measure whether random search beats a grid, with repetitions and an error bar, and say what your numbers allow you to say;
# - go from coarse to fine, stop a training early, and drop bad settings after one epoch;
# - choose by validation, and ask the test images once.
#
# **Time** about 2½ hours, of which the computer trains for about two minutes on a CPU.
# **You need** chapters 06 and 07. Assignment 04 has the one-dimensional cousins of two exercises.
#
# Points are earned in eight exercises. The fourth holds *your* conclusion against *your* numbers.

# %%
import contextlib
from pathlib import Path

import numpy as np

from convnets.check import check
from convnets.results import load_results, save_results


# %%
@contextlib.contextmanager
def exploring():
    """For cells that play with your functions: says what is still to be done first."""
    try:
        yield
    except NotImplementedError as missing:
        print(f"This cell comes alive later: {missing}.")


# %% [markdown]
# ## What is searched
#
# Three hyperparameters of a small convolutional net, trained by SGD with momentum 0.9:
#
# | hyperparameter | from | to | scale |
# |:--|--:|--:|:--|
# | learning rate | 0.00001 | 10 | logarithmic |
# | weight decay | 0.000001 | 0.01 | logarithmic |
# | dropout, before the last layer | 0 | 0.6 | even |
#
# You see a **space**: for each hyperparameter a name, both ends, and a scale. The next cell writes it down.

# %%
SPACE = (
    ("learning rate", 1e-5, 10.0, "log"),
    ("weight decay", 1e-6, 1e-2, "log"),
    ("dropout", 0.0, 0.6, "even"),
)

# %% [markdown]
# Six powers of ten for the learning rate: that is what a space looks like when you do not know the problem yet.
#
# The net is small on purpose: two convolutions and one linear layer, so that you can train it hundreds of times. On a CPU it sees 1,280 of the training images (20 batches of 64); 2,000 others are for **validation**, which means for choosing. The test images wait
# until the very end.
#
# With a GPU the lab does the full experiment: 50,000 images to train and 10,000 to choose by. The cell says which one you get, and every figure below comes from that one.

# %% tags=["active-ipynb"]
# import time
#
# import matplotlib.pyplot as plt
# import torch
# from torch import nn
# from torch.nn.functional import cross_entropy
#
# from convnets import widgets
# from convnets.data import load_fashion_mnist
# from convnets.plots import PALETTE, show
# from convnets.train import device
#
# torch.set_num_threads(1)  # in so small a net there is nothing for a second thread to do
# FULL = device().type != "cpu"
# WHERE = device()
# PLAN = {"train": 50_000, "validation": 10_000} if FULL else {"train": 1_280, "validation": 2_000}
# data = load_fashion_mnist(full=FULL)
#
#
# def prepared(images, labels, mean, std):
#     """Normalised images (N, 1, 28, 28) and labels (N,), where the net is trained."""
#     pixels = (torch.from_numpy(images).float() / 255 - mean) / std
#     return pixels[:, None].to(WHERE), torch.from_numpy(labels).to(WHERE)
#
#
# n, v = PLAN["train"], PLAN["validation"]
# statistics = data.train_images[:n].mean() / 255, data.train_images[:n].std() / 255
# train = prepared(data.train_images[:n], data.train_labels[:n], *statistics)
# validation = prepared(data.train_images[-v:], data.train_labels[-v:], *statistics)
# test = prepared(data.test_images, data.test_labels, *statistics)
# print(f"{'Full' if FULL else 'Small'} version, on {WHERE}: {n:,} images to train, {v:,} to choose by, {len(test[1]):,} for the end.")

# %% [markdown]
# A **run** is one net in training. Read the class: its methods are all that this lab asks of a net. The same setting and the same seed always give the same run, whatever else is trained in between. A run *breaks* when its steps are so long that the weights become infinite. Then its accuracy is NaN, not a number.

# %% tags=["active-ipynb"]
# class Run:
#     """A net in training. setting: (learning rate, weight decay, dropout). seed: decides first weights, order of the images and dropout masks."""
#
#     def __init__(self, setting, seed):
#         rate, decay, dropout = map(float, setting)
#         torch.manual_seed(seed)
#         layers = [nn.Conv2d(1, 8, 5, stride=2), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2), nn.ReLU(), nn.Flatten()]
#         self.net = nn.Sequential(*layers, nn.Dropout(dropout), nn.Linear(16 * 5 * 5, 10)).to(WHERE)
#         self.optimizer = torch.optim.SGD(self.net.parameters(), lr=rate, momentum=0.9, weight_decay=decay)
#         self.seed, self.epochs = seed, 0
#
#     def train(self, epochs):
#         """Train for so many more epochs, and return the validation accuracy in percent."""
#         self.net.train()
#         for _ in range(epochs):
#             torch.manual_seed(1000 * self.seed + self.epochs)
#             self.epochs += 1
#             for rows in torch.randperm(len(train[1])).to(WHERE).split(64):
#                 loss = cross_entropy(self.net(train[0][rows]), train[1][rows])
#                 self.optimizer.zero_grad()
#                 loss.backward()
#                 self.optimizer.step()
#         return self.accuracy(validation)
#
#     def epoch(self):
#         """Train for one more epoch, and return the validation accuracy in percent."""
#         return self.train(1)
#
#     def accuracy(self, images_and_labels):
#         """Accuracy in percent; NaN when the run has broken."""
#         images, labels = images_and_labels
#         self.net.eval()
#         with torch.no_grad():
#             logits = self.net(images)
#         return 100 * (logits.argmax(1) == labels).float().mean().item() if logits.isfinite().all() else float("nan")
#
#     def keep(self):
#         """Put a copy of the weights aside."""
#         self.kept = {name: value.clone() for name, value in self.net.state_dict().items()}
#
#     def go_back(self):
#         """Take the weights that were kept last."""
#         self.net.load_state_dict(self.kept)
#
#
# for rate in (0.0001, 0.01, 1):
#     started, run = time.perf_counter(), Run((rate, 1e-4, 0.1), seed=0)
#     scores = [run.epoch() for _ in range(3)]
#     print(f"learning rate {rate:6}: validation accuracy after 1, 2, 3 epochs: " + ", ".join(f"{s:.1f} %" for s in scores) + f"   ({time.perf_counter() - started:.1f} s)")

# %% [markdown]
# Three learning rates, and three different worlds. One decides whether the net learns slowly, well, or nothing. This is why one searches.

# %% tags=["active-ipynb"]
# widgets.question(
#     "You may run 8 trainings. There are three hyperparameters. How many different learning rates does a grid of 2×2×2 try?",
#     {
#         "2": "Yes. Each of the two learning rates is trained four times, with other decays and dropouts.",
#         "3": "Three is the number of axes. On each of them the grid has two values.",
#         "8": "That would be random search: eight settings, eight different learning rates.",
#     },
#     answer="2",
# )

# %% [markdown]
# ## place
#
# **Why.** It helps to think of every search as points in a **unit cube**, with one axis for each hyperparameter. A point says how far along each axis one goes: 0 is the low end, 1 the high end. Then grid and random search differ only in their points, and one function turns points into settings.
#
# - On an **even** axis the point ½ is the middle: from 0 to 0.6 it is 0.3.
# - On a **log** axis equal steps are equal *factors*: from 0.0001 to 1 the point ½ is 0.01. Both ends must be positive.
#
# **Example.** In `SPACE`, the point (0.5, 0.5, 0.5) is the setting with learning rate 0.01, weight decay 0.0001 and dropout 0.3.
#
# <details><summary>Hint 1: columns</summary>
#
# `points` is (N, D): each row is a setting, each **column** an axis. Go through the axes, and treat `points[:, axis]` at once.
# </details>
# <details><summary>Hint 2: equal factors</summary>
#
# `low * (high / low) ** column`. Try it for column 0, ½ and 1.
# </details>


# %% nbgrader={"grade": false, "grade_id": "place", "locked": false, "schema_version": 3, "solution": true, "task": false}
def place(space, points):
    """Turn points of the unit cube into settings.

    space: D tuples (name, low, high, scale), scale "even" or "log". points: (N, D), numbers from 0 to 1; stays as it is.
    Returns (N, D), floats: low for 0, high for 1, in between evenly, or for "log" such that the logarithms are spread evenly.
    Raises ValueError for any other scale, and for "log" with an end that is not positive.
    """
    ### BEGIN SOLUTION
    settings = np.empty(points.shape)
    for axis, (name, low, high, scale) in enumerate(space):
        if scale == "even":
            settings[:, axis] = low + (high - low) * points[:, axis]
        elif scale == "log" and min(low, high) > 0:
            settings[:, axis] = low * (high / low) ** points[:, axis]
        else:
            raise ValueError(f"{name}: the scale must be even, or log with positive ends, not {scale!r} from {low} to {high}")
    return settings
    ### END SOLUTION


# %% [markdown]
# ### Two scales
#
# Twelve learning rates, drawn evenly and drawn on the log scale. **Predict:** how many of the evenly drawn ones are below 0.01?

# %% tags=["active-ipynb"]
# with exploring():
#     draws = np.random.default_rng(2).random((12, 1))
#     rates = {scale: place((("learning rate", 1e-4, 1.0, scale),), draws)[:, 0] for scale in ("even", "log")}
#     below = {scale: int((found < 0.01).sum()) for scale, found in rates.items()}
#     fig, ax = plt.subplots(figsize=(8, 1.9), layout="constrained")
#     for height, (found, marker, colour) in enumerate(zip(rates.values(), "so", ("vermillion", "blue"), strict=True)):
#         ax.semilogx(found, np.full(12, height), marker, color=PALETTE[colour], markersize=9, alpha=0.8)
#     ax.set(yticks=(0, 1), yticklabels=("even", "log"), ylim=(-0.6, 1.6), xlabel="learning rate")
#     ax.axvline(0.01, color="#767676", linestyle=":")
#     show(fig, alt=f"The same twelve draws on two scales. Even: {below['even']} of 12 lie below 0.01, the others crowd near 1. Log: {below['log']} lie below, and all are spread over the powers of ten.")

# %% [markdown]
# ## grid_points
#
# **Why.** To compare a grid with random search fairly, both get the same **budget** of trainings. A grid with $k$ values on each of $D$ axes costs $k^D$ trainings. So from a budget you get the largest $k$ with $k^D \le$ budget. What is left over, a grid cannot use.
#
# Cut each axis into $k$ cells of equal length. Put one value into each cell, at the share `shift` of its length: ½ is its middle. So value $i$ lies at $(i + \text{shift})/k$.
#
# `shift` may also be an array with one number for each axis. We will need that: a grid can be lucky or unlucky with its place, so each repetition moves it.
#
# **Example.** Budget 10, two axes: $3^2 = 9 \le 10$, so $k = 3$, and the values on both axes are $\tfrac16, \tfrac12, \tfrac56$. The grid has 9 points. The order of the rows does not matter.
#
# <details><summary>Hint 1: the root, and its trap</summary>
#
# `64 ** (1 / 3)` is 3.9999999999999996, and `int` of that is 3. Count up with a loop instead: as long as `(k + 1) ** axes <= budget`.
# </details>
# <details><summary>Hint 2: all combinations</summary>
#
# `itertools.product(*lines)` gives every combination of one value from each line; so does `np.meshgrid` with `ravel`, or `np.indices((k,) * axes)`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "grid_points", "locked": false, "schema_version": 3, "solution": true, "task": false}
def grid_points(budget, axes, shift=0.5):
    """The points of the largest grid that a budget allows.

    budget: whole number ≥ 1, how many points there may be. axes: whole number ≥ 1. shift: a number in [0, 1), or an array (axes,) of them.
    Returns (k ** axes, axes), every combination of the values (i + shift) / k, i = 0 … k − 1, with the largest k for which k ** axes ≤ budget.
    The rows may come in any order.
    """
    ### BEGIN SOLUTION
    k = 1
    while (k + 1) ** axes <= budget:
        k += 1
    return (np.indices((k,) * axes).reshape(axes, -1).T + shift) / k
    ### END SOLUTION


# %% [markdown]
# ### Sixteen points
#
# Both pictures hold 16 points. The ticks below show which values each of them tries of the *first* hyperparameter alone. **Predict:** how many ticks are there on the left, how many on the right?

# %% tags=["active-ipynb"]
# with exploring():
#     layouts = {"grid": grid_points(16, 2), "random": np.random.default_rng(5).random((16, 2))}
#     fig, axes = plt.subplots(1, 2, figsize=(8, 3.8), sharex=True, sharey=True, layout="constrained")
#     values = {}
#     for ax, (name, points) in zip(axes, layouts.items(), strict=True):
#         values[name] = len(np.unique(points[:, 0].round(9)))
#         ax.plot(*points.T, "o", color=PALETTE["blue"])
#         ax.vlines(points[:, 0], -0.09, -0.03, color=PALETTE["vermillion"], linewidth=2)
#         ax.set(title=f"{name}: {values[name]} values of the first", xlim=(-0.02, 1.02), ylim=(-0.1, 1.02), aspect="equal", xlabel="first hyperparameter")
#     axes[0].set_ylabel("second hyperparameter")
#     show(fig, alt=f"Two unit squares with 16 points each. The grid tries {values['grid']} different values of the first hyperparameter, the random points {values['random']}.")

# %% [markdown]
# ## paired_gain
#
# **Why.** In a moment you repeat both searches several times. In each repetition, one of them finds the better setting. Is the difference more than luck? Two numbers answer: the **mean difference**, and its **standard error**, which says how much that mean would jump about if you did everything
# again.
#
# The repetitions come in pairs, so take the difference of each pair first: $d_i = a_i - b_i$. With the mean $\bar d$ of the $n$ differences:
#
# $$\text{gain} = \bar d \qquad\qquad \text{error} = \frac{s}{\sqrt n} \quad\text{with}\quad s = \sqrt{\frac{1}{n-1}\sum_i (d_i - \bar d)^2}$$
#
# A rule of thumb: a gain of less than **two** standard errors may well be luck. Then you say: *my numbers do not tell*.
#
# **Example.** First (5, 7, 9), second (4, 4, 4): the differences are 1, 3 and 5, the gain is 3, $s = 2$, the error is $2/\sqrt3 = 1.155$.
#
# <details><summary>Hint: from the differences to the error</summary>
#
# Subtract first: `differences = first - second`. The error is their standard deviation, divided by `np.sqrt(len(differences))`. `np.std` divides by n unless you say `ddof=1`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "paired_gain", "locked": false, "schema_version": 3, "solution": true, "task": false}
def paired_gain(first, second):
    """How much larger `first` is than `second`, pair by pair, and how sure one may be.

    first, second: arrays (n,), n ≥ 2; they stay as they are. Returns (gain, error): the mean of first − second, and its standard error.
    Raises ValueError for fewer than two pairs: one difference says nothing about its spread.
    """
    ### BEGIN SOLUTION
    differences = np.asarray(first) - np.asarray(second)
    if len(differences) < 2:
        raise ValueError(f"{len(differences)} pair: a spread needs at least two")
    return differences.mean(), differences.std(ddof=1) / np.sqrt(len(differences))
    ### END SOLUTION


# %% [markdown]
# ## The experiment: random against grid
#
# Eight trainings of three epochs for each search, in all of `SPACE`, twelve times over. In each repetition the grid is shifted to another place, the random points are drawn anew, and both use the same seeds for their nets. A search's result is the best validation accuracy that it found. A run that broke
# knows nothing and counts as guessing, 10 %.
#
# **Write your prediction down first.** Change the two numbers in the next cell, *then* run. They are saved with the results.

# %% tags=["active-ipynb"]
# prediction = {
#     "wins": 6,  # in how many of the twelve repetitions will random search have found the better setting?
#     "gain": 0.0,  # by how many percentage points will it be better, on average? Negative: the grid is better
# }

# %% [markdown]
# Now the searches. This is the longest cell of the lab. What it measures is saved beside this notebook as `searches.safetensors`. **You hand that file in with it.** When it is there, nothing is trained again: delete it to start anew.

# %% tags=["active-ipynb"]
# BUDGET, EPOCHS, REPETITIONS = 8, 3, 12
# FILE = Path("searches.safetensors")
#
#
# def result_of(setting, seed, epochs=EPOCHS):
#     """Validation accuracy after that many epochs, in percent; 10 for a run that broke."""
#     score = Run(setting, seed).train(epochs)
#     return 10.0 if np.isnan(score) else score
#
#
# with exploring():
#     if not FILE.exists():
#         rng, started, tried, scores = np.random.default_rng(0), time.perf_counter(), [], []
#         for repetition in range(REPETITIONS):
#             both = grid_points(BUDGET, len(SPACE), rng.random(len(SPACE))), rng.random((BUDGET, len(SPACE)))
#             tried.append([place(SPACE, points) for points in both])
#             scores.append([[result_of(setting, 100 * repetition + i) for i, setting in enumerate(settings)] for settings in tried[-1]])
#         best = np.max(scores, axis=2)
#         guess = np.array([float(prediction["wins"]), float(prediction["gain"])])
#         save_results(FILE, grid=best[:, 0], random=best[:, 1], tried=np.array(tried), scores=np.array(scores), prediction=guess)
#         print(f"{np.size(scores)} trainings in {time.perf_counter() - started:.0f} s on {WHERE}, saved as {FILE}")

# %%
own = load_results("searches.safetensors")

# %% tags=["active-ipynb"]
# with exploring():
#     if own is None:
#         raise NotImplementedError("run the searches first")
#     gain, error = paired_gain(own["random"], own["grid"])
#     fig, ax = plt.subplots(figsize=(8, 3.4), layout="constrained")
#     ax.plot((0, 1), np.stack([own["grid"], own["random"]]), color="#999999", linewidth=0.8, zorder=1)
#     for place_of, (name, marker, colour) in enumerate((("grid", "s", "vermillion"), ("random", "o", "blue"))):
#         found = own[name]
#         ax.plot(np.full(len(found), place_of), found, marker, color=PALETTE[colour], alpha=0.7)
#         ax.errorbar(place_of + (0.12 if place_of else -0.12), found.mean(), found.std(ddof=1), color=PALETTE[colour], marker=marker, capsize=5)
#     ax.set(xticks=(0, 1), xticklabels=("grid, 2×2×2", "random, 8"), xlim=(-0.5, 1.5), ylabel="best accuracy found, in %")
#     ax.set_title(f"random − grid: {gain:+.1f} ± {error:.1f} points (mean ± standard error of {len(own['grid'])} pairs)")
#     ends = "; ".join(f"{name} {own[name].mean():.1f} ± {own[name].std(ddof=1):.1f} %" for name in ("grid", "random"))
#     show(fig, alt=f"Best validation accuracy of each repetition, joined in pairs, with mean and standard deviation beside them: {ends}.")
#     wins = int((own["random"] > own["grid"]).sum())
#     print(f"random search found the better setting in {wins} of {len(own['grid'])} repetitions; you predicted {own['prediction'][0]:.0f}")
#     print(f"gain: {gain:+.2f} points, standard error {error:.2f}; you predicted {own['prediction'][1]:+.1f}")
#     print(f"worst result: grid {own['grid'].min():.1f} %, random {own['random'].min():.1f} %")

# %% [markdown]
# ## my_conclusion
#
# **Why.** A measurement becomes knowledge when somebody says what it means, and no more than it means. Write down what *your* searches say. You may type the numbers, or let your function compute them from `own`, the dict of arrays that the cell above read. Your function only says what you claim. The check takes the results of both searches from `own`, works out by itself what they amount to, and holds every entry against that.
#
# - `"wins"`: in how many repetitions random search found the better setting (strictly better);
# - `"gain"` and `"error"`: of random over grid, in **percentage points**, to one decimal at least;
# - `"winner"`: `"random"` or `"grid"`, or `"nobody"` when the gain is less than two standard errors away from 0.
#
# **Example.** For the grid results (80, 82, 81) and the random results (83, 81, 84) it is `{"wins": 2, "gain": 1.7, "error": 1.3, "winner": "nobody"}`: the gain is not even one and a half errors away from 0.
#
# The check looks at each entry by itself. Results that are no measurements support no claim: numbers that are missing, not between 0 and 100 percent, or fewer than three repetitions. If you run the searches again, your numbers may change. Then look at your words again.
#
# <details><summary>Hint: where are the numbers?</summary>
#
# The cell above has printed them. In code, `paired_gain(own["random"], own["grid"])` gives gain and error, and `own["random"] > own["grid"]` says for each repetition whether random search found more.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "my_conclusion", "locked": false, "schema_version": 3, "solution": true, "task": false}
def my_conclusion():
    """What my own searches say: a dict with "wins", "gain", "error" and "winner", as described above."""
    ### BEGIN SOLUTION
    gain, error = paired_gain(own["random"], own["grid"])
    winner = "random" if gain > 0 else "grid"
    if abs(gain) < 2 * error:
        winner = "nobody"
    return {"wins": int(np.sum(own["random"] > own["grid"])), "gain": gain, "error": error, "winner": winner}
    ### END SOLUTION


# %% [markdown]
# ### Why it comes out like that
#
# You have trained many nets by now. Here are all of them, three times: against each of the three hyperparameters. **Predict:** in which panel will you see a hill?

# %% tags=["active-ipynb"]
# if own is not None:
#     fig, axes = plt.subplots(1, 3, figsize=(10, 3.5), sharey=True, layout="constrained")
#     every, reached = own["tried"].reshape(-1, 3), own["scores"].ravel()
#     good = (every[:, 0] > 0.005) & (every[:, 0] < 0.1)
#     for ax, (name, _, _, scale), values in zip(axes, SPACE, every.T, strict=True):
#         ax.plot(values[~good], reached[~good], "x", color=PALETTE["vermillion"], markersize=5, label="other learning rates")
#         ax.plot(values[good], reached[good], "o", color=PALETTE["blue"], markersize=5, alpha=0.8, label="learning rate 0.005 to 0.1")
#         ax.set(xscale="log" if scale == "log" else "linear", xlabel=name)
#         ax.grid(axis="y")
#     axes[0].set_ylabel("validation accuracy in %")
#     fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
#     show(fig, alt=f"Accuracy of all {len(every)} trainings against learning rate, weight decay and dropout. Against the learning rate it is a hill. Against the two others there is no shape to see.")
#     print(f"spread (standard deviation): all trainings {reached.std(ddof=1):.1f} points, those with a learning rate from 0.005 to 0.1 only {reached[good].std(ddof=1):.1f}")

# %% [markdown]
# One hyperparameter decides nearly everything, and you did not have to know which one. A grid spends its eight trainings on two learning rates. Random search has eight. That is the whole secret, and also its limit: where all hyperparameters matter alike, or where the hill is broad, a grid does no worse.

# %% tags=["active-ipynb"]
# widgets.question(
#     "Somebody shows you one grid search and one random search. Random found 86.1 %, the grid 85.2 %. What do you know?",
#     {
#         "Random search is better": "One pair has no spread. With other seeds, or the grid a little aside, it may be the other way round.",
#         "Random search is better by 0.9 points": "That is what happened once. How much of it is luck?",
#         "Hardly anything: where are the repetitions?": "Yes. Without repetitions there is no error bar, and without an error bar no conclusion.",
#     },
#     answer="Hardly anything: where are the repetitions?",
# )

# %% [markdown]
# ## finer_box
#
# **Why.** The first search was **coarse**: wide ranges, short trainings. Its best points lie near each other. So draw a box round them and search **finer**: only in the box, and with longer trainings.
#
# Take the `keep` points with the best scores. The box reaches from their smallest to their largest coordinate, on each axis for itself. Then it is widened by `margin` on both sides, because the best value may lie just outside; but never beyond the unit cube. A point whose run broke has the score NaN and is worse than every other.
#
# **Example.** Points (0.1, 0.9), (0.5, 0.4), (0.6, 0.3), scores 10, 80, 85, `keep` = 2: the box is (0.5, 0.3) to (0.6, 0.4). With a margin of 0.05 it is (0.45, 0.25) to (0.65, 0.45).
#
# <details><summary>Hint 1: where NaN goes</summary>
#
# `np.argsort` puts NaN **last**, behind the largest number. Of the last places, some may then be broken runs. Give them a score of −∞ first (`np.where`, `np.isnan`), or sort −scores.
# </details>
# <details><summary>Hint 2: each axis for itself</summary>
#
# `best.min(axis=0)` is an array (D,).
# </details>


# %% nbgrader={"grade": false, "grade_id": "finer_box", "locked": false, "schema_version": 3, "solution": true, "task": false}
def finer_box(points, scores, keep, margin=0.0):
    """The box in the unit cube in which a finer search should look.

    points: (T, D), numbers from 0 to 1. scores: (T,), higher is better, NaN is worst; at least `keep` of them are numbers, no two are equal.
    keep: how many of the best points count, at least 1. margin: how much wider the box gets, on each side of each axis; at most to 0 and 1.
    Returns (low, high), two arrays (D,). Inputs stay as they are.
    """
    ### BEGIN SOLUTION
    best = points[np.argsort(-scores)[:keep]]
    return np.maximum(best.min(axis=0) - margin, 0), np.minimum(best.max(axis=0) + margin, 1)
    ### END SOLUTION


# %% [markdown]
# ### From coarse to fine
#
# Sixteen coarse trainings of two epochs. Then twelve fine ones of five epochs, in the box of the best four. **Predict:** the box is drawn in the plane of learning rate and dropout. In which direction will it be narrow, in which wide?

# %% tags=["active-ipynb"]
# candidates = np.array([(rate, 1e-4, 0.1) for rate in (0.02, 0.01, 0.03, 0.05)])  # in case the search below cannot run yet
# with exploring():
#     rng = np.random.default_rng(1)
#     coarse = rng.random((16, 3))
#     coarse_scores = np.array([result_of(setting, i, epochs=2) for i, setting in enumerate(place(SPACE, coarse))])
#     low, high = finer_box(coarse, coarse_scores, keep=4, margin=0.03)
#     fine = low + (high - low) * rng.random((12, 3))
#     fine_scores = np.array([result_of(setting, 100 + i, epochs=5) for i, setting in enumerate(place(SPACE, fine))])
#     candidates = place(SPACE, fine[np.argsort(-fine_scores)[:4]])
#     corners = place(SPACE, np.stack([low, high]))
#     fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharex=True, sharey=True, layout="constrained")
#     for ax, points, found, title in ((axes[0], coarse, coarse_scores, "coarse: 16 × 2 epochs"), (axes[1], fine, fine_scores, "fine: 12 × 5 epochs")):
#         settings = place(SPACE, points)
#         dots = ax.scatter(settings[:, 0], settings[:, 2], c=found, s=30 + 2 * np.maximum(found - found.min(), 0), cmap="viridis", edgecolor="black", linewidth=0.5)
#         ax.add_patch(plt.Rectangle(corners[0, [0, 2]], *(corners[1] - corners[0])[[0, 2]], fill=False, edgecolor=PALETTE["vermillion"], linewidth=2))
#         ax.set(xscale="log", xlim=(7e-6, 14), ylim=(-0.03, 0.63), xlabel="learning rate", title=f"{title}, best {found.max():.1f} %")
#         fig.colorbar(dots, ax=ax, label="accuracy in %")
#     axes[0].set_ylabel("dropout")
#     box = f"learning rate {corners[0, 0]:.2g} to {corners[1, 0]:.2g}, weight decay {corners[0, 1]:.1g} to {corners[1, 1]:.1g}, dropout {corners[0, 2]:.2f} to {corners[1, 2]:.2f}"
#     show(fig, alt=f"Two scatter plots over learning rate and dropout, larger and lighter dots are better. The frame holds the best four coarse points: {box}. The fine points inside it have a median of {np.median(fine_scores):.1f} %, the coarse ones {np.median(coarse_scores):.1f} %.")
#     print(f"the box: {box}")
#     print(f"median accuracy: coarse {np.median(coarse_scores):.1f} %, fine {np.median(fine_scores):.1f} %")
#     print("best setting: " + ", ".join(f"{name} {value:.2g}" for (name, *_), value in zip(SPACE, candidates[0], strict=True)))

# %% [markdown]
# Two things to take from this picture. The box is narrow where a hyperparameter matters. And when its edge lies at the edge of the space, the best value may lie outside: then move the space.
#
# Be careful with small boxes, though. Four points always make *some* box, also along an axis that does not matter at all.

# %% [markdown]
# ## train_with_patience
#
# **Why.** How many epochs? That is a hyperparameter as well, and the cheapest one to find: watch the validation accuracy while you train, and stop when nothing gets better any more. In assignment 04 you found the stopping point in a list of losses, afterwards. Here you do it live, with a real run, and nobody tells you what comes next.
#
# A `run` has three methods: `run.epoch()` trains for one more epoch and returns the validation accuracy; `run.keep()` puts a copy of the weights aside; `run.go_back()` takes the copy back.
#
# - A new best is **strictly** higher than all before. The first epoch always is one.
# - Stop after `patience` epochs in a row without a new best, or after `most` epochs.
# - In the end the run has the weights of its best epoch. Return the accuracies of all trained epochs.
#
# **Example.** Accuracies 70, 75, 74, 75, 73, 80 with `patience` = 3: the best is 75, in the second epoch; 74, 75 and 73 bring nothing. So you stop after five epochs, go back to the weights of the second, and return `[70, 75, 74, 75, 73]`. The 80 is never seen. That is the price.
#
# <details><summary>Hint 1: one loop</summary>
#
# `for _ in range(most)`: train an epoch and append its accuracy. Keep the weights when it is a new best. Otherwise, see how many epochs have passed since the best one, and `break`.
# </details>
# <details><summary>Hint 2: counting</summary>
#
# Either count the epochs since the best (and set the count to 0 at a new best), or remember the index of the best and subtract.
# </details>


# %% nbgrader={"grade": false, "grade_id": "train_with_patience", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_with_patience(run, patience, most):
    """Train a run until it stops getting better, and leave it with its best weights.

    run: has the methods epoch(), keep() and go_back(). patience, most: whole numbers ≥ 1.
    Returns the validation accuracies, one for each trained epoch, in order: a list or an array.
    Source of the idea: L. Prechelt, Early Stopping – But When? (1998)
    """
    ### BEGIN SOLUTION
    scores, waited = [], 0
    for _ in range(most):
        score = run.epoch()
        if not scores or score > max(scores):
            run.keep()
            waited = 0
        else:
            waited += 1
        scores.append(score)
        if waited == patience:
            break
    run.go_back()
    return scores
    ### END SOLUTION


# %% [markdown]
# ### What does patience cost, and what does it save?
#
# The best setting of your fine search, three seeds. The thin lines are trained for 40 epochs whatever happens. The same runs again, with a patience of 4: the star is the epoch whose weights are kept, the cross the epoch where training stopped.

# %% tags=["active-ipynb"]
# with exploring():
#     most, pairs = 40, []
#     for seed in range(3):
#         stopped, whole = Run(candidates[0], seed), Run(candidates[0], seed)
#         seen = train_with_patience(stopped, 4, most)
#         pairs.append((seen, [whole.epoch() for _ in range(most)], stopped.accuracy(validation)))
#     saved, lost = [most - len(seen) for seen, _, _ in pairs], [max(curve) - kept for _, curve, kept in pairs]
#     fig, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
#     for (seen, curve, kept), colour in zip(pairs, ("blue", "vermillion", "green"), strict=True):
#         ax.plot(range(1, most + 1), curve, color=PALETTE[colour], linewidth=1)
#         ax.plot(np.argmax(seen) + 1, kept, "*", color=PALETTE[colour], markersize=14, markeredgecolor="black", label="weights kept" if colour == "blue" else None)
#         ax.plot(len(seen), seen[-1], "X", color=PALETTE[colour], markersize=9, markeredgecolor="black", label="stopped" if colour == "blue" else None)
#     ax.set(xlabel="epoch", ylabel="validation accuracy in %")
#     ax.legend(loc="lower right")
#     show(fig, alt=f"Validation accuracy over {most} epochs for three seeds. It rises fast and then wavers. With a patience of 4 the runs stop {', '.join(map(str, saved))} epochs earlier, at an accuracy that is {', '.join(f'{x:.1f}' for x in lost)} points below the best of all {most} epochs.")
#     print(f"epochs saved, of {most}: {', '.join(map(str, saved))}")
#     print(f"points below the best of all {most} epochs: {', '.join(f'{x:.1f}' for x in lost)}")

# %% [markdown]
# ## successive_halving
#
# **Why.** A bad learning rate shows after one epoch. Why train it for five? **Successive halving** begins with many settings, trains all of them a little, drops the bad ones, trains the rest further, and so on. Here two thirds are dropped each time, so it is a "thirding"; the name has stuck.
#
# You get a function `advance(settings)`. It takes the **numbers** of the settings that go on, trains those for one more rung, and returns their scores, in the order in which you named them.
#
# 1. In the first rung all settings 0 … `count` − 1 go on.
# 2. After each rung but the last, the best `len // keep_one_in` of them stay, at least one.
# 3. After the last rung, the winner is the setting with the best score **in that rung**. Return its number.
#
# NaN is the worst score. No two scores are equal.
#
# **Example.** Nine settings, two rungs, `keep_one_in` = 3. `advance` of 0 … 8 gives the scores 5, 1, **9**, 4, **8**, 2, **7**, 3, 6. The best three are 2, 4 and 6. `advance([2, 4, 6])` gives 10, 20, 15. The winner is number **4**.
#
# <details><summary>Hint 1: two kinds of numbers</summary>
#
# The scores that come back are numbered 0, 1, 2, … within the survivors. The setting's own number is `survivors[place]`. Most mistakes here forget that.
# </details>
# <details><summary>Hint 2: NaN</summary>
#
# `np.argsort(-scores)` lists places from the best score to the worst, and NaN comes last.
# </details>


# %% nbgrader={"grade": false, "grade_id": "successive_halving", "locked": false, "schema_version": 3, "solution": true, "task": false}
def successive_halving(advance, count, rungs, keep_one_in=3):
    """The number of the setting that wins a race in which the worst drop out.

    advance: function of the numbers of the settings that go on (int array or list); trains them further and returns their scores, in that order.
    count: how many settings start, numbered from 0. rungs: how often `advance` is called. keep_one_in: 1 / keep_one_in of them stay, rounded down, at least one.
    Returns a whole number.
    Source: K. Jamieson, A. Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization (2016)
    """
    ### BEGIN SOLUTION
    racing = np.arange(count)
    for rung in range(rungs):
        order = np.argsort(-np.asarray(advance(racing)))
        stay = max(1, len(racing) // keep_one_in) if rung < rungs - 1 else 1
        racing = racing[order[:stay]]
    return int(racing[0])
    ### END SOLUTION


# %% [markdown]
# ### A race at equal cost
#
# Both get 45 epochs. Random search trains 9 settings for 5 epochs each: the first 9 of 27 points. Successive halving starts with all 27: all for 1 epoch, nine of them for 1 more, three of them for 3 more, so $27 + 9 + 9 = 45$. **Predict:** whose winner is better, and by how much?

# %% tags=["active-ipynb"]
# with exploring():
#     winners, drawn, started = [], [], time.perf_counter()
#     for repetition in range(3):
#         settings = place(SPACE, np.random.default_rng(10 + repetition).random((27, 3)))
#         runs = [Run(setting, 1000 + 100 * repetition + i) for i, setting in enumerate(settings)]
#         curves, rungs = [[] for _ in runs], iter((1, 1, 3))
#
#         def advance(numbers):
#             epochs = next(rungs)
#             for i in numbers:
#                 curves[i].append(runs[i].train(epochs))
#             return np.array([curves[i][-1] for i in numbers])
#
#         winner = successive_halving(advance, 27, 3)
#         plain = [Run(setting, 1000 + 100 * repetition + i) for i, setting in enumerate(settings[:9])]
#         plain_curves = [[run.train(epochs) for epochs in (1, 1, 3)] for run in plain]
#         winners.append([curves[winner][-1], np.nanmax([curve[-1] for curve in plain_curves])])
#         drawn.append((curves, plain_curves))
#     fig, axes = plt.subplots(1, 2, figsize=(9, 3.5), sharey=True, layout="constrained")
#     for ax, name, curves in zip(axes, ("27 settings, halved", "9 random settings"), drawn[0], strict=True):
#         for curve in curves:
#             whole = len(curve) == 3
#             ax.plot((1, 2, 5)[: len(curve)], curve, "o-" if whole else "x--", color=PALETTE["blue" if whole else "vermillion"], linewidth=1, markersize=5)
#         ax.set(title=f"{name}, first repetition", xlabel="epoch", xticks=(1, 2, 5))
#     axes[0].set_ylabel("validation accuracy in %")
#     pairs = "; ".join(f"{a:.1f} % against {b:.1f} %" for a, b in winners)
#     show(fig, alt=f"Left: 27 settings, crosses for those that drop out after one epoch or two, dots for the three that reach the fifth. Right: 9 settings, all over five epochs. Best of halving against best of random in three repetitions: {pairs}.")
#     gain, error = paired_gain(*np.array(winners).T)
#     print(f"successive halving against random search: {pairs}   ({time.perf_counter() - started:.0f} s)")
#     print(f"gain {gain:+.2f} points, standard error {error:.2f}, from only three repetitions")

# %% [markdown]
# Three repetitions: say what they allow you to say. And mind one trap. A setting with a small learning rate starts slowly and may win in the end; the first rung drops it. Halving prefers what starts fast.

# %% [markdown]
# ## choose
#
# **Why.** You have tried many settings, and the best validation score of many is a *lucky* one: part of it is chance, and the chance does not come back. So the last step has two rules. First, train each of the last few candidates with **several seeds**, and choose by the **mean** of the validation accuracies. Second, measure the chosen one on the **test images**, which had no say in anything, and report *that*. Once. Who looks at
# the test score of every candidate will choose by it, whether they want to or not.
#
# You get the candidates' validation accuracies, a row for each setting and a column for each seed. And you get a function `test_of(setting)`: it measures the setting with that number on the test images and returns its accuracies, one for each seed. **Call it once.** The check counts.
#
# A setting with a run that broke (NaN) is out, however good its other runs were. If all are out, raise ValueError.
#
# **Example.** Validation [[80, 84], [83, 83], [90, NaN]]: the means are 82, 83 and "out". Setting 1 is chosen. `test_of(1)` gives (81, 82). The result is (1, 81.5).
#
# <details><summary>Hint: NaN at the top</summary>
#
# The mean of numbers with a NaN is NaN: that is just what we want here. But `np.argmax` takes NaN for the largest number, and `np.nanargmax` passes over it.
# </details>


# %% nbgrader={"grade": false, "grade_id": "choose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def choose(validation, test_of):
    """Choose a setting by validation, and report how good it is on test images.

    validation: (settings, seeds), accuracies, NaN for a run that broke; stays as it is. test_of: function of a setting's number that returns its
    test accuracies (seeds,); it is called once. Returns (chosen, reported): the number of the setting with the highest mean validation accuracy,
    of equal ones the first, and the mean of its test accuracies. Raises ValueError, without a look at the test images, when every setting has a broken run.
    """
    ### BEGIN SOLUTION
    means = np.asarray(validation).mean(axis=1)
    if np.isnan(means).all():
        raise ValueError("every setting has a run that broke: there is nothing to choose from; search elsewhere")
    chosen = int(np.nanargmax(means))
    return chosen, np.mean(test_of(chosen))
    ### END SOLUTION


# %% [markdown]
# ### The end of the search
#
# The four best settings of the fine search, three seeds each, trained with your early stopping. Then your `choose`, and one look at the test images.

# %% tags=["active-ipynb"]
# with exploring():
#     finalists = [[Run(setting, 500 + seed) for seed in range(3)] for setting in candidates]
#     for run in sum(finalists, []):
#         train_with_patience(run, 3, 12)
#     measured = np.array([[run.accuracy(validation) for run in runs] for runs in finalists])
#     looks = []
#
#     def test_of(setting):
#         looks.append(setting)
#         return np.array([run.accuracy(test) for run in finalists[setting]])
#
#     chosen, reported = choose(measured, test_of)
#     fig, ax = plt.subplots(figsize=(8, 3.2), layout="constrained")
#     ax.errorbar(range(4), measured.mean(axis=1), measured.std(axis=1, ddof=1), fmt="none", ecolor=PALETTE["blue"], capsize=5)
#     ax.plot(np.repeat(range(4), 3), measured.ravel(), "o", color=PALETTE["blue"], alpha=0.5, label="validation, one seed")
#     ax.plot(chosen, measured[chosen].mean(), "*", color=PALETTE["vermillion"], markersize=16, markeredgecolor="black", label="chosen: its mean on validation")
#     ax.plot(chosen + 0.15, reported, "D", color="black", markersize=8, label="its mean on the test images")
#     ax.set(xticks=range(4), xticklabels=[f"rate {s[0]:.2g}\ndecay {s[1]:.1g}\ndropout {s[2]:.2f}" for s in candidates], ylabel="accuracy in %", xlim=(-0.5, 3.9))
#     ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
#     show(fig, alt=f"Validation accuracies of four settings with three seeds each, mean and standard deviation. Setting {chosen + 1} is chosen with a mean of {measured[chosen].mean():.1f} %; on the test images it reaches {reported:.1f} %.")
#     print(f"highest single validation accuracy: {measured.max():.1f} %")
#     print(f"the chosen setting, mean of three seeds: validation {measured[chosen].mean():.1f} %, test {reported:.1f} %   ({len(looks)} look at the test images)")

# %% [markdown]
# Which of these numbers do you put into your report? The last one. It is often lower than the others, and the others are not wrong: they answer another question, how good the luckiest of many tries looked *on the images that it was chosen by*.

# %% tags=["active-ipynb"]
# widgets.question(
#     "A friend trains 200 settings, looks at the test accuracy of each, and reports the highest. What is wrong?",
#     {
#         "200 settings are too many": "There is nothing wrong with trying many, as long as they are chosen by other images.",
#         "The test images chose the setting, so the number is too good": "Yes. They did the work of the validation images. Now nobody knows how good the net is on images that had no say.",
#         "Nothing, the highest is the best": "The highest of 200 noisy numbers is the best one plus the luckiest noise.",
#     },
#     answer="The test images chose the setting, so the number is too good",
# )

# %% [markdown]
# ## What to take with you
#
# - Think in unit cubes: points first, scales second. Learning rates and decays belong on a logarithmic scale.
# - Draw at random. You need not know which hyperparameter matters.
# - Short and wide, then long and narrow. Stop early. Drop what is clearly bad.
# - Repetitions, pairs and error bars, or no conclusion.
# - The test images are asked once, at the end.
#
# **Next**: chapter 08 and assignment 05, where you build a net out of your own layers and train it.
#
# **Sources.** J. Bergstra, Y. Bengio, *Random Search for Hyper-Parameter Optimization*, JMLR 13, 2012 · K. Jamieson, A. Talwalkar, *Non-stochastic Best Arm Identification and Hyperparameter Optimization*, AISTATS 2016, for successive halving ·
# L. Li and others, *Hyperband*, JMLR 18, 2018, for races of several lengths · L. Prechelt, *Early Stopping – But When?*, 1998 · G. Cawley, N. Talbot, *On Over-fitting in Model Selection and Subsequent Selection Bias in Performance Evaluation*, JMLR 11, 2010 ·
# H. Xiao, K. Rasul, R. Vollgraf, *Fashion-MNIST*, arXiv:1708.07747, 2017 (MIT licence).
