# ---
# jupyter:
#   convnets:
#     minutes: 75
#     budget_seconds: 120
#     needs: [03_activations_and_pooling, 06_optimization]
#     summary: Nets learn by heart. Weight decay, dropout, augmentation, label smoothing, averages of nets, and what each buys
# ---

# %% [markdown]
# # Regularisation
#
# **When you have worked through this chapter, you can**
#
# - recognise overfitting, and measure it as a gap;
# - write weight decay, and say why Adam needs it kept apart from the gradient;
# - write dropout so that a net needs no change when it is used, and explain it as an ensemble;
# - choose augmentations that keep the label, and find out when they do not;
# - use label smoothing, averaged weights and ensembles, and say what stochastic depth is;
# - test whether one of these helps *you*: several starts, mean and spread.
#
# **Time:** about 75 minutes. **Needs:** chapters 03 and 06.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from convnets import data, plots
from convnets.widgets import augmentation_playground, dropout_masks, predict, question

# %% [markdown]
# ## Before you run anything
#
# We take 300 images of clothes and throw all their labels into a hat. Each image gets a label at random. There is nothing to understand any more. Then we train a small net with 100 hidden units on them.

# %%
question(
    "How many of these 300 random labels will the net get right after training?",
    {
        "About 10 %, like guessing": "For new images, yes. But for these 300, it can do better without understanding anything.",
        "About half": "It has 20,710 weights for 300 labels. It does not need to stop half-way.",
        "Nearly all": "Yes, you will see. It learns them by heart. A training accuracy of 100 % proves nothing.",
    },
    answer="Nearly all",
)

# %% [markdown]
# ## A net that learns by heart
#
# The images are prepared as in chapter 06: 14×14 pixels, centred and scaled. As there, we train several nets at once, so that we always have a mean and a spread. The function below has switches for most of this chapter. You need not understand it now; come back when a switch is explained.

# %%
clothes = data.load_fashion_mnist()
pixels = F.avg_pool2d(torch.from_numpy(clothes.train_images).float()[:, None], 2).flatten(1)
labels = torch.from_numpy(clothes.train_labels)
centre, spread = pixels[:8000].mean(0), pixels[:8000].std(0) + 10
images = (pixels - centre) / spread
few, validation = (images[:300], labels[:300]), (images[8000:], labels[8000:])


def outputs(weights, x):
    """Logits (nets, images, 10) of all nets for images (images, 196)."""
    w1, b1, w2, b2 = weights
    return torch.relu(x @ w1 + b1) @ w2 + b2


def train_nets(nets=6, *, data=few, steps=400, rate=2e-3, drop=0.0, decay=0.0, smoothing=0.0, augment=None, hidden=100, batch=50, seed=0, look=None):
    """Train `nets` nets of 196-hidden-10 units at once with AdamW; return their weights.

    drop, decay, smoothing: one number, or one a net. augment(x, generator): new versions of images (batch, 196). look(step, weights): called before each step.
    """
    generator = torch.Generator().manual_seed(seed)
    inputs, targets = data
    drop, decay, smoothing = (torch.as_tensor(np.broadcast_to(v, nets).copy(), dtype=torch.float32).reshape(-1, 1, 1) for v in (drop, decay, smoothing))
    w1 = torch.randn(nets, 196, hidden, generator=generator) * (2 / 196) ** 0.5
    w2 = torch.randn(nets, hidden, 10, generator=generator) * (2 / hidden) ** 0.5
    weights = [w1, torch.zeros(nets, 1, hidden), w2, torch.zeros(nets, 1, 10)]
    first, second = [[torch.zeros_like(w) for w in weights] for _ in range(2)]
    for step in range(1, steps + 1):
        if look:
            look(step, weights)
        rows = torch.randint(0, len(targets), (batch,), generator=generator)
        x = augment(inputs[rows], generator) if augment else inputs[rows]
        for w in weights:
            w.requires_grad_()
        h = torch.relu(x @ weights[0] + weights[1])
        if (drop > 0).any():
            h = h * (torch.rand(h.shape, generator=generator) >= drop) / (1 - drop)
        log_p = F.log_softmax(h @ weights[2] + weights[3], dim=-1)
        target = (1 - smoothing) * F.one_hot(targets[rows], 10) + smoothing / 10
        gradients = torch.autograd.grad(-(target * log_p).sum(-1).mean(1).sum(), weights)
        with torch.no_grad():
            for i, (w, g) in enumerate(zip(weights, gradients, strict=True)):
                first[i] = 0.9 * first[i] + 0.1 * g
                second[i] = 0.999 * second[i] + 0.001 * g**2
                move = first[i] / (1 - 0.9**step) / ((second[i] / (1 - 0.999**step)).sqrt() + 1e-8)
                pull = decay * w if i in (0, 2) else 0
                weights[i] = w.detach() - rate * (move + pull)
    return weights


