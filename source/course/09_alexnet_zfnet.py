# ---
# jupyter:
#   convnets:
#     minutes: 100
#     budget_seconds: 60
#     needs: [02_convolution_arithmetic, 03_activations_and_pooling, 06_optimization, 07_regularization, 08_lenet]
#     summary: The net of 2012, measured piece by piece; what was done for two small GPUs, what has left, what has stayed, and what a look inside repaired
# ---

# %% [markdown]
# # AlexNet and ZFNet
#
# In 2012 a convolutional net won the ImageNet challenge by a wide margin, and within two years nearly everybody in computer vision had changed their method. The net is LeNet's pattern, a thousand times larger. In this chapter you take it apart. Some of its pieces are in every net of today, some have gone.
#
# **When you have worked through this chapter, you can**
#
# - write down every size in AlexNet, for images of 227 and of 224 pixels, and say which numbers do not fit;
# - say where its 61 million parameters are, and where its time goes;
# - split a layer over two GPUs, and say what the split costs and saves;
# - compute local response normalisation by hand, and give three reasons why it left;
# - vary the colours of a photo as AlexNet's training did;
# - read its error rates together with the small print;
# - show on a photo what a stride of 4 breaks, and what ZFNet did about it.
#
# **Time:** about 100 minutes. **Needs:** chapters 02, 03, 06, 07 and 08.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from convnets import data, plots
from convnets.arithmetic import layer_table
from convnets.vision import torchvision
from convnets.widgets import architecture_explorer, predict, question

# %% [markdown]
# ## Before you run anything
#
# **ImageNet** in the challenge of 2012: 1.2 million photos to learn from, 1,000 classes, more than a hundred breeds of dogs among them. A net may name five classes for each photo. Its **top-5 error** is the share of photos where the right class is not among the five. The best entry without a deep net missed 26.2 %. AlexNet missed 15.3 %.
#
# The paper's drawing says: an image of 224×224 pixels goes in. The first layer has filters of 11×11 and a stride of 4; padding is not mentioned. Out come maps of 55×55.

# %%
question(
    "Do these numbers fit together, without padding?",
    {
        "Yes: 224 / 4 is 56, and one is lost at the border": "Count windows, not blocks. The first window ends at pixel 11, and each further one needs 4 more pixels.",
        "No: there is room for 54 windows": "Right. (224 − 11)/4 = 53.25, so 53 steps and 54 windows, and one pixel is left over. For 55 windows the image must have 11 + 54·4 = 227 pixels.",
        "No: there is room for 53 windows": "There is room for 53 <em>steps</em>. The first window stands there before the first step.",
        "Yes: it is the stride that makes 55": "A stride of 4 moves a window by 4 pixels. The formula is ⌊(224 − 11)/4⌋ + 1.",
    },
    answer="No: there is room for 54 windows",
)

# %% [markdown]
# So one of the two numbers in the drawing is wrong, or something is padded. Everybody who builds the net must decide. You will meet all three decisions below.
#
# ## The net in one picture
#
# Five convolutions, three poolings, three fully connected layers: [convolution, activation, pooling] with two poolings left out, flatten, fully connected. You know this pattern from LeNet.

# %%
shapes = [(3, 227, 227), (96, 55, 55), (256, 27, 27), (384, 13, 13), (384, 13, 13), (256, 13, 13), (256, 6, 6), (4096,), (4096,), (1000,)]
plots.show(
    plots.shapes_diagram(shapes, labels=["input", "conv1", "conv2", "conv3", "conv4", "conv5", "pool5", "fc6", "fc7", "fc8"]),
    alt="AlexNet as boxes: input 3×227×227, conv1 96×55×55, conv2 256×27×27, conv3 and conv4 384×13×13, conv5 256×13×13, after pooling 256×6×6, then 4,096, 4,096 and 1,000 units.",
)

# %% [markdown]
# The net of the paper, layer by layer. (In assignment 06 you build it. This table is computed from the course's own solution.)
#
# <!-- layers: 06_classic_architectures: alexnet("two towers"), (3, 227, 227) -->
#
# Layers that hold no parameters and keep the shape (ReLU, normalisation, dropout) share the last row before the total.
#
# Today's libraries ship a slimmer version, which its first author published in 2014: 64, 192, 384, 256 and 256 filters, one tower instead of two, no normalisation. Unfold it, and let the bars show parameters, multiply-adds and memory in turn. One of them looks very different from the others.

# %%
with torch.device("meta"):
    one_tower = torchvision.models.alexnet(weights=None)
architecture_explorer(one_tower, (3, 224, 224))

# %% [markdown]
# ## 227, 224, and 224
#
# Three ways to resolve the riddle of the first layer are in use. The sizes follow from one line, $\lfloor (W + 2P - K)/S \rfloor + 1$.

# %%
WINDOWS = {"conv1": (11, 4, 0), "pool1": (3, 2, 0), "conv2": (5, 1, 2), "pool2": (3, 2, 0), "conv3": (3, 1, 1), "conv4": (3, 1, 1), "conv5": (3, 1, 1), "pool5": (3, 2, 0)}


