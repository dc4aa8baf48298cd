"""A report as HTML for JupyterLab, in the notebook's own colours; every mark is a sign and a word as well as a colour."""

from __future__ import annotations

import html

import numpy as np

from convnets.check.report import PropertyResult, Report
from convnets.check.text import (
    by_kind,
    call_words,
    first_to_show,
    headline,
    kind_words,
    points,
    replay,
    short,
    unwritten,
    window,
)

STYLE = """
<style>
.cv-check{font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:14px;line-height:1.5;max-width:52em;
  color:var(--jp-ui-font-color1,#222);border:1px solid var(--jp-border-color2,#ddd);border-radius:8px;padding:12px 16px}
.cv-check h4{margin:0 0 6px;font-size:15px}.cv-check p{margin:6px 0}
.cv-check table{border-collapse:collapse;margin:4px 0}
.cv-check td,.cv-check th{padding:2px 12px 2px 0;text-align:left;background:none;border:0;font-size:14px}
.cv-check td.cv-n{text-align:right;font-variant-numeric:tabular-nums;color:var(--jp-ui-font-color2,#555)}
.cv-check .cv-yes{color:#00795a;font-weight:700}.cv-check .cv-no{color:#b54a00;font-weight:700}
[data-jp-theme-light=false] .cv-check .cv-yes{color:#35c99a}[data-jp-theme-light=false] .cv-check .cv-no{color:#ffa05a}
.cv-check .cv-hint{border-left:4px solid #e69f00;padding:6px 12px;margin:8px 0;background:rgba(230,159,0,.10)}
.cv-check .cv-say{border-left:4px solid #0072b2;padding:6px 12px;margin:8px 0;background:rgba(0,114,178,.08);white-space:pre-wrap}
.cv-check code,.cv-check pre{font-family:var(--jp-code-font-family,monospace);font-size:13px;background:none;white-space:pre-wrap;margin:0;color:inherit}
.cv-check .cv-sides{display:flex;flex-wrap:wrap;gap:8px 32px}
.cv-check .cv-grid td{text-align:right;font-family:var(--jp-code-font-family,monospace);font-size:13px;padding:1px 8px;
  border:1px solid var(--jp-border-color2,#ccc)}
.cv-check .cv-grid td.cv-mark{outline:3px solid #d55e00;outline-offset:-2px;font-weight:700}
.cv-check .cv-bar{height:6px;border-radius:3px;background:var(--jp-border-color2,#ddd);overflow:hidden;margin:4px 0 8px;max-width:20em}
.cv-check .cv-bar i{display:block;height:100%;background:#009e73}
</style>
"""


def esc(value) -> str:
    return html.escape(str(value))


def as_html(report: Report, *, examples: bool = True) -> str:
    """The report as one HTML fragment. examples=False leaves out inputs and expected values, as hidden checks do."""
    parts = [STYLE, '<div class="cv-check" role="status">', f"<h4>{esc(headline(report, examples))}</h4>"]
    if not unwritten(report):
        share = 100 * report.score / (report.max_score or 1)
        parts.append(f'<div class="cv-bar" aria-hidden="true"><i style="width:{share:.0f}%"></i></div>')
        parts.append(table(report))
        parts += hints(report)
        parts += messages(report, examples)
        if examples and (result := first_to_show(report)):
            parts.append(example(report, result))
    return "".join(parts) + "</div>"


def table(report: Report) -> str:
    rows = "".join(
        f"<tr><td>{'<span class=cv-no>✗ lost</span>' if p.failure else '<span class=cv-yes>✓ holds</span>'}</td>"
        f'<td>{esc(p.name)}</td><td class="cv-n">{points(p.points)} / {points(p.max_points)}</td></tr>'
        for p in report.properties
    )
    return f"<table><tbody>{rows}</tbody></table>"


def hints(report: Report) -> list[str]:
    parts = []
    for name in report.misconceptions:
        lost = [p.name for p in report.properties if p.failure and p.failure.misconception == name]
        parts.append(f'<div class="cv-hint"><b>Hint</b> for {esc(", ".join(lost))}: {code(report.hints[name])}</div>')
    return parts


def messages(report: Report, examples: bool) -> list[str]:
    return [
        f'<div class="cv-say"><b>{esc(", ".join(names))}:</b> '
        f"{code(failure.difference.message if examples else kind_words(failure.difference))}</div>"
        for names, failure in by_kind(report)
    ]


def code(text: str) -> str:
    """Escape, and set `quoted` parts in code type."""
    pieces = esc(text).split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(pieces)) if len(pieces) % 2 else esc(text)


def example(report: Report, result: PropertyResult) -> str:
    failure = result.failure
    difference = failure.difference
    parts = [f"<p><b>Smallest failing input</b>, property “{esc(result.name)}”:</p>", f"<pre>{esc(call_words(report, result))}</pre>"]
    if failure.misconception:
        parts.append(f'<div class="cv-say">{code(difference.message)}</div>')
    if difference.kind in ("value", "nan") and difference.index:
        label = f" {difference.leaf}" if difference.leaf else ""
        parts.append('<div class="cv-sides">')
        parts.append(side(f"expected{label}", difference.expected, difference.index, ""))
        parts.append(side(f"got{label}", difference.got, difference.index, "✗ "))
        parts.append("</div>")
    parts.append(f"<p><code>{esc(replay(report, result))}</code></p>")
    return "".join(parts)


def side(title: str, array: np.ndarray, index: tuple[int, ...], sign: str) -> str:
    part, lead, _, mark = window(array, index)
    where = f" at [{', '.join(map(str, lead))}, …]" if lead else ""
    rows = ""
    for r, row in enumerate(part):
        cells = "".join(
            f'<td class="cv-mark">{sign}{short(v)}</td>' if (r, c) == mark else f"<td>{short(v)}</td>" for c, v in enumerate(row)
        )
        rows += f"<tr>{cells}</tr>"
    return f'<div><div>{esc(title)}{esc(where)}</div><table class="cv-grid"><tbody>{rows}</tbody></table></div>'
