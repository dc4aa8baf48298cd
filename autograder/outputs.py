"""Of the outputs that a student's notebook came with: the text and the pictures, and nothing that could run."""

from __future__ import annotations

import base64
import binascii

import nbformat

from autograder.printable import printable

LONGEST_TEXT = 20_000
LARGEST_PICTURE = 2 << 20
MOST = 40
PNG = b"\x89PNG\r\n\x1a\n"


def safe_outputs(outputs: object) -> list[nbformat.NotebookNode]:
    """Streams and results as plain text, pictures as PNG; HTML, SVG, JavaScript and widgets go. Takes any JSON value."""
    kept = []
    for output in outputs[:MOST] if isinstance(outputs, list) else []:
        if not isinstance(output, dict):
            continue
        data = output.get("data") if isinstance(output.get("data"), dict) else {}
        if picture := png(data.get("image/png")):
            kept.append({"output_type": "display_data", "metadata": {}, "data": {"image/png": picture, "text/plain": "a picture that was handed in"}})
        elif text := joined(output.get("text") if output.get("output_type") == "stream" else data.get("text/plain")):
            kept.append({"output_type": "stream", "name": "stdout", "text": printable(text, LONGEST_TEXT)})
    return nbformat.from_dict(kept)


def joined(text: object) -> str:
    """Text as nbformat stores it, one string or a list of lines; "" for anything else."""
    if isinstance(text, list) and all(isinstance(line, str) for line in text):
        return "".join(text)
    return text if isinstance(text, str) else ""


def png(value: object) -> str:
    """The picture's base64 text in one line, "" where it is none."""
    text = "".join(joined(value).split())
    if not text or len(text) > LARGEST_PICTURE:
        return ""
    try:
        return text if base64.b64decode(text, validate=True).startswith(PNG) else ""
    except (binascii.Error, ValueError):
        return ""
