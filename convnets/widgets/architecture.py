"""The architecture table: shapes, parameters, multiply-adds and memory of any module, layer by layer."""

import math

import traitlets

from convnets.widgets.base import CourseWidget, module


class ArchitectureTable(CourseWidget):
    """The widget that `architecture_table` returns."""

    _esm = module("architecture")
    _name = "architecture"
    caption = traitlets.Unicode().tag(sync=True)
    rows = traitlets.List().tag(sync=True)
    total = traitlets.Dict().tag(sync=True)

    def __init__(self, table, caption):
        self._table = table
        total = table.total
        super().__init__(
            caption=caption,
            rows=[_row(order, row) for order, row in enumerate(table)],
            total={"parameters": total.parameters, "multiply_adds": total.multiply_adds, "bytes": total.activation_bytes},
        )

    def summary(self) -> str:
        return f"{self.caption}\n{self._table}"

    def picture(self) -> str:
        return self._table._repr_html_()


def _row(order: int, row) -> dict:
    data = row.as_dict()
    field = data["receptive_field"]
    return {
        "order": order, "name": row.name, "kind": row.kind, "input": _shape(row.input_shape), "output": _shape(row.output_shape) or "not used",
        "parameters": row.parameters, "multiply_adds": row.multiply_adds, "bytes": row.activation_bytes, "formulas": row.formulas,
        "field": field and math.prod(field), "field_text": _shape(field),
    }  # fmt: skip


def _shape(shape: tuple | None) -> str:
    return "" if shape is None else "×".join(map(str, shape)) or "one number"


def architecture_table(module, input_shape: tuple[int, ...]) -> ArchitectureTable:
    """Return a sortable table of the layers of `module`, with bars for parameters, multiply-adds and memory.

    Point at a row, or walk through the rows with the arrow keys, and the sums behind its numbers appear.

    Args:
        module: any `torch.nn.Module`. It stays as it is.
        input_shape: C×H×W of one image, or N×C×H×W. See `convnets.arithmetic.layer_table`, which measures the rows.

    Raises:
        TypeError: `module` is no `nn.Module`.
        ValueError: `module` does not take an input of this shape.
    """
    from convnets.arithmetic import layer_table

    table = layer_table(module, input_shape)
    shape = input_shape if isinstance(input_shape, tuple | list) else (input_shape,)
    return ArchitectureTable(table, f"{type(module).__name__} on an input of {_shape(tuple(shape))}")
