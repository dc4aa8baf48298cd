"""Lab 02's experiment: the full version's path on little data, going on after a stop, and the numbers in the lab's text."""

import math
import re

import numpy as np
import pytest
import torch
from torch import nn

from autograder.units import exercises, import_unit
from convnets.check import as_text, check_function
from convnets.check.compare import DISAGREES
from convnets.check.questions import ask, dumps
from convnets.data import load_cifar10, sources_report
from convnets.data.cifar10 import sheets_folders

NAME = "02_batchnorm_dropout_augmentation"
QUESTIONS = next(ask(e) for e in exercises(NAME) if e.name == "conclusion")
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


def scores(claims, table):
    report = check_function(QUESTIONS, lambda: (claims, table))
    return {p.name.split(" than")[0]: p.points > 0 for p in report.properties}, {p.failure.difference.message for p in report.properties if p.failure}


def test_claims_are_held_against_the_table():
    grid = np.indices((2, 2, 2, 3))
    table = 0.7 + 0.03 * grid[0] - 0.03 * grid[1] + np.random.default_rng(0).uniform(-0.002, 0.002, (2, 2, 2, 3))
    right = {"batchnorm": "helps", "dropout": "hurts", "augmentation": "cannot tell"}
    assert [lab.verdict(lab.differences(table, name))[2] for name in lab.INGREDIENTS] == [1, -1, 0]
    whole, opposite, more, less = (p.name.split(" than")[0] for p in QUESTIONS.properties)
    everything = {whole: True, opposite: True, more: True, less: True}
    assert scores(right, table) == (everything, set())
    assert scores(right | {"dropout": "helps"}, table) == (everything | {opposite: False}, {DISAGREES})
    assert scores(right | {"augmentation": "hurts"}, table)[0] == everything | {more: False}
    assert scores(right | {"batchnorm": "cannot tell"}, table)[0] == everything | {less: False}
    for copies in (table[..., [0, 0, 0]], table[..., [0, 1, 1]], table[..., :2]):
        assert not scores(right, copies)[0][whole]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: np.where(np.indices(table.shape)[3] == 2, np.nan, table), "no accuracy yet .* for 8 of its 24 runs"),
        (lambda table: 100 * table, "shares, not percent"),
        (lambda table: table - 0.7, "between 0 and 1"),
        (lambda table: np.where(table == table[0, 0, 0, 0], np.inf, table), "between 0 and 1"),
        (lambda table: table[..., 0], r"the shape \(2, 2, 2\), expected \(2, 2, 2, seeds\)"),
        (lambda table: table.reshape(3, 2, 2, 2), "Hand on `results`"),
        (lambda table: table[..., :0], "Hand on `results`"),
        (lambda table: table + 1j, "complex"),
        (lambda table: np.full((2, 2, 2, 3000), 0.7), "at most 16384"),
    ],
)
def test_a_table_of_no_measurements_supports_no_claim(change, words):
    table = 0.7 + 0.03 * np.indices((2, 2, 2, 3))[0] + np.random.default_rng(0).uniform(-0.002, 0.002, (2, 2, 2, 3))
    held, messages = scores(dict(zip(lab.INGREDIENTS, ("helps", "cannot tell", "cannot tell"), strict=True)), change(table))
    assert not any(held.values()) and len(messages) == 1
    assert re.search(words, messages.pop())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (({"batchnorm": "helps", "dropout": "hurts"}, None), "each of batchnorm, dropout, augmentation one of the words helps, cannot tell, hurts"),
        (({"batchnorm": "helps", "dropout": "hurts", "augmentation": "maybe"}, None), "one of the words"),
        (({"batchnorm": "helps", "dropout": "hurts", "augmentation": ["helps"]}, None), "one of the words"),
        ({"batchnorm": "helps", "dropout": "hurts", "augmentation": "helps"}, "return two things"),
        (None, "returned None"),
    ],
)
def test_a_conclusion_of_another_form_is_told_what_is_asked(answer, words):
    report = check_function(QUESTIONS, lambda: answer)
    assert report.score == 0 and words in as_text(report)


def test_runs_of_one_seed_share_what_the_text_says():
    def start(*chosen):
        torch.manual_seed(3)
        return {name.removeprefix("1."): p for name, p in lab.recipe(*chosen, fill=0.0).named_parameters()}

    plain = start(0, 0, 0)
    for other in (start(0, 1, 0), start(0, 0, 1)):
        assert plain.keys() == other.keys() and all(torch.equal(plain[name], other[name]) for name in plain)
    convolutions = [[p for p in start(b, 0, 0).values() if p.ndim == 4] for b in (0, 1)]
    assert [torch.equal(*both) for both in zip(*convolutions, strict=True)] == [True, False, False]


def test_the_questions_do_not_depend_on_the_number_of_threads():
    net = next(e for e in exercises(NAME) if e.name == "make_net")
    before, made = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            made.append(dumps(NAME, [ask(net)]))
    finally:
        torch.set_num_threads(before)
    assert made[0] == made[1]
