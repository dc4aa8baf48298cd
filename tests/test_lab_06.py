"""Lab 06: the numbers in its text, every rung of the GPU's ladder for a few steps, and conclusions held against their own table."""

import math
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

NAME = "06_train_fast"
TINY = {"epochs": 2, "widths": (4, 6, 6), "batch_size": 20, "rate": 0.1}


@pytest.fixture(scope="module")
def lab():
    exercises(NAME)
    return import_unit(NAME)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def noise(n=60, seed=0, channels=3, size=16):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, channels, size, size, generator=generator), torch.arange(n) % 10


def table_of(shipped="reference.safetensors"):
    return load_results(find_unit(NAME).source.with_name(shipped))["accuracy"]


# --- the text ------------------------------------------------------------------------------------------------------------


def test_the_examples_of_the_text(lab):
    assert [lab.triangle(p, 0.2, 0.25, 0.1) for p in (0.125, 0.25, 0.5)] == pytest.approx([0.6, 1, 0.7])
    two = torch.tensor([-2.0, 2.0]).repeat(8).reshape(4, 1, 2, 2)
    assert abs(lab.whitening_filters(two, size=1, eps=0).item()) == pytest.approx(0.5)
    label = torch.tensor([0])
    for smoothing in (0.0, 0.3, 0.9):
        assert lab.smooth_loss(torch.zeros(1, 3), label, smoothing).item() == pytest.approx(math.log(3))
    assert round(math.log(3), 4) == 1.0986
    assert torch.tensor([1.0, 0, 0]).softmax(0).tolist() == pytest.approx([0.576, 0.212, 0.212], abs=5e-4)
    assert lab.smooth_loss(torch.tensor([[2.0, 0, 0]]), label, 0.3, 2.0).item() == pytest.approx(0.751, abs=5e-4)
    images = torch.tensor([0.0, 1]).repeat(3, 1)[:, None, None]
    first = torch.tensor([True, False, False])
    assert [[int(x) for x in lab.alternating_flip(images, first, epoch)[:, 0, 0, 0]] for epoch in range(3)] == [[1, 0, 0], [0, 1, 1], [1, 0, 0]]
    nine = torch.arange(1.0, 10).reshape(1, 1, 3, 3)
    assert lab.batch_crop(nine, torch.tensor([1]), torch.tensor([0]), 2)[0, 0].tolist() == [[4, 5], [7, 8]]
    net, average = nn.Linear(1, 1, bias=False), {"weight": torch.tensor([[2.0]])}
    net.weight.data.fill_(4)
    lab.average_update(average, net, 0.9)
    assert average["weight"].item() == pytest.approx(2.2)
    for added, mean, error in (([1.0, 2.0, 1.5, 1.5], 1.5, 0.2), ([-1.0, 1.0, 2.0, 0.0], 0.5, 0.65)):
        assert lab.gain(np.array([[0.5] * 4, [0.5 + a / 100 for a in added]]), 1) == pytest.approx((mean, error), abs=0.006)


def test_numbers_about_the_recipe(lab):
    assert np.mean([lab.triangle(p) for p in np.linspace(0, 1, 10_001)]) == pytest.approx(0.55, abs=0.005)
    assert round(0.95**5, 2) == 0.77
    assert round(1.10 * 0.70, 2) == 0.77 and 300 * 10 == 3000 and 400 * 20 == 8000
    assert len(lab.TRICKS) == 8 and len(lab.LADDER) == 9
    text = find_unit(NAME).source.read_text(encoding="utf-8")
    assert "3.83" in text and "3.29" in text and "recipes for eight tricks" in text


def test_the_net_has_the_shapes_of_its_table(lab):
    table = layer_table(lab.FastNet(torch.randn(20, 3, 32, 32)), (3, 32, 32))
    shapes = {row.output_shape for row in table}
    assert {(24, 31, 31), (64, 15, 15), (256, 7, 7), (256, 3, 3), (10,)} <= shapes
    net = lab.FastNet(torch.randn(20, 3, 32, 32))
    x = torch.randn(2, 3, 32, 32)
    assert lab.FastNet(torch.randn(20, 1, 14, 14), (4, 4, 4))(torch.randn(2, 1, 14, 14)).shape == (2, 10)
    assert not net.first.weight.requires_grad and torch.equal(net.first.weight[:12], -net.first.weight[12:])
    assert torch.allclose(lab.convolution(3, 5)(x)[:, :3], x, atol=1e-6) or torch.equal(lab.convolution(3, 3)(x), x)
    groups = lab.grouped(net, 0.1, 0.01)
    assert [group["lr"] for group in groups] == pytest.approx([0.1, 6.4])
    assert [group["lr"] * group["weight_decay"] for group in groups] == pytest.approx([0.001] * 2)
    learning = sum(p.numel() for p in net.parameters() if p.requires_grad)
    assert sum(p.numel() for group in groups for p in group["params"]) == learning


