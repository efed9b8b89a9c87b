"""The pages of acts on many jobs, without JavaScript: select, see the plan, do it, follow it, take it back."""

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from tests import make
from tests.web.conftest import Place
from tests.web.reader import Reader, text

from enginehouse.domain.bulk_acts import Act
from enginehouse.domain.identity import Role
from enginehouse.domain.ids import job_graphql
from enginehouse.domain.job import JobFilter
from enginehouse.domain.refs import Ref
from enginehouse.domain.status import JobStatus
from enginehouse.operations import bulk_act_batches, bulk_acts, jobs, limits
from enginehouse.operations.house import House, Limits


async def created(place: Place, count: int) -> list[int]:
    return [job.job_id for job in await jobs.create(place.house, place.caller, [make.independent(1)] * count)]


async def carried_out(place: Place) -> None:
    while await bulk_act_batches.apply(place.house):
        pass


def fields(answer: httpx.Response) -> dict[str, Any]:
    """Returns the hidden fields of the form on the page."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', answer.text)
    return {name: unescape(value) for name, value in found if name != "csrf"}


async def send(reader: Reader, plan: httpx.Response) -> httpx.Response:
    return await reader.post("/bulk-acts", **fields(plan))


async def test_the_selected_jobs_are_planned_paused_followed_and_resumed(place: Place) -> None:
    one, two, other = await created(place, 3)
    await limits.pause_job(place.house, place.caller, Ref.of(two))
    reader = await place.signed_in()
    assert f'name="pick" value="{job_graphql(one)}"' in (await reader.get("/jobs")).text
    picks = urlencode([("rule", ""), ("pick", job_graphql(one)), ("pick", job_graphql(two)), ("act", "pause")])
    plan = await reader.get(f"/bulk-acts/plan?{picks}")
    shown = text(plan)
    assert "Pause 1 of 2 jobs? 2 match, and 1 of them would be changed. Nothing has happened yet." in shown
    assert "1 The job is paused already." in shown
    assert "It can be taken back" in shown
    assert job_graphql(other) not in shown
    under_way = await send(reader, plan)
    assert under_way.url.path == "/bulk-acts/1"
    assert "Under way: 2 of 2 to go." in text(under_way)
    assert 'hx-trigger="every 1s"' in under_way.text
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in under_way.text
    await carried_out(place)
    part = await reader.get("/bulk-acts/1/progress")
    assert "Done: 1 of 2 changed." in part.text
    assert "hx-trigger" not in part.text, "nobody asks again"
    done = await reader.get("/bulk-acts/1")
    assert "refresh" not in done.text
    undo = await reader.post("/bulk-acts/1/undo")
    assert "It takes back another act" in text(undo)
    await carried_out(place)
    paused = [(await jobs.get(place.house, place.caller, Ref.of(each))).paused_at is not None for each in (one, two)]
    assert paused == [False, True]
    assert "It was taken back by another act" in text(await reader.get("/bulk-acts/1"))
    earlier = text(await reader.get("/bulk-acts"))
    assert "taken back" in earlier
    assert "Resume takes back another one" in earlier


async def test_all_that_match_are_those_that_exist_when_the_plan_is_shown(place: Place) -> None:
    ids = await created(place, 60)
    await jobs.cancel(place.house, place.caller, Ref.of(ids[0]))
    reader = await place.signed_in()
    assert "All 59 that match these filters" in text(await reader.get("/jobs?status=pending"))
    plan = await reader.get(f"/bulk-acts/plan?{urlencode({'rule': 'status=pending', 'all': 'yes', 'act': 'stop'})}")
    assert "Stop 59 jobs?" in text(plan)
    assert "It cannot be taken back" in text(plan)
    assert plan.text.count('<a href="/jobs/') == 10, "a sample"
    [late] = await created(place, 1)
    twice = fields(plan)
    first, second = [await reader.post("/bulk-acts", **twice) for _ in range(2)]
    assert first.url == second.url, "a form that is sent twice is one act"
    await carried_out(place)
    assert await jobs.status(place.house, place.caller, Ref.of(late)) is JobStatus.PENDING
    assert "Done: 59 of 59 changed." in text(await reader.get(first.url.path))


async def test_who_has_seen_fewer_sees_a_new_plan(place: Place) -> None:
    careful = House.build(place.house.database, place.house.store, Limits(unconfirmed_cancels=2))
    object.__setattr__(place.house, "limits", careful.limits)
    await created(place, 4)
    reader = await place.signed_in()
    plan = await reader.get(f"/bulk-acts/plan?{urlencode({'rule': 'status=pending', 'all': 'yes', 'act': 'pause'})}")
    again = await reader.post("/bulk-acts", **{**fields(plan), "confirm": "3"})
    assert "More jobs match by now than you have seen." in text(again)
    assert "Pause 4 jobs?" in text(again)
    assert "Under way" in text(await send(reader, again))


async def test_nothing_selected_and_what_is_no_act_is_said(place: Place) -> None:
    reader = await place.signed_in()
    assert "Nothing is selected" in text(await reader.get("/bulk-acts/plan?rule=status%3Dfailed&act=retry"))
    wrong = await reader.get("/bulk-acts/plan?all=yes&act=burn")
    assert (wrong.status_code, "one of cancel, stop, retry, pause, resume" in text(wrong)) == (400, True)
    assert "None yet" in text(await reader.get("/bulk-acts"))
    for path in ("/bulk-acts/77", "/bulk-acts/x", "/bulk-acts/77/progress"):
        assert (await reader.get(path)).status_code == 404


async def test_readers_may_only_look(place: Place) -> None:
    [job_id] = await created(place, 1)
    act = await bulk_acts.start(place.house, place.caller, Act.PAUSE, JobFilter(ids=(job_id,)))
    reader = await place.signed_in(Role.READER)
    listed = await reader.get("/jobs")
    assert 'name="pick"' not in listed.text
    assert "/bulk-acts" not in listed.text
    assert "Retry" not in text(listed)
    shown = await reader.get(f"/bulk-acts/{act.id}")
    assert "Undo" not in text(shown)
    plan = await reader.get("/bulk-acts/plan?rule=status%3Dpending&all=yes&act=pause")
    assert plan.status_code == 403
    form: dict[str, Any] = {"act": "pause", "rule": "status=pending", "confirm": "1"}
    for path in ("/bulk-acts", f"/bulk-acts/{act.id}/undo"):
        assert (await reader.post(path, **form)).status_code == 403
    assert len(await bulk_acts.list_(place.house, place.caller)) == 1


async def test_another_organization_finds_no_act_and_no_job(place: Place) -> None:
    [job_id] = await created(place, 1)
    act = await bulk_acts.start(place.house, place.caller, Act.PAUSE, JobFilter(ids=(job_id,)))
    stranger = await place.stranger()
    plan = await stranger.get(f"/bulk-acts/plan?pick={job_graphql(job_id)}&act=stop")
    assert "Stop 0 jobs?" in text(plan)
    for path in (f"/bulk-acts/{act.id}", f"/bulk-acts/{act.id}/progress"):
        assert (await stranger.get(path)).status_code == 404
    assert (await stranger.post(f"/bulk-acts/{act.id}/undo")).status_code == 404
    assert "None yet" in text(await stranger.get("/bulk-acts"))


@pytest.mark.parametrize("proof", ["", "0" * 64])
async def test_a_forged_form_does_nothing(place: Place, proof: str) -> None:
    await created(place, 1)
    reader = await place.signed_in()
    form: dict[str, Any] = {"act": "stop", "rule": "status=pending", "confirm": "1"}
    assert (await reader.post("/bulk-acts", proof=proof, **form)).status_code == 403
    assert await bulk_acts.list_(place.house, place.caller) == []
