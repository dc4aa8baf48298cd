"""Checks of assignment 07, first half: Highway, residual blocks and nets, the shortcut study, stochastic depth."""

from collections import OrderedDict
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from autograder.units import import_unit
from convnets.check import Exercise, case
from convnets.check.network_probes import seed

notebook = import_unit("07_residual_architectures")
NETWORK, RESIDUAL = "convnets.check.network_probes", "convnets.check.residual_probes"
OUTPUT, TRAINING, COUNT = f"{NETWORK}:output", f"{NETWORK}:training_output", f"{NETWORK}:parameter_count"
UNREACHED = f"{NETWORK}:parameters_without_gradient"


def one_of(rng, *values):
    return values[int(rng.integers(len(values)))]


def size(rng):
    """Unequal height and width, both odd, so that a stride of 2 leaves a remainder."""
    return one_of(rng, (5, 3), (3, 5))


def small_image(rng):
    return one_of(rng, (9, 7), (7, 11), (11, 9))


# --- Highway -------------------------------------------------------------------------------------------------------------

highway = Exercise("Highway", reference=notebook.Highway, title="A layer with a gate", minutes=20, difficulty=1, probe=OUTPUT, rtol=1e-4)


@highway.checks("number of parameters", points=1, probe=COUNT)
def _(rng):
    return case(features=int(rng.integers(5, 90)))


@highway.checks("the gate mixes H and x", points=2)
def _(rng):
    features = int(rng.integers(4, 9))
    return case((5, features), seed(rng), features=features)


@highway.checks("every number has its own gate", points=1)
def _(rng):
    features = int(rng.integers(9, 14))
    return case((2, features), seed(rng), features=features, gate_bias=1.0)


@highway.checks("the gates start at gate_bias", points=1, probe=f"{RESIDUAL}:gate_start")
def _(rng):
    return case((1, 64), float(one_of(rng, -3.0, -4.0, 3.0)), features=64)


class BentHighway(nn.Module):
    """A Highway layer with one flaw."""

    def __init__(self, flaw, features, gate_bias=-2.0):
        super().__init__()
        self.flaw, self.start = flaw, gate_bias
        self.transform = nn.Linear(features, features)
        self.gate = nn.Linear(features, 1 if flaw == "one gate" else features)
        if flaw not in ("default bias", "bias added"):
            nn.init.constant_(self.gate.bias, -gate_bias if flaw == "sign" else gate_bias)

    def forward(self, x):
        made = self.transform(x) if self.flaw == "no relu" else torch.relu(self.transform(x))
        opened = self.gate(made if self.flaw == "gate of H" else x) + (self.start if self.flaw == "bias added" else 0)
        gate = torch.tanh(opened) if self.flaw == "tanh" else opened if self.flaw == "no sigmoid" else torch.sigmoid(opened)
        if self.flaw == "swapped":
            return (1 - gate) * made + gate * x
        return gate * made + (x if self.flaw == "x ungated" else (1 - gate) * x)


@highway.mistake("only H is gated", loses="the gate mixes H and x")
def _(**options):
    """Your gate scales only one path: T·H + x. In a Highway layer the input must give way, too: (1 − T)·x."""
    return BentHighway("x ungated", **options)


@highway.mistake("gate the wrong way round", loses="the gate mixes H and x")
def _(**options):
    """You let x through where the gate is open. T belongs to H, what is left, 1 − T, to x."""
    return BentHighway("swapped", **options)


@highway.mistake("H without ReLU", loses="the gate mixes H and x")
def _(**options):
    """Your H is a linear layer without its ReLU."""
    return BentHighway("no relu", **options)


@highway.mistake("gate without sigmoid", loses="the gate mixes H and x")
def _(**options):
    """Your gate is not squashed, so it can be negative or larger than 1. Send it through a sigmoid."""
    return BentHighway("no sigmoid", **options)


@highway.mistake("gate by tanh", loses="the gate mixes H and x")
def _(**options):
    """Your gate goes through tanh and lies between −1 and 1. A share lies between 0 and 1: take the sigmoid."""
    return BentHighway("tanh", **options)


@highway.mistake("gate computed from H", loses="the gate mixes H and x")
def _(**options):
    """Your gate looks at H. It must look at the input x, as H itself does."""
    return BentHighway("gate of H", **options)


@highway.mistake("one gate for all numbers", loses="number of parameters")
def _(**options):
    """You have one gate for all features of an example. Every number has a gate of its own: `nn.Linear(features, features)`."""
    return BentHighway("one gate", **options)


@highway.mistake("sign of the bias", loses="the gates start at gate_bias")
def _(**options):
    """Your gate's bias starts with the opposite sign. Fill it with gate_bias as it is: a negative one closes the gate."""
    return BentHighway("sign", **options)


@highway.mistake("bias left at its default", loses="the gates start at gate_bias")
def _(**options):
    """Your gate's bias starts where PyTorch put it, so the gate is half open. Fill it with gate_bias in `__init__`."""
    return BentHighway("default bias", **options)


@highway.mistake("gate_bias added in every pass", loses="the gate mixes H and x")
def _(**options):
    """You add gate_bias to the gate in every pass, besides its own bias. It is only the value with which that bias starts: `nn.init.constant_`."""
    return BentHighway("bias added", **options)


# --- make_shortcut -------------------------------------------------------------------------------------------------------

make_shortcut = Exercise(
    "make_shortcut", reference=notebook.make_shortcut, title="What carries x", minutes=30, difficulty=2, probe=OUTPUT, rtol=1e-4
)


@make_shortcut.checks("nothing changes: x itself", points=1)
def _(rng):
    channels = int(rng.integers(3, 7))
    return case((1, channels, *size(rng)), seed(rng), in_channels=channels, out_channels=channels, option=one_of(rng, "A", "B"))


@make_shortcut.checks("nothing changes: no parameters", points=1, probe=COUNT)
def _(rng):
    channels = int(rng.integers(3, 7))
    return case(in_channels=channels, out_channels=channels)


@make_shortcut.checks("option A: rows and columns left out, maps of zeros", points=2)
def _(rng):
    channels = int(rng.integers(2, 5))
    return case((1, channels, *size(rng)), seed(rng), in_channels=channels, out_channels=channels + one_of(rng, 3, 4, 5), stride=2, option="A")


@make_shortcut.checks("option A: no parameters", points=1, probe=COUNT)
def _(rng):
    channels = int(rng.integers(2, 5))
    return case(in_channels=channels, out_channels=2 * channels, stride=2, option="A")


@make_shortcut.checks("option B: 1×1 convolution and BatchNorm", points=2)
def _(rng):
    channels = int(rng.integers(2, 5))
    return case((1, channels, *size(rng)), seed(rng), in_channels=channels, out_channels=2 * channels, stride=2)


@make_shortcut.checks("option B: number of parameters", points=1, probe=COUNT)
def _(rng):
    channels = int(rng.integers(4, 40))
    return case(in_channels=channels, out_channels=2 * channels, stride=2)


@make_shortcut.checks("only the size changes", points=1)
def _(rng):
    channels, stride = int(rng.integers(2, 5)), one_of(rng, 2, 3)
    return case((1, channels, *size(rng)), seed(rng), in_channels=channels, out_channels=channels, stride=stride, option="B")


@make_shortcut.checks("only the channels change", points=1)
def _(rng):
    channels = int(rng.integers(2, 5))
    return case((1, channels, *size(rng)), seed(rng), in_channels=channels, out_channels=channels + 3, option=one_of(rng, "A", "B"))


@make_shortcut.checks("another option raises ValueError", points=1)
def _(rng):
    return case((1, 2, 4, 4), seed(rng), in_channels=2, out_channels=4, stride=2, option=one_of(rng, "C", "a", "none"))


