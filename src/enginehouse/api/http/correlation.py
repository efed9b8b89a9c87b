"""Where a request comes from, and its correlation id."""

import re
from collections.abc import Mapping
from random import getrandbits
from typing import Any, Final

from enginehouse.domain.audit import RequestOrigin, request_origin

HEADER: Final = b"x-correlation-id"
_NAMES: Final = (HEADER, b"x-request-id")
_PLAIN: Final = re.compile(rb"[\x21-\x7e]{1,128}")


def note(scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> bytes:
    """What this request changes is recorded as its doing; returns its correlation id, for the answer's header.

    It is the client's own, in `X-Correlation-ID` or `X-Request-ID`, where that is a plain word; else a new one.
    """
    correlation = next(filter(None, map(headers.get, _NAMES)), None)
    if correlation is None or not _PLAIN.fullmatch(correlation):
        correlation = _new()
    client = scope.get("client")
    request_origin.set(RequestOrigin(client[0] if client else None, headers.get(b"user-agent"), correlation))
    return correlation


def _new() -> bytes:
    """An id that no other request has, in the look of a UUID; it need not be hard to guess, so it is made quickly."""
    digits = b"%032x" % getrandbits(128)
    return b"-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
