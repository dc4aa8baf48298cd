"""Other right solutions of lab 03, written differently on purpose."""

import itertools
import math
import statistics

import numpy as np

from autograder.units import exercises, import_unit

notebook = import_unit("03_finding_hyperparameters")
exercises("03_finding_hyperparameters")
own, paired_gain = notebook.own, notebook.paired_gain


def place_one_by_one(space, points):
    settings = []
    for point in points:
        row = []
        for share, (_, low, high, scale) in zip(point, space, strict=True):
            if scale not in ("even", "log"):
                raise ValueError("no such scale: " + scale)
            if scale == "log" and (low <= 0 or high <= 0):
                raise ValueError("logarithms need positive ends")
            row.append(math.exp(math.log(low) + (math.log(high) - math.log(low)) * share) if scale == "log" else (1 - share) * low + share * high)
        settings.append(row)
    return np.array(settings)


def place_with_exponents(space, points):
    columns = []
    for column, (_, low, high, scale) in zip(np.asarray(points).T, space, strict=True):
        if scale == "log":
            if low <= 0 or high <= 0:
                raise ValueError
            columns.append(10 ** (np.log10(low) + column * (np.log10(high) - np.log10(low))))
        elif scale == "even":
            columns.append(np.interp(column, [0, 1], [low, high]))
        else:
            raise ValueError(scale)
    return np.column_stack(columns)


def place_at_once(space, points):
    _, low, high, scale = (np.array(part) for part in zip(*space, strict=True))
    log = scale == "log"
    if not np.all(log | (scale == "even")) or np.any(log & (np.minimum(low, high) <= 0)):
        raise ValueError("scale")
    a, b = np.where(log, np.log(np.where(log, low, 1)), low), np.where(log, np.log(np.where(log, high, 1)), high)
    spread = a + (b - a) * points
    return np.where(log, np.exp(np.where(log, spread, 0)), spread)


def grid_points_by_product(budget, axes, shift=0.5):
    k = max(k for k in range(1, budget + 1) if k**axes <= budget)
    shifts = np.broadcast_to(shift, axes)
    return np.array(list(itertools.product(*([(i + s) / k for i in range(k)] for s in shifts))))


def grid_points_by_meshgrid(budget, axes, shift=0.5):
    k = math.floor(budget ** (1 / axes) + 1e-9)
    lines = (np.arange(k)[:, None] + shift * np.ones(axes)) / k
    return np.stack([mesh.ravel() for mesh in np.meshgrid(*lines.T)], axis=-1)


