"""The exercises of assignment 05: what a right layer, network and training step do, property by property, and how it usually goes wrong.

Expected logits and gradients of the whole net come from PyTorch. Nothing of PyTorch is needed where students' answers run.
Every question is the same in each process and with any number of threads: sums of quarters are exact, and where PyTorch's float64 sums are not, they are rounded.
"""

import math
from pathlib import Path

import numpy as np
import torch
from torch import nn

from autograder.units import import_unit
from autograder.unseen_images import unseen, unseen_well
from convnets.check import Exercise, case
from convnets.check.layer_probes import known_values

notebook = import_unit("05_lenet_from_scratch")
PROBES = "convnets.check.layer_probes"
PASS, FORWARD, MANY = f"{PROBES}:layer_pass", f"{PROBES}:forward_pass", f"{PROBES}:many_images"
QUARTERS = np.array([q / 4 for q in range(-12, 13) if q])


def trained_reference():
    """The net that the notebook trains, with the weights of such a run."""
    network = notebook.lenet(np.random.default_rng(0))
    notebook.load(network, Path(__file__).with_name("reference.safetensors"))
    return network


def numbers(rng, *shape):
    """Quarters between −3 and 3, never 0."""
    return rng.choice(QUARTERS, shape)


def mixed(rng, *shape):
    """Like `numbers`, with both signs for certain."""
    values = numbers(rng, *shape)
    values.flat[:2] = abs(values.flat[0]), -abs(values.flat[1])
    return values


