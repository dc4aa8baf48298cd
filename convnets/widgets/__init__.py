"""Interactive pictures for the notebooks. They live in JupyterLab and, without a kernel, in an exported page."""

from convnets.widgets.architecture import architecture_table
from convnets.widgets.explorer import arithmetic_explorer
from convnets.widgets.export import export
from convnets.widgets.question import predict, question
from convnets.widgets.stepper import convolution_stepper
from convnets.widgets.training import training_panel

__all__ = [
    "architecture_table",
    "arithmetic_explorer",
    "convolution_stepper",
    "export",
    "predict",
    "question",
    "training_panel",
]
