# ---
# jupyter:
#   convnets:
#     minutes: 120
#     budget_seconds: 240
#     libraries: pytorch
#     needs: [02_convolution_arithmetic, 03_activations_and_pooling, 01_convolution_arithmetic, 02_layers]
#     summary: Train the net of 1998 on 10,000 photos of clothes, find out what it confuses, and look at its filters.
# ---

# %% [markdown]
# # LeNet on Fashion-MNIST
#
# In 1998 Yann LeCun and his colleagues read cheques with a convolutional network of about 60,000 weights. How good is that
# idea on today's laptop? You will build the network, write its training loop, train it on photos of clothes, and then ask
# the two questions that matter after every training run: *what does it get wrong, and what did it learn?*
#
# **You will be able to**
#
# - turn raw pixels into a normalised tensor N×C×H×W,
# - write a network as an `nn.Module` and predict its number of weights,
# - write a training loop in which every line has its reason,
# - read a confusion matrix, and show what the first layer has learned.
#
# **Time** about 2 hours, of which the computer trains for about one minute on two CPU cores.
# **You need** assignment 01 for the sizes, and assignment 02 for the section on your own convolution.
#
# Points are earned in five exercises. The last one is graded with *your* trained net, on images that it has not seen.

# %%
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from convnets import plots, widgets
from convnets.check import check
from convnets.data import load_fashion_mnist
from convnets.numpy_layer import Conv2dFromNumPy
from convnets.own_code import functions_from
from convnets.plots import show
from convnets.train import device, evaluate, fit, one_cycle, seed_everything
from convnets.weights import load_weights, save_weights

# %% [markdown]
# ## Look at the data first
#
# The course ships 10,000 training and 2,000 test images of Fashion-MNIST: ten kinds of clothes, 28×28 grey pixels, as many of
# each kind. Before you train anything, look. Could *you* tell a shirt from a coat at this size?

# %% tags=["active-ipynb"]
# data = load_fashion_mnist()
# print(data)
# first = [int(np.flatnonzero(data.train_labels == k)[i]) for i in range(3) for k in range(10)]
# figure = plots.image_grid(data.train_images[first], titles=[data.classes[data.train_labels[i]] for i in first], columns=10)
# show(figure, alt="Three images of each of the ten classes of clothes. Shirts, coats and pullovers look much alike.")

# %% tags=["active-ipynb"]
# widgets.question(
#     "You guess the class of every test image at random. How many of the 2,000 do you get right, on average?",
#     {
#         "About 20": "That would be 1 in 100. There are ten classes, all equally frequent.",
#         "About 200": "One in ten. Keep this number: a net at 10 % has learned nothing.",
#         "About 1,000": "That would be a coin toss, with two classes. Here there are ten.",
#     },
#     answer="About 200",
# )

# %% [markdown]
# ## to_tensor
#
# **Why.** The files hold whole numbers from 0 to 255. A network learns much faster when its inputs are centred at 0 and have a
# spread near 1: then a small step of the weights means a small step of the outputs, whatever the pixel.
#
# **Example.** With mean 0.25 and standard deviation 0.5, the pixel 255 becomes $(255/255 - 0.25)/0.5 = 1.5$, and the pixel 0
# becomes $(0 - 0.25)/0.5 = -0.5$.
#
# <details><summary>Hint 1: the order of things</summary>
#
# Three steps: to floats between 0 and 1, then subtract the mean, then divide by the standard deviation. Do the first one before any
# subtraction: `uint8` numbers cannot be negative, so 3 − 5 becomes 254.
#
# </details>
#
# <details><summary>Hint 2: the missing axis</summary>
#
# The images are N×28×28; a convolution wants N×C×H×W, with C = 1 here. `tensor[:, None]` or `tensor.unsqueeze(1)` adds the axis.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "to_tensor", "locked": false, "schema_version": 3, "solution": true, "task": false}
MEAN, STD = 0.286, 0.353  # of all training pixels, on the scale 0 to 1; the next cell computes them


def to_tensor(images, mean=MEAN, std=STD):
    """Turn grey images into a normalised tensor.

    images: uint8 array (N, H, W), values 0 to 255; must not be modified
    mean, std: floats, mean and standard deviation of the pixels on the scale 0 to 1

    Returns a float32 tensor (N, 1, H, W) that holds (pixel / 255 - mean) / std.
    """
    ### BEGIN SOLUTION
    pixels = torch.from_numpy(images).float() / 255
    return ((pixels - mean) / std).unsqueeze(1)
    ### END SOLUTION


