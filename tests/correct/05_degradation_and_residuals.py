"""Other right solutions of lab 05, written differently on purpose."""

import math
import statistics
from collections import OrderedDict

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from autograder.units import exercises, import_unit

notebook = import_unit("05_degradation_and_residuals")
exercises("05_degradation_and_residuals")
own, Block = notebook.own, notebook.Block


class BlockWithNamedParts(nn.Module):
    def __init__(self, in_channels, channels, stride, join):
        super().__init__()
        self.bn2 = nn.BatchNorm2d(channels)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, 1, bias=False)
        self.meet = join(channels)
        self.stride = stride

    def forward(self, x):
        f = self.conv1(x)
        f = torch.relu(self.bn1(f))
        f = self.bn2(self.conv2(f))
        if f.shape != x.shape:
            small = x[:, :, :: self.stride, :: self.stride]
            n, c, h, w = small.shape
            zeros = torch.zeros(n, (f.shape[1] - c) // 2, h, w, dtype=x.dtype, device=x.device)
            x = torch.cat([zeros, small, zeros], dim=1)
        return torch.relu(self.meet(x, f))


class BlockWithoutLayers(nn.Module):
    def __init__(self, in_channels, channels, stride, join):
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.randn(channels, c, 3, 3) / math.sqrt(9 * c)) for c in (in_channels, channels))
        self.norms = nn.ModuleList([nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)])
        self.join, self.stride = join(channels), stride

    def forward(self, x):
        f = F.relu(self.norms[0](F.conv2d(x, self.weights[0], stride=self.stride, padding=1)))
        f = self.norms[1](F.conv2d(f, self.weights[1], padding=1))
        shortcut = torch.zeros_like(f)
        before = (f.shape[1] - x.shape[1]) // 2
        shortcut[:, before : before + x.shape[1]] = x[:, :, 0 :: self.stride, 0 :: self.stride]
        return self.join(shortcut, f).clamp(min=0)


