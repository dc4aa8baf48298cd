# ---
# jupyter:
#   convnets:
#     minutes: 150
#     budget_seconds: 200
#     libraries: pytorch
#     needs: [12_resnet, 07_residual_architectures, 02_batchnorm_dropout_augmentation]
#     summary: Plain nets get worse as they get deeper, residual nets do not. Measure it with three seeds, vary the shortcut, and let published weights confirm their published error
# ---

# %% [markdown]
# # Degradation and residuals
#
# A deeper net can do everything that a shallower one can: its extra layers only need to hand their input on. So a deeper net cannot be worse **on the training images**. That is logic. In 2015, K. He and his colleagues trained nets of 20 and of 56 layers, and the deeper one was worse, on the training images. They called it **degradation**, and cured it with an addition.
#
# In this lab you do the experiment yourself, on your own computer, with several seeds.
#
# **You will be able to**
#
# - build a plain and a residual net from one function, with one switch;
# - show degradation by an experiment, and say why it is not overfitting;
# - see in the gradients, layer by layer, what changes when the shortcut goes;
# - build six ways to join a shortcut with its branch, and compare your results with the published table;
# - load published weights into *your own* net, and confirm the published error.
#
# **Time** about 2½ hours, of which the computer trains for about two minutes on two CPU cores.
# **You need** chapter 12. Assignment 07 has the full-size nets; its `cifar_resnet` is used near the end.
#
# Points are earned in six exercises. In the fourth one, *your* conclusion is held against *your* numbers.

# %%
import contextlib
import functools
import io
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from convnets import plots, widgets
from convnets.check import check
from convnets.data import DataError, load_cifar10, load_fashion_mnist
from convnets.own_code import functions_from
from convnets.plots import show
from convnets.pretrained import cifar_resnet_weights
from convnets.results import load_results, save_results
from convnets.train import device, fit, one_cycle, predict, seed_everything


# %%
@contextlib.contextmanager
def exploring():
    """For cells that play with your functions: says what is still to be done first."""
    try:
        yield
    except NotImplementedError as missing:
        print(f"This cell comes alive later: {missing}.")


# %% [markdown]
# ## Before you build anything

# %% tags=["active-ipynb"]
# widgets.question(
#     "A plain net of 56 layers has a higher <em>test</em> error than one of 20 layers. Its <em>training</em> error is higher, too. Is that overfitting?",
#     {
#         "Yes, it has too many parameters": "An overfitted net has a <em>low</em> training error: it knows its training images by heart. This one does not even fit them.",
#         "No, it fits the training images less well": "Yes. The larger net could do what the smaller one does, and did not find it. Something is wrong with the training, not with the generalising.",
#         "One cannot know without more test images": "The training error alone decides it: who overfits has a low one.",
#     },
#     answer="No, it fits the training images less well",
# )

# %% [markdown]
# So in this lab we look at the training error first.
#
# ## The net
#
# All nets here follow one plan, that of He and colleagues for CIFAR-10: a 3×3 convolution, three stages of $n$ **blocks**, an average, a linear layer. A block has two 3×3 convolutions. That makes $6n + 2$ layers with weights: $n = 1$ gives 8 layers, $n = 3$ gives 20, $n = 9$ gives 56.
#
# A block has a **branch** $F$ and a **shortcut**. What happens where the two meet is the only difference between a plain and a residual net:

# %% tags=["active-ipynb"]
# branch = ["3×3 convolution", "BatchNorm, ReLU", "3×3 convolution", "BatchNorm"]
# show(
#     plots.block_diagram({"plain: F(x)": plots.column([*branch, "ReLU"]), "residual: x + F(x)": plots.column([*branch, "+", "ReLU"])}, height=4.2),
#     alt="Two blocks, each from top to bottom: x, convolution, BatchNorm and ReLU, convolution, BatchNorm, ReLU. In the residual block a line leads from x past this branch to a plus before the last ReLU.",
# )

# %% [markdown]
# So the switch is a function. A **join** takes the shortcut $x$ and the branch $F(x)$, two tensors of the same shape, and returns one. Each block gets a join of its own, made for its number of channels: some joins that you will build later have weights. The two below have none, and ignore the number.


# %%
def plain(channels):
    """The join of a plain net: the branch alone."""
    return lambda x, f: f


def residual(channels):
    """The join of a residual net: the sum."""
    return torch.add


