"""The LeNet under one's own pen: its stages are PyTorch's, it names what a student's forward pass does, and it refuses what it cannot draw."""

import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from convnets.arithmetic import layer_table
from convnets.data import drawn_digits
from convnets.widgets import lenet_drawing

SAMPLE = drawn_digits(1, seed=5)[0][0]


def lenet(seed=0, activation=nn.ReLU, pool=nn.MaxPool2d):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 6, 5), activation(), pool(2), nn.Conv2d(6, 16, 5), activation(), pool(2)),
        nn.Flatten(), nn.Linear(400, 120), activation(), nn.Dropout(0.5), nn.Linear(120, 84), activation(), nn.Linear(84, 10),
    )  # fmt: skip


@pytest.mark.parametrize(("activation", "pool"), [(nn.ReLU, nn.MaxPool2d), (nn.Tanh, nn.AvgPool2d)])
def test_stages_and_logits_are_pytorchs(activation, pool):
    net = lenet(activation=activation, pool=pool)
    widget = lenet_drawing(net, samples={"a digit": SAMPLE}, mean=0.1, std=0.3)
    board = np.zeros((32, 32), np.float32)
    board[2:30, 2:30] = SAMPLE / 255
    x = torch.from_numpy((board - np.float32(0.1)) / np.float32(0.3))[None, None]
    np.testing.assert_allclose(widget.inputs(), x.numpy(), rtol=1e-6)
    with torch.no_grad():
        logits = net.eval()(x)[0].numpy()
        first = net[0][:2](x)[0].numpy()
    found = widget.activations()
    assert {name: values.shape for name, values in found.items()} == {
        "C1": (6, 28, 28), "S2": (6, 14, 14), "C3": (16, 10, 10), "S4": (16, 5, 5), "F5": (120, 1, 1), "F6": (84, 1, 1), "logits": (10, 1, 1),
    }  # fmt: skip
    np.testing.assert_allclose(found["logits"].ravel(), logits, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["C1"], first, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(widget.probabilities(), torch.softmax(torch.from_numpy(logits), 0).numpy(), rtol=1e-4)


def test_it_keeps_the_net_as_it_was():
    net = lenet()
    widget = lenet_drawing(net, samples={"a digit": SAMPLE})
    before = widget.probabilities()
    assert net.training
    with torch.no_grad():
        for p in net.parameters():
            p.zero_()
    np.testing.assert_array_equal(widget.probabilities(), before)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(size=st.integers(20, 40), kernel=st.integers(1, 5), stride=st.integers(1, 2), padding=st.integers(0, 2), pool=st.integers(1, 3))
def test_fields_are_those_of_the_arithmetic(size, kernel, stride, padding, pool):
    net = nn.Sequential(nn.Conv2d(1, 2, kernel, stride, padding), nn.ReLU(), nn.MaxPool2d(pool), nn.Conv2d(2, 3, 3), nn.Flatten(), nn.LazyLinear(4))
    net(torch.zeros(1, 1, size, size))
    widget = lenet_drawing(net, size=size)
    rows = [row.receptive_field for row in layer_table(net, (1, size, size)) if row.kind in ("Conv2d", "MaxPool2d")]
    for stage, row in zip(widget.stages, rows, strict=False):
        assert (*stage["field"], *stage["step"]) == (*row.size, *row.jump)


def test_the_marked_pixels_are_the_ones_with_a_gradient():
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(2, 2, 3), nn.Flatten(), nn.Linear(2 * 8 * 8, 3))
    stage = lenet_drawing(net, size=20).stages[2]
    x = torch.randn(1, 1, 20, 20, requires_grad=True)
    net[:4](x)[0, 0, 3, 5].backward()
    down, across = (np.flatnonzero((x.grad[0, 0] != 0).any(axis).numpy()) for axis in (1, 0))
    first = [stage["start"][axis] + place * stage["step"][axis] for axis, place in enumerate((3, 5))]
    assert [down[0], down[-1] + 1] == [first[0], first[0] + stage["field"][0]]
    assert [across[0], across[-1] + 1] == [first[1], first[1] + stage["field"][1]]


