"""Engines of an organization, their builds, and the standalone templates of any engine, over GraphQL."""

from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import BATCH, CATEGORIES, ENGINES, TRANSCRIBE

from enginehouse.domain.identity import Role
from enginehouse.operations import engines

FIELDS = """id name description categoryId category { name } isPublic ownerOrganizationId state price iconPath logoPath
  deploymentModel libraryRequired createsTDO useCases industries manifest runtimeType createdBy validStateActions
  fields { name type label required options { key value } } deployedVersion builds { count } modifiedDateTime"""
NEW: dict[str, Any] = {
    "name": "Ours", "description": "d", "categoryId": CATEGORIES[0].id, "deploymentModel": "HumanReview", "price": 3,
    "fields": [{"name": "lang", "type": "Picklist", "label": "L", "options": [{"key": "k", "value": "v"}]}],
    "iconPath": "https://h.example/i.png", "libraryRequired": True, "createsTDO": True, "useCases": ["media"],
    "industries": ["tv"], "manifest": {"languages": ["en"]},
}  # fmt: skip
BUILD_FIELDS = """id name version engineId engine { name } status dockerImage manifest runtime validStateActions
  primaryAction supportedInputFormats createdBy"""
CREATE_BUILD = f"mutation($in: CreateBuild!) {{ createEngineBuild(input: $in) {{ {BUILD_FIELDS} }} }}"
UPDATE_BUILD = f"mutation($in: UpdateBuild!) {{ updateEngineBuild(input: $in) {{ {BUILD_FIELDS} }} }}"
CREATE = 'mutation { createEngine(input: {name: "n", categoryId: "c", deploymentModel: HumanReview}) { id } }'
JOB = 'mutation { createJob(input: {tasks: [{engineId: "%s"}]}) { id warnings } }'
TEMPLATE = '{"targetId": "{{{TARGET_ID}}}", "tasks": [{"engineId": "{{{ENGINE_ID}}}", "payload": {"mark": 7}}]}'


@pytest.fixture
async def ours(api: Api) -> dict[str, Any]:
    """Returns the engine of the organization, as its creation shows it."""
    made: dict[str, Any] = await api.graphql.change("createEngine", FIELDS, **NEW)
    return made


async def test_an_engine_belongs_to_its_organization(api: Api, ours: dict[str, Any]) -> None:
    [field] = ours["fields"]
    assert field == {"name": "lang", "type": "Picklist", "label": "L", "required": False,
                     "options": [{"key": "k", "value": "v"}]}  # fmt: skip
    assert ours == ours | {name: value for name, value in NEW.items() if name != "fields"} | {
        "category": {"name": "Transcription"}, "isPublic": False, "ownerOrganizationId": "1", "state": "active",
        "runtimeType": "http", "validStateActions": ["edit", "delete", "disable"], "deployedVersion": None,
        "createdBy": (await api.principal()).user_id, "builds": {"count": 0},
    }  # fmt: skip
    other = await api.another_organization()
    for query in ('{ engine(id: "%s") { id } }', 'mutation { deleteEngine(id: "%s") { id } }', JOB):
        assert (await other.graphql.refused(query % ours["id"]))["name"] == "not_found"
    assert (await other.graphql.ask('{ engines(name: "Ours") { count } }'))["engines"]["count"] == 0
    read = await (await api.in_role(Role.READER)).graphql.ask(f'{{ engine(id: "{ours["id"]}") {{ {FIELDS} }} }}')
    assert read["engine"] == ours | {"validStateActions": []}
    owned = (await api.graphql.ask("{ engines(owned: true) { records { id } } }"))["engines"]["records"]
    assert owned == [{"id": ours["id"]}]


async def test_a_job_of_an_engine_without_a_worker_is_warned_about(api: Api, ours: dict[str, Any]) -> None:
    api.house.presence.offered = frozenset({BATCH})
    made = (await api.graphql.ask(JOB % ours["id"]))["createJob"]
    assert made["warnings"] == ['tasks[0]: no worker for engine "Ours" is connected; the task will wait.']