def test_whitening_makes_the_patches_white(lab):
    images = torch.nn.functional.avg_pool2d(torch.randn(200, 3, 12, 12, generator=torch.Generator().manual_seed(0)), 3, stride=1) + 2
    found = torch.nn.functional.conv2d(images, lab.whitening_filters(images, eps=1e-9))
    assert torch.allclose(torch.cov(found.transpose(0, 1).flatten(1)), torch.eye(12), atol=0.02)


# --- the loop ------------------------------------------------------------------------------------------------------------


def test_the_loop_learns_on_the_clothes_that_come_with_the_course(lab):
    data = load_fashion_mnist()
    mean, std = lab.colours(data.train_images[:1000])
    train, validation = (lab.prepared(data.train_images[part], data.train_labels[part], mean, std, shrink=2) for part in (slice(1000), slice(1000, 1500)))
    assert train[0].shape == (1000, 1, 14, 14) and abs(float(train[0].mean())) < 1e-4
    net, seconds = lab.train(train, seed=0, epochs=5, widths=(8, 16, 16), batch_size=50, rate=0.15, **lab.climb(lab.LADDER)["average"])
    assert seconds > 0 and lab.accuracy(net, validation) > 0.6


def test_the_same_seed_gives_the_same_net_and_the_whitening_stays(lab):
    settings = TINY | {"whiten": True, "flip": "random", "crop": 1, "cutout": 3}
    one, other, third = (lab.train(noise(), seed=seed, **settings)[0].state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(one["last.weight"], third["last.weight"])
    half = lab.whitening_filters(noise()[0])
    assert torch.equal(one["first.weight"], torch.cat([half, -half]))


def test_compiling_costs_nothing_that_is_learned(lab):
    """torch.compile's warm-up must leave no trace in weights or running averages."""
    plain, _ = lab.train(noise(), seed=0, **TINY)
    compiled, _ = lab.train(noise(), seed=0, **TINY, compiled="eager")
    for name, value in plain.state_dict().items():
        assert torch.allclose(value.double(), compiled.state_dict()[name].double(), atol=1e-4), name


def test_views_are_added_with_their_weights(lab):
    net, _ = lab.train(noise(), seed=0, **TINY)
    net.eval()
    images, labels = noise(40, 1)
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1), mode="reflect")
    views = [images, images, padded[:, :, :-2, :-2], padded[:, :, 2:, 2:]]
    with torch.no_grad():
        logits = sum(net(view) + net(view.flip(3)) for view in views)
        assert lab.accuracy(net, (images, labels), 6, batch_size=16) == pytest.approx((logits.argmax(1) == labels).float().mean().item())
        assert lab.accuracy(net, (images, labels)) == pytest.approx((net(images).argmax(1) == labels).float().mean().item())


def test_cut_out_makes_one_square_of_zeros_an_image(lab):
    torch.manual_seed(0)
    images = torch.ones(300, 2, 9, 9)
    holes = (lab.cut_out(images, 3) == 0)[:, 0]
    assert images.min() == 1 and holes.flatten(1).sum(1).max() == 9 and holes.flatten(1).sum(1).min() == 4
    assert holes.any(dim=0).all(), "every place is cut out sometimes"


def test_a_stopped_ladder_goes_on_and_ends_with_the_same_numbers(lab, tmp_path, monkeypatch):
    ladder = {"plain": {}, "schedule": {"schedule": True}, "six views": {"views": 6}}
    data, tested = noise(), noise(40, 1)
    whole, seconds = lab.experiment(data, tested, tmp_path / "whole.safetensors", ladder=ladder, seeds=2, **TINY)
    assert whole.shape == seconds.shape == (3, 2) and ((whole >= 0) & (whole <= 1)).all() and (seconds > 0).all()
    right, runs = lab.train, []

    def stopped_after_three(*args, **kwargs):
        runs.append(1)
        if len(runs) > 3:
            raise KeyboardInterrupt
        return right(*args, **kwargs)

    monkeypatch.setattr(lab, "train", stopped_after_three)
    with pytest.raises(KeyboardInterrupt):
        lab.experiment(data, tested, tmp_path / "parts.safetensors", ladder=ladder, seeds=2, **TINY)
    monkeypatch.setattr(lab, "train", right)
    parts, _ = lab.experiment(data, tested, tmp_path / "parts.safetensors", ladder=ladder, seeds=2, **TINY)
    np.testing.assert_array_equal(whole, parts)
    with pytest.raises(ValueError, match="delete it"):
        lab.experiment(data, tested, tmp_path / "parts.safetensors", ladder=ladder, seeds=3, **TINY)


