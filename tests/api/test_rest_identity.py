"""Logins, tokens, and requests without a valid token, over REST."""

import re
from uuid import UUID

import pytest
from tests.api.clients import Rest

from enginehouse.domain.identity import Role
from enginehouse.operations import accounts, identity


@pytest.mark.parametrize(
    "header",
    [
        ("Authorization", "Bearer {}"),
        ("Authorization", "Bearer: {}"),
        ("Authorization", "bearer {}"),
        ("api_key", "{}"),
    ],
)
async def test_a_token_is_taken_from_either_header(rest: Rest, header: tuple[str, str]) -> None:
    name, form = header
    answer = await rest.client.get("/proc/jobs", headers={name: form.format(rest.token)})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"api_key": "7f9bfa70-93f4-4a4e-a5b0-000000000000"},
    ],
)
async def test_without_a_good_token_the_answer_is_401(rest: Rest, headers: dict[str, str]) -> None:
    answer = await rest.client.get("/proc/jobs", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["id"] == "authentication_error"
    assert set(answer.json()) == {"id", "description", "detail"}


async def test_a_user_signs_in_and_works_with_the_session(rest: Rest) -> None:
    root = await identity.authenticate(rest.house, rest.token)
    await accounts.create_user(rest.house, root, name="ann@example.com", password="correct horse", role=Role.USER)
    answer = await rest.client.post(
        "/admin/users/login", json={"username": "ann@example.com", "password": "correct horse"}
    )
    assert answer.status_code == 200
    body = answer.json()
    assert body["success"] is True
    UUID(body["token"])
    assert body["result"]["userName"] == "ann@example.com"
    assert body["result"]["isSuperAdmin"] is False
    assert await Rest(rest.client, rest.house, body["token"]).create()


async def test_a_wrong_password_and_an_unknown_user_are_answered_alike(rest: Rest) -> None:
    root = await identity.authenticate(rest.house, rest.token)
    await accounts.create_user(rest.house, root, name="ann", password="correct horse")
    answers = [
        await rest.client.post("/admin/users/login", json={"username": name, "password": "wrong"})
        for name in ("ann", "bob")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()


async def test_a_token_is_made_once_and_works(rest: Rest) -> None:
    answer = await rest.post(
        "/admin/tokens/create", {"token": {"type": "api", "expiration": 0, "organizationIDs": ["1"]}}
    )
    assert answer.status_code == 200
    result = answer.json()["result"]
    UUID(result["tokenID"])
    assert result["type"] == "api"
    assert "expiration" not in result
    assert (await Rest(rest.client, rest.house, result["tokenID"]).get("/proc/jobs")).status_code == 200
    later = await rest.post("/admin/tokens/create", {"token": {"expiration": 4_000_000_000}})
    assert later.json()["result"]["expiration"] == "2096-10-02T07:06:40Z"


async def test_what_a_token_would_not_keep_is_refused(rest: Rest) -> None:
    for asked in ({"type": "host"}, {"accessAllOrganization": True}, {"hostID": "x"}):
        assert (await rest.post("/admin/tokens/create", {"token": asked})).status_code == 501
    bogus = await rest.post("/admin/tokens/create", {"token": {"type": "bogus"}})
    assert bogus.json()["detail"] == 'token.type: one of engine_instance, host, api, user, got "bogus".'


async def test_a_token_for_a_foreign_organization_is_refused_as_unknown(rest: Rest) -> None:
    other = await rest.another_organization()
    for named in ("1", "99"):
        answer = await other.post("/admin/tokens/create", {"token": {"organizationIDs": [named]}})
        assert answer.status_code == 404


async def test_a_reader_may_look_and_nothing_else(rest: Rest) -> None:
    root = await identity.authenticate(rest.house, rest.token)
    issued = await identity.create_token(rest.house, root, role=Role.READER)
    reader = Rest(rest.client, rest.house, issued.secret)
    job_id = await rest.create()
    assert (await reader.get(f"/proc/job/{job_id}/status")).status_code == 200
    for path, body in (
        ("/proc/job/create", {"jobs": [{"tasks": []}]}),
        ("/proc/jobs/cancel", {"jobID": job_id}),
        (f"/proc/job/{job_id}/delete", None),
        ("/admin/tokens/create", {"token": {}}),
    ):
        refused = await reader.post(path, body)
        assert (refused.status_code, refused.json()["id"]) == (403, "not_allowed")


async def test_no_answer_repeats_a_secret(rest: Rest) -> None:
    answer = await rest.client.get("/proc/jobs", headers={"Authorization": "Bearer very-secret-token"})
    assert not re.search("very-secret", answer.text + str(answer.headers))
