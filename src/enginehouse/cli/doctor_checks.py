"""The checks of a database: it is durable, has our schema, store and key, its statuses agree, and its seals hold."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

from enginehouse.cli import secret_key
from enginehouse.cli.errors import CommandError
from enginehouse.cli.verdict import Finding, Verdict
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.times import rest
from enginehouse.operations.storage_clock import ClockState
from enginehouse.storage import inspection
from enginehouse.storage.audit import seals
from enginehouse.storage.audit.seals import Verified
from enginehouse.storage.consistency import ScheduleCheck
from enginehouse.storage.database.database import StorageRefused, Tx
from enginehouse.storage.inspection import Inspection
from enginehouse.storage.outbox.check import OutboxCheck

R = TypeVar("R")

_CLOCKS_APART = 2_000_000  # µs


def findings(data: Path | None, database: str | None, key: str | None = None) -> Iterator[Finding]:
    """Yields the finding of each check. A database that cannot be read is one finding. `key`: from the environment."""
    if database is None and data is not None and not (data / "enginehouse.db").exists():
        text = f"there is none in {data} yet; the first start of a server creates it."
        yield Finding("database", Verdict.WARNING, text)
        return
    try:
        if database is not None:
            inspected = asyncio.run(inspection.postgres(database))
        else:
            inspected = inspection.sqlite((data or Path()) / "enginehouse.db")
    except StorageRefused as refusal:
        yield Finding("database", Verdict.WRONG, refusal.message)
        return
    yield _durability(inspected)
    yield _schema(inspected)
    yield _clock(inspected)
    if (
        inspected.schema == inspected.known_schema
        and (found := secret_key.finding(data, key, inspected.key_check)) is not None
    ):
        yield found
    yield from _statuses(inspected)
    yield from _counts(inspected)
    yield from _seals(inspected)
    if inspected.slots is not None:
        yield from _schedules(inspected.slots)
    if inspected.outbox is not None:
        yield from _webhooks(inspected.outbox)


def read_chain(data: Path | None, database: str | None, seal: tuple[int, str] | None) -> Verified:
    """Returns the chain of seals over the audit, which must contain the seal. Raises CommandError."""
    return read(data, database, lambda tx: seals.verify(tx, kept=seal))


def read(data: Path | None, database: str | None, verb: Callable[[Tx], Awaitable[R]]) -> R:
    """Returns what the function reads from the database, in a transaction of its own. Raises CommandError."""
    try:
        if database is not None:
            return asyncio.run(inspection.postgres_read(database, verb))
        if data is not None:
            return inspection.sqlite_read(data / "enginehouse.db", verb)
    except StorageRefused as refusal:
        raise CommandError(refusal.message) from None
    raise CommandError("Name a server's data folder with --data, or a database with --database.", exit_code=2)


def chain_sentence(chain: Verified) -> str:
    """Returns what a person should know about the chain, in a sentence."""
    if chain.fault is not None:
        return f"{chain.fault.text}; the {chain.entries} entries before it are as they were sealed."
    text = f"{chain.entries} entries are as they were sealed, {chain.unsealed} newer entries have no seal yet"
    return (
        text if chain.since is None else f"{text}; the entries that were sealed until {rest(chain.since)} are deleted"
    )


def _durability(inspected: Inspection) -> Finding:
    settings = ", ".join(f"{name}={value}" for name, value in inspected.settings.items())
    if not inspected.unsafe:
        return Finding("durability", Verdict.OK, settings)
    names = " and ".join(inspected.unsafe)
    text = f"{settings}; without {names} the database can lose what it has acknowledged. Turn it on."
    return Finding("durability", Verdict.WRONG, text)


def _schema(inspected: Inspection) -> Finding:
    version, known = inspected.schema, inspected.known_schema
    if version == known:
        return Finding("schema", Verdict.OK, f"version {version}")
    if version < known:
        return Finding("schema", Verdict.WARNING, f"version {version}; the next start migrates it to {known}.")
    text = f"version {version} is newer than this program's {known}. Use the newer program."
    return Finding("schema", Verdict.WRONG, text)


def _clock(inspected: Inspection) -> Finding:
    embedded = "journal_mode" in inspected.settings
    advice = ClockState(embedded, max(0, inspected.clock_ahead), inspected.times_ahead).advice
    if advice is not None:
        return Finding("clock", Verdict.WRONG, advice)
    seconds = inspected.clock_ahead / 1_000_000
    if inspected.clock_ahead > _CLOCKS_APART:
        text = f"the storage clock is {seconds:.1f} s ahead of this machine's clock. Set the clock that is wrong."
        return Finding("clock", Verdict.WRONG, text)
    # An embedded database stores the last moment that it returned. Normally that moment is in the past.
    return Finding("clock", Verdict.OK, "the storage clock is not ahead of this machine's clock")


def _statuses(inspected: Inspection) -> Iterator[Finding]:
    if not inspected.disagreements:
        yield Finding("statuses", Verdict.OK, f"{inspected.jobs} jobs agree with their tasks")
    for one in inspected.disagreements:
        yield Finding("statuses", Verdict.WRONG, f"job {job_graphql(one.job_id)} {one.text}")


def _counts(inspected: Inspection) -> Iterator[Finding]:
    if not inspected.miscounts and inspected.schema == inspected.known_schema:
        yield Finding("counts", Verdict.OK, "the stored numbers of jobs and tasks are those of the rows")
    for text in inspected.miscounts:
        yield Finding("counts", Verdict.WRONG, text)


def _seals(inspected: Inspection) -> Iterator[Finding]:
    if inspected.sealed is not None:
        verdict = Verdict.OK if inspected.sealed.fault is None else Verdict.WRONG
        yield Finding("audit", verdict, chain_sentence(inspected.sealed))


def _schedules(slots: ScheduleCheck) -> Iterator[Finding]:
    for schedule_id, text in slots.wrong:
        yield Finding("schedules", Verdict.WRONG, f"schedule {schedule_id} {text}")
    if slots.overdue:
        text = (
            f"{slots.overdue} of {slots.active} active schedules are overdue by more than a minute. Does a server run?"
        )
        yield Finding("schedules", Verdict.WARNING, text)
    elif not slots.wrong:
        following = "" if slots.next_at is None else f"; the next fires at {rest(slots.next_at)}"
        yield Finding("schedules", Verdict.OK, f"{slots.active} are active{following}")


def _webhooks(outbox: OutboxCheck) -> Iterator[Finding]:
    if outbox.overdue:
        text = f"{outbox.overdue} of {outbox.waiting} waiting messages are overdue. Does a server run?"
        yield Finding("webhooks", Verdict.WARNING, text)
    for each in outbox.failing:
        text = f"{each.destination} of organization {each.organization_id} has failed {each.failures} times in a row."
        yield Finding("webhooks", Verdict.WARNING, f"{text} See: enginehouse webhook list --status pending")
    if not (outbox.overdue or outbox.failing):
        late = f", {outbox.old} of them for more than an hour" if outbox.old else ""
        yield Finding("webhooks", Verdict.OK, f"{outbox.waiting} messages wait{late}")
