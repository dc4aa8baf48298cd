"""What chapter 13 states in its text: counts are computed here from the course's own nets, published numbers are held against one list, claims are measured again with the chapter's own code."""

import re
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

from autograder.build import finished_notebook
from autograder.units import all_units, import_unit
from convnets import plots
from convnets.arithmetic import layer_table
from convnets.vision import torchvision

SOURCE = Path(__file__).resolve().parents[1] / "source/course/13_after_resnet.py"
TEXT = " ".join(re.sub(r'"\n\s*"', "", SOURCE.read_text(encoding="utf-8")).replace("\n# ", " ").split())
CELLS = [cell.split("\n", 1)[1] for cell in SOURCE.read_text(encoding="utf-8").split("\n# %%") if not cell.startswith(" [markdown]")]
BLOCKS = "07_residual_architectures"


@pytest.fixture(autouse=True)
def one_thread():
    """The chapter computes on one thread; other tests keep theirs."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@lru_cache
def chapter(*markers):
    """What the cells define that hold one of `markers`, in the chapter's order; figures are closed unseen."""
    space = {}
    exec(next(cell for cell in CELLS if "import numpy" in cell), space)
    space["plots"] = SimpleNamespace(**vars(plots) | {"show": lambda figure, alt: plt.close(figure)})
    for marker in markers:
        exec(next(cell for cell in CELLS if marker in cell), space)
    return space


@lru_cache
def total(name, side=224, **options):
    """Totals of a net of assignment 07, by the name of its function."""
    with torch.device("meta"):
        return layer_table(getattr(import_unit(BLOCKS), name)(**options), (3, side, side)).total


@lru_cache
def known(name, side=224):
    """Totals of one of torchvision's nets."""
    with torch.device("meta"):
        return layer_table(getattr(torchvision.models, name)(), (3, side, side)).total


def block_of_se_resnet():
    return 256 * 64 + 9 * 64 * 64 + 64 * 256


STATED = {
    "has {:,} weights. How many are left with 32 groups": lambda: nn.Conv2d(128, 128, 3, bias=False).weight.numel(),
    "128·4·9 = {:,}, a 32nd": lambda: nn.Conv2d(128, 128, 3, bias=False, groups=32).weight.numel(),
    "256·16 + 16 + 16·256 + 256 = {:,}": lambda: sum(p.numel() for p in torchvision.ops.SqueezeExcitation(256, 16).parameters()),
    "64 + 6·32 = {}: the input's maps": lambda: import_unit(BLOCKS).DenseBlock(64, 6)(torch.zeros(1, 64, 4, 4)).shape[1],
    "for five layers the {} arrows above": lambda: 5 * 6 // 2,
    "run in a step ({} is expected)": lambda: sum(import_unit(BLOCKS).survival_probabilities(12)),
    "each about {:.0f} blocks deep": lambda: sum(import_unit(BLOCKS).survival_probabilities(54)),
    "1,552 + 1,088 + 9,280 = {:,}": lambda: sum(p.numel() for p in import_unit(BLOCKS).Fire(96, 16, 64, 64).parameters()),
    "128·(9·96 + 1) = {:,}": lambda: sum(p.numel() for p in nn.Conv2d(96, 128, 3).parameters()),
    "parameters ({:.1f}, to be exact)": lambda: known("alexnet").parameters / total("squeezenet").parameters,
    "AlexNet is {:.0f} MB of weights": lambda: round(known("alexnet").parameters * 4 / 1e6, -1),
    "{:.2f} million of them, 5 MB as float32": lambda: total("squeezenet").parameters / 1e6,
    "1/256 + 1/9 = {:.3f}": lambda: 1 / 256 + 1 / 9,
    "These make {} nets".replace("These make", "That makes"): lambda: len(chapter("GENES = (")["SPACE"]),
    "(1.2·1.21·1.3225)³ = 1.92³ = {:.1f}": lambda: (1.2 * 1.1**2 * 1.15**2) ** 3,
    "DenseNet-121 still has {:.0f} million": lambda: total("densenet").parameters / 1e6,
    "at the same number of weights: {:.0f} million": lambda: total("resnext").parameters / 1e6,
    "82.2 − 79.0 = {}: nearly three quarters": lambda: round(PUBLISHED["ResNet-RS, training only"] - PUBLISHED["ResNet-200"], 1),
    "Gate and ResNet-D add {}": lambda: round(PUBLISHED["ResNet-RS"] - PUBLISHED["ResNet-RS, training only"], 1),
    "From {} to 83.4 % is 4.4 points": lambda: PUBLISHED["ResNet-200"],
}  # fmt: skip

