"""How fast does assignment 05's LeNet train in NumPy? Training steps side by side with the same net in PyTorch, on one CPU thread.

    python benchmarks/numpy_lenet.py

Both begin with the same weights and take the same batches of 64 shipped photos: forward, backward, one step of SGD with momentum. Their losses must
agree, or the times say nothing. Rounds of both take turns. CPU time is what the process has computed, wall time also how long it waited;
of both the median over the rounds is shown.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from autograder.units import import_unit
from convnets.data import load_fashion_mnist

BATCH, RATE, MOMENTUM = 64, 0.02, 0.9
STEPS = 20
MOST = 3.0


def batches(unit) -> list[tuple[np.ndarray, np.ndarray]]:
    """The batches of one round, prepared."""
    data = load_fashion_mnist()
    rows = [slice(BATCH * i, BATCH * (i + 1)) for i in range(STEPS)]
    return [(unit.prepare(data.train_images[part]), data.train_labels[part]) for part in rows]


def with_numpy(unit, network) -> Callable:
    """A function that trains on one batch with the reference solutions of assignment 05 and returns the loss."""
    velocity = {}
    return lambda x, labels: unit.train_step(network, x, labels, velocity, RATE, MOMENTUM)


def with_torch(network) -> Callable:
    """A function that trains the same net on one batch with PyTorch and returns the loss."""
    layers = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    layers += [nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    model = nn.Sequential(*layers)
    model.load_state_dict({name: torch.from_numpy(values.copy()) for name, values in network.parameters().items()})
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)

    def step(x, labels):
        loss = cross_entropy(model(torch.from_numpy(x)), torch.from_numpy(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def measured_round(step: Callable, data: list) -> tuple[list[float], float, float]:
    """(losses, CPU seconds a step, wall seconds a step) of one round."""
    cpu, wall = time.process_time(), time.perf_counter()
    losses = [step(x, labels) for x, labels in data]
    return losses, (time.process_time() - cpu) / len(data), (time.perf_counter() - wall) / len(data)


def measure(seconds: float) -> dict[str, tuple[float, float]]:
    """{"NumPy" or "PyTorch": median (CPU, wall) seconds a step}. Raises SystemExit when the losses of the first round differ."""
    unit = import_unit("05_lenet_from_scratch")
    data, network = batches(unit), unit.lenet(np.random.default_rng(0))
    steps = {"PyTorch": with_torch(network), "NumPy": with_numpy(unit, network)}
    first = {name: measured_round(step, data)[0] for name, step in steps.items()}
    error = max(abs(a - b) for a, b in zip(*first.values(), strict=True))
    if not error < 1e-3:
        raise SystemExit(f"the losses of the two nets differ by {error:.1e} in the first {STEPS} steps; times of different work say nothing.")
    times = {name: [] for name in steps}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times["NumPy"]) < 3:
        for name, step in steps.items():
            times[name].append(measured_round(step, data)[1:])
    return {name: tuple(statistics.median(column) for column in zip(*rounds, strict=True)) for name, rounds in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="Training LeNet in NumPy against PyTorch on one CPU thread.")
    parser.add_argument("--seconds", type=float, default=15, help="time for all rounds (default: %(default)s)")
    seconds = parser.parse_args().seconds
    torch.set_num_threads(1)
    found = measure(seconds)
    print(f"One training step of LeNet on {BATCH} images of 28×28, float32, one CPU thread; medians over rounds of {STEPS} steps, in milliseconds.")
    print(f"{'':8}  {'CPU':>7}  {'wall':>7}")
    for name, (cpu, wall) in found.items():
        print(f"{name:8}  {1000 * cpu:7.2f}  {1000 * wall:7.2f}")
    ratios = [ours / theirs for ours, theirs in zip(found["NumPy"], found["PyTorch"], strict=True)]
    print(f"NumPy / PyTorch: {ratios[0]:.2f} of CPU time, {ratios[1]:.2f} of wall time; at most {MOST:g} is the aim.")


if __name__ == "__main__":
    main()
