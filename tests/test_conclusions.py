"""Conclusions that are held against the learner's own numbers: the rule is the labs' own, and no answer whatever breaks the one who judges."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from autograder.units import exercises, import_unit
from convnets.check import check_function, conclusions
from convnets.check.compare import held
from convnets.check.questions import HIDDEN_CASES, ask, load, save
from convnets.check.values import Outcome, case

LABS = {"02_batchnorm_dropout_augmentation": "conclusion", "03_finding_hyperparameters": "my_conclusion"}
PAIRS = ("wins", "gain", "error", "winner")
CUBE = ("complete", "not_the_opposite", "not_too_much", "not_too_little")
NUMBERS = st.one_of(
    arrays.arrays(np.float64, arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4)),
    arrays.arrays(st.sampled_from([np.dtype(kind) for kind in ("?", "u1", "i8", "f2", "f4", "c16")]), arrays.array_shapes(min_dims=0, max_dims=4, max_side=3)),
    arrays.arrays(np.float64, st.sampled_from([(4,), (3,), (2, 2, 2, 3)]), elements=st.sampled_from([-1.0, 0.0, 0.5, 1.0, 50.0, 80.0, np.nan, np.inf])),
)


@pytest.fixture(scope="module", params=LABS)
def asked(request):
    return next(e for e in exercises(request.param) if e.name == LABS[request.param])


def percent(n):
    return arrays.arrays(np.float64, n, elements=st.floats(1, 99).map(lambda x: round(x, 1)), fill=st.nothing())


@given(st.integers(3, 12).flatmap(lambda n: st.tuples(percent(n), percent(n))))
def test_pairs_are_judged_by_gain_and_standard_error(rows):
    exercises("03_finding_hyperparameters")
    random, grid = rows
    gain, error = import_unit("03_finding_hyperparameters").paired_gain(random, grid)
    assume(np.ptp(random - grid) > 0.05 and abs(abs(gain) - 2 * error) > 1e-6)
    right = np.array([np.sum(random > grid), gain, error, 0 if abs(gain) < 2 * error else np.sign(gain)])
    assert [getattr(conclusions, name)(right, random, grid) for name in PAIRS] == [1, 1, 1, 1]
    for entry, name in enumerate(PAIRS):
        wrong = right.copy()
        wrong[entry] += 0.2 if name in ("gain", "error") else 1
        assert getattr(conclusions, name)(wrong, random, grid) != 1


@given(arrays.arrays(np.float64, (2, 2, 2, 4), elements=st.floats(0.5, 0.9).map(lambda x: round(x, 4)), fill=st.nothing()), arrays.arrays(np.float64, 3, elements=st.sampled_from([-1.0, 0.0, 1.0])))
def test_a_cube_is_judged_by_the_verdict_of_the_lab(table, claims):
    exercises("02_batchnorm_dropout_augmentation")
    lab = import_unit("02_batchnorm_dropout_augmentation")
    found = [lab.verdict(lab.differences(table, name)) for name in lab.INGREDIENTS]
    assume(all(abs(abs(mean) - 2 * error) > 1e-9 for mean, error, _ in found))
    pairs = list(zip(claims, [says for _, _, says in found], strict=True))
    expected = [
        all(claim != -says or says == 0 for claim, says in pairs),
        all(says for claim, says in pairs if claim),
        not any(says for claim, says in pairs if not claim),
    ]
    assert [getattr(conclusions, name)(claims, table) for name in CUBE[1:]] == expected


@given(st.tuples(NUMBERS, NUMBERS, NUMBERS), st.sampled_from(PAIRS + CUBE))
def test_whatever_is_answered_is_judged(values, name):
    names = ("claims", "random", "grid") if name in PAIRS else ("claims", "table")
    outcome = held(Outcome(leaves=dict(zip(names, values, strict=False))), f"convnets.check.conclusions:{name}")
    assert (outcome.problem == "data" and outcome.message) or np.isfinite(outcome.leaves[""])


def test_the_function_that_judges_travels_by_name_and_the_numbers_do_not(asked, tmp_path):
    for secret in ("visible", "a secret"):
        questions = ask(asked, secret, HIDDEN_CASES)
        save(tmp_path / "checks.npz", "unit", [questions])
        loaded = load(tmp_path / "checks.npz")[1][asked.name]
        assert [p.holds for p in loaded.properties] == [p.holds for p in asked.properties]
        assert check_function(loaded, asked.reference).score == asked.points
        for prop in loaded.properties:
            (question,) = prop.questions
            assert question.case == case() and {name: float(value) for name, value in question.expected.leaves.items()} == {"": 1.0}


def test_a_verdict_of_ones_handed_in_as_numbers_earns_nothing(asked):
    ones = {"claims": np.ones(()), "random": np.ones(()), "grid": np.ones(()), "table": np.ones(())}
    for prop in asked.properties:
        assert held(Outcome(leaves={name: ones[name] for name in asked.returns}), prop.holds).problem == "data"


def test_an_answer_without_the_door_goes_through_as_it_is():
    outcome = Outcome(leaves={"": np.array([1.0, 2.0])})
    assert held(outcome, None) is outcome
    failed = Outcome(raised="ValueError", message="no")
    assert held(failed, "convnets.check.conclusions:gain") is failed
