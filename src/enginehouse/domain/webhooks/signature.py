"""Signs webhook messages by the `standardwebhooks` scheme: HMAC-SHA256 over the id, the time and the body."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

PREFIX: Final = "whsec_"
_SALT_BYTES: Final = 16
_BLOCK: Final = 1 << 18


def new_salt() -> str:
    """Returns a new random salt. A salt is no secret: without the secret key it tells nothing."""
    return secrets.token_hex(_SALT_BYTES)


def secret(key: bytes, organization_id: int, subscription_id: str, salt: str) -> str:
    """Returns the secret of this receiver with this salt: `whsec_` and 32 bytes in base64."""
    of = f"{organization_id}|{subscription_id}|{salt}".encode()
    return PREFIX + base64.b64encode(hmac.new(key, of, hashlib.sha256).digest()).decode()


def headers(secrets_: Sequence[str], message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """Returns the three headers of a message. There is one signature for each secret, the newest first.

    `seconds` is the Unix time of this attempt, so a receiver can refuse a message that somebody sends again later.
    """
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(_signature(secret, message_id, seconds, body) for secret in secrets_),
    }


def headers_of_file(secrets_: Sequence[str], message_id: str, seconds: int, path: Path) -> dict[str, str]:
    """The same for a body in a file. Blocks the thread while it reads."""
    start = f"{message_id}.{seconds}.".encode()
    signed = [hmac.new(_key(secret), start, hashlib.sha256) for secret in secrets_]
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            for each in signed:
                each.update(block)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(_shown(each.digest()) for each in signed),
    }


def _signature(secret: str, message_id: str, seconds: int, body: bytes) -> str:
    signed = hmac.new(_key(secret), f"{message_id}.{seconds}.".encode() + body, hashlib.sha256)
    return _shown(signed.digest())


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX))


def _shown(digest: bytes) -> str:
    return f"v1,{base64.b64encode(digest).decode()}"
