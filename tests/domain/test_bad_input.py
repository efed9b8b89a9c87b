"""Each fault of a request is one sentence, at a path that exists in the caller's request."""

from typing import Any

import pytest
from msgspec import structs
from tests.domain.requests import NOW, folder, job, joined, planned, route, stage, task

from enginehouse.domain.errors import InvalidInput
from enginehouse.domain.job import JobRequest, TargetRequest, TaskRequest
from enginehouse.domain.planning.plan import plan
from enginehouse.domain.spelling import GRAPHQL, REST

PAST = 1_577_836_800_000_000  # 2020-01-01
OUT = ("chunk", "output")
NO_ENGINE = "does not exist or is not available to your organization."


def refusal(request: JobRequest, **more: Any) -> list[str]:
    with pytest.raises(InvalidInput) as refused:
        planned(request, **more)
    return [problem.message for problem in refused.value.problems]


def linked(*tasks: TaskRequest, **more: Any) -> JobRequest:
    """Two stages with a route between them, and further tasks with no other fault than the tested one."""
    return job(stage("x"), stage("y"), *tasks, routes=(route("x-out", "y-in"),), **more)


SAME_IN_BOTH: list[tuple[str, JobRequest, str]] = [
    ("B1", job(), "tasks: at least 1 task is required."),
    ("B6", joined("a", "aa"), '{routes}[0]: task "a" feeds itself.'),
    ("B5", joined("abc", "ab bc ca"), "{routes}: cycle a → b → c → a. Routes must form a DAG."),
    ("B7", linked(task("abc")), f'tasks[2].engineId: engine "abc" {NO_ENGINE}'),
    ("B7", linked(task(None, task_type="abc")), f'tasks[2].taskType: task type "abc" {NO_ENGINE}'),
    ("B9", linked(task(None)), "tasks[2]: give engineId or taskType."),
    ("B9", linked(task("", task_type="")), "tasks[2]: give engineId or taskType."),
    ("B9", linked(task("batch", task_type="transcribe")), "tasks[2]: give engineId or taskType, not both."),
    ("B4", linked(task(payload={"a": "x" * 5_242_868})), "tasks[2].{payload}: 5.0 MiB, at most 1 MiB."),
    ("B4", linked(task(payload_text='"' + "x" * 5_242_878 + '"')), "tasks[2].{payload_text}: 5.0 MiB, at most 1 MiB."),
    ("B4", linked(task(payload="x" * 1_048_575)), "tasks[2].{payload}: 1048577 bytes, at most 1 MiB."),
    ("B4", linked(task(payload_text='"' + "é" * 600_000 + '"')), "tasks[2].{payload_text}: 1.1 MiB, at most 1 MiB."),
    (
        "B11",
        linked(task(payload_text='{"url": "a.wav" "b": 1}')),
        "tasks[2].{payload_text}: not valid JSON at line 1 column 17 (expected a comma).",
    ),
    (
        "B11",
        linked(task(payload_text='{\n  "a": nope}')),
        "tasks[2].{payload_text}: not valid JSON at line 2 column 8 (expected a value).",
    ),
    (
        "B11",
        linked(task(payload_text='{"a": NaN}')),
        "tasks[2].{payload_text}: not valid JSON (NaN is not JSON).",
    ),
    (
        "B11",
        linked(task(payload_text='"\\ud800"')),
        "tasks[2].{payload_text}: not valid JSON (a number or a character that JSON cannot hold).",
    ),
    ("B64", linked(task(payload_text="[" * 100_000)), "tasks[2].{payload_text}: JSON nested too deeply."),
    (
        "B12",
        job(stage("a"), stage("chunk"), routes=(route("a-out", "chunk-im"),)),
        '{routes}[0].{route_child_folder}: "chunk-im" matches no ioFolder. Did you mean "chunk-in"?',
    ),
    (
        "B12",
        job(stage("a"), stage("b"), routes=(route("nowhere to be found", "b-in"),)),
        '{routes}[0].{route_parent_folder}: "nowhere to be found" matches no ioFolder.',
    ),
    (
        "B13",
        job(stage("a"), stage("b"), routes=(route("a-in", "b-in"),)),
        '{routes}[0]: parent folder "a-in" has type input; a route goes from an output to an input.',
    ),
    (
        "B13",
        job(stage("a"), stage("b"), routes=(route("a-out", "b-out"),)),
        '{routes}[0]: child folder "b-out" has type output; a route goes from an output to an input.',
    ),
    (
        "B14",
        job(task("adapter", folder("wsa-out", "stream", "output")), stage("ai"), routes=(route("wsa-out", "ai-in"),)),
        '{routes}[0]: "wsa-out" is stream but "ai-in" is chunk.',
    ),
    (
        "B16",
        linked(task("batch", folder("x-out"), folder("z"))),
        'tasks[2].ioFolders[0].{folder_reference}: "x-out" already used by tasks[0].ioFolders[1].',
    ),
    (
        "B16",
        linked(task("batch", folder("z"), folder("z", *OUT))),
        'tasks[2].ioFolders[1].{folder_reference}: "z" already used by tasks[2].ioFolders[0].',
    ),
    ("B17", linked(task("batch", reference="x")), "tasks[2].{task_reference}: duplicate of tasks[0]."),
    ("B21", linked(target=TargetRequest(), target_id="1"), "Give {target} or {target_id}, not both."),
    ("B62", linked(target_id="12a"), "{target_id}: malformed."),
    ("B62", linked(target_id="9223372036854775808"), "{target_id}: malformed."),
    ("B23", linked(status="running"), '{status}: one of pending, queued, scheduled, got "running".'),
    ("B23", linked(task(status="done")), 'tasks[2].{task_status}: one of pending, queued, scheduled, got "done".'),
    (
        "B25",
        linked(task(priority=3_000_000_000)),
        "tasks[2].{preferences}priority: integer from -2147483648 to 2147483647, got 3000000000.",
    ),
    (
        "B25",
        linked(task(priority=1.5)),
        "tasks[2].{preferences}priority: integer from -2147483648 to 2147483647, got 1.5.",
    ),
    (
        "B25",
        linked(task(priority=True)),
        "tasks[2].{preferences}priority: integer from -2147483648 to 2147483647, got true.",
    ),
    (
        "B25",
        linked(task(priority="high")),
        'tasks[2].{preferences}priority: integer from -2147483648 to 2147483647, got "high".',
    ),
    ("B26", linked(task(max_retries=-1)), "tasks[2].{preferences}maxRetries: 0–100, got -1."),
    ("B26", linked(task(max_retries=1_000_000)), "tasks[2].{preferences}maxRetries: 0–100, got 1000000."),
    (
        "B26",
        linked(task(max_retries=10**5000)),
        "tasks[2].{preferences}maxRetries: 0–100, got a number too large to show.",
    ),
    ("B68", linked(task(max_engines=0)), "tasks[2].{preferences}maxEngines: integer ≥ 1, got 0."),
    (
        "B68",
        linked(task(max_engines=4, parallel=False)),
        "tasks[2].{preferences}maxEngines: maxEngines must be 1 when parallelProcessing is false.",
    ),
    ("B61", linked(name="abc\0"), "name: character U+0000 at position 4 is not allowed."),
    ("B61", linked(task(name="a\ud800")), "tasks[2].name: character U+D800 at position 2 is not allowed."),
    ("B61", linked(task(name="   ")), "tasks[2].name: only spaces."),
    ("B61", linked(task(name="é" * 128)), "tasks[2].name: 256 bytes, at most 255."),
    (
        "B61",
        linked(task(reference="a\nb")),
        "tasks[2].{task_reference}: character U+000A at position 2 is not allowed.",
    ),
    (
        "B61",
        linked(task("batch", folder("a\x7f"))),
        "tasks[2].ioFolders[0].{folder_reference}: character U+007F at position 2 is not allowed.",
    ),
    (
        "mode",
        linked(task("batch", folder("z", "strem"))),
        'tasks[2].ioFolders[0].mode: stream or chunk, got "strem".',
    ),
    ("mode", linked(task("batch", folder("z", None))), "tasks[2].ioFolders[0].mode: required; stream or chunk."),
    ("type", linked(task("batch", folder("z", "chunk", ""))), 'tasks[2].ioFolders[0].type: input or output, got "".'),
    (
        "child",
        job(stage("x"), routes=(route("x-out", None),)),
        "{routes}[0].{route_child_folder}: required.",
    ),
    ("timeout", linked(task(timeout_seconds=-1)), "tasks[2].maxProcessingSecondsPerWorkItem: integer ≥ 0, got -1."),
]


