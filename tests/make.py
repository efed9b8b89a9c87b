"""Builders of the smallest jobs and engines that a test needs, created as the product creates them."""

from collections.abc import Sequence

from msgspec import structs

from enginehouse.domain.engine import PUSH_ADAPTER, EngineKind, EngineMode, EngineSpec
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.job import FolderRequest, Job, JobRequest, Plan, RouteRequest, TaskRequest
from enginehouse.domain.planning.additions import RouteAddition, TaskAddition
from enginehouse.domain.planning.edges import edges_of, initial
from enginehouse.domain.planning.plan import plan, planned_again
from enginehouse.domain.pushes import NewPush
from enginehouse.domain.spelling import REST
from enginehouse.domain.work import NewArtifact
from enginehouse.operations import jobs as operations
from enginehouse.operations.reuse import reusable
from enginehouse.storage.jobs import plans
from enginehouse.storage.jobs.new_jobs import NewJob

NOW = 1_790_000_000_000_000
ORGANIZATION = 1
ENDPOINT = "7a1c9a3e-0000-4000-8000-00000000000a"


def spec(name: str, *, mode: EngineMode = EngineMode.CHUNK, **fields: object) -> EngineSpec:
    """Returns an engine with the name `name` that accepts and produces all media types."""
    known: dict[str, object] = {"kind": EngineKind.NATIVE, "category_id": "test", "inputs": ("*/*",), **fields}
    return EngineSpec(id=name, name=name, mode=mode, **known)  # type: ignore[arg-type]


ENGINES = {
    engine.id: engine
    for engine in (
        spec("noop", mode=EngineMode.BATCH),
        spec("ingest", mode=EngineMode.BATCH, ingests=True),
        spec("split", mode=EngineMode.STREAM),
        spec("read", mode=EngineMode.CHUNK),
        spec("stream", mode=EngineMode.STREAM),
        spec("write", mode=EngineMode.CHUNK, gathers=True),
        spec(PUSH_ADAPTER, mode=EngineMode.CHUNK, ingests=True),
    )
}


def folder(reference: str, mode: str, kind: str) -> FolderRequest:
    return FolderRequest(reference=reference, mode=mode, type=kind)


def route(parent: str, child: str) -> RouteRequest:
    return RouteRequest(parent_folder=parent, child_folder=child)


def chain(count: int, engine: str = "stream", **fields: object) -> JobRequest:
    """Returns a line of tasks. Each reads the output of the one before from a stream folder."""
    tasks = [
        TaskRequest(
            engine_id=engine if n else "ingest",
            folders=tuple(
                ([folder(f"in{n}", "stream", "input")] if n else [])
                + ([folder(f"out{n}", "stream", "output")] if n < count - 1 else [])
            ),
            **fields,  # type: ignore[arg-type]
        )
        for n in range(count)
    ]
    return JobRequest(tasks=tuple(tasks), routes=tuple(route(f"out{n}", f"in{n + 1}") for n in range(count - 1)))


def independent(count: int, **fields: object) -> JobRequest:
    """Returns independent tasks."""
    return JobRequest(tasks=tuple(TaskRequest(engine_id="noop", **fields) for _ in range(count)))  # type: ignore[arg-type]


def fan_out(readers: int = 3, *, gather_first: bool = True, **fields: object) -> JobRequest:
    """Returns an ingest, a splitter into chunks, `readers` in parallel on the chunks, and one writer for everything."""
    tasks = [
        TaskRequest(engine_id="ingest", folders=(folder("raw", "stream", "output"),)),
        TaskRequest(
            engine_id="split", folders=(folder("raw-in", "stream", "input"), folder("chunks", "chunk", "output"))
        ),
    ]
    routes = [route("raw", "raw-in")]
    for n in range(readers):
        tasks.append(
            TaskRequest(
                engine_id="read",
                folders=(folder(f"read{n}", "chunk", "input"), folder(f"said{n}", "chunk", "output")),
                **fields,  # type: ignore[arg-type]
            )
        )
        routes += [route("chunks", f"read{n}"), route(f"said{n}", f"write{n}")]
    tasks.append(
        TaskRequest(
            engine_id="write",
            folders=tuple(folder(f"write{n}", "chunk", "input") for n in range(readers)),
            parents_first=gather_first,
        )
    )
    return JobRequest(tasks=tuple(tasks), routes=tuple(routes))