def sides(side, first_padding=0):
    """Side of the maps after each layer of AlexNet, the input's first."""
    result = [side]
    for name, (kernel, stride, padding) in WINDOWS.items():
        padding = first_padding if name == "conv1" else padding
        result.append((result[-1] + 2 * padding - kernel) // stride + 1)
    return result


print(f"{'':24}" + "".join(f"{name:>7}" for name in ("input", *WINDOWS)) + "   into fc6   weights of fc6")
for name, choice in {"227, no padding": (227, 0), "224, padding 2": (224, 2), "224, no padding": (224, 0)}.items():
    found = sides(*choice)
    print(f"{name:24}" + "".join(f"{side:7}" for side in found) + f"{256 * found[-1] ** 2:11,}{256 * found[-1] ** 2 * 4096:17,}")

# %% [markdown]
# 1. **227, no padding.** The sizes of the paper's drawing, except for the first one. Most lecture notes and Caffe have it so.
# 2. **224, padding 2.** torchvision has it so. All sizes from the first layer on are the same, and the usual 224 goes in.
# 3. **224, no padding.** Some slides have it so: 54, 26, 12 and at last 5×5 instead of 6×6. It is a correct net, but another one. Trained weights of the first two do not fit: their first fully connected layer is wider.

# %%
predict(
    "By how many <em>million</em> weights is fc6 smaller in the third net than in the first? (One decimal is enough.)",
    answer=(9216 - 6400) * 4096 / 1e6,
    tolerance=0.06,
    explain="It reads 5·5·256 = 6,400 numbers instead of 6·6·256 = 9,216, so (9,216 − 6,400)·4,096 = 11,534,336 weights are saved. Three pixels at the border of the image, a fifth of the net.",
    unit="million",
    hint="Each of its 4,096 units has one weight for each number that it reads.",
)

# %% [markdown]
# While we are at it: the paper counts the units of its layers as 253,440 – 186,624 – 64,896 – 64,896 – 43,264 – 4,096 – 4,096 – 1,000. Check them. One does not fit to the drawing beside it.

# %%
stated = [253_440, 186_624, 64_896, 64_896, 43_264, 4_096, 4_096, 1_000]
for name, shape, number in zip(("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"), [*shapes[1:6], *shapes[7:]], stated, strict=True):
    print(f"{name}: {'×'.join(map(str, shape)):>10} = {np.prod(shape):7,}" + ("" if np.prod(shape) == number else f"   but the paper says {number:,} = 96·55·{number // 96 // 55}"))
print(f"all units: {sum(np.prod(shape) for shape in (*shapes[1:6], *shapes[7:])):,}; the paper says 650,000")

# %% [markdown]
# ## Where the 61 million are
#
# Guess first: the five convolutions hold which share of the parameters, and do which share of the multiply-adds?

# %%
table = layer_table(one_tower, (3, 224, 224))
rows = [row for row in table if row.kind in ("Conv2d", "Linear")]
names = [f"conv{i}" for i in range(1, 6)] + ["fc6", "fc7", "fc8"]
fig, axes = plt.subplots(1, 2, figsize=(8, 3.4), sharey=True)
for ax, field, title in zip(axes, ("parameters", "multiply_adds"), ("parameters", "multiply-adds for one image"), strict=True):
    values = np.array([getattr(row, field) for row in rows])
    ax.barh(names, values / 1e6, color=[plots.PALETTE["blue"]] * 5 + [plots.PALETTE["orange"]] * 3)
    for place, value in enumerate(values):
        ax.text(value / 1e6, place, f" {100 * value / values.sum():.1f} %", va="center", fontsize=9.5)
    ax.set_title(title)
    ax.set_xlabel("million")
    ax.set_xlim(0, 1.25 * values.max() / 1e6)
axes[0].invert_yaxis()
in_convolutions = {field: sum(getattr(row, field) for row in rows[:5]) / sum(getattr(row, field) for row in rows) for field in ("parameters", "multiply_adds")}
plots.show(fig, alt=f"Two bar charts of the eight layers. Parameters: fc6 has by far the longest bar, the convolutions together hold {100 * in_convolutions['parameters']:.0f} %. Multiply-adds: the convolutions do {100 * in_convolutions['multiply_adds']:.0f} %, and fc6 only a few.")
print(f"{table.total.parameters:,} parameters, {100 * in_convolutions['parameters']:.1f} % of them in convolutions; {table.total.multiply_adds:,} multiply-adds, {100 * in_convolutions['multiply_adds']:.1f} % of them in convolutions")

# %% [markdown]
# The parameters are in the fully connected layers, the time goes into the convolutions. A convolution uses each weight at every position; a fully connected layer uses each weight once. Remember this for the rest of the course. Whoever wants a **small** net attacks the fully connected layers (chapter 11 drops them). Whoever wants a **fast** one attacks the convolutions.
#
# ## Two GPUs
#
# The graphics cards of 2012 had 3 GB. The net with its activations for a batch of 128 did not fit. So it was cut in two: half of the maps of each layer on one card, half on the other. To talk is slow, so the halves talk only in some layers: conv3 reads all maps, and so do the fully connected layers. conv2, conv4 and conv5 read only what lies on their own card.
#
# In the language of chapter 02, these three are **grouped** convolutions, with two groups. Here is who reads whom, measured with gradients on layers of the same kind.


# %%
def reads(layer, channels):
    """Which input channel (column) each output channel (row) depends on: the size of the gradients (out, in)."""
    x = torch.randn(1, channels, 5, 5, requires_grad=True)
    outputs = layer(x)[0].flatten(1).sum(1)
    return torch.stack([torch.autograd.grad(output, x, retain_graph=True)[0].abs().sum((0, 2, 3)) for output in outputs])


torch.manual_seed(0)
layers = {
    "conv1\nall (3 colours)": nn.Conv2d(3, 12, 3),
    "conv2, conv4, conv5\ntwo groups": nn.Conv2d(12, 12, 3, groups=2),
    "conv3\nall maps": nn.Conv2d(12, 12, 3),
}
fig, axes = plt.subplots(1, 3, figsize=(8, 3.2), width_ratios=[0.5, 1, 1])
for ax, (name, layer) in zip(axes, layers.items(), strict=True):
    seen = reads(layer, layer.in_channels) > 0
    ax.imshow(seen, cmap="Blues", vmin=0, vmax=1.4, aspect="equal")
    ax.axhline(5.5, color=plots.PALETTE["vermillion"], linestyle="--", linewidth=1.5)
    ax.set_title(name, fontsize=10)
    ax.set_xticks([]), ax.set_yticks([2.5, 8.5], ["card 1", "card 2"])
    ax.set_xlabel("input channels")
plots.show(fig, alt="Three squares that show which input channels each output channel reads. The first and the last are full. The one in the middle has two full blocks on the diagonal and nothing elsewhere: the upper half of the outputs reads the left half of the inputs, the lower half the right half.")
whole, halves = nn.Conv2d(96, 256, 5, padding=2), nn.Conv2d(96, 256, 5, padding=2, groups=2)
print(f"conv2 with all connections: {sum(p.numel() for p in whole.parameters()):,} parameters; in two groups: {sum(p.numel() for p in halves.parameters()):,}")
x = torch.randn(1, 96, 27, 27)
with torch.no_grad():
    cards = [F.conv2d(x[:, 48 * k : 48 * k + 48], halves.weight[128 * k : 128 * k + 128], halves.bias[128 * k : 128 * k + 128], padding=2) for k in range(2)]
    print(f"one grouped layer against two layers side by side: largest difference {(torch.cat(cards, 1) - halves(x)).abs().max():.0e}")

# %% [markdown]
# The paper compared the cut net with one that has half as many filters and fits on one card: the cut net had 1.2 points less top-5 error. Nobody would cut a net in this way for accuracy, though. When cards grew, the groups went. (They came back in 2016 for another reason: chapter 13.)

# %%
predict(
    "AlexNet as in the paper, with three grouped layers, has 60,965,224 parameters. How many would it have without the groups?",
    answer=62_378_344,
    explain="Groups halve the weights of a layer. conv2 gains 5·5·48·256 = 307,200, conv4 3·3·192·384 = 663,552 and conv5 3·3·192·256 = 442,368: 1,413,120 in all. Little, compared with 61 million: the cut was made for memory and time, not for parameters.",
    unit="parameters",
    hint="Biases stay as they are. The weights of conv2, conv4 and conv5 double. The table above has their counts with biases.",
)

# %% [markdown]
# Trained, the two halves became different in a way that nobody had asked for. In conv1, the filters of one card were almost all grey, those of the other almost all coloured; each time the net was trained, whatever the first weights. Why would a first layer look like this?
#
# ## What the first layer becomes
#
# AlexNet's 96 filters are among the best-known pictures of the field: edges in all directions, stripes of several widths, and blobs in opposing colours, green against magenta, blue against yellow. Nobody designed them. What in the images asks for them?
#
# Here is an experiment without a net, without labels, and with a single photo. Cut 12,000 patches of 11×11 pixels out of it. Remove what all patches have in common: brightness, contrast, and the correlation of neighbouring pixels. Then look for 64 patterns such that each patch resembles one of them, up to its sign. (This is k-means on normalised patches, after A. Coates and A. Ng.)


# %%
def patterns(image, size, number=64, rounds=12, seed=0):
    """Typical patches of an image (H, W, 3): float32 (number, 3, size, size), each of length 1."""
    rng = np.random.default_rng(seed)
    windows = np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(0, 1))
    patches = windows[rng.integers(0, windows.shape[0], 12_000), rng.integers(0, windows.shape[1], 12_000)].reshape(12_000, -1)
    patches = patches - patches.mean(1, keepdims=True)
    contrast = patches.var(1)
    patches = (patches / np.sqrt(contrast + 0.001)[:, None])[contrast > np.quantile(contrast, 0.3)]
    patches -= patches.mean(0)
    sizes, axes = np.linalg.eigh(np.cov(patches.T))
    patches = (patches @ (axes / np.sqrt(sizes + 0.1)) @ axes.T).astype(np.float32)
    found = rng.standard_normal((number, patches.shape[1])).astype(np.float32)
    for _ in range(rounds):
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        similar = patches @ found.T
        nearest = np.abs(similar).argmax(1)
        found += (similar * (nearest[:, None] == np.arange(number))).T @ patches
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).reshape(number, 3, size, size)


