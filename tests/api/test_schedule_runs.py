"""The jobs of a schedule: launched by hand, fired when due, cancelled, counted, and previewed."""

import re
from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.founding_page import CANCEL_SCHEDULED, curl
from tests.api.samples import BATCH, DAILY, TEMPLATE
from tests.api.verbs import Answer

from enginehouse.domain import ids
from enginehouse.domain.ids import parse_job
from enginehouse.domain.times import SECOND
from enginehouse.operations.schedules import cancellation

EVERY_SECOND: dict[str, Any] = {
    "runMode": "Recurring",
    "recurringScheduleParts": [{"repeatInterval": 1, "repeatIntervalUnit": "Seconds"}],
}
GAP = {"runMode": "Recurring", "timeZone": "Europe/Prague", "cron": "30 2 28 3 *", "startDateTime": "2027-01-01"}


# -- launched by hand -------------------------------------------------------------------------------------


async def test_a_run_by_hand_has_no_slot(api: Api) -> None:
    made = await api.schedule(runMode="Once")
    path = f"schedules/{made['id']}"
    [job_id] = (await api.v1.result(f"{path}/run", {"payload": {"recordDuration": "15m"}}))["jobIds"]
    job = await api.edge.own_detail(job_id)
    assert job["tasks"][0]["taskPayloadJSON"].endswith('"recordDuration":"15m"}')
    assert "slotDateTime" not in job
    assert await api.v1.result(f"{path}/slots") == []


async def test_payloads_of_inline_templates_keep_their_keys(api: Api) -> None:
    template = {"taskTemplates": [{"engineId": BATCH, "payload": {"engineID": 1, "jobId": 2, "x": {"userID": 3}}}]}
    [job_id] = await api.run(await api.schedule(runMode="Once", jobTemplates=[template]))
    text = (await api.edge.detail(job_id))["tasks"][0]["taskPayloadJSON"]
    assert text == '{"engineID":1,"jobId":2,"x":{"userID":3}}'


async def test_graphql_launches_a_schedule_and_returns_its_jobs(api: Api) -> None:
    made = await api.schedule()
    payload = {"recordDuration": "15m"}
    [job] = await api.graphql.change("launchScheduledJobs", "id targetId", scheduledJobId=made["id"], payload=payload)
    assert parse_job(job["id"])
    assert job["targetId"].isdigit()
    fields = "scheduledJobId slotDateTime scheduledJob { name } template { clusterId } tasks { records { payload } }"
    by_uuid = {"scheduledJobId": made["scheduledJobUuid"], "payload": payload}
    assert await api.graphql.change("launchScheduledJobs", fields, **by_uuid) == [
        {
            "scheduledJobId": made["id"], "slotDateTime": None, "scheduledJob": {"name": "n"},
            "template": {"clusterId": "rt-1"},
            "tasks": {"records": [{"payload": {"url": "https://h.example/a.mp4", "keep": 1, **payload}}]},
        }
    ]  # fmt: skip


async def test_a_launch_works_on_the_target_that_it_names_or_describes(api: Api) -> None:
    made = await api.schedule(jobTemplates=[TEMPLATE, TEMPLATE])
    fields = "target { id name }"
    described = {"scheduledJobId": made["id"], "createTargetInfo": {"name": "harbour"}}
    first, second = await api.graphql.change("launchScheduledJobs", fields, **described)
    assert first == second
    assert first["target"]["name"] == "harbour"
    given = {"scheduledJobId": made["id"], "targetInfo": {"targetId": first["target"]["id"], "startOffsetMs": 5}}
    assert await api.graphql.change("launchScheduledJobs", fields, **given) == [first, first]
    both = await api.graphql.refused(*api.graphql.mutation("launchScheduledJobs", **{**described, **given}))
    assert both["message"] == "Give at most one of targetInfo, createTargetInfo."
    unknown = {**given, "targetInfo": {"targetId": "9"}}
    lost = await api.graphql.refused(*api.graphql.mutation("launchScheduledJobs", **unknown))
    assert (lost["name"], lost["data"]["field"]) == ("not_found", "targetInfo.targetId")


