# ---
# jupyter:
#   convnets:
#     minutes: 90
#     budget_seconds: 120
#     needs: [03_activations_and_pooling, 04_backpropagation]
#     summary: How a net finds its weights — data, first weights, momentum, Adam, learning rates, search and early stopping
# ---

# %% [markdown]
# # Optimisation
#
# **When you have worked through this chapter, you can**
#
# - say why gradient descent crawls in a narrow valley, and compute the learning rate at which it flies out;
# - centre and scale data, and choose first weights after Xavier or He;
# - write SGD, momentum, RMSProp and Adam in three lines each, and say what each one fixes;
# - choose a learning rate, a schedule, and the moment to stop, from curves;
# - search for hyperparameters on a logarithmic scale, and explain why random search beats a grid.
#
# **Time:** about 90 minutes. **Needs:** chapters 03 and 04.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn import functional as F

from convnets import data, plots
from convnets.widgets import optimizer_race, predict, question

# %% [markdown]
# ## Before you run anything
#
# You know from chapter 04 how to get the gradient of the loss. The simplest thing to do with it is a step downhill, with the **learning rate** $\eta$ as its length:
#
# $$x \leftarrow x - \eta\, \nabla L(x)$$
#
# Think of the loss $L(x) = \tfrac12 \cdot 50\, x^2$. Its slope is $50\,x$. So one step turns $x$ into $x - \eta \cdot 50\, x = (1 - 50\,\eta)\, x$.

# %%
predict(
    "Up to which learning rate does x stay bounded, however many steps you take?",
    answer=0.04,
    tolerance=1e-4,
    explain="x is multiplied by (1 − 50η) in each step. Its size must be at most 1: 50η ≤ 2, so η ≤ 2/50 = 0.04. At 0.04 exactly it jumps to and fro for ever.",
    hint="The factor (1 − 50η) must not be smaller than −1.",
)

# %% [markdown]
# ## A race
#
# Here is a loss with two weights, seen from above: the darker, the lower. It is a valley: across, it is 50 times as steep as along. This ratio is the **condition number**. Four optimisers start at the same place. You will write all four
# in a moment. For now, watch.
#
# 1. Press **Play**. Who goes straight to the bottom, and who takes the long way?
# 2. Raise the learning rate of SGD to 0.04, then to 0.045. What happens?
# 3. Set the condition number to 1, a round bowl. Who wins now?

# %%
optimizer_race("valley", condition=50)

# %% [markdown]
# SGD (plain gradient descent) has one learning rate for both directions. The steep one forbids more than 0.04. In the flat one, this is very slow: each step removes only 4 % of the distance. So the steeper the one direction is against the other, the longer it takes.
#
# Let us count steps, with the best learning rate for each valley. For the bowl ½(x² + κy²) this is $2/(1+\kappa)$.


# %%
def steps_needed(condition, rate, momentum=0.0, goal=1e-4):
    """Steps of gradient descent until both parts of x are below `goal` times the start."""
    steep, x, v = np.array([1.0, condition]), np.ones(2), np.zeros(2)
    for step in range(1, 100_000):
        v = momentum * v + steep * x
        x = x - rate * v
        if np.abs(x).max() < goal:
            return step
    return None


print("condition number      gradient descent      with momentum 0.9")
for condition in (10, 50, 100, 1000):
    plain = steps_needed(condition, 2 / (1 + condition))
    pushed = min(filter(None, (steps_needed(condition, rate / condition, 0.9) for rate in (0.5, 1, 2, 3))))
    print(f"{condition:16}      {plain:16}      {pushed:17}")

# %% [markdown]
# For plain gradient descent the number of steps grows in proportion to the condition number. With momentum (you will meet it in a moment) it hardly grows at all, but it is no gain in a bowl that is nearly round. Two things help: make the valley rounder, or use a cleverer rule. We begin with the first. It is cheaper.
#
# ## Round valleys: centre and scale the data
#
# Where do long valleys come from? Often from the data. A small example: guess how bright the lower half of a picture is ($y$), from the brightness of its upper half ($x$), by a straight line $w x + b$. The loss is the mean squared error. We draw it
# over $w$ and $b$, three times: with $x$ from 0 (black) to 1 (white), with $x$ **centred** (mean subtracted), and with $x$ centred and **scaled** (divided by its standard deviation).

# %%
clothes = data.load_fashion_mnist()
upper, lower = (half.mean(axis=(1, 2)) / 255 for half in (clothes.train_images[:, :14], clothes.train_images[:, 14:]))
target = (lower - lower.mean()) / lower.std()
versions = {"as it is": upper, "centred": upper - upper.mean(), "centred and scaled": (upper - upper.mean()) / upper.std()}
conditions = {}

fig, axes = plt.subplots(1, 3, figsize=(8, 3.4))
for ax, (name, x) in zip(axes, versions.items(), strict=True):
    inputs = np.stack([x, np.ones_like(x)], axis=1)
    hessian = inputs.T @ inputs / len(x)
    best = np.linalg.solve(hessian, inputs.T @ target / len(x))
    conditions[name] = np.linalg.cond(hessian)
    away = np.stack(np.meshgrid(np.linspace(-6, 6, 201), np.linspace(-6, 6, 201)), axis=-1)
    rise = 0.5 * np.einsum("...i,ij,...j->...", away, hessian, away)
    ax.contour(best[0] + away[..., 0], best[1] + away[..., 1], rise, levels=np.linspace(0.02, 4, 8) ** 2, colors=plots.PALETTE["blue"], linewidths=1)
    ax.set_aspect("equal")
    ax.plot(*best, marker="+", color=plots.PALETTE["black"], markersize=11, markeredgewidth=2)
    ax.set_title(f"{name}\ncondition number {conditions[name]:,.0f}")
    ax.set_xlabel("w")
    ax.set_ylabel("b")
plots.show(
    fig,
    alt="Lines of equal loss over weight and bias. As it is: a narrow slanted valley. Centred: a narrow valley along w, no longer slanted. Centred and scaled: circles. "
    + "; ".join(f"{n}: condition number {c:,.0f}" for n, c in conditions.items()) + ".",
)  # fmt: skip

