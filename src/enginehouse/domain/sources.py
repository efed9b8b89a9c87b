"""What a source is: where the media of scheduled jobs come from, and of which type it is."""

from typing import Any

import msgspec


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A source. `document` holds what is only shown again (`details`, `thumbnailUrl`). Moments in µs UTC."""

    id: int = 0
    organization_id: int
    source_type_id: int
    name: str
    is_public: bool = False
    document: dict[str, Any] = {}
    created_by: str | None = None
    created_at: int = 0
    modified_at: int = 0

    @property
    def zone(self) -> str | None:
        """The time zone it names in its details, None when it names none."""
        details = self.document.get("details")
        zone = details.get("timeZone") if isinstance(details, dict) else None
        return zone if isinstance(zone, str) else None


class SourceType(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of source; one that is live goes on, and has no end of its own."""

    id: int
    name: str
    is_live: bool
    document: dict[str, Any] = {}
    created_at: int = 0
    modified_at: int = 0
