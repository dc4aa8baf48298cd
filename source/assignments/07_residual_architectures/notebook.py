# ---
# jupyter:
#   convnets:
#     minutes: 670
#     budget_seconds: 120
#     libraries: pytorch
#     needs: [12_resnet, 13_after_resnet, 02_batchnorm_dropout_augmentation]
#     summary: Highway layers, every ResNet, the shortcut study, and what came after it, block by block in PyTorch
# ---

# %% [markdown]
# # Residual architectures
#
# One small change made nets of 152 layers trainable: a block no longer returns $F(x)$, it returns $x + F(x)$. In this assignment you build that change and nearly everything that grew out of it. You write the blocks, you stack them, and your nets have exactly as many parameters as the published ones.
#
# **You will be able to**
#
# - write a layer with a gate, and say what it costs and what it saves,
# - write residual blocks, with the ReLU, the BatchNorm, the stride and the shortcut in the right places,
# - build ResNet-20 to 110 for small images, and ResNet-18 to 152 for large ones, to the last parameter,
# - take the shortcut apart, as a famous study did, and see why plain addition won,
# - leave whole blocks out while training, and get the mean right,
# - (part two) build ResNeXt, SE-ResNet, DenseNet, SqueezeNet, EfficientNet and AlphaGo's policy network.
#
# **Time:** about 11 hours, half of it for part one. Take it in sittings of two or three exercises: each block is used by the next one. **You need** chapters 12 and 13, and lab 02 for PyTorch.
#
# **How your nets are checked.** Never by names. Call your layers what you like, write classes or functions, use `nn.Sequential` or not. The check fills your parameters with numbers that only their *shapes* decide. Two nets with the same layers then give the same answers. It also counts parameters, looks at training and evaluation, and asks whether a gradient reaches every parameter.
# What is fixed is in the docstrings: the arguments, the layers, and which of them have biases. An exercise that uses an earlier one uses **your** earlier one. So finish them in order.

# %%
import math
from collections import OrderedDict
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.functional import conv2d, relu

from convnets import plots, widgets
from convnets.arithmetic import layer_table
from convnets.check import check
from convnets.data import photo
from convnets.plots import show

# %% tags=["active-ipynb"]
# torch.set_num_threads(1)  # the nets that we run here are tiny: a second thread would mostly wait for the first

# %% [markdown]
# ## Three ways through a block
#
# Read the picture from top to bottom. On the left, a plain block: what comes out is what the layers made, nothing else. In the middle, a residual block: its input travels along a second way, the **shortcut**, and is added at the end. On the right a Highway layer, a few months older: here a gate $T$ decides, number by number, how much comes from either way.

# %% tags=["active-ipynb"]
# plain_steps = ["conv 3×3", "BatchNorm", "ReLU", "conv 3×3", "BatchNorm", "ReLU"]
# residual_steps = [*plain_steps[:-1], "+", "ReLU"]
# highway = {"x": (0, 0, "x"), "H": (0, 1, "linear, ReLU", "blue"), "T": (0, 2, "times T", "orange"), "C": (1.5, 2, "times 1 − T", "orange"), "+": (0, 3, "+")}
# show(
#     plots.block_diagram({"plain": plots.column(plain_steps), "residual": plots.column(residual_steps), "Highway": (highway, ["x > H > T > +", "x > C > +"])}, height=4.6),
#     alt="Three blocks from top to bottom. Plain: convolution, BatchNorm, ReLU, convolution, BatchNorm, ReLU. Residual: the same, but the input is added before the last ReLU. Highway: linear layer, ReLU, times T; the input, times one minus T, is added.",
# )

# %% tags=["active-ipynb"]
# widgets.question(
#     "Suppose a block should do nothing: its output should be its input. Its inputs are not negative. Which one learns that most easily?",
#     {
#         "the plain block": "Its two convolutions, with a BatchNorm after each and a ReLU between them, would have to copy every number. Such weights exist, but training must find them.",
#         "the residual block": "Yes. F = 0 is enough: one scale of 0 in its last BatchNorm. Doing nothing is where it starts from, and what it learns is a change.",
#         "both alike": "Both can do it. But one of them needs a vector of zeros, the other one two exact convolutions.",
#     },
#     answer="the residual block",
# )

# %% [markdown]
# ## Highway
#
# **Why.** A deep stack of layers loses its input: after thirty layers little is left of it, and no gradient finds its way back. The Highway layer lets each number decide how much of it is to be *transformed* and how much is *carried*:
#
# $$y = T(x)\cdot H(x) + (1 - T(x))\cdot x$$
#
# $H$ is an ordinary layer, here linear with ReLU. $T$ is the **gate**: a second linear layer, squeezed between 0 and 1 by a sigmoid. Both look at $x$.
#
# **Example.** One number: $x = 2$, and $H$ makes 5 of it. If the gate is a quarter open, $T = 0.25$, the layer returns $0.25\cdot 5 + 0.75\cdot 2 = 2.75$.
#
# **The bias decides how it starts.** With a gate bias of −2, $T$ begins near $\mathrm{sigmoid}(-2) = 0.12$: the fresh layer carries almost everything. That is why deep Highway nets could be trained at all.
#
# **The price.** The layer has twice the parameters of a plain one.
#
# <details><summary>Hint 1: where does gate_bias go?</summary>
#
# Into the *bias of the gate's linear layer*, once, in `__init__`. `nn.init.constant_(layer.bias, value)` fills a vector. From then on it is an ordinary parameter that training may change.
#
# </details>
#
# <details><summary>Hint 2: forward</summary>
#
# Compute the gate once and use it twice: `gate = torch.sigmoid(…)`.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "Highway", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .highway import Highway

# %% [markdown]
# **See it.** We stack up to 50 of *your* fresh layers and ask how much of the input is still there: the correlation between what goes in and what comes out. Guess first: which of the four curves will stay highest?

# %% tags=["active-ipynb"]
# try:
#     torch.manual_seed(0)
#     x = torch.randn(200, 64)
#     fig, ax = plt.subplots(figsize=(8, 3.6))
#     for number, gate_bias in enumerate((-4.0, -2.0, 0.0, 2.0)):
#         y, left = x, [1.0]
#         with torch.no_grad():
#             for _ in range(50):
#                 y = Highway(64, gate_bias)(y)
#                 left.append(torch.corrcoef(torch.stack([x.flatten(), y.flatten()]))[0, 1].item())
#         ax.plot(left, marker=plots.MARKERS[number], markevery=10, label=f"gate bias {gate_bias:g}")
#     ax.set_xlabel("Highway layers")
#     ax.set_ylabel("correlation with the input")
#     ax.legend()
#     show(fig, alt="Correlation of the output with the input over 50 Highway layers. With a gate bias of minus 4 it stays near 1. With minus 2 it begins to fall after about 25 layers. With 0 and 2 it is near zero after 10 layers.")
# except NotImplementedError as reason:
#     plt.close("all")
#     print(reason)

# %% [markdown]
# ## make_shortcut
#
# **Why.** $x + F(x)$ needs two tensors of the same shape. Most blocks keep the shape, and the shortcut is $x$ itself. But a few blocks halve height and width and double the channels. What carries $x$ there? He and others tried two answers:
#
# - **Option A**, nothing learned: take every second row and column, and fill the new channels with zeros.
# - **Option B**, a **projection**: a 1×1 convolution with that stride, and a BatchNorm behind it.
#
# **Where do the zeros go?** The paper does not say. We do as the code whose trained weights your net can load in lab 05: half of the new maps come first, half last. An odd one comes last. From 2 to 5 channels, three maps are missing: one before, two behind.
#
# **Example.** Option A, stride 2, from 2 to 4 channels. The first channel below becomes the second one of the result:
#
# ```
#   1  2  3  4                 0 0      1 3      17 19     0 0
#   5  6  7  8    and  17 …    0 0      9 11     25 27     0 0
#   9 10 11 12
#  13 14 15 16
# ```
#
# Option B for the same shapes has $2\cdot 4 = 8$ weights and $2\cdot 4 = 8$ numbers in its BatchNorm. Where neither channels nor size change, both options are the identity, without any parameter.
#
# The class `PaddedShortcut` is there to help you with option A. You may fill it in, or write option A in another way.
#
# <details><summary>Hint 1: rows and columns</summary>
#
# `x[:, :, ::2, ::2]` takes rows and columns 0, 2, 4, … With 5 rows these are 3: ⌈5/2⌉, the same as a 1×1 convolution with stride 2 gives.
#
# </details>
#
# <details><summary>Hint 2: zeros around the channels</summary>
#
# `F.pad` counts axes from the last one: `F.pad(x, (0, 0, 0, 0, before, after))` adds nothing to width and height, and maps before and after.
#
# </details>
#
# <details><summary>Hint 3: a module that does nothing</summary>
#
# `nn.Identity()`. Ask for **both**, stride and channels: a block may change only one of them.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "make_shortcut", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .shortcut import make_shortcut

# %% [markdown]
# **See it.** Your option A on the two channels of the example. How many of the 32 numbers get lost? What does that mean for a feature that is one pixel wide?

