# ---
# jupyter:
#   convnets:
#     minutes: 75
#     budget_seconds: 80
#     needs: [00_welcome]
#     summary: What a small filter does to a photo, and why networks for images are built from filters that are learned
# ---

# %% [markdown]
# # Images and filters
#
# **When you have worked through this chapter, you can**
#
# - smooth a signal, and find its edges, with a handful of weights;
# - say how convolution and cross-correlation differ, and when it matters;
# - slide a kernel over an image by hand, in NumPy and in PyTorch;
# - recognise four kernels by their numbers: edge, sharpen, box blur, Gaussian blur;
# - compare features that people design with features that a network learns;
# - explain with numbers why fully connected layers do not scale to images, and which two assumptions save us.
#
# **Time:** about 75 minutes. **Needs:** chapter 00, Welcome.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.collections import LineCollection
from torch import nn
from torch.nn import functional as F

from convnets import data, plots
from convnets.train import evaluate, fit, one_cycle
from convnets.widgets import convolution_stepper, predict, question

rng = np.random.default_rng(0)

# %% [markdown]
# ## Before you run anything
#
# Here is a tiny signal: dark, dark, dark, then bright, bright, bright.
#
# $$0 \quad 0 \quad 0 \quad 9 \quad 9 \quad 9$$
#
# Slide a window of three numbers over it. At each position, write down the mean of the three.

# %%
predict(
    "How many of the means are neither 0 nor 9?",
    answer=2,
    explain="The window has four positions. They give 0, 3, 6, 9. The hard step became a ramp, and the signal became two numbers shorter.",
    hint="A window of 3 fits into 6 numbers at 4 positions.",
)

# %% [markdown]
# You have just computed a convolution. The rest of this chapter is about what the weights can be, and who chooses them.
#
# ## An image is a table of numbers
#
# Take the grey version of a photo and look very closely at one eye.

# %%
photo = data.photo()
grey = photo.mean(axis=2)
eye = grey[160:216, 278:334]
numbers = (255 * eye.reshape(8, 7, 8, 7).mean(axis=(1, 3))).round().astype(int)
plots.show(
    plots.image_grid([photo, eye, numbers / 255], titles=["the photo, 600×512×3", "one eye, grey, 56×56", "the eye as 8×8 means"]),
    alt="The photo of Grace Hopper, an enlarged grey view of one eye behind her glasses, and the same eye as a coarse picture of 8 by 8 squares.",
)
plots.show(
    plots.annotate_matrix(numbers, title="this is what a computer gets: 64 means, from 0 (black) to 255 (white)"),
    alt="The 8 by 8 table of grey values: small numbers where the eye and the rim of the glasses are dark, large ones on the skin.",
)

# %% [markdown]
# Nothing in the table says "eye". A single number says nearly nothing. But **neighbours together** say something: dark beside bright is an edge, and
# edges make shapes. So we look at small neighbourhoods.
#
# ## One row: weighted averages
#
# We start with a single row of the photo. It runs through the flag, the glasses and the wall.
#
# A window of $K$ weights $w$ slides over the signal $x$. At each place we multiply and add:
#
# $$y_i \;=\; \sum_{k=0}^{K-1} w_k \, x_{i+k}$$


# %%
def correlate_1d(x, w):
    """Slide w (K,) over x (L,): L − K + 1 sums of products."""
    y = np.zeros(len(x) - len(w) + 1)
    for k, weight in enumerate(w):
        y += weight * x[k : k + len(y)]
    return y


print(correlate_1d(np.array([0, 0, 0, 9, 9, 9]), np.ones(3) / 3))

# %% [markdown]
# The loop runs over the *weights*, not over the signal. For each weight it adds a shifted copy of the whole signal. That is the same sum in another
# order, and much faster in NumPy.
#
# What will each of these four sets of weights do to the row? Guess first.
#
# - fifteen times $\tfrac{1}{15}$
# - $\tfrac14 (1, 2, 1)$, applied eight times, one after the other
# - $(-1, 0, 1)$
# - $(0, 0, 1)$

# %%
row = grey[200]
smooth = row
for _ in range(8):
    smooth = correlate_1d(smooth, np.array([1, 2, 1]) / 4)
results = {
    "the row itself": row,
    "mean of 15": correlate_1d(row, np.ones(15) / 15),
    "¼ (1, 2, 1), eight times": smooth,
    "(−1, 0, 1)": correlate_1d(row, np.array([-1, 0, 1])),
    "(0, 0, 1)": correlate_1d(row, np.array([0, 0, 1])),
}
fig, axes = plt.subplots(6, 1, figsize=(8, 8.2), sharex=True, height_ratios=[1.2, 1, 1, 1, 1, 1])
axes[0].imshow(grey[170:230], cmap="gray", aspect="auto", extent=(0, 512, 230, 170))
axes[0].axhline(200, color=plots.PALETTE["orange"])
axes[0].set_yticks([200], ["row 200"])
for ax, (name, y) in zip(axes[1:], results.items(), strict=True):
    ax.plot(np.arange(len(y)) + (512 - len(y)) / 2, y, color=plots.PALETTE["blue"], linewidth=1.3)
    ax.set_title(f"{name}   ({len(y)} numbers)", loc="left", fontsize=10, pad=3)
    ax.set_ylim((-0.8, 0.8) if "−1" in name else (0, 1))
