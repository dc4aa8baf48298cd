# ---
# jupyter:
#   convnets:
#     minutes: 390
#     budget_seconds: 75
#     needs: [06_optimization, 07_regularization, 02_layers]
#     summary: Write what turns layers into a trained network, from the first weights to the last epoch.
# ---

# %% [markdown]
# # Training: from the first weights to the last epoch
#
# **You will be able to** prepare images, choose first weights that keep a deep network alive, write the optimisers from SGD to AdamW, plan the learning rate, fight overfitting with
# dropout, augmentation and label smoothing, stop at the right moment, and search for settings with a method.
#
# **Time:** about 6½ hours, in five sittings. **You need:** chapters 06 and 07, and assignment 02.
#
# | sitting | what you write | hours |
# |---|---|---|
# | 1 | standardised images, first weights after Xavier and He | 1¼ |
# | 2 | SGD, momentum, RMSProp, Adam, AdamW | 1½ |
# | 3 | two learning-rate schedules, early stopping | 1 |
# | 4 | dropout, augmentation, label smoothing | 2 |
# | 5 | log-uniform search, coarse to fine; then a network trained with all of it | ¾ |

# %%
import contextlib
import math

import numpy as np

from convnets.check import check

# %% [markdown]
# ## Six rules for this notebook
#
# 1. **Images are N×C×H×W**, weights of a linear layer (out_features, in_features), weights of a convolution (out_channels, in_channels, kernel height, kernel width).
# 2. **`dw` is the gradient of the loss with respect to `w`.** It has the shape of `w`.
# 3. **Inputs are not yours.** Never change an array that was handed to you. Return new ones.
# 4. **What comes in as float32 goes out as float32.** Mind one trap: `np.sqrt(0.5)` is a NumPy float64, and its product with a float32 array is float64. Python's own numbers do no harm: `math.sqrt(0.5)` or `0.5 ** 0.5`.
# 5. **Randomness comes from outside.** A function that brings its own random numbers cannot be repeated, and cannot be tested. So a function here gets either a generator `rng`, or the random numbers themselves: `draws`,
#    between 0 and 1. "With probability `p`" then means `draws < p`.
# 6. **Some inputs are not valid.** The docstring names them. Raise a `ValueError` for them that says in a sentence what is wrong.
#
# Run the next cell. It holds a small tool for the cells that play with your functions.


# %%
@contextlib.contextmanager
def exploring():
    """For cells that play with your functions: says which one is still to be written."""
    try:
        yield
    except NotImplementedError as missing:
        print(f"This cell comes alive when the exercise is written. {missing}.")


# %% [markdown]
# ## channel_statistics
#
# Pixels come as 0 … 255, all of them positive. A layer learns faster when its inputs lie **around zero**, with a **spread of about one**. So first we measure: one mean and one standard deviation **for each colour channel**,
# over all images and all places of the training set.
#
# $$\mu_c = \frac{1}{NHW}\sum_{n,i,j} x_{ncij} \qquad \sigma_c = \sqrt{\frac{1}{NHW}\sum_{n,i,j} (x_{ncij} - \mu_c)^2}$$
#
# Why not one mean for each pixel? An object may be anywhere in the picture, and a convolution treats all places alike.
#
# **A tiny example.** Two images with one channel and two pixels: $(0,\; 2)$ and $(4,\; 6)$. The mean is 3. The deviations are −3, −1, 1, 3, so $\sigma = \sqrt{(9+1+1+9)/4} = \sqrt5 = 2.236$.
#
# A channel that holds the same number everywhere has no spread. Later we divide by $\sigma$, so for such a channel return **1** in place of 0.
#
# <details><summary>Hint 1: several axes at once</summary>
#
# `images.mean(axis=(0, 2, 3))` leaves only axis 1.
# </details>
# <details><summary>Hint 2: a formula to avoid</summary>
#
# The mean of squares minus the square of the mean is right on paper. But the square of a uint8 pixel does not fit into a uint8: `np.uint8(20) ** 2` is 144. `images.std` has no such trouble.
# </details>


# %% nbgrader={"grade": false, "grade_id": "channel_statistics", "locked": false, "schema_version": 3, "solution": true, "task": false}
def channel_statistics(images):
    """Mean and standard deviation of each channel of a training set.

    images: (N, C, H, W), floats or whole numbers. Returns (mean, std), each (C,), floats; float32 for float32. images stays as it is.
    The variance is the mean of the squared deviations (divide by N·H·W). std is 1 for a channel that holds one number only.
    Source: https://cs231n.github.io/neural-networks-2/#data-preprocessing
    """
    ### BEGIN SOLUTION
    axes = (0, 2, 3)
    constant = images.max(axis=axes) == images.min(axis=axes)
    return images.mean(axis=axes), np.where(constant, 1, images.std(axis=axes))
    ### END SOLUTION


# %% [markdown]
# ## standardise
#
# Now use them: subtract the mean, then divide by the standard deviation, channel by channel.
#
# **The statistics come from the training set, always.** Test images get the very same shift and scale. If you measured them anew on the test set, you would look at data that the network must not know, and
# the same picture would get different numbers in different company.
#
# **A tiny example.** With mean 3 and std 2 the pixels $(3,\; 7)$ become $(0,\; 2)$.
#
# <details><summary>Hint: shapes</summary>
#
# `mean` is (C,). NumPy lines up the **last** axes, and the last axis of the images is W. So make it (C, 1, 1) first: `mean[:, None, None]`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "standardise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def standardise(images, mean, std):
    """Shift and scale each channel: (images − mean) / std.

    images: (N, C, H, W), floats or whole numbers. mean, std: (C,), measured on the training set.
    Returns (N, C, H, W), floats; float32 when all three are float32. Inputs stay as they are.
    Source: torchvision.transforms.Normalize, https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.Normalize.html
    """
    ### BEGIN SOLUTION
    return (images - mean[:, None, None]) / std[:, None, None]
    ### END SOLUTION


# %% [markdown]
# ### What it does to real pictures
#
# Three photos in colour, and 2,000 pictures of clothes. **Predict:** the clothes are bright on a black ground. After standardising, what number do the black pixels get?

# %% tags=["active-ipynb"]
# import matplotlib.pyplot as plt
#
# from convnets.data import load_fashion_mnist, photo
# from convnets.plots import PALETTE, show
#
# data = load_fashion_mnist()
# clothes = data.train_images[:2000, None]
# colours = list(PALETTE.values())
#
# with exploring():
#     mean, std = channel_statistics(clothes)
#     ready = standardise(clothes, mean, std)
#     fig, axes = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
#     for ax, values, title in zip(axes, (clothes, ready), ("pixels as they come", "standardised"), strict=True):
#         ax.hist(values.ravel(), bins=60, color=colours[0])
#         ax.axvline(values.mean(), color=colours[1], linestyle="--", label=f"mean {abs(values.mean()):.2f}, std {values.std():.2f}")
#         ax.set(title=title, xlabel="value", ylabel="pixels", yscale="log")
#         ax.legend()
#     show(fig, alt=f"Two histograms of pixels. Left: 0 to 255 with mean {clothes.mean():.1f}. Right: the same shape from {ready.min():.2f} to {ready.max():.2f} with mean 0 and standard deviation 1.")
#     print(f"mean {mean[0]:.2f}, std {std[0]:.2f}. Black pixels become {ready.min():.3f}, white ones {ready.max():.3f}.")
#     photo_mean, photo_std = channel_statistics(photo(128).transpose(2, 0, 1)[None])
#     print("The photo's red, green and blue: mean", photo_mean.round(3), "std", photo_std.round(3))

