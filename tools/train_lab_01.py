"""Train lab 01's reference net as its notebook does, and save the weights that the lab's checks are tested with.

Run it again when the net or the recipe changes: .venv/bin/python tools/train_lab_01.py
"""

import torch

from autograder.units import find_unit, import_unit
from convnets.data import load_fashion_mnist
from convnets.train import fit, one_cycle, seed_everything
from convnets.weights import save_weights

UNIT = "01_lenet_on_fashion_mnist"


def main() -> None:
    lab, data = import_unit(UNIT), load_fashion_mnist()
    train = lab.to_tensor(data.train_images), torch.from_numpy(data.train_labels)
    test = lab.to_tensor(data.test_images), torch.from_numpy(data.test_labels)
    seed_everything(0)
    net = lab.LeNet(width=2, dropout=0.5)
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
    fit(net, train, test, epochs=20, optimizer=optimizer, batch_size=64, schedule=one_cycle, device="cpu")
    save_weights(net, find_unit(UNIT).source.with_name("reference.safetensors"))


if __name__ == "__main__":
    main()