axes[4].axhline(0, color="grey", linewidth=0.7)
axes[-1].set_xlabel("column")
plots.show(
    fig,
    alt="A strip of the photo with row 200 marked, and five curves below. The row itself jumps up and down. The mean of 15 and the repeated 1-2-1 are smooth versions of it. "
    "The weights minus one, zero, one give a curve near zero with spikes up and down at edges. The weights zero, zero, one give the row again, moved by one pixel.",
)

# %% [markdown]
# Three rules of thumb follow. Keep them: they hold for every kernel in this course.
#
# - **All weights positive, sum 1: smoothing.** The level stays, fast changes go away.
# - **Sum 0: change.** On a flat part the products cancel, and the result is 0. It differs from 0 only where the signal changes.
# - **A single 1: shifting.**
#
# With smooth weights and tiny steps, the sum becomes an integral, $(f * g)(x) = \int f(x-y)\,g(y)\,dy$. This is how convolution is defined in mathematics. If $g$ is
# narrow and positive, $f * g$ is a smoothed $f$. Look at the sign in $f(x - y)$. It has a consequence.
#
# ## Convolution or cross-correlation?
#
# Our sum walks through $x$ and $w$ in the **same** direction. It is called **cross-correlation**. In the integral one of the two is walked through
# **backwards**. That is **convolution**:
#
# $$\text{cross-correlation: } \sum_k w_k\, x_{i+k} \qquad\qquad \text{convolution: } \sum_k w_k\, x_{i-k}$$
#
# Convolution is cross-correlation with the flipped kernel. In two dimensions it is flipped in both directions, a turn by 180°. To see the difference, feed both
# with a single bright pixel.

# %%
pixel = np.zeros((5, 5), dtype=int)
pixel[2, 2] = 1
kernel = np.arange(1, 10).reshape(3, 3)
windows = np.lib.stride_tricks.sliding_window_view(pixel, (3, 3))
correlated = (windows * kernel).sum(axis=(2, 3))
convolved = (windows * kernel[::-1, ::-1]).sum(axis=(2, 3))
plots.show(
    plots.matrices(
        [pixel, kernel, correlated, convolved],
        operators=["and", "give", "or"],
        titles=["one bright pixel", "kernel", "cross-correlation", "convolution"],
    ),
    alt="A 5 by 5 image with a single 1 in the middle, and a kernel with the numbers 1 to 9. Cross-correlation gives the kernel turned by 180 degrees, 9 to 1. Convolution gives the kernel itself, 1 to 9.",
)

# %% [markdown]
# Convolution **stamps the kernel** onto every pixel. Cross-correlation **asks at every place how similar** the image is to the kernel.
#
# Mathematicians prefer convolution, because order does not matter then: $x * w = w * x$. Deep learning uses cross-correlation, and *calls* it
# convolution. This is no loss. A network **learns** its kernels, so it learns the flipped one. It matters only when you carry a kernel from one tool to another.

# %%
signal, w = np.array([0.0, 1, 2, 5]), np.array([1.0, 2, 4])
print("NumPy's convolve flips:    ", np.convolve(signal, w, mode="valid"))
print("NumPy's correlate does not:", np.correlate(signal, w, mode="valid"))
torch_result = F.conv1d(torch.tensor(signal)[None, None], torch.tensor(w)[None, None])[0, 0]
print("PyTorch's conv1d does not: ", torch_result.numpy())
print("convolution in the other order:      ", np.convolve(signal, w), "=", np.convolve(w, signal))
print("cross-correlation in the other order:", np.correlate(signal, w, "full"), "≠", np.correlate(w, signal, "full"))

# %%
question(
    "You slide the kernel over an image, once as convolution and once as cross-correlation. For which kernel do you get the <em>same</em> result?",
    {
        "(−1, 0, 1)": "Flipped, it is (1, 0, −1): the result has the opposite sign.",
        "¼ (1, 2, 1)": "Yes. It reads the same in both directions, so the flip changes nothing. The same holds for box blur, Gaussian blur, edge and sharpen below.",
        "(0, 0, 1)": "Flipped, it is (1, 0, 0): one shifts to the left, the other to the right.",
        "For no kernel": "A kernel that is equal to its own flip does not notice it.",
    },
    answer="¼ (1, 2, 1)",
)