# %% tags=["active-ipynb"]
# try:
#     x = torch.arange(1.0, 33).reshape(1, 2, 4, 4)
#     y = make_shortcut(2, 4, stride=2, option="A")(x)
#     items = [channel.int().numpy() for channel in (*x[0], *y[0])]
#     titles = ["x, channel 0", "channel 1", "carried, 0", "1", "2", "3"]
#     show(plots.matrices(items, operators=["", "→", "", "", ""], titles=titles), alt="Two channels of 4×4 numbers, 1 to 32, become four channels of 2×2: zeros; 1, 3, 9, 11; 17, 19, 25, 27; zeros.")
#     print(f"option B has {sum(p.numel() for p in make_shortcut(2, 4, stride=2).parameters())} parameters here")
# except NotImplementedError as reason:
#     print(reason)

# %% [markdown]
# ## BasicBlock
#
# **Why.** This is the block of ResNet-18 and 34 and of all CIFAR ResNets: two 3×3 convolutions, each with a BatchNorm, and the sum.
#
# $$y = \mathrm{ReLU}\big(F(x) + \mathrm{shortcut}(x)\big)$$
#
# **The order matters.** $F$ is convolution, BatchNorm, ReLU, convolution, BatchNorm. It ends *without* a ReLU: so it can also subtract. Then comes the sum, and only then the last ReLU. If the ReLU came before the sum, the numbers on the shortcut could only grow from block to block.
#
# **Three switches.**
#
# - `option` goes to `make_shortcut`.
# - `residual=False` gives the plain block, to compare with: no shortcut, no addition, and no parameters for either. Otherwise it is the same.
# - `zero_init=True` lets the **scale of the last BatchNorm** start at 0. Then $F(x) = 0$ at first. A fresh block with an identity shortcut returns any $x \ge 0$ as it came, however many of them you stack. The block is not dead: that scale gets a gradient in the first step, and everything before it follows from the second step on.
#
# **Example.** `BasicBlock(16, 32, stride=2)`: the convolutions have $16\cdot 32\cdot 9 = 4{,}608$ and $32\cdot 32\cdot 9 = 9{,}216$ weights, the BatchNorms $2\cdot 64 = 128$ numbers, the projection 512 and 64 more: 14,528 in all. With option "A" it has 13,952. An input 16×9×7 becomes 32×5×4.
#
# <details><summary>Hint 1: which convolution has the stride?</summary>
#
# The first one. The second one works at the smaller size, which is cheaper.
#
# </details>
#
# <details><summary>Hint 2: the scale of a BatchNorm</summary>
#
# It is called `weight`. `nn.init.zeros_(norm.weight)` fills it with zeros. The shift, `bias`, starts at 0 anyway.
#
# </details>
#
# <details><summary>Hint 3: forward</summary>
#
# Keep `x`. Compute F in one go, then `torch.relu(f + self.shortcut(x))`; without residual, `torch.relu(f)`.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "BasicBlock", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .basic_block import BasicBlock

# %% [markdown]
# **See it: the way back.** We stack 30 of your blocks, send one batch through, and look at the gradient that arrives at each of them. Predict the two curves before you run the cell.

# %% tags=["active-ipynb"]
# try:
#     fig, ax = plt.subplots(figsize=(8, 3.6))
#     for residual, marker, line in ((True, "o", "-"), (False, "s", "--")):
#         torch.manual_seed(0)
#         blocks = [BasicBlock(8, 8, residual=residual).eval().double() for _ in range(30)]
#         x = torch.randn(16, 8, 12, 12, dtype=torch.float64)
#         states = [x.requires_grad_()]
#         for block in blocks:
#             states.append(block(states[-1]))
#             states[-1].retain_grad()
#         (states[-1] * torch.randn_like(states[-1])).sum().backward()
#         sizes = [state.grad.norm().item() for state in states]
#         ax.semilogy(sizes, line, marker=marker, markevery=5, label="with shortcut" if residual else "plain")
#     ax.set_xlabel("after block (0: the input)")
#     ax.set_ylabel("size of the gradient")
#     ax.legend()
#     show(fig, alt="Size of the gradient along 30 blocks, on a logarithmic axis. With shortcuts it stays nearly level from the last block to the input. In the plain stack it falls by many powers of ten.")
# except NotImplementedError as reason:
#     plt.close("all")
#     print(reason)

# %% [markdown]
# These blocks are in evaluation mode with fresh weights, so no BatchNorm rescales anything: you see the bare stack. In training mode, BatchNorm keeps the plain signal from dying out. And still the plain net of 56 layers trains worse than the one of 20: lab 05 shows it. So vanishing is not the whole story, and the authors of the paper say so themselves.

# %% [markdown]
# ## Bottleneck
#
# **Why.** Nets of 50 and more layers would be too dear with two wide 3×3 convolutions a block. So the block first **narrows**: a 1×1 convolution reduces the channels, the 3×3 works on few of them, a second 1×1 brings them back. GoogLeNet had the same idea.

# %% tags=["active-ipynb"]
# show(
#     plots.block_diagram(
#         {
#             "BasicBlock(256, 256)": plots.column(["3×3, 256 → 256", "BN, ReLU", "3×3, 256 → 256", "BN", "+", "ReLU"]),
#             "Bottleneck(256, 64)": plots.column(["1×1, 256 → 64", "BN, ReLU", "3×3, 64 → 64", "BN, ReLU", "1×1, 64 → 256", "BN", "+", "ReLU"]),
#         },
#         height=5,
#     ),
#     alt="Left: a block with two 3×3 convolutions of 256 channels. Right: a 1×1 convolution from 256 to 64 channels, a 3×3 convolution of 64 channels, a 1×1 convolution back to 256. In both the input is added before the last ReLU.",
# )

# %% [markdown]
# Both blocks take 256 channels and return 256. The left one has 1,180,672 parameters, the right one 70,400. (Some lecture notes call the convolutions with stride 2 "bottlenecks". They are not: the word means the few channels in the middle.)
#
# **The argument `channels`** is the narrow number here. The block returns four times as many.
#
# **The stride stands in the 3×3.** The paper had it in the first 1×1. A 1×1 convolution with stride 2 never looks at three quarters of its input. torchvision moved it, and so do we.
#
# **`groups` and `base_width`** are for ResNeXt, in part two: the 3×3 convolution has $\texttt{channels}\cdot\texttt{base\_width}/64\cdot\texttt{groups}$ channels in and out, in `groups` groups. With the defaults that is `channels`. With `channels=64, groups=32, base_width=4` it is $64\cdot 4/64\cdot 32 = 128$: 32 groups of 4.
#
# **Example.** `Bottleneck(64, 64)`, the first one of ResNet-50, changes the channels from 64 to 256. So it needs a projection, though its stride is 1. It has 75,008 parameters, more than those after it.
#
# <details><summary>Hint 1: an integer width</summary>
#
# `channels * base_width // 64 * groups`, from left to right.
#
# </details>
#
# <details><summary>Hint 2: the shortcut</summary>
#
# `make_shortcut(in_channels, 4 * channels, stride)`: from what comes in to what comes out.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "Bottleneck", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .bottleneck import Bottleneck

# %% tags=["active-ipynb"]
# try:
#     for name, block in (("BasicBlock(256, 256)", BasicBlock(256, 256)), ("Bottleneck(256, 64)", Bottleneck(256, 64))):
#         total = layer_table(block, (256, 56, 56)).total
#         print(f"{name:21} {total.parameters:>9,} parameters, {total.multiply_adds / 1e6:>7,.0f} million multiply-adds on 56×56")
#     block = Bottleneck(256, 128, stride=2)
# except NotImplementedError as reason:
#     print(reason)
# else:
#     display(widgets.architecture_table(block, (256, 56, 56)))

# %% [markdown]
# ## cifar_resnet
#
# **Why.** These are the nets with which the paper showed the effect: small enough to train many of them. Each has 6n + 2 layers.
#
# | part | output for 3×32×32 | layers |
# |:--|:--|--:|
# | convolution 3×3, 16 filters, BatchNorm, ReLU | 16×32×32 | 1 |
# | stage 1: n blocks with 16 channels | 16×32×32 | 2n |
# | stage 2: n blocks with 32 channels, the first with stride 2 | 32×16×16 | 2n |
# | stage 3: n blocks with 64 channels, the first with stride 2 | 64×8×8 | 2n |
# | global average pooling | 64 | |
# | linear | 10 | 1 |
#
# Only layers with weights on the main path are counted, as is usual. There is no pooling at the beginning: 32×32 is small already.
#
# **Shortcuts.** Option A is the default, so ResNet and plain net have exactly the same parameters. That made the paper's comparison fair.
#
# | depth | n | parameters |
# |--:|--:|--:|
# | 20 | 3 | 269,722 |
# | 32 | 5 | 464,154 |
# | 44 | 7 | 658,586 |
# | 56 | 9 | 853,018 |
# | 110 | 18 | 1,727,962 |
#
# Take two rows and check: each further block of each stage adds the same number. How many parameters does n → n + 1 cost?
#
# **First weights.** Every convolution is drawn as He and others do, with `nn.init.kaiming_normal_`. PyTorch's default is about 2.4 times smaller. As a BatchNorm follows, the outputs in training would be nearly the same. But the steps of training would be larger in comparison to the weights.
#
# **`block`** is for experiments: a function that makes *another* kind of block. With it, `cifar_resnet(20, block=PreActivationBlock)` or a net for the shortcut study is one line.
#
# <details><summary>Hint 1: how many blocks?</summary>
#
# `n = (depth - 2) // 6`. And if `(depth - 2) % 6` is not 0, or n is 0, there is no such net: ValueError.
#
# </details>
#
# <details><summary>Hint 2: one maker for all cases</summary>
#
# `make = block or partial(BasicBlock, option=shortcut, residual=residual)` can be called as `make(in_channels, channels, stride)` in both cases.
#
# </details>
#
# <details><summary>Hint 3: a stage</summary>
#
# The first block goes from the channels before to the channels of the stage, with the stage's stride. The others keep both. `nn.Sequential(*blocks)` joins them; an `OrderedDict` gives the parts names that you can read in tables.
#
# </details>
#
# <details><summary>Hint 4: all convolutions of a net</summary>
#
# `for module in net.modules(): if isinstance(module, nn.Conv2d): …`
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "cifar_resnet", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .cifar_resnet import cifar_resnet

