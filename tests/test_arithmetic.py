"""Tests of convnets.arithmetic: published counts, brute force on random networks, and modules that misbehave."""

import json
import math
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from convnets.arithmetic import layer_table
from convnets.vision import torchvision


def on_meta(build):
    """Build a network without memory for its weights."""
    with torch.device("meta"):
        return build()


def lenet():
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)),
    )


class Inception(nn.Module):
    """The module on 28×28×256 that CS231n's lecture on architectures counts, after Szegedy et al. (2015)."""

    def __init__(self, bottleneck):
        super().__init__()
        small = 64 if bottleneck else 256
        squeeze = (lambda: nn.Conv2d(256, 64, 1)) if bottleneck else nn.Identity
        self.one = nn.Conv2d(256, 128, 1)
        self.three = nn.Sequential(squeeze(), nn.Conv2d(small, 192, 3, padding=1))
        self.five = nn.Sequential(squeeze(), nn.Conv2d(small, 96, 5, padding=2))
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), squeeze())

    def forward(self, x):
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], dim=1)


# ---------------------------------------------------------------- published numbers


def test_cs231n_example_layer():
    # https://cs231n.github.io/convolutional-networks/: ten 5×5 filters, padding 2, on 32×32×3
    row = layer_table(nn.Conv2d(3, 10, 5, padding=2), (3, 32, 32))["Conv2d"]
    assert row.output_shape == (10, 32, 32)
    assert (row.parameters, row.multiply_adds, row.activation_bytes) == (760, 768_000, 10 * 32 * 32 * 4)
    assert row.receptive_field.size == (5, 5)
    assert row.formulas["parameters"] == "10 × (5·5·3 + 1) = 760"


@pytest.mark.parametrize(
    ("name", "parameters", "giga_multiply_adds"),
    [
        # torchvision's model pages; "GFLOPS" there counts multiply-adds
        ("alexnet", 61_100_840, 0.71),
        ("vgg16", 138_357_544, 15.47),
        ("resnet18", 11_689_512, 1.81),
        ("mobilenet_v2", 3_504_872, 0.3),
        ("densenet121", 7_978_856, 2.83),
        ("efficientnet_b0", 5_288_548, 0.39),
        ("convnext_tiny", 28_589_128, 4.46),
        ("vit_b_16", 86_567_656, 17.56),
    ],
)
def test_totals_of_torchvision_models(name, parameters, giga_multiply_adds):
    total = layer_table(on_meta(getattr(torchvision.models, name)), (3, 224, 224)).total
    assert total.parameters == parameters
    assert total.multiply_adds / 1e9 == pytest.approx(giga_multiply_adds, abs=0.006)


def test_vgg16_layer_by_layer():
    table = layer_table(on_meta(torchvision.models.vgg16), (3, 224, 224))
    assert table["classifier.0"].multiply_adds == 102_760_448
    assert table["features.30"].output_shape == (512, 7, 7)
    assert table["features.30"].receptive_field == ((212, 212), (32, 32))
    # CS231n's list: input, 13 convolutions, 5 pools, 3 linear layers; 61 MB in float32 (its "93 MB" contradicts its list).
    # torchvision's extra average pooling of 7×7 to 7×7 copies 25,088 values.
    convolutions = 2 * 64 * 224**2 + 2 * 128 * 112**2 + 3 * 256 * 56**2 + 3 * 512 * 28**2 + 3 * 512 * 14**2
    pools = 64 * 112**2 + 128 * 56**2 + 256 * 28**2 + 512 * 14**2 + 512 * 7**2
    listed = 3 * 224**2 + convolutions + pools + 4096 + 4096 + 1000
    assert table.total.activation_bytes == 4 * (listed + 512 * 7 * 7)
    assert round(4 * listed / 1e6) == 61
    assert layer_table(on_meta(torchvision.models.vgg16), (3, 224, 224), torch.float16).total.activation_bytes == 2 * (
        listed + 512 * 7 * 7
    )


