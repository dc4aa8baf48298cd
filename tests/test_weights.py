"""Weights on disk, and functions taken from another notebook."""

import nbformat
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook
from torch import nn

from convnets.errors import UserError
from convnets.own_code import functions_from
from convnets.weights import load_weights, save_weights


def net():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))


class Renamed(nn.Module):
    def __init__(self):
        super().__init__()
        self.zebra, self.apple, self.middle = nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(8, 3)

    def forward(self, x):
        return self.middle(self.apple(self.zebra(x)).flatten(1))


@pytest.mark.parametrize("other", [net, Renamed])
def test_weights_survive_the_file_also_under_other_names(tmp_path, other):
    one, two, x = net().eval(), other().eval(), torch.randn(5, 1, 4, 4)
    save_weights(one, tmp_path / "net.safetensors")
    load_weights(two, tmp_path / "net.safetensors")
    assert torch.equal(one(x), two(x))
    assert [p.name for p in tmp_path.iterdir()] == ["net.safetensors"]


def test_other_shapes_and_damaged_files_are_refused(tmp_path):
    path = tmp_path / "net.safetensors"
    save_weights(net(), path)
    before = nn.Sequential(nn.Conv2d(1, 2, 5), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    with pytest.raises(UserError, match=r"another net: 0\.weight do not fit"):
        load_weights(before, path)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(UserError, match="cannot be read as safetensors"):
        load_weights(net(), path)
    with pytest.raises(UserError, match="cannot be read as safetensors"):
        load_weights(net(), tmp_path / "missing.safetensors")


def solution(name, source):
    return new_code_cell(source, metadata={"nbgrader": {"grade_id": name, "solution": True, "grade": False}})


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """Write a notebook of another unit, and stand in the folder of this one."""

    def write(*cells):
        folder = tmp_path / "assignments" / "02_layers"
        folder.mkdir(parents=True, exist_ok=True)
        nbformat.write(new_notebook(cells=list(cells)), folder / "02_layers.ipynb")

    here = tmp_path / "labs" / "01_lab"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    return write


def test_functions_come_from_the_learners_own_notebook(beside):
    beside(
        new_code_cell("import math"),
        new_code_cell("def half(x):\n    return x / 2"),
        solution("double", "def double(x):\n    return 2 * x"),
        solution("area", "def area(r):\n    return half(double(math.pi * r * r))"),
        new_code_cell("raise RuntimeError('an exploration cell must not run')"),
    )
    area, double = functions_from("02_layers", "area", "double")
    assert double(4) == 8 and area(1) == pytest.approx(3.14159, abs=1e-5)


def test_what_is_missing_or_unwritten_is_said(beside):
    with pytest.raises(FileNotFoundError, match=r"02_layers\.ipynb is not beside this one"):
        functions_from("02_layers", "double")
    beside(solution("double", 'def double(x):\n    raise NotImplementedError("double: replace this line with your own code")'))
    with pytest.raises(NotImplementedError, match=r"double is not written yet in 02_layers\.ipynb"):
        functions_from("02_layers", "double")
