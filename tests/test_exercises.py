"""Every exercise of every unit: what is right gets full marks however it is written, what is wrong is named."""

import runpy
from functools import lru_cache
from pathlib import Path

import pytest

from autograder.units import all_units, exercises
from convnets.check import check_function
from convnets.check.questions import HIDDEN_CASES, VISIBLE, VISIBLE_CASES, ask

SECRETS = {"visible": (VISIBLE, VISIBLE_CASES), "hidden": ("first secret", HIDDEN_CASES), "other hidden": ("second secret", HIDDEN_CASES)}
DECLARED = {(unit.name, e.name): e for unit in all_units() if unit.graded for e in exercises(unit.name)}
MANY = ("conv2d", "max_pool2d", "avg_pool2d")


@lru_cache
def questions(unit, name, secret):
    return ask(DECLARED[unit, name], *SECRETS[secret])


@lru_cache
def correct(unit):
    return runpy.run_path(str(Path(__file__).with_name("correct") / f"{unit}.py"))["CORRECT"]


def names(values):
    return "/".join(values)


@pytest.fixture(params=DECLARED, ids=names)
def declared(request):
    return request.param


@pytest.mark.parametrize("secret", SECRETS)
def test_reference_gets_full_marks(declared, secret):
    report = check_function(questions(*declared, secret), DECLARED[declared].reference)
    assert report.score == report.max_score == DECLARED[declared].points > 0


@pytest.mark.parametrize("secret", SECRETS)
def test_three_other_solutions_get_full_marks(declared, secret):
    unit, name = declared
    solutions = correct(unit)[name]
    assert len(solutions) >= 3
    for solution in solutions:
        report = check_function(questions(unit, name, secret), solution)
        lost = {p.name: p.failure.difference.message for p in report.properties if p.failure}
        assert not lost, solution.__name__


@pytest.mark.parametrize("secret", SECRETS)
def test_every_mistake_is_rejected_with_its_own_hint(declared, secret):
    exercise = DECLARED[declared]
    asked = questions(*declared, secret)
    unnamed = {}
    for mistake in exercise.mistakes:
        report = check_function(asked, mistake.function)
        by_name = {p.name: p for p in report.properties}
        assert mistake.loses in by_name, f"{mistake.name!r} names an unknown property {mistake.loses!r}"
        failure = by_name[mistake.loses].failure
        if failure is None or failure.misconception != mistake.name:
            unnamed[mistake.name] = failure and failure.misconception
    assert not unnamed, "mistakes that pass, or are taken for another"


def test_enough_mistakes_with_different_hints(declared):
    mistakes = DECLARED[declared].mistakes
    assert len(mistakes) >= (10 if declared[1].startswith(MANY) else 4)
    assert len({m.hint for m in mistakes}) == len(mistakes)


def test_an_empty_stub_scores_nothing(declared):
    def stub(*args, **kwargs):
        raise NotImplementedError(declared[1])

    def silent(*args, **kwargs):
        return None

    for empty in (stub, silent):
        assert check_function(questions(*declared, "visible"), empty).score == 0


def test_every_property_can_be_lost(declared):
    """No property passes a function that answers with a fixed wrong number."""
    report = check_function(questions(*declared, "visible"), lambda *args, **kwargs: -12345.678)
    assert report.score == 0