# %% [markdown]
# ## Two dimensions
#
# In an image the window is a small square. Everything else stays: multiply, add, move on.
#
# $$y_{i,j} \;=\; \sum_{u=0}^{K-1}\sum_{v=0}^{K-1} w_{u,v}\; x_{i+u,\;j+v}$$
#
# Here is one single position, on the table of the eye, with the kernel called "edge".

# %%
edge = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])
window = numbers[3:6, 2:5]
plots.show(
    plots.matrices(
        [window, edge, window * edge, np.array([[(window * edge).sum()]])],
        operators=["×", "=", "sum →"],
        titles=["window", "kernel", "products", "output"],
    ),
    alt=f"A 3 by 3 window of the eye's grey values, the edge kernel, their nine products, and the sum of the products, {(window * edge).sum()}.",
)

# %% [markdown]
# Now a dozen lines of NumPy. As in one dimension, the loops run over the few weights, and each turn adds a shifted copy of the whole image.


# %%
def correlate_2d(x, w):
    """Slide w (KH, KW) over x (H, W): output (H − KH + 1, W − KW + 1)."""
    height, width = x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1
    y = np.zeros((height, width))
    for u in range(w.shape[0]):
        for v in range(w.shape[1]):
            y += w[u, v] * x[u : u + height, v : v + width]
    return y


print(correlate_2d(numbers, edge)[3, 2], "at the place of the picture above")

# %% [markdown]
# Put it to the test. The stepper below slides the kernel over the eye, and calls *your* `correlate_2d` at the same time. Drag the
# window, or click it and use the arrow keys. Then go back, change the function (leave out the last row of weights, or change a sign), and run both cells again: the first wrong
# number is marked.

# %%
convolution_stepper(numbers, edge, function=correlate_2d)

# %% [markdown]
# ## Four kernels with a name
#
# Photo programs have used these for decades. Before you run the cell: look at the numbers. Do they sum to 1 or to 0? So what will the picture look like?

# %%
kernels = {
    "edge": np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]),
    "sharpen": np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "box blur": np.ones((3, 3)) / 9,
    "Gaussian": np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16,
}
for name, kernel in kernels.items():
    print(f"{name:14} sum of the weights: {kernel.sum():.0f}")
small = grey[110:290:2, 170:350:2]
plots.show(
    plots.kernel_effects(small, kernels),
    alt="The face in grey, and what four kernels make of it. Edge: white with thin red and blue lines where the brightness changes. Sharpen: crisper wrinkles and glasses. "
    "Box blur and Gaussian blur: softer pictures.",
)

# %% [markdown]
# - **Edge** sums to 0. On the flat wall it gives 0. It compares a pixel with the mean of its neighbours (times 8).
# - **Sharpen** sums to 1. It is the image *plus* a small edge picture: $5 = 1 + 4$.
# - **Box blur** gives each of the nine pixels the weight 1/9.
# - **Gaussian blur** trusts near pixels more: 4, 2, 1, divided by 16. It is $\tfrac14(1,2,1)$ down times $\tfrac14(1,2,1)$ across, as you can check below.
#
# Why blur at all? Because it removes noise. If each pixel has independent noise with standard deviation σ, a weighted sum has the noise
# $\sigma\sqrt{\sum w^2}$. Let us see whether this is true.

# %%
print("outer product:", np.array_equal(np.outer([1, 2, 1], [1, 2, 1]) / 16, kernels["Gaussian"]))
noise = 0.1 * rng.standard_normal((600, 512))
for name, kernel in kernels.items():
    measured = correlate_2d(noise, kernel).std() / noise.std()
    print(f"{name:14} noise × {measured:.3f}   predicted √Σw² = {np.sqrt((kernel**2).sum()):.3f}")

# %%
question(
    "The sharpen kernel makes noise more than five times as strong. Why do people use it?",
    {
        "Because it also blurs": "It does the opposite: it makes every difference between a pixel and its neighbours larger.",
        "Because it makes edges stronger too": "Yes. It makes all fast changes stronger, wanted ones and unwanted ones. So one sharpens photos that have little noise.",
        "Because noise averages out later": "Not by sharpening. Averaging is what the blur kernels do.",
        "Because its weights sum to 1": "That keeps the brightness. It says nothing about noise: box blur sums to 1 as well.",
    },
    answer="Because it makes edges stronger too",
)

# %% [markdown]
# ## The same in PyTorch
#
# `conv2d` takes a batch N×C×H×W and a stack of kernels. Their shape is out_channels × in_channels × height × width. One grey image is 1×1×H×W, and our
# four kernels are 4×1×3×3. So the output has four channels: one picture for each kernel.

# %%
x = torch.tensor(grey)[None, None]
stack = torch.tensor(np.stack(list(kernels.values())), dtype=torch.float32)[:, None]
y = F.conv2d(x, stack)
print(f"{tuple(x.shape)} and {tuple(stack.shape)} give {tuple(y.shape)}")
for name, kernel, theirs in zip(kernels, kernels.values(), y[0].numpy(), strict=True):
    print(f"{name:14} largest difference to ours: {np.abs(correlate_2d(grey, kernel) - theirs).max():.1e}")

