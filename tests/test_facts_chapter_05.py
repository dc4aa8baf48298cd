"""Chapter 05 states these numbers and claims in its text. Here they are measured, with the chapter's own functions, and looked for in the text."""

import ast
import re
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from convnets import data

SOURCE = Path(__file__).resolve().parents[1] / "source/course/05_normalization.py"
TEXT = " ".join(re.sub(r'"\n\s*"', "", SOURCE.read_text(encoding="utf-8")).replace("\n# ", " ").split())


@lru_cache
def chapter():
    """The functions that the chapter defines, with the images that it trains on."""
    clothes = data.load_fashion_mnist()
    images, test_images = (torch.from_numpy(a).float()[:, None] / 255 for a in (clothes.train_images, clothes.test_images))
    centre, spread = images.mean(), images.std()
    space = {"np": np, "torch": torch, "nn": nn, "F": F, "images": (images - centre) / spread, "test_images": (test_images - centre) / spread}
    space |= {"labels": torch.from_numpy(clothes.train_labels), "test_labels": torch.from_numpy(clothes.test_labels)}
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    exec(compile(tree, str(SOURCE), "exec"), space)
    return space


def parameters(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


def statistics_of_one_channel():
    """How many inputs change the running mean of channel 0."""
    x = torch.zeros(32, 64, 28, 28, requires_grad=True)
    nn.functional.batch_norm(x, None, None, training=True)
    x.mean(dim=(0, 2, 3))[0].backward()
    return int((x.grad != 0).sum())


STATED = {
    "32·28·28 = {}": statistics_of_one_channel,
    "64·3·3 = {} weights": lambda: nn.Conv2d(64, 128, 3, bias=False).weight.numel(),
    "128 channels: {}. Together": lambda: parameters(nn.BatchNorm2d(128)),
    "Together {}. The 256 running averages": lambda: parameters(nn.Conv2d(64, 128, 3, bias=False), nn.BatchNorm2d(128)),
    "for each of the 6·4·3 = {} numbers": lambda: nn.LayerNorm((6, 4, 3)).weight.numel(),
}


@pytest.mark.parametrize("words", STATED)
def test_the_text_states_what_is_measured(words):
    assert words.format(f"{STATED[words]():,}") in TEXT


def test_running_averages_are_not_learned():
    norm = nn.BatchNorm2d(128)
    assert norm.running_mean.numel() + norm.running_var.numel() == 256
    assert {name for name, _ in norm.named_buffers()} - {"num_batches_tracked"} == {"running_mean", "running_var"}


def test_the_feature_2_4_4_6():
    norm = nn.BatchNorm1d(1, eps=1e-12).double()
    norm.weight.data[:], norm.bias.data[:] = 3, 1
    assert norm(torch.tensor([[2.0], [4], [4], [6]]).double())[3].item() == pytest.approx(5.24, abs=0.005)
    assert "3·(6 − 4)/√2 + 1 = 5.24" in TEXT


def test_the_four_functions_are_pytorchs():
    space = chapter()
    x = np.random.default_rng(0).standard_normal((3, 6, 4, 2))
    t = torch.from_numpy(x)
    pairs = [
        (space["batch_norm"](x), F.batch_norm(t, None, None, training=True)), (space["layer_norm"](x), F.layer_norm(t, x.shape[1:])),
        (space["instance_norm"](x), F.instance_norm(t)), (space["group_norm"](x, 3), F.group_norm(t, 3)),
    ]  # fmt: skip
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-12)
    np.testing.assert_allclose(space["my_norm"](x), space["batch_norm"](x))


@lru_cache
def right(name, rate, seed):
    space = chapter()
    return space["train"](space["small_net"]({"plain": None, "batch norm": nn.BatchNorm2d}[name], seed), rate, seed, first=6400)


@pytest.mark.parametrize("seed", [0, 1])
def test_batch_norm_allows_the_higher_learning_rate(seed):
    assert right("plain", 1.0, seed) < 0.35
    assert right("batch norm", 1.0, seed) > 0.5


def test_at_its_best_it_is_better_after_the_same_steps_and_the_highest_rate_is_too_high_for_both():
    assert right("batch norm", 0.03, 0) > right("plain", 0.3, 0) + 0.02
    assert right("batch norm", 3.0, 0) < 0.5 and right("plain", 3.0, 0) < 0.35


@pytest.mark.parametrize("factor", [0.3, 10])
def test_initial_weights_that_stop_the_plain_net_hardly_hurt_the_normalised_one(factor):
    space = chapter()
    plain, normalised = (
        space["train"](space["with_weights_times"](factor, space["small_net"](norm)), 0.1, first=6400) for norm in (None, nn.BatchNorm2d)
    )
    assert plain < 0.35 and normalised > 0.5


def test_forgetting_eval_hurts_small_and_sorted_batches_and_folding_changes_nothing():
    space = chapter()
    net = space["small_net"](nn.BatchNorm2d)
    in_eval = space["train"](net, 0.1, first=6400)
    labels = space["test_labels"]
    mixed = torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))
    forgotten = space["right_in_train_mode"]
    assert forgotten(net, mixed, 128) > in_eval - 0.05
    assert forgotten(net, mixed, 1) < in_eval - 0.04
    assert forgotten(net, labels.argsort(stable=True), 32) < in_eval - 0.1
    parts = list(net.eval())
    lean = nn.Sequential(*[space["fold"](p, parts[i + 1]) if isinstance(p, nn.Conv2d) else p for i, p in enumerate(parts) if not isinstance(p, nn.BatchNorm2d)])
    with torch.no_grad():
        torch.testing.assert_close(lean(space["test_images"][:64]), net(space["test_images"][:64]), rtol=1e-4, atol=1e-4)


def test_channels_die_out_in_the_plain_net_and_not_in_the_normalised_one():
    space = chapter()
    plain, steady = ([layer.std(dim=(0, 2, 3)).mean().item() for layer in space["sums_in_a_deep_net"](on)] for on in (False, True))
    assert all(later < earlier for earlier, later in pairwise(plain)) and plain[-1] < 0.05 * plain[0]
    assert all(value == pytest.approx(1, abs=0.01) for value in steady)