# %% tags=["active-ipynb"]
# try:
#     for depth in (20, 32, 44, 56, 110):
#         with torch.device("meta"):
#             net = cifar_resnet(depth)
#         print(f"ResNet-{depth:<3}  {sum(p.numel() for p in net.parameters()):>9,} parameters")
# except NotImplementedError as reason:
#     print(reason)
# else:
#     display(widgets.architecture_table(cifar_resnet(20), (3, 32, 32)))

# %% [markdown]
# **See it learn, or not.** Sixteen pictures of noise with random labels: nothing can be understood here, only learned by heart. Both nets have 44 layers, the same parameters, the same first weights and the same steps. This is a toy (4 channels, 12×12 pixels, one seed). Lab 05 does it properly.

# %% tags=["active-ipynb"]
# try:
#     fig, ax = plt.subplots(figsize=(8, 3.6))
#     for residual, marker, line in ((True, "o", "-"), (False, "s", "--")):
#         torch.manual_seed(0)
#         net = cifar_resnet(44, width=4, residual=residual)
#         generator = torch.Generator().manual_seed(1)
#         images, labels = torch.randn(16, 3, 12, 12, generator=generator), torch.randint(10, (16,), generator=generator)
#         optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
#         losses = []
#         for _ in range(20):
#             loss = F.cross_entropy(net(images), labels)
#             optimizer.zero_grad()
#             loss.backward()
#             optimizer.step()
#             losses.append(loss.item())
#         ax.plot(losses, line, marker=marker, markevery=5, label="ResNet-44" if residual else "plain, 44 layers")
#     ax.axhline(math.log(10), color="#767676", linewidth=1)
#     ax.text(19, math.log(10), "guessing", ha="right", va="bottom", color="#555555")
#     ax.set_xlabel("step")
#     ax.set_ylabel("training loss")
#     ax.legend(loc="lower left")
#     show(fig, alt="Training loss over 20 steps for two nets of 44 layers. That of the residual net falls to nearly zero; that of the plain net falls slowly and stays far above it.")
# except NotImplementedError as reason:
#     plt.close("all")
#     print(reason)

# %% [markdown]
# ## resnet
#
# **Why.** These won the ImageNet competition of 2015: 152 layers, and an ensemble with 3.57 % top-5 error. ResNet-50 is still the net that others are compared with.
#
# | part | ResNet-18, 34 | ResNet-50, 101, 152 |
# |:--|:--|:--|
# | convolution 7×7, stride 2, padding 3, BatchNorm, ReLU | 64×112×112 | 64×112×112 |
# | max pooling 3×3, stride 2, padding 1 | 64×56×56 | 64×56×56 |
# | stage 1, `channels` 64 | 64×56×56 | 256×56×56 |
# | stage 2, `channels` 128, first block with stride 2 | 128×28×28 | 512×28×28 |
# | stage 3, `channels` 256, first block with stride 2 | 256×14×14 | 1024×14×14 |
# | stage 4, `channels` 512, first block with stride 2 | 512×7×7 | 2048×7×7 |
# | global average pooling, linear | 1000 | 1000 |
#
# `BLOCKS[depth]` says how many blocks each stage has; it is given below. Count: ResNet-50 has 3 + 4 + 6 + 3 = 16 bottlenecks of three layers each, and the first convolution and the linear layer: 50.
#
# | depth | 18 | 34 | 50 | 101 | 152 |
# |:--|--:|--:|--:|--:|--:|
# | parameters | 11,689,512 | 21,797,672 | 25,557,032 | 44,549,160 | 60,192,808 |
#
# ResNet-50 has 17 % more parameters than ResNet-34, and blocks that return up to 2,048 channels. ResNet-34 never has more than 512.
#
# `width` replaces the 64 everywhere. So the check can compare whole nets with tiny ones. `zero_init` goes to every block.
#
# <details><summary>Hint 1: two kinds of blocks</summary>
#
# Below 50, `BasicBlock(before, channels, stride, zero_init=zero_init)` returns `channels`. From 50 on, `Bottleneck(before, channels, stride, groups, base_width, zero_init)` returns 4·`channels`. Keep a variable for what the last block returned.
#
# </details>
#
# <details><summary>Hint 2: images of any size</summary>
#
# `nn.AdaptiveAvgPool2d(1)` averages the whole map, however large it is.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "resnet", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .resnet import BLOCKS, resnet

# %% tags=["active-ipynb"]
# try:
#     with torch.device("meta"):
#         nets = {f"ResNet-{depth}": resnet(depth) for depth in BLOCKS}
#     for name, net in nets.items():
#         print(f"{name:10}  {sum(p.numel() for p in net.parameters()):>10,} parameters")
# except NotImplementedError as reason:
#     print(reason)
# else:
#     display(widgets.architecture_explorer({name: nets[name] for name in ("ResNet-34", "ResNet-50")}, (3, 224, 224)))

# %% tags=["active-ipynb"]
# widgets.question(
#     "ResNet-152 has more than nine times as many layers as VGG-16. Yet it has fewer than half of VGG-16's 138 million parameters. Why?",
#     {
#         "because of the shortcuts": "Shortcuts without a projection cost nothing, but they save nothing either.",
#         "because of average pooling before the one linear layer, and narrow 3×3 convolutions": "Yes. VGG's first linear layer alone has 102,760,448 weights, as it reads a whole 512×7×7 map. ResNet averages that map first. And the bottleneck keeps its 3×3 convolutions narrow.",
#         "because its convolutions share weights between layers": "Every layer has weights of its own.",
#     },
#     answer="because of average pooling before the one linear layer, and narrow 3×3 convolutions",
# )

# %% [markdown]
# ## StudyBlock
#
# **Why.** Is plain addition really the best shortcut? In 2016 the same authors trained ResNet-110 on CIFAR-10 with other ones. Everything that was *done* to the carried numbers made things worse:
#
# | variant | what is added, before the last ReLU | test error |
# |:--|:--|--:|
# | `"identity"` | $s + F(x)$ | 6.6 % |
# | `"scaled"` | $0.5\,s + 0.5\,F(x)$ | 12.4 % |
# | `"exclusive gate"` | $(1 - g)\,s + g\,F(x)$, gate bias −6 | 8.7 % |
# | `"shortcut gate"` | $(1 - g)\,s + F(x)$, gate bias 0 | 12.9 % |
# | `"convolution"` | 1×1 convolution of $s$, plus $F(x)$ | 12.2 % |
# | `"dropout"` | $s$ with dropout 0.5, plus $F(x)$ | over 20 % |
#
# $F$ is that of the `BasicBlock`. $s$ is what the shortcut of option A carries: $x$ itself, where the shape stays. $g$ is a gate as in a Highway layer, only made of a 1×1 convolution: $g = \mathrm{sigmoid}(\text{convolution}(s))$.
#
# **Read the gates with care.** "Exclusive" means: what one way gets, the other one loses. That is the Highway layer. The "shortcut gate" takes from the shortcut only and leaves $F$ alone. With a bias of −6 the gate starts at $\mathrm{sigmoid}(-6) = 0.0025$: the shortcut is as good as the identity, and the paper measured 6.9 % for it. With a bias of 0 it starts at one half, and multiplies what it carries by about 0.5 in every block.
#
# **Example.** One number, $s = 2$, $F = 3$, $g = 0.25$. Exclusive: $0.75\cdot 2 + 0.25\cdot 3 = 2.25$. Shortcut gate: $0.75\cdot 2 + 3 = 4.5$. Scaled: 2.5. Identity: 5.
#
# <details><summary>Hint 1: which layers?</summary>
#
# All variants need F and `make_shortcut(in_channels, channels, stride, "A")`. The gates need one `nn.Conv2d(channels, channels, 1)`, with its bias filled. "convolution" needs `nn.Conv2d(channels, channels, 1, bias=False)` and a BatchNorm. Nothing else, and no other variant makes them.
#
# </details>
#
# <details><summary>Hint 2: dropout</summary>
#
# `F.dropout(s, 0.5, self.training)`: the third argument says whether it is active. Or make an `nn.Dropout(0.5)`, which knows.
#
# </details>
#
# <details><summary>Hint 3: forward</summary>
#
# Compute `s` and `f` first, change one or both according to the variant, and end with the same `torch.relu(s + f)` for all.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "StudyBlock", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .shortcut_study import VARIANTS, StudyBlock

# %% [markdown]
# **See it.** Fifty-four blocks are on the way in ResNet-110. We make the branches silent (all parameters of the BatchNorms in $F$ are 0), so you see the shortcut alone. What is left of a 1 that goes in? Predict for "scaled": $0.5^{54}$ is about $6\cdot 10^{-17}$. And for the gates?

