"""What `doctor` thinks of a database: does it keep what it acknowledged, is it ours, does it agree with itself."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from enginehouse.cli.finding import Finding, Verdict
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.times import rest
from enginehouse.storage import inspection
from enginehouse.storage.audit.seals import Verified
from enginehouse.storage.consistency import SlotAudit
from enginehouse.storage.database.database import StorageRefused
from enginehouse.storage.inspection import Inspection

_CLOCKS_APART = 2_000_000  # µs


def findings(data: Path | None, database: str | None) -> Iterator[Finding]:
    """Each thing that was looked at. A database that cannot be read is one finding."""
    if database is None and data is not None and not (data / "enginehouse.db").exists():
        yield Finding("database", Verdict.DOUBTFUL, f"none in {data} yet; the first start of a server makes it.")
        return
    try:
        if database is not None:
            seen = asyncio.run(inspection.postgres(database))
        else:
            seen = inspection.sqlite((data or Path()) / "enginehouse.db")
    except StorageRefused as refused:
        yield Finding("database", Verdict.WRONG, refused.message)
        return
    yield _durability(seen)
    yield _schema(seen)
    yield _clock(seen)
    yield from _statuses(seen)
    yield from _seals(seen)
    if seen.slots is not None:
        yield from _schedules(seen.slots)


def _durability(seen: Inspection) -> Finding:
    told = ", ".join(f"{name}={value}" for name, value in seen.settings.items())
    if not seen.unsafe:
        return Finding("durability", Verdict.FINE, told)
    names = " and ".join(seen.unsafe)
    return Finding("durability", Verdict.WRONG, f"{told}; {names} lets an answered request be lost. Turn it on.")


def _schema(seen: Inspection) -> Finding:
    if seen.schema == seen.known_schema:
        return Finding("schema", Verdict.FINE, f"version {seen.schema}")
    if seen.schema < seen.known_schema:
        text = f"version {seen.schema}; the next start brings it to {seen.known_schema}."
        return Finding("schema", Verdict.DOUBTFUL, text)
    text = f"version {seen.schema}, newer than this program's {seen.known_schema}. Use the newer program."
    return Finding("schema", Verdict.WRONG, text)


def _clock(seen: Inspection) -> Finding:
    seconds = seen.clock_ahead / 1_000_000
    if seen.clock_ahead > _CLOCKS_APART:
        text = f"the storage's is {seconds:.1f} s ahead of this machine's. Set this machine's clock."
        return Finding("clock", Verdict.WRONG, text)
    # An embedded database remembers the last moment it spoke of, which is in the past as it should be.
    return Finding("clock", Verdict.FINE, "the storage's is not ahead of this machine's")


def _statuses(seen: Inspection) -> Iterator[Finding]:
    if not seen.disagreements:
        yield Finding("statuses", Verdict.FINE, f"{seen.jobs} jobs agree with their tasks")
    for wrong in seen.disagreements:
        yield Finding("statuses", Verdict.WRONG, f"job {job_graphql(wrong.job_id)} {wrong.text}")


def _seals(seen: Inspection) -> Iterator[Finding]:
    if seen.sealed is not None:
        verdict = Verdict.FINE if seen.sealed.fault is None else Verdict.WRONG
        yield Finding("audit", verdict, told(seen.sealed))


def told(found: Verified) -> str:
    """What was found of the chain over the audit rows, in a sentence."""
    if found.fault is not None:
        return f"{found.fault.text}; the {found.entries} entries before it are as they were sealed."
    text = f"{found.entries} entries are as they were sealed, {found.unsealed} younger ones are not sealed yet"
    return text if found.since is None else f"{text}; those sealed until {rest(found.since)} were pruned"


def _schedules(seen: SlotAudit) -> Iterator[Finding]:
    for schedule_id, text in seen.wrong:
        yield Finding("schedules", Verdict.WRONG, f"schedule {schedule_id} {text}")
    if seen.overdue:
        text = f"{seen.overdue} of {seen.active} that are to fire are overdue by more than a minute. Is a server up?"
        yield Finding("schedules", Verdict.DOUBTFUL, text)
    elif not seen.wrong:
        following = "" if seen.next_at is None else f", the next at {rest(seen.next_at)}"
        yield Finding("schedules", Verdict.FINE, f"{seen.active} are to fire{following}")
