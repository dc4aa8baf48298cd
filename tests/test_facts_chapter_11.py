"""What chapter 11 states in its text: sizes and costs are computed here, the way of the gradient is measured again with the chapter's own code."""

import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from autograder.units import import_unit
from convnets import data
from convnets.arithmetic import layer_table

classic = import_unit("06_classic_architectures")
SOURCE = Path(__file__).resolve().parents[1] / "source/course/11_googlenet.py"
RAW = SOURCE.read_text(encoding="utf-8")
TEXT = " ".join(re.sub(r'"\n\s*"', "", RAW).replace("\n# ", " ").split())
CELLS = [cell.split("\n", 1)[1] for cell in RAW.split("\n# %%") if not cell.startswith(" [markdown]")]
IMAGE = (3, 224, 224)

# Szegedy et al. 2015, table 1: parameters in thousands and operations in millions of conv1, conv2, 3a … 5b, linear; table 3: nets, crops, top-5 error in %.
PAPER_PARAMETERS = (2.7, 112, 159, 380, 364, 437, 463, 580, 840, 1072, 1388, 1000)
PAPER_OPERATIONS = (34, 360, 128, 304, 73, 88, 100, 119, 170, 54, 71, 1)
ERRORS = {(1, 1): 10.07, (1, 10): 9.15, (1, 144): 7.89, (7, 1): 8.09, (7, 10): 7.62, (7, 144): 6.67}
ALEXNET_OF_THE_PAPER = 60_000_000


@lru_cache
def net(name):
    makes = {
        "paper": lambda: classic.googlenet(auxiliary=False), "paper, heads": lambda: classic.googlenet(), "naive": lambda: classic.NaiveInception(256, 128, 192, 96),
        "bottleneck": lambda: classic.Inception(256, 128, 64, 192, 64, 96, 64), "torchvision": lambda: classic.googlenet(auxiliary=False, variant="torchvision"),
        "torchvision, heads": lambda: classic.googlenet(variant="torchvision"), "alexnet": lambda: classic.alexnet("two towers"), "vgg": lambda: classic.vgg(16),
    }  # fmt: skip
    with torch.device("meta"):
        return makes[name]()


@lru_cache
def table(name):
    return layer_table(net(name), (256, 28, 28) if name in ("naive", "bottleneck") else (3, 227, 227) if name == "alexnet" else IMAGE)


def parameters(name):
    return sum(p.numel() for p in net(name).parameters())


def work(name):
    return table(name).total.multiply_adds


def part(name, kernel):
    return next(row.multiply_adds for row in table(name) if row.kind == "Conv2d" and f"{kernel}·{kernel}·" in row.formulas["multiply_adds"])


@lru_cache
def chapter():
    """What the chapter's cells define, without its trainings and figures."""
    space = {}
    for cell in CELLS:
        if "import numpy" in cell or "official =" in cell:
            exec(cell.split("architecture_explorer({")[0], space)
        elif "def longest_way" in cell:
            exec(cell, space)
        elif "class SmallGoogLeNet" in cell:
            exec(cell.split("smalls = {}")[0], space)
        elif "def gradient_norms" in cell:
            exec(cell.split("found = {")[0], space)
        elif "def slide" in cell:
            exec(cell.split("grey = ")[0], space)
    return space


STATED = {
    "128 + 192 + 96 + 256 = {}": lambda: table("naive").rows[-1].output_shape[0],
    "so every module adds {}": lambda: table("naive").rows[-1].output_shape[0] - 256,
    "there would be {:,} channels": lambda: 256 + 9 * (672 - 256),
    "The sum is {:.0f} million multiply-adds": lambda: work("naive") / 1e6,
    "You have just seen {:.0f} M": lambda: work("bottleneck") / 1e6,
    "this is 64/2,400 + 64/256: {:.0f} %": lambda: 100 * (part("bottleneck", 5) + 28 * 28 * 64 * 256) / part("naive", 5),
    "Only one slip fits: {:,} is": lambda: work("bottleneck") + part("bottleneck", 3),
    "than the slide says: {:.1f} times fewer": lambda: work("naive") / work("bottleneck"),
    "multiply-adds, not {:.1f}.": lambda: 854 / 358,
    "The 672 and the {} channels are right": lambda: table("bottleneck").rows[-1].output_shape[0],
    "1,024·1,000 + 1,000 = {:,}": lambda: sum(p.numel() for p in nn.Linear(1024, 1000, device="meta").parameters()),
    "7·7·1,024 = 50,176 numbers it would be {:,}": lambda: sum(p.numel() for p in nn.Linear(7 * 7 * 1024, 1000, device="meta").parameters()),
    "**7.0 million** ({:,})": lambda: parameters("paper"),
    "**6.6 million** ({:,})": lambda: parameters("torchvision"),
    "**13.0 million** ({:,})": lambda: parameters("torchvision, heads"),
    "The paper's own table adds up to {:.1f} million": lambda: sum(PAPER_PARAMETERS) / 1e3,
    "The nearest is {:,}: everything but the last layer": lambda: parameters("paper") - 1_025_000,
    "the net of the paper is {:.1f} times smaller": lambda: parameters("alexnet") / parameters("paper"),
    "AlexNet of 2012 ({:,})": lambda: parameters("alexnet"),
    "10,035,200": lambda: 0 or 28 * 28 * 32 * 25 * 16,
    "{}·4·4 = 2,048": lambda: 2048 // 16,
    "for {:,} times the work": lambda: 7 * 144,
    "| 7 | 144 | **{} %** |": lambda: ERRORS[7, 144],
    "1 + 2 + 9\\cdot2 + 1 = {}": lambda: longest(("Conv2d", "Linear")),
    "the average pooling they are {}": lambda: longest(("Conv2d", "Linear"), "pool"),
}  # fmt: skip


