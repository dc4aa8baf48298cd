"""Small SVG drawings for pages where scripts do not run: the still pictures behind the widgets."""

import base64
import io
from html import escape

import numpy as np
from PIL import Image

BLUE, ORANGE, VERMILLION, GREEN, SKY, INK, GREY = "#0072B2", "#E69F00", "#D55E00", "#009E73", "#56B4E9", "#1d1d1f", "#6e6e73"
_FONT = "font-family:system-ui,-apple-system,'Segoe UI',sans-serif"


def svg(width: float, height: float, *parts: str) -> str:
    """Return an SVG document of `width` × `height` pixels on white."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" '
        f'style="{_FONT}"><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>'
    )


def text(x: float, y: float, words: str, size: float = 13, fill: str = INK, anchor: str = "start", weight: int = 400) -> str:
    """Return one line of text whose baseline is at (x, y)."""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{fill}" text-anchor="{anchor}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )


def box(x: float, y: float, width: float, height: float, stroke: str = INK, fill: str = "none", thick: float = 1) -> str:
    """Return a rectangle."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{fill}" stroke="{stroke}" stroke-width="{thick:g}"/>'
    )


def line(points: list[tuple[float, float]], stroke: str = INK, thick: float = 1.5, dash: str = "") -> str:
    """Return a line through `points`."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{stroke}" stroke-width="{thick:g}" stroke-dasharray="{dash}"/>'


def shades(values: np.ndarray, signed: bool) -> np.ndarray:
    """Return the colours of `values` (any shape) as uint8 (…, 3): grey from 0 up, or white at zero, vermillion above, blue below."""
    limit = float(np.abs(values).max(initial=0)) or 1.0
    if signed:
        far = np.where(values[..., None] < 0, (0, 114, 178), (213, 94, 0))
        part = np.abs(values)[..., None] / limit * 0.85
        return np.rint(255 + (far - 255) * part).astype(np.uint8)
    return np.rint(np.array((28, 28, 30)) + (np.array((227, 227, 225)) * np.clip(values / limit, 0, 1)[..., None])).astype(np.uint8)


def grid(values: np.ndarray, x: float, y: float, cell: float, signed: bool = True) -> str:
    """Return `values` (rows, columns) as coloured cells of `cell` pixels, with the numbers where they fit."""
    colours = shades(values, signed)
    buffer = io.BytesIO()
    Image.fromarray(colours).save(buffer, "PNG")
    rows, columns = values.shape
    parts = [
        f'<image x="{x:g}" y="{y:g}" width="{columns * cell:g}" height="{rows * cell:g}" preserveAspectRatio="none" '
        f'style="image-rendering:pixelated" href="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"/>'
    ]
    if cell >= 6:
        path = "".join(f"M{x + c * cell:g} {y:g}v{rows * cell:g}" for c in range(columns + 1))
        path += "".join(f"M{x:g} {y + r * cell:g}h{columns * cell:g}" for r in range(rows + 1))
        parts.append(f'<path d="{path}" stroke="#b8b8bd" fill="none" stroke-width="1"/>')
    words = [[f"{np.round(v, 2) + 0.0:.2f}".rstrip("0").rstrip(".").replace("-", "−") for v in row] for row in values]
    if cell >= 20 and values.size <= 1600 and max(len(w) for row in words for w in row) <= (cell - 3) // 7.2:
        for r, row in enumerate(words):
            for c, word in enumerate(row):
                dark = colours[r, c] @ np.array((0.299, 0.587, 0.114)) > 140
                parts.append(text(x + (c + 0.5) * cell, y + (r + 0.5) * cell + 4.5, word, 13, INK if dark else "#fff", "middle"))
    return "".join(parts)
