"""Interactive pictures for the notebooks. They live in JupyterLab and, without a kernel, in an exported page."""

from convnets.widgets.architecture import architecture_table
from convnets.widgets.architecture_explorer import architecture_explorer
from convnets.widgets.augmentation import augmentation_playground
from convnets.widgets.dropout import dropout_masks
from convnets.widgets.explorer import arithmetic_explorer
from convnets.widgets.export import export
from convnets.widgets.graph import computational_graph
from convnets.widgets.inception import inception_bottlenecks
from convnets.widgets.lenet import lenet_drawing
from convnets.widgets.normalization import normalization_axes
from convnets.widgets.question import predict, question
from convnets.widgets.race import optimizer_race
from convnets.widgets.stepper import convolution_stepper
from convnets.widgets.training import training_panel

__all__ = [
    "architecture_explorer",
    "architecture_table",
    "arithmetic_explorer",
    "augmentation_playground",
    "computational_graph",
    "convolution_stepper",
    "dropout_masks",
    "export",
    "inception_bottlenecks",
    "lenet_drawing",
    "normalization_axes",
    "optimizer_race",
    "predict",
    "question",
    "training_panel",
]
