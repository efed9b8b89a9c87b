"""The rules of each validation contract that an AION document can list (engine-contract c.5)."""

from collections.abc import Callable, Iterator
from typing import Any, Final
from uuid import UUID

Document = dict[str, Any]

MEDIA_TYPE: Final = "application/json"


def violation(document: Document, contract: str) -> str | None:
    """Returns in a few words why `document` does not satisfy `contract`, None if it does.

    A structured-data schema (a UUID) cannot be checked here, so it counts as satisfied.
    """
    rule = _RULES.get(contract)
    if rule is not None:
        return rule(document)
    try:
        UUID(contract)
    except ValueError:
        return "it is not a contract"
    return None


def items(document: Document, field: str) -> list[Any]:
    """Returns the list in `field`, an empty one if the field is absent or not a list."""
    value = document.get(field)
    return value if isinstance(value, list) else []


def _objects(document: Document) -> Iterator[tuple[str, Document]]:
    yield from (
        (f"object[{place}]", item) for place, item in enumerate(items(document, "object")) if isinstance(item, dict)
    )
    yield from (
        (f"series[{place}].object", item["object"])
        for place, item in enumerate(items(document, "series"))
        if isinstance(item, dict) and isinstance(item.get("object"), dict)
    )


def _root(field: str) -> Callable[[Document], str | None]:
    return lambda document: None if document.get(field) is not None else f"{field} is missing"


def _transcript(document: Document) -> str | None:
    if not isinstance(document.get("series"), list):
        return "series is missing"
    for place, item in enumerate(document["series"]):
        if not isinstance(item, dict) or not item.get("words"):
            return f"series[{place}] has no words"
    return None


def _sentiment(document: Document) -> str | None:
    if "sentiment" in document or "emotions" in document:
        return None
    objects = items(document, "object")
    if not objects:
        return "neither sentiment nor emotions nor object is there"
    for place, item in enumerate(objects):
        if not isinstance(item, dict) or not ("sentiment" in item or "emotions" in item):
            return f"object[{place}] has neither sentiment nor emotions"
    return None


def _media_translated(document: Document) -> str | None:
    if not isinstance(document.get("media"), list):
        return "media is missing"
    for place, item in enumerate(document["media"]):
        if not isinstance(item, dict) or "language" not in item:
            return f"media[{place}] has no language"
    return None


def _typed(*types: str, needs: tuple[str, ...] = (), in_series: bool = False) -> Callable[[Document], str | None]:
    """Returns a rule: every object is of one of `types` and has one of `needs`.

    With `in_series` a series of them is enough.
    """

    def rule(document: Document) -> str | None:
        if "object" not in document and not (in_series and "series" in document):
            return "object is missing"
        if in_series:
            for place, item in enumerate(items(document, "series")):
                if not isinstance(item, dict) or not isinstance(item.get("object"), dict):
                    return f"series[{place}] has no object"
        for path, item in _objects(document):
            if item.get("type") not in types:
                return f"{path} is of type {item.get('type')}, not {' or '.join(types)}"
            if needs and not any(field in item for field in needs):
                return f"{path} has no {' or '.join(needs)}"
        return None

    return rule


_RULES: Final[dict[str, Callable[[Document], str | None]]] = {
    "transcript": _transcript,
    "sentiment": _sentiment,
    "language": _root("language"),
    "summary": _root("summary"),
    "media-translated": _media_translated,
    "object": _typed("object", in_series=True),
    "text": _typed("text", "ocr", needs=("text",), in_series=True),
    "anomaly": _typed("anomaly", in_series=True),
    "keyword": _typed("keyword", needs=("label",)),
    "entity": _typed("namedEntity", needs=("label", "entityId")),
    "concept": _typed("concept", needs=("objectCategory",)),
}


def is_valid(document: Any) -> bool:
    """Returns True if the value is an AION document that satisfies every contract that it lists.

    It checks the lists, the times of the series and the contracts; it does not check every field (engine-contract c.2).
    """
    if not isinstance(document, dict):
        return False
    contracts = document.get("validationContracts", [])
    if not isinstance(contracts, list) or not all(isinstance(contract, str) for contract in contracts):
        return False
    lists = (document[field] for field in ("object", "series", "media") if field in document)
    if not all(isinstance(each, list) and all(isinstance(item, dict) for item in each) for each in lists):
        return False
    times = [item.get(name) for item in items(document, "series") for name in ("startTimeMs", "stopTimeMs")]
    if not all(isinstance(time, int) and not isinstance(time, bool) and time >= 0 for time in times):
        return False
    typed = all(isinstance(item.get("type"), str) for _, item in _objects(document))
    return typed and all(violation(document, contract) is None for contract in contracts)
