"""Architectures written as modules beside a unit's notebook, and the tables that chapters make of them."""

import sys

import nbformat
import pytest
from toy import cell_of

from autograder.build import build
from autograder.errors import CourseError
from autograder.sample_class import solutions
from autograder.units import all_units, exercises, find_unit, import_unit

HEADER = "# ---\n# jupyter:\n#   convnets:\n#     minutes: 1\n#     budget_seconds: 1\n#     libraries: pytorch\n#     summary: nets\n# ---\n"
CELL = '# %% nbgrader={{"grade": false, "grade_id": "{name}", "locked": false, "schema_version": 3, "solution": true, "task": false}}\n'
NOTEBOOK = f"""{HEADER}
# %% [markdown]
# # Nets

# %%
import torch
from torch import nn

# %% [markdown]
# ## Block

{CELL.format(name="Block")}from .block import Block

# %% [markdown]
# ## net

{CELL.format(name="net")}from .net import net
"""
BLOCK = '''"""A block."""

from torch import nn


class Block(nn.Module):
    """channels: int. float tensor (N, channels, H, W) → the same shape."""

    ### BEGIN SOLUTION
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return x + self.conv(x)  # the shortcut

    ### END SOLUTION
'''
NET = '''"""A net of such blocks."""

import torch
from torch import nn

from .block import Block

WIDTH = 4


def net(blocks):
    """blocks: int. Returns an nn.Module."""
    ### BEGIN SOLUTION
    parts = {"conv1": nn.Conv2d(3, WIDTH, 3, stride=2), "blocks": nn.Sequential(*(Block(WIDTH) for _ in range(blocks)))}
    whole = nn.Sequential()
    for name, part in parts.items():
        whole.add_module(name, part)
    return whole
    ### END SOLUTION
'''
EXERCISES = """
from .net_checks import block, net
"""
CHECKS = '''
from autograder.units import import_unit
from convnets.check import Exercise, case

notebook = import_unit("90_nets")
block = Exercise("Block", reference=notebook.Block, title="Block", minutes=1, difficulty=1)
net = Exercise("net", reference=notebook.net, title="Net", minutes=1, difficulty=1)


@net.checks("parameters", points=1, probe="convnets.check.torch_probes:parameter_sizes")
def _(rng):
    return case(blocks=1)


@block.checks("parameters", points=1, probe="convnets.check.torch_probes:parameter_sizes")
def _(rng):
    return case(channels=2)
'''
CHAPTER = f"""{HEADER}
# %% [markdown]
# # About nets

# %% [markdown]
# <!-- layers: 90_nets: net(2), (3, 9, 9) -->
#
# and
#
# <!-- stages: 90_nets: net(2), (3, 9, 9) -->
#
# and
#
# <!-- totals: 90_nets: {{"one": net(1), "two": net(2)}}, (3, 9, 9) -->
"""


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of one assignment, whose nets are modules, and one chapter about them."""
    folder, chapters = tmp_path / "source/assignments/90_nets", tmp_path / "source/course"
    folder.mkdir(parents=True)
    chapters.mkdir()
    files = {"notebook.py": NOTEBOOK, "block.py": BLOCK, "net.py": NET, "exercises.py": EXERCISES, "net_checks.py": CHECKS}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    (chapters / "90_about_nets.py").write_text(CHAPTER, encoding="utf-8")
    monkeypatch.setenv("CONVNETS_COURSE", str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("convnets_units.90_nets")]:
        del sys.modules[name]


def without_checks(notebook):
    return [c.source for c in notebook.cells if c.cell_type == "code" and "setup" not in c.metadata.get("tags", []) and not c.metadata.get("nbgrader", {}).get("grade")]


def test_modules_stand_in_the_notebook_without_their_imports_and_run_there(course):
    build(all_units(course))
    solution = nbformat.read(course / "solutions/90_nets/90_nets.ipynb", as_version=4)
    cells = without_checks(solution)
    assert "from ." not in "".join(cells) and cells[2].startswith("WIDTH = 4\n") and "# the shortcut" in cells[1]
    space = {}
    for cell in cells:
        exec(cell, space)
    assert sum(p.numel() for p in space["net"](2).parameters()) == sum(p.numel() for p in import_unit("90_nets").net(2).parameters())
    released = nbformat.read(course / "assignments/90_nets/90_nets.ipynb", as_version=4)
    assert "the shortcut" not in nbformat.writes(released)
    assert 'NotImplementedError("net: ' in cell_of(released, "net").source and "WIDTH = 4" in cell_of(released, "net").source


def test_checks_may_stand_in_modules_of_their_own(course):
    build(all_units(course))
    assert [e.name for e in exercises("90_nets")] == ["Block", "net"]
    assert solutions(find_unit("90_nets"))["net"].startswith("WIDTH")


@pytest.mark.parametrize(("there", "why"), [("net", "does not define net, the grade_id"), ("other", "takes net from net.py, which cannot be read")])
def test_a_module_that_is_missing_or_defines_something_else_is_named(course, there, why):
    folder = course / "source/assignments/90_nets"
    import_unit("90_nets")
    (folder / "net.py").unlink()
    (folder / f"{there}.py").write_text(NET.replace("def net", "def nets"), encoding="utf-8")
    with pytest.raises(CourseError, match=why):
        build(all_units(course))


def test_tables_are_computed_from_the_nets(course):
    build(all_units(course))
    text = nbformat.read(course / "course/90_about_nets.ipynb", as_version=4).cells[2].source
    assert "<!--" not in text
    # 4 filters of 3·3·3 and a bias on 4×4 places; each block 4 filters of 4·3·3 and a bias
    first, block = 4 * 28, 4 * 37
    assert f"| conv1 | 4×4×4 | {first} | {4 * 27 * 16:,} | 0.00 MB |" in text
    assert f"| blocks.1.conv | 4×4×4 | {block} | {4 * 36 * 16:,} |" in text
    assert f"| all add |  | 0 | 0 | {2 * 4 * 64 / 1e6:,.2f} MB |" in text  # the additions of the shortcuts
    assert f"| blocks | 4×4×4 | {2 * block} | {2 * 4 * 36 * 16:,} |" in text
    assert f"| two | {first + 2 * block} | {4 * 27 * 16 + 2 * 4 * 36 * 16:,} |" in text and f"| one | {first + block} |" in text
    assert f"| **total** |  | **{first + 2 * block}** |" in text


def test_a_table_that_cannot_be_computed_is_named(course):
    chapter = course / "source/course/90_about_nets.py"
    chapter.write_text(chapter.read_text(encoding="utf-8").replace("layers: 90_nets: net(2), (3, ", "layers: 90_nets: net(2), (5, "), encoding="utf-8")
    with pytest.raises(CourseError, match=r"layers from 90_nets, `net\(2\), \(5, 9, 9\)`, cannot be computed: .* expects 3 channels and got 5"):
        build(all_units(course))
