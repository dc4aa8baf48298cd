"""The race of optimisers, the dropout masks and the augmentation playground in Chromium: without a kernel, exported, and in JupyterLab."""

import nbformat
import numpy as np
import pytest
from test_live_widgets import CUT, MEASURE

from convnets.widgets import augmentation_playground, dropout_masks, export, normalization_axes, optimizer_race


@pytest.fixture
def show(page, tmp_path):
    def open_page(*widgets, width=1000, dark=False):
        colours = "--jp-ui-font-color0:#fff;--jp-ui-font-color1:#ddd;--jp-layout-color1:#111;--jp-layout-color2:#222" if dark else ""
        head = f'<!doctype html><meta charset="utf-8"><style>:root{{{colours}}}</style><body data-jp-theme-light="{str(not dark).lower()}">'
        (tmp_path / "page.html").write_text(head + "".join(widget.still_html() for widget in widgets), encoding="utf-8")
        page.set_viewport_size({"width": width, "height": 1000})
        page.goto(f"file://{tmp_path}/page.html")
        page.locator(".cvn").nth(len(widgets) - 1).wait_for()
        return page

    return open_page


def loss_of(race, name):
    return float(race.locator(f"[data-runner={name}]").get_attribute("data-loss"))


def said(widget):
    return widget.locator("[aria-live=polite]").inner_text()


def test_the_page_runs_the_same_race_as_python(show):
    races = [optimizer_race(), optimizer_race("saddle", start=(-1, 0.01), noise=0.5, seed=3), optimizer_race(condition=7, rates={"SGD": 0.9}), optimizer_race(noise=2, steps=37)]
    page = show(*races)
    for i, race in enumerate(races):
        for name, expected in race.losses().items():
            assert loss_of(page.locator(".cvn-race").nth(i), name) == pytest.approx(expected, rel=1e-6, abs=1e-12)
    assert "flew away" in page.locator(".cvn-race").nth(2).inner_text()


def test_the_race_is_run_from_the_keyboard_and_told_aloud(show):
    page = show(optimizer_race(steps=20))
    race = page.locator(".cvn-race")
    race.locator("[role=application]").focus()
    page.keyboard.press("Home")
    assert race.get_attribute("data-step") == "0"
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert race.get_attribute("data-step") == "3" and said(race).startswith("Step 3 of 20. Loss: SGD ")
    expected = optimizer_race(steps=3).losses()
    assert loss_of(race, "Adam") == pytest.approx(expected["Adam"])
    page.keyboard.press("Shift+ArrowUp")
    assert "start is −3.5, 1.6" in race.locator("[role=application]").get_attribute("aria-label")
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('.cvn-race').dataset.step == '20'")
    race.get_by_text("Play").wait_for()


def test_learning_rates_surface_and_start_can_be_changed(show):
    page = show(optimizer_race(steps=30))
    race = page.locator(".cvn-race")
    race.get_by_label("learning rate of SGD").focus()
    page.keyboard.press("ArrowRight")
    assert loss_of(race, "SGD") == pytest.approx(optimizer_race(steps=30, rates={"SGD": 0.022}).losses()["SGD"])
    race.get_by_label("surface").select_option("saddle")
    expected = optimizer_race("saddle", start=(-1, 0.01), steps=30).losses()
    assert loss_of(race, "Momentum") == pytest.approx(expected["Momentum"])
    box = race.locator("[role=application]").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.25)
    label = race.locator("[role=application]").get_attribute("aria-label")
    start = [float(v.replace("−", "-")) for v in label.split("start is ")[1].split(". ")[0].split(", ")]
    np.testing.assert_allclose(start, (-2, 1.2), atol=0.05)
    race.get_by_label("show Adam").uncheck()
    assert "Adam" not in said(race)


def test_ones_own_rule_runs_on_a_page_without_a_kernel_as_it_was(show):
    race_of = optimizer_race(function=lambda x, g, state, rate: x - rate * g)
    page = show(race_of)
    race = page.locator(".cvn-race")
    assert loss_of(race, "yours") == pytest.approx(race_of.losses()["yours"])
    assert "Your rule does the same as SGD" in race.inner_text()
    assert race.get_by_label("surface").is_disabled()


