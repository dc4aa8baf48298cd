"""Assignment 04's reference solutions against PyTorch, step by step, and the numbers that its text states."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from autograder.units import exercises, find_unit, import_unit
from convnets.vision import torchvision

unit = import_unit("04_training")
layers = import_unit("02_layers")
quick = settings(max_examples=30, deadline=None, derandomize=True)
sizes = st.integers(1, 4)
shapes = st.lists(sizes, min_size=1, max_size=4).map(tuple)
seeds = st.integers(0, 2**32 - 1)
rates = st.floats(1e-4, 0.5)
shares = st.floats(0.0, 0.99)
decays = st.sampled_from([0.0, 0.01, 0.3])
dtypes = st.sampled_from([np.float64, np.float32])
STEPS = 6
MOMENTS = ["exp_avg", "exp_avg_sq"]


def same(got, expected):
    assert got.dtype == expected.dtype
    tolerance = 1e-9 if got.dtype == np.float64 else 1e-4
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


def compare_steps(make, step, shape, seed, dtype, remembered=()):
    """Walk beside a torch optimiser, with one gradient after the other. step(w, dw, state, t) -> (w, *state).

    remembered: torch's names of the parts of the state, which are compared, too.
    """
    rng = np.random.default_rng(seed)
    w = rng.standard_normal(shape).astype(dtype)
    parameter = torch.nn.Parameter(torch.from_numpy(w.copy()))
    optimiser, state = make([parameter]), (np.zeros_like(w), np.zeros_like(w))
    for t in range(1, STEPS + 1):
        dw = rng.standard_normal(shape).astype(dtype)
        parameter.grad = torch.from_numpy(dw.copy())
        optimiser.step()
        w, *state = step(w, dw, state, t)
        same(w, parameter.detach().numpy())
        for got, name in zip(state, remembered, strict=bool(remembered)):
            same(got, optimiser.state[parameter][name].numpy())


@quick
@given(shape=shapes, seed=seeds, dtype=dtypes, lr=rates, decay=decays)
def test_sgd(shape, seed, dtype, lr, decay):
    make = partial(torch.optim.SGD, lr=lr, weight_decay=decay)
    compare_steps(make, lambda w, dw, state, t: (unit.sgd_step(w, dw, lr, decay),), shape, seed, dtype)


@quick
@given(shape=shapes, seed=seeds, dtype=dtypes, lr=rates, momentum=shares)
def test_momentum(shape, seed, dtype, lr, momentum):
    make = partial(torch.optim.SGD, lr=lr, momentum=momentum)
    compare_steps(make, lambda w, dw, state, t: unit.momentum_step(w, dw, state[0], lr, momentum), shape, seed, dtype, ["momentum_buffer"] if momentum else ())


@quick
@given(shape=shapes, seed=seeds, dtype=dtypes, lr=rates, decay=shares, eps=st.sampled_from([1e-8, 0.1]))
def test_rmsprop(shape, seed, dtype, lr, decay, eps):
    make = partial(torch.optim.RMSprop, lr=lr, alpha=decay, eps=eps)
    compare_steps(make, lambda w, dw, state, t: unit.rmsprop_step(w, dw, state[0], lr, decay, eps), shape, seed, dtype, ["square_avg"])


@quick
@given(shape=shapes, seed=seeds, dtype=dtypes, lr=rates, beta1=shares, beta2=st.floats(0.5, 0.999), eps=st.sampled_from([1e-8, 0.1]))
def test_adam(shape, seed, dtype, lr, beta1, beta2, eps):
    make = partial(torch.optim.Adam, lr=lr, betas=(beta1, beta2), eps=eps)
    compare_steps(make, lambda w, dw, state, t: unit.adam_step(w, dw, *state, t, lr, beta1, beta2, eps), shape, seed, dtype, MOMENTS)


@quick
@given(shape=shapes, seed=seeds, dtype=dtypes, lr=rates, beta1=shares, beta2=st.floats(0.5, 0.999), eps=st.sampled_from([1e-8, 0.1]), decay=decays)
def test_adamw(shape, seed, dtype, lr, beta1, beta2, eps, decay):
    make = partial(torch.optim.AdamW, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=decay)
    compare_steps(make, lambda w, dw, state, t: unit.adamw_step(w, dw, *state, t, lr, beta1, beta2, eps, decay), shape, seed, dtype, MOMENTS)


def test_defaults_of_the_optimisers_are_pytorchs():
    compare_steps(torch.optim.Adam, lambda w, dw, state, t: unit.adam_step(w, dw, *state, t), (3, 2), 0, np.float64)
    compare_steps(torch.optim.AdamW, lambda w, dw, state, t: unit.adamw_step(w, dw, *state, t), (3, 2), 1, np.float64)
    compare_steps(partial(torch.optim.RMSprop, lr=0.1), lambda w, dw, state, t: unit.rmsprop_step(w, dw, state[0], 0.1), (3, 2), 2, np.float64)


@quick
@given(shape=st.lists(sizes, min_size=2, max_size=5).map(tuple))
def test_fans(shape):
    assert unit.fans(shape) == torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))


@pytest.mark.parametrize("shape", [(200, 400), (400, 200), (64, 32, 5, 3)])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(unit.he_normal, lambda w: torch.nn.init.kaiming_normal_(w, nonlinearity="relu")), (unit.xavier_uniform, torch.nn.init.xavier_uniform_)],
)
def test_first_weights_are_spread_as_pytorchs(ours, theirs, shape):
    w = ours(shape, np.random.default_rng(0)).ravel()
    torch.manual_seed(0)
    expected = theirs(torch.empty(shape)).numpy().ravel()
    levels = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99]
    np.testing.assert_allclose(np.quantile(w, levels), np.quantile(expected, levels), atol=0.05 * expected.std())


@quick
@given(total=st.integers(3, 40), warmup=st.integers(0, 8), lr=rates)
def test_cosine_schedule(total, warmup, lr):
    total, warmup = total + warmup, warmup if warmup != 1 else 2
    total = max(total, warmup + 1)
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, total - warmup)
    expected = [lr]
    if warmup:
        optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
        rise = torch.optim.lr_scheduler.LinearLR(optimiser, 1 / warmup, 1, warmup - 1)
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, total - warmup)
        cosine = torch.optim.lr_scheduler.SequentialLR(optimiser, [rise, cosine], [warmup])
        expected = [optimiser.param_groups[0]["lr"]]
    for _ in range(total - 1):
        optimiser.step()
        cosine.step()
        expected.append(optimiser.param_groups[0]["lr"])
    got = [unit.cosine_schedule(t, total, lr, warmup) for t in range(total)]
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-9 * lr)
    assert unit.cosine_schedule(total, total, lr, warmup) == 0


@quick
@given(losses=st.lists(st.integers(0, 12), min_size=1, max_size=25), factor=st.sampled_from([0.1, 0.5]), patience=st.integers(0, 4))
def test_plateau_schedule(losses, factor, patience):
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=factor, patience=patience, threshold=0, eps=0)
    expected = []
    for loss in losses:
        schedule.step(loss)
        expected.append(optimiser.param_groups[0]["lr"])
    np.testing.assert_allclose(unit.plateau_schedule(np.array(losses), 1.0, factor, patience), expected)


@quick
@given(losses=st.lists(st.integers(0, 9), min_size=1, max_size=20), patience=st.integers(1, 5))
def test_early_stopping_sees_no_further_than_its_stop(losses, patience):
    best, stopped = unit.early_stopping(np.array(losses), patience)
    seen = losses[: stopped + 1]
    assert best == seen.index(min(seen))
    assert stopped == len(losses) - 1 or stopped - best == patience
    assert stopped - best <= patience


@quick
@given(shape=shapes, p=st.floats(0, 0.95), dtype=dtypes, seed=seeds)
def test_dropout_has_pytorchs_values_and_gradient(shape, p, dtype, seed):
    """PyTorch's own draws are not known, but what it kept is: with draws that keep the same numbers, all must agree."""
    rng = np.random.default_rng(seed)
    x, dout = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    tensor = torch.from_numpy(x).requires_grad_()
    theirs = F.dropout(tensor, p)
    kept = theirs.detach().numpy() != 0
    out, mask = unit.dropout_forward(x, p, np.where(kept, p + (1 - p) * rng.random(shape), p * rng.random(shape)))
    same(out, theirs.detach().numpy())
    (dx,) = torch.autograd.grad(theirs, tensor, torch.from_numpy(dout))
    same(unit.dropout_backward(dout, mask), dx.numpy())
    x, dout, (out, mask) = x.astype(float), dout.astype(float), unit.dropout_forward(x.astype(float), p, rng.random(shape))
    assert set(np.unique(mask).tolist()) <= {0.0, 1 / (1 - p)}
    numerical = layers.numerical_gradient(lambda moved: np.sum(dout * moved * mask), x)
    np.testing.assert_allclose(unit.dropout_backward(dout, mask), numerical, rtol=1e-5, atol=1e-7)
    assert np.array_equal(unit.dropout_forward(x, p, rng.random(shape), training=False)[0], F.dropout(torch.from_numpy(x), p, training=False).numpy())
    np.testing.assert_array_equal(out, x * mask)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_keeps_the_mean_and_drops_the_share_p(p):
    rng = np.random.default_rng(0)
    out, mask = unit.dropout_forward(np.ones((400, 500)), p, rng.random((400, 500)))
    assert out.mean() == pytest.approx(1, abs=0.02)
    assert (mask == 0).mean() == pytest.approx(p, abs=0.01)