async def test_an_engine_is_changed_disabled_and_deleted(api: Api, ours: dict[str, Any]) -> None:
    change = {"name": "New", "price": 0, "fields": [], "manifest": {"a": 1}}
    changed = await api.graphql.change("updateEngine", FIELDS, id=ours["id"], **change)
    assert changed == ours | change | {"modifiedDateTime": changed["modifiedDateTime"]}
    off = await api.graphql.change("engineWorkflow", "state validStateActions", id=ours["id"], action="disable")
    assert off == {"state": "disabled", "validStateActions": ["edit", "delete", "enable"]}
    made = (await api.graphql.ask(JOB % ours["id"]))["createJob"]
    assert made["warnings"] == ['tasks[0]: engine "New" is disabled; the task will wait.']
    on = await api.graphql.change("engineWorkflow", "state", id=ours["id"], action="enable")
    assert on == {"state": "active"}
    await api.graphql.ask(f'mutation {{ deleteEngine(id: "{ours["id"]}") {{ id message }} }}')
    for query in ('{ engine(id: "%s") { id } }', 'mutation { deleteEngine(id: "%s") { id } }', JOB):
        assert (await api.graphql.refused(query % ours["id"]))["name"] == "not_found"
    assert (await api.graphql.ask("{ engines(owned: true) { count } }"))["engines"]["count"] == 0
    job = await api.graphql.ask(
        f'{{ job(id: "{made["id"]}") {{ tasks {{ records {{ engine {{ name state }} }} }} }} }}'
    )
    assert job["job"]["tasks"]["records"] == [{"engine": {"name": "New", "state": "deleted"}}]


async def test_the_start_of_a_server_leaves_what_administrators_have_set(api: Api, ours: dict[str, Any]) -> None:
    await api.graphql.change(
        "updateEngine", id=TRANSCRIBE, standaloneJobTemplates=[{"type": "Upload", "template": "t"}]
    )
    await engines.register(api.house, ENGINES, CATEGORIES)
    query = '{ engine(id: "%s") { name standaloneJobTemplates { type template } } }'
    shown = (await api.graphql.ask(query % TRANSCRIBE))["engine"]["standaloneJobTemplates"]
    assert shown[0] == {"type": "Upload", "template": "t"}
    assert (await api.graphql.ask(query % ours["id"]))["engine"]["name"] == "Ours"


@pytest.mark.parametrize("own", [False, True])
async def test_an_own_template_makes_the_job_of_a_single_engine(api: Api, ours: dict[str, Any], own: bool) -> None:
    engine_id = ours["id"] if own else TRANSCRIBE
    default = await api.graphql.ask(f'{{ engine(id: "{engine_id}") {{ standaloneJobTemplates {{ template }} }} }}')
    set_ = [{"type": "Reprocess", "template": TEMPLATE, "templateLanguage": "Handlebars"}]
    fields = "standaloneJobTemplates { type template templateLanguage }"
    changed = await api.graphql.change("updateEngine", fields, id=engine_id, standaloneJobTemplates=set_)
    assert changed["standaloneJobTemplates"][1] == set_[0]
    target = await api.graphql.change("createTDO", startDateTime=1, stopDateTime=2)
    launch = f'launchSingleEngineJob(input: {{engineId: "{engine_id}", targetId: "{target["id"]}"}})'
    job = await api.graphql.ask(f"mutation {{ {launch} {{ tasks {{ records {{ engineId payload }} }} }} }}")
    records = job["launchSingleEngineJob"]["tasks"]["records"]
    assert records == [{"engineId": engine_id, "payload": {"mark": 7}}]
    again = await api.graphql.change(
        "updateEngine", "standaloneJobTemplates { template }", id=engine_id, standaloneJobTemplates=[]
    )
    assert again == default["engine"]


