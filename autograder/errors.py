"""The one kind of error that the command line shows as a single line."""

from convnets.errors import UserError


class CourseError(UserError):
    """Something that the instructor can put right; the message says what was wrong, what was expected and what to do."""