# %% [markdown]
# ## Block
#
# **Why.** This is the part that made nets of 100 layers possible. It takes a dozen lines.
#
# **The branch**: 3×3 convolution with `stride`, BatchNorm, ReLU, 3×3 convolution with stride 1, BatchNorm. Both convolutions have padding 1 and no bias.
#
# **The shortcut**: $x$ as it is, where the block changes no shape. Some blocks halve the maps and give more channels. Their shortcut must change as well, and it does so without any weights ("option A" in the paper):
#
# - it keeps the first of every `stride` rows and the first of every `stride` columns;
# - it adds channels full of zeros, **half of them before the others and half behind**.
#
# **Then** `join(channels)` makes the block's join. The join gets the shortcut first and the branch second. A ReLU follows.
#
# **Example.** `Block(2, 4, 2, residual)` gets one image of 2×4×4. Its shortcut is 4×2×2: channels 0 and 3 are zero, channels 1 and 2 are the rows 0 and 2, columns 0 and 2 of the image's channels. The branch is 4×2×2, too, and the block returns the ReLU of the sum. The block has $2\cdot4\cdot9 + 4\cdot4\cdot9 + 4\cdot4 = 232$ parameters.
#
# The check fills your weights with numbers of its own, so you may name your parts as you like.
#
# <details><summary>Hint 1: the shortcut's two steps</summary>
#
# `x[:, :, ::stride, ::stride]` keeps every `stride`-th row and column. `F.pad` pads the **last** axis first: `F.pad(x, (0, 0, 0, 0, a, b))` puts `a` channels before and `b` behind.
#
# </details>
#
# <details><summary>Hint 2: a join with weights</summary>
#
# Call `join(channels)` once, in `__init__`, and keep the result as an attribute, `self.join = join(channels)`. If it is a module, its weights then belong to the block.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "Block", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Block(nn.Module):
    """Two 3×3 convolutions beside a shortcut without weights.

    in_channels, channels: int, channels that go in and come out; `channels` is equal or larger by an even number
    stride: int, of the first convolution and of the shortcut
    join: function of `channels`; it returns the function (or module) of shortcut and branch whose result goes into the last ReLU

    forward: float tensor (N, in_channels, H, W) → float tensor (N, channels, ⌈H / stride⌉, ⌈W / stride⌉)

    Source: K. He, X. Zhang, S. Ren, J. Sun, Deep Residual Learning for Image Recognition (2015), sections 3.2 and 4.2.
    """

    def __init__(self, in_channels, channels, stride, join):
        super().__init__()
        ### BEGIN SOLUTION
        self.branch = nn.Sequential(
            nn.Conv2d(in_channels, channels, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.stride, self.added = stride, (channels - in_channels) // 2
        self.join = join(channels)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.added, self.added))
        return F.relu(self.join(shortcut, self.branch(x)))
        ### END SOLUTION


# %% [markdown]
# ## make_net
#
# **Why.** In an experiment all must be equal but the one thing that is tested. So one function builds all nets of this lab.
#
# | part | output (C×H×W) for `width` 4 and images 1×14×14 |
# |:--|:--|
# | 3×3 convolution, `width` filters, padding 1, no bias, BatchNorm, ReLU | 4×14×14 |
# | stage 1: $n$ blocks of `width` channels | 4×14×14 |
# | stage 2: $n$ blocks of 2·`width` channels, the first of them with stride 2 | 8×7×7 |
# | stage 3: $n$ blocks of 4·`width` channels, the first of them with stride 2 | 16×4×4 |
# | the mean of each map | 16 |
# | linear layer: the logits | 10 |
#
# The depth is $6n + 2$ with $n \ge 1$. Any other depth is an error.
#
# **Example.** `make_net(20, residual)` has 17,254 parameters, and so has `make_net(20, plain)`: the shortcut costs nothing. With `width=16, in_channels=3` it is the ResNet-20 of the paper with its 269,722.
#
# <details><summary>Hint: one list</summary>
#
# Collect the parts in a list, and make an `nn.Sequential` of it. A loop over `(width, 1), (2 * width, 2), (4 * width, 2)` with a loop of `n` blocks inside: only the first block of a stage changes anything. `nn.AdaptiveAvgPool2d(1)` takes the mean of each map.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "make_net", "locked": false, "schema_version": 3, "solution": true, "task": false}
def make_net(depth, join, width=4, in_channels=1, classes=10):
    """A net of `depth` layers with weights, out of your `Block`s.

    depth: int, 6n + 2 with n ≥ 1; ValueError otherwise
    join: as in `Block`, for instance `plain` or `residual`
    width: int, channels of the first stage; even. in_channels: int, channels of the images. classes: int

    Returns an nn.Module: float tensor (N, in_channels, H, W) → logits, float tensor (N, classes).
    """
    ### BEGIN SOLUTION
    if depth < 8 or depth % 6 != 2:
        raise ValueError(f"the depth is 8, 14, 20, …, one of 6n + 2 layers; got {depth}")
    parts = [nn.Conv2d(in_channels, width, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    before = width
    for channels, stride in ((width, 1), (2 * width, 2), (4 * width, 2)):
        for number in range(depth // 6):
            parts.append(Block(before, channels, stride if number == 0 else 1, join))
            before = channels
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes))
    ### END SOLUTION


# %% tags=["active-ipynb"]
# with exploring():
#     for depth in (8, 20, 56):
#         counts = [sum(p.numel() for p in make_net(depth, join).parameters()) for join in (plain, residual)]
#         print(f"{depth} layers: {counts[0]:,} parameters plain, {counts[1]:,} residual")
#     display(widgets.architecture_table(make_net(8, residual), (1, 14, 14)))

# %% [markdown]
# ## error_rate
#
# **Why.** Papers on image classification report errors in percent. On ImageNet it is often the **top-5 error**: an answer counts as right when the true class is among the five with the largest logits.
#
# **Example.** Logits (1, 3, 2) and (5, 4, 0) with the labels 2 and 2. Both images are wrong for `k` = 1: the error is 100 %. For `k` = 2 the first one is right, because class 2 has the second largest logit: 50 %.
#
# No two logits of an image are equal in the check.
#
# <details><summary>Hint</summary>
#
# `logits.topk(k, dim=1).indices` has shape (N, k): the classes with the largest logits. Compare with `labels[:, None]`, and ask for each row whether `any` of them agrees.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "error_rate", "locked": false, "schema_version": 3, "solution": true, "task": false}
def error_rate(logits, labels, k=1):
    """Share of the images, in percent, whose label is not among the k classes with the largest logits.

    logits: float tensor (N, classes). labels: int64 tensor (N,). k: int, 1 … classes
    Returns a float, 0 to 100. Raises ValueError when there are not as many labels as rows of logits.
    """
    ### BEGIN SOLUTION
    if len(logits) != len(labels):
        raise ValueError(f"{len(logits)} rows of logits and {len(labels)} labels")
    right = (logits.topk(k, dim=1).indices == labels[:, None]).any(dim=1)
    return 100 * (1 - right.double().mean().item())
    ### END SOLUTION


# %% [markdown]
# ## The data
#
# 1,000 images of clothes to train on (Fashion-MNIST), shrunk to 14×14 pixels, and 2,000 others to test. That is little, and our nets are narrow. But degradation needs neither many images nor wide layers. It needs depth.

# %%
def prepared(images, labels, mean, std, shrink=1):
    """(images (N, C, H, W), labels (N,)) as tensors, each channel centred and scaled; each `shrink`×`shrink` pixels made one.

    images: uint8 array (N, H, W) or (N, H, W, 3). mean, std: of pixels from 0 to 1, numbers or one for each channel
    """
    x = torch.from_numpy(images).float() / 255
    x = x.unsqueeze(1) if x.ndim == 3 else x.permute(0, 3, 1, 2).contiguous()
    mean, std = (torch.as_tensor(each, dtype=torch.float32).reshape(-1, 1, 1) for each in (mean, std))
    return (F.avg_pool2d(x, shrink) - mean) / std, torch.from_numpy(labels)


# %% tags=["active-ipynb"]
# data, few = load_fashion_mnist(), 1000
# statistics = data.train_images[:few].mean() / 255, data.train_images[:few].std() / 255
# train = prepared(data.train_images[:few], data.train_labels[:few], *statistics, shrink=2)
# test = prepared(data.test_images, data.test_labels, *statistics, shrink=2)
# print(f"{len(train[1]):,} images {tuple(train[0].shape[1:])} to train on, {len(test[1]):,} to test")

# %% [markdown]
# ## Write your guess down, now
#
# Depths 8, 20 and 32, three seeds each, plain and residual. What will happen to the **training** error, from the shallowest net to the deepest? Replace the zeros by a number of percentage points, positive when the error rises.

# %% tags=["active-ipynb"]
# guess = {"plain": 0.0, "residual": 0.0}

# %% [markdown]
# ## The experiment
#
# What follows is given. Read it all the same. Every net is trained by SGD with momentum, with the same learning rate, schedule, number of steps and order of the images; only depth, join and seed differ.
#
# The errors are saved after each run, beside this notebook. If you stop, the next run of the cell goes on from there. **You hand in `degradation.safetensors` with your notebook. Delete it when you have changed `Block`, `make_net` or `error_rate`**, so that all runs are made anew.


# %%
def trained(net, train, *, epochs, seed, rate=0.05, batch_size=50, schedule=one_cycle):
    """The net after training with SGD and momentum."""
    with contextlib.redirect_stdout(io.StringIO()):  # no line for every epoch of every run
        optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9, weight_decay=1e-4)
        history = fit(net, train, epochs=epochs, optimizer=optimizer, batch_size=batch_size, schedule=schedule, seed=seed, panel=False)
    if history.stopped:
        raise KeyboardInterrupt("stopped; run the cell again to go on")
    return net