async def launch(api: Api, template_id: str, **body: Any) -> Answer:
    return await api.ask(f"POST /api/v1/templates/{template_id}/launch", body)


async def test_a_template_is_launched_with_the_payload_merged_into_its_tasks(api: Api) -> None:
    made = await api.schedule(runMode="Once")
    [template_id] = made["jobTemplateIds"]
    source = await api.graphql.change("createSource", name="cam", sourceTypeId=1)
    answer = await launch(
        api, template_id, isInternal=True, payloadJSON='{"recordDuration":"15m"}', scheduledJobID=made["id"],
        sourceID=source["id"],
    )  # fmt: skip
    [job_id] = answer.result["internalJobIds"]
    job = await api.edge.detail(job_id)
    payload = '{"url":"https://h.example/a.mp4","keep":1,"recordDuration":"15m"}'
    assert job["tasks"][0]["taskPayloadJSON"] == payload
    assert (job["coreScheduledJobId"], job["coreSourceId"]) == (int(made["id"]), int(source["id"]))
    uuid = ids.job_uuid(parse_job(template_id) or 0)
    documented = await api.ask(f"POST /edge/v1/proc/template/{uuid}/launch", {})
    assert (documented.status, documented.body) == (200, {"operation": {"success": True, "count": 1}})


async def test_a_wrong_launch_creates_no_job(api: Api, foreign: Api) -> None:
    [template_id] = (await api.schedule(runMode="Once"))["jobTemplateIds"]
    nobody = ids.job_uuid(5)
    for launched, given, status, text in (
        (template_id, {"payloadJSON": "[1]"}, 400, "payloadJSON: "),
        (template_id, {"payloadJSON": "nonsense"}, 400, "payloadJSON: "),
        (template_id, {"payloadJSON": '{"a":1,"a":2}'}, 400, "payloadJSON: "),
        (template_id, {"scheduledJobID": "77"}, 404, 'scheduledJobID: ScheduledJob "77" was not found.'),
        ("nonsense", {}, 400, 'JobTemplate "nonsense" was not found. Its id is a UUID, or 8 digits'),
        (nobody, {}, 404, f'JobTemplate "{nobody}" was not found.'),
    ):
        answer = await launch(api, launched, **given)
        assert (answer.status, answer.message[: len(text)]) == (status, text)
    assert (await launch(foreign, template_id)).status == 404
    assert (await api.edge.get("/proc/jobs")).json()["count"] == 0


async def test_a_job_records_the_schedule_and_template_it_names(api: Api) -> None:
    made = await api.schedule()
    [template] = made["jobTemplateIds"]
    named = await api.graphql.create_job(scheduledJobId=made["id"], jobTemplateId=template)
    query = "query($id: ID!) { job(id: $id) { scheduledJobId scheduledJob { id } templateId template { id } } }"
    assert (await api.graphql.ask(query, {"id": named}))["job"] == {
        "scheduledJobId": made["id"], "scheduledJob": {"id": made["id"]}, "templateId": template,
        "template": {"id": template},
    }  # fmt: skip
    jobs = "query($ids: [ID!]) { jobs(scheduledJobIds: $ids) { records { id } } }"
    assert (await api.graphql.ask(jobs, {"ids": [made["id"], "x"]}))["jobs"]["records"] == [{"id": named}]
    assert (await api.graphql.ask(jobs, {"ids": ["x"]}))["jobs"]["records"] == []


# -- fired when due ---------------------------------------------------------------------------------------


