"""What chapters 09 and 10 state in their text: numbers are computed here, from the course's own nets; claims are measured again with the chapters' own code."""

import re
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from autograder.tables import with_tables
from autograder.units import import_unit
from convnets import data, plots
from convnets.arithmetic import layer_table
from convnets.vision import torchvision

COURSE = Path(__file__).resolve().parents[1] / "source/course"
SOURCES = {number: next(COURSE.glob(f"{number}_*.py")).read_text(encoding="utf-8") for number in ("09", "10")}
TEXT = {number: " ".join(re.sub(r'"\n\s*"', "", source).replace("\n# ", " ").split()) for number, source in SOURCES.items()}
IMAGENET = (3, 224, 224)

# Krizhevsky and others, NeurIPS 2012, table 2: top-5 error in % by nets; * with nets that were trained on all of ImageNet first.
ALEXNET = {("1", "validation"): 18.2, ("5", "test"): 16.4, ("1*", "validation"): 16.6, ("7*", "validation"): 15.4, ("7*", "test"): 15.3, ("second place", "test"): 26.2}
# Zeiler and Fergus, ECCV 2014, table 2: top-5 error in % on the validation images, of one net; and of six nets on the test images.
ZFNET = {"their AlexNet": 18.1, "finer first layer": 16.5, "512, 1024, 512": 16.0, "six": 14.8}
CLARIFAI = {"further images": 11.2, "the challenge's": 11.7}
# Simonyan and Zisserman, ICLR 2015, table 3: top-5 error in %, trained and tested on images of one size; tables 6 and 7: the challenge, and after it.
VGG = {"A": 10.4, "A-LRN": 10.5, "B": 9.9, "C": 9.4, "D": 8.8, "E": 9.0, "challenge": 7.3, "afterwards": 6.8}
GOOGLENET = 6.7


@lru_cache
def chapter(number):
    """What the chapter's cells define, without its trainings and timings. Figures are drawn and thrown away."""
    space = {}
    skipped = ("for case in CASES", "milliseconds(lambda", "architecture_explorer(", "\nquestion(", "\npredict(")
    cells = ["\n" + cell.split("\n", 1)[1] for cell in SOURCES[number].split("\n# %%") if not cell.startswith(" [markdown]")][1:]
    for cell in cells:
        cell = cell.split("short = plain(")[0]
        if "import architecture_explorer" in cell or not any(marker in cell for marker in skipped):
            exec(cell, space)
        elif "with torch.device" in cell and "architecture_explorer(" in cell:
            exec(cell.split("architecture_explorer(")[0], space)
        if "import numpy" in cell:
            space["plots"] = SimpleNamespace(**vars(plots) | {"show": lambda figure, alt: plt.close(figure)})
    return space


@lru_cache
def table(name, shape=IMAGENET):
    """Rows by name, and the total, of a net of assignment 06."""
    with torch.device("meta"):
        net = eval(name, vars(import_unit("06_classic_architectures")))
    found = layer_table(net, shape)
    return {row.name: row for row in found} | {"total": found.total}


def parameters(layer):
    return sum(p.numel() for p in layer.parameters())


def two_towers(layer="total"):
    return table('alexnet("two towers")', (3, 227, 227))[layer].parameters


def vgg_rows():
    return chapter("10")["count"](chapter("10")["PLAN"])


def halved(layer, inputs, outputs, side):
    """Weights that a layer in two groups lacks."""
    return parameters(nn.Conv2d(inputs, outputs, side)) - parameters(nn.Conv2d(inputs, outputs, side, groups=2))


def kept(batch=1):
    return chapter("10")["kept_for_backward"](torchvision_vgg(), (batch, *IMAGENET))[0]


@lru_cache
def torchvision_vgg():
    with torch.device("meta"):
        return torchvision.models.vgg16(weights=None)


