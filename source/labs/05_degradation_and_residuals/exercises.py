"""Checks of lab 05: the exercises' properties, points and classic mistakes."""

from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from autograder.units import import_unit
from convnets.check import Exercise, case
from convnets.check.depth_probes import KINDS
from convnets.results import load_results

notebook = import_unit("05_degradation_and_residuals")
PROBES = "convnets.check.depth_probes"

# What the notebook's own experiment measured, from one such run; a learner's file takes its place.
notebook.own = load_results(Path(__file__).with_name("reference.safetensors"))


def one_of(rng, *options):
    return options[int(rng.integers(len(options)))]


def pictures(rng, n, channels, height, width):
    return rng.standard_normal((n, channels, height, width)).astype(np.float32)


# --- Block ---------------------------------------------------------------------------------------------------------------

Block = Exercise("Block", reference=notebook.Block, title="A block and its shortcut", minutes=30, difficulty=2, probe=f"{PROBES}:block_output")


def through_a_block(rng, join, changes=False):
    """A call in which the block keeps the shape, or halves maps of unequal sides and adds channels."""
    channels = one_of(rng, 4, 6)
    height, width = rng.permutation([5, 6, 7, 8])[:2].tolist()
    x = pictures(rng, 2, channels, height, width)
    return case(x, channels + one_of(rng, 4, 6) if changes else channels, 2 if changes else 1, join)


@Block.checks("parameters", points=1, probe=f"{PROBES}:block_sizes")
def _(rng):
    channels = one_of(rng, 4, 6)
    return case(channels, channels + 4, 2, "residual")


@Block.checks("branch of a plain block", points=2)
def _(rng):
    return through_a_block(rng, "plain")


@Block.checks("residual block of one shape", points=2)
def _(rng):
    return through_a_block(rng, "residual")


@Block.checks("branch with stride 2 and more channels", points=1)
def _(rng):
    return through_a_block(rng, "plain", changes=True)


@Block.checks("shortcut with stride 2 and more channels", points=3)
def _(rng):
    return through_a_block(rng, "shortcut", changes=True)


@Block.checks("the join gets the shortcut first, then the branch", points=1)
def _(rng):
    return through_a_block(rng, "different")


@Block.checks("what the join learns belongs to the block", points=1, probe=f"{PROBES}:block_sizes")
def _(rng):
    channels = one_of(rng, 4, 6)
    return case(channels, channels + 4, 2, "weighted")


@Block.checks("statistics of the batch in training", points=1, probe=f"{PROBES}:block_in_training")
def _(rng):
    return through_a_block(rng, "residual")


def option_a(x, channels, stride):
    added = (channels - x.shape[1]) // 2
    return F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, added, added))


class Sketch(nn.Module):
    """A block written in letters: C the first convolution, c the second, N BatchNorm, R ReLU; then the join, then `after`."""

    def __init__(self, in_channels, channels, stride, join, branch="CNRcN", after=F.relu, shortcut=option_a, strides=None, bias=False, join_of=None):
        super().__init__()
        first, second = strides or (stride, 1)
        parts = {
            "C": lambda: nn.Conv2d(in_channels, channels, 3, stride=first, padding=1, bias=bias),
            "c": lambda: nn.Conv2d(channels, channels, 3, stride=second, padding=1, bias=bias),
            "N": lambda: nn.BatchNorm2d(channels),
            "R": nn.ReLU,
        }
        self.branch = nn.Sequential(*(parts[letter]() for letter in branch))
        self.join = (join_of or join)(channels)
        self.after, self.shortcut, self.channels, self.stride = after, shortcut, channels, stride

    def forward(self, x):
        return self.after(self.join(self.shortcut(x, self.channels, self.stride), self.branch(x)))


def twice_in(x, channels, stride):
    return F.pad(F.avg_pool2d(x, stride, ceil_mode=True, count_include_pad=False) if stride > 1 else x, (0, 0, 0, 0, (channels - x.shape[1]) // 2, (channels - x.shape[1]) // 2))


def zeros_behind(x, channels, stride):
    return F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, 0, channels - x.shape[1]))


def channels_repeated(x, channels, stride):
    return x[:, torch.arange(channels) % x.shape[1], ::stride, ::stride]


