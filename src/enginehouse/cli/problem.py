"""The one way in which a command says that it could not do what was asked."""


class FailureError(Exception):
    """Told on stderr in a line that says what to do next; the command ends with `exit_code`."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