@pytest.mark.parametrize(("row", "request_", "expected"), SAME_IN_BOTH)
@pytest.mark.parametrize("spelling", [GRAPHQL, REST], ids=["graphql", "rest"])
def test_the_same_problem_is_named_the_same_way_in_either_spelling(
    row: str, request_: JobRequest, expected: str, spelling: Any
) -> None:
    words = {name: getattr(spelling, name) for name in spelling.__slots__}
    assert refusal(structs.replace(request_, spelling=spelling)) == [expected.replace("{}", "").format(**words)]


def test_too_many_tasks_are_counted_before_anything_is_made_of_them() -> None:
    looked_up: list[str] = []
    request = job(*[task("batch")] * 11)
    with pytest.raises(InvalidInput) as refused:
        plan(request, looked_up.append, looked_up.append, now=NOW, max_tasks=10)
    assert refused.value.message == (
        "tasks: 11 given, at most 10 per job (setting limits.tasks_per_job). Split the job or raise the limit."
    )
    assert not looked_up
    assert planned(job(*[task("batch")] * 10), max_tasks=10)


def test_standby_tasks_count_too() -> None:
    request = job(*[task("batch", standby=task("batch"))] * 6)
    assert refusal(request, max_tasks=10)[0].startswith("tasks: 11 given, at most 10 per job")


