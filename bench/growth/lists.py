"""The lists of both interfaces: every filter and every sort, at the first and at the thousandth page."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final
from urllib.parse import urlencode

from bench.growth.stored import ENGINES, Stored
from bench.load import Place
from tests.history import AUTHOR, FAILURE, SCHEDULE, TARGET

from enginehouse.domain import times
from enginehouse.domain.ids import job_graphql, job_uuid, task_uuid
from enginehouse.engines.native.noop import Noop

PAGE: Final = 10
DEEP: Final = 999 * PAGE
_COMMON, _RARE = ENGINES
_ORDERS: Final = tuple(product(("createdDateTime", "modifiedDateTime"), ("desc", "asc")))
_PLACES: Final = ((0, ""), (DEEP, ", page 1000"))
_ROW: Final = "records { id status }"
_CATEGORY: Final = Noop.spec.category_id


@dataclass(frozen=True, slots=True)
class Read:
    """A request, by its title; `path` leads to the rows of its response."""

    title: str
    request: bytes
    path: tuple[str, ...]


def lists(one: Stored, place: Place) -> Iterator[Read]:
    """Yields every list, in the same order for every number of stored jobs."""
    yield from _graphql_jobs(one, place)
    yield from _graphql_others(one, place)
    yield from _numbers(one, place)
    for path, filters, orders in (
        ("/api/v1/jobs", rest_jobs(one), _ORDERS),
        ("/edge/v1/proc/tasks", rest_tasks(one), _ORDERS),
    ):
        for (name, query), (field, direction), (offset, where) in product(filters.items(), orders, _PLACES):
            wanted = query | {"orderBy": field, "direction": direction, "limit": PAGE, "offset": offset}
            title = f"REST {path.rpartition('/')[2]}, {name}{_sort(field, direction)}{where}"
            yield Read(title, place.request("GET", f"{path}?{urlencode(wanted)}"), ("result",))


def _sort(field: str, direction: str) -> str:
    by = ", by last change" if field == "modifiedDateTime" else ""
    return by + ("" if direction == "desc" else ", oldest first")


def graphql_jobs(one: Stored) -> dict[str, str]:
    """The filters of GraphQL's `jobs`, each as its arguments."""
    history, waiting = one.ended, one.waiting
    middle = history.count // 2
    first, last = (times.rest(history.at(number)) for number in (middle, middle + 99))
    between = f'fromDateTime: "{first}", toDateTime: "{last}"'
    late = times.rest(waiting.at(waiting.count - 1))
    return {
        "all": "",
        "an id": f'id: "{job_graphql(history.job_id(middle))}"',
        "a name": f'name: "name {middle // 100}"',
        "status failed": "status: [failed]",
        "status pending": "status: [pending]",
        "two statuses": "status: [failed, queued]",
        "cancelled": "status: [cancelled]",
        "a target": f'targetId: "{TARGET + middle // 100}"',
        "with a target": "hasTargetTDO: true",
        "without a target": "hasTargetTDO: false",
        "a schedule": f'scheduledJobIds: ["{SCHEDULE}"]',
        "two schedules": f'scheduledJobIds: ["{SCHEDULE}", "{SCHEDULE + 1}"]',
        "of schedules": "hasScheduledJobId: true",
        "not of schedules": "hasScheduledJobId: false",
        "a rare engine": f'engineIds: ["{_RARE}"]',
        "a common engine": f'engineIds: ["{_COMMON}"]',
        "two engines": f'engineIds: ["{_COMMON}", "{_RARE}"]',
        "an engine category": f'engineCategoryIds: ["{_CATEGORY}"]',
        "a failure": f'failureReasons: ["{FAILURE}"]',
        "paused": "paused: true",
        "created in 5 s": f"dateTimeFilter: [{{field: createdDateTime, {between}}}]",
        "changed in 5 s": f"dateTimeFilter: [{{field: modifiedDateTime, {between}}}]",
        "changed of late": f'dateTimeFilter: [{{field: modifiedDateTime, fromDateTime: "{late}"}}]',
        "an application": 'applicationId: "00000000-0000-4000-8000-000000000000"',
        "applications": 'applicationIds: ["00000000-0000-4000-8000-000000000000"]',
        "an application's status": 'applicationStatus: "none"',
        "a cluster": 'clusterId: "none"',
    }  # fmt: skip


def _graphql_jobs(one: Stored, place: Place) -> Iterator[Read]:
    filters = graphql_jobs(one)
    for (name, arguments), (field, direction), (offset, where) in product(filters.items(), _ORDERS, _PLACES):
        order = f"orderBy: [{{field: {field}, direction: {direction}}}]"
        query = f"{{ jobs({arguments} {order} limit: {PAGE} offset: {offset}) {{ {_ROW} }} }}"
        yield Read(
            f"GraphQL jobs, {name}{_sort(field, direction)}{where}",
            place.graphql(query),
            ("data", "jobs", "records"),
        )


