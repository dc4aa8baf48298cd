"""The architecture explorer and the widget of Inception's bottlenecks: their boxes, wires and sums are those of the networks."""

import base64
import json
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from autograder.units import import_unit
from convnets.arithmetic import layer_table
from convnets.vision import torchvision
from convnets.widgets import architecture_explorer, inception_bottlenecks

classic = import_unit("06_classic_architectures")
IMAGE = (3, 224, 224)


class Residual(nn.Module):
    def __init__(self, channels, shortcut):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(channels, channels, 3, padding=1))
        self.shortcut = nn.Conv2d(channels, channels, 1) if shortcut else None

    def forward(self, x):
        out = self.body(x)
        out += self.shortcut(x) if self.shortcut else x
        return out.relu()


class Twice(nn.Module):
    """A part that runs again later, a skip over it, and a part that never runs."""

    def __init__(self):
        super().__init__()
        self.part = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Tanh())
        self.middle = nn.Conv2d(4, 4, 3, padding=1)
        self.never = nn.Linear(3, 2)

    def forward(self, x):
        first = self.part(x)
        return torch.cat([self.part(self.middle(first)), first, x], dim=1)


def on_meta(make):
    with torch.device("meta"):
        return make()


NETS = {
    "residual": (lambda: Residual(8, False), (8, 6, 6)),
    "projection": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), Residual(8, True), nn.Flatten(), nn.Linear(8 * 16, 2)), (3, 6, 6)),
    "twice": (Twice, (4, 5, 5)),
    "one layer": (lambda: nn.Conv2d(3, 4, 3), (3, 8, 8)),
    "VGG-16": (torchvision.models.vgg16, IMAGE),
    "GoogLeNet": (lambda: torchvision.models.googlenet(init_weights=False), IMAGE),
    "our GoogLeNet": (lambda: classic.googlenet(), IMAGE),
    "DenseNet-121": (torchvision.models.densenet121, IMAGE),
    "ResNet-152": (torchvision.models.resnet152, IMAGE),
}


def groups(box):
    return [box] + [inner for child in box["children"] if "children" in child for inner in groups(child)]


def leaves(box):
    return [leaf for child in box["children"] for leaf in (leaves(child) if "children" in child else [child])]


def root_of(widget, net=0):
    return widget.nets[net]["root"]


# --- which row reads which


def test_rows_know_whose_outputs_they_read():
    table = layer_table(Residual(8, True), (8, 6, 6))
    names = {row.name: [table[i].name for i in row.sources] for row in table}
    assert names["body.0"] == names["shortcut"] == ["input"]
    assert sorted(names["iadd()"] if "iadd()" in names else names["add()"]) == ["body.2", "shortcut"]
    assert names["body.2"] == ["body.1"]
    dense = layer_table(on_meta(torchvision.models.densenet121), IMAGE)
    third = dense["features.denseblock1.denselayer3.cat()"]
    assert [dense[i].name for i in third.sources] == ["features.pool0", "features.denseblock1.denselayer1.conv2", "features.denseblock1.denselayer2.conv2"]


def test_four_branches_meet_in_an_inception_module():
    table = layer_table(classic.Inception(16, 8, 4, 8, 4, 8, 8), (16, 6, 6))
    assert len(table["cat()"].sources) == 4
    assert sum(row.sources == (0,) for row in table) == 4


# --- boxes


@pytest.mark.parametrize("name", NETS)
def test_boxes_hold_every_layer_once_and_their_sums_are_the_tables(name):
    make, shape = NETS[name]
    net = on_meta(make)
    table, widget = layer_table(net, shape), architecture_explorer(net, shape)
    root = root_of(widget)
    found = leaves(root)
    assert [(leaf["kind"], leaf["parameters"], leaf["multiply_adds"], leaf["bytes"]) for leaf in found] == [(r.kind, r.parameters, r.multiply_adds, r.activation_bytes) for r in table]
    assert all(row.name.endswith(leaf["name"]) for leaf, row in zip(found, table, strict=True))
    assert (root["parameters"], root["multiply_adds"], root["bytes"]) == table.total
    ids = [box["id"] for group in groups(root) for box in group["children"]]
    assert len(ids) == len(set(ids))
    for group in groups(root):
        for key in ("parameters", "multiply_adds", "bytes"):
            assert group[key] == sum(box[key] or 0 for box in group["children"])
        assert group["layers"] == len(leaves(group))
        assert len(group["children"]) > 1 or group is root
    assert json.loads(json.dumps(widget._state()))["opened"] == widget.opened


@pytest.mark.parametrize("name", NETS)
def test_no_box_lies_on_another_and_direct_wires_cross_none(name):
    make, shape = NETS[name]
    for group in groups(root_of(architecture_explorer(on_meta(make), shape))):
        boxes, taken = group["children"], {}
        for box in boxes:
            assert box["column"] < group["columns"]
            for column in range(group["columns"]) if box["wide"] else [box["column"]]:
                assert taken.setdefault((box["rank"], column), box["id"]) == box["id"]
        for a, b, lane in group["wires"]:
            above = -1 if a < 0 else boxes[a]["rank"]
            assert above < boxes[b]["rank"] and lane < group["lanes"]
            if lane < 0 and a >= 0:
                assert not any((rank, boxes[a]["column"]) in taken for rank in range(above + 1, boxes[b]["rank"]))
        ways = [(lane, -1 if a < 0 else boxes[a]["rank"], boxes[b]["rank"], a) for a, b, lane in group["wires"] if lane >= 0]
        assert not any(one[0] == other[0] and one[3] != other[3] and one[1] < other[2] and other[1] < one[2] for one in ways for other in ways)


