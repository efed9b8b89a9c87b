"""Scheduled jobs over the published REST interface: found, shown, cancelled with their jobs, launched, counted."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.api.rest_client import BATCH, Rest
from tests.api.scheduled_house import Scheduled, scheduled
from tests.api.test_rest_cancel import CANCEL_SCHEDULED, curl

from enginehouse.domain import ids
from enginehouse.operations.house import House
from enginehouse.operations.schedules import cancellation

WEEKLY = [{"scheduledDay": "Monday", "startTime": "08:00", "stopTime": "09:30"}]
DAILY = [{"repeatInterval": 1, "repeatIntervalUnit": "Days", "startTime": "21:30", "durationSeconds": 600}]


@pytest.fixture
async def served(house: House) -> AsyncIterator[Scheduled]:
    async with scheduled(house) as made:
        yield made


async def page(served: Scheduled, **query: Any) -> Any:
    answer = await served.rest.get("/proc/scheduled_jobs", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def names(served: Scheduled, **query: Any) -> list[str]:
    return [each["scheduledJobName"] for each in (await page(served, **query))["result"]]


async def test_a_scheduled_job_is_shown_by_its_number_and_its_uuid(served: Scheduled) -> None:
    made = await served.create(
        name="radio", runMode="Recurring", weeklyScheduleParts=WEEKLY, timeZone="Europe/Prague",
        details={"radioStreamUrl": "https://radio.example/live"}, startDateTime="2030-01-01T00:00:00Z",
    )  # fmt: skip
    by_number = await served.rest.get(f"/proc/scheduled_job/{made['id']}/detail")
    by_uuid = await served.rest.get(f"/proc/scheduled_job/{made['scheduledJobUuid']}/detail")
    assert by_number.status_code == by_uuid.status_code == 200
    assert by_number.json() == by_uuid.json()
    shown = by_number.json()["result"]
    [part] = shown.pop("scheduleParts")
    created = shown["createdDateTime"]
    assert part == {
        "schedulePartsID": part["schedulePartsID"],
        "internalScheduledJobID": made["scheduledJobUuid"],
        "scheduleType": "weekly",
        "scheduleDay": "monday",
        "scheduleDayLocal": "monday",
        "startTime": "08:00",
        "stopTime": "09:30",
        "createdDateTime": created,
        "modifiedDateTime": shown["modifiedDateTime"],
    }
    assert shown == {
        "internalScheduledJobID": made["scheduledJobUuid"],
        "scheduledJobID": int(made["id"]),
        "scheduledJobName": "radio",
        "internalOrganizationID": shown["internalOrganizationID"],
        "organizationID": 1,
        "isActive": True,
        "runMode": "recurring",
        "liveTimezone": "Europe/Prague",
        "jobConfigJSON": '{"radioStreamUrl":"https://radio.example/live"}',
        "radioStreamUrl": "https://radio.example/live",
        "startDateTime": "2030-01-01T00:00:00Z",
        "coreCreatedDateTime": created,
        "createdDateTime": created,
        "modifiedDateTime": shown["modifiedDateTime"],
        "nextRunDateTime": "2030-01-07T07:00:00Z",
        "runs": 0,
        "skipped": 0,
    }


async def test_an_interval_is_shown_as_its_part(served: Scheduled) -> None:
    made = await served.create(runMode="Recurring", recurringScheduleParts=DAILY)
    shown = (await served.rest.get(f"/proc/scheduled_job/{made['id']}/detail")).json()["result"]
    [part] = shown["scheduleParts"]
    assert (part["scheduleType"], part["repeatInterval"], part["repeatIntervalUnit"]) == ("interval", 1, "days")
    assert (part["startTime"], part["durationSeconds"]) == ("21:30", 600)


async def test_lists_are_filtered_and_ordered_by_everything_documented(served: Scheduled) -> None:
    await served.create(name="alpha", runMode="Once")
    await served.create(
        name="beta", runMode="Recurring", recurringScheduleParts=DAILY,
        startDateTime="2030-01-01T00:00:00Z", stopDateTime="2031-01-01T00:00:00Z",
    )  # fmt: skip
    last = await served.create(name="gamma", runMode="Continuous", isActive=False, startDateTime="2029-01-01T00:00:00Z")
    whole = await page(served, limit=2)
    assert (whole["success"], whole["count"], whole["limit"], whole["offset"]) == (True, 3, 2, 0)
    assert [each["scheduledJobName"] for each in whole["result"]] == ["gamma", "beta"]
    assert await names(served, direction="ASC", offset=1) == ["beta", "gamma"]
    assert await names(served, runMode="once") == ["alpha"]
    assert await names(served, isActive="false") == ["gamma"]
    assert await names(served, scheduledJobName="ETA") == ["beta"]
    assert await names(served, scheduledJobID=last["id"]) == ["gamma"]
    assert await names(served, scheduledJobID=last["scheduledJobUuid"]) == ["gamma"]
    assert await names(served, scheduledJobID="no-such-id") == []
    assert await names(served, startStartTime=1_880_000_000) == ["beta"]
    assert await names(served, endStartTime=1_880_000_000) == ["gamma"]
    assert await names(served, startStopTime=1_880_000_000, endStopTime=1_930_000_000) == ["beta"]
    assert await names(served, startTime=4_000_000_000) == []
    assert await names(served, sourceID=5) == await names(served, sourceType="Radio") == []
    assert await names(served, orderBy="startTime", direction="ASC") == ["gamma", "beta", "alpha"]
    assert await names(served, orderBy="runMode", direction="ASC") == ["gamma", "alpha", "beta"]
    assert await names(served, orderBy="stopTime") == ["beta", "gamma", "alpha"]
    for order in ("organizationID", "createdTime"):
        assert await names(served, orderBy=order) == ["gamma", "beta", "alpha"]


async def test_every_wrong_parameter_of_a_list_is_named(served: Scheduled) -> None:
    answer = await served.rest.get(
        "/proc/scheduled_jobs", params={"runMode": "daily", "isActive": "yes", "orderBy": "name", "limit": 0}
    )
    assert answer.status_code == 400
    assert [line.split(":")[0] for line in answer.json()["detail"].splitlines()] == [
        "runMode", "isActive", "limit", "orderBy",
    ]  # fmt: skip
    assert (await served.rest.get("/proc/scheduled_jobs?coreID=x")).status_code == 501


async def test_a_deleted_scheduled_job_is_gone_and_its_jobs_stay(served: Scheduled) -> None:
    made = await served.create(runMode="Once")
    [job_id] = (await served.do("run", made["id"]))["jobIds"]
    gone = await served.rest.post(f"/proc/scheduled_job/{made['scheduledJobUuid']}/delete")
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await served.rest.get(f"/proc/scheduled_job/{made['id']}/detail")).status_code == 404
    assert (await served.rest.post(f"/proc/scheduled_job/{made['id']}/delete")).status_code == 404
    shown = (await served.rest.get(f"/proc/job/{job_id}/detail")).json()["job"]
    assert shown["coreScheduledJobId"] == int(made["id"])


async def test_a_job_says_which_schedule_slot_and_template_it_comes_from(served: Scheduled) -> None:
    made = await served.create(runMode="Now")
    assert await served.fire() == 1
    [shown] = (await served.rest.get(f"/proc/jobs?scheduledJobID={made['id']}")).json()["result"]
    assert shown["coreScheduledJobId"] == int(made["id"])
    assert shown["internalScheduledJobId"] == made["scheduledJobUuid"]
    assert ids.parse_job(shown["jobTemplateId"]) == ids.parse_job(made["jobTemplateIds"][0])
    [slot] = await served.result(f"schedules/{made['id']}/slots")
    assert (slot["outcome"], slot["slotDateTime"], slot["slots"]) == ("fired", shown["slotDateTime"], 1)
    assert slot["jobIds"] == [shown["coreJobID"]]
    assert (await served.rest.get("/proc/jobs?scheduledJobID=nothing")).json()["count"] == 0


# -- cancelling ---------------------------------------------------------------------------------------------


async def cancel(served: Scheduled, schedule_id: str, **more: Any) -> Any:
    answer = await served.rest.post("/proc/jobs/cancel", {"scheduledJobID": schedule_id, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def statuses(served: Scheduled, schedule_id: str) -> list[str]:
    found = (await served.rest.get(f"/proc/jobs?scheduledJobID={schedule_id}&direction=ASC")).json()["result"]
    return [each["jobStatus"] for each in found]


async def test_the_founding_page_s_cancel_stops_a_schedule_and_its_jobs(served: Scheduled) -> None:
    made = await served.create(runMode="Continuous")
    other = await served.create(runMode="Once")
    assert await served.fire() == 1
    await served.do("run", made["id"])
    await served.do("run", other["id"])
    answer = await curl(served.rest, CANCEL_SCHEDULED, made["id"])
    assert (answer.status_code, answer.json()) == (200, {"success": True, "count": 2})
    shown = (await served.rest.get(f"/proc/scheduled_job/{made['id']}/detail")).json()["result"]
    assert shown["isActive"] is False
    assert await statuses(served, made["id"]) == ["aborted", "aborted"]
    assert await statuses(served, other["id"]) == ["pending"]
    assert await served.fire() == 0
    assert await cancel(served, made["scheduledJobUuid"]) == {"success": True, "count": 0}


async def test_what_has_started_goes_on_unless_it_is_asked_to_stop(served: Scheduled) -> None:
    made = await served.create(runMode="Once")
    for _ in range(3):
        await served.do("run", made["id"])
    lease = await served.rest.start_one()
    assert await cancel(served, made["id"]) == {"success": True, "count": 2}
    assert await statuses(served, made["id"]) == ["running", "aborted", "aborted"]
    assert await cancel(served, made["id"], includeRunning=True) == {"success": True, "count": 1, "stopping": 1}
    await served.rest.end_stopped(lease)
    assert await statuses(served, made["id"]) == ["aborted"] * 3


async def test_more_jobs_than_one_transaction_takes_are_all_cancelled(
    served: Scheduled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancellation, "BATCH", 2)
    made = await served.create(runMode="Once")
    for _ in range(5):
        await served.do("run", made["id"])
    assert await cancel(served, made["id"]) == {"success": True, "count": 5}
    assert await statuses(served, made["id"]) == ["aborted"] * 5


async def test_a_foreign_or_unknown_schedule_is_not_found_and_a_public_one_not_changed(served: Scheduled) -> None:
    mine = await served.create(runMode="Once")
    public = await served.create(runMode="Once", isPublic=True)
    stranger = await served.rest.another_organization()
    for unknown in (mine["id"], mine["scheduledJobUuid"], "999999999", "nonsense"):
        assert (await stranger.post("/proc/jobs/cancel", {"scheduledJobID": unknown})).status_code == 404
        assert (await stranger.get(f"/proc/scheduled_job/{unknown}/detail")).status_code == 404
        assert (await stranger.post(f"/proc/scheduled_job/{unknown}/delete")).status_code == 404
    assert (await stranger.get(f"/proc/scheduled_job/{public['id']}/detail")).status_code == 200
    assert (await stranger.post("/proc/jobs/cancel", {"scheduledJobID": public["id"]})).status_code == 403
    assert (await stranger.post(f"/proc/scheduled_job/{public['id']}/delete")).status_code == 403
    assert (await stranger.get("/proc/scheduled_jobs")).json()["count"] == 0


# -- launching ----------------------------------------------------------------------------------------------


async def launch(rest: Rest, template_id: str, **body: Any) -> Any:
    answer = await rest.post(f"/proc/template/{template_id}/launch", body)
    return answer.status_code, answer.json()


async def test_a_template_is_launched_with_the_payload_merged_into_its_tasks(served: Scheduled) -> None:
    made = await served.create(runMode="Once")
    [template_id] = made["jobTemplateIds"]
    status, answer = await launch(
        served.rest, template_id, isInternal=True, payloadJSON='{"recordDuration":"15m"}', scheduledJobID=made["id"],
        sourceID="62648",
    )  # fmt: skip
    [job_id] = answer["operation"]["internalJobIds"]
    assert (status, answer) == (200, {"operation": {"success": True, "count": 1, "internalJobIds": [job_id]}})
    shown = (await served.rest.get(f"/proc/job/{job_id}/detail")).json()["job"]
    assert shown["tasks"][0]["taskPayloadJSON"] == '{"url":"https://example.com/a.mp3","recordDuration":"15m"}'
    assert (shown["coreScheduledJobId"], shown["coreSourceId"]) == (int(made["id"]), 62648)
    by_uuid = ids.job_uuid(ids.parse_job(template_id) or 0)
    assert (await launch(served.rest, by_uuid))[0] == 200


async def test_a_wrong_launch_makes_no_job(served: Scheduled) -> None:
    made = await served.create(runMode="Once")
    [template_id] = made["jobTemplateIds"]
    for text in ("[1]", "nonsense", '{"a":1,"a":2}'):
        status, answer = await launch(served.rest, template_id, payloadJSON=text)
        assert (status, answer["detail"].split(":")[0]) == (400, "payloadJSON")
    for unknown in ("nonsense", ids.job_uuid(5)):
        status, answer = await launch(served.rest, unknown)
        assert (status, answer["detail"]) == (404, f'JobTemplate "{unknown}" was not found.')
    status, answer = await launch(served.rest, template_id, scheduledJobID="77")
    assert (status, answer["detail"]) == (404, 'scheduledJobID: ScheduledJob "77" was not found.')
    assert (await launch(await served.rest.another_organization(), template_id))[0] == 404
    assert (await served.rest.get("/proc/jobs")).json()["count"] == 0


# -- how much waited ----------------------------------------------------------------------------------------


async def series(served: Scheduled, which: str, **query: Any) -> Any:
    answer = await served.rest.get(f"/proc/scheduled_jobs/{which}_pending_time_ranges", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_pending_jobs_of_schedules_are_counted_through_time(served: Scheduled) -> None:
    made = await served.create(runMode="Once")
    for _ in range(3):
        await served.do("run", made["id"])
    await served.rest.start_one()
    await served.rest.create({"tasks": [{"engineId": BATCH}]})  # of no schedule
    now = 4_000_000_000
    total = await series(served, "total", startTime=now - 120, endTime=now, interval=60)
    assert total["success"] is True
    assert (total["startDateTime"], total["endDateTime"]) == ("2096-10-02T07:04:40Z", "2096-10-02T07:06:40Z")
    [counted] = total["counts"]
    assert counted["runMode"] == "once"
    assert counted["values"] == [[now - 120, 2], [now - 60, 2], [now, 2]]
    rate = await series(served, "rate", startTime=now - 60, endTime=now, interval=60)
    assert rate["counts"] == [{"runMode": "once", "values": [[now - 60, 66.6667], [now, 66.6667]]}]
    before = await series(served, "total", startTime=0, endTime=600)
    assert before["counts"] == []
    stranger = await served.rest.another_organization()
    assert (await stranger.get("/proc/scheduled_jobs/total_pending_time_ranges")).json()["counts"] == []


async def test_a_job_that_was_cancelled_is_pending_no_longer(served: Scheduled) -> None:
    made = await served.create(runMode="Once")
    await served.do("run", made["id"])
    await cancel(served, made["id"])
    later = await series(served, "total", startTime=4_000_000_000, endTime=4_000_000_060)
    assert later["counts"][0]["values"] == [[4_000_000_000, 0], [4_000_000_060, 0]]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"startTime": 100, "endTime": 50}, "startTime: must be before endTime."),
        ({"startTime": 0, "endTime": 86_400, "interval": 1}, "interval: 87 or more for this range, got 1."),
        ({"interval": 0}, "interval: 1–31622400, got 0."),
    ],
)
async def test_a_series_that_cannot_be_is_refused(served: Scheduled, query: dict[str, int], text: str) -> None:
    for which in ("rate", "total"):
        answer = await served.rest.get(f"/proc/scheduled_jobs/{which}_pending_time_ranges", params=query)
        assert (answer.status_code, answer.json()["detail"]) == (400, text)
