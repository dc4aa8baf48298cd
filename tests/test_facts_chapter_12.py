"""What chapter 12 states in its text: numbers of the papers stand here once more with their source, claims are computed or measured again."""

import re
from functools import lru_cache
from math import comb
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

from autograder.units import import_unit
from convnets import plots
from convnets.arithmetic import layer_table
from convnets.vision import torchvision

SOURCE = Path(__file__).resolve().parents[1] / "source/course/12_resnet.py"
RAW = SOURCE.read_text(encoding="utf-8")
TEXT = " ".join(re.sub(r'"\n\s*"', "", RAW).replace("\n# ", " ").split())
CELLS = [cell.split("\n", 1)[1] for cell in RAW.split("\n# %%") if not cell.startswith(" [markdown]")]

# He and others 2015. Table 2: top-1 errors, ImageNet validation, 10 crops. Table 6: test errors on CIFAR-10 (ResNet-110: best of five runs and their mean).
# Tables 4 and 5: ResNet-152 alone on the validation images, and the ensemble of six on the test images, top-5.
PLAIN, RESIDUAL = {18: 27.94, 34: 28.54}, {18: 27.88, 34: 25.03}
CIFAR = {20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97, 110: 6.43, 1202: 7.93}
MEAN_OF_110, ALONE, ENSEMBLE = 6.61, 4.49, 3.57
# He and others 2016, table 1, ResNet-110 on CIFAR-10; as slides print them, to one decimal. Tables 2 and 4: original order and pre-activation.
SHORTCUTS = {"identity": 6.61, "scaled": 12.35, "exclusive gate": 8.70, "shortcut-only gate": 12.86, "1×1 convolution": 12.22}
GATE_FROM_MINUS_SIX, BEST_OF_1001 = 6.91, 4.62
PREACTIVATION = {110: (6.61, 6.37), 1001: (7.61, 4.92)}
PARAMETERS = {20: 269_722, 32: 464_154, 44: 658_586, 56: 853_018, 110: 1_727_962}
IMAGENET = {18: 11_689_512, 34: 21_797_672, 50: 25_557_032, 101: 44_549_160, 152: 60_192_808}


@lru_cache
def chapter():
    """What the chapter's cells define, up to and without its trainings."""
    space = {"__name__": "chapter"}
    exec(next(cell for cell in CELLS if "import numpy" in cell).replace("torch.set_num_threads(1)", ""), space)
    space["plots"] = SimpleNamespace(**vars(plots) | {"show": lambda figure, alt: plt.close(figure)})
    exec(next(cell for cell in CELLS if "class Stack" in cell).split("started, trained")[0], space)
    exec(next(cell for cell in CELLS if "def gradient_lengths" in cell).split("rng = np.random")[0], space)
    exec(next(cell for cell in CELLS if "def lengths_in" in cell).split("fig, ax")[0], space)
    return space


@lru_cache
def trained(kind, depth):
    space = chapter()
    space["seed_everything"](0)
    return space["train"](space["Stack"](depth, *space["KINDS"][kind]))


