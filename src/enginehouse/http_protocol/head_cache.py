"""The head of a request that a connection has sent before. Clients send the same one again and again."""

from typing import Any, Final, NamedTuple

_LONGEST: Final = 4096  # bytes; each open connection keeps one


class KnownHead(NamedTuple):
    """A head that is HTTP, after which the connection goes on, and what it says: the scope, the length of the body."""

    text: bytes
    scope: dict[str, Any]
    length: int

    def new_scope(self, state: dict[str, Any]) -> dict[str, Any]:
        """Returns the scope of another request with this head. Nothing in it is shared that an application changes."""
        return {**self.scope, "headers": self.scope["headers"].copy(), "state": state.copy()}


def known(text: bytes, scope: Any, length: int) -> KnownHead | None:
    """Returns what is to be kept of a head before its request begins; None if it is too long to be kept."""
    return KnownHead(text, {**scope, "headers": scope["headers"].copy()}, length) if len(text) <= _LONGEST else None
