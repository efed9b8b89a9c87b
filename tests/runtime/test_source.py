"""A worker needs only its source, no database and no house. Attempts complete, fail and are cancelled."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
from structlog.testing import capture_logs
from tests import make
from tests.runtime.memory_source import MemorySource
from tests.runtime.until import until

from enginehouse.domain.artifact import PUBLISHED, Artifact
from enginehouse.domain.engine import EngineKind, EngineSpec
from enginehouse.domain.errors import Unavailable
from enginehouse.domain.job import JobRequest, TaskRequest
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Done, Failed
from enginehouse.engine import EngineFailure, Output, Work
from enginehouse.engines.native.protocol import NativeContext
from enginehouse.outgoing.fetch import Response
from enginehouse.runtime.attempt_log import LOG_BYTES
from enginehouse.runtime.capacity import Capacity
from enginehouse.runtime.dispatcher import Dispatcher
from enginehouse.runtime.executor import Executor
from enginehouse.runtime.heartbeat import Heartbeat
from enginehouse.runtime.presence import WorkerPresence
from enginehouse.runtime.runner import Runner
from enginehouse.runtime.source import WorkerOffer, WorkSource

LEASE = 30.0
ONE = JobRequest(tasks=(TaskRequest(engine_id="noop"),))
Do = Callable[[Work, NativeContext], Awaitable[list[Output]]]


@dataclass
class Native:
    """An engine of this process that does what the test says."""

    spec: EngineSpec
    do: Do

    async def process(self, work: Work, context: NativeContext) -> list[Output]:
        return await self.do(work, context)


@dataclass
class Worker:
    """The whole runtime, on a source in memory."""

    folder: Path
    do: Do | None = None
    source: MemorySource = field(init=False)
    capacity: Capacity = field(init=False)
    heartbeat: Heartbeat = field(init=False)
    dispatcher: Dispatcher = field(init=False)

    def __post_init__(self) -> None:
        specs = {**make.ENGINES, "noop": make.spec("noop", inputs=(), outputs=("text/plain",))}
        self.source = MemorySource(self.folder, specs)
        self.capacity = Capacity({"native": 2})
        self.heartbeat = Heartbeat(self.source, self.capacity, lease_seconds=LEASE)
        self.dispatcher = Dispatcher(self.source, self.capacity, self._run, worker="test")

    async def _run(self, lease: Any) -> None:
        assert self.do is not None
        native = {name: Native(spec, self.do) for name, spec in self.source.specs.items()}
        source: WorkSource = self.source
        runner = Runner(
            source=source,
            executor=Executor(native=native, call_python=_python, grace_of=self.capacity.grace_of),
            fetch=_no_fetch,
            folder=self.folder / "attempts",
            engine_ended=self.capacity.release,
            stop_requested=self.capacity.stop_requested,
        )
        await runner.run(lease)

    async def run_all(self) -> None:
        """Everything that waits has run."""
        while self.source.items:
            await self.dispatcher.tick()
            await self.capacity.drain(60)

    def left(self) -> list[Path]:
        """Returns the files that are left."""
        return [path for path in self.folder.rglob("*") if path.is_file()]


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path)


async def test_an_attempt_reads_its_inputs_logs_and_completes(worker: Worker) -> None:
    seen: list[tuple[bytes, str, int]] = []

    async def read(work: Work, context: NativeContext) -> list[Output]:
        [chunk] = work.inputs
        seen.append((chunk.path.read_bytes(), chunk.name, chunk.index))
        context.log("read one chunk")
        (work.directory / "out.txt").write_bytes(b"in a file")
        return [
            Output(media_type="text/plain", data=b"in memory", name="a.txt", published=True),
            Output(media_type="text/plain", path=Path("out.txt"), name="b.txt", published=True),
        ]

    worker.do = read
    worker.source.stored["k"] = b"words"
    worker.source.chunks = (_artifact("k", index=7),)
    lease = worker.source.add(make.fan_out(1), ordinal=2)
    await worker.run_all()
    assert seen == [(b"words", "chunk.txt", 7)]
    [report] = worker.source.reports
    assert (report.key, report.token) == (lease.key, lease.token)
    assert isinstance(report.outcome, Done)
    assert [(one.name, one.folder, one.index) for one in report.outcome.outputs] == [
        ("a.txt", PUBLISHED, 7),
        ("b.txt", PUBLISHED, 7),
    ]
    assert [worker.source.stored[one.key] for one in report.outcome.outputs] == [b"in memory", b"in a file"]
    assert worker.source.logs[lease.key, lease.token].endswith(b"Z read one chunk\n")
    assert worker.left() == []


async def test_an_attempt_that_fails_says_why_and_keeps_its_log(worker: Worker) -> None:
    async def fails(work: Work, context: NativeContext) -> NoReturn:
        context.log("looking")
        raise EngineFailure("upside down", FailureKind.INVALID_DATA)

    worker.do = fails
    lease = worker.source.add(ONE)
    await worker.run_all()
    [report] = worker.source.reports
    assert report.outcome == Failed(FailureKind.INVALID_DATA, "upside down")
    assert worker.source.logs[lease.key, lease.token].endswith(b" looking\n")
    assert worker.left() == []


async def test_a_cancelled_attempt_is_stopped_signalled_and_reported(worker: Worker) -> None:
    started, log = await _at_work(worker)
    lease_id = started
    worker.source.cancelled.add(lease_id)
    await worker.heartbeat.tick()
    await worker.heartbeat.signal_tick()
    await until(lambda: not worker.capacity.running, "the attempt has ended")
    [report] = worker.source.reports
    assert isinstance(report.outcome, Failed)
    assert report.outcome.kind is FailureKind.STOP_REQUESTED
    assert worker.source.signalled == {lease_id}
    assert worker.source.logs[lease_id].endswith(log)
    assert worker.left() == []


async def test_an_attempt_that_lost_its_lease_is_stopped_and_its_report_refused(worker: Worker) -> None:
    lease_id, _ = await _at_work(worker)
    del worker.source.leases[lease_id]
    await worker.heartbeat.tick()
    await until(lambda: not worker.capacity.running, "the attempt has ended")
    assert worker.source.reports == []
    assert [(report.key, report.token) for report in worker.source.refused] == [lease_id]


async def _at_work(worker: Worker) -> tuple[Any, bytes]:
    """Starts an attempt that works until it is stopped, older than a heartbeat.

    Returns its id and the end of its log.
    """
    working = asyncio.Event()

    async def endless(work: Work, context: NativeContext) -> NoReturn:
        (work.directory / "half").write_text("half")
        context.log("working")
        working.set()
        await asyncio.Event().wait()
        raise AssertionError

    worker.do = endless
    worker.source.add(ONE)
    await worker.dispatcher.tick()
    await asyncio.wait_for(working.wait(), 10)
    [(lease_id, attempt)] = worker.capacity.running.items()
    attempt.lease_seen_at -= LEASE / 2
    return lease_id, b" working\n"


async def test_a_python_engine_prints_into_the_log_within_its_limit(worker: Worker) -> None:
    worker.source.specs["noop"] = make.spec("noop", inputs=(), kind=EngineKind.PYTHON)
    lease = worker.source.add(ONE)
    worker.do = _unused
    await worker.run_all()
    assert [report.outcome for report in worker.source.reports] == [Done()]
    assert worker.source.logs[lease.key, lease.token] == b"first second"


async def test_an_attempt_is_reported_when_its_log_is_complete(worker: Worker) -> None:
    async def talks(work: Work, context: NativeContext) -> list[Output]:
        context.log("one")
        asyncio.get_running_loop().call_soon(finished.set)
        return []

    finished, gate = asyncio.Event(), asyncio.Event()
    worker.do, worker.source.log_gate = talks, gate
    lease = worker.source.add(ONE)
    await worker.dispatcher.tick()
    await asyncio.wait_for(finished.wait(), 10)
    for _ in range(20):
        await asyncio.sleep(0)
    assert worker.source.reports == []
    gate.set()
    await worker.capacity.drain(60)
    assert len(worker.source.reports) == 1
    assert worker.source.logs[lease.key, lease.token].endswith(b" one\n")


async def test_trouble_with_the_log_costs_the_log_and_not_the_attempt(worker: Worker) -> None:
    async def talks(work: Work, context: NativeContext) -> list[Output]:
        for n in range(3):
            context.log(f"line {n}")
            await asyncio.sleep(0)
        return []

    worker.do = talks
    worker.source.log_trouble = Unavailable("The disk that holds the artifacts is full.")
    worker.source.add(ONE)
    with capture_logs() as logged:
        await worker.run_all()
    assert [report.outcome for report in worker.source.reports] == [Done()]
    assert [line["event"] for line in logged] == ["the log of an attempt is incomplete"]


async def test_an_input_that_is_gone_fails_the_attempt(worker: Worker) -> None:
    worker.do = _unused
    worker.source.chunks = (_artifact("k"),)
    worker.source.add(make.fan_out(1), ordinal=2)
    with capture_logs():
        await worker.run_all()
    [report] = worker.source.reports
    assert isinstance(report.outcome, Failed)


async def test_an_asset_is_read_and_made_through_the_source(worker: Worker) -> None:
    async def creates(work: Work, context: NativeContext) -> list[Output]:
        assert await context.primary_asset() is None
        assert await context.artifacts() == worker.source.chunks
        output = Output(media_type="text/plain", data=b"x")
        await context.create_asset(output, asset_type="text", as_primary=False, replay_key="once")
        return []

    worker.do = creates
    lease = worker.source.add(ONE, target_id=5)
    await worker.run_all()
    assert [report.outcome for report in worker.source.reports] == [Done()]
    [(lease_id, output, replay_key)] = worker.source.assets
    assert (lease_id, output.data, replay_key) == ((lease.key, lease.token), b"x", "once")


async def test_a_worker_says_when_it_comes_is_there_and_leaves(worker: Worker) -> None:
    offer = WorkerOffer(name="w", pools={"native": 2}, engines=["noop"])
    presence = WorkerPresence(worker.source, offer)
    await presence.register()
    assert await presence.tick() > 0
    await presence.leave()
    assert worker.source.offers == [("register", offer), ("beat", offer), ("leave", "w")]


def _artifact(key: str, *, index: int = 0) -> Artifact:
    return Artifact(
        job_id=1, ordinal=1, folder=0, item=0, part=0, index=index, name="chunk.txt", media_type="text/plain", size=5,
        sha256="", key=key,
    )  # fmt: skip


async def _python(spec: EngineSpec, work: Work, **more: Any) -> list[Output]:
    assert more["log_limit"] == LOG_BYTES
    more["log"](b"first ")
    await asyncio.sleep(0)
    more["log"](b"second")
    return []


async def _unused(work: Work, context: NativeContext) -> NoReturn:
    raise AssertionError("this engine is not called")


def _no_fetch(url: str, *, max_bytes: int | None = None) -> AbstractAsyncContextManager[Response]:
    raise AssertionError("nothing is fetched")
