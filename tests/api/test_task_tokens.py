"""Tokens for one task: what they may do, and that they may do nothing else (graphql-contract §1.4)."""

import re
from typing import Any

import pytest
from tests.api.belongings import belongings
from tests.api.clients import Api
from tests.api.samples import BATCH, TRANSCRIBE, fill
from tests.api.test_audit_rows import CHANGES, LOGINS
from tests.api.test_bad_input_foreign import EDGE, GRAPHQL, OWN
from tests.api.test_bad_input_tokens import ROOT_FIELDS
from tests.thorough import mostly_on_sqlite

from enginehouse.api.graphql.schema import FOR_TASKS, OPEN, schema
from enginehouse.domain import ids
from enginehouse.operations import workers

GET = """mutation($e: ID!, $j: ID!, $t: ID!, $d: ID) {
    getEngineJWT(input: {engineId: $e, resource: {jobId: $j, taskId: $t, tdoId: $d}}) {
        engineId token resource { tdoId jobId taskId } } }"""
UPDATE = "mutation($in: UpdateTask) { updateTask(input: $in) { id status } }"


async def new_task(api: Api) -> tuple[str, str]:
    """Returns the ids of a task and of its target."""
    target = await api.graphql.ask("mutation { createTDO(input: {startDateTime: 1, stopDateTime: 2}) { id } }")
    target_id: str = target["createTDO"]["id"]
    job = await api.graphql.create_job(targetId=target_id, tasks=[{"engineId": TRANSCRIBE}])
    return ids.task_graphql(ids.parse_job(job) or 0, 0), target_id


async def token_for(api: Api, task: str) -> str:
    made = await api.graphql.ask(GET, {"e": TRANSCRIBE, "j": task[:-5], "t": task})
    token: str = made["getEngineJWT"]["token"]
    return token


async def test_the_engine_of_a_task_does_its_work_with_the_token(api: Api) -> None:
    task, target = await new_task(api)
    made = (await api.graphql.ask(GET, {"e": TRANSCRIBE, "j": task[:-5], "t": task, "d": target}))["getEngineJWT"]
    assert made["resource"] == {"tdoId": target, "jobId": task[:-5], "taskId": task}
    await workers.beat(api.house, name="w", pools={"native": 1}, engines=[TRANSCRIBE])  # offered, and yet its own
    engine = api.holding(made["token"])
    rights = (await engine.graphql.ask("{ myRights { operations resources } }"))["myRights"]
    assert "task:update" in rights["operations"]
    assert rights["resources"] == {"Job": [task[:-5]], "Task": [task], "TemporalDataObject": [target]}
    query = """query($t: ID!, $j: ID!, $d: ID!) { task(id: $t) { id log { text } warnings { id } output target { id } }
        job(id: $j) { id tasks { records { id } } } temporalDataObject(id: $d) { id assets { records { id } } } }"""
    read = await engine.graphql.ask(query, {"t": task, "j": task[:-5], "d": target})
    assert (read["job"]["id"], read["temporalDataObject"]["id"]) == (task[:-5], target)
    await engine.graphql.ask(UPDATE, {"in": {"id": task, "status": "running"}})
    await engine.graphql.ask('mutation($t: ID) { appendWarningToTask(taskId: $t, reason: "r") }', {"t": task})
    upload = "mutation($t: ID!) { uploadEngineResult(input: {taskId: $t, output: {}}) { id assetType } }"
    assert (await engine.graphql.ask(upload, {"t": task}))["uploadEngineResult"]["assetType"] == "vtn-standard"
    assert (await api.graphql.ask("query($t: ID!) { task(id: $t) { status } }", {"t": task}))["task"][
        "status"
    ] == "complete"


async def test_another_task_job_and_target_are_not_allowed(api: Api) -> None:
    task, _ = await new_task(api)
    other, target = await new_task(api)
    engine = api.holding(await token_for(api, task))
    for query in (
        f'mutation {{ updateTask(input: {{id: "{other}", status: running}}) {{ id }} }}',
        f'mutation {{ uploadEngineResult(input: {{taskId: "{other}", output: 1}}) {{ id }} }}',
        f'mutation {{ createTaskLog(input: {{taskId: "{other}"}}) {{ text }} }}',
        f'mutation {{ appendWarningToTask(taskId: "{other}", reason: "r") }}',
        f'{{ task(id: "{other}") {{ id }} }}',
        f'{{ job(id: "{other[:-5]}") {{ id }} }}',
        f'{{ temporalDataObject(id: "{target}") {{ id }} }}',
        f'{{ task(id: "{task}") {{ attempts {{ records {{ worker }} }} }} }}',
        f'{{ job(id: "{task[:-5]}") {{ events {{ kind }} }} }}',
        f'{{ temporalDataObject(id: "{(await new_task(api))[1]}") {{ assets {{ count }} }} }}',
    ):
        body = (await engine.graphql.post(query)).json()
        assert [error["name"] for error in body["errors"]] == ["not_allowed"], query