def experiment(train, test, path, joins, depths, *, seeds=3, layer=None, epochs=5, schedule=one_cycle, batch_size=50, rate=0.05, **sizes):
    """Train a net for every join, every depth and every seed. Returns their errors in percent.

    joins: {name: join}. path: where the errors are saved after each run; runs that are there already are not made again
    layer: function that makes a layer to put before each net, for instance one that moves and mirrors images. sizes: those of `make_net`
    Returns {"training": array (joins, depths, seeds), "test": the same, "depths": array}.
    """
    table = {name: np.full((len(joins), len(depths), seeds), np.nan) for name in ("training", "test")} | {"depths": np.array(depths)}
    if found := load_results(path):
        if found["training"].shape != table["training"].shape or not np.array_equal(found["depths"], table["depths"]):
            raise ValueError(f"{path} holds another experiment: delete it to run this one")
        table = {name: values.copy() for name, values in found.items()}
    for i, (name, join) in enumerate(joins.items()):
        for j, depth in enumerate(depths):
            start = time.perf_counter()
            for seed in np.flatnonzero(np.isnan(table["training"][i, j])):
                seed_everything(int(seed))
                net = make_net(depth, join, **sizes)
                net = trained(nn.Sequential(layer(), net) if layer else net, train, epochs=epochs, seed=int(seed), schedule=schedule, batch_size=batch_size, rate=rate)
                for part, (images, labels) in (("training", train), ("test", test)):
                    table[part][i, j, seed] = error_rate(predict(net, images), labels)
                save_results(path, **table)
            errors = table["training"][i, j]
            print(f"{name:16} {depth:3} layers: training error {errors.mean():5.1f} % (seeds {', '.join(f'{e:.1f}' for e in errors)}), {time.perf_counter() - start:.0f} s", flush=True)
    return table


# %% tags=["active-ipynb"]
# THREADS = torch.get_num_threads()
# torch.set_num_threads(1)  # in so small a net there is nothing for a second thread to do
# DEPTHS = (8, 20, 32)
# with exploring():
#     experiment(train, test, "degradation.safetensors", {"plain": plain, "residual": residual}, DEPTHS)

# %%
own = load_results("degradation.safetensors")

