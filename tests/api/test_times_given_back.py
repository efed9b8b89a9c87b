"""A time that an interface shows finds its object when it is given back as a bound, and no other object.

Stored times have microseconds; interfaces show fewer digits. The tables hold every time filter of the GraphQL schema
and of the REST modules, and a test compares them.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type
from tests.api.clients import Api
from tests.api.samples import BATCH, TEMPLATE

import enginehouse.api
from enginehouse.api.graphql.schema import schema
from enginehouse.domain.times import moment, rest, upper_bound


class Filter(NamedTuple):
    """A filter: where it is declared, where the object's time is shown, and a list between {first} and {last}."""

    names: tuple[str, ...]
    shown: str  # a request, and the path of the time in the response
    path: str
    listed: str
    records: str  # the path of the list in the response


def dates(field: str) -> str:
    return f'dateTimeFilter: [{{field: {field}, fromDateTime: "{{first}}", toDateTime: "{{last}}"}}]'


def in_graphql(name: str, inside: str, field: str, shown: str, records: str) -> Filter:
    """A list of jobs, tasks or schedules with a filter by date."""
    query, path = shown.split(" at ")
    return Filter((name,), query, path, inside.replace("DATES", dates(field)), records)


JOB: Final = '{ job(id: "{job}") { createdDateTime modifiedDateTime } }'
TASK: Final = '{ job(id: "{job}") { tasks { records { createdDateTime modifiedDateTime } } } }'
SCHEDULE: Final = '{ scheduledJob(id: "{schedule}") { createdDateTime modifiedDateTime startDateTime stopDateTime } }'
FILTERS: Final = [
    *(
        in_graphql("Query.jobs", "{ jobs(DATES) { records { id } } }", field, f"{JOB} at data.job.{field}",
                   "data.jobs.records")
        for field in ("createdDateTime", "modifiedDateTime")
    ),
    *(
        in_graphql("ScheduledJob.jobs", '{ scheduledJob(id: "{schedule}") { jobs(DATES) { records { id } } } }', field,
                   f"{JOB} at data.job.{field}", "data.scheduledJob.jobs.records")
        for field in ("createdDateTime", "modifiedDateTime")
    ),
    *(
        in_graphql(name, inside, field, f"{TASK} at data.job.tasks.records.0.{field}", records)
        for name, inside, records in (
            ("TemporalDataObject.tasks", '{ temporalDataObject(id: "{target}") { tasks(DATES) { records { id } } } }',
             "data.temporalDataObject.tasks.records"),
            ("Engine.tasks", f'{{ engine(id: "{BATCH}") {{ tasks(DATES) {{ records {{ id }} }} }} }}',
             "data.engine.tasks.records"),
        )
        for field in ("createdDateTime", "modifiedDateTime")
    ),
    *(
        in_graphql("Query.scheduledJobs", "{ scheduledJobs(DATES) { records { id } } }", field,
                   f"{SCHEDULE} at data.scheduledJob.{shown}", "data.scheduledJobs.records")
        for field, shown in {"dateCreated": "createdDateTime", "dateModified": "modifiedDateTime",
                             "startDateTime": "startDateTime", "stopDateTime": "stopDateTime"}.items()
    ),
    Filter(
        ("Query.auditLog",),
        '{ auditLog(eventType: "createScheduledJob") { records { createdDateTime } } }',
        "data.auditLog.records.0.createdDateTime",
        '{ auditLog(eventType: "createScheduledJob", fromDateTime: "{first}", toDateTime: "{last}")'
        " { records { id } } }",
        "data.auditLog.records",
    ),
    *(
        Filter(
            (f"edge.jobs {first}", f"edge.jobs {last}"),
            "GET /edge/v1/proc/job/{job}/detail",
            f"job.{shown}",
            f"GET /edge/v1/proc/jobs?{first}={{first}}&{last}={{last}}",
            "result",
        )
        for first, last, shown in (
            ("startTime", "endTime", "createdDateTime"),
            ("CreatedAfter", "CreatedBefore", "createdDateTime"),
            ("modifiedAfter", "modifiedBefore", "modifiedDateTime"),
        )
    ),
    Filter(
        ("edge.engines startTime", "edge.engines endTime"),
        f"GET /edge/v1/admin/engine/{BATCH}/detail",
        "result.createdDateTime",
        f"GET /edge/v1/admin/engines?engineIDs={BATCH}&startTime={{first}}&endTime={{last}}",
        "result",
    ),
    *(
        Filter(
            (f"edge.schedules {first}", f"edge.schedules {last}"),
            "GET /edge/v1/proc/scheduled_job/{schedule}/detail",
            f"result.{shown}",
            f"GET /edge/v1/proc/scheduled_jobs?{first}={{first}}&{last}={{last}}",
            "result",
        )
        for first, last, shown in (
            ("startTime", "endTime", "createdDateTime"),
            ("startStartTime", "endStartTime", "startDateTime"),
            ("startStopTime", "endStopTime", "stopDateTime"),
        )
    ),
    Filter(
        ("v1.audit fromDateTime", "v1.audit toDateTime"),
        "GET /api/v1/audit?eventType=createScheduledJob",
        "result.0.dateTime",
        "GET /api/v1/audit?eventType=createScheduledJob&fromDateTime={first}&toDateTime={last}",
        "result",
    ),
]  # fmt: skip
# The range cancels are tested below.
CANCELS: Final = {"Mutation.cancelJobs"}
# Not about when an object was made: positions in media, numbers over time, and the place where a page of slots goes on.
OTHER: Final = {"Query.engineResults", "Engine.taskMetrics", "ScheduledJob.slots", "v1.schedules before"}


