"""The real course in JupyterLab, as `convnets lab` opens it: start page, a chapter, an assignment's check, training that stops."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from convnets.start_page import write_start_page

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def course(lab):
    """The students' folders in JupyterLab's own folder: (address, folder)."""
    address, folder = lab
    for kind in ("course", "assignments", "labs"):
        shutil.copytree(ROOT / kind, folder / kind, dirs_exist_ok=True)
    write_start_page(folder)
    return address, folder


def open_notebook(page, address, path):
    page.goto(f"{address}lab/tree/{path}?token=t&reset")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=90_000)
    page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for(timeout=60_000)


def run_cell(page, containing):
    """Run the code cell that holds this text, and scroll to its output."""
    cell = page.locator(".jp-CodeCell", has_text=containing).first
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    return cell


def wait_until_run(page, cell):
    page.wait_for_function("cell => /\\[\\d+\\]/.test(cell.querySelector('.jp-InputPrompt').innerText)", arg=cell.element_handle(), timeout=90_000)


def test_the_start_page_opens_units_without_a_question(course, page):
    address, _ = course
    page.goto(f"{address}lab/tree/start.md?token=t&reset")
    page.get_by_role("heading", name="Convolutional networks, from the first pixel").wait_for(timeout=90_000)
    assert page.get_by_text("Next:").is_visible()
    page.get_by_role("link", name="01 · Convolution arithmetic").last.click()
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=60_000)
    page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for(timeout=60_000)
    assert page.locator(".jp-Dialog").count() == 0
    assert page.locator(".jp-toast, .Toastify__toast").count() == 0
    assert not page.get_by_text("Formgrader").count()


def test_chapter_02s_stepper_is_dragged_and_stepped(course, page):
    address, _ = course
    open_notebook(page, address, "course/02_convolution_arithmetic.ipynb")
    for text in ("import matplotlib.pyplot as plt", "portrait = data.photo", "vertical_edges = np.stack"):
        wait_until_run(page, run_cell(page, text))
    stepper = page.locator(".cvn-stepper").first
    stepper.wait_for(timeout=60_000)

    from convnets.data import photo

    star = torch.from_numpy(photo(100)[10:20, 6:16].transpose(2, 0, 1).round(1)).double()
    edge = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]).double()
    right = torch.nn.functional.conv2d(star[None], torch.stack([edge] * 3)[None], torch.tensor([0.5]).double())[0, 0]

    def place():
        return int(stepper.get_attribute("data-row")), int(stepper.get_attribute("data-column"))

    def value():
        return float(stepper.locator(".cvn-value").first.get_attribute("data-value"))

    picture = stepper.locator(".cvn-input").first
    picture.scroll_into_view_if_needed()
    picture.focus()
    for key, at in [("Home", (0, 0)), ("ArrowRight", (0, 1)), ("ArrowDown", (1, 1)), ("End", (7, 7)), ("ArrowLeft", (7, 6))]:
        page.keyboard.press(key)
        assert place() == at
        assert value() == pytest.approx(right[at].item(), abs=1e-5)
    box = picture.bounding_box()
    x, y = box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.72
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.35, box["y"] + box["height"] * 0.35, steps=4)
    page.mouse.up()
    assert place() != (7, 6)
    assert value() == pytest.approx(right[place()].item(), abs=1e-5)


OFF_BY_ONE = """def output_size(size, kernel, stride=1, padding=0, dilation=1):
    return (size + 2 * padding - dilation * (kernel - 1) - 1) // stride
"""


def test_a_check_shows_the_mistake_in_jupyterlab(course, page, tmp_path):
    address, folder = course
    path = folder / "assignments/01_convolution_arithmetic/01_convolution_arithmetic.ipynb"
    fill(path, "output_size", OFF_BY_ONE)
    open_notebook(page, address, path.relative_to(folder).as_posix())
    wait_until_run(page, run_cell(page, "from convnets.check import check"))
    wait_until_run(page, run_cell(page, "def output_size"))
    run_cell(page, 'check("output_size"')
    report = page.locator(".cv-check").first
    report.wait_for(timeout=60_000)
    assert report.locator(".cv-hint").count() >= 1
    assert "Smallest failing input" in report.inner_text()
    assert "✗ lost" in report.inner_text()


def fill(path, name, source):
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == name:
            cell.source = source
    nbformat.write(notebook, path)


def test_training_in_lab_01_stops_within_a_second_and_the_curve_stays(course, page):
    address, folder = course
    path = folder / "labs/01_lenet_on_fashion_mnist/01_lenet_on_fashion_mnist.ipynb"
    solved = ROOT / "solutions/01_lenet_on_fashion_mnist/01_lenet_on_fashion_mnist.ipynb"
    shutil.copyfile(solved, path)
    open_notebook(page, address, path.relative_to(folder).as_posix())
    for text in ("from pathlib import Path", "data = load_fashion_mnist()", "def to_tensor", "pixels = data.train_images", "class LeNet"):
        wait_until_run(page, run_cell(page, text))
    run_cell(page, "handed_in = Path")
    panel = page.locator(".cvn-training[data-status=running]")
    panel.wait_for(timeout=60_000)
    panel.locator(".cvn-curve").first.wait_for(timeout=60_000)
    clicked = time.monotonic()
    panel.get_by_role("button", name="Stop").click()
    stopped = page.locator(".cvn-training[data-status=stopped]")
    stopped.wait_for(timeout=10_000)
    assert time.monotonic() - clicked < 1
    assert stopped.locator(".cvn-curve").count() >= 1


def test_make_lab_starts_this_command():
    """`make lab` ends in `convnets lab`, which hands further options to JupyterLab."""
    assert "$(BIN)/convnets lab" in (ROOT / "Makefile").read_text()
    result = subprocess.run([sys.executable, "-m", "convnets", "lab", "--version"], capture_output=True, text=True, cwd=ROOT, env=os.environ.copy())
    assert result.returncode == 0 and result.stdout.strip().startswith("4.")
