"""Checks of lab 02: the exercises' properties, points and classic mistakes."""

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from torch import nn

from autograder.units import import_unit
from convnets.check import Exercise, case

notebook = import_unit("02_batchnorm_dropout_augmentation")
PROBES = "convnets.check.experiment_probes"
INGREDIENTS = notebook.INGREDIENTS

notebook.results = load_file(Path(__file__).with_name("reference.safetensors"))["validation"]  # of a run of the notebook


def one_of(rng, *values):
    return values[int(rng.integers(len(values)))]


# --- make_net ------------------------------------------------------------------------------------------------------------

make_net = Exercise(
    "make_net", reference=notebook.make_net, title="A net with switches", minutes=30, difficulty=2, probe=f"{PROBES}:logits"
)


def pictures(rng, n, channels=1, size=8):
    return rng.standard_normal((n, channels, size, size)).astype(np.float32)


@make_net.checks("parameters without BatchNorm", points=1, probe=f"{PROBES}:sizes")
def _(rng):
    return case()


@make_net.checks("parameters with BatchNorm", points=2, probe=f"{PROBES}:sizes")
def _(rng):
    return case(batchnorm=True, width=int(rng.integers(3, 7)), size=8)


@make_net.checks("logits without BatchNorm", points=2)
def _(rng):
    return case(pictures(rng, 3), size=8, width=int(rng.integers(2, 5)))


@make_net.checks("logits with BatchNorm", points=2)
def _(rng):
    return case(pictures(rng, 3), batchnorm=True, size=8, width=int(rng.integers(2, 5)))


@make_net.checks("running averages in evaluation", points=1, probe=f"{PROBES}:logits_after_training_mode")
def _(rng):
    batches = (3 * rng.standard_normal((4, 6, 1, 8, 8)) + 1).astype(np.float32)
    return case(batches, pictures(rng, 3), batchnorm=True, size=8, width=int(rng.integers(2, 5)))


@make_net.checks("colour images of another size", points=2)
def _(rng):
    channels, size = one_of(rng, 2, 3), one_of(rng, 12, 16)
    return case(pictures(rng, 2, channels, size), channels=channels, size=size, width=int(rng.integers(2, 5)), batchnorm=one_of(rng, False, True))


@make_net.checks("dropout does nothing in evaluation", points=1)
def _(rng):
    return case(pictures(rng, 3), dropout=0.5, size=8, width=int(rng.integers(2, 5)))


@make_net.checks("dropout in training", points=2, probe=f"{PROBES}:spread_of_dropout", rtol=0.06)
def _(rng):
    return case(pictures(rng, 1, size=4), dropout=one_of(rng, 0.2, 0.7), size=4, width=int(rng.integers(2, 4)))


class AlwaysDropout(nn.Dropout):
    """Dropout that does not know the two modes."""

    def forward(self, x):
        mask = torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) >= self.p
        return x * mask / (1 - self.p)


class BatchStatistics(nn.BatchNorm2d):
    def forward(self, x):
        return nn.functional.batch_norm(x, None, None, self.weight, self.bias, training=True)