def test_inception_module():
    naive = layer_table(Inception(bottleneck=False), (256, 28, 28))
    assert naive.total.multiply_adds == 854_196_224
    assert naive["cat()"].output_shape == (672, 28, 28)
    assert naive["cat()"].receptive_field.size == (5, 5)
    slim = layer_table(Inception(bottleneck=True), (256, 28, 28))
    assert slim.total.multiply_adds == 271_351_808
    assert slim["cat()"].output_shape == (480, 28, 28)
    # The lecture prints 358 M for the bottleneck version: its 3×3 convolution counted twice.
    assert round((slim.total.multiply_adds + slim["three.1"].multiply_adds) / 1e6) == 358


def test_lenet():
    table = layer_table(lenet(), (1, 32, 32))
    assert table.total.parameters == 61_706
    sizes = {name: table[name].receptive_field.size[0] for name in "0235679"}
    assert sizes == {"0": 5, "2": 6, "3": 14, "5": 16, "6": 16, "7": 32, "9": 32}
    assert table["3"].output_shape == (16, 10, 10)
    assert table["11"].output_shape == (10,)


def test_alexnet_of_the_paper():
    row = layer_table(nn.Conv2d(3, 96, 11, stride=4), (3, 227, 227))[1]
    assert row.output_shape == (96, 55, 55)
    assert row.parameters == 34_944


@pytest.mark.parametrize("layers", [1, 2, 3, 7])
def test_stack_of_3x3_sees_1_plus_2_per_layer(layers):
    net = nn.Sequential(*[nn.Conv2d(1, 1, 3, padding=1) for _ in range(layers)])
    assert layer_table(net, (1, 8, 8))[-1].receptive_field.size == (1 + 2 * layers,) * 2


def test_resnet18_receptive_field():
    # Araujo, Norris & Sim, Distill 2019, table 1: ResNet-v1-50 sees 483, -101 sees 1027; ours are cut by whole-image pooling
    for build, size in ((torchvision.models.resnet50, 483), (torchvision.models.resnet101, 1027)):
        net = on_meta(build)
        for layer in (net.layer2, net.layer3, net.layer4):  # the paper's version 1 strides in the first 1×1 convolution
            layer[0].conv1.stride, layer[0].conv2.stride = (2, 2), (1, 1)
        table = layer_table(net, (3, 224, 224))
        last = [row for row in table if row.name.startswith("layer4")][-1]
        assert last.receptive_field == ((size, size), (32, 32))
        assert table["avgpool"].receptive_field == ((224, 224), (None, None))


# ---------------------------------------------------------------- brute force


def seen_by_brute_force(net, shape):
    """First and last input index along each axis that each output index depends on; shape C×H×W."""
    net = net.double().eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.rand(p.shape, generator=generator, dtype=p.dtype) + 0.1)
        base = torch.rand(1, *shape, generator=generator, dtype=torch.double)
        windows = []
        for axis in (2, 3):
            n = shape[axis - 1]
            x = base.repeat(n, 1, 1, 1)
            for i in range(n):
                x[i].select(axis - 1, i).add_(1000)
            changed = (net(x) - net(base)).abs() > 1e-9
            profile = changed.transpose(axis, 1).flatten(2).any(2)
            windows.append([torch.nonzero(column).flatten().tolist() for column in profile.T])
    return windows


@st.composite
def layers(draw):
    kind = draw(st.sampled_from(["conv", "conv", "max", "average", "depthwise", "relu", "branch", "transposed"]))
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    stride = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    if kind == "conv":
        return nn.Conv2d(2, 2, kernel, stride, padding, dilation, bias=draw(st.booleans()))
    if kind == "depthwise":
        return nn.Conv2d(2, 2, kernel, stride, padding, dilation, groups=2)
    if kind == "max":
        return nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=draw(st.booleans()))
    if kind == "average":
        return nn.AvgPool2d(kernel, stride, padding)
    if kind == "relu":
        return nn.ReLU(inplace=draw(st.booleans()))
    if kind == "transposed":
        return nn.ConvTranspose2d(2, 2, kernel, 1, padding)
    k = draw(st.sampled_from([1, 3, 5]))
    return Branches(k, draw(st.sampled_from(["add", "cat", "iadd", "multiply"])))


