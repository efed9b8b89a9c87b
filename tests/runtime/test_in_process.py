"""The work source of a server: where it stores the writes of an attempt, for whom, and what an attempt may read."""

import pytest
from msgspec import structs
from tests.runtime.floor import PRINCIPAL, Floor, one

from enginehouse.domain.errors import IntegrityError, NotFound
from enginehouse.domain.job import TargetRequest
from enginehouse.domain.refs import Ref, TaskRef
from enginehouse.domain.retry import Blame, FailureKind, blame
from enginehouse.engine import EngineFailure, EngineKind, EngineSpec, Output, Work
from enginehouse.engines.native.protocol import NativeContext
from enginehouse.operations import artifacts, target_assets, targets
from enginehouse.operations.assets import AssetRequest
from enginehouse.runtime.report import failure
from enginehouse.server.in_process import InProcess


async def test_parts_are_kept_below_the_attempts_own_token(floor: Floor) -> None:
    lease = await floor.lease_one()
    [stored] = await floor.source.put(lease, [("000000-a.txt", b"hello")])
    assert stored.key == f"jobs/1/{lease.key.job_id}/0/{lease.token}/000000-a.txt"
    assert await floor.house.store.read(stored.key) == b"hello"


async def test_a_log_is_read_while_it_grows(floor: Floor) -> None:
    lease = await floor.lease_one()
    assert await artifacts.logs(floor.house, PRINCIPAL, TaskRef.of(lease.key.job_id, 0)) == ()
    assert await floor.source.log(lease, 0, b"one ") == 4
    assert await floor.source.log(lease, 4, b"two") == 7
    [log] = await artifacts.logs(floor.house, PRINCIPAL, TaskRef.of(lease.key.job_id, 0))
    assert (log.name, await artifacts.read_log(floor.house, log, 100)) == ("000000-001.log", b"one two")


async def test_the_engine_is_known_until_it_is_removed(floor: Floor) -> None:
    assert await floor.source.engine("scripted") == floor.engines["scripted"].spec
    del floor.house.catalogue.by_id["scripted"]
    assert await floor.source.engine("scripted") is None


async def test_a_python_engine_is_run_as_it_is_installed_here(floor: Floor) -> None:
    stored = structs.replace(floor.engines["scripted"].spec, kind=EngineKind.PYTHON)
    here = structs.replace(stored, timeout_seconds=7, python="/opt/here/bin/python")
    known = floor.house.catalogue.by_id
    known["scripted"] = structs.replace(known["scripted"], spec=stored)
    assert await InProcess(floor.house, installed={"scripted": here}.get).engine("scripted") == here
    with pytest.raises(EngineFailure, match="was removed from this machine before the attempt began") as caught:
        await InProcess(floor.house, installed=dict[str, EngineSpec]().get).engine("scripted")
    assert blame(caught.value.kind) is Blame.NOBODY  # the item waits for a machine that has it


async def test_an_asset_without_bytes_cannot_be_opened(floor: Floor) -> None:
    target = await targets.create(floor.house, PRINCIPAL, TargetRequest(name="t"))
    new = AssetRequest(
        target=Ref.of(target.id), asset_type="media", content_type="text/plain", uri="https://h.example/a"
    )
    made = await target_assets.create_asset(floor.house, PRINCIPAL, new)
    await floor.create(structs.replace(one("scripted"), target_id=str(target.id)))
    [lease] = await floor.claim()
    with pytest.raises(NotFound):
        async with InProcess(floor.house).open(lease, made):
            pass


async def test_an_asset_knows_what_made_it(floor: Floor) -> None:
    target = await targets.create(floor.house, PRINCIPAL, TargetRequest(name="t"))
    await floor.create(structs.replace(one("scripted"), target_id=str(target.id)))
    [lease] = await floor.claim()
    output = Output(media_type="text/plain", data=b"x", name="x.txt")
    made = await floor.source.create_asset(lease, output, asset_type="text", as_primary=False, replay_key="k")
    assert made is not None
    assert (made.job_id, made.ordinal, made.engine_id) == (lease.key.job_id, 0, "scripted")


async def test_bytes_that_have_changed_since_they_were_stored_are_no_input(floor: Floor) -> None:
    async def publish(work: Work, context: NativeContext) -> list[Output]:
        return [Output(media_type="text/plain", data=b"hello")]

    floor.script("scripted", publish)
    lease = await floor.lease_one()
    await floor.runner.run(lease)
    [output] = await floor.source.artifacts(lease)
    async with floor.source.open(lease, output) as path:
        assert path.read_bytes() == b"hello"
    path.write_bytes(b"HELLO")
    with pytest.raises(IntegrityError) as raised:
        async with floor.source.open(lease, output):
            pass
    assert failure(raised.value, engine="e", task_id="t").kind is FailureKind.INVALID_DATA
    path.unlink()
    with pytest.raises(IntegrityError):
        async with floor.source.open(lease, output):
            pass
