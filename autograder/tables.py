"""Tables in chapters, computed from the reference architectures when a chapter is built.

A line of Markdown asks for one:

    <!-- layers: 06_classic_architectures: vgg(16), (3, 224, 224) -->        a row for each layer that has parameters or changes the shape, one for all others
    <!-- stages: 07_residual_architectures: resnet(50), (3, 224, 224) -->     a row for each part of the net: the first word of the layers' names
    <!-- totals: 07_residual_architectures: {"ResNet-18": resnet(18)}, (3, 224, 224) -->     a row for each net

After the unit's name comes a Python expression in terms of that unit: net (or nets by name) and the shape of an input, C×H×W.
"""

from __future__ import annotations

import itertools
import re

from autograder.errors import CourseError
from autograder.units import import_unit

LINE = re.compile(r"^<!-- (layers|stages|totals): (\w+): (.+) -->$", re.MULTILINE)
COLUMNS = ("parameters", "multiply-adds", "activations")


def with_tables(text: str) -> str:
    """The Markdown with its tables filled in. Raises CourseError for a table that cannot be computed."""
    return LINE.sub(lambda found: table(*found.groups()), text)


def table(kind: str, unit: str, expression: str) -> str:
    import torch

    from convnets.arithmetic import layer_table

    try:
        with torch.device("meta"):
            nets, shape = eval(expression, dict(vars(import_unit(unit))))  # the course's own source
        measured = {name: layer_table(net, shape) for name, net in (nets.items() if isinstance(nets, dict) else [("", nets)])}
    except CourseError:
        raise
    except Exception as error:
        raise CourseError(f"The table of {kind} from {unit}, `{expression}`, cannot be computed: {type(error).__name__}: {error}") from error
    if kind == "totals":
        return markdown(("net", *COLUMNS), [(name, *numbers(found.rows)) for name, found in measured.items()])
    (found,) = measured.values()
    rows = [*(layers if kind == "layers" else stages)(found.rows), ("**total**", "", *(f"**{number}**" for number in numbers(found.rows)))]
    return markdown(("layer" if kind == "layers" else "part", "output", *COLUMNS), rows)


def layers(rows: list) -> list[tuple]:
    """A row for each layer that has parameters or changes the shape, and one for all the others together."""
    shown = [row for row in rows if row.input_shape is None or row.parameters or row.output_shape != row.input_shape]
    others = [row for row in rows if row not in shown]
    together = [(f"all {', '.join(dict.fromkeys(row.kind for row in others))}", "", *numbers(others))] if others else []
    return [(row.name, shape_of(row), *numbers([row])) for row in shown] + together


def stages(rows: list) -> list[tuple]:
    groups = ((name, list(group)) for name, group in itertools.groupby(rows, lambda row: row.name.partition(".")[0]))
    return [(name, shape_of(group[-1]), *numbers(group)) for name, group in groups]


def shape_of(row) -> str:
    return "×".join(map(str, row.output_shape)) if row.output_shape else "not used"


def numbers(rows: list) -> tuple[str, ...]:
    """Parameters, multiply-adds and activations (float32, one image) of these rows together."""
    return (
        f"{sum(row.parameters for row in rows):,}",
        f"{sum(row.multiply_adds or 0 for row in rows):,}",
        f"{sum(row.activation_bytes for row in rows) / 1e6:,.2f} MB",
    )


def markdown(header: tuple[str, ...], rows: list[tuple]) -> str:
    words = len(header) - len(COLUMNS)
    bar = [":--" if i < words else "--:" for i in range(len(header))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, bar, *rows))
