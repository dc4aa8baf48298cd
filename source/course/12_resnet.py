# ---
# jupyter:
#   convnets:
#     minutes: 90
#     budget_seconds: 60
#     needs: [04_backpropagation, 05_normalization, 10_vgg, 11_googlenet]
#     summary: Why deeper was worse, and the addition that changed it; gradients through 50 layers, 2ⁿ paths, every way to spoil a shortcut
# ---

# %% [markdown]
# # Residual networks
#
# VGG had 19 layers, GoogLeNet 22. A year later the winner of ImageNet's competition had **152**. What made that possible is an addition: the input of a block is added to its output.
#
# **When you have worked through this chapter, you can**
#
# - say what degradation is, and why it is neither overfitting nor a lack of expressive power;
# - write down a plain layer, a Highway layer and a residual block, and say what each does to the signal and to its gradient;
# - measure how long gradients are in a stack of 50 layers, and explain what you see;
# - count the parameters of basic and bottleneck blocks, and of the three ways to change a shortcut's shape;
# - see a residual net as a sum over paths, and test that view with a lesion;
# - explain why a shortcut should be left alone, and what pre-activation adds to that.
#
# **Time:** about 90 minutes. **Needs:** chapters 04, 05, 10 and 11.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from convnets import data, plots
from convnets.arithmetic import layer_table
from convnets.train import seed_everything
from convnets.vision import torchvision
from convnets.widgets import architecture_explorer, predict, question

torch.set_num_threads(1)

# %% [markdown]
# ## Before you run anything

# %%
question(
    "You take a trained net of 20 layers and put 36 layers more into it. Is there a setting of their weights with which the larger net has the <em>same</em> training error?",
    {
        "Yes: let the new layers hand their input on unchanged": "Yes. A 3×3 kernel with a single 1 in the middle does it, one for each channel, and ReLU leaves what is not negative as it is. So the larger net can be at least as good. Whether training <em>finds</em> such weights is another question: the question of this chapter.",
        "No, more layers always change the function": "They can be set so that they change nothing: a kernel with a 1 in the middle copies its channel.",
        "Only if the new layers have no ReLU": "After a ReLU nothing is negative, so another ReLU changes nothing.",
    },
    answer="Yes: let the new layers hand their input on unchanged",
)

# %% [markdown]
# ## Degradation
#
# Until 2015 one could read the history of ImageNet's competition as: deeper is better.

# %%
HISTORY = {"AlexNet, 2012": (8, 16.4), "ZFNet, 2013": (8, 11.2), "VGG, 2014": (19, 7.3), "GoogLeNet, 2014": (22, 6.7), "ResNet, 2015": (152, 3.57)}
fig, axes = plt.subplots(1, 2, figsize=(8.5, 2.9), sharey=True)
for ax, column, title, unit in ((axes[0], 0, "layers with weights", ""), (axes[1], 1, "top-5 error on ImageNet", " %")):
    values = [row[column] for row in HISTORY.values()]
    ax.barh(range(len(values)), values, color=plots.PALETTE["blue" if column == 0 else "orange"])
    for place, value in enumerate(values):
        ax.text(value, place, f" {value}{unit}", va="center")
    ax.set(title=title, xticks=[], xlim=(0, 1.25 * max(values)))
    ax.spines["bottom"].set_visible(False)
axes[0].set_yticks(range(len(HISTORY)), list(HISTORY))
axes[0].invert_yaxis()
plots.show(fig, alt="Layers and top-5 error of the competition's famous nets: " + "; ".join(f"{name}: {layers} layers, {error} %" for name, (layers, error) in HISTORY.items()) + ".")

# %% [markdown]
# But by then everybody who had tried knew that stacking more layers stops working. K. He and his colleagues showed it in one picture: on CIFAR-10 a plain net of **56 layers trains worse than one of 20**. On the test images it is worse, too, but that is not the point. Its *training* error is higher. The larger net could copy the smaller one, and training does not find that solution. They called it **degradation**.
#
# You need no large experiment to see it. Here are fully connected nets of 32 units a layer, with BatchNorm, on 2,000 small images of clothes. All have the same number of steps. `meet` is the only thing that differs: what a layer hands on, given its input `x` and what it has made of it, `f`.


