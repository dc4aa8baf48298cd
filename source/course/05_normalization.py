# ---
# jupyter:
#   convnets:
#     minutes: 75
#     budget_seconds: 150
#     needs: [02_convolution_arithmetic, 03_activations_and_pooling, 04_backpropagation]
#     summary: Batch, layer, group and instance norm on one cube, why training and use differ, and what normalisation buys
# ---

# %% [markdown]
# # Normalisation
#
# **When you have worked through this chapter, you can**
#
# - say for batch, layer, group and instance normalisation which numbers share one mean and one variance;
# - compute batch normalisation by hand, in NumPy and in PyTorch, for vectors and for images;
# - explain why it behaves differently in training and in use, and recognise the bugs that come from it;
# - fold a trained batch normalisation into the convolution before it;
# - show by an experiment with several seeds what it buys, and say what is still not understood.
#
# **Time:** about 75 minutes. **Needs:** chapters 02, 03 and 04.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from convnets import data, plots
from convnets.train import seed_everything
from convnets.widgets import normalization_axes, predict, question

seed_everything(0)

# %% [markdown]
# ## Before you run anything
#
# Batch normalisation takes one mean and one variance **for each channel**, over everything else in the batch.

# %%
predict(
    "A layer gives 64 maps of 28×28 for each of 32 images. From how many numbers is <em>one</em> of its means computed?",
    answer=32 * 28 * 28,
    explain="All images and all pixels of one channel: 32·28·28 = 25,088. There are 64 such means, one for each channel.",
    unit="numbers",
    hint="The number of channels, 64, plays no role for one mean.",
)

# %% [markdown]
# ## The numbers drift
#
# We always give a net inputs that are centred and scaled: mean 0, spread about 1. Chapter 06 says why. But that holds for the **first** layer only. What does the second layer get? And the fifth?
#
# Here are 256 real images in an untrained net of five convolutions. Before you run it: will all channels be of about the same size?

# %%
clothes = data.load_fashion_mnist()
labels, test_labels = torch.from_numpy(clothes.train_labels), torch.from_numpy(clothes.test_labels)
images, test_images = (torch.from_numpy(a).float()[:, None] / 255 for a in (clothes.train_images, clothes.test_images))
centre, spread = images.mean(), images.std()
images, test_images = (images - centre) / spread, (test_images - centre) / spread


def sums_in_a_deep_net(normalised):
    """What arrives at the ReLU in each of five layers, 256 images: five tensors (256, 8, H, W)."""
    torch.manual_seed(0)
    signal, shown, channels = images[:256], [], 1
    with torch.no_grad():
        for _ in range(5):
            signal = nn.Conv2d(channels, 8, 3, padding=1)(signal)
            if normalised:
                signal = nn.BatchNorm2d(8)(signal)
            shown.append(signal)
            signal, channels = F.relu(signal), 8
    return shown


def ranges(ax, layers, title):
    for layer, signal in enumerate(layers):
        low, middle, high = np.percentile(signal.transpose(0, 1).flatten(1).numpy(), [10, 50, 90], axis=1)
        place = layer * 10 + np.arange(8)
        ax.vlines(place, low, high, color=plots.PALETTE["blue"], linewidth=4, alpha=0.45)
        ax.plot(place, middle, "o", color=plots.PALETTE["vermillion"], markersize=3.5)
    ax.axhline(0, color="grey", linewidth=0.7)
    ax.set_xticks([4 + 10 * i for i in range(5)], [f"layer {i + 1}" for i in range(5)])
    ax.set_title(title)


