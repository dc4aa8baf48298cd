# ---
# jupyter:
#   convnets:
#     minutes: 330
#     budget_seconds: 120
#     needs: [06_optimization, 07_regularization, 08_lenet, 02_layers, 04_training]
#     summary: Build a LeNet out of your own layers, train it on photos of clothes, and carry its weights into PyTorch.
# ---

# %% [markdown]
# # LeNet from scratch
#
# In assignment 02 you wrote layers, in assignment 04 what trains them. Now you put it all together: a whole convolutional network in NumPy, every line of it yours. It learns to
# tell ten kinds of clothes apart in about half a minute, and your weights give the same answers in PyTorch.
#
# **You will be able to**
#
# - write layers that remember what their backward pass needs, and a convolution that is fast enough to train with,
# - chain layers to a network, and name its parameters as PyTorch does,
# - write the training step and the loop around it,
# - prove that a network works *before* you train it: by its first loss, and by eight images learned by heart,
# - carry weights from your code to PyTorch, and find out whether both mean the same.
#
# **Time:** about 5½ hours, in three sittings. **You need:** chapter 08, and assignments 02 and 04. The computer trains for well under 90 seconds on two CPU cores.
#
# | sitting | what you write | hours |
# |---|---|---|
# | 1 | ReLU, the loss, first weights, a linear layer | 1 |
# | 2 | convolution and max pooling, fast, forward and backward | 2 |
# | 3 | the network, LeNet, one training step, one epoch, the answers | 2½ |
#
# Some of this you wrote before, as functions. Open your old notebooks and copy what you can use: it is your own code, and reusing it is the point. Every notebook is graded on its own, though, so what you
# need must stand **in this one**.
#
# The cell after the set-up asks for one thread. The matrix products here are small: two threads would mostly wait for each other, above all on a busy machine. NumPy reads this only once, when it is imported. So it must be said before that.

# %% tags=["active-ipynb"]
# import os
#
# for library in ("OPENBLAS", "MKL", "OMP"):
#     os.environ[f"{library}_NUM_THREADS"] = "1"

# %%
import contextlib
import math
import os
import time
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from safetensors.numpy import load_file, save_file

from convnets.check import check
from convnets.data import load_fashion_mnist

# %% [markdown]
# ## What a layer is, from now on
#
# In assignment 02 a layer was two functions, and you handed `x` to both. A network of twelve layers would have to keep twelve `x`. So from now on a layer is an object that **remembers** what its backward pass needs.
#
# | part | what it does |
# |---|---|
# | `layer.forward(x)` | returns the output, and remembers what `backward` will need |
# | `layer.backward(dout)` | returns `dx`, and puts the gradients of its parameters into `layer.gradients` |
# | `layer.parameters` | a dictionary of arrays by name, such as `{"weight": …, "bias": …}`; empty if there is nothing to learn |
# | `layer.gradients` | a dictionary with the same names, filled by `backward` |
#
# `backward` always belongs to the **latest** `forward`. Each backward pass **replaces** the gradients of the one before.
#
# Four rules as before. Images are N×C×H×W. `dw` has the shape of `w`. Arrays that were handed to you are not yours: never change them. And what comes in as float32 goes out as float32: it is precise enough, and takes half the memory of float64.
#
# The next cell holds the base class and one complete layer, `Flatten`. Read it. Your layers will look like it.


# %%
class Layer:
    """What all layers share: two dictionaries, which stay empty in a layer that has nothing to learn."""

    def __init__(self):
        self.parameters = {}
        self.gradients = {}


class Flatten(Layer):
    """(N, C, H, W) → (N, C·H·W). Nothing to learn; backward undoes the reshaping."""

    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dout):
        return dout.reshape(self.shape)


@contextlib.contextmanager
def exploring():
    """For cells that play with your code: says what is still to be written."""
    try:
        yield
    except NotImplementedError as missing:
        print(f"This cell comes alive when the exercise is written. {missing}.")


# %% [markdown]
# ## ReLU
#
# **Why first.** It is the smallest layer that must remember something: the gradient passes where `x` was positive, and nowhere else. At exactly 0 it does not pass, as in PyTorch.
#
# **A tiny example.** `forward` of $(-2,\; 0,\; 3)$ gives $(0,\; 0,\; 3)$. Then `backward` of $(5,\; 6,\; -7)$ gives $(0,\; 0,\; -7)$.
#
# <details><summary>Hint: remembering</summary>
#
# In `forward`: `self.x = x`, or only what you need of it. In `backward` you read it again.
# </details>


# %% nbgrader={"grade": false, "grade_id": "ReLU", "locked": false, "schema_version": 3, "solution": true, "task": false}
class ReLU(Layer):
    """Rectified linear unit, max(0, x), element by element.

    forward(x): x of any shape → the same shape and dtype. backward(dout): dout of that shape → dx; 0 where x was 0 or less.
    x and dout stay as they are.
    Source: torch.nn.ReLU, https://docs.pytorch.org/docs/stable/generated/torch.nn.ReLU.html
    """

    def forward(self, x):
        ### BEGIN SOLUTION
        self.positive = x > 0
        return np.maximum(x, 0)
        ### END SOLUTION

    def backward(self, dout):
        ### BEGIN SOLUTION
        return dout * self.positive
        ### END SOLUTION


