"""`python benchmarks/numpy_lenet.py` measures what it says, and NumPy stays within three times PyTorch's time."""

import math
import re
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "numpy_lenet.py"


def test_numpy_trains_in_at_most_three_times_pytorchs_cpu_time():
    done = subprocess.run([sys.executable, str(BENCHMARK), "--seconds", "2"], capture_output=True, text=True, timeout=120, check=True)
    assert done.stderr == ""
    *_, theirs, ours, last = done.stdout.splitlines()
    theirs, ours = (tuple(map(float, line.split()[1:])) for line in (theirs, ours))
    ratios = tuple(map(float, re.fullmatch(r"NumPy / PyTorch: ([\d.]+) of CPU time, ([\d.]+) of wall time; at most 3 is the aim\.", last).groups()))
    for one, other, ratio in zip(ours, theirs, ratios, strict=True):
        assert math.isclose(one / other, ratio, rel_tol=0.02)
    assert ratios[0] <= 3
