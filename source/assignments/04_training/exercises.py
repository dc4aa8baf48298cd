"""The exercises of assignment 04: what right training code does, property by property, and how it usually goes wrong."""

import math

import numpy as np

from autograder.units import import_unit
from convnets.check import Exercise, case

notebook = import_unit("04_training")

QUARTERS = np.array([q / 4 for q in range(-12, 13) if q])
SHAPE, STATISTICS, REPEATS = (f"convnets.check.draw_probes:{name}" for name in ("shape_of_draws", "statistics_of_draws", "repeats"))


def numbers(rng, *shape):
    """Quarters between −3 and 3, never 0."""
    return rng.choice(QUARTERS, shape)


def positive(rng, *shape):
    return np.abs(numbers(rng, *shape))


def several(rng, low, high, count):
    """Different whole numbers from low … high."""
    return [int(v) for v in rng.choice(np.arange(low, high + 1), count, replace=False)]


def one_of(rng, *options):
    return options[int(rng.integers(len(options)))]


def single(call):
    """The call with its arrays in float32."""
    return case(*(a.astype(np.float32) if isinstance(a, np.ndarray) else a for a in call.args), **call.kwargs)


def until(make, reference, *wrong):
    """The first call of make() on which every wrong function differs from the reference."""
    for _ in range(1000):
        call = make()
        right = reference(*call.args, **call.kwargs)
        if not any(np.array_equal(right, function(*call.args, **call.kwargs)) for function in wrong):
            return call
    raise RuntimeError("no such call in a thousand")


# ------------------------------------------------------------------------------------------------------ data

channel_statistics = Exercise(
    "channel_statistics", reference=notebook.channel_statistics, title="Statistics of the training set", minutes=15, difficulty=1, returns=("mean", "std")
)


def pictures(rng, n=None, c=None):
    """Numbers (N, C, H, W) with four different sizes, and another level and spread in each channel."""
    sizes = several(rng, 2, 6, 4)
    n, c = n or sizes[0], c or sizes[1]
    levels = rng.permutation(c).reshape(c, 1, 1) * 2.0
    return levels + numbers(rng, n, c, *sizes[2:]) * (1 + rng.permutation(c).reshape(c, 1, 1))


@channel_statistics.checks("mean of each channel", points=2, only="mean")
def _(rng):
    return case(pictures(rng))


@channel_statistics.checks("standard deviation of each channel", points=2, only="std")
def _(rng):
    return case(pictures(rng))


@channel_statistics.checks("a channel without spread", points=1, only="std")
def _(rng):
    images = pictures(rng)
    images[:, 0] = 0.75
    return case(images)


@channel_statistics.checks("uint8 pixels", points=1)
def _(rng):
    return case(rng.integers(20, 256, several(rng, 2, 5, 4)).astype(np.uint8))


@channel_statistics.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return single(case(pictures(rng)))


@channel_statistics.checks("input left unmodified", points=1, unmodified=True)
def _(rng):
    return case(pictures(rng))


@channel_statistics.mistake("a mean for each pixel", loses="mean of each channel")
def _(images):
    """You averaged over the images only, so every pixel has a mean of its own. One mean for each channel runs over images, rows and columns: axes 0, 2 and 3."""
    return images.mean(axis=0), images.std(axis=0)


@channel_statistics.mistake("one mean for all channels", loses="mean of each channel")
def _(images):
    """You averaged over everything, the channels too. Red, green and blue get one number each: leave axis 1 out of the mean."""
    return images.mean(), images.std()


@channel_statistics.mistake("a mean for each image", loses="mean of each channel")
def _(images):
    """You have one number for each image. The statistics belong to the channels, and all images share them: average over axes 0, 2 and 3."""
    return images.mean(axis=(1, 2, 3)), images.std(axis=(1, 2, 3))


@channel_statistics.mistake("a mean for each channel of each image", loses="mean of each channel")
def _(images):
    """You averaged over rows and columns only, so each image keeps its own statistics. Axis 0, the images, belongs to the mean as well."""
    return images.mean(axis=(2, 3)), images.std(axis=(2, 3))


@channel_statistics.mistake("channels taken for the last axis", loses="mean of each channel")
def _(images):
    """You left the last axis out of the mean, as for images H×W×C. Here the channels are axis 1: N×C×H×W."""
    return images.mean(axis=(0, 1, 2)), images.std(axis=(0, 1, 2))


@channel_statistics.mistake("variance in place of the standard deviation", loses="standard deviation of each channel")
def _(images):
    """You returned the variance. The standard deviation is its root, and has the unit of the pixels."""
    mean, std = notebook.channel_statistics(images)
    return mean, std**2


@channel_statistics.mistake("n − 1 in place of n", loses="standard deviation of each channel")
def _(images):
    """Your variance divides by N·H·W − 1. Here it is the plain mean of the squared deviations: divide by N·H·W."""
    mean, std = notebook.channel_statistics(images)
    count = images[:, 0].size
    return mean, std * math.sqrt(count / (count - 1)) ** (std != 1)


@channel_statistics.mistake("spread of 0 left as it is", loses="a channel without spread")
def _(images):
    """For a channel that holds one number everywhere you returned 0. The next step divides by it: return 1 there."""
    return images.mean(axis=(0, 2, 3)), images.std(axis=(0, 2, 3))


@channel_statistics.mistake("squares of uint8 pixels", loses="uint8 pixels")
def _(images):
    """You squared uint8 pixels, and the squares do not fit: they wrap round at 256. Make floats of the pixels first, or use images.std."""
    mean = images.mean(axis=(0, 2, 3))
    variance = (images**2).mean(axis=(0, 2, 3)) - mean**2
    return mean, np.where(variance == 0, 1, np.sqrt(variance))


standardise = Exercise("standardise", reference=notebook.standardise, title="Centre and scale", minutes=10, difficulty=1)


def to_standardise(rng, n=None, c=None):
    images = pictures(rng, n, c)
    c = images.shape[1]
    return case(images, numbers(rng, c) + rng.permutation(c), 1.25 + rng.permutation(c) / 2)


@standardise.checks("shift and scale", points=2)
def _(rng):
    return to_standardise(rng)


@standardise.checks("as wide as it has channels", points=1)
def _(rng):
    c = int(rng.integers(2, 5))
    images = numbers(rng, c + 1, c, c + 2, c)
    return case(images, numbers(rng, c) + np.arange(c), 1.25 + rng.permutation(c) / 2)


@standardise.checks("one image, with the training set's statistics", points=2)
def _(rng):
    return to_standardise(rng, n=1)


@standardise.checks("uint8 pixels", points=1)
def _(rng):
    images = rng.integers(0, 256, several(rng, 2, 5, 4)).astype(np.uint8)
    c = images.shape[1]
    return case(images, 100.25 + np.arange(c), 50.5 + np.arange(c))


@standardise.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return single(to_standardise(rng))


@standardise.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return to_standardise(rng)


@standardise.mistake("statistics along the last axis", loses="as wide as it has channels")
def _(images, mean, std):
    """`images - mean` lines up the last axis, the columns, with the channels' statistics. Make them (C, 1, 1) first: mean[:, None, None]."""
    return (images - mean) / std


@standardise.mistake("statistics measured anew", loses="one image, with the training set's statistics")
def _(images, mean, std):
    """You measured mean and standard deviation of the images at hand. Use the ones that you are given: they come from the training set, for test images too."""
    mean, std = images.mean(axis=(0, 2, 3)), images.std(axis=(0, 2, 3))
    return (images - mean[:, None, None]) / std[:, None, None]


@standardise.mistake("multiplied by the spread", loses="shift and scale")
def _(images, mean, std):
    """You multiplied by the standard deviation. A wide spread must shrink: divide."""
    return (images - mean[:, None, None]) * std[:, None, None]


@standardise.mistake("not scaled", loses="shift and scale")
def _(images, mean, std):
    """Your images are centred, but not scaled: divide by the standard deviation."""
    return images - mean[:, None, None] + 0 * std[:, None, None]


@standardise.mistake("not centred", loses="shift and scale")
def _(images, mean, std):
    """Your images are scaled, but not centred: subtract the mean first."""
    return images / std[:, None, None]


@standardise.mistake("scaled before centring", loses="shift and scale")
def _(images, mean, std):
    """You divided first and subtracted the mean afterwards; the mean belongs to the pixels before scaling. Put parentheses round the difference."""
    return images / std[:, None, None] - mean[:, None, None]


@standardise.mistake("divided by the variance", loses="shift and scale")
def _(images, mean, std):
    """You divided by std². The standard deviation itself is what brings the spread to 1."""
    return (images - mean[:, None, None]) / (std**2)[:, None, None]


@standardise.mistake("images overwritten", loses="inputs left unmodified")
def _(images, mean, std):
    """`images -= …` changes the caller's images. Write `images - …`, which makes a new array."""
    if images.dtype.kind != "f":
        return notebook.standardise(images, mean, std)
    images -= mean[:, None, None]
    images /= std[:, None, None]
    return images


# --------------------------------------------------------------------------------------------- first weights

fans = Exercise("fans", reference=notebook.fans, title="Fan-in and fan-out", minutes=10, difficulty=1, returns=("fan_in", "fan_out"))


@fans.checks("linear layer", points=1)
def _(rng):
    return case(tuple(several(rng, 2, 200, 2)))


@fans.checks("fan-in of a convolution", points=2, only="fan_in")
def _(rng):
    return case((*several(rng, 2, 99, 2), *several(rng, 2, 7, 2)))


@fans.checks("fan-out of a convolution", points=2, only="fan_out")
def _(rng):
    return case((*several(rng, 2, 99, 2), *several(rng, 2, 7, 2)))


@fans.checks("one-dimensional and three-dimensional convolutions", points=1)
def _(rng):
    return case((*several(rng, 2, 99, 2), *several(rng, 2, 7, one_of(rng, 1, 3))))


@fans.checks("a bias: ValueError", points=1)
def _(rng):
    return case((int(rng.integers(2, 99)),))


@fans.mistake("exchanged", loses="linear layer")
def _(shape):
    """Your two numbers are exchanged. The first axis of the weights counts the outputs, the second the inputs."""
    return notebook.fans(shape)[::-1]


@fans.mistake("window's area forgotten", loses="fan-in of a convolution")
def _(shape):
    """You counted channels only. A unit of a convolution adds up a whole window in each channel: multiply by the kernel's height and width."""
    notebook.fans(shape)
    return shape[1], shape[0]


@fans.mistake("area only for the fan-in", loses="fan-out of a convolution")
def _(shape):
    """Your fan-in is right. An input, too, goes into a whole window of places in each output channel: the area counts for the fan-out as well."""
    return notebook.fans(shape)[0], shape[0]


@fans.mistake("area only for the fan-out", loses="fan-in of a convolution")
def _(shape):
    """Your fan-out is right. A unit adds up a whole window in each input channel: the area counts for the fan-in as well."""
    return shape[1], notebook.fans(shape)[1]


@fans.mistake("only one side of the kernel", loses="fan-in of a convolution")
def _(shape):
    """You multiplied by one side of the kernel. Its area is the product of all sizes from the third on."""
    notebook.fans(shape)
    side = shape[2] if len(shape) > 2 else 1
    return shape[1] * side, shape[0] * side


@fans.mistake("a square kernel assumed", loses="fan-in of a convolution")
def _(shape):
    """You squared the kernel's height. Kernels need not be square: multiply height and width."""
    notebook.fans(shape)
    area = shape[2] ** (len(shape) - 2) if len(shape) > 2 else 1
    return shape[1] * area, shape[0] * area


@fans.mistake("a bias has fans", loses="a bias: ValueError")
def _(shape):
    """A shape with one axis belongs to a bias. It has no inputs to add up: raise ValueError."""
    return notebook.fans(shape if len(shape) > 1 else (shape[0], shape[0]))


