"""The pages of webhooks: who is told of what, what became of each message, and sending again."""

import re
from pathlib import Path
from typing import Final

import pytest
from tests import make
from tests.web.conftest import Place
from tests.web.reader import Reader, text

from enginehouse.domain.identity import Role
from enginehouse.domain.refs import Ref
from enginehouse.domain.webhooks.retry import Answer
from enginehouse.operations import event_subscriptions, jobs, outbox
from enginehouse.operations.event_subscriptions import BATCH
from enginehouse.storage.database.database import Tx
from enginehouse.web.webhooks import PAGE

URL: Final = "https://93.184.216.34/hook"
NO: Final = Answer(500, "500 Internal Server Error: not today", is_final=True)


async def subscribed(place: Place, reader: Reader, event: str = "JobAborted") -> str:
    """Returns the path of a new subscription, made by its form."""
    await reader.get("/webhooks")
    answer = await reader.post("/webhooks", event=event, url=URL)
    assert answer.status_code == 200, text(answer)
    return answer.url.path


async def ended(place: Place, *, times: int = 1) -> None:
    """So many jobs have ended."""
    for created in await jobs.create(place.house, place.caller, [make.independent(1)] * times):
        await jobs.cancel(place.house, place.caller, Ref.of(created.job_id))


async def given_up(place: Place, *, times: int) -> None:
    """So many jobs have ended, and their messages are given up."""
    await ended(place, times=times)

    async def give_up(tx: Tx) -> None:
        rows = await tx.all("outbox.oldest_waiting", organization_id=place.caller.organization_id, limit=1000)
        await tx.run("outbox.give_up", ids=[number for number, _ in rows], now=tx.now, answer="No.")

    await place.house.database.write(give_up)


async def sent(place: Place, answer: Answer) -> None:
    """Everything that is due has been sent, with this answer."""

    async def send(url: str, headers: dict[str, str], body: bytes | Path) -> Answer:
        return answer

    while attempts := await outbox.claim(place.house, limit=1000):
        for attempt in attempts:
            await outbox.deliver(place.house, attempt, send)


async def test_without_a_subscription_the_page_says_how_to_be_told(place: Place) -> None:
    answer = await (await place.signed_in()).get("/webhooks")
    assert "No address gets events yet" in text(answer)
    assert "Nothing was sent yet" in text(answer)


async def test_a_form_subscribes_and_what_is_wrong_is_said(place: Place) -> None:
    reader = await place.signed_in()
    path = await subscribed(place, reader)
    assert re.fullmatch(r"/webhooks/[-0-9a-f]{36}", path)
    assert f"open JobAborted {URL} subscription" in text(await reader.get("/webhooks"))
    for url, said in (("", "an address is needed"), ("http://127.0.0.1/x", "127.0.0.1"), ("ftp://x", "ftp")):
        answer = await reader.post("/webhooks", event="", url=url)
        assert (answer.status_code, said in text(answer)) == (400, True), text(answer)
    assert (await reader.post("/webhooks", event="Nonsense", url=URL)).status_code == 400


async def test_each_delivery_says_how_it_stands_and_shows_its_message(place: Place) -> None:
    reader = await place.signed_in()
    path = await subscribed(place, reader)
    await ended(place)
    await sent(place, NO)
    answer = await reader.get(path)
    assert "✕ failed JobAborted" in text(answer)
    assert "Given up after 1 attempt. The last answer: 500 Internal Server Error: not today" in text(answer)
    [one] = set(re.findall(r"/webhooks/deliveries/[-0-9a-f]{36}", answer.text))
    shown = await reader.get(one)
    assert '"eventName": "JobAborted"' in text(shown)
    assert "◔ pending" in text(await reader.post(f"{one}/redeliver"))
    await sent(place, Answer(200, "200 OK"))
    assert "✓ delivered" in text(await reader.get(one))
    assert "Send all failed again" not in (await reader.get(path)).text
    assert "1" in text(await reader.get("/webhooks?status=delivered"))
    assert "No delivery is failed" in text(await reader.get("/webhooks?status=failed"))


