"""The nets of assignment 07's second half against what is published: counts, stage shapes, torchvision's models weight by weight."""

import math
import re
from functools import lru_cache
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, relu

from autograder.units import import_unit
from convnets.arithmetic import layer_table
from convnets.check.network_probes import known_weights
from convnets.vision import torchvision

nets = import_unit("07_residual_architectures")
SOURCE = Path(__file__).resolve().parents[1] / "source/assignments/07_residual_architectures/notebook.py"
TEXT = " ".join(SOURCE.read_text(encoding="utf-8").replace("\n# ", " ").split())


def on_meta(make, *args, **options):
    with torch.device("meta"):
        return make(*args, **options)


def count(make, *args, **options):
    return sum(p.numel() for p in on_meta(make, *args, **options).parameters())


# torchvision 0.2x's documentation of its models (num_params); AlphaGo's: Silver et al. 2016, Methods, layer by layer in `test_the_policy_network…`.
COUNTS = {
    "ResNeXt-50 32×4d": (25_028_904, nets.resnext, {}),
    "ResNeXt-101 32×8d": (88_791_336, nets.resnext, {"depth": 101, "groups": 32, "base_width": 8}),
    "ResNeXt-101 64×4d": (83_455_272, nets.resnext, {"depth": 101, "groups": 64, "base_width": 4}),
    "DenseNet-121": (7_978_856, nets.densenet, {}),
    "DenseNet-169": (14_149_480, nets.densenet, {"depth": 169}),
    "DenseNet-201": (20_013_928, nets.densenet, {"depth": 201}),
    "SqueezeNet 1.0": (1_248_424, nets.squeezenet, {}),
    "EfficientNet-B0": (5_288_548, nets.efficientnet_b0, {}),
    "EfficientNet-B1": (7_794_184, nets.efficientnet, {"width": 1.0, "depth": 1.1}),
    "EfficientNet-B2": (9_109_994, nets.efficientnet, {"width": 1.1, "depth": 1.2}),
    "EfficientNet-B3": (12_233_232, nets.efficientnet, {"width": 1.2, "depth": 1.4}),
    "EfficientNet-B4": (19_341_616, nets.efficientnet, {"width": 1.4, "depth": 1.8}),
    "EfficientNet-B5": (30_389_784, nets.efficientnet, {"width": 1.6, "depth": 2.2}),
    "EfficientNet-B6": (43_040_704, nets.efficientnet, {"width": 1.8, "depth": 2.6}),
    "EfficientNet-B7": (66_347_960, nets.efficientnet, {"width": 2.0, "depth": 3.1}),
}


@pytest.mark.parametrize("name", COUNTS)
def test_the_number_of_parameters_is_the_published_one(name):
    published, make, options = COUNTS[name]
    assert count(make, **options) == published


