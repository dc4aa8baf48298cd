"""Other right solutions of lab 02, written differently on purpose."""

import itertools
import math
import statistics

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from autograder.units import exercises, import_unit

notebook = import_unit("02_batchnorm_dropout_augmentation")
exercises("02_batchnorm_dropout_augmentation")
INGREDIENTS, results, shift_and_flip = notebook.INGREDIENTS, notebook.results, notebook.shift_and_flip
differences, verdict = notebook.differences, notebook.verdict


class NetFunctional(nn.Module):
    def __init__(self, batchnorm=False, dropout=0.0, channels=1, size=14, width=16):
        super().__init__()
        sides = [channels, width, 2 * width, 4 * width]
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, (3, 3), padding="same", bias=not batchnorm) for a, b in itertools.pairwise(sides))
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) if batchnorm else nn.Identity() for b in sides[1:])
        self.hidden = nn.Linear(sides[3] * (size // 4) * (size // 4), 128)
        self.last = nn.Linear(128, 10)
        self.share = dropout

    def forward(self, x):
        for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            x = F.relu(norm(convolution(x)))
            if i < 2:
                x = F.max_pool2d(x, 2)
        x = F.relu(self.hidden(x.flatten(1)))
        return self.last(F.dropout(x, self.share, self.training))


def net_written_out(batchnorm=False, dropout=0.0, channels=1, size=14, width=16):
    def block(inputs, outputs):
        if batchnorm:
            return nn.Sequential(nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, 1, 1), nn.ReLU(inplace=True))

    features = nn.Sequential(block(channels, width), nn.MaxPool2d(2), block(width, 2 * width), nn.MaxPool2d(2), block(2 * width, 4 * width))
    head = nn.Sequential(nn.Flatten(), nn.Linear(4 * width * (size // 4) ** 2, 128), nn.ReLU(), nn.Dropout(p=dropout), nn.Linear(128, 10))
    return nn.Sequential(features, head)


class NetByHand(nn.Module):
    def __init__(self, batchnorm=False, dropout=0.0, channels=1, size=14, width=16):
        super().__init__()
        self.p, self.batchnorm = dropout, batchnorm
        self.a = nn.Conv2d(channels, width, 3, padding=1, bias=not batchnorm)
        self.b = nn.Conv2d(width, 2 * width, 3, padding=1, bias=not batchnorm)
        self.c = nn.Conv2d(2 * width, 4 * width, 3, padding=1, bias=not batchnorm)
        if batchnorm:
            self.na, self.nb, self.nc = nn.BatchNorm2d(width), nn.BatchNorm2d(2 * width), nn.BatchNorm2d(4 * width)
        self.f = nn.Linear(4 * width * (size // 2 // 2) ** 2, 128)
        self.g = nn.Linear(128, 10)

    def forward(self, x):
        x = self.a(x)
        x = self.na(x) if self.batchnorm else x
        x = F.max_pool2d(x, 2).clamp(min=0)
        x = self.b(x)
        x = self.nb(x) if self.batchnorm else x
        x = F.max_pool2d(x, 2).clamp(min=0)
        x = self.c(x)
        x = (self.nc(x) if self.batchnorm else x).clamp(min=0)
        x = self.f(x.reshape(len(x), -1)).clamp(min=0)
        if self.training and self.p > 0:
            x = x * (torch.rand_like(x) >= self.p) / (1 - self.p)
        return self.g(x)


def shift_and_flip_by_a_loop(images, down, right, flip, fill):
    height, width = images.shape[2:]
    result = torch.full_like(images, fill)
    for new, old, d, r, mirror in zip(result, images, down.tolist(), right.tolist(), flip.tolist(), strict=True):
        if mirror:
            old = old.flip(2)
        source = old[:, max(0, -d) : height - max(0, d), max(0, -r) : width - max(0, r)]
        new[:, max(0, d) : height + min(0, d), max(0, r) : width + min(0, r)] = source
    return result


def shift_and_flip_by_padding(images, down, right, flip, fill):
    border = int(max(down.abs().max(), right.abs().max()))
    height, width = images.shape[2:]
    padded = F.pad(images, [border] * 4, value=fill)
    chosen = []
    for image, d, r, mirror in zip(padded, down, right, flip, strict=True):
        image = torch.fliplr(image.movedim(0, 2)).movedim(2, 0) if mirror else image
        chosen.append(image[:, border - d : border - d + height, border - r : border - r + width])
    return torch.stack(chosen)


def shift_and_flip_by_gather(images, down, right, flip, fill):
    x = images.clone()
    x[flip] = torch.flip(x[flip], dims=(-1,))
    for axis, moves in ((2, down), (3, right)):
        length = x.shape[axis]
        source = torch.arange(length, device=x.device)[None] - moves[:, None]
        outside = (source < 0) | (source >= length)
        shape = (len(x), 1, length, 1) if axis == 2 else (len(x), 1, 1, length)
        x = x.gather(axis, (source % length).reshape(shape).expand_as(x))
        x = x.masked_fill(outside.reshape(shape), fill)
    return x


class LayerWithLists(nn.Module):
    def __init__(self, most=2, fill=0.0, mirror=True):
        super().__init__()
        self.settings = most, fill, mirror

    def forward(self, x):
        if self.training:
            most, fill, mirror = self.settings
            n = x.shape[0]
            down = torch.randint(2 * most + 1, (n,), device=x.device) - most
            right = torch.randint(2 * most + 1, (n,), device=x.device) - most
            flip = torch.randint(2, (n,), device=x.device).bool() if mirror else torch.zeros(n, dtype=torch.bool, device=x.device)
            x = shift_and_flip(x, down, right, flip, fill)
        return x


class LayerWithBernoulli(nn.Module):
    def __init__(self, most=2, fill=0.0, mirror=True):
        nn.Module.__init__(self)
        self.most, self.fill, self.share = most, fill, 0.5 if mirror else 0.0

    def forward(self, x):
        if not self.training:
            return x.clone()
        flip = torch.bernoulli(torch.full((len(x),), self.share, device=x.device)).to(torch.bool)
        moves = (torch.rand(2, len(x), device=x.device) * (2 * self.most + 1)).floor().long() - self.most
        return shift_and_flip(x, moves[0], moves[1], flip, self.fill)


class LayerByIndex(nn.Module):
    def __init__(self, most=2, fill=0.0, mirror=True):
        super().__init__()
        self.most, self.fill, self.mirror = most, fill, mirror
        self.register_buffer("steps", torch.arange(-most, most + 1), persistent=False)

    def forward(self, x):
        if self.training is False:
            return x
        down = self.steps[torch.randint(len(self.steps), (len(x),), device=x.device)]
        right = self.steps[torch.randint(len(self.steps), (len(x),), device=x.device)]
        chance = 0.5 if self.mirror else -1.0
        return shift_and_flip(x, down, right, torch.rand(len(x), device=x.device) <= chance, self.fill)


def differences_by_diff(accuracy, ingredient):
    return np.diff(accuracy, axis=INGREDIENTS.index(ingredient)).squeeze(INGREDIENTS.index(ingredient))


def differences_by_cases(accuracy, ingredient):
    if ingredient == "batchnorm":
        return accuracy[1] - accuracy[0]
    if ingredient == "dropout":
        return accuracy[:, 1] - accuracy[:, 0]
    if ingredient == "augmentation":
        return accuracy[:, :, 1] - accuracy[:, :, 0]
    raise ValueError(f"no ingredient {ingredient!r}")


def differences_by_loops(accuracy, ingredient):
    axis, seeds = INGREDIENTS.index(ingredient), accuracy.shape[3]
    result = np.empty((2, 2, seeds))
    for i in range(2):
        for j in range(2):
            for seed in range(seeds):
                others = [i, j]
                result[i, j, seed] = accuracy[(*others[:axis], 1, *others[axis:], seed)] - accuracy[(*others[:axis], 0, *others[axis:], seed)]
    return result


def verdict_by_statistics(differences):
    numbers = np.ravel(differences).tolist()
    if len(numbers) < 2:
        raise ValueError("at least two, please")
    mean, error = statistics.fmean(numbers), statistics.stdev(numbers) / math.sqrt(len(numbers))
    return mean, error, 0 if abs(mean) <= 2 * error else (1 if mean > 0 else -1)


def verdict_by_sums(differences):
    n = differences.size
    if n == 1 or n == 0:
        raise ValueError(f"{n} differences")
    mean = differences.sum() / n
    error = math.sqrt(((differences - mean) ** 2).sum() / (n - 1) / n)
    if mean > 2 * error:
        return mean, error, 1
    return mean, error, -1 if mean < -2 * error else 0


def verdict_in_torch(differences):
    d = torch.as_tensor(differences, dtype=torch.float64).flatten()
    if len(d) < 2:
        raise ValueError("one difference has no spread")
    error = d.std() / len(d) ** 0.5
    says = torch.sign(d.mean()) * (d.mean().abs() > 2 * error)
    return d.mean().item(), error.item(), int(says)


def conclusion_by_comparison():
    claims = {}
    for name in INGREDIENTS:
        mean, error, _ = verdict(differences(results, name))
        claims[name] = "helps" if mean > 2 * error else "hurts" if mean < -2 * error else "cannot tell"
    return claims, results


def conclusion_by_index():
    words = ["cannot tell", "helps", "hurts"]
    return {name: words[verdict(differences(results, name))[2]] for name in ("augmentation", "dropout", "batchnorm")}, results


def conclusion_one_by_one():
    says = [verdict(d)[2] for d in (results[1] - results[0], results[:, 1] - results[:, 0], results[:, :, 1] - results[:, :, 0])]
    named = [{1: "helps", 0: "cannot tell", -1: "hurts"}[each] for each in says]
    return {"batchnorm": named[0], "dropout": named[1], "augmentation": named[2]}, results


CORRECT = {
    "make_net": [NetFunctional, net_written_out, NetByHand],
    "shift_and_flip": [shift_and_flip_by_a_loop, shift_and_flip_by_padding, shift_and_flip_by_gather],
    "RandomShiftAndFlip": [LayerWithLists, LayerWithBernoulli, LayerByIndex],
    "differences": [differences_by_diff, differences_by_cases, differences_by_loops],
    "verdict": [verdict_by_statistics, verdict_by_sums, verdict_in_torch],
    "conclusion": [conclusion_by_comparison, conclusion_by_index, conclusion_one_by_one],
}