def _graphql_others(one: Stored, place: Place) -> Iterator[Read]:
    """Yields the lists of what jobs work on and leave behind."""
    fields = ("createdDateTime", "modifiedDateTime", "startDateTime", "stopDateTime")
    for field, direction, (offset, where) in product(fields, ("desc", "asc"), _PLACES):
        arguments = f"orderBy: {field} orderDirection: {direction} limit: {PAGE} offset: {offset}"
        title = f"GraphQL targets, {field}{'' if direction == 'desc' else ', oldest first'}{where}"
        query = f"{{ temporalDataObjects({arguments}) {{ records {{ id }} }} }}"
        yield Read(title, place.graphql(query), ("data", "temporalDataObjects", "records"))
    yield from _graphql_nested(one, place)
    for word, (offset, where) in product(("createdDateTime", "modifiedDateTime", "name", "startDateTime"), _PLACES):
        query = (
            f"{{ scheduledJobs(orderBy: [{{field: {word}}}] limit: {PAGE} offset: {offset}) {{ records {{ id }} }} }}"
        )
        yield Read(f"GraphQL schedules, {word}{where}", place.graphql(query), ("data", "scheduledJobs", "records"))
    for word, (offset, where) in product(("createdTime", "runMode", "startTime"), _PLACES):
        wanted = urlencode({"orderBy": word, "limit": PAGE, "offset": offset})
        request = place.request("GET", f"/edge/v1/proc/scheduled_jobs?{wanted}")
        yield Read(f"REST schedules, {word}{where}", request, ("result",))
    job = one.ended.job_id(one.ended.count // 2)
    audits = {"all": "", "a user": f'userName: "{AUTHOR}"', "an object": f'objectId: "{job}"'}
    for (name, arguments), (offset, where) in product(audits.items(), _PLACES):
        query = f"{{ auditLog({arguments} limit: {PAGE} offset: {offset}) {{ records {{ id }} }} }}"
        yield Read(f"GraphQL audit, {name}{where}", place.graphql(query), ("data", "auditLog", "records"))


def _graphql_nested(one: Stored, place: Place) -> Iterator[Read]:
    """Yields the lists inside an engine and a target."""
    target = TARGET + one.ended.count // 200
    for owner, argument, name, filter_ in (
        ("engine", _RARE, "tasks", ""),
        ("engine", _COMMON, "tasks", 'status: ["complete"]'),
        ("engine", _COMMON, "tasks", 'status: ["failed"]'),
        ("temporalDataObject", target, "tasks", ""),
        ("temporalDataObject", target, "jobs", ""),
    ):
        for offset, where in _PLACES:
            page = f"{name}({filter_} limit: {PAGE} offset: {offset}) {{ records {{ id }} }}"
            title = f"GraphQL {name} of {owner} {argument} {filter_}{where}"
            query = f'{{ {owner}(id: "{argument}") {{ {page} }} }}'
            yield Read(title, place.graphql(query), ("data", owner, name, "records"))


def _numbers(one: Stored, place: Place) -> Iterator[Read]:
    """Yields what counts, and the statistics of 5 s. The lists of REST count as well."""
    counts = "name count"
    overview = f"jobs {{ {counts} }} waiting {{ engineId items }} running {{ {counts} }} failures {{ {counts} }}"
    for name, query in {
        "the overview": f"{{ overview {{ {overview} }} }}",
        "engines": f"{{ engineNumbers {{ engineId waiting running failures {{ {counts} }} }} }}",
        "rates of jobs": "{ jobRates { created started } }",
    }.items():
        yield Read(f"numbers, {name}", place.graphql(query), ())
    within = urlencode(rest_jobs(one)["created in 5 s"])
    for name, path in {
        "jobs by status": "jobs/stats",
        "tasks by status": "tasks/stats",
        "tasks by engine": "tasks/stats/engines",
        "errors by engine": "tasks/error/count_type_by_engine",
    }.items():
        yield Read(f"numbers, {name}", place.request("GET", f"/edge/v1/proc/{path}?{within}"), ())


def rest_jobs(one: Stored) -> dict[str, dict[str, object]]:
    """The filters of REST's jobs: the documented ones and ours, which the same list has."""
    history, middle = one.ended, one.ended.count // 2
    first, last = (history.at(number) // times.SECOND for number in (middle, middle + 99))
    return {
        "all": {},
        "an id": {"jobID": job_uuid(history.job_id(middle))},
        "a core id": {"coreJobID": job_uuid(history.job_id(middle))},
        "a core": {"coreID": "00000000-0000-4000-8000-000000000000"},
        "an organization": {"organizationID": 1},
        "a name": {"jobName": f"name {middle // 100}"},
        "status failed": {"status": "failed"},
        "status pending": {"status": "pending"},
        "status aborted": {"status": "aborted"},
        "a target": {"recordingID": TARGET + middle // 100},
        "a schedule": {"scheduledJobID": SCHEDULE},
        "a rare engine": {"engine": _RARE},
        "a common engine": {"engine": _COMMON},
        "a failure": {"failureReason": FAILURE},
        "paused": {"paused": "true"},
        "created in 5 s": {"startTime": first, "endTime": last},
        "created in 5 s (other names)": {"CreatedAfter": first, "CreatedBefore": last},
        "changed in 5 s": {"modifiedAfter": first, "modifiedBefore": last},
    }


def rest_tasks(one: Stored) -> dict[str, dict[str, object]]:
    """The filters of REST's tasks."""
    history, middle = one.ended, one.ended.count // 2
    job = history.job_id(middle)
    jobs = rest_jobs(one)
    kept = (
        "all",
        "an id",
        "a core id",
        "an organization",
        "status failed",
        "status pending",
        "status aborted",
        "a target",
    )
    times_ = ("created in 5 s", "created in 5 s (other names)", "changed in 5 s")
    return {name: jobs[name] for name in (*kept, *times_)} | {
        "a task": {"taskID": task_uuid(job, 0)},
        "a core task": {"coreTaskID": task_uuid(job, 0)},
        "a failure": {"errorType": "bad_data"},
        "a rare engine": {"engineID": _RARE},
        "a common engine": {"engineID": _COMMON},
        "an engine category": {"engineCategoryID": _CATEGORY},
        "a source": {"mediaSourceID": 7},
        "in the backlog": {"backlog": "true"},
        "not in the backlog": {"backlog": "false"},
        "claimable": {"alloc": "true"},
        "not claimable": {"alloc": "false"},
    }
