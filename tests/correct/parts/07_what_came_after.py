"""Other right solutions of assignment 07's second half, written differently on purpose."""

import math
from collections import OrderedDict
from decimal import ROUND_HALF_UP, Decimal
from functools import partial

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from autograder.units import import_unit

notebook = import_unit("07_residual_architectures")
Bottleneck, SqueezeExcitation, DenseBlock, Fire, MBConv = (
    notebook.Bottleneck,
    notebook.SqueezeExcitation,
    notebook.DenseBlock,
    notebook.Fire,
    notebook.MBConv,
)
resnet, scale_stage, STAGES = notebook.resnet, notebook.scale_stage, notebook.STAGES


# --- aggregated_paths -----------------------------------------------------------------------------------------------------


def paths_as_one_grouped_convolution(x, reduce, transform, expand, cardinality):
    x = F.relu(F.conv2d(x, reduce))
    x = F.relu(F.conv2d(x, transform, padding=1, groups=cardinality))
    return F.conv2d(x, expand)


def paths_concatenated_before_the_last_convolution(x, reduce, transform, expand, cardinality):
    wide = torch.relu(torch.einsum("nchw,dc->ndhw", x, reduce[:, :, 0, 0]))
    parts = [F.conv2d(part, weight, padding=1) for part, weight in zip(wide.chunk(cardinality, 1), transform.chunk(cardinality), strict=True)]
    return F.conv2d(torch.cat(parts, dim=1).clamp(min=0), expand)


def paths_by_index(x, reduce, transform, expand, cardinality):
    width = len(reduce) // cardinality
    results = []
    for path in range(cardinality):
        own = slice(path * width, (path + 1) * width)
        a = F.conv2d(x, reduce[own]).relu()
        b = F.conv2d(F.pad(a, (1, 1, 1, 1)), transform[own]).relu()
        results.append(F.conv2d(b, expand[:, own]))
    return torch.stack(results).sum(dim=0)


# --- resnext --------------------------------------------------------------------------------------------------------------


def resnext_by_keywords(depth=50, groups=32, base_width=4, classes=1000, in_channels=3, width=64):
    if depth not in (50, 101, 152):
        raise ValueError("no such ResNeXt")
    options = {"groups": groups, "base_width": base_width, "width": width}
    return resnet(depth, classes, in_channels, **options)


def resnext_stage_by_stage(depth=50, groups=32, base_width=4, classes=1000, in_channels=3, width=64):
    counts = {50: [3, 4, 6, 3], 101: [3, 4, 23, 3], 152: [3, 8, 36, 3]}.get(depth)
    if counts is None:
        raise ValueError(depth)
    block = partial(Bottleneck, groups=groups, base_width=base_width)
    layers = [nn.Conv2d(in_channels, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    before = width
    for stage, count in enumerate(counts):
        for number in range(count):
            layers.append(block(before, width << stage, stride=2 if stage and number == 0 else 1))
            before = 4 * width << stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes))


