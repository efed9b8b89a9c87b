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
    """A filter: its declared names, the request and the path that show the time of an object, and the list it filters.

    `listed` has {first} and {last} for the bounds, `records` is the path of its objects.
    """

    names: tuple[str, ...]
    shown: str
    path: str
    listed: str
    records: str


BOUNDS: Final = 'fromDateTime: "{first}", toDateTime: "{last}"'
JOB: Final = (
    '{ job(id: "{job}") { createdDateTime modifiedDateTime tasks { records { createdDateTime modifiedDateTime } } } }'
)
SCHEDULE: Final = '{ scheduledJob(id: "{schedule}") { createdDateTime modifiedDateTime startDateTime stopDateTime } }'
OF_JOB: Final = {"createdDateTime": "data.job.createdDateTime", "modifiedDateTime": "data.job.modifiedDateTime"}
OF_TASK: Final = {
    "createdDateTime": "data.job.tasks.records.0.createdDateTime",
    "modifiedDateTime": "data.job.tasks.records.0.modifiedDateTime",
}
TARGET: Final = '{ temporalDataObject(id: "{target}") { createdDateTime modifiedDateTime startDateTime stopDateTime } }'
OF_TARGET: Final = {
    f"{time}DateTime": f"data.temporalDataObject.{time}DateTime" for time in ("created", "modified", "start", "stop")
}
USERS: Final = "{ me { createdDateTime modifiedDateTime } }"
OF_USER: Final = {f"{time}DateTime": f"data.me.{time}DateTime" for time in ("created", "modified")}
OF_SCHEDULE: Final = {
    "dateCreated": "data.scheduledJob.createdDateTime",
    "dateModified": "data.scheduledJob.modifiedDateTime",
    "startDateTime": "data.scheduledJob.startDateTime",
    "stopDateTime": "data.scheduledJob.stopDateTime",
}


def in_graphql(name: str, parent: str, shown: str, paths: dict[str, str]) -> list[Filter]:
    """Returns the filters by date of the list `name`, in a field of the root (`parent`) or in the root itself."""
    field = name.partition(".")[2]
    opened, closed = (f"{parent} {{ ", " }") if parent else ("", "")
    records = ".".join(filter(None, ("data", parent.partition("(")[0], field, "records")))
    return [
        Filter(
            (name,), shown, path,
            f"{{ {opened}{field}(dateTimeFilter: [{{field: {by}, {BOUNDS}}}]) {{ records {{ id }} }}{closed} }}",
            records,
        )
        for by, path in paths.items()
    ]  # fmt: skip


def in_rest(module: str, shown: str, path: str, listed: str, first: str, last: str) -> Filter:
    """Returns the filter of two parameters. `shown` and `listed` are addresses to GET."""
    mark = "&" if "?" in listed else "?"
    names = (f"{module} {first}", f"{module} {last}")
    return Filter(names, f"GET {shown}", path, f"GET {listed}{mark}{first}={{first}}&{last}={{last}}", "result")


