"""Workers on other machines: what they may take, what a lost answer costs, and that a late write leaves nothing."""

import asyncio

import pytest
from msgspec import structs
from tests import make
from tests.operations.remote import SLOTS, SPECS, Remote, body, holder, id_of, report

from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.errors import InvalidInput, NotAllowed, NotFound, StaleAttempt
from enginehouse.domain.job import JobRequest, TaskRequest
from enginehouse.domain.refs import Ref
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Accepted, Attempt, AttemptPage, Done, Failed, Lease, Stale
from enginehouse.engines.native import CATEGORIES
from enginehouse.operations import (
    attempt_bytes,
    engines,
    exchange,
    identity,
    instances,
    jobs,
    maintenance,
    work,
    worker_drains,
    workers,
)
from enginehouse.operations.exchange import ExchangeRequest
from enginehouse.operations.house import House
from enginehouse.storage import attempts

CALLER, STRANGER = make.principal(), make.principal(organization_id=2)


async def history(house: House, lease: Lease) -> list[Attempt]:
    page = AttemptPage(lease.key.job_id, lease.key.ordinal, 0, 10)
    found = await house.database.read(lambda tx: attempts.attempts(tx, lease.organization_id, [page]))
    return found[page]


async def test_a_worker_sees_at_once_that_another_organization_has_work(ready: House) -> None:
    """What a server remembers of lanes is looked at again after a create."""
    remote = await Remote.arrive(ready)
    await jobs.create(ready, CALLER, [make.independent(9)])
    assert {lease.organization_id for lease in await remote.takes(2)} == {1}
    await jobs.create(ready, STRANGER, [make.independent(1)])
    assert {lease.organization_id for lease in await remote.takes(2)} == {1, 2}


async def test_a_worker_takes_reports_and_leaves(ready: House) -> None:
    remote = await Remote.arrive(ready)
    await jobs.create(ready, CALLER, [make.independent(3)])
    leases = await remote.takes(2)
    assert len(leases) == 2
    [shown] = await workers.list_(ready, CALLER)
    assert (shown.id, shown.running, shown.connected) == (remote.id, 2, True)
    assert shown.name is not None
    assert shown.name.startswith("remote/box:")
    done = await remote.says(
        reports=[report(leases[0], Done()), report(leases[1], Failed(FailureKind.OTHER, "no"))],
        claims={"native": 4},
    )
    assert [type(answer) for answer in done.answers] == [Accepted, Accepted]
    # On PostgreSQL the reports may hold the job while the claim looks.
    work_ = done.work or (await remote.says(claims={"native": 4})).work
    assert [lease.key.ordinal for lease, _ in work_] == [2]
    await instances.terminate(ready, remote.who, remote.id)
    assert await workers.list_(ready, CALLER) == []
    [left] = await history(ready, work_[0][0])
    assert left.outcome == "stopped", "what it still had is charged to nobody"
    with pytest.raises(NotFound):
        await remote.takes()


async def test_the_token_decides_whose_work_and_which_engines(ready: House) -> None:
    for who in (CALLER, STRANGER):
        await jobs.create(ready, who, [make.independent(1)])
    await jobs.create(ready, CALLER, [JobRequest(tasks=(TaskRequest(engine_id="ingest"),))])
    second = await Remote.arrive(ready, organizations=["2"])
    assert [lease.organization_id for lease in await second.takes()] == [2]
    only = await Remote.arrive(ready, organizations=["1"], engines=["ingest"])
    assert [lease.engine_id for lease in await only.takes()] == ["ingest"]
    everybody = await Remote.arrive(ready)
    assert [lease.engine_id for lease in await everybody.takes()] == ["noop"]


async def test_storage_refuses_what_memory_would_allow(ready: House) -> None:
    await jobs.create(ready, STRANGER, [make.independent(1)])
    remote = await Remote.arrive(ready, organizations=["1"])
    state = await instances.known(ready, remote.who, remote.id)
    state.queues["native"].owners = None
    assert await remote.takes() == []
    await identity.revoke_token(ready, make.principal(), remote.who.token_id)
    await jobs.create(ready, CALLER, [make.independent(1)])
    assert await remote.takes() == [], "a token that was revoked meanwhile takes nothing"


async def test_another_token_does_not_see_the_worker_nor_its_leases(ready: House) -> None:
    await jobs.create(ready, CALLER, [make.independent(2)])
    one, two = await Remote.arrive(ready), await Remote.arrive(ready)
    [lease] = await one.takes(1)
    with pytest.raises(NotFound):
        await exchange.exchange(ready, two.who, one.id, ExchangeRequest())
    with pytest.raises(NotAllowed):
        await exchange.exchange(ready, CALLER, one.id, ExchangeRequest())
    done = await two.says(reports=[report(lease, Done())], held=[id_of(lease)], signalled=[id_of(lease)])
    assert done.answers == [Stale()]
    assert done.alive == {}
    with pytest.raises(StaleAttempt):
        await attempt_bytes.lease(ready, two.who, two.id, *id_of(lease))
    assert await attempt_bytes.lease(ready, one.who, one.id, *id_of(lease)) == lease


