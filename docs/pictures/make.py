"""Take the pictures that README shows: python docs/pictures/make.py (needs playwright and Chromium)."""

import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from playwright.sync_api import sync_playwright
from torch import nn

import convnets.widgets
from autograder.units import exercises
from convnets.check import as_html, check_function
from convnets.check.questions import ask
from convnets.data import load_fashion_mnist
from convnets.train import fit
from convnets.widgets import architecture_table, arithmetic_explorer, convolution_stepper, training_panel

HERE = Path(__file__).parent
IMAGE = np.array(
    [[0, 0, 1, 1, 0, 0, 0], [0, 1, 2, 2, 1, 0, 0], [1, 2, 3, 3, 2, 1, 0], [1, 2, 3, 3, 2, 1, 0],
     [0, 1, 2, 2, 1, 0, 1], [0, 0, 1, 1, 0, 1, 2], [0, 0, 0, 0, 1, 2, 3]]
)  # fmt: skip
KERNEL = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])


def one_row_short(x, w, b, stride=1, padding=0):
    """A student's convolution that forgets the last row of the input."""
    x = torch.tensor(x)
    x[..., -1, :] = 0
    return nn.functional.conv2d(x, torch.tensor(w), torch.tensor(b), stride, padding).numpy()


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def stopped_training():
    """A real training of LeNet, stopped after five of twelve epochs."""
    data = load_fashion_mnist()
    images = lambda raw: (torch.tensor(raw, dtype=torch.float32)[:, None] / 255 - 0.2860) / 0.3530  # noqa: E731
    train = images(data.train_images), torch.tensor(data.train_labels, dtype=torch.int64)
    test = images(data.test_images), torch.tensor(data.test_labels, dtype=torch.int64)
    torch.manual_seed(0)
    net, panel = lenet(), training_panel()
    convnets.widgets.training_panel = lambda: panel
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    history = fit(net, train, test, epochs=12, optimizer=optimizer, batch_size=64, panel=True, background=True)
    while history.running and len(history.state()["records"]["seconds"]) < 5:
        time.sleep(0.05)
    history.stop()
    history.wait()
    return panel


def step_to_the_mistake(page):
    page.get_by_role("button", name="Go to the first wrong cell").click()


def point_at_a_row(page):
    page.get_by_role("row").filter(has_text="Conv2d").nth(1).hover()


def nothing(page):
    pass


def check_of_a_mistake():
    """What the check of conv2d_forward says to a student who padded with copies of the border."""
    exercise = next(e for e in exercises("02_layers") if e.name == "conv2d_forward")
    mistake = next(m for m in exercise.mistakes if m.name == "edge pixels repeated")
    return as_html(check_function(ask(exercise), mistake.function))


def show(page, folder, name, body):
    file = Path(folder) / f"{name}.html"
    file.write_text(f'<!doctype html><meta charset="utf-8"><body data-jp-theme-light="true">{body}', encoding="utf-8")
    page.goto(f"file://{file}")


def main():
    pictures = {
        "stepper": (convolution_stepper(IMAGE, KERNEL, padding=1, function=one_row_short), step_to_the_mistake),
        "explorer": (arithmetic_explorer(size=7, kernel=3, stride=3), nothing),
        "architecture": (architecture_table(lenet(), (1, 28, 28)), point_at_a_row),
        "training": (stopped_training(), nothing),
    }
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 860, "height": 1000}, device_scale_factor=1.5)
        for name, (widget, act) in pictures.items():
            live = widget.still_html().replace('"live": false', '"live": true')
            show(page, folder, name, live)
            page.locator(".cvn").wait_for()
            page.wait_for_timeout(200)
            act(page)
            page.locator(".cvn").screenshot(path=HERE / f"{name}.png")
        show(page, folder, "check", check_of_a_mistake())
        page.locator(".cv-check").screenshot(path=HERE / "check.png")
        browser.close()


if __name__ == "__main__":
    main()
