"""How fast does one GPU reach 94 % on CIFAR-10? Lab 06's ladder: one trick at a time, with seconds, accuracy and the device's name.

    python benchmarks/train_fast.py               the full game, on a CUDA GPU
    python benchmarks/train_fast.py --rehearsal   a few steps of every rung on random images, on any device: the same code, no figures

It runs the lab's reference solutions: ten epochs of all 50,000 training images for every rung and seed, then the accuracy on the 10,000 test images.
Each rung has the tricks of all rungs above it in the table. Seconds count from the making of the net, whitening included, to the last answer on the
test images; the data lie on the device already, and compiling is not counted. The record to beat: airbench94, 94.01 % in 3.83 s on an NVIDIA A100, and in
3.29 s with torch.compile, as published (K. Jordan, arXiv:2404.00498, 2024).
"""

import argparse
import tempfile
from pathlib import Path

import torch

from autograder.units import import_unit

TARGET = 0.94
TINY = {"widths": (8, 8, 8), "batch_size": 20, "rate": 0.1, "epochs": 2}


def rehearse(lab, where: torch.device) -> list[str]:
    """Run every rung for a few steps on random images; returns a line for each. Raises SystemExit when weights are no longer numbers."""
    generator = torch.Generator().manual_seed(0)
    data = torch.randn(100, 3, 32, 32, generator=generator).to(where), torch.arange(100, device=where) % 10
    lines = []
    for name, chosen in lab.climb(lab.FULL_LADDER).items():
        views = chosen.get("views", 1)
        recipe = {key: value for key, value in chosen.items() if key != "views"}
        if where.type != "cuda":  # there, torch.compile's usual backend needs a C++ compiler, and once is enough
            recipe["compiled"] = "eager" if name == "compiled" else None
        net, _ = lab.train(data, seed=0, **TINY, **recipe)
        answered = lab.accuracy(net, data, views)
        if not all(bool(value.isfinite().all()) for value in net.state_dict().values()):
            raise SystemExit(f"{name}: the weights are no longer numbers after a few steps.")
        lines.append(f"{name:18}{TINY['epochs'] * len(data[1]) // TINY['batch_size']} steps, {round(answered * len(data[1]))} of {len(data[1])} images answered right")
    return lines


def best_rung(accuracies, seconds, ladder) -> str:
    """One line: the fastest rung whose mean accuracy reaches the target. accuracies, seconds: (rungs, seeds)."""
    reached = [(seconds[i].mean(), name, accuracies[i].mean()) for i, name in enumerate(ladder) if accuracies[i].mean() >= TARGET]
    if not reached:
        return f"No rung reaches {TARGET:.0%} on average. Try more --epochs."
    fastest, name, share = min(reached)
    return f"{TARGET:.0%} is reached first with “{name}” and all above it: {100 * share:.2f} % in {fastest:.2f} s. Published: airbench94, 3.83 s on an A100."


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds to 94 % on CIFAR-10, one trick at a time.")
    parser.add_argument("--epochs", type=int, default=10, help="epochs of every run (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="runs of every rung, at least 2 (default: %(default)s)")
    parser.add_argument("--rehearsal", action="store_true", help="a few steps of every rung on random images, without figures")
    chosen = parser.parse_args()
    if chosen.epochs < 1 or chosen.seeds < 2:
        parser.error("--epochs must be at least 1 and --seeds at least 2: one run has no spread.")
    lab, where = import_unit("06_train_fast"), torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if chosen.rehearsal:
        torch.set_num_threads(1)
        print(f"Rehearsal on {where.type}: every rung runs, nothing is measured.")
        print("\n".join(rehearse(lab, where)))
        return
    if where.type != "cuda":
        raise SystemExit("PyTorch finds no CUDA GPU here, so there is nothing to measure. --rehearsal runs a few steps of every rung.")
    torch.backends.cudnn.benchmark = True
    settings = lab.FULL_GAME | {"epochs": chosen.epochs}
    with tempfile.TemporaryDirectory() as folder:
        accuracies, seconds = lab.experiment(*lab.full_data(where), Path(folder) / "full_ladder.safetensors", ladder=lab.FULL_LADDER, seeds=chosen.seeds, **settings)
    print(lab.full_table(accuracies, seconds, lab.FULL_LADDER, f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, {chosen.epochs} epochs"))
    print(best_rung(accuracies, seconds, lab.FULL_LADDER))


if __name__ == "__main__":
    main()
