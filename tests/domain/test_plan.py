"""A valid request becomes a plan: with joined folders and the right items, from every spelling of a job."""

import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import make
from tests.domain.requests import BY_TASK_TYPE, ENGINES, NOW, folder, job, joined, planned, route, stage, task

from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.job import Folder, FolderMode, FolderType, JobRequest, Route, RouteRequest, TaskRequest
from enginehouse.domain.planning.plan import plan
from enginehouse.domain.spelling import GRAPHQL, REST

OUT = ("chunk", "output")


def edges(request: JobRequest) -> list[tuple[int, int, int, int]]:
    return [(r.parent, r.parent_folder, r.child, r.child_folder) for r in planned(request).plan.routes]


def test_a_route_joins_folders_by_ordinal_and_position() -> None:
    request = joined("abc", "ab ac bc")
    assert edges(request) == [(0, 1, 1, 0), (0, 1, 2, 0), (1, 1, 2, 0)]


def test_what_the_client_said_is_kept() -> None:
    asked = task(
        "transcribe",
        folder("i"),
        payload={"a": [1, None]},
        reference="t",
        name="Task",
        priority=-20,
        max_retries=0,
        max_engines=3,
        parallel=True,
        parents_first=True,
        due_at=NOW + 1,
        timeout_seconds=60,
        echo={"isClone": True},
    )
    made = planned(job(asked, name="Job", echo={"clusterId": "c"})).plan
    (kept,) = made.tasks
    assert (made.name, made.echo, made.legacy) == ("Job", {"clusterId": "c"}, False)
    assert kept.engine_id == "transcribe"
    assert kept.pool == "native"
    assert kept.folders == (Folder("i", FolderMode.CHUNK, FolderType.INPUT),)
    for name in ("payload", "reference", "name", "priority", "max_retries", "max_engines", "parallel"):
        assert getattr(kept, name) == getattr(asked, name)
    for name in ("parents_first", "due_at", "timeout_seconds", "echo"):
        assert getattr(kept, name) == getattr(asked, name)


def test_an_engine_is_known_by_its_task_type_and_stored_by_its_own_id() -> None:
    assert planned(job(task(None, task_type="transcribe"))).plan.tasks[0].engine_id == "transcribe"
    aliased = plan(job(task("alias")), {"alias": ENGINES["batch"]}.get, BY_TASK_TYPE.get, now=NOW)
    assert aliased.plan.tasks[0].engine_id == "batch"


@pytest.mark.parametrize(
    ("engine", "folders", "per_chunk", "gathers"),
    [
        ("transcribe", (folder("i"), folder("o", *OUT)), True, False),
        ("transcribe", (folder("i"), folder("j")), True, False),
        ("transcribe", (folder("i"), folder("j", "stream")), False, False),
        ("transcribe", (folder("i", "stream"),), False, False),
        ("transcribe", (folder("o", *OUT),), False, False),
        ("transcribe", (), False, False),
        ("chunker", (folder("i"),), False, False),
        ("batch", (folder("i"),), False, False),
        ("writer", (folder("i"), folder("j")), False, True),
        ("writer", (), False, True),
    ],
)
def test_a_task_has_an_item_per_chunk_only_when_all_it_reads_are_chunks(
    engine: str, folders: tuple[Any, ...], per_chunk: bool, gathers: bool
) -> None:
    (made,) = planned(job(task(engine, *folders))).plan.tasks
    assert (made.per_chunk, made.gathers) == (per_chunk, gathers)


def test_a_serial_task_has_one_engine_whatever_was_asked() -> None:
    serial = task("chunker", folder("i", "stream"), max_engines=4)
    parallel = task("transcribe", folder("j"), parallel=True, max_engines=4)
    unsaid = task("chunker", folder("k", "stream"))
    assert [t.max_engines for t in planned(job(serial, parallel, unsaid)).plan.tasks] == [1, 4, None]


def test_payload_text_is_read_and_empty_text_is_none() -> None:
    made = planned(job(task("batch", payload_text='{"a": 1}'), task("batch", payload={"b": 2}, payload_text="")))
    assert [t.payload for t in made.plan.tasks] == [{"a": 1}, {"b": 2}]


# -- REST ---------------------------------------------------------------------------------------------------


