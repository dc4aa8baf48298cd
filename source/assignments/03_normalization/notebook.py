# ---
# jupyter:
#   convnets:
#     minutes: 300
#     budget_seconds: 75
#     needs: [04_backpropagation, 05_normalization, 02_layers]
#     summary: Write batch, layer, group and instance normalisation in NumPy, forward and backward, and fold them away.
# ---

# %% [markdown]
# # Normalisation layers
#
# **You will be able to** write batch normalisation for vectors and for images, in training and in use, with its backward pass; turn it into layer, group and instance
# normalisation by changing the axes; and melt a trained one into the convolution before it.
#
# **Time:** about 5 hours, in three sittings. **You need:** chapters 04 and 05, and assignment 02.
#
# | sitting | what you write | hours |
# |---|---|---|
# | 1 | batch normalisation of vectors: training, running averages, use, backward | 1½ |
# | 2 | the same for images, forward and backward | 1 |
# | 3 | layer, group and instance normalisation; folding into a convolution | 2½ |

# %%
import contextlib
import time

import numpy as np

from convnets.check import check

# %% [markdown]
# ## What is the same everywhere
#
# Every layer of this notebook does the same two things:
#
# $$\hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} \qquad\qquad y = \gamma\,\hat x + \beta$$
#
# First it takes a set of numbers, subtracts their mean $\mu$ and divides by their spread. Then it scales by $\gamma$ and shifts by $\beta$, which are learned. The layers differ in one question only:
# **which numbers share one mean and one variance?**
#
# The rules of assignment 02 hold here, too:
#
# 1. Images are N×C×H×W. `dx` has the shape of `x`, and so on.
# 2. Inputs are not yours: never change an array that was handed to you.
# 3. Whole numbers may come in, and float32 goes out as float32.
# 4. Loops are welcome. Write what you understand first.
# 5. Some inputs are not valid. The docstring names them. Raise a `ValueError` for them that says in a sentence what is wrong.
#
# And one more: $\sigma^2$ in the formula above is always the **biased** variance, the mean of the squared deviations: divide by $n$, as `np.var` does. Only the **running variance** asks for $n - 1$. You will read there why.
#
# Run the next cell. It holds three small tools for the cells that play with your functions.


# %%
@contextlib.contextmanager
def exploring():
    """For cells that play with your functions: says which one is still to be written."""
    try:
        yield
    except NotImplementedError as missing:
        print(f"This cell comes alive when the exercise is written. {missing}.")


def numerical_gradient(f, x, h=1e-5):
    """Gradient of f at x by central differences, as in assignment 02."""
    moved, gradient = np.array(x, dtype=np.float64), np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        old = moved[index]
        moved[index] = old + h
        above = f(moved)
        moved[index] = old - h
        gradient[index] = (above - f(moved)) / (2 * h)
        moved[index] = old
    return gradient


def gradient_check(name, forward, backward, *inputs):
    """Print how far each gradient that `backward(dout, *inputs)` returns is from the numerical one. Below 1e-7 is right."""
    dout = np.random.default_rng(1).standard_normal(forward(*inputs).shape)
    for i, gradient in enumerate(backward(dout, *inputs)):
        right = numerical_gradient(lambda moved, i=i: np.sum(dout * forward(*inputs[:i], moved, *inputs[i + 1 :])), inputs[i])
        error = np.abs(gradient - right).max() / max(np.abs(gradient).max(), np.abs(right).max())
        print(f"{name:11} gradient of {('x', 'gamma', 'beta')[i]:5}: relative error {error:.1e}")


# %% [markdown]
# ## batchnorm_forward
#
# Batch normalisation looks at **one feature at a time**, over all examples of the batch. For an array (N, D) this means: one mean and one variance for each of the D columns.
#
# **A tiny example.** One feature, two examples, $\varepsilon = 0$: the column $(1, 3)$ has mean 2 and variance $\frac{1 + 1}{2} = 1$. So $\hat x = (-1, 1)$. With $\gamma = 10$ and $\beta = 5$ the output is $(-5, 15)$.
#
# Three things to watch:
#
# - $\varepsilon$ stands **under the root**. It is there for a feature that is the same in all examples: its variance is 0, and $0/0$ is not a number.
# - Compute the variance from the deviations $x - \mu$. The school formula $\overline{x^2} - \bar x^2$ is the difference of two large numbers. In float32 little is left of it when the mean is far from 0.
# - A batch of one example has no spread at all. Every output would be $\beta$, whatever comes in. Raise a `ValueError`, as PyTorch does.
#
# <details><summary>Hint 1: which axis?</summary>
#
# `x.mean(axis=0)` goes down the columns. Its shape is (D,), one number for each feature, and `x - x.mean(axis=0)` subtracts it from every row.
# </details>
# <details><summary>Hint 2: the order of the last line</summary>
#
# First the scale, then the shift: `gamma * x_hat + beta`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "batchnorm_forward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def batchnorm_forward(x, gamma, beta, eps=1e-5):
    """Batch normalisation of vectors in training: every feature is normalised by the mean and variance of this batch.

    x: (N, D), floats or whole numbers. gamma, beta: (D,), scale and shift. eps: added to the (biased) variance, under the root.
    Returns (N, D); float32 for float32. Inputs stay as they are. Raises ValueError when the batch holds a single example.
    Source: S. Ioffe, C. Szegedy, Batch Normalization, https://arxiv.org/abs/1502.03167, algorithm 1; torch.nn.BatchNorm1d
    """
    ### BEGIN SOLUTION
    if len(x) < 2:
        raise ValueError("a batch of one example has no variance: give batch normalisation at least two")
    centred = x - x.mean(axis=0)
    return gamma * centred / np.sqrt((centred**2).mean(axis=0) + eps) + beta
    ### END SOLUTION


# %% [markdown]
# ### What your layer does to a deep net
#
# A net of ten linear layers with tanh, and random weights. If the weights are a little too small, the signal dies on its way. If they are a little too large, every tanh saturates at ±1. The next cell
# sends 256 random examples through, for three sizes of the weights. The upper row has no normalisation. The lower row has **your** layer before each tanh.
#
# **Predict:** what will the lower row look like?

