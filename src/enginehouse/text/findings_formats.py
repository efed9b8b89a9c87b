"""An AION document in the forms in which people and programs read it: a page of text, subtitles, a table, JSON."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from enginehouse.text import subtitles
from enginehouse.text.findings import Findings, findings
from enginehouse.text.findings_page import page
from enginehouse.text.transcript import CueRules, cues, words

AION: Final = "aion"
_SUBTITLES: Final = ("srt", "ttml", "vtt")
_COLUMNS: Final = (
    "kind", "start_ms", "stop_ms", "speaker", "text", "class", "count", "confidence", "positive", "negative",
)  # fmt: skip


class NoTranscript(ValueError):
    """The document has no words with times, so there are no subtitles of it."""


def written(document: Any, form: str) -> bytes:
    """Returns the document in one of FORMS. Raises NoTranscript."""
    return FORMS[form][1](document)


def table(found: Findings) -> str:
    """Returns a row of CSV for each utterance, sentence, keyword and entity, below a head."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for row in _rows(found):
        writer.writerow([row.get(column, "") for column in _COLUMNS])
    return text.getvalue()


def _rows(found: Findings) -> Iterator[Mapping[str, Any]]:
    for line in found.transcript:
        yield {
            "kind": "utterance",
            "start_ms": line.start_ms,
            "stop_ms": line.stop_ms,
            "speaker": line.speaker,
            "text": line.text,
        }
    for one in found.texts:
        times = {"start_ms": one.start_ms, "stop_ms": one.stop_ms}
        feeling = one.sentiment
        scores = {} if feeling is None else {"positive": feeling.positive, "negative": feeling.negative}
        present = {name: value for name, value in (times | scores).items() if value is not None}
        yield {"kind": "sentence" if one.sentence is not None else one.kind, "text": one.text, **present}
    for keyword in found.keywords:
        yield {"kind": "keyword", "text": keyword.label, "confidence": keyword.confidence}
    for entity in found.entities:
        about = {"class": entity.kind, "count": entity.count, "confidence": entity.confidence}
        yield {"kind": "entity", "text": entity.label, **about}


def _subtitles(form: str) -> Callable[[Any], bytes]:
    def write(document: Any) -> bytes:
        spoken = words(document)
        if not spoken:
            raise NoTranscript
        return subtitles.FORMATS[form][1](cues(spoken, CueRules())).encode()

    return write


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


FORMS: Final[Mapping[str, tuple[str, Callable[[Any], bytes]]]] = {
    "txt": ("text/plain; charset=utf-8", lambda document: page(findings(document)).encode()),
    **{form: (subtitles.FORMATS[form][0], _subtitles(form)) for form in _SUBTITLES},
    "csv": ("text/csv; charset=utf-8", lambda document: table(findings(document)).encode()),
    "json": ("application/json", lambda document: _json(findings(document))),
    AION: ("application/json", _json),
}
"""The forms by their names: the media type, and the function that writes one."""