STATED = {
    "09": {
        "For 55 windows the image must have 11 + 54·4 = {} pixels": lambda: 11 + 54 * 4,
        "so 53 steps and {} windows": lambda: F.conv2d(torch.zeros(1, 1, 224, 224), torch.zeros(1, 1, 11, 11), stride=4).shape[-1],
        "so (9,216 − 6,400)·4,096 = {:,} weights are saved": lambda: (6**2 - 5**2) * 256 * 4096,
        "It reads 5·5·256 = {:,} numbers": lambda: 256 * chapter("09")["sides"](224)[-1] ** 2,
        "with three grouped layers, has {:,} parameters": lambda: two_towers(),
        "answer=62_378_344": lambda: None if two_towers() + halved("conv2", 96, 256, 5) + halved("conv4", 384, 384, 3) + halved("conv5", 384, 256, 3) == 62_378_344 else pytest.fail("not 62,378,344"),
        "conv2 gains 5·5·48·256 = {:,}": lambda: halved("conv2", 96, 256, 5),
        "conv4 3·3·192·384 = {:,}": lambda: halved("conv4", 384, 384, 3),
        "conv5 3·3·192·256 = {:,}": lambda: halved("conv5", 384, 256, 3),
        "{:,} in all. Little": lambda: halved("conv2", 96, 256, 5) + halved("conv4", 384, 384, 3) + halved("conv5", 384, 256, 3),
        "hold {:.1f} million parameters. In training, each": lambda: (two_towers("fc6") + two_towers("fc7")) / 1e6,
        "add up to much less than {:,.0f}": lambda: 2 / 1e-4,
        "33·33·2 = {:,}": lambda: 2 * len(range(0, 256 - 224 + 1)) ** 2,
        "32·32·2 = {:,}": lambda: 2 * 32**2,
        "AlexNet missed {} %": lambda: ALEXNET["7*", "test"],
        "without a deep net missed {} %": lambda: ALEXNET["second place", "test"],
        "| 1 | the challenge's 1.2 million images | {} % |": lambda: ALEXNET["1", "validation"],
        "| 5 | the same | 16.4 % | {} % |": lambda: ALEXNET["5", "test"],
        "then on these | {} % |": lambda: ALEXNET["1*", "validation"],
        "two of the last kind | both | {} % | **15.3 %** |": lambda: ALEXNET["7*", "validation"],
        "At most {:.1f} points": lambda: ALEXNET["1", "validation"] - ALEXNET["5", "test"],
        '"{:.1f} points": "That is 18.2 − 15.3': lambda: ALEXNET["1", "validation"] - ALEXNET["7*", "test"],
        "one net: {} % with their own AlexNet": lambda: ZFNET["their AlexNet"],
        "{} % with the finer first layer": lambda: ZFNET["finer first layer"],
        "{:.1f} % with the wider layers as well": lambda: ZFNET["512, 1024, 512"],
        "Six nets together: {} % on the test images": lambda: ZFNET["six"],
        "And the **{} %** that slides give for ZFNet": lambda: CLARIFAI["further images"],
        "With the challenge's images only, it was {} %": lambda: CLARIFAI["the challenge's"],
        "10.5 % with, {} % without (chapter 10)": lambda: VGG["A"],
        "{} % with, 10.4 % without": lambda: VGG["A-LRN"],
        "filters has {:.0f} million parameters": lambda: table("zfnet()")["total"].parameters / 1e6,
        "so it grew by {:.1f} million": lambda: (table("zfnet()")["fc6"].parameters - two_towers("fc6")) / 1e6,
        "It grew from 1.3 to {:.1f} million": lambda: table("zfnet()")["conv4"].parameters / 1e6,
        "It grew from {:.1f} to 4.7 million.\", \"conv5": lambda: parameters(nn.Conv2d(384, 384, 3)) / 1e6,
        "It grew from {:.1f} to 4.7 million.\", \"fc6": lambda: parameters(nn.Conv2d(384, 256, 3)) / 1e6,
        "and {:.1f} times the multiply-adds": lambda: table("zfnet(filters=(96, 256, 384, 384, 256))")["total"].multiply_adds / table("alexnet()")["total"].multiply_adds,
        "96·(7·7·3 + 1) = {:,}": lambda: table("zfnet()")["conv1"].parameters,
        "96·(11·11·3 + 1) = {:,}": lambda: two_towers("conv1"),
        "each of its {:.1f} million multiply-adds once": lambda: table("alexnet()")["fc6"].multiply_adds / 1e6,
        "once. That is about {:.0f} % of all": lambda: 100 * table("alexnet()")["fc6"].multiply_adds / table("alexnet()")["total"].multiply_adds,
    },
    "10": {
        "so {:.0f} % more. Whatever C is": lambda: 100 * (parameters(nn.Conv2d(8, 8, 7, bias=False)) / (3 * parameters(nn.Conv2d(8, 8, 3, bias=False))) - 1),
        "alone has {:,} weights, more than 100M": lambda: torchvision_vgg().classifier[0].weight.numel(),
        "They add up to {:.1f} million numbers, 61 MB": lambda: sum(row[1] for row in vgg_rows()) / 1e6,
        "They add up to 15.2 million numbers, {:.0f} MB": lambda: 4 * sum(row[1] for row in vgg_rows()) / 1e6,
        "64 maps of 224×224 are {:.1f} million numbers": lambda: max(row[1] for row in vgg_rows()) / 1e6,
        "without ReLUs it is 15, with all of them {:.0f}": lambda: table("vgg(16)")["total"].activation_bytes / 4e6,
        "13 layers would see {} pixels": lambda: layer_table(nn.Sequential(*[nn.Conv2d(1, 1, 3) for _ in range(13)]), (1, 40, 40)).rows[-1].receptive_field.size[0],
        "2·4·138,357,544 = {:.1f} GB": lambda: 8 * table("vgg(16)")["total"].parameters / 1e9,
        "three quarters belong to a single layer": lambda: None if 0.73 < 102_764_544 / table("vgg(16)")["total"].parameters < 0.77 else pytest.fail("not three quarters"),
        "VGG-16's convolutions have {:,} parameters": lambda: parameters(torchvision_vgg().features),
        "14,714,688 + 512·1,000 + 1,000 = {:,}": lambda: parameters(chapter("10")["modern"]),
        "a ninth of {:,}. The mean": lambda: table("vgg(16)")["total"].parameters,
        "256·(3·3·256 + 1) = {:,}": lambda: parameters(nn.Conv2d(256, 256, 3)),
        "It has {:.0f} million, hardly fewer": lambda: table("vgg(11)")["total"].parameters / 1e6,
        "It saves up to {:.1f} GB once": lambda: 3 * 4 * 102_764_544 / 1e9,
        "| A | 11 | | {} % |": lambda: VGG["A"],
        "with AlexNet's normalisation | {} % |": lambda: VGG["A-LRN"],
        "in the first stages | {} % |": lambda: VGG["B"],
        "but 1×1 | {} % |": lambda: VGG["C"],
        "these three are 3×3 | {} % |": lambda: VGG["D"],
        "three more 3×3 | {} % |": lambda: VGG["E"],
        "together had **{} %** on the test images": lambda: VGG["challenge"],
        "behind GoogLeNet's {} %": lambda: GOOGLENET,
        "After the challenge, two nets reached {} %": lambda: VGG["afterwards"],
    },
}  # fmt: skip