def standby_chain() -> JobRequest:
    """Returns a task with a standby, and a task that reads its output."""
    first = TaskRequest(
        engine_id="ingest",
        folders=(folder("a", "stream", "output"),),
        standby=TaskRequest(engine_id="ingest"),
    )
    second = TaskRequest(engine_id="stream", folders=(folder("b", "stream", "input"),))
    return JobRequest(tasks=(first, second), routes=(route("a", "b"),))


def pushed(*, adapter: bool = True, endpoint: str = ENDPOINT, callback: bool = False, **route_: object) -> JobRequest:
    """Returns a reader of what is pushed to the endpoint, and a second reader of what the first one puts out.

    The pushes come by a route from an `adapter` before the first reader, or by a root's route.
    """
    tasks = [
        TaskRequest(
            engine_id="read",
            reference="one",
            folders=(folder("in1", "chunk", "input"), folder("out1", "chunk", "output")),
        ),
        TaskRequest(engine_id="read", reference="two", folders=(folder("in2", "chunk", "input"),)),
    ]
    first = RouteRequest(child_folder="in1", endpoint=endpoint, **route_)  # type: ignore[arg-type]
    if adapter:
        tasks.append(TaskRequest(engine_id=PUSH_ADAPTER, folders=(folder("pushed", "chunk", "output"),)))
        first = structs.replace(first, parent_folder="pushed")
    second = RouteRequest(parent_folder="out1", child_folder="in2", callback=callback)
    return JobRequest(tasks=tuple(tasks), routes=(first, second), spelling=REST)


def new_push(
    text: str = "", *, endpoint: str = ENDPOINT, organization_id: int = ORGANIZATION, **fields: object
) -> NewPush:
    """Returns content to push. Its bytes are nowhere."""
    known: dict[str, object] = {"media_type": "text/plain", "size": 1, "sha256": "0" * 64, "key": f"p{text}", **fields}
    return NewPush(organization_id=organization_id, endpoint=endpoint, **known)  # type: ignore[arg-type]


def planned(request: JobRequest) -> Plan:
    return plan(request, ENGINES.get, lambda word: None, now=NOW).plan


def new_job(request: JobRequest, *, organization_id: int = ORGANIZATION, **fields: object) -> NewJob:
    """Returns the job to store for a request, as the create operation builds it."""
    made = planned(request)
    start = initial(made)
    return NewJob(
        organization_id=organization_id,
        plan=made,
        document=plans.encode(made).decode(),
        edges=edges_of(made),
        beginning=start,
        runnable=start.ready,
        total=start.total,
        **fields,  # type: ignore[arg-type]
    )


def retried(old: Job, *, only_failed: bool = True, organization_id: int = ORGANIZATION) -> NewJob:
    """Returns the retry of a job, as the operation stores it."""
    return operations.new_job(
        principal(organization_id),
        planned_again(old.plan),
        target_id=old.target_id,
        due_at=old.due_at,
        retry_of=old,
        reused=reusable(old) if only_failed else None,
    )


def addition(job_id: int, task: TaskRequest | str = "noop", **fields: object) -> TaskAddition:
    """Returns a task to add to the job, as the operation makes it."""
    request = TaskRequest(engine_id=task) if isinstance(task, str) else task
    [made] = planned(JobRequest(tasks=(request,))).tasks
    spec_ = ENGINES[made.engine_id]
    chunked = spec_.mode is EngineMode.CHUNK and not spec_.gathers
    known: dict[str, object] = {"organization_id": ORGANIZATION, "path": "task", "chunked": chunked, **fields}
    return TaskAddition(job_id=job_id, task=made, **known)  # type: ignore[arg-type]


def new_route(job_id: int, parent: str | None, child: str, **fields: object) -> RouteAddition:
    """Returns a route to add to the job, between tasks by their references."""
    asked = RouteRequest(parent_task=parent, child_task=child, **fields)  # type: ignore[arg-type]
    return RouteAddition(organization_id=ORGANIZATION, job_id=job_id, route=asked)


def outputs(folder_number: int, count: int) -> tuple[NewArtifact, ...]:
    """Returns `count` chunks in one output folder."""
    return tuple(
        NewArtifact(
            folder=folder_number,
            part=n,
            index=n,
            name=f"{n}",
            media_type="text/plain",
            size=1,
            sha256="0" * 64,
            key=f"k{n}",
        )
        for n in range(count)
    )


def principal(organization_id: int = ORGANIZATION, role: Role = Role.ADMIN, **fields: object) -> Principal:
    return Principal(organization_id=organization_id, user_id=None, token_id="t", role=role, **fields)  # type: ignore[arg-type]


def ordinals(leases: Sequence[object]) -> list[int]:
    return sorted(lease.key.ordinal for lease in leases)  # type: ignore[attr-defined]
