# ---
# jupyter:
#   convnets:
#     minutes: 80
#     budget_seconds: 180
#     needs: [02_convolution_arithmetic, 03_activations_and_pooling, 04_backpropagation, 06_optimization]
#     summary: The net of 1998, piece by piece and to the last of its 60,000 parameters; draw a digit and watch every layer follow
# ---

# %% [markdown]
# # LeNet
#
# In 1998 a net of 60,000 parameters read the digits on bank cheques. Nearly everything in it is still in use. In this chapter you take it apart.
#
# **When you have worked through this chapter, you can**
#
# - write down every size in LeNet-5, and count its parameters and connections;
# - recognise the pattern [convolution, activation, pooling] × N, flatten, fully connected × M in other nets;
# - build the four pieces that have gone out of fashion, and measure what their successors buy;
# - see what each layer answers to something that you draw;
# - turn a fully connected layer into a convolution, and let a net read a whole row of digits;
# - check a table on a slide, and find what is wrong with it.
#
# **Time:** about 80 minutes. **Needs:** chapters 02, 03, 04 and 06.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from convnets import data, plots
from convnets.arithmetic import layer_table
from convnets.widgets import architecture_table, lenet_drawing, predict, question

# %% [markdown]
# ## Before you run anything
#
# An image of 32×32 pixels goes in. A convolution makes 6 maps of 28×28 out of it, pooling shrinks them to 14×14. A second convolution makes 16 maps of 10×10, pooling shrinks those to 5×5. Then come layers of 120, 84 and 10 units, each fully connected to the one before.

# %%
question(
    "Which layer holds most of the 60,000 parameters?",
    {
        "The first convolution, 1 to 6 maps": "It has 6 filters of 5·5 weights and a bias each: 156 in all. It is one of the smallest, though it gives the largest output.",
        "The second convolution, 6 to 16 maps": "Even if each of its maps reads all six, it has 16·(6·25 + 1) = 2,416.",
        "The layer with 120 units": "Yes. Each of its 120 units reads all 16·5·5 = 400 numbers: 120·(400 + 1) = 48,120, four fifths of the whole net.",
        "The last layer, with 10 units": "10·(84 + 1) = 850. Small: there is little left to read.",
    },
    answer="The layer with 120 units",
)

# %% [markdown]
# ## Digits to learn from
#
# LeNet-5 was made for handwritten digits. The set of that time, **MNIST**, is still around: 60,000 digits to learn from and 10,000 to test, grey, 28×28 pixels, the digit about 20 pixels high and in the middle. The course does not bring MNIST. It brings a machine with an unsteady hand instead. It writes each digit in one of
# two or three ways, bends it, slants it, and draws it with a round pen.

# %%
digit_images, digit_labels = data.drawn_digits(6000, seed=0)
test_digits, test_digit_labels = data.drawn_digits(1000, seed=1)
shown = [i for digit in range(10) for i in np.flatnonzero(digit_labels == digit)[:3]]
shown = [shown[3 * digit + row] for row in range(3) for digit in range(10)]
plots.show(
    plots.image_grid(digit_images[shown], titles=[str(digit_labels[i]) for i in shown[:10]] + [""] * 20, columns=10),
    alt="Three rows of the digits 0 to 9, white on black, as if drawn with a felt pen by different hands.",
)
print(f"{len(digit_images):,} images of {digit_images.shape[1]}×{digit_images.shape[2]}, {len(test_digits):,} more to test")

# %% [markdown]
# And here is the net, in today's spelling: ReLU, max pooling, and ten logits at the end. We put two pixels of black around each image, so that it has 32×32, as in 1998. (You will see why.)


# %%
def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, kernel_size=5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(),
        nn.Linear(120, 84), nn.ReLU(),
        nn.Linear(84, 10),
    )  # fmt: skip


def to_inputs(images, mean, std):
    """uint8 images (N, 28, 28) to float tensors (N, 1, 32, 32): scaled, with two pixels of background all around."""
    pixels = F.pad(torch.from_numpy(images).float()[:, None] / 255, (2, 2, 2, 2))
    return (pixels - mean) / std