# %% [markdown]
# ## softmax_cross_entropy
#
# You know it from assignment 02: softmax, then the surprise at the right class, and the mean over the batch. Its gradient is where every backward pass begins.
#
# $$L = -\frac1N\sum_n \log p_{n,\,y_n} \qquad\qquad \frac{\partial L}{\partial z_{nk}} = \frac{p_{nk} - [k = y_n]}{N}$$
#
# **A tiny example.** One image, logits $(0,\; 0)$, right class 1. Both probabilities are ½. The loss is $\ln 2 = 0.693$, and the gradient is $(0.5,\; -0.5)$.
#
# Large logits must not overflow: subtract the largest of each row first. And keep float32.
#
# <details><summary>Hint 1: the log of a probability</summary>
#
# $\log p_y = z_y - \log\sum_k e^{z_k}$. Never take the log of a probability that may have become 0.
# </details>
# <details><summary>Hint 2: one number from each row</summary>
#
# `a[np.arange(N), labels]` reads it, and `a[np.arange(N), labels] -= 1` changes it.
# </details>


# %% nbgrader={"grade": false, "grade_id": "softmax_cross_entropy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def softmax_cross_entropy(logits, labels):
    """Softmax followed by cross-entropy, mean over the batch, and its gradient.

    logits: (N, C), floats. labels: (N,), the right classes, 0 … C−1.
    Returns (loss, dlogits): a number, and an array (N, C) in the logits' dtype. Inputs stay as they are; no logit gives NaN or infinity.
    Source: torch.nn.CrossEntropyLoss, https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
    """
    ### BEGIN SOLUTION
    rows = np.arange(len(logits))
    shifted = logits - logits.max(axis=1, keepdims=True)
    sizes = np.exp(shifted)
    sums = sizes.sum(axis=1, keepdims=True)
    loss = np.mean(np.log(sums[:, 0]) - shifted[rows, labels])
    dlogits = sizes / sums
    dlogits[rows, labels] -= 1
    return loss, dlogits / len(logits)
    ### END SOLUTION


# %% [markdown]
# ## he_weights
#
# First weights after He: normal numbers with mean 0 and standard deviation $\sqrt{2 / \text{fan-in}}$. The **fan-in** is the number of inputs that one output adds up: in_features for a linear layer, in_channels · kernel height · kernel width
# for a convolution. The 2 makes up for the half that ReLU throws away.
#
# **A tiny example.** (16, 6, 5, 5): fan-in $6\cdot5\cdot5 = 150$, standard deviation $\sqrt{2/150} = 0.115$.
#
# The result must be **float32**. One float64 array in a network makes everything after it float64, which is slower.
#
# <details><summary>Hint: the last step</summary>
#
# `.astype(np.float32)` at the very end. A product with `np.sqrt(…)` can turn float32 into float64 again; `math.sqrt` does no harm.
# </details>


# %% nbgrader={"grade": false, "grade_id": "he_weights", "locked": false, "schema_version": 3, "solution": true, "task": false}
def he_weights(shape, rng):
    """First weights for a layer that ReLU follows: normal numbers with mean 0 and variance 2 / fan-in.

    shape: (out_features, in_features), or (out_channels, in_channels, kernel height, kernel width).
    rng: a `numpy.random.Generator`, the only source of randomness. Returns a float32 array of that shape.
    Source: K. He, X. Zhang, S. Ren, J. Sun, Delving Deep into Rectifiers, https://arxiv.org/abs/1502.01852, section 2.2
    """
    ### BEGIN SOLUTION
    fan_in = math.prod(shape[1:])
    return (math.sqrt(2 / fan_in) * rng.standard_normal(shape)).astype(np.float32)
    ### END SOLUTION


# %% [markdown]
# ## Linear
#
# Now a layer with parameters. It is made from its weights: `Linear(he_weights((84, 120), rng))` has 120 inputs and 84 outputs. The constructor is there already. It puts `weight` and a `bias` of zeros into `self.parameters`.
#
# **Always read the weights from `self.parameters`**, in `forward` and in `backward`. Training changes them there.
#
# | | |
# |---|---|
# | `forward(x)` | $x\,w^\top + b$ |
# | `backward(dout)` | returns $dx = d\text{out}\,w$; puts $dw = d\text{out}^\top x$ into `self.gradients["weight"]`, and the sum of `dout` over the images into `self.gradients["bias"]` |
#
# **A tiny example.** $w = (2\;\; 3)$, $b = 1$, $x = (10\;\; 1)$: the output is $20 + 3 + 1 = 24$. Then `backward` of $(5)$ returns $dx = (10\;\; 15)$, with gradients $dw = (50\;\; 5)$ and $db = 5$.
#
# <details><summary>Hint: what to remember, and where the gradients go</summary>
#
# `dw` needs the `x` of the forward pass: `self.x = x`. In `backward`, write both gradients at once: `self.gradients = {"weight": …, "bias": …}`. A new dictionary replaces the old one, and nothing piles up.
# </details>


# %% nbgrader={"grade": false, "grade_id": "Linear", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Linear(Layer):
    """Linear layer, x·wᵀ + b.

    weight: (out_features, in_features). The bias (out_features,) begins with zeros. Both are in `parameters`.

    forward(x): (N, in_features) → (N, out_features). backward(dout): (N, out_features) → dx (N, in_features);
    `gradients` then holds "weight" and "bias", shaped as the parameters. x, dout and the parameters stay as they are.
    Source: torch.nn.Linear, https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html
    """

    def __init__(self, weight):
        super().__init__()
        self.parameters = {"weight": weight, "bias": np.zeros(len(weight), weight.dtype)}

    def forward(self, x):
        ### BEGIN SOLUTION
        self.x = x
        return x @ self.parameters["weight"].T + self.parameters["bias"]
        ### END SOLUTION

    def backward(self, dout):
        ### BEGIN SOLUTION
        self.gradients = {"weight": dout.T @ self.x, "bias": dout.sum(axis=0)}
        return dout @ self.parameters["weight"]
        ### END SOLUTION


# %% [markdown]
# ### Ask the definition
#
# The next cell compares your backward pass with numerical gradients, as in assignment 02. It works for every layer: call `check_layer` again for each one that you write. Errors below $10^{-6}$ are rounding. Anything above
# $10^{-3}$ is a mistake.