async def test_what_a_report_names_was_uploaded_under_its_lease(ready: House, store: DiskStore) -> None:
    remote = await Remote.arrive(ready)
    await jobs.create(ready, CALLER, [make.independent(2)])
    first, second = await remote.takes(2)
    mine, other = await remote.puts(first, b"mine"), await remote.puts(second, b"other")
    assert f"/{first.token}/" in mine.key
    wrong = {
        "key": structs.replace(mine, key=other.key, size=other.size, sha256=other.sha256),
        "size": structs.replace(mine, size=5),
        "folder": structs.replace(mine, folder=3),
        "part": structs.replace(mine, part=-1),
        "mediaType": structs.replace(mine, media_type="none"),
        "index": structs.replace(mine, index=1 << 40),
        "name": structs.replace(mine, name="a\0b"),
    }
    for name, output in wrong.items():
        [answer] = (await remote.says(reports=[report(first, Done((output,)))])).answers
        assert isinstance(answer, InvalidInput), name
    [answer] = (await remote.says(reports=[report(first, Done((mine,)))])).answers
    assert isinstance(answer, Accepted)
    assert await store.read(mine.key) == b"mine"
    assert await remote.puts(second, b"other") == other, "the same upload again changes nothing"
    with pytest.raises(InvalidInput):
        await remote.puts(second, b"something else")
    with pytest.raises(InvalidInput):
        await attempt_bytes.put_output(ready, second, "n", body(b"cut"), sha256="0" * 64)
    assert await store.missing([f"{other.key.rpartition('/')[0]}/n"])


async def test_a_late_report_leaves_no_trace(ready: House, store: DiskStore) -> None:
    remote = await Remote.arrive(ready)
    await jobs.create(ready, CALLER, [make.independent(1)])
    [late] = await remote.takes(1)
    output = await remote.puts(late, b"late")
    await work.finish(ready, report(late, Failed(FailureKind.WORKER_LOST, "silent")))
    [again] = await remote.takes(1)
    assert again.token > late.token
    [answer] = (await remote.says(reports=[report(late, Done((output,)))])).answers
    assert answer == Stale()
    for write in (
        attempt_bytes.lease(ready, remote.who, remote.id, *id_of(late)),
        attempt_bytes.lease(ready, remote.who, remote.id, late.key, again.token + 1),
    ):
        with pytest.raises(StaleAttempt):
            await write
    # A result that was never reported is removed later, but not while its attempt runs, and not what a result has.
    kept = await remote.puts(again, b"kept")
    now = await maintenance.storage_time(ready)
    day = int((attempt_bytes.KEPT + ready.limits.lease_seconds + 1) * 1_000_000)
    assert await attempt_bytes.prune(ready, now=now, limit=10) == 0
    assert await attempt_bytes.prune(ready, now=now + day, limit=10) == 1
    assert await store.missing([output.key, kept.key]) == [output.key]
    await remote.says(reports=[report(again, Done((kept,)))])
    assert await attempt_bytes.prune(ready, now=now + 2 * day, limit=10) == 1
    assert await store.read(kept.key) == b"kept"


async def test_leases_of_a_lost_answer_are_taken_back_uncharged(ready: House) -> None:
    remote = await Remote.arrive(ready)
    await jobs.create(ready, CALLER, [make.independent(2)])
    [known] = await remote.takes(1)
    [unknown] = await remote.takes(1)  # its answer is lost
    done = await remote.says(held=[id_of(known)], is_complete=True, claims={"native": 4})
    assert done.alive == {id_of(known): False}
    assert [lease.key for lease, _ in done.work] == [unknown.key]
    [lost] = [one for one in await history(ready, unknown) if one.ended_at is not None]
    assert (lost.outcome, lost.token) == ("stopped", unknown.token)


async def test_revocation_ends_the_leases_of_the_worker(ready: House) -> None:
    remote = await Remote.arrive(ready)
    await jobs.create(ready, CALLER, [make.independent(1)])
    [lease] = await remote.takes(1)
    assert await instances.end_revoked(ready) == 0
    await identity.revoke_token(ready, make.principal(), remote.who.token_id)
    assert await instances.end_revoked(ready) == 1
    [ended] = await history(ready, lease)
    assert ended.outcome == "stopped"
    assert (await remote.says(held=[id_of(lease)])).alive == {}


async def test_waiting_ends_with_work_with_a_stop_and_in_time(ready: House) -> None:
    remote = await Remote.arrive(ready)
    assert await exchange.wait(ready, remote.who, remote.id, ["native"], 0) == ([], False)
    waiting = asyncio.create_task(exchange.wait(ready, remote.who, remote.id, ["native"], 20))
    await asyncio.sleep(0)
    await jobs.create(ready, CALLER, [make.independent(1)])
    ready.wake_instances()
    assert await asyncio.wait_for(waiting, 15) == (["native"], False)
    [lease] = await remote.takes(1)
    waiting = asyncio.create_task(exchange.wait(ready, remote.who, remote.id, ["native"], 20))
    await asyncio.sleep(0)
    await jobs.cancel(ready, CALLER, Ref.of(lease.key.job_id), include_running=True)
    ready.stop_instances([lease.key.job_id])
    assert await asyncio.wait_for(waiting, 15) == ([], True)
    assert (await remote.says(held=[id_of(lease)])).alive == {id_of(lease): True}


