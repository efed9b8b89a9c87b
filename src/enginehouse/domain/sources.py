"""A source says where the media of scheduled jobs come from; each has a type."""

from typing import Any

import msgspec


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A source. `document` holds fields that are only shown again (`details`, `thumbnailUrl`). Times in µs UTC."""

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
        """The time zone in its details; None if they name none."""
        details = self.document.get("details")
        zone = details.get("timeZone") if isinstance(details, dict) else None
        return zone if isinstance(zone, str) else None


class SourceType(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of source. A live source has no end of its own."""

    id: int
    name: str
    is_live: bool
    document: dict[str, Any] = {}
    created_at: int = 0
    modified_at: int = 0
