"""Exports: what a client wants of which targets, in which formats, and how far the zip is.

`ExportRequest` is no part of `reference/graphql-contract.md`; its words are those of the published documentation.
"""

from enum import StrEnum
from typing import Final, Literal, NamedTuple

import msgspec

AION: Final = "json"
TRANSCRIPTION: Final = "67cd4dd0-2f75-445d-a6f0-2f297d6cd182"
_SPOKEN: Final = ("csv", AION, "srt", "ttml", "txt", "vtt")

MOST_TARGETS: Final = 1_000
MOST_OUTPUTS: Final = 100
MOST_FORMATS: Final = 20
MOST_TRIES: Final = 5
LONGEST_LINE: Final = 1_000  # characters
MOST_LINES: Final = 50


class ExportStatus(StrEnum):
    """`downloaded` is said by a client; the other words are the server's."""

    INCOMPLETE = "incomplete"
    COMPLETE = "complete"
    FAILED = "failed"
    DOWNLOADED = "downloaded"


class FormatOptions(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How subtitles are cut, None for the defaults. The words are those of the published documentation."""

    maxCharacterPerLine: int | None = None  # noqa: N815
    linesPerScreen: int | None = None  # noqa: N815
    newlineOnPunctuation: bool | None = None  # noqa: N815
    withSpeakerData: bool | None = None  # noqa: N815


class FormatRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """One format, by the extension of its files."""

    extension: str
    options: FormatOptions = FormatOptions()


class OutputRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The results of one engine, or of all engines of a category, in these formats; without any, as AION."""

    engine_id: str | None = None
    category_id: str | None = None
    formats: tuple[FormatRequest, ...] = ()


class ExportDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a client has asked for. Without `outputs` it is the AION of every engine that has results."""

    target_ids: tuple[int, ...]
    outputs: tuple[OutputRequest, ...] = ()
    include_media: bool = False
    include_library_results: bool = False


class Export(NamedTuple):
    """An export. `document` is an ExportDocument as JSON; `fence` is the number of the lease under which it is made."""

    id: str
    organization_id: int
    requestor_id: str | None
    status: str
    document: str
    files: int
    files_done: int
    bytes: int
    bytes_done: int
    message: str | None
    storage_key: str | None
    size: int | None
    sha256: str | None
    tries: int
    fence: int
    created_at: int
    modified_at: int
    expires_at: int


ExportOrder = Literal["created_at", "modified_at"]


class ExportFilter(NamedTuple):
    """One page of exports. No statuses: any."""

    id: str | None = None
    statuses: tuple[str, ...] = ()
    order_by: ExportOrder = "created_at"
    descending: bool = True
    offset: int = 0
    limit: int = 30


def formats(category_id: str) -> tuple[str, ...]:
    """Returns the extensions of the formats in which the results of this category can be written."""
    return _SPOKEN if category_id == TRANSCRIPTION else (AION,)


def folder(organization_id: int, export_id: str) -> str:
    """Returns the store's folder for the bytes of an export."""
    return f"exports/{organization_id}/{export_id}"