# %% [markdown]
# ## fans
#
# Before we choose first weights, we must count. A unit's **fan-in** is the number of inputs that it adds up. A number's **fan-out** is the number of outputs that it goes into.
#
# | layer | shape of the weights | fan-in | fan-out |
# |---|---|---|---|
# | linear | (out, in) | in | out |
# | convolution | (out_channels, in_channels, kh, kw) | in_channels · kh · kw | out_channels · kh · kw |
#
# In a convolution every output adds up a whole window, so **the window's area counts**. Stride and borders are ignored, as PyTorch does. A convolution in one or three dimensions has one or three
# kernel sizes, and the product of all of them takes the place of the area. A bias has one axis only, and no fans: raise a `ValueError`.
#
# **A tiny example.** Sixteen filters of 5×3 over 4 channels: the fan-in is $4\cdot5\cdot3 = 60$, the fan-out $16\cdot5\cdot3 = 240$.
#
# <details><summary>Hint</summary>
#
# `math.prod(shape[2:])` is the area, and 1 when there is nothing to multiply.
# </details>


# %% nbgrader={"grade": false, "grade_id": "fans", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fans(shape):
    """Fan-in and fan-out of a layer.

    shape: of the weights, (out, in) or (out_channels, in_channels, kernel height, kernel width); convolutions of other dimensions have one or three sizes.
    Returns (fan_in, fan_out), whole numbers. Raises ValueError for fewer than two axes: a bias has no fans.
    Source: torch.nn.init, https://docs.pytorch.org/docs/stable/nn.init.html
    """
    ### BEGIN SOLUTION
    if len(shape) < 2:
        raise ValueError(f"weights have at least two axes (outputs, inputs), not {len(shape)}")
    area = math.prod(shape[2:])
    return shape[1] * area, shape[0] * area
    ### END SOLUTION


# %% [markdown]
# ## he_normal
#
# If all weights began at 0, all units of a layer would get the same gradient, and would stay the same forever. So weights begin as random numbers. But how large?
#
# A unit adds up fan-in products. Independent random numbers add their **variances**. So the variance of the output is fan-in · Var(w) times the mean square of the inputs. To keep the size from layer to layer, we want fan-in · Var(w) = 1.
#
# **ReLU** cuts half of the numbers off, and with them half of the mean square. Doubling the variance makes up for it. This is He's initialisation:
#
# $$w \sim \mathcal N\Bigl(0,\; \frac{2}{\text{fan-in}}\Bigr) \qquad\text{so the standard deviation is}\qquad \sqrt{\frac{2}{\text{fan-in}}}$$
#
# **A tiny example.** For a (100, 50) linear layer the fan-in is 50, and the standard deviation is $\sqrt{2/50} = 0.2$.
#
# Draw with the generator `rng` that you get. How you draw is free: the checks look at statistics of many numbers, at whether the same seed gives the same weights, and
# at whether a second call with the same generator gives other ones.
#
# <details><summary>Hint</summary>
#
# `rng.standard_normal(shape)` has standard deviation 1. `rng.normal(mean, std, shape)` takes the standard deviation, **not** the variance.
# </details>


# %% nbgrader={"grade": false, "grade_id": "he_normal", "locked": false, "schema_version": 3, "solution": true, "task": false}
def he_normal(shape, rng):
    """First weights for a layer that ReLU follows: normal numbers with mean 0 and variance 2 / fan-in.

    shape: as for `fans`. rng: a `numpy.random.Generator`, the only source of randomness. Returns an array of that shape, floats.
    Source: K. He, X. Zhang, S. Ren, J. Sun, Delving Deep into Rectifiers, https://arxiv.org/abs/1502.01852, section 2.2
    """
    ### BEGIN SOLUTION
    fan_in, _ = fans(shape)
    return math.sqrt(2 / fan_in) * rng.standard_normal(shape)
    ### END SOLUTION


# %% [markdown]
# ## xavier_uniform
#
# The older recipe, by Xavier Glorot, looks both ways. Forward wants fan-in · Var(w) = 1, backward wants fan-out · Var(w) = 1. The compromise is
#
# $$\text{Var}(w) = \frac{2}{\text{fan-in} + \text{fan-out}}$$
#
# It has no factor for ReLU: it is made for tanh, and for layers without a bend, such as the last one.
#
# Here we draw from a **uniform** distribution between $-a$ and $a$. Its variance is $a^2/3$. Which $a$ do you need?
#
# **A tiny example.** For a (100, 50) layer the variance is $2/150 = 0.01333$, and $a = 0.2$.
#
# <details><summary>Hint 1: two expressions for one variance</summary>
#
# The variance of the uniform numbers is $a^2/3$. Xavier's formula says what it should be. Set the two equal.
# </details>
# <details><summary>Hint 2: solved for a</summary>
#
# $a^2/3 = 2/(\text{fan-in} + \text{fan-out})$, so $a = \sqrt{6/(\text{fan-in} + \text{fan-out})}$.
# </details>


# %% nbgrader={"grade": false, "grade_id": "xavier_uniform", "locked": false, "schema_version": 3, "solution": true, "task": false}
def xavier_uniform(shape, rng):
    """First weights for a layer without ReLU: uniform numbers between −a and a, with variance 2 / (fan-in + fan-out).

    shape: as for `fans`. rng: a `numpy.random.Generator`, the only source of randomness. Returns an array of that shape, floats.
    Source: X. Glorot, Y. Bengio, Understanding the difficulty of training deep feedforward neural networks (2010), equation 16
    """
    ### BEGIN SOLUTION
    limit = math.sqrt(6 / sum(fans(shape)))
    return rng.uniform(-limit, limit, shape)
    ### END SOLUTION


# %% [markdown]
# ### Ten layers deep
#
# A signal goes through ten layers of 256 units with ReLU. Four ways to choose the first weights. **Predict** for each: does the signal die, explode or live?

# %% tags=["active-ipynb"]
# with exploring():
#     rng = np.random.default_rng(0)
#     ways = {
#         "std 0.01": lambda shape: 0.01 * rng.standard_normal(shape),
#         "std 0.2": lambda shape: 0.2 * rng.standard_normal(shape),
#         "Xavier": lambda shape: xavier_uniform(shape, rng),
#         "He": lambda shape: he_normal(shape, rng),
#     }
#     fig, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
#     lasts = {}
#     for (name, first_weights), marker, colour in zip(ways.items(), "sv^o", colours, strict=False):
#         x = rng.standard_normal((500, 256))
#         sizes = [np.sqrt(np.mean(x**2))]
#         for _ in range(10):
#             x = np.maximum(x @ first_weights((256, 256)).T, 0)
#             sizes.append(np.sqrt(np.mean(x**2)))
#         ax.semilogy(sizes, marker + "-", color=colour, label=name)
#         lasts[name] = sizes[-1]
#     ax.set(xlabel="layer", ylabel="root mean square")
#     ax.legend(ncols=2)
#     words = ", ".join(f"{name} {size:.2g}" for name, size in lasts.items())
#     show(fig, alt=f"Size of the activations over ten layers on a logarithmic axis, for four kinds of first weights. After the last layer: {words}.")
#     print("Root mean square after ten layers:", words)

# %% [markdown]
# ## sgd_step
#
# **Stochastic gradient descent**: the gradient of one batch says where the loss grows fastest. Take a small step the other way.
#
# $$w \leftarrow w - \eta\,(dw + \lambda w)$$
#
# $\eta$ is the learning rate. The term $\lambda w$ is **weight decay**: it is the gradient of $\frac\lambda2 \lVert w\rVert^2$, and pulls every weight a little towards 0.
#
# **A tiny example.** $w = 2$, $dw = 3$, $\eta = 0.1$. Without decay: $2 - 0.1\cdot3 = 1.7$. With $\lambda = 0.5$: $2 - 0.1\cdot(3 + 0.5\cdot2) = 1.6$.
#
# <details><summary>Hint: one thing after the other</summary>
#
# First leave `weight_decay` out, until you get the 1.7. Then ask: along which sum does the step go when $\lambda$ is not 0? Give that sum a name of its own, so that `dw` stays as it came.
# </details>