def measure(weights, data):
    """(loss, accuracy in %) of each net, two arrays (nets,)."""
    with torch.no_grad():
        logits = outputs(weights, data[0])
        loss = F.cross_entropy(logits.transpose(1, 2), data[1].expand(len(logits), -1), reduction="none").mean(1)
        return loss.numpy(), 100 * (logits.argmax(-1) == data[1]).float().mean(-1).numpy()


def told(values, digits=1):
    """mean ± standard deviation, as text"""
    return f"{values.mean():.{digits}f} ± {values.std(ddof=1):.{digits}f}"


# %%
random_labels = torch.randint(0, 10, (300,), generator=torch.Generator().manual_seed(1))
by_heart = train_nets(data=(few[0], random_labels), steps=800)
print("parameters of one net:", 196 * 100 + 100 + 100 * 10 + 10)
print("random labels, the 300 training images:", told(measure(by_heart, (few[0], random_labels))[1]), "%")
print("the same nets asked for the true classes of new images:", told(measure(by_heart, validation)[1]), "%")

# %% [markdown]
# So a net *can* learn by heart. **Overfitting** means that it does so with true labels as well: it remembers the training images, specks and all, instead of what they have in common. You see it in the **gap** between training and validation. More images close the gap:

# %%
sizes = (100, 300, 1000, 3000, 8000)
grown = [train_nets(data=(images[:n], labels[:n]), steps=500) for n in sizes]
on_training = [measure(w, (images[:n], labels[:n]))[1] for w, n in zip(grown, sizes, strict=True)]
on_validation = [measure(w, validation)[1] for w in grown]
fig, ax = plt.subplots(figsize=(8, 3.3))
for values, name, colour, marker in ((on_training, "training", "blue", "o"), (on_validation, "validation", "vermillion", "s")):
    ax.errorbar(sizes, [v.mean() for v in values], [v.std(ddof=1) for v in values], color=plots.PALETTE[colour], marker=marker, capsize=3, label=name)
ax.set_xscale("log")
ax.set_xticks(sizes, [f"{n:,}" for n in sizes])
ax.minorticks_off()
ax.set_xlabel("training images")
ax.set_ylabel("accuracy in %")
ax.grid(axis="y")
ax.legend()
plots.show(
    fig,
    alt="Accuracy against the number of training images. " + f"Training: {on_training[0].mean():.0f} % for the fewest images, {on_training[-1].mean():.0f} % for the most. Validation: {on_validation[0].mean():.0f} % and {on_validation[-1].mean():.0f} %. " + "; ".join(f"{n:,}: gap {a.mean() - b.mean():.0f} points" for n, a, b in zip(sizes, on_training, on_validation, strict=True)) + ".",
)
for n, a, b in zip(sizes, on_training, on_validation, strict=True):
    print(f"{n:5,} images: training {told(a)} %, validation {told(b)} %, gap {told(a - b)}")

# %% [markdown]
# The training accuracy falls, because 500 steps show each of 8,000 images only about three times. From 3,000 images on these few steps are the limit, and no longer the images.
#
# More data is the best regulariser. All others are for the case that you have no more. In the rest of this chapter, we have 300 images, and try to make the most of them.
#
# ## Weight decay
#
# Large weights make sharp decisions out of small differences. **Weight decay** pulls every weight a little towards zero in each step. There are two ways to write it down. As a penalty in the loss (**L2**), its gradient is $\lambda w$:
#
# $$L + \tfrac{\lambda}{2} \lVert w \rVert^2 \qquad\Rightarrow\qquad g \leftarrow g + \lambda w$$
#
# Or **decoupled**, as a shrinking of the weights, apart from the gradient:
#
# $$w \leftarrow w - \eta\,(\text{step}) - \eta \lambda w$$
#
# For SGD these are the same. For Adam they are not. Adam divides the gradient by its usual size. If $\lambda w$ goes through this division as well, a weight with large gradients is hardly pulled at all. AdamW keeps the pull apart. Look at the first step of a weight $w = 1$, with $\eta = 0.1$, $\lambda = 0.1$, once with a small and once with a large gradient:

