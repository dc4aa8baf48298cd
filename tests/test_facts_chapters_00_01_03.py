"""Chapters 00, 01 and 03 state these numbers in their text. Here they are measured, and looked for in the text."""

import ast
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from convnets.arithmetic import layer_table

FOLDER = Path(__file__).resolve().parents[1] / "source/course"


def source(chapter):
    return next(FOLDER.glob(f"{chapter}_*.py")).read_text(encoding="utf-8")


def text(chapter):
    return " ".join(re.sub(r'"\n\s*"', "", source(chapter)).replace("\n# ", " ").split())


def functions(chapter, *names):
    """Functions of a chapter, by name, without running its cells."""
    found = {}
    for node in ast.parse(source(chapter)).body:
        if isinstance(node, ast.FunctionDef) and node.name in names:
            exec(compile(ast.Module([node], []), f"chapter {chapter}", "exec"), scope := {"np": np})
            found[node.name] = scope[node.name]
    return [found[name] for name in names]


def message(run):
    with pytest.raises(RuntimeError) as caught:
        run()
    return str(caught.value)


def parameters(module):
    return sum(p.numel() for p in module.parameters())


CONV1 = nn.Conv2d(3, 96, 11, stride=4)
OUTPUTS = CONV1(torch.zeros(1, 3, 227, 227)).numel()
ALEXNET_MEASURED = {"inputs": torch.zeros(3, 227, 227).numel(), "outputs": OUTPUTS, "per filter": parameters(nn.Conv2d(3, 1, 11))}
PIECES = torch.rand(3, 90, 72, 3)
LAYER = nn.Conv2d(3, 8, 3)
HEAD = nn.Linear(LAYER(PIECES.permute(0, 3, 1, 2)).shape[1:].numel(), 10)

STATED = {
    ("00", "48 columns = {} numbers"): lambda: torch.zeros(64, 3, 32, 48).numel(),
    ("00", "3·32·32 = {}. You will meet"): lambda: torch.zeros(16, 3, 32, 32)[0].numel(),
    ("00", "is the linear layer: {} inputs"): lambda: HEAD.in_features,
    ("01", "64·64·3 = {} inputs"): lambda: torch.zeros(3, 64, 64).numel(),
    ("01", "connected to 100 outputs: {} weights"): lambda: nn.Linear(64 * 64 * 3, 100).weight.numel(),
    ("01", "times 100 kernels: {}."): lambda: nn.Conv2d(3, 100, 5).weight.numel(),
    ("01", "9 directions: {} numbers"): lambda: functions("01", "orientation_histograms")[0](np.zeros((1, 28, 28)), cell=4).size,
    ("01", "It also prints {} outputs"): lambda: OUTPUTS,
    ("01", "227²·3 = {} inputs"): lambda: ALEXNET_MEASURED["inputs"],
    ("01", "inputs it is {}. The conclusion"): lambda: ALEXNET_MEASURED["inputs"] * OUTPUTS,
    ("01", "saves a factor of {}."): lambda: round(ALEXNET_MEASURED["inputs"] / ALEXNET_MEASURED["per filter"]),
    ("01", "saves another factor of {}, one for each of the 55·55 places"): lambda: OUTPUTS * ALEXNET_MEASURED["per filter"] // parameters(CONV1),
    ("03", "4¹⁰ = {}."): lambda: 4**10,
    ("03", "Their sum is {}."): lambda: int(F.max_pool2d(EXAMPLE, 2).sum()),
    ("03", "rounded down to {}.\""): lambda: nn.MaxPool2d(3, 2)(torch.zeros(1, 1, 112, 112)).shape[-1],
}  # fmt: skip
EXAMPLE = torch.tensor([[1.0, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]])[None, None]


@pytest.mark.parametrize(("chapter", "words"), STATED)
def test_the_text_states_what_is_measured(chapter, words):
    assert words.format(f"{STATED[chapter, words]():,}") in text(chapter)


# 00


def test_the_shape_errors_read_as_the_text_quotes_them():
    batch = PIECES.permute(0, 3, 1, 2)
    assert "expected input[3, 90, 72, 3] to have 3 channels, but got 90 channels" in message(lambda: LAYER(PIECES))
    assert "mat1 and mat2 shapes cannot be multiplied (2112x70 and 49280x10)" in message(lambda: HEAD(LAYER(batch)))
    assert message(lambda: LAYER((255 * batch).byte())) == "Input type (unsigned char) and bias type (float) should be the same"
    quoted = re.findall(r"^# \d\. \*\*`(.+)`\.\*\*", source("00"), flags=re.MULTILINE)
    assert len(quoted) == 3 and "2112 = 3·8·88" in text("00") and 3 * 8 * 88 == 2112


def test_position_is_where_memory_holds_the_number():
    (position,) = functions("00", "position")
    x = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    assert all(position(*index, x.shape) == value for index, value in np.ndenumerate(x))


# 01