async def test_a_job_says_which_schedule_slot_and_template_it_comes_from(api: Api) -> None:
    made = await api.schedule(runMode="Now")
    assert await api.fire() == 1
    [job] = await api.v1.result(f"jobs?scheduledJobID={made['id']}")
    assert job["coreScheduledJobId"] == int(made["id"])
    assert job["internalScheduledJobId"] == made["scheduledJobUuid"]
    assert parse_job(job["jobTemplateId"]) == parse_job(made["jobTemplateIds"][0])
    [slot] = await api.v1.result(f"schedules/{made['id']}/slots")
    assert (slot["outcome"], slot["slotDateTime"], slot["slots"]) == ("fired", job["slotDateTime"], 1)
    assert slot["jobIds"] == [job["coreJobID"]]
    assert (await api.edge.get("/proc/jobs?scheduledJobID=999999999")).json()["count"] == 0


@pytest.mark.usefixtures("own_statements")
async def test_a_due_slot_fires_and_is_shown(api: Api) -> None:
    made = await api.schedule(**EVERY_SECOND)
    assert (await api.graphql.schedule(made["id"], "nextRuns(count: 1) { slotDateTime }"))["nextRuns"]

    async def pass_time(tx: Any) -> None:
        await tx.run("test.move_schedule", id=int(made["id"]), by=2 * SECOND)

    await api.house.database.write(pass_time)
    await api.fire()
    fields = """firedCount skippedCount
                slots { outcome count slotDateTime lastSlotDateTime reason decidedDateTime jobIds }
                jobs { count records { id scheduledJobId slotDateTime } }"""
    shown = await api.graphql.schedule(made["id"], fields)
    assert shown["firedCount"] == len([each for each in shown["slots"] if each["outcome"] == "fired"]) > 0
    assert shown["skippedCount"] == 0
    started = {job["slotDateTime"]: [job["id"]] for job in shown["jobs"]["records"]}
    assert {each["slotDateTime"]: each["jobIds"] for each in shown["slots"]} == started
    slots = set(started)
    older = f'slots(beforeDateTime: "{min(slots)}", limit: 1) {{ slotDateTime }}'
    assert (await api.graphql.schedule(made["id"], older))["slots"] == []
    found = await api.graphql.ask(f'{{ jobs(scheduledJobIds: ["{made["id"]}"]) {{ count }} }}')
    assert found["jobs"]["count"] == len(slots)
    assert (await api.graphql.ask("{ jobs(hasScheduledJobId: false) { count } }"))["jobs"]["count"] == 0


async def test_pausing_and_resuming_take_effect_at_once_and_may_be_repeated(api: Api) -> None:
    made = await api.schedule(runMode="Continuous")
    path = f"schedules/{made['id']}"
    for _ in range(2):
        assert (await api.v1.result(f"{path}/pause", {}))["isActive"] is False
    assert await api.fire() == 0
    assert "paused" in (await api.v1.result(f"{path}/explain"))["next"]
    for _ in range(2):
        assert (await api.v1.result(f"{path}/resume", {}))["isActive"] is True
    assert await api.fire() == 1


# -- cancelled --------------------------------------------------------------------------------------------


async def cancel(api: Api, schedule_id: str, **more: Any) -> Any:
    return (await api.ask("POST /edge/v1/proc/jobs/cancel", {"scheduledJobID": schedule_id, **more})).result


async def statuses(api: Api, schedule_id: str) -> list[str]:
    jobs = await api.edge.result(f"/proc/jobs?scheduledJobID={schedule_id}&direction=ASC")
    return [each["jobStatus"] for each in jobs]


async def test_the_cancel_of_the_founding_page_stops_a_schedule_and_its_jobs(api: Api) -> None:
    made = await api.schedule(runMode="Continuous")
    other = await api.schedule(runMode="Once")
    assert await api.fire() == 1
    await api.run(made)
    await api.run(other)
    answer = await curl(api.edge, CANCEL_SCHEDULED, made["id"])
    assert (answer.status_code, answer.json()) == (200, {"success": True, "count": 2})
    assert (await api.edge.result(f"/proc/scheduled_job/{made['id']}/detail"))["isActive"] is False
    assert await statuses(api, made["id"]) == ["aborted", "aborted"]
    assert await statuses(api, other["id"]) == ["pending"]
    assert await api.fire() == 0
    assert await cancel(api, made["scheduledJobUuid"]) == {"success": True, "count": 0}