def draw_checks(exercise):
    """The properties that all functions with a generator have."""

    @exercise.checks("shape", points=1, probe=SHAPE)
    def _(rng):
        return case(tuple(several(rng, 2, 9, one_of(rng, 2, 4))), int(rng.integers(1000)))

    @exercise.checks("linear layer, more inputs than outputs", points=2, probe=STATISTICS, rtol=0.03)
    def _(rng):
        return case((int(rng.integers(90, 120)), int(rng.integers(500, 600))), int(rng.integers(1000)))

    @exercise.checks("linear layer, more outputs than inputs", points=2, probe=STATISTICS, rtol=0.03)
    def _(rng):
        return case((int(rng.integers(500, 600)), int(rng.integers(90, 120))), int(rng.integers(1000)))

    @exercise.checks("convolution", points=2, probe=STATISTICS, rtol=0.03)
    def _(rng):
        return case((int(rng.integers(90, 110)), int(rng.integers(25, 35)), *several(rng, 3, 6, 2)), int(rng.integers(1000)))

    @exercise.checks("the generator decides, and moves on", points=1, probe=REPEATS)
    def _(rng):
        return case(tuple(several(rng, 3, 9, 2)), int(rng.integers(1, 1000)))

    reference = exercise.reference

    @exercise.mistake("other source of randomness", loses="the generator decides, and moves on")
    def _(shape, rng):
        """The same seed does not give you the same weights. Draw from the generator `rng` that was handed in, not from np.random or a generator without a seed."""
        return reference(shape, np.random.default_rng())

    @exercise.mistake("seed set inside", loses="the generator decides, and moves on")
    def _(shape, rng):
        """Every call gives the same weights: you make a new generator with a fixed seed. Two layers of one shape would start alike. Draw from `rng`."""
        return reference(shape, np.random.default_rng(0))

    @exercise.mistake("window's area forgotten", loses="convolution")
    def _(shape, rng):
        """For a convolution your numbers are too large: a fan is channels times the kernel's height and width. Your `fans` knows it."""
        area = math.prod(shape[2:])
        return reference(shape, rng) * math.sqrt(area)


he_normal = Exercise("he_normal", reference=notebook.he_normal, title="First weights after He", minutes=15, difficulty=2)
draw_checks(he_normal)


@he_normal.mistake("fan-out in place of fan-in", loses="linear layer, more inputs than outputs")
def _(shape, rng):
    """You divided by the fan-out. What a unit adds up are its inputs: the variance is 2 / fan-in."""
    return math.sqrt(2 / notebook.fans(shape)[1]) * rng.standard_normal(shape)


@he_normal.mistake("Xavier's variance", loses="linear layer, more inputs than outputs")
def _(shape, rng):
    """Your variance is 2 / (fan-in + fan-out): that is Xavier's. He looks forward only: 2 / fan-in."""
    return math.sqrt(2 / sum(notebook.fans(shape))) * rng.standard_normal(shape)


@he_normal.mistake("no factor 2 for ReLU", loses="linear layer, more inputs than outputs")
def _(shape, rng):
    """Your variance is 1 / fan-in. ReLU throws away half of the signal, so the variance must be twice that."""
    return math.sqrt(1 / notebook.fans(shape)[0]) * rng.standard_normal(shape)


@he_normal.mistake("variance taken for the standard deviation", loses="linear layer, more inputs than outputs")
def _(shape, rng):
    """Your numbers have the standard deviation 2 / fan-in. That is the variance: take the root."""
    return 2 / notebook.fans(shape)[0] * rng.standard_normal(shape)


@he_normal.mistake("uniform numbers", loses="linear layer, more inputs than outputs")
def _(shape, rng):
    """Mean and spread are right, but your numbers are uniform. Here they are normal: rng.standard_normal."""
    limit = math.sqrt(6 / notebook.fans(shape)[0])
    return rng.uniform(-limit, limit, shape)


@he_normal.mistake("positive only", loses="linear layer, more inputs than outputs")
def _(shape, rng):
    """All your weights are positive. Their mean must be 0, so that about half of them are negative."""
    return abs(notebook.he_normal(shape, rng))


xavier_uniform = Exercise("xavier_uniform", reference=notebook.xavier_uniform, title="First weights after Xavier", minutes=12, difficulty=2)
draw_checks(xavier_uniform)


@xavier_uniform.mistake("standard deviation taken for the limit", loses="linear layer, more inputs than outputs")
def _(shape, rng):
    """You drew between ±√(2 / (fan-in + fan-out)). That number is the standard deviation; a uniform distribution with it reaches √3 times as far."""
    return notebook.xavier_uniform(shape, rng) / math.sqrt(3)


@xavier_uniform.mistake("normal numbers", loses="linear layer, more inputs than outputs")
def _(shape, rng):
    """Mean and spread are right, but your numbers are normal. Here they are uniform between −a and a: rng.uniform."""
    return math.sqrt(2 / sum(notebook.fans(shape))) * rng.standard_normal(shape)


@xavier_uniform.mistake("only the fan-in", loses="linear layer, more inputs than outputs")
def _(shape, rng):
    """You used the fan-in alone. Xavier's compromise adds both fans: a² = 6 / (fan-in + fan-out)."""
    return math.sqrt(3 / notebook.fans(shape)[0]) * rng.uniform(-1, 1, shape)


@xavier_uniform.mistake("He's limit", loses="linear layer, more inputs than outputs")
def _(shape, rng):
    """Your limit is √(6 / fan-in): that is He's, with the factor for ReLU. Xavier has 6 / (fan-in + fan-out)."""
    return math.sqrt(6 / notebook.fans(shape)[0]) * rng.uniform(-1, 1, shape)


@xavier_uniform.mistake("positive only", loses="linear layer, more inputs than outputs")
def _(shape, rng):
    """Your numbers lie between 0 and a. They must lie between −a and a, so that their mean is 0."""
    return abs(notebook.xavier_uniform(shape, rng))


@xavier_uniform.mistake("root forgotten", loses="linear layer, more inputs than outputs")
def _(shape, rng):
    """Your limit is 6 / (fan-in + fan-out), without the root. That is a², not a."""
    return 6 / sum(notebook.fans(shape)) * rng.uniform(-1, 1, shape)


# ------------------------------------------------------------------------------------------------ optimisers

sgd_step = Exercise("sgd_step", reference=notebook.sgd_step, title="Stochastic gradient descent", minutes=8, difficulty=1)


def shape_of(rng):
    return several(rng, 2, 4, one_of(rng, 1, 2))


def rate(rng):
    return one_of(rng, 0.25, 0.5, 0.125)


@sgd_step.checks("against the gradient", points=2)
def _(rng):
    shape = shape_of(rng)
    return case(numbers(rng, *shape), numbers(rng, *shape), rate(rng))


@sgd_step.checks("weight decay", points=2)
def _(rng):
    shape = shape_of(rng)
    return case(numbers(rng, *shape), numbers(rng, *shape), rate(rng), one_of(rng, 0.3, 0.7))


@sgd_step.checks("without a gradient only the decay is left", points=1)
def _(rng):
    shape = shape_of(rng)
    return case(numbers(rng, *shape), np.zeros(shape), rate(rng), weight_decay=one_of(rng, 0.3, 0.7))


@sgd_step.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return single(case(numbers(rng, 2, 3), numbers(rng, 2, 3), rate(rng), 0.3))


@sgd_step.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case(numbers(rng, 2, 3), numbers(rng, 2, 3), rate(rng), 0.3)


@sgd_step.mistake("uphill", loses="against the gradient")
def _(w, dw, lr, weight_decay=0.0):
    """You went along the gradient, and the loss grows that way. Subtract it."""
    return w + lr * (dw + weight_decay * w)


@sgd_step.mistake("step in place of the new weights", loses="against the gradient")
def _(w, dw, lr, weight_decay=0.0):
    """You returned the step alone. Return the new weights: w minus the step."""
    return lr * (dw + weight_decay * w)


@sgd_step.mistake("learning rate forgotten", loses="against the gradient")
def _(w, dw, lr, weight_decay=0.0):
    """Your step is as long as the gradient itself. Multiply by the learning rate."""
    return w - (dw + weight_decay * w)


@sgd_step.mistake("weight decay forgotten", loses="weight decay")
def _(w, dw, lr, weight_decay=0.0):
    """Your `weight_decay` has no effect: add weight_decay·w to the gradient."""
    return w - lr * dw


@sgd_step.mistake("decay without the learning rate", loses="weight decay")
def _(w, dw, lr, weight_decay=0.0):
    """Your decay is not multiplied by the learning rate. λ·w is part of the gradient: the rate belongs before the whole sum."""
    return w - lr * dw - weight_decay * w


@sgd_step.mistake("decay away from zero", loses="weight decay")
def _(w, dw, lr, weight_decay=0.0):
    """Your weights grow through decay. λ·w is added to the gradient, and the sum is subtracted."""
    return w - lr * (dw - weight_decay * w)


@sgd_step.mistake("decay by a fixed amount", loses="weight decay")
def _(w, dw, lr, weight_decay=0.0):
    """Your decay has the same size for every weight: that is the gradient of |w|. Here it is proportional to the weight, λ·w."""
    return w - lr * (dw + weight_decay * np.sign(w))


@sgd_step.mistake("weights overwritten", loses="inputs left unmodified")
def _(w, dw, lr, weight_decay=0.0):
    """`w -= …` changes the caller's weights in place. Return new ones: `w - …`."""
    w -= (lr * (dw + weight_decay * w)).astype(w.dtype)
    return w


@sgd_step.mistake("gradient overwritten", loses="inputs left unmodified")
def _(w, dw, lr, weight_decay=0.0):
    """`dw += …` changes the caller's gradient. Make a new array: `dw + …`."""
    dw += (weight_decay * w).astype(dw.dtype)
    return w - lr * dw


momentum_step = Exercise("momentum_step", reference=notebook.momentum_step, title="Momentum", minutes=12, difficulty=1, returns=("w", "velocity"))


def with_state(rng, shape, states=1, lr=None):
    """w, dw, the state, and a learning rate; the states are positive and not 0."""
    return (numbers(rng, *shape), numbers(rng, *shape), *(positive(rng, *shape) + 0.5 for _ in range(states)), lr or rate(rng))


@momentum_step.checks("first step", points=1)
def _(rng):
    shape = shape_of(rng)
    return case(numbers(rng, *shape), numbers(rng, *shape), np.zeros(shape), rate(rng))


@momentum_step.checks("new velocity", points=2, only="velocity")
def _(rng):
    return case(*with_state(rng, shape_of(rng)))


@momentum_step.checks("new weights", points=2, only="w")
def _(rng):
    return case(*with_state(rng, shape_of(rng)))


@momentum_step.checks("another momentum", points=1)
def _(rng):
    return case(*with_state(rng, shape_of(rng)), one_of(rng, 0.25, 0.6))


@momentum_step.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return single(case(*with_state(rng, (2, 3))))


@momentum_step.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case(*with_state(rng, (2, 3)))


@momentum_step.mistake("gradient damped", loses="first step")
def _(w, dw, velocity, lr, momentum=0.9):
    """You took (1 − momentum)·dw, a running mean. Here the gradient enters in full: v ← momentum·v + dw."""
    velocity = momentum * velocity + (1 - momentum) * dw
    return w - lr * velocity, velocity


@momentum_step.mistake("learning rate inside the velocity", loses="new velocity")
def _(w, dw, velocity, lr, momentum=0.9):
    """Your velocity contains the learning rate. Then it means something else as soon as the rate changes. Keep it out: v ← momentum·v + dw, and w ← w − lr·v."""
    velocity = momentum * velocity - lr * dw
    return w + velocity, velocity


@momentum_step.mistake("step with the old velocity", loses="new weights")
def _(w, dw, velocity, lr, momentum=0.9):
    """You stepped with the velocity that came in. First make the new velocity, then step with it."""
    return w - lr * velocity, momentum * velocity + dw


@momentum_step.mistake("step with the gradient alone", loses="new weights")
def _(w, dw, velocity, lr, momentum=0.9):
    """Your velocity is right, but you stepped with dw. The step goes along the velocity."""
    return w - lr * dw, momentum * velocity + dw


@momentum_step.mistake("momentum at the gradient", loses="new velocity")
def _(w, dw, velocity, lr, momentum=0.9):
    """You multiplied the gradient by momentum and kept the old velocity in full, so it never fades. Momentum belongs to the velocity."""
    velocity = velocity + momentum * dw
    return w - lr * velocity, velocity


@momentum_step.mistake("Nesterov's look ahead", loses="new weights")
def _(w, dw, velocity, lr, momentum=0.9):
    """You stepped with dw + momentum·v: that is Nesterov's variant. Plain momentum steps with the new velocity v."""
    velocity = momentum * velocity + dw
    return w - lr * (dw + momentum * velocity), velocity


@momentum_step.mistake("old velocity returned", loses="new velocity")
def _(w, dw, velocity, lr, momentum=0.9):
    """You returned the velocity that came in. Without the new one, the next step knows nothing of this one."""
    return w - lr * (momentum * velocity + dw), velocity


@momentum_step.mistake("uphill", loses="first step")
def _(w, dw, velocity, lr, momentum=0.9):
    """You added the step. The velocity sums up gradients, which point uphill: subtract lr·v."""
    velocity = momentum * velocity + dw
    return w + lr * velocity, velocity