# %%
def check_layer(layer, x, h=1e-5):
    """Print how far a layer's gradients are from numerical ones. x: float64 array."""
    layer.parameters = {name: values.astype(np.float64) for name, values in layer.parameters.items()}
    dout = np.random.default_rng(1).standard_normal(layer.forward(x).shape)
    found = {"x": layer.backward(dout), **layer.gradients}
    for name, moved in {"x": x, **layer.parameters}.items():
        numerical = np.zeros_like(moved)
        for index in np.ndindex(moved.shape):
            old = moved[index]
            sums = []
            for step in (h, -h):
                moved[index] = old + step
                sums.append(np.sum(dout * layer.forward(x)))
            moved[index] = old
            numerical[index] = (sums[0] - sums[1]) / (2 * h)
        error = np.abs(found[name] - numerical).max() / np.abs(numerical).max()
        print(f"{type(layer).__name__:10} gradient of {name:7} relative error {error:.1e}")


# %% tags=["active-ipynb"]
# with exploring():
#     rng = np.random.default_rng(0)
#     check_layer(ReLU(), rng.standard_normal((3, 5)))
#     check_layer(Linear(he_weights((4, 6), rng)), rng.standard_normal((3, 6)))

# %% [markdown]
# ## Conv2d
#
# The heart of the network, and nearly all of its time. For LeNet we need less than in assignment 02: stride 1, no dilation, no groups, a square kernel, padding on all sides. But it must be **fast**. The last property runs 256 images of
# 28×28 pixels forward and backward, and stops your code after three seconds. A Python loop over all windows of all images does not pass.
#
# **Where the time goes.** Three designs, and how many turns a Python loop takes for one batch of 64 in LeNet's first layer:
#
# | design | turns |
# |---|--:|
# | loop over images, filters, rows, columns | 301,056 |
# | loop over rows and columns, all images at once | 784 |
# | loop over the kernel's places, or no loop: **im2col** | 25, or none |
#
# Each turn costs microseconds before any arithmetic is done. So fill the columns with few large copies, and leave the sums to **one matrix product**.
#
# ```
#  all windows of all images, as columns
#
#   weights (F, C·k·k)   @   columns (C·k·k, N·H'·W')   =   outputs (F, N·H'·W')
# ```
#
# `backward` needs the columns again, for `dw`: remember them in `forward`.
#
# **A tiny example**, as in assignment 02: $x = (1\;\; 2\;\; 3)$ in the middle row of a 3×3 image of zeros, and a 3×3 kernel with middle row $(10\;\; 1\;\; 0)$, padding 1. In the middle of the output stands $10\cdot1 + 1\cdot2 + 0\cdot3 = 12$.
#
# <details><summary>Hint 1: your own im2col</summary>
#
# The `im2col`, `col2im` and `conv2d_backward` of assignment 02 do nearly all of this. Paste what you need above the class, into the same cell, with the helpers that they call.
# There the columns were (N, C·k·k, H'·W'), one matrix for each image, and `w.reshape(F, -1) @ columns` multiplied all of them.
# </details>
# <details><summary>Hint 2: columns without a loop</summary>
#
# `sliding_window_view(padded, (k, k), axis=(2, 3))` is (N, C, H', W', k, k) and copies nothing. `transpose` it to (C, k, k, N, H', W') and `reshape` to two axes: that is the one big copy.
# </details>
# <details><summary>Hint 3: the way back</summary>
#
# Bring `dout` into the shape of the outputs in the picture, (F, N·H'·W'). Then `weights.T @ dout` is the gradient of the columns. Reshape it to (C, k, k, …). For each place (u, v) of the kernel, add its part `[:, u, v]` to the slice of the
# padded image that this place saw: k·k additions of whole slices. Cut the padding off at the end.
# </details>
# <details><summary>Hint 4: faster still</summary>
#
# Numbers that are copied together should lie together in memory. With the images as **last** axis, (C, H, W, N), the copies become long and straight. You can keep that order inside and hand out `.transpose(3, 0, 1, 2)`: a view, which costs
# nothing. When the next layer transposes back, that costs nothing either.
# </details>


# %% nbgrader={"grade": false, "grade_id": "Conv2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Conv2d(Layer):
    """Convolution layer with stride 1 (cross-correlation: the kernel is not flipped).

    weight: (out_channels, in_channels, k, k). padding: zeros on each side. The bias (out_channels,) begins with zeros.

    forward(x): (N, in_channels, H, W) → (N, out_channels, H', W') with H' = H + 2·padding − k + 1.
    backward(dout): (N, out_channels, H', W') → dx (N, in_channels, H, W); `gradients` then holds "weight" and "bias".
    x, dout and the parameters stay as they are.
    Source: torch.nn.Conv2d, https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """

    def __init__(self, weight, padding=0):
        super().__init__()
        self.parameters = {"weight": weight, "bias": np.zeros(len(weight), weight.dtype)}
        self.padding = padding

    def forward(self, x):
        ### BEGIN SOLUTION
        weight, p = self.parameters["weight"], self.padding
        filters, _, k, _ = weight.shape
        images_last = np.pad(x.transpose(1, 2, 3, 0), ((0, 0), (p, p), (p, p), (0, 0)))
        windows = sliding_window_view(images_last, (k, k), axis=(1, 2)).transpose(0, 4, 5, 1, 2, 3)
        self.x_shape, self.windows_shape = x.shape, windows.shape
        self.columns = windows.reshape(weight[0].size, -1)
        out = weight.reshape(filters, -1) @ self.columns
        out += self.parameters["bias"][:, None]
        return out.reshape(filters, *windows.shape[3:]).transpose(3, 0, 1, 2)
        ### END SOLUTION

    def backward(self, dout):
        ### BEGIN SOLUTION
        weight, p = self.parameters["weight"], self.padding
        n, channels, height, width = self.x_shape
        rows, columns = dout.shape[2:]
        slopes = dout.transpose(1, 2, 3, 0).reshape(len(weight), -1)
        self.gradients = {"weight": (slopes @ self.columns.T).reshape(weight.shape), "bias": slopes.sum(axis=1)}
        parts = (weight.reshape(len(weight), -1).T @ slopes).reshape(self.windows_shape)
        padded = np.zeros((channels, height + 2 * p, width + 2 * p, n), parts.dtype)
        for u, v in np.ndindex(weight.shape[2:]):
            padded[:, u : u + rows, v : v + columns] += parts[:, u, v]
        return padded[:, p : p + height, p : p + width].transpose(3, 0, 1, 2)
        ### END SOLUTION


