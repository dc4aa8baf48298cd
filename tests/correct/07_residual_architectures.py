"""Other right solutions of assignment 07, written differently on purpose: residual nets here, what came after them in parts/07_what_came_after.py."""

import itertools
import math
from collections import OrderedDict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from autograder.units import import_file, import_unit

notebook = import_unit("07_residual_architectures")
make_shortcut, BasicBlock, Bottleneck, BLOCKS = notebook.make_shortcut, notebook.BasicBlock, notebook.Bottleneck, notebook.BLOCKS


# --- Highway


class HighwayWithLerp(nn.Module):
    def __init__(self, features, gate_bias=-2.0):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(features, features), nn.Linear(features, features)])
        self.layers[1].bias.data.fill_(gate_bias)

    def forward(self, x):
        made, gate = (layer(x) for layer in self.layers)
        return torch.lerp(x, F.relu(made), gate.sigmoid())


class HighwayByCarry(nn.Module):
    def __init__(self, features, gate_bias=-2.0):
        super().__init__()
        self.gate = nn.Linear(features, features)
        self.plain = nn.Sequential(nn.Linear(features, features), nn.ReLU())
        with torch.no_grad():
            self.gate.bias[:] = gate_bias

    def forward(self, x):
        carry = torch.sigmoid(-self.gate(x))
        return x * carry + self.plain(x) * (1 - carry)


class HighwayByHand(nn.Module):
    def __init__(self, features, gate_bias=-2.0):
        super().__init__()
        bound = 1 / math.sqrt(features)
        self.weight_h = nn.Parameter(torch.empty(features, features).uniform_(-bound, bound))
        self.weight_t = nn.Parameter(torch.empty(features, features).uniform_(-bound, bound))
        self.bias_h = nn.Parameter(torch.zeros(features))
        self.bias_t = nn.Parameter(torch.full((features,), float(gate_bias)))

    def forward(self, x):
        h = (x @ self.weight_h.T + self.bias_h).clamp(min=0)
        t = 1 / (1 + torch.exp(-(x @ self.weight_t.T + self.bias_t)))
        return x + t * (h - x)


# --- make_shortcut


class SubsampledWithZeros(nn.Module):
    def __init__(self, missing, stride):
        super().__init__()
        self.missing, self.stride = missing, stride

    def forward(self, x):
        x = x[..., :: self.stride, :: self.stride]
        zeros = x.new_zeros(len(x), self.missing, *x.shape[2:])
        first = self.missing // 2
        return torch.cat([zeros[:, :first], x, zeros[:, first:]], dim=1)


def shortcut_by_cat(in_channels, out_channels, stride=1, option="B"):
    if option == "A":
        return SubsampledWithZeros(out_channels - in_channels, stride)
    if option == "B":
        if stride == 1 and in_channels == out_channels:
            return nn.Sequential()
        layers = OrderedDict(project=nn.Conv2d(in_channels, out_channels, (1, 1), (stride, stride), bias=False), norm=nn.BatchNorm2d(out_channels))
        return nn.Sequential(layers)
    raise ValueError("A or B, please")


class FixedProjection(nn.Module):
    def __init__(self, in_channels, out_channels, stride):
        super().__init__()
        chosen = torch.zeros(out_channels, in_channels, 1, 1)
        for channel in range(in_channels):
            chosen[channel + (out_channels - in_channels) // 2, channel] = 1
        self.stride = stride
        self.register_buffer("chosen", chosen)

    def forward(self, x):
        return F.conv2d(x, self.chosen, stride=self.stride)


def shortcut_by_a_fixed_convolution(in_channels, out_channels, stride=1, option="B"):
    if option not in {"A", "B"}:
        raise ValueError(f"unknown option {option}")
    changes = stride > 1 or in_channels < out_channels
    if not changes:
        return nn.Identity()
    if option == "A":
        return FixedProjection(in_channels, out_channels, stride)
    shortcut = nn.Sequential()
    shortcut.append(nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False))
    shortcut.append(nn.BatchNorm2d(out_channels))
    return shortcut


