"""Probes for layers and networks written as classes: they call what the learner wrote and return arrays. They hold no answer."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import numpy as np

from convnets.data import load_fashion_mnist


def made(make_layer: Callable, settings: dict, parameters: dict):
    """A layer made with the settings, its parameters then set in place to these values, by name."""
    layer = make_layer(**settings)
    for name, values in parameters.items():
        layer.parameters[name][...] = values
    return layer


def forward_pass(make_layer: Callable, settings: dict, parameters: dict, x: np.ndarray) -> tuple:
    """(output, 0, …): what `layer_pass` returns, but without a backward pass, which may not be written yet."""
    return (made(make_layer, settings, parameters).forward(x), 0, *(0 for _ in parameters))


def layer_pass(make_layer: Callable, settings: dict, parameters: dict, *passes: np.ndarray) -> tuple:
    """(output, gradient of the input, gradient of each parameter) of the last of the passes x, dout, x, dout, … through one layer."""
    layer = made(make_layer, settings, parameters)
    for x, dout in zip(passes[::2], passes[1::2], strict=True):
        out = layer.forward(x)
        dx = layer.backward(dout)
    return (out, dx, *(layer.gradients[name] for name in parameters))


def many_images(make_layer: Callable, settings: dict, x_shape: tuple, out_shape: tuple, seed: int) -> tuple:
    """Mean size of the numbers in the output, in the gradient of the input and in those of the parameters, for a batch as large as in training."""
    rng = np.random.default_rng(seed)
    layer = make_layer(**settings)
    out = layer.forward(rng.standard_normal(x_shape, dtype=np.float32))
    dx = layer.backward(rng.standard_normal(out_shape, dtype=np.float32))
    found = (out, dx, *(layer.gradients[name] for name in ("weight", "bias") if name in layer.parameters))
    return tuple(np.abs(array).mean(dtype=np.float64) for array in found)


def repeats_in_float32(draw: Callable, shape: tuple, seed: int) -> np.ndarray:
    """What draw(shape, rng) returns, as 0 for every number: only its shape and dtype are looked at."""
    return 0 * draw(shape, np.random.default_rng(seed))


class Scale:
    """A layer for tests: each feature times a weight of its own. x: (N, C)."""

    def __init__(self, weight):
        self.parameters, self.gradients = {"weight": np.array(weight, dtype=float)}, {}

    def forward(self, x):
        self.seen = x
        return np.einsum("nc,c->nc", x, self.parameters["weight"])

    def backward(self, dout):
        self.gradients = {"weight": np.einsum("nc,nc->c", dout, self.seen)}
        return np.einsum("nc,c->nc", dout, self.parameters["weight"])


class Square:
    """A layer for tests that has nothing to learn: x². x: any shape."""

    def __init__(self):
        self.parameters, self.gradients = {}, {}

    def forward(self, x):
        self.slope = 2 * x
        return x**2

    def backward(self, dout):
        return np.multiply(self.slope, dout)


class Turn:
    """A layer for tests that has nothing to learn: the features in reverse. x: (N, C)."""

    def __init__(self):
        self.parameters, self.gradients = {}, {}

    def forward(self, x):
        return x[:, ::-1]

    def backward(self, dout):
        return dout[:, ::-1]


def toy_layers(weights: list) -> list:
    """A Scale for each array of weights, a Square or a Turn for each such word."""
    return [{"square": Square, "turn": Turn}[weight]() if isinstance(weight, str) else Scale(weight) for weight in weights]


def toy_logits(make_network: Callable, weights: list, x: np.ndarray) -> np.ndarray:
    """The output of a network of toy layers."""
    return make_network(toy_layers(weights)).forward(x)


def toy_dx(make_network: Callable, weights: list, once: tuple) -> np.ndarray:
    """The gradient of the input after one pass (x, dout) through a network of toy layers."""
    network = make_network(toy_layers(weights))
    network.forward(once[0])
    return network.backward(once[1])


def layer_numbers(make_network: Callable, weights: list) -> np.ndarray:
    """The number that stands before the dot in the name of each parameter."""
    return np.array([int(name.split(".")[0]) for name in make_network(toy_layers(weights)).parameters()])


def parameters_named(make_network: Callable, weights: list, names: list) -> np.ndarray:
    """The parameters of these names, one after the other."""
    parameters = make_network(toy_layers(weights)).parameters()
    return np.concatenate([parameters[name] for name in names])


def gradients_named(make_network: Callable, weights: list, names: list, *passes: tuple) -> np.ndarray:
    """The gradients of these names after the passes (x, dout), one after the other."""
    network = make_network(toy_layers(weights))
    for x, dout in passes:
        network.forward(x)
        network.backward(dout)
    gradients = network.gradients()
    return np.concatenate([gradients[name] for name in names])


def after_a_change(make_network: Callable, weights: list, name: str, x: np.ndarray) -> np.ndarray:
    """The logits after the parameter of that name was set to 1 in place."""
    network = make_network(toy_layers(weights))
    network.parameters()[name][...] = 1
    return network.forward(x)


class ToyNetwork:
    """A network for tests with two parameters, "scale" and "shift". x: (N, C); logits: (N, C)."""

    def __init__(self, classes: int):
        self.held = {"scale": np.linspace(-1, 1, classes), "shift": np.linspace(0.5, 0, classes)}
        self.found: dict[str, np.ndarray] = {}

    def parameters(self):
        return dict(self.held)

    def gradients(self):
        return dict(self.found)

    def forward(self, x):
        self.seen = x
        return np.einsum("nc,c->nc", x, self.held["scale"]) + self.held["shift"]

    def backward(self, dout):
        self.found = {"scale": np.einsum("nc,nc->c", dout, self.seen), "shift": np.einsum("nc->c", dout)}
        return np.einsum("nc,c->nc", dout, self.held["scale"])


def joined(arrays: dict) -> np.ndarray:
    return np.concatenate([np.ravel(arrays[name]) for name in ("scale", "shift")])


def training_steps(train_step: Callable, batches: list, lr: float, momentum: float) -> tuple:
    """(loss of the last step, parameters, velocities) after one step for each batch (x, labels) on a ToyNetwork."""
    network, velocity = ToyNetwork(batches[0][0].shape[1]), {}
    for x, labels in batches:
        loss = train_step(network, x, labels, velocity, lr, momentum)
    return loss, joined(network.parameters()), joined(velocity or {"scale": 0, "shift": 0})


def training_epochs(train_epoch: Callable, x: np.ndarray, labels: np.ndarray, lr: float, orders: list, batch_size: int, momentum: float) -> tuple:
    """(mean loss of the last epoch, parameters) after one epoch for each order on a ToyNetwork."""
    network, velocity = ToyNetwork(x.shape[1]), {}
    for order in orders:
        loss = train_epoch(network, x, labels, velocity, lr, order, batch_size, momentum)
    return loss, joined(network.parameters())


def known_values(shape: tuple) -> np.ndarray:
    """Numbers that only the shape decides, of the size of first weights, float32."""
    seed = list(hashlib.sha256(repr(tuple(shape)).encode()).digest())
    return (np.random.default_rng(seed).standard_normal(shape) / math.sqrt(math.prod(shape[1:]))).astype(np.float32)


def with_known_values(build: Callable):
    """The network that build(rng) makes, its parameters filled with `known_values`."""
    network = build(np.random.default_rng(0))
    for values in network.parameters().values():
        values[...] = known_values(values.shape)
    return network


def in_order(named: dict) -> dict:
    """The same entries by the layers' numbers, in each layer the weight first, then the bias."""
    return {name: named[name] for name in sorted(named, key=lambda name: (int(name.split(".")[0]), not name.endswith("weight")))}