# %% tags=["active-ipynb"]
# import matplotlib.pyplot as plt
#
# from convnets.plots import show
#
# with exploring():
#     rng = np.random.default_rng(0)
#     examples, width = rng.standard_normal((256, 100)), 100
#     fig, axes = plt.subplots(2, 3, figsize=(9, 4.6), sharex=True, sharey=True, layout="constrained")
#     spreads = {}
#     for column, size in enumerate((0.5, 1.0, 3.0)):
#         weights = [size / np.sqrt(width) * rng.standard_normal((width, width)) for _ in range(10)]
#         for row, normalised in enumerate((False, True)):
#             signal, shown = examples, []
#             for w in weights:
#                 signal = signal @ w
#                 if normalised:
#                     signal = batchnorm_forward(signal, np.ones(width), np.zeros(width))
#                 signal = np.tanh(signal)
#                 shown.append(signal.ravel())
#             spreads[size, normalised] = signal.std()
#             low, high = np.percentile(shown, [10, 90], axis=1)
#             axes[row, column].fill_between(range(1, 11), low, high, color="#0072B2", alpha=0.35)
#             axes[row, column].plot(range(1, 11), np.std(shown, axis=1), color="#D55E00", marker="o", markersize=4)
#             axes[row, column].set_title(f"{'your batch norm' if normalised else 'plain'}, weights × {size:g}", fontsize=10)
#     axes[1, 1].set_xlabel("layer (band: middle 80 % of the values; line: standard deviation)")
#     last = "; ".join(f"weights × {s:g}: {spreads[s, False]:.3f} plain, {spreads[s, True]:.3f} normalised" for s in (0.5, 1.0, 3.0))
#     show(fig, alt=f"Six panels: range of the activations in ten layers. Without normalisation it shrinks to 0 for small weights and fills −1 to 1 for large ones; with it all three panels look alike. Standard deviation in layer 10: {last}.")
#     print("Standard deviation in layer 10:", last)

# %% [markdown]
# The lower three pictures are nearly the same. **The size of the weights no longer matters**: whatever factor is in the product, the normalisation divides it out again.
#
# ## update_running
#
# When the net is in use, there may be a single image and no batch. And an answer should not depend on who else is in the batch. So during training the layer remembers what the features are usually like: a
# **running mean** and a **running variance**. After each batch they move a little towards that batch's own:
#
# $$\text{new} = (1 - m)\cdot\text{old} + m \cdot \text{of this batch} \qquad m = 0.1$$
#
# Two conventions, and both are easy to get wrong:
#
# - In PyTorch the **momentum** $m$ is the share of the **new** batch. (In the momentum of an optimiser, and in TensorFlow's batch normalisation, the larger number belongs to the old.)
# - The running variance wants to estimate the variance of **all data**, of which the batch is a sample. A sample's mean lies in the middle of the sample, so the deviations from it come out too small. Dividing by $n - 1$
#   instead of $n$ makes up for that. So PyTorch **normalises** with the biased variance and **remembers** the unbiased one. The running variance is the only number in this notebook that takes $n - 1$.
#
# **A tiny example.** Running mean 0, running variance 1, batch $(1, 3)$, momentum 0.1. The batch has mean 2 and unbiased variance $\frac{1 + 1}{2 - 1} = 2$. So the new running mean is $0.9 \cdot 0 + 0.1 \cdot 2 = 0.2$, the new running variance $0.9 \cdot 1 + 0.1 \cdot 2 = 1.1$.
#
# Return two new arrays, the mean first. The old ones stay as they are. A batch of one example has no unbiased variance: that is $0/0$. Raise a `ValueError`.
#
# <details><summary>Hint</summary>
#
# `x.var(axis=0, ddof=1)` divides by n − 1.
# </details>


# %% nbgrader={"grade": false, "grade_id": "update_running", "locked": false, "schema_version": 3, "solution": true, "task": false}
def update_running(running_mean, running_var, x, momentum=0.1):
    """Running averages after one more batch: momentum is the share of the new batch, the batch's variance is the unbiased one.

    running_mean, running_var: (D,). x: (N, D), floats or whole numbers. momentum: 0 … 1.
    Returns (running_mean, running_var), new arrays (D,); float32 for float32. Inputs stay as they are.
    Raises ValueError when the batch holds a single example.
    Source: torch.nn.BatchNorm1d, https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html
    """
    ### BEGIN SOLUTION
    if len(x) < 2:
        raise ValueError("a batch of one example has no variance: give batch normalisation at least two")
    mean = (1 - momentum) * running_mean + momentum * x.mean(axis=0)
    var = (1 - momentum) * running_var + momentum * x.var(axis=0, ddof=1)
    return mean, var
    ### END SOLUTION


# %% [markdown]
# ### Watch the averages run
#
# All data has mean 5 and variance 4. Each batch holds only 8 examples, so its own variance jumps around. **Predict:** which momentum gives the calmer curve, and which arrives sooner?

# %% tags=["active-ipynb"]
# with exploring():
#     rng = np.random.default_rng(1)
#     batches = 5 + 2 * rng.standard_normal((150, 8, 1))
#     fig, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
#     ends = {}
#     for momentum, colour, dash in ((0.1, "#0072B2", "-"), (0.02, "#D55E00", "--")):
#         mean, var, means, variances = np.zeros(1), np.ones(1), [], []
#         for batch in batches:
#             mean, var = update_running(mean, var, batch, momentum)
#             means.append(mean[0]), variances.append(var[0])
#         axes[0].plot(means, dash, color=colour, label=f"momentum {momentum:g}")
#         axes[1].plot(variances, dash, color=colour)
#         ends[momentum] = np.mean(variances[-50:])
#     for ax, truth, values, name in ((axes[0], 5, batches.mean(axis=(1, 2)), "mean"), (axes[1], 4, batches.var(axis=(1, 2), ddof=1), "variance")):
#         ax.plot(values, ".", color="#999999", markersize=3, zorder=0)
#         ax.axhline(truth, color="black", linewidth=0.7)
#         ax.set(title=f"running {name} (grey: of each batch)", xlabel="batch")
#     axes[1].set_ylim(0, 13)
#     axes[0].legend(loc="lower right")
#     show(fig, alt=f"Running mean and variance over 150 batches. With momentum 0.1 both arrive after about 30 batches and keep trembling; with 0.02 they are calm but still on their way after 100 batches. Mean running variance of the last 50 batches: {ends[0.1]:.2f} and {ends[0.02]:.2f}.")

