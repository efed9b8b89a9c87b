"""What an AION document says, in parts that a person reads: language, sentiment, keywords, entities, what was said.

What has another shape than AION is left out, so there are findings for every document, perhaps empty ones.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from enginehouse.text.sentiment import SentimentFinding, chunk_sentiments, sentiment_of, whole_sentiment
from enginehouse.text.subtitles import clean
from enginehouse.text.transcript import CueRules, cues, words

# As wide as a line of the page at 80 columns, where it begins after the time.
_LINES: Final = CueRules(characters=69, lines=1, longest_ms=12_000, at_sentences=True)
_UNDETERMINED: Final = "und"
_LARGEST: Final = 1 << 53  # larger numbers are not exact


class KeywordFinding(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A phrase that the text is about. `confidence` is the sum of all chunks."""

    label: str
    confidence: float = 0.0


class EntityFinding(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Somebody or something that is named: its name, its class such as person, and how often it is named."""

    label: str
    kind: str = ""
    count: int = 1
    confidence: float = 0.0


class TextFinding(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A part of the text with its place, or its times in ms, and its sentiment if that was judged.

    `kind` is text, ocr (it was read from a picture) or translation.
    """

    text: str
    kind: str = "text"
    page: int | None = None
    paragraph: int | None = None
    sentence: int | None = None
    start_ms: int | None = None
    stop_ms: int | None = None
    sentiment: SentimentFinding | None = None


class Utterance(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What was said between two times in ms."""

    start_ms: int
    stop_ms: int
    text: str
    speaker: str = ""


class ChunkFinding(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What was found in one chunk."""

    index: int
    language: str | None = None
    sentiment: SentimentFinding | None = None


class Findings(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a document says. `languages` has the number of chunks of each language, 0 if there is one for the whole."""

    summary: str | None = None
    languages: dict[str, int] = {}
    sentiment: SentimentFinding | None = None
    keywords: list[KeywordFinding] = []
    entities: list[EntityFinding] = []
    transcript: list[Utterance] = []
    texts: list[TextFinding] = []
    chunks: list[ChunkFinding] = []

    @property
    def is_empty(self) -> bool:
        """True if nothing was found."""
        return not any(getattr(self, name) for name in self.__struct_fields__)


def findings(document: Any) -> Findings:
    """Returns what the document says."""
    document = _object(document)
    own = _object(_object(document.get("vendor")).get("enginehouse"))
    return Findings(
        summary=_text(document.get("summary")) or _summary_of_chunks(own),
        languages=_languages(document, own),
        sentiment=whole_sentiment(document, own),
        keywords=_keywords(document),
        entities=_entities(document),
        transcript=[
            Utterance(start_ms=cue.start_ms, stop_ms=cue.stop_ms, text=_clean(" ".join(cue.lines)), speaker=cue.speaker)
            for cue in cues(words(document), _LINES)
        ],
        texts=list(_texts(document)),
        chunks=_chunks(document, own),
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _clean(text: str) -> str:
    return " ".join(clean(text).split())


def _text(value: Any) -> str | None:
    return (_clean(value) or None) if isinstance(value, str) else None


def _number(value: Any) -> float:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST
    return float(value) if fits else 0.0


def _whole(value: Any) -> int | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST
    return value if fits else None


def _summary_of_chunks(own: Mapping[str, Any]) -> str | None:
    """Returns the summaries of the chunks, one after the other."""
    parts = ((_whole(one.get("index")) or 0, _text(one.get("summary"))) for one in _objects(own.get("chunks")))
    return " ".join(text for _, text in sorted(parts, key=lambda part: part[0]) if text) or None


def _languages(document: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, int]:
    counts = {_clean(name): _whole(count) or 0 for name, count in _object(own.get("languages")).items()}
    language = _text(document.get("language"))
    return counts or ({language: 0} if language else {})


def _found(document: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yields every object that was found, and what has its times."""
    yield from ((one, {}) for one in _objects(document.get("object")))
    yield from ((_object(item.get("object")), item) for item in _objects(document.get("series")))


def _keywords(document: Mapping[str, Any]) -> list[KeywordFinding]:
    weights: dict[str, float] = {}
    for one, _ in _found(document):
        label = _text(one.get("label"))
        if one.get("type") == "keyword" and label:
            weights[label] = weights.get(label, 0.0) + _number(one.get("confidence"))
    order = sorted(weights, key=weights.__getitem__, reverse=True)
    return [KeywordFinding(label=label, confidence=round(weights[label], 4)) for label in order]


def _entities(document: Mapping[str, Any]) -> list[EntityFinding]:
    """Returns each name of each class once, the most frequent first."""
    sure: dict[tuple[str, str], float] = {}
    counts = Counter[tuple[str, str]]()
    for one, _ in _found(document):
        label = _text(one.get("label")) or _text(one.get("entityId"))
        if one.get("type") == "namedEntity" and label:
            classes = [_text(each.get("class")) or "" for each in _objects(one.get("objectCategory"))]
            kind = ", ".join(filter(None, classes))
            sure[label, kind] = max(sure.get((label, kind), 0.0), _number(one.get("confidence")))
            counts[label, kind] += _whole(_object(one.get("vendor")).get("occurrences")) or 1
    return [
        EntityFinding(label=label, kind=kind, count=count, confidence=round(sure[label, kind], 4))
        for (label, kind), count in counts.most_common()
    ]


def _texts(document: Mapping[str, Any]) -> Iterator[TextFinding]:
    for one, timed in _found(document):
        text = _text(one.get("text"))
        if one.get("type") in ("text", "ocr") and text:
            yield TextFinding(
                text=text,
                kind=_kind(one),
                page=_whole(one.get("page")),
                paragraph=_whole(one.get("paragraph")),
                sentence=_whole(one.get("sentence")),
                start_ms=_whole(timed.get("startTimeMs")),
                stop_ms=_whole(timed.get("stopTimeMs")),
                sentiment=sentiment_of(one),
            )


def _kind(one: Mapping[str, Any]) -> str:
    """Returns "ocr" for text that was seen at a place of a picture, "translation" for text in a language of its own."""
    if one["type"] == "ocr" or one.get("boundingPoly"):
        return "ocr"
    return "translation" if _text(one.get("language")) else "text"


def _chunks(document: Mapping[str, Any], own: Mapping[str, Any]) -> list[ChunkFinding]:
    """Returns what the engines found in each chunk, side by side; nothing of a single one, which is the whole."""
    languages: dict[int, str] = {}
    sentiments = chunk_sentiments(document, own)
    for chunk in _objects(own.get("chunks")):
        index, language = _whole(chunk.get("index")), _text(chunk.get("language"))
        if index is not None and language:
            languages[index] = language
    indices = sorted(languages.keys() | sentiments.keys())
    if len(indices) < 2:
        return []
    return [
        ChunkFinding(index=index, language=languages.get(index), sentiment=sentiments.get(index)) for index in indices
    ]