def test_graphql_takes_one_payload_and_rest_prefers_the_tasks() -> None:
    request = job(task("batch", payload={"a": 1}, payload_text='{"b": 2}'))
    assert refusal(request) == ["tasks[0]: give payload or payloadString, not both."]
    assert planned(structs.replace(request, spelling=REST)).plan.tasks[0].payload == {"b": 2}


def test_a_folder_needs_a_reference_unless_a_route_may_name_its_task() -> None:
    request = job(task("batch", folder(None)))
    assert refusal(request) == ["tasks[0].ioFolders[0].referenceId: required."]
    assert planned(structs.replace(request, spelling=REST)).plan.tasks[0].folders[0].reference == ""


def test_a_graphql_route_has_a_parent() -> None:
    assert refusal(job(stage("a"), routes=(route(None, "a-in"),))) == ["routes[0].parentIoFolderReferenceId: required."]


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ({"parent_task": "aa"}, 'taskRoutes[0].taskParentId: "aa" matches no task. Did you mean "aaa"?'),
        ({"child_task": "zz"}, 'taskRoutes[0].taskChildId: "zz" matches no task.'),
        (
            {"parent_task": "bbb"},
            'taskRoutes[0].taskParentOutputId: "aaa-out" belongs to task "aaa", not to "bbb".',
        ),
        (
            {"child_task": "many", "child_folder": None},
            'taskRoutes[0].taskChildInputId: task "many" has 2 input folders; name one of them.',
        ),
        (
            {"parent_task": "many", "parent_folder": None},
            'taskRoutes[0].taskParentOutputId: task "many" has no output folder.',
        ),
        ({"child_folder": None}, "taskRoutes[0].taskChildInputId: required."),
    ],
)
def test_rest_routes_agree_with_the_tasks_they_name(ends: dict[str, Any], expected: str) -> None:
    asked = {"parent_folder": "aaa-out", "child_folder": "bbb-in"} | ends
    many = task("batch", folder("m1"), folder("m2"), reference="many")
    given = route(asked.pop("parent_folder"), asked.pop("child_folder"), **asked)
    assert refusal(job(stage("aaa"), stage("bbb"), many, routes=(given,), spelling=REST)) == [expected]


def test_paths_begin_with_the_place_of_the_job_in_its_request() -> None:
    request = job(task("no"), target=TargetRequest(), target_id="1", prefix="jobs[1].", status="x", spelling=REST)
    assert [problem.split(":")[0] for problem in refusal(request)] == [
        "jobs[1]",
        "jobs[1].jobStatus",
        "jobs[1].tasks[0].engineId",
    ]
    assert refusal(job(prefix="jobs[1].")) == ["jobs[1].tasks: at least 1 task is required."]


def test_a_standby_task_is_named_inside_its_principal() -> None:
    inner = task("no", folder("x", "no"), priority=1 << 40)
    assert [
        p.split(":")[0] for p in refusal(job(task("batch"), task("batch", standby=task("batch", standby=inner))))
    ] == [
        "tasks[1].standbyTask.standbyTask.engineId",
        "tasks[1].standbyTask.standbyTask.executionPreferences.priority",
        "tasks[1].standbyTask.standbyTask.ioFolders[0].mode",
    ]


