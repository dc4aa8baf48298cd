"""The exercises of assignment 02: what a right layer does, property by property, and how it usually goes wrong.

Numbers are quarters, so that sums are exact, messages are easy to read, and the file of checks stays small.
"""

import numpy as np

from autograder.units import import_unit
from convnets.check import Exercise, case

notebook = import_unit("02_layers")
pair, size_of = notebook.pair, notebook.output_size

QUARTERS = np.array([q / 4 for q in range(-12, 13) if q])


def numbers(rng, *shape):
    """Quarters between −3 and 3, never 0."""
    return rng.choice(QUARTERS, shape)


def mixed(rng, *shape):
    """Like `numbers`, with both signs for certain."""
    values = numbers(rng, *shape)
    values.flat[:2] = abs(values.flat[0]), -abs(values.flat[1])
    return values


def positive(rng, *shape):
    return np.abs(numbers(rng, *shape))


def distinct(rng, *shape):
    """Positive and negative halves, no two alike, none 0."""
    count = int(np.prod(shape))
    return (rng.permutation(count) - count // 2 + 0.5).reshape(shape)


def whole(rng, *shape):
    return rng.integers(1, 10, shape)


def several(rng, low, high, count):
    """Different whole numbers from low … high."""
    return [int(v) for v in rng.choice(np.arange(low, high + 1), count, replace=False)]


def one_of(rng, *options):
    return options[int(rng.integers(len(options)))]


def single(*arrays):
    return tuple(a.astype(np.float32) for a in arrays)


# ---------------------------------------------------------------------------------------------------- linear

linear_forward = Exercise("linear_forward", reference=notebook.linear_forward, title="Linear layer, forward", minutes=12, difficulty=1)


@linear_forward.checks("vectors", points=2)
def _(rng):
    n, d, m = several(rng, 2, 5, 3)
    return case(numbers(rng, n, d), numbers(rng, m, d), np.zeros(m))


@linear_forward.checks("bias", points=1)
def _(rng):
    d, m = several(rng, 2, 4, 2)
    return case(numbers(rng, m, d), numbers(rng, m, d), np.arange(1.0, m + 1))


@linear_forward.checks("as many outputs as inputs", points=1)
def _(rng):
    d = int(rng.integers(2, 5))
    return case(numbers(rng, d + 1, d), numbers(rng, d, d), numbers(rng, d))


@linear_forward.checks("images are flattened", points=2)
def _(rng):
    n, c, h, w = several(rng, 2, 5, 4)
    return case(numbers(rng, n, c, h, w), numbers(rng, 2, c * h * w), numbers(rng, 2))


@linear_forward.checks("whole-number pixels", points=1)
def _(rng):
    return case(whole(rng, 3, 4), numbers(rng, 2, 4), numbers(rng, 2) + 0.125)


@linear_forward.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(*single(numbers(rng, 3, 4), numbers(rng, 2, 4), numbers(rng, 2)))


@linear_forward.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case(numbers(rng, 3, 4), numbers(rng, 2, 4), numbers(rng, 2))


@linear_forward.checks("numbers of features disagree: ValueError", points=1)
def _(rng):
    d, other = several(rng, 2, 5, 2)
    return case(numbers(rng, 3, d), numbers(rng, 2, other), numbers(rng, 2))


@linear_forward.mistake("bias forgotten", loses="bias")
def _(x, w, b):
    """Your weighted sums are right, but the bias is missing: add b to every row."""
    return notebook.linear_forward(x, w, 0 * b)


@linear_forward.mistake("bias added down the columns", loses="bias")
def _(x, w, b):
    """You added b[i] to image i. Each bias belongs to an output, the last axis: `… + b` without a new axis does that."""
    return notebook.linear_forward(x, w, 0 * b) + b[:, None]


@linear_forward.mistake("weights not transposed", loses="as many outputs as inputs")
def _(x, w, b):
    """w has one row for each output, shape (M, D). You multiplied as if it were (D, M): transpose it. With M = D nothing warns you."""
    return x.reshape(len(x), -1) @ w + b


@linear_forward.mistake("images not flattened", loses="images are flattened")
def _(x, w, b):
    """An image must become one row of numbers before the product: x.reshape(len(x), -1). For vectors it makes no difference."""
    return x @ w.T + b


@linear_forward.mistake("channels last when flattening", loses="images are flattened")
def _(x, w, b):
    """You flattened with the channels as the fastest axis. Keep the order N×C×H×W and let the last axis, the columns of the image, run fastest."""
    return notebook.linear_forward(np.moveaxis(x, 1, -1) if x.ndim == 4 else x, w, b)


@linear_forward.mistake("first axis not kept when flattening", loses="images are flattened")
def _(x, w, b):
    """You mixed the pixels of different images: after flattening, row n must hold image n. Keep the first axis: (N, D)."""
    return notebook.linear_forward(x.reshape(-1, len(x)).T if x.ndim == 4 else x, w, b)


@linear_forward.mistake("result rounded to whole numbers", loses="whole-number pixels")
def _(x, w, b):
    """x holds whole numbers, and your result was stored as whole numbers too. Let the product decide on the dtype, or take np.result_type(x, w)."""
    return notebook.linear_forward(x, w, b).astype(x.dtype)


linear_backward = Exercise(
    "linear_backward",
    reference=notebook.linear_backward,
    title="Linear layer, backward",
    minutes=20,
    difficulty=2,
    returns=("dx", "dw", "db"),
)


def linear_gradients(rng, n, d, m, shape=None):
    return case(numbers(rng, n, m), numbers(rng, n, *(shape or (d,))), numbers(rng, m, d))


@linear_backward.checks("gradient of the bias", points=1, only="db")
def _(rng):
    return linear_gradients(rng, *several(rng, 2, 5, 3))


@linear_backward.checks("gradient of the weights", points=2, only="dw")
def _(rng):
    return linear_gradients(rng, *several(rng, 2, 5, 3))


@linear_backward.checks("gradient of the input", points=2, only="dx")
def _(rng):
    return linear_gradients(rng, *several(rng, 2, 5, 3))


@linear_backward.checks("as many outputs as inputs", points=1, only=("dx", "dw"))
def _(rng):
    n, d = several(rng, 2, 5, 2)
    return linear_gradients(rng, n, d, d)


@linear_backward.checks("dx has the images' shape", points=1, only=("dx", "dw"))
def _(rng):
    n, c, h, w = several(rng, 2, 5, 4)
    return linear_gradients(rng, n, c * h * w, 2, (c, h, w))


@linear_backward.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(*single(*linear_gradients(rng, 3, 4, 2).args))


@linear_backward.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return linear_gradients(rng, 3, 4, 2)


@linear_backward.mistake("weights transposed in dx", loses="as many outputs as inputs")
def _(dout, x, w):
    """For dx you multiplied with w.T. Forward used w.T, so backward uses w itself: (N, M) times (M, D) gives (N, D)."""
    _, dw, db = notebook.linear_backward(dout, x, w)
    return (dout @ w.T).reshape(x.shape), dw, db


@linear_backward.mistake("dw transposed", loses="gradient of the weights")
def _(dout, x, w):
    """Your dw is (D, M). A gradient always has the shape of what it belongs to, and w is (M, D): exchange the two factors."""
    dx, dw, db = notebook.linear_backward(dout, x, w)
    return dx, dw.T, db


@linear_backward.mistake("dx left flat", loses="dx has the images' shape")
def _(dout, x, w):
    """Your dx is still a row for each image. Undo the flattening at the end: dx gets the shape of x."""
    dx, dw, db = notebook.linear_backward(dout, x, w)
    return dx.reshape(len(x), -1), dw, db


@linear_backward.mistake("bias gradient not summed", loses="gradient of the bias")
def _(dout, x, w):
    """You returned dout as db. One bias serves all images of the batch, so its gradients add up over the images: the result is (M,)."""
    dx, dw, _ = notebook.linear_backward(dout, x, w)
    return dx, dw, dout.copy()


@linear_backward.mistake("bias gradient summed over the outputs", loses="gradient of the bias")
def _(dout, x, w):
    """You summed dout along its rows. Each output has its own bias: sum over the images, axis 0."""
    dx, dw, _ = notebook.linear_backward(dout, x, w)
    return dx, dw, dout.sum(axis=1)


@linear_backward.mistake("bias gradient averaged", loses="gradient of the bias")
def _(dout, x, w):
    """You took the mean of dout for db. Backward passes add up; the division by N happened once, in the loss."""
    dx, dw, db = notebook.linear_backward(dout, x, w)
    return dx, dw, db / len(x)


@linear_backward.mistake("weight gradient averaged", loses="gradient of the weights")
def _(dout, x, w):
    """You divided dw by the number of images. If the loss is a mean, dout already holds that 1/N: do not divide again."""
    dx, dw, db = notebook.linear_backward(dout, x, w)
    return dx, dw / len(x), db


# ----------------------------------------------------------------------------------------------- activations

relu_forward = Exercise("relu_forward", reference=notebook.relu_forward, title="ReLU, forward", minutes=5, difficulty=1)


@relu_forward.checks("positive and negative numbers", points=2)
def _(rng):
    return case(mixed(rng, 6))


@relu_forward.checks("any shape", points=1)
def _(rng):
    return case(mixed(rng, *several(rng, 2, 4, 3)))


@relu_forward.checks("whole numbers", points=1)
def _(rng):
    return case(np.array([3, -2, *rng.integers(-9, 10, 4)]))


@relu_forward.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(*single(mixed(rng, 2, 3)))


@relu_forward.checks("input left unmodified", points=1, unmodified=True)
def _(rng):
    return case(mixed(rng, 2, 3))


@relu_forward.mistake("input overwritten", loses="input left unmodified")
def _(x):
    """You set the negative numbers of x itself to 0. The backward pass still needs to know where x was negative: make a new array."""
    x[x < 0] = 0
    return x


@relu_forward.mistake("absolute value", loses="positive and negative numbers")
def _(x):
    """Your negative numbers came out positive. ReLU does not fold them over, it sets them to 0."""
    return np.abs(x)


@relu_forward.mistake("negative part kept", loses="positive and negative numbers")
def _(x):
    """You kept the negative numbers and cut off the positive ones: that is the minimum with 0. ReLU is the maximum."""
    return np.minimum(x, 0)


@relu_forward.mistake("leaky", loses="positive and negative numbers")
def _(x):
    """Negative numbers come through with a factor of 0.01. That is a leaky ReLU; here they become exactly 0."""
    return np.where(x > 0, x, 0.01 * x)


@relu_forward.mistake("gate instead of value", loses="positive and negative numbers")
def _(x):
    """You returned where x is positive, as 0 and 1. That gate belongs to the backward pass; forward passes on the number itself."""
    return (x > 0) * np.ones_like(x)


@relu_forward.mistake("cut off at 1", loses="positive and negative numbers")
def _(x):
    """Your results end at 1. ReLU has no upper bound: large numbers pass as they are."""
    return np.clip(x, 0, 1)


relu_backward = Exercise("relu_backward", reference=notebook.relu_backward, title="ReLU, backward", minutes=8, difficulty=1)


@relu_backward.checks("the sign of x decides", points=2)
def _(rng):
    return case(positive(rng, 6), mixed(rng, 6))


@relu_backward.checks("negative gradients pass, too", points=1)
def _(rng):
    return case(-positive(rng, 6), mixed(rng, 6))


@relu_backward.checks("at exactly 0 the gradient is 0", points=1)
def _(rng):
    x = mixed(rng, 6)
    x[2:4] = 0
    return case(mixed(rng, 6), x)


@relu_backward.checks("any shape", points=1)
def _(rng):
    shape = several(rng, 2, 4, 3)
    return case(mixed(rng, *shape), mixed(rng, *shape))


@relu_backward.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(*single(mixed(rng, 2, 3), mixed(rng, 2, 3)))


@relu_backward.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case(mixed(rng, 2, 3), mixed(rng, 2, 3))


@relu_backward.mistake("gate by dout", loses="the sign of x decides")
def _(dout, x):
    """You applied ReLU to dout. The gate depends on the sign of x in the forward pass; dout itself may have any sign."""
    return np.maximum(dout, 0)


@relu_backward.mistake("two gates", loses="negative gradients pass, too")
def _(dout, x):
    """Besides the gate by x you also stopped negative gradients. That is guided backpropagation, a trick for pictures; the true gradient lets them pass."""
    return np.maximum(dout, 0) * (x > 0)


@relu_backward.mistake("open at zero", loses="at exactly 0 the gradient is 0")
def _(dout, x):
    """Your gate is open where x is exactly 0. We take slope 0 there, as PyTorch does: x > 0, not x >= 0."""
    return dout * (x >= 0)


@relu_backward.mistake("multiplied by x", loses="the sign of x decides")
def _(dout, x):
    """You multiplied by ReLU(x). The slope where x is positive is 1, however large x is."""
    return dout * np.maximum(x, 0)


@relu_backward.mistake("gate reversed", loses="the sign of x decides")
def _(dout, x):
    """Your gate lets through where x is not positive. It is the other way round."""
    return dout * (x <= 0)


@relu_backward.mistake("dout forgotten", loses="the sign of x decides")
def _(dout, x):
    """You returned the slope alone. By the chain rule it must be multiplied by dout, the gradient that arrives."""
    return (x > 0).astype(dout.dtype)


@relu_backward.mistake("dout overwritten", loses="inputs left unmodified")
def _(dout, x):
    """You wrote zeros into dout itself. It belongs to the caller: multiply by the gate, or work on dout.copy()."""
    dout[x <= 0] = 0
    return dout


FAR = np.array([-1000.0, 1000.0])


def with_far(rng, *shape):
    """Moderate numbers, and the two that overflow."""
    values = mixed(rng, *shape)
    values.flat[2:4] = FAR
    return values


STRICT = "convnets.check.probes:without_overflow"


def activation_checks(exercise, limits):
    """The properties that both squashing functions have. limits: what they tend to."""

    @exercise.checks("around zero", points=2)
    def _(rng):
        return case(mixed(rng, 6))

    @exercise.checks("any shape", points=1)
    def _(rng):
        return case(mixed(rng, *several(rng, 2, 4, 3)))

    @exercise.checks(f"at ±1000 it is {limits}", points=1)
    def _(rng):
        return case(with_far(rng, 6))

    @exercise.checks("no overflow on the way", points=2, probe=STRICT)
    def _(rng):
        return case(with_far(rng, 6))

    @exercise.checks("whole numbers", points=1)
    def _(rng):
        return case(np.array([2, -1, *rng.integers(-4, 5, 4)]))

    @exercise.checks("float32 stays float32", points=1, dtype=True)
    def _(rng):
        return case(*single(mixed(rng, 2, 3)))

    @exercise.checks("input left unmodified", points=1, unmodified=True)
    def _(rng):
        return case(mixed(rng, 2, 3))


sigmoid_forward = Exercise("sigmoid_forward", reference=notebook.sigmoid_forward, title="Sigmoid, forward", minutes=15, difficulty=2)
activation_checks(sigmoid_forward, "0 and 1")


@sigmoid_forward.mistake("sign of the exponent", loses="around zero")
def _(x):
    """Your function falls where the sigmoid rises: the exponent needs a minus, exp(−x)."""
    return notebook.sigmoid_forward(-x)


@sigmoid_forward.mistake("infinity divided by infinity", loses="at ±1000 it is 0 and 1")
def _(x):
    """For large x your exp(x) is infinite, and infinite / infinite is NaN. The form exp(x) / (1 + exp(x)) is only for negative x; use 1 / (1 + exp(−x)) for the others."""
    return np.exp(x) / (1 + np.exp(x))


@sigmoid_forward.mistake("overflow for negative x", loses="no overflow on the way")
def _(x):
    """Your values are right, but exp(−x) overflows when x is very negative. Use exp(x) / (1 + exp(x)) there. Mind that np.where computes both of its branches, so both must be safe: exp(−|x|) is."""
    return 1 / (1 + np.exp(-x))


@sigmoid_forward.mistake("parentheses missing", loses="around zero")
def _(x):
    """1 / 1 + exp(−x) is 1 plus exp(−x). Put the sum in parentheses: 1 / (1 + exp(−x))."""
    return 1 + np.exp(-x)


@sigmoid_forward.mistake("tanh instead", loses="around zero")
def _(x):
    """Your results lie between −1 and 1: that is tanh. The sigmoid lies between 0 and 1, and is ½ at 0."""
    return np.tanh(x)


@sigmoid_forward.mistake("absolute value for both signs", loses="around zero")
def _(x):
    """Your results are never below ½. With exp(−|x|) you need two formulas: 1 / (1 + e) where x ≥ 0, and e / (1 + e) where x < 0."""
    return notebook.sigmoid_forward(np.abs(x))


@sigmoid_forward.mistake("result rounded to whole numbers", loses="whole numbers")
def _(x):
    """x holds whole numbers, and your result was stored in an array of whole numbers. `np.zeros_like(x)` takes over the dtype: ask for floats."""
    return notebook.sigmoid_forward(x).astype(x.dtype)


tanh_forward = Exercise("tanh_forward", reference=notebook.tanh_forward, title="Tanh, forward", minutes=8, difficulty=1)
activation_checks(tanh_forward, "−1 and 1")


@tanh_forward.mistake("infinity divided by infinity", loses="at ±1000 it is −1 and 1")
def _(x):
    """Far from 0 one of your exponentials is infinite, and infinite / infinite is NaN. 2·σ(2x) − 1 with a safe sigmoid has no such trouble."""
    return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))