class ShortcutModule(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, option="B"):
        super().__init__()
        if option != "A" and option != "B":
            raise ValueError(option)
        self.sizes = in_channels, out_channels, stride
        self.option = option if (in_channels, stride) != (out_channels, 1) else None
        if self.option == "B":
            self.convolution = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.norm = nn.BatchNorm2d(out_channels)

    def forward(self, x):
        in_channels, out_channels, stride = self.sizes
        if self.option == "B":
            return self.norm(self.convolution(x))
        if self.option == "A":
            small = F.max_pool2d(x, kernel_size=1, stride=stride)
            result = torch.zeros(x.shape[0], out_channels, *small.shape[2:], dtype=x.dtype, device=x.device)
            begin = (out_channels - in_channels) // 2
            result[:, begin : begin + in_channels] = small
            return result
        return x


# --- BasicBlock


class BlockInSequence(nn.Module):
    def __init__(self, in_channels, channels, stride=1, option="B", residual=True, zero_init=False):
        super().__init__()
        norm = nn.BatchNorm2d(channels)
        if zero_init:
            norm.weight.data.zero_()
        self.function = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            norm,
        )
        self.carry = make_shortcut(in_channels, channels, stride, option) if residual else None
        self.last = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.last(self.function(x) + self.carry(x)) if self.carry else self.last(self.function(x))


class BlockWithOwnShortcut(nn.Module):
    def __init__(self, in_channels, channels, stride=1, option="B", residual=True, zero_init=False):
        super().__init__()
        self.residual, self.option, self.stride = residual, option, stride
        self.a, self.b = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False), nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.na, self.nb = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.extra = channels - in_channels
        self.c = None
        if residual and option == "B" and (self.extra or stride > 1):
            self.c, self.nc = nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
        if zero_init:
            nn.init.constant_(self.nb.weight, 0.0)

    def forward(self, x):
        y = self.nb(self.b(F.relu(self.na(self.a(x)))))
        if self.residual:
            if self.c is not None:
                y = y + self.nc(self.c(x))
            else:
                y = y + F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.extra // 2, self.extra - self.extra // 2))
        return F.relu(y)


def block_of_two_ways(in_channels, channels, stride=1, option="B", residual=True, zero_init=False):
    class Sum(nn.Module):
        def __init__(self, *ways):
            super().__init__()
            self.ways = nn.ModuleList(ways)

        def forward(self, x):
            return sum(way(x) for way in self.ways)

    def unit(inputs, step):
        return [nn.Conv2d(inputs, channels, kernel_size=3, stride=step, padding=1, bias=False), nn.BatchNorm2d(channels)]

    deep = nn.Sequential(*unit(in_channels, stride), nn.ReLU(), *unit(channels, 1))
    if zero_init:
        torch.nn.init.zeros_(deep[4].weight)
    ways = [deep] + ([make_shortcut(in_channels, channels, stride, option)] if residual else [])
    return nn.Sequential(Sum(*ways), nn.ReLU())


# --- Bottleneck


class BottleneckInSequence(nn.Module):
    def __init__(self, in_channels, channels, stride=1, groups=1, base_width=64, zero_init=False):
        super().__init__()
        width = int(channels * (base_width / 64.0)) * groups
        self.function = nn.Sequential(
            nn.Conv2d(in_channels, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, channels * 4, 1, bias=False),
            nn.BatchNorm2d(channels * 4),
        )
        if zero_init:
            self.function[-1].weight.data.fill_(0)
        self.carry = make_shortcut(in_channels, channels * 4, stride, "B")

    def forward(self, x):
        return F.relu(self.carry(x) + self.function(x))


class BottleneckAsInTorchvision(nn.Module):
    def __init__(self, in_channels, channels, stride=1, groups=1, base_width=64, zero_init=False):
        super().__init__()
        width = channels * base_width * groups // 64
        self.conv1, self.bn1 = nn.Conv2d(in_channels, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, 1, groups, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, 4 * channels, 1, bias=False), nn.BatchNorm2d(4 * channels)
        self.relu, self.downsample = nn.ReLU(inplace=True), None
        if stride != 1 or in_channels != 4 * channels:
            self.downsample = nn.Sequential(nn.Conv2d(in_channels, 4 * channels, 1, stride, bias=False), nn.BatchNorm2d(4 * channels))
        if zero_init:
            nn.init.zeros_(self.bn3.weight)

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += identity
        return self.relu(out)


