"""Engines over HTTP, called as a worker calls them: every way to answer, to fail, and to be stopped."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
from msgspec import structs
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from structlog.testing import capture_logs
from tests import make
from tests.engines.http.sample_engine import Do, SampleEngine, Sent, engine
from tests.runtime.memory_source import MemorySource

from enginehouse.domain import ids
from enginehouse.domain.artifact import Artifact
from enginehouse.domain.engine import EngineMode, EngineSpec
from enginehouse.domain.engine_health import HealthEvent
from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.job import JobRequest, TaskRequest
from enginehouse.domain.planning.plan import plan
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Done, Failed, Lease, Outcome, Postponed
from enginehouse.engines.http import exchange as exchanges
from enginehouse.engines.http.callbacks import Callbacks
from enginehouse.outgoing.fetch import GuardedClient
from enginehouse.runtime.capacity import Capacity
from enginehouse.runtime.dispatcher import Dispatcher
from enginehouse.runtime.engine_client import TIMEOUTS, EngineClient
from enginehouse.runtime.executor import Executor
from enginehouse.runtime.http_executor import HttpExecutor
from enginehouse.runtime.runner import Runner

AION = {"object": [{"type": "text", "text": "found"}]}


@dataclass
class House:
    """A worker with one source, which calls one sample engine."""

    folder: Path
    source: MemorySource = field(init=False)
    capacity: Capacity = field(init=False)
    callbacks: Callbacks = field(init=False)
    over_http: HttpExecutor = field(init=False)
    clients: list[GuardedClient] = field(init=False)

    def __post_init__(self) -> None:
        self.source = MemorySource(self.folder)
        self.capacity = Capacity({"http": 4})
        self.callbacks = Callbacks()
        self.clients = [GuardedClient(timeouts=TIMEOUTS), GuardedClient(allow_private=True, timeouts=TIMEOUTS)]
        self.over_http = HttpExecutor(self.source, EngineClient(*self.clients), self.callbacks)
        runner = Runner(
            source=self.source,
            executor=Executor(native={}, call_python=_no_python, call_http=self.over_http.call),
            fetch=_no_fetch,
            folder=self.folder / "attempts",
            engine_ended=self.capacity.release,
            stop_requested=self.capacity.stop_requested,
        )
        self.dispatcher = Dispatcher(self.source, self.capacity, runner.run, worker="test")

    def add(self, spec: EngineSpec, payload: Any = None, **fields: Any) -> Lease:
        """A task of the engine waits. Returns its lease."""
        self.source.specs[spec.id] = spec
        request = JobRequest(tasks=(TaskRequest(engine_id=spec.id, payload=payload, **fields),))
        planned = plan(request, self.source.specs.get, lambda word: None, now=make.NOW)
        return self.source.add(planned.plan)

    async def start(self) -> None:
        """What waits runs."""
        await self.dispatcher.tick()

    async def run(self, spec: EngineSpec, payload: Any = None, **fields: Any) -> Outcome:
        """Returns how a new task of the engine has ended."""
        self.add(spec, payload, **fields)
        await self.start()
        await self.capacity.drain(60)
        return self.source.reports[-1].outcome

    async def outputs(self, spec: EngineSpec, payload: Any = None, **fields: Any) -> list[tuple[str, bytes]]:
        """Returns the type and the bytes of each output of a new task."""
        outcome = await self.run(spec, payload, **fields)
        assert isinstance(outcome, Done), outcome
        return [(output.media_type, self.source.stored[output.key]) for output in outcome.outputs]

    async def failure(self, spec: EngineSpec, payload: Any = None, **fields: Any) -> Failed:
        """Returns the failure of a new task."""
        outcome = await self.run(spec, payload, **fields)
        assert isinstance(outcome, Failed), outcome
        return outcome

    def log(self) -> str:
        """Returns the logs of all attempts."""
        return b"".join(self.source.logs.values()).decode()

    def left(self) -> list[Path]:
        """Returns what attempts have left."""
        return list((self.folder / "attempts").rglob("*"))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    built = House(tmp_path)
    yield built
    await built.callbacks.aclose()
    for client in built.clients:
        await client.aclose()


def answers(response: Response) -> Do:
    """Returns an engine that answers so every time."""

    async def do(sample: SampleEngine, sent: Sent) -> Response:
        return response

    return do


# -- what a form holds --------------------------------------------------------------------------------------


async def test_the_form_has_every_field_and_the_bytes_twice(house: House) -> None:
    fetched = []

    async def read(sample: SampleEngine, sent: Sent) -> Response:
        fetched.append(await sent.fetch())
        fetched.append(await sent.fetch(Range="bytes=2-4"))
        return JSONResponse(AION)

    async with engine(read) as sample:
        payload = {"text": "héllo wörld", "analyze": "word", "libraryId": "lib-1"}
        assert await house.outputs(sample.spec(), payload) == [
            ("application/json", json.dumps(AION, separators=(",", ":")).encode())
        ]
        [sent] = sample.sent
    whole, part = fetched
    data = "héllo wörld".encode()
    assert sent.chunk == whole.content == data
    assert (sent.chunk_type, whole.headers["content-type"].partition(";")[0]) == ("text/plain", "text/plain")
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, data[2:5], f"bytes 2-4/{len(data)}")
    assert sent.headers["user-agent"] == "veritone-engine-toolkit"
    fields = dict(sent.fields)
    given = json.loads(fields.pop("payload"))
    assert payload.items() <= given.items()
    assert {"jobId", "taskId", "organizationId", "applicationId", "token"} <= given.keys()
    addresses = [fields.pop(name) for name in ("cacheURI", "heartbeatWebhook", "resultWebhook")]
    assert len({address.rpartition("/")[2] for address in addresses}) == 1
    context = fields.pop("chunkContext")
    assert (context[:7], context[-3:]) == ("000000_", ".in")
    names = [fields.pop(name) for name in ("internalJobId", "internalTaskId")]
    assert [len(one) for one in names] == [36, 36]
    assert fields == {
        "veritoneApiBaseUrl": "http://server",
        "token": "the.task.token",
        "libraryId": "lib-1",
        "maxTTL": "1800",
        "chunkMimeType": "text/plain",
        "chunkIndex": "0",
        "startOffsetMS": "0",
        "endOffsetMS": "0",
        "chunk-metadata-index": "0",
        "chunk-metadata-mimetype": "text/plain",
    }


async def test_a_chunk_of_a_parent_comes_with_its_place_and_metadata(house: House) -> None:
    fan = make.planned(make.fan_out(1))
    [reader] = [n for n, task in enumerate(fan.tasks) if task.engine_id == "read"]
    async with engine(answers(JSONResponse(AION))) as sample:
        house.source.specs["read"] = sample.spec()
        house.source.stored["key"] = b"bytes of the chunk"
        house.source.chunks = (
            Artifact(
                job_id=1, ordinal=0, folder=0, item=0, part=0, index=7, name="c", media_type="audio/wav", size=18,
                sha256="", key="key", start_ms=5000, stop_ms=9000, metadata={"groupid": "g", "main-message": {"a": 1}},
            ),
        )  # fmt: skip
        house.source.add(fan, ordinal=reader)
        await house.start()
        await house.capacity.drain(60)
        [sent] = sample.sent
    assert sent.chunk == b"bytes of the chunk"
    expected = {
        "chunkMimeType": "audio/wav",
        "chunkIndex": "7",
        "startOffsetMS": "5000",
        "endOffsetMS": "9000",
        "chunk-metadata-groupid": "g",
        "chunk-metadata-main-message": '{"a":1}',
        "chunk-metadata-startoffsetms": "5000",
        "chunk-metadata-index": "7",
    }
    assert expected.items() <= sent.fields.items()
    assert len(sent.fields["inputFolderID"]) == 36
    [output] = house.source.reports[-1].outcome.outputs  # type: ignore[union-attr]
    assert (output.index, output.start_ms, output.stop_ms) == (7, 5000, 9000)


@pytest.mark.parametrize("mode", [EngineMode.STREAM, EngineMode.BATCH])
async def test_only_a_chunk_engine_gets_the_bytes_in_the_form(house: House, mode: EngineMode) -> None:
    async with engine() as sample:
        await house.outputs(sample.spec(mode), {"text": "abc"})
        [sent] = sample.sent
    assert sent.chunk is None
    assert sent.fields["chunkMimeType"] == "text/plain"


async def test_a_stream_engine_gets_its_inputs_joined_in_their_order(house: House) -> None:
    """One request reads them all, from the start of the first to the end of the last."""
    fetched = []

    async def read(sample: SampleEngine, sent: Sent) -> Response:
        fetched.append((await sent.fetch()).content)
        fetched.append((await sent.fetch(Range="bytes=4-8")).content)
        return JSONResponse(AION)

    plan_ = make.planned(make.fan_out(1))
    [reader] = [n for n, task in enumerate(plan_.tasks) if task.engine_id == "read"]
    house.source.chunks = tuple(
        Artifact(
            job_id=1, ordinal=0, folder=0, item=0, part=n, index=n, name="c", media_type="audio/wav", size=len(data),
            sha256="", key=f"key-{n}", start_ms=1000 * n, stop_ms=1000 * (n + 1), metadata={"groupid": f"g{n}"},
        )
        for n, data in enumerate((b"first", b"second", b"third"), 2)
    )  # fmt: skip
    for chunk, data in zip(house.source.chunks, (b"first", b"second", b"third"), strict=True):
        house.source.stored[chunk.key] = data
    async with engine(read) as sample:
        house.source.specs["read"] = sample.spec(EngineMode.STREAM)
        house.source.add(plan_, ordinal=reader)
        await house.start()
        await house.capacity.drain(60)
        [sent] = sample.sent
    assert fetched == [b"firstsecondthird", b"tseco"]
    assert sent.chunk is None
    expected = {
        "chunkMimeType": "audio/wav",
        "chunkIndex": "2",
        "startOffsetMS": "2000",
        "endOffsetMS": "5000",
        "chunk-metadata-groupid": "g2",
    }
    assert expected.items() <= sent.fields.items()
    assert house.left() == []


async def test_a_payload_without_an_input_is_a_call_without_one(house: House) -> None:
    async with engine() as sample:
        await house.outputs(sample.spec(EngineMode.BATCH, inputs=()), {"from": "2024"})
        [sent] = sample.sent
    assert not {"cacheURI", "chunkMimeType", "inputFolderID"} & sent.fields.keys()


# -- answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (Response(b"<tt/>", media_type="application/ttml+xml"), [("application/ttml+xml", b"<tt/>")]),
        (Response(b"\x00\xff", headers={"content-type": ""}), [("application/octet-stream", b"\x00\xff")]),
        (Response(b"{}", media_type="application/json; charset=utf-8"), [("application/json", b"{}")]),
        (Response(status_code=204), []),
        (Response(b"", media_type="application/json"), []),
        (
            JSONResponse({"estimatedProcessingTimeInSeconds": 0}),
            [("application/json", b'{"estimatedProcessingTimeInSeconds":0}')],
        ),
    ],
    ids=["ttml", "no type", "charset", "204", "empty", "no estimate"],
)
async def test_an_answer_without_error_is_the_output(
    house: House, response: Response, expected: list[tuple[str, bytes]]
) -> None:
    async with engine(answers(response)) as sample:
        assert await house.outputs(sample.spec(), {"text": "x"}) == expected


async def test_a_large_answer_goes_to_disk_and_one_beyond_the_limit_fails(house: House) -> None:
    data = b"0123456789abcdef" * (1 << 17)  # 2 MiB
    async with engine(answers(Response(data, media_type="video/mp4"))) as sample:
        assert await house.outputs(sample.spec(disk_mb=2), {"text": "x"}) == [("video/mp4", data)]
        failed = await house.failure(sample.spec(disk_mb=1), {"text": "x"})
    assert (failed.kind, failed.message) == (
        FailureKind.INVALID_DATA,
        "The engine answered more than 1048576 bytes, which is all that one call may keep.",
    )


@pytest.mark.parametrize(
    ("response", "kind", "message", "calls"),
    [
        (
            PlainTextResponse("Unsupported file type image/png", 400),
            FailureKind.INVALID_DATA,
            "400: Unsupported file type image/png",
            1,
        ),
        (HTMLResponse("<h1>Oops</h1>", 500), FailureKind.INTERNAL_ERROR, "500: <h1>Oops</h1>", 3),
        (JSONResponse({"code": "ECONNREFUSED"}, 502), FailureKind.INTERNAL_ERROR, '502: {"code":"ECONNREFUSED"}', 3),
        (Response(status_code=404), FailureKind.API_NOT_FOUND, "The engine answered 404 and did not say why.", 1),
        (Response(status_code=202), FailureKind.INTERNAL_ERROR, "The engine answered 202 and did not say why.", 1),
        (PlainTextResponse("slow down", 429, {"retry-after": "7"}), FailureKind.RATE_LIMITED, "429: slow down", 3),
        (
            Response(status_code=307, headers={"location": "http://127.0.0.1:1/"}),
            FailureKind.INTERNAL_ERROR,
            "The engine answered 307 and did not say why.",
            1,
        ),
        (Response(b"x", headers={"content-type": "no type"}), None, None, 1),
    ],
    ids=["400", "500", "502", "404", "202", "429", "redirect", "bad type"],
)
async def test_any_other_answer_is_a_failure_with_its_body(
    house: House, response: Response, kind: FailureKind | None, message: str | None, calls: int
) -> None:
    async with engine(answers(response)) as sample:
        outcome = await house.run(sample.spec(), {"text": "x"})
        assert len(sample.sent) == calls
    if kind is None:
        assert isinstance(outcome, Done)  # what is no media type is bytes
        return
    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.message) == (kind, message)
    assert outcome.retry_after == (7.0 if kind is FailureKind.RATE_LIMITED else None)


async def test_a_second_try_may_succeed(house: House) -> None:
    async def do(sample: SampleEngine, sent: Sent) -> Response:
        return JSONResponse(AION) if len(sample.sent) == 3 else Response(status_code=503)

    async with engine(do) as sample:
        assert len(await house.outputs(sample.spec(), {"text": "x"})) == 1
        assert [one.chunk for one in sample.sent] == [b"x"] * 3


async def test_an_engine_that_dies_while_it_works_is_charged_as_a_lost_worker(house: House) -> None:
    async def do(sample: SampleEngine, sent: Sent) -> Response:
        await sample.die()
        return Response()

    async with engine(do) as sample:
        failed = await house.failure(sample.spec(), {"text": "x"})
    assert failed.kind is FailureKind.WORKER_LOST
    assert failed.message.startswith("The connection to the engine ended while it worked:")


async def test_an_answer_that_breaks_off_is_no_result(house: House) -> None:
    async def do(sample: SampleEngine, sent: Sent) -> Response:
        async def blocks() -> AsyncIterator[bytes]:
            yield b"half"
            await sample.die()

        return StreamingResponse(blocks(), media_type="text/plain", headers={"content-length": "8"})

    async with engine(do) as sample:
        failed = await house.failure(sample.spec(), {"text": "x"})
    assert failed.kind is FailureKind.WORKER_LOST
    assert house.left() == []


async def test_a_call_that_takes_too_long_ends(house: House) -> None:
    async def do(sample: SampleEngine, sent: Sent) -> Response:
        await sample.watch(sent)
        return Response()

    async with engine(do) as sample:
        failed = await house.failure(sample.spec(), {"text": "x"}, timeout_seconds=1)
        await asyncio.wait_for(sample.gone.wait(), 10)
    assert (failed.kind, failed.message) == (
        FailureKind.CHUNK_TIMEOUT,
        "Sample took longer than 1 s, and the call was given up.",
    )


# -- polling engines ----------------------------------------------------------------------------------------


def poll_at(**fields: Any) -> Response:
    return JSONResponse({"type": "schedule_poll_task", "taskId": "any", **fields})


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"timestampUTC": "2026-01-01T00:00:00Z", "nextPollTimeUTC": "2026-01-01T00:02:00Z"}, 120.0),
        ({"timestampUTC": 1_700_000_000, "nextPollTimeUTC": 1_700_000_007.5}, 7.5),
        ({"timestampUTC": 1_700_000_000_000, "nextPollTimeUTC": 1_700_000_090_000}, 90.0),
        ({"timestampUTC": 1_700_000_000, "nextPollTimeUTC": 1_700_000_000}, 1.0),
        ({"nextPollTimeUTC": "2020-01-01T00:00:00Z"}, 1.0),
    ],
    ids=["iso", "seconds", "milliseconds", "at once", "in the past"],
)
async def test_an_engine_that_asks_for_another_call_gets_it_later(
    house: House, fields: dict[str, Any], seconds: float
) -> None:
    """Only the time between its own two times counts, so its clock may be wrong."""
    async with engine(answers(poll_at(**fields, taskPayload={"token": "abc"}))) as sample:
        outcome = await house.run(sample.spec(), {"text": "x"})
        assert len(sample.sent) == 1
    assert outcome == Postponed(seconds, '{"token":"abc"}')
    assert house.source.health_events == []


async def test_the_next_call_has_the_payload_of_the_wish(house: House) -> None:
    house.source.poll = {"poll": 2, "text": "of the poll"}
    async with engine() as sample:
        await house.outputs(sample.spec(), {"text": "of the task"})
        [sent] = sample.sent
    given = json.loads(sent.fields["payload"])
    assert (given["poll"], given["text"], sent.chunk) == (2, "of the poll", b"of the poll")
    assert {"jobId", "taskId", "token"} <= given.keys()


NO_TIME = "is not a valid date-time (ISO 8601, Unix seconds or milliseconds)."


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "nextPollTimeUTC must be given."),
        ({"nextPollTimeUTC": "soon"}, f"nextPollTimeUTC {NO_TIME}"),
        ({"nextPollTimeUTC": 10, "timestampUTC": []}, f"timestampUTC {NO_TIME}"),
        ({"nextPollTimeUTC": "9999-01-01", "timestampUTC": "2026-01-01"}, "nextPollTimeUTC is more than 30 days away."),
    ],
)
async def test_a_wish_that_cannot_be_read_is_a_failure(house: House, fields: dict[str, Any], message: str) -> None:
    async with engine(answers(poll_at(**fields))) as sample:
        failed = await house.failure(sample.spec(), {"text": "x"})
    assert failed.message == f"The engine asks to be called again and does not say when: schedule_poll_task: {message}"


async def test_an_engine_cannot_send_results_and_ask_for_another_call(house: House) -> None:
    async def do(sample: SampleEngine, sent: Sent) -> Response:
        await sent.post(RESULT, {"output": 1})
        return poll_at(nextPollTimeUTC=1)

    async with engine(do) as sample:
        failed = await house.failure(sample.spec(), {"text": "x"})
    assert failed.message == "The engine has sent results and asks to be called again; it can only do one of them."


# -- what an engine says of its work ------------------------------------------------------------------------


async def test_clients_see_what_an_engine_says_and_its_last_word_is_there_before_its_end(house: House) -> None:
    steps = (
        (BEAT, {"status": "running", "infoMsg": {"stage": 1}}),
        (BEAT, {"status": "running", "bytesRead": 5}),
        (BEAT, {"status": "running", "infoMs": "half"}),
        (RESULT, {"output": 1, "infoMsg": ["last", 3]}),
        (BEAT, {"status": "complete"}),
    )
    async with engine(asynchronous(*steps)) as sample:
        assert isinstance(await house.run(sample.spec(EngineMode.STREAM), {"text": "x"}), Done)
    # What comes within a second of the word before is kept back, and only the last of it is sent.
    assert (house.source.told[0], house.source.told[-1]) == ({"stage": 1}, ["last", 3])
    assert len(house.source.told) <= 3


async def test_what_cannot_be_shown_is_said_in_the_log_and_fails_nothing(house: House) -> None:
    house.source.tell_trouble = InvalidInput("infoMsg: at most 65536 bytes, has 70000.")

    async def do(sample: SampleEngine, sent: Sent) -> Response:
        await sent.post(BEAT, {"status": "complete", "infoMsg": "x"})
        return JSONResponse(AION)

    async with engine(do) as sample:
        assert len(await house.outputs(sample.spec(), {"text": "x"})) == 1
    assert "what the engine says of its work is not shown: infoMsg: at most 65536 bytes, has 70000." in house.log()


# -- webhooks -----------------------------------------------------------------------------------------------


def asynchronous(*steps: tuple[str, dict[str, Any]]) -> Do:
    """Returns an engine that announces that it needs time, and then sends these messages."""

    async def do(sample: SampleEngine, sent: Sent) -> Response:
        async def work() -> None:
            for name, message in steps:
                echo = {"chunkContext": sent.fields["chunkContext"]} if name == "resultWebhook" else {}
                answer = await sent.post(name, {**echo, **message})
                assert answer.status_code == 204, answer.text

        sample.later(work())
        return JSONResponse({"estimatedProcessingTimeInSeconds": 60})

    return do


BEAT, RESULT = "heartbeatWebhook", "resultWebhook"


@pytest.mark.parametrize("mode", [EngineMode.STREAM, EngineMode.BATCH])
async def test_a_stream_or_batch_engine_ends_with_its_heartbeat(house: House, mode: EngineMode) -> None:
    steps = (
        (BEAT, {"status": "running", "bytesRead": 10, "infoMsg": {"stage": "one"}}),
        (RESULT, {"output": {"n": 1}, "startOffsetMs": 0, "endOffsetMs": 500, "chunk-metadata-groupid": "g"}),
        (BEAT, {"status": "running", "infoMs": "half"}),
        (RESULT, {"output": {"n": 2}, "startOffsetMs": "500", "endOffsetMs": 1000.0, "index": 9}),
        (BEAT, {"status": "complete"}),
    )
    async with engine(asynchronous(*steps)) as sample:
        outcome = await house.run(sample.spec(mode), {"text": "x"})
    assert isinstance(outcome, Done)
    one, two = outcome.outputs
    assert [house.source.stored[each.key] for each in (one, two)] == [b'{"n":1}', b'{"n":2}']
    assert (one.start_ms, one.stop_ms, one.metadata) == (0, 500, {"groupid": "g"})
    assert (two.start_ms, two.stop_ms, two.index) == (500, 1000, 9)
    assert '10 bytes read; {"stage":"one"}' in house.log()
    assert "half" in house.log()


async def test_a_chunk_engine_without_heartbeats_ends_with_its_result(house: House) -> None:
    async with engine(asynchronous((RESULT, {"output": AION}))) as sample:
        assert len(await house.outputs(sample.spec(), {"text": "x"})) == 1


async def test_a_chunk_engine_with_heartbeats_may_send_several_results(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchanges, "QUIET_SECONDS", 60)
    first, last = (BEAT, {"status": "running"}), (BEAT, {"status": "complete"})
    async with engine(asynchronous(first, (RESULT, {"output": 1}), (RESULT, {"output": 2}), last)) as sample:
        assert [data for _, data in await house.outputs(sample.spec(), {"text": "x"})] == [b"1", b"2"]


async def test_a_chunk_engine_with_heartbeats_that_sends_no_more_has_ended(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchanges, "QUIET_SECONDS", 0.05)
    async with engine(asynchronous((BEAT, {"status": "running"}), (RESULT, {"output": 1}))) as sample:
        assert [data for _, data in await house.outputs(sample.spec(), {"text": "x"})] == [b"1"]


async def test_a_result_may_be_a_form_with_several_files(house: House) -> None:
    async def do(sample: SampleEngine, sent: Sent) -> Response:
        files = [
            ("a", ("a.txt", b"first", "text/plain")),
            ("b", ("b.bin", b"\x00" * 100_000, "image/png")),
        ]
        answer = await sent.post(RESULT, data={"startOffsetMs": "5", "chunk-metadata-k": "v"}, files=files)
        assert answer.status_code == 204, answer.text
        return Response(status_code=204)

    async with engine(do) as sample:
        outcome = await house.run(sample.spec(), {"text": "x"})
    assert isinstance(outcome, Done)
    assert [(o.name, o.media_type, o.size, o.start_ms, o.metadata) for o in outcome.outputs] == [
        ("a.txt", "text/plain", 5, 5, {"k": "v"}),
        ("b.bin", "image/png", 100_000, 5, {"k": "v"}),
    ]


@pytest.mark.parametrize(
    ("beat", "kind", "message"),
    [
        ({"failureReason": "url_timeout", "failureMsg": "no answer"}, FailureKind.URL_TIMEOUT, "no answer"),
        ({"failureReason": "invalid_data"}, FailureKind.INVALID_DATA, "The engine failed and did not say why."),
        ({"failureReason": "out_of_luck", "failureMsg": "sorry"}, FailureKind.UNKNOWN, "out_of_luck: sorry"),
        ({"failureReason": "server_stopped", "failureMsg": "me"}, FailureKind.UNKNOWN, "server_stopped: me"),
        ({}, FailureKind.UNKNOWN, "The engine failed and did not say why."),
    ],
)
async def test_a_failed_heartbeat_is_the_failure_in_the_engines_words(
    house: House, beat: dict[str, str], kind: FailureKind, message: str
) -> None:
    async with engine(asynchronous((BEAT, {"status": "failed", **beat}))) as sample:
        failed = await house.failure(sample.spec(), {"text": "x"})
    assert (failed.kind, failed.message) == (kind, message)


async def test_a_synchronous_engine_may_say_more_than_its_status(house: House) -> None:
    async def do(sample: SampleEngine, sent: Sent) -> Response:
        await sent.post(BEAT, {"status": "failed", "failureReason": "rate_limited", "failureMsg": "quota"})
        return Response(status_code=422)

    async with engine(do) as sample:
        failed = await house.failure(sample.spec(), {"text": "x"})
    assert (failed.kind, failed.message) == (FailureKind.RATE_LIMITED, "quota")


@pytest.mark.parametrize("steps", [(), ((BEAT, {"status": "running"}),)], ids=["never", "once"])
async def test_an_engine_that_falls_silent_has_failed(
    house: House, monkeypatch: pytest.MonkeyPatch, steps: tuple[tuple[str, dict[str, Any]], ...]
) -> None:
    monkeypatch.setattr(exchanges, "SILENT_SECONDS", 0.2)
    monkeypatch.setattr("enginehouse.engines.http.messages.wait_seconds", _brief)
    async with engine(asynchronous(*steps)) as sample:
        failed = await house.failure(sample.spec(), {"text": "x"})
    assert failed.kind is FailureKind.HEARTBEAT_TIMEOUT
    assert failed.message == "The engine has sent neither a heartbeat nor a result for 0.2 s."


def _brief(body: dict[str, Any]) -> float | None:
    return 0.1 if body.get("estimatedProcessingTimeInSeconds") else None


@pytest.mark.parametrize(
    ("name", "given", "status", "text"),
    [
        (BEAT, {"content": b"no json"}, 400, "The body must be JSON."),
        (BEAT, {"content": b"[]"}, 400, "The body must be a JSON object."),
        (
            BEAT,
            {"json": {"status": "done"}},
            400,
            'status: must be "running", "complete" or "failed", got \'done\'.',
        ),
        (BEAT, {"content": b" " * (1 << 20) + b"{}"}, 413, "The message is larger than 1048576 bytes."),
        (RESULT, {"json": {}}, 400, "output: must be given."),
        (
            RESULT,
            {"json": {"output": 1, "startOffsetMs": "soon"}},
            400,
            "startOffsetMs: must be a whole number, got 'soon'.",
        ),
        (
            RESULT,
            {"json": {"output": 1, "outputFolderID": "x"}},
            400,
            "outputFolderID: 'x' is no output folder of the task.",
        ),
        (
            RESULT,
            {"data": {"a": "b"}, "files": {}, "headers": {"content-type": "multipart/form-data"}},
            400,
            "Content-Type: multipart/form-data needs a boundary of 1–70 characters.",
        ),
        (
            RESULT,
            {"content": b"--b\r\n", "headers": {"content-type": "multipart/form-data; boundary=b"}},
            400,
            "The form ends too early.",
        ),
        (
            RESULT,
            {"files": {"a": ("a", b"0" * (2 << 20), "text/plain")}},
            413,
            "The engine has sent more bytes than one call may keep.",
        ),
    ],
)
async def test_a_bad_message_is_refused_and_changes_nothing(
    house: House, name: str, given: dict[str, Any], status: int, text: str
) -> None:
    async def do(sample: SampleEngine, sent: Sent) -> Response:
        answer = await sent.post(name, **given)
        assert (answer.status_code, answer.text) == (status, text)
        return JSONResponse(AION)

    async with engine(do) as sample:
        assert len(await house.outputs(sample.spec(disk_mb=1), {"text": "x"})) == 1
        assert house.left() == []


async def test_webhooks_exist_only_for_who_knows_the_secret_and_only_while_the_attempt_runs(house: House) -> None:
    late: list[tuple[str, int]] = []

    async def do(sample: SampleEngine, sent: Sent) -> Response:
        address = sent.fields[BEAT]
        wrong = [
            address[:-1] + ("A" if address[-1] != "A" else "B"),
            address.replace("/heartbeat/", "/chunks/"),
            address.rpartition("/")[0] + "/",
        ]
        for one in wrong:
            sent.fields["wrong"] = one
            late.append(("wrong", (await sent.post("wrong", {"status": "running"})).status_code))
        return Response(status_code=204)

    with capture_logs() as logged:
        async with engine(do) as sample:
            await house.outputs(sample.spec(), {"text": "x"})
            [sent] = sample.sent
            late += [
                (name, (await sent.post(name, {"status": "complete", "output": 1})).status_code)
                for name in (BEAT, RESULT)
            ]
            late.append(("cacheURI", (await sent.fetch()).status_code))
    assert {status for _, status in late} == {404}
    assert len(late) == 6
    secret = sent.fields[BEAT].rpartition("/")[2]
    assert len(secret) >= 43
    assert secret not in str(logged) + house.log()


async def test_nothing_listens_before_the_first_call(house: House) -> None:
    assert not house.callbacks.is_listening
    async with engine() as sample:
        await house.outputs(sample.spec(), {"text": "x"})
    assert house.callbacks.is_listening


# -- cancel -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_async", [False, True], ids=["call", "webhooks"])
async def test_a_cancel_closes_the_call_and_keeps_nothing(house: House, is_async: bool) -> None:
    async def do(sample: SampleEngine, sent: Sent) -> Response:
        if is_async:
            await sent.post(RESULT, files={"a": ("a", b"part", "text/plain")})
            await sent.post(BEAT, {"status": "running"})
            sample.gate.set()
            return JSONResponse({"estimatedProcessingTimeInSeconds": 60})
        sample.gate.set()
        await sample.watch(sent)
        return Response()

    async with engine(do) as sample:
        lease = house.add(sample.spec(EngineMode.CHUNK if not is_async else EngineMode.STREAM), {"text": "x"})
        await house.start()
        await asyncio.wait_for(sample.gate.wait(), 10)
        house.capacity.request_stop([(lease.key, lease.token)])
        await house.capacity.drain(10)
        if not is_async:
            await asyncio.wait_for(sample.gone.wait(), 10)
        [sent] = sample.sent
        assert (await sent.post(RESULT, {"output": 1})).status_code == 404
        assert (await sent.post(BEAT, {"status": "complete"})).status_code == 404
    outcome = house.source.reports[-1].outcome
    assert isinstance(outcome, Failed)
    assert outcome.kind is FailureKind.STOP_REQUESTED
    assert house.left() == []
    assert house.source.stored == {}


async def test_a_result_that_is_on_its_way_when_the_attempt_ends_is_not_kept(house: House) -> None:
    rest = asyncio.Event()
    sending = asyncio.Event()

    async def blocks() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nfirst half'
        sending.set()
        await rest.wait()
        yield b"second half\r\n--b--\r\n"

    async def do(sample: SampleEngine, sent: Sent) -> Response:
        form = {"content-type": "multipart/form-data; boundary=b"}
        sample.later(sent.post(RESULT, content=blocks(), headers=form))
        await sample.watch(sent)
        return Response()

    async with engine(do) as sample:
        lease = house.add(sample.spec(), {"text": "x"})
        await house.start()
        await asyncio.wait_for(sending.wait(), 10)
        house.capacity.request_stop([(lease.key, lease.token)])
        await house.capacity.drain(10)
        assert house.left() == []
        rest.set()
        [upload] = sample.background
        assert (await asyncio.wait_for(upload, 10)).status_code == 404
    assert house.left() == []
    assert house.source.stored == {}


async def test_a_result_goes_to_the_output_folder_that_the_engine_names(house: House) -> None:
    fan = make.planned(make.fan_out(1))
    [reader] = [n for n, task in enumerate(fan.tasks) if task.engine_id == "read"]
    [place] = [n for n, folder in enumerate(fan.tasks[reader].folders) if folder.type == "output"]

    async def do(sample: SampleEngine, sent: Sent) -> Response:
        names = (fan.tasks[reader].folders[place].reference, ids.folder_uuid(lease.key.job_id, reader, place))
        for name in names:
            answer = await sent.post(RESULT, {"output": 1, "outputFolderID": name})
            assert answer.status_code == 204, answer.text
        return Response(status_code=204)

    async with engine(do) as sample:
        house.source.specs["read"] = sample.spec()
        lease = house.source.add(fan, ordinal=reader)
        await house.start()
        await house.capacity.drain(60)
    outcome = house.source.reports[-1].outcome
    assert isinstance(outcome, Done)
    assert [output.folder for output in outcome.outputs] == [place, place]


# -- addresses ----------------------------------------------------------------------------------------------


async def test_an_engine_of_an_organization_has_no_private_address(house: House) -> None:
    async with engine() as sample:
        spec = sample.spec()
        assert spec.address is not None
        address = type(spec.address)(url=sample.url)
        outcome = await house.run(structs.replace(spec, address=address), {"text": "x"})
        assert (sample.asked, sample.sent) == (0, [])
    assert isinstance(outcome, Failed)
    assert outcome.kind is FailureKind.ENGINE_UNAVAILABLE
    assert "127.0.0.1 is not allowed" in outcome.message


# -- health -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ready", "event", "reason"),
    [
        (503, HealthEvent.NOT_READY, "GET /ready answered 503, not 200"),
        (404, HealthEvent.NOT_READY, "GET /ready answered 404, not 200"),
        (500, HealthEvent.GIVEN_UP, "GET /ready answered 500, which means that it gives up"),
    ],
)
async def test_an_engine_that_is_not_ready_gets_no_work(
    house: House, ready: int, event: HealthEvent, reason: str
) -> None:
    async with engine(ready=ready) as sample:
        failed = await house.failure(sample.spec(), {"text": "x"})
        assert sample.sent == []
    assert (failed.kind, failed.message) == (FailureKind.ENGINE_UNAVAILABLE, f"Sample is not available: {reason}.")
    assert house.source.health_events == [(event, reason, False)]


async def test_an_engine_that_is_down_is_given_nothing_and_used_again_when_it_is_up(house: House) -> None:
    async with engine() as sample:
        spec = sample.spec()
        await house.outputs(spec, {"text": "x"})
        await sample.die()
        failed = await house.failure(spec, {"text": "x"})
        assert failed.kind is FailureKind.ENGINE_UNAVAILABLE
        await house.over_http.probe(spec)
        await sample.start()
        await house.over_http.probe(spec)
        assert house.source.health["sample"].on_trial
        await house.outputs(spec, {"text": "x"})
        assert house.source.health["sample"].probes == 0
        assert sample.asked == 2
    refused = "the connection was refused"
    assert house.source.health_events == [
        (HealthEvent.NOT_READY, refused, False),
        (HealthEvent.NOT_READY, refused, True),
        (HealthEvent.READY, None, True),
        (HealthEvent.WORKS, None, False),
    ]


async def test_the_circuit_opens_at_the_fifth_failure_of_ten_calls(house: House) -> None:
    async def do(sample: SampleEngine, sent: Sent) -> Response:
        return PlainTextResponse("broken", 501) if sent.chunk == b"bad" else Response(status_code=204)

    async with engine(do) as sample:
        for text in ("bad", "good", "bad", "good", "good", "bad", "bad"):
            await house.run(sample.spec(), {"text": text})
        assert house.source.health_events == []
        await house.failure(sample.spec(), {"text": "bad"})
    [(event, reason, probed)] = house.source.health_events
    assert (event, probed) == (HealthEvent.GIVEN_UP, False)
    assert reason == "5 of its last 10 calls failed (501: broken)"


async def test_failures_of_the_work_do_not_open_the_circuit(house: House) -> None:
    async with engine(answers(PlainTextResponse("not mine", 400))) as sample:
        for _ in range(12):
            await house.failure(sample.spec(), {"text": "x"})
    assert house.source.health_events == []


async def test_a_failed_trial_closes_the_engine_again(house: House) -> None:
    async with engine(answers(PlainTextResponse("broken", 500))) as sample:
        spec = sample.spec()
        await house.source.record_engine_health("sample", HealthEvent.GIVEN_UP, "before", probed=False)
        house.source.specs["sample"] = spec
        await house.over_http.probe(spec)
        await house.failure(spec, {"text": "x"})
    assert house.source.health_events[-1] == (
        HealthEvent.GIVEN_UP, "its first call since then failed (500: broken)", False,
    )  # fmt: skip
    assert house.source.health["sample"].until is not None


async def _no_python(*given: Any, **more: Any) -> NoReturn:
    raise AssertionError("no engine of these tests runs in a child")


def _no_fetch(url: str, *, max_bytes: int | None = None) -> NoReturn:
    raise AssertionError("no engine of these tests fetches")
