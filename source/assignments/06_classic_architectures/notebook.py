# ---
# jupyter:
#   convnets:
#     minutes: 360
#     budget_seconds: 90
#     libraries: pytorch
#     needs: [08_lenet, 09_alexnet_zfnet, 10_vgg, 11_googlenet, 01_lenet_on_fashion_mnist]
#     summary: Build LeNet-5, AlexNet, ZFNet, VGG and GoogLeNet in PyTorch, right to the last of their 138 million parameters.
# ---

# %% [markdown]
# # Classic architectures, built by you
#
# From 1998 to 2014, in nine exercises. You build the nets that made computers see, and you know that they are right: the number of parameters must agree to the last one with the published number, and the logits with those of a
# reference net. At the end torchvision's AlexNet hands its weights to yours, and both give the same answers.
#
# **You will be able to**
#
# - turn the description of a net into an `nn.Module`, and check it without training,
# - compute sizes and parameters by hand before the computer does it,
# - explain what each net changed, and why: finer first layers, small kernels, bottlenecks, heads for the gradient,
# - say what is *not* visible in the number of parameters.
#
# **Time:** about 6 hours, in three sittings. **You need:** chapters 08 to 11, and lab 01 for PyTorch.
#
# | sitting | what you build | hours |
# |---|---|---|
# | 1 | LeNet-5 as a warm-up, AlexNet twice, ZFNet | 2 |
# | 2 | VGG, the two Inception modules | 1¾ |
# | 3 | the auxiliary head, GoogLeNet, its loss | 2¼ |
#
# Nothing is trained here. Training these nets is the subject of lab 04.

# %%
import contextlib
from collections import OrderedDict

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from convnets import plots, widgets
from convnets.arithmetic import layer_table
from convnets.check import check
from convnets.check.network_probes import channel_dependence
from convnets.plots import show
from convnets.vision import torchvision


# %%
@contextlib.contextmanager
def exploring():
    """For cells that play with your nets: says what is still to be written. Nets made inside it have shapes, but no numbers."""
    try:
        with torch.device("meta"):
            yield
    except NotImplementedError as missing:
        print(f"This cell comes alive when the exercise is written. {missing}.")


# %% [markdown]
# ## How your nets are checked
#
# **Names are yours.** Call the parts of your net whatever you like. Write a class, or a function that returns an `nn.Sequential`. The check looks at what the net does, in three ways.
#
# 1. **Parameters.** The number of all parameters, at full size. That costs nothing: the net is built on PyTorch's *meta* device, where tensors have a shape and no numbers.
# 2. **Sizes.** Height and width of the maps on their way.
# 3. **Logits.** Every parameter is filled with known numbers that only its shape decides. Then noise goes in, and the logits must be the reference's. Here the nets are small: that is what arguments such as `width` are for.
#
# The third way sees what the first two cannot: a missing ReLU, a maximum in place of a mean, two layers in the wrong order.
#
# Each net takes `classes` and `in_channels`. Each `dropout` is an `nn.Dropout` or an `F.dropout`, so that the check knows its masks.

# %% tags=["active-ipynb"]
# widgets.question(
#     "You forget all ReLUs in VGG-16. By how much does the number of parameters change?",
#     {
#         "by 15": "There are fifteen ReLUs in VGG-16. But what would one of them have to learn?",
#         "not at all": "A ReLU has no parameters, and neither has pooling, dropout or response normalisation. So the right number of parameters is a good sign, and no proof.",
#         "it becomes 0": "Convolutions and linear layers hold the parameters. They stay.",
#     },
#     answer="not at all",
# )

# %% [markdown]
# ## Sitting 1: from LeNet-5 to ZFNet
#
# ## lenet5
#
# **Why.** Everything later is a variation of this pattern: convolution, squashing, pooling, twice; then layers that are fully connected. You built a LeNet with ReLU and max pooling in lab 01. This one is nearer to 1998: tanh, averages, images of 32×32 pixels and no padding.
#
# | layer | output (C×H×W) |
# |:--|:--|
# | input | 1×32×32 |
# | C1: convolution 5×5, tanh | 6×28×28 |
# | S2: average pooling 2×2 | 6×14×14 |
# | C3: convolution 5×5, tanh | 16×10×10 |
# | S4: average pooling 2×2 | 16×5×5 |
# | C5: convolution 5×5, tanh | 120×1×1 |
# | F6: fully connected, tanh | 84 |
# | output: fully connected | the logits |
#
# **Example.** C5 is a convolution whose kernel covers its whole input. It has $120 \cdot (16 \cdot 5 \cdot 5 + 1) = 48{,}120$ parameters. A linear layer from 400 numbers to 120 has as many, and does the same: you may write either.
#
# <details><summary>Hint 1: the easy way</summary>
#
# `nn.Sequential(layer, layer, …)`. With `nn.Sequential(OrderedDict(C1=…, tanh1=…))` the parts get names, which you will see in the tables.
#
# </details>
#
# <details><summary>Hint 2: from maps to a vector</summary>
#
# `nn.Flatten()` makes N×120 of N×120×1×1.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "lenet5", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .lenet5 import lenet5