# %% tags=["active-ipynb"]
# LOOKS = {"plain": ("vermillion", "s", "--"), "residual": ("blue", "o", "-")}
#
#
# def depth_figure(own):
#     fig, axes = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True)
#     for ax, part in zip(axes, ("training", "test"), strict=True):
#         for (name, (colour, marker, line)), errors in zip(LOOKS.items(), own[part], strict=True):
#             ax.plot(own["depths"], errors, marker, color=plots.PALETTE[colour], alpha=0.4, markersize=5)
#             ax.errorbar(own["depths"], errors.mean(axis=1), errors.std(axis=1, ddof=1), fmt=marker + line, color=plots.PALETTE[colour], capsize=4, markersize=8, label=name)
#         ax.set(title=f"{part} error", xlabel="layers", xticks=own["depths"], ylim=(0, None))
#         ax.grid(axis="y")
#     axes[0].set_ylabel("error in %: seeds,\nmean ± standard deviation")
#     axes[0].legend()
#     return fig
#
#
# with exploring():
#     if own is None:
#         raise NotImplementedError("run the experiment first")
#     told = "; ".join(f"{name} {', '.join(f'{e:.0f}' for e in errors.mean(axis=1))} %" for name, errors in zip(LOOKS, own["training"], strict=True))
#     show(depth_figure(own), alt=f"Training and test error against depth {', '.join(map(str, own['depths']))}. Mean training errors: {told}. The plain net's errors rise with depth in both panels.")
#     for name, errors in zip(LOOKS, own["training"], strict=True):
#         change = errors[-1] - errors[0]
#         print(f"{name:9} from {own['depths'][0]} to {own['depths'][-1]} layers the training error changes by {change.mean():+.1f} ± {change.std(ddof=1) / np.sqrt(len(change)):.1f} points (you guessed {guess[name]:+.1f})")
#     gap = own["training"][0, -1] - own["training"][1, -1]
#     print(f"at {own['depths'][-1]} layers plain − residual = {gap.mean():.1f} ± {gap.std(ddof=1) / np.sqrt(len(gap)):.1f} points")

# %% [markdown]
# The numbers after ± are **standard errors**, of three differences with the same seed each, as in lab 02.
#
# Look at the left panel. It holds the images that the nets were trained on. The deeper plain nets do not know them too well: they know them too little.
#
# ## conclusion
#
# **Why.** An experiment ends with a sentence. Write yours so that your own numbers can hold it to account. You make three claims about the **training** error:
#
# | entry | what it is about | words |
# |:--|:--|:--|
# | `"plain"` | the plain net's error from the shallowest to the deepest | `"rises"`, `"falls"`, `"cannot tell"` |
# | `"residual"` | the same for the residual net | the same |
# | `"deepest"` | which of the two has the lower error at the greatest depth | `"plain"`, `"residual"`, `"cannot tell"` |
#
# Take differences with the same seed. A claim needs a mean that is more than two standard errors away from 0; if it is not, the right words are `"cannot tell"`. You may type the words, or let your function find them from `own`, the dictionary that the cell above has read.
#
# Your function does not judge. The check does: it works out all means and errors from your table by itself. A table with errors that are missing, or that are not percentages, supports no claim.
#
# **Example.** Three seeds, plain net: errors 20, 22, 21 at the smallest depth and 40, 45, 41 at the largest. The differences are 20, 23, 20, so 21.0 ± 1.0: `"rises"`. For 20, 22, 21 and then 19, 25, 21 they are −1, 3, 0, so 0.7 ± 1.2: `"cannot tell"`.
#
# <details><summary>Hint: where are the numbers?</summary>
#
# The last three lines under the figure say them. In code: `own["training"]` has the axes join (0 plain, 1 residual), depth, seed. So `own["training"][0, -1] - own["training"][0, 0]` are the plain net's differences. Their mean is `d.mean()`, its standard error `d.std(ddof=1) / np.sqrt(len(d))`.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "conclusion", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conclusion():
    """Your conclusion and the table that it rests on.

    Write `claims` in place of the marked line: a dictionary with the entries "plain", "residual" and "deepest", as described above.
    Returns (claims, training errors in percent, as in `own`).
    """
    ### BEGIN SOLUTION
    def word(differences, above, below):
        mean, error = differences.mean(), differences.std(ddof=1) / np.sqrt(len(differences))
        return "cannot tell" if abs(mean) <= 2 * error else above if mean > 0 else below

    errors = own["training"]
    claims = {name: word(errors[i, -1] - errors[i, 0], "rises", "falls") for i, name in enumerate(("plain", "residual"))}
    claims["deepest"] = word(errors[0, -1] - errors[1, -1], "residual", "plain")
    ### END SOLUTION
    return claims, own["training"]


# %% [markdown]
# What your experiment did **not** show: that a plain net of this depth *cannot* be trained. With more steps, another learning rate or other first weights it may get better. The claim is about nets that were all trained in the same way. In the paper the plain nets had 64,000 steps, and degraded all the same.
#
# ## Where does it come from? Gradients, layer by layer
#
# Backpropagation goes through all layers. Let us look at an **untrained** net, at the first step: how large is the gradient of each convolution's weights?
#
# Many will tell you that gradients *vanish* in deep nets. **Predict:** in the plain net of 56 layers, with BatchNorm, is the gradient of the first convolution smaller or larger than that of the last?

# %%
def layers_in_order(net, x):
    """Names of the layers with weights (modules that hold parameters and no other modules), in the order in which the net computes them for x."""
    names = {module: name for name, module in net.named_modules() if not list(module.children()) and list(module.parameters(recurse=False))}
    order, hooks = [], []
    for module in names:
        hooks.append(module.register_forward_pre_hook(lambda module, _: order.append(names[module])))
    was_training = net.training
    try:
        with torch.no_grad():
            net.eval()(x)
    finally:
        net.train(was_training)
        for hook in hooks:
            hook.remove()
    return order


def gradient_norms(net, images, labels):
    """Length of the gradient of each 3×3 convolution's weights, in the order of computing: array (layers,)."""
    order = layers_in_order(net, images[:1])
    net.zero_grad()
    F.cross_entropy(net.train()(images), labels).backward()
    weights = [net.get_submodule(name).weight for name in order]
    return np.array([w.grad.norm().item() for w in weights if w.ndim == 4 and w.shape[-1] == 3])


