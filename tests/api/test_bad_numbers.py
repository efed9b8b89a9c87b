"""A number that an engine cannot be given exactly is refused with its path, by each interface."""

import json
import re
from itertools import product
from pathlib import Path
from typing import Any

from tests.api.clients import Api
from tests.api.samples import BATCH, TEMPLATE
from tests.api.verbs import GRAPHQL, document

from enginehouse.engine import Work
from enginehouse.engines import frames
from enginehouse.operations import work

UNFIT = ["1e400", "-1e400", "1e-400", "9007199254740993.0", "12345678901234567890.5", "18446744073709551616", "9" * 40]
FIT = ["-0.0", "0.1", "9007199254740993", "18446744073709551615", "-9223372036854775808", "1e23", "1.0", "1e308"]
REST = "/edge/v1/proc/job/create"


def fields_of(number: str) -> dict[str, str]:
    """Returns the text of an input of each mutation, with the number in a payload; JSON and GraphQL at once."""
    task = f'"engineId": "{BATCH}", "payload": {{"a": [1, {{"b": {number}}}]}}'
    template = f'{{"taskTemplates": [{{{task}}}]}}'
    return {
        "createJob": f'{{"tasks": [{{{task}}}]}}',
        "createJobTemplate": template,
        "createTaskTemplate": f"{{{task}}}",
        "createScheduledJob": f'{{"name": "n", "runMode": "Recurring", "jobTemplates": [{template}], '
        '"recurringScheduleParts": [{"repeatInterval": 1, "repeatIntervalUnit": "Days", "startTime": "21:30"}]}',
    }


PATHS = {
    "createJob": "tasks[0].payload.a[1].b",
    "createJobTemplate": "taskTemplates[0].payload.a[1].b",
    "createTaskTemplate": "payload.a[1].b",
    "createScheduledJob": "jobTemplates[0].taskTemplates[0].payload.a[1].b",
}


def text_of(name: str, number: str) -> str:
    return document(name).replace("CreateJob!", "CreateJob") if name == "createJob" else document(name)


async def answers(api: Api, name: str, number: str) -> list[Any]:
    """Returns the responses to a mutation with the number in a variable, and in the text of the document."""
    fields = fields_of(number)[name]
    if name == "createTaskTemplate":
        template_id = await api.graphql.change("createJobTemplate", **TEMPLATE)
        fields = f'{{"jobTemplateId": "{template_id["id"]}", {fields[1:]}'
    in_variable = f'{{"query": {json.dumps(text_of(name, number))}, "variables": {{"in": {fields}}}}}'
    literal = re.sub(r'"(\w+)":', r"\1:", fields)
    literal = literal.replace('"Recurring"', "Recurring").replace('"Days"', "Days")
    in_text = json.dumps({"query": f"mutation {{ {name}(input: {literal}) {{ id }} }}"})
    return [
        await api.ask(f"POST {GRAPHQL}", body.encode(), content_type="application/json")
        for body in (in_variable, in_text)
    ]


async def test_graphql_refuses_a_number_that_does_not_fit_with_its_path(api: Api) -> None:
    for (name, path), number in product(PATHS.items(), UNFIT):
        for answer in await answers(api, name, number):
            error, message = answer.outcome
            assert error == "invalid_input", (name, number)
            assert f"{path}: {number[:37]}" in message
            assert "does not fit into 64 bits exactly; send it as a string" in message
            [entry] = answer.body["errors"]
            assert entry["data"]["field"].endswith(path)  # a task template is checked as a part of its template


async def test_rest_refuses_a_number_that_does_not_fit_with_its_path(api: Api) -> None:
    for number in UNFIT:
        payload = f'{{"a": [1, {{"b": {number}}}]}}'
        for field in ("taskPayloadJSON", "payloadJSON"):
            job = {"jobs": [{"tasks": [{"engineId": BATCH, field: payload}]}]}
            answer = await api.ask(f"POST {REST}", job)
            assert answer.status == 400, (field, number)
            assert answer.message.startswith(f"jobs[0].tasks[0].{field}")
            assert "does not fit into 64 bits exactly; send it as a string" in answer.message
        task = f'{{engineId: "{BATCH}", payloadString: {json.dumps(payload)}}}'
        text = f"mutation {{ createJob(input: {{tasks: [{task}]}}) {{ id }} }}"
        assert (await api.ask(text)).message.startswith("tasks[0].payloadString")


async def test_a_number_that_is_accepted_reaches_a_process_unchanged(api: Api) -> None:
    for number in FIT:
        for answer in await answers(api, "createJob", number):
            assert answer.error == "", answer.body
            [lease] = await work.claim(api.house, pool="native", limit=1, worker="test")
            item = Work(
                job_id="j", task_id="t", organization_id=1, target_id=None, engine_id=BATCH,
                payload=lease.plan.tasks[0].payload, inputs=(), folders=(), directory=Path("/"),
            )  # fmt: skip
            frame = frames.encode(frames.RunRequest(1, item, 1.0, 1), 1 << 20)
            request = frames.decode_request(frame[frames.HEADER :])
            assert isinstance(request, frames.RunRequest)
            assert repr(request.work.payload["a"][1]["b"]) == repr(json.loads(number))


async def test_a_launch_refuses_a_number_that_does_not_fit(api: Api) -> None:
    template_id = (await api.graphql.change("createJobTemplate", **TEMPLATE))["id"]
    for number in UNFIT:
        body = {"payloadJSON": f'{{"b": {number}}}'}
        answer = await api.ask(f"POST /edge/v1/proc/template/{template_id}/launch", body)
        assert answer.message.startswith(("payload.b: ", "payloadJSON.b: ")), number
        assert "does not fit into 64 bits exactly; send it as a string" in answer.message
        launch = f'launchJobTemplates(input: {{ids: ["{template_id}"], payload: {{b: {number}}}}}) {{ id }}'
        assert (await api.ask(f"mutation {{ {launch} }}")).message.startswith("payload.b: ")