def distinct(rng, *shape):
    """Positive and negative halves, no two alike, none 0."""
    count = math.prod(shape)
    return (rng.permutation(count) - count // 2 + 0.5).reshape(shape)


def several(rng, low, high, count):
    """Different whole numbers from low … high."""
    return [int(v) for v in rng.choice(np.arange(low, high + 1), count, replace=False)]


def single(value):
    """The same with float32 arrays."""
    if isinstance(value, dict):
        return {key: single(v) for key, v in value.items()}
    if isinstance(value, tuple):
        return tuple(map(single, value))
    return value.astype(np.float32) if isinstance(value, np.ndarray) and value.dtype == np.float64 else value


def in_float32(call):
    return case(*(single(v) for v in call.args))


# ------------------------------------------------------------------------------------------------------ ReLU

relu = Exercise("ReLU", reference=notebook.ReLU, title="A layer that remembers", minutes=10, difficulty=1, returns=("out", "dx"), probe=PASS)


@relu.checks("forward: positive and negative numbers", points=1, only="out", probe=FORWARD)
def _(rng):
    return case({}, {}, mixed(rng, 2, 4))


@relu.checks("backward: the sign of x decides", points=2, only="dx")
def _(rng):
    return case({}, {}, mixed(rng, 2, 4), np.abs(numbers(rng, 2, 4)))


@relu.checks("negative gradients pass, too", points=1, only="dx")
def _(rng):
    return case({}, {}, mixed(rng, 2, 4), -np.abs(numbers(rng, 2, 4)))


@relu.checks("at exactly 0 the gradient is 0", points=1, only="dx")
def _(rng):
    x = mixed(rng, 2, 4)
    x[1, 1:3] = 0
    return case({}, {}, x, mixed(rng, 2, 4))


@relu.checks("any shape", points=1)
def _(rng):
    shape = several(rng, 2, 5, 4)
    return case({}, {}, mixed(rng, *shape), mixed(rng, *shape))


@relu.checks("the latest x counts", points=1)
def _(rng):
    x = mixed(rng, 2, 4)
    return case({}, {}, x, mixed(rng, 2, 4), -x, mixed(rng, 2, 4))


@relu.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return in_float32(case({}, {}, mixed(rng, 2, 4), mixed(rng, 2, 4)))


@relu.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case({}, {}, mixed(rng, 2, 4), mixed(rng, 2, 4))


@relu.mistake("gate by dout", loses="backward: the sign of x decides")
class GateByDout(notebook.ReLU):
    """Your backward pass is a ReLU of dout. The sign of x decides, and dout may have any sign: remember in `forward` where x was positive, and multiply dout by that."""

    def backward(self, dout):
        return np.maximum(dout, 0)


@relu.mistake("two gates", loses="negative gradients pass, too")
class TwoGates(notebook.ReLU):
    """Besides the gate by x you also stopped negative gradients. They pass, too, where x was positive: multiply dout by the gate of x, and do nothing else."""

    def backward(self, dout):
        return np.maximum(super().backward(dout), 0)


@relu.mistake("open at zero", loses="at exactly 0 the gradient is 0")
class OpenAtZero(notebook.ReLU):
    """Your gate is open where x is exactly 0. We take slope 0 there, as PyTorch does: x > 0, not x >= 0."""

    def forward(self, x):
        out = super().forward(x)
        self.positive = x >= 0
        return out


@relu.mistake("leaky", loses="forward: positive and negative numbers")
class Leaky(notebook.ReLU):
    """Negative numbers come through with a factor of 0.01. That is a leaky ReLU; here they become exactly 0."""

    def forward(self, x):
        super().forward(x)
        return np.where(x > 0, x, 0.01 * x)


@relu.mistake("absolute value", loses="forward: positive and negative numbers")
class Absolute(notebook.ReLU):
    """Your negative numbers came out positive. ReLU does not fold them over, it sets them to 0."""

    def forward(self, x):
        super().forward(x)
        return np.abs(x)


@relu.mistake("input overwritten", loses="inputs left unmodified")
class InputOverwritten(notebook.ReLU):
    """You set the negative numbers of x itself to 0. x belongs to the layer before, which may need it: make a new array."""

    def forward(self, x):
        super().forward(x)
        x[x < 0] = 0
        return x


@relu.mistake("dout overwritten", loses="inputs left unmodified")
class DoutOverwritten(notebook.ReLU):
    """You changed dout itself. It was handed to you and is not yours: return a new array."""

    def backward(self, dout):
        dout[~self.positive] = 0
        return dout


@relu.mistake("first x remembered", loses="the latest x counts")
class FirstReluInput(notebook.ReLU):
    """Your backward pass used the x of the first forward pass. Each forward pass must replace what the layer remembers."""

    def forward(self, x):
        first = getattr(self, "positive", None)
        out = super().forward(x)
        self.positive = self.positive if first is None else first
        return out


@relu.mistake("gate without dout", loses="backward: the sign of x decides")
class GateOnly(notebook.ReLU):
    """You returned the gate, 0 and 1. That is ReLU's own slope. By the chain rule, multiply it by dout."""

    def backward(self, dout):
        return self.positive.astype(dout.dtype)


# ------------------------------------------------------------------------------------- softmax and cross-entropy

loss = Exercise(
    "softmax_cross_entropy",
    reference=notebook.softmax_cross_entropy,
    title="The loss and where gradients begin",
    minutes=15,
    difficulty=2,
    returns=("loss", "dlogits"),
)


def logits_and_labels(rng):
    n, classes = int(rng.integers(3, 6)), int(rng.integers(6, 9))
    return numbers(rng, n, classes), rng.permutation(classes)[:n]


@loss.checks("the loss", points=2, only="loss")
def _(rng):
    return case(*logits_and_labels(rng))


@loss.checks("the gradient", points=2, only="dlogits")
def _(rng):
    return case(*logits_and_labels(rng))


@loss.checks("large and small logits", points=2)
def _(rng):
    logits = 400 * numbers(rng, 3, 4)
    logits[0], logits[1] = np.abs(logits[0]) + 900, -np.abs(logits[1]) - 900
    logits[:2, 3] -= 200
    return case(logits, np.array([3, int(rng.integers(3)), int(logits[2].argmin())]))


@loss.checks("float32 stays float32", points=1, only="dlogits", dtype=True)
def _(rng):
    return in_float32(case(*logits_and_labels(rng)))


@loss.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case(*logits_and_labels(rng))


def log_softmax(logits):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


@loss.mistake("sum instead of mean", loses="the loss")
def _(logits, labels):
    """Your loss is the sum over the batch. Take the mean, so that the step does not grow with the batch."""
    value, dlogits = notebook.softmax_cross_entropy(logits, labels)
    return value * len(logits), dlogits


@loss.mistake("gradient not divided by N", loses="the gradient")
def _(logits, labels):
    """Your gradient is that of the sum. The loss is a mean over N images, so its gradient holds a factor 1/N."""
    value, dlogits = notebook.softmax_cross_entropy(logits, labels)
    return value, dlogits * len(logits)


@loss.mistake("divided by the number of classes", loses="the loss")
def _(logits, labels):
    """You divided by the number of all logits. Each image has one loss, so the mean is over the N images: divide by N only."""
    value, dlogits = notebook.softmax_cross_entropy(logits, labels)
    return value / logits.shape[1], dlogits / logits.shape[1]


@loss.mistake("largest logit not subtracted", loses="large and small logits")
def _(logits, labels):
    """Large logits overflow: e¹⁰⁰⁰ is infinite. Subtract the largest logit of each row first; the probabilities stay the same."""
    sizes = np.exp(logits)
    sums = sizes.sum(axis=1, keepdims=True)
    rows = np.arange(len(logits))
    dlogits = sizes / sums
    value = np.mean(np.log(sums[:, 0]) - logits[rows, labels])
    dlogits[rows, labels] -= 1
    return value, dlogits / len(logits)


@loss.mistake("largest logit of the whole batch subtracted", loses="large and small logits")
def _(logits, labels):
    """You subtracted one number from the whole batch. In a row whose logits are much smaller all powers become 0: take the largest of each row."""
    shifted = logits - logits.max()
    sizes = np.exp(shifted)
    sums = sizes.sum(axis=1, keepdims=True)
    rows = np.arange(len(logits))
    dlogits = sizes / sums
    dlogits[rows, labels] -= 1
    return np.mean(np.log(sums[:, 0]) - shifted[rows, labels]), dlogits / len(logits)


@loss.mistake("log of a probability that is 0", loses="large and small logits")
def _(logits, labels):
    """The right class had a probability so small that it became 0, and log 0 is infinite. Write the log of the fraction as a difference: z − log Σ eᶻ."""
    probabilities = np.exp(log_softmax(logits))
    _, dlogits = notebook.softmax_cross_entropy(logits, labels)
    return -np.log(probabilities[np.arange(len(logits)), labels]).mean(), dlogits


@loss.mistake("softmax down the columns", loses="the gradient")
def _(logits, labels):
    """Your probabilities add up to 1 over the images. They must add up to 1 for each image, over its classes: axis 1."""
    rows = np.arange(len(logits))
    logs = log_softmax(logits.T).T
    dlogits = np.exp(logs)
    dlogits[rows, labels] -= 1
    return -logs[rows, labels].mean(), dlogits / len(logits)


@loss.mistake("right class not subtracted", loses="the gradient")
def _(logits, labels):
    """Your gradient is p / N, for the right class, too. There the probability should be 1, so subtract 1 from it."""
    value, _ = notebook.softmax_cross_entropy(logits, labels)
    return value, np.exp(log_softmax(logits)) / len(logits)


@loss.mistake("gradient with the wrong sign", loses="the gradient")
def _(logits, labels):
    """Your gradient points downhill. A gradient says where the loss grows: p − 1 for the right class, p for the others. The step turns it round."""
    value, dlogits = notebook.softmax_cross_entropy(logits, labels)
    return value, -dlogits


@loss.mistake("loss with the wrong sign", loses="the loss")
def _(logits, labels):
    """Your loss is negative. The log of a probability is never positive, so the loss is minus that."""
    value, dlogits = notebook.softmax_cross_entropy(logits, labels)
    return -value, dlogits


@loss.mistake("logits overwritten", loses="inputs left unmodified")
def _(logits, labels):
    """You subtracted the largest logit from the caller's own array. `logits - …` makes a new one; `logits -= …` does not."""
    result = notebook.softmax_cross_entropy(logits, labels)
    logits -= logits.max(axis=1, keepdims=True)
    return result


# ---------------------------------------------------------------------------------------------- first weights

he = Exercise("he_weights", reference=notebook.he_weights, title="First weights", minutes=10, difficulty=1)
STATISTICS = "convnets.check.draw_probes:statistics_of_draws"


@he.checks("shape", points=1, probe="convnets.check.draw_probes:shape_of_draws")
def _(rng):
    return case(tuple(several(rng, 2, 9, (2, 4)[int(rng.integers(2))])), int(rng.integers(1000)))


@he.checks("linear layer", points=2, probe=STATISTICS, rtol=0.03)
def _(rng):
    return case((int(rng.integers(90, 120)), int(rng.integers(500, 600))), int(rng.integers(1000)))


@he.checks("convolution", points=2, probe=STATISTICS, rtol=0.03)
def _(rng):
    return case((int(rng.integers(90, 110)), int(rng.integers(25, 35)), *several(rng, 3, 6, 2)), int(rng.integers(1000)))


@he.checks("float32", points=1, probe=f"{PROBES}:repeats_in_float32", dtype=True)
def _(rng):
    return case(tuple(several(rng, 2, 6, 2)), int(rng.integers(1000)))


@he.checks("the generator decides, and moves on", points=1, probe="convnets.check.draw_probes:repeats")
def _(rng):
    return case(tuple(several(rng, 3, 9, 2)), int(rng.integers(1, 1000)))


@he.mistake("variance taken for the standard deviation", loses="linear layer")
def _(shape, rng):
    """Your numbers have the standard deviation 2 / fan-in. That is the variance: take the root."""
    return notebook.he_weights(shape, rng) * math.sqrt(2 / math.prod(shape[1:]))


@he.mistake("no factor 2 for ReLU", loses="linear layer")
def _(shape, rng):
    """Your variance is 1 / fan-in. ReLU throws away half of the signal, so the variance must be twice that: 2 / fan-in."""
    return notebook.he_weights(shape, rng) / math.sqrt(2)


@he.mistake("fan-out in place of fan-in", loses="linear layer")
def _(shape, rng):
    """You divided by the number of outputs. One output adds up the inputs, so divide by their number: shape[1] of a linear layer's weights."""
    return notebook.he_weights(shape, rng) * math.sqrt(shape[1] / shape[0])


@he.mistake("window's area forgotten", loses="convolution")
def _(shape, rng):
    """For a convolution your numbers are too large. One output adds up channels times the kernel's height and width: the fan-in is the product of shape[1:]."""
    return notebook.he_weights(shape, rng) * math.sqrt(math.prod(shape[2:]))


@he.mistake("uniform numbers", loses="linear layer")
def _(shape, rng):
    """Mean and spread are right, but your numbers are uniform. Here they are normal: rng.standard_normal."""
    limit = math.sqrt(6 / math.prod(shape[1:]))
    return rng.uniform(-limit, limit, shape).astype(np.float32)


@he.mistake("positive only", loses="linear layer")
def _(shape, rng):
    """All your weights are positive. Their mean must be 0, so that about half of them are negative: leave the signs as `rng.standard_normal` gives them."""
    return abs(notebook.he_weights(shape, rng))


@he.mistake("float64", loses="float32")
def _(shape, rng):
    """Your weights are float64, and would make everything after them float64: convert the result with .astype(np.float32)."""
    return notebook.he_weights(shape, rng).astype(np.float64)


@he.mistake("seed set inside", loses="the generator decides, and moves on")
def _(shape, rng):
    """Every call gives the same weights: you make a new generator with a fixed seed. Draw from `rng`."""
    return notebook.he_weights(shape, np.random.default_rng(0))


@he.mistake("other source of randomness", loses="the generator decides, and moves on")
def _(shape, rng):
    """The same seed does not give you the same weights. Draw from the generator `rng` that was handed in."""
    return notebook.he_weights(shape, np.random.default_rng())


# ------------------------------------------------------------------------------------------------------ Linear

GRADIENTS = ("out", "dx", "weight", "bias")
linear = Exercise("Linear", reference=notebook.Linear, title="A layer that learns", minutes=20, difficulty=1, returns=GRADIENTS, probe=PASS)


def with_weights(weight, bias, *passes, **settings):
    """A call of a layer that is made with these weights; passes: x, dout, x, dout, … or one x alone."""
    return case({"weight": weight, **settings}, {"weight": weight.copy(), "bias": bias}, *passes)


def linear_sizes(rng):
    return several(rng, 2, 5, 3)


def linear_call(rng, n, d, m, passes=1):
    return with_weights(numbers(rng, m, d), numbers(rng, m), *(numbers(rng, *shape) for _ in range(passes) for shape in ((n, d), (n, m))))


@linear.checks("weighted sums", points=1, only="out", probe=FORWARD)
def _(rng):
    n, d, m = linear_sizes(rng)
    return with_weights(numbers(rng, m, d), np.zeros(m), numbers(rng, n, d))


@linear.checks("bias", points=1, only="out", probe=FORWARD)
def _(rng):
    n, d, m = linear_sizes(rng)
    return with_weights(numbers(rng, m, d), np.arange(1.0, m + 1), numbers(rng, n, d))


@linear.checks("gradient of the input", points=2, only="dx")
def _(rng):
    return linear_call(rng, *linear_sizes(rng))


@linear.checks("gradient of the weights", points=2, only="weight")
def _(rng):
    return linear_call(rng, *linear_sizes(rng))


@linear.checks("gradient of the bias", points=1, only="bias")
def _(rng):
    return linear_call(rng, *linear_sizes(rng))


@linear.checks("as many outputs as inputs", points=1)
def _(rng):
    n, d = several(rng, 2, 5, 2)
    return linear_call(rng, n, d, d)


@linear.checks("gradients of the latest batch only", points=1)
def _(rng):
    return linear_call(rng, *linear_sizes(rng), passes=2)


@linear.checks("weights that training has changed", points=1)
def _(rng):
    n, d, m = linear_sizes(rng)
    call = linear_call(rng, n, d, m)
    return case({"weight": numbers(rng, m, d) + 7}, *call.args[1:])


@linear.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return in_float32(linear_call(rng, *linear_sizes(rng)))


@linear.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return linear_call(rng, *linear_sizes(rng))


@linear.mistake("bias forgotten", loses="bias")
class NoBias(notebook.Linear):
    """Your weighted sums are right, but the bias is missing: add it to every row."""

    def forward(self, x):
        return super().forward(x) - self.parameters["bias"]


@linear.mistake("weights not transposed", loses="as many outputs as inputs")
class NotTransposed(notebook.Linear):
    """The weights have one row for each output. You multiplied as if each column were one: transpose them. With as many outputs as inputs nothing warns you."""

    def forward(self, x):
        self.x = x
        return x @ self.parameters["weight"] + self.parameters["bias"]


@linear.mistake("weights transposed in dx", loses="as many outputs as inputs")
class TransposedBack(notebook.Linear):
    """For dx you multiplied with the transposed weights. Forward used wᵀ, so backward uses w itself: (N, M) times (M, D) gives (N, D)."""

    def backward(self, dout):
        super().backward(dout)
        return dout @ self.parameters["weight"].T


@linear.mistake("weight gradient transposed", loses="gradient of the weights")
class GradientTransposed(notebook.Linear):
    """The gradient of your weights is (in, out). A gradient always has the shape of what it belongs to: exchange the two factors."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.gradients["weight"] = self.gradients["weight"].T
        return dx


@linear.mistake("weight gradient averaged", loses="gradient of the weights")
class WeightAveraged(notebook.Linear):
    """You divided the weights' gradient by the number of images. dout already holds that 1/N: add up over the images, and do not divide."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.gradients["weight"] = self.gradients["weight"] / len(dout)
        return dx


@linear.mistake("bias gradient averaged", loses="gradient of the bias")
class BiasAveraged(notebook.Linear):
    """You took the mean of dout for the bias. The 1/N is in dout already: take the sum over the images."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.gradients["bias"] = dout.mean(axis=0)
        return dx


@linear.mistake("bias gradient not summed", loses="gradient of the bias")
class BiasNotSummed(notebook.Linear):
    """The gradient of your bias is dout itself. One bias serves all images of the batch: add up over the images."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.gradients["bias"] = dout.copy()
        return dx


@linear.mistake("gradients pile up", loses="gradients of the latest batch only")
class LinearPilesUp(notebook.Linear):
    """You add to the gradients of the batch before. Each backward pass replaces them: there is nobody here who clears them, as `zero_grad` does in PyTorch."""

    def backward(self, dout):
        before = self.gradients
        dx = super().backward(dout)
        if before:
            self.gradients = {name: before[name] + self.gradients[name] for name in before}
        return dx


@linear.mistake("first x remembered", loses="gradients of the latest batch only")
class FirstLinearInput(notebook.Linear):
    """Your backward pass used the x of the first forward pass. Each forward pass must replace what the layer remembers."""

    def forward(self, x):
        first = getattr(self, "x", x)
        out = super().forward(x)
        self.x = first
        return out


@linear.mistake("weights copied when made", loses="weights that training has changed")
class LinearCopied(notebook.Linear):
    """Your layer computes with the weights that it was made with. Training changes `self.parameters`: read the weights from there every time."""

    def __init__(self, weight):
        super().__init__(weight)
        self.own = {"weight": weight.copy(), "bias": self.parameters["bias"]}

    def forward(self, x):
        self.x = x
        return x @ self.own["weight"].T + self.own["bias"]

    def backward(self, dout):
        super().backward(dout)
        return dout @ self.own["weight"]


# ------------------------------------------------------------------------------------------------------ Conv2d

conv = Exercise(
    "Conv2d", reference=notebook.Conv2d, title="Convolution, fast", minutes=70, difficulty=3, returns=GRADIENTS, probe=PASS, seconds=3
)


def conv_arrays(rng, *, channels=None, filters=None, padding=0, passes=1):
    """(weight, bias, [x, dout, x, dout, …]) for images that are not square; in_channels and out_channels differ unless given."""
    c, f = several(rng, 2, 4, 2)
    c, f, k = channels or c, filters or f, int(rng.integers(2, 4))
    n = int(rng.integers(2, 4))
    height, width = several(rng, 4, 7, 2)
    out = (n, f, height + 2 * padding - k + 1, width + 2 * padding - k + 1)
    arrays = [numbers(rng, *shape) for _ in range(passes) for shape in ((n, c, height, width), out)]
    return numbers(rng, f, c, k, k), numbers(rng, f), arrays


def conv_call(rng, padding=0, passes=1):
    weight, bias, arrays = conv_arrays(rng, padding=padding, passes=passes)
    return with_weights(weight, bias, *arrays, padding=padding)


@conv.checks("one channel, one filter", points=2, only="out", probe=FORWARD)
def _(rng):
    weight, _, (x, _) = conv_arrays(rng, channels=1, filters=1)
    return with_weights(weight, np.zeros(1), x[:1])


@conv.checks("several images, channels and filters", points=2, only="out", probe=FORWARD)
def _(rng):
    weight, bias, (x, _) = conv_arrays(rng)
    return with_weights(weight, 0 * bias, x)


@conv.checks("bias", points=1, only="out", probe=FORWARD)
def _(rng):
    weight, bias, (x, _) = conv_arrays(rng)
    return with_weights(weight, np.arange(1.0, len(bias) + 1), x)


@conv.checks("padding", points=2, only="out", probe=FORWARD)
def _(rng):
    padding = int(rng.integers(1, 3))
    weight, bias, (x, _) = conv_arrays(rng, padding=padding)
    return with_weights(weight, bias, x, padding=padding)


@conv.checks("gradient of the bias", points=1, only="bias")
def _(rng):
    return conv_call(rng)


@conv.checks("gradient of the weights", points=2, only="weight")
def _(rng):
    return conv_call(rng)


@conv.checks("gradient of the input", points=2, only="dx")
def _(rng):
    return conv_call(rng)


@conv.checks("gradients with padding", points=2, only=("dx", "weight", "bias"))
def _(rng):
    return conv_call(rng, padding=int(rng.integers(1, 3)))


@conv.checks("gradients of the latest batch only", points=1)
def _(rng):
    return conv_call(rng, passes=2)


@conv.checks("weights that training has changed", points=1)
def _(rng):
    call = conv_call(rng)
    return case({"weight": call.args[1]["weight"] + 7, "padding": 0}, *call.args[1:])


@conv.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return in_float32(conv_call(rng, padding=1))


@conv.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return conv_call(rng, padding=1)


@conv.checks("256 images in three seconds", points=2, probe=MANY, calls=1, rtol=1e-3)
def _(rng):
    weight = numbers(rng, 6, 1, 5, 5).astype(np.float32)
    return case({"weight": weight, "padding": 2}, (256, 1, 28, 28), (256, 6, 28, 28), int(rng.integers(1000)))


@conv.mistake("kernel flipped", loses="one channel, one filter")
class Flipped(notebook.Conv2d):
    """You turned the kernel round. That is the convolution of mathematics. Networks do not turn it: in output (i, j), place (u, v) of the kernel meets pixel (i + u, j + v)."""

    def forward(self, x):
        weight = self.parameters["weight"]
        self.parameters["weight"] = weight[:, :, ::-1, ::-1]
        out = super().forward(x)
        self.parameters["weight"] = weight
        return out


@conv.mistake("bias forgotten", loses="bias")
class ConvNoBias(notebook.Conv2d):
    """Your sums are right, but the bias is missing: each filter adds its own number everywhere in its channel."""

    def forward(self, x):
        return super().forward(x) - self.parameters["bias"][:, None, None]


@conv.mistake("only the first channel", loses="several images, channels and filters")
class FirstChannel(notebook.Conv2d):
    """Your filters look at the first channel only. Add up over all channels: the columns have a row for every channel and every place of the kernel."""

    def forward(self, x):
        only = np.zeros_like(x)
        only[:, :1] = x[:, :1]
        return super().forward(only)


@conv.mistake("images and filters mixed", loses="several images, channels and filters")
class Mixed(notebook.Conv2d):
    """The numbers are right, but lie in the wrong images and channels. The product is (F, N·H'·W'): reshape it to (F, N, H', W') first, then exchange the axes. `reshape` alone never exchanges axes."""

    def forward(self, x):
        out = super().forward(x)
        return np.ascontiguousarray(out.transpose(1, 0, 2, 3)).reshape(out.shape)


@conv.mistake("rows and columns exchanged", loses="one channel, one filter")
class Exchanged(notebook.Conv2d):
    """Your output is (N, F, W', H'). Rows come first: exchange the last two axes."""

    def forward(self, x):
        return super().forward(x).swapaxes(2, 3)


@conv.mistake("padding ignored", loses="padding")
class NoPadding(notebook.Conv2d):
    """Your output is as small as without padding. Put `padding` rows and columns of zeros on all four sides first."""

    def __init__(self, weight, padding=0):
        super().__init__(weight)


@conv.mistake("padded with the border", loses="padding")
class BorderPadding(notebook.Conv2d):
    """You padded with copies of the border. The padding holds zeros: np.pad does that when no mode is given."""

    def forward(self, x):
        p = self.padding
        self.padding = 0
        out = super().forward(np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), mode="edge"))
        self.padding = p
        return out

    def backward(self, dout):
        p = self.padding
        self.padding = 0
        dx = super().backward(dout)
        self.padding = p
        return dx[:, :, p : dx.shape[2] - p, p : dx.shape[3] - p]


