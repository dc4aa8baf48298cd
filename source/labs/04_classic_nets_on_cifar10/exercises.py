"""Checks of lab 04: the exercises' properties, points and classic mistakes."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from autograder.units import import_unit
from convnets.arithmetic import layer_table
from convnets.check import Exercise, case
from convnets.check.zoo_probes import chain

notebook = import_unit("04_classic_nets_on_cifar10")
PROBES = "convnets.check.zoo_probes"
NAMES = notebook.NAMES

if (reference := Path(__file__).with_name("reference.safetensors")).exists():
    notebook.results = load_file(reference)  # of a run of the notebook


def one_of(rng, *values):
    return values[int(rng.integers(len(values)))]


# --- costs ---------------------------------------------------------------------------------------------------------------

costs = Exercise(
    "costs", reference=notebook.costs, title="What a net costs", minutes=10, difficulty=1, returns=("parameters", "multiply_adds", "activation_bytes"), probe=f"{PROBES}:costs_of_chain"
)


def chosen(rng, **more):
    return {"channels": int(rng.integers(1, 4)), "width": int(rng.integers(3, 9)), "layers": int(rng.integers(2, 5))} | more


def shape_for(settings, rng):
    return (settings["channels"], *(2 * rng.permutation(np.arange(4, 9))[:2]).tolist())


def of_chain(rng, batch=None, **more):
    settings = chosen(rng, **more)
    return case(settings, shape_for(settings, rng), **({"batch": batch} if batch else {}))


@costs.checks("parameters", points=1, only="parameters")
def _(rng):
    return of_chain(rng)


@costs.checks("parameters that are not trained count, too", points=1, only="parameters")
def _(rng):
    return of_chain(rng, frozen=True, batchnorm=True)


@costs.checks("multiply-adds for one image", points=1, only="multiply_adds")
def _(rng):
    return of_chain(rng, int(rng.integers(2, 9)))


@costs.checks("activation memory for one image", points=1, only="activation_bytes")
def _(rng):
    return of_chain(rng)


@costs.checks("activation memory for a batch", points=1, only="activation_bytes")
def _(rng):
    return of_chain(rng, int(rng.integers(2, 9)))


@costs.checks("a batch costs no more parameters", points=1, only="parameters")
def _(rng):
    return of_chain(rng, int(rng.integers(2, 9)))


@costs.mistake("the batch forgotten", loses="activation memory for a batch")
def _(net, image_shape, batch=1):
    """Your activation memory is that of one image. In training the outputs are kept for every image: times `batch`."""
    return notebook.costs(net, image_shape, 1)


@costs.mistake("multiply-adds of the batch", loses="multiply-adds for one image")
def _(net, image_shape, batch=1):
    """You multiplied the multiply-adds by the batch. They are asked for one image."""
    parameters, multiply_adds, memory = notebook.costs(net, image_shape, batch)
    return parameters, batch * multiply_adds, memory


@costs.mistake("parameters of the batch", loses="a batch costs no more parameters")
def _(net, image_shape, batch=1):
    """You multiplied the parameters by the batch. They are there once, however many images there are."""
    parameters, multiply_adds, memory = notebook.costs(net, image_shape, batch)
    return batch * parameters, multiply_adds, memory


@costs.mistake("numbers instead of bytes", loses="activation memory for one image")
def _(net, image_shape, batch=1):
    """You counted activations, not bytes. A float32 number takes 4 bytes; `activation_bytes` has that in it."""
    parameters, multiply_adds, memory = notebook.costs(net, image_shape, batch)
    return parameters, multiply_adds, memory // 4


@costs.mistake("only the largest layer", loses="activation memory for one image")
def _(net, image_shape, batch=1):
    """You took the largest layer's activations. Training keeps those of all layers: their sum."""
    parameters, multiply_adds, _ = notebook.costs(net, image_shape, batch)
    return parameters, multiply_adds, batch * max(row.activation_bytes for row in layer_table(net, image_shape))


@costs.mistake("only trained parameters", loses="parameters that are not trained count, too")
def _(net, image_shape, batch=1):
    """You left out parameters that are not trained. They must be stored as well."""
    _, multiply_adds, memory = notebook.costs(net, image_shape, batch)
    return sum(p.numel() for p in net.parameters() if p.requires_grad), multiply_adds, memory