class ResNeXtWithItsOwnBlocks(nn.Module):
    def __init__(self, depth=50, groups=32, base_width=4, classes=1000, in_channels=3, width=64):
        super().__init__()
        if depth < 50:
            raise ValueError("bottlenecks only")
        self.stem = nn.Sequential(nn.Conv2d(in_channels, width, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.branches, self.shortcuts = nn.ModuleList(), nn.ModuleList()
        before = width
        for stage, count in enumerate([3, 8 if depth == 152 else 4, {50: 6, 101: 23, 152: 36}[depth], 3]):
            for number in range(count):
                inner, after = width * 2**stage * base_width // 64 * groups, width * 2**stage * 4
                stride = 2 if number == 0 and stage > 0 else 1
                middle = nn.Conv2d(inner, inner, 3, stride, 1, groups=groups, bias=False)
                first, last = nn.Conv2d(before, inner, 1, bias=False), nn.Conv2d(inner, after, 1, bias=False)
                norms = nn.BatchNorm2d(inner), nn.BatchNorm2d(inner), nn.BatchNorm2d(after)
                self.branches.append(nn.Sequential(first, norms[0], nn.ReLU(), middle, norms[1], nn.ReLU(), last, norms[2]))
                same = before == after and stride == 1
                projection = [nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)]
                self.shortcuts.append(nn.Sequential(*([] if same else projection)))
                before = after
        self.fc = nn.Linear(before, classes)

    def forward(self, x):
        x = F.max_pool2d(self.stem(x), 3, 2, 1)
        for branch, shortcut in zip(self.branches, self.shortcuts, strict=True):
            x = F.relu(branch(x) + shortcut(x))
        return self.fc(x.mean(dim=(2, 3)))


# --- SqueezeExcitation ----------------------------------------------------------------------------------------------------


class SEWithLinearLayers(nn.Module):
    def __init__(self, channels, reduction=16, squeezed=None, activation=nn.ReLU):
        super().__init__()
        hidden = channels // reduction if squeezed is None else squeezed
        self.layers = nn.Sequential(nn.Linear(channels, hidden), activation(), nn.Linear(hidden, channels), nn.Sigmoid())

    def forward(self, x):
        weights = self.layers(x.mean(dim=(2, 3)))
        return x * weights[:, :, None, None]


class SEFunctional(nn.Module):
    def __init__(self, channels, reduction=16, squeezed=None, activation=nn.ReLU):
        super().__init__()
        self.open = nn.Conv2d(squeezed or channels // reduction, channels, (1, 1))
        self.close = nn.Conv2d(channels, squeezed or channels // reduction, (1, 1))
        self.activation = activation()

    def forward(self, x):
        gate = F.adaptive_avg_pool2d(x, 1)
        gate = torch.sigmoid(self.open(self.activation(self.close(gate))))
        return gate.expand_as(x) * x


class SEWithEinsum(nn.Module):
    def __init__(self, channels, reduction=16, squeezed=None, activation=nn.ReLU):
        super().__init__()
        self.squeezed = squeezed or channels // reduction
        self.act = activation()
        self.down, self.up = nn.Linear(channels, self.squeezed), nn.Linear(self.squeezed, channels)

    def forward(self, x):
        flat = x.flatten(2)
        hidden = self.act(self.down(flat.sum(dim=2) / flat.shape[2]))
        return torch.einsum("nchw,nc->nchw", x, 1 / (1 + torch.exp(-self.up(hidden))))


# --- se_resnet ------------------------------------------------------------------------------------------------------------


class SEBottleneckForResNet(nn.Module):
    def __init__(self, in_channels, channels, stride, reduction):
        super().__init__()
        out = 4 * channels
        self.a, self.na = nn.Conv2d(in_channels, channels, 1, bias=False), nn.BatchNorm2d(channels)
        self.b, self.nb = nn.Conv2d(channels, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels)
        self.c, self.nc = nn.Conv2d(channels, out, 1, bias=False), nn.BatchNorm2d(out)
        self.gate = nn.Sequential(nn.Linear(out, out // reduction), nn.ReLU(), nn.Linear(out // reduction, out), nn.Sigmoid())
        self.project = None
        if stride > 1 or in_channels != out:
            self.project = nn.Sequential(nn.Conv2d(in_channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        y = F.relu(self.na(self.a(x)))
        y = self.nc(self.c(F.relu(self.nb(self.b(y)))))
        y = y * self.gate(y.mean((2, 3)))[..., None, None]
        return F.relu(y + (x if self.project is None else self.project(x)))


def se_resnet_from_new_blocks(depth=50, reduction=16, classes=1000, in_channels=3, width=64):
    parts = [nn.Conv2d(in_channels, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    before = width
    for stage, count in enumerate({50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}[depth]):
        for number in range(count):
            parts.append(SEBottleneckForResNet(before, width * 2**stage, 2 if stage and not number else 1, reduction))
            before = width * 2**stage * 4
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes))


class SEAfter(nn.Module):
    def __init__(self, norm, reduction):
        super().__init__()
        self.norm, self.weigh = norm, SqueezeExcitation(norm.num_features, reduction)

    def forward(self, x):
        return self.weigh(self.norm(x))


def se_resnet_by_named_stages(depth=50, reduction=16, classes=1000, in_channels=3, width=64):
    net = resnet(depth, classes, in_channels, width)
    for stage in (net.stage1, net.stage2, net.stage3, net.stage4):
        for block in stage:
            block.bn3 = SEAfter(block.bn3, reduction)
    return net


class SEBottleneckByInheritance(Bottleneck):
    def __init__(self, in_channels, channels, stride=1, reduction=16):
        super().__init__(in_channels, channels, stride)
        self.se = SqueezeExcitation(4 * channels, reduction)

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        out = torch.relu(self.bn2(self.conv2(out)))
        return torch.relu(self.se(self.bn3(self.conv3(out))) + self.shortcut(x))


def se_resnet_with_inherited_blocks(depth=50, reduction=16, classes=1000, in_channels=3, width=64):
    net = resnet(depth, classes=classes, in_channels=in_channels, width=width)
    before = width
    for number in range(4):
        stage = getattr(net, f"stage{number + 1}")
        for i in range(len(stage)):
            stage[i] = SEBottleneckByInheritance(before, width * 2**number, 2 if number > 0 and i == 0 else 1, reduction)
            before = 4 * width * 2**number
    return net


# --- DenseBlock -----------------------------------------------------------------------------------------------------------


class DenseBlockWithAList(nn.Module):
    def __init__(self, in_channels, layers, growth=32):
        super().__init__()
        self.norms1, self.norms2 = nn.ModuleList(), nn.ModuleList()
        self.ones, self.threes = nn.ModuleList(), nn.ModuleList()
        for i in range(layers):
            self.norms1.append(nn.BatchNorm2d(in_channels + i * growth))
            self.ones.append(nn.Conv2d(in_channels + i * growth, growth * 4, 1, bias=False))
            self.norms2.append(nn.BatchNorm2d(growth * 4))
            self.threes.append(nn.Conv2d(growth * 4, growth, 3, padding="same", bias=False))

    def forward(self, x):
        features = [x]
        for norm1, one, norm2, three in zip(self.norms1, self.ones, self.norms2, self.threes, strict=True):
            y = one(F.relu(norm1(torch.cat(features, dim=1))))
            features.append(three(F.relu(norm2(y))))
        return torch.cat(features, 1)


class DenseLayerThatAppends(nn.Sequential):
    def __init__(self, channels, growth):
        first = nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, 4 * growth, 1, bias=False)
        super().__init__(*first, nn.BatchNorm2d(4 * growth), nn.ReLU(), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False))

    def forward(self, x):
        return torch.cat((x, super().forward(x)), dim=1)


class DenseBlockOfAppendingLayers(nn.Sequential):
    def __init__(self, in_channels, layers, growth=32):
        super().__init__(*(DenseLayerThatAppends(in_channels + i * growth, growth) for i in range(layers)))


class DenseBlockByRecursion(nn.Module):
    def __init__(self, in_channels, layers, growth=32):
        super().__init__()
        self.before = DenseBlockByRecursion(in_channels, layers - 1, growth) if layers > 1 else nn.Identity()
        channels = in_channels + (layers - 1) * growth
        self.norm, self.reduce = nn.BatchNorm2d(channels), nn.Conv2d(channels, 4 * growth, (1, 1), bias=False)
        self.norm2, self.conv = nn.BatchNorm2d(4 * growth), nn.Conv2d(4 * growth, growth, (3, 3), padding=(1, 1), bias=False)

    def forward(self, x):
        x = self.before(x)
        new = self.conv(self.norm2(self.reduce(self.norm(x).clamp(min=0))).clamp(min=0))
        return torch.hstack([x, new])


# --- densenet -------------------------------------------------------------------------------------------------------------


class DenseNetFunctional(nn.Module):
    def __init__(self, depth=121, growth=32, stem=64, classes=1000, in_channels=3):
        super().__init__()
        counts = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}[depth]
        self.conv, self.norm = nn.Conv2d(in_channels, stem, 7, 2, 3, bias=False), nn.BatchNorm2d(stem)
        self.blocks, self.norms, self.halves = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        channels = stem
        for count in counts:
            self.blocks.append(DenseBlock(channels, count, growth))
            channels += count * growth
            self.norms.append(nn.BatchNorm2d(channels))
            if len(self.halves) < 3:
                self.halves.append(nn.Conv2d(channels, channels // 2, 1, bias=False))
                channels = channels // 2
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.conv(x))), 3, 2, 1)
        for i, block in enumerate(self.blocks):
            x = F.relu(self.norms[i](block(x)))
            if i < 3:
                x = F.avg_pool2d(self.halves[i](x), 2)
        return self.classifier(x.mean((-1, -2)))


def densenet_pooling_before_the_convolution(depth=121, growth=32, stem=64, classes=1000, in_channels=3):
    third, fourth = {121: (24, 16), 169: (32, 32), 201: (48, 32)}[depth]
    layers = [nn.Conv2d(in_channels, stem, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(stem), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = stem
    for count in (6, 12, third):
        layers.append(DenseBlock(channels, count, growth))
        wide = channels + count * growth
        channels = wide // 2
        layers += [nn.BatchNorm2d(wide), nn.ReLU(), nn.AvgPool2d(2), nn.Conv2d(wide, channels, 1, bias=False)]
    layers += [DenseBlock(channels, fourth, growth), nn.BatchNorm2d(channels + fourth * growth), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels + fourth * growth, classes))


def densenet_transition(channels):
    convolution = nn.Conv2d(channels, channels // 2, 1, bias=False)
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), convolution, nn.AvgPool2d(2, stride=2))


def densenet_with_add_module(depth=121, growth=32, stem=64, classes=1000, in_channels=3):
    net = nn.Sequential()
    net.append(nn.Conv2d(in_channels, stem, 7, padding=3, stride=2, bias=False)).append(nn.BatchNorm2d(stem)).append(nn.ReLU())
    net.append(nn.MaxPool2d(3, padding=1, stride=2))
    channels, last = stem, None
    for count in [6, 12, *{121: [24, 16], 169: [32, 32], 201: [48, 32]}[depth]]:
        if last is not None:
            net.append(densenet_transition(channels))
            channels //= 2
        last = DenseBlock(channels, count, growth)
        net.append(last)
        channels += growth * count
    net.append(nn.BatchNorm2d(channels)).append(nn.ReLU()).append(nn.AdaptiveAvgPool2d((1, 1))).append(nn.Flatten(1))
    return net.append(nn.Linear(channels, classes))


# --- Fire -----------------------------------------------------------------------------------------------------------------


class FireFunctional(nn.Module):
    def __init__(self, in_channels, squeeze, ones, threes):
        super().__init__()
        self.a = nn.Conv2d(in_channels, squeeze, 1)
        self.b = nn.Conv2d(squeeze, ones, 1)
        self.c = nn.Conv2d(squeeze, threes, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.a(x))
        return F.relu(torch.cat((self.b(x), self.c(x)), 1))


class FireIntoOneTensor(nn.Module):
    def __init__(self, in_channels, squeeze, ones, threes):
        super().__init__()
        self.split = ones
        self.expand3 = nn.Conv2d(squeeze, threes, (3, 3), padding="same")
        self.expand1 = nn.Conv2d(squeeze, ones, (1, 1))
        self.squeeze = nn.Conv2d(in_channels, squeeze, (1, 1))

    def forward(self, x):
        x = self.squeeze(x).clamp(min=0)
        out = x.new_empty(len(x), self.expand1.out_channels + self.expand3.out_channels, *x.shape[2:])
        out[:, : self.split] = self.expand1(x)
        out[:, self.split :] = self.expand3(x)
        return out.relu()


class FireBranches(nn.Module):
    def __init__(self, in_channels, squeeze, ones, threes):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(in_channels, squeeze, 1), nn.ReLU())
        padded = nn.Sequential(nn.ZeroPad2d(1), nn.Conv2d(squeeze, threes, 3))
        self.branches = nn.ModuleList([nn.Conv2d(squeeze, ones, 1), padded])

    def forward(self, x):
        squeezed = self.first(x)
        return torch.concatenate([torch.relu(branch(squeezed)) for branch in self.branches], dim=1)


# --- squeezenet -----------------------------------------------------------------------------------------------------------


class SqueezeNetFunctional(nn.Module):
    def __init__(self, base=128, classes=1000, in_channels=3):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 96, 7, stride=2)
        expands = [base * k for k in (1, 1, 2, 2, 3, 3, 4, 4)]
        reads = [96, *expands[:-1]]
        self.fires = nn.ModuleList(Fire(a, e // 8, e // 2, e // 2) for a, e in zip(reads, expands, strict=True))
        self.conv10 = nn.Conv2d(4 * base, classes, 1)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 3, 2, ceil_mode=True)
        for i, module in enumerate(self.fires):
            x = module(x)
            if i in (2, 6):
                x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        x = F.dropout(x, 0.5, self.training)
        return F.relu(self.conv10(x)).mean(dim=(2, 3))


def squeezenet_written_out(base=128, classes=1000, in_channels=3):
    b = base
    return nn.Sequential(
        nn.Conv2d(in_channels, 96, 7, 2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(96, b // 8, b // 2, b // 2),
        Fire(b, b // 8, b // 2, b // 2),
        Fire(b, b // 4, b, b),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(2 * b, b // 4, b, b),
        Fire(2 * b, 3 * b // 8, 3 * b // 2, 3 * b // 2),
        Fire(3 * b, 3 * b // 8, 3 * b // 2, 3 * b // 2),
        Fire(3 * b, b // 2, 2 * b, 2 * b),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        Fire(4 * b, b // 2, 2 * b, 2 * b),
        nn.Dropout(p=0.5),
        nn.Conv2d(4 * b, classes, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
    )


def squeezenet_by_a_plan(base=128, classes=1000, in_channels=3):
    net, channels = nn.Sequential(), 96
    for step in ["stem", "pool", 1, 1, 2, "pool", 2, 3, 3, 4, "pool", 4, "head"]:
        if step == "stem":
            net.append(nn.Conv2d(in_channels, channels, kernel_size=7, stride=2)).append(nn.ReLU())
        elif step == "pool":
            net.append(nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True))
        elif step == "head":
            net.append(nn.Dropout()).append(nn.Conv2d(channels, classes, kernel_size=1)).append(nn.ReLU())
        else:
            net.append(Fire(channels, step * base // 8, step * base // 2, step * base // 2))
            channels = step * base
    return net.append(nn.AdaptiveAvgPool2d(1)).append(nn.Flatten())


# --- depthwise_separable --------------------------------------------------------------------------------------------------


class SeparableFunctional(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.spatial = nn.Conv2d(in_channels, in_channels, (3, 3), stride, padding=(1, 1), groups=in_channels, bias=False)
        self.across = nn.Conv2d(in_channels, out_channels, (1, 1), bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(in_channels), nn.BatchNorm2d(out_channels)])

    def forward(self, x):
        x = F.relu(self.norms[0](self.spatial(x)))
        return F.relu(self.norms[1](self.across(x)))


def separable_in_a_loop(in_channels, out_channels, stride=1):
    layers = []
    for outputs, options in ((in_channels, {"kernel_size": 3, "stride": stride, "padding": 1, "groups": in_channels}), (out_channels, {"kernel_size": 1})):
        layers += [nn.Conv2d(in_channels, outputs, bias=False, **options), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def separable_with_its_own_padding(in_channels, out_channels, stride=1):
    depthwise = nn.Sequential(nn.ZeroPad2d(1), nn.Conv2d(in_channels, in_channels, 3, stride=stride, groups=in_channels, bias=False))
    pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
    named = OrderedDict(depthwise=depthwise, norm1=nn.BatchNorm2d(in_channels), relu1=nn.ReLU(), pointwise=pointwise)
    return nn.Sequential(named | OrderedDict(norm2=nn.BatchNorm2d(out_channels), relu2=nn.ReLU()))


# --- MBConv ---------------------------------------------------------------------------------------------------------------


class MBConvFunctional(nn.Module):
    def __init__(self, in_channels, out_channels, kernel=3, stride=1, expansion=6):
        super().__init__()
        wide = in_channels * expansion
        self.expand = nn.Conv2d(in_channels, wide, 1, bias=False) if expansion > 1 else None
        self.norm0 = nn.BatchNorm2d(wide) if expansion > 1 else None
        self.depthwise = nn.Conv2d(wide, wide, kernel, stride, (kernel - 1) // 2, groups=wide, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(wide), nn.BatchNorm2d(out_channels)
        hidden = max(1, in_channels // 4)
        self.close, self.open = nn.Linear(wide, hidden), nn.Linear(hidden, wide)
        self.project = nn.Conv2d(wide, out_channels, 1, bias=False)

    def forward(self, x):
        y = x
        if self.expand is not None:
            y = F.silu(self.norm0(self.expand(y)))
        y = F.silu(self.norm1(self.depthwise(y)))
        gate = torch.sigmoid(self.open(F.silu(self.close(y.mean((2, 3))))))
        y = self.norm2(self.project(y * gate[..., None, None]))
        return x + y if x.shape == y.shape else y


class MBConvOfThreeParts(nn.Module):
    def __init__(self, in_channels, out_channels, kernel=3, stride=1, expansion=6):
        super().__init__()
        inner = expansion * in_channels
        self.widen = nn.Identity()
        if inner != in_channels:
            self.widen = nn.Sequential(nn.Conv2d(in_channels, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.SiLU())
        depthwise = nn.Conv2d(inner, inner, kernel, stride=stride, padding=kernel // 2, groups=inner, bias=False)
        self.filter = nn.Sequential(depthwise, nn.BatchNorm2d(inner), nn.SiLU())
        self.weigh = SqueezeExcitation(inner, squeezed=in_channels // 4 or 1, activation=nn.SiLU)
        self.narrow = nn.Sequential(nn.Conv2d(inner, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels))
        self.keep = float(stride == 1 and out_channels == in_channels)

    def forward(self, x):
        y = self.narrow(self.weigh(self.filter(self.widen(x))))
        return y + x if self.keep else y


class MBConvSkip(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return torch.add(self.body(x), x)


def mbconv_as_a_function(in_channels, out_channels, kernel=3, stride=1, expansion=6):
    e = in_channels * expansion
    layers = []
    if expansion > 1:
        layers += [nn.Conv2d(in_channels, e, 1, bias=False), nn.BatchNorm2d(e), nn.SiLU()]
    layers += [nn.ZeroPad2d(kernel // 2), nn.Conv2d(e, e, kernel, stride, groups=e, bias=False), nn.BatchNorm2d(e), nn.SiLU()]
    layers += [SqueezeExcitation(e, 1, max(in_channels // 4, 1), nn.SiLU), nn.Conv2d(e, out_channels, 1, bias=False), nn.BatchNorm2d(out_channels)]
    body = nn.Sequential(*layers)
    return MBConvSkip(body) if (stride, in_channels) == (1, out_channels) else body


# --- compound_scaling -----------------------------------------------------------------------------------------------------


def compound_scaling_by_logarithms(phi, alpha=1.2, beta=1.1, gamma=1.15, resolution=224):
    depth, width, sharpness = np.exp(phi * np.log([alpha, beta, gamma]))
    return width, depth, int(np.rint(resolution * sharpness))


def compound_scaling_as_a_dictionary(phi, alpha=1.2, beta=1.1, gamma=1.15, resolution=224):
    return {"resolution": int(resolution * gamma**phi + 0.5), "depth": math.pow(alpha, phi), "width": math.pow(beta, phi)}


def compound_scaling_in_torch(phi, alpha=1.2, beta=1.1, gamma=1.15, resolution=224):
    depth, width, side = (torch.tensor([alpha, beta, gamma], dtype=torch.float64) ** phi).tolist()
    return width, depth, round(side * resolution)


# --- scale_stage ----------------------------------------------------------------------------------------------------------


def scale_stage_by_steps(channels, layers, width=1.0, depth=1.0, divisor=8):
    wanted = channels * width
    new = divisor * max(1, math.floor(wanted / divisor + 0.5))
    while new < 0.9 * wanted:
        new += divisor
    return new, -int(-layers * depth // 1)


def scale_stage_with_decimals(channels, layers, width=1.0, depth=1.0, divisor=8):
    multiples = int((Decimal(channels * width) / divisor).quantize(Decimal(1), ROUND_HALF_UP))
    new = max(multiples, 1) * divisor
    return (new if new >= 0.9 * channels * width else new + divisor), math.ceil(depth * layers)


def scale_stage_by_choice(channels, layers, width=1.0, depth=1.0, divisor=8):
    wanted = width * channels
    below = int(wanted // divisor) * divisor
    above = below + divisor
    nearest = above if above - wanted <= wanted - below else below
    if nearest == 0 or nearest < 0.9 * wanted:
        nearest = above
    whole = int(layers * depth)
    return nearest, whole if whole == layers * depth else whole + 1


# --- efficientnet ---------------------------------------------------------------------------------------------------------


class EfficientNetFunctional(nn.Module):
    def __init__(self, width=1.0, depth=1.0, classes=1000, in_channels=3):
        super().__init__()
        stem = scale_stage(32, 1, width)[0]
        self.stem, self.norm = nn.Conv2d(in_channels, stem, 3, 2, 1, bias=False), nn.BatchNorm2d(stem)
        self.blocks = nn.ModuleList()
        before = stem
        for expansion, kernel, stride, channels, layers in STAGES:
            channels, layers = scale_stage(channels, layers, width, depth)
            for number in range(layers):
                self.blocks.append(MBConv(before, channels, kernel, 1 if number else stride, expansion))
                before = channels
        self.head, self.last = nn.Conv2d(before, 4 * before, 1, bias=False), nn.BatchNorm2d(4 * before)
        self.classifier = nn.Linear(4 * before, classes)

    def forward(self, x):
        x = F.silu(self.norm(self.stem(x)))
        for block in self.blocks:
            x = block(x)
        x = F.silu(self.last(self.head(x))).mean((2, 3))
        return self.classifier(F.dropout(x, 0.2, self.training))


def efficientnet_from_a_list(width=1.0, depth=1.0, classes=1000, in_channels=3):
    scaled = [(e, k, s, *scale_stage(c, n, width, depth)) for e, k, s, c, n in STAGES]
    first = scale_stage(32, 1, width)[0]
    reads = [first, *(row[3] for row in scaled)]
    layers = [nn.Conv2d(in_channels, first, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(first), nn.SiLU()]
    for before, (expansion, kernel, stride, channels, count) in zip(reads[:-1], scaled, strict=True):
        layers.append(MBConv(before, channels, kernel=kernel, stride=stride, expansion=expansion))
        layers += [MBConv(channels, channels, kernel=kernel, expansion=expansion) for _ in range(1, count)]
    top = 4 * reads[-1]
    layers += [nn.Conv2d(reads[-1], top, 1, bias=False), nn.BatchNorm2d(top), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Dropout(0.2), nn.Linear(top, classes))


def efficientnet_with_convolutional_classifier(width=1.0, depth=1.0, classes=1000, in_channels=3):
    net = nn.Sequential()
    channels = scale_stage(32, 1, width=width)[0]
    net.append(nn.Conv2d(in_channels, channels, (3, 3), (2, 2), (1, 1), bias=False)).append(nn.BatchNorm2d(channels)).append(nn.SiLU())
    for row in STAGES:
        out_channels, count = scale_stage(row[3], row[4], width=width, depth=depth)
        strides = [row[2]] + [1] * (count - 1)
        for stride in strides:
            net.append(MBConv(channels, out_channels, row[1], stride, row[0]))
            channels = out_channels
    net.append(nn.Conv2d(channels, channels * 4, 1, bias=False)).append(nn.BatchNorm2d(channels * 4)).append(nn.SiLU())
    net.append(nn.AdaptiveAvgPool2d(1)).append(nn.Dropout(0.2)).append(nn.Conv2d(channels * 4, classes, 1))
    return net.append(nn.Flatten())


# --- policy_network -------------------------------------------------------------------------------------------------------


class PolicyFunctional(nn.Module):
    def __init__(self, planes=48, filters=192, layers=12, size=19):
        super().__init__()
        self.first = nn.Conv2d(planes, filters, 5, padding=2)
        self.others = nn.ModuleList(nn.Conv2d(filters, filters, 3, padding=1) for _ in range(1, layers))
        self.last = nn.Conv2d(filters, 1, 1, bias=False)
        self.points = nn.Parameter(torch.zeros(size * size))

    def forward(self, x):
        x = F.relu(self.first(x))
        for convolution in self.others:
            x = F.relu(convolution(x))
        board = self.last(x)
        return F.softmax(board.flatten(1) + self.points, dim=1).view(board.shape[0], *board.shape[2:])


class PolicyByExponentials(nn.Module):
    def __init__(self, planes=48, filters=192, layers=12, size=19):
        super().__init__()
        sides = [5] + [3] * (layers - 1)
        reads = [planes] + [filters] * (layers - 1)
        self.body = nn.Sequential(*(nn.Conv2d(c, filters, k, padding="same") for c, k in zip(reads, sides, strict=True)))
        self.to_board = nn.Linear(filters, 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(size**2))
        self.size = size

    def forward(self, x):
        for convolution in self.body:
            x = convolution(x).clamp(min=0)
        scores = self.to_board(x.movedim(1, -1))[..., 0] + self.bias.reshape(self.size, self.size)
        powers = torch.exp(scores - scores.amax(dim=(1, 2), keepdim=True))
        return powers / powers.sum(dim=(1, 2), keepdim=True)


class PolicyBiasAndSoftmax(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(size * size))

    def forward(self, board):
        flat = board.squeeze(1).flatten(start_dim=1)
        return torch.log_softmax(flat + self.bias, dim=-1).exp().reshape(board.squeeze(1).shape)


def policy_from_a_list(planes=48, filters=192, layers=12, size=19):
    net = [nn.ZeroPad2d(2), nn.Conv2d(planes, filters, 5), nn.ReLU()]
    while len(net) < 3 * layers:
        net += [nn.ZeroPad2d(1), nn.Conv2d(filters, filters, 3), nn.ReLU()]
    return nn.Sequential(*net, nn.Conv2d(filters, 1, 1, bias=False), PolicyBiasAndSoftmax(size))


CORRECT = {
    "aggregated_paths": [paths_as_one_grouped_convolution, paths_concatenated_before_the_last_convolution, paths_by_index],
    "resnext": [resnext_by_keywords, resnext_stage_by_stage, ResNeXtWithItsOwnBlocks],
    "SqueezeExcitation": [SEWithLinearLayers, SEFunctional, SEWithEinsum],
    "se_resnet": [se_resnet_from_new_blocks, se_resnet_by_named_stages, se_resnet_with_inherited_blocks],
    "DenseBlock": [DenseBlockWithAList, DenseBlockOfAppendingLayers, DenseBlockByRecursion],
    "densenet": [DenseNetFunctional, densenet_pooling_before_the_convolution, densenet_with_add_module],
    "Fire": [FireFunctional, FireIntoOneTensor, FireBranches],
    "squeezenet": [SqueezeNetFunctional, squeezenet_written_out, squeezenet_by_a_plan],
    "depthwise_separable": [SeparableFunctional, separable_in_a_loop, separable_with_its_own_padding],
    "MBConv": [MBConvFunctional, MBConvOfThreeParts, mbconv_as_a_function],
    "compound_scaling": [compound_scaling_by_logarithms, compound_scaling_as_a_dictionary, compound_scaling_in_torch],
    "scale_stage": [scale_stage_by_steps, scale_stage_with_decimals, scale_stage_by_choice],
    "efficientnet": [EfficientNetFunctional, efficientnet_from_a_list, efficientnet_with_convolutional_classifier],
    "policy_network": [PolicyFunctional, PolicyByExponentials, policy_from_a_list],
}
