"""Merges the AION documents of many chunks into one (engine-contract d.7)."""

import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import msgspec

from enginehouse.engines.native.aion import Document, items, violation

# The length is limited, because 1e999999 is also a number and its digits would be very many.
_NUMBER: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,9})?")
_LONGEST_TEXT: Final = 1 << 53  # larger numbers are not exact
VENDOR: Final = "enginehouse"
_LISTS: Final = ("series", "object", "media", "embedding", "tags", "validationContracts")
_STAMPED: Final = ("sourceEngineId", "sourceEngineName", "taskId", "internalTaskId", "taskPayload", "generatedDateUTC")
_APART: Final = frozenset({*_LISTS, *_STAMPED, "processedStats", "collateIndex", "vendor"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The document of one chunk, and the chunk's position."""

    document: Document
    index: int = 0
    folder: int = 0
    start_ms: int | None = None
    stop_ms: int | None = None
    engine_id: str | None = None
    task_id: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


def collate(parts: list[Part], findings: list[str] | None = None) -> Document:
    """Returns one document with the contents of all parts.

    Series and objects are in the media's order. Tags, media and contracts are merged as sets. Numbers in processedStats
    are summed. A root field stays if all parts that have it agree; otherwise each chunk's own value is under
    vendor.enginehouse.chunks. A contract that the whole does not satisfy is left out; the reason is under
    vendor.enginehouse.validation, after `findings`.
    """
    parts = sorted(parts, key=_place)
    findings = [*(findings or ()), *(finding for part in parts for finding in _misshapen(part))]
    collated: Document = {}
    agreed, disputed = _root_fields(parts)
    collated.update(agreed)
    if stats := _summed_stats(parts):
        collated["processedStats"] = stats
    for name in ("object", "embedding"):
        if any(isinstance(part.document.get(name), list) for part in parts):
            collated[name] = [item for part in parts for item in items(part.document, name)]
    if any(isinstance(part.document.get("series"), list) for part in parts):
        collated["series"] = sorted((item for part in parts for item in items(part.document, "series")), key=_time)
    for name in ("tags", "media"):
        if merged := _distinct([item for part in parts for item in items(part.document, name)]):
            collated[name] = merged
    kept, dropped = _contracts(parts, collated)
    if kept:
        collated["validationContracts"] = kept
    collated["vendor"] = {VENDOR: _own_record(parts, disputed, findings + dropped)}
    return collated


def _place(part: Part) -> tuple[int, int, int, int]:
    order = part.document.get("collateIndex")
    return (part.start_ms or 0, part.index, order if type(order) is int else 0, part.folder)


def _time(item: Any) -> tuple[float, float]:
    if not isinstance(item, dict):
        return (0, 0)
    start, stop = item.get("startTimeMs"), item.get("stopTimeMs")
    return (start if isinstance(start, int | float) else 0, stop if isinstance(stop, int | float) else 0)


def _canonical(value: Any) -> bytes:
    return msgspec.json.encode(value, order="sorted")


def _distinct(values: list[Any]) -> list[Any]:
    return list({_canonical(value): value for value in reversed(values)}.values())[::-1]


def _stated(part: Part) -> Document:
    """Returns the root fields that describe the whole chunk."""
    return {name: value for name, value in part.document.items() if name not in _APART and not name.startswith("$")}


def _root_fields(parts: list[Part]) -> tuple[Document, set[str]]:
    values: dict[str, dict[bytes, Any]] = {}
    for part in parts:
        for name, value in _stated(part).items():
            values.setdefault(name, {}).setdefault(_canonical(value), value)
    agreed = {name: next(iter(distinct.values())) for name, distinct in values.items() if len(distinct) == 1}
    return agreed, values.keys() - agreed.keys()


def _summed_stats(parts: list[Part]) -> dict[str, str]:
    """Returns sums of numbers, and other values that all parts share.

    Values are text, because the schema requires it.
    """
    values: dict[str, list[str]] = {}
    for part in parts:
        stats = part.document.get("processedStats")
        for name, value in stats.items() if isinstance(stats, dict) else ():
            values.setdefault(name, []).append(str(value))
    summed: dict[str, str] = {}
    for name, texts in values.items():
        if all(_NUMBER.fullmatch(value) for value in texts):
            summed[name] = format(sum(map(Decimal, texts), Decimal()), "f")
        elif len(set(texts)) == 1:
            summed[name] = texts[0]
    return summed


def _contracts(parts: list[Part], collated: Document) -> tuple[list[str], list[str]]:
    listed = [name for part in parts for name in items(part.document, "validationContracts") if isinstance(name, str)]
    kept: list[str] = []
    dropped: list[str] = []
    for name in dict.fromkeys(listed):
        if why := violation(collated, name):
            dropped.append(f"{name}: left out, {why}")
        else:
            kept.append(name)
    return kept, dropped


def _misshapen(part: Part) -> list[str]:
    return [
        f"chunk {part.index}: {name} is not a list"
        for name in _LISTS
        if name in part.document and not isinstance(part.document[name], list)
    ]


def _own_record(parts: list[Part], disputed: set[str], findings: list[str]) -> Document:
    record: Document = {"chunkCount": len(parts), "sources": _sources(parts)}
    if chunks := [chunk for part in parts if (chunk := _chunk(part, disputed))]:
        record["chunks"] = chunks
    if "sentiment" in disputed and (mean := _mean_sentiment(parts)):
        record["sentiment"] = mean
    if "language" in disputed:
        record["languages"] = dict(Counter(str(part.document["language"]) for part in parts if _has_language(part)))
    if findings:
        record["validation"] = findings
    return record


def _has_language(part: Part) -> bool:
    return part.document.get("language") is not None


def _sources(parts: list[Part]) -> list[Document]:
    counted = Counter((part.engine_id, part.task_id) for part in parts)
    return [{"engineId": engine, "taskId": task, "chunkCount": count} for (engine, task), count in counted.items()]


def _chunk(part: Part, disputed: set[str]) -> Document:
    """Returns the values of this chunk that the whole document cannot hold, perhaps none."""
    own = {name: value for name, value in _stated(part).items() if name in disputed}
    if isinstance(part.document.get("vendor"), dict):
        own["vendor"] = part.document["vendor"]
    if not own:
        return {}
    place = {"index": part.index, "startTimeMs": part.start_ms, "stopTimeMs": part.stop_ms, "engineId": part.engine_id}
    return {name: value for name, value in place.items() if value is not None} | own


def _mean_sentiment(parts: list[Part]) -> dict[str, float]:
    """Returns the mean sentiment of the chunks, weighted by the lengths of their texts if all lengths are known."""
    voices = [part for part in parts if isinstance(part.document.get("sentiment"), dict)]
    lengths = [part.metadata.get("length") for part in voices]
    weights = [n for n in lengths if isinstance(n, int) and 0 < n < _LONGEST_TEXT]
    if len(weights) < len(voices):
        weights = [1] * len(voices)
    mean: dict[str, float] = {}
    for name in ("positiveValue", "negativeValue"):
        weighted = [
            (value, weight)
            for part, weight in zip(voices, weights, strict=True)
            if (value := _small(part.document["sentiment"].get(name))) is not None
        ]
        if weighted:
            mean[name] = round(
                sum(value * weight for value, weight in weighted) / sum(weight for _, weight in weighted), 6
            )
    return mean


def _small(value: Any) -> float | None:
    """Returns a number that can be added up. Sentiments lie between 0 and 1."""
    return float(value) if isinstance(value, int | float) and abs(value) < _LONGEST_TEXT else None