def from_the_second(x, channels, stride):
    small = x[:, :, stride - 1 :: stride, stride - 1 :: stride]
    wanted = [-(-side // stride) for side in x.shape[2:]]
    added = (channels - x.shape[1]) // 2
    return F.pad(small, (0, wanted[1] - small.shape[3], 0, wanted[0] - small.shape[2], added, added))


def plain_where_it_changes(x, channels, stride):
    same = stride == 1 and channels == x.shape[1]
    return x if same else torch.zeros_like(option_a(x, channels, stride))


@Block.mistake("ReLU before the join", loses="residual block of one shape")
def _(in_channels, channels, stride, join):
    """Your branch ends in a ReLU before it meets the shortcut, so it can only add, never take away. Join first; the last ReLU comes after."""
    return Sketch(in_channels, channels, stride, join, branch="CNRcNR", after=lambda x: x)


@Block.mistake("ReLU before and after the join", loses="residual block of one shape")
def _(in_channels, channels, stride, join):
    """Your branch has a ReLU behind its second BatchNorm. It ends with the BatchNorm; the only other ReLU comes after the join."""
    return Sketch(in_channels, channels, stride, join, branch="CNRcNR")


@Block.mistake("no ReLU after the join", loses="residual block of one shape")
def _(in_channels, channels, stride, join):
    """Nothing follows your join. A ReLU belongs there."""
    return Sketch(in_channels, channels, stride, join, after=lambda x: x)


@Block.mistake("no ReLU inside the branch", loses="branch of a plain block")
def _(in_channels, channels, stride, join):
    """Your two convolutions follow each other without a ReLU. It stands behind the first BatchNorm."""
    return Sketch(in_channels, channels, stride, join, branch="CNcN")


@Block.mistake("ReLU before BatchNorm", loses="branch of a plain block")
def _(in_channels, channels, stride, join):
    """In your branch the ReLU stands before the first BatchNorm. The order is convolution, BatchNorm, ReLU."""
    return Sketch(in_channels, channels, stride, join, branch="CRNcN")


@Block.mistake("second BatchNorm forgotten", loses="parameters")
def _(in_channels, channels, stride, join):
    """Your branch lacks a BatchNorm. One follows each of the two convolutions, so the block has two."""
    return Sketch(in_channels, channels, stride, join, branch="CNRc")


@Block.mistake("convolutions with a bias", loses="parameters")
def _(in_channels, channels, stride, join):
    """Your convolutions have a bias, and the BatchNorm behind them subtracts it again. Write `bias=False`."""
    return Sketch(in_channels, channels, stride, join, bias=True)


@Block.mistake("stride in the second convolution", loses="branch with stride 2 and more channels")
def _(in_channels, channels, stride, join):
    """Your stride is in the second convolution of the branch. It belongs in the first."""
    return Sketch(in_channels, channels, stride, join, strides=(1, stride))


@Block.mistake("mean instead of every second pixel", loses="shortcut with stride 2 and more channels")
def _(in_channels, channels, stride, join):
    """Your shortcut takes means of pixels. It keeps the first of every `stride` rows and columns as they are, and drops the others."""
    return Sketch(in_channels, channels, stride, join, shortcut=twice_in)


@Block.mistake("the last of every two pixels", loses="shortcut with stride 2 and more channels")
def _(in_channels, channels, stride, join):
    """Your shortcut keeps the wrong rows and columns. It keeps number 0, `stride`, 2·`stride` and so on: `[::stride]`."""
    return Sketch(in_channels, channels, stride, join, shortcut=from_the_second)


@Block.mistake("all zero channels behind", loses="shortcut with stride 2 and more channels")
def _(in_channels, channels, stride, join):
    """Your zero channels stand all behind the others. Half of them belong before: published weights rely on it."""
    return Sketch(in_channels, channels, stride, join, shortcut=zeros_behind)


@Block.mistake("channels repeated", loses="shortcut with stride 2 and more channels")
def _(in_channels, channels, stride, join):
    """You filled the additional channels of the shortcut with copies. They are zero."""
    return Sketch(in_channels, channels, stride, join, shortcut=channels_repeated)


@Block.mistake("no shortcut where the shape changes", loses="shortcut with stride 2 and more channels")
def _(in_channels, channels, stride, join):
    """Where your block changes the shape, nothing comes through the shortcut. It is halved and padded there, but it is there."""
    return Sketch(in_channels, channels, stride, join, shortcut=plain_where_it_changes)


@Block.mistake("a projection with weights", loses="parameters")
def _(in_channels, channels, stride, join):
    """Your shortcut has weights, a 1×1 convolution ("option B"). Here it has none: every second pixel, and zero channels."""
    block = Sketch(in_channels, channels, stride, join)
    if in_channels != channels:
        block.projection = nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False)
        block.shortcut = lambda x, channels, stride: block.projection(x)
    return block


@Block.mistake("branch first", loses="the join gets the shortcut first, then the branch")
def _(in_channels, channels, stride, join):
    """Your join gets the branch first. The shortcut is its first argument: `self.join(shortcut, branch)`."""

    def turned(channels):
        joined = join(channels)
        return lambda x, f: joined(f, x)

    return Sketch(in_channels, channels, stride, join, join_of=turned)


@Block.mistake("always added", loses="branch of a plain block")
def _(in_channels, channels, stride, join):
    """Your block always adds. What happens where shortcut and branch meet is up to `join`."""
    return Sketch(in_channels, channels, stride, join, join_of=lambda channels: torch.add)


@Block.mistake("the join's weights forgotten", loses="what the join learns belongs to the block")
def _(in_channels, channels, stride, join):
    """The join's weights are not among your block's parameters, so no optimiser will move them. Make the join once, in `__init__`, and keep it as an attribute."""
    block = Sketch(in_channels, channels, stride, join, join_of=notebook.plain)
    block.forward = lambda x: F.relu(join(channels)(option_a(x, channels, stride), block.branch(x)))
    return block


# --- make_net ------------------------------------------------------------------------------------------------------------

make_net = Exercise("make_net", reference=notebook.make_net, title="One function for all nets", minutes=25, difficulty=2, probe=f"{PROBES}:net_logits")


@make_net.checks("parameters of a plain net", points=1, probe=f"{PROBES}:net_sizes")
def _(rng):
    return case(one_of(rng, 14, 20), "plain", width=one_of(rng, 4, 6))


@make_net.checks("logits of a plain net", points=2)
def _(rng):
    return case(pictures(rng, 2, 1, 8, 8), 8, "plain", width=one_of(rng, 2, 4))


@make_net.checks("logits of a residual net", points=2)
def _(rng):
    return case(pictures(rng, 2, 1, 8, 8), 14, "residual", width=one_of(rng, 2, 4))


@make_net.checks("colour images of odd size, another number of classes", points=2)
def _(rng):
    return case(pictures(rng, 2, 3, one_of(rng, 9, 11), 13), 8, "residual", in_channels=3, classes=one_of(rng, 3, 7), width=2)


@make_net.checks("a join for each block, with its channels", points=1, probe=f"{PROBES}:net_joins")
def _(rng):
    return case(one_of(rng, 14, 20), width=one_of(rng, 2, 4))


@make_net.checks("a gradient reaches every parameter", points=1, probe=f"{PROBES}:net_gradients")
def _(rng):
    return case(pictures(rng, 4, 1, 8, 8), 14, "weighted", width=4)


@make_net.checks("a depth that is not 6n + 2: ValueError", points=1, probe=f"{PROBES}:net_sizes")
def _(rng):
    return case(one_of(rng, 9, 10, 12, 18, 21, 55), "residual")


def net_from(depth, join, width=4, in_channels=1, classes=10, *, stem="CNR", blocks=None, end="ML", strides=(1, 2, 2), widths=(1, 2, 4), every=False, block=notebook.Block):
    """A net with one detail changed: the letters are C convolution, N BatchNorm, R ReLU, P pooling, M mean, X maximum, L linear, S softmax."""
    if depth < 8 or depth % 6 != 2:
        raise ValueError("6n + 2")
    parts = {"C": lambda: nn.Conv2d(in_channels, width, 3, padding=1, bias=False), "N": lambda: nn.BatchNorm2d(width), "R": nn.ReLU, "P": lambda: nn.MaxPool2d(2)}
    layers, before = [parts[letter]() for letter in stem], width
    for times, stride in zip(widths, strides, strict=True):
        for number in range(blocks(depth) if blocks else depth // 6):
            layers.append(block(before, times * width, stride if number == 0 or every else 1, join))
            before = times * width
    parts = {"M": lambda: nn.AdaptiveAvgPool2d(1), "X": lambda: nn.AdaptiveMaxPool2d(1), "L": lambda: nn.Sequential(nn.Flatten(), nn.Linear(before, classes)), "S": lambda: nn.Softmax(dim=1)}
    return nn.Sequential(*layers, *(parts[letter]() for letter in end))


def own_join(make):
    """A block whose joins are made by make(join)."""
    return lambda in_channels, channels, stride, join: notebook.Block(in_channels, channels, stride, make(join))


@make_net.mistake("layers counted as blocks", loses="parameters of a plain net")
def _(depth, join, **options):
    """Your stages have twice as many blocks as they should. A block holds two layers: n = (depth − 2) / 6."""
    return net_from(depth, join, blocks=lambda depth: (depth - 2) // 3, **options)


@make_net.mistake("one block too few", loses="parameters of a plain net")
def _(depth, join, **options):
    """Your stages have a block too few. The first block of a stage is one of its n blocks: with depth 14, each stage has two."""
    return net_from(depth, join, blocks=lambda depth: max(1, (depth - 8) // 6), **options)


@make_net.mistake("channels never doubled", loses="parameters of a plain net")
def _(depth, join, **options):
    """All your stages are equally wide. The second has 2·`width` channels, the third 4·`width`."""
    return net_from(depth, join, widths=(1, 1, 1), **options)


@make_net.mistake("no BatchNorm at the beginning", loses="parameters of a plain net")
def _(depth, join, **options):
    """Your first convolution has no BatchNorm. There is one behind it, as behind all others."""
    return net_from(depth, join, stem="CR", **options)


@make_net.mistake("no ReLU at the beginning", loses="logits of a plain net")
def _(depth, join, **options):
    """Behind your first convolution and its BatchNorm the ReLU is missing."""
    return net_from(depth, join, stem="CN", **options)


@make_net.mistake("pooling at the beginning", loses="logits of a plain net")
def _(depth, join, **options):
    """You pool after the first convolution, as the nets for large images do. These images are small: there is no pooling before the end."""
    return net_from(depth, join, stem="CNRP", **options)


@make_net.mistake("stride in the first stage, too", loses="logits of a plain net")
def _(depth, join, **options):
    """Your first stage halves the maps, too. Only the second and the third do."""
    return net_from(depth, join, strides=(2, 2, 2), **options)


@make_net.mistake("never halved", loses="logits of a plain net")
def _(depth, join, **options):
    """Your maps keep their size to the end. The first block of the second and of the third stage has stride 2."""
    return net_from(depth, join, strides=(1, 1, 1), **options)


@make_net.mistake("stride in every block of a stage", loses="logits of a residual net")
def _(depth, join, **options):
    """All blocks of your later stages have stride 2. Only the first one of a stage has it."""
    return net_from(depth, join, every=True, **options)


@make_net.mistake("maximum at the end", loses="logits of a plain net")
def _(depth, join, **options):
    """You take the maximum of each map at the end. It is the mean."""
    return net_from(depth, join, end="XL", **options)


@make_net.mistake("softmax at the end", loses="logits of a plain net")
def _(depth, join, **options):
    """Your net ends in a softmax. It returns logits: the loss applies the softmax itself."""
    return net_from(depth, join, end="MLS", **options)


@make_net.mistake("always residual", loses="logits of a plain net")
def _(depth, join, **options):
    """All your blocks add, whatever `join` is. Hand it on to `Block`."""
    return net_from(depth, join, block=own_join(lambda join: notebook.residual), **options)


@make_net.mistake("one join for all", loses="a join for each block, with its channels")
def _(depth, join, width=4, **options):
    """You made one join and use it in all blocks. Each block has its own, for its own channels: hand `join` itself on to `Block`, and let the block call it."""
    shared = join(width)
    return net_from(depth, join, width, block=own_join(lambda join: lambda channels: shared), **options)


@make_net.mistake("always grey, always ten", loses="colour images of odd size, another number of classes")
def _(depth, join, width=4, in_channels=1, classes=10):
    """Your first convolution always takes one channel, or your last layer always gives ten logits. Use `in_channels` and `classes`."""
    net = net_from(depth, join, width)
    if in_channels == 1 and classes == 10:
        return net
    return nn.Sequential(Grey(), net)


class Grey(nn.Module):
    def forward(self, x):
        return x.mean(dim=1, keepdim=True)


@make_net.mistake("any depth taken", loses="a depth that is not 6n + 2: ValueError")
def _(depth, join, **options):
    """You built a net for a depth that is not 6n + 2. It has another depth than was asked for: raise ValueError."""
    return net_from(max(8, depth - (depth - 2) % 6), join, **options)


# --- error_rate ----------------------------------------------------------------------------------------------------------

error_rate = Exercise("error_rate", reference=notebook.error_rate, title="Errors in percent", minutes=10, difficulty=1, probe="convnets.check.experiment_probes:on_tensors")


def answers(rng, rank, classes=None):
    """Logits and labels; each label has a rank among its logits from 0 up to `rank`, every rank occurs, and no two errors are equal."""
    classes = classes or int(rng.integers(6, 9))
    counts = rng.permutation(np.arange(2, 2 + rank + 1)) * 2 + 1
    ranks = rng.permutation(np.repeat(np.arange(rank + 1), counts))
    logits = rng.permuted(np.tile(np.arange(classes), (len(ranks), 1)), axis=1) + rng.uniform(-0.3, 0.3, (len(ranks), classes))
    labels = np.argsort(-logits, axis=1)[np.arange(len(ranks)), ranks]
    return logits.astype(np.float32), labels.astype(np.int64)


@error_rate.checks("top-1 error in percent", points=2)
def _(rng):
    return case(*answers(rng, 3))


@error_rate.checks("top-k error", points=2)
def _(rng):
    return case(*answers(rng, 5), one_of(rng, 2, 3))


@error_rate.checks("as many labels as rows, or ValueError", points=1)
def _(rng):
    logits, labels = answers(rng, 3)
    return case(logits, labels[:1] if rng.random() < 0.5 else labels[:-2])


def ranked(logits, labels, k=1, largest=True):
    return (logits.topk(k, dim=1, largest=largest).indices == labels[:, None]).any(dim=1).double().mean().item()


def same_length(logits, labels):
    if len(logits) != len(labels):
        raise ValueError("as many labels as rows")


@error_rate.mistake("accuracy", loses="top-1 error in percent")
def _(logits, labels, k=1):
    """You returned the share of the right answers. The error is 100 minus that."""
    same_length(logits, labels)
    return 100 * ranked(logits, labels, k)


@error_rate.mistake("a share", loses="top-1 error in percent")
def _(logits, labels, k=1):
    """You returned a share from 0 to 1. Percent are asked: 100 times that."""
    same_length(logits, labels)
    return 1 - ranked(logits, labels, k)


@error_rate.mistake("a count", loses="top-1 error in percent")
def _(logits, labels, k=1):
    """You returned how many answers are wrong. Divide by the number of images, and multiply by 100."""
    same_length(logits, labels)
    return len(labels) * (1 - ranked(logits, labels, k))


@error_rate.mistake("smallest logits", loses="top-1 error in percent")
def _(logits, labels, k=1):
    """You looked at the smallest logits. The net's answer is the class with the largest."""
    same_length(logits, labels)
    return 100 * (1 - ranked(logits, labels, k, largest=False))


@error_rate.mistake("k ignored", loses="top-k error")
def _(logits, labels, k=1):
    """You looked at the largest logit only, whatever k is. An answer is right when the label is among the k largest."""
    same_length(logits, labels)
    return 100 * (1 - ranked(logits, labels))


@error_rate.mistake("k-th place only", loses="top-k error")
def _(logits, labels, k=1):
    """You counted an answer as right only when the label is exactly at place k. Any place from 1 to k will do."""
    same_length(logits, labels)
    return 100 * (1 - (logits.topk(k, dim=1).indices[:, -1] == labels).double().mean().item())


@error_rate.mistake("one place too many", loses="top-k error")
def _(logits, labels, k=1):
    """You looked at k + 1 classes."""
    same_length(logits, labels)
    return 100 * (1 - ranked(logits, labels, k + (k > 1)))


@error_rate.mistake("any length taken", loses="as many labels as rows, or ValueError")
def _(logits, labels, k=1):
    """You got fewer labels than rows of logits and returned a number all the same. PyTorch repeats a single label silently: compare the lengths first, and raise ValueError."""
    return 100 * (1 - ranked(logits, labels[torch.arange(len(logits)) % len(labels)], k))


# --- conclusion ----------------------------------------------------------------------------------------------------------

conclusion = Exercise(
    "conclusion", reference=notebook.conclusion, title="What your numbers say", minutes=15, difficulty=1, returns=("claims", "table"), probe=f"{PROBES}:claims_and_errors"
)

CONCLUSIONS = {
    "your table: enough seeds, each of its own": (1, "complete"),
    "no claim says the opposite of your numbers": (2, "not_the_opposite"),
    "no claim says more than your numbers": (2, "not_too_much"),
    "no claim says less than your numbers": (1, "not_too_little"),
}
for what, (worth, held_by) in CONCLUSIONS.items():
    conclusion.checks(what, points=worth, holds=f"convnets.check.depth_conclusions:{held_by}", calls=1)(lambda rng: case())


def clear_table(residual=0.0):
    """Errors of four depths and three seeds: the plain net's rise beyond doubt, the residual net's change by that many points."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 4, 3))
    return 20 + noise + np.linspace(0, 1, 4)[:, None] * np.array([20.0, residual])[:, None, None]


def claimed(plain="rises", residual="cannot tell", deepest="residual"):
    return {"plain": plain, "residual": residual, "deepest": deepest}


@conclusion.mistake("the opposite", loses="no claim says the opposite of your numbers")
def _():
    """A claim says the opposite of your numbers. Look at the signs: an error that is higher at the greatest depth **rises**, and the better net is the one with the **lower** error."""
    return claimed(plain="falls", deepest="plain"), clear_table()


@conclusion.mistake("more than the numbers say", loses="no claim says more than your numbers")
def _():
    """A claim of yours is less than two standard errors away from 0. However likely it looks: your numbers cannot tell. Write "cannot tell" for it."""
    return claimed(residual="falls"), clear_table()


@conclusion.mistake("less than the numbers say", loses="no claim says less than your numbers")
def _():
    """You claim "cannot tell" where the mean is more than two standard errors away from 0. Your numbers say more than that: say it."""
    return claimed(plain="cannot tell", deepest="cannot tell"), clear_table()


@conclusion.mistake("too few seeds", loses="your table: enough seeds, each of its own")
def _():
    """Your table has fewer than three seeds, too few to see how much they scatter. Delete degradation.safetensors and run the experiment with seeds=3 or more."""
    return claimed(), clear_table()[..., :2]


@conclusion.mistake("a seed counted twice", loses="your table: enough seeds, each of its own")
def _():
    """Two seeds of your table have the same errors throughout. A copy of a run is no second run, and makes the error bars too short. Delete degradation.safetensors and run the experiment anew."""
    return claimed(), clear_table()[..., [0, 1, 1]]


# --- Join ----------------------------------------------------------------------------------------------------------------

Join = Exercise("Join", reference=notebook.Join, title="Six ways to meet", minutes=30, difficulty=2, probe=f"{PROBES}:join_output")


def meeting(rng, kind):
    shape = 2, int(rng.integers(3, 6)), 3, 4
    return case(kind, pictures(rng, *shape), pictures(rng, *shape))


for kind, worth in (("identity", 1), ("scaled", 1), ("exclusive gate", 2), ("shortcut gate", 2), ("convolution", 1)):
    Join.checks(kind, points=worth)(partial(lambda rng, kind: meeting(rng, kind), kind=kind))


@Join.checks("dropout does nothing in evaluation", points=1)
def _(rng):
    return meeting(rng, "dropout")


@Join.checks("dropout in training", points=1, probe=f"{PROBES}:join_dropout", rtol=0.03, calls=1)
def _(rng):
    return case("dropout")


@Join.checks("only the layers that a kind needs", points=1, probe=f"{PROBES}:join_parameters")
def _(rng):
    return case(int(rng.integers(3, 9)))


@Join.checks("where a gate starts", points=1, probe=f"{PROBES}:join_at_the_start", rtol=1e-4)
def _(rng):
    return case(one_of(rng, "exclusive gate", "shortcut gate"), 3, float(rng.uniform(-3, -1)))


@Join.checks("inputs left unmodified", points=1, probe=f"{PROBES}:joins_leave_inputs")
def _(rng):
    return case(*(pictures(rng, 2, 3, 3, 4) for _ in range(2)))


@Join.checks("an unknown kind: ValueError", points=1, probe=f"{PROBES}:join_made")
def _(rng):
    return case(one_of(rng, "plain", "gate", "half", "Identity"), 3)


class Meeting(nn.Module):
    """A join in which single kinds are computed by other functions (module, x, f), or made of other layers."""

    def __init__(self, kind, channels, bias=-6.0, rules=None, layers=None, known=KINDS):
        super().__init__()
        if kind not in known:
            raise ValueError(kind)
        self.kind = kind
        made = {
            "exclusive gate": lambda: self.gate(channels, bias),
            "shortcut gate": lambda: self.gate(channels, bias),
            "convolution": lambda: nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels)),
            "dropout": lambda: nn.Dropout(0.5),
        } | (layers or {})
        self.layer = made[kind]() if kind in made else nn.Identity()
        self.rule = {
            "identity": lambda x, f: x + f,
            "scaled": lambda x, f: 0.5 * x + 0.5 * f,
            "exclusive gate": lambda x, f: (1 - self.g(x)) * x + self.g(x) * f,
            "shortcut gate": lambda x, f: (1 - self.g(x)) * x + f,
            "convolution": lambda x, f: self.layer(x) + f,
            "dropout": lambda x, f: self.layer(x) + f,
        } | {kind: partial(rule, self) for kind, rule in (rules or {}).items()}

    @staticmethod
    def gate(channels, bias):
        layer = nn.Conv2d(channels, channels, 1)
        nn.init.constant_(layer.bias, bias)
        return layer

    def g(self, x):
        return torch.sigmoid(self.layer(x))

    def forward(self, x, f):
        return self.rule.get(self.kind, lambda x, f: x + f)(x, f)


@Join.mistake("only the shortcut halved", loses="scaled")
def _(kind, channels, bias=-6.0):
    """You halved the shortcut only. In this variant both count half."""
    return Meeting(kind, channels, bias, {"scaled": lambda self, x, f: 0.5 * x + f})


@Join.mistake("gates exchanged", loses="exclusive gate")
def _(kind, channels, bias=-6.0):
    """Your gate opens the shortcut and closes the branch. It is the other way round: the branch gets g, the shortcut 1 − g."""
    return Meeting(kind, channels, bias, {"exclusive gate": lambda self, x, f: self.g(x) * x + (1 - self.g(x)) * f})


@Join.mistake("the shortcut gets g", loses="shortcut gate")
def _(kind, channels, bias=-6.0):
    """Your shortcut is multiplied by g. It gets 1 − g, so that a bias of −6 leaves it open."""
    return Meeting(kind, channels, bias, {"shortcut gate": lambda self, x, f: self.g(x) * x + f})


@Join.mistake("the gate looks at the branch", loses="shortcut gate")
def _(kind, channels, bias=-6.0):
    """Your gate is computed from the branch. It looks at the shortcut x only."""
    return Meeting(
        kind,
        channels,
        bias,
        {
            "shortcut gate": lambda self, x, f: (1 - self.g(f)) * x + f,
            "exclusive gate": lambda self, x, f: (1 - self.g(f)) * x + self.g(f) * f,
        },
    )


@Join.mistake("no sigmoid", loses="shortcut gate")
def _(kind, channels, bias=-6.0):
    """Your gate is the bare convolution, any number. A sigmoid brings it between 0 and 1."""
    return Meeting(
        kind,
        channels,
        bias,
        {
            "shortcut gate": lambda self, x, f: (1 - self.layer(x)) * x + f,
            "exclusive gate": lambda self, x, f: (1 - self.layer(x)) * x + self.layer(x) * f,
        },
    )


@Join.mistake("both gates in the shortcut gate", loses="shortcut gate")
def _(kind, channels, bias=-6.0):
    """Your "shortcut gate" multiplies the branch, too. Here only the shortcut has a gate; the branch comes in whole."""
    return Meeting(kind, channels, bias, {"shortcut gate": lambda self, x, f: (1 - self.g(x)) * x + self.g(x) * f})


@Join.mistake("branch without its gate", loses="exclusive gate")
def _(kind, channels, bias=-6.0):
    """Your "exclusive gate" lets the branch in whole. It is multiplied by g: what the one gets, the other loses."""
    return Meeting(kind, channels, bias, {"exclusive gate": lambda self, x, f: (1 - self.g(x)) * x + f})


@Join.mistake("x added once more", loses="convolution")
def _(kind, channels, bias=-6.0):
    """You added x itself, too. Here the convolution stands in the shortcut's place."""
    return Meeting(kind, channels, bias, {"convolution": lambda self, x, f: x + self.layer(x) + f})


@Join.mistake("the branch convolved", loses="convolution")
def _(kind, channels, bias=-6.0):
    """Your convolution works on the branch. It stands in the shortcut."""
    return Meeting(kind, channels, bias, {"convolution": lambda self, x, f: x + self.layer(f)})


@Join.mistake("no BatchNorm behind the convolution", loses="convolution")
def _(kind, channels, bias=-6.0):
    """Your convolution has no BatchNorm behind it."""
    return Meeting(kind, channels, bias, layers={"convolution": lambda: nn.Conv2d(channels, channels, 1, bias=False)})


@Join.mistake("the branch dropped", loses="dropout in training")
def _(kind, channels, bias=-6.0):
    """You drop values of the branch. Dropout stands in the shortcut."""
    return Meeting(kind, channels, bias, {"dropout": lambda self, x, f: x + self.layer(f)})


@Join.mistake("the sum dropped", loses="dropout in training")
def _(kind, channels, bias=-6.0):
    """You drop values of the sum. Dropout stands in the shortcut, before the branch is added."""
    return Meeting(kind, channels, bias, {"dropout": lambda self, x, f: self.layer(x + f)})


@Join.mistake("dropout in evaluation, too", loses="dropout does nothing in evaluation")
def _(kind, channels, bias=-6.0):
    """Your dropout is active in evaluation, too. nn.Dropout as a layer knows the two modes; `F.dropout` must be told: `training=self.training`."""

    def always(self, x, f):
        mask = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) >= 0.5
        return 2 * x * mask + f

    return Meeting(kind, channels, bias, {"dropout": always})


@Join.mistake("gate starts at 0", loses="where a gate starts")
def _(kind, channels, bias=-6.0):
    """Your gate's bias does not start at `bias`. Set it: `nn.init.constant_(layer.bias, bias)`."""
    return Meeting(kind, channels, 0.0)


@Join.mistake("gate without a bias", loses="only the layers that a kind needs")
def _(kind, channels, bias=-6.0):
    """Your gate's convolution has no bias. Then it can only start half open: give it one, and let it start at `bias`."""
    return Meeting(kind, channels, bias, layers=dict.fromkeys(("exclusive gate", "shortcut gate"), lambda: nn.Conv2d(channels, channels, 1, bias=False)))


@Join.mistake("convolution with a bias", loses="only the layers that a kind needs")
def _(kind, channels, bias=-6.0):
    """Your shortcut's convolution has a bias, and the BatchNorm behind it subtracts it again. Write `bias=False`."""
    return Meeting(kind, channels, bias, layers={"convolution": lambda: nn.Sequential(nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels))})


@Join.mistake("all layers in all kinds", loses="only the layers that a kind needs")
def _(kind, channels, bias=-6.0):
    """Your join makes layers that its kind does not need. They cost memory, and an optimiser gets weights without gradients: make them only where they are used."""
    join = Meeting(kind, channels, bias)
    join.more = nn.Conv2d(channels, channels, 1)
    return join


@Join.mistake("added in place", loses="inputs left unmodified")
def _(kind, channels, bias=-6.0):
    """Your join changes its inputs. The caller still needs them: write `x + f`, not `x += f`."""
    return Meeting(kind, channels, bias, {"identity": lambda self, x, f: x.add_(f), "scaled": lambda self, x, f: x.mul_(0.5).add_(f, alpha=0.5)})


@Join.mistake("unknown kinds accepted", loses="an unknown kind: ValueError")
def _(kind, channels, bias=-6.0):
    """You made a join of a kind that there is not. A slip of the pen would go unnoticed: raise ValueError."""
    return Meeting(kind, channels, bias, known=(*KINDS, kind))


# --- load_weights --------------------------------------------------------------------------------------------------------

load_weights = Exercise("load_weights", reference=notebook.load_weights, title="Weights by a map of names", minutes=30, difficulty=3, probe=f"{PROBES}:loaded")


def numbers(rng):
    """As many different numbers as the probe's small net holds."""
    return (rng.permutation(194) + rng.uniform(0.1, 0.9, 194)).astype(np.float32)


@load_weights.checks("weights", points=2)
def _(rng):
    return case(numbers(rng), "weight")


@load_weights.checks("biases", points=1)
def _(rng):
    return case(numbers(rng), "bias")


@load_weights.checks("running averages, too", points=1)
def _(rng):
    return case(numbers(rng), one_of(rng, "running_mean", "running_var"))


@load_weights.checks("the map decides, not the order", points=2)
def _(rng):
    return case(numbers(rng), "weight", swapped=True)


for spoilt in ("missing tensor", "missing layer", "left over"):
    load_weights.checks(f"{spoilt}: ValueError", points=1, probe=f"{PROBES}:refused")(partial(lambda rng, how: case(numbers(rng), how), how=spoilt))


@load_weights.checks("another shape: ValueError", points=1, probe=f"{PROBES}:refused")
def _(rng):
    return case(numbers(rng), one_of(rng, "shape", "turned shape"))


@load_weights.checks("a net whose weights are refused stays as it was", points=2, probe=f"{PROBES}:left_alone")
def _(rng):
    return case(numbers(rng), one_of(rng, "missing tensor", "left over", "shape"))


@load_weights.checks("published weights stay as they are", points=1, probe=f"{PROBES}:copied")
def _(rng):
    return case(numbers(rng))


def partner(name, names):
    layer, _, part = name.rpartition(".")
    return f"{names.get(layer)}.{part}"


def filled(net):
    return {name: tensor for name, tensor in net.state_dict().items() if not name.endswith("num_batches_tracked")}


def looked_over(net, weights, names, missing=True, shapes=True, left=True):
    """The pairs that can be made, after the checks that are asked for."""
    pairs = {name: weights[partner(name, names)] for name in filled(net) if partner(name, names) in weights}
    if missing and len(pairs) < len(filled(net)):
        raise ValueError("missing")
    if shapes and any(filled(net)[name].shape != tensor.shape for name, tensor in pairs.items()):
        raise ValueError("shapes")
    if left and weights.keys() - {partner(name, names) for name in pairs}:
        raise ValueError("left over")
    return pairs


def write(net, pairs):
    with torch.no_grad():
        for name, tensor in pairs.items():
            filled(net)[name].copy_(tensor)
    return net


@load_weights.mistake("by position", loses="the map decides, not the order")
def _(net, weights, names):
    """You paired the tensors by their order in the two lists, or by their shapes. Nets register their layers in any order they like: use the map."""
    looked_over(net, weights, names)
    rest, pairs = dict(weights), {}
    for name, tensor in filled(net).items():
        part = name.rpartition(".")[2]
        found = next(other for other in rest if other.endswith(part) and rest[other].shape == tensor.shape)
        pairs[name] = rest.pop(found)
    return write(net, pairs)


@load_weights.mistake("parameters only", loses="running averages, too")
def _(net, weights, names):
    """You filled the parameters only. BatchNorm's running averages are no parameters, but buffers: `net.state_dict()` lists both."""
    pairs = looked_over(net, weights, names)
    return write(net, {name: tensor for name, tensor in pairs.items() if "running" not in name})


@load_weights.mistake("weights only", loses="biases")
def _(net, weights, names):
    """You filled the weights, not the biases."""
    pairs = looked_over(net, weights, names)
    return write(net, {name: tensor for name, tensor in pairs.items() if not name.endswith("bias")})


@load_weights.mistake("missing ones passed over", loses="missing tensor: ValueError")
def _(net, weights, names):
    """A tensor of the net has no counterpart, and you passed over it. It keeps its random values: raise ValueError."""
    return write(net, looked_over(net, weights, names, missing=False))


@load_weights.mistake("left-over ones passed over", loses="left over: ValueError")
def _(net, weights, names):
    """A published tensor was left over, and you did not say so. Perhaps the net lacks a layer: raise ValueError."""
    return write(net, looked_over(net, weights, names, left=False))


@load_weights.mistake("stretched to fit", loses="another shape: ValueError")
def _(net, weights, names):
    """A tensor had another shape, and you made it fit: one number for all, or the values in another order. Compare the shapes, and raise ValueError."""
    pairs = looked_over(net, weights, names, shapes=False)
    return write(net, {name: tensor if tensor.numel() == 1 else tensor.reshape(filled(net)[name].shape) for name, tensor in pairs.items()})


@load_weights.mistake("half loaded", loses="a net whose weights are refused stays as it was")
def _(net, weights, names):
    """You found the fault after you had changed part of the net. Look at all tensors first, then write."""
    pairs = looked_over(net, weights, names, missing=False, shapes=False, left=False)
    write(net, {name: tensor for name, tensor in pairs.items() if tensor.shape == filled(net)[name].shape})
    looked_over(net, weights, names)
    return net


@load_weights.mistake("shared, not copied", loses="published weights stay as they are")
def _(net, weights, names):
    """Your net now holds the published tensors themselves. When it is trained further, they change. Copy the values: `load_state_dict` does so, and `copy_`."""
    net.load_state_dict(looked_over(net, weights, names), strict=False, assign=True)
    return net
