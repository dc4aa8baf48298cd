# ---
# jupyter:
#   convnets:
#     minutes: 420
#     budget_seconds: 60
#     needs: [02_convolution_arithmetic, 03_activations_and_pooling, 01_convolution_arithmetic]
#     summary: Write every layer of a convolutional network in NumPy, forward and backward.
# ---

# %% [markdown]
# # The layers of a convolutional network
#
# **You will be able to** write each layer of a convolutional network in NumPy, send gradients back through it, and prove that
# they are right.
#
# **Time:** about 7 hours, in four sittings. **You need:** chapters 02 and 03, and assignment 01. You need not know backward
# passes: each is explained where you write it.
#
# | sitting | what you write | hours |
# |---|---|---|
# | 1 | linear layer, ReLU, sigmoid, tanh: forward and backward | 1½ |
# | 2 | softmax and cross-entropy, the numerical gradient, a first trained classifier | 1 |
# | 3 | convolution: forward, as one matrix product, backward | 2¾ |
# | 4 | max, average and global pooling: forward and backward | 1¾ |

# %%
import contextlib
import time

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from convnets.check import check

# %% [markdown]
# ## Four rules that hold for every layer
#
# 1. **Images are N×C×H×W**: image, channel, row, column. Weights of a convolution are (out_channels, in_channels, kernel height,
#    kernel width), as in PyTorch.
# 2. **A layer is two functions.** `layer_forward(x, …)` gives the output. `layer_backward(dout, x, …)` gets `dout`, the gradient of the loss with respect to
#    that output, and gives the gradients with respect to the inputs. We write `dx` for "the gradient of the loss with respect to `x`". It always has the shape of `x`.
# 3. **Inputs are not yours.** Never change an array that was handed to you. The caller still needs it.
# 4. **Whole numbers may come in.** Pixels are often integers. The result must not be rounded for that reason. And what comes in as float32 goes out as float32.
#
# How you compute is free: loops are welcome everywhere. Write what you understand first. Make it fast later.
#
# Run the next cell. It holds three small tools that you may use in all exercises.


# %%
def pair(value):
    """(height, width) from one number for both, or from a pair."""
    return (int(value), int(value)) if np.ndim(value) == 0 else tuple(value)


def output_size(size, kernel, stride=1, padding=0, dilation=1):
    """How many windows fit along one axis: assignment 01. Raises ValueError when not even one fits."""
    span = dilation * (kernel - 1) + 1
    if size + 2 * padding < span:
        raise ValueError(f"a window that spans {span} does not fit in {size} + 2·{padding} pixels: pad more, or take a smaller kernel")
    return (size + 2 * padding - span) // stride + 1


@contextlib.contextmanager
def exploring():
    """For cells that play with your functions: says which one is still to be written."""
    try:
        yield
    except NotImplementedError as missing:
        print(f"This cell comes alive when the exercise is written. {missing}.")


# %% [markdown]
# ## linear_forward
#
# A linear layer multiplies by a matrix and adds a bias: $\text{out} = x\,w^\top + b$. Every output is a weighted sum of **all** inputs.
# That is why it stands at the end of a network, where the images have become small.
#
# The weights are (out_features, in_features), as in `torch.nn.Linear`: **one row for each output**. So `w` must be transposed in the product.
#
# An image enters as one long row. Flattening (2, 3, 4, 5) keeps the first axis, the images, and gives (2, 60).
#
# **A tiny example.** One input with two features, three outputs:
#
# $$x = \begin{pmatrix}1 & 2\end{pmatrix},\quad w = \begin{pmatrix}1 & 0\\ 0 & 1\\ 1 & 1\end{pmatrix},\quad b = \begin{pmatrix}10 & 20 & 30\end{pmatrix}
# \quad\Rightarrow\quad \text{out} = \begin{pmatrix}1+10 & 2+20 & 3+30\end{pmatrix} = \begin{pmatrix}11 & 22 & 33\end{pmatrix}$$
#
# <details><summary>Hint 1: flattening</summary>
#
# `x.reshape(len(x), -1)`: the −1 asks NumPy to work out the number.
# </details>
# <details><summary>Hint 2: the product</summary>
#
# Write the shapes down: (N, D) times what gives (N, M), when w is (M, D)?
# </details>


# %% nbgrader={"grade": false, "grade_id": "linear_forward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def linear_forward(x, w, b):
    """Linear (fully connected) layer: every output is a weighted sum of all inputs, plus a bias.

    x: (N, …), numbers; all axes but the first are flattened to D features, the last axis fastest. w: (M, D). b: (M,).
    Returns (N, M). Inputs stay as they are. Raises ValueError when x does not have D features.
    Source: torch.nn.Linear, https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html
    """
    ### BEGIN SOLUTION
    features = x.reshape(len(x), -1)
    if features.shape[1] != w.shape[1]:
        raise ValueError(f"x has {features.shape[1]} features an image, w expects {w.shape[1]}")
    return features @ w.T + b
    ### END SOLUTION


# %% [markdown]
# ## linear_backward
#
# The gradient flows back the way the numbers came. Each output used one row of `w`, so each input gets its share through that same row.
#
# | gradient | formula | shape |
# |---|---|---|
# | $dx$ | $d\text{out}\; w$ | that of `x`, before flattening |
# | $dw$ | $d\text{out}^\top\, x$ | (M, D) |
# | $db$ | sum of $d\text{out}$ over the images | (M,) |
#
# You need not remember these. The shapes leave only one way to multiply. `dout` is (N, M): which product with `x` (N, D) gives (M, D)?
#
# **Why sums over the images?** The same `w` and `b` serve every image of the batch. What they do to the loss adds up.
#
# **A tiny example**, with `w` from above: for $d\text{out} = \begin{pmatrix}1 & 0 & 2\end{pmatrix}$ we get
# $dx = 1\cdot(1, 0) + 0\cdot(0, 1) + 2\cdot(1, 1) = (3, 2)$.
#
# <details><summary>Hint: images</summary>
#
# Compute with the flattened x, and give dx its old shape at the end: `.reshape(x.shape)`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "linear_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def linear_backward(dout, x, w):
    """Gradients of a linear layer.

    dout: (N, M), gradient of the loss with respect to the output. x: (N, …) and w: (M, D), as in the forward pass.
    Returns (dx, dw, db): gradients of x, w, b, each shaped as its own. Inputs stay as they are.
    Source: the chain rule for out = x·wᵀ + b.
    """
    ### BEGIN SOLUTION
    dx = (dout @ w).reshape(x.shape)
    dw = dout.T @ x.reshape(len(x), -1)
    return dx, dw, dout.sum(axis=0)
    ### END SOLUTION


# %% [markdown]
# ## relu_forward
#
# Without something bent between them, two linear layers are one linear layer. The **rectified linear unit** is the simplest bend: $\text{out} = \max(0, x)$, for each number on its own.
#
# **A tiny example:** $(-2,\; 0,\; 3) \;\to\; (0,\; 0,\; 3)$.


# %% nbgrader={"grade": false, "grade_id": "relu_forward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def relu_forward(x):
    """Rectified linear unit, max(0, x), element by element.

    x: any shape. Returns an array of the same shape and dtype. x stays as it is.
    Source: torch.nn.ReLU, https://docs.pytorch.org/docs/stable/generated/torch.nn.ReLU.html
    """
    ### BEGIN SOLUTION
    return np.maximum(x, 0)
    ### END SOLUTION


