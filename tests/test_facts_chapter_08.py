"""What chapter 08 states in its text: numbers of the paper and of the slides are computed here, claims are measured again with the chapter's own code."""

import re
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from convnets import data, plots
from convnets.arithmetic import layer_table

SOURCE = Path(__file__).resolve().parents[1] / "source/course/08_lenet.py"
TEXT = " ".join(re.sub(r'"\n\s*"', "", SOURCE.read_text(encoding="utf-8")).replace("\n# ", " ").split())
CELLS = [cell.split("\n", 1)[1] for cell in SOURCE.read_text(encoding="utf-8").split("\n# %%") if not cell.startswith(" [markdown]")]
NEEDED = ("def lenet():", "def forward(", "class ScaledTanh", "class Subsampling", "READS = [", "class SparseConvolution", "STROKES = {", "fixed = torch", "class Distances", "def lenet_1998", "def lenet_with", "slide = nn", "A, S = ")

# LeCun, Bottou, Bengio, Haffner 1998, section II-B: parameters and connections of each layer, and of the whole net; section III-C: errors in % on MNIST.
PAPER = {"C1": (156, 122_304), "S2": (12, 5_880), "C3": (1_516, 151_600), "S4": (32, 2_000), "C5": (48_120, 48_120), "F6": (10_164, 10_164)}
TOTAL = (60_000, 340_908)
ERRORS = {"linear": 12.0, "300 hidden": 4.7, "LeNet-5": 0.95, "LeNet-5, distortions": 0.8, "boosted LeNet-4": 0.7}


@lru_cache
def chapter():
    """What the chapter's cells define, without its trainings."""
    space = {}
    exec(next(cell for cell in CELLS if "import numpy" in cell), space)
    space["plots"] = SimpleNamespace(**vars(plots) | {"show": lambda figure, alt: plt.close(figure)})
    for cell in CELLS:
        if any(marker in cell for marker in NEEDED):
            exec(cell.split("STEPS = (")[0].split("MEAN, STD = ")[0], space)
    return space


@lru_cache
def reader():
    """The chapter's net for digits, trained as there."""
    space = chapter()
    images, labels = data.drawn_digits(6000, seed=0)
    torch.manual_seed(0)
    return space["train"](space["lenet"](), space["to_inputs"](images, 0.1, 0.3), torch.from_numpy(labels), epochs=5)


def parameters(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


def shown(layer):
    """Numbers in each layer's output of the net of 1998, by stage."""
    return {"first pooling": 6 * 14 * 14, "second pooling": 16 * 5 * 5}[layer]


STATED = {
    "It has 6 filters of 5·5 weights and a bias each: {:,} in all": lambda: parameters(nn.Conv2d(1, 6, 5)),
    "16·(6·25 + 1) = {:,}": lambda: parameters(nn.Conv2d(6, 16, 5)),
    "120·(400 + 1) = {:,}, four fifths": lambda: parameters(nn.Linear(400, 120)),
    "10·(84 + 1) = {:,}": lambda: parameters(nn.Linear(84, 10)),
    "A pixel in the middle is read by {} windows": lambda: int(windows(14, 14)),
    "It saved more than a third of the work: {} of 96 kernels": lambda: 96 - sum(map(len, chapter()["READS"])),
    "Exactly {:,} parameters": lambda: parameters(chapter()["lenet_1998"]()),
    "parameters and {:,} connections": lambda: sum(connections().values()) + 84 * 10,
    "the output are fixed: {} connections": lambda: chapter()["fixed"].numel(),
    "so the last sum is {:.0f} for each class": lambda: float((chapter()["fixed"] ** 2).sum(1).unique()),
    "the variance is 1.175·0.1 = {:.4f}": lambda: 0.1 / 1.275 * 1.175**2 + (1 - 0.1 / 1.275) * 0.1**2,
    "It jumps from 784 to {:,} in the first convolution": lambda: np.prod(table()["0"].output_shape),
    "it is 6 to 16: {:,} numbers after the first pooling": lambda: shown("first pooling"),
    "numbers after the first pooling, {} after the second": lambda: shown("second pooling"),
    "in the column of weights: {} of them": lambda: sum(p.numel() for p in chapter()["slide"].parameters() if p.ndim == 1),
    "The slide's net has {:.0f} times the parameters of LeNet-5": lambda: table().total.parameters / 60_000,
    "so {} numbers instead of 2,450": lambda: caffe()[:7](torch.zeros(1, 1, 28, 28)).numel(),
    "500·(800 + 1) + 5,010 = {:,}": lambda: parameters(caffe()),
    "there would be 16·7·7 = {} numbers": lambda: chapter()["lenet"]()[:7](torch.zeros(1, 1, 40, 40)).numel(),
    "16·(3·25 + 1) = {:,}": lambda: 16 * parameters(nn.Conv2d(3, 1, 5)),
    "16 + 4·(5 − 1) = {}": lambda: fields()["5"].size[0] + 4 * fields()["5"].jump[0],
    "the spread is then {:.0f} times as large": lambda: 400**-0.5 / (2.4 / 400 / 3**0.5),
    "One value of C3 sees {0}×{0} pixels": lambda: fields()["3"].size[0],
    "A linear classifier {} % errors".lower(): lambda: ERRORS["linear"],
    "with 300 hidden units {} %": lambda: ERRORS["300 hidden"],
    "LeNet-5 **{} %**": lambda: ERRORS["LeNet-5"],
    "and **{} %** when it also learned from distorted copies": lambda: ERRORS["LeNet-5, distortions"],
    "found hard, had {} %": lambda: ERRORS["boosted LeNet-4"],
}  # fmt: skip


@lru_cache
def table():
    return layer_table(chapter()["slide"], (1, 28, 28))


def fields():
    return {row.name: row.receptive_field for row in layer_table(chapter()["lenet"](), (1, 32, 32))}


def caffe():
    return nn.Sequential(nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))