@conv.mistake("padded on one side only", loses="padding")
class OneSided(notebook.Conv2d):
    """You padded above and on the left only. `padding` zeros belong on each of the four sides."""

    def forward(self, x):
        p = self.padding
        out = super().forward(x)
        return out[:, :, : out.shape[2] - p, : out.shape[3] - p]


@conv.mistake("bias gradient over the images only", loses="gradient of the bias")
class BiasOverImages(notebook.Conv2d):
    """You added up over the images only. A bias serves every place of its channel: sum over images, rows and columns."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.gradients["bias"] = dout.sum(axis=0)
        return dx


@conv.mistake("bias gradient averaged", loses="gradient of the bias")
class ConvBiasAveraged(notebook.Conv2d):
    """You took the mean of dout for the bias. The 1/N is in dout already: take the sum over images, rows and columns."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.gradients["bias"] = dout.mean(axis=(0, 2, 3))
        return dx


@conv.mistake("weight gradient averaged", loses="gradient of the weights")
class ConvWeightAveraged(notebook.Conv2d):
    """You divided the weights' gradient by the number of images. dout already holds that 1/N: add up over images and windows, and do not divide."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.gradients["weight"] = self.gradients["weight"] / len(dout)
        return dx


@conv.mistake("weight gradient of the last image", loses="gradient of the weights")
class LastImage(notebook.Conv2d):
    """Only one image counts in your weights' gradient. Probably each image overwrites what the one before it gave: add up."""

    def backward(self, dout):
        dx = super().backward(dout)
        bias = self.gradients["bias"]
        only = np.zeros_like(dout)
        only[-1] = dout[-1]
        super().backward(only)
        self.gradients["bias"] = bias
        return dx


