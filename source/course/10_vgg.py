# ---
# jupyter:
#   convnets:
#     minutes: 90
#     budget_seconds: 60
#     needs: [02_convolution_arithmetic, 06_optimization, 09_alexnet_zfnet]
#     summary: One small filter, stacked; a net of 16 layers counted to the last byte, two famous slips in that count, and why it would not learn without a trick
# ---

# %% [markdown]
# # VGG
#
# AlexNet has filters of 11×11, 5×5 and 3×3, strides of 4 and 1, normalisation after two layers and none after the others. Why these? In 2014 K. Simonyan and A. Zisserman of Oxford's *Visual Geometry Group* asked what happens if one does away with all choices but one: the **depth**.
#
# **When you have worked through this chapter, you can**
#
# - explain with numbers and with a picture why three layers of 3×3 take the place of one of 7×7;
# - write down VGG-16 from memory, and count its parameters, multiply-adds and memory layer by layer;
# - find two slips in a summary that has been copied many times;
# - tell how much memory its training needs, for any number of images;
# - show why a net of this depth did not learn in 2014, and give three ways out;
# - say what a modern head would save.
#
# **Time:** about 90 minutes. **Needs:** chapters 02, 06 and 09.

# %%
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
# A layer with filters of 7×7 reads $C$ maps and makes $C$ maps. Somebody takes it out and puts three layers of 3×3 in its place, one behind the other, all with $C$ maps.

# %%
predict(
    "How many <em>percent</em> more weights has the one layer of 7×7 than the three layers of 3×3 together? (No biases. Round to a whole number.)",
    answer=100 * (49 / 27 - 1),
    tolerance=0.6,
    explain="One filter of 7×7 has 49·C weights, and there are C of them: 49·C². Three layers of 3×3 have 3·9·C² = 27·C². And 49/27 = 1.81, so 81 % more. Whatever C is.",
    unit="%",
    hint="A layer of K×K from C to C maps has K·K·C·C weights. The C² is the same on both sides.",
)

# %% [markdown]
# ## Three small ones see as much as a large one
#
# Read this picture from the top. One value of the third layer reads three values of the second. Together these read five of the first, and those read seven pixels.

# %%
plots.show(
    plots.receptive_field_diagram([3, 3, 3]),
    alt="Four rows of cells. One output on top reads 3 values of layer 2, these read 5 values of layer 1, and these read 7 pixels of the input.",
)

# %% [markdown]
# Here is the same, measured on a real photo. A pixel is seen if its gradient is not zero. We take a stack, pick one output at the eye on the left, and average the size of the gradient over 200 stacks with different random weights.


# %%
def one_large():
    return nn.Sequential(nn.Conv2d(3, 8, 7, padding=3), nn.ReLU())


