# ---
# jupyter:
#   convnets:
#     minutes: 90
#     budget_seconds: 60
#     needs: [02_convolution_arithmetic, 03_activations_and_pooling]
#     summary: How every weight of a net learns what to do, by one walk backward through a graph
# ---

# %% [markdown]
# # Backpropagation
#
# **When you have worked through this chapter, you can**
#
# - draw an expression as a graph, and send values forward and gradients backward through it by hand;
# - say what a local, an upstream and a downstream gradient is, and what happens where branches meet;
# - write a small automatic differentiation of your own, and check it against PyTorch;
# - derive the backward pass of a linear layer from shapes alone, and explain those of ReLU, softmax loss, convolution and pooling;
# - say what the loss of an untrained net must be, and use it to find mistakes;
# - find a wrong gradient with a numerical check, and know when the check itself is wrong.
#
# **Time:** about 90 minutes. **Needs:** chapters 02 and 03, and the derivative from school.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.patches import Ellipse
from torch import nn
from torch.nn import functional as F

from convnets import data, plots
from convnets.widgets import computational_graph, convolution_stepper, predict, question

# %% [markdown]
# ## Before you run anything
#
# You order 4 cups at 3 € each. Delivery costs 2 €. On everything comes a tax: the sum is multiplied by 1.25.
#
# $$\text{total} = (\text{cups} \cdot \text{price} + \text{delivery}) \cdot \text{tax} = (4 \cdot 3 + 2) \cdot 1.25 = 17.50$$

# %%
predict(
    "The price of one cup rises by one cent. By how many cents does the total rise?",
    answer=5,
    unit="cents",
    explain="Four cups become one cent dearer: 4 cents. The tax makes 4 · 1.25 = 5 cents of them. You have just multiplied two slopes along a path. This is all that backpropagation does.",
    hint="First follow the cent to the sum before tax. Then through the tax.",
)

# %% [markdown]
# "If this number grows by a little, how many times as much does the result grow?" The answer is called the **gradient** of the result with respect to that number. The gradient of the total with respect to the
# price is 5.
#
# A net is such a calculation, only longer. The result is the loss. The numbers that we can turn are the weights. We want the gradient of the loss with respect to **every** weight, because then we know how to turn each
# of them to make the loss smaller. This chapter shows how to get all these gradients at once.
#
# ## The picture: a computational graph
#
# Here is your order as a **computational graph**. Each box is one operation. Step through it with "Next", or click the graph and use the arrow keys. First the values run forward, from left to right. Then the gradients (with ∂)
# run backward.
#
# Before each backward step, try to say what will come.

# %%
computational_graph("(cups * price + delivery) * tax", cups=4, price=3, delivery=2, tax=1.25)

# %% [markdown]
# You have seen three kinds of gradients. They have names.
#
# | name | question that it answers | in the last × node, for the sum 14 |
# |---|---|---|
# | **upstream** gradient | How does the final result change with the output of *this* node? It comes from the right. | 1 |
# | **local** gradient | How does the output of this node change with one of its inputs? The node needs to know nothing else. | 1.25, the other factor |
# | **downstream** gradient | How does the final result change with that input? It is sent on to the left. | 1.25 · 1 = 1.25 |
#
# $$\text{downstream} = \text{local} \times \text{upstream}$$
#
# A node knows nothing of the rest of the graph: not how large it is, nor what it is for. It remembers its own inputs, waits for one number from the right, and multiplies. This is why it scales
# from five boxes to five hundred million weights.

# %%
question(
    "The first node computes 4 · 3 = 12. It gets the upstream gradient 1.25. What does it send to `cups`?",
    {
        "1.25": "That is the upstream gradient. It still has to be multiplied by the local one.",
        "3": "That is the local gradient: one cup more makes the product 3 larger. Now multiply by the upstream gradient.",
        "3.75": "Yes. Local gradient 3 (the price) times upstream gradient 1.25. One cup more costs 3.75 €.",
        "5": "That is what it sends to the price: the number of cups, 4, times 1.25.",
    },
    answer="3.75",
)

# %% [markdown]
# ## Where a number is used twice
#
# In most graphs some numbers are used in several places. The simplest one: $f = x \cdot y + x$.

# %%
predict(
    "Let x = 3 and y = 4. What is the gradient of f = x·y + x with respect to x?",
    answer=5,
    explain="There are two ways from x to f. Through the product x counts y = 4 times, and directly once: 4 + 1 = 5.",
    hint="If x grows by a little, the product grows and the second term grows, too. Both count.",
)

# %%
computational_graph("x * y + x", x=3, y=4)

# %% [markdown]
# The node `x` has two arrows that go out. So two gradients come back, and they are **added**.
#
# ## The mathematics
#
# Let $f$ be the final result, and $x$ any number in the graph. Let $y_1, y_2, \dots$ be the nodes that use $x$ directly. Then the **chain rule** says
#
# $$\frac{\partial f}{\partial x} = \sum_{k} \underbrace{\frac{\partial y_k}{\partial x}}_{\text{local}} \cdot \underbrace{\frac{\partial f}{\partial y_k}}_{\text{upstream}}
# \qquad\qquad\text{and we start with}\quad \frac{\partial f}{\partial f} = 1 .$$
#
# If we go through the nodes in reverse order, every upstream gradient is complete when we need it. So one walk is enough.
#
# ## Four patterns
#
# Most of what happens in a net is one of these four.