# %% [markdown]
# ## Features made by hand
#
# How would *you* tell a boot from a shirt? Not by single pixels. By their outline: where are edges, and in which direction do they run?
#
# Before 2012, one of the best answers was a histogram of oriented gradients, HOG for short. For each small cell of the image it counts how strong the edges are in
# each direction. Here is the core of it in a dozen lines. (The original also normalises over overlapping blocks.)


# %%
def orientation_histograms(images, cell=8, bins=9):
    """Edge strength by direction in each cell: images (N, H, W) give (N, H // cell, W // cell, bins)."""
    dy, dx = np.gradient(images.astype(float), axis=(1, 2))
    strength, angle = np.hypot(dy, dx), np.degrees(np.arctan2(dy, dx)) % 180
    direction = (angle * bins / 180).astype(int) % bins
    rows, columns = images.shape[1] // cell, images.shape[2] // cell
    histograms = []
    for k in range(bins):
        votes = np.where(direction == k, strength, 0)[:, : rows * cell, : columns * cell]
        histograms.append(votes.reshape(-1, rows, cell, columns, cell).sum(axis=(2, 4)))
    return np.stack(histograms, axis=-1)


# %% [markdown]
# To look at it, we draw a small star in every cell: one stroke for each direction, along the edge. The stronger the edge, the longer and darker the stroke.


# %%
def draw_stars(ax, histogram, cell):
    """Draw histogram (rows, columns, bins) as strokes along the edges."""
    rows, columns, bins = histogram.shape
    share = np.minimum(histogram / np.quantile(histogram, 0.995), 1)
    r, c, k = np.nonzero(share > 0.08)
    along, strength = np.radians((k + 0.5) * 180 / bins + 90), share[r, c, k]
    centre = cell * (np.stack([c, r], axis=1) + 0.5)
    reach = 0.48 * cell * (strength * np.stack([np.cos(along), np.sin(along)])).T
    ax.add_collection(LineCollection(np.stack([centre - reach, centre + reach], axis=1), colors="black", alpha=strength, linewidths=1.4))
    ax.set_xlim(0, columns * cell)
    ax.set_ylim(rows * cell, 0)
    ax.set_aspect("equal")


clothes = data.load_fashion_mnist()
boot = clothes.test_images[np.flatnonzero(clothes.test_labels == 9)[0]] / 255
fig, axes = plt.subplots(1, 4, figsize=(8, 2.9), width_ratios=[0.86, 0.86, 1, 1])
face = grey[20:320, 110:366][::2, ::2]
for left, image, cell in [(0, face, 8), (2, boot, 4)]:
    axes[left].imshow(image, cmap="gray")
    draw_stars(axes[left + 1], orientation_histograms(image[None], cell)[0], cell)
for ax, title in zip(axes, ["face", "its edges by direction", "boot", "its edges by direction"], strict=True):
    ax.set_title(title, fontsize=10)
    ax.axis("off")
plots.show(
    fig,
    alt="The face beside its drawing in small strokes: the cap, the glasses and the chin can be recognised from the directions of edges alone. An ankle boot beside its drawing in strokes: the outline of the boot.",
)

# %% [markdown]
# From 28×28 = 784 pixels we get 7×7 cells with 9 directions: 441 numbers. Does a simple classifier do better with these than with pixels? We give both to the same linear
# classifier, on 10,000 pictures of clothes in ten classes.
#
# Your guess: which is better, and by how much?

# %%
labels, test_labels = torch.from_numpy(clothes.train_labels), torch.from_numpy(clothes.test_labels)


def as_features(images):
    """Edge histograms (N, 441), each cell scaled to about unit length."""
    h = orientation_histograms(images / 255, cell=4)
    h = h / (np.linalg.norm(h, axis=-1, keepdims=True) + 0.05)
    return torch.tensor(h.reshape(len(h), -1), dtype=torch.float32)


def as_images(images):
    """Pixels as (N, 1, 36, 36) from 0 to 1, with a black frame of 4 pixels. We need the frame later."""
    return F.pad(torch.from_numpy(images).float()[:, None] / 255, (4, 4, 4, 4))


def train(model, images, learning_rate, epochs=4):
    adam = torch.optim.Adam(model.parameters(), lr=learning_rate)
    fit(model, (images, labels), epochs=epochs, optimizer=adam, schedule=one_cycle, panel=False)
    return model


def accuracy(model, images):
    return evaluate(model, (images, test_labels))[1]