drifting, steady = sums_in_a_deep_net(False), sums_in_a_deep_net(True)
fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
axes[0].set_ylabel("middle 80 %, dot: median")
ranges(axes[0], drifting, "plain: 8 channels in each layer")
ranges(axes[1], steady, "with batch normalisation")
sizes = {name: [layer.std(dim=(0, 2, 3)).mean().item() for layer in layers] for name, layers in (("plain", drifting), ("normalised", steady))}
plots.show(
    fig,
    alt="Range of the values in each channel of five layers. Plain: wide in the first layer, then ever narrower, each channel around another value. With batch normalisation all forty ranges are alike and lie around zero. "
    + f"Mean spread of a channel in layers 1 and 5: plain {sizes['plain'][0]:.2f} and {sizes['plain'][4]:.3f}, normalised {sizes['normalised'][0]:.2f} and {sizes['normalised'][4]:.2f}.",
)
print("mean spread of a channel, layer by layer")
for name, values in sizes.items():
    print(f"{name:11}", "  ".join(f"{v:.3f}" for v in values))

# %% [markdown]
# In the plain net the channels shrink and wander off from layer to layer. In the last one the images hardly differ any more. And as soon as training moves the weights of one layer, the inputs of all later layers
# change.
#
# The idea of S. Ioffe and C. Szegedy (2015) is bold: if we want each channel to have mean 0 and variance 1, let us **make it so**, with a layer of its own. It is differentiable, so gradients go through it as through any other.
#
# ## The mathematics
#
# Take one feature. In a batch of $n$ examples it has the values $x_1 \dots x_n$.
#
# $$\mu = \frac1n \sum_i x_i \qquad \sigma^2 = \frac1n \sum_i (x_i - \mu)^2 \qquad \hat x_i = \frac{x_i - \mu}{\sqrt{\sigma^2 + \varepsilon}} \qquad y_i = \gamma\,\hat x_i + \beta$$
#
# - $\varepsilon$ is a small number, usually $10^{-5}$, so that nothing is divided by 0.
# - $\gamma$ and $\beta$ are **learned**: a scale and a shift for each feature. They start at 1 and 0.
#
# | input | one mean for each | axes of the mean | γ, β |
# |---|---|---|---|
# | vectors, N×D | feature | N | D numbers |
# | images, N×C×H×W | channel | N, H, W | C numbers |
#
# For images, every pixel counts as an example: one filter made the whole map, so its numbers are treated alike.
#
# ## Which numbers belong together?
#
# The cube holds 3 images with 4 channels of 2×2 pixels. The orange numbers share one mean and one variance. Click another number, or use the arrow keys, and try all four buttons. Look at the formula beside the cube: the same number becomes
# something else each time.

# %%
normalization_axes()

# %% [markdown]
# - **Batch norm**: one channel, all images.
# - **Layer norm**: one image, all channels.
# - **Instance norm**: one image, one channel.
# - **Group norm**: one image, a group of neighbouring channels. With one group it is layer norm, with as many groups as channels it is instance norm. Try it.
#
# The last three never look at another image.

# %%
question(
    "One image of the batch is replaced by another one. For which normalisations does the result of the <em>other</em> images change?",
    {
        "For all four": "Look at the cube again: for three of them the orange numbers stay inside one image.",
        "Only for batch norm": "Yes. It is the only one whose mean runs over the images. An image's result depends on its company.",
        "For batch norm and layer norm": "The mean of layer norm runs over channels and pixels, but of one image only.",
        "For none": "In batch norm the new image enters the mean and the variance that all share.",
    },
    answer="Only for batch norm",
)

# %% [markdown]
# ## A dozen lines of NumPy
#
# All four are one function. Only the axes differ.


# %%
def normalise(x, axes, eps=1e-5):
    mean = x.mean(axis=axes, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps)


def batch_norm(x):
    return normalise(x, (0, 2, 3))


def layer_norm(x):
    return normalise(x, (1, 2, 3))


def instance_norm(x):
    return normalise(x, (2, 3))


