"""The error of a command that could not do its work."""


class CommandError(Exception):
    """A sentence for stderr that says what to do next, and the exit code of the command."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
