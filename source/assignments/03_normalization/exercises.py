"""The exercises of assignment 03: what a right normalisation does, property by property, and how it usually goes wrong.

Inputs are halves and quarters, so that float32 holds them exactly; no two numbers of an input are alike, so that no spread is 0 by chance.
"""

import numpy as np

from autograder.units import import_unit
from convnets.check import Exercise, case

notebook = import_unit("03_normalization")


def distinct(rng, *shape):
    """Positive and negative halves, no two alike."""
    count = int(np.prod(shape))
    return (rng.permutation(count) - count // 2 + 0.5).reshape(shape) / 2


def quarters(rng, *shape):
    """Quarters between −3 and 3, neither 0 nor ±1, the first two of different sign."""
    values = rng.choice([q / 4 for q in (-12, -11, -9, -7, -6, -5, -3, -2, 2, 3, 5, 6, 7, 9, 11, 12)], shape)
    values.flat[:2] = abs(values.flat[0]), -abs(values.flat[1])
    return values


def scales(rng, size):
    """γ: no two alike, none 1, one negative."""
    values = rng.choice([0.5, 1.5, 1.75, 2.0, 2.5, 2.75, 3.0], size, replace=False)
    values[int(rng.integers(size))] *= -1
    return values


def shifts(rng, size):
    """β: no two alike, none 0."""
    return rng.choice([-2.5, -1.75, -1.0, -0.5, 0.75, 1.25, 2.0, 3.0], size, replace=False)


def positive(rng, size):
    """Running variances: no two alike, none 1."""
    return rng.choice([0.25, 0.5, 2.0, 2.5, 3.0, 4.5, 6.0], size, replace=False)


def several(rng, low, high, count):
    """Different whole numbers from low … high."""
    return [int(v) for v in rng.choice(np.arange(low, high + 1), count, replace=False)]


def one_of(rng, *options):
    return options[int(rng.integers(len(options)))]


def single(*arrays):
    return tuple(a.astype(np.float32) for a in arrays)


def along(values, axes, ndim):
    """`values` shaped such that it lies along `axes` of an array with ndim axes."""
    shape = [1] * ndim
    for axis, size in zip(axes, np.shape(values), strict=True):
        shape[axis] = size
    return np.reshape(values, shape)


def standard(x, axes, eps=1e-5, ddof=0, root=True, outside=False):
    """(x_hat, sigma) with statistics over `axes`; the keywords make the usual mistakes."""
    variance = x.var(axis=axes, ddof=ddof, keepdims=True)
    sigma = np.sqrt(variance) + eps if outside else np.sqrt(variance + eps) if root else variance + eps
    return (x - x.mean(axis=axes, keepdims=True)) / sigma, sigma


def back(g, x_hat, sigma, axes, mean=True, variance=True, share=1.0, power=1):
    """dx of the normalisation for the gradient g of x_hat; the keywords leave out parts, scale the means, or divide by sigma more than once."""
    dx = g
    if mean:
        dx = dx - share * g.mean(axis=axes, keepdims=True)
    if variance:
        dx = dx - share * x_hat * (g * x_hat).mean(axis=axes, keepdims=True)
    return dx / sigma**power


# ------------------------------------------------------------------------------------------ batch norm, vectors

batchnorm_forward = Exercise("batchnorm_forward", reference=notebook.batchnorm_forward, title="Batch normalisation, in training", minutes=20, difficulty=1)


def batch(rng, n=None, d=None):
    """x (N, D) with N ≠ D."""
    rows, columns = several(rng, 3, 5, 2)
    return distinct(rng, n or rows, d or columns)


def plain(x):
    """x with γ = 1, β = 0 for the last axis."""
    return case(x, np.ones(x.shape[-1]), np.zeros(x.shape[-1]))


@batchnorm_forward.checks("each feature gets mean 0 and variance 1", points=3)
def _(rng):
    return plain(batch(rng))


@batchnorm_forward.checks("scale and shift", points=2)
def _(rng):
    x = batch(rng)
    return case(x, scales(rng, x.shape[1]), shifts(rng, x.shape[1]))


@batchnorm_forward.checks("as many examples as features", points=1)
def _(rng):
    d = int(rng.integers(3, 5))
    return case(distinct(rng, d, d), scales(rng, d), shifts(rng, d))


@batchnorm_forward.checks("eps stands under the root", points=1)
def _(rng):
    return case(*plain(batch(rng) / 2).args, eps=one_of(rng, 0.25, 0.5, 1.0))


@batchnorm_forward.checks("a feature that is always the same", points=1)
def _(rng):
    x = batch(rng)
    x[:, int(rng.integers(x.shape[1]))] = float(rng.integers(1, 4))
    return case(x, scales(rng, x.shape[1]), shifts(rng, x.shape[1]))


@batchnorm_forward.checks("γ = σ and β = μ give x back", points=1)
def _(rng):
    x = batch(rng)
    return case(x, np.sqrt(x.var(axis=0) + 1e-5), x.mean(axis=0)), x


@batchnorm_forward.checks("far from zero, in float32", points=1)
def _(rng):
    x = rng.permutation(4)[:, None] / 2 + 4096.0 + quarters(rng, 1, 3)
    return case(*single(x, np.ones(3), np.zeros(3)))


@batchnorm_forward.checks("whole numbers", points=1)
def _(rng):
    x = (4 * batch(rng)).astype(int)
    return case(x, np.ones(x.shape[1]), np.zeros(x.shape[1]))


@batchnorm_forward.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(*single(batch(rng, d=3), scales(rng, 3), shifts(rng, 3)))


@batchnorm_forward.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case(batch(rng, d=3), scales(rng, 3), shifts(rng, 3))


@batchnorm_forward.checks("a batch of one: ValueError", points=1)
def _(rng):
    return plain(distinct(rng, 1, int(rng.integers(2, 5))))


def at_least_two(x):
    if len(x) < 2:
        raise ValueError("one example")
    return x


def batchnorm(x, gamma, beta, eps=1e-5, axes=(0,), **wrong):
    at_least_two(x)
    return gamma * standard(x, axes, eps, **wrong)[0] + beta


@batchnorm_forward.mistake("statistics of each example", loses="each feature gets mean 0 and variance 1")
def _(x, gamma, beta, eps=1e-5):
    """You took the mean and variance of each row, that is, of each example: that is layer normalisation. Batch normalisation goes down the columns: one mean for each feature, over the batch."""
    return batchnorm(x, gamma, beta, eps, axes=(1,))


@batchnorm_forward.mistake("one mean and variance for everything", loses="each feature gets mean 0 and variance 1")
def _(x, gamma, beta, eps=1e-5):
    """You used one mean and one variance for the whole array: `x.mean()` without an axis. Each feature needs its own: axis=0."""
    return batchnorm(x, gamma, beta, eps, axes=(0, 1))


@batchnorm_forward.mistake("means of rows subtracted from columns", loses="as many examples as features")
def _(x, gamma, beta, eps=1e-5):
    """You took means along axis 1 and NumPy lined them up with the columns. It only fits when there are as many examples as features, and then it is wrong: take axis 0."""
    at_least_two(x)
    return gamma * (x - x.mean(axis=1)) / np.sqrt(x.var(axis=1) + eps) + beta


@batchnorm_forward.mistake("unbiased variance", loses="each feature gets mean 0 and variance 1")
def _(x, gamma, beta, eps=1e-5):
    """You divided the squared deviations by N − 1. To normalise, the biased variance is asked: divide by N, as np.var does. The N − 1 comes in the running variance only."""
    return batchnorm(x, gamma, beta, eps, ddof=1)


@batchnorm_forward.mistake("only centred", loses="each feature gets mean 0 and variance 1")
def _(x, gamma, beta, eps=1e-5):
    """Your features have mean 0, but still their old spread: divide by √(variance + eps)."""
    return gamma * (at_least_two(x) - x.mean(axis=0)) + beta


@batchnorm_forward.mistake("divided by the variance", loses="each feature gets mean 0 and variance 1")
def _(x, gamma, beta, eps=1e-5):
    """You divided by the variance. The spread is its square root."""
    return batchnorm(x, gamma, beta, eps, root=False)


@batchnorm_forward.mistake("not centred", loses="each feature gets mean 0 and variance 1")
def _(x, gamma, beta, eps=1e-5):
    """You divided by the spread, but did not subtract the mean."""
    return gamma * at_least_two(x) / standard(x, (0,), eps)[1] + beta


@batchnorm_forward.mistake("eps outside the root", loses="eps stands under the root")
def _(x, gamma, beta, eps=1e-5):
    """You added eps to the standard deviation. It belongs to the variance, under the root: √(variance + eps). With a tiny eps you hardly notice, until a feature's variance comes near 0."""
    return batchnorm(x, gamma, beta, eps, outside=True)


@batchnorm_forward.mistake("eps forgotten", loses="a feature that is always the same")
def _(x, gamma, beta, eps=1e-5):
    """A feature that is the same in all examples has variance 0, and you divided 0 by 0. Add eps to the variance."""
    return batchnorm(x, gamma, beta, 0.0)


@batchnorm_forward.mistake("γ forgotten", loses="scale and shift")
def _(x, gamma, beta, eps=1e-5):
    """The scale is missing: multiply the normalised numbers by gamma."""
    return batchnorm(x, 1.0, beta, eps)


@batchnorm_forward.mistake("β forgotten", loses="scale and shift")
def _(x, gamma, beta, eps=1e-5):
    """The shift is missing: add beta at the end."""
    return batchnorm(x, gamma, 0.0, eps)


@batchnorm_forward.mistake("γ and β exchanged", loses="scale and shift")
def _(x, gamma, beta, eps=1e-5):
    """You multiplied by beta and added gamma. It is the other way round: gamma scales, beta shifts."""
    return batchnorm(x, beta, gamma, eps)


@batchnorm_forward.mistake("shift before scale", loses="scale and shift")
def _(x, gamma, beta, eps=1e-5):
    """You added beta first and then multiplied, so that beta was scaled too. First the scale, then the shift: gamma · x_hat + beta."""
    return gamma * batchnorm(x, 1.0, beta, eps)


@batchnorm_forward.mistake("variance as a difference of squares", loses="far from zero, in float32")
def _(x, gamma, beta, eps=1e-5):
    """You computed the variance as mean(x²) − mean(x)². For numbers far from 0 that is the difference of two huge, nearly equal numbers, and rounding eats it up. Take the mean of (x − mean)²."""
    at_least_two(x)
    variance = (x * x).mean(axis=0) - x.mean(axis=0) ** 2
    return gamma * (x - x.mean(axis=0)) / np.sqrt(variance + eps) + beta


@batchnorm_forward.mistake("result rounded to whole numbers", loses="whole numbers")
def _(x, gamma, beta, eps=1e-5):
    """x holds whole numbers, and you stored the result in an array of that dtype, so everything after the point was cut off. `np.zeros_like(x)` and `x.copy()` take over the dtype."""
    return batchnorm(x, gamma, beta, eps).astype(x.dtype)


@batchnorm_forward.mistake("input overwritten", loses="inputs left unmodified")
def _(x, gamma, beta, eps=1e-5):
    """`x -= …` and `x /= …` change the array that was handed to you. Write x = x − …, which makes a new one."""
    out = batchnorm(x, gamma, beta, eps)
    if x.dtype.kind == "f":
        x -= x.mean(axis=0)
    return out


update_running = Exercise(
    "update_running", reference=notebook.update_running, title="Running averages", minutes=15, difficulty=2, returns=("running_mean", "running_var")
)


def averages(rng, size):
    return shifts(rng, size), positive(rng, size)


@update_running.checks("the mean moves a tenth of the way", points=2, only="running_mean")
def _(rng):
    x = batch(rng)
    return case(*averages(rng, x.shape[1]), x)


@update_running.checks("the variance moves a tenth of the way", points=2, only="running_var")
def _(rng):
    x = batch(rng)
    return case(*averages(rng, x.shape[1]), x)


@update_running.checks("another momentum", points=1)
def _(rng):
    x = batch(rng)
    return case(*averages(rng, x.shape[1]), x, momentum=one_of(rng, 0.01, 0.25, 0.75))


@update_running.checks("momentum 1: only the new batch counts", points=1)
def _(rng):
    x = batch(rng)
    return case(*averages(rng, x.shape[1]), x, momentum=1.0), (x.mean(axis=0), x.var(axis=0, ddof=1))


@update_running.checks("as many examples as features", points=1)
def _(rng):
    d = int(rng.integers(3, 5))
    return case(*averages(rng, d), distinct(rng, d, d))


@update_running.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(*single(*averages(rng, 3), batch(rng, d=3)))


@update_running.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case(*averages(rng, 3), batch(rng, d=3))


@update_running.checks("a batch of one: ValueError", points=1)
def _(rng):
    return case(*averages(rng, 3), distinct(rng, 1, 3))


def moved(mean, var, x, momentum=0.1, axes=0, ddof=1):
    at_least_two(x)
    return (1 - momentum) * mean + momentum * x.mean(axis=axes), (1 - momentum) * var + momentum * x.var(axis=axes, ddof=ddof)


@update_running.mistake("momentum in the other sense", loses="the mean moves a tenth of the way")
def _(running_mean, running_var, x, momentum=0.1):
    """You kept only the share momentum of the old average, and gave the rest to the new batch. In PyTorch momentum is the share of the **new**: (1 − momentum)·old + momentum·new."""
    return moved(running_mean, running_var, x, 1 - momentum)


@update_running.mistake("biased variance remembered", loses="the variance moves a tenth of the way")
def _(running_mean, running_var, x, momentum=0.1):
    """You remembered the biased variance. It estimates the variance of all data too small; for the running average divide by N − 1: ddof=1."""
    return moved(running_mean, running_var, x, momentum, ddof=0)


@update_running.mistake("standard deviation remembered", loses="the variance moves a tenth of the way")
def _(running_mean, running_var, x, momentum=0.1):
    """You averaged standard deviations. What runs is the variance; the root is taken when it is used."""
    mean, _ = moved(running_mean, running_var, x, momentum)
    return mean, (1 - momentum) * running_var + momentum * x.std(axis=0, ddof=1)


@update_running.mistake("old average not shrunk", loses="the mean moves a tenth of the way")
def _(running_mean, running_var, x, momentum=0.1):
    """You added momentum·new to the whole of the old average, so it grows and grows. The old keeps the share 1 − momentum only."""
    mean, var = moved(0 * running_mean, 0 * running_var, x, momentum)
    return running_mean + mean, running_var + var


@update_running.mistake("never updated", loses="the mean moves a tenth of the way")
def _(running_mean, running_var, x, momentum=0.1):
    """You returned the old averages unchanged. Each batch must move them a little; else the layer still uses 0 and 1 when training is over."""
    moved(running_mean, running_var, x)
    return running_mean.copy(), running_var.copy()


@update_running.mistake("old average thrown away", loses="the mean moves a tenth of the way")
def _(running_mean, running_var, x, momentum=0.1):
    """You returned the statistics of this batch alone. An average remembers: it keeps the share 1 − momentum of the old."""
    return moved(running_mean, running_var, x, 1.0)


@update_running.mistake("momentum always a tenth", loses="another momentum")
def _(running_mean, running_var, x, momentum=0.1):
    """You did not use the parameter momentum, but its default, 0.1."""
    return moved(running_mean, running_var, x, 0.1)


@update_running.mistake("statistics of each example", loses="as many examples as features")
def _(running_mean, running_var, x, momentum=0.1):
    """You took means along axis 1, over the features of each example. The averages belong to the features: axis 0, over the batch."""
    return moved(running_mean, running_var, x, momentum, axes=1)


@update_running.mistake("variance around the running mean", loses="the variance moves a tenth of the way")
def _(running_mean, running_var, x, momentum=0.1):
    """You measured the batch's variance around the running mean. The batch's variance is taken around the batch's own mean."""
    mean, _ = moved(running_mean, running_var, x, momentum)
    return mean, (1 - momentum) * running_var + momentum * ((x - running_mean) ** 2).sum(axis=0) / (len(x) - 1)


@update_running.mistake("averages overwritten", loses="inputs left unmodified")
def _(running_mean, running_var, x, momentum=0.1):
    """`running_mean *= …` changes the array that was handed to you. Here new arrays are asked: running_mean = (1 − momentum) * running_mean + …"""
    mean, var = moved(running_mean, running_var, x, momentum)
    running_mean[:], running_var[:] = mean, var
    return running_mean, running_var


batchnorm_inference = Exercise("batchnorm_inference", reference=notebook.batchnorm_inference, title="Batch normalisation, in use", minutes=8, difficulty=1)


@batchnorm_inference.checks("the running averages are used", points=2)
def _(rng):
    return case(*plain(batch(rng, d=4)).args, *averages(rng, 4))


@batchnorm_inference.checks("a single example", points=1)
def _(rng):
    d = int(rng.integers(2, 5))
    return case(distinct(rng, 1, d), scales(rng, d), shifts(rng, d), *averages(rng, d))


@batchnorm_inference.checks("scale and shift", points=1)
def _(rng):
    x = batch(rng)
    return case(x, scales(rng, x.shape[1]), shifts(rng, x.shape[1]), *averages(rng, x.shape[1]))


@batchnorm_inference.checks("eps stands under the root", points=1)
def _(rng):
    return case(*plain(batch(rng, d=3)).args, *averages(rng, 3), eps=one_of(rng, 0.25, 0.5, 1.0))


@batchnorm_inference.checks("whole numbers", points=1)
def _(rng):
    return case((4 * batch(rng, d=3)).astype(int), np.ones(3), np.zeros(3), *averages(rng, 3))


@batchnorm_inference.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(*single(batch(rng, d=3), scales(rng, 3), shifts(rng, 3), *averages(rng, 3)))


@batchnorm_inference.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case(batch(rng, d=3), scales(rng, 3), shifts(rng, 3), *averages(rng, 3))


def used(x, gamma, beta, mean, var, eps=1e-5):
    return gamma * (x - mean) / np.sqrt(var + eps) + beta


@batchnorm_inference.mistake("batch statistics at test time", loses="the running averages are used")
def _(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """You normalised by the mean and variance of this batch. In use, an answer must not depend on who else is in the batch: take running_mean and running_var."""
    return used(x, gamma, beta, x.mean(axis=0), x.var(axis=0), eps)


@batchnorm_inference.mistake("variance of the batch", loses="the running averages are used")
def _(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """The mean is the running one, but the variance is still that of this batch: take running_var."""
    return used(x, gamma, beta, running_mean, x.var(axis=0), eps)


@batchnorm_inference.mistake("mean of the batch", loses="the running averages are used")
def _(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """The variance is the running one, but the mean is still that of this batch: take running_mean."""
    return used(x, gamma, beta, x.mean(axis=0), running_var, eps)


@batchnorm_inference.mistake("divided by the variance", loses="the running averages are used")
def _(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """You divided by the running variance. The spread is its square root."""
    return used(x, gamma, beta, running_mean, (running_var + eps) ** 2, 0)


@batchnorm_inference.mistake("running variance corrected again", loses="the running averages are used")
def _(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """You multiplied the running variance by N/(N − 1). It was corrected when it was remembered: use it as it is."""
    return used(x, gamma, beta, running_mean, running_var * len(x) / max(len(x) - 1, 1), eps)


@batchnorm_inference.mistake("eps outside the root", loses="eps stands under the root")
def _(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """You added eps to the standard deviation. It belongs to the variance, under the root: √(running_var + eps)."""
    return gamma * (x - running_mean) / (np.sqrt(running_var) + eps) + beta


@batchnorm_inference.mistake("eps forgotten", loses="eps stands under the root")
def _(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """eps is missing: add it to the running variance, just as in training."""
    return used(x, gamma, beta, running_mean, running_var, 0)


@batchnorm_inference.mistake("γ and β forgotten", loses="scale and shift")
def _(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """You normalised, and stopped there. The learned scale and shift belong to the layer in use as well: gamma · x_hat + beta."""
    return used(x, 1, 0, running_mean, running_var, eps)


@batchnorm_inference.mistake("shift before scale", loses="scale and shift")
def _(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """You added beta first and then multiplied, so that beta was scaled too. First the scale, then the shift."""
    return gamma * used(x, 1, beta, running_mean, running_var, eps)


def gradient_exercise(name, title, minutes, difficulty=3):
    return Exercise(name, reference=getattr(notebook, name), title=title, minutes=minutes, difficulty=difficulty, returns=("dx", "dgamma", "dbeta"))


batchnorm_backward = gradient_exercise("batchnorm_backward", "Batch normalisation, backward", 45)


def vector_gradients(rng, n=None, d=None, gamma=None, **settings):
    """dout, x, gamma with N ≠ D and N ≥ 4: with two examples the gradient is all but 0."""
    n, d = n or int(rng.integers(5, 7)), d or int(rng.integers(3, 5))
    return case(quarters(rng, n, d), distinct(rng, n, d), scales(rng, d) if gamma is None else gamma * np.ones(d), **settings)


@batchnorm_backward.checks("gradient of β", points=1, only="dbeta")
def _(rng):
    return vector_gradients(rng)


@batchnorm_backward.checks("gradient of γ", points=2, only="dgamma")
def _(rng):
    return vector_gradients(rng)


@batchnorm_backward.checks("gradient of x, γ = 1", points=3, only="dx")
def _(rng):
    return vector_gradients(rng, gamma=1.0)


@batchnorm_backward.checks("gradient of x, scaled", points=1, only="dx")
def _(rng):
    return vector_gradients(rng)


@batchnorm_backward.checks("as many examples as features", points=1)
def _(rng):
    d = int(rng.integers(4, 6))
    return vector_gradients(rng, n=d, d=d)


@batchnorm_backward.checks("eps stands under the root", points=1, only=("dx", "dgamma"))
def _(rng):
    return vector_gradients(rng, eps=one_of(rng, 0.25, 0.5, 1.0))


@batchnorm_backward.checks("a feature that is always the same", points=1)
def _(rng):
    dout, x, gamma = vector_gradients(rng).args
    x[:, 0] = 2.0
    return case(dout, x, gamma, eps=0.25)


@batchnorm_backward.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(*single(*vector_gradients(rng).args))


@batchnorm_backward.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return vector_gradients(rng)


def deviating(dout, x, gamma, eps, axes, lies, *, statistics=(), gradient=(), scale="inside", inner="x_hat", sums=False, averaged=False):
    """The gradients of a layer with statistics over `axes` and γ along the axes `lies`, with deviations; without any they are right."""
    x_hat, sigma = standard(x, axes, eps, **dict(statistics))
    factor, over = along(gamma, lies, x.ndim), tuple(a for a in range(x.ndim) if a not in lies)
    share = {"share": np.prod([x.shape[a] for a in axes])} if sums else {}
    dx = back(factor * dout if scale == "inside" else dout, x_hat, sigma, axes, **dict(gradient), **share)
    dx = factor * dx if scale == "outside" else dx
    divide = np.prod([x.shape[a] for a in over]) if averaged else 1
    return dx, (dout * (x if inner == "x" else x_hat)).sum(axis=over) / divide, dout.sum(axis=over) / divide


def deviated(backward, hint, **deviations):
    """A wrong backward pass: `backward` with these deviations."""

    def wrong(*args, **settings):
        return backward(*args, **settings, **deviations)

    wrong.__doc__ = hint
    return wrong


def gradient_mistakes(exercise, backward, words):
    """The mistakes that all backward passes have in common. words: what the statistics are taken over, for the hints."""
    main = "gradient of x, γ = 1"
    for name, loses, deviations, hint in (
        (
            "mean and variance as constants", main, {"gradient": {"mean": False, "variance": False}},
            f"You treated mean and variance as constants. But they depend on x: moving one number moves the mean and variance of {words['set']}. Two terms are missing: the mean of the gradient, and x_hat times the mean of gradient·x_hat.",
        ),
        ("variance as a constant", main, {"gradient": {"variance": False}}, "The mean's dependence on x is there, the variance's is missing: subtract x_hat · mean(gradient · x_hat), too."),
        ("mean as a constant", main, {"gradient": {"mean": False}}, "The variance's dependence on x is there, the mean's is missing: subtract the mean of the gradient, too."),
        ("sums in place of means", main, {"sums": True}, f"In dx you subtracted sums where means are due: divide them by {words['count']}."),
        ("unbiased variance", main, {"statistics": {"ddof": 1}}, "You used the unbiased variance, with n − 1. The forward pass normalises by the biased one: divide by n."),
        ("divided by the variance", main, {"statistics": {"root": False}}, "You divided by the variance, in x_hat and in dx. Take the root in both: the forward pass divides by √(variance + eps)."),
        ("dx divided by the variance", main, {"gradient": {"power": 2}}, "Your x_hat is right, but you divided dx by the variance. Take the root there as well: dx is divided by √(variance + eps), once."),
        ("γ forgotten in dx", words["scaled"], {"scale": "nowhere"}, "Your dx does not know γ. The output is γ·x_hat + β, so what arrives at x_hat is γ·dout."),
        ("x in place of x_hat", "gradient of γ", {"inner": "x"}, "For dγ you multiplied dout with x. In the forward pass γ multiplies the normalised x_hat."),
        ("dγ and dβ averaged", "gradient of γ", {"averaged": True}, "You averaged where dγ and dβ are sums: each γ and β serves all these numbers, and what they do to the loss adds up."),
        ("eps outside the root", "eps stands under the root", {"statistics": {"outside": True}}, "You added eps to the standard deviation. It belongs to the variance, under the root, just as in the forward pass."),
    ):  # fmt: skip
        exercise.mistake(name, loses=loses)(deviated(backward, hint, **deviations))

    @exercise.mistake("dγ and dβ exchanged", loses="gradient of γ")
    def _(*args, **settings):
        """You returned dβ and dγ in the wrong order. It is dx, dgamma, dbeta."""
        dx, dgamma, dbeta = backward(*args, **settings)
        return dx, dbeta, dgamma

    @exercise.mistake("eps ignored", loses="eps stands under the root")
    def _(*args, eps=1e-5):
        """Your result does not change with `eps`. Use the parameter, not a number of your own: √(variance + eps), just as in the forward pass."""
        return backward(*args)

    @exercise.mistake("dout overwritten", loses="inputs left unmodified")
    def _(dout, *args, **settings):
        """`dout *= …` changes the array that was handed to you. Write g = gamma * dout, which makes a new one."""
        gradients = backward(dout, *args, **settings)
        dout *= 2
        return gradients


def vector_back(dout, x, gamma, eps=1e-5, axes=(0,), **deviations):
    return deviating(dout, x, gamma, eps, axes, (1,), **deviations)


gradient_mistakes(batchnorm_backward, vector_back, {"set": "the whole batch", "count": "N", "scaled": "gradient of x, scaled"})


@batchnorm_backward.mistake("statistics of each example", loses="gradient of x, γ = 1")
def _(dout, x, gamma, eps=1e-5):
    """You took means along the features of each example. Batch normalisation takes them over the batch: axis 0."""
    return vector_back(dout, x, gamma, eps, axes=(1,))


@batchnorm_backward.mistake("dγ and dβ summed over the features", loses="gradient of γ")
def _(dout, x, gamma, eps=1e-5):
    """You summed over the features, so dγ and dβ have one number for each example. γ and β belong to the features: sum over the batch, axis 0."""
    dx, _, _ = vector_back(dout, x, gamma, eps)
    return dx, (dout * standard(x, (0,), eps)[0]).sum(axis=1), dout.sum(axis=1)


@batchnorm_backward.mistake("dγ not summed", loses="gradient of γ")
def _(dout, x, gamma, eps=1e-5):
    """Your dγ still has one row for each example. One γ serves all examples: sum over the batch."""
    dx, _, dbeta = vector_back(dout, x, gamma, eps)
    return dx, dout * standard(x, (0,), eps)[0], dbeta


# ------------------------------------------------------------------------------------------- batch norm, images

batchnorm2d_forward = Exercise(
    "batchnorm2d_forward", reference=notebook.batchnorm2d_forward, title="Batch normalisation of images", minutes=35, difficulty=2,
    returns=("out", "running_mean", "running_var"),
)  # fmt: skip


def images(rng, n=2, c=3, h=None, w=None):
    """x (N, C, H, W), small, not square."""
    sides = several(rng, 1, 3, 2)
    return distinct(rng, n, c, h or sides[0], w or sides[1])


def image_layer(rng, x, training, **settings):
    c = x.shape[1]
    return case(x, scales(rng, c), shifts(rng, c), *averages(rng, c), training, **settings)


@batchnorm2d_forward.checks("training: one mean and variance for each channel", points=3, only="out")
def _(rng):
    return case(images(rng), np.ones(3), np.zeros(3), *averages(rng, 3), True)


@batchnorm2d_forward.checks("training: scale and shift of each channel", points=1, only="out")
def _(rng):
    return image_layer(rng, images(rng), True)


@batchnorm2d_forward.checks("training: the running averages move", points=2, only=("running_mean", "running_var"))
def _(rng):
    return image_layer(rng, images(rng), True)


@batchnorm2d_forward.checks("in use: the running averages are used", points=2, only="out")
def _(rng):
    return image_layer(rng, images(rng), False)


@batchnorm2d_forward.checks("in use: the running averages stay", points=1, only=("running_mean", "running_var"))
def _(rng):
    return image_layer(rng, images(rng), False)


@batchnorm2d_forward.checks("training with a single image", points=1)
def _(rng):
    return image_layer(rng, images(rng, n=1), True)


@batchnorm2d_forward.checks("as many columns as channels", points=1, only="out")
def _(rng):
    return image_layer(rng, images(rng, h=2, w=3), bool(rng.integers(2)))


@batchnorm2d_forward.checks("another momentum", points=1, only=("running_mean", "running_var"))
def _(rng):
    return image_layer(rng, images(rng), True, momentum=one_of(rng, 0.01, 0.25, 0.75))


@batchnorm2d_forward.checks("eps stands under the root", points=1, only="out")
def _(rng):
    return image_layer(rng, images(rng) / 4, True, eps=one_of(rng, 0.25, 0.5, 1.0))


@batchnorm2d_forward.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    args = image_layer(rng, images(rng), True).args
    return case(*single(*args[:5]), True)


@batchnorm2d_forward.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return image_layer(rng, images(rng), True)


@batchnorm2d_forward.checks("training with one value a channel: ValueError", points=1)
def _(rng):
    return image_layer(rng, images(rng, n=1, h=1, w=1), True)


OVER = (0, 2, 3)


def image_norm(x, gamma, beta, mean, var, training, momentum=0.1, eps=1e-5, *, axes=OVER, lie=1, n=None, ddof=1, **wrong):
    """Batch normalisation of images, with deviations. lie: the axis along which γ, β and averages lie. n: what takes the number's place in n/(n − 1)."""
    if training and x.size == x.shape[1]:
        raise ValueError("one value a channel")
    place = lambda v: along(v, (lie,), 4)  # noqa: E731
    if not training:
        return place(gamma) * (x - place(mean)) / np.sqrt(place(var) + eps) + place(beta), mean, var
    count = x.size // x.shape[1]
    correction = count / (count - ddof) if n is None else n / max(n - 1, 1)
    out = place(gamma) * standard(x, axes, eps, **wrong)[0] + place(beta)
    return out, (1 - momentum) * mean + momentum * x.mean(axis=OVER), (1 - momentum) * var + momentum * x.var(axis=OVER) * correction


@batchnorm2d_forward.mistake("averaged over the images only", loses="training: one mean and variance for each channel")
def _(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """You averaged over N only, so every pixel got a mean of its own. Per-channel statistics run over N, H and W: axes (0, 2, 3)."""
    return image_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps, axes=(0,))


@batchnorm2d_forward.mistake("averaged over each image alone", loses="training: one mean and variance for each channel")
def _(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """Each channel of each image got its own statistics: that is instance normalisation. Here all images of the batch share them: axes (0, 2, 3)."""
    return image_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps, axes=(2, 3))


@batchnorm2d_forward.mistake("averaged over the channels", loses="training: one mean and variance for each channel")
def _(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """Your means run over channels, rows and columns of each image: that is layer normalisation. Batch normalisation keeps the channels apart and joins the images: axes (0, 2, 3)."""
    return image_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps, axes=(1, 2, 3))


@batchnorm2d_forward.mistake("one mean and variance for everything", loses="training: one mean and variance for each channel")
def _(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """You used one mean and one variance for the whole array. Each channel needs its own: axes (0, 2, 3)."""
    return image_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps, axes=(0, 1, 2, 3))


@batchnorm2d_forward.mistake("images flattened without moving the channels", loses="training: one mean and variance for each channel")
def _(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """`x.reshape(-1, C)` cuts the numbers into rows as they lie in memory, and there columns of the image come last, not channels. First `x.transpose(0, 2, 3, 1)`, then reshape; and the same way back."""
    rows = x.reshape(-1, x.shape[1])[:, :, None, None]
    out, mean, var = image_norm(rows, gamma, beta, running_mean, running_var, training, momentum, eps)
    return out.reshape(x.shape), mean, var


@batchnorm2d_forward.mistake("unbiased variance in the output", loses="training: one mean and variance for each channel")
def _(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """You normalised by the unbiased variance. To normalise, divide by n = N·H·W; the n − 1 comes in the running variance only."""
    out, *moved_on = image_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps)
    return along(gamma, (1,), 4) * standard(x, OVER, eps, ddof=1)[0] + along(beta, (1,), 4) if training else out, *moved_on


@batchnorm2d_forward.mistake("γ and β along the width", loses="as many columns as channels")
def _(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """NumPy lined up γ and β with the last axis, the columns. They belong to the channels, axis 1: give them the shape (1, C, 1, 1)."""
    if training and x.size == x.shape[1]:
        raise ValueError("one value a channel")
    if not training:
        return image_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps, lie=3)
    return gamma * standard(x, OVER, eps)[0] + beta, *image_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps)[1:]


@batchnorm2d_forward.mistake("batch statistics at test time", loses="in use: the running averages are used")
def _(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """With training=False you still normalised by this batch. In use the running averages take its place, so that an image's answer does not depend on the other images."""
    if training:
        return image_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps)
    return image_norm(x, gamma, beta, running_mean, running_var, True, momentum, eps)[0], running_mean, running_var


@batchnorm2d_forward.mistake("running averages in training", loses="training: one mean and variance for each channel")
def _(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """In training you normalised by the running averages. There the statistics of this very batch are asked; the running ones are for use."""
    moved_on = image_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps)[1:]
    return image_norm(x, gamma, beta, running_mean, running_var, False, momentum, eps)[0], *moved_on


@batchnorm2d_forward.mistake("running averages never updated", loses="training: the running averages move")
def _(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """You returned the running averages as they came. In training each batch must move them; else they are still 0 and 1 when the net is used."""
    return image_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps)[0], running_mean, running_var


@batchnorm2d_forward.mistake("running averages updated in use", loses="in use: the running averages stay")
def _(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """You moved the running averages with training=False, too. A net in use must not change: let them be."""
    out = image_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps)[0]
    return out, *image_norm(x, gamma, beta, running_mean, running_var, True, momentum, eps)[1:]


@batchnorm2d_forward.mistake("momentum in the other sense", loses="training: the running averages move")
def _(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """You kept only the share momentum of the old averages, and gave the rest to the new batch. momentum is the share of the **new**: (1 − momentum)·old + momentum·new."""
    return image_norm(x, gamma, beta, running_mean, running_var, training, 1 - momentum, eps)


@batchnorm2d_forward.mistake("biased variance remembered", loses="training: the running averages move")
def _(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """You remembered the biased variance. The running one is an estimate for all data: multiply by n/(n − 1), or take ddof=1."""
    return image_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps, ddof=0)


@batchnorm2d_forward.mistake("images counted, not pixels", loses="training: the running averages move")
def _(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """You corrected the running variance by N/(N − 1), with N images. The variance was taken over N·H·W numbers, so n = N·H·W."""
    return image_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps, n=len(x))


@batchnorm2d_forward.mistake("eps outside the root", loses="eps stands under the root")
def _(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """You added eps to the standard deviation. It belongs to the variance, under the root: √(variance + eps)."""
    return image_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps, outside=True)


@batchnorm2d_forward.mistake("averages overwritten", loses="inputs left unmodified")
def _(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    """You wrote into the arrays running_mean and running_var that were handed to you. Here new arrays are asked."""
    out, mean, var = image_norm(x, gamma, beta, running_mean, running_var, training, momentum, eps)
    running_mean[:], running_var[:] = mean, var
    return out, running_mean, running_var


batchnorm2d_backward = gradient_exercise("batchnorm2d_backward", "Batch normalisation of images, backward", 25, 2)


def image_gradients(rng, gamma=None, x=None, **settings):
    x = images(rng, *one_of(rng, (2, 2, 2, 1), (2, 2, 1, 2), (2, 2, 2, 3))) if x is None else x
    c = x.shape[1]
    return case(quarters(rng, *x.shape), x, scales(rng, c) if gamma is None else gamma * np.ones(c), **settings)


def gradient_checks(exercise, make, columns):
    """The properties that the backward passes for images share. make(rng, gamma=…, x=…, **settings): a call. columns: x with W = C."""

    @exercise.checks("gradient of β", points=1, only="dbeta")
    def _(rng):
        return make(rng)

    @exercise.checks("gradient of γ", points=2, only="dgamma")
    def _(rng):
        return make(rng)

    @exercise.checks("gradient of x, γ = 1", points=3, only="dx")
    def _(rng):
        return make(rng, gamma=1.0)

    @exercise.checks("gradient of x, scaled", points=1, only="dx")
    def _(rng):
        return make(rng)

    @exercise.checks("as many columns as channels", points=1)
    def _(rng):
        return make(rng, x=columns(rng))

    @exercise.checks("eps stands under the root", points=1, only=("dx", "dgamma"))
    def _(rng):
        return make(rng, eps=one_of(rng, 0.25, 0.5, 1.0))

    @exercise.checks("float32 stays float32", points=1, dtype=True)
    def _(rng):
        dout, x, gamma, *groups = make(rng).args
        return case(*single(dout, x, gamma), *groups)

    @exercise.checks("inputs left unmodified", points=1, unmodified=True)
    def _(rng):
        return make(rng)


gradient_checks(batchnorm2d_backward, image_gradients, lambda rng: images(rng, h=2, w=3))


def image_back(dout, x, gamma, eps=1e-5, axes=OVER, **deviations):
    return deviating(dout, x, gamma, eps, axes, (1,), **deviations)


gradient_mistakes(batchnorm2d_backward, image_back, {"set": "all pixels of that channel, in all images", "count": "N·H·W", "scaled": "gradient of x, scaled"})


@batchnorm2d_backward.mistake("divided by the number of images", loses="gradient of x, γ = 1")
def _(dout, x, gamma, eps=1e-5):
    """You summed over images and pixels, but divided by N only. The means in dx run over n = N·H·W numbers."""
    return image_back(dout, x, gamma, eps, gradient={"share": x.shape[2] * x.shape[3]})


@batchnorm2d_backward.mistake("averaged over the images only", loses="gradient of x, γ = 1")
def _(dout, x, gamma, eps=1e-5):
    """Your statistics run over N only: a mean for every pixel. Each channel has one mean, over N, H and W."""
    return image_back(dout, x, gamma, eps, axes=(0,))


@batchnorm2d_backward.mistake("averaged over each image alone", loses="gradient of x, γ = 1")
def _(dout, x, gamma, eps=1e-5):
    """Your statistics run over the pixels of each image alone: that is instance normalisation. All images of the batch share them: axes (0, 2, 3)."""
    return image_back(dout, x, gamma, eps, axes=(2, 3))


@batchnorm2d_backward.mistake("summed over the images only", loses="gradient of γ")
def _(dout, x, gamma, eps=1e-5):
    """Your dγ and dβ still have a number for each pixel. They belong to the channels: sum over N, H and W."""
    return image_back(dout, x, gamma, eps)[0], (dout * standard(x, OVER, eps)[0]).sum(axis=0), dout.sum(axis=0)


@batchnorm2d_backward.mistake("γ along the width", loses="as many columns as channels")
def _(dout, x, gamma, eps=1e-5):
    """NumPy lined up γ with the last axis, the columns. It belongs to the channels: give it the shape (1, C, 1, 1)."""
    x_hat, sigma = standard(x, OVER, eps)
    return back(gamma * dout, x_hat, sigma, OVER), (dout * x_hat).sum(axis=OVER), dout.sum(axis=OVER)


# -------------------------------------------------------------------------------------------------- layer norm

layernorm_forward = Exercise("layernorm_forward", reference=notebook.layernorm_forward, title="Layer normalisation", minutes=20, difficulty=1)


def layer_case(rng, x, **settings):
    """x with γ and β for each feature, all different."""
    shape = x.shape[1:]
    gamma = distinct(rng, *shape) + 0.125
    return case(x, gamma, distinct(rng, *shape) + 0.375, **settings)


def untouched(x, **settings):
    return case(x, np.ones(x.shape[1:]), np.zeros(x.shape[1:]), **settings)


@layernorm_forward.checks("each example gets mean 0 and variance 1", points=3)
def _(rng):
    return untouched(batch(rng))


@layernorm_forward.checks("scale and shift of each feature", points=2)
def _(rng):
    return layer_case(rng, batch(rng))


@layernorm_forward.checks("images: all axes but the first", points=2)
def _(rng):
    return layer_case(rng, images(rng, h=2, w=one_of(rng, 1, 3)))


@layernorm_forward.checks("as many examples as features", points=1)
def _(rng):
    d = int(rng.integers(3, 5))
    return layer_case(rng, distinct(rng, d, d))


@layernorm_forward.checks("a single example", points=1)
def _(rng):
    return layer_case(rng, batch(rng, n=1))


@layernorm_forward.checks("eps stands under the root", points=1)
def _(rng):
    return untouched(batch(rng) / 2, eps=one_of(rng, 0.25, 0.5, 1.0))


@layernorm_forward.checks("an example whose features are all the same", points=1)
def _(rng):
    x = batch(rng)
    x[int(rng.integers(len(x)))] = float(rng.integers(1, 4))
    return layer_case(rng, x)


@layernorm_forward.checks("whole numbers", points=1)
def _(rng):
    return untouched((4 * batch(rng)).astype(int))


@layernorm_forward.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(*single(*layer_case(rng, batch(rng)).args))


@layernorm_forward.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return layer_case(rng, batch(rng))


def rest(x):
    return tuple(range(1, x.ndim))


def layernorm(x, gamma, beta, eps=1e-5, axes=None, **wrong):
    return gamma * standard(x, rest(x) if axes is None else axes, eps, **wrong)[0] + beta


@layernorm_forward.mistake("statistics of the batch", loses="each example gets mean 0 and variance 1")
def _(x, gamma, beta, eps=1e-5):
    """You took means over the batch: that is batch normalisation. Layer normalisation looks at one example at a time: all axes but the first."""
    return layernorm(x, gamma, beta, eps, axes=(0,))


@layernorm_forward.mistake("one mean and variance for everything", loses="each example gets mean 0 and variance 1")
def _(x, gamma, beta, eps=1e-5):
    """You used one mean and one variance for all examples together. Each example needs its own."""
    return layernorm(x, gamma, beta, eps, axes=(0, *rest(x)))


@layernorm_forward.mistake("means of examples subtracted from features", loses="as many examples as features")
def _(x, gamma, beta, eps=1e-5):
    """Your means have the shape (N,), and NumPy lined them up with the features. Use keepdims=True, so that they are (N, 1)."""
    return gamma * (x - x.mean(axis=rest(x))) / np.sqrt(x.var(axis=rest(x)) + eps) + beta


@layernorm_forward.mistake("scale for each example", loses="as many examples as features")
def _(x, gamma, beta, eps=1e-5):
    """You used γ[i] and β[i] for example i. The statistics belong to the examples, but γ and β belong to the features: the last axis."""
    if gamma.shape[:1] != x.shape[:1]:
        raise ValueError("shapes do not fit")
    return along(gamma, rest(x), x.ndim).swapaxes(0, 1) * standard(x, rest(x), eps)[0] + along(beta, rest(x), x.ndim).swapaxes(0, 1)


@layernorm_forward.mistake("only the last axis", loses="images: all axes but the first")
def _(x, gamma, beta, eps=1e-5):
    """For images you normalised each row of pixels by itself: axis −1. All channels, rows and columns of one image belong together."""
    return layernorm(x, gamma, beta, eps, axes=(x.ndim - 1,))


@layernorm_forward.mistake("each channel by itself", loses="images: all axes but the first")
def _(x, gamma, beta, eps=1e-5):
    """For images you normalised each channel by itself: that is instance normalisation. All channels of one image share one mean."""
    return layernorm(x, gamma, beta, eps, axes=rest(x)[-2:])


@layernorm_forward.mistake("unbiased variance", loses="each example gets mean 0 and variance 1")
def _(x, gamma, beta, eps=1e-5):
    """You divided the squared deviations by D − 1. The biased variance is asked: divide by D, as np.var does."""
    return layernorm(x, gamma, beta, eps, ddof=1)


@layernorm_forward.mistake("divided by the variance", loses="each example gets mean 0 and variance 1")
def _(x, gamma, beta, eps=1e-5):
    """You divided by the variance. The spread is its square root."""
    return layernorm(x, gamma, beta, eps, root=False)


@layernorm_forward.mistake("only centred", loses="each example gets mean 0 and variance 1")
def _(x, gamma, beta, eps=1e-5):
    """Your examples have mean 0, but still their old spread: divide by √(variance + eps)."""
    return gamma * (x - x.mean(axis=rest(x), keepdims=True)) + beta


@layernorm_forward.mistake("γ forgotten", loses="scale and shift of each feature")
def _(x, gamma, beta, eps=1e-5):
    """The scale is missing: multiply the normalised numbers by gamma."""
    return layernorm(x, 1, beta, eps)


@layernorm_forward.mistake("β forgotten", loses="scale and shift of each feature")
def _(x, gamma, beta, eps=1e-5):
    """The shift is missing: add beta at the end."""
    return layernorm(x, gamma, 0, eps)


@layernorm_forward.mistake("eps outside the root", loses="eps stands under the root")
def _(x, gamma, beta, eps=1e-5):
    """You added eps to the standard deviation. It belongs to the variance, under the root: √(variance + eps)."""
    return layernorm(x, gamma, beta, eps, outside=True)


@layernorm_forward.mistake("eps forgotten", loses="an example whose features are all the same")
def _(x, gamma, beta, eps=1e-5):
    """An example whose features are all the same has variance 0, and you divided 0 by 0. Add eps to the variance."""
    return layernorm(x, gamma, beta, 0.0)


layernorm_backward = gradient_exercise("layernorm_backward", "Layer normalisation, backward", 30)


def layer_gradients(rng, gamma=None, x=None, **settings):
    x = distinct(rng, int(rng.integers(2, 4)), int(rng.integers(4, 6))) if x is None else x
    shape = x.shape[1:]
    scale = distinct(rng, *shape) + 0.125 if gamma is None else gamma * np.ones(shape)
    return case(quarters(rng, *x.shape), x, scale, **settings)


@layernorm_backward.checks("gradient of β", points=1, only="dbeta")
def _(rng):
    return layer_gradients(rng)


@layernorm_backward.checks("gradient of γ", points=2, only="dgamma")
def _(rng):
    return layer_gradients(rng)


@layernorm_backward.checks("gradient of x, γ = 1", points=3, only="dx")
def _(rng):
    return layer_gradients(rng, gamma=1.0)


@layernorm_backward.checks("gradient of x, a scale for each feature", points=2, only="dx")
def _(rng):
    return layer_gradients(rng)


@layernorm_backward.checks("images: all axes but the first", points=1)
def _(rng):
    return layer_gradients(rng, x=images(rng, h=2, w=one_of(rng, 1, 3)))


@layernorm_backward.checks("as many examples as features", points=1)
def _(rng):
    d = int(rng.integers(4, 6))
    return layer_gradients(rng, x=distinct(rng, d, d))


@layernorm_backward.checks("eps stands under the root", points=1, only=("dx", "dgamma"))
def _(rng):
    return layer_gradients(rng, eps=one_of(rng, 0.25, 0.5, 1.0))


@layernorm_backward.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(*single(*layer_gradients(rng).args))


@layernorm_backward.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return layer_gradients(rng)



def example_back(dout, x, gamma, eps=1e-5, axes=None, **deviations):
    return deviating(dout, x, gamma, eps, rest(x) if axes is None else axes, rest(x), **deviations)


gradient_mistakes(layernorm_backward, example_back, {"set": "its whole example", "count": "the number of features", "scaled": "gradient of x, a scale for each feature"})


@layernorm_backward.mistake("γ in front of the means", loses="gradient of x, a scale for each feature")
def _(dout, x, gamma, eps=1e-5):
    """You put γ in front, as in batch normalisation. Here the means run over features, and each has its own γ: multiply dout by γ first, then take the means."""
    return example_back(dout, x, gamma, eps, scale="outside")


@layernorm_backward.mistake("statistics of the batch", loses="gradient of x, γ = 1")
def _(dout, x, gamma, eps=1e-5):
    """Your means in dx run over the batch, as in batch normalisation. Here they run over the features of each example."""
    return example_back(dout, x, gamma, eps, axes=(0,))


@layernorm_backward.mistake("dγ and dβ summed over the features", loses="gradient of γ")
def _(dout, x, gamma, eps=1e-5):
    """You summed dγ and dβ over the features, like the means in dx. γ and β belong to the features and serve every example: sum over the batch, axis 0."""
    dx, _, _ = example_back(dout, x, gamma, eps)
    return dx, (dout * standard(x, rest(x), eps)[0]).sum(axis=rest(x)), dout.sum(axis=rest(x))


@layernorm_backward.mistake("each channel by itself", loses="images: all axes but the first")
def _(dout, x, gamma, eps=1e-5):
    """For images you took the means over each channel by itself. All channels of one image share one mean: all axes but the first."""
    return example_back(dout, x, gamma, eps, axes=rest(x)[-2:])


# ----------------------------------------------------------------------------------------- group, instance norm

groupnorm_forward = Exercise("groupnorm_forward", reference=notebook.groupnorm_forward, title="Group normalisation", minutes=25, difficulty=2)


def grouped_images(rng, c=6, h=2, w=1):
    return distinct(rng, 2, c, h, w)


def group_case(rng, x, groups, **settings):
    c = x.shape[1]
    return case(x, scales(rng, c), shifts(rng, c), groups, **settings)


def unscaled(x, *groups, **settings):
    return case(x, np.ones(x.shape[1]), np.zeros(x.shape[1]), *groups, **settings)


@groupnorm_forward.checks("one group", points=2)
def _(rng):
    return unscaled(grouped_images(rng, c=4), 1)


@groupnorm_forward.checks("groups of neighbouring channels", points=3)
def _(rng):
    return unscaled(grouped_images(rng), one_of(rng, 2, 3))


@groupnorm_forward.checks("a group for each channel", points=1)
def _(rng):
    return unscaled(grouped_images(rng, c=3), 3)


@groupnorm_forward.checks("scale and shift of each channel", points=2)
def _(rng):
    return group_case(rng, grouped_images(rng), 2)


@groupnorm_forward.checks("as many columns as channels", points=1)
def _(rng):
    return group_case(rng, grouped_images(rng, c=4, h=1, w=4), 2)


@groupnorm_forward.checks("eps stands under the root", points=1)
def _(rng):
    return unscaled(grouped_images(rng) / 4, 2, eps=one_of(rng, 0.25, 0.5, 1.0))


@groupnorm_forward.checks("whole numbers", points=1)
def _(rng):
    return unscaled((4 * grouped_images(rng, c=4)).astype(int), 2)


@groupnorm_forward.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    x, gamma, beta, groups = group_case(rng, grouped_images(rng, c=4), 2).args
    return case(*single(x, gamma, beta), groups)


@groupnorm_forward.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return group_case(rng, grouped_images(rng, c=4), 2)


@groupnorm_forward.checks("channels that cannot be divided: ValueError", points=1)
def _(rng):
    return group_case(rng, grouped_images(rng, c=one_of(rng, 3, 5)), 2)


def splittable(x, groups):
    if x.shape[1] % groups:
        raise ValueError("groups")


def split(x, groups):
    return x.reshape(len(x), groups, -1, *x.shape[2:])


def dealt(x, groups):
    """The order of channels in which every groups-th channel comes together, and the order that undoes it."""
    order = np.arange(x.shape[1]).reshape(-1, groups).T.reshape(-1)
    return order, np.argsort(order)


def groupnorm(x, gamma, beta, groups, eps=1e-5, axes=(2, 3, 4), lie=1, **wrong):
    splittable(x, groups)
    x_hat = standard(split(x, groups), axes, eps, **wrong)[0].reshape(x.shape)
    return along(gamma, (lie,), 4) * x_hat + along(beta, (lie,), 4)


@groupnorm_forward.mistake("groups ignored", loses="groups of neighbouring channels")
def _(x, gamma, beta, groups, eps=1e-5):
    """All channels of an image shared one mean, whatever `groups` is. Split the channel axis first: x.reshape(N, groups, C // groups, H, W)."""
    splittable(x, groups)
    return groupnorm(x, gamma, beta, 1, eps)


@groupnorm_forward.mistake("every channel by itself", loses="one group")
def _(x, gamma, beta, groups, eps=1e-5):
    """You normalised each channel by itself: that is instance normalisation. The channels of a group share one mean and variance."""
    splittable(x, groups)
    return groupnorm(x, gamma, beta, x.shape[1], eps)


@groupnorm_forward.mistake("groups across the batch", loses="one group")
def _(x, gamma, beta, groups, eps=1e-5):
    """Your means run over the images, too. In group normalisation each image has its own statistics: leave axis 0 out."""
    return groupnorm(x, gamma, beta, groups, eps, axes=(0, 2, 3, 4))


@groupnorm_forward.mistake("only over the channels of a group", loses="one group")
def _(x, gamma, beta, groups, eps=1e-5):
    """Your means run over the channels of a group, for each pixel alone. Rows and columns belong to the set as well: axes (2, 3, 4) of the split array."""
    return groupnorm(x, gamma, beta, groups, eps, axes=(2,))


@groupnorm_forward.mistake("channels dealt out in turn", loses="groups of neighbouring channels")
def _(x, gamma, beta, groups, eps=1e-5):
    """You gave channel c to group c % groups. Groups are blocks of neighbours: the first C // groups channels are group 0."""
    splittable(x, groups)
    order, undo = dealt(x, groups)
    return along(gamma, (1,), 4) * groupnorm(x[:, order], np.ones(x.shape[1]), 0 * beta, groups, eps)[:, undo] + along(beta, (1,), 4)


@groupnorm_forward.mistake("number and size of groups exchanged", loses="groups of neighbouring channels")
def _(x, gamma, beta, groups, eps=1e-5):
    """You made groups **of** `groups` channels. `groups` says how many groups there are; each has C // groups channels."""
    splittable(x, groups)
    return groupnorm(x, gamma, beta, x.shape[1] // groups, eps)


@groupnorm_forward.mistake("γ and β along the width", loses="as many columns as channels")
def _(x, gamma, beta, groups, eps=1e-5):
    """NumPy lined up γ and β with the last axis, the columns. They belong to the channels: give them the shape (1, C, 1, 1)."""
    splittable(x, groups)
    return gamma * groupnorm(x, np.ones(x.shape[1]), np.zeros(x.shape[1]), groups, eps) + beta


@groupnorm_forward.mistake("one scale for each group", loses="scale and shift of each channel")
def _(x, gamma, beta, groups, eps=1e-5):
    """You used γ[g] and β[g] for all channels of group g. The statistics belong to groups, but γ and β belong to channels: reshape back first, then scale."""
    splittable(x, groups)
    size = x.shape[1] // groups
    return groupnorm(x, np.repeat(gamma[:groups], size), np.repeat(beta[:groups], size), groups, eps)


@groupnorm_forward.mistake("γ forgotten", loses="scale and shift of each channel")
def _(x, gamma, beta, groups, eps=1e-5):
    """The scale is missing: multiply the normalised numbers by gamma, channel by channel."""
    return groupnorm(x, np.ones(x.shape[1]), beta, groups, eps)


@groupnorm_forward.mistake("β forgotten", loses="scale and shift of each channel")
def _(x, gamma, beta, groups, eps=1e-5):
    """The shift is missing: add beta at the end, channel by channel."""
    return groupnorm(x, gamma, 0 * beta, groups, eps)


@groupnorm_forward.mistake("unbiased variance", loses="one group")
def _(x, gamma, beta, groups, eps=1e-5):
    """You divided the squared deviations by n − 1. The biased variance is asked: divide by n, as np.var does."""
    return groupnorm(x, gamma, beta, groups, eps, ddof=1)


@groupnorm_forward.mistake("eps outside the root", loses="eps stands under the root")
def _(x, gamma, beta, groups, eps=1e-5):
    """You added eps to the standard deviation. It belongs to the variance, under the root: √(variance + eps)."""
    return groupnorm(x, gamma, beta, groups, eps, outside=True)


groupnorm_backward = gradient_exercise("groupnorm_backward", "Group normalisation, backward", 30)


def group_gradients(rng, gamma=None, x=None, groups=None, **settings):
    x = grouped_images(rng) if x is None else x
    c = x.shape[1]
    return case(quarters(rng, *x.shape), x, scales(rng, c) if gamma is None else gamma * np.ones(c), groups or one_of(rng, *(g for g in (2, 3) if c % g == 0)), **settings)


gradient_checks(groupnorm_backward, group_gradients, lambda rng: grouped_images(rng, c=4, h=1, w=4))


@groupnorm_backward.checks("one group", points=1)
def _(rng):
    return group_gradients(rng, x=grouped_images(rng, c=4), groups=1)


def group_back(dout, x, gamma, groups, eps=1e-5, *, axes=(2, 3, 4), statistics=(), gradient=(), scale="inside", inner="x_hat", sums=False, averaged=False, lie=1):
    """The gradients of group normalisation, with deviations; without any they are right."""
    parts = split(x, groups)
    x_hat, sigma = standard(parts, axes, eps, **dict(statistics))
    factor = along(gamma, (lie,), 4)
    g = split(factor * dout if scale == "inside" else dout, groups)
    share = {"share": x[0].size // groups} if sums else {}
    dx = back(g, x_hat, sigma, axes, **dict(gradient), **share).reshape(x.shape)
    dx = factor * dx if scale == "outside" else dx
    divide = x.size // x.shape[1] if averaged else 1
    return dx, (dout * (x if inner == "x" else x_hat.reshape(x.shape))).sum(axis=OVER) / divide, dout.sum(axis=OVER) / divide


gradient_mistakes(groupnorm_backward, group_back, {"set": "its whole group", "count": "the number of values in the group", "scaled": "gradient of x, scaled"})


@groupnorm_backward.mistake("γ in front of the means", loses="gradient of x, scaled")
def _(dout, x, gamma, groups, eps=1e-5):
    """You put γ in front, as in batch normalisation. A group holds several channels, each with its own γ: multiply dout by γ first, then take the means."""
    return group_back(dout, x, gamma, groups, eps, scale="outside")


@groupnorm_backward.mistake("groups ignored", loses="gradient of x, γ = 1")
def _(dout, x, gamma, groups, eps=1e-5):
    """Your means run over all channels of an image, whatever `groups` is. Split x and γ·dout in the same way as in the forward pass."""
    return group_back(dout, x, gamma, 1, eps)


@groupnorm_backward.mistake("number and size of groups exchanged", loses="gradient of x, γ = 1")
def _(dout, x, gamma, groups, eps=1e-5):
    """You made groups **of** `groups` channels. `groups` says how many groups there are; each has C // groups channels."""
    return group_back(dout, x, gamma, x.shape[1] // groups, eps)


@groupnorm_backward.mistake("channels dealt out in turn", loses="gradient of x, γ = 1")
def _(dout, x, gamma, groups, eps=1e-5):
    """You gave channel c to group c % groups. Groups are blocks of neighbours: the first C // groups channels are group 0."""
    order, undo = dealt(x, groups)
    dx, dgamma, dbeta = group_back(dout[:, order], x[:, order], gamma[order], groups, eps)
    return dx[:, undo], dgamma[undo], dbeta[undo]


@groupnorm_backward.mistake("groups across the batch", loses="gradient of x, γ = 1")
def _(dout, x, gamma, groups, eps=1e-5):
    """Your means run over the images, too. In group normalisation each image has its own statistics."""
    return group_back(dout, x, gamma, groups, eps, axes=(0, 2, 3, 4))


@groupnorm_backward.mistake("γ along the width", loses="as many columns as channels")
def _(dout, x, gamma, groups, eps=1e-5):
    """NumPy lined up γ with the last axis, the columns. It belongs to the channels: give it the shape (1, C, 1, 1)."""
    return group_back(dout, x, gamma, groups, eps, lie=3)


@groupnorm_backward.mistake("summed over the images only", loses="gradient of γ")
def _(dout, x, gamma, groups, eps=1e-5):
    """Your dγ and dβ still have a number for each pixel. They belong to the channels: sum over N, H and W."""
    x_hat = standard(split(x, groups), (2, 3, 4), eps)[0].reshape(x.shape)
    return group_back(dout, x, gamma, groups, eps)[0], (dout * x_hat).sum(axis=0), dout.sum(axis=0)


instancenorm_forward = Exercise("instancenorm_forward", reference=notebook.instancenorm_forward, title="Instance normalisation", minutes=8, difficulty=1)


def plain_images(rng, h=2, w=3):
    return distinct(rng, 2, 3, h, w)


@instancenorm_forward.checks("each channel of each image by itself", points=2)
def _(rng):
    return unscaled(plain_images(rng, *one_of(rng, (2, 2), (3, 2))))


@instancenorm_forward.checks("scale and shift of each channel", points=1)
def _(rng):
    return case(plain_images(rng, 2, 2), scales(rng, 3), shifts(rng, 3))


@instancenorm_forward.checks("as many columns as channels", points=1)
def _(rng):
    return case(plain_images(rng), scales(rng, 3), shifts(rng, 3))


@instancenorm_forward.checks("eps stands under the root", points=1)
def _(rng):
    return unscaled(plain_images(rng, 2, 2) / 4, eps=one_of(rng, 0.25, 0.5, 1.0))


@instancenorm_forward.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(*single(plain_images(rng), scales(rng, 3), shifts(rng, 3)))


@instancenorm_forward.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case(plain_images(rng, 2, 2), scales(rng, 3), shifts(rng, 3))


def instance(x, gamma, beta, eps=1e-5, axes=(2, 3), lie=1, **wrong):
    return along(gamma, (lie,), 4) * standard(x, axes, eps, **wrong)[0] + along(beta, (lie,), 4)


@instancenorm_forward.mistake("shared by the batch", loses="each channel of each image by itself")
def _(x, gamma, beta, eps=1e-5):
    """All images shared the statistics of a channel: that is batch normalisation. Here each image has its own: axes (2, 3)."""
    return instance(x, gamma, beta, eps, axes=OVER)


@instancenorm_forward.mistake("shared by the channels", loses="each channel of each image by itself")
def _(x, gamma, beta, eps=1e-5):
    """All channels of an image shared one mean: that is layer normalisation, or group normalisation with one group. Here there are as many groups as channels."""
    return instance(x, gamma, beta, eps, axes=(1, 2, 3))


@instancenorm_forward.mistake("each row by itself", loses="each channel of each image by itself")
def _(x, gamma, beta, eps=1e-5):
    """Each row of pixels got its own mean. All rows and columns of a map belong together: axes (2, 3)."""
    return instance(x, gamma, beta, eps, axes=(3,))


@instancenorm_forward.mistake("unbiased variance", loses="each channel of each image by itself")
def _(x, gamma, beta, eps=1e-5):
    """You divided the squared deviations by n − 1. The biased variance is asked: divide by n, as np.var does."""
    return instance(x, gamma, beta, eps, ddof=1)


@instancenorm_forward.mistake("γ and β along the width", loses="as many columns as channels")
def _(x, gamma, beta, eps=1e-5):
    """NumPy lined up γ and β with the last axis, the columns. They belong to the channels: give them the shape (1, C, 1, 1)."""
    return gamma * standard(x, (2, 3), eps)[0] + beta


@instancenorm_forward.mistake("γ and β forgotten", loses="scale and shift of each channel")
def _(x, gamma, beta, eps=1e-5):
    """You normalised, and stopped there. Multiply by γ and add β, channel by channel."""
    return standard(x, (2, 3), eps)[0]


@instancenorm_forward.mistake("eps outside the root", loses="eps stands under the root")
def _(x, gamma, beta, eps=1e-5):
    """You added eps to the standard deviation. It belongs to the variance, under the root: √(variance + eps)."""
    return instance(x, gamma, beta, eps, outside=True)


@instancenorm_forward.mistake("eps left at its default", loses="eps stands under the root")
def _(x, gamma, beta, eps=1e-5):
    """You did not hand on eps to the function that you called: it used its default."""
    return instance(x, gamma, beta)


# ----------------------------------------------------------------------------------------------------- folding

fold_batchnorm = Exercise("fold_batchnorm", reference=notebook.fold_batchnorm, title="Fold it into the convolution", minutes=20, difficulty=2, returns=("w", "b"))


def trained(rng, f):
    """γ, β, running mean and variance."""
    return scales(rng, f), shifts(rng, f), *averages(rng, f)


def filters(rng, f=3, c=2, k=(2, 1)):
    return distinct(rng, f, c, *k)


@fold_batchnorm.checks("weights of a convolution", points=2, only="w")
def _(rng):
    f, c = several(rng, 2, 4, 2)
    return case(filters(rng, f, c, one_of(rng, (1, 2), (2, 1))), shifts(rng, f), *trained(rng, f))


@fold_batchnorm.checks("bias, from a convolution without one", points=2, only="b")
def _(rng):
    return case(filters(rng), np.zeros(3), *trained(rng, 3))


@fold_batchnorm.checks("the convolution's own bias is folded, too", points=1, only="b")
def _(rng):
    return case(filters(rng), shifts(rng, 3), *trained(rng, 3))


@fold_batchnorm.checks("as many filters as channels and columns", points=1)
def _(rng):
    return case(filters(rng, 3, 3, (2, 3)), shifts(rng, 3), *trained(rng, 3))


@fold_batchnorm.checks("a linear layer", points=1)
def _(rng):
    m, d = several(rng, 3, 5, 2)
    return case(distinct(rng, m, d), shifts(rng, m), *trained(rng, m))


@fold_batchnorm.checks("eps stands under the root", points=1)
def _(rng):
    return case(filters(rng), shifts(rng, 3), *trained(rng, 3), eps=one_of(rng, 0.25, 0.5, 1.0))


@fold_batchnorm.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return case(*single(filters(rng), shifts(rng, 3), *trained(rng, 3)))


@fold_batchnorm.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case(filters(rng), shifts(rng, 3), *trained(rng, 3))


def folded(w, b, gamma, beta, mean, var, eps=1e-5):
    scale = gamma / np.sqrt(var + eps)
    return w * along(scale, (0,), w.ndim), scale * (b - mean) + beta


@fold_batchnorm.mistake("scale along the last axis", loses="as many filters as channels and columns")
def _(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    """NumPy lined up the scale with the kernel's columns. It belongs to the filters, axis 0: give it the shape (F, 1, 1, 1)."""
    return w * (gamma / np.sqrt(running_var + eps)), folded(w, b, gamma, beta, running_mean, running_var, eps)[1]


@fold_batchnorm.mistake("scale along the input channels", loses="as many filters as channels and columns")
def _(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    """You scaled w[:, c] by the scale of channel c. The normalisation comes **behind** the convolution, so its channels are the filters, axis 0."""
    scale = gamma / np.sqrt(running_var + eps)
    return w * along(scale, (1,), w.ndim), folded(w, b, gamma, beta, running_mean, running_var, eps)[1]


@fold_batchnorm.mistake("weights left as they are", loses="weights of a convolution")
def _(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    """Your weights did not change. The scale γ/√(variance + eps) multiplies all of filter f."""
    return w.copy(), folded(w, b, gamma, beta, running_mean, running_var, eps)[1]


@fold_batchnorm.mistake("the convolution's bias dropped", loses="the convolution's own bias is folded, too")
def _(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    """The convolution's own bias is lost. It goes through the normalisation as well: scale · (b − running_mean) + beta."""
    return folded(w, 0, gamma, beta, running_mean, running_var, eps)


@fold_batchnorm.mistake("the convolution's bias not scaled", loses="the convolution's own bias is folded, too")
def _(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    """You added b at the end. It comes before the normalisation, so it is shifted and scaled with the rest: scale · (b − running_mean) + beta."""
    w, bias = folded(w, 0, gamma, beta, running_mean, running_var, eps)
    return w, bias + b


@fold_batchnorm.mistake("mean added", loses="bias, from a convolution without one")
def _(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    """You added the running mean. The normalisation subtracts it: scale · (b − running_mean) + beta."""
    return folded(w, b, gamma, beta, -running_mean, running_var, eps)


@fold_batchnorm.mistake("mean not scaled", loses="bias, from a convolution without one")
def _(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    """You subtracted the running mean as it is. It is subtracted before the scaling, so it must be scaled, too: scale · (b − running_mean) + beta."""
    scale = gamma / np.sqrt(running_var + eps)
    return folded(w, b, gamma, beta, running_mean, running_var, eps)[0], scale * b - running_mean + beta


@fold_batchnorm.mistake("β forgotten", loses="bias, from a convolution without one")
def _(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    """β is missing in the new bias: add it at the end."""
    return folded(w, b, gamma, 0, running_mean, running_var, eps)


@fold_batchnorm.mistake("γ forgotten", loses="weights of a convolution")
def _(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    """You divided by the spread, but γ is missing: the scale is γ/√(variance + eps)."""
    return folded(w, b, np.ones_like(gamma), beta, running_mean, running_var, eps)


@fold_batchnorm.mistake("divided by the variance", loses="weights of a convolution")
def _(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    """You divided by the running variance. The normalisation divides by its square root."""
    return folded(w, b, gamma, beta, running_mean, (running_var + eps) ** 2, 0)


@fold_batchnorm.mistake("eps forgotten", loses="eps stands under the root")
def _(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    """eps is missing: the normalisation that you fold away divides by √(variance + eps)."""
    return folded(w, b, gamma, beta, running_mean, running_var, 0)


@fold_batchnorm.mistake("eps outside the root", loses="eps stands under the root")
def _(w, b, gamma, beta, running_mean, running_var, eps=1e-5):
    """You added eps to the standard deviation. It belongs to the variance, under the root."""
    return folded(w, b, gamma, beta, running_mean, (np.sqrt(running_var) + eps) ** 2, 0)