# %% tags=["active-ipynb"]
# with exploring():
#     fig, ax = plt.subplots(figsize=(8, 3.8))
#     ends = []
#     for name, join in {"plain": plain, "residual": residual}.items():
#         colour, marker, line = LOOKS[name]
#         for depth, shade in ((20, 0.45), (56, 1.0)):
#             norms = []
#             for seed in range(3):
#                 seed_everything(seed)
#                 norms.append(gradient_norms(make_net(depth, join), train[0][:100], train[1][:100]))
#             norms = np.array(norms)
#             ax.plot(np.linspace(0, 1, norms.shape[1]), np.exp(np.log(norms).mean(axis=0)), line, marker=marker, markevery=6, color=plots.PALETTE[colour], alpha=shade, label=f"{name}, {depth} layers")
#             ends.append(f"{name}, {depth} layers: {norms[:, 0].mean():.2g} in the first convolution, {norms[:, -1].mean():.2g} in the last")
#     ax.set(yscale="log", xlabel="place of the convolution in the net: 0 first, 1 last", ylabel="length of the gradient")
#     ax.grid(axis="y")
#     ax.legend(ncols=2)
#     show(fig, alt=f"Length of the gradient of each convolution, logarithmic. {'; '.join(ends)}.")
#     print("\n".join(ends))

# %% [markdown]
# The plain net's gradient **grows** on its way back to the image, layer after layer. In a net of 56 layers the first convolution gets a gradient that is hundreds of times as long as that of the last. One learning rate cannot serve both.
#
# Vanishing gradients are the disease of deep nets *without* normalisation. BatchNorm cures that and brings the opposite: it divides by the spread of each channel, and in a deep stack these divisions multiply (G. Yang and others have shown it in 2019). With shortcuts the gradient has about the same length nearly everywhere, whatever the depth.
#
# Is it the whole reason for degradation? That is not settled. What you can say: among these nets, those whose gradients have about the same length everywhere are those that learn.

# %% [markdown]
# ## Join
#
# **Why.** If an addition is good, is a cleverer junction better? In 2016, He and colleagues tried. They took a ResNet of 110 layers and changed all its shortcuts. You build their variants, and then see for yourself. (Assignment 07 puts them into a block of its own; here each is a join, and your `make_net` does the rest.)
#
# | kind | result | published error, ResNet-110 on CIFAR-10 |
# |:--|:--|--:|
# | `"identity"` | $x + F$ | 6.6 % |
# | `"scaled"` | $0.5\,x + 0.5\,F$ | 12.4 % |
# | `"exclusive gate"` | $(1 - g)\,x + g\,F$ | 8.7 % |
# | `"shortcut gate"` | $(1 - g)\,x + F$ | 12.9 % |
# | `"convolution"` | $C(x) + F$ | 12.2 % |
# | `"dropout"` | $\mathrm{dropout}(x) + F$ | over 20 % |
#
# The **gate** is $g = \sigma(G(x))$: a 1×1 convolution $G$ with a bias, from `channels` to `channels`, then a sigmoid. So each pixel of each channel has its own gate, and it looks at the **shortcut** only. The exclusive gate makes the block a close relative of the Highway network, which came half a year before the residual net. $C$ is a 1×1 convolution without a bias, followed by BatchNorm. Dropout has probability ½, and acts in training only.
#
# All biases of $G$ start at `bias`. That is a strong setting: the published 8.7 % needed a start at −6, where $1 - g \approx 0.998$, so a shortcut that is wide open. With a start from 0 to −5 it failed. The 12.9 % is for a start at 0; with −6 the same variant came to 6.9 %.
#
# **Example.** Shortcut 4, branch 2, and a gate whose value is ¼: `"scaled"` gives 3, `"exclusive gate"` gives $\tfrac34 \cdot 4 + \tfrac14 \cdot 2 = 3.5$, `"shortcut gate"` gives $3 + 2 = 5$.
#
# A join made for 8 channels has 72 parameters when it has a gate, 80 with the convolution, otherwise none.
#
# <details><summary>Hint 1: which layers when?</summary>
#
# In `__init__`, make the layers that the kind needs and no others: `nn.Conv2d(channels, channels, 1)`, `nn.BatchNorm2d(channels)`, `nn.Dropout(0.5)`. `nn.init.constant_(layer.bias, bias)` sets a gate's bias.
#
# </details>
#
# <details><summary>Hint 2: from a Join to a join</summary>
#
# `make_net` wants a function of `channels`. `functools.partial(Join, "scaled")` is one. A module is called like a function, and that runs its `forward(x, f)`.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "Join", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Join(nn.Module):
    """Where shortcut and branch meet, in six ways.

    kind: "identity", "scaled", "exclusive gate", "shortcut gate", "convolution" or "dropout"; ValueError otherwise
    channels: int, of shortcut and branch. bias: float, at which all biases of a gate's convolution start

    forward: x, f, float tensors (N, channels, H, W), shortcut and branch, not to be modified → tensor (N, channels, H, W)

    Source: K. He, X. Zhang, S. Ren, J. Sun, Identity Mappings in Deep Residual Networks (2016), section 3, figure 2 and table 1.
    """

    def __init__(self, kind, channels, bias=-6.0):
        super().__init__()
        ### BEGIN SOLUTION
        if kind not in ("identity", "scaled", "exclusive gate", "shortcut gate", "convolution", "dropout"):
            raise ValueError(f"no way to join is called {kind!r}")
        self.kind = kind
        if kind.endswith("gate"):
            self.layer = nn.Conv2d(channels, channels, kernel_size=1)
            nn.init.constant_(self.layer.bias, bias)
        elif kind == "convolution":
            self.layer = nn.Sequential(nn.Conv2d(channels, channels, kernel_size=1, bias=False), nn.BatchNorm2d(channels))
        elif kind == "dropout":
            self.layer = nn.Dropout(0.5)
        ### END SOLUTION

    def forward(self, x, f):
        ### BEGIN SOLUTION
        if self.kind == "identity":
            return x + f
        if self.kind == "scaled":
            return 0.5 * x + 0.5 * f
        if self.kind in ("convolution", "dropout"):
            return self.layer(x) + f
        g = torch.sigmoid(self.layer(x))
        return (1 - g) * x + (g * f if self.kind == "exclusive gate" else f)
        ### END SOLUTION