class BentPadding(nn.Module):
    """Option A with one flaw."""

    def __init__(self, flaw, in_channels, out_channels, stride):
        super().__init__()
        self.flaw, self.stride, self.missing = flaw, stride, out_channels - in_channels

    def forward(self, x):
        if self.flaw == "pooled":
            x = F.avg_pool2d(x, self.stride, ceil_mode=True)
        elif self.flaw == "second pixel":
            x = F.pad(x, (0, 1, 0, 1))[:, :, 1 :: self.stride, 1 :: self.stride][:, :, : -(-x.shape[2] // self.stride), : -(-x.shape[3] // self.stride)]
        else:
            x = x[:, :, :: self.stride, :: self.stride]
        before = {"behind": 0, "in front": self.missing}.get(self.flaw, self.missing // 2)
        if self.flaw == "repeated":
            return x[:, torch.arange(x.shape[1] + self.missing) % x.shape[1]]
        return F.pad(x, (0, 0, 0, 0, before, self.missing - before))


def bent_shortcut(flaw, in_channels, out_channels, stride=1, option="B"):
    """A shortcut with one flaw."""
    if option not in ("A", "B") and flaw != "any option":
        raise ValueError(option)
    changes = in_channels != out_channels if flaw == "channels only" else stride != 1 if flaw == "size only" else (in_channels, 1) != (out_channels, stride)
    if not changes and flaw != "always":
        return nn.Identity()
    if option == "A" and flaw != "always B":
        return BentPadding(flaw, in_channels, out_channels, stride)
    kernel = 3 if flaw == "3×3" else 1
    convolution = nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, bias=flaw == "bias")
    parts = [convolution] + [nn.BatchNorm2d(out_channels)] * (flaw != "no norm") + [nn.ReLU()] * (flaw == "relu")
    return nn.Sequential(*parts)


@make_shortcut.mistake("all zeros behind", loses="option A: rows and columns left out, maps of zeros")
def _(**options):
    """Your option A puts all maps of zeros behind the others. Half of them come first, half last; an odd one comes last."""
    return bent_shortcut("behind", **options)


@make_shortcut.mistake("all zeros in front", loses="option A: rows and columns left out, maps of zeros")
def _(**options):
    """Your option A puts all maps of zeros before the others. Half of them come first, half last; an odd one comes last."""
    return bent_shortcut("in front", **options)


@make_shortcut.mistake("maps repeated", loses="option A: rows and columns left out, maps of zeros")
def _(**options):
    """Your option A fills the new channels with copies of the old ones. They are zeros."""
    return bent_shortcut("repeated", **options)


@make_shortcut.mistake("pooled instead of left out", loses="option A: rows and columns left out, maps of zeros")
def _(**options):
    """Your option A averages. It just takes every stride-th row and column: `x[:, :, ::stride, ::stride]`."""
    return bent_shortcut("pooled", **options)


@make_shortcut.mistake("begins with the second pixel", loses="option A: rows and columns left out, maps of zeros")
def _(**options):
    """Your option A begins with row 1 and column 1. Take rows and columns 0, stride, 2·stride, …: `::stride`, as a convolution does."""
    return bent_shortcut("second pixel", **options)


@make_shortcut.mistake("option A has parameters", loses="option A: no parameters")
def _(**options):
    """Your option A projects with a convolution. That is option B; option A learns nothing."""
    return bent_shortcut("always B", **options)


@make_shortcut.mistake("BatchNorm forgotten", loses="option B: 1×1 convolution and BatchNorm")
def _(**options):
    """Your option B is the convolution alone. The BatchNorm behind it is missing."""
    return bent_shortcut("no norm", **options)


@make_shortcut.mistake("convolution with bias", loses="option B: number of parameters")
def _(**options):
    """Your 1×1 convolution has a bias. The BatchNorm behind it takes it away again: `bias=False`."""
    return bent_shortcut("bias", **options)


@make_shortcut.mistake("3×3 instead of 1×1", loses="option B: 1×1 convolution and BatchNorm")
def _(**options):
    """Your projection has a 3×3 kernel. It only changes the number of channels: 1×1."""
    return bent_shortcut("3×3", **options)


@make_shortcut.mistake("ReLU in the shortcut", loses="option B: 1×1 convolution and BatchNorm")
def _(**options):
    """You put a ReLU at the end of the projection. The only ReLU that the carried values meet is the one after the addition."""
    return bent_shortcut("relu", **options)


@make_shortcut.mistake("a projection everywhere", loses="nothing changes: no parameters")
def _(**options):
    """You project even where nothing changes. Where channels and size stay, the shortcut is x itself, `nn.Identity()`."""
    return bent_shortcut("always", **options)


@make_shortcut.mistake("looks at the channels only", loses="only the size changes")
def _(**options):
    """You return the identity whenever the channels stay. With a stride of 2 the size changes, and x no longer fits."""
    return bent_shortcut("channels only", **options)


@make_shortcut.mistake("looks at the size only", loses="only the channels change")
def _(**options):
    """You return the identity whenever the stride is 1. Where the number of channels changes, x no longer fits."""
    return bent_shortcut("size only", **options)


@make_shortcut.mistake("any option is accepted", loses="another option raises ValueError")
def _(**options):
    """You accept options that do not exist. Raise ValueError for everything but "A" and "B"."""
    return bent_shortcut("any option", **options)


# --- BasicBlock ----------------------------------------------------------------------------------------------------------

basic_block = Exercise("BasicBlock", reference=notebook.BasicBlock, title="Two convolutions and an addition", minutes=40, difficulty=2, probe=OUTPUT, rtol=1e-4)


@basic_block.checks("number of parameters", points=1, probe=COUNT)
def _(rng):
    channels = int(rng.integers(8, 40))
    return case(in_channels=channels, channels=channels)


@basic_block.checks("x is added, then the ReLU", points=2)
def _(rng):
    channels = int(rng.integers(3, 6))
    return case((1, channels, *size(rng)), seed(rng), in_channels=channels, channels=channels)


@basic_block.checks("channels and size change", points=2)
def _(rng):
    channels = int(rng.integers(2, 5))
    return case((1, channels, *size(rng)), seed(rng), in_channels=channels, channels=2 * channels, stride=2)


@basic_block.checks("option A", points=1)
def _(rng):
    channels = int(rng.integers(2, 5))
    return case((1, channels, *size(rng)), seed(rng), in_channels=channels, channels=2 * channels, stride=2, option="A")


@basic_block.checks("statistics of the batch in training", points=1, probe=TRAINING)
def _(rng):
    channels = int(rng.integers(3, 6))
    return case((3, channels, *size(rng)), seed(rng), in_channels=channels, channels=channels)


@basic_block.checks("plain block: nothing is added", points=1)
def _(rng):
    channels = int(rng.integers(3, 6))
    return case((1, channels, *size(rng)), seed(rng), in_channels=channels, channels=channels, residual=False)


@basic_block.checks("plain block: no parameters for a shortcut", points=1, probe=COUNT)
def _(rng):
    channels = int(rng.integers(8, 40))
    return case(in_channels=channels, channels=2 * channels, stride=2, residual=False)


@basic_block.checks("zero_init: x comes back, and the block can still learn", points=2, probe=f"{RESIDUAL}:zero_start")
def _(rng):
    channels = int(rng.integers(4, 8))
    return case((4, channels, *size(rng)), seed(rng), in_channels=channels, channels=channels)


class BentBlock(nn.Module):
    """A basic block with one flaw."""

    def __init__(self, flaw, in_channels, channels, stride=1, option="B", residual=True, zero_init=False):
        super().__init__()
        self.flaw, self.residual = flaw, residual
        bias, late = flaw == "bias", flaw == "stride late"
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=1 if late else stride, padding=1, bias=bias)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride if late else 1, padding=1, bias=bias)
        self.bn2 = nn.Identity() if flaw == "one norm" else self.bn1 if flaw == "shared norm" else nn.BatchNorm2d(channels)
        option = "B" if flaw == "always B" else option
        changes = stride != 1 or in_channels != channels
        if flaw in ("no projection", "from the middle") or (not residual and flaw != "shortcut kept"):
            self.shortcut = nn.Identity()
        elif flaw == "bare projection" and changes and option == "B":
            self.shortcut = nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False)
        else:
            self.shortcut = notebook.make_shortcut(in_channels, channels, stride, option)
        zeroed = {"first zeroed": [self.bn1], "none zeroed": []}.get(flaw, [self.bn2])
        for norm in zeroed if zero_init or flaw == "always zeroed" else []:
            if isinstance(norm, nn.BatchNorm2d):
                nn.init.zeros_(norm.weight)

    def forward(self, x):
        middle = self.bn1(self.conv1(x))
        middle = middle if self.flaw == "no relu between" else torch.relu(middle)
        made = self.bn2(self.conv2(middle))
        carried = self.shortcut(middle if self.flaw == "from the middle" else x)
        if not self.residual and self.flaw != "always adds":
            return torch.relu(made)
        if self.flaw == "relu first":
            return torch.relu(made) + carried
        if self.flaw == "relu twice":
            return torch.relu(torch.relu(made) + carried)
        return made + carried if self.flaw == "no last relu" else torch.relu(made + carried)


@basic_block.mistake("ReLU before the addition", loses="x is added, then the ReLU")
def _(**options):
    """Your last ReLU stands before the addition, so F can only add. First add the shortcut, then apply the ReLU to the sum."""
    return BentBlock("relu first", **options)


@basic_block.mistake("ReLU before and after the addition", loses="x is added, then the ReLU")
def _(**options):
    """You apply a ReLU to F before you add, and another one after it. F ends with its BatchNorm, so that it can also take away."""
    return BentBlock("relu twice", **options)


@basic_block.mistake("no ReLU at the end", loses="x is added, then the ReLU")
def _(**options):
    """Your block ends with the addition. The ReLU after it is missing."""
    return BentBlock("no last relu", **options)