# %% nbgrader={"grade": false, "grade_id": "sgd_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sgd_step(w, dw, lr, weight_decay=0.0):
    """One step of stochastic gradient descent.

    w, dw: arrays of one shape, weights and their gradient. lr: learning rate. weight_decay: λ; its gradient λ·w is added to dw.
    Returns the new weights, in w's dtype. Inputs stay as they are.
    Source: torch.optim.SGD, https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html
    """
    ### BEGIN SOLUTION
    return w - lr * (dw + weight_decay * w)
    ### END SOLUTION


# %% [markdown]
# ## momentum_step
#
# In a narrow valley SGD jumps from wall to wall and hardly moves along. **Momentum** gives the walker a velocity. Steps that agree add up. Steps that go to and fro cancel.
#
# $$v \leftarrow \mu v + dw \qquad\qquad w \leftarrow w - \eta v$$
#
# $\mu$ says how much of the old velocity survives, usually 0.9. With a constant gradient the velocity grows to $dw/(1-\mu)$: ten times as fast as SGD.
#
# The order matters: first the new velocity, then the step **with the new velocity**. And the learning rate is not in $v$: if it changes during training, the velocity keeps its meaning. (Other books write
# $v \leftarrow \mu v - \eta\,dw$. PyTorch does it as we do.)
#
# **A tiny example.** $w = 1$, $dw = 2$, $v = 10$, $\mu = 0.9$, $\eta = 0.1$. The new velocity is $9 + 2 = 11$, and $w = 1 - 1.1 = -0.1$.
#
# <details><summary>Hint 1: two velocities</summary>
#
# Two lines are enough. The old and the new velocity are two different arrays. Which of them belongs in the second line?
# </details>
# <details><summary>Hint 2: a test by hand</summary>
#
# From rest, with velocity 0, the first step must be exactly that of SGD. Is yours ten times shorter? Then you took a mean, and not a sum.
# </details>


# %% nbgrader={"grade": false, "grade_id": "momentum_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def momentum_step(w, dw, velocity, lr, momentum=0.9):
    """One step of SGD with momentum.

    w, dw, velocity: arrays of one shape; the velocity is 0 before the first step. lr: learning rate. momentum: share of the velocity that stays.
    Returns (w, velocity), both new, in w's dtype. Inputs stay as they are.
    Source: torch.optim.SGD with momentum, https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html
    """
    ### BEGIN SOLUTION
    velocity = momentum * velocity + dw
    return w - lr * velocity, velocity
    ### END SOLUTION


# %% [markdown]
# ## rmsprop_step
#
# One learning rate for all weights is a poor fit: some gradients are a thousand times larger than others. **RMSProp** gives each weight its own measure, a running mean of its **squared** gradient:
#
# $$s \leftarrow \rho\, s + (1-\rho)\, dw^2 \qquad\qquad w \leftarrow w - \eta\,\frac{dw}{\sqrt{s} + \varepsilon}$$
#
# So steep directions are slowed down, and flat ones are speeded up. The small $\varepsilon$ keeps us from dividing by 0. It stands **outside the root**. (In batch normalisation it stood under the root.
# Each method has its own habit, so read the formula.) As with momentum, the step is taken with the **new** $s$.
#
# **A tiny example.** $w = 1$, $dw = 3$, $s = 1$, $\rho = 0.5$, $\eta = 0.1$, $\varepsilon = 0$. The new $s$ is $0.5 + 0.5\cdot9 = 5$, and $w = 1 - 0.1\cdot3/\sqrt5 = 0.8658$.
#
# <details><summary>Hint 1: the order</summary>
#
# Before the first step $s$ is 0. What would happen if you stepped before you renewed it?
# </details>
# <details><summary>Hint 2: no sum anywhere</summary>
#
# Each weight has its own $s$. Squares and roots of arrays work element by element, so $s$ and the step have the shape of `w`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "rmsprop_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rmsprop_step(w, dw, square, lr, decay=0.99, eps=1e-8):
    """One step of RMSProp.

    w, dw, square: arrays of one shape; square is the running mean of dw², 0 before the first step. lr: learning rate. decay: share of
    the old mean that stays. eps: added to the root. Returns (w, square), both new, in w's dtype. Inputs stay as they are.
    Source: torch.optim.RMSprop, https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html
    """
    ### BEGIN SOLUTION
    square = decay * square + (1 - decay) * dw**2
    return w - lr * dw / (np.sqrt(square) + eps), square
    ### END SOLUTION


# %% [markdown]
# ## adam_step
#
# **Adam** joins the two ideas: a running mean of the gradient, as a velocity, over the root of a running mean of its square.
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\,dw \qquad\qquad s \leftarrow \beta_2 s + (1-\beta_2)\,dw^2$$
#
# Both begin at 0, so in the beginning both are **too small**. After step $t$ only the share $1-\beta^t$ of the weights in each mean belongs to real gradients. Dividing by it puts that right:
#
# $$\hat m = \frac{m}{1-\beta_1^t} \qquad \hat s = \frac{s}{1-\beta_2^t} \qquad\qquad w \leftarrow w - \eta\,\frac{\hat m}{\sqrt{\hat s} + \varepsilon}$$
#
# Steps are counted from **1**. The state that goes to the next step is $m$ and $s$, **without** the correction.
#
# **A tiny example.** First step, $dw = 4$, $\beta_1 = 0.9$, $\beta_2 = 0.999$, $m = s = 0$. Then $m = 0.4$ and $s = 0.016$. Corrected: $\hat m = 4$ and $\hat s = 16$. The step is $\eta\cdot4/4 = \eta$. The first step of Adam has length $\eta$ for every weight
# that has a gradient, be it large or small. Without the correction it would be $0.4/\sqrt{0.016} = 3.16$ times as long.
#
# <details><summary>Hint: the order</summary>
#
# New m and s; corrected copies of them under other names; the new w from the copies; return m and s.
# </details>