bank = patterns(data.photo(), 11)
colourful = np.square(bank - bank.mean(1, keepdims=True)).sum((1, 2, 3)) / np.square(bank).sum((1, 2, 3))
bank = bank[np.argsort(colourful)]
contrasts = np.abs(bank).max((1, 2, 3), keepdims=True)
plots.show(
    plots.image_grid(0.5 + bank / (2 * contrasts), columns=16, vmin=0, vmax=1),
    alt="64 patterns found in the photo, sorted from grey to coloured. The grey ones are dark and bright lines and edges in many directions, and some fine textures. The coloured ones are broad edges between opposing colours: green and magenta, blue and yellow.",
)
print(f"of {len(bank)} patterns, {(colourful < 0.2).sum()} hold less than 20 % colour and {(colourful > 0.8).sum()} more than 80 %; {((colourful >= 0.2) & (colourful <= 0.8)).sum()} in between")

# %% [markdown]
# Lines and edges in grey, broad edges in opposing colours, and hardly anything in between. So the statistics of a photo ask for such filters, whatever the task. That is why nets with other tasks, other sizes and other training end up with much the same first layer, and why its filters can be carried from one task to another (chapter 14). In photos, detail is in the brightness, and
# colour changes slowly. When a first layer is cut in two, it is natural that one half takes the detail, and the other one the colour.
#
# ## ReLU
#
# The paper's first figure shows a small net with four layers on CIFAR-10. With ReLU it reaches a training error of 25 % after a sixth of the steps that it needs with tanh. ReLU was not new in 2012: Fukushima used it in 1969, others had brought it back in 2009 and 2010. AlexNet made it popular.
#
# Let us try: a net with four layers, clothes of 14×14 pixels, 100 steps. A fair comparison gives each function its own best learning rate, so we try several. And we do it twice. First with inputs as AlexNet got them: pixels from 0 to 255, minus the mean. With its first weights and our photo, the first sums have a spread of 15, so we choose ours such that they
# have it, too. Then with inputs scaled to a spread of 1, as chapter 06 recommends.
#
# What do you expect: in which of the two cases will ReLU win?

# %%
clothes = data.load_fashion_mnist()
labels = torch.from_numpy(clothes.train_labels)
pixels = F.avg_pool2d(torch.from_numpy(clothes.train_images).float()[:, None], 2)
pixels -= pixels.mean()
photo = torch.from_numpy(data.photo((227, 227))).permute(2, 0, 1)[None]
torch.manual_seed(0)
sums = F.conv2d(255 * (photo - photo.mean((2, 3), keepdim=True)), 0.01 * torch.randn(96, 3, 11, 11), stride=4)
print(f"AlexNet's first weights (spread 0.01) on our photo: sums with a spread of {sums.std():.0f}; |tanh| above 0.99 for {100 * (sums.tanh().abs() > 0.99).float().mean():.0f} % of them")


def four_layers(activation, first_spread, seed):
    torch.manual_seed(seed)
    layers = [
        nn.Conv2d(1, 12, 5, padding=2), activation(), nn.MaxPool2d(3, 2),
        nn.Conv2d(12, 12, 5, padding=2), activation(), nn.MaxPool2d(3, 2),
        nn.Flatten(), nn.Linear(48, 64), activation(), nn.Linear(64, 10),
    ]  # fmt: skip
    for layer in layers:
        if hasattr(layer, "weight"):
            nn.init.normal_(layer.weight, std=layer.weight[0].numel() ** -0.5)
            nn.init.zeros_(layer.bias)
    nn.init.normal_(layers[0].weight, std=first_spread)
    return nn.Sequential(*layers)


def training_error(activation, inputs, first_spread, rate, seed=0, steps=100):
    """Errors in % on the batches of the last 40 steps."""
    net, generator, wrong = four_layers(activation, first_spread, seed), torch.Generator().manual_seed(seed), []
    optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9)
    for _ in range(steps):
        rows = torch.randint(0, len(labels), (64,), generator=generator)
        logits = net(inputs[rows])
        wrong.append((logits.argmax(1) != labels[rows]).float().mean().item())
        optimizer.zero_grad()
        F.cross_entropy(logits, labels[rows]).backward()
        optimizer.step()
    return 100 * np.mean(wrong[-40:])