# %%
def draw_pattern(ax, title, inputs, sign, outputs):
    """One node. `inputs` and `outputs`: (value, gradient) of each arrow, on the left and on the right."""
    ax.set(xlim=(0, 10), ylim=(0, 6), xticks=[], yticks=[], title=title)
    ax.spines[:].set_visible(False)
    ax.add_patch(Ellipse((5, 3), 2.9, 1.7, facecolor="#EEEEEE", edgecolor="#222222"))
    ax.text(5, 3, sign, ha="center", va="center", fontsize=11)
    for side, arrows in ((0, inputs), (10, outputs)):
        heights = [3] if len(arrows) == 1 else [5.2, 0.8]
        for y, (value, gradient) in zip(heights, arrows, strict=True):
            ends = ((side, y), (3.6 if side == 0 else 6.4, 3 + (y - 3) * 0.25))
            x, height = np.mean(ends, axis=0)
            ax.annotate("", *(ends[::-1] if side == 0 else ends), arrowprops={"arrowstyle": "-|>", "color": "#767676"})
            ax.text(x, height + 0.45, value, ha="center", va="bottom", fontsize=11, color=plots.PALETTE["blue"])
            ax.text(x, height - 0.45, f"∂ {gradient}", ha="center", va="top", fontsize=11, fontweight="bold", color="#B34700")


fig, axes = plt.subplots(1, 4, figsize=(8, 2.6))
draw_pattern(axes[0], "a sum copies", [(3, 2), (4, 2)], "+", [(7, 2)])
draw_pattern(axes[1], "a product swaps", [(3, 8), (4, 6)], "×", [(12, 2)])
draw_pattern(axes[2], "a maximum routes", [(3, 0), (4, 2)], "max", [(4, 2)])
draw_pattern(axes[3], "a branch adds", [(3, 7)], "copy", [(3, 2), (3, 5)])
plots.show(
    fig,
    alt="Four nodes with values 3 and 4. The sum gets the gradient 2 and sends 2 to both inputs. The product sends 2 times 4, 8, to the 3, and 2 times 3, 6, to the 4. "
    "The maximum sends 2 to the 4 and 0 to the 3. Where 3 is used in two places, the gradients 2 and 5 come back and add up to 7.",
)

# %% [markdown]
# Blue numbers are values, red ones (with ∂) are gradients. They travel from right to left.
#
# - **A sum** hands the gradient on to all its inputs, unchanged. The bias of a layer and the shortcut of a ResNet (chapter 12) are sums.
# - **A product** sends each input the gradient times the *other* input. Weight times pixel: a bright pixel moves its weight much, a black one not at all.
# - **A maximum** sends everything to the winner. Max pooling and ReLU are maxima.
# - **A branch** adds up what comes back. A convolution uses the same weight in every place of the image, so its gradient is a sum over all places.
#
# ## A dozen lines of Python: an autograd of your own
#
# We write numbers that remember where they came from. Each result keeps its inputs, and the local gradient for each of them. `backward` sorts the nodes, then walks through them in reverse order.


# %%
class Number:
    """A number that remembers how it was computed."""

    def __init__(self, value, inputs=()):
        self.value, self.inputs, self.gradient = value, inputs, 0.0

    def __add__(self, other):
        return Number(self.value + other.value, [(self, 1.0), (other, 1.0)])

    def __mul__(self, other):
        return Number(self.value * other.value, [(self, other.value), (other, self.value)])

    def backward(self):
        order = []

        def visit(node):
            if node not in order:
                for earlier, _ in node.inputs:
                    visit(earlier)
                order.append(node)

        visit(self)
        self.gradient = 1.0
        for node in reversed(order):
            for earlier, local in node.inputs:
                earlier.gradient += local * node.gradient


cups, price, delivery, tax = Number(4.0), Number(3.0), Number(2.0), Number(1.25)
total = (cups * price + delivery) * tax
total.backward()
print(f"total {total.value}; gradients: cups {cups.gradient}, price {price.gradient}, delivery {delivery.gradient}, tax {tax.gradient}")

# %% [markdown]
# ### The same in PyTorch
#
# PyTorch does exactly this. Its nodes are whole arrays, and it knows many more operations.

# %%
cups, price, delivery, tax = (torch.tensor(v, requires_grad=True) for v in (4.0, 3.0, 2.0, 1.25))
total = (cups * price + delivery) * tax
total.backward()
print(f"total {total.item()}; gradients: cups {cups.grad.item()}, price {price.grad.item()}, delivery {delivery.grad.item()}, tax {tax.grad.item()}")

# %% [markdown]
# Now the widget checks **your** autograd. It calls the function below with the numbers in the boxes, and compares. Change the numbers, and it is asked again.
#
# Then break it: in `backward`, replace `+=` by `=`. Run both cells again. Which gradient will be wrong, and why only this one?


# %%
def my_gradients(x, y):
    x, y = Number(x), Number(y)
    f = x * y + x
    f.backward()
    return {"x": x.gradient, "y": y.gradient}


computational_graph("x * y + x", function=my_gradients, x=3, y=4)

# %% [markdown]
# (With `=`, the second gradient that reaches `x` overwrites the first. `y` is used only once, so nothing happens to it. PyTorch adds, too, even from one call of `backward()` to the next. That is why every training
# loop calls `zero_grad()`.)
#
# ## Your own expression
#
# Here is one neuron with a sigmoid, made of small steps. The box at the top is yours: in a notebook with a kernel, type any expression in it and press Enter. It understands `+ - * / **`, parentheses, `exp`, `log`, `sqrt`, `tanh`, `sigmoid`, `relu`,
# `abs`, `max` and `min`. Name a result to use it twice: `q = x + y; q * q`.

# %%
neuron = computational_graph("1 / (1 + exp(-(w0*x0 + w1*x1 + b)))", w0=2, x0=-1, w1=-3, x1=-2, b=-3)
neuron