def group_norm(x, groups):
    n, c, h, w = x.shape
    return normalise(x.reshape(n, groups, c // groups, h, w), (2, 3, 4)).reshape(x.shape)


# %% [markdown]
# ### The same in PyTorch

# %%
rng = np.random.default_rng(0)
x = rng.standard_normal((5, 6, 4, 3)) * 3 + 2
theirs = {
    "batch": (nn.BatchNorm2d(6), batch_norm(x)),
    "layer": (nn.LayerNorm((6, 4, 3)), layer_norm(x)),
    "instance": (nn.InstanceNorm2d(6, affine=True), instance_norm(x)),
    "group, 2 groups": (nn.GroupNorm(2, 6), group_norm(x, 2)),
    "group, 1 group, against layer": (nn.GroupNorm(1, 6), layer_norm(x)),
    "group, 6 groups, against instance": (nn.GroupNorm(6, 6), instance_norm(x)),
}
for name, (module, ours) in theirs.items():
    difference = np.abs(module.double()(torch.from_numpy(x)).detach().numpy() - ours).max()
    print(f"{name:34} {sum(p.numel() for p in module.parameters()):4} parameters, largest difference {difference:.0e}")

# %% [markdown]
# Look at the numbers of parameters. γ and β belong to the **channels** in all but layer norm as PyTorch has it: that one has a γ and a β for each of the 6·4·3 = 72 numbers of an image.
#
# ### Your own axes
#
# The widget can look into **your** function: it moves one number after the other, and watches which outputs follow. Change `axes` below and run the cell again. What does `axes=(0,)` mean, which so many write by mistake? And `(1,)`?


# %%
def my_norm(x):
    return normalise(x, axes=(0, 2, 3))


normalization_axes(function=my_norm)

# %% [markdown]
# ## Is it too much of a constraint?
#
# Each channel is forced to mean 0 and variance 1. Perhaps the net would be better off with another mean? That is what γ and β are for. If the net learns $\gamma = \sigma$ and $\beta = \mu$, the layer gives back exactly what came in: **the identity is among the things it can learn.**

# %%
mean, variance = x.mean(axis=(0, 2, 3)), x.var(axis=(0, 2, 3))
gamma, beta = np.sqrt(variance + 1e-5), mean
back = gamma[:, None, None] * batch_norm(x) + beta[:, None, None]
print(f"with γ = σ and β = μ the output differs from the input by at most {np.abs(back - x).max():.0e}")

# %% [markdown]
# So nothing is lost. But it is another parametrisation: mean and size of a channel are now set by **two numbers**, β and γ, instead of following in some complicated way from the weights of all layers before.
#
# ## Training and use
#
# In training the batch is at hand. In use there may be a single image, and its answer should not depend on its neighbours. So the layer keeps **running averages** of mean and variance while it trains, and uses them afterwards:
#
# $$\text{running} \;\leftarrow\; (1 - m)\cdot\text{running} \;+\; m\cdot\text{of this batch}, \qquad m = 0.1$$
#
# In PyTorch `net.train()` and `net.eval()` choose between the two. There is a small print: the layer **normalises** with the biased variance (divided by $n$), but **remembers** the unbiased one (divided by $n - 1$), which estimates the variance
# of all data. Let us catch it doing so. Four numbers, mean 3, squared deviations that add up to 16.

# %%
norm = nn.BatchNorm1d(1, momentum=1.0)
four = torch.tensor([[1.0], [1.0], [5.0], [5.0]])
print("output:          ", norm(four).detach().flatten().numpy().round(3), " (divided by √(16/4) = 2)")
print("running mean:    ", norm.running_mean.item())
print(f"running variance: {norm.running_var.item():.4f}  (16/3, not 16/4)")
print("after .eval():   ", norm.eval()(four).detach().flatten().numpy().round(3), " (divided by √(16/3))")

# %%
question(
    "`nn.BatchNorm2d(64, momentum=0.1)`: what does the 0.1 mean?",
    {
        "A tenth of the old average stays": "That is the sense of momentum in optimisers, and of the decay in some other libraries. Here it is the other way round.",
        "A tenth of the new batch is mixed in": "Yes: running = 0.9·running + 0.1·new. Beware when you carry settings over: TensorFlow would call the same thing 0.9.",
        "A tenth of the batch is used": "All of the batch is used, always.",
        "It is the learning rate of γ and β": "γ and β are ordinary parameters, and the optimiser moves them. Running averages get no gradient at all.",
    },
    answer="A tenth of the new batch is mixed in",
)

# %% [markdown]
# ### The bug that everyone has once
#
# "Behaves differently during training and testing" is the sober way to say it. What happens to a trained net if you forget `.eval()`? We train a small net with batch normalisation. Then we leave it in `train()` mode, and show it test images: in batches of different
# sizes, well mixed, and sorted by class. (We keep the running averages from moving.)
#
# Before you run it: which is worse, a small mixed batch, or a large batch of trousers only?


# %%
def small_net(norm, seed=0):
    """Four convolutions of stride 2 with `norm(channels)` behind each; None for none."""
    torch.manual_seed(seed)
    parts, inputs = [], 1
    for outputs in (8, 16, 32, 32):
        parts += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=norm is None)]
        parts += [norm(outputs), nn.ReLU()] if norm else [nn.ReLU()]
        inputs = outputs
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(128, 10))