@momentum_step.mistake("velocity overwritten", loses="inputs left unmodified")
def _(w, dw, velocity, lr, momentum=0.9):
    """`velocity *= …` changes the caller's array. Make a new one: `momentum * velocity + dw`."""
    velocity *= momentum
    velocity += dw
    return w - lr * velocity, velocity


rmsprop_step = Exercise("rmsprop_step", reference=notebook.rmsprop_step, title="RMSProp", minutes=15, difficulty=2, returns=("w", "square"))


@rmsprop_step.checks("running mean of the square", points=2, only="square")
def _(rng):
    return case(*with_state(rng, shape_of(rng)))


@rmsprop_step.checks("first step", points=1)
def _(rng):
    shape = shape_of(rng)
    return case(numbers(rng, *shape), numbers(rng, *shape), np.zeros(shape), rate(rng), 0.75)


@rmsprop_step.checks("later step", points=2)
def _(rng):
    return case(*with_state(rng, shape_of(rng)), one_of(rng, 0.25, 0.6))


@rmsprop_step.checks("eps outside the root", points=1, only="w")
def _(rng):
    return case(*with_state(rng, shape_of(rng)), 0.75, eps=one_of(rng, 0.25, 0.4))


@rmsprop_step.checks("no gradient at all", points=1)
def _(rng):
    shape = shape_of(rng)
    return case(numbers(rng, *shape), np.zeros(shape), np.zeros(shape), rate(rng))


@rmsprop_step.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return single(case(*with_state(rng, (2, 3)), 0.75))


@rmsprop_step.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case(*with_state(rng, (2, 3)), 0.75)


@rmsprop_step.mistake("shares exchanged", loses="running mean of the square")
def _(w, dw, square, lr, decay=0.99, eps=1e-8):
    """You kept the share 1 − decay of the old mean. It is the other way round: decay is what stays, 1 − decay is what comes new."""
    return notebook.rmsprop_step(w, dw, square, lr, 1 - decay, eps)


@rmsprop_step.mistake("sum that only grows", loses="running mean of the square")
def _(w, dw, square, lr, decay=0.99, eps=1e-8):
    """You added dw² to the old value, which never forgets: that is AdaGrad, and its steps become ever shorter. RMSProp takes decay·s + (1 − decay)·dw²."""
    square = square + dw**2
    return w - lr * dw / (np.sqrt(square) + eps), square


@rmsprop_step.mistake("new share not weighted", loses="running mean of the square")
def _(w, dw, square, lr, decay=0.99, eps=1e-8):
    """You added dw² in full. For a mean the two shares add up to 1: multiply it by 1 − decay."""
    square = decay * square + dw**2
    return w - lr * dw / (np.sqrt(square) + eps), square


@rmsprop_step.mistake("not squared", loses="running mean of the square")
def _(w, dw, square, lr, decay=0.99, eps=1e-8):
    """Your mean runs over |dw|. RMSProp means root of the mean **square**: dw²."""
    square = decay * square + (1 - decay) * np.abs(dw)
    return w - lr * dw / (np.sqrt(square) + eps), square


@rmsprop_step.mistake("old mean in the step", loses="later step")
def _(w, dw, square, lr, decay=0.99, eps=1e-8):
    """You divided by the root of the mean that came in. First make the new mean, then step with it; at the first step the old one is 0."""
    return w - lr * dw / (np.sqrt(square) + eps), decay * square + (1 - decay) * dw**2


@rmsprop_step.mistake("root forgotten", loses="later step")
def _(w, dw, square, lr, decay=0.99, eps=1e-8):
    """You divided by s itself. s is a mean of squares: its root has the unit of the gradient."""
    square = decay * square + (1 - decay) * dw**2
    return w - lr * dw / (square + eps), square


@rmsprop_step.mistake("eps inside the root", loses="eps outside the root")
def _(w, dw, square, lr, decay=0.99, eps=1e-8):
    """You took the root of s + eps. Here eps is added to the root: √s + eps."""
    square = decay * square + (1 - decay) * dw**2
    return w - lr * dw / np.sqrt(square + eps), square


@rmsprop_step.mistake("eps forgotten", loses="no gradient at all")
def _(w, dw, square, lr, decay=0.99, eps=1e-8):
    """Where all gradients were 0 so far, you divide 0 by 0. That is what eps is for: add it to the root."""
    square = decay * square + (1 - decay) * dw**2
    return w - lr * dw / np.sqrt(square), square


@rmsprop_step.mistake("one scale for all weights", loses="later step")
def _(w, dw, square, lr, decay=0.99, eps=1e-8):
    """You divided all weights by one common number. Each weight has its own s: everything goes element by element."""
    square = decay * square + (1 - decay) * dw**2
    return w - lr * dw / (np.sqrt(square.mean()) + eps).astype(w.dtype), square


@rmsprop_step.mistake("mean overwritten", loses="inputs left unmodified")
def _(w, dw, square, lr, decay=0.99, eps=1e-8):
    """`square *= …` changes the caller's array. Make a new one."""
    square *= decay
    square += (1 - decay) * dw**2
    return w - lr * dw / (np.sqrt(square) + eps), square


adam_step = Exercise("adam_step", reference=notebook.adam_step, title="Adam", minutes=25, difficulty=3, returns=("w", "first", "second"))


def adam_call(rng, shape=None, step=None, **settings):
    """A step in the middle of a training: the moments are not 0."""
    shape = shape or shape_of(rng)
    step = step or int(rng.integers(3, 12))
    settings = {"lr": rate(rng)} | settings
    return case(numbers(rng, *shape), numbers(rng, *shape), numbers(rng, *shape) / 2, positive(rng, *shape) + 0.25, step, **settings)


def first_step(rng, shape=None, **settings):
    shape = shape or shape_of(rng)
    return case(numbers(rng, *shape), numbers(rng, *shape), np.zeros(shape), np.zeros(shape), 1, **{"lr": rate(rng)} | settings)


@adam_step.checks("moments", points=2, only=("first", "second"))
def _(rng):
    return adam_call(rng)


@adam_step.checks("long after the start", points=1, only="w")
def _(rng):
    return adam_call(rng, step=int(rng.integers(20_000, 30_000)))


@adam_step.checks("first step", points=2)
def _(rng):
    return first_step(rng)


@adam_step.checks("early steps", points=2, only="w")
def _(rng):
    return adam_call(rng)


@adam_step.checks("other betas", points=1)
def _(rng):
    return adam_call(rng, beta1=one_of(rng, 0.5, 0.6), beta2=one_of(rng, 0.75, 0.8))


@adam_step.checks("eps outside the root", points=1, only="w")
def _(rng):
    return adam_call(rng, eps=one_of(rng, 0.25, 0.4))


@adam_step.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return single(adam_call(rng, (2, 3)))


@adam_step.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return adam_call(rng, (2, 3))


def adam(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, *, correct1=True, correct2=True, shift=0, power=2):
    """Adam with one part left out or changed."""
    first = beta1 * first + (1 - beta1) * dw
    second = beta2 * second + (1 - beta2) * np.abs(dw) ** power
    mean = first / (1 - beta1 ** (step + shift)) if correct1 else first
    square = second / (1 - beta2 ** (step + shift)) if correct2 else second
    return w - lr * mean / (np.sqrt(square) + eps), first, second


@adam_step.mistake("no bias correction", loses="first step")
def _(*args, **settings):
    """Your moments start at 0 and are too small in the beginning, and you used them as they are. Divide the first by 1 − β₁ᵗ and the second by 1 − β₂ᵗ."""
    return adam(*args, **settings, correct1=False, correct2=False)


@adam_step.mistake("only the first moment corrected", loses="first step")
def _(*args, **settings):
    """You corrected the first moment only. The second starts at 0, too: divide it by 1 − β₂ᵗ."""
    return adam(*args, **settings, correct2=False)


@adam_step.mistake("only the second moment corrected", loses="first step")
def _(*args, **settings):
    """You corrected the second moment only. The first starts at 0, too: divide it by 1 − β₁ᵗ."""
    return adam(*args, **settings, correct1=False)


@adam_step.mistake("steps counted from 0", loses="first step")
def _(*args, **settings):
    """Your correction lags one step behind: at the first step it divides by 1 − β⁰ = 0. `step` is 1 at the first step; use it as it is."""
    return adam(*args, **settings, shift=-1)


@adam_step.mistake("one step too many", loses="first step")
def _(*args, **settings):
    """Your correction uses step + 1. `step` is 1 at the first step already; use it as it is."""
    return adam(*args, **settings, shift=1)


