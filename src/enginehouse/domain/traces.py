"""Traces as W3C Trace Context has them: who called, and the spans that a server tells a collector. Pure.

The span of a job and those of its attempts have ids that follow from theirs. So every server and an engine know them.
"""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from hashlib import blake2b
from typing import Final, NamedTuple

_FORM: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_NEVER: Final = "ff"  # a version that there will not be


class TraceParent(NamedTuple):
    """A span as another program is told of it. `is_sampled`: whether it is recorded, and so are those below it."""

    trace_id: int
    span_id: int
    is_sampled: bool

    @property
    def text(self) -> str:
        """The value of the header `traceparent`."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{int(self.is_sampled):02x}"

    @classmethod
    def parse(cls, text: str) -> "TraceParent | None":
        """Returns what the header says; None if it is no `traceparent`."""
        match = _FORM.fullmatch(text.strip())
        if match is None or text.strip().startswith(_NEVER):
            return None
        trace_id, span_id, flags = (int(part, 16) for part in match.groups())
        return cls(trace_id, span_id, bool(flags & 1)) if trace_id and span_id else None

    def below(self, *parts: object) -> "TraceParent":
        """Returns the span of this trace that these parts name."""
        return self._replace(span_id=number_of(8, *parts))


class Span(NamedTuple):
    """Something that took a time (µs). `parent_id` is 0 for the first of a trace. `is_request`: a client has waited."""

    name: str
    here: TraceParent
    parent_id: int
    start: int
    end: int
    attributes: Mapping[str, str | int]
    has_failed: bool = False
    is_request: bool = False


def number_of(size: int, *parts: object) -> int:
    """Returns a number of so many bytes that these parts always have, and hardly any others; never 0."""
    text = "/".join(map(str, parts))
    return int.from_bytes(blake2b(text.encode(), digest_size=size, person=b"span").digest()) or 1


current_trace: Final[ContextVar[TraceParent | None]] = ContextVar("current_trace", default=None)
"""The span of the request that is served now; None if nobody records spans."""


def current_traceparent() -> str | None:
    """Returns the `traceparent` of the request that is served now; None if nobody records spans."""
    here = current_trace.get()
    return None if here is None else here.text
