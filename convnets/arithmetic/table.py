"""The table that `layer_table` returns: rows, totals, and how they print."""

from dataclasses import asdict, dataclass
from html import escape
from typing import NamedTuple

from convnets.units import readable_bytes


class ReceptiveField(NamedTuple):
    """What one output value sees: ``size`` in input pixels along each axis, and ``jump``, the step between neighbours.

    A jump is None where no neighbours are left, as after global pooling.
    """

    size: tuple
    jump: tuple

    def __str__(self):
        return "×".join(map(str, self.size))


class Total(NamedTuple):
    """Sums over a table: ``parameters`` and ``multiply_adds`` are counts, ``activation_bytes`` is in bytes."""

    parameters: int
    multiply_adds: int
    activation_bytes: int


@dataclass(frozen=True)
class Row:
    """One layer, or one function called between layers. `layer_table` says what the fields hold.

    ``output_shape`` is None for a layer that the forward pass did not use, ``multiply_adds`` where it cannot be seen.
    ``sources`` are the positions, in the table, of the rows whose outputs this one reads.
    """

    name: str
    kind: str
    input_shape: tuple | None
    output_shape: tuple | None
    parameters: int
    multiply_adds: int | None
    activation_bytes: int
    receptive_field: ReceptiveField | None
    formulas: dict
    sources: tuple = ()

    @property
    def formula(self):
        """How the parameters add up, such as "10 × (5·5·3 + 1) = 760"; empty for the input."""
        return self.formulas.get("parameters", "")

    def as_dict(self):
        """The row as plain data, ready for JSON; ``receptive_field`` and ``jump`` are tuples of numbers, or None."""
        data = asdict(self)
        seen = self.receptive_field
        return data | {"receptive_field": seen and seen.size, "jump": seen and seen.jump}


class Table:
    """Rows in the order in which the layers ran. ``table.rows``, ``table.total``, ``table["conv1"]``, ``len(table)``.

    Prints as aligned text, shows as HTML in a notebook, and gives Markdown with `to_markdown`.
    """

    def __init__(self, rows):
        self.rows = list(rows)

    @property
    def total(self):
        """`Total` of all rows; rows with unknown multiply-adds count as 0."""
        return Total(
            sum(row.parameters for row in self.rows),
            sum(row.multiply_adds or 0 for row in self.rows),
            sum(row.activation_bytes for row in self.rows),
        )

    def __len__(self):
        return len(self.rows)

    def __iter__(self):
        return iter(self.rows)

    def __getitem__(self, name):
        """The first row of that name, or the row at that position."""
        if isinstance(name, int | slice):
            return self.rows[name]
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"no layer {name!r}; there are {', '.join(row.name for row in self.rows)}")

    def __str__(self):
        cells = [HEADER, *map(_cells, self.rows), _total_cells(self)]
        widths = [max(len(line[i]) for line in cells) for i in range(len(HEADER))]
        lines = ["  ".join(_aligned(line, widths)).rstrip() for line in cells]
        rule = "─" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], *_notes(self)])

    __repr__ = __str__

    def to_markdown(self):
        """The table as Markdown text (GitHub's tables)."""
        bar = "|" + "|".join("---:" if i >= NUMERIC else "---" for i in range(len(HEADER))) + "|"
        lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in _cells(row)) + " |" for row in self.rows]
        total = "| " + " | ".join(f"**{cell}**" if cell else "" for cell in _total_cells(self)) + " |"
        return "\n".join(["| " + " | ".join(HEADER) + " |", bar, *lines, total, *_notes(self)])

    def _repr_html_(self):
        head = "".join(f'<th scope="col" style="text-align:{_side(i)}">{escape(c)}</th>' for i, c in enumerate(HEADER))
        body = "".join(f"<tr>{_html_cells(row)}</tr>" for row in self.rows)
        foot = "".join(
            f'<td style="text-align:{_side(i)};border-top:1px solid;font-weight:bold">{escape(c)}</td>'
            for i, c in enumerate(_total_cells(self))
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in _notes(self))
        return (
            '<table class="convnets-layers" style="font-variant-numeric:tabular-nums">'
            '<caption style="text-align:left">Layers in the order in which they ran</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody><tfoot><tr>{foot}</tr></tfoot></table>{notes}"
        )


HEADER = ("layer", "kind", "output", "parameters", "multiply-adds", "memory", "receptive field", "jump")
NUMERIC = 3
_FORMULAS = (None, None, "output_shape", "parameters", "multiply_adds", "activation_bytes", "receptive_field", None)


def _cells(row):
    seen = row.receptive_field
    return (
        row.name,
        row.kind,
        "not used" if row.output_shape is None else "×".join(map(str, row.output_shape)) or "one number",
        f"{row.parameters:,}",
        "unknown" if row.multiply_adds is None else f"{row.multiply_adds:,}",
        readable_bytes(row.activation_bytes),
        "–" if seen is None else str(seen),
        "–" if seen is None or None in seen.jump else "×".join(f"{j:g}" for j in seen.jump),
    )


def _total_cells(table):
    total = table.total
    return (
        "total",
        "",
        "",
        f"{total.parameters:,}",
        f"{total.multiply_adds:,}",
        readable_bytes(total.activation_bytes),
        "",
        "",
    )


def _notes(table):
    unknown = [row.name for row in table.rows if row.multiply_adds is None]
    if not unknown:
        return []
    return ["", f"Multiply-adds could not be seen in {', '.join(unknown)}; the total leaves them out."]


def _aligned(line, widths):
    return [
        cell.rjust(w) if i >= NUMERIC else cell.ljust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
    ]


def _side(i):
    return "right" if i >= NUMERIC else "left"


def _html_cells(row):
    result = []
    for i, cell in enumerate(_cells(row)):
        formula = row.formulas.get(_FORMULAS[i]) if _FORMULAS[i] else None
        title = f' title="{escape(formula)}"' if formula else ""
        tag = 'th scope="row"' if i == 0 else "td"
        result.append(f'<{tag}{title} style="text-align:{_side(i)}">{escape(cell)}</{tag.split()[0]}>')
    return "".join(result)