def test_a_rest_route_may_name_tasks_folders_or_both() -> None:
    ways = (
        RouteRequest(parent_task="a", parent_folder="a-out", child_task="b", child_folder="b-in"),
        RouteRequest(parent_folder="a-out", child_folder="b-in"),
        RouteRequest(parent_task="a", child_task="b"),
        RouteRequest(parent_task="a", parent_folder="", child_folder="b-in"),
    )
    for way in ways:
        assert edges(job(stage("a"), stage("b"), routes=(way,), spelling=REST)) == [(0, 1, 1, 0)]


def test_a_roots_route_has_no_parent() -> None:
    root = task("adapter", folder("o", "stream", "output"), reference="r")
    reader = task("batch", folder("x", "stream"), reference="s")
    asked = (
        RouteRequest(child_task="r"),
        RouteRequest(child_task="s", child_folder="x"),
        RouteRequest(parent_task="", child_task="s"),
    )
    made = planned(job(root, reader, routes=asked, spelling=REST))
    assert [(r.parent, r.parent_folder, r.child, r.child_folder) for r in made.plan.routes] == [
        (-1, -1, 0, -1),
        (-1, -1, 1, 0),
    ]
    assert made.warnings == (
        "taskRoutes[2]: repeats taskRoutes[1] and is left out.",
        'tasks[0].ioFolders[0]: "o" is not used by any route.',
    )


def test_what_a_route_says_besides_its_ends_is_kept() -> None:
    asked = RouteRequest(
        parent_folder="a-out", child_folder="b-in", options={"x": 1}, endpoint=make.ENDPOINT.upper(), sync=True,
        sync_seconds=5, callback=True,
    )  # fmt: skip
    made = planned(job(stage("a"), stage("b"), routes=(asked,)))
    said = Route(0, 1, 1, 0, options={"x": 1}, endpoint=make.ENDPOINT, sync=True, sync_seconds=5, callback=True)
    assert made.plan.routes == (said,)


# -- plain task lists ---------------------------------------------------------------------------------------


def test_an_ingesting_engine_listed_first_feeds_all_the_others() -> None:
    made = planned(job(task("adapter"), task("transcribe"), task("writer"))).plan
    assert made.legacy
    assert [(r.parent, r.parent_folder, r.child, r.child_folder) for r in made.routes] == [(0, 0, 1, 0), (0, 0, 2, 0)]
    assert {f.mode for t in made.tasks for f in t.folders} == {FolderMode.STREAM}
    assert not any(t.per_chunk for t in made.tasks)


def test_another_ingesting_engine_of_a_plain_list_reads_nothing() -> None:
    made = planned(job(task("adapter"), task("adapter"), task("writer"))).plan
    assert [(r.parent, r.child) for r in made.routes] == [(0, 2)]
    assert made.tasks[1].folders == ()


def test_adapters_alone_publish_what_they_read() -> None:
    made = planned(job(task("adapter"), task("adapter"))).plan
    assert made.routes == ()
    assert all(task.folders == () for task in made.tasks)


@pytest.mark.parametrize("engines", [("adapter",), ("transcribe", "adapter"), ("transcribe", "batch")])
def test_any_other_plain_list_is_of_independent_tasks(engines: tuple[str, ...]) -> None:
    made = planned(job(*(task(engine) for engine in engines)))
    assert not made.plan.legacy
    assert made.plan.routes == ()
    assert made.warnings == ()


def test_folders_that_no_route_joins_are_allowed() -> None:
    made = planned(job(task("adapter", folder("o", "stream", "output")), stage("a")))
    assert not made.plan.legacy
    assert len(made.warnings) == 3


# -- standby tasks ------------------------------------------------------------------------------------------


def test_a_standby_follows_the_listed_tasks_and_mirrors_its_principals_routes() -> None:
    spare = task("batch", name="spare")
    made = planned(job(stage("a"), stage("b", standby=spare), stage("c"), routes=joined("abc", "ab bc").routes)).plan
    assert [t.standby_for for t in made.tasks] == [None, None, None, 1]
    assert made.tasks[3].folders == made.tasks[1].folders
    assert [(r.parent, r.child, r.standby) for r in made.routes] == [
        (0, 1, False),
        (1, 2, False),
        (0, 3, True),
        (3, 2, True),
    ]


def test_neighbouring_principals_join_their_standbys_to_each_other() -> None:
    request = job(
        stage("a", standby=task("batch")), stage("b", standby=task("batch")), routes=(route("a-out", "b-in"),)
    )
    made = planned(request).plan
    assert sorted((r.parent, r.child, r.standby) for r in made.routes) == [
        (0, 1, False),
        (0, 3, True),
        (2, 1, True),
        (2, 3, True),
    ]