@basic_block.mistake("no ReLU between the convolutions", loses="x is added, then the ReLU")
def _(**options):
    """There is no ReLU between your two convolutions: conv, BatchNorm, ReLU, conv, BatchNorm."""
    return BentBlock("no relu between", **options)


@basic_block.mistake("shortcut begins after the first ReLU", loses="x is added, then the ReLU")
def _(**options):
    """You add what comes out of the first ReLU. The shortcut begins before the block: keep x and add that."""
    return BentBlock("from the middle", **options)


@basic_block.mistake("projection missing", loses="channels and size change")
def _(**options):
    """You add x even where the shape changes, and it does not fit. Add `make_shortcut(…)(x)`."""
    return BentBlock("no projection", **options)


@basic_block.mistake("BatchNorm forgotten in the shortcut", loses="channels and size change")
def _(**options):
    """Your shortcut projects without a BatchNorm. Use your `make_shortcut`: it has one."""
    return BentBlock("bare projection", **options)


@basic_block.mistake("stride in the second convolution", loses="channels and size change")
def _(**options):
    """Your stride stands in the second convolution. The first one shrinks the maps."""
    return BentBlock("stride late", **options)


@basic_block.mistake("no BatchNorm after the second convolution", loses="number of parameters")
def _(**options):
    """Your second convolution has no BatchNorm. There are two in the block, one after each convolution."""
    return BentBlock("one norm", **options)


@basic_block.mistake("one BatchNorm used twice", loses="number of parameters")
def _(**options):
    """You use the same BatchNorm after both convolutions. Make two: each has its own statistics."""
    return BentBlock("shared norm", **options)


@basic_block.mistake("convolutions with bias", loses="number of parameters")
def _(**options):
    """Your convolutions have biases, which the BatchNorm behind them takes away again: `bias=False`."""
    return BentBlock("bias", **options)


@basic_block.mistake("option ignored", loses="option A")
def _(**options):
    """Your block always projects. Hand `option` on to make_shortcut."""
    return BentBlock("always B", **options)


@basic_block.mistake("plain block that still adds", loses="plain block: nothing is added")
def _(**options):
    """With residual=False your block still adds. A plain block returns ReLU(F(x))."""
    return BentBlock("always adds", **options)


@basic_block.mistake("plain block with a projection", loses="plain block: no parameters for a shortcut")
def _(**options):
    """With residual=False your block still makes a projection that nobody uses. It costs parameters: do not make it."""
    return BentBlock("shortcut kept", **options)


@basic_block.mistake("zero_init ignored", loses="zero_init: x comes back, and the block can still learn")
def _(**options):
    """With zero_init=True your block does not begin as the identity. Fill the weight of the last BatchNorm with zeros."""
    return BentBlock("none zeroed", **options)


@basic_block.mistake("first BatchNorm zeroed", loses="zero_init: x comes back, and the block can still learn")
def _(**options):
    """You zeroed the first BatchNorm. Then only zeros reach the last one, its scale gets no gradient, and the block stays dead: zero only the last, just before the addition."""
    return BentBlock("first zeroed", **options)


@basic_block.mistake("always zeroed", loses="zero_init: x comes back, and the block can still learn")
def _(**options):
    """Your last BatchNorm starts at 0 even with zero_init=False."""
    return BentBlock("always zeroed", **options)


# --- Bottleneck ----------------------------------------------------------------------------------------------------------

bottleneck = Exercise("Bottleneck", reference=notebook.Bottleneck, title="Narrow in the middle", minutes=40, difficulty=2, probe=OUTPUT, rtol=1e-4)


@bottleneck.checks("number of parameters", points=1, probe=COUNT)
def _(rng):
    channels = int(rng.integers(8, 40))
    return case(in_channels=4 * channels, channels=channels)


@bottleneck.checks("same shape: x is added, then the ReLU", points=2)
def _(rng):
    channels = int(rng.integers(2, 4))
    return case((1, 4 * channels, *size(rng)), seed(rng), in_channels=4 * channels, channels=channels)


@bottleneck.checks("channels change: four times as many come out", points=1)
def _(rng):
    channels = int(rng.integers(2, 5))
    return case((1, channels, *size(rng)), seed(rng), in_channels=channels, channels=channels)


@bottleneck.checks("the stride is in the 3×3 convolution", points=2)
def _(rng):
    channels = int(rng.integers(2, 4))
    return case((1, 2 * channels, *size(rng)), seed(rng), in_channels=2 * channels, channels=channels, stride=2)


@bottleneck.checks("statistics of the batch in training", points=1, probe=TRAINING)
def _(rng):
    channels = int(rng.integers(2, 4))
    return case((3, channels, *size(rng)), seed(rng), in_channels=channels, channels=channels, stride=2)


@bottleneck.checks("groups and base_width: number of parameters", points=1, probe=COUNT)
def _(rng):
    groups, base_width = one_of(rng, (32, 4), (32, 8), (8, 16))
    return case(in_channels=one_of(rng, 64, 256), channels=64, groups=groups, base_width=base_width)


@bottleneck.checks("groups and base_width: output", points=1)
def _(rng):
    groups = one_of(rng, 2, 4)
    return case((1, 16, *size(rng)), seed(rng), in_channels=16, channels=one_of(rng, 8, 4), groups=groups, base_width=32)


@bottleneck.checks("zero_init: x comes back, and the block can still learn", points=1, probe=f"{RESIDUAL}:zero_start")
def _(rng):
    channels = int(rng.integers(3, 6))
    return case((4, 4 * channels, *size(rng)), seed(rng), in_channels=4 * channels, channels=channels)


class BentBottleneck(nn.Module):
    """A bottleneck with one flaw."""

    def __init__(self, flaw, in_channels, channels, stride=1, groups=1, base_width=64, zero_init=False):
        super().__init__()
        self.flaw = flaw
        width = channels if flaw == "base_width ignored" else channels * base_width // 64 * (1 if flaw == "width without groups" else groups)
        out_channels = channels if flaw == "no expansion" else 4 * channels
        groups = 1 if flaw == "ungrouped" else groups
        first, second, third = {"stride early": (stride, 1, 1), "stride late": (1, 1, stride)}.get(flaw, (1, stride, 1))
        self.conv1 = nn.Conv2d(in_channels, width, 1, stride=first, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, stride=second, padding=1, groups=groups, bias=False)
        self.conv3 = nn.Conv2d(width, out_channels, 1, stride=third, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.bn3 = nn.Identity() if flaw == "two norms" else nn.BatchNorm2d(out_channels)
        if flaw == "bare projection" and (stride != 1 or in_channels != out_channels):
            self.shortcut = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)
        else:
            self.shortcut = nn.Identity() if flaw == "no projection" else notebook.make_shortcut(in_channels, out_channels, stride)
        if zero_init and flaw != "none zeroed" and flaw != "two norms":
            nn.init.zeros_((self.bn1 if flaw == "first zeroed" else self.bn3).weight)

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out = self.bn3(self.conv3(out if self.flaw == "no relu in the middle" else torch.relu(out)))
        out = torch.relu(out) if self.flaw.startswith("relu first") else out
        out = out + self.shortcut(x)
        return out if self.flaw in ("no last relu", "relu first") else torch.relu(out)


@bottleneck.mistake("stride in the first 1×1 convolution", loses="the stride is in the 3×3 convolution")
def _(**options):
    """Your stride stands in the first 1×1 convolution, as in the paper of 2015. It then never sees three quarters of its input. Put it in the 3×3, as torchvision does."""
    return BentBottleneck("stride early", **options)


@bottleneck.mistake("stride in the last 1×1 convolution", loses="statistics of the batch in training")
def _(**options):
    """Your stride stands in the last 1×1 convolution. In evaluation that gives the same numbers, but the 3×3 does four times the work, and the statistics in training are others."""
    return BentBottleneck("stride late", **options)


@bottleneck.mistake("ReLU before the addition", loses="same shape: x is added, then the ReLU")
def _(**options):
    """Your last ReLU stands before the addition. First add the shortcut, then apply the ReLU to the sum."""
    return BentBottleneck("relu first", **options)


@bottleneck.mistake("ReLU before and after the addition", loses="same shape: x is added, then the ReLU")
def _(**options):
    """You apply a ReLU after the third BatchNorm and another one after the addition. F ends with its BatchNorm, so that it can also take away."""
    return BentBottleneck("relu first and last", **options)


@bottleneck.mistake("no ReLU at the end", loses="same shape: x is added, then the ReLU")
def _(**options):
    """Your block ends with the addition. The ReLU after it is missing."""
    return BentBottleneck("no last relu", **options)


@bottleneck.mistake("no ReLU after the 3×3", loses="same shape: x is added, then the ReLU")
def _(**options):
    """There is no ReLU between your 3×3 and your last 1×1 convolution."""
    return BentBottleneck("no relu in the middle", **options)


@bottleneck.mistake("as many channels out as in the middle", loses="channels change: four times as many come out")
def _(**options):
    """Your block returns `channels` channels. The last 1×1 convolution makes four times as many."""
    return BentBottleneck("no expansion", **options)


