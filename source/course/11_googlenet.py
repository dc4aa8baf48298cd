# ---
# jupyter:
#   convnets:
#     minutes: 75
#     budget_seconds: 60
#     needs: [02_convolution_arithmetic, 04_backpropagation, 05_normalization, 09_alexnet_zfnet, 10_vgg]
#     summary: Four filters side by side, what 1×1 convolutions save, extra heads for the gradient, and a net of 22 layers that is nine times smaller than AlexNet
# ---

# %% [markdown]
# # GoogLeNet
#
# In 2014 two nets came first in ImageNet's contest. VGG stacked one kind of layer, and paid with 138 million parameters. GoogLeNet was deeper and had a twentieth of them. In this chapter you find out where they went.
#
# **When you have worked through this chapter, you can**
#
# - say what an Inception module computes, and work out its size and its cost;
# - choose the widths of 1×1 bottlenecks, and say when they stop paying;
# - measure how auxiliary heads bring the gradient to the early layers, and say why today's nets do without them;
# - replace fully connected layers by global average pooling, and count what that saves;
# - tell apart four different numbers that are all called "the parameters of GoogLeNet".
#
# **Time:** about 75 minutes. **Needs:** chapters 02, 04, 05, 09 and 10.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from convnets import data, plots
from convnets.arithmetic import layer_table
from convnets.train import seed_everything
from convnets.vision import torchvision
from convnets.widgets import architecture_explorer, inception_bottlenecks, predict, question

seed_everything(0)

# %% [markdown]
# ## Before you run anything
#
# A face can fill the whole photo, or be ten pixels high in a crowd. Should the next layer look at 1×1, 3×3 or 5×5 pixels? GoogLeNet does not decide. An **Inception module** does all three, and a max pooling as well. It puts the four results on top of each other.
#
# Take maps of 28×28 with 256 channels. The module has 128 filters of 1×1, 192 of 3×3, 96 of 5×5, and a 3×3 max pooling with stride 1.

# %%
question(
    "Which of the four branches costs most multiply-adds?",
    {
        "The 1×1 convolution, 128 filters": "Each of its values needs only 256 products. It is the cheapest of the three convolutions.",
        "The 3×3 convolution, 192 filters": "It has most filters. But each of its values needs 9·256 products, and there is one that needs 25·256.",
        "The 5×5 convolution, 96 filters": "Yes. It has half as many filters as the 3×3, but each product sum is 25/9 times as long. It takes more than half of all the work.",
        "The max pooling, 256 channels": "It gives most channels, and multiplies nothing at all.",
    },
    answer="The 5×5 convolution, 96 filters",
)

# %% [markdown]
# ## Four views of one image
#
# Here are four branches by hand, on a grey photo: a 1×1 filter (it can only change brightness), a 3×3 filter for edges, a 5×5 filter for spots, and a max pooling of 3×3.


# %%
def slide(x, w):
    """x (C, H, W), w (F, C, K, K), K odd → (F, H, W): convolution with padding (K − 1)/2, which keeps the size."""
    pad = w.shape[-1] // 2
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    return np.einsum("chwij,fcij->fhw", np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], axis=(1, 2)), w)


