"""A plan that is kept by the shape of its request is the plan that the request would get from the start."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from tests.domain.requests import BY_TASK_TYPE, ENGINES, NOW, folder, job, joined, route, stage, task

from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.errors import InvalidInput, Problem
from enginehouse.domain.job import FolderRequest, JobRequest, TargetRequest, TaskRequest
from enginehouse.domain.planning.plan import Planned, plan
from enginehouse.domain.planning.shapes import PlanShapes, known_graph
from enginehouse.domain.spelling import GRAPHQL, REST

# Few values for each field, so that two requests often have the same shape, or nearly.
TASK = st.builds(
    TaskRequest,
    engine_id=st.sampled_from(["transcribe", "adapter", "batch", "missing", None]),
    task_type=st.sampled_from([None, None, None, "transcribe"]),
    payload=st.sampled_from([None, None, {"a": 1}, {"a": 1.0}, {"a": 2**70}]),
    payload_text=st.sampled_from([None, None, '{"a":1}', '{"b":[true,null]}', "{", "1e999"]),
    reference=st.sampled_from([None, "a", "b", "a\n"]),
    folders=st.sampled_from(
        [
            (),
            (),
            (folder("x", "chunk", "output"),),
            (folder("y"),),
            (folder("y", "stream"),),
            (FolderRequest(reference="y", mode="chunk", type="input", options={"o": 1}),),
        ]
    ),
    priority=st.sampled_from([0, 1, True, 1.0]),
    max_retries=st.sampled_from([None, 1, 101]),
    parents_first=st.booleans(),
    due_at=st.sampled_from([None, None, NOW - 1, NOW + 1]),
    status=st.sampled_from([None, "queued", "odd"]),
    standby=st.sampled_from([None, None, None, task("batch")]),
    echo=st.sampled_from([{}, {"e": 1}, {"sendOutputToUris": ["https://h"]}, {"notificationUris": ["bad"]}]),
)
REQUEST = st.builds(
    JobRequest,
    tasks=st.lists(TASK, min_size=0, max_size=3).map(tuple),
    routes=st.sampled_from([(), (), (route("x", "y"),), (route("x", "y"),) * 2, (route("y", "x"),)]),
    target_id=st.sampled_from([None, "1", "one"]),
    target=st.sampled_from([None, None, TargetRequest(name="t")]),
    status=st.sampled_from([None, "pending", "odd"]),
    name=st.sampled_from([None, "n", "m", "\n"]),
    due_at=st.sampled_from([None, NOW - 1, NOW + 1]),
    spelling=st.sampled_from([GRAPHQL, REST]),
    prefix=st.sampled_from(["", "jobs[0].", "jobs[1]."]),
    echo=st.sampled_from([{}, {"coreID": "c"}, {"notificationUris": ["bad"]}]),
)


def outcome(planner: Any, request: JobRequest, **more: Any) -> Planned | list[Problem]:
    known: dict[str, Any] = {"now": NOW, "uri_fault": lambda uri: "no address." if uri == "bad" else None}
    engines, by_task_type = more.pop("engines", ENGINES), more.pop("by_task_type", BY_TASK_TYPE)
    try:
        found: Planned = planner(request, engines.get, by_task_type.get, **known | more)
    except InvalidInput as refused:
        return list(refused.problems)
    return found


@settings(max_examples=300)
@given(st.lists(REQUEST, min_size=1, max_size=4), st.data())
def test_requests_in_any_order_get_their_own_plans(requests: list[JobRequest], data: st.DataObject) -> None:
    shapes = PlanShapes()
    graphs = [None, *(known_graph(each.tasks, each.routes) for each in requests)]
    for _ in range(3):
        for request in data.draw(st.permutations(requests)):
            text = data.draw(st.sampled_from([None, '{"p":1}', '{"p":2}', "["]))
            tasks = tuple([msgspec.structs.replace(each, payload=None, payload_text=text) for each in request.tasks])
            for made in (request, structs.replace(request, tasks=tasks)):
                graph = data.draw(st.sampled_from(graphs))
                assert outcome(shapes.plan, structs.replace(made, graph=graph)) == outcome(plan, made)


BASE = job(
    stage("a", payload_text='{"n":1}'), stage("b"), task("batch", folder("odd")), routes=(route("a-out", "b-in"),),
    spelling=REST, prefix="jobs[0].", due_at=NOW - 1, echo={"coreID": "c"},
)  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "the same": {},
    "due later": {"due_at": NOW + 1},
    "never due": {"due_at": None},
    "another prefix": {"prefix": "jobs[1]."},
    "another spelling": {"spelling": GRAPHQL},
    "other routes": {"routes": (route("b-out", "a-in"),)},
    "no routes": {"routes": ()},
    "a push": {"routes": (route("a-out", "b-in", endpoint="6f1b2a0c-1a9e-4b57-9d3e-0d6a5c1f2b11"),)},
    "a push that waits": {
        "routes": (route("a-out", "b-in", endpoint="6f1b2a0c-1a9e-4b57-9d3e-0d6a5c1f2b11", sync=True),)
    },
    "a bad push": {"routes": (route("a-out", "b-in", endpoint="nowhere", sync_seconds=9_999),)},
    "another echo": {"echo": {"coreID": "d"}},
    "another name": {"name": "n"},
    "a bad name": {"name": "\n"},
    "a bad status": {"status": "odd"},
    "a bad target": {"target_id": "one"},
    "a target": {"target_id": "1"},
    "both targets": {"target_id": "1", "target": TargetRequest()},
    **{
        f"a task with {fields}": {"tasks": (stage("a", **fields), *BASE.tasks[1:])}
        for fields in (
            {}, {"payload_text": "{"}, {"payload_text": '{"n":2}'}, {"payload": {"n": 3}}, {"payload": {"n": 2**70}},
            {"payload": {"n": 4}, "payload_text": "[4]"}, {"payload_text": "[1e999]"}, {"priority": 1},
            {"priority": True}, {"max_retries": 101}, {"status": "odd"}, {"echo": {"e": 1}}, {"due_at": NOW - 1},
            {"standby": task("batch")}, {"parents_first": True}, {"payload": {"n": 5}, "payload_text": ""},
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_request_that_differs_a_little_gets_its_own_plan(variant: str, first: bool) -> None:
    shapes, other = PlanShapes(), structs.replace(BASE, **VARIANTS[variant])
    graph = known_graph(BASE.tasks, BASE.routes)  # it is named whether or not it is that of the request
    for request in (BASE, other, BASE) if first else (other, BASE, other):
        for named in (None, graph):
            assert outcome(shapes.plan, structs.replace(request, graph=named)) == outcome(plan, request)


@pytest.mark.parametrize("field", ["payload", "payload_text"])
def test_another_payload_has_the_same_shape(field: str) -> None:
    shapes = PlanShapes()
    one, other = (job(stage("a", **{field: f'{{"n":{n}}}'}), stage("b")) for n in (1, 2))
    for request in (one, other, one):
        assert outcome(shapes.plan, request) == outcome(plan, request)
    assert len(shapes) == 1


def test_no_payload_stays_in_memory() -> None:
    shapes = PlanShapes()
    outcome(shapes.plan, job(stage("a", payload={"secret": 1}), stage("b", payload_text="[2]")))
    assert "secret" not in repr(shapes._kept)
    assert "[2]" not in repr(shapes._kept)


def test_nothing_is_planned_again_for_a_known_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes, request = PlanShapes(), joined("abc", "ab bc")
    first = outcome(shapes.plan, request)
    monkeypatch.setattr("enginehouse.domain.planning.shapes.plan", None)
    assert outcome(shapes.plan, joined("abc", "ab bc")) == first


def test_the_jobs_of_one_body_have_one_shape() -> None:
    shapes, request = PlanShapes(), job(task("batch"), task("batch"))
    made = [outcome(shapes.plan, structs.replace(request, prefix=f"jobs[{n}].")) for n in range(3)]
    assert made[0] == made[1]
    assert made[1] is made[2]
    assert len(shapes) == 1


def test_an_engine_that_is_gone_or_new_is_looked_up_each_time() -> None:
    shapes, request = PlanShapes(), job(stage("a"), task("batch"))
    changed = msgspec.structs.replace(ENGINES["batch"], gathers=True)
    for engines in (ENGINES, {"transcribe": ENGINES["transcribe"]}, ENGINES | {"batch": changed}, ENGINES):
        assert outcome(shapes.plan, request, engines=engines) == outcome(plan, request, engines=engines)


def test_an_engine_by_task_type_is_looked_up_each_time() -> None:
    shapes, request = PlanShapes(), job(task(None, task_type="transcribe"))
    by_type: list[dict[str, EngineSpec]] = [BY_TASK_TYPE, {}, {"transcribe": ENGINES["batch"]}]
    for known in by_type:
        expected = outcome(plan, request, by_task_type=known)
        assert outcome(shapes.plan, request, by_task_type=known) == expected


@pytest.mark.parametrize("request_", [
    job(stage("a", due_at=NOW)), job(task("batch", standby=task("batch"))),
    job(stage("a"), echo={"notificationUris": []}),
    job(stage("a", echo={"sendOutputToUris": []})), job(stage("a", echo={"e": "x" * 40_000})),
    job(stage("a", echo={"e": 2**70})),
])  # fmt: skip
def test_a_request_whose_plan_depends_on_more_is_not_kept(request_: JobRequest) -> None:
    shapes = PlanShapes()
    assert outcome(shapes.plan, request_) == outcome(plan, request_)
    assert len(shapes) == 0


def test_each_field_of_a_job_is_in_the_shape_or_looked_at_again() -> None:
    in_shape = {"tasks", "routes", "name", "spelling", "echo"}
    looked_at = {"target_id", "target", "status", "due_at", "prefix", "graph"}
    unread = {"scheduled_job_id"}
    assert {field.name for field in structs.fields(JobRequest)} == in_shape | looked_at | unread


def test_the_shape_of_a_known_graph_is_not_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes, request = PlanShapes(), job(stage("a", payload_text="[1]"), stage("b"))
    graph = known_graph(request.tasks, request.routes)
    for tasks in (graph.tasks, request.tasks):
        named = structs.replace(request, tasks=tasks, graph=graph)
        assert outcome(shapes.plan, named) == outcome(plan, named)
        monkeypatch.setattr("enginehouse.domain.planning.shapes._graph_shape", None)
    assert len(shapes) == 1


def test_the_spelling_is_part_of_the_shape() -> None:
    shapes = PlanShapes()
    for spelling in (REST, GRAPHQL, REST):  # only REST may leave out the reference of a folder
        request = job(task("batch", folder(None)), spelling=spelling)
        assert outcome(shapes.plan, request) == outcome(plan, request)


def test_the_limit_of_tasks_is_part_of_the_shape() -> None:
    shapes, request = PlanShapes(), joined("ab", "ab")
    assert outcome(shapes.plan, request, max_tasks=2) == outcome(plan, request, max_tasks=2)
    assert outcome(shapes.plan, request, max_tasks=1) == outcome(plan, request, max_tasks=1)


def test_the_shapes_used_last_are_kept() -> None:
    shapes = PlanShapes(limit=2)
    for name in ("a", "b", "a", "c", "a"):
        outcome(shapes.plan, job(stage(name)))
    assert len(shapes) == 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("enginehouse.domain.planning.shapes.plan", None)
        assert isinstance(outcome(shapes.plan, job(stage("a"))), Planned)
