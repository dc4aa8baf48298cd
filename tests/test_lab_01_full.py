"""Lab 01's full experiment, with all 60,000 images where they can be found without a download."""

import os
import re
import subprocess
import sys

import pytest

from convnets.data import sources_report

PROGRAM = """
import torch
from autograder.units import import_unit
from convnets.data import load_fashion_mnist
from convnets.train import fit, one_cycle, seed_everything
lab, data = import_unit("01_lenet_on_fashion_mnist"), load_fashion_mnist(full=True)
train = lab.to_tensor(data.train_images), torch.from_numpy(data.train_labels)
test = lab.to_tensor(data.test_images), torch.from_numpy(data.test_labels)
seed_everything(0)
net = lab.LeNet(width=2, dropout=0.3)
optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
history = fit(net, train, test, epochs=10, optimizer=optimizer, batch_size=128, schedule=one_cycle, device="cpu")
print(len(data.train_images), len(data.test_images), "accuracy", history.validation_accuracy[-1])
"""


def test_all_images_give_91_percent():
    full = next(source for source in sources_report() if "full=True" in source.loader)
    if not full.found:
        pytest.skip(f"the full Fashion-MNIST is not on this machine: {full.reason}")
    environment = os.environ | {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE"}
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, check=True)
    last = result.stdout.strip().splitlines()[-1]
    assert last.startswith("60000 10000 accuracy")
    assert float(re.search(r"accuracy ([\d.]+)", last)[1]) >= 0.91