@pytest.mark.parametrize("reduction", [2, 4, 8, 16, 32])
def test_se_resnet_adds_what_the_papers_formula_says(reduction):
    """Hu, Shen, Sun 2018, section 4: 2/r Σ N·C² weights; here with both layers' biases."""
    stages = zip((3, 4, 6, 3), (256, 512, 1024, 2048), strict=True)
    added = sum(blocks * (2 * c * c // reduction + c // reduction + c) for blocks, c in stages)
    assert count(nets.se_resnet, 50, reduction) == 25_557_032 + added


def test_se_resnets_at_the_usual_reduction():
    assert [count(nets.se_resnet, depth) for depth in (50, 101)] == [28_088_024, 49_326_872]


# --- shapes of all stages -------------------------------------------------------------------------------------------------

SHAPES = {
    nets.resnext: {"pool1": (64, 56, 56), "stage1": (256, 56, 56), "stage2": (512, 28, 28), "stage3": (1024, 14, 14), "stage4": (2048, 7, 7), "fc": (1000,)},
    nets.se_resnet: {"pool1": (64, 56, 56), "stage1": (256, 56, 56), "stage2": (512, 28, 28), "stage3": (1024, 14, 14), "stage4": (2048, 7, 7), "fc": (1000,)},
    nets.densenet: {
        "conv1": (64, 112, 112), "pool1": (64, 56, 56), "block1": (256, 56, 56), "transition1": (128, 28, 28), "block2": (512, 28, 28),
        "transition2": (256, 14, 14), "block3": (1024, 14, 14), "transition3": (512, 7, 7), "block4": (1024, 7, 7), "pool": (1024,), "fc": (1000,),
    },
    nets.squeezenet: {
        "conv1": (96, 109, 109), "pool1": (96, 54, 54), "fire2": (128, 54, 54), "fire3": (128, 54, 54), "fire4": (256, 54, 54), "pool4": (256, 27, 27), "fire5": (256, 27, 27),
        "fire6": (384, 27, 27), "fire7": (384, 27, 27), "fire8": (512, 27, 27), "pool8": (512, 13, 13), "fire9": (512, 13, 13), "conv10": (1000, 13, 13), "pool10": (1000,),
    },
    nets.efficientnet: {
        "conv1": (32, 112, 112), "stage1": (16, 112, 112), "stage2": (24, 56, 56), "stage3": (40, 28, 28), "stage4": (80, 14, 14), "stage5": (112, 14, 14),
        "stage6": (192, 7, 7), "stage7": (320, 7, 7), "head": (1280, 7, 7), "pool": (1280,), "fc": (1000,),
    },
}  # fmt: skip


def shapes_of(net, shape):
    """Output shape of each top-level part for one image of that shape."""
    found, x = {}, torch.zeros(1, *shape, device="meta")
    for name, part in net.eval().named_children():
        x = part(x)
        found[name] = tuple(x.shape[1:])
    return found


@pytest.mark.parametrize("make", SHAPES, ids=lambda make: make.__name__)
def test_every_stage_has_the_published_shape(make):
    found = shapes_of(on_meta(make), (3, 224, 224))
    assert {name: found[name] for name in SHAPES[make]} == SHAPES[make]


def test_squeezenet_gives_the_papers_shapes_for_227_pixels():
    """Iandola et al. 2016, table 1, lists 111, 55, 27, 13 behind "224×224"; 224 pixels give 109."""
    found = shapes_of(on_meta(nets.squeezenet), (3, 227, 227))
    assert [found[name][-1] for name in ("conv1", "pool1", "pool4", "pool8")] == [111, 55, 27, 13]


def test_the_policy_network_keeps_the_board_and_has_the_papers_layers():
    net = on_meta(nets.policy_network)
    layers = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels, c.kernel_size[0]) for c in layers] == [(48, 192, 5), *[(192, 192, 3)] * 11, (192, 1, 1)]
    assert net(torch.zeros(2, 48, 19, 19, device="meta")).shape == (2, 19, 19)
    assert count(nets.policy_network) == 5 * 5 * 48 * 192 + 192 + 11 * (9 * 192 * 192 + 192) + 192 + 361


def test_the_policy_network_gives_probabilities_of_points():
    torch.manual_seed(0)
    net = known_weights(nets.policy_network(planes=3, filters=4, layers=2, size=5))
    chances = net(torch.randn(3, 3, 5, 5))
    torch.testing.assert_close(chances.sum(dim=(1, 2)), torch.ones(3))
    assert chances.min() > 0 and chances.std() > 0


# --- torchvision's weights in our nets ------------------------------------------------------------------------------------

DENSE = {"norm1": 0, "conv1": 2, "norm2": 3, "conv2": 5}
FIRE = dict(zip((3, 4, 5, 7, 8, 9, 10, 12), range(2, 10), strict=True))


def resnext_name(name):
    return re.sub(r"^layer", "stage", name).replace("downsample", "shortcut")


def densenet_name(name):
    name = re.sub(r"^features\.(conv|norm)0", lambda m: f"conv1.{0 if m[1] == 'conv' else 1}", name)
    name = re.sub(r"^features\.denseblock(\d)\.denselayer(\d+)\.(\w+)", lambda m: f"block{m[1]}.layers.{int(m[2]) - 1}.{DENSE[m[3]]}", name)
    name = re.sub(r"^features\.transition(\d)\.(norm|conv)", lambda m: f"transition{m[1]}.{0 if m[2] == 'norm' else 2}", name)
    return name.replace("features.norm5", "norm.0").replace("classifier", "fc")


def squeezenet_name(name):
    name = re.sub(r"^features\.0\.", "conv1.0.", name)
    name = re.sub(r"^features\.(\d+)\.", lambda m: f"fire{FIRE[int(m[1])]}.", name)
    name = name.replace("expand1x1", "ones").replace("expand3x3", "threes").replace("classifier.1", "conv10.1")
    return re.sub(r"(squeeze|ones|threes)\.(weight|bias)", r"\1.0.\2", name)


def efficientnet_name(name):
    name = re.sub(r"^features\.0\.", "conv1.", name)
    name = re.sub(r"^features\.8\.", "head.", name)
    return re.sub(r"^features\.(\d)\.(\d+)\.block\.(\d)\.(\w+)", mbconv_name, name).replace("classifier.1", "fc")


