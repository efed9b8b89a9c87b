"""Engines and categories over REST."""

from tests.api.clients import Rest
from tests.api.samples import BATCH, CATEGORIES, ENGINES, TRANSCRIBE, WEBSTREAM, WRITER


async def test_engines_are_listed_with_their_count_a_page_at_a_time(rest: Rest) -> None:
    page = (await rest.get("/admin/engines", params={"orderBy": "name", "direction": "ASC", "limit": 2})).json()
    assert (page["success"], page["count"], page["limit"], page["offset"]) == (True, len(ENGINES), 2, 0)
    assert [engine["engineName"] for engine in page["result"]] == ["Batch", "Output Writer"]
    assert page["result"][0]["engineType"] == "batch"
    assert page["result"][0]["engineState"] == "active"


async def test_engines_are_filtered(rest: Rest) -> None:
    async def found(**parameters: str) -> set[str]:
        answer = await rest.get("/admin/engines", params=parameters)
        assert answer.status_code == 200, answer.text
        return {engine["engineID"] for engine in answer.json()["result"]}

    everything = {engine.id for engine in ENGINES}
    assert await found(engineName="SPEECH") == {TRANSCRIBE}
    assert await found(engineCategoryID=CATEGORIES[0].id) == {TRANSCRIBE, WRITER}
    assert await found(engineType="batch") == {BATCH}
    assert await found(engineType="any", engineState="active") == everything
    assert await found(engineState="paused") == set()
    assert await found(engineIDs=f"{BATCH},{TRANSCRIBE}") == {BATCH, TRANSCRIBE}
    assert await found(internalOrganizationID="1") == everything


async def test_an_engine_is_shown_under_each_of_its_ids(rest: Rest) -> None:
    for named in (WEBSTREAM, WEBSTREAM.upper(), *ENGINES[0].aliases):
        answer = (await rest.get(f"/admin/engine/{named}/detail")).json()
        assert answer["success"] is True
        assert answer["result"]["engineID"] == WEBSTREAM
    assert (await rest.get("/admin/engine/00000000-0000-0000-0000-000000000000/detail")).status_code == 404


async def test_categories_are_listed(rest: Rest) -> None:
    answer = (await rest.get("/admin/engine/categories")).json()
    assert answer["success"] is True
    assert {category["engineCategoryName"] for category in answer["result"]} == {"Intake", "Transcription"}