def test_a_standby_may_use_its_principals_references_again_but_each_once() -> None:
    again = task("batch", folder("x"))
    assert planned(job(task("batch", folder("x"), standby=task("batch", folder("x"), standby=again))))
    twice = task("batch", folder("x"), folder("x", *OUT))
    assert refusal(job(task("batch", folder("x"), standby=twice))) == [
        'tasks[0].standbyTask.ioFolders[1].referenceId: "x" already used by tasks[0].standbyTask.ioFolders[0].'
    ]
    assert refusal(job(task("batch", folder("x")), task("batch", standby=again))) == [
        'tasks[1].standbyTask.ioFolders[0].referenceId: "x" already used by tasks[0].ioFolders[0].'
    ]


@pytest.mark.parametrize(
    ("field", "inside", "outside"),
    [
        ("priority", (-(1 << 31), (1 << 31) - 1), (-(1 << 31) - 1, 1 << 31)),
        ("max_retries", (0, 100), (-1, 101)),
        ("timeout_seconds", (0, 86_400), (-1, 1 << 31)),
    ],
)
def test_the_bounds_of_numbers(field: str, inside: tuple[int, ...], outside: tuple[int, ...]) -> None:
    for value in inside:
        assert planned(job(task("batch", **{field: value})))
    for value in outside:
        assert len(refusal(job(task("batch", **{field: value})))) == 1


def test_standby_tasks_do_not_nest_without_end() -> None:
    nested = task("batch")
    for _ in range(9):
        nested = task("batch", standby=nested)
    assert refusal(job(nested))[0].endswith("at most 8 standby tasks inside one another.")


def test_every_problem_is_listed_up_to_fifty() -> None:
    several = refusal(linked(task("no", priority=1 << 40, max_retries=-1), task("no"), name="\0"))
    assert len(several) == 5
    with pytest.raises(InvalidInput) as refused:
        planned(job(*[task("no")] * 70))
    assert len(refused.value.problems) == 50
    assert refused.value.message.endswith("… and 20 more")


def test_the_words_of_a_folder_that_is_already_refused_are_not_held_against_its_routes() -> None:
    request = job(task("batch", folder("a", "nope", "output")), stage("b"), routes=(route("a", "b-in"),))
    assert refusal(request) == ['tasks[0].ioFolders[0].mode: stream or chunk, got "nope".']


def test_a_long_value_is_shortened_and_control_characters_are_spelled_out() -> None:
    (message,) = refusal(linked(status="a\x07" + "b" * 500))
    assert message.startswith('status: one of pending, queued, scheduled, got "a\\u0007bbb')
    assert len(message) < 150


WARNINGS: list[tuple[str, JobRequest, str]] = [
    ("B15", linked(task("batch", folder("z"))), 'tasks[2].ioFolders[0]: "z" is not used by any route.'),
    (
        "B27",
        linked(task(due_at=PAST)),
        "tasks[2].{preferences}dueDateTime: 2020-01-01T00:00:00Z is in the past (server time 2026-11-24T00:26:40Z).",
    ),
    (
        "B27",
        linked(due_at=PAST),
        "dueDateTime: 2020-01-01T00:00:00Z is in the past (server time 2026-11-24T00:26:40Z).",
    ),
    (
        "B69",
        job(
            task("adapter", folder("o", "stream", "output"), reference="wsa"),
            task("chunker", folder("i", "stream", "input"), parents_first=True),
            routes=(route("o", "i"),),
        ),
        'tasks[1]: child waits for the whole stream of "wsa".',
    ),
    (
        "twice",
        job(stage("a"), stage("b"), routes=(route("a-out", "b-in"), route("a-out", "b-in"))),
        "{routes}[1]: repeats {routes}[0] and is left out.",
    ),
]


@pytest.mark.parametrize(("row", "request_", "expected"), WARNINGS)
@pytest.mark.parametrize("spelling", [GRAPHQL, REST], ids=["graphql", "rest"])
def test_what_may_surprise_is_a_warning(row: str, request_: JobRequest, expected: str, spelling: Any) -> None:
    words = {name: getattr(spelling, name) for name in spelling.__slots__}
    assert expected.format(**words) in planned(structs.replace(request_, spelling=spelling)).warnings


def test_a_job_in_order_has_no_warnings() -> None:
    request = job(
        task("adapter", folder("a", "stream", "output"), due_at=NOW + 1),
        task("chunker", folder("b", "stream"), folder("c", *OUT)),
        task("transcribe", folder("d"), folder("e", *OUT), parents_first=True),
        task("writer", folder("f")),
        routes=(route("a", "b"), route("c", "d"), route("e", "f")),
        due_at=NOW,
    )
    assert planned(request).warnings == ()