def test_a_standby_of_a_standby_stands_in_as_well() -> None:
    chain = task("batch", standby=task("batch"))
    made = planned(job(stage("a"), stage("b", standby=chain), routes=(route("a-out", "b-in"),))).plan
    assert [t.standby_for for t in made.tasks] == [None, None, 1, 2]
    assert [(r.parent, r.child) for r in made.routes] == [(0, 1), (0, 2), (0, 3)]


def test_a_standby_with_folders_of_its_own_is_joined_where_they_match() -> None:
    own = task("batch", folder("other-out", *OUT), folder("b-in"), folder("other-in"))
    made = planned(job(stage("a"), stage("b", standby=own), stage("c"), routes=joined("abc", "ab bc").routes)).plan
    mirrored = [(r.parent, r.parent_folder, r.child, r.child_folder) for r in made.routes if r.standby]
    assert mirrored == [(0, 1, 3, 1), (3, 0, 2, 0)]


def test_a_standby_with_the_principals_references_is_joined_by_them() -> None:
    principal = task("batch", folder("one"), folder("two"), standby=task("batch", folder("two"), folder("one")))
    request = job(stage("a"), principal, routes=(route("a-out", "one"),))
    assert edges(request) == [(0, 1, 1, 0), (0, 1, 2, 1)]


def test_a_route_that_names_a_standbys_folder_is_not_mirrored_twice() -> None:
    principal = task("batch", folder("one"), standby=task("batch", folder("other")))
    made = planned(job(stage("a"), principal, routes=(route("a-out", "one"), route("a-out", "other")))).plan
    assert [(r.parent, r.child, r.standby) for r in made.routes] == [(0, 1, False), (0, 2, True)]


def test_a_route_from_a_standbys_own_folder_is_refused() -> None:
    # Only the standby would feed the child, so the child would wait forever if the standby is not needed.
    own = task("batch", folder("in"), folder("spare", type_="output"))
    principal = task("batch", folder("one"), standby=own)
    with pytest.raises(InvalidInput) as refused:
        planned(job(principal, stage("c"), routes=(route("spare", "c-in"),)))
    assert [problem.message for problem in refused.value.problems] == [
        'routes: "spare" belongs to a standby task; list the route from the task that it stands in for.'
    ]


def test_a_route_from_a_standbys_folder_beside_its_principals_is_the_mirrored_one() -> None:
    own = task("batch", folder("b-in"), folder("spare", type_="output"))
    listed = (route("b-out", "c-in"), route("spare", "c-in"))
    made = planned(job(stage("b", standby=own), stage("c"), routes=listed)).plan
    assert [(r.parent, r.child, r.standby) for r in made.routes] == [(0, 1, False), (2, 1, True)]


def test_nothing_is_said_about_a_standbys_unused_folders() -> None:
    made = planned(job(task("batch", folder("x"), standby=task("batch"))))
    assert made.warnings == ('tasks[0].ioFolders[0]: "x" is not used by any route.',)


def test_a_standby_that_lacks_a_folder_is_refused_once() -> None:
    lacking = task("batch", folder("x", "stream"))
    with pytest.raises(InvalidInput) as refused:
        planned(
            job(
                stage("a"),
                stage("b", standby=lacking),
                stage("c"),
                routes=(route("a-out", "b-in"), route("c-out", "b-in")),
            )
        )
    assert refused.value.message == (
        'tasks[1].standbyTask.ioFolders: a chunk input folder is needed, to stand in for "b-in".'
    )


def test_a_standby_of_a_fed_task_is_fed_too() -> None:
    made = planned(job(task("adapter"), task("transcribe", standby=task("batch")))).plan
    assert [(r.parent, r.child, r.standby) for r in made.routes] == [(0, 1, False), (0, 2, True)]


# -- any graph ----------------------------------------------------------------------------------------------


@st.composite
def dags(draw: st.DrawFn) -> tuple[int, set[tuple[int, int]]]:
    """A number of tasks and edges between them, always from an earlier to a later position in a random order."""
    count = draw(st.integers(2, 12))
    order = draw(st.permutations(range(count)))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    drawn = draw(st.sets(pairs.filter(lambda pair: pair[0] < pair[1]), min_size=1, max_size=25))
    return count, {(order[a], order[b]) for a, b in drawn}


def request_of(count: int, pairs: list[tuple[int, int]]) -> JobRequest:
    tasks: list[TaskRequest] = [stage(f"t{n}") for n in range(count)]
    return job(*tasks, routes=tuple(route(f"t{a}-out", f"t{b}-in") for a, b in pairs))