torch.manual_seed(0)
pixels, test_pixels = as_images(clothes.train_images), as_images(clothes.test_images)
features, test_features = as_features(clothes.train_images), as_features(clothes.test_images)
on_pixels = train(nn.Sequential(nn.Flatten(), nn.Linear(36 * 36, 10)), pixels, 5e-3)
on_features = train(nn.Linear(441, 10), features, 1e-2)
scores = {
    "linear on pixels": 100 * accuracy(on_pixels, test_pixels),
    "linear on hand-made features": 100 * accuracy(on_features, test_features),
}
plots.show(plots.bars(scores, unit="%", title="accuracy on 2,000 test images"), alt=f"Two bars: {'; '.join(f'{k} {v:.1f} %' for k, v in scores.items())}.")

# %% [markdown]
# Good features make a simple classifier better. For a long time, this is how vision was done: experts designed the features, and a small classifier at the end was all
# that learned. This is called a **shallow** pipeline. It has a weak spot: the classifier can never see what the features threw away. (People have
# drawn images back from HOG features. Some "cars" that a detector found in trees really do look like cars to *humans*, too, when they see only the
# features.)
#
# The alternative is to let **every** stage learn: a **deep** pipeline.

# %%
fig, axes = plt.subplots(2, 1, figsize=(8, 3.2))
pipelines = {
    "shallow": [("image", ""), ("hand-made\nfeatures", "fixed"), ("classifier", "learned"), ("class", "")],
    "deep": [("image", ""), ("layer 1", "learned"), ("layer 2", "learned"), ("layer 3", "learned"), ("classifier", "learned"), ("class", "")],
}
for ax, (title, stages) in zip(axes, pipelines.items(), strict=True):
    step = 10 / len(stages)
    for i, (name, how) in enumerate(stages):
        colour = {"": "white", "fixed": "#DDDDDD", "learned": plots.PALETTE["sky"]}[how]
        hatch = "///" if how == "fixed" else None
        ax.add_patch(plt.Rectangle((i * step, 0), step * 0.72, 1, facecolor=colour, edgecolor="#888888" if hatch else "black", hatch=hatch))
        label = f"{name}\n({how})" if how else name
        ax.text(i * step + step * 0.36, 0.5, label, ha="center", va="center", fontsize=9.5, bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.5})
        if i + 1 < len(stages):
            ax.annotate("", ((i + 1) * step - 0.05, 0.5), (i * step + step * 0.72 + 0.05, 0.5), arrowprops={"arrowstyle": "->"})
    ax.set_title(title, loc="left")
    ax.set_xlim(-0.1, 10)
    ax.set_ylim(-0.1, 1.1)
    ax.axis("off")
plots.show(
    fig,
    alt="Two chains of boxes. Shallow: image, hand-made features (fixed), classifier (learned), class. Deep: image, layer 1, layer 2, layer 3, classifier, all learned, then class.",
)

# %% [markdown]
# ## Features that are learned
#
# So let us not choose the kernels. We choose only *how many* there are and how large: here 8 kernels of 7×7. Their weights start as random numbers. Training changes them
# until the net tells clothes apart.
#
# Do not mind the other layers yet. They have chapters of their own.


# %%
def convolutional():
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(1, 8, kernel_size=7, padding=3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 32, kernel_size=5, padding=2), nn.ReLU(), nn.AdaptiveMaxPool2d(1),
        nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip


conv_net = convolutional()
before = conv_net[0].weight.detach().clone()
train(conv_net, pixels, 1e-2)
plots.show(
    plots.filters(before, titles=[f"random {i}" for i in range(8)]),
    alt="Eight 7 by 7 kernels of random weights. They look like noise.",
)
plots.show(
    plots.filters(conv_net[0].weight, titles=[f"learned {i}" for i in range(8)]),
    alt="The same eight kernels after training. Several now have a red side and a blue side, as edge detectors do.",
)

# %% [markdown]
# Nobody told the net about edges. Yet most kernels now have a positive and a negative side: they look for changes in brightness in some direction, each in another one.
# When many kinds of nets are trained on photos, their first layers all end like this: edges and blobs of colour. The kernels of the deeper layers
# combine these into corners, textures and parts.
#
# Here is what the eight learned kernels see in the boot.

# %%
with torch.no_grad():
    maps = conv_net[0](F.pad(torch.tensor(boot, dtype=torch.float32)[None, None], (4, 4, 4, 4)))
plots.show(
    plots.feature_maps(maps, titles=[f"kernel {i}" for i in range(8)]),
    alt="Eight signed pictures of the ankle boot. Each kernel answers to other parts: the upper outline, the sole, the shaft, the inside.",
)
print(f"accuracy of the small convolutional net: {accuracy(conv_net, test_pixels):.1%}")

# %% [markdown]
# Compare this accuracy with the bars above. After a few seconds of training, the tiny net does not beat the experts' features yet. It found its own in that time, from
# nothing but examples. With more kernels, more layers and more training, learned features win clearly. You will see it in lab 01.
#
# ## Why not connect everything?
#
# Why kernels at all? A **fully connected** layer could learn any kernel by itself: each output has a weight of its own for each input. Let us count.