# %%
for gradient in (0.01, 100.0):
    moved = {}
    for name, optimizer in {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam, "AdamW": torch.optim.AdamW}.items():
        ends = []
        for decay in (0.0, 0.1):
            w = torch.ones(1, dtype=torch.float64, requires_grad=True)
            step = optimizer([w], lr=0.1, weight_decay=decay)
            w.grad = torch.full((1,), gradient, dtype=torch.float64)
            step.step()
            ends.append(w.item())
        moved[name] = ends[0] - ends[1]
    print(f"gradient {gradient:6}: how much further weight decay moved w: " + ", ".join(f"{n} {abs(m):.5f}" for n, m in moved.items()))

# %% [markdown]
# SGD and AdamW pull by $\eta\lambda w = 0.01$, whatever the gradient. In plain Adam, the pull goes into the average and is divided away: in the first step, nothing is left of it.
#
# Biases, and the scale and shift of normalisation layers, are usually left out of weight decay: they make no sharp decisions.
#
# What does it buy? Six nets for each strength:

# %%
strengths = (0, 0.03, 0.1, 0.3, 1, 3)
decayed = train_nets(36, decay=np.repeat(strengths, 6))
print("λ         mean |w|   training     validation    gap      validation loss")
for i, strength in enumerate(strengths):
    weights = [w[6 * i : 6 * i + 6] for w in decayed]
    (_, train_acc), (loss, acc) = measure(weights, few), measure(weights, validation)
    print(f"{strength:<8} {weights[0].abs().mean():9.3f}   {told(train_acc)}   {told(acc)}    {(train_acc - acc).mean():4.1f}   {told(loss, 2)}")

# %% [markdown]
# The weights get smaller, and the validation loss gets better, step by step. The accuracy hardly moves: the same answers, given with less exaggeration. The right strength depends on the net, the images and the learning rate, so it is one of the numbers to search for (chapter 06).
#
# ## Dropout
#
# In training, **drop** each hidden value with probability $p$: set it to zero. Do this anew for every image and every step. A unit can then no longer rely on one certain other unit. What it has learned must be of use in many different company.
#
# In use, all units are there. Then their sum would be larger than in training. **Inverted dropout** makes up for it in training already: what is left is multiplied by $1/(1-p)$. The average stays the same, and a net in use needs no change at all.

# %%
dropout_masks(p=0.5)

# %% [markdown]
# 1. Press **Play**. Each dot is the output with one mask. Where does their mean go?
# 2. Take away the tick at "scale". Where does it go now?
# 3. Choose the mode "test". Which units are dropped?
#
# Now write it. `h` are the hidden values, `rng` draws random numbers. Break it (without the scaling; with `< p` in place of `>= p`) and read what the widget says.


# %%
def dropout(h, p, rng):
    mask = rng.random(h.shape) >= p
    return h * mask / (1 - p)


dropout_masks(p=0.3, function=dropout)

# %% [markdown]
# The backward pass sends the gradient through the same mask: `dh = dout * mask / (1 - p)`. A dropped unit gets no gradient in this step. In PyTorch, `nn.Dropout` does both. And `model.train()` and `model.eval()` switch it on and off. Forgetting `eval()` is a classic mistake: predictions then change from call to call.

# %%
torch.manual_seed(0)
layer = nn.Dropout(p=0.5)
h = torch.ones(1, 8)
layer.train()
print("training:", layer(h).tolist()[0], "\nagain:   ", layer(h).tolist()[0])
layer.eval()
print("in use:  ", layer(h).tolist()[0])

# %%
predict(
    "A layer has 100 units with the value 1, p = 0.2, inverted dropout. What is the expected sum of the outputs in training?",
    answer=100,
    tolerance=0.01,
    explain="80 units are left on average, and each is 1/(1 − 0.2) = 1.25. 80 · 1.25 = 100, the same as without dropout. That is what the scaling is for.",
    hint="How many units are left on average, and which value does each have?",
)

