"""The forms of tokens, their stored rows, and the cache of tokens that were used in the last second."""

import hashlib
import secrets
import string
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

from enginehouse.domain.identity import Principal, Role, TokenKind
from enginehouse.storage.tokens import TokenRecord

LONGEST_SECRET: Final = 512
PREFIX: Final = 6
_TAG: Final = string.ascii_lowercase + string.digits
_NAMESPACE: Final = UUID("5f9b6f0e-4c1d-5b7e-9a55-3d0f6e2b8c41")


def new_key() -> str:
    """Returns an API key in the form of GraphQL clients: six characters, a colon, 64 hex digits."""
    tag = "".join(secrets.choice(_TAG) for _ in range(PREFIX))
    return f"{tag}:{secrets.token_hex(32)}"


def new_uuid() -> str:
    """Returns a session token, or a key in the form of REST clients."""
    return str(uuid4())


def fingerprint(secret: str) -> str:
    """Returns the SHA-256 of the secret in hex. Only this is stored, and a token is looked up by it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def token_id(token_hash: str) -> str:
    """Returns the UUID that names the token in lists and paths. The secret cannot be derived from it."""
    return str(uuid5(_NAMESPACE, token_hash))


def uuid_of(text: str) -> str:
    """Returns the text in the stored form of a UUID, or "" for any other text."""
    try:
        return str(UUID(text))
    except ValueError:
        return ""


def shown(secret: str) -> str:
    """Returns the part of a text that may be printed although the text may be a secret."""
    return secret[:PREFIX] + "…" if len(secret) > PREFIX else "…"


def row(
    secret: str,
    *,
    organization_id: int,
    user_id: str | None,
    kind: TokenKind,
    role: Role,
    super_admin: bool = False,
    name: str | None = None,
    expires_at: int | None = None,
    jsondata: Any = None,
    key_id: str | None = None,
) -> TokenRecord:
    """Returns the row of a new token."""
    token_hash = fingerprint(secret)
    return TokenRecord(
        hash=token_hash,
        id=token_id(token_hash),
        prefix=secret[:PREFIX],
        organization_id=organization_id,
        user_id=user_id,
        kind=kind,
        role=role,
        super_admin=super_admin,
        name=name,
        expires_at=expires_at,
        jsondata=jsondata,
        key_id=key_id,
    )


@dataclass(slots=True)
class KnownTokens:
    """The holders of the tokens used in the last second, by fingerprint.

    The result of a look-up that ran while a token was revoked must not be cached: the caller reads `generation` before
    the look-up and passes it to `remember`, and every `forget` increases it.
    """

    seconds: float = 1.0
    limit: int = 10_000
    generation: int = 0
    _known: dict[str, tuple[Principal, float]] = field(default_factory=dict, repr=False)

    def get(self, token_hash: str) -> Principal | None:
        known = self._known.get(token_hash)
        if known is None:
            return None
        if known[1] > time.monotonic():
            return known[0]
        del self._known[token_hash]
        return None

    def remember(
        self, token_hash: str, principal: Principal, *, left: int | None, since: float, generation: int
    ) -> None:
        """Caches `principal` for at most one second, and never longer than the `left` µs of the token.

        Both count from `since` (monotonic seconds), the time before the look-up, because the look-up may be slow.
        """
        if generation != self.generation:
            return
        if len(self._known) >= self.limit:
            self._known.clear()
        seconds = self.seconds if left is None else min(self.seconds, left / 1_000_000)
        self._known[token_hash] = (principal, since + seconds)

    def forget(self, token_hashes: Iterable[str]) -> None:
        """Removes the tokens from the cache, so that their next use looks them up again."""
        self.generation += 1
        for token_hash in token_hashes:
            self._known.pop(token_hash, None)