@pytest.fixture
async def things(api: Api) -> dict[str, str]:
    """Returns the ids of a schedule, of its job, and of its job's target."""
    times = {"startDateTime": "2031-01-01T00:00:00.123456Z", "stopDateTime": "2032-01-01T00:00:00.654321Z"}
    schedule = await api.schedule(runMode="Recurring", cron="0 0 1 1 *", jobTemplates=[TEMPLATE], **times)
    [job_id] = await api.run(schedule)
    job = (await api.graphql.ask(f'{{ job(id: "{job_id}") {{ targetId }} }}'))["job"]
    return {"schedule": schedule["id"], "job": job_id, "target": job["targetId"]}


async def value(api: Api, request: str, path: str, known: dict[str, str]) -> object:
    for name, text in known.items():
        request = request.replace(f"{{{name}}}", text)
    found = (await api.ask(request)).body
    for step in path.split("."):
        assert found is not None, request
        found = found[int(step)] if step.isdigit() else found[step]
    return found


@pytest.mark.parametrize("row", FILTERS, ids=lambda row: f"{row.names[0]} {row.path}")
async def test_a_time_that_is_shown_finds_its_object(api: Api, things: dict[str, str], row: Filter) -> None:
    shown = await value(api, row.shown, row.path, things)
    first, last = moment(shown), upper_bound(shown)
    assert isinstance(shown, str)
    assert first is not None
    assert last is not None

    async def found(earliest: str, latest: str) -> bool:
        return bool(await value(api, row.listed, row.records, {**things, "first": earliest, "last": latest}))

    assert await found(shown, shown)
    assert not await found(iso(last + 1), iso(last + 1))
    assert not await found(iso(first - 1), iso(first - 1))


def iso(micros: int) -> str:
    seconds, fraction = divmod(micros, 1_000_000)
    return rest(seconds * 1_000_000).replace("Z", f".{fraction:06}Z")


@pytest.mark.parametrize(
    "cancel",
    [
        'mutation {{ cancelJobs(createdAfterDateTime: "{0}", createdBeforeDateTime: "{0}") {{ count }} }}',
        'POST /api/v1/jobs/cancel {{"createdAfterDateTime": "{0}", "createdBeforeDateTime": "{0}"}}',
        (
            'POST /edge/v1/proc/jobs/cancel {{"organizationID": "1", "createdAfterDateTime": "{0}",'
            ' "createdBeforeDateTime": "{0}"}}'
        ),
    ],
)
async def test_a_range_from_a_shown_time_to_itself_cancels_that_job_only(api: Api, cancel: str) -> None:
    shown = list[str]()
    while len(set(shown)) < 3:  # jobs of three milliseconds
        job = await api.edge.create()
        text = await api.edge.detail(job)
        if cancel.startswith("mutation"):
            text = (await api.graphql.ask(f'{{ job(id: "{job}") {{ createdDateTime }} }}'))["job"]
        shown.append(text["createdDateTime"])
    middle = sorted(set(shown))[1]
    assert (await api.ask(cancel.format(middle))).result["count"] == shown.count(middle)


def test_every_time_filter_is_in_the_tables() -> None:
    known = {name for row in FILTERS for name in row.names} | CANCELS | OTHER
    assert {*in_schema(), *in_rest()} == known


def in_schema() -> Iterator[str]:
    for type_ in schema().type_map.values():
        if isinstance(type_, GraphQLObjectType):
            for name, field in type_.fields.items():
                for argument in field.args.values():
                    kind = get_named_type(argument.type)
                    inside = kind.fields if isinstance(kind, GraphQLInputObjectType) else {}
                    times = {"fromDateTime", "toDateTime"} <= inside.keys()
                    if times or kind.name == "DateTime":
                        yield f"{type_.name}.{name}"


def in_rest() -> Iterator[str]:
    """Yields every parameter that is read as a bound."""
    folder = Path(enginehouse.api.__file__ or "").parent
    for module in (*folder.glob("edge/*.py"), *folder.glob("v1/*.py")):
        for node in ast.walk(ast.parse(module.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(attr="earliest" | "latest") | ast.Name(id="_within"), args=args):
                    for each in args:
                        if isinstance(each, ast.Constant) and isinstance(each.value, str):
                            yield f"{module.parent.name}.{module.stem} {each.value}"