# %% tags=["active-ipynb"]
# pixels = data.train_images / 255
# print(f"mean {pixels.mean():.3f}, standard deviation {pixels.std():.3f}")
# train = to_tensor(data.train_images), torch.from_numpy(data.train_labels)
# test = to_tensor(data.test_images), torch.from_numpy(data.test_labels)
# print(f"train: images {tuple(train[0].shape)}, {train[0].dtype}, mean {train[0].mean():.2f}, std {train[0].std():.2f}; labels {tuple(train[1].shape)}")

# %% [markdown]
# ## LeNet
#
# **Why.** The pattern of this net, [convolution, nonlinearity, pooling] twice, then fully connected layers, is the pattern of
# nearly every image classifier of the next fifteen years. We use today's pieces: ReLU and max pooling where the original had
# squashing functions and trainable averages.
#
# | layer | output (C×H×W) |
# |:--|:--|
# | input | 1×28×28 |
# | convolution 5×5, 6 filters, padding 2, ReLU | 6×28×28 |
# | max pooling 2×2, stride 2 | 6×14×14 |
# | convolution 5×5, 16 filters, no padding, ReLU | 16×10×10 |
# | max pooling 2×2, stride 2 | 16×5×5 |
# | flatten | 400 |
# | fully connected, ReLU, dropout | 120 |
# | fully connected, ReLU | 84 |
# | fully connected: the logits | 10 |
#
# **Example.** The second convolution has $16 \cdot (5 \cdot 5 \cdot 6 + 1) = 2{,}416$ parameters. Before you go on: which layer
# has the most? Compute it, then look at the table below the check.
#
# Two arguments make the net of 1998 a family. `width` multiplies the number of filters of both convolutions: `LeNet(width=2)` has 12 and 32
# of them, so 800 numbers reach the first linear layer; that one still has 120 outputs. `dropout` is the share of the 120 activations that
# `nn.Dropout` switches off at random while training, right after their ReLU. With 0 it does nothing.
#
# Call the parts of your net whatever you like. The check fills your weights with numbers of its own and compares the logits.
#
# <details><summary>Hint 1: the skeleton</summary>
#
# A class that inherits from `nn.Module` needs `__init__` (call `super().__init__()` first, then make the layers) and `forward(self, x)`.
# `nn.Sequential(...)` holds layers that follow each other.
#
# </details>
#
# <details><summary>Hint 2: from maps to numbers</summary>
#
# `nn.Flatten()` turns N×16×5×5 into N×400. It keeps the first axis, the batch, as it is.
#
# </details>
#
# <details><summary>Hint 3: what comes last</summary>
#
# Nothing comes after the last linear layer. `cross_entropy` takes logits: it applies the softmax itself, in a way that does not overflow.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "LeNet", "locked": false, "schema_version": 3, "solution": true, "task": false}
class LeNet(nn.Module):
    """LeNet-5 with ReLU and max pooling, for images of 28×28 pixels.

    width: int, multiplies the 6 and 16 filters of the convolutions
    dropout: float, probability with which each of the 120 activations is switched off in training

    forward: float32 tensor (N, 1, 28, 28) → logits, float32 tensor (N, 10)

    Source of the pattern: LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998.
    """

    def __init__(self, width=1, dropout=0.0):
        super().__init__()
        ### BEGIN SOLUTION
        self.features = nn.Sequential(
            nn.Conv2d(1, 6 * width, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6 * width, 16 * width, kernel_size=5),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(16 * width * 5 * 5, 120),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, 10),
        )
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return self.classifier(self.features(x))
        ### END SOLUTION


# %% tags=["active-ipynb"]
# widgets.architecture_table(LeNet(), (1, 28, 28))

# %% [markdown]
# Sort the table by parameters, then by multiply-adds. The convolutions hold few of the weights and do most of the work: a weight
# of a convolution is used at every position, a weight of a fully connected layer once.