def test_masks_and_their_mean_are_pythons(show):
    masks = dropout_masks(0.4, seed=2)
    page = show(masks)
    widget = page.locator(".cvn-dropout")
    widget.locator("[role=application]").focus()
    for draw in (2, 3, 4):
        page.keyboard.press("ArrowRight")
        masks.draw = draw
        now, mean, full = masks.outputs()
        for name, value in {"output": now, "mean": mean, "full": full}.items():
            assert float(widget.get_attribute(f"data-{name}")) == pytest.approx(value, abs=1e-9)
    assert said(widget).startswith("Mask 4: ")
    widget.get_by_label("scale what is left").uncheck()
    masks.scaled = False
    assert float(widget.get_attribute("data-mean")) == pytest.approx(masks.outputs()[1], abs=1e-9)
    widget.get_by_label("mode").select_option("test")
    assert widget.get_attribute("data-kept") == "8" and said(widget).startswith("Test: all units")


def test_ones_own_masks_are_shown_and_judged(show):
    def no_scaling(h, p, rng):
        return h * (rng.random(h.shape) >= p)

    page = show(dropout_masks(0.4, function=no_scaling))
    widget = page.locator(".cvn-dropout")
    assert "multiplied the others by 1: it should be" in widget.inner_text()
    assert widget.get_by_label("p, probability to be dropped").is_disabled()


def corner(page, which):
    """The four corner pixels (RGB) of a canvas, from the upper left in reading order."""
    return page.evaluate(
        """(which) => { const c = document.querySelectorAll('.cvn-augment-stage canvas')[which], g = c.getContext('2d');
        return [[0, 0], [c.width - 1, 0], [0, c.height - 1], [c.width - 1, c.height - 1]].map(([x, y]) => [...g.getImageData(x, y, 1, 1).data.slice(0, 3)]); }""",
        which,
    )


def test_the_photo_is_flipped_darkened_and_put_back(show):
    quarters = np.zeros((64, 64, 3), np.float32)
    quarters[:32, :32], quarters[:32, 32:], quarters[32:, :32] = (0.9, 0.1, 0.1), (0.1, 0.9, 0.1), (0.1, 0.1, 0.9)
    page = show(augmentation_playground(quarters))
    widget = page.locator(".cvn-augmentation")
    page.wait_for_function("document.querySelectorAll('.cvn-augment-tries canvas').length === 8")
    original = np.array(corner(page, 0))
    widget.get_by_label("flip left and right").check()
    np.testing.assert_allclose(corner(page, 1), original[[1, 0, 3, 2]], atol=6)
    assert said(widget) == "The photo is flipped."
    widget.get_by_label("flip left and right").uncheck()
    widget.get_by_role("slider", name="saturation").fill("0")
    assert np.ptp(corner(page, 1), axis=1).max() <= 2
    widget.get_by_role("button", name="Undo all").click()
    np.testing.assert_allclose(corner(page, 1), original, atol=2)
    widget.get_by_role("slider", name="brightness").fill("0.5")
    np.testing.assert_allclose(np.array(corner(page, 1))[:3], original[:3] / 2, atol=4)
    assert said(widget) == "The photo is brightness 0.5×."


def test_eight_draws_change_with_the_seed_and_keep_still_at_strength_zero(show):
    page = show(augmentation_playground())
    widget = page.locator(".cvn-augmentation")
    page.wait_for_function("document.querySelectorAll('.cvn-augment-tries canvas').length === 8")
    texts = lambda: page.evaluate("[...document.querySelectorAll('.cvn-augment-tries canvas')].map((c) => c.getAttribute('aria-label'))")  # noqa: E731
    before = texts()
    widget.get_by_role("button", name="Draw eight again").click()
    assert texts() != before and len(set(texts())) == 8
    widget.get_by_role("slider", name="strength of the random draws").fill("0")
    assert set(texts()) == {"unchanged"}


def test_ones_own_draws_are_shown(show):
    page = show(augmentation_playground(function=lambda image, rng: image * rng.random()))
    widget = page.locator(".cvn-augmentation")
    assert widget.locator(".cvn-augment-tries img").count() == 8
    assert "original is untouched" in widget.inner_text()
    assert widget.get_by_role("button", name="Draw eight again").is_disabled()