# %%
for height, width in [(32, 32), (200, 200)]:
    print(f"{height}×{width}×3 image: {height * width * 3:,} weights for a single output")

# %% [markdown]
# One output is one number. A layer needs thousands of them. Let us take a real example, the first layer of AlexNet, the net that began the present age in
# 2012. It reads a 227×227×3 image and gives 55×55×96 numbers, with 96 kernels of 11×11×3.
#
# We compare three ways to compute the same number of outputs:
#
# 1. **convolution**: each output sees an 11×11 window, and all windows share the kernels;
# 2. **local, not shared**: each output sees its window, but has weights and a bias of its own;
# 3. **fully connected**: each output sees the whole image (weights only).

# %%
conv1 = nn.Conv2d(3, 96, kernel_size=11, stride=4)
outputs = conv1(torch.zeros(1, 3, 227, 227)).numel()
inputs = 227 * 227 * 3
per_filter = 11 * 11 * 3 + 1
ways = {
    "convolution": 96 * per_filter,
    "local, not shared": outputs * per_filter,
    "fully connected": inputs * outputs,
}
assert ways["convolution"] == sum(p.numel() for p in conv1.parameters())
print(f"inputs {inputs:,}, outputs {outputs:,}, parameters of one filter {per_filter}")
for name, count in ways.items():
    print(f"{name:18} {count:>15,} parameters, {4 * count / 1e9:10,.4f} GB as 32-bit numbers")
plots.show(
    plots.bars(ways, log=True, title="parameters of AlexNet's first layer, built in three ways"),
    alt="Three bars on a logarithmic scale: convolution 34,944, local without sharing 105,705,600, fully connected 44,892,064,800 parameters.",
)

# %% [markdown]
# From the longest bar to the shortest, each step is an assumption about images. **Locality** (look only at a neighbourhood) saves a factor of 425. **Weight sharing** (what is
# useful in one place is useful everywhere) saves another factor of 3,025, one for each of the 55·55 places.
#
# ### Find the slip
#
# Numbers in slides can be wrong. A well-known set of lecture slides, made for this very comparison, prints 66,846,304,800 parameters for the fully connected
# layer. It also prints 290,400 outputs, which is right.

# %%
predict(
    "Divide the slide's number by its 290,400 outputs, and by 3 channels. Which image side did the slide use?",
    answer=277,
    explain="66,846,304,800 / 290,400 = 230,187 = 277²·3. The slide squared 277 instead of 227: one mistyped digit. "
    "With 227²·3 = 154,587 inputs it is 44,892,064,800. The conclusion stays the same, the number does not.",
    hint="After both divisions, take the square root.",
)

# %%
print(f"66,846,304,800 / 290,400 / 3 = {66_846_304_800 / 290_400 / 3:,.0f}, and its square root is {np.sqrt(66_846_304_800 / 290_400 / 3):.0f}")
print(f"right: 227·227·3 · 290,400 = {227 * 227 * 3 * 290_400:,}")
print(f"locality saves × {ways['fully connected'] / ways['local, not shared']:.0f}, sharing × {ways['local, not shared'] / ways['convolution']:,.0f}")

# %% [markdown]
# ## Two assumptions, measured
#
# Assumptions that are built into a model are called its **inductive bias**. They are no gift: they help where they are true, and hurt where they are not. We test both.
#
# ### Weight sharing: move the image
#
# All training images sit in the middle of a black frame. At test time we move them to the right, by 0 to 4 pixels. Nothing is cut off. For you, a boot stays a boot.
#
# Three nets compete. In the first, everything is fully connected. The second has convolutions, then flattens its maps and connects every place of them to
# the classes. The third is the net from above: convolutions, then only the *largest* value of each map, wherever it is.
#
# Which of them will notice that the boot has moved? Decide before you run the cell.


# %%
def fully_connected(side=36):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(side * side, 32), nn.ReLU(), nn.Linear(32, 10))


def convolutional_flattened():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, kernel_size=7, padding=3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 12, kernel_size=5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(12 * 9 * 9, 10),
    )  # fmt: skip


nets = {
    "fully connected": train(fully_connected(), pixels, 5e-3),
    "convolutions, flattened": train(convolutional_flattened(), pixels, 5e-3, epochs=2),
    "convolutions, largest value": conv_net,
}
shifts = range(5)
moved = {name: [100 * accuracy(net, test_pixels.roll(s, dims=3)) for s in shifts] for name, net in nets.items()}
for name, values in moved.items():
    parameters = sum(p.numel() for p in nets[name].parameters())
    print(f"{name:28} {parameters:6,} parameters:  " + "  ".join(f"{v:.1f} %" for v in values))