def mbconv_name(match):
    """torchvision numbers the four parts of a block (three without expansion) and the layers in them; we number all layers through."""
    stage, block, part, layer = match.groups()
    part = int(part) + (stage == "1")
    start = (0, 3, 6, 7)[part] - 3 * (stage == "1")
    place = {"fc1": f"{start}.gate.1", "fc2": f"{start}.gate.3"}.get(layer) or start + int(layer)
    return f"stage{stage}.{block}.body.{place}"


MODELS = {
    "resnext50_32x4d": (nets.resnext, resnext_name, 64),
    "densenet121": (nets.densenet, densenet_name, 64),
    "squeezenet1_0": (nets.squeezenet, squeezenet_name, 73),
    "efficientnet_b0": (nets.efficientnet_b0, efficientnet_name, 70),
}


@pytest.mark.parametrize("name", MODELS)
def test_torchvisions_weights_give_the_same_logits(name):
    make, name_of, side = MODELS[name]
    theirs = known_weights(getattr(torchvision.models, name)(weights=None)).eval()
    ours = make().eval()
    ours.load_state_dict({name_of(key): value for key, value in theirs.state_dict().items()}, strict=True)
    x = torch.randn(2, 3, side, side - 5, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected, found = theirs(x), ours(x)
    assert expected.std() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())


# --- what belongs together ------------------------------------------------------------------------------------------------


def test_three_forms_of_resnexts_block_are_one_function():
    draw = torch.Generator().manual_seed(0)
    x, cardinality = torch.randn(2, 5, 6, 7, generator=draw, dtype=torch.float64), 4
    shapes = (12, 5, 1, 1), (12, 3, 3, 3), (9, 12, 1, 1)
    reduce, transform, expand = (torch.randn(shape, generator=draw, dtype=torch.float64) for shape in shapes)
    added = nets.aggregated_paths(x, reduce, transform, expand, cardinality)
    parts = zip(reduce.chunk(cardinality), transform.chunk(cardinality), strict=True)
    stacked = conv2d(torch.cat([relu(conv2d(relu(conv2d(x, a)), b, padding=1)) for a, b in parts], dim=1), expand)
    grouped = conv2d(relu(conv2d(relu(conv2d(x, reduce)), transform, padding=1, groups=cardinality)), expand)
    torch.testing.assert_close(added, stacked)
    torch.testing.assert_close(stacked, grouped)


def test_the_formula_comes_near_every_released_efficientnet():
    """Tan and Le's repository (efficientnet_builder.py) has these values for B0 to B7."""
    released = {0: (1.0, 1.0, 224), 0.5: (1.0, 1.1, 240), 1: (1.1, 1.2, 260), 2: (1.2, 1.4, 300), 3: (1.4, 1.8, 380), 4: (1.6, 2.2, 456), 5: (1.8, 2.6, 528), 6: (2.0, 3.1, 600)}
    for phi, values in released.items():
        for formula, value in zip(nets.compound_scaling(phi), values, strict=True):
            assert 0.83 < formula / value < 1.06
    assert nets.compound_scaling(1) == (1.1, 1.2, 258)


def test_stages_are_scaled_as_in_torchvision():
    from torchvision.models._utils import _make_divisible

    for channels in (16, 24, 32, 40, 80, 112, 192, 320):
        for width in (0.1, 0.3, 0.7, 1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0):
            assert nets.scale_stage(channels, 1, width)[0] == _make_divisible(channels * width, 8)


def test_stochastic_nets_are_quiet_in_evaluation():
    net = nets.efficientnet(width=0.1, depth=0.5, classes=3).eval()
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(net(x), net(x))


# --- numbers in the text --------------------------------------------------------------------------------------------------


@lru_cache
def total(make, side=224, **options):
    return layer_table(on_meta(make, **options), (3, side, side)).total


def share_of_last_convolution():
    return count(nn.Conv2d, 512, 1000, 1) / count(nets.squeezenet)