# %% [markdown]
# Three things to see:
#
# - Uncentred data **slants** the valley: when $w$ grows, $b$ must shrink to make up for it.
# - Centred data untangles $w$ and $b$. But brightness varies by much less than 1, so the loss is far flatter along $w$ than along $b$.
# - Scaled data gives circles. Gradient descent goes straight to the middle.
#
# Real images have hundreds of inputs, and neighbouring pixels are alike, so the valley never becomes quite round. But the same two steps help. Everything we subtract and divide by comes from the **training images only**: the test images must stay unseen.

# %%
raw = {
    "train": F.avg_pool2d(torch.from_numpy(clothes.train_images).float()[:, None], 2).flatten(1),
    "test": F.avg_pool2d(torch.from_numpy(clothes.test_images).float()[:, None], 2).flatten(1),
}
labels, test_labels = torch.from_numpy(clothes.train_labels), torch.from_numpy(clothes.test_labels)
fit_on = raw["train"][:8000]
centre, spread = fit_on.mean(0), fit_on.std(0) + 10
images, test_images = (raw["train"] - centre) / spread, (raw["test"] - centre) / spread
train = images[:8000], labels[:8000]
validation = images[8000:], labels[8000:]
print("inputs per image:", images.shape[1], "(14×14, each the mean of 2×2 pixels)")
print(f"training images: mean {train[0].mean():.2f}, standard deviation {train[0].std():.2f}")
print(f"validation images: mean {validation[0].mean():.2f}, standard deviation {validation[0].std():.2f}")

# %% [markdown]
# (We divide by the standard deviation *plus 10*, of 255. Pixels in the corners are nearly always black. Divided by a tiny standard deviation, a single speck there would become a huge number.)
#
# ## First weights
#
# Where should the weights start? All zeros is no good: then all units of a layer compute the same, get the same gradient, and stay the same for ever. So they start at random. But how large?
#
# One unit adds up $n$ products of an input and a weight. If these are independent, with mean zero for the weights, variances add:
#
# $$\mathrm{Var}(\text{output}) = n \cdot \mathrm{Var}(w) \cdot \mathrm{E}[x^2]$$
#
# To keep the size from layer to layer, we need $n \cdot \mathrm{Var}(w) = 1$. This is **Xavier** initialisation: $\mathrm{Var}(w) = 1/n$. (Glorot's paper looks at the way back too, and takes the mean of both numbers of units: $2/(n_\text{in}+n_\text{out})$. With equal layers this is the same.)
#
# ReLU sets half of the values to zero. That halves $\mathrm{E}[x^2]$. **He** initialisation makes up for it: $\mathrm{Var}(w) = 2/n$.

# %%
predict(
    "Ten layers with ReLU start with Xavier's weights. By which factor does the mean square of the values shrink from the input to the tenth layer? (As in 1/…)",
    answer=1024,
    tolerance=0.5,
    explain="Each layer halves it: 2¹⁰ = 1,024. Its root, the size of the values, shrinks by √1024 = 32.",
    hint="Each layer halves it. There are ten.",
)


