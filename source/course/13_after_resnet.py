# ---
# jupyter:
#   convnets:
#     minutes: 130
#     budget_seconds: 90
#     needs: [07_regularization, 12_resnet]
#     summary: Ten ideas in one visit each, from ResNeXt and SENet to searching for a net; recipes and ensembles, published and measured
# ---

# %% [markdown]
# # After ResNet
#
# In December 2015 a net with 152 layers won everything. Then the question changed. It was no longer "how do we train something deep?", but "how do we *spend* our parameters and our time?". This chapter visits ten answers.
#
# **When you have worked through this chapter, you can**
#
# - draw the blocks of ResNeXt, SENet, DenseNet, SqueezeNet, MobileNet and EfficientNet, and say which problem each one solves;
# - show with numbers that three drawings of ResNeXt's block are one and the same function;
# - compute what a separable convolution saves, and measure how much of it you get;
# - let a program search for a net, and test whether a clever search beats a blind one;
# - scale a net in width, depth and resolution, alone and together;
# - tell what a new architecture brings from what a better recipe brings, and what an ensemble adds.
#
# Every visit has the same four stops: **the problem**, **the idea** in one picture, **the numbers**, **what stayed**. So you can also read one visit at a time.
#
# **Time:** about 130 minutes. **Needs:** chapters 07 and 12.

# %%
import itertools
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

torch.set_num_threads(1)  # our nets are tiny: a second thread would mostly wait for the first

# %% [markdown]
# ## Before you run anything
#
# From 2010 to 2017 there was a contest, once a year: 1.2 million photos to learn from, 1,000 classes, and about 100,000 more photos as the test. A net may give five answers. If the right one is not among them, that is an error. The next cell shows the winners.

# %%
WINNERS = {
    2010: ("features by hand", 28.2), 2011: ("features by hand", 25.8), 2012: ("AlexNet", 16.4), 2013: ("ZFNet's maker", 11.7),
    2014: ("GoogLeNet", 6.7), 2015: ("ResNet", 3.57), 2016: ("Trimps-Soushen", 2.99), 2017: ("SENet", 2.25),
}  # fmt: skip
PERSON = 5.1
fig, ax = plt.subplots(figsize=(8, 3.4))
for year, (name, error) in WINNERS.items():
    ax.bar(year, error, width=0.7, color=plots.PALETTE["orange"] if year < 2012 else plots.PALETTE["blue"], hatch="//" if year < 2012 else None, edgecolor="white")
    ax.annotate(f"{error:g} %\n{name.replace(' by', chr(10) + 'by').replace(' maker', chr(10) + 'maker')}", (year, error), xytext=(0, 4), textcoords="offset points", ha="center", fontsize=9, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5})
ax.axhline(PERSON, color=plots.PALETTE["vermillion"], linestyle="--", linewidth=1.2, zorder=0)
ax.annotate("one trained person: 5.1 %", (2016.5, PERSON), xytext=(0, 50), textcoords="offset points", fontsize=10, color=plots.PALETTE["vermillion"], ha="center", arrowprops={"arrowstyle": "-", "color": plots.PALETTE["vermillion"]})
ax.set_ylim(0, 37)
ax.set_xlim(2009.5, 2017.6)
ax.set_ylabel("top-5 error in %")
plots.show(fig, alt="Winners of the ImageNet contest with their top-5 error on the test photos. " + "; ".join(f"{year}: {name}, {error:g} %" for year, (name, error) in WINNERS.items()) + f". A dashed line marks one trained person at {PERSON} %.")

# %% [markdown]
# Be careful with such numbers. You will also read 15.3 % for 2012 and 11.2 % for 2013. Both are real: those entries had learned from more images than the contest gives. Nearly all the others are *ensembles*. A table that does not say which images, how many nets and how many answers is worth little. (One slide among our sources gives 26.1 % for 2011. The contest's own report says 25.8 %.)

# %%
question(
    "One of these winners brought no new architecture at all. It fused nets that others had published. Which one?",
    {
        "ResNet, 2015": "It brought the residual block, chapter 12.",
        "Trimps-Soushen, 2016": "Yes. It fused Inception nets and ResNets of others: 2.99 %. More on this at the end of the chapter.",
        "SENet, 2017": "It brought a small gate that goes into any block. You will meet it in a moment.",
    },
    answer="Trimps-Soushen, 2016",
)

# %% [markdown]
# ## Visit 1: ResNeXt, many small paths
#
# **The problem.** A ResNet can grow in two ways: more layers, or more channels. Both cost a lot and bring less and less. Inception (chapter 11) has several paths in a block and is cheap. But each of its paths was tuned by hand.
#
# **The idea.** Many paths, all of the *same* shape, and their results are added. The number of paths is called **cardinality**.

# %%
paths = {f"{row}{column}": (0.75 * column, y, text, "blue") for column in (0, 1, 3) for row, y, text in (("a", 1, "1×1, 4"), ("b", 2, "3×3, 4"), ("c", 3, "1×1, 256"))}
plots.show(
    plots.block_diagram(
        {
            "ResNet": ({"x": (0, 0, "256 channels"), "a": (0, 1, "1×1, 64", "blue"), "b": (0, 2, "3×3, 64", "blue"), "c": (0, 3, "1×1, 256", "blue"), "+": (0, 4, "+")}, ["x > a > b > c > +", "x ~> +"]),
            "ResNeXt: 32 paths of width 4": ({"x": (1.1, 0, "256 channels"), **paths, "more": (1.5, 2, "… 32 …"), "+": (1.1, 4, "+")}, [f"x > a{i} > b{i} > c{i} > +" for i in (0, 1, 3)] + ["x ~> +"]),
            "the same, grouped": ({"x": (0, 0, "256 channels"), "a": (0, 1, "1×1, 128", "blue"), "b": (0, 2, "3×3, 128\n32 groups", "purple"), "c": (0, 3, "1×1, 256", "blue"), "+": (0, 4, "+")}, ["x > a > b > c > +", "x ~> +"]),
        },
        height=4.4,
    ),
    alt="Three blocks with a shortcut. ResNet: 1×1 to 64 channels, 3×3, 1×1 to 256. ResNeXt: 32 paths side by side, each 1×1 to 4 channels, 3×3, 1×1 to 256; their results are added. The same, grouped: 1×1 to 128, 3×3 in 32 groups, 1×1 to 256.",
)

# %% [markdown]
# The middle and the right picture are claimed to be the same function. There is a third form between them: run 32 paths, *stack* their four channels each to 128, then one 1×1 convolution. Are all three really equal? We take one pixel, in NumPy. `h` holds what the first 1×1 layer gives at the nine positions around it, 128 channels.

# %%
rng = np.random.default_rng(0)
C, d = 32, 4
h = np.maximum(rng.standard_normal((C, d * 9)), 0)  # 32 paths, 4 channels at 9 positions each
middle = rng.standard_normal((C, d, d * 9)) / 6  # the 3×3 weights of each path
last = rng.standard_normal((C, 256, d)) / 11  # the last 1×1 weights of each path

small = [np.maximum(middle[i] @ h[i], 0) for i in range(C)]
added = sum(last[i] @ small[i] for i in range(C))  # form 1: 32 results of 256 channels, added
stacked = np.hstack(list(last)) @ np.concatenate(small)  # form 2: 32 results of 4 channels, stacked, then one 1×1 convolution

block = np.zeros((C * d, C * d * 9))  # form 3: one 3×3 convolution whose weights are zero between groups
for i in range(C):
    block[i * d : (i + 1) * d, i * d * 9 : (i + 1) * d * 9] = middle[i]
grouped = np.hstack(list(last)) @ np.maximum(block @ h.ravel(), 0)
print(f"largest difference: forms 1 and 2 {np.abs(added - stacked).max():.0e}, forms 2 and 3 {np.abs(stacked - grouped).max():.0e}")

torch_middle = F.conv2d(torch.from_numpy(h).view(1, C * d, 3, 3), torch.from_numpy(middle).view(C * d, d, 3, 3), groups=C)
print(f"and PyTorch's conv2d with groups=32: {np.abs(np.maximum(torch_middle.flatten().numpy(), 0) - np.concatenate(small)).max():.0e}")

fig, axes = plt.subplots(1, 2, figsize=(8, 3.3))
for ax, mask, title in ((axes[0], np.ones((64, 64)), "ResNet, 64 → 64"), (axes[1], np.kron(np.eye(32), np.ones((4, 4))), "ResNeXt, 128 → 128 in 32 groups")):
    ax.imshow(mask, cmap=plots.SEQUENTIAL, vmin=0, vmax=1.4, extent=(0, len(mask), len(mask), 0))
    ax.set_title(f"{title}:\n{int(mask.sum()) * 9:,} weights")
    ax.set_xlabel("channel in")
    ax.set_ylabel("channel out")
plots.show(fig, alt="Which channel reads which in the 3×3 layer. ResNet: a full square of 64 by 64. ResNeXt: 128 by 128, empty but for 32 small squares of 4 by 4 on the diagonal.")

# %% [markdown]
# They are equal, up to rounding. The first step uses that stacking and then mixing by 1×1 *is* adding up. The second one uses that a grouped convolution is a big one with zeros between the groups. In code one writes the third form: it is one line, and one call for the hardware.
#
# **The numbers.** At about the same cost, the inventors traded width for cardinality (published, ImageNet, top-1 error in %):

# %%
PUBLISHED = {(1, 64): 23.9, (2, 40): 23.0, (4, 24): 22.6, (8, 14): 22.3, (32, 4): 22.2}
print("paths × width   weights of one block   published error of the net of 50 layers")
for (c, width), error in PUBLISHED.items():
    print(f"{c:5} × {width:<8} {c * (256 * width + 9 * width * width + width * 256):15,} {error:22} %")

