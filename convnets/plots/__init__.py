"""Figures of the course: made here, shown with `show`, which gives every picture a text alternative.

Each function returns a matplotlib Figure about as wide as a notebook. Images may be NumPy arrays or tensors, H×W (grey),
C×H×W or H×W×C (one or three channels), uint8 or float. Signed data is drawn on a map whose white is zero.
"""

from convnets.plots.blocks import block_diagram, column
from convnets.plots.display import show
from convnets.plots.images import feature_maps, filters, image_grid, predictions, signed_images
from convnets.plots.matrices import annotate_matrix, confusion_matrix, kernel_effects, matrices
from convnets.plots.networks import receptive_field_diagram, shapes_diagram
from convnets.plots.series import bars, curves
from convnets.plots.style import MARKERS, PALETTE, SEQUENTIAL, SIGNED, style

__all__ = [
    "MARKERS",
    "PALETTE",
    "SEQUENTIAL",
    "SIGNED",
    "annotate_matrix",
    "bars",
    "block_diagram",
    "column",
    "confusion_matrix",
    "curves",
    "feature_maps",
    "filters",
    "image_grid",
    "kernel_effects",
    "matrices",
    "predictions",
    "receptive_field_diagram",
    "shapes_diagram",
    "show",
    "signed_images",
    "style",
]

style()
