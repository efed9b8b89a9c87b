"""The operations on pauses, weights and limits: permissions, refusals, results, and that no loop spins."""

from collections.abc import Collection

import pytest
from tests.operations.people import People, arrive
from tests.runtime.floor import NOOP, one

from enginehouse.domain.engine import EngineCategory
from enginehouse.domain.errors import InvalidInput, NotAllowed, NotFound
from enginehouse.domain.identity import Principal
from enginehouse.domain.refs import Ref
from enginehouse.domain.work import Done, Report
from enginehouse.engines.native import CATEGORIES
from enginehouse.engines.native.noop import Noop
from enginehouse.operations import accounts, engines, jobs, limits, work
from enginehouse.operations.house import House

CATEGORY: EngineCategory = next(one for one in CATEGORIES if one.id == Noop.spec.category_id)


@pytest.fixture
async def people(house: House) -> People:
    await engines.register(house, [Noop.spec], [CATEGORY])
    return await arrive(house)


async def created(house: House, principal: Principal, count: int = 1) -> list[int]:
    return [made.job_id for made in await jobs.create(house, principal, [one(NOOP)] * count)]


async def claimed(house: House, limit: int = 100) -> list[int]:
    return [lease.organization_id for lease in await work.claim(house, pool="native", limit=limit, worker="w")]


async def test_a_job_is_paused_by_users_of_its_organization_only(house: House, people: People) -> None:
    [job_id] = await created(house, people.user)
    with pytest.raises(NotAllowed):
        await limits.pause_job(house, people.reader, Ref.of(job_id))
    with pytest.raises(NotFound):
        await limits.pause_job(house, people.stranger, Ref.of(job_id))
    assert await limits.pause_job(house, people.user, Ref.of(job_id)) is True
    assert await limits.pause_job(house, people.user, Ref.of(job_id)) is False
    assert await claimed(house) == []
    with pytest.raises(NotFound):
        await limits.resume_job(house, people.stranger, Ref.of(job_id))
    assert await limits.resume_job(house, people.user, Ref.of(job_id)) is True
    assert await limits.resume_job(house, people.user, Ref.of(job_id)) is False
    assert len(await claimed(house)) == 1


async def test_a_job_that_has_ended_is_not_paused(house: House, people: People) -> None:
    [job_id] = await created(house, people.user)
    await jobs.cancel(house, people.user, Ref.of(job_id))
    with pytest.raises(InvalidInput, match="already aborted"):
        await limits.pause_job(house, people.user, Ref.of(job_id))


async def test_an_organization_is_paused_by_its_administrator_or_a_super_administrator(
    house: House, people: People
) -> None:
    own, other = people.admin.organization_id, people.stranger.organization_id
    with pytest.raises(NotAllowed):
        await limits.pause_organization(house, people.user)
    with pytest.raises(NotFound):
        await limits.pause_organization(house, people.stranger, own)
    assert (await limits.pause_organization(house, people.stranger, other)).paused_at is not None
    assert (await limits.resume_organization(house, people.super_admin, other)).paused_at is None
    await created(house, people.user)
    paused = await limits.pause_organization(house, people.admin)
    assert (await limits.pause_organization(house, people.admin)).paused_at == paused.paused_at
    assert await claimed(house) == []
    await limits.resume_organization(house, people.admin)
    assert await claimed(house) == [own]


async def test_a_shared_engine_is_a_super_administrators(house: House, people: People) -> None:
    for refused in (people.admin, people.stranger):
        assert not refused.super_admin
        with pytest.raises(NotAllowed):
            await limits.pause_engine(house, refused, NOOP)
        with pytest.raises(NotAllowed):
            await limits.limit_engine(house, refused, NOOP, 1)
    await created(house, people.user)
    assert (await limits.pause_engine(house, people.super_admin, NOOP)).state == "paused"
    assert await claimed(house) == []
    assert (await limits.resume_engine(house, people.super_admin, NOOP)).state == "active"
    assert len(await claimed(house)) == 1
    with pytest.raises(NotFound):
        await limits.pause_engine(house, people.super_admin, "none")


