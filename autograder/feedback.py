"""What a student gets back: nbgrader's feedback page without hidden tests, and a page for what could not be graded."""

from __future__ import annotations

import html

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import ClearHiddenTests, GetGrades, NbGraderPreprocessor


class ShortErrors(NbGraderPreprocessor):
    """An error in a check cell keeps its name and message; its traceback would quote the lines of the hidden test."""

    def preprocess_cell(self, cell, resources, cell_index):
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade"):
            for output in cell.outputs:
                if output.output_type == "error":
                    output.traceback = [f"{output.ename}: {output.evalue}"]
        return cell, resources


class DropReports(NbGraderPreprocessor):
    """The hidden check's report as data is the instructor's: it names expected values."""

    def preprocess_cell(self, cell, resources, cell_index):
        for output in cell.get("outputs", []):
            for kind in [k for k in output.get("data", {}) if k.startswith("application/vnd.convnets")]:
                del output["data"][kind]
        return cell, resources


def feedback_preprocessors() -> list:
    """nbgrader's own steps for feedback, with everything hidden taken out."""
    return [GetGrades, ClearHiddenTests, ShortErrors, DropReports, CSSHTMLHeaderPreprocessor]


def problem_page(title: str, student: str, problem: str) -> str:
    """A feedback page for a submission that could not be graded."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{html.escape(title)}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:3em auto;padding:0 1em;color:#222}}
p.say{{border-left:4px solid #0072b2;padding:.5em 1em;background:#eef5fa}}</style></head>
<body><h1>{html.escape(title)}</h1>
<p>{html.escape(student)}, your submission could not be graded.</p>
<p class="say">{html.escape(problem)}</p>
<p>Open the notebook in JupyterLab, choose <b>Kernel → Restart Kernel and Run All Cells</b>, save it and hand it in again. If it does not open, start
from the notebook in the course archive and copy your own cells into it.</p></body>
</html>
"""