# %% [markdown]
# <!-- totals: 07_residual_architectures: {"ResNet-50": resnet(50), "ResNeXt-50, 32×4": resnext(50), "ResNet-101": resnet(101)}, (3, 224, 224) -->
#
# These counts come from the nets that you build in assignment 07. The net with 32 paths is not larger than ResNet-50, and its error is 1.7 points lower. It nearly reaches ResNet-101 (22.0 %), which has almost twice the weights.
#
# **What stayed.** Grouped convolutions. "How many groups?" has become a normal question of design. Taken to the end, with one channel a group, it leads to visit 6.
#
# Compare the two nets. Unfold `layer1` and a block on both sides, and look at `conv2`:

# %%
with torch.device("meta"):
    both = {"ResNet-50": torchvision.models.resnet50(), "ResNeXt-50 32×4d": torchvision.models.resnext50_32x4d()}
architecture_explorer(both, (3, 224, 224))

# %%
predict(
    "A 3×3 convolution from 128 to 128 channels has 147,456 weights. How many are left with 32 groups?",
    answer=9 * 128 * 4,
    explain="Each of the 128 outputs reads only 4 channels: 128·4·9 = 4,608, a 32nd.",
    unit="weights",
    hint="How many channels are in a group? Each output reads only these.",
)

# %% [markdown]
# ## Visit 2: SENet, channels with a volume knob
#
# **The problem.** A convolution looks at a small neighbourhood. And its weights are the same for every image. Whether a channel is of any use *for this image* cannot play a role.
#
# **The idea.** Give each channel a volume knob. **Squeeze**: describe each map by one number, its mean over the whole image. **Excitation**: two small fully connected layers make of these $C$ numbers $C$ others, and a sigmoid brings them between 0 and 1. Then multiply each map by its number. In between there are only $C/16$ units, to save weights.

# %%
plots.show(
    plots.block_diagram(
        {
            "residual block": ({"x": (0, 0, "C maps in"), "f": (0, 1, "1×1, 3×3, 1×1", "blue"), "u": (0, 2, "C maps"), "+": (0, 5, "+")}, ["x > f > u > +", "x <~ +"]),
            "with squeeze and excitation": (
                {"x": (0, 0, "C maps in"), "f": (0, 1, "1×1, 3×3, 1×1", "blue"), "u": (0, 2, "C maps"), "z": (1.4, 2, "mean of each map", "green"), "r": (1.4, 3, "C/16 units, ReLU", "purple"),
                 "g": (1.4, 4, "C units, sigmoid", "purple"), "×": (0, 4, "×"), "+": (0, 5, "+")},
                ["x > f > u > × > +", "u > z > r > g > ×", "x <~ +"],
            )
        },
        height=4.2,
    ),
    alt="Left: a residual block. Right: the same with a gate. C maps go through the residual branch. From its result, a side path takes the mean of each map, goes through C/16 units with ReLU and C units with a sigmoid, and multiplies each map. Then the shortcut is added.",
)  # fmt: skip

# %% [markdown]
# Let us see such a gate at work, on a real photo. We show a tiny net eight copies of a photo as eight channels. In every example, about half of the copies are ruined by strong noise, each time others. The net shall give back the clean photo as a weighted sum of the eight. Without a gate, it must find *one* set of eight weights for all cases. With a gate, it can look first. (The gate is torchvision's; you write your own in assignment 07.)


# %%
photo = torch.from_numpy(np.ascontiguousarray(data.photo())).mean(2)[None]  # grey, (1, H, W), 0 to 1
COPIES = 8


def ruined(images, generator):
    """Eight copies of each image (n, 1, h, w) as channels, about half of them replaced by noise from 0 to 2. Returns them and which are ruined (n, 8)."""
    bad = torch.rand(len(images), COPIES, 1, 1, generator=generator) < 0.5
    noise = 2 * torch.rand(len(images), COPIES, *images.shape[2:], generator=generator)
    return torch.where(bad, noise, images), bad.flatten(1)


pieces = photo.unfold(1, 16, 8).unfold(2, 16, 8).reshape(-1, 1, 16, 16)


