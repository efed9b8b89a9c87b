"""The lists of jobs: every combination of filters and orders gives what a search through all jobs gives."""

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, cycle, islice, product
from typing import Any, Final, NamedTuple

import pytest
from tests import make
from tests.storage import recount
from tests.storage.verbs import Verbs
from tests.thorough import THOROUGH

from enginehouse.domain.ids import first_job_id
from enginehouse.domain.job import JobFilter
from enginehouse.domain.planning.edges import engine_set
from enginehouse.domain.status import JobStatus
from enginehouse.storage.bulk_cancels import barriers
from enginehouse.storage.bulk_cancels.barriers import JobRange
from enginehouse.storage.database.database import Database, Tx
from enginehouse.storage.jobs import job_numbers, pages, totals

FIRST: Final = 1_700_000_000_000_000
APART: Final = 1_000
JOBS: Final = 120
TARGETS: Final = (None, 11, 12)
NAMES: Final = (None, "a", "A", "b")
SCHEDULES: Final = (None, 21, 22)
ENGINES: Final = (("noop",), ("ingest",), ("noop", "ingest"))
FAILURES: Final = ((), ("url_error",), ("url_error", "url_error"), ("url_error", "invalid_data"))
LIVE: Final = {JobStatus.PENDING, JobStatus.QUEUED, JobStatus.RUNNING}


class Stored(NamedTuple):
    """The values of a job that the filters read."""

    id: int
    status: JobStatus
    target_id: int | None
    scheduled_job_id: int | None
    name: str | None
    core_id: str | None
    engines: tuple[str, ...]
    created_at: int
    modified_at: int
    failures: tuple[str, ...]
    paused_at: int | None