# %%
def sizes(gain, activation, layers=10, width=500, seed=0):
    """Size of the values after each layer: the root of their mean square. That of the input is 1."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((400, width))
    found = []
    for _ in range(layers):
        x = x @ (rng.standard_normal((width, width)) * gain)
        if activation == "ReLU":
            x = np.maximum(x, 0)
        elif activation == "tanh":
            x = np.tanh(x)
        found.append(np.sqrt((x**2).mean()))
    return found


gains = {"0.01": 0.01, "Xavier √(1/n)": np.sqrt(1 / 500), "He √(2/n)": np.sqrt(2 / 500), "0.2": 0.2}
fig, axes = plt.subplots(1, 2, figsize=(8, 3.4), sharey=True)
for ax, activation in zip(axes, ("tanh", "ReLU"), strict=True):
    for (name, gain), colour, marker in zip(gains.items(), plots.PALETTE.values(), plots.MARKERS, strict=False):
        ax.semilogy(range(1, 11), sizes(gain, activation), color=colour, marker=marker, label=name)
    ax.set_title(activation)
    ax.set_xlabel("layer")
    ax.set_xticks(range(1, 11))
    ax.grid(axis="y")
axes[0].set_ylabel("size of the values")
axes[1].legend(title="standard deviation of w", bbox_to_anchor=(1, 1), loc="upper left")
plots.show(
    fig,
    alt="Size of the values in ten layers. With standard deviation 0.01 they vanish. With 0.2 tanh saturates and ReLU explodes. With tanh, Xavier shrinks slowly. With ReLU, He stays level and Xavier falls by a factor of "
    + f"{1 / sizes(gains['Xavier √(1/n)'], 'ReLU')[-1]:.0f}.",
)
print(f"ReLU with Xavier: the size falls by a factor of {1 / sizes(gains['Xavier √(1/n)'], 'ReLU')[-1]:.0f} in ten layers (32 by the formula; these are single random draws)")

# %% [markdown]
# You may read in lecture notes: "use ReLU" and, on the same page, "use Xavier initialisation". Taken literally, the two do not fit. For ten layers the loss is bearable. For fifty it is not. With ReLU, take He.
#
# In PyTorch the two are called `xavier_normal_` and `kaiming_normal_` (Kaiming is He's first name). For a convolution, $n$ is the number of inputs of one output: in_channels · kernel height · kernel width.

# %%
conv = torch.nn.Conv2d(64, 128, 3)
torch.manual_seed(0)
torch.nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
print(f"n = 64·3·3 = {64 * 3 * 3};  √(2/n) = {np.sqrt(2 / 576):.4f};  PyTorch drew weights with standard deviation {conv.weight.std():.4f}")

# %% [markdown]
# ## Four rules
#
# Now the cleverer rules. Each gets the point `x`, the gradient `g`, its own memory `state` (a dict, empty at first) and the learning rate. It returns the next point.
#
# **SGD.** A step against the gradient. The S is for *stochastic*: the gradient comes from a small batch of images, not from all. So it is noisy.
#
# **Momentum.** Keep a velocity $v$. Each gradient changes it a little:
#
# $$v \leftarrow \rho\, v + g \qquad x \leftarrow x - \eta\, v \qquad (\rho = 0.9)$$
#
# Across the valley the gradients change sign, so they cancel. Along the valley they agree, so they add up, to at most $1/(1-\rho) = 10$ times one gradient.
#
# **RMSProp.** Keep an average $s$ of the *squared* gradient, for each weight on its own. Divide by its root:
#
# $$s \leftarrow \rho\, s + (1-\rho)\, g^2 \qquad x \leftarrow x - \eta\, \frac{g}{\sqrt{s} + \varepsilon}$$
#
# A weight with large gradients gets small steps, and the other way round. Each step is about $\eta$ long in each direction, whether the slope is steep or flat.
#
# **Adam** does both: an average of the gradient on top, the root of the average square below. Both start at zero, so both are too small at first. Adam corrects this bias, with $t$ as the number of the step:
#
# $$m \leftarrow \beta_1 m + (1-\beta_1)\, g \qquad s \leftarrow \beta_2 s + (1-\beta_2)\, g^2 \qquad x \leftarrow x - \eta\, \frac{m / (1-\beta_1^t)}{\sqrt{s/(1-\beta_2^t)} + \varepsilon}$$
#
# The usual values are $\beta_1 = 0.9$, $\beta_2 = 0.999$, $\varepsilon = 10^{-8}$. A step size of $\eta$ = 1e-3 or 5e-4 is a good start for many nets.


# %%
def sgd(x, g, state, rate):
    return x - rate * g


def momentum(x, g, state, rate):
    state["v"] = 0.9 * state.get("v", 0) + g
    return x - rate * state["v"]


def rmsprop(x, g, state, rate):
    state["s"] = 0.9 * state.get("s", 0) + 0.1 * g**2
    return x - rate * g / (state["s"] ** 0.5 + 1e-8)


def adam(x, g, state, rate):
    state["t"] = t = state.get("t", 0) + 1
    state["m"] = 0.9 * state.get("m", 0) + 0.1 * g
    state["s"] = 0.999 * state.get("s", 0) + 0.001 * g**2
    return x - rate * (state["m"] / (1 - 0.9**t)) / ((state["s"] / (1 - 0.999**t)) ** 0.5 + 1e-8)


rules = {"SGD": sgd, "Momentum": momentum, "RMSProp": rmsprop, "Adam": adam}

# %% [markdown]
# Are they what PyTorch computes? We let both take 50 steps with the same random gradients.

# %%
theirs = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.01),
    "Momentum": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    "RMSProp": lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01, betas=(0.9, 0.999)),
}
rng = np.random.default_rng(0)
gradients = rng.standard_normal((50, 6))
for name, rule in rules.items():
    x, state = np.ones(6), {}
    p = torch.ones(6, dtype=torch.float64, requires_grad=True)
    optimizer = theirs[name]([p])
    for g in gradients:
        x = rule(x, g, state, 0.01)
        p.grad = torch.from_numpy(g)
        optimizer.step()
    print(f"{name:9} largest difference after 50 steps: {np.abs(x - p.detach().numpy()).max():.0e}")

# %% [markdown]
# ### Your rule in the race
#
# The star in this race runs the function that you pass. Change `adam` above, for example leave out the bias correction, run both cells, and look how the first steps differ. The line below the table says which of the four your rule equals.

# %%
optimizer_race("valley", condition=50, function=adam, rates={"yours": 0.2})

# %%
predict(
    "Without the bias correction, how many times too long is Adam's first step? (One decimal is enough.)",
    answer=np.sqrt(10),
    tolerance=0.07,
    explain="At the first step m = 0.1·g and s = 0.001·g². So the step is 0.1/√0.001 = 3.16 times η, instead of η.",
    hint="At the first step m = 0.1·g and s = 0.001·g². Divide m by √s.",
)

# %% [markdown]
# ## What each rule fixes
#
# **A long valley** you have seen. **A saddle** is a place where the slope is zero, but which is no bottom: up along one axis, down along the other. Nets with many weights have many saddles. Gradient descent gets slow there, because the gradient is small. Here all start
# close to the line that leads straight to the saddle point. Who finds the way down to one of the two bottoms?

# %%
optimizer_race("saddle", start=(-1, 0.01), function=momentum, rates={"yours": 0.02})

# %% [markdown]
# **Noise.** In a round bowl, SGD needs no help with the shape. But batches are small, so its gradients are noisy. All four feel the same noise here. With a constant learning rate nobody comes to rest: they all keep jittering around the bottom. Make the learning rates ten times smaller. What gets better, what gets worse?

# %%
optimizer_race("valley", condition=1, noise=1.5, start=(-3.5, 1.5), rates={"SGD": 0.1, "Momentum": 0.01, "RMSProp": 0.1, "Adam": 0.1})

# %% [markdown]
# One race proves little. So let us give each rule the learning rate that suits it best on each surface (of 25 candidates), and with noise, 20 different noises. From which step on does the loss stay below 0.01 (with noise: below 0.1)?


# %%
def valley(x):
    return (x[0] ** 2 + 200 * x[1] ** 2) / 2, np.stack([x[0], 200 * x[1]])


def saddle(x):
    return (50 * x[0] ** 2 - x[1] ** 2) / 2 + x[1] ** 4 / 4 + 0.25, np.stack([50 * x[0], x[1] ** 3 - x[1]])


def bowl(x):
    return (x[0] ** 2 + x[1] ** 2) / 2, x


candidates = 10 ** np.linspace(-3.5, 0.5, 25)


def settled(rule, surface, start, goal, noise=0.0, repeats=1, steps=500):
    """First step from which on the loss stays below `goal`: the median over the repeats, for each candidate learning rate."""
    rng = np.random.default_rng(0)
    x = np.tile(np.array(start)[:, None, None], (1, repeats, 25))
    state, losses = {}, []
    with np.errstate(all="ignore"):
        for _ in range(steps):
            loss, gradient = surface(x)
            losses.append(loss)
            x = rule(x, gradient + noise * rng.standard_normal((2, repeats, 1)), state, candidates)
    above = ~(np.array(losses) < goal)
    return np.median(np.where(above.any(0), steps - above[::-1].argmax(0), 0), axis=0)


tasks = {
    "valley, 200": (valley, (-3.5, 1.5), 0.01, 0.0, 1),
    "saddle, 50": (saddle, (-1.0, 0.001), 0.01, 0.0, 1),
    "round, noisy": (bowl, (-3.5, 1.5), 0.1, 1.5, 20),
}
print(f"{'':14}" + "".join(f"{name:>12}" for name in rules))
fewest = {}
for task, settings in tasks.items():
    fewest[task] = {name: int(settled(rule, *settings).min()) for name, rule in rules.items()}
    print(f"{task:14}" + "".join(f"{n:12}" for n in fewest[task].values()))

# %% [markdown]
# Read the table by rows.
#
# - **Valley:** momentum and Adam are far ahead of SGD. RMSProp does not care which direction is steep, either. But its steps do not get shorter near the bottom: to come to rest there with a constant learning rate, it must take short steps from the start.
# - **Saddle:** SGD waits near the saddle point, where the slope is tiny. Momentum gathers speed. RMSProp and Adam make steps of the usual length even there.
# - **Round and noisy:** momentum averages over the last gradients, so its path is smoother. Dividing by the size of the gradient brings nothing here.
#
# These are toy surfaces. The valley lies along the axes, which is just right for RMSProp and Adam: they scale each weight on its own. Turn it by 45 degrees, and much of this advantage is lost. So the question is how the rules do on real images.
#
# ## Four rules on real images
#
# We train a small net (196 inputs, 32 hidden units, 10 classes) for 200 steps. This is quick enough to train *many nets at once*: their weights stand in one tensor with one more axis. So we can try 10 learning rates, each with 5 different starts, for all four rules. `train` is all there is to it. Your own rules from above do the work.


# %%
def outputs(weights, x):
    """Logits (nets, images, 10) of all nets for images (images, 196)."""
    w1, b1, w2, b2 = weights
    return torch.relu(x @ w1 + b1) @ w2 + b2


def train_nets(rates, rule, *, data=train, steps=200, batch=64, hidden=32, scale=1.0, decay=0.0, schedule=None, seed=0, look=None):
    """Train len(rates) nets at once. Return their weights and the losses (steps, nets) of their batches.

    scale multiplies He's first weights, decay is a pull to zero: each may be one number a net. schedule(progress) is a factor
    of all rates. look(step, weights) is called before every step.
    """
    generator = torch.Generator().manual_seed(seed)
    inputs, targets = data
    nets, n = len(rates), inputs.shape[1]
    rates, scale, decay = (torch.as_tensor(np.array(v), dtype=torch.float32).reshape(-1, 1, 1) for v in (rates, scale, decay))
    w1 = torch.randn(nets, n, hidden, generator=generator) * scale * (2 / n) ** 0.5
    w2 = torch.randn(nets, hidden, 10, generator=generator) * scale * (2 / hidden) ** 0.5
    weights = [w1, torch.zeros(nets, 1, hidden), w2, torch.zeros(nets, 1, 10)]
    states, losses = [{} for _ in weights], []
    for step in range(steps):
        if look:
            look(step, weights)
        rows = torch.randint(0, len(targets), (batch,), generator=generator)
        for w in weights:
            w.requires_grad_()
        logits = outputs(weights, inputs[rows])
        loss = F.cross_entropy(logits.transpose(1, 2), targets[rows].expand(nets, -1), reduction="none").mean(1)
        gradients = torch.autograd.grad(loss.sum(), weights)
        now = rates * (schedule(step / steps) if schedule else 1)
        with torch.no_grad():
            weights = [rule(w.detach(), g + decay * w.detach(), s, now) for w, g, s in zip(weights, gradients, states, strict=True)]
        losses.append(loss.detach())
    return weights, torch.stack(losses).numpy()


def accuracy(weights, data=validation):
    """Percent of right answers of each net, as an array (nets,)."""
    with torch.no_grad():
        return 100 * (outputs(weights, data[0]).argmax(-1) == data[1]).float().mean(-1).numpy()


# %%
rates, repeats = 10 ** np.linspace(-4, 0.5, 10), 5
by_rate = {name: accuracy(train_nets(np.repeat(rates, repeats), rule)[0]).reshape(10, repeats) for name, rule in rules.items()}
fig, ax = plt.subplots(figsize=(8, 3.8))
for (name, values), colour, marker in zip(by_rate.items(), ("blue", "orange", "green", "vermillion"), plots.MARKERS, strict=False):
    mean, deviation = values.mean(1), values.std(1, ddof=1)
    ax.semilogx(rates, mean, color=plots.PALETTE[colour], marker=marker, label=name)
    ax.fill_between(rates, mean - deviation, mean + deviation, color=plots.PALETTE[colour], alpha=0.2, linewidth=0)
ax.set_xlabel("learning rate")
ax.set_ylabel("validation accuracy in %")
ax.grid(axis="y")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
best = {name: (rates[v.mean(1).argmax()], v.mean(1).max(), v[v.mean(1).argmax()].std(ddof=1)) for name, v in by_rate.items()}
plots.show(
    fig,
    alt="Validation accuracy against the learning rate, on a logarithmic axis: a hill for each rule. "
    + "; ".join(f"{name} is best at {rate:.1g} with {top:.1f} %" for name, (rate, top, _) in best.items()) + ".",
)  # fmt: skip
for name, (rate, top, deviation) in best.items():
    print(f"{name:9} best learning rate {rate:6.1g}: {top:.1f} ± {deviation:.1f} %   (mean ± standard deviation of {repeats} starts)")

# %% [markdown]
# Two lessons, and the second is the larger one.
#
# 1. Each rule has **its own** learning rate. Momentum wants about a tenth of SGD's, since it adds up ten gradients. Adam wants small ones, since its steps do not shrink with the gradient. Who compares rules at one common learning rate compares nothing.
# 2. At their best, the four are close. A wrong learning rate costs far more than the wrong rule. **The learning rate is the first thing to tune.**
#
# ### Does scaling the data matter here?
#
# Now the experiment that we owe you. The same net, momentum, 13 learning rates from 0.000001 to 1, 3 starts, on four versions of the same images.

# %%
pictures = {
    "0 to 255": raw["train"],
    "0 to 1": raw["train"] / 255,
    "0 to 1, centred": (raw["train"] - centre) / 255,
    "centred and scaled": images,
}
wide = 10 ** np.linspace(-6, 0, 13)
for name, version in pictures.items():
    found = accuracy(train_nets(np.repeat(wide, 3), momentum, data=(version[:8000], labels[:8000]))[0], (version[8000:], labels[8000:])).reshape(13, 3)
    at = found.mean(1).argmax()
    print(f"{name:20} best {found[at].mean():.1f} ± {found[at].std(ddof=1):.1f} % at learning rate {wide[at]:.1g};  {(found.mean(1) > 70).sum()} of 13 learning rates reach 70 %")

# %% [markdown]
# Compare the second line with the last: centring and scaling together bring some points. Which of the two brings more, 3 starts cannot tell: here it is the centring, with another seed it was the scaling. With values up to 255, the first weights are far too large for the data, and no learning rate repairs this in 200 steps. All pixels are
# brightnesses on the same scale. With inputs as different as age in years and income in euros, scaling matters far more.
#
# ## Reading a loss curve
#
# The loss curve is your window into training. Here are four learning rates with the same rule. Before you look at the titles: which one would you keep?

# %%
shown = {"far too low": 1e-4, "good": 0.02, "too high": 0.2, "far too high": 0.4}
_, losses = train_nets(list(shown.values()), momentum)
fig, axes = plt.subplots(1, 4, figsize=(8, 2.7), sharey=True)
for ax, (name, rate), values in zip(axes, shown.items(), losses.T, strict=True):
    ax.plot(np.clip(np.nan_to_num(values, nan=99), 0, 99), color=plots.PALETTE["blue"], linewidth=1)
    ax.axhline(np.log(10), color=plots.PALETTE["vermillion"], linestyle="--", linewidth=1.2)
    ax.set_title(f"{name}\n{rate:g}")
    ax.set_xlabel("step")
    ax.set_ylim(0, 6)
axes[0].set_ylabel("loss")
plots.show(
    fig,
    alt="Four loss curves over 200 steps, with a dashed line at ln 10, the loss of guessing. Far too low: falls slowly and is still falling at the end. Good: falls fast, then flattens. "
    "Too high: falls, but stays high and restless. Far too high: leaves the picture at once.",
)
print(f"dashed line: ln 10 = {np.log(10):.3f}.  Loss at the end (mean of 20 steps): " + ", ".join(f"{n} {v:.3g}" for n, v in zip(shown, losses[-20:].mean(0), strict=True)))

# %%
question(
    "Your loss has fallen a little in a nearly straight line, and is still falling when training ends. What do you try first?",
    {
        "A larger learning rate": "Yes. A straight, slow fall is the sign of steps that are too short. Multiply by 3 or 10.",
        "A smaller learning rate": "It would fall even more slowly.",
        "A larger net": "Perhaps later. This net has not yet shown what it can do.",
        "More training images": "They help when training loss and validation loss part. Here even the training loss is still high.",
    },
    answer="A larger learning rate",
)

# %% [markdown]
# ## Learning rates that fall
#
# Noise kept everybody jittering around the bottom. A large learning rate is right for the way, a small one for the arrival. So let it fall during training. Three usual schedules, as a factor of the learning rate:
#
# - **steps:** a tenth, after half and after three quarters of the training;
# - **cosine:** $\tfrac12\,(1 + \cos(\pi \cdot \text{progress}))$, a smooth fall from 1 to 0;
# - **on plateau:** a tenth, whenever the validation loss has not improved for some epochs.


# %%
def steps_down(progress):
    return 0.1 ** (int(progress >= 0.5) + int(progress >= 0.75))


def cosine(progress):
    return 0.5 * (1 + np.cos(np.pi * progress))


schedules = {"constant": lambda progress: 1.0, "steps": steps_down, "cosine": cosine}
choices, ends = (0.003, 0.01, 0.03, 0.1, 0.2), {}
for name, schedule in schedules.items():
    found = accuracy(train_nets(np.repeat(choices, 8), momentum, steps=500, schedule=schedule)[0]).reshape(5, 8)
    at = found.mean(1).argmax()
    ends[name] = found[at]
    print(f"{name:9} best of five learning rates: {choices[at]:5}:  {found[at].mean():.2f} ± {found[at].std(ddof=1):.2f} %  over 8 starts")

# %%
progress = np.linspace(0, 1, 300, endpoint=False)
fig, axes = plt.subplots(1, 2, figsize=(8, 3))
for (name, schedule), colour, line in zip(schedules.items(), ("blue", "orange", "green"), ("-", "--", ":"), strict=True):
    axes[0].plot(progress, [schedule(p) for p in progress], color=plots.PALETTE[colour], linestyle=line, label=name)
axes[0].set_xlabel("progress")
axes[0].set_ylabel("factor of the learning rate")
axes[0].legend()
for place, (values, colour) in enumerate(zip(ends.values(), ("blue", "orange", "green"), strict=True)):
    axes[1].plot(place + np.linspace(-0.15, 0.15, len(values)), values, "o", color=plots.PALETTE[colour], alpha=0.6, markersize=4)
    axes[1].errorbar(place + 0.28, values.mean(), values.std(ddof=1), color=plots.PALETTE[colour], marker="_", markersize=12, capsize=4)
axes[1].set_xticks(range(3), ends)
axes[1].set_ylabel("validation accuracy in %")
plots.show(
    fig,
    alt="Left: three schedules, constant at 1, falling in two steps, falling as a cosine. Right: accuracy of 8 starts each. " + "; ".join(f"{n}: {v.mean():.1f} ± {v.std(ddof=1):.1f} %" for n, v in ends.items()) + ".",
)

# %% [markdown]
# A falling learning rate costs nothing, and brings about as much here as the choice of the rule. Between steps and cosine, 8 starts can hardly decide. On a far larger scale, going from steps to a cosine took a ResNet-200 on ImageNet from 79.0 to 79.3 % (Bello and others, 2021; chapter 13).
#
# The third schedule watches the validation loss. It is a loop with a memory: PyTorch calls it `ReduceLROnPlateau`.


# %%
def on_plateau(losses, rate, patience=2, factor=0.1):
    """The learning rate after each epoch, when it falls as soon as more than `patience` epochs in a row bring nothing."""
    best, bad, found = np.inf, 0, []
    for loss in losses:
        best, bad = (loss, 0) if loss < best else (best, bad + 1)
        if bad > patience:
            rate, bad = rate * factor, 0
        found.append(rate)
    return found


measured = [1.0, 0.7, 0.6, 0.62, 0.61, 0.63, 0.5, 0.45, 0.46, 0.47, 0.45, 0.48]
weight = torch.zeros(1, requires_grad=True)
optimizer = torch.optim.SGD([weight], lr=0.1)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=2, threshold=0)
theirs = []
for loss in measured:
    scheduler.step(loss)
    theirs.append(optimizer.param_groups[0]["lr"])
print("validation loss:", *measured)
print("learning rate:  ", *(f"{rate:g}" for rate in on_plateau(measured, 0.1)))
print("as PyTorch's:   ", np.allclose(theirs, on_plateau(measured, 0.1)))

# %% [markdown]
# ## Searching
#
# Numbers that training does not find, you must choose: learning rate, first weights, weight decay, width. They are called **hyperparameters**. You choose them by their *validation* accuracy, never by the test images.
#
# ### On a logarithmic scale
#
# Between 0.0001 and 1, where do you look? If you draw uniformly, nine of ten draws lie above 0.1. From 0.001 to 0.01 you get one draw in a hundred. For a learning rate, *factors* count, not differences. So draw the exponent: `10 ** rng.uniform(-4, 0)`.

# %%
rng = np.random.default_rng(0)
uniform, logarithmic = rng.uniform(1e-4, 1, 10_000), 10 ** rng.uniform(-4, 0, 10_000)
print("share of draws in …      uniform    log-uniform")
for low, high in ((1e-4, 1e-3), (1e-3, 1e-2), (1e-2, 1e-1), (1e-1, 1)):
    print(f"{low:6g} to {high:<6g} {np.mean((uniform >= low) & (uniform < high)):15.1%} {np.mean((logarithmic >= low) & (logarithmic < high)):14.1%}")

# %% [markdown]
# ### From coarse to fine
#
# First a wide range and short trainings. Then a narrower range around the best ones, with longer trainings. Here are 40 coarse trials of 100 steps over learning rate and weight decay (a pull of the weights to zero; chapter 07), then 40 finer trials of 300 steps.


# %%
def trials(points, steps, seed):
    """Validation accuracy of one net for each row (exponent of the learning rate, exponent of the decay)."""
    return accuracy(train_nets(10 ** points[:, 0], momentum, decay=10 ** points[:, 1], steps=steps, seed=seed)[0])


rng = np.random.default_rng(1)
coarse = rng.uniform((-5, -6), (1, 0), (40, 2))
coarse_accuracy = trials(coarse, 100, seed=1)
top = coarse[np.argsort(coarse_accuracy)[-8:]]
low, high = top.min(0), top.max(0)
fine = rng.uniform(low, high, (40, 2))
fine_accuracy = trials(fine, 300, seed=2)

fig, axes = plt.subplots(1, 2, figsize=(8, 3.6))
for ax, points, values, title in ((axes[0], coarse, coarse_accuracy, "coarse: 100 steps"), (axes[1], fine, fine_accuracy, "fine: 300 steps")):
    dots = ax.scatter(10 ** points[:, 0], 10 ** points[:, 1], c=values, cmap="viridis", s=20 + 1.2 * np.maximum(values - values.min(), 0), edgecolor="black", linewidth=0.5)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("learning rate")
    ax.set_title(f"{title}, best {values.max():.1f} %")
    ax.xaxis.set_minor_formatter(plt.NullFormatter())
    ax.figure.colorbar(dots, ax=ax, label="accuracy in %")
axes[1].xaxis.set_major_locator(plt.LogLocator(subs=(1, 2, 5)))
axes[1].xaxis.set_major_formatter(plt.FuncFormatter(lambda rate, _: f"{rate:g}"))
axes[0].add_patch(plt.Rectangle(10**low, *(10**high - 10**low), fill=False, edgecolor=plots.PALETTE["vermillion"], linewidth=2))
axes[0].set_ylabel("weight decay")
plots.show(
    fig,
    alt=f"Two scatter plots of trials over learning rate and weight decay. Coarse: good ones (large, light dots) stand in a band, framed; best {coarse_accuracy.max():.1f} %. Fine: inside this frame nearly all are good; best {fine_accuracy.max():.1f} %.",
)
print(f"frame: learning rate {10 ** low[0]:.1g} to {10 ** high[0]:.1g}, weight decay {10 ** low[1]:.1g} to {10 ** high[1]:.1g}")
print(f"median accuracy: coarse {np.median(coarse_accuracy):.1f} %, fine {np.median(fine_accuracy):.1f} %")

# %% [markdown]
# Is the best trial at the border of the range? Then the best value may lie outside: move the range. And remember that the best of 40 is a lucky one too: train it again with other seeds before you believe its number.
#
# ### Random against grid
#
# Which 27 trials would you make for three hyperparameters? A grid takes 3 values of each: 3·3·3 = 27. Random search draws 27 points. Look what this means for a single one of them, the one that matters:

# %%
rng = np.random.default_rng(3)
steps_of_grid = (np.arange(3) + 0.5) / 3
fig, axes = plt.subplots(1, 2, figsize=(8, 3.4), sharex=True, sharey=True)
layouts = {"grid": np.stack([m.ravel() for m in np.meshgrid(steps_of_grid, steps_of_grid)], axis=1), "random": rng.random((9, 2))}
x = np.linspace(0, 1, 200)
for ax, (name, points) in zip(axes, layouts.items(), strict=True):
    ax.scatter(*points.T, color=plots.PALETTE["blue"], zorder=3)
    ax.fill_between(x, 1.05, 1.05 + 0.4 * np.exp(-(((x - 0.36) / 0.09) ** 2)), color=plots.PALETTE["orange"], linewidth=0)
    ax.vlines(points[:, 0], points[:, 1], 1.05, color=plots.PALETTE["blue"], linewidth=1, linestyle=":")
    ax.set_title(f"{name}: {len(np.unique(points[:, 0]))} different values that matter")
    ax.set_xlabel("hyperparameter that matters")
    ax.set_xticks([]), ax.set_yticks([])
axes[0].set_ylabel("one that does not")
plots.show(
    fig,
    alt="Nine trials in a square, above it a hill: how good each value of the important hyperparameter is. The grid has only 3 different values of it and misses the top of the hill. The 9 random points have 9 different values.",
)

# %% [markdown]
# Now for real. We search over the learning rate (six decades), weight decay (four decades) and the scale of the first weights. Both searches get the same ranges and the same number of trials. To be fair, the grid is placed anew in each repetition, at a random offset: its luck shall not depend on one place. We do this 20 times,
# for small and larger budgets. What is the best accuracy that each search finds?


# %%
def search(values, axes, repetitions=20, steps=100):
    """Best accuracy of a grid with `values` values for each of `axes` hyperparameters, and of as many random trials."""
    low, high = np.array([-5, -7, -1]), np.array([1, -3, 0.3])
    rng = np.random.default_rng(0)
    found = []
    for repetition in range(repetitions):
        lines = [(np.arange(values) + rng.random()) / values for _ in range(axes)]
        grid = np.stack([m.ravel() for m in np.meshgrid(*lines)], axis=1)
        points = np.concatenate([grid, rng.random(grid.shape)])
        points = np.pad(points, ((0, 0), (0, 3 - axes)), constant_values=10 / 13)
        points = low + points * (high - low)
        reached = accuracy(train_nets(10 ** points[:, 0], momentum, decay=10 ** points[:, 1], scale=10 ** points[:, 2], steps=steps, seed=repetition)[0])
        found.append([reached[: len(grid)].max(), reached[len(grid) :].max()])
    return np.array(found)


budgets = {"2×2×2 = 8 trials": search(2, 3), "3×3 = 9 trials": search(3, 2), "3×3×3 = 27 trials": search(3, 3)}

# %%
fig, ax = plt.subplots(figsize=(8, 3.4))
for place, found in enumerate(budgets.values()):
    for side, (kind, colour, marker) in enumerate((("grid", "vermillion", "s"), ("random", "blue", "o"))):
        ax.plot(np.full(len(found), 3 * place + side), found[:, side], marker, color=plots.PALETTE[colour], alpha=0.55, label=kind if place == 0 else None)
    ax.plot(np.array([3 * place, 3 * place + 1])[:, None], found.T, color="#999999", linewidth=0.6, zorder=0)
ax.set_xticks([0.5, 3.5, 6.5], budgets)
ax.set_ylabel("best accuracy found, in %")
ax.legend(loc="lower right")
plots.show(
    fig,
    alt="Best accuracy that 20 repetitions found, joined in pairs. " + "; ".join(f"{n}: grid {f[:, 0].mean():.1f} ± {f[:, 0].std(ddof=1):.1f} %, random {f[:, 1].mean():.1f} ± {f[:, 1].std(ddof=1):.1f} %" for n, f in budgets.items()) + ".",
)
for name, found in budgets.items():
    gain = found[:, 1] - found[:, 0]
    print(
        f"{name:18} grid {found[:, 0].mean():.1f} ± {found[:, 0].std(ddof=1):.1f} %   random {found[:, 1].mean():.1f} ± {found[:, 1].std(ddof=1):.1f} %   "
        f"gain {gain.mean():+.1f}, standard error {gain.std(ddof=1) / np.sqrt(len(gain)):.1f}   random better in {(gain > 0).sum()} of {len(gain)}"
    )

# %% [markdown]
# Look at the spread as well as at the mean. A grid of two values has only two learning rates: it hits the good ones or it does not. Random search seldom fails. The more hyperparameters you search and the fewer of them matter, the larger its advantage. The middle row shows the limit of the claim: with only two hyperparameters and a good
# range as broad as here, there is little between the two.
#
# ## Stopping early
#
# Train long enough on few images, and the net learns them by heart. The training loss falls on. The validation loss turns and rises. **Early stopping** takes the weights from the lowest point. A usual rule: stop when the validation loss has not improved for $k$ measurements in a row (the *patience*), and go back to the best weights.
#
# We train 5 nets on just 300 images, and measure every 20 steps.

# %%
few = (images[:300], labels[:300])
curve, right = [], []


def look(step, weights):
    if step % 20 == 0:
        with torch.no_grad():
            both = [F.cross_entropy(outputs(weights, d[0]).transpose(1, 2), d[1].expand(5, -1), reduction="none").mean(1).numpy() for d in (few, validation)]
        curve.append(both)
        right.append(accuracy(weights))


train_nets([0.003] * 5, adam, data=few, steps=600, hidden=64, look=look)
curve, right = np.array(curve), np.array(right)


def stop_at(losses, patience=5):
    """(index of the best loss so far, index at which training stops)"""
    best = 0
    for i, loss in enumerate(losses):
        if loss < losses[best]:
            best = i
        elif i - best >= patience:
            return best, i
    return best, len(losses) - 1


when = np.arange(len(curve)) * 20
stops = [stop_at(curve[:, 1, net]) for net in range(5)]
fig, ax = plt.subplots(figsize=(8, 3.4))
ax.plot(when, curve[:, 0], color=plots.PALETTE["blue"], linewidth=1.2)
ax.plot(when, curve[:, 1], color=plots.PALETTE["vermillion"], linestyle="--", linewidth=1.2)
ax.plot([when[b] for b, _ in stops], [curve[b, 1, net] for net, (b, _) in enumerate(stops)], "*", color="black", markersize=11, label="best weights")
ax.plot([when[s] for _, s in stops], [curve[s, 1, net] for net, (_, s) in enumerate(stops)], "|", color="black", markersize=13, markeredgewidth=2, label="stopped")
ax.annotate("validation", (when[-1], curve[-1, 1].mean()), xytext=(6, 0), textcoords="offset points", color=plots.PALETTE["vermillion"])
ax.annotate("training", (when[-1], curve[-1, 0].mean()), xytext=(6, 0), textcoords="offset points", color=plots.PALETTE["blue"])
ax.set_xlabel("step")
ax.set_ylabel("loss")
ax.legend(loc="upper center")
plots.show(
    fig,
    alt=f"Losses of five nets over 600 steps. The training loss falls to nearly 0. The validation loss falls until about step {when[stops[0][0]]}, then rises steadily. Stars mark the lowest points, bars where training would stop.",
)
chosen = np.array([curve[b, 1, net] for net, (b, _) in enumerate(stops)])
print(f"validation loss: {chosen.mean():.2f} ± {chosen.std(ddof=1):.2f} with early stopping, {curve[-1, 1].mean():.2f} ± {curve[-1, 1].std(ddof=1):.2f} at the end")
stopped = np.array([right[b, net] for net, (b, _) in enumerate(stops)])
print(f"validation accuracy: {stopped.mean():.1f} ± {stopped.std(ddof=1):.1f} % with early stopping, {right[-1].mean():.1f} ± {right[-1].std(ddof=1):.1f} % at the end")
print(f"training loss at the end: {curve[-1, 0].mean():.4f}")

# %% [markdown]
# The validation *loss* gets much worse, the *accuracy* hardly changes. How can that be? The net becomes more and more sure of itself. Its right answers stay right, but the wrong ones it now gives with great confidence, and cross-entropy makes it pay for that. So decide beforehand which of the two you care for.
#
# A note on fairness: the lowest point is chosen with the validation images, so its value there is a little too good. The honest number comes from the test images, once, at the very end.
#
# ## Check yourself

# %%
question(
    "In one direction the loss is 200 times as steep as in the other. Which rule suffers most?",
    {
        "SGD": "Yes. One learning rate for both, and the steep direction dictates it. The steps needed grow in proportion to the condition number.",
        "Momentum": "It suffers too, but far less: the steps along the flat direction add up.",
        "RMSProp": "It divides each direction by the size of its own gradients. Steep and flat look alike to it (if they lie along the axes).",
        "Adam": "Like RMSProp, it divides each direction by the size of its own gradients.",
    },
    answer="SGD",
)

# %%
question(
    "The small net above is trained with SGD at learning rate 0.1. You change to Adam and leave the learning rate. What happens?",
    {
        "It gets better": "Look at the figure with the four hills: at 0.1 Adam is already well past its top.",
        "It gets worse": "Yes. Every weight moves by about 0.1 in the first step, whatever its gradient. Look at the figure with the four hills: at 0.1 Adam is well past its top. Start Adam at 1e-3 or 5e-4, and search from there.",
        "Nothing changes": "The rules have very different step lengths at the same η. Look at the figure with the four hills.",
    },
    answer="It gets worse",
)

# %%
predict(
    "A convolution has 128 input channels and a 3×3 kernel. Which standard deviation do He's weights have?",
    answer=np.sqrt(2 / 1152),
    tolerance=0.0006,
    explain="n = 128·3·3 = 1152 inputs per output, √(2/1152) = 0.0417.",
    hint="√(2/n), with n the number of inputs of one output.",
)

# %%
question(
    "You may train 16 nets to find good values for four hyperparameters. You guess that one of them matters most, but not which. What do you do?",
    {
        "A grid of 2×2×2×2": "Then each hyperparameter, also the one that matters, gets just two values.",
        "16 random points": "Yes: 16 different values of whichever one matters. Draw learning rates and decays on a logarithmic scale.",
        "Vary one after the other, 4 values each": "Better than the grid, but the first three are tuned at a bad value of the fourth. And if the one that matters is the last, you have 4 values of it.",
    },
    answer="16 random points",
)

# %% [markdown]
# ## What this leads to
#
# - **Assignment 04**: you write preprocessing, first weights, all four rules, schedules, search and early stopping, and the checks compare them with PyTorch.
# - **Chapter 05** showed another way to keep values at the right size: normalise them in every layer.
# - **Chapter 07** is about the gap between the two curves of the last figure.
# - **Lab 03** searches hyperparameters for a convolutional net, from coarse to fine.
#
# ## Sources
#
# - X. Glorot and Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, AISTATS 2010: Xavier initialisation.
# - K. He and others, *Delving Deep into Rectifiers*, ICCV 2015: first weights for ReLU.
# - I. Sutskever and others, *On the importance of initialization and momentum in deep learning*, ICML 2013.
# - T. Tieleman and G. Hinton, *Lecture 6.5: RMSProp*, Coursera, 2012.
# - D. Kingma and J. Ba, *Adam: A Method for Stochastic Optimization*, ICLR 2015, arXiv:1412.6980.
# - J. Bergstra and Y. Bengio, *Random Search for Hyper-Parameter Optimization*, JMLR 2012.
# - Y. LeCun and others, *Efficient BackProp*, 1998: why centred and scaled inputs help.
# - I. Bello and others, *Revisiting ResNets: Improved Training and Scaling Strategies*, 2021, arXiv:2103.07579.
