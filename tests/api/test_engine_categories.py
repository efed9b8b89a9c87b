"""Engine categories of an organization's own, over both interfaces and on both databases."""

from typing import Any

import pytest
from msgspec import structs
from tests.api.clients import Api, Callers
from tests.api.samples import CATEGORIES, ENGINES
from tests.api.verbs import Verb, document
from tests.thorough import mostly_on_sqlite

from enginehouse.operations import engines

PATH = "/api/v1/engine-categories"
FIELDS = "id name description editable createdDateTime modifiedDateTime type { name }"
VERBS = {
    "list": Verb(f"GET {PATH}", f"query {{ engineCategories {{ records {{ {FIELDS} }} }} }}"),
    "get": Verb(f"GET {PATH}/{{id}}", f"query($id: ID!) {{ engineCategory(id: $id) {{ {FIELDS} }} }}"),
    "create": Verb(f"POST {PATH}", document("createEngineCategory", FIELDS)),
    "update": Verb(f"PATCH {PATH}/{{id}}", document("updateEngineCategory", FIELDS)),
    "delete": Verb(f"DELETE {PATH}/{{id}}", "mutation($id: ID!) { deleteEngineCategory(id: $id) { id } }"),
}
NEW = {"name": "Whale song", "type": "Cognition", "description": "Under water."}
BAD = {"name": " ", "type": "Poetry", "description": "d" * 4097}
PROBLEMS = """name: must be given.
description: must have at most 4096 characters, has 4097.
type: one of Cognition, Ingestion, Aggregator, got "Poetry"."""
BUILT_IN = "This engine category belongs to the server; it can be read, not changed."
# Who wants to do what with which category and with which fields, the error, and words of its message.
REFUSED: list[tuple[str, str, str, dict[str, Any], str, str]] = [
    *(("stranger", verb, "own", {}, "not_found", "was not found") for verb in ("get", "update", "delete")),
    *(("admin", verb, "built-in", {}, "not_allowed", BUILT_IN) for verb in ("update", "delete")),
    *(("user", verb, "own", {}, "not_allowed", "not authorized") for verb in ("update", "delete")),
    ("user", "create", "", NEW, "not_allowed", "not authorized"),
    ("admin", "create", "", BAD, "invalid_input", PROBLEMS),
    ("admin", "update", "own", BAD, "invalid_input", PROBLEMS),
    ("admin", "delete", "in use", {}, "invalid_input", 'cannot be deleted: the engine "Batch" names it.'),
]


@pytest.fixture
async def ids(callers: Callers) -> dict[str, str]:
    """The ids of the categories that there are."""
    admin = callers["admin"]
    made = {name: (await admin.do(VERBS["create"], **NEW)).result["id"] for name in ("own", "in use")}
    await engines.register(admin.house, [structs.replace(ENGINES[-1], category_id=made["in use"])], CATEGORIES)
    return {"": "", "built-in": CATEGORIES[0].id, **made}


async def events(api: Api) -> list[tuple[str, str | None, bool]]:
    return [(row.event, row.object_id, row.success) for row in await api.audit() if row.object_type == "EngineCategory"]


async def test_every_verb_works_and_every_change_is_recorded(callers: Callers, ids: dict[str, str]) -> None:
    admin, own = callers["admin"], ids["own"]
    types = {name: {"name": name} if admin.interface == "GraphQL" else name for name in ("Cognition", "Aggregator")}
    made = (await callers["user"].do(VERBS["get"], own)).result
    assert made == made | NEW | {"type": types["Cognition"], "editable": True}
    assert made["modifiedDateTime"] == made["createdDateTime"]
    changed = (await admin.do(VERBS["update"], own, type="Aggregator")).result
    assert changed == made | {"type": types["Aggregator"], "modifiedDateTime": changed["modifiedDateTime"]}
    for who, names in (("user", ["Intake", "Transcription", "Whale song", "Whale song"]), ("stranger", ["Intake"])):
        assert [each["name"] for each in (await callers[who].do(VERBS["list"])).result][: len(names)] == names
    assert (await callers["stranger"].do(VERBS["get"], ids["built-in"])).result["editable"] is False
    assert [(await admin.do(VERBS[verb], own)).error for verb in ("delete", "get")] == ["", "not_found"]
    recorded = [(f"{verb}EngineCategory", own, True) for verb in ("create", "update", "delete")]
    assert [row for row in await events(admin) if row[1] == own] == recorded


@pytest.mark.parametrize(("who", "verb", "category", "fields", "error", "words"), REFUSED)
@mostly_on_sqlite
async def test_what_is_refused_changes_nothing_and_is_recorded_where_it_is_not_allowed(
    callers: Callers, ids: dict[str, str], who: str, verb: str, category: str, fields: Any, error: str, words: str
) -> None:
    admin = callers["admin"]
    before, recorded = (await admin.do(VERBS["list"])).result, await events(admin)
    answer = await callers[who].do(VERBS[verb], ids[category], **fields)
    assert (answer.error, words in answer.message) == (error, True), answer.message
    assert (await admin.do(VERBS["list"])).result == before
    refused = [(f"{verb}EngineCategory", ids[category] or None, False)] if error == "not_allowed" else []
    assert await events(admin) == recorded + refused


async def test_a_value_of_the_wrong_type_is_named_with_everything_else(api: Api) -> None:
    # Only over REST; in GraphQL the schema refuses it.
    answer = await api.do(VERBS["create"], name=7, type="Poetry")
    assert answer.outcome == ("invalid_input", f"name: string, got 7.\n{PROBLEMS.splitlines()[-1]}")


async def test_a_category_that_only_a_deleted_engine_names_can_be_deleted(api: Api) -> None:
    category = (await api.do(VERBS["create"], **NEW)).result["id"]
    engine = await api.graphql.change("createEngine", name="n", categoryId=category, deploymentModel="HumanReview")
    assert "names it" in (await api.do(VERBS["delete"], category)).message
    await api.graphql.ask(f'mutation {{ deleteEngine(id: "{engine["id"]}") {{ id }} }}')
    assert (await api.do(VERBS["delete"], category)).error == ""
    assert (await api.do(VERBS["get"], category)).error == "not_found"
