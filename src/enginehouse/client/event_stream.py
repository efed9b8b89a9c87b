"""The stream of a job's events: how its lines are read, and how it goes on when a connection breaks."""

import json
from dataclasses import dataclass, field
from typing import Final

from enginehouse.client.failure import Json, RequestFailed

PAUSE: Final = 0.5  # seconds before another connection
_PATIENCE: Final = 60.0  # how many seconds a server may be away
_TRANSIENT: Final = frozenset({"unreachable", "service_unavailable"})


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a stream: an event with its `id`, `end` with the job's status, or `heartbeat`."""

    kind: str
    data: Json
    id: int | None = None


@dataclass(slots=True)
class MessageParser:
    """Makes messages of the lines of server-sent events. A comment line is a heartbeat."""

    _id: int | None = None
    _kind: str = "message"
    _data: list[str] = field(default_factory=list)

    def feed(self, line: str) -> Message | None:
        """Returns the message that this line completes, if it does."""
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "" if line:
                return Message("heartbeat", {})
            case "":
                return self._complete()
            case "id":
                self._id = int(value)
            case "event":
                self._kind = value
            case "data":
                self._data.append(value)
        return None

    def _complete(self) -> Message | None:
        message = Message(self._kind, json.loads("\n".join(self._data)), self._id) if self._data else None
        self._id, self._kind, self._data = None, "message", []
        return message


@dataclass(slots=True)
class EventPlace:
    """Where a reader is in the events of a job, over all its connections."""

    heartbeat: int = 15
    after: int | None = None
    _connected: bool = False
    _away_since: float | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What the next connection sends, so that it begins after the last event."""
        last = {} if self.after is None else {"last-event-id": str(self.after)}
        return {"accept": "text/event-stream", **last}

    @property
    def silence(self) -> float:
        """After so many seconds without a line the server is away."""
        return 3.0 * self.heartbeat + 5

    def take(self, message: Message) -> None:
        """The message has come. Raises RequestFailed if it ends the stream because of a refusal."""
        if message.kind == "refused":
            raise RequestFailed(message.data["id"], message.data["description"])
        self._connected, self._away_since = True, None
        self.after = message.id if message.id is not None else self.after

    def lose(self, failure: RequestFailed, now: float) -> None:
        """The connection is lost. Raises the failure if another one would not help."""
        if not self._connected or failure.code not in _TRANSIENT:
            raise failure
        self._away_since = now if self._away_since is None else self._away_since
        if now - self._away_since > _PATIENCE:
            raise failure
