"""Lab 03: the examples in its text, its full version on a GPU's code path with little data, and the search probes' own honesty."""

import numpy as np
import pytest

from autograder.build import read_source
from autograder.units import exercises, find_unit, import_unit
from convnets.check import as_text, check_function
from convnets.check.compare import DISAGREES
from convnets.check.conclusions import agreement
from convnets.check.questions import ask
from convnets.check.search_probes import halved, rehearsed
from convnets.data import Images
from convnets.errors import UserError
from convnets.results import load_results, save_results

NAME = "03_finding_hyperparameters"


@pytest.fixture(scope="module")
def lab():
    exercises(NAME)
    return import_unit(NAME)


def source_cells():
    return [cell.source for cell in read_source(find_unit(NAME)).cells if cell.cell_type == "code"]


def cell_with(words):
    return next(cell for cell in source_cells() if words in cell)


def test_the_examples_of_the_text(lab):
    assert lab.place(lab.SPACE, np.array([[0.5, 0.5, 0.5]]))[0] == pytest.approx([0.01, 0.0001, 0.3])
    assert lab.place((("rate", 1e-4, 1.0, "log"), ("dropout", 0.0, 0.6, "even")), np.array([[0.5, 0.5]]))[0] == pytest.approx([0.01, 0.3])
    assert repr(64 ** (1 / 3)) == "3.9999999999999996"
    grid = lab.grid_points(10, 2)
    assert len(grid) == 9 and np.unique(grid.round(9)) == pytest.approx([1 / 6, 1 / 2, 5 / 6])
    assert len(np.unique(lab.grid_points(8, 3)[:, 0])) == 2
    assert lab.paired_gain(np.array([5, 7, 9]), np.array([4, 4, 4])) == pytest.approx((3, 2 / np.sqrt(3)))
    assert 2 / np.sqrt(3) == pytest.approx(1.155, abs=5e-4)
    points, scores = np.array([[0.1, 0.9], [0.5, 0.4], [0.6, 0.3]]), np.array([10.0, 80, 85])
    assert np.array(lab.finer_box(points, scores, 2)) == pytest.approx(np.array([[0.5, 0.3], [0.6, 0.4]]))
    assert np.array(lab.finer_box(points, scores, 2, 0.05)) == pytest.approx(np.array([[0.45, 0.25], [0.65, 0.45]]))
    returned, trained, weights = rehearsed(lab.train_with_patience, np.array([70.0, 75, 74, 75, 73, 80]), 3, 30)
    assert list(returned) == [70, 75, 74, 75, 73] and (trained, weights) == (5, 1)
    table = np.array([[5.0, 1, 9, 4, 8, 2, 7, 3, 6], [0, 0, 10, 0, 20, 0, 15, 0, 0]])
    winner, trained = halved(lab.successive_halving, table)
    assert winner == 4 and list(trained) == [9, 3]
    assert lab.choose(np.array([[80, 84], [83, 83], [90, np.nan]]), lambda i: np.array([[0, 0], [81, 82], [0, 0]])[i]) == (1, 81.5)
    assert 27 * 1 + 9 * 1 + 3 * 3 == 9 * 5 == 45


def test_the_example_of_a_conclusion(lab, monkeypatch):
    monkeypatch.setattr(lab, "own", {"grid": np.array([80.0, 82, 81]), "random": np.array([83.0, 81, 84])})
    said = lab.my_conclusion()
    assert (said["wins"], round(said["gain"], 1), round(said["error"], 1), said["winner"]) == (2, 1.7, 1.3, "nobody")


@pytest.mark.parametrize(
    ("claim", "truth", "code"),
    [(1.3, 1.34, 1), (1.3, 1.36, 0), (-1.3, 1.3, -1), (0.03, 3.0, 0.01), (300, 3.0, 100), (0.0, -0.04, 1)],
)
def test_a_claim_agrees_to_one_decimal_and_its_slips_are_told_apart(claim, truth, code):
    assert agreement(claim, truth) == code


def conclude(own, claims):
    """The check's report on a learner with these numbers and claims."""
    learner = {"own": own, "claims": claims}
    exec("def my_conclusion():\n    return claims", learner)
    asked = next(ask(e) for e in exercises(NAME) if e.name == "my_conclusion")
    return check_function(asked, learner["my_conclusion"])


GRID = np.array([80.0, 82, 81, 79, 84])
RANDOM = np.array([83.0, 81, 84, 83, 86])
RIGHT = {"wins": 4, "gain": 2.2, "error": 0.9, "winner": "random"}


