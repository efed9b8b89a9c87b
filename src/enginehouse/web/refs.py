"""The objects that addresses of pages name. A text that is no id names an object that does not exist."""

from uuid import UUID

from enginehouse.domain import ids
from enginehouse.domain.refs import Ref, UuidRef

_NOBODY = str(UUID(int=0))


def schedule(text: str) -> Ref:
    """Returns the scheduled job with this number or UUID."""
    return Ref(ids.parse_schedule(text) or 0, text)


def uuid(text: str) -> UuidRef:
    """Returns the object with this UUID."""
    return UuidRef(ids.parse_uuid(text) or _NOBODY, text)