@pytest.mark.parametrize("number, words", [(number, words) for number, stated in STATED.items() for words in stated])
def test_the_text_states_what_is_computed(number, words):
    computed = STATED[number][words]()
    assert (words if computed is None else words.format(computed)) in TEXT[number]


@pytest.mark.parametrize("number", ["09", "10"])
def test_the_tables_are_computed_from_the_nets_of_assignment_06(number):
    asked = re.findall(r"(?m)^# (<!-- \w+: 06_\w+: .+ -->)$", SOURCES[number])
    built = " ".join(with_tables(line) for line in asked)
    assert len(asked) == {"09": 3, "10": 2}[number]
    for told in {"09": ("60,965,224", "61,100,840", "107,627,624", "96×55×55", "1024×13×13"), "10": ("138,357,544", "143,667,240", "102,764,544", "15,470,264,320", "512×14×14")}[number]:
        assert told in built


# Chapter 09


def test_the_three_variants_have_the_sizes_that_pytorch_gives():
    space = chapter("09")
    for side, padding, last in ((227, 0, 6), (224, 2, 6), (224, 0, 5)):
        x, found = torch.zeros(1, 1, side, side), [side]
        for name, (kernel, stride, pad) in space["WINDOWS"].items():
            x = F.max_pool2d(x, kernel, stride) if "pool" in name else F.conv2d(x, torch.zeros(1, 1, kernel, kernel), stride=stride, padding=padding if name == "conv1" else pad)
            found.append(x.shape[-1])
        assert found == space["sides"](side, padding) and found[-1] == last
    assert space["sides"](227)[1:] == space["sides"](224, 2)[1:] == [55, 27, 27, 13, 13, 13, 13, 6]
    assert space["sides"](224)[1:] == [54, 26, 26, 12, 12, 12, 12, 5]