# %% tags=["active-ipynb"]
# with exploring():
#     display(widgets.architecture_table(lenet5(), (1, 32, 32)))

# %% [markdown]
# The receptive field grows to 32×32 at C5: only there does one number see the whole image.
#
# ## alexnet
#
# **Why.** In 2012 AlexNet won the ImageNet contest with a top-5 error of 15.3 %; the next best had about 26 %. The field turned to deep learning. The net exists in two forms, and people mix them up.
#
# - **Two towers**, the original. Two GPUs with 3 GB each shared the work: half of the filters on each. In conv2, conv4 and conv5 a filter reads only the maps on its own GPU. In PyTorch this is `groups=2`. Images have 227×227 pixels, and there is local response normalisation.
# - **One tower**, the form of 2014 that torchvision ships: a little thinner, no groups, no normalisation, 224×224 pixels.
#
# | layer | one tower | output | two towers | output |
# |:--|:--|:--|:--|:--|
# | conv1, 11×11, stride 4 | 64, padding 2 | 64×55×55 | 96, padding 0 | 96×55×55 |
# | pooling 3×3, stride 2 | | 64×27×27 | normalised first | 96×27×27 |
# | conv2, 5×5, padding 2 | 192 | 192×27×27 | 256 in 2 groups | 256×27×27 |
# | pooling 3×3, stride 2 | | 192×13×13 | normalised first | 256×13×13 |
# | conv3, 3×3, padding 1 | 384 | 384×13×13 | 384 | 384×13×13 |
# | conv4, 3×3, padding 1 | 256 | 256×13×13 | 384 in 2 groups | 384×13×13 |
# | conv5, 3×3, padding 1 | 256 | 256×13×13 | 256 in 2 groups | 256×13×13 |
# | pooling 3×3, stride 2 | | 256×6×6 | | 256×6×6 |
# | fc6, fc7, fc8 | 4096, 4096, classes | | 4096, 4096, classes | |
#
# ReLU follows every layer with weights but fc8. Dropout follows the ReLU of fc6 and of fc7. The paper speaks of 224×224 pixels; but $(224 - 11)/4 + 1$ is no whole number, and $(227 - 11)/4 + 1 = 55$ is.
#
# **Example.** conv2 of the two towers: each of the 256 filters reads 48 of the 96 maps, so it has $5 \cdot 5 \cdot 48 + 1 = 1{,}201$ parameters, and all of them together 307,456. Without groups it would be 614,656.
#
# **Two arguments make it small.** `width` multiplies all numbers of filters by `width / 64`; `hidden` is the size of fc6 and fc7. And `small_images=True` makes the net fit images of 32×32 pixels: conv1 becomes 3×3 with stride 1 and padding 1, and the grid before fc6 3×3. Lab 04 will use that.
#
# **The normalisation** divides each number by a power of the sum of squares at the same place, over five neighbouring channels. In the paper's formula the sum is multiplied by $\alpha = 10^{-4}$. PyTorch divides its `alpha` by the number of neighbours, 5. So the paper's $\alpha$ is `alpha=5e-4` here.
#
# <details><summary>Hint 1: one builder for two nets</summary>
#
# Put what differs into variables first: the five numbers of filters, `groups`, padding of conv1. Then write the layers once. Where there is no normalisation, leave the layer out, or use `nn.Identity()`.
#
# </details>
#
# <details><summary>Hint 2: the grid</summary>
#
# `nn.AdaptiveAvgPool2d(6)` makes 6×6 maps of maps of any size. Where they are 6×6 already, it changes nothing. It needs no parameters, and fc6 always finds what it was made for.
#
# </details>
#
# <details><summary>Hint 3: the order in the two towers</summary>
#
# Convolution, ReLU, normalisation, pooling.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "alexnet", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .alexnet import alexnet

# %% tags=["active-ipynb"]
# with exploring():
#     display(widgets.architecture_explorer({"one tower": alexnet(), "two towers": alexnet("two towers")}, {"one tower": (3, 224, 224), "two towers": (3, 227, 227)}))