def places_and_sizes(build: Callable) -> np.ndarray:
    """The place and the size of each parameter: two rows."""
    parameters = in_order(build(np.random.default_rng(0)).parameters())
    return np.array([[int(name.split(".")[0]) for name in parameters], [values.size for values in parameters.values()]])


def known_logits(build: Callable, x: np.ndarray) -> np.ndarray:
    """Logits for images x (N, 1, 28, 28) with known weights."""
    return with_known_values(build).forward(x)


def known_gradients(build: Callable, x: np.ndarray, dout: np.ndarray) -> np.ndarray:
    """The gradients of the first layer's parameters, and of the last one's, with known weights."""
    network = with_known_values(build)
    network.forward(x)
    network.backward(dout)
    gradients = list(in_order(network.gradients()).values())
    return np.concatenate([np.ravel(gradients[i]) for i in (0, 1, -2, -1)])


def first_logits_are_small(build: Callable, x: np.ndarray, seed: int) -> bool:
    """Whether no logit of a new network is larger than 0.3 in size."""
    return bool(np.abs(build(np.random.default_rng(seed)).forward(x)).max() < 0.3)


def spread_of_weights(build: Callable, seeds: list) -> np.ndarray:
    """Standard deviation of each weight array but the last, over new networks from these seeds. Biases are left out."""
    networks = [[v for v in in_order(build(np.random.default_rng(seed)).parameters()).values() if v.ndim > 1] for seed in seeds]
    return np.array([np.std(np.stack(values), dtype=np.float64) for values in zip(*networks, strict=True)][:-1])