@adam_step.mistake("correction without the power", loses="early steps")
def _(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """You divided by 1 − β at every step. That is right for the first step only: the share of zeros fades with the step's number, 1 − βᵗ."""
    first, second = beta1 * first + (1 - beta1) * dw, beta2 * second + (1 - beta2) * dw**2
    return w - lr * first / (1 - beta1) / (np.sqrt(second / (1 - beta2)) + eps), first, second


@adam_step.mistake("corrected moments kept", loses="moments")
def _(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """You returned the corrected moments. The next step would correct them a second time: return them as they were before the correction."""
    w, first, second = notebook.adam_step(w, dw, first, second, step, lr, beta1, beta2, eps)
    return w, first / (1 - beta1**step), second / (1 - beta2**step)


@adam_step.mistake("second moment not squared", loses="moments")
def _(*args, **settings):
    """Your second moment is a mean of |dw|. It is the mean of the **squares**, dw²."""
    return adam(*args, **settings, power=1)


@adam_step.mistake("shares exchanged", loses="moments")
def _(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """You kept the share 1 − β of the old moments. β is what stays, 1 − β is what comes new."""
    first, second = (1 - beta1) * first + beta1 * dw, (1 - beta2) * second + beta2 * dw**2
    return w - lr * first / (1 - beta1**step) / (np.sqrt(second / (1 - beta2**step)) + eps), first, second


@adam_step.mistake("betas exchanged", loses="moments")
def _(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """β₁ and β₂ are exchanged. β₁, usually 0.9, belongs to the mean of the gradient; β₂, usually 0.999, to the mean of its square."""
    return notebook.adam_step(w, dw, first, second, step, lr, beta2, beta1, eps)


@adam_step.mistake("root forgotten", loses="long after the start")
def _(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """You divided by the second moment itself. Take its root: then a step no longer depends on the gradient's size."""
    _, first, second = notebook.adam_step(w, dw, first, second, step, lr, beta1, beta2, eps)
    return w - lr * first / (1 - beta1**step) / (second / (1 - beta2**step) + eps), first, second


@adam_step.mistake("gradient in place of its mean", loses="long after the start")
def _(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """You stepped along dw. Adam steps along the running mean of the gradients, the first moment."""
    _, first, second = notebook.adam_step(w, dw, first, second, step, lr, beta1, beta2, eps)
    return w - lr * dw / (np.sqrt(second / (1 - beta2**step)) + eps), first, second


@adam_step.mistake("eps inside the root", loses="eps outside the root")
def _(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """You took the root of ŝ + eps. Here eps is added to the root: √ŝ + eps."""
    _, first, second = notebook.adam_step(w, dw, first, second, step, lr, beta1, beta2, eps)
    return w - lr * first / (1 - beta1**step) / np.sqrt(second / (1 - beta2**step) + eps), first, second


@adam_step.mistake("became float64", loses="float32 stays float32")
def _(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """Your results are float64 for float32 weights. np.sqrt of a Python number is a float64 and takes the arrays with it: use ** 0.5 or math.sqrt for plain numbers."""
    w, first, second = notebook.adam_step(w, dw, first, second, step, lr, beta1, beta2, eps)
    return w.astype(np.float64), first, second


@adam_step.mistake("moments overwritten", loses="inputs left unmodified")
def _(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    """You changed the caller's moments in place (`*=` or `+=`). Make new arrays."""
    w, first[...], second[...] = notebook.adam_step(w, dw, first, second, step, lr, beta1, beta2, eps)
    return w, first, second


adamw_step = Exercise("adamw_step", reference=notebook.adamw_step, title="AdamW: decoupled weight decay", minutes=15, difficulty=2, returns=("w", "first", "second"))


@adamw_step.checks("without decay it is Adam", points=1)
def _(rng):
    return adam_call(rng, weight_decay=0.0)


@adamw_step.checks("the moments do not see the decay", points=2, only=("first", "second"))
def _(rng):
    return adam_call(rng, weight_decay=one_of(rng, 0.5, 0.75))


@adamw_step.checks("new weights", points=2, only="w")
def _(rng):
    return adam_call(rng, weight_decay=one_of(rng, 0.5, 0.75))


@adamw_step.checks("without a gradient only the decay is left", points=1)
def _(rng):
    shape = shape_of(rng)
    zeros = np.zeros(shape)
    return case(numbers(rng, *shape), zeros, zeros, zeros, int(rng.integers(1, 9)), lr=rate(rng), weight_decay=0.5)


@adamw_step.checks("betas and eps are passed on", points=1)
def _(rng):
    return adam_call(rng, beta1=one_of(rng, 0.5, 0.6), beta2=one_of(rng, 0.75, 0.8), eps=0.25, weight_decay=0.5)


@adamw_step.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return single(adam_call(rng, (2, 3), weight_decay=0.5))


@adamw_step.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return adam_call(rng, (2, 3), weight_decay=0.5)


@adamw_step.mistake("decay mixed into the moments", loses="the moments do not see the decay")
def _(w, dw, first, second, step, weight_decay=0.01, **settings):
    """You added weight_decay·w to the gradient, so both moments contain it, and it is divided by the root. That is Adam with L2. In AdamW the weights shrink on their own: (1 − lr·λ)·w."""
    return notebook.adam_step(w, dw + weight_decay * w, first, second, step, **settings)


@adamw_step.mistake("decay forgotten", loses="new weights")
def _(w, dw, first, second, step, weight_decay=0.01, **settings):
    """Your `weight_decay` has no effect: multiply the weights that came in by 1 − lr·weight_decay."""
    return notebook.adam_step(w, dw, first, second, step, **settings)


@adamw_step.mistake("decay without the learning rate", loses="new weights")
def _(w, dw, first, second, step, weight_decay=0.01, **settings):
    """You multiplied the weights by 1 − λ. When the learning rate falls, the decay should fall with it: 1 − lr·λ."""
    return notebook.adam_step((1 - weight_decay) * w, dw, first, second, step, **settings)


@adamw_step.mistake("decay after Adam's step", loses="new weights")
def _(w, dw, first, second, step, lr=1e-3, weight_decay=0.01, **settings):
    """You shrank the weights after Adam's step, and its step with them. Decay takes the weights that came in; Adam's step is added in full."""
    w, first, second = notebook.adam_step(w, dw, first, second, step, lr, **settings)
    return (1 - lr * weight_decay) * w, first, second


@adamw_step.mistake("weights grow", loses="new weights")
def _(w, dw, first, second, step, lr=1e-3, weight_decay=0.01, **settings):
    """Your factor is 1 + lr·λ, so the weights grow. Decay shrinks them: 1 − lr·λ."""
    return notebook.adam_step((1 + lr * weight_decay) * w, dw, first, second, step, lr, **settings)


@adamw_step.mistake("decay divided by the root", loses="new weights")
def _(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    """The moments are clean, but you added λ·w to the corrected first moment, and the root divides it, too. Decay must not depend on the gradients' size: take it from the weights directly."""
    _, first, second = notebook.adam_step(w, dw, first, second, step, lr, beta1, beta2, eps)
    mean, square = first / (1 - beta1**step), second / (1 - beta2**step)
    return w - lr * (mean + weight_decay * w) / (np.sqrt(square) + eps), first, second


@adamw_step.mistake("defaults in place of betas and eps", loses="betas and eps are passed on")
def _(w, dw, first, second, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    """You called adam_step without beta1, beta2 and eps, so it used its defaults. Pass them on."""
    return notebook.adam_step((1 - lr * weight_decay) * w, dw, first, second, step, lr)


@adamw_step.mistake("weights overwritten", loses="inputs left unmodified")
def _(w, dw, first, second, step, lr=1e-3, weight_decay=0.01, **settings):
    """`w *= …` changes the caller's weights. Make a new array: `(1 - lr * weight_decay) * w`."""
    w *= 1 - lr * weight_decay
    return notebook.adam_step(w, dw, first, second, step, lr, **settings)


# ------------------------------------------------------------------------------------ schedules and stopping

cosine_schedule = Exercise("cosine_schedule", reference=notebook.cosine_schedule, title="Cosine schedule with warm-up", minutes=15, difficulty=2)


@cosine_schedule.checks("first step", points=1)
def _(rng):
    return case(0, int(rng.integers(10, 100)), one_of(rng, 0.1, 0.5, 2.0))


@cosine_schedule.checks("half-way", points=1)
def _(rng):
    half = int(rng.integers(5, 50))
    return case(half, 2 * half, one_of(rng, 0.1, 0.5, 2.0))


@cosine_schedule.checks("somewhere on the wave", points=2)
def _(rng):
    total = int(rng.integers(40, 100))
    return case(int(rng.integers(5, total // 2 - 3)), total, one_of(rng, 0.1, 0.5, 2.0))


@cosine_schedule.checks("near the end", points=1)
def _(rng):
    total = int(rng.integers(10, 20))
    return case(total - 1, total, one_of(rng, 0.1, 0.5, 2.0))


@cosine_schedule.checks("warm-up", points=2)
def _(rng):
    warmup = int(rng.integers(4, 9))
    return case(int(rng.integers(1, warmup - 1)), 40, one_of(rng, 0.1, 0.5, 2.0), warmup_steps=warmup)


@cosine_schedule.checks("first step of the warm-up", points=1)
def _(rng):
    return case(0, 40, one_of(rng, 0.1, 0.5, 2.0), warmup_steps=int(rng.integers(4, 9)))


@cosine_schedule.checks("the wave after the warm-up", points=2)
def _(rng):
    warmup = int(rng.integers(4, 9))
    return case(int(rng.integers(warmup + 4, 36)), 40, one_of(rng, 0.1, 0.5, 2.0), warmup)


def wave(share, lr):
    return lr / 2 * (1 + math.cos(math.pi * share))


@cosine_schedule.mistake("a straight line", loses="somewhere on the wave")
def _(step, total_steps, lr, warmup_steps=0):
    """Your rate falls in a straight line. Half a cosine wave stays high first, then falls, and settles gently: (1 + cos(π·share)) / 2."""
    if step < warmup_steps:
        return lr * (step + 1) / warmup_steps
    return lr * (1 - (step - warmup_steps) / (total_steps - warmup_steps))


@cosine_schedule.mistake("not halved", loses="first step")
def _(step, total_steps, lr, warmup_steps=0):
    """You start at twice the rate: 1 + cos begins at 2. Divide by 2."""
    return notebook.cosine_schedule(step, total_steps, lr, warmup_steps) * (1 if step < warmup_steps else 2)


@cosine_schedule.mistake("a whole wave", loses="half-way")
def _(step, total_steps, lr, warmup_steps=0):
    """Your rate is back at the top in the end: you ran through a whole wave, 2π. Half a wave is π."""
    if step < warmup_steps:
        return lr * (step + 1) / warmup_steps
    return wave(2 * (step - warmup_steps) / (total_steps - warmup_steps), lr)


@cosine_schedule.mistake("a quarter of a wave", loses="half-way")
def _(step, total_steps, lr, warmup_steps=0):
    """You took cos from 0 to π/2, which falls fastest at the end. Half a wave, from 0 to π, is moved up and halved: (1 + cos) / 2."""
    if step < warmup_steps:
        return lr * (step + 1) / warmup_steps
    return lr * math.cos(math.pi / 2 * (step - warmup_steps) / (total_steps - warmup_steps))


@cosine_schedule.mistake("not moved up", loses="half-way")
def _(step, total_steps, lr, warmup_steps=0):
    """Your rate becomes negative after half of the steps: a cosine goes from 1 to −1. Add 1 and halve it."""
    if step < warmup_steps:
        return lr * (step + 1) / warmup_steps
    return lr * math.cos(math.pi * (step - warmup_steps) / (total_steps - warmup_steps))


@cosine_schedule.mistake("degrees", loses="half-way")
def _(step, total_steps, lr, warmup_steps=0):
    """Your rate jumps about: you gave 180 to a cosine that counts in radians. Half a wave is math.pi."""
    if step < warmup_steps:
        return lr * (step + 1) / warmup_steps
    return lr / 2 * (1 + math.cos(180 * (step - warmup_steps) / (total_steps - warmup_steps)))


@cosine_schedule.mistake("warm-up forgotten", loses="warm-up")
def _(step, total_steps, lr, warmup_steps=0):
    """Your `warmup_steps` has no effect. While step < warmup_steps the rate is lr·(step + 1) / warmup_steps."""
    return wave(step / total_steps, lr)


@cosine_schedule.mistake("warm-up from zero", loses="first step of the warm-up")
def _(step, total_steps, lr, warmup_steps=0):
    """Your first step has the rate 0: a batch is wasted. Use step + 1, so that the warm-up begins at lr / warmup_steps."""
    return lr * step / warmup_steps if step < warmup_steps else notebook.cosine_schedule(step, total_steps, lr, warmup_steps)


@cosine_schedule.mistake("wave not moved behind the warm-up", loses="the wave after the warm-up")
def _(step, total_steps, lr, warmup_steps=0):
    """After the warm-up your rate jumps down: the wave has been running since step 0. It starts at warmup_steps, and has total_steps − warmup_steps steps."""
    return lr * (step + 1) / warmup_steps if step < warmup_steps else wave(step / total_steps, lr)


@cosine_schedule.mistake("wave longer than the rest", loses="the wave after the warm-up")
def _(step, total_steps, lr, warmup_steps=0):
    """Your wave begins after the warm-up, but takes total_steps from there, so it does not reach 0. Only total_steps − warmup_steps are left for it."""
    return lr * (step + 1) / warmup_steps if step < warmup_steps else wave((step - warmup_steps) / total_steps, lr)


plateau_schedule = Exercise("plateau_schedule", reference=notebook.plateau_schedule, title="Lower the rate on a plateau", minutes=20, difficulty=2)


def plateau(losses, lr, factor=0.1, patience=2, *, late=0, versus="best", equal=False, reset=True, forget=False):
    """The plateau schedule with one rule changed."""
    best, previous, waited, rates = math.inf, math.inf, 0, []
    for loss in losses:
        mark = best if versus == "best" else previous
        if loss < mark or (equal and loss == mark):
            waited = 0
        else:
            waited += 1
        best, previous = min(best, loss), loss
        if waited > patience + late:
            lr *= factor
            waited = 0 if reset else waited
            best = math.inf if forget else best
        rates.append(lr)
    return np.array(rates)


def plateau_wrong(**rule):
    return lambda *args, **settings: plateau(*args, **settings, **rule)


def losses_like(rng, length, rise=1.0):
    """A loss curve in quarters that falls at first and then wanders."""
    fall = np.maximum(6 - np.arange(length) * 1.5, 2)
    return fall + rng.integers(-2, 3, length) / 4 * rise


@plateau_schedule.checks("a loss that always falls", points=1)
def _(rng):
    return case(np.sort(rng.choice(40, 6, replace=False))[::-1] / 4, one_of(rng, 0.5, 2.0))


@plateau_schedule.checks("one plateau", points=2)
def _(rng):
    return case(np.array([5, 4, *(4 + rng.integers(1, 8, 4) / 4)]), one_of(rng, 0.5, 2.0), 0.5, 2)


@plateau_schedule.checks("compared with the best, not with the last", points=1)
def _(rng):
    top = 4 + np.sort(rng.choice(np.arange(1, 12), 5, replace=False))[::-1] / 4
    return case(np.array([5, 4, *top]), one_of(rng, 0.5, 2.0), 0.5, 2)


@plateau_schedule.checks("an equal loss is no new best", points=1)
def _(rng):
    return case(np.array([5, 4, *[4] * int(rng.integers(3, 6))]) + rng.integers(0, 4) / 4, one_of(rng, 0.5, 2.0), 0.5, 1)


@plateau_schedule.checks("a long plateau", points=2)
def _(rng):
    return case(np.array([3, *(3 + rng.integers(1, 8, 11) / 4)]), 1.0, 0.5, int(rng.integers(2, 4)))


@plateau_schedule.checks("the best survives a cut", points=1)
def _(rng):
    top = 3 + rng.integers(1, 4, 3) / 4
    return case(np.array([3, *(top.max() + rng.integers(1, 3, 2) / 4), *np.sort(3.25 + rng.choice(8, 4, replace=False) / 16)[::-1], 3.1]), 1.0, 0.5, 1)


@plateau_schedule.checks("other factor and patience", points=1)
def _(rng):
    rules = [plateau_wrong(**rule) for rule in ({"late": -1}, {"versus": "last"}, {"reset": False})]
    return until(lambda: case(losses_like(rng, 14), 2.0, factor=0.25, patience=int(rng.integers(2, 4))), notebook.plateau_schedule, *rules)


@plateau_schedule.checks("input left unmodified", points=1, unmodified=True)
def _(rng):
    return case(np.array([5, 4, *(4 + rng.integers(1, 8, 4) / 4)]), 1.0, 0.5, 1)


@plateau_schedule.mistake("one epoch too early", loses="one plateau")
def _(*args, **settings):
    """You cut the rate when the count reaches `patience`. It must be larger: `patience` epochs without a new best are allowed."""
    return plateau(*args, **settings, late=-1)


@plateau_schedule.mistake("one epoch too late", loses="one plateau")
def _(*args, **settings):
    """You cut the rate one epoch too late. The count includes the epoch at hand: cut as soon as it is larger than `patience`."""
    return plateau(*args, **settings, late=1)


@plateau_schedule.mistake("compared with the epoch before", loses="compared with the best, not with the last")
def _(*args, **settings):
    """You compared each loss with the one before. A loss may fall for a while and still be above the best: remember the smallest so far."""
    return plateau(*args, **settings, versus="last")


@plateau_schedule.mistake("an equal loss counts as better", loses="an equal loss is no new best")
def _(*args, **settings):
    """You set the count back when the loss equals the best. Only a smaller one is good: `<`, not `<=`."""
    return plateau(*args, **settings, equal=True)


@plateau_schedule.mistake("count not set back after a cut", loses="a long plateau")
def _(*args, **settings):
    """After the first cut you cut again at every epoch. Set the count back to 0 when you cut, so that the new rate gets its chance."""
    return plateau(*args, **settings, reset=False)


@plateau_schedule.mistake("best forgotten after a cut", loses="the best survives a cut")
def _(*args, **settings):
    """After a cut you started with a new best. The smallest loss so far stays the mark for the whole training."""
    return plateau(*args, **settings, forget=True)


@plateau_schedule.mistake("rates before the epochs", loses="one plateau")
def _(losses, lr, factor=0.1, patience=2):
    """You returned the rate with which each epoch ran. Asked is the rate that holds **after** it: append it at the end of the loop."""
    return np.array([lr, *notebook.plateau_schedule(losses, lr, factor, patience)[:-1]])


@plateau_schedule.mistake("factor subtracted", loses="one plateau")
def _(losses, lr, factor=0.1, patience=2):
    """You subtracted the factor. Multiply by it: learning rates live on a logarithmic scale."""
    cuts = np.log(notebook.plateau_schedule(losses, 1.0, 0.5, patience)) / np.log(0.5)
    return lr - factor * cuts


@plateau_schedule.mistake("rises when it should fall", loses="one plateau")
def _(losses, lr, factor=0.1, patience=2):
    """Your rate grows on a plateau: you divided by the factor. Multiply by it."""
    return notebook.plateau_schedule(losses, lr, 1 / factor, patience)


@plateau_schedule.mistake("only the last rate", loses="a loss that always falls")
def _(losses, lr, factor=0.1, patience=2):
    """You returned one number, the rate at the end. Return the rates after all epochs."""
    return float(notebook.plateau_schedule(losses, lr, factor, patience)[-1])


early_stopping = Exercise("early_stopping", reference=notebook.early_stopping, title="Early stopping", minutes=15, difficulty=2, returns=("best", "stopped"))


def stopping(losses, patience, *, late=0, versus="best", equal=False, reset=True):
    """Early stopping with one rule changed."""
    best, waited = 0, 0
    for epoch, loss in enumerate(losses):
        mark = losses[best] if versus == "best" else losses[max(epoch - 1, 0)]
        better = epoch == 0 or loss < mark or (equal and loss == mark)
        waited = (0 if reset else waited) if better else waited + 1
        if loss < losses[best] or (equal and loss == losses[best]):
            best = epoch
        if waited >= patience + late:
            break
    return best, epoch


@early_stopping.checks("the loss falls to the end", points=1)
def _(rng):
    losses = np.sort(rng.choice(40, int(rng.integers(4, 8)), replace=False))[::-1] / 4
    return case(losses, int(rng.integers(2, 4)))


@early_stopping.checks("best epoch", points=2, only="best")
def _(rng):
    before, after = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    return case(np.array([*(8 - np.arange(before)), 3, *(4 + rng.integers(0, 9, after) / 4)]), 3)


@early_stopping.checks("when it stops", points=2, only="stopped")
def _(rng):
    before = int(rng.integers(1, 4))
    return case(np.array([*(8 - np.arange(before)), 3, *(4 + rng.integers(0, 9, 7) / 4)]), int(rng.integers(2, 5)))


@early_stopping.checks("what comes after the stop is not seen", points=1)
def _(rng):
    before = int(rng.integers(1, 4))
    return case(np.array([*(8 - np.arange(before)), 3, *(4 + rng.integers(0, 9, 4) / 4), 1]), int(rng.integers(2, 4)))


@early_stopping.checks("two descents", points=1)
def _(rng):
    return case(np.array([8, 5, *(6 + rng.integers(0, 5, 2) / 4), 4, *(5 + rng.integers(0, 9, 5) / 4)]), 3)


@early_stopping.checks("falling, but not below the best", points=1)
def _(rng):
    top = 4 + np.sort(rng.choice(np.arange(1, 20), 6, replace=False))[::-1] / 4
    return case(np.array([9, 4, *top]), int(rng.integers(2, 4)))


@early_stopping.checks("equal losses", points=1)
def _(rng):
    return case(np.array([5, *[4] * int(rng.integers(5, 7)), 3]), int(rng.integers(2, 4)))


@early_stopping.mistake("one epoch too early", loses="when it stops")
def _(losses, patience):
    """You stopped one epoch too early. The run ends with the epoch that lies `patience` epochs after the best one, not before."""
    return stopping(losses, patience, late=-1)


@early_stopping.mistake("one epoch too late", loses="when it stops")
def _(losses, patience):
    """You stopped one epoch too late: as soon as the epoch is `patience` after the best, the run ends. `>=`, not `>`."""
    return stopping(losses, patience, late=1)


@early_stopping.mistake("last epoch kept", loses="best epoch")
def _(losses, patience):
    """You returned the epoch at which the run stopped for both. Its weights are not the best ones: remember where the smallest loss was."""
    stopped = notebook.early_stopping(losses, patience)[1]
    return stopped, stopped


@early_stopping.mistake("compared with the epoch before", loses="falling, but not below the best")
def _(losses, patience):
    """You counted epochs that were worse than the one before. A loss may fall and still be above the best: compare with the smallest so far."""
    return stopping(losses, patience, versus="last")


@early_stopping.mistake("count never set back", loses="two descents")
def _(losses, patience):
    """You added up bad epochs from the whole run. A new best sets the count back to 0: only epochs in a row count."""
    return stopping(losses, patience, reset=False)


@early_stopping.mistake("an equal loss counts as better", loses="equal losses")
def _(losses, patience):
    """You took an equal loss for an improvement. Only a smaller one is a new best; of equal ones the first is kept."""
    return stopping(losses, patience, equal=True)


@early_stopping.mistake("largest loss taken for the best", loses="best epoch")
def _(losses, patience):
    """You looked for the largest number. That would fit an accuracy; a loss is best when it is smallest."""
    return notebook.early_stopping(-np.asarray(losses), patience)


@early_stopping.mistake("looks into the future", loses="what comes after the stop is not seen")
def _(losses, patience):
    """Your best epoch lies after the stop. You took the smallest of all losses, but the run ended before: only epochs up to the stop exist."""
    return int(np.argmin(losses)), notebook.early_stopping(losses, patience)[1]


@early_stopping.mistake("counted from 1", loses="best epoch")
def _(losses, patience):
    """Your epochs are one too high. They are counted from 0, as indices into `losses`."""
    best, stopped = notebook.early_stopping(losses, patience)
    return best + 1, stopped + 1


@early_stopping.mistake("never stops", loses="when it stops")
def _(losses, patience):
    """You went through all epochs. Leave the loop as soon as `patience` epochs in a row have brought no new best."""
    return int(np.argmin(losses)), len(losses) - 1


# -------------------------------------------------------------------------------------------- regularisation

dropout_forward = Exercise("dropout_forward", reference=notebook.dropout_forward, title="Dropout, forward", minutes=20, difficulty=2, returns=("out", "mask"))


def mixed_draws(rng, p, *shape):
    """Uniform draws, none near p; p < 1/2: some lie below p, some between, some above 1 − p, in every row."""
    draws = (rng.permutation(int(np.prod(shape))) + 0.5).reshape(shape) / np.prod(shape)
    first = np.stack([p / 2, 0.5, 1 - p / 2])
    flat = draws.reshape(shape[0], -1)
    for row in flat:
        row[:3] = rng.permutation(first)
    return np.where(np.abs(draws - p) < 0.01, p + 0.02, draws)


def to_drop(rng, p=None, shape=None, **settings):
    p = p or one_of(rng, 0.2, 0.3, 0.4)
    shape = shape or several(rng, 4, 6, 2)
    return case(numbers(rng, *shape), p, mixed_draws(rng, p, *shape), **settings)


@dropout_forward.checks("what is dropped", points=1, only="out")
def _(rng):
    return case(numbers(rng, 3, 5), 0.5, np.where(rng.permutation(15).reshape(3, 5) < 7, 0.1, 0.9))


@dropout_forward.checks("training: kept numbers are scaled", points=2, only="out")
def _(rng):
    return to_drop(rng)


@dropout_forward.checks("the mask", points=1, only="mask")
def _(rng):
    return to_drop(rng)


@dropout_forward.checks("in use: nothing happens", points=2, only="out")
def _(rng):
    return to_drop(rng, training=False)


@dropout_forward.checks("in use: the mask is 1", points=1, only="mask")
def _(rng):
    return to_drop(rng, training=False)


@dropout_forward.checks("images", points=1)
def _(rng):
    return to_drop(rng, shape=several(rng, 3, 6, 4))


@dropout_forward.checks("a draw equal to p is kept", points=1, only="out")
def _(rng):
    p = one_of(rng, 0.25, 0.375)
    call = to_drop(rng, p)
    call.args[2].flat[1:3] = p
    return call


@dropout_forward.checks("p = 0 keeps everything", points=1)
def _(rng):
    return case(numbers(rng, 3, 4), 0.0, (rng.permutation(12).reshape(3, 4) + 0.0) / 12)


@dropout_forward.checks("p outside [0, 1): ValueError", points=1)
def _(rng):
    return case(numbers(rng, 2, 3), one_of(rng, 1.0, 1.5, -0.25), np.full((2, 3), 0.5))


@dropout_forward.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    call = to_drop(rng)
    return case(call.args[0].astype(np.float32), *call.args[1:])


@dropout_forward.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return to_drop(rng)


@dropout_forward.mistake("not inverted", loses="training: kept numbers are scaled")
def _(x, p, draws, training=True):
    """You dropped, but did not scale. In use the next layer would see sums that are 1 / (1 − p) times as large as in training: divide what is kept by 1 − p."""
    out, mask = notebook.dropout_forward(x, p, draws, training)
    return (out * (1 - p), mask * (1 - p)) if training else (out, mask)


@dropout_forward.mistake("active in use", loses="in use: nothing happens")
def _(x, p, draws, training=True):
    """You drop when `training` is False, too. In use the network must be whole, and give the same answer every time."""
    return notebook.dropout_forward(x, p, draws)


@dropout_forward.mistake("scaled in use", loses="in use: nothing happens")
def _(x, p, draws, training=True):
    """In use you multiplied by 1 − p. That belongs to the old form of dropout, without scaling in training. Inverted dropout has done it already: return x."""
    out, mask = notebook.dropout_forward(x, p, draws, training)
    return (out, mask) if training else (out * (1 - p), mask * (1 - p))


@dropout_forward.mistake("p taken for the probability to keep", loses="training: kept numbers are scaled")
def _(x, p, draws, training=True):
    """You kept where draws < p, and divided by p. Here p is the probability to **drop**, as in PyTorch."""
    if not training or not 0 < p < 1:
        return notebook.dropout_forward(x, p, draws, training)
    mask = ((draws < p) / p).astype(x.dtype)
    return x * mask, mask


@dropout_forward.mistake("drops the wrong ones", loses="what is dropped")
def _(x, p, draws, training=True):
    """You dropped where draws ≥ p, which happens with probability 1 − p. Drop where draws < p."""
    if not training:
        return notebook.dropout_forward(x, p, draws, training)
    notebook.dropout_forward(x, p, draws)
    mask = ((draws < p) / (1 - p)).astype(x.dtype)
    return x * mask, mask


@dropout_forward.mistake("scaled by p", loses="training: kept numbers are scaled")
def _(x, p, draws, training=True):
    """You divided by p. The share 1 − p is kept, so divide by 1 − p."""
    if not training or not 0 < p < 1:
        return notebook.dropout_forward(x, p, draws, training)
    mask = ((draws >= p) / p).astype(x.dtype)
    return x * mask, mask


@dropout_forward.mistake("multiplied by 1 − p", loses="training: kept numbers are scaled")
def _(x, p, draws, training=True):
    """You multiplied by 1 − p, which makes the signal even weaker. Divide by it."""
    out, mask = notebook.dropout_forward(x, p, draws, training)
    return (out * (1 - p) ** 2, mask * (1 - p) ** 2) if training else (out, mask)


@dropout_forward.mistake("mask without the scale", loses="the mask")
def _(x, p, draws, training=True):
    """Your output is right, but your mask holds 0 and 1. The backward pass multiplies by the mask alone, so it must hold 1 / (1 − p)."""
    out, mask = notebook.dropout_forward(x, p, draws, training)
    return out, (mask > 0).astype(x.dtype)


@dropout_forward.mistake("one mask for all images", loses="training: kept numbers are scaled")
def _(x, p, draws, training=True):
    """You used the first row of `draws` for the whole batch. Every number of every image has its own draw."""
    return notebook.dropout_forward(x, p, np.broadcast_to(draws[:1], x.shape), training)


@dropout_forward.mistake("whole images dropped", loses="training: kept numbers are scaled")
def _(x, p, draws, training=True):
    """You used one draw for a whole row of x. Every number has its own draw: compare the whole array `draws` with p."""
    whole = draws.reshape(len(x), -1)[:, :1]
    return notebook.dropout_forward(x, p, np.broadcast_to(whole.reshape(-1, *[1] * (x.ndim - 1)), x.shape), training)


@dropout_forward.mistake("drops at equality", loses="a draw equal to p is kept")
def _(x, p, draws, training=True):
    """You dropped where draws equals p. Then p = 0 would drop something, too: drop where draws < p only."""
    return notebook.dropout_forward(x, p, np.where(draws == p, -1.0, draws), training)


@dropout_forward.mistake("any p accepted", loses="p outside [0, 1): ValueError")
def _(x, p, draws, training=True):
    """A p of 1 drops everything and divides by 0; others make no sense either. Raise ValueError unless 0 ≤ p < 1."""
    if 0 <= p < 1:
        return notebook.dropout_forward(x, p, draws, training)
    return x * (draws >= p), (draws >= p) * 1.0


@dropout_forward.mistake("became float64", loses="float32 stays float32")
def _(x, p, draws, training=True):
    """Your results are float64 for float32 inputs: the comparison divided by 1 − p is float64. Give the mask the dtype of x."""
    out, mask = notebook.dropout_forward(x, p, draws, training)
    return out.astype(np.float64), mask.astype(np.float64)


@dropout_forward.mistake("input overwritten", loses="inputs left unmodified")
def _(x, p, draws, training=True):
    """You changed x in place. The caller still needs it: make a new array, x * mask."""
    out, mask = notebook.dropout_forward(x, p, draws, training)
    x[...] = out
    return x, mask


dropout_backward = Exercise("dropout_backward", reference=notebook.dropout_backward, title="Dropout, backward", minutes=6, difficulty=1)


def to_undrop(rng, *shape):
    p = one_of(rng, 0.2, 0.3, 0.4)
    return case(numbers(rng, *shape), (mixed_draws(rng, p, *shape) >= p) / (1 - p))


@dropout_backward.checks("dropped numbers get no gradient", points=1)
def _(rng):
    mask = (rng.permutation(12).reshape(3, 4) < 7) * 1.0
    return case(numbers(rng, 3, 4), mask)


@dropout_backward.checks("kept numbers get a scaled gradient", points=2)
def _(rng):
    return to_undrop(rng, *several(rng, 4, 6, 2))


@dropout_backward.checks("images", points=1)
def _(rng):
    return to_undrop(rng, *several(rng, 2, 5, 4))


@dropout_backward.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return single(to_undrop(rng, 4, 5))


@dropout_backward.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return to_undrop(rng, 4, 5)


@dropout_backward.mistake("gate without the scale", loses="kept numbers get a scaled gradient")
def _(dout, mask):
    """You stopped the gradient where a number was dropped, but passed the rest on unchanged. Forward multiplied by 1 / (1 − p), so backward does, too."""
    return dout * (mask > 0)


@dropout_backward.mistake("gradient to everybody", loses="dropped numbers get no gradient")
def _(dout, mask):
    """Dropped numbers got a gradient. They had no influence on the output: multiply by the mask itself, which is 0 there."""
    return dout * mask.max()


@dropout_backward.mistake("mask ignored", loses="dropped numbers get no gradient")
def _(dout, mask):
    """You passed dout on as it came. Forward multiplied by the mask, so backward multiplies by it, too."""
    return dout.copy() + 0 * mask


@dropout_backward.mistake("gate turned round", loses="dropped numbers get no gradient")
def _(dout, mask):
    """Your gradient goes to the dropped numbers. It is the other way round: the mask is 0 where a number was dropped."""
    return dout * (mask == 0).astype(dout.dtype)


@dropout_backward.mistake("scaled twice", loses="kept numbers get a scaled gradient")
def _(dout, mask):
    """You scaled twice. The mask already holds 1 / (1 − p): multiply by it once."""
    return dout * mask * mask.max()


@dropout_backward.mistake("divided by the scale", loses="kept numbers get a scaled gradient")
def _(dout, mask):
    """You multiplied by 1 − p. The slope of x·mask is the mask: 1 / (1 − p) where a number was kept."""
    return dout * (mask > 0) / mask.max()


@dropout_backward.mistake("dropped by the sign of dout", loses="dropped numbers get no gradient")
def _(dout, mask):
    """You stopped negative gradients. Only the mask decides what passes, whatever the sign of dout is."""
    return np.maximum(dout, 0) * mask


@dropout_backward.mistake("dout overwritten", loses="inputs left unmodified")
def _(dout, mask):
    """`dout *= mask` changes the caller's gradient. Write dout * mask."""
    dout *= mask
    return dout


flip_with_labels = Exercise(
    "flip_with_labels", reference=notebook.flip_with_labels, title="Flip images and label images", minutes=20, difficulty=2, returns=("images", "label_images")
)


def to_flip(rng, n=None, **settings):
    """Images of different sizes, none of which equals its mirror image, in any direction."""
    c, h, w = several(rng, 2, 5, 3)
    n = n or int(rng.integers(4, 7))
    images = (rng.permutation(n * c * h * w) - 7.5).reshape(n, c, h, w)
    label_images = np.stack([rng.permutation(h * w).reshape(h, w) for _ in range(n)])
    draws = rng.permutation(np.array([0.1, 0.2, 0.35, 0.6, 0.8, 0.9])[[0, 3, 1, 4, 2, 5][:n]])
    return case(images, label_images, draws, **settings)


@flip_with_labels.checks("images", points=2, only="images")
def _(rng):
    return to_flip(rng)


@flip_with_labels.checks("label images", points=2, only="label_images")
def _(rng):
    return to_flip(rng)


@flip_with_labels.checks("another probability", points=1)
def _(rng):
    return to_flip(rng, p=one_of(rng, 0.3, 0.7))


@flip_with_labels.checks("nothing to flip", points=1)
def _(rng):
    return to_flip(rng, p=0.0)


@flip_with_labels.checks("inputs left unmodified", points=2, unmodified=True)
def _(rng):
    return to_flip(rng)


@flip_with_labels.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    call = to_flip(rng)
    return case(call.args[0].astype(np.float32), *call.args[1:])


def flipped(images, label_images, draws, p=0.5, image_axes=(-1,), label_axes=(-1,)):
    """The flip with other axes."""
    flip = np.asarray(draws) < p
    images = np.where(flip[:, None, None, None], np.flip(images, image_axes), images)
    return images, np.where(flip[:, None, None], np.flip(label_images, label_axes), label_images)


@flip_with_labels.mistake("label images left as they were", loses="label images")
def _(images, label_images, draws, p=0.5):
    """Your images are flipped, but their label images are not: now each label belongs to the wrong pixel. What moves the image must move its label image."""
    return notebook.flip_with_labels(images, label_images, draws, p)[0], label_images.copy()


@flip_with_labels.mistake("upside down", loses="images")
def _(*args, **settings):
    """You turned the images upside down: you reversed the rows. Left and right are the columns, the last axis."""
    return flipped(*args, **settings, image_axes=(-2,), label_axes=(-2,))


@flip_with_labels.mistake("label images upside down", loses="label images")
def _(*args, **settings):
    """Your label images are upside down. They have no channel axis, so their columns are axis 2, not 3; the last axis is right for both: [..., ::-1]."""
    return flipped(*args, **settings, label_axes=(-2,))


@flip_with_labels.mistake("turned by half", loses="images")
def _(*args, **settings):
    """You reversed rows and columns: that turns the image by 180°. A flip from left to right reverses the columns only."""
    return flipped(*args, **settings, image_axes=(-2, -1), label_axes=(-2, -1))


@flip_with_labels.mistake("colours reversed", loses="images")
def _(*args, **settings):
    """You reversed the channels, so red and blue change places, and nothing moves. The columns are the last axis."""
    return flipped(*args, **settings, image_axes=(1,))


@flip_with_labels.mistake("one decision for all", loses="images")
def _(images, label_images, draws, p=0.5):
    """You let the first draw decide for the whole batch. Each image has its own draw."""
    return flipped(images, label_images, np.full(len(images), draws[0]), p)


@flip_with_labels.mistake("all flipped", loses="images")
def _(images, label_images, draws, p=0.5):
    """You flipped every image. Only those with draws[n] < p are flipped."""
    return flipped(images, label_images, draws * 0, p if p else 1)


@flip_with_labels.mistake("the wrong ones flipped", loses="images")
def _(images, label_images, draws, p=0.5):
    """You flipped the images whose draw is at least p. Flip where draws < p."""
    return flipped(images, label_images, -draws, -p + 1e-12)


@flip_with_labels.mistake("p ignored", loses="another probability")
def _(images, label_images, draws, p=0.5):
    """You compared the draws with 0.5. Compare them with `p`."""
    return notebook.flip_with_labels(images, label_images, draws)


@flip_with_labels.mistake("label images changed in place", loses="inputs left unmodified")
def _(images, label_images, draws, p=0.5):
    """You flipped the caller's label images in place. At the next epoch the image is as before, but its label image is not: work on a copy."""
    images, label_images[...] = notebook.flip_with_labels(images, label_images, draws, p)
    return images, label_images


@flip_with_labels.mistake("images and label images changed in place", loses="inputs left unmodified")
def _(images, label_images, draws, p=0.5):
    """You flipped the caller's arrays in place. The training set would be different at every epoch: copy both first."""
    images[...], label_images[...] = notebook.flip_with_labels(images, label_images, draws, p)
    return images, label_images


@flip_with_labels.mistake("images changed in place", loses="inputs left unmodified")
def _(images, label_images, draws, p=0.5):
    """You flipped the caller's images in place. At the next epoch they no longer fit their label images: work on a copy."""
    images[...], label_images = notebook.flip_with_labels(images, label_images, draws, p)
    return images, label_images


pad_and_crop = Exercise("pad_and_crop", reference=notebook.pad_and_crop, title="Pad and crop", minutes=20, difficulty=2)


def to_crop(rng, padding=None, n=3):
    c, h, w = several(rng, 2, 6, 3)
    padding = padding or int(rng.integers(1, 3))
    corners = [(t, l) for t in range(2 * padding + 1) for l in range(2 * padding + 1) if t != l and t + l != 2 * padding]
    chosen = np.array(corners)[rng.choice(len(corners), n, replace=False)]
    return case(numbers(rng, n, c, h, w), padding, chosen[:, 0].copy(), chosen[:, 1].copy())


@pad_and_crop.checks("the middle gives the image back", points=1)
def _(rng):
    padding = int(rng.integers(1, 4))
    images = numbers(rng, *several(rng, 2, 5, 4))
    corners = np.full(len(images), padding)
    return case(images, padding, corners, corners.copy())


@pad_and_crop.checks("one image", points=2)
def _(rng):
    return to_crop(rng, n=1)


@pad_and_crop.checks("each image has its own window", points=2)
def _(rng):
    return to_crop(rng)


@pad_and_crop.checks("a window in the corner", points=1)
def _(rng):
    padding = int(rng.integers(1, 3))
    corner = np.array([0, 2 * padding])
    return case(numbers(rng, 2, *several(rng, 3, 5, 3)), padding, corner, corner[::-1].copy())


@pad_and_crop.checks("a corner outside: ValueError", points=1)
def _(rng):
    call = to_crop(rng)
    call.args[one_of(rng, 2, 3)][-1] = one_of(rng, -1, 2 * call.args[1] + 1)
    return call


@pad_and_crop.checks("uint8 stays uint8", points=1, dtype=True)
def _(rng):
    images, *rest = to_crop(rng).args
    return case(rng.integers(1, 256, images.shape).astype(np.uint8), *rest)


@pad_and_crop.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return to_crop(rng)


def cropped(images, padding, tops, lefts, **edges):
    """Windows out of padded images, with another kind of border."""
    notebook.pad_and_crop(images, padding, tops, lefts)
    height, width = images.shape[2:]
    padded = np.pad(images, ((0, 0), (0, 0), (padding, padding), (padding, padding)), **edges)
    return np.stack([image[:, t : t + height, l : l + width] for image, t, l in zip(padded, tops, lefts, strict=True)])


@pad_and_crop.mistake("top and left exchanged", loses="one image")
def _(images, padding, tops, lefts):
    """You used `tops` for the columns and `lefts` for the rows. Rows are axis 2, columns axis 3."""
    return notebook.pad_and_crop(images, padding, lefts, tops)


@pad_and_crop.mistake("one window for all", loses="each image has its own window")
def _(images, padding, tops, lefts):
    """You cut the first image's window out of all images. Image n has its corner at tops[n], lefts[n]."""
    notebook.pad_and_crop(images, padding, tops, lefts)
    return notebook.pad_and_crop(images, padding, np.full_like(tops, tops[0]), np.full_like(lefts, lefts[0]))


@pad_and_crop.mistake("what leaves on one side returns on the other", loses="one image")
def _(images, padding, tops, lefts):
    """What left the image on one side came back on the other, as np.roll does. The border is made of zeros."""
    return cropped(images, padding, tops, lefts, mode="wrap")


@pad_and_crop.mistake("border of repeated pixels", loses="one image")
def _(images, padding, tops, lefts):
    """You repeated the outermost pixels in the border. It is made of zeros."""
    return cropped(images, padding, tops, lefts, mode="edge")


@pad_and_crop.mistake("border of ones", loses="one image")
def _(images, padding, tops, lefts):
    """Your border is made of ones. It is made of zeros."""
    return cropped(images, padding, tops, lefts, constant_values=1)


@pad_and_crop.mistake("moved the other way", loses="one image")
def _(images, padding, tops, lefts):
    """Your objects move the wrong way. `tops` and `lefts` are where the window begins in the padded image: a window further down moves the object up."""
    notebook.pad_and_crop(images, padding, tops, lefts)
    return notebook.pad_and_crop(images, padding, 2 * padding - tops, 2 * padding - lefts)


@pad_and_crop.mistake("not padded", loses="the middle gives the image back")
def _(images, padding, tops, lefts):
    """You cut the window out of the image itself. Put the border around it first, on all four sides."""
    notebook.pad_and_crop(images, padding, tops, lefts)
    padded = np.pad(images, ((0, 0), (0, 0), (0, 2 * padding), (0, 2 * padding)))
    height, width = images.shape[2:]
    return np.stack([image[:, t : t + height, l : l + width] for image, t, l in zip(padded, tops, lefts, strict=True)])


@pad_and_crop.mistake("padded image returned", loses="the middle gives the image back")
def _(images, padding, tops, lefts):
    """Your result is as large as the padded image. A window has the old size, H×W."""
    notebook.pad_and_crop(images, padding, tops, lefts)
    return np.pad(images, ((0, 0), (0, 0), (padding, padding), (padding, padding)))


@pad_and_crop.mistake("corner outside accepted", loses="a corner outside: ValueError")
def _(images, padding, tops, lefts):
    """A window that reaches over the padded image gives a picture of another size, or one from the other end, without any error. Look at the corners first, and raise ValueError."""
    return notebook.pad_and_crop(images, padding, np.clip(tops, 0, 2 * padding), np.clip(lefts, 0, 2 * padding))


@pad_and_crop.mistake("became floats", loses="uint8 stays uint8")
def _(images, padding, tops, lefts):
    """Your result holds floats for uint8 images: np.zeros makes float64 unless told otherwise. Keep the images' dtype."""
    return notebook.pad_and_crop(images, padding, tops, lefts).astype(np.float64)


smooth_labels = Exercise("smooth_labels", reference=notebook.smooth_labels, title="Smoothed labels", minutes=12, difficulty=1)


def classes_and_labels(rng):
    classes = int(rng.integers(3, 7))
    return classes, rng.permutation(np.concatenate([[0, classes - 1], rng.integers(0, classes, int(rng.integers(5)) + classes)]))


@smooth_labels.checks("without smoothing: one-hot", points=1)
def _(rng):
    classes, labels = classes_and_labels(rng)
    return case(labels, classes, 0.0)


@smooth_labels.checks("with smoothing", points=2)
def _(rng):
    classes, labels = classes_and_labels(rng)
    return case(labels, classes, one_of(rng, 0.2, 0.3))


@smooth_labels.checks("everything smoothed away", points=1)
def _(rng):
    classes, labels = classes_and_labels(rng)
    return case(labels, classes, smoothing=1.0)


@smooth_labels.checks("classes that do not occur", points=1)
def _(rng):
    classes = int(rng.integers(5, 8))
    return case(rng.integers(0, classes - 2, int(rng.integers(2, 5))), classes)


@smooth_labels.checks("input left unmodified", points=1, unmodified=True)
def _(rng):
    classes, labels = classes_and_labels(rng)
    return case(labels, classes, 0.2)


@smooth_labels.mistake("not renormalised", loses="with smoothing")
def _(labels, classes, smoothing=0.1):
    """Your rows add up to 1 + ε: you added ε/C to a full one-hot target. Take the share ε away first: (1 − ε)·one-hot + ε/C."""
    return np.eye(classes)[labels] + smoothing / classes


@smooth_labels.mistake("others get the whole share each", loses="with smoothing")
def _(labels, classes, smoothing=0.1):
    """Each other class got ε, so a row adds up to more than 1. They share ε: each gets ε/C."""
    onehot = np.eye(classes)[labels]
    return (1 - smoothing) * onehot + smoothing * (1 - onehot)


@smooth_labels.mistake("shared among the others only", loses="with smoothing")
def _(labels, classes, smoothing=0.1):
    """You gave ε/(C − 1) to each of the other classes and nothing to the right one. Rows add up to 1, but here ε is spread over all C classes, as in PyTorch: the right class keeps 1 − ε + ε/C."""
    onehot = np.eye(classes)[labels]
    return (1 - smoothing) * onehot + smoothing / (classes - 1) * (1 - onehot)


@smooth_labels.mistake("right class only lowered", loses="with smoothing")
def _(labels, classes, smoothing=0.1):
    """You took ε from the right class and gave it to nobody. Add ε/C to all classes."""
    return (1 - smoothing) * np.eye(classes)[labels]


@smooth_labels.mistake("right class without its share", loses="with smoothing")
def _(labels, classes, smoothing=0.1):
    """Your right class has 1 − ε, and the others ε/C, so the row adds up to less than 1. The right class gets ε/C as well."""
    onehot = np.eye(classes)[labels]
    return (1 - smoothing) * onehot + smoothing / classes * (1 - onehot)


@smooth_labels.mistake("smoothing ignored", loses="with smoothing")
def _(labels, classes, smoothing=0.1):
    """Your targets are one-hot, whatever `smoothing` is."""
    return np.eye(classes)[labels]


@smooth_labels.mistake("classes counted from the labels", loses="classes that do not occur")
def _(labels, classes, smoothing=0.1):
    """You counted the classes that occur in `labels`. A batch need not contain all of them: use `classes`."""
    return notebook.smooth_labels(labels, int(labels.max()) + 1, smoothing)


@smooth_labels.mistake("transposed", loses="without smoothing: one-hot")
def _(labels, classes, smoothing=0.1):
    """Your result is (classes, N). Each image has a row: (N, classes)."""
    return notebook.smooth_labels(labels, classes, smoothing).T


smoothed_cross_entropy = Exercise(
    "smoothed_cross_entropy",
    reference=notebook.smoothed_cross_entropy,
    title="Cross-entropy with smoothed labels",
    minutes=30,
    difficulty=3,
    returns=("loss", "dlogits"),
)


def to_judge(rng, smoothing=None, n=None, c=None):
    """Logits and labels with N ≠ C, and more than one class."""
    sizes = several(rng, 3, 6, 2)
    n, c = n or sizes[0], c or sizes[1]
    labels = rng.integers(0, c, n)
    labels[:2] = [0, c - 1]
    call = (numbers(rng, n, c), labels)
    return case(*call) if smoothing is None else case(*call, smoothing)


@smoothed_cross_entropy.checks("a network that knows nothing", points=1, only="loss")
def _(rng):
    n, c = several(rng, 3, 9, 2)
    return case(np.zeros((n, c)), rng.integers(0, c, n), one_of(rng, 0.1, 0.3))


@smoothed_cross_entropy.checks("without smoothing", points=2)
def _(rng):
    return to_judge(rng, 0.0)


@smoothed_cross_entropy.checks("loss", points=2, only="loss")
def _(rng):
    return to_judge(rng, one_of(rng, 0.2, 0.3))


@smoothed_cross_entropy.checks("gradient", points=2, only="dlogits")
def _(rng):
    return to_judge(rng, one_of(rng, 0.2, 0.3))


@smoothed_cross_entropy.checks("as many images as classes", points=1)
def _(rng):
    n = int(rng.integers(3, 6))
    return to_judge(rng, 0.2, n, n)


@smoothed_cross_entropy.checks("smoothing of 0.1 unless told otherwise", points=1)
def _(rng):
    return to_judge(rng)


@smoothed_cross_entropy.checks("logits of 1000", points=1)
def _(rng):
    n, c = several(rng, 3, 6, 2)
    return case(1000 + numbers(rng, n, c), rng.integers(0, c, n), 0.2)


@smoothed_cross_entropy.checks("images with logits of different size", points=1)
def _(rng):
    n, c = several(rng, 3, 6, 2)
    return case(numbers(rng, n, c) + 2000 * (rng.permutation(n) == 0)[:, None], rng.integers(0, c, n), 0.2)


@smoothed_cross_entropy.checks("a probability of 0", points=1, only="loss")
def _(rng):
    n, c = several(rng, 3, 6, 2)
    logits = numbers(rng, n, c)
    logits[np.arange(n), rng.integers(0, c, n)] += 1000
    return case(logits, rng.integers(0, c, n), 0.2)


@smoothed_cross_entropy.checks("float32 stays float32", points=1, only="dlogits", dtype=True)
def _(rng):
    logits, labels, smoothing = to_judge(rng, 0.2).args
    return case(logits.astype(np.float32), labels, smoothing)


@smoothed_cross_entropy.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return to_judge(rng, 0.2)


def entropy(logits, targets, axis=1):
    """Loss and gradient with the targets at hand."""
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(axis=axis, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    return -(targets * log_p).sum(axis=1).mean(), (np.exp(log_p) - targets) / len(logits)


@smoothed_cross_entropy.mistake("largest logit not subtracted", loses="logits of 1000")
def _(logits, labels, smoothing=0.1):
    """exp(1000) is infinite, and so is the logarithm of the sum: your loss is infinite. Subtract each row's largest logit first: the probabilities stay the same."""
    t = notebook.smooth_labels(labels, logits.shape[1], smoothing)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -(t * log_p).sum(axis=1).mean(), (np.exp(log_p) - t) / len(logits)


@smoothed_cross_entropy.mistake("probabilities of infinite exponentials", loses="logits of 1000")
def _(logits, labels, smoothing=0.1):
    """exp(1000) is infinite, and infinite / infinite is NaN. Subtract each row's largest logit before you take exponentials: the probabilities stay the same."""
    t = notebook.smooth_labels(labels, logits.shape[1], smoothing)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return -(t * np.log(p)).sum(axis=1).mean(), (p - t) / len(logits)


@smoothed_cross_entropy.mistake("one largest logit for all images", loses="images with logits of different size")
def _(logits, labels, smoothing=0.1):
    """You subtracted the largest logit of the whole batch. For images with much smaller logits all exponentials become 0. Take the largest of each row: axis=1, keepdims=True."""
    t = notebook.smooth_labels(labels, logits.shape[1], smoothing)
    shifted = logits - logits.max()
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -(t * log_p).sum(axis=1).mean(), (np.exp(log_p) - t) / len(logits)


@smoothed_cross_entropy.mistake("logarithm of a probability", loses="a probability of 0")
def _(logits, labels, smoothing=0.1):
    """A probability came out as 0, and its logarithm is −∞. Do not take the log of the probabilities: log p = shifted logit − log(sum of exponentials)."""
    t = notebook.smooth_labels(labels, logits.shape[1], smoothing)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return -(t * np.log(p)).sum(axis=1).mean(), (p - t) / len(logits)


@smoothed_cross_entropy.mistake("sum over the batch", loses="loss")
def _(logits, labels, smoothing=0.1):
    """You added up the losses of all images, and the gradients are those of the sum. Asked is the mean: divide both by N."""
    loss, dlogits = notebook.smoothed_cross_entropy(logits, labels, smoothing)
    return loss * len(logits), dlogits * len(logits)


@smoothed_cross_entropy.mistake("gradient of the sum", loses="gradient")
def _(logits, labels, smoothing=0.1):
    """Your loss is a mean, but your gradient is that of the sum. The mean's 1/N is in the gradient, too."""
    loss, dlogits = notebook.smoothed_cross_entropy(logits, labels, smoothing)
    return loss, dlogits * len(logits)


@smoothed_cross_entropy.mistake("mean over images and classes", loses="loss")
def _(logits, labels, smoothing=0.1):
    """You took the mean over images and classes, so your loss is C times too small. Over the classes it is a sum; the mean runs over the images."""
    loss, dlogits = notebook.smoothed_cross_entropy(logits, labels, smoothing)
    return loss / logits.shape[1], dlogits / logits.shape[1]


@smoothed_cross_entropy.mistake("smoothing ignored", loses="loss")
def _(logits, labels, smoothing=0.1):
    """Your loss looks at the right class only. With smoothed labels all classes count: −Σ t·log p."""
    return notebook.smoothed_cross_entropy(logits, labels, 0.0)


@smoothed_cross_entropy.mistake("gradient against one-hot labels", loses="gradient")
def _(logits, labels, smoothing=0.1):
    """Your loss is smoothed, but your gradient is not: it is probabilities minus **targets**, and the targets are the smoothed ones."""
    return notebook.smoothed_cross_entropy(logits, labels, smoothing)[0], notebook.smoothed_cross_entropy(logits, labels, 0.0)[1]


@smoothed_cross_entropy.mistake("shared among the others only", loses="loss")
def _(logits, labels, smoothing=0.1):
    """Your targets spread ε over the C − 1 other classes. Here it goes to all C, the right one included: use your smooth_labels."""
    onehot = np.eye(logits.shape[1])[labels]
    return entropy(logits, (1 - smoothing) * onehot + smoothing / (logits.shape[1] - 1) * (1 - onehot))


@smoothed_cross_entropy.mistake("targets not renormalised", loses="loss")
def _(logits, labels, smoothing=0.1):
    """Your targets add up to 1 + ε. Then the gradient is no longer probabilities minus targets: take the share ε from the right class first."""
    return entropy(logits, np.eye(logits.shape[1])[labels] + smoothing / logits.shape[1])


@smoothed_cross_entropy.mistake("softmax over the images", loses="as many images as classes")
def _(logits, labels, smoothing=0.1):
    """Your probabilities add up to 1 for each class over the images. They must add up to 1 for each image over its classes: axis 1."""
    return entropy(logits, notebook.smooth_labels(labels, logits.shape[1], smoothing), axis=0)


@smoothed_cross_entropy.mistake("became float64", loses="float32 stays float32")
def _(logits, labels, smoothing=0.1):
    """Your gradient is float64 for float32 logits. smooth_labels returns float64, and takes everything with it: give the targets the dtype of the logits, `.astype(logits.dtype)`."""
    loss, dlogits = notebook.smoothed_cross_entropy(logits, labels, smoothing)
    return loss, dlogits.astype(np.float64)


@smoothed_cross_entropy.mistake("gradient turned round", loses="gradient")
def _(logits, labels, smoothing=0.1):
    """Your gradient has the wrong sign: it is probabilities minus targets, so that a step against it raises the right class."""
    loss, dlogits = notebook.smoothed_cross_entropy(logits, labels, smoothing)
    return loss, -dlogits


# ---------------------------------------------------------------------------------------------------- search

log_uniform = Exercise("log_uniform", reference=notebook.log_uniform, title="Log-uniform numbers", minutes=12, difficulty=1)


def to_spread(rng, *shape):
    low = 10.0 ** -int(rng.integers(2, 6))
    return case(low, low * 10.0 ** int(rng.integers(2, 5)), rng.choice(np.arange(1, 16), shape, replace=False) / 16)


@log_uniform.checks("the middle is the geometric mean", points=1)
def _(rng):
    low, high, _ = to_spread(rng, 1).args
    return case(low, high, np.full(int(rng.integers(1, 4)), 0.5))


@log_uniform.checks("any draws", points=2)
def _(rng):
    return to_spread(rng, int(rng.integers(4, 7)))


@log_uniform.checks("the ends of the range", points=1)
def _(rng):
    low, high, _ = to_spread(rng, 1).args
    return case(low, high, np.array([0.0, 1.0]))


@log_uniform.checks("a range above 1", points=1)
def _(rng):
    low = float(rng.integers(2, 9))
    return case(low, low * float(rng.integers(4, 12)), rng.choice(np.arange(1, 16), 4, replace=False) / 16)


@log_uniform.checks("any shape", points=1)
def _(rng):
    return to_spread(rng, *several(rng, 2, 3, 2))


@log_uniform.checks("a range without logarithms: ValueError", points=1)
def _(rng):
    low, high, draws = to_spread(rng, 2).args
    return case(*one_of(rng, (0.0, high), (-low, high), (high, low)), draws)


@log_uniform.mistake("evenly between the ends", loses="the middle is the geometric mean")
def _(low, high, draws):
    """Your numbers are spread evenly between low and high. Spread their logarithms evenly: the middle of 0.0001 and 1 is 0.01."""
    notebook.log_uniform(low, high, draws)
    return low + (high - low) * draws


@log_uniform.mistake("exponents returned", loses="the middle is the geometric mean")
def _(low, high, draws):
    """You returned the logarithms. The last step is missing: raise the base to them."""
    return np.log10(notebook.log_uniform(low, high, draws))


@log_uniform.mistake("natural logarithms returned", loses="the middle is the geometric mean")
def _(low, high, draws):
    """You returned the natural logarithms. The last step is missing: np.exp of them."""
    return np.log(notebook.log_uniform(low, high, draws))


@log_uniform.mistake("ends taken for exponents", loses="the middle is the geometric mean")
def _(low, high, draws):
    """You raised 10 to a number between low and high. `low` and `high` are the values themselves: take their logarithms first."""
    notebook.log_uniform(low, high, draws)
    return 10 ** (low + (high - low) * draws)


@log_uniform.mistake("two bases", loses="the middle is the geometric mean")
def _(low, high, draws):
    """You went there with log10 and back with exp. Use one base: log10 with 10 **, or log with exp."""
    return np.exp(np.log10(notebook.log_uniform(low, high, draws)))


@log_uniform.mistake("ends exchanged", loses="the ends of the range")
def _(low, high, draws):
    """Your draw 0 gives high. It should give low, and larger draws larger numbers."""
    return notebook.log_uniform(low, high, 1 - draws)


@log_uniform.mistake("draws squared", loses="any draws")
def _(low, high, draws):
    """You squared the draw to get more small numbers. That is not even on the scale of logarithms: the logarithm must move in a straight line with the draw."""
    notebook.log_uniform(low, high, draws)
    return low + (high - low) * draws**2


@log_uniform.mistake("impossible range accepted", loses="a range without logarithms: ValueError")
def _(low, high, draws):
    """A range from 0 or below has no logarithm, and one with low above high is turned round. Raise ValueError unless 0 < low < high."""
    return notebook.log_uniform(low, high, draws) if 0 < low < high else np.full_like(draws, high)


narrow_range = Exercise("narrow_range", reference=notebook.narrow_range, title="From coarse to fine", minutes=15, difficulty=2, returns=("low", "high"))


def trials(rng):
    """Values and scores in no order: neither the values nor the places of the best ones are neighbours."""
    count = int(rng.integers(6, 9))
    values = rng.choice(np.arange(1, 40), count, replace=False) / 16
    scores = rng.choice(np.arange(8, 48), count, replace=False) / 64
    return values, scores


def narrowing(rng):
    keep = int(rng.integers(2, 4))
    wrong = [lambda *call, rule=rule: narrowed(*call, **rule) for rule in ({"lowest": True}, {"by_value": True}, {"more": 1}, {"first": True}, {"all_of": True})]
    return until(lambda: case(*trials(rng), keep), notebook.narrow_range, *wrong, in_order_of_score)


def in_order_of_score(values, scores, keep):
    """The kept values with the best and the worst score, whichever is larger."""
    notebook.narrow_range(values, scores, keep)
    best = values[np.argsort(-scores, kind="stable")[:keep]]
    return best[0], best[-1]


def narrowed(values, scores, keep, *, lowest=False, by_value=False, more=0, first=False, all_of=False):
    """The range with one rule changed."""
    notebook.narrow_range(values, scores, keep)
    order = np.argsort(scores if lowest else -scores, kind="stable")
    if by_value:
        order = np.argsort(-values, kind="stable")
    if first:
        order = np.arange(len(values))
    best = values[order[: len(values) if all_of else keep + more]]
    return best.min(), best.max()


@narrow_range.checks("the best values", points=2)
def _(rng):
    return narrowing(rng)


@narrow_range.checks("only one is kept", points=1)
def _(rng):
    values, scores = trials(rng)
    return case(values, scores, 1)


@narrow_range.checks("all are kept", points=1)
def _(rng):
    values, scores = trials(rng)
    return case(values, scores, len(values))


@narrow_range.checks("equal scores: the first counts", points=1)
def _(rng):
    best, first, second, third = rng.choice(np.arange(1, 16), 4, replace=False) / 16
    rest = rng.choice(np.arange(17, 30), 3, replace=False) / 16
    values = np.array([rest[0], first, best, second, rest[1], third, rest[2]])
    return case(values, np.array([0.2, 0.5, 0.7, 0.5, 0.1, 0.5, 0.3]), 2)


@narrow_range.checks("too many or none to keep: ValueError", points=1)
def _(rng):
    values, scores = trials(rng)
    return case(values, scores, one_of(rng, 0, len(values) + 1))


@narrow_range.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return narrowing(rng)


@narrow_range.mistake("worst kept", loses="the best values")
def _(values, scores, keep):
    """You kept the lowest scores. A score is an accuracy: higher is better. np.argsort goes upwards, so take the last places, or sort −scores."""
    return narrowed(values, scores, keep, lowest=True)


@narrow_range.mistake("scores returned", loses="the best values")
def _(values, scores, keep):
    """You returned the range of the best scores. Asked is the range of the **values** that have them."""
    notebook.narrow_range(values, scores, keep)
    best = np.sort(scores)[-keep:]
    return best.min(), best.max()


@narrow_range.mistake("largest values kept", loses="the best values")
def _(values, scores, keep):
    """You kept the largest values. Which values are kept is for the scores to decide."""
    return narrowed(values, scores, keep, by_value=True)


@narrow_range.mistake("best to worst of the kept", loses="the best values")
def _(values, scores, keep):
    """You returned the value with the best score and the last one that was kept, in the order of the scores. A range goes from the smallest to the largest value."""
    return in_order_of_score(values, scores, keep)


@narrow_range.mistake("range of everything", loses="the best values")
def _(values, scores, keep):
    """You returned the range of all values. Only the `keep` best count: that is what makes the search finer."""
    return narrowed(values, scores, keep, all_of=True)


@narrow_range.mistake("one too many", loses="the best values")
def _(values, scores, keep):
    """You kept one value too many. A slice [:keep] has exactly keep elements."""
    return narrowed(values, scores, keep, more=1)


@narrow_range.mistake("first tried kept", loses="the best values")
def _(values, scores, keep):
    """You kept the values that were tried first. Sort by score before you cut."""
    return narrowed(values, scores, keep, first=True)


@narrow_range.mistake("last of equal scores", loses="equal scores: the first counts")
def _(values, scores, keep):
    """Of equal scores you kept the one that was tried last. Sort −scores with kind="stable": then equal ones keep their order."""
    notebook.narrow_range(values, scores, keep)
    best = values[np.argsort(scores, kind="stable")[::-1][:keep]]
    return best.min(), best.max()


@narrow_range.mistake("any keep accepted", loses="too many or none to keep: ValueError")
def _(values, scores, keep):
    """With keep = 0 there is no range, and more values than were tried cannot be kept. Raise ValueError."""
    return notebook.narrow_range(values, scores, min(max(keep, 1), len(values)))