# %% [markdown]
# ## relu_backward
#
# Where `x` was positive, ReLU passed it on unchanged: the slope is 1. Where `x` was negative, nothing came through: the slope is 0. So ReLU's backward pass is a **gate**. It opens or
# closes by the sign of `x`, and never by the sign of `dout`.
#
# At exactly 0 there is no slope. We take 0, as PyTorch does.
#
# **A tiny example:** for $x = (-2, 0, 3, 4)$ and $d\text{out} = (5, 6, 7, -8)$ we get $dx = (0, 0, 7, -8)$.


# %% nbgrader={"grade": false, "grade_id": "relu_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def relu_backward(dout, x):
    """Gradient of ReLU.

    dout: gradient of the loss with respect to the output. x: input of the forward pass. Both of one shape.
    Returns dx of that shape; where x is exactly 0 it is 0. Inputs stay as they are.
    Source: torch.nn.ReLU, https://docs.pytorch.org/docs/stable/generated/torch.nn.ReLU.html
    """
    ### BEGIN SOLUTION
    return dout * (x > 0)
    ### END SOLUTION


# %% [markdown]
# ## sigmoid_forward
#
# The sigmoid squeezes any number between 0 and 1: $\sigma(x) = \dfrac{1}{1 + e^{-x}}$.
#
# **A tiny example:** $\sigma(0) = \frac12$. For large $x$ it comes close to 1, for very negative $x$ close to 0.
#
# There is a trap. $e^{1000}$ is too large for any float: it **overflows** to infinity. So never raise $e$ to a large positive number. Two formulas are equal on paper:
#
# $$\sigma(x) = \frac{1}{1 + e^{-x}} = \frac{e^{x}}{1 + e^{x}}$$
#
# One of them is safe for $x \ge 0$, the other for $x < 0$. Which is which?
#
# <details><summary>Hint 1</summary>
#
# $e^{-|x|}$ is never larger than 1. Both formulas can be written with it.
# </details>
# <details><summary>Hint 2</summary>
#
# `np.where(condition, a, b)` takes from `a` or from `b`, element by element. It computes both of them first, so both must be safe.
# </details>


# %% nbgrader={"grade": false, "grade_id": "sigmoid_forward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sigmoid_forward(x):
    """Logistic sigmoid 1 / (1 + exp(−x)), element by element, without overflow for any x.

    x: any shape. Returns an array of the same shape, between 0 and 1, float32 for float32. x stays as it is.
    Source: torch.nn.Sigmoid, https://docs.pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html
    """
    ### BEGIN SOLUTION
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)
    ### END SOLUTION


# %% [markdown]
# ## sigmoid_backward
#
# The slope of the sigmoid has a form that is easy to remember: $\sigma'(x) = \sigma(x)\,\bigl(1 - \sigma(x)\bigr)$.
#
# **A tiny example.** At $x = 0$ the slope is $\frac12 \cdot \frac12 = \frac14$. That is the steepest place. With $d\text{out} = 8$ we get $dx = 2$.
#
# So each sigmoid makes a gradient at least four times smaller. Far from 0 hardly anything comes through: the unit is **saturated**.


# %% nbgrader={"grade": false, "grade_id": "sigmoid_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sigmoid_backward(dout, x):
    """Gradient of the sigmoid.

    dout: gradient of the loss with respect to the output. x: input of the forward pass (not its output). Both of one shape.
    Returns dx of that shape. Inputs stay as they are. Nothing overflows, whatever x is.
    Source: d/dx σ(x) = σ(x)·(1 − σ(x)).
    """
    ### BEGIN SOLUTION
    out = sigmoid_forward(x)
    return dout * out * (1 - out)
    ### END SOLUTION


# %% [markdown]
# ## tanh_forward
#
# The hyperbolic tangent is a sigmoid that was stretched to lie between −1 and 1, with 0 in the middle:
#
# $$\tanh(x) = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}} = 2\,\sigma(2x) - 1$$
#
# **A tiny example:** $\tanh(0) = 0$ and $\tanh(-x) = -\tanh(x)$.
#
# Your sigmoid is already safe against overflow. Which of the two formulas makes use of that? NumPy's own `np.tanh` is allowed as well.


# %% nbgrader={"grade": false, "grade_id": "tanh_forward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def tanh_forward(x):
    """Hyperbolic tangent, element by element, without overflow for any x.

    x: any shape. Returns an array of the same shape, between −1 and 1, float32 for float32. x stays as it is.
    Source: torch.nn.Tanh, https://docs.pytorch.org/docs/stable/generated/torch.nn.Tanh.html
    """
    ### BEGIN SOLUTION
    return np.tanh(x)
    ### END SOLUTION


# %% [markdown]
# ## tanh_backward
#
# Again the slope follows from the output: $\tanh'(x) = 1 - \tanh^2(x)$.
#
# **A tiny example.** At $x = 0$ the slope is 1, four times that of the sigmoid. With $d\text{out} = 8$ we get $dx = 8$.


# %% nbgrader={"grade": false, "grade_id": "tanh_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def tanh_backward(dout, x):
    """Gradient of the hyperbolic tangent.

    dout: gradient of the loss with respect to the output. x: input of the forward pass (not its output). Both of one shape.
    Returns dx of that shape. Inputs stay as they are. Nothing overflows, whatever x is.
    Source: d/dx tanh(x) = 1 − tanh²(x).
    """
    ### BEGIN SOLUTION
    return dout * (1 - tanh_forward(x) ** 2)
    ### END SOLUTION


# %% [markdown]
# ### Look at your activations
#
# **Predict:** which of the three lets a gradient through at $x = 4$? Then run the cell.

# %% tags=["active-ipynb"]
# import matplotlib.pyplot as plt
#
# from convnets.plots import show
#
# with exploring():
#     x = np.linspace(-6, 6, 241)
#     layers = {"ReLU": (relu_forward, relu_backward), "sigmoid": (sigmoid_forward, sigmoid_backward), "tanh": (tanh_forward, tanh_backward)}
#     fig, axes = plt.subplots(1, 3, figsize=(10, 3), sharex=True, layout="constrained")
#     for ax, (name, (forward, backward)) in zip(axes, layers.items(), strict=True):
#         ax.plot(x, forward(x), color="#0072B2", label="output")
#         ax.plot(x, backward(np.ones_like(x), x), "--", color="#D55E00", label="slope")
#         ax.set(title=name, xlabel="x", ylim=(-1.2, 2.2))
#         ax.axhline(0, color="#999999", linewidth=0.6)
#     axes[0].legend()
#     at_four = ", ".join(f"{name} {backward(np.ones(1), np.array([4.0]))[0]:.4f}" for name, (_, backward) in layers.items())
#     show(fig, alt=f"Output and slope of your ReLU, sigmoid and tanh for x from -6 to 6. Slopes at x = 4: {at_four}.")
#     print("Slope at x = 4:", at_four)

# %% [markdown]
# ## softmax_cross_entropy
#
# The network's last layer gives one number for each class, the **logits** $z$. Softmax makes probabilities of them. The loss is the surprise at the right class $y$:
#
# $$p_c = \frac{e^{z_c}}{\sum_k e^{z_k}}, \qquad \text{loss} = -\log p_y \quad\text{(mean over the batch)}$$
#
# The gradient is short: **probabilities minus one-hot**, divided by the number of images. Each image wants its right class up and all others down.
#
# **A tiny example.** Two classes, logits $(0, 0)$, right class 0. The probabilities are $(\frac12, \frac12)$. The loss is $\ln 2 = 0.6931$. The gradient is $(-\frac12, \frac12)$.
#
# **A number to know.** A fresh network knows nothing, so all $C$ classes are equally likely. Its loss is $-\ln\frac1C = \ln C$. For ten classes that is 2.303. If your
# training starts elsewhere, something is wrong.
#
# There are two traps:
#
# - $e^{1000}$ overflows. Subtract the largest logit **of each row** first: the probabilities stay the same, and no exponent is positive.
# - A probability can underflow to 0, and $\log 0$ is $-\infty$. So do not take the log of a probability. Write the log of the fraction as a difference:
#   $\log p_y = z_y - \log\sum_k e^{z_k}$.
#
# <details><summary>Hint 1: one number from each row</summary>
#
# `z[np.arange(N), labels]` picks from row i the entry labels[i].
# </details>
# <details><summary>Hint 2: the shapes of sums</summary>
#
# `z.max(axis=1, keepdims=True)` is (N, 1) and can be subtracted from (N, C).
# </details>