@tanh_forward.mistake("overflow on the way", loses="no overflow on the way")
def _(x):
    """Your values are right, but an exponential overflows on the way. Use your own safe sigmoid, or np.tanh."""
    return 2 / (1 + np.exp(-2 * x)) - 1


@tanh_forward.mistake("x not doubled", loses="around zero")
def _(x):
    """You computed 2·σ(x) − 1, which rises half as fast. The sigmoid gets 2x."""
    return np.tanh(x / 2)


@tanh_forward.mistake("not shifted", loses="around zero")
def _(x):
    """Your results lie between 0 and 2. Subtract 1, so that the middle is 0."""
    return np.tanh(x) + 1


@tanh_forward.mistake("only the sigmoid of 2x", loses="around zero")
def _(x):
    """Your results lie between 0 and 1: that is σ(2x). Stretch it to twice the height and shift it: 2·σ(2x) − 1."""
    return notebook.sigmoid_forward(2 * x)


@tanh_forward.mistake("sign turned round", loses="around zero")
def _(x):
    """Your function falls. tanh has the sign of x: e^x comes first in the difference."""
    return -np.tanh(x)


def slope_checks(exercise):
    """The properties that the backward passes of both squashing functions have."""

    @exercise.checks("slope", points=2)
    def _(rng):
        return case(np.ones(6), mixed(rng, 6))

    @exercise.checks("times the gradient that arrives", points=2)
    def _(rng):
        return case(mixed(rng, 6) + 4, mixed(rng, 6))

    @exercise.checks("saturated far from zero, without overflow", points=1, probe=STRICT)
    def _(rng):
        return case(mixed(rng, 6), with_far(rng, 6))

    @exercise.checks("any shape", points=1)
    def _(rng):
        shape = several(rng, 2, 4, 3)
        return case(mixed(rng, *shape), mixed(rng, *shape))

    @exercise.checks("float32 stays float32", points=1, dtype=True)
    def _(rng):
        return case(*single(mixed(rng, 2, 3), mixed(rng, 2, 3)))

    @exercise.checks("inputs left unmodified", points=1, unmodified=True)
    def _(rng):
        return case(mixed(rng, 2, 3), mixed(rng, 2, 3))


sigmoid_backward = Exercise("sigmoid_backward", reference=notebook.sigmoid_backward, title="Sigmoid, backward", minutes=10, difficulty=1)
slope_checks(sigmoid_backward)


@sigmoid_backward.mistake("x taken for the output", loses="slope")
def _(dout, x):
    """You computed x·(1 − x). The formula wants the sigmoid's output, and x is its input: compute σ(x) first."""
    return dout * x * (1 - x)


@sigmoid_backward.mistake("dout forgotten", loses="times the gradient that arrives")
def _(dout, x):
    """You returned the slope alone. By the chain rule it must be multiplied by dout, the gradient that arrives."""
    return notebook.sigmoid_backward(np.ones_like(dout), x)


@sigmoid_backward.mistake("rule of tanh", loses="slope")
def _(dout, x):
    """1 − out² is the rule for tanh. The sigmoid's is out·(1 − out)."""
    return dout * (1 - notebook.sigmoid_forward(x) ** 2)


@sigmoid_backward.mistake("second factor missing", loses="slope")
def _(dout, x):
    """You multiplied by the output σ(x) only. The slope is σ(x) times (1 − σ(x)): at 0 it is ¼, not ½."""
    return dout * notebook.sigmoid_forward(x)


@sigmoid_backward.mistake("plus for minus", loses="slope")
def _(dout, x):
    """You wrote out·(1 + out), which never becomes small. Far from 0 the slope must vanish: out·(1 − out)."""
    out = notebook.sigmoid_forward(x)
    return dout * out * (1 + out)


tanh_backward = Exercise("tanh_backward", reference=notebook.tanh_backward, title="Tanh, backward", minutes=7, difficulty=1)
slope_checks(tanh_backward)


@tanh_backward.mistake("x taken for the output", loses="slope")
def _(dout, x):
    """You computed 1 − x². The formula wants the output of tanh, and x is its input: compute tanh(x) first."""
    return dout * (1 - x**2)


@tanh_backward.mistake("dout forgotten", loses="times the gradient that arrives")
def _(dout, x):
    """You returned the slope alone. By the chain rule it must be multiplied by dout, the gradient that arrives."""
    return notebook.tanh_backward(np.ones_like(dout), x)


@tanh_backward.mistake("square missing", loses="slope")
def _(dout, x):
    """You wrote 1 − tanh(x). Without the square the slope differs for x and −x, but the curve has the same slope on both sides."""
    return dout * (1 - np.tanh(x))


@tanh_backward.mistake("rule of the sigmoid", loses="slope")
def _(dout, x):
    """out·(1 − out) is the rule for the sigmoid. For tanh it is 1 − out²."""
    out = np.tanh(x)
    return dout * out * (1 - out)


@tanh_backward.mistake("plus for minus", loses="slope")
def _(dout, x):
    """You wrote 1 + out². The slope is largest in the middle, 1, and falls from there: 1 − out²."""
    return dout * (1 + np.tanh(x) ** 2)


# ------------------------------------------------------------------------------------ loss, numerical gradient

softmax_cross_entropy = Exercise(
    "softmax_cross_entropy",
    reference=notebook.softmax_cross_entropy,
    title="Softmax and cross-entropy",
    minutes=30,
    difficulty=2,
    returns=("loss", "dlogits"),
)


def classes(rng, n, c):
    """Labels of n images, not all alike when there are several."""
    labels = rng.integers(0, c, n)
    if n > 1:
        labels[1] = (labels[0] + 1) % c
    return labels


def logits_and_labels(rng, n, shift=0.0):
    c = int(rng.integers(3, 6))
    return case(mixed(rng, n, c) + shift, classes(rng, n, c))


@softmax_cross_entropy.checks("loss of one image", points=2, only="loss")
def _(rng):
    return logits_and_labels(rng, 1)


@softmax_cross_entropy.checks("mean loss of a batch", points=2, only="loss")
def _(rng):
    return logits_and_labels(rng, int(rng.integers(2, 5)))


@softmax_cross_entropy.checks("gradient of one image", points=2, only="dlogits")
def _(rng):
    return logits_and_labels(rng, 1)


@softmax_cross_entropy.checks("gradient of a batch", points=2, only="dlogits")
def _(rng):
    return logits_and_labels(rng, int(rng.integers(2, 5)))


@softmax_cross_entropy.checks("equal logits: the loss is ln C", points=1, only="loss")
def _(rng):
    n, c = several(rng, 2, 9, 2)
    labels = classes(rng, n, c)
    return case(np.full((n, c), float(rng.choice(QUARTERS))), labels), (np.log(c), (1 / c - np.eye(c)[labels]) / n)


@softmax_cross_entropy.checks("large logits", points=2)
def _(rng):
    return logits_and_labels(rng, 3, shift=1000.0)


@softmax_cross_entropy.checks("images with very different logits", points=1)
def _(rng):
    return logits_and_labels(rng, 2, shift=np.array([[600.0], [-600.0]]))


@softmax_cross_entropy.checks("a hopeless prediction has a finite loss", points=1)
def _(rng):
    c = int(rng.integers(3, 6))
    logits, labels = mixed(rng, 2, c), classes(rng, 2, c)
    logits[np.arange(2), labels] = [-800, -900]
    return case(logits, labels)


@softmax_cross_entropy.checks("float32 stays float32", points=1, only="dlogits", dtype=True)
def _(rng):
    logits, labels = logits_and_labels(rng, 2).args
    return case(logits.astype(np.float32), labels)


@softmax_cross_entropy.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return logits_and_labels(rng, 2)


def cross_entropy(logits, labels, shift, divide_loss=True, divide_gradient=True):
    rows, n = np.arange(len(logits)), len(logits)
    z = logits - shift
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    loss, gradient = -log_p[rows, labels].sum(), np.exp(log_p)
    gradient[rows, labels] -= 1
    return loss / n if divide_loss else loss, gradient / n if divide_gradient else gradient


def right_probability(logits, labels):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (p / p.sum(axis=1, keepdims=True))[np.arange(len(p)), labels]


@softmax_cross_entropy.mistake("no shift", loses="large logits")
def _(logits, labels):
    """exp of a large logit is infinite. Subtract each row's largest logit before you use exp: the probabilities stay the same."""
    return cross_entropy(logits, labels, 0)


@softmax_cross_entropy.mistake("one maximum for the whole batch", loses="images with very different logits")
def _(logits, labels):
    """You subtracted the largest logit of the whole batch. In a row far below it all exponentials become 0. Take the maximum of each row: axis=1, keepdims=True."""
    return cross_entropy(logits, labels, logits.max())


@softmax_cross_entropy.mistake("small number added inside the log", loses="a hopeless prediction has a finite loss")
def _(logits, labels):
    """You wrote log(p + 1e-12) or the like. That hides how wrong the net is: a loss of 800 becomes 27.6. With log p = z − log Σ exp z nothing needs to be added."""
    return -np.log(right_probability(logits, labels) + 1e-12).mean(), notebook.softmax_cross_entropy(logits, labels)[1]