def seeds_decide(build: Callable, seed: int) -> np.ndarray:
    """Whether one seed gives the same weights twice, and whether another seed gives others."""
    one, again, other = (next(iter(build(np.random.default_rng(s)).parameters().values())) for s in (seed, seed, seed + 1))
    return np.array([np.array_equal(one, again), not np.array_equal(one, other)])


def learned_by_heart(build: Callable, labels: np.ndarray, seed: int) -> np.ndarray:
    """The classes that a new network gives to as many images of noise as there are labels, after it was fitted to them by least squares.

    −1 for an image whose largest logit is not ahead of the others by `HEART_LEAD`: rounding must not decide between equals.
    """
    rng = np.random.default_rng(seed)
    images, targets = rng.standard_normal((len(labels), 1, 28, 28), dtype=np.float32), np.eye(10, dtype=np.float32)[labels]
    network = build(rng)
    for _ in range(HEART_STEPS):
        network.backward((network.forward(images) - targets) / len(images))
        slopes = network.gradients()
        for name, values in network.parameters().items():
            np.subtract(values, HEART_RATE * slopes[name], out=values)
    logits = network.forward(images)
    second, first = np.sort(logits, axis=1)[:, -2:].T
    return np.where(first - second > HEART_LEAD, logits.argmax(axis=1), -1)


HEART_STEPS, HEART_RATE, HEART_LEAD = 40, 0.002, 0.001


class Templates:
    """A stand-in for a network: ten fixed weighted sums of the pixels, and a record of how many images came at once."""

    def __init__(self, pixels: tuple):
        self.weights = np.random.default_rng(2).standard_normal((10, *pixels))
        self.batches: list[int] = []

    def forward(self, x):
        self.batches.append(len(x))
        return np.einsum("nchw,khw->nk", x, self.weights) + 0.2 * self.weights.sum(axis=(1, 2))


def classes_of_templates(classify: Callable, images: np.ndarray, batch_size: int) -> np.ndarray:
    """What classify answers for uint8 images (N, H, W) with a network of fixed templates."""
    return classify(images, Templates(images.shape[1:]), batch_size)


def largest_batch(classify: Callable, images: np.ndarray, batch_size: int) -> int:
    """The largest number of images that the network gets at once, or batch_size where it never gets as many."""
    network = Templates(images.shape[1:])
    classify(images, network, batch_size)
    return max(*network.batches, batch_size)


def classes_of_fashion(classify: Callable, images: np.ndarray) -> np.ndarray:
    """What classify answers, with the learner's own trained net, for images (N, 28, 28), or for these rows (N,) of the shipped test images."""
    return classify(load_fashion_mnist().test_images[images] if images.ndim == 1 else images)