class BottleneckByLists(nn.Module):
    def __init__(self, in_channels, channels, stride=1, groups=1, base_width=64, zero_init=False):
        super().__init__()
        middle, outputs = round(channels * base_width / 64) * groups, channels + 3 * channels
        kernels, steps, together = (1, 3, 1), (1, stride, 1), (1, groups, 1)
        sizes = itertools.pairwise((in_channels, middle, middle, outputs))
        self.convolutions = nn.ModuleList(
            nn.Conv2d(i, o, k, s, k // 2, groups=g, bias=False) for (i, o), k, s, g in zip(sizes, kernels, steps, together, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(c.out_channels) for c in self.convolutions)
        self.carry = make_shortcut(in_channels, outputs, stride)
        for parameter in self.norms[2].parameters():
            if zero_init:
                parameter.data.zero_()

    def forward(self, x):
        y = x
        for number, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            y = norm(convolution(y))
            y = torch.relu(y) if number < 2 else y
        return torch.clamp(y + self.carry(x), min=0)


# --- cifar_resnet


class CifarResNetClass(nn.Module):
    def __init__(self, depth, classes=10, shortcut="A", residual=True, width=16, in_channels=3, block=None):
        super().__init__()
        if depth % 6 != 2 or depth == 2:
            raise ValueError("6n + 2")
        n = depth // 6
        if block is None:
            block = partial(BasicBlock, option=shortcut, residual=residual)
        self.conv = nn.Conv2d(in_channels, width, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.first = nn.ModuleList(block(width, width, 1) for _ in range(n))
        self.second = nn.ModuleList(block(width if i == 0 else 2 * width, 2 * width, 2 if i == 0 else 1) for i in range(n))
        self.third = nn.ModuleList(block(2 * width if i == 0 else 4 * width, 4 * width, 2 if i == 0 else 1) for i in range(n))
        self.linear = nn.Linear(4 * width, classes)
        self.apply(self.draw)

    def draw(self, module):
        if type(module) is nn.Conv2d:
            nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, x):
        x = torch.relu(self.bn(self.conv(x)))
        for block in [*self.first, *self.second, *self.third]:
            x = block(x)
        return self.linear(x.mean(dim=(-2, -1)))


def cifar_resnet_by_appending(depth, classes=10, shortcut="A", residual=True, width=16, in_channels=3, block=None):
    if depth not in range(8, 2000, 6):
        raise ValueError(f"no such depth: {depth}")
    layers = [nn.Conv2d(in_channels, width, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    inputs = width
    for place in range((depth - 2) // 2):
        stage, number = divmod(place, (depth - 2) // 6)
        outputs = width << stage
        stride = 2 if stage > 0 and number == 0 else 1
        layers.append(block(inputs, outputs, stride) if block else BasicBlock(inputs, outputs, stride, option=shortcut, residual=residual))
        inputs = outputs
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(inputs, classes))
    for parameter in net.parameters():
        if parameter.ndim == 4:
            spread = math.sqrt(2 / (parameter.shape[0] * parameter.shape[2] * parameter.shape[3]))
            nn.init.normal_(parameter, 0, spread)
    return net


class MeanOverMaps(nn.Module):
    def forward(self, x):
        return F.adaptive_avg_pool2d(x, 1).squeeze(3).squeeze(2)


def cifar_resnet_stage_by_stage(depth, classes=10, shortcut="A", residual=True, width=16, in_channels=3, block=None):
    n = (depth - 2) / 6
    if n < 1 or n != int(n):
        raise ValueError("depth must be 6n + 2")

    def make(inputs, outputs, stride):
        if block is not None:
            return block(inputs, outputs, stride)
        return BasicBlock(in_channels=inputs, channels=outputs, stride=stride, option=shortcut, residual=residual)

    def stage(inputs, outputs, stride):
        return nn.Sequential(make(inputs, outputs, stride), *[make(outputs, outputs, 1) for _ in range(int(n) - 1)])

    stem = nn.Sequential(nn.Conv2d(in_channels, width, 3, padding="same", bias=False), nn.BatchNorm2d(width), nn.ReLU())
    body = nn.Sequential(stage(width, width, 1), stage(width, 2 * width, 2), stage(2 * width, 4 * width, 2))
    for part in (stem, body):
        for module in part.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(stem, body, MeanOverMaps(), nn.Linear(4 * width, classes))


# --- resnet


class ResNetClass(nn.Module):
    def __init__(self, depth, classes=1000, in_channels=3, width=64, groups=1, base_width=64, zero_init=False):
        super().__init__()
        if depth not in BLOCKS:
            raise ValueError(f"depth {depth}")
        self.bottleneck = depth > 34
        self.extra = {"groups": groups, "base_width": base_width} if self.bottleneck else {}
        self.zero_init, self.inputs = zero_init, width
        self.conv1 = nn.Conv2d(in_channels, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        for number, count in enumerate(BLOCKS[depth]):
            setattr(self, f"layer{number + 1}", self.stage(width * 2**number, count, min(number + 1, 2)))
        self.fc = nn.Linear(self.inputs, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def stage(self, channels, count, stride):
        blocks = []
        for number in range(count):
            kind = Bottleneck if self.bottleneck else BasicBlock
            blocks.append(kind(self.inputs, channels, stride=stride if number == 0 else 1, zero_init=self.zero_init, **self.extra))
            self.inputs = 4 * channels if self.bottleneck else channels
        return nn.Sequential(*blocks)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for number in (1, 2, 3, 4):
            x = getattr(self, f"layer{number}")(x)
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


def resnet_by_appending(depth, classes=1000, in_channels=3, width=64, groups=1, base_width=64, zero_init=False):
    counts = {18: [2] * 4, 34: [3, 4, 6, 3], 50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3]}.get(depth)
    if counts is None:
        raise ValueError("unknown depth")
    layers = [nn.Conv2d(in_channels, width, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    layers.append(nn.MaxPool2d(kernel_size=3, stride=2, padding=1))
    inputs = width
    for channels, count, stride in zip((width, 2 * width, 4 * width, 8 * width), counts, (1, 2, 2, 2), strict=True):
        for step in [stride] + [1] * (count - 1):
            if depth in (18, 34):
                layers.append(BasicBlock(inputs, channels, step, zero_init=zero_init))
                inputs = channels
            else:
                layers.append(Bottleneck(inputs, channels, step, groups, base_width, zero_init))
                inputs = 4 * channels
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes)]
    for layer in layers:
        for parameter in layer.parameters():
            if parameter.ndim == 4:
                nn.init.normal_(parameter, std=math.sqrt(2 / (parameter.shape[0] * parameter.shape[2] * parameter.shape[3])))
    return nn.Sequential(*layers)


def resnet_by_recursion(depth, classes=1000, in_channels=3, width=64, groups=1, base_width=64, zero_init=False):
    try:
        counts = BLOCKS[depth]
    except KeyError:
        raise ValueError(f"there is no ResNet-{depth}") from None
    expansion = 4 if depth >= 50 else 1

    def block(inputs, channels, stride):
        if expansion == 4:
            return Bottleneck(inputs, channels, stride, groups=groups, base_width=base_width, zero_init=zero_init)
        return BasicBlock(inputs, channels, stride, zero_init=zero_init)

    def stages(inputs, channels, rest):
        if not rest:
            return []
        outputs = channels * expansion
        first = block(inputs, channels, 1 if len(rest) == 4 else 2)
        return [nn.Sequential(first, *(block(outputs, channels, 1) for _ in range(rest[0] - 1))), *stages(outputs, 2 * channels, rest[1:])]

    stem = nn.Sequential(nn.Conv2d(in_channels, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * width * expansion, classes))
    net = nn.Sequential(stem, *stages(width, width, counts), head)

    def draw(module):
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")

    return net.apply(draw)


# --- StudyBlock


class StudyWithFunctions(nn.Module):
    def __init__(self, in_channels, channels, stride=1, variant="identity", gate_bias=-6.0):
        super().__init__()
        ways = {
            "identity": lambda s, f: s + f,
            "scaled": lambda s, f: (s + f) / 2,
            "exclusive gate": lambda s, f: torch.lerp(s, f, torch.sigmoid(self.extra(s))),
            "shortcut gate": lambda s, f: s * torch.sigmoid(-self.extra(s)) + f,
            "convolution": lambda s, f: self.extra(s) + f,
            "dropout": lambda s, f: self.extra(s) + f,
        }
        if variant not in ways:
            raise ValueError(f"no variant {variant}")
        self.way = ways[variant]
        self.a, self.b = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False), nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.na, self.nb = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.carry = make_shortcut(in_channels, channels, stride, "A")
        if "gate" in variant:
            self.extra = nn.Conv2d(channels, channels, kernel_size=1)
            self.extra.bias.data.fill_(gate_bias)
        elif variant == "convolution":
            self.extra = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
        elif variant == "dropout":
            self.extra = nn.Dropout(0.5)

    def forward(self, x):
        return F.relu(self.way(self.carry(x), self.nb(self.b(F.relu(self.na(self.a(x)))))))


class StudyWithWeights(nn.Module):
    def __init__(self, in_channels, channels, stride=1, variant="identity", gate_bias=-6.0):
        super().__init__()
        self.variant = ["identity", "scaled", "exclusive gate", "shortcut gate", "convolution", "dropout"].index(variant)
        self.carry = make_shortcut(in_channels, channels, stride, option="A")
        self.body = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        )
        if self.variant in (2, 3):
            self.gate = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.Sigmoid())
            torch.nn.init.constant_(self.gate[0].bias, gate_bias)
        if self.variant == 4:
            self.one, self.norm = nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels)

    def forward(self, x):
        s, f = self.carry(x), self.body(x)
        weight_s = weight_f = 0.5 if self.variant == 1 else 1.0
        if self.variant in (2, 3):
            g = self.gate(s)
            weight_s, weight_f = 1 - g, g if self.variant == 2 else 1
        if self.variant == 4:
            s = self.norm(self.one(s))
        if self.variant == 5 and self.training:
            s = s * 2 * (torch.rand_like(s) < 0.5)
        return torch.clamp(weight_s * s + weight_f * f, min=0)


def study_block_from_parts(in_channels, channels, stride=1, variant="identity", gate_bias=-6.0):
    class Block(nn.Module):
        def __init__(self, carry, function):
            super().__init__()
            self.carry, self.function = carry, function

    class Plain(Block):
        def forward(self, x):
            return torch.relu(self.carry(x) + self.function(x))

    class Scaled(Block):
        def forward(self, x):
            return torch.relu(0.5 * (self.carry(x) + self.function(x)))

    class Gated(Block):
        def forward(self, x):
            s, f = self.carry(x), self.function(x)
            g = torch.sigmoid(self.gate(s))
            return torch.relu(s - g * s + (g * f if variant == "exclusive gate" else f))

    kinds = {"identity": Plain, "convolution": Plain, "dropout": Plain, "scaled": Scaled, "exclusive gate": Gated, "shortcut gate": Gated}
    if variant not in kinds:
        raise ValueError(variant)
    carry = make_shortcut(in_channels, channels, stride, "A")
    if variant == "convolution":
        carry = nn.Sequential(carry, nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
    if variant == "dropout":
        carry = nn.Sequential(carry, nn.Dropout())
    first, second = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False), nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
    block = kinds[variant](carry, nn.Sequential(first, nn.BatchNorm2d(channels), nn.ReLU(), second, nn.BatchNorm2d(channels)))
    if kinds[variant] is Gated:
        block.gate = nn.Conv2d(channels, channels, 1)
        nn.init.constant_(block.gate.bias, gate_bias)
    return block


# --- PreActivationBlock


class PreActivationInSequence(nn.Module):
    def __init__(self, in_channels, channels, stride=1):
        super().__init__()
        self.start = nn.Sequential(nn.BatchNorm2d(in_channels), nn.ReLU())
        self.rest = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        )
        self.same = stride == 1 and in_channels == channels
        if not self.same:
            self.carry = nn.Conv2d(in_channels, channels, 1, stride, bias=False)

    def forward(self, x):
        a = self.start(x)
        return self.rest(a) + (x if self.same else self.carry(a))


class PreActivationStepByStep(nn.Module):
    def __init__(self, in_channels, channels, stride=1):
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(in_channels), nn.BatchNorm2d(channels)])
        self.convolutions = nn.ModuleList([nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False), nn.Conv2d(channels, channels, 3, 1, 1, bias=False)])
        if in_channels != channels or stride > 1:
            self.convolutions.append(nn.Conv2d(in_channels, channels, (1, 1), stride, bias=False))

    def forward(self, x):
        y = x
        for number in (0, 1):
            y = F.relu(self.norms[number](y))
            if number == 0 and len(self.convolutions) == 3:
                x = self.convolutions[2](y)
            y = self.convolutions[number](y)
        return torch.add(x, y)