async def test_a_running_job_continues_unless_the_cancel_includes_running_jobs(api: Api) -> None:
    made = await api.schedule(runMode="Once")
    await api.run(made, times=3)
    lease = await api.edge.start_one()
    assert await cancel(api, made["id"]) == {"success": True, "count": 2}
    assert await statuses(api, made["id"]) == ["running", "aborted", "aborted"]
    assert await cancel(api, made["id"], includeRunning=True) == {"success": True, "count": 1, "stopping": 1}
    await api.edge.end_stopped(lease)
    assert await statuses(api, made["id"]) == ["aborted"] * 3


async def test_more_jobs_than_one_transaction_takes_are_all_cancelled(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cancellation, "BATCH", 2)
    made = await api.schedule(runMode="Once")
    await api.run(made, times=5)
    assert await cancel(api, made["id"]) == {"success": True, "count": 5}
    assert await statuses(api, made["id"]) == ["aborted"] * 5


# -- waiting over time ------------------------------------------------------------------------------------


async def series(api: Api, which: str, **query: Any) -> Answer:
    return Answer(await api.edge.get(f"/proc/scheduled_jobs/{which}_pending_time_ranges", params=query))


async def test_the_pending_jobs_of_schedules_are_counted_through_time(api: Api, foreign: Api) -> None:
    made = await api.schedule(runMode="Once")
    await api.run(made, times=3)
    await api.edge.start_one()
    await api.edge.create({"tasks": [{"engineId": BATCH}]})  # of no schedule
    now = 4_000_000_000
    total = (await series(api, "total", startTime=now - 120, endTime=now, interval=60)).result
    assert total["success"] is True
    assert (total["startDateTime"], total["endDateTime"]) == ("2096-10-02T07:04:40Z", "2096-10-02T07:06:40Z")
    assert [each["runMode"] for each in total["counts"]] == ["once"]
    assert total["counts"][0]["values"] == [[now - 120, 2], [now - 60, 2], [now, 2]]
    rate = (await series(api, "rate", startTime=now - 60, endTime=now, interval=60)).result
    assert rate["counts"] == [{"runMode": "once", "values": [[now - 60, 66.6667], [now, 66.6667]]}]
    assert (await series(api, "total", startTime=0, endTime=600)).result["counts"] == []
    assert (await series(foreign, "total")).result["counts"] == []
    await cancel(api, made["id"])
    later = await series(api, "total", startTime=now, endTime=now + 60)
    assert later.result["counts"][0]["values"] == [[now, 0], [now + 60, 0]]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"startTime": 100, "endTime": 50}, "startTime: must be before endTime."),
        ({"startTime": 0, "endTime": 86_400, "interval": 1}, "interval: 87 or more for this range, got 1."),
        ({"interval": 0}, "interval: 1–31622400, got 0."),
    ],
)
async def test_an_impossible_series_is_refused(api: Api, query: dict[str, int], text: str) -> None:
    for which in ("rate", "total"):
        answer = await series(api, which, **query)
        assert (answer.status, answer.message) == (400, text)


# -- previewed --------------------------------------------------------------------------------------------


async def test_a_preview_marks_gaps_and_repeated_hours(api: Api) -> None:
    path = f"schedules/{(await api.schedule(**GAP))['id']}"
    assert await api.v1.result(f"{path}/preview", count=2) == [
        {"slotDateTime": "2027-03-28T01:00:00Z", "local": "2027-03-28T03:00:00+02:00", "note": "gap"},
        {"slotDateTime": "2028-03-28T00:30:00Z", "local": "2028-03-28T02:30:00+02:00"},
    ]
    shown = await api.v1.result(f"{path}/explain", timeZone="America/New_York", count=1)
    assert shown["sentence"].startswith("Runs at 02:30 on March 28 (Europe/Prague), from ")
    for place in ("28 March 2027 at 03:00 (Europe/Prague)", "27 March 2027 at 21:00 (America/New_York)"):
        assert place in shown["next"]
    assert ["2027-03-28" in warning for warning in shown["warnings"]] == [True]
    assert len(shown["coming"]) == 1


