"""Tests of convnets.plots: what a notebook gets, what a figure holds, and what happens with bad input."""

import base64
import io
import logging
import re
import subprocess
import sys
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from convnets import plots

EDGE = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
RNG = np.random.default_rng(0)


class _Img(HTMLParser):
    def handle_starttag(self, tag, attrs):
        self.tag, self.attributes = tag, dict(attrs)


def texts(fig):
    """All words in a figure."""
    fig.canvas.draw()
    found = [text.get_text() for ax in fig.axes for text in ax.texts]
    found += [ax.get_title() + ax.get_title(loc="left") for ax in fig.axes]
    found += [label.get_text() for ax in fig.axes for label in ax.get_yticklabels() + ax.get_xticklabels()]
    return found + ([fig.get_suptitle()] if fig.get_suptitle() else [])


FIGURES = {
    "image_grid": lambda: plots.image_grid(
        RNG.integers(0, 255, (20, 28, 28), dtype=np.uint8), [f"n{i}" for i in range(20)]
    ),
    "one photo": lambda: plots.image_grid([RNG.random((60, 50, 3))]),
    "signed_images": lambda: plots.signed_images(torch.randn(2, 30, 20), ["a", "b"]),
    "annotate_matrix": lambda: plots.annotate_matrix(EDGE, "Sobel", highlight=[(0, 0), (-1, -1)]),
    "matrices": lambda: plots.matrices([EDGE, EDGE, EDGE * EDGE, 12.0], ["×", "=", "→"], titles=list("abcd")),
    "kernel_effects": lambda: plots.kernel_effects(
        RNG.random((30, 40)), {"edge": EDGE, "blur": np.full((3, 3), 1 / 9)}
    ),
    "filters rgb": lambda: plots.filters(torch.randn(96, 3, 11, 11)),
    "filters grey": lambda: plots.filters(torch.nn.Conv2d(1, 6, 5).weight),
    "filters deep": lambda: plots.filters(torch.randn(20, 9, 3, 3)),
    "feature_maps": lambda: plots.feature_maps(torch.relu(torch.randn(1, 70, 6, 9))),
    "feature_maps signed": lambda: plots.feature_maps(torch.randn(4, 6, 9)),
    "curves": lambda: plots.curves({"train_loss": [2, 1, 0.5], "validation_accuracy": [0.5, 0.7, 0.8]}),
    "confusion_matrix": lambda: plots.confusion_matrix(
        RNG.integers(0, 99, (10, 10)), [f"class {i}" for i in range(10)]
    ),
    "predictions": lambda: plots.predictions(RNG.random((4, 8, 8)), [0, 1, 2, 0], [0, 2, 2, 1], ["cat", "dog", "owl"]),
    "bars": lambda: plots.bars({"LeNet": 61_706, "AlexNet": 61_100_840}, unit="parameters", highlight="LeNet"),
    "receptive_field_diagram": lambda: plots.receptive_field_diagram([(5, 1), (2, 2), (3, 1, 2)]),
    "shapes_diagram": lambda: plots.shapes_diagram([(1, 32, 32), (6, 28, 28), (16, 5, 5), (120,), 10], list("abcde")),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_draws_inside_itself_and_in_silence(name, recwarn, caplog, capfd):
    with caplog.at_level(logging.WARNING):
        fig = FIGURES[name]()
        assert isinstance(fig, Figure)
        width, height = fig.get_size_inches()
        assert width <= 8
        assert height <= 8
        fig.draw_without_rendering()
        fig.canvas.draw()
    assert not recwarn.list
    assert not caplog.records
    assert capfd.readouterr() == ("", "")
    canvas = fig.bbox.padded(1)
    for ax in fig.axes:
        for text in [*ax.texts, ax.title]:
            if text.get_text() and text.get_visible() and ax.get_visible():
                box = text.get_window_extent()
                assert canvas.contains(box.x0, box.y0), text
                assert canvas.contains(box.x1, box.y1), text
                assert text.get_fontsize() >= 6
    assert not plt.get_fignums()


# ---------------------------------------------------------------- show


@pytest.fixture
def shown(monkeypatch):
    """What a notebook would get from show."""
    from IPython.core.interactiveshell import InteractiveShell

    pieces = []
    monkeypatch.setattr("convnets.plots.display._in_notebook", lambda: True)
    monkeypatch.setattr(InteractiveShell, "initialized", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda data, raw: pieces.append(data))
    return pieces


def test_show_emits_an_img_with_alt_and_closes(shown):
    fig, _ = plt.subplots(figsize=(6, 2))
    plots.show(fig, alt='A "quoted" line,\n   below <zero> & above')
    (data,) = shown
    assert data["text/plain"] == 'A "quoted" line, below <zero> & above'
    img = _Img()
    img.feed(data["text/html"])
    assert img.tag == "img"
    assert img.attributes["alt"] == data["text/plain"]
    assert img.attributes["width"] == "600"
    picture = Image.open(io.BytesIO(base64.b64decode(img.attributes["src"].partition(",")[2])))
    assert picture.size == (1200, 400)
    assert not plt.get_fignums()


def test_show_is_the_same_each_time(shown):
    for _ in range(2):
        plots.show(plots.annotate_matrix(EDGE), alt="Sobel")
    assert shown[0] == shown[1]


@pytest.mark.parametrize("alt", ["", "  \n", None])
def test_show_wants_an_alt_text(alt):
    with pytest.raises(ValueError, match="say in a sentence what the picture shows"):
        plots.show(Figure(), alt=alt)


def test_show_wants_a_figure():
    with pytest.raises(TypeError, match="but got Axes"):
        plots.show(Figure().add_subplot(), alt="an axes")


def test_show_in_a_plain_process_without_pytorch_prints_the_alt_text():
    code = "import sys; sys.modules['torch'] = None; from convnets import plots; import numpy as np;"
    code += "plots.show(plots.kernel_effects(np.eye(9), {'blur': np.ones((2, 3)) / 6}), alt='One and two.')"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("One and two.\n", "")


# ---------------------------------------------------------------- style


def contrast(a, b):
    """WCAG 2 contrast ratio of two colours."""

    def luminance(colour):
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_style_is_applied_on_import():
    assert plt.rcParams["axes.prop_cycle"].by_key()["color"] == list(plots.PALETTE.values())
    assert plt.rcParams["font.size"] >= 11
    plt.rcParams["font.size"] = 5
    plots.style()
    assert plt.rcParams["font.size"] == 11


@settings(deadline=None, max_examples=20)
@given(hnp.arrays(np.int64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.integers(-99, 99)))
def test_numbers_in_cells_are_right_and_readable(matrix):
    ax = plots.annotate_matrix(matrix).axes[0]
    assert [int(text.get_text().replace("−", "-")) for text in ax.texts] == matrix.ravel().tolist()
    for text, patch in zip(ax.texts, ax.patches, strict=False):
        assert contrast(text.get_color(), patch.get_facecolor()[:3]) >= 4.5


def test_signed_data_has_white_at_zero():
    fig = plots.signed_images([np.array([[-1.0, 0, 4]]), np.array([[0.5, 0, -2]])])
    for ax in fig.axes[:2]:
        image = ax.images[0]
        assert image.get_clim() == (-4, 4)
        assert min(image.cmap(image.norm(0))[:3]) > 0.96


# ---------------------------------------------------------------- what figures hold


@pytest.mark.parametrize("shape", [(5, 4), (1, 5, 4), (5, 4, 1), (3, 5, 4), (5, 4, 3)])
@pytest.mark.parametrize("tensor", [False, True])
def test_images_of_every_layout(shape, tensor):
    image = RNG.random(shape)
    drawn = plots.image_grid([torch.from_numpy(image) if tensor else image]).axes[0].images[0].get_array()
    assert drawn.shape == ((5, 4, 3) if 3 in shape else (5, 4))


def test_image_values_decide_the_scale():
    def limits(image, **given):
        return plots.image_grid([image], **given).axes[0].images[0].get_clim()

    assert limits(np.array([[0.2, 0.4]])) == (0, 1)
    assert limits(np.array([[20, 40]], dtype=np.uint8)) == (0, 255)
    assert limits(np.array([[-2.0, 3.0]])) == (-2, 3)
    assert limits(np.array([[0.2, 0.4]]), vmin=0.2, vmax=0.4) == (0.2, 0.4)


def test_titles_say_right_and_wrong_in_signs():
    fig = FIGURES["predictions"]()
    titles = [ax.get_title().strip() for ax in fig.axes]
    assert titles == ["✓ cat", "✗ owl\nis: dog", "✓ owl", "✗ dog\nis: cat"]


def test_more_than_fits_is_said():
    assert "64 of 96 filters" in texts(FIGURES["filters rgb"]())
    assert "64 of 70 channels" in texts(FIGURES["feature_maps"]())
    assert "16 of 20 filters, 8 of 9 input channels" in texts(FIGURES["filters deep"]())


def test_rgb_filters_show_zero_as_mid_grey():
    weights = np.zeros((2, 3, 2, 2))
    weights[0, 0, 0, 0] = -3
    fig = plots.filters(weights)
    np.testing.assert_allclose(fig.axes[0].images[0].get_array()[0, 0], [0, 0.5, 0.5])
    np.testing.assert_allclose(fig.axes[1].images[0].get_array(), 0.5)


def test_kernel_effects_against_pytorch():
    photo = RNG.random((12, 9)).astype(np.float32)
    fig = plots.kernel_effects(photo, {"edge": EDGE, "blur": np.full((3, 3), 1 / 9)})
    pictures = [ax.images[0].get_array() for ax in fig.axes if ax.images]
    inside = torch.nn.functional.conv2d(torch.tensor(photo)[None, None], torch.tensor(EDGE)[None, None].float())[0, 0]
    np.testing.assert_allclose(pictures[1][1:-1, 1:-1], inside, atol=1e-5)
    assert {picture.shape for picture in pictures} == {(12, 9)}
    assert "blur  (1/9 ×)" in texts(fig)


def test_curves_name_their_lines_and_split_accuracy():
    class History:
        train_loss, validation_loss = [2.0, 1.0], [None, None]
        train_accuracy, validation_accuracy = [0.5, 0.75], [0.4, 0.6]

    fig = plots.curves(History())
    loss, accuracy = fig.axes
    assert [len(ax.lines) for ax in fig.axes] == [1, 2]
    np.testing.assert_allclose(accuracy.lines[1].get_ydata(), [40, 60])
    assert [text.get_text() for text in accuracy.texts] == ["● train", "■ validation"]
    assert len({line.get_marker() for line in accuracy.lines}) == 2
    assert loss.get_title(loc="left") == "loss"


def test_curves_keep_labels_apart():
    ax = plots.curves({name: [1.0, 0.5] for name in "abcd"}).axes[0]
    heights = sorted(text.xy[1] for text in ax.texts)
    low, high = ax.get_ylim()
    assert min(np.diff(heights)) > 0.08 * (high - low)


def test_confusion_matrix_numbers():
    fig = plots.confusion_matrix([[8, 2], [0, 10]], ["cat", "dog"])
    assert [text.get_text() for text in fig.axes[0].texts] == ["8", "2", "10"]
    np.testing.assert_allclose(fig.axes[0].images[0].get_array(), [[0.8, 0.2], [0, 1]])


def test_bars_write_numbers():
    assert {"34,944", "44,892,064,800"} <= set(texts(plots.bars({"a": 34_944, "b": 44_892_064_800}, log=True)))
    assert "61.1 MB" in texts(plots.bars({"VGG-16": 61_100_000}, unit="bytes"))
    assert "91.3 %" in texts(plots.bars({"LeNet": 91.3}, unit="%"))


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([3, 3, 3], ["7 pixels", "5 values", "3 values", "1 output sees"]),
        ([(5, 1), (2, 2), (5, 1), (2, 2)], ["16 pixels", "12 values", "6 values", "2 values", "1 output sees"]),
        ([(3, 1, 2)], ["3 pixels,\nspread over 5", "1 output sees"]),
    ],
)
def test_receptive_field_diagram_counts(layers, words):
    found = texts(plots.receptive_field_diagram(layers))
    assert [text for text in found if re.search("pixel|value|output", text)] == words


