"""What chapters 06 and 07 state in their text: numbers are computed here, claims are measured again, smaller, with the chapters' own code."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

COURSE = Path(__file__).resolve().parents[1] / "source/course"
SOURCES = {number: next(COURSE.glob(f"{number}_*.py")).read_text(encoding="utf-8") for number in ("06", "07")}
TEXT = {number: " ".join(re.sub(r'"\n\s*"', "", source).replace("\n# ", " ").split()) for number, source in SOURCES.items()}


def run_cells(number, *markers):
    """The names that the chapter's code cells define which hold one of these markers, run in order."""
    cells = [cell.split("\n", 1)[1] for cell in SOURCES[number].split("\n# %%") if not cell.startswith(" [markdown]")]
    imports = next(cell for cell in cells if "import numpy" in cell)
    space = {}
    for cell in [imports, *(c for c in cells if any(marker in c for marker in markers))]:
        exec(cell, space)
    return space


@pytest.fixture(scope="module")
def optimization():
    return run_cells("06", "clothes = data", "raw = {", "rules = {", "def train_nets", "def search(", "def on_plateau", "def settled", "def steps_needed")


@pytest.fixture(scope="module")
def regularization():
    return run_cells("07", "def train_nets", "def shift(", "def dropout(", "def residual")


def bounded(curvature, rate, steps=10_000):
    return abs(1 - rate * curvature) ** steps <= 1.0000001


STATED = {
    "06": {
        "answer=0.04, tolerance": lambda: bounded(50, 0.04) and not bounded(50, 0.0401),
        "each step removes only 4 % of the distance": lambda: 1 - abs(1 - 0.04 * 1) == pytest.approx(0.04),
        "to at most $1/(1-\\rho) = 10$ times one gradient": lambda: sum(0.9**i for i in range(1000)) == pytest.approx(10),
        "2¹⁰ = 1,024": lambda: 2**10 == 1024 and np.sqrt(1024) == 32,
        "0.1/√0.001 = 3.16": lambda: round(0.1 / np.sqrt(0.001), 2) == 3.16,
        "$\\beta_1 = 0.9$, $\\beta_2 = 0.999$, $\\varepsilon = 10^{-8}$": lambda: torch.optim.Adam([torch.zeros(1)]).defaults["betas"] == (0.9, 0.999) and torch.optim.Adam([torch.zeros(1)]).defaults["eps"] == 1e-8,
        "$\\eta$ = 1e-3 or 5e-4 is a good start": lambda: torch.optim.Adam([torch.zeros(1)]).defaults["lr"] == 1e-3,
        "√(2/1152) = 0.0417": lambda: torch.nn.Conv2d(128, 1, 3).weight[0].numel() == 1152 and round(np.sqrt(2 / 1152), 4) == 0.0417,
        "nine of ten draws lie above 0.1": lambda: pytest.approx(0.9, abs=1e-3) == (1 - 0.1) / (1 - 1e-4),
        "you get one draw in a hundred": lambda: pytest.approx(0.01, abs=2e-3) == (0.01 - 0.001) / (1 - 1e-4),
        "from 79.0 to 79.3 %": lambda: round(STUDY["cosine"] - 79.0, 1) == 0.3,
        "3·3·3 = 27": lambda: 3**3 == 27,
    },
    "07": {
        "It has 20,710 weights for 300 labels": lambda: 196 * 100 + 100 + 100 * 10 + 10 == 20_710,
        "1 − 0.1 + 0.1/10 = 0.91, and each of the other nine gets 0.01": lambda: pytest.approx(0.91) == 1 - 0.1 + 0.1 / 10 and pytest.approx(1) == 0.91 + 9 * 0.01,
        "80 · 1.25 = 100": lambda: pytest.approx(100) == 100 * 0.8 / (1 - 0.2),
        "1/(1 − 0.25) = 1.333": lambda: round(1 / 0.75, 3) == 1.333,
        "SGD and AdamW pull by $\\eta\\lambda w = 0.01$": lambda: pull(torch.optim.SGD) == pytest.approx(0.01) and pull(torch.optim.AdamW) == pytest.approx(0.01) and abs(pull(torch.optim.Adam)) < 1e-4,
        "top-5 error of 18.2 % on ImageNet, seven nets together 15.3 %": lambda: (ALEXNET[1, "validation"], ALEXNET[7, "test"]) == (18.2, 15.3),
        "Five plain AlexNets reached 16.4 %": lambda: ALEXNET[5, "test"] == 16.4,
    },
}  # fmt: skip