def preactivation_of_two_kinds(in_channels, channels, stride=1):
    class Sum(nn.Module):
        def __init__(self, one, other):
            super().__init__()
            self.one, self.other = one, other

        def forward(self, x):
            return self.one(x) + self.other(x)

    def rest(*before):
        first = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        return nn.Sequential(*before, first, nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1, bias=False))

    start = nn.BatchNorm2d(in_channels), nn.ReLU()
    if stride == 1 and in_channels == channels:
        return Sum(nn.Identity(), rest(*start))
    return nn.Sequential(*start, Sum(nn.Conv2d(in_channels, channels, 1, stride=stride, bias=False), rest()))


# --- StochasticDepth and survival_probabilities


class DepthByBernoulli(nn.Module):
    def __init__(self, survival):
        super().__init__()
        if survival <= 0 or survival > 1:
            raise ValueError("0 < survival ≤ 1")
        self.p = survival

    def forward(self, x):
        if self.training and self.p < 1:
            mask = torch.empty(x.shape[0], device=x.device).bernoulli_(self.p).div_(self.p)
            return x * mask.reshape(-1, *(1 for _ in x.shape[1:]))
        return x.clone()


class DepthByDropout(nn.Module):
    def __init__(self, survival):
        super().__init__()
        if not (survival > 0 and survival <= 1):
            raise ValueError(survival)
        self.dropout = nn.Dropout(1 - survival)

    def forward(self, x):
        factor = self.dropout(torch.ones(len(x), dtype=x.dtype, device=x.device))
        return torch.einsum("n...,n->n...", x, factor)


