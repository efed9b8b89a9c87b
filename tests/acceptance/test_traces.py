"""Spans of a real server reach a collector: the request of a client, the job below it, its attempts below that.

The collector is an OTLP endpoint in this process, which reads the messages of the protocol.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.acceptance.server import NOOP, task_of
from tests.acceptance.servers import DEADLINE, Server, call, serving

WEBSTREAM: Final = "9e611ad7-2d3b-48f6-a51b-0a1ba40fe255"
TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
ABOVE: Final = "b7ad6b7169203331"


@dataclass(slots=True)
class Collector:
    """What was received: the spans, and the headers of the calls of an engine."""

    url: str = ""
    spans: list[Any] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    called: list[str | None] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)

    def until(self, count: int, trace: str = TRACE) -> dict[str, Any]:
        """Returns the spans of the trace by name, once there are so many."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.of(trace)) >= count, DEADLINE), [s.name for s in self.spans]
            found = self.of(trace)
        assert len(found) == count, [span.name for span in found]
        return {span.name: span for span in found}

    def of(self, trace: str) -> list[Any]:
        return [span for span in self.spans if span.trace_id.hex() == trace]


@contextmanager
def collecting() -> Iterator[Collector]:
    """Yields a collector, which is also an engine over HTTP at /ready and /process."""
    collector = Collector()

    class Endpoint(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(200)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with collector.news:
                if self.path == "/v1/traces":
                    self._take(body)
                else:
                    collector.called.append(self.headers["traceparent"])
                collector.news.notify_all()
            self._answer(200 if self.path == "/v1/traces" else 204)

        def _take(self, body: bytes) -> None:
            assert self.headers["content-type"] == "application/x-protobuf"
            for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                known = facts(of_resource.resource)
                collector.services.add(known["service.name"])
                for of_scope in of_resource.scope_spans:
                    collector.spans += of_scope.spans

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        collector.url = f"http://127.0.0.1:{listening.server_address[1]}"
        yield collector
        listening.shutdown()


def facts(of: Any) -> dict[str, Any]:
    """Returns the attributes by their names."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in of.attributes}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


@pytest.fixture(scope="module")
def server(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    variables |= {"OTEL_SERVICE_NAME": "our-house"}
    with serving(tmp_path_factory.mktemp("data"), environment=variables) as up:
        yield up


def create(server: Server, *jobs: dict[str, Any], trace: str = TRACE, flags: str = "01") -> None:
    """The jobs are created by a request whose caller records spans."""
    with server.client() as client:
        headers = {"traceparent": f"00-{trace}-{ABOVE}-{flags}"}
        answer = client.post("/edge/v1/proc/job/create", json={"jobs": list(jobs)}, headers=headers)
        assert answer.status_code == 200, answer.text


def test_a_request_its_job_and_its_attempts_are_one_trace(server: Server, collector: Collector) -> None:
    before = time.time_ns()
    create(server, task_of(NOOP, {"secret": "not-in-a-span"}))
    spans = collector.until(3)
    request, job, attempt = (spans[name] for name in ("POST /edge/v1/proc/job/create", "job", "attempt"))
    assert request.parent_span_id.hex() == ABOVE
    assert job.parent_span_id == request.span_id
    assert attempt.parent_span_id == job.span_id
    assert (request.kind, job.kind) == (2, 1), "a server's, and an internal one"
    for span in spans.values():
        assert before - 10**9 <= span.start_time_unix_nano <= span.end_time_unix_nano <= time.time_ns() + 10**9
    assert facts(request)["http.response.status_code"] == 200
    assert facts(job)["enginehouse.outcome"] == "complete"
    assert facts(attempt)["enginehouse.engine"] == NOOP
    assert facts(attempt)["enginehouse.task"].startswith(facts(job)["enginehouse.job"])
    assert collector.services == {"our-house"}
    assert "not-in-a-span" not in str(collector.spans)


def test_a_failure_is_an_error_in_the_trace(server: Server, collector: Collector) -> None:
    trace = "1" * 32
    create(server, task_of(WEBSTREAM, {"url": "http://127.0.0.1:1/x"}, maxRetries=0), trace=trace)
    spans = collector.until(3, trace)
    assert spans["attempt"].status.code == spans["job"].status.code == 2
    assert facts(spans["attempt"])["enginehouse.reason"]
    assert spans["POST /edge/v1/proc/job/create"].status.code == 0


def test_an_engine_over_http_gets_the_span_of_its_attempt(server: Server, collector: Collector) -> None:
    trace = "2" * 32
    added = server.cli("engine", "add", "Traced", "--url", collector.url, "--mode", "batch", "--json")
    assert added.code == 0, added.err
    create(server, task_of(json.loads(added.out)["engineID"], {}), trace=trace)
    spans = collector.until(3, trace)
    assert collector.called == [f"00-{trace}-{spans['attempt'].span_id.hex()}-01"]


def test_what_the_caller_does_not_record_nobody_records(server: Server, collector: Collector) -> None:
    silent, loud = "3" * 32, "4" * 32
    create(server, task_of(NOOP, {}), trace=silent, flags="00")
    create(server, task_of(NOOP, {}), trace=loud)
    collector.until(3, loud)
    assert collector.of(silent) == []


def test_a_request_without_a_caller_begins_a_trace(server: Server, collector: Collector) -> None:
    with server.client() as client:
        for header in ("", "00-xyz-1-01", f"00-{'0' * 32}-{ABOVE}-01", "ff" + f"-{TRACE}-{ABOVE}-01"):
            assert client.get("/api/v1/overview", headers={"traceparent": header}).status_code == 200
    with collector.news:
        assert collector.news.wait_for(lambda: len(of_overview(collector)) >= 4, DEADLINE)
    spans = of_overview(collector)
    assert all(not span.parent_span_id for span in spans)
    assert len({span.trace_id for span in spans}) == 4


def of_overview(collector: Collector) -> list[Any]:
    return [span for span in collector.spans if span.name == "GET /api/v1/overview"]


def test_what_waits_is_sent_before_the_server_ends(collector: Collector, tmp_path: Path) -> None:
    trace = "5" * 32
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "600000"}
    with serving(tmp_path / "data", environment=variables) as server:
        create(server, task_of(NOOP, {}), trace=trace)
        with server.client() as client:
            deadline = time.monotonic() + DEADLINE
            while client.get("/api/v1/overview").json()["result"]["jobs"]["complete"] == 0:
                assert time.monotonic() < deadline
    assert {span.name for span in collector.of(trace)} == {"POST /edge/v1/proc/job/create", "job", "attempt"}


def test_without_a_collector_nothing_is_imported(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        mapped = Path(f"/proc/{server.process.pid}/maps").read_text()
        assert "opentelemetry" not in mapped
        create(server, task_of(NOOP, {}))
    refused = call("serve", "--data", str(tmp_path / "other"), "--traces", "maybe")
    assert refused.code == 2
    assert '--traces: auto, on or off, got "maybe".' in refused.err
