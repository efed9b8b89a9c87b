"""A graph of a GraphQL input that comes again is not translated again: nobody may notice, and no payload is kept."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from enginehouse.api.input import jobs
from enginehouse.api.input.graph_cache import KnownInputs
from enginehouse.domain.planning.shapes import known_graph

VALUE = st.sampled_from([None, 0, 1, 1.0, True, "1", [1], {"a": 1}, 2**70])
FOLDER = st.fixed_dictionaries({"type": st.just("input")}, optional={"referenceId": st.sampled_from(["in", "out"])})
PREFERENCES = st.fixed_dictionaries({}, optional={"priority": VALUE, "maxRetries": st.sampled_from([None, 0, 2])})
TASK = st.fixed_dictionaries(
    {"engineId": st.sampled_from(["e", "f"])},
    optional={
        "payload": VALUE,
        "payloadString": st.sampled_from([None, "", "1"]),
        "ioFolders": st.none() | st.lists(FOLDER, max_size=2),
        "executionPreferences": st.none() | PREFERENCES,
        "standbyTask": st.none() | st.fixed_dictionaries({"engineId": st.just("s"), "payload": VALUE}),
        "notificationUris": st.sampled_from([None, ["https://h"]]),
        "testTask": st.sampled_from([None, True, False]),
    },
)
JOB = st.fixed_dictionaries(
    {},
    optional={
        "tasks": st.none() | st.lists(TASK, max_size=3),
        "routes": st.none() | st.lists(st.fixed_dictionaries({}, optional={"options": VALUE}), max_size=2),
        "retries": st.sampled_from([None, 0, 1]),
        "notificationUris": st.sampled_from([None, [], ["https://j"]]),
        "name": st.sampled_from(["n", "m"]),
    },
)


def translated(fields: Any) -> str:
    """Returns the request in words, which tell 1 from 1.0 and True."""
    request = jobs.job_request(fields)
    if request.graph is not None:
        bare = tuple([structs.replace(task, payload=None, payload_text=None) for task in request.tasks])
        assert repr(request.graph) == repr(known_graph(bare, request.routes))
    return repr(structs.replace(request, graph=None))


@settings(max_examples=200, deadline=None)
@given(st.lists(JOB, min_size=1, max_size=3), st.data())
def test_every_input_is_translated_as_if_it_were_the_first(inputs: list[dict[str, Any]], data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KnownInputs, "find", lambda *_: None)
        alone = [translated(fields) for fields in inputs]
    for n in data.draw(st.permutations([*range(len(inputs))] * 2)):
        assert translated(inputs[n]) == alone[n]


def find(known: KnownInputs, payload: str, engine: str = "e", settings: Any = ()) -> Any:
    """Looks for a graph whose translation is the engine of each task."""
    tasks = [{"engineId": engine, "payload": payload}, {"engineId": engine}]
    return known.find(tasks, (), settings, lambda tasks, _: (tuple([jobs.task_request(task) for task in tasks]), ()))


def test_another_payload_is_the_same_graph_and_none_is_kept() -> None:
    known = KnownInputs()
    found = [find(known, payload) for payload in ("secret", "other", "secret")]
    assert [tasks[0].payload for _, tasks in found] == ["secret", "other", "secret"]
    assert len({id(graph) for graph, _ in found}) == 1
    assert find(known, "secret", settings=1)[0] is not found[0][0]
    assert "secret" not in repr(known._kept)


def test_the_graphs_used_last_are_kept() -> None:
    known = KnownInputs()
    first, _ = find(known, "1", "first")
    for n in range(200):
        find(known, "1", f"e{n}")
        assert find(known, "2", "first")[0] is first
    assert len(known._kept) == 128


def test_a_standby_has_a_payload_of_its_own_and_a_long_graph_is_not_kept() -> None:
    known = KnownInputs()
    standby = {"engineId": "e", "standbyTask": {"engineId": "s", "payload": "secret"}}
    assert known.find([standby], (), (), lambda *_: ((), ())) is None
    assert find(known, "1", "e" * 20_000) is None
    assert not known._kept
