"""Checks of lab 01: the exercises' properties, points and classic mistakes."""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from autograder.units import import_unit
from autograder.unseen_images import unseen, unseen_well
from convnets.check import Exercise, case
from convnets.weights import load_weights

notebook = import_unit("01_lenet_on_fashion_mnist")
PROBES = "convnets.check.torch_probes"


def trained_reference():
    """The net that the notebook trains, from the weights of such a run."""
    return load_weights(notebook.LeNet(width=2), Path(__file__).with_name("reference.safetensors"))


notebook.trained = trained_reference()


# --- to_tensor -----------------------------------------------------------------------------------------------------------

to_tensor = Exercise("to_tensor", reference=notebook.to_tensor, title="Pixels to tensors", minutes=10, difficulty=1)


def pixels(rng):
    images = rng.integers(0, 256, (rng.integers(2, 5), rng.integers(4, 7), rng.integers(7, 9)), dtype=np.uint8)
    images[0, 0, :2] = 0, 255
    return images


def statistics(rng):
    return {"mean": float(rng.uniform(0.2, 0.4)), "std": float(rng.uniform(0.2, 0.4))}


@to_tensor.checks("the given mean and deviation", points=2)
def _(rng):
    return case(pixels(rng), **statistics(rng))


@to_tensor.checks("the default mean and deviation", points=1)
def _(rng):
    return case(pixels(rng))


@to_tensor.checks("one image", points=1)
def _(rng):
    return case(pixels(rng)[:1], **statistics(rng))


@to_tensor.checks("float32", points=1, dtype=True)
def _(rng):
    return case(pixels(rng), **statistics(rng))


@to_tensor.checks("input left unmodified", points=1, unmodified=True)
def _(rng):
    return case(pixels(rng), **statistics(rng))


@to_tensor.mistake("pixels left on the scale 0 to 255", loses="the given mean and deviation")
def _(images, mean=notebook.MEAN, std=notebook.STD):
    """You subtracted a mean on the scale 0 to 1 from pixels on the scale 0 to 255. Divide by 255 first."""
    return ((torch.from_numpy(images).float() - mean) / std)[:, None]


@to_tensor.mistake("channel axis missing", loses="the given mean and deviation")
def _(images, mean=notebook.MEAN, std=notebook.STD):
    """The result is N×H×W; a convolution wants N×C×H×W. Grey images have one channel: add an axis of size 1 after the first."""
    return (torch.from_numpy(images).float() / 255 - mean) / std


@to_tensor.mistake("channel axis last", loses="the given mean and deviation")
def _(images, mean=notebook.MEAN, std=notebook.STD):
    """The channel axis is the last one in your result. PyTorch's layout is N×C×H×W: the channel comes second."""
    return ((torch.from_numpy(images).float() / 255 - mean) / std)[..., None]


@to_tensor.mistake("divided by the variance", loses="the given mean and deviation")
def _(images, mean=notebook.MEAN, std=notebook.STD):
    """You divided by the square of `std`. It is the standard deviation already: divide by it as it is."""
    return ((torch.from_numpy(images).float() / 255 - mean) / std**2)[:, None]


@to_tensor.mistake("not divided by the deviation", loses="the given mean and deviation")
def _(images, mean=notebook.MEAN, std=notebook.STD):
    """The result is centred, but not scaled: after subtracting the mean, divide by `std`."""
    return (torch.from_numpy(images).float() / 255 - mean)[:, None]


@to_tensor.mistake("each batch by its own statistics", loses="the given mean and deviation")
def _(images, mean=notebook.MEAN, std=notebook.STD):
    """You computed mean and deviation from these images. Use the ones that are given, or the same photo gets other numbers in other company."""
    x = torch.from_numpy(images).float() / 255
    return ((x - x.mean()) / x.std(correction=0))[:, None]


@to_tensor.mistake("default statistics always", loses="the given mean and deviation")
def _(images, mean=notebook.MEAN, std=notebook.STD):
    """You used MEAN and STD where the arguments `mean` and `std` are meant: other data have other statistics."""
    return ((torch.from_numpy(images).float() / 255 - notebook.MEAN) / notebook.STD)[:, None]


@to_tensor.mistake("double precision", loses="float32")
def _(images, mean=notebook.MEAN, std=notebook.STD):
    """The result is float64. Networks compute in float32, and PyTorch refuses to mix the two: convert with `.float()`."""
    return torch.from_numpy((images / 255 - mean) / std)[:, None]


# --- LeNet ---------------------------------------------------------------------------------------------------------------