# %%
fig, ax = plt.subplots(figsize=(8, 3.4))
for (name, values), colour, marker in zip(moved.items(), ["vermillion", "purple", "blue"], plots.MARKERS, strict=False):
    ax.plot(shifts, values, color=plots.PALETTE[colour], marker=marker, label=name)
ax.axhline(10, color="grey", linestyle=":", linewidth=1.2)
ax.text(0, 11.5, "guessing", color="#555555", fontsize=10)
ax.set_ylim(0, 100)
ax.set_xticks(list(shifts))
ax.set_xlabel("image moved to the right by … pixels")
ax.set_ylabel("accuracy in %")
ax.legend(loc="lower left", bbox_to_anchor=(0, 0.14))
plots.show(
    fig,
    alt="Accuracy against the shift in pixels. "
    + " ".join(f"{name}: from {values[0]:.0f} % to {values[-1]:.0f} %." for name, values in moved.items()),
)

# %% [markdown]
# Look at the middle line: it may surprise you. Convolutions alone do **not** make a net blind to shifts. When the image moves, their maps move along with it:
#
# > **Equivariance:** shift, then convolve = convolve, then shift.
#
# The flattened net still has separate weights for each place *behind* the convolutions, and there it is as helpless as the first one. Only when a layer also forgets
# *where* something was, by taking the largest value of each map, does the answer stay the same. That is **invariance**. Chapter 03 looks at it closely.

# %%
moved_first = correlate_2d(np.roll(boot, 3, axis=1), edge)
moved_last = np.roll(correlate_2d(boot, edge), 3, axis=1)
print(f"shift, then convolve, against convolve, then shift: largest difference {np.abs(moved_first - moved_last)[:, 3:].max():.1e}")

# %% [markdown]
# (We left out the first three columns, where `roll` brings back what left the image on the other side.)
#
# ### Locality: shuffle the pixels
#
# Are neighbours in an image really alike? Take all pairs of pixels that lie $d$ columns apart, and compute their correlation: 1 means "always equally bright",
# 0 means "one tells nothing about the other". Then shuffle the pixels of the photo, and do it again.

# %%
mixed = rng.permutation(grey.ravel()).reshape(grey.shape)
distances = [1, 2, 4, 8, 16, 32, 64]
likeness = {name: [np.corrcoef(x[:, :-d].ravel(), x[:, d:].ravel())[0, 1] for d in distances] for name, x in [("photo", grey), ("shuffled", mixed)]}
fig, ax = plt.subplots(figsize=(8, 2.6))
for (name, values), colour, marker in zip(likeness.items(), ["blue", "vermillion"], plots.MARKERS, strict=False):
    ax.plot(distances, values, color=plots.PALETTE[colour], marker=marker)
    ax.text(66, values[-1] + 0.06, name, color=plots.PALETTE[colour])
ax.set_xscale("log", base=2)
ax.set_xticks(distances, distances)
ax.set_ylim(-0.1, 1.05)
ax.set_xlabel("distance in pixels")
ax.set_ylabel("correlation")
plots.show(
    fig,
    alt=f"In the photo the correlation falls from {likeness['photo'][0]:.2f} at distance 1 to {likeness['photo'][-1]:.2f} at distance 64. In the shuffled photo it is 0 at every distance.",
)

# %% [markdown]
# Neighbours are nearly equal, and far pixels much less so. Now we use this. We rearrange the pixels of all clothes, in the same random order for all images. No number is lost, each
# is only at another place. For you, the boot is gone. (We leave the frame away, nothing moves here.)

# %%
plain, test_plain = pixels[..., 4:-4, 4:-4], test_pixels[..., 4:-4, 4:-4]
order = torch.randperm(28 * 28, generator=torch.Generator().manual_seed(0))


def shuffle(images):
    return images.flatten(1)[:, order].view_as(images)


plots.show(
    plots.image_grid([*test_plain[:3], *shuffle(test_plain[:3])], columns=6, titles=["image"] * 3 + ["shuffled"] * 3),
    alt="Three images of clothes, and the same three with shuffled pixels, which look like noise.",
)

# %% [markdown]
# Two nets are trained again, on shuffled images, and tested on shuffled images. The first is the fully connected one. The second has small kernels, and at the end it takes the *mean* of each map. So all
# that it can know is: which patterns stand in small windows, and how often?

# %%
question(
    "What happens to the fully connected net?",
    {
        "It gets much worse": "For it, pixels are a list without neighbours. It has never known which pixel lies beside which.",
        "Its accuracy stays about the same": "Yes. Shuffling only renames its inputs. It does not use that neighbours belong together, so it cannot miss it.",
        "It gets much better": "The information is the same, only renamed. There is nothing to gain.",
    },
    answer="Its accuracy stays about the same",
)