# Published numbers, in % unless said, each with its source.
PUBLISHED = {
    "ResNet-200": 79.0, "ResNet-RS, training only": 82.2, "ResNet-RS": 83.4,  # Bello et al. 2021, table 1
    "ResNet-101 error": 22.0,  # Xie et al. 2017, table 3
}  # fmt: skip


@pytest.mark.parametrize("words", STATED)
def test_the_text_states_what_is_computed(words):
    assert words.format(STATED[words]()) in TEXT


# Words of the chapter, with the source of what they quote.
QUOTED = {
    "Russakovsky et al. 2015, table 8 and section 6.4: winners to 2014, and the person": ("28.2), 2011", "25.8), 2012", "16.4), 2013", "11.7), 2014", "6.7), 2015", "PERSON = 5.1"),
    "He et al. 2016": ("3.57",),
    "Trimps-Soushen 2016, slides": ("2.99), 2017", '"Wide ResNet-68-3": 4.65, "ResNet-200": 4.26, "Inception-v3": 4.20, "Inception-v4": 4.01, "Inception-ResNet-v2": 3.52, "all five, fused": 2.99'),
    "Hu et al. 2018, table 2 and section 6": ('("SENet", 2.25)', "falls from 7.48 % to 6.62 %, close to that of a ResNet-101 (6.52 %)", "usually quoted as 2.3 %"),
    "Xie et al. 2017, tables 2 and 3": ("{(1, 64): 23.9, (2, 40): 23.0, (4, 24): 22.6, (8, 14): 22.3, (32, 4): 22.2}", "It nearly reaches ResNet-101 (22.0 %)"),
    "Huang et al. 2016, section 4": ("from 6.41 % error to **5.25 %**", "4.91 %"),
    "Iandola et al. 2016, table 2": ("57.5 % top-1 against AlexNet's 57.2 %", "0.47 MB, 510 times smaller"),
    "Howard et al. 2017, table 4": ("70.6 %, 569 million multiply-adds, 4.2 million weights", "71.7 %, 4,866 million, 29.3 million"),
    "Sandler et al. 2018, table 4": ("MobileNetV2 72.0 %",),
    "Zoph & Le 2017; Zoph et al. 2018; Ying et al. 2019": ("12,800 nets, on 800 GPUs", "82.7 % with 89 million weights", "500 GPUs four days", "423,624 nets"),
    "Tan & Le 2019, tables 2 and 7": ("| depth alone, ×4 | 79.0 % |", "| width alone, ×2 | 78.9 % |", "| resolution alone, ×2 | 79.1 % |", "| **81.1 %** |", "$\\alpha = 1.2$, $\\beta = 1.1$, $\\gamma = 1.15$"),
}  # fmt: skip


@pytest.mark.parametrize("source", QUOTED)
def test_the_text_quotes_its_sources(source):
    assert [words for words in QUOTED[source] if words not in TEXT] == []


def test_the_recipe_is_the_papers_table():
    """Bello et al. 2021, table 1: accuracy after each change, and the change as printed."""
    space = chapter("RECIPE = [")
    after = [space["START"], *[accuracy for _, accuracy, _ in space["RECIPE"]]]
    assert after == [79.0, 79.3, 78.8, 79.1, 80.4, 80.6, 81.0, 80.7, 82.2, 82.9, 83.4]
    assert np.diff(after).round(1).tolist() == [0.3, -0.5, 0.3, 1.3, 0.2, 0.4, -0.3, 1.5, 0.7, 0.5]
    kinds = [kind for _, _, kind in space["RECIPE"]]
    assert kinds == ["training"] * 3 + ["regularisation"] * 5 + ["architecture"] * 2
    assert space["before"] == 83.4
    assert sum(space["gains"].values()) == pytest.approx(4.4)


