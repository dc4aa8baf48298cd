"""Lab 05: the examples in its text, both experiments' code paths on little data, the published weights on the real test set, and its conclusion's honesty."""

import functools
import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from autograder.build import read_source
from autograder.units import exercises, find_unit, import_unit
from convnets.check import as_text, check_function
from convnets.check.compare import DISAGREES
from convnets.check.questions import ask
from convnets.data import Images, load_cifar10, load_fashion_mnist
from convnets.data.cifar10 import sheets_folders
from convnets.pretrained import cifar_resnet_weights
from convnets.results import load_results
from convnets.train import predict

NAME = "05_degradation_and_residuals"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ON_THE_WHOLE_SET = {20: 91.73, 56: 93.39}  # accuracies in %; tests/test_residual_architectures.py measures them on all 10,000 images


@pytest.fixture(scope="module")
def lab():
    exercises(NAME)
    return import_unit(NAME)


def text():
    return "\n".join(cell.source for cell in read_source(find_unit(NAME)).cells)


def parameters(net):
    return sum(p.numel() for p in net.parameters())


def clothes(lab, n=500):
    data = load_fashion_mnist()
    return lab.prepared(data.train_images[:n], data.train_labels[:n], 0.286, 0.353, shrink=2)


# --- the examples of the text --------------------------------------------------------------------------------------------


def test_the_examples_of_the_text(lab):
    assert parameters(lab.Block(2, 4, 2, lab.residual)) == 2 * 4 * 9 + 4 * 4 * 9 + 4 * 4 == 232
    assert parameters(lab.make_net(20, lab.residual)) == parameters(lab.make_net(20, lab.plain)) == 17_254
    assert parameters(lab.make_net(20, lab.residual, width=16, in_channels=3)) == 269_722
    assert [parameters(lab.Join(kind, 8)) for kind in ("shortcut gate", "exclusive gate", "convolution", "identity", "scaled", "dropout")] == [72, 72, 80, 0, 0, 0]
    logits, labels = torch.tensor([[1.0, 3, 2], [5, 4, 0]]), torch.tensor([2, 2])
    assert (lab.error_rate(logits, labels), lab.error_rate(logits, labels, 2)) == (100, 50)
    assert 1 - 1 / (1 + np.exp(6)) == pytest.approx(0.998, abs=5e-4)
    assert pytest.approx([0.001, 1e-8, 5.6e-17], rel=0.3, abs=0) == [0.5**10, 0.5**27, 0.5**54] and f"{0.5**54:.1e}" == "5.6e-17"
    for words in ("so 21.0 ± 1.0", "so 0.7 ± 1.2"):
        assert words in text()
    for differences, words in (((20, 23, 20), (21.0, 1.0)), ((-1, 3, 0), (0.7, 1.2))):
        d = np.array(differences)
        assert (round(d.mean(), 1), round(d.std(ddof=1) / np.sqrt(3), 1)) == words


def test_a_shortcut_as_in_the_example(lab):
    x, block = torch.rand(1, 2, 4, 4), lab.Block(2, 4, 2, lambda channels: lambda x, f: x)
    out = block.eval()(x)
    assert out.shape == (1, 4, 2, 2) and not out[:, [0, 3]].any()
    torch.testing.assert_close(out[:, 1:3], x[:, :, [0, 2]][:, :, :, [0, 2]])


def test_a_gate_as_in_the_example(lab):
    x, f = torch.full((1, 1, 1, 1), 4.0), torch.full((1, 1, 1, 1), 2.0)
    for kind, expected in (("scaled", 3), ("exclusive gate", 3.5), ("shortcut gate", 5)):
        join = lab.Join(kind, 1, bias=float(np.log(1 / 3)))
        for parameter in join.parameters():
            if parameter.ndim == 4:
                nn.init.zeros_(parameter)
        assert join(x, f).item() == pytest.approx(expected)


def test_weights_as_in_the_example(lab):
    net, weights = nn.Sequential(nn.Linear(2, 1)), {"fc.weight": torch.tensor([[3.0, 4]]), "fc.bias": torch.tensor([5.0])}
    assert lab.load_weights(net, weights, {"0": "fc"})(torch.ones(1, 2)).item() == 12
    for names, more in (({}, {}), ({"0": "fc"}, {"bn.weight": torch.ones(1)})):
        with pytest.raises(ValueError):
            lab.load_weights(net, weights | more, names)


def test_layers_by_depth(lab):
    for n, depth in ((1, 8), (3, 20), (9, 56)):
        with torch.device("meta"):
            net = lab.make_net(depth, lab.residual)
        assert sum(isinstance(m, (nn.Conv2d, nn.Linear)) for m in net.modules()) == 6 * n + 2 == depth


