# ---
# jupyter:
#   convnets:
#     minutes: 60
#     budget_seconds: 80
#     needs: [01_images_and_filters, 02_convolution_arithmetic]
#     summary: Why a net needs nonlinearities, why gradients vanish, what pooling forgets and what it does not
# ---

# %% [markdown]
# # Activations and pooling
#
# **When you have worked through this chapter, you can**
#
# - draw sigmoid, tanh and ReLU with their slopes, and say where each saturates;
# - explain why ten sigmoid layers hardly learn, and show it by measuring gradients;
# - compute max, average, overlapping and global pooling by hand, in NumPy and in PyTorch;
# - predict the output size of a pooling layer, and say why it has no parameters;
# - measure how far pooling makes a net blind to small shifts, and where this ends;
# - replace pooling by a convolution with stride, and say what changes.
#
# **Time:** about 60 minutes. **Needs:** chapters 01 and 02.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from convnets import data, plots
from convnets.arithmetic import layer_table
from convnets.train import fit, one_cycle
from convnets.train import predict as logits_of
from convnets.widgets import convolution_stepper, predict, question

# %% [markdown]
# ## Before you run anything
#
# The slope of the sigmoid is nowhere larger than 1/4. In a deep net, the chain rule multiplies the slopes of all layers on the way back.

# %%
predict(
    "Ten sigmoids stand one behind the other. By which factor do they shrink a gradient <em>at least</em>? Type the factor itself, such as 100. (A rounded value will do.)",
    answer=4**10,
    tolerance=60_000,
    explain="4 multiplied by itself ten times: 4¹⁰ = 1,048,576. A gradient of 1 at the end is at most about 0.000001 at the start (if the weights do not make up for it).",
    hint="Each sigmoid multiplies by at most 1/4, so ten of them by at most (1/4)¹⁰.",
)

# %% [markdown]
# ## Why a nonlinearity at all?
#
# A convolution and a linear layer are sums of products. Two such sums in a row are again one sum of products: the second layer adds nothing that one layer could not do. (Chapter 02 melts two
# convolutions into one.) Here it is with matrices.

# %%
rng = np.random.default_rng(0)
first, second = rng.standard_normal((5, 4)), rng.standard_normal((3, 5))
x = rng.standard_normal(4)
print("two layers:               ", (second @ (first @ x)).round(4))
print("one layer, second @ first:", ((second @ first) @ x).round(4))
print("with ReLU in between:     ", (second @ np.maximum(first @ x, 0)).round(4))

# %% [markdown]
# So between two layers we bend the numbers: a function is applied to **each number on its own**. It is called the **activation function**. It has no parameters and keeps the shape.
#
# ## Three activation functions
#
# $$\sigma(x) = \frac{1}{1 + e^{-x}} \qquad\qquad \tanh(x) = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}} \qquad\qquad \mathrm{ReLU}(x) = \max(0, x)$$
#
# Their slopes can be written with the function's own value, which is handy in backpropagation:
#
# $$\sigma' = \sigma\,(1-\sigma) \qquad\qquad \tanh' = 1 - \tanh^2 \qquad\qquad \mathrm{ReLU}' = \begin{cases}1 & x > 0\\ 0 & x < 0\end{cases}$$


# %%
def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0)


def slope(name, x):
    if name == "sigmoid":
        return sigmoid(x) * (1 - sigmoid(x))
    if name == "tanh":
        return 1 - np.tanh(x) ** 2
    return (x > 0).astype(float)


