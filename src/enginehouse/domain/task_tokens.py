"""Tokens for one task, as signed JSON (JWT, HS256): they allow what the engine of the task does, until they expire."""

import base64
import hmac
from hashlib import sha256
from typing import Any, Final

import msgspec

OPERATIONS: Final = ("asset:uri", "asset:all", "recording:read", "recording:update", "task:update")
"""The rights of an engine's token, in the words of the contract (§1.4)."""

LONGEST: Final = 2_048
_HEADER: Final = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
_encode: Final = msgspec.json.Encoder().encode


class TaskClaims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says: its organization, user and task, the target of the job, and its expiry (Unix seconds)."""

    org: int
    sub: str | None
    job: int
    task: int
    tdo: int | None
    engine: str
    exp: int
    jti: str


_claims: Final = msgspec.json.Decoder(TaskClaims, strict=True)


def looks_like_one(text: str) -> bool:
    """True if the text has the form of such a token; no other token of this server has two points."""
    return text.count(".") == 2


def issue(key: bytes, claims: TaskClaims) -> str:
    """Returns the signed token."""
    body = _HEADER + b"." + base64.urlsafe_b64encode(_encode(claims)).rstrip(b"=")
    return f"{body.decode()}.{_signature(key, body)}"


def read(key: bytes, token: str) -> TaskClaims | None:
    """Returns what the token says, None if this key has not signed it. The caller checks the expiry."""
    if len(token) > LONGEST or not token.isascii() or not looks_like_one(token):
        return None
    body, _, signature = token.rpartition(".")
    if not hmac.compare_digest(_signature(key, body.encode()), signature):
        return None
    header, _, payload = body.partition(".")
    if header.encode() != _HEADER:
        return None
    try:
        return _claims.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, msgspec.MsgspecError):
        return None


def _signature(key: bytes, body: bytes) -> str:
    return base64.urlsafe_b64encode(hmac.new(key, body, sha256).digest()).rstrip(b"=").decode()


def resources(job: str, task: str, target: int | None) -> dict[str, Any]:
    """Returns the resources of a token for the task, as clients see them."""
    return {"Job": [job], "Task": [task], "TemporalDataObject": [] if target is None else [str(target)]}