# %% tags=["active-ipynb"]
# try:
#     left = {}
#     for variant, gate_bias in (("identity", None), ("exclusive gate", -6.0), ("shortcut gate", 0.0), ("scaled", None), ("dropout", None)):
#         torch.manual_seed(0)
#         y = torch.ones(4, 16, 4, 4)
#         sizes = [1.0]
#         for _ in range(54):
#             block = StudyBlock(16, 16, variant=variant, **({} if gate_bias is None else {"gate_bias": gate_bias})).train()
#             with torch.no_grad():
#                 for norm in [m for m in block.modules() if isinstance(m, nn.BatchNorm2d)]:
#                     norm.weight.zero_()
#                 y = block(y)
#             sizes.append(max(y.median().item(), 1e-18))
#         left[variant if gate_bias is None else f"{variant}, bias {gate_bias:g}"] = sizes
#     fig, ax = plt.subplots(figsize=(8, 3.8))
#     for number, (name, sizes) in enumerate(left.items()):
#         ax.semilogy(sizes, marker=plots.MARKERS[number], markevery=(number, 9), label=name)
#     ax.set_ylim(1e-18, 10)
#     ax.set_xlabel("blocks")
#     ax.set_ylabel("what is left of a 1 (median)")
#     ax.legend(fontsize=9)
#     show(fig, alt="What a silent stack of blocks leaves of a 1, on a logarithmic axis. Identity keeps it. The exclusive gate with bias minus 6 loses a little. The shortcut gate with bias 0 and the scaled shortcut halve it in every block, down to 10 to the minus 16. Dropout switches most values off for good after a few blocks.")
# except NotImplementedError as reason:
#     plt.close("all")
#     print(reason)

# %% [markdown]
# The same factors stand between the loss and the early blocks, on the gradient's way back. That is the study's point: **whatever multiplies the shortcut, multiplies it once for every block.** A 1×1 convolution and a gate can *represent* more than the identity, and still do worse. The problem is not what the net could say, but whether training gets it there.

# %% [markdown]
# ## PreActivationBlock
#
# **Why.** One thing still touches the carried numbers in a `BasicBlock`: the ReLU after the sum. The same paper moved it. BatchNorm and ReLU now stand **before** each convolution, and nothing comes after the addition. So from the first block to the last there is a way on which nothing happens to $x$ at all.

# %% tags=["active-ipynb"]
# before = ["BatchNorm", "ReLU", "conv 3×3", "BatchNorm", "ReLU", "conv 3×3", "+"]
# show(
#     plots.block_diagram({"BasicBlock": plots.column(residual_steps), "PreActivationBlock": plots.column(before)}, height=4.8),
#     alt="Left, the basic block: convolution, BatchNorm, ReLU, convolution, BatchNorm, plus the input, then ReLU. Right, the pre-activation block: BatchNorm, ReLU, convolution, BatchNorm, ReLU, convolution, plus the input, and nothing after that.",
# )

# %% [markdown]
# **Where the shape changes**, the shortcut is a 1×1 convolution with the block's stride. It starts from $a = \mathrm{ReLU}(\mathrm{BatchNorm}(x))$, which the first convolution gets as well, and it has no BatchNorm of its own. Everywhere else the shortcut starts from $x$ itself.
#
# **Example.** `PreActivationBlock(16, 16)` has $2\cdot 2{,}304$ weights and $32 + 32$ numbers in its BatchNorms: 4,672, as many as `BasicBlock(16, 16)`. It is the same material in another order. If all its parameters are 0, it returns $x$, negative numbers included.
#
# A whole net of such blocks needs one more BatchNorm and ReLU after its last block, as nothing there has been normalised.
#
# <details><summary>Hint 1: two BatchNorms of different size</summary>
#
# The first one sees the input: `nn.BatchNorm2d(in_channels)`. The second one sees what the first convolution made: `nn.BatchNorm2d(channels)`.
#
# </details>
#
# <details><summary>Hint 2: forward</summary>
#
# `a = …` first. Then decide what is carried: x, or the projection of a. The last line is one addition.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "PreActivationBlock", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .preactivation import PreActivationBlock

# %% tags=["active-ipynb"]
# try:
#     torch.manual_seed(0)
#     x = torch.randn(8, 16, 6, 6)
#     with torch.no_grad():
#         for kind in (BasicBlock, PreActivationBlock):
#             y = x
#             for _ in range(100):
#                 block = kind(16, 16).eval()
#                 for parameter in block.parameters():
#                     parameter.zero_()
#                 y = block(y)
#             print(f"100 silent blocks of kind {kind.__name__:18}: {(y == x).float().mean():.0%} of the numbers come through")
# except NotImplementedError as reason:
#     print(reason)

# %% [markdown]
# ## StochasticDepth
#
# **Why.** If each block only adds something to $x$, the net should survive the loss of one. *Stochastic depth* makes use of that: in training, blocks are left out at random. The gradients' ways get shorter, and no block can rely on the one before it. It works like dropout, for whole blocks.
#
# Your layer stands at the end of $F$: the block returns $x + \texttt{layer}(F(x))$.
#
# **Two versions that mean the same.** The paper (and chapter 07) draws once for a whole mini-batch, keeps $F$ as it is in training, and multiplies it by the survival probability $p$ in evaluation. Today's libraries do it the other way round, and so do we:
#
# - in training, **each image** draws for itself. With probability $p$ its $F$ is kept and **divided by p**; otherwise it is 0 throughout;
# - in evaluation nothing happens.
#
# The mean is the same in training and in evaluation: $p\cdot F/p + (1 - p)\cdot 0 = F$. And a trained net needs no correction when it is used.
#
# **Example.** $p = 0.8$, three images. The draws say: keep, keep, drop. Then the layer returns $1.25\,F_1$, $1.25\,F_2$ and zeros.
#
# <details><summary>Hint 1: one draw for each image</summary>
#
# `torch.rand(len(x), 1, 1, 1)` broadcasts over a tensor (N, C, H, W). Your layer should take tensors with any number of axes: `[1] * (x.ndim - 1)`.
#
# </details>
#
# <details><summary>Hint 2: kept with probability p</summary>
#
# `torch.rand(…) < p` is true with probability p.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "StochasticDepth", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .stochastic_depth import StochasticDepth

# %% [markdown]
# ## survival_probabilities
#
# **Why.** All later blocks build on the features of the early ones. So early blocks should nearly always be there. The paper lets the probability fall in a straight line: the input counts as block 0 and survives for certain, block $L$ survives with probability $p_L$.
#
# $$p_l = 1 - \frac{l}{L}\,(1 - p_L), \qquad l = 1, 2, \dots, L$$
#
# **Example.** Four blocks, `last=0.5`: 0.875, 0.75, 0.625, 0.5.


# %% nbgrader={"grade": false, "grade_id": "survival_probabilities", "locked": false, "schema_version": 3, "solution": true, "task": false}
def survival_probabilities(blocks, last=0.5):
    """Linear decay: the survival probability of each block of a net, the first one nearest to 1.

    blocks: int, number of blocks L, at least 1. last: float, the probability p of the last block

    Returns a list of L floats: 1 − l/L · (1 − p) for l = 1, 2, …, L.
    """
    ### BEGIN SOLUTION
    return [1 - number / blocks * (1 - last) for number in range(1, blocks + 1)]
    ### END SOLUTION


# %% [markdown]
# **See it.** Your two functions on a net of 54 blocks, for 40 images. A dark cell means: this block worked for this image.

# %% tags=["active-ipynb"]
# try:
#     torch.manual_seed(0)
#     chances = survival_probabilities(54)
#     kept = torch.stack([StochasticDepth(p).train()(torch.ones(40, 1))[:, 0] > 0 for p in chances])
# except NotImplementedError as reason:
#     print(reason)
# else:
#     fig, (left, right) = plt.subplots(1, 2, figsize=(8, 4), width_ratios=(3, 2))
#     left.imshow(kept, cmap="Blues", vmin=0, vmax=1.3, aspect="auto")
#     left.set_xlabel("image")
#     left.set_ylabel("block")
#     right.plot(chances, np.arange(54), label="survival probability")
#     right.plot(kept.float().mean(1), np.arange(54), "o", markersize=4, label="share of the 40 images")
#     right.set_xlim(0, 1.05)
#     right.set_ylim(54, -9)
#     right.set_xlabel("kept")
#     right.legend(fontsize=9, loc="upper left")
#     show(fig, alt="Left: a table of 54 blocks and 40 images; nearly all cells of the first blocks are dark, about half of those of the last ones. Right: the survival probability falls in a straight line from nearly 1 to 0.5, and the shares of the images scatter around it.")
#     print(f"on average {sum(chances):.2f} of 54 blocks work: {1 - sum(chances) / 54:.0%} of the blocks' work could be saved")

# %% tags=["active-ipynb"]
# widgets.question(
#     "You draw image by image, as here. Does stochastic depth make training faster?",
#     {
#         "Yes, a quarter of the work falls away": "That is so where the whole batch skips a block, as in the paper. Here some image needs each block nearly every time.",
#         "No: the block is computed for all images, and zeros are multiplied": "Yes. The price of drawing for each image is that F is computed and thrown away. What you gain is a finer mixture: every image of a batch meets another net.",
#         "It makes training slower, as random numbers are expensive": "One random number for each image and block is nothing compared with a convolution.",
#     },
#     answer="No: the block is computed for all images, and zeros are multiplied",
# )

