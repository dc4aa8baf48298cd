"""Other right solutions of lab 04, written differently on purpose."""

import math
from itertools import combinations

import numpy as np

from autograder.units import exercises, import_unit
from convnets.arithmetic import layer_table

notebook = import_unit("04_classic_nets_on_cifar10")
exercises("04_classic_nets_on_cifar10")
NAMES, results, not_beaten = notebook.NAMES, notebook.results, notebook.not_beaten


def costs_from_rows(net, image_shape, batch=1):
    rows = list(layer_table(net, image_shape))
    return sum(p.numel() for p in net.parameters()), sum(row.multiply_adds or 0 for row in rows), sum(batch * row.activation_bytes for row in rows)


def costs_by_unpacking(net, image_shape, batch=1):
    parameters, multiply_adds, memory = layer_table(net, image_shape).total
    return [parameters, multiply_adds, memory * batch]


def costs_as_dictionary(net, image_shape, batch=1):
    total = layer_table(net, image_shape).total._asdict()
    total["activation_bytes"] *= batch
    return total


def widest_from_above(make_net, image_shape, budget, widths):
    for width in sorted(widths, reverse=True):
        if layer_table(make_net(width), image_shape).total.multiply_adds <= budget:
            return width
    raise ValueError("none fits")


def widest_by_default(make_net, image_shape, budget, widths):
    best = max((w for w in widths if layer_table(make_net(w), image_shape).total[1] <= budget), default=None)
    if best is None:
        raise ValueError(f"nothing fits into {budget}")
    return best


def widest_with_numpy(make_net, image_shape, budget, widths):
    widths = np.array(widths)
    needed = np.array([layer_table(make_net(int(w)), image_shape).total.multiply_adds for w in widths])
    return int(widths[needed <= budget].max())


def front_by_loops(accuracy, cost):
    kept = []
    for i in range(len(accuracy)):
        beaten = False
        for j in range(len(accuracy)):
            better = accuracy[j] > accuracy[i] or cost[j] < cost[i]
            beaten = beaten or (better and not accuracy[j] < accuracy[i] and not cost[j] > cost[i])
        kept.append(not beaten)
    return kept


def front_by_sorting(accuracy, cost):
    order = sorted(range(len(cost)), key=lambda i: (cost[i], -accuracy[i]))
    result, best, at = np.zeros(len(cost), dtype=bool), -math.inf, None
    for i in order:
        if accuracy[i] > best or (accuracy[i], cost[i]) == (best, at):
            result[i], best, at = True, accuracy[i], cost[i]
    return result


def front_by_points(accuracy, cost):
    points = np.column_stack([-np.asarray(accuracy), cost])
    return np.array([not ((points <= p).all(axis=1) & (points < p).any(axis=1)).any() for p in points])


def pairs_by_combinations(matrix, count):
    pairs = list(combinations(range(len(matrix)), 2))
    pairs.sort(key=lambda p: -(matrix[p] + matrix[p[::-1]]))
    return np.array(pairs[:count])


def pairs_by_argsort(matrix, count):
    rows, columns = np.triu_indices(len(matrix), 1)
    order = np.argsort(-(matrix[rows, columns] + matrix[columns, rows]), kind="stable")[:count]
    return np.stack([rows[order], columns[order]], axis=1)


def pairs_one_by_one(matrix, count):
    both = np.triu(matrix + matrix.T, 1) + np.tril(np.full_like(matrix, -1))
    found = []
    for _ in range(count):
        i, j = np.unravel_index(both.argmax(), both.shape)
        found.append([int(i), int(j)])
        both[i, j] = -1
    return np.array(found)


def conclusion_by_sorting():
    accuracy, multiply_adds = results["accuracy"][:, :, -1], results["costs"][:, 1]
    ranked = sorted(range(len(NAMES)), key=lambda i: accuracy[i].mean(), reverse=True)
    d = accuracy[ranked[0]] - accuracy[ranked[1]]
    error = d.std(ddof=1) / math.sqrt(d.size)
    keep = not_beaten(accuracy.mean(axis=1), multiply_adds)
    return {"front": {NAMES[i] for i in np.flatnonzero(keep)}, "best": NAMES[ranked[0]], "beyond luck": ("no", "yes")[int(d.mean() > 2 * error)]}, accuracy, multiply_adds


def conclusion_by_loops():
    accuracy, multiply_adds = results["accuracy"][:, :, -1], results["costs"][:, 1]
    means = {name: float(np.mean(row)) for name, row in zip(NAMES, accuracy, strict=True)}
    cost = dict(zip(NAMES, multiply_adds, strict=True))
    first, second, *_ = sorted(means, key=means.get, reverse=True)
    d = [a - b for a, b in zip(accuracy[NAMES.index(first)], accuracy[NAMES.index(second)], strict=True)]
    mean = sum(d) / len(d)
    error = math.sqrt(sum((x - mean) ** 2 for x in d) / (len(d) - 1) / len(d))
    front = [a for a in NAMES if not any(means[b] >= means[a] and cost[b] <= cost[a] and (means[b] > means[a] or cost[b] < cost[a]) for b in NAMES)]
    return {"best": first, "beyond luck": "yes" if mean > 2 * error else "no", "front": front}, accuracy, multiply_adds


def conclusion_with_lists():
    accuracy, multiply_adds = results["accuracy"][:, :, -1], results["costs"][:, 1]
    best = int(np.argmax(accuracy.mean(1)))
    rest = np.delete(accuracy, best, axis=0)
    d = accuracy[best] - rest[rest.mean(1).argmax()]
    luck = "yes" if d.mean() / (d.std(ddof=1) / len(d) ** 0.5) > 2 else "no"
    return {"best": NAMES[best], "beyond luck": luck, "front": tuple(np.array(NAMES)[not_beaten(accuracy.mean(1), multiply_adds)].tolist())}, accuracy, multiply_adds


CORRECT = {
    "costs": [costs_from_rows, costs_by_unpacking, costs_as_dictionary],
    "widest": [widest_from_above, widest_by_default, widest_with_numpy],
    "not_beaten": [front_by_loops, front_by_sorting, front_by_points],
    "confused_pairs": [pairs_by_combinations, pairs_by_argsort, pairs_one_by_one],
    "conclusion": [conclusion_by_sorting, conclusion_by_loops, conclusion_with_lists],
}
