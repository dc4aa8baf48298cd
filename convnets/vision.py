"""torchvision, importable beside any build of PyTorch.

Write ``from convnets.vision import torchvision`` instead of ``import torchvision``.

torchvision has a compiled part (non-maximum suppression, RoI pooling) that loads only beside the PyTorch build that it was
compiled for. A CUDA build of torchvision beside a CPU build of PyTorch cannot load it, and then its import fails with
"operator torchvision::nms does not exist", although models, transforms and data sets need nothing compiled. Here the
ordinary import is tried first. Only when it fails in this way are the missing operators declared, by name and without an
implementation, and the import is tried again. A call of such an operator still fails with PyTorch's own message.
"""

import importlib
import sys

import torch

__all__ = ["torchvision"]

_MISSING = ("nms", "qnms")
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_library = None  # torch unregisters the operators when their Library object dies


def _import_torchvision():
    """Import torchvision; declare the operators that its compiled part would have brought where that part cannot load."""
    global _library
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    _library = torch.library.Library("torchvision", "FRAGMENT")
    for name in _MISSING:
        _library.define(name + _SCHEMA)
    return importlib.import_module("torchvision")


torchvision = _import_torchvision()