# %%
CASES = {
    "0 to 255, minus the mean": (pixels, 0.04, (3e-4, 1e-3, 3e-3, 1e-2)),
    "scaled to a spread of 1": (pixels / pixels.std(), 0.2, (1e-2, 3e-2, 1e-1)),
}
fig, axes = plt.subplots(1, 2, figsize=(8, 3.3), sharey=True)
best, told = {}, []
for ax, (case, (inputs, spread, rates)) in zip(axes, CASES.items(), strict=True):
    for activation, colour, marker in ((nn.ReLU, "blue", "o"), (nn.Tanh, "vermillion", "s")):
        found = [training_error(activation, inputs, spread, rate) for rate in rates]
        best[case, activation.__name__] = min(found)
        told.append(f"{activation.__name__}, {case}: " + ", ".join(f"{e:.0f} % at {r:g}" for r, e in zip(rates, found, strict=True)))
        ax.plot(rates, found, color=plots.PALETTE[colour], marker=marker, label=activation.__name__)
    ax.set_xscale("log")
    ax.set_title(case)
    ax.set_xlabel("learning rate")
    ax.grid(axis="y")
axes[0].set_ylabel("training error in %")
axes[0].set_ylim(0, 95)
axes[1].legend()
plots.show(fig, alt="Training error against the learning rate. " + "; ".join(told) + ".")
for case in CASES:
    print(f"{case:26} best with ReLU {best[case, 'ReLU']:.0f} %, best with tanh {best[case, 'Tanh']:.0f} %")

# %% [markdown]
# With inputs as in 2012, the two are far apart at small learning rates. Four fifths of tanh's first values sit where it is flat, and hardly any gradient passes there. ReLU is not flat for large sums. Only at a rate about thirty times as large does tanh catch up. And ReLU pays with something else: if the rate is a little too large, it breaks down completely. tanh does not.
#
# With scaled inputs there is no winner any more. tanh was slow because it was **saturated**, and scaling, good first weights (chapter 06) and normalisation (chapter 05) all prevent this. All three came into general use later, or later in this form. What remains for ReLU: it is cheap, and its gradients do not shrink in deep nets (chapter 03). A factor of six it is not, in our small net. The paper itself says
# that the size of the effect depends on the net.
#
# ## Local response normalisation
#
# After the ReLU of conv1 and of conv2, AlexNet lets neighbouring maps **compete**. Each value is divided by something that grows with the values at the same place in the $n$ maps around it:
#
# $$b_i = \frac{a_i}{\Big(k + \alpha \sum_{j} a_j^2\Big)^{\beta}} \qquad j \text{ from } i - \lfloor n/2 \rfloor \text{ to } i + \lfloor n/2 \rfloor, \text{ as far as there are maps}$$
#
# Five maps at one place hold 2, 2, 4, 2, 2. To compute by hand, take $n = 3$, $k = 1$, $\alpha = 1$, $\beta = \tfrac12$.

# %%
predict(
    "What does the <em>second</em> value, a 2 beside the 4, become?",
    answer=0.4,
    tolerance=0.001,
    explain="Its neighbourhood is 2, 2, 4: the squares add up to 4 + 4 + 16 = 24, and 2/√(1 + 24) = 2/5. The first value, also a 2, has only a 2 beside it: 2/√(1 + 8) = 2/3. A strong answer silences its neighbours; in the brain this is called lateral inhibition.",
    hint="Three values count: 2, 2 and 4. Take the root of 1 plus the sum of their squares.",
)

# %% [markdown]
# ### A dozen lines of NumPy