# Krizhevsky and others, NeurIPS 2012, table 2: top-5 error in % by number of nets; the seven hold two that were pretrained on ImageNet Fall 2011.
ALEXNET = {(1, "validation"): 18.2, (5, "validation"): 16.4, (5, "test"): 16.4, (7, "validation"): 15.4, (7, "test"): 15.3}
# Bello and others, arXiv:2103.07579, table 1: ImageNet top-1 in % after each change, in their order, from a ResNet-200 with 79.0.
STUDY = {"baseline": 79.0, "cosine": 79.3, "epochs": 78.8, "EMA": 79.1, "smoothing": 80.4, "depth": 80.6, "RandAugment": 81.0, "dropout": 80.7, "decay": 82.2}


def pull(optimizer):
    """How far weight decay of 0.1 moves a weight of 1 in the first step at learning rate 0.1."""
    ends = []
    for decay in (0.0, 0.1):
        w = torch.ones(1, dtype=torch.float64, requires_grad=True)
        w.grad = torch.full((1,), 100.0, dtype=torch.float64)
        optimizer([w], lr=0.1, weight_decay=decay).step()
        ends.append(w.item())
    return ends[0] - ends[1]


@pytest.mark.parametrize(("number", "words"), [(number, words) for number, stated in STATED.items() for words in stated])
def test_the_text_states_what_is_computed(number, words):
    assert words in TEXT[number]
    assert STATED[number][words]()


@pytest.mark.parametrize(("change", "row"), [("EMA", "averaged weights (EMA)"), ("smoothing", "label smoothing"), ("depth", "stochastic depth"), ("RandAugment", "stronger augmentation (RandAugment)"), ("dropout", "dropout before the last layer"), ("decay", "less weight decay")])  # fmt: skip
def test_the_table_of_gains_follows_from_the_accuracies(change, row):
    names = list(STUDY)
    gain = STUDY[change] - STUDY[names[names.index(change) - 1]]
    assert f"| {row} | {gain:+.1f} |".replace("-", "−") in TEXT["07"].replace("# ", "")


# --- the chapters' own functions


def test_rules_are_pytorchs(optimization):
    theirs = {
        "SGD": lambda p: torch.optim.SGD(p, lr=0.03), "Momentum": lambda p: torch.optim.SGD(p, lr=0.03, momentum=0.9),
        "RMSProp": lambda p: torch.optim.RMSprop(p, lr=0.03, alpha=0.9), "Adam": lambda p: torch.optim.Adam(p, lr=0.03),
    }  # fmt: skip
    gradients = np.random.default_rng(1).standard_normal((30, 5))
    for name, rule in optimization["rules"].items():
        x, state, p = np.ones(5), {}, torch.ones(5, dtype=torch.float64, requires_grad=True)
        optimizer = theirs[name]([p])
        for g in gradients:
            x, p.grad = rule(x, g, state, 0.03), torch.from_numpy(g)
            optimizer.step()
        np.testing.assert_allclose(x, p.detach().numpy(), rtol=1e-10)


def test_plateau_schedule_is_pytorchs(optimization):
    rng = np.random.default_rng(0)
    for patience in (0, 1, 3):
        losses = rng.random(40).tolist()
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=patience, threshold=0, eps=0)
        rates = []
        for loss in losses:
            scheduler.step(loss)
            rates.append(optimizer.param_groups[0]["lr"])
        np.testing.assert_allclose(optimization["on_plateau"](losses, 1.0, patience, 0.5), rates)


