"""The REST interface as an ASGI application: it assigns a handler to each operation."""

from collections.abc import Callable
from typing import Final

from enginehouse.api.auth import authenticate, authenticate_worker
from enginehouse.api.edge import (
    additions,
    admin_routes,
    backlog,
    cancel,
    failure_statistics,
    health,
    host_agents,
    identity,
    instance_loop,
    job_statistics,
    jobs,
    outputs,
    push,
    schedules,
    task_statistics,
    task_statuses,
    tasks,
    unserved,
    work_requests,
)
from enginehouse.api.http import openapi
from enginehouse.api.http.call import Handler, OpenHandler
from enginehouse.api.http.interface import ForAnybody, ForCallers, ForWorkers, Interface, Operations
from enginehouse.api.http.json.schema import Schema
from enginehouse.api.http.paths import Paths
from enginehouse.operations.house import House

BASE: Final = "/edge/v1"
# The texts of this interface, by their names.
_FORMATS: Final = {
    r"\w*DateTime|expiration|lastLoggedIn|lastUpdate|datePasswordLastUpdated": "date-time",
    r"\w+JSON|taskOutputSON|runtime": "json",
    r"endpoint|(?!core|correlation|permission|taskParent|taskChild)\w+(ID|Id|IDs|Ids)": "uuid",
}


def description() -> Schema:
    """Returns the OpenAPI document of the operations that are served."""
    rows = [openapi.ServedOperation(*row) for row in (*_SERVED, *_FOR_WORKERS)] + [
        openapi.ServedOperation(*row, True) for row in _OPEN
    ]
    return openapi.document("Enginehouse: the AI Processing REST interface", BASE, rows, _FORMATS)