class Branches(nn.Module):
    def __init__(self, k, join):
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 2, k, padding=k // 2), nn.MaxPool2d(3, 1, 1)
        self.c = nn.Conv2d(4, 2, 1) if join == "cat" else nn.Identity()
        self.join = join

    def forward(self, x):
        a, b = self.a(x), self.b(x)
        if self.join == "cat":
            return self.c(torch.cat((a, b), 1))
        if self.join == "multiply":
            return a * b + 1
        if self.join == "iadd":
            a += b
            return a
        return torch.add(a, b)


@settings(max_examples=60, deadline=None)
@given(st.lists(layers(), min_size=1, max_size=3))
def test_against_brute_force(parts):
    net, shape = nn.Sequential(*parts), (2, 61, 57)
    table = layer_table(net, shape)
    assert table.total.parameters == sum(p.numel() for p in net.parameters())
    field = table[-1].receptive_field
    windows = seen_by_brute_force(net, shape)
    assert table[-1].output_shape[1:] == tuple(map(len, windows))
    for axis, n in enumerate(shape[1:]):
        first, second = windows[axis][len(windows[axis]) // 2 - 1 :][:2]
        assume(first[0] > 12 and second[-1] < n - 12)
        assert first[-1] - first[0] + 1 == field.size[axis]
        assert second[0] - first[0] == field.jump[axis]


class UpAndDown(nn.Module):
    """A small U-Net: pooling, transposed convolution or upsampling, and a long skip connection."""

    def __init__(self, up):
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1)
        self.up = nn.ConvTranspose2d(2, 2, 2, 2) if up == "transposed" else nn.Upsample(scale_factor=2, mode=up)
        self.last = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        x = self.first(x)
        y = self.up(self.second(F.max_pool2d(x, 2)))
        return self.last(torch.cat([x, y], dim=1))


@pytest.mark.parametrize("up", ["transposed", "nearest"])
def test_u_net_against_brute_force(up):
    field = layer_table(UpAndDown(up), (2, 24, 24))[-1].receptive_field
    windows = seen_by_brute_force(UpAndDown(up), (2, 24, 24))[0]
    assert field.size[0] == max(w[-1] - w[0] + 1 for w in windows)
    assert field.jump == (1, 1)


class Shortcut(nn.Module):
    """The parameter-free shortcut of CIFAR ResNets: every other pixel, zeros for the new channels."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, stride=2, padding=1)

    def forward(self, x):
        return F.relu(self.conv(x) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 1)))


class Scaled(nn.Module):
    """Squeeze and excitation: every output depends on the whole image."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, x):
        return x * torch.sigmoid(self.fc(x.mean(dim=(2, 3))))[:, :, None, None]