# %%
predict(
    "The neuron's output is s = 0.731. The last four operations are the sigmoid, and its slope is s·(1 − s). Which gradient does the bias b get?",
    answer=0.7310586 * (1 - 0.7310586),
    tolerance=0.002,
    explain="0.731 · 0.269 = 0.197. The sums in between copy the gradient. Jump to the end in the graph above and look at b.",
    hint="b reaches the sigmoid through a sum. A sum copies.",
)

# %% [markdown]
# So four small nodes and one node `sigmoid` give the same gradients. You may cut a graph into nodes as you like. Libraries take large nodes: fewer to remember, and often a simpler formula.

# %%
one_node = computational_graph("sigmoid(w0*x0 + w1*x1 + b)", w0=2, x0=-1, w1=-3, x1=-2, b=-3)
for name, gradient in neuron.gradients().items():
    print(f"{name:2}  small steps {gradient:+.6f}   one sigmoid {one_node.gradients()[name]:+.6f}")

# %% [markdown]
# ## Why backward, and not forward?
#
# There is a simpler way to get a gradient: turn one weight a little, run the net again, and see what the loss does. Why does nobody train like this? Because it needs at least one more forward pass **for each weight**.
# The backward pass gives all gradients at once. Let us measure it with a small LeNet and 64 images.

# %%
torch.manual_seed(0)
lenet = nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
)  # fmt: skip
weights = sum(p.numel() for p in lenet.parameters())
images, labels = torch.rand(64, 1, 28, 28), torch.randint(10, (64,))


def fastest(run, times=20):
    """Seconds of the fastest of some runs, on one thread."""
    threads, seconds = torch.get_num_threads(), []
    torch.set_num_threads(1)
    for _ in range(times):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    torch.set_num_threads(threads)
    return min(seconds)


with torch.no_grad():
    forward = fastest(lambda: F.cross_entropy(lenet(images), labels))
both = fastest(lambda: F.cross_entropy(lenet(images), labels).backward())
print(f"{weights:,} weights. One forward pass {1000 * forward:.1f} ms, forward and backward {1000 * both:.1f} ms: {both / forward:.1f} times as long")
print(f"one forward pass more for each weight: {weights * forward:,.0f} s, {weights * forward / both:,.0f} times as long as one backward pass")

# %% [markdown]
# Counted in multiplications, a backward pass is worth about two forward passes: for each product in a layer there are two on the way back, one for the input, one for the weights. (In milliseconds it is often
# more, for numbers have to be fetched from memory, too.) This does not depend on the number of weights.
#
# The price is **memory**. A product needs both its inputs on the way back. So all activations of the forward pass must be kept until then. This is what fills a GPU in training (and why chapter 02 counted activation memory).
#
# ## From numbers to arrays
#
# In a net the nodes are arrays. The rule stays the same, and one fact helps more than any formula:
#
# > The gradient of the loss with respect to an array has **the shape of that array**. Each of its numbers says how the loss changes with the number at the same place.
#
# We write `dx` for "the gradient of the loss with respect to `x`". In a linear layer $\text{out} = x\,w^\top + b$, `x` is (N, D), `w` is (M, D), so `out` is (N, M). From the right comes `dout`, which is (N, M), too. We need `dx` (N, D) and `dw` (M, D).
#
# A product swaps: `dx` must be made of `dout` and `w`, and `dw` of `dout` and `x`. How do the shapes fit?

# %%
question(
    "`dout` is (N, M), `x` is (N, D). Which product has the shape of `w`, (M, D)?",
    {
        "x @ dout": "(N, D) times (N, M): the inner sizes D and N do not fit.",
        "dout.T @ x": "Yes: (M, N) times (N, D) is (M, D). The sum runs over N, the images: every image of the batch has used the same weights, and a branch adds.",
        "dout @ x.T": "(N, M) times (D, N): the inner sizes M and D do not fit.",
        "x.T @ dout": "Nearly: (D, N) times (N, M) is (D, M). This is the transpose of what you need.",
    },
    answer="dout.T @ x",
)

# %%
x = np.array([[1, 2, 0], [0, 1, -1]])
w = np.array([[1, 0, 2], [-1, 1, 0]])
dout = np.array([[1, 0], [2, -1]])
plots.show(
    plots.matrices([dout, w, dout @ w], operators=["@", "="], titles=["dout  N×M", "w  M×D", "dx  N×D"]),
    alt=f"dout, 2 by 2, times w, 2 by 3, gives dx, 2 by 3: {(dout @ w).tolist()}.",
)
plots.show(
    plots.matrices([dout.T, x, dout.T @ x], operators=["@", "="], titles=["doutᵀ  M×N", "x  N×D", "dw  M×D"]),
    alt=f"dout transposed, 2 by 2, times x, 2 by 3, gives dw, 2 by 3: {(dout.T @ x).tolist()}.",
)

# %% [markdown]
# Here and below, `x`, `w` and `dout` are small whole numbers, so that you can follow with a pencil.
#
# **Why not write down all local gradients as one large matrix?** This matrix is called the Jacobian: one row for each output number, one column for each input number. Look at its size for a batch of 64 and a layer with 4,096 inputs and outputs.

# %%
numbers = 64 * 4096
print(f"x and out hold {numbers:,} numbers each, {4 * numbers / 2**20:.0f} MiB as float32")
print(f"the Jacobian has {numbers:,}² = {numbers**2:,} entries, {4 * numbers**2 / 2**30:.0f} GiB")
print(f"of these, {64 * 4096**2:,} are not 0: no image changes the output of another. Each weight is there 64 times.")