# %%
def small_windows():
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(1, 8, kernel_size=5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 32, kernel_size=3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip


shuffled, test_shuffled = shuffle(plain), shuffle(test_plain)
compared = {
    "fully connected: images as they are": 100 * accuracy(train(fully_connected(28), plain, 5e-3), test_plain),
    "fully connected: shuffled": 100 * accuracy(train(fully_connected(28), shuffled, 5e-3), test_shuffled),
    "small windows, mean: images as they are": 100 * accuracy(train(small_windows(), plain, 1e-2, epochs=3), test_plain),
    "small windows, mean: shuffled": 100 * accuracy(train(small_windows(), shuffled, 1e-2, epochs=3), test_shuffled),
}
plots.show(
    plots.bars(compared, unit="%", title="accuracy on 2,000 test images"),
    alt="Four bars. " + "; ".join(f"{name} {value:.1f} %" for name, value in compared.items()) + ".",
)

# %% [markdown]
# Do not compare the two nets with each other: the second one is small, and a mean over the whole image throws much away. Compare each with itself. The fully connected net did not even notice. The other one lost
# about half of what it could do, because its windows now hold pixels from all over the image.
#
# This is the whole secret. Convolutional nets are not better at *everything*. They are better at data where **near things belong together** and **the same pattern can appear anywhere**: photos, sound,
# maps, boards of Go.
#
# **To try:** train `convolutional()`, the net with the largest value, on the shuffled images. Does it suffer as well? First think, then run it.
#
# <details><summary>What we saw, and a guess why</summary>
#
# It hardly suffered. A large window with many weights, and a maximum that picks the *one best place*, leave a way out. In the shuffled images the pixels of the corners are nearly always black, and they form
# a fixed random pattern. A kernel can learn a piece of this pattern by heart. Then its largest value is always found at the same place, and the net knows where it is. An inductive bias
# makes some solutions easy to find. It does not forbid the others. Could you test this guess? (For example: give the black pixels random grey values.)
#
# </details>
#
# ## Check yourself

# %%
question(
    "A kernel has the weights (1, −2, 1). What does it give where a signal rises steadily: 2, 4, 6, 8?",
    {
        "The slope, 2": "The slope is what (−1, 1) gives. Compute one position: 1·2 − 2·4 + 1·6.",
        "0": "Yes: 2 − 8 + 6 = 0. Its weights sum to 0, so it ignores the level. It ignores a steady slope, too, and answers only where the slope changes.",
        "The mean": "For a mean the weights must sum to 1. These sum to 0.",
    },
    answer="0",
)

# %%
predict(
    "A colour image of 64×64 pixels goes into a fully connected layer with 100 outputs. How many weights does it have (without biases)?",
    answer=64 * 64 * 3 * 100,
    explain="64·64·3 = 12,288 inputs, each connected to 100 outputs: 1,228,800 weights.",
)

# %%
predict(
    "The same image goes into a convolution layer with 100 kernels of 5×5. How many weights (without biases)?",
    answer=5 * 5 * 3 * 100,
    explain="Each kernel covers all three colours: 5·5·3 = 75 weights, times 100 kernels: 7,500. The size of the image does not appear at all.",
    hint="A kernel is as deep as its input: three channels.",
)

# %%
question(
    "Shuffling the pixels in the same way for all images hurts a convolutional net. Which assumption is broken?",
    {
        "Colours are independent": "Nothing was assumed about colours, and the images were grey.",
        "Neighbouring pixels belong together": "Yes: locality. After the shuffle a window holds pixels from all over the image.",
        "All classes are equally frequent": "The labels did not change at all.",
        "The image is square": "It still is. Only the order of the pixels changed.",
    },
    answer="Neighbouring pixels belong together",
)

# %% [markdown]
# ## What this leads to
#
# - **Chapter 02** gives kernels depth, steps and frames, and counts what they cost.
# - **Assignment 01**: you write one- and two-dimensional convolution yourself, and apply the named kernels to a colour photo.
# - **Chapter 03** explains the two other parts of the small net: ReLU and pooling.
# - **Lab 01** trains a larger net with the same ideas.
#
# ## Sources
#
# - N. Dalal and B. Triggs, *Histograms of Oriented Gradients for Human Detection*, CVPR 2005.
# - C. Vondrick, A. Khosla, T. Malisiewicz, A. Torralba, *HOGgles: Visualizing Object Detection Features*, ICCV 2013: images drawn back from features.
# - A. Krizhevsky, I. Sutskever, G. Hinton, *ImageNet Classification with Deep Convolutional Neural Networks*, NeurIPS 2012: AlexNet.
# - Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-Based Learning Applied to Document Recognition*, Proceedings of the IEEE 86(11), 1998: local receptive fields and shared weights.
# - H. Xiao, K. Rasul, R. Vollgraf, *Fashion-MNIST*, 2017: the pictures of clothes (MIT licence).
# - The photo: Grace Hopper, US Navy, public domain, as it comes with matplotlib.
