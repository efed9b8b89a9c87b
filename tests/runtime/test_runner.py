"""One attempt: how each end is reported, that a failed report never runs the engine twice, and what is left."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, NoReturn

import pytest
from structlog.testing import capture_logs
from tests import make
from tests.runtime.floor import NOOP, PRINCIPAL, DownError, Floor, one
from tests.runtime.until import until

from enginehouse.domain.errors import TooLarge
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.retry import FailureKind
from enginehouse.engine import EngineFailure, Output, Work
from enginehouse.engines.native.protocol import NativeContext
from enginehouse.operations import artifacts, maintenance, work
from enginehouse.runtime import report as report_module
from enginehouse.runtime.source import LeaseId

Do = Callable[[Work, NativeContext], Awaitable[list[Output]]]


def raising(error: Exception) -> Do:
    async def do(work: Work, context: NativeContext) -> NoReturn:
        raise error

    return do


def answering(*outputs: Output) -> Do:
    async def do(work: Work, context: NativeContext) -> list[Output]:
        return list(outputs)

    return do


def text(content: str, **fields: Any) -> Output:
    return Output(media_type="text/plain", data=content.encode(), **fields)


async def endless(work: Work, context: NativeContext) -> NoReturn:
    (work.directory / "half").write_text("half")
    context.log("working")
    await asyncio.Event().wait()
    raise AssertionError


# -- the report ----------------------------------------------------------------------------------------------


async def test_a_report_is_repeated_alone_while_storage_is_away(floor: Floor) -> None:
    engine = floor.script("scripted", answering(text("once")))
    floor.source.trouble["finish"] = [DownError(), DownError()]
    lease = await floor.lease_one()
    await floor.runner.run(lease)
    assert engine.runs == 1
    assert floor.source.called.count("finish") == 3
    assert (await floor.job(lease.key.job_id)).status == "complete"
    assert [ended.outcome for ended in await floor.attempts(lease.key.job_id)] == ["complete"]


async def test_a_report_that_is_never_accepted_is_given_up_and_logged(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_module, "_PAUSES", (0.001, 0.001))
    engine = floor.script("scripted", answering(text("once")))
    floor.source.trouble["finish"] = [DownError() for _ in range(10)]
    lease = await floor.lease_one()
    with capture_logs() as logged:
        await floor.runner.run(lease)
    assert engine.runs == 1
    assert [line["log_level"] for line in logged] == ["warning"]
    assert [each.outcome for each in await floor.attempts(lease.key.job_id)] == ["running"]


async def test_a_stop_during_the_report_does_not_lose_the_result(floor: Floor) -> None:
    engine = floor.script("scripted", answering(text("once")))
    gate = floor.source.gates["finish"] = asyncio.Event()
    lease = await floor.lease_one()
    running = asyncio.create_task(floor.runner.run(lease))
    await until(lambda: "finish" in floor.source.called, "the report is under way")
    running.cancel()
    await asyncio.sleep(0)
    gate.set()
    await running
    assert engine.runs == 1
    assert [ended.outcome for ended in await floor.attempts(lease.key.job_id)] == ["complete"]
    assert (await floor.job(lease.key.job_id)).status == "complete"


async def test_a_stop_while_the_report_waits_for_others_sends_it_at_once(floor: Floor) -> None:
    floor.script("scripted", answering(text("once")))
    lease = await floor.lease_one()
    waits = asyncio.Event()

    async def for_ever(lease_id: LeaseId) -> None:
        waits.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(replace(floor.runner, may_report=for_ever).run(lease))
    await waits.wait()
    assert (await floor.job(lease.key.job_id)).status == "running"
    running.cancel()
    await running
    assert (await floor.job(lease.key.job_id)).status == "complete"


async def test_a_stop_during_the_engine_gives_the_item_back_charged_to_nobody(floor: Floor) -> None:
    floor.script("scripted", endless)
    lease = await floor.lease_one(max_retries=0)
    running = asyncio.create_task(floor.runner.run(lease))
    await until(lambda: floor.engines["scripted"].runs == 1, "the engine runs")
    running.cancel()
    await running
    [ended] = await floor.attempts(lease.key.job_id)
    assert (ended.outcome, ended.failure_reason) == ("stopped", "server_stopped")
    floor.script("scripted", answering())
    await floor.run_all()
    assert (await floor.job(lease.key.job_id)).status == "complete"


async def test_a_result_under_a_token_that_was_replaced_changes_nothing(floor: Floor) -> None:
    floor.script("scripted", answering(text("late")))
    lease = await floor.lease_one()
    await maintenance.release_all_leases(floor.house)
    [other] = await floor.claim()
    await floor.runner.run(lease)
    assert (await floor.job(lease.key.job_id)).status == "running"
    assert await artifacts.of_job(floor.house, PRINCIPAL, Ref.of(lease.key.job_id)) == ()
    await floor.runner.run(other)
    assert len(await artifacts.of_job(floor.house, PRINCIPAL, Ref.of(lease.key.job_id))) == 1


async def test_outputs_that_storage_refuses_fail_the_attempt_instead_of_running_it_for_ever(floor: Floor) -> None:
    engine = floor.script("scripted", answering(text("x")))
    floor.source.trouble["finish"] = [ValueError("no such column")]
    lease = await floor.lease_one(max_retries=0)
    with capture_logs() as logged:
        await floor.runner.run(lease)
    assert engine.runs == 1
    assert (await floor.job(lease.key.job_id)).status == "failed"
    [ended] = await floor.attempts(lease.key.job_id)
    assert ended.failure_reason == "internal_error"
    assert ended.failure_message == "What the engine answered could not be recorded; the server's log says why."
    assert logged[0]["log_level"] == "error"


# -- how it ends ---------------------------------------------------------------------------------------------

ENDS: dict[str, tuple[Exception, str, str]] = {
    "its own word": (EngineFailure("upside down", FailureKind.INVALID_DATA), "invalid_data", "upside down"),
    "without a kind": (EngineFailure("no luck"), "internal_error", "no luck"),
    "anything else": (KeyError("frame"), "internal_error", "scripted: KeyError: 'frame'"),
    "a time-out of its own": (TimeoutError("the host"), "internal_error", "scripted: TimeoutError: the host"),
    "too large": (TooLarge("The answer is over 5 bytes."), "invalid_data", "The answer is over 5 bytes."),
    "storage away": (DownError(), "system_error", "The database cannot answer now."),
    "NUL in its words": (EngineFailure("a\0b"), "internal_error", "a\ufffdb"),
    "half a surrogate pair": (ValueError("\ud800"), "internal_error", "scripted: ValueError: ?"),
}


@pytest.mark.parametrize("name", ENDS)
async def test_every_end_has_its_kind_and_words(floor: Floor, name: str) -> None:
    error, kind, said = ENDS[name]
    floor.script("scripted", raising(error))
    lease = await floor.lease_one(max_retries=0)
    with capture_logs():
        await floor.runner.run(lease)
    [ended] = await floor.attempts(lease.key.job_id)
    assert (ended.outcome, ended.failure_reason, ended.failure_message) == ("failed", kind, said)


async def test_what_an_engine_did_not_mean_to_raise_is_logged(floor: Floor) -> None:
    floor.script("scripted", raising(KeyError("frame")))
    with capture_logs() as logged:
        await floor.runner.run(await floor.lease_one())
    assert [(line["event"], line["engine"]) for line in logged] == [("an engine of the server failed", "scripted")]


async def test_an_engine_over_its_time_is_stopped_and_its_folder_is_gone(floor: Floor) -> None:
    floor.script("scripted", endless)
    lease = await floor.lease_one(max_retries=0, timeout_seconds=1)
    await floor.runner.run(lease)
    [ended] = await floor.attempts(lease.key.job_id)
    assert ended.failure_reason == "chunk_timeout"
    assert ended.failure_message == "scripted took longer than 1 s and was stopped."
    assert list(floor.house.store.scratch().iterdir()) == []
    [log] = await artifacts.logs(floor.house, PRINCIPAL, TaskRef.of(lease.key.job_id, 0))
    assert (await artifacts.read_log(floor.house, log, 1000)).endswith(b" working\n")


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("gone", "gone is not part of this server."),
        ("container", "This server does not call engines over HTTP."),
    ],
)
async def test_an_engine_that_cannot_be_called_here_fails_at_once(floor: Floor, engine: str, said: str) -> None:
    [job_id] = await floor.create(one(engine))
    [lease] = await work.claim(floor.house, pool="http" if engine == "container" else "native", limit=1, worker="t")
    await floor.runner.run(lease)
    [ended] = await floor.attempts(job_id)
    assert (ended.failure_reason, ended.failure_message) == ("system_dependency_missing", said)
    assert (await floor.job(job_id)).status == "failed"


async def test_an_engine_that_is_no_longer_known_fails_at_once(floor: Floor) -> None:
    lease = await floor.lease_one()
    del floor.house.catalogue.by_id["scripted"]
    await floor.runner.run(lease)
    [ended] = await floor.attempts(lease.key.job_id)
    assert (ended.failure_reason, ended.failure_message) == (
        "system_dependency_missing",
        'Engine "scripted" is not installed here.',
    )


async def test_an_engine_that_needs_no_files_is_given_none(floor: Floor) -> None:
    [job_id] = await floor.create(one(NOOP))
    await floor.run_all()
    assert (await floor.job(job_id)).status == "complete"
    assert not list((floor.folder / "store/kept/jobs").rglob("*"))


# -- what it leaves ------------------------------------------------------------------------------------------


async def test_chunks_go_to_their_readers_and_the_last_one_publishes(floor: Floor) -> None:
    floor.script("ingest", answering(text("whole", name="whole.txt")))

    async def split(work: Work, context: NativeContext) -> list[Output]:
        [whole] = work.inputs
        assert (whole.path.read_text(), whole.name, whole.engine_id) == ("whole", "whole.txt", "ingest")
        return [text(f"part {n}", index=n, start_ms=n * 10, stop_ms=n * 10 + 9) for n in (2, 0, 1)]

    async def read(work: Work, context: NativeContext) -> list[Output]:
        [part] = work.inputs
        return [text(part.path.read_text().upper())]

    async def write(work: Work, context: NativeContext) -> list[Output]:
        seen = [(part.index, part.start_ms, part.folder, part.path.read_text()) for part in work.inputs]
        return [text(repr(seen), name="all.txt")]

    for name, do in (("split", split), ("read", read), ("write", write)):
        floor.script(name, do)
    [job_id] = await floor.create(make.fan_out(2))
    await floor.run_all()
    assert (await floor.job(job_id)).status == "complete"
    [published] = await artifacts.of_job(floor.house, PRINCIPAL, Ref.of(job_id))
    assert published.name == "all.txt"
    content = (await artifacts.read(floor.house, published)).decode()
    assert sorted(eval(content)) == sorted((n, n * 10, reader, f"PART {n}") for n in range(3) for reader in range(2))
    assert floor.engines["read"].runs == 6
    assert floor.engines["write"].runs == 1


async def test_what_a_failed_attempt_made_is_not_there(floor: Floor) -> None:
    async def half(work: Work, context: NativeContext) -> list[Output]:
        return [text("fine"), Output(media_type="text/plain", path=work.directory / "missing")]

    floor.script("scripted", half)
    lease = await floor.lease_one(max_retries=0)
    with capture_logs():
        await floor.runner.run(lease)
    assert (await floor.job(lease.key.job_id)).status == "failed"
    assert await artifacts.of_task(floor.house, PRINCIPAL, TaskRef.of(lease.key.job_id, 0)) == ()