def every_widget():
    return [
        optimizer_race(), optimizer_race("saddle", start=(-1, 0.01), function=lambda x, g, state, rate: x - rate * g),
        dropout_masks(), dropout_masks(0.4, function=lambda h, p, rng: h * (rng.random(h.shape) >= p)),
        augmentation_playground(), augmentation_playground(function=lambda image, rng: image * rng.random()), normalization_axes(),
    ]  # fmt: skip


@pytest.mark.parametrize("width", [340, 420, 640, 900])
def test_text_is_legible_nothing_overflows_and_all_controls_have_names(show, width):
    page = show(*every_widget(), width=width, dark=width == 640)
    page.wait_for_timeout(300)
    assert page.evaluate(MEASURE) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_an_exported_page_is_alive_and_shows_pictures_where_scripts_do_not_run(page, browser, tmp_path):
    outputs = [nbformat.v4.new_output("display_data", data=widget._repr_mimebundle_()[0]) for widget in every_widget()]
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("widget", outputs=[output]) for output in outputs]), tmp_path / "unit.ipynb")
    address = f"file://{export(tmp_path / 'unit.ipynb')}"
    page.goto(address)
    page.context.set_offline(True)
    race = page.locator(".cvn-race").first
    race.get_by_label("learning rate of SGD").focus()
    page.keyboard.press("ArrowRight")
    assert loss_of(race, "SGD") == pytest.approx(optimizer_race(rates={"SGD": 0.022}).losses()["SGD"])
    masks = page.locator(".cvn-dropout").first
    masks.locator("[role=application]").focus()
    page.keyboard.press("End")
    assert "Mask" in said(masks)
    page.set_viewport_size({"width": 420, "height": 1000})
    page.wait_for_timeout(300)
    assert page.evaluate("[...document.querySelectorAll('.cvn th, .cvn td')].filter((cell) => cell.scrollWidth > cell.clientWidth + 1).length") == 0
    assert page.evaluate(CUT) == []
    context = browser.new_context(java_script_enabled=False)
    still = context.new_page()
    still.goto(address)
    pictures = still.locator("[data-convnets] img")
    assert pictures.count() == len(outputs)
    for i in range(len(outputs)):
        assert pictures.nth(i).bounding_box()["height"] > 100 and len(pictures.nth(i).get_attribute("alt")) > 40
    context.close()


CELL = """
from convnets.widgets import augmentation_playground, dropout_masks, normalization_axes, optimizer_race
display(
    optimizer_race(function=lambda x, g, state, rate: x - rate * g), dropout_masks(0.4, function=lambda h, p, rng: h * (rng.random(h.shape) >= p) / (1 - p)),
    augmentation_playground(function=lambda image, rng: image * rng.random()), normalization_axes(function=lambda x: x - x.mean(axis=(1, 2, 3), keepdims=True)),
)
"""


def test_in_jupyterlab_ones_own_functions_run_again(run_in_lab, page):
    run_in_lab(CELL)
    race, masks, photos, axes = (page.locator(f".cvn-{name}") for name in ("race", "dropout", "augmentation", "normalization"))
    race.wait_for(timeout=60_000)
    assert "same as SGD" in race.locator(".cvn-verdict").inner_text()
    race.get_by_label("surface").select_option("saddle")
    race.get_by_label("learning rate of yours").fill("-30")
    expected = optimizer_race("saddle", start=(-1, 0.01), function=lambda x, g, state, rate: x - rate * g, rates={"yours": 0.032}).losses()["yours"]
    page.wait_for_function("loss => Math.abs(document.querySelector('.cvn-race [data-runner=yours]').dataset.loss - loss) < 1e-9", arg=expected)
    race.locator("[role=application]").focus()
    page.keyboard.press("Home")
    assert race.get_attribute("data-step") == "0" and page.locator(".jp-Notebook .jp-Cell").count() <= 2
    masks.get_by_label("p, probability to be dropped").fill("0.7")
    masks.locator(".cvn-verdict[data-mark='✓']", has_text="1/(1 − p) = 3.33").wait_for()
    before = photos.locator(".cvn-augment-tries img").first.get_attribute("src")
    photos.get_by_role("button", name="Draw eight again").click()
    page.wait_for_function("src => document.querySelector('.cvn-augment-tries img').src !== src", arg=before)
    assert "as layer normalisation does" in axes.locator(".cvn-verdict").inner_text()