def right(net):
    return lambda x: net.eval()(torch.from_numpy(x)).detach().numpy()


def stub(x):
    raise NotImplementedError("Exercise forward: write this function.")


@pytest.mark.parametrize(
    ("change", "mark", "words"),
    [
        (lambda f: f, "✓", "same 10 logits"),
        (lambda f: lambda x: f(x) + np.eye(10)[[3]], "✗", "largest difference is at class 3"),
        (lambda f: lambda x: f(x)[0], "✗", r"shape \(10,\), they should have \(1, 10\)"),
        (lambda f: lambda x: None, "✗", "returned None"),
        (lambda f: lambda x: f(x) / 0, "✗", "NaN or infinity"),
        (lambda f: lambda x: "three", "✗", "returned a str"),
        (lambda f: lambda x: x.nonsense, "✗", "AttributeError"),
        (lambda f: stub, "!", "not written yet"),
    ],
)
def test_a_students_forward_pass_is_judged(change, mark, words):
    net = lenet()
    report = lenet_drawing(net, samples={"a digit": SAMPLE}, function=change(right(net))).student
    assert report["mark"] == mark and re.search(words, report["words"]), report["words"]


def test_it_is_asked_again_for_a_new_drawing():
    net, asked = lenet(), []

    def mine(x):
        asked.append(x.sum())
        x[:] = 0
        return right(net)(x)

    widget = lenet_drawing(net, function=mine)
    assert widget.student["mark"] == "✓"
    widget.drawing = [255] * 32**2
    assert len(asked) == 2 and asked[1] == 32**2 and widget.student["mark"] == "✗"
    assert widget.student["drawing"] == widget.drawing


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: lenet_drawing(nn.Sequential(nn.Conv2d(1, 2, 5), nn.Sigmoid())), "cannot draw Sigmoid"),
        (lambda: lenet_drawing(nn.Sequential(nn.Conv2d(1, 2, 5, dilation=2))), "cannot draw Conv2d"),
        (lambda: lenet_drawing(nn.Sequential(nn.MaxPool2d(3, 2, padding=1))), "cannot draw MaxPool2d"),
        (lambda: lenet_drawing(nn.Sequential(nn.Flatten(), nn.Linear(32 * 32, 10), nn.ReLU())), "must end in a Linear"),
        (lambda: lenet_drawing(lenet(), size=28), "does not fit an image of 28×28"),
        (lambda: lenet_drawing(nn.Sequential(nn.Conv2d(3, 2, 5), nn.Flatten(), nn.Linear(2, 2))), "does not fit"),
        (lambda: lenet_drawing(lenet(), size=200), "size must be a whole number"),
        (lambda: lenet_drawing(lenet(), ["a", "b"]), "10 outputs, but there are 2 classes"),
        (lambda: lenet_drawing(nn.Sequential(nn.Flatten(), nn.Linear(1024, 300), nn.Linear(300, 10))), "at most 200,000"),
        (lambda: lenet_drawing(lenet(), samples={"big": np.zeros((40, 40), np.uint8)}), "sample 'big' must be a uint8 array"),
        (lambda: lenet_drawing(lenet(), samples={"soft": np.zeros((28, 28))}), "not float64"),
        (lambda: lenet_drawing(lenet(), std=0), "std must be positive"),
        (lambda: lenet_drawing(lenet(), function=3), "callable"),
        (lambda: lenet_drawing("lenet"), "not str"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_the_picture_tells_what_it_shows():
    widget = lenet_drawing(lenet(), samples={"a digit": SAMPLE})
    html = widget.still_html()
    best = widget.classes[widget.probabilities().argmax()]
    assert re.search(rf'<img [^>]*alt="LeNet and a drawing of 32×32 pixels\. Layers: C1 6×28×28, S2 6×14×14, [^"]*It says {best} \(', html)
    assert "http://" not in html.replace("http://www.w3.org/", "") and "https://" not in html
    assert widget._repr_mimebundle_()[0]["text/plain"] == widget.summary()


def test_importing_the_widgets_does_not_import_pytorch():
    code = "import sys; sys.modules['torch'] = None; import convnets.widgets"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
