"""The widgets' Python side: what they refuse, what they say about a student's function, what a page without scripts shows."""

import json
import re
import threading

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from convnets.widgets import (
    architecture_table,
    arithmetic_explorer,
    augmentation_playground,
    computational_graph,
    convolution_stepper,
    dropout_masks,
    export,
    lenet_drawing,
    normalization_axes,
    optimizer_race,
    predict,
    question,
    training_panel,
)

IMAGE = np.arange(49.0).reshape(7, 7)
KERNEL = np.array([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])


def right_layer(x, w, b, stride=1, padding=0, dilation=1):
    return torch.nn.functional.conv2d(*map(torch.tensor, (x, w, b)), stride, padding, dilation).numpy()


def right_image(image, kernel):
    return right_layer(image[None, None], kernel[None, None], np.zeros(1))[0, 0]


def all_widgets():
    panel = training_panel()
    panel.update(PROGRESS)
    return {
        "stepper": convolution_stepper(IMAGE, KERNEL),
        "explorer": arithmetic_explorer(),
        "panel": panel,
        "table": architecture_table(nn.Sequential(nn.Conv2d(3, 10, 5, padding=2), nn.ReLU()), (3, 32, 32)),
        "question": question("Which?", {"a": "It is <b>a</b>.", "b": "No."}, answer="a"),
        "predict": predict("How many?", answer=3, explain="Count.", unit="positions"),
        "graph": computational_graph("x * y + x", x=3, y=4),
        "axes": normalization_axes(),
        "race": optimizer_race(),
        "masks": dropout_masks(),
        "augmentation": augmentation_playground(),
        "drawing": lenet_drawing(
            nn.Sequential(
                nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
                nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
            )
        ),
    }


PROGRESS = {
    "epoch": 2, "epochs": 2, "step": 4, "steps": 4, "seconds_left": 0, "train_loss": [[1, 2.3], [2, 1.5], [3, 1.0], [4, 0.5]],
    "validation": [[1, 1.6, 0.5], [2, 0.7, 0.75]], "status": "done",
}  # fmt: skip


# --- the student's function


@given(
    channels=st.integers(1, 3), height=st.integers(3, 9), width=st.integers(3, 9), kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3), padding=st.integers(0, 2), dilation=st.integers(1, 2), seed=st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_a_right_layer_agrees_and_a_wrong_cell_is_named(channels, height, width, kernel, stride, padding, dilation, seed):
    rng = np.random.default_rng(seed)
    x, w = rng.normal(size=(channels, height, width)), rng.normal(size=(channels, *kernel))
    if any(dilation * (k - 1) + 1 > n + 2 * padding for k, n in zip(kernel, (height, width), strict=True)):
        with pytest.raises(ValueError, match="does not fit"):
            convolution_stepper(x, w, stride=stride, padding=padding, dilation=dilation)
        return
    options = {"bias": 0.5, "stride": stride, "padding": padding, "dilation": dilation}
    report = convolution_stepper(x, w, function=right_layer, **options).student
    assert report["problem"] is None
    assert report["wrong"] == []

    planted = []

    def wrong_layer(*arguments, **named):
        out = right_layer(*arguments, **named)
        index = seed % out.size
        planted.append(index)
        out.ravel()[index] += 0.001
        return out

    report = convolution_stepper(x, w, function=wrong_layer, **options).student
    assert report["wrong"] == planted


def test_a_function_of_image_and_kernel_gets_them_as_given():
    seen = {}

    def mine(image, kernel):
        seen.update(image=image.copy(), kernel=kernel.copy())
        out = right_image(image, kernel)
        image[:] = 0
        return out

    stepper = convolution_stepper(IMAGE, KERNEL, function=mine)
    assert stepper.student["wrong"] == []
    np.testing.assert_array_equal(seen["image"], IMAGE)
    np.testing.assert_array_equal(seen["kernel"], KERNEL)


def test_the_function_is_asked_again_when_a_control_moves():
    stepper = convolution_stepper(IMAGE, KERNEL, function=right_layer)
    stepper.stride = 2
    assert stepper.student["settings"] == [2, 0, 1]
    stepper.dilation = 4
    assert "does not fit" in stepper.student["problem"]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda image, kernel: None, "returned None"),
        (lambda image, kernel: "five", "not an array"),
        (lambda image, kernel: image, r"shape \(7, 7\), it should be \(5, 5\)"),
        (lambda x, w, b: right_image(x[0, 0], w[0, 0]), r"shape \(5, 5\), it should be \(1, 1, 5, 5\)"),
        (lambda image, kernel: image[99, 0], "IndexError.*image\\[99, 0\\]"),
    ],
)
def test_what_goes_wrong_is_said_in_words(function, words):
    problem = convolution_stepper(IMAGE, KERNEL, function=function).student["problem"]
    assert re.search(words, problem), problem


def test_a_stub_is_not_called_an_error():
    def stub(image, kernel):
        raise NotImplementedError("Exercise convolve: write this function.")

    report = convolution_stepper(IMAGE, KERNEL, function=stub).student
    assert report["problem"] == "Your function is not written yet. Exercise convolve: write this function."
    assert report["mark"] == "!"


def test_a_function_without_stride_is_compared_only_at_stride_1():
    assert convolution_stepper(IMAGE, KERNEL, function=right_image).student["problem"] is None
    assert "takes no stride" in convolution_stepper(IMAGE, KERNEL, stride=2, function=right_image).student["problem"]
    assert "takes no bias" in convolution_stepper(IMAGE, KERNEL, bias=1, function=right_image).student["problem"]


def test_nan_is_wrong_and_can_be_sent():
    report = convolution_stepper(IMAGE, KERNEL, function=lambda image, kernel: np.full((5, 5), np.nan)).student
    assert len(report["wrong"]) == 25
    json.dumps(report, allow_nan=False)