@bottleneck.mistake("projection missing", loses="channels change: four times as many come out")
def _(**options):
    """You add x even where it has other channels than the result. Use make_shortcut(in_channels, 4 * channels, stride)."""
    return BentBottleneck("no projection", **options)


@bottleneck.mistake("BatchNorm forgotten in the shortcut", loses="the stride is in the 3×3 convolution")
def _(**options):
    """Your shortcut projects without a BatchNorm. Use your `make_shortcut`: it has one."""
    return BentBottleneck("bare projection", **options)


@bottleneck.mistake("no BatchNorm after the last convolution", loses="number of parameters")
def _(**options):
    """Your last convolution has no BatchNorm. There are three in the block, one after each convolution."""
    return BentBottleneck("two norms", **options)


@bottleneck.mistake("not grouped", loses="groups and base_width: number of parameters")
def _(**options):
    """Your 3×3 convolution ignores `groups`, so it has too many weights: hand it on to nn.Conv2d."""
    return BentBottleneck("ungrouped", **options)


@bottleneck.mistake("base_width ignored", loses="groups and base_width: number of parameters")
def _(**options):
    """Your 3×3 convolution always has `channels` channels. It has channels·base_width/64·groups."""
    return BentBottleneck("base_width ignored", **options)


@bottleneck.mistake("width of one group", loses="groups and base_width: number of parameters")
def _(**options):
    """Your middle is as wide as one group. base_width is the width of each of the groups: multiply by `groups`."""
    return BentBottleneck("width without groups", **options)


@bottleneck.mistake("zero_init ignored", loses="zero_init: x comes back, and the block can still learn")
def _(**options):
    """With zero_init=True your block does not begin as the identity. Fill the weight of the last BatchNorm with zeros."""
    return BentBottleneck("none zeroed", **options)


@bottleneck.mistake("first BatchNorm zeroed", loses="zero_init: x comes back, and the block can still learn")
def _(**options):
    """You zeroed the first BatchNorm. Zero the last of the three, just before the addition."""
    return BentBottleneck("first zeroed", **options)


# --- cifar_resnet --------------------------------------------------------------------------------------------------------

cifar_resnet = Exercise("cifar_resnet", reference=notebook.cifar_resnet, title="ResNet-20 to ResNet-110", minutes=50, difficulty=3, probe=OUTPUT, rtol=1e-4)


@cifar_resnet.checks("parameters of ResNet-20 and 56", points=2, probe=f"{RESIDUAL}:counts", calls=1)
def _(rng):
    return case((20, 56))


@cifar_resnet.checks("parameters with projections, of plain nets, of other widths", points=1, probe=f"{RESIDUAL}:counts", calls=1)
def _(rng):
    return case((one_of(rng, 14, 26),), width=one_of(rng, 12, 20), **one_of(rng, {"shortcut": "B"}, {"shortcut": "B", "residual": False}))


@cifar_resnet.checks("logits", points=2, calls=1)
def _(rng):
    return case((2, 3, *small_image(rng)), seed(rng), depth=8, width=3)


@cifar_resnet.checks("logits of a deeper net with projections", points=1, calls=1)
def _(rng):
    return case((2, 3, *small_image(rng)), seed(rng), depth=14, width=2, shortcut="B")


@cifar_resnet.checks("logits of the plain net", points=1, calls=1)
def _(rng):
    return case((2, 3, *small_image(rng)), seed(rng), depth=14, width=3, residual=False)


@cifar_resnet.checks("other channels, classes and widths", points=1, calls=1)
def _(rng):
    channels, classes, width = int(rng.integers(4, 7)), int(rng.integers(3, 9)), int(rng.integers(4, 7))
    return case((2, channels, *small_image(rng)), seed(rng), depth=8, width=width, in_channels=channels, classes=classes)


@cifar_resnet.checks("blocks of another kind", points=1, probe=f"{RESIDUAL}:output_with_strange_blocks", calls=1)
def _(rng):
    return case((2, 3, *small_image(rng)), seed(rng), depth=one_of(rng, 8, 14), width=3)


@cifar_resnet.checks("a gradient reaches every parameter", points=1, probe=UNREACHED, calls=1)
def _(rng):
    return case((4, 3, 12, 12), seed(rng), depth=8, width=6)


@cifar_resnet.checks("first weights as He and others draw them", points=1, probe=f"{RESIDUAL}:spread_of_weights", rtol=0.02, calls=1)
def _(rng):
    return case(depth=one_of(rng, 8, 14))


@cifar_resnet.checks("a depth that is not 6n + 2 raises ValueError", points=1)
def _(rng):
    return case((1, 3, 8, 8), seed(rng), depth=one_of(rng, 2, 18, 19, 21, 22, 34, 50, 55), width=2)


class Average(nn.Module):
    """Global pooling over height and width: the mean, or what the flaw says."""

    def __init__(self, flaw):
        super().__init__()
        self.flaw = flaw

    def forward(self, x):
        return x.amax(dim=(2, 3)) if self.flaw == "max pooling" else x.sum(dim=(2, 3)) if self.flaw == "sum" else x.mean(dim=(2, 3))