# %% tags=["active-ipynb"]
# with exploring():
#     rng = np.random.default_rng(0)
#     check_layer(Conv2d(he_weights((3, 2, 3, 3), rng), padding=1), rng.standard_normal((2, 2, 5, 4)))
#     for shape, weight, padding in (((64, 1, 28, 28), (6, 1, 5, 5), 2), ((64, 6, 14, 14), (16, 6, 5, 5), 0)):
#         layer, x = Conv2d(he_weights(weight, rng), padding), rng.standard_normal(shape, dtype=np.float32)
#         times = []
#         for _ in range(5):
#             start = time.perf_counter()
#             layer.backward(layer.forward(x))
#             times.append(time.perf_counter() - start)
#         print(f"{weight[0]:2} filters of {weight[1]}×5×5 on 64 images of {shape[2]}×{shape[3]}: {1000 * min(times):.1f} ms forward and backward")

# %% [markdown]
# An epoch of 10,000 images has 157 such batches. If the two lines add up to 40 ms, twelve epochs take 75 seconds for these two layers alone: quick enough, but only just.

# %% [markdown]
# ## MaxPool2d
#
# Windows of `size`×`size` lie side by side. Each hands on its largest number. In `backward` the whole gradient of a window goes to **the first** largest number: row by row, in each row from the left. Equals are not rare:
# after a ReLU many windows are all zeros, and all four numbers are equally large.
#
# Rows and columns that do not fill a window are left out, and get no gradient.
#
# **A tiny example.** The window $\begin{pmatrix}1 & 6\\ 5 & 6\end{pmatrix}$ gives 6. `backward` of 10 gives $\begin{pmatrix}0 & 10\\ 0 & 0\end{pmatrix}$.
#
# <details><summary>Hint 1: four slices</summary>
#
# `x[:, :, 0::2, 1::2]` holds the upper right number of every 2×2 window. With four such slices, max pooling is three calls of `np.maximum`. Mind the rows and columns that are left out.
# </details>
# <details><summary>Hint 2: who has won?</summary>
#
# Go through the same slices in order. A slice wins where it equals the maximum **and nobody before it has won**. Keep an array of bools for that.
# </details>