def test_many_nets_at_once_learn_what_one_net_learns(optimization):
    """A net's training does not depend on the nets beside it: the gradients do not mix."""
    train_nets, momentum = optimization["train_nets"], optimization["momentum"]
    _, alone = train_nets([0.02, 0.02], momentum, steps=20)
    _, beside = train_nets([0.02, 5.0], momentum, steps=20)
    np.testing.assert_allclose(alone[:, 0], beside[:, 0], rtol=1e-5)


def test_dropout_and_stochastic_depth_keep_the_mean(regularization):
    rng = np.random.default_rng(0)
    assert regularization["dropout"](np.ones(200_000), 0.3, rng).mean() == pytest.approx(1, abs=0.01)
    residual = regularization["residual"]
    mean = np.mean([residual(1.0, lambda x: 0.5 * x, 0.8, rng) for _ in range(20_000)])
    assert mean == pytest.approx(residual(1.0, lambda x: 0.5 * x, 0.8), abs=0.01)


def test_augmentations_move_and_flip(regularization):
    x = torch.arange(2 * 196.0).view(2, 196)
    generator = torch.Generator().manual_seed(0)
    seen = {tuple(regularization["shift"](x, generator)[0].tolist()) for _ in range(300)}
    assert len(seen) == 25 and tuple(x[0].tolist()) in seen
    flipped = {tuple(regularization["flip"](x, generator)[0].tolist()) for _ in range(30)}
    assert flipped == {tuple(x[0].tolist()), tuple(x[0].view(14, 14).flip(1).flatten().tolist())}


# --- claims, measured again with other seeds


def test_gradient_descent_takes_steps_in_proportion_to_the_condition_number(optimization):
    steps = optimization["steps_needed"]
    assert steps(1000, 2 / 1001) / steps(100, 2 / 101) == pytest.approx(10, rel=0.05)
    assert steps(1000, 2 / 1000, 0.9) < 0.1 * steps(1000, 2 / 1001)


def test_random_search_beats_a_grid_of_the_same_budget(optimization):
    found = optimization["search"](2, 3, repetitions=8)
    gain = found[:, 1] - found[:, 0]
    assert gain.mean() > 2 * gain.std(ddof=1) / np.sqrt(len(gain))
    assert found[:, 1].std() < found[:, 0].std()


def test_adam_at_sgds_learning_rate_is_worse_than_at_its_own(optimization):
    train_nets, adam, accuracy = optimization["train_nets"], optimization["adam"], optimization["accuracy"]
    own, other = accuracy(train_nets([0.01] * 4 + [0.1] * 4, adam, seed=7)[0]).reshape(2, 4)
    assert own.min() > other.max()


def test_centring_and_scaling_help(optimization):
    o = optimization
    best = []
    for x in (o["raw"]["train"] / 255, (o["raw"]["train"] - o["centre"]) / 255, o["images"]):
        data, held_out = (x[:8000], o["labels"][:8000]), (x[8000:], o["labels"][8000:])
        nets = o["train_nets"](np.repeat((0.03, 0.1, 0.3), 3), o["momentum"], data=data, seed=7)[0]
        best.append(o["accuracy"](nets, held_out).reshape(3, 3).mean(1).max())
    assert best[1] > best[0] + 1
    assert best[2] > best[0] + 2


def test_a_net_learns_random_labels_by_heart(regularization):
    random_labels = torch.randint(0, 10, (300,), generator=torch.Generator().manual_seed(5))
    weights = regularization["train_nets"](2, data=(regularization["few"][0], random_labels), steps=800, seed=5)
    assert regularization["measure"](weights, (regularization["few"][0], random_labels))[1].min() > 99


def test_dropout_narrows_the_gap(regularization):
    r = regularization
    weights = r["train_nets"](10, drop=[0.0] * 5 + [0.5] * 5, steps=400, seed=9)
    gaps = (r["measure"](weights, r["validation"])[0] - r["measure"](weights, r["few"])[0]).reshape(2, 5)
    assert gaps[1].max() < gaps[0].min()
