"""A graph of a REST body that comes again is not translated again: nobody may notice, and no payload is kept."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enginehouse.api.edge import job_input
from enginehouse.api.edge.graph_cache import KnownGraphs
from enginehouse.api.edge.job_shapes import CreateJob
from enginehouse.api.edge.task_shapes import CreateFolder, CreateTask, TaskRoute
from enginehouse.domain.errors import Problem

FOLDER = st.builds(
    CreateFolder,
    correlation_id=st.sampled_from([None, "", "in", "out"]),
    type=st.sampled_from([None, "input"]),
    options_json=st.sampled_from([None, "", "[1]", "[1.0]", "{"]),
)
TASK = st.builds(
    CreateTask,
    engine_id=st.sampled_from([None, "", "e", "f"]),
    task_payload_json=st.sampled_from([None, None, "", "1", "2", "{"]),
    payload_json=st.sampled_from([None, None, None, "", "1", "{"]),
    io_folders=st.sampled_from([None, []]) | st.lists(FOLDER, max_size=2),
    max_retries=st.sampled_from([None, 0, 1, 2**70]),
    due_date_time=st.sampled_from([None, None, "2026-01-01T00:00:00Z", 1_767_225_600, "soon"]),
    send_output_to_uris=st.sampled_from([None, [], ["https://h"]]),
)
ROUTE = st.builds(TaskRoute, task_parent_id=st.sampled_from([None, "a"]), sync_enabled=st.sampled_from([None, True]))
JOB = st.builds(
    CreateJob,
    tasks=st.none() | st.lists(TASK, max_size=3),
    task_routes=st.sampled_from([None, []]) | st.lists(ROUTE, max_size=2),
    job_status=st.sampled_from([None, "", "queued"]),
    core_id=st.sampled_from([None, "c"]),
)


def translated(body: CreateJob, prefix: str) -> tuple[Any, ...]:
    problems: list[Problem] = []
    request = job_input.job(body, prefix, problems)
    return request.tasks, request.routes, request.status, request.echo, request.prefix, problems


@settings(max_examples=200)
@given(st.lists(JOB, min_size=1, max_size=3), st.data())
def test_every_body_is_translated_as_if_it_were_the_first(bodies: list[CreateJob], data: st.DataObject) -> None:
    alone = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KnownGraphs, "find", lambda self, body: None)
        alone = [translated(body, "jobs[0].") for body in bodies]
    for n in data.draw(st.permutations([*range(len(bodies))] * 2)):
        assert translated(bodies[n], "jobs[0].") == alone[n]


def body(payload: str, engine: str = "e") -> CreateJob:
    return CreateJob(tasks=[CreateTask(engine_id=engine, task_payload_json=payload), CreateTask(engine_id=engine)])


def test_another_payload_is_not_translated_again_and_none_is_kept() -> None:
    translations = list[CreateJob]()

    def translate(bare: CreateJob, prefix: str, problems: list[Problem]) -> Any:
        translations.append(bare)
        return job_input.graph_of(bare, prefix, problems)

    graphs = KnownGraphs(translate)
    found = [graphs.find(body(payload)) for payload in ("secret", "other", "secret")]
    assert len(translations) == 1
    assert None not in found
    (graph, first), (same, other), _ = filter(None, found)
    assert graph is same
    assert [first[0].payload_text, other[0].payload_text, other[1].payload_text] == ["secret", "other", None]
    assert "secret" not in repr(graphs._kept) + repr(translations)


def test_the_graphs_used_last_are_kept() -> None:
    graphs = KnownGraphs(job_input.graph_of)
    first = graphs.find(body("1", "first"))
    assert first is not None
    for n in range(200):
        graphs.find(body("1", f"e{n}"))
        again = graphs.find(body("2", "first"))
        assert again is not None
        assert again[0] is first[0]
    assert len(graphs._kept) == 128
