"""Turn a notebook into one HTML page in which the widgets live on, without a kernel and without the network."""

import os
import tempfile
from pathlib import Path

PRIORITY = ["text/html", "image/svg+xml", "image/png", "image/jpeg", "text/markdown", "text/latex", "application/json", "text/plain"]
"""Which form of an output nbconvert shows: our `text/html` before the widget, for which a page would need a server."""

_TEMPLATE = """{% extends 'lab/index.html.j2' %}
{% block html_head_js_requirejs %}{% endblock %}
{% block jupyter_widgets %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block html_head_js_mathjax %}{% if has_formulas(nb) %}{{ super() }}{% endif %}{% endblock %}
"""


def export(notebook: str | os.PathLike, page: str | os.PathLike | None = None) -> Path:
    """Write `notebook`, with the outputs saved in it, as an HTML page, and return the page's path.

    Widgets of the course can be operated in the page. Only formulas need the network, to be set in type: without it
    they stay in LaTeX's notation. A page without formulas loads nothing.

    Args:
        notebook: an .ipynb file, run and saved.
        page: where to write; by default beside the notebook, with the ending .html.

    Raises:
        FileNotFoundError: there is no such notebook.
        ValueError: the file is not a notebook.
    """
    import nbformat
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    source = Path(notebook)
    if not source.is_file():
        raise FileNotFoundError(f"There is no notebook {source}.")
    try:
        nb = nbformat.read(source, as_version=4)
    except Exception as error:
        raise ValueError(f"{source} is not a notebook that can be read: {error}") from error
    exporter = HTMLExporter(config=Config({"NbConvertBase": {"display_data_priority": PRIORITY}}))
    exporter.raw_template = _TEMPLATE
    exporter.environment.globals["has_formulas"] = _has_formulas
    html, _ = exporter.from_notebook_node(nb, resources={"metadata": {"name": source.stem}})
    page = Path(page) if page else source.with_suffix(".html")
    _write_whole(page, html)
    return page


def _has_formulas(nb) -> bool:
    return any(cell.cell_type == "markdown" and ("$" in cell.source or "\\(" in cell.source) for cell in nb.cells)


def _write_whole(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
