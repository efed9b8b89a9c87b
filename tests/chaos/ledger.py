"""Many schedules, and the record of their slots: the expected and the real outcome, and the delay.

The expected slots are computed only from the intervals, without the product's calendar.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg
from tests.acceptance.server import NOOP

from enginehouse.domain.job import TaskRequest
from enginehouse.domain.schedules.firing import ScheduleState, due_at, first_look
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import CatchUp, Overlap, Recurring, Rules, RunMode, Timing, Unit
from enginehouse.domain.templates import JobTemplate, TaskTemplate, TemplateDocument
from enginehouse.domain.times import SECOND
from enginehouse.storage import templates
from enginehouse.storage.database import sequences
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.schedules import schedules

AT_ONCE: Final = 1000
_RECORDS: Final = """SELECT schedule_id, slot, outcome, last_slot, slots,
  CAST(extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000 AS BIGINT) AS committed
FROM schedule_slot ORDER BY schedule_id, slot"""
_JOBS: Final = "SELECT scheduled_job_id, slot_at FROM job WHERE scheduled_job_id IS NOT NULL"
_CURSORS: Final = "SELECT id, decided, fired, skipped FROM scheduled_job"
_OVERDUE: Final = "SELECT COUNT(*) FROM scheduled_job WHERE next_at <= $1"
_NOW: Final = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"


@dataclass(frozen=True, slots=True)
class Spec:
    """A schedule every `seconds`, with the origin of its slots and its start."""

    seconds: int
    rules: Rules
    anchor: int
    decided: int

    def slots(self, last: int) -> range:
        """Returns its slots up to `last`."""
        step = self.seconds * SECOND
        first = self.anchor + ((self.decided - self.anchor) // step + 1) * step
        return range(first, last + 1, step)


def drawn(chance: random.Random, count: int, *, longest: int, now: int) -> list[Spec]:
    """Returns schedules of 1 s to `longest`, most of them slow, with all rules."""
    found = list[Spec]()
    bands = [(low, min(high, longest)) for low, high in ((1, 10), (10, 60), (60, 3600)) if low < longest]
    for _ in range(count):
        low, high = chance.choices(bands, (1, 10, 89)[: len(bands)])[0]
        seconds = round(low * (high / low) ** chance.random())
        rules = Rules(
            overlap=chance.choice(list(Overlap)),
            catch_up=chance.choice(list(CatchUp)),
            most=chance.choice((1, 5, 1000)),
            jitter_seconds=chance.choice((0, 0, 0, max(1, seconds // 2))),
        )
        found.append(Spec(seconds, rules, now - chance.randrange(seconds * SECOND), now))
    return found


async def store(database: Database, organization_id: int, specs: Sequence[Spec]) -> dict[int, Spec]:
    """The schedules exist. Each launches one task that does nothing. Returns them by id."""
    task = TaskTemplate(template_id=0, ordinal=0, request=TaskRequest(engine_id=NOOP))
    wanted = JobTemplate(
        id=0,
        organization_id=organization_id,
        document=TemplateDocument(job_config={"createTDOOnLaunch": False}),
        tasks=(task,),
    )

    async def template(tx: Tx) -> int:
        await tx.read_clock()
        [made] = await templates.add(tx, [wanted])
        return made.id

    template_id = await database.write(template)

    async def some(tx: Tx, part: Sequence[Spec]) -> dict[int, Spec]:
        await tx.read_clock()
        first = await sequences.reserve(tx, "schedule", len(part))
        made = dict(enumerate(part, first))
        await schedules.insert(
            tx, [_schedule(schedule_id, organization_id, spec) for schedule_id, spec in made.items()]
        )
        await tx.many("schedules.insert_launches", [(schedule_id, 0, template_id, -1) for schedule_id in made])
        return made

    found: dict[int, Spec] = {}
    for start in range(0, len(specs), AT_ONCE):
        part = specs[start : start + AT_ONCE]
        found |= await database.write(lambda tx, part=part: some(tx, part))  # type: ignore[misc]
    return found


def _schedule(schedule_id: int, organization_id: int, spec: Spec) -> Schedule:
    timing = Timing(recurring=(Recurring(Unit.SECONDS, spec.seconds),))
    looked = ScheduleState(
        schedule_id=schedule_id, mode=RunMode.RECURRING, timing=timing, rules=spec.rules, anchor=spec.anchor,
        decided=spec.decided,
    )  # fmt: skip
    return Schedule(
        id=schedule_id, organization_id=organization_id, name=f"every {spec.seconds} s", run_mode=RunMode.RECURRING,
        is_active=True, timing=timing, rules=spec.rules, anchor=spec.anchor, decided=spec.decided,
        next_at=first_look(looked),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Books:
    """The result: the number of slots, and the delay (s) and the moment (µs) of those that fired."""

    slots: int
    fired: int
    skipped: int
    queued: int
    late: Sequence[tuple[int, float]]

    def percentile(self, share: float, since: int, until: int) -> float:
        """Returns the delay in seconds that this share of the slots fired in [since, until) does not exceed."""
        late = sorted(seconds for moment, seconds in self.late if since <= moment < until)
        return late[min(len(late) - 1, int(len(late) * share))] if late else float("nan")


async def now(connection: asyncpg.Connection) -> int:
    """Returns the time of the storage's clock."""
    moment: int = await connection.fetchval(_NOW)
    return moment


async def overdue(connection: asyncpg.Connection, moment: int) -> int:
    """Returns the number of schedules that were due by this moment."""
    found: int = await connection.fetchval(_OVERDUE, moment)
    return found


async def audited(connection: asyncpg.Connection, specs: dict[int, Spec]) -> Books:
    """Every slot up to each cursor has one record, every fired one has one job, and there is nothing else.

    Returns the result.
    """
    records: dict[int, list[asyncpg.Record]] = defaultdict(list)
    for record in await connection.fetch(_RECORDS):
        records[record["schedule_id"]].append(record)
    jobs = Counter((row[0], row[1]) for row in await connection.fetch(_JOBS))
    cursors = {row["id"]: row for row in await connection.fetch(_CURSORS)}
    assert cursors.keys() == specs.keys()
    late, outcomes = list[tuple[int, float]](), Counter[str]()
    fired = set[tuple[int, int]]()
    for schedule_id, spec in specs.items():
        told = Counter[int]()
        mine = Counter[str]()
        for record in records[schedule_id]:
            covered = range(record["slot"], record["last_slot"] + 1, spec.seconds * SECOND)
            assert len(covered) == record["slots"], record
            told.update(covered)
            mine[record["outcome"]] += record["slots"]
            if record["outcome"] == "fired":
                fired.add((schedule_id, record["slot"]))
                due = due_at(record["slot"], spec.rules, schedule_id)
                late.append((record["committed"], (record["committed"] - due) / SECOND))
        cursor = cursors[schedule_id]
        assert told == Counter(spec.slots(cursor["decided"])), f"schedule {schedule_id}, {spec}"
        assert (cursor["fired"], cursor["skipped"]) == (mine["fired"], mine["skipped"]), f"schedule {schedule_id}"
        outcomes += mine
    assert jobs == Counter(fired)
    return Books(sum(outcomes.values()), outcomes["fired"], outcomes["skipped"], outcomes["queued"], late)