# %%
class Stack(nn.Module):
    """Fully connected layers of equal width between a first and a last one. meet(x, f, t): what a layer hands on. t: a gate, where the stack has gates."""

    def __init__(self, depth, meet, gates=False, width=32):
        super().__init__()
        self.first, self.last, self.meet = nn.Linear(196, width), nn.Linear(width, 10), meet
        self.layers = nn.ModuleList(nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU()) for _ in range(depth))
        self.gates = nn.ModuleList(nn.Linear(width, width) for _ in range(depth if gates else 0))
        for gate in self.gates:
            nn.init.constant_(gate.bias, -2.0)

    def forward(self, x, without=None):
        x = self.first(x)
        for number, layer in enumerate(self.layers):
            if number != without:
                t = torch.sigmoid(self.gates[number](x)) if self.gates else None
                x = self.meet(x, layer(x), t)
        return self.last(x)


KINDS = {
    "plain": (lambda x, f, t: f, False),
    "Highway": (lambda x, f, t: t * f + (1 - t) * x, True),
    "residual": (lambda x, f, t: x + f, False),
}
LOOKS = {"plain": ("vermillion", "s--"), "Highway": ("green", "^:"), "residual": ("blue", "o-")}
DEPTHS = (2, 10, 30)

clothes = data.load_fashion_mnist()
pixels = F.avg_pool2d(torch.from_numpy(clothes.train_images[:2000]).float()[:, None] / 255, 2).flatten(1)
inputs, labels = (pixels - pixels.mean()) / pixels.std(), torch.from_numpy(clothes.train_labels[:2000])