# %% [markdown]
# ## Part two: what came after
#
# You have the residual block. From 2016 on people asked what else to do with it: split it into paths, weigh its channels, keep everything instead of adding, or make it so
# small that it runs on a telephone. You will build one net for each of these ideas. Chapter 13 has the pictures and the stories; here is what to write.
#
# **You will be able to**
#
# - write grouped and depthwise convolutions, and say what they save;
# - put a gate on channels, and put it where it belongs;
# - keep count of channels that pile up;
# - change a finished net without writing it anew;
# - scale a net by one number, and end on whole channels and whole layers;
# - build a net whose answer is a move on a board.
#
# Every net of this part exists in print or in torchvision, with a known number of parameters. That number is your first check: it is in the name of the first property.

# %% [markdown]
# ## aggregated_paths
#
# **Why.** ResNeXt says that its block is 32 small paths, side by side, whose results are *added*. Nobody writes it that way: everybody writes one grouped convolution.
# Write the first form, as it is drawn, and then see with your own code that the others are the same function.
#
# One path is: 1×1 convolution, ReLU, 3×3 convolution with padding 1, ReLU, 1×1 convolution. There are no biases. The filters of all paths come in three tensors, one path
# after the other:
#
# | tensor | shape | path number k has |
# |:--|:--|:--|
# | `reduce` | D × C × 1 × 1 | the filters k·d … k·d + d − 1, where d = D/cardinality |
# | `transform` | D × d × 3 × 3 | the same rows: each filter reads only the d channels of its own path |
# | `expand` | C_out × D × 1 × 1 | the same *columns*: what its d channels give to each of the C_out outputs |
#
# **Example.** With D = 6 and cardinality 3, each path is d = 2 channels wide. Path 1 takes `reduce[2:4]`, `transform[2:4]` and `expand[:, 2:4]`.
#
# <details><summary>Hint 1: cutting</summary>
#
# `reduce.chunk(cardinality)` cuts a tensor into that many pieces along axis 0, and `expand.chunk(cardinality, dim=1)` along axis 1. `zip` walks through several lists of pieces at once.
#
# </details>
#
# <details><summary>Hint 2: one path</summary>
#
# `conv2d(x, weight, padding=1)` and `relu` are imported. Three convolutions, and a ReLU after the first two. Start with `total = 0` and add what each path gives.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "aggregated_paths", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .aggregated_paths import aggregated_paths

# %% [markdown]
# Three forms of one block, at the size of ResNeXt-50's first stage. Form 1 is your loop. Form 2 puts the narrow maps of all paths into one stack and mixes them with one
# 1×1 convolution. Form 3 is one grouped convolution.

# %% tags=["active-ipynb"]
# draw = torch.Generator().manual_seed(0)
# paths, narrow = 32, 4
# maps = torch.randn(1, 256, 14, 14, generator=draw)
# inner = paths * narrow
# reduce = torch.randn(inner, 256, 1, 1, generator=draw) / 16
# transform = torch.randn(inner, narrow, 3, 3, generator=draw) / 6
# expand = torch.randn(256, inner, 1, 1, generator=draw) / 11
#
# first = aggregated_paths(maps, reduce, transform, expand, paths)
# stack = [relu(conv2d(relu(conv2d(maps, a)), b, padding=1)) for a, b in zip(reduce.chunk(paths), transform.chunk(paths), strict=True)]
# second = conv2d(torch.cat(stack, dim=1), expand)
# third = conv2d(relu(conv2d(relu(conv2d(maps, reduce)), transform, padding=1, groups=paths)), expand)
#
# print(f"typical size of a value {first.abs().mean():.2f}")
# print(f"largest difference: form 1 and 2 {(first - second).abs().max():.0e}, form 2 and 3 {(second - third).abs().max():.0e}")
# print(f"weights of these 32 paths: {reduce.numel() + transform.numel() + expand.numel():,}; of ResNet's block 256 → 64 → 64 → 256: {2 * 256 * 64 + 9 * 64 * 64:,}")

# %% [markdown]
# The differences are rounding errors: the sums are the same, added in another order. The weights are nearly as many as ResNet's, but the 3×3 convolution is twice as wide,
# 128 channels in place of 64. Cardinality buys width.

# %% [markdown]
# ## resnext
#
# **Why.** A good block makes a net by itself. You wrote `Bottleneck` with `groups` and `base_width`, and `resnet` hands them on. So ResNeXt is a few lines. Which number goes where is
# what people get wrong.
#
# The name says it: **32×4d** means 32 paths, each of them 4 channels wide in the first stage. The 3×3 convolution there has 32 · 4 = 128 channels. In the later stages, a path is 8, 16 and 32
# channels wide; there are always 32 of them.
#
# **Example.** `resnext()` has 25,028,904 parameters, about half a million fewer than ResNet-50. `resnext(101, groups=32, base_width=8)` has 88,791,336. `resnext(34)` raises a ValueError:
# ResNet-34 has no block with two 1×1 convolutions, so there is nothing to split.
#
# <details><summary>Hint: one line, and one question before it</summary>
#
# Return what `resnet` gives, with every argument handed on by its name. Before that, ask whether `depth` is below 50.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "resnext", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .resnext import resnext

# %% tags=["active-ipynb"]
# with torch.device("meta"):
#     candidates = {"ResNet-50": resnet(50), "ResNeXt-50, 32×4d": resnext()}
# totals = {name: layer_table(net, (3, 224, 224)).total for name, net in candidates.items()}
# for name, total in totals.items():
#     print(f"{name:18} {total.parameters:11,} parameters  {total.multiply_adds / 1e9:5.2f} billion multiply-adds")

# %% [markdown]
# Both cost about the same. In print, the error falls from the first to the second by 1.7 points (chapter 13). How a block spends its weights matters, not only how many it has.

# %% [markdown]
# ## SqueezeExcitation
#
# **Why.** A convolution does the same at every place and for every image. Sometimes that is too rigid: in red evening light, the red channel says less. An SE module looks at the *whole*
# image first, and then turns each channel up or down.
#
# 1. **Squeeze**: the mean of each map. C maps give C numbers.
# 2. **Excitation**: a layer from C to C // reduction units, a nonlinearity, a layer back to C, and a sigmoid. Both layers have a bias. This gives C gates between 0 and 1.
# 3. **Scale**: multiply each map by its gate.
#
# The layers may be `nn.Linear` on N×C or 1×1 convolutions on N×C×1×1; that is the same computation, and the check knows it. Two arguments are there for EfficientNet, which comes later: `squeezed`
# gives the number of hidden units directly, and `activation` is the *class* of the nonlinearity.
#
# **Example.** Two maps with means 3 and 1, one hidden unit with weights 1, −1 and bias 0: it gets 3 − 1 = 2, and ReLU keeps it. With weights 1 and −1 and bias 0 in the second layer the gates are sigmoid(2) = 0.88 and
# sigmoid(−2) = 0.12. The first map stays nearly as it is, the second one nearly vanishes.
#
# <details><summary>Hint 1: shapes</summary>
#
# `nn.AdaptiveAvgPool2d(1)` makes N×C×1×1 of N×C×H×W. A product of N×C×H×W and N×C×1×1 repeats the gate over all pixels.
#
# </details>
#
# <details><summary>Hint 2: the two arguments</summary>
#
# `hidden = squeezed or channels // reduction`. And `activation()` makes the layer: with brackets, since `activation` is a class.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "SqueezeExcitation", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .squeeze_excitation import SqueezeExcitation

# %% [markdown]
# Your module, alone, can learn something that cameras do: white balance. The net below is *only* your SE, on the three colour channels. It sees one photo, each time in another light, and shall give back
# the photo without the light (at a third of its brightness, since a gate can only turn down).
#
# **Predict**: the light multiplies each channel by a number. The gate cannot see that number, it sees only three means. Why can it still work?

# %% tags=["active-ipynb"]
# torch.manual_seed(0)
# portrait = torch.from_numpy(photo(32)).permute(2, 0, 1)
# balance = SqueezeExcitation(3, squeezed=16)
# optimizer = torch.optim.Adam(balance.parameters(), lr=0.02)
# for _ in range(250):
#     light = 0.3 + 0.7 * torch.rand(16, 3, 1, 1)
#     loss = ((balance(portrait * light) - 0.3 * portrait) ** 2).mean()
#     optimizer.zero_grad()
#     loss.backward()
#     optimizer.step()
#
# lamps = {"red light": (1.0, 0.5, 0.3), "blue light": (0.4, 0.6, 1.0), "green light": (0.5, 1.0, 0.4)}
# lit = torch.from_numpy(photo(160)).permute(2, 0, 1) * torch.tensor(list(lamps.values()))[:, :, None, None]
# with torch.no_grad():
#     balanced = (balance(lit) / 0.3).clamp(0, 1)
# figure = plots.image_grid([*lit, *balanced], titles=[*lamps, *["after your SE"] * 3], columns=3)
# show(figure, alt="Above: a portrait in red, blue and green light. Below: the same three after the trained module; their colours are now nearly alike and natural.")

# %% [markdown]
# The mean of the red channel is the photo's own mean times the light. The net has learned what this photo's means are, so it can work out the light. On another photo it would be wrong, in the same way as a
# camera that is shown nothing but a red wall.

