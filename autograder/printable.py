"""Text that a student wrote, made safe to show: terminal codes removed, control characters and changes of direction as escapes."""

from __future__ import annotations

import re

TERMINAL_CODE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, erase
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # OSC and its kin: titles, links, clipboard
    r"|\x1b[ -/]*[0-~]"  # the rest, two or three characters long
)
UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # changes of writing direction
    "\u2028\u2029\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # other line ends, invisible marks
    "\ud800-\udfff]"  # halves of characters, which no file can hold
)


def printable(text: object, longest: int | None = None) -> str:
    """The text without terminal codes, every other unprintable character as an escape such as `\\x07` or `\\u202e`.

    Tabs and line ends stay. longest: what goes beyond that many characters is cut off, and the cut is told.
    """
    text = TERMINAL_CODE.sub("", str(text).replace("\r\n", "\n"))
    if longest is not None and len(text) > longest:
        text = f"{text[:longest]} … ({len(text) - longest:,} more characters)"
    return UNPRINTABLE.sub(escape, text)


def one_line(text: object, longest: int | None = None) -> str:
    """`printable` text for one row of a table: line ends and tabs are spaces."""
    return " ".join(printable(text, longest).split())


def escape(found: re.Match) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