class ChannelsLast(nn.Module):
    """A linear layer over channels, as in ConvNeXt: it does not mix positions."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, x):
        return self.fc(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Cropped(nn.Module):
    def forward(self, x):
        return F.avg_pool2d(x, 2)[..., 1:-1, 1:-1]


@pytest.mark.parametrize(
    ("net", "size"),
    [
        (Shortcut(), 3),
        (Scaled(), 24),
        (ChannelsLast(), 1),
        (Cropped(), 2),
        (nn.AdaptiveAvgPool2d(5), 6),
        (nn.Upsample(scale_factor=2, mode="bilinear"), 2),
        (nn.Conv2d(2, 2, 3, padding=2, padding_mode="reflect", dilation=2), 5),
        (nn.Conv2d(2, 2, (3, 3), padding="same"), 3),
        (nn.PixelUnshuffle(2), 2),
        (nn.Softmax(dim=2), (24, 1)),
        (nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(3 * 22 * 22, 4)), 24),
        (nn.Sequential(nn.Conv2d(2, 3, 3, stride=8), nn.Flatten(), nn.Linear(27, 4)), 19),
    ],
    ids=lambda value: type(value).__name__,
)
def test_receptive_field_through_functions(net, size):
    expected = size if isinstance(size, tuple) else (size, size)
    assert layer_table(net, (2, 24, 24))[-1].receptive_field.size == expected
    if isinstance(net, nn.Sequential) or size == (24, 1):
        return
    windows = seen_by_brute_force(net, (2, 24, 24))
    wide = [max(w[-1] - w[0] + 1 for w in axis if w) for axis in windows]
    if isinstance(net, nn.Conv2d) and net.padding_mode == "reflect":
        wide = [windows[0][12][-1] - windows[0][12][0] + 1] * 2  # reflection mirrors the window at the border
    assert tuple(wide) == expected


def test_unknown_operation_has_unknown_receptive_field_and_right_counts():
    class Rolled(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(2, 3, 3)

        def forward(self, x):
            return torch.roll(self.conv(x), 1, dims=2) * 2

    table = layer_table(Rolled(), (2, 8, 8))
    assert table["conv"].receptive_field.size == (3, 3)
    assert table[-1].receptive_field is None
    assert table[-1].output_shape == (3, 6, 6)


# ---------------------------------------------------------------- counting


@pytest.mark.parametrize(
    ("layer", "shape", "output", "parameters", "multiply_adds"),
    [
        (nn.Conv1d(4, 6, 3, padding=1), (4, 10), (6, 10), 78, 6 * 10 * 12),
        (nn.Conv3d(2, 3, 2), (2, 5, 5, 5), (3, 4, 4, 4), 51, 3 * 64 * 16),
        (nn.Conv2d(8, 8, 3, groups=8, bias=False), (8, 5, 5), (8, 3, 3), 72, 8 * 9 * 9),
        (nn.ConvTranspose2d(3, 5, 2, stride=2), (3, 4, 4), (5, 8, 8), 65, 5 * 8 * 8 * 3),
        (nn.Linear(120, 84), (120,), (84,), 10_164, 120 * 84),
        (nn.Linear(120, 84), 120, (84,), 10_164, 120 * 84),
        (nn.BatchNorm2d(7), (7, 3, 3), (7, 3, 3), 14, 0),
        (nn.MaxPool2d(3, 2), (7, 13, 13), (7, 6, 6), 0, 0),
        (nn.Conv2d(3, 10, 5, padding=2), (4, 3, 32, 32), (4, 10, 32, 32), 760, 4 * 768_000),
        (nn.MultiheadAttention(8, 2, batch_first=True), None, None, 288, None),
    ],
    ids=str,
)
def test_single_layers(layer, shape, output, parameters, multiply_adds):
    if shape is None:

        class SelfAttention(nn.Module):
            def __init__(self):
                super().__init__()
                self.attend = layer

            def forward(self, x):
                return self.attend(x, x, x, need_weights=False)[0]

        row = layer_table(SelfAttention(), (5, 8))["attend"]
        # query, key, value and output maps, then 5·5 scores and 5·5 weighted sums of 8 numbers
        assert (row.parameters, row.multiply_adds) == (parameters, 4 * 5 * 8 * 8 + 2 * 5 * 5 * 8)
        return
    row = layer_table(layer, shape)[1]
    assert (row.output_shape, row.parameters, row.multiply_adds) == (output, parameters, multiply_adds)


def test_shared_parameters_count_once():
    conv = nn.Conv2d(3, 3, 3, padding=1)
    table = layer_table(nn.Sequential(conv, nn.ReLU(), conv), (3, 8, 8))
    assert table.total.parameters == 84
    assert [row.parameters for row in table if row.kind == "Conv2d"] == [84, 0]
    assert "shared with 0" in table[3].formulas["parameters"]


def test_memory_of_in_place_and_views_is_zero():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.ReLU(), nn.Dropout(), nn.Flatten())
    assert [row.activation_bytes for row in layer_table(net, (1, 5, 5))] == [100, 72, 0, 72, 0, 0]


def test_functions_called_in_forward_have_rows():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.rand(4, 3, 3, 3))
            self.unused = nn.Linear(2, 2)

        def forward(self, x):
            x = F.max_pool2d(F.relu(F.conv2d(x, self.weight, padding=1)), 2)
            return torch.flatten(x, 1)

    table = layer_table(Net(), (3, 8, 8))
    assert [row.name for row in table] == ["input", "conv2d()", "relu()", "max_pool2d()", "flatten()", "unused"]
    assert table["conv2d()"].parameters == 108
    assert table["max_pool2d()"].receptive_field.size == (4, 4)
    assert table["unused"].output_shape is None
    assert table.total.parameters == 108 + 6


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([nn.Conv2d, nn.ConvTranspose2d, nn.MaxPool2d, nn.AvgPool2d]),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.integers(1, 3),
    st.integers(0, 1),
    st.integers(1, 2),
    st.sampled_from([(4, 9, 9), (4, 12, 7)]),
)
def test_every_formula_computes_its_number(kind, kernel, stride, padding, dilation, shape):
    assume(2 * padding <= min(kernel))
    if kind in (nn.MaxPool2d, nn.AvgPool2d):
        layer = kind(kernel, stride, padding)
    else:
        layer = kind(4, 6, kernel, stride, padding, groups=2, dilation=dilation)
    row = layer_table(layer, shape)[1]
    numbers = {
        "parameters": [row.parameters],
        "multiply_adds": [row.multiply_adds],
        "activation_bytes": [row.activation_bytes],
        "output_shape": list(row.output_shape[1:]),
        "receptive_field": list(row.receptive_field.size),
    }
    for name, text in row.formulas.items():
        if " = " not in text:
            assert numbers[name] == [0]
            continue
        sides = text.split("; ")
        values = numbers[name] if len(sides) == len(numbers[name]) else numbers[name][:1]
        for side, value in zip(sides, values, strict=True):
            left, right = side.split(" = ")
            assert int(re.sub(r"[^\d]", "", right)) == value
            assert computed(left) == value


def computed(text):
    text = re.sub(r"[a-z ]+values", "", text).replace("×", "*").replace("·", "*").replace("−", "-").replace(",", "")
    return eval(text.replace("⌊", "math.floor(").replace("⌋", ")"), {"math": math})


# ---------------------------------------------------------------- the module stays as it was


def test_module_is_left_as_it_was():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout())
    net[2].eval()
    fired = []
    net[0].register_forward_hook(lambda *_: fired.append(1))
    before = {name: (id(t), t.clone()) for name, t in net.state_dict(keep_vars=True).items()}
    random = torch.get_rng_state()
    layer_table(net, (3, 8, 8))
    with pytest.raises(ValueError, match="channels"):
        layer_table(net, (5, 8, 8))
    assert torch.equal(random, torch.get_rng_state())
    assert [m.training for m in net] == [True, True, False]
    assert fired == []
    assert [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in net] == [1, 0, 0]
    for name, tensor in net.state_dict(keep_vars=True).items():
        assert id(tensor) == before[name][0]
        assert torch.equal(tensor, before[name][1])


def test_module_that_remembers_its_activations():
    class Remembers(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3)
            self.seen = []

        def forward(self, x):
            self.last = self.conv(x)
            self.seen.append(self.last)
            return self.last

    net = Remembers()
    net(torch.rand(1, 1, 5, 5))
    last = net.last
    assert layer_table(net, (1, 5, 5)).total.parameters == 10
    assert net.last is last
    assert len(net.seen) == 1


def test_module_with_numpy_inside():
    class Doubles(nn.Module):
        def forward(self, x):
            return torch.from_numpy(x.numpy() * 2)

    table = layer_table(nn.Sequential(nn.Conv2d(1, 2, 3), Doubles(), nn.Conv2d(2, 2, 3)), (1, 8, 8))
    assert [row.output_shape for row in table] == [(1, 8, 8), (2, 6, 6), (2, 6, 6), (2, 4, 4)]
    assert table["1"].multiply_adds is None
    assert table["2"].receptive_field is None
    assert table["2"].multiply_adds == 2 * 16 * 18
    assert "could not be seen in 1" in str(table)


def test_mistake_in_numpy_code_is_named_rather_than_the_missing_data():
    class Breaks(nn.Module):
        def forward(self, x):
            return torch.from_numpy(x.numpy().reshape(7))

    with pytest.raises(ValueError, match=r"In 1 \(Breaks\), whose input is 2×6×6: cannot reshape array of size 72"):
        layer_table(nn.Sequential(nn.Conv2d(1, 2, 3), Breaks()), (1, 8, 8))


def test_parametrized_layer():
    net = nn.Sequential(torch.nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 4, 3)), nn.ReLU())
    table = layer_table(net, (2, 8, 8))
    assert [row.kind for row in table] == ["Input", "Conv2d", "ReLU"]
    assert table.total.parameters == sum(p.numel() for p in net.parameters())


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 32, 32), r"features.0 \(Conv2d\), whose input is 4×32×32: it expects 3 channels and got 4"),
        ((2, 4, 32, 32), "it expects 3 channels and got 4"),
        ((32, 32, 3), "Channels come first"),
        ((32, 32), "expects C×H×W"),
        ((3, 0, 32), "positive whole numbers"),
        ((3, 32.0, 32), "positive whole numbers"),
        ("3,32,32", "positive whole numbers"),
        (None, "positive whole numbers"),
    ],
)
def test_wrong_input_shape(shape, message):
    with pytest.raises(ValueError, match=message):
        layer_table(on_meta(torchvision.models.vgg11), shape)


def test_other_bad_input():
    with pytest.raises(
        ValueError, match=r"7 \(Linear\), whose input is 256: it expects 400 input features and got 256"
    ):
        layer_table(lenet(), (1, 28, 28))
    with pytest.raises(TypeError, match=r"needs a torch.nn.Module, but got function"):
        layer_table(lenet, (1, 32, 32))
    with pytest.raises(TypeError, match=r"torch.dtype such as torch.float32"):
        layer_table(lenet(), (1, 32, 32), "float32")
    with pytest.raises(ValueError, match="run the module once"):
        layer_table(nn.LazyLinear(3), (4,))
    with pytest.raises(KeyError, match="there are input, 0"):
        layer_table(lenet(), (1, 32, 32))["fc9"]


# ---------------------------------------------------------------- the table


def test_table_prints_aligned():
    lines = str(layer_table(lenet(), (1, 32, 32))).splitlines()
    assert lines[0].split("  ")[0] == "layer"
    assert "61,706" in lines[-1]
    assert "16×10×10" in lines[6]
    end = lines[0].index("parameters") + len("parameters")
    assert all(line[end - 1].isdigit() and line[end : end + 2].strip() == "" for line in [*lines[2:-2], lines[-1]])


class _Counted(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.titles = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.titles += [value for name, value in attrs if name == "title"]


def test_table_as_html_and_markdown():
    table = layer_table(lenet(), (1, 32, 32))
    html = _Counted()
    html.feed(table._repr_html_())
    assert html.tags.count("tr") == len(table) + 2
    assert "6 × (5·5·1 + 1) = 156" in html.titles
    lines = table.to_markdown().splitlines()
    assert len(lines) == len(table) + 3
    assert {line.count("|") for line in lines} == {9}


def test_rows_are_json():
    rows = json.loads(json.dumps([row.as_dict() for row in layer_table(lenet(), (1, 32, 32))]))
    assert rows[1]["receptive_field"] == [5, 5]
    assert rows[2]["output_shape"] == [6, 28, 28]


# ---------------------------------------------------------------- torchvision


def test_torchvision_imports_in_a_fresh_process_without_a_word():
    code = (
        "from convnets.vision import torchvision; import torchvision.transforms;"
        "print(sum(p.numel() for p in torchvision.models.squeezenet1_1().parameters()))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("1235496", "")
