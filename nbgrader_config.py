"""nbgrader's settings for this course: `nbgrader generate_assignment`, `autograde`, `formgrader` and feedback read this file.

Labs are released to another folder: add `--CourseDirectory.release_directory=labs`.
"""

from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ComputeChecksums,
    IncludeHeaderFooter,
    LockCells,
    SaveCells,
)

from autograder.feedback import feedback_preprocessors
from autograder.formgrader import harmless_pages
from autograder.stubs import ClearSolutionsByName

c = get_config()  # noqa: F821

c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc*", "__pycache__", ".git", "*.part"]

c.GenerateAssignment.preprocessors = [
    IncludeHeaderFooter,
    LockCells,
    ClearSolutionsByName,
    ClearOutput,
    CheckCellMetadata,
    ComputeChecksums,
    SaveCells,
    ClearHiddenTests,
    ClearMarkScheme,
    ComputeChecksums,
    CheckCellMetadata,
]

# Feedback shows the grades and the comments, never a hidden test.
c.GenerateFeedback.preprocessors = feedback_preprocessors()

# What a student wrote is shown, in formgrader and in feedback, and never run.
harmless_pages(c)

# A student may paste an endless loop anywhere: a cell has this long, and the rest of the notebook is still graded.
c.ExecutePreprocessor.timeout = 180
c.ExecutePreprocessor.interrupt_on_timeout = True

# What a cell printed may come late from a busy machine: nbgrader's own 4 seconds would cost the student the whole notebook.
c.ExecutePreprocessor.iopub_timeout = 60

# A check writes nothing to stderr, and what a student's code writes there past Python must not cost the mark.
c.IgnorePattern.enabled = True
c.IgnorePattern.pattern = r"[\s\S]"