# %% [markdown]
# ## batchnorm_inference
#
# In use, the running averages take the place of the batch's own statistics. They are constants. So the layer becomes a fixed straight line for each feature, and each example is treated on its own.
#
# **A tiny example.** Running mean 3, running variance 4, $\gamma = 10$, $\beta = 1$, $\varepsilon = 0$: the number 5 becomes $10\cdot\frac{5 - 3}{2} + 1 = 11$, alone or in company.
#
# The formula is the one of training: $\varepsilon$ is added to the running variance, under the root. The running averages are used as they come. Nothing in them is corrected again.
#
# Using the batch's statistics here is one of the commonest bugs of all. With large shuffled batches nothing looks wrong. Then one image comes alone.
#
# <details><summary>Hint 1: what stays, what goes</summary>
#
# Copy the last line of your `batchnorm_forward`. Which two numbers in it come from the batch? Both are handed to you here.
# </details>
# <details><summary>Hint 2: how to see that it is right</summary>
#
# Ask for three examples at once, and then for each of them alone. The answers must be the same. If they differ, your code still takes a mean of `x` somewhere.
# </details>


# %% nbgrader={"grade": false, "grade_id": "batchnorm_inference", "locked": false, "schema_version": 3, "solution": true, "task": false}
def batchnorm_inference(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """Batch normalisation of vectors in use: the running averages take the place of the batch's mean and variance.

    x: (N, D), N may be 1, floats or whole numbers. gamma, beta, running_mean, running_var: (D,). eps: added to running_var, under the root.
    Returns (N, D); float32 for float32. Inputs stay as they are.
    Source: S. Ioffe, C. Szegedy, Batch Normalization, https://arxiv.org/abs/1502.03167, section 3.1; torch.nn.BatchNorm1d after .eval()
    """
    ### BEGIN SOLUTION
    return gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta
    ### END SOLUTION


# %% [markdown]
# ## batchnorm_backward
#
# Here is where batch normalisation gets interesting. In a linear layer, an example affects its own output only. In batch normalisation each $x_i$ works on the outputs in **three ways**:
#
# 1. directly: $\hat x_i = (x_i - \mu)/\sigma$;
# 2. through the mean $\mu$, which all examples feel;
# 3. through the variance, which all examples feel.
#
# Add up the three, and it comes out short. Write $g = \gamma \cdot d\text{out}$ for the gradient that arrives at $\hat x$, and $\sigma$ for $\sqrt{\text{variance} + \varepsilon}$. For each feature
#
# $$dx = \frac{1}{\sigma}\Bigl(g \;-\; \overline{g} \;-\; \hat x \cdot \overline{g\,\hat x}\Bigr) \qquad d\gamma = \sum d\text{out}\cdot\hat x \qquad d\beta = \sum d\text{out}$$
#
# A bar is a mean over the batch, a sum is over the batch. The two subtracted parts say something. Adding the same number to all examples changes nothing, since the mean is taken away: so the gradient has no such
# part. Stretching all examples changes nothing, since the spread is divided out: so the gradient has no such part either.
#
# **A tiny example.** $x = (-1, -1, 1, 1)$ has mean 0 and variance 1, so $\hat x = x$. With $\gamma = 1$ and $d\text{out} = (4, 0, 0, 0)$: $\bar g = 1$ and $\overline{g\hat x} = -1$. So
# $dx = (4 - 1 - 1,\; -1 - 1,\; -1 + 1,\; -1 + 1) = (2, -2, 0, 0)$, $d\gamma = -4$, $d\beta = 4$. Look at the second number: its own output got no gradient, but it gets one.
#
# <details><summary>Hint 1: getting there yourself</summary>
#
# With $c = x - \mu$ and $\sigma = \sqrt{\overline{c^2} + \varepsilon}$, go back step by step: $\hat x = c/\sigma$ sends $g/\sigma$ straight to $c$, and $-\sum g\,c/\sigma^2$ to $\sigma$. From $\sigma$ it goes on to each $c_i$ with the
# factor $c_i/(n\sigma)$. At last $c = x - \bar x$ takes the mean out of whatever arrives.
# </details>
# <details><summary>Hint 2: in code</summary>
#
# Compute `x_hat` and `sigma` again from x. Then each formula is one line with `.sum(axis=0)` or `.mean(axis=0)`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "batchnorm_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def batchnorm_backward(dout, x, gamma, eps=1e-5):
    """Gradients of batch normalisation of vectors in training; mean and variance depend on x.

    dout: (N, D), gradient of the loss with respect to the output. x, gamma, eps: as in `batchnorm_forward`.
    Returns (dx, dgamma, dbeta): (N, D), (D,), (D,). Inputs stay as they are.
    Source: S. Ioffe, C. Szegedy, Batch Normalization, https://arxiv.org/abs/1502.03167, section 3
    """
    ### BEGIN SOLUTION
    centred = x - x.mean(axis=0)
    sigma = np.sqrt((centred**2).mean(axis=0) + eps)
    x_hat = centred / sigma
    g = gamma * dout
    dx = (g - g.mean(axis=0) - x_hat * (g * x_hat).mean(axis=0)) / sigma
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)
    ### END SOLUTION


# %% [markdown]
# ### Is it right? And what was taken away?
#
# First the check by numbers. Then the same gradient for one feature of eight examples: as it arrives, and as it leaves your layer.

# %% tags=["active-ipynb"]
# with exploring():
#     rng = np.random.default_rng(2)
#     gradient_check("batch norm", batchnorm_forward, lambda dout, x, gamma, beta: batchnorm_backward(dout, x, gamma), rng.standard_normal((5, 3)), rng.standard_normal(3), rng.standard_normal(3))
#     x = np.sort(rng.standard_normal((8, 1)), axis=0)
#     dout = 1.5 + 1.0 * x + 0.6 * rng.standard_normal((8, 1))
#     dx, _, _ = batchnorm_backward(dout, x, np.ones(1))
#     fig, axes = plt.subplots(1, 2, figsize=(8, 2.8), sharey=True, layout="constrained")
#     for ax, values, title in ((axes[0], dout, "dout, as it arrives"), (axes[1], dx, "dx, as your layer passes it on")):
#         ax.bar(x[:, 0], values[:, 0], width=0.09, color=["#0072B2" if v > 0 else "#D55E00" for v in values[:, 0]])
#         ax.axhline(0, color="black", linewidth=0.7)
#         ax.set(title=title, xlabel="value of x")
#     show(fig, alt="Bars of the gradient for eight values of x. On the left most are positive and they rise to the right. On the right they lie evenly above and below zero, without a slope.")
#     print(f"sum of dout {dout.sum():.3f} → sum of dx {dx.sum() + 0:.1e};   slope along x {(dout * (x - x.mean())).sum():.3f} → {(dx * (x - x.mean())).sum():.1e}")

