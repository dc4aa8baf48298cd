"""Chapter 04 states these numbers and rules in its text. Here they are measured with PyTorch, and looked for in the text."""

import ast
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from convnets.widgets import computational_graph

SOURCE = (Path(__file__).resolve().parents[1] / "source/course/04_backpropagation.py").read_text(encoding="utf-8")
TEXT = " ".join(re.sub(r'"\n\s*"', "", SOURCE).replace("\n# ", " ").split())
DOUBLE = torch.float64


def defined(*names):
    """Functions and classes of the chapter, by name, in one scope, without running its cells."""
    scope = {"np": np, "torch": torch, "F": F}
    for node in ast.parse(SOURCE).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            exec(compile(ast.Module([node], []), "chapter 04", "exec"), scope)
    return [scope[name] for name in names]


def slopes(f, *numbers):
    """Gradients of a function of numbers, by PyTorch."""
    leaves = [torch.tensor(float(number), dtype=DOUBLE, requires_grad=True) for number in numbers]
    f(*leaves).backward()
    return [leaf.grad.item() for leaf in leaves]


def order(cups, price, delivery, tax):
    return (cups * price + delivery) * tax


ORDER = dict(zip(("cups", "price", "delivery", "tax"), slopes(order, 4, 3, 2, 1.25), strict=True))
SCORES = torch.randn(6, 10, dtype=DOUBLE, generator=torch.Generator().manual_seed(0), requires_grad=True)

STATED = {
    "(4 \\cdot 3 + 2) \\cdot 1.25 = {}0": lambda: order(4, 3, 2, 1.25),
    "The gradient of the total with respect to the price is {}.": lambda: ORDER["price"],
    "sent on to the left. | 1.25 · 1 = {} |": lambda: ORDER["delivery"],
    "One cup more costs {} €.": lambda: ORDER["cups"],
    "and directly once: 4 + 1 = {}.": lambda: slopes(lambda x, y: x * y + x, 3, 4)[0],
    "0.731 · 0.269 = {}.": lambda: round(slopes(lambda s: torch.sigmoid(s), 2 * -1 + -3 * -2 - 3)[0], 3),
    'explain="ln 10 = {}.': lambda: round(F.cross_entropy(torch.zeros(3, 10), torch.tensor([0, 4, 9])).item(), 3),
    "far above ln 100 = {},": lambda: round(F.cross_entropy(torch.zeros(1, 100), torch.tensor([7])).item(), 1),
    "so the gradient is −2b = −{}.": lambda: -slopes(lambda a, b: (a + b) * (a - b), 5, 2)[1],
    "for the sum {} |": lambda: ORDER["tax"],
}


@pytest.mark.parametrize("words", STATED)
def test_the_text_states_what_is_measured(words):
    assert words.format(f"{STATED[words]():g}") in TEXT


def test_the_answers_to_predict_are_measured():
    answers = [eval(found, {"np": np}) for found in re.findall(r"\n    answer=([^\"\n]+),\n", SOURCE)]
    neuron = slopes(lambda *v: torch.sigmoid(v[0] * v[1] + v[2] * v[3] + v[4]), 2, -1, -3, -2, -3)[4]
    pooled = torch.arange(16.0).reshape(1, 1, 4, 4).requires_grad_()
    F.max_pool2d(pooled, 2).sum().backward()
    measured = [ORDER["price"], 5, neuron, F.cross_entropy(torch.zeros(1, 10), torch.tensor([3])).item(), int((pooled.grad != 0).sum()), -4]
    assert answers == pytest.approx(measured, rel=1e-6)


def test_the_graphs_of_the_text_show_what_it_says():
    assert computational_graph("(cups * price + delivery) * tax", cups=4, price=3, delivery=2, tax=1.25).gradients() == ORDER
    three = computational_graph("e0 = exp(s0); total = e0 + exp(s1) + exp(s2); -log(e0 / total)", s0=2, s1=1, s2=0)
    p = torch.softmax(torch.tensor([2.0, 1, 0], dtype=DOUBLE), 0)
    assert list(three.gradients().values()) == pytest.approx((p - torch.tensor([1.0, 0, 0])).tolist())
    assert sum(three.gradients().values()) == pytest.approx(0, abs=1e-12)


