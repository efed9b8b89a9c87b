"""References: objects that a request only names, such as the source of a target. The caller must be able to read them.

An object of another organization is refused like one that does not exist, so that nobody can find out what others have,
or hold on to it.
"""

from collections.abc import Collection, Iterable, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from enginehouse.domain import ids
from enginehouse.domain.errors import Fault, Problem, excerpt
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.ids import parse_job, parse_number, parse_schedule, parse_task
from enginehouse.operations import bounds, engines
from enginehouse.operations.house import House
from enginehouse.storage import sources, target_assets, templates
from enginehouse.storage.database.database import Tx
from enginehouse.storage.jobs import queries
from enginehouse.storage.schedules import schedules


class ReferenceKind(Enum):
    """What a reference names. A task may be one of a job or one of a template: their ids have the same form."""

    ASSET = auto()
    ENGINE = auto()
    SCHEDULE = auto()  # one of the organization's own: its jobs count as runs of the schedule
    SOURCE = auto()
    TASK = auto()
    TEMPLATE = auto()


class Reference(NamedTuple):
    """An id in a request: its path there, what it names, and its text."""

    path: str
    kind: ReferenceKind
    text: str


async def unknown(house: House, principal: Principal, references: Sequence[Reference]) -> list[Problem]:
    """Returns a problem for each reference to an object that the caller may not read, or that does not exist."""
    if not references:
        return []
    readable = await house.database.read(lambda tx: _readable(tx, house, principal, {r[1:] for r in references}))
    return [not_found(each.path, each.text, _FORMS.get(each.kind)) for each in references if each[1:] not in readable]


async def refuse_unknown(house: House, principal: Principal, references: Sequence[Reference]) -> None:
    """Raises InvalidInput with a problem for each reference that the caller may not read.

    A caller who may change nothing, or only its task, gets no problem: the operation refuses it before any look-up.
    """
    if principal.role.covers(Role.USER) and principal.task is None:
        bounds.refuse(await unknown(house, principal, references))


def not_found(path: str, text: str, form: str | None = None) -> Problem:
    """Returns the problem of an id that names nothing that the caller may read. `form` says what such ids are."""
    return Problem(path, f"{excerpt(text)} was not found.", excerpt(text), form, fault=Fault.UNKNOWN)


# An engine may also have a name of its own.
_FORMS: Final = {
    ReferenceKind.ASSET: ids.ASSET_FORM,
    ReferenceKind.SCHEDULE: ids.NUMBER_OR_UUID_FORM,
    ReferenceKind.SOURCE: ids.NUMBER_FORM,
    ReferenceKind.TASK: ids.TASK_FORM,
    ReferenceKind.TEMPLATE: ids.JOB_FORM,
}


_Named = tuple[ReferenceKind, str]


async def _readable(tx: Tx, house: House, principal: Principal, named: Collection[_Named]) -> set[_Named]:
    readable = set[_Named]()
    for kind in {kind for kind, _ in named}:
        texts = [text for each, text in named if each is kind]
        readable |= {(kind, text) for text in await _texts(tx, house, principal, kind, texts)}
    return readable


async def _texts(
    tx: Tx, house: House, principal: Principal, kind: ReferenceKind, texts: Sequence[str]
) -> Iterable[str]:
    """Returns those of the ids of one kind that the caller may read."""
    owner = principal.organization_id
    match kind:
        case ReferenceKind.ASSET:
            storable = [text for text in texts if bounds.storable(text)]
            return [text for text in storable if await target_assets.asset(tx, owner, text) is not None]
        case ReferenceKind.ENGINE:
            return [text for text in texts if engines.find(house, principal, text) is not None]
        case ReferenceKind.SCHEDULE:
            numbers = _numbers({text: parse_schedule(text) for text in texts})
            found = await schedules.by_ids(tx, owner, numbers.values())
            own = {each.id for each in found.values() if each.organization_id == owner}
            return [text for text, number in numbers.items() if number in own]
        case ReferenceKind.SOURCE:
            numbers = _numbers({text: parse_number(text) for text in texts})
            known = await sources.by_ids(tx, owner, numbers.values())
            return [text for text, number in numbers.items() if number in known]
        case ReferenceKind.TASK:
            return await _tasks(tx, owner, texts)
        case ReferenceKind.TEMPLATE:
            numbers = _numbers({text: parse_job(text) for text in texts})
            readable = await templates.readable(tx, owner, numbers.values())
            return [text for text, number in numbers.items() if number in readable]


async def _tasks(tx: Tx, owner: int, texts: Sequence[str]) -> list[str]:
    keys = {text: key for text in texts if (key := parse_task(text)) is not None}
    numbers = {number for number, _ in keys.values() if 0 < number <= bounds.LARGEST_ID}
    jobs = await queries.by_ids(tx, owner, sorted(numbers))
    known = {(job.id, task.ordinal) for job in jobs.values() for task in job.tasks}
    for template in (await templates.readable(tx, owner, numbers)).values():
        known |= {(template.id, task.ordinal) for task in template.tasks}
    return [text for text, key in keys.items() if key in known]


def _numbers(parsed: dict[str, int | None]) -> dict[str, int]:
    return {text: number for text, number in parsed.items() if number is not None and 0 < number <= bounds.LARGEST_ID}
