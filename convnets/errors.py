"""The kind of error that the command line shows as a single line."""


class UserError(Exception):
    """Something that the user can put right; the message says what was wrong, what was expected and what to do."""