def test_the_full_ladder_goes_through_the_experiment_and_into_a_table(lab, tmp_path):
    """The cell that a GPU would run: 32×32 colour images, a few steps on the CPU. What is compiled is tested above, and by the benchmark's rehearsal."""
    ladder = lab.FULL_LADDER | {"compiled": {}}
    accuracies, times = lab.experiment(noise(40, size=32), noise(20, 1, size=32), tmp_path / "full.safetensors", ladder=ladder, seeds=2, **TINY | {"epochs": 1})
    text = lab.full_table(accuracies, times, ladder, "a device")
    assert text.startswith("a device, 2 seeds") and [line.split("  ")[0] for line in text.splitlines()[2:]] == list(ladder)
    assert set(lab.LADDER) <= set(ladder) and lab.FULL_GAME["widths"] == (64, 256, 256) and lab.FULL_LADDER["compiled"] == {"compiled": "inductor"}


def test_the_gpu_cell_asks_for_a_gpu(lab):
    cells = [cell.source for cell in read_source(find_unit(NAME)).cells if cell.cell_type == "code"]
    cell = next(cell for cell in cells if "full_ladder.safetensors" in cell)
    assert cell.startswith('if device().type == "cuda":') and "is left out" in cell


# --- the conclusion ------------------------------------------------------------------------------------------------------


def conclude(lab, claims, table):
    learner = {"claims": claims, "table": table, "TRICKS": lab.TRICKS}
    exec("def conclusion():\n    return claims, table", learner)
    asked = next(ask(e) for e in exercises(NAME) if e.name == "conclusion")
    return check_function(asked, learner["conclusion"])


def test_the_shipped_table_is_a_run_that_shows_what_the_lab_teaches(lab):
    table = table_of()
    assert table.shape == (9, 4) and len(np.unique(table.T, axis=0)) == 4
    gains = {name: lab.gain(table, i) for i, name in enumerate(lab.TRICKS, 1)}
    assert (table[-1] - table[0]).min() > 0.04
    for name in ("schedule", "whitening", "random flip"):
        assert gains[name][0] > 2 * gains[name][1], name


def test_claims_are_held_against_the_table(lab):
    table = table_of()
    claims, _ = lab.conclusion()
    assert conclude(lab, claims, table).score == 8
    opposite = {"helps": "hurts", "hurts": "helps", "cannot tell": "helps"}
    strong = next(name for name, word in claims["verdicts"].items() if word == "helps")
    report = conclude(lab, claims | {"verdicts": claims["verdicts"] | {strong: opposite["helps"]}}, table)
    assert report.score == 7 and [p.failure.difference.message for p in report.properties if p.failure] == [DISAGREES]
    assert conclude(lab, claims | {"verdicts": claims["verdicts"] | {strong: "cannot tell"}}, table).score == 7
    assert conclude(lab, claims | {"total": claims["total"] + 0.3}, table).score == 7
    weakest = min(lab.TRICKS, key=lambda name: lab.gain(table, lab.TRICKS.index(name) + 1)[0])
    assert conclude(lab, claims | {"strongest": weakest}, table).score == 7
    for copies in (table[:, :3], table[:, [0, 1, 2, 2]]):
        assert conclude(lab, claims, copies).properties[0].failure


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table[:-1], "expected \\(9, seeds\\)"),
        (lambda table: 100 * table, "shares, not percent"),
        (lambda table: np.where(np.arange(4) == 1, np.nan, table), "for 9 of its 36 runs"),
        (lambda table: np.repeat(table[:, :1], 4, axis=1), "What is measured scatters"),
        (lambda table: table[:, 0], "expected \\(9, seeds\\)"),
        (lambda table: table + 1j, "complex"),
    ],
)
def test_a_table_of_no_measurements_supports_no_claim(lab, change, words):
    report = conclude(lab, lab.conclusion()[0], change(table_of()))
    assert report.score == 0 and re.search(words, as_text(report))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda claims: None, "the claims and the results|claims should be a dict"),
        (lambda claims: claims | {"verdicts": {"schedule": "helps"}}, "each of schedule, whitening"),
        (lambda claims: claims | {"verdicts": claims["verdicts"] | {"schedule": ["helps"]}}, "one of the words"),
        (lambda claims: claims | {"strongest": "luck"}, '"strongest" should be one of'),
        (lambda claims: claims | {"total": "much"}, '"total" should be a number'),
        (lambda claims: {"verdicts": claims["verdicts"]}, "the entries verdicts, total, strongest"),
    ],
)
def test_a_conclusion_of_another_form_is_told_what_is_asked(lab, change, words):
    report = conclude(lab, change(lab.conclusion()[0]), table_of())
    assert report.score == 0 and re.search(words, as_text(report))
