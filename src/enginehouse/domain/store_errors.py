"""The refusals of the store that keeps the bytes."""

from enginehouse.domain.errors import IntegrityError, Unavailable


class BytesMissing(IntegrityError):
    """The store has no bytes under a key that a row names."""


class StoreUnavailable(Unavailable):
    """The store of the bytes cannot answer now. The same request may succeed after `retry_after` seconds."""

    def __init__(self, *, reason: str, retry_after: int) -> None:
        super().__init__("The store that holds the bytes cannot answer now.", reason=reason)
        self.data = {"retry_after": retry_after}
