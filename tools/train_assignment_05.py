"""Train assignment 05's reference net as its notebook does, and save the weights that the assignment's checks are tested with.

Run it again when the net or the recipe changes: .venv/bin/python tools/train_assignment_05.py
"""

import time

import numpy as np

from autograder.units import find_unit, import_unit
from convnets.data import load_fashion_mnist

UNIT = "05_lenet_from_scratch"
EPOCHS, RATE = 12, 0.05


def main() -> None:
    unit, data = import_unit(UNIT), load_fashion_mnist()
    train_x, start = unit.prepare(data.train_images), time.perf_counter()
    unit.trained, rng, velocity = unit.lenet(np.random.default_rng(0)), np.random.default_rng(1), {}
    for epoch in range(EPOCHS):
        images = np.where(rng.random((len(train_x), 1, 1, 1)) < 0.5, train_x[..., ::-1], train_x)
        loss = unit.train_epoch(unit.trained, images, data.train_labels, velocity, RATE * (1 - epoch / EPOCHS), rng.permutation(len(train_x)))
        accuracy = np.mean(unit.classify(data.test_images) == data.test_labels)
        print(f"epoch {epoch + 1:2}: training loss {loss:.3f}, test accuracy {accuracy:.1%}, {time.perf_counter() - start:.0f} s", flush=True)
    unit.save(unit.trained, find_unit(UNIT).source.with_name("reference.safetensors"))


if __name__ == "__main__":
    main()