# %% [markdown]
# ## se_resnet
#
# **Why.** New ideas are often small changes of old nets. Here you change a net that is finished: every block of your ResNet gets a gate.
#
# The place matters. The gate weighs what the residual branch *adds*: ReLU(SE(F(x)) + shortcut(x)). It stands after the branch's last BatchNorm and before the addition. The shortcut stays free, and with it the way of
# the gradient.
#
# **Example.** A block that gives 256 channels gets an SE with 256 // 16 = 16 hidden units: 256·16 + 16 + 16·256 + 256 = 8,464 parameters. SE-ResNet-50 has sixteen blocks and 28,088,024 parameters in all, a tenth more than ResNet-50.
#
# There are two good ways. **Surgery**: make a `resnet`, walk through its modules, and replace in each block the last BatchNorm by `nn.Sequential(that BatchNorm, SqueezeExcitation(…))`. **New blocks**: write a block with a gate, and build the
# stages from it as you did in `resnet`.
#
# <details><summary>Hint 1: finding the blocks</summary>
#
# `for module in net.modules():` visits every module, `isinstance(module, Bottleneck)` picks yours. You know what you called the last BatchNorm.
#
# </details>
#
# <details><summary>Hint 2: how many channels</summary>
#
# A BatchNorm layer knows its channels: `block.bn3.num_features`, if yours is called `bn3`.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "se_resnet", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .se_resnet import se_resnet

# %% tags=["active-ipynb"]
# with torch.device("meta"):
#     before, after = totals["ResNet-50"], layer_table(se_resnet(50), (3, 224, 224)).total
# print(f"parameters     {before.parameters:13,} → {after.parameters:13,}, {after.parameters / before.parameters - 1:+.1%}")
# print(f"multiply-adds  {before.multiply_adds:13,} → {after.multiply_adds:13,}, {after.multiply_adds / before.multiply_adds - 1:+.2%}")

# %% [markdown]
# A tenth more parameters, and next to no more work: the gates' layers run once for each image, not once for each pixel.

# %% [markdown]
# ## DenseBlock
#
# **Why.** ResNet adds, and what is added up cannot be taken apart again. DenseNet *keeps* everything: each layer reads all maps that are there, and appends a few new ones. How many, is the **growth**.
#
# One layer is BatchNorm, ReLU, 1×1 convolution to 4 · growth channels, BatchNorm, ReLU, 3×3 convolution to `growth` channels. The order is that of the pre-activation block. What gets appended is the plain output of a convolution.
#
# | layer | reads | appends | then there are |
# |:--|--:|--:|--:|
# | input | | | 64 |
# | layer 0 | 64 | 32 | 96 |
# | layer 1 | 96 | 32 | 128 |
# | layer 2 | 128 | 32 | 160 |
# | … | | | |
# | layer 5 | 224 | 32 | 256 |
#
# **Example.** The table is the first block of DenseNet-121: `DenseBlock(64, layers=6)`. It makes 256 channels of 64 and has 335,040 parameters. The new channels come last: the first 64 channels of the output are the input, unchanged.
#
# <details><summary>Hint 1: counting</summary>
#
# Layer i reads in_channels + i · growth channels. Both BatchNorm layers of a layer have their own number of channels: that, and 4 · growth.
#
# </details>
#
# <details><summary>Hint 2: the loop</summary>
#
# Keep the layers in an `nn.ModuleList`, not in a plain list: only then PyTorch knows their parameters. In `forward`, `x = torch.cat([x, layer(x)], dim=1)` for one layer after the other.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "DenseBlock", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .dense_block import DenseBlock

# %% tags=["active-ipynb"]
# widgets.predict(
#     "The second block of DenseNet-121 gets 128 channels and has 12 layers with growth 32. How many channels does its last layer read?",
#     answer=128 + 11 * 32,
#     unit="channels",
#     explain="128 + 11 · 32 = 480. The layers before it have appended 11 times. After the last layer there are 512.",
#     hint="The last layer is layer 11.",
# )

# %% [markdown]
# ## densenet
#
# **Why.** Channels that only pile up would soon be too many. So DenseNet has **transitions** between its blocks: a 1×1 convolution keeps half of the channels, and an average pooling halves the size.
#
# | part | output, DenseNet-121 |
# |:--|:--|
# | input | 3×224×224 |
# | 7×7 convolution, stride 2, padding 3, BatchNorm, ReLU | 64×112×112 |
# | 3×3 max pooling, stride 2, padding 1 | 64×56×56 |
# | block of 6 layers | 256×56×56 |
# | transition: BatchNorm, ReLU, 1×1 convolution, 2×2 average pooling | 128×28×28 |
# | block of 12 layers | 512×28×28 |
# | transition | 256×14×14 |
# | block of 24 layers | 1024×14×14 |
# | transition | 512×7×7 |
# | block of 16 layers | 1024×7×7 |
# | BatchNorm, ReLU, global average pooling | 1024 |
# | linear layer | 1000 |
#
# **Example.** 121 counts the layers with weights: 1 for the stem, 2 · (6 + 12 + 24 + 16) = 116 in the blocks, 3 in the transitions, 1 at the end. `densenet()` has 7,978,856 parameters, a third of ResNet-50's.
#
# <details><summary>Hint 1: one variable for the channels</summary>
#
# Carry `channels` along: after a block add layers · growth, after a transition halve it. There are four blocks and three transitions.
#
# </details>
#
# <details><summary>Hint 2: what is easily forgotten</summary>
#
# BatchNorm and ReLU come *before* the convolution of a transition, and once more after the last block. No convolution has a bias.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "densenet", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .densenet import densenet

# %% [markdown]
# How many channels does each 1×1 convolution of your net read? The picture is a saw: the channels grow through a block, and a transition cuts them in half.

# %% tags=["active-ipynb"]
# with torch.device("meta"):
#     read = [layer.in_channels for layer in densenet().modules() if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1)]
# figure, axis = plt.subplots(figsize=(8, 2.8))
# axis.step(range(1, len(read) + 1), read, where="mid", color=plots.PALETTE["blue"])
# axis.set_xlabel("1×1 convolution, counted from the input")
# axis.set_ylabel("channels that it reads")
# axis.grid(axis="y")
# show(figure, alt=f"Channels read by the {len(read)} 1×1 convolutions of DenseNet-121: a saw with four teeth. It rises in steps of 32 to 256, 512, 1,024 and 992, and falls to half after each of the first three.")

# %% [markdown]
# ## Fire
#
# **Why.** SqueezeNet asks for the fewest weights. A 3×3 convolution has nine weights for each pair of channels, so let it read few channels, and let 1×1 convolutions do a part of the work.
#
# A Fire module has three convolutions, each with a bias and a ReLU: one 1×1 convolution **squeezes** the channels. Then a 1×1 and a 3×3 convolution **expand** them again. Both read the squeezed maps, and
# their results are concatenated, the 1×1 convolution's first.
#
# **Example.** The first one of the net is `Fire(96, squeeze=16, ones=64, threes=64)`. Its parameters: 96·16 + 16 = 1,552, then 16·64 + 64 = 1,088, then 9·16·64 + 64 = 9,280, together 11,920. A plain 3×3 convolution from 96 to 128 channels has
# 110,720: nine times as many.
#
# <details><summary>Hint: side by side</summary>
#
# Squeeze once, keep the result in a variable, and give it to both. `torch.cat([…, …], dim=1)` puts the channels together.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "Fire", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .fire import Fire

# %% [markdown]
# ## squeezenet
#
# **Why.** "The accuracy of AlexNet with a fiftieth of its parameters" was the promise of 2016, and it held. You can check the second part of it yourself.
#
# | part | output, `squeezenet()` |
# |:--|:--|
# | input | 3×224×224 |
# | 7×7 convolution, 96 filters, stride 2, **no padding**, ReLU | 96×109×109 |
# | 3×3 max pooling, stride 2 | 96×54×54 |
# | Fire 2, Fire 3 | 128×54×54 |
# | Fire 4 | 256×54×54 |
# | 3×3 max pooling, stride 2 | 256×27×27 |
# | Fire 5 | 256×27×27 |
# | Fire 6, Fire 7 | 384×27×27 |
# | Fire 8 | 512×27×27 |
# | 3×3 max pooling, stride 2 | 512×13×13 |
# | Fire 9 | 512×13×13 |
# | dropout 0.5, 1×1 convolution to the classes, ReLU | 1000×13×13 |
# | global average pooling | 1000 |
#
# All max poolings round **up**: from 54 to 27, since (54 − 3)/2 + 1 = 26.5. PyTorch rounds down unless you say `ceil_mode=True`. The argument `base` is 128 in the table; all Fire modules are in proportion to it.
#
# **Example.** Fire 6 gives 3 · 128 = 384 channels: 192 from the 1×1 and 192 from the 3×3 convolution, and it squeezes to 384 // 8 = 48. `squeezenet()` has 1,248,424 parameters.
#
# ⚠ The paper's table says 111×111 behind the first convolution. For 224 pixels it is 109. With 227 pixels it would be (227 − 7)/2 + 1 = 111: the old confusion about AlexNet's input lives on.
#
# <details><summary>Hint 1: the widths</summary>
#
# Fire module number n, from 2 to 9, gives base · (n // 2) channels.
#
# </details>
#
# <details><summary>Hint 2: the end</summary>
#
# There is no linear layer. The last convolution makes one map for each class, and the mean of a map is the logit. Unusual: a ReLU stands between the two.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "squeezenet", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .squeezenet import squeezenet

