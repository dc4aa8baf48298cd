"""Other right solutions of assignment 06, written differently on purpose."""

import importlib

import torch
from torch import nn
from torch.nn import functional as F

from autograder.units import import_unit

notebook = import_unit("06_classic_architectures")
convolution = importlib.import_module(f"{notebook.__name__}.inception").convolution
Inception, AuxiliaryHead = notebook.Inception, notebook.AuxiliaryHead


# --- lenet5 ---


class LeNetFunctional(nn.Module):
    def __init__(self, classes=10, in_channels=1):
        super().__init__()
        self.c1, self.c3, self.c5 = nn.Conv2d(in_channels, 6, 5), nn.Conv2d(6, 16, 5), nn.Conv2d(16, 120, 5)
        self.f6, self.out = nn.Linear(120, 84), nn.Linear(84, classes)

    def forward(self, x):
        x = F.avg_pool2d(torch.tanh(self.c1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.c3(x)), 2)
        x = torch.tanh(self.c5(x)).flatten(1)
        return self.out(torch.tanh(self.f6(x)))


def lenet_with_linear_c5(classes=10, in_channels=1):
    features = nn.Sequential(nn.Conv2d(in_channels, 6, 5), nn.Tanh(), nn.AvgPool2d(2, 2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2, 2))
    return nn.Sequential(features, nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, classes))


class LeNetByHand(nn.Module):
    def __init__(self, classes=10, in_channels=1):
        super().__init__()
        self.convolutions = nn.ModuleList([nn.Conv2d(in_channels, 6, 5), nn.Conv2d(6, 16, 5)])
        self.linear = nn.ModuleList([nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, classes)])

    def forward(self, x):
        for layer in self.convolutions:
            x = layer(x).tanh()
            x = (x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]) / 4
        x = x.reshape(len(x), -1)
        for i, layer in enumerate(self.linear):
            x = layer(x.tanh() if i else x)
        return x


# --- alexnet ---


