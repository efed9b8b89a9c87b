"""Scheduled jobs in storage: what they are, their cursors, and what became of their slots."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from enginehouse.domain.schedules.schedule import Launch, Schedule, SlotRecord, TemplateVersion
from enginehouse.domain.schedules.timing import Rules, RunMode, Timing
from enginehouse.storage.database.database import Row, Tx

_encode = msgspec.json.Encoder().encode
_timing = msgspec.json.Decoder(Timing).decode
_rules = msgspec.json.Decoder(Rules).decode
_decode = msgspec.json.Decoder().decode


async def insert(tx: Tx, schedules: Sequence[Schedule]) -> None:
    """The schedules exist. `tx.now` is their creation time."""
    rows = [(s.id, s.organization_id, *_changing(s), s.anchor, s.decided, s.next_at, s.created_by, tx.now)
            for s in schedules]  # fmt: skip
    await tx.many("schedules.insert", rows)


async def lock(tx: Tx, organization_id: int, schedule_id: int) -> Schedule | None:
    """The organization's schedule, which nobody else changes or fires until the transaction ends."""
    row = await tx.one("schedules.lock", id=schedule_id, organization_id=organization_id)
    return None if row is None else schedule(row)


async def update(tx: Tx, old: Schedule, new: Schedule) -> None:
    """The schedule is `new`, with the next version number; what it was can be had back by `last_version`."""
    await tx.many("schedules.keep_version", [(old.id, old.version, _encode(old).decode(), tx.now)])
    await tx.many(
        "schedules.update",
        [(new.id, *_changing(new), new.anchor, new.decided, new.next_at, new.launched, tx.now)],
    )


async def last_version(tx: Tx, schedule_id: int) -> Schedule | None:
    """What the schedule was before its last change."""
    row = await tx.one("schedules.last_version", id=schedule_id)
    return None if row is None else msgspec.json.decode(row[1], type=Schedule)


async def by_ids(tx: Tx, organization_id: int, ids: Iterable[int]) -> dict[int, Schedule]:
    """Those of the schedules that the organization may read."""
    rows = await tx.all("schedules.by_ids", ids=sorted(set(ids)), organization_id=organization_id)
    return {row[0]: schedule(row) for row in rows}


async def count(tx: Tx, organization_id: int) -> int:
    """How many schedules the organization has."""
    [(found,)] = await tx.all("schedules.count", organization_id=organization_id)
    return int(found)


async def busy(tx: Tx, ids: Iterable[int]) -> set[int]:
    """Those of the schedules of which a job has not ended."""
    return {row[0] for row in await tx.all("schedules.busy", ids=sorted(set(ids)))}


async def live_jobs(tx: Tx, schedule_id: int) -> list[int]:
    """The schedule's jobs that have not ended."""
    return [row[1] for row in await tx.all("schedules.live_jobs", ids=[schedule_id])]


async def unknown_launches(tx: Tx, organization_id: int, wanted: Sequence[Launch]) -> list[Launch]:
    """Those that the organization may not launch, because there are none or they are another's."""
    templates = sorted({each.template_id for each in wanted if each.template_id is not None})
    pipelines = sorted({each.pipeline_id for each in wanted if each.pipeline_id is not None})
    known: set[tuple[int | None, int | None]] = set()
    for row in await tx.all("schedules.owned_templates", ids=templates, organization_id=organization_id):
        known.add((row[0], None))
    for row in await tx.all("schedules.usable_pipelines", ids=pipelines, organization_id=organization_id):
        known.add((None, row[0]))
    return [each for each in wanted if (each.template_id, each.pipeline_id) not in known]


async def drop_queued(tx: Tx, schedule_id: int, reason: str) -> None:
    """What waited for a run to end is recorded as skipped for this reason."""
    await tx.many("schedules.drop_queued", [(schedule_id, reason, tx.now)])


async def delete(tx: Tx, ids: Sequence[int]) -> None:
    """The schedules are gone with what became of their slots; their jobs stay, and keep the number."""
    for part in ("slots", "versions", "launches", "content"):
        await tx.run(f"schedules.delete_{part}", ids=list(ids))
    await tx.run("schedules.delete", ids=list(ids))


async def set_launches(tx: Tx, schedule_id: int, launches: Sequence[Launch]) -> None:
    """The schedule launches exactly these, in this order."""
    await tx.run("schedules.delete_launches", ids=[schedule_id])
    rows = [
        (schedule_id, place, -1 if each.template_id is None else each.template_id,
         -1 if each.pipeline_id is None else each.pipeline_id)
        for place, each in enumerate(launches)
    ]  # fmt: skip
    await tx.many("schedules.insert_launches", rows)


async def launches(tx: Tx, ids: Iterable[int]) -> dict[int, list[Launch]]:
    """What each schedule launches, in order."""
    found: dict[int, list[Launch]] = defaultdict(list)
    for schedule_id, template_id, pipeline_id in await tx.all("schedules.launches", ids=sorted(set(ids))):
        found[schedule_id].append(
            Launch(template_id if template_id >= 0 else None, pipeline_id if pipeline_id >= 0 else None)
        )
    return found


async def templates_of(tx: Tx, ids: Iterable[int]) -> dict[int, list[TemplateVersion]]:
    """What each schedule launches, the templates of its pipelines included, in order."""
    found: dict[int, list[TemplateVersion]] = defaultdict(list)
    for schedule_id, *launchable, _position, _stage in await tx.all("schedules.templates_of", ids=sorted(set(ids))):
        found[schedule_id].append(TemplateVersion(*launchable))
    return found


async def slots(tx: Tx, schedule_id: int, *, before: int, limit: int) -> list[SlotRecord]:
    """What became of the slots before a moment, the latest first."""
    return [SlotRecord(*row) for row in await tx.all("schedules.slots", id=schedule_id, before=before, limit=limit)]


def schedule(row: Row) -> Schedule:
    """The schedule in a row of `lock`, `lock_due` or `by_ids`."""
    return Schedule(
        id=row[0],
        organization_id=row[1],
        name=row[2],
        description=row[3],
        run_mode=RunMode(row[4]),
        is_active=bool(row[5]),
        is_public=bool(row[6]),
        start_at=row[7],
        stop_at=row[8],
        timing=_timing(row[9]),
        rules=_rules(row[10]),
        document=_decode(row[11]),
        source_id=row[12],
        version=row[13],
        anchor=row[14],
        decided=row[15],
        next_at=row[16],
        launched=row[17],
        fired=row[18],
        skipped=row[19],
        created_by=row[20],
        created_at=row[21],
        modified_at=row[22],
    )


def _changing(s: Schedule) -> Row:
    return (
        s.name, s.description, s.run_mode.value, int(s.is_active), int(s.is_public), s.start_at, s.stop_at,
        _encode(s.timing).decode(), _encode(s.rules).decode(), _encode(s.document).decode(), s.source_id,
    )  # fmt: skip
