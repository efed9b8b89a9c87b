"""Targets and assets: who may read and change them, what is refused, and that bytes and rows exist together."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.operations.people import People, arrive

from enginehouse.api.input import refs
from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.artifact import TargetFilter
from enginehouse.domain.errors import InvalidInput, NotAllowed, NotFound, Refusal, TooLarge
from enginehouse.domain.identity import Principal
from enginehouse.domain.job import JobRequest, TargetRequest
from enginehouse.domain.refs import Ref
from enginehouse.domain.spelling import REST
from enginehouse.operations import target_assets, targets
from enginehouse.operations.assets import AssetRequest
from enginehouse.operations.house import House, Limits
from enginehouse.storage.database.database import Database

YEAR = 366 * 86_400 * 1_000_000
TEXT = AssetRequest(asset_type="text", content_type="text/plain", name="a.txt", source=b"some words")


@pytest.fixture
async def people(house: House) -> People:
    return await arrive(house)


async def refused(work: Awaitable[object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await work
    return caught.value


def kept(store: DiskStore) -> list[str]:
    """The keys of everything in the store."""
    return sorted(path.read_bytes().decode() for path in (store.kept / "assets").rglob("*") if path.is_file())


# -- who ----------------------------------------------------------------------------------------------------

Operation = Callable[[House, Principal, int, str], Awaitable[object]]

TABLE: dict[str, tuple[Operation, str]] = {
    # operation: a call with a target and its asset, and the roles that may do it: r(eader), u(ser), a(dmin), s(uper)
    "create": (lambda house, who, target, asset: targets.create(house, who, TargetRequest()), "uas"),
    "create_with_asset": (
        lambda house, who, target, asset: target_assets.create_with_asset(house, who, TargetRequest(), TEXT),
        "uas",
    ),
    "create_asset": (
        lambda house, who, target, asset: target_assets.create_asset(house, who, replace(TEXT, target=Ref.of(target))),
        "uas",
    ),
    "get": (lambda house, who, target, asset: targets.get(house, who, Ref.of(target)), "ruas"),
    "get_many": (lambda house, who, target, asset: targets.get_many(house, who, [target]), "ruas"),
    "list": (lambda house, who, target, asset: targets.list_(house, who), "ruas"),
    "assets": (lambda house, who, target, asset: target_assets.assets(house, who, Ref.of(target)), "ruas"),
    "asset": (lambda house, who, target, asset: target_assets.asset(house, who, asset), "ruas"),
    "asset_counts": (lambda house, who, target, asset: target_assets.asset_counts(house, who, [target]), "ruas"),
    "primary_asset": (
        lambda house, who, target, asset: target_assets.primary_asset(house, who, Ref.of(target)),
        "ruas",
    ),
}


async def test_every_operation_by_every_role(house: House, people: People) -> None:
    target = await target_assets.create_with_asset(house, people.user, TargetRequest(), TEXT)
    [asset] = await target_assets.assets(house, people.user, Ref.of(target.id))
    found = {}
    for name, (operation, _) in TABLE.items():
        allowed = ""
        for role, who in people.roles().items():
            try:
                await operation(house, who, target.id, asset.id)
                allowed += role[0]
            except NotAllowed:
                pass
        found[name] = allowed
    assert found == {name: allowed for name, (_, allowed) in TABLE.items()}


async def test_the_foreign_looks_like_the_unknown(house: House, people: People) -> None:
    target = await target_assets.create_with_asset(house, people.user, TargetRequest(name="mine"), TEXT)
    [asset] = await target_assets.assets(house, people.user, Ref.of(target.id))
    who = people.stranger
    by_target: dict[str, Callable[[str], Awaitable[object]]] = {
        "get": lambda key: targets.get(house, who, refs.number(str(key))),
        "assets": lambda key: target_assets.assets(house, who, refs.number(str(key))),
        "primary_asset": lambda key: target_assets.primary_asset(house, who, refs.number(str(key))),
        "create_asset": lambda key: target_assets.create_asset(house, who, replace(TEXT, target=refs.number(key))),
        "for_jobs": lambda key: targets.for_jobs(house, who, [JobRequest(tasks=(), target_id=key, prefix="jobs[0].")]),
    }
    for name, attempt in by_target.items():
        one, other = await refused(attempt(str(target.id))), await refused(attempt("987654321"))
        assert type(one) is type(other) is NotFound, name
        assert one.message.replace(str(target.id), "ID") == other.message.replace("987654321", "ID"), name
    one = await refused(target_assets.asset(house, who, asset.id))
    other = await refused(target_assets.asset(house, who, "987654321_abcdefghij"))
    assert one.message.replace(asset.id, "ID") == other.message.replace("987654321_abcdefghij", "ID")
    assert await targets.get_many(house, who, [target.id]) == {}
    assert await target_assets.asset_counts(house, who, [target.id]) == {}
    assert await targets.list_(house, who, TargetFilter(include_public=True)) == []


async def test_a_public_target_is_read_by_all_and_changed_by_its_organization(
    house: House, people: People, store: DiskStore
) -> None:
    target = await target_assets.create_with_asset(house, people.user, TargetRequest(is_public=True), TEXT)
    who = people.stranger
    assert await targets.get(house, who, Ref.of(target.id)) == target
    assert set(await targets.get_many(house, who, [target.id])) == {target.id}
    [asset] = await target_assets.assets(house, who, Ref.of(target.id))
    assert await target_assets.asset(house, who, asset.id) == asset
    assert await target_assets.primary_asset(house, who, Ref.of(target.id)) == asset
    assert await targets.list_(house, who) == []
    assert await targets.list_(house, who, TargetFilter(include_public=True)) == [target]
    refusal = await refused(
        target_assets.create_asset(house, who, replace(TEXT, target=Ref.of(target.id), source=b"foreign"))
    )
    assert isinstance(refusal, NotAllowed)
    assert kept(store) == ["some words"]


@pytest.mark.parametrize("key", ["", "0", "-1", "abc", "1.0", "٣", "9" * 19, "9" * 5000, "12\x00", " 12", 2**63])
async def test_what_is_no_id_is_not_found(house: House, people: People, key: str) -> None:
    assert isinstance(await refused(targets.get(house, people.user, refs.number(str(key)))), NotFound)
    assert isinstance(await refused(target_assets.asset(house, people.user, str(key))), NotFound)


# -- targets ------------------------------------------------------------------------------------------------


async def test_a_target_is_read_as_it_was_made(house: House, people: People) -> None:
    wanted = TargetRequest(
        name="Évidence",
        description="d",
        status="recorded",
        start_at=1_000,
        stop_at=2_000,
        details={"a": [1, None, "\x00"]},
        is_public=True,
        echo={"source": "x"},
    )
    made = await targets.create(house, people.user, wanted)
    assert await targets.get(house, people.reader, refs.number(str(made.id))) == made
    for name in ("name", "description", "status", "start_at", "stop_at", "details", "is_public", "echo"):
        assert getattr(made, name) == getattr(wanted, name)


async def test_a_target_without_times_takes_its_creation_time(house: House, people: People) -> None:
    made = await targets.create(house, people.user, TargetRequest())
    assert made.start_at == made.stop_at == made.created_at
    begun = await targets.create(house, people.user, TargetRequest(start_at=5))
    assert (begun.start_at, begun.stop_at) == (5, 5)
    filled = await target_assets.create_with_asset(house, people.user, TargetRequest(start_at=5), TEXT)
    assert (filled.start_at, filled.stop_at) == (5, 5 + 15 * 60 * 1_000_000)


async def test_ids_have_nine_digits_rise_and_are_given_once(house: House, people: People) -> None:
    made = await asyncio.gather(*(targets.create(house, people.user, TargetRequest()) for _ in range(30)))
    ids = [target.id for target in made]
    assert len(set(ids)) == 30
    assert {len(str(one)) for one in ids} == {9}
    assert (await targets.create(house, people.user, TargetRequest())).id > max(ids)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (TargetRequest(start_at=2, stop_at=1), "stopDateTime: must not be before startDateTime."),
        (TargetRequest(start_at=1, stop_at=2 + YEAR), "stopDateTime: must be at most one year after startDateTime."),
        (TargetRequest(status=""), "status: must be given."),
        (TargetRequest(name="n" * 256), "name: must have at most 255 characters, has 256."),
        (TargetRequest(name="\x00"), "name: must not contain a NUL character or half of a surrogate pair."),
        (
            TargetRequest(details={"a": "\ud800"}),
            "details: must be JSON, without half of a surrogate pair and not nested too deeply.",
        ),
    ],
)
async def test_what_a_target_must_not_be(house: House, people: People, wanted: TargetRequest, message: str) -> None:
    refusal = await refused(targets.create(house, people.user, wanted))
    assert isinstance(refusal, InvalidInput)
    assert refusal.message == message
    assert await targets.list_(house, people.user) == []


async def test_a_target_may_end_when_it_begins_or_a_year_later(house: House, people: People) -> None:
    for stop_at in (1, 1 + YEAR):
        assert (await targets.create(house, people.user, TargetRequest(start_at=1, stop_at=stop_at))).stop_at == stop_at


async def test_targets_are_listed_in_pages(house: House, people: People) -> None:
    made = [await targets.create(house, people.user, TargetRequest(start_at=n, stop_at=n)) for n in range(5)]
    page = await targets.list_(house, people.user, TargetFilter(offset=1, limit=2))
    assert page == [made[3], made[2]]
    for offset, limit in [(-1, 1), (0, -1), (0, 1_001), (2**70, 1)]:
        assert isinstance(
            await refused(targets.list_(house, people.user, TargetFilter(offset=offset, limit=limit))), InvalidInput
        )


async def test_the_targets_of_jobs_are_checked_and_nothing_is_made(house: House, people: People) -> None:
    known = await targets.create(house, people.user, TargetRequest())
    requests = [
        JobRequest(tasks=(), target=TargetRequest(name="described")),
        JobRequest(tasks=()),
        JobRequest(tasks=(), target_id=str(known.id)),
    ]
    assert await targets.for_jobs(house, people.user, requests) == [None, None, known.id]
    wrong = JobRequest(tasks=(), target=TargetRequest(start_at=2, stop_at=1), prefix="jobs[1].", spelling=REST)
    refusal = await refused(targets.for_jobs(house, people.user, [requests[0], wrong]))
    assert refusal.message == "jobs[1].target.stopDateTime: must not be before startDateTime."
    assert await targets.list_(house, people.user) == [known]


# -- assets -------------------------------------------------------------------------------------------------


async def words() -> AsyncIterator[bytes]:
    yield b"some "
    yield b"words"


async def test_bytes_arrive_from_memory_a_file_or_a_stream(
    house: House, people: People, store: DiskStore, tmp_path: Path
) -> None:
    target = await targets.create(house, people.user, TargetRequest())
    file = tmp_path / "words"
    await asyncio.to_thread(file.write_bytes, b"some words")
    for source in (b"some words", file, words()):
        made = await target_assets.create_asset(
            house, people.user, replace(TEXT, target=Ref.of(target.id), source=source)
        )
        assert made.id.startswith(f"{target.id}_")
        assert len(made.id) == len(f"{target.id}_") + 10
        assert (made.size, made.md5) == (10, hashlib.md5(b"some words").hexdigest())
        assert await target_assets.asset(house, people.reader, made.id) == made
        content = await target_assets.content(house, made)
        assert (content.size, await store.read(content.key)) == (10, b"some words")
    assert await target_assets.asset_counts(house, people.reader, [target.id, 5]) == {target.id: 3}


async def test_a_reference_has_no_bytes_here(house: House, people: People, store: DiskStore) -> None:
    target = await targets.create(house, people.user, TargetRequest())
    new = AssetRequest(target=Ref.of(target.id), uri="https://example.com/a.mp4", content_type="video/mp4")
    made = await target_assets.create_asset(house, people.user, new)
    assert (made.uri, made.key, made.size) == ("https://example.com/a.mp4", None, None)
    assert isinstance(await refused(target_assets.content(house, made)), NotFound)
    assert kept(store) == []


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (AssetRequest(), "One of uri or file (upload) must be provided to create an asset."),
        (AssetRequest(uri=""), "One of uri or file (upload) must be provided to create an asset."),
        (AssetRequest(uri="file:///etc/passwd"), "uri: must be an http or https URL."),
        (AssetRequest(uri="https://"), "uri: must be an http or https URL."),
        (AssetRequest(uri="http://[::1"), "uri: must be an http or https URL."),
        (AssetRequest(source=b"", content_type="a\r\nb/c"), 'contentType: must be a media type like "video/mp4".'),
        (AssetRequest(source=b"", asset_type=" "), "assetType: must be given."),
        (AssetRequest(source=b"x", md5="0" * 32), "md5sum: the bytes that arrived have another MD5 sum."),
    ],
)
async def test_what_an_asset_must_not_be(
    house: House, people: People, store: DiskStore, new: AssetRequest, message: str
) -> None:
    target = await targets.create(house, people.user, TargetRequest())
    for work in (
        target_assets.create_asset(house, people.user, replace(new, target=Ref.of(target.id))),
        target_assets.create_with_asset(house, people.user, TargetRequest(), new),
    ):
        refusal = await refused(work)
        assert isinstance(refusal, InvalidInput)
        assert refusal.message == message
    assert await targets.list_(house, people.user) == [target]
    assert kept(store) == []


async def test_an_upload_over_the_limit_leaves_nothing(database: Database, store: DiskStore) -> None:
    house = House.build(database, store, Limits(upload_bytes=9))
    people = await arrive(house)
    target = await targets.create(house, people.user, TargetRequest())
    for source in (b"some words", words()):
        new = replace(TEXT, target=Ref.of(target.id), source=source)
        assert isinstance(await refused(target_assets.create_asset(house, people.user, new)), TooLarge)
    assert isinstance(
        await refused(target_assets.create_with_asset(house, people.user, TargetRequest(), TEXT)), TooLarge
    )
    assert await targets.list_(house, people.user) == [target]
    assert await target_assets.assets(house, people.user, Ref.of(target.id)) == []
    assert kept(store) == []


async def test_bytes_whose_row_is_refused_are_dropped(house: House, people: People, store: DiskStore) -> None:
    refusal = await refused(
        target_assets.record_asset(house, 1, replace(TEXT, target=Ref.of(987654321)), replay_key="gone")
    )
    assert isinstance(refusal, NotFound)
    assert kept(store) == []


async def test_one_asset_of_a_type_is_the_primary_one(house: House, people: People) -> None:
    target = await targets.create(house, people.user, TargetRequest())

    async def add(asset_type: str, *, primary: bool = True) -> str:
        new = replace(TEXT, target=Ref.of(target.id), asset_type=asset_type, set_as_primary=primary)
        return (await target_assets.create_asset(house, people.user, new)).id

    async def primary(asset_type: str | None = None) -> str | None:
        asset = await target_assets.primary_asset(house, people.user, Ref.of(target.id), asset_type)
        return None if asset is None else asset.id

    plain = await add("text", primary=False)
    assert (await primary("text"), await primary()) == (None, None)
    first, second = await add("text"), await add("text")
    assert (await primary("text"), await primary()) == (second, second)
    media = await add("media")
    assert (await primary("text"), await primary("media"), await primary()) == (second, media, media)
    listed = await target_assets.assets(house, people.user, Ref.of(target.id), ["text"], descending=False)
    assert [(a.id, a.is_primary) for a in listed] == [(plain, False), (first, False), (second, True)]


async def test_of_assets_made_at_once_only_one_is_primary(house: House, people: People) -> None:
    target = await targets.create(house, people.user, TargetRequest())
    new = replace(TEXT, target=Ref.of(target.id), set_as_primary=True)
    await asyncio.gather(*(target_assets.create_asset(house, people.user, new) for _ in range(8)))
    found = await target_assets.assets(house, people.user, Ref.of(target.id))
    assert [asset.is_primary for asset in found].count(True) == 1
    assert len(found) == 8


async def test_a_target_made_with_an_asset_has_it_as_its_primary_one(house: House, people: People) -> None:
    target = await target_assets.create_with_asset(house, people.user, TargetRequest(name="n"), TEXT)
    assert await targets.get(house, people.user, Ref.of(target.id)) == target
    primary = await target_assets.primary_asset(house, people.user, Ref.of(target.id), "text")
    assert primary is not None
    assert primary.target_id == target.id


async def test_assets_are_listed_by_type_in_pages(house: House, people: People) -> None:
    target = await targets.create(house, people.user, TargetRequest())
    for asset_type in ("b", "a", "c", "a"):
        await target_assets.create_asset(
            house, people.user, replace(TEXT, target=Ref.of(target.id), asset_type=asset_type)
        )

    async def types(*asset_types: str, **page: object) -> str:
        found = await target_assets.assets(house, people.user, Ref.of(target.id), asset_types, **page)  # type: ignore[arg-type]
        return "".join(asset.asset_type for asset in found)

    assert await types() == "acab"
    assert await types("a", "b", descending=False) == "baa"
    assert await types(order_by="asset_type", descending=False, offset=1, limit=2) == "ab"
    assert await types("\x00") == ""


async def test_a_replay_records_nothing_a_second_time(house: House, people: People, store: DiskStore) -> None:
    target = await targets.create(house, people.user, TargetRequest())
    new = replace(TEXT, target=Ref.of(target.id), set_as_primary=True)
    made = await asyncio.gather(
        *(target_assets.record_asset(house, 1, new, replay_key="job/1/0") for _ in range(4)),
        target_assets.record_asset(house, 1, replace(new, source=b"others"), replay_key="job/1/1"),
    )
    assert len({asset.id for asset in made[:4]}) == 1
    assert len(await target_assets.assets(house, people.user, Ref.of(target.id))) == 2
    assert kept(store) == ["others", "some words"]
    assert await target_assets.record_asset(house, 1, new, replay_key="job/1/0") == await target_assets.asset(
        house, people.user, made[0].id
    )