def train(net, steps=200, rate=0.05, seed=0):
    """SGD with momentum, batches of 100; the rate rises and then falls to zero in a straight line."""
    generator, optimizer = torch.Generator().manual_seed(seed), torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9)
    for step in range(steps):
        if step % 20 == 0:
            batches = torch.randperm(2000, generator=generator).split(100)
        progress = step / steps
        optimizer.param_groups[0]["lr"] = rate * min(progress / 0.25, (1 - progress) / 0.75)
        rows = batches[step % 20]
        loss = F.cross_entropy(net(inputs[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net.eval()


def training_error(net, **options):
    """Share of wrong answers on the training images, in percent."""
    with torch.no_grad():
        return 100 * (net(inputs, **options).argmax(1) != labels).float().mean().item()


started, trained = time.perf_counter(), {}
for kind, (meet, gates) in KINDS.items():
    for depth in DEPTHS:
        seed_everything(0)
        trained[kind, depth] = train(Stack(depth, meet, gates))
errors = {kind: [training_error(trained[kind, depth]) for depth in DEPTHS] for kind in KINDS}
fig, ax = plt.subplots(figsize=(7, 3.3))
for kind, (colour, form) in LOOKS.items():
    ax.plot(DEPTHS, errors[kind], form, color=plots.PALETTE[colour], label=kind, markersize=8)
ax.set(xlabel="layers between the first and the last", ylabel="training error in %", xticks=DEPTHS, ylim=(0, None))
ax.grid(axis="y")
ax.legend()
told = "; ".join(f"{kind} {', '.join(f'{e:.0f}' for e in values)} %" for kind, values in errors.items())
plots.show(fig, alt=f"Training error for {', '.join(map(str, DEPTHS))} layers: {told}.")
print(f"{told}   ({time.perf_counter() - started:.0f} s)")

# %% [markdown]
# One run each, no error bars: this is a demonstration. Lab 05 does the experiment as it should be done, with convolutions, seeds and spread.
#
# ## Highways
#
# The first way out came in May 2015 from R. K. Srivastava, K. Greff and J. Schmidhuber. A **Highway** layer has a **gate** for each unit. The gate says how much of the unit is made anew, and how much is carried through:
#
# $$y = T(x) \cdot H(x) + (1 - T(x)) \cdot x, \qquad T(x) = \sigma(W_T x + b_T)$$
#
# $H$ is an ordinary layer. With $T = 1$ this is a plain layer, with $T = 0$ it hands its input on. The trick is in the start: $b_T$ is negative, say −2. Then $T \approx 0.12$, and an untrained net of 50 layers mostly carries. They trained nets of 100 layers. The price: the gate has as many weights as the layer itself.

# %%
predict(
    "A Highway layer of 32 units has a layer H and a gate T, both fully connected, with biases. How many parameters are that?",
    answer=2 * (32 * 32 + 32),
    explain="Twice 32·32 + 32, so 2,112. A residual layer needs half of them: its shortcut is free.",
    unit="parameters",
    hint="One fully connected layer of 32 units that reads 32 has 32·32 weights and 32 biases.",
)

# %% [markdown]
# ## The residual block
#
# In December 2015 came the simpler idea: no gates. Always carry **all** of $x$, and add what the layers make of it.
#
# $$y = x + F(x)$$
#
# If $H(x)$ is what the block should compute, its layers now learn the **residual** $F(x) = H(x) - x$. Suppose that the best a block can do is nothing, $H(x) = x$. A plain block must find weights that copy its input, exactly and through ReLUs. A residual block just needs small weights: $F = 0$.
#
# In a convolutional net, $F$ is a stack of two 3×3 convolutions:

# %%
plots.show(
    plots.block_diagram(
        {
            "basic": plots.column(["3×3, 64", "BN, ReLU", "3×3, 64", "BN", "+", "ReLU"], start="64 channels"),
            "bottleneck": plots.column(["1×1, 64", "BN, ReLU", "3×3, 64", "BN, ReLU", "1×1, 256", "BN", "+", "ReLU"], start="256 channels"),
            "pre-activation": plots.column(["BN, ReLU", "3×3, 64", "BN, ReLU", "3×3, 64", "+"], start="64 channels"),
        },
        height=4.8,
    ),
    alt="Three blocks from top to bottom, each with a line from its input past the layers to a plus. Basic: 3×3, BatchNorm and ReLU, 3×3, BatchNorm, plus, ReLU. Bottleneck: 1×1 to 64 channels, 3×3, 1×1 to 256 channels, each with BatchNorm, plus, ReLU. Pre-activation: BatchNorm and ReLU before each 3×3, and nothing after the plus.",
)

# %% [markdown]
# Mind where the last ReLU stands in the basic block: **after** the addition. Before it, the branch could add only what is not negative, and a block could never take anything away. The pre-activation block on the right comes later in this chapter.
#
# ## The mathematics
#
# Leave the ReLU after the addition aside for a moment. Then block $l$ makes $x_{l+1} = x_l + F_l(x_l)$, and from any block $l$ to any later block $L$
#
# $$x_L = x_l + \sum_{i=l}^{L-1} F_i(x_i) \qquad\text{and}\qquad \frac{\partial \mathcal{L}}{\partial x_l} = \frac{\partial \mathcal{L}}{\partial x_L}\left(1 + \frac{\partial}{\partial x_l} \sum_{i=l}^{L-1} F_i(x_i)\right)$$
#
# Forward, the signal is a **sum**; in a plain net it is a chain of products. Backward, there is a **1**: whatever the layers in between do, the gradient that arrives at $x_L$ also arrives at $x_l$, unhurt. It can be changed by what the layers add, but it cannot die of a product of many small factors.
#
# ### A dozen lines of NumPy
#
# The same, with 50 layers of 32 units and nothing but ReLU. Forward we keep each layer's input. Backward the gradient goes through the branch (a ReLU, then the transposed weights), and in the residual stack it is also handed past it.


# %%
def gradient_lengths(weights, shortcut, rng):
    """Length of the gradient at the input of every layer, when that at the end has length 1. weights: matrices (D, D), last dimension in."""
    x, seen = rng.standard_normal(weights.shape[1]), []
    for w in weights:
        f = w @ x
        seen.append(f > 0)
        x = shortcut * x + np.maximum(f, 0)
    gradient = rng.standard_normal(len(x))
    gradient, lengths = gradient / np.linalg.norm(gradient), []
    for w, active in zip(weights[::-1], seen[::-1], strict=True):
        gradient = shortcut * gradient + w.T @ (gradient * active)
        lengths.append(np.linalg.norm(gradient))
    return np.array(lengths[::-1])


rng = np.random.default_rng(0)
directions = rng.standard_normal((50, 32, 32)) / np.sqrt(32)
fig, ax = plt.subplots(figsize=(7.5, 3.4))
ends = {}
for shortcut, scale, (colour, form), name in ((0, 0.6, LOOKS["plain"], "plain"), (1, 0.2, LOOKS["residual"], "residual")):
    lengths = np.mean([gradient_lengths(scale * directions, shortcut, np.random.default_rng(seed)) for seed in range(20)], axis=0)
    ends[name] = lengths[0]
    ax.plot(range(1, 51), lengths, form, color=plots.PALETTE[colour], markevery=7, label=f"{name}, weights × {scale}")
ax.set(yscale="log", xlabel="layer", ylabel="length of the gradient at its input")
ax.grid(axis="y")
ax.legend()
plots.show(fig, alt=f"Length of the gradient in a stack of 50 layers, on its way from the last to the first. Plain: it falls to {ends['plain']:.0e}. Residual: it stays near 1 and is {ends['residual']:.1f} at the first layer.")
print(", ".join(f"{name}: {end:.1e} at the first layer" for name, end in ends.items()))

# %% [markdown]
# ### The same in PyTorch, with and without BatchNorm
#
# In our plain stack the gradient dies, because the weights are small. BatchNorm makes the size of the weights irrelevant. Does it save the gradient? **Predict** before you run: a plain net of 50 layers **with** BatchNorm, untrained. Is the gradient at the first layer about as long as at the last, shorter, or longer?


# %%
def lengths_in(net):
    """Length of the gradient at every layer's input: array (layers,), for 500 images in training mode. In double precision: float32 would underflow to 0."""
    seen, hooks = [], []
    for layer in net.layers:
        hooks.append(layer.register_forward_pre_hook(lambda layer, arguments: (arguments[0].retain_grad(), seen.append(arguments[0]))[1]))
    F.cross_entropy(net.double().train()(inputs[:500].double()), labels[:500]).backward()
    for hook in hooks:
        hook.remove()
    return np.array([x.grad.norm().item() for x in seen])


def without_norm(net):
    for layer in net.layers:
        layer[1] = nn.Identity()
    return net


fig, ax = plt.subplots(figsize=(7.5, 3.6))
growth = {}
for name, kind, change, colour, form in (
    ("plain, without BatchNorm", "plain", without_norm, "orange", "D-."),
    ("plain, with BatchNorm", "plain", lambda net: net, "vermillion", "s--"),
    ("residual, with BatchNorm", "residual", lambda net: net, "blue", "o-"),
):
    runs = []
    for seed in range(3):
        seed_everything(seed)
        runs.append(lengths_in(change(Stack(50, *KINDS[kind]))))
    lengths = np.exp(np.log(runs).mean(axis=0))
    growth[name] = lengths[0] / lengths[-1]
    ax.plot(range(1, 51), lengths / lengths[-1], form, color=plots.PALETTE[colour], markevery=7, label=name)
ax.set(yscale="log", xlabel="layer", ylabel="length, that at the last layer = 1")
ax.grid(axis="y")
ax.legend()
plots.show(fig, alt="Length of the gradient at the input of each of 50 layers, as a multiple of that at the last layer. At the first layer: " + "; ".join(f"{name} {ratio:.1e}" for name, ratio in growth.items()) + ".")
for name, ratio in growth.items():
    print(f"{name:26} first layer / last layer = {ratio:9.2g}, a factor of {ratio ** (1 / 49):.2f} for each layer")

# %% [markdown]
# Three different stories.
#
# - **Plain, no BatchNorm:** the gradient **vanishes**, here with PyTorch's usual first weights. That is the problem which slides about ResNet usually name. In single precision the numbers at the first layer are too small to be stored: they underflow to 0.
# - **Plain, BatchNorm:** it **explodes**, by the same factor in each layer. Behind a ReLU, a signal of spread 1 has the spread $\sqrt{1/2 - 1/2\pi} = 0.58$. BatchNorm divides by that: times 1.71. On the way back the ReLU lets about half of the numbers pass: times $\sqrt{1/2}$. Together a factor of **1.21** for each layer, whatever the weights are. Compare with the factor that was measured.
# - **Residual, BatchNorm:** nearly flat, but for the first few layers. The signal is a sum that grows from block to block, so the later a block comes, the smaller is its share in it, and the less it can do to the gradient.
#
# So what is degradation? The plain nets in the paper *had* BatchNorm, and the authors checked that their gradients do not vanish. "Vanishing gradients" is therefore not the explanation for that figure, although you will read it often. Lab 05 measures the same growth in convolutional nets. Whether it is the whole reason is not settled.
#
# ## When the shape changes
#
# $x + F(x)$ needs equal shapes. But now and then a net halves its maps and doubles its channels. Then the shortcut must change as well:
#
# | option | shortcut where the shape changes | elsewhere |
# |:--|:--|:--|
# | A | every second pixel, additional channels are zero: no parameters | $x$ |
# | B | 1×1 convolution with stride 2: a **projection** $W_s x$ | $x$ |
# | C | projection | projection |
#
# In the paper B was slightly better than A, and C slightly better than B. But the differences are small, and C costs many parameters. So ResNets use B for ImageNet; for CIFAR-10 the paper used A, which keeps plain and residual nets at the **same** number of parameters. That is a fair comparison: what helps is the shortcut, not additional weights.

# %%
predict(
    "A shortcut must lead from 64 channels of 56×56 to 128 channels of 28×28. How many weights has its projection, a 1×1 convolution without bias?",
    answer=64 * 128,
    explain="64·128 = 8,192: it makes 128 numbers out of 64 at each of the 28×28 places that it looks at. Three quarters of the pixels are never read.",
    unit="weights",
    hint="One 1×1 filter reads all 64 channels. How many filters?",
)

# %% [markdown]
# ## The bottleneck
#
# For 50 layers and more the basic block is too expensive. The **bottleneck** block does as chapter 11's Inception module did: a 1×1 convolution reduces 256 channels to 64, the 3×3 convolution works there, and another 1×1 convolution brings back 256.

# %%
basic = nn.Sequential(nn.Conv2d(256, 256, 3, padding=1, bias=False), nn.Conv2d(256, 256, 3, padding=1, bias=False))
narrow = nn.Sequential(nn.Conv2d(256, 64, 1, bias=False), nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.Conv2d(64, 256, 1, bias=False))
for name, branch in (("two 3×3", basic), ("bottleneck", narrow)):
    weights = sum(p.numel() for p in branch.parameters())
    print(f"{name:11} at 256 channels of 28×28: {weights:9,} weights, {weights * 28 * 28:11,} multiply-adds")

# %% [markdown]
# Seventeen times cheaper, and one layer deeper. The ends of the shortcut now have many channels; that is where the information travels. The work is done in the narrow middle.
#
# ## The family
#
# A 7×7 convolution with stride 2, max pooling, four stages, global average pooling, one fully connected layer: no FC layers of 4,096 units any more. The numbers below are computed from the course's reference nets when this page is built. You write these nets in assignment 07.
#
# <!-- totals: 07_residual_architectures: {"ResNet-18 (basic)": resnet(18), "ResNet-34 (basic)": resnet(34), "ResNet-50 (bottleneck)": resnet(50), "ResNet-101 (bottleneck)": resnet(101), "ResNet-152 (bottleneck)": resnet(152)}, (3, 224, 224) -->
#
# ResNet-50, part by part, for images of 224×224:
#
# <!-- stages: 07_residual_architectures: resnet(50), (3, 224, 224) -->
#
# ResNet-34 and ResNet-50 have the same number of blocks, 3, 4, 6 and 3. The bottleneck has three layers instead of two and four times as many channels on the shortcut; multiply-adds and parameters are nearly the same. But look at the last column: the activations take about three times the memory. Deep nets pay in **activations**.

# %%
with torch.device("meta"):
    zoo = {"ResNet-34": torchvision.models.resnet34(), "ResNet-50": torchvision.models.resnet50()}
architecture_explorer(zoo, (3, 224, 224))

# %% [markdown]
# Unfold a stage, and compare the two block by block. Switch the bars to multiply-adds, then to memory.
#
# ResNet-152 is eight times as deep as VGG-19. Is it eight times as expensive?

# %%
with torch.device("meta"):
    costs = {name: layer_table(net, (3, 224, 224)).total for name, net in {"VGG-19": torchvision.models.vgg19(), "ResNet-152": torchvision.models.resnet152()}.items()}
for name, total in costs.items():
    print(f"{name:10} {total.parameters:11,} parameters, {total.multiply_adds / 1e9:5.1f} G multiply-adds for one image")

# %% [markdown]
# It takes fewer multiply-adds than VGG-19, and has less than half of its parameters.
#
# What did the shortcuts buy? Four nets of the paper say it best. Here are their top-1 errors on ImageNet's validation images:
#
# | | plain | residual |
# |:--|--:|--:|
# | 18 layers | 27.94 % | 27.88 % |
# | 34 layers | 28.54 % | 25.03 % |
#
# At 18 layers the shortcut buys next to nothing (but the residual net converges faster). At 34 layers the plain net has degraded, and the residual one has gained. ResNet-152 alone has a top-5 error of 4.49 % on the validation images. Six nets of different depths together, two of them of 152 layers, won the competition of 2015 with **3.57 %** on the test images. Training took two to three weeks on 8 GPUs.
#
# ## ResNets for CIFAR-10
#
# For images of 32×32 the paper has a second family, of $6n + 2$ layers: one 3×3 convolution, three stages of $n$ basic blocks with 16, 32 and 64 channels, average, linear layer. All shortcuts are option A.
#
# <!-- totals: 07_residual_architectures: {f"ResNet-{depth}": cifar_resnet(depth) for depth in (20, 32, 44, 56, 110)}, (3, 32, 32) -->
#
# They are tiny, and good. The published test errors, in percent:

# %%
PAPER = {20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97, 110: 6.43, 1202: 7.93}
fig, ax = plt.subplots(figsize=(7, 3))
ax.plot(list(PAPER), list(PAPER.values()), "o-", color=plots.PALETTE["blue"], markersize=8)
for depth, error in PAPER.items():
    ax.annotate(f"{error} %", (depth, error), xytext=(4, -15 if depth == 110 else 7), textcoords="offset points", fontsize=10)
ax.set(xscale="log", xlabel="layers", ylabel="test error in %", ylim=(5.9, 9.4), xlim=(17, 2000))
ax.set_xticks(list(PAPER), list(map(str, PAPER)))
ax.minorticks_off()
ax.grid(axis="y")
plots.show(fig, alt="Published test errors of residual nets on CIFAR-10: " + ", ".join(f"{depth} layers {error} %" for depth, error in PAPER.items()) + ".")

# %% [markdown]
# ResNet-20 has 269,722 parameters and an error of **8.75 %**. (6.43 % is the best of five runs of ResNet-110; their mean is 6.61 %.) The net of 1,202 layers has a training error below 0.1 %, and a *higher* test error than that of 110. **That** is overfitting. Now you can tell the two apart.

# %%
question(
    "A plain net of 56 layers has a training error above that of 20 layers. The residual net of 1,202 layers has a test error above that of 110, at a training error of nearly 0. What are the two called?",
    {
        "Both are overfitting": "An overfitted net knows its training images. The plain net of 56 layers does not.",
        "Degradation, then overfitting": "Yes. The first one fails to fit the training images; the second one fits them perfectly, and new ones less well. The cures are different, too.",
        "Both are degradation": "The net of 1,202 layers fits its training images all but perfectly. Training did not fail.",
    },
    answer="Degradation, then overfitting",
)

# %% [markdown]
# ## A residual net is many nets
#
# Take two blocks and multiply out:
#
# $$x_2 = x_1 + F_1(x_1), \quad x_1 = x_0 + F_0(x_0) \quad\Rightarrow\quad x_2 = x_0 + F_0(x_0) + F_1\big(x_0 + F_0(x_0)\big)$$
#
# At each block the signal has a choice, through the branch or past it. So $n$ blocks make $2^n$ **paths** of different lengths. A. Veit, M. Wilber and S. Belongie drew this *unravelled view* in 2016, and drew a conclusion: if a residual net is a crowd of paths, one can take a block away. Half of the paths survive. In a plain net there is only one path.
#
# **Predict**, then look: from our trained stacks of 30 layers we remove one layer, without any new training. What happens to the training error?

# %%
fig, ax = plt.subplots(figsize=(7.5, 3.3))
lesions = {}
for kind in ("plain", "residual"):
    colour, form = LOOKS[kind]
    lesions[kind] = np.array([training_error(trained[kind, 30], without=number) for number in range(30)])
    ax.plot(range(1, 31), lesions[kind], form[0], color=plots.PALETTE[colour], label=f"{kind}, one layer removed")
    ax.axhline(training_error(trained[kind, 30]), color=plots.PALETTE[colour], linestyle=form[1:], linewidth=1, label=f"{kind}, whole")
ax.set(xlabel="which layer is removed", ylabel="training error in %", ylim=(0, 100))
ax.legend(ncols=2, fontsize=9, loc="center", bbox_to_anchor=(0.5, 0.34))
medians = {kind: (training_error(trained[kind, 30]), np.median(values)) for kind, values in lesions.items()}
plots.show(fig, alt="Training error of trained stacks of 30 layers after one layer was removed, for each layer. " + "; ".join(f"{kind}: {whole:.0f} % whole, {median:.0f} % in the median with one layer less" for kind, (whole, median) in medians.items()) + ".")
for kind, (whole, median) in medians.items():
    print(f"{kind:9} whole {whole:5.1f} %, one layer removed: median {median:5.1f} %, worst {lesions[kind].max():.1f} %")

# %% [markdown]
# The residual net shrugs. The plain one is broken, whichever layer goes.
#
# How long are the paths? A path takes each of the $n$ branches or not, so the lengths are those of coin tosses: with the 54 blocks of ResNet-110 most paths go through about 27. Those that carry gradient while training are shorter still: 10 to 34 **layers**, Veit and his colleagues found. In that sense a residual net of 110 layers trains as a crowd of shallow ones. Chapter 13 uses this: stochastic depth removes blocks at random, on purpose, in training.

# %%
predict(
    "ResNet-110 has 54 blocks of two layers. How many paths lead through it? Give the power of 2.",
    answer=54,
    explain="At each of the 54 blocks there are two ways, so 2⁵⁴ paths, about 1.8·10¹⁶. They share their weights.",
    hint="Two choices at every block.",
)

# %% [markdown]
# ## Leave the shortcut alone
#
# In 2016 the same authors asked: can the shortcut be improved? They took ResNet-110 and tried what one can think of. All errors are on CIFAR-10's test images:
#
# | shortcut | block | error |
# |:--|:--|--:|
# | identity | $x + F(x)$ | **6.6 %** |
# | scaled | $0.5\,x + 0.5\,F(x)$ | 12.4 % |
# | exclusive gate, as in a Highway | $(1 - g)\,x + g\,F(x)$ | 8.7 % |
# | shortcut-only gate | $(1 - g)\,x + F(x)$ | 12.9 % |
# | 1×1 convolution | $W x + F(x)$ | 12.2 % |
# | dropout, one half | $\mathrm{dropout}(x) + F(x)$ | over 20 % |
#
# Two lines of this table hide something. Slides write $h(x) = 0.5x$ for the second one, but there the branch is halved, too; with the shortcut alone halved, training failed. And a gate depends on where its bias starts. The 8.7 % needed −6; with 0 to −5 it failed. The 12.9 % is for a start at 0. With −6, a shortcut that is nearly open, the same gate came to 6.9 %.
#
# So the table says one thing, again and again: **whatever stands on the shortcut stands there once in every block.** A factor $\lambda$ in each of them, and the signal that arrives after $n$ blocks has the factor $\lambda^n$:

# %%
blocks = np.arange(55)
fig, ax = plt.subplots(figsize=(7, 3.2))
for factor, colour, line in ((1.0, "blue", "-"), (0.9975, "sky", "--"), (0.9, "orange", "-."), (0.5, "vermillion", ":")):
    ax.plot(blocks, factor**blocks, line, color=plots.PALETTE[colour], label=f"λ = {factor:g}")
ax.set(yscale="log", xlabel="blocks", ylabel="what is left of the signal", ylim=(1e-17, 10))
ax.grid(axis="y")
ax.legend()
plots.show(fig, alt=f"Powers of four factors over 54 blocks, logarithmic: 1 stays 1; 0.9975, an open gate, falls to {0.9975**54:.2f}; 0.9 to {0.9**54:.4f}; 0.5 to {0.5**54:.0e}.")
print(f"after 54 blocks: 0.9975 → {0.9975**54:.2f}, 0.9 → {0.9**54:.4f}, 0.5 → {0.5**54:.0e}")

# %% [markdown]
# 0.9975 is $1 - \sigma(-6)$, the gate that starts nearly open. The 1×1 convolution is a curious case: it *could* be the identity, and has more parameters than the identity. It does worse. Once more the difficulty is not what a net can express, but what training finds.
#
# ## Pre-activation
#
# One thing is still in the way of a clean $x_{l+1} = x_l + F(x_l)$: the ReLU **after** the addition. Behind it, nothing is negative, so a block can only push the signal up, and the next block has to live with it. He and his colleagues moved BatchNorm and ReLU to the beginning of the branch, *before* the convolutions. Nothing follows the addition. Then the sum in the mathematics above is exact: from the first block to the last, only additions.

# %%
generator = torch.Generator().manual_seed(0)
signals = {}
for name in ("ReLU after the addition", "pre-activation"):
    x, means = torch.randn(1000, 64, generator=generator), []
    for _ in range(50):
        w = torch.randn(64, 64, generator=generator) / 8
        if name == "pre-activation":
            x = x + F.relu(F.batch_norm(x, None, None, training=True)) @ w.T
        else:
            x = F.relu(x + F.batch_norm(x @ w.T, None, None, training=True))
        means.append(((x < 0).float().mean().item(), x.mean().item()))
    signals[name] = np.array(means)
fig, axes = plt.subplots(1, 2, figsize=(8.5, 3))
for (name, values), (colour, form) in zip(signals.items(), (("vermillion", "s--"), ("blue", "o-")), strict=True):
    for ax, column, factor in ((axes[0], 0, 100), (axes[1], 1, 1)):
        ax.plot(range(1, 51), factor * values[:, column], form, color=plots.PALETTE[colour], markevery=7, label=name)
axes[0].set(title="negative values on the shortcut, in %", xlabel="block")
axes[1].set(title="mean of the values", xlabel="block")
axes[0].legend(loc="center right", fontsize=9)
plots.show(fig, alt=f"An untrained stack of 50 blocks. With ReLU after the addition no value is negative and the mean grows to {signals['ReLU after the addition'][-1, 1]:.1f}. With pre-activation {100 * signals['pre-activation'][-1, 0]:.0f} % of the values are negative at the end and the mean stays within {abs(signals['pre-activation'][:, 1]).max():.1f} of 0.")

# %% [markdown]
# With pre-activation, a net of **1,001 layers** trained to an error of 4.62 % on CIFAR-10. In a direct comparison, everything else equal, it came from 7.61 % to 4.92 %. At 110 layers the gain is small: from 6.61 % to 6.37 %.
#
# Another trick goes the same way: let the last BatchNorm of each branch start with scale 0. Then $F = 0$, and an untrained net of any depth starts as a very shallow one.
#
# ## Check yourself

# %%
question(
    "Where does the ReLU of the basic block stand, and why?",
    {
        "At the end of the branch, before the addition": "Then the branch could add only what is not negative. A block could never take anything away.",
        "After the addition": "Yes, in the original block. The branch itself ends with BatchNorm and can be positive or negative. Pre-activation then took the ReLU out of the shortcut's way altogether.",
        "There is none": "Then the net would still have the ReLU inside each branch. But the original block has a second one.",
    },
    answer="After the addition",
)

# %%
question(
    "In a plain net of 50 layers <em>with</em> BatchNorm, untrained, what do the gradients do on their way to the image?",
    {
        "They vanish": "Without BatchNorm they do. You have measured both.",
        "They grow, layer by layer": "Yes. BatchNorm keeps the signal at its size on the way forward; on the way back its divisions multiply up.",
        "They keep their length": "That is what the shortcut is for.",
    },
    answer="They grow, layer by layer",
)

# %%
predict(
    "A CIFAR ResNet of depth 6n + 2 with n = 18: how many layers with weights has it?",
    answer=110,
    explain="6·18 + 2 = 110: three stages of 18 blocks of two convolutions, the first convolution, and the linear layer.",
    unit="layers",
)

# %%
question(
    "Which start of a Highway's gate bias makes an untrained net of 100 layers trainable?",
    {
        "Strongly positive": "Then T is nearly 1: all layers are plain ones.",
        "Zero": "Then T is ½, and what is carried is halved in every layer: 0.5¹⁰⁰.",
        "Negative": "Yes. T is small, and each layer mostly carries. It is a residual net's trick with a knob on it.",
    },
    answer="Negative",
)

# %% [markdown]
# ## What this leads to
#
# - **Assignment 07**: you write all of these nets, to the last parameter.
# - **Lab 05**: degradation and the shortcut study with seeds and error bars; and published weights in your own ResNet-20 confirm the published error.
# - **Chapter 13**: what came after: wider, denser, with attention to channels, with layers dropped at random.
# - **Chapter 15** looks into a trained ResNet; **chapter 14** takes one to new tasks.
#
# ## Sources
#
# - K. He, X. Zhang, S. Ren, J. Sun, *Deep Residual Learning for Image Recognition*, arXiv:1512.03385, 2015 (CVPR 2016): degradation, the blocks, the options, both families of nets, 3.57 %.
# - K. He, X. Zhang, S. Ren, J. Sun, *Identity Mappings in Deep Residual Networks*, arXiv:1603.05027, ECCV 2016: the shortcut study, pre-activation, 1,001 layers.
# - R. K. Srivastava, K. Greff, J. Schmidhuber, *Highway Networks*, arXiv:1505.00387, 2015.
# - A. Veit, M. Wilber, S. Belongie, *Residual Networks Behave Like Ensembles of Relatively Shallow Networks*, NIPS 2016.
# - G. Yang, J. Pennington, V. Rao, J. Sohl-Dickstein, S. S. Schoenholz, *A Mean Field Theory of Batch Normalization*, ICLR 2019: gradients grow exponentially with depth.
# - H. Xiao, K. Rasul, R. Vollgraf, *Fashion-MNIST*, 2017.
