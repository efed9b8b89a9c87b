"""Sends spans to a collector by OTLP over HTTP. It needs the extra `otel`, and is imported only by request."""

import time
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from enginehouse import __version__
from enginehouse.domain.traces import Span, TraceParent, current_trace

_NANOS: Final = 1_000  # of a microsecond


class ServedRequest:
    """The span of a request that is served now."""

    def __init__(self, export: "TraceExport", caller: TraceParent | None, here: TraceParent) -> None:
        self._export = export
        self._caller = caller
        self._here = here
        self._start = time.time_ns() // _NANOS

    def end(self, *, method: str, route: str, status: int, organization: int | None) -> None:
        """The request was answered."""
        if not self._here.is_sampled:
            return
        attributes: dict[str, str | int] = {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
        }
        if organization is not None:
            attributes["enginehouse.organization"] = organization
        parent = 0 if self._caller is None else self._caller.span_id
        now = time.time_ns() // _NANOS
        self._export.send(
            Span(f"{method} {route}", self._here, parent, self._start, now, attributes, status >= 500, is_request=True)
        )


class TraceExport:
    """Sends spans in batches, from a thread of its own. The usual variables OTEL_* say where to, and how many."""

    def __init__(self) -> None:
        self._ids = RandomIdGenerator()
        self._sampler = TracerProvider(shutdown_on_exit=False).sampler  # OTEL_TRACES_SAMPLER chooses it
        self._resource = Resource({"service.name": "enginehouse", "service.version": __version__}).merge(
            OTELResourceDetector().detect()
        )
        self._scope = InstrumentationScope("enginehouse", __version__)
        self._batches = BatchSpanProcessor(OTLPSpanExporter())

    def begin(self, traceparent: bytes | None) -> ServedRequest:
        """Returns the span of a request. Jobs that it creates are below it."""
        caller = None if traceparent is None else TraceParent.parse(traceparent.decode("latin-1"))
        if caller is None:
            here = self.root(self._ids.generate_trace_id(), "request")
        else:
            here = TraceParent(caller.trace_id, self._ids.generate_span_id(), self._samples(caller, "request"))
        current_trace.set(here)
        return ServedRequest(self, caller, here)

    def root(self, trace_id: int, name: str) -> TraceParent:
        """Returns the parent of the spans of a trace that begins here, 0 if there is none above them."""
        sampled = self._sampler.should_sample(None, trace_id, name).decision is Decision.RECORD_AND_SAMPLE
        return TraceParent(trace_id, 0 if name == "job" else self._ids.generate_span_id(), sampled)

    def send(self, span: Span) -> None:
        """The collector gets the span soon. If it does not answer, spans are lost, and nothing waits."""
        parent = _context(span.here._replace(span_id=span.parent_id), is_remote=True) if span.parent_id else None
        self._batches.on_end(
            ReadableSpan(
                name=span.name,
                context=_context(span.here, is_remote=False),
                parent=parent,
                resource=self._resource,
                attributes=span.attributes,
                kind=SpanKind.SERVER if span.is_request else SpanKind.INTERNAL,
                status=Status(StatusCode.ERROR if span.has_failed else StatusCode.UNSET),
                start_time=span.start * _NANOS,
                end_time=max(span.start, span.end) * _NANOS,
                instrumentation_scope=self._scope,
            )
        )

    def close(self) -> None:
        """What waits was sent, or given up. This call blocks."""
        self._batches.shutdown()  # type: ignore[no-untyped-call]

    def _samples(self, caller: TraceParent, name: str) -> bool:
        above = set_span_in_context(NonRecordingSpan(_context(caller, is_remote=True)))
        return self._sampler.should_sample(above, caller.trace_id, name).decision is Decision.RECORD_AND_SAMPLE


def _context(span: TraceParent, *, is_remote: bool) -> SpanContext:
    return SpanContext(span.trace_id, span.span_id, is_remote, TraceFlags(int(span.is_sampled)))
