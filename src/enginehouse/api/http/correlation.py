"""The origin of a request, and its correlation id."""

import re
from collections.abc import Mapping
from random import getrandbits
from typing import Any, Final

from enginehouse.domain.audit import RequestOrigin, request_origin

HEADER: Final = b"x-correlation-id"
_NAMES: Final = (HEADER, b"x-request-id")
_PLAIN: Final = re.compile(rb"[\x21-\x7e]{1,128}")


def note(scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> bytes:
    """Changes by this request are recorded with its origin. Returns its correlation id for the response's header.

    It is the client's id in `X-Correlation-ID` or `X-Request-ID` if that is printable ASCII, else a new one.
    """
    correlation = next(filter(None, map(headers.get, _NAMES)), None)
    if correlation is None or not _PLAIN.fullmatch(correlation):
        correlation = _new()
    client = scope.get("client")
    request_origin.set(RequestOrigin(client[0] if client else None, headers.get(b"user-agent"), correlation))
    return correlation


def _new() -> bytes:
    """Returns an id that no other request has, in the form of a UUID.

    It may be easy to guess, so a fast generator is enough.
    """
    digits = b"%032x" % getrandbits(128)
    return b"-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