def train(net, rate, seed=0, epochs=1, first=10_000):
    """Plain stochastic gradient descent on the first images, batches of 64. Returns the share of right test images."""
    descent, generator = torch.optim.SGD(net.parameters(), lr=rate), torch.Generator().manual_seed(seed)
    net.train()
    for _ in range(epochs):
        for rows in torch.randperm(first, generator=generator).split(64):
            loss = F.cross_entropy(net(images[rows]), labels[rows])
            descent.zero_grad()
            loss.backward()
            descent.step()
    net.eval()
    with torch.no_grad():
        return (net(test_images).argmax(1) == test_labels).float().mean().item()


def right_in_train_mode(net, order, size):
    """Share of right answers with the statistics of each batch: test images in `order`, `size` at a time."""
    net.train()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.0
    with torch.no_grad():
        answers = torch.cat([net(test_images[rows]).argmax(1) == test_labels[rows] for rows in order.split(size)])
    net.eval()
    return answers.float().mean().item()


batched, grouped = small_net(nn.BatchNorm2d), small_net(lambda channels: nn.GroupNorm(4, channels))
in_eval = {"batch norm": train(batched, 0.1, epochs=2), "group norm": train(grouped, 0.1, epochs=2)}
orders = {"mixed": torch.randperm(len(test_labels), generator=torch.Generator().manual_seed(1)), "sorted by class": test_labels.argsort(stable=True)}
batch_sizes = (1, 2, 4, 8, 16, 32, 64, 128)
forgotten = {name: [right_in_train_mode(batched, order, size) for size in batch_sizes] for name, order in orders.items()}

fig, ax = plt.subplots(figsize=(8, 3.4))
ax.axhline(100 * in_eval["batch norm"], color="black", linewidth=1, label="net.eval(), any batch")
for (name, values), colour, marker in zip(forgotten.items(), ["blue", "vermillion"], plots.MARKERS, strict=False):
    ax.plot(batch_sizes, 100 * np.array(values), color=plots.PALETTE[colour], marker=marker, label=f"eval() forgotten, {name}")
ax.set_xscale("log", base=2)
ax.set_xticks(batch_sizes, batch_sizes)
ax.set_xlabel("images in a batch")
ax.set_ylabel("right, in %")
ax.set_ylim(0, 100)
ax.legend(loc="lower right", fontsize=9)
plots.show(
    fig,
    alt=f"Right answers against batch size. In eval mode {in_eval['batch norm']:.0%}, always. In train mode, mixed: rises from {forgotten['mixed'][0]:.0%} for one image to {forgotten['mixed'][-1]:.0%} for 128. Sorted by class: between {min(forgotten['sorted by class']):.0%} and {max(forgotten['sorted by class']):.0%} for all sizes.",
)
for name, values in forgotten.items():
    print(f"{name:16}", "  ".join(f"{size}: {v:.0%}" for size, v in zip(batch_sizes, values, strict=True)))
