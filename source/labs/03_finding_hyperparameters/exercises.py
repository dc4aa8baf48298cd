"""Checks of lab 03: the exercises' properties, points and classic mistakes."""

import itertools
from pathlib import Path

import numpy as np

from autograder.units import import_unit
from convnets.check import Exercise, case
from convnets.check.compare import agree
from convnets.check.run import run_case
from convnets.results import load_results

notebook = import_unit("03_finding_hyperparameters")
PROBES = "convnets.check.search_probes"

# What the notebook's own searches measured, from one such run; a learner's file takes its place.
notebook.own = load_results(Path(__file__).with_name("reference.safetensors"))
own, paired_gain = notebook.own, notebook.paired_gain


def one_of(rng, *options):
    return options[int(rng.integers(len(options)))]


def apart(rng, count, low=0.0, high=1.0):
    """Different numbers between low and high in a random order, none near another."""
    return low + (high - low) * (rng.permutation(count) + rng.uniform(0.1, 0.9, count)) / count


def told_apart(exercise, make, *names, only=()):
    """The first call of make() on which these mistakes, or all, and the reference give different results."""
    functions = [exercise.reference, *(m.function for m in exercise.mistakes if m.name in names)]
    for _ in range(1000):
        call = make()
        outcomes = [run_case(f, call, names=exercise.returns, probe=exercise.probe, seconds=None) for f in functions]
        if not any(agree(one, other, only=only) for one, other in itertools.combinations(outcomes, 2)):
            return call
    raise RuntimeError(f"{exercise.name}: no such call in a thousand")


# --- place ---------------------------------------------------------------------------------------------------------------

place = Exercise("place", reference=notebook.place, title="From points to settings", minutes=15, difficulty=1)


def log_axis(rng, name="learning rate"):
    low = 10.0 ** -int(rng.integers(3, 6))
    return name, low, low * 10.0 ** int(rng.integers(2, 4)), "log"


def even_axis(rng, name="dropout"):
    low = int(rng.integers(1, 4)) / 8
    return name, low, low + int(rng.integers(2, 6)) / 4, "even"


def cube(rng, rows, axes):
    return rng.choice(np.arange(1, 16), (rows, axes)) / 16


@place.checks("an even axis", points=1)
def _(rng):
    return case((even_axis(rng),), cube(rng, int(rng.integers(3, 6)), 1))


@place.checks("a log axis", points=2)
def _(rng):
    return case((log_axis(rng),), cube(rng, int(rng.integers(3, 6)), 1))


@place.checks("each axis on its own scale", points=2)
def _(rng):
    axes = [log_axis(rng), even_axis(rng), log_axis(rng, "weight decay")]
    return case(tuple(axes[i] for i in rng.permutation(3)), cube(rng, int(rng.integers(4, 7)), 3))


@place.checks("the low and the high end", points=1)
def _(rng):
    return case((even_axis(rng), log_axis(rng)), np.array([[0.0, 1.0], [1.0, 0.0]]))


@place.checks("an even axis that begins at 0", points=1)
def _(rng):
    return case((("dropout", 0.0, int(rng.integers(2, 7)) / 8, "even"), log_axis(rng)), cube(rng, 3, 2))


@place.checks("no such scale, no logarithm: ValueError", points=1)
def _(rng):
    wrong = one_of(rng, ("momentum", 0.1, 0.9, one_of(rng, "linear", "logarithmic", "")), ("dropout", 0.0, 0.5, "log"), ("decay", -0.1, 0.5, "log"))
    return case((even_axis(rng), wrong), cube(rng, 3, 2))


@place.checks("points left unmodified", points=1, unmodified=True)
def _(rng):
    return case((log_axis(rng), even_axis(rng)), cube(rng, 3, 2))


def placed(space, points, change):
    """The settings with every axis (name, low, high, scale, column) treated by `change`."""
    notebook.place(space, points)
    return np.stack([change(low, high, scale, points[:, axis]) for axis, (_, low, high, scale) in enumerate(space)], axis=1)


def spread(low, high, scale, column):
    return low + (high - low) * column if scale == "even" else low * (high / low) ** column


@place.mistake("every axis even", loses="a log axis")
def _(space, points):
    """You spread every axis evenly. On a log axis equal steps are equal factors: low · (high / low) ** point."""
    return placed(space, points, lambda low, high, scale, column: low + (high - low) * column)


@place.mistake("every axis on the log scale", loses="an even axis")
def _(space, points):
    """You spread every axis on the log scale. Look at each axis's own `scale`: an even one is low + (high − low) · point."""
    notebook.place(space, points)
    with np.errstate(all="ignore"):
        return np.stack([low * np.power(high / np.float64(low), points[:, axis]) for axis, (_, low, high, _) in enumerate(space)], axis=1)


@place.mistake("exponents returned", loses="a log axis")
def _(space, points):
    """Your log axes hold the logarithms. The last step is missing: raise the base to them."""
    return placed(space, points, lambda low, high, scale, column: spread(low, high, scale, column) if scale == "even" else np.log10(spread(low, high, scale, column)))


@place.mistake("two bases", loses="a log axis")
def _(space, points):
    """You went there with log10 and back with exp. Use one base: log10 with 10 **, or log with exp."""
    return placed(space, points, lambda low, high, scale, column: spread(low, high, scale, column) if scale == "even" else np.exp(np.log10(spread(low, high, scale, column))))


@place.mistake("ends exchanged", loses="the low and the high end")
def _(space, points):
    """Your point 0 gives the high end. It should give the low one."""
    return notebook.place(space, 1 - points)


