"""What a page says when something did not work, and that the way on from there works."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.web.conftest import PASSWORD, Place
from tests.web.reader import text

from enginehouse.domain.identity import Role
from enginehouse.operations import identity, tokens
from enginehouse.storage.database.database import unavailable


class Away:
    """A database that does not answer."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def refuse(*given: Any, **named: Any) -> Any:
            raise unavailable("it is away")

        return refuse


@pytest.mark.parametrize("path", ["/", "/jobs/new", "/engines", "/docs", "/nothing"])
async def test_while_the_database_is_away_a_page_says_so_and_can_be_tried_again(place: Place, path: str) -> None:
    reader = await place.signed_in()
    database = place.house.database
    object.__setattr__(place.house, "database", Away())
    place.house.known_tokens.forget([tokens.fingerprint(reader.http.cookies["eh"])])
    answer = await reader.get(f"{path}?a=b")
    if path == "/nothing":
        assert (answer.status_code, "There is no such page." in text(answer)) == (404, True)
    else:
        assert answer.status_code == 503, text(answer)
        assert "The database cannot answer now." in text(answer)
        assert f'href="{path}?a=b"' in answer.text
    object.__setattr__(place.house, "database", database)
    assert (await reader.get("/")).status_code == 200, "the session has not ended"


async def test_whoever_signs_in_while_the_database_is_away_keeps_the_form(place: Place) -> None:
    reader = await place.reader()
    await reader.get("/")
    object.__setattr__(place.house, "database", Away())
    answer = await reader.post("/sign-in", name="ada", password=PASSWORD, next="/")
    assert answer.status_code == 503
    assert 'name="name" value="ada"' in answer.text


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [("/nothing", 404, "Not found"), ("/jobs/77", 404, "Not found"), ("/jobs/new", 403, "Not allowed")],
)
async def test_a_fault_has_the_navigation_and_a_way_out(place: Place, path: str, status: int, title: str) -> None:
    reader = await place.signed_in(Role.READER)
    reader.proof = ""
    answer = await reader.get(path)
    assert (answer.status_code, title in text(answer)) == (status, True)
    assert 'href="/jobs"' in answer.text
    gone = await reader.post("/sign-out")
    assert gone.url.path == "/sign-in", "the form of this page carries its proof"


async def test_whoever_has_no_session_any_more_comes_back_after_signing_in(place: Place) -> None:
    reader = await place.signed_in()
    await identity.logout(place.house, reader.http.cookies["eh"])
    answer = await reader.get("/jobs?status=failed")
    assert answer.url.path == "/sign-in"
    back = await reader.post("/sign-in", name="a user", password=PASSWORD, next=answer.url.params["next"])
    assert (back.url.path, back.url.query) == ("/jobs", b"status=failed")


@pytest.mark.parametrize(
    ("action", "page"),
    [
        ("/jobs/new", "/jobs/new"),
        ("/jobs/7/cancel", "/jobs/7"),
        ("/engines/noop/pause", "/engines"),
        ("/workers/7/drain", "/workers"),
    ],
)
async def test_an_action_without_a_session_leads_back_to_its_page(place: Place, action: str, page: str) -> None:
    reader = await place.signed_in()
    await identity.logout(place.house, reader.http.cookies["eh"])
    answer = await reader.post(action)
    assert (answer.url.path, answer.url.params["next"]) == ("/sign-in", page)
