"""Targets and their assets in storage. Their organization may read them, and every organization the public ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.artifact import Target, TargetFilter
from enginehouse.domain.ids import parse_number, parse_schedule
from enginehouse.domain.job import TargetRequest
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.database.sql import shape

# The first id has nine digits: clients expect ids of eight to ten digits.
_BEFORE_FIRST: Final = 100_000_000
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTarget:
    """A target to store, with an id from `reserve`."""

    id: int
    organization_id: int
    created_by: str | None
    request: TargetRequest


class TargetRow(NamedTuple):
    """A stored target; `document` holds its details and the fields that are only shown again."""

    id: int
    organization_id: int
    name: str | None
    description: str | None
    status: str
    start_at: int
    stop_at: int
    is_public: int
    document: str
    created_by: str | None
    created_at: int
    modified_at: int


class TargetPlace(NamedTuple):
    """Where a target stands in a list: its time in the order of the list, and its id."""

    id: int
    place: int


_BY_IDS: Final = Select("targets.by_ids", TargetRow)
_LOCK: Final = Select("targets.lock", TargetRow)


# -- targets ------------------------------------------------------------------------------------------------


async def reserve(tx: Tx, count: int = 1) -> int:
    """Returns the first of `count` consecutive ids, which are never used again. Unused ids are skipped."""
    [(last,)] = await tx.all("targets.reserve", before_first=_BEFORE_FIRST, count=count)
    return int(last) - count + 1


async def insert(tx: Tx, rows: Sequence[NewTarget]) -> list[Target]:
    """Inserts the targets and returns them. A missing start or stop gets the other's value, else the creation time."""
    targets = [_new(row, tx.now) for row in rows]
    await tx.many(
        "targets.insert",
        [
            (
                t.id,
                t.organization_id,
                t.name,
                t.description,
                t.status,
                t.start_at,
                t.stop_at,
                int(t.is_public),
                _document(t),
                t.created_by,
                t.created_at,
                *_origin(t),
            )
            for t in targets
        ],
    )
    return targets


async def by_ids(tx: Tx, organization_id: int, ids: Sequence[int]) -> dict[int, Target]:
    """Returns those of the targets that the organization may read."""
    rows = await _BY_IDS.all(tx, organization_id=organization_id, ids=list(ids))
    return {row.id: _target(row) for row in rows}


async def lock(tx: Tx, organization_id: int, target_id: int) -> Target | None:
    """Returns the organization's own target, locked."""
    row = await _LOCK.one(tx, organization_id=organization_id, id=target_id)
    return None if row is None else _target(row)


async def delete(tx: Tx, organization_id: int, target_id: int) -> None:
    """Deletes the target. Its assets are deleted before."""
    await tx.run("targets.delete", id=target_id, organization_id=organization_id)


async def page(tx: Tx, organization_id: int, criteria: TargetFilter) -> list[Target]:
    """Returns a page of the organization's targets; with `include_public` the public ones of others are among them."""
    places = await _places(tx, organization_id, criteria)
    # The places come from an index. PostgreSQL would read the whole table for a join whose size it cannot guess.
    found = await by_ids(tx, organization_id, [target_id for _, target_id in places])
    return [found[target_id] for _, target_id in places if target_id in found]


async def _places(tx: Tx, organization_id: int, criteria: TargetFilter) -> list[tuple[int, int]]:
    """Returns the time and the id of each target of the page."""
    parts, params = _shape(criteria)
    first, until = criteria.offset, criteria.offset + criteria.limit
    owners = ((), ("public",)) if criteria.include_public else ((),)
    # With public ones the page lies among the first `offset + limit` of both.
    bounds = (0, until) if criteria.include_public else (first, criteria.limit)
    places = [
        (row.place, row.id)
        for owner in owners
        for row in await _places_in(shape("targets.page", (*parts, *owner))).all(
            tx, organization_id=organization_id, offset=bounds[0], limit=bounds[1], **params
        )
    ]
    if not criteria.include_public:
        return places
    return sorted(places, reverse=criteria.descending)[first:until]


def _shape(criteria: TargetFilter) -> tuple[list[str], dict[str, int]]:
    """Returns the parts of the statement that the filter needs, and their parameters."""
    parts, params = [criteria.order_by.removesuffix("_at")], dict[str, int]()
    if criteria.descending:
        parts.append("descending")
    for name, part in (("id", "by_id"), ("source_id", "of_source"), ("scheduled_job_id", "of_schedule")):
        if (value := getattr(criteria, name)) is not None:
            parts.append(part)
            params[name] = value
    for column, first, last in criteria.within:
        name = column.removesuffix("_at")
        parts.append(f"in_{name}")
        params |= {f"{name}_from": first, f"{name}_to": last}
    return parts, params


@cache
def _places_in(name: str) -> Select[TargetPlace]:
    return Select(name, TargetPlace)


async def change(tx: Tx, target: Target) -> None:
    """The organization's target has these values."""
    await tx.run(
        "targets.change",
        id=target.id,
        organization_id=target.organization_id,
        name=target.name,
        description=target.description,
        status=target.status,
        start_at=target.start_at,
        stop_at=target.stop_at,
        is_public=int(target.is_public),
        document=_document(target),
        now=target.modified_at,
    )


def _document(target: Target) -> str:
    return _ENCODER.encode({"details": target.details, "echo": target.echo}).decode()


def _origin(target: Target) -> tuple[int | None, int | None]:
    """Returns the source and the scheduled job that the target names."""
    said = target.echo.get("sourceData") or {}
    return parse_number(str(said.get("sourceId") or "")), parse_schedule(str(said.get("scheduledJobId") or ""))


def _new(row: NewTarget, now: int) -> Target:
    request = row.request
    start_at = next(at for at in (request.start_at, request.stop_at, now) if at is not None)
    return Target(
        id=row.id,
        organization_id=row.organization_id,
        name=request.name,
        description=request.description,
        status=request.status,
        start_at=start_at,
        stop_at=start_at if request.stop_at is None else request.stop_at,
        is_public=request.is_public,
        details=request.details,
        echo=request.echo,
        created_by=row.created_by,
        created_at=now,
        modified_at=now,
    )


def _target(row: TargetRow) -> Target:
    fields = row._asdict()
    document = _DECODER.decode(fields.pop("document"))
    return Target(**fields | document | {"is_public": bool(row.is_public)})


# -- assets -------------------------------------------------------------------------------------------------


async def delete_unused(tx: Tx, organization_id: int, target_id: int) -> list[str]:
    """Deletes the target with its assets, unless a job names it. Returns the keys of the bytes to remove."""
    rows = await tx.all("targets.delete_unused_assets", target_id=target_id, organization_id=organization_id)
    await tx.run("targets.delete_unused", id=target_id, organization_id=organization_id)
    return [key for (key,) in rows if key is not None]
