"""Lab 02's experiment: the full version's path on little data, going on after a stop, and the numbers in the lab's text."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from autograder.units import exercises, import_unit
from convnets.data import load_cifar10, sources_report
from convnets.data.cifar10 import sheets_folders

NAME = "02_batchnorm_dropout_augmentation"
exercises(NAME)
lab = import_unit(NAME)


def noise(n, seed, channels=3, size=32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, channels, size, size, generator=generator), torch.arange(n) % 10


SMALL = {"epochs": 1, "fill": -1.5, "most": 4, "mirror": True, "batch_size": 20, "channels": 3, "size": 32, "width": 4}


def test_the_full_version_runs_on_colour_images_of_32_pixels(tmp_path):
    path = tmp_path / "results.safetensors"
    training, validation = lab.experiment(noise(60, 0), noise(40, 1), path, seeds=2, **SMALL)
    assert training.shape == validation.shape == (2, 2, 2, 2)
    for table in (training, validation):
        assert np.isfinite(table).all() and (table >= 0).all() and (table <= 1).all()
    assert [p.name for p in tmp_path.iterdir()] == ["results.safetensors"]


def test_cifar10_goes_through_the_full_version(tmp_path):
    if not sheets_folders() and not next(s for s in sources_report() if "cifar10" in s.loader).found:
        pytest.skip("CIFAR-10 is not on this machine")
    data = load_cifar10(sheets=1)
    images = (torch.from_numpy(data.train_images).float() / 255).permute(0, 3, 1, 2).contiguous()
    mean, std = images.mean().item(), images.std().item()
    train = (images[:600] - mean) / std, torch.from_numpy(data.train_labels[:600])
    validation = (images[600:] - mean) / std, torch.from_numpy(data.train_labels[600:])
    sizes = SMALL | {"epochs": 5, "fill": -mean / std, "width": 8}
    training, validated = lab.experiment(train, validation, tmp_path / "results.safetensors", seeds=1, **sizes)
    assert validated.mean() > 0.18, "guessing gives 0.1"
    assert training.mean() > 0.2


def test_a_stopped_experiment_goes_on_and_ends_with_the_same_numbers(tmp_path, monkeypatch):
    train, validation = noise(60, 0), noise(40, 1)
    whole = lab.experiment(train, validation, tmp_path / "whole.safetensors", seeds=2, **SMALL)
    right, runs = lab.trained, []

    def stopped_after_five(*args, **kwargs):
        if len(runs) == 5:
            raise KeyboardInterrupt
        runs.append(1)
        return right(*args, **kwargs)

    monkeypatch.setattr(lab, "trained", stopped_after_five)
    with pytest.raises(KeyboardInterrupt):
        lab.experiment(train, validation, tmp_path / "parts.safetensors", seeds=2, **SMALL)
    monkeypatch.setattr(lab, "trained", right)
    parts = lab.experiment(train, validation, tmp_path / "parts.safetensors", seeds=2, **SMALL)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)

    monkeypatch.setattr(lab, "trained", None)
    again = lab.experiment(train, validation, tmp_path / "parts.safetensors", seeds=2, **SMALL)
    np.testing.assert_array_equal(again[1], parts[1])
    with pytest.raises(ValueError, match="delete it"):
        lab.experiment(train, validation, tmp_path / "parts.safetensors", seeds=3, **SMALL)


def test_recipes_differ_in_what_they_say_and_in_nothing_else():
    for chosen in np.ndindex(2, 2, 2):
        torch.manual_seed(0)
        net = lab.recipe(*chosen, fill=-0.8, width=4)
        modules = list(net.modules())
        assert any(isinstance(m, nn.BatchNorm2d) for m in modules) == chosen[0]
        assert max((m.p for m in modules if isinstance(m, nn.Dropout)), default=0) == 0.5 * chosen[1]
        assert [(m.most, m.fill, m.mirror) for m in modules if isinstance(m, lab.RandomShiftAndFlip)] == [(1, -0.8, False)] * chosen[2]
        linear = [m.weight.shape for m in modules if isinstance(m, nn.Linear)]
        assert linear == [(128, 16 * 9), (10, 128)]


def test_parameters_as_the_text_says():
    count = {b: sum(p.numel() for p in lab.make_net(batchnorm=b).parameters()) for b in (False, True)}
    assert count == {False: 98_442, True: 98_554}
    shapes, x = [], torch.zeros(1, 1, 14, 14)
    for layer in lab.make_net():
        x = layer(x)
        shapes.append(tuple(x.shape[1:]))
    for shape in ((16, 14, 14), (16, 7, 7), (32, 7, 7), (32, 3, 3), (64, 3, 3), (576,), (128,), (10,)):
        assert shape in shapes


def test_luck_breaks_the_rule_of_two_errors_about_once_in_fourteen_times():
    """Twelve normal differences with mean 0: the tails of Student's t with 11 degrees of freedom beyond 2."""
    t = np.linspace(2, 60, 400_001)
    density = math.gamma(6) / (math.sqrt(11 * math.pi) * math.gamma(5.5)) * (1 + t**2 / 11) ** -6
    assert 1 / (2 * np.trapezoid(density, t)) == pytest.approx(14, abs=0.5)

    rng = np.random.default_rng(0)
    claims = sum(lab.verdict(rng.standard_normal((2, 2, 3)))[2] != 0 for _ in range(4000))
    assert claims / 4000 == pytest.approx(1 / 14, abs=0.012)