@quick
@given(n=sizes, c=st.integers(2, 6), scale=st.sampled_from([1, 100, 10_000]), smoothing=st.floats(0, 1), dtype=dtypes, seed=seeds)
def test_smoothed_cross_entropy(n, c, scale, smoothing, dtype, seed):
    rng = np.random.default_rng(seed)
    logits = torch.from_numpy((scale * rng.standard_normal((n, c))).astype(dtype)).requires_grad_()
    labels = torch.from_numpy(rng.integers(0, c, n))
    expected = F.cross_entropy(logits, labels, label_smoothing=smoothing)
    loss, dlogits = unit.smoothed_cross_entropy(logits.detach().numpy(), labels.numpy(), smoothing)
    same(np.asarray(loss), expected.detach().numpy())
    same(dlogits, torch.autograd.grad(expected, logits)[0].numpy())


@quick
@given(n=sizes, c=st.integers(2, 5), smoothing=st.floats(0, 0.9), seed=seeds)
def test_gradient_of_smoothed_cross_entropy_is_the_numerical_one(n, c, smoothing, seed):
    rng = np.random.default_rng(seed)
    logits, labels = rng.standard_normal((n, c)), rng.integers(0, c, n)
    numerical = layers.numerical_gradient(lambda z: unit.smoothed_cross_entropy(z, labels, smoothing)[0], logits)
    np.testing.assert_allclose(unit.smoothed_cross_entropy(logits, labels, smoothing)[1], numerical, atol=1e-8)