# %% [markdown]
# ## train_epoch
#
# **Why.** One epoch shows the net every training image once, in small batches. For each batch there are four steps, always the
# same: predict, measure the loss, compute the gradients, move the weights. A loop with a step missing often still runs, and
# still learns a little. That makes it the most dangerous kind of mistake.
#
# **Example.** With 10,000 images and batches of 64 there are 157 steps; the last batch has only $10{,}000 - 156 \cdot 64 = 16$ images.
# Its mean loss must count for 16 images, not for 64.
#
# <details><summary>Hint 1: the four steps in PyTorch</summary>
#
# `logits = net(batch)`, `loss = cross_entropy(logits, labels)`, `loss.backward()`, `optimizer.step()`. And one more: gradients add up
# in `.grad` until somebody clears them with `optimizer.zero_grad()`.
#
# </details>
#
# <details><summary>Hint 2: batches</summary>
#
# `order.split(batch_size)` cuts the order into pieces; the last one may be shorter. `images[rows]` picks the images of a piece.
#
# </details>
#
# <details><summary>Hint 3: the mean over all images</summary>
#
# `cross_entropy` returns the mean over the batch. Add `loss.item() * len(rows)` for every batch, and divide by the number of images at the end.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "train_epoch", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_epoch(net, images, labels, optimizer, order, batch_size=64):
    """Train a net for one epoch, in place.

    net: nn.Module that maps images to logits; put it into training mode first
    images: float tensor (N, …); labels: int64 tensor (N,)
    optimizer: a torch optimizer of the net's parameters
    order: int64 tensor (N,), the order in which the images are taken, batch after batch
    batch_size: images in a batch; the last batch may be smaller and counts too

    Returns the mean cross-entropy over all images, each measured just before its batch's step, as a float.
    """
    ### BEGIN SOLUTION
    net.train()
    total = 0.0
    for rows in order.split(batch_size):
        loss = cross_entropy(net(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    return total / len(order)
    ### END SOLUTION


# %% [markdown]
# Now your loop trains your net, for two epochs. Before the first step the loss should be near $\ln 10 \approx 2.30$: that is the loss
# of a net that gives every class the same probability.

# %% tags=["active-ipynb"]
# seed_everything(0)
# first_net = LeNet()
# loss, accuracy = evaluate(first_net, test)
# print(f"untrained: loss {loss:.2f} (ln 10 = {np.log(10):.2f}), test accuracy {accuracy:.1%}")
# optimizer = torch.optim.SGD(first_net.parameters(), lr=0.05, momentum=0.9)
# for epoch in range(2):
#     loss = train_epoch(first_net, *train, optimizer, torch.randperm(len(train[1])))
#     print(f"epoch {epoch + 1}: training loss {loss:.2f}, test accuracy {evaluate(first_net, test)[1]:.1%}")

# %% [markdown]
# ## The full run
#
# Now for a net with twice the filters and dropout, twenty epochs, and a learning rate that rises and then falls to zero. This takes
# under a minute on two CPU cores.
#
# **Predict.** Two epochs of your loop gave the accuracy above. What will twenty epochs of the wider net give? Write your guess down.

# %% tags=["active-ipynb"]
# widgets.predict(
#     "Your guess for the test accuracy after twenty epochs:",
#     unit="%",
#     answer=89.5,
#     tolerance=1.5,
#     explain="It ends near 89 to 90 %. The full training set, six times as large, gives about two points more.",
# )

# %% [markdown]
# `fit` is your loop with four comforts: it finds a GPU, draws live curves, can be stopped, and goes on where it left off. Read it, it
# is one page: `fit??`. While it trains you can press **Stop**; the curves stay, and the net keeps what it has learned so far.
#
# The validation curve is measured on the test images. That is fair as long as nothing is *chosen* by it, and here nothing is: the recipe is
# fixed. Lab 03 chooses, and keeps the test images for the end.
#
# Your weights are saved as `lenet.safetensors` beside this notebook, and you hand that file in with it. Delete it to train anew.

# %% tags=["active-ipynb"]
# handed_in = Path("lenet.safetensors")
# trained = LeNet(width=2, dropout=0.5)
# history = None
# if handed_in.exists():
#     load_weights(trained, handed_in)
# else:
#     seed_everything(0)
#     trained = LeNet(width=2, dropout=0.5)
#     optimizer = torch.optim.AdamW(trained.parameters(), lr=3e-3, weight_decay=1e-2)
#     history = fit(trained, train, test, epochs=20, optimizer=optimizer, batch_size=64, schedule=one_cycle)
#     save_weights(trained, handed_in)
# trained = trained.cpu()
# where = f"on {history.device} in {sum(history.seconds):.0f} s" if history else "in an earlier run"
# print(f"test accuracy {evaluate(trained, test)[1]:.1%}, trained {where}")

# %% tags=["active-ipynb"]
# if history:
#     show(plots.curves(history), alt="Loss and accuracy on training and test images over the epochs; the training loss ends lower.")

# %% [markdown]
# Read the curves: where does the test loss stop falling while the training loss goes on? The gap that opens there is *overfitting*, and
# lab 02 is about narrowing it.

# %% [markdown]
# ## classify
#
# **Why.** Whoever uses your net has photos, not normalised tensors, and wants classes, not logits. The function between the two
# is short, and it is where good nets are most often used wrongly: other pixels than in training, or a net left in training mode.
# When your work is graded, your net is asked about test photos in another light and with fresh noise, which nobody has beforehand. They are
# a little harder, so one percentage point less is asked there: 79 % and 87 %.
#
# **Example.** For logits `[[0.1, 2.0, -1.0], [3.0, 0.2, 0.4]]` the classes are `[1, 0]`.
#
# <details><summary>Hint 1: the same preparation</summary>
#
# The net was trained on what `to_tensor` returns. It must see the same now.
#
# </details>
#
# <details><summary>Hint 2: whose net?</summary>
#
# Begin with `net = trained if net is None else net`. The check brings nets of its own, and asks yours when it brings none.
#
# </details>
#
# <details><summary>Hint 3: two modes, and no gradients</summary>
#
# `net.eval()` switches dropout off and makes batch normalisation use its running averages. Inside `with torch.no_grad():` PyTorch
# keeps no record for gradients, which saves time and memory.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "classify", "locked": false, "schema_version": 3, "solution": true, "task": false}
def classify(images, net=None):
    """The class of each image.

    images: uint8 array (N, 28, 28), values 0 to 255
    net: nn.Module that maps what `to_tensor` returns to logits (N, 10), in whatever mode it was left; the variable `trained`, your own net, if None

    Returns an int64 array or tensor (N,) of classes 0 to 9.
    """
    ### BEGIN SOLUTION
    net = trained if net is None else net
    net.eval()
    with torch.no_grad():
        return net(to_tensor(images)).argmax(dim=1)
    ### END SOLUTION


# %% tags=["active-ipynb"]
# predicted = np.asarray(classify(data.test_images))
# shown = np.random.default_rng(3).choice(len(predicted), 20, replace=False)
# figure = plots.predictions(data.test_images[shown], data.test_labels[shown], predicted[shown], data.classes, columns=5)
# show(figure, alt="Twenty test images with the net's answers; a tick marks a right one, a cross a wrong one with the right class.")

# %% [markdown]
# ## confusion_matrix
#
# **Why.** One number, the accuracy, hides *which* classes are confused. A confusion matrix counts them all.
#
# **Example.** Labels `[0, 0, 1, 1, 1]` and predictions `[0, 1, 1, 1, 0]` give `[[1, 1], [1, 2]]`: row 0 says that of the two images of class
# 0, one was called 0 and one was called 1.
#
# <details><summary>Hint: counting pairs</summary>
#
# A loop over the pairs is fine. Without a loop, `matrix[labels, predicted] += 1` looks right and is not: NumPy adds to each place once, even
# when a pair occurs ten times. `np.add.at` adds every time.
#
# </details>

# %% nbgrader={"grade": false, "grade_id": "confusion_matrix", "locked": false, "schema_version": 3, "solution": true, "task": false}
def confusion_matrix(labels, predicted, classes):
    """Count how often each class was called what.

    labels, predicted: int arrays (N,) with values 0 to classes - 1
    classes: int, number of classes, also those that do not occur

    Returns an int array (classes, classes): entry [i, j] counts the images of class i that were called j.
    """
    ### BEGIN SOLUTION
    matrix = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(matrix, (labels, predicted), 1)
    return matrix
    ### END SOLUTION


# %% tags=["active-ipynb"]
# matrix = confusion_matrix(data.test_labels, predicted, 10)
# show(
#     plots.confusion_matrix(matrix, data.classes),
#     alt="Confusion matrix of the ten classes: most counts lie on the diagonal; shirts are often called T-shirts, pullovers or coats.",
# )
# recall = matrix.diagonal() / matrix.sum(axis=1)
# for k in recall.argsort()[:3]:
#     other = np.argsort(np.where(np.arange(10) == k, -1, matrix[k]))[-1]
#     print(f"{data.classes[k]}: {recall[k]:.0%} right, most often called {data.classes[other]} ({matrix[k, other]} times)")

# %% [markdown]
# Look at the mistakes themselves. Would you have got them right?

# %% tags=["active-ipynb"]
# wrong = np.flatnonzero(predicted != data.test_labels)[:20]
# figure = plots.predictions(data.test_images[wrong], data.test_labels[wrong], predicted[wrong], data.classes, columns=5)
# show(figure, alt="Twenty test images that the net classifies wrongly, with its answer and the right class. Many are hard for people too.")

# %% [markdown]
# ## What has it learned?
#
# The first layer's twelve kernels are small pictures. Zero is white; one sign is red, the other blue. A kernel with a red side and a
# blue side answers to an edge.

# %% tags=["active-ipynb"]
# first_layer = next(m for m in trained.modules() if isinstance(m, nn.Conv2d))
# show(plots.filters(first_layer.weight.detach()), alt="The twelve 5×5 kernels of the first layer. Some have a positive and a negative side.")
# boot = to_tensor(data.test_images[data.test_labels == 9][:1])
# with torch.no_grad():
#     maps = first_layer(boot)[0]
# show(plots.feature_maps(maps), alt="What the twelve kernels answer to one ankle boot: each map shows edges of another direction or filled areas.")

# %% [markdown]
# Match each map to its kernel: where the kernel's pattern occurs in the boot, the map is red.

# %% [markdown]
# ## Your own convolution inside
#
# In assignment 02 you wrote `conv2d_forward` and `conv2d_backward` in NumPy. Here they become a layer of a PyTorch net, and PyTorch
# trains it: your arithmetic, their optimiser. The cell takes the functions from your own notebook. If they are not there yet, it says so.

# %% tags=["active-ipynb"]
# try:
#     forward, backward = functions_from("02_layers", "conv2d_forward", "conv2d_backward")
# except (FileNotFoundError, NotImplementedError) as reason:
#     print(f"Come back to this cell later. {reason}")
# else:
#     seed_everything(0)
#     mine = nn.Sequential(
#         Conv2dFromNumPy(1, 6, 5, padding=2, forward=forward, backward=backward), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(294, 10)
#     )
#     optimizer = torch.optim.SGD(mine.parameters(), lr=0.05, momentum=0.9)
#     some = train[0][:3000], train[1][:3000]
#     for epoch in range(3):
#         loss = train_epoch(mine, *some, optimizer, torch.randperm(3000))
#         print(f"epoch {epoch + 1} with your convolution: training loss {loss:.2f}, test accuracy {evaluate(mine, test)[1]:.1%}")

# %% [markdown]
# ## The full experiment
#
# With all 60,000 training images the same net gets better. Set `FULL = True` if you have a GPU, or a few minutes to spare on a CPU;
# the complete set is then looked for in your class's data folder, and downloaded otherwise (30 MB).

# %% tags=["active-ipynb"]
# FULL = device().type != "cpu"
# if FULL:
#     everything = load_fashion_mnist(full=True)
#     big = LeNet(width=2, dropout=0.3)
#     optimizer = torch.optim.AdamW(big.parameters(), lr=3e-3, weight_decay=1e-2)
#     full_train = to_tensor(everything.train_images), torch.from_numpy(everything.train_labels)
#     full_test = to_tensor(everything.test_images), torch.from_numpy(everything.test_labels)
#     full_history = fit(big, full_train, full_test, epochs=10, optimizer=optimizer, batch_size=128, schedule=one_cycle)
#     print(f"all images, on {full_history.device}: test accuracy {full_history.validation_accuracy[-1]:.1%}")
# else:
#     print("This machine has no GPU that PyTorch can use: the figures above come from the CPU and the 10,000 shipped images.")

# %% [markdown]
# ## What to take with you
#
# - The pattern of 1998, with 61,706 weights or twice as many, sorts clothes that even people take for each other.
# - The training loop has five lines, and each of them can be forgotten without an error message. Your checks know what that looks like.
# - The confusion matrix says where to look next: shirts.
#
# **Next**: lab 02 asks what BatchNorm, dropout and augmentation buy, alone and together.
#
# **Sources.** Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-based learning applied to document recognition*, Proceedings of the
# IEEE 86(11), 1998 · H. Xiao, K. Rasul, R. Vollgraf, *Fashion-MNIST*, arXiv:1708.07747, 2017 (MIT licence) · L. Smith, N. Topin,
# *Super-Convergence*, arXiv:1708.07120, 2018, for the learning rate that rises and falls.