# %% [markdown]
# The mean is gone, and so is the slope. What is left is about the *relations* between the examples, and that is all a normalised feature can change. (The slope is not exactly 0, because of $\varepsilon$.)
#
# ### Does it help? A first race
#
# The next cell trains a net of three linear layers on pictures of clothes, with and without your batch normalisation, at three learning rates. All else is equal: start, batches, 300 steps.
# It stops early if your functions use loops and time runs out.
#
# **Predict:** at which learning rates does the plain net learn?

# %% tags=["active-ipynb"]
# from convnets.data import load_fashion_mnist
#
# data = load_fashion_mnist()
# train_x, test_x = (images.reshape(len(images), -1).astype(np.float32) / 255 - 0.3 for images in (data.train_images, data.test_images))
#
#
# def train(learning_rate, normalised, steps=300, seconds=6.0):
#     """Train 784 → 100 → 100 → 10 by plain gradient descent. Returns losses, net, running averages."""
#     rng, sizes, start = np.random.default_rng(3), (784, 100, 100, 10), time.perf_counter()
#     net = [(np.sqrt(2 / a) * rng.standard_normal((a, b), dtype=np.float32), np.ones(b, np.float32), np.zeros(b, np.float32)) for a, b in zip(sizes, sizes[1:])]
#     running = [(np.zeros(b, np.float32), np.ones(b, np.float32)) for b in sizes[1:]]
#     losses = []
#     with np.errstate(all="ignore"):
#         while len(losses) < steps and time.perf_counter() - start < seconds:
#             rows = rng.integers(0, len(train_x), 64)
#             signal, inputs, sums = train_x[rows], [], []
#             for layer, (w, gamma, beta) in enumerate(net):
#                 inputs.append(signal)
#                 sums.append(signal @ w)
#                 hidden = layer < 2
#                 signal = batchnorm_forward(sums[-1], gamma, beta) if normalised and hidden else sums[-1] + beta
#                 signal = np.maximum(signal, 0) if hidden else signal
#                 if normalised and hidden:
#                     running[layer] = update_running(*running[layer], sums[-1])
#             p = np.exp(signal - signal.max(axis=1, keepdims=True))
#             p /= p.sum(axis=1, keepdims=True)
#             losses.append(-np.log(p[np.arange(64), data.train_labels[rows]] + 1e-30).mean())
#             d, moved = (p - np.eye(10, dtype=np.float32)[data.train_labels[rows]]) / 64, []
#             for layer in (2, 1, 0):
#                 w, gamma, beta = net[layer]
#                 dgamma, dbeta = 0 * gamma, d.sum(axis=0)
#                 if layer < 2:
#                     d = d * (inputs[layer + 1] > 0)
#                     dbeta = d.sum(axis=0)
#                     if normalised:
#                         d, dgamma, dbeta = batchnorm_backward(d, sums[layer], gamma)
#                 moved.insert(0, (w - learning_rate * inputs[layer].T @ d, gamma - learning_rate * dgamma, beta - learning_rate * dbeta))
#                 d = d @ w.T
#             net = moved
#     return np.array(losses), net, running
#
#
# net = None
# with exploring():
#     fig, axes = plt.subplots(1, 3, figsize=(10, 3), sharey=True, layout="constrained")
#     ends = {}
#     for ax, rate in zip(axes, (0.03, 0.3, 3.0), strict=True):
#         for normalised, colour, dash in ((False, "#D55E00", "--"), (True, "#0072B2", "-")):
#             losses, *trained = train(rate, normalised)
#             smooth = np.convolve(np.nan_to_num(losses, nan=9, posinf=9), np.ones(10) / 10, "valid")
#             ax.plot(np.minimum(smooth, 4), dash, color=colour, label="with your batch norm" if normalised else "plain")
#             end = losses[-20:].mean()
#             ends[rate, normalised] = f"{end:.2f}" if np.isfinite(end) else "lost, no longer a number"
#             if normalised and rate == 0.3:
#                 net, running = trained
#         ax.axhline(np.log(10), color="#999999", linewidth=0.8)
#         ax.set(title=f"learning rate {rate:g}", xlabel="step", ylim=(0, 4))
#     axes[0].set_ylabel("loss (grey: ln 10, guessing)")
#     axes[0].legend()
#     said = "; ".join(f"rate {rate:g}: plain {ends[rate, False]}, normalised {ends[rate, True]}" for rate in (0.03, 0.3, 3.0))
#     show(fig, alt=f"Loss over 300 steps with and without batch normalisation, at three learning rates. Mean of the last 20 steps: {said}.")
#     print("mean loss of the last 20 steps:", said)

# %% [markdown]
# This is one run of a small net. Chapter 05 does the experiment with several seeds. What you can see here is that your normalisation lets the net live with a learning rate at which the plain one is lost.
#
# ### Batch statistics at test time: the bug, measured
#
# Now the trained net is in use. We classify the same 500 test images three ways. **Predict** the three accuracies.