# %% [markdown]
# ### Does it narrow the gap?
#
# The claim is: with dropout, training and validation come closer. Eight nets for each p, on the 300 images. We look at accuracies, and at losses, which see more.

# %%
chances = (0, 0.25, 0.5, 0.75)
dropped = train_nets(32, drop=np.repeat(chances, 8), steps=500)
results = {}
for i, p in enumerate(chances):
    weights = [w[8 * i : 8 * i + 8] for w in dropped]
    results[p] = (*measure(weights, few), *measure(weights, validation))

fig, axes = plt.subplots(1, 2, figsize=(8, 3.4))
for ax, (inside, outside), title in ((axes[0], (1, 3), "accuracy in %"), (axes[1], (0, 2), "loss")):
    for which, name, colour, marker in ((inside, "training", "blue", "o"), (outside, "validation", "vermillion", "s")):
        values = np.array([results[p][which] for p in chances])
        ax.errorbar(chances, values.mean(1), values.std(1, ddof=1), color=plots.PALETTE[colour], marker=marker, capsize=3, label=name)
    ax.set_title(title)
    ax.set_xlabel("p")
    ax.set_xticks(chances)
    ax.grid(axis="y")
axes[0].legend()
gaps = {p: (r[1] - r[3], r[2] - r[0]) for p, r in results.items()}
plots.show(
    fig,
    alt="Accuracy and loss in training and validation against p, with bars of one standard deviation over 8 nets. " + "; ".join(f"p = {p}: gap of the loss {told(g[1], 2)}" for p, g in gaps.items()) + ".",
)
for p, r in results.items():
    print(f"p = {p:4}: training {told(r[1])} %, validation {told(r[3])} %; loss {told(r[0], 3)} and {told(r[2], 2)}; gap of the loss {told(gaps[p][1], 2)}, of the accuracy {told(gaps[p][0])}")

# %% [markdown]
# With p = 0.5 and 0.75 the gap of the loss is clearly narrower than without dropout: the difference is several times the spread. With p = 0.25 it hardly shows. But look at the accuracy before you call it a victory. There, the gain is about as small as the spread. A narrow gap is not the aim in itself:
# with too large a p, it closes because the training gets worse.
#
# ### An ensemble in one net
#
# With 100 hidden units there are $2^{100}$ masks: that many thinned-out nets, which share their weights. Dropout trains a few of them a little. The net in use, with all units, stands for their average. Is this true? We compare it with the real average over 100 masks.

# %%
weights = [w[16:24] for w in dropped]
generator = torch.Generator().manual_seed(0)
with torch.no_grad():
    h = torch.relu(validation[0] @ weights[0] + weights[1])
    single, total = [], 0
    for _ in range(100):
        thinned = h * (torch.rand(h.shape, generator=generator) >= 0.5) * 2
        probabilities = F.softmax(thinned @ weights[2] + weights[3], dim=-1)
        single.append(100 * (probabilities.argmax(-1) == validation[1]).float().mean(-1).numpy())
        total = total + probabilities
    average = 100 * (total.argmax(-1) == validation[1]).float().mean(-1).numpy()
print("one thinned-out net:        ", told(np.array(single).mean(0)), "%")
print("mean of 100 thinned-out nets:", told(average), "%")
print("all units, no dropout:      ", told(measure(weights, validation)[1]), "%")

# %% [markdown]
# AlexNet used dropout with p = 0.5 in its two large fully connected layers. Today's nets have global average pooling in their place, and use dropout seldom in convolutions: there, neighbouring values are alike, so a dropped one is easily guessed.
#
# ## Data augmentation
#
# You have no more images? Make some. A photo that is flipped, shifted, turned a little or darkened is still the same thing. The pixels are all different, though, so it cannot be learnt by heart. The usual ones are horizontal flips, random crops, rotations, changes of colour and of geometry.

# %%
augmentation_playground()

# %% [markdown]
# Play until *you* would no longer give the photo the same label. This is the only rule: **an augmentation must keep the label**. A cat in the mirror is a cat. A "b" in the mirror is a "d". A 6 that is turned by 180° is a 9.
#
# Write your own. It gets an image (H×W×3, 0 to 1) and must not change it, for the next epoch needs the original.


# %%
def augment(image, rng):
    height, width, _ = image.shape
    if rng.random() < 0.5:
        image = image[:, ::-1]
    padded = np.pad(image, ((12, 12), (12, 12), (0, 0)), mode="edge")
    top, left = rng.integers(0, 25, 2)
    cropped = padded[top : top + height, left : left + width]
    return np.clip(cropped * rng.uniform(0.6, 1.4), 0, 1)