# %% nbgrader={"grade": false, "grade_id": "softmax_cross_entropy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def softmax_cross_entropy(logits, labels):
    """Softmax followed by cross-entropy, mean over the batch, and its gradient.

    logits: (N, C). labels: (N,) whole numbers in 0 … C−1, the right classes.
    Returns (loss, dlogits): a number, and an array (N, C), the gradient of that mean. Inputs stay as they are.
    No logit, however large or small, gives NaN or infinity.
    Source: torch.nn.CrossEntropyLoss, https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
    """
    ### BEGIN SOLUTION
    rows = np.arange(len(logits))
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    dlogits = np.exp(log_probabilities)
    dlogits[rows, labels] -= 1
    return -log_probabilities[rows, labels].mean(), dlogits / len(logits)
    ### END SOLUTION


# %% [markdown]
# ### Your first trained classifier
#
# You have all that a linear classifier needs. The next cell trains one on real pictures of clothes, with your three functions. It walks downhill: `w` moves a
# small step against its gradient, 3,000 times, or for 15 seconds if your functions use loops.
#
# Each class has one row of weights. A row has as many numbers as the image has pixels, so it can be drawn as a picture: a **template**.
#
# **Predict:** what will the template of a trouser look like? And what is the loss before the first step?

# %% tags=["active-ipynb"]
# from convnets.data import load_fashion_mnist
#
# data = load_fashion_mnist()
# train_x, test_x = (images[:, None].astype(np.float32) / 255 - 0.5 for images in (data.train_images, data.test_images))
#
# with exploring():
#     rng = np.random.default_rng(0)
#     w, b = 0.001 * rng.standard_normal((10, 784), dtype=np.float32), np.zeros(10, np.float32)
#     losses, start = [], time.perf_counter()
#     while len(losses) < 3000 and time.perf_counter() - start < 15:
#         batch = rng.integers(0, len(train_x), 64)
#         loss, dlogits = softmax_cross_entropy(linear_forward(train_x[batch], w, b), data.train_labels[batch])
#         _, dw, db = linear_backward(dlogits, train_x[batch], w)
#         w, b = w - 0.02 * dw, b - 0.02 * db
#         losses.append(float(loss))
#     linear_accuracy = (linear_forward(test_x, w, b).argmax(axis=1) == data.test_labels).mean()
#     print(f"Loss of the first batch {losses[0]:.3f}, and ln 10 = {np.log(10):.3f}. Mean of the last hundred {np.mean(losses[-100:]):.3f}.")
#     print(f"{len(losses):,} steps, {w.size + b.size:,} parameters, {linear_accuracy:.1%} of the test images are classified right.")
#     fig, axes = plt.subplots(2, 5, figsize=(9, 4.2), layout="constrained")
#     for ax, template, name in zip(axes.flat, w, data.classes, strict=True):
#         ax.imshow(template.reshape(28, 28), cmap="RdBu_r", vmin=-np.abs(w).max(), vmax=np.abs(w).max())
#         ax.set(title=name, xticks=[], yticks=[])
#     show(fig, alt="Ten templates, one for each class of clothes: weights drawn as 28×28 pictures, red where a bright pixel speaks for the class, blue where it speaks against it. The trouser's shows two legs.")

# %% [markdown]
# ## numerical_gradient
#
# How can you know that a backward pass is right, when nobody gives you the answer? Ask the definition. Move one number a little to each side, and see how much the result changes:
#
# $$\frac{\partial f}{\partial x_i} \approx \frac{f(x + h e_i) - f(x - h e_i)}{2h}$$
#
# Here $e_i$ is 1 at place $i$ and 0 elsewhere. **One number moves at a time. All others stay.** This is slow, two calls of $f$ for each number, but it knows nothing about your formulas. So it can check them.
#
# Both sides matter. The one-sided difference $\bigl(f(x+h) - f(x)\bigr)/h$ has an error of about $h$; the **central** one has an error of about $h^2$.
#
# **A tiny example.** For $f(x) = x^3$ at $x = 2$ with $h = 0.1$ the central difference gives $(9.261 - 6.859)/0.2 = 12.01$. The true slope is 12. The one-sided difference gives 12.61.
#
# Two traps: a small $h$ disappears in float32 and in whole numbers. Compute with float64, whatever `x` is.
#
# The checks hand in $f$ by a name, which you see in their messages. `from convnets.check.probes import FUNCTIONS` gives you the same functions: `FUNCTIONS["cubes"]`.
#
# <details><summary>Hint 1: going through all elements</summary>
#
# `for index in np.ndindex(x.shape):` works for any number of axes; `x[index]` is one number.
# </details>
# <details><summary>Hint 2: moving one number</summary>
#
# Make a float64 copy once. Set one element, call f, set it to the other side, call f, and put the old value back.
# </details>


# %% nbgrader={"grade": false, "grade_id": "numerical_gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def numerical_gradient(f, x, h=1e-5):
    """Gradient of f at x by central differences, one element at a time.

    f: takes an array shaped as x, returns a number. x: any shape, floats or whole numbers. h: half of the step.
    Returns a float64 array shaped as x. x stays as it is. Computes in float64, whatever x is.
    Source: https://en.wikipedia.org/wiki/Numerical_differentiation
    """
    ### BEGIN SOLUTION
    moved = np.array(x, dtype=np.float64)
    gradient = np.zeros_like(moved)
    for index in np.ndindex(moved.shape):
        old = moved[index]
        moved[index] = old + h
        above = f(moved)
        moved[index] = old - h
        gradient[index] = (above - f(moved)) / (2 * h)
        moved[index] = old
    return gradient
    ### END SOLUTION


# %% [markdown]
# ### Check every gradient so far
#
# A layer's output is an array, and the numerical gradient wants one number. The trick: weigh the outputs with fixed random numbers `dout` and add them up. The gradient of that sum
# is exactly what `layer_backward(dout, …)` must return.
#
# The **relative error** says how far apart the two are. Below $10^{-7}$ is right. Above $10^{-2}$ is wrong. In between, look closer.

# %% tags=["active-ipynb"]
# def relative_error(one, other):
#     return np.abs(one - other).max() / max(np.abs(one).max(), np.abs(other).max())
#
#
# def gradient_check(name, forward, backward, *inputs):
#     """Print the relative error of each gradient that `backward(dout, *inputs)` returns."""
#     dout = np.random.default_rng(1).standard_normal(forward(*inputs).shape)
#     gradients = backward(dout, *inputs)
#     gradients = gradients if isinstance(gradients, tuple) else (gradients,)
#     for i, gradient in enumerate(gradients):
#         f = lambda moved, i=i: np.sum(dout * forward(*inputs[:i], moved, *inputs[i + 1:]))
#         print(f"{name:12} gradient of input {i + 1}: relative error {relative_error(gradient, numerical_gradient(f, inputs[i])):.1e}")
#
#
# with exploring():
#     rng = np.random.default_rng(2)
#     x, w, b = rng.standard_normal((3, 2, 2, 2)), rng.standard_normal((5, 8)), rng.standard_normal(5)
#     gradient_check("linear", linear_forward, lambda dout, x, w, b: linear_backward(dout, x, w), x, w, b)
#     gradient_check("ReLU", relu_forward, relu_backward, x)
#     gradient_check("sigmoid", sigmoid_forward, sigmoid_backward, x)
#     gradient_check("tanh", tanh_forward, tanh_backward, x)
#     logits, labels = rng.standard_normal((4, 3)), np.array([0, 2, 1, 2])
#     numerical = numerical_gradient(lambda z: softmax_cross_entropy(z, labels)[0], logits)
#     print(f"{'cross-entropy':12} gradient of the logits: relative error {relative_error(softmax_cross_entropy(logits, labels)[1], numerical):.1e}")