functions = {"sigmoid": sigmoid, "tanh": np.tanh, "ReLU": relu}
x = np.linspace(-6, 6, 601)
fig, axes = plt.subplots(1, 3, figsize=(8, 3), sharey=True)
for ax, (name, f) in zip(axes, functions.items(), strict=True):
    ax.axhline(0, color="grey", linewidth=0.7)
    ax.axvline(0, color="grey", linewidth=0.7)
    ax.fill_between(x, -1.2, 2.2, where=slope(name, x) < 0.02, color="#DDDDDD", linewidth=0)
    ax.plot(x, f(x), color=plots.PALETTE["blue"], label="value")
    ax.plot(x, slope(name, x), color=plots.PALETTE["vermillion"], linestyle="--", label="slope")
    ax.set_ylim(-1.2, 2.2)
    ax.set_title(f"{name}, largest slope {slope(name, x).max():.2f}")
    ax.set_xlabel("x")
axes[0].legend(loc="upper left")
plots.show(
    fig,
    alt="Three curves with their slopes. Sigmoid rises from 0 to 1; its slope is a low hill of height 0.25. Tanh rises from minus 1 to 1; its slope is a hill of height 1. "
    "ReLU is zero on the left and rises steadily on the right; its slope jumps from 0 to 1. Grey areas mark where the slope is below 0.02: both sides for sigmoid and tanh, the left side for ReLU.",
)

# %% [markdown]
# In the grey areas the slope is below 0.02. There the function is **saturated**: whatever the gradient says, nearly nothing of it gets through.
#
# - **Sigmoid** saturates on both sides. Even at its best, in the middle, only a quarter of the gradient passes. And its values are never negative.
# - **tanh** saturates on both sides, too. In the middle it passes everything, and its values lie around zero. It is a stretched sigmoid: $\tanh(x) = 2\,\sigma(2x) - 1$.
# - **ReLU** never saturates on the right. On the left it is flat. A unit that is on the left for *all* images gets no gradient any more: it is "dead". And it is cheap: one comparison.
#
# How much passes on average? That depends on how large the inputs are. Here they are random, with standard deviation 1, 4 and 16.

# %%
print("mean slope for inputs of standard deviation …")
print(f"{'':9}" + "".join(f"{spread:>8}" for spread in (1, 4, 16)))
for name in functions:
    means = [slope(name, spread * rng.standard_normal(100_000)).mean() for spread in (1, 4, 16)]
    print(f"{name:9}" + "".join(f"{m:8.2f}" for m in means))

# %% [markdown]
# For sigmoid and tanh it matters much whether the weights are too large. ReLU does not care: half of its inputs pass, at any scale.
#
# ## The same in PyTorch
#
# PyTorch computes slopes by itself. Let us check our formulas, and $\tanh(x) = 2\sigma(2x) - 1$.