@pytest.mark.parametrize("classes", [2, 10, 1000])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_a_net_that_knows_nothing_has_loss_ln_c(classes, smoothing):
    assert unit.smoothed_cross_entropy(np.zeros((4, classes)), np.arange(4) % classes, smoothing)[0] == pytest.approx(math.log(classes))


@quick
@given(labels=st.lists(st.integers(0, 5), min_size=1, max_size=6), smoothing=st.floats(0, 1))
def test_smoothed_labels_are_distributions(labels, smoothing):
    targets = unit.smooth_labels(np.array(labels), 6, smoothing)
    np.testing.assert_allclose(targets.sum(axis=1), 1)
    assert targets.min() >= 0
    logits = torch.zeros(len(labels), 6, dtype=torch.float64, requires_grad=True)
    F.cross_entropy(logits, torch.tensor(labels), label_smoothing=smoothing, reduction="sum").backward()
    same(targets, 1 / 6 - logits.grad.numpy())


@quick
@given(n=sizes, c=sizes, h=sizes, w=sizes, padding=st.integers(0, 3), seed=seeds)
def test_a_window_is_cut_out_by_negative_padding(n, c, h, w, padding, seed):
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((n, c, h, w))
    tops, lefts = rng.integers(0, 2 * padding + 1, (2, n))
    got = unit.pad_and_crop(images, padding, tops, lefts)
    for image, top, left, window in zip(images, tops.tolist(), lefts.tolist(), got, strict=True):
        padded = F.pad(torch.from_numpy(image), (padding,) * 4)
        cut = F.pad(padded, (-left, left - 2 * padding, -top, top - 2 * padding))
        np.testing.assert_array_equal(window, cut.numpy())


@quick
@given(n=sizes, c=sizes, h=sizes, w=sizes, p=st.floats(0, 1), seed=seeds)
def test_flips_keep_every_label_on_its_pixel(n, c, h, w, p, seed):
    rng = np.random.default_rng(seed)
    images, draws = rng.standard_normal((n, c, h, w)), rng.random(n)
    label_images = (images[:, 0] * 1000).astype(int)
    flipped, labels = unit.flip_with_labels(images, label_images, draws, p)
    np.testing.assert_array_equal(labels, (flipped[:, 0] * 1000).astype(int))
    expected = [torch.flip(torch.from_numpy(x), (-1,)).numpy() if draw < p else x for x, draw in zip(images, draws, strict=True)]
    np.testing.assert_array_equal(flipped, np.stack(expected))