# %% [markdown]
# **Predict:** is a smaller $h$ always better? The next cell tries $h$ from 1 down to $10^{-12}$ on $f(x) = \sum \tanh x$.

# %% tags=["active-ipynb"]
# with exploring():
#     x = np.random.default_rng(3).standard_normal(20)
#     steps = 10.0 ** np.arange(0, -13, -1)
#     errors = [relative_error(tanh_backward(np.ones(20), x), numerical_gradient(lambda t: tanh_forward(t).sum(), x, h)) for h in steps]
#     fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
#     ax.loglog(steps, errors, "o-", color="#0072B2")
#     ax.set(xlabel="h", ylabel="relative error")
#     best = steps[np.argmin(errors)]
#     show(fig, alt=f"Relative error of the numerical gradient against h on logarithmic axes: a V with its lowest point at h = {best:g}.")
#     print(f"Best h here: {best:g}. Larger: the curve bends too much between the two points. Smaller: the difference drowns in rounding errors.")

# %% [markdown]
# ## conv2d_forward
#
# Now the heart of it. In assignment 01 you slid one kernel over one channel. A convolution layer has more of everything:
#
# - **A filter reaches through all channels.** One filter is (in_channels, kernel height, kernel width). Multiply it with the window under it, channel by channel, and add **everything** to one number.
# - **There are many filters.** Each gives one channel of the output, and each has one number `b` that is added.
# - **There are many images.** All are treated alike.
#
# $$\text{out}[n, f, i, j] = b[f] + \sum_{c,\,u,\,v} x_{\text{pad}}[n,\; c,\; i\,s + u\,d,\; j\,s + v\,d]\;\; w[f, c, u, v]$$
#
# with stride $s$ and dilation $d$; $x_{\text{pad}}$ has zeros around it. The kernel is **not** flipped, as in PyTorch. All three settings can differ for height and width: a pair `(h, w)`.
#
# **Groups** split the channels into blocks that do not see each other. With 4 input channels, 6 filters and 2 groups, filters 0 to 2 see channels 0 and 1, and filters 3 to 5 see channels 2 and 3. So `w` is (6, **2**, kh, kw).
#
# **A tiny example.** Two channels of 2×2, one filter of 2×2, bias 100. Only one window fits:
#
# $$\underbrace{\begin{pmatrix}1&2\\3&4\end{pmatrix}}_{x[0,0]}\cdot\underbrace{\begin{pmatrix}1&0\\0&1\end{pmatrix}}_{w[0,0]}
# + \underbrace{\begin{pmatrix}5&6\\7&8\end{pmatrix}}_{x[0,1]}\cdot\underbrace{\begin{pmatrix}0&1\\0&0\end{pmatrix}}_{w[0,1]} + 100 = (1 + 4) + 6 + 100 = 111$$
#
# **A way through it.** Begin with four loops: images, filters, rows, columns. Run the check: many properties hold at once. Then add stride, padding, dilation and groups, one after the other.
#
# <details><summary>Hint 1: one window</summary>
#
# The window of output (i, j) of image n is a slice with all channels: `x[n, :, top:top + kh, left:left + kw]`, where top = i·stride.
# </details>
# <details><summary>Hint 2: padding</summary>
#
# `np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))` puts zeros around the last two axes only.
# </details>
# <details><summary>Hint 3: dilation</summary>
#
# A slice has a step: `x[..., top : top + dh·(kh − 1) + 1 : dh]` takes kh rows that lie dh apart.
# </details>
# <details><summary>Hint 4: groups</summary>
#
# There are F // groups filters in a group. Filter f is in group g = f // (F // groups) and sees the channels from g·(C // groups) to (g + 1)·(C // groups).
# </details>
# <details><summary>Hint 5: without loops (when all else works)</summary>
#
# `sliding_window_view(x, (kh, kw), axis=(2, 3))` is (N, C, rows, columns, kh, kw): all windows, and nothing is copied. Strides are a slice of it, and so is dilation, if the window is as large as the kernel's span. Then one matrix product does the rest. The next exercise leads there step by step.
# </details>