# %% [markdown]
# Nobody builds it. A layer's backward pass gives *Jacobian times upstream gradient*, and never the Jacobian itself.
#
# ## ReLU: a gate
#
# ReLU works on each number alone. Its slope is 1 where `x` was positive and 0 elsewhere. So the gradient passes, or it does not. The gate looks at `x`, and never at the gradient.

# %%
x = np.array([[3, -1, 0, 2, -4]])
dout = np.array([[5, 6, 7, -8, 9]])
plots.show(
    plots.matrices([x, dout, dout * (x > 0)], operators=["and", "→"], titles=["x", "dout", "dx = dout · (x > 0)"]),
    alt="x is 3, −1, 0, 2, −4; dout is 5, 6, 7, −8, 9; dx is 5, 0, 0, −8, 0.",
)

# %% [markdown]
# ## The softmax loss
#
# The last layer gives one score for each class, the **logits** $s$. Softmax makes probabilities $p$ of them. The loss is small when the right class $y$ has a high probability:
#
# $$p_c = \frac{e^{s_c}}{\sum_k e^{s_k}} \qquad\qquad L = -\log p_y$$
#
# Here it is for three classes; class 0 is the right one. (`e0` has a name because it is used twice.) Jump to the end and look at the three gradients on the left.

# %%
loss_graph = computational_graph("e0 = exp(s0); total = e0 + exp(s1) + exp(s2); -log(e0 / total)", s0=2, s1=1, s2=0)
loss_graph

# %%
scores = np.array([2.0, 1, 0])
p = np.exp(scores) / np.exp(scores).sum()
print("probabilities:", p.round(3))
print("gradients:    ", np.round(list(loss_graph.gradients().values()), 3))

# %% [markdown]
# Compare the two lines. The long chain of nodes ends in something very simple:
#
# $$\frac{\partial L}{\partial s_c} = p_c - \begin{cases}1 & c = y\\ 0 & \text{else}\end{cases}$$
#
# It reads: *what the net said, minus what it should have said*. The right class is pulled up, each wrong class is pushed down by as much as the net believed in it. The gradients add up to 0. And when the net is sure and right, nothing is left to do.
#
# This is one of the large nodes: softmax and logarithm together have a simple formula, and a safe one. $e^{1000}$ is too large for any float. But if we subtract the largest score from all scores, the probabilities do not change, and the largest power is $e^0 = 1$.


# %%
def softmax_loss(scores, labels):
    """Mean loss over N images, and its gradient (N, C). scores: (N, C). labels: (N,) whole numbers."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    each = np.arange(len(scores))
    gradient = np.exp(log_p)
    gradient[each, labels] -= 1
    return -log_p[each, labels].mean(), gradient / len(scores)


large = np.array([[1000.0, 990, 0]])
with np.errstate(all="ignore"):
    naive = np.exp(large) / np.exp(large).sum()
loss, gradient = softmax_loss(large, np.array([1]))
tensor = torch.tensor(large, requires_grad=True)
F.cross_entropy(tensor, torch.tensor([1])).backward()
print("without the shift:", naive[0])
print(f"with it:           loss {loss:.4f}, gradient {gradient[0].round(5)}")
print("PyTorch's gradient:", tensor.grad.numpy()[0].round(5))

# %% [markdown]
# The loss is the **mean** over the batch, so each gradient is divided by N. If you forget that, the step grows with the batch.
#
# ### What must the loss be before training?
#
# A fresh net knows nothing. With small random weights all scores are close to 0, and all C classes are equally probable: $p = 1/C$. So the loss must be close to $-\log(1/C) = \ln C$.

# %%
predict(
    "An untrained net for 10 classes. What is its loss, to two decimals?",
    answer=np.log(10),
    tolerance=0.006,
    explain="ln 10 = 2.303. Remember this number: you will see it at the start of many training runs.",
    hint="The natural logarithm of the number of classes.",
)

# %%
clothes = data.load_fashion_mnist()
pixels = clothes.train_images.reshape(len(clothes.train_images), -1) / 255.0
pixels = (pixels - pixels.mean()) / pixels.std()
rng = np.random.default_rng(0)
print("weights of standard deviation 0.001:")
for classes in (2, 10, 100, 1000):
    some_labels = rng.integers(classes, size=500)
    loss, _ = softmax_loss(pixels[:500] @ rng.normal(0, 0.001, (784, classes)), some_labels)
    print(f"   {classes:4} classes: ln C = {np.log(classes):.3f}, measured {loss:.3f}")
print("10 classes, larger weights:")
for spread in (0.01, 0.1, 1.0):
    loss, _ = softmax_loss(pixels[:500] @ rng.normal(0, spread, (784, 10)), clothes.train_labels[:500])
    print(f"   standard deviation {spread:4}: measured {loss:6.3f}")

# %% [markdown]
# This is the cheapest test in deep learning. Look at the very first loss. Far above $\ln C$: the weights or the inputs are too large, and the net is sure of nonsense. Below it: something is wrong with the labels or with the loss.
#
# ## Convolution backward is a convolution
#
# Chapter 02 showed a convolution as a matrix with many zeros. Here is one in 1-D: the kernel (1, 2, −1) slides over five numbers. Each row of the matrix is the kernel at one place.

# %%
kernel = np.array([1, 2, -1])
matrix = np.stack([np.pad(kernel, (shift, 2 - shift)) for shift in range(3)])
x = np.array([[2], [0], [1], [3], [1]])
dout = np.array([[1], [0], [2]])
plots.show(
    plots.matrices([matrix, x, matrix @ x], operators=["@", "="], titles=["forward: kernel in each row", "x", "out"]),
    alt=f"A matrix of 3 rows and 5 columns; each row holds 1, 2, −1, one place further to the right. Times x, 2 0 1 3 1, it gives {(matrix @ x)[:, 0].tolist()}.",
)
plots.show(
    plots.matrices([matrix.T, dout, matrix.T @ dout], operators=["@", "="], titles=["backward: transposed", "dout", "dx"], highlight=[[(2, 0), (2, 1), (2, 2)], (), [(2, 0)]]),
    alt=f"The transposed matrix, 5 rows and 3 columns, times dout, 1 0 2, gives dx: {(matrix.T @ dout)[:, 0].tolist()}. Its middle row, −1 2 1, is outlined: the kernel in reverse order.",
)

# %% [markdown]
# The convolution is a linear layer, so `dx` is the transposed matrix times `dout`. Look at the outlined row: −1, 2, 1. It is **the kernel in reverse order**. Above and below it, the kernel sticks out over the edge. So
#
# > `dx` is a convolution, too: pad `dout` with K − 1 zeros on each side, and slide the **flipped** kernel over it.
#
# (This is the other convolution, the one of the mathematicians. Forward we never flip; backward we do.)
#
# There is a second way to see it. Forward, each output **gathers** from its window. Backward, each output **stamps** the kernel, times its own gradient, onto the window that it came from. Where stamps overlap, they add. Here are two outputs with a gradient, 1 and 2. Where does the 11 come from?

# %%
kernel = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
dout = np.zeros((4, 5), dtype=int)
dout[0, 0], dout[2, 2] = 1, 2


def input_gradient(dout, kernel):
    """PyTorch's gradient of the input of a convolution without padding: dout (H', W'), kernel (K, K)."""
    x = torch.zeros(1, 1, dout.shape[0] + len(kernel) - 1, dout.shape[1] + len(kernel) - 1, dtype=torch.float64, requires_grad=True)
    out = F.conv2d(x, torch.tensor(kernel, dtype=torch.float64)[None, None])
    out.backward(torch.tensor(dout, dtype=torch.float64)[None, None])
    return x.grad[0, 0].numpy()