async def test_a_refused_mutation_is_recorded(api: Api) -> None:
    task, _ = await new_task(api)
    engine = api.holding(await token_for(api, task))
    await engine.graphql.refused(f'mutation {{ cancelJob(id: "{task[:-5]}") {{ id }} }}')
    assert [(row.event, row.success) for row in (await api.audit())[-1:]] == [("cancelJob", False)]


@mostly_on_sqlite
async def test_every_other_operation_is_not_allowed(api: Api, foreign: Api) -> None:
    known = await belongings(foreign)
    issued = await foreign.graphql.ask(GET, {"e": BATCH, "j": known["job"], "t": known["task"]})
    engine = foreign.holding(issued["getEngineJWT"]["token"])
    tried = set[str]()
    for request in dict.fromkeys([*EDGE, *GRAPHQL, *OWN, *(change for change, _ in CHANGES if change not in LOGINS)]):
        found = re.match(r"(?:mutation ?)?{ (\w+)", request)
        if found is None:
            assert (await engine.ask(fill(request, known))).status == 403, request
        elif found[1] not in FOR_TASKS | OPEN:
            tried.add(found[1])
            errors = (await engine.graphql.post(fill(request, known))).json().get("errors", ())
            assert [error["name"] for error in errors] == ["not_allowed"], request
    rest = {name: query for fields in ROOT_FIELDS.values() for name, query in fields.items()}
    for name in rest.keys() - tried - FOR_TASKS:
        tried.add(name)
        assert (await engine.graphql.refused(rest[name]))["name"] == "not_allowed", name
    root = schema()
    assert root.query_type is not None
    assert root.mutation_type is not None
    assert {*root.query_type.fields, *root.mutation_type.fields} == tried | FOR_TASKS | OPEN


@pytest.mark.parametrize("change", ["payload", "signature", "header", "text"])
async def test_a_changed_token_is_none(api: Api, change: str) -> None:
    task, _ = await new_task(api)
    header, payload, signature = (await token_for(api, task)).split(".")
    wrong = {
        "payload": f"{header}.{payload[:-2]}AA.{signature}", "signature": f"{header}.{payload}.{'A' * len(signature)}",
        "header": f"eyJhbGciOiJub25lIn0.{payload}.{signature}", "text": "a.b.c",
    }[change]  # fmt: skip
    error = await api.holding(wrong).graphql.refused("{ myRights { operations } }")
    assert error["name"] == "authentication_error"
    verify = "mutation($t: String!) { verifyJWT(jwtToken: $t) { payload } }"
    assert (await api.graphql.refused(verify, {"t": wrong}))["name"] == "invalid_input"


async def test_a_token_expires_and_says_nothing_to_another_organization(api: Api) -> None:
    task, _ = await new_task(api)
    token = await token_for(api, task)
    verify = "mutation($t: String!) { verifyJWT(jwtToken: $t) { jwtToken payload } }"
    payload = (await api.graphql.ask(verify, {"t": token}))["verifyJWT"]["payload"]
    assert (payload["engineId"], payload["resources"]["Task"]) == (TRANSCRIBE, [task])
    other = await api.another_organization()
    assert (await other.graphql.refused(verify, {"t": token}))["name"] == "invalid_input"
    api.limit(session_seconds=0)
    late = await token_for(api, task)
    assert (await api.holding(late).graphql.refused("{ myRights { operations } }"))["name"] == "authentication_error"
    assert (await api.graphql.refused(verify, {"t": late}))["name"] == "invalid_input"
    validate = "mutation($t: String!) { validateToken(token: $t) { token } }"
    assert (await api.graphql.refused(validate, {"t": token}))["name"] == "authentication_error"


async def test_the_job_the_target_and_the_engine_must_be_those_of_the_task(api: Api) -> None:
    task, _ = await new_task(api)
    other, target = await new_task(api)
    wrong: dict[str, Any] = {"e": BATCH, "j": other[:-5], "t": task, "d": target}
    message = (await api.graphql.refused(GET, wrong))["message"]
    assert message.splitlines() == [
        f'resource.jobId: "{other[:-5]}" was not found.', f'resource.tdoId: "{target}" was not found.',
        f'engineId: "{BATCH}" was not found.',
    ]  # fmt: skip