@quick
@given(shape=st.tuples(st.integers(2, 4), sizes, sizes, sizes), dtype=dtypes, seed=seeds)
def test_standardising_is_torchvisions_normalize(shape, dtype, seed):
    images = np.random.default_rng(seed).uniform(0, 255, shape).astype(dtype)
    tensor = torch.from_numpy(images)
    std, mean = (t.numpy() for t in torch.std_mean(tensor, dim=(0, 2, 3), correction=0))
    for got, expected in zip(unit.channel_statistics(images), (mean, std), strict=True):
        same(got, expected)
    expected = torchvision.transforms.functional.normalize(tensor, torch.from_numpy(mean), torch.from_numpy(std))
    same(unit.standardise(images, mean, std), expected.numpy())


@quick
@given(shape=st.tuples(st.integers(2, 4), sizes, sizes, sizes), seed=seeds)
def test_standardising_is_batch_norm_without_eps(shape, seed):
    images = np.random.default_rng(seed).uniform(0, 255, shape)
    mean, std = unit.channel_statistics(images)
    expected = F.batch_norm(torch.from_numpy(images), None, None, training=True, eps=1e-12).numpy()
    np.testing.assert_allclose(unit.standardise(images, mean, std), expected, atol=1e-6)


def test_logarithms_are_spread_evenly():
    low, high = 1e-5, 10
    numbers = unit.log_uniform(low, high, np.random.default_rng(0).random(20_000))
    counts, _ = np.histogram(np.log10(numbers), bins=6, range=(-5, 1))
    np.testing.assert_allclose(counts / 20_000, 1 / 6, atol=0.01)


@quick
@given(scores=st.lists(st.integers(0, 5), min_size=1, max_size=9), data=st.data())
def test_the_narrow_range_holds_the_best(scores, data):
    keep = data.draw(st.integers(1, len(scores)))
    values = np.random.default_rng(len(scores)).permutation(len(scores)) / 4
    low, high = unit.narrow_range(values, np.array(scores), keep)
    assert low <= values[int(np.argmax(scores))] <= high
    best = [values[i] for i in sorted(range(len(scores)), key=lambda i: (-scores[i], i))[:keep]]
    assert (low, high) == (min(best), max(best))


def test_worked_examples_of_the_text():
    mean, std = unit.channel_statistics(np.array([0, 2, 4, 6]).reshape(2, 1, 1, 2))
    assert (mean.item(), round(std.item(), 3)) == (3, 2.236)
    assert unit.standardise(np.array([3, 7]).reshape(1, 1, 1, 2), np.array([3]), np.array([2])).ravel().tolist() == [0, 2]
    assert np.array([20], np.uint8) ** 2 == 144
    assert unit.fans((16, 4, 5, 3)) == (60, 240)
    assert math.sqrt(2 / unit.fans((100, 50))[0]) == pytest.approx(0.2)
    assert math.sqrt(6 / sum(unit.fans((100, 50)))) == pytest.approx(0.2)
    assert round(0.2**2 / 3, 5) == 0.01333
    one, two, four = np.array([1.0]), np.array([2.0]), np.array([4.0])
    assert unit.sgd_step(two, np.array([3.0]), 0.1).item() == pytest.approx(1.7)
    assert unit.sgd_step(two, np.array([3.0]), 0.1, 0.5).item() == pytest.approx(1.6)
    w, velocity = unit.momentum_step(one, two, np.array([10.0]), 0.1)
    assert (w.item(), velocity.item()) == pytest.approx((-0.1, 11))
    w, square = unit.rmsprop_step(one, np.array([3.0]), one, 0.1, 0.5, 0)
    assert square.item() == 5 and round(w.item(), 4) == 0.8658
    w, first, second = unit.adam_step(two, four, 0 * one, 0 * one, 1, 0.1)
    assert (w.item(), first.item(), second.item()) == pytest.approx((1.9, 0.4, 0.016))
    assert round(0.4 / math.sqrt(0.016), 2) == 3.16
    assert unit.adamw_step(two, four, 0 * one, 0 * one, 1, 0.1, weight_decay=0.5)[0].item() == pytest.approx(1.8)
    assert [round(unit.cosine_schedule(t, 10, 1, 2), 3) for t in (0, 1, 2, 3, 4, 6)] == [0.5, 1, 1, 0.962, 0.854, 0.5]
    rates = unit.plateau_schedule(np.array([5, 4, 4.5, 4.2, 4.1, 4.3, 3]), 1, 0.1, 1)
    np.testing.assert_allclose(rates, [1, 1, 1, 0.1, 0.1, 0.01, 0.01])
    losses = np.array([5, 3, 4, 3.5, 3.2, 2])
    assert unit.early_stopping(losses, 3) == (1, 4) and unit.early_stopping(losses, 4) == (5, 5)
    out, mask = unit.dropout_forward(np.array([3.0, 4, 5]), 0.5, np.array([0.2, 0.9, 0.5]))
    assert (out.tolist(), mask.tolist()) == ([0, 8, 10], [0, 2, 2])
    assert unit.dropout_backward(np.array([1.0, 1, -3]), mask).tolist() == [0, 2, -6]
    image, marks = np.array([1, 2, 3]).reshape(1, 1, 1, 3), np.array([0, 0, 1]).reshape(1, 1, 3)
    assert [a.ravel().tolist() for a in unit.flip_with_labels(image, marks, np.array([0.3]))] == [[3, 2, 1], [1, 0, 0]]
    assert [a.ravel().tolist() for a in unit.flip_with_labels(image, marks, np.array([0.7]))] == [[1, 2, 3], [0, 0, 1]]
    square = np.array([[1, 2], [3, 4]])[None, None]
    assert unit.pad_and_crop(square, 1, np.array([0]), np.array([1]))[0, 0].tolist() == [[0, 0], [1, 2]]
    np.testing.assert_allclose(unit.smooth_labels(np.array([2]), 4, 0.2), [[0.05, 0.05, 0.85, 0.05]])
    loss, dlogits = unit.smoothed_cross_entropy(np.array([[math.log(3), 0]]), np.array([0]), 0.2)
    assert round(loss, 4) == 0.3975
    np.testing.assert_allclose(dlogits, [[-0.15, 0.15]])
    np.testing.assert_allclose(unit.log_uniform(0.0001, 1, np.array([0, 0.25, 0.5])), [0.0001, 0.001, 0.01])
    above = (0.1 - 0.01) / (0.1 - 0.0001)
    assert round(above, 2) == 0.9
    assert unit.narrow_range(np.array([0.3, 0.001, 0.02, 0.005]), np.array([0.1, 0.6, 0.8, 0.7]), 2) == (0.005, 0.02)


