"""The reference architectures of assignment 06 against published counts, published shapes, and torchvision's own nets."""

import importlib

import numpy as np
import pytest
import torch
from torch import nn

from autograder.units import import_unit
from convnets.arithmetic import layer_table
from convnets.check.network_probes import NoInitialisation, feature_sizes, known_weights, noise
from convnets.vision import torchvision

unit = import_unit("06_classic_architectures")
names = importlib.import_module(f"{unit.__name__}.torchvision_names")
models = torchvision.models


def on_meta(make, **options):
    with torch.device("meta"):
        return make(**options)


def parameters(net):
    return sum(p.numel() for p in net.parameters())


# 61,706: chapter 08. AlexNet and VGG: torchvision's weights' meta data and the layer lists of the papers. 60,965,224: the grouped net of 2012,
# as in Caffe's bvlc_alexnet; 6,998,552 and 13,378,280: Caffe's bvlc_googlenet with 5×5 kernels and biases. ZFNet: its layers, added up below.
COUNTS = [
    (unit.lenet5, {}, 61_706),
    (unit.alexnet, {}, 61_100_840),
    (unit.alexnet, {"variant": "two towers"}, 60_965_224),
    (unit.vgg, {"depth": 11}, 132_863_336),
    (unit.vgg, {"depth": 13}, 133_047_848),
    (unit.vgg, {"depth": 16}, 138_357_544),
    (unit.vgg, {"depth": 19}, 143_667_240),
    (unit.vgg, {"depth": 16, "batchnorm": True}, 138_365_992),
    (unit.vgg, {"depth": 19, "batchnorm": True}, 143_678_248),
    (unit.googlenet, {"auxiliary": False, "variant": "torchvision"}, 6_624_904),
    (unit.googlenet, {"variant": "torchvision"}, 13_004_888),
    (unit.googlenet, {"auxiliary": False}, 6_998_552),
    (unit.googlenet, {}, 13_378_280),
]


@pytest.mark.parametrize(("make", "options", "expected"), COUNTS, ids=lambda value: getattr(value, "__name__", str(value)))
def test_parameters_to_the_unit(make, options, expected):
    assert parameters(on_meta(make, **options)) == expected


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(on_meta(unit.alexnet), "alexnet"), (on_meta(unit.googlenet, variant="torchvision", auxiliary=False), "googlenet")]
    + [(on_meta(unit.vgg, depth=depth, batchnorm=bn), f"vgg{depth}{'_bn' * bn}") for depth in (11, 13, 16, 19) for bn in (False, True)],
)
def test_counts_agree_with_the_ones_that_torchvision_publishes(ours, theirs):
    assert parameters(ours) == models.get_model_weights(theirs).DEFAULT.meta["num_params"]


