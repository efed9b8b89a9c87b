"""Engine categories of an organization's own, over both interfaces and on both databases."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from msgspec import structs
from tests.api.clients import TOKEN
from tests.api.samples import CATEGORIES, ENGINES

from enginehouse.api.asgi import application
from enginehouse.domain.audit import AuditFilter
from enginehouse.domain.identity import Role
from enginehouse.operations import accounts, engines, identity
from enginehouse.operations.house import House
from enginehouse.storage.audit import entries

FIELDS = "id name description editable createdDateTime modifiedDateTime type { name }"
VERBS = {  # the verb → its method, and its field in GraphQL
    "list": ("GET", "query { engineCategories { records { FIELDS } } }"),
    "get": ("GET", "query($id: ID!) { engineCategory(id: $id) { FIELDS } }"),
    "create": ("POST", "mutation($input: CreateEngineCategory!) { createEngineCategory(input: $input) { FIELDS } }"),
    "update": ("PATCH", "mutation($input: UpdateEngineCategory!) { updateEngineCategory(input: $input) { FIELDS } }"),
    "delete": ("DELETE", "mutation($id: ID!) { deleteEngineCategory(id: $id) { id } }"),
}
NEW = {"name": "Whale song", "type": "Cognition", "description": "Under water."}
BAD = {"name": " ", "type": "Poetry", "description": "d" * 4097}
SAID = """name: must be given.
description: must have at most 4096 characters, has 4097.
type: one of Cognition, Ingestion, Aggregator, got "Poetry"."""
BUILT_IN = "This engine category belongs to the server; it can be read, not changed."
# Who wants to do what with which category, what is wrong with it, and words of what is told.
REFUSED: list[tuple[str, str, str, dict[str, Any], str, str]] = [
    *(("stranger", verb, "own", {}, "not_found", "was not found") for verb in ("get", "update", "delete")),
    *(("admin", verb, "built-in", {}, "not_allowed", BUILT_IN) for verb in ("update", "delete")),
    *(("user", verb, "own", {}, "not_allowed", "not authorized") for verb in ("update", "delete")),
    ("user", "create", "", NEW, "not_allowed", "not authorized"),
    ("admin", "create", "", BAD, "invalid_input", SAID),
    ("admin", "update", "own", BAD, "invalid_input", SAID),
    ("admin", "delete", "in use", {}, "invalid_input", 'cannot be deleted: the engine "Batch" names it.'),
]


@dataclass
class Callers:
    """An administrator, a user and a stranger who speak one of the interfaces; and the categories that there are."""

    client: httpx.AsyncClient
    house: House
    interface: str
    tokens: dict[str, str] = field(default_factory=lambda: {"admin": TOKEN})
    ids: dict[str, str] = field(default_factory=lambda: {"": "", "built-in": CATEGORIES[0].id})

    async def ask(self, who: str, verb: str, category: str = "", **fields: Any) -> tuple[str, Any]:
        """What is wrong, and what is told."""
        (method, document), known = VERBS[verb], {"id": self.ids[category]} if category else {}
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        if self.interface == "REST":
            path = "/".join(["/api/v1/engine-categories", *known.values()])
            body = fields if method in {"POST", "PATCH"} else None
            answer = await self.client.request(method, path, json=body, headers=headers)
            told = answer.json() if answer.content else {}
            return ("", told.get("result")) if answer.is_success else (told["id"], told["detail"])
        sent = {"query": document.replace("FIELDS", FIELDS), "variables": {**known, "input": known | fields}}
        told = (await self.client.post("/v3/graphql", json=sent, headers=headers)).json()
        if "errors" in told:
            return told["errors"][0]["name"], told["errors"][0]["message"]
        [found] = told["data"].values()
        for one in found.get("records", [found]):
            one["type"] = one.get("type", {}).get("name")
        return "", found.get("records", found)

    async def events(self) -> list[tuple[str, str | None, bool]]:
        rows = await self.house.database.read(lambda tx: entries.page(tx, (1, 2), AuditFilter(limit=100)))
        return [(row.event, row.object_id, row.success) for row in rows[::-1] if row.object_type == "EngineCategory"]


@pytest.fixture(params=["REST", "GraphQL"])
async def callers(house: House, request: pytest.FixtureRequest) -> AsyncIterator[Callers]:
    chief = await identity.authenticate(house, TOKEN)
    other = await accounts.create_organization(house, chief, "Other")
    transport = httpx.ASGITransport(app=application(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        made = Callers(client, house, request.param)
        made.tokens["user"] = (await identity.create_token(house, chief, role=Role.USER)).secret
        made.tokens["stranger"] = (await identity.create_token(house, chief, organization_id=other.id)).secret
        made.ids |= {name: (await made.ask("admin", "create", **NEW))[1]["id"] for name in ("own", "in use")}
        await engines.register(house, [structs.replace(ENGINES[-1], category_id=made.ids["in use"])], CATEGORIES)
        yield made


async def test_a_category_is_created_read_changed_and_deleted_and_every_change_is_recorded(callers: Callers) -> None:
    _, made = await callers.ask("user", "get", "own")
    assert made | NEW | {"editable": True, "modifiedDateTime": made["createdDateTime"]} == made
    _, changed = await callers.ask("admin", "update", "own", type="Aggregator")
    assert changed == made | {"type": "Aggregator", "modifiedDateTime": changed["modifiedDateTime"]}
    for who, names in (("user", ["Intake", "Transcription", "Whale song", "Whale song"]), ("stranger", ["Intake"])):
        assert [one["name"] for one in (await callers.ask(who, "list"))[1]][: len(names)] == names
    assert (await callers.ask("stranger", "get", "built-in"))[1]["editable"] is False
    assert (await callers.ask("admin", "delete", "own"))[0] == ""
    assert (await callers.ask("admin", "get", "own"))[0] == "not_found"
    verbs = ["createEngineCategory", "updateEngineCategory", "deleteEngineCategory"]
    assert [row for row in await callers.events() if row[1] == made["id"]] == [
        (verb, made["id"], True) for verb in verbs
    ]


@pytest.mark.parametrize(("who", "verb", "category", "fields", "wrong", "words"), REFUSED)
async def test_what_is_refused_changes_nothing_and_is_recorded_where_it_is_not_allowed(
    callers: Callers, who: str, verb: str, category: str, fields: dict[str, Any], wrong: str, words: str
) -> None:
    before, events = await callers.ask("admin", "list"), await callers.events()
    name, told = await callers.ask(who, verb, category, **fields)
    assert (name, words in told) == (wrong, True), told
    assert await callers.ask("admin", "list") == before
    refused = [(f"{verb}EngineCategory", callers.ids[category] or None, False)] if wrong == "not_allowed" else []
    assert await callers.events() == events + refused


async def test_a_value_of_the_wrong_type_is_said_with_everything_else(callers: Callers) -> None:
    if callers.interface == "REST":  # in GraphQL the schema refuses it
        expected = ("invalid_input", f"name: string, got 7.\n{SAID.splitlines()[-1]}")
        assert await callers.ask("admin", "create", name=7, type="Poetry") == expected
