"""Requests as values, and what becomes of them. Nothing here sends anything: a client, blocking or not, does that.

A *flow* is a generator that yields what it wants, a `ClientCall` or a `Pause`, gets what came of it, and returns a
result. So one flow serves both clients.
"""

import json
import random
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar
from uuid import uuid4

import msgspec

from enginehouse.client.failure import Json, RequestFailed, refusal

GRAPHQL: Final = "/v3/graphql"

T = TypeVar("T")

_BUSY: Final = frozenset({429, 502, 503, 504})
_FOR_A_WHILE: Final = frozenset({"idempotency_key_in_progress", "service_unavailable", "rate_limit_exceeded"})


class FilePart(NamedTuple):
    """A file that is sent as one part of a form, read while it is sent."""

    path: Path
    name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class ClientCall:
    """One request. `key` is its idempotency key; `is_repeatable`: done twice it does no more than once."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    key: str | None = None
    is_repeatable: bool = False
    file: FilePart | None = None

    @property
    def may_repeat(self) -> bool:
        """True if nobody is harmed when the request is done again."""
        return self.method == "GET" or self.key is not None or self.is_repeatable


class Pause(NamedTuple):
    """Nothing is sent for so many seconds."""

    seconds: float


class ServerReply(NamedTuple):
    """What the server has answered. The names of `headers` are in lower case; several of one name are lines."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Lost(NamedTuple):
    """No answer came. `is_sent`: the server may have got the request."""

    why: str
    is_sent: bool


Flow = Generator[ClientCall | Pause, ServerReply | Lost | None, T]


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how soon a request is sent again that failed for a while. `tries` 1 means never.

    The pauses double from `first` to `longest` seconds, spread by chance. A server that says when to come back is
    obeyed, up to `patience` seconds.
    """

    tries: int = 5
    first: float = 0.2
    longest: float = 5.0
    patience: float = 60.0
    chance: Callable[[], float] = random.random

    def pause(self, number: int, call: ClientCall, got: ServerReply | Lost) -> float | None:
        """Returns the seconds before the next try, None if there is none after this failure of try `number`."""
        if number >= self.tries or not _is_transient(call, got):
            return None
        own = min(self.longest, self.first * 2 ** (number - 1)) * (0.5 + self.chance() / 2)
        wanted = _retry_after(got)
        return None if wanted > self.patience else max(own, wanted)


@dataclass(frozen=True, slots=True)
class ServerInterface:
    """Which server is called, and how: `is_aiware` limits the calls to what aiWARE's own servers have."""

    url: str
    retries: Retries
    is_aiware: bool = False

    def key(self, given: str | None) -> str | None:
        """Returns the idempotency key of a new request. aiWARE has none."""
        if self.is_aiware:
            if given is not None:
                raise ValueError("key: aiWARE has no idempotency keys.")
            return None
        return given or str(uuid4())

    def only_here(self, what: str) -> None:
        """Raises NotImplementedError on aiWARE's interface, which has no such operation."""
        if self.is_aiware:
            raise NotImplementedError(f"aiWARE's interface has no operation to {what}.")

    def send(self, call: ClientCall) -> Flow[ServerReply]:
        """Returns the answer, after as many tries as it takes. Raises RequestFailed."""
        for number in count(1):
            got = yield call
            assert isinstance(got, ServerReply | Lost)  # noqa: S101 - what a client gives for a ClientCall
            failure = failure_of(self.url, call, got)
            if failure is None:
                assert isinstance(got, ServerReply)  # noqa: S101
                return got
            seconds = self.retries.pause(number, call, got)
            if seconds is None:
                raise failure
            yield Pause(seconds)
        raise AssertionError  # pragma: no cover

    def read(self, call: ClientCall, type_: type[T], *names: str) -> Flow[T]:
        """Returns what is under these names of the answer's JSON. Raises RequestFailed."""
        return decoded((yield from self.send(call)), type_, names)

    def graphql(self, query: str, variables: Json, type_: type[T], name: str, *, key: str | None = None) -> Flow[T]:
        """Returns the field of a GraphQL answer. Raises RequestFailed with the first error."""
        call = ClientCall("POST", GRAPHQL, body={"query": query, "variables": variables}, key=key)
        return decoded((yield from self.send(call)), type_, ("data", name))


def failure_of(url: str, call: ClientCall, got: ServerReply | Lost) -> RequestFailed | None:
    """Returns why the request failed, None if it was done."""
    if isinstance(got, Lost):
        return RequestFailed("unreachable", f"The server at {url} does not answer ({got.why}). Is it running?")
    return refusal(got.status, got.content, is_graphql=call.path == GRAPHQL)


def decoded(reply: ServerReply, type_: type[T], names: Sequence[str]) -> T:
    """Returns what is under these names of the answer's JSON. Raises RequestFailed if it is not there."""
    try:
        content = json.loads(reply.content)
        for name in names:
            content = content[name]
        return msgspec.convert(content, type_, strict=False)
    except (ValueError, KeyError, TypeError) as error:
        text = f"The answer has another form than expected ({type(error).__name__}: {error}). Is it an Enginehouse?"
        raise RequestFailed("error", text, reply.status) from None


def _is_transient(call: ClientCall, got: ServerReply | Lost) -> bool:
    """Returns True if the request may be done when it is sent again, and is not done twice then."""
    if isinstance(got, Lost):
        return call.may_repeat or not got.is_sent
    if got.status == 429:  # it was not looked at
        return True
    failure = refusal(got.status, got.content, is_graphql=call.path == GRAPHQL)
    is_for_a_while = failure is not None and failure.code in _FOR_A_WHILE
    return call.may_repeat and (got.status in _BUSY or is_for_a_while)


def _retry_after(got: ServerReply | Lost) -> float:
    """Returns how many seconds the server wants to be left alone."""
    text = "" if isinstance(got, Lost) else got.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else 0.0