def test_the_nets_of_the_tables_have_the_published_counts():
    assert total("resnext").parameters == 25_028_904
    assert total("resnet", depth=50).parameters == 25_557_032
    assert total("densenet").parameters == 7_978_856
    assert total("squeezenet").parameters == 1_248_424
    assert total("efficientnet_b0").parameters == 5_288_548
    gates = total("se_resnet").parameters - total("resnet", depth=50).parameters
    assert 0.09 < gates / total("resnet", depth=50).parameters < 0.11, "a tenth more weights"
    assert total("se_resnet").multiply_adds < 1.01 * total("resnet", depth=50).multiply_adds
    assert total("densenet", depth=201).parameters < 21e6 and total("resnet", depth=101).parameters > 40e6
    assert total("densenet").activation_bytes > 1.25 * total("resnet", depth=50).activation_bytes
    assert 1.1 < known("squeezenet1_0").multiply_adds / known("alexnet").multiply_adds < 1.2, "more work than AlexNet"
    assert round(known("mobilenet_v2").multiply_adds / 569e6, 1) == 0.5


def test_the_tables_are_filled_in():
    notebook = finished_notebook(next(unit for unit in all_units() if unit.name == SOURCE.stem))
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for shown in ("| ResNeXt-50, 32×4 | 25,028,904 |", "| SE-ResNet-50 | 28,088,024 |", "| DenseNet-201 | 20,013,928 |", "| fire9 |", "| stage7 |"):
        assert shown in text
    assert "<!--" not in text


def test_the_sizes_of_efficientnet_are_the_published_ones():
    space = chapter("SCALES = {")
    assert (space["sizes"]["B0"], space["sizes"]["B7"]) == (5_288_548, 66_347_960)
    assert [round(n / 1e6, 1) for n in space["sizes"].values()] == [5.3, 7.8, 9.1, 12.2, 19.3, 30.4, 43.0, 66.3]
    assert 90 < known("efficientnet_b7", 600).multiply_adds / known("efficientnet_b0").multiply_adds < 110, "about a hundred times the work"


def test_three_forms_of_resnext_are_one():
    space = chapter("C, d = 32, 4")
    assert np.allclose(space["added"], space["stacked"]) and np.allclose(space["stacked"], space["grouped"])
    assert np.abs(space["added"]).max() > 0.1
    published = chapter("PUBLISHED = {(1, 64)")["PUBLISHED"]
    weights = [c * (256 * d + 9 * d * d + d * 256) for c, d in published]
    assert max(weights) < 1.03 * min(weights), "about the same cost"


def test_the_expected_depth_is_the_references():
    space = chapter("BLOCKS = 54")
    assert space["survive"].tolist() == pytest.approx(import_unit(BLOCKS).survival_probabilities(54))
    assert space["expected"] == pytest.approx(40.25)
    assert space["depths"] @ np.arange(55) == pytest.approx(40.25)
    assert space["depths"].sum() == pytest.approx(1)


def test_the_gate_turns_ruined_copies_down():
    space = chapter("COPIES = 8")
    assert space["errors"]["with a gate"] < 0.6 * space["errors"]["without a gate"]
    assert space["gates"][~space["which"]].mean() > 4 * space["gates"][space["which"]].mean()


def test_relu_destroys_in_few_dimensions_only():
    losses = chapter("spiral = np.stack")["losses"]
    assert losses[2] > 0.4 > losses[8] and losses[30] < 0.05


def test_a_separable_convolution_counts_as_the_formula_says():
    for n in (16, 64, 256):
        full, *parts = (layer_table(layer, (n, 28, 28)).total.multiply_adds for layer in (nn.Conv2d(n, n, 3, padding=1, bias=False), nn.Conv2d(n, n, 3, padding=1, groups=n, bias=False), nn.Conv2d(n, n, 1, bias=False)))
        assert sum(parts) / full == pytest.approx(1 / n + 1 / 9)


def test_every_net_of_the_search_space_keeps_its_budget():
    space = chapter("GENES = (")
    for genes in space["SPACE"]:
        net = space["build"](genes, 0)
        width = net[-1].in_features // 4
        work = layer_table(net, (1, 14, 14)).total.multiply_adds
        assert work == space["cost"](*genes[:3], width)
        assert 0.7 * space["BUDGET"] < work <= space["BUDGET"]
        assert net(torch.rand(2, 1, 14, 14)).shape == (2, 10)