def bent_cifar_resnet(flaw, depth, classes=10, shortcut="A", residual=True, width=16, in_channels=3, block=None):
    """A CIFAR ResNet with one flaw."""
    if (depth < 8 or (depth - 2) % 6) and flaw != "any depth":
        raise ValueError(depth)
    blocks = {"n miscounted": (depth - 2) // 3, "one block missing": max(depth // 6 - 1, 1)}.get(flaw, max(depth // 6, 1))
    shortcut = {"always A": "A", "always B": "B"}.get(flaw, shortcut)
    make = partial(notebook.BasicBlock, option=shortcut, residual=residual or flaw == "residual ignored")
    make = make if block is None or flaw == "block ignored" else block
    first = nn.Conv2d(3 if flaw == "three channels" else in_channels, width, 3, padding=1, bias=flaw == "bias")
    parts = OrderedDict(conv=first)
    if flaw != "bare stem":
        parts |= OrderedDict(norm=nn.BatchNorm2d(width), relu=nn.ReLU())
    if flaw == "pooled stem":
        parts["early"] = nn.MaxPool2d(3, stride=2, padding=1)
    before = width
    widths = (width, width, width) if flaw == "same width" else (16, 32, 64) if flaw == "fixed widths" else (width, 2 * width, 4 * width)
    for stage, channels in enumerate(widths):
        stride = 2 if stage or flaw == "first stage shrinks" else 1
        layers = [make(before, channels, stride), *(make(channels, channels, stride if flaw == "all shrink" else 1) for _ in range(blocks - 1))]
        parts[f"stage{stage}"] = nn.Sequential(*layers)
        before = channels
    parts |= OrderedDict(pool=Average(flaw), fc=nn.Linear(before, 10 if flaw == "ten classes" else classes))
    if flaw == "softmax":
        parts["softmax"] = nn.Softmax(dim=1)
    net = nn.Sequential(parts)
    for module in net.modules():
        if isinstance(module, nn.Conv2d) and flaw != "default weights":
            nn.init.kaiming_normal_(module.weight, mode="fan_in" if flaw == "fan-in" else "fan_out", nonlinearity="relu")
    return net


@cifar_resnet.mistake("n counts single convolutions", loses="parameters of ResNet-20 and 56")
def _(**options):
    """Your stages have twice as many blocks as they should. Each block holds two convolutions, so 6n + 2 layers make n blocks a stage: (depth − 2) // 6."""
    return bent_cifar_resnet("n miscounted", **options)


@cifar_resnet.mistake("one block too few", loses="parameters of ResNet-20 and 56")
def _(**options):
    """Your stages have n − 1 blocks. The block that changes the shape is the first of the n."""
    return bent_cifar_resnet("one block missing", **options)


@cifar_resnet.mistake("any depth is rounded", loses="a depth that is not 6n + 2 raises ValueError")
def _(**options):
    """You take depth // 6 blocks and never ask for the rest. A net of depth 22 does not exist: raise ValueError where depth − 2 is no multiple of 6, or below 6."""
    return bent_cifar_resnet("any depth", **options)


@cifar_resnet.mistake("shortcut ignored, always A", loses="logits of a deeper net with projections")
def _(**options):
    """Your net uses option A, whatever `shortcut` says. Hand it on to the blocks as their `option`."""
    return bent_cifar_resnet("always A", **options)


@cifar_resnet.mistake("shortcut ignored, always B", loses="parameters of ResNet-20 and 56")
def _(**options):
    """Your net always projects. These ResNets have shortcuts without parameters: hand `shortcut` on to the blocks as their `option`."""
    return bent_cifar_resnet("always B", **options)


@cifar_resnet.mistake("plain net that still adds", loses="logits of the plain net")
def _(**options):
    """With residual=False your blocks still add their input. Hand `residual` on to them."""
    return bent_cifar_resnet("residual ignored", **options)


@cifar_resnet.mistake("nothing between the first convolution and the blocks", loses="logits")
def _(**options):
    """Your first convolution goes straight into the blocks. BatchNorm and ReLU stand between."""
    return bent_cifar_resnet("bare stem", **options)


@cifar_resnet.mistake("max pooling at the beginning", loses="logits")
def _(**options):
    """You pool after the first convolution, as for ImageNet. Images of 32×32 are too small for that: leave it out."""
    return bent_cifar_resnet("pooled stem", **options)


@cifar_resnet.mistake("first stage shrinks, too", loses="logits")
def _(**options):
    """Your first stage has stride 2. It works at the size of the image; only the first blocks of stages 2 and 3 shrink it."""
    return bent_cifar_resnet("first stage shrinks", **options)


@cifar_resnet.mistake("every block shrinks", loses="logits of a deeper net with projections")
def _(**options):
    """All blocks of your stages 2 and 3 have stride 2. Only the first one of each shrinks the maps."""
    return bent_cifar_resnet("all shrink", **options)


@cifar_resnet.mistake("width never doubled", loses="parameters of ResNet-20 and 56")
def _(**options):
    """All your stages have the same number of channels. They have width, 2·width and 4·width."""
    return bent_cifar_resnet("same width", **options)


@cifar_resnet.mistake("maximum instead of mean at the end", loses="logits")
def _(**options):
    """You take the largest value of each map before the linear layer. Take the mean: nn.AdaptiveAvgPool2d(1)."""
    return bent_cifar_resnet("max pooling", **options)


@cifar_resnet.mistake("sum instead of mean at the end", loses="logits")
def _(**options):
    """You sum each map before the linear layer, so larger images give larger logits. Take the mean: nn.AdaptiveAvgPool2d(1)."""
    return bent_cifar_resnet("sum", **options)


@cifar_resnet.mistake("softmax at the end", loses="logits")
def _(**options):
    """Your net ends in a softmax. It must return logits: the loss applies the softmax itself."""
    return bent_cifar_resnet("softmax", **options)


@cifar_resnet.mistake("first convolution with bias", loses="parameters of ResNet-20 and 56")
def _(**options):
    """Your first convolution has a bias. A BatchNorm follows: `bias=False`."""
    return bent_cifar_resnet("bias", **options)


@cifar_resnet.mistake("always ten classes", loses="other channels, classes and widths")
def _(**options):
    """Your net always returns 10 logits. Use `classes`."""
    return bent_cifar_resnet("ten classes", **options)


@cifar_resnet.mistake("always three channels", loses="other channels, classes and widths")
def _(**options):
    """Your first convolution always takes 3 channels. Use `in_channels`."""
    return bent_cifar_resnet("three channels", **options)


@cifar_resnet.mistake("block ignored", loses="blocks of another kind")
def _(**options):
    """Your net makes BasicBlocks even when it is given another `block`. Call block(in_channels, channels, stride) for each block then."""
    return bent_cifar_resnet("block ignored", **options)


@cifar_resnet.mistake("weights left at their default", loses="first weights as He and others draw them")
def _(**options):
    """Your convolutions start with PyTorch's default weights, which are about 2.4 times smaller. Use nn.init.kaiming_normal_ with mode="fan_out" for each."""
    return bent_cifar_resnet("default weights", **options)


@cifar_resnet.mistake("fan-in instead of fan-out", loses="first weights as He and others draw them")
def _(**options):
    """You count the inputs of each unit, kaiming_normal_'s default. Ask for mode="fan_out"."""
    return bent_cifar_resnet("fan-in", **options)


# --- resnet --------------------------------------------------------------------------------------------------------------

resnet = Exercise("resnet", reference=notebook.resnet, title="ResNet-18 to ResNet-152", minutes=45, difficulty=3, probe=OUTPUT, rtol=1e-4)


@resnet.checks("parameters of ResNet-18 and 34", points=1, probe=f"{RESIDUAL}:counts", calls=1)
def _(rng):
    return case((18, 34))


@resnet.checks("parameters of ResNet-50 and 101", points=2, probe=f"{RESIDUAL}:counts", calls=1)
def _(rng):
    return case((50, 101))


@resnet.checks("logits of a narrow ResNet-18", points=2, calls=1)
def _(rng):
    return case((2, 3, one_of(rng, 33, 45), one_of(rng, 37, 41)), seed(rng), depth=18, width=2, classes=7)


@resnet.checks("logits of a narrow ResNet-50", points=2, calls=1)
def _(rng):
    return case((2, 3, one_of(rng, 33, 45), one_of(rng, 37, 41)), seed(rng), depth=50, width=2, classes=7)


@resnet.checks("other channels and classes", points=1, calls=1)
def _(rng):
    channels = int(rng.integers(4, 7))
    return case((2, channels, 33, 40), seed(rng), depth=18, width=3, in_channels=channels, classes=int(rng.integers(3, 9)))


@resnet.checks("groups and base_width reach every bottleneck", points=1, probe=f"{RESIDUAL}:counts", calls=1)
def _(rng):
    groups, base_width = one_of(rng, (32, 4), (32, 8), (8, 16))
    return case((50,), groups=groups, base_width=base_width, classes=int(rng.integers(5, 100)))


@resnet.checks("zero_init reaches every block", points=1, probe=f"{RESIDUAL}:zero_scales", calls=1)
def _(rng):
    return case(depth=one_of(rng, 18, 34), width=2, classes=4)


@resnet.checks("a gradient reaches every parameter", points=1, probe=UNREACHED, calls=1)
def _(rng):
    return case((4, 3, 64, 64), seed(rng), depth=18, width=6, classes=5)


@resnet.checks("first weights as He and others draw them", points=1, probe=f"{RESIDUAL}:spread_of_weights", rtol=0.02, calls=1)
def _(rng):
    return case(depth=18, width=12, classes=int(rng.integers(5, 12)))


@resnet.checks("another depth raises ValueError", points=1)
def _(rng):
    return case((1, 3, 32, 32), seed(rng), depth=one_of(rng, 20, 19, 56, 110, 200), width=2, classes=3)


def bent_resnet(flaw, depth, classes=1000, in_channels=3, width=64, groups=1, base_width=64, zero_init=False):
    """An ImageNet ResNet with one flaw."""
    if depth not in notebook.BLOCKS and flaw != "any depth":
        raise ValueError(depth)
    counts = notebook.BLOCKS.get(depth, (2, 2, 2, 2))
    if flaw == "stages of 34":
        counts = (*counts[:1], 4, 6, 3) if depth >= 50 else counts
    deep = depth >= 50 and flaw != "never narrow"
    groups, base_width = (1, 64) if flaw == "groups ignored" else (groups, base_width)
    zero_init = zero_init and flaw != "zero_init ignored"
    block = partial(notebook.Bottleneck, groups=groups, base_width=base_width) if deep else notebook.BasicBlock
    if deep and flaw == "stride early":
        block = partial(BentBottleneck, "stride early", groups=groups, base_width=base_width)
    if not deep and flaw == "option A":
        block = partial(notebook.BasicBlock, option="A")
    kernel, stride = (3, 1) if flaw == "small stem" else (7, 2)
    first = nn.Conv2d(3 if flaw == "three channels" else in_channels, width, kernel, stride=stride, padding=kernel // 2, bias=flaw == "bias")
    parts = OrderedDict(conv=first, norm=nn.BatchNorm2d(width), relu=nn.ReLU())
    if flaw != "no pooling":
        parts["pool"] = nn.MaxPool2d(3, stride=2, padding=0 if flaw == "unpadded pooling" else 1)
    before = width
    for stage, count in enumerate(counts):
        channels = width * 2**stage
        stride = 2 if stage or flaw == "first stage shrinks" else 1
        layers = []
        for number in range(count):
            layers.append(block(before, channels, stride=1 if number else stride, zero_init=zero_init))
            before = channels * (4 if deep else 1)
        parts[f"stage{stage}"] = nn.Sequential(*layers)
    if flaw == "fixed pooling":
        parts |= OrderedDict(average=nn.AvgPool2d(7), flatten=nn.Flatten())
    else:
        parts["average"] = Average(flaw)
    parts["fc"] = nn.Linear(before, 1000 if flaw == "thousand classes" else classes)
    net = nn.Sequential(parts)
    for module in net.modules():
        if isinstance(module, nn.Conv2d) and flaw != "default weights":
            nn.init.kaiming_normal_(module.weight, mode="fan_in" if flaw == "fan-in" else "fan_out", nonlinearity="relu")
    return net


@resnet.mistake("stages of ResNet-34 in all deeper nets", loses="parameters of ResNet-50 and 101")
def _(**options):
    """Your ResNet-101 and 152 have the stages of ResNet-50. Read BLOCKS[depth]: most of their blocks are in the third stage."""
    return bent_resnet("stages of 34", **options)


@resnet.mistake("basic blocks at every depth", loses="parameters of ResNet-50 and 101")
def _(**options):
    """Your deep nets are made of basic blocks. From 50 layers on, the blocks are `Bottleneck`s."""
    return bent_resnet("never narrow", **options)


@resnet.mistake("stride in the 1×1 convolution", loses="logits of a narrow ResNet-50")
def _(**options):
    """The bottlenecks of your net have their stride in the first 1×1 convolution. Use your `Bottleneck`, with the stride in its 3×3."""
    return bent_resnet("stride early", **options)


@resnet.mistake("option A", loses="parameters of ResNet-18 and 34")
def _(**options):
    """Your shortcuts pad with zeros. The ResNets for ImageNet project where the shape changes: option "B"."""
    return bent_resnet("option A", **options)


@resnet.mistake("stem for small images", loses="parameters of ResNet-18 and 34")
def _(**options):
    """Your first convolution is 3×3 with stride 1, as for CIFAR. Here it is 7×7 with stride 2 and padding 3."""
    return bent_resnet("small stem", **options)


@resnet.mistake("max pooling missing", loses="logits of a narrow ResNet-18")
def _(**options):
    """The max pooling 3×3 with stride 2 is missing between the first convolution and the stages."""
    return bent_resnet("no pooling", **options)


@resnet.mistake("max pooling without padding", loses="logits of a narrow ResNet-18")
def _(**options):
    """Your max pooling has no padding. With padding 1 it gives 56×56 for 112×112."""
    return bent_resnet("unpadded pooling", **options)


@resnet.mistake("first stage shrinks, too", loses="logits of a narrow ResNet-18")
def _(**options):
    """Your first stage has stride 2. The stem has done that already; only stages 2, 3 and 4 begin with stride 2."""
    return bent_resnet("first stage shrinks", **options)


@resnet.mistake("average pooling of 7×7", loses="logits of a narrow ResNet-18")
def _(**options):
    """You average windows of 7×7 at the end. That fits images of 224×224 only: average the whole map, nn.AdaptiveAvgPool2d(1)."""
    return bent_resnet("fixed pooling", **options)


@resnet.mistake("first convolution with bias", loses="parameters of ResNet-18 and 34")
def _(**options):
    """Your first convolution has a bias. A BatchNorm follows: `bias=False`."""
    return bent_resnet("bias", **options)


@resnet.mistake("always a thousand classes", loses="other channels and classes")
def _(**options):
    """Your net always returns 1,000 logits. Use `classes`."""
    return bent_resnet("thousand classes", **options)


@resnet.mistake("always three channels", loses="other channels and classes")
def _(**options):
    """Your first convolution always takes 3 channels. Use `in_channels`."""
    return bent_resnet("three channels", **options)


@resnet.mistake("groups ignored", loses="groups and base_width reach every bottleneck")
def _(**options):
    """Your net ignores `groups` and `base_width`. Hand both on to each `Bottleneck`."""
    return bent_resnet("groups ignored", **options)


@resnet.mistake("zero_init ignored", loses="zero_init reaches every block")
def _(**options):
    """Your net ignores `zero_init`. Hand it on to each block."""
    return bent_resnet("zero_init ignored", **options)


@resnet.mistake("weights left at their default", loses="first weights as He and others draw them")
def _(**options):
    """Your convolutions start with PyTorch's default weights. Use nn.init.kaiming_normal_ with mode="fan_out" for each."""
    return bent_resnet("default weights", **options)


@resnet.mistake("fan-in instead of fan-out", loses="first weights as He and others draw them")
def _(**options):
    """You count the inputs of each unit, kaiming_normal_'s default. Ask for mode="fan_out"."""
    return bent_resnet("fan-in", **options)


@resnet.mistake("any depth is accepted", loses="another depth raises ValueError")
def _(**options):
    """You build something for a depth that does not exist. Raise ValueError for a depth that is not in BLOCKS."""
    return bent_resnet("any depth", **options)


# --- StudyBlock ----------------------------------------------------------------------------------------------------------

study_block = Exercise("StudyBlock", reference=notebook.StudyBlock, title="The shortcut study", minutes=45, difficulty=3, probe=OUTPUT, rtol=1e-4)


def studied(rng, variant, **options):
    channels = int(rng.integers(3, 6))
    return case((1, channels, *size(rng)), seed(rng), in_channels=channels, channels=channels, variant=variant, **options)


@study_block.checks("identity", points=1)
def _(rng):
    return studied(rng, "identity")


@study_block.checks("scaled", points=1)
def _(rng):
    return studied(rng, "scaled")


@study_block.checks("exclusive gate", points=2)
def _(rng):
    return studied(rng, "exclusive gate")


@study_block.checks("shortcut gate", points=1)
def _(rng):
    return studied(rng, "shortcut gate")


@study_block.checks("the gates start at gate_bias", points=1, probe=f"{RESIDUAL}:gate_start")
def _(rng):
    variant = one_of(rng, "exclusive gate", "shortcut gate")
    return case((1, 64, 2, 2), float(one_of(rng, -3.0, -4.0, -5.0)), in_channels=64, channels=64, variant=variant)


@study_block.checks("convolution", points=1)
def _(rng):
    return studied(rng, "convolution")


@study_block.checks("dropout", points=2, probe=f"{RESIDUAL}:carried")
def _(rng):
    return case(int(rng.integers(4, 9)), seed(rng), variant="dropout")


@study_block.checks("channels and size change", points=1)
def _(rng):
    channels = int(rng.integers(2, 5))
    variant = one_of(rng, "exclusive gate", "scaled", "convolution")
    return case((1, channels, *size(rng)), seed(rng), in_channels=channels, channels=2 * channels, stride=2, variant=variant)


@study_block.checks("only the layers that the variant needs", points=1, probe=COUNT)
def _(rng):
    channels = int(rng.integers(6, 30))
    return case(in_channels=channels, channels=channels, variant=one_of(rng, "identity", "scaled", "dropout"))


@study_block.checks("another variant raises ValueError", points=1)
def _(rng):
    return case((1, 2, 4, 4), seed(rng), in_channels=2, channels=2, variant=one_of(rng, "gate", "none", "conv"))


class BentStudyBlock(nn.Module):
    """A block of the shortcut study with one flaw."""

    def __init__(self, flaw, in_channels, channels, stride=1, variant="identity", gate_bias=-6.0):
        super().__init__()
        if variant not in notebook.VARIANTS and flaw != "any variant":
            raise ValueError(variant)
        self.flaw, self.variant = flaw, variant
        convolutions = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False), nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.branch = nn.Sequential(convolutions[0], nn.BatchNorm2d(channels), nn.ReLU(), convolutions[1], nn.BatchNorm2d(channels))
        self.shortcut = notebook.make_shortcut(in_channels, channels, stride, "B" if flaw == "option B" else "A")
        if variant.endswith("gate") or flaw == "gate everywhere":
            self.gate = nn.Conv2d(channels, 1 if flaw == "one gate" else channels, 1)
            if flaw != "default bias":
                nn.init.constant_(self.gate.bias, -gate_bias if flaw == "sign" else gate_bias)
        if variant == "convolution":
            norm = [] if flaw == "no norm" else [nn.BatchNorm2d(channels)]
            self.projection = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), *norm)

    def forward(self, x):
        carried, made, flaw = self.shortcut(x), self.branch(x), self.flaw
        if self.variant == "scaled":
            carried = carried if flaw == "only F scaled" else 0.5 * carried
            made = made if flaw == "only x scaled" else 0.5 * made
        elif self.variant == "convolution":
            carried = carried + self.projection(carried) if flaw == "convolution beside" else self.projection(carried)
        elif self.variant == "dropout":
            if flaw == "dropout of F":
                made = F.dropout(made, 0.5, self.training)
            elif flaw == "whole maps":
                carried = F.dropout2d(carried, 0.5, self.training)
            else:
                carried = F.dropout(carried, 0.5, self.training or flaw == "always dropout")
        elif self.variant.endswith("gate"):
            gate = torch.sigmoid(self.gate(made if flaw == "gate of F" else carried))
            gate = 1 - gate if flaw == "swapped" else gate
            exclusive = self.variant == "exclusive gate"
            if not (exclusive and flaw == "only F gated"):
                carried = (gate if flaw == "g on x" and not exclusive else 1 - gate) * carried
            if (exclusive and flaw != "only x gated") or (not exclusive and flaw == "both gated"):
                made = gate * made
        return torch.relu(made) + carried if flaw == "relu first" else made + carried if flaw == "no last relu" else torch.relu(made + carried)