same = torch.equal(grouped.train()(test_images[:8]), grouped.eval()(test_images[:8]))
print(f"in eval mode {in_eval['batch norm']:.1%}; the net with group norm: {in_eval['group norm']:.1%}, and train() and eval() give the same: {same}")

# %% [markdown]
# With large, mixed batches nothing seems wrong, and that is what makes this bug so common. It shows itself later, when images come one by one, or when all images of a batch are alike. In a batch of trousers, "trouser" is the mean, and the mean is
# subtracted.
#
# Four bugs of this family, all seen in practice:
#
# 1. `eval()` forgotten at test time (this one), or `train()` forgotten when training goes on after a test.
# 2. Running averages that are not saved with the weights. In PyTorch they are **buffers**: in `state_dict()`, but not in `parameters()`.
# 3. Running averages that have not arrived yet, because training was short: they start at 0 and 1.
# 4. A last batch with a single value for a channel. It has no variance, and PyTorch stops with an error.

# %%
print("parameters:", [name for name, _ in nn.BatchNorm2d(3).named_parameters()])
print("buffers:   ", [name for name, _ in nn.BatchNorm2d(3).named_buffers()])
try:
    nn.BatchNorm1d(3)(torch.zeros(1, 3))
except ValueError as error:
    print("ValueError:", error)

# %% [markdown]
# ## Free of charge in use
#
# With running averages the layer is $y = s\,x + t$ for each channel, with fixed numbers $s = \gamma/\sqrt{\sigma^2 + \varepsilon}$ and $t = \beta - s\,\mu$. And just before it stands a convolution, a weighted sum plus bias. Both together are again a weighted sum plus a bias:
#
# $$s\,(w * x + b) + t \;=\; (s\,w) * x + (s\,b + t)$$
#
# So the batch normalisation can be **folded** into the convolution. We do it for the net that we have just trained.


# %%
def fold(conv, norm):
    """One convolution that does what `conv` and, behind it, `norm` in eval mode do."""
    s = norm.weight / (norm.running_var + norm.eps).sqrt()
    t = norm.bias - s * norm.running_mean
    folded = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding)
    folded.weight.data = s[:, None, None, None] * conv.weight.data
    folded.bias.data = t if conv.bias is None else s * conv.bias.data + t
    return folded


parts = list(batched.eval())
lean = nn.Sequential(*[fold(p, parts[i + 1]) if isinstance(p, nn.Conv2d) else p for i, p in enumerate(parts) if not isinstance(p, nn.BatchNorm2d)])
fused = nn.Sequential(*[fuse_conv_bn_eval(p, parts[i + 1]) if isinstance(p, nn.Conv2d) else p for i, p in enumerate(parts) if not isinstance(p, nn.BatchNorm2d)])


def milliseconds(net):
    times = []
    with torch.no_grad():
        for _ in range(15):
            start = time.perf_counter()
            net(test_images[:256])
            times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


with torch.no_grad():
    difference = (lean(test_images) - batched(test_images)).abs().max().item()
    print(f"largest difference of a logit: {difference:.0e}; to PyTorch's own folding: {(lean(test_images) - fused(test_images)).abs().max().item():.0e}")
print(f"layers: {len(batched)} → {len(lean)};   256 images: {milliseconds(batched):.1f} ms → {milliseconds(lean):.1f} ms on this machine")