# %% [markdown]
# ## The shortcut study, in small
#
# Nets of 32 layers, trained as before. **Predict** which variant comes closest to the identity, and which one comes last. The nets of the paper were more than three times as deep and had hundreds of times as many steps. What agrees all the same?

# %% tags=["active-ipynb"]
# STUDIED = 32
# PUBLISHED = {"identity": "6.6", "scaled": "12.4", "exclusive gate, from −6": "8.7", "shortcut gate, from −6": "6.9", "shortcut gate, from 0": "12.9", "convolution": "12.2", "dropout": "> 20", "plain": "> 20"}
# shortcuts = None
# with exploring():
#     joins = {name: functools.partial(Join, name.partition(",")[0]) for name in PUBLISHED if name not in ("identity", "plain", "shortcut gate, from 0")}
#     joins["shortcut gate, from 0"] = functools.partial(Join, "shortcut gate", bias=0.0)
#     shortcuts = experiment(train, test, "shortcuts.safetensors", joins, (STUDIED,))

# %% tags=["active-ipynb"]
# with exploring():
#     if own is None or shortcuts is None:
#         raise NotImplementedError("run both experiments first")
#     measured = {name: shortcuts["training"][i, 0] for i, name in enumerate(joins)}
#     at = list(own["depths"]).index(STUDIED)
#     measured |= {"identity": own["training"][1, at], "plain": own["training"][0, at]}
#     tests = {name: shortcuts["test"][i, 0].mean() for i, name in enumerate(joins)} | {"identity": own["test"][1, at].mean(), "plain": own["test"][0, at].mean()}
#     order = sorted(measured, key=lambda name: measured[name].mean())
#     fig, ax = plt.subplots(figsize=(8, 3.8))
#     for place, name in enumerate(order):
#         ax.plot(measured[name], np.full(len(measured[name]), place), "o", color=plots.PALETTE["blue"], alpha=0.4, markersize=5)
#         ax.errorbar(measured[name].mean(), place, xerr=measured[name].std(ddof=1), fmt="D", color=plots.PALETTE["blue"], capsize=4)
#     ax.set_yticks(range(len(order)), order)
#     ax.invert_yaxis()
#     ax.set(xlabel=f"training error in %, {STUDIED} layers: seeds, mean ± standard deviation", xlim=(0, None))
#     ax.grid(axis="x")
#     show(fig, alt="Training errors of the variants, from the lowest: " + "; ".join(f"{name} {measured[name].mean():.1f} %" for name in order) + ".")
#     print(f"{'error in %':25}{f'training, here':>16}{'test, here':>12}{'published':>11}")
#     for name in order:
#         print(f"{name:25}{f'{measured[name].mean():.1f} ± {measured[name].std(ddof=1):.1f}':>16}{tests[name]:>12.1f}{PUBLISHED[name]:>11}")

# %% [markdown]
# Compare with the published column. In both, the variants that leave the shortcut open come first: the identity, and the shortcut gate that starts at −6. In both, whatever stands in the shortcut's way costs: a half-open gate, a convolution, a factor, and most of all dropout.
#
# One variant comes out quite differently: the **exclusive gate** from −6. In the paper it is among the better ones, here it does as badly as a plain net. Can you see why? Its *branch* is multiplied by $g$, and $g$ starts at 0.0025. So at first the net consists of shortcuts, and the gates must open before anything can be learned. In 64,000 steps they do. In our 100 they hardly move. That is what "in small" costs: such an experiment sees the beginning of training only.
#
# The published numbers are test errors, and the paper calls a variant failed when its error is above 20 %: plain nets of 110 layers failed, and so did dropout.

# %% tags=["active-ipynb"]
# widgets.question(
#     "A signal goes through the 54 shortcuts of a ResNet-110, each of which multiplies it by 0.5. What is left of it?",
#     {
#         "About a thousandth": "That is what ten shortcuts leave: 0.5¹⁰ = 0.001.",
#         "About 10⁻⁸": "That is what is left half-way, after 27 of them.",
#         "Less than 10⁻¹⁶": "Yes: 0.5⁵⁴ is 5.6·10⁻¹⁷. Nothing of the first block's input reaches the end by the shortcuts alone, neither forward nor, as a gradient, backward.",
#     },
#     answer="Less than 10⁻¹⁶",
# )