# %% nbgrader={"grade": false, "grade_id": "adam_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def adam_step(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """One step of Adam.

    w, dw, first, second: arrays of one shape; first and second are the running means of dw and dw², 0 before step 1.
    step: number of this step, from 1. lr: learning rate. beta1, beta2: shares of the old means that stay. eps: added to the root.
    Returns (w, first, second), all new, without bias correction in the means, in w's dtype. Inputs stay as they are.
    Source: D. Kingma, J. Ba, Adam: A Method for Stochastic Optimization, https://arxiv.org/abs/1412.6980, algorithm 1
    """
    ### BEGIN SOLUTION
    first = beta1 * first + (1 - beta1) * dw
    second = beta2 * second + (1 - beta2) * dw**2
    mean, square = first / (1 - beta1**step), second / (1 - beta2**step)
    return w - lr * mean / (np.sqrt(square) + eps), first, second
    ### END SOLUTION


# %% [markdown]
# ## adamw_step
#
# Where does weight decay go in Adam? The obvious place, $dw + \lambda w$, is a trap. There it enters both means, and is divided by $\sqrt{\hat s}$. So weights with large gradients hardly decay at all.
#
# **AdamW** keeps the two apart. The weights first shrink on their own, then Adam takes its step. The moments never see the decay:
#
# $$w \leftarrow (1 - \eta\lambda)\,w - \eta\,\frac{\hat m}{\sqrt{\hat s} + \varepsilon}$$
#
# **A tiny example.** First step, $w = 2$, $dw = 4$, $\eta = 0.1$, $\lambda = 0.5$: the weight shrinks to $0.95\cdot2 = 1.9$, and Adam's step of length 0.1 makes it 1.8.
#
# <details><summary>Hint</summary>
#
# Adam's step does not depend on `w`. You may call your own `adam_step`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "adamw_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def adamw_step(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    """One step of AdamW: Adam with decoupled weight decay.

    Everything as in `adam_step`. weight_decay: λ; the weights that came in are multiplied by 1 − lr·λ, and Adam's step is taken from there.
    Returns (w, first, second), all new, in w's dtype. Inputs stay as they are.
    Source: I. Loshchilov, F. Hutter, Decoupled Weight Decay Regularization, https://arxiv.org/abs/1711.05101; torch.optim.AdamW
    """
    ### BEGIN SOLUTION
    return adam_step((1 - lr * weight_decay) * w, dw, first, second, step, lr, beta1, beta2, eps)
    ### END SOLUTION


# %% [markdown]
# ### A race through a narrow valley
#
# Your four optimisers walk down $f(x, y) = \frac12(x^2 + 30\,y^2)$: thirty times steeper one way than the other. **Predict:** which one zigzags, which ones swing past the middle, and which ones set out diagonally, as if the valley were round?

# %% tags=["active-ipynb"]
# scale = np.array([1.0, 30.0])
#
#
# def walk(step, start=(-9.0, 2.5), steps=60):
#     """Places visited by `step(w, dw, state, t) -> (w, *state)`."""
#     w, state, places = np.array(start), (np.zeros(2), np.zeros(2)), [np.array(start)]
#     for t in range(1, steps + 1):
#         w, *state = step(w, scale * w, state, t)
#         places.append(w)
#     return np.array(places)
#
#
# with exploring():
#     racers = {
#         "SGD, lr 0.06": lambda w, dw, state, t: (sgd_step(w, dw, 0.06),),
#         "momentum, lr 0.03": lambda w, dw, state, t: momentum_step(w, dw, state[0], 0.03, 0.8),
#         "RMSProp, lr 0.4": lambda w, dw, state, t: rmsprop_step(w, dw, state[0], 0.4, 0.9),
#         "Adam, lr 0.6": lambda w, dw, state, t: adam_step(w, dw, *state, t, 0.6),
#     }
#     grid_x, grid_y = np.meshgrid(np.linspace(-10, 3, 140), np.linspace(-3, 3, 90))
#     fig, axes = plt.subplots(2, 2, figsize=(9, 4.8), sharex=True, sharey=True, layout="constrained")
#     ends = {}
#     for ax, (name, step), colour in zip(axes.flat, racers.items(), colours, strict=False):
#         places = walk(step)
#         ax.contour(grid_x, grid_y, 0.5 * (grid_x**2 + 30 * grid_y**2), levels=np.geomspace(0.3, 250, 10), colors="#BBBBBB", linewidths=0.7)
#         ax.plot(*places.T, "o-", color=colour, markersize=3, linewidth=1)
#         ax.plot(0, 0, "k*", markersize=11)
#         ax.set_title(name)
#         ends[name] = float(0.5 * (scale * places[-1] ** 2).sum())
#     words = ", ".join(f"{name}: {value:.2g}" for name, value in ends.items())
#     show(fig, alt=f"Four paths of 60 steps over the contour lines of a narrow valley, one for each optimiser; the star marks the lowest point. Heights at the end: {words}.")
#     print("Height after 60 steps.", words)

# %% [markdown]
# The race has one track and one learning rate each. It shows how they move, not who is best. Change the learning rates: at which one does SGD leave the valley?

# %% [markdown]
# ## cosine_schedule
#
# A large learning rate travels far, a small one settles. So a training run begins large and ends small. The **cosine schedule** follows half a wave from the top to the bottom:
#
# $$\eta_t = \frac{\eta}{2}\Bigl(1 + \cos\frac{\pi\,t}{T}\Bigr)$$
#
# The first steps of a fresh network are wild. **Warm-up** tames them: for the first $W$ steps the rate rises in a straight line, from $\eta/W$ to $\eta$. Then the half wave takes the remaining $T - W$ steps:
#
# $$\eta_t = \eta\,\frac{t+1}{W}\quad (t < W) \qquad\qquad \eta_t = \frac{\eta}{2}\Bigl(1 + \cos\frac{\pi\,(t - W)}{T - W}\Bigr)\quad (t \ge W)$$
#
# Steps $t$ are counted from 0.
#
# **A tiny example.** $\eta = 1$, $T = 10$, $W = 2$. The rates are 0.5, 1, 1, 0.962, 0.854, … and half of the wave is reached at step 6: 0.5.
#
# <details><summary>Hint 1: two cases</summary>
#
# Write the warm-up first, and return its rate. What comes below that `return` need not think of it any more.
# </details>
# <details><summary>Hint 2: put the clock back</summary>
#
# At the end of the warm-up, start counting at 0 again. How many steps have passed since then? How many are there in all, from there to the end? These two numbers go into the first formula of this exercise.
# </details>


# %% nbgrader={"grade": false, "grade_id": "cosine_schedule", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cosine_schedule(step, total_steps, lr, warmup_steps=0):
    """Learning rate of one step: linear warm-up, then half a cosine wave down to 0.

    step: whole number from 0 to total_steps. lr: the largest rate. warmup_steps: fewer than total_steps. Returns a number.
    Source: I. Loshchilov, F. Hutter, SGDR, https://arxiv.org/abs/1608.03983, equation 5; torch.optim.lr_scheduler.CosineAnnealingLR
    """
    ### BEGIN SOLUTION
    if step < warmup_steps:
        return lr * (step + 1) / warmup_steps
    return lr / 2 * (1 + math.cos(math.pi * (step - warmup_steps) / (total_steps - warmup_steps)))
    ### END SOLUTION


# %% [markdown]
# ## plateau_schedule
#
# The other way: watch the validation loss, and make the rate smaller when it **no longer falls**. You get the losses of all epochs, and return the learning rate that holds **after** each of them.
#
# - An epoch is **good** when its loss is smaller than the smallest so far. An equal loss is not good enough.
# - Count the epochs without a new best. A good epoch sets the count back to 0.
# - When the count becomes **larger than** `patience`, multiply the rate by `factor`, and set the count back to 0.
#
# **A tiny example.** `patience` = 1, `factor` = 0.1, rate 1:
#
# | epoch | 0 | 1 | 2 | 3 | 4 | 5 | 6 |
# |---|---|---|---|---|---|---|---|
# | loss | 5 | 4 | 4.5 | 4.2 | 4.1 | 4.3 | 3 |
# | count | 0 | 0 | 1 | 2 → 0 | 1 | 2 → 0 | 0 |
# | rate after it | 1 | 1 | 1 | 0.1 | 0.1 | 0.01 | 0.01 |
#
# Look at epoch 3: its loss is smaller than the one before, but not smaller than the best.
#
# <details><summary>Hint 1: what to remember</summary>
#
# Three things go from one epoch to the next: the smallest loss so far, the count, and the rate. Epoch 0 is always good. From which "smallest loss" does that follow by itself?
# </details>
# <details><summary>Hint 2: the order within an epoch</summary>
#
# Walk through the table with a pencil. At epoch 3 the count becomes 2, the rate is cut, and the count is 0 again, all before the rate is written down.
# </details>


# %% nbgrader={"grade": false, "grade_id": "plateau_schedule", "locked": false, "schema_version": 3, "solution": true, "task": false}
def plateau_schedule(losses, lr, factor=0.1, patience=2):
    """Learning rate after each epoch, made smaller whenever the loss has stopped to fall.

    losses: (E,), validation loss of each epoch. lr: rate at the beginning. factor: what the rate is multiplied by. patience: how many epochs
    in a row may bring no new best before that. Returns (E,), the rate after each epoch. losses stays as it is.
    Source: torch.optim.lr_scheduler.ReduceLROnPlateau with threshold=0,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html
    """
    ### BEGIN SOLUTION
    best, waited, rates = math.inf, 0, []
    for loss in losses:
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if waited > patience:
            lr, waited = lr * factor, 0
        rates.append(lr)
    return np.array(rates)
    ### END SOLUTION


# %% [markdown]
# ### See both
#
# **Predict:** how often will the plateau schedule cut the rate for the loss that is drawn here?

# %% tags=["active-ipynb"]
# with exploring():
#     epochs = np.arange(40)
#     losses = 0.4 + 1.6 * np.exp(-epochs / 5) + 0.05 * np.random.default_rng(1).standard_normal(40)
#     fig, axes = plt.subplots(1, 3, figsize=(11, 2.8), layout="constrained")
#     for warmup, line in ((0, "-"), (8, "--")):
#         axes[0].plot(epochs, [cosine_schedule(int(t), 40, 0.1, warmup) for t in epochs], line, color=colours[0], label=f"warm-up {warmup}")
#     axes[0].set(title="cosine", xlabel="epoch", ylabel="learning rate")
#     axes[0].legend()
#     axes[1].plot(epochs, losses, color=colours[1])
#     axes[1].set(title="a validation loss", xlabel="epoch", ylabel="loss")
#     rates = plateau_schedule(losses, 0.1, 0.5, 2)
#     axes[2].step(epochs, rates, where="post", color=colours[2])
#     axes[2].set(title="on a plateau, times 0.5", xlabel="epoch", ylabel="learning rate", yscale="log")
#     cuts = int((np.diff(rates) < 0).sum())
#     show(fig, alt=f"Left: half a cosine wave from 0.1 down to 0, without and with a straight warm-up. Middle: a noisy loss that falls and levels off. Right: a staircase, the learning rate after {cuts} cuts.")
#     print(f"{cuts} cuts, from {rates[0]:g} to {rates[-1]:g}.")

# %% [markdown]
# ## early_stopping
#
# At some point the training loss still falls, and the validation loss begins to rise: the network learns its training images by heart. **Early stopping** ends the run, and goes back to the weights of the best epoch.
#
# - The best epoch is the one with the smallest loss; of equal ones the first.
# - Stop at the first epoch that lies `patience` epochs **after** the best so far. If that never happens, the run ends with the last epoch.
#
# Return both: the best epoch, and the epoch at which the run stopped. Epochs are counted from 0.
#
# **A tiny example.** Losses 5, 3, 4, 3.5, 3.2, 2 with `patience` = 3. The best so far is epoch 1. Epochs 2, 3 and 4 bring nothing new, so the run stops at epoch 4. The result is (1, 4). Epoch 5 would have been better still, but
# nobody gets to see it. With `patience` = 4 the result is (5, 5).
#
# Mind the difference: here the run ends when the number of epochs without a new best **reaches** `patience`. In `plateau_schedule` it had to become **larger**.
#
# <details><summary>Hint 1: do you need a counter?</summary>
#
# If you know the epoch at hand, and the best epoch so far, you know how many lie between them.
# </details>
# <details><summary>Hint 2: no look into the future</summary>
#
# Go through the losses one by one, as the run itself would. At epoch 4 the loss of epoch 5 does not exist yet. What does `np.argmin(losses)` look at?
# </details>


# %% nbgrader={"grade": false, "grade_id": "early_stopping", "locked": false, "schema_version": 3, "solution": true, "task": false}
def early_stopping(losses, patience):
    """When a run with these validation losses stops, and which epoch's weights it keeps.

    losses: (E,), one for each epoch, at least one. patience: whole number ≥ 1; so many epochs in a row without a new best end the run.
    Returns (best, stopped): two epochs, whole numbers from 0. losses stays as it is.
    Source: L. Prechelt, Early Stopping – But When? (1998)
    """
    ### BEGIN SOLUTION
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return best, epoch
    ### END SOLUTION


# %% [markdown]
# ## dropout_forward
#
# **Dropout** sets each activation to 0 with probability `p`, newly drawn at every step. No unit can rely on a certain neighbour, so each must be useful on its own.
#
# In training only the share $1-p$ of a layer's signal would remain. The next layer would see smaller sums in training than in use. **Inverted dropout** repairs that at once: what is kept is divided by $1-p$. Then the mean is the same in both, and
# **in use nothing is done at all**.
#
# $$\text{mask} = \begin{cases}0 & \text{draw} < p\\[2pt] \dfrac{1}{1-p} & \text{otherwise}\end{cases} \qquad\qquad \text{out} = x \cdot \text{mask}$$
#
# Return the mask, too: the backward pass needs it. When `training` is False, the output equals x and the mask is 1 everywhere. A `p` of 1 would drop all, and divide by 0: raise a `ValueError` unless $0 \le p < 1$.
#
# **A tiny example.** $p = 0.5$, $x = (3,\; 4,\; 5)$, draws $(0.2,\; 0.9,\; 0.5)$. The first draw is below 0.5. So the mask is $(0,\; 2,\; 2)$ and the output $(0,\; 8,\; 10)$.
#
# <details><summary>Hint: float32</summary>
#
# `(draws >= p) / (1 - p)` is float64, as every quotient of truth values is. Give it the dtype of x: `.astype(x.dtype)`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "dropout_forward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dropout_forward(x, p, draws, training=True):
    """Inverted dropout.

    x: any shape, floats. p: probability that a number is dropped, 0 ≤ p < 1. draws: shaped as x, uniform random numbers in [0, 1);
    x is dropped where draws < p. training: False in use; then nothing is dropped or scaled.
    Returns (out, mask), both shaped as x and of its dtype; mask holds 0 and 1 / (1 − p), in use only 1. Inputs stay as they are.
    Raises ValueError when p is not in [0, 1).
    Source: N. Srivastava et al., Dropout (2014), section 10; torch.nn.Dropout, https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html
    """
    ### BEGIN SOLUTION
    if not 0 <= p < 1:
        raise ValueError(f"p is {p}; the probability to drop must be at least 0 and less than 1")
    if not training:
        return x.copy(), np.ones_like(x)
    mask = ((draws >= p) / (1 - p)).astype(x.dtype)
    return x * mask, mask
    ### END SOLUTION


# %% [markdown]
# ## dropout_backward
#
# Forward multiplied by the mask. The mask does not depend on x. So what does the chain rule say?
#
# **A tiny example.** With the mask $(0,\; 2,\; 2)$ from above, $d\text{out} = (1,\; 1,\; -3)$ gives $dx = (0,\; 2,\; -6)$.
#
# <details><summary>Hint: one number alone</summary>
#
# Take the second number of the example. Its mask is 2. If x grows by 0.1, by how much does the output grow? And how much is that for the first number, whose mask is 0?
# </details>


# %% nbgrader={"grade": false, "grade_id": "dropout_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dropout_backward(dout, mask):
    """Gradient of dropout.

    dout: gradient of the loss with respect to the output. mask: as `dropout_forward` returned it. Both of one shape.
    Returns dx of that shape, in dout's dtype. Inputs stay as they are.
    Source: the chain rule for out = x·mask.
    """
    ### BEGIN SOLUTION
    return dout * mask
    ### END SOLUTION


# %% [markdown]
# ### Dropout on a photo
#
# **Predict:** the mean brightness of the photo is printed below. Half of the pixels are set to 0. What is the mean now, and what happens to it when you average 50 such pictures?

# %% tags=["active-ipynb"]
# with exploring():
#     rng = np.random.default_rng(2)
#     grey = photo(96).mean(axis=2)
#     dropped = {p: dropout_forward(grey, p, rng.random(grey.shape))[0] for p in (0.2, 0.5, 0.9)}
#     fifty = np.mean([dropout_forward(grey, 0.5, rng.random(grey.shape))[0] for _ in range(50)], axis=0)
#     shown = {"photo": grey} | {f"p = {p}": value for p, value in dropped.items()} | {"mean of 50 at p = 0.5": fifty}
#     fig, axes = plt.subplots(1, 5, figsize=(11, 2.9), layout="constrained")
#     for ax, (name, picture) in zip(axes, shown.items(), strict=True):
#         ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
#         ax.set(title=name, xticks=[], yticks=[], xlabel=f"mean {picture.mean():.3f}")
#     show(fig, alt="A grey photo; the same with 20 %, 50 % and 90 % of its pixels black and the others brighter; and the mean of fifty of those with 50 %, which looks like the photo again.")

# %% [markdown]
# ## flip_with_labels
#
# A mirrored shoe is still a shoe. **Augmentation** shows the network changed copies of its images, for which the answer is known. So it sees more than you photographed.
#
# Known means: **the answer must follow the change.** For a class it stays the same. But some tasks have a **label image**: it says for each pixel what can be seen there. Mirror the photo, and the label image must be mirrored with it.
#
# Each image is flipped left to right on its own, with probability `p`: image `n` when `draws[n] < p`.
#
# **A tiny example.** One image with one row $(1,\; 2,\; 3)$, its label image $(0,\; 0,\; 1)$, `p` = 0.5. With the draw 0.3 we get $(3,\; 2,\; 1)$ and $(1,\; 0,\; 0)$. With the draw 0.7 nothing changes.
#
# The caller's arrays must stay as they are: next time the same image comes again, and its label image should fit.
#
# <details><summary>Hint</summary>
#
# `images[..., ::-1]` has its last axis reversed. `np.where(flip[:, None, None, None], a, b)` chooses for each image. Note that the label images have one axis less.
# </details>


# %% nbgrader={"grade": false, "grade_id": "flip_with_labels", "locked": false, "schema_version": 3, "solution": true, "task": false}
def flip_with_labels(images, label_images, draws, p=0.5):
    """Flip some images left to right, together with their label images.

    images: (N, C, H, W). label_images: (N, H, W), whole numbers. draws: (N,), uniform random numbers in [0, 1); image n is flipped where draws[n] < p.
    Returns (images, label_images), both new, same shapes and dtypes. Inputs stay as they are.
    Source: torchvision.transforms.v2.RandomHorizontalFlip, https://docs.pytorch.org/vision/stable/transforms.html
    """
    ### BEGIN SOLUTION
    flip = draws < p
    images, label_images = images.copy(), label_images.copy()
    images[flip] = images[flip][..., ::-1]
    label_images[flip] = label_images[flip][..., ::-1]
    return images, label_images
    ### END SOLUTION


# %% [markdown]
# ## pad_and_crop
#
# The most used augmentation of small images: put a border of zeros around, then cut out a window of the **old size** somewhere. The object moves by up to `padding` pixels, in any direction.
#
# **A tiny example.** The 2×2 image $\begin{pmatrix}1&2\\3&4\end{pmatrix}$ with `padding` 1. The window with its upper left corner at row 0, column 1 of the padded image:
#
# ```
#   0 0 0 0                0 [0 0] 0
#   0 1 2 0                0 [1 2] 0              0 0
#   0 3 4 0                0  3 4  0              1 2
#   0 0 0 0                0  0 0  0
#   padded                 top 0, left 1          result: moved down by one
# ```
#
# The corner (`padding`, `padding`) gives the image back unchanged. Each image has its own corner.
#
# <details><summary>Hint: a silent trap</summary>
#
# A slice that reaches over the border of an array becomes shorter, without an error. So check the corners first.
# </details>


# %% nbgrader={"grade": false, "grade_id": "pad_and_crop", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pad_and_crop(images, padding, tops, lefts):
    """Put zeros around each image, and cut a window of the old size out of it.

    images: (N, C, H, W). padding: pixels on each of the four sides. tops, lefts: (N,), whole numbers in 0 … 2·padding, row and column of each window's
    upper left corner in the padded image. Returns (N, C, H, W), same dtype, a new array. Inputs stay as they are.
    Raises ValueError when a corner is not in 0 … 2·padding.
    Source: torchvision.transforms.v2.RandomCrop with padding, https://docs.pytorch.org/vision/stable/transforms.html
    """
    ### BEGIN SOLUTION
    corners = np.concatenate([tops, lefts])
    if corners.min() < 0 or corners.max() > 2 * padding:
        raise ValueError(f"corners must lie in 0 … {2 * padding}; they reach from {corners.min()} to {corners.max()}")
    height, width = images.shape[2:]
    padded = np.pad(images, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = [image[:, t : t + height, l : l + width] for image, t, l in zip(padded, tops, lefts, strict=True)]
    return np.stack(windows)
    ### END SOLUTION


# %% [markdown]
# ### Many pictures out of one
#
# One photo, with a label image that says where the face is, flipped and moved eight times by your functions. The white outline is drawn from the label image. **Look:** does it fit every time?

# %% tags=["active-ipynb"]
# with exploring():
#     rng = np.random.default_rng(3)
#     picture = photo(96).transpose(2, 0, 1)
#     rows, columns = np.indices(picture.shape[1:]) / np.array(picture.shape[1:])[:, None, None]
#     face = (((rows - 0.34) / 0.17) ** 2 + ((columns - 0.48) / 0.17) ** 2 < 1).astype(int)
#     batch, marks = np.stack([picture] * 8), np.stack([face] * 8)
#     batch, marks = flip_with_labels(batch, marks, rng.random(8))
#     tops, lefts = rng.integers(0, 33, (2, 8))
#     batch, marks = pad_and_crop(batch, 16, tops, lefts), pad_and_crop(marks[:, None], 16, tops, lefts)[:, 0]
#     fig, axes = plt.subplots(2, 4, figsize=(9, 4.8), layout="constrained")
#     for ax, picture, mark in zip(axes.flat, batch, marks, strict=True):
#         ax.imshow(picture.transpose(1, 2, 0))
#         ax.contour(mark, levels=[0.5], colors=["#FFFFFF"], linewidths=1.5)
#         ax.set(xticks=[], yticks=[])
#     show(fig, alt="Eight versions of one portrait, some mirrored, each moved by up to 16 pixels with black borders; a white outline stays round the face in each of them.")

# %% [markdown]
# ## smooth_labels
#
# A one-hot target says: "This is class 2, and I am infinitely sure." Softmax can never reach 1, so the logits grow without end. **Label smoothing** asks for a little less. It takes the share $\varepsilon$ from the right class and spreads it evenly over
# **all C classes**, the right one included:
#
# $$t_c = (1-\varepsilon)\,[c = y] + \frac{\varepsilon}{C}$$
#
# A target stays a probability distribution: **every row adds up to 1**.
#
# **A tiny example.** Four classes, right class 2, $\varepsilon = 0.2$: the target is $(0.05,\; 0.05,\; 0.85,\; 0.05)$.
#
# <details><summary>Hint 1: begin without smoothing</summary>
#
# Row c of `np.eye(classes)` is the one-hot target of class c. How do you take the rows that `labels` names?
# </details>
# <details><summary>Hint 2: add up a row</summary>
#
# A row of yours adds up to 1.2 with $\varepsilon = 0.2$? Then you gave every class its part, and took nothing away. It adds up to less than 1? Then somebody did not get its part.
# </details>


# %% nbgrader={"grade": false, "grade_id": "smooth_labels", "locked": false, "schema_version": 3, "solution": true, "task": false}
def smooth_labels(labels, classes, smoothing=0.1):
    """Targets for cross-entropy, with the share `smoothing` spread evenly over all classes.

    labels: (N,), whole numbers in 0 … classes − 1. classes: how many there are. smoothing: ε, 0 ≤ ε ≤ 1.
    Returns (N, classes), floats; each row adds up to 1. labels stays as it is.
    Source: C. Szegedy et al., Rethinking the Inception Architecture for Computer Vision, https://arxiv.org/abs/1512.00567, section 7
    """
    ### BEGIN SOLUTION
    return (1 - smoothing) * np.eye(classes)[labels] + smoothing / classes
    ### END SOLUTION


# %% [markdown]
# ## smoothed_cross_entropy
#
# With targets $t$ that are not one-hot, cross-entropy takes all classes into account:
#
# $$\text{loss} = -\sum_c t_c \log p_c \quad\text{(mean over the batch)} \qquad\qquad d\text{logits} = \frac{p - t}{N}$$
#
# The gradient has kept its short form: **probabilities minus targets**.
#
# **A tiny example.** One image, two classes, logits $(\ln 3,\; 0)$, right class 0, $\varepsilon = 0.2$. The probabilities are $(0.75,\; 0.25)$, the targets $(0.9,\; 0.1)$. The loss is $-0.9\ln 0.75 - 0.1\ln 0.25 = 0.3975$. The gradient is $(-0.15,\; 0.15)$.
#
# A network that knows nothing has the loss $\ln C$, with or without smoothing. Can you see why?
#
# The two traps of assignment 02 are still there: subtract the largest logit **of each row**, and never take the logarithm of a probability.
#
# <details><summary>Hint 1: the logarithm of a fraction</summary>
#
# $\log p_c = z_c - \log\sum_k e^{z_k}$, computed on the shifted logits.
# </details>
# <details><summary>Hint 2: float32</summary>
#
# Rule 4 holds for `dlogits`, too. Your `smooth_labels` knows nothing of the logits and returns float64. Give the targets the dtype of the logits before you use them.
# </details>


# %% nbgrader={"grade": false, "grade_id": "smoothed_cross_entropy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def smoothed_cross_entropy(logits, labels, smoothing=0.1):
    """Softmax followed by cross-entropy with smoothed labels, mean over the batch, and its gradient.

    logits: (N, C). labels: (N,), whole numbers in 0 … C − 1. smoothing: as in `smooth_labels`.
    Returns (loss, dlogits): a number, and an array (N, C), the gradient of that mean, float32 for float32. Inputs stay as they are.
    No logit, however large or small, gives NaN or infinity.
    Source: torch.nn.CrossEntropyLoss with label_smoothing, https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
    """
    ### BEGIN SOLUTION
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    targets = smooth_labels(labels, logits.shape[1], smoothing).astype(log_probabilities.dtype)
    loss = -(targets * log_probabilities).sum(axis=1).mean()
    return loss, (np.exp(log_probabilities) - targets) / len(logits)
    ### END SOLUTION


# %% [markdown]
# ### How sure does a network want to be?
#
# Ten classes. All logits are 0 but the right one, which moves from 0 to 20. **Predict:** where is the lowest point of each curve?

# %% tags=["active-ipynb"]
# with exploring():
#     z = np.linspace(0, 20, 201)
#     logits = np.zeros((201, 10))
#     logits[:, 3] = z
#     fig, ax = plt.subplots(figsize=(7, 3), layout="constrained")
#     lowest = {}
#     for smoothing, line, colour in zip((0, 0.01, 0.1, 0.3), ("-", "--", "-.", ":"), colours, strict=False):
#         losses = np.array([smoothed_cross_entropy(row[None], np.array([3]), smoothing)[0] for row in logits])
#         ax.plot(z, losses, line, color=colour, label=f"smoothing {smoothing}")
#         lowest[smoothing] = z[losses.argmin()]
#     ax.axhline(np.log(10), color="#999999", linewidth=0.8)
#     ax.text(4.5, np.log(10) + 0.08, "ln 10")
#     ax.set(xlabel="logit of the right class", ylabel="loss", ylim=(-0.1, 4))
#     ax.legend()
#     words = ", ".join(f"{value:.1f} for smoothing {smoothing}" for smoothing, value in lowest.items())
#     show(fig, alt=f"Loss against the logit of the right class. All curves start at ln 10. Without smoothing the curve falls forever; with smoothing it has a lowest point. Lowest in this range: {words}.")
#     print("Lowest point in this range at logit", words)

# %% [markdown]
# ## log_uniform
#
# Which learning rate is best: 0.0001, 0.001, 0.01 or 0.1? What matters is the **factor** between them. So do not draw a learning rate evenly between 0.0001 and 0.1: nine of ten draws would be above 0.01. Draw its **logarithm** evenly.
#
# Then the draw 0 gives `low`, the draw 1 would give `high`, and the draw ½ gives not the mean but the **geometric** mean of both. Zero has no logarithm: raise a `ValueError` unless `0 < low < high`.
#
# **A tiny example.** `low` = 0.0001, `high` = 1, draws $(0,\; 0.25,\; 0.5)$: the results are $(0.0001,\; 0.001,\; 0.01)$.
#
# <details><summary>Hint</summary>
#
# There and back with the same base: `np.log` with `np.exp`, or `np.log10` with `10 **`. Or without any logarithm: each draw multiplies `low` by a power of `high / low`.
# </details>


# %% nbgrader={"grade": false, "grade_id": "log_uniform", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_uniform(low, high, draws):
    """Numbers between low and high whose logarithms are spread evenly.

    low, high: 0 < low < high. draws: any shape, uniform random numbers in [0, 1); 0 gives low, ½ the geometric mean, 1 would give high.
    Returns an array shaped as draws. draws stays as it is. Raises ValueError unless 0 < low < high.
    Source: J. Bergstra, Y. Bengio, Random Search for Hyper-Parameter Optimization (2012), section 2.4
    """
    ### BEGIN SOLUTION
    if not 0 < low < high:
        raise ValueError(f"low is {low} and high is {high}; a logarithmic range needs 0 < low < high")
    return low * (high / low) ** draws
    ### END SOLUTION


# %% [markdown]
# ## narrow_range
#
# **Coarse to fine.** First a few short runs with widely spread values. Then look only where the good ones lie, and search there again. You get the tried values and their scores, and return the range of the `keep` best: their smallest and their largest value.
#
# A score is an accuracy: higher is better. Of equal scores, the one that was tried first counts.
#
# **A tiny example.** Values $(0.3,\; 0.001,\; 0.02,\; 0.005)$, scores $(0.1,\; 0.6,\; 0.8,\; 0.7)$, `keep` = 2. The best two are 0.02 and 0.005. The new range is $(0.005,\; 0.02)$.
#
# If only one value is kept, or all kept ones are equal, low and high are equal, too. Fewer than one value cannot be kept, and no more than were tried: raise a `ValueError`.
#
# <details><summary>Hint</summary>
#
# `np.argsort(-scores, kind="stable")` lists the places from the best score to the worst, and keeps the order of equal ones.
# </details>


# %% nbgrader={"grade": false, "grade_id": "narrow_range", "locked": false, "schema_version": 3, "solution": true, "task": false}
def narrow_range(values, scores, keep):
    """The range that holds the best tried values.

    values, scores: (T,), what was tried and how well it did; higher is better. keep: how many of the best count, 1 ≤ keep ≤ T.
    Of equal scores the first counts. Returns (low, high), smallest and largest of these values. Inputs stay as they are.
    Raises ValueError when keep is not in 1 … T.
    Source: https://cs231n.github.io/neural-networks-3/#hyperparameter-optimization
    """
    ### BEGIN SOLUTION
    if not 1 <= keep <= len(values):
        raise ValueError(f"keep is {keep}; of {len(values)} values between 1 and {len(values)} can be kept")
    best = values[np.argsort(-scores, kind="stable")[:keep]]
    return best.min(), best.max()
    ### END SOLUTION


# %% [markdown]
# ## All of it together
#
# A small network: 784 pixels, 128 units with ReLU and dropout, 10 classes. Everything that is hard in it is a function that **you** wrote. Read the cell from top to bottom.
#
# The last layer's weights begin ten times smaller than Xavier says. So all logits begin near 0, and the network is undecided. **Predict:** what is its first loss?
#
# Then comes a test that every training code should pass: learn eight images by heart.

# %% tags=["active-ipynb"]
# def new_net(rng):
#     net = {"w1": he_normal((128, 784), rng), "b1": np.zeros(128), "w2": 0.1 * xavier_uniform((10, 128), rng), "b2": np.zeros(10)}
#     return {name: value.astype(np.float32) for name, value in net.items()}
#
#
# def hidden_units(net, images):
#     return np.maximum(images.reshape(len(images), -1) @ net["w1"].T + net["b1"], 0)
#
#
# def logits_of(net, images):
#     return hidden_units(net, images) @ net["w2"].T + net["b2"]
#
#
# def loss_and_gradients(net, images, labels, p, smoothing, rng):
#     hidden = hidden_units(net, images)
#     kept, mask = dropout_forward(hidden, p, rng.random(hidden.shape))
#     loss, dlogits = smoothed_cross_entropy(kept @ net["w2"].T + net["b2"], labels, smoothing)
#     dhidden = dropout_backward(dlogits @ net["w2"], mask) * (hidden > 0)
#     return loss, {"w1": dhidden.T @ images.reshape(len(images), -1), "b1": dhidden.sum(axis=0), "w2": dlogits.T @ kept, "b2": dlogits.sum(axis=0)}
#
#
# def score(net, images, labels):
#     """(loss without smoothing, accuracy), in use: no dropout, no augmentation."""
#     logits = logits_of(net, images)
#     return float(smoothed_cross_entropy(logits, labels, 0)[0]), float((logits.argmax(axis=1) == labels).mean())
#
#
# def train(train_set, validation, lr, epochs, seed=0, p=0.0, smoothing=0.0, augment=False, weight_decay=0.0):
#     """Train with AdamW and a cosine schedule. Returns (net of the best epoch, training losses, validation losses)."""
#     images, labels = train_set
#     rng = np.random.default_rng(seed)
#     net = new_net(rng)
#     first, second = ({name: np.zeros_like(value) for name, value in net.items()} for _ in range(2))
#     per_epoch = len(images) // 64
#     nets, train_losses, validation_losses, t = [], [], [], 0
#     for epoch in range(epochs):
#         order, losses = rng.permutation(len(images)), []
#         for batch in np.array_split(order, per_epoch):
#             x = images[batch]
#             if augment:
#                 x, _ = flip_with_labels(x, np.zeros((len(x), 28, 28), int), rng.random(len(x)))
#                 x = pad_and_crop(x, 1, *rng.integers(0, 3, (2, len(x))))
#             loss, gradients = loss_and_gradients(net, x, labels[batch], p, smoothing, rng)
#             rate = cosine_schedule(t, epochs * per_epoch, lr, warmup_steps=per_epoch // 2)
#             t += 1
#             for name in net:
#                 decay = weight_decay if name.startswith("w") else 0.0
#                 net[name], first[name], second[name] = adamw_step(net[name], gradients[name], first[name], second[name], t, rate, weight_decay=decay)
#             losses.append(float(loss))
#         nets.append(dict(net))
#         train_losses.append(np.mean(losses))
#         validation_losses.append(score(net, *validation)[0])
#     best, _ = early_stopping(np.array(validation_losses), len(validation_losses))
#     return nets[best], train_losses, validation_losses
#
#
# def prepared():
#     """Images and labels to train on, to choose by, and to test once, standardised with the training set's statistics."""
#     mean, std = channel_statistics(data.train_images[:3000, None])
#     parts = {
#         "train": (data.train_images[:3000], data.train_labels[:3000]),
#         "validation": (data.train_images[3000:5000], data.train_labels[3000:5000]),
#         "test": (data.test_images, data.test_labels),
#     }
#     return {name: (standardise(images[:, None], mean, std).astype(np.float32), labels) for name, (images, labels) in parts.items()}
#
#
# with exploring():
#     sets = prepared()
#     fresh = new_net(np.random.default_rng(0))
#     print(f"Loss of a fresh network on the validation images: {score(fresh, *sets['validation'])[0]:.3f}; ln 10 is {np.log(10):.3f}.")
#     eight = sets["train"][0][:8], sets["train"][1][:8]
#     rng, net = np.random.default_rng(1), dict(fresh)
#     moments = {name: (np.zeros_like(value), np.zeros_like(value)) for name, value in net.items()}
#     for t in range(1, 41):
#         _, gradients = loss_and_gradients(net, *eight, 0.0, 0.0, rng)
#         for name in net:
#             net[name], *moments[name] = adam_step(net[name], gradients[name], *moments[name], t, 0.003)
#     loss, accuracy = score(net, *eight)
#     print(f"Eight images learned by heart in 40 steps: loss {loss:.1e}, accuracy {accuracy:.0%}. A network that cannot do this has a bug.")

