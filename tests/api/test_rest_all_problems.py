"""One response names all problems of a request: values of the wrong type and every other problem."""

from typing import Any

import pytest
from tests.api.clients import Rest
from tests.api.samples import BATCH

from enginehouse.api.http.json import prune


def paths(answer: Any) -> list[str]:
    return [problem["path"] for problem in answer.json()["errors"]]


async def test_wrong_kinds_wrong_texts_and_wrong_plans_are_told_together(rest: Rest) -> None:
    body = {
        "jobs": [
            {
                "tasks": [
                    {"engineId": "nowhere", "priority": "high", "ioFolders": [{"correlationID": "a", "mode": "strem"}]},
                    {"engineId": BATCH, "maxRetries": -1, "payloadJSON": "{,}"},
                    {"engineId": 5},
                    7,
                ],
                "dueDateTime": "2026-02-30T00:00:00Z",
            },
            {"tasks": []},
        ]
    }
    answer = await rest.client.post("/proc/job/create", json=body, headers={"Authorization": f"Bearer {rest.token}"})
    assert answer.status_code == 400
    assert set(paths(answer)) == {
        "jobs[0].tasks[0].priority",
        "jobs[0].tasks[0].engineId",
        "jobs[0].tasks[0].ioFolders[0].mode",
        "jobs[0].tasks[0].ioFolders[0].type",
        "jobs[0].tasks[1].maxRetries",
        "jobs[0].tasks[1].payloadJSON",
        "jobs[0].tasks[2].engineId",
        "jobs[0].tasks[3]",
        "jobs[0].dueDateTime",
        "jobs[1].tasks",
    }
    listed = await rest.client.get("/proc/jobs", headers={"Authorization": f"Bearer {rest.token}"})
    assert listed.json()["count"] == 0


async def test_a_reference_that_cannot_be_read_does_not_make_its_routes_wrong(rest: Rest) -> None:
    folders = [{"correlationID": 5, "mode": "stream", "type": "output"}]
    routes = [{"taskParentId": "a", "taskParentOutputId": "out", "taskChildId": "b", "taskChildInputId": "in"}]
    tasks = [
        {"engineId": BATCH, "correlationTaskId": "a", "ioFolders": folders},
        {
            "engineId": BATCH,
            "correlationTaskId": "b",
            "ioFolders": [{"correlationID": "in", "mode": "stream", "type": "input"}],
        },
    ]
    body = {"jobs": [{"tasks": tasks, "taskRoutes": routes}]}
    answer = await rest.client.post("/proc/job/create", json=body, headers={"Authorization": f"Bearer {rest.token}"})
    assert paths(answer) == ["jobs[0].tasks[0].ioFolders[0].correlationID"]


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("a", {"b": [1, {"c": 2}]}),
        ("b[0]", {"a": 1, "b": [{}, {"c": 2}]}),
        ("b[1].c", {"a": 1, "b": [1, {}]}),
        ("b[9].c", {"a": 1, "b": [1, {"c": 2}]}),
        ("nothing.here", {"a": 1, "b": [1, {"c": 2}]}),
        ("", {"a": 1, "b": [1, {"c": 2}]}),
    ],
)
def test_what_does_not_fit_is_taken_out_and_the_rest_keeps_its_place(path: str, left: Any) -> None:
    body = {"a": 1, "b": [1, {"c": 2}]}
    assert prune.without(body, [path]) == left
    assert body == {"a": 1, "b": [1, {"c": 2}]}