# %% [markdown]
# ## load_weights
#
# **Why.** Somebody has trained the CIFAR ResNets at full length and published the weights. If your net computes the same function, it must reach the published error: the hardest test that a net can be put to. But their layers have other names than yours. So a **map of names** goes between: for each layer of your net, the name of theirs.
#
# A layer holds several tensors. The map `{"stem.0": "conv1", "stem.1": "bn1"}` says: `stem.0.weight` gets what is published as `conv1.weight`, `stem.1.running_mean` gets `bn1.running_mean`, and so on. Of what a net's `state_dict()` lists, all must be filled but `num_batches_tracked`: a counter that these weights do not have.
#
# A loader that is not strict hides mistakes: a tensor that was forgotten leaves random weights in the net, and the error is a bit too high. So yours raises a **ValueError**
#
# - when the net has a tensor whose counterpart is missing, in the map or among the weights;
# - when two shapes differ;
# - when a published tensor is left over;
#
# and in all three cases **the net stays as it was**.
#
# **Example.** A net `nn.Sequential(nn.Linear(2, 1))`, weights `{"fc.weight": [[3, 4]], "fc.bias": [5]}`, map `{"0": "fc"}`. Afterwards the net makes $3 + 4 + 5 = 12$ out of (1, 1). With the map `{}`, or with another tensor `bn.weight` among the weights, it is a ValueError.
#
# <details><summary>Hint 1: from your name to theirs</summary>
#
# `name.rpartition(".")` splits `"stem.0.weight"` into `("stem.0", ".", "weight")`. The layer is a key of the map; the last part is the same in both nets.
#
# </details>
#
# <details><summary>Hint 2: first look, then write</summary>
#
# Collect the pairs in a dictionary and check all of them. Only then write: `net.load_state_dict(collected, strict=False)` copies each tensor into the net. `strict=False` lets it pass over the counters; it would pass over your mistakes, too, which is why you have checked before.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "load_weights", "locked": false, "schema_version": 3, "solution": true, "task": false}
def load_weights(net, weights, names):
    """Copy published weights into a net whose layers have other names.

    net: nn.Module, changed in place. weights: {published name: tensor}, such as "conv1.weight"; stays as it is
    names: {name of a layer of the net: name of the published layer}, such as {"stem.0": "conv1"}

    Returns the net. Raises ValueError, and leaves the net as it was, when one of the net's tensors (num_batches_tracked aside)
    has no counterpart, when shapes differ, or when published tensors are left over.
    """
    ### BEGIN SOLUTION
    found, used = {}, set()
    for name, tensor in net.state_dict().items():
        layer, _, part = name.rpartition(".")
        if part == "num_batches_tracked":
            continue
        published = f"{names.get(layer)}.{part}"
        if published not in weights:
            raise ValueError(f"nothing is published for {name} (looked for {published})")
        if weights[published].shape != tensor.shape:
            raise ValueError(f"{name} has the shape {tuple(tensor.shape)}, {published} has {tuple(weights[published].shape)}")
        found[name] = weights[published]
        used.add(published)
    if left := weights.keys() - used:
        raise ValueError(f"left over: {', '.join(sorted(left))}")
    net.load_state_dict(found, strict=False)
    return net
    ### END SOLUTION


# %% [markdown]
# ## Your own ResNet, their weights
#
# Now for the `cifar_resnet` that you wrote in assignment 07. The map of names comes from a simple thought: whatever the layers are called, both nets **compute** in the same order. `layers_in_order` lists yours in the order in which they compute; the published file lists theirs in that order, too.
#
# The images are the test set of CIFAR-10, 32×32, in colour, with mean and spread as in the training of the weights. On a CPU we take a part of them. (If assignment 07 is not written yet, the net of this lab steps in: `make_net(20, residual, width=16, in_channels=3)` is the same net.)
#
# **Predict**: how many of the 2,000 images will it get wrong? The paper reports 8.75 %. These weights are of another training.

# %% tags=["active-ipynb"]
# PUBLISHED_DEPTH = 20  # 56 takes three times as long
# HOW_MANY = 2000 if device().type == "cpu" else 10_000
# WHOLE_SET = {20: 91.73, 56: 93.39}  # accuracy in % on all 10,000 images; a test of this course confirms both
#
#
# def my_cifar_resnet(depth):
#     """Your net of assignment 07, or that of this lab while the other one is not written."""
#     try:
#         return functions_from("07_residual_architectures", "cifar_resnet")[0](depth), "cifar_resnet of assignment 07"
#     except (FileNotFoundError, NotImplementedError) as reason:
#         print(f"The net of this lab steps in. {reason}")
#         return make_net(depth, residual, width=16, in_channels=3), "make_net of this lab"
#
#
# def name_map(net, weights, x):
#     """{layer of the net: published layer}, by the order of computing."""
#     own_names, published = layers_in_order(net, x), list(dict.fromkeys(name.rpartition(".")[0] for name in weights))
#     if len(own_names) != len(published):
#         raise ValueError(f"your net computes with {len(own_names)} layers that have weights, the published one with {len(published)}: they are not the same net")
#     return dict(zip(own_names, published, strict=True))
#
#
# with exploring():
#     try:
#         weights, photos = cifar_resnet_weights(PUBLISHED_DEPTH), load_cifar10(sheets=1)
#     except DataError as reason:
#         print(f"Come back when the data can be had. {reason}")
#     else:
#         start = time.perf_counter()
#         torch.set_num_threads(THREADS)
#         images, labels = prepared(photos.test_images[:HOW_MANY], photos.test_labels[:HOW_MANY], (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
#         mine, origin = my_cifar_resnet(PUBLISHED_DEPTH)
#         names = name_map(mine, weights, images[:1])
#         for layer in (0, 1, 2, -1):
#             print(f"{list(names)[layer]:22} ← {list(names.values())[layer]}")
#         before = error_rate(predict(mine.to(device()), images[:200]), labels[:200])
#         logits = predict(load_weights(mine, weights, names), images)
#         wrong = error_rate(logits, labels)
#         luck = 100 * np.sqrt(wrong / 100 * (1 - wrong / 100) / len(labels))
#         print(f"{origin}, {PUBLISHED_DEPTH} layers, {len(labels):,} test images, {time.perf_counter() - start:.0f} s")
#         print(f"error before {before:.1f} %, with the published weights {wrong:.2f} ± {luck:.2f} %, top-2 error {error_rate(logits, labels, 2):.2f} %")
#         print(f"on all 10,000 images these weights have {100 - WHOLE_SET[PUBLISHED_DEPTH]:.2f} %")