@study_block.mistake("ReLU before the addition", loses="identity")
def _(**options):
    """Your last ReLU stands before the addition. First add, then apply the ReLU to the sum, as in a BasicBlock."""
    return BentStudyBlock("relu first", **options)


@study_block.mistake("no ReLU at the end", loses="identity")
def _(**options):
    """Your block ends with the addition. The ReLU after it is missing."""
    return BentStudyBlock("no last relu", **options)


@study_block.mistake("only the shortcut scaled", loses="scaled")
def _(**options):
    """You halve the shortcut only. In the variant "scaled" both are halved, s and F(x): the paper's net with F at full size did not learn at all."""
    return BentStudyBlock("only x scaled", **options)


@study_block.mistake("only F scaled", loses="scaled")
def _(**options):
    """You halve F only. In the variant "scaled" both are halved, s and F(x)."""
    return BentStudyBlock("only F scaled", **options)


@study_block.mistake("exclusive gate on the shortcut only", loses="exclusive gate")
def _(**options):
    """Your exclusive gate scales only the shortcut. It shares between both: (1 − g)·s + g·F(x)."""
    return BentStudyBlock("only x gated", **options)


@study_block.mistake("exclusive gate on F only", loses="exclusive gate")
def _(**options):
    """Your exclusive gate scales only F. It shares between both: (1 − g)·s + g·F(x)."""
    return BentStudyBlock("only F gated", **options)