@costs.mistake("multiplications and additions counted apart", loses="multiply-adds for one image")
def _(net, image_shape, batch=1):
    """Your count is twice as large: you counted multiplications and additions apart. One of each is one multiply-add."""
    parameters, multiply_adds, memory = notebook.costs(net, image_shape, batch)
    return parameters, 2 * multiply_adds, memory


# --- widest --------------------------------------------------------------------------------------------------------------

widest = Exercise("widest", reference=notebook.widest, title="The same budget for all", minutes=15, difficulty=2, probe=f"{PROBES}:widest_chain")
PLACES = (7, 8, 9, 10, 12, 13, 14, 16, 18, 20, 24)


def probe_width(settings, shape, width):
    return layer_table(chain(width=width, **settings), shape).total.multiply_adds


def offered(rng, *, exact=False, fits=True):
    """A family, an image, a budget, and widths in an order in which neither the first nor the last fitting one is the answer."""
    settings = {"channels": int(rng.integers(1, 4)), "layers": 1}
    shape = shape_for(settings, rng)
    widths = np.sort(rng.choice(PLACES, 5, replace=False))
    limit = 3
    low, high = (probe_width(settings, shape, int(width)) for width in widths[limit : limit + 2])
    budget = low if exact else int(low + (0.7 if high - low > 10 else 0.5) * (high - low))
    if not fits:
        budget = probe_width(settings, shape, int(widths[0])) // 2
    order = [widths[i] for i in (1, 4, 3, 0, 2)]
    return case(settings, shape, int(budget), tuple(int(width) for width in order))


@widest.checks("the largest that fits", points=2)
def _(rng):
    return offered(rng)


@widest.checks("one that hits the budget exactly fits", points=1, calls=1)
def _(rng):
    return offered(rng, exact=True)


@widest.checks("none fits: ValueError", points=1, calls=1)
def _(rng):
    return offered(rng, fits=False)


def fitting(make_net, image_shape, budget, widths, *, cost=lambda net, shape: layer_table(net, shape).total.multiply_adds, within=lambda cost, budget: cost <= budget, choose=max):
    found = [width for width in widths if within(cost(make_net(width), image_shape), budget)]
    if not found:
        raise ValueError("nothing fits")
    return choose(found)


@widest.mistake("parameters for multiply-adds", loses="the largest that fits")
def _(make_net, image_shape, budget, widths):
    """You compared the parameters with the budget. It is a budget of multiply-adds."""
    return fitting(make_net, image_shape, budget, widths, cost=lambda net, shape: layer_table(net, shape).total.parameters)


@widest.mistake("the smallest one", loses="the largest that fits")
def _(make_net, image_shape, budget, widths):
    """You return the smallest width that fits. Use the budget: the largest one."""
    return fitting(make_net, image_shape, budget, widths, choose=min)


@widest.mistake("the first one that fits", loses="the largest that fits")
def _(make_net, image_shape, budget, widths):
    """You return the first width of the list that fits. The widths come in any order: look at all of them."""
    return fitting(make_net, image_shape, budget, widths, choose=lambda found: found[0])


@widest.mistake("the last one that fits", loses="the largest that fits")
def _(make_net, image_shape, budget, widths):
    """You return the last width of the list that fits. The widths come in any order: take the largest."""
    return fitting(make_net, image_shape, budget, widths, choose=lambda found: found[-1])


@widest.mistake("the nearest to the budget", loses="the largest that fits")
def _(make_net, image_shape, budget, widths):
    """You return the width whose cost is nearest to the budget, even if it is above. A budget is a limit."""
    cheapest = min(widths)
    if layer_table(make_net(cheapest), image_shape).total.multiply_adds > budget:
        raise ValueError("nothing fits")
    return min(widths, key=lambda width: abs(layer_table(make_net(width), image_shape).total.multiply_adds - budget))


@widest.mistake("strictly below", loses="one that hits the budget exactly fits")
def _(make_net, image_shape, budget, widths):
    """You ask for fewer multiply-adds than the budget. A net that hits it exactly fits: `<=`."""
    return fitting(make_net, image_shape, budget, widths, within=lambda cost, budget: cost < budget)