# %%
def response_norm(maps, n=5, k=2.0, alpha=1e-4, beta=0.75):
    """Local response normalisation of maps (C, H, W), as in the paper."""
    squares = np.pad(maps**2, ((n // 2, n // 2), (0, 0), (0, 0)))
    around = np.lib.stride_tricks.sliding_window_view(squares, n, axis=0).sum(-1)
    return maps / (k + alpha * around) ** beta


print(response_norm(np.array([2.0, 2, 4, 2, 2]).reshape(5, 1, 1), n=3, k=1, alpha=1, beta=0.5).ravel().round(3))

# %% [markdown]
# ### The same in PyTorch
#
# Mind the trap: PyTorch multiplies $\alpha$ by the **mean** of the $n$ squares, the paper by their **sum**. The paper's $\alpha = 0.0001$ with $n = 5$ is `alpha=5e-4` in PyTorch.

# %%
maps = torch.relu(F.conv2d(255 * photo, torch.from_numpy(bank), stride=4))
ours = response_norm(maps[0].double().numpy())
for alpha in (5e-4, 1e-4):
    theirs = F.local_response_norm(maps.double(), size=5, alpha=alpha, beta=0.75, k=2.0)[0].numpy()
    print(f"alpha={alpha:.0e}: largest difference {np.abs(ours - theirs).max():.1e}")

# %% [markdown]
# ### What does it do?
#
# Look at the constants: $k = 2$, $\alpha = 0.0001$. As long as the squares around add up to much less than 20,000, the divisor is $2^{0.75}$ for all values, and nothing happens but that all shrink alike. So everything depends on how large the values are.

# %%
answers = np.logspace(0, 3, 200)
fig, axes = plt.subplots(1, 2, figsize=(8, 3.3))
axes[0].plot(answers, response_norm(answers.reshape(1, 1, -1)).ravel(), color=plots.PALETTE["blue"], label="normalised")
axes[0].plot(answers, answers / 2**0.75, color=plots.PALETTE["vermillion"], linestyle="--", label="only divided by 2^0.75")
axes[0].set_xscale("log"), axes[0].set_ylim(0, 110)
axes[0].set_xlabel("a value without neighbours")
axes[0].legend(loc="upper left", fontsize=9)
shrunk = {}
for (name, scale), colour, style in zip({"pixels from 0 to 1": 1, "pixels from 0 to 255": 255}.items(), ("green", "purple"), ("-", "--"), strict=True):
    before = np.maximum(F.conv2d(scale * photo, torch.from_numpy(bank), stride=4)[0].numpy(), 0).astype(float)
    factor = (response_norm(before)[before > 0] / before[before > 0]) * 2**0.75
    shrunk[name] = np.quantile(factor, [0.01, 0.5])
    axes[1].plot(np.sort(factor), np.linspace(0, 100, len(factor)), color=plots.PALETTE[colour], linestyle=style, label=name)
axes[1].set_xlim(0, 1.05)
axes[1].set_xlabel("what is left, apart from the factor 1/2^0.75")
axes[1].set_ylabel("share of the values in %")
axes[1].legend(loc="upper left", fontsize=9)
plots.show(fig, alt=f"Left: a lone value is only scaled up to about 50, then held back more and more. Right: with pixels from 0 to 1 all values keep everything; with pixels from 0 to 255 half of them keep at most {100 * shrunk['pixels from 0 to 255'][1]:.0f} %, and one in a hundred at most {100 * shrunk['pixels from 0 to 255'][0]:.0f} %.")
for name, (hundredth, half) in shrunk.items():
    print(f"{name}: half of the values keep at most {100 * half:.1f} %, one in a hundred at most {100 * hundredth:.1f} %")

# %% [markdown]
# With our patterns as filters and AlexNet's unscaled pixels, the layer holds strong answers back. With pixels from 0 to 1 the same layer does *nothing*. It is a brake for values that grow too large, in a time without a better one.
#
# Why has it left?
#
# - **It was measured again.** AlexNet's authors found 1.2 points less top-5 error. Two years later the authors of VGG trained their smallest net with and without it: 10.5 % with, 10.4 % without (chapter 10). In a well-scaled net there is nothing left to gain.
# - **It costs.** It makes one more map for each map, and the backward pass needs its sums again. Compare the two times below.
# - **Something better came.** Batch normalisation (chapter 05) does not wait until values are large, needs no constants for the task, and makes training faster.

# %%
conv1 = nn.Conv2d(3, 96, 11, stride=4)
batch = torch.randn(4, 3, 227, 227)


def milliseconds(function, tries=5):
    """The fastest of some tries."""
    times = []
    for _ in range(tries):
        start = time.perf_counter()
        with torch.no_grad():
            function()
        times.append(1000 * (time.perf_counter() - start))
    return min(times)


with torch.no_grad():
    answered = torch.relu(conv1(batch))
convolving, norming = milliseconds(lambda: conv1(batch)), milliseconds(lambda: F.local_response_norm(answered, 5, 5e-4, 0.75, 2.0))
print(f"conv1 on four images: {convolving:.0f} ms, its normalisation: {norming:.0f} ms")

# %% [markdown]
# ## Overlapping pooling
#
# LeNet's windows lie side by side: 2×2, stride 2. AlexNet's overlap: 3×3, stride 2. Both halve the maps.

# %%
fig, axes = plt.subplots(2, 1, figsize=(8, 2.4), sharex=True)
for ax, window in zip(axes, (2, 3), strict=True):
    count = [sum(start <= pixel < start + window for start in range(0, 11 - window + 1, 2)) for pixel in range(11)]
    for pixel in range(11):
        ax.text(pixel + 0.5, 0.25, count[pixel], ha="center", va="center", color="black" if count[pixel] < 2 else plots.PALETTE["vermillion"], fontweight="bold" if count[pixel] > 1 else None)
        ax.add_patch(plt.Rectangle((pixel, 0), 1, 0.5, fill=False, edgecolor="grey"))
    for number, start in enumerate(range(0, 11 - window + 1, 2)):
        ax.plot([start + 0.1, start + window - 0.1], [0.75 + 0.25 * (number % 2)] * 2, color=plots.PALETTE["blue"], linewidth=4, solid_capstyle="butt")
    ax.set_ylim(-0.05, 1.2), ax.set_xlim(0, 11.05)
    ax.set_xticks([]), ax.set_yticks([])
    ax.set_ylabel(f"{window}, stride 2", rotation=0, ha="right", va="center")
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
plots.show(fig, alt="A row of 11 pixels with the windows drawn above. Windows of 2 with stride 2 touch: every pixel but the last is in one window. Windows of 3 with stride 2 share one pixel with each neighbour: every second pixel inside is in two windows.")
print("55 pixels become", (55 - 2) // 2 + 1, "with windows of 2, and", (55 - 3) // 2 + 1, "with windows of 3")

# %%
predict(
    "In two dimensions, with windows of 3×3 and stride 2: in how many windows <em>at most</em> is one pixel?",
    answer=4,
    explain="In two windows along each direction, so in 2·2 = 4. A pixel with odd row and odd column is in the middle of a single window.",
    unit="windows",
    hint="Read the numbers in the lower row of the figure, and do the same in the other direction.",
)

# %% [markdown]
# A strong value can then win in up to four windows, and a maximum just beyond a window's border is not missed. The paper counts 0.3 points less top-5 error than with 2×2, and notes that the net overfits a little less. It is a small thing, and not free: VGG went back to 2×2, ResNet has one 3×3 pooling, many nets of today none at all.
#
# ## More images out of few
#
# 61 million parameters, 1.2 million images. "Without this scheme", the paper says of its augmentation, "our network suffers from substantial overfitting." Two things were done.
#
# **Crops and flips.** All images have 256×256 pixels. In training, a random window of 224×224 is cut out, and flipped left to right half of the time. In use, the net sees ten versions, the four corners and the middle, each also flipped, and its ten softmax outputs are averaged.

# %%
whole_photo = data.photo((256, 256))
corners = {"top left": (0, 0), "top right": (0, 32), "middle": (16, 16), "bottom left": (32, 0), "bottom right": (32, 32)}
crops = [whole_photo[top : top + 224, left : left + 224] for top, left in corners.values()]
plots.show(
    plots.image_grid(crops + [crop[:, ::-1] for crop in crops], titles=[*corners, *["flipped"] * 5], columns=5),
    alt="Ten versions of the portrait: cut out at the four corners and in the middle, and the same five as mirror images. They differ by a few pixels at the border.",
)

# %%
predict(
    "The paper says that this makes the training set larger “by a factor of 2048”. Count yourself: how many different images of 224×224 can come out of one of 256×256, flips included?",
    answer=2 * 33 * 33,
    explain="The window's corner can lie at 0, 1, …, 32: that is 33 places in each direction, and 33·33·2 = 2,178. The paper counts 32·32·2 = 2,048: steps instead of places. The same slip as in the first question of this chapter, and again without consequences.",
    unit="images",
    hint="A window of 256 has 1 place in an image of 256, one of 255 has 2.",
)

# %% [markdown]
# **Colours.** The same thing in other light has other colours, but not just any. Put all pixels of the images into one cloud of points, red, green and blue being the axes. Its three **principal axes** (PCA) are the directions in which colours of photos vary, and its variances $\lambda_1, \lambda_2, \lambda_3$ say how much. For each image and each time, draw three numbers
# $\alpha_1, \alpha_2, \alpha_3$ from a normal distribution with standard deviation 0.1, and add to *all* its pixels the same vector
#
# $$[\mathbf{p}_1, \mathbf{p}_2, \mathbf{p}_3]\;[\alpha_1\lambda_1,\; \alpha_2\lambda_2,\; \alpha_3\lambda_3]^{\mathsf T}$$
#
# AlexNet took the pixels of the whole training set. We have one photo.


# %%
def colour_axes(image):
    """Variances (3,), largest first, and principal axes (3, 3), one a column, of an image's colours."""
    variances, axes = np.linalg.eigh(np.cov(image.reshape(-1, 3).T))
    return variances[::-1], axes[:, ::-1]


def other_light(image, variances, axes, rng, spread=0.1):
    """The image with all its pixels moved along the principal axes of colour."""
    return image + axes @ (rng.normal(0, spread, 3) * variances)


portrait = data.photo((224, 224))
variances, axes_of_colour = colour_axes(portrait)
cloud = portrait.reshape(-1, 3)[np.random.default_rng(0).permutation(224 * 224)[:1500]]
fig, panels = plt.subplots(1, 2, figsize=(8, 3.1))
for panel, (a, b) in zip(panels, ((0, 1), (0, 2)), strict=True):
    panel.scatter(cloud[:, a], cloud[:, b], c=cloud, s=7)
    centre = portrait.reshape(-1, 3).mean(0)
    for number, colour, style in ((0, "black", "-"), (1, "vermillion", "--"), (2, "blue", ":")):
        reach = np.sqrt(variances[number]) * axes_of_colour[:, number] * 2
        panel.plot(*[(centre[i] - reach[i], centre[i] + reach[i]) for i in (a, b)], color=plots.PALETTE[colour], linestyle=style, linewidth=2.5, label=f"axis {number + 1}: {100 * variances[number] / variances.sum():.0f} %")
    panel.set_xlabel("red"), panel.set_ylabel(("red", "green", "blue")[b])
    panel.set_aspect("equal")
panels[1].legend(bbox_to_anchor=(1, 1), loc="upper left")
plots.show(fig, alt=f"The pixels of the portrait as points, red against green and red against blue. They lie along the diagonal from black to white. The first principal axis follows it and holds {100 * variances[0] / variances.sum():.0f} % of the variance, the second {100 * variances[1] / variances.sum():.0f} %, the third {100 * variances[2] / variances.sum():.0f} %.")
print("first axis:", axes_of_colour[:, 0].round(2), " variances:", variances.round(4))

# %% [markdown]
# The first axis has three numbers of nearly the same size and the same sign: it is **brightness**. The second sets red against blue: the difference between a lamp and the sky. So random steps along the axes are changes of light. The third, green against magenta, hardly ever happens in photos, so it hardly ever happens here.

# %%
rng = np.random.default_rng(0)
shown = [portrait] + [other_light(portrait, variances, axes_of_colour, rng, spread=1.0) for _ in range(4)]
even = [portrait + rng.normal(0, 0.2, 3) for _ in range(4)]
plots.show(
    plots.image_grid([np.clip(image, 0, 1) for image in (*shown, portrait, *even)], titles=["photo", *["along the axes"] * 4, "photo", *["any direction"] * 4], columns=5),
    alt="Two rows of portraits. Above, four that were moved along the principal axes: lighter, darker, warmer, as in other light. Below, four that were moved in any direction: tinted in green, blue, yellow and pink.",
)
steps = np.array([axes_of_colour @ (np.random.default_rng(i).normal(0, 0.1, 3) * variances) for i in range(2000)])
print(f"with the paper's 0.1, a pixel moves by {255 * np.sqrt(np.square(steps).sum(1).mean() / 3):.1f} of 255 levels; the pictures exaggerate ten times")

# %% [markdown]
# So the paper's changes can hardly be seen, and still the top-1 error fell by more than one point.
#
# Look at the formula once more. It multiplies by variances, which are *squares* of pixel values. Give the pixels as 0 to 255 instead of 0 to 1, and the steps become 255·255 times as large while the pixels become 255 times as large: the images would be far beyond black and white. A formula whose result depends on the unit is a warning: some factor was left out. With standard deviations, $\sqrt{\lambda}$, it would
# be right in any unit.

# %%
question(
    "Which change of colours would be a <em>bad</em> augmentation for telling apart ripe and unripe tomatoes?",
    {
        "Along the first axis": "That makes the photo lighter or darker. Tomatoes are photographed in shade and sun: a net should bear it.",
        "A free step from green to magenta": "Yes. It may turn an unripe tomato into a ripe one, and the label would be wrong. An augmentation must keep the label (chapter 07).",
        "Crops": "A part of a ripe tomato is ripe.",
        "A flip left to right": "A tomato in the mirror has the same colour.",
    },
    answer="A free step from green to magenta",
)

# %% [markdown]
# ## Dropout, and the rest of the recipe
#
# The two layers with 4,096 units hold 54.5 million parameters. In training, each of their outputs is switched off with probability **0.5** (chapter 07 explains and measures it). Without it, the paper says, the net overfits substantially; with it, training takes about twice as many steps.
#
# | | AlexNet | in today's words |
# |:--|:--|:--|
# | optimiser | SGD, momentum 0.9, batches of 128 | the same |
# | weight decay | 0.0005 | the same idea; the paper: "not merely a regulariser", the training error falls, too |
# | first weights | normal, spread 0.01 | He |
# | first biases | 1 in conv2, conv4, conv5, fc6 and fc7, so that ReLUs are on at the start | 0 |
# | learning rate | 0.01, divided by 10 three times, when the validation error stopped falling | a schedule that is fixed beforehand |
# | time | 90 epochs in five to six days on two GTX 580 | |

# %%
question(
    "AlexNet multiplies the outputs of fc6 and fc7 by 0.5 <em>in use</em>. PyTorch's `nn.Dropout(0.5)` multiplies by 2 <em>in training</em>. Can you run weights trained in the first way in PyTorch?",
    {
        "Yes, as they are": "In use PyTorch changes nothing, so what follows would get values twice as large as AlexNet's.",
        "Yes, if you halve the weights (not the biases) of fc7 and fc8": "Right. The layers that read the dropped outputs then get the factor 0.5 that PyTorch leaves out.",
        "No": "It is one factor, and the layer behind is linear: a factor at its input may just as well stand in its weights.",
        "Yes, if you double the biases": "The factor belongs to the outputs of fc6 and fc7, that is, to what the next layer's <em>weights</em> meet.",
    },
    answer="Yes, if you halve the weights (not the biases) of fc7 and fc8",
)

# %% [markdown]
# ## The error rates, with the small print
#
# From the paper, top-5 error on ImageNet 2012:
#
# | nets, averaged | trained on | validation | test |
# |:--|:--|--:|--:|
# | 1 | the challenge's 1.2 million images | 18.2 % | |
# | 5 | the same | 16.4 % | 16.4 % |
# | 1, with a sixth convolution | first on all 15 million images of ImageNet, then on these | 16.6 % | |
# | 7: these five, and two of the last kind | both | 15.4 % | **15.3 %** |
# | second place, no deep net | | | 26.2 % |
#
# You will find "AlexNet: 16.4 %", "AlexNet: 15.3 %" and "ensemble: 18.2 → 15.3 %" on slides. All three numbers are right, and none of them is the error of *one* AlexNet on the test set. 16.4 % is the best without further data, 15.3 % what won. From 18.2 to 15.3 three things changed at once: the number of nets, the data of two of them, and the images that were counted.

# %%
question(
    "A slide says: an ensemble of 7 nets improves AlexNet from 18.2 % to 15.3 %. Which part of this is due to averaging alike nets?",
    {
        "All of it": "Two of the seven had seen thirteen million more images, and one number was measured on validation images, the other on test images.",
        "At most 1.8 points, as far as the table tells": "Right. One net and five nets of the same kind on the same images: 18.2 → 16.4 %. What came after has another cause as well.",
        "Nothing: averaging does not help": "Five nets of the same kind are better than one, by 1.8 points.",
        "2.9 points": "That is 18.2 − 15.3: it mixes averaging, more data, and two sets of images.",
    },
    answer="At most 1.8 points, as far as the table tells",
)

# %% [markdown]
# ## ZFNet: a look inside
#
# In 2013, M. Zeiler and R. Fergus built a tool to see what AlexNet's layers answer to (the *deconvnet*: chapter 15). In the first layer they saw filters for very fine and for very coarse patterns, and few in between. In the second layer they saw patterns that were in no image: **aliasing**, from the stride of 4. So they changed
#
# - conv1 from 11×11 with stride 4 to **7×7 with stride 2**;
# - in a second version, conv3, conv4 and conv5 from 384, 384 and 256 filters to **512, 1,024 and 512**.
#
# <!-- layers: 06_classic_architectures: zfnet(), (3, 224, 224) -->

# %%
predict(
    "A grid that takes one value every 4 pixels looks at stripes that repeat every 5 pixels. Which period, in pixels, do the sampled stripes seem to have?",
    answer=20,
    explain="The samples at 0, 4, 8, 12, 16, 20 see the phases 0, 4, 3, 2, 1, 0 of the stripe: after 20 pixels it begins again. A slow wave that is not there. In general: the frequencies are 1/5 and 1/4, and what remains is 1/4 − 1/5 = 1/20. (In films, wheels turn backwards for the same reason.)",
    unit="pixels",
    hint="Write down the positions 0, 4, 8, … and what remains when you divide each by 5. When does the pattern begin again?",
)

# %% [markdown]
# ### On a real photo
#
# The ribbons at Grace Hopper's breast are fine upright stripes. A filter of 11×11 that answers to stripes about 5 pixels apart, red for plus and blue for minus, with strides of 1, 2 and 4. In the columns, the photo is moved to the right by 0, 1, 2 and 3 pixels.

# %%
grey = torch.from_numpy(data.photo(400)).mean(2)
across = torch.arange(11) - 5.0
stripes = torch.cos(2 * torch.pi * across / 5) * torch.exp(-(across**2 + across[:, None] ** 2) / 12.5)
stripes -= stripes.mean()
answers = F.conv2d(grey[None, None], stripes[None, None], padding=5)[0, 0]
TOP, LEFT, HIGH, WIDE = 320, 210, 36, 96
fig, panels = plt.subplots(4, 4, figsize=(8, 4.5))
for shift in range(4):
    panels[0, shift].imshow(grey.roll(shift, 1)[TOP : TOP + HIGH, LEFT : LEFT + WIDE], cmap="gray")
    panels[0, shift].set_title(f"moved by {shift}")
    for panel, stride in zip(panels[1:, shift], (1, 2, 4), strict=True):
        part = answers.roll(shift, 1)[TOP : TOP + HIGH, LEFT : LEFT + WIDE]
        panel.imshow(part[::stride, ::stride], cmap=plots.SIGNED, vmin=-part.abs().max(), vmax=part.abs().max(), aspect="auto")
for panel, label in zip(panels[:, 0], ("photo", "stride 1", "stride 2", "stride 4"), strict=True):
    panel.set_ylabel(label, rotation=0, ha="right", va="center")
for panel in panels.ravel():
    panel.set_xticks([]), panel.set_yticks([])
plots.show(fig, alt="Rows of pictures of the ribbons and of a filter's answers to their stripes, the photo moved by 0 to 3 pixels. At stride 1 the answers are fine red and blue stripes that move along. At stride 2 they are coarser, but still stripes. At stride 4 they are broad red or blue areas whose colours change from one column to the next, although only the photo was moved.")

# %% [markdown]
# Look at the bottom row. The same ribbons make another picture each time, and its broad areas are not in the photo. The second layer has to work with this.
#
# ### How much is lost?
#
# A grid with a value every $s$ pixels can carry waves of $2s$ pixels and longer. All shorter waves turn up as something else. So take the map at stride 1, ask which share of its energy lies in shorter waves, and do this for a whole bank of filters: the patterns that we found in the photo, 11×11 for AlexNet and 7×7 for ZFNet.


# %%
def garbled(maps, stride):
    """Share of each map's energy (C,) in waves that are too short for a grid with this stride."""
    power = torch.fft.fft2(maps - maps.mean((1, 2), keepdim=True)).abs() ** 2
    rows, columns = (torch.fft.fftfreq(n).abs() < 1 / (2 * stride) for n in maps.shape[1:])
    return 1 - (power * (rows[:, None] & columns)).sum((1, 2)) / power.sum((1, 2))


small = data.photo((240, 204))
found = {}
for size in (11, 7):
    maps = F.conv2d(torch.from_numpy(small).permute(2, 0, 1)[None], torch.from_numpy(patterns(small, size)))[0]
    for stride in (4, 2):
        found[f"{size}×{size}, stride {stride}"] = 100 * garbled(maps, stride).numpy()
fig, ax = plt.subplots(figsize=(8, 2.9))
for place, shares in enumerate(found.values()):
    ax.plot(np.sort(shares), place + np.linspace(-0.25, 0.25, len(shares)), "o", markersize=4, alpha=0.7, color=plots.PALETTE["blue"])
    ax.plot([np.median(shares)] * 2, [place - 0.35, place + 0.35], color=plots.PALETTE["vermillion"], linewidth=3)
ax.set_yticks(range(4), [name + {0: "\nAlexNet", 3: "\nZFNet"}.get(place, "") for place, name in enumerate(found)])
ax.invert_yaxis()
ax.set_xlabel("share of the energy that turns up as something else, in %")
ax.grid(axis="x")
plots.show(fig, alt="For 64 filters each, the share of energy in waves too short for the grid, with a bar at the median. " + "; ".join(f"{name}: median {np.median(shares):.0f} %" for name, shares in found.items()) + ".")
for name, shares in found.items():
    print(f"{name:16} median {np.median(shares):4.1f} %")

# %% [markdown]
# From about a fifth to a twentieth. And it is the stride that does it: small filters with the large stride are even worse, because large filters blur a little. (Nets of today still alias, at every stride of 2. One can blur before each stride: R. Zhang, 2019.)
#
# What did ZFNet gain, and what does it cost?
#
# <!-- totals: 06_classic_architectures: {"AlexNet, one tower": alexnet(), "ZFNet, 384-384-256": zfnet(filters=(96, 256, 384, 384, 256)), "ZFNet, 512-1024-512": zfnet()}, (3, 224, 224) -->
#
# The first change costs about as many parameters as before, and 1.6 times the multiply-adds. The second one makes the net much larger. In the paper, one net: 18.1 % with their own AlexNet, 16.5 % with the finer first layer, 16.0 % with the wider layers as well (top-5, validation). Six nets together: 14.8 % on the test images.
#
# And the **11.2 %** that slides give for ZFNet? It is what *Clarifai*, the company that Zeiler had just founded, reached in the challenge of 2013, with several nets of this kind and images from outside the challenge. With the challenge's images only, it was 11.7 %.

# %%
question(
    "ZFNet with 512, 1,024 and 512 filters has 108 million parameters. Which layer grew most, compared with the version that has 384, 384 and 256?",
    {
        "conv1": "It became smaller: 7·7·3·96 weights instead of 11·11·3·96.",
        "conv4": "It grew from 1.3 to 4.7 million.",
        "conv5": "It grew from 0.9 to 4.7 million.",
        "fc6": "Yes. It reads 512 maps of 6×6 instead of 256, so it grew by 37.7 million. Wider convolutions are paid for in the first fully connected layer.",
    },
    answer="fc6",
)

# %% [markdown]
# ## Check the slides
#
# Five sentences from lecture notes. Each has something in it. Decide before you unfold the answers.
#
# 1. "AlexNet won with a top-5 error of 16.4 %."
# 2. "AlexNet was the first paper to use ReLU."
# 3. "The order of layers is CONV1, MAX POOL1, NORM1, CONV2, MAX POOL2, NORM2, …"
# 4. "AlexNet increased the kernel depth from 6 to 96."
# 5. "We don't use AlexNet's norm layers now, because they don't actually give any improvement."
#
# <details><summary>Answers</summary>
#
# 1. It won with 15.3 %, seven nets, two of them trained on further images. 16.4 % is the result of five nets without further images.
# 2. It cites an earlier one (Nair and Hinton, 2010), and Fukushima had it in 1969. It made ReLU popular.
# 3. In the paper, the normalisation comes first, right after the ReLU, and then the pooling. Pool first, then normalise is the order of *CaffeNet*, a copy that came with the program Caffe: cheaper, since the maps are smaller by then. ZFNet has this order, too.
# 4. What grew from LeNet's 6 to 96 is the **number** of filters in the first layer. The depth of a kernel is the number of channels that it reads: 1 in LeNet, 3 in AlexNet.
# 5. In AlexNet, they did: 1.2 points of top-5 error in the authors' own measurement. In *later* nets they gave nothing.
#
# </details>
#
# ## Check yourself

# %%
predict(
    "How many parameters does conv1 of ZFNet have (7×7, 3 channels, 96 filters, with biases)?",
    answer=96 * (7 * 7 * 3 + 1),
    explain="96·(7·7·3 + 1) = 14,208. AlexNet's has 96·(11·11·3 + 1) = 34,944. Yet ZFNet's needs more multiply-adds, for it has four times as many positions.",
    unit="parameters",
)

# %%
question(
    "You want AlexNet to take half of the <em>time</em> for an image. Where do you look first?",
    {
        "fc6: it holds most of the parameters": "It does each of its 37.7 million multiply-adds once. That is about 5 % of all.",
        "The convolutions": "Yes. More than nine tenths of the multiply-adds are theirs.",
        "Dropout": "It is switched off in use.",
        "The softmax": "A thousand exponentials, against hundreds of millions of multiply-adds.",
    },
    answer="The convolutions",
)

# %%
question(
    "conv4 of the two-tower net: how many of conv3's 384 maps does one of its filters read?",
    {
        "384": "That would be a convolution without groups. conv3 is the one that reads everything.",
        "192": "Yes: those on its own card.",
        "96": "Half of 192. There are two groups, not four.",
        "3": "conv1 reads 3 channels.",
    },
    answer="192",
)

# %%
predict(
    "Local response normalisation with the paper's constants (k = 2, β = 0.75, α = 0.0001): a value of 0.5 with no neighbours. What comes out? (Two decimals.)",
    answer=0.2973,
    tolerance=0.006,
    explain="0.5/(2 + 0.0001·0.25)^0.75 = 0.5/1.682 = 0.30. For small values the layer only divides by 2^0.75.",
    hint="0.0001·0.25 is so small that you may forget it.",
)

# %% [markdown]
# ## What this leads to
#
# - **Chapter 10**: VGG makes the filters small, all of them, and the net deep.
# - **Assignment 06**: you build AlexNet in both versions, and ZFNet, and their parameters are counted to the last one.
# - **Lab 04** trains a small AlexNet on CIFAR-10 beside its successors.
# - **Chapter 14** carries trained filters to other tasks, **chapter 15** looks inside with ZFNet's tools.
#
# ## Sources
#
# - A. Krizhevsky, I. Sutskever, G. Hinton, *ImageNet Classification with Deep Convolutional Neural Networks*, NeurIPS 2012: the net, its recipe and its error rates. A. Krizhevsky, *One Weird Trick for Parallelizing Convolutional Neural Networks*, 2014: the version with one tower.
# - M. Zeiler, R. Fergus, *Visualizing and Understanding Convolutional Networks*, ECCV 2014. O. Russakovsky and others, *ImageNet Large Scale Visual Recognition Challenge*, 2015: the results of all years.
# - K. Fukushima, *Visual Feature Extraction by a Multilayered Network of Analog Threshold Elements*, 1969. V. Nair, G. Hinton, *Rectified Linear Units Improve Restricted Boltzmann Machines*, ICML 2010.
# - K. Simonyan, A. Zisserman, *Very Deep Convolutional Networks for Large-Scale Image Recognition*, ICLR 2015: normalisation measured again.
# - A. Coates, A. Ng, *Learning Feature Representations with K-Means*, 2012. R. Zhang, *Making Convolutional Networks Shift-Invariant Again*, ICML 2019.