def test_one_number_of_units_in_the_paper_does_not_fit_its_drawing():
    stated, space = chapter("09")["stated"], chapter("09")
    drawn = [np.prod(shape) for shape in (*space["shapes"][1:6], *space["shapes"][7:])]
    assert [s == d for s, d in zip(stated, drawn, strict=True)] == [False] + [True] * 7
    assert (stated[0], drawn[0], sum(drawn)) == (96 * 55 * 48, 290_400, 659_272)


def test_parameters_are_in_the_fully_connected_layers_and_time_is_in_the_convolutions():
    shares = chapter("09")["in_convolutions"]
    assert shares["parameters"] == pytest.approx(0.04, abs=0.005)
    assert shares["multiply_adds"] > 0.9


def test_groups_part_the_maps_into_two_halves():
    reads = chapter("09")["reads"]
    halves = reads(nn.Conv2d(12, 12, 3, groups=2), 12) > 0
    assert halves[:6, :6].all() and halves[6:, 6:].all() and not halves[:6, 6:].any() and not halves[6:, :6].any()
    assert (reads(nn.Conv2d(12, 12, 3), 12) > 0).all()


def test_the_patterns_in_the_photo_are_either_grey_or_coloured():
    space = chapter("09")
    colourful = np.sort(space["colourful"])
    assert (colourful < 0.2).sum() > 32 and (colourful > 0.8).sum() > 5
    assert ((colourful >= 0.2) & (colourful <= 0.8)).sum() <= 6
    np.testing.assert_allclose(np.square(space["bank"]).sum((1, 2, 3)), 1, rtol=1e-4)


def test_tanh_starts_flat_on_unscaled_pixels_in_alexnet_and_here():
    space = chapter("09")
    assert space["sums"].std() == pytest.approx(15, abs=2)
    ours = space["four_layers"](nn.Tanh, 0.04, 0)[0](space["pixels"][:300])
    assert ours.std().item() == pytest.approx(15, abs=2)
    assert (ours.tanh().abs() > 0.99).float().mean().item() == pytest.approx(0.8, abs=0.05)


def test_relu_wins_on_unscaled_pixels_at_small_rates_and_nobody_on_scaled_ones():
    space = chapter("09")
    error, raw, scaled = space["training_error"], space["pixels"], space["pixels"] / space["pixels"].std()
    assert error(nn.ReLU, raw, 0.04, 3e-4, steps=80) + 12 < error(nn.Tanh, raw, 0.04, 3e-4, steps=80)
    assert error(nn.ReLU, raw, 0.04, 1e-2, steps=60) > 80
    assert error(nn.Tanh, raw, 0.04, 1e-2) < 45
    assert abs(error(nn.ReLU, scaled, 0.2, 3e-2) - error(nn.Tanh, scaled, 0.2, 3e-2)) < 6