@conv.mistake("weight gradient flipped", loses="gradient of the weights")
class GradientFlipped(notebook.Conv2d):
    """Your weights' gradient is turned round. Place (u, v) of it adds up dout times the pixels that place (u, v) of the kernel met: look at the order of your kernel axes."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.gradients["weight"] = self.gradients["weight"][:, :, ::-1, ::-1].copy()
        return dx


@conv.mistake("shares not added", loses="gradient of the input")
class NotAdded(notebook.Conv2d):
    """A pixel lies in several windows, and your dx holds what only one of them gave. Add (`+=`), do not assign."""

    def backward(self, dout):
        super().backward(dout)
        weight, p = self.parameters["weight"], self.padding
        (n, channels, height, width), (rows, columns) = self.x_shape, dout.shape[2:]
        padded = np.zeros((n, channels, height + 2 * p, width + 2 * p), dout.dtype)
        for u, v in np.ndindex(weight.shape[2:]):
            padded[:, :, u : u + rows, v : v + columns] = np.einsum("nfij,fc->ncij", dout, weight[:, :, u, v])
        return padded[:, :, p : p + height, p : p + width]


@conv.mistake("kernel not turned round in dx", loses="gradient of the input")
class NotTurned(notebook.Conv2d):
    """Your dx uses the kernel the wrong way round. Place (u, v) of the kernel took pixel (i + u, j + v), so its share goes back to that pixel. If you compute dx as a convolution of dout, turn the kernel round: `w[:, :, ::-1, ::-1]`."""

    def backward(self, dout):
        weight = self.parameters["weight"]
        self.parameters["weight"] = weight[:, :, ::-1, ::-1]
        dx = super().backward(dout)
        self.parameters["weight"] = weight
        return dx


@conv.mistake("padding left on dx", loses="gradients with padding")
class PaddingLeft(notebook.Conv2d):
    """Your dx is as large as the padded image. Cut `padding` rows and columns off on all four sides: dx has the shape of x."""

    def backward(self, dout):
        p = self.padding
        n, channels, height, width = self.x_shape
        self.padding, self.x_shape = 0, (n, channels, height + 2 * p, width + 2 * p)
        dx = super().backward(dout)
        self.padding, self.x_shape = p, (n, channels, height, width)
        return dx


@conv.mistake("gradients pile up", loses="gradients of the latest batch only")
class ConvPilesUp(notebook.Conv2d):
    """You add to the gradients of the batch before. Each backward pass replaces them."""

    def backward(self, dout):
        before = self.gradients
        dx = super().backward(dout)
        if before:
            self.gradients = {name: before[name] + self.gradients[name] for name in before}
        return dx


@conv.mistake("weights copied when made", loses="weights that training has changed")
class ConvCopied(notebook.Conv2d):
    """Your layer computes with the weights that it was made with. Training changes `self.parameters`: read the weights from there every time."""

    def __init__(self, weight, padding=0):
        super().__init__(weight, padding)
        self.own = weight.copy()

    def forward(self, x):
        self.parameters, held = {**self.parameters, "weight": self.own}, self.parameters
        out = super().forward(x)
        self.parameters = held
        return out

    def backward(self, dout):
        self.parameters, held = {**self.parameters, "weight": self.own}, self.parameters
        dx = super().backward(dout)
        self.parameters = held
        return dx


@conv.mistake("float64 by np.zeros", loses="float32 stays float32")
class BecameDouble(notebook.Conv2d):
    """Your dx is float64. `np.zeros(shape)` makes float64 arrays: tell it the dtype, np.zeros(shape, dout.dtype)."""

    def backward(self, dout):
        return super().backward(dout).astype(np.float64)


# --------------------------------------------------------------------------------------------------- MaxPool2d

pool = Exercise(
    "MaxPool2d", reference=notebook.MaxPool2d, title="Max pooling, fast", minutes=40, difficulty=2, returns=("out", "dx"), probe=PASS, seconds=3
)


def pool_arrays(rng, size=2, rest=(0, 0)):
    """(x, dout) with different heights and widths; rest: rows and columns that fill no window."""
    n, c = int(rng.integers(2, 4)), int(rng.integers(2, 4))
    rows, columns = several(rng, 2, 4, 2)
    return distinct(rng, n, c, size * rows + rest[0], size * columns + rest[1]), numbers(rng, n, c, rows, columns)


@pool.checks("the largest number of each window", points=2, only="out", probe=FORWARD)
def _(rng):
    return case({"size": 2}, {}, pool_arrays(rng)[0])


@pool.checks("windows of 3", points=1, only="out", probe=FORWARD)
def _(rng):
    return case({"size": 3}, {}, pool_arrays(rng, 3)[0])


@pool.checks("rows and columns left over", points=1, only="out", probe=FORWARD)
def _(rng):
    return case({"size": 3}, {}, pool_arrays(rng, 3, several(rng, 1, 2, 2))[0])


@pool.checks("negative numbers", points=1, only="out", probe=FORWARD)
def _(rng):
    x = pool_arrays(rng)[0]
    return case({"size": 2}, {}, x - x.max() - 1)


@pool.checks("the gradient goes to the winner", points=2, only="dx")
def _(rng):
    return case({"size": 2}, {}, *pool_arrays(rng))


@pool.checks("the first of equals wins", points=2, only="dx")
def _(rng):
    x, dout = pool_arrays(rng)
    x = rng.integers(0, 2, x.shape).astype(float)
    x[0, 0, :2, :4] = [[0, 1, 1, 1], [1, 0, 0, 1]]
    return case({"size": 2}, {}, x, dout)


@pool.checks("what is left over gets no gradient", points=1, only="dx")
def _(rng):
    return case({"size": 3}, {}, *pool_arrays(rng, 3, several(rng, 1, 2, 2)))


@pool.checks("the latest x counts", points=1)
def _(rng):
    x, dout = pool_arrays(rng)
    return case({"size": 2}, {}, x, dout, -x, numbers(rng, *dout.shape))


@pool.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return in_float32(case({"size": 2}, {}, *pool_arrays(rng)))


@pool.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case({"size": 2}, {}, *pool_arrays(rng))


@pool.checks("512 images in three seconds", points=2, probe=MANY, calls=1, rtol=1e-3)
def _(rng):
    return case({"size": 2}, (512, 6, 28, 28), (512, 6, 14, 14), int(rng.integers(1000)))


def window_sums(x, size):
    """Sums of windows side by side, one after the other: (N, C, rows, columns)."""
    n, c, height, width = x.shape
    rows, columns = height // size, width // size
    return x[:, :, : rows * size, : columns * size].reshape(n, c, rows, size, columns, size).sum(axis=(3, 5))


def spread_out(values, size, shape):
    """Each number repeated over its window, in an array of that shape."""
    out = np.zeros(shape, values.dtype)
    large = values.repeat(size, axis=2).repeat(size, axis=3)
    out[:, :, : large.shape[2], : large.shape[3]] = large
    return out


@pool.mistake("mean instead of maximum", loses="the largest number of each window")
class Mean(notebook.MaxPool2d):
    """You took the mean of each window. Max pooling keeps the largest number: `np.maximum`, or `max` over the window's axes."""

    def forward(self, x):
        super().forward(x)
        return window_sums(x, self.size) / self.size**2