# %% [markdown]
# The same logits, up to rounding, from fewer layers. This is why batch normalisation costs nothing in use. The other three normalisations cannot be folded: their means depend on the image.
#
# ## Where it sits
#
# The usual place is **between the convolution and the nonlinearity**: Conv → BatchNorm → ReLU.
#
# - Behind the convolution the values are sums of many terms. They look more like a bell than what comes out of a ReLU, and mean and variance describe them well.
# - The convolution needs no bias then: the mean is subtracted, and a bias with it. β does its work. Hence `nn.Conv2d(…, bias=False)`.
#
# There are nets that put it elsewhere. Chapter 12 shows residual nets that normalise *first*. Let us check the claim about the bias.

# %%
conv = nn.Conv2d(1, 4, 3)
with torch.no_grad():
    before = nn.BatchNorm2d(4)(conv(images[:64]))
    conv.bias += torch.tensor([5.0, -3.0, 10.0, 0.5])
    print(f"a bias of up to 10 changes the output by at most {(nn.BatchNorm2d(4)(conv(images[:64])) - before).abs().max().item():.0e}")

# %% [markdown]
# ## What it buys
#
# The claims: nets with batch normalisation are easier to train, allow **higher learning rates**, and are less sensitive to the initial weights. We test the second one first, and do it properly: two nets that differ only in the normalisation, five learning rates, **three seeds
# each** for weights and order of the images, 100 steps with 64 images each.
#
# Write down your guess first: up to which learning rate will the plain net still learn? And the other?

# %%
rates, seeds = (0.03, 0.1, 0.3, 1.0, 3.0), (0, 1, 2)
nets = {"plain": None, "batch norm": nn.BatchNorm2d}
start = time.perf_counter()
results = {name: 100 * np.array([[train(small_net(norm, seed), rate, seed, first=6400) for seed in seeds] for rate in rates]) for name, norm in nets.items()}
print(f"{len(rates) * len(seeds) * 2} nets trained in {time.perf_counter() - start:.0f} s")

# %%
fig, ax = plt.subplots(figsize=(8, 3.6))
for (name, values), colour, marker in zip(results.items(), ["vermillion", "blue"], plots.MARKERS, strict=False):
    ax.errorbar(rates, values.mean(axis=1), yerr=values.std(axis=1, ddof=1), color=plots.PALETTE[colour], marker=marker, capsize=4, label=name)
    ax.plot(np.repeat(rates, 3), values.ravel(), ".", color=plots.PALETTE[colour], alpha=0.6, markersize=5)
ax.axhline(10, color="grey", linewidth=0.8)
ax.set_xscale("log")
ax.set_xticks(rates, [f"{rate:g}" for rate in rates])
ax.minorticks_off()
ax.set_xlabel("learning rate")
ax.set_ylabel("right after 100 steps, in %")
ax.set_ylim(0, 100)
ax.legend(loc="upper right")
plots.show(
    fig,
    alt="Right answers after 100 steps against the learning rate, mean and standard deviation of three seeds. "
    + " ".join(f"{name}: " + ", ".join(f"{v.mean():.0f} at {rate:g}" for rate, v in zip(rates, values, strict=True)) + "." for name, values in results.items()),
)
print(f"{'':12}" + "".join(f"{rate:>14g}" for rate in rates))
for name, values in results.items():
    print(f"{name:12}" + "".join(f"{v.mean():9.1f} ±{v.std(ddof=1):4.1f}" for v in values))
highest = {name: max(rate for rate, v in zip(rates, values, strict=True) if v.min() > 50) for name, values in results.items()}
print("highest learning rate at which every seed got more than half of the images right:", ", ".join(f"{name} {rate:g}" for name, rate in highest.items()))

# %% [markdown]
# Read the figure like this. At its best rate the normalised net is better than the plain one at its best, after the same work. It is good over a **wider range** of rates. And it still learns at a rate at which the plain nets are back at guessing, or nearly so (the
# grey line). At the highest rate it fails, too: there is more room, but not endless room.
#
# What the figure does not show: that it would be better after long training. A hundred steps measure speed. Given time and a careful choice of rate and initial weights, the plain net catches up, at least in part. In 2015 the
# inventors reported that an Inception net reached the same accuracy in 14 times fewer steps.
#
# ### And bad initial weights?
#
# The third claim, with the same care: all initial weights of the convolutions are multiplied by a factor, the learning rate is 0.1. Which factor hurts which net?