# %% [markdown]
# Which layer holds most of the parameters, and which does most of the work? Compare fc6 with conv2.
#
# ### Who talks to whom
#
# Each picture below is one convolution of *your* two towers, in small. A row is an output map, a column an input map; dark means that the one depends on the other. Groups show as blocks.

# %% tags=["active-ipynb"]
# with contextlib.suppress(NotImplementedError):
#     layers = [layer for layer in alexnet("two towers", width=16, hidden=8).modules() if isinstance(layer, nn.Conv2d)]
#     depends = [channel_dependence(lambda layer=layer: layer, (1, layer.in_channels, 12, 12)) for layer in layers]
#     titles = [f"conv{i}: {d.shape[1]} → {d.shape[0]}" for i, d in enumerate(depends, 1)]
#     fig, axes = plt.subplots(1, 5, figsize=(9, 2.6))
#     for ax, d, title in zip(axes, depends, titles, strict=True):
#         ax.imshow(d, cmap="gray_r", vmin=0, vmax=1.4, aspect="auto")
#         ax.set_title(title, fontsize=10)
#         ax.set_xticks([])
#         ax.set_yticks([])
#     axes[0].set_ylabel("output maps")
#     fig.supxlabel("input maps", fontsize=10)
#     words = "; ".join(f"conv{i}: " + ("all" if d.all() else f"{d.mean():.0%}") for i, d in enumerate(depends, 1))
#     show(fig, alt=f"Five matrices of output maps against input maps. Share of pairs that are connected: {words}. Groups show as dark blocks on the diagonal.")

# %% [markdown]
# conv3 is the only place, before fc6, where the two GPUs exchange their maps.
#
# ### What does the normalisation do?
#
# One channel has the activation $a$. What comes out of `LocalResponseNorm` when its four neighbours are silent, and when they are as loud as itself? The picture shows it for activations as small as 1 and as large as 300.

# %% tags=["active-ipynb"]
# norm = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)
# a = torch.linspace(0, 300, 301)
# alone, crowd = torch.zeros(301, 5, 1), a[:, None, None].repeat(1, 5, 1)
# alone[:, 2, 0] = a
# fig, ax = plt.subplots(figsize=(7, 3.2))
# ax.plot(a, a / 2**0.75, ":", color="0.4", label="divided by $2^{0.75}$, nothing else")
# ax.plot(a, norm(alone)[:, 2, 0], color=plots.PALETTE["blue"], label="neighbours silent")
# ax.plot(a, norm(crowd)[:, 2, 0], "--", color=plots.PALETTE["vermillion"], label="neighbours as loud")
# ax.set_xlabel("activation a")
# ax.set_ylabel("after normalisation")
# ax.legend()
# show(fig, alt=f"Output of response normalisation against activation. At 300 it is {float(norm(alone)[300, 2, 0]):.0f} when the neighbours are silent and {float(norm(crowd)[300, 2, 0]):.0f} when they are as loud. Near 0 both curves lie on one straight line.")
# print(f"at a = 1: {float(norm(alone)[1, 2, 0]):.4f} alone, {float(norm(crowd)[1, 2, 0]):.4f} in the crowd")

# %% [markdown]
# Loud neighbours turn each other down. But at the size that activations have in *our* nets, about 1, nothing happens except a division by a constant. AlexNet's inputs were pixels from 0 to 255 minus their mean, so its activations were large. That is why the check feeds your two towers with noise of that size.
#
# ## zfnet
#
# **Why.** Zeiler and Fergus looked at what AlexNet's first layers had learned (chapter 15 shows how). They saw that filters of 11×11 with stride 4 leave out the middle frequencies and alias. So they took a finer first layer: 7×7, stride 2. ZFNet is AlexNet with this change, one tower, and more maps in conv3, conv4 and conv5.
#
# | layer | output (C×H×W) |
# |:--|:--|
# | input | 3×224×224 |
# | conv1: 7×7, stride 2, padding 1 | 96×110×110 |
# | pooling 3×3, stride 2, rounded up; normalisation | 96×55×55 |
# | conv2: 5×5, stride 2, no padding | 256×26×26 |
# | pooling 3×3, stride 2, rounded up; normalisation | 256×13×13 |
# | conv3, conv4, conv5: 3×3, padding 1 | 512, 1024, 512 × 13×13 |
# | pooling 3×3, stride 2, rounded up | 512×6×6 |
# | fc6, fc7, fc8 | 4096, 4096, classes |
#
# ReLU and dropout are where AlexNet has them. But here the pooling comes **before** the normalisation.
#
# The paper's figure 3 shows 384, 384 and 256 maps in conv3 to conv5, as in AlexNet. The larger numbers are those of its table 2, and of most lectures. The argument `filters` covers both.
#
# **Example.** The first pooling: $(110 - 3)/2 + 1 = 54.5$. Rounded down, the last row and column of the maps are never looked at. Rounded up, the last window hangs over the border: 55.
#
# <details><summary>Hint 1: rounding up</summary>
#
# `nn.MaxPool2d(3, stride=2, ceil_mode=True)`.
#
# </details>
#
# <details><summary>Hint 2: fc6</summary>
#
# It reads `filters[4]` · 6 · 6 numbers.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "zfnet", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .zfnet import zfnet