def parameters(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


def on_meta(function, *arguments):
    with torch.device("meta"):
        return function(*arguments)


@lru_cache
def reference():
    return import_unit("07_residual_architectures")


STATED = {
    "so {:,}. A residual layer needs half": lambda: parameters(nn.Linear(32, 32), nn.Linear(32, 32)),
    "64·128 = {:,}: it makes": lambda: parameters(nn.Conv2d(64, 128, 1, bias=False)),
    "parameters and an error of **{} %**": lambda: CIFAR[20],
    "ResNet-20 has {:,} parameters": lambda: parameters(on_meta(reference().cifar_resnet, 20)),
    "({} % is the best of five runs": lambda: CIFAR[110],
    "their mean is {} %": lambda: MEAN_OF_110,
    "has a top-5 error of {} % on the validation": lambda: ALONE,
    "won the competition of 2015 with **{} %**": lambda: ENSEMBLE,
    "trained to an error of {} % on CIFAR-10": lambda: BEST_OF_1001,
    "it came from {0[0]} % to {0[1]} %": lambda: PREACTIVATION[1001],
    "the gain is small: from {0[0]} % to {0[1]} %": lambda: PREACTIVATION[110],
    "the same gate came to {:.1f} %": lambda: GATE_FROM_MINUS_SIX,
    "Then $T \\approx {:.2f}$": lambda: 1 / (1 + np.exp(2)),
    "so 2⁵⁴ paths, about {:.1f}·10¹⁶": lambda: 2**54 / 1e16,
    "{} is $1 - \\sigma(-6)$": lambda: round(1 - 1 / (1 + np.exp(6)), 4),
    "6·18 + 2 = {}": lambda: 6 * 18 + 2,
    "| 18 layers | {} % |": lambda: PLAIN[18],
    "| 34 layers | {} % |": lambda: PLAIN[34],
    "% | {:.2f} % | # | 34": lambda: RESIDUAL[18],
    "28.54 % | {} % |": lambda: RESIDUAL[34],
    "$x + F(x)$ | **{:.1f} %** |": lambda: SHORTCUTS["identity"],
    "0.5\\,x + 0.5\\,F(x)$ | {:.1f} % |": lambda: np.nextafter(SHORTCUTS["scaled"], 13),
    "(1 - g)\\,x + g\\,F(x)$ | {:.1f} % |": lambda: SHORTCUTS["exclusive gate"],
    "(1 - g)\\,x + F(x)$ | {:.1f} % |": lambda: SHORTCUTS["shortcut-only gate"],
    "$W x + F(x)$ | {:.1f} % |": lambda: SHORTCUTS["1×1 convolution"],
}  # fmt: skip


@pytest.mark.parametrize("words", STATED)
def test_the_text_states_what_is_computed(words):
    assert words.format(STATED[words]()).replace("# |", "|") in TEXT


def test_the_published_errors_are_drawn_as_published():
    cell = next(cell for cell in CELLS if "PAPER = {" in cell)
    space = dict(chapter())
    exec(cell.split("fig, ax")[0], space)
    assert space["PAPER"] == CIFAR
    exec(next(cell for cell in CELLS if "HISTORY = {" in cell).split("fig, axes")[0], space)
    assert space["HISTORY"]["ResNet, 2015"] == (152, ENSEMBLE)
    assert [layers for layers, _ in space["HISTORY"].values()] == [8, 8, 19, 22, 152]
    assert [error for _, error in space["HISTORY"].values()] == [16.4, 11.2, 7.3, 6.7, 3.57]


def test_the_families_have_the_published_numbers_of_parameters():
    for depth, count in IMAGENET.items():
        assert parameters(on_meta(reference().resnet, depth)) == count
    for depth, count in PARAMETERS.items():
        assert parameters(on_meta(reference().cifar_resnet, depth)) == count
    plain = on_meta(lambda: reference().cifar_resnet(20, residual=False))
    assert parameters(plain) == PARAMETERS[20], "option A: the plain net has as many"


def test_the_tables_are_asked_for():
    built = (SOURCE.parents[2] / "course/12_resnet.ipynb").read_text(encoding="utf-8")
    for count in (*IMAGENET.values(), *PARAMETERS.values()):
        assert f"{count:,}" in built


def test_a_kernel_with_a_single_one_copies_its_input_through_a_relu():
    layer = nn.Conv2d(4, 4, 3, padding=1, bias=False)
    nn.init.dirac_(layer.weight)
    assert layer.weight.count_nonzero() == 4 and (layer.weight[range(4), range(4), 1, 1] == 1).all()
    x = torch.rand(2, 4, 5, 5)
    assert torch.equal(torch.relu(layer(x)), x)


def test_depth_hurts_the_plain_stack_only():
    space = chapter()
    errors = {kind: [space["training_error"](trained(kind, depth)) for depth in (2, 30)] for kind in ("plain", "residual")}
    assert errors["plain"][1] > errors["plain"][0] + 20
    assert errors["residual"][1] < errors["residual"][0] + 5
    highway = space["training_error"](trained("Highway", 30))
    assert errors["residual"][1] < highway < errors["plain"][1]


def test_a_residual_stack_survives_a_lesion_and_a_plain_one_does_not():
    space = chapter()
    changes = {}
    for kind in ("plain", "residual"):
        net = trained(kind, 30)
        whole = space["training_error"](net)
        changes[kind] = np.median([space["training_error"](net, without=number) for number in range(30)]) - whole
    assert changes["residual"] < 5
    assert changes["plain"] > 15


def test_numpys_backward_pass_is_that_of_autograd():
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((6, 5, 5)) / 2
    for shortcut in (0, 1):
        lengths = chapter()["gradient_lengths"](weights, shortcut, np.random.default_rng(7))
        again = np.random.default_rng(7)
        x = torch.from_numpy(again.standard_normal(5)).requires_grad_()
        seen = []
        for w in torch.from_numpy(weights):
            seen.append(x)
            x = shortcut * x + torch.relu(w @ x)
        end = torch.from_numpy(again.standard_normal(5))
        found = torch.autograd.grad((x * end / end.norm()).sum(), seen)
        np.testing.assert_allclose(lengths, [g.norm() for g in found], rtol=1e-9)


def test_gradients_vanish_explode_and_stay():
    space = chapter()
    ratios = {}
    for name, kind, change in (("bare", "plain", space["without_norm"]), ("normalised", "plain", lambda net: net), ("residual", "residual", lambda net: net)):
        space["seed_everything"](1)
        lengths = space["lengths_in"](change(space["Stack"](50, *space["KINDS"][kind])))
        ratios[name] = lengths[0] / lengths[-1]
    assert 0 < ratios["bare"] < 1e-12
    assert ratios["normalised"] > 100
    assert ratios["normalised"] ** (1 / 49) == pytest.approx(1.21, abs=0.05)
    assert 1 < ratios["residual"] < 100 < ratios["normalised"] / ratios["residual"]
    assert (lengths[5:] / lengths[-1]).min() > 0.3 and (lengths[5:] / lengths[-1]).max() < 10


def test_the_bottleneck_is_seventeen_times_cheaper():
    basic, narrow = 2 * 9 * 256 * 256, 256 * 64 + 9 * 64 * 64 + 64 * 256
    assert round(basic / narrow) == 17 and "Seventeen times cheaper" in TEXT


def test_resnet_152_costs_less_than_vgg_19():
    deepest, vgg = (layer_table(on_meta(net), (3, 224, 224)).total for net in (torchvision.models.resnet152, torchvision.models.vgg19))
    assert deepest.multiply_adds < vgg.multiply_adds and deepest.parameters < vgg.parameters / 2
    assert 152 / 19 == 8


def test_resnets_of_34_and_50_layers_cost_nearly_the_same():
    small, large = (layer_table(on_meta(reference().resnet, depth), (3, 224, 224)).total for depth in (34, 50))
    assert 1 < large.multiply_adds / small.multiply_adds < 1.2 and 1 < large.parameters / small.parameters < 1.2
    memory = [sum(row.activation_bytes for row in layer_table(on_meta(reference().resnet, depth), (3, 224, 224)).rows) for depth in (34, 50)]
    assert memory[1] / memory[0] == pytest.approx(3, abs=0.1)


def test_most_paths_go_through_half_of_the_blocks():
    lengths = [comb(54, k) for k in range(55)]
    assert np.argmax(lengths) == 27 and sum(lengths) == 2**54
    assert sum(lengths[20:35]) > 0.9 * 2**54
    assert (110 - 2) // 2 == 54


def test_behind_a_relu_the_spread_is_less_than_one():
    x = torch.randn(100_000, generator=torch.Generator().manual_seed(0))
    spread = np.sqrt(0.5 - 1 / (2 * np.pi))
    assert torch.relu(x).std() == pytest.approx(spread, abs=0.01)
    assert (round(spread, 2), round(1 / spread, 2), round(0.5**0.5 / spread, 2)) == (0.58, 1.71, 1.21)
    assert "= 0.58$. BatchNorm divides by that: times 1.71" in TEXT and "a factor of **1.21**" in TEXT


def test_after_the_addition_a_relu_leaves_nothing_negative():
    space = dict(chapter())
    exec(next(cell for cell in CELLS if "signals = {}" in cell).split("fig, axes")[0], space)
    after, before = space["signals"]["ReLU after the addition"], space["signals"]["pre-activation"]
    assert (after[:, 0] == 0).all() and (np.diff(after[:, 1]) > -0.5).all() and after[-1, 1] > 5 * after[0, 1]
    assert 0.3 < before[-1, 0] < 0.7 and abs(before[-1, 1]) < 0.3 * after[-1, 1]