async def test_what_a_worker_may_not_say(ready: House) -> None:
    who = await holder(ready)
    with pytest.raises(InvalidInput, match="wireVersion"):
        await instances.register(ready, who, name="box", slots=SLOTS, specs=[], wire_version=2)
    with pytest.raises(InvalidInput) as refused:
        await instances.register(ready, who, name="a b", slots={"gpu": 1, "native": -1}, specs=[make.spec("")])
    assert {problem.path for problem in refused.value.problems} == {
        "name", "slots.gpu", "slots.native", "engines[0].id", "engines[0].name",
    }  # fmt: skip
    with pytest.raises(NotAllowed):
        await instances.register(ready, CALLER, name="box", slots=SLOTS, specs=[])
    remote = await Remote.arrive(ready)
    with pytest.raises(InvalidInput) as refused:
        await remote.says(claims={"python": 1, "native": 1000}, full=["http"])
    assert [problem.path for problem in refused.value.problems] == ["claims.python", "full.http", "claims.native"]


async def test_only_a_token_for_everything_makes_engines_known(ready: House) -> None:
    new = structs.replace(make.spec("fresh"), category_id=CATEGORIES[0].id)
    for scope in ({"organizations": ["1"]}, {"engines": ["noop"]}):
        arrival = await instances.register(ready, await holder(ready, **scope), name="b", slots=SLOTS, specs=[new])
        assert arrival.unknown == ("fresh",)
        assert engines.find(ready, CALLER, "fresh") is None
    arrival = await instances.register(ready, await holder(ready), name="b", slots=SLOTS, specs=[*SPECS, new])
    assert arrival.unknown == ()
    assert engines.find(ready, CALLER, "fresh") is not None
    renamed = structs.replace(new, name="renamed")
    await instances.register(ready, await holder(ready), name="b", slots=SLOTS, specs=[renamed])
    found = engines.find(ready, CALLER, "fresh")
    assert found is not None
    assert found.spec.name == "fresh", "a worker does not change what the server knows"


async def test_a_restart_of_an_embedded_server_keeps_the_leases_of_others(ready: House) -> None:
    remote = await Remote.arrive(ready)
    await jobs.create(ready, CALLER, [make.independent(2)])
    [kept] = await remote.takes(1)
    await work.claim(ready, pool="native", limit=1, worker="server/here:1")
    await workers.beat(ready, name="server/here:1", pools=SLOTS, engines=["noop"])
    assert await maintenance.release_all_leases(ready) == 1
    await workers.clear(ready)
    assert [one.id for one in await workers.list_(ready, CALLER)] == [remote.id]
    fresh = House.build(ready.database, ready.store)
    await engines.refresh(fresh)
    again = Remote(fresh, remote.who, remote.id)
    assert (await again.says(held=[id_of(kept)])).alive == {id_of(kept): False}
    [answer] = (await again.says(reports=[report(kept, Done())])).answers
    assert isinstance(answer, Accepted)


async def test_an_attempt_reads_and_writes_under_its_lease(ready: House, store: DiskStore) -> None:
    remote = await Remote.arrive(ready)
    await jobs.create(ready, CALLER, [make.independent(1)])
    [lease] = await remote.takes(1)
    held = await attempt_bytes.lease(ready, remote.who, remote.id, *id_of(lease))
    assert await attempt_bytes.append_log(ready, held, 0, b"first") == 5
    assert await attempt_bytes.append_log(ready, held, 5, b" second") == 12
    with pytest.raises(InvalidInput):
        await attempt_bytes.append_log(ready, held, 99, b"x")
    assert await attempt_bytes.visible(ready, held) == ()
    assert await attempt_bytes.primary_asset(ready, held) is None
    for place in ((0, -1, 0, 0), (0, 0, 0, 1 << 40)):
        with pytest.raises(NotFound):
            await attempt_bytes.artifact(ready, held, *place)


async def test_a_drained_worker_gets_nothing_also_after_a_restart(ready: House) -> None:
    root = make.principal(super_admin=True)
    remote = await Remote.arrive(ready)
    await jobs.create(ready, CALLER, [make.independent(2)])
    [kept] = await remote.takes(1)
    await worker_drains.drain(ready, root, remote.id)
    assert await remote.takes() == []
    assert await exchange.wait(ready, remote.who, remote.id, ["native"], 0) == ([], False)
    assert (await remote.says(held=[id_of(kept)])).alive == {id_of(kept): False}
    again = await Remote.arrive(ready)
    ready.presence.drained = frozenset()
    assert await again.takes() == [], "storage has the drain of the name, whatever a server remembers"
    await worker_drains.resume(ready, root, again.id)
    assert len(await again.takes()) == 1