dx = input_gradient(dout, kernel).astype(int)
plots.show(
    plots.matrices([dout, kernel, dx], operators=["stamps", "→"], titles=["dout", "kernel", "dx"], highlight=[[(0, 0), (2, 2)], (), [(r, c) for r in range(3) for c in range(3)] + [(r, c) for r in range(2, 5) for c in range(2, 5)]]),
    alt="dout is 0 but for a 1 in the upper left corner and a 2 further down right. In dx the kernel 1 to 9 stands in the upper left corner, and twice the kernel, 2 to 18, two rows and two columns further on. They share one pixel: 9 + 2 = 11.",
)

# %% [markdown]
# Step through it. The stepper slides the *flipped* kernel over the padded `dout`. The function with which it compares is PyTorch's gradient: does the claim hold in all cells?

# %%
convolution_stepper(np.pad(dout, 2), kernel[::-1, ::-1], function=lambda image, flipped: input_gradient(image[2:-2, 2:-2], flipped[::-1, ::-1].copy()))

# %% [markdown]
# And `dw`? Each weight was multiplied by one pixel in every window. A product swaps and a branch adds: its gradient is the sum of these pixels, each times the gradient of its window. That is again a convolution: **slide `dout` over `x`**.
#
# With many channels and images, both need only the right axes in the right places. PyTorch's own `conv2d` computes its own gradient:

# %%
torch.manual_seed(1)
x, w = torch.randn(8, 3, 12, 10, dtype=torch.float64, requires_grad=True), torch.randn(5, 3, 3, 3, dtype=torch.float64, requires_grad=True)
out = F.conv2d(x, w)
dout = torch.randn_like(out)
out.backward(dout)

with torch.no_grad():
    flipped = w.flip(2, 3).transpose(0, 1)
    dx = F.conv2d(F.pad(dout, (2, 2, 2, 2)), flipped)
    dw = F.conv2d(x.transpose(0, 1), dout.transpose(0, 1)).transpose(0, 1)
print(f"dx {tuple(dx.shape)}: largest difference to PyTorch's {(dx - x.grad).abs().max():.0e}")
print(f"dw {tuple(dw.shape)}: largest difference to PyTorch's {(dw - w.grad).abs().max():.0e}")

# %% [markdown]
# **With stride 2** the outputs stood two pixels apart. So we first put one zero between the numbers of `dout` (and fill up at the end, if the last pixels were in no window). Then it goes on as before.

# %%
x.grad = None
out = F.conv2d(x, w, stride=2)
dout = torch.randn_like(out)
out.backward(dout)
with torch.no_grad():
    spread = dout.new_zeros(8, 5, x.shape[2] - 2, x.shape[3] - 2)
    spread[:, :, ::2, ::2] = dout
    dx = F.conv2d(F.pad(spread, (2, 2, 2, 2)), flipped)
print(f"stride 2: dout {tuple(dout.shape[2:])} spread to {tuple(spread.shape[2:])}; largest difference {(dx - x.grad).abs().max():.0e}")

# %% [markdown]
# A net that makes images *larger* uses this backward step as its forward step: the transposed convolution of chapter 02.
#
# ## Pooling: who gets the gradient?
#
# You know this 4×4 example from chapter 03. Max pooling (2, stride 2) made 6, 8, 3, 4 of it. Now the gradients 10, 20, 30, 40 come back.

# %%
predict(
    "How many of the 16 pixels get a gradient that is not 0, after max pooling?",
    answer=4,
    explain="One for each window: its winner. A maximum routes.",
    hint="There are four windows.",
)