def test_shapes_diagram_labels():
    found = texts(plots.shapes_diagram([(3, 32, 32), (10, 32, 32), (10,)], ["input", "conv", "linear"]))
    assert {"3×32×32", "10×32×32", "10", "input", "conv", "linear"} <= set(found)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plots.image_grid([]), "no images"),
        (lambda: plots.image_grid(np.zeros((2, 5, 5)), ["one"]), "2 images but 1 titles"),
        (lambda: plots.image_grid(np.zeros((1, 6, 5, 5))), "this one is 6×5×5; feature_maps"),
        (lambda: plots.signed_images(np.zeros((1, 3, 5, 5))), "one channel"),
        (lambda: plots.filters(np.zeros((3, 3))), "for a layer pass layer.weight"),
        (lambda: plots.feature_maps(np.zeros((2, 3, 5, 5))), "pick one"),
        (lambda: plots.predictions(np.zeros((2, 5, 5)), [0], [0, 1], "ab"), "2 images, 1 labels and 2 predictions"),
        (lambda: plots.matrices([EDGE, EDGE], ["×", "="]), "2 matrices need 1 operators"),
        (lambda: plots.matrices([EDGE], titles=["a", "b"]), "1 matrices but 2 titles"),
        (lambda: plots.annotate_matrix(np.zeros((2, 2, 2))), "pick one channel"),
        (lambda: plots.kernel_effects(np.zeros((5, 5)), {}), "no kernels"),
        (lambda: plots.confusion_matrix(np.zeros((2, 3)), "ab"), "must be 2×2, but it is 2×3"),
        (lambda: plots.curves({"loss": []}), "nothing to draw"),
        (lambda: plots.bars({}), "no bars"),
        (lambda: plots.receptive_field_diagram([]), "no layers"),
        (lambda: plots.receptive_field_diagram([(3, 0)]), r"but got \(3, 0\)"),
        (lambda: plots.receptive_field_diagram([(3, 2)] * 8), "sees 511 pixels"),
        (lambda: plots.shapes_diagram([(1, 3, 32, 32)]), "leave the batch out"),
        (lambda: plots.shapes_diagram([(10,)], ["a", "b"]), "1 shapes but 2 labels"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
