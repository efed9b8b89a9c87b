"""Reads what engines send to the webhooks: heartbeats and results (engine-contract a.4, a.5, a.6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

import msgspec

from enginehouse.engine import EngineFailure, FailureKind
from enginehouse.engines.outcome import OF_THE_SERVER

_PREFIX: Final = "chunk-metadata-"
_COUNTERS: Final = {"bytesRead": "bytes read", "bytesWritten": "bytes written", "messagesWritten": "messages written"}
_STATUSES: Final = ("running", "complete", "failed")
_KINDS: Final = {kind.value: kind for kind in FailureKind if kind not in OF_THE_SERVER}

EngineState = Literal["running", "complete", "failed"]


class BadMessage(ValueError):
    """The message is none that a webhook takes. The text says why, for the engine's author."""


@dataclass(frozen=True, slots=True)
class EngineHeartbeat:
    """A heartbeat: the engine's state, and what it says about its progress."""

    status: EngineState
    progress: str
    failure: EngineFailure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentResult:
    """A result without its bytes. `folder` is the id of an output folder as the engine gave it, None for all."""

    folder: str | None = None
    start_ms: int | None = None
    stop_ms: int | None = None
    index: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def read_json(body: bytes) -> dict[str, Any]:
    """Returns the object in the body. Raises BadMessage."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadMessage("The body must be JSON.") from None
    if not isinstance(found, dict):
        raise BadMessage("The body must be a JSON object.")
    return found


def encoded(output: Any) -> bytes:
    """Returns the document as JSON."""
    return msgspec.json.encode(output)


def heartbeat(message: Mapping[str, Any]) -> EngineHeartbeat:
    """Returns the heartbeat in the message. Raises BadMessage."""
    status = message.get("status")
    if status not in _STATUSES:
        raise BadMessage(f'status: must be "running", "complete" or "failed", got {str(status)[:60]!a}.')
    said = [
        f"{message[name]} {words}"
        for name, words in _COUNTERS.items()
        if isinstance(message.get(name), int) and not isinstance(message[name], bool)
    ]
    said += [_line(message[name]) for name in ("infoMsg", "infoMs") if message.get(name)]
    failure = _failure(message) if status == "failed" else None
    return EngineHeartbeat(cast("EngineState", status), "; ".join(said), failure)


def result(message: Mapping[str, Any]) -> SentResult:
    """Returns the result that the fields of a message describe. In a form all of them are texts. Raises BadMessage."""
    folder = message.get("outputFolderID") or message.get("outputFolderId")
    if folder is not None and not isinstance(folder, str):
        raise BadMessage("outputFolderID: must be a text.")
    return SentResult(
        folder=folder,
        start_ms=_number(message, "startOffsetMs", "startOffsetMS"),
        stop_ms=_number(message, "endOffsetMs", "endOffsetMS"),
        index=_number(message, "index"),
        metadata={
            name.lower().removeprefix(_PREFIX): value
            for name, value in message.items()
            if name.lower().startswith(_PREFIX)
        },
    )


def wait_seconds(body: Mapping[str, Any]) -> float | None:
    """Returns how long an asynchronous engine expects to work; None if the document is a result."""
    seconds = body.get("estimatedProcessingTimeInSeconds")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not seconds > 0:
        return None
    return float(min(seconds, 1e9))


def _failure(message: Mapping[str, Any]) -> EngineFailure:
    """Returns the failure in the engine's words. A word that is none of the contract's stays in the message."""
    word = message.get("failureReason")
    kind = _KINDS.get(word) if isinstance(word, str) else None
    text = message.get("failureMsg")
    said = text if isinstance(text, str) and text.strip() else "The engine failed and did not say why."
    if kind is None and word:
        said = f"{_line(word)}: {said}"
    return EngineFailure(said, kind or FailureKind.UNKNOWN)


def _number(message: Mapping[str, Any], *names: str) -> int | None:
    given = next((message[name] for name in names if message.get(name) is not None), None)
    if given is None or given == "":
        return None
    try:
        if isinstance(given, str | int) and not isinstance(given, bool):
            return int(given)
        if isinstance(given, float) and given.is_integer():
            return int(given)
    except ValueError:
        pass
    raise BadMessage(f"{names[0]}: must be a whole number, got {str(given)[:60]!a}.")


def _line(value: Any) -> str:
    """Returns the value as one line."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return " ".join(text.split())
