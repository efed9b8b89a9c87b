"""Signs webhook messages by the `standardwebhooks` scheme: HMAC-SHA256 over the id, the time and the body."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32


def new_secret() -> str:
    """Returns a new random secret: `whsec_` and 32 bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def headers(secrets_: Sequence[str], message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """Returns the three headers of a message. There is one signature for each secret, the newest first.

    `seconds` is the Unix time of this attempt, so a receiver can refuse a message that somebody sends again later.
    """
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(_signature(secret, message_id, seconds, body) for secret in secrets_),
    }


def _signature(secret: str, message_id: str, seconds: int, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = hmac.new(key, f"{message_id}.{seconds}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(signed.digest()).decode()}"
