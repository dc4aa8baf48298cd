"""Lab 04: the numbers in its text, the race on little data with the nets of assignment 06, and conclusions held against their own table."""

import re

import numpy as np
import pytest
import torch
from torch import nn

from autograder.build import read_source
from autograder.units import exercises, find_unit, import_unit
from convnets.arithmetic import layer_table
from convnets.check import as_text, check_function
from convnets.check.compare import DISAGREES
from convnets.check.questions import ask
from convnets.data import load_fashion_mnist
from convnets.results import load_results

NAME = "04_classic_nets_on_cifar10"


@pytest.fixture(scope="module")
def lab():
    exercises(NAME)
    return import_unit(NAME)


@pytest.fixture(scope="module")
def zoo(lab):
    unit = import_unit("06_classic_architectures")
    return lab.families(unit.lenet5, unit.alexnet, unit.vgg, unit.googlenet)


@pytest.fixture(scope="module")
def table():
    return load_results(find_unit(NAME).source.with_name("reference.safetensors"))


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def noise(n=40, seed=0, channels=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, channels, 32, 32, generator=generator), torch.arange(n) % 10


def test_the_examples_of_the_text(lab):
    layer = nn.Conv2d(3, 10, 5, padding=2)
    one, eight = lab.costs(layer, (3, 32, 32)), lab.costs(layer, (3, 32, 32), 8)
    assert one[:2] == eight[:2] == (760, 768_000) and eight[2] == 8 * one[2] == 8 * 4 * (3 + 10) * 1024
    assert list(lab.not_beaten([0.3, 0.4, 0.4, 0.5], [1, 3, 2, 9])) == [True, False, True, True]
    assert list(lab.not_beaten([0.4, 0.4], [2, 2])) == [True, True]
    matrix = np.array([[5, 2, 0], [1, 6, 4], [0, 3, 7]])
    assert lab.confused_pairs(matrix, 2).tolist() == [[1, 2], [0, 1]]
    d = np.array([0.41, 0.42, 0.43]) - np.array([0.40, 0.40, 0.41])
    assert (round(d.mean(), 4), round(d.std(ddof=1) / np.sqrt(3), 4)) == (0.0167, 0.0033) and round(d.mean() / (d.std(ddof=1) / np.sqrt(3))) == 5


def test_widths_and_budgets_as_in_the_text(lab, zoo):
    counted = [layer_table(zoo["AlexNet"](width), (3, 32, 32)).total.multiply_adds for width in (8, 16, 32)]
    assert [round(number / 1e6, 1) for number in counted] == [3.0, 11.5, 45.2]
    assert lab.widest(zoo["AlexNet"], (3, 32, 32), 12_000_000, (32, 8, 16)) == 16
    assert lab.widest(zoo["AlexNet"], (3, 32, 32), counted[2], (32, 8, 16)) == 32
    with pytest.raises(ValueError, match="1,000,000"):
        lab.widest(zoo["AlexNet"], (3, 32, 32), 1_000_000, (32, 8, 16))
    inner = [layer_table(zoo["VGG-11"](width), (3, 32, 32)) for width in (8, 16)]
    rows = [[row.multiply_adds for row in t if "conv" in row.name] for t in inner]
    assert [b / a for a, b in zip(*rows, strict=True)] == [2, *[4] * 7]


def test_what_the_text_says_about_the_costs_of_width_8(lab, zoo, table):
    found = {name: lab.costs(make(8), (3, 32, 32), 64) for name, make in zoo.items()}
    assert tuple(found) == lab.NAMES and np.array_equal(list(found.values()), table["costs"])
    larger = list(found)[1:]
    assert min(larger, key=lambda name: found[name][0]) == max(larger, key=lambda name: found[name][2]) == "GoogLeNet"
    assert found["GoogLeNet"][2] > 5 * max(found[name][2] for name in larger[:2])
    orders = [tuple(np.argsort([cost[i] for cost in found.values()])) for i in range(3)]
    assert orders[0] != orders[1]


def test_the_fair_race_of_a_gpu_keeps_within_its_budget(lab, zoo):
    for name, make in lab.fair(zoo, (3, 32, 32)).items():
        with torch.device("meta"):
            net = make()
        assert layer_table(net, (3, 32, 32)).total.multiply_adds <= lab.FULL_BUDGET, name


def test_a_stopped_race_goes_on_and_ends_with_the_same_numbers(lab, zoo, tmp_path, monkeypatch):
    nets = {name: lambda make=make: make(8) for name, make in list(zoo.items())[:3]}
    settings = {"epochs": 2, "seeds": 2, "batch_size": 20}
    whole = lab.experiment(nets, noise(), noise(20, 1), tmp_path / "whole.safetensors", **settings)
    assert whole["accuracy"].shape == (3, 2, 2) and (whole["confusion"].sum(axis=(2, 3)) == 20).all() and (whole["seconds"] > 0).all()
    diagonal = np.trace(whole["confusion"], axis1=2, axis2=3) / 20
    np.testing.assert_allclose(diagonal, whole["accuracy"][:, :, -1], atol=0.051)
    right, runs = lab.raced, []

    def stopped_after_four(*args, **kwargs):
        runs.append(1)
        if len(runs) > 4:
            raise KeyboardInterrupt
        return right(*args, **kwargs)

    monkeypatch.setattr(lab, "raced", stopped_after_four)
    with pytest.raises(KeyboardInterrupt):
        lab.experiment(nets, noise(), noise(20, 1), tmp_path / "parts.safetensors", **settings)
    monkeypatch.setattr(lab, "raced", right)
    parts = lab.experiment(nets, noise(), noise(20, 1), tmp_path / "parts.safetensors", **settings)
    for name in ("accuracy", "confusion", "costs"):
        np.testing.assert_array_equal(whole[name], parts[name])
    with pytest.raises(ValueError, match="delete it"):
        lab.experiment(nets, noise(), noise(20, 1), tmp_path / "parts.safetensors", **settings | {"seeds": 3})


