"""What a page shows of an output, from its first bytes and, if it is a small JSON document, from all of it. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from enginehouse.domain.artifact import Artifact
from enginehouse.domain.documents import is_json
from enginehouse.domain.log_text import without_half_character
from enginehouse.web.aion import AionView, aion_view
from enginehouse.web.media_types import Element, element, shown_type

SHOWN: Final = 65_536  # bytes
PARSED: Final = 4 << 20  # bytes of a document up to which it is read as a whole
_FORMS: Final = (("txt", "page of text"), ("csv", "table (CSV)"), ("json", "summary (JSON)"))
_SUBTITLES: Final = (("srt", "subtitles (SubRip)"), ("vtt", "subtitles (WebVTT)"))


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPreview:
    """The element that plays it, its text, and what an AION document says. `is_cut`: the text is only its beginning."""

    media_type: str
    element: Element | None = None
    text: str | None = None
    is_cut: bool = False
    aion: AionView | None = None


def forms(found: OutputPreview | None) -> Sequence[tuple[str, str]]:
    """Returns the forms in which the output can be saved, with their names for people."""
    if found is None or found.aion is None:
        return ()
    return (*_FORMS, *_SUBTITLES) if found.aion.lines else _FORMS


def may_parse(artifact: Artifact) -> bool:
    """Returns True if the output is a JSON document that is small enough to be read as a whole."""
    return artifact.size <= PARSED and (is_json(artifact.media_type) or artifact.name.endswith(".json"))


def preview(artifact: Artifact, head: bytes, document: Any = None) -> OutputPreview:
    """Returns what to show. `head` are its first bytes, `document` is what it is as JSON."""
    shown = shown_type(artifact.media_type, head)
    if (kind := element(shown)) is not None:
        return OutputPreview(media_type=shown, element=kind)
    if document is not None:
        text = json.dumps(document, ensure_ascii=False, indent=2)
        return OutputPreview(media_type=shown, text=text[:SHOWN], is_cut=len(text) > SHOWN, aion=aion_view(document))
    return OutputPreview(media_type=shown, text=_text(head), is_cut=artifact.size > len(head))


def _text(head: bytes) -> str | None:
    """Returns the bytes as text, None if they are none."""
    if b"\0" in head:
        return None
    try:
        return without_half_character(head).decode()
    except UnicodeDecodeError:
        return None