# %%
example = np.array([[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]])
upstream = np.array([[10, 20], [30, 40]])
gradients = []
for pool in (F.max_pool2d, F.avg_pool2d):
    x = torch.tensor(example, dtype=torch.float64)[None, None].requires_grad_()
    pool(x, 2).backward(torch.tensor(upstream, dtype=torch.float64)[None, None])
    gradients.append(x.grad[0, 0].numpy())
plots.show(
    plots.matrices([example, upstream, *gradients], operators=["", "→", "or"], titles=["x", "dout", "dx, max", "dx, average"], highlight=[[(1, 1), (1, 3), (2, 0), (3, 3)], (), [(1, 1), (1, 3), (2, 0), (3, 3)], ()]),
    alt="The 4 by 4 example and the gradients 10, 20, 30, 40. After max pooling each goes to the largest value of its window, 6, 8, 3 and 4, and all other places get 0. After average pooling each is shared: 2.5, 5, 7.5 and 10 in all four places of the window.",
)

# %% [markdown]
# Max pooling sends each gradient **to the winner**; the forward pass has to remember where it was. Average pooling shares it out equally. In overlapping windows, one pixel can win several times: then it gets the sum.
#
# What if two pixels are equally large? The derivative has no answer. PyTorch gives all of it to the first one in the window:

# %%
x = torch.full((1, 1, 2, 2), 7.0, requires_grad=True)
F.max_pool2d(x, 2).backward(torch.tensor([[[[10.0]]]]))
print(x.grad[0, 0].numpy())

# %% [markdown]
# ## im2col: all of it as one matrix product
#
# How do libraries make this fast? An old trick: copy every window into a **column** of a matrix. Then the convolution is a linear layer, and you know its backward pass already.

# %%
x = np.arange(1, 10).reshape(3, 3)
cols = F.unfold(torch.tensor(x, dtype=torch.float64)[None, None], 2)[0].numpy().astype(int)
row = np.array([[1, 0, 2, -1]])
out = row @ cols
plots.show(
    plots.matrices([x, row, cols, out], operators=["", "@", "="], titles=["x", "kernel as a row", "the 4 windows", "out, as a row"]),
    alt=f"The 3 by 3 image 1 to 9; the kernel 1 0 2 −1 as a row; a matrix whose four columns are the four windows of 2 by 2; their product {out[0].tolist()}, which is the output of 2 by 2 as a row.",
)
dout = np.array([[1, 1, 1, 1]])
dcols = row.T @ dout
dx = F.fold(torch.tensor(dcols, dtype=torch.float64)[None], (3, 3), 2)[0, 0].numpy().astype(int)
plots.show(
    plots.matrices([dout @ cols.T, dcols, dx], operators=["", "add up →"], titles=["dkernel = dout @ colsᵀ", "dcols = kernelᵀ @ dout", "dx"]),
    alt=f"For dout of four ones: the gradient of the kernel {(dout @ cols.T)[0].tolist()}; dcols, four equal columns 1 0 2 −1; and dx, after adding every number up at its pixel: {dx.tolist()}.",
)

# %% [markdown]
# The last step is called `col2im`. A pixel that was copied into several columns collects from all of them: a branch adds. (In PyTorch the two are `F.unfold` and `F.fold`.)
#
# The price is memory. With a 3×3 kernel and stride 1, nearly every pixel is copied nine times:

# %%
small = torch.zeros(8, 64, 56, 56)
columns = F.unfold(small, 3, padding=1)
print(f"8 images of 64×56×56: {small.nbytes / 1e6:.1f} MB; as columns {tuple(columns.shape)}: {columns.nbytes / 1e6:.1f} MB, {columns.numel() // small.numel()} times as much")
del small, columns

# %% [markdown]
# ## Gradient checking
#
# A wrong gradient does not crash. Often the net even learns, only worse. So how do you find out? Ask the definition. Turn one number a little in **both** directions, and see what happens to the loss:
#
# $$\frac{\partial L}{\partial x_i} \approx \frac{L(x_i + h) - L(x_i - h)}{2h}$$
#
# It is slow, so we take a small input and do it once. Which $h$ is best, and do we need both directions? Predict first: is a smaller $h$ always better?