@softmax_cross_entropy.mistake("log of a probability that is zero", loses="a hopeless prediction has a finite loss")
def _(logits, labels):
    """The probability of the right class became exactly 0, and its log −∞. Do not go through the probability: log p = z − log Σ exp z."""
    return -np.log(right_probability(logits, labels)).mean(), notebook.softmax_cross_entropy(logits, labels)[1]


@softmax_cross_entropy.mistake("sum instead of mean", loses="mean loss of a batch")
def _(logits, labels):
    """You added the losses of the images up. Take their mean, so that the loss does not grow with the batch; the gradient then has the same 1/N."""
    return cross_entropy(logits, labels, logits.max(axis=1, keepdims=True), False, False)


@softmax_cross_entropy.mistake("gradient not divided by N", loses="gradient of a batch")
def _(logits, labels):
    """Your loss is a mean, but your gradient is that of the sum. Divide it by the number of images as well."""
    return cross_entropy(logits, labels, logits.max(axis=1, keepdims=True), True, False)


@softmax_cross_entropy.mistake("one-hot not subtracted", loses="gradient of one image")
def _(logits, labels):
    """Your gradient holds the probabilities only. Subtract 1 at the right class of each row: that entry must be negative, so that its logit grows."""
    loss, gradient = notebook.softmax_cross_entropy(logits, labels)
    gradient[np.arange(len(gradient)), labels] += 1 / len(gradient)
    return loss, gradient


@softmax_cross_entropy.mistake("one subtracted everywhere", loses="gradient of one image")
def _(logits, labels):
    """You subtracted 1 from all entries. Only the right class of each row loses 1: index with a row number and a label for each image, `[np.arange(N), labels]`."""
    loss, gradient = notebook.softmax_cross_entropy(logits, labels)
    gradient[np.arange(len(gradient)), labels] += 1 / len(gradient)
    return loss, gradient - 1 / len(gradient)


@softmax_cross_entropy.mistake("softmax over the images", loses="loss of one image")
def _(logits, labels):
    """Your probabilities sum to 1 down each column. Each image needs its own: sum over the classes, axis=1."""
    z = logits - logits.max(axis=0)
    p = np.exp(z) / np.exp(z).sum(axis=0)
    rows = np.arange(len(p))
    loss = -np.log(p[rows, labels]).mean()
    p[rows, labels] -= 1
    return loss, p / len(p)


@softmax_cross_entropy.mistake("sign of the loss", loses="loss of one image")
def _(logits, labels):
    """Your loss is negative. The log of a probability is at most 0, and the loss is minus that."""
    loss, gradient = notebook.softmax_cross_entropy(logits, labels)
    return -loss, gradient


@softmax_cross_entropy.mistake("logarithm to another base", loses="equal logits: the loss is ln C")
def _(logits, labels):
    """Your loss uses the logarithm to base 10 or 2. Cross-entropy uses the natural one, np.log."""
    loss, gradient = notebook.softmax_cross_entropy(logits, labels)
    return loss / np.log(10), gradient


numerical_gradient = Exercise(
    "numerical_gradient",
    reference=notebook.numerical_gradient,
    title="Numerical gradient",
    minutes=25,
    difficulty=2,
    probe="convnets.check.probes:gradient_of",
)
STEP = 0.125


@numerical_gradient.checks("a straight line", points=2)
def _(rng):
    return case("weighted sum", mixed(rng, int(rng.integers(3, 6))), h=STEP)


@numerical_gradient.checks("a curved function", points=2)
def _(rng):
    return case("cubes", mixed(rng, int(rng.integers(3, 6))), h=STEP)


@numerical_gradient.checks("numbers that act together", points=1)
def _(rng):
    return case("cube of the sum", positive(rng, int(rng.integers(3, 6))), h=STEP)


@numerical_gradient.checks("several axes", points=1)
def _(rng):
    return case("cubes", mixed(rng, *several(rng, 2, 4, 3)), h=STEP)


@numerical_gradient.checks("the step may be left out", points=1, rtol=1e-6)
def _(rng):
    return case("sines", mixed(rng, 4))


@numerical_gradient.checks("whole numbers", points=1)
def _(rng):
    return case("cubes", whole(rng, 4), h=STEP)


@numerical_gradient.checks("float32, computed in float64", points=1, rtol=1e-5)
def _(rng):
    return case("cubes", *single(mixed(rng, 4) + 0.1))


@numerical_gradient.checks("x left unmodified", points=1, unmodified=True)
def _(rng):
    return case("cubes", mixed(rng, 2, 3), h=STEP)


def each_element(f, x, quotient, dtype=np.float64):
    """Differences of one element at a time: quotient(f, moved, index)."""
    moved = np.array(x, dtype=dtype)
    gradient = np.zeros(moved.shape)
    for index in np.ndindex(moved.shape):
        gradient[index] = quotient(moved, index)
    return gradient


def at(f, moved, index, step):
    there = moved.copy()
    there[index] += there.dtype.type(step)
    return f(there)


@numerical_gradient.mistake("forward difference", loses="a curved function")
def _(f, x, h=1e-5):
    """You compared f(x + h) with f(x). That one-sided difference is off by about h; go h to both sides and divide by 2h."""
    return each_element(f, x, lambda moved, i: (at(f, moved, i, h) - f(moved)) / h)


@numerical_gradient.mistake("backward difference", loses="a curved function")
def _(f, x, h=1e-5):
    """You compared f(x) with f(x − h). That one-sided difference is off by about h; go h to both sides and divide by 2h."""
    return each_element(f, x, lambda moved, i: (f(moved) - at(f, moved, i, -h)) / h)


@numerical_gradient.mistake("divided by h", loses="a straight line")
def _(f, x, h=1e-5):
    """Your gradient is twice as large as it should be. The two points lie 2h apart: divide by 2h."""
    return each_element(f, x, lambda moved, i: (at(f, moved, i, h) - at(f, moved, i, -h)) / h)


@numerical_gradient.mistake("sign turned round", loses="a straight line")
def _(f, x, h=1e-5):
    """Your gradient has the wrong sign: f(x + h) comes first, and f(x − h) is subtracted."""
    return each_element(f, x, lambda moved, i: (at(f, moved, i, -h) - at(f, moved, i, h)) / (2 * h))


@numerical_gradient.mistake("all elements moved at once", loses="a straight line")
def _(f, x, h=1e-5):
    """You moved all elements together, so every entry is the same. Each entry answers: what if this one element moves, and all others stay?"""
    x = np.array(x, dtype=np.float64)
    return np.full(x.shape, (f(x + h) - f(x - h)) / (2 * h))


@numerical_gradient.mistake("element not put back", loses="numbers that act together")
def _(f, x, h=1e-5):
    """After you moved an element you left it where it was, so the next differences are taken at another point. Put the old value back before you go on."""
    moved = np.array(x, dtype=np.float64)
    gradient = np.zeros_like(moved)
    for index in np.ndindex(moved.shape):
        moved[index] += h
        above = f(moved)
        moved[index] -= 2 * h
        gradient[index] = (above - f(moved)) / (2 * h)
    return gradient


@numerical_gradient.mistake("x not put back", loses="x left unmodified")
def _(f, x, h=1e-5):
    """You moved the elements of x itself and did not put them back. Work on a copy, np.array(x, dtype=np.float64), and put each element back."""
    for index in np.ndindex(x.shape):
        x[index] -= x.dtype.type(h)
    return notebook.numerical_gradient(f, x + h, h)


@numerical_gradient.mistake("whole rows moved", loses="several axes")
def _(f, x, h=1e-5):
    """You went along the first axis only and moved a whole row at a time. `np.ndindex(x.shape)` gives the place of every single element."""
    moved = np.array(x, dtype=np.float64)
    gradient = np.zeros_like(moved)
    for i in range(len(moved)):
        gradient[i] = (at(f, moved, i, h) - at(f, moved, i, -h)) / (2 * h)
    return gradient


@numerical_gradient.mistake("computed in the dtype of x", loses="whole numbers")
def _(f, x, h=1e-5):
    """You moved the elements in an array of x's own dtype. In whole numbers a small step is cut off, and in float32 it drowns in rounding: make a float64 copy first."""
    return each_element(f, x, lambda moved, i: (at(f, moved, i, h) - at(f, moved, i, -h)) / (2 * h), dtype=x.dtype)


# ------------------------------------------------------------------------------------------------ convolution

conv2d_forward = Exercise("conv2d_forward", reference=notebook.conv2d_forward, title="Convolution, forward", minutes=50, difficulty=3)
conv = notebook.conv2d_forward
KERNELS = (3, 2), (2, 3), (1, 3), (3, 1)
PAIRS = (1, 2), (2, 1)


