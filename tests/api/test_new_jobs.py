"""What createJob says of a job whose task has started before the answer was read."""

import pytest
from tests.api.clients import Api

from enginehouse.domain.identity import Principal
from enginehouse.domain.job import Job
from enginehouse.domain.refs import Ref
from enginehouse.engines.native import CATEGORIES, ENGINES
from enginehouse.engines.native.noop import Noop
from enginehouse.operations import engines, jobs, work
from enginehouse.operations.house import House

FIELDS = "id status tasks { records { status startedDateTime } }"
CREATE = f'mutation {{ createJob(input: {{tasks: [{{engineId: "{Noop.spec.id}"}}]}}) {{ {FIELDS} }} }}'


async def test_a_new_job_is_answered_as_pending_though_its_task_has_started(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await engines.register(api.house, [engine.spec for engine in ENGINES], CATEGORIES)
    read = jobs.get

    async def claim_first(house: House, principal: Principal, ref: Ref) -> Job:
        assert await work.claim(house, pool="native", limit=1, worker="test")
        return await read(house, principal, ref)

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "get", claim_first)
        created = (await api.graphql.ask(CREATE))["createJob"]
    task = {"status": "pending", "startedDateTime": None}
    assert created == {"id": created["id"], "status": "pending", "tasks": {"records": [task]}}
    now = (await api.graphql.ask(f'{{ job(id: "{created["id"]}") {{ {FIELDS} }} }}'))["job"]
    assert (now["status"], now["tasks"]["records"][0]["status"]) == ("running", "running")