async def test_an_engine_of_the_server_is_changed_only_by_a_super_administrator(api: Api) -> None:
    admin, other = (await api.in_role(Role.ADMIN)).graphql, (await api.another_organization()).graphql
    calls = [
        'updateEngine(input: {id: "%s", standaloneJobTemplates: [{type: Upload, template: "t"}]})',
        'engineWorkflow(input: {id: "%s", action: disable})',
        'deleteEngine(id: "%s")',
    ]
    for caller in (admin, other):
        for call in calls:
            assert (await caller.refused(f"mutation {{ {call % BATCH} {{ id }} }}"))["name"] == "not_allowed", call
    error = await api.graphql.refused(f"mutation {{ {calls[2] % BATCH} {{ id }} }}")
    assert error["message"] == "This engine belongs to the server; it can be disabled, not deleted."
    error = await api.graphql.refused(f'mutation {{ updateEngine(input: {{id: "{BATCH}", name: "x"}}) {{ id }} }}')
    assert error["message"] == "name: is declared by the server; only standaloneJobTemplates can be set here."
    error = await api.graphql.refused(f'mutation {{ createEngineBuild(input: {{engineId: "{BATCH}"}}) {{ id }} }}')
    assert error["name"] == "not_allowed"


async def test_a_caller_without_the_right_is_told_its_rights(api: Api) -> None:
    error = await (await api.in_role(Role.USER)).graphql.refused(CREATE)  # contract C05
    assert error["name"] == "not_allowed"
    assert error["message"] == "The authenticated user or token is not authorized to perform the requested action."
    assert (error["data"]["field"], error["data"]["type"]) == ("createEngine", "Mutation")
    assert "job.create" in error["data"]["rights"]
    assert "engine.create" not in error["data"]["rights"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an own id": ({"id": BATCH}, "id: the server chooses the id."),
    "public": ({"isPublic": True}, "isPublic: only false: an engine of an organization is for this organization."),
    "everything": (
        {"name": " ", "categoryId": "c", "price": -1, "useCases": [""], "manifest": [1]},
        """name: must be given.
categoryId: "c" was not found.
price: 0–2147483647, got -1.
useCases[0]: must be given.
manifest: an object, got a list.""",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_wrong_is_named(api: Api, name: str) -> None:
    fields, message = REFUSED[name]
    error = await api.graphql.refused(*api.graphql.mutation("createEngine", **NEW | fields))
    assert error["message"] == message
    assert (await api.graphql.ask("{ engines(owned: true) { count } }"))["engines"]["count"] == 0


async def test_a_template_is_checked_when_it_is_saved(api: Api, ours: dict[str, Any]) -> None:
    templates = [{"type": "Upload", "template": "{{#if a}}"}, {"type": "Upload", "template": " "}]
    error = await api.graphql.refused(
        *api.graphql.mutation("updateEngine", id=ours["id"], standaloneJobTemplates=templates)
    )
    assert error["message"].splitlines() == [
        "standaloneJobTemplates[0].template: The template has no {{/if}} for its last block.",
        "standaloneJobTemplates[1].type: Upload is given twice.",
        "standaloneJobTemplates[1].template: must be given.",
    ]


async def test_builds_go_through_their_statuses(api: Api, ours: dict[str, Any]) -> None:
    async def act(build: dict[str, Any], action: str, **more: Any) -> Any:
        given = {"id": build["id"], "engineId": ours["id"], "action": action, **more}
        return (await api.graphql.ask(UPDATE_BUILD, {"in": given}))["updateEngineBuild"]

    manifest = {"supportedInputFormats": ["audio/wav", 7]}
    given = {"engineId": ours["id"], "dockerImage": "h/i:1", "manifest": manifest, "taskRuntime": {"m": 1}}
    first, second = [(await api.graphql.ask(CREATE_BUILD, {"in": given}))["createEngineBuild"] for _ in range(2)]
    assert first == first | {
        "name": "v1", "version": "1", "engine": {"name": "Ours"}, "status": "pending", "dockerImage": "h/i:1",
        "manifest": manifest, "runtime": {"m": 1}, "supportedInputFormats": ["audio/wav"], "primaryAction": "upload",
        "validStateActions": ["upload", "submit", "invalidate", "delete"],
    }  # fmt: skip
    assert second["version"] == "2"
    for build in (first, second):
        await act_all(act, build, "submit", "approve", "deploy")
    shown = (await api.graphql.ask(
        f'{{ engine(id: "{ours["id"]}") {{ deployedVersion builds {{ records {{ version status }} }} }} }}'
    ))["engine"]  # fmt: skip
    assert shown == {"deployedVersion": 2, "builds": {"records": [
        {"version": "2", "status": "deployed"}, {"version": "1", "status": "paused"}]}}  # fmt: skip
    error = await api.graphql.refused(
        f'mutation {{ deleteEngineBuild(input: {{id: "{second["id"]}", engineId: "{ours["id"]}"}}) {{ id }} }}'
    )
    assert error["message"] == "action: delete is not possible: the build is deployed; now it allows pause."
    assert (await act(second, "pause", dockerImage="h/i:2"))["dockerImage"] == "h/i:2"
    await api.graphql.ask(
        f'mutation {{ deleteEngineBuild(input: {{id: "{second["id"]}", engineId: "{ours["id"]}"}}) {{ id message }} }}'
    )
    for arguments, versions in {"": ["1"], '(status: "deleted")': ["2"], "(buildStatus: [paused, deleted])": ["2", "1"],
                                f'(id: "{first["id"]}")': ["1"]}.items():  # fmt: skip
        query = f'{{ engine(id: "{ours["id"]}") {{ builds{arguments} {{ records {{ version }} }} }} }}'
        records = (await api.graphql.ask(query))["engine"]["builds"]["records"]
        assert [one["version"] for one in records] == versions, arguments
    read = f'{{ engineBuild(id: "{first["id"]}") {{ version }} }}'
    assert (await api.graphql.ask(read))["engineBuild"] == {"version": "1"}
    assert (await (await api.another_organization()).graphql.refused(read))["name"] == "not_found"


async def act_all(act: Any, build: dict[str, Any], *actions: str) -> None:
    for action in actions:
        await act(build, action)


async def test_a_task_shows_the_build_that_it_names(api: Api, foreign: Api, ours: dict[str, Any]) -> None:
    build = (await api.graphql.ask(CREATE_BUILD, {"in": {"engineId": ours["id"]}}))["createEngineBuild"]
    create = (
        "mutation ($in: CreateJob) { createJob(input: $in) { tasks { records { buildId build { id version } } } } }"
    )
    for caller, build_id, shown in (
        (api, build["id"].upper(), {"id": build["id"], "version": build["version"]}),
        (api, "no build", None),
        (foreign, build["id"], None),
    ):
        job = {"tasks": [{"engineId": BATCH, "buildId": build_id}]}
        [task] = (await caller.graphql.ask(create, {"in": job}))["createJob"]["tasks"]["records"]
        assert task == {"buildId": build_id, "build": shown}


async def test_engines_are_found_by_what_they_say(api: Api, ours: dict[str, Any]) -> None:
    async def names(arguments: str) -> list[str]:
        page = (await api.graphql.ask(f"{{ engines({arguments}) {{ records {{ name }} }} }}"))["engines"]["records"]
        return [one["name"] for one in page]

    for only_ours in (
        "libraryRequired: true", "createsTDO: true", "filter: {libraryRequired: true}", 'filter: {language: "en"}',
        "filter: {deploymentModel: HumanReview}", "filter: {deploymentModels: [HumanReview]}",
        "filter: {priceMin: 1}", 'filter: {runtimeType: ["http"]}',
    ):  # fmt: skip
        assert await names(only_ours) == ["Ours"], only_ours
    for nothing in ("filter: {rating: [5]}", "filter: {trainableViaApi: true}", "filter: {fedRampImpactLevelMin: 1}",
                    "filter: {clusterSize: large}", "filter: {gpuSupported: P2}", "filter: {maxMediaLengthMs: 1}",
                    ):  # fmt: skip
        assert await names(nothing) == [], nothing
    assert "Ours" not in await names("filter: {priceMax: 2}")
    assert "Ours" not in await names("libraryRequired: false")
    assert (await names("orderBy: [{field: price, direction: desc}]"))[0] == "Ours"
    data = await api.graphql.ask("{ engineClasses { count records { id } } }")
    assert data["engineClasses"] == {"count": 0, "records": []}
    assert (await api.graphql.refused('{ engineClass(id: "x") { id } }'))["name"] == "not_found"
