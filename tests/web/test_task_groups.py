"""A graph above 300 tasks: a node for the tasks of one engine in one layer, and the list of tasks behind it."""

import pytest
from msgspec import structs
from tests import make
from tests.web.conftest import Place
from tests.web.reader import text
from tests.web.task_jobs import DOWN, Bench

from enginehouse.domain.job import Job, JobRequest, Task, TaskRequest
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.web.task_groups import grouped

NAMES = {engine: engine.upper() for engine in make.ENGINES}


def job(request: JobRequest, **statuses: TaskStatus) -> Job:
    """Returns a job whose tasks with these numbers (`t5`) have these statuses."""
    plan = make.planned(request)
    tasks = [
        Task(
            job_id=1,
            ordinal=n,
            plan=task,
            status=statuses.get(f"t{n}", TaskStatus.PENDING),
            created_at=0,
            modified_at=0,
        )
        for n, task in enumerate(plan.tasks)
    ]
    return Job(
        id=1, organization_id=1, status=JobStatus.RUNNING, plan=plan, tasks=tuple(tasks), created_at=0, modified_at=0
    )


@pytest.mark.parametrize("readers", [1, 30, 300, 1_000])
def test_each_layer_has_one_node_for_each_engine(readers: int) -> None:
    found = grouped(job(make.fan_out(readers), t2=TaskStatus.FAILED), NAMES)
    assert [(group.layer, group.label, group.count) for group in found.groups] == [
        (0, "INGEST", 1), (1, "SPLIT", 1), (2, "READ", readers), (3, "WRITE", 1),
    ]  # fmt: skip
    reader = found.groups[2]
    assert reader.status == "failed"
    assert reader.counts == tuple(pair for pair in (("failed", 1), ("pending", readers - 1)) if pair[1])
    assert len(found.picture.paths) == 3
    assert len({(place.x, place.y) for place in found.picture.places}) == 4


def test_with_too_many_engines_a_layer_is_one_node() -> None:
    made = job(make.independent(301))
    tasks = [
        structs.replace(task, plan=structs.replace(task.plan, engine_id=f"e{task.ordinal}")) for task in made.tasks
    ]
    [group] = grouped(structs.replace(made, tasks=tuple(tasks)), {}).groups
    assert (group.label, group.engine_id, group.count) == ("", "", 301)


async def test_the_tasks_behind_a_node_are_listed_failed_ones_first(place: Place) -> None:
    bench = Bench(place)
    tasks = [TaskRequest(engine_id="noop", max_retries=0)] * 301
    name = await bench.create(structs.replace(make.independent(1), tasks=tuple(tasks)))
    await bench.start()
    await bench.end(await bench.start(), DOWN)
    reader = await place.signed_in()
    assert f"/jobs/{name}/tasks?layer=0&amp;engine=noop" in (await reader.get(f"/jobs/{name}")).text
    listed = await reader.get(f"/jobs/{name}/tasks?layer=0&engine=noop")
    body = listed.text.partition("<tbody>")[2]
    assert body.index('id="task-1"') < body.index('id="task-0"')
    assert "the engine is down" in body
    assert "1–1 of 1" in text(await reader.get(f"/jobs/{name}/tasks?status=failed"))
    assert "No task matches" in text(await reader.get(f"/jobs/{name}/tasks?layer=1"))
    wrong = await reader.get(f"/jobs/{name}/tasks?status=broken")
    assert (wrong.status_code, "pending" in text(wrong)) == (400, True)