def test_a_conclusion_is_held_against_its_own_numbers(lab):
    assert lab.paired_gain(RANDOM, GRID) == pytest.approx((2.2, 0.86), abs=0.005)
    own = {"random": RANDOM, "grid": GRID}
    assert conclude(own, RIGHT).score == 5
    assert conclude({"random": GRID, "grid": RANDOM}, {"wins": 1, "gain": -2.2, "error": 0.86, "winner": "grid"}).score == 5
    for wrong, lost in (({"wins": 1}, 1), ({"gain": 2.4}, 1), ({"error": 1.9}, 1), ({"winner": "nobody"}, 2), ({"winner": "grid"}, 2), ({"winner": "Random"}, 2), ({"winner": ["random"]}, 2)):
        report = conclude(own, RIGHT | wrong)
        assert report.score == 5 - lost, wrong
        assert [p.failure.difference.message for p in report.properties if p.failure] == [DISAGREES]
    assert conclude({"random": GRID + np.array([1, -1, 1, -1, 1]), "grid": GRID}, {"wins": 3, "gain": 0.2, "error": 0.5, "winner": "nobody"}).score == 5


@pytest.mark.parametrize(
    ("random", "grid", "words"),
    [
        (RANDOM, GRID[:4], "as many as the other"),
        (RANDOM[:2], GRID[:2], "holds 2 repetitions"),
        (RANDOM[None], GRID[None], "one number for each repetition"),
        (np.where(RANDOM > 85, np.nan, RANDOM), GRID, "not numbers"),
        (np.where(RANDOM > 85, np.inf, RANDOM), GRID, "not numbers"),
        (RANDOM + 20, GRID, "0 to 100 percent"),
        (RANDOM, GRID - 81, "0 to 100 percent"),
        (RANDOM / 100, GRID / 100, "shares from 0 to 1"),
        (GRID + 2.2, GRID, "by the same amount"),
        (GRID, GRID, "by the same amount"),
        (RANDOM + 1j, GRID, "complex"),
        (np.full(20_000, 84.0), np.full(20_000, 82.0), "at most 16384"),
    ],
)
def test_numbers_that_are_no_measurements_support_no_claim(lab, random, grid, words):
    report = conclude({"random": random, "grid": grid}, RIGHT)
    assert report.score == 0
    for shown in (as_text(report), as_text(report, examples=False)):
        assert words in shown


@pytest.mark.parametrize(
    ("own", "claims", "words"),
    [
        (None, RIGHT, "no searches of yours yet"),
        ({"random": RANDOM}, RIGHT, "no results named random and grid"),
        ({"random": RANDOM, "grid": GRID}, {"wins": 4}, "your conclusion has no gain"),
        ({"random": RANDOM, "grid": GRID}, [4, 2.2, 0.9, "random"], "your conclusion has no wins"),
        ({"random": RANDOM, "grid": GRID}, RIGHT | {"gain": "much"}, "your gain is no number, but a str"),
        ({"random": RANDOM, "grid": GRID}, None, "returned None"),
    ],
)
def test_a_conclusion_of_another_form_is_told_what_is_asked(lab, own, claims, words):
    report = conclude(own, claims)
    assert report.score == 0 and words in as_text(report)


def test_results_come_back_whole_and_damage_is_named(tmp_path):
    path = tmp_path / "searches.safetensors"
    assert load_results(path) is None
    save_results(path, grid=np.arange(3.0), prediction=5.0)
    found = load_results(path)
    assert list(found["grid"]) == [0, 1, 2] and float(found["prediction"].item()) == 5.0
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(UserError, match="Delete it"):
        load_results(path)
    with pytest.raises(UserError, match="cannot be written"):
        save_results(tmp_path / "missing" / "searches.safetensors", grid=np.arange(3.0))


def test_the_full_version_runs(lab, monkeypatch):
    """The cells that a GPU would run with all images: here with as many tiny random ones, and a net that sees a few of them."""
    rng = np.random.default_rng(0)
    many = Images(
        rng.integers(0, 256, (60_000, 28, 28), dtype=np.uint8), rng.integers(0, 10, 60_000), rng.integers(0, 256, (500, 28, 28), dtype=np.uint8), rng.integers(0, 10, 500), tuple("abcdefghij")
    )
    asked = []
    monkeypatch.setattr("convnets.data.load_fashion_mnist", lambda full=False: asked.append(full) or many)
    tools = cell_with("FULL = ")
    assert 'FULL = device().type != "cpu"' in tools
    space = dict(vars(lab))
    exec(tools.replace('FULL = device().type != "cpu"', "FULL = True"), space)
    assert asked == [True]
    assert [len(space[part][1]) for part in ("train", "validation", "test")] == [50_000, 10_000, 500]
    space["train"] = tuple(part[:200] for part in space["train"])
    exec(cell_with("class Run:").split("\nfor rate in")[0], space)
    run = space["Run"]((0.01, 1e-4, 0.1), seed=0)
    scores = lab.train_with_patience(run, 2, 4)
    assert 1 <= len(scores) <= 4 and run.accuracy(space["validation"]) == pytest.approx(max(scores), abs=0.02)


def test_a_run_that_breaks_is_not_a_number(lab):
    space = dict(vars(lab))
    exec(cell_with("FULL = "), space)
    space["train"] = tuple(part[:640] for part in space["train"])
    exec(cell_with("class Run:").split("\nfor rate in")[0], space)
    run = space["Run"]((1e4, 1e-4, 0.0), seed=0)
    assert np.isnan([run.epoch() for _ in range(3)][-1])
