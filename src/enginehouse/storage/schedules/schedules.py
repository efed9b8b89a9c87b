"""Scheduled jobs in storage: their settings, their cursors, and the records of their slots."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from enginehouse.domain.schedules.schedule import Launch, Schedule, SlotRecord, TemplateVersion
from enginehouse.domain.schedules.timing import Rules, RunMode, Timing
from enginehouse.storage.database.database import Row, Tx
from enginehouse.storage.database.rows import Select

_encode: Final = msgspec.json.Encoder().encode
_timing: Final = msgspec.json.Decoder(Timing).decode
_rules: Final = msgspec.json.Decoder(Rules).decode
_decode: Final = msgspec.json.Decoder().decode


class ScheduleRow(NamedTuple):
    """A stored schedule; timing, rules and document are JSON text."""

    id: int
    organization_id: int
    name: str
    description: str | None
    run_mode: str
    is_active: int
    is_public: int
    start_at: int | None
    stop_at: int | None
    timing: str
    rules: str
    document: str
    source_id: int | None
    version: int
    anchor: int
    decided: int
    next_at: int | None
    launched: int
    fired: int
    skipped: int
    created_by: str | None
    created_at: int
    modified_at: int


class LaunchRow(NamedTuple):
    """One object that a schedule launches, a template or a pipeline; the other id is -1."""

    schedule_id: int
    template_id: int
    pipeline_id: int


class ScheduleContentRow(NamedTuple):
    """A template that a schedule launches, with the engine of a task; `pipeline_id` is -1 if it is launched itself.

    A pipeline without templates, and a template without tasks, has a row with None.
    """

    pipeline_id: int
    template_id: int | None
    engine_id: str | None


class TemplateVersionRow(NamedTuple):
    """A template that a schedule launches, with its sort position."""

    schedule_id: int
    id: int
    version: int
    organization_id: int
    position: int
    stage: int


_LOCK: Final = Select("schedules.lock", ScheduleRow)
_LOCK_DUE: Final = Select("schedules.lock_due", ScheduleRow)
_BY_IDS: Final = Select("schedules.by_ids", ScheduleRow)
_LAUNCHES: Final = Select("schedules.launches", LaunchRow)
_TEMPLATES_OF: Final = Select("schedules.templates_of", TemplateVersionRow)
_CONTENTS: Final = Select("schedules.contents", ScheduleContentRow)
_SLOTS: Final = Select("schedules.slots", SlotRecord)


async def insert(tx: Tx, schedules: Sequence[Schedule]) -> None:
    """Inserts the schedules. `tx.now` is their creation time."""
    rows = [(s.id, s.organization_id, *_changing(s), s.anchor, s.decided, s.next_at, s.created_by, tx.now)
            for s in schedules]  # fmt: skip
    await tx.many("schedules.insert", rows)


async def lock(tx: Tx, organization_id: int, schedule_id: int) -> Schedule | None:
    """Returns the organization's schedule, locked: no other transaction changes or fires it until the commit."""
    row = await _LOCK.one(tx, id=schedule_id, organization_id=organization_id)
    return None if row is None else _schedule(row)


async def lock_due(tx: Tx, ids: Iterable[int], now: int) -> list[Schedule]:
    """Returns those of the schedules that are still due, locked, by id. Skips those that another server holds."""
    return [_schedule(row) for row in await _LOCK_DUE.all(tx, ids=sorted(ids), now=now)]


async def update(tx: Tx, old: Schedule, new: Schedule) -> None:
    """Stores `new` with the next version number; `last_version` returns the old schedule."""
    await tx.many("schedules.keep_version", [(old.id, old.version, _encode(old).decode(), tx.now)])
    await tx.many(
        "schedules.update",
        [(new.id, *_changing(new), new.anchor, new.decided, new.next_at, new.launched, tx.now)],
    )


async def last_version(tx: Tx, schedule_id: int) -> Schedule | None:
    """Returns the schedule before its last change; None if it is not stored."""
    for _version, document in await tx.all("schedules.last_version", id=schedule_id):
        return msgspec.json.decode(document, type=Schedule)
    return None


async def forget_version(tx: Tx, schedule_id: int, version: int) -> None:
    """Deletes the stored copies of this version and of later ones."""
    await tx.run("schedules.forget_version", id=schedule_id, version=version)


async def by_ids(tx: Tx, organization_id: int, ids: Iterable[int]) -> dict[int, Schedule]:
    """Returns those of the schedules that the organization may read."""
    rows = await _BY_IDS.all(tx, ids=sorted(set(ids)), organization_id=organization_id)
    return {row.id: _schedule(row) for row in rows}