def test_float32_is_compared_as_float32():
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(8, 9, 9)).astype(np.float32), rng.normal(size=(8, 3, 3)).astype(np.float32)
    assert convolution_stepper(x, w, bias=0.1, function=right_layer).student["wrong"] == []


# --- what is refused


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.zeros(5), KERNEL), r"image must be an array of numbers shaped"),
        ((IMAGE, np.zeros((2, 3, 3))), "give both 2 dimensions"),
        ((np.zeros((32, 32, 3)), np.zeros((3, 3, 3))), r"transpose\(2, 0, 1\)"),
        ((np.zeros((3, 300, 300)), np.zeros((3, 3, 3))), "270,000 numbers"),
        ((np.full((5, 5), np.nan), KERNEL), "NaN"),
        ((np.zeros((2, 2)), KERNEL), "does not fit"),
        ((np.array([["a"]]), KERNEL), "array of numbers"),
    ],
)
def test_bad_arrays_get_one_clear_error(arguments, words):
    with pytest.raises(ValueError, match=words):
        convolution_stepper(*arguments)


@pytest.mark.parametrize("bad", [{"stride": 0}, {"padding": -1}, {"dilation": 1.5}, {"bias": np.inf}, {"function": lambda: 0}, {"function": 3}])
def test_bad_options_get_one_clear_error(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        convolution_stepper(IMAGE, KERNEL, **bad)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: arithmetic_explorer(size=0), "size must be a whole number from 1 to 64"),
        (lambda: arithmetic_explorer(layers=[]), "1 to 8 pairs"),
        (lambda: arithmetic_explorer(layers=[(3, 9)]), "stride of a layer"),
        (lambda: question("?", {"a": "x"}, answer="a"), "at least two"),
        (lambda: question("?", {"a": "x", "b": "y"}, answer="c"), "not one of the options"),
        (lambda: question("?", {"a": "x", "b": ""}, answer="a"), "no explanation"),
        (lambda: predict("?", answer=float("nan"), explain=""), "finite"),
        (lambda: architecture_table(nn.Conv2d(3, 4, 3), (5, 8, 8)), "channels"),
    ],
)
def test_bad_questions_and_numbers_get_one_clear_error(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# --- the training panel


def test_updates_come_from_any_thread_and_the_last_one_stays():
    panel = training_panel()

    def train():
        for step in range(1, 301):
            panel.update(PROGRESS | {"step": step, "status": "running"})
        panel.update(PROGRESS | {"status": "stopped"})

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert panel.progress["status"] == "stopped"
    assert panel.progress["step"] == 4


def test_a_long_curve_is_thinned_and_bad_numbers_are_left_out():
    panel = training_panel()
    panel.update(PROGRESS | {"train_loss": [[step, float(step)] for step in range(1, 5001)] + [[5001, float("nan")]], "seconds_left": float("inf")})
    assert len(panel.progress["train_loss"]) <= 400
    assert panel.progress["seconds_left"] is None
    json.dumps(panel.progress, allow_nan=False)


def test_stop_calls_back():
    panel, calls = training_panel(), []
    panel.on_stop(lambda: calls.append("stop"))
    panel._handle_custom_msg({"type": "stop"}, [])
    assert calls == ["stop"]


# --- pages


@pytest.mark.parametrize("name", all_widgets())
def test_every_widget_brings_a_picture_or_a_text_and_its_plain_form(name):
    widget = all_widgets()[name]
    data, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"]
    assert "http" not in re.sub(r"http://www\.w3\.org/2000/svg", "", data["text/html"])
    picture = widget.picture()
    assert re.search(r'<img [^>]*alt="[^"]{20,}"|<table|<details', picture)


def test_markup_in_the_state_cannot_end_the_script():
    html = question("Is </script> <b>bold</b>?", {"</script>": "x", "b": "y"}, answer="b").still_html()
    assert html.count("</script>") == html.split('<script type="module">')[0].count("</script>") + 1


def test_no_number_is_written_as_minus_zero():
    assert "−0<" not in _svg(convolution_stepper(np.zeros((3, 3)), -np.full((3, 3), 0.001)).picture())


def _svg(picture):
    import base64

    return base64.b64decode(re.search(r"base64,([^\"]+)", picture)[1]).decode()


def notebook_with(*widgets, markdown="A page."):
    """A notebook as Jupyter saves it after `widgets` were shown, each by one cell."""
    cells = [nbformat.v4.new_markdown_cell(markdown)]
    for widget in widgets:
        data, _ = widget._repr_mimebundle_()
        cells.append(nbformat.v4.new_code_cell("widget", outputs=[nbformat.v4.new_output("execute_result", data=data, execution_count=1)]))
    return nbformat.v4.new_notebook(cells=cells)


def test_export_writes_a_page_without_foreign_addresses(tmp_path):
    path = tmp_path / "unit.ipynb"
    nbformat.write(notebook_with(*all_widgets().values()), path)
    page = export(path)
    assert page == tmp_path / "unit.html"
    html = page.read_text(encoding="utf-8")
    assert html.count("mountStill(") - html.count("function mountStill(") == len(all_widgets())
    assert not re.search(r'(src|href)="https?:', html)
    assert "vnd.jupyter.widget-view" not in html
    assert sorted(p.name for p in tmp_path.iterdir()) == ["unit.html", "unit.ipynb"]


def test_export_says_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="no notebook"):
        export(tmp_path / "none.ipynb")
    (tmp_path / "bad.ipynb").write_text("{")
    with pytest.raises(ValueError, match="not a notebook"):
        export(tmp_path / "bad.ipynb")
    assert not (tmp_path / "bad.html").exists()
