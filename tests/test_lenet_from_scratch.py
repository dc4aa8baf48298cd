"""Assignment 05's reference network: first loss, eight images by heart, agreement with PyTorch, accuracy, and the numbers that its text states."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file
from test_notebooks import UNITS, outputs, solved
from torch import nn
from torch.nn.functional import cross_entropy

from autograder.units import exercises, find_unit, import_unit
from convnets.data import load_fashion_mnist

NAME = "05_lenet_from_scratch"
unit = import_unit(NAME)
TEXT = " ".join(re.sub(r"^# ?", "", line) for line in find_unit(NAME).source.read_text(encoding="utf-8").splitlines() if line.startswith("#"))


def twin_of(network):
    """The same net in PyTorch, with the same weights."""
    layers = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    layers += [nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    model = nn.Sequential(*layers)
    model.load_state_dict({name: torch.from_numpy(values.copy()) for name, values in network.parameters().items()})
    return model


@pytest.fixture(scope="module")
def data():
    found = load_fashion_mnist()
    return unit.prepare(found.train_images[:1280]), found.train_labels[:1280], unit.prepare(found.test_images), found.test_labels


@pytest.fixture(scope="module")
def trained():
    exercises(NAME)
    return unit.trained


@pytest.mark.parametrize("seed", range(5))
def test_the_first_loss_is_ln_10(seed, data):
    loss, _ = unit.softmax_cross_entropy(unit.lenet(np.random.default_rng(seed)).forward(data[0][:256]), data[1][:256])
    assert abs(loss - np.log(10)) < 0.02


@pytest.mark.parametrize("seed", range(5))
def test_eight_images_are_learned_by_heart(seed, data):
    network, velocity = unit.lenet(np.random.default_rng(seed)), {}
    x, labels = data[0][8 * seed : 8 * seed + 8], data[1][8 * seed : 8 * seed + 8]
    losses = [unit.train_step(network, x, labels, velocity, 0.02) for _ in range(80)]
    assert (network.forward(x).argmax(axis=1) == labels).all()
    assert losses[-1] < 0.05


def test_the_trained_weights_give_pytorchs_logits(trained, data):
    ours = trained.forward(data[2][:500])
    with torch.no_grad():
        theirs = twin_of(trained)(torch.from_numpy(data[2][:500])).numpy()
    assert ours.dtype == np.float32
    assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max()


def test_training_agrees_with_torch_optim(data):
    network, velocity = unit.lenet(np.random.default_rng(1)), {}
    model = twin_of(network)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    for start in range(0, 640, 64):
        x, labels = data[0][start : start + 64], data[1][start : start + 64]
        ours = unit.train_step(network, x, labels, velocity, 0.02)
        loss = cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert abs(ours - loss.item()) < 1e-4
    state = model.state_dict()
    for name, values in network.parameters().items():
        assert np.allclose(values, state[name].numpy(), rtol=1e-3, atol=1e-4), name


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 5), st.integers(0, 2), st.integers(0, 4), st.integers(0, 4), st.integers(0, 10**6))
def test_convolution_agrees_with_torch(n, channels, filters, k, padding, more_rows, more_columns, seed):
    rng = np.random.default_rng(seed)
    layer = unit.Conv2d(rng.standard_normal((filters, channels, k, k)), padding)
    layer.parameters["bias"][...] = rng.standard_normal(filters)
    x = rng.standard_normal((n, channels, k + more_rows, k + more_columns))
    theirs = [torch.from_numpy(a.copy()).requires_grad_() for a in (x, layer.parameters["weight"], layer.parameters["bias"])]
    expected = nn.functional.conv2d(*theirs, padding=padding)
    out = layer.forward(x)
    dout = rng.standard_normal(out.shape)
    expected.backward(torch.from_numpy(dout))
    assert np.allclose(out, expected.detach().numpy())
    for ours, tensor in zip((layer.backward(dout), layer.gradients["weight"], layer.gradients["bias"]), theirs, strict=True):
        assert np.allclose(ours, tensor.grad.numpy())


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(0, 5), st.integers(0, 5), st.integers(0, 10**6))
def test_max_pooling_agrees_with_torch_also_for_equals(n, channels, size, more_rows, more_columns, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(-1, 2, (n, channels, size + more_rows, size + more_columns)).astype(float)
    tensor = torch.from_numpy(x.copy()).requires_grad_()
    layer = unit.MaxPool2d(size)
    out = layer.forward(x)
    expected = nn.functional.max_pool2d(tensor, size)
    dout = rng.standard_normal(out.shape)
    expected.backward(torch.from_numpy(dout))
    assert np.array_equal(out, expected.detach().numpy())
    assert np.array_equal(layer.backward(dout), tensor.grad.numpy())


def test_weights_survive_the_file_and_the_file_holds_no_more(trained, tmp_path):
    path = tmp_path / "lenet.safetensors"
    unit.save(trained, path)
    again = unit.lenet(np.random.default_rng(9))
    unit.load(again, path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert set(load_file(path)) == set(trained.parameters())
    for name, values in again.parameters().items():
        assert np.array_equal(values, trained.parameters()[name])


def test_the_notebook_reaches_85_percent_in_90_seconds():
    notebook, _ = solved(next(one for one in UNITS if one.name == NAME))
    printed = "".join(output.text for output in outputs(notebook, "stream"))
    accuracy, seconds = re.search(r"([\d.]+)% of the test images are right, trained in (\d+) s", printed).groups()
    assert float(accuracy) >= 85
    assert int(seconds) <= 90
    assert float(re.search(r"relative ([\d.e-]+)\n", printed)[1]) <= 1e-5
    assert re.search(r"Loss 2\.\d+ → \d\.\de-0\d\. From step \d+ on all eight are right\.", printed)


def test_numbers_in_the_text():
    sizes = {name: values.size for name, values in unit.lenet(np.random.default_rng(0)).parameters().items()}
    assert sum(sizes.values()) == 61_706 and "61,706 parameters" in TEXT
    assert sizes["11.weight"] + sizes["11.bias"] == 850 and r"84\cdot10 + 10 = 850" in TEXT
    assert 64 * 6 * 28 * 28 == 301_056 and "301,056" in TEXT
    assert -(-10_000 // 64) == 157 and 10_000 - 156 * 64 == 16 and "157 steps" in TEXT
    assert pytest.approx(75, abs=1) == 12 * 157 * 0.04 and "twelve epochs take 75 seconds" in TEXT
    assert pytest.approx(157, abs=0.5) == 25 * 28 * 28 * 2000 * 4 / 1e6 and "157 MB" in TEXT
    pixels = load_fashion_mnist().train_images / 255
    assert (round(pixels.mean(), 3), round(pixels.std(), 3)) == (unit.MEAN, unit.STD)


def test_every_file_of_the_unit_is_where_the_grader_looks():
    assert (Path(find_unit(NAME).source).with_name("reference.safetensors")).stat().st_size < 300_000
