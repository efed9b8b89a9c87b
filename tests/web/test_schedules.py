"""The pages of schedules: what they show to whom, and that a form does what its preview says."""

import re
from datetime import datetime
from typing import Final

import pytest
from tests.operations.scheduled import recurring, scheduled
from tests.web.conftest import Place
from tests.web.reader import text

from enginehouse.domain.identity import Role
from enginehouse.domain.refs import Ref
from enginehouse.domain.schedules.filter import ScheduleFilter
from enginehouse.domain.schedules.request import RecurringPart, ScheduleRequest
from enginehouse.domain.schedules.schedule import Schedule
from enginehouse.domain.schedules.timing import Overlap, RunMode, Unit
from enginehouse.engines.native import CATEGORIES, ENGINES
from enginehouse.operations import engines, jobs
from enginehouse.operations.schedules import firing, schedules
from enginehouse.operations.schedules.launches import launch_schedule
from enginehouse.web.schedule_form import rhythm_text
from enginehouse.web.schedules import PAGE
from enginehouse_engines import extract, keywords, language, sentiment

FORM: Final = {
    "name": "nightly", "mode": "recurring", "every": "day at 21:30", "zone": "Europe/Prague", "engine": "noop",
    "payload": '{"a": 1}', "overlap": "skip", "catch_up": "last", "jitter": "5 min",
}  # fmt: skip


async def all_of(place: Place) -> list[Schedule]:
    return (await schedules.list_(place.house, place.caller, ScheduleFilter(own=True)))[0]


async def test_without_a_schedule_the_page_says_what_one_is_for(place: Place) -> None:
    reader = await place.signed_in()
    answer = await reader.get("/schedules")
    assert "No schedules yet" in text(answer)
    assert 'href="/schedules/new"' in answer.text


async def test_the_list_says_when_each_runs_next_and_how_its_last_job_ended(place: Place) -> None:
    daily, once = (
        await recurring(place.house, "daily", principal=place.caller),
        await scheduled(place.house, "once", principal=place.caller),
    )
    await launch_schedule(place.house, place.caller, Ref.of(once.id))
    await schedules.update(place.house, place.caller, Ref.of(once.id), ScheduleRequest(is_active=False))
    reader = await place.signed_in(Role.READER)
    answer = await reader.get("/schedules")
    assert re.search(r"paused once .* – ○ pending", text(answer))
    assert re.search(r"active daily Runs every day at 21:30 \(UTC\)\. \d{4}-\d\d-\d\d 21:30:00 UTC – 0 0", text(answer))
    assert f'href="/schedules/{daily.id}"' in answer.text
    assert "New schedule" not in text(answer)
    assert "1–1 of 1" in text(await reader.get("/schedules?state=paused&name=ONC"))
    assert "No schedule matches" in text(await reader.get("/schedules?name=nothing"))


async def test_a_long_list_has_pages(place: Place) -> None:
    for number in range(PAGE + 1):
        await scheduled(place.house, f"s{number}", principal=place.caller)
    reader = await place.signed_in()
    answer = await reader.get("/schedules?state=active")
    assert f"1–{PAGE} of {PAGE + 1}" in text(answer)
    assert f"{PAGE + 1}–{PAGE + 1} of" in text(await reader.get("/schedules?state=active&page=2"))
    assert "page=2" in answer.text


async def test_one_shows_its_calendar_and_its_past_slots_with_their_jobs(place: Place) -> None:
    often = await recurring(
        place.house, "often", principal=place.caller, recurring=(RecurringPart(unit=Unit.SECONDS, every=1),)
    )
    while not (await firing.fire_due(place.house, firing.JobCache()))[0].jobs:
        pass
    reader = await place.signed_in(Role.READER)
    answer = await reader.get(f"/schedules/{often.id}")
    assert "Runs every second" in text(answer)
    assert "more than 100" in text(answer)
    assert re.search(r"fired \d{8}_\w{10}", text(answer))
    assert "<button" not in answer.text.partition("<main")[2]
    later = await reader.get(f"/schedules/{often.id}?month=2031-02")
    assert "February 2031 on the clock of UTC" in text(later)
    assert "?month=2031-01#calendar" in later.text
    now = datetime.now().astimezone()
    for wrong in ("nonsense", "9999-12", "0001-01", "2026-13"):
        assert f"{now:%Y}" in text(await reader.get(f"/schedules/{often.id}?month={wrong}"))