def net_from(
    block="CNRP", head="LRDO", *, batchnorm=False, dropout=0.0, channels=1, size=14, width=16, bias=None, norm=nn.BatchNorm2d, drop=nn.Dropout, widths=(1, 2, 4)
):
    """A net written in letters: C convolution, N normalisation (only with batchnorm), R ReLU, P pooling, L hidden layer, D dropout, O output, S softmax."""
    layers, inputs = [], channels
    for times, pooled in zip(widths, (True, True, False), strict=True):
        outputs = times * width
        makers = {
            "C": lambda outputs=outputs, inputs=inputs: [nn.Conv2d(inputs, outputs, 3, padding=1, bias=not batchnorm if bias is None else bias)],
            "N": lambda outputs=outputs: [norm(outputs)] if batchnorm else [],
            "R": lambda: [nn.ReLU()],
            "P": lambda pooled=pooled: [nn.MaxPool2d(2)] if pooled else [],
            "A": lambda pooled=pooled: [nn.AvgPool2d(2)] if pooled else [],
            "D": lambda: [nn.Dropout2d(dropout)],
        }
        layers += [layer for letter in block for layer in makers[letter]()]
        inputs = outputs
    features = inputs * (size // 4) ** 2
    parts = {"L": nn.Linear(features, 128), "R": nn.ReLU(), "D": drop(dropout), "O": nn.Linear(128, 10), "S": nn.Softmax(dim=1)}
    return nn.Sequential(*layers, nn.Flatten(), *(parts[letter] for letter in head))


@make_net.mistake("normalised after the ReLU", loses="logits with BatchNorm")
def _(**settings):
    """Your batch normalisation stands behind the ReLU. Put it between the convolution and its ReLU."""
    return net_from("CRNP", **settings)


@make_net.mistake("normalised after the pooling", loses="running averages in evaluation")
def _(**settings):
    """Your batch normalisation stands behind the pooling. It belongs directly behind the convolution, before ReLU and pooling."""
    return net_from("CPNR", **settings)


@make_net.mistake("convolutions keep their bias", loses="parameters with BatchNorm")
def _(**settings):
    """Your convolutions have a bias although a batch normalisation follows, which subtracts it again. Write `bias=not batchnorm`."""
    return net_from(bias=True, **settings)


@make_net.mistake("no bias anywhere", loses="parameters without BatchNorm")
def _(**settings):
    """Your convolutions have no bias, not even without batch normalisation. Then nothing takes its place: write `bias=not batchnorm`."""
    return net_from(bias=False, **settings)


@make_net.mistake("batchnorm ignored", loses="parameters with BatchNorm")
def _(batchnorm=False, **settings):
    """Your net is the same with and without `batchnorm`. With it, an nn.BatchNorm2d follows each convolution."""
    return net_from(**settings)


@make_net.mistake("always normalised", loses="parameters without BatchNorm")
def _(batchnorm=False, **settings):
    """Your net has batch normalisation even when `batchnorm` is False. Append the layer only when it is True."""
    return net_from(batchnorm=True, **settings)


@make_net.mistake("statistics of the batch in evaluation", loses="running averages in evaluation")
def _(**settings):
    """In evaluation your normalisation still uses the statistics of the batch, so an image's answer depends on its company. nn.BatchNorm2d with its defaults keeps running averages and uses them."""
    return net_from(norm=BatchStatistics, **settings)


@make_net.mistake("momentum turned round", loses="running averages in evaluation")
def _(**settings):
    """Your running averages take 90 % of each new batch. In PyTorch `momentum` is the share of the new batch: leave it at its default, 0.1."""
    return net_from(norm=lambda channels: nn.BatchNorm2d(channels, momentum=0.9), **settings)


@make_net.mistake("channels ignored", loses="colour images of another size")
def _(channels=1, **settings):
    """Your first convolution always takes one channel. Colour images have three: use `channels`."""
    return net_from(channels=1, **settings)


@make_net.mistake("no ReLU after the hidden layer", loses="logits without BatchNorm")
def _(**settings):
    """Your two linear layers follow each other without a ReLU; together they are one linear layer."""
    return net_from(head="LDO", **settings)


@make_net.mistake("softmax at the end", loses="logits without BatchNorm")
def _(**settings):
    """Your net ends in a softmax. It must return logits: the loss applies the softmax itself."""
    return net_from(head="LRDOS", **settings)


@make_net.mistake("average pooling", loses="logits without BatchNorm")
def _(**settings):
    """You pool with the average. This net takes the maximum of each 2×2 window."""
    return net_from("CNRA", **settings)


@make_net.mistake("dropout forgotten", loses="dropout in training")
def _(dropout=0.0, **settings):
    """Your net does not drop anything in training. Put nn.Dropout(dropout) behind the ReLU of the hidden layer."""
    return net_from(**settings)


@make_net.mistake("dropout before the hidden layer", loses="dropout in training")
def _(**settings):
    """You drop what goes into the hidden layer. Drop the 128 activations that come out of it, behind their ReLU."""
    return net_from(head="DLRO", **settings)


@make_net.mistake("dropout of the logits", loses="dropout in training")
def _(**settings):
    """You drop logits: a class whose logit is switched off cannot win or lose. Drop the 128 hidden activations before the last layer."""
    return net_from(head="LROD", **settings)


@make_net.mistake("share kept instead of share dropped", loses="dropout in training")
def _(dropout=0.0, **settings):
    """You use `dropout` as the share that is kept. It is the share that is switched off, as in nn.Dropout."""
    return net_from(dropout=1 - dropout if dropout else 0.0, **settings)


@make_net.mistake("one half dropped, whatever is asked", loses="dropout in training")
def _(dropout=0.0, **settings):
    """You drop one half of the activations, whatever `dropout` says. Hand it on to nn.Dropout."""
    return net_from(dropout=0.5, **settings)


@make_net.mistake("dropout in evaluation, too", loses="dropout does nothing in evaluation")
def _(**settings):
    """Your net drops activations in evaluation, too. nn.Dropout as a layer knows the two modes; `F.dropout` must be told: `training=self.training`."""
    return net_from(drop=AlwaysDropout, **settings)


# --- shift_and_flip ------------------------------------------------------------------------------------------------------

shift_and_flip = Exercise(
    "shift_and_flip", reference=notebook.shift_and_flip, title="Move and mirror", minutes=25, difficulty=2, probe=f"{PROBES}:on_tensors"
)


def versions(rng, n=None, *, moves=True, flips=True, fill=None):
    """Images of unequal sides, each with a move in both directions that is no other image's, every second one mirrored."""
    channels, height, width = rng.permutation([2, 5, 6])[:1].tolist() + rng.permutation([5, 6, 7])[:2].tolist()
    n = n or int(rng.integers(4, 6))
    possible = [(d, r) for d in (-3, -2, -1, 1, 2, 3) for r in (-3, -2, -1, 1, 2, 3) if abs(d) != abs(r)]
    chosen = np.array(possible)[rng.choice(len(possible), n, replace=False)] * moves
    flip = rng.permutation(np.arange(n) % 2 == 0) if flips else np.zeros(n, dtype=bool)
    images = rng.standard_normal((n, channels, height, width)).astype(np.float32)
    fill = float(np.round(rng.uniform(0.5, 2), 2)) * one_of(rng, -1, 1) if fill is None else fill
    return case(images, chosen[:, 0].copy(), chosen[:, 1].copy(), flip, fill)


@shift_and_flip.checks("nothing to do", points=1)
def _(rng):
    return versions(rng, moves=False, flips=False)


@shift_and_flip.checks("one image moved", points=2)
def _(rng):
    return versions(rng, 1, flips=False)


@shift_and_flip.checks("each image has its own move", points=2)
def _(rng):
    return versions(rng, flips=False)


@shift_and_flip.checks("some images mirrored", points=2)
def _(rng):
    return versions(rng, moves=False)


@shift_and_flip.checks("first the mirror, then the move", points=1)
def _(rng):
    return versions(rng)


@shift_and_flip.checks("float32 stays float32", points=1, dtype=True)
def _(rng):
    return versions(rng)


@shift_and_flip.checks("inputs left unmodified", points=1, unmodified=True)
def _(rng):
    return versions(rng)


def mirrored(images, flip, axes=(3,)):
    return torch.where(flip[:, None, None, None], images.flip(axes), images)


def moved(images, down, right, fill):
    return notebook.shift_and_flip(images, down, right, torch.zeros(len(images), dtype=torch.bool), fill)


@shift_and_flip.mistake("rows and columns exchanged", loses="one image moved")
def _(images, down, right, flip, fill):
    """You moved by `down` to the right and by `right` down. Rows are axis 2, columns axis 3."""
    return moved(mirrored(images, flip), right, down, fill)


@shift_and_flip.mistake("moved the other way", loses="one image moved")
def _(images, down, right, flip, fill):
    """Your images move up and left where they should move down and right. With `down` 1, row r of the result comes from row r − 1."""
    return moved(mirrored(images, flip), -down, -right, fill)


@shift_and_flip.mistake("wrapped round", loses="one image moved")
def _(images, down, right, flip, fill):
    """What leaves your image on one side comes in on the other, as `torch.roll` does it. Pixels that come in have the value `fill`."""
    return torch.stack([image.roll((int(d), int(r)), (1, 2)) for image, d, r in zip(mirrored(images, flip), down, right, strict=True)])


@shift_and_flip.mistake("border repeated", loses="one image moved")
def _(images, down, right, flip, fill):
    """Your image's border is stretched into the part that comes in: after clamping the index you did not put `fill` where it was outside."""
    rows, columns = (torch.arange(size) - by[:, None] for size, by in zip(images.shape[2:], (down, right), strict=True))
    chosen = [
        image[:, r.clamp(0, len(r) - 1)][:, :, c.clamp(0, len(c) - 1)] for image, r, c in zip(mirrored(images, flip), rows, columns, strict=True)
    ]
    return torch.stack(chosen)


@shift_and_flip.mistake("filled with 0", loses="one image moved")
def _(images, down, right, flip, fill):
    """The pixels that come in are 0. In centred images that is a middle grey: use `fill`."""
    return moved(mirrored(images, flip), down, right, 0.0)


@shift_and_flip.mistake("one move for all", loses="each image has its own move")
def _(images, down, right, flip, fill):
    """You moved all images as the first one. Image n moves by down[n] and right[n]."""
    return moved(mirrored(images, flip), down[:1].expand(len(images)), right[:1].expand(len(images)), fill)


@shift_and_flip.mistake("upside down", loses="some images mirrored")
def _(images, down, right, flip, fill):
    """Your images stand on their heads. A mirror exchanges left and right: axis 3, the width."""
    return moved(mirrored(images, flip, (2,)), down, right, fill)


@shift_and_flip.mistake("turned by half", loses="some images mirrored")
def _(images, down, right, flip, fill):
    """You reversed rows and columns: that turns an image by 180°. A mirror reverses the columns only, axis 3."""
    return moved(mirrored(images, flip, (2, 3)), down, right, fill)


@shift_and_flip.mistake("all mirrored", loses="some images mirrored")
def _(images, down, right, flip, fill):
    """You mirrored all images as soon as one is to be mirrored. Only those with `flip` true are."""
    return moved(images.flip(3) if flip.any() else images, down, right, fill)


@shift_and_flip.mistake("never mirrored", loses="some images mirrored")
def _(images, down, right, flip, fill):
    """None of your images is mirrored: use `flip`."""
    return moved(images, down, right, fill)


@shift_and_flip.mistake("the wrong ones mirrored", loses="some images mirrored")
def _(images, down, right, flip, fill):
    """You mirrored the images with `flip` false. The order in torch.where is: condition, value where true, value where false."""
    return moved(mirrored(images, ~flip if flip.any() else flip), down, right, fill)


@shift_and_flip.mistake("moved first, then mirrored", loses="first the mirror, then the move")
def _(images, down, right, flip, fill):
    """You moved the images and mirrored them afterwards, so the mirrored ones moved to the other side. First the mirror, then the move."""
    return mirrored(moved(images, down, right, fill), flip)


@shift_and_flip.mistake("images changed in place", loses="inputs left unmodified")
def _(images, down, right, flip, fill):
    """You mirrored or moved the caller's images in place. In the next epoch they would be changed once more: make new ones."""
    images[flip] = images[flip].flip(3)
    return moved(images, down, right, fill)


@shift_and_flip.mistake("double precision", loses="float32 stays float32")
def _(images, down, right, flip, fill):
    """Your result is float64, but the images are float32. Make the new tensor with `torch.full_like(images, fill)`, or give it the images' dtype."""
    return moved(mirrored(images, flip), down, right, fill).double()


# --- RandomShiftAndFlip --------------------------------------------------------------------------------------------------

random_shift_and_flip = Exercise(
    "RandomShiftAndFlip", reference=notebook.RandomShiftAndFlip, title="Augmentation as a layer", minutes=25, difficulty=2, probe=f"{PROBES}:moves_seen"
)


def fill_of(rng):
    return -float(np.round(rng.uniform(0.3, 0.9), 2))


@random_shift_and_flip.checks("does nothing in evaluation", points=2, probe=f"{PROBES}:nothing_in_evaluation")
def _(rng):
    return case(pictures(rng, 40), most=int(rng.integers(2, 4)), fill=fill_of(rng))


@random_shift_and_flip.checks("shape in training", points=1, probe=f"{PROBES}:shape_in_training")
def _(rng):
    return case(pictures(rng, int(rng.integers(2, 6)), channels=3), most=2)


@random_shift_and_flip.checks("every move up to most, and none farther", points=3)
def _(rng):
    return case(one_of(rng, 3, 4), fill=fill_of(rng))


@random_shift_and_flip.checks("half of the images mirrored", points=1, probe=f"{PROBES}:share_mirrored", rtol=0.03)
def _(rng):
    return case(2, fill=fill_of(rng))


@random_shift_and_flip.checks("mirror=False", points=1)
def _(rng):
    return case(one_of(rng, 3, 4), fill=fill_of(rng), mirror=False)


@random_shift_and_flip.checks("fill comes in from outside", points=1, probe=f"{PROBES}:what_comes_in")
def _(rng):
    return case(2, fill=fill_of(rng))


@random_shift_and_flip.checks("PyTorch's seed decides", points=1, probe=f"{PROBES}:repeats")
def _(rng):
    return case(2, fill=fill_of(rng))


@random_shift_and_flip.checks("input left unmodified", points=1, probe=f"{PROBES}:shape_in_training", unmodified=True)
def _(rng):
    return case(pictures(rng, 30), most=2)


class OtherLayer(notebook.RandomShiftAndFlip):
    """The layer in parts, for the mistakes: `draws` says how far the images move, `mirrors` which are mirrored."""

    def draws(self, n):
        return torch.randint(-self.most, self.most + 1, (2, n))

    def mirrors(self, n):
        return (torch.rand(n) < 0.5) & self.mirror

    def forward(self, x):
        if not self.training:
            return x
        return notebook.shift_and_flip(x, *self.draws(len(x)), self.mirrors(len(x)), self.fill)


@random_shift_and_flip.mistake("active in evaluation", loses="does nothing in evaluation")
class ActiveInEvaluation(OtherLayer):
    """Your layer moves images in evaluation, too. Return `x` as it is when `self.training` is False."""

    def forward(self, x):
        return notebook.shift_and_flip(x, *self.draws(len(x)), self.mirrors(len(x)), self.fill)


@random_shift_and_flip.mistake("one move for the whole batch", loses="every move up to most, and none farther")
class OneMove(OtherLayer):
    """All images of your batch make the same move. Draw one number for each image: `torch.randint(low, high, (len(x),))`."""

    def draws(self, n):
        return torch.randint(-self.most, self.most + 1, (2, 1)).expand(2, n)

    def mirrors(self, n):
        return (torch.rand(1) < 0.5).expand(n) & self.mirror


@random_shift_and_flip.mistake("largest move never drawn", loses="every move up to most, and none farther")
class NeverMost(OtherLayer):
    """A move of +most never happens: `torch.randint(low, high, …)` stops before `high`. Use most + 1."""

    def draws(self, n):
        return torch.randint(-self.most, self.most, (2, n))


@random_shift_and_flip.mistake("only down and right", loses="every move up to most, and none farther")
class OnlyForward(OtherLayer):
    """Your images move down and right only. The moves go from −most to +most."""

    def draws(self, n):
        return torch.randint(0, self.most + 1, (2, n))


@random_shift_and_flip.mistake("one pixel too far", loses="every move up to most, and none farther")
class TooFar(OtherLayer):
    """Some of your images move farther than `most`. The moves go from −most to +most, both ends included."""

    def draws(self, n):
        return torch.randint(-self.most - 1, self.most + 2, (2, n))


@random_shift_and_flip.mistake("the same number for both directions", loses="every move up to most, and none farther")
class Diagonal(OtherLayer):
    """Your images move along the diagonal only: `down` and `right` are the same numbers. Draw twice."""

    def draws(self, n):
        return torch.randint(-self.most, self.most + 1, (1, n)).expand(2, n)


@random_shift_and_flip.mistake("most ignored", loses="every move up to most, and none farther")
class AlwaysTwo(OtherLayer):
    """Your moves do not depend on `most`: keep it in __init__ and use it in forward."""

    def draws(self, n):
        return torch.randint(-2, 3, (2, n))


@random_shift_and_flip.mistake("all mirrored", loses="half of the images mirrored")
class AllMirrored(OtherLayer):
    """You mirror every image. Mirror each one with probability 1/2, for instance where `torch.rand(n) < 0.5`."""

    def mirrors(self, n):
        return torch.full((n,), bool(self.mirror))


@random_shift_and_flip.mistake("never mirrored", loses="half of the images mirrored")
class NeverMirrored(OtherLayer):
    """You never mirror an image. With `mirror`, each one is mirrored with probability 1/2."""

    def mirrors(self, n):
        return torch.zeros(n, dtype=torch.bool)


@random_shift_and_flip.mistake("mirror ignored", loses="mirror=False")
class MirrorIgnored(OtherLayer):
    """Your layer mirrors images even with mirror=False. Digits and letters must not be mirrored: keep the switch and use it."""

    def mirrors(self, n):
        return torch.rand(n) < 0.5


@random_shift_and_flip.mistake("filled with 0", loses="fill comes in from outside")
class FilledWithZero(OtherLayer):
    """What comes in from outside is 0 in your images. Keep `fill` in __init__ and hand it on to shift_and_flip."""

    def __init__(self, most=2, fill=0.0, mirror=True):
        super().__init__(most, 0.0, mirror)


@random_shift_and_flip.mistake("a seed of its own", loses="PyTorch's seed decides")
class OwnSeed(OtherLayer):
    """Every call makes the same moves: you set a seed inside the layer. Then each epoch shows the same images again. Leave seeding to who trains."""

    def forward(self, x):
        torch.manual_seed(0)
        return super().forward(x)


@random_shift_and_flip.mistake("NumPy's generator", loses="PyTorch's seed decides")
class DrawnByNumPy(OtherLayer):
    """Your draws come from another generator than PyTorch's, so `torch.manual_seed` does not repeat a run. Use torch.randint and torch.rand."""

    def draws(self, n):
        return torch.from_numpy(np.random.default_rng().integers(-self.most, self.most + 1, (2, n)))


@random_shift_and_flip.mistake("input changed in place", loses="input left unmodified")
class InPlace(OtherLayer):
    """You changed the batch that came in. The next epoch needs it as it was: return a new tensor."""

    def forward(self, x):
        return x.copy_(super().forward(x)).clone()


# --- differences ---------------------------------------------------------------------------------------------------------

differences = Exercise("differences", reference=notebook.differences, title="With minus without", minutes=10, difficulty=1)


def table(rng, seeds=None):
    return rng.uniform(0.5, 0.95, (2, 2, 2, seeds or int(rng.integers(3, 6))))


@differences.checks("the first ingredient", points=1)
def _(rng):
    return case(table(rng), "batchnorm")


@differences.checks("the other ingredients", points=2)
def _(rng):
    return case(table(rng), one_of(rng, "dropout", "augmentation"))


@differences.checks("two seeds", points=1)
def _(rng):
    return case(table(rng, 2), one_of(rng, *INGREDIENTS))


@differences.checks("an unknown ingredient: ValueError", points=1)
def _(rng):
    return case(table(rng), one_of(rng, "luck", "layernorm", ""))


@differences.checks("input left unmodified", points=1, unmodified=True)
def _(rng):
    return case(table(rng), one_of(rng, *INGREDIENTS))


def along(accuracy, axis):
    return np.take(accuracy, 1, axis=axis) - np.take(accuracy, 0, axis=axis)


@differences.mistake("without minus with", loses="the first ingredient")
def _(accuracy, ingredient):
    """You subtracted the wrong way round: an ingredient that helps must give positive numbers. With minus without."""
    return -notebook.differences(accuracy, ingredient)


@differences.mistake("always the first axis", loses="the other ingredients")
def _(accuracy, ingredient):
    """You always take the differences along the first axis, which is batchnorm. The axis is the ingredient's place in INGREDIENTS."""
    INGREDIENTS.index(ingredient)
    return along(accuracy, 0)


@differences.mistake("axes counted from the end", loses="the first ingredient")
def _(accuracy, ingredient):
    """You took the axis of another ingredient. The order of the axes is the order of INGREDIENTS, the seed comes last."""
    return along(accuracy, 2 - INGREDIENTS.index(ingredient) if ingredient != "dropout" else 0)


@differences.mistake("averaged over the seeds", loses="the first ingredient")
def _(accuracy, ingredient):
    """You averaged over the seeds. Keep a difference for each seed: their spread is what the error bars are made of."""
    return notebook.differences(accuracy, ingredient).mean(axis=-1)


@differences.mistake("only alone", loses="the first ingredient")
def _(accuracy, ingredient):
    """You compared with the plain recipe only. The ingredient is added in four companies: the result is 2×2×seeds."""
    return notebook.differences(accuracy, ingredient)[0, 0]


@differences.mistake("all against plain", loses="the first ingredient")
def _(accuracy, ingredient):
    """You subtracted the plain recipe from all. Subtract from each recipe the one that differs in this ingredient only."""
    return np.take(accuracy, 1, axis=INGREDIENTS.index(ingredient)) - accuracy[0, 0, 0]


@differences.mistake("other ingredients exchanged", loses="the first ingredient")
def _(accuracy, ingredient):
    """The first two axes of your result are exchanged. The other ingredients keep their order."""
    return notebook.differences(accuracy, ingredient).swapaxes(0, 1)


@differences.mistake("unknown names taken as they come", loses="an unknown ingredient: ValueError")
def _(accuracy, ingredient):
    """For an unknown ingredient you return some result. Raise ValueError; `INGREDIENTS.index` does it for you."""
    return along(accuracy, INGREDIENTS.index(ingredient) if ingredient in INGREDIENTS else 2)


@differences.mistake("subtracted in place", loses="input left unmodified")
def _(accuracy, ingredient):
    """You subtracted inside the caller's table (`-=`). It is needed for the other ingredients: make a new array."""
    without, with_it = np.moveaxis(accuracy, INGREDIENTS.index(ingredient), 0)
    with_it -= without
    return with_it.copy()


# --- verdict -------------------------------------------------------------------------------------------------------------

verdict = Exercise(
    "verdict", reference=notebook.verdict, title="More than luck?", minutes=15, difficulty=1, returns=("mean", "error", "says")
)


def scattered(rng, in_errors, shape=None):
    """Differences whose mean is `in_errors` standard errors away from 0."""
    d = rng.standard_normal(shape or (2, 2, int(rng.integers(3, 6))))
    d = (d - d.mean()) / (d.std(ddof=1) / np.sqrt(d.size))
    return case(0.01 * (d + in_errors) * rng.uniform(0.3, 1))


@verdict.checks("the mean", points=1, only="mean")
def _(rng):
    return scattered(rng, rng.uniform(-4, 4))


@verdict.checks("the standard error", points=2, only="error")
def _(rng):
    return scattered(rng, rng.uniform(-4, 4))


@verdict.checks("helps", points=1, only="says")
def _(rng):
    return scattered(rng, rng.uniform(2.3, 2.8))


@verdict.checks("hurts", points=1, only="says")
def _(rng):
    return scattered(rng, rng.uniform(-2.8, -2.3))


@verdict.checks("between one error and two: cannot tell", points=1, only="says")
def _(rng):
    return scattered(rng, rng.uniform(1.2, 1.8) * one_of(rng, -1, 1))


@verdict.checks("less than one error: cannot tell", points=1, only="says")
def _(rng):
    return scattered(rng, rng.uniform(0.2, 0.8) * one_of(rng, -1, 1))


@verdict.checks("three differences in one row", points=1)
def _(rng):
    return scattered(rng, rng.uniform(3, 5), (3,))


@verdict.checks("a single difference: ValueError", points=1)
def _(rng):
    return case(rng.uniform(0.01, 0.02, 1))


def judged(mean, error, times=2.0):
    return mean, error, int(mean > times * error) - int(mean < -times * error)


def needs_two(d):
    if d.size < 2:
        raise ValueError("a spread needs at least two differences")


@verdict.mistake("divided by n", loses="the standard error")
def _(differences):
    """You divided by n in the standard deviation, NumPy's default. The differences are a sample: divide by n − 1, with ddof=1."""
    needs_two(differences)
    return judged(differences.mean(), differences.std() / np.sqrt(differences.size))


@verdict.mistake("standard deviation taken for the error", loses="the standard error")
def _(differences):
    """You returned the standard deviation: how much one difference scatters. The error of the mean is smaller by √n."""
    needs_two(differences)
    return judged(differences.mean(), differences.std(ddof=1))


@verdict.mistake("divided by n instead of √n", loses="the standard error")
def _(differences):
    """You divided the standard deviation by n. The error of a mean shrinks with the square root: divide by √n."""
    needs_two(differences)
    return judged(differences.mean(), differences.std(ddof=1) / differences.size)


@verdict.mistake("variance instead of deviation", loses="the standard error")
def _(differences):
    """You used the variance, the square of the standard deviation. Its unit is not that of an accuracy."""
    needs_two(differences)
    return judged(differences.mean(), differences.var(ddof=1) / np.sqrt(differences.size))


@verdict.mistake("only the seeds counted", loses="the standard error")
def _(differences):
    """You divided by the root of the number of seeds. All numbers of the table count: n is `differences.size`."""
    needs_two(differences)
    return judged(differences.mean(), differences.std(ddof=1) / np.sqrt(differences.shape[-1]))


@verdict.mistake("one error is enough", loses="between one error and two: cannot tell")
def _(differences):
    """You judge by one standard error. Luck alone is farther away than that in about one of three experiments: ask for two."""
    needs_two(differences)
    return judged(differences.mean(), differences.std(ddof=1) / np.sqrt(differences.size), times=1)


@verdict.mistake("three errors asked", loses="helps")
def _(differences):
    """You ask for three standard errors. The rule of this lab is two."""
    needs_two(differences)
    return judged(differences.mean(), differences.std(ddof=1) / np.sqrt(differences.size), times=3)


@verdict.mistake("the sign alone", loses="less than one error: cannot tell")
def _(differences):
    """You look at the sign of the mean only. It is never exactly 0, so you always claim something: compare with two standard errors."""
    needs_two(differences)
    return judged(differences.mean(), differences.std(ddof=1) / np.sqrt(differences.size), times=0)


@verdict.mistake("harm never seen", loses="hurts")
def _(differences):
    """You test only whether the mean is large and positive. A mean below −2·error says −1: the ingredient hurts."""
    needs_two(differences)
    mean, error, says = judged(differences.mean(), differences.std(ddof=1) / np.sqrt(differences.size))
    return mean, error, max(says, 0)


@verdict.mistake("median instead of mean", loses="the mean")
def _(differences):
    """You returned the median. The error is that of the mean, so take the mean."""
    needs_two(differences)
    return judged(np.median(differences), differences.std(ddof=1) / np.sqrt(differences.size))


@verdict.mistake("an error from one number", loses="a single difference: ValueError")
def _(differences):
    """One difference has no spread, and you returned NaN or 0 as its error. Raise ValueError when there are fewer than two."""
    return judged(differences.mean(), differences.std(ddof=int(differences.size > 1)) / np.sqrt(differences.size))


# --- conclusion ----------------------------------------------------------------------------------------------------------

conclusion = Exercise(
    "conclusion",
    reference=notebook.conclusion,
    title="What your numbers say",
    minutes=15,
    difficulty=1,
    returns=("claims", "table"),
    probe=f"{PROBES}:claims_and_table",
)

CONCLUSIONS = {
    "your table: eight recipes, three seeds or more": (2, "complete"),
    "no claim says the opposite of your numbers": (1, "not_the_opposite"),
    "no claim says more than your numbers": (2, "not_too_much"),
    "no claim says less than your numbers": (1, "not_too_little"),
}
for what, (worth, held_by) in CONCLUSIONS.items():
    conclusion.checks(what, points=worth, holds=f"convnets.check.conclusions:{held_by}", calls=1)(lambda rng: case())


def clear_table(effects):
    """A table in which each ingredient has the given effect, beyond doubt, or none that could be told."""
    noise = np.random.default_rng(0).uniform(-1, 1, (2, 2, 2, 3)) * 0.002
    return 0.7 + 0.03 * np.tensordot(effects, np.indices((2, 2, 2, 3))[:3], 1) + noise


def claimed(*words):
    return dict(zip(INGREDIENTS, words, strict=True))


@conclusion.mistake("the opposite", loses="no claim says the opposite of your numbers")
def _():
    """A claim says the opposite of your numbers. Look at the sign of the mean of all twelve differences, with minus without: above 0 it helps."""
    return claimed("hurts", "helps", "hurts"), clear_table((1, -1, 1))


@conclusion.mistake("more than the numbers say", loses="no claim says more than your numbers")
def _():
    """You claim “helps” or “hurts” for an ingredient whose mean is less than two standard errors away from 0. However nice it would be: your numbers cannot tell. Write “cannot tell” for it."""
    return claimed("helps", "helps", "helps"), clear_table((1, 0, 1))


@conclusion.mistake("less than the numbers say", loses="no claim says less than your numbers")
def _():
    """You claim “cannot tell” for an ingredient whose mean is more than two standard errors away from 0. Your numbers say more than that: say it."""
    return claimed("cannot tell", "cannot tell", "cannot tell"), clear_table((1, 0, 1))


@conclusion.mistake("too few seeds", loses="your table: eight recipes, three seeds or more")
def _():
    """Your table has fewer than three seeds, too few to see how much they scatter. Delete results.safetensors and run the experiment with seeds=3 or more."""
    return claimed("helps", "cannot tell", "helps"), clear_table((1, 0, 1))[..., :2]


@conclusion.mistake("a seed counted twice", loses="your table: eight recipes, three seeds or more")
def _():
    """Two seeds of your table have the same accuracies in all eight recipes. A copy of a run is no second run, and makes the error bars too short. Delete results.safetensors and run the experiment anew."""
    return claimed("helps", "cannot tell", "helps"), clear_table((1, 0, 1))[..., [0, 1, 1]]
