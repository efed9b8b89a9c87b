"""Whitelists and blacklists: an engine that an organization may not use is absent for it; old jobs still show it."""

from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import BATCH, CATEGORIES, TEMPLATE, TRANSCRIBE

from enginehouse.domain.identity import Role
from enginehouse.operations import engines
from enginehouse.operations.house import House

LIST = "{ organizationId engines { id } engineCategories { id } }"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
ENGINES = "{ engines(limit: 100) { records { id } } }"
USES = {
    "get": '{ engine(id: "%s") { id } }',
    "create a job": 'mutation { createJob(input: {tasks: [{engineId: "%s"}]}) { id } }',
    "create a template": 'mutation { createJobTemplate(input: {taskTemplates: [{engineId: "%s"}]}) { id } }',
    "launch": 'mutation { launchSingleEngineJob(input: {engineId: "%s", uploadUrl: "https://h.example/a"}) { id } }',
}


async def change(api: Api, verb: str, *engine_ids: str, organization: int | None = None) -> Any:
    """Changes a list of the organization. Returns it."""
    argument = "toAdd" if verb.startswith("add") else "toDelete"
    owner = "" if organization is None else f', organizationId: "{organization}"'
    ids = ", ".join(f'"{each}"' for each in engine_ids)
    return (await api.graphql.ask(f"mutation {{ {verb}({argument}: {{engineIds: [{ids}]{owner}}}) {LIST} }}"))[verb]


async def listed(api: Api) -> set[str]:
    return {one["id"] for one in (await api.graphql.ask(ENGINES))["engines"]["records"]}


@pytest.mark.parametrize("kind", ["Whitelist", "Blacklist"])
async def test_an_engine_that_may_not_be_used_is_absent_and_old_jobs_show_it(api: Api, kind: str) -> None:
    other = await api.another_organization()
    job_id = await other.graphql.create_job(tasks=[{"engineId": BATCH}])
    before = await listed(other)
    named = (TRANSCRIBE,) if kind == "Whitelist" else (BATCH, "transcription")
    made = await change(api, f"addToEngine{kind}", *named, organization=2)
    resolved = [TRANSCRIBE] if kind == "Whitelist" else [BATCH, TRANSCRIBE]
    assert made == {"organizationId": "2", "engines": [{"id": each} for each in resolved], "engineCategories": []}
    assert await listed(other) == ({TRANSCRIBE} if kind == "Whitelist" else before - {BATCH, TRANSCRIBE})
    for name, query in USES.items():
        absent = await other.graphql.refused(query % BATCH)
        unknown = await other.graphql.refused(query % UNKNOWN)
        assert absent["name"] == "not_found", name
        assert absent["message"].replace(BATCH, UNKNOWN) == unknown["message"], name
    answer = await other.v1.request("POST", "schedules", {"name": "n", "jobTemplates": [TEMPLATE]})
    assert answer.status_code in (400, 404)
    assert (await other.edge.get(f"/admin/engine/{BATCH}/detail")).status_code == 404
    query = f'{{ job(id: "{job_id}") {{ tasks {{ records {{ engine {{ id }} engineId }} }} }} }}'
    [task] = (await other.graphql.ask(query))["job"]["tasks"]["records"]
    assert task == {"engine": {"id": BATCH}, "engineId": BATCH}
    assert (await other.graphql.ask(f'{{ jobs(engineIds: ["{BATCH}"]) {{ count }} }}'))["jobs"]["count"] == 1
    retried = await other.graphql.refused(f'mutation {{ retryJob(id: "{job_id}") {{ id }} }}')
    assert retried["message"] == 'The engine "Batch" is no longer available to your organization.'
    assert BATCH in await listed(api)  # another organization may use it
    own = f'{{ organization(id: "2") {{ {kind.lower()} {LIST} }} }}'
    assert (await other.graphql.ask(own))["organization"][kind.lower()] == made
    left = await change(api, f"deleteFromEngine{kind}", *resolved, organization=2)
    assert left["engines"] == []
    assert await listed(other) == before
    assert (await other.graphql.ask(f'mutation {{ retryJob(id: "{job_id}") {{ id }} }}'))["retryJob"]["id"]


async def test_an_own_engine_needs_no_whitelist_and_can_be_on_a_blacklist(api: Api) -> None:
    other = await api.another_organization()
    own = await other.graphql.change(
        "createEngine", name="Own", categoryId=CATEGORIES[0].id, deploymentModel="HumanReview"
    )
    await change(api, "addToEngineWhitelist", BATCH, organization=2)
    assert await listed(other) == {BATCH, own["id"]}
    await change(api, "addToEngineBlacklist", BATCH, own["id"], organization=2)
    assert await listed(other) == set()


async def test_another_server_learns_of_it_with_its_next_look(api: Api) -> None:
    there = House.build(api.house.database, api.house.store)
    await engines.refresh(there)
    caller = await api.principal()
    await change(api, "addToEngineBlacklist", BATCH)
    assert engines.find(there, caller, BATCH) is not None
    await engines.refresh(there)
    assert engines.find(there, caller, BATCH) is None
    assert engines.shown(there, caller, BATCH) is not None


async def test_only_a_super_administrator_changes_the_lists(api: Api) -> None:
    call = 'mutation { %s: addToEngineBlacklist(toAdd: {engineIds: ["%s"], organizationId: "%s"}) { organizationId } }'
    other = await api.another_organization()
    for caller in (other, await api.in_role(Role.ADMIN)):
        for organization in ("1", "2", "77"):
            assert (await caller.graphql.refused(call % ("a", BATCH, organization)))["name"] == "not_allowed"
    assert (await api.graphql.refused(call % ("a", BATCH, "77")))["name"] == "not_found"
    own = await other.graphql.change(
        "createEngine", name="Own", categoryId=CATEGORIES[0].id, deploymentModel="HumanReview"
    )
    for engine_id in (own["id"], UNKNOWN):  # one of another organization is unknown to this one
        error = await api.graphql.refused(call % ("a", engine_id, "1"))
        assert error["message"] == f'engineIds[0]: "{engine_id}" was not found.'
    assert await change(api, "addToEngineWhitelist") == {"organizationId": "1", "engines": [], "engineCategories": []}