# %% nbgrader={"grade": false, "grade_id": "MaxPool2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
class MaxPool2d(Layer):
    """Max pooling over windows that lie side by side.

    size: height and width of the windows. Rows and columns that do not fill a window are left out.

    forward(x): (N, C, H, W), floats → (N, C, H // size, W // size), in x's dtype.
    backward(dout): → dx (N, C, H, W), in dout's dtype: each window's gradient goes to its first largest number. x and dout stay as they are.
    Source: torch.nn.MaxPool2d, https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
    """

    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        ### BEGIN SOLUTION
        bottom, right = (length // self.size * self.size for length in x.shape[2:])
        self.places = [np.s_[:, :, u : bottom : self.size, v : right : self.size] for u, v in np.ndindex(self.size, self.size)]
        self.x = x
        self.out = np.maximum.reduce([x[place] for place in self.places])
        return self.out
        ### END SOLUTION

    def backward(self, dout):
        ### BEGIN SOLUTION
        dx = np.zeros_like(self.x, dtype=dout.dtype)
        undecided = np.ones_like(self.out, dtype=bool)
        for place in self.places:
            wins = undecided & (self.x[place] == self.out)
            dx[place] = wins * dout
            undecided ^= wins
        return dx
        ### END SOLUTION


# %% tags=["active-ipynb"]
# with exploring():
#     rng = np.random.default_rng(0)
#     check_layer(MaxPool2d(2), rng.standard_normal((2, 3, 5, 6)))

# %% [markdown]
# ## Network
#
# A network is a list of layers in order. Forward, each layer gets what the one before returned. Backward, the gradient goes through the layers in the opposite order.
#
# **Names.** A training step must reach every parameter, so each one needs a name: **the layer's place in the list, counted from 0, a dot, and the name in the layer**. Layers without parameters count, too.
#
# ```
#   place   layer      parameters()                 shape
#     0     Conv2d     "0.weight", "0.bias"         (6, 1, 5, 5), (6,)
#     1     ReLU
#     2     MaxPool2d
#     3     Conv2d     "3.weight", "3.bias"         (16, 6, 5, 5), (16,)
# ```
#
# These are exactly the names that PyTorch's `nn.Sequential` gives. You will be glad of that at the end.
#
# `parameters()` hands out **the arrays themselves**, not copies. Whoever changes such an array in place (`array -= step`) changes the network. That is how training will work.
#
# <details><summary>Hint: a dictionary from two loops</summary>
#
# `{f"{place}.{name}": … for place, layer in enumerate(self.layers) for name, … in layer.parameters.items()}`
# </details>


# %% nbgrader={"grade": false, "grade_id": "Network", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Network:
    """Layers one after the other.

    layers: a list of objects with forward, backward, parameters and gradients, as described for `Layer`.

    forward(x): the last layer's output. backward(dout): the gradient of the network's input; afterwards the layers hold their gradients.
    parameters(), gradients(): dictionaries {"place.name": array} of all layers, in their order; the arrays themselves, not copies.
    Source of the names: torch.nn.Sequential, https://docs.pytorch.org/docs/stable/generated/torch.nn.Sequential.html
    """

    def __init__(self, layers):
        self.layers = list(layers)

    def forward(self, x):
        ### BEGIN SOLUTION
        for layer in self.layers:
            x = layer.forward(x)
        return x
        ### END SOLUTION

    def backward(self, dout):
        ### BEGIN SOLUTION
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout
        ### END SOLUTION

    def parameters(self):
        ### BEGIN SOLUTION
        return {f"{place}.{name}": values for place, layer in enumerate(self.layers) for name, values in layer.parameters.items()}
        ### END SOLUTION

    def gradients(self):
        ### BEGIN SOLUTION
        return {f"{place}.{name}": values for place, layer in enumerate(self.layers) for name, values in layer.gradients.items()}
        ### END SOLUTION


# %% [markdown]
# ## lenet
#
# Now build the net. Twelve layers, places 0 to 11:
#
# | place | layer | output of one image | weight |
# |--:|:--|:--|:--|
# | | the image | 1×28×28 | |
# | 0 | convolution 5×5, padding 2 | 6×28×28 | (6, 1, 5, 5) |
# | 1 | ReLU | | |
# | 2 | max pooling 2 | 6×14×14 | |
# | 3 | convolution 5×5 | 16×10×10 | (16, 6, 5, 5) |
# | 4 | ReLU | | |
# | 5 | max pooling 2 | 16×5×5 | |
# | 6 | flatten | 400 | |
# | 7 | linear | 120 | (120, 400) |
# | 8 | ReLU | | |
# | 9 | linear | 84 | (84, 120) |
# | 10 | ReLU | | |
# | 11 | linear: the logits | 10 | (10, 84) |
#
# All weights begin as `he_weights`, drawn from the **one** generator `rng`, in the order of the layers. With one exception: **multiply the last layer's weights by 0.01.**
#
# **Why?** In the beginning the net knows nothing, and should say so: all classes equally likely, so a loss of $\ln 10 = 2.303$. That happens when all logits are near 0. With He's weights in the last layer the logits would not be near 0: their root mean square would be above 1. The net
# would begin with strong opinions, most of them wrong, and would have to unlearn them first.
#
# **Predict** before you write: how many parameters are there? The last linear layer has $84\cdot10 + 10 = 850$. Add up the other four.
#
# <details><summary>Hint: from the table to code</summary>
#
# Write the twelve layers as a list, one line of the table after the other. Place 0 is `Conv2d(he_weights((6, 1, 5, 5), rng), padding=2)`. Hand the list to `Network`. For the last layer, `0.01 * he_weights(…)` stays float32.
# </details>


# %% nbgrader={"grade": false, "grade_id": "lenet", "locked": false, "schema_version": 3, "solution": true, "task": false}
def lenet(rng):
    """LeNet-5 with ReLU and max pooling, for images of 28×28 pixels, with first weights from `rng`.

    rng: a `numpy.random.Generator`, the only source of randomness.
    Returns a `Network` of the twelve layers in the table above: float32 images (N, 1, 28, 28) → logits (N, 10).
    Weights are `he_weights`, the last layer's multiplied by 0.01; biases are 0.
    Source of the pattern: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998.
    """
    ### BEGIN SOLUTION
    return Network(
        [
            Conv2d(he_weights((6, 1, 5, 5), rng), padding=2),
            ReLU(),
            MaxPool2d(2),
            Conv2d(he_weights((16, 6, 5, 5), rng)),
            ReLU(),
            MaxPool2d(2),
            Flatten(),
            Linear(he_weights((120, 400), rng)),
            ReLU(),
            Linear(he_weights((84, 120), rng)),
            ReLU(),
            Linear(0.01 * he_weights((10, 84), rng)),
        ]
    )
    ### END SOLUTION


# %% [markdown]
# ### Look at the data, and at the first loss
#
# The course ships 10,000 training and 2,000 test images of Fashion-MNIST. `prepare` turns pixels 0 … 255 into float32 numbers around 0, as in assignment 04. Its two numbers were measured on the training images.
#
# Two questions come before any training. **Is the first loss $\ln 10$?** If not, something is wrong already. **And does every parameter get a gradient?** One that is 0 everywhere belongs to a layer that will never learn.

# %%
MEAN, STD = 0.287, 0.353  # of the shipped training pixels, on the scale 0 to 1


def prepare(images):
    """uint8 (N, 28, 28), 0 to 255 → float32 (N, 1, 28, 28), standardised. images stays as it is."""
    return ((images[:, None].astype(np.float32) / 255) - MEAN) / STD


# %% tags=["active-ipynb"]
# data = load_fashion_mnist()
# train_x, test_x = prepare(data.train_images), prepare(data.test_images)
# print(f"pixels: mean {data.train_images.mean() / 255:.3f}, standard deviation {data.train_images.std() / 255:.3f}; prepared: {abs(train_x.mean()):.2f} and {train_x.std():.2f}, {train_x.dtype}")
# with exploring():
#     network = lenet(np.random.default_rng(0))
#     print(f"{sum(values.size for values in network.parameters().values()):,} parameters")
#     loss, dlogits = softmax_cross_entropy(network.forward(train_x[:256]), data.train_labels[:256])
#     print(f"first loss {loss:.4f}, and ln 10 = {math.log(10):.4f}")
#     network.backward(dlogits)
#     for name, gradient in network.gradients().items():
#         print(f"{name:10} {gradient.shape!s:14} {gradient.dtype}, root mean square of the gradient {np.sqrt(np.mean(gradient**2)):.1e}")

# %% [markdown]
# The gradients of the early layers are small: they came through a last layer whose weights are a hundred times smaller than usual. That is gone after a few steps, when the last layer has grown.

# %% tags=["active-ipynb"]
# from convnets import widgets
#
# widgets.question(
#     "Somebody's untrained net has a first loss of 4.1 on ten equally frequent classes. What is the likeliest reason?",
#     {
#         "The images were not shuffled": "The order of the images changes nothing in the mean loss of a net that has learned nothing.",
#         "The first weights of the last layer are too large": "Then the logits are large, and the net is sure of itself and wrong. A net that is sure of nothing has ln 10 = 2.303.",
#         "The net has too few parameters": "Even a net with ten biases and nothing else gets ln 10 when they are all 0.",
#     },
#     answer="The first weights of the last layer are too large",
# )

# %% [markdown]
# ## train_step
#
# One step of SGD with momentum, on one batch:
#
# 1. `network.forward` gives the logits, `softmax_cross_entropy` the loss and where to begin backwards.
# 2. `network.backward` fills the gradients.
# 3. For each parameter: $v \leftarrow \mu v + dw$, then $w \leftarrow w - \eta v$.
#
# `velocity` is a dictionary by the parameters' names. Before the first step it is **empty**: a missing velocity is 0. Your function fills it, and finds it filled the next time. Parameters are changed **in place**: `values -= …` changes the
# network's array, `values = values - …` only makes a new array with the same name.
#
# **A tiny example.** A parameter 1.0 with gradient 2.0, $\eta = 0.1$, $\mu = 0.9$. First step: $v = 2$, $w = 1 - 0.2 = 0.8$. If the gradient is 2.0 again: $v = 0.9\cdot2 + 2 = 3.8$, $w = 0.8 - 0.38 = 0.42$.
#
# The check brings a small network of its own, with two parameters. So this exercise does not depend on your layers, only on your `softmax_cross_entropy`.
#
# <details><summary>Hint: a missing velocity</summary>
#
# `velocity.get(name, 0)` is 0 where there is none yet.
# </details>


# %% nbgrader={"grade": false, "grade_id": "train_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_step(network, x, labels, velocity, lr, momentum=0.9):
    """One step of SGD with momentum, in place.

    network: has forward, backward, parameters() and gradients(), as `Network` does. x: a batch of prepared images. labels: (N,).
    velocity: {parameter's name: array}, empty before the first step; is brought up to date in place. lr: learning rate.
    Returns the batch's mean loss as it was before the step, a float. x and labels stay as they are.
    Source: torch.optim.SGD with momentum, https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html
    """
    ### BEGIN SOLUTION
    loss, dlogits = softmax_cross_entropy(network.forward(x), labels)
    network.backward(dlogits)
    gradients = network.gradients()
    for name, values in network.parameters().items():
        velocity[name] = momentum * velocity.get(name, 0) + gradients[name]
        values -= lr * velocity[name]
    return float(loss)
    ### END SOLUTION


# %% [markdown]
# ### Eight images, learned by heart
#
# This is the best test there is for a network and its training step together: **can it learn eight images by heart?** With 61,706 parameters that must be easy. If the loss does not fall to nearly 0, look for a mistake. Do not train on
# 10,000 images before this works.
#
# **Predict:** how many steps until all eight are right?

# %% tags=["active-ipynb"]
# with exploring():
#     network, velocity, losses, wrong = lenet(np.random.default_rng(0)), {}, [], []
#     eight, their_labels = train_x[:8], data.train_labels[:8]
#     for step in range(50):
#         losses.append(train_step(network, eight, their_labels, velocity, lr=0.02))
#         wrong.append(int((network.forward(eight).argmax(axis=1) != their_labels).sum()))
#     import matplotlib.pyplot as plt
#
#     from convnets.plots import PALETTE, show
#
#     colours = list(PALETTE.values())
#     fig, (left, right) = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
#     left.semilogy(losses, color=colours[0])
#     left.axhline(math.log(10), color=colours[1], linestyle="--", label="ln 10")
#     left.set(xlabel="step", ylabel="loss")
#     left.legend()
#     right.step(range(1, 51), wrong, color=colours[0], where="mid")
#     right.set(xlabel="step", ylabel="wrong, of 8", ylim=(-0.3, 8))
#     done = next((i + 1 for i in range(50) if not any(wrong[i:])), None)
#     words = f"From step {done} on all eight are right." if done else f"{wrong[-1]} of 8 are still wrong."
#     show(fig, alt=f"Left: the loss on eight images falls from {losses[0]:.2f} to {losses[-1]:.2g}. Right: the number of wrong ones. {words}")
#     print(f"Loss {losses[0]:.3f} → {losses[-1]:.1e}. {words}")

# %% [markdown]
# ## train_epoch
#
# One epoch shows the network every image once, batch after batch, in the order that is handed in. With 10,000 images and batches of 64 there are 157 steps. The last batch has only $10{,}000 - 156\cdot64 = 16$ images, and counts as 16.
#
# **A tiny example.** Two batches, of 3 images with mean loss 1.0 and of 1 image with mean loss 2.0. The epoch's mean loss is $(3\cdot1.0 + 1\cdot2.0)/4 = 1.25$. It is not 1.5.
#
# Use your `train_step`. The **same** `velocity` goes through all steps.
#
# <details><summary>Hint: batches</summary>
#
# `for start in range(0, len(order), batch_size): rows = order[start : start + batch_size]`. A slice that reaches beyond the end is simply shorter. `images[rows]` picks the images.
# </details>


# %% nbgrader={"grade": false, "grade_id": "train_epoch", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_epoch(network, images, labels, velocity, lr, order, batch_size=64, momentum=0.9):
    """Train a network for one epoch, in place, with `train_step`.

    images: prepared images (N, …). labels: (N,). velocity, lr, momentum: as for `train_step`.
    order: (N,), the numbers of the images in the order in which they are taken. batch_size: the last batch may be smaller, and counts too.
    Returns the mean loss over all images, each measured just before its batch's step, a float. images, labels and order stay as they are.
    """
    ### BEGIN SOLUTION
    total = 0.0
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        total += len(rows) * train_step(network, images[rows], labels[rows], velocity, lr, momentum)
    return total / len(order)
    ### END SOLUTION


# %% [markdown]
# ### Train it
#
# Twelve epochs. The learning rate begins with 0.05 and falls in a straight line. In each epoch about half of the images are mirrored: a mirrored shoe is still a shoe. If your layers are slow, the cell stops before an epoch
# that would pass 85 seconds. If an epoch's loss is not clearly below ln 10, it stops, too, and saves nothing: then go back to the eight images.
#
# **Predict:** in assignment 02 a linear classifier learned the same photos. What did it reach, and what will LeNet reach?
#
# Your weights are saved as `lenet.safetensors` beside this notebook: **hand that file in with it.** The format holds arrays and names, and no code, so that it is safe to open a stranger's file. Delete it to train anew.


# %%
def save(network, path):
    """Write the network's parameters to `path`, whole or not at all."""
    temporary = Path(f"{path}.part")
    save_file({name: np.ascontiguousarray(values) for name, values in network.parameters().items()}, temporary)
    os.replace(temporary, path)


def load(network, path):
    """Fill the network's parameters with what `save` wrote, in place."""
    saved = load_file(path)
    for name, values in network.parameters().items():
        values[...] = saved[name]


# %% tags=["active-ipynb"]
# handed_in = Path("lenet.safetensors")
# EPOCHS, RATE, SECONDS, HIGHEST = 12, 0.05, 85, math.log(10) - 0.1
# history = {"train_loss": [], "test_accuracy": []}
# with exploring():
#     trained = lenet(np.random.default_rng(0))
#     if handed_in.exists():
#         load(trained, handed_in)
#         print("Loaded from lenet.safetensors.")
#     else:
#         rng, velocity, start, loss = np.random.default_rng(1), {}, time.perf_counter(), 0.0
#         for epoch in range(EPOCHS):
#             passed = time.perf_counter() - start
#             if epoch and passed * (epoch + 1) / epoch > SECONDS:
#                 print(f"Stopped: with one more epoch it would take more than {SECONDS} s.")
#                 break
#             images = np.where(rng.random((len(train_x), 1, 1, 1)) < 0.5, train_x[..., ::-1], train_x)
#             loss = train_epoch(trained, images, data.train_labels, velocity, RATE * (1 - epoch / EPOCHS), rng.permutation(len(train_x)))
#             if not loss < HIGHEST:
#                 break
#             right = sum((trained.forward(part).argmax(axis=1) == answers).sum() for part, answers in zip(np.split(test_x, 4), np.split(data.test_labels, 4)))
#             history["train_loss"].append(loss)
#             history["test_accuracy"].append(right / len(test_x))
#             print(f"epoch {epoch + 1:2}: training loss {loss:.3f}, test accuracy {history['test_accuracy'][-1]:.1%}, {time.perf_counter() - start:.0f} s")
#         if loss < HIGHEST:
#             save(trained, handed_in)
#             print(f"{history['test_accuracy'][-1]:.1%} of the test images are right, trained in {time.perf_counter() - start:.0f} s.")
#         else:
#             print(f"Stopped, and nothing was saved: the mean loss of an epoch was {loss:.3f}, no better than guessing (ln 10 = {math.log(10):.3f}).")

# %% tags=["active-ipynb"]
# from convnets import plots
#
# if history["train_loss"]:
#     show(
#         plots.curves(history),
#         alt=f"Over the epochs the training loss falls from {history['train_loss'][0]:.2f} to {history['train_loss'][-1]:.2f}, and the test accuracy rises from {history['test_accuracy'][0]:.1%} to {history['test_accuracy'][-1]:.1%}.",
#     )

# %% [markdown]
# Five such runs with different random numbers ended between 86.5 and 87.7 %. So a difference of half a point says little. Here the test images only measure: nothing in this notebook was chosen by them. Choosing is the subject of lab 03,
# and there they stay locked away until the end.

# %% [markdown]
# ## classify
#
# Whoever uses your net has pixels and wants classes. Four things to do: `prepare` the images as in training, send them through the network **in batches** (the columns of 2,000 images would fill 157 MB), take the position of the largest
# logit, and put the batches together again.
#
# **A tiny example.** Logits $(0.1,\; 2.0,\; -1.0)$ mean class 1.
#
# When your work is graded, your trained net is asked about test photos in another light and with fresh noise, which nobody has beforehand. They are a little harder, so one percentage point less is asked there: 79 % and 84 %.
#
# <details><summary>Hint: whose network?</summary>
#
# Begin with `network = trained if network is None else network`. The check brings a network of its own, and asks yours when it brings none.
# </details>


# %% nbgrader={"grade": false, "grade_id": "classify", "locked": false, "schema_version": 3, "solution": true, "task": false}
def classify(images, network=None, batch_size=500):
    """The class of each image.

    images: uint8 array (N, height, width), values 0 to 255, N ≥ 1; stays as it is.
    network: has forward(prepared images) → logits; the variable `trained`, your own net, if None.
    batch_size: the network never gets more images than this at once. Returns an int array (N,) of classes.
    """
    ### BEGIN SOLUTION
    network = trained if network is None else network
    parts = (images[start : start + batch_size] for start in range(0, len(images), batch_size))
    return np.concatenate([network.forward(prepare(part)).argmax(axis=1) for part in parts])
    ### END SOLUTION


# %% [markdown]
# ### What it gets right, and what it has learned
#
# Fourteen test images with your net's answers, and the six kernels of its first layer. One sign is red, the other blue, zero is white.

# %% tags=["active-ipynb"]
# with exploring():
#     answers = classify(data.test_images)
#     print(f"{np.mean(answers == data.test_labels):.1%} of {len(answers):,} test images are right")
#     shown = np.random.default_rng(3).choice(len(answers), 14, replace=False)
#     figure = plots.predictions(data.test_images[shown], data.test_labels[shown], answers[shown], data.classes, columns=7)
#     show(figure, alt="Fourteen test images with your net's answers; a tick marks a right one, a cross a wrong one with the right class.")
#     show(plots.filters(trained.parameters()["0.weight"]), alt="The six 5×5 kernels of the first layer, red where positive and blue where negative.")

# %% [markdown]
# ## The same net in PyTorch
#
# If your network computes what PyTorch's layers compute, then **the same weights must give the same logits**. That is a hard test: a flipped kernel, a transposed weight or another order of flattening would show at once.
#
# `to_torch` builds the same list of layers in PyTorch. Your names are already those of `nn.Sequential`, so PyTorch takes your parameters as they are.
#
# **Predict:** the logits are float32 numbers of about 10 in size. How far apart will the two nets be?

# %% tags=["active-ipynb"]
# def to_torch(network):
#     """The same network in PyTorch: the same layers in the same order, with the same weights."""
#     import torch
#     from torch import nn
#
#     layers = []
#     for layer in network.layers:
#         shape = layer.parameters["weight"].shape if layer.parameters else ()
#         if len(shape) == 4:
#             layers.append(nn.Conv2d(shape[1], shape[0], shape[2:], padding=layer.padding))
#         elif len(shape) == 2:
#             layers.append(nn.Linear(shape[1], shape[0]))
#         else:
#             layers.append({"ReLU": nn.ReLU, "Flatten": nn.Flatten}[type(layer).__name__]() if not hasattr(layer, "size") else nn.MaxPool2d(layer.size))
#     twin = nn.Sequential(*layers)
#     twin.load_state_dict({name: torch.from_numpy(values.copy()) for name, values in network.parameters().items()})
#     return twin.eval()
#
#
# with exploring():
#     yours = lenet(np.random.default_rng(0))
#     if handed_in.exists():
#         load(yours, handed_in)
#     import torch
#
#     twin = to_torch(yours)
#     with torch.no_grad():
#         theirs = twin(torch.from_numpy(test_x[:500])).numpy()
#     mine = yours.forward(test_x[:500])
#     difference = np.abs(mine - theirs).max() / np.abs(theirs).max()
#     print(twin)
#     print(f"largest logit {np.abs(theirs).max():.1f}, largest difference {np.abs(mine - theirs).max():.1e}, relative {difference:.1e}")
#     print(f"same classes for {np.mean(mine.argmax(axis=1) == theirs.argmax(axis=1)):.1%} of 500 images")

# %% [markdown]
# What is left is rounding: float32 keeps about seven digits, and the two add up in another order.
#
# Does **training** agree as well? Both nets begin with the same weights and see the same batches. Yours takes your steps, the other one those of `torch.optim.SGD`. The cell prints the losses of both, and the time on one thread.

# %% tags=["active-ipynb"]
# with exploring():
#     ours, velocity = lenet(np.random.default_rng(5)), {}
#     twin = to_torch(ours).train()
#     optimizer = torch.optim.SGD(twin.parameters(), lr=0.02, momentum=0.9)
#     threads, seconds = torch.get_num_threads(), [0.0, 0.0]
#     torch.set_num_threads(1)
#     for step in range(60):
#         rows = slice(64 * step, 64 * step + 64)
#         start = time.perf_counter()
#         mine = train_step(ours, train_x[rows], data.train_labels[rows], velocity, lr=0.02)
#         middle = time.perf_counter()
#         loss = torch.nn.functional.cross_entropy(twin(torch.from_numpy(train_x[rows])), torch.from_numpy(data.train_labels[rows]))
#         optimizer.zero_grad()
#         loss.backward()
#         optimizer.step()
#         if step >= 10:
#             seconds[0] += middle - start
#             seconds[1] += time.perf_counter() - middle
#         if step % 10 == 9:
#             print(f"step {step + 1}: loss {mine:.5f} with your code, {loss.item():.5f} with PyTorch")
#     torch.set_num_threads(threads)
#     print(f"{1000 * seconds[0] / 50:.1f} ms a step with your code, {1000 * seconds[1] / 50:.1f} ms with PyTorch")

# %% [markdown]
# The losses agree at first, and drift apart slowly: each step magnifies the tiny differences of the one before. That is no mistake. Two runs of the same PyTorch code on two machines do the same.

# %% [markdown]
# ## What it leads to
#
# You have built and trained a convolutional network with nothing but arrays, and PyTorch agrees with it. From here on PyTorch does the backward passes, and you know what it does.
#
# - **Lab 02** asks what BatchNorm, dropout and augmentation buy, alone and together.
# - **Lab 03** looks for better settings than the ones that you were given here.
#
# `python benchmarks/numpy_lenet.py` in the course's folder compares training in NumPy with training in PyTorch.
#
# **Sources.** Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-based learning applied to document recognition*, Proceedings of the IEEE 86(11), 1998 · K. He, X. Zhang, S. Ren, J. Sun, *Delving Deep into Rectifiers*, arXiv:1502.01852, 2015 ·
# K. Chellapilla, S. Puri, P. Simard, *High Performance Convolutional Neural Networks for Document Processing*, 2006, for im2col · H. Xiao, K. Rasul, R. Vollgraf, *Fashion-MNIST*, arXiv:1708.07747, 2017 (MIT licence).