def three_small():
    layers = []
    for channels in (3, 8, 8):
        layers += [nn.Conv2d(channels, 8, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)


def sight(stack, image, row, column, tries=200):
    """Mean size of the gradient of one output position with respect to each pixel (H, W)."""
    total = torch.zeros(image.shape[2:])
    for seed in range(tries):
        torch.manual_seed(seed)
        x = image.clone().requires_grad_()
        stack()(x)[0, :, row, column].sum().backward()
        total += x.grad[0].abs().sum(0) / tries
    return total


face = torch.from_numpy(data.photo(80)[16:36, 18:48].copy()).permute(2, 0, 1)[None]
fig, axes = plt.subplots(1, 2, figsize=(8, 3.1))
seen = {}
for ax, (name, stack) in zip(axes, {"one layer of 7×7": one_large, "three layers of 3×3": three_small}.items(), strict=True):
    gradient = sight(stack, face, 9, 10)
    rows, columns = gradient.any(1).nonzero(), gradient.any(0).nonzero()
    seen[name] = gradient[6:13, 7:14] / gradient.max()
    ax.imshow(face[0].mean(0), cmap="gray", alpha=0.6)
    ax.imshow(gradient / gradient.max(), cmap="Oranges", vmin=-0.6, vmax=1, alpha=(0.85 * (gradient > 0)).numpy())
    ax.set_title(f"{name}\nsees {int(rows[-1] - rows[0]) + 1}×{int(columns[-1] - columns[0]) + 1} pixels")
    ax.set_xticks([]), ax.set_yticks([])
plots.show(fig, alt="The face in grey, with an orange square over the eye on the left in both pictures. One layer of 7×7: the square is evenly coloured. Three layers of 3×3: the same size, but strong in the middle and pale at the border.")
print("a corner of the square against its middle:", ", ".join(f"{name} {s[0, 0] / s[3, 3]:.2f}" for name, s in seen.items()))

# %% [markdown]
# Both see the same square. But the small filters do not treat it alike: many ways lead through the three layers from the middle to the output, only one from a corner.
#
# ## The mathematics
#
# A layer of $K \times K$ with $C$ maps before and behind it has $K^2C^2$ weights. To see as far with layers of 3×3, you need $(K-1)/2$ of them:
#
# $$1 + 2L = K \quad\Rightarrow\quad L = \frac{K-1}{2} \qquad\qquad \text{weights: } K^2 C^2 \;\text{ against }\; 9\,\frac{K-1}{2}\,C^2$$
#
# One grows with the square of $K$, the other one in a straight line. The multiply-adds follow the weights, as each weight is used once at each position. What grows the other way is **memory in training**: $L$ times as many maps must be kept for the backward pass. And $L$ layers take $L$ steps, one after the other.

# %%
print(" K   layers of 3×3   weights of K×K   of the stack    share   maps to keep")
for K in (3, 5, 7, 9, 11):
    L = (K - 1) // 2
    print(f"{K:2} {L:15} {K * K:13}·C² {9 * L:12}·C² {9 * L / K**2:8.0%} {L:14}")

# %% [markdown]
# ### What can the stack *not* do?
#
# Leave out the ReLUs. Then three layers of 3×3 are one convolution of 7×7 (chapter 02), but not every one. A 7×7 kernel has 49 free numbers. How many of all 7×7 kernels can three 3×3 kernels make?

# %%
rng = np.random.default_rng(0)


def merged(kernels):
    """The one kernel that does what these kernels do one after the other."""
    result = np.ones((1, 1))
    for kernel in kernels:
        n = len(result)
        grown = np.zeros((n + 2, n + 2))
        for i in range(3):
            for j in range(3):
                grown[i : i + n, j : j + n] += kernel[i, j] * result
        result = grown
    return result


kernels = rng.standard_normal((3, 3, 3))
large = merged(kernels)
grey = torch.from_numpy(data.photo(60).mean(2)).double()[None, None]
steps = grey
for kernel in kernels:
    steps = F.conv2d(steps, torch.from_numpy(kernel)[None, None])
print(f"one kernel of {large.shape[0]}×{large.shape[1]} against three of 3×3, on the photo: largest difference {(F.conv2d(grey, torch.from_numpy(large)[None, None]) - steps).abs().max():.0e}")
directions = []
for k in range(3):
    for i in range(9):
        moved = kernels.copy()
        moved[k].flat[i] += 1e-6
        directions.append((merged(moved) - merged(kernels)).ravel() / 1e-6)
print(f"free directions of the merged kernel: {np.linalg.matrix_rank(np.array(directions), tol=1e-3)} of {large.size}")

# %% [markdown]
# 27 numbers go in, and two of them are lost, because one kernel may be doubled when another one is halved. So the large kernels that can be made are a thin slice of all. The paper puts it so: three layers of 3×3 are a layer of 7×7 with a **constraint**, it must be taken apart into 3×3 filters. With a ReLU after each, they can also do what no single layer can.
#
# ### Does it help?
#
# The paper measured it: a net with half as many layers, each pair of 3×3 replaced by one 5×5, had 7 points more top-1 error.
#
# Does it come from the three ReLUs, or from the constraint? One such comparison cannot tell. If you have an evening, try it: train a 7×7 net, a 3×3 net, and a 3×3 net without the ReLUs between, and search the learning rate for *each* of them. With one rate for all, you measure only which net likes that rate.
#
# ## One kind of layer
#
# VGG is built from five rules:
#
# 1. All convolutions are 3×3, with stride 1 and padding 1. They keep the size.
# 2. After each a ReLU, nothing else. No normalisation.
# 3. All poolings are 2×2 with stride 2. They halve the size, and part the net into five stages.
# 4. The first stage has 64 maps. After each pooling, there are twice as many, but never more than 512.
# 5. At the end three fully connected layers, 4,096, 4,096 and 1,000, with dropout after the first two.
#
# What is left to choose is how many layers each stage has: 2, 2, 3, 3, 3 makes **VGG-16**, 13 convolutions and three fully connected layers. 2, 2, 4, 4, 4 makes **VGG-19**. Layers without weights are not counted.

# %%
question(
    "A rule on a slide: “Every time it halves the spatial size, it doubles the number of filters.” At how many of VGG's five poolings is this true?",
    {
        "At all five": "After the fourth and the fifth pooling there are 512 maps, as before.",
        "At three": "Yes: 64 → 128 → 256 → 512. Behind the fourth pooling the maps stay 512, and behind the fifth come the fully connected layers.",
        "At four": "64 → 128, 128 → 256, 256 → 512 are three. From the fourth to the fifth stage it stays at 512.",
        "At none": "Behind the first pooling there are 128 maps instead of 64.",
    },
    answer="At three",
)

# %%
with torch.device("meta"):
    vgg16, alexnet = torchvision.models.vgg16(weights=None), torchvision.models.alexnet(weights=None)
architecture_explorer({"VGG-16": vgg16, "AlexNet": alexnet}, (3, 224, 224))

# %% [markdown]
# Unfold the features, and switch the bars between parameters, multiply-adds and memory.
#
# ## Layer by layer
#
# <!-- layers: 06_classic_architectures: vgg(16), (3, 224, 224) -->
#
# Each row says what the layer itself keeps. The ReLUs share the last row before the total: they hold no parameters and change no shape, but in *this* net each of them writes into new memory. That is nearly half of the total. Keep this in mind for what follows.
#
# ### A dozen lines of Python
#
# VGG is so regular that its numbers can be had from a line of text.

# %%
PLAN = "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M"


def count(plan, side=224, channels=3):
    """Rows (name, numbers in the output, parameters, multiply-adds) of a VGG net; M stands for a pooling."""
    rows = [("input", channels * side**2, 0, 0)]
    for word in plan.split():
        if word == "M":
            side //= 2
            rows.append(("pool", channels * side**2, 0, 0))
        else:
            maps, weights = int(word), 9 * channels * int(word)
            rows.append((f"conv3-{maps}", maps * side**2, weights + maps, weights * side**2))
            channels = maps
    inputs = channels * side**2
    for outputs in (4096, 4096, 1000):
        rows.append((f"fc-{outputs}", outputs, inputs * outputs + outputs, inputs * outputs))
        inputs = outputs
    return rows


rows = count(PLAN)
numbers, parameters, multiply_adds = (sum(row[i] for row in rows) for i in (1, 2, 3))
print(f"{parameters:,} parameters, {multiply_adds:,} multiply-adds, {numbers:,} numbers in the layers' outputs: {4 * numbers / 1e6:.1f} MB as float32")

# %% [markdown]
# ### The same from PyTorch
#
# torchvision's ReLUs write into the memory of the convolution before them (`inplace=True`).

# %%
total = layer_table(vgg16, (3, 224, 224)).total
print(f"{total.parameters:,} parameters, {total.multiply_adds:,} multiply-adds, {total.activation_bytes / 1e6:.1f} MB")
print(f"the small difference in memory: {total.activation_bytes - 4 * numbers:,} bytes, one copy of the last 512·7·7 maps")

# %% [markdown]
# ### Where are they?

# %%
fig, axes = plt.subplots(1, 3, figsize=(8, 4.6), sharey=True)
names = [row[0] for row in rows]
colours = [plots.PALETTE["orange"] if name.startswith("fc") else plots.PALETTE["sky"] if name == "pool" else plots.PALETTE["blue"] for name in names]
for ax, column, scale, title in zip(axes, (1, 2, 3), (4 / 1e6, 1e-6, 1e-9), ("activations in MB", "parameters in million", "multiply-adds in billion"), strict=True):
    values = scale * np.array([row[column] for row in rows])
    ax.barh(range(len(rows)), values, color=colours)
    ax.set_title(title, fontsize=10.5)
    top = int(values.argmax())
    ax.text(values[top] * 0.97, top, f"{values[top]:.1f}", ha="right", va="center", color="white" if top < 19 else "black", fontsize=9)
axes[0].set_yticks(range(len(rows)), names, fontsize=8.5)
axes[0].invert_yaxis()
early, fc6 = sum(row[1] for row in rows[:4]) / numbers, rows[-3][2] / parameters
plots.show(fig, alt=f"Three bar charts, layer by layer. Activations: the first two convolutions have the longest bars, 12.8 MB each. Parameters: one bar stands out, that of the first fully connected layer with {rows[-3][2] / 1e6:.1f} million. Multiply-adds: spread over all convolutions but the first.")
print(f"the first stage keeps {100 * early:.0f} % of all activations; the first fully connected layer holds {100 * fc6:.0f} % of all parameters; the convolutions do {100 * sum(row[3] for row in rows if row[0].startswith('conv')) / multiply_adds:.1f} % of the multiply-adds")

# %% [markdown]
# Activations live at the beginning, parameters at the end. And look at the multiply-adds: six of the convolutions do exactly the same number. Why?

# %%
question(
    "From one stage to the next, the sides are halved and the maps are doubled. What happens to the multiply-adds of a convolution inside a stage?",
    {
        "They are halved": "Half the sides make a quarter of the positions. Twice as many maps in and out make four times the weights.",
        "They stay as they are": "Yes: a quarter of the positions, four times the weights. Each stage costs the same per layer. ResNet kept this rule (chapter 12).",
        "They are doubled": "There are four times as many weights, but each is used at a quarter of the positions.",
        "They become a quarter": "That would be so if the number of maps stayed the same, as from the fourth stage to the fifth.",
    },
    answer="They stay as they are",
)

# %% [markdown]
# ## Find the slips
#
# A set of lecture notes sums VGG-16 up in three lines:
#
# > - Most memory is in early CONV layer (3M)
# > - Most Parameters are in late FC layers (10M)
# > - 93MB/image in forward pass alone
#
# Two of the three numbers are wrong. You have all you need: find them, and find out how far off they are, before you run the next cell.

# %%
largest_map, fc6_weights = max(row[1] for row in rows), 7 * 7 * 512 * 4096
with_relus = numbers + sum(row[1] for row in rows if row[0].startswith("conv") or row[0] == "fc-4096")
print(f"largest output: {largest_map:,} numbers")
print(f"weights of the first fully connected layer: 7·7·512·4,096 = {fc6_weights:,}")
print(f"numbers in all outputs: {numbers:,}, times 4 bytes = {4 * numbers / 1e6:.0f} MB ({4 * numbers / 2**20:.0f} MiB)")
print(f"93 MB would be {93e6 / 4 / 1e6:.1f} million numbers; with the ReLUs' outputs kept apart there are {with_relus / 1e6:.1f} million, {4 * with_relus / 1e6:.0f} MB")

# %% [markdown]
# - **3M** is right: 64 maps of 224×224 are 3.2 million numbers.
# - **10M** is ten times too small: the first fully connected layer alone has 102,760,448 weights, more than 100M. A zero was lost.
# - **93 MB** does not follow from the layers. They add up to 15.2 million numbers, 61 MB. The lecture behind these notes lists all layers, rightly, but the sum below the list reads 24 million. No way of counting that we know gives 24: without ReLUs it is 15, with all of them 29. Somebody added wrongly, and others copied it.
#
# That is a good reason to let a program count.
#
# ## How much does training need?
#
# In the forward pass in use, each map may be thrown away as soon as the next one is there. In training, the backward pass needs them again: $\partial L/\partial w$ of a convolution is a product with its input (chapter 04). PyTorch can tell us what it keeps. We hook into it, and let it run on tensors without data.


# %%
def kept_for_backward(net, shape):
    """Bytes of activations that PyTorch keeps for the backward pass."""
    own = {p.untyped_storage()._cdata for p in net.parameters()}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = net(torch.empty(shape, device="meta"))
    return sum(storage.nbytes() for storage in kept.values()), output


per_image = kept_for_backward(vgg16, (1, 3, 224, 224))[0]
fixed = 3 * 4 * total.parameters
print(f"weights, gradients and momentum: 3 · 4 · {total.parameters:,} = {fixed / 1e9:.2f} GB")
print(f"kept for each image: {per_image / 1e6:.0f} MB")
print("\nbatch    kept for backward    with weights, gradients, momentum")
for batch in (1, 16, 64, 256):
    print(f"{batch:5} {batch * per_image / 1e9:17.2f} GB {(batch * per_image + fixed) / 1e9:22.2f} GB")

# %% [markdown]
# More than the 61 MB: dropout keeps its masks, and max pooling keeps, for each of its outputs, which of the four values won, in eight bytes. (The gradients of the maps come on top, but only a few of them at a time.)
#
# The authors trained with batches of 256 on four cards with 6 GB each. The last row of the table says why one would not do. Each net took two to three weeks.

# %%
predict(
    "How many <em>bytes</em> does the optimiser Adam need for VGG-16 beyond the weights and their gradients? (It keeps two numbers for each parameter, as float32. In GB = 10⁹ bytes, one decimal.)",
    answer=2 * 4 * 138_357_544 / 1e9,
    tolerance=0.06,
    explain="2·4·138,357,544 = 1.1 GB, for numbers of which three quarters belong to a single layer.",
    unit="GB",
)

# %% [markdown]
# ## What each layer sees
#
# Now the whole net, on the photo. VGG-16 has five poolings, so the receptive field jumps. We give its 13 convolutions random weights after He and measure, for one output in the middle of stages 3, 4 and 5, which pixels act on it.

# %%
with torch.device("meta"):
    fields = {row.name: row.receptive_field for row in layer_table(torchvision.models.vgg16(weights=None).features, (3, 224, 224))}
    features = torchvision.models.vgg16(weights=None).features
features = features.to_empty(device="cpu").requires_grad_(False)
torch.manual_seed(0)
normal = {i: torch.randn(layer.weight.shape) for i, layer in enumerate(features) if isinstance(layer, nn.Conv2d)}
for i, draw in normal.items():
    features[i].weight.copy_(draw * (2 / draw[0].numel()) ** 0.5)
    features[i].bias.zero_()
portrait = torch.from_numpy(data.photo((224, 224))).permute(2, 0, 1)[None]
inputs = (portrait - portrait.mean()) / portrait.std()
fig, axes = plt.subplots(1, 3, figsize=(8, 3.1))
measured = {}
for ax, (stage, last) in zip(axes, {3: 14, 4: 21, 5: 28}.items(), strict=True):
    x = inputs.clone().requires_grad_()
    maps = features[: last + 1](x)
    middle = maps.shape[-1] // 2
    maps[0, :, middle, middle].sum().backward()
    gradient = x.grad[0].abs().sum(0)
    rows_seen, columns_seen = gradient.any(1).nonzero(), gradient.any(0).nonzero()
    top, left = int(rows_seen[0]), int(columns_seen[0])
    high, wide = int(rows_seen[-1]) - top + 1, int(columns_seen[-1]) - left + 1
    measured[stage] = high, fields[str(last)].size[0]
    strength = (gradient / gradient.max()).sqrt().numpy()
    ax.imshow(portrait[0].permute(1, 2, 0).mean(2), cmap="gray", alpha=0.6)
    ax.imshow(strength, cmap="Oranges", vmin=-0.5, vmax=1, alpha=0.9 * strength)
    ax.add_patch(plt.Rectangle((left - 0.5, top - 0.5), wide, high, fill=False, edgecolor=plots.PALETTE["blue"], linestyle="--", linewidth=1.8))
    ax.set_title(f"end of stage {stage}\nmeasured {high}×{wide}, computed {fields[str(last)].size[0]}", fontsize=10)
    ax.set_xticks([]), ax.set_yticks([])
plots.show(fig, alt="Three copies of the portrait. A dashed square shows which pixels act on one output in the middle, orange how strongly. " + "; ".join(f"end of stage {s}: measured {m} pixels, computed {c}" for s, (m, c) in measured.items()) + ". The orange is concentrated in the middle of each square.")

# %% [markdown]
# The last convolution sees nearly the whole image, with filters of 3×3 only. The poolings do most of this: without them, 13 layers would see 27 pixels.
#
# ## Why it would not learn
#
# The paper has a sentence that is easily overlooked. Net A, with 11 layers, was shallow enough to be trained from random weights. For the deeper ones, the first four convolutions and the last three layers were taken over from the trained net A, and only the layers between them started at random. Why was that necessary?
#
# Send the photo through the 13 convolutions, and look at the size of the numbers after each layer. The first weights are drawn from a normal distribution. AlexNet's spread was 0.01. The VGG paper says "variance $10^{-2}$", that is a spread of 0.1. Beside them are the two rules from chapter 06.
#
# Predict: what remains of the photo after 13 layers with a spread of 0.01?

# %%
RULES = {
    "spread 0.01": lambda n: 0.01,
    "spread 0.1": lambda n: 0.1,
    "Xavier √(1/n)": lambda n: (1 / n) ** 0.5,
    "He √(2/n)": lambda n: (2 / n) ** 0.5,
}


def sizes(rule):
    """Root mean square of the values after each of the 13 convolutions and its ReLU."""
    x, result = F.avg_pool2d(inputs, 2), []
    for i, layer in enumerate(features):
        if isinstance(layer, nn.Conv2d):
            x = F.relu(F.conv2d(x, normal[i] * rule(normal[i][0].numel()), padding=1))
            result.append(x.square().mean().sqrt().item())
        elif isinstance(layer, nn.MaxPool2d):
            x = layer(x)
    return result


travelled = {name: sizes(rule) for name, rule in RULES.items()}
fig, ax = plt.subplots(figsize=(8, 3.4))
for (name, values), colour, marker in zip(travelled.items(), plots.PALETTE.values(), plots.MARKERS, strict=False):
    ax.plot(range(1, 14), values, color=colour, marker=marker, label=name)
ax.set_yscale("log")
ax.set_xticks(range(1, 14))
ax.set_xlabel("convolution")
ax.set_ylabel("size of the values")
ax.legend(bbox_to_anchor=(1, 1), loc="upper left")
ax.grid(axis="y")
plots.show(fig, alt="Size of the values after each of the 13 convolutions, on a logarithmic scale. " + "; ".join(f"{name}: {values[-1]:.1g} after the last one" for name, values in travelled.items()) + ".")
for name, values in travelled.items():
    print(f"{name:14} first layer {values[0]:8.2g}   last layer {values[-1]:8.2g}")

# %% [markdown]
# With 0.01, a layer with 512 maps passes on about half of what it gets. After 13 layers, less than a ten-millionth of the photo's size is left, and the gradient shrinks once more on its way back. With 0.1, the numbers explode. In eight layers this can be borne. In sixteen it cannot. He's rule keeps the size, and it was published some months *after* VGG.
#
# ### Measured on a net that trains
#
# Now in small: plain nets of 3×3 convolutions on clothes of 16×16 pixels. The short one has 6 convolutions, the deep one has 10. All start with **0.6 times** He's spread, about as bad as 0.01 in a layer of 512 maps, except where it says He.

# %%
clothes = data.load_fashion_mnist()
labels = torch.from_numpy(clothes.train_labels)
scaled = (torch.from_numpy(clothes.train_images).float()[:, None] / 255 - 0.286) / 0.353
small = F.pad(F.avg_pool2d(scaled, 2), (1, 1, 1, 1), value=scaled.min().item())
SHORT, DEEP = (1, 1, 2, 2), (2, 2, 3, 3)


def plain(stages, spread, seed, norm=False):
    """A small VGG: stages of 3×3 convolutions with 8, 16, 32 and 32 maps; their weights have `spread` times He's spread."""
    torch.manual_seed(seed)
    layers, channels = [], 1
    for convolutions, maps in zip(stages, (8, 16, 32, 32), strict=True):
        for _ in range(convolutions):
            layers += [nn.Conv2d(channels, maps, 3, padding=1), *([nn.BatchNorm2d(maps)] if norm else []), nn.ReLU()]
            channels = maps
        layers.append(nn.MaxPool2d(2))
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels, 10))
    for layer in net:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight, std=spread * (2 / layer.weight[0].numel()) ** 0.5)
            nn.init.zeros_(layer.bias)
    return net