def train(net, images, labels, epochs, seed=0, rate=1e-3, loss=F.cross_entropy):
    """Adam, batches of 64, the rate falling to zero in a straight line."""
    generator, batch = torch.Generator().manual_seed(seed), 64
    optimizer = torch.optim.Adam(net.parameters(), lr=rate)
    steps = epochs * -(-len(labels) // batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    for _ in range(epochs):
        for rows in torch.randperm(len(labels), generator=generator).split(batch):
            error = loss(net(images[rows]), labels[rows])
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
            schedule.step()
    return net


def accuracy(net, images, labels):
    """Share of right answers in %."""
    with torch.no_grad():
        return 100 * (net(images).argmax(1) == labels).float().mean().item()


MEAN, STD = 0.1, 0.3
digits, test_digit_inputs = to_inputs(digit_images, MEAN, STD), to_inputs(test_digits, MEAN, STD)
torch.manual_seed(0)
reader = train(lenet(), digits, torch.from_numpy(digit_labels), epochs=5)
print(f"{sum(p.numel() for p in reader.parameters()):,} parameters, {accuracy(reader, test_digit_inputs, torch.from_numpy(test_digit_labels)):.1f} % of 1,000 new digits are right")

# %% [markdown]
# The new digits come from the same machine, so this is an easy test. Here is a hard one: **you**.

# %%
lenet_drawing(reader, mean=MEAN, std=STD, samples={f"a {digit}": test_digits[np.flatnonzero(test_digit_labels == digit)[0]] for digit in (3, 0, 1, 2, 4, 5, 6, 7, 8, 9)})

# %% [markdown]
# Draw with the mouse, a finger or the keys. Every map is computed anew at each move of the pen, right here in the page.
#
# 1. Clear the board and draw a 7, slowly. At which moment does the answer change?
# 2. Look at C1. Which map answers to edges on the left, which to edges on the right, which to the top of a line?
# 3. Press the **move** arrows, ten times to the right. The maps of C1 move along. S2 moves by one only after two pixels. When does the answer break down? The net has never seen a digit so far from the middle.
# 4. Click a value in C1, in C3, in S4. The orange frame shows which pixels it sees.
# 5. Draw a letter, or a face. What does the net say, and how sure is it? It has no way to answer "none of them".
# 6. Turn an 8 into a 3 with the eraser. How little must go?
#
# ## The pattern
#
# What you have just watched is the pattern of nearly all image classifiers from 1998 to about 2014:
#
# $$[\text{convolution} \to \text{activation} \to \text{pooling}] \times N \;\to\; \text{flatten} \;\to\; [\text{fully connected} \to \text{activation}] \times M \;\to\; \text{fully connected}$$
#
# The maps get smaller and more numerous. Each value sees more and more of the image, and says less and less about *where* something is. At the end, there are just numbers.

# %%
shapes = [(1, 32, 32), (6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120,), (84,), (10,)]
plots.show(
    plots.shapes_diagram(shapes, labels=["input", "C1", "S2", "C3", "S4", "C5", "F6", "output"]),
    alt="LeNet-5 as boxes: input 1×32×32, C1 6×28×28, S2 6×14×14, C3 16×10×10, S4 16×5×5, then layers of 120, 84 and 10 units.",
)

# %%
architecture_table(lenet(), (1, 32, 32))

# %% [markdown]
# C stands for convolution, S for subsampling (today: pooling), F for fully connected; the numbers count all of them. Sort the table by parameters, then by multiply-adds. The convolutions have few weights and use each of them many times. And look at the column of receptive fields: 5, 6, 14, 16.

# %%
predict(
    "The middle of the image: is it seen by more values of C1 than its corner? A pixel in the middle is read by 25 windows of one 5×5 filter. By how many is the pixel in the corner read?",
    answer=1,
    explain="Only by the first window. What lies at the border has little say. LeNet-5 got digits of 20×20 pixels on a board of 32×32, so ends and corners of the strokes come to lie where many windows see them.",
    unit="windows",
    hint="There is no padding. Which windows hold the pixel in row 0, column 0?",
)

# %% [markdown]
# That is why the image has 32 pixels a side although the digit has only 20: the telling places, ends and corners of strokes, should be able to appear in the *middle* of what the highest feature detectors see. One value of C3 sees 14×14 pixels.
#
# ## A dozen lines of NumPy
#
# The whole net in use. Two convolutions with ReLU and max pooling, then three matrix products. `parameters` are the ten arrays that PyTorch has trained.


# %%
def forward(x, parameters):
    pairs = list(zip(parameters[::2], parameters[1::2], strict=True))
    for w, b in pairs[:2]:
        windows = np.lib.stride_tricks.sliding_window_view(x, (5, 5), axis=(2, 3))
        x = np.einsum("nchwij,fcij->nfhw", windows, w) + b[:, None, None]
        n, c, height, width = x.shape
        x = np.maximum(x, 0).reshape(n, c, height // 2, 2, width // 2, 2).max(axis=(3, 5))
    x = x.reshape(len(x), -1)
    for w, b in pairs[2:-1]:
        x = np.maximum(x @ w.T + b, 0)
    w, b = pairs[-1]
    return x @ w.T + b


# %% [markdown]
# ### The same in PyTorch

# %%
parameters = [p.detach().numpy() for p in reader.parameters()]
ours = forward(test_digit_inputs[:100].numpy(), parameters)
with torch.no_grad():
    theirs = reader(test_digit_inputs[:100]).numpy()
print(f"100 images, logits from {theirs.min():.1f} to {theirs.max():.1f}; largest difference {np.abs(ours - theirs).max():.0e}")

# %% [markdown]
# ## A wardrobe
#
# Nothing in LeNet knows that it reads digits. The course ships 10,000 pictures of clothes of the same size (Fashion-MNIST). We train the same net on them, and give the board to *your* forward pass as well: while you draw, the widget asks `my_forward` and compares.

# %%
clothes = data.load_fashion_mnist()
mean, std = clothes.train_images.mean() / 255, clothes.train_images.std() / 255
garments, test_garments = (to_inputs(images, mean, std) for images in (clothes.train_images, clothes.test_images))
labels, test_labels = torch.from_numpy(clothes.train_labels), torch.from_numpy(clothes.test_labels)
torch.manual_seed(0)
tailor = train(lenet(), garments, labels, epochs=4, rate=2e-3)
print(f"test accuracy on clothes: {accuracy(tailor, test_garments, test_labels):.1f} %")
tailor_parameters = [p.detach().numpy() for p in tailor.parameters()]


def my_forward(x):
    return forward(x, tailor_parameters)


wardrobe = {clothes.classes[k]: clothes.test_images[np.flatnonzero(clothes.test_labels == k)[1]] for k in (0, 3, 4, 7, 8, 9)}
lenet_drawing(tailor, clothes.classes, mean=mean, std=std, samples=wardrobe, function=my_forward)

# %% [markdown]
# 1. Take the T-shirt and erase its sleeves, one after the other. What does it become?
# 2. Clear the board and draw the outline of a bag. Then fill it in with a thick pen. The net was trained on filled shapes: lines alone mean little to it.
# 3. Break `forward` (leave out a ReLU, or use the mean in place of the maximum), run its cell and the one above again, and read what the widget says.
#
# ## The net of 1998
#
# Now the original. Four things were different. We build each of them.
#
# | piece | 1998 | today |
# |---|---|---|
# | activation | scaled tanh | ReLU |
# | S2, S4 | sum of four, times a trainable coefficient, plus a bias, squashed | maximum of four |
# | C3 | each map reads 3, 4 or all 6 maps of S2 | each map reads all |
# | output | distance to ten fixed pictures | ten logits, softmax |
#
# ### The input
#
# The paper sets paper to −0.1 and ink to 1.175, so that inputs have a mean of about 0, and, as it says, a variance of about 1. Is that so? Let us look at it with our digits, and with clothes.

# %%
for name, images in (("digits", digit_images), ("clothes", clothes.train_images)):
    values = 1.275 * F.pad(torch.from_numpy(images).double() / 255, (2, 2, 2, 2)) - 0.1
    print(f"{name:8} mean {values.mean():6.3f}, variance {values.var():.3f}")

# %%
predict(
    "A number lies between −0.1 and 1.175 and has mean 0. What is the largest variance that it can have?",
    answer=0.1175,
    tolerance=0.002,
    explain="It is largest when only the two ends occur. Mean 0 then needs ink with probability p = 0.1/1.275, and the variance is 1.175·0.1 = 0.1175. So the variance cannot be 1, whatever the digits look like. The mean is fine; for a variance of 1 one has to divide by the standard deviation, as we do.",
    hint="Only two values: −0.1 with probability 1 − p, 1.175 with probability p. Which p gives mean 0?",
)

# %% [markdown]
# It learned all the same. But do check sums, also in famous papers.
#
# ### A squashing function with a reason
#
# $$f(a) = A \tanh(S a), \qquad A = 1.7159, \quad S = \tfrac23$$
#
# These odd numbers make $f(1) = 1$ and $f(-1) = -1$. The targets of the net were ±1, and there the function still has a slope: an output can reach its target without saturation. Chapter 03 says why saturation is bad.

# %%
A, S = 1.7159, 2 / 3
a = np.linspace(-4, 4, 801)
f = A * np.tanh(S * a)
slope, bend = A * S * (1 - np.tanh(S * a) ** 2), -2 * A * S**2 * np.tanh(S * a) * (1 - np.tanh(S * a) ** 2)
fig, ax = plt.subplots(figsize=(8, 3.3))
ax.plot(a, f, color=plots.PALETTE["blue"], label="f")
ax.plot(a, slope, color=plots.PALETTE["vermillion"], linestyle="--", label="slope f′")
ax.plot(a, np.abs(bend), color=plots.PALETTE["green"], linestyle=":", label="how much it bends, |f″|")
ax.plot([-1, 1], [-1, 1], "o", color=plots.PALETTE["blue"])
ax.axhline(0, color="grey", linewidth=0.7)
ax.set_xlabel("a")
ax.legend()
plots.show(fig, alt=f"The scaled tanh runs through (−1, −1) and (1, 1) and ends at ±{A}. Its slope is largest at 0, {slope.max():.3f}. It bends most near ±1, at ±{abs(a[np.abs(bend).argmax()]):.2f}.")
print(f"f(1) = {A * np.tanh(S):.4f}, slope there {slope[500]:.3f}, at 0 {slope.max():.3f}; bends most at ±{abs(a[np.abs(bend).argmax()]):.2f}")


# %%
class ScaledTanh(nn.Module):
    def forward(self, x):
        return A * torch.tanh(S * x)


# %% [markdown]
# ### Subsampling
#
# Today's pooling has no parameters. In 1998 each map had two: the four values of a 2×2 window are added, multiplied by a coefficient, a bias is added, and the result is squashed. With a small coefficient the layer works in the straight part of the tanh: it blurs. With a large one it becomes a kind of switch: a noisy "or" or "and" of the four, depending on the bias.


# %%
class Subsampling(nn.Module):
    def __init__(self, maps, activation):
        super().__init__()
        self.coefficient = nn.Parameter(torch.empty(maps).uniform_(-2.4 / 4, 2.4 / 4))
        self.bias = nn.Parameter(torch.zeros(maps))
        self.activation = activation

    def forward(self, x):
        total = 4 * F.avg_pool2d(x, 2)
        return self.activation(self.coefficient[:, None, None] * total + self.bias[:, None, None])


# %% [markdown]
# ### Who reads whom
#
# Each of the 16 maps of C3 reads only some of the six maps of S2. Six of them read three neighbours (going round), six read four neighbours, three read four that are not neighbours, and one reads all.

# %%
READS = [
    [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [0, 4, 5], [0, 1, 5],
    [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [0, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 5],
    [0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5],
    [0, 1, 2, 3, 4, 5],
]  # fmt: skip
fig, ax = plt.subplots(figsize=(8, 3))
for output, inputs in enumerate(READS):
    ax.plot([output] * len(inputs), inputs, "s", color=plots.PALETTE["blue"], markersize=13)
ax.set_xticks(range(16))
ax.set_yticks(range(6))
ax.set_xlim(-0.6, 15.6)
ax.set_ylim(5.6, -0.6)
for border in (5.5, 11.5, 14.5):
    ax.axvline(border, color="grey", linewidth=1, linestyle=":")
ax.set_xlabel("map of C3")
ax.set_ylabel("map of S2")
plots.show(fig, alt="A table of 6 rows and 16 columns. Filled cells say which maps of S2 each map of C3 reads: " + "; ".join(f"map {o} reads {', '.join(map(str, i))}" for o, i in enumerate(READS)) + ".")
kernels = sum(map(len, READS))
print(f"{kernels} kernels of 5·5 weights and 16 biases: {kernels * 25 + 16:,} parameters; if all read all: {16 * (6 * 25 + 1):,}")

# %% [markdown]
# Why? It saved more than a third of the work: 36 of 96 kernels. And maps that see different inputs are forced to become different features: the table breaks the symmetry. Today, random first weights do this, and computers are fast.


# %%
class SparseConvolution(nn.Module):
    """C3: 60 kernels, each from one map of S2 to one map of C3."""

    def __init__(self):
        super().__init__()
        self.pairs = torch.tensor([(output, i) for output, inputs in enumerate(READS) for i in inputs]).T
        bound = torch.tensor([2.4 / (25 * len(READS[output])) for output in self.pairs[0]])[:, None, None]
        self.kernels = nn.Parameter(torch.empty(60, 5, 5).uniform_(-1, 1) * bound)
        self.bias = nn.Parameter(torch.zeros(16))

    def forward(self, x):
        weight = torch.zeros(16, 6, 5, 5).index_put(tuple(self.pairs), self.kernels)
        return F.conv2d(x, weight, self.bias)


# %% [markdown]
# ### Distances to pictures
#
# The 84 units of F6 are meant to form a **picture**: 7 columns and 12 rows, ink +1 and paper −1. For each class there is a fixed picture, and the output of class $i$ is its squared distance to what F6 shows, a *radial basis function*:
#
# $$y_i = \sum_j (x_j - w_{ij})^2$$
#
# The class with the smallest distance wins. The paper used drawings of the printed characters, for all of ASCII. We take the digits of a pocket calculator.

# %%
STROKES = {
    "A": np.s_[0:2, 0:7], "B": np.s_[0:7, 5:7], "C": np.s_[5:12, 5:7], "D": np.s_[10:12, 0:7],
    "E": np.s_[5:12, 0:2], "F": np.s_[0:7, 0:2], "G": np.s_[5:7, 0:7],
}  # fmt: skip
codes = -np.ones((10, 12, 7), dtype=np.float32)
for digit, strokes in enumerate(["ABCDEF", "BC", "ABGED", "ABGCD", "FGBC", "AFGCD", "AFGECD", "ABC", "ABCDEFG", "ABCDFG"]):
    for stroke in strokes:
        codes[digit][STROKES[stroke]] = 1
framed = np.pad(codes, ((0, 0), (1, 1), (1, 1)), constant_values=-0.6)
plots.show(plots.image_grid(framed, titles=[str(d) for d in range(10)], columns=10, cmap="gray_r", vmin=-1, vmax=1), alt="Ten pictures of 7×12 cells, each in a grey frame: the digits 0 to 9 as on a pocket calculator.")
apart = ((codes[:, None] - codes[None]) ** 2).sum((2, 3))
pairs = [(apart[i, j], i, j) for i in range(10) for j in range(i)]
print(f"closest pictures: {min(pairs)[2]} and {min(pairs)[1]}, squared distance {min(pairs)[0]:.0f}; farthest: {max(pairs)[2]} and {max(pairs)[1]}, {max(pairs)[0]:.0f}")

# %% [markdown]
# What is it good for? Characters that look alike, such as O and 0, get codes that are alike. A reader of whole words can then tell near misses from far ones. And something that is no character at all is far from *all* pictures: it can be rejected. A softmax can't do that, as you have seen on the drawing board.
#
# And what is it, seen from today? Multiply out: $\sum_j (x_j - w_{ij})^2 = \sum_j x_j^2 - 2\, w_i \cdot x + \sum_j w_{ij}^2$. All weights are ±1, so the last sum is 84 for each class. The first one is the same for all classes, too. So whoever has the smallest distance has the largest $w_i \cdot x$: the answer is that of **a linear layer with fixed
# weights and without bias**.

# %%
x = torch.randn(1000, 84, generator=torch.Generator().manual_seed(0))
fixed = torch.from_numpy(codes.reshape(10, 84))
distances = ((x[:, None] - fixed) ** 2).sum(2)
print("same answer for", int((distances.argmin(1) == (x @ fixed.T).argmax(1)).sum()), "of 1,000 random F6")
print(f"softmax of −y/2 against softmax of w·x: largest difference {(F.softmax(-distances / 2, 1) - F.softmax(x @ fixed.T, 1)).abs().max():.0e}")


# %%
class Distances(nn.Module):
    """Minus the squared distances to the ten codes, (N, 84) → (N, 10): the largest wins, as with logits."""

    def forward(self, x):
        return -((x[:, None] - fixed) ** 2).sum(2)


def distance_loss(outputs, labels, j=1.0):
    """The paper's loss: pull the right picture near, push all others away that are nearer than about j."""
    competition = torch.logsumexp(torch.cat([torch.full((len(outputs), 1), -j), outputs], 1), 1)
    return (competition - outputs[torch.arange(len(labels)), labels]).mean()


# %% [markdown]
# ### All together: 60,000
#
# The paper counts two things: **parameters**, and **connections**: one for each input of each unit, its bias included. Shared weights make many connections out of few parameters.


# %%
def lenet_1998():
    squash = ScaledTanh()
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), squash, Subsampling(6, squash),
        SparseConvolution(), squash, Subsampling(16, squash),
        nn.Conv2d(16, 120, 5), squash, nn.Flatten(),
        nn.Linear(120, 84), squash,
        Distances(),
    )  # fmt: skip


original = lenet_1998()
count = [sum(p.numel() for p in original[i].parameters()) for i in (0, 2, 3, 5, 6, 9, 11)]
units = [6 * 28 * 28, 6 * 14 * 14, 10 * 10, 16 * 5 * 5, 120, 84, 10]
reads = [25 + 1, 4 + 1, sum(25 * len(inputs) + 1 for inputs in READS), 4 + 1, 400 + 1, 120 + 1, 84]
print("layer    parameters   connections")
for name, p, n, r in zip(("C1", "S2", "C3", "S4", "C5", "F6", "output"), count, units, reads, strict=True):
    print(f"{name:8} {p:10,} {n * r:13,}")
print(f"total    {sum(count):10,} {sum(n * r for n, r in zip(units, reads, strict=True)):13,}")

# %% [markdown]
# Exactly 60,000 parameters and 340,908 connections, the numbers of the paper. (The weights of the output are fixed: 840 connections, no parameter.)
#
# How well did it do on MNIST? The paper says: a linear classifier 12.0 % errors, a fully connected net with 300 hidden units 4.7 %, LeNet-5 **0.95 %**, and **0.8 %** when it also learned from distorted copies of the digits: what we call data augmentation. Three smaller LeNets together, the later ones trained on what the earlier ones found hard, had 0.7 %.
#
# ### A layer that is a convolution and is not
#
# Why "C5", and why does the drawing above call it F5? Its 120 units read all 16 maps of 5×5 completely. Whoever calls it fully connected is right. Whoever calls it a convolution with kernels of 5×5 that happen to fit just once is right, too. It is the same weights in another order of brackets:

# %%
linear = reader[7]
convolution = nn.Conv2d(16, 120, 5)
with torch.no_grad():
    convolution.weight.copy_(linear.weight.view(120, 16, 5, 5))
    convolution.bias.copy_(linear.bias)
    maps = reader[:6](test_digit_inputs[:50])
    print("S4", tuple(maps.shape), "→ as a convolution", tuple(convolution(maps).shape), "→ as a linear layer", tuple(linear(maps.flatten(1)).shape))
    print(f"largest difference: {(convolution(maps).flatten(1) - linear(maps.flatten(1))).abs().max():.0e}")

# %% [markdown]
# The name makes a difference when the image gets **larger**. A linear layer refuses it. A convolution just gives more outputs. So let us turn all three fully connected layers of our reader into convolutions, and show it a strip with five digits, without telling it where they are.


# %%
def all_convolutional(net):
    """A LeNet whose linear layers have become convolutions: 5×5, 1×1 and 1×1."""
    layers = []
    for layer in net:
        if isinstance(layer, nn.Linear):
            side = 5 if layer.in_features == 400 else 1
            new = nn.Conv2d(layer.in_features // side**2, layer.out_features, side)
            new.weight.data, new.bias.data = layer.weight.data.view_as(new.weight), layer.bias.data
            layers.append(new)
        elif not isinstance(layer, nn.Flatten):
            layers.append(layer)
    return nn.Sequential(*layers)


sliding = all_convolutional(reader)
number, spacing = [1, 9, 9, 8, 5], 24
strip = np.zeros((28, 28 + 4 * spacing), np.uint8)
for place, digit in enumerate(number):
    window = strip[:, place * spacing : place * spacing + 28]
    window[:] = np.maximum(window, test_digits[np.flatnonzero(test_digit_labels == digit)[2 + place]])
with torch.no_grad():
    chances = F.softmax(sliding(to_inputs(strip[None], MEAN, STD))[0, :, 0], dim=0).numpy()

fig, axes = plt.subplots(2, 1, figsize=(8, 4.8), height_ratios=[1, 1.7], sharex=True, layout="constrained")
axes[0].imshow(np.pad(strip, 2), cmap="gray", extent=(0, strip.shape[1] + 4, 32, 0), aspect="auto")
axes[0].set_yticks([])
middles = 16 + 4 * np.arange(chances.shape[1])
drawn = axes[1].imshow(chances, cmap=plots.SEQUENTIAL, vmin=0, vmax=1, aspect="auto", extent=(middles[0] - 2, middles[-1] + 2, 9.5, -0.5))
for middle, digit, certain in zip(middles, chances.argmax(0), chances.max(0) > 0.5, strict=True):
    axes[1].text(middle, digit, str(digit), ha="center", va="center", color="white" if certain else "black", fontweight="bold")
for place in range(5):
    axes[1].axvline(16 + spacing * place, color=plots.PALETTE["vermillion"], linestyle=":", linewidth=1.2)
axes[1].set_xlim(0, strip.shape[1] + 4)
axes[1].set_yticks(range(10))
axes[1].set_ylabel("class")
axes[1].set_xlabel("middle of the 32×32 window, in pixels")
fig.colorbar(drawn, ax=axes, label="probability", fraction=0.04)
plots.show(
    fig,
    alt=f"A strip with the digits {' '.join(map(str, number))}, and below it the probabilities of ten classes at {chances.shape[1]} positions. Where a digit is centred, the answers are {', '.join(str(chances[:, place * spacing // 4].argmax()) for place in range(5))}.",
)
crops = torch.stack([to_inputs(strip[None], MEAN, STD)[0, :, :, 4 * i : 4 * i + 32] for i in range(chances.shape[1])])
with torch.no_grad():
    one_by_one = F.softmax(reader(crops), 1).T.numpy()
once, each = (layer_table(sliding, (1, 32, w)).total.multiply_adds for w in (strip.shape[1] + 4, 32))
print(f"largest difference from cutting out {len(crops)} windows and asking one after the other: {np.abs(one_by_one - chances).max():.0e}")
print(f"multiply-adds: {once:,} in one go, {len(crops) * each:,} one after the other, {len(crops) * each / once:.1f} times as many")

# %% [markdown]
# At the dotted lines a digit stands in the middle of the window, and the answer is right. In between, the net sees halves of two digits and says something all the same. The paper had a second stage that finds the best way through such answers. The trick itself is in use every day: chapter 16 labels each pixel of an image with it.
#
# ### What do today's pieces buy?
#
# Let us replace the old pieces one after the other, and train each net in the same way on 4,000 pieces of clothing: Adam, batches of 64, three epochs, three starts. We need one more entry in the list. The paper drew the first weights from $-2.4/F$ to $2.4/F$, where $F$ is the number of inputs of a unit. Today (chapter 06) we let them shrink with $\sqrt F$ only: for $F = 400$, the spread is then 14 times as large.
#
# Before you run it, guess: which changes help most?


# %%
def lenet_with(today, seed):
    """The net of 1998 with some pieces of today. C5 is written as a linear layer."""
    torch.manual_seed(seed)
    activation = nn.ReLU() if "ReLU" in today else ScaledTanh()
    layers = [
        nn.Conv2d(1, 6, 5), activation, nn.MaxPool2d(2) if "max pooling" in today else Subsampling(6, activation),
        nn.Conv2d(6, 16, 5) if "all maps" in today else SparseConvolution(), activation,
        nn.MaxPool2d(2) if "max pooling" in today else Subsampling(16, activation), nn.Flatten(),
        nn.Linear(400, 120), activation, nn.Linear(120, 84), activation,
        nn.Linear(84, 10) if "softmax" in today else Distances(),
    ]  # fmt: skip
    for layer in layers:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            inputs = layer.weight[0].numel()
            if "larger weights" in today:
                nn.init.normal_(layer.weight, std=((2 if "ReLU" in today else 1) / inputs) ** 0.5)
            else:
                nn.init.uniform_(layer.weight, -2.4 / inputs, 2.4 / inputs)
            nn.init.zeros_(layer.bias)
        elif isinstance(layer, SparseConvolution) and "larger weights" in today:
            nn.init.normal_(layer.kernels, std=0.1)
    return nn.Sequential(*layers)


STEPS = ("1998", "softmax", "larger weights", "max pooling", "all maps", "ReLU")
found = {}
for i, name in enumerate(STEPS):
    loss = F.cross_entropy if i else distance_loss
    nets = [train(lenet_with(STEPS[1 : i + 1], seed), garments[:4000], labels[:4000], epochs=3, seed=seed, rate=2e-3, loss=loss) for seed in range(3)]
    found[name if not i else f"+ {name}"] = np.array([accuracy(net, test_garments, test_labels) for net in nets])

fig, ax = plt.subplots(figsize=(8, 3.2))
for place, values in enumerate(found.values()):
    ax.plot(place + np.array([-0.08, 0, 0.08]), values, "o", color=plots.PALETTE["blue"], alpha=0.75)
    ax.plot([place - 0.2, place + 0.2], [values.mean()] * 2, color=plots.PALETTE["vermillion"], linewidth=2.5)
ax.set_xticks(range(len(found)), [name.replace(" weights", "\nweights").replace(" pooling", "\npooling") for name in found])
ax.set_ylabel("test accuracy in %")
ax.grid(axis="y")
plots.show(fig, alt="Test accuracy of three starts for each net, a bar at the mean. " + "; ".join(f"{name}: {v.mean():.1f} ± {v.std(ddof=1):.1f} %" for name, v in found.items()) + ".")
for name, values in found.items():
    print(f"{name:17} {values.mean():.1f} ± {values.std(ddof=1):.1f} %   ({', '.join(f'{v:.1f}' for v in values)})")

# %% [markdown]
# Two changes stand out: the softmax with its loss, and the larger first weights. Both let training start faster. Whatever comes after them moves the accuracy by about one point, no more than the three starts of the last net differ among themselves. Even ReLU, the most famous of the four, buys nothing measurable *here*. Its strength is that gradients reach the first layers of deep nets (chapters 03 and 09), and LeNet is not deep.
#
# A word of caution. The old pieces were made for another optimiser, and for 20 passes over 60,000 digits. A fair race would search the learning rate for each net (chapter 06). What you see is what happens in three short epochs if you swap the pieces in this order and touch nothing else.
#
# ## Check a slide
#
# Lecture slides often show this table under the title "LeNet-5":
#
# | layer | output | weights |
# |:--|:--|:--|
# | input | 1×28×28 | |
# | convolution, 20 filters, K = 5, P = 2, S = 1 | 20×28×28 | 20×1×5×5 |
# | ReLU | 20×28×28 | |
# | max pooling, K = 2, S = 2 | 20×14×14 | |
# | convolution, 50 filters, K = 5, P = 2, S = 1 | 50×14×14 | 50×20×5×5 |
# | ReLU | 50×14×14 | |
# | max pooling, K = 2, S = 2 | 50×7×7 | |
# | flatten | 2450 | |
# | linear | 500 | 2450×500 |
# | ReLU | 500 | |
# | linear | 10 | 500×10 |
#
# Below it stands: "spatial size decreases, number of channels increases (total volume is preserved!)". The pattern given above it is [convolution, ReLU, pooling] × N, flatten, [fully connected, ReLU] × N, fully connected. The year is 1998.
#
# Find what is wrong before you run the next cell. There are four things.

# %%
slide = nn.Sequential(
    nn.Conv2d(1, 20, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(20, 50, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(2450, 500), nn.ReLU(), nn.Linear(500, 10),
)  # fmt: skip
table = layer_table(slide, (1, 28, 28))
weights = sum(p.numel() for p in slide.parameters() if p.ndim > 1)
print(table)
print(f"\nweights without biases, as in the slide's last column: {weights:,}; with biases: {table.total.parameters:,}, {table.total.parameters / 60_000:.1f} times 60,000")
print("numbers in each layer:", " → ".join(f"{np.prod(row.output_shape):,}" for row in table if row.kind in ("Conv2d", "MaxPool2d", "Linear")))

# %% [markdown]
# 1. **The volume is not preserved.** It jumps from 784 to 15,680 in the first convolution, and each pooling takes three quarters of it away. Pooling by 2×2 leaves a quarter of the positions. To make up for that, the channels would have to become four times as many; here they go from 20 to 50, which is 2.5 times. In the net of 1998 it is 6 to 16: 1,176 numbers after the first pooling, 400 after the second. Later nets
# double the channels when they halve the sides, so their volume halves. "Smaller and more" is right, "preserved" is not.
# 2. **It is not LeNet-5.** The sizes of 1998 are 6, 16, 120, 84. The numbers 20, 50 and 500 are those of the "LeNet" example that came with the program Caffe in 2014, there without padding: 28 → 24 → 12 → 8 → 4, so 800 numbers instead of 2,450. The slide's net has 21 times the parameters of LeNet-5.
# 3. **One N for two things.** The table has two convolutions, but only one fully connected layer with a ReLU. Write N and M.
# 4. **The biases are missing** in the column of weights: 580 of them. It changes little here, but a count without them does not match what the program reports.
#
# All sizes in the table are right, though. You can check them with the formula of chapter 02: $28 - 5 + 2\cdot 2 + 1 = 28$.

# %%
predict(
    "How many parameters would the slide's net have without padding, as in Caffe: 28 → 24 → 12 → 8 → 4, then 500 and 10?",
    answer=20 * 26 + 50 * 501 + 500 * 801 + 10 * 501,
    explain="520 + 25,050 + 500·(800 + 1) + 5,010 = 431,080. Two pixels of padding make nearly three times as many parameters, because the flattened maps are larger.",
    unit="parameters",
    hint="Only the first linear layer changes: it now reads 50·4·4 = 800 numbers.",
)

# %% [markdown]
# ### Three ways to count the same layers
#
# Summaries of LeNet-5 do not agree with each other. "Two convolutions with pooling and three fully connected layers." "CONV-POOL-CONV-POOL-FC-FC." "Conv-pool-conv-pool-conv-FC." Are they different nets? No. The first one counts 120, 84 and the output as fully connected. The second one does not count the output: it has no trainable weights. The third one calls the 120 a convolution, as the paper does, and
# leaves out the output, too. You have seen why all three may say so.
#
# ## Check yourself

# %%
question(
    "You give LeNet (with linear layers at the end) an image of 40×40 pixels. What happens?",
    {
        "It works, and gives ten logits": "40 → 36 → 18 → 14 → 7: there would be 16·7·7 = 784 numbers for a layer that reads 400.",
        "The first convolution fails": "A convolution takes any size that its kernel fits into.",
        "The first linear layer fails": "Yes. It has weights for 400 numbers and gets 784. Written as a convolution, it would give 3×3 answers.",
        "It works, but only the middle is read": "Nothing is cut off. The sizes simply do not fit.",
    },
    answer="The first linear layer fails",
)

# %%
predict(
    "C3 of 1998 has 1,516 parameters. How many would it have if each of its 16 maps read exactly three maps of S2?",
    answer=16 * (3 * 25 + 1),
    explain="16·(3·25 + 1) = 1,216.",
    unit="parameters",
    hint="One filter has a 5×5 kernel for each map that it reads, and one bias.",
)

# %%
question(
    "Why can a softmax output not say “this is no digit”?",
    {
        "The net is too small": "A larger net with a softmax has the same problem.",
        "Its ten probabilities always add up to 1": "Yes. Only the differences between logits count. Distances to fixed pictures can all be large at once.",
        "ReLU removes negative values": "The logits come after the last ReLU and may be negative.",
        "It was not trained long enough": "Longer training makes it even surer of itself.",
    },
    answer="Its ten probabilities always add up to 1",
)

# %%
predict(
    "Each value of S4 sees 16×16 pixels, and neighbours are 4 pixels apart. How wide is the part of the image that all 5×5 values of S4 see together?",
    answer=32,
    explain="16 + 4·(5 − 1) = 32: the whole image. So each of the 120 units behind it sees everything.",
    unit="pixels",
    hint="The first one sees 16 pixels. Each of the other four adds a step.",
)

# %% [markdown]
# ## What this leads to
#
# - **Assignment 05**: LeNet from your own layers, trained in NumPy.
# - **Lab 01** trains LeNet on clothes in PyTorch and looks at what it confuses. **Lab 02** adds what chapters 05 and 07 taught.
# - **Chapter 09**: the same pattern, a thousand times larger. AlexNet, 2012.
# - **Chapter 16** lets a net slide over whole images, as we did with the strip.
#
# ## Sources
#
# - Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-Based Learning Applied to Document Recognition*, Proceedings of the IEEE 86(11), 1998: LeNet-5, its table for C3, the loss, MNIST and the error rates.
# - Y. LeCun, B. Boser and others, *Backpropagation Applied to Handwritten Zip Code Recognition*, Neural Computation 1(4), 1989: the first LeNet.
# - Y. Jia and others, *Caffe: Convolutional Architecture for Fast Feature Embedding*, 2014: its example "LeNet" has 20, 50 and 500 units.
# - H. Xiao, K. Rasul, R. Vollgraf, *Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms*, 2017.
