"""An attempt can reach addresses through the guarded client, and the assets of its job's target."""

import gc
import weakref
from dataclasses import replace

import pytest
from msgspec import structs
from tests.client.servers import http, listening
from tests.runtime.floor import PRINCIPAL, Floor, one

from enginehouse.domain.job import JobRequest, TargetRequest
from enginehouse.domain.refs import Ref
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Accepted, Done, Failed, Lease
from enginehouse.engine import EngineFailure, Output, Work
from enginehouse.engines.native.protocol import NativeContext
from enginehouse.operations import target_assets, targets
from enginehouse.operations.assets import AssetRequest
from enginehouse.outgoing.fetch import GuardedClient
from enginehouse.runtime.attempt import AttemptContext, AttemptRun
from enginehouse.runtime.download_quota import DownloadQuota
from enginehouse.runtime.inputs import open_inputs


async def _context(
    floor: Floor, *, target_id: int | None = None, client: GuardedClient | None = None
) -> AttemptContext:
    await floor.create(one("scripted") if target_id is None else _about(target_id))
    [lease] = await floor.claim()
    return _of(floor, lease, client)


def _of(floor: Floor, lease: Lease, client: GuardedClient | None = None) -> AttemptContext:
    fetch = client.fetch if client is not None else floor.runner.fetch
    spec = floor.engines["scripted"].spec
    return AttemptRun(floor.source, lease, spec, folder=floor.folder / "attempts", fetch=fetch).context


async def test_an_attempt_is_freed_when_it_ends_without_the_collector_of_cycles(floor: Floor) -> None:
    seen = list[weakref.ref[NativeContext]]()

    async def talking(work: Work, context: NativeContext) -> list[Output]:
        context.log("working")
        seen.append(weakref.ref(context))
        return []

    floor.script("scripted", talking)
    lease = await floor.lease_one()
    gc.disable()
    try:
        await floor.runner.run(lease)
        assert [context() for context in seen] == [None]
    finally:
        gc.enable()


async def test_a_refused_url_is_a_failure_of_its_kind(floor: Floor) -> None:
    client = GuardedClient(allow_private=False)
    context = await _context(floor, client=client)
    with pytest.raises(EngineFailure) as refused:
        async with context.fetch("http://127.0.0.1:9/x"):
            pass
    await client.aclose()
    assert refused.value.kind is FailureKind.URL_NOT_ALLOWED


async def test_a_server_that_asks_to_wait_is_asked_again_after_that_and_a_sure_failure_never(floor: Floor) -> None:
    client = GuardedClient(allow_private=True)
    address = ""

    async def fetching(work: Work, context: NativeContext) -> list[Output]:
        async with context.fetch(address):
            return []

    floor.script("scripted", fetching)
    runner = replace(floor.runner, fetch=client.fetch)
    pauses = []
    for response in (http(status="429 Too Many Requests", Retry_After="900"), http(status="400 Bad Request")):
        async with listening(response) as server:
            address = server.url()
            lease = await floor.lease_one(max_retries=5)
            await runner.run(lease)
        [attempt] = await floor.attempts(lease.key.job_id)
        answer = floor.source.answers[-1]
        assert isinstance(answer, Accepted)
        pauses.append(answer.again_at and (answer.again_at - (attempt.ended_at or 0)) // 1_000_000)
    await client.aclose()
    assert pauses == [900, None]


async def test_what_attempts_read_from_addresses_counts_for_their_organization(floor: Floor) -> None:
    client = GuardedClient(allow_private=True)
    address = ""

    async def fetching(work: Work, context: NativeContext) -> list[Output]:
        async with context.fetch(address) as fetched:
            return [Output(media_type="text/plain", data=b"".join([block async for block in fetched.body]))]

    floor.script("scripted", fetching)
    runner = replace(floor.runner, fetch=client.fetch, downloads=DownloadQuota(1))
    async with listening(http(bytes(700_000))) as server:
        address = server.url()
        for _ in range(2):
            await runner.run(await floor.lease_one(max_retries=0))
    await client.aclose()
    first, second = (report.outcome for report in floor.source.reports)
    assert isinstance(first, Done)
    assert isinstance(second, Failed)
    assert second.kind is FailureKind.RATE_LIMITED


async def test_the_message_of_an_engine_is_cut_before_it_is_stored(floor: Floor) -> None:
    async def failing(work: Work, context: NativeContext) -> list[Output]:
        raise EngineFailure("no luck " * 1_000_000)

    floor.script("scripted", failing)
    await floor.runner.run(await floor.lease_one())
    outcome = floor.source.reports[-1].outcome
    assert isinstance(outcome, Failed)
    assert len(outcome.message) == 2000
    assert outcome.message.endswith("…")


async def test_the_primary_asset_of_the_target_is_a_local_file(floor: Floor) -> None:
    target = await target_assets.create_with_asset(
        floor.house,
        PRINCIPAL,
        TargetRequest(name="t"),
        AssetRequest(asset_type="media", content_type="text/plain", name="a.txt", source=b"hello"),
    )
    asset = await (await _context(floor, target_id=target.id)).primary_asset()
    assert asset is not None
    assert (asset.path.read_bytes(), asset.media_type, asset.size, asset.name) == (b"hello", "text/plain", 5, "a.txt")


async def test_a_job_without_a_target_has_no_asset_and_makes_none(floor: Floor) -> None:
    context = await _context(floor)
    assert await context.primary_asset() is None
    output = Output(media_type="text/plain", data=b"x")
    assert await context.create_asset(output, asset_type="text", as_primary=False, replay_key="k") is None


async def test_an_asset_is_made_once_however_often_the_attempt_is_repeated(floor: Floor) -> None:
    target = await targets.create(floor.house, PRINCIPAL, TargetRequest(name="t"))
    context = await _context(floor, target_id=target.id)
    output = Output(media_type="text/plain", data=b"x", name="x.txt")
    made = [
        await context.create_asset(output, asset_type="text", as_primary=False, replay_key="same") for _ in range(2)
    ]
    assert made[0] is not None
    assert made[1] is not None
    assert made[0].id == made[1].id
    assert len(await target_assets.assets(floor.house, PRINCIPAL, Ref.of(target.id))) == 1


def _about(target_id: int) -> JobRequest:
    return structs.replace(one("scripted"), target_id=str(target_id))


async def test_an_engine_without_a_parent_reads_text_in_utf_8(floor: Floor) -> None:
    target = await target_assets.create_with_asset(
        floor.house,
        PRINCIPAL,
        TargetRequest(name="t"),
        AssetRequest(content_type="text/plain; charset=iso-8859-1", name="a.txt", source="schön".encode("latin-1")),
    )
    await floor.create(_about(target.id))
    [lease] = await floor.claim()
    spec = floor.engines["read"].spec  # it has inputs
    async with AttemptRun(
        floor.source, lease, spec, folder=floor.folder / "attempts", fetch=floor.runner.fetch
    ) as attempt:
        [chunk] = await open_inputs(attempt)
        assert (chunk.path.read_text("utf-8"), chunk.media_type) == ("schön", "text/plain")
