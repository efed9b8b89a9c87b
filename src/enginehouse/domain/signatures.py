"""Signatures of URLs: who has one may do one thing with one object, until it expires, and needs no token."""

import hmac
from enum import StrEnum
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

_encode: Final = msgspec.json.Encoder().encode


class Purpose(StrEnum):
    """What a signature allows. A signature for one purpose is wrong for every other."""

    GET_ASSET = "get asset"
    GET_EXPORT = "get export"
    GET_LOG = "get log"
    GET_UPLOAD = "get upload"
    PUT_UPLOAD = "put upload"


class Grant(NamedTuple):
    """What is signed: the purpose, the object, the organization that it is signed for, the expiry (Unix seconds)."""

    purpose: Purpose
    object_id: str
    organization_id: int
    expires: int


def sign(key: bytes, grant: Grant) -> str:
    """Returns the HMAC-SHA256 over all that is granted, in hexadecimal digits."""
    return hmac.new(key, _encode(grant), sha256).hexdigest()


def is_signed(key: bytes, grant: Grant, signature: str) -> bool:
    """True if this is the signature of the grant. The comparison takes the same time for every wrong signature."""
    return hmac.compare_digest(sign(key, grant).encode(), signature.encode("utf-8", "replace"))
