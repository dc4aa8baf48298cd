"""Chapter 02 states these numbers in its text. Here they are measured with PyTorch, and looked for in the text."""

import re
from itertools import count
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from convnets.arithmetic import layer_table

SOURCE = Path(__file__).resolve().parents[1] / "source/course/02_convolution_arithmetic.py"
TEXT = " ".join(re.sub(r'"\n\s*"', "", SOURCE.read_text(encoding="utf-8")).replace("\n# ", " ").split())


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def side(layer, size):
    """Side of a square output, by running the layer."""
    return layer(torch.zeros(1, layer.in_channels, size, size)).shape[-1]


def field(*layers):
    """Receptive field, by the gradient of one output of layers (kernel, stride) whose weights are all 1."""
    x = torch.zeros(1, 1, 300, dtype=torch.float64, requires_grad=True)
    y = x
    for kernel, stride in layers:
        y = F.conv1d(y, torch.ones(1, 1, kernel, dtype=torch.float64), stride=stride)
    y[0, 0, y.shape[2] // 2].backward()
    return int((x.grad != 0).sum())


def first_depth(seen, kernel, stride):
    return next(depth for depth in count(1) if field(*[(kernel, stride)] * depth) >= seen)


EXAMPLE = nn.Conv2d(3, 10, 5, padding=2)
NET = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(16 * 7 * 7, 10),
)  # fmt: skip


def grouped(groups):
    return nn.Conv2d(8, 8, 3, bias=False, groups=groups)


def stamps(kernel):
    """How many stamps of a transposed convolution at stride 2 fall on each output pixel, away from the border."""
    seen = F.conv_transpose2d(torch.ones(1, 1, 8, 8), torch.ones(1, 1, kernel, kernel), stride=2)[0, 0]
    return sorted(int(n) for n in seen[kernel:-kernel, kernel:-kernel].unique())


STATED = {
    '"{}": "That is how many numbers the layer <em>learns</em>': lambda: parameters(EXAMPLE),
    '"{}": "That is how many numbers come <em>out</em>': lambda: EXAMPLE(torch.zeros(1, 3, 32, 32)).numel(),
    "3·5·5 = {} products for each": lambda: EXAMPLE.weight[0].numel(),
    'answer="{}"': lambda: layer_table(EXAMPLE, (3, 32, 32)).total.multiply_adds,
    '"{}": "That would be right for a grey image': lambda: layer_table(nn.Conv2d(1, 10, 5, padding=2), (1, 32, 32)).total.multiply_adds,
    "There are {} products, and then": lambda: nn.Conv2d(3, 1, 3).weight.numel(),
    "it needs {}. It is an easy slip": lambda: len(nn.Conv2d(3, 6, 5).bias),
    "{} = 6·28·28": lambda: nn.Conv2d(3, 6, 5)(torch.zeros(1, 3, 32, 32)).numel(),
    "8·(1·9 + 1) = {}": lambda: parameters(NET[0]),
    "16·14·14 outputs costs {}": lambda: NET[3].weight[0].numel(),
    "it has only {} parameters": lambda: parameters(NET[3]),
    "Parameters, yes: {}": lambda: parameters(NET[7]),
    "so it does only {} multiply-adds": lambda: layer_table(NET, (1, 28, 28))["7"].multiply_adds,
    "at least 111.5: {} layers": lambda: first_depth(224, 3, 1),
    "Three layers of stride 1 see {} pixels": lambda: field(*[(3, 1)] * 3),
    "three of stride 2 see {}": lambda: field(*[(3, 2)] * 3),
    "it takes {} layers of 3×3 to see 64": lambda: first_depth(64, 3, 1),
    'each has a stride of 2?", unit="layers", answer={}': lambda: first_depth(64, 3, 2),
    "32·65 = {}": lambda: parameters(nn.Conv2d(64, 32, 1)),
    "3 + 1 = {}. Kernel 4, stride 2": lambda: side(nn.ConvTranspose2d(1, 1, 4, 2, 1), 14),
    "{} is without it": lambda: side(nn.ConvTranspose2d(1, 1, 4, 2), 14),
    "Ordinary: all filled, {} weights": lambda: parameters(grouped(1)),
    "two blocks on the diagonal, {}": lambda: parameters(grouped(2)),
    "only the diagonal, {}": lambda: parameters(grouped(8)),
    "then 1×1: all filled, {}": lambda: parameters(grouped(8)) + parameters(nn.Conv2d(8, 8, 1, bias=False)),
}


@pytest.mark.parametrize("words", STATED)
def test_the_text_states_what_is_measured(words):
    assert words.format(f"{STATED[words]():,}") in TEXT


def test_seven_by_seven():
    assert [side(nn.Conv2d(1, 1, 3, stride), 7) for stride in (1, 2)] == [5, 3]
    assert (7 - 3) % 3 != 0 and "the formula gives 2.33" in TEXT


def test_padding_that_keeps_the_size():
    for kernel in (1, 3, 5, 7, 9, 11):
        for dilation in (1, 2, 3):
            assert side(nn.Conv2d(1, 1, kernel, padding=dilation * (kernel - 1) // 2, dilation=dilation), 40) == 40


def test_blurring_twelve_times_takes_48_pixels():
    image = torch.zeros(1, 1, 120, 104)
    for _ in range(12):
        image = F.conv2d(image, torch.zeros(1, 1, 5, 5))
    assert tuple(image.shape[2:]) == (120 - 48, 104 - 48) == (72, 56)


@pytest.mark.parametrize("kernel", [2, 3, 5, 7])
def test_field_of_a_stack(kernel):
    for depth in range(1, 7):
        assert field(*[(kernel, 1)] * depth) == 1 + depth * (kernel - 1)


def test_fields_of_strided_layers_as_listed():
    assert [field(*[(3, 2)] * depth) for depth in range(1, 7)] == [3, 7, 15, 31, 63, 127]


def test_three_small_kernels_against_one_large_one():
    small, large = (nn.Conv2d(5, 5, k, bias=False) for k in (3, 7))
    assert (3 * parameters(small), parameters(large)) == (27 * 5**2, 49 * 5**2)
    assert field((3, 1), (3, 1), (3, 1)) == field((7, 1)) == 7


@pytest.mark.parametrize(("filters", "channels", "kernel"), [(128, 64, 3), (10, 3, 5), (7, 9, 5)])
def test_what_separable_convolutions_save(filters, channels, kernel):
    size = kernel + 8
    full = nn.Conv2d(channels, filters, kernel, padding="same")
    split = nn.Sequential(nn.Conv2d(channels, channels, kernel, padding="same", groups=channels), nn.Conv2d(channels, filters, 1))
    costs = [layer_table(module, (channels, size, size)).total.multiply_adds for module in (split, full)]
    assert costs[0] / costs[1] == pytest.approx(1 / filters + 1 / kernel**2)


def test_checkerboard():
    assert stamps(3) == [1, 2, 4] and stamps(4) == [4]


def test_size_of_transposed_convolutions():
    for size in (3, 14):
        for kernel, stride, padding, dilation in [(3, 2, 0, 1), (4, 2, 1, 1), (3, 3, 1, 2), (5, 1, 2, 1)]:
            layer = nn.ConvTranspose2d(1, 1, kernel, stride, padding, dilation=dilation)
            assert side(layer, size) == (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1


def test_half_and_twice_the_size():
    for size in (14, 32, 56):
        assert side(nn.Conv2d(1, 1, 3, 2, 1), size) == size // 2
        assert side(nn.ConvTranspose2d(1, 1, 4, 2, 1), size) == 2 * size