async def test_the_pause_of_an_engine_outlives_the_next_start(house: House, people: People) -> None:
    await limits.pause_engine(house, people.super_admin, NOOP)
    await limits.limit_engine(house, people.super_admin, NOOP, 7)
    await engines.register(house, [Noop.spec], [CATEGORY])
    found = await engines.get(house, people.reader, NOOP)
    assert (found.state, found.running_limit) == ("paused", 7)


async def test_weights_and_limits_are_read_back_and_what_is_not_given_stays(house: House, people: People) -> None:
    chief, other = people.super_admin, people.stranger.organization_id
    await limits.set_organization(house, chief, other, weight=3)
    await limits.set_organization(house, chief, other, running_limit=4)
    found = await accounts.get_organization(house, people.stranger, None)
    assert (found.weight, found.running_limit) == (3, 4)
    changed = await limits.set_organization(house, chief, other, running_limit=None)
    assert (changed.weight, changed.running_limit) == (3, None)
    with pytest.raises(NotAllowed):
        await limits.set_organization(house, people.stranger, other, weight=1000)


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ({"weight": 0}, ["weight"]),
        ({"weight": 1001, "running_limit": -1}, ["runningLimit", "weight"]),
        ({"running_limit": 1_000_001}, ["runningLimit"]),
    ],
)
async def test_all_that_is_out_of_bounds_is_told_and_nothing_changes(
    house: House, people: People, given: dict[str, int], paths: list[str]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await limits.set_organization(house, people.super_admin, None, **given)
    assert sorted(problem.path for problem in refused.value.problems) == paths
    found = await accounts.get_organization(house, people.super_admin, None)
    assert (found.weight, found.running_limit) == (1, None)


async def test_what_is_paused_or_at_its_limit_is_not_ready_so_that_nobody_spins(house: House, people: People) -> None:
    chief = people.super_admin
    jobs_of = await created(house, people.user, 2)
    assert await work.ready(house, pool="native")
    await limits.pause_engine(house, chief, NOOP)
    assert not await work.ready(house, pool="native")
    await limits.resume_engine(house, chief, NOOP)
    assert await work.ready(house, pool="native")
    await limits.pause_organization(house, chief)
    assert not await work.ready(house, pool="native")
    await limits.resume_organization(house, chief)
    for job_id in jobs_of:
        await limits.pause_job(house, people.user, Ref.of(job_id))
    assert not await work.ready(house, pool="native")
    for job_id in jobs_of:
        await limits.resume_job(house, people.user, Ref.of(job_id))
    await limits.set_organization(house, chief, None, running_limit=1)
    assert await work.ready(house, pool="native")
    assert len(await claimed(house)) == 1
    assert not await work.ready(house, pool="native")


async def test_whoever_dispatches_is_woken_by_a_resume_and_by_a_new_limit(house: House, people: People) -> None:
    woken = 0

    def wake(_: Collection[str] | None) -> None:
        nonlocal woken
        woken += 1

    [job_id] = await created(house, people.user)
    house.listeners.runnable = wake
    await limits.pause_job(house, people.user, Ref.of(job_id))
    assert woken == 0
    await limits.resume_job(house, people.user, Ref.of(job_id))
    await limits.resume_organization(house, people.super_admin)
    await limits.resume_engine(house, people.super_admin, NOOP)
    await limits.limit_engine(house, people.super_admin, NOOP, 5)
    assert woken == 4


async def test_an_organization_that_was_not_seen_is_looked_for_when_it_creates(house: House, people: People) -> None:
    await created(house, people.user, 30)
    assert await work.ready(house, pool="native")
    house.queues["native"].see(house.queues["native"].outlook, began=0.0, ended=1e9)
    assert house.queues["native"].fresh(1e9)
    await created(house, people.stranger)
    assert not house.queues["native"].fresh(1e9)
    assert await work.ready(house, pool="native")
    assert set(await claimed(house, 2)) == {people.user.organization_id, people.stranger.organization_id}


async def test_shares_are_charged_for_what_was_leased_until_it_ends(house: House, people: People) -> None:
    await created(house, people.user, 4)
    leases = await work.claim(house, pool="native", limit=3, worker="w")
    running = house.queues["native"].shares._running
    assert set(running) == {lease.token for lease in leases}
    await work.finish(house, Report(leases[0].key, leases[0].token, Done()))
    assert set(running) == {lease.token for lease in leases[1:]}
