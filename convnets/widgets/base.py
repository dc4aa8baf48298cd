"""What all widgets share: one JavaScript file each, a picture for pages without scripts, and life without a kernel."""

import base64
import html
import json
from pathlib import Path

import anywidget
import numpy as np
import traitlets

FOLDER = Path(__file__).parent
STYLE = (FOLDER / "widgets.css").read_text(encoding="utf-8")
SHARED = (FOLDER / "shared.js").read_text(encoding="utf-8")
_IPYWIDGETS_TRAITS = {"layout", "tooltip", "tabbable"}


def module(name: str) -> str:
    """Return the ES module of widget `name`: the shared helpers, its own file, and the export that anywidget looks for."""
    return f"{_code(name)}\nexport default {{ render }};\n"


def _code(name: str) -> str:
    return f"{SHARED}\n{(FOLDER / f'{name}.js').read_text(encoding='utf-8')}"


class CourseWidget(anywidget.AnyWidget):
    """Base of the course's widgets. A subclass sets `_esm`, `_name` and `picture()`.

    What a notebook stores of it has two forms. A live page (JupyterLab, VS Code, Colab) takes the widget. Any other page
    takes `text/html`: the picture, and a script that puts the same widget, without a kernel, in the picture's place.
    """

    _css = STYLE
    _name = ""
    live = traitlets.Bool(True, help="False on a page that has no kernel.").tag(sync=True)

    def picture(self) -> str:
        """Return the HTML that stands where scripts do not run."""
        raise NotImplementedError

    def summary(self) -> str:
        """Return one line of plain text: what a terminal shows."""
        return type(self).__name__

    def _state(self) -> dict:
        names = (n for n in self.trait_names(sync=True) if not n.startswith("_") and n not in _IPYWIDGETS_TRAITS)
        return {name: getattr(self, name) for name in names} | {"live": False}

    def still_html(self) -> str:
        """Return the widget as HTML that needs no kernel and no network."""
        state = json.dumps(self._state(), ensure_ascii=False).replace("<", "\\u003c")
        script = f"{_code(self._name)}\nmountStill({json.dumps(self.model_id)}, {state}, render);"
        return (
            f'<div data-convnets="{self.model_id}">{self.picture()}</div>\n'
            f"<style>{STYLE}</style>\n"
            f'<script type="module">\n{script}\n</script>'
        )

    def _repr_mimebundle_(self, **kwargs):
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return data | {"text/html": self.still_html(), "text/plain": self.summary()}, metadata


def encode(array: np.ndarray) -> str:
    """Return a float64 array as base64 text, in C order: JSON would cost four times the room."""
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f8").tobytes()).decode()


def image(svg: str, alt: str, width: int) -> str:
    """Return an `<img>` that holds `svg`, with `alt` as its text."""
    data = base64.b64encode(svg.encode()).decode()
    return f'<img src="data:image/svg+xml;base64,{data}" alt="{html.escape(alt)}" width="{width}" style="max-width:100%">'


def whole(name: str, value: object, least: int, most: int) -> int:
    """Return `value` as an int, or raise a ValueError that says what `name` may be."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}, not {value!r}.")
    return int(value)