async def test_graphql_previews_gaps_and_repeated_hours_and_explains_in_both_zones(api: Api) -> None:
    made = await api.schedule(runMode="Recurring", cron="30 2 * * *", timeZone="Europe/Prague")
    fields = "slotDateTime startDateTime localDateTime note"
    shown = await api.graphql.schedule(
        made["id"], f'nextRuns(count: 500) {{ {fields} }} explanation(timeZone: "UTC") warnings'
    )
    runs = shown["nextRuns"]
    assert len(runs) == 500
    assert [each["slotDateTime"] for each in runs] == sorted(each["slotDateTime"] for each in runs)
    gaps = [each for each in runs if each["note"] == "gap"]
    assert gaps
    assert all(each["localDateTime"][11:] == "03:00:00+02:00" for each in gaps)
    assert any(each["note"] == "repeated" for each in runs)
    assert "(Europe/Prague)" in shown["explanation"]
    assert "(UTC)" in shown["explanation"]
    assert any("does not exist" in warning for warning in shown["warnings"])
    for field, argument in (('explanation(timeZone: "Mars")', "timeZone"), ("nextRuns(count: 1001) { note }", "count")):
        error = await api.graphql.refused(f"{{ scheduledJobs {{ records {{ {field} }} }} }}")
        assert (error["name"], error["data"]["field"]) == ("invalid_input", argument)


async def test_the_next_runs_of_a_page_are_part_of_the_cost_of_a_query(api: Api) -> None:
    query = "{{ scheduledJobs(limit: 1000) {{ records {{ nextRuns(count: {}) {{ note }} }} }} }}"
    assert (await api.graphql.post(query.format(10))).status_code == 200
    refusal = (await api.graphql.post(query.format(1000))).json()["errors"]
    assert "may answer" in refusal[0]["message"]


async def test_a_schedule_can_be_previewed_without_creating_it(api: Api) -> None:
    shown = await api.v1.result("schedules/explain?count=2&timeZone=UTC", GAP)
    slots = ["2027-03-28T01:00:00Z", "2028-03-28T00:30:00Z"]
    assert [each["slotDateTime"] for each in shown["coming"]] == slots
    assert await api.v1.result("schedules") == []
    wrong = await api.ask("POST /api/v1/schedules/explain", {"runMode": "Recurring", "cron": "0 25 * * *"})
    assert (wrong.status, wrong.message.split(":")[0]) == (400, "cron")


async def test_a_preview_shows_jitter(api: Api) -> None:
    made = await api.schedule(**DAILY, jitterSeconds=3600)
    coming = await api.v1.result(f"schedules/{made['id']}/preview", count=5)
    assert any("startDateTime" in each for each in coming)
    assert all(each.get("startDateTime", each["slotDateTime"]) >= each["slotDateTime"] for each in coming)


@pytest.mark.usefixtures("own_statements")
async def test_a_warning_names_runs_longer_than_the_interval(api: Api) -> None:
    made = await api.schedule(**EVERY_SECOND, startDateTime="2040-01-01T00:00:00Z")
    assert "warnings" not in made
    [job_id] = await api.run(made)
    await api.edge.run_one()

    async def age(tx: Any) -> None:
        await tx.run("test.started_earlier", id=parse_job(job_id), by=90_000_000)

    await api.house.database.write(age)
    [warning] = (await api.v1.result(f"schedules/{made['id']}"))["warnings"]
    assert re.match(r"Its last runs took 1 min 3\d s, longer than the 1 s ", warning)