# %% [markdown]
# ### Search, coarse then fine
#
# Twelve short runs with learning rates between $10^{-6}$ and 1, then eight more in the range of the best three. **Predict:** over how many powers of ten does it hardly matter?

# %% tags=["active-ipynb"]
# best_lr = 0.01
# with exploring():
#     sets, rng = prepared(), np.random.default_rng(4)
#
#     def tried(low, high, count):
#         rates = log_uniform(low, high, (np.arange(count) + rng.random(count)) / count)
#         return rates, np.array([score(train(sets["train"], sets["validation"], lr, 3)[0], *sets["validation"])[1] for lr in rates])
#
#     coarse = tried(1e-6, 1, 12)
#     low, high = narrow_range(*coarse, keep=3)
#     fine = tried(low, high, 8)
#     best_lr = float(fine[0][fine[1].argmax()])
#     fig, ax = plt.subplots(figsize=(7, 3), layout="constrained")
#     ax.axvspan(low, high, color="#EEEEEE", label="range of the best three")
#     ax.semilogx(*coarse, "o", color=colours[0], label="coarse")
#     ax.semilogx(*fine, "^", color=colours[1], label="fine")
#     ax.set(xlabel="learning rate", ylabel="validation accuracy")
#     ax.legend()
#     show(fig, alt=f"Validation accuracy against the learning rate on a logarithmic axis: low at both ends, high in between. The best three of twelve coarse runs span {low:.2g} to {high:.2g}; eight fine runs fill that range.")
#     print(f"Coarse: best {coarse[1].max():.1%}. Fine, between {low:.2g} and {high:.2g}: best {fine[1].max():.1%} at learning rate {best_lr:.2g}.")

