"""Engine categories of an organization's own, over both interfaces and on both databases."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from msgspec import structs
from tests.api.conftest import TOKEN
from tests.api.rest_client import CATEGORIES, ENGINES

from enginehouse.api.asgi import application
from enginehouse.domain.audit import AuditFilter
from enginehouse.domain.identity import Role
from enginehouse.operations import accounts, engines, identity
from enginehouse.operations.house import House
from enginehouse.storage.audit import entries

BUILT_IN = CATEGORIES[0].id
NOBODYS = "00000000-0000-4000-8000-000000000000"
FIELDS = "id name description editable createdDateTime modifiedDateTime type { name }"
ASKED = {
    "list": ("GET", "query { answer: engineCategories { count records { %s } } }"),
    "get": ("GET", "query($id: ID!) { answer: engineCategory(id: $id) { %s } }"),
    "create": (
        "POST",
        "mutation($input: CreateEngineCategory!) { answer: createEngineCategory(input: $input) { %s } }",
    ),
    "update": (
        "PATCH",
        "mutation($input: UpdateEngineCategory!) { answer: updateEngineCategory(input: $input) { %s } }",
    ),
    "delete": ("DELETE", "mutation($id: ID!) { answer: deleteEngineCategory(id: $id) { id } }"),
}


@dataclass(frozen=True)
class Caller:
    """One caller of one of the interfaces; an answer is (what went wrong, what is told)."""

    client: httpx.AsyncClient
    house: House
    interface: str
    token: str = TOKEN

    async def ask(self, verb: str, category_id: str = "", **fields: Any) -> tuple[str, Any]:
        method, document = ASKED[verb]
        headers = {"Authorization": f"Bearer {self.token}"}
        if self.interface == "REST":
            path = "/api/v1/engine-categories" + (f"/{category_id}" if category_id else "")
            body = fields if method in {"POST", "PATCH"} else None
            answer = await self.client.request(method, path, json=body, headers=headers)
            told = answer.json() if answer.content else {}
            return ("", told.get("result")) if answer.is_success else (told["id"], told["detail"])
        known = {"id": category_id} if category_id else {}
        variables = {"input": known | fields} if "$input" in document else known
        query = document.replace("%s", FIELDS)
        answer = await self.client.post("/v3/graphql", json={"query": query, "variables": variables}, headers=headers)
        told = answer.json()
        if "errors" in told:
            [error] = told["errors"]
            return error["name"], error["message"]
        found = told["data"]["answer"]
        return "", [_flat(one) for one in found["records"]] if verb == "list" else _flat(found)

    async def done(self, verb: str, category_id: str = "", **fields: Any) -> Any:
        """What is told when all goes well."""
        wrong, told = await self.ask(verb, category_id, **fields)
        assert wrong == "", told
        return told

    async def created(self) -> str:
        category = await self.done("create", name="Whale song", type="Cognition", description="Under water.")
        category_id: str = category["id"]
        return category_id

    async def another(self, organization_id: int = 1, role: Role = Role.ADMIN) -> "Caller":
        chief = await identity.authenticate(self.house, TOKEN)
        if organization_id == 2:
            await accounts.create_organization(self.house, chief, "Other")
        issued = await identity.create_token(self.house, chief, organization_id=organization_id, role=role)
        return replace(self, token=issued.secret)

    async def events(self) -> list[tuple[str, str | None, bool]]:
        rows = await self.house.database.read(lambda tx: entries.page(tx, (1, 2), AuditFilter(limit=100)))
        return [(row.event, row.object_id, row.success) for row in rows[::-1] if row.object_type == "EngineCategory"]


def _flat(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"type": found["type"]["name"]} if "type" in found else found


@pytest.fixture(params=["REST", "GraphQL"])
async def admin(house: House, request: pytest.FixtureRequest) -> AsyncIterator[Caller]:
    transport = httpx.ASGITransport(app=application(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Caller(client, house, request.param)


async def test_a_category_is_created_read_changed_and_deleted_and_every_change_is_recorded(admin: Caller) -> None:
    made = await admin.done("create", name="Whale song", type="Cognition", description="Under water.")
    known = {"name": "Whale song", "type": "Cognition", "description": "Under water.", "editable": True}
    assert made | known == made
    assert made["createdDateTime"] == made["modifiedDateTime"]
    assert await admin.done("get", made["id"].upper()) == made
    changed = await admin.done("update", made["id"], type="Aggregator")
    assert changed == made | {"type": "Aggregator", "modifiedDateTime": changed["modifiedDateTime"]}
    assert [one["name"] for one in await admin.done("list")] == ["Intake", "Transcription", "Whale song"]
    await admin.done("delete", made["id"])
    assert (await admin.ask("get", made["id"]))[0] == "not_found"
    verbs = ["createEngineCategory", "updateEngineCategory", "deleteEngineCategory"]
    assert await admin.events() == [(verb, made["id"], True) for verb in verbs]


async def test_a_foreign_category_is_as_unknown_as_one_that_is_not_there(admin: Caller) -> None:
    category_id, stranger = await admin.created(), await admin.another(organization_id=2)
    for verb, fields in (("get", {}), ("update", {"name": "mine"}), ("delete", {})):
        foreign, unknown = [await stranger.ask(verb, one, **fields) for one in (category_id, NOBODYS)]
        assert foreign[0] == "not_found"
        assert foreign[1].replace(category_id, NOBODYS) == unknown[1]
    assert [one["name"] for one in await stranger.done("list")] == ["Intake", "Transcription"]
    assert (await admin.done("get", category_id))["name"] == "Whale song"


async def test_a_built_in_category_is_read_by_all_and_changed_by_none(admin: Caller) -> None:
    before = await (await admin.another(role=Role.READER)).done("get", BUILT_IN)
    assert (before["name"], before["editable"]) == ("Transcription", False)
    for verb, fields in (("update", {"name": "mine"}), ("delete", {})):
        wrong, told = await admin.ask(verb, BUILT_IN, **fields)
        assert wrong == "not_allowed"
        assert told == "This engine category belongs to the server; it can be read, not changed."
    assert await admin.done("get", BUILT_IN) == before
    refused = [("updateEngineCategory", BUILT_IN, False), ("deleteEngineCategory", BUILT_IN, False)]
    assert await admin.events() == refused


async def test_only_an_administrator_changes_categories(admin: Caller) -> None:
    category_id, user = await admin.created(), await admin.another(role=Role.USER)
    fields = {"name": "n", "type": "Cognition"}
    for verb, subject, given in (("create", "", fields), ("update", category_id, fields), ("delete", category_id, {})):
        assert (await user.ask(verb, subject, **given))[0] == "not_allowed"
    assert (await user.done("get", category_id))["name"] == "Whale song"


async def test_everything_that_is_wrong_is_said_at_once(admin: Caller) -> None:
    wrong = {"name": " ", "type": "Poetry", "description": "d" * 4097}
    problems = [
        "name: must be given.",
        'type: one of Cognition, Ingestion, Aggregator, got "Poetry".',
        "description: must have at most 4096 characters, has 4097.",
    ]
    category_id = await admin.created()
    for verb, subject in (("create", ""), ("update", category_id)):
        assert await admin.ask(verb, subject, **wrong) == ("invalid_input", "\n".join(problems))
    assert (await admin.done("get", category_id))["name"] == "Whale song"
    if admin.interface == "REST":  # of GraphQL the schema itself refuses these
        told = await admin.ask("create", name=7, type="Poetry")
        assert told == ("invalid_input", f"name: string, got 7.\n{problems[1]}")
        assert await admin.ask("create") == ("invalid_input", "name: must be given.\ntype: must be given.")


async def test_an_engine_may_name_the_category_which_then_cannot_be_deleted(admin: Caller) -> None:
    category_id = await admin.created()
    spec = structs.replace(ENGINES[0], category_id=category_id)
    await engines.register(admin.house, [spec], CATEGORIES)
    wrong, told = await admin.ask("delete", category_id)
    text = f'id: "{category_id}" cannot be deleted: the engine "{spec.name}" names it.'
    assert (wrong, told) == ("invalid_input", f"{text} Declare another category there first.")
    stranger = await admin.another(organization_id=2)
    answer = await admin.client.post(
        "/v3/graphql",
        json={"query": f'{{ engine(id: "{spec.id}") {{ categoryId category {{ name }} }} }}'},
        headers={"Authorization": f"Bearer {stranger.token}"},
    )
    assert answer.json()["data"] == {"engine": {"categoryId": category_id, "category": None}}
    await engines.register(admin.house, ENGINES, CATEGORIES)
    await admin.done("delete", category_id)