class AlexNetFunctional(nn.Module):
    def __init__(self, variant="one tower", classes=1000, in_channels=3, width=64, hidden=4096, dropout=0.5, small_images=False):
        super().__init__()
        tables = {"one tower": (64, 192, 384, 256, 256, 1, 2), "two towers": (96, 256, 384, 384, 256, 2, 0)}
        if variant not in tables:
            raise ValueError(variant)
        *filters, g, padding = tables[variant]
        a, b, c, d, e = (n * width // 64 for n in filters)
        self.normalise, self.share, self.side = g == 2, dropout, 3 if small_images else 6
        self.c1 = nn.Conv2d(in_channels, a, 3, padding=1) if small_images else nn.Conv2d(in_channels, a, 11, 4, padding)
        self.c2 = nn.Conv2d(a, b, 5, padding=2, groups=g)
        self.c3 = nn.Conv2d(b, c, 3, padding=1)
        self.c4 = nn.Conv2d(c, d, 3, padding=1, groups=g)
        self.c5 = nn.Conv2d(d, e, 3, padding=1, groups=g)
        self.f6, self.f7, self.f8 = nn.Linear(e * self.side**2, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, classes)

    def forward(self, x):
        for layer in (self.c1, self.c2):
            x = F.relu(layer(x))
            if self.normalise:
                x = F.local_response_norm(x, 5, alpha=5e-4, beta=0.75, k=2.0)
            x = F.max_pool2d(x, 3, 2)
        x = F.max_pool2d(F.relu(self.c5(F.relu(self.c4(F.relu(self.c3(x)))))), 3, 2)
        x = F.adaptive_avg_pool2d(x, self.side).flatten(1)
        for layer in (self.f6, self.f7):
            x = F.dropout(F.relu(layer(x)), self.share, self.training)
        return self.f8(x)


class ResponseNormOfThePaper(nn.Module):
    def forward(self, x):
        squares = F.pad(x**2, (0, 0, 0, 0, 2, 2))
        total = sum(squares[:, i : i + x.shape[1]] for i in range(5))
        return x / (2 + 1e-4 * total) ** 0.75


def alexnet_from_a_plan(variant="one tower", classes=1000, in_channels=3, width=64, hidden=4096, dropout=0.5, small_images=False):
    if variant == "one tower":
        first, rest = (64, 11, 4, 2, 1), ["P", (192, 5, 1, 2, 1), "P", (384, 3, 1, 1, 1), (256, 3, 1, 1, 1), (256, 3, 1, 1, 1), "P"]
    elif variant == "two towers":
        first, rest = (96, 11, 4, 0, 1), ["N", "P", (256, 5, 1, 2, 2), "N", "P", (384, 3, 1, 1, 1), (384, 3, 1, 1, 2), (256, 3, 1, 1, 2), "P"]
    else:
        raise ValueError(f"no such variant: {variant}")
    if small_images:
        first = (first[0], 3, 1, 1, 1)
    layers, channels = [], in_channels
    for step in [first, *rest]:
        if step == "P":
            layers.append(nn.MaxPool2d(3, stride=2))
        elif step == "N":
            layers.append(ResponseNormOfThePaper())
        else:
            filters, kernel, stride, padding, groups = step
            layers += [nn.Conv2d(channels, filters * width // 64, kernel, stride, padding, groups=groups), nn.ReLU(inplace=True)]
            channels = filters * width // 64
    side = 3 if small_images else 6
    head = [nn.Linear(channels * side * side, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(nn.Sequential(*layers), nn.AdaptiveAvgPool2d((side, side)), nn.Flatten(), nn.Sequential(*head, nn.Linear(hidden, classes)))


class AlexNetByDictionary(nn.Module):
    def __init__(self, variant="one tower", classes=1000, in_channels=3, width=64, hidden=4096, dropout=0.5, small_images=False):
        super().__init__()
        if variant != "one tower" and variant != "two towers":
            raise ValueError("variant must be one of the two names")
        towers = 1 if variant == "one tower" else 2
        scaled = {1: [64, 192, 384, 256, 256], 2: [96, 256, 384, 384, 256]}[towers]
        scaled = [in_channels] + [n * width // 64 for n in scaled]
        kernels, pads = [11, 5, 3, 3, 3], [2 if towers == 1 else 0, 2, 1, 1, 1]
        strides, groups = [4, 1, 1, 1, 1], [1, towers, 1, towers, towers]
        if small_images:
            kernels[0], pads[0], strides[0] = 3, 1, 1
        self.layers = nn.ModuleDict(
            {str(i + 1): nn.Conv2d(scaled[i], scaled[i + 1], kernels[i], strides[i], pads[i], groups=groups[i]) for i in range(5)}
        )
        self.pool, self.towers = nn.MaxPool2d(3, 2), towers
        self.norm = nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0)
        cells = (9 if small_images else 36) * scaled[5]
        self.grid = nn.AdaptiveAvgPool2d(3 if small_images else 6)
        self.linear = nn.ModuleList([nn.Linear(cells, hidden), nn.Linear(hidden, hidden)])
        self.drop, self.last = nn.Dropout(dropout), nn.Linear(hidden, classes)

    def forward(self, x):
        for number, layer in self.layers.items():
            x = layer(x).clamp(min=0)
            if number in "12" and self.towers == 2:
                x = self.norm(x)
            if number in "125":
                x = self.pool(x)
        x = torch.flatten(self.grid(x), 1)
        for layer in self.linear:
            x = self.drop(layer(x).clamp(min=0))
        return self.last(x)


# --- zfnet ---


class ZFNetFunctional(nn.Module):
    def __init__(self, classes=1000, in_channels=3, filters=(96, 256, 512, 1024, 512), hidden=4096, dropout=0.5):
        super().__init__()
        a, b, c, d, e = filters
        self.c1, self.c2 = nn.Conv2d(in_channels, a, 7, 2, 1), nn.Conv2d(a, b, 5, 2)
        self.c3, self.c4, self.c5 = nn.Conv2d(b, c, 3, 1, 1), nn.Conv2d(c, d, 3, 1, 1), nn.Conv2d(d, e, 3, 1, 1)
        self.f6, self.f7, self.f8 = nn.Linear(36 * e, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, classes)
        self.share = dropout

    def forward(self, x):
        for layer in (self.c1, self.c2):
            x = F.max_pool2d(layer(x).relu(), 3, 2, ceil_mode=True)
            x = F.local_response_norm(x, 5, 5e-4, 0.75, 2.0)
        x = self.c5(self.c4(self.c3(x).relu()).relu()).relu()
        x = F.max_pool2d(x, 3, 2, ceil_mode=True).flatten(1)
        x = F.dropout(self.f6(x).relu(), self.share, self.training)
        x = F.dropout(self.f7(x).relu(), self.share, self.training)
        return self.f8(x)


def zfnet_in_two_parts(classes=1000, in_channels=3, filters=(96, 256, 512, 1024, 512), hidden=4096, dropout=0.5):
    def pool():
        return nn.MaxPool2d(kernel_size=(3, 3), stride=(2, 2), ceil_mode=True)

    features = nn.Sequential(
        nn.Conv2d(in_channels, filters[0], 7, stride=2, padding=1), nn.ReLU(), pool(), ResponseNormOfThePaper(),
        nn.Conv2d(filters[0], filters[1], 5, stride=2), nn.ReLU(), pool(), ResponseNormOfThePaper(),
        nn.Conv2d(filters[1], filters[2], 3, padding="same"), nn.ReLU(),
        nn.Conv2d(filters[2], filters[3], 3, padding="same"), nn.ReLU(),
        nn.Conv2d(filters[3], filters[4], 3, padding="same"), nn.ReLU(), pool(),
    )  # fmt: skip
    head = [nn.Linear(filters[4] * 36, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(features, nn.Flatten(), *head, nn.Linear(hidden, classes))


class ZFNetByHand(nn.Module):
    def __init__(self, classes=1000, in_channels=3, filters=(96, 256, 512, 1024, 512), hidden=4096, dropout=0.5):
        super().__init__()
        sides = [in_channels, *filters]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(sides[i], sides[i + 1], k, s, p) for i, (k, s, p) in enumerate([(7, 2, 1), (5, 2, 0), (3, 1, 1), (3, 1, 1), (3, 1, 1)])
        )
        widths = [filters[-1] * 6 * 6, hidden, hidden, classes]
        self.linear = nn.ModuleList(nn.Linear(widths[i], widths[i + 1]) for i in range(3))
        self.drop = nn.Dropout(dropout)
        self.norm = nn.LocalResponseNorm(5, alpha=0.0005, beta=0.75, k=2)

    def forward(self, x):
        for i, layer in enumerate(self.convolutions):
            x = torch.relu(layer(x))
            if i in (0, 1, 4):
                x = F.max_pool2d(x, 3, 2, ceil_mode=True)
            if i < 2:
                x = self.norm(x)
        x = x.flatten(start_dim=1)
        for layer in self.linear[:2]:
            x = self.drop(torch.relu(layer(x)))
        return self.linear[2](x)


# --- vgg ---


def vgg_from_numbers(depth=16, classes=1000, in_channels=3, width=64, hidden=4096, image_size=224, batchnorm=False, dropout=0.5):
    plans = {
        11: "1 M 2 M 4 4 M 8 8 M 8 8 M",
        13: "1 1 M 2 2 M 4 4 M 8 8 M 8 8 M",
        16: "1 1 M 2 2 M 4 4 4 M 8 8 8 M 8 8 8 M",
        19: "1 1 M 2 2 M 4 4 4 4 M 8 8 8 8 M 8 8 8 8 M",
    }
    if depth not in plans:
        raise ValueError("depth")
    layers, channels = [], in_channels
    for word in plans[depth].split():
        if word == "M":
            layers.append(nn.MaxPool2d(2, 2))
            continue
        layers.append(nn.Conv2d(channels, int(word) * width, 3, padding=1))
        channels = int(word) * width
        if batchnorm:
            layers.append(nn.BatchNorm2d(channels))
        layers.append(nn.ReLU(inplace=True))
    side = max(1, image_size // 32)
    head = [nn.Linear(channels * side**2, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(nn.Sequential(*layers), nn.AdaptiveAvgPool2d((side, side)), nn.Flatten(), nn.Sequential(*head, nn.Linear(hidden, classes)))


class VGGFunctional(nn.Module):
    def __init__(self, depth=16, classes=1000, in_channels=3, width=64, hidden=4096, image_size=224, batchnorm=False, dropout=0.5):
        super().__init__()
        table = {11: [1, 1, 2, 2, 2], 13: [2] * 5, 16: [2, 2, 3, 3, 3], 19: [2, 2, 4, 4, 4]}
        if depth not in table:
            raise ValueError(f"there is no VGG-{depth}")
        filters = [min(2**stage, 8) * width for stage, n in enumerate(table[depth]) for _ in range(n)]
        self.ends = {sum(table[depth][: i + 1]) for i in range(5)}
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3, 1, 1) for a, b in zip([in_channels, *filters], filters, strict=False))
        self.norms = nn.ModuleList(nn.BatchNorm2d(n) for n in filters) if batchnorm else None
        self.side, self.share = max(image_size // 32, 1), dropout
        self.f6, self.f7, self.f8 = nn.Linear(8 * width * self.side**2, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, classes)

    def forward(self, x):
        for i, layer in enumerate(self.convolutions):
            x = layer(x)
            x = F.relu(self.norms[i](x) if self.norms is not None else x)
            if i + 1 in self.ends:
                x = F.max_pool2d(x, 2)
        x = F.adaptive_avg_pool2d(x, self.side).flatten(1)
        x = F.dropout(F.relu(self.f6(x)), self.share, self.training)
        return self.f8(F.dropout(F.relu(self.f7(x)), self.share, self.training))


def vgg_by_recursion(depth=16, classes=1000, in_channels=3, width=64, hidden=4096, image_size=224, batchnorm=False, dropout=0.5):
    late = {11: 2, 13: 2, 16: 3, 19: 4}.get(depth)
    if late is None:
        raise ValueError("VGG has 11, 13, 16 or 19 layers")
    early = 1 if depth == 11 else 2

    def stage(channels, filters, count):
        if count == 0:
            return [nn.MaxPool2d(2)]
        norm = [nn.BatchNorm2d(filters)] if batchnorm else []
        return [nn.Conv2d(channels, filters, 3, padding=1), *norm, nn.ReLU(), *stage(filters, filters, count - 1)]

    layers = stage(in_channels, width, early) + stage(width, 2 * width, early)
    layers += stage(2 * width, 4 * width, late) + stage(4 * width, 8 * width, late) + stage(8 * width, 8 * width, late)
    side = image_size // 32 or 1
    layers += [nn.AdaptiveAvgPool2d(side), nn.Flatten()]
    for inputs in (8 * width * side * side, hidden):
        layers += [nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(hidden, classes))


# --- NaiveInception ---


class NaiveFunctional(nn.Module):
    def __init__(self, in_channels, ones, threes, fives):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(in_channels, ones, 1), nn.Conv2d(in_channels, threes, 3, 1, 1), nn.Conv2d(in_channels, fives, 5, 1, 2)

    def forward(self, x):
        return torch.cat((F.relu(self.a(x)), F.relu(self.b(x)), F.relu(self.c(x)), F.max_pool2d(x, 3, 1, 1)), 1)


class NaiveWithList(nn.Module):
    def __init__(self, in_channels, ones, threes, fives):
        super().__init__()
        sizes = {1: ones, 3: threes, 5: fives}
        self.branches = nn.ModuleList(nn.Conv2d(in_channels, filters, k, padding="same") for k, filters in sizes.items())
        self.pool = nn.MaxPool2d((3, 3), (1, 1), (1, 1))

    def forward(self, x):
        together = torch.cat([branch(x) for branch in self.branches], dim=1)
        return torch.cat([together.clamp(min=0), self.pool(x)], dim=1)


class NaiveIntoOneTensor(nn.Module):
    def __init__(self, in_channels, ones, threes, fives):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(in_channels, n, k, padding=k // 2) for n, k in ((ones, 1), (threes, 3), (fives, 5))])

    def forward(self, x):
        windows = F.unfold(F.pad(x, (1, 1, 1, 1), value=float("-inf")), 3).reshape(*x.shape[:2], 9, -1)
        pooled = windows.amax(2).reshape(x.shape)
        return torch.hstack([*(layer(x).relu() for layer in self.layers), pooled])


# --- Inception ---


class InceptionWithDict(nn.Module):
    def __init__(self, in_channels, ones, threes_in, threes, fives_in, fives, pooled, variant="original"):
        super().__init__()
        self.branches = nn.ModuleDict(
            {
                "1": convolution(in_channels, ones, 1, variant),
                "3": nn.Sequential(convolution(in_channels, threes_in, 1, variant), convolution(threes_in, threes, 3, variant)),
                "5": nn.Sequential(convolution(in_channels, fives_in, 1, variant), convolution(fives_in, fives, {"original": 5}.get(variant, 3), variant)),
                "pool": nn.Sequential(nn.MaxPool2d(3, 1, 1), convolution(in_channels, pooled, 1, variant)),
            }
        )

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches.values()], 1)


class InceptionWithoutHelper(nn.Module):
    def __init__(self, in_channels, ones, threes_in, threes, fives_in, fives, pooled, variant="original"):
        super().__init__()
        own = variant == "original"

        def layer(inputs, outputs, k):
            conv = nn.Conv2d(inputs, outputs, k, padding=(k - 1) // 2, bias=own)
            return nn.Sequential(conv, nn.ReLU()) if own else nn.Sequential(conv, nn.BatchNorm2d(outputs, eps=0.001), nn.ReLU())

        self.a, self.b1, self.b2 = layer(in_channels, ones, 1), layer(in_channels, threes_in, 1), layer(threes_in, threes, 3)
        self.c1, self.c2 = layer(in_channels, fives_in, 1), layer(fives_in, fives, 5 if own else 3)
        self.d = layer(in_channels, pooled, 1)

    def forward(self, x):
        pooled = F.max_pool2d(x, 3, stride=1, padding=1)
        return torch.cat([self.a(x), self.b2(self.b1(x)), self.c2(self.c1(x)), self.d(pooled)], dim=1)


class InceptionFromNumbers(nn.Module):
    def __init__(self, in_channels, *numbers, variant="original", **named):
        super().__init__()
        names = ("ones", "threes_in", "threes", "fives_in", "fives", "pooled", "variant")
        given = {"variant": variant} | dict(zip(names, numbers, strict=False)) | named
        a, b, c, d, e, f = (given[name] for name in names[:6])
        chains = [[(a, 1)], [(b, 1), (c, 3)], [(d, 1), (e, 5 if given["variant"] == "original" else 3)], [(f, 1)]]
        self.chains = nn.ModuleList()
        for number, chain in enumerate(chains):
            layers, channels = [nn.MaxPool2d(3, stride=1, padding=1)] if number == 3 else [], in_channels
            for filters, kernel in chain:
                layers.append(convolution(channels, filters, kernel, given["variant"]))
                channels = filters
            self.chains.append(nn.Sequential(*layers))

    def forward(self, x):
        return torch.hstack([chain(x) for chain in self.chains])


# --- AuxiliaryHead ---


class HeadFunctional(nn.Module):
    def __init__(self, in_channels, classes, width=64, variant="original", dropout=0.7):
        super().__init__()
        self.original, self.share = variant == "original", dropout
        self.conv = convolution(in_channels, 2 * width, 1, variant)
        self.a, self.b = nn.Linear(32 * width, 16 * width), nn.Linear(16 * width, classes)

    def forward(self, x):
        x = F.avg_pool2d(x, 5, 3) if self.original else F.adaptive_avg_pool2d(x, 4)
        x = F.relu(self.a(self.conv(x).flatten(1)))
        return self.b(F.dropout(x, self.share, self.training))


def head_in_a_row(in_channels, classes, width=64, variant="original", dropout=0.7):
    pool = nn.AvgPool2d(5, stride=3) if variant == "original" else nn.AdaptiveAvgPool2d((4, 4))
    first = [pool, convolution(in_channels, 128 * width // 64, 1, variant), nn.Flatten()]
    return nn.Sequential(*first, nn.Linear(16 * 2 * width, 1024 * width // 64), nn.ReLU(), nn.Dropout(p=dropout), nn.Linear(16 * width, classes))


class HeadWithMeans(nn.Module):
    def __init__(self, in_channels, classes, width=64, variant="original", dropout=0.7):
        super().__init__()
        self.variant = variant
        self.body = nn.ModuleList([convolution(in_channels, 2 * width, 1, variant), nn.Linear(2 * width * 16, 16 * width), nn.Linear(16 * width, classes)])
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        if self.variant == "original":
            x = x.unfold(2, 5, 3).unfold(3, 5, 3).mean((-1, -2))
        else:
            x = nn.AdaptiveAvgPool2d(4)(x)
        conv, hidden, last = self.body
        return last(self.drop(hidden(conv(x).reshape(len(x), -1)).clamp(min=0)))


# --- googlenet ---

TABLE = """
3a 64 96 128 16 32 32
3b 128 128 192 32 96 64
4a 192 96 208 16 48 64
4b 160 112 224 24 64 64
4c 128 128 256 24 64 64
4d 112 144 288 32 64 64
4e 256 160 320 32 128 128
5a 256 160 320 32 128 128
5b 384 192 384 48 128 128
"""


class GoogLeNetInFiveParts(nn.Module):
    def __init__(self, classes=1000, auxiliary=True, variant="original", in_channels=3, width=64, dropout=0.4, small_images=False):
        super().__init__()
        w, old = width, variant == "original"
        lrn = [nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)] if old else []
        start = [convolution(in_channels, w, 3, variant)] if small_images else [convolution(in_channels, w, 7, variant, stride=2), nn.MaxPool2d(3, 2, ceil_mode=True)]
        stem = [*start, *lrn, convolution(w, w, 1, variant), convolution(w, 3 * w, 3, variant), *lrn, nn.MaxPool2d(3, 2, ceil_mode=True)]
        modules, channels, sizes = {}, 3 * w, {}
        for line in TABLE.strip().splitlines():
            name, *numbers = line.split()
            numbers = [int(n) * w // 64 for n in numbers]
            modules[name] = Inception(channels, *numbers, variant)
            channels = sizes[name] = numbers[0] + numbers[2] + numbers[4] + numbers[5]
        self.lower = nn.Sequential(*stem, modules["3a"], modules["3b"], nn.MaxPool2d(3, 2, ceil_mode=True), modules["4a"])
        self.middle = nn.Sequential(modules["4b"], modules["4c"], modules["4d"])
        self.upper = nn.Sequential(modules["4e"], nn.MaxPool2d(3 if old else 2, 2, ceil_mode=True), modules["5a"], modules["5b"])
        self.end = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels, classes))
        self.heads = nn.ModuleList([AuxiliaryHead(sizes[name], classes, w, variant) for name in ("4a", "4d")] if auxiliary else [])

    def forward(self, x):
        low = self.lower(x)
        mid = self.middle(low)
        logits = self.end(self.upper(mid))
        if not self.training or not self.heads:
            return logits
        return logits, self.heads[0](low), self.heads[1](mid)


class GoogLeNetByPlan(nn.Module):
    PLAN = "3a 3b pool 4a 4b 4c 4d 4e last 5a 5b"

    def __init__(self, classes=1000, auxiliary=True, variant="original", in_channels=3, width=64, dropout=0.4, small_images=False):
        super().__init__()
        self.variant, self.small, self.share = variant, small_images, dropout
        numbers = {line.split()[0]: [int(n) * width // 64 for n in line.split()[1:]] for line in TABLE.strip().splitlines()}
        self.stem = nn.ModuleList(
            [
                convolution(in_channels, width, 3 if small_images else 7, variant, stride=1 if small_images else 2),
                convolution(width, width, 1, variant),
                convolution(width, 3 * width, 3, variant),
            ]
        )
        self.parts = nn.ModuleDict()
        channels, heads = 3 * width, {}
        for name in self.PLAN.split():
            if name in numbers:
                a, b, c, d, e, f = numbers[name]
                self.parts[name] = Inception(channels, a, b, c, d, e, f, variant=variant)
                channels = a + c + e + f
                if name in ("4a", "4d") and auxiliary:
                    heads[name] = AuxiliaryHead(channels, classes, width, variant)
            else:
                self.parts[name] = nn.MaxPool2d(2 if name == "last" and variant == "torchvision" else 3, stride=2, ceil_mode=True)
        self.heads, self.fc = nn.ModuleDict(heads), nn.Linear(channels, classes)

    def norm(self, x):
        return F.local_response_norm(x, 5, 5e-4, 0.75, 2.0) if self.variant == "original" else x

    def forward(self, x):
        x = self.stem[0](x)
        x = self.norm(x if self.small else F.max_pool2d(x, 3, 2, ceil_mode=True))
        x = F.max_pool2d(self.norm(self.stem[2](self.stem[1](x))), 3, 2, ceil_mode=True)
        spoken = []
        for name, part in self.parts.items():
            x = part(x)
            if self.training and name in self.heads:
                spoken.append(self.heads[name](x))
        logits = self.fc(F.dropout(x.mean((2, 3)), self.share, self.training))
        return (logits, *spoken) if spoken else logits


def googlenet_with_hooks(classes=1000, auxiliary=True, variant="original", in_channels=3, width=64, dropout=0.4, small_images=False):
    def scaled(*numbers):
        return [n * width // 64 for n in numbers]

    def pool(size=3):
        return nn.MaxPool2d(size, 2, ceil_mode=True)

    def norm():
        return nn.LocalResponseNorm(5, 5e-4, 0.75, 2) if variant == "original" else nn.Identity()

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            first = [convolution(in_channels, width, 3, variant)] if small_images else [convolution(in_channels, width, 7, variant, 2), pool()]
            self.a = Inception(480 * width // 64, *scaled(192, 96, 208, 16, 48, 64), variant)
            self.d = Inception(512 * width // 64, *scaled(112, 144, 288, 32, 64, 64), variant)
            self.body = nn.Sequential(
                *first, norm(), convolution(width, width, 1, variant), convolution(width, 3 * width, 3, variant), norm(), pool(),
                Inception(192 * width // 64, *scaled(64, 96, 128, 16, 32, 32), variant),
                Inception(256 * width // 64, *scaled(128, 128, 192, 32, 96, 64), variant),
                pool(), self.a,
                Inception(512 * width // 64, *scaled(160, 112, 224, 24, 64, 64), variant),
                Inception(512 * width // 64, *scaled(128, 128, 256, 24, 64, 64), variant),
                self.d,
                Inception(528 * width // 64, *scaled(256, 160, 320, 32, 128, 128), variant),
                pool(3 if variant == "original" else 2),
                Inception(832 * width // 64, *scaled(256, 160, 320, 32, 128, 128), variant),
                Inception(832 * width // 64, *scaled(384, 192, 384, 48, 128, 128), variant),
                nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Dropout(dropout), nn.Linear(16 * width, classes),
            )  # fmt: skip
            self.heads = nn.ModuleList()
            if auxiliary:
                self.heads.extend(AuxiliaryHead(n * width // 64, classes, width=width, variant=variant) for n in (512, 528))
            self.seen = {}
            self.a.register_forward_hook(lambda module, args, out: self.seen.update(a=out))
            self.d.register_forward_hook(lambda module, args, out: self.seen.update(d=out))

        def forward(self, x):
            logits = self.body(x)
            if self.training and len(self.heads):
                return logits, self.heads[0](self.seen["a"]), self.heads[1](self.seen["d"])
            return logits

    return Net()


# --- googlenet_loss ---


def loss_by_cases(outputs, labels, weight=0.3):
    if isinstance(outputs, tuple):
        logits, aux1, aux2 = outputs
        return F.cross_entropy(logits, labels) + weight * F.cross_entropy(aux1, labels) + weight * F.cross_entropy(aux2, labels)
    return F.cross_entropy(outputs, labels)


def loss_by_log_softmax(outputs, labels, weight=0.3):
    def surprise(logits):
        return -logits.log_softmax(1)[torch.arange(len(labels)), labels].mean()

    if torch.is_tensor(outputs):
        return surprise(outputs)
    return surprise(outputs[0]) + weight * (surprise(outputs[1]) + surprise(outputs[2]))


def loss_by_weights(outputs, labels, weight=0.3):
    answers = [outputs] if hasattr(outputs, "shape") else list(outputs)
    weights = torch.tensor([1.0] + [weight] * (len(answers) - 1), dtype=answers[0].dtype)
    return torch.stack([nn.CrossEntropyLoss()(answer, labels) for answer in answers]) @ weights


CORRECT = {
    "lenet5": [LeNetFunctional, lenet_with_linear_c5, LeNetByHand],
    "alexnet": [AlexNetFunctional, alexnet_from_a_plan, AlexNetByDictionary],
    "zfnet": [ZFNetFunctional, zfnet_in_two_parts, ZFNetByHand],
    "vgg": [vgg_from_numbers, VGGFunctional, vgg_by_recursion],
    "NaiveInception": [NaiveFunctional, NaiveWithList, NaiveIntoOneTensor],
    "Inception": [InceptionWithDict, InceptionWithoutHelper, InceptionFromNumbers],
    "AuxiliaryHead": [HeadFunctional, head_in_a_row, HeadWithMeans],
    "googlenet": [GoogLeNetInFiveParts, GoogLeNetByPlan, googlenet_with_hooks],
    "googlenet_loss": [loss_by_cases, loss_by_log_softmax, loss_by_weights],
}
