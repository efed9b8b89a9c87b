"""The secret key of a server: every key that signs something is derived from it, so the database holds none of them."""

import hmac
import re
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

_TEXT: Final = re.compile(r"[0-9a-f]{64}")
FORM: Final = "64 hexadecimal digits, as `openssl rand -hex 32` prints them"


@dataclass(frozen=True, slots=True)
class SecretKey:
    """The key. It is in a file of the data folder, or in the environment, and never in the database."""

    value: bytes = field(repr=False)

    def derive(self, purpose: str) -> bytes:
        """Returns the key for one purpose. From it nobody can compute the key for another purpose."""
        return hmac.new(self.value, purpose.encode(), sha256).digest()

    @property
    def check(self) -> str:
        """Returns the text by which a database recognizes its key. It tells nothing about the key."""
        return self.derive("check of the key").hex()

    @property
    def text(self) -> str:
        """Returns the key as its file holds it."""
        return self.value.hex()


def fresh() -> SecretKey:
    """Returns a new random key."""
    return SecretKey(secrets.token_bytes(32))


def parse(text: str) -> SecretKey | None:
    """Returns the key with this text, None if the text is not a key."""
    text = text.strip().lower()
    return SecretKey(bytes.fromhex(text)) if _TEXT.fullmatch(text) else None
