"""The quotas, from which the order is decided: the operators' settings and the leases."""

from tests import make

from enginehouse.domain.quotas import Lane, Quotas
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs import creation
from enginehouse.storage.jobs.plans import Plans
from enginehouse.storage.work import claims, quotas


async def test_a_house_where_nothing_is_set_has_no_quotas(database: Database) -> None:
    assert await database.read(quotas.read) == Quotas()


async def test_leases_are_counted_by_organization_and_engine(database: Database) -> None:
    plans = Plans()

    async def fill(tx: Tx) -> None:
        await creation.create(
            tx, plans, [make.new_job(make.independent(2)), make.new_job(make.chain(1), organization_id=2)]
        )
        await claims.claim(tx, plans, pool="native", limit=10, worker="w", lease_micros=10**9)
        await creation.create(tx, plans, [make.new_job(make.independent(1))])

    await database.write_work(fill)
    found = await database.read(quotas.read)
    assert found.live == {Lane(1, "noop"): 2, Lane(2, "ingest"): 1}
    assert found.live_of_organization(1) == 2
    assert found.live_of_engine("ingest") == 1