@study_block.mistake("gate the wrong way round", loses="exclusive gate")
def _(**options):
    """You give g to the shortcut and 1 − g to F. It is the other way round: with a bias of −6, nearly all of the shortcut must pass."""
    return BentStudyBlock("swapped", **options)


@study_block.mistake("g instead of 1 − g on the shortcut", loses="shortcut gate")
def _(**options):
    """Your shortcut gate multiplies s by g. With a bias of −6 that closes the shortcut: multiply by 1 − g."""
    return BentStudyBlock("g on x", **options)


@study_block.mistake("shortcut gate on F, too", loses="shortcut gate")
def _(**options):
    """Your variant "shortcut gate" also scales F. Only the shortcut is gated there: (1 − g)·s + F(x)."""
    return BentStudyBlock("both gated", **options)


@study_block.mistake("gate computed from F", loses="exclusive gate")
def _(**options):
    """Your gate looks at F(x). It looks at what the shortcut carries, s."""
    return BentStudyBlock("gate of F", **options)


@study_block.mistake("one gate for all channels", loses="exclusive gate")
def _(**options):
    """Your gate has one channel, so all maps share it. Its 1×1 convolution has as many channels out as in."""
    return BentStudyBlock("one gate", **options)


@study_block.mistake("sign of the bias", loses="the gates start at gate_bias")
def _(**options):
    """Your gate's bias starts with the opposite sign. Fill it with gate_bias as it is."""
    return BentStudyBlock("sign", **options)


@study_block.mistake("bias left at its default", loses="the gates start at gate_bias")
def _(**options):
    """Your gate's bias starts where PyTorch put it. Fill it with gate_bias in `__init__`."""
    return BentStudyBlock("default bias", **options)


@study_block.mistake("BatchNorm forgotten in the shortcut", loses="convolution")
def _(**options):
    """The 1×1 convolution of your shortcut has no BatchNorm behind it."""
    return BentStudyBlock("no norm", **options)


@study_block.mistake("convolution beside the identity", loses="convolution")
def _(**options):
    """You add s and C(s). In the variant "convolution" only C(s) is carried."""
    return BentStudyBlock("convolution beside", **options)


@study_block.mistake("dropout of F", loses="dropout")
def _(**options):
    """You drop values of F. The variant "dropout" drops what the shortcut carries."""
    return BentStudyBlock("dropout of F", **options)


@study_block.mistake("dropout in evaluation, too", loses="dropout")
def _(**options):
    """Your shortcut drops values in evaluation, too. `F.dropout` must be told: `training=self.training`."""
    return BentStudyBlock("always dropout", **options)


@study_block.mistake("whole maps dropped", loses="dropout")
def _(**options):
    """You drop whole maps. Plain dropout decides for each value on its own: nn.Dropout, not nn.Dropout2d."""
    return BentStudyBlock("whole maps", **options)


@study_block.mistake("option B where the shape changes", loses="channels and size change")
def _(**options):
    """Where the shape changes, you project. In the study s is make_shortcut(…, "A")(x), without parameters."""
    return BentStudyBlock("option B", **options)


@study_block.mistake("a gate in every variant", loses="only the layers that the variant needs")
def _(**options):
    """Your block makes the gate's convolution in every variant. Make only the layers that the variant uses."""
    return BentStudyBlock("gate everywhere", **options)


@study_block.mistake("any variant is accepted", loses="another variant raises ValueError")
def _(**options):
    """You accept variants that do not exist. Raise ValueError for a variant that is not in VARIANTS."""
    return BentStudyBlock("any variant", **options)


# --- PreActivationBlock --------------------------------------------------------------------------------------------------

preactivation_block = Exercise(
    "PreActivationBlock", reference=notebook.PreActivationBlock, title="A free way for x", minutes=25, difficulty=2, probe=OUTPUT, rtol=1e-4
)


@preactivation_block.checks("number of parameters", points=1, probe=COUNT)
def _(rng):
    channels = int(rng.integers(6, 30))
    return case(in_channels=channels, channels=2 * channels, stride=2)


@preactivation_block.checks("BatchNorm, ReLU, convolution, twice", points=2)
def _(rng):
    channels = int(rng.integers(3, 6))
    return case((1, channels, *size(rng)), seed(rng), in_channels=channels, channels=channels)


@preactivation_block.checks("x passes as it is", points=1, probe=f"{NETWORK}:output_at_zero_weights")
def _(rng):
    channels = int(rng.integers(2, 4))
    return case((2, channels, 3, 4), seed(rng), in_channels=channels, channels=channels)


@preactivation_block.checks("channels and size change", points=2)
def _(rng):
    channels = int(rng.integers(2, 5))
    return case((1, channels, *size(rng)), seed(rng), in_channels=channels, channels=2 * channels, stride=2)


@preactivation_block.checks("statistics of the batch in training", points=1, probe=TRAINING)
def _(rng):
    channels = int(rng.integers(3, 6))
    return case((3, channels, *size(rng)), seed(rng), in_channels=channels, channels=channels)


class BentPreActivation(nn.Module):
    """A pre-activation block with one flaw."""

    def __init__(self, flaw, in_channels, channels, stride=1):
        super().__init__()
        self.flaw = flaw
        late = flaw == "stride late"
        self.bn1 = nn.BatchNorm2d(channels if flaw == "after the convolution" else in_channels)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=1 if late else stride, padding=1, bias=flaw == "bias")
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride if late else 1, padding=1, bias=flaw == "bias")
        self.projection = None
        if stride != 1 or in_channels != channels or flaw == "always projects":
            self.projection = nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False)
            if flaw == "normed projection":
                self.projection = nn.Sequential(self.projection, nn.BatchNorm2d(channels))

    def forward(self, x):
        if self.flaw == "after the convolution":
            made = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
            return made + (x if self.projection is None else self.projection(x))
        a = self.bn1(torch.relu(x)) if self.flaw == "relu first" else torch.relu(self.bn1(x))
        middle = self.conv1(a)
        middle = self.bn2(torch.relu(middle)) if self.flaw == "relu first" else torch.relu(middle) if self.flaw == "one norm" else torch.relu(self.bn2(middle))
        carried = a if self.flaw == "a carried" else x
        if self.projection is not None:
            carried = self.projection(x if self.flaw == "x projected" else a)
        y = self.conv2(middle) + carried
        return torch.relu(y) if self.flaw == "last relu" else y


@preactivation_block.mistake("ReLU after the addition", loses="x passes as it is")
def _(**options):
    """You apply a ReLU after the addition. Nothing may touch the sum: that is the point of this block."""
    return BentPreActivation("last relu", **options)


@preactivation_block.mistake("BatchNorm after the convolutions", loses="BatchNorm, ReLU, convolution, twice")
def _(**options):
    """Your order is the old one, convolution before BatchNorm. Here BatchNorm and ReLU stand before each convolution."""
    return BentPreActivation("after the convolution", **options)


@preactivation_block.mistake("ReLU before the BatchNorm", loses="BatchNorm, ReLU, convolution, twice")
def _(**options):
    """You apply the ReLU first and normalise afterwards. First BatchNorm, then ReLU, then the convolution."""
    return BentPreActivation("relu first", **options)


@preactivation_block.mistake("activated input carried", loses="x passes as it is")
def _(**options):
    """Where the shape stays, you add a = ReLU(BatchNorm(x)). Add x itself: only then the way is free."""
    return BentPreActivation("a carried", **options)


@preactivation_block.mistake("a projection everywhere", loses="x passes as it is")
def _(**options):
    """You project even where the shape stays. There the shortcut is x itself."""
    return BentPreActivation("always projects", **options)


