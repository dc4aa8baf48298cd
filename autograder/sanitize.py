"""HTML from submissions made harmless, for nbgrader's formgrader and feedback pages: no script, no form, no request, nothing that
stands in for a part of the page.

nbconvert's own `sanitize_html` leaves the Markdown cells of nbgrader's formgrader as they are, keeps `javascript:` links that its
`strip_files_prefix` uncovers, and shows tables as text; so these filters take the place of nbconvert's.
"""

from __future__ import annotations

import html
import re

import bleach
from bleach.css_sanitizer import CSSSanitizer
from nbgrader.preprocessors import NbGraderPreprocessor

from convnets.check.html import STYLE

# fmt: off
TAGS = frozenset((
    "a", "abbr", "acronym", "b", "blockquote", "br", "caption", "code", "dd", "del", "details", "div", "dl", "dt",
    "em", "figcaption", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark",
    "ol", "p", "pre", "s", "samp", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td",
    "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var",
))
ATTRIBUTES = frozenset((
    "align", "alt", "aria-hidden", "colspan", "height", "open", "role", "rowspan", "scope", "start", "style",
    "title", "width",
))
# fmt: on
CLASS = re.compile(r"cv-[\w-]+|highlight|hl-[\w-]+|err|[a-z][a-z0-9]?")
PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
STYLES = CSSSanitizer(allowed_css_properties=["width", "text-align"])


def safe_html(text: str | bytes) -> str:
    """Only what TAGS and ATTRIBUTES name is left, anything else is shown as text. The style of a check's report is kept.

    Pictures must be in the text itself (PNG, JPEG, GIF, WebP); links lose their address, because one click on
    the address of a page of the same Jupyter server is enough to do harm. Names (`id`) go, because formgrader finds its fields by them.
    """
    text = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    style = STYLE if text.startswith(STYLE) else ""
    return style + bleach.clean(text.removeprefix(style), tags=TAGS, attributes=allowed, protocols=["data"], css_sanitizer=STYLES)


def allowed(tag: str, name: str, value: str) -> bool:
    """Whether an attribute may stay."""
    if name == "src":
        return tag == "img" and PICTURE.fullmatch(value) is not None
    if name == "class":
        return all(CLASS.fullmatch(word) for word in value.split())
    return name in ATTRIBUTES


class EscapeNames(NbGraderPreprocessor):
    """nbgrader's templates write a student's name, which came with the submission, into the page as it is."""

    def preprocess(self, nb, resources):
        for key in ("student", "first_name", "last_name", "notebook_path"):
            if isinstance(resources.get(key), str):
                resources[key] = html.escape(resources[key])
        return nb, resources
