"""Reads what engines say: heartbeats and results (engine-contract a.4, a.5, a.6), and announcements (a.3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

import msgspec

from enginehouse.domain import times
from enginehouse.domain.times import SECOND
from enginehouse.domain.work import LARGEST_POLL, LONGEST_POSTPONEMENT
from enginehouse.engine import EngineFailure, FailureKind
from enginehouse.engines.outcome import OF_THE_SERVER

SHORTEST_POSTPONEMENT: Final = 1.0  # seconds
_POLL: Final = "schedule_poll_task"
_PREFIX: Final = "chunk-metadata-"
_COUNTERS: Final = {"bytesRead": "bytes read", "bytesWritten": "bytes written", "messagesWritten": "messages written"}
_STATUSES: Final = ("running", "complete", "failed")
_KINDS: Final = {kind.value: kind for kind in FailureKind if kind not in OF_THE_SERVER}

EngineState = Literal["running", "complete", "failed"]


class BadMessage(ValueError):
    """The message is none that a webhook takes. The text says why, for the engine's author."""


@dataclass(frozen=True, slots=True)
class EngineHeartbeat:
    """A heartbeat: the engine's state, and what it says about its progress. `info` is its `infoMsg`, any JSON."""

    status: EngineState
    progress: str
    failure: EngineFailure | None = None
    info: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentResult:
    """A result without its bytes. `folder` is the id of an output folder as the engine gave it, None for all.

    `info` is what the engine says of its work with it.
    """

    folder: str | None = None
    start_ms: int | None = None
    stop_ms: int | None = None
    index: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    info: Any = None


class CallAgain(Exception):
    """The engine asks to be called again after so many seconds, with this payload, None for the same as before."""

    def __init__(self, seconds: float, payload: Any = None) -> None:
        super().__init__(seconds)
        self.seconds = seconds
        self.payload = payload


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
    info = _info(message)
    said += [] if info is None else [_line(info)]
    failure = _failure(message) if status == "failed" else None
    return EngineHeartbeat(cast("EngineState", status), "; ".join(said), failure, info)


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
        info=_info(message),
    )


def wait_seconds(body: Mapping[str, Any]) -> float | None:
    """Returns how long an asynchronous engine expects to work; None if the document is a result."""
    seconds = body.get("estimatedProcessingTimeInSeconds")
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not seconds > 0:
        return None
    return float(min(seconds, 1e9))


def call_again(body: Mapping[str, Any], now: float) -> CallAgain | None:
    """Returns the wish of a polling engine to be called again; None if the document is a result. Raises BadMessage.

    The pause is the time between its two times, which are of its own clock; without the first it is that from `now`
    (Unix seconds). It is at least a second.
    """
    if body.get("type") != _POLL:
        return None
    times_ = [_moment(body, name) for name in ("nextPollTimeUTC", "timestampUTC")]
    at, since = times_[0], now * SECOND if times_[1] is None else times_[1]
    if at is None:
        raise BadMessage(f"{_POLL}: nextPollTimeUTC must be given.")
    seconds = max(SHORTEST_POSTPONEMENT, (at - since) / SECOND)
    if seconds > LONGEST_POSTPONEMENT:
        raise BadMessage(f"{_POLL}: nextPollTimeUTC is more than {LONGEST_POSTPONEMENT // 86_400} days away.")
    payload = body.get("taskPayload")
    if len(encoded(payload)) > LARGEST_POLL:
        raise BadMessage(f"{_POLL}: taskPayload has more than {LARGEST_POLL} bytes.")
    return CallAgain(seconds, payload)


def _moment(message: Mapping[str, Any], name: str) -> int | None:
    try:
        return times.moment(message.get(name))
    except times.DateTimeError as error:
        raise BadMessage(f"{_POLL}: {name} is {error}") from None


def _info(message: Mapping[str, Any]) -> Any:
    """Returns what the engine says of its work: the documents call it `infoMs`, engines `infoMsg`."""
    return next((message[name] for name in ("infoMsg", "infoMs") if message.get(name) not in (None, "")), None)


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