# %%
modules = {"sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(), "ReLU": nn.ReLU()}
for name, module in modules.items():
    t = torch.linspace(-6, 6, 240, dtype=torch.float64, requires_grad=True)
    value = module(t)
    value.sum().backward()
    points = t.detach().numpy()
    worst = max(np.abs(functions[name](points) - value.detach().numpy()).max(), np.abs(slope(name, points) - t.grad.numpy()).max())
    print(f"{name:8} largest difference to our value and slope: {worst:.1e}")
print("tanh as a sigmoid:", np.allclose(np.tanh(x), 2 * sigmoid(2 * x) - 1))
zero = torch.zeros(1, requires_grad=True)
F.relu(zero).backward()
print("slope of ReLU at exactly 0, where the formula has none; PyTorch says", zero.grad.item())

# %% [markdown]
# ## Ten layers deep
#
# Now the experiment that the first question was about. We build the same net three times: ten hidden layers with 100 units each. Only the activation differs. The weights are
# random, of the size that is recommended for each activation (chapter 06 says why).
#
# We send 256 real images through, compute the loss, go back, and ask each layer how large its gradient is. Guess: what will the three curves look like?

# %%
clothes = data.load_fashion_mnist()
labels, test_labels = torch.from_numpy(clothes.train_labels), torch.from_numpy(clothes.test_labels)
train_images = torch.from_numpy(clothes.train_images).float()[:, None] / 255
centre, spread = train_images.mean(), train_images.std()
train_images = (train_images - centre) / spread
test_images = (torch.from_numpy(clothes.test_images).float()[:, None] / 255 - centre) / spread


def deep_net(activation, layers=10, width=100):
    torch.manual_seed(0)
    parts, inputs = [nn.Flatten()], 784
    for outputs in [width] * layers + [10]:
        linear = nn.Linear(inputs, outputs)
        nn.init.kaiming_normal_(linear.weight) if activation is nn.ReLU else nn.init.xavier_normal_(linear.weight)
        nn.init.zeros_(linear.bias)
        parts += [linear, activation()]
        inputs = outputs
    return nn.Sequential(*parts[:-1])


nets = {"sigmoid": deep_net(nn.Sigmoid), "tanh": deep_net(nn.Tanh), "ReLU": deep_net(nn.ReLU)}
sizes = {}
for name, net in nets.items():
    F.cross_entropy(net(train_images[:256]), labels[:256]).backward()
    sizes[name] = [part.weight.grad.norm().item() for part in net if isinstance(part, nn.Linear)][:10]

fig, ax = plt.subplots(figsize=(8, 3.2))
for (name, values), colour, marker in zip(sizes.items(), ["vermillion", "blue", "green"], plots.MARKERS, strict=False):
    ax.semilogy(range(1, 11), values, color=plots.PALETTE[colour], marker=marker, label=name)
ax.set_xticks(range(1, 11))
ax.set_xlabel("hidden layer (1 is next to the image)")
ax.set_ylabel("size of the gradient")
ax.grid(axis="y")
ax.legend(loc="lower right")
plots.show(
    fig,
    alt="Size of the gradient in ten layers, logarithmic. For tanh and ReLU it stays at the same height. For sigmoid it falls steadily from the last layer to the first, by a factor of "
    + f"{sizes['sigmoid'][-1] / sizes['sigmoid'][0]:,.0f}.",
)
print(f"sigmoid: the gradient of layer 10 is {sizes['sigmoid'][-1] / sizes['sigmoid'][0]:,.0f} times as large as that of layer 1")

# %% [markdown]
# The sigmoid net loses most of the gradient on the way: this is the **vanishing gradient**. It is less than 4 for each layer, because the weights make up for a part.
#
# Does it matter? We train all three in the same way.

# %%
histories = {}
for name, net in nets.items():
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    histories[name] = fit(net, (train_images, labels), (test_images, test_labels), epochs=4, optimizer=adam, panel=False)
plots.show(
    plots.curves({f"{name} accuracy": history.validation_accuracy for name, history in histories.items()}),
    alt="Test accuracy over four epochs. " + "; ".join(f"{name} ends at {h.validation_accuracy[-1]:.0%}" for name, h in histories.items()) + ".",
)

# %% [markdown]
# The sigmoid net hardly leaves the level of guessing (10 %). Its first layers get no message.
#
# Did you expect tanh to fail as well? With well-chosen weights, its inputs stay in the steep middle, and it works. Good initial values and normalisation (chapters 05 and 06) keep it there. ReLU needs less
# care. This is why it is the usual choice, and why AlexNet used it in 2012. Sigmoid lives on where a number between 0 and 1 is wanted: for gates and probabilities.

# %%
question(
    "A unit with a ReLU has got a very negative bias. For every image its sum is below 0. What happens in training?",
    {
        "It recovers slowly": "Slowly would need a small slope. To the left of 0 the slope of ReLU is exactly 0.",
        "Its weights get no gradient, it stays as it is": "Yes: a dead ReLU. Its output is 0 and its slope is 0, for every image. This is a reason for small learning rates at the start, and for variants with a small slope on the left (leaky ReLU).",
        "Its gradient explodes": "The gradient is multiplied by the slope. The slope is 0, so nothing is left of it.",
        "It becomes a sigmoid": "The activation function never changes, only weights and biases do.",
    },
    answer="Its weights get no gradient, it stays as it is",
)

# %% [markdown]
# ## What ReLU does to an activation map
#
# A kernel for vertical edges answers with plus for dark → bright, with minus for bright → dark. ReLU keeps the first and drops the second. Sigmoid keeps both, but squeezes them.

# %%
photo = torch.tensor(data.photo((150, 128)).mean(axis=2))[None, None]
vertical = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])[None, None]
edges = F.conv2d(photo, vertical)
fig, axes = plt.subplots(1, 4, figsize=(8, 2.7))
pictures = [("image", photo, "gray", (0, 1)), ("edges", edges, plots.SIGNED, (-2, 2)), ("ReLU(edges)", F.relu(edges), plots.SIGNED, (-2, 2)), ("sigmoid(edges)", torch.sigmoid(edges), plots.SIGNED, (-1, 1))]
for ax, (title, picture, colours, limits) in zip(axes, pictures, strict=True):
    ax.imshow(picture[0, 0], cmap=colours, vmin=limits[0], vmax=limits[1])
    ax.set_title(title)
    ax.set_xticks([]), ax.set_yticks([])
