"""What follows from a plan: which task waits for which, and which tasks begin at once."""

from tests.domain.requests import folder, job, joined, planned, route, stage, task

from enginehouse.domain.job import RouteRequest
from enginehouse.domain.planning.edges import edges_of, initial
from enginehouse.domain.spelling import REST
from enginehouse.domain.status import TaskStatus


def test_parents_and_children_are_distinct_and_in_order() -> None:
    two_ways = task("transcribe", folder("x"), folder("y"), reference="z")
    request = job(
        stage("a"), two_ways, stage("b"), routes=(route("a-out", "b-in"), route("a-out", "x"), route("a-out", "y"))
    )
    found = edges_of(planned(request).plan)
    assert found.children == ((2, 1), (), ())
    assert found.parents == ((), (0,), (0,))
    assert found.waits_for == (0, 1, 1)
    assert found.feeds == (((1, 2, 0), (1, 1, 0), (1, 1, 1)), (), ())
    assert found.standbys == (None, None, None)


def test_a_standby_waits_but_is_not_waited_for() -> None:
    request = job(stage("a"), stage("b", standby=task("batch")), stage("c"), routes=joined("abc", "ab bc").routes)
    found = edges_of(planned(request).plan)
    assert found.children == ((1, 3), (2,), (), (2,))
    assert found.parents == ((), (0,), (1, 3), (0,))
    assert found.waits_for == (0, 1, 1, 1)
    assert found.standbys == (None, 3, None, None)


def test_tasks_without_a_parent_begin_at_once_and_standbys_never() -> None:
    request = job(stage("a"), stage("b", standby=task("batch")), task("writer"), routes=(route("a-out", "b-in"),))
    begin = initial(planned(request).plan)
    pending = TaskStatus.PENDING
    assert begin.statuses == (pending, pending, pending, TaskStatus.STANDBY_PENDING)
    assert begin.ready == (0, 2)


def test_the_standby_of_a_root_waits_for_its_principal_to_fail() -> None:
    begin = initial(planned(job(task("batch", standby=task("batch")))).plan)
    assert begin.ready == (0,)


def test_a_roots_route_is_no_parent() -> None:
    request = job(stage("a"), routes=(RouteRequest(child_task="a"),), spelling=REST)
    made = planned(request).plan
    assert len(made.routes) == 1
    assert initial(made).ready == (0,)
    assert edges_of(made).waits_for == (0,)