# %% tags=["active-ipynb"]
# with torch.device("meta"):
#     small = squeezenet()
# weights = sum(p.numel() for p in small.parameters())
# print(f"AlexNet 61,100,840, SqueezeNet {weights:,}: {61_100_840 / weights:.1f} times fewer")
# widgets.architecture_table(small, (3, 224, 224))

# %% [markdown]
# Sort the table by parameters: the last convolution alone holds two fifths of them, 513,000. Sort it by multiply-adds: the first convolution is the dearest layer of all, since it works on the largest maps. Few weights are not little work.

# %% [markdown]
# ## depthwise_separable
#
# **Why.** A 3×3 convolution looks around *and* mixes channels, with one weight for every combination. MobileNet does the two things one after the other: first a 3×3 filter for each channel by itself (**depthwise**), then a
# 1×1 convolution that mixes (**pointwise**). Depthwise is a grouped convolution taken to the end: as many groups as channels.
#
# **Example.** From 64 to 128 channels, a plain 3×3 convolution has 9·64·128 = 73,728 weights. Separated, there are 9·64 = 576 and 64·128 = 8,192, together 8,768: 8.4 times fewer. With the two BatchNorm layers that is 9,152 parameters.
#
# The stride belongs to the depthwise convolution. If the 1×1 convolution had it, the result would be the same, but three of four pixels would be computed for nothing. One property looks at that.
#
# <details><summary>Hint: six layers in a row</summary>
#
# `nn.Sequential` of convolution, BatchNorm, ReLU, twice. `groups=in_channels` makes a convolution depthwise. `bias=False` in both, since BatchNorm brings its own.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "depthwise_separable", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .depthwise_separable import depthwise_separable

# %% tags=["active-ipynb"]
# print("channels        plain    separable   ratio   1/9 + 1/channels")
# for channels in (16, 64, 256, 1024):
#     with torch.device("meta"):
#         plain, separable = nn.Conv2d(channels, channels, 3, padding=1, bias=False), depthwise_separable(channels, channels)
#     work = [sum(row.multiply_adds or 0 for row in layer_table(net, (channels, 14, 14)) if row.kind == "Conv2d") for net in (plain, separable)]
#     print(f"{channels:8} {work[0]:12,} {work[1]:12,}   {work[1] / work[0]:.3f}   {1 / 9 + 1 / channels:.3f}")

# %% [markdown]
# ## MBConv
#
# **Why.** This block is what MobileNetV2, EfficientNet and many nets on telephones are made of. It turns ResNet's bottleneck inside out: **narrow** between the blocks, **wide** inside, where depthwise filters are cheap. And its end is linear: in few
# dimensions, an activation destroys what it cannot say (chapter 13 shows it on a spiral).
#
# | step | channels, with e = expansion · in_channels |
# |:--|:--|
# | 1×1 convolution, BatchNorm, SiLU; **not there when expansion is 1** | in_channels → e |
# | depthwise convolution kernel×kernel, stride, padding (kernel − 1)/2, BatchNorm, SiLU | e |
# | SqueezeExcitation with SiLU and max(1, in_channels // 4) hidden units | e |
# | 1×1 convolution, BatchNorm, **no activation** | e → out_channels |
# | add the input, **only if** stride is 1 and in_channels = out_channels | out_channels |
#
# SiLU is x · sigmoid(x), `nn.SiLU`. What is bold in the table goes wrong most often. One more trap hides in the SE: the hidden units are a quarter of the block's *input* channels, not of the expanded ones.
#
# **Example.** `MBConv(24, 40, kernel=5, stride=2)` has e = 144 inside and 6 hidden units in its SE. The 1×1 convolutions have 24·144 = 3,456 and 144·40 = 5,760 weights, the depthwise one 25·144 = 3,600.
#
# <details><summary>Hint 1: what is there and what is not</summary>
#
# Build a list of layers. `if expansion != 1:` puts three layers at its beginning. `nn.Sequential(*layers)` makes a module of the list.
#
# </details>
#
# <details><summary>Hint 2: the skip</summary>
#
# Whether there is a skip is known in `__init__`: keep it, as `self.skips = stride == 1 and …`, and ask for it in `forward`.
#
# </details>
#
# <details><summary>Hint 3: the gate</summary>
#
# `SqueezeExcitation(expanded, squeezed=max(1, in_channels // 4), activation=nn.SiLU)`: your own class, with the two arguments that waited for this.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "MBConv", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .mbconv import MBConv

# %% tags=["active-ipynb"]
# widgets.architecture_table(MBConv(40, 40, kernel=5), (40, 28, 28))

# %% [markdown]
# Look at the multiply-adds: the 5×5 filters on 240 channels cost less than each of the two 1×1 convolutions around them. Where work goes has changed. That is why EfficientNet can afford 5×5 kernels.

# %% [markdown]
# ## compound_scaling
#
# **Why.** You have a good small net and a larger computer. Make the net deeper, wider, or show it larger images? EfficientNet's answer: all three, in fixed proportions, by one number φ.
#
# $$\text{depth} = \alpha^\varphi \qquad \text{width} = \beta^\varphi \qquad \text{resolution} = \gamma^\varphi \qquad \alpha\,\beta^2\,\gamma^2 \approx 2$$
#
# The squares are there since twice the width makes four times the work (channels in *and* out), and so does twice the resolution (height *and* width). With α = 1.2, β = 1.1 and γ = 1.15 the product is 1.92, so each step of φ costs nearly twice as much.
#
# **Example.** φ = 1: width 1.1, depth 1.2, and images of 224 · 1.15 = 257.6, rounded 258 pixels.
#
# <details><summary>Hint: order and rounding</summary>
#
# Width comes first. `round` gives the nearest int, `int` would cut off. `a**b` is a to the power of b.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "compound_scaling", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .compound_scaling import compound_scaling

# %% tags=["active-ipynb"]
# RELEASED = {"B0": (0, 1.0, 1.0, 224), "B1": (0.5, 1.0, 1.1, 240), "B2": (1, 1.1, 1.2, 260), "B3": (2, 1.2, 1.4, 300),
#             "B4": (3, 1.4, 1.8, 380), "B5": (4, 1.6, 2.2, 456), "B6": (5, 1.8, 2.6, 528), "B7": (6, 2.0, 3.1, 600)}
# print("             your formula              released")
# print("       φ   width  depth  side      width  depth  side")
# for name, (phi, *released) in RELEASED.items():
#     width, depth, side = compound_scaling(phi)
#     print(f"{name} {phi:5} {width:7.2f} {depth:6.2f} {side:5} {released[0]:10} {released[1]:6} {released[2]:5}")

# %% [markdown]
# The paper does not print φ; these values of it come nearest. The released nets follow the formula, more or less: the authors rounded, and made the larger nets a little wider, deeper and sharper than it says. So the numbers to build B0 to B7 are the ones on the right.

# %% [markdown]
# ## scale_stage
#
# **Why.** 40 channels times 1.4 are 56: fine. But 24 · 1.4 = 33.6 channels do not exist, and hardware likes multiples of 8. Two layers times 1.8 are 3.6 layers. Somebody has to round, and the published counts come out only
# with exactly *these* rules:
#
# - **channels**: to the nearest multiple of 8, halves up, at least 8. If that took away more than a tenth, one multiple more;
# - **layers**: up.
#
# **Examples.** `scale_stage(24, 2, 1.4, 1.8)` is (32, 4): 33.6 lies nearest to 32, and 3.6 goes up. `scale_stage(16, 1, 0.7)` is (16, 1): 11.2 is nearest to 8, but 8 is less than 0.9 · 11.2 = 10.08, so it becomes 16.
#
# <details><summary>Hint 1: the nearest multiple</summary>
#
# `int(wanted + divisor / 2) // divisor * divisor`: add half a divisor, then round down to a multiple. `max(divisor, …)` keeps it from becoming 0.
#
# </details>
#
# <details><summary>Hint 2: up</summary>
#
# `math.ceil(3.6)` is 4.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "scale_stage", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .scale_stage import scale_stage

# %% [markdown]
# ## efficientnet
#
# **Why.** Everything of the last three exercises becomes one net. B0 was found by a search (chapter 13 searches, too); B1 to B7 are B0, scaled.
#
# | part, B0 | expansion | kernel | stride | channels | blocks | output |
# |:--|--:|--:|--:|--:|--:|:--|
# | 3×3 convolution, BatchNorm, SiLU | | 3 | 2 | 32 | | 32×112×112 |
# | stage 1, MBConv | 1 | 3 | 1 | 16 | 1 | 16×112×112 |
# | stage 2 | 6 | 3 | 2 | 24 | 2 | 24×56×56 |
# | stage 3 | 6 | 5 | 2 | 40 | 2 | 40×28×28 |
# | stage 4 | 6 | 3 | 2 | 80 | 3 | 80×14×14 |
# | stage 5 | 6 | 5 | 1 | 112 | 3 | 112×14×14 |
# | stage 6 | 6 | 5 | 2 | 192 | 4 | 192×7×7 |
# | stage 7 | 6 | 3 | 1 | 320 | 1 | 320×7×7 |
# | 1×1 convolution, BatchNorm, SiLU | | 1 | 1 | 1280 | | 1280×7×7 |
# | global average pooling, dropout 0.2, linear layer | | | | | | 1000 |
#
# `STAGES` holds the seven rows, and `convolution` makes a convolution with BatchNorm and SiLU; both are given. Only the **first** block of a stage has the stage's stride and changes the channels. The other ones have stride 1, so they have a skip. `width` scales the
# channels of stem and stages, `depth` the number of blocks, both through `scale_stage`. The head is always four times as wide as the last stage.
#
# **Example.** `efficientnet()` has 5,288,548 parameters. `efficientnet(2.0, 3.1)` is B7: its stem has 64 channels, its stage 2 has ⌈2 · 3.1⌉ = 7 blocks, its head 2,560 channels, and it has 66,347,960 parameters. The resolution is not an argument: a net without a fixed size
# takes images of any size.
#
# <details><summary>Hint 1: the loop</summary>
#
# `for expansion, kernel, stride, out_channels, layers in STAGES:` and then scale `out_channels` and `layers`. Carry `channels`, what the next block reads, along.
#
# </details>
#
# <details><summary>Hint 2: inside a stage</summary>
#
# Block number i has `stride if i == 0 else 1`, and reads `channels`, which is `out_channels` from the second block on.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "efficientnet", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .efficientnet import STAGES, convolution, efficientnet, efficientnet_b0