def test_the_neurons_sigmoid_is_four_operations():
    graph = computational_graph("1 / (1 + exp(-(w0*x0 + w1*x1 + b)))", w0=2, x0=-1, w1=-3, x1=-2, b=-3)
    assert [node["op"] for node in graph.nodes if node["inputs"]][-4:] == ["neg", "exp", "+", "÷"]
    assert "The last four operations are the sigmoid" in TEXT and "four small nodes" in TEXT


# --- the chapter's autograd


@pytest.mark.parametrize("f", [order, lambda a, b, c, d: a * a * b + a * (c + d) * (c + b) + d, lambda a, b, c, d: (a + b) * (a + b) + c * d])
def test_the_chapters_autograd_is_pytorchs(f):
    (number,) = defined("Number")
    leaves = [number(v) for v in (1.5, -2.0, 0.25, 3.0)]
    f(*leaves).backward()
    assert [leaf.gradient for leaf in leaves] == pytest.approx(slopes(f, 1.5, -2, 0.25, 3))


def test_without_adding_only_the_gradient_of_the_number_used_twice_is_wrong():
    broken = SOURCE.replace("earlier.gradient += local", "earlier.gradient = local")
    assert broken != SOURCE
    (node,) = (n for n in ast.parse(broken).body if isinstance(n, ast.ClassDef))
    exec(compile(ast.Module([node], []), "broken", "exec"), scope := {})
    x, y = scope["Number"](3.0), scope["Number"](4.0)
    (x * y + x).backward()
    assert x.gradient != 5 and y.gradient == 3


def test_pytorch_adds_from_one_backward_to_the_next():
    x = torch.tensor(3.0, requires_grad=True)
    for expected in (6, 12):
        (x * x).backward()
        assert x.grad.item() == expected


# --- layers


def test_the_jacobian_of_a_linear_layer_is_mostly_zeros_and_repeats_each_weight():
    linear = nn.Linear(5, 4, bias=False)
    jacobian = torch.autograd.functional.jacobian(linear, torch.rand(3, 5)).reshape(12, 15)
    assert int((jacobian != 0).sum()) == 3 * 4 * 5
    assert (64 * 4096) ** 2 * 4 == 256 * 2**30


def test_the_softmax_loss_is_pytorchs():
    (softmax_loss,) = defined("softmax_loss")
    labels = torch.tensor([1, 0, 9, 3, 3, 7])
    theirs = F.cross_entropy(SCORES, labels)
    (gradient,) = torch.autograd.grad(theirs, SCORES)
    loss, ours = softmax_loss(SCORES.detach().numpy(), labels.numpy())
    assert loss == pytest.approx(theirs.item())
    np.testing.assert_allclose(ours, gradient.numpy(), atol=1e-15)


def test_the_initial_loss_is_ln_c():
    for classes in (2, 10, 100, 1000):
        torch.manual_seed(0)
        net = nn.Linear(20, classes)
        nn.init.normal_(net.weight, std=1e-3)
        nn.init.zeros_(net.bias)
        assert F.cross_entropy(net(torch.randn(50, 20)), torch.randint(classes, (50,))).item() == pytest.approx(math.log(classes), abs=5e-3)


