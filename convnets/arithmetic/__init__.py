"""What a network costs and what it sees, layer by layer, measured on the network itself.

`layer_table` runs a module once on tensors that have a shape and no data (PyTorch's ``meta`` device), watches every
operation, and returns a `Table`. Nothing is multiplied, so VGG-16 takes as long as LeNet, and the module is only read.
"""

from convnets.arithmetic.table import ReceptiveField, Row, Table, Total
from convnets.arithmetic.trace import layer_table

__all__ = ["ReceptiveField", "Row", "Table", "Total", "layer_table"]