def test_constant_momentum_reaches_ten_times_the_gradient():
    velocity = np.zeros(1)
    for _ in range(300):
        _, velocity = unit.momentum_step(np.zeros(1), np.ones(1), velocity, 0.1)
    assert velocity.item() == pytest.approx(10)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: unit.fans((7,)), "at least two axes"),
        (lambda: unit.dropout_forward(np.ones(2), 1.0, np.zeros(2)), "p is 1.0"),
        (lambda: unit.pad_and_crop(np.ones((1, 1, 2, 2)), 1, np.array([3]), np.array([0])), "corners"),
        (lambda: unit.log_uniform(0, 1, np.zeros(2)), "logarithmic"),
        (lambda: unit.narrow_range(np.ones(2), np.ones(2), 3), "keep is 3"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_eight_images_are_learned_by_heart():
    """Layers of assignment 02 and everything from 04: the loss of eight random images goes to 0, their accuracy to 1."""
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((8, 1, 6, 6)), np.arange(8) % 4
    net = [unit.he_normal((3, 1, 3, 3), rng), np.zeros(3), unit.xavier_uniform((4, 48), rng), np.zeros(4)]
    moments = [(np.zeros_like(w), np.zeros_like(w)) for w in net]
    for t in range(1, 151):
        convolved = layers.conv2d_forward(x, net[0], net[1])
        active = layers.relu_forward(convolved)
        loss, dlogits = unit.smoothed_cross_entropy(layers.linear_forward(active, net[2], net[3]), labels, 0.0)
        dactive, *linear = layers.linear_backward(dlogits, active, net[2])
        _, *conv = layers.conv2d_backward(layers.relu_backward(dactive, convolved), x, net[0])
        for i, dw in enumerate([*conv, *linear]):
            net[i], *moments[i] = unit.adam_step(net[i], dw, *moments[i], t, 0.02)
    logits = layers.linear_forward(layers.relu_forward(layers.conv2d_forward(x, net[0], net[1])), net[2], net[3])
    assert loss < 0.01
    assert (logits.argmax(axis=1) == labels).all()


def test_every_optimiser_and_every_pair_has_eight_mistakes():
    mistakes = {e.name: len(e.mistakes) for e in exercises("04_training")}
    pairs = ["dropout_forward", "dropout_backward", "smoothed_cross_entropy"]
    assert all(mistakes[name] >= 8 for name in [*pairs, *(name for name in mistakes if name.endswith("_step"))])


def test_the_files_of_checks_are_small():
    assert find_unit("04_training").student_notebook.with_name("checks.npz").stat().st_size < 300_000