def windows(row, column):
    """How many windows of a 5×5 filter read a pixel of a 28×28 image."""
    x = torch.zeros(1, 1, 28, 28, requires_grad=True)
    F.conv2d(x, torch.ones(1, 1, 5, 5)).sum().backward()
    return x.grad[0, 0, row, column]


def connections():
    """Connections of each layer: every input of every unit that has a gradient, and every bias, counted on one unit of each map."""
    space, sizes, counts = chapter(), {"C1": (6, 28), "S2": (6, 14), "C3": (16, 10), "S4": (16, 5), "C5": (120, 1), "F6": (84, 1)}, {}
    net = space["lenet_1998"]()
    parts = {"C1": net[0], "S2": net[2], "C3": net[3], "S4": net[5], "C5": net[6], "F6": net[9]}
    inputs = {"C1": (1, 32), "S2": (6, 28), "C3": (6, 14), "S4": (16, 10), "C5": (16, 5), "F6": (120, 1)}
    for name, part in parts.items():
        channels, side = inputs[name]
        x = torch.rand(1, channels, side, side, requires_grad=True)
        out = part(x.flatten(1) if name == "F6" else x)
        maps, out_side = sizes[name]
        read = sum(int((torch.autograd.grad(out[0, m].flatten()[0], x, retain_graph=True)[0] != 0).sum()) + 1 for m in range(maps))
        counts[name] = read * out_side**2
    return counts


@pytest.mark.parametrize("words", STATED)
def test_the_text_states_what_is_computed(words):
    assert words.format(STATED[words]()) in TEXT


def test_each_layer_of_1998_has_the_papers_numbers():
    net = chapter()["lenet_1998"]()
    counted = connections()
    for name, place in {"C1": 0, "S2": 2, "C3": 3, "S4": 5, "C5": 6, "F6": 9}.items():
        assert (parameters(net[place]), counted[name]) == PAPER[name]
    assert (sum(p for p, _ in PAPER.values()), sum(c for _, c in PAPER.values()) + 840) == TOTAL
    assert net(torch.zeros(2, 1, 32, 32)).shape == (2, 10)


def test_the_table_of_c3_is_as_described():
    reads = chapter()["READS"]
    neighbours = lambda maps: sum((m + 1) % 6 in maps for m in maps) == len(maps) - 1  # noqa: E731
    assert [len(maps) for maps in reads] == [3] * 6 + [4] * 9 + [6]
    assert [neighbours(maps) for maps in reads[:15]] == [True] * 12 + [False] * 3
    assert len({tuple(sorted(maps)) for maps in reads}) == 16
    x = torch.rand(1, 6, 14, 14, requires_grad=True)
    out = chapter()["SparseConvolution"]()(x)
    for output, maps in enumerate(reads):
        (slope,) = torch.autograd.grad(out[0, output].sum(), x, retain_graph=True)
        assert np.flatnonzero(slope.abs().sum((0, 2, 3)).numpy()).tolist() == sorted(maps)


def test_the_scaled_tanh_reaches_one_at_one_and_bends_most_there():
    squash = chapter()["ScaledTanh"]()
    assert squash(torch.tensor([1.0, -1.0])).tolist() == pytest.approx([1, -1], abs=1e-4)
    a = torch.linspace(-3, 3, 6001, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(squash(a).sum(), a, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), a)
    assert abs(a[bend.abs().argmax()].item()) == pytest.approx(1, abs=0.02)


