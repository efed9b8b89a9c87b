"""An AION document as people read it: what was said and when, what was found, and what holds for the whole. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from enginehouse.text.transcript import Cue, CueRules, cues, words

MOST: Final = 500  # lines, and rows
_LONGEST: Final = 1_000  # characters of one text
_LINES: Final = CueRules(characters=96, lines=1, longest_ms=12_000, at_sentences=True)
_PARTS: Final = ("series", "object", "sentiment", "emotions", "summary", "language", "tags", "validationContracts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something that an engine has found. Times in ms from the beginning of the media, None without."""

    kind: str
    label: str
    confidence: str = ""
    more: str = ""
    start_ms: int | None = None
    stop_ms: int | None = None


@dataclass(frozen=True, slots=True)
class AionView:
    """The lines that were spoken, what was found, and facts by their names. `left_out` counts what is not shown."""

    lines: tuple[Cue, ...]
    found: tuple[Found, ...]
    facts: tuple[tuple[str, str], ...]
    left_out: int = 0


def aion_view(document: Any) -> AionView | None:
    """Returns the document in parts, None if it is no AION or has nothing to say."""
    if not isinstance(document, dict) or not any(part in document for part in _PARTS):
        return None
    lines = cues(words(document), _LINES)
    found = list(_found(document))
    facts = tuple(_facts(document))
    if not (lines or found or facts):
        return None
    left_out = max(0, len(lines) - MOST) + max(0, len(found) - MOST)
    return AionView(tuple(lines[:MOST]), tuple(found[:MOST]), facts, left_out)


def _found(document: Mapping[str, Any]) -> Iterator[Found]:
    for one in _objects(document.get("object")):
        yield _object(one)
    for item in _objects(document.get("series")):
        start, stop = _time(item.get("startTimeMs")), _time(item.get("stopTimeMs"))
        if isinstance(item.get("object"), dict):
            yield _object(item["object"], start, stop)
        elif not item.get("words") and (feeling := _feelings(item)):
            yield Found(kind="sentiment", label=feeling, start_ms=start, stop_ms=stop)


def _object(one: Mapping[str, Any], start: int | None = None, stop: int | None = None) -> Found:
    label = next((_text(one[name]) for name in ("label", "text", "uri", "entityId") if one.get(name)), "")
    kinds = ", ".join(_text(each.get("class")) for each in _objects(one.get("objectCategory")) if each.get("class"))
    return Found(
        kind=_text(one.get("type") or "object"),
        label=label,
        confidence=_share(one.get("confidence")),
        more="; ".join(part for part in (kinds, _feelings(one), _place(one)) if part),
        start_ms=start,
        stop_ms=stop,
    )


def _place(one: Mapping[str, Any]) -> str:
    places = [f"{name} {one[name]}" for name in ("page", "paragraph", "sentence") if isinstance(one.get(name), int)]
    return ", ".join(places)


def _facts(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    tags = ", ".join(_text(tag.get("key")) for tag in _objects(document.get("tags")))
    given = {
        "Language": _text(document.get("language")),
        "Summary": _text(document.get("summary")),
        "Sentiment": _feelings(document),
        "Tags": tags[:_LONGEST],
        "Made by": _text(document.get("sourceEngineName")),
    }
    yield from ((name, text) for name, text in given.items() if text)


def _feelings(holder: Mapping[str, Any]) -> str:
    """Returns the sentiment and the emotions in words."""
    sentiment = holder.get("sentiment")
    parts = []
    if isinstance(sentiment, dict):
        parts = [
            f"{name} {share}" for name in ("positive", "negative") if (share := _share(sentiment.get(f"{name}Value")))
        ]
    for each in _objects(holder.get("emotions")):
        parts.append(f"{_text(each.get('emotion'))} {_share(each.get('emotionValue'))}".strip())
    return ", ".join(parts)


def _share(value: Any) -> str:
    """Returns a number from 0 to 1 as a percentage, "" for anything else."""
    is_share = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1
    return f"{value:.0%}" if is_share else ""


def _time(value: Any) -> int | None:
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 2**53
    return int(value) if fits else None


def _text(value: Any) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
