"""How fast are assignment 02's NumPy convolutions? Forward and backward, against PyTorch and against Python loops, on one CPU thread.

    python benchmarks/numpy_layers.py

All three compute out, dx, dw and db in float32. Times are medians of CPU time: what the process has computed, not how long it waited for a
busy machine. Rounds of NumPy and PyTorch take turns. The loop version would take up to minutes a round, so it runs on one image and one filter,
and its time is multiplied by the numbers of images and filters: its loops do the same work for each of them.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import statistics
import time
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from autograder.units import import_unit


class Layer(NamedTuple):
    """A convolution layer and its batch. size, kernel: of square images and kernels, in pixels."""

    name: str
    images: int
    in_channels: int
    size: int
    out_channels: int
    kernel: int
    stride: int
    padding: int

    def __str__(self):
        shape = f"{self.images}×{self.in_channels}×{self.size}×{self.size}"
        return f"{shape}, {self.out_channels} of {self.kernel}×{self.kernel}, stride {self.stride}, pad {self.padding}"


LAYERS = [
    Layer("CS231n's case", 100, 3, 31, 25, 3, 2, 1),
    Layer("LeNet-5, second", 64, 6, 14, 16, 5, 1, 0),
    Layer("AlexNet, third", 8, 256, 13, 384, 3, 1, 1),
    Layer("VGG-16, sixth", 2, 256, 56, 256, 3, 1, 1),
    Layer("VGG-16, last", 8, 512, 14, 512, 3, 1, 1),
]


def arrays(layer: Layer) -> tuple[np.ndarray, ...]:
    """(dout, x, w, b) of normal random numbers, float32."""
    rng = np.random.default_rng(0)
    out = (layer.size + 2 * layer.padding - layer.kernel) // layer.stride + 1
    shapes = [
        (layer.images, layer.out_channels, out, out),
        (layer.images, layer.in_channels, layer.size, layer.size),
        (layer.out_channels, layer.in_channels, layer.kernel, layer.kernel),
        (layer.out_channels,),
    ]
    return tuple(rng.standard_normal(shape, dtype=np.float32) for shape in shapes)


def with_numpy(layer: Layer, dout, x, w, b):
    """A function that computes (out, dx, dw, db) with the reference layers of assignment 02."""
    notebook = import_unit("02_layers")
    settings = {"stride": layer.stride, "padding": layer.padding}
    return lambda: (notebook.conv2d_forward(x, w, b, **settings), *notebook.conv2d_backward(dout, x, w, **settings))


def with_torch(layer: Layer, dout, x, w, b):
    """A function that computes (out, dx, dw, db) with PyTorch."""
    inputs = [torch.from_numpy(a.copy()).requires_grad_() for a in (x, w, b)]
    dout = torch.from_numpy(dout.copy())

    def run():
        out = F.conv2d(*inputs, stride=layer.stride, padding=layer.padding)
        return (out.detach(), *torch.autograd.grad(out, inputs, dout))

    return run


def with_loops(layer: Layer, dout, x, w, b):
    """A function that computes (out, dx, dw, db) with a Python loop over images, filters, rows and columns."""
    p, s, k = layer.padding, layer.stride, layer.kernel

    def run():
        padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        out, dpadded, dw = np.empty_like(dout), np.zeros_like(padded), np.zeros_like(w)
        for n, f, i, j in np.ndindex(dout.shape):
            window = (n, slice(None), slice(i * s, i * s + k), slice(j * s, j * s + k))
            out[n, f, i, j] = np.sum(padded[window] * w[f]) + b[f]
            dpadded[window] += w[f] * dout[n, f, i, j]
            dw[f] += padded[window] * dout[n, f, i, j]
        return out, dpadded[:, :, p : p + layer.size, p : p + layer.size], dw, dout.sum(axis=(0, 2, 3))

    return run


def take_turns(functions: dict, seconds: float) -> dict[str, float]:
    """Median CPU time of each function in seconds: at least three rounds, and as many as the budget allows. One round before is not counted."""
    times = {name: [] for name in functions}
    for function in functions.values():
        function()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(next(iter(times.values()))) < 3:
        for name, function in functions.items():
            start = time.process_time()
            function()
            times[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def assert_same(results, expected, name: str) -> None:
    for got, right, part in zip(results, expected, ("out", "dx", "dw", "db"), strict=True):
        error = np.abs(np.asarray(got) - np.asarray(right)).max() / np.abs(np.asarray(right)).max()
        if not error < 1e-4:
            raise SystemExit(f"{name}: {part} differs by a relative {error:.1e}; times of wrong results say nothing.")


def measure(layer: Layer, seconds: float) -> dict[str, float]:
    """Seconds for one forward and backward pass by "numpy", "torch" and "loops" (scaled from one image and one filter)."""
    dout, x, w, b = arrays(layer)
    ours, theirs = with_numpy(layer, dout, x, w, b), with_torch(layer, dout, x, w, b)
    assert_same(ours(), theirs(), layer.name)
    one = dout[:1, :1], x[:1], w[:1], b[:1]
    small = layer._replace(images=1, out_channels=1)
    loops = with_loops(small, *one)
    assert_same(loops(), with_torch(small, *one)(), f"{layer.name}, loops")
    times = take_turns({"numpy": ours, "torch": theirs}, seconds)
    return times | {"loops": take_turns({"loops": loops}, 0)["loops"] * layer.images * layer.out_channels}


def keep_freed_memory() -> None:
    """Let glibc keep freed blocks of up to 31 MiB for the next array, as it does anyway once it has seen one of that size.

    Without this the small layers, which come first, would measure the operating system's page faults.
    """
    np.ones(31 * 2**20, np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description="NumPy convolutions against PyTorch and Python loops on one CPU thread.")
    parser.add_argument("--seconds", type=float, default=6, help="time for each layer (default: %(default)s)")
    seconds = parser.parse_args().seconds
    torch.set_num_threads(1)
    keep_freed_memory()
    print("Forward and backward, float32, one CPU thread; medians of CPU time in milliseconds. Loops: one image and one filter, scaled.")
    print(f"{'layer':16}  {'shape':46}  {'loops':>11}  {'NumPy':>8}  {'PyTorch':>8}  {'NumPy/PyTorch':>13}  {'loops/NumPy':>11}")
    ratios = []
    for layer in LAYERS:
        t = measure(layer, seconds)
        ratios.append(t["numpy"] / t["torch"])
        loops, ours, theirs = (1000 * t[name] for name in ("loops", "numpy", "torch"))
        print(f"{layer.name:16}  {layer!s:46}  {loops:11,.0f}  {ours:8.2f}  {theirs:8.2f}  {ratios[-1]:13.2f}  {loops / ours:11,.0f}", flush=True)
    print(f"geometric mean: {statistics.geometric_mean(ratios):.2f} x PyTorch")


if __name__ == "__main__":
    main()
