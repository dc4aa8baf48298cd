"""`python benchmarks/numpy_layers.py` measures what it says; here on its two smallest layers."""

import math
import re
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SMALL = """
import sys
sys.path.insert(0, sys.argv.pop(1))
import numpy_layers
numpy_layers.LAYERS = numpy_layers.LAYERS[:2]
numpy_layers.main()
"""


def test_the_last_line_is_the_geometric_mean_of_the_table():
    command = [sys.executable, "-c", SMALL, str(BENCHMARKS), "--seconds", "0.2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr == ""
    *_, first, second, last = done.stdout.splitlines()
    assert first.startswith("CS231n's case     100×3×31×31, 25 of 3×3, stride 2, pad 1")
    mean = float(re.fullmatch(r"geometric mean: (\d+\.\d\d) x PyTorch", last)[1])
    ratios = []
    for row in (first, second):
        loops, ours, theirs, ratio, faster = (float(word.replace(",", "")) for word in row.split()[-5:])
        assert math.isclose(ours / theirs, ratio, rel_tol=0.02)
        assert math.isclose(loops / ours, faster, rel_tol=0.02)
        assert faster > 10
        ratios.append(ratio)
    assert math.isclose(mean, math.sqrt(math.prod(ratios)), rel_tol=0.02)