@place.mistake("low end forgotten", loses="an even axis")
def _(space, points):
    """Your even axes begin at 0. The point 0 is the low end: add `low`."""
    return placed(space, points, lambda low, high, scale, column: (high - low) * column if scale == "even" else spread(low, high, scale, column))


@place.mistake("length of the range forgotten", loses="an even axis")
def _(space, points):
    """On an even axis you multiplied by `high`. The axis is high − low long."""
    return placed(space, points, lambda low, high, scale, column: low + high * column if scale == "even" else spread(low, high, scale, column))


@place.mistake("scale of the first axis for all", loses="each axis on its own scale")
def _(space, points):
    """You used the first axis's ends and scale for all columns. Each column has an axis of its own in `space`."""
    notebook.place(space, points)
    return notebook.place(space[:1] * len(space), points)


@place.mistake("transposed", loses="each axis on its own scale")
def _(space, points):
    """Your result is (D, N). Each setting is a row: (N, D)."""
    return notebook.place(space, points).T


@place.mistake("any scale accepted", loses="no such scale, no logarithm: ValueError")
def _(space, points):
    """A scale that is neither "even" nor "log", or a log axis with an end that is 0 or negative, went through without a word. Raise ValueError."""
    with np.errstate(all="ignore"):
        columns = [low * np.power(np.float64(high) / low, points[:, axis]) if scale == "log" and low else low + (high - low) * points[:, axis] for axis, (_, low, high, scale) in enumerate(space)]
    return np.stack(columns, axis=1)


@place.mistake("points overwritten", loses="points left unmodified")
def _(space, points):
    """You wrote the settings into `points`. They are not yours: make a new array for the result."""
    points[:] = notebook.place(space, points)
    return points


# --- grid_points ---------------------------------------------------------------------------------------------------------

grid_points = Exercise("grid_points", reference=notebook.grid_points, title="The grid that a budget buys", minutes=20, difficulty=2, probe=f"{PROBES}:rows_in_order")


@grid_points.checks("two axes, a square number", points=2)
def _(rng):
    return case(int(rng.integers(3, 6)) ** 2, 2)


@grid_points.checks("a budget that is no power", points=2)
def _(rng):
    axes, k = one_of(rng, (2, 3), (2, 4), (3, 2))
    return case((k + 1) ** axes - int(rng.integers(1, 3)), axes)


@grid_points.checks("powers whose root is rounded down", points=1)
def _(rng):
    return case(one_of(rng, 64, 125), 3)


@grid_points.checks("one axis", points=1)
def _(rng):
    return case(int(rng.integers(4, 9)), 1)


@grid_points.checks("a budget for one point only", points=1)
def _(rng):
    axes = int(rng.integers(2, 5))
    return case(2**axes - 1, axes)


@grid_points.checks("shifted", points=1)
def _(rng):
    return case(int(rng.integers(3, 5)) ** 2, 2, shift=one_of(rng, 0.0, 0.25, 0.75))


@grid_points.checks("each axis shifted on its own", points=1)
def _(rng):
    return case(8, 3, rng.permutation([0.125, 0.375, 0.875]))


def largest(budget, axes):
    return max(k for k in range(1, budget + 1) if k**axes <= budget)


def grid_of(lines):
    return np.array(list(itertools.product(*lines)))


def lines_of(k, axes, shift):
    return [(np.arange(k) + s) / k for s in np.broadcast_to(shift, (axes,))]


@grid_points.mistake("root cut off", loses="powers whose root is rounded down")
def _(budget, axes, shift=0.5):
    """You took int() of a root. 64 ** (1/3) is 3.9999999999999996, and int cuts that off to 3. Count up with whole numbers instead."""
    return grid_of(lines_of(max(1, int(budget ** (1 / axes))), axes, shift))


@grid_points.mistake("root rounded", loses="a budget that is no power")
def _(budget, axes, shift=0.5):
    """You rounded the root to the nearest number, so the grid may cost more than the budget. k ** axes must not exceed it."""
    return grid_of(lines_of(max(1, round(budget ** (1 / axes))), axes, shift))