# %% [markdown]
# Careful: the best of twenty noisy numbers is also the luckiest. That is why the next cell asks the test images, once, at the very end.
#
# ### With and without
#
# The same network, the same learning rate, the same start. Once as it is, once with dropout, small shifts and flips, label smoothing and weight decay. **Predict:** for which one does the validation loss turn round first?
#
# In the second run the training loss looks worse than it is: dropout, harder pictures and smoothed targets are in it. The validation loss is measured without them.
#
# And compare loss with accuracy. Accuracy asks only who comes first. The loss also asks how sure the network was, and a sure mistake is expensive. So the two need not agree on who is better.

# %% tags=["active-ipynb"]
# with exploring():
#     sets = prepared()
#     runs = {
#         "plain": train(sets["train"], sets["validation"], best_lr, 30),
#         "regularised": train(sets["train"], sets["validation"], best_lr, 30, p=0.3, smoothing=0.05, augment=True, weight_decay=0.05),
#     }
#     fig, axes = plt.subplots(1, 2, figsize=(10, 3), sharey=True, layout="constrained")
#     words = []
#     for ax, (name, (net, train_losses, validation_losses)) in zip(axes, runs.items(), strict=True):
#         best, stopped = early_stopping(np.array(validation_losses), 5)
#         ax.plot(train_losses, "--", color=colours[1], label="training")
#         ax.plot(validation_losses, color=colours[0], label="validation")
#         ax.plot(best, validation_losses[best], "*", color="black", markersize=11)
#         ax.axvline(stopped, color="#999999", linestyle=":", label="end with patience 5")
#         ax.set(title=name, xlabel="epoch", ylabel="loss")
#         ax.legend()
#         words.append(f"{name}: patience 5 keeps epoch {best} and stops at epoch {stopped}; lowest validation loss of all epochs {min(validation_losses):.3f}, test accuracy of that network {score(net, *sets['test'])[1]:.1%}")
#     show(fig, alt="Training and validation loss over 30 epochs for two runs; a star marks the epoch that early stopping keeps, a dotted line where a run with patience 5 ends. " + "; ".join(words) + ".")
#     print("\n".join(words))
#     print("One seed each. Lab 02 repeats this with several seeds, one ingredient at a time.")

# %% [markdown]
# ## What it leads to
#
# These functions train any network. In assignment 05 they meet your own layers, and together they are a LeNet. Lab 02 measures what dropout and augmentation buy, and lab 03 searches for settings in earnest.
#
# **To read further:** L. Bottou, F. Curtis and J. Nocedal, *Optimization Methods for Large-Scale Machine Learning* (2018), on what SGD is and why it works. J. Bergstra and Y. Bengio, *Random Search for Hyper-Parameter Optimization* (2012), on why random beats grid.