augmentation_playground(function=augment)

# %% [markdown]
# What does it buy? The 300 images again. We compare: nothing; shifts by up to 2 pixels (of 14); flips left to right; both; and flips upside down. And we ask twice. First on the validation images as they are: every piece of clothing stands upright in the middle. Then on the same images **shifted** by up to 2 pixels, as from a camera that nobody
# aimed well. Before you run it: which augmentation helps where, and which one will hurt?


# %%
def shift(x, generator):
    """Each image (196,) moved by -2 … 2 pixels in both directions; what comes in from outside is a copy of the border."""
    padded = F.pad(x.view(-1, 1, 14, 14), (2, 2, 2, 2), mode="replicate")[:, 0]
    top, left = torch.randint(0, 5, (2, len(x), 1, 1), generator=generator)
    side = torch.arange(14)
    return padded[torch.arange(len(x))[:, None, None], top + side[:, None], left + side].flatten(1)


def flip(x, generator, axis=2):
    squares = x.view(-1, 14, 14)
    return torch.where(torch.rand(len(x), 1, 1, generator=generator) < 0.5, squares.flip(axis), squares).flatten(1)


ways = {
    "nothing": None,
    "shift": shift,
    "flip": flip,
    "shift and flip": lambda x, generator: flip(shift(x, generator), generator),
    "upside down": lambda x, generator: flip(x, generator, axis=1),
}
shifted = shift(validation[0], torch.Generator().manual_seed(9)), validation[1]
augmented = {}
print("trained with       validation as it is     shifted")
for name, way in ways.items():
    weights = train_nets(6, augment=way, steps=500)
    augmented[name] = measure(weights, validation)[1], measure(weights, shifted)[1]
    print(f"{name:15} {told(augmented[name][0]):>19} % {told(augmented[name][1]):>14} %")

# %%
fig, ax = plt.subplots(figsize=(8, 3.2))
for side, (name, colour, marker) in enumerate((("as it is", "blue", "o"), ("shifted", "vermillion", "s"))):
    for place, found in enumerate(augmented.values()):
        ax.plot(place + 0.3 * side - 0.15 + np.linspace(-0.06, 0.06, 6), found[side], marker, color=plots.PALETTE[colour], alpha=0.7, label=name if place == 0 else None)
ax.set_xticks(range(len(augmented)), augmented)
ax.set_xlabel("trained with")
ax.set_ylabel("accuracy in %")
ax.grid(axis="y")
ax.legend(bbox_to_anchor=(1, 1), loc="upper left")
plots.show(fig, alt="Accuracy of 6 nets for each augmentation. " + "; ".join(f"{n}: {told(a)} % on the images as they are, {told(b)} % on shifted ones" for n, (a, b) in augmented.items()) + ".")

# %% [markdown]
# On the images as they are, shifts *cost* accuracy: all of them are neatly centred, so the net spends its effort on something that is never asked. On the shifted images it is the other way round: the plain net breaks down, and the one that has seen shifts holds. Upside-down clothes keep their label, too, but
# occur in neither of the two: nothing is gained.
#
# So an augmentation should show what **can happen in use**. And it makes the task harder: a net with augmentation needs longer training, or more units. (A convolutional net with pooling bears shifts better from the start: chapter 03.)
#
# ## Softer labels, averages, ensembles
#
# **Label smoothing.** The loss is only satisfied when the right class gets probability 1. The net then makes its logits larger and larger. Label smoothing aims lower: with $C$ classes and $\varepsilon = 0.1$, the right class should get $1 - \varepsilon + \varepsilon/C$ and each of the others $\varepsilon/C$.

# %%
predict(
    "Ten classes, ε = 0.1. Which target does the right class get?",
    answer=0.91,
    tolerance=0.0005,
    explain="1 − 0.1 + 0.1/10 = 0.91, and each of the other nine gets 0.01. Together: 0.91 + 9·0.01 = 1.",
    hint="1 − ε + ε/C",
)