# %%
def with_weights_times(factor, net):
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data *= factor
    return net


factors = (0.3, 1, 3, 10)
print("initial weights times" + "".join(f"{factor:>14g}" for factor in factors))
for name, norm in nets.items():
    scores = 100 * np.array([[train(with_weights_times(factor, small_net(norm, seed)), 0.1, seed, first=6400) for seed in seeds] for factor in factors])
    print(f"{name:21}" + "".join(f"{v.mean():9.1f} ±{v.std(ddof=1):4.1f}" for v in scores))

# %% [markdown]
# The plain net learns at some sizes of the weights and not at others. The normalised one hardly cares. With ten times the weights it learns a little more slowly. The next cell shows why.
#
# ### The size of the weights no longer matters
#
# One reason can be seen exactly. Multiply the weights of a convolution by 10. Its outputs are ten times as large, and the normalisation divides the ten out again: nothing changes. But what happens to the gradient of these weights?

# %%
torch.manual_seed(0)
conv, norm, readout = nn.Conv2d(1, 8, 5), nn.BatchNorm2d(8, eps=1e-12), nn.Linear(8, 10)
conv.double(), norm.double(), readout.double()
some = images[:128].double()


def loss_and_gradient():
    conv.zero_grad()
    out = norm(conv(some)).relu().mean(dim=(2, 3))
    loss = F.cross_entropy(readout(out), labels[:128])
    loss.backward()
    return loss.item(), conv.weight.grad.clone()


loss, gradient = loss_and_gradient()
along = (gradient * conv.weight.detach()).sum().item()
conv.weight.data *= 10
loss_10, gradient_10 = loss_and_gradient()
print(f"loss {loss:.6f}; with ten times the weights {loss_10:.6f}")
print(f"size of the gradient {gradient.norm():.6f} → {gradient_10.norm():.6f}: a factor of {gradient_10.norm() / gradient.norm():.3f}")
print(f"part of the gradient that points along the weights: {abs(along):.0e}")

# %%
question(
    "The gradient stands at a right angle to the weights, and it is ten times smaller for ten times larger weights. A step was too large, and the weights have grown. What follows for the next steps?",
    {
        "They grow without limit": "That is what happens in the plain net: larger weights, larger outputs, larger gradients. Here larger weights mean smaller gradients.",
        "They become smaller, compared with the weights": "Yes. Weights ten times as large get gradients a tenth as large: the direction turns a hundred times more slowly. Steps that were too large put on the brake by themselves.",
        "Nothing changes": "The loss does not change, but the gradient does. The cell above measured a factor of 0.1.",
        "The net stops learning at once": "It learns more slowly, until the weights shrink again, for instance by weight decay.",
    },
    answer="They become smaller, compared with the weights",
)

# %% [markdown]
# ## What is not understood
#
# Its inventors gave a reason: each layer no longer has to chase the changing inputs that the layers before it produce. They called the change **internal covariate shift**. It sounds right. But in 2018 S. Santurkar and others added random noise *behind* each batch normalisation, so that
# the inputs of every layer shifted wildly. The nets trained about as well as before. They found something else: with batch normalisation the loss is **smoother**, so that a gradient stays valid over a longer step.
#
# So we know well *that* it helps, and we can measure it, as you did. *Why* is still debated: smoothness, the brake that you have just measured, the noise of the batch that acts like a mild regulariser. Be careful with confident explanations.
#
# ## Which one, when?
#
# | | statistics over | γ, β | training = use | common in |
# |---|---|---|---|---|
# | batch norm | N, H, W | each channel | no | convolutional nets with batches that are not small |
# | layer norm | C, H, W (or the last axes) | each feature | yes | recurrent nets, transformers, ConvNeXt |
# | instance norm | H, W | each channel | yes | style transfer |
# | group norm | H, W and a group of channels | each channel | yes | detection and segmentation, with few large images in a batch |
#
# Small batches make batch norm's statistics noisy, and then group norm is the better choice: its inventors, Y. Wu and K. He, report for a ResNet-50 on ImageNet, with two images in a batch, an error of 24.1 % with group norm and 34.7 % with batch norm. With 32 images it was 24.1 % and 23.6 %.
#
# ## Check yourself