@widest.mistake("the thinnest when none fits", loses="none fits: ValueError")
def _(make_net, image_shape, budget, widths):
    """When none fits you return a width all the same. Raise ValueError, so that nobody takes it for an answer."""
    try:
        return fitting(make_net, image_shape, budget, widths)
    except ValueError:
        return min(widths)


# --- not_beaten ----------------------------------------------------------------------------------------------------------

not_beaten = Exercise("not_beaten", reference=notebook.not_beaten, title="Those that nobody beats", minutes=20, difficulty=2)


def shuffled(rng, accuracy, cost):
    order = rng.permutation(len(accuracy))
    return case(np.asarray(accuracy, dtype=float)[order], np.asarray(cost, dtype=float)[order])


@not_beaten.checks("a front and beaten nets", points=2)
def _(rng):
    n = int(rng.integers(3, 5))
    accuracy, cost = np.sort(rng.uniform(0.3, 0.6, n)), np.sort(rng.uniform(2, 9, n))
    return shuffled(rng, [*accuracy, *(accuracy[1:] - 0.01 - 0.2 * rng.random(n - 1))], [*cost, *(cost[1:] + 0.1 + rng.random(n - 1))])


@not_beaten.checks("all on the front", points=1)
def _(rng):
    n = int(rng.integers(4, 7))
    return shuffled(rng, np.sort(rng.uniform(0.2, 0.9, n)), np.sort(rng.uniform(1, 9, n)))


@not_beaten.checks("as accurate, but more expensive", points=1)
def _(rng):
    a, b = np.sort(rng.uniform(0.3, 0.8, 2))
    return shuffled(rng, [a, b, b], [1, 3, 3 + rng.uniform(0.5, 2)])


@not_beaten.checks("as expensive, but less accurate", points=1)
def _(rng):
    a, b, c = np.sort(rng.uniform(0.3, 0.8, 3)) + np.array([0, 0.02, 0.04])
    return shuffled(rng, [a, b, c], [1, 3, 3])


@not_beaten.checks("two that agree in both", points=1)
def _(rng):
    a, b = np.sort(rng.uniform(0.3, 0.8, 2))
    return shuffled(rng, [a, b, b, a - 0.1], [1, 3, 3, 2])


def front_by(accuracy, cost, beats):
    n = range(len(accuracy))
    return np.array([not any(beats(accuracy[j], cost[j], accuracy[i], cost[i]) for j in n if j != i) for i in n])


@not_beaten.mistake("better in both asked", loses="as accurate, but more expensive")
def _(accuracy, cost):
    """You call a net beaten only when another one is better in both numbers. Better in one and as good in the other is enough."""
    return front_by(accuracy, cost, lambda a, c, accuracy, cost: a > accuracy and c < cost)


@not_beaten.mistake("as good is enough", loses="two that agree in both")
def _(accuracy, cost):
    """Two nets that agree in both numbers beat each other in your function. To beat, a net must be better in at least one."""
    return front_by(accuracy, cost, lambda a, c, accuracy, cost: a >= accuracy and c <= cost)


@not_beaten.mistake("better in one is enough", loses="all on the front")
def _(accuracy, cost):
    """You call a net beaten when another one is better in one of the two. It must not be worse in the other one."""
    return front_by(accuracy, cost, lambda a, c, accuracy, cost: a > accuracy or c < cost)


@not_beaten.mistake("more cost is better", loses="a front and beaten nets")
def _(accuracy, cost):
    """You treat a higher cost as better. Less is better."""
    return notebook.not_beaten(accuracy, -np.asarray(cost))


@not_beaten.mistake("beaten ones named", loses="a front and beaten nets")
def _(accuracy, cost):
    """Your result is true for the nets that are beaten. Turn it round: `~`."""
    return ~notebook.not_beaten(accuracy, cost)


@not_beaten.mistake("only the best and the cheapest", loses="all on the front")
def _(accuracy, cost):
    """You keep only the most accurate and the cheapest net. Those in between are not beaten either, as long as nobody is at least as good in both."""
    return (accuracy == np.max(accuracy)) | (cost == np.min(cost))


@not_beaten.mistake("a tie in cost overlooked", loses="as expensive, but less accurate")
def _(accuracy, cost):
    """Of two nets with the same cost you keep the less accurate one, too. Ask for a cost that is at most as high, not lower."""
    return front_by(accuracy, cost, lambda a, c, accuracy, cost: a >= accuracy and c < cost)