lenet = Exercise("LeNet", reference=notebook.LeNet, title="The network", minutes=25, difficulty=2, probe=f"{PROBES}:logits")


def clothes(rng, n):
    return rng.standard_normal((n, 1, 28, 28)).round(2).astype(np.float32)


@lenet.checks("61,706 parameters in the right sizes", points=2, probe=f"{PROBES}:parameter_sizes")
def _(rng):
    return case()


@lenet.checks("ten logits for each image", points=1, probe=f"{PROBES}:output_shape")
def _(rng):
    return case((int(rng.integers(2, 9)), 1, 28, 28))


@lenet.checks("logits with known weights", points=4)
def _(rng):
    return case(clothes(rng, 3))


@lenet.checks("twice the width", points=2)
def _(rng):
    return case(clothes(rng, 2), width=2)


@lenet.checks("dropout does nothing in evaluation", points=1)
def _(rng):
    return case(clothes(rng, 2), dropout=0.5)


@lenet.checks("a batch of one image", points=1)
def _(rng):
    return case(clothes(rng, 1))


@lenet.checks("every parameter gets a gradient", points=1, probe=f"{PROBES}:gradients_arrive")
def _(rng):
    return case(clothes(rng, 4))


def wrong_lenet(name, hint, loses, *, features=None, classifier=None, after=None):
    """Declare a mistake that differs from the reference in some layers."""

    class Wrong(notebook.LeNet):
        def __init__(self, width=1, dropout=0.0):
            super().__init__(width, dropout)
            for part, changes in ((self.features, features), (self.classifier, classifier)):
                for index, layer in (changes or {}).items():
                    part[index] = layer()

        def forward(self, x):
            return after(super().forward(x)) if after else super().forward(x)

    Wrong.__doc__ = hint
    lenet.mistake(name, loses=loses)(Wrong)


wrong_lenet(
    "padding forgotten in the first convolution",
    "The first convolution has no padding, so its maps are 24×24 and only 16·4·4 = 256 numbers reach the first linear layer. "
    "Padding 2 keeps 28×28 for a 5×5 kernel.",
    "61,706 parameters in the right sizes",
    features={0: lambda: nn.Conv2d(1, 6, 5)},
    classifier={1: lambda: nn.Linear(256, 120)},
)
wrong_lenet(
    "softmax at the end",
    "Your net ends in a softmax. It must return logits: `cross_entropy` applies the softmax itself, and twice is once too often.",
    "logits with known weights",
    after=lambda logits: logits.softmax(dim=1),
)
wrong_lenet(
    "ReLU after the last layer",
    "There is a ReLU after the last linear layer, so no logit can be negative, and a class whose logit is 0 stops learning.",
    "logits with known weights",
    after=torch.relu,
)
wrong_lenet(
    "no ReLU after the convolutions",
    "Nothing stands between your convolutions and their pooling. Put a ReLU after each of the two convolutions.",
    "logits with known weights",
    features={1: nn.Identity, 4: nn.Identity},
)
wrong_lenet(
    "no ReLU between the linear layers",
    "Your linear layers follow each other directly; three linear maps in a row are one linear map. Put a ReLU after each but the last.",
    "logits with known weights",
    classifier={2: nn.Identity, 5: nn.Identity},
)
wrong_lenet(
    "average instead of max pooling",
    "You pool with the average. This net takes the maximum of each 2×2 window.",
    "logits with known weights",
    features={2: lambda: nn.AvgPool2d(2), 5: lambda: nn.AvgPool2d(2)},
)
wrong_lenet(
    "tanh instead of ReLU",
    "Your nonlinearity is tanh, as in 1998. The table above asks for ReLU.",
    "logits with known weights",
    features={1: nn.Tanh, 4: nn.Tanh},
    classifier={2: nn.Tanh, 5: nn.Tanh},
)
wrong_lenet(
    "convolutions without bias",
    "Your convolutions have no bias: 6 + 16 parameters are missing. Leave `bias` at its default, True.",
    "61,706 parameters in the right sizes",
    features={0: lambda: nn.Conv2d(1, 6, 5, padding=2, bias=False), 3: lambda: nn.Conv2d(6, 16, 5, bias=False)},
)
wrong_lenet(
    "first layer detached",
    "The gradient does not reach your first convolution: something between it and the loss, such as `.detach()` or `torch.no_grad()`, cuts the graph.",
    "every parameter gets a gradient",
    features={1: lambda: Detached()},
)


@lenet.mistake("width ignored", loses="twice the width")
class WidthIgnored(notebook.LeNet):
    """Your net looks the same for every `width`. It multiplies the filters of both convolutions, so the first linear layer sees more inputs."""

    def __init__(self, width=1, dropout=0.0):
        super().__init__(1, dropout)