# %% tags=["active-ipynb"]
# with exploring():
#     for name, net, size in (("AlexNet, two towers", alexnet("two towers"), 227), ("ZFNet", zfnet(), 224), ("ZFNet of figure 3", zfnet(filters=(96, 256, 384, 384, 256)), 224)):
#         total = layer_table(net, (3, size, size)).total
#         print(f"{name:20} {total.parameters:12,} parameters {total.multiply_adds / 1e9:6.2f} G multiply-adds")

# %% [markdown]
# conv2 reads maps of 55×55 where AlexNet's has 27×27, and conv4 has more than twice the filters. Finer looking has its price.

# %% tags=["active-ipynb"]
# widgets.predict(
#     "ZFNet's fc6 reads 512·6·6 numbers, AlexNet's 256·6·6. How many more parameters has ZFNet's fc6, in millions?",
#     answer=37.7,
#     tolerance=0.3,
#     unit="million",
#     explain="256·36·4096 = 37,748,736 more weights, and as many biases as before. More than all of its convolutions together.",
#     hint="4096 outputs, each with 256·36 more weights.",
# )

# %% [markdown]
# ## Sitting 2: VGG and Inception
#
# ## vgg
#
# **Why.** After AlexNet people asked which kernel is best: 11, 7, 5? VGG's answer was: always 3×3, but many of them. Three in a row see 7×7 pixels, with fewer weights than one 7×7 and two more ReLUs in between (chapter 10). The plan is so regular that you can write it as a loop.
#
# | stage | filters | VGG-11 | VGG-13 | VGG-16 | VGG-19 | output at 224×224 |
# |:--|--:|--:|--:|--:|--:|:--|
# | 1 | width | 1 | 2 | 2 | 2 | 64×112×112 |
# | 2 | 2 · width | 1 | 2 | 2 | 2 | 128×56×56 |
# | 3 | 4 · width | 2 | 2 | 3 | 4 | 256×28×28 |
# | 4 | 8 · width | 2 | 2 | 3 | 4 | 512×14×14 |
# | 5 | 8 · width | 2 | 2 | 3 | 4 | 512×7×7 |
#
# The columns in the middle say how many convolutions a stage has. All are 3×3 with padding 1 and a ReLU. A stage ends with max pooling 2×2. Then come the grid, fc6, fc7 and fc8, with ReLU and dropout as in AlexNet.
#
# **Example.** The name counts the layers with weights. VGG-16 has $2 + 2 + 3 + 3 + 3 = 13$ convolutions and 3 linear layers.
#
# **With `batchnorm=True`** an `nn.BatchNorm2d` stands between each convolution and its ReLU. The convolutions keep their bias, although BatchNorm subtracts it again: the published weights are made so.
#
# **For small images** give `image_size`: the grid has `image_size // 32` rows and columns. At 32 it is 1×1, and fc6 reads 512 numbers in place of 25,088.
#
# <details><summary>Hint 1: two loops</summary>
#
# The outer loop goes over the five stages, the inner one over the convolutions of a stage. Keep the current number of channels in a variable: it is `in_channels` at first, and after each convolution what that one gave.
#
# </details>
#
# <details><summary>Hint 2: a list of layers</summary>
#
# Append layers to a list, and unpack it at the end: `nn.Sequential(*layers)`.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "vgg", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .vgg import vgg