@pool.mistake("smallest instead of largest", loses="the largest number of each window")
class Smallest(notebook.MaxPool2d):
    """You kept the smallest number of each window. Keep the largest: `np.maximum` or `max`."""

    def forward(self, x):
        return -super().forward(-x)


@pool.mistake("one maximum for all channels", loses="the largest number of each window")
class OverChannels(notebook.MaxPool2d):
    """You took the maximum over the channels, too. Each channel is pooled on its own: take it over the rows and columns of a window only."""

    def forward(self, x):
        out = super().forward(x)
        return np.broadcast_to(out.max(axis=1, keepdims=True), out.shape)


@pool.mistake("windows overlap", loses="the largest number of each window")
class Overlapping(notebook.MaxPool2d):
    """Your windows move on by one pixel. They lie side by side: the next one begins `size` pixels further on."""

    def forward(self, x):
        super().forward(x)
        s = self.size
        rows, columns = x.shape[2] - s + 1, x.shape[3] - s + 1
        return np.maximum.reduce([x[:, :, u : u + rows, v : v + columns] for u in range(s) for v in range(s)])


@pool.mistake("always windows of 2", loses="windows of 3")
class AlwaysTwo(notebook.MaxPool2d):
    """Your windows are 2×2 whatever `size` says: use self.size."""

    def __init__(self, size):
        super().__init__(2)


@pool.mistake("left-over pixels pooled, too", loses="rows and columns left over")
class RoundedUp(notebook.MaxPool2d):
    """You pooled the rows and columns that fill no window. Leave them out: the output has H // size rows and W // size columns."""

    def forward(self, x):
        height, width = x.shape[2:]
        more = ((0, 0), (0, 0), (0, -height % self.size), (0, -width % self.size))
        return super().forward(np.pad(x, more, constant_values=-np.inf))

    def backward(self, dout):
        more = tuple((0, have - given) for have, given in zip(self.out.shape, dout.shape, strict=True))
        return super().backward(np.pad(dout, more))


@pool.mistake("zero is the smallest number", loses="negative numbers")
class FromZero(notebook.MaxPool2d):
    """Windows of negative numbers give 0. Did you begin with zeros and look for something larger? Begin with a number of the window itself."""

    def forward(self, x):
        return np.maximum(super().forward(x), 0)


@pool.mistake("gradient to the whole window", loses="the gradient goes to the winner")
class ToAll(notebook.MaxPool2d):
    """You gave every pixel of the window the gradient. Only the winner made a difference: give it to the first pixel that equals the maximum, and 0 to the others."""

    def backward(self, dout):
        return spread_out(dout, self.size, self.x.shape)


@pool.mistake("gradient shared in the window", loses="the gradient goes to the winner")
class SharedByAll(notebook.MaxPool2d):
    """You shared the gradient among all pixels of the window, as average pooling does. Here the winner gets all of it."""

    def backward(self, dout):
        return spread_out(dout / self.size**2, self.size, self.x.shape)


@pool.mistake("all equals get the gradient", loses="the first of equals wins")
class AllEquals(notebook.MaxPool2d):
    """Where several numbers are equally large, you gave each of them the whole gradient. Only the first one gets it: keep an array that says which windows have a winner already. After a ReLU every window of zeros is such a case."""

    def backward(self, dout):
        return spread_out(dout, self.size, self.x.shape) * (self.x == spread_out(self.out, self.size, self.x.shape))


@pool.mistake("equals share the gradient", loses="the first of equals wins")
class EqualsShare(notebook.MaxPool2d):
    """Where several numbers are equally large, you shared the gradient among them. Give all of it to the first one, as PyTorch does."""

    def backward(self, dout):
        wins = self.x == spread_out(self.out, self.size, self.x.shape)
        counts = np.maximum(spread_out(window_sums(wins.astype(dout.dtype), self.size), self.size, self.x.shape), 1)
        return spread_out(dout, self.size, self.x.shape) * wins / counts.astype(dout.dtype)


@pool.mistake("the last of equals wins", loses="the first of equals wins")
class LastWins(notebook.MaxPool2d):
    """Where several numbers are equally large, you took the last one. The first one wins: row by row, in each row from the left."""

    def backward(self, dout):
        self.places = self.places[::-1]
        dx = super().backward(dout)
        self.places = self.places[::-1]
        return dx


@pool.mistake("first down the columns", loses="the first of equals wins")
class ColumnsFirst(notebook.MaxPool2d):
    """Among equals you searched column by column. The order is row by row: in the window (0 1 / 1 0) the upper one wins."""

    def backward(self, dout):
        places = self.places
        self.places = [places[u * self.size + v] for v in range(self.size) for u in range(self.size)]
        dx = super().backward(dout)
        self.places = places
        return dx