def test_no_variance_above_the_bound_is_possible():
    """With values from −0.1 to 1.175 and mean 0, E[(x + 0.1)(1.175 − x)] ≥ 0 gives variance ≤ 0.1175; the paper says roughly 1."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        x = rng.beta(*rng.uniform(0.05, 2, 2), 500) * 1.275 - 0.1
        assert x.var() <= (x.mean() + 0.1) * (1.175 - x.mean()) + 1e-12
    images, _ = data.drawn_digits(300)
    padded = 1.275 * np.pad(images / 255, ((0, 0), (2, 2), (2, 2))) - 0.1
    assert abs(padded.mean()) < 0.1 and padded.var() < 0.2


def test_smallest_distance_is_largest_product():
    space = chapter()
    x = torch.randn(500, 84, generator=torch.Generator().manual_seed(2))
    outputs = space["Distances"]()(x)
    assert torch.equal(outputs.argmax(1), (x @ space["fixed"].T).argmax(1))
    torch.testing.assert_close(F.softmax(outputs / 2, 1), F.softmax(x @ space["fixed"].T, 1), rtol=1e-3, atol=1e-5)


def test_the_loss_of_1998_is_the_papers():
    outputs, labels = -torch.rand(5, 10, generator=torch.Generator().manual_seed(0)) * 9, torch.tensor([0, 3, 9, 1, 1])
    y = -outputs
    expected = (y[range(5), labels] + torch.log(np.exp(-1.0) + torch.exp(-y).sum(1))).mean()
    torch.testing.assert_close(chapter()["distance_loss"](outputs, labels), expected)


def test_numpys_dozen_lines_are_pytorchs_net():
    space = chapter()
    torch.manual_seed(3)
    net, x = space["lenet"](), torch.randn(7, 1, 32, 32)
    np.testing.assert_allclose(space["forward"](x.numpy(), [p.detach().numpy() for p in net.parameters()]), net(x).detach().numpy(), rtol=1e-4, atol=1e-5)


def test_every_net_on_the_way_from_1998_has_its_pieces():
    space, steps = chapter(), ("softmax", "larger weights", "max pooling", "all maps", "ReLU")
    counts = [parameters(space["lenet_with"](steps[:i], 0)) for i in range(6)]
    assert counts == [60_000, 60_850, 60_850, 60_806, 61_706, 61_706]
    assert parameters(space["lenet"]()) == 61_706
    assert [any(isinstance(part, nn.ReLU) for part in space["lenet_with"](steps[:i], 0)) for i in range(6)] == [False] * 5 + [True]


def test_new_digits_are_read_and_forty_pixels_need_a_convolution():
    net, space = reader(), chapter()
    images, labels = data.drawn_digits(1000, seed=1)
    assert space["accuracy"](net, space["to_inputs"](images, 0.1, 0.3), torch.from_numpy(labels)) > 95
    with pytest.raises(RuntimeError):
        net(torch.zeros(1, 1, 40, 40))
    exec(re.search(r"(?s)def all_convolutional\(.*?return nn\.Sequential\(\*layers\)\n", SOURCE.read_text(encoding="utf-8"))[0], space)
    assert space["all_convolutional"](net)(torch.zeros(1, 1, 40, 40)).shape == (1, 10, 3, 3)


def test_the_strip_is_read_where_a_digit_is_centred():
    cell = next(cell for cell in CELLS if "sliding = all_convolutional" in cell)
    images, labels = data.drawn_digits(1000, seed=1)
    space = dict(chapter()) | {"reader": reader(), "MEAN": 0.1, "STD": 0.3, "test_digits": images, "test_digit_labels": labels}
    exec(cell.split("fig, axes")[0], space)
    assert [int(space["chances"][:, 6 * place].argmax()) for place in range(5)] == space["number"]


def test_softmax_and_larger_first_weights_are_the_two_changes_that_stand_out():
    space, clothes = chapter(), data.load_fashion_mnist()
    mean, std = clothes.train_images.mean() / 255, clothes.train_images.std() / 255
    x, y = space["to_inputs"](clothes.train_images[:4000], mean, std), torch.from_numpy(clothes.train_labels[:4000])
    test, right = space["to_inputs"](clothes.test_images, mean, std), torch.from_numpy(clothes.test_labels)
    steps, found = ("softmax", "larger weights", "max pooling", "all maps", "ReLU"), []
    for pieces in ((), steps[:1], steps[:2], steps):
        net = space["lenet_with"](pieces, 0)
        space["train"](net, x, y, epochs=3, rate=2e-3, loss=F.cross_entropy if pieces else space["distance_loss"])
        found.append(space["accuracy"](net, test, right))
    old, softmax, larger, today = found
    assert softmax > old + 4 and larger > softmax + 4
    assert abs(today - larger) < 4