def test_each_strategy_pays_for_what_it_looks_at():
    """On a made-up space where the genes add up, all find good nets, and none looks at more steps than it pays for."""
    space = dict(chapter("GENES = ("))
    rng = np.random.default_rng(0)
    worth = [{value: rng.random() for value in values} for values in space["GENES"]]
    looked = set()

    class Scores(dict):
        def __getitem__(self, genes):
            value = sum(table[gene] for table, gene in zip(worth, genes, strict=True))
            return Marks(genes, value)

    class Marks:
        def __init__(self, genes, value):
            self.genes, self.value = genes, value

        def __getitem__(self, mark):
            looked.add((self.genes, mark % 3))
            return self.value

    space["score"] = Scores()
    exec(next(cell for cell in CELLS if "def random_search" in cell).split("BUDGETS, RUNS")[0], space)
    ranks = sorted((sum(t[g] for t, g in zip(worth, genes, strict=True)) for genes in space["SPACE"]), reverse=True)
    for name, best in (("random_search", 16), ("evolution", 16), ("successive_halving", 10)):
        for run in range(20):
            looked.clear()
            found = space[name](12, np.random.default_rng(run))
            assert found in space["SPACE"]
            steps = {0: 16, 1: 32, 2: 64}
            paid = sum(max(steps[m] for g, m in looked if g == genes) for genes in {g for g, _ in looked})
            assert paid <= 12 * 64
            assert sum(t[g] for t, g in zip(worth, found, strict=True)) >= ranks[best]


def cell_of(marker, *changes):
    """The source of the cell that holds `marker`, with pieces of it replaced, so that it takes less time."""
    source = next(cell for cell in CELLS if marker in cell)
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    return source


def test_the_whole_net_stands_for_its_thinned_nets_only_if_it_trained_with_stochastic_depth():
    space = dict(chapter("clothes = data.load"))
    exec(cell_of("class ResidualNet", ("for seed in range(2)", "for seed in range(1)")), space)
    gap = {name: rows[0, 2] - rows[0, 1] for name, rows in space["thinned"].items()}
    assert gap["stochastic depth"] < 3 < 4 < gap["all blocks, always"]
    assert space["thinned"]["stochastic depth"][0, 2] < space["thinned"]["all blocks, always"][0, 2], "not better in so short a training"


def test_the_kind_of_block_decides_most_and_early_scores_say_little():
    space = dict(chapter("clothes = data.load", "GENES = ("))
    seen = {}
    for genes in [(kind, kernel, 2, True) for kind in ("plain", "inverted") for kernel in (3, 5)] + [("inverted", 5, 4, False)]:
        net = space["train"](space["build"](genes, 0), space["images"], space["labels"], steps=64, look=lambda step, net, genes=genes: seen.setdefault(genes, space["accuracy"](net, space["test"], space["test_labels"])) if step == 16 else net.train())
        seen[genes] = seen[genes], space["accuracy"](net, space["test"], space["test_labels"])
    last = {genes: values[1] for genes, values in seen.items()}
    assert min(last[genes] for genes in last if genes[0] == "inverted") > max(last[genes] for genes in last if genes[0] == "plain")
    late = seen.pop(("inverted", 5, 4, False))
    assert late[0] < min(first for first, _ in seen.values()), "four blocks without a shortcut start slowly"


def test_widths_at_equal_work_are_as_described():
    build = chapter("GENES = (")["build"]
    assert build(("plain", 3, 2, False), 0)[-1].in_features // 4 == 18
    assert 3 * (build(("inverted", 3, 2, True), 0)[-1].in_features // 4) == 60


def test_the_grid_of_scaled_nets_costs_four_times_the_base():
    space = dict(chapter("clothes = data.load", "GENES = ("))
    exec(cell_of("def scalable", ("for blocks, width, side in [base, *choices]:", "for blocks, width, side in []:")).split("fig, ax")[0], space)
    works = {way: layer_table(space["scalable"](*way[:2]), (1, way[2], way[2])).total.multiply_adds for way in [space["base"], *space["choices"]]}
    assert len(space["choices"]) == 6 and (2, 10, 12) in space["choices"]
    for way in space["choices"]:
        assert works[way] / works[space["base"]] == pytest.approx(space["work"](*way) / space["work"](*space["base"]), rel=0.01)
        assert works[way] / works[space["base"]] == pytest.approx(4, rel=0.06)


def test_old_maps_are_reused_in_the_small_densenet():
    space = dict(chapter("clothes = data.load", "dense = torchvision"))
    hurts = space["hurts"][np.isfinite(space["hurts"])]
    assert (hurts > 0).mean() > 0.8 and hurts.max() > 0.3
    assert (space["hurts"][6] > 0).all()