def grown(short, seed):
    """A deep net whose layers are those of a trained short one, as far as there are any; the others start at random."""
    deep = plain(DEEP, 0.6, seed)
    of_stage = [[[layer for layer in part if isinstance(layer, nn.Conv2d)] for part in stages_of(net)] for net in (short, deep)]
    for trained, fresh in zip(*of_stage, strict=True):
        for source, target in zip(trained, fresh, strict=False):
            target.load_state_dict(source.state_dict())
    deep[-1].load_state_dict(short[-1].state_dict())
    return deep


def stages_of(net):
    """The layers of a net, parted at its poolings; what comes after the last one is left out."""
    parts = [[]]
    for layer in net:
        parts[-1].append(layer)
        if isinstance(layer, nn.MaxPool2d):
            parts.append([])
    return parts[:-1]


def train(net, steps=100, seed=0):
    """The loss at each step of SGD with momentum, batches of 64; gradients longer than 5 are shortened."""
    optimizer, generator, losses = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9), torch.Generator().manual_seed(seed), []
    for _ in range(steps):
        rows = torch.randint(0, len(labels), (64,), generator=generator)
        loss = F.cross_entropy(net(small[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5)
        optimizer.step()
        losses.append(loss.item())
    return losses


short = plain(SHORT, 0.6, seed=0)
losses = {"6 layers": train(short)}
losses["10 layers"] = train(plain(DEEP, 0.6, seed=0))
losses["10 layers, grown from the 6"] = train(grown(short, seed=1))
losses["10 layers, He"] = train(plain(DEEP, 1, seed=0))
losses["10 layers, BatchNorm"] = train(plain(DEEP, 0.6, seed=0, norm=True))

fig, ax = plt.subplots(figsize=(8, 3.6))
ax.axhline(np.log(10), color="grey", linewidth=0.8, linestyle=":")
for (name, values), colour, marker in zip(losses.items(), ("sky", "vermillion", "blue", "green", "purple"), plots.MARKERS, strict=False):
    smooth = np.convolve(values, np.ones(10) / 10, "valid")
    ax.plot(range(10, len(values) + 1), smooth, color=plots.PALETTE[colour], marker=marker, markevery=15, label=name)
ax.set_xlabel("step")
ax.set_ylabel("loss, mean of 10 steps")
ax.legend(bbox_to_anchor=(1, 1), loc="upper left")
ends = {name: np.mean(values[-20:]) for name, values in losses.items()}
plots.show(fig, alt="Loss over 100 steps. " + "; ".join(f"{name}: {end:.2f} at the end" for name, end in ends.items()) + ". A dotted line marks ln 10, the loss of guessing.")
for name, end in ends.items():
    print(f"{name:28} {end:.2f}")

# %% [markdown]
# The deep net stays at $\ln 10$, as if it guessed: nothing gets through. The short one needs a while, and then learns. Its trained layers amplify, so the deep net that is **grown** from it learns as well, although four layers in it are as small as before. That is what the authors did.
#
# The two others are what we do today: **first weights** that keep the size (He), and **normalisation**, which does not care how large the weights are (chapter 05). The authors found out themselves, after they had sent in the paper, that Xavier's rule would have made the detour unnecessary.

# %%
question(
    "Why did net A, with 8 convolutions, learn from the same random weights with which 13 convolutions did not?",
    {
        "It has fewer parameters": "It has 133 million, hardly fewer: nearly all of them are in the fully connected layers that both have.",
        "Each layer shrinks the signal by a factor, and the factors multiply": "Yes. Half, eight times, is 1/256, which the learning rate can make up for. Half, 13 times, is 1/8,192. And the gradient shrinks once more on its way back.",
        "It overfits less": "Nothing that does not learn can overfit: the training loss itself does not fall.",
        "Its images are smaller": "All VGG nets get the same images.",
    },
    answer="Each layer shrinks the signal by a factor, and the factors multiply",
)

# %% [markdown]
# ## What depth bought
#
# From the paper, one net, images of one size (top-5 error on ImageNet, validation):
#
# | net | layers with weights | what is new | top-5 error |
# |:--|--:|:--|--:|
# | A | 11 | | 10.4 % |
# | A-LRN | 11 | with AlexNet's normalisation | 10.5 % |
# | B | 13 | two more 3×3, in the first stages | 9.9 % |
# | C | 16 | three more, but 1×1 | 9.4 % |
# | D = **VGG-16** | 16 | these three are 3×3 | 8.8 % |
# | E = **VGG-19** | 19 | three more 3×3 | 9.0 % |
#
# <!-- totals: 06_classic_architectures: {"A, VGG-11": vgg(11), "B, VGG-13": vgg(13), "D, VGG-16": vgg(16), "E, VGG-19": vgg(19)}, (3, 224, 224) -->
#
# Read four things out of the two tables. Normalisation as in AlexNet does not help (so it left: chapter 09). Depth does help. C against D: it is not only the number of layers, 3×3 sees more than 1×1. And at 19 layers it is over: VGG-19 needs a quarter more multiply-adds than VGG-16, and is not better. Deeper plain nets are even worse. *Why*, and what to do about it, is chapter 12.
#
# In the challenge of 2014, seven such nets together had **7.3 %** on the test images: second place in classification, behind GoogLeNet's 6.7 %, and first place in localisation. After the challenge, two nets reached 6.8 %. Slides that say "VGG-16: 7.3 %" leave out the other six.
#
# ## A modern head
#
# Nine tenths of VGG-16's parameters are in its head. What if we take the mean of each of the 512 maps, and put a single layer behind it? (This is *global average pooling*, which GoogLeNet had in the same year.)

# %%
predict(
    "VGG-16's convolutions have 14,714,688 parameters. How many has the net with global average pooling and one layer from 512 to 1,000?",
    answer=14_714_688 + 512 * 1000 + 1000,
    explain="14,714,688 + 512·1,000 + 1,000 = 15,227,688: a ninth of 138,357,544. The mean has no parameters.",
    unit="parameters",
)

# %%
with torch.device("meta"):
    features_only = torchvision.models.vgg16(weights=None).features
    modern = nn.Sequential(features_only, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))
    original = torchvision.models.vgg16(weights=None)
for name, net in {"VGG-16": original, "with a modern head": modern}.items():
    numbers_of = layer_table(net, (3, 224, 224)).total
    print(f"{name:20} {numbers_of.parameters:12,} parameters {numbers_of.multiply_adds:16,} multiply-adds   {4 * numbers_of.parameters / 1e6:6.0f} MB on disk")
for side in (160, 224, 320):
    print(f"an image of {side}×{side}: modern head → {tuple(modern(torch.empty(1, 3, side, side, device='meta')).shape)}")

# %% [markdown]
# A ninth of the parameters, nearly the same time, and images of any size. The mean over the whole map throws away *where* something was, but after five poolings hardly anything of this is left to know. (torchvision's own VGG takes other sizes as well: it averages the maps down to 7×7 first.)
#
# So why is VGG not forgotten? It is slow and heavy, but so regular that everybody understands it, and its features carry over well: the 4,096 numbers of fc7 describe images of things that the net has never seen (chapter 14). Many methods that compare images still use its maps.
#
# ## Check yourself

# %%
predict(
    "How many layers of 3×3 (stride 1) see as far as one of 11×11?",
    answer=5,
    explain="1 + 2·5 = 11. They have 5·9 = 45 weights per pair of maps instead of 121.",
    unit="layers",
)

# %%
predict(
    "conv3-256 in the third stage reads 256 maps and makes 256 of 56×56. How many parameters has it, biases included?",
    answer=256 * (9 * 256 + 1),
    explain="256·(3·3·256 + 1) = 590,080. The 56×56 does not matter for the parameters.",
    unit="parameters",
    hint="Each filter has 3·3·256 weights and a bias.",
)

# %%
question(
    "You train VGG-16 and run out of memory. What helps most, if the batch must stay as it is?",
    {
        "A smaller first fully connected layer": "It saves up to 1.2 GB once: weights, gradient and momentum. With 64 images, the kept maps are four times that.",
        "Smaller images": "Yes. The kept maps shrink with the number of pixels: half the sides, a quarter of the memory. (The head then needs another shape, unless it is a modern one.)",
        "Fewer maps in the last stage": "The last stage keeps only a few per cent of all activations. Nearly half are in the first one.",
        "Dropout off": "Its masks are two times 4,096 numbers an image.",
    },
    answer="Smaller images",
)

# %%
question(
    "In use, without a backward pass: how much memory for activations must a program have at least, for one image, if it throws away what it no longer needs?",
    {
        "61 MB": "That is the sum of all layers. In use, a map may go as soon as the next one is computed.",
        "About 26 MB": "Yes: the two largest neighbours, input and output of the second convolution, 12.8 MB each. (A clever program works in strips and needs even less.)",
        "About 13 MB": "The second convolution needs its whole input while it writes its output: two maps of 12.8 MB.",
        "553 MB": "These are the parameters.",
    },
    answer="About 26 MB",
)

# %% [markdown]
# ## What this leads to
#
# - **Chapter 11**: GoogLeNet, the winner of the same year, with a twelfth of AlexNet's parameters.
# - **Chapter 12**: why deeper plain nets get worse, and the one line of code that changed it.
# - **Assignment 06**: you write VGG for any depth and width.
# - **Lab 04** trains a small VGG beside AlexNet and GoogLeNet, and compares accuracy, time and memory.
#
# ## Sources
#
# - K. Simonyan, A. Zisserman, *Very Deep Convolutional Networks for Large-Scale Image Recognition*, ICLR 2015: the nets A to E, how they were trained, and all error rates.
# - X. Glorot, Y. Bengio, *Understanding the Difficulty of Training Deep Feedforward Neural Networks*, AISTATS 2010. K. He and others, *Delving Deep into Rectifiers*, ICCV 2015: the two rules for first weights.
# - M. Lin, Q. Chen, S. Yan, *Network in Network*, ICLR 2014: global average pooling.
# - O. Russakovsky and others, *ImageNet Large Scale Visual Recognition Challenge*, 2015: the results of 2014.