def jobs() -> list[Stored]:
    """Every value in many combinations; some jobs share the time of their creation or of their last change."""
    dice, other = random.Random(7), random.Random(8)
    made = [
        Stored(
            first_job_id(FIRST + n // 2 * APART) + n % 2,
            dice.choice(list(JobStatus)),
            dice.choice(TARGETS),
            dice.choice(SCHEDULES),
            dice.choice(NAMES),
            dice.choice((None, "p", "q")),
            dice.choice(ENGINES),
            FIRST + n // 2 * APART,
            FIRST + (n // 2 + dice.randrange(40)) * APART,
            (),
            other.choice((None, None, FIRST)),
        )
        for n in range(JOBS)
    ]
    return [
        job if job.status is JobStatus.QUEUED else job._replace(failures=other.choice(FAILURES)[: len(job.engines)])
        for job in made
    ]


FILTERS: Final[dict[str, list[dict[str, Any]]]] = {
    "statuses": [
        {"statuses": (JobStatus.FAILED,)},
        {"statuses": (JobStatus.ABORTED, JobStatus.PENDING, JobStatus.PENDING)},
    ],
    "ids": [{"ids": (first_job_id(FIRST + 5 * APART),)}, {"ids": tuple(job.id for job in jobs()[::3])}],
    "target": [{"target_id": 11}, {"has_target": True}, {"has_target": False}, {"has_target": False, "target_id": 11}],
    "name": [{"name": "a"}, {"name": "c"}],
    "core": [{"core_id": "p"}, {"core_id": "q"}],
    "engines": [{"engine_ids": ("noop",)}, {"engine_ids": ("ingest", "noop", "noop")}, {"engine_ids": ("none",)}],
    "failures": [
        {"failure_reasons": ("invalid_data",)},
        {"failure_reasons": ("url_error", "invalid_data", "url_error")},
        {"failure_reasons": ("other",)},
    ],
    "paused": [{"paused": True}],
    "place": [
        {"above": first_job_id(FIRST + 20 * APART)},
        {"below": first_job_id(FIRST + 50 * APART), "above": first_job_id(FIRST + 3 * APART) + 1},
    ],
    "schedule": [
        {"schedule_ids": (21,)},
        {"schedule_ids": (22, 21, 22)},
        {"has_schedule": True},
        {"has_schedule": False},
    ],
    "created": [
        {"created_from": FIRST + 10 * APART},
        {"created_from": FIRST + 5 * APART, "created_to": FIRST + 40 * APART},
        {"created_from": -5, "created_to": 2**62},
    ],
    "modified": [
        {"modified_from": FIRST + 30 * APART},
        {"modified_from": FIRST + 20 * APART, "modified_to": FIRST + 60 * APART},
    ],
}


def some(database: Database) -> Iterator[dict[str, Any]]:
    """Yields the chosen filters; of them one of three on PostgreSQL, except for `make chaos`."""
    return islice(chosen(), None, None, 1 if THOROUGH or database.dialect == "sqlite" else 3)


def chosen() -> Iterator[dict[str, Any]]:
    """No filter, each filter, each with each other kind, and some with more. `make chaos` takes all pairs."""
    yield {}
    for kind in FILTERS.values():
        yield from kind
    for some, others in combinations(FILTERS.values(), 2):
        number = max(len(some), len(others))
        some_pairs = zip(cycle(some), islice(cycle(others), number), strict=False)
        yield from (one | other for one, other in (product(some, others) if THOROUGH else some_pairs))
    dice = random.Random(3)
    for _ in range(60 if THOROUGH else 20):
        fields: dict[str, Any] = {}
        for name in dice.sample(sorted(FILTERS), dice.randint(3, 6)):
            fields |= dice.choice(FILTERS[name])
        yield fields


def matches(job: Stored, criteria: JobFilter) -> bool:
    def within(value: int, first: int | None, last: int | None) -> bool:
        return (first is None or value >= first) and (last is None or value <= last)

    return (
        (not criteria.statuses or job.status in criteria.statuses)
        and (criteria.ids is None or job.id in criteria.ids)
        and (criteria.target_id is None or job.target_id == criteria.target_id)
        and (criteria.has_target is None or (job.target_id is not None) == criteria.has_target)
        and (criteria.name is None or job.name == criteria.name)
        and (criteria.core_id is None or job.core_id == criteria.core_id)
        and (not criteria.engine_ids or bool(set(job.engines) & set(criteria.engine_ids)))
        and (not criteria.failure_reasons or bool(set(job.failures) & set(criteria.failure_reasons)))
        and (not criteria.paused or (job.paused_at is not None and job.status in LIVE))
        and (criteria.above is None or job.id > criteria.above)
        and (criteria.below is None or job.id < criteria.below)
        and (criteria.schedule_ids is None or job.scheduled_job_id in criteria.schedule_ids)
        and (criteria.has_schedule is None or (job.scheduled_job_id is not None) == criteria.has_schedule)
        and within(job.created_at, criteria.created_from, criteria.created_to)
        and within(job.modified_at, criteria.modified_from, criteria.modified_to)
    )


def expected(stored: list[Stored], criteria: JobFilter) -> list[int]:
    by_change = criteria.order_by == "modified_at"
    rows = [job for job in stored if matches(job, criteria)]
    rows.sort(key=lambda job: (job.modified_at if by_change else job.id, job.id), reverse=criteria.descending)
    return [job.id for job in rows]


@pytest.fixture
async def stored(database: Database, own_statements: None) -> list[Stored]:
    """The jobs of organization 1 are stored, between those of organization 2."""
    await Verbs(database).create(make.new_job(make.independent(1), organization_id=2))
    rows = jobs()

    async def store(tx: Tx) -> None:
        for organization_id, shift in ((1, 0), (2, 500)):
            await tx.many("test.add_job", [
                (job.id + shift, organization_id, job.status, job.target_id, job.scheduled_job_id, job.name,
                 job.core_id, job.created_at, job.modified_at, 0 if job.status is JobStatus.QUEUED else None)
                for job in rows
            ])  # fmt: skip
            await tx.many("test.add_engine_sets", [(job.id + shift, engine_set(job.engines)) for job in rows])
            engines = [(organization_id, engine, job.id + shift) for job in rows for engine in job.engines]
            await tx.many("test.add_engine", engines)
            await tx.many("test.add_task", [
                (job.id + shift, n, engine, job.modified_at)
                for job in rows for n, engine in enumerate(job.engines)
            ])  # fmt: skip
            await tx.many("test.add_states", [
                (job.id + shift, n, "failed", 0, reason) for job in rows for n, reason in enumerate(job.failures)
            ])  # fmt: skip
            await tx.many("test.add_ends", [
                (job.id + shift, 0, None, len(job.failures), 0) for job in rows if job.failures
            ])  # fmt: skip
            await tx.many("test.add_pauses", [(job.id + shift, job.paused_at) for job in rows])
        await recount.store(tx)

    await database.write(store)
    return rows


async def differences(database: Database, stored: list[Stored]) -> list[Any]:
    """The lists and totals that are not those of a search through all jobs."""
    wrong = list[Any]()
    for n, fields in enumerate(some(database)):
        for order_by, descending in (("created_at", True), ("created_at", False), ("modified_at", n % 2 == 0)):
            whole = JobFilter(**fields, order_by=order_by, descending=descending, limit=1_000)
            part = JobFilter(**fields, order_by=order_by, descending=descending, limit=3, offset=4)
            right = expected(stored, whole)
            everywhere = len(expected(stored, replace(whole, above=None, below=None)))

            async def read(tx: Tx, whole: JobFilter = whole, part: JobFilter = part) -> Any:
                kinds = await job_numbers.of(tx, 1, whole)
                return (
                    await pages.page(tx, 1, whole),
                    await pages.page(tx, 1, part),
                    await totals.count(tx, 1, whole),
                    sum(each.jobs for each in kinds),
                    await pages.page_and_count(tx, 1, part),
                )

            found = await database.read(read)
            if found != (right, right[4:7], len(right), len(right), (right[4:7], everywhere)):
                wrong.append((whole, found, right))
    return wrong


async def test_every_filter_and_order_gives_what_a_search_through_all_jobs_gives(
    database: Database, stored: list[Stored]
) -> None:
    assert (await differences(database, stored))[:1] == []


async def test_the_same_where_the_bounds_for_small_lists_are_passed(
    database: Database, stored: list[Stored], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deep pages are read from the other end, wide ranges by a walk, long merged lists are sorted by the database."""
    for name, value in {"DEEP": 3, "FEW": 5, "MERGED": 6, "RARE": 0, "SETS": 0}.items():
        monkeypatch.setattr(pages, name, value)
    assert (await differences(database, stored))[:1] == []
    for offset in range(0, JOBS + 10, 7):
        for order_by in ("created_at", "modified_at"):
            criteria = JobFilter(offset=offset, limit=7, order_by=order_by)
            page = await database.read(lambda tx, criteria=criteria: pages.page(tx, 1, criteria))  # type: ignore[misc]
            assert page == expected(stored, criteria)[offset : offset + 7]


async def test_the_same_while_a_bulk_cancel_is_applied(database: Database, stored: list[Stored]) -> None:
    """Its jobs count as aborted when it was accepted, though their rows do not say so yet."""
    cancelled = JobRange(organization_id=1, created_from=FIRST, created_to=FIRST + 30 * APART)
    await database.write(lambda tx: barriers.accept(tx, cancelled, include_running=False, created_by=None))
    [barrier] = await database.read(barriers.open_ones)
    seen = [
        job._replace(status=JobStatus.ABORTED, modified_at=barrier.accepted_at)
        if job.status is JobStatus.QUEUED and job.created_at <= cancelled.created_to
        else job
        for job in stored
    ]
    assert seen != stored
    assert (await differences(database, seen))[:1] == []