@pool.mistake("left-over pixels cut off in dx", loses="what is left over gets no gradient")
class CutOff(notebook.MaxPool2d):
    """Your dx is smaller than x. The rows and columns that fill no window belong to dx, too, with gradient 0: begin with zeros of x's shape."""

    def backward(self, dout):
        dx = super().backward(dout)
        return dx[:, :, : dx.shape[2] // self.size * self.size, : dx.shape[3] // self.size * self.size]


@pool.mistake("first x remembered", loses="the latest x counts")
class FirstPoolInput(notebook.MaxPool2d):
    """Your backward pass used the x of the first forward pass. Each forward pass must replace what the layer remembers."""

    def forward(self, x):
        first = getattr(self, "x", None), getattr(self, "out", None)
        out = super().forward(x)
        if first[0] is not None:
            self.x, self.out = first
        return out


# ----------------------------------------------------------------------------------------------------- Network

network = Exercise("Network", reference=notebook.Network, title="Layers in a row", minutes=25, difficulty=2, returns=())
TOY = {name: f"{PROBES}:{name}" for name in ("layer_numbers", "parameters_named", "gradients_named", "after_a_change", "toy_logits", "toy_dx")}


def toy_weights(rng, features, order="wsw"):
    """For each letter a toy layer: w for one with weights, s for a square, t for turning the features round."""
    return [numbers(rng, features) if kind == "w" else {"s": "square", "t": "turn"}[kind] for kind in order]


def toy_pass(rng, features):
    n = int(rng.integers(2, 4))
    return numbers(rng, n, features), numbers(rng, n, features)


@network.checks("layers one after the other", points=2, probe=TOY["toy_logits"])
def _(rng):
    features = int(rng.integers(2, 5))
    return case(toy_weights(rng, features), toy_pass(rng, features)[0])


@network.checks("backward, the last layer first", points=2, probe=TOY["toy_dx"])
def _(rng):
    features = int(rng.integers(3, 6))
    return case(toy_weights(rng, features, "wtsw"), toy_pass(rng, features))


@network.checks("parameters carry their layer's place", points=2, probe=TOY["layer_numbers"])
def _(rng):
    return case(toy_weights(rng, int(rng.integers(2, 5)), ("wswsw", "wsswsw")[int(rng.integers(2))]))


@network.checks("parameters by their names", points=1, probe=TOY["parameters_named"])
def _(rng):
    return case(toy_weights(rng, int(rng.integers(2, 5))), ["2.weight", "0.weight"])


@network.checks("gradients by their names", points=2, probe=TOY["gradients_named"])
def _(rng):
    features = int(rng.integers(2, 5))
    return case(toy_weights(rng, features), ["2.weight", "0.weight"], toy_pass(rng, features))


@network.checks("gradients of the latest batch", points=1, probe=TOY["gradients_named"])
def _(rng):
    features = int(rng.integers(2, 5))
    return case(toy_weights(rng, features), ["2.weight", "0.weight"], toy_pass(rng, features), toy_pass(rng, features))


@network.checks("the arrays themselves, not copies", points=1, probe=TOY["after_a_change"])
def _(rng):
    features = int(rng.integers(2, 5))
    return case(toy_weights(rng, features), "2.weight", toy_pass(rng, features)[0])


@network.mistake("backward in forward order", loses="backward, the last layer first")
class ForwardOrder(notebook.Network):
    """Your gradient goes through the layers from first to last. It begins at the loss: `reversed(self.layers)`."""

    def backward(self, dout):
        for layer in self.layers:
            dout = layer.backward(dout)
        return dout


@network.mistake("every layer gets the same gradient", loses="backward, the last layer first")
class SameGradient(notebook.Network):
    """Every layer got the gradient of the logits. Each layer's backward returns the gradient for the layer before it: hand that on."""

    def backward(self, dout):
        for layer in reversed(self.layers):
            dx = layer.backward(dout)
        return dx


@network.mistake("gradient of the logits returned", loses="backward, the last layer first")
class DoutReturned(notebook.Network):
    """Your backward returns what it was given. It returns the gradient of the network's input: what the first layer's backward gave."""

    def backward(self, dout):
        super().backward(dout)
        return dout


@network.mistake("first layer left out", loses="layers one after the other")
class FirstLeftOut(notebook.Network):
    """The first layer was not used in the forward pass. Begin the loop with layer 0: send x through every layer of the list."""

    def forward(self, x):
        super().forward(x)
        for layer in self.layers[1:]:
            x = layer.forward(x)
        return x


@network.mistake("every layer gets the image", loses="layers one after the other")
class SameInput(notebook.Network):
    """Every layer got the network's input. Each layer gets what the one before it returned."""

    def forward(self, x):
        for layer in self.layers:
            out = layer.forward(x)
        return out


@network.mistake("places counted from 1", loses="parameters carry their layer's place")
class FromOne(notebook.Network):
    """Your places begin with 1. Count from 0, as lists and PyTorch do: `enumerate` does it without being told."""

    def parameters(self):
        return {f"{place}.{name}": values for place, layer in enumerate(self.layers, 1) for name, values in layer.parameters.items()}

    def gradients(self):
        return {f"{place}.{name}": values for place, layer in enumerate(self.layers, 1) for name, values in layer.gradients.items()}


@network.mistake("layers without parameters not counted", loses="parameters carry their layer's place")
class OnlyLearners(notebook.Network):
    """You numbered only the layers that have parameters. All layers count, ReLU and pooling, too: take the number from `enumerate(self.layers)`."""

    def parameters(self):
        learners = [layer for layer in self.layers if layer.parameters]
        return {f"{place}.{name}": values for place, layer in enumerate(learners) for name, values in layer.parameters.items()}

    def gradients(self):
        learners = [layer for layer in self.layers if layer.parameters]
        return {f"{place}.{name}": values for place, layer in enumerate(learners) for name, values in layer.gradients.items()}


@network.mistake("names without places", loses="parameters carry their layer's place")
class NoPlaces(notebook.Network):
    """All your layers' weights have the same name, so only the last one is left in the dictionary. Put the layer's place and a dot before the name: "0.weight"."""

    def parameters(self):
        return {name: values for layer in self.layers for name, values in layer.parameters.items()}

    def gradients(self):
        return {name: values for layer in self.layers for name, values in layer.gradients.items()}


@network.mistake("copies handed out", loses="the arrays themselves, not copies")
class Copies(notebook.Network):
    """You handed out copies. Training changes the arrays in place, and a change of a copy changes nothing: hand out the layers' own arrays."""

    def parameters(self):
        return {name: values.copy() for name, values in super().parameters().items()}


@network.mistake("parameters in place of gradients", loses="gradients by their names")
class ParametersTwice(notebook.Network):
    """Your gradients() returns the parameters. Read `layer.gradients` there."""

    def gradients(self):
        return self.parameters()


@network.mistake("gradients of the first batch kept", loses="gradients of the latest batch")
class FirstGradients(notebook.Network):
    """Your gradients are those of the first batch. Each backward pass makes new ones: read them from the layers when they are asked for."""

    def backward(self, dout):
        dx = super().backward(dout)
        self.kept = getattr(self, "kept", super().gradients())
        return dx

    def gradients(self):
        return self.kept


# ------------------------------------------------------------------------------------------------------- lenet

net = Exercise("lenet", reference=notebook.lenet, title="The net of 1998", minutes=25, difficulty=2, seconds=10)
LOGITS = "PyTorch's logits from the same weights"


def twin():
    """The same net in PyTorch, its parameters filled with `known_values`, as float64."""
    layers = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    layers += [nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    model = nn.Sequential(*layers)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.from_numpy(known_values(tuple(parameter.shape))))
    return model.double()


def clothes(rng, n):
    """Noise of an image's shape, float64: the logits' last digits in float32 would depend on the order of the additions."""
    return rng.standard_normal((n, 1, 28, 28)).round(1)


@net.checks("61,706 parameters in their places", points=2, probe=f"{PROBES}:places_and_sizes", calls=1)
def _(rng):
    return case()


@net.checks(LOGITS, points=4, probe=f"{PROBES}:known_logits", rtol=1e-5)
def _(rng):
    x = clothes(rng, 2)
    with torch.no_grad():
        return case(x), twin()(torch.from_numpy(x)).numpy().round(9)


@net.checks("PyTorch's gradients from the same weights", points=2, probe=f"{PROBES}:known_gradients", rtol=1e-4)
def _(rng):
    x, dout, model = clothes(rng, 2), numbers(rng, 2, 10), twin()
    model(torch.from_numpy(x)).backward(torch.from_numpy(dout))
    ends = [*list(model.parameters())[:2], *list(model.parameters())[-2:]]
    return case(x, dout), np.concatenate([p.grad.numpy().ravel() for p in ends]).round(9)


@net.checks("the first loss is ln 10: all logits near 0", points=1, probe=f"{PROBES}:first_logits_are_small")
def _(rng):
    return case(clothes(rng, 2), int(rng.integers(1000)))


@net.checks("He's weights before the last layer", points=1, probe=f"{PROBES}:spread_of_weights", rtol=0.1)
def _(rng):
    return case([int(seed) for seed in rng.integers(0, 1000, 6)])


@net.checks("the generator decides", points=1, probe=f"{PROBES}:seeds_decide")
def _(rng):
    return case(int(rng.integers(1, 1000)))


@net.checks("eight images learned by heart", points=2, probe=f"{PROBES}:learned_by_heart", calls=1)
def _(rng):
    labels = rng.permutation(10)[:8]
    return case(labels, int(rng.integers(1000))), labels


@net.mistake("padding forgotten in the first convolution", loses=LOGITS)
def _(rng):
    """Your first convolution has no padding, so its maps are 24×24 and only 16·4·4 = 256 numbers reach the first linear layer. Padding 2 keeps 28×28 for a 5×5 kernel."""
    built = notebook.lenet(rng)
    built.layers[0] = notebook.Conv2d(notebook.he_weights((6, 1, 5, 5), rng))
    built.layers[7] = notebook.Linear(notebook.he_weights((120, 256), rng))
    return built


@net.mistake("second pooling forgotten", loses=LOGITS)
def _(rng):
    """There is no pooling after your second convolution, so 16·10·10 = 1,600 numbers reach the first linear layer. Put a `MaxPool2d(2)` after its ReLU: 16·5·5 = 400 are left."""
    built = notebook.lenet(rng)
    built.layers[7] = notebook.Linear(notebook.he_weights((120, 1600), rng))
    del built.layers[5]
    return built


@net.mistake("ReLU after the last layer", loses=LOGITS)
def _(rng):
    """There is a ReLU after the last linear layer, so no logit can be negative, and a class whose logit is 0 stops learning. Let the last linear layer be the last layer."""
    built = notebook.lenet(rng)
    built.layers.append(notebook.ReLU())
    return built


@net.mistake("no ReLU between the linear layers", loses=LOGITS)
def _(rng):
    """Your linear layers follow each other directly; three linear maps in a row are one linear map. Put a ReLU after each but the last."""
    built = notebook.lenet(rng)
    del built.layers[10], built.layers[8]
    return built


@net.mistake("no ReLU after the convolutions", loses=LOGITS)
def _(rng):
    """Nothing stands between your convolutions and their pooling. Put a ReLU after each of the two convolutions."""
    built = notebook.lenet(rng)
    del built.layers[4], built.layers[1]
    return built


@net.mistake("six filters in both convolutions", loses=LOGITS)
def _(rng):
    """Your second convolution has 6 filters. It has 16, so that 16·5·5 = 400 numbers reach the first linear layer."""
    built = notebook.lenet(rng)
    built.layers[3] = notebook.Conv2d(notebook.he_weights((6, 6, 5, 5), rng))
    built.layers[7] = notebook.Linear(notebook.he_weights((120, 150), rng))
    return built


@net.mistake("84 and 120 exchanged", loses=LOGITS)
def _(rng):
    """Your first linear layer has 84 outputs and the second 120. It is the other way round: 400 → 120 → 84 → 10."""
    built = notebook.lenet(rng)
    for place, shape in ((7, (84, 400)), (9, (120, 84)), (11, (10, 120))):
        built.layers[place] = notebook.Linear(notebook.he_weights(shape, rng))
    built.layers[11].parameters["weight"] *= 0.01
    return built


@net.mistake("last layer as large as the others", loses="the first loss is ln 10: all logits near 0")
def _(rng):
    """Your first logits are not near 0, so the first loss is well above ln 10. Multiply the last layer's weights by 0.01."""
    built = notebook.lenet(rng)
    built.layers[11].parameters["weight"] *= 100
    return built


@net.mistake("all layers made small", loses="He's weights before the last layer")
def _(rng):
    """All your weights are a hundred times too small. Multiply only the last layer's by 0.01: through small weights in every layer hardly any signal comes."""
    built = notebook.lenet(rng)
    for layer in built.layers[:11]:
        if layer.parameters:
            layer.parameters["weight"] *= 0.01
    return built


@net.mistake("own generator", loses="the generator decides")
def _(rng):
    """Your net always begins with the same weights, whatever generator it gets. Draw from the `rng` that was handed in."""
    return notebook.lenet(np.random.default_rng(0))


# -------------------------------------------------------------------------------------------------- train_step

step = Exercise(
    "train_step",
    reference=notebook.train_step,
    title="One step",
    minutes=25,
    difficulty=2,
    returns=("loss", "weights", "velocity"),
    probe=f"{PROBES}:training_steps",
)


def batch(rng, classes, n):
    return numbers(rng, n, classes), rng.integers(0, classes, n)


def step_call(rng, steps, momentum=0.9):
    classes = int(rng.integers(3, 6))
    return case([batch(rng, classes, int(rng.integers(3, 6))) for _ in range(steps)], float(rng.choice([0.5, 0.25])), momentum)


@step.checks("one step against the gradient", points=2, only="weights")
def _(rng):
    return step_call(rng, 1)


@step.checks("momentum over several steps", points=2, only="weights")
def _(rng):
    return step_call(rng, 4)


@step.checks("velocities kept by name", points=1, only="velocity")
def _(rng):
    return step_call(rng, 3)


@step.checks("another momentum", points=1, only="weights")
def _(rng):
    return step_call(rng, 3, momentum=float(rng.choice([0.25, 0.5])))


@step.checks("the loss before the step", points=1, only="loss")
def _(rng):
    return step_call(rng, 2)


@step.checks("images and labels left unmodified", points=1, unmodified=True)
def _(rng):
    return step_call(rng, 2)


@step.mistake("uphill", loses="one step against the gradient")
def _(network, x, labels, velocity, lr, momentum=0.9):
    """Your weights follow the gradient, and the loss grows. Subtract the step."""
    return notebook.train_step(network, x, labels, velocity, -lr, momentum)


@step.mistake("momentum ignored", loses="momentum over several steps")
def _(network, x, labels, velocity, lr, momentum=0.9):
    """Every step uses its own gradient only. Keep the old velocity, times the momentum: v ← μv + dw."""
    return notebook.train_step(network, x, labels, velocity, lr, 0.0)


@step.mistake("velocity forgotten", loses="velocities kept by name")
def _(network, x, labels, velocity, lr, momentum=0.9):
    """`velocity` is still empty after your step: you keep the velocities in a dictionary of your own, which is gone at the next call. Fill the one that was handed in."""
    return notebook.train_step(network, x, labels, {}, lr, momentum)


@step.mistake("learning rate in the velocity", loses="velocities kept by name")
def _(network, x, labels, velocity, lr, momentum=0.9):
    """Your velocity holds the learning rate. Then it keeps an old rate when the rate changes. Add up gradients only, v ← μv + dw, and multiply by the rate in the step, w ← w − ηv."""
    value, dlogits = notebook.softmax_cross_entropy(network.forward(x), labels)
    network.backward(dlogits)
    for name, values in network.parameters().items():
        velocity[name] = momentum * velocity.get(name, 0) + lr * network.gradients()[name]
        values -= velocity[name]
    return float(value)


@step.mistake("velocity averaged", loses="one step against the gradient")
def _(network, x, labels, velocity, lr, momentum=0.9):
    """You multiplied the gradient by 1 − μ. That is a running average, with μ = 0.9 ten times smaller. Here the gradient is added in full: v ← μv + dw."""
    return notebook.train_step(network, x, labels, velocity, lr * (1 - momentum), momentum)


@step.mistake("step with the old velocity", loses="one step against the gradient")
def _(network, x, labels, velocity, lr, momentum=0.9):
    """Your step uses the velocity of the step before, so the first step goes nowhere. First the new velocity, then the step with it."""
    value, dlogits = notebook.softmax_cross_entropy(network.forward(x), labels)
    network.backward(dlogits)
    for name, values in network.parameters().items():
        values -= lr * velocity.get(name, 0)
        velocity[name] = momentum * velocity.get(name, 0) + network.gradients()[name]
    return float(value)


@step.mistake("Nesterov", loses="one step against the gradient")
def _(network, x, labels, velocity, lr, momentum=0.9):
    """Your step is dw + μv with the new v: Nesterov's momentum. Here the step is the new velocity itself, w ← w − ηv."""
    value, dlogits = notebook.softmax_cross_entropy(network.forward(x), labels)
    network.backward(dlogits)
    for name, values in network.parameters().items():
        velocity[name] = momentum * velocity.get(name, 0) + network.gradients()[name]
        values -= lr * (network.gradients()[name] + momentum * velocity[name])
    return float(value)


@step.mistake("gradient of the sum", loses="one step against the gradient")
def _(network, x, labels, velocity, lr, momentum=0.9):
    """Your step grows with the number of images. The loss is a mean, and `softmax_cross_entropy` has divided by N already: do not multiply again."""
    value, dlogits = notebook.softmax_cross_entropy(network.forward(x), labels)
    network.backward(len(x) * dlogits)
    for name, values in network.parameters().items():
        velocity[name] = momentum * velocity.get(name, 0) + network.gradients()[name]
        values -= lr * velocity[name]
    return float(value)


@step.mistake("weights not changed in place", loses="one step against the gradient")
def _(network, x, labels, velocity, lr, momentum=0.9):
    """The network's weights did not move. `values = values - …` makes a new array and leaves the network's as it was; `values -= …` changes it."""
    value, dlogits = notebook.softmax_cross_entropy(network.forward(x), labels)
    network.backward(dlogits)
    for name in network.parameters():
        velocity[name] = momentum * velocity.get(name, 0) + network.gradients()[name]
    return float(value)


@step.mistake("momentum always 0.9", loses="another momentum")
def _(network, x, labels, velocity, lr, momentum=0.9):
    """Your momentum is 0.9 whatever the caller says: use the argument."""
    return notebook.train_step(network, x, labels, velocity, lr)


@step.mistake("loss after the step", loses="the loss before the step")
def _(network, x, labels, velocity, lr, momentum=0.9):
    """You measured the loss again after the step. Return the one that the gradients were computed from: it costs nothing more."""
    notebook.train_step(network, x, labels, velocity, lr, momentum)
    return float(notebook.softmax_cross_entropy(network.forward(x), labels)[0])


@step.mistake("images centred in place", loses="images and labels left unmodified")
def _(network, x, labels, velocity, lr, momentum=0.9):
    """After your step the images are no longer what they were. The next epoch needs them: work with `x - …`, which makes a new array, and never with `x -= …`."""
    value = notebook.train_step(network, x, labels, velocity, lr, momentum)
    x -= x.mean()
    return value


# ------------------------------------------------------------------------------------------------- train_epoch

epoch = Exercise(
    "train_epoch",
    reference=notebook.train_epoch,
    title="One epoch",
    minutes=20,
    difficulty=1,
    returns=("loss", "weights"),
    probe=f"{PROBES}:training_epochs",
)


def epoch_call(rng, batches, *, rest=0, epochs=1, batch_size=4, momentum=0.9):
    classes, n = int(rng.integers(3, 6)), batches * batch_size + rest
    orders = []
    while len(orders) < epochs:
        order = rng.permutation(n)
        if n == 1 or (order != np.arange(n)).any():
            orders.append(order)
    return case(*batch(rng, classes, n), float(rng.choice([0.5, 0.25])), orders, batch_size, momentum)


@epoch.checks("one batch", points=1, only="weights")
def _(rng):
    return epoch_call(rng, 1, batch_size=int(rng.integers(4, 7)))


@epoch.checks("all batches, in the given order", points=2, only="weights")
def _(rng):
    return epoch_call(rng, int(rng.integers(3, 5)))


@epoch.checks("the last, smaller batch counts", points=2, only="weights")
def _(rng):
    return epoch_call(rng, int(rng.integers(2, 4)), rest=int(rng.integers(1, 4)))


@epoch.checks("mean loss over all images", points=2, only="loss")
def _(rng):
    return epoch_call(rng, 2, rest=1)


@epoch.checks("the velocity goes on", points=1, only="weights")
def _(rng):
    return epoch_call(rng, 2, epochs=2)


@epoch.checks("momentum as given", points=1, only="weights")
def _(rng):
    return epoch_call(rng, 3, momentum=float(rng.choice([0.25, 0.5])))


@epoch.checks("images, labels and order left unmodified", points=1, unmodified=True)
def _(rng):
    return epoch_call(rng, 2)


def batches_of(order, batch_size):
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


@epoch.mistake("order ignored", loses="all batches, in the given order")
def _(network, images, labels, velocity, lr, order, batch_size=64, momentum=0.9):
    """You took the images in the order in which they lie. Take them in the order that `order` says, a new one in each epoch."""
    return notebook.train_epoch(network, images, labels, velocity, lr, np.arange(len(order)), batch_size, momentum)


@epoch.mistake("labels left in the old order", loses="all batches, in the given order")
def _(network, images, labels, velocity, lr, order, batch_size=64, momentum=0.9):
    """You picked the images by `order`, but not the labels, so most images have the label of another one: labels[rows]."""
    mixed_up = np.empty_like(labels)
    mixed_up[order] = labels
    return notebook.train_epoch(network, images, mixed_up, velocity, lr, order, batch_size, momentum)


@epoch.mistake("last batch dropped", loses="the last, smaller batch counts")
def _(network, images, labels, velocity, lr, order, batch_size=64, momentum=0.9):
    """You left out the last batch because it is smaller. Its images count, too: let the loop run to len(order). A slice beyond the end is simply shorter."""
    kept = order[: len(order) // batch_size * batch_size]
    return notebook.train_epoch(network, images, labels, velocity, lr, kept, batch_size, momentum)


@epoch.mistake("first batch again and again", loses="all batches, in the given order")
def _(network, images, labels, velocity, lr, order, batch_size=64, momentum=0.9):
    """All your steps used the first batch. Move on: rows = order[start : start + batch_size], with a start that grows."""
    rows = order[:batch_size]
    count = len(batches_of(order, batch_size))
    return sum(notebook.train_step(network, images[rows], labels[rows], velocity, lr, momentum) for _ in range(count)) / count


@epoch.mistake("mean of the batches' means", loses="mean loss over all images")
def _(network, images, labels, velocity, lr, order, batch_size=64, momentum=0.9):
    """You averaged the batches' losses as if all batches were equally large. Multiply each by its number of images, and divide the sum by the number of all images."""
    return np.mean([notebook.train_step(network, images[rows], labels[rows], velocity, lr, momentum) for rows in batches_of(order, batch_size)])


@epoch.mistake("sum of the losses", loses="mean loss over all images")
def _(network, images, labels, velocity, lr, order, batch_size=64, momentum=0.9):
    """You returned the sum over the images: divide by their number."""
    return len(order) * notebook.train_epoch(network, images, labels, velocity, lr, order, batch_size, momentum)


@epoch.mistake("loss of the last batch", loses="mean loss over all images")
def _(network, images, labels, velocity, lr, order, batch_size=64, momentum=0.9):
    """You returned the loss of the last batch. The mean over all images of the epoch is asked: add up the batches' losses, each times its number of images."""
    for rows in batches_of(order, batch_size):
        value = notebook.train_step(network, images[rows], labels[rows], velocity, lr, momentum)
    return value


@epoch.mistake("new velocity for each batch", loses="all batches, in the given order")
def _(network, images, labels, velocity, lr, order, batch_size=64, momentum=0.9):
    """Every batch begins with an empty velocity, so there is no momentum. Hand the same `velocity` to every step."""
    total = 0.0
    for rows in batches_of(order, batch_size):
        total += len(rows) * notebook.train_step(network, images[rows], labels[rows], {}, lr, momentum)
    return total / len(order)


@epoch.mistake("new velocity for each epoch", loses="the velocity goes on")
def _(network, images, labels, velocity, lr, order, batch_size=64, momentum=0.9):
    """Your epoch begins with an empty velocity of its own. Use the one that was handed in: it comes from the epoch before."""
    return notebook.train_epoch(network, images, labels, {}, lr, order, batch_size, momentum)


@epoch.mistake("momentum not handed on", loses="momentum as given")
def _(network, images, labels, velocity, lr, order, batch_size=64, momentum=0.9):
    """Your steps always have the momentum 0.9. Hand the argument on to `train_step`."""
    return notebook.train_epoch(network, images, labels, velocity, lr, order, batch_size)


# ---------------------------------------------------------------------------------------------------- classify

classify = Exercise(
    "classify",
    reference=notebook.classify,
    title="From photos to classes",
    minutes=15,
    difficulty=1,
    seconds=20,
    probe=f"{PROBES}:classes_of_templates",
)


def photos(rng, n):
    return rng.integers(0, 256, (n, 5, 6), dtype=np.uint8)


@classify.checks("a batch of images", points=2)
def _(rng):
    return case(photos(rng, 30), 40)


@classify.checks("one image", points=1)
def _(rng):
    return case(photos(rng, 1), 40)


@classify.checks("several batches, the last one smaller", points=2)
def _(rng):
    return case(photos(rng, 20 + int(rng.integers(1, 9))), 10)


@classify.checks("never more than batch_size images at once", points=1, probe=f"{PROBES}:largest_batch")
def _(rng):
    return case(photos(rng, 25), int(rng.integers(8, 12)))


@classify.checks("images left unmodified", points=1, unmodified=True)
def _(rng):
    return case(photos(rng, 6), 4)


@classify.checks("your net: 80 % of unseen images", points=2, **unseen_well(f"{PROBES}:classes_of_fashion", 0.80, 400))
def _(rng):
    return unseen(rng, 400)


@classify.checks("your net: 85 % of unseen images", points=3, **unseen_well(f"{PROBES}:classes_of_fashion", 0.85, 2000))
def _(rng):
    return unseen(rng, 2000)


def all_logits(images, network, batch_size):
    chosen = notebook.trained if network is None else network
    starts = range(0, len(images), batch_size)
    return np.concatenate([chosen.forward(notebook.prepare(images[start : start + batch_size])) for start in starts])


@classify.mistake("pixels not prepared", loses="a batch of images")
def _(images, network=None, batch_size=500):
    """The net saw standardised pixels in training and raw ones now. Send the images through `prepare` first."""
    chosen = notebook.trained if network is None else network
    starts = range(0, len(images), batch_size)
    return np.concatenate([chosen.forward(images[start : start + batch_size, None].astype(np.float32)).argmax(axis=1) for start in starts])


@classify.mistake("logits returned", loses="a batch of images")
def _(images, network=None, batch_size=500):
    """You returned the logits, ten numbers for each image. The class is the position of the largest: `argmax(axis=1)`."""
    return all_logits(images, network, batch_size)


@classify.mistake("largest logit instead of its position", loses="a batch of images")
def _(images, network=None, batch_size=500):
    """You returned the largest logit itself. The class is its position: `argmax`, not `max`."""
    return all_logits(images, network, batch_size).max(axis=1)


@classify.mistake("argmax over the batch", loses="a batch of images")
def _(images, network=None, batch_size=500):
    """You took the argmax over axis 0, the images: that tells which image is the most typical of each class. The classes are axis 1."""
    return all_logits(images, network, batch_size).argmax(axis=0)


@classify.mistake("smallest logit chosen", loses="a batch of images")
def _(images, network=None, batch_size=500):
    """You chose the class with the smallest logit. The largest logit is the net's answer: `argmax`, not `argmin`."""
    return all_logits(images, network, batch_size).argmin(axis=1)


@classify.mistake("all images at once", loses="never more than batch_size images at once")
def _(images, network=None, batch_size=500):
    """The net got all images at once. With many images its columns do not fit into memory: hand it slices of at most `batch_size` images in a loop."""
    return notebook.classify(images, network, len(images))


@classify.mistake("last batch dropped", loses="several batches, the last one smaller")
def _(images, network=None, batch_size=500):
    """The images of the last, smaller batch have no answer. `range(0, len(images), batch_size)` reaches them, too."""
    return notebook.classify(images[: max(len(images) // batch_size * batch_size, min(len(images), batch_size))], network, batch_size)


@classify.mistake("only the first batch", loses="several batches, the last one smaller")
def _(images, network=None, batch_size=500):
    """Only the first batch has answers. Collect the answers of all batches, and join them with np.concatenate."""
    return notebook.classify(images[:batch_size], network, batch_size)


@classify.mistake("images overwritten", loses="images left unmodified")
def _(images, network=None, batch_size=500):
    """After your function the images are no longer what they were. Do not write into `images`: `prepare` makes a new array for you."""
    answers = notebook.classify(images, network, batch_size)
    images //= 2
    return answers


notebook.trained = trained_reference()