# %%
def numerical_gradient(loss, x, h=1e-5, both=True):
    """Gradient of loss(x) by differences. x: any shape. h: step. both: to both sides, otherwise only up."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += h
        down[index] -= h if both else 0
        gradient[index] = (loss(up) - loss(down)) / (2 * h if both else h)
    return gradient


def relative_error(one, other):
    return np.abs(one - other).max() / max(np.abs(one).max(), np.abs(other).max())


rng = np.random.default_rng(1)
scores, some_labels = 2 * rng.standard_normal((6, 10)), rng.integers(10, size=6)
exact = softmax_loss(scores, some_labels)[1]
steps = 10.0 ** -np.arange(0, 13)
fig, ax = plt.subplots(figsize=(8, 3.4))
lowest = {}
for label, dtype, both, colour, marker in (
    ("one side, float64", np.float64, False, "green", "^"),
    ("both sides, float64", np.float64, True, "blue", "o"),
    ("both sides, float32", np.float32, True, "vermillion", "s"),
):
    errors = [relative_error(exact, numerical_gradient(lambda s: softmax_loss(s, some_labels)[0], scores.astype(dtype), dtype(h), both)) for h in steps]
    ax.loglog(steps, errors, color=plots.PALETTE[colour], marker=marker, label=label)
    lowest[label] = (min(errors), steps[int(np.argmin(errors))])
ax.axhspan(1e-12, 1e-7, color="#E6F2EC")
ax.text(1.3, 1.5e-12, "right", fontsize=10, va="bottom", ha="left")
ax.set(xlabel="h (smaller to the right)", ylabel="relative error", ylim=(1e-12, 30), xlim=(2, 5e-13))
ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
plots.show(
    fig,
    alt="Relative error of the numerical gradient against h, three curves, each falling to a lowest point and rising again: "
    + "; ".join(f"{label}: lowest {error:.0e} at h = {h:.0e}" for label, (error, h) in lowest.items())
    + ". Only both sides in float64 reach the zone below 1e-7 with room to spare.",
)
for label, (error, h) in lowest.items():
    print(f"{label:20} smallest error {error:.0e} at h = {h:.0e}")

# %% [markdown]
# Every curve falls, then rises again. When $h$ is large, the curve bends too much between the two points. When it is tiny, the two losses are equal in nearly all digits, and their difference is only rounding.
#
# - **Both sides** are much better than one: the error falls with $h^2$, not with $h$.
# - **Use float64.** In float32, even a right gradient stays far away from the green zone, at every $h$.
# - With both sides, float64 and $h = 10^{-5}$: a relative error below $10^{-7}$ is right, one above $10^{-2}$ is wrong. In between, look closer.
#
# ### Find the wrong ones
#
# Four people wrote the gradient of the softmax loss. All four run without an error. Which ones are right?


# %%
def probabilities(scores):
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def target(labels):
    return np.eye(10)[labels]


suspects = {
    "A": lambda s, y: probabilities(s) - target(y),
    "B": lambda s, y: (probabilities(s) - target(y)) / len(s),
    "C": lambda s, y: (probabilities(s) * (1 - target(y)) - target(y)) / len(s),
    "D": lambda s, y: -target(y) * (1 - probabilities(s)) / len(s),
}
numerical = numerical_gradient(lambda s: softmax_loss(s, some_labels)[0], scores)
for name, suspect in suspects.items():
    print(f"{name}: relative error {relative_error(suspect(scores, some_labels), numerical):.0e}")

# %%
question(
    "What is wrong with A?",
    {
        "Nothing, the check is too strict": "A relative error of 0.8 is no rounding. It is a wrong factor.",
        "It is the gradient of the sum over the images, not of their mean": "Yes. Each number is six times too large, because there are six images. Training would still work, with a six times larger step, and with another step for each batch size.",
        "It has the wrong sign": "A wrong sign would give a relative error of 2. And the loss would grow.",
        "The labels are off by one": "Then the error would depend on the labels, and single rows would be right by chance.",
    },
    answer="It is the gradient of the sum over the images, not of their mean",
)

# %% [markdown]
# (C forgets the probability of the right class. D moves only the right class, and no other.)
#
# ### When the check is wrong
#
# ReLU has a kink at 0. When a number lies closer to it than $h$, one of the two points lies on the other side. Then the *numerical* gradient is wrong.

# %%
for x in (1.0, 1e-6):
    h = 1e-5
    slope = (max(x + h, 0) - max(x - h, 0)) / (2 * h)
    print(f"ReLU at x = {x:g}: exact slope 1, numerical slope {slope:.2f}")

# %% [markdown]
# So if a few numbers of many are off, look whether they sit at a kink: ReLU at 0, or two pixels of a pooling window that are nearly equal. Take another random input and check again.
#
# ## Everything together: a net trained by hand
#
# Now we can train a net without any autograd: linear, ReLU, linear, softmax loss. The forward pass keeps what the backward pass needs. Read `gradients` from the bottom to the top, next to the forward pass.


# %%
def gradients(images, labels, net):
    """Loss and the gradient of each array of the net, in its order. images: (N, 784)."""
    w1, b1, w2, b2 = net
    before = images @ w1.T + b1
    hidden = np.maximum(before, 0)
    loss, dscores = softmax_loss(hidden @ w2.T + b2, labels)
    dw2, db2 = dscores.T @ hidden, dscores.sum(axis=0)
    dbefore = (dscores @ w2) * (before > 0)
    return loss, (dbefore.T @ images, dbefore.sum(axis=0), dw2, db2)


rng = np.random.default_rng(0)
net = [rng.normal(0, 0.01, (64, 784)), np.zeros(64), rng.normal(0, 0.01, (10, 64)), np.zeros(10)]
tensors = [torch.tensor(array, requires_grad=True) for array in net]
first, first_labels = pixels[:100], clothes.train_labels[:100]
hidden = F.relu(F.linear(torch.tensor(first), tensors[0], tensors[1]))
F.cross_entropy(F.linear(hidden, tensors[2], tensors[3]), torch.tensor(first_labels, dtype=torch.long)).backward()
_, ours = gradients(first, first_labels, net)
for name, mine, theirs in zip(("dw1", "db1", "dw2", "db2"), ours, tensors, strict=True):
    print(f"{name}: relative difference to PyTorch {relative_error(mine, theirs.grad.numpy()):.0e}")

# %% [markdown]
# The gradients are right. So we go a small step against them, again and again, with 100 images each time. What should the first loss be?

# %%
test_pixels = clothes.test_images.reshape(len(clothes.test_images), -1) / 255.0
test_pixels = (test_pixels - (clothes.train_images / 255.0).mean()) / (clothes.train_images / 255.0).std()
losses = []
for _ in range(5):
    order = rng.permutation(len(pixels))
    for start in range(0, len(pixels), 100):
        batch = order[start : start + 100]
        loss, slopes = gradients(pixels[batch], clothes.train_labels[batch], net)
        net = [array - 0.1 * slope for array, slope in zip(net, slopes, strict=True)]
        losses.append(loss)

w1, b1, w2, b2 = net
answers = (np.maximum(test_pixels @ w1.T + b1, 0) @ w2.T + b2).argmax(axis=1)
accuracy = (answers == clothes.test_labels).mean()
fig, ax = plt.subplots(figsize=(8, 3.2))
ax.plot(losses, color=plots.PALETTE["blue"], linewidth=1)
ax.axhline(np.log(10), color=plots.PALETTE["vermillion"], linestyle="--")
ax.text(len(losses), np.log(10) + 0.04, "ln 10", ha="right", va="bottom", color="#B34700")
ax.set(xlabel="step", ylabel="loss of the batch", ylim=(0, 2.7))
plots.show(fig, alt=f"Loss over {len(losses)} steps. It starts at {losses[0]:.2f}, at the dashed line ln 10, falls steeply, and wavers around {np.mean(losses[-50:]):.2f} at the end.")
print(f"first loss {losses[0]:.3f} (ln 10 = {np.log(10):.3f}), mean of the last 50: {np.mean(losses[-50:]):.3f}, test accuracy {accuracy:.1%}")

# %% [markdown]
# Every gradient in this training came out of local gradients, products and sums. For a hundred layers you need more boxes, but no other idea.
#
# ## Check yourself

# %%
predict(
    "In f = (a + b) · (a − b), let a = 5 and b = 2. What is the gradient with respect to b?",
    answer=-4,
    explain="f = a² − b², so the gradient is −2b = −4. Along the graph: through the sum (a − b) = 3, through the difference −(a + b) = −7, together 3 − 7 = −4.",
    hint="There are two ways from b to f. Or type the expression into the graph above.",
)

# %%
question(
    "A network has 10 million weights. How many backward passes do you need for the gradient of the loss with respect to all of them?",
    {
        "1": "Yes. The walk from the loss to the inputs passes every weight once. It costs about as many multiplications as two forward passes.",
        "2": "Two would be the cost, measured in forward passes. But it is one walk.",
        "10 million": "That is what differences would need: at least one more forward pass for each weight.",
        "One for each layer": "One walk goes through all layers.",
    },
    answer="1",
)

# %%
question(
    "A convolution has 16 filters, the output is 16×28×28, the batch has 32 images. What is the gradient of the bias of filter 0?",
    {
        "The mean of dout[:, 0]": "The bias was added in every place of every image, and a branch *adds*. (If the loss is a mean over the batch, the division is already inside dout.)",
        "The sum of dout[:, 0] over 32·28·28 numbers": "Yes. The same number was added in all these places, so all their gradients add up.",
        "dout[0, 0]": "That is a whole map of one image. The bias is one number, so its gradient is one number.",
        "1": "That is the local gradient. It still meets the upstream gradient, in every place.",
    },
    answer="The sum of dout[:, 0] over 32·28·28 numbers",
)

# %%
question(
    "You start to train a classifier for 100 classes. The first loss is 46. What do you do?",
    {
        "Wait, it will fall": "It may. But it starts far above ln 100 = 4.6, and the first steps are spent on undoing nonsense. Find out why.",
        "Look at the scale of the inputs and of the initial weights": "Yes. An untrained net should give ln 100 = 4.6. Ten times as much means very large scores, which means large weights, or pixels from 0 to 255 that nobody scaled.",
        "Use a smaller learning rate": "The learning rate has not acted yet: this is the loss *before* the first step.",
        "Add more layers": "That changes nothing about the scale.",
    },
    answer="Look at the scale of the inputs and of the initial weights",
)

# %%
question(
    "Your gradient check of a net with ReLU in float64 says: 3 of 5,000 numbers have a relative error of 0.4, all others are below 1e-9. What is the likeliest reason?",
    {
        "The backward pass forgets to sum over the batch": "Then nearly all gradients of the weights would be wrong.",
        "h is too large": "Then all errors would be larger, not only three.",
        "Three numbers sit closer than h to a kink of ReLU": "Yes. There the numerical gradient is wrong, and yours is right. Check again with other random numbers.",
        "Rounding": "In float64, rounding is far below 0.4.",
    },
    answer="Three numbers sit closer than h to a kink of ReLU",
)

# %% [markdown]
# ## What this leads to
#
# - **Assignment 02**: you write the backward passes of all layers, and check them as we did here.
# - **Chapter 05** has the most interesting graph of the course: in batch normalisation, mean and variance depend on every image of the batch. So each gradient has three ways back.
# - **Chapter 06** asks what to do with the gradients: how large a step, and in which direction.
# - **Chapter 12** returns to the sum that copies: it is why a ResNet can have 152 layers.
# - **Chapter 15** walks on to the left, past the first layer, to the *pixels*: which of them made the net say "cat"?
#
# ## Sources
#
# - D. Rumelhart, G. Hinton, R. Williams, *Learning representations by back-propagating errors*, Nature 323, 1986.
# - S. Linnainmaa, *Taylor expansion of the accumulated rounding error*, BIT 16, 1976: the reverse walk through a graph, long before deep learning (in his thesis of 1970).
# - A. G. Baydin, B. Pearlmutter, A. Radul, J. M. Siskind, *Automatic Differentiation in Machine Learning: a Survey*, JMLR 18, 2018: forward and backward, and what each costs.
# - K. Chellapilla, S. Puri, P. Simard, *High Performance Convolutional Neural Networks for Document Processing*, 2006: convolution as one matrix product.
# - V. Dumoulin, F. Visin, *A guide to convolution arithmetic for deep learning*, arXiv:1603.07285: the backward pass of a convolution, with stride and padding.
# - Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, *Efficient BackProp*, 1998.