def test_response_normalisation_by_hand_and_in_pytorch():
    norm = chapter("09")["response_norm"]
    by_hand = norm(np.array([2.0, 2, 4, 2, 2]).reshape(5, 1, 1), n=3, k=1, alpha=1, beta=0.5).ravel()
    np.testing.assert_allclose(by_hand, [2 / 3, 2 / 5, 4 / 5, 2 / 5, 2 / 3])
    maps = 100 * torch.randn(2, 9, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for image in maps:
        np.testing.assert_allclose(norm(image.numpy()), F.local_response_norm(image[None], 5, alpha=5e-4, beta=0.75, k=2.0)[0].numpy(), rtol=1e-10)
    assert not np.allclose(norm(maps[0].numpy()), F.local_response_norm(maps[:1], 5, alpha=1e-4, beta=0.75, k=2.0)[0].numpy(), rtol=0.1)
    assert norm(np.full((1, 1, 1), 0.5)).item() == pytest.approx(0.2973, abs=1e-4)


def test_normalisation_holds_back_unscaled_pixels_and_does_nothing_to_scaled_ones():
    shrunk = chapter("09")["shrunk"]
    assert shrunk["pixels from 0 to 1"][0] > 0.995
    assert shrunk["pixels from 0 to 255"][0] < 0.2 and shrunk["pixels from 0 to 255"][1] < 0.97


def test_overlapping_windows_hold_a_pixel_up_to_four_times_and_halve_the_same():
    x = torch.zeros(1, 1, 11, 11, requires_grad=True)
    (9 * F.avg_pool2d(x, 3, 2)).sum().backward()
    assert sorted(x.grad.unique().round().int().tolist()) == [1, 2, 4]
    assert x.grad[0, 0, 1, 1] == pytest.approx(1)
    assert (55 - 2) // 2 + 1 == (55 - 3) // 2 + 1 == 27


def test_colours_vary_along_brightness_first_then_red_against_blue_and_the_formula_depends_on_the_unit():
    space = chapter("09")
    variances, axes = space["variances"], space["axes_of_colour"]
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-6)
    assert variances[0] > 0.7 * variances.sum() and variances[2] < 0.03 * variances.sum()
    first, second, third = axes.T
    assert np.ptp(first) < 0.15 and abs(first.sum()) > 1.6
    assert second[0] * second[2] < 0 and abs(second[1]) < min(abs(second[0]), abs(second[2]))
    assert third[1] * third[0] < 0 and third[1] * third[2] < 0
    larger, _ = space["colour_axes"](255 * space["portrait"])
    np.testing.assert_allclose(larger, 255**2 * variances, rtol=1e-3)
    moved = space["other_light"](space["portrait"], variances, axes, np.random.default_rng(0)) - space["portrait"]
    assert np.ptp(moved.reshape(-1, 3), axis=0).max() < 1e-6


def test_dropout_of_2012_is_todays_with_halved_weights():
    torch.manual_seed(0)
    x, layer = torch.rand(4, 10), nn.Linear(10, 3)
    with torch.no_grad():
        in_2012 = layer(0.5 * x)
        layer.weight *= 0.5
        torch.testing.assert_close(layer(nn.Dropout(0.5).eval()(x)), in_2012)


def test_stripes_of_five_pixels_look_like_twenty_on_a_grid_of_four():
    seen = np.cos(2 * np.pi * np.arange(0, 400, 4) / 5)
    strongest = np.abs(np.fft.rfft(seen)).argmax()
    assert 4 / np.fft.rfftfreq(100)[strongest] == pytest.approx(20)


def test_the_stride_garbles_and_small_filters_with_a_large_stride_are_worse():
    found = {name: np.median(shares) for name, shares in chapter("09")["found"].items()}
    assert found["11×11, stride 4"] == pytest.approx(20, abs=6)
    assert found["7×7, stride 2"] == pytest.approx(5, abs=2.5)
    assert found["7×7, stride 4"] > found["11×11, stride 4"]
    garbled, wave = chapter("09")["garbled"], torch.cos(2 * torch.pi * torch.arange(40) / 5).expand(1, 40, 40)
    assert garbled(wave, 4).item() == pytest.approx(1, abs=1e-4) and garbled(wave, 2).item() == pytest.approx(0, abs=1e-4)


# Chapter 10


def test_three_small_filters_see_seven_pixels_but_not_evenly():
    space = chapter("10")
    for name, square in space["seen"].items():
        assert (square > 0).all(), name
    corners = {name: (square[0, 0] / square[3, 3]).item() for name, square in space["seen"].items()}
    assert corners["one layer of 7×7"] > 0.8 and corners["three layers of 3×3"] < 0.3
    for stack in (space["one_large"], space["three_small"]):
        assert layer_table(stack(), (3, 20, 20)).rows[-1].receptive_field.size == (7, 7)


def test_merged_kernels_are_a_thin_slice_of_all():
    space, rng = chapter("10"), np.random.default_rng(5)
    kernels, image = rng.standard_normal((3, 3, 3)), torch.from_numpy(rng.standard_normal((1, 1, 15, 12)))
    steps = image
    for kernel in kernels:
        steps = F.conv2d(steps, torch.from_numpy(kernel)[None, None])
    torch.testing.assert_close(F.conv2d(image, torch.from_numpy(space["merged"](kernels))[None, None]), steps)
    assert np.linalg.matrix_rank(np.array(space["directions"]), tol=1e-3) == 27 - 2