async def count(tx: Tx, organization_id: int) -> int:
    """Returns how many schedules the organization has."""
    [(total,)] = await tx.all("schedules.count", organization_id=organization_id)
    return int(total)


async def live_jobs(tx: Tx, ids: Iterable[int]) -> dict[int, list[int]]:
    """Returns the jobs of each schedule that have not ended."""
    jobs: dict[int, list[int]] = defaultdict(list)
    for schedule_id, job_id in await tx.all("schedules.live_jobs", ids=list(ids)):
        jobs[schedule_id].append(job_id)
    return jobs


async def unknown_launches(tx: Tx, organization_id: int, launches: Sequence[Launch]) -> list[Launch]:
    """Returns the launches that the organization may not use: unknown ones and those of other organizations."""
    templates = sorted({each.template_id for each in launches if each.template_id is not None})
    pipelines = sorted({each.pipeline_id for each in launches if each.pipeline_id is not None})
    owned = await tx.all("schedules.owned_templates", ids=templates, organization_id=organization_id)
    usable = await tx.all("schedules.usable_pipelines", ids=pipelines, organization_id=organization_id)
    known = {Launch(template_id=template_id) for (template_id,) in owned}
    known |= {Launch(pipeline_id=pipeline_id) for (pipeline_id,) in usable}
    return [each for each in launches if each not in known]


async def drop_queued(tx: Tx, schedule_id: int, reason: str) -> None:
    """Records the queued slots of the schedule as skipped for this reason."""
    await tx.many("schedules.drop_queued", [(schedule_id, reason, tx.now)])


async def delete(tx: Tx, ids: Sequence[int]) -> None:
    """Deletes the schedules with the records of their slots. Their jobs stay, and keep the schedule's id."""
    for part in ("slots", "versions", "launches", "content"):
        await tx.run(f"schedules.delete_{part}", ids=list(ids))
    await tx.run("schedules.delete", ids=list(ids))


async def set_launches(tx: Tx, schedule_id: int, launches: Sequence[Launch]) -> None:
    """Replaces what the schedule launches, in this order."""
    await tx.run("schedules.delete_launches", ids=[schedule_id])
    rows = [
        (schedule_id, place, -1 if each.template_id is None else each.template_id,
         -1 if each.pipeline_id is None else each.pipeline_id)
        for place, each in enumerate(launches)
    ]  # fmt: skip
    await tx.many("schedules.insert_launches", rows)


async def launches(tx: Tx, ids: Iterable[int]) -> dict[int, list[Launch]]:
    """Returns what each schedule launches, in order."""
    result: dict[int, list[Launch]] = defaultdict(list)
    for row in await _LAUNCHES.all(tx, ids=sorted(set(ids))):
        template_id = row.template_id if row.template_id >= 0 else None
        result[row.schedule_id].append(Launch(template_id, row.pipeline_id if row.pipeline_id >= 0 else None))
    return result


async def contents(tx: Tx, organization_id: int, schedule_id: int) -> list[ScheduleContentRow]:
    """Returns what the organization may read of what the schedule launches, in order."""
    return await _CONTENTS.all(tx, organization_id=organization_id, id=schedule_id)


async def templates_of(tx: Tx, ids: Iterable[int]) -> dict[int, list[TemplateVersion]]:
    """Returns the templates that each schedule launches, including those of its pipelines, in order."""
    result: dict[int, list[TemplateVersion]] = defaultdict(list)
    for row in await _TEMPLATES_OF.all(tx, ids=sorted(set(ids))):
        result[row.schedule_id].append(TemplateVersion(row.id, row.version, row.organization_id))
    return result


async def slots(tx: Tx, schedule_id: int, *, before: int, limit: int) -> list[SlotRecord]:
    """Returns the records of the slots before `before`, the latest first."""
    return await _SLOTS.all(tx, id=schedule_id, before=before, limit=limit)


def _schedule(row: ScheduleRow) -> Schedule:
    decoded = {
        "run_mode": RunMode(row.run_mode),
        "is_active": bool(row.is_active),
        "is_public": bool(row.is_public),
        "timing": _timing(row.timing),
        "rules": _rules(row.rules),
        "document": _decode(row.document),
    }
    return Schedule(**row._asdict() | decoded)


def _changing(s: Schedule) -> Row:
    return (
        s.name, s.description, s.run_mode.value, int(s.is_active), int(s.is_public), s.start_at, s.stop_at,
        _encode(s.timing).decode(), _encode(s.rules).decode(), _encode(s.document).decode(), s.source_id,
    )  # fmt: skip
