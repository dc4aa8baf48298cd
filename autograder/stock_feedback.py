"""Steps for stock nbgrader's own feedback page, so that it shows nothing hidden either."""

from __future__ import annotations

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


PREPROCESSORS = [GetGrades, ClearHiddenTests, ShortErrors, DropReports, CSSHTMLHeaderPreprocessor]