# %% tags=["active-ipynb"]
# def classify(images, use):
#     """Classes of images by the trained net; `use(sums, layer, gamma, beta)` is the normalisation."""
#     for layer, (w, gamma, beta) in enumerate(net):
#         images = images @ w
#         images = np.maximum(use(images, layer, gamma, beta), 0) if layer < 2 else images + beta
#     return images.argmax(axis=1)
#
#
# with exploring():
#     if net is None:
#         raise NotImplementedError("It needs the net of the race above")
#     by_running = lambda sums, layer, gamma, beta: batchnorm_inference(sums, gamma, beta, *running[layer])
#     by_batch = lambda sums, layer, gamma, beta: batchnorm_forward(sums, gamma, beta)
#     labels, images = data.test_labels[:500], test_x[:500]
#     one_class = np.argsort(labels, kind="stable")
#     print(f"running averages, any batch:                   {(classify(images, by_running) == labels).mean():.1%}")
#     print(f"batch statistics, one batch of 500 mixed images: {(classify(images, by_batch) == labels).mean():.1%}")
#     sorted_right = np.concatenate([classify(images[rows], by_batch) == labels[rows] for rows in np.array_split(one_class, 50)])
#     print(f"batch statistics, batches of 10 alike images:    {sorted_right.mean():.1%}")

# %% [markdown]
# With a large mixed batch the bug is invisible. With batches in which all images are alike, the layer subtracts just what they have in common, and the net is half blind. With a single image it cannot even be computed.
#
# ## batchnorm2d_forward
#
# Now images, and everything in one function. In a convolution one filter makes a whole map, so one filter's numbers belong together: **each channel** gets one mean and one variance, over **all images and all pixels**. The
# channel plays the role of the feature, and every pixel of every image is an example. The number of examples is $n = N \cdot H \cdot W$.
#
# **A tiny example.** Two images of one channel with two pixels each: $(1, 1)$ and $(5, 5)$. All four numbers together: mean 3, variance 4. So $\hat x$ is $(-1, -1)$ and $(1, 1)$. The unbiased variance, for the running average, is
# $\frac{16}{4 - 1} = 5.33$.
#
# With `training=True` the batch's statistics are used, and the running averages move. With `training=False` the running averages are used, and stay. Return three things in both cases: the output, the running mean and the running
# variance. In training, a channel with one value only (one image of one pixel) has no variance: raise a `ValueError`.
#
# <details><summary>Hint 1: use what you have</summary>
#
# Bring the channels to the end and flatten the rest: `x.transpose(0, 2, 3, 1).reshape(-1, C)` is an array (N·H·W, C), an input for your functions from sitting 1. Then go the same way back.
# </details>
# <details><summary>Hint 2: or directly</summary>
#
# `x.mean(axis=(0, 2, 3), keepdims=True)` is (1, C, 1, 1). Give γ, β and the running averages that shape, too: `gamma.reshape(1, -1, 1, 1)`. Without it NumPy lines them up with the last axis, the width.
# </details>