# %%
logits, right = torch.tensor([[2.0, -1.0, 0.5], [0.0, 1.0, 3.0]], dtype=torch.float64), torch.tensor([0, 1])
target = 0.9 * np.eye(3)[right] + 0.1 / 3
p = np.exp(logits.numpy()) / np.exp(logits.numpy()).sum(axis=1, keepdims=True)
print("by hand:", -(target * np.log(p)).sum(axis=1).mean().round(6))
print("PyTorch:", F.cross_entropy(logits, right, label_smoothing=0.1).item().__round__(6))

# %% [markdown]
# **Averaged weights (EMA).** The weights jitter from batch to batch. An *exponential moving average* follows them slowly: $\bar w \leftarrow 0.98\, \bar w + 0.02\, w$ after every step. You train with $w$ and use $\bar w$.
#
# **Ensembles.** Train several nets from different first weights and average their probabilities. Where they make different mistakes, the average forgives them. It costs as many times the work.
#
# All on the 300 images, 8 nets each:

# %%
moving = []


def follow(step, weights):
    if step == 1:
        moving[:] = [w.clone() for w in weights]
    else:
        moving[:] = [0.98 * m + 0.02 * w.detach() for m, w in zip(moving, weights, strict=True)]


plain = train_nets(8, steps=500, look=follow)
smooth = train_nets(8, steps=500, smoothing=0.1)


def confidence(weights):
    with torch.no_grad():
        return 100 * F.softmax(outputs(weights, validation[0]), -1).amax(-1).mean(-1).numpy()


for name, weights in (("plain", plain), ("label smoothing", smooth), ("EMA of plain", moving)):
    loss, acc = measure(weights, validation)
    print(f"{name:16} validation {told(acc)} %, loss {told(loss, 2)}, mean confidence {told(confidence(weights))} %")
with torch.no_grad():
    together = F.softmax(outputs(plain, validation[0]), -1)