def block_from_a_closure(in_channels, channels, stride, join):
    class TheBlock(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleDict(
                {
                    "a": nn.Sequential(OrderedDict(conv=nn.Conv2d(in_channels, channels, 3, stride=(stride, stride), padding="same" if stride == 1 else 1, bias=None), norm=nn.BatchNorm2d(channels))),
                    "b": nn.Sequential(OrderedDict(conv=nn.Conv2d(channels, channels, 3, padding="same", bias=None), norm=nn.BatchNorm2d(channels))),
                }
            )
            self.join = join(channels)
            self.relu = nn.ReLU()

        def forward(self, x):
            kept = F.max_pool2d(x, 1, stride) if stride > 1 else x
            extra = (channels - in_channels) // 2
            return self.relu(self.join(nn.functional.pad(kept, [0, 0, 0, 0, extra, extra]), self.parts["b"](self.relu(self.parts["a"](x)))))

    return TheBlock()


class NetAsClass(nn.Module):
    def __init__(self, depth, join, width=4, in_channels=1, classes=10):
        super().__init__()
        n = (depth - 2) / 6
        if n != int(n) or n < 1:
            raise ValueError("depth must be 6n + 2")
        self.linear = nn.Linear(4 * width, classes)
        self.stem = nn.Sequential(nn.Conv2d(in_channels, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
        self.blocks = nn.ModuleList()
        for stage in range(3):
            for i in range(int(n)):
                first = i == 0 and stage > 0
                self.blocks.append(Block(width * 2**stage // (2 if first else 1), width * 2**stage, 2 if first else 1, join))

    def forward(self, x):
        x = torch.relu(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return self.linear(x.mean(dim=(2, 3)))


def net_by_stages(depth, join, width=4, in_channels=1, classes=10):
    if depth not in range(8, 10_000, 6):
        raise ValueError(f"no net of this plan has {depth} layers")
    n = (depth - 2) // 6

    def stage(before, channels, stride):
        return nn.Sequential(Block(before, channels, stride, join), *[Block(channels, channels, 1, join) for _ in range(n - 1)])

    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(in_channels, width, 3, padding=1, bias=False),
            norm=nn.BatchNorm2d(width),
            relu=nn.ReLU(inplace=True),
            one=stage(width, width, 1),
            two=stage(width, 2 * width, 2),
            three=stage(2 * width, 4 * width, 2),
            mean=nn.AdaptiveAvgPool2d((1, 1)),
            flat=nn.Flatten(),
            logits=nn.Linear(4 * width, classes),
        )
    )


def net_from_a_plan(depth, join, width=4, in_channels=1, classes=10):
    n, rest = divmod(depth - 2, 6)
    if rest != 0 or n == 0:
        raise ValueError("not 6n + 2")
    channels = [width] * n + [2 * width] * n + [4 * width] * n
    blocks = [Block(before, after, 1 if before == after else 2, join) for before, after in zip([width, *channels[:-1]], channels, strict=True)]
    start = [nn.Conv2d(in_channels, width, (3, 3), padding=(1, 1), bias=False), nn.BatchNorm2d(width), nn.ReLU()]

    class Mean(nn.Module):
        def forward(self, x):
            return x.flatten(2).mean(2)

    return nn.Sequential(*start, *blocks, Mean(), nn.Linear(channels[-1], classes))


def error_by_sorting(logits, labels, k=1):
    if logits.shape[0] != labels.shape[0]:
        raise ValueError("lengths differ")
    best = logits.argsort(dim=1, descending=True)[:, :k]
    return 100.0 * sum(int(label) not in row.tolist() for row, label in zip(best, labels, strict=True)) / len(labels)


def error_by_rank(logits, labels, k=1):
    if len(labels) != len(logits):
        raise ValueError("lengths differ")
    own_logit = logits.gather(1, labels[:, None])
    return float(((logits > own_logit).sum(1) >= k).float().mean() * 100)


def error_in_numpy(logits, labels, k=1):
    scores, truth = logits.numpy(), labels.numpy()
    if scores.shape[:1] != truth.shape:
        raise ValueError("lengths differ")
    best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    return 100 - 100 * np.mean([t in b for t, b in zip(truth, best, strict=True)])


def conclusion_with_statistics():
    def says(numbers):
        mean, error = statistics.fmean(numbers), statistics.stdev(numbers) / math.sqrt(len(numbers))
        return 0 if abs(mean) <= 2 * error else math.copysign(1, mean)

    plain, residual = own["training"]
    change = {1: "rises", -1: "falls", 0: "cannot tell"}
    claims = {
        "plain": change[says((plain[-1] - plain[0]).tolist())],
        "residual": change[says((residual[-1] - residual[0]).tolist())],
        "deepest": {1: "residual", -1: "plain", 0: "cannot tell"}[says((plain[-1] - residual[-1]).tolist())],
    }
    return claims, own["training"]


def conclusion_by_intervals():
    def interval(d):
        error = np.sqrt(((d - d.mean()) ** 2).sum() / (len(d) - 1) / len(d))
        return d.mean() - 2 * error, d.mean() + 2 * error

    def word(d, positive, negative):
        low, high = interval(d)
        return positive if low > 0 else negative if high < 0 else "cannot tell"

    t = own["training"]
    return {
        "deepest": word(t[0, -1] - t[1, -1], "residual", "plain"),
        "residual": word(t[1, -1] - t[1, 0], "rises", "falls"),
        "plain": word(t[0, -1] - t[0, 0], "rises", "falls"),
    }, t.copy()


def conclusion_in_torch():
    table = torch.from_numpy(own["training"])
    d = torch.stack([table[0, -1] - table[0, 0], table[1, -1] - table[1, 0], table[0, -1] - table[1, -1]])
    ratio = d.mean(1) / (d.std(1) / d.shape[1] ** 0.5)
    words = [("falls", "cannot tell", "rises")] * 2 + [("plain", "cannot tell", "residual")]
    claims = [w[1 + int(r > 2) - int(r < -2)] for w, r in zip(words, ratio, strict=True)]
    return dict(zip(("plain", "residual", "deepest"), claims, strict=True)), table


class JoinByLists(nn.Module):
    def __init__(self, kind, channels, bias=-6.0):
        super().__init__()
        makers = {"identity": 0, "scaled": 0, "exclusive gate": 1, "shortcut gate": 1, "convolution": 2, "dropout": 3}
        try:
            what = makers[kind]
        except KeyError:
            raise ValueError(f"unknown kind {kind}") from None
        self.kind = kind
        self.conv = nn.Conv2d(channels, channels, 1, bias=what == 1) if what in (1, 2) else None
        if what == 1:
            with torch.no_grad():
                self.conv.bias.fill_(bias)
        self.norm = nn.BatchNorm2d(channels) if what == 2 else None

    def forward(self, x, f):
        if self.kind == "scaled":
            return (x + f) / 2
        if self.kind == "dropout":
            return F.dropout(x, p=0.5, training=self.training) + f
        if self.kind == "convolution":
            return self.norm(self.conv(x)) + f
        if self.conv is None:
            return x.add(f)
        g = self.conv(x).sigmoid()
        if self.kind == "exclusive gate":
            return torch.lerp(x, f, g)
        return x - g * x + f


class JoinOfTwoFactors(nn.Module):
    def __init__(self, kind, channels, bias=-6.0):
        super().__init__()
        if kind not in {"identity", "scaled", "convolution", "dropout"} and not kind.endswith(" gate"):
            raise ValueError("what kind is that?")
        self.kind, self.dropout = kind, nn.Dropout()
        if " " in kind:
            self.gate = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.Sigmoid())
            self.gate[0].bias.data = torch.full((channels,), float(bias))
        if kind == "convolution":
            self.projection = nn.Sequential(nn.Conv2d(channels, channels, (1, 1), bias=False), nn.BatchNorm2d(channels))

    def forward(self, x, f):
        shortcut, branch = x, f
        match self.kind:
            case "scaled":
                shortcut, branch = x * 0.5, f * 0.5
            case "exclusive gate":
                shortcut, branch = x * (1 - self.gate(x)), f * self.gate(x)
            case "shortcut gate":
                shortcut = x * (1 - self.gate(x))
            case "convolution":
                shortcut = self.projection(x)
            case "dropout":
                shortcut = self.dropout(x)
        return shortcut + branch


def join_from_small_classes(kind, channels, bias=-6.0):
    class Base(nn.Module):
        def forward(self, x, f):
            return torch.add(x, f)

    class Scaled(Base):
        def forward(self, x, f):
            return torch.stack([x, f]).mean(dim=0)

    class Gate(Base):
        def __init__(self):
            super().__init__()
            self.g = nn.Conv2d(channels, channels, 1)
            nn.init.constant_(self.g.bias, bias)

        def forward(self, x, f):
            closed = torch.sigmoid(-self.g(x))
            return closed * x + (f if kind == "shortcut gate" else (1 - closed) * f)

    class Convolution(Base):
        def __init__(self):
            super().__init__()
            self.c, self.n = nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels)

        def forward(self, x, f):
            return f + self.n(self.c(x))

    class Dropout(Base):
        def forward(self, x, f):
            return f + (x * (torch.rand_like(x) < 0.5) * 2 if self.training else x)

    made = {"identity": Base, "scaled": Scaled, "exclusive gate": Gate, "shortcut gate": Gate, "convolution": Convolution, "dropout": Dropout}
    if kind not in made:
        raise ValueError(f"{kind!r} is none of {list(made)}")
    return made[kind]()


def load_in_two_passes(net, weights, names):
    own_tensors = [(name, t) for name, t in [*net.named_parameters(), *net.named_buffers()] if not name.endswith("num_batches_tracked")]
    partner = {}
    for name, tensor in own_tensors:
        layer, part = name.rsplit(".", 1)
        if layer not in names or f"{names[layer]}.{part}" not in weights:
            raise ValueError(f"{name} gets nothing")
        partner[name] = f"{names[layer]}.{part}"
        if tuple(weights[partner[name]].shape) != tuple(tensor.shape):
            raise ValueError(f"{name} has another shape")
    if set(partner.values()) != set(weights):
        raise ValueError("something is left over")
    with torch.no_grad():
        for name, tensor in own_tensors:
            tensor.copy_(weights[partner[name]])
    return net


def load_by_renaming(net, weights, names):
    back = {published: layer for layer, published in names.items()}
    renamed = {}
    for name, tensor in weights.items():
        layer, part = name.rsplit(".", 1)
        if layer not in back:
            raise ValueError(f"no place for {name}")
        renamed[f"{back[layer]}.{part}"] = tensor.clone()
    wanted = {name: t.shape for name, t in net.state_dict().items() if "num_batches" not in name}
    if {name: t.shape for name, t in renamed.items()} != wanted:
        raise ValueError("names or shapes do not agree")
    net.load_state_dict(renamed, strict=False)
    return net


def load_layer_by_layer(net, weights, names):
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    left = dict(weights)
    try:
        for name in before:
            layer, _, part = name.rpartition(".")
            if part != "num_batches_tracked":
                given = left.pop(f"{names[layer]}.{part}")
                if given.shape != before[name].shape:
                    raise ValueError("shape")
                net.load_state_dict({name: given}, strict=False)
        if left:
            raise ValueError(f"left over: {list(left)}")
    except (KeyError, ValueError) as error:
        net.load_state_dict(before)
        raise ValueError(f"these weights are not for this net: {error}") from error
    return net


CORRECT = {
    "Block": [BlockWithNamedParts, BlockWithoutLayers, block_from_a_closure],
    "make_net": [NetAsClass, net_by_stages, net_from_a_plan],
    "error_rate": [error_by_sorting, error_by_rank, error_in_numpy],
    "conclusion": [conclusion_with_statistics, conclusion_by_intervals, conclusion_in_torch],
    "Join": [JoinByLists, JoinOfTwoFactors, join_from_small_classes],
    "load_weights": [load_in_two_passes, load_by_renaming, load_layer_by_layer],
}