@lenet.mistake("width for the first convolution only", loses="twice the width")
class WidthHalfway(notebook.LeNet):
    """`width` widens your first convolution only. The second has 16 · width filters, and 16 · width · 5 · 5 numbers reach the first linear layer."""

    def __init__(self, width=1, dropout=0.0):
        super().__init__(1, dropout)
        self.features[0] = nn.Conv2d(1, 6 * width, 5, padding=2)
        self.features[3] = nn.Conv2d(6 * width, 16, 5)


class AlwaysDropout(nn.Module):
    """Dropout that does not know the two modes; its mask is always the same, so that this mistake gives the same numbers every time."""

    def __init__(self, share):
        super().__init__()
        self.share = share

    def forward(self, x):
        mask = torch.rand(x.shape[1], generator=torch.Generator().manual_seed(0)) >= self.share
        return x * mask / (1 - self.share)


@lenet.mistake("dropout in evaluation, too", loses="dropout does nothing in evaluation")
class DropoutAlways(notebook.LeNet):
    """Your net drops activations in evaluation, too. `nn.Dropout` as a layer knows the two modes; `F.dropout(x)` must be told: `training=self.training`."""

    def __init__(self, width=1, dropout=0.0):
        super().__init__(width, dropout)
        self.classifier[3] = AlwaysDropout(dropout)


class Detached(nn.ReLU):
    def forward(self, x):
        return super().forward(x.detach())


# --- train_epoch ---------------------------------------------------------------------------------------------------------

train_epoch = Exercise(
    "train_epoch",
    reference=notebook.train_epoch,
    title="One epoch of training",
    minutes=30,
    difficulty=2,
    returns=("loss", "weights"),
    probe=f"{PROBES}:one_epoch",
)


def epoch_case(rng, batches, *, rest=0, kind="linear", batch_size=4):
    n = batches * batch_size + rest
    labels = np.concatenate([np.arange(3), rng.integers(0, 3, n - 3)])
    return case(kind, rng.standard_normal((n, 1, 2, 3)), labels, rng.permutation(n), batch_size)


@train_epoch.checks("one batch is one step", points=2, only="weights")
def _(rng):
    return epoch_case(rng, 1, batch_size=int(rng.integers(4, 9)))


@train_epoch.checks("gradients are cleared between batches", points=2, only="weights")
def _(rng):
    return epoch_case(rng, int(rng.integers(3, 6)))


@train_epoch.checks("the last, smaller batch counts", points=1, only="weights")
def _(rng):
    return epoch_case(rng, int(rng.integers(2, 4)), rest=int(rng.integers(1, 4)))


@train_epoch.checks("training mode", points=1, only="weights")
def _(rng):
    return epoch_case(rng, 3, kind="batchnorm", batch_size=6)


@train_epoch.checks("mean loss of one batch", points=1, only="loss")
def _(rng):
    return epoch_case(rng, 1, batch_size=int(rng.integers(4, 9)))


@train_epoch.checks("mean loss over all images", points=1, only="loss")
def _(rng):
    return epoch_case(rng, 3, rest=1)


def epoch_with(batch_step, *, batches=None, mean=None, mode=nn.Module.train):
    """A training loop from its parts: `batch_step(net, x, y, optimizer)` returns the batch's loss."""

    def loop(net, images, labels, optimizer, order, batch_size=64):
        mode(net)
        pieces = batches(order, batch_size) if batches else order.split(batch_size)
        losses = [(batch_step(net, images[rows], labels[rows], optimizer), len(rows)) for rows in pieces]
        return (mean or mean_by_size)(losses)

    return loop


def mean_by_size(losses):
    return sum(loss * n for loss, n in losses) / sum(n for _, n in losses)