# %% tags=["active-ipynb"]
# with exploring():
#     table = layer_table(vgg(16), (3, 224, 224))
#     weights = [row for row in table if row.parameters]
#     names = [f"conv {i}" for i in range(1, 14)] + ["fc6", "fc7", "fc8"]
#     fig, axes = plt.subplots(1, 2, figsize=(9, 4.2), sharey=True)
#     for ax, values, unit, colour in (
#         (axes[0], [row.parameters / 1e6 for row in weights], "parameters, millions", "blue"),
#         (axes[1], [row.multiply_adds / 1e9 for row in weights], "multiply-adds, thousand millions", "orange"),
#     ):
#         ax.barh(names, values, color=plots.PALETTE[colour])
#         ax.set_xlabel(unit)
#     axes[0].invert_yaxis()
#     most = max(weights, key=lambda row: row.parameters)
#     show(fig, alt=f"Two bar charts over the 16 layers of VGG-16. One layer, fc6, has {most.parameters / 1e6:.1f} of {table.total.parameters / 1e6:.1f} million parameters. The multiply-adds lie in the convolutions, the linear layers have almost none.")
#     print(f"fc6: {most.parameters:,} of {table.total.parameters:,} parameters, {most.parameters / table.total.parameters:.0%}")

# %% [markdown]
# Here is why nets after VGG have no large fully connected layers: fc6 alone has three quarters of the parameters, and does less than a hundredth of the work.
#
# ## NaiveInception
#
# **Why.** Which kernel is best? GoogLeNet's answer: all of them. An Inception module sends its input through several branches side by side, and puts their maps together as channels. The next layer chooses.

# %% tags=["active-ipynb"]
# naive = {
#     "x": (1.5, 0, "input"), "a": (0, 1.3, "1×1", "blue"), "b": (1, 1.3, "3×3", "blue"), "c": (2, 1.3, "5×5", "blue"), "d": (3, 1.3, "max 3×3", "orange"), "y": (1.5, 2.6, "side by side"),
# }
# thin = {
#     "x": (1.5, 0, "input"), "b1": (1, 0.9, "1×1", "green"), "c1": (2, 0.9, "1×1", "green"), "d1": (3, 0.9, "max 3×3", "orange"),
#     "a": (-0.2, 1.35, "1×1", "blue"), "b": (1, 1.8, "3×3", "blue"), "c": (2, 1.8, "5×5", "blue"), "d": (3, 1.8, "1×1", "green"), "y": (1.5, 2.6, "side by side"),
# }
# fig = plots.block_diagram({
#     "naive": (naive, [f"x > {branch} > y" for branch in "abcd"]),
#     "with bottlenecks": (thin, ["x > a > y", "x > b1 > b > y", "x > c1 > c > y", "x > d1 > d > y"]),
# })
# show(fig, alt="Two modules. Naive: the input goes to a 1×1, a 3×3 and a 5×5 convolution and a max pooling, and all four are put side by side. With bottlenecks: a 1×1 convolution comes before the 3×3 and before the 5×5, and one after the pooling.")

# %% [markdown]
# All branches keep height and width: 3×3 has padding 1, 5×5 padding 2, the pooling stride 1 and padding 1. ReLU follows each convolution. The order of the branches is 1×1, 3×3, 5×5, pooling.
#
# **Example.** 28×28 maps with 256 channels; 128, 192 and 96 filters. The output has $128 + 192 + 96 + 256 = 672$ channels: the pooling passes on all 256.
#
# This exercise is a class. `__init__` makes the layers, `forward(x)` uses them.
#
# <details><summary>Hint: put together</summary>
#
# `torch.cat([a, b, c], dim=1)`. Axis 0 is the batch, axis 1 the channels.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "NaiveInception", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .naive_inception import NaiveInception

# %% [markdown]
# Put nine such modules on top of each other, and the channels explode: the pooling branch never lets them become fewer. And the work? You will measure it in a moment.
#
# ## Inception
#
# **Why.** A 1×1 convolution mixes channels and nothing else. Used as a **bottleneck** it makes thick maps thin before the expensive kernel comes, and the pooling branch thin afterwards.
#
# The helper `convolution` stands at the top of the cell: a convolution that keeps the size, with its ReLU. It knows two variants.
#
# - `"original"`: a bias, then ReLU. The third branch ends in 5×5. This is the paper.
# - `"torchvision"`: no bias, BatchNorm, ReLU. And the third branch ends in **3×3**. That is an old mistake, older than torchvision: the weights were trained with it, so it stays. Everybody who loads "GoogLeNet" from torchvision gets it.
#
# Give `variant` to every `convolution`.
#
# **Example.** Take 256 channels and `Inception(256, 128, 64, 192, 64, 96, 64)`. The output has $128 + 192 + 96 + 64 = 480$ channels. The 3×3 reads 64 channels in place of 256: $192 \cdot (3 \cdot 3 \cdot 64 + 1) = 110{,}784$ parameters, and its bottleneck has $64 \cdot 257 = 16{,}448$.
#
# <details><summary>Hint 1: four branches, four attributes</summary>
#
# Two of them are `nn.Sequential(convolution(…), convolution(…))`, one is `nn.Sequential(pooling, convolution(…))`.
#
# </details>
#
# <details><summary>Hint 2: who comes first</summary>
#
# In branches two and three the 1×1 comes first. In the fourth the pooling comes first.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "Inception", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .inception import Inception

