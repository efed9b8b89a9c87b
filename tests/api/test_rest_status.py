"""The state of the server, and whether a token gives a right, over REST."""

import csv
import io
from uuid import UUID

import pytest
from tests.api.clients import Api, Rest
from tests.api.samples import BATCH
from tests.thorough import mostly_on_sqlite

from enginehouse import __version__
from enginehouse.domain.identity import Role
from enginehouse.operations import identity, workers
from enginehouse.operations.audit import trail


async def test_the_state_is_shown_in_each_format(rest: Rest) -> None:
    await workers.appear(rest.house, name="<w>", pools={"native": 3, "python": 1}, engines=[BATCH])
    await rest.create()
    await rest.start_one()
    shown = (await rest.get("/admin/status")).json()
    assert (shown["status"], shown["engineToolkitVersion"]) == ("active", __version__)
    table = await rest.get("/admin/status", params={"format": "csv"})
    facts = dict(csv.reader(io.StringIO(table.text)))
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert (facts["name"], facts["connected workers"], facts["worker slots"]) == ("value", "1", "4")
    assert (facts["version"], facts["offered engines"]) == (__version__, "1")
    text = await rest.get("/admin/status", params={"format": "txt"})
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert "worker slots: 4\n" in text.text
    page = await rest.get("/admin/status", params={"format": "html"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<tr><th>worker slots<td>4" in page.text


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("text/csv;q=0.5, text/plain", "text/plain"),
        ("text/html;q=0, text/csv", "text/csv"),
        ("*/*", "application/json"),
        ("image/png", "application/json"),
        ("text/csv;q=x", "application/json"),
    ],
)
@mostly_on_sqlite
async def test_without_a_format_the_header_decides(rest: Rest, accept: str, kind: str) -> None:
    headers = {"Authorization": f"Bearer {rest.token}", "Accept": accept}
    answer = await rest.client.get("/admin/status", headers=headers)
    assert answer.headers["content-type"].partition(";")[0] == kind
    asked = await rest.client.get("/admin/status?format=json", headers=headers)
    assert asked.headers["content-type"] == "application/json"


async def test_an_unknown_format_is_refused(rest: Rest) -> None:
    answer = await rest.get("/admin/status", params={"format": "xml"})
    assert answer.json()["detail"] == 'format: one of json, html, txt, csv, got "xml".'


async def ask(rest: Rest, token: str, right: str, action: str = "execute") -> dict[str, object]:
    asked = {"auth": {"token": token, "permissionID": right, "action": action}}
    result: dict[str, object] = await rest.result("/admin/auth", asked)
    return result


async def test_a_token_gives_the_rights_of_its_role(rest: Rest) -> None:
    root = await identity.authenticate(rest.house, rest.token)
    for role, reads, creates, administers in (
        (Role.READER, True, False, False),
        (Role.USER, True, True, False),
        (Role.ADMIN, True, True, True),
    ):
        secret = (await identity.create_token(rest.house, root, role=role)).secret
        allowed = [(await ask(rest, secret, right))["allow"] for right in ("job.read", "job.create", "user.create")]
        assert allowed == [reads, creates, administers]
    assert (await ask(rest, rest.token, "organization.create", "view"))["action"] == "view"


async def test_the_answer_names_the_token_by_its_id_and_an_invalid_one_gives_nothing(rest: Rest) -> None:
    root = await identity.authenticate(rest.house, rest.token)
    answer = await ask(rest, rest.token, "job.read")
    assert UUID(str(answer["token"]))
    assert answer["token"] not in {rest.token, None}
    issued = await identity.create_token(rest.house, root)
    await identity.revoke_token(rest.house, root, issued.secret)
    for wrong in (issued.secret, "00000000-0000-4000-8000-000000000001"):
        assert await ask(rest, wrong, "job.read") == {
            "permissionID": "job.read", "action": "execute", "allow": False,
        }  # fmt: skip


async def test_wrong_tokens_are_counted_and_slowed(api: Api) -> None:
    api.house.bad_tokens.allowed = 2
    api.house.bad_tokens.clock = lambda: 0.0
    wrong = {"auth": {"token": "not-a-token", "permissionID": "job.read"}}
    answers = [await api.edge.post("/admin/auth", wrong) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) > 0
    assert all(trail.printable("not-a-token") not in repr(row) for row in await api.audit())


async def test_all_problems_of_a_question_come_at_once(rest: Rest) -> None:
    answer = await rest.post("/admin/auth", {"auth": {"permissionID": "job.fly", "action": "maybe"}})
    assert answer.status_code == 400
    assert answer.json()["detail"].split("\n") == [
        "auth.token: must be given.",
        'auth.action: one of view, execute, got "maybe".',
        'auth.permissionID: "job.fly" was not found.',
    ]
    empty = await rest.post("/admin/auth", {"auth": {"token": "", "permissionID": "", "action": ""}})
    assert empty.json()["detail"].count("must be given") == 2


async def test_a_category_is_shown_with_its_times(api: Api) -> None:
    made = await api.v1.result("engine-categories", {"name": "Own", "type": "Cognition"})
    shown = await api.edge.result(f"/admin/engine/category/{made['id']}/detail")
    assert (shown["engineCategoryName"], shown["engineCategoryType"]) == ("Own", "Cognition")
    other = await api.another_organization()
    assert (await other.edge.get(f"/admin/engine/category/{made['id']}/detail")).status_code == 404
    assert (await api.edge.get("/admin/engine/category/x/detail")).status_code == 400