async def test_all_that_failed_are_sent_again_and_no_others(place: Place) -> None:
    reader = await place.signed_in()
    path, other = await subscribed(place, reader), await subscribed(place, reader, "")
    await given_up(place, times=3)
    await reader.get(path)
    assert text(await reader.post(f"{path}/redeliver")).count("◔ pending") == 3
    assert text(await reader.get(other)).count("✕ failed") == 3


async def test_more_than_a_batch_is_sent_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_subscriptions, "BATCH", 2)
    assert BATCH > 2
    reader = await place.signed_in()
    path = await subscribed(place, reader)
    await given_up(place, times=5)
    await reader.get(path)
    assert text(await reader.post(f"{path}/redeliver")).count("◔ pending") == 5


async def test_a_long_list_goes_on_where_it_ended(place: Place) -> None:
    reader = await place.signed_in()
    path = await subscribed(place, reader)
    await given_up(place, times=PAGE + 1)
    for start in (path, "/webhooks?status=failed"):
        answer = await reader.get(start)
        assert text(answer).count("✕ failed") == PAGE
        [older] = re.findall(r'href="([^"]+)" rel="next"', answer.text)
        rest = await reader.get(older.replace("&amp;", "&"))
        assert text(rest).count("✕ failed") == 1
        assert 'rel="next"' not in rest.text


async def test_a_new_secret_is_shown_once(place: Place) -> None:
    reader = await place.signed_in(Role.ADMIN)
    path = await subscribed(place, reader)
    await reader.get(path)
    answer = await reader.post(f"{path}/secret")
    [secret] = re.findall(r"whsec_[\w+/=]+", answer.text)
    assert secret not in (await reader.get(path)).text
    await reader.get("/webhooks")
    whole = await reader.post("/webhooks/secret")
    assert re.search(r"whsec_", whole.text)


async def test_it_is_deleted(place: Place) -> None:
    reader = await place.signed_in()
    path = await subscribed(place, reader)
    await reader.get(path)
    assert (await reader.post(f"{path}/delete")).url.path == "/webhooks"
    assert (await reader.get(path)).status_code == 404


ACTIONS: Final = ("S/delete", "S/redeliver", "S/secret", "D/redeliver")


@pytest.mark.parametrize("action", [*ACTIONS, "/webhooks", "/webhooks/secret"])
async def test_who_may_only_read_changes_nothing(place: Place, action: str) -> None:
    path, one = await with_delivery(place)
    reader = await place.signed_in(Role.READER)
    for page in ("/webhooks", path, one):
        answer = await reader.get(page)
        shown = answer.text.partition("<main")[2]
        assert answer.status_code == 200
        assert 'method="post"' not in shown
    answer = await reader.post(action.replace("S", path).replace("D", one), url=URL)
    assert answer.status_code == 403


@pytest.mark.parametrize("action", ["S", "D", *ACTIONS])
async def test_a_foreign_one_looks_as_if_it_did_not_exist(place: Place, action: str) -> None:
    path, one = await with_delivery(place)
    reader = await place.stranger()
    for known, delivery in ((path, one), ("/webhooks/x", "/webhooks/deliveries/%00")):
        address = action.replace("S", known).replace("D", delivery)
        answer = await reader.get(address) if action in "SD" else await reader.post(address)
        assert answer.status_code == 404, address
    assert URL not in (await reader.get("/webhooks")).text


async def with_delivery(place: Place) -> tuple[str, str]:
    """Returns the paths of a subscription and of a failed delivery of it."""
    root = await place.reader()
    root.http.cookies.set("eh", place.secret)
    path = await subscribed(place, root)
    await given_up(place, times=1)
    [one] = set(re.findall(r"/webhooks/deliveries/[-0-9a-f]{36}", (await root.get(path)).text))
    return path, one