def test_the_slip_in_the_slide():
    assert 66_846_304_800 == 290_400 * 277**2 * 3 and 277**2 * 3 == 230_187
    assert ALEXNET_MEASURED == {"inputs": 154_587, "outputs": 290_400, "per filter": 364}
    assert (parameters(CONV1), 290_400 * 364, 154_587 * 290_400) == (34_944, 105_705_600, 44_892_064_800)
    assert "66,846,304,800 / 290,400 = 230,187 = 277²·3" in text("01")


def test_the_means_of_the_first_question():
    (correlate_1d,) = functions("01", "correlate_1d")
    assert correlate_1d(np.array([0, 0, 0, 9, 9, 9]), np.ones(3) / 3).round(9).tolist() == [0, 3, 6, 9]
    assert correlate_1d(np.array([2, 4, 6, 8]), np.array([1, -2, 1])).tolist() == [0, 0]


@pytest.mark.parametrize("shape", [(3, 3), (2, 5), (1, 4)])
def test_the_chapters_correlation_is_torchs(shape):
    (correlate_2d,) = functions("01", "correlate_2d")
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((9, 12)), rng.standard_normal(shape)
    theirs = F.conv2d(torch.tensor(x)[None, None], torch.tensor(w)[None, None])[0, 0].numpy()
    np.testing.assert_allclose(correlate_2d(x, w), theirs, atol=1e-12)


def test_edge_histograms_find_the_direction():
    """The brightness rises along (dx, dy); the nine directions are 20° wide."""
    (histograms,) = functions("01", "orientation_histograms")
    y, x = np.mgrid[:16, :24]
    for degrees in (10, 50, 90, 130, 170):
        ramp = np.cos(np.radians(degrees)) * x + np.sin(np.radians(degrees)) * y
        result = histograms(ramp[None], cell=8)
        assert result.shape == (1, 2, 3, 9)
        assert (result.argmax(-1) == degrees // 20).all()
        assert result.sum() == pytest.approx(16 * 24)


def test_sharpening_makes_noise_more_than_five_times_as_strong():
    assert math.sqrt(5**2 + 4) > 5 and "more than five times as strong" in text("01")


# 03


def test_pooling_of_the_example():
    (pool_2d,) = functions("03", "pool_2d")
    x = EXAMPLE.numpy()
    assert pool_2d(x, 2, 2)[0, 0].tolist() == F.max_pool2d(EXAMPLE, 2)[0, 0].tolist() == [[6, 8], [3, 4]]
    assert pool_2d(x, 2, 2, np.mean)[0, 0].tolist() == F.avg_pool2d(EXAMPLE, 2)[0, 0].tolist() == [[3.25, 5.25], [2, 2]]
    assert pool_2d(x, 3, 1)[0, 0].tolist() == [[7, 8], [7, 8]]


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (3, 1), (4, 3), (5, 4)])
def test_the_chapters_pooling_is_torchs(size, stride):
    (pool_2d,) = functions("03", "pool_2d")
    x = torch.randn(2, 3, 13, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    np.testing.assert_array_equal(pool_2d(x.numpy(), size, stride), F.max_pool2d(x, size, stride).numpy())
    np.testing.assert_allclose(pool_2d(x.numpy(), size, stride, np.mean), F.avg_pool2d(x, size, stride).numpy())


def test_sizes_of_alexnets_overlapping_pooling():
    sizes = [55]
    for _ in range(3):
        sizes.append(F.max_pool1d(torch.zeros(1, 1, sizes[-1]), 3, 2).shape[-1])
    assert " → ".join(map(str, sizes)) == "55 → 27 → 13 → 6" and "55 → 27 → 13 → 6" in text("03")


def test_largest_slopes_and_saturation():
    x = torch.linspace(-30, 30, 60_001, dtype=torch.float64, requires_grad=True)
    slopes = {}
    for f in (torch.sigmoid, torch.tanh, torch.relu):
        (slopes[f.__name__],) = torch.autograd.grad(f(x).sum(), x)
    assert [float(s.max()) for s in slopes.values()] == pytest.approx([0.25, 1, 1])
    ours = functions("03", "slope")[0]
    ours.__globals__["sigmoid"] = functions("03", "sigmoid")[0]
    for name, theirs in zip(["sigmoid", "tanh", "ReLU"], slopes.values(), strict=True):
        np.testing.assert_allclose(ours(name, x.detach().numpy()), theirs, atol=1e-12)


def test_pooling_has_no_parameters_and_costs_no_multiplications():
    table = layer_table(nn.Sequential(nn.MaxPool2d(2)), (64, 28, 28))
    assert (table.total.parameters, table.total.multiply_adds) == (0, 0)
    assert table["0"].output_shape == (64, 14, 14) and "64×14×14, no parameters" in text("03")


def test_head_of_vgg16():
    assert nn.Linear(7 * 7 * 512, 4096, bias=False, device="meta").weight.numel() == 102_760_448
    assert nn.Linear(512, 1000, bias=False, device="meta").weight.numel() == 512_000