async def test_a_form_makes_the_schedule_that_it_describes(place: Place) -> None:
    reader = await place.signed_in()
    await reader.get("/schedules/new")
    answer = await reader.post("/schedules/new", FORM)
    assert (answer.status_code, "nightly" in text(answer)) == (200, True)
    [made] = await all_of(place)
    assert (made.run_mode, rhythm_text(made.timing), made.timing.zone) == (
        RunMode.RECURRING, "1 days at 21:30", "Europe/Prague",
    )  # fmt: skip
    assert (made.rules.overlap, made.rules.jitter_seconds) == (Overlap.SKIP, 300)


async def test_a_pipeline_becomes_the_job_of_each_run(place: Place) -> None:
    specs = [*(each.spec for each in ENGINES), *(each.engine.spec for each in (extract, keywords, language, sentiment))]
    await engines.register(place.house, specs, CATEGORIES)
    reader = await place.signed_in()
    shown = await reader.get("/schedules/new")
    assert re.findall(r'<option value="(chunk|transcribe|understand)">', shown.text) == [
        "chunk", "transcribe", "understand",
    ]  # fmt: skip
    fields = {"pipeline": "understand", "input": "https://a.example/news", "media_type": "text/html; charset=utf-8"}
    await reader.post("/schedules/new", FORM | {"engine": "", "payload": ""} | fields)
    [made] = await all_of(place)
    assert made.description == "understand of text/html at https://a.example/news"
    [created] = await launch_schedule(place.house, place.caller, Ref.of(made.id))
    tasks = (await jobs.get(place.house, place.caller, Ref.of(created.job_id))).tasks
    assert (len(tasks), tasks[0].plan.payload) == (7, {"url": "https://a.example/news"})
    assert [each.plan.engine_id for each in tasks][1] == extract.ID