plots.show(
    fig,
    alt="The photo; its vertical edges in red (plus) and blue (minus); after ReLU only the red ones, on white; after sigmoid everything is positive, and a flat area has the value one half.",
)
print(f"share of zeros after ReLU: {(F.relu(edges) == 0).float().mean():.0%};  value of sigmoid on a flat area: {torch.sigmoid(torch.tensor(0.0)):.1f}")

# %% [markdown]
# A net that wants both directions learns a second kernel with the opposite signs.
#
# ## Pooling: a summary of each window
#
# After a few convolutions we often know enough about *what* is in a place, and care less about *exactly where*. **Pooling** slides a window over each map, and replaces it by one number. For
# **max pooling** this is the largest value, for **average pooling** the mean.
#
# Compute this one by hand first: max pooling with a 2×2 window and stride 2.

# %%
example = np.array([[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]])
plots.show(plots.annotate_matrix(example, title="4×4"), alt="The matrix 1 1 2 4, 5 6 7 8, 3 2 1 0, 1 2 3 4.")

# %%
predict(
    "Which four numbers come out? Type their sum.",
    answer=21,
    explain="6, 8, 3 and 4: the largest value of each quarter. Their sum is 21.",
    hint="Upper left window: 1, 1, 5, 6.",
)

# %% [markdown]
# ## The mathematics
#
# For a window of size $K$ and stride $S$:
#
# $$y_{c,i,j} = \max_{0 \le u, v < K} x_{c,\;iS+u,\;jS+v} \qquad\qquad W' = \left\lfloor \frac{W - K}{S} \right\rfloor + 1$$
#
# There is a $c$ on both sides, and no sum over it: **each channel is pooled on its own**. So the number of channels stays. And there is no weight in the formula: pooling has **no parameters**, there is nothing to learn.
#
# ## A dozen lines of NumPy
#
# `sliding_window_view` gives all windows as a view, without copying. Two more axes appear at the end: the window's rows and columns.