def test_a_line_of_text_counts_vgg_as_pytorch_and_the_assignment_do():
    rows, total, library = vgg_rows(), table("vgg(16)")["total"], layer_table(torchvision_vgg(), IMAGENET).total
    assert sum(row[2] for row in rows) == total.parameters == library.parameters == 138_357_544
    assert sum(row[3] for row in rows) == total.multiply_adds == library.multiply_adds == 15_470_264_320
    assert library.activation_bytes - 4 * sum(row[1] for row in rows) == 4 * 512 * 7 * 7
    assert sorted(row[3] for row in rows).count(1_849_688_064) == 6
    maps = [int(word) for word in chapter("10")["PLAN"].replace("M", "").split()]
    stages = [stage.split()[-1] for stage in chapter("10")["PLAN"].split("M")[:5]]
    assert len(maps) == 13 and [int(b) == 2 * int(a) for a, b in pairwise(stages)] == [True, True, True, False]


def test_where_memory_and_parameters_are():
    space = chapter("10")
    assert space["early"] == pytest.approx(0.48, abs=0.01) and space["fc6"] == pytest.approx(0.74, abs=0.01)
    two_largest = 2 * 4 * max(row[1] for row in vgg_rows())
    assert two_largest / 1e6 == pytest.approx(25.7, abs=0.1)
    assert 1 - parameters(torchvision_vgg().features) / parameters(torchvision_vgg()) == pytest.approx(0.9, abs=0.02)
    assert table("vgg(19)")["total"].multiply_adds / table("vgg(16)")["total"].multiply_adds == pytest.approx(1.25, abs=0.03)


def test_what_training_keeps():
    rows = vgg_rows()
    expected = sum(4 * row[1] for row in rows) + sum(8 * row[1] for row in rows if row[0] == "pool")
    assert kept() == pytest.approx(expected, rel=0.01)
    assert 256 * kept() / 1e9 > 6 > 3 * 4 * 138_357_544 / 1e9
    assert 64 * kept() / (3 * 4 * 102_764_544) == pytest.approx(4, abs=0.3)


def test_the_real_net_sees_what_the_formula_says():
    assert chapter("10")["measured"] == {3: (40, 40), 4: (92, 92), 5: (196, 196)}


def test_first_weights_make_the_photo_vanish_explode_or_stay():
    last = {name: values[-1] for name, values in chapter("10")["travelled"].items()}
    assert last["spread 0.01"] < 1e-7 and last["spread 0.1"] > 1e4
    assert last["Xavier √(1/n)"] == pytest.approx(2**-6.5, rel=0.6) and last["He √(2/n)"] == pytest.approx(1, abs=0.4)
    assert pytest.approx(0.5, abs=0.03) == 0.01 * (9 * 512 / 2) ** 0.5


def test_the_deep_net_learns_only_with_help():
    space = chapter("10")
    plain, train, grown, deep = (space[name] for name in ("plain", "train", "grown", "DEEP"))
    short = plain(space["SHORT"], 0.6, seed=0)
    assert np.mean(train(short)[-20:]) < 1.3
    assert np.mean(train(plain(deep, 0.6, seed=0))[-20:]) > 2.25
    assert np.mean(train(grown(short, seed=1))[-20:]) < 1.5
    assert np.mean(train(plain(deep, 1, seed=0), steps=60)[-10:]) < 1.7
    assert np.mean(train(plain(deep, 0.6, seed=0, norm=True), steps=40)[-10:]) < 1.3
    assert [sum(isinstance(layer, nn.Conv2d) for layer in plain(stages, 1, 0)) for stages in (space["SHORT"], deep)] == [6, 10]


def test_a_modern_head_takes_any_size_and_a_ninth_of_the_parameters():
    modern = chapter("10")["modern"]
    assert parameters(torchvision_vgg()) / parameters(modern) == pytest.approx(9, abs=0.2)
    for side in (96, 224, 320):
        assert modern(torch.empty(2, 3, side, side, device="meta")).shape == (2, 1000)


def test_the_photo_is_there():
    assert data.photo((224, 224)).shape == (224, 224, 3)