@given(dags())
def test_any_graph_without_a_cycle_is_planned(graph: tuple[int, set[tuple[int, int]]]) -> None:
    count, pairs = graph
    made = planned(request_of(count, sorted(pairs)))
    assert [(r.parent, r.child) for r in made.plan.routes] == sorted(pairs)


@given(dags(), st.data())
def test_any_edge_back_is_refused_and_a_cycle_is_named(
    graph: tuple[int, set[tuple[int, int]]], data: st.DataObject
) -> None:
    count, pairs = graph
    start, end = data.draw(st.sampled_from(sorted(reachable(count, pairs))))
    with_cycle = pairs | {(end, start)}
    with pytest.raises(InvalidInput) as refused:
        planned(request_of(count, sorted(with_cycle)))
    (problem,) = refused.value.problems
    assert problem.path == "routes"
    found = re.fullmatch(r"cycle (.+)\. Routes must form a DAG\.", problem.text)
    assert found
    walk = [int(label[1:]) for label in found[1].split(" → ")]
    assert walk[0] == walk[-1]
    assert len(set(walk)) == len(walk) - 1
    assert all(edge in with_cycle for edge in pairwise(walk))
    assert walk[0] == min(walk)


def reachable(count: int, pairs: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Every pair of tasks where the output of the first reaches the second, in any number of steps."""
    ways = set(pairs)
    for middle in range(count):
        ways |= {(a, b) for a in range(count) for b in range(count) if {(a, middle), (middle, b)} <= ways}
    return ways


def test_a_long_cycle_is_shortened() -> None:
    ring = [(n, (n + 1) % 3000) for n in range(3000)]
    with pytest.raises(InvalidInput, match=r"cycle t0 → t1 .* → … 2990 more … → t0\. Routes must form a DAG\."):
        planned(request_of(3000, ring))


# -- any mistake --------------------------------------------------------------------------------------------

_BROKEN: list[dict[str, Any]] = [
    {"engine_id": "none"},
    {"engine_id": None},
    {"payload_text": "{"},
    {"payload_text": "{}", "payload": 1},
    {"priority": 1 << 31},
    {"max_retries": 101},
    {"max_engines": 2, "parallel": False},
    {"reference": "\0"},
    {"name": " "},
    {"status": "odd"},
    {"folders": (folder("q", "odd"),)},
    {"folders": (folder("q", "chunk", None), folder("q"))},
    {"folders": (folder("same"),)},
    {"reference": "same"},
]


@settings(max_examples=200)
@given(st.lists(st.sampled_from(_BROKEN), min_size=1, max_size=6), st.booleans(), st.booleans())
def test_every_path_exists_in_what_the_caller_sent(broken: list[dict[str, Any]], rest: bool, nested: bool) -> None:
    tasks = [stage("a"), task("batch", folder("same"), reference="same")]
    for fields in broken:
        faulty = TaskRequest(**({"engine_id": "batch"} | fields))
        tasks.append(task("batch", standby=faulty) if nested else faulty)
    routes = (route("a-out", "nowhere"), route("a-in", "same"))
    spelling, prefix = (REST, "jobs[0].") if rest else (GRAPHQL, "")
    request = job(*tasks, routes=routes, spelling=spelling, prefix=prefix)
    with pytest.raises(InvalidInput) as refused:
        planned(request)
    for problem in refused.value.problems:
        assert exists(request, problem.path), problem


def exists(request: JobRequest, path: str) -> bool:
    """True if a path exists in the request as its caller spelled it."""
    spelling = request.spelling
    assert path.startswith(request.prefix)
    place: Any = request
    field_of = {
        getattr(spelling, name): name for name in ("engine", "payload", "payload_text", "priority", "max_retries")
    }
    steps = re.findall(
        r"([A-Za-z]+)(?:\[(\d+)\])?", path.removeprefix(request.prefix).replace(spelling.preferences, "")
    )
    known = {"tasks": "tasks", spelling.routes: "routes", spelling.folders: "folders", "standbyTask": "standby"}
    leaves = {*field_of, "name", "taskType", spelling.max_engines, spelling.task_reference, spelling.task_status}
    leaves |= {spelling.folder_mode, spelling.folder_type, spelling.folder_reference}
    leaves |= {spelling.route_child_folder, spelling.route_parent_folder}
    for name, index in steps:
        if name not in known:
            return name in leaves
        place = getattr(place, known[name])
        if index:
            if int(index) >= len(place):
                return False
            place = place[int(index)]
        if place is None:
            return False
    return True