A_JOB: Final = "/edge/v1/proc/job/{job}/detail"
A_SCHEDULE: Final = "/edge/v1/proc/scheduled_job/{schedule}/detail"
JOBS: Final = "/edge/v1/proc/jobs"
TASKS: Final = "/edge/v1/proc/tasks"
SCHEDULES: Final = "/edge/v1/proc/scheduled_jobs"
AN_ENGINE: Final = f"/edge/v1/admin/engine/{BATCH}/detail"
ENGINES: Final = f"/edge/v1/admin/engines?engineIDs={BATCH}"
AUDIT: Final = "/api/v1/audit?eventType=createScheduledJob"
FILTERS: Final = [
    *in_graphql("Query.jobs", "", JOB, OF_JOB),
    *in_graphql("ScheduledJob.jobs", 'scheduledJob(id: "{schedule}")', JOB, OF_JOB),
    *in_graphql("Query.temporalDataObjects", "", TARGET, OF_TARGET),
    *in_graphql("Query.users", "", USERS, OF_USER),
    *in_graphql("TemporalDataObject.tasks", 'temporalDataObject(id: "{target}")', JOB, OF_TASK),
    *in_graphql("Engine.tasks", f'engine(id: "{BATCH}")', JOB, OF_TASK),
    *in_graphql("Query.scheduledJobs", "", SCHEDULE, OF_SCHEDULE),
    Filter(
        ("Query.auditLog",),
        '{ auditLog(eventType: "createScheduledJob") { records { createdDateTime } } }',
        "data.auditLog.records.0.createdDateTime",
        f'{{ auditLog(eventType: "createScheduledJob", {BOUNDS}) {{ records {{ id }} }} }}',
        "data.auditLog.records",
    ),
    in_rest("edge.jobs", A_JOB, "job.createdDateTime", JOBS, "startTime", "endTime"),
    in_rest("edge.jobs", A_JOB, "job.createdDateTime", JOBS, "CreatedAfter", "CreatedBefore"),
    in_rest("edge.jobs", A_JOB, "job.modifiedDateTime", JOBS, "modifiedAfter", "modifiedBefore"),
    in_rest("edge.task_query", A_JOB, "job.tasks.0.createdDateTime", TASKS, "startTime", "endTime"),
    in_rest("edge.task_query", A_JOB, "job.tasks.0.createdDateTime", TASKS, "CreatedAfter", "CreatedBefore"),
    in_rest("edge.task_query", A_JOB, "job.tasks.0.modifiedDateTime", TASKS, "modifiedAfter", "modifiedBefore"),
    in_rest("edge.engines", AN_ENGINE, "result.createdDateTime", ENGINES, "startTime", "endTime"),
    in_rest("edge.schedules", A_SCHEDULE, "result.createdDateTime", SCHEDULES, "startTime", "endTime"),
    in_rest("edge.schedules", A_SCHEDULE, "result.startDateTime", SCHEDULES, "startStartTime", "endStartTime"),
    in_rest("edge.schedules", A_SCHEDULE, "result.stopDateTime", SCHEDULES, "startStopTime", "endStopTime"),
    in_rest("v1.audit", AUDIT, "result.0.dateTime", AUDIT, "fromDateTime", "toDateTime"),
]
# The range cancels are tested below.
CANCELS: Final = {"Mutation.cancelJobs"}
# Not about when an object was made: positions in media, numbers over time, the place where a page of slots goes on, the
# jobs that a change applies to, and workers, whose times change with each heartbeat.
OTHER: Final = {
    "Query.engineResults", "Query.jobRates", "v1.overview sinceDateTime", "Engine.taskMetrics",
    "ScheduledJob.slots", "v1.schedules before",
    "edge.statistic_query startTime", "edge.statistic_query endTime",
    *(f"edge.backlog {name}" for name in ("CreatedAfter", "CreatedBefore", "modifiedAfter", "modifiedBefore")),
    *(f"edge.engine_instances {name}" for name in ("CreatedAfter", "CreatedBefore", "modifiedAfter", "modifiedBefore")),
    "edge.engine_instances launchStartTime", "edge.engine_instances launchEndTime",
    "edge.hosts startCreatedTime", "edge.hosts endCreatedTime",
    "edge.hosts startLastUpdateTime", "edge.hosts endLastUpdateTime",
}  # fmt: skip


@pytest.fixture
async def things(api: Api) -> dict[str, str]:
    """Returns the ids of a schedule, of its job, and of its job's target."""
    times = {"startDateTime": "2031-01-01T00:00:00.123456Z", "stopDateTime": "2032-01-01T00:00:00.654321Z"}
    schedule = await api.schedule(runMode="Recurring", cron="0 0 1 1 *", jobTemplates=[TEMPLATE], **times)
    [job_id] = await api.run(schedule)
    job = (await api.graphql.ask(f'{{ job(id: "{job_id}") {{ targetId }} }}'))["job"]
    return {"schedule": schedule["id"], "job": job_id, "target": job["targetId"]}


async def value(api: Api, request: str, path: str, known: dict[str, str]) -> object:
    """Returns what the response has at the path."""
    for name, text in known.items():
        request = request.replace(f"{{{name}}}", text)
    inside = (await api.ask(request)).body
    for step in path.split("."):
        assert inside is not None, request
        inside = inside[int(step)] if step.isdigit() else inside[step]
    return inside


async def test_a_time_that_is_shown_finds_its_object(api: Api, things: dict[str, str]) -> None:
    wrong = list[str]()
    for row in FILTERS:
        shown = await value(api, row.shown, row.path, things)
        first, last = moment(shown), upper_bound(shown)
        assert isinstance(shown, str), row
        assert first is not None, row
        assert last is not None, row
        for bound, is_found in ((shown, True), (iso(last + 1), False), (iso(first - 1), False)):
            records = await value(api, row.listed, row.records, {**things, "first": bound, "last": bound})
            if bool(records) is not is_found:
                wrong.append(f"{row.names[0]} {row.path} from {bound} to {bound}: {records}, shown {shown}")
    assert not wrong, "\n".join(wrong)


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
    assert {*arguments(), *parameters()} == known


def arguments() -> Iterator[str]:
    for type_ in schema().type_map.values():
        if isinstance(type_, GraphQLObjectType):
            for name, field in type_.fields.items():
                for argument in field.args.values():
                    kind = get_named_type(argument.type)
                    inside = kind.fields if isinstance(kind, GraphQLInputObjectType) else {}
                    times = {"fromDateTime", "toDateTime"} <= inside.keys()
                    if times or kind.name == "DateTime":
                        yield f"{type_.name}.{name}"


def parameters() -> Iterator[str]:
    """Yields every parameter that is read as a bound."""
    folder = Path(enginehouse.api.__file__ or "").parent
    for module in (*folder.glob("edge/*.py"), *folder.glob("v1/*.py")):
        for node in ast.walk(ast.parse(module.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(attr="earliest" | "latest") | ast.Name(id="_within"), args=args):
                    for each in args:
                        if isinstance(each, ast.Constant) and isinstance(each.value, str):
                            yield f"{module.parent.name}.{module.stem} {each.value}"