def test_the_clothes_that_come_with_the_course_get_a_border_and_go_through_googlenet(lab):
    data = load_fashion_mnist()
    x, labels = lab.prepared(data.train_images[:30], data.train_labels[:30], 0.3, 0.35)
    assert x.shape == (30, 1, 32, 32) and torch.allclose(x[:, :, :2], torch.tensor(-0.3 / 0.35)) and torch.allclose(x[0, 0, 2:30, 2:30] * 0.35 + 0.3, torch.from_numpy(data.train_images[0] / 255).float(), atol=1e-6)
    unit = import_unit("06_classic_architectures")
    net = lab.families(unit.lenet5, unit.alexnet, unit.vgg, unit.googlenet, in_channels=1)["GoogLeNet"](8)
    curve, seconds, predicted = lab.raced(net, (x, labels), (x, labels), epochs=1, seed=0, batch_size=10)
    assert curve.shape == (1,) and seconds > 0 and predicted.shape == (30,)


def test_the_full_race_asks_for_a_gpu():
    cells = [cell.source for cell in read_source(find_unit(NAME)).cells if cell.cell_type == "code"]
    cell = next(cell for cell in cells if "race_full.safetensors" in cell)
    assert cell.startswith('if device().type != "cpu" and zoo:') and "No GPU" in cell


# --- the conclusion ------------------------------------------------------------------------------------------------------


def conclude(lab, claims, accuracy, cost):
    learner = {"answer": (claims, accuracy, cost), "NAMES": lab.NAMES}
    exec("def conclusion():\n    return answer", learner)
    asked = next(ask(e) for e in exercises(NAME) if e.name == "conclusion")
    return check_function(asked, learner["conclusion"])


def test_the_shipped_table_is_a_run_that_shows_what_the_lab_teaches(lab, table):
    final = table["accuracy"][:, :, -1]
    assert final.shape == (4, 3) and len(np.unique(final.T, axis=0)) == 3
    means = final.mean(axis=1)
    assert means.min() > 0.15 and means.max() - means.min() > 0.05
    assert np.trace(table["confusion"], axis1=2, axis2=3) / 1500 == pytest.approx(final, abs=1e-6)
    claims, accuracy, cost = lab.conclusion()
    assert conclude(lab, claims, accuracy, cost).score == 7
    assert 1 <= len(claims["front"]) < 4, "one net is beaten, and several are not"
    per_second = table["costs"][:, 1] / table["seconds"].mean(axis=1)
    assert per_second.max() > 1.5 * per_second.min(), "seconds do not follow from multiply-adds"


def test_claims_are_held_against_the_numbers(lab, table):
    claims, accuracy, cost = lab.conclusion()
    worst = lab.NAMES[int(accuracy.mean(axis=1).argmin())]
    other = {"yes": "no", "no": "yes"}[claims["beyond luck"]]
    for change, lost in (({"best": worst}, 1), ({"beyond luck": other}, 2), ({"front": list(lab.NAMES)}, 2), ({"front": []}, 2)):
        report = conclude(lab, claims | change, accuracy, cost)
        assert report.score == 7 - lost, change
        assert [p.failure.difference.message for p in report.properties if p.failure] == [DISAGREES]
    for copies in (accuracy[:, :2], accuracy[:, [0, 1, 1]]):
        assert conclude(lab, claims, copies, cost).properties[0].failure


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a, c: (a[:3], c), "expected \\(4, seeds\\)"),
        (lambda a, c: (a, c[:3]), "expected \\(4, seeds\\)"),
        (lambda a, c: (100 * a, c), "shares, not percent"),
        (lambda a, c: (np.where(np.arange(3) == 1, np.nan, a), c), "no accuracy yet"),
        (lambda a, c: (np.repeat(a[:, :1], 3, axis=1), c), "What is measured scatters"),
        (lambda a, c: (a, -c), "not positive"),
        (lambda a, c: (a + 1j, c), "complex"),
    ],
)
def test_numbers_that_are_no_measurements_support_no_claim(lab, change, words):
    claims, accuracy, cost = lab.conclusion()
    report = conclude(lab, claims, *change(accuracy, cost))
    assert report.score == 0 and re.search(words, as_text(report))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"best": "ResNet"}, '"best" should be one of'),
        ({"beyond luck": True}, '"yes" or "no"'),
        ({"front": "GoogLeNet"}, "a list of names"),
        ({"front": ["ResNet"]}, "a list of names"),
    ],
)
def test_a_conclusion_of_another_form_is_told_what_is_asked(lab, change, words):
    claims, accuracy, cost = lab.conclusion()
    report = conclude(lab, claims | change, accuracy, cost)
    assert report.score == 0 and words in as_text(report)