def test_one_error_is_passed_by_luck_in_about_one_of_three_experiments():
    t = np.linspace(1, 60, 400_001)
    density = math.gamma(6) / (math.sqrt(11 * math.pi) * math.gamma(5.5)) * (1 + t**2 / 11) ** -6
    assert 2 * np.trapezoid(density, t) == pytest.approx(1 / 3, abs=0.02)


def test_worked_examples():
    mean, error, says = lab.verdict(np.array([0.01, 0.03, 0.02, 0.02]))
    assert (round(mean, 5), round(error, 5), says) == (0.02, 0.00408, 1) and round(mean / error, 1) == 4.9
    image = torch.tensor([[[[1.0, 2, 3], [4, 5, 6]]]])
    one, zero = torch.tensor([1]), torch.tensor([0])
    assert lab.shift_and_flip(image, zero, one, torch.tensor([True]), 9.0)[0, 0].tolist() == [[9, 3, 2], [9, 6, 5]]
    assert lab.shift_and_flip(image, -one, zero, torch.tensor([False]), 9.0)[0, 0].tolist() == [[4, 5, 6], [9, 9, 9]]
    accuracy = np.random.default_rng(0).random((2, 2, 2, 3))
    assert lab.differences(accuracy, "dropout")[1, 0, 2] == accuracy[1, 1, 0, 2] - accuracy[1, 0, 0, 2]


def test_claims_are_held_against_the_table():
    grid = np.indices((2, 2, 2, 3))
    table = 0.7 + 0.03 * grid[0] - 0.03 * grid[1] + np.random.default_rng(0).uniform(-0.002, 0.002, (2, 2, 2, 3))
    right = {"batchnorm": "helps", "dropout": "hurts", "augmentation": "cannot tell"}
    assert [lab.verdict(lab.differences(table, name))[2] for name in lab.INGREDIENTS] == [1, -1, 0]
    everything = {"complete": True, "not_the_opposite": True, "not_too_much": True, "not_too_little": True}
    assert lab.held_against(right, table) == everything
    assert lab.held_against(right | {"dropout": "helps"}, table) == everything | {"not_the_opposite": False}
    assert lab.held_against(right | {"augmentation": "hurts"}, table) == everything | {"not_too_much": False}
    assert lab.held_against(right | {"batchnorm": "cannot tell"}, table) == everything | {"not_too_little": False}
    copies = np.repeat(table[..., :1], 3, axis=3)
    unfinished = np.where(grid[3] == 2, np.nan, table)
    for bad in (table[..., :2], copies, unfinished):
        assert not lab.held_against(right, bad)["complete"]
    with pytest.raises(ValueError, match="augmentation"):
        lab.held_against({"batchnorm": "helps", "dropout": "hurts"}, table)
    with pytest.raises(ValueError, match="cannot tell"):
        lab.held_against(right | {"dropout": "maybe"}, table)