def right_step(net, x, y, optimizer):
    loss = cross_entropy(net(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def declare_epoch_mistake(name, hint, loses, function):
    function.__doc__ = hint
    train_epoch.mistake(name, loses=loses)(function)


def step_without_clearing(net, x, y, optimizer):
    loss = cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
    return loss.item()


def step_before_backward(net, x, y, optimizer):
    loss = cross_entropy(net(x), y)
    optimizer.step()
    optimizer.zero_grad()
    loss.backward()
    return loss.item()


def clear_after_backward(net, x, y, optimizer):
    loss = cross_entropy(net(x), y)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


def softmax_twice(net, x, y, optimizer):
    loss = cross_entropy(net(x).softmax(dim=1), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def summed_loss(net, x, y, optimizer):
    loss = cross_entropy(net(x), y, reduction="sum")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item() / len(y)


declare_epoch_mistake(
    "gradients never cleared",
    "Your gradients pile up from batch to batch: `backward()` adds to `.grad`. Call `optimizer.zero_grad()` once for every batch.",
    "gradients are cleared between batches",
    epoch_with(step_without_clearing),
)
declare_epoch_mistake(
    "step before backward",
    "You called `optimizer.step()` before `loss.backward()`, so each step uses the gradients of the batch before, and the first one none.",
    "gradients are cleared between batches",
    epoch_with(step_before_backward),
)
declare_epoch_mistake(
    "cleared between backward and step",
    "You cleared the gradients after `backward()` and before `step()`: the optimiser finds nothing to do, and the weights never move.",
    "one batch is one step",
    epoch_with(clear_after_backward),
)
declare_epoch_mistake(
    "softmax before cross_entropy",
    "You gave `cross_entropy` probabilities. It wants logits and applies the softmax itself.",
    "one batch is one step",
    epoch_with(softmax_twice),
)
declare_epoch_mistake(
    "summed loss",
    "You took the gradient of the summed loss: the step grows with the batch. Use the mean over the batch, which is `cross_entropy`'s default.",
    "one batch is one step",
    epoch_with(summed_loss),
)
declare_epoch_mistake(
    "last batch dropped",
    "Your loop leaves out the last batch when it is smaller than the others: some images are never trained on.",
    "the last, smaller batch counts",
    epoch_with(right_step, batches=lambda order, size: order[: len(order) // size * size].split(size)),
)
declare_epoch_mistake(
    "order ignored",
    "You took the images as they lie, 0, 1, 2, …, and not in the given `order`: use `images[rows]` with rows from `order`.",
    "gradients are cleared between batches",
    epoch_with(right_step, batches=lambda order, size: torch.arange(len(order)).split(size)),
)
declare_epoch_mistake(
    "evaluation mode",
    "The net was still in evaluation mode: call `net.train()` before the loop, or batch normalisation and dropout do not work as in training.",
    "training mode",
    epoch_with(right_step, mode=lambda net: None),
)
declare_epoch_mistake(
    "mean of the batch means",
    "You averaged the batches' means, so an image of the small last batch counts more than others. Weight each mean by the size of its batch.",
    "mean loss over all images",
    epoch_with(right_step, mean=lambda losses: sum(loss for loss, _ in losses) / len(losses)),
)
declare_epoch_mistake(
    "loss of the last batch",
    "You returned the loss of the last batch. The mean over all images of the epoch is asked.",
    "mean loss over all images",
    epoch_with(right_step, mean=lambda losses: losses[-1][0]),
)
declare_epoch_mistake(
    "sum of the losses",
    "You returned the sum over the images: divide by the number of images.",
    "mean loss of one batch",
    epoch_with(right_step, mean=lambda losses: sum(loss * n for loss, n in losses)),
)


# --- classify ------------------------------------------------------------------------------------------------------------

classify = Exercise(
    "classify",
    reference=notebook.classify,
    title="From photos to classes",
    minutes=15,
    difficulty=1,
    seconds=20,
    probe=f"{PROBES}:classes_of_small_net",
)


def photos(rng, n):
    return rng.integers(0, 256, (n, 5, 6), dtype=np.uint8)


@classify.checks("a batch of images", points=1)
def _(rng):
    return case("linear", photos(rng, 40))


@classify.checks("one image", points=1)
def _(rng):
    return case("linear", photos(rng, 1))


@classify.checks("the net in evaluation mode", points=1)
def _(rng):
    return case("batchnorm", photos(rng, 40))


@classify.checks("your net: 80 % of unseen images", points=2, **unseen_well(f"{PROBES}:classes_of_fashion", 0.80, 400))
def _(rng):
    return unseen(rng, 400)


@classify.checks("your net: 88 % of unseen images", points=3, **unseen_well(f"{PROBES}:classes_of_fashion", 0.88, 2000))
def _(rng):
    return unseen(rng, 2000)


@classify.mistake("pixels not normalised", loses="a batch of images")
def _(images, net=None):
    """The net saw normalised pixels in training and raw ones now. Prepare the images with `to_tensor`, as in training."""
    net = notebook.trained if net is None else net
    net.eval()
    with torch.no_grad():
        return net(torch.from_numpy(images)[:, None].float() / 255).argmax(dim=1)


@classify.mistake("left in training mode", loses="the net in evaluation mode")
def _(images, net=None):
    """The net was in training mode, so batch normalisation used this batch's statistics. Call `net.eval()` first."""
    net = notebook.trained if net is None else net
    with torch.no_grad():
        return net(notebook.to_tensor(images)).argmax(dim=1)


@classify.mistake("logits returned", loses="a batch of images")
def _(images, net=None):
    """You returned the logits, ten numbers for each image. The class is the position of the largest: `argmax(dim=1)`."""
    net = notebook.trained if net is None else net
    net.eval()
    with torch.no_grad():
        return net(notebook.to_tensor(images))


@classify.mistake("argmax over the batch", loses="a batch of images")
def _(images, net=None):
    """You took the argmax over axis 0, the images: that tells which image is the most typical of each class. The classes are axis 1."""
    net = notebook.trained if net is None else net
    net.eval()
    with torch.no_grad():
        return net(notebook.to_tensor(images)).argmax(dim=0)


@classify.mistake("largest logit instead of its position", loses="a batch of images")
def _(images, net=None):
    """You returned the largest logit itself. The class is its position: `argmax`, not `max`."""
    net = notebook.trained if net is None else net
    net.eval()
    with torch.no_grad():
        return net(notebook.to_tensor(images)).amax(dim=1)


@classify.mistake("smallest logit chosen", loses="a batch of images")
def _(images, net=None):
    """You chose the class with the smallest logit. The largest logit is the net's answer."""
    net = notebook.trained if net is None else net
    net.eval()
    with torch.no_grad():
        return net(notebook.to_tensor(images)).argmin(dim=1)


# --- confusion_matrix ----------------------------------------------------------------------------------------------------

confusion_matrix = Exercise(
    "confusion_matrix", reference=notebook.confusion_matrix, title="Who is taken for whom", minutes=10, difficulty=1
)


def answers(rng, n, classes):
    labels = np.concatenate([[0, 0, 0, 1, classes - 2], rng.integers(0, classes - 1, n)])
    predicted = np.concatenate([[1, 1, 1, 0, classes - 1], rng.integers(0, classes, n)])
    return labels, predicted


@confusion_matrix.checks("few pairs, none twice", points=1)
def _(rng):
    labels = rng.permutation(4)
    return case(labels, np.roll(labels, 1), 4)


@confusion_matrix.checks("pairs that occur often", points=2)
def _(rng):
    return case(*answers(rng, int(rng.integers(30, 50)), 4), 4)


@confusion_matrix.checks("classes that do not occur", points=1)
def _(rng):
    return case(*answers(rng, 12, 4), int(rng.integers(6, 9)))


@confusion_matrix.checks("rows are the true classes", points=1)
def _(rng):
    return case(np.array([0, 0, 1, 2, 2]), np.array([1, 1, 2, 2, 0]), 3)


@confusion_matrix.mistake("repeated pairs counted once", loses="pairs that occur often")
def _(labels, predicted, classes):
    """`matrix[labels, predicted] += 1` adds 1 to each place only once, even if the pair occurs often. Use `np.add.at` or a loop."""
    matrix = np.zeros((classes, classes), dtype=np.int64)
    matrix[labels, predicted] += 1
    return matrix


@confusion_matrix.mistake("rows and columns exchanged", loses="rows are the true classes")
def _(labels, predicted, classes):
    """Your rows are the predictions. Row i belongs to the true class i, column j to the answer j."""
    return notebook.confusion_matrix(predicted, labels, classes)


@confusion_matrix.mistake("size from the data", loses="classes that do not occur")
def _(labels, predicted, classes):
    """You took the number of classes from the data: a class that nobody predicted is missing. Use the argument `classes`."""
    return notebook.confusion_matrix(labels, predicted, int(max(labels.max(), predicted.max())) + 1)


@confusion_matrix.mistake("shares instead of counts", loses="pairs that occur often")
def _(labels, predicted, classes):
    """You divided each row by its sum. Counts are asked, as whole numbers."""
    matrix = notebook.confusion_matrix(labels, predicted, classes)
    return matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)


@confusion_matrix.mistake("only right answers counted", loses="pairs that occur often")
def _(labels, predicted, classes):
    """You counted only the images that were classified right. The entries off the diagonal are what this matrix is for."""
    return np.diag(np.bincount(labels[labels == predicted], minlength=classes))


@confusion_matrix.mistake("right answers left out", loses="pairs that occur often")
def _(labels, predicted, classes):
    """You counted only the mistakes. Right answers belong on the diagonal."""
    matrix = notebook.confusion_matrix(labels, predicted, classes)
    np.fill_diagonal(matrix, 0)
    return matrix