# %% nbgrader={"grade": false, "grade_id": "conv2d_forward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv2d_forward(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """2-D convolution layer (cross-correlation: the kernel is not flipped).

    x: (N, C, H, W). w: (F, C // groups, kernel height, kernel width). b: (F,).
    stride, padding, dilation: a number for both directions, or a pair (height, width). padding: zeros on each of the two sides.
    groups: filters and channels fall into this many blocks; each block of filters sees its own block of channels.
    Returns (N, F, H', W'), H' and W' as `output_size` says. Inputs stay as they are.
    Raises ValueError when the channels of x and w disagree, or when the window does not fit.
    Source: torch.nn.Conv2d, https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    ### BEGIN SOLUTION
    (n, c, height, width), (f, channels, kh, kw) = x.shape, w.shape
    if c != channels * groups or f % groups:
        raise ValueError(f"x has {c} channels; {f} filters of {channels} channels in {groups} groups need {channels * groups}")
    (sh, sw), (ph, pw), (dh, dw) = pair(stride), pair(padding), pair(dilation)
    rows, columns = output_size(height, kh, sh, ph, dh), output_size(width, kw, sw, pw, dw)
    # With the images as last axis, numbers that are copied together lie together in memory: this makes it fast.
    images_last = np.pad(x.transpose(1, 2, 3, 0), ((0, 0), (ph, ph), (pw, pw), (0, 0)))
    windows = sliding_window_view(images_last, (dh * (kh - 1) + 1, dw * (kw - 1) + 1), axis=(1, 2))[:, ::sh, ::sw, :, ::dh, ::dw]
    cols = windows.transpose(0, 4, 5, 1, 2, 3).reshape(groups, channels * kh * kw, -1)
    out = w.reshape(groups, f // groups, -1) @ cols
    return (out.reshape(f, -1) + b[:, None]).reshape(f, rows, columns, n).transpose(3, 0, 1, 2)
    ### END SOLUTION


# %% [markdown]
# ### Watch your convolution
#
# The stepper below runs **your** function. It compares every output with the right one and marks the first wrong cell. Change stride, padding and dilation, and slide the window with the arrow keys.

# %% tags=["active-ipynb"]
# from convnets.widgets import convolution_stepper
#
# rng = np.random.default_rng(4)
# convolution_stepper(rng.integers(0, 10, (2, 6, 7)), rng.integers(-2, 3, (2, 3, 2)), bias=1, stride=2, padding=1, function=conv2d_forward)

# %% [markdown]
# Now a real photo. Four filters that look at all three colours, one convolution. **Predict:** the last filter has weights (1, −1, 0) for red, green and blue, in a 1×1 kernel. What will be bright in its output?

# %% tags=["active-ipynb"]
# from convnets.data import photo
#
# with exploring():
#     image = photo(120)
#     x = image.transpose(2, 0, 1)[None]
#     sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 3
#     centre = np.zeros((3, 3))
#     centre[1, 1] = 1
#     filters = {"vertical edges": np.stack([sobel] * 3), "horizontal edges": np.stack([sobel.T] * 3), "box blur": np.full((3, 3, 3), 1 / 27), "red minus green": np.stack([centre, -centre, 0 * centre])}
#     out = conv2d_forward(x, np.stack(list(filters.values())), np.zeros(4), padding=1)[0]
#     fig, axes = plt.subplots(1, 5, figsize=(11, 2.9), layout="constrained")
#     axes[0].imshow(image)
#     axes[0].set_title("photo")
#     for ax, channel, name in zip(axes[1:], out, filters, strict=True):
#         signed = name != "box blur"
#         top = np.abs(channel).max()
#         ax.imshow(channel, cmap="RdBu_r" if signed else "gray", vmin=-top if signed else 0, vmax=top)
#         ax.set_title(name)
#     for ax in axes:
#         ax.set(xticks=[], yticks=[])
#     show(fig, alt="A portrait photo and the four output channels of your convolution: vertical edges, horizontal edges, a blurred copy, and red minus green, which is strongest on the red stripes and the skin.")

# %% [markdown]
# ## im2col
#
# Your loops work, and they are slow. The cure is an idea that every library has used: **lay the windows side by side as columns of a matrix**. Then the whole convolution is one matrix product, and
# matrix products are what computers do best.
#
# ```
# x (1 channel, 3×3)        the four 2×2 windows        im2col(x, 2): one column for each window
#
#   1 2 3                    1 2   2 3                   1 2 4 5
#   4 5 6                    4 5   5 6                   2 3 5 6
#   7 8 9                                                4 5 7 8
#                            4 5   5 6                   5 6 8 9
#                            7 8   8 9
# ```
#
# Two orders matter:
#
# - **Down a column**: channel by channel; within a channel row by row. That is the order in which `w[f].reshape(-1)` lists a filter.
# - **From column to column**: windows along the first row of outputs, then along the next row.
#
# So `w.reshape(F, -1) @ im2col(x, …)` is (N, F, H'·W'): the convolution, without its bias.
#
# <details><summary>Hint: few loops</summary>
#
# Loop over the kernel's places (u, v), not over the windows. What all windows have at place (u, v) is one slice of the padded x, with the stride as its step. Fill `cols[:, :, u, v]` of an array
# (N, C, kh, kw, H', W') and reshape at the end.
# </details>


# %% nbgrader={"grade": false, "grade_id": "im2col", "locked": false, "schema_version": 3, "solution": true, "task": false}
def im2col(x, kernel_size, stride=1, padding=0, dilation=1):
    """All windows of a convolution as columns.

    x: (N, C, H, W). kernel_size, stride, padding, dilation: a number for both directions, or a pair (height, width).
    Returns (N, C·kh·kw, L), where L = H'·W' is the number of windows. A column lists channel by channel, then row by row. Columns follow
    the outputs row by row. Same dtype as x; x stays as it is. Raises ValueError when the window does not fit.
    Source: torch.nn.Unfold, https://docs.pytorch.org/docs/stable/generated/torch.nn.Unfold.html
    """
    ### BEGIN SOLUTION
    n, c, height, width = x.shape
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = pair(kernel_size), pair(stride), pair(padding), pair(dilation)
    rows, columns = output_size(height, kh, sh, ph, dh), output_size(width, kw, sw, pw, dw)
    # With the images as last axis, numbers that are copied together lie together in memory: this makes it fast.
    images_last = np.pad(x.transpose(1, 2, 3, 0), ((0, 0), (ph, ph), (pw, pw), (0, 0)))
    windows = sliding_window_view(images_last, (dh * (kh - 1) + 1, dw * (kw - 1) + 1), axis=(1, 2))[:, ::sh, ::sw, :, ::dh, ::dw]
    return windows.transpose(0, 4, 5, 1, 2, 3).reshape(c * kh * kw, rows * columns, n).transpose(2, 0, 1)
    ### END SOLUTION


# %% [markdown]
# ### How much faster is it?
#
# The cell measures your `conv2d_forward` as it is now, and the product with your `im2col`. If yours has loops, this is a good moment to rewrite it: five lines are enough.

# %% tags=["active-ipynb"]
# def seconds(function):
#     start = time.perf_counter()
#     result = function()
#     return time.perf_counter() - start, result
#
#
# with exploring():
#     rng = np.random.default_rng(5)
#     x, w = rng.standard_normal((8, 3, 31, 31)), rng.standard_normal((25, 3, 3, 3))
#     yours, out = seconds(lambda: conv2d_forward(x, w, np.zeros(25), stride=2, padding=1))
#     product, again = seconds(lambda: (w.reshape(25, -1) @ im2col(x, 3, stride=2, padding=1)).reshape(8, 25, 16, 16))
#     print(f"conv2d_forward {1000 * yours:.1f} ms, w @ im2col(x) {1000 * product:.1f} ms, largest difference {np.abs(out - again).max():.1e}")

# %% [markdown]
# ## col2im
#
# The way back: every number of every column returns to the pixel it came from. A pixel that was in several windows gets **the sum** of them all.
#
# ```
# cols (4, 4), all ones       col2im(cols, (1, 1, 3, 3), 2)
#
#   1 1 1 1                     1 2 1        a corner was in 1 window,
#   1 1 1 1                     2 4 2        the middle was in all 4
#   1 1 1 1                     1 2 1
#   1 1 1 1
# ```
#
# So this is **not** the inverse of `im2col`. It is its transpose, and just what a backward pass needs: a pixel that went into four outputs gets four gradients, added up. Padding is cut off at the end.
#
# <details><summary>Hint: few loops</summary>
#
# Begin with zeros of the padded size. For each place (u, v) of the kernel, add `cols[:, :, u, v]` to the same slice that im2col would read there. Within one such slice no pixel occurs twice, so `+=` is safe.
# </details>


# %% nbgrader={"grade": false, "grade_id": "col2im", "locked": false, "schema_version": 3, "solution": true, "task": false}
def col2im(cols, x_shape, kernel_size, stride=1, padding=0, dilation=1):
    """Add every column's numbers to the pixels that they came from: the transpose of `im2col`.

    cols: (N, C·kh·kw, L), in the order of `im2col`. x_shape: (N, C, H, W), the shape to return, without padding.
    kernel_size, stride, padding, dilation: as for `im2col`.
    Returns (N, C, H, W), same dtype as cols; pixels of no window are 0. cols stays as it is.
    Source: torch.nn.Fold, https://docs.pytorch.org/docs/stable/generated/torch.nn.Fold.html
    """
    ### BEGIN SOLUTION
    n, c, height, width = x_shape
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = pair(kernel_size), pair(stride), pair(padding), pair(dilation)
    rows, columns = output_size(height, kh, sh, ph, dh), output_size(width, kw, sw, pw, dw)
    cols = cols.reshape(n, c, kh, kw, rows, columns)
    padded = np.zeros((c, height + 2 * ph, width + 2 * pw, n), dtype=cols.dtype).transpose(3, 0, 1, 2)
    for u in range(kh):
        for v in range(kw):
            top, left = u * dh, v * dw
            padded[:, :, top : top + sh * rows : sh, left : left + sw * columns : sw] += cols[:, :, u, v]
    return padded[:, :, ph : ph + height, pw : pw + width]
    ### END SOLUTION


# %% [markdown]
# ### Two facts about the pair
#
# 1. `col2im` of ones counts in how many windows each pixel lies. **Predict** the picture for a 3×3 kernel with stride 2 on 9×9 pixels: where is it brightest?
# 2. Being transposes means $\langle \text{im2col}(x),\, y\rangle = \langle x,\, \text{col2im}(y)\rangle$ for **all** x and y. The cell tries it with random numbers.

# %% tags=["active-ipynb"]
# with exploring():
#     rng = np.random.default_rng(6)
#     x = rng.standard_normal((2, 3, 9, 9))
#     y = rng.standard_normal(im2col(x, 3, stride=2).shape)
#     left, right = np.sum(im2col(x, 3, stride=2) * y), np.sum(x * col2im(y, x.shape, 3, stride=2))
#     print(f"<im2col(x), y> = {left:.10f}\n<x, col2im(y)> = {right:.10f}")
#     fig, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
#     for ax, stride in zip(axes, (1, 2, 3), strict=True):
#         ones = np.ones_like(im2col(x[:1, :1], 3, stride=stride))
#         counts = col2im(ones, (1, 1, 9, 9), 3, stride=stride)[0, 0]
#         ax.imshow(counts, cmap="viridis", vmin=0, vmax=9)
#         for (i, j), count in np.ndenumerate(counts):
#             ax.text(j, i, f"{count:.0f}", ha="center", va="center", fontsize=7, color="white" if count < 6 else "black")
#         ax.set(title=f"stride {stride}", xticks=[], yticks=[])
#     show(fig, alt="How many 3×3 windows each of 9×9 pixels lies in, for strides 1, 2 and 3: up to nine in the middle for stride 1, a grid of 1, 2 and 4 for stride 2, and one everywhere for stride 3.")

# %% [markdown]
# ## conv2d_backward
#
# Look at a convolution as what it is: `out = w @ im2col(x) + b`, a linear layer on columns. You know the gradients of a linear layer. So:
#
# | gradient | in words | with columns |
# |---|---|---|
# | $db$ | each bias was added to a whole channel: sum over images, rows and columns | |
# | $dw$ | each weight met one number of every window: multiply with the outputs' gradients, sum over windows and images | $\sum_n d\text{out}_n\; \text{im2col}(x)_n^\top$ |
# | $dx$ | each pixel was in several windows: collect its share from all of them | $\text{col2im}(w^\top\, d\text{out})$ |
#
# **A tiny example.** `x` is 1×3, `w` is 1×2 with weights $(10, 1)$, so out is $(10x_0 + x_1,\; 10x_1 + x_2)$. With $d\text{out} = (1, 2)$:
#
# - $dx = (10\cdot1,\;\; 1\cdot1 + 10\cdot2,\;\; 1\cdot2) = (10, 21, 2)$. The pixel in the middle was used twice.
# - $dw = (1\cdot x_0 + 2\cdot x_1,\;\; 1\cdot x_1 + 2\cdot x_2)$.
# - $db = 1 + 2 = 3$.
#
# There is another way to see dx. It is a convolution of $d\text{out}$ with the **flipped** kernel: $(2, 1)$ slid over in reverse. Write it whichever way you like. With loops: for each output, `dx_window += w[f] * dout[n, f, i, j]`.
#
# <details><summary>Hint 1: loops</summary>
#
# Take your forward loops. Where they read a window, you now do two things: `dw[f] += window * dout[n, f, i, j]` and `dpadded[the same slice] += w[f] * dout[n, f, i, j]`. Cut the padding off at the end.
# </details>
# <details><summary>Hint 2: columns</summary>
#
# `dout.reshape(N, F, -1)` is (N, F, L), and `im2col(x, …)` is (N, C·kh·kw, L). For dw sum `dout[n] @ cols[n].T` over the images.
# </details>
# <details><summary>Hint 3: groups</summary>
#
# With columns, groups are one more axis: reshape dout to (N, G, F/G, L), the columns to (N, G, C/G·kh·kw, L) and w to (G, F/G, C/G·kh·kw). `@` works on the last two axes.
# </details>


# %% nbgrader={"grade": false, "grade_id": "conv2d_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv2d_backward(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """Gradients of a 2-D convolution layer.

    dout: (N, F, H', W'), gradient of the loss with respect to the output. x: (N, C, H, W), w: (F, C // groups, kh, kw), stride, padding,
    dilation, groups: as in `conv2d_forward`.
    Returns (dx, dw, db): gradients of x, w and b, shaped (N, C, H, W), (F, C // groups, kh, kw) and (F,). Inputs stay as they are.
    Source: V. Dumoulin, F. Visin, A guide to convolution arithmetic for deep learning, https://arxiv.org/abs/1603.07285, section 4.
    """
    ### BEGIN SOLUTION
    n, f, kernel_size = len(x), len(w), w.shape[2:]
    cols = im2col(x, kernel_size, stride, padding, dilation).transpose(1, 2, 0).reshape(groups, w[0].size, -1)
    grads = dout.transpose(1, 2, 3, 0).reshape(groups, f // groups, -1)
    dw = grads @ cols.swapaxes(1, 2)
    dcols = w.reshape(groups, f // groups, -1).swapaxes(1, 2) @ grads
    dx = col2im(dcols.reshape(-1, dout[0, 0].size, n).transpose(2, 0, 1), x.shape, kernel_size, stride, padding, dilation)
    return dx, dw.reshape(w.shape), grads.sum(axis=2).reshape(f)
    ### END SOLUTION


# %% [markdown]
# ### Ask the definition again

# %% tags=["active-ipynb"]
# with exploring():
#     rng = np.random.default_rng(7)
#     x, w, b = rng.standard_normal((2, 4, 5, 6)), rng.standard_normal((6, 2, 3, 2)), rng.standard_normal(6)
#     settings = {"stride": (2, 1), "padding": 1, "groups": 2}
#     gradient_check("convolution", lambda x, w, b: conv2d_forward(x, w, b, **settings), lambda dout, x, w, b: conv2d_backward(dout, x, w, **settings), x, w, b)

# %% [markdown]
# **Which pixels made this output?** Send back a gradient that is 1 at one output and 0 everywhere else. What arrives at the image is the set of pixels that this output has seen: its **receptive field**.
#
# **Predict:** three layers of 3×3, stride 1. How wide is it? You have a formula from assignment 01.

# %% tags=["active-ipynb"]
# with exploring():
#     w = np.ones((1, 1, 3, 3))
#     gradient = np.zeros((1, 1, 15, 15))
#     gradient[0, 0, 7, 7] = 1
#     fig, axes = plt.subplots(1, 4, figsize=(9, 2.6), layout="constrained")
#     widths = []
#     for depth, ax in enumerate(axes):
#         widths.append(int((gradient[0, 0].max(axis=0) > 0).sum()))
#         ax.imshow(gradient[0, 0] / gradient.max(), cmap="viridis", vmin=0, vmax=1)
#         ax.set(title=f"{depth} layer{'s' * (depth != 1)} back: {widths[-1]} wide", xticks=[], yticks=[])
#         gradient, _, _ = conv2d_backward(gradient, np.zeros((1, 1, 15, 15)), w, padding=1)
#     show(fig, alt=f"The gradient of one output, sent back through 0, 1, 2 and 3 convolutions of 3×3: patches of {', '.join(map(str, widths))} pixels width, strongest in the middle.")

# %% [markdown]
# ## max_pool2d_forward
#
# Pooling makes images smaller. **Max pooling** keeps the strongest answer in each window, in each channel on its own, and has nothing to learn.
#
# **A tiny example.** Windows of 2×2, side by side:
#
# ```
#   1 1 | 2 4
#   5 6 | 7 8            6 8
#   ----+----     →      3 4
#   3 2 | 1 0
#   1 2 | 3 4
# ```
#
# - **stride** is the kernel size when it is `None`, so that windows lie side by side. With kernel 3 and stride 2 they overlap, as in AlexNet.
# - **padding** must never win. If all numbers in a window are negative, a padded 0 would be the largest. So the padding holds $-\infty$, not 0. It may be at most half of the kernel size; then each window has at least one real pixel.
#
# <details><summary>Hint 1: padding</summary>
#
# `np.pad(…, constant_values=-np.inf)` works for floats. Whole numbers have no infinity: `np.iinfo(x.dtype).min` is their smallest.
# </details>
# <details><summary>Hint 2: without loops over the image</summary>
#
# Either your im2col, reshaped to (N, C, kh·kw, L), or `sliding_window_view`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "max_pool2d_forward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def max_pool2d_forward(x, kernel_size, stride=None, padding=0):
    """Max pooling: the largest number of each window, channel by channel.

    x: (N, C, H, W), floats or whole numbers. kernel_size, stride, padding: a number for both directions, or a pair (height, width).
    stride None: the kernel size. padding: never the largest; at most half of the kernel size.
    Returns (N, C, H', W'), same dtype as x. x stays as it is.
    Raises ValueError when the window does not fit, or the padding is more than half of the kernel size.
    Source: torch.nn.MaxPool2d, https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
    """
    ### BEGIN SOLUTION
    (kh, kw), (ph, pw) = pair(kernel_size), pair(padding)
    sh, sw = pair(kernel_size if stride is None else stride)
    if 2 * ph > kh or 2 * pw > kw:
        raise ValueError(f"padding {padding} is more than half of the kernel size {kernel_size}: a window would hold no pixel")
    rows, columns = output_size(x.shape[2], kh, sh, ph), output_size(x.shape[3], kw, sw, pw)
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)), constant_values=lowest)
    places = [padded[:, :, u : u + sh * rows : sh, v : v + sw * columns : sw] for u in range(kh) for v in range(kw)]
    return np.maximum.reduce(places)
    ### END SOLUTION


# %% [markdown]
# ## max_pool2d_backward
#
# Only the winner of a window made a difference. So **the whole gradient goes to the winner**, and the others get 0.
#
# - A pixel that wins in two overlapping windows gets both gradients, added.
# - If two pixels of a window are equally large, **the first one wins**: row by row from the top, in each row from the left, as in PyTorch.
#
# **A tiny example.** The window $\begin{pmatrix}1 & 6\\ 5 & 6\end{pmatrix}$ with $d\text{out} = 10$ gives $\begin{pmatrix}0 & 10\\ 0 & 0\end{pmatrix}$.
#
# <details><summary>Hint 1: the first winner</summary>
#
# `np.argmax` on a flattened window gives the first largest. `divmod(index, kw)` makes row and column of it.
# </details>
# <details><summary>Hint 2: with columns</summary>
#
# Make columns that are 0 except for dout at each winner (`np.put_along_axis`), and let col2im collect them.
# </details>


# %% nbgrader={"grade": false, "grade_id": "max_pool2d_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def max_pool2d_backward(dout, x, kernel_size, stride=None, padding=0):
    """Gradient of max pooling: each window's gradient goes to its first largest number.

    dout: (N, C, H', W'), gradient of the loss with respect to the output. x, kernel_size, stride, padding: as in `max_pool2d_forward`.
    Returns dx, (N, C, H, W), in dout's dtype. Inputs stay as they are.
    Source: torch.nn.MaxPool2d, https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
    """
    ### BEGIN SOLUTION
    (n, c, height, width), (ph, pw) = x.shape, pair(padding)
    stride = kernel_size if stride is None else stride
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)), constant_values=lowest)
    cols = im2col(padded, kernel_size, stride).reshape(n, c, -1, dout[0, 0].size)
    dcols = np.zeros(cols.shape, dout.dtype)
    np.put_along_axis(dcols, cols.argmax(axis=2, keepdims=True), dout.reshape(n, c, 1, -1), axis=2)
    dpadded = col2im(dcols, padded.shape, kernel_size, stride)
    return dpadded[:, :, ph : ph + height, pw : pw + width]
    ### END SOLUTION


# %% [markdown]
# ## avg_pool2d_forward
#
# **Average pooling** takes the mean of each window. It smooths, where max pooling picks out.
#
# **A tiny example.** The windows of the example above have the means $\frac{1+1+5+6}{4} = 3.25$, $\frac{2+4+7+8}{4} = 5.25$, $\frac{3+2+1+2}{4} = 2$ and $\frac{1+0+3+4}{4} = 2$.
#
# Padded zeros **count**: the sum of a window is always divided by kh·kw. This is what PyTorch does, too. (Its name there is `count_include_pad=True`.)


# %% nbgrader={"grade": false, "grade_id": "avg_pool2d_forward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def avg_pool2d_forward(x, kernel_size, stride=None, padding=0):
    """Average pooling: the mean of each window, channel by channel; padded zeros count.

    x: (N, C, H, W), floats or whole numbers. kernel_size, stride, padding: a number for both directions, or a pair (height, width).
    stride None: the kernel size. padding: at most half of the kernel size.
    Returns (N, C, H', W'), floats; float32 for float32. x stays as it is.
    Raises ValueError when the window does not fit, or the padding is more than half of the kernel size.
    Source: torch.nn.AvgPool2d, https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
    """
    ### BEGIN SOLUTION
    (kh, kw), (ph, pw) = pair(kernel_size), pair(padding)
    sh, sw = pair(kernel_size if stride is None else stride)
    if 2 * ph > kh or 2 * pw > kw:
        raise ValueError(f"padding {padding} is more than half of the kernel size {kernel_size}: a window would hold no pixel")
    rows, columns = output_size(x.shape[2], kh, sh, ph), output_size(x.shape[3], kw, sw, pw)
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    padded = padded if x.dtype.kind == "f" else padded.astype(np.float64)
    return sum(padded[:, :, u : u + sh * rows : sh, v : v + sw * columns : sw] for u in range(kh) for v in range(kw)) / (kh * kw)
    ### END SOLUTION


# %% [markdown]
# ## avg_pool2d_backward
#
# In a mean all numbers count alike. So each pixel of a window gets **the same share**, $d\text{out} / (kh \cdot kw)$. A pixel in several windows adds up its shares.
#
# **A tiny example.** A 2×2 window with $d\text{out} = 8$ gives 2 to each of its four pixels.


# %% nbgrader={"grade": false, "grade_id": "avg_pool2d_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def avg_pool2d_backward(dout, x, kernel_size, stride=None, padding=0):
    """Gradient of average pooling: each window's gradient is shared equally among its pixels.

    dout: (N, C, H', W'), gradient of the loss with respect to the output. x (only its shape matters), kernel_size, stride, padding: as in
    `avg_pool2d_forward`. Returns dx, (N, C, H, W), in dout's dtype. Inputs stay as they are.
    Source: torch.nn.AvgPool2d, https://docs.pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
    """
    ### BEGIN SOLUTION
    n, c, rows, columns = dout.shape
    kh, kw = pair(kernel_size)
    stride = kernel_size if stride is None else stride
    share = (dout / (kh * kw)).reshape(n, c, 1, rows * columns)
    dcols = np.broadcast_to(share, (n, c, kh * kw, rows * columns))
    return col2im(dcols, x.shape, kernel_size, stride, padding)
    ### END SOLUTION


# %% [markdown]
# ### Pool a photo
#
# The photo shrinks by four, three ways. **Predict:** which one keeps the bright stripes brightest? And in the lower row, which pixels get a gradient?

# %% tags=["active-ipynb"]
# with exploring():
#     grey = photo(128).mean(axis=2)[None, None]
#     shown = {
#         "every fourth pixel": grey[:, :, ::4, ::4],
#         "max pooling 4": max_pool2d_forward(grey, 4),
#         "average pooling 4": avg_pool2d_forward(grey, 4),
#     }
#     small = grey[:, :, 36:68, 36:68]
#     ones = np.ones((1, 1, 8, 8))
#     gradients = {
#         "every fourth pixel": np.where(np.add.outer(np.arange(32) % 4, np.arange(32) % 4) == 0, 1.0, 0.0)[None, None],
#         "max pooling 4": max_pool2d_backward(ones, small, 4),
#         "average pooling 4": avg_pool2d_backward(ones, small, 4),
#     }
#     fig, axes = plt.subplots(2, 3, figsize=(8, 5.6), layout="constrained")
#     for column, name in enumerate(shown):
#         axes[0, column].imshow(shown[name][0, 0], cmap="gray", vmin=0, vmax=1)
#         axes[0, column].set_title(name)
#         axes[1, column].imshow(gradients[name][0, 0], cmap="viridis", vmin=0, vmax=1)
#         axes[1, column].set_title("gradient on 32×32 pixels")
#     for ax in axes.flat:
#         ax.set(xticks=[], yticks=[])
#     show(fig, alt="Top: a photo made four times smaller by taking every fourth pixel, by max pooling and by average pooling. Bottom: where a gradient of ones arrives: on a regular grid, on one winner in each window, and evenly everywhere.")
#     noise = np.random.default_rng(8).standard_normal((1, 2, 7, 7))
#     gradient_check("max pool", lambda x: max_pool2d_forward(x, 3, 2), lambda dout, x: max_pool2d_backward(dout, x, 3, 2), noise)
#     gradient_check("average pool", lambda x: avg_pool2d_forward(x, 3, 2), lambda dout, x: avg_pool2d_backward(dout, x, 3, 2), noise)

# %% [markdown]
# ## global_avg_pool2d_forward
#
# At the end of a modern network each channel is averaged to **one number**: "how much of my feature is in this image, wherever it is?" GoogLeNet and ResNet do this in place of a large linear layer.
#
# **A tiny example.** An image with channels $\begin{pmatrix}1&2\\3&4\end{pmatrix}$ and $\begin{pmatrix}0&0\\0&8\end{pmatrix}$ becomes $(2.5,\; 2)$.


# %% nbgrader={"grade": false, "grade_id": "global_avg_pool2d_forward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def global_avg_pool2d_forward(x):
    """Global average pooling: the mean of each channel of each image.

    x: (N, C, H, W), floats or whole numbers. Returns (N, C), floats; float32 for float32. x stays as it is.
    Source: M. Lin, Q. Chen, S. Yan, Network In Network, https://arxiv.org/abs/1312.4400, section 3.2
    """
    ### BEGIN SOLUTION
    return x.mean(axis=(2, 3))
    ### END SOLUTION


# %% [markdown]
# ## global_avg_pool2d_backward
#
# It is average pooling with one window as large as the image. So each pixel of a channel gets $d\text{out} / (H \cdot W)$.
#
# **A tiny example.** For a 2×2 image and $d\text{out} = (8)$ each pixel gets 2.


# %% nbgrader={"grade": false, "grade_id": "global_avg_pool2d_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def global_avg_pool2d_backward(dout, x):
    """Gradient of global average pooling.

    dout: (N, C), gradient of the loss with respect to the output. x: (N, C, H, W), only its shape matters.
    Returns dx, (N, C, H, W), in dout's dtype. Inputs stay as they are.
    Source: M. Lin, Q. Chen, S. Yan, Network In Network, https://arxiv.org/abs/1312.4400, section 3.2
    """
    ### BEGIN SOLUTION
    height, width = x.shape[2:]
    return np.repeat(dout / (height * width), height * width, axis=1).reshape(x.shape)
    ### END SOLUTION


# %% [markdown]
# ## All of it together
#
# One convolution, ReLU, max pooling, one linear layer, the loss. Forward, and backward in the opposite order. Every line calls a function that **you** wrote. Read the cell from top to bottom before you run it: this is a convolutional network, complete.
#
# It trains for 600 steps. With loops in your functions it stops after 25 seconds, far from done, and is tested on 100 images only: a good reason to rewrite them.
#
# **Predict:** the linear classifier above used one template for each class, 7,850 parameters in all. This net has eight small filters and 3,098 parameters. Which of the two is better?

# %% tags=["active-ipynb"]
# with exploring():
#     rng = np.random.default_rng(9)
#     net = {
#         "conv_w": 0.2 * rng.standard_normal((8, 1, 5, 5), dtype=np.float32),
#         "conv_b": np.zeros(8, np.float32),
#         "linear_w": 0.001 * rng.standard_normal((10, 8 * 6 * 6), dtype=np.float32),
#         "linear_b": np.zeros(10, np.float32),
#     }
#
#     def forward(x):
#         convolved = conv2d_forward(x, net["conv_w"], net["conv_b"], stride=2)
#         active = relu_forward(convolved)
#         pooled = max_pool2d_forward(active, 2)
#         return linear_forward(pooled, net["linear_w"], net["linear_b"]), convolved, active, pooled
#
#     losses, start = [], time.perf_counter()
#     while len(losses) < 600 and time.perf_counter() - start < 25:
#         batch = rng.integers(0, len(train_x), 64)
#         x = train_x[batch]
#         logits, convolved, active, pooled = forward(x)
#         loss, dlogits = softmax_cross_entropy(logits, data.train_labels[batch])
#         gradient = {}
#         dpooled, gradient["linear_w"], gradient["linear_b"] = linear_backward(dlogits, pooled, net["linear_w"])
#         dactive = max_pool2d_backward(dpooled, active, 2)
#         dconvolved = relu_backward(dactive, convolved)
#         _, gradient["conv_w"], gradient["conv_b"] = conv2d_backward(dconvolved, x, net["conv_w"], stride=2)
#         net = {name: value - 0.3 * gradient[name] for name, value in net.items()}
#         losses.append(float(loss))
#     tested = len(test_x) if len(losses) == 600 else 100
#     accuracy = (forward(test_x[:tested])[0].argmax(axis=1) == data.test_labels[:tested]).mean()
#     print(f"{len(losses)} steps in {time.perf_counter() - start:.1f} s. Loss {losses[0]:.3f} → {np.mean(losses[-100:]):.3f}.")
#     print(f"{sum(value.size for value in net.values()):,} parameters, {accuracy:.1%} of {tested:,} test images are classified right; the linear classifier got {linear_accuracy:.1%}.")
#     fig, axes = plt.subplots(1, 9, figsize=(11, 2.2), width_ratios=[3] + [1] * 8, layout="constrained")
#     axes[0].plot(losses, color="#0072B2", linewidth=0.8)
#     axes[0].axhline(np.log(10), color="#D55E00", linestyle="--", label="ln 10")
#     axes[0].set(xlabel="step", ylabel="loss")
#     axes[0].legend()
#     top = np.abs(net["conv_w"]).max()
#     for ax, kernel in zip(axes[1:], net["conv_w"][:, 0], strict=True):
#         ax.imshow(kernel, cmap="RdBu_r", vmin=-top, vmax=top)
#         ax.set(xticks=[], yticks=[])
#     show(fig, alt=f"Left: the loss falls from {losses[0]:.2f}, close to ln 10, to {np.mean(losses[-100:]):.2f}. Right: the eight learned 5×5 filters.")

# %% [markdown]
# ## What it leads to
#
# You have written a convolutional network with nothing but NumPy. In lab 01 your `conv2d_forward` and `conv2d_backward` go to work inside a PyTorch network. Assignment 03 adds normalisation, assignment 04 the art of training, and assignment 05 puts everything
# together to LeNet.
#
# **To read further:** the backward passes are worked out in V. Dumoulin and F. Visin, *A guide to convolution arithmetic for deep learning* (2016). The matrix-product view is due to K. Chellapilla, S. Puri and P. Simard,
# *High Performance Convolutional Neural Networks for Document Processing* (2006).