def longest(kinds, name="none at all"):
    return chapter()["longest_way"](layer_table(chapter()["official"], IMAGE), lambda row: row.kind in kinds or name in row.name)


@pytest.mark.parametrize("words", STATED)
def test_the_text_states_what_is_computed(words):
    assert words.format(STATED[words]()) in TEXT


def test_rough_comparisons_hold():
    assert parameters("vgg") / parameters("paper") == pytest.approx(20, abs=0.5)  # "a twentieth"
    assert part("naive", 5) > work("naive") / 2
    assert work("alexnet") < work("naive")
    heads = parameters("torchvision, heads") - parameters("torchvision")
    assert 0.45 < heads / parameters("torchvision, heads") < 0.5
    assert round(ALEXNET_OF_THE_PAPER / 12 / 1e6) == 5
    assert 7 < 50_177_000 / parameters("paper") < 7.5
    assert layer_table(chapter()["official"], IMAGE).total.multiply_adds / layer_table(chapter()["alexnet"], IMAGE).total.multiply_adds == pytest.approx(2, abs=0.2)
    assert 1 - ERRORS[7, 144] / ERRORS[1, 1] == pytest.approx(1 / 3, abs=0.02)
    assert sum(PAPER_OPERATIONS) == pytest.approx(1_500, rel=0.01)
    for (nets, crops), error in ERRORS.items():
        assert f"| {nets} | {crops} | " in TEXT and f"{error} %" in TEXT


def test_the_modules_work_is_the_papers():
    rows = {}
    for row in table("paper"):
        name = row.name.split(".")[0]
        if name.startswith("inception"):
            rows[name] = rows.get(name, 0) + row.multiply_adds
    assert list(rows.values()) == pytest.approx([1e6 * operations for operations in PAPER_OPERATIONS[2:-1]], rel=0.06)
    assert len(rows) == 9


def test_a_branch_by_hand_is_pytorchs_and_keeps_the_size():
    space, rng = chapter(), np.random.default_rng(0)
    x = rng.standard_normal((3, 9, 7))
    for kernel in (1, 3, 5):
        w = rng.standard_normal((2, 3, kernel, kernel))
        expected = torch.nn.functional.conv2d(torch.tensor(x)[None], torch.tensor(w), padding=kernel // 2)[0].numpy()
        np.testing.assert_allclose(space["slide"](x, w), expected, atol=1e-9)
    np.testing.assert_array_equal(space["highest"](x), nn.MaxPool2d(3, 1, 1)(torch.tensor(x)[None])[0].numpy())


def test_the_slip_is_found_by_the_chapters_cell_and_is_the_only_one(capsys):
    exec(next(cell for cell in CELLS if "counted twice" in cell), {})
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["right: 271,351,808", "3×3 counted twice: 358,055,936"]


def test_the_gradient_fades_and_the_heads_and_batchnorm_bring_it_back():
    space, images = chapter(), data.load_fashion_mnist().train_images
    assert len(space["images"]) == len(images)
    for seed in (5, 6):
        norms = {}
        for name, layer, weight in (("alone", "layer_of_2014", 0), ("heads", "layer_of_2014", 0.3), ("normed", "layer_of_2015", 0)):
            torch.manual_seed(seed)
            norms[name] = np.array(space["gradient_norms"](space[layer], weight))
        alone = norms["alone"]
        assert 2 < (alone[-1] / alone[0]) ** (1 / 9) < 4  # about two thirds go in each module
        assert norms["heads"][0] > 30 * alone[0]
        np.testing.assert_allclose(norms["heads"][-3:], alone[-3:], rtol=1e-3)  # behind 4d the heads change nothing
        assert norms["normed"].min() > 0.1


def test_the_average_needs_a_tenth_and_is_ahead_only_when_pictures_move():
    space, found = chapter(), {}
    for top in ("average_top", "flat_top"):
        torch.manual_seed(2)
        net = space["train"](space["SmallGoogLeNet"](("3a", "4a", "5a"), space["layer_of_2015"], space[top]), seed=2)
        found[top] = sum(p.numel() for p in net.parameters()), space["accuracy"](net), space["accuracy"](net, 4)
    (few, right, moved), (many, flat_right, flat_moved) = found.values()
    assert many // few == 11
    assert 70 < right < flat_right
    assert moved > flat_moved