@grid_points.mistake("budget shared among the axes", loses="two axes, a square number")
def _(budget, axes, shift=0.5):
    """You gave each axis budget / axes values. The axes multiply: k values on each cost k ** axes trainings."""
    return grid_of(lines_of(max(1, budget // axes), axes, shift))


@grid_points.mistake("one after the other", loses="two axes, a square number")
def _(budget, axes, shift=0.5):
    """Your points lie on the diagonal: all axes move together. A grid has every combination of the values."""
    k = largest(budget, axes)
    return np.stack(lines_of(k, axes, shift), axis=1)


@grid_points.mistake("from end to end", loses="one axis")
def _(budget, axes, shift=0.5):
    """Your values reach from 0 to 1, as np.linspace gives them. Asked is one value inside each of k equal cells: (i + shift) / k."""
    k = largest(budget, axes)
    return grid_of([np.linspace(0, 1, k) if k > 1 else np.array([0.5])] * axes)


@grid_points.mistake("shift not scaled", loses="shifted")
def _(budget, axes, shift=0.5):
    """You added the whole `shift` to i / k. It is a share of a cell, and a cell is 1/k long: (i + shift) / k."""
    k = largest(budget, axes)
    return grid_of([np.arange(k) / k + s for s in np.broadcast_to(shift, (axes,))])


@grid_points.mistake("shift ignored", loses="shifted")
def _(budget, axes, shift=0.5):
    """You always took the middle of the cells. `shift` says where in a cell the value lies."""
    return grid_of(lines_of(largest(budget, axes), axes, 0.5))


@grid_points.mistake("shift of the first axis for all", loses="each axis shifted on its own")
def _(budget, axes, shift=0.5):
    """You used one shift for all axes. `shift` may be an array with one for each."""
    return grid_of(lines_of(largest(budget, axes), axes, np.ravel(shift)[0]))


@grid_points.mistake("counted from 1", loses="one axis")
def _(budget, axes, shift=0.5):
    """Your cells are counted from 1, so the last value lies beyond the cube. i runs from 0 to k − 1."""
    k = largest(budget, axes)
    return grid_of(lines_of(k, axes, shift)) + 1 / k


@grid_points.mistake("transposed", loses="two axes, a square number")
def _(budget, axes, shift=0.5):
    """Your result is (axes, points). Each point is a row: (points, axes)."""
    return grid_of(lines_of(largest(budget, axes), axes, shift)).T


# --- paired_gain ---------------------------------------------------------------------------------------------------------

gain = Exercise("paired_gain", reference=notebook.paired_gain, title="A difference with its error", minutes=15, difficulty=1, returns=("gain", "error"))


def pairs(rng, n=None):
    """Accuracies of two searches that rise and fall together."""
    n = n or int(rng.integers(4, 9))
    shared, difference = rng.uniform(70, 88, n), 0.5 + 4 * rng.random(n) ** 3
    return shared + difference, shared


@gain.checks("gain", points=1, only="gain")
def _(rng):
    return case(*pairs(rng))


@gain.checks("standard error", points=2, only="error")
def _(rng):
    return case(*pairs(rng))


@gain.checks("two pairs", points=1)
def _(rng):
    return case(*pairs(rng, 2))


@gain.checks("the first is worse", points=1)
def _(rng):
    better, worse = pairs(rng)
    return case(worse, better)


@gain.checks("a single pair: ValueError", points=1)
def _(rng):
    return case(*pairs(rng, 1))


@gain.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return case(*pairs(rng))


@gain.mistake("divided by n", loses="standard error")
def _(first, second):
    """You divided the squared deviations by n. With a sample, divide by n − 1: ddof=1."""
    gain, error = notebook.paired_gain(first, second)
    return gain, error * np.sqrt((len(first) - 1) / len(first))


@gain.mistake("spread instead of error", loses="standard error")
def _(first, second):
    """You returned the standard deviation of the differences. The error of their **mean** is √n times smaller."""
    gain, error = notebook.paired_gain(first, second)
    return gain, error * np.sqrt(len(first))


@gain.mistake("divided by n instead of its root", loses="standard error")
def _(first, second):
    """You divided the standard deviation by n. The error of a mean falls with the root: s / √n."""
    gain, error = notebook.paired_gain(first, second)
    return gain, error / np.sqrt(len(first))


@gain.mistake("pairs torn apart", loses="standard error")
def _(first, second):
    """You added the variances of both series. They rise and fall together, so their own spread is not the spread of the difference: subtract first, pair by pair."""
    gain, _ = notebook.paired_gain(first, second)
    return gain, np.sqrt((np.var(first, ddof=1) + np.var(second, ddof=1)) / len(first))


@gain.mistake("variance instead of deviation", loses="standard error")
def _(first, second):
    """You forgot the root: s² / n is the square of the standard error."""
    gain, error = notebook.paired_gain(first, second)
    return gain, error**2


@gain.mistake("turned round", loses="gain")
def _(first, second):
    """Your gain has the wrong sign: it is positive when the **first** is larger."""
    gain, error = notebook.paired_gain(first, second)
    return -gain, error


@gain.mistake("median", loses="gain")
def _(first, second):
    """You returned the median of the differences. Asked is their mean."""
    _, error = notebook.paired_gain(first, second)
    return np.median(np.asarray(first) - np.asarray(second)), error


@gain.mistake("size of the differences", loses="the first is worse")
def _(first, second):
    """You took the absolute value. A gain may be negative: then the second is the better one."""
    gain, error = notebook.paired_gain(first, second)
    return abs(gain), error


@gain.mistake("a single pair accepted", loses="a single pair: ValueError")
def _(first, second):
    """From one pair you returned an error of 0 or NaN. One difference says nothing about its spread: raise ValueError."""
    if len(first) == 1:
        return first[0] - second[0], 0.0
    return notebook.paired_gain(first, second)


@gain.mistake("first overwritten", loses="inputs left unmodified")
def _(first, second):
    """You subtracted in place (`first -= second`), so the caller's numbers are gone. Make a new array."""
    found = notebook.paired_gain(first, second)
    first -= second
    return found


# --- my_conclusion -------------------------------------------------------------------------------------------------------

my_conclusion = Exercise(
    "my_conclusion",
    reference=notebook.my_conclusion,
    title="What your own numbers say",
    minutes=15,
    difficulty=1,
    returns=("claims", "random", "grid"),
    probe=f"{PROBES}:claims_and_searches",
)

for entry, worth in (("wins", 1), ("gain", 1), ("error", 1), ("winner", 2)):
    my_conclusion.checks(f"{entry}, as in your own searches", points=worth, holds=f"convnets.check.conclusions:{entry}", calls=1)(lambda rng: case())


def claimed(**changes):
    """The right conclusion with some of its entries changed."""
    return notebook.my_conclusion() | changes


@my_conclusion.mistake("wins of the grid", loses="wins, as in your own searches")
def _():
    """Your `wins` are not those of random search. Count the repetitions in which random is **strictly** larger than the grid, in your own file."""
    return claimed(wins=int(np.sum(own["grid"] > own["random"])))


@my_conclusion.mistake("gain turned round", loses="gain, as in your own searches")
def _():
    """Your gain has the wrong sign. It is random minus grid: positive when random search found more."""
    return claimed(gain=-paired_gain(own["random"], own["grid"])[0])


@my_conclusion.mistake("another gain", loses="gain, as in your own searches")
def _():
    """Your gain is not what your file says. Did you run the searches again? It is the first number that a right `paired_gain` returns for random and grid, in that order."""
    return claimed(gain=paired_gain(own["random"], own["grid"])[0] + 5)


@my_conclusion.mistake("gain as a share", loses="gain, as in your own searches")
def _():
    """Your gain is a hundredth of what was measured. It is asked in percentage points, as the accuracies are: 84 % against 82 % is 2."""
    return claimed(gain=paired_gain(own["random"], own["grid"])[0] / 100)


@my_conclusion.mistake("error as a share", loses="error, as in your own searches")
def _():
    """Your error is a hundredth of what was measured. It is asked in percentage points, like the gain."""
    return claimed(error=paired_gain(own["random"], own["grid"])[1] / 100)


@my_conclusion.mistake("another error", loses="error, as in your own searches")
def _():
    """Your error is not what your file says. Is it the standard error of the mean gain, or another spread? Did you run the searches again? It is the second number that a right `paired_gain` returns for random and grid."""
    return claimed(error=paired_gain(own["random"], own["grid"])[1] * np.sqrt(len(own["grid"])))


@my_conclusion.mistake("nobody although it is clear", loses="winner, as in your own searches")
def _():
    """You say "nobody", but your gain is at least two standard errors away from 0: your numbers do tell. Say who won."""
    return claimed(winner="nobody")


@my_conclusion.mistake("a winner that the numbers do not show", loses="winner, as in your own searches")
def _():
    """Your numbers do not show this winner. With a gain of less than two errors it is "nobody"; otherwise the sign of the gain says who: positive is "random". Spell it exactly so."""
    return claimed(winner="grid")


# --- finer_box -----------------------------------------------------------------------------------------------------------

finer_box = Exercise("finer_box", reference=notebook.finer_box, title="From coarse to fine", minutes=20, difficulty=2, returns=("low", "high"))


def coarse(rng, tried=None, axes=None):
    """Points and scores in no order; at the ends of every axis lie the worst point and one in the middle of the ranking."""
    tried, axes = tried or int(rng.integers(7, 10)), axes or int(rng.integers(2, 4))
    points = np.stack([apart(rng, tried, 0.2, 0.8) for _ in range(axes)], axis=1)
    scores = apart(rng, tried, 20, 90)
    order = np.argsort(-scores)
    for axis in range(axes):
        column = np.sort(points[:, axis])
        ends, rest = rng.permutation(column[[0, -1]]), rng.permutation(column[1:-1])
        points[order, axis] = np.concatenate([rest[:4], ends[:1], rest[4:], ends[1:]])
    return points, scores


@finer_box.checks("the box of the best", points=2)
def _(rng):
    wrong = "worst kept", "first tried kept", "one too many", "box of everything", "one range for all axes"
    return told_apart(finer_box, lambda: case(*coarse(rng), int(rng.integers(2, 4))), *wrong)


@finer_box.checks("only one is kept", points=1)
def _(rng):
    return case(*coarse(rng), 1)


@finer_box.checks("wider by the margin", points=2)
def _(rng):
    return case(*coarse(rng), int(rng.integers(2, 4)), margin=one_of(rng, 0.02, 0.05, 0.1))


@finer_box.checks("not beyond the cube", points=1)
def _(rng):
    points, scores = coarse(rng)
    points *= 0.3
    points[:, int(rng.integers(points.shape[1]))] += 0.7
    return case(points, scores, int(rng.integers(2, 4)), 0.3)


@finer_box.checks("a run that broke is the worst", points=2)
def _(rng):
    points, scores = coarse(rng, 9)
    scores[np.argsort(scores)[:3]] = np.nan
    return case(points, scores, int(rng.integers(2, 4)))


@finer_box.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    points, scores = coarse(rng, 9)
    scores[np.argmin(scores)] = np.nan
    return case(points, scores, 3, 0.05)


def box(points, scores, keep, margin=0.0, *, order=None, below=1.0, above=1.0, cut=True):
    """The box with one rule changed."""
    order = np.argsort(-scores) if order is None else order
    best = points[order[:keep]]
    low, high = best.min(axis=0) - below * margin, best.max(axis=0) + above * margin
    return (np.maximum(low, 0), np.minimum(high, 1)) if cut else (low, high)


@finer_box.mistake("worst kept", loses="the box of the best")
def _(points, scores, keep, margin=0.0):
    """You kept the points with the **lowest** scores. A score is an accuracy: higher is better. np.argsort goes upwards."""
    return box(points, scores, keep, margin, order=np.argsort(scores))


@finer_box.mistake("broken runs counted as the best", loses="a run that broke is the worst")
def _(points, scores, keep, margin=0.0):
    """You kept broken runs: np.argsort puts NaN last, behind the best score. Sort −scores and take the first, or replace NaN by −∞."""
    return box(points, scores, keep, margin, order=np.argsort(scores)[::-1])


@finer_box.mistake("first tried kept", loses="the box of the best")
def _(points, scores, keep, margin=0.0):
    """You kept the points that were tried first. Sort by score before you cut."""
    return box(points, scores, keep, margin, order=np.arange(len(points)))


@finer_box.mistake("one too many", loses="only one is kept")
def _(points, scores, keep, margin=0.0):
    """You kept one point too many. A slice [:keep] has exactly keep elements."""
    return box(points, scores, keep + 1, margin)


@finer_box.mistake("box of everything", loses="the box of the best")
def _(points, scores, keep, margin=0.0):
    """Your box holds all points. Only the `keep` best count: that is what makes the search finer."""
    return box(points, scores, len(points), margin)


@finer_box.mistake("one range for all axes", loses="the box of the best")
def _(points, scores, keep, margin=0.0):
    """You took the smallest and the largest of all coordinates. Each axis has a range of its own: min(axis=0), max(axis=0)."""
    low, high = box(points, scores, keep, margin)
    return np.full_like(low, low.min()), np.full_like(high, high.max())


@finer_box.mistake("range of each point", loses="the box of the best")
def _(points, scores, keep, margin=0.0):
    """You took the minimum over the axes, for each point. Asked is the minimum over the points, for each axis: axis=0."""
    best = points[np.argsort(-scores)[:keep]]
    return np.maximum(best.min(axis=1) - margin, 0), np.minimum(best.max(axis=1) + margin, 1)


@finer_box.mistake("margin forgotten", loses="wider by the margin")
def _(points, scores, keep, margin=0.0):
    """Your box ends at the outermost points. Widen it by `margin` on both sides of each axis."""
    return box(points, scores, keep)


@finer_box.mistake("margin on one side only", loses="wider by the margin")
def _(points, scores, keep, margin=0.0):
    """You moved only the upper end by the margin. The lower one moves down by as much."""
    return box(points, scores, keep, margin, below=0)


@finer_box.mistake("box made smaller", loses="wider by the margin")
def _(points, scores, keep, margin=0.0):
    """Your margin makes the box smaller. The low end goes down by the margin, the high end up."""
    return box(points, scores, keep, margin, below=-1, above=-1)


@finer_box.mistake("margin as a share of the box", loses="wider by the margin")
def _(points, scores, keep, margin=0.0):
    """You widened the box by a share of its own length. `margin` is a length in the unit cube: subtract and add it as it is."""
    low, high = box(points, scores, keep)
    return np.maximum(low - margin * (high - low), 0), np.minimum(high + margin * (high - low), 1)


@finer_box.mistake("beyond the cube", loses="not beyond the cube")
def _(points, scores, keep, margin=0.0):
    """Your box reaches below 0 or above 1, where there are no settings. Cut it off there, for example with np.clip."""
    return box(points, scores, keep, margin, cut=False)


@finer_box.mistake("scores overwritten", loses="inputs left unmodified")
def _(points, scores, keep, margin=0.0):
    """You replaced the NaN in `scores` itself. The caller still needs them: work on a copy, as np.where gives it."""
    scores[np.isnan(scores)] = -np.inf
    return box(points, scores, keep, margin)


# --- train_with_patience -------------------------------------------------------------------------------------------------

train_with_patience = Exercise(
    "train_with_patience",
    reference=notebook.train_with_patience,
    title="Early stopping, live",
    minutes=25,
    difficulty=2,
    returns=("scores", "trained", "weights"),
    probe=f"{PROBES}:rehearsed",
)


def waver(rng, count):
    """Different accuracies below 70."""
    return 60 + rng.permutation(np.arange(1, 32))[:count] / 4


def rise(rng, count):
    """Rising accuracies from 70 to 80."""
    return 70 + np.sort(rng.permutation(np.arange(1, 40))[:count]) / 4


def live(patience, *parts):
    """A run with these accuracies, one part after the other, that may train as long as they last."""
    scores = np.concatenate(parts)
    return case(scores, patience, len(scores))


@train_with_patience.checks("it rises to the end", points=1)
def _(rng):
    epochs = int(rng.integers(4, 8))
    return case(rise(rng, epochs + 2), int(rng.integers(2, 4)), epochs)


@train_with_patience.checks("when it stops", points=2, only="trained")
def _(rng):
    patience = int(rng.integers(2, 5))
    return live(patience, rise(rng, int(rng.integers(2, 5))), waver(rng, 8))


@train_with_patience.checks("the weights of the best epoch", points=2, only="weights")
def _(rng):
    return live(int(rng.integers(2, 5)), rise(rng, int(rng.integers(2, 5))), waver(rng, 8))


@train_with_patience.checks("the accuracies that were seen", points=1, only="scores")
def _(rng):
    return live(int(rng.integers(2, 5)), rise(rng, int(rng.integers(2, 4))), waver(rng, 8))


@train_with_patience.checks("two climbs", points=1)
def _(rng):
    return live(3, rise(rng, 2), waver(rng, 2), 81 + rng.integers(0, 9, 1) / 4, waver(rng, 6))


@train_with_patience.checks("better than before, but no new best", points=1)
def _(rng):
    climb = 60 + np.sort(rng.permutation(np.arange(1, 32))[:7]) / 4
    return live(int(rng.integers(2, 5)), rise(rng, 2), climb)


@train_with_patience.checks("equal accuracies", points=1)
def _(rng):
    top = float(rng.integers(70, 90))
    return live(int(rng.integers(2, 5)), np.array([top - 5, *[top] * 8]))


@train_with_patience.checks("no more than `most` epochs", points=1)
def _(rng):
    most = int(rng.integers(4, 7))
    return case(np.concatenate([rise(rng, most - 1), waver(rng, 9)]), int(rng.integers(3, 6)), most)


def patient(run, patience, most, *, late=0, versus="best", equal=False, reset=True, back=True, sign=1):
    """Training with patience with one rule changed."""
    scores, waited = [], 0
    for _ in range(most):
        score = run.epoch()
        mark = max(sign * s for s in scores) if scores and versus == "best" else sign * scores[-1] if scores else -np.inf
        better = sign * score > mark or (equal and sign * score == mark)
        if better:
            run.keep()
        waited = (0 if reset else waited) if better else waited + 1
        scores.append(score)
        if waited >= patience + late:
            break
    if back:
        run.go_back()
    return scores


@train_with_patience.mistake("one epoch too early", loses="when it stops")
def _(run, patience, most):
    """You stopped one epoch too early. `patience` epochs in a row may pass after the best one."""
    return patient(run, patience, most, late=-1)


@train_with_patience.mistake("one epoch too late", loses="when it stops")
def _(run, patience, most):
    """You stopped one epoch too late. When `patience` epochs in a row have brought nothing, the run ends at once."""
    return patient(run, patience, most, late=1)


@train_with_patience.mistake("weights of the last epoch", loses="the weights of the best epoch")
def _(run, patience, most):
    """Your run ends with the weights of its last epoch. Either `run.go_back()` is missing at the end, or you called `run.keep()` after every epoch: keep only at a new best."""
    return patient(run, patience, most, back=False)


@train_with_patience.mistake("count never set back", loses="two climbs")
def _(run, patience, most):
    """You added up the bad epochs of the whole run. A new best sets the count back to 0: only epochs in a row count."""
    return patient(run, patience, most, reset=False)


@train_with_patience.mistake("compared with the epoch before", loses="better than before, but no new best")
def _(run, patience, most):
    """You compared with the epoch before. An accuracy may rise and still be below the best: compare with the highest so far."""
    return patient(run, patience, most, versus="last")


@train_with_patience.mistake("an equal accuracy counts as better", loses="equal accuracies")
def _(run, patience, most):
    """You took an equal accuracy for an improvement. Only a strictly higher one is a new best."""
    return patient(run, patience, most, equal=True)


@train_with_patience.mistake("lowest taken for the best", loses="the weights of the best epoch")
def _(run, patience, most):
    """You looked for the smallest number. That fits a loss; an accuracy is best when it is highest."""
    return patient(run, patience, most, sign=-1)


@train_with_patience.mistake("most ignored", loses="no more than `most` epochs")
def _(run, patience, most):
    """You trained for more than `most` epochs. When nothing else stops the run, that does."""
    return patient(run, patience, most + 1)


@train_with_patience.mistake("never stops early", loses="when it stops")
def _(run, patience, most):
    """You trained on until `most`. Leave the loop as soon as `patience` epochs in a row have brought no new best."""
    return patient(run, most, most)


@train_with_patience.mistake("accuracies up to the best only", loses="the accuracies that were seen")
def _(run, patience, most):
    """You returned the accuracies up to the best epoch. All trained epochs are asked for, those after the best, too."""
    scores = patient(run, patience, most)
    return scores[: int(np.argmax(scores)) + 1]


@train_with_patience.mistake("best accuracies so far returned", loses="the accuracies that were seen")
def _(run, patience, most):
    """You returned the best accuracy so far for each epoch. Return what each epoch itself reached."""
    return np.maximum.accumulate(patient(run, patience, most))


# --- successive_halving --------------------------------------------------------------------------------------------------

successive_halving = Exercise(
    "successive_halving",
    reference=notebook.successive_halving,
    title="Drop the bad ones early",
    minutes=30,
    difficulty=3,
    returns=("winner", "trained"),
    probe=f"{PROBES}:halved",
)


WRONG_WINNERS = "place of the winner returned", "worst go on", "winner of the first rung"


def race(rng, rungs, count, *wrong, **settings):
    """Scores (rungs, count), better from rung to rung, in which these mistakes have other winners."""

    def make():
        return case(np.stack([apart(rng, count, 40 + 10 * r, 60 + 12 * r) for r in range(rungs)]), **settings)

    return told_apart(successive_halving, make, *wrong, only=("winner",))


@successive_halving.checks("who wins", points=2, only="winner")
def _(rng):
    return race(rng, 2, int(rng.integers(9, 12)), *WRONG_WINNERS)


@successive_halving.checks("how many go on", points=2, only="trained")
def _(rng):
    return race(rng, 3, int(rng.integers(19, 21)))


@successive_halving.checks("three rungs", points=2, only="winner")
def _(rng):
    return race(rng, 3, int(rng.integers(27, 31)), *WRONG_WINNERS, "places taken for numbers")


@successive_halving.checks("a half instead of a third", points=1)
def _(rng):
    return race(rng, 3, int(rng.integers(12, 15)), keep_one_in=2)


@successive_halving.checks("at least one goes on", points=1)
def _(rng):
    return race(rng, 3, 4)


@successive_halving.checks("a single rung", points=1)
def _(rng):
    return race(rng, 1, int(rng.integers(5, 9)))


@successive_halving.checks("runs that broke", points=1)
def _(rng):
    call = race(rng, 2, int(rng.integers(9, 12)), *WRONG_WINNERS)
    first = call.args[0][0]
    first[np.argsort(first)[: len(first) // 3]] = np.nan
    return call


def run_race(advance, count, rungs, keep_one_in=3, *, sort=lambda scores: np.argsort(-scores), stay=lambda n, k: max(1, n // k), pick=None, after_last=None):
    """The race with one rule changed."""
    racing = np.arange(count)
    for rung in range(rungs):
        scores = np.asarray(advance(racing))
        order = sort(scores)
        if rung == rungs - 1:
            return int(racing[order[0]] if after_last is None else after_last(racing, order))
        places = order[: stay(len(racing), keep_one_in)]
        racing = racing[places] if pick is None else pick(racing, places)


@successive_halving.mistake("places taken for numbers", loses="three rungs")
def _(advance, count, rungs, keep_one_in=3):
    """You went on with the places within the survivors as if they were the settings' own numbers. The own number is survivors[place]."""
    return run_race(advance, count, rungs, keep_one_in, pick=lambda racing, places: places)


@successive_halving.mistake("place of the winner returned", loses="who wins")
def _(advance, count, rungs, keep_one_in=3):
    """You returned the winner's place among the last survivors. Asked is its own number: survivors[place]."""
    return run_race(advance, count, rungs, keep_one_in, after_last=lambda racing, order: order[0])


@successive_halving.mistake("worst go on", loses="who wins")
def _(advance, count, rungs, keep_one_in=3):
    """You let the settings with the lowest scores go on. np.argsort goes upwards: take the last places, or sort −scores."""
    return run_race(advance, count, rungs, keep_one_in, sort=np.argsort)


@successive_halving.mistake("broken runs go on", loses="runs that broke")
def _(advance, count, rungs, keep_one_in=3):
    """You let broken runs go on: np.argsort puts NaN last, behind the best score. Sort −scores and take the first."""
    return run_race(advance, count, rungs, keep_one_in, sort=lambda scores: np.argsort(scores)[::-1])


@successive_halving.mistake("nobody drops out", loses="how many go on")
def _(advance, count, rungs, keep_one_in=3):
    """You trained all settings in every rung. Only the best 1 / keep_one_in of them go on."""
    return run_race(advance, count, rungs, keep_one_in, stay=lambda n, k: n)


@successive_halving.mistake("rounded up", loses="how many go on")
def _(advance, count, rungs, keep_one_in=3):
    """You rounded the number of survivors up. It is rounded down, `len // keep_one_in`, but never below one."""
    return run_race(advance, count, rungs, keep_one_in, stay=lambda n, k: -(-n // k))


@successive_halving.mistake("as many drop out as should stay", loses="how many go on")
def _(advance, count, rungs, keep_one_in=3):
    """You dropped one in keep_one_in and kept the rest. It is the other way round: one in keep_one_in stays."""
    return run_race(advance, count, rungs, keep_one_in, stay=lambda n, k: n - n // k)


@successive_halving.mistake("always a third", loses="a half instead of a third")
def _(advance, count, rungs, keep_one_in=3):
    """You always kept a third. `keep_one_in` says how many stay."""
    return run_race(advance, count, rungs, 3)


@successive_halving.mistake("nobody left", loses="at least one goes on")
def _(advance, count, rungs, keep_one_in=3):
    """With few settings left, `len // keep_one_in` is 0 and nobody goes on. At least one does: max(1, …)."""
    return run_race(advance, count, rungs, keep_one_in, stay=lambda n, k: n // k)


@successive_halving.mistake("one rung too few", loses="how many go on")
def _(advance, count, rungs, keep_one_in=3):
    """You called `advance` once too few: there are `rungs` calls, and the winner is decided by the last one."""
    return run_race(advance, count, max(1, rungs - 1), keep_one_in)


@successive_halving.mistake("winner of the first rung", loses="who wins")
def _(advance, count, rungs, keep_one_in=3):
    """You named the setting that was best in the first rung. The last rung decides."""
    first = []

    def noting(settings):
        scores = advance(settings)
        first.append(int(np.asarray(settings)[np.argsort(-np.asarray(scores))[0]]))
        return scores

    run_race(noting, count, rungs, keep_one_in)
    return first[0]


# --- choose --------------------------------------------------------------------------------------------------------------

choose = Exercise(
    "choose", reference=notebook.choose, title="Choose by validation, report on test once", minutes=20, difficulty=2, returns=("chosen", "reported", "asked"), probe=f"{PROBES}:asked_once"
)


def candidates(rng):
    """Validation and test accuracies (settings, 3): the best mean, the best single run, the best median and the best test mean are four settings from 1 on."""
    settings = int(rng.integers(6, 8))
    mean = int(rng.integers(3, settings))
    single, median, tested = (int(i) for i in rng.permutation([i for i in range(1, settings) if i != mean])[:3])
    validation, test = 60 + rng.uniform(0, 4, (settings, 3)), 58 + rng.uniform(0, 4, (settings, 3))
    validation[mean] = rng.permutation([77.0, 80.0, 84.0]) + rng.uniform(-0.5, 0.5, 3)
    validation[single] = rng.permutation([90.0, 62.0, 61.0]) + rng.uniform(-0.5, 0.5, 3)
    validation[median] = rng.permutation([65.0, 83.0, 84.0]) + rng.uniform(-0.5, 0.5, 3)
    test[tested] = 85 + rng.uniform(0, 2, 3)
    test[mean] = rng.permutation([75.0, 77.5, 80.0]) + rng.uniform(-0.5, 0.5, 3)
    return validation, test


@choose.checks("the best mean is chosen", points=2, only="chosen")
def _(rng):
    return case(*candidates(rng))


@choose.checks("the mean on test images is reported", points=2, only="reported")
def _(rng):
    return case(*candidates(rng))


@choose.checks("the test images are asked once", points=2, only="asked")
def _(rng):
    return case(*candidates(rng))


@choose.checks("a setting with a broken run is out", points=2)
def _(rng):
    validation, test = candidates(rng)
    validation[np.argmax(validation.mean(axis=1)), int(rng.integers(3))] = np.nan
    validation[0, int(rng.integers(3))] = np.nan
    return case(validation, test)


@choose.checks("of equal ones the first", points=1)
def _(rng):
    validation, test = candidates(rng)
    first, second = np.argsort(-validation.mean(axis=1))[:2]
    validation[second] = validation[first]
    return case(validation, test)


@choose.checks("all are out: ValueError", points=1)
def _(rng):
    validation, test = candidates(rng)
    validation[np.arange(len(validation)), rng.integers(0, 3, len(validation))] = np.nan
    return case(validation, test)


@choose.checks("validation left unmodified", points=1, unmodified=True)
def _(rng):
    validation, test = candidates(rng)
    validation[np.argmin(validation.mean(axis=1)), 1] = np.nan
    return case(validation, test)


def usable(validation):
    """Mean of each row, −∞ for those with a broken run. Raises ValueError where nothing is left."""
    means = validation.mean(axis=1)
    if np.isnan(means).all():
        raise ValueError("every setting has a run that broke")
    return np.where(np.isnan(means), -np.inf, means)


@choose.mistake("chosen by the test images", loses="the best mean is chosen")
def _(validation, test_of):
    """You looked at the test accuracy of every setting and took the best. Then the test images did the choosing, and their number means nothing any more. Choose by validation; ask once."""
    usable(validation)
    means = [np.mean(test_of(i)) for i in range(len(validation))]
    return int(np.argmax(means)), max(means)


@choose.mistake("all test scores asked for", loses="the test images are asked once")
def _(validation, test_of):
    """You measured every setting on the test images and then used only one. Call `test_of` once, after the choice."""
    chosen = int(np.argmax(usable(validation)))
    return chosen, np.mean([test_of(i) for i in range(len(validation))][chosen])


@choose.mistake("luckiest single run", loses="the best mean is chosen")
def _(validation, test_of):
    """You chose the setting with the best single run. One lucky seed is no merit of the setting: compare the means over the seeds."""
    chosen = int(np.argmax(np.where(usable(validation) > -np.inf, validation.max(axis=1), -np.inf)))
    return chosen, np.mean(test_of(chosen))


@choose.mistake("median instead of mean", loses="the best mean is chosen")
def _(validation, test_of):
    """You compared the medians of the seeds. The mean is asked: a seed that does badly counts, too."""
    chosen = int(np.argmax(np.where(usable(validation) > -np.inf, np.median(validation, axis=1), -np.inf)))
    return chosen, np.mean(test_of(chosen))


@choose.mistake("worst chosen", loses="the best mean is chosen")
def _(validation, test_of):
    """You chose the lowest mean. That would be right for losses; accuracies are better when they are higher."""
    means = usable(validation)
    chosen = int(np.argmin(np.where(means > -np.inf, means, np.inf)))
    return chosen, np.mean(test_of(chosen))


@choose.mistake("validation reported", loses="the mean on test images is reported")
def _(validation, test_of):
    """You reported the mean on the validation images. It did the choosing, so it is too good. Report what `test_of` measures."""
    chosen = int(np.argmax(usable(validation)))
    test_of(chosen)
    return chosen, validation[chosen].mean()


@choose.mistake("best seed reported", loses="the mean on test images is reported")
def _(validation, test_of):
    """You reported the best of the test accuracies. That chooses a seed by the test images. Report their mean."""
    chosen = int(np.argmax(usable(validation)))
    return chosen, np.max(test_of(chosen))


@choose.mistake("seeds and settings exchanged", loses="the best mean is chosen")
def _(validation, test_of):
    """You averaged over the settings, for each seed. Each **row** is a setting: average along axis 1."""
    usable(validation)
    chosen = int(np.argmax(validation.mean(axis=0)))
    return chosen, np.mean(test_of(chosen))


@choose.mistake("broken run wins", loses="a setting with a broken run is out")
def _(validation, test_of):
    """You chose a setting with a broken run: np.argmax takes NaN for the largest number. Pass over NaN, for example with np.nanargmax."""
    usable(validation)
    chosen = int(np.argmax(validation.mean(axis=1)))
    return chosen, np.mean(test_of(chosen))


@choose.mistake("broken run passed over", loses="a setting with a broken run is out")
def _(validation, test_of):
    """You averaged the other seeds of a setting whose run broke (np.nanmean). A setting that breaks in one run of three is out."""
    usable(validation)
    chosen = int(np.argmax(np.nanmean(validation, axis=1)))
    return chosen, np.mean(test_of(chosen))


@choose.mistake("last of equal ones", loses="of equal ones the first")
def _(validation, test_of):
    """Of equal means you chose the last. The first counts: compare with >, not with >=."""
    means = usable(validation)
    chosen = len(means) - 1 - int(np.argmax(means[::-1]))
    return chosen, np.mean(test_of(chosen))


@choose.mistake("something is always chosen", loses="all are out: ValueError")
def _(validation, test_of):
    """Every setting had a broken run, and you chose one all the same. Raise ValueError: there is nothing to report."""
    means = validation.mean(axis=1)
    chosen = int(np.argmax(np.where(np.isnan(means), -np.inf, means)))
    return chosen, np.mean(test_of(chosen))


@choose.mistake("validation overwritten", loses="validation left unmodified")
def _(validation, test_of):
    """You replaced the NaN in `validation` itself. It is the caller's record of what happened: work on a copy."""
    chosen = int(np.argmax(usable(validation)))
    validation[np.isnan(validation)] = -np.inf
    return chosen, np.mean(test_of(chosen))