class DepthByWhere(nn.Module):
    def __init__(self, survival):
        super().__init__()
        if survival > 1:
            raise ValueError("more than certain")
        if survival <= 0:
            raise ValueError("never there")
        self.survival = survival

    def forward(self, x):
        if not self.training:
            return x
        rows = [row / self.survival if kept else torch.zeros_like(row) for row, kept in zip(x, np.random.default_rng(torch.randint(1 << 30, ()).item()).random(len(x)) < self.survival, strict=True)]
        return torch.stack(rows)


def survival_by_linspace(blocks, last=0.5):
    return np.linspace(1, last, blocks + 1)[1:].tolist()


def survival_step_by_step(blocks, last=0.5):
    values, step = [], (1 - last) / blocks
    for _ in range(blocks):
        values.append((values[-1] if values else 1.0) - step)
    return values


def survival_in_torch(blocks, last=0.5):
    return (1 - torch.arange(1, blocks + 1, dtype=torch.float64) / blocks * (1 - last)).tolist()


CORRECT = {
    "Highway": [HighwayWithLerp, HighwayByCarry, HighwayByHand],
    "make_shortcut": [shortcut_by_cat, shortcut_by_a_fixed_convolution, ShortcutModule],
    "BasicBlock": [BlockInSequence, BlockWithOwnShortcut, block_of_two_ways],
    "Bottleneck": [BottleneckInSequence, BottleneckAsInTorchvision, BottleneckByLists],
    "cifar_resnet": [CifarResNetClass, cifar_resnet_by_appending, cifar_resnet_stage_by_stage],
    "resnet": [ResNetClass, resnet_by_appending, resnet_by_recursion],
    "StudyBlock": [StudyWithFunctions, StudyWithWeights, study_block_from_parts],
    "PreActivationBlock": [PreActivationInSequence, PreActivationStepByStep, preactivation_of_two_kinds],
    "StochasticDepth": [DepthByBernoulli, DepthByDropout, DepthByWhere],
    "survival_probabilities": [survival_by_linspace, survival_step_by_step, survival_in_torch],
}
CORRECT |= import_file(Path(__file__).with_name("parts") / "07_what_came_after.py", "convnets_units.07_residual_architectures.correct_after").CORRECT