# %% tags=["active-ipynb"]
# widgets.predict(
#     "The naive module needs 854 million multiply-adds on 28×28×256, with 128, 192 and 96 filters. How many million does the module with bottlenecks of 64 need?",
#     answer=271.4,
#     tolerance=15,
#     unit="million",
#     explain="The sum is 271 million, less than a third. Many lectures print 358 million: that number counts the 3×3 convolution, 86.7 million, twice. The next cell adds it up from your module.",
#     hint="784 positions. The 3×3 costs 784·192·9·64, the 5×5 784·96·25·64. Then four 1×1 convolutions that read 256 channels each.",
# )

# %% tags=["active-ipynb"]
# with exploring():
#     for name, module in (("naive", NaiveInception(256, 128, 192, 96)), ("with bottlenecks", Inception(256, 128, 64, 192, 64, 96, 64))):
#         table = layer_table(module, (256, 28, 28))
#         print(f"{name}: {table.rows[-1].output_shape[0]} channels, {table.total.multiply_adds / 1e6:.1f} million multiply-adds")
#         for row in table:
#             if row.kind == "Conv2d":
#                 print(f"    {row.formulas['multiply_adds']}")

# %% [markdown]
# ## Sitting 3: GoogLeNet
#
# ## AuxiliaryHead
#
# **Why.** Twenty-two layers were a long way for a gradient in 2014: there was no BatchNorm yet, and no shortcut. So GoogLeNet has two small classifiers half way up. Each has a loss of its own, and its gradient has a short way down. After the training they are thrown away.
#
# | layer | output for width 64 (C×H×W) |
# |:--|:--|
# | input, from 4a | 512×14×14 |
# | average pooling 5×5, stride 3 | 512×4×4 |
# | `convolution` 1×1, 2 · width filters | 128×4×4 |
# | fully connected, ReLU, dropout 0.7 | 1024 |
# | fully connected | the logits |
#
# In variant "torchvision" the pooling is adaptive: 4×4 of maps of any size.
#
# **Example.** $(14 - 5)/3 + 1 = 4$. The first linear layer reads $128 \cdot 4 \cdot 4 = 2{,}048$ numbers.
#
# <details><summary>Hint: the pooling</summary>
#
# `nn.AvgPool2d(5, stride=3)` or `nn.AdaptiveAvgPool2d(4)`.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "AuxiliaryHead", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .auxiliary_head import AuxiliaryHead

# %% [markdown]
# ## googlenet
#
# **Why.** Nine modules, 22 layers with weights one after the other, fewer errors than VGG, and only 7 million parameters: there is no fc6. The last maps are averaged to one number each, and a single linear layer reads 1,024 numbers.
#
# Many texts say 5 million, "12 times fewer than AlexNet", as the paper does. Count for yourself: 6,998,552 without the heads. That is 8.7 times fewer than the 60,965,224 of the two towers, and still a great saving.
#
# | part | output at 224×224 |
# |:--|:--|
# | `convolution` 7×7, stride 2 | 64×112×112 |
# | pooling, normalisation | 64×56×56 |
# | `convolution` 1×1, `convolution` 3×3, normalisation | 192×56×56 |
# | pooling | 192×28×28 |
# | 3a, 3b | 256, 480 × 28×28 |
# | pooling | 480×14×14 |
# | 4a | 512×14×14 → first head |
# | 4b, 4c, 4d | 512, 512, 528 × 14×14 → second head |
# | 4e | 832×14×14 |
# | pooling | 832×7×7 |
# | 5a, 5b | 832, 1024 × 7×7 |
# | global average pooling, dropout, linear layer | the logits |
#
# Every pooling is 3×3 with stride 2 and rounds up. The numbers of the nine modules stand in `MODULES`. The paper does not give the constants of its normalisation: we take AlexNet's, and the order of its figure 3.
#
# In **training** the net returns three tensors: `(logits, aux1, aux2)`. In **evaluation** it returns the logits. With `auxiliary=False` there are no heads at all.
#
# | | original | torchvision |
# |:--|:--|:--|
# | `convolution` | bias | BatchNorm |
# | third branch | 5×5 | 3×3 |
# | normalisation in the stem | yes | no |
# | pooling before 5a | 3×3 | 2×2 |
# | pooling in the heads | 5×5, stride 3 | adaptive, 4×4 |
#
# **Example.** In variant "torchvision" with heads there are 13,004,888 parameters. The two heads have $6{,}379{,}984$ of them: nearly half, and nobody needs them after training.
#
# **To make it small**: `width`, a multiple of 8, scales every number. `small_images=True` is for 32×32 pixels: conv1 is 3×3 with stride 1, and the pooling after it is left out.
#
# The class `GoogLeNet` is yours to write; the function below it is there already. You may also leave the class alone and return something else from `googlenet`.
#
# <details><summary>Hint 1: a loop over the modules</summary>
#
# `for name, numbers in MODULES.items()`: scale the six numbers, make an `Inception` for `channels` inputs, then set `channels` to what it gives: ones + threes + fives + pooled. `setattr(self, f"inception{name}", module)` or an `nn.ModuleDict` keeps it.
#
# </details>
#
# <details><summary>Hint 2: the two modes</summary>
#
# `self.training` is True or False: `net.train()` and `net.eval()` set it.
#
# </details>
#
# <details><summary>Hint 3: the places of the heads</summary>
#
# Keep the outputs of 4a and of 4d in variables. The heads read these.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "googlenet", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .googlenet import googlenet