# %%
predict(
    "A net has a convolution 64 → 128 with 3×3 kernels and no bias, then a `BatchNorm2d`. How many <em>learned</em> parameters do both have together?",
    answer=128 * 64 * 9 + 2 * 128,
    explain="128·64·3·3 = 73,728 weights, and γ and β for 128 channels: 256. Together 73,984. The 256 running averages are not learned.",
    unit="parameters",
    hint="γ and β: one of each for every output channel.",
)

# %%
predict(
    "A feature has the values 2, 4, 4, 6 in a batch, with ε = 0, γ = 3, β = 1. What becomes of the 6? (Two decimals are enough.)",
    answer=3 * 2 / np.sqrt(2) + 1,
    tolerance=0.01,
    explain="Mean 4, squared deviations 4 + 0 + 0 + 4, variance 8/4 = 2. So 3·(6 − 4)/√2 + 1 = 5.24.",
    hint="Divide the sum of the squared deviations by 4, not by 3.",
)

# %%
question(
    "In training your net reaches 90 % on the training images. In use, fed with one image at a time, it is wrong much more often. With batches of 128 all is well. What do you look for first?",
    {
        "A learning rate that is too high": "Then it would not reach 90 %.",
        "A forgotten `net.eval()`": "Yes. That the answer depends on the batch's size is the fingerprint of batch statistics at test time.",
        "Overfitting": "Overfitting shows as a gap between training and test images, whatever the size of the batch.",
        "A wrong ε": "ε would do the same harm in batches of 128.",
    },
    answer="A forgotten `net.eval()`",
)

# %%
question(
    "Your images are so large that only two fit into memory at a time. Which layer would you try in place of batch norm?",
    {
        "Group norm": "Yes: its statistics come from one image alone, so the size of the batch plays no role.",
        "Batch norm with a momentum of 1": "Then the running averages would be those of the last two images. And the noise in training stays.",
        "No normalisation, and a higher learning rate": "The experiment above shows what becomes of plain nets at high rates.",
        "Batch norm, folded into the convolutions": "Folding is for use, when the statistics are fixed. In training they are not.",
    },
    answer="Group norm",
)

# %% [markdown]
# ## What this leads to
#
# - **Assignment 03**: you write all four layers, forward and backward, the running averages, and the folding.
# - **Lab 02** asks what batch normalisation buys on real images, next to dropout and augmentation.
# - **Chapter 06** is about the other half of the story: initial weights, learning rates, optimisers.
# - **Chapter 12**: residual nets, in which every convolution is followed by one of these layers.
#
# ## Sources
#
# - S. Ioffe, C. Szegedy, *Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift*, ICML 2015.
# - J. L. Ba, J. R. Kiros, G. E. Hinton, *Layer Normalization*, 2016.
# - D. Ulyanov, A. Vedaldi, V. Lempitsky, *Instance Normalization: The Missing Ingredient for Fast Stylization*, 2016.
# - Y. Wu, K. He, *Group Normalization*, ECCV 2018: the picture of the cubes, and the comparison by batch size.
# - S. Santurkar, D. Tsipras, A. Ilyas, A. Mądry, *How Does Batch Normalization Help Optimization?*, NeurIPS 2018.
# - T. van Laarhoven, *L2 Regularization versus Batch and Weight Normalization*, 2017: the weights' size and the gradient's.
# - J. Johnson, *EECS 498-007*, lecture 7, University of Michigan, 2019.