def test_branches_stand_side_by_side_and_joins_below():
    widget = architecture_explorer(classic.Inception(16, 8, 4, 8, 4, 8, 8), (16, 6, 6))
    boxes = {box["name"]: box for box in root_of(widget)["children"]}
    assert [boxes[name]["column"] for name in ("ones", "threes", "fives", "pooled")] == [0, 1, 2, 3]
    assert len({boxes[name]["rank"] for name in ("ones", "threes", "fives", "pooled")}) == 1
    assert boxes["cat()"]["wide"] and boxes["cat()"]["rank"] == boxes["ones"]["rank"] + 1
    assert boxes["cat()"]["size"] == [32, 6, 6]


def test_a_skip_goes_round_and_a_part_that_runs_twice_has_two_boxes():
    block = root_of(architecture_explorer(Residual(8, False), (8, 6, 6)))
    names = [box["name"] for box in block["children"]]
    skip = [(names[a], names[b]) for a, b, lane in block["wires"] if lane >= 0]
    assert skip == [("input", names[2])]
    boxes = root_of(architecture_explorer(Twice(), (4, 5, 5)))["children"]
    assert [box["name"] for box in boxes] == ["input", "part", "middle", "part", "cat()", "never"]
    assert [box["parameters"] for box in boxes if box["name"] == "part"] == [20, 0]
    assert boxes[-1]["unused"] and boxes[-1]["output"] == "not used"


def test_a_small_net_is_open_and_a_large_one_is_short():
    assert architecture_explorer(Twice(), (4, 5, 5)).opened == [["part#1", "part#4"]]
    widget = architecture_explorer(on_meta(torchvision.models.resnet152), IMAGE)
    assert widget.opened == [[]] and len(root_of(widget)["children"]) == 12
    assert "layer3.35#471" in widget.ids()[0]
    assert len(widget.still_html()) < 500_000


def test_groups_explain_their_sums():
    net = nn.Sequential(nn.Sequential(nn.Conv2d(3, 10, 5), nn.BatchNorm2d(10)), nn.Flatten())
    widget = architecture_explorer(net, (3, 8, 8))
    formulas = root_of(widget)["children"][1]["formulas"]
    assert widget.texts[formulas["parameters"]] == "0: 760 + 1: 20 = 780"


def test_two_nets_stand_side_by_side_each_with_its_own_input():
    nets = {"LeNet-5": classic.lenet5(), "small": nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())}
    widget = architecture_explorer(nets, {"LeNet-5": (1, 32, 32), "small": (3, 9, 9)})
    assert [net["total"]["parameters"] for net in widget.nets] == [sum(p.numel() for p in net.parameters()) for net in nets.values()]
    assert widget.summary().count("multiply-adds") == 2


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: architecture_explorer("net", (3, 8, 8)), TypeError, "nn.Module"),
        (lambda: architecture_explorer(nn.Conv2d(3, 4, 3), (4, 8, 8)), ValueError, "channels"),
        (lambda: architecture_explorer({}, (4, 8, 8)), ValueError, "one net or two, not 0"),
        (lambda: architecture_explorer({"a": nn.ReLU()}, {"b": (3, 3, 3)}), ValueError, "same names"),
        (lambda: inception_bottlenecks(size=0), ValueError, "size must be a whole number from 4 to 56"),
        (lambda: inception_bottlenecks(reduce5=1.5), ValueError, "reduce5"),
    ],
)
def test_bad_input_gets_one_clear_error(call, error, words):
    with pytest.raises(error, match=words):
        call()


# --- Inception's bottlenecks


@settings(max_examples=12, deadline=None, derandomize=True)
@given(size=st.integers(4, 12), data=st.data())
def test_its_numbers_are_those_of_the_modules(size, data):
    channels, *widths = (data.draw(st.integers(16, 40)) for _ in range(7))
    names = ("ones", "reduce3", "threes", "reduce5", "fives", "pooled")
    given_ = dict(zip(names, widths, strict=True))
    totals = inception_bottlenecks(size, channels, **given_).totals()
    naive = layer_table(classic.NaiveInception(channels, given_["ones"], given_["threes"], given_["fives"]), (channels, size, size))
    small = layer_table(classic.Inception(channels, *widths), (channels, size, size))
    for table, name in ((naive, "naive"), (small, "bottleneck")):
        assert totals[name] == (table.total.multiply_adds, table.rows[-1].output_shape[0])


def test_the_lectures_example_and_the_only_slip_that_gives_its_358_million():
    widget = inception_bottlenecks()
    assert widget.totals() == {"naive": (854_196_224, 672), "bottleneck": (271_351_808, 480)}
    total, parts = 271_351_808, widget.parts()["bottleneck"]
    slips = [
        (part["name"], factor) for part in parts for factor in (0, 2, 3, 4, 9, 25, 1 / 4, 1 / 9, 25 / 9, 9 / 25)
        if round((total + (factor - 1) * part["multiply_adds"]) / 1e6) == 358
    ]  # fmt: skip
    assert slips == [("3×3", 2)]
    assert total + 86_704_128 == 358_055_936


# --- pages


@pytest.mark.parametrize("widget", [architecture_explorer(Twice(), (4, 5, 5)), inception_bottlenecks()], ids=["explorer", "bottlenecks"])
def test_pages_without_scripts_have_a_picture_and_a_text(widget):
    data, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == widget.summary()
    assert "http" not in re.sub(r"http://www\.w3\.org/2000/svg", "", data["text/html"])
    assert len(re.search(r'<img [^>]*alt="([^"]+)"', widget.picture())[1]) > 60
    drawing = base64.b64decode(re.search(r'base64,([^"]+)"', widget.picture())[1]).decode()
    assert drawing.startswith("<svg") and "−0" not in drawing