def cleaner(gated):
    """Trained on 16×16 pieces of the photo for 500 steps."""
    torch.manual_seed(0)
    net = nn.Sequential(torchvision.ops.SqueezeExcitation(COPIES, 16) if gated else nn.Identity(), nn.Conv2d(COPIES, 1, 1))
    generator, optimizer = torch.Generator().manual_seed(0), torch.optim.Adam(net.parameters(), lr=2e-2, fused=True)
    for _ in range(500):
        clean = pieces[torch.randint(0, len(pieces), (24,), generator=generator)]
        loss = ((net(ruined(clean, generator)[0]) - clean) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


plain, gated = cleaner(False), cleaner(True)
generator = torch.Generator().manual_seed(1)
with torch.no_grad():
    copies, bad = ruined(photo[None], generator)
    volume = gated[0]._scale(copies).flatten()
    restored = {"without a gate": plain(copies)[0, 0], "with a gate": gated(copies)[0, 0]}
errors = {name: ((image - photo[0]) ** 2).mean().sqrt().item() for name, image in restored.items()}
pictures = [*copies[0], *restored.values()]
titles = [f"gate {v:.2f}" for v in volume] + [f"{name},\nerror {errors[name]:.2f}" for name in restored]
plots.show(
    plots.image_grid([image.clamp(0, 1) for image in pictures], titles=titles, columns=5),
    alt=f"Eight copies of a photo, of which {int(bad.sum())} are noise. Gates of the clean ones: {', '.join(f'{v:.2f}' for v in volume[~bad[0]])}; of the ruined ones: {', '.join(f'{v:.2f}' for v in volume[bad[0]])}. Restored without a gate the error is {errors['without a gate']:.2f}, with a gate {errors['with a gate']:.2f}.",
)
with torch.no_grad():
    trials = [(ruined(photo[None, :, ::4, ::4], generator)) for _ in range(60)]
    gates = torch.cat([gated[0]._scale(x).flatten(1) for x, _ in trials])
    which = torch.cat([b for _, b in trials])
    for name, net in (("without a gate", plain), ("with a gate", gated)):
        miss = np.array([((net(x)[0] - photo[:, ::4, ::4]) ** 2).mean().sqrt().item() for x, b in trials if not b.all()])
        print(f"{name:15} error over 60 draws: {miss.mean():.3f} ± {miss.std(ddof=1):.3f}")
print(f"mean gate of a clean copy {gates[~which].mean():.2f}, of a ruined one {gates[which].mean():.2f}")

# %% [markdown]
# The gate turns the ruined copies down, whichever they are. It never saw a list of them: it reads the eight means. The weights of the net are fixed, and yet it behaves differently for each image. That is what a convolution alone cannot do.
#
# **The numbers.** In ResNet-50:
#
# <!-- totals: 07_residual_architectures: {"ResNet-50": resnet(50), "SE-ResNet-50": se_resnet(50)}, (3, 224, 224) -->
#
# A tenth more weights, and nearly no more work. Published (ImageNet, single crop): the top-5 error falls from 7.48 % to 6.62 %, close to that of a ResNet-101 (6.52 %). An ensemble of nets with such gates won the contest of 2017 with **2.25 %**, usually quoted as 2.3 %. One of its members was a changed ResNeXt with 152 layers.
#
# **What stayed.** The gate is in MobileNetV3, EfficientNet and ResNet-RS. Looking at everything before deciding what matters is an early form of *attention*.

# %%
predict(
    "A gate for 256 channels with 256/16 = 16 units in between, both layers with biases. How many parameters?",
    answer=256 * 16 + 16 + 16 * 256 + 256,
    explain="256·16 + 16 + 16·256 + 256 = 8,464. The residual block that it sits in has about 70,000.",
    unit="parameters",
    hint="Two linear layers: 256 → 16 and 16 → 256.",
)

# %% [markdown]
# ## Visit 3: DenseNet, everybody reads everybody
#
# **The problem.** A ResNet *adds*. What an early layer found is mixed with all that comes later, and a later layer has to get it out again. Many layers seem to repeat what others know already.
#
# **The idea.** Do not add: **concatenate**. Each layer reads *all* maps before it, and appends a few of its own, $k$ of them. $k$ is called the **growth rate**, and it is small: 32, 24 or 12.

# %%
LAYERS = 5
fig, ax = plt.subplots(figsize=(8, 2.6))
for layer in range(LAYERS + 1):
    ax.text(layer, 0, "input" if layer == 0 else f"layer {layer}", ha="center", va="center", fontsize=10, bbox={"boxstyle": "round,pad=0.4", "facecolor": "#cfe3f1" if layer else "white", "edgecolor": plots.PALETTE["blue"]})
    ax.text(layer, -0.62, f"{64 + 32 * (layer - 1)} in\n+32 out" if layer else "64 maps", ha="center", va="center", fontsize=9)
    for earlier in range(layer):
        ax.annotate("", (layer - 0.12, 0.2), (earlier + 0.12, 0.2), arrowprops={"arrowstyle": "-|>", "connectionstyle": "arc3,rad=-0.42", "color": plots.PALETTE["blue"] if earlier < layer - 1 else "#222222"})
ax.set_xlim(-0.5, LAYERS + 0.5)
ax.set_ylim(-0.9, 1.7)
ax.axis("off")
plots.show(fig, alt="A dense block with five layers in a row. An arrow leads from the input and from each layer to every later layer: 15 arrows. Layer 1 reads 64 maps, layer 2 reads 96, and so on: 32 more each time.")

# %%
predict(
    "A dense block gets 64 maps and has 6 layers with growth rate 32. How many maps come out?",
    answer=64 + 6 * 32,
    explain="64 + 6·32 = 256: the input's maps are still there, and each layer appended 32. (A <i>transition</i> after the block, a 1×1 convolution and average pooling, makes 128 of them, at half the height and width.)",
    unit="maps",
    hint="Each layer appends 32 maps, and nothing is thrown away.",
)

# %% [markdown]
# $L$ layers have $L(L+1)/2$ connections in place of $L$: for five layers the 15 arrows above. Each layer first reduces what it reads to $4k$ maps with a 1×1 convolution, so it stays cheap.
#
# Do layers really use the old maps? Train a small DenseNet, then cut one arrow at a time, and see how much the loss rises. We need a function for training, here and in the rest of the chapter, and images: the clothes of Fashion-MNIST, made smaller to 14×14 pixels, so that everything is quick.


# %%
clothes = data.load_fashion_mnist()


def as_inputs(images, side=14):
    """uint8 (N, 28, 28) to float (N, 1, side, side), centred and scaled."""
    pixels = (torch.from_numpy(images).float()[:, None] / 255 - 0.29) / 0.35
    return F.interpolate(pixels, size=(side, side), mode="bilinear", antialias=True).contiguous(memory_format=torch.channels_last)


images, labels = as_inputs(clothes.train_images[:8000]), torch.from_numpy(clothes.train_labels[:8000])
validation, validation_labels = as_inputs(clothes.train_images[8000:]), torch.from_numpy(clothes.train_labels[8000:])
test, test_labels = as_inputs(clothes.test_images), torch.from_numpy(clothes.test_labels)


def train(net, x, y, steps, seed=0, rate=1e-2, batch=32, look=None):
    """AdamW, the rate rising for ten steps and then falling to zero in a straight line. look(step, net) is called after each step."""
    net.train()
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.01, fused=True)
    order = torch.cat([torch.randperm(len(y), generator=generator) for _ in range(-(-steps * batch // len(y)))]).split(batch)
    for step, rows in enumerate(order[:steps], 1):
        optimizer.param_groups[0]["lr"] = rate * min(1, step / 10) * (1 - (step - 1) / steps)
        loss = F.cross_entropy(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if look:
            look(step, net)
    return net.eval()


def accuracy(net, x, y):
    """Share of right answers in %."""
    net.eval()
    with torch.no_grad():
        return 100 * (net(x).argmax(1) == y).float().mean().item()


def told(values):
    """mean ± standard deviation, as text"""
    return f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}"


# %%
torch.manual_seed(0)
dense = torchvision.models.DenseNet(growth_rate=8, block_config=(6,), num_init_features=8, num_classes=10)
dense.features.conv0, dense.features.pool0 = nn.Conv2d(1, 8, 3, stride=2, padding=1, bias=False), nn.Identity()
train(dense, images, labels, steps=80)


def loss_of(net, x, y):
    with torch.no_grad():
        return F.cross_entropy(net.eval()(x), y).item()


asked = validation[:500], validation_labels[:500]
whole = loss_of(dense, *asked)
hurts = np.full((7, 7), np.nan)  # who reads (6 layers and the classifier) × who is read (the input and 6 layers)
for reader in range(7):
    weight = dense.classifier.weight if reader == 6 else dense.features.denseblock1[f"denselayer{reader + 1}"].conv1.weight
    for source in range(reader + 1):
        with torch.no_grad():
            kept = weight[:, 8 * source : 8 * source + 8].clone()
            weight[:, 8 * source : 8 * source + 8] = 0  # cut this one arrow
            hurts[reader, source] = loss_of(dense, *asked) - whole
            weight[:, 8 * source : 8 * source + 8] = kept
fig, ax = plt.subplots(figsize=(6.4, 3.9))
limit = np.nanmax(np.abs(hurts))
drawn = ax.imshow(hurts, cmap=plots.SIGNED, vmin=-limit, vmax=limit)
for (row, column), value in np.ndenumerate(hurts):
    if np.isfinite(value):
        ax.text(column, row, f"{value:+.2f}".replace("-", "−"), ha="center", va="center", fontsize=8, color="white" if abs(value) > 0.6 * limit else "black")
ax.set_xticks(range(7), ["input", *map(str, range(1, 7))])
ax.set_yticks(range(7), [*map(str, range(1, 7)), "classifier"])
ax.set_xlabel("cut: the arrow from …")
ax.set_ylabel("to …")
fig.colorbar(drawn, ax=ax, label="the loss rises by")
long_ones = np.array([hurts[r, s] for r in range(6) for s in range(r - 1)])
plots.show(fig, alt=f"A triangle: by how much the loss rises if one arrow is cut. Row: the layer that reads; column: whose maps it reads. The largest value is {limit:.2f}. Of the {len(long_ones)} arrows that skip at least two layers, {(long_ones > 0.01).sum()} raise it by more than 0.01.")
print(f"test accuracy {accuracy(dense, test, test_labels):.1f} %, loss {whole:.2f}")
print(f"cutting one arrow raises the loss by more than 0.01 for {(hurts > 0.01).sum()} of {np.isfinite(hurts).sum()} arrows, and for {(long_ones > 0.01).sum()} of the {len(long_ones)} between layers that skip two layers or more")

# %% [markdown]
# Nearly every cut hurts, long arrows as well as short ones. Look at the last row: the classifier reads the maps of all layers, the middle ones included. Old features *are* reused, also in this small net after a short training. And the first column: who comes early has nothing else to read yet.
#
# **The numbers.**
#
# <!-- totals: 07_residual_architectures: {"ResNet-50": resnet(50), "DenseNet-121": densenet(121), "ResNet-101": resnet(101), "DenseNet-201": densenet(201)}, (3, 224, 224) -->
#
# Here is DenseNet-121, part by part. Look how the maps pile up in each block, and how each transition halves them:
#
# <!-- stages: 07_residual_architectures: densenet(121), (3, 224, 224) -->
#
# By its inventors' account, DenseNet-201 with 20 million weights has about the error of ResNet-101 with more than 40 million. But read the last column of the first table, too. All maps have to be kept until the end of the block, and written again for each layer that reads them. A DenseNet saves weights and spends **memory**.
#
# **What stayed.** Concatenation where details of early layers matter, above all in nets for segmentation. As an all-purpose classifier it has become rare: memory is what runs out first on a GPU.
#
# ## Visit 4: stochastic depth, a deep net that trains as a shallow one
#
# **The problem.** A net of 110 layers takes long to train, and the gradient has a long way.
#
# **The idea.** Chapter 07 has shown it: in each step of the training, leave out some residual blocks altogether. Only the shortcut is left. In use, all blocks are there. Early blocks should nearly always stay, for all others build on them. So the chance to survive falls in a straight line (**linear decay**), from nearly 1 to $p_L = 0.5$ for the last of $L$ blocks:
#
# $$p_l = 1 - \frac{l}{L}\,(1 - p_L)$$

# %%
BLOCKS = 54  # a ResNet of 110 layers has 54 blocks
survive = 1 - np.arange(1, BLOCKS + 1) / BLOCKS * (1 - 0.5)
depths = np.ones(1)  # chance of each number of surviving blocks: one block after the other comes in
for p in survive:
    depths = np.convolve(depths, [1 - p, p])
draws = np.random.default_rng(0).random((12, BLOCKS)) < survive
expected, spread = survive.sum(), np.sqrt((survive * (1 - survive)).sum())

fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), width_ratios=[1.5, 1])
axes[0].imshow(draws, cmap=plots.SEQUENTIAL, vmin=0, vmax=1.4, aspect="auto", extent=(0.5, BLOCKS + 0.5, 12.5, 0.5))
axes[0].set_xlabel("block")
axes[0].set_ylabel("step of the training")
axes[0].set_title("blue: the block is there")
axes[1].bar(range(BLOCKS + 1), depths, color=plots.PALETTE["blue"])
axes[1].axvline(expected, color=plots.PALETTE["vermillion"], linestyle="--")
axes[1].set_xlim(28, 54)
axes[1].set_xlabel("blocks that are there")
axes[1].set_title(f"expected: {expected:.2f} of {BLOCKS}")
plots.show(fig, alt=f"Left: twelve steps of training, one a row; early blocks are nearly always there, late ones about half the time. Right: the chance of each number of blocks, a bell around {expected:.2f} of {BLOCKS} with standard deviation {spread:.1f}.")
print(f"expected depth {expected:.2f} of {BLOCKS} blocks, ± {spread:.1f}; work saved: {1 - expected / BLOCKS:.0%}; chance that all blocks are there: {depths[-1]:.0e}")

# %% [markdown]
# So this net practically never trains as a whole. It is an **ensemble** of $2^{54}$ shallower nets that share their weights, each about 40 blocks deep; the whole net in use stands for their average. Is that true? We try it in small: 12 blocks, on the clothes, two starts, once with stochastic depth and once with all blocks always. Then we thin out the *finished* nets by chance, and ask: one thinned net alone, eight of them together, and the
# whole net. Predict before you run: which of the six numbers will be the lowest?


# %%
class ResidualNet(nn.Module):
    """Twelve residual blocks of 12 channels; the last one survives a step of the training with probability `last`. Whole blocks are skipped for the whole batch, as in 2016."""

    def __init__(self, seed, last):
        super().__init__()
        torch.manual_seed(seed)
        unit = torchvision.ops.Conv2dNormActivation  # convolution, batch norm, ReLU
        self.stem = unit(1, 12, 3, stride=2)
        self.blocks = nn.ModuleList(nn.Sequential(unit(12, 12, 3), unit(12, 12, 3, activation_layer=None)) for _ in range(12))
        self.head = nn.Linear(4 * 12, 10)
        self.survive = [1 - (i + 1) / 12 * (1 - last) for i in range(12)]
        self.dice, self.ran = np.random.default_rng(seed), 0

    def forward(self, x, there=None):
        """there: for each block whether it is there; by default drawn anew in training, and in use all are there, each scaled by its chance."""
        x = self.stem(x)
        if there is None and self.training:
            there = self.dice.random(12) < self.survive
        for i, (block, p) in enumerate(zip(self.blocks, self.survive, strict=True)):
            if there is None:
                x = F.relu(x + p * block(x))
            elif there[i]:
                x = F.relu(x + block(x))
                self.ran += 1
        return self.head(F.adaptive_avg_pool2d(x, 2).flatten(1))


asked, right = test[:1000], test_labels[:1000]
thinned = {}
for name, last in (("all blocks, always", 1.0), ("stochastic depth", 0.5)):
    rows = []
    for seed in range(2):
        net = ResidualNet(seed, last)
        start = time.process_time()
        train(net, images, labels, steps=80, seed=seed, rate=5e-3)
        seconds, ran = time.process_time() - start, net.ran / 80
        chance = np.random.default_rng(1).random((8, 12)) < [1 - (i + 1) / 24 for i in range(12)]
        with torch.no_grad():
            answers = torch.stack([F.softmax(net(asked, there), 1) for there in chance])
            whole = net(asked).argmax(1)
        rows.append([100 * (a == right).float().mean().item() for a in (answers.argmax(2), answers.mean(0).argmax(1), whole)])
        print(f"{name:20} {ran:4.1f} blocks a step on average, {seconds:.1f} s of training; one thinned net {rows[-1][0]:.1f} %, 8 together {rows[-1][1]:.1f} %, the whole net {rows[-1][2]:.1f} %")
    thinned[name] = np.array(rows)

# %% [markdown]
# Three things to see.
#
# 1. With stochastic depth, about 8.7 of 12 blocks run in a step (8.75 is expected), and the time falls about as much.
# 2. One thinned net alone is poor, in both cases. But the nets that trained with stochastic depth are as good whole as eight thinned ones whose answers are averaged: the whole net *stands for* its ensemble. In the nets that always had all blocks, whole is clearly better. Their blocks have learned to count on each other.
# 3. It did not make the net better here. It is a regulariser, and 80 steps are too short to overfit. The gain shows in long trainings of deep nets.
#
# **The numbers.** Published, CIFAR-10: a ResNet of 110 layers goes from 6.41 % error to **5.25 %**. And 1,202 layers, which did worse than 110 before, now do better: 4.91 %.
#
# **What stayed.** It is in EfficientNet, ResNet-RS and most large nets since, often under the name *drop path*. Today each *image* of a batch draws for itself, and what survives is divided by $p$ in training, as with inverted dropout. That is the form you write in assignment 07.
#
# ## Visit 5: SqueezeNet, small on purpose
#
# **The problem.** AlexNet is 240 MB of weights. That does not fit on a chip, and takes long to send to a million cars.
#
# **The idea.** Three rules. Replace 3×3 filters by 1×1 ones (nine times fewer weights). Let the 3×3 filters that are left read *few* channels. Shrink the maps late. The **Fire module** does the first two: a *squeeze* layer of few 1×1 filters feeds an *expand* layer of 1×1 and 3×3 filters, side by side.

# %%
plots.show(
    plots.block_diagram(
        {
            "a plain convolution": ({"x": (0, 0, "96 channels"), "c": (0, 1.5, "3×3, 128", "blue"), "y": (0, 3, "128 channels")}, ["x > c > y"]),
            "Fire module 2": (
                {"x": (0.9, 0, "96 channels"), "s": (0.9, 1, "squeeze: 1×1, 16", "orange"), "e1": (0, 2, "expand: 1×1, 64", "blue"), "e3": (1.8, 2, "expand: 3×3, 64", "blue"), "c": (0.9, 3, "stacked: 128 channels")},
                ["x > s > e1 > c", "s > e3 > c"],
            )
        },
        height=3,
    ),
    alt="Left: a plain 3×3 convolution from 96 to 128 channels. Right, the Fire module: 96 channels go through 16 filters of 1×1; their result goes to 64 filters of 1×1 and, beside them, to 64 filters of 3×3; both results are stacked to 128 channels.",
)

# %%
predict(
    "How many parameters has this Fire module, with biases?",
    answer=16 * (96 + 1) + 64 * (16 + 1) + 64 * (9 * 16 + 1),
    explain="16·(96 + 1) + 64·(16 + 1) + 64·(9·16 + 1) = 1,552 + 1,088 + 9,280 = 11,920. A plain 3×3 convolution from 96 to 128 channels has 128·(9·96 + 1) = 110,720.",
    unit="parameters",
    hint="Squeeze reads 96 channels, both halves of expand read 16. One bias a filter.",
)

# %% [markdown]
# **The numbers.**
#
# <!-- stages: 07_residual_architectures: squeezenet(), (3, 224, 224) -->

# %%
with torch.device("meta"):
    small_and_big = {"AlexNet": torchvision.models.alexnet(), "SqueezeNet 1.0": torchvision.models.squeezenet1_0()}
counts = {name: layer_table(net, (3, 224, 224)).total for name, net in small_and_big.items()}
for name, total in counts.items():
    print(f"{name:15} {total.parameters:11,} parameters, {total.parameters * 4 / 1e6:6.1f} MB as float32, {total.multiply_adds:13,} multiply-adds")
big, tiny = counts.values()
print(f"parameters: {big.parameters / tiny.parameters:.1f} times fewer; multiply-adds: {tiny.multiply_adds / big.multiply_adds:.2f} times as many")

# %% [markdown]
# **50 times fewer** parameters (48.9, to be exact), and on ImageNet the same accuracy: 57.5 % top-1 against AlexNet's 57.2 % (published). With weights that are pruned and stored with fewer bits, the inventors got down to 0.47 MB, 510 times smaller than AlexNet.
#
# Now read the last line again. SqueezeNet does *more* multiply-adds than AlexNet. Small is not fast: AlexNet's weights are nearly all in three fully connected layers, which use each weight once. (The question "what do I want to save: memory, work, or time?" stays with us.)
#
# **What stayed.** The count of weights as a goal of its own, squeezing before a dear layer, and no fully connected layers at the end.

# %%
architecture_explorer(small_and_big, (3, 224, 224))

# %% [markdown]
# ## Visit 6: MobileNet, a convolution taken apart
#
# **The problem.** A telephone has a battery. Here *work* counts: multiply-adds, at every image.
#
# **The idea.** A convolution does two things at once. It filters in space, and it mixes channels. Do one after the other. **Depthwise**: each channel has one K×K filter of its own (as many groups as channels). **Pointwise**: a 1×1 convolution mixes. Together: a **depthwise separable** convolution.
#
# For $M$ channels in, $N$ channels out and maps with $P$ positions:
#
# $$\frac{\text{separable}}{\text{full}} = \frac{K^2 M P + M N P}{K^2 M N P} = \frac1N + \frac1{K^2}$$

# %%
predict(
    "K = 3 and N = 256. To which share of the work does a separable convolution come down?",
    answer=1 / 256 + 1 / 9,
    tolerance=0.001,
    explain="1/256 + 1/9 = 0.115: nearly nine times less. For large N only 1/K² counts: the 1×1 convolution is what is left.",
    hint="1/N + 1/K²",
)

# %% [markdown]
# That is the work. And the *time*? Let us count and measure both, one image, one thread:


# %%
def milliseconds(layer, x, tries=12):
    """Shortest of some runs: the one that was disturbed least."""
    with torch.inference_mode():
        layer(x)
        times = []
        for _ in range(tries):
            start = time.perf_counter()
            layer(x)
            times.append(time.perf_counter() - start)
    return 1000 * min(times)


ratios = {}
print("channels   1/N + 1/K²   counted    full     depthwise + pointwise    time ratio")
for n in (16, 64, 256):
    full = nn.Conv2d(n, n, 3, padding=1, bias=False)
    depthwise, pointwise = nn.Conv2d(n, n, 3, padding=1, groups=n, bias=False), nn.Conv2d(n, n, 1, bias=False)
    x = torch.randn(1, n, 28, 28)
    work = [layer_table(layer, (n, 28, 28)).total.multiply_adds for layer in (full, depthwise, pointwise)]
    spent = [milliseconds(layer, x) for layer in (full, depthwise, pointwise)]
    ratios[n] = 1 / n + 1 / 9, (work[1] + work[2]) / work[0], (spent[1] + spent[2]) / spent[0]
    print(f"{n:8} {ratios[n][0]:12.3f} {ratios[n][1]:9.3f} {spent[0]:7.2f} ms {spent[1]:9.3f} + {spent[2]:.3f} ms {ratios[n][2]:14.3f}")

# %% [markdown]
# The counted ratio is the formula's, to the last digit. The measured one is often far from it, above all with few channels. A depthwise layer does little work with each number that it fetches, so it waits for memory. Its work is a small part of the sum, its time is not. The lesson of SqueezeNet again, one step further: **fewer multiply-adds are not the same as less time**. Measure on the machine that counts.
#
# **The numbers.** Published, ImageNet, top-1: MobileNet with separable convolutions 70.6 %, 569 million multiply-adds, 4.2 million weights. The same net with full convolutions: 71.7 %, 4,866 million, 29.3 million. One point of accuracy for eight and a half times the work.
#
# **What stayed.** Depthwise convolutions are in all nets for small devices, and came back in large ones. The "width multiplier" of MobileNet (all channels times 0.75, say) is one of the three knobs of visit 9.
#
# ## Visit 7: the inverted residual
#
# **The problem.** In MobileNet, nearly all of the work is in the 1×1 convolutions, because the maps are many. With few maps it would be cheap. But depthwise filters on few maps see little. And ReLU on few maps destroys something:
#
# The next cell takes a spiral, 2 numbers a point. It carries it into $n$ dimensions by a random matrix, applies ReLU, and carries it back as well as a matrix can. What is left of the spiral?

# %%
angle = np.linspace(0, 4 * np.pi, 400)
spiral = np.stack([angle * np.cos(angle), angle * np.sin(angle)]) / 12
rng = np.random.default_rng(0)
fig, axes = plt.subplots(1, 5, figsize=(8, 2))
losses = {}
axes[0].scatter(*spiral, c=angle, cmap="viridis", s=3)
axes[0].set_title("input")
for ax, n in zip(axes[1:], (2, 3, 8, 30), strict=True):
    lost = []
    for attempt in range(50):
        into = rng.standard_normal((n, 2))
        inside = np.maximum(into @ spiral, 0)
        back = np.linalg.lstsq(inside.T, spiral.T, rcond=None)[0].T @ inside
        lost.append(np.sqrt(((back - spiral) ** 2).sum(0).mean() / (spiral**2).sum(0).mean()))
        if attempt == 0:
            ax.scatter(*back, c=angle, cmap="viridis", s=3)
    losses[n] = np.mean(lost)
    ax.set_title(f"n = {n}")
for ax in axes:
    ax.set_xlim(-1.2, 1.2)
    ax.set_ylim(-1.2, 1.2)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_aspect("equal")
plots.show(fig, alt="A spiral, and what is left of it after ReLU in 2, 3, 8 and 30 dimensions. With 2 and 3 dimensions parts collapse onto lines; with 30 it looks nearly as before. Mean relative error over 50 random matrices: " + ", ".join(f"n = {n}: {v:.2f}" for n, v in losses.items()) + ".")
print("mean relative error over 50 random matrices:", ", ".join(f"n = {n}: {v:.2f}" for n, v in losses.items()))

# %% [markdown]
# In few dimensions, ReLU folds and flattens. In many, hardly anything is lost: some other dimension still knows. So: **be wide where there is a ReLU, and have no ReLU where it is narrow.**
#
# **The idea.** MobileNetV2 turns the bottleneck round. ResNet's block is wide outside and narrow inside. The **inverted residual** is narrow outside, where the shortcut runs, and wide inside, where the cheap depthwise filter works. The last 1×1 convolution has no activation: a *linear bottleneck*.

# %%
plots.show(
    plots.block_diagram(
        {
            "bottleneck (ResNet)": (
                {"x": (0, 0, "256 channels, wide"), "a": (0, 1, "1×1, 64, ReLU", "blue"), "b": (0, 2, "3×3, 64, ReLU", "blue"), "c": (0, 3, "1×1, 256", "blue"), "+": (0, 4, "+"), "r": (0, 5, "ReLU", "orange")},
                ["x > a > b > c > + > r", "x ~> +"],
            ),
            "inverted residual": (
                {"x": (0, 0, "24 channels, narrow"), "a": (0, 1, "1×1, 144, ReLU", "blue"), "b": (0, 2, "3×3 depthwise, 144, ReLU", "purple"), "c": (0, 3, "1×1, 24, no ReLU", "blue"), "+": (0, 4, "+"), "r": (0, 5, "24 channels")},
                ["x > a > b > c > + > r", "x ~> +"],
            ),
            "MBConv: with a gate": (
                {"x": (0, 0, "24 channels, narrow"), "a": (0, 1, "1×1, 144, SiLU", "blue"), "b": (0, 2, "depthwise, 144, SiLU", "purple"), "g": (0, 3, "squeeze-and-excitation", "green"), "c": (0, 4, "1×1, 24, no activation", "blue"), "+": (0, 5, "+")},
                ["x > a > b > g > c > +", "x ~> +"],
            ),
        },
        height=4.8,
    ),
    alt="Three blocks with a shortcut. The bottleneck: 256 channels, 1×1 to 64, 3×3, 1×1 to 256, ReLU after the addition. The inverted residual: 24 channels, 1×1 to 144, depthwise 3×3, 1×1 to 24 without ReLU. MBConv: the same with SiLU, and a squeeze-and-excitation gate before the last 1×1.",
)

# %%
plain_block = 9 * 144 * 144
inverted = 24 * 144 + 9 * 144 + 144 * 24
print(f"weights: inverted residual 24 → 144 → 24 {inverted:,}; a full 3×3 convolution at its inner width of 144 {plain_block:,}, {plain_block / inverted:.0f} times as many")
with torch.device("meta"):
    mobile = torchvision.models.mobilenet_v2()
total = layer_table(mobile, (3, 224, 224)).total
print(f"MobileNetV2: {total.parameters:,} parameters, {total.multiply_adds:,} multiply-adds")

# %% [markdown]
# **The numbers.** Published, ImageNet, top-1: MobileNetV2 72.0 %, with the counts above. That is better than MobileNet with about half the work.
#
# **What stayed.** With a gate (visit 2) in the wide part, and the smooth SiLU in place of ReLU, it is called **MBConv**. EfficientNet is made of nothing else.

# %%
question(
    "Why has the last 1×1 convolution of an inverted residual no ReLU behind it?",
    {
        "To save time": "A ReLU costs next to nothing.",
        "Its output is narrow, and ReLU in few dimensions destroys information": "Yes. That is what the spiral shows.",
        "Because the shortcut is negative": "The shortcut has values of both signs, but that is no reason by itself.",
        "Batch norm already is a nonlinearity": "In use it is a multiplication and an addition for each channel.",
    },
    answer="Its output is narrow, and ReLU in few dimensions destroys information",
)

# %% [markdown]
# ## Visit 8: let the computer design the net
#
# **The problem.** Kernel sizes, widths, kinds of blocks, their number: all of this was chosen by people who tried this and that. Can a program try?
#
# **The idea.** **Neural architecture search** needs three things: a *search space* (which nets may be proposed), a *strategy* (which one to try next), and a *score* (how good is it, for as little training as possible).

# %%
plots.show(
    plots.block_diagram(
        {
            "one round of a search": (
                {"s": (0, 1, "strategy", "purple"), "n": (1.5, 0, "proposes a net\nof the search space", "blue"), "t": (3.2, 0, "trains it a little", "green"), "v": (3.2, 2, "accuracy on\nvalidation images", "orange"), "b": (1.5, 2, "learns from the score")},
                ["s > n > t > v > b > s"],
            )
        },
        height=2.6,
    ),
    alt="A circle: the strategy proposes a net of the search space; it is trained a little; its accuracy on validation images is the score; the strategy learns from it and proposes the next net.",
)

# %% [markdown]
# The first large one (Zoph and Le, 2016) had a recurrent net as its strategy. It wrote down an architecture as a text, and was rewarded with the accuracy. It tried 12,800 nets, on 800 GPUs. **AmoebaNet** used *evolution*: keep a population, choose a good one, change one thing, and drop the oldest. And the simplest strategy of all is **random search**. Whoever claims to be clever must beat it.
#
# ### Our own search
#
# The question: *you may spend 300,000 multiply-adds an image. On what?* A net is described by four **genes**:
#
# | gene | values |
# |:--|:--|
# | kind of block | plain, grouped (visit 1), separable (visit 6), inverted (visit 7) |
# | kernel | 3×3, 5×5 |
# | number of blocks | 2, 4 |
# | shortcut round each block | no, yes |
#
# That makes 32 nets. The fifth number follows: the **width** is as large as the budget allows. So all nets cost about the same, and the search is about how to spend it.


# %%
GENES = (("plain", "grouped", "separable", "inverted"), (3, 5), (2, 4), (False, True))
SPACE = list(itertools.product(*GENES))
BUDGET = 300_000


class Shortcut(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


def block(kind, width, kernel):
    unit = torchvision.ops.Conv2dNormActivation  # convolution, batch norm, ReLU
    return {
        "plain": lambda: [unit(width, width, kernel)],
        "grouped": lambda: [unit(width, width, 1), unit(width, width, kernel, groups=width // 4), unit(width, width, 1)],
        "separable": lambda: [unit(width, width, kernel, groups=width), unit(width, width, 1)],
        "inverted": lambda: [unit(width, 3 * width, 1), unit(3 * width, 3 * width, kernel, groups=3 * width), unit(3 * width, width, 1, activation_layer=None)],
    }[kind]()


def cost(kind, kernel, blocks, width):
    """Multiply-adds of the net for an image of 14×14: all blocks work on maps of 7×7."""
    area, square = kernel * kernel * width, width * width
    one = {"plain": area * width, "grouped": 2 * square + 4 * area, "separable": area + square, "inverted": 6 * square + 3 * area}[kind]
    return 49 * (9 * width + blocks * one) + 40 * width


def build(genes, seed):
    kind, kernel, blocks, shortcut = genes
    step = 4 if kind == "grouped" else 1
    width = max(w for w in range(4, 200, step) if cost(kind, kernel, blocks, w) <= BUDGET)
    torch.manual_seed(seed)
    layers = [torchvision.ops.Conv2dNormActivation(1, width, 3, stride=2)]
    for _ in range(blocks):
        layers += [Shortcut(*block(kind, width, kernel))] if shortcut else block(kind, width, kernel)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * width, 10)).to(memory_format=torch.channels_last)


for genes in (SPACE[0], SPACE[17], SPACE[-1]):
    print(genes, f"→ width {build(genes, 0)[-1].in_features // 4}, {layer_table(build(genes, 0), (1, 14, 14)).total.multiply_adds:,} multiply-adds")

# %% [markdown]
# To compare *strategies*, each of them must search many times, since one search may be lucky. So we do what the benchmark NAS-Bench-101 did with 423,624 nets: train every net of the space once, and write down its accuracy after 16, 32 and 64 steps. Then a search is a matter of looking things up, and we can let each strategy run 500 times. A strategy *pays* for every step that it looks at.
#
# Each net is scored on 2,000 **validation** images. The 2,000 test images are only for the net that is found.

# %%
MARKS = (16, 32, 64)
start = time.process_time()
score, truth = {}, {}
for genes in SPACE:
    seen = []

    def look(step, net, seen=seen):
        if step in MARKS:
            seen.append(accuracy(net, validation, validation_labels))
            net.train()

    net = train(build(genes, seed=0), images, labels, steps=MARKS[-1], look=look)
    score[genes], truth[genes] = seen, accuracy(net, test, test_labels)
order = sorted(SPACE, key=lambda genes: -score[genes][-1])
print(f"{len(SPACE)} nets of {MARKS[-1]} steps each, {time.process_time() - start:.0f} s of computing")
for name, place in (("best", 0), ("second", 1), ("middle", 16), ("worst", -1)):
    kind, kernel, blocks, shortcut = order[place]
    print(f"{name:7} {score[order[place]][-1]:.1f} %: {blocks} {kind} block{'s' * (blocks > 1)} of {kernel}×{kernel}, {'with' if shortcut else 'without'} shortcut")
for gene, values in enumerate(GENES):
    print(("kind", "kernel", "blocks", "shortcut")[gene].ljust(9), ", ".join(f"{value}: {np.mean([score[g][-1] for g in SPACE if g[gene] == value]):.1f} %" for value in values))

# %% [markdown]
# The *kind* of block decides most: the inverted residual of visit 7 is at the top, the plain convolution at the bottom. Our little search has found again what people needed years for. Its reason is in the widths: for the same work, a plain block can afford 18 channels, and an inverted one is 60 wide inside.
#
# ### Three strategies
#
# - **Random search** trains nets drawn at random for all 64 steps and keeps the best.
# - **Evolution** begins with four random nets. Then again and again: draw two of the last six, take the better one, change one gene, train the child for 64 steps.
# - **Successive halving** begins with *many* nets for only 16 steps. The better half goes on to 32, the better half of those to 64.
#
# All three may spend the same number of steps. Which one will win?


# %%
def random_search(trainings, rng):
    """`trainings`: how many full trainings of 64 steps it may pay for. Returns the genes it ends up with; so do the others."""
    return max((SPACE[i] for i in rng.permutation(len(SPACE))[:trainings]), key=lambda genes: score[genes][-1])


def evolution(trainings, rng):
    history = [SPACE[i] for i in rng.permutation(len(SPACE))[: min(4, trainings)]]
    while len(history) < trainings:
        recent = history[-6:]
        child = list(max((recent[i] for i in rng.permutation(len(recent))[:2]), key=lambda genes: score[genes][-1]))
        gene = rng.integers(len(GENES))
        others = [value for value in GENES[gene] if value != child[gene]]
        child[gene] = others[rng.integers(len(others))]
        history.append(tuple(child))
    return max(history, key=lambda genes: score[genes][-1])


def successive_halving(trainings, rng):
    """m nets for 16 steps, m/2 of them for 16 more, m/4 for another 32: 16 m + 8 m + 8 m = 32 m steps, as many as m/2 full trainings."""
    nets = [SPACE[i] for i in rng.permutation(len(SPACE))[: 2 * trainings]]
    for mark in (0, 1):
        nets = sorted(nets, key=lambda genes: -score[genes][mark])[: max(1, len(nets) // 2)]
    return max(nets, key=lambda genes: score[genes][-1])


BUDGETS, RUNS = (2, 4, 6, 8, 12), 500
fig, ax = plt.subplots(figsize=(7.5, 3.3))
found = {}
for (name, strategy), colour, marker in zip({"random search": random_search, "evolution": evolution, "successive halving": successive_halving}.items(), ("orange", "blue", "green"), ("o", "s", "^"), strict=True):
    found[name] = np.array([[truth[strategy(n, np.random.default_rng(run))] for run in range(RUNS)] for n in BUDGETS])
    ax.plot(BUDGETS, found[name].mean(1), marker=marker, color=plots.PALETTE[colour], label=name)
ax.axhline(truth[order[0]], color="grey", linestyle=":", label="best of all 32 on validation")
ax.set_xlabel("paid for: full trainings of 64 steps")
ax.set_ylabel("test accuracy in %")
ax.grid(axis="y")
ax.legend()
plots.show(fig, alt=f"Mean test accuracy of the net that is found, over {RUNS} searches. " + "; ".join(f"{name}: " + ", ".join(f"{n} trainings {values.mean():.1f} %" for n, values in zip(BUDGETS, rows, strict=True)) for name, rows in found.items()) + ".")
print("test accuracy of the net that is found, mean ± spread over 500 searches")
for name, rows in found.items():
    print(f"{name:20}" + "   ".join(f"{n} paid: {told(values)}" for n, values in zip(BUDGETS, rows, strict=True)))

# %% [markdown]
# The clever strategies are not better than the blind one. Their lines lie within about half a point of each other, and a single search varies by about one point. (A line may even lie above the dotted one: the net with the best *validation* score need not be the best on test images.) Why is cleverness worth so little here?
#
# - **Evolution** uses what it learned from parents. It needs more than a dozen children for that, and it sometimes pays for the same net twice.
# - **Successive halving** trusts early scores. The next cell looks at how much these say.

# %%
marks, last_score = np.array([score[genes] for genes in SPACE]), np.array([truth[genes] for genes in SPACE])
for i, mark in enumerate(MARKS):
    print(f"validation accuracy after {mark} steps: mean {marks[:, i].mean():.1f} %; correlation with the test accuracy at the end {np.corrcoef(marks[:, i], last_score)[0, 1]:+.2f}")
deep = np.array([genes[2] == 4 and not genes[3] for genes in SPACE])
print(f"four blocks without shortcut: {marks[deep, 0].mean():.1f} % after {MARKS[0]} steps (the others {marks[~deep, 0].mean():.1f} %), {marks[deep, -1].mean():.1f} % after {MARKS[-1]} (the others {marks[~deep, -1].mean():.1f} %)")

# %% [markdown]
# After 16 steps the score says next to nothing about the end. It favours nets that *start* fast. Four blocks without a shortcut start slowly and catch up later. A cheap score is only good if it puts nets in the same order as the dear one.
#
# ### Does the winner hold?
#
# The best of 32 noisy scores is partly just lucky. So train it again: three *new* starts, somewhat longer, on the test images. Beside it the net in the middle of the list, and a plain net as one might have written it without any search.

# %%
contestants = {"the search's best": order[0], "middle of the list": order[16], "plain, 2 blocks, 3×3": ("plain", 3, 2, False)}
final = {name: [train(build(genes, seed), images, labels, steps=80, seed=seed) for seed in (11, 12, 13)] for name, genes in contestants.items()}
results = {name: np.array([accuracy(net, test, test_labels) for net in nets]) for name, nets in final.items()}
for name, values in results.items():
    print(f"{name:22} {told(values)} %   ({', '.join(f'{v:.1f}' for v in values)})")

# %% [markdown]
# The winner holds: it is ahead of both by more than the spread. But compare its new accuracies with the score that made it the winner. They are lower. The best of many scores is too good to be true, always, because luck was selected with it.
#
# **The numbers.** Published, ImageNet, top-1: NASNet-A 82.7 % with 89 million weights, as good as the best net by hand, SENet (82.7 %, 146 million). The search took 500 GPUs four days.
#
# **What stayed.** The base net of visit 9 came out of such a search. And a warning: several studies found that random search, given the same space and the same budget, is hard to beat. Much of the success lies in the *space*, and people design that.
#
# ## Visit 9: EfficientNet, three knobs at once
#
# **The problem.** You have a good small net, and now twice the computer. What to enlarge? ResNets got deeper, MobileNets wider, others took larger photos. Each alone brings less and less: published, scaling EfficientNet-B0 to about 4.5 times its work gives
#
# | enlarged | top-1 |
# |:--|--:|
# | depth alone, ×4 | 79.0 % |
# | width alone, ×2 | 78.9 % |
# | resolution alone, ×2 | 79.1 % |
# | all three: depth ×1.4, width ×1.2, resolution ×1.3 | **81.1 %** |
#
# It makes sense. In a larger image, things are larger in pixels, so the net needs more layers to see them whole, and more channels for the finer patterns.
#
# **The idea.** **Compound scaling**: turn all three knobs with one number $\varphi$:
#
# $$\text{depth} = \alpha^\varphi, \qquad \text{width} = \beta^\varphi, \qquad \text{resolution} = \gamma^\varphi, \qquad \alpha\,\beta^2\,\gamma^2 \approx 2$$
#
# Then each step of $\varphi$ doubles the work.

# %%
question(
    "Why is it β² and γ², but only α?",
    {
        "A rule of thumb that was found by trying": "It follows from counting multiply-adds.",
        "Twice the width is twice the channels in <i>and</i> out; twice the resolution is twice the height <i>and</i> width": "Yes: four times the work each. Twice the depth is twice the layers: two times the work.",
        "Because depth matters less": "It says nothing about what matters. It says what it costs.",
    },
    answer="Twice the width is twice the channels in <i>and</i> out; twice the resolution is twice the height <i>and</i> width",
)

# %% [markdown]
# The inventors fixed $\varphi = 1$, tried a small grid of $\alpha, \beta, \gamma$ that fit the condition, and kept the best: $\alpha = 1.2$, $\beta = 1.1$, $\gamma = 1.15$. We do the same in small. First the grid. How many combinations in steps of 0.05 cost about twice as much?

# %%
steps = np.arange(1, 2.01, 0.05)
grid = [(a, b, c) for a in steps for b in steps for c in steps if abs(a * b**2 * c**2 - 2) < 0.1]
print(f"{len(grid)} of {len(steps) ** 3:,} combinations; the paper's: 1.2 · 1.1² · 1.15² = {1.2 * 1.1**2 * 1.15**2:.2f}")

# %% [markdown]
# Each one would have to be trained. Ours is smaller, and goes to *four* times the work ($\varphi = 2$), so that differences show. The base net has 1 block in each of its two stages and 8 channels, and gets images of 10×10 pixels. From a coarse grid we take all combinations that cost four times as much (within 5 %), and train each of them from three starts.


# %%
def scalable(blocks, width, seed=0):
    """Two stages of `blocks` residual blocks, width and 2·width channels."""
    unit = torchvision.ops.Conv2dNormActivation
    torch.manual_seed(seed)
    layers = [unit(1, width, 3), *[Shortcut(unit(width, width, 3)) for _ in range(blocks)]]
    layers += [unit(width, 2 * width, 3, stride=2), *[Shortcut(unit(2 * width, 2 * width, 3)) for _ in range(blocks)]]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(8 * width, 10)).to(memory_format=torch.channels_last)


def work(blocks, width, side):
    """Multiply-adds of the convolutions: side² positions in the first stage, a quarter of them in the second one."""
    return side**2 * (9 * width + blocks * 9 * width**2) + (side // 2) ** 2 * (18 * width**2 + blocks * 36 * width**2)


base = (1, 8, 10)
choices = [way for way in itertools.product(range(1, 6), (8, 10, 16), range(10, 21, 2)) if abs(work(*way) / work(*base) / 4 - 1) <= 0.05]
scaled = {}
for blocks, width, side in [base, *choices]:
    x, x_test = as_inputs(clothes.train_images[:8000], side), as_inputs(clothes.test_images, side)
    nets = [train(scalable(blocks, width, seed), x, labels, steps=64, seed=seed) for seed in range(3)]
    grown = [word for word, new, old in zip(("deeper", "wider", "sharper"), (blocks, width, side), base, strict=True) if new > old]
    name = f"{blocks} block{'s' * (blocks > 1)}, {width} channels, {side}×{side}" + (f": {' and '.join(grown)}" if len(grown) < 3 else ": all three") * bool(grown)
    scaled[name] = np.array([accuracy(net, x_test, test_labels) for net in nets])
    print(f"{name:50} {work(blocks, width, side) / work(*base):.2f} times the work, {told(scaled[name])} %")
fig, ax = plt.subplots(figsize=(8, 3.3))
for place, values in enumerate(scaled.values()):
    ax.plot(values, [place] * 3, "o", color=plots.PALETTE["blue"], alpha=0.7)
    ax.plot([values.mean()] * 2, [place - 0.3, place + 0.3], color=plots.PALETTE["vermillion"], linewidth=2.5)
ax.set_yticks(range(len(scaled)), scaled)
ax.invert_yaxis()
ax.set_xlabel("test accuracy in %")
ax.grid(axis="x")
plots.show(fig, alt="Test accuracy of three starts for each way to enlarge the net, a bar at the mean. " + "; ".join(f"{name}: {told(v)} %" for name, v in scaled.items()) + ".")

# %% [markdown]
# When we ran it, the one net that is deeper *and* wider *and* sharper came out on top, as in the paper. The net that is only wider came close, only deeper and only sharper fell behind. But look at the dots: some nets differ by more between their own starts than from each other. Three starts each give a hint, and no proof. The paper had 1.2 million photos, and a lead of two points.
#
# **The numbers.** The base net, B0, comes from an architecture search and is made of MBConv. The table is computed from assignment 07's net:
#
# <!-- stages: 07_residual_architectures: efficientnet_b0(), (3, 224, 224) -->
#
# From it came B1 to B7. The published width, depth and resolution are the formula's, rounded by hand:

# %%
SCALES = {"B0": (1.0, 1.0, 224, 77.1), "B1": (1.0, 1.1, 240, 79.1), "B2": (1.1, 1.2, 260, 80.1), "B3": (1.2, 1.4, 300, 81.6), "B4": (1.4, 1.8, 380, 82.9), "B5": (1.6, 2.2, 456, 83.6), "B6": (1.8, 2.6, 528, 84.0), "B7": (2.0, 3.1, 600, 84.3)}
OTHERS = {"ResNet-152": (60, 77.8), "ResNeXt-101": (84, 80.9), "SENet": (146, 82.7), "NASNet-A": (89, 82.7)}
sizes = {}
print("     width  depth  resolution   parameters   published top-1")
for name, (width, depth, side, top1) in SCALES.items():
    with torch.device("meta"):
        net = getattr(torchvision.models, f"efficientnet_{name.lower()}")()
    sizes[name] = sum(p.numel() for p in net.parameters())
    print(f"{name} {width:7} {depth:6} {side:8}     {sizes[name]:12,} {top1:12} %")
fig, ax = plt.subplots(figsize=(7.5, 3.4))
ax.plot([n / 1e6 for n in sizes.values()], [scale[3] for scale in SCALES.values()], "o-", color=plots.PALETTE["vermillion"])
for name, n in sizes.items():
    ax.annotate(name, (n / 1e6, SCALES[name][3]), xytext=(-4, 6), textcoords="offset points", fontsize=9, ha="right")
for name, (millions, top1) in OTHERS.items():
    ax.plot(millions, top1, "s", color=plots.PALETTE["blue"])
    ax.annotate(name, (millions, top1), xytext=(6, -4), textcoords="offset points", fontsize=9)
ax.set_xlim(0, 175)
ax.set_ylim(76.5, 85)
ax.set_xlabel("million parameters")
ax.set_ylabel("published top-1 accuracy in %")
ax.grid()
plots.show(fig, alt="Published accuracy against parameters. EfficientNet B0 to B7 rise steeply from 5.3 million and 77.1 % to 66.3 million and 84.3 %. ResNet-152, ResNeXt-101, NASNet-A and SENet lie far to the right and below.")
print(f"B0 {sizes['B0']:,} and B7 {sizes['B7']:,} parameters; B7 with φ = 7 by the formula: width {1.1**7:.2f}, depth {1.2**7:.2f}, resolution {224 * 1.15**7:.0f}")

# %% [markdown]
# **What stayed.** "Scale everything a little" is common sense now. Two warnings stayed as well. B7 looks at images of 600×600 pixels and does about a hundred times the work of B0: parameters alone flatter it. And it is slow to train, for the reason that you measured in visit 6.
#
# ## Visit 10: ResNet-RS, the recipe
#
# **The problem.** EfficientNet of 2019 beats ResNet of 2015. But it was also *trained* in the manner of 2019. Who won: the architecture, or the recipe?
#
# **The idea.** Take the old ResNet, and add one piece of the new recipe after the other (Bello and others, 2021). Everything in the next figure is **published**, nothing is measured by us: a ResNet-200 on ImageNet, images of 256×256. (The three groups are ours.)

# %%
RECIPE = [
    ("cosine decay of the learning rate", 79.3, "training"), ("350 epochs in place of 90", 78.8, "training"), ("averaged weights (EMA)", 79.1, "training"),
    ("label smoothing", 80.4, "regularisation"), ("stochastic depth", 80.6, "regularisation"), ("RandAugment", 81.0, "regularisation"), ("dropout before the last layer", 80.7, "regularisation"), ("less weight decay", 82.2, "regularisation"),
    ("squeeze-and-excitation", 82.9, "architecture"), ("ResNet-D: a better stem and shortcuts", 83.4, "architecture"),
]  # fmt: skip
START = 79.0
LOOK = {"training": ("orange", "//"), "regularisation": ("blue", ""), "architecture": ("green", "xx")}
fig, ax = plt.subplots(figsize=(8, 4.2))
before, gains = START, dict.fromkeys(LOOK, 0.0)
ax.text(START - 0.12, 0, f"{START}", ha="right", va="center", fontsize=10)
ax.plot([START, START], [-0.4, 1.4], color="grey", linewidth=1)
for row, (_, after, kind) in enumerate(RECIPE, 1):
    colour, hatch = LOOK[kind]
    ax.barh(row, after - before, left=before, color=plots.PALETTE[colour], hatch=hatch, edgecolor="white", height=0.66, label=kind if kind not in [k for _, _, k in RECIPE[: row - 1]] else None)
    ax.text(max(before, after) + 0.08, row, f"{after - before:+.1f} → {after}".replace("-", "−"), va="center", fontsize=10)
    gains[kind] += after - before
    before = after
ax.set_yticks(range(11), ["ResNet-200, 2015's recipe", *[f"+ {name}" for name, _, _ in RECIPE]])
ax.invert_yaxis()
ax.set_xlim(78.3, 84.7)
ax.set_xlabel("top-1 accuracy in % (published)")
ax.legend(loc="lower left")
plots.show(fig, alt=f"Steps from {START} % to {before} %: " + "; ".join(f"{name} {after} %" for name, after, _ in RECIPE) + ".")
print(f"sum of all steps {sum(gains.values()):+.1f}: " + ", ".join(f"{kind} {gain:+.1f}" for kind, gain in gains.items()))

# %%
predict(
    "From 79.0 to 83.4 % is 4.4 points. How many of them came without touching the architecture?",
    answer=3.2,
    tolerance=0.05,
    explain="82.2 − 79.0 = 3.2: nearly three quarters. Gate and ResNet-D add 1.2.",
    unit="points",
    hint="The architecture changes only in the last two rows.",
)

# %% [markdown]
# **The numbers** are in the figure. Look at the two bars that go *left*. Longer training made it worse as long as nothing held the net back: it overfits. And dropout cost 0.3 points, until the weight decay was lowered. The pieces work together, so their gains depend on the order.
#
# **What stayed.** Never compare a new net, trained with a new recipe, with an old net, trained with an old one. In lab 06 you put such a table together yourself, for training *time*.
#
# ## And all of them together: ensembles
#
# **The problem.** The contest of 2016. Everybody has the same nets.
#
# **The idea.** Train several different nets well, and average what they say (chapter 07). The team Trimps-Soushen fused five published architectures, which they called *good practices for deep feature fusion*:

# %%
MEMBERS = {"Wide ResNet-68-3": 4.65, "ResNet-200": 4.26, "Inception-v3": 4.20, "Inception-v4": 4.01, "Inception-ResNet-v2": 3.52, "all five, fused": 2.99}
plots.show(plots.bars(MEMBERS, unit="%", title="top-5 error, published", highlight="all five, fused"), alt="Published top-5 errors: " + ", ".join(f"{name} {error} %" for name, error in MEMBERS.items()) + ".")

# %% [markdown]
# **The numbers.** 2.99 % for the five, on the contest's test photos. The best single one has 3.52 %. (The slide marks only the fused number as "test", so part of the difference may come from the images.)
#
# And in small? We have nine trained nets from visit 8: three architectures, three starts each. We fuse three starts of *one* architecture, or three *different* architectures. Is variety worth anything?

# %%
with torch.no_grad():
    chances = {name: [F.softmax(net(test), 1) for net in nets] for name, nets in final.items()}


def fused(members):
    return 100 * (torch.stack(members).mean(0).argmax(1) == test_labels).float().mean().item()


for name, members in chances.items():
    print(f"three starts of “{name}”: {fused(members):.1f} %, {fused(members) - results[name].mean():+.1f} over the mean of its members")
mixed = np.array([fused(list(members)) for members in itertools.product(*chances.values())])
print(f"one of each architecture: {told(mixed)} % ({len(mixed)} mixtures), {mixed.mean() - np.mean([values.mean() for values in results.values()]):+.1f} over the mean of their members")
everything = fused([p for members in chances.values() for p in members])
print(f"all nine: {everything:.1f} %")
wrong = {name: [p.argmax(1) != test_labels for p in members] for name, members in chances.items()}
same = [(a & b).sum().item() / (a | b).sum().item() for members in wrong.values() for a, b in itertools.combinations(members, 2)]
other = [(a & b).sum().item() / (a | b).sum().item() for one, two in itertools.combinations(wrong.values(), 2) for a in one for b in two]
print(f"errors that two nets share, of those that either makes: same architecture {np.mean(same):.0%}, different ones {np.mean(other):.0%}")

# %% [markdown]
# Every ensemble beats the mean of its members. A mixture of architectures gains more over that mean than three starts of one. Still, when we ran it, three starts of the best one were better than the mixtures: there, weaker members pull the average down. Variety pays among members that are about equally good, as in the team's list above. And look at the last line: nets of different architectures mostly err on the *same*
# images. What is hard for one is hard for all.
#
# **What stayed.** Contests are won by ensembles. Products seldom use them, for $n$ nets cost $n$ times as much at every image. The same idea for free lives on in averaged weights, dropout and stochastic depth.
#
# ## One page to take home
#
# | year | net | idea | what it saves or buys |
# |:--|:--|:--|:--|
# | 2016 | stochastic depth | leave blocks out in training | time, regularisation |
# | 2016 | SqueezeNet | squeeze, then expand | parameters: 50 times fewer than AlexNet |
# | 2017 | ResNeXt | many equal paths | accuracy at the same cost |
# | 2017 | DenseNet | concatenate everything | parameters, at the price of memory |
# | 2017 | MobileNet | space and channels one after the other | work: $1/N + 1/K^2$ |
# | 2017 | SENet | a gate for each channel | accuracy for a tenth more parameters |
# | 2018 | MobileNetV2 | inverted residual, linear bottleneck | work |
# | 2017–19 | NASNet, AmoebaNet | search for the net | people's time, at the price of computers' |
# | 2019 | EfficientNet | scale width, depth and resolution together | accuracy per parameter |
# | 2021 | ResNet-RS | a modern recipe for an old net | accuracy for nothing but training |
#
# ## Check yourself

# %%
question(
    "You have to run a net on a small chip with 2 MB for weights, fast enough or not. Which idea comes first?",
    {
        "DenseNet's concatenation": "It saves weights, but DenseNet-121 still has 8 million of them, and it needs much memory for its maps.",
        "SqueezeNet's Fire modules": "Yes: weights are what it was made to save. 1.25 million of them, 5 MB as float32; stored with 8 bits that is 1.25 MB.",
        "ResNeXt's paths": "They buy accuracy at the same number of weights: 25 million.",
        "A gate for each channel": "It adds weights.",
    },
    answer="SqueezeNet's Fire modules",
)

# %%
question(
    "A colleague replaced all convolutions by separable ones. Multiply-adds fell to an eighth, the time on the GPU only to a half. What happened?",
    {
        "The count must be wrong": "The count can be right. Time is another matter.",
        "Depthwise layers do little work for each number they fetch, so they wait for memory": "Yes. You have measured it in visit 6.",
        "Separable convolutions have more parameters": "They have fewer.",
        "Batch norm is missing": "That would change the accuracy, and hardly the time.",
    },
    answer="Depthwise layers do little work for each number they fetch, so they wait for memory",
)

# %%
predict(
    "Compound scaling with α = 1.2, β = 1.1, γ = 1.15 and φ = 3: how many times the work of B0?",
    answer=(1.2 * 1.1**2 * 1.15**2) ** 3,
    tolerance=0.25,
    explain="(1.2·1.21·1.3225)³ = 1.92³ = 7.1. With exactly 2 it would be 2³ = 8.",
    unit="times",
    hint="One step multiplies the work by α·β²·γ².",
)

# %%
question(
    "In a search for an architecture, why are there validation images and test images?",
    {
        "To have more images": "Both are fewer than the training images.",
        "The search picks the net with the best validation score, so this score is too good: chance was picked as well": "Yes. Test images that had no say in the choice tell the truth.",
        "Because validation images are easier": "They are drawn from the same images.",
    },
    answer="The search picks the net with the best validation score, so this score is too good: chance was picked as well",
)

# %%
question(
    "A paper says: “our net has 83 % on ImageNet, ResNet-200 has 79 %”. What do you ask first?",
    {
        "How many layers it has": "Good to know, but it does not tell whether the comparison is fair.",
        "Whether both were trained with the same recipe": "Yes. With a modern recipe alone, ResNet-200 goes from 79.0 to 82.2 %.",
        "Which programming language was used": "It plays no role.",
    },
    answer="Whether both were trained with the same recipe",
)

# %% [markdown]
# ## What this leads to
#
# - **Assignment 07**: you write these blocks: aggregated paths, squeeze-and-excitation, dense blocks, Fire, MBConv and compound scaling, and count them to the last parameter.
# - **Lab 06** makes a table like ResNet-RS's, for the time to a given accuracy.
# - **Chapter 16** puts all these nets on one map: accuracy against work, parameters and measured time.
#
# ## Sources
#
# - O. Russakovsky and others, *ImageNet Large Scale Visual Recognition Challenge*, IJCV 2015: the contest, its winners until 2014, and the person's 5.1 %.
# - S. Xie, R. Girshick, P. Dollár, Z. Tu, K. He, *Aggregated Residual Transformations for Deep Neural Networks*, CVPR 2017: ResNeXt.
# - J. Hu, L. Shen, G. Sun, *Squeeze-and-Excitation Networks*, CVPR 2018.
# - G. Huang, Z. Liu, L. van der Maaten, K. Weinberger, *Densely Connected Convolutional Networks*, CVPR 2017: DenseNet, and its figure of which layer reads which.
# - G. Huang, Y. Sun, Z. Liu, D. Sedra, K. Weinberger, *Deep Networks with Stochastic Depth*, ECCV 2016.
# - F. Iandola and others, *SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size*, 2016.
# - A. Howard and others, *MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications*, 2017.
# - M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L. Chen, *MobileNetV2: Inverted Residuals and Linear Bottlenecks*, CVPR 2018: also the spiral through ReLU.
# - B. Zoph, Q. Le, *Neural Architecture Search with Reinforcement Learning*, ICLR 2017; B. Zoph and others, *Learning Transferable Architectures for Scalable Image Recognition*, CVPR 2018: NASNet.
# - E. Real, A. Aggarwal, Y. Huang, Q. Le, *Regularized Evolution for Image Classifier Architecture Search*, AAAI 2019: AmoebaNet.
# - C. Ying and others, *NAS-Bench-101: Towards Reproducible Neural Architecture Search*, ICML 2019. L. Li, A. Talwalkar, *Random Search and Reproducibility for Neural Architecture Search*, UAI 2019.
# - M. Tan, Q. Le, *EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks*, ICML 2019.
# - I. Bello and others, *Revisiting ResNets: Improved Training and Scaling Strategies*, NeurIPS 2021: the additive table.
# - J. Shao and others (team Trimps-Soushen), *Good Practices for Deep Feature Fusion*, slides of the ImageNet workshop at ECCV 2016.