# %% tags=["active-ipynb"]
# with exploring():
#     display(widgets.architecture_explorer({"GoogLeNet": googlenet(auxiliary=False), "VGG-16": vgg(16)}, (3, 224, 224)))

# %% [markdown]
# ## googlenet_loss
#
# **Why.** Three answers, one loss. The net's own cross-entropy counts in full, each head's with weight 0.3:
#
# $$L = L_{\text{net}} + 0.3\, L_{\text{aux}_1} + 0.3\, L_{\text{aux}_2}$$
#
# In evaluation the net gives its logits alone, and the function must take that as well.
#
# **Example.** Losses of 2.0, 2.5 and 3.0 give $2.0 + 0.3 \cdot 2.5 + 0.3 \cdot 3.0 = 3.65$.
#
# <details><summary>Hint: one or three</summary>
#
# `isinstance(outputs, Tensor)` tells one answer from three.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "googlenet_loss", "locked": false, "schema_version": 3, "solution": true, "task": false}
from .googlenet_loss import googlenet_loss

# %% [markdown]
# ### Do the heads help the gradient?
#
# Let us see. A quarter-width GoogLeNet with PyTorch's first weights gets two images of noise. How large is the gradient of its loss in each layer, with the heads' losses and without them?
#
# **Predict.** Where will the two curves differ: at the bottom of the net, at the top, or everywhere?

# %% tags=["active-ipynb"]
# with contextlib.suppress(NotImplementedError):
#     torch.manual_seed(0)
#     net = googlenet(classes=10, width=16, dropout=0.0)
#     images, labels = torch.randn(2, 3, 224, 224), torch.tensor([3, 7])
#     trunk = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
#     sizes = {}
#     for name in ("with heads", "without"):
#         net.zero_grad()
#         outputs = net(images)
#         googlenet_loss(outputs if name == "with heads" else outputs[0], labels).backward()
#         sizes[name] = [0.0 if layer.weight.grad is None else float(layer.weight.grad.square().mean().sqrt()) for layer in trunk]
#     reached = [i for i, size in enumerate(sizes["without"]) if size > 0]
#     fig, ax = plt.subplots(figsize=(8, 3.4))
#     for name, colour, style in (("with heads", "vermillion", "-o"), ("without", "blue", "--s")):
#         ax.semilogy([sizes[name][i] for i in reached], style, markersize=3, color=plots.PALETTE[colour], label=name)
#     ax.set_xlabel("convolution, in the order in which you made them")
#     ax.set_ylabel("size of the gradient")
#     ax.legend()
#     gain = sizes["with heads"][reached[0]] / sizes["without"][reached[0]]
#     show(fig, alt=f"Root mean square of the gradient of each convolution, on a logarithmic scale, with and without the heads. In the first convolution it is {gain:.0f} times as large with heads; above the second head the curves agree.")
#     print(f"first convolution: {sizes['without'][reached[0]]:.1e} without heads, {sizes['with heads'][reached[0]]:.1e} with heads, {gain:.0f} times as much")

# %% [markdown]
# Above the second head both curves are the same: no head's gradient comes down there. Below it the heads decide. Today BatchNorm and shortcuts do this job, and better. That is the subject of assignment 07.
#
# ## Your nets and the world's
#
# ### All together