# --- gradients, in order -------------------------------------------------------------------------------------------------


class Crooked(nn.Module):
    """Computes in another order than its parts are registered."""

    def __init__(self):
        super().__init__()
        self.last = nn.Linear(2, 3)
        self.norm = nn.BatchNorm2d(2)
        self.first = nn.Conv2d(1, 2, 3)

    def forward(self, x):
        return self.last(F.relu(self.norm(self.first(x))).mean((2, 3)))


def test_layers_are_listed_in_the_order_of_computing_and_the_net_stays_as_it_was(lab):
    net, x = Crooked().train(), torch.randn(2, 1, 5, 5)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    assert lab.layers_in_order(net, x) == ["first", "norm", "last"]
    assert net.training and all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert not any(module._forward_pre_hooks for module in net.modules())
    with pytest.raises(RuntimeError):
        lab.layers_in_order(net, torch.zeros(1, 9))
    assert net.training and not any(module._forward_pre_hooks for module in net.modules())


def test_gradient_norms_are_those_of_autograd(lab):
    torch.manual_seed(0)
    net, (images, labels) = lab.make_net(8, lab.residual), (torch.randn(6, 1, 8, 8), torch.arange(6))
    norms = lab.gradient_norms(net, images, labels)
    loss = F.cross_entropy(net.train()(images), labels)
    weights = [p for p in net.parameters() if p.ndim == 4]
    expected = [torch.autograd.grad(loss, w, retain_graph=True)[0].norm().item() for w in weights]
    np.testing.assert_allclose(norms, expected, rtol=1e-4)
    assert len(norms) == 7


def test_plain_gradients_grow_towards_the_image_and_shortcuts_keep_their_length(lab):
    """With BatchNorm and 56 layers: "hundreds of times" in the plain net, about the same length in the residual one."""
    ratios = {}
    images, labels = clothes(lab, 100)
    for name in ("plain", "residual"):
        found = []
        for seed in range(2):
            torch.manual_seed(seed)
            norms = lab.gradient_norms(lab.make_net(56, getattr(lab, name)), images, labels)
            found.append(norms[:3].mean() / norms[-3:].mean())
        ratios[name] = np.exp(np.mean(np.log(found)))
    assert ratios["plain"] > 200
    assert 0.1 < ratios["residual"] < 10


# --- the experiments -----------------------------------------------------------------------------------------------------


def noise(n, seed, channels=1, size=8):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, channels, size, size, generator=generator), torch.arange(n) % 10


SMALL = {"epochs": 1, "batch_size": 20, "width": 2, "seeds": 2}


def test_a_stopped_experiment_goes_on_and_ends_with_the_same_numbers(lab, tmp_path, monkeypatch):
    joins = {"plain": lab.plain, "residual": lab.residual}
    parts = noise(40, 0), noise(30, 1)
    whole = lab.experiment(*parts, tmp_path / "whole.safetensors", joins, (8, 14), **SMALL)
    assert whole["training"].shape == whole["test"].shape == (2, 2, 2) and list(whole["depths"]) == [8, 14]
    assert all(((table >= 0) & (table <= 100)).all() for table in (whole["training"], whole["test"]))
    right, runs = lab.trained, []

    def stopped_after_three(*args, **kwargs):
        if len(runs) == 3:
            raise KeyboardInterrupt
        runs.append(1)
        return right(*args, **kwargs)

    monkeypatch.setattr(lab, "trained", stopped_after_three)
    with pytest.raises(KeyboardInterrupt):
        lab.experiment(*parts, tmp_path / "parts.safetensors", joins, (8, 14), **SMALL)
    assert np.isfinite(load_results(tmp_path / "parts.safetensors")["training"]).sum() == 3
    monkeypatch.setattr(lab, "trained", right)
    again = lab.experiment(*parts, tmp_path / "parts.safetensors", joins, (8, 14), **SMALL)
    for name in ("training", "test"):
        np.testing.assert_array_equal(again[name], whole[name])
    with pytest.raises(ValueError, match="delete it"):
        lab.experiment(*parts, tmp_path / "parts.safetensors", joins, (8, 20), **SMALL)


def test_the_measured_effect_is_the_one_that_is_taught(lab):
    """The reference file holds the errors of a real run: the plain net's training error rises with depth, the residual one's does not."""
    plain, residual = load_results(find_unit(NAME).source.with_name("reference.safetensors"))["training"]
    assert plain.shape[1] >= 3
    assert (plain[-1] - plain[0] > 15).all() and (residual[-1] - residual[0] < 5).all() and (plain[-1] - residual[-1] > 15).all()
    assert (np.diff(plain.mean(axis=1)) > 0).all()