def images_and_filters(rng, n=1, c=1, f=1, size=(4, 4), kernel=(2, 2), groups=1, bias=True, make=numbers):
    """x, w, b of a convolution."""
    x, w = make(rng, n, c, *size), numbers(rng, f, c // groups, *kernel)
    return x, w, (np.arange(1.0, f + 1) if bias else np.zeros(f))


def square(rng, low, high):
    size = int(rng.integers(low, high + 1))
    return size, size


def oblong(rng):
    """A non-square image and a non-square kernel."""
    return several(rng, 4, 6, 2), one_of(rng, *KERNELS)


def remainder(rng):
    """A square image and kernel for stride 2, such that one row and one column are left over."""
    k = int(rng.integers(2, 4))
    size = k + one_of(rng, 1, 3)
    return (size, size), (k, k)


def in_pairs(rng):
    """An image, a kernel, and settings that differ for height and width."""
    return several(rng, 5, 6, 2), one_of(rng, (3, 2), (2, 3)), {"stride": one_of(rng, *PAIRS), "padding": one_of(rng, (0, 1), (1, 0))}


@conv2d_forward.checks("one channel, one filter", points=2)
def _(rng):
    k = int(rng.integers(2, 4))
    return case(*images_and_filters(rng, size=square(rng, 4, 5), kernel=(k, k), bias=False))


@conv2d_forward.checks("several channels", points=2)
def _(rng):
    return case(*images_and_filters(rng, c=int(rng.integers(2, 5)), bias=False))


@conv2d_forward.checks("several filters and images", points=2)
def _(rng):
    n, c, f = several(rng, 2, 4, 3)
    return case(*images_and_filters(rng, n, c, f, size=(3, 3), bias=False))


@conv2d_forward.checks("bias", points=1)
def _(rng):
    f = int(rng.integers(2, 4))
    return case(*images_and_filters(rng, c=2, f=f, size=(f + 1, f + 1)))


@conv2d_forward.checks("stride 2", points=1)
def _(rng):
    size, kernel = remainder(rng)
    return case(*images_and_filters(rng, size=size, kernel=kernel), stride=2)


@conv2d_forward.checks("padding", points=1)
def _(rng):
    return case(*images_and_filters(rng, size=square(rng, 3, 4), kernel=(3, 3)), padding=int(rng.integers(1, 3)))


@conv2d_forward.checks("non-square image and kernel", points=1)
def _(rng):
    size, kernel = oblong(rng)
    return case(*images_and_filters(rng, size=size, kernel=kernel))


@conv2d_forward.checks("stride and padding as pairs", points=1)
def _(rng):
    size, kernel, settings = in_pairs(rng)
    return case(*images_and_filters(rng, size=size, kernel=kernel), **settings)


@conv2d_forward.checks("dilation", points=1)
def _(rng):
    return case(*images_and_filters(rng, size=square(rng, 5, 6)), dilation=int(rng.integers(2, 4)))


@conv2d_forward.checks("groups", points=1)
def _(rng):
    f = 2 * int(rng.integers(2, 4))
    return case(*images_and_filters(rng, c=4, f=f, size=(3, 3), groups=2), groups=2)


@conv2d_forward.checks("a group for each channel", points=1)
def _(rng):
    c = int(rng.integers(2, 5))
    return case(*images_and_filters(rng, c=c, f=c, size=(3, 3), groups=c), groups=c)


@conv2d_forward.checks("whole-number image", points=1)
def _(rng):
    return case(*images_and_filters(rng, size=(3, 3), make=whole))


@conv2d_forward.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(*single(*images_and_filters(rng, f=2)))


@conv2d_forward.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case(*images_and_filters(rng, f=2, size=(3, 3)), padding=1)


@conv2d_forward.checks("channels disagree: ValueError", points=1)
def _(rng):
    c, other = several(rng, 2, 4, 2)
    x, _, b = images_and_filters(rng, c=c)
    return case(x, numbers(rng, 1, other, 2, 2), b)


@conv2d_forward.checks("window does not fit: ValueError", points=1)
def _(rng):
    return case(*images_and_filters(rng, size=one_of(rng, (2, 5), (5, 2), (2, 2)), kernel=(3, 3)))


def pad_with(x, padding, how="both", **settings):
    ph, pw = pair(padding)
    sides = {"both": ((ph, ph), (pw, pw)), "top and left": ((ph, 0), (pw, 0)), "end": ((0, ph), (0, pw))}[how]
    return np.pad(x, ((0, 0), (0, 0), *sides), **settings)


def rounded_up(x, kernel_size, stride, padding, dilation=1):
    """x with its padding, and zeros behind it, such that no row or column is left over."""
    x = pad_with(x, padding)
    ends = []
    for size, k, s, d in zip(x.shape[2:], pair(kernel_size), pair(stride), pair(dilation), strict=True):
        ends.append(-(size - d * (k - 1) - 1) % s)
    return pad_with(x, tuple(ends), "end")


def swapped(value):
    return pair(value)[::-1]


@conv2d_forward.mistake("kernel flipped", loses="one channel, one filter")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """You turned the kernel by 180°. That is convolution as in signal processing; a convolution layer lays the kernel on the window as it is."""
    return conv(x, w[:, :, ::-1, ::-1], b, stride, padding, dilation, groups)


@conv2d_forward.mistake("kernel transposed", loses="one channel, one filter")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """Rows and columns of your kernel are exchanged: w[f, c, u, v] belongs to row u and column v of the window."""
    return conv(x, w.swapaxes(2, 3), b, stride, padding, dilation, groups)


@conv2d_forward.mistake("only the first channel", loses="several channels")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """Your sum holds the first channel only. A filter reaches through all channels: multiply each with its own slice of the filter, and add everything."""
    keep = slice(None) if groups > 1 else slice(1)
    return conv(x[:, keep], w[:, keep], b, stride, padding, dilation, groups)


@conv2d_forward.mistake("channels averaged", loses="several channels")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """You averaged over the channels. Their products are added up, not averaged."""
    return conv(x, w / w.shape[1], b, stride, padding, dilation, groups)


@conv2d_forward.mistake("only the first image", loses="several filters and images")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """Only the first image of the batch was computed. All images are treated alike: loop over the first axis of x."""
    out = conv(x, w, b, stride, padding, dilation, groups)
    out[1:] = 0
    return out


@conv2d_forward.mistake("only the first filter", loses="several filters and images")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """All channels of your output are the same: each must use its own filter, w[f]."""
    return conv(x, np.repeat(w[:1], len(w), axis=0), b, stride, padding, dilation, groups)


@conv2d_forward.mistake("bias forgotten", loses="bias")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """The bias is missing: add b[f] to every number of output channel f."""
    return conv(x, w, 0 * b, stride, padding, dilation, groups)


@conv2d_forward.mistake("bias added along the width", loses="bias")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """`out + b` lets b run along the last axis, the columns. It belongs to the filters, axis 1: give it the shape (F, 1, 1)."""
    return conv(x, w, 0 * b, stride, padding, dilation, groups) + b


@conv2d_forward.mistake("bias added once for each channel", loses="bias")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """You added the bias again for every input channel. Add it once, when the sum over all channels is complete."""
    return conv(x, w, b * w.shape[1], stride, padding, dilation, groups)


@conv2d_forward.mistake("stride ignored", loses="stride 2")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """Your window moves by one pixel whatever the stride is. Output (i, j) begins at row i·stride and column j·stride."""
    return conv(x, w, b, 1, padding, dilation, groups)


@conv2d_forward.mistake("output size rounded up", loses="stride 2")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """You have one output too many: a window that sticks out over the edge is left out. The division in the output size rounds down, //."""
    return conv(rounded_up(x, w.shape[2:], stride, padding, dilation), w, b, stride, 0, dilation, groups)


@conv2d_forward.mistake("padding ignored", loses="padding")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """You did not use the padding: put that many rows and columns of zeros on every side before the window moves."""
    return conv(x, w, b, stride, 0, dilation, groups)


@conv2d_forward.mistake("padding at the top and left only", loses="padding")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """You padded at the top and left only. `padding` counts the zeros on each of the two sides of an axis."""
    return conv(pad_with(x, padding, "top and left"), w, b, stride, 0, dilation, groups)


@conv2d_forward.mistake("edge pixels repeated", loses="padding")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """You padded with copies of the edge pixels. A convolution layer pads with zeros."""
    return conv(pad_with(x, padding, mode="edge"), w, b, stride, 0, dilation, groups)


@conv2d_forward.mistake("kernel height used for both sides", loses="non-square image and kernel")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """You computed the output's width from the kernel's height. Read both sizes, w.shape[2] and w.shape[3], and use each for its own axis."""
    out = conv(x, w, b, stride, padding, dilation, groups)
    width = max(0, (x.shape[3] + 2 * pair(padding)[1] - pair(dilation)[1] * (w.shape[2] - 1) - 1) // pair(stride)[1] + 1)
    wrong = np.zeros((*out.shape[:3], width), out.dtype)
    wrong[..., : min(width, out.shape[3])] = out[..., :width]
    return wrong


@conv2d_forward.mistake("stride of height and width exchanged", loses="stride and padding as pairs")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """You used the pair `stride` the wrong way round: the first number is for the height (rows), the second for the width (columns)."""
    return conv(x, w, b, swapped(stride), padding, dilation, groups)


@conv2d_forward.mistake("padding of height and width exchanged", loses="stride and padding as pairs")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """You used the pair `padding` the wrong way round: the first number is for top and bottom, the second for left and right."""
    return conv(x, w, b, stride, swapped(padding), dilation, groups)


@conv2d_forward.mistake("dilation ignored", loses="dilation")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """Your kernel reads neighbouring pixels. With dilation d its places lie d pixels apart, so it spans d·(k − 1) + 1 pixels."""
    return conv(x, w, b, stride, padding, 1, groups)


@conv2d_forward.mistake("all groups see the first channels", loses="groups")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """All your filters look at the first group's channels. Group g has its own channels, from g·(C // groups) on."""
    if groups == 1:
        return conv(x, w, b, stride, padding, dilation)
    return conv(x[:, : w.shape[1]], w, b, stride, padding, dilation)


@conv2d_forward.mistake("channels dealt out in turn", loses="groups")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """You gave channel c to group c % groups. Groups are blocks of neighbours: the first C // groups channels belong to group 0."""
    order = np.arange(x.shape[1]).reshape(-1, groups).T.reshape(-1) if x.shape[1] % groups == 0 else slice(None)
    return conv(x[:, order], w, b, stride, padding, dilation, groups)


@conv2d_forward.mistake("one-channel filter spread over all channels", loses="a group for each channel")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """Each of your filters ran over all channels: NumPy stretched its single channel to fit. With a group for each channel, filter f sees only channel f."""
    if w.shape[1] == 1 and groups > 1:
        return conv(x, np.repeat(w, x.shape[1], axis=1), b, stride, padding, dilation)
    return conv(x, w, b, stride, padding, dilation, groups)


@conv2d_forward.mistake("result rounded to whole numbers", loses="whole-number image")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """x holds whole numbers, and you stored the result in an array of x's dtype, so everything after the point was cut off. Take np.result_type(x, w, b)."""
    return conv(x, w, b, stride, padding, dilation, groups).astype(x.dtype)


@conv2d_forward.mistake("always float64", loses="float32 stays float32")
def _(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """Your result is float64 for float32 inputs: `np.zeros(shape)` makes float64. Give it dtype=np.result_type(x, w, b)."""
    return conv(x, w, b, stride, padding, dilation, groups).astype(np.float64)


# --------------------------------------------------------------------------------------------- im2col, col2im

im2col = Exercise("im2col", reference=notebook.im2col, title="Windows as columns", minutes=35, difficulty=3)
columns_of = notebook.im2col


@im2col.checks("one channel", points=2)
def _(rng):
    size = int(rng.integers(4, 6))
    return case(distinct(rng, 1, 1, size, size), 2)


@im2col.checks("several channels", points=1)
def _(rng):
    return case(distinct(rng, 1, int(rng.integers(2, 4)), 3, 3), 2)


@im2col.checks("several images", points=1)
def _(rng):
    return case(distinct(rng, int(rng.integers(2, 4)), 2, 3, 3), 2)


@im2col.checks("stride 2", points=1)
def _(rng):
    size, kernel = remainder(rng)
    return case(distinct(rng, 1, 1, *size), kernel, stride=2)


@im2col.checks("padding", points=1)
def _(rng):
    return case(distinct(rng, 1, 1, *square(rng, 2, 3)), 2, padding=1)


@im2col.checks("dilation", points=1)
def _(rng):
    return case(distinct(rng, 1, 1, *square(rng, 5, 6)), 2, dilation=int(rng.integers(2, 4)))


@im2col.checks("non-square image and kernel", points=1)
def _(rng):
    size, kernel = oblong(rng)
    return case(distinct(rng, 1, 1, *size), kernel)


@im2col.checks("stride and padding as pairs", points=1)
def _(rng):
    size, kernel, settings = in_pairs(rng)
    return case(distinct(rng, 1, 1, *size), kernel, **settings)


@im2col.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(*single(distinct(rng, 1, 2, 3, 3)), 2, padding=1)


@im2col.checks("input left unmodified", points=1, unmodified=True)
def _(rng):
    return case(distinct(rng, 1, 2, 3, 3), 2)


@im2col.checks("window does not fit: ValueError", points=1)
def _(rng):
    return case(distinct(rng, 1, 1, *one_of(rng, (2, 5), (5, 2), (2, 2))), 3)


def column_parts(x, kernel_size, stride, padding, dilation):
    """im2col with its axes apart: (N, C, kh, kw, H', W')."""
    (kh, kw), (h, w) = pair(kernel_size), x.shape[2:]
    (sh, sw), (ph, pw), (dh, dw) = pair(stride), pair(padding), pair(dilation)
    return columns_of(x, kernel_size, stride, padding, dilation).reshape(
        *x.shape[:2], kh, kw, size_of(h, kh, sh, ph, dh), size_of(w, kw, sw, pw, dw)
    )


@im2col.mistake("windows as rows", loses="one channel")
def _(x, kernel_size, stride=1, padding=0, dilation=1):
    """Each of your windows is a row. Exchange the last two axes: one column for each window, shape (N, C·kh·kw, L)."""
    return columns_of(x, kernel_size, stride, padding, dilation).swapaxes(1, 2)


@im2col.mistake("channels run fastest", loses="several channels")
def _(x, kernel_size, stride=1, padding=0, dilation=1):
    """Down your columns the channel changes first. A filter lists channel by channel, w[f].reshape(−1): first the whole window of channel 0, then that of channel 1."""
    parts = column_parts(x, kernel_size, stride, padding, dilation)
    return parts.transpose(0, 2, 3, 1, 4, 5).reshape(len(x), -1, parts.shape[4] * parts.shape[5])


@im2col.mistake("window read column by column", loses="one channel")
def _(x, kernel_size, stride=1, padding=0, dilation=1):
    """You read each window from top to bottom first. Read it row by row, as `reshape` does: the order of axes is (kh, kw)."""
    parts = column_parts(x, kernel_size, stride, padding, dilation)
    return parts.transpose(0, 1, 3, 2, 4, 5).reshape(len(x), -1, parts.shape[4] * parts.shape[5])


@im2col.mistake("outputs in column order", loses="one channel")
def _(x, kernel_size, stride=1, padding=0, dilation=1):
    """Your windows go down the image first. They follow the outputs row by row: the loop over rows is the outer one."""
    parts = column_parts(x, kernel_size, stride, padding, dilation)
    return parts.swapaxes(4, 5).reshape(len(x), -1, parts.shape[4] * parts.shape[5])


@im2col.mistake("images side by side", loses="several images")
def _(x, kernel_size, stride=1, padding=0, dilation=1):
    """You put the windows of all images into one matrix. Keep the images apart: the first axis of the result is N."""
    cols = columns_of(x, kernel_size, stride, padding, dilation)
    return cols.transpose(1, 2, 0).reshape(cols.shape[1], -1) if len(x) > 1 else cols


@im2col.mistake("stride ignored", loses="stride 2")
def _(x, kernel_size, stride=1, padding=0, dilation=1):
    """Your window moves by one pixel whatever the stride is. Window (i, j) begins at row i·stride and column j·stride."""
    return columns_of(x, kernel_size, 1, padding, dilation)


@im2col.mistake("padding ignored", loses="padding")
def _(x, kernel_size, stride=1, padding=0, dilation=1):
    """You did not use the padding: put zeros around the image first, on all four sides."""
    return columns_of(x, kernel_size, stride, 0, dilation)


@im2col.mistake("dilation ignored", loses="dilation")
def _(x, kernel_size, stride=1, padding=0, dilation=1):
    """Your windows hold neighbouring pixels. With dilation d the places of the kernel lie d pixels apart."""
    return columns_of(x, kernel_size, stride, padding, 1)


@im2col.mistake("stride of height and width exchanged", loses="stride and padding as pairs")
def _(x, kernel_size, stride=1, padding=0, dilation=1):
    """You used the pair `stride` the wrong way round: the first number is for the height (rows), the second for the width (columns)."""
    return columns_of(x, kernel_size, swapped(stride), padding, dilation)


col2im = Exercise("col2im", reference=notebook.col2im, title="Columns back to pixels", minutes=30, difficulty=3)
pixels_of = notebook.col2im


def columns_for(rng, shape, kernel_size, make=numbers, **settings):
    """cols and the other arguments of col2im."""
    cols = columns_of(np.zeros(shape), kernel_size, **settings)
    return case(make(rng, *cols.shape), tuple(map(int, shape)), kernel_size, **settings)


@col2im.checks("windows side by side", points=2)
def _(rng):
    k = int(rng.integers(2, 4))
    return columns_for(rng, (1, 1, 2 * k, 2 * k), k, stride=k)


@col2im.checks("overlapping windows are added", points=2)
def _(rng):
    return columns_for(rng, (1, 1, *square(rng, 3, 4)), 2)


@col2im.checks("several channels and images", points=1)
def _(rng):
    n, c = several(rng, 2, 3, 2)
    return columns_for(rng, (n, c, 3, 3), 2)


@col2im.checks("padding is cut off", points=1)
def _(rng):
    return columns_for(rng, (1, 1, *square(rng, 3, 4)), 3, padding=1)


@col2im.checks("pixels of no window are 0", points=1)
def _(rng):
    size, kernel = remainder(rng)
    return columns_for(rng, (1, 1, *size), kernel, stride=2)


@col2im.checks("dilation", points=1)
def _(rng):
    return columns_for(rng, (1, 1, *square(rng, 5, 6)), 2, dilation=int(rng.integers(2, 4)))


@col2im.checks("non-square image and kernel", points=1)
def _(rng):
    size, kernel = oblong(rng)
    return columns_for(rng, (1, 1, *size), kernel)


@col2im.checks("stride and padding as pairs", points=1)
def _(rng):
    size, kernel, settings = in_pairs(rng)
    return columns_for(rng, (1, 1, *size), kernel, **settings)


@col2im.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return columns_for(rng, (1, 1, 3, 3), 2, make=lambda *args: single(numbers(*args))[0])


@col2im.checks("input left unmodified", points=1, unmodified=True)
def _(rng):
    return columns_for(rng, (1, 1, 4, 4), 2, stride=2)


def collect(cols, x_shape, kernel_size, stride=1, padding=0, dilation=1, *, add=True, cut="middle", spread=None):
    """col2im with one thing different. cut: which part of the padded image is kept. spread: the stride or dilation really used."""
    n, c, h, w = x_shape
    (kh, kw), (ph, pw) = pair(kernel_size), pair(padding)
    (sh, sw), (dh, dw) = pair(stride), pair(dilation)
    rows, columns = size_of(h, kh, sh, ph, dh), size_of(w, kw, sw, pw, dw)
    (sh, sw), (dh, dw) = spread or ((sh, sw), (dh, dw))
    parts = cols.reshape(n, c, kh, kw, rows, columns)
    padded = np.zeros((n, c, max(h + 2 * ph, sh * rows + dh * kh), max(w + 2 * pw, sw * columns + dw * kw)), cols.dtype)
    for i in range(rows):
        for j in range(columns):
            window = padded[:, :, i * sh : i * sh + dh * (kh - 1) + 1 : dh, j * sw : j * sw + dw * (kw - 1) + 1 : dw]
            window[...] = parts[..., i, j] + (window if add else 0)
    if cut == "nothing":
        return padded[:, :, : h + 2 * ph, : w + 2 * pw]
    top, left = (ph, pw) if cut == "middle" else (0, 0)
    return padded[:, :, top : top + h, left : left + w]


@col2im.mistake("overwritten instead of added", loses="overlapping windows are added")
def _(cols, x_shape, kernel_size, stride=1, padding=0, dilation=1):
    """Where windows overlap, the last one has overwritten the others. Add them up: +=, not =."""
    return collect(cols, x_shape, kernel_size, stride, padding, dilation, add=False)


@col2im.mistake("averaged instead of added", loses="overlapping windows are added")
def _(cols, x_shape, kernel_size, stride=1, padding=0, dilation=1):
    """You divided by the number of windows, as if you wanted the image back. col2im is not the inverse of im2col: it adds."""
    counts = pixels_of(np.ones_like(cols), x_shape, kernel_size, stride, padding, dilation)
    return pixels_of(cols, x_shape, kernel_size, stride, padding, dilation) / np.maximum(counts, 1)


@col2im.mistake("padding kept", loses="padding is cut off")
def _(cols, x_shape, kernel_size, stride=1, padding=0, dilation=1):
    """Your result still has the padding around it. Cut it off on all four sides: the result has the shape x_shape."""
    return collect(cols, x_shape, kernel_size, stride, padding, dilation, cut="nothing")


@col2im.mistake("padding cut off at one end", loses="padding is cut off")
def _(cols, x_shape, kernel_size, stride=1, padding=0, dilation=1):
    """You kept the top left corner of the padded image. The pixels lie in its middle: from row `padding` to row `padding + H`."""
    return collect(cols, x_shape, kernel_size, stride, padding, dilation, cut="corner")


@col2im.mistake("channels run fastest", loses="several channels and images")
def _(cols, x_shape, kernel_size, stride=1, padding=0, dilation=1):
    """You read the columns as if the channel changed first. They list channel by channel: reshape to (N, C, kh, kw, H', W')."""
    (kh, kw), c = pair(kernel_size), x_shape[1]
    parts = cols.reshape(len(cols), kh * kw, c, -1).swapaxes(1, 2).reshape(cols.shape)
    return pixels_of(parts, x_shape, kernel_size, stride, padding, dilation)


@col2im.mistake("window filled column by column", loses="windows side by side")
def _(cols, x_shape, kernel_size, stride=1, padding=0, dilation=1):
    """You filled each window from top to bottom first. A column lists its window row by row: (kh, kw)."""
    (kh, kw), c = pair(kernel_size), x_shape[1]
    parts = cols.reshape(len(cols), c, kw, kh, -1).swapaxes(2, 3).reshape(cols.shape)
    return pixels_of(parts, x_shape, kernel_size, stride, padding, dilation)


@col2im.mistake("outputs in column order", loses="windows side by side")
def _(cols, x_shape, kernel_size, stride=1, padding=0, dilation=1):
    """You took the windows in the order down the image first. They follow the outputs row by row."""
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = map(pair, (kernel_size, stride, padding, dilation))
    rows, columns = size_of(x_shape[2], kh, sh, ph, dh), size_of(x_shape[3], kw, sw, pw, dw)
    parts = cols.reshape(len(cols), -1, columns, rows).swapaxes(2, 3).reshape(cols.shape)
    return pixels_of(parts, x_shape, kernel_size, stride, padding, dilation)


@col2im.mistake("stride ignored", loses="windows side by side")
def _(cols, x_shape, kernel_size, stride=1, padding=0, dilation=1):
    """You put the windows one pixel apart. Window (i, j) begins at row i·stride and column j·stride."""
    return collect(cols, x_shape, kernel_size, stride, padding, dilation, spread=((1, 1), pair(dilation)))


@col2im.mistake("dilation ignored", loses="dilation")
def _(cols, x_shape, kernel_size, stride=1, padding=0, dilation=1):
    """You put the numbers of a window on neighbouring pixels. With dilation d they lie d pixels apart."""
    return collect(cols, x_shape, kernel_size, stride, padding, dilation, spread=(pair(stride), (1, 1)))


@col2im.mistake("stride of height and width exchanged", loses="stride and padding as pairs")
def _(cols, x_shape, kernel_size, stride=1, padding=0, dilation=1):
    """You used the pair `stride` the wrong way round: the first number is for the height (rows), the second for the width (columns)."""
    return collect(cols, x_shape, kernel_size, stride, padding, dilation, spread=(swapped(stride), pair(dilation)))


# ----------------------------------------------------------------------------------------- convolution, backward

conv2d_backward = Exercise(
    "conv2d_backward",
    reference=notebook.conv2d_backward,
    title="Convolution, backward",
    minutes=55,
    difficulty=3,
    returns=("dx", "dw", "db"),
)
conv_back = notebook.conv2d_backward


def conv_gradients(rng, n=1, c=1, f=1, size=(4, 4), kernel=(2, 2), groups=1, make=numbers, **settings):
    """dout, x, w of a convolution's backward pass."""
    x, w, b = images_and_filters(rng, n, c, f, size, kernel, groups, make=make)
    settings = settings | ({"groups": groups} if groups > 1 else {})
    return case(numbers(rng, *conv(x, w, b, **settings).shape), x, w, **settings)


@conv2d_backward.checks("gradient of the bias", points=1, only="db")
def _(rng):
    n, f = several(rng, 2, 3, 2)
    return conv_gradients(rng, n, 1, f, size=(3, 4))


@conv2d_backward.checks("gradient of the weights", points=2, only="dw")
def _(rng):
    return conv_gradients(rng, size=square(rng, 3, 4))


@conv2d_backward.checks("gradient of the input", points=2, only="dx")
def _(rng):
    return conv_gradients(rng, size=square(rng, 3, 4))


@conv2d_backward.checks("several channels and filters", points=2, only=("dx", "dw"))
def _(rng):
    c, f = several(rng, 2, 3, 2)
    return conv_gradients(rng, c=c, f=f, size=(3, 3))


@conv2d_backward.checks("several images", points=1, only=("dx", "dw"))
def _(rng):
    return conv_gradients(rng, n=int(rng.integers(2, 4)), size=(3, 3))


@conv2d_backward.checks("stride 2", points=1, only=("dx", "dw"))
def _(rng):
    return conv_gradients(rng, size=(5, 5), stride=2)


@conv2d_backward.checks("padding", points=1, only=("dx", "dw"))
def _(rng):
    return conv_gradients(rng, size=square(rng, 3, 4), kernel=(3, 3), padding=1)


@conv2d_backward.checks("non-square image and kernel", points=1, only=("dx", "dw"))
def _(rng):
    size, kernel = oblong(rng)
    return conv_gradients(rng, size=size, kernel=kernel)


@conv2d_backward.checks("stride and padding as pairs", points=1, only=("dx", "dw"))
def _(rng):
    size, kernel, settings = in_pairs(rng)
    return conv_gradients(rng, size=size, kernel=kernel, **settings)


@conv2d_backward.checks("dilation", points=1, only=("dx", "dw"))
def _(rng):
    return conv_gradients(rng, size=square(rng, 4, 5), dilation=2)


@conv2d_backward.checks("groups", points=2, only=("dx", "dw"))
def _(rng):
    return conv_gradients(rng, c=4, f=2 * int(rng.integers(1, 3)), size=(3, 3), groups=2)


@conv2d_backward.checks("whole-number image", points=1)
def _(rng):
    return conv_gradients(rng, size=(3, 3), make=whole)


@conv2d_backward.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(*single(*conv_gradients(rng, size=(3, 3)).args))


@conv2d_backward.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return conv_gradients(rng, size=(3, 3), padding=1)


def gradient_columns(dout, w, groups=1):
    """wᵀ·dout: what every window sends back, (N, C·kh·kw, L)."""
    n, f = dout.shape[:2]
    grads, weights = dout.reshape(n, groups, f // groups, -1), w.reshape(groups, f // groups, -1)
    return (weights.swapaxes(1, 2) @ grads).reshape(n, -1, grads.shape[-1])


@conv2d_backward.mistake("dx overwritten instead of added", loses="gradient of the input")
def _(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """Where windows overlap, the last one has overwritten the others in dx. A pixel that was used several times gets the sum: +=, not =."""
    _, dw, db = conv_back(dout, x, w, stride, padding, dilation, groups)
    return collect(gradient_columns(dout, w, groups), x.shape, w.shape[2:], stride, padding, dilation, add=False), dw, db


@conv2d_backward.mistake("kernel turned round in dx", loses="gradient of the input")
def _(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """Your dx used the kernel turned by 180° once too often. Each output sends w[f] back to its window as it is; if you write dx as a convolution of dout, flip the kernel once."""
    dx, _, _ = conv_back(dout, x, w[:, :, ::-1, ::-1], stride, padding, dilation, groups)
    return dx, *conv_back(dout, x, w, stride, padding, dilation, groups)[1:]


@conv2d_backward.mistake("dw turned round", loses="gradient of the weights")
def _(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """Your dw is turned by 180°. The forward pass did not flip the kernel, so dw[f, c, u, v] collects what was under place (u, v), in that order."""
    dx, dw, db = conv_back(dout, x, w, stride, padding, dilation, groups)
    return dx, dw[:, :, ::-1, ::-1], db


@conv2d_backward.mistake("dw of the last image only", loses="several images")
def _(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """Your dw holds the last image only: each image has overwritten the one before. The weights serve all images, so their gradients add up."""
    dx, _, db = conv_back(dout, x, w, stride, padding, dilation, groups)
    return dx, conv_back(dout[-1:], x[-1:], w, stride, padding, dilation, groups)[1], db


@conv2d_backward.mistake("dw averaged over the images", loses="several images")
def _(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """You divided dw by the number of images. Backward passes add up; if the loss is a mean, its 1/N is already in dout."""
    dx, dw, db = conv_back(dout, x, w, stride, padding, dilation, groups)
    return dx, dw / len(x), db


@conv2d_backward.mistake("db averaged", loses="gradient of the bias")
def _(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """You took the mean of dout for db. A bias was added to every number of its channel, in every image: sum over all of them."""
    dx, dw, _ = conv_back(dout, x, w, stride, padding, dilation, groups)
    return dx, dw, dout.mean(axis=(0, 2, 3))


@conv2d_backward.mistake("db summed over the images only", loses="gradient of the bias")
def _(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """You summed dout over the images only. Each bias also served all rows and columns: sum over axes 0, 2 and 3, so that (F,) is left."""
    dx, dw, _ = conv_back(dout, x, w, stride, padding, dilation, groups)
    return dx, dw, dout.sum(axis=0)


@conv2d_backward.mistake("padding kept in dx", loses="padding")
def _(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """Your dx still has the padding around it. It must have the shape of x: cut the padding off on all four sides."""
    _, dw, db = conv_back(dout, x, w, stride, padding, dilation, groups)
    return collect(gradient_columns(dout, w, groups), x.shape, w.shape[2:], stride, padding, dilation, cut="nothing"), dw, db


@conv2d_backward.mistake("padding cut off at one end", loses="padding")
def _(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """You cut dx from the top left corner of the padded gradient. The pixels of x lie in its middle: from row `padding` to row `padding + H`."""
    _, dw, db = conv_back(dout, x, w, stride, padding, dilation, groups)
    return collect(gradient_columns(dout, w, groups), x.shape, w.shape[2:], stride, padding, dilation, cut="corner"), dw, db


def other_windows(dout, x, w, stride, padding, dilation, groups):
    """Gradients as if the windows lay by other strides or dilations than they did."""
    padded = pad_with(x, padding)
    (sh, sw), (dh, dw) = pair(stride), pair(dilation)
    (rows, columns), (kh, kw) = dout.shape[2:], w.shape[2:]
    part = padded[:, :, : sh * (rows - 1) + dh * (kh - 1) + 1, : sw * (columns - 1) + dw * (kw - 1) + 1]
    if part.shape[2:] != (sh * (rows - 1) + dh * (kh - 1) + 1, sw * (columns - 1) + dw * (kw - 1) + 1):
        raise ValueError("the windows do not fit")
    dpart, dweights, db = conv_back(dout, part, w, stride, 0, dilation, groups)
    dpadded = np.zeros(padded.shape, dpart.dtype)
    dpadded[:, :, : part.shape[2], : part.shape[3]] = dpart
    (ph, pw), (h, width) = pair(padding), x.shape[2:]
    return dpadded[:, :, ph : ph + h, pw : pw + width], dweights, db


@conv2d_backward.mistake("stride ignored", loses="stride 2")
def _(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """You took the windows one pixel apart. The window of output (i, j) began at row i·stride and column j·stride, and its gradient goes back there."""
    return other_windows(dout, x, w, 1, padding, dilation, groups)


@conv2d_backward.mistake("stride of height and width exchanged", loses="stride and padding as pairs")
def _(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """You used the pair `stride` the wrong way round: the first number is for the height (rows), the second for the width (columns)."""
    return other_windows(dout, x, w, swapped(stride), padding, dilation, groups)


@conv2d_backward.mistake("dilation ignored", loses="dilation")
def _(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """You took windows of neighbouring pixels. With dilation d the kernel's places lay d pixels apart, and the gradients go back to those."""
    return other_windows(dout, x, w, stride, padding, 1, groups)


@conv2d_backward.mistake("all groups see the first channels", loses="groups")
def _(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """All groups used the first group's channels. Group g has its own channels, from g·(C // groups) on, for dw as for dx."""
    if groups == 1:
        return conv_back(dout, x, w, stride, padding, dilation)
    part, dw, db = conv_back(dout, x[:, : w.shape[1]], w, stride, padding, dilation)
    dx = np.zeros(x.shape, part.dtype)
    dx[:, : w.shape[1]] = part
    return dx, dw, db


@conv2d_backward.mistake("channels dealt out in turn", loses="groups")
def _(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """You gave channel c to group c % groups. Groups are blocks of neighbours: the first C // groups channels belong to group 0."""
    order = np.arange(x.shape[1]).reshape(-1, groups).T.reshape(-1)
    dx, dw, db = conv_back(dout, x[:, order], w, stride, padding, dilation, groups)
    return dx[:, np.argsort(order)], dw, db


@conv2d_backward.mistake("only one filter sends its gradient to dx", loses="several channels and filters")
def _(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """Your dx holds the last filter's share only. Every filter has read the pixel, so the shares of all filters add up."""
    _, dw, db = conv_back(dout, x, w, stride, padding, dilation, groups)
    last = np.where(np.arange(len(w))[:, None, None, None] % (len(w) // groups) == len(w) // groups - 1, w, 0).astype(w.dtype)
    return conv_back(dout, x, last, stride, padding, dilation, groups)[0], dw, db


@conv2d_backward.mistake("dx rounded to whole numbers", loses="whole-number image")
def _(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """x holds whole numbers, and `np.zeros_like(x)` made dx an array of whole numbers, too: everything after the point was cut off. Gradients need floats."""
    dx, dw, db = conv_back(dout, x, w, stride, padding, dilation, groups)
    return dx.astype(x.dtype), dw, db


@conv2d_backward.mistake("results in another order", loses="gradient of the bias")
def _(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """Your three gradients come in another order. Return dx, dw, db: input, weights, bias."""
    dx, dw, db = conv_back(dout, x, w, stride, padding, dilation, groups)
    return db, dw, dx


@conv2d_backward.mistake("always float64", loses="float32 stays float32")
def _(dout, x, w, stride=1, padding=0, dilation=1, groups=1):
    """Your gradients are float64 for float32 inputs: `np.zeros(shape)` makes float64. Give it a dtype, for example dout.dtype."""
    return tuple(g.astype(np.float64) for g in conv_back(dout, x, w, stride, padding, dilation, groups))


# ---------------------------------------------------------------------------------------------------- pooling

def pool_checks(exercise, make):
    """The properties that max and average pooling share, forward or backward. make(rng, n, c, size, kernel, stride, padding, values) → Case."""

    @exercise.checks("windows side by side", points=2)
    def _(rng):
        return make(rng, 1, 1, (4, 4), 2, 2, values="positive")

    @exercise.checks("stride left out", points=1)
    def _(rng):
        k = int(rng.integers(2, 4))
        return make(rng, 1, 1, (2 * k, 2 * k), k)

    @exercise.checks("overlapping windows", points=1)
    def _(rng):
        return make(rng, 1, 1, (5, 5), 3, 2)

    @exercise.checks("several channels and images", points=1)
    def _(rng):
        n, c = several(rng, 2, 3, 2)
        return make(rng, n, c, (4, 4), 2)

    @exercise.checks("a rest at the edge is left out", points=1)
    def _(rng):
        return make(rng, 1, 1, (5, 5), 2, 2)

    @exercise.checks("non-square image and kernel", points=1)
    def _(rng):
        size, kernel = oblong(rng)
        return make(rng, 1, 1, size, kernel, 1)

    @exercise.checks("stride as a pair", points=1)
    def _(rng):
        return make(rng, 1, 1, (5, 5), 2, one_of(rng, *PAIRS))


def pool_house_rules(exercise, make, forward):
    """The last properties of a pooling exercise."""

    @exercise.checks("float32 stays float32", points=1, dtype=True)
    def _(rng):
        call = make(rng, 1, 2, (4, 4), 2)
        return case(*(single(a)[0] if isinstance(a, np.ndarray) else a for a in call.args), **call.kwargs)

    @exercise.checks("input left unmodified" if forward else "inputs left unmodified", points=1, unmodified=True)
    def _(rng):
        return make(rng, 1, 1, (4, 4), 2, 2)

    if not forward:
        return

    @exercise.checks("window does not fit: ValueError", points=1)
    def _(rng):
        return case(distinct(rng, 1, 1, *one_of(rng, (2, 5), (5, 2), (2, 2))), 3)

    @exercise.checks("padding too large: ValueError", points=1)
    def _(rng):
        return case(distinct(rng, 1, 1, 4, 4), 2, padding=2)


def values_for(rng, kind, *shape):
    values = distinct(rng, *shape)
    return {"positive": values - values.min() + 0.5, "negative": values - values.max() - 0.5, "mixed": values}[kind]


def pool_case(rng, n, c, size, kernel, stride=None, padding=0, values="mixed"):
    settings = ({} if stride is None else {"stride": stride}) | ({"padding": padding} if padding else {})
    return case(values_for(rng, values, n, c, *size), kernel, **settings)


def pool_gradient_case(rng, n, c, size, kernel, stride=None, padding=0, values="mixed"):
    call = pool_case(rng, n, c, size, kernel, stride, padding, values)
    out = notebook.max_pool2d_forward(*call.args, **call.kwargs)
    return case(numbers(rng, *out.shape), *call.args, **call.kwargs)


max_pool2d_forward = Exercise("max_pool2d_forward", reference=notebook.max_pool2d_forward, title="Max pooling, forward", minutes=25, difficulty=2)
max_pool = notebook.max_pool2d_forward
pool_checks(max_pool2d_forward, pool_case)


@max_pool2d_forward.checks("negative numbers", points=1)
def _(rng):
    return pool_case(rng, 1, 1, (4, 4), 2, 2, values="negative")


@max_pool2d_forward.checks("padding never wins", points=1)
def _(rng):
    return pool_case(rng, 1, 1, several(rng, 3, 5, 2), 3, 2, 1, values="negative")


@max_pool2d_forward.checks("whole numbers stay whole", points=1)
def _(rng):
    return case(-whole(rng, 1, 1, 4, 4), 2, padding=1)


pool_house_rules(max_pool2d_forward, pool_case, forward=True)


@max_pool2d_forward.mistake("mean instead of maximum", loses="windows side by side")
def _(x, kernel_size, stride=None, padding=0):
    """You took the mean of each window: that is average pooling. Max pooling keeps the largest number."""
    return notebook.avg_pool2d_forward(x, kernel_size, stride, padding)


@max_pool2d_forward.mistake("minimum", loses="windows side by side")
def _(x, kernel_size, stride=None, padding=0):
    """You kept the smallest number of each window. Keep the largest."""
    return -max_pool(-x, kernel_size, stride, padding)


@max_pool2d_forward.mistake("search begins at 0", loses="negative numbers")
def _(x, kernel_size, stride=None, padding=0):
    """Your maximum is never below 0: you compared with an array of zeros. If all numbers are negative, the largest is negative, too. Begin with −∞, or with the first number of the window."""
    return np.maximum(max_pool(x, kernel_size, stride, padding), 0)


@max_pool2d_forward.mistake("largest absolute value", loses="negative numbers")
def _(x, kernel_size, stride=None, padding=0):
    """You kept the number farthest from 0. The maximum respects the sign: −1 is larger than −5."""
    high, low = max_pool(x, kernel_size, stride, padding), -max_pool(-x, kernel_size, stride, padding)
    return np.where(high >= -low, high, low)


@max_pool2d_forward.mistake("padded zeros win", loses="padding never wins")
def _(x, kernel_size, stride=None, padding=0):
    """In a window of negative numbers a padded 0 has won. Pad with −∞, so that only real pixels can win."""
    if 2 * max(pair(padding)) > min(pair(kernel_size)):
        raise ValueError("padding")
    return max_pool(pad_with(x, padding), kernel_size, stride)


@max_pool2d_forward.mistake("padding ignored", loses="padding never wins")
def _(x, kernel_size, stride=None, padding=0):
    """You did not use the padding. Windows may begin `padding` pixels before the edge, so there are more of them."""
    return max_pool(x, kernel_size, stride)


@max_pool2d_forward.mistake("stride 1 when left out", loses="stride left out")
def _(x, kernel_size, stride=None, padding=0):
    """Without a stride your windows moved by one pixel. In pooling the stride is the kernel size when it is None, so that windows lie side by side."""
    return max_pool(x, kernel_size, 1 if stride is None else stride, padding)


@max_pool2d_forward.mistake("stride always the kernel size", loses="overlapping windows")
def _(x, kernel_size, stride=None, padding=0):
    """Your windows lie side by side even when a stride is given. Use the kernel size only if stride is None; windows may overlap."""
    return max_pool(x, kernel_size, None, padding)


@max_pool2d_forward.mistake("maximum over the channels, too", loses="several channels and images")
def _(x, kernel_size, stride=None, padding=0):
    """You compared different channels with each other. Pooling treats each channel on its own and keeps their number."""
    return max_pool(np.broadcast_to(x.max(axis=1, keepdims=True), x.shape), kernel_size, stride, padding)


@max_pool2d_forward.mistake("only the first image", loses="several channels and images")
def _(x, kernel_size, stride=None, padding=0):
    """Only the first image of the batch was pooled. All images are treated alike: keep the first axis."""
    out = max_pool(x, kernel_size, stride, padding)
    out[1:] = 0
    return out


@max_pool2d_forward.mistake("output size rounded up", loses="a rest at the edge is left out")
def _(x, kernel_size, stride=None, padding=0):
    """You have one output too many: a window that sticks out over the edge is left out. The output size rounds down, //."""
    stride = kernel_size if stride is None else stride
    lowest = np.iinfo(x.dtype).min if x.dtype.kind == "i" else -np.inf
    if 2 * max(pair(padding)) > min(pair(kernel_size)):
        raise ValueError("padding")
    padded = pad_with(x, padding, constant_values=lowest)
    ends = tuple(-(n - k) % s for n, k, s in zip(padded.shape[2:], pair(kernel_size), pair(stride), strict=True))
    return max_pool(pad_with(padded, ends, "end", constant_values=lowest), kernel_size, stride)


@max_pool2d_forward.mistake("kernel height used for both sides", loses="non-square image and kernel")
def _(x, kernel_size, stride=None, padding=0):
    """You slid a square window. `kernel_size` may be a pair: the first number is its height, the second its width."""
    return max_pool(x, pair(kernel_size)[0], stride, padding)


@max_pool2d_forward.mistake("stride of height and width exchanged", loses="stride as a pair")
def _(x, kernel_size, stride=None, padding=0):
    """You used the pair `stride` the wrong way round: the first number is for the height (rows), the second for the width (columns)."""
    return max_pool(x, kernel_size, None if stride is None else swapped(stride), padding)


@max_pool2d_forward.mistake("whole numbers become floats", loses="whole numbers stay whole")
def _(x, kernel_size, stride=None, padding=0):
    """Your result holds floats, though x holds whole numbers. A maximum is one of x's own numbers, so it keeps x's dtype: pad with np.iinfo(x.dtype).min."""
    out = max_pool(x, kernel_size, stride, padding)
    return out if x.dtype.kind == "f" else out.astype(np.float64)


max_pool2d_backward = Exercise("max_pool2d_backward", reference=notebook.max_pool2d_backward, title="Max pooling, backward", minutes=35, difficulty=3)
max_back = notebook.max_pool2d_backward


def max_gradient_case(rng, n, c, size, kernel, stride=None, padding=0, values="mixed"):
    """As `pool_gradient_case`; where windows overlap, one pixel wins in several of them."""
    dout, x, *rest = (call := pool_gradient_case(rng, n, c, size, kernel, stride, padding, values)).args
    if stride is not None and pair(stride) != pair(kernel):
        x[:, :, 2, 2] = x.max() + 1
    return case(dout, x, *rest, **call.kwargs)


pool_checks(max_pool2d_backward, max_gradient_case)


@max_pool2d_backward.checks("negative numbers", points=1)
def _(rng):
    return max_gradient_case(rng, 1, 1, (4, 4), 2, 2, values="negative")


@max_pool2d_backward.checks("of equal numbers the first wins", points=1)
def _(rng):
    dout, x, *rest = (call := pool_gradient_case(rng, 1, 1, (4, 4), 2, 2)).args
    x[0, 0, :2, :2] = 9
    x[0, 0, 3, 2:] = 9
    return case(dout, x, *rest, **call.kwargs)


@max_pool2d_backward.checks("padding", points=1)
def _(rng):
    return pool_gradient_case(rng, 1, 1, several(rng, 4, 5, 2), 3, 2, 1, values="negative")


@max_pool2d_backward.checks("whole-number image", points=1)
def _(rng):
    dout, x, *rest = (call := pool_gradient_case(rng, 1, 1, (4, 4), 2)).args
    return case(dout, (2 * x).astype(int), *rest, **call.kwargs)


pool_house_rules(max_pool2d_backward, max_gradient_case, forward=False)


def window_by_window(dout, x, kernel_size, stride, padding, share, *, fill=-np.inf, add=True, cut="middle"):
    """Backward pooling by loops: share(window, gradient) is what each window's pixels get."""
    (kh, kw), (sh, sw), (ph, pw) = pair(kernel_size), pair(stride), pair(padding)
    padded = pad_with(x.astype(np.float64), padding, constant_values=fill)
    dpadded = np.zeros(padded.shape, dout.dtype)
    for n, c, i, j in np.ndindex(dout.shape):
        part = (n, c, slice(i * sh, i * sh + kh), slice(j * sw, j * sw + kw))
        if padded[part].shape != (kh, kw):
            raise ValueError("the windows do not fit")
        dpadded[part] = share(padded[part], dout[n, c, i, j]) + (dpadded[part] if add else 0)
    if cut == "nothing":
        return dpadded
    top, left = (ph, pw) if cut == "middle" else (0, 0)
    return dpadded[:, :, top : top + x.shape[2], left : left + x.shape[3]]


def to_first(window, gradient, value=None):
    """The gradient at the first place where `value` (the window itself) is largest."""
    share = np.zeros_like(window)
    share.flat[np.argmax(window if value is None else value)] = gradient
    return share


def given(stride, kernel_size):
    return kernel_size if stride is None else stride


@max_pool2d_backward.mistake("all equal numbers get the gradient", loses="of equal numbers the first wins")
def _(dout, x, kernel_size, stride=None, padding=0):
    """Where several numbers of a window are equally large, you gave the gradient to all of them (`window == window.max()`). Only the first one gets it: np.argmax finds that one."""
    return window_by_window(dout, x, kernel_size, given(stride, kernel_size), padding, lambda w, g: g * (w == w.max()))


@max_pool2d_backward.mistake("equal numbers share the gradient", loses="of equal numbers the first wins")
def _(dout, x, kernel_size, stride=None, padding=0):
    """Where several numbers of a window are equally large, you divided the gradient among them. Here, as in PyTorch, the first one gets all of it."""
    return window_by_window(
        dout, x, kernel_size, given(stride, kernel_size), padding, lambda w, g: g * (w == w.max()) / (w == w.max()).sum()
    )


@max_pool2d_backward.mistake("the last of equal numbers wins", loses="of equal numbers the first wins")
def _(dout, x, kernel_size, stride=None, padding=0):
    """Of several equally large numbers you chose the last. The first one wins, row by row: compare with > and not with >=."""
    return window_by_window(
        dout, x, kernel_size, given(stride, kernel_size), padding, lambda w, g: to_first(w[::-1, ::-1], g)[::-1, ::-1]
    )


@max_pool2d_backward.mistake("overwritten instead of added", loses="overlapping windows")
def _(dout, x, kernel_size, stride=None, padding=0):
    """A pixel that wins in two windows gets both gradients. You wrote each window over the one before: add, +=."""
    return window_by_window(dout, x, kernel_size, given(stride, kernel_size), padding, to_first, add=False)


@max_pool2d_backward.mistake("gradient shared by the whole window", loses="windows side by side")
def _(dout, x, kernel_size, stride=None, padding=0):
    """You gave every pixel of the window an equal share: that is average pooling. In max pooling only the winner made a difference."""
    return window_by_window(dout, x, kernel_size, given(stride, kernel_size), padding, lambda w, g: np.full(w.shape, g / w.size))


@max_pool2d_backward.mistake("gradient copied to the whole window", loses="windows side by side")
def _(dout, x, kernel_size, stride=None, padding=0):
    """Every pixel of your window got the whole gradient. Only the largest one gets it, the others get 0."""
    return window_by_window(dout, x, kernel_size, given(stride, kernel_size), padding, lambda w, g: np.full(w.shape, g))


@max_pool2d_backward.mistake("multiplied by the winner", loses="windows side by side")
def _(dout, x, kernel_size, stride=None, padding=0):
    """You multiplied the gradient by the winning number. The winner was passed on unchanged, so its slope is 1: dout arrives as it is."""
    return window_by_window(dout, x, kernel_size, given(stride, kernel_size), padding, lambda w, g: to_first(w, g * w.max()))


@max_pool2d_backward.mistake("dout forgotten", loses="windows side by side")
def _(dout, x, kernel_size, stride=None, padding=0):
    """You marked the winners with 1. By the chain rule each winner gets the gradient that arrives at its window, dout[n, c, i, j]."""
    return window_by_window(dout, x, kernel_size, given(stride, kernel_size), padding, lambda w, g: to_first(w, 1))


@max_pool2d_backward.mistake("largest absolute value", loses="negative numbers")
def _(dout, x, kernel_size, stride=None, padding=0):
    """You chose the number farthest from 0. The maximum respects the sign: −1 is larger than −5."""
    return window_by_window(dout, x, kernel_size, given(stride, kernel_size), padding, lambda w, g: to_first(w, g, np.abs(w)), fill=0)


@max_pool2d_backward.mistake("padded zeros win", loses="padding")
def _(dout, x, kernel_size, stride=None, padding=0):
    """In a window of negative numbers a padded 0 has won, and its gradient was lost. Pad with −∞, as in the forward pass."""
    return window_by_window(dout, x, kernel_size, given(stride, kernel_size), padding, to_first, fill=0)


@max_pool2d_backward.mistake("padding kept in dx", loses="padding")
def _(dout, x, kernel_size, stride=None, padding=0):
    """Your dx still has the padding around it. It must have the shape of x: cut the padding off on all four sides."""
    return window_by_window(dout, x, kernel_size, given(stride, kernel_size), padding, to_first, cut="nothing")


@max_pool2d_backward.mistake("padding cut off at one end", loses="padding")
def _(dout, x, kernel_size, stride=None, padding=0):
    """You cut dx from the top left corner of the padded gradient. The pixels of x lie in its middle: from row `padding` to row `padding + H`."""
    return window_by_window(dout, x, kernel_size, given(stride, kernel_size), padding, to_first, cut="corner")


@max_pool2d_backward.mistake("stride 1 when left out", loses="stride left out")
def _(dout, x, kernel_size, stride=None, padding=0):
    """Without a stride your windows moved by one pixel. In pooling the stride is the kernel size when it is None, in the backward pass as well."""
    return window_by_window(dout, x, kernel_size, given(stride, 1), padding, to_first)


@max_pool2d_backward.mistake("stride of height and width exchanged", loses="stride as a pair")
def _(dout, x, kernel_size, stride=None, padding=0):
    """You used the pair `stride` the wrong way round: the first number is for the height (rows), the second for the width (columns)."""
    return window_by_window(dout, x, kernel_size, swapped(given(stride, kernel_size)), padding, to_first)


@max_pool2d_backward.mistake("dx rounded to whole numbers", loses="whole-number image")
def _(dout, x, kernel_size, stride=None, padding=0):
    """x holds whole numbers, and `np.zeros_like(x)` made dx an array of whole numbers, too: everything after the point was cut off. Take dout's dtype."""
    return max_back(dout, x, kernel_size, stride, padding).astype(x.dtype)


avg_pool2d_forward = Exercise("avg_pool2d_forward", reference=notebook.avg_pool2d_forward, title="Average pooling, forward", minutes=15, difficulty=2)
avg_pool = notebook.avg_pool2d_forward
pool_checks(avg_pool2d_forward, pool_case)


@avg_pool2d_forward.checks("padded zeros count", points=1)
def _(rng):
    return pool_case(rng, 1, 1, several(rng, 3, 5, 2), 3, 2, 1)


@avg_pool2d_forward.checks("whole numbers", points=1)
def _(rng):
    x = whole(rng, 1, 1, 4, 4)
    x[0, 0, 0, 0] += 1 - x[0, 0, :2, :2].sum() % 2
    return case(x, 2)


pool_house_rules(avg_pool2d_forward, pool_case, forward=True)


@avg_pool2d_forward.mistake("sum instead of mean", loses="windows side by side")
def _(x, kernel_size, stride=None, padding=0):
    """You added the window up without dividing. Divide by the number of its pixels, kh·kw."""
    kh, kw = pair(kernel_size)
    return avg_pool(x, kernel_size, stride, padding) * (kh * kw)


@avg_pool2d_forward.mistake("maximum instead of mean", loses="windows side by side")
def _(x, kernel_size, stride=None, padding=0):
    """You kept the largest number of each window: that is max pooling. Take the mean."""
    return max_pool(x, kernel_size, stride, padding)


@avg_pool2d_forward.mistake("divided by the kernel's height only", loses="windows side by side")
def _(x, kernel_size, stride=None, padding=0):
    """You divided by one side of the window. It holds kh·kw pixels: divide by the product."""
    return avg_pool(x, kernel_size, stride, padding) * pair(kernel_size)[1]


@avg_pool2d_forward.mistake("divided by the square of the height", loses="non-square image and kernel")
def _(x, kernel_size, stride=None, padding=0):
    """You divided by kh·kh. A window need not be square: it holds kh·kw pixels."""
    kh, kw = pair(kernel_size)
    return avg_pool(x, kernel_size, stride, padding) * (kw / kh)


@avg_pool2d_forward.mistake("padded zeros not counted", loses="padded zeros count")
def _(x, kernel_size, stride=None, padding=0):
    """At the edge you divided by the number of real pixels. Here, as in PyTorch, padded zeros count: always divide by kh·kw."""
    return avg_pool(x, kernel_size, stride, padding) / avg_pool(np.ones_like(x), kernel_size, stride, padding).astype(x.dtype if x.dtype.kind == "f" else float)


@avg_pool2d_forward.mistake("padding ignored", loses="padded zeros count")
def _(x, kernel_size, stride=None, padding=0):
    """You did not use the padding: put zeros on all four sides first. Then there are more windows."""
    return avg_pool(x, kernel_size, stride)


@avg_pool2d_forward.mistake("padding at the top and left only", loses="padded zeros count")
def _(x, kernel_size, stride=None, padding=0):
    """You padded at the top and left only. `padding` counts the zeros on each of the two sides of an axis."""
    return avg_pool(pad_with(x, padding, "top and left"), kernel_size, stride)


@avg_pool2d_forward.mistake("stride 1 when left out", loses="stride left out")
def _(x, kernel_size, stride=None, padding=0):
    """Without a stride your windows moved by one pixel. In pooling the stride is the kernel size when it is None, so that windows lie side by side."""
    return avg_pool(x, kernel_size, given(stride, 1), padding)


@avg_pool2d_forward.mistake("stride always the kernel size", loses="overlapping windows")
def _(x, kernel_size, stride=None, padding=0):
    """Your windows lie side by side even when a stride is given. Use the kernel size only if stride is None; windows may overlap."""
    return avg_pool(x, kernel_size, None, padding)


@avg_pool2d_forward.mistake("averaged over the channels, too", loses="several channels and images")
def _(x, kernel_size, stride=None, padding=0):
    """You mixed the channels. Pooling treats each channel on its own and keeps their number."""
    return avg_pool(np.broadcast_to(x.mean(axis=1, keepdims=True), x.shape), kernel_size, stride, padding)


@avg_pool2d_forward.mistake("only the first image", loses="several channels and images")
def _(x, kernel_size, stride=None, padding=0):
    """Only the first image of the batch was pooled. All images are treated alike: keep the first axis."""
    out = avg_pool(x, kernel_size, stride, padding)
    out[1:] = 0
    return out


@avg_pool2d_forward.mistake("output size rounded up", loses="a rest at the edge is left out")
def _(x, kernel_size, stride=None, padding=0):
    """You have one output too many: a window that sticks out over the edge is left out. The output size rounds down, //."""
    stride = given(stride, kernel_size)
    return avg_pool(rounded_up(x, kernel_size, stride, padding), kernel_size, stride)


@avg_pool2d_forward.mistake("stride of height and width exchanged", loses="stride as a pair")
def _(x, kernel_size, stride=None, padding=0):
    """You used the pair `stride` the wrong way round: the first number is for the height (rows), the second for the width (columns)."""
    return avg_pool(x, kernel_size, swapped(given(stride, kernel_size)), padding)


@avg_pool2d_forward.mistake("result rounded to whole numbers", loses="whole numbers")
def _(x, kernel_size, stride=None, padding=0):
    """x holds whole numbers, and your means were rounded down: by //, or by an array of x's dtype. A mean needs floats."""
    out = avg_pool(x, kernel_size, stride, padding)
    return out if x.dtype.kind == "f" else np.floor(out)


avg_pool2d_backward = Exercise("avg_pool2d_backward", reference=notebook.avg_pool2d_backward, title="Average pooling, backward", minutes=20, difficulty=2)
avg_back = notebook.avg_pool2d_backward
pool_checks(avg_pool2d_backward, pool_gradient_case)


@avg_pool2d_backward.checks("padding", points=1)
def _(rng):
    return pool_gradient_case(rng, 1, 1, several(rng, 4, 5, 2), 3, 2, 1)


@avg_pool2d_backward.checks("whole-number image", points=1)
def _(rng):
    dout, x, *rest = (call := pool_gradient_case(rng, 1, 1, (4, 4), 2)).args
    return case(dout, (2 * x).astype(int), *rest, **call.kwargs)


pool_house_rules(avg_pool2d_backward, pool_gradient_case, forward=False)


def mean_by_loops(dout, x, kernel_size, stride, padding=0, **settings):
    """avg_pool2d_backward by loops, with the settings of `window_by_window`."""
    return window_by_window(dout, x, kernel_size, stride, padding, lambda w, g: np.full(w.shape, g / w.size), fill=0, **settings)


@avg_pool2d_backward.mistake("not divided", loses="windows side by side")
def _(dout, x, kernel_size, stride=None, padding=0):
    """Every pixel of your window got the whole gradient. Each had a weight of 1 / (kh·kw) in the mean, and gets that share."""
    kh, kw = pair(kernel_size)
    return avg_back(dout, x, kernel_size, stride, padding) * (kh * kw)


@avg_pool2d_backward.mistake("divided by the kernel's height only", loses="windows side by side")
def _(dout, x, kernel_size, stride=None, padding=0):
    """You divided by one side of the window. It holds kh·kw pixels: divide by the product."""
    return avg_back(dout, x, kernel_size, stride, padding) * pair(kernel_size)[1]


@avg_pool2d_backward.mistake("divided by the square of the height", loses="non-square image and kernel")
def _(dout, x, kernel_size, stride=None, padding=0):
    """You divided by kh·kh. A window need not be square: it holds kh·kw pixels."""
    kh, kw = pair(kernel_size)
    return avg_back(dout, x, kernel_size, stride, padding) * (kw / kh)


@avg_pool2d_backward.mistake("divided by the number of windows", loses="windows side by side")
def _(dout, x, kernel_size, stride=None, padding=0):
    """You divided by the number of outputs as well. Each window shares its own gradient among its own pixels; how many windows there are plays no part."""
    return avg_back(dout, x, kernel_size, stride, padding) / dout[0, 0].size


@avg_pool2d_backward.mistake("overwritten instead of added", loses="overlapping windows")
def _(dout, x, kernel_size, stride=None, padding=0):
    """A pixel in two windows gets two shares. You wrote each window over the one before: add, +=."""
    return mean_by_loops(dout, x, kernel_size, given(stride, kernel_size), padding, add=False)


@avg_pool2d_backward.mistake("padding kept in dx", loses="padding")
def _(dout, x, kernel_size, stride=None, padding=0):
    """Your dx still has the padding around it. It must have the shape of x: cut the padding off on all four sides."""
    return mean_by_loops(dout, x, kernel_size, given(stride, kernel_size), padding, cut="nothing")


@avg_pool2d_backward.mistake("padding cut off at one end", loses="padding")
def _(dout, x, kernel_size, stride=None, padding=0):
    """You cut dx from the top left corner of the padded gradient. The pixels of x lie in its middle: from row `padding` to row `padding + H`."""
    return mean_by_loops(dout, x, kernel_size, given(stride, kernel_size), padding, cut="corner")


@avg_pool2d_backward.mistake("padded zeros not counted", loses="padding")
def _(dout, x, kernel_size, stride=None, padding=0):
    """At the edge you shared the gradient among the real pixels only. The forward pass divided by kh·kw there as well, so every share is dout / (kh·kw)."""
    counts = avg_pool(np.ones(x.shape), kernel_size, stride, padding).astype(dout.dtype)
    return avg_back(dout / counts, x, kernel_size, stride, padding)


@avg_pool2d_backward.mistake("only the winner gets the gradient", loses="windows side by side")
def _(dout, x, kernel_size, stride=None, padding=0):
    """You sent the gradient to the largest pixel: that is max pooling. In a mean every pixel counts alike."""
    return max_back(dout, x, kernel_size, stride, padding)


@avg_pool2d_backward.mistake("stride 1 when left out", loses="stride left out")
def _(dout, x, kernel_size, stride=None, padding=0):
    """Without a stride your windows moved by one pixel. In pooling the stride is the kernel size when it is None, in the backward pass as well."""
    return mean_by_loops(dout, x, kernel_size, given(stride, 1), padding)


@avg_pool2d_backward.mistake("stride of height and width exchanged", loses="stride as a pair")
def _(dout, x, kernel_size, stride=None, padding=0):
    """You used the pair `stride` the wrong way round: the first number is for the height (rows), the second for the width (columns)."""
    return mean_by_loops(dout, x, kernel_size, swapped(given(stride, kernel_size)), padding)


@avg_pool2d_backward.mistake("dx rounded to whole numbers", loses="whole-number image")
def _(dout, x, kernel_size, stride=None, padding=0):
    """x holds whole numbers, and `np.zeros_like(x)` made dx an array of whole numbers, too: everything after the point was cut off. Take dout's dtype."""
    return avg_back(dout, x, kernel_size, stride, padding).astype(x.dtype)


# --------------------------------------------------------------------------------------------- global pooling

global_avg_pool2d_forward = Exercise(
    "global_avg_pool2d_forward", reference=notebook.global_avg_pool2d_forward, title="Global average pooling, forward", minutes=5, difficulty=1
)


@global_avg_pool2d_forward.checks("one image, one channel", points=2)
def _(rng):
    return case(distinct(rng, 1, 1, *square(rng, 2, 4)) + 1)


@global_avg_pool2d_forward.checks("several channels and images", points=1)
def _(rng):
    n, c = several(rng, 2, 4, 2)
    return case(numbers(rng, n, c, 3, 3))


@global_avg_pool2d_forward.checks("non-square image", points=1)
def _(rng):
    return case(numbers(rng, 1, 2, *several(rng, 2, 5, 2)))


@global_avg_pool2d_forward.checks("whole numbers", points=1)
def _(rng):
    x = whole(rng, 1, 2, 2, 3)
    x[0, :, 0, 0] += 1 + 6 - x[0].sum(axis=(1, 2)) % 6
    return case(x)


@global_avg_pool2d_forward.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(*single(numbers(rng, 2, 3, 2, 2)))


@global_avg_pool2d_forward.checks("input left unmodified", points=1, unmodified=True)
def _(rng):
    return case(numbers(rng, 2, 3, 2, 2))


@global_avg_pool2d_forward.mistake("sum instead of mean", loses="one image, one channel")
def _(x):
    """You added the pixels up without dividing. Divide by H·W."""
    return x.sum(axis=(2, 3))


@global_avg_pool2d_forward.mistake("maximum instead of mean", loses="one image, one channel")
def _(x):
    """You kept the largest number of each channel. Take the mean."""
    return x.max(axis=(2, 3))


@global_avg_pool2d_forward.mistake("averaged over the channels, too", loses="several channels and images")
def _(x):
    """You averaged over the channels as well. Each channel keeps its own number: the result is (N, C)."""
    return x.mean(axis=(1, 2, 3))


@global_avg_pool2d_forward.mistake("axes of length 1 kept", loses="one image, one channel")
def _(x):
    """Your result is (N, C, 1, 1). The two axes of the image are gone after averaging: return (N, C), without keepdims."""
    return x.mean(axis=(2, 3), keepdims=True)


@global_avg_pool2d_forward.mistake("averaged over the rows only", loses="one image, one channel")
def _(x):
    """You averaged over one of the two axes of the image. Take both: axis=(2, 3)."""
    return x.mean(axis=2)


@global_avg_pool2d_forward.mistake("result rounded to whole numbers", loses="whole numbers")
def _(x):
    """x holds whole numbers, and your mean was rounded down by //. Use / for a mean."""
    return x.mean(axis=(2, 3)) if x.dtype.kind == "f" else x.sum(axis=(2, 3)) // (x.shape[2] * x.shape[3])


global_avg_pool2d_backward = Exercise(
    "global_avg_pool2d_backward", reference=notebook.global_avg_pool2d_backward, title="Global average pooling, backward", minutes=10, difficulty=1
)


@global_avg_pool2d_backward.checks("one image, one channel", points=2)
def _(rng):
    return case(numbers(rng, 1, 1), distinct(rng, 1, 1, *square(rng, 2, 4)))


@global_avg_pool2d_backward.checks("several channels and images", points=1)
def _(rng):
    n, c = several(rng, 2, 4, 2)
    return case(numbers(rng, n, c), numbers(rng, n, c, 2, 2))


@global_avg_pool2d_backward.checks("non-square image", points=1)
def _(rng):
    return case(numbers(rng, 1, 2), numbers(rng, 1, 2, *several(rng, 2, 5, 2)))


@global_avg_pool2d_backward.checks("whole-number image", points=1)
def _(rng):
    return case(numbers(rng, 1, 2), whole(rng, 1, 2, 2, 3))


@global_avg_pool2d_backward.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(*single(numbers(rng, 2, 3), numbers(rng, 2, 3, 2, 2)))


@global_avg_pool2d_backward.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case(numbers(rng, 2, 3), numbers(rng, 2, 3, 2, 2))


def spread_out(dout, x, count):
    return np.broadcast_to((dout / count)[:, :, None, None], x.shape).astype(dout.dtype)


@global_avg_pool2d_backward.mistake("not divided", loses="one image, one channel")
def _(dout, x):
    """Every pixel got the whole gradient. Each had a weight of 1 / (H·W) in the mean, and gets that share."""
    return spread_out(dout, x, 1)


@global_avg_pool2d_backward.mistake("divided by the square of the height", loses="non-square image")
def _(dout, x):
    """You divided by H·H. An image need not be square: it has H·W pixels."""
    return spread_out(dout, x, x.shape[2] ** 2)


@global_avg_pool2d_backward.mistake("divided by all numbers of the batch", loses="several channels and images")
def _(dout, x):
    """You divided by x.size, the pixels of all channels and images together. Each mean ran over H·W pixels only."""
    return spread_out(dout, x, x.size)


@global_avg_pool2d_backward.mistake("only the largest pixel gets the gradient", loses="one image, one channel")
def _(dout, x):
    """You sent the gradient to the largest pixel: that is global max pooling. In a mean every pixel counts alike."""
    return window_by_window(dout[:, :, None, None], x, x.shape[2:], 1, 0, to_first)


@global_avg_pool2d_backward.mistake("not spread over the pixels", loses="one image, one channel")
def _(dout, x):
    """Your dx is (N, C, 1, 1). It must have the shape of x: every pixel gets its share."""
    return (dout / (x.shape[2] * x.shape[3]))[:, :, None, None]


@global_avg_pool2d_backward.mistake("dx rounded to whole numbers", loses="whole-number image")
def _(dout, x):
    """x holds whole numbers, and `np.zeros_like(x)` made dx an array of whole numbers, too: everything after the point was cut off. Take dout's dtype."""
    return notebook.global_avg_pool2d_backward(dout, x).astype(x.dtype)