# %% tags=["active-ipynb"]
# with exploring():
#     nets = {
#         "LeNet-5": (lenet5(), (1, 32, 32)), "AlexNet, one tower": (alexnet(), (3, 224, 224)), "AlexNet, two towers": (alexnet("two towers"), (3, 227, 227)),
#         "ZFNet": (zfnet(), (3, 224, 224)), "VGG-16": (vgg(16), (3, 224, 224)), "VGG-19": (vgg(19), (3, 224, 224)), "GoogLeNet": (googlenet(auxiliary=False), (3, 224, 224)),
#     }
#     totals = {name: layer_table(net, shape).total for name, (net, shape) in nets.items()}
#     for name, total in totals.items():
#         print(f"{name:20} {total.parameters:12,} parameters {total.multiply_adds / 1e6:9,.1f} M multiply-adds")
#     fig, ax = plt.subplots(figsize=(8, 4))
#     for (name, total), (dx, dy) in zip(totals.items(), ((8, -3), (-8, -14), (8, 6), (8, 4), (-8, -16), (-6, 8), (8, -3)), strict=True):
#         ax.loglog(total.parameters, total.multiply_adds, "o", color=plots.PALETTE["blue"])
#         ax.annotate(name, (total.parameters, total.multiply_adds), (dx, dy), textcoords="offset points", ha="left" if dx > 0 else "right")
#     ax.set_xlim(2e4, 2e9)
#     ax.set_ylim(1e5, 1e11)
#     ax.set_xlabel("parameters")
#     ax.set_ylabel("multiply-adds for one image")
#     ax.grid(alpha=0.3)
#     show(fig, alt="Multiply-adds against parameters of seven nets, both axes logarithmic. GoogLeNet has about a ninth of AlexNet's parameters and twice its work; VGG-16 and VGG-19 have the most of both.")

# %% [markdown]
# ### torchvision's weights in your net
#
# torchvision's AlexNet has the same eight layers as your one tower. If you made them in the order in which data passes, then its parameters and yours come in the same order, and we can copy them over, name or no name.
#
# The weights below are random: the point is that the two nets are **the same function**. With the published weights, which are a download of 233 MB, yours would now know a thousand kinds of things.

# %% tags=["active-ipynb"]
# with contextlib.suppress(NotImplementedError):
#     torch.manual_seed(1)
#     theirs, ours = torchvision.models.alexnet(num_classes=20).eval(), alexnet(classes=20).eval()
#     pairs = list(zip(theirs.parameters(), ours.parameters(), strict=True))
#     if all(a.shape == b.shape for a, b in pairs):
#         x = torch.randn(2, 3, 224, 224)
#         with torch.no_grad():
#             for a, b in pairs:
#                 b.copy_(a)
#             difference = float((theirs(x) - ours(x)).abs().max())
#         print(f"{sum(a.numel() for a, b in pairs):,} parameters copied; largest difference of the logits: {difference:.0e}")
#     else:
#         print("Your parameters come in another order than torchvision's: make the layers in the order in which data passes.")

# %% [markdown]
# One thing differs all the same: torchvision's dropout acts on what goes *into* fc6 and fc7, yours on what comes out of them, as in the paper. In evaluation that makes no difference.

# %% tags=["active-ipynb"]
# widgets.question(
#     "Somebody loads torchvision's GoogLeNet, measures its multiply-adds, and writes: “so much does the net of 2014 cost”. What is wrong?",
#     {
#         "Nothing": "Compare the third branch of the two variants.",
#         "The third branch has 3×3 kernels there": "25 multiply-adds per weight pair and position become 9. There is BatchNorm, too, and the normalisation is gone. It is a good net, but not quite the net of 2014.",
#         "The auxiliary heads are missing": "They take no part in evaluation, in either of the two.",
#     },
#     answer="The third branch has 3×3 kernels there",
# )

# %% [markdown]
# ## What it leads to
#
# - Lab 04 trains small versions of your nets on CIFAR-10: `alexnet(…, small_images=True)`, `vgg(…, image_size=32)`, `googlenet(…, small_images=True)`.
# - Assignment 07 goes on where GoogLeNet stopped. Shortcuts take the gradient all the way down, and depth becomes a number that one chooses.
#
# ## Sources
#
# - LeCun, Bottou, Bengio, Haffner, *Gradient-based learning applied to document recognition*, 1998.
# - Krizhevsky, Sutskever, Hinton, *ImageNet classification with deep convolutional neural networks*, 2012; Krizhevsky, *One weird trick for parallelizing convolutional neural networks*, 2014: the one tower.
# - Zeiler, Fergus, *Visualizing and understanding convolutional networks*, 2014.
# - Simonyan, Zisserman, *Very deep convolutional networks for large-scale image recognition*, 2015.
# - Szegedy et al., *Going deeper with convolutions*, 2015.