def test_nets_degrade_without_shortcuts_and_not_with_them(lab, tmp_path):
    """The lab's experiment once more, smaller: two depths, fewer steps, one seed."""
    train = clothes(lab, 500)
    found = lab.experiment(train, train, tmp_path / "small.safetensors", {"plain": lab.plain, "residual": lab.residual}, (8, 26), seeds=1)
    (shallow, deep), (_, deep_residual) = found["training"][..., 0]
    assert deep > shallow + 3 and deep > deep_residual + 10


def test_exclusive_gates_hardly_open_in_a_hundred_steps(lab):
    """The text's explanation: from a start at −6, where g = 0.0025, the gates of this lab's nets stay all but closed."""
    torch.manual_seed(0)
    net = lab.make_net(8, functools.partial(lab.Join, "exclusive gate"))
    train = clothes(lab, 500)
    lab.trained(net, train, epochs=10, seed=0)
    gates, hooks = [], []
    for join in (module for module in net.modules() if isinstance(module, lab.Join)):
        hooks.append(join.layer.register_forward_hook(lambda module, given, out: gates.append(torch.sigmoid(out).mean().item())))
    predict(net, train[0][:200])
    assert len(gates) == 3 and 1 / (1 + np.exp(6)) == pytest.approx(0.0025, abs=5e-5)
    assert np.mean(gates) < 0.02


def test_the_full_experiments_path_with_few_images_and_steps(lab, tmp_path):
    rng = np.random.default_rng(0)
    photos = Images(rng.integers(0, 256, (60, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, 60), rng.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8), rng.integers(0, 10, 20), tuple("abcdefghij"))
    found = lab.full_experiment(photos, tmp_path / "full.safetensors", depths=(8, 14), epochs=2, width=4)
    assert found["training"].shape == (2, 2, 1) and np.isfinite(found["training"]).all()
    cell = next(cell.source for cell in read_source(find_unit(NAME)).cells if "full = full_experiment(" in cell.source)
    printed = []
    space = vars(lab) | {"FULL": True, "LOOKS": {"plain": 0, "residual": 0}, "full_experiment": lambda *_: found, "load_cifar10": lambda: photos, "print": lambda *words: printed.append(words)}
    exec(cell.replace('FULL = device().type != "cpu"', ""), space)
    assert len(printed) == 5