STATED = {
    "256·16 + 16 + 16·256 + 256 = {:,} parameters": lambda: count(nets.SqueezeExcitation, 256),
    "`DenseBlock(64, layers=6)`. It makes 256 channels of 64 and has {:,} parameters": lambda: count(nets.DenseBlock, 64, 6),
    "the gates are sigmoid(2) = {:.2f} and": lambda: torch.tensor(2.0).sigmoid().item(),
    "sigmoid(−2) = {:.2f}.": lambda: torch.tensor(-2.0).sigmoid().item(),
    "SE-ResNet-50 has sixteen blocks and {:,} parameters": lambda: count(nets.se_resnet),
    "`resnext()` has {:,} parameters": lambda: count(nets.resnext),
    "`resnext(101, groups=32, base_width=8)` has {:,}": lambda: count(nets.resnext, 101, 32, 8),
    "1 for the stem, 2 · (6 + 12 + 24 + 16) = {} in the blocks": lambda: 2 * (6 + 12 + 24 + 16),
    "`densenet()` has {:,} parameters, a third": lambda: count(nets.densenet),
    "9·16·64 + 64 = 9,280, together {:,}": lambda: count(nets.Fire, 96, 16, 64, 64),
    "96 to 128 channels has {:,}: nine times as many": lambda: count(nn.Conv2d, 96, 128, 3),
    "squeezes to 384 // 8 = 48. `squeezenet()` has {:,} parameters": lambda: count(nets.squeezenet),
    "two fifths of them, {:,}": lambda: count(nn.Conv2d, 512, 1000, 1),
    "together 8,768: {:.1f} times fewer": lambda: 73_728 / 8_768,
    "With the two BatchNorm layers that is {:,} parameters": lambda: count(nets.depthwise_separable, 64, 128),
    "the product is {:.2f}, so each step": lambda: 1.2 * 1.1**2 * 1.15**2,
    "images of 224 · 1.15 = {:.1f}, rounded 258": lambda: 224 * 1.15,
    "`efficientnet()` has {:,} parameters": lambda: count(nets.efficientnet),
    "and it has {:,} parameters. The resolution": lambda: count(nets.efficientnet, 2.0, 3.1),
    "(B7 has {:.1f} times the parameters of B0": lambda: count(nets.efficientnet, 2.0, 3.1) / count(nets.efficientnet),
    "and does {:.0f} times the work.)": lambda: total(nets.efficientnet, 600, width=2.0, depth=3.1).multiply_adds / total(nets.efficientnet).multiply_adds,
    "B4 has {:.1f} times the parameters of B0": lambda: count(nets.efficientnet, 1.4, 1.8) / count(nets.efficientnet),
    "5·5·48·192 + 192 = {:,} parameters in the first layer": lambda: count(nn.Conv2d, 48, 192, 5),
    "{:,} in each of the eleven others": lambda: count(nn.Conv2d, 192, 192, 3),
    "361 biases. Together {:,}.": lambda: count(nets.policy_network),
    "each of the eleven 3×3 convolutions one more: {} points": lambda: 2 + 11,
    "When yours are off by {}, look for a BatchNorm": lambda: count(nn.BatchNorm2d, 192),
}  # fmt: skip


@pytest.mark.parametrize("words", STATED)
def test_the_text_states_what_is_computed(words):
    assert words.format(STATED[words]()) in TEXT


def test_comparisons_in_the_text_hold():
    resnet, resnext, se = total(nets.resnet, depth=50), total(nets.resnext), total(nets.se_resnet)
    assert 0.4e6 < resnet.parameters - resnext.parameters < 0.6e6
    assert 0.09 < se.parameters / resnet.parameters - 1 < 0.11 and se.multiply_adds / resnet.multiply_adds - 1 < 0.01
    assert 0.3 < count(nets.densenet) / resnet.parameters < 0.35
    assert 0.38 < share_of_last_convolution() < 0.42
    squeezenet = layer_table(on_meta(nets.squeezenet), (3, 224, 224))
    assert max(squeezenet, key=lambda row: row.multiply_adds or 0).name.startswith("conv1")
    assert max(squeezenet, key=lambda row: row.parameters).name.startswith("conv10")
    work = [row.multiply_adds for row in layer_table(on_meta(nets.MBConv, 40, 40, kernel=5), (40, 28, 28)) if row.kind == "Conv2d" and row.output_shape[-1] == 28]
    assert len(work) == 3 and work[1] < min(work[0], work[2])
    assert math.isclose(61_100_840 / count(nets.squeezenet), 48.9, abs_tol=0.05)
    small, large = total(nets.efficientnet), total(nets.efficientnet, 600, width=2.0, depth=3.1)
    assert large.multiply_adds / small.multiply_adds > 5 * large.parameters / small.parameters
    assert nets.scale_stage(24, 2, 1.4, 1.8) == (32, 4) and nets.scale_stage(16, 1, 0.7) == (16, 1)