def filled(net):
    """The net with weights from a generator: He's spread, and running averages that are not the first ones."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in net.parameters():
            fan_in = p[0].numel() if p.ndim > 1 else 16
            p.uniform_(-1, 1, generator=generator).mul_((6 / fan_in) ** 0.5)
        for name, values in net.named_buffers():
            if "running" in name:
                values.uniform_(0.5, 1.5, generator=generator)
    return net


TORCHVISION = [
    ("alexnet", {}, unit.alexnet, {}, 224),
    ("vgg16", {}, unit.vgg, {"depth": 16}, 64),
    ("vgg19", {}, unit.vgg, {"depth": 19}, 64),
    ("vgg16_bn", {}, unit.vgg, {"depth": 16, "batchnorm": True}, 64),
    ("vgg19_bn", {}, unit.vgg, {"depth": 19, "batchnorm": True}, 64),
    ("googlenet", {"aux_logits": True, "init_weights": False}, unit.googlenet, {"variant": "torchvision"}, 224),
    ("googlenet", {"aux_logits": False, "init_weights": False}, unit.googlenet, {"variant": "torchvision", "auxiliary": False}, 224),
]


@pytest.mark.parametrize(("name", "given", "make", "options", "size"), TORCHVISION, ids=lambda value: value if isinstance(value, str) else "")
def test_weights_of_torchvision_give_the_same_logits(name, given, make, options, size):
    with NoInitialisation():
        theirs = getattr(models, name)(weights=None, **given)
    theirs = filled(theirs).eval()
    ours = on_meta(make, **options).eval()
    ours.load_state_dict(names.from_torchvision(ours, theirs.state_dict()), assign=True)
    x = noise((2, 3, size, size), 1)
    with torch.no_grad():
        expected = theirs(x)
        assert expected.std() > 1e-3
        torch.testing.assert_close(ours(x), expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def test_all_three_answers_of_googlenet_in_training_are_torchvisions():
    theirs = filled(models.googlenet(weights=None, aux_logits=True, init_weights=False, dropout=0.0, dropout_aux=0.0)).train()
    ours = unit.googlenet(variant="torchvision", dropout=0.0).train()
    ours.load_state_dict(names.from_torchvision(ours, theirs.state_dict()))
    for head in (ours.aux1, ours.aux2):
        head.dropout.p = 0.0
    x = noise((2, 3, 224, 224), 2)
    with torch.no_grad():
        logits, aux1, aux2 = ours(x)
        expected = theirs(x)
    for got, right in zip((logits, aux1, aux2), (expected.logits, expected.aux_logits1, expected.aux_logits2), strict=True):
        torch.testing.assert_close(got, right, rtol=1e-3, atol=1e-4 * float(right.abs().max()))


@pytest.mark.parametrize("name", ["vgg11", "vgg13", "vgg11_bn", "vgg13_bn"])
def test_the_name_map_fits_the_other_vggs(name):
    theirs = on_meta(getattr(models, name))
    ours = on_meta(unit.vgg, depth=int(name[3:5]), batchnorm="bn" in name)
    assert {k: v.shape for k, v in names.from_torchvision(ours, theirs.state_dict()).items()} == {k: v.shape for k, v in ours.state_dict().items()}


def shapes(net, shape, *parts):
    """Output shapes C×H×W of these parts of the net, in order."""
    table = layer_table(net, shape)
    last = {row.name.split(".")[0]: row.output_shape for row in table}
    return [last[part] for part in parts]


def test_lenet5_stages():
    expected = [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120, 1, 1), (84,), (10,)]
    assert shapes(unit.lenet5(), (1, 32, 32), "C1", "S2", "C3", "S4", "C5", "F6", "output") == expected


def test_alexnet_stages():
    parts = ("conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5", "fc6", "fc7", "fc8")
    tail = [(4096,), (4096,), (1000,)]
    two = [(96, 55, 55), (96, 27, 27), (256, 27, 27), (256, 13, 13), (384, 13, 13), (384, 13, 13), (256, 13, 13), (256, 6, 6), *tail]
    one = [(64, 55, 55), (64, 27, 27), (192, 27, 27), (192, 13, 13), (384, 13, 13), (256, 13, 13), (256, 13, 13), (256, 6, 6), *tail]
    assert shapes(on_meta(unit.alexnet, variant="two towers"), (3, 227, 227), *parts) == two
    assert shapes(on_meta(unit.alexnet), (3, 224, 224), *parts) == one


def test_alexnet_parameters_layer_by_layer():
    table = layer_table(on_meta(unit.alexnet, variant="two towers"), (3, 227, 227))
    assert table["conv1"].parameters == 34_944
    assert table["conv2"].parameters == 256 * (5 * 5 * 48 + 1) == 307_456
    assert layer_table(on_meta(unit.alexnet), (3, 224, 224))["fc6"].parameters == 37_752_832
    assert 256 * (5 * 5 * 96 + 1) == 614_656


@pytest.mark.parametrize(("filters", "channels"), [((96, 256, 512, 1024, 512), (512, 1024, 512)), ((96, 256, 384, 384, 256), (384, 384, 256))])
def test_zfnet_stages_and_parameters(filters, channels):
    net = on_meta(unit.zfnet, filters=filters)
    a, b, c = channels
    stages = [(96, 110, 110), (96, 55, 55), (256, 26, 26), (256, 13, 13), (a, 13, 13), (b, 13, 13), (c, 13, 13), (c, 6, 6)]
    assert shapes(net, (3, 224, 224), "conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5") == stages
    convolutional = 96 * (49 * 3 + 1) + 256 * (25 * 96 + 1) + a * (9 * 256 + 1) + b * (9 * a + 1) + c * (9 * b + 1)
    assert parameters(net) == convolutional + 4096 * (36 * c + 1) + 4096 * 4097 + 1000 * 4097


@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_vgg_stages(depth):
    net = on_meta(unit.vgg, depth=depth)
    stages = [(64, 112, 112), (128, 56, 56), (256, 28, 28), (512, 14, 14), (512, 7, 7)]
    assert shapes(net, (3, 224, 224), *(f"stage{i}" for i in range(1, 6))) == stages
    assert sum(isinstance(layer, (nn.Conv2d, nn.Linear)) for layer in net.modules()) == depth
    assert layer_table(net, (3, 224, 224))["head.fc6"].parameters == 102_764_544 == 102_760_448 + 4096


@pytest.mark.parametrize("variant", ["original", "torchvision"])
def test_googlenet_stages(variant):
    net = on_meta(unit.googlenet, variant=variant)
    table = layer_table(net, (3, 224, 224))
    last = {row.name.split(".")[0]: row.output_shape for row in table}
    expected = {"conv1": (64, 112, 112), "pool1": (64, 56, 56), "conv3": (192, 56, 56), "pool3": (192, 28, 28), "inception3b": (480, 28, 28)}
    expected |= {"inception4a": (512, 14, 14), "inception4d": (528, 14, 14), "inception4e": (832, 14, 14), "pool5": (832, 7, 7), "inception5b": (1024, 7, 7)}
    assert {name: last[name] for name in expected} == expected
    with_weights = [layer for name, layer in net.named_modules() if isinstance(layer, (nn.Conv2d, nn.Linear)) and not name.startswith("aux")]
    assert len(with_weights) == 58  # 3 + 9·6 convolutions and one linear layer; 22 of them one after the other
    assert [tuple(o.shape) for o in net.train()(torch.zeros(2, 3, 224, 224, device="meta"))] == [(2, 1000)] * 3


def test_numbers_in_the_text_about_inception_and_its_heads():
    with torch.device("meta"):
        naive, thin = unit.NaiveInception(256, 128, 192, 96), unit.Inception(256, 128, 64, 192, 64, 96, 64)
        heads = [unit.AuxiliaryHead(channels, 1000, variant="torchvision") for channels in (512, 528)]
    tables = [layer_table(module, (256, 28, 28)) for module in (naive, thin)]
    assert [t.total.multiply_adds for t in tables] == [854_196_224, 271_351_808]
    assert [t.rows[-1].output_shape for t in tables] == [(672, 28, 28), (480, 28, 28)]
    assert 192 * (3 * 3 * 64 + 1) == 110_784 and 64 * 257 == 16_448 and 784 * 192 * 9 * 64 == 86_704_128
    assert sum(map(parameters, heads)) == 6_379_984 == 13_004_888 - 6_624_904
    assert round(60_965_224 / 6_998_552, 1) == 8.7
    vgg16 = layer_table(on_meta(unit.vgg), (3, 224, 224))
    fc6 = vgg16["head.fc6"]
    assert 0.74 < fc6.parameters / vgg16.total.parameters < 0.75 and fc6.multiply_adds < vgg16.total.multiply_adds / 100


SMALL = [
    (unit.alexnet, {"small_images": True}),
    (unit.alexnet, {"variant": "two towers", "small_images": True}),
    (unit.vgg, {"image_size": 32, "hidden": 128}),
    (unit.vgg, {"depth": 19, "image_size": 32, "hidden": 128, "batchnorm": True}),
    (unit.googlenet, {"small_images": True, "variant": "torchvision"}),
    (unit.googlenet, {"small_images": True, "auxiliary": False}),
]


@pytest.mark.parametrize(("make", "options"), SMALL)
def test_small_variants_take_small_images_and_learn(make, options):
    net = known_weights(make(classes=10, width=16, **options)).train()
    outputs = net(noise((4, 3, 32, 32), 0))
    loss = unit.googlenet_loss(outputs, torch.tensor([1, 2, 3, 4]))
    loss.backward()
    assert all(p.grad is not None for p in net.parameters())
    assert net.eval()(noise((2, 3, 32, 32), 1)).shape == (2, 10)


def test_response_norm_is_the_papers_formula():
    x = 100 * noise((2, 9, 3, 4), 3).double()
    paper = torch.stack([x[:, i] / (2 + 1e-4 * x[:, max(0, i - 2) : i + 3].square().sum(1)) ** 0.75 for i in range(9)], dim=1)
    torch.testing.assert_close(nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)(x), paper)


def test_map_sizes_do_not_depend_on_how_a_net_is_written():
    expected = [[224, 224], [112, 112], [56, 56], [28, 28], [14, 14], [7, 7]]
    assert np.array_equal(feature_sizes(unit.vgg, (1, 3, 224, 224), depth=11), expected)
    assert np.array_equal(feature_sizes(unit.googlenet, (1, 3, 224, 224), width=8), expected)