async def test_a_form_changes_only_what_it_changes(place: Place) -> None:
    part = RecurringPart(unit=Unit.DAYS, every=1, start="21:30", duration_seconds=60)
    old = await recurring(place.house, "daily", principal=place.caller, zone="Asia/Tokyo", recurring=(part,))
    reader = await place.signed_in()
    page = await reader.get(f"/schedules/{old.id}/edit")
    given = dict(re.findall(r'<input id="(\w+)" name="\w+" value="([^"]*)"', page.text))
    given |= {"mode": "recurring", "every": rhythm_text(old.timing), "name": "renamed"}
    await reader.post(f"/schedules/{old.id}/edit", given)
    [new] = await all_of(place)
    assert (new.name, new.timing) == ("renamed", old.timing)
    assert new.timing.recurring[0].duration_seconds == 60, "the form has no field for it"
    assert "Runs every day at 21:30" in text(await reader.get(f"/schedules/{old.id}"))
    await reader.post(f"/schedules/{old.id}/edit", given | {"every": "mon, fri at 9am"})
    [new] = await all_of(place)
    assert rhythm_text(new.timing) == "monday at 09:00\nfriday at 09:00"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "Name"),
        ({"every": "now and then"}, 'Every.*"now and then" is not understood'),
        ({"every": "day at 9am\nfriday at 9am"}, "Every.*not both"),
        ({"every": ""}, "Runs.*Recurring needs"),
        ({"every": "", "cron": "99 * * * *"}, "Cron line"),
        ({"zone": "Europe/Pragu"}, 'Time zone.*Did you mean "Europe/Prague"'),
        ({"start": "whenever"}, "Not before.*is not a moment"),
        ({"stop": "2020-01-01 10:00"}, "Not after.*in the past"),
        ({"excluded": "yesterday"}, "Not on these dates.*a date like"),
        ({"jitter": "a bit"}, "Starts up to.*is not a length"),
        ({"payload": "{"}, "Payload.*no JSON"),
        ({"engine": "unknown"}, "Engine"),
        ({"engine": "", "payload": ""}, "Pipeline.*choose"),
        ({"input": "https://a.example"}, "Reads.*goes with a pipeline"),
        ({"pipeline": "chunk"}, "Reads.*an address, or below the type"),
        ({"pipeline": "chnuk", "media_type": "text/plain"}, 'Pipeline.*Did you mean "chunk"'),
        ({"pipeline": "chunk", "media_type": "text/plain", "input": "ftp://a"}, "Reads.*must be an http"),
        ({"pipeline": "transcribe", "media_type": "text/plain"}, "Type of what it reads.*takes sound and video"),
        ({"pipeline": "understand", "media_type": "text/plain"}, "Pipeline.*no engine is installed"),
        ({"templates": "x"}, 'Job templates.*There is no "x"'),
        ({"mode": "sometimes"}, "Runs.*one of"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_nothing_is_made(
    place: Place, changes: dict[str, str], said: str
) -> None:
    reader = await place.signed_in()
    await reader.get("/schedules/new")
    answer = await reader.post("/schedules/new", FORM | changes)
    assert answer.status_code == 400
    assert re.search(said, text(answer), re.IGNORECASE), text(answer)
    assert 'role="alert"' in answer.text
    assert "Europe/Prague" in answer.text, "what was filled in stays"
    assert await all_of(place) == []


async def test_a_preview_says_what_would_happen_and_makes_nothing(place: Place) -> None:
    reader = await place.signed_in()
    await reader.get("/schedules/new")
    reader.http.headers["hx-request"] = "true"
    part = await reader.post("/schedules/preview", FORM)
    assert "Runs every day at 21:30 (Europe/Prague)." in part.text
    assert "<html" not in part.text
    wrong = await reader.post("/schedules/preview", FORM | {"every": "now and then"})
    assert "Every: " in wrong.text
    del reader.http.headers["hx-request"]
    whole = await reader.post("/schedules/preview", FORM)
    assert (whole.status_code, "Runs every day at 21:30 (Europe/Prague)." in text(whole)) == (200, True)
    assert 'value="nightly"' in whole.text
    assert await all_of(place) == []


async def test_it_is_paused_resumed_launched_and_deleted(place: Place) -> None:
    made = await recurring(place.house, "daily", principal=place.caller)
    reader = await place.signed_in()
    path = f"/schedules/{made.id}"
    await reader.get(path)
    assert "‖ paused" in text(await reader.post(f"{path}/pause"))
    assert "✓ active" in text(await reader.post(f"{path}/resume"))
    assert (await reader.post(f"{path}/run")).url.path.startswith("/jobs/")
    assert (await reader.post(f"{path}/delete")).url.path == "/schedules"
    assert await all_of(place) == []


ACTIONS: Final = ("/schedules/S/pause", "/schedules/S/resume", "/schedules/S/run", "/schedules/S/delete",
                  "/schedules/S/edit", "/schedules/new")  # fmt: skip


@pytest.mark.parametrize("path", ACTIONS)
async def test_who_may_only_read_changes_nothing(place: Place, path: str) -> None:
    made = await recurring(place.house, "daily", principal=place.caller)
    reader = await place.signed_in(Role.READER)
    await reader.get("/schedules")
    path = path.replace("S", str(made.id))
    assert (await reader.post(path, FORM)).status_code == 403
    if path.endswith(("edit", "new")):
        assert (await reader.get(path)).status_code == 403
    assert await all_of(place) == [made]


@pytest.mark.parametrize("path", ["/schedules/S", *ACTIONS[:5]])
async def test_a_foreign_one_looks_as_if_it_did_not_exist(place: Place, path: str) -> None:
    made = await recurring(place.house, "daily", principal=place.caller)
    reader = await place.stranger()
    await reader.get("/schedules")
    for name in (str(made.id), "999", "x", "%00"):
        one = path.replace("S", name)
        answer = await reader.get(one) if one.endswith(name) else await reader.post(one, FORM)
        assert answer.status_code == 404, one
    assert "daily" not in text(await reader.get("/schedules"))