def test_the_schedule_and_steps_of_the_paper(lab):
    assert [lab.in_three_steps(p) for p in (0, 0.49, 0.5, 0.74, 0.75, 0.999)] == [1, 1, 0.1, 0.1, 0.01, 0.01]
    assert pytest.approx(64_000, rel=0.005) == 164 * -(-50_000 // 128)


def test_crops_and_mirrors_are_what_they_say(lab):
    torch.manual_seed(0)
    picture = torch.arange(1.0, 37).reshape(1, 1, 6, 6)
    layer = lab.RandomCropAndFlip(most=2)
    assert torch.equal(layer.eval()(picture), picture)
    versions = layer.train()(picture.repeat(400, 1, 1, 1))
    padded = F.pad(picture, [2] * 4)
    possible = {v.flip(3).numpy().tobytes() if mirror else v.numpy().tobytes() for d in range(5) for r in range(5) for v in [padded[:, :, d : d + 6, r : r + 6].contiguous()] for mirror in (0, 1)}
    seen = {version[None].numpy().tobytes() for version in versions}
    assert seen <= {np.ascontiguousarray(np.frombuffer(each, np.float32)).tobytes() for each in possible} and len(seen) == 50


# --- the published weights -----------------------------------------------------------------------------------------------


def own_net(lab, depth):
    return import_unit("07_residual_architectures").cifar_resnet(depth)


def name_map(lab):
    source = next(cell.source for cell in read_source(find_unit(NAME)).cells if "def name_map(" in cell.source)
    space = dict(vars(lab))
    exec(re.search(r"(?s)def name_map\(.*?strict=True\)\)\n", source)[0], space)
    return space["name_map"]


def needs_the_photos():
    if not sheets_folders():
        pytest.skip("CIFAR-10 is not on this machine")


@pytest.mark.parametrize("depth", ON_THE_WHOLE_SET)
def test_published_weights_find_their_places_in_both_nets(lab, depth):
    """By the lab's own way, in the net of assignment 07 and in that of the lab. That these weights reach their published accuracy there is tested with the assignment."""
    needs_the_photos()
    weights, photos = cifar_resnet_weights(depth), load_cifar10(sheets=1)
    images, labels = lab.prepared(photos.test_images[:200], photos.test_labels[:200], MEAN, STD)
    logits = []
    for net in (own_net(lab, depth), lab.make_net(depth, lab.residual, width=16, in_channels=3)):
        assert lab.error_rate(predict(net, images[:50]), labels[:50]) > 60
        logits.append(predict(lab.load_weights(net, weights, name_map(lab)(net, weights, images[:1])), images))
    torch.testing.assert_close(*logits, rtol=1e-4, atol=1e-4)
    assert lab.error_rate(logits[0], labels) < 12


def test_the_text_and_the_cell_state_the_accuracies_on_the_whole_set():
    assert f"WHOLE_SET = {ON_THE_WHOLE_SET}" in text()
    assert all(f"{accuracy:.2f} %" in text() for accuracy in ON_THE_WHOLE_SET.values())
    other = (find_unit(NAME).root / "tests/test_residual_architectures.py").read_text(encoding="utf-8")
    assert str(list(ON_THE_WHOLE_SET.items())) in other, "the test that confirms them"


def test_a_net_of_another_depth_is_refused(lab):
    needs_the_photos()
    weights = cifar_resnet_weights(20)
    with pytest.raises(ValueError, match="not the same net"):
        name_map(lab)(own_net(lab, 14), weights, torch.zeros(1, 3, 32, 32))


# --- the conclusion ------------------------------------------------------------------------------------------------------


def table(residual=0.0, scatter=1.0):
    noise = np.random.default_rng(3).uniform(-0.5, 0.5, (2, 4, 3)) * scatter
    return 20 + noise + np.linspace(0, 1, 4)[:, None] * np.array([20.0, residual])[:, None, None]


def conclude(claims, errors, own="there"):
    learner = {"claims": claims, "errors": errors, "own": own}
    exec("def conclusion():\n    return claims, errors", learner)
    asked = next(ask(e) for e in exercises(NAME) if e.name == "conclusion")
    return check_function(asked, learner["conclusion"])


RIGHT = {"plain": "rises", "residual": "cannot tell", "deepest": "residual"}


def test_a_conclusion_is_held_against_its_own_numbers():
    assert conclude(RIGHT, table()).score == 6
    assert conclude(RIGHT | {"residual": "falls"}, table(residual=-8)).score == 6
    assert conclude({"plain": "cannot tell", "residual": "rises", "deepest": "plain"}, table()[::-1]).score == 6
    for wrong, lost in (({"plain": "falls"}, 2), ({"deepest": "plain"}, 2), ({"residual": "falls"}, 2), ({"plain": "cannot tell"}, 1)):
        report = conclude(RIGHT | wrong, table())
        assert report.score == 6 - lost, wrong
        assert [p.failure.difference.message for p in report.properties if p.failure] == [DISAGREES]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: np.where(np.indices(t.shape)[2] == 2, np.nan, t), "no error yet (NaN) for 8 of its 24 runs"),
        (lambda t: t / 100, "shares from 0 to 1"),
        (lambda t: t + 90, "outside of 0 to 100"),
        (lambda t: -t, "outside of 0 to 100"),
        (lambda t: np.where(t == t.max(), np.inf, t), "outside of 0 to 100"),
        (lambda t: t[..., 0], "the shape (2, 4), expected (2, depths, seeds)"),
        (lambda t: t[:, :2], "3 depths or more"),
        (lambda t: t[..., :0], "expected (2, depths, seeds)"),
        (lambda t: t + 1j, "complex"),
        (lambda t: np.tile(t, (1, 1, 2000)), "at most 16384"),
    ],
)
def test_a_table_of_no_measurements_supports_no_claim(change, words):
    report = conclude(RIGHT, change(table()))
    assert report.score == 0
    assert words in as_text(report)


@pytest.mark.parametrize(
    ("claims", "own", "words"),
    [
        (RIGHT, None, "no experiment of yours yet"),
        ({"plain": "rises"}, "there", "residual one of the words rises, cannot tell, falls"),
        (RIGHT | {"deepest": "rises"}, "there", "deepest one of the words residual, cannot tell, plain"),
        (RIGHT | {"plain": ["rises"]}, "there", "plain one of the words"),
        ("rises", "there", "plain one of the words"),
    ],
)
def test_a_conclusion_of_another_form_is_told_what_is_asked(claims, own, words):
    report = conclude(claims, table(), own)
    assert report.score == 0 and words in as_text(report)


def test_copies_of_a_seed_and_two_seeds_are_not_enough():
    for errors in (table()[..., [0, 0, 1]], table()[..., :2]):
        report = conclude(RIGHT, errors)
        assert [p.name for p in report.properties if p.failure] == ["your table: enough seeds, each of its own"]