print("\nmembers of the ensemble      accuracy")
for members in (1, 2, 4, 8):
    groups = together.view(8 // members, members, -1, 10).mean(1)
    acc = 100 * (groups.argmax(-1) == validation[1]).float().mean(-1).numpy()
    print(f"{members:23}      {acc.mean():.1f} %" + ("" if members == 8 else f"  (mean of {len(acc)} groups)"))

# %% [markdown]
# Confidence is the probability that the net gives its answer. It should be about as high as the accuracy. The plain nets believe in themselves too much. Label smoothing brings this down, and with it the loss, though not the number of mistakes. The ensemble gains little here: all its members learned from the same 300 images
# and err on the same new ones.
#
# A famous ensemble: a single AlexNet had a top-5 error of 18.2 % on ImageNet, seven nets together 15.3 %. (Read the small print: 18.2 % was measured on the validation images, 15.3 % on the test images, and two of the seven had been trained on more images before. Five plain AlexNets reached 16.4 %.)
#
# ## Stochastic depth
#
# Dropout for whole layers. Very deep nets (chapter 12) consist of blocks that add something to what comes in: $x + f(x)$. In training, each block is left out with some probability: then only $x$ passes. In use, all blocks are there, and $f$ is scaled by the probability that it was kept. Early blocks are kept
# nearly always, the last one with probability 0.5, the others in a straight line between.


# %%
def residual(x, f, keep, rng=None):
    """x + f(x) with stochastic depth: in training (with an rng) f is there with probability keep; in use it is scaled."""
    if rng is None:
        return x + keep * f(x)
    return x + f(x) if rng.random() < keep else x


rng = np.random.default_rng(0)
in_training = np.mean([residual(1.0, lambda x: 0.5 * x, 0.8, rng) for _ in range(20_000)])
print(f"one block: mean in training {in_training:.3f}, in use {residual(1.0, lambda x: 0.5 * x, 0.8):.3f}")
blocks = 54
kept = 1 - np.arange(1, blocks + 1) / blocks * 0.5
print(f"a net of {blocks} blocks trains with {kept.sum():.2f} of them on average: {1 - kept.sum() / blocks:.0%} of the work is saved")

# %% [markdown]
# ## All together
#
# Do the gains add up? We combine what does no harm to images as they are, for our 300 images.

# %%
recipes = {
    "plain": {},
    "+ dropout 0.5": {"drop": 0.5},
    "+ flips": {"drop": 0.5, "augment": flip},
    "+ weight decay 1": {"drop": 0.5, "augment": flip, "decay": 1.0},
    "+ label smoothing": {"drop": 0.5, "augment": flip, "decay": 1.0, "smoothing": 0.1},
}
print("                     training        validation      gap    validation loss")
for name, settings in recipes.items():
    weights = train_nets(6, steps=500, seed=5, **settings)
    (_, inside), (loss, outside) = measure(weights, few), measure(weights, validation)
    print(f"{name:20} {told(inside)} %    {told(outside)} %    {(inside - outside).mean():4.1f}   {told(loss, 2)}")

# %% [markdown]
# Read the columns one by one. The gap gets narrower and the loss better, most of all with weight decay. Label smoothing at the end adds nothing here. The accuracy gains a little at most. No trick here replaces images: 1,000 of them, in the first figure of this chapter, did far more than all of these together.
#
# For comparison, a large study with a ResNet-200 on ImageNet, one change after the other (Bello and others, 2021, top-1 accuracy in points):
#
# | change | gain |
# |---|---|
# | averaged weights (EMA) | +0.3 |
# | label smoothing | +1.3 |
# | stochastic depth | +0.2 |
# | stronger augmentation (RandAugment) | +0.4 |
# | dropout before the last layer | −0.3 |
# | less weight decay | +1.5 |
#
# Two lessons. Dropout *cost* something at the moment it was added. And *less* weight decay brought most: with so many regularisers together, the old strength was too much. Regularisers are not free and do not simply add up. Measure them together.
#
# ## Check yourself

# %%
question(
    "Training accuracy 72 %, validation accuracy 71 %. You hoped for 85 %. What helps?",
    {
        "More dropout": "There is no gap to close. Dropout would push the training accuracy down further.",
        "More weight decay": "It fights overfitting. This net does not even fit its training images.",
        "A larger net, longer training or a better learning rate": "Yes. This is underfitting: first make the training accuracy good, then fight the gap.",
        "More augmentation": "It makes the task harder. The net cannot even do the easy version.",
    },
    answer="A larger net, longer training or a better learning rate",
)

# %%
question(
    "In training the loss is fine. In use, the same image gets another answer each time. What is wrong?",
    {
        "model.eval() was forgotten": "Yes. Dropout is still active, so each call draws another mask.",
        "The learning rate is too high": "Nothing is learned in use: the weights stay as they are.",
        "p is too small": "However small p is: in use, no unit may be dropped.",
        "The images were not shuffled": "The order of images plays no role in use (with dropout switched off).",
    },
    answer="model.eval() was forgotten",
)

# %%
question(
    "You build a reader for traffic signs. Which augmentation is a bad idea?",
    {
        "Brightness": "Signs are seen by day and by night. A good one.",
        "Small shifts and rotations": "The camera moves. A good one.",
        "Horizontal flips": "Yes, this one. A flipped “turn left” says “turn right”: the label changes.",
        "A little blur": "The car moves. A good one.",
    },
    answer="Horizontal flips",
)

# %%
predict(
    "Dropout with p = 0.25: by which number are the values that are left multiplied in training?",
    answer=4 / 3,
    tolerance=0.006,
    explain="1/(1 − 0.25) = 1.333…: three of four are left, so each counts 4/3.",
    hint="1/(1 − p)",
)

# %% [markdown]
# ## What this leads to
#
# - **Assignment 04**: dropout forward and backward, augmentation, label smoothing and decoupled weight decay, in NumPy.
# - **Lab 02** asks what batch normalisation, dropout and augmentation buy for a convolutional net, alone and together.
# - **Chapter 12** builds the blocks that stochastic depth leaves out.
#
# ## Sources
#
# - C. Zhang and others, *Understanding deep learning requires rethinking generalization*, ICLR 2017: random labels.
# - N. Srivastava and others, *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*, JMLR 2014.
# - I. Loshchilov and F. Hutter, *Decoupled Weight Decay Regularization*, ICLR 2019: AdamW.
# - A. Krizhevsky, I. Sutskever, G. Hinton, *ImageNet Classification with Deep Convolutional Neural Networks*, NeurIPS 2012.
# - C. Szegedy and others, *Rethinking the Inception Architecture for Computer Vision*, CVPR 2016: label smoothing.
# - G. Huang and others, *Deep Networks with Stochastic Depth*, ECCV 2016.
# - I. Bello and others, *Revisiting ResNets: Improved Training and Scaling Strategies*, 2021, arXiv:2103.07579.
