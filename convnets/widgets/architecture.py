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
            rows=[{"order": order} | row_data(row) for order, row in enumerate(table)],
            total=total_data(total),
        )

    def summary(self) -> str:
        return f"{self.caption}\n{self._table}"

    def picture(self) -> str:
        return self._table._repr_html_()


def row_data(row) -> dict:
    """Return a row of a `convnets.arithmetic.Table` as the plain data that the widgets of architectures show."""
    data = row.as_dict()
    field = data["receptive_field"]
    return {
        "name": row.name, "kind": row.kind, "input": shape_text(row.input_shape), "output": shape_text(row.output_shape) or "not used",
        "parameters": row.parameters, "multiply_adds": row.multiply_adds, "bytes": row.activation_bytes, "formulas": row.formulas,
        "field": field and math.prod(field), "field_text": shape_text(field),
    }  # fmt: skip


def total_data(total) -> dict:
    """Return the sums of a table as plain data."""
    return {"parameters": total.parameters, "multiply_adds": total.multiply_adds, "bytes": total.activation_bytes}


def shape_text(shape: tuple | None) -> str:
    """Return a shape as "64×56×56", "" where there is none."""
    return "" if shape is None else "×".join(map(str, shape)) or "one number"


def caption_of(module, input_shape) -> str:
    """Return "VGG on an input of 3×224×224"."""
    shape = input_shape if isinstance(input_shape, tuple | list) else (input_shape,)
    return f"{type(module).__name__} on an input of {shape_text(tuple(shape))}"


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

    return ArchitectureTable(layer_table(module, input_shape), caption_of(module, input_shape))