# %% nbgrader={"grade": false, "grade_id": "batchnorm2d_forward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def batchnorm2d_forward(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """Batch normalisation of images, in training or in use.

    x: (N, C, H, W), floats or whole numbers. gamma, beta, running_mean, running_var: (C,).
    training: True: normalise each channel by this batch's mean and biased variance, over images and pixels, and move the running averages
    (share of the new: momentum; unbiased variance). False: normalise by the running averages, which stay.
    Returns (out, running_mean, running_var): (N, C, H, W), (C,), (C,); float32 for float32. Inputs stay as they are.
    Raises ValueError in training when a channel has a single value.
    Source: torch.nn.BatchNorm2d, https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html
    """
    ### BEGIN SOLUTION
    n, c, height, width = x.shape
    values = x.transpose(0, 2, 3, 1).reshape(-1, c)
    if training:
        out = batchnorm_forward(values, gamma, beta, eps)
        running_mean, running_var = update_running(running_mean, running_var, values, momentum)
    else:
        out = batchnorm_inference(values, gamma, beta, running_mean, running_var, eps)
    return out.reshape(n, height, width, c).transpose(0, 3, 1, 2), running_mean, running_var
    ### END SOLUTION


# %% [markdown]
# ### Whose statistics are they?
#
# The widget runs **your** function. It moves one input number after the other, looks which outputs follow, and so finds out which numbers share their mean and variance in your layer. Click a number, or
# walk with the arrow keys. Compare *Your function* with *Batch norm*.

# %% tags=["active-ipynb"]
# from convnets.widgets import normalization_axes
#
# blocks = np.random.default_rng(4).integers(-3, 7, (3, 4, 2, 2)).astype(float)
# four, none = np.ones(4), np.zeros(4)
# normalization_axes(blocks, function=lambda x: batchnorm2d_forward(x, four, none, none, four, True)[0])

# %% [markdown]
# ## batchnorm2d_backward
#
# The formulas of `batchnorm_backward` hold as they are. Only the means and sums now run over images **and** pixels, so $n = N \cdot H \cdot W$. The running averages have no part in it: this is the backward pass of training.
#
# **A tiny example.** The two images above, $\hat x = (-1, -1)$ and $(1, 1)$, with $\gamma = 1$, $\sigma = 2$. For $d\text{out} = (4, 0)$ and $(0, 0)$: $\bar g = 1$, $\overline{g\hat x} = -1$. So $dx = (1, -1)$ and $(0, 0)$: half
# of the example above, because $\sigma$ is 2.
#
# <details><summary>Hint 1: what is new?</summary>
#
# Only the layout, and you have mastered it in `batchnorm2d_forward`. What did you do there with `x`, so that each channel got its own mean? `dout` has the same layout, so do it with both.
# </details>
# <details><summary>Hint 2: three results, three shapes</summary>
#
# Print the shapes of what you are about to return. One result belongs to the pixels, so it must go back to (N, C, H, W). The other two belong to the channels.
# </details>


# %% nbgrader={"grade": false, "grade_id": "batchnorm2d_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def batchnorm2d_backward(dout, x, gamma, eps=1e-5):
    """Gradients of batch normalisation of images in training.

    dout: (N, C, H, W), gradient of the loss with respect to the output. x, gamma, eps: as in `batchnorm2d_forward`.
    Returns (dx, dgamma, dbeta): (N, C, H, W), (C,), (C,). Inputs stay as they are.
    Source: S. Ioffe, C. Szegedy, Batch Normalization, https://arxiv.org/abs/1502.03167, sections 3 and 3.2
    """
    ### BEGIN SOLUTION
    n, c, height, width = x.shape
    rows = [array.transpose(0, 2, 3, 1).reshape(-1, c) for array in (dout, x)]
    dx, dgamma, dbeta = batchnorm_backward(*rows, gamma, eps)
    return dx.reshape(n, height, width, c).transpose(0, 3, 1, 2), dgamma, dbeta
    ### END SOLUTION


# %% tags=["active-ipynb"]
# with exploring():
#     rng = np.random.default_rng(5)
#     still = np.zeros(3), np.ones(3)
#     gradient_check(
#         "batch norm", lambda x, gamma, beta: batchnorm2d_forward(x, gamma, beta, *still, True)[0], lambda dout, x, gamma, beta: batchnorm2d_backward(dout, x, gamma),
#         rng.standard_normal((2, 3, 3, 2)), rng.standard_normal(3), rng.standard_normal(3),
#     )

# %% [markdown]
# ## layernorm_forward
#
# Batch normalisation needs a batch. **Layer normalisation** does not: it takes the mean and variance of **each example on its own**, over all of its features. So it does the same in training and in use, keeps no running
# averages, and works for a single example. It is what transformers use.
#
# Careful: $\gamma$ and $\beta$ still belong to the **features**, one for each number of an example. So statistics and scale go along different axes.
#
# **A tiny example.** Two examples, $(1, 3)$ and $(10, 30)$, $\varepsilon = 0$, $\gamma = 1$, $\beta = 0$. The first has mean 2 and spread 1, the second mean 20 and spread 10. Both become $(-1, 1)$. With $\gamma = (5, 7)$ both become
# $(-5, 7)$.
#
# An example may be a vector or a whole image: all axes but the first are normalised together.
#
# <details><summary>Hint</summary>
#
# `axes = tuple(range(1, x.ndim))`, and `keepdims=True`, so that means of shape (N, 1, 1, 1) can be subtracted from images.
# </details>


# %% nbgrader={"grade": false, "grade_id": "layernorm_forward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def layernorm_forward(x, gamma, beta, eps=1e-5):
    """Layer normalisation: each example is normalised by the mean and variance of all its own numbers.

    x: (N, …), floats or whole numbers; all axes but the first are normalised together. gamma, beta: x.shape[1:], one for each feature.
    eps: added to the (biased) variance, under the root. Returns x's shape; float32 for float32. Inputs stay as they are.
    Source: J. L. Ba, J. R. Kiros, G. E. Hinton, Layer Normalization, https://arxiv.org/abs/1607.06450; torch.nn.LayerNorm(x.shape[1:])
    """
    ### BEGIN SOLUTION
    axes = tuple(range(1, x.ndim))
    centred = x - x.mean(axis=axes, keepdims=True)
    return gamma * centred / np.sqrt((centred**2).mean(axis=axes, keepdims=True) + eps) + beta
    ### END SOLUTION


# %% [markdown]
# ## layernorm_backward
#
# The same thought as before, along the other axis. With $g = \gamma\cdot d\text{out}$ and $\sigma$ of each example
#
# $$dx = \frac{1}{\sigma}\Bigl(g \;-\; \overline{g} \;-\; \hat x \cdot \overline{g\,\hat x}\Bigr) \qquad d\gamma = \sum d\text{out}\cdot\hat x \qquad d\beta = \sum d\text{out}$$
#
# Now a bar is a mean over the features **of one example**, but the sums still run over **the batch**: $\gamma$ and $\beta$ serve every example.
#
# One thing is new. In batch normalisation $\gamma$ is the same number inside each mean, so it can be put in front. Here it is **not**: every feature has its own, and the mean runs over features. $\gamma$ must be multiplied in before the means are taken.
#
# **A tiny example.** One example $x = (-1, -1, 1, 1)$ with $\gamma = (2, 1, 1, 1)$ and $d\text{out} = (2, 0, 0, 0)$. Then $g = (4, 0, 0, 0)$, and as above $dx = (2, -2, 0, 0)$. $d\gamma = (-2, 0, 0, 0)$ and $d\beta = (2, 0, 0, 0)$.
#
# <details><summary>Hint 1: which axes change?</summary>
#
# Your `batchnorm_backward` says `axis=0` in several places. Go through them one by one, and ask: is this a mean inside $dx$, or a sum for $\gamma$ and $\beta$? Only one of the two kinds changes.
# </details>
# <details><summary>Hint 2: an error about shapes</summary>
#
# A mean over the features has the shape (N,), and NumPy lines it up with the last axis of x, not with the first. You had the same trouble in `layernorm_forward`. What helped there?
# </details>


# %% nbgrader={"grade": false, "grade_id": "layernorm_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def layernorm_backward(dout, x, gamma, eps=1e-5):
    """Gradients of layer normalisation.

    dout: x's shape, gradient of the loss with respect to the output. x, gamma, eps: as in `layernorm_forward`.
    Returns (dx, dgamma, dbeta): x.shape, x.shape[1:], x.shape[1:]. Inputs stay as they are.
    Source: the chain rule for the formula of J. L. Ba, J. R. Kiros, G. E. Hinton, https://arxiv.org/abs/1607.06450
    """
    ### BEGIN SOLUTION
    axes = tuple(range(1, x.ndim))
    centred = x - x.mean(axis=axes, keepdims=True)
    sigma = np.sqrt((centred**2).mean(axis=axes, keepdims=True) + eps)
    x_hat = centred / sigma
    g = gamma * dout
    dx = (g - g.mean(axis=axes, keepdims=True) - x_hat * (g * x_hat).mean(axis=axes, keepdims=True)) / sigma
    return dx, (dout * x_hat).sum(axis=0), dout.sum(axis=0)
    ### END SOLUTION


# %% [markdown]
# ## groupnorm_forward
#
# In an image net, channels differ much: one looks for edges, another for colour. To throw all of them into one mean, as layer normalisation does, is rough. **Group normalisation** takes the middle way: it divides the
# channels of each image into groups of neighbours, and normalises each group.
#
# With C = 6 and `groups=2`, channels 0, 1, 2 are one group, channels 3, 4, 5 the other. Each image has its own statistics. $\gamma$ and $\beta$ belong to the **channels**, as in batch normalisation.
#
# **A tiny example.** One image, four channels of one pixel: $(1, 3, 10, 30)$. With two groups: $(1, 3)$ and $(10, 30)$ become $(-1, 1)$ each, so the output is $(-1, 1, -1, 1)$. With one group all four share one mean. Three groups are not possible here: raise a `ValueError`
# when the channels cannot be divided into so many equal groups.
#
# <details><summary>Hint 1: split an axis</summary>
#
# `x.reshape(N, groups, C // groups, H, W)` splits the channels into groups of neighbours. Nothing moves in memory.
# </details>
# <details><summary>Hint 2: then</summary>
#
# In that shape the statistics run over axes (2, 3, 4). Reshape back, **then** scale and shift with γ and β of shape (1, C, 1, 1).
# </details>


# %% nbgrader={"grade": false, "grade_id": "groupnorm_forward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def groupnorm_forward(x, gamma, beta, groups, eps=1e-5):
    """Group normalisation: in each image, each group of neighbouring channels is normalised by its own mean and variance.

    x: (N, C, H, W), floats or whole numbers. gamma, beta: (C,). groups: how many groups, a divisor of C.
    eps: added to the (biased) variance, under the root. Returns x's shape; float32 for float32. Inputs stay as they are.
    Raises ValueError when C is not divisible by groups.
    Source: Y. Wu, K. He, Group Normalization, https://arxiv.org/abs/1803.08494; torch.nn.GroupNorm
    """
    ### BEGIN SOLUTION
    c = x.shape[1]
    if c % groups:
        raise ValueError(f"{c} channels cannot be divided into {groups} equal groups")
    parts = x.reshape(len(x), groups, -1)
    centred = parts - parts.mean(axis=2, keepdims=True)
    x_hat = (centred / np.sqrt((centred**2).mean(axis=2, keepdims=True) + eps)).reshape(x.shape)
    return gamma[:, None, None] * x_hat + beta[:, None, None]
    ### END SOLUTION


# %% [markdown]
# ### Look at your groups
#
# Here are three images of six channels, and your function with two groups. Which of the buttons gives the same picture as *Your function*? Then change the 2 to 1, 3 and 6, and run the cell again.

# %% tags=["active-ipynb"]
# six_channels = np.random.default_rng(6).integers(-3, 7, (3, 6, 2, 1)).astype(float)
# normalization_axes(six_channels, method="group", groups=2, function=lambda x: groupnorm_forward(x, np.ones(6), np.zeros(6), 2))

# %% [markdown]
# ## groupnorm_backward
#
# You know all the parts. Means over a group of one image; sums for $\gamma$ and $\beta$ over images and pixels, because they belong to channels; and $\gamma$ multiplied in **before** the means, because a group holds several channels.
#
# **A tiny example.** One image, two channels with two pixels each, one group: $(-1, -1)$ and $(1, 1)$. With $\gamma = (2, 1)$ and $d\text{out} = (2, 0), (0, 0)$: $g = (4, 0), (0, 0)$, so $dx = (2, -2), (0, 0)$, $d\gamma = (-2, 0)$ and
# $d\beta = (2, 0)$.
#
# <details><summary>Hint 1: two shapes</summary>
#
# The means want the numbers split into groups. $\gamma$ and the sums want them as (N, C, H, W). Write beside each step which of the two shapes it needs.
# </details>
# <details><summary>Hint 2: what is split?</summary>
#
# In $dx$ two arrays meet: $\hat x$ and $g$. Both must be in the same shape when the means are taken. Is $\gamma$ already in $g$ at that moment?
# </details>


# %% nbgrader={"grade": false, "grade_id": "groupnorm_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def groupnorm_backward(dout, x, gamma, groups, eps=1e-5):
    """Gradients of group normalisation.

    dout: (N, C, H, W), gradient of the loss with respect to the output. x, gamma, groups, eps: as in `groupnorm_forward`.
    Returns (dx, dgamma, dbeta): (N, C, H, W), (C,), (C,). Inputs stay as they are.
    Source: the chain rule for the formula of Y. Wu, K. He, https://arxiv.org/abs/1803.08494
    """
    ### BEGIN SOLUTION
    parts = x.reshape(len(x), groups, -1)
    centred = parts - parts.mean(axis=2, keepdims=True)
    sigma = np.sqrt((centred**2).mean(axis=2, keepdims=True) + eps)
    x_hat = centred / sigma
    g = (gamma[:, None, None] * dout).reshape(parts.shape)
    dx = (g - g.mean(axis=2, keepdims=True) - x_hat * (g * x_hat).mean(axis=2, keepdims=True)) / sigma
    return dx.reshape(x.shape), (dout * x_hat.reshape(x.shape)).sum(axis=(0, 2, 3)), dout.sum(axis=(0, 2, 3))
    ### END SOLUTION


# %% tags=["active-ipynb"]
# with exploring():
#     rng = np.random.default_rng(7)
#     gradient_check("layer norm", layernorm_forward, lambda dout, x, gamma, beta: layernorm_backward(dout, x, gamma), rng.standard_normal((3, 2, 2)), *rng.standard_normal((2, 2, 2)))
#     gradient_check(
#         "group norm", lambda x, gamma, beta: groupnorm_forward(x, gamma, beta, 2), lambda dout, x, gamma, beta: groupnorm_backward(dout, x, gamma, 2),
#         rng.standard_normal((2, 4, 3, 2)), rng.standard_normal(4), rng.standard_normal(4),
#     )

# %% [markdown]
# ## instancenorm_forward
#
# The last of the family: each channel of each image on its own. Brightness and contrast of every map are taken away, whatever they were. That is **instance normalisation**. It became known in style transfer, where the contrast of
# the photo should not matter.
#
# **A tiny example.** One image, two channels of two pixels: $(1, 3)$ and $(10, 30)$ both become $(-1, 1)$.
#
# You may have noticed: it can be written in one line with a function that you have. So can its backward pass.
#
# <details><summary>Hint: which function?</summary>
#
# Go back to group normalisation. With one group, all channels share their statistics. How many groups does it take until every channel is alone? And look at the whole signature: is there something to hand on?
# </details>


# %% nbgrader={"grade": false, "grade_id": "instancenorm_forward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def instancenorm_forward(x, gamma, beta, eps=1e-5):
    """Instance normalisation: each channel of each image is normalised by its own mean and variance.

    x: (N, C, H, W), floats or whole numbers. gamma, beta: (C,). eps: added to the (biased) variance, under the root.
    Returns x's shape; float32 for float32. Inputs stay as they are.
    Source: D. Ulyanov, A. Vedaldi, V. Lempitsky, Instance Normalization, https://arxiv.org/abs/1607.08022; torch.nn.InstanceNorm2d(affine=True)
    """
    ### BEGIN SOLUTION
    return groupnorm_forward(x, gamma, beta, x.shape[1], eps)
    ### END SOLUTION


# %% [markdown]
# ### Four normalisations of one photo
#
# A batch of two: a photo, and the same photo in a dim light and with little contrast. Its three channels are red, green and blue. All four layers are yours. **Predict:** for which of them do the two photos come out (nearly) alike?

# %% tags=["active-ipynb"]
# from convnets.data import photo
#
# with exploring():
#     bright = photo(160).transpose(2, 0, 1)
#     pair = np.stack([bright, 0.15 + 0.25 * bright])
#     three, zero = np.ones(3), np.zeros(3)
#     outputs = {
#         "input": pair,
#         "batch": batchnorm2d_forward(pair, three, zero, zero, three, True)[0],
#         "layer": layernorm_forward(pair, np.ones(pair.shape[1:]), np.zeros(pair.shape[1:])),
#         "group, 1 group": groupnorm_forward(pair, three, zero, 1),
#         "instance": instancenorm_forward(pair, three, zero),
#     }
#     fig, axes = plt.subplots(2, 5, figsize=(10, 4.6), layout="constrained")
#     for column, (name, images) in enumerate(outputs.items()):
#         for row, image in enumerate(images):
#             shown = image if name == "input" else np.clip(0.5 + image / 5, 0, 1)
#             axes[row, column].imshow(np.clip(shown, 0, 1).transpose(1, 2, 0))
#             axes[row, column].set(xticks=[], yticks=[])
#         difference = np.abs(images[0] - images[1]).mean()
#         axes[0, column].set_title(name, fontsize=10)
#         axes[1, column].set_xlabel(f"mean difference {difference:.2f}")
#     said = ", ".join(f"{name} {np.abs(images[0] - images[1]).mean():.2f}" for name, images in outputs.items())
#     show(fig, alt=f"A photo and a dim copy of it, and both after each normalisation. After batch norm they still differ; after layer, group and instance norm they look alike. Mean difference between the two rows: {said}.")
#     print("mean difference between the two:", said)

# %% [markdown]
# Batch normalisation keeps the difference between the two images: it treats both in the same way. The other three work on each image alone, so the light is gone. Layer normalisation and one group are the same
# here. Instance normalisation also takes away the tint, because each colour is normalised for itself.
#
# ## fold_batchnorm
#
# In use, batch normalisation is a straight line for each channel. And a convolution is a weighted sum plus a bias. A straight line of a weighted sum is again a weighted sum plus a bias. So **a trained batch normalisation can be melted
# into the convolution before it**, and costs nothing any more. With $s = \gamma / \sqrt{\text{running variance} + \varepsilon}$, one number for each filter:
#
# $$s\,\bigl(w * x + b - \text{running mean}\bigr) + \beta \;=\; (s\,w) * x \;+\; \underbrace{s\,(b - \text{running mean}) + \beta}_{b'}$$
#
# **A tiny example.** A filter $w = (1, 2)$ with $b = 5$. Running mean 3, running variance 4, $\gamma = 6$, $\beta = 1$, $\varepsilon = 0$. Then $s = 6/2 = 3$, $w' = (3, 6)$ and $b' = 3\cdot(5 - 3) + 1 = 7$.
#
# Make it work for the weights of a linear layer, too, (M, D) in place of (F, C, kh, kw): filters come first in both.
#
# <details><summary>Hint</summary>
#
# `s.reshape(-1, 1, 1, 1)` fits a convolution. For any number of axes: `s.reshape(-1, *[1] * (w.ndim - 1))`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "fold_batchnorm", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fold_batchnorm(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    """Weights and bias of one layer that does what the layer and the trained batch normalisation behind it do.

    w: (F, C, kh, kw) of a convolution, or (F, D) of a linear layer. b: (F,). gamma, beta, running_mean, running_var: (F,), of the normalisation.
    Returns (w', b'), shaped as w and b; float32 for float32. Inputs stay as they are.
    Source: S. Ioffe, C. Szegedy, https://arxiv.org/abs/1502.03167, algorithm 2, line 11, put into the layer before; torch.nn.utils.fuse_conv_bn_weights
    """
    ### BEGIN SOLUTION
    scale = gamma / np.sqrt(running_var + eps)
    return w * scale.reshape(-1, *[1] * (w.ndim - 1)), scale * (b - running_mean) + beta
    ### END SOLUTION


# %% [markdown]
# ### Fold your own net
#
# The net that you trained above has two batch normalisations. Let us fold both into the linear layers before them, with your function. **Predict:** will any answer change?

# %% tags=["active-ipynb"]
# with exploring():
#     if net is None:
#         raise NotImplementedError("It needs the net of the race above")
#     folded, images = [], test_x[:500]
#     for layer, (w, gamma, beta) in enumerate(net):
#         if layer < 2:
#             wide, bias = fold_batchnorm(w.T, np.zeros(len(gamma), np.float32), gamma, beta, *running[layer])
#             folded.append((wide.T, bias))
#         else:
#             folded.append((w, beta))
#
#     def lean(signal):
#         for layer, (w, bias) in enumerate(folded):
#             signal = signal @ w + bias
#             signal = np.maximum(signal, 0) if layer < 2 else signal
#         return signal.argmax(axis=1)
#
#     same = (lean(images) == classify(images, by_running)).mean()
#     print(f"{same:.1%} of the answers are the same; the folded net has {sum(w.size + b.size for w, b in folded):,} numbers, the other {sum(w.size + (4 * g.size if layer < 2 else b.size) for layer, (w, g, b) in enumerate(net)):,}")

# %% [markdown]
# ## What it leads to
#
# Your normalisation goes on in assignment 04, which is about training, and in assignment 05, where you build a LeNet. Lab 02 asks what batch normalisation is worth on real images, next to dropout and augmentation. And
# most architectures from GoogLeNet's second version on hold one of these layers behind nearly each convolution.
#
# **To read further:** S. Ioffe and C. Szegedy, *Batch Normalization* (2015), which is short and clear. Y. Wu and K. He, *Group Normalization* (2018), has the picture of the cubes.
