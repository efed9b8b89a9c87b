"""A document that is not executed at all: HTTP 400, or 413 where it is too large."""

from typing import Any

from graphql import GraphQLError


class RejectedError(Exception):
    """The request was answered with errors only; nothing of it was executed."""

    def __init__(self, errors: list[GraphQLError], status: int = 400) -> None:
        super().__init__(errors[0].message if errors else "")
        self.errors = errors
        self.status = status

    @classmethod
    def because(cls, message: str, **data: Any) -> "RejectedError":
        """One error with this text; `data` goes with it."""
        return cls([GraphQLError(message, extensions=data)])

    @classmethod
    def beyond(cls, code: str, message: str, allowed: int) -> "RejectedError":
        """The document is over a limit."""
        return cls.because(message, code=code, allowed=allowed)