# %%
def pool_2d(x, size, stride, summary=np.max):
    """Pool x (N, C, H, W) with windows size×size: (N, C, (H − size) // stride + 1, (W − size) // stride + 1)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(2, 3))
    return summary(windows[:, :, ::stride, ::stride], axis=(4, 5))


x = example[None, None]
results = [pool_2d(x, 2, 2)[0, 0], pool_2d(x, 2, 2, np.mean)[0, 0], pool_2d(x, 3, 1)[0, 0], x.max(axis=(2, 3))]
plots.show(
    plots.matrices(
        [example, *results],
        operators=["→", "", "", ""],
        titles=["4×4", "max 2, stride 2", "average 2, stride 2", "max 3, stride 1", "global"],
        highlight=[[(1, 1), (1, 3), (2, 0), (3, 3)], (), (), (), ()],
    ),
    alt="The 4 by 4 example with the largest value of each quarter outlined: 6, 8, 3, 4. Max pooling 2, stride 2: 6 8, 3 4. Average: 3.25 5.25, 2 2. Max pooling 3, stride 1: 7 8, 7 8. Global max: 8.",
)

# %% [markdown]
# If the stride is smaller than the window, windows **overlap**. AlexNet used 3×3 windows with stride 2. The formula gives its sizes: 55 → 27 → 13 → 6.

# %%
size = 55
for _ in range(3):
    print(f"({size} − 3) / 2 + 1 = {(size - 3) / 2 + 1:g}", end="   ")
    size = (size - 3) // 2 + 1
print(f"\n28 with a window of 3 and stride 2: ({28} − 3) / 2 + 1 = {(28 - 3) / 2 + 1:g}, rounded down to {(28 - 3) // 2 + 1}")
print("this is what NumPy gives:", pool_2d(np.zeros((1, 1, 28, 28)), 3, 2).shape)

# %% [markdown]
# When the division leaves a rest, we round down: the last column does not get into any window.
#
# ### The same in PyTorch

# %%
maps = F.relu(edges)
checks = {
    "max 2, stride 2": (F.max_pool2d(maps, 2), pool_2d(maps.numpy(), 2, 2)),
    "average 2, stride 2": (F.avg_pool2d(maps, 2), pool_2d(maps.numpy(), 2, 2, np.mean)),
    "max 3, stride 2 (overlapping)": (F.max_pool2d(maps, 3, stride=2), pool_2d(maps.numpy(), 3, 2)),
    "global average": (F.adaptive_avg_pool2d(maps, 1), maps.numpy().mean(axis=(2, 3), keepdims=True)),
}
for name, (theirs, ours) in checks.items():
    print(f"{name:30} {tuple(maps.shape)} → {tuple(theirs.shape)}, largest difference {np.abs(theirs.numpy() - ours).max():.0e}")
print("parameters of nn.MaxPool2d(2):", sum(p.numel() for p in nn.MaxPool2d(2).parameters()))

# %% [markdown]
# Average pooling is an old friend: a convolution with equal weights and a stride. Step through it. Max pooling is none: "the largest" is no weighted sum.

# %%
convolution_stepper(example, np.full((2, 2), 0.25), stride=2, function=lambda image, kernel: pool_2d(image[None, None], 2, 2, np.mean)[0, 0])

# %% [markdown]
# ## What pooling keeps
#
# Here is the edge map after one, two and three rounds of pooling. Max pooling keeps thin, strong lines. Average pooling makes them pale.

# %%
rounds = {"max": [maps], "average": [maps]}
for _ in range(3):
    rounds["max"].append(F.max_pool2d(rounds["max"][-1], 2))
    rounds["average"].append(F.avg_pool2d(rounds["average"][-1], 2))
fig, axes = plt.subplots(2, 4, figsize=(8, 5))
for row, (name, pictures) in zip(axes, rounds.items(), strict=True):
    row[0].set_ylabel(name, fontsize=12)
    for ax, picture in zip(row, pictures, strict=True):
        ax.imshow(picture[0, 0], cmap="gray_r", vmin=0, vmax=2)
        ax.set_title(f"{picture.shape[2]}×{picture.shape[3]}", fontsize=10)
        ax.set_xticks([]), ax.set_yticks([])
plots.show(
    fig,
    alt="Two rows of edge maps, each half as large as the one before. In the row of max pooling the outline of cap and face stays dark. In the row of average pooling it fades to light grey.",
)

# %% [markdown]
# For a detector, "is there such an edge in this window?" is a better question than "how much of the window is edge?". This speaks for the maximum. For the question "how much of this is in the image?", the mean
# is better. This is why many nets use max pooling inside and **global average pooling** at the end.
#
# ### Global pooling
#
# Global pooling takes one number of each map: C×H×W becomes C. Two things follow. The net accepts images of **any size**. And the first linear layer becomes **much smaller**. VGG-16 flattens 512 maps of 7×7 and connects all
# of it to 4,096 units.

# %%
flattened, pooled = 7 * 7 * 512 * 4096, 512 * 1000
print(f"VGG-16 flattens 7×7×512, then connects to 4096 units: {flattened:,} weights")
print(f"global pooling to 512 numbers, then straight to 1000 classes: {pooled:,} weights")
head = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))
for height, width in [(28, 28), (150, 128), (31, 97)]:
    print(f"a {height}×{width} image gives {tuple(head(torch.zeros(1, 1, height, width)).shape)}")

# %% [markdown]
# ## Shifts: what pooling forgets, and what it does not
#
# You often read that pooling makes a net invariant to small shifts. Is it true? Start with a single bright pixel that wanders to the right, one step at a time, over a row of 8 pixels. Below each position is what max
# pooling (2, stride 2) makes of it.

# %%
before = np.eye(8, dtype=int)
after = before.reshape(8, 4, 2).max(axis=2)
plots.show(
    plots.matrices([before, after], operators=["max of each pair →"], titles=["8 steps: one row each", "after pooling"]),
    alt="Left: eight rows of eight pixels; the bright pixel moves one column to the right from row to row. Right: after pooling it stays for two rows at the same place, then jumps.",
)

# %%
question(
    "In which steps does the output stay the same?",
    {
        "In every step": "Then the output could not tell left from right. Compare row 1 and row 2 (counting from 0) on the right.",
        "In every second step": "Yes. Inside a window the pixel is free to move, and nobody notices. When it crosses the border of a window, the output jumps by a whole pixel.",
        "In no step": "Compare the two uppermost rows on the right: they are equal.",
    },
    answer="In every second step",
)

# %% [markdown]
# So the invariance is **local and partial**. Now with real images. We move 500 pictures of clothes by 0 to 4 pixels and measure how much a summary changes, in percent of its own size:
#
# $$\frac{\lVert\, f(\text{moved image}) - f(\text{image}) \,\rVert}{\lVert f(\text{image}) \rVert}$$
#
# As $f$ we take the edge map itself, the edge map after max pooling with windows of 2, 4 and 8, and after global max pooling. What do you expect?

# %%
some = F.pad(torch.from_numpy(clothes.test_images[:500]).float()[:, None] / 255, (6, 6, 6, 6))
summaries = {
    "no pooling": lambda e: e,
    "max 2": lambda e: F.max_pool2d(e, 2),
    "max 4": lambda e: F.max_pool2d(e, 4),
    "max 8": lambda e: F.max_pool2d(e, 8),
    "global max": lambda e: F.adaptive_max_pool2d(e, 1),
}


def change(summary, shift):
    still, moved = (summary(F.relu(F.conv2d(images, vertical, padding=1))) for images in (some, some.roll(shift, dims=3)))
    return 100 * ((moved - still).flatten(1).norm(dim=1) / still.flatten(1).norm(dim=1)).mean().item()


changes = {name: [change(summary, shift) for shift in range(5)] for name, summary in summaries.items()}
fig, ax = plt.subplots(figsize=(8, 3.6))
for (name, values), colour, marker in zip(changes.items(), plots.PALETTE.values(), plots.MARKERS, strict=False):
    ax.plot(range(5), values, color=colour, marker=marker, label=name)
ax.set_xticks(range(5))
ax.set_xlabel("image moved to the right by … pixels")
ax.set_ylabel("change in %")
ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
plots.show(
    fig,
    alt="Change of the summary against the shift. " + " ".join(f"{name}: {v[1]:.0f} % at a shift of 1, {v[4]:.0f} % at 4." for name, v in changes.items()),
)
for name, values in changes.items():
    print(f"{name:11}" + "".join(f"{v:7.1f} %" for v in values))

# %% [markdown]
# Pooling **reduces** the change. The larger the window, the more. But after a shift by a single pixel, a map that was pooled with windows of 2 is still clearly another one. Only global pooling does not change at all, as
# long as nothing leaves the image.
#
# What does hold exactly? If the image moves by **one whole stride**, the pooled map moves by one pixel. That is equivariance again, but only for multiples of the stride.

# %%
edge_maps = F.relu(F.conv2d(some, vertical, padding=1))
for shift in (1, 2, 3, 4):
    moved = F.max_pool2d(edge_maps.roll(shift, dims=3), 2)
    exact = torch.equal(moved, F.max_pool2d(edge_maps, 2).roll(shift // 2, dims=3))
    print(f"moved by {shift}: the pooled map {'only moves, by ' + str(shift // 2) if exact else 'has other values'}")

# %% [markdown]
# ## Four ways to halve a map
#
# Instead of pooling, a **convolution with stride 2** can make the map smaller. Then the net *learns* how to summarise. It costs parameters, and a nonlinear maximum becomes a weighted sum.


# %%
def net_with(halve):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), *halve(8),
        nn.Conv2d(8, 16, 5, padding=2), nn.ReLU(), *halve(16),
        nn.Flatten(), nn.Linear(16 * 7 * 7, 10),
    )  # fmt: skip


ways = {
    "max 2, stride 2": lambda channels: [nn.MaxPool2d(2)],
    "average 2, stride 2": lambda channels: [nn.AvgPool2d(2)],
    "max 3, stride 2": lambda channels: [nn.MaxPool2d(3, stride=2, padding=1)],
    "convolution, stride 2": lambda channels: [nn.Conv2d(channels, channels, 2, stride=2), nn.ReLU()],
}
layer_table(net_with(ways["convolution, stride 2"]), (1, 28, 28))

# %% [markdown]
# Compare with the table below: pooling layers have no parameters, and need no multiplications.

# %%
layer_table(net_with(ways["max 2, stride 2"]), (1, 28, 28))

# %% [markdown]
# Which of the four is best? We train all of them for three short epochs. Then we ask two questions. How many test images are right? And: if the image moves by one pixel, for how many images does the net change its mind?
#
# Before you run it: which do you think changes its mind least?

# %%
frame = (F.pad(torch.from_numpy(clothes.test_images).float()[:, None] / 255, (1, 1, 0, 0)) - centre) / spread
right, changed = {}, {}
for name, halve in ways.items():
    net = net_with(halve)
    adam = torch.optim.Adam(net.parameters(), lr=5e-3)
    fit(net, (train_images, labels), epochs=3, optimizer=adam, schedule=one_cycle, panel=False)
    said = logits_of(net, frame[..., 1:-1]).argmax(1)
    right[name] = 100 * (said == test_labels).float().mean().item()
    changed[name] = 100 * (logits_of(net, frame[..., :-2]).argmax(1) != said).float().mean().item()

# %%
plots.show(plots.bars(right, unit="%", title="right on 2,000 test images"), alt="Four bars: " + "; ".join(f"{n} {v:.1f} %" for n, v in right.items()) + ".")
plots.show(plots.bars(changed, unit="%", title="answers that change when the image moves by one pixel"), alt="Four bars: " + "; ".join(f"{n} {v:.1f} %" for n, v in changed.items()) + ".")
error = np.sqrt(0.84 * 0.16 / 2000)
print(f"chance alone moves an accuracy of 84 % on 2,000 images by about ±{100 * error:.1f} percentage points")

# %% [markdown]
# Read the first picture with care. With 2,000 test images, chance alone moves each bar by nearly one percentage point, and another start of the weights moves them too. One run is not enough to
# rank four nets that are so close.
#
# So we ran this cell three times, with other seeds. Each time both kinds of max pooling were ahead of average pooling and of the strided convolution. Their own order changed. You may read in notes that max
# pooling is *generally* better than average pooling. For this net and this short training it is. But nets such as ResNet use both, in different places. (Change the seed in `net_with` and see for yourself.)
#
# The second picture: a single pixel is enough to change many answers, for all four. The strided convolution reacted most in all three runs. Overlapping windows reacted least: neighbouring windows share pixels, so less
# changes when a pixel crosses a border.
#
# Modern nets mostly shrink their maps by convolutions with stride 2, and pool only once, globally, at the end.
#
# ## Check yourself

# %%
predict(
    "A 112×112 map goes through max pooling with a 3×3 window, stride 2, no padding. How wide is the output?",
    answer=55,
    explain="(112 − 3)/2 + 1 = 55.5, rounded down to 55.",
    hint="(W − K)/S + 1, rounded down.",
)

# %%
question(
    "A layer has 64 maps of 28×28. Which shape and how many parameters does max pooling 2×2 with stride 2 give?",
    {
        "64×14×14, no parameters": "Yes. Each channel is pooled on its own, the sides are halved, and there is nothing to learn.",
        "32×14×14, no parameters": "The number of channels stays. Pooling never mixes or drops channels.",
        "64×14×14, 4 parameters": "A maximum has no weights.",
        "1×14×14, no parameters": "There is no sum and no maximum over channels: 64 maps go in, 64 come out.",
    },
    answer="64×14×14, no parameters",
)

# %%
question(
    "Why did the net with ten sigmoid layers learn so badly, although its inputs were of a moderate size?",
    {
        "Sigmoid is expensive to compute": "That costs time, not gradients.",
        "Each layer passes on at most a quarter of the gradient": "Yes. Nothing even needs to be saturated: ten factors of at most 1/4 are enough. With large inputs, saturation comes on top.",
        "Its weights were zero": "They were random. Only the biases were zero, in all three nets.",
        "Sigmoid is linear": "It is not. A linear activation would not shrink gradients, but ten linear layers are worth only one.",
    },
    answer="Each layer passes on at most a quarter of the gradient",
)

# %%
question(
    "You want a net that says the same, wherever in the image a pattern lies. What gives you that exactly?",
    {
        "Max pooling 2×2 after each convolution": "It softens small shifts. You measured what is left: many answers still change after one pixel.",
        "Convolutions with stride 2": "They react to single pixels even more.",
        "Convolutions without stride, then global pooling": "Yes. The maps move along with the image, and global pooling does not care where in the map a value lies (as long as the borders play no role).",
        "ReLU": "It looks at each number on its own. It knows nothing about places.",
    },
    answer="Convolutions without stride, then global pooling",
)

# %% [markdown]
# ## What this leads to
#
# - **Assignment 02**: you write ReLU, sigmoid, tanh and all kinds of pooling, forward and backward.
# - **Chapter 04** sends gradients back through these layers: max pooling sends each one to the winner of its window.
# - **Lab 01** puts convolution, ReLU and pooling together into LeNet.
#
# ## Sources
#
# - V. Nair and G. Hinton, *Rectified Linear Units Improve Restricted Boltzmann Machines*, ICML 2010.
# - X. Glorot and Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, AISTATS 2010: saturation, and weights of the right size.
# - A. Krizhevsky, I. Sutskever, G. Hinton, *ImageNet Classification with Deep Convolutional Neural Networks*, NeurIPS 2012: ReLU and overlapping pooling.
# - M. Lin, Q. Chen, S. Yan, *Network In Network*, ICLR 2014: global average pooling.
# - J. T. Springenberg, A. Dosovitskiy, T. Brox, M. Riedmiller, *Striving for Simplicity: The All Convolutional Net*, ICLR 2015 workshop: stride instead of pooling.
# - R. Zhang, *Making Convolutional Networks Shift-Invariant Again*, ICML 2019.