def highest(x):
    """x (C, H, W) → (C, H, W): max pooling 3×3 with stride 1."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2)).max(axis=(3, 4))


grey = data.photo((150, 128)).mean(axis=2)[None]
edges = np.array([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])
spots = np.full((5, 5), -1.0)
spots[1:4, 1:4] = 16 / 9
branches = [slide(grey, np.full((1, 1, 1, 1), -1.0)), slide(grey, edges[None, None]), slide(grey, spots[None, None]), highest(grey)]
together = np.concatenate(branches)
plots.show(
    plots.image_grid([grey[0], *(np.clip((m - m.min()) / np.ptp(m), 0, 1) for m in together)], titles=["input", "1×1", "3×3", "5×5", "max pooling"], columns=5),
    alt="A portrait and four maps of it: the negative, vertical edges, the outlines of all small things, and a coarser, brighter copy.",
)
print("each branch:", *(branch.shape for branch in branches), " together:", together.shape)

# %% [markdown]
# Two things make this work. Every branch **keeps height and width**: stride 1, and padding 0, 1, 2 for kernels of 1, 3, 5, and 1 for the pooling. And the results are joined **along the channels**: nothing is added up, nothing is lost. The next layer may take from each what it needs.
#
# On a batch N×C×H×W, the channels are axis 1. That is a classic mistake to make: axis 0 would mix up the images.

# %%
question(
    "You forget the padding. What happens to an input of 28×28?",
    {
        "Nothing: the maps are only a little smaller": "All of them would have to be smaller by the same amount.",
        "The branches give 28×28, 26×26, 24×24 and 26×26, and cannot be joined": "Yes. Joining along the channels needs equal heights and widths.",
        "The smaller maps are stretched to 28×28": "No function does that silently.",
        "The 5×5 branch raises an error": "It runs happily, and gives 24×24. The error comes when the maps are joined.",
    },
    answer="The branches give 28×28, 26×26, 24×24 and 26×26, and cannot be joined",
)

# %% [markdown]
# ## The naive module and its price
#
# Every output value of a convolution costs $K^2 C$ products (chapter 02). So with $C = 256$:
#
# <!-- layers: 06_classic_architectures: NaiveInception(256, 128, 192, 96), (256, 28, 28) -->
#
# The sum is 854 million multiply-adds for one module on one image. All of AlexNet needs less than that.
#
# And there is a second problem. Look at the last line, where the branches are joined.

# %%
predict(
    "The module gets 256 channels. How many channels does it give? And think ahead: what happens if nine such modules are stacked?",
    answer=128 + 192 + 96 + 256,
    unit="channels",
    explain="128 + 192 + 96 + 256 = 672. The pooling passes on all channels that come in, so every module adds 416. After nine modules there would be 4,000 channels.",
    hint="Three convolutions give as many channels as they have filters. And the pooling?",
)

# %%
channels, costs = [256], []
for _ in range(9):
    c = channels[-1]
    costs.append(28 * 28 * (128 * c + 192 * 9 * c + 96 * 25 * c))
    channels.append(128 + 192 + 96 + c)
print("channels after each naive module:", *channels[1:])
print("million multiply-adds of each:   ", *(round(cost / 1e6) for cost in costs))

# %% [markdown]
# ## Bottlenecks
#
# A **1×1 convolution** sees one pixel at a time. It is a small linear layer that every pixel goes through: it mixes channels, and it can make few out of many. Lin, Chen and Yan had used it a year before, in *Network in Network*.
#
# GoogLeNet puts one in front of each large kernel, and one behind the pooling. With $r$ channels between them, a $K \times K$ convolution with $F$ filters costs
#
# $$\underbrace{C\,r}_{1\times1} + \underbrace{K^2\,r\,F}_{K\times K} \quad\text{instead of}\quad K^2\,C\,F, \qquad\text{that is the share}\quad \frac{r}{K^2 F} + \frac{r}{C}$$
#
# products for each pixel. For the 5×5 branch with $r = 64$, this is 64/2,400 + 64/256: 28 %.
#
# The same module with 64 channels before the 3×3, 64 before the 5×5, and 64 after the pooling:
#
# <!-- layers: 06_classic_architectures: Inception(256, 128, 64, 192, 64, 96, 64), (256, 28, 28) -->
#
# Now play with it. Each box is as wide as it has output channels, and as high as one of its output values is expensive. So its area is its work.

# %%
inception_bottlenecks()

# %% [markdown]
# 1. Make both reductions as narrow as they get. How much of the work is left, and which part is now the largest?
# 2. Make them wide. From where on does the detour cost more than it saves? Find it with the formula, then with the slider.
# 3. Change the side of the input. Does the ratio change? Why not?
# 4. Raise the input channels to 1,024. Which of the two modules suffers more?
# 5. Press *GoogLeNet 4a*. Only 16 channels lie before its 5×5.
#
# What is lost? Without a ReLU between them, the two convolutions would be one of the large kind whose weights form a matrix of rank 64 at most. The bet is that 256 channels say the same things many times over. The ReLU makes up for some of the loss: there is one more nonlinearity.
#
# ### A slip on a slide
#
# The lecture that this course grew out of gives this very example: 854 M before, and **358 M** with bottlenecks. You have just seen 271 M. Who is right? Let us suspect every part in turn: what if it was left out, counted twice, or had a wrong kernel?

# %%
pixels = 28 * 28
parts = {
    "1×1": pixels * 128 * 256,
    "1×1 before 3×3": pixels * 64 * 256, "3×3": pixels * 192 * 9 * 64,
    "1×1 before 5×5": pixels * 64 * 256, "5×5": pixels * 96 * 25 * 64,
    "1×1 after pooling": pixels * 64 * 256,
}  # fmt: skip
total = sum(parts.values())
print(f"right: {total:,}")
for name, cost in parts.items():
    for factor, slip in ((0, "left out"), (2, "counted twice"), (9, "3×3 in place of 1×1"), (25, "5×5 in place of 1×1"), (1 / 9, "1×1 in place of 3×3"), (9 / 25, "3×3 in place of 5×5"), (25 / 9, "5×5 in place of 3×3")):
        if round((total + (factor - 1) * cost) / 1e6) == 358:
            print(f"{name} {slip}: {total + (factor - 1) * cost:,}")

# %% [markdown]
# Only one slip fits: 358,055,936 is the right sum with the 3×3 convolution counted twice. The gain is larger than the slide says: 3.1 times fewer multiply-adds, not 2.4. The 672 and the 480 channels are right.
#
# ## The whole net
#
# Nine modules, a stem of three convolutions before them, and one linear layer behind. The letters are the paper's. Maps of 28×28 are those of stage 3, 14×14 of stage 4, 7×7 of stage 5.
#
# <!-- stages: 06_classic_architectures: googlenet(auxiliary=False), (3, 224, 224) -->
#
# Follow three columns. The maps shrink early: at module 3a, only 28×28 are left. The channels grow slowly, because the modules decide how many come out. And the parameters lie late, the work early and in the middle. (`norm1` and `norm3` are AlexNet's local response normalisation.)
#
# Below you find it beside AlexNet. Unfold `inception3a`, and walk through its branches with the arrow keys. torchvision's net has BatchNorm after each convolution, which the net of 2014 had not, and its "5×5" branch is in fact 3×3: an old slip in the translation of the weights, kept because the weights fit nothing else.

# %%
with torch.device("meta"):  # shapes without numbers: nothing is stored, nothing is computed
    alexnet = torchvision.models.alexnet()
    official = torchvision.models.googlenet(aux_logits=True, init_weights=False)
architecture_explorer({"AlexNet": alexnet, "GoogLeNet": official}, (3, 224, 224))

# %% [markdown]
# 1. Let the bars show parameters. Where has AlexNet its largest box, and what stands there in GoogLeNet?
# 2. Let them show multiply-adds. GoogLeNet does twice the work of AlexNet with a fraction of the weights. How is that possible?
# 3. Point at the last module. How much of the image does one of its values see?
#
# ### Twenty-two layers
#
# One counts the layers with weights along the longest way through the net. Branches side by side count once. The table of `convnets.arithmetic` knows which layer reads which (`sources`), so we can let it walk.


# %%
def longest_way(table, counts):
    """Most layers for which counts(row) is true on any way from the input to a row."""
    depth = []
    for row in table:
        depth.append(max((depth[i] for i in row.sources), default=0) + counts(row))
    return max(depth)


table = layer_table(official, (3, 224, 224))
weighty = ("Conv2d", "Linear")
print("layers with weights:", longest_way(table, lambda row: row.kind in weighty))
print("and with the poolings between the modules:", longest_way(table, lambda row: row.kind in weighty or "pool" in row.name))

# %% [markdown]
# The first convolution, two more in the stem, two in each of nine modules, the linear layer: $1 + 2 + 9\cdot2 + 1 = 22$. With four max poolings and the average pooling they are 27, as the slides say.
#
# ## Global average pooling
#
# AlexNet and VGG flatten their last maps and put three fully connected layers on top. GoogLeNet takes the **mean of each map**. Of 1024×7×7 numbers, 1,024 remain. One linear layer makes 1,000 logits of them.

# %%
predict(
    "A linear layer from 1,024 averages to 1,000 classes, with bias. How many parameters has it?",
    answer=1024 * 1000 + 1000,
    unit="parameters",
    explain="1,024·1,000 + 1,000 = 1,025,000. On the flattened 7·7·1,024 = 50,176 numbers it would be 50,177,000: seven times the whole net.",
    hint="One weight for each input and class, one bias for each class.",
)

# %%
with torch.device("meta"):
    vgg = torchvision.models.vgg16()
heads = {
    "AlexNet: three linear layers": alexnet.classifier, "VGG-16: three linear layers": vgg.classifier,
    "1024×7×7 flattened, one linear layer": nn.Linear(7 * 7 * 1024, 1000, device="meta"), "GoogLeNet: average, one linear layer": official.fc,
}  # fmt: skip
sizes = {name: sum(p.numel() for p in part.parameters()) for name, part in heads.items()}
plots.show(plots.bars(sizes, highlight="GoogLeNet: average, one linear layer"), alt="Parameters behind the last convolution: " + ", ".join(f"{name} {size:,}" for name, size in sizes.items()) + ".")

# %% [markdown]
# Three more things come with it.
#
# - **Any input size.** A mean can be taken over 7×7 or 9×9 values. A flattened layer fits one size only.
# - **Less to overfit.** The average has no weights. The paper gains 0.6 percentage points in top-1 accuracy by it; it keeps a dropout of 0.4 before the linear layer.
# - **Where something is counts for less.** Each map says *how much* of a thing there is, not where. For classes of whole images that is what one wants. (Chapter 15 turns it around, and finds the place again.)
#
# ## A small one, trained
#
# Now real images. We need small nets of Inception modules that train here in seconds: 28×28 grey pixels, ten kinds of clothes. We borrow torchvision's module, and hand it the layer that it shall build its branches from. For the names of modules that you give, the class stacks them, and pools between 3 and 4, and between 4 and 5. The top is an average, or flattened maps with two linear layers as in AlexNet.

# %%
Inception = type(official.inception3a)
MODULES = {  # 1×1 · before 3×3, 3×3 · before 5×5, 5×5 · after pooling
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64), "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip


def layer_of_2014(inputs, outputs, **options):
    return nn.Sequential(nn.Conv2d(inputs, outputs, **options), nn.ReLU())


def layer_of_2015(inputs, outputs, **options):
    return nn.Sequential(nn.Conv2d(inputs, outputs, bias=False, **options), nn.BatchNorm2d(outputs), nn.ReLU())


def average_top(channels):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


def flat_top(channels):
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 3 * channels, 128), nn.ReLU(), nn.Linear(128, 10))


class SmallGoogLeNet(nn.Module):
    """Modules of GoogLeNet with 1/16 of its widths: images (N, 1, 28, 28) → logits (N, 10) of the net, and one more for each head in training."""

    def __init__(self, names, layer, top=average_top, heads=()):
        super().__init__()
        channels = 16
        self.stem = layer(1, channels, kernel_size=3, stride=2, padding=1)
        self.stages, self.heads = nn.ModuleDict(), nn.ModuleDict()
        for name in names:
            ones, threes_in, threes, fives_in, fives, pooled = (width // 16 for width in MODULES[name])
            self.stages[name] = Inception(channels, ones, threes_in, threes, fives_in, fives, pooled, conv_block=layer)
            channels = ones + threes + fives + pooled
            if name in heads:
                self.heads[name] = average_top(channels)
        self.top = top(channels)

    def forward(self, x):
        x, last, extra = self.stem(x), "3", []
        for name, stage in self.stages.items():
            x, last = stage(x if name[0] == last else F.max_pool2d(x, 2)), name[0]
            if name in self.heads and self.training:
                extra.append(self.heads[name](x))
        return (self.top(x), *extra) if extra else self.top(x)


clothes = data.load_fashion_mnist()
images = (torch.from_numpy(clothes.train_images).float()[:, None] / 255 - 0.286) / 0.353
test_images = (torch.from_numpy(clothes.test_images[:2000]).float()[:, None] / 255 - 0.286) / 0.353
labels, test_labels = torch.from_numpy(clothes.train_labels), torch.from_numpy(clothes.test_labels[:2000])


def train(net, steps=150, seed=0, rate=4e-3):
    """Adam, batches of 64, the rate falling to zero in a straight line."""
    generator, optimizer = torch.Generator().manual_seed(seed), torch.optim.Adam(net.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    net.train()
    for _ in range(steps):
        rows = torch.randint(len(labels), (64,), generator=generator)
        loss = F.cross_entropy(net(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return net.eval()


def accuracy(net, moved=0):
    """Share of right answers among 2,000 test images in %, all of them moved down and to the right by so many pixels."""
    with torch.no_grad():
        return 100 * (net(torch.roll(test_images, (moved, moved), (2, 3))).argmax(1) == test_labels).float().mean().item()


smalls = {}
for name, top in (("average", average_top), ("flattened, two linear layers", flat_top)):
    torch.manual_seed(0)
    smalls[name] = train(SmallGoogLeNet(("3a", "4a", "5a"), layer_of_2015, top))
print("top                            parameters   right    moved by 4 pixels")
for name, net in smalls.items():
    print(f"{name:30} {sum(p.numel() for p in net.parameters()):10,}  {accuracy(net):5.1f} %       {accuracy(net, 4):5.1f} %")

# %% [markdown]
# With the average, the net has eleven times fewer parameters. All clothes of this set sit in the middle of their picture, and there the flattened top is ahead: it may learn what belongs *where*. Move the pictures by four pixels, and the order turns round: its weights wait for sleeves at the old place. (So it was with each of three seeds that we tried. Moved by two pixels, it depended on the seed.) Neither net has ever seen a moved picture, and both lose much. Chapter 07 says what to do about that.
#
# With more training the net gets better; lab 04 takes the time for it.
#
# ## Whose parameters?
#
# "Only 5 million parameters, 12 times fewer than AlexNet", says the slide. torchvision's page says 6.6 million. Its net, when you build it, has 13.0 million. All of them mean GoogLeNet. So count.
#
# <!-- totals: 06_classic_architectures: {"the paper's net, in use": googlenet(auxiliary=False), "the paper's net, in training (with both heads)": googlenet(), "torchvision's, in use": googlenet(auxiliary=False, variant="torchvision"), "torchvision's, in training": googlenet(variant="torchvision"), "AlexNet, as torchvision has it": alexnet("one tower")}, (3, 224, 224) -->
#
# - **7.0 million** (6,998,552) are in the net that the paper describes, weights and biases, without the heads. The paper's own table adds up to 6.8 million.
# - **6.6 million** (6,624,904) are in torchvision's: no biases but BatchNorm's pairs, and 3×3 in place of 5×5.
# - **13.0 million** (13,004,888) are torchvision's with both auxiliary heads, which one only needs to train. The heads hold nearly half.
# - **5 million** is no count at all. AlexNet has 60 million, and the paper says "12× fewer": 60 / 12 = 5. Nothing that we can count in the net gives it. The nearest is 5,973,552: everything but the last layer.
#
# By count, the net of the paper is 8.7 times smaller than AlexNet of 2012 (60,965,224). The claim is a little too good, the net is still very small.
#
# ## The way of the gradient
#
# A net of 22 layers was hard to train in 2014. BatchNorm and He's initialisation came a year later. At each layer backward, the gradient was multiplied by something smaller than 1. Little of it arrived at the first layers.
#
# GoogLeNet's answer: two more classifiers, half way up. They read the outputs of modules 4a and 4d. Each has a loss of its own:
#
# $$L = L_{\text{net}} + 0.3\,L_{\text{aux 1}} + 0.3\,L_{\text{aux 2}}$$
#
# In use they are taken off. In training they give the early layers a short way to a label. Each is: average pooling to 4×4, a 1×1 convolution with 128 filters, two linear layers of 1,024 and 1,000 units with a dropout of 0.7 between.
#
# Let us measure, on a small net with all nine modules. It builds its layers *without* BatchNorm, as in 2014. Our heads are simpler than the paper's: average, then one linear layer.
#
# Predict: the net is new, and one batch goes forward and backward. By what factor does the gradient of the first layer grow when the two heads have their say?


# %%
def gradient_norms(layer, weight):
    """Length of the gradient in the stem and in each module of a new net, for the loss L_net + weight · (L_aux1 + L_aux2) on 64 images."""
    net = SmallGoogLeNet(MODULES, layer, heads=("4a", "4d"))
    own, *extra = (F.cross_entropy(logits, labels[:64]) for logits in net(images[:64]))
    (own + weight * sum(extra)).backward()
    return [float(torch.cat([p.grad.flatten() for p in part.parameters()]).norm()) for part in (net.stem, *net.stages.values())]


found = {"no heads": [], "two heads": [], "BatchNorm, no heads": []}
for seed in range(3):
    for name, layer, weight in (("no heads", layer_of_2014, 0), ("two heads", layer_of_2014, 0.3), ("BatchNorm, no heads", layer_of_2015, 0)):
        torch.manual_seed(seed)
        found[name].append(gradient_norms(layer, weight))
norms = {name: np.median(runs, axis=0) for name, runs in found.items()}
fig, ax = plt.subplots(figsize=(8, 3.8))
for (name, runs), colour, marker, line in zip(found.items(), ("vermillion", "blue", "green"), "osD", ("-", "-", "--"), strict=True):
    ax.plot(norms[name], color=plots.PALETTE[colour], marker=marker, linestyle=line, label=name)
    ax.fill_between(range(10), np.min(runs, axis=0), np.max(runs, axis=0), color=plots.PALETTE[colour], alpha=0.15)
ax.set_yscale("log")
ax.set_xticks(range(10), ["stem", *MODULES])
ax.set_ylabel("length of the gradient")
ax.set_title("One batch through a new net of nine modules, 3 seeds")
ax.legend()
plots.show(fig, alt=f"Without heads the gradient falls from {norms['no heads'][-1]:.0e} in module 5b to {norms['no heads'][0]:.0e} in the stem. With two heads it jumps up at 4d and at 4a, and the stem gets {norms['two heads'][0]:.0e}. With BatchNorm and no heads it stays near 1 everywhere.")
print(f"stem: {norms['no heads'][0]:.1e} without heads, {norms['two heads'][0]:.1e} with, {norms['two heads'][0] / norms['no heads'][0]:.0f} times as much")

# %% [markdown]
# Read the figure from right to left, as the gradient runs. Each module takes away about two thirds. At 4d and at 4a a head feeds in new gradient, and it is far larger than what has come down from the top.
#
# The green line shows why the heads went out of use. BatchNorm gives every layer inputs of the same scale, and the gradient arrives all by itself.
#
# What did the authors say later? In the paper itself: the effect of the heads is small, about 0.5 percentage points, and one of them does as much as two. A year later, with BatchNorm (Inception-v3): the heads did not make the net learn faster at first. They helped a little at the end, as a kind of regulariser. So treat them as a piece of history, and remember what they teach: **a gradient needs a short way**. The next chapter builds the short way into the net itself.
#
# ## What it won
#
# GoogLeNet won the classification of 2014, before VGG with 7.3 %. Its top-5 error on the test set was **6.7 %**. That is not one net looking once:
#
# | nets | crops of each image | top-5 error |
# |--:|--:|--:|
# | 1 | 1 | 10.07 % |
# | 1 | 10 | 9.15 % |
# | 1 | 144 | 7.89 % |
# | 7 | 1 | 8.09 % |
# | 7 | 10 | 7.62 % |
# | 7 | 144 | **6.67 %** |
#
# Seven nets and 144 cuts of each image bring a third less error, for 1,008 times the work. Always ask which row a number comes from.
#
# ## Check yourself

# %%
predict(
    "GoogLeNet's module 3a gets 28×28×192. Its branches give 64, 128 and 32 channels, and 32 after the pooling. Before the 5×5 stand 16 channels. How many multiply-adds has the 5×5 convolution, in millions?",
    answer=28 * 28 * 32 * 25 * 16 / 1e6,
    tolerance=0.1,
    unit="million",
    explain="28·28·32 values, each a sum of 25·16 products: 10,035,200. Without the 1×1 before it, there would be 192 in place of 16: twelve times as many.",
    hint="It reads 16 channels, and gives 32.",
)

# %%
question(
    "A colleague leaves the ReLU between the 1×1 and the 3×3 convolution out. What has the net lost?",
    {
        "Nothing: the 1×1 still saves the same work": "The saving stays. But what can the two compute together?",
        "Two convolutions without a nonlinearity are one, with weights of low rank": "Yes. It is a 3×3 convolution again, and one that can do less than a free one. With a ReLU, the pair can do what no single convolution can.",
        "The output has other channels": "A ReLU changes no shape.",
        "The gradient no longer reaches the 1×1": "It does, even more easily than through a ReLU.",
    },
    answer="Two convolutions without a nonlinearity are one, with weights of low rank",
)

# %%
question(
    "You test a GoogLeNet and get a tuple of three tensors instead of logits. What happened?",
    {
        "The images have the wrong size": "Then there would be an error, or another number of values to average.",
        "The net is in training mode": "Yes. Call `net.eval()`. The two others are the auxiliary heads' logits, and dropout is still on, too.",
        "The three are the three colours": "All three have the shape (N, classes).",
        "They must be added, with 0.3 for the heads": "The weights 0.3 belong to the losses in training. In use the heads are not asked at all.",
    },
    answer="The net is in training mode",
)

# %%
predict(
    "At 4a the maps have 512 channels of 14×14. The paper's head averages them with a 5×5 window and stride 3, and its 1×1 convolution leaves 128 channels. How many numbers go into its first linear layer?",
    answer=128 * 4 * 4,
    unit="numbers",
    explain="⌊(14 − 5)/3⌋ + 1 = 4, so 128·4·4 = 2,048.",
    hint="The output size of chapter 02, without padding.",
)

# %% [markdown]
# ## What this leads to
#
# - **Assignment 06**: you build both modules, the heads, the loss and the whole net. torchvision's weights fit in yours.
# - **Lab 04** trains it beside AlexNet and VGG on small images: accuracy against parameters, work and time.
# - **Chapter 12**: 152 layers. The short way of the gradient becomes part of every block.
# - Inception went on: v2 and v3 split the 5×5 into two 3×3, and n×n into 1×n and n×1. Inception-ResNet added shortcuts. Xception took the branches to the end: one for each channel. You meet that in chapter 13 as MobileNet's separable convolution.
#
# ## Sources
#
# - C. Szegedy, W. Liu, Y. Jia and others, *Going Deeper with Convolutions*, CVPR 2015, https://arxiv.org/abs/1409.4842: module, heads, table 1, results.
# - M. Lin, Q. Chen, S. Yan, *Network in Network*, ICLR 2014, https://arxiv.org/abs/1312.4400: 1×1 convolutions and global average pooling.
# - C. Szegedy, V. Vanhoucke and others, *Rethinking the Inception Architecture for Computer Vision*, CVPR 2016, https://arxiv.org/abs/1512.00567: auxiliary heads reconsidered, Inception-v3.
# - S. Ioffe, C. Szegedy, *Batch Normalization*, ICML 2015, https://arxiv.org/abs/1502.03167.
# - H. Xiao, K. Rasul, R. Vollgraf, *Fashion-MNIST*, 2017: the images.