# --- confused_pairs ------------------------------------------------------------------------------------------------------

confused_pairs = Exercise("confused_pairs", reference=notebook.confused_pairs, title="Who is mixed up with whom", minutes=15, difficulty=2)


def mixed_up(rng, classes=None):
    """A confusion matrix with a strong diagonal, sums that all differ, and one pair that leads in one direction only."""
    k = classes or int(rng.integers(4, 6))
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    sums = rng.permutation(np.arange(len(pairs))) * 3 + 6
    matrix = np.diag(rng.integers(90, 120, k))
    for (i, j), total in zip(pairs, sums.tolist(), strict=True):
        share = int(rng.integers(1, total // 2)) if total > 4 else 1
        matrix[i, j], matrix[j, i] = (share, total - share) if rng.random() < 0.5 else (total - share, share)
    return matrix


@confused_pairs.checks("the first pair", points=1)
def _(rng):
    return case(mixed_up(rng), 1)


@confused_pairs.checks("several pairs, in order", points=2)
def _(rng):
    return case(mixed_up(rng), int(rng.integers(3, 6)))


@confused_pairs.checks("both directions together", points=1)
def _(rng):
    matrix = np.diag([60, 60, 60, 60])
    a, b, c, d = rng.permutation(4).tolist()
    matrix[a, b] = matrix[b, a] = 10
    matrix[c, d], matrix[d, c] = 14, 1
    matrix[a, c], matrix[b, d] = 3, 2
    return case(matrix, 2)


@confused_pairs.checks("equal sums", points=1)
def _(rng):
    matrix = np.diag(rng.integers(50, 90, 4))
    for i in range(4):
        for j in range(i + 1, 4):
            matrix[i, j], matrix[j, i] = (4, 1) if rng.random() < 0.5 else (1, 4)
    return case(matrix, 5)


@confused_pairs.checks("input left unmodified", points=1, unmodified=True)
def _(rng):
    return case(mixed_up(rng), 3)


def listed(both, count, *, larger_first=True, keep=lambda i, j: i < j, turn=False, ties=1):
    pairs = [(both[i, j], i, j) for i in range(len(both)) for j in range(len(both)) if keep(i, j)]
    pairs.sort(key=lambda p: (-p[0] if larger_first else p[0], ties * p[1], ties * p[2]))
    return np.array([(j, i) if turn else (i, j) for _, i, j in pairs[:count]])


@confused_pairs.mistake("the diagonal counted", loses="the first pair")
def _(matrix, count):
    """You also list a class with itself: that are the right answers. Only pairs of two different classes, i < j."""
    return listed(matrix + matrix.T, count, keep=lambda i, j: i <= j)


@confused_pairs.mistake("one direction only", loses="both directions together")
def _(matrix, count):
    """You look at each entry by itself. Cats taken for dogs and dogs taken for cats belong together: add both entries."""
    pairs = listed(matrix, len(matrix) ** 2, keep=lambda i, j: i != j)
    kept = list(dict.fromkeys((min(p), max(p)) for p in pairs.tolist()))
    return np.array(kept[:count])


@confused_pairs.mistake("upper half only", loses="both directions together")
def _(matrix, count):
    """You use only the entries above the diagonal. The other direction, below it, counts as well."""
    return listed(np.triu(matrix, 1), count)


@confused_pairs.mistake("each pair twice", loses="several pairs, in order")
def _(matrix, count):
    """You list each pair twice, as (i, j) and as (j, i). Keep i < j."""
    return listed(matrix + matrix.T, count, keep=lambda i, j: i != j)


@confused_pairs.mistake("rarest first", loses="the first pair")
def _(matrix, count):
    """Your list begins with the pair that is mixed up least. The largest sum comes first."""
    return listed(matrix + matrix.T, count, larger_first=False)


@confused_pairs.mistake("larger class first", loses="the first pair")
def _(matrix, count):
    """Your pairs have the larger class first. Write i < j."""
    return listed(matrix + matrix.T, count, turn=True)


@confused_pairs.mistake("equal sums from the end", loses="equal sums")
def _(matrix, count):
    """Pairs with equal sums come in the opposite order in your list. The smaller i comes first, then the smaller j. A descending sort of (sum, i, j) turns them round."""
    return listed(matrix + matrix.T, count, ties=-1)


@confused_pairs.mistake("added in place", loses="input left unmodified")
def _(matrix, count):
    """You changed the caller's matrix. It is still drawn afterwards: make a new one, `matrix + matrix.T`."""
    result = notebook.confused_pairs(matrix, count)
    matrix += matrix.T.copy()
    return result


# --- conclusion ----------------------------------------------------------------------------------------------------------

conclusion = Exercise(
    "conclusion",
    reference=notebook.conclusion,
    title="What your race says",
    minutes=15,
    difficulty=1,
    returns=("best", "luck", "front", "accuracy", "cost"),
    probe=f"{PROBES}:claims_and_race",
)

CONCLUSIONS = {
    "your table: four nets, three seeds or more": (2, "complete"),
    "the best net": (1, "right_best"),
    "beyond luck, or not": (2, "right_luck"),
    "the front": (2, "right_front"),
}
for what, (worth, held_by) in CONCLUSIONS.items():
    conclusion.checks(what, points=worth, holds=f"convnets.check.zoo_conclusions:{held_by}", calls=1)(lambda rng: case())

COSTS = np.array([0.7e6, 3.0e6, 2.6e6, 7.3e6])
CLEAR = np.array([[0.35, 0.352, 0.349], [0.33, 0.331, 0.334], [0.40, 0.402, 0.401], [0.45, 0.452, 0.449]])  # the last one is best, beyond doubt
CLOSE = np.array([[0.35, 0.352, 0.349], [0.33, 0.331, 0.334], [0.42, 0.46, 0.40], [0.43, 0.41, 0.45]])  # the two best cannot be told apart


def claimed(accuracy=CLEAR, **others):
    first, second = accuracy.mean(axis=1).argsort()[::-1][:2]
    d = accuracy[first] - accuracy[second]
    front = [name for name, there in zip(NAMES, notebook.not_beaten(accuracy.mean(axis=1), COSTS), strict=True) if there]
    right = {"best": NAMES[first], "beyond luck": "yes" if d.mean() > 2 * d.std(ddof=1) / np.sqrt(len(d)) else "no", "front": front}
    return right | others, accuracy, COSTS


@conclusion.mistake("the luckiest run", loses="the best net")
def _():
    """You named the net with the highest single run. One lucky seed is not the best net: compare the means over the seeds."""
    return claimed(CLOSE, best="VGG-11")


@conclusion.mistake("another net", loses="the best net")
def _():
    """The net that you named does not have the highest mean accuracy in your own table."""
    return claimed(best="LeNet-5")


@conclusion.mistake("luck taken for a difference", loses="beyond luck, or not")
def _():
    """You say “yes”, but the mean difference between your two best nets is less than two of its standard errors. Your numbers cannot tell them apart."""
    return claimed(CLOSE, **{"beyond luck": "yes"})


@conclusion.mistake("a clear difference not claimed", loses="beyond luck, or not")
def _():
    """You say “no”, but the mean difference between your two best nets is more than two of its standard errors. Your numbers say more: say it."""
    return claimed(**{"beyond luck": "no"})


@conclusion.mistake("a beaten net on the front", loses="the front")
def _():
    """Your front holds a net that is beaten: another one is at least as accurate and needs at most as many multiply-adds."""
    return claimed(front=list(NAMES))


@conclusion.mistake("only the best on the front", loses="the front")
def _():
    """A net is missing on your front. Cheaper nets that nobody beats belong to it, the cheapest one always."""
    return claimed(front=["GoogLeNet"])


@conclusion.mistake("too few seeds", loses="your table: four nets, three seeds or more")
def _():
    """Your table has fewer than three seeds, too few to see how much they scatter. Delete race.safetensors and run the race with seeds=3 or more."""
    return claimed(CLEAR[:, :2])


@conclusion.mistake("a seed counted twice", loses="your table: four nets, three seeds or more")
def _():
    """Two seeds of your table have the same accuracies for all nets. A copy of a run is no second run. Delete race.safetensors and run the race anew."""
    return claimed(CLEAR[:, [0, 1, 1]])
