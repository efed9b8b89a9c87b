"""The rows of targets and assets: ids, times, who may read them, and the result of one transaction."""

import asyncio
from functools import partial

import pytest

from enginehouse.domain.artifact import Asset, AssetFilter, TargetFilter
from enginehouse.domain.job import TargetRequest
from enginehouse.storage import assets, target_assets, targets
from enginehouse.storage import organizations as stored_organizations
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.target_assets import NewAsset
from enginehouse.storage.targets import NewTarget


@pytest.fixture
async def organizations(database: Database) -> None:
    async def make(tx: Tx) -> None:
        for name in ("First", "Second"):
            await stored_organizations.create_organization(tx, name=name, application_id=name, default_retries=None)

    await database.write(make)


async def make(tx: Tx, organization_id: int = 1, **fields: object) -> int:
    row = NewTarget(
        id=await targets.reserve(tx),
        organization_id=organization_id,
        created_by=None,
        request=TargetRequest(**fields),  # type: ignore[arg-type]
    )
    [target] = await targets.insert(tx, [row])
    return target.id


def asset(target_id: int, name: str, organization_id: int = 1, **fields: object) -> NewAsset:
    known: dict[str, object] = {"asset_type": "text", "content_type": "text/plain", "key": f"k/{name}", **fields}
    return NewAsset(id=name, target_id=target_id, organization_id=organization_id, **known)  # type: ignore[arg-type]


async def test_reserved_ids_are_never_given_again(database: Database) -> None:
    firsts = await asyncio.gather(*(database.write(partial(targets.reserve, count=n)) for n in (1, 5, 3, 7)))
    spans = sorted(zip(firsts, (1, 5, 3, 7), strict=True))
    assert spans[0][0] == 100_000_001
    assert [first + count for first, count in spans[:-1]] == [first for first, _ in spans[1:]]


@pytest.mark.usefixtures("organizations")
async def test_times_that_are_not_given(database: Database) -> None:
    async def look(tx: Tx) -> None:
        both = await make(tx, start_at=5, stop_at=6)
        ids = [both, await make(tx), await make(tx, start_at=7), await make(tx, stop_at=8)]
        found = await targets.by_ids(tx, 1, ids)
        times = [(found[one].start_at, found[one].stop_at) for one in ids]
        assert times == [(5, 6), (tx.now, tx.now), (7, 7), (8, 8)]

    await database.write(look)


@pytest.mark.usefixtures("organizations")
async def test_only_a_public_target_is_read_by_another_organization(database: Database) -> None:
    async def look(tx: Tx) -> None:
        private, public = await make(tx), await make(tx, is_public=True)
        for target_id in (private, public):
            row = asset(target_id, f"of {target_id}", is_primary=True)
            assert await target_assets.add_asset(tx, row) is not None
            assert (
                await target_assets.add_asset(tx, asset(target_id, f"foreign {target_id}", organization_id=2)) is None
            )
        both = [private, public]
        assert set(await targets.by_ids(tx, 2, both)) == {public}
        assert await target_assets.asset_counts(tx, 2, both) == {public: 1}
        assert await target_assets.asset_counts(tx, 1, both) == {private: 1, public: 1}
        assert await target_assets.asset(tx, 2, f"of {private}") is None
        assert await target_assets.asset(tx, 2, f"of {public}") is not None
        page = await assets.pages(tx, 2, both, AssetFilter(("text", "x")))
        assert {target: [one.id for one in found] for target, found in page.items()} == {public: [f"of {public}"]}
        primary = await assets.primary(tx, 2, [(one, kind) for one in both for kind in ("text", "media")])
        assert primary.keys() == {(public, "text")}
        assert await assets.main(tx, 2, private) is None
        assert await targets.page(tx, 2, TargetFilter()) == []
        assert [one.id for one in await targets.page(tx, 2, TargetFilter(include_public=True))] == [public]

    await database.write(look)


@pytest.mark.usefixtures("organizations")
async def test_a_replay_key_is_one_organizations_own(database: Database) -> None:
    async def add(tx: Tx) -> tuple[int, Asset | None]:
        target_id = await make(tx)
        return target_id, await target_assets.add_asset(tx, asset(target_id, "a", replay_key="r", is_primary=True))

    target_id, first = await database.write(add)

    async def again(tx: Tx) -> None:
        assert await target_assets.add_asset(tx, asset(target_id, "b", replay_key="r", is_primary=True)) == first
        assert await target_assets.asset_of_replay(tx, 1, "r") == first
        assert await target_assets.asset_of_replay(tx, 2, "r") is None
        assert await assets.main(tx, 1, target_id) == first

    await database.write(again)


@pytest.mark.usefixtures("organizations")
async def test_a_new_asset_is_seen_in_the_date_of_its_target(database: Database) -> None:
    target_id = await database.write(make)
    [before] = (await database.read(lambda tx: targets.by_ids(tx, 1, [target_id]))).values()
    await database.write(lambda tx: target_assets.add_asset(tx, asset(target_id, "a")))
    [after] = (await database.read(lambda tx: targets.by_ids(tx, 1, [target_id]))).values()
    assert after.modified_at > before.modified_at
    assert after.created_at == before.created_at