_SERVED: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("GET", "/proc/job/{JobID}/status", jobs.status),
    ("POST", "/proc/job/create", jobs.create),
    ("GET", "/proc/job/{JobID}/detail", jobs.detail),
    ("POST", "/proc/job/{JobID}/delete", jobs.delete),
    ("POST", "/proc/job/{JobID}/addtask", additions.add_task),
    ("POST", "/proc/job/{JobID}/addtaskroute", additions.add_route),
    ("POST", "/proc/tasks/update_status", task_statuses.update),
    ("POST", "/proc/task/{TaskID}/delete", tasks.delete),
    ("GET", "/proc/job/{JobID}/recheck_status", task_statuses.recheck),
    ("GET", "/proc/job/{JobID}/outputs", outputs.of_job),
    ("GET", "/proc/job/{JobID}/output/{JobOutputName}", outputs.job_output),
    ("GET", "/proc/job/{JobID}/download/{JobOutputName}", outputs.job_download),
    ("GET", "/proc/jobs", jobs.list_jobs),
    ("POST", "/proc/jobs/cancel", cancel.cancel),
    ("GET", "/proc/scheduled_job/{ScheduledJobID}/detail", schedules.detail),
    ("POST", "/proc/scheduled_job/{ScheduledJobID}/delete", schedules.delete),
    ("GET", "/proc/scheduled_jobs", schedules.list_schedules),
    ("GET", "/proc/scheduled_jobs/rate_pending_time_ranges", schedules.rate_pending),
    ("GET", "/proc/scheduled_jobs/total_pending_time_ranges", schedules.total_pending),
    ("POST", "/proc/template/{TemplateID}/launch", schedules.launch),
    ("GET", "/proc/job/{JobID}/workrequests", work_requests.of_job),
    ("GET", "/proc/workrequest/{WorkRequestID}/detail", work_requests.detail),
    ("POST", "/proc/endpoint/{Endpoint}", push.push),
    ("GET", "/proc/tasks", tasks.list_tasks),
    ("GET", "/proc/tasks/errors", tasks.list_errors),
    ("GET", "/proc/tasks/error/count_type_by_engine", failure_statistics.by_type),
    ("GET", "/proc/tasks/error/engine_error_time_ranges", failure_statistics.over_time),
    ("GET", "/proc/tasks/instances/by_category_host", failure_statistics.instances),
    ("GET", "/proc/tasks/stats", task_statistics.by_status),
    ("GET", "/proc/tasks/stats/categories", task_statistics.by_category),
    ("GET", "/proc/tasks/stats/engines", task_statistics.by_engine),
    ("GET", "/proc/tasks/stats/organizations", task_statistics.by_organization),
    ("GET", "/proc/tasks/stats/time_ranges", task_statistics.over_time),
    ("GET", "/proc/tasks/sync_backlog", task_statistics.backlog),
    ("GET", "/proc/jobs/backlog_count_by_engine", job_statistics.read_backlog),
    ("POST", "/proc/jobs/backlog_count_by_engine", job_statistics.backlog),
    ("GET", "/proc/jobs/stats", job_statistics.by_status),
    ("GET", "/proc/jobs/stats/organization", job_statistics.by_organization),
    ("GET", "/proc/jobs/stats/time_ranges", job_statistics.over_time),
    ("GET", "/proc/task/{TaskID}/detail", tasks.detail),
    ("GET", "/proc/task/{TaskID}/logs", tasks.logs),
    ("GET", "/proc/task/{TaskID}/outputs", outputs.of_task),
    ("GET", "/proc/task/{TaskID}/output/{TaskOutputName}", outputs.task_output),
    ("GET", "/proc/task/{TaskID}/download/{TaskOutputName}", outputs.task_download),
    ("GET", "/admin/backlog/summary", backlog.summary),
    ("POST", "/admin/backlog/clear", backlog.clear),
    *admin_routes.SERVED,
)
_FOR_WORKERS: Final[tuple[tuple[str, str, Handler], ...]] = (
    ("POST", "/engine/instance/register", instance_loop.register),
    ("POST", "/engine/instance/{EngineInstanceID}/getwork", instance_loop.get_work),
    ("POST", "/engine/instance/{EngineInstanceID}/updatestatus", instance_loop.update_status),
    ("POST", "/engine/instance/{EngineInstanceID}/terminate", instance_loop.terminate),
    ("GET", "/engine/instance/{EngineInstanceID}/status", instance_loop.status),
    ("GET", "/engine/instance/{EngineInstanceID}/workdetail", instance_loop.work_detail),
    ("POST", "/host/register", host_agents.register_host),
    ("POST", "/host/{HostID}/updatestatus", host_agents.update_host),
    ("POST", "/host/{HostID}/engine/register", host_agents.register_on_host),
    ("POST", "/proxy/{HostID}/register", host_agents.register),
    ("POST", "/proxy/{HostID}/getwork", host_agents.get_work),
    ("POST", "/proxy/{HostID}/update", host_agents.update),
    ("POST", "/proxy/{HostID}/terminate", host_agents.terminate),
)
_OPEN: Final[tuple[tuple[str, str, OpenHandler], ...]] = (
    ("GET", "/ping", health.ping),
    ("GET", "/version", health.version),
    ("GET", "/openapi.json", openapi.publication(description)),
    ("POST", "/admin/users/login", identity.login),
)


def interface(house: Callable[[], House]) -> Interface:
    """Returns the application for everything under `/edge/v1`."""
    return Interface(house, authenticate, base=BASE, operations=operations(), authenticate_worker=authenticate_worker)


def operations() -> Operations:
    """Returns every operation of the public contract, served or refused."""
    paths: Operations = Paths()
    for method, template, handler in _SERVED:
        paths.add(method, template, ForCallers(handler))
    for method, template, handler in _FOR_WORKERS:
        paths.add(method, template, ForWorkers(handler))
    for method, template, open_handler in _OPEN:
        paths.add(method, template, ForAnybody(open_handler))
    for method, template, is_open in unserved.operations():
        refusing = ForAnybody(unserved.refuse) if is_open else ForCallers(unserved.refuse)
        paths.add(method, template, refusing)
    return paths