# %% [markdown]
# The number after ± is the luck of the draw: another 2,000 images would give another error, as coins do. On the whole test set the 20 layers have 91.73 % right, and the 56 layers 93.39 %. So there it is, from real weights: **the deeper residual net is the better one**.
#
# If your error stays near 90 %, something in your net computes another function. The usual suspect is the shortcut without weights: do its zero channels stand on **both** sides?
#
# Set `PUBLISHED_DEPTH` to 56 and run the cell again, if you have half a minute. And look at some of the errors: are they mistakes that you would have made?

# %% tags=["active-ipynb"]
# if "logits" in globals():
#     missed = torch.nonzero(logits.argmax(1) != labels)[:12, 0]
#     titles = [f"{photos.classes[logits[i].argmax()]}\n({photos.classes[labels[i]]})" for i in missed]
#     show(plots.image_grid(photos.test_images[missed.numpy()], titles=titles, columns=6), alt="Twelve photos that the net takes for something else. What it says, and what it is: " + "; ".join(title.replace("\n", " ") for title in titles) + ".")

# %% [markdown]
# ## The full experiment
#
# The paper's own: CIFAR-10, 50,000 colour photos, moved by up to four pixels and mirrored at random; nets of 20 and 56 layers, plain and residual, 16 channels wide, one seed; batches of 128, learning rate 0.1, a tenth of it after half of the steps and a hundredth after three quarters, 164 epochs, which is 64,000 steps. Where PyTorch finds a GPU, the cell runs by itself, for some hours; you may stop it, and it goes on from there. The residual net of 20 layers should come to a test error of 9 % at most.
#
# No results of it are printed in this lab, because this lab was written on a machine without a GPU.


# %%
class RandomCropAndFlip(nn.Module):
    """A layer that in training moves each image by up to `most` pixels in both directions, zeros coming in, and mirrors half of them. (N, C, H, W) → the same."""

    def __init__(self, most=4):
        super().__init__()
        self.most = most

    def forward(self, x):
        if not self.training:
            return x
        n, _, height, width = x.shape
        padded = F.pad(x, [self.most] * 4)
        down, right = torch.randint(0, 2 * self.most + 1, (2, n, 1), device=x.device)
        rows, columns = down + torch.arange(height, device=x.device), right + torch.arange(width, device=x.device)
        columns = torch.where(torch.rand(n, 1, device=x.device) < 0.5, columns.flip(1), columns)
        image = torch.arange(n, device=x.device)[:, None, None]
        return padded.permute(0, 2, 3, 1)[image, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).contiguous()


def in_three_steps(progress):
    """Schedule: the factor is 1 in the first half of training, then 0.1, and 0.01 in the last quarter."""
    return 1.0 if progress < 0.5 else 0.1 if progress < 0.75 else 0.01


def full_experiment(photos, path, depths=(20, 56), epochs=164, **sizes):
    """Plain and residual nets on CIFAR-10 as in the paper; photos: `Images`. Returns what `experiment` returns."""
    pixels = photos.train_images.reshape(-1, 3) / 255
    level = pixels.mean(axis=0), pixels.std(axis=0)
    parts = [prepared(images, labels, *level) for images, labels in ((photos.train_images, photos.train_labels), (photos.test_images, photos.test_labels))]
    sizes = {"width": 16, "in_channels": 3} | sizes
    return experiment(*parts, path, {"plain": plain, "residual": residual}, depths, seeds=1, layer=RandomCropAndFlip, epochs=epochs, schedule=in_three_steps, batch_size=128, rate=0.1, **sizes)


# %% tags=["active-ipynb"]
# FULL = device().type != "cpu"
# if FULL:
#     full = full_experiment(load_cifar10(), "degradation_cifar10.safetensors")
#     print(f"CIFAR-10, trained on {device()}")
#     for i, name in enumerate(LOOKS):
#         for j, depth in enumerate(full["depths"]):
#             print(f"{name:9} {depth:3} layers: training error {full['training'][i, j, 0]:.2f} %, test error {full['test'][i, j, 0]:.2f} %")
# else:
#     print("This machine has no GPU that PyTorch can use: all figures above come from its CPU and from 1,000 images of Fashion-MNIST.")

# %% tags=["active-ipynb"]
# widgets.question(
#     "You may add one thing to a plain net of 56 layers that trains badly. What do you add first?",
#     {
#         "Weight decay": "It works against overfitting. This net does not even fit its training images.",
#         "Dropout": "That helps against overfitting, too. Here the training error is the problem.",
#         "Shortcuts": "Yes. They cost no parameters, and each block only has to learn what should be changed.",
#         "More layers": "That was how the trouble began.",
#     },
#     answer="Shortcuts",
# )

# %% [markdown]
# ## What to take with you
#
# - Degradation is a failure to **train**: look at the training error.
# - A shortcut that is left alone, an addition and nothing else, is hard to beat. What stands in its way hurts, because it stands there once in every block.
# - In a plain net with BatchNorm the gradients grow towards the image, layer by layer. With shortcuts they keep their length.
# - Published weights are the best test of a net that you have built. Load them strictly.
#
# **Next**: chapter 13, what came after the residual net.
#
# **Sources.** K. He, X. Zhang, S. Ren, J. Sun, *Deep Residual Learning for Image Recognition*, 2015 (CVPR 2016) · the same, *Identity Mappings in Deep Residual Networks*, ECCV 2016 · R. K. Srivastava, K. Greff, J. Schmidhuber, *Highway Networks*, 2015 · G. Yang, J. Pennington, V. Rao, J. Sohl-Dickstein, S. S. Schoenholz, *A Mean Field Theory of Batch Normalization*, ICLR 2019 · Y. Idelbayev, *Proper ResNet Implementation for CIFAR10/CIFAR100 in PyTorch*, for the weights (BSD licence) · H. Xiao, K. Rasul, R. Vollgraf, *Fashion-MNIST*, 2017 (MIT licence) · A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009, for CIFAR-10.