# %% [markdown]
# One small net, one recipe, eight sizes. What do they cost, each at its own resolution? Predict first: B4 has 3.7 times the parameters of B0. How many times the work?

# %% tags=["active-ipynb"]
# costs = {}
# for name in ("B0", "B4"):
#     _, width, depth, side = RELEASED[name]
#     with torch.device("meta"):
#         costs[name] = layer_table(efficientnet(width, depth), (3, side, side)).total
#     total, base = costs[name], costs["B0"]
#     print(f"{name}, {side}×{side}: {total.parameters:11,} parameters ({total.parameters / base.parameters:4.1f}×), "
#           f"{total.multiply_adds / 1e9:5.2f} billion multiply-adds ({total.multiply_adds / base.multiply_adds:4.1f}×)")

# %% [markdown]
# The work grows much faster than the parameters: larger images need no weights, but every layer works on more pixels. A plot of accuracy against *parameters* flatters such a net. (B7 has 12.5 times the parameters of B0, and does 98 times the work.)

# %% [markdown]
# ## policy_network
#
# **Why.** In March 2016 a program won four of five games of Go against Lee Sedol, one of the strongest players in the world. Part of AlphaGo is a plain convolutional net that looks at a board and says where a strong player would move. It has no pooling and no fully connected
# layer: every point counts, and the answer has the shape of the board.
#
# | part | output |
# |:--|:--|
# | input: 48 planes, such as "own stones" or "points where a stone would be caught" | 48×19×19 |
# | 5×5 convolution, padding 2, 192 filters, ReLU | 192×19×19 |
# | eleven times: 3×3 convolution, padding 1, 192 filters, ReLU | 192×19×19 |
# | 1×1 convolution, one filter, no bias | 1×19×19 |
# | **a bias for each point** | 361 |
# | softmax over all points | 19×19 |
#
# A convolution treats all points alike. The bias for each point may not: it can learn that corners are good for an opening. `PointBias` is given for it: a module that adds to N×points what it has learned for each point.
#
# **Example.** `policy_network()`: 5·5·48·192 + 192 = 230,592 parameters in the first layer, 331,968 in each of the eleven others, 192 in the 1×1 convolution, 361 biases. Together 3,882,793. `layers=12` counts the 5×5 convolution.
#
# <details><summary>Hint 1: from maps to points</summary>
#
# `nn.Flatten()` makes N×361 of N×1×19×19. Then come the bias and the softmax over axis 1. `nn.Unflatten(1, (size, size))` makes a board of it again.
#
# </details>
#
# <details><summary>Hint 2: which axis</summary>
#
# A softmax over the channels of N×1×19×19 has one number to share the probability among: it gives 1 everywhere. Flatten first.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "policy_network", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .policy_network import PointBias, policy_network

# %% [markdown]
# Now let your net learn a rule of Go. A stone is caught when all points next to it are taken by the other colour. A stone with *one* free neighbour is in danger: a stone on that point catches it. Below are random positions
# on a small board, in each of which exactly one single white stone is in this danger. (Groups of stones are caught together; we leave them aside.) The net sees two planes, black stones and white stones, and shall find the move. Nobody tells it the rule.

# %% tags=["active-ipynb"]
# def marked_neighbours(marks):
#     """How many of the four neighbours of each point are marked. marks: bool array (N, H, W)."""
#     padded = np.pad(marks, ((0, 0), (1, 1), (1, 1))).astype(int)
#     return sum(np.roll(padded, shift, axis=(1, 2)) for shift in ((-1, 0), (1, 0), (0, -1), (0, 1)))[:, 1:-1, 1:-1]
#
#
# def positions(count, seed):
#     """Those of `count` random 9×9 positions in which one white stone is in danger: planes (N, 2, 9, 9), and the point that catches it (N,)."""
#     stones = np.random.default_rng(seed).choice(3, p=(0.5, 0.35, 0.15), size=(count, 9, 9))
#     free, white = stones == 0, stones == 2
#     danger = white & (marked_neighbours(free) == 1) & (marked_neighbours(white) == 0)
#     clear = danger.sum(axis=(1, 2)) == 1
#     moves = free & (marked_neighbours(danger) > 0)
#     planes = np.stack([stones == 1, white], axis=1)[clear].astype(np.float32)
#     return torch.from_numpy(planes), torch.from_numpy(moves[clear].reshape(-1, 81).argmax(axis=1))
#
#
# boards, moves = positions(16_000, seed=0)
# new_boards, new_moves = positions(3_000, seed=1)
# torch.manual_seed(0)
# player = policy_network(planes=2, filters=16, layers=3, size=9)
# optimizer = torch.optim.Adam(player.parameters(), lr=1.5e-2)
# for step in range(151):
#     if step % 50 == 0:
#         with torch.no_grad():
#             found = (player(new_boards).flatten(1).argmax(dim=1) == new_moves).float().mean()
#         print(f"after {step:3} steps: the right move on {found:.0%} of {len(new_moves)} new boards")
#     some = torch.randint(len(moves), (48,))
#     loss = F.nll_loss(player(boards[some]).flatten(1).clamp_min(1e-9).log(), moves[some])
#     optimizer.zero_grad()
#     loss.backward()
#     optimizer.step()

# %% tags=["active-ipynb"]
# figure, axes = plt.subplots(1, 3, figsize=(8, 2.9))
# with torch.no_grad():
#     chances = player(new_boards[:3])
# for axis, planes, board in zip(axes, new_boards, chances, strict=False):
#     axis.imshow(board, cmap=plots.SEQUENTIAL, vmin=0, vmax=1.3)
#     for plane, colour in zip(planes, ("black", "white"), strict=True):
#         rows, columns = np.nonzero(plane.numpy())
#         axis.scatter(columns, rows, s=90, color=colour, edgecolor="black", zorder=2)
#     row, column = divmod(int(board.argmax()), 9)
#     axis.text(column, row, f"{board.max():.0%}", ha="center", va="center", fontsize=7, color="white", zorder=3)
#     axis.set_xticks(range(9), [])
#     axis.set_yticks(range(9), [])
#     axis.grid(color="#999999", linewidth=0.6)
# show(figure, alt="Three 9×9 boards with black and white stones. On each, one free point is dark: the net's move, with its probability. It lies beside a white stone whose other neighbours are all black stones or the edge.")

# %% [markdown]
# Find the white stone that each move catches. Your net has learned it at one place and uses it at every place: that is what a convolution is for. At the edge a stone has fewer neighbours, and the net knows that, too: the zeros of the padding tell it where the edge is.
#
# How far does the full net see? The 5×5 convolution reaches 2 points in each direction, each of the eleven 3×3 convolutions one more: 13 points. From the middle of the board that is everything; from a corner it is not.

# %% tags=["active-ipynb"]
# widgets.question(
#     "Why is there no pooling in this net?",
#     {
#         "A board of 19×19 is too small for pooling": "Nets for images of 28×28 pool twice.",
#         "A move one point further is another move": "Yes. Pooling makes a net care less about where something is. Here, where is the whole question.",
#         "Pooling was not known in 2016": "It is older than LeNet-5.",
#     },
#     answer="A move one point further is another move",
# )

# %% [markdown]
# ## What to take with you
#
# - A grouped convolution is many small paths at once; a depthwise one has as many groups as channels.
# - A gate looks at the whole image and weighs channels. It belongs inside the residual branch.
# - Adding keeps the number of channels, concatenating makes it grow: keep count, and cut it in a transition.
# - Few weights, little work, and little time are three different goals.
# - Published counts of parameters are a check that costs nothing. When yours are off by 384, look for a BatchNorm.
#
# **Sources of this part.** S. Xie and others, *Aggregated Residual Transformations for Deep Neural Networks*, 2017 · J. Hu, L. Shen, G. Sun, *Squeeze-and-Excitation Networks*, 2018 · G. Huang and others, *Densely Connected Convolutional Networks*, 2017 ·
# F. Iandola and others, *SqueezeNet*, 2016 · A. Howard and others, *MobileNets*, 2017 · M. Sandler and others, *MobileNetV2*, 2018 · M. Tan, Q. Le, *EfficientNet*, 2019 · D. Silver and others, *Mastering the game of Go with deep neural networks and tree search*, Nature 529, 2016.
# Parameter counts: torchvision's models of the same names; SE-ResNet-50 and the policy network by the formulas of their papers.