def grid_points_by_digits(budget, axes, shift=0.5):
    k = 1
    while (k + 1) ** axes <= budget:
        k += 1
    numbers = np.arange(k**axes)
    digits = [numbers // k**axis % k for axis in range(axes)]
    return (np.array(digits).T + np.asarray(shift)) / k


def paired_gain_with_statistics(first, second):
    differences = [float(a) - float(b) for a, b in zip(first, second, strict=True)]
    if len(differences) < 2:
        raise ValueError("one pair")
    return statistics.fmean(differences), statistics.stdev(differences) / math.sqrt(len(differences))


def paired_gain_by_sums(first, second):
    n = len(first)
    if n <= 1:
        raise ValueError("one pair")
    d = np.subtract(first, second)
    mean = d.sum() / n
    return mean, (((d - mean) ** 2).sum() / (n - 1) / n) ** 0.5


def paired_gain_by_leaving_out(first, second):
    d = np.array(first) - np.array(second)
    n = d.size
    if n < 2:
        raise ValueError("at least two pairs are needed")
    without = (d.sum() - d) / (n - 1)
    return np.mean(d), np.sqrt((n - 1) * np.var(without))


def my_conclusion_rounded():
    difference = own["random"] - own["grid"]
    gain = round(float(difference.mean()), 1)
    error = round(float(difference.std(ddof=1) / len(difference) ** 0.5), 1)
    ratio = difference.mean() / (difference.std(ddof=1) / len(difference) ** 0.5)
    return {"wins": int((difference > 0).sum()), "gain": gain, "error": error, "winner": "nobody" if -2 < ratio < 2 else ("grid", "random")[int(ratio > 0)]}


def my_conclusion_by_a_loop():
    wins = 0
    for a, b in zip(own["random"], own["grid"], strict=True):
        if a > b:
            wins += 1
    gain, error = paired_gain(own["random"], own["grid"])
    if gain >= 2 * error:
        winner = "random"
    elif gain <= -2 * error:
        winner = "grid"
    else:
        winner = "nobody"
    return {"winner": winner, "error": error, "gain": gain, "wins": wins}


def my_conclusion_the_other_way_round():
    loss, error = paired_gain(own["grid"], own["random"])
    verdicts = {True: "nobody", False: "random" if loss < 0 else "grid"}
    lost = np.count_nonzero(own["grid"] >= own["random"])
    return {"wins": len(own["grid"]) - lost, "gain": np.round(-loss, 2), "error": np.round(error, 2), "winner": verdicts[bool(abs(loss) < error + error)]}


def finer_box_with_infinity(points, scores, keep, margin=0.0):
    ranking = np.where(np.isnan(scores), -np.inf, scores).argsort()
    best = points[ranking[-keep:]]
    return np.clip(best.min(0) - margin, 0, 1), np.clip(best.max(0) + margin, 0, 1)


def finer_box_by_sorting_pairs(points, scores, keep, margin=0.0):
    fine = [(score, tuple(point)) for score, point in zip(scores, points, strict=True) if score == score]
    fine.sort(reverse=True)
    columns = list(zip(*(point for _, point in fine[:keep]), strict=True))
    return [max(0.0, min(c) - margin) for c in columns], [min(1.0, max(c) + margin) for c in columns]


def finer_box_one_at_a_time(points, scores, keep, margin=0.0):
    left = np.array(scores, dtype=float)
    low, high = np.full(points.shape[1], np.inf), np.full(points.shape[1], -np.inf)
    for _ in range(keep):
        i = np.nanargmax(left)
        left[i] = np.nan
        low, high = np.minimum(low, points[i]), np.maximum(high, points[i])
    low, high = low - margin, high + margin
    low[low < 0], high[high > 1] = 0, 1
    return low, high


def train_with_patience_by_index(run, patience, most):
    scores, best = [], 0
    while len(scores) < most:
        scores.append(run.epoch())
        if len(scores) == 1 or scores[-1] > scores[best]:
            best = len(scores) - 1
            run.keep()
        if len(scores) - 1 - best >= patience:
            break
    run.go_back()
    return np.array(scores)


def train_with_patience_counting_down(run, patience, most):
    record, left, scores = -math.inf, patience, []
    while left and len(scores) < most:
        scores += [run.epoch()]
        left -= 1
        if scores[-1] > record:
            record, left = scores[-1], patience
            run.keep()
    run.go_back()
    return scores


def train_with_patience_looking_back(run, patience, most):
    scores = [run.epoch()]
    run.keep()
    going = True
    for _ in range(most - 1):
        if going:
            scores.append(run.epoch())
            if scores[-1] > max(scores[:-1]):
                run.keep()
            recent, before = scores[-patience:], scores[:-patience]
            going = not before or max(recent) > max(before)
    run.go_back()
    return tuple(scores)


def successive_halving_with_dict(advance, count, rungs, keep_one_in=3):
    alive = list(range(count))
    for rung in range(1, rungs + 1):
        reached = {number: -math.inf if math.isnan(score) else score for number, score in zip(alive, advance(alive), strict=True)}
        alive = sorted(alive, key=reached.get, reverse=True)
        if rung < rungs:
            alive = alive[: max(len(alive) // keep_one_in, 1)]
    return alive[0]


def successive_halving_with_mask(advance, count, rungs, keep_one_in=3):
    scores = np.zeros(count)
    racing = np.ones(count, dtype=bool)
    for rung in range(rungs):
        numbers = np.flatnonzero(racing)
        scores[:] = -np.inf
        scores[numbers] = np.nan_to_num(advance(numbers), nan=-np.inf)
        if rung + 1 < rungs:
            stay = max(1, int(len(numbers) / keep_one_in))
            racing = scores >= np.sort(scores)[-stay]
    return int(scores.argmax())


def successive_halving_recursive(advance, count, rungs, keep_one_in=3):
    def go_on(numbers, left):
        scores = np.where(np.isnan(found := np.asarray(advance(numbers), dtype=float)), -1e9, found)
        if left == 1:
            return numbers[int(scores.argmax())]
        stay = max(1, len(numbers) // keep_one_in)
        return go_on(numbers[np.sort(np.argpartition(scores, -stay)[-stay:])], left - 1)

    return go_on(np.arange(count), rungs)


def choose_with_infinity(validation, test_of):
    means = np.mean(validation, axis=1)
    means = np.where(np.isfinite(means), means, -np.inf)
    if means.max() == -np.inf:
        raise ValueError("nothing to choose from")
    best = means.argmax()
    return best, test_of(int(best)).mean()


def choose_by_a_loop(validation, test_of):
    best, best_mean = None, -1.0
    for number, row in enumerate(validation):
        if any(score != score for score in row):
            continue
        if sum(row) / len(row) > best_mean:
            best, best_mean = number, sum(row) / len(row)
    if best is None:
        raise ValueError("every setting broke")
    scores = list(test_of(best))
    return best, sum(scores) / len(scores)


def choose_among_the_whole(validation, test_of):
    whole = [i for i in range(len(validation)) if not np.isnan(validation[i]).any()]
    if not whole:
        raise ValueError("no setting without a broken run")
    chosen = max(whole, key=lambda i: validation[i].sum())
    return chosen, float(np.average(test_of(chosen)))


CORRECT = {
    "place": [place_one_by_one, place_with_exponents, place_at_once],
    "grid_points": [grid_points_by_product, grid_points_by_meshgrid, grid_points_by_digits],
    "paired_gain": [paired_gain_with_statistics, paired_gain_by_sums, paired_gain_by_leaving_out],
    "my_conclusion": [my_conclusion_rounded, my_conclusion_by_a_loop, my_conclusion_the_other_way_round],
    "finer_box": [finer_box_with_infinity, finer_box_by_sorting_pairs, finer_box_one_at_a_time],
    "train_with_patience": [train_with_patience_by_index, train_with_patience_counting_down, train_with_patience_looking_back],
    "successive_halving": [successive_halving_with_dict, successive_halving_with_mask, successive_halving_recursive],
    "choose": [choose_with_infinity, choose_by_a_loop, choose_among_the_whole],
}