@preactivation_block.mistake("x projected as it is", loses="channels and size change")
def _(**options):
    """Where the shape changes, you project x. Project a = ReLU(BatchNorm(x)): both ways share the first BatchNorm and ReLU."""
    return BentPreActivation("x projected", **options)


@preactivation_block.mistake("BatchNorm in the shortcut", loses="number of parameters")
def _(**options):
    """Your projection has a BatchNorm. In this block every BatchNorm stands before a convolution, and a has been normalised."""
    return BentPreActivation("normed projection", **options)


@preactivation_block.mistake("stride in the second convolution", loses="channels and size change")
def _(**options):
    """Your stride stands in the second convolution. The first one shrinks the maps."""
    return BentPreActivation("stride late", **options)


@preactivation_block.mistake("second BatchNorm missing", loses="BatchNorm, ReLU, convolution, twice")
def _(**options):
    """Between your convolutions there is only a ReLU. A BatchNorm stands before it."""
    return BentPreActivation("one norm", **options)


@preactivation_block.mistake("convolutions with bias", loses="number of parameters")
def _(**options):
    """Your convolutions have biases. They have none here: the next block begins with a BatchNorm."""
    return BentPreActivation("bias", **options)


# --- StochasticDepth -----------------------------------------------------------------------------------------------------

stochastic_depth = Exercise(
    "StochasticDepth", reference=notebook.StochasticDepth, title="Blocks that are left out", minutes=25, difficulty=2, probe=f"{RESIDUAL}:as_it_came", rtol=1e-4
)


def kept_often_or_seldom(rng):
    return one_of(rng, 0.25, 0.3, 0.7, 0.8)


@stochastic_depth.checks("evaluation leaves F as it is", points=1)
def _(rng):
    return case((3, 4, 2), seed(rng), False, survival=kept_often_or_seldom(rng))


@stochastic_depth.checks("each image as a whole, each on its own", points=2, probe=f"{RESIDUAL}:fate_of_images")
def _(rng):
    return case((50, 2, 3, 3), seed(rng), survival=one_of(rng, 0.4, 0.5, 0.6))


@stochastic_depth.checks("kept with probability survival", points=1, probe=f"{RESIDUAL}:share_kept", rtol=0.05)
def _(rng):
    return case((400, 3), seed(rng), survival=kept_often_or_seldom(rng))


@stochastic_depth.checks("the mean stays", points=2, probe=f"{RESIDUAL}:factor_of_kept")
def _(rng):
    return case((400, 3), seed(rng), survival=kept_often_or_seldom(rng))


@stochastic_depth.checks("survival 1 changes nothing", points=1)
def _(rng):
    return case((3, 4, 2, 2), seed(rng), True, survival=1.0)


@stochastic_depth.checks("another probability raises ValueError", points=1)
def _(rng):
    return case((3, 4), seed(rng), False, survival=float(one_of(rng, 0.0, -0.2, 1.5)))


class BentStochasticDepth(nn.Module):
    """Stochastic depth with one flaw."""

    def __init__(self, flaw, survival):
        super().__init__()
        if not 0 < survival <= 1 and flaw != "any survival":
            raise ValueError(survival)
        self.flaw, self.survival = flaw, survival

    def forward(self, x):
        flaw, p = self.flaw, self.survival
        if not self.training and flaw != "always active":
            return p * x if flaw == "scaled in evaluation" else x
        if flaw == "fixed draw":
            torch.manual_seed(0)
        shape = {"whole batch": [1] * x.ndim, "each value": x.shape, "each map": [*x.shape[:2], *[1] * (x.ndim - 2)]}.get(flaw, [len(x), *[1] * (x.ndim - 1)])
        chance = torch.rand(shape)
        kept = chance >= p if flaw == "swapped" else chance < p
        factor = {"not rescaled": 1, "scaled in evaluation": 1, "multiplied": p, "swapped": 1 / max(1 - p, 0.1), "by the drop": 1 / max(1 - p, 0.1)}.get(flaw, 1 / p if p > 0 else 1)
        return x * kept * factor


@stochastic_depth.mistake("not rescaled", loses="the mean stays")
def _(**options):
    """You keep F as it is in training. Seldom kept blocks would then be too strong in evaluation: divide what is kept by `survival`."""
    return BentStochasticDepth("not rescaled", **options)


@stochastic_depth.mistake("scaled in evaluation", loses="evaluation leaves F as it is")
def _(**options):
    """You multiply by `survival` in evaluation. That is the paper's way. Here it is the other way round: divide in training, and do nothing in evaluation."""
    return BentStochasticDepth("scaled in evaluation", **options)


@stochastic_depth.mistake("multiplied instead of divided", loses="the mean stays")
def _(**options):
    """You multiply what is kept by `survival`. The mean gets still smaller: divide."""
    return BentStochasticDepth("multiplied", **options)


@stochastic_depth.mistake("divided by the probability of loss", loses="the mean stays")
def _(**options):
    """You divide by 1 − survival. Divide by the probability with which a block is kept."""
    return BentStochasticDepth("by the drop", **options)


@stochastic_depth.mistake("survival taken for the probability of loss", loses="kept with probability survival")
def _(**options):
    """You drop F with probability `survival`. It is the probability that F is kept."""
    return BentStochasticDepth("swapped", **options)


@stochastic_depth.mistake("active in evaluation", loses="evaluation leaves F as it is")
def _(**options):
    """Your layer drops images in evaluation, too. Ask `self.training`."""
    return BentStochasticDepth("always active", **options)


@stochastic_depth.mistake("one draw for the whole batch", loses="each image as a whole, each on its own")
def _(**options):
    """You draw once for the whole batch, as the paper did. Here every image has its own draw: a random tensor of shape (N, 1, 1, 1)."""
    return BentStochasticDepth("whole batch", **options)


@stochastic_depth.mistake("a draw for every value", loses="each image as a whole, each on its own")
def _(**options):
    """You draw for every value: that is dropout. Draw once for each image, so that its F is there as a whole or not at all."""
    return BentStochasticDepth("each value", **options)


@stochastic_depth.mistake("a draw for every map", loses="each image as a whole, each on its own")
def _(**options):
    """You draw for every map of each image. Draw once for each image."""
    return BentStochasticDepth("each map", **options)


@stochastic_depth.mistake("the same draw in every pass", loses="each image as a whole, each on its own")
def _(**options):
    """Your layer drops the same images in every pass. Draw anew each time, and set no seed inside."""
    return BentStochasticDepth("fixed draw", **options)


@stochastic_depth.mistake("any probability is accepted", loses="another probability raises ValueError")
def _(**options):
    """You accept survival = 0, or more than 1. Raise ValueError."""
    return BentStochasticDepth("any survival", **options)


# --- survival_probabilities ----------------------------------------------------------------------------------------------

survival_probabilities = Exercise("survival_probabilities", reference=notebook.survival_probabilities, title="Linear decay", minutes=10, difficulty=1)


@survival_probabilities.checks("a straight line down to the last block", points=1)
def _(rng):
    return case(int(rng.integers(3, 60)))


@survival_probabilities.checks("another last probability", points=1)
def _(rng):
    return case(int(rng.integers(3, 20)), last=float(one_of(rng, 0.2, 0.3, 0.8)))


@survival_probabilities.checks("one block", points=1)
def _(rng):
    return case(1, float(one_of(rng, 0.2, 0.3, 0.8)))


@survival_probabilities.mistake("counts from 0", loses="a straight line down to the last block")
def _(blocks, last=0.5):
    """Your first block survives for certain, and your last one too often: l runs from 1 to L, not from 0 to L − 1."""
    return [1 - number / blocks * (1 - last) for number in range(blocks)]


@survival_probabilities.mistake("one division too few", loses="a straight line down to the last block")
def _(blocks, last=0.5):
    """Your first block survives for certain: you divided by L − 1. In the formula only the input, l = 0, has probability 1."""
    return [1 - number / max(blocks - 1, 1) * (1 - last) for number in range(blocks)]


@survival_probabilities.mistake("the wrong way round", loses="a straight line down to the last block")
def _(blocks, last=0.5):
    """Your probabilities rise. Early blocks, whose features all others use, survive nearly always; the last one survives with probability `last`."""
    return [1 - number / blocks * (1 - last) for number in range(blocks, 0, -1)]


@survival_probabilities.mistake("probabilities of loss", loses="another last probability")
def _(blocks, last=0.5):
    """These are the probabilities with which blocks are left out. Subtract them from 1."""
    return [number / blocks * (1 - last) for number in range(1, blocks + 1)]


@survival_probabilities.mistake("last ignored", loses="another last probability")
def _(blocks, last=0.5):
    """Your last probability is always 0.5. Use `last`."""
    return [1 - number / blocks * 0.5 for number in range(1, blocks + 1)]


@survival_probabilities.mistake("the same for all", loses="a straight line down to the last block")
def _(blocks, last=0.5):
    """All your blocks have the probability of the last one. It falls block by block, in equal steps."""
    return [last] * blocks