def test_relative_errors_of_the_four_suspects():
    """A is the gradient of the sum: six times too large. C and D are wrong, B is right."""
    softmax_loss, numerical_gradient, relative_error = defined("softmax_loss", "numerical_gradient", "relative_error")
    namespace = dict(zip(("probabilities", "target"), defined("probabilities", "target"), strict=True))
    (suspects,) = (n for n in ast.parse(SOURCE).body if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") == "suspects")
    exec(compile(ast.Module([suspects], []), "suspects", "exec"), namespace)
    scores, labels = SCORES.detach().numpy(), np.array([1, 0, 9, 3, 3, 7])
    numerical = numerical_gradient(lambda s: softmax_loss(s, labels)[0], scores)
    errors = {name: relative_error(f(scores, labels), numerical) for name, f in namespace["suspects"].items()}
    assert errors.pop("B") < 1e-7
    assert errors["A"] == pytest.approx(5 / 6) and min(errors.values()) > 1e-2
    np.testing.assert_allclose(namespace["suspects"]["A"](scores, labels), 6 * numerical, atol=1e-8)


def test_both_sides_and_float64_are_better_at_every_useful_step():
    softmax_loss, numerical_gradient, relative_error = defined("softmax_loss", "numerical_gradient", "relative_error")
    scores, labels = SCORES.detach().numpy(), np.array([1, 0, 9, 3, 3, 7])
    exact = softmax_loss(scores, labels)[1]

    def error(h, dtype=np.float64, both=True):
        return relative_error(exact, numerical_gradient(lambda s: softmax_loss(s, labels)[0], scores.astype(dtype), dtype(h), both))

    assert error(1e-5) < 1e-7
    assert error(1e-2) / error(1e-3) == pytest.approx(100, rel=0.1)
    assert error(1e-2, both=False) / error(1e-3, both=False) == pytest.approx(10, rel=0.1)
    assert min(error(10.0**-k, np.float32) for k in range(8)) > 1e-5
    assert "the error falls with $h^2$, not with $h$" in TEXT


def test_the_kink_of_relu():
    h, x = 1e-5, 1e-6
    assert (max(x + h, 0) - max(x - h, 0)) / (2 * h) == pytest.approx(0.55)


def test_the_gradient_of_a_convolution_is_a_convolution():
    (input_gradient,) = defined("input_gradient")
    rng = np.random.default_rng(0)
    dout, kernel = rng.standard_normal((4, 5)), rng.standard_normal((3, 3))
    padded, flipped = (torch.tensor(a.copy())[None, None] for a in (np.pad(dout, 2), kernel[::-1, ::-1]))
    np.testing.assert_allclose(F.conv2d(padded, flipped)[0, 0].numpy(), input_gradient(dout, kernel), atol=1e-12)


def test_the_stepper_agrees_with_pytorchs_gradient():
    from convnets.widgets import convolution_stepper

    (input_gradient,) = defined("input_gradient")
    dout, kernel = np.zeros((4, 5), dtype=int), np.arange(1, 10).reshape(3, 3)
    dout[0, 0], dout[2, 2] = 1, 2
    assert "dout[0, 0], dout[2, 2] = 1, 2" in SOURCE
    stepper = convolution_stepper(np.pad(dout, 2), kernel[::-1, ::-1], function=lambda image, flipped: input_gradient(image[2:-2, 2:-2], flipped[::-1, ::-1].copy()))
    assert stepper.student["mark"] == "✓"
    assert input_gradient(dout, kernel)[2, 2] == 9 + 2 == 11


def test_max_pooling_gives_ties_to_the_first():
    x = torch.full((1, 1, 2, 2), 7.0, requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    assert x.grad.flatten().tolist() == [1, 0, 0, 0]


def test_columns_of_a_3x3_kernel_hold_nine_times_as_much():
    assert F.unfold(torch.zeros(1, 4, 10, 12), 3, padding=1).numel() == 9 * 4 * 10 * 12
    ones = torch.ones(1, 1, 10, 12)
    copies = F.fold(F.unfold(ones, 3, padding=1), (10, 12), 3, padding=1)
    assert (copies[..., 1:-1, 1:-1] == 9).all()


def test_the_gradient_of_a_bias_is_a_sum_over_images_and_places():
    layer = nn.Conv2d(3, 16, 5, padding=2, dtype=DOUBLE)
    out = layer(torch.randn(4, 3, 7, 9, dtype=DOUBLE))
    dout = torch.randn_like(out)
    out.backward(dout)
    assert layer.bias.grad[0].item() == pytest.approx(dout[:, 0].sum().item())


def test_the_net_trained_by_hand_has_pytorchs_gradients():
    (gradients,) = defined("gradients")
    rng = np.random.default_rng(0)
    net = [rng.standard_normal(shape) for shape in ((6, 8), 6, (10, 6), 10)]
    images, labels = rng.standard_normal((5, 8)), np.array([0, 3, 9, 3, 1])
    tensors = [torch.tensor(array, requires_grad=True) for array in net]
    loss = F.cross_entropy(F.linear(F.relu(F.linear(torch.tensor(images), *tensors[:2])), *tensors[2:]), torch.tensor(labels))
    loss.backward()
    ours, found = gradients(images, labels, net)
    assert ours == pytest.approx(loss.item())
    for mine, theirs in zip(found, tensors, strict=True):
        np.testing.assert_allclose(mine, theirs.grad.numpy(), atol=1e-12)
