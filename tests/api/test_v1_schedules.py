"""`/api/v1/schedules`: a schedule is made, changed, foreseen, paused, run by hand and looked back at."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from graphql import GraphQLInputObjectType, is_non_null_type
from tests.api.rest_client import BATCH
from tests.api.scheduled_house import TEMPLATE, Scheduled, scheduled

from enginehouse.api.graphql.schema import schema
from enginehouse.api.input import sdl
from enginehouse.domain import ids
from enginehouse.domain.identity import Role
from enginehouse.operations import identity
from enginehouse.operations.house import House

DAILY = [{"repeatInterval": 1, "repeatIntervalUnit": "Days", "startTime": "21:30"}]


@pytest.fixture
async def served(house: House) -> AsyncIterator[Scheduled]:
    async with scheduled(house) as made:
        yield made


async def test_a_schedule_is_answered_as_it_was_asked_for(served: Scheduled) -> None:
    given = {
        "name": "nightly",
        "description": "every night",
        "runMode": "Recurring",
        "recurringScheduleParts": DAILY,
        "timeZone": "Europe/Prague",
        "dstPolicy": {"gap": "skip", "fold": "both"},
        "excludedDates": ["2030-12-24"],
        "overlapPolicy": "queue",
        "catchUp": "all",
        "catchUpLimit": 5,
        "jitterSeconds": 30,
        "details": {"a": [1]},
        "startDateTime": "2030-01-01T00:00:00Z",
        "stopDateTime": "2031-01-01T00:00:00Z",
    }
    made = await served.create(**given)
    assert {name: made[name] for name in given} == given
    assert made["isActive"] is True
    assert made["nextRunDateTime"] is not None
    [template_id] = made["jobTemplateIds"]
    assert re.fullmatch(r"\d{8}_\w{10}", template_id)
    assert made["scheduledJobUuid"] == ids.schedule_uuid(int(made["id"]))
    assert made["sentence"] == (
        "Runs every day at 21:30 (Europe/Prague), from Tuesday, 1 January 2030 at 01:00, until Wednesday, 1 January "
        "2031 at 01:00, but not on 2030-12-24."
    )
    assert await served.result(f"schedules/{made['id']}") == made
    assert await served.result(f"schedules/{made['scheduledJobUuid']}") == made


async def test_what_is_absent_stays_and_null_takes_away(served: Scheduled) -> None:
    made = await served.create(
        runMode="Recurring", recurringScheduleParts=DAILY, description="old", stopDateTime="2040-01-01T00:00:00Z"
    )
    answer = await served.ask("PATCH", f"schedules/{made['id']}", {"stopDateTime": None, "jitterSeconds": 60})
    changed = answer.json()["result"]
    expected = {**made, "jitterSeconds": 60, "modifiedDateTime": changed["modifiedDateTime"]}
    del expected["stopDateTime"]
    # Jitter moves the start of the run, never by more than it says.
    assert changed.pop("nextRunDateTime") >= expected.pop("nextRunDateTime")
    assert {k: v for k, v in changed.items() if k != "sentence"} == {
        k: v for k, v in expected.items() if k != "sentence"
    }
    other = await served.ask("PATCH", f"schedules/{made['id']}", {"jobTemplates": [TEMPLATE, TEMPLATE]})
    assert len(other.json()["result"]["jobTemplateIds"]) == 2


async def test_a_list_is_paged_and_filtered(served: Scheduled) -> None:
    for number in range(3):
        await served.create(name=f"s{number}", runMode="Once", isActive=number != 1)
    answer = (await served.own.get("schedules?limit=2")).json()
    assert [each["name"] for each in answer["result"]] == ["s2", "s1"]
    assert (answer["count"], answer["limit"], answer["offset"]) == (3, 2, 0)
    assert [each["name"] for each in await served.result("schedules", isActive="false")] == ["s1"]
    assert [each["name"] for each in await served.result("schedules", name="S0")] == ["s0"]
    assert await served.result("schedules", runMode="now") == []


async def test_pausing_and_resuming_take_effect_at_once_and_are_the_same_twice(served: Scheduled) -> None:
    made = await served.create(runMode="Continuous")
    for _ in range(2):
        assert (await served.do("pause", made["id"]))["isActive"] is False
    assert await served.fire() == 0
    assert (await served.result(f"schedules/{made['id']}/explain"))["next"] == "It is paused, so nothing is to come."
    for _ in range(2):
        assert (await served.do("resume", made["id"]))["isActive"] is True
    assert await served.fire() == 1


async def test_a_run_by_hand_is_of_no_slot(served: Scheduled) -> None:
    made = await served.create(runMode="Once")
    ran = await served.do("run", made["id"], {"payload": {"recordDuration": "15m"}})
    [job_id] = ran["jobIds"]
    shown = (await served.rest.get(f"/proc/job/{job_id}/detail")).json()["job"]
    assert shown["tasks"][0]["taskPayloadJSON"].endswith('"recordDuration":"15m"}')
    assert "slotDateTime" not in shown
    assert await served.result(f"schedules/{made['id']}/slots") == []


# -- foreseeing ---------------------------------------------------------------------------------------------

GAP = {"runMode": "Recurring", "timeZone": "Europe/Prague", "cron": "30 2 28 3 *", "startDateTime": "2027-01-01"}


async def test_the_next_slots_are_foreseen_with_the_odd_ones_marked(served: Scheduled) -> None:
    made = await served.create(**GAP)
    coming = await served.result(f"schedules/{made['id']}/preview", count=2)
    assert coming == [
        {"slotDateTime": "2027-03-28T01:00:00Z", "local": "2027-03-28T03:00:00+02:00", "note": "gap"},
        {"slotDateTime": "2028-03-28T00:30:00Z", "local": "2028-03-28T02:30:00+02:00"},
    ]
    told = await served.result(f"schedules/{made['id']}/explain", timeZone="America/New_York", count=1)
    assert told["sentence"].startswith("Runs at 02:30 on March 28 (Europe/Prague), from ")
    assert told["next"].startswith(
        "Next: Sunday, 28 March 2027 at 03:00 (Europe/Prague), Saturday, 27 March 2027 at 21:00 (America/New_York), in "
    )
    assert told["warnings"] == ["02:30 does not exist on 2027-03-28 in Europe/Prague; that day it runs at 03:00."]
    assert len(told["coming"]) == 1


async def test_a_schedule_is_foreseen_without_being_created(served: Scheduled) -> None:
    answer = await served.ask("POST", "schedules/explain?count=2&timeZone=UTC", GAP)
    assert [each["slotDateTime"] for each in answer.json()["result"]["coming"]] == [
        "2027-03-28T01:00:00Z", "2028-03-28T00:30:00Z",
    ]  # fmt: skip
    assert await served.result("schedules") == []
    wrong = await served.ask("POST", "schedules/explain", {"runMode": "Recurring", "cron": "0 25 * * *"})
    assert (wrong.status_code, wrong.json()["detail"]) == (400, 'cron: field 2 (hour): "25" is not 0–23.')


async def test_jitter_is_foreseen(served: Scheduled) -> None:
    made = await served.create(runMode="Recurring", recurringScheduleParts=DAILY, jitterSeconds=3600)
    coming = await served.result(f"schedules/{made['id']}/preview", count=5)
    assert any("startDateTime" in each for each in coming)
    assert all(each.get("startDateTime", each["slotDateTime"]) >= each["slotDateTime"] for each in coming)


@pytest.mark.usefixtures("own_statements")
async def test_runs_longer_than_the_interval_are_warned_of(served: Scheduled) -> None:
    parts = [{"repeatInterval": 1, "repeatIntervalUnit": "Seconds"}]
    made = await served.create(runMode="Recurring", recurringScheduleParts=parts, startDateTime="2040-01-01T00:00:00Z")
    assert "warnings" not in made
    [job_id] = (await served.do("run", made["id"]))["jobIds"]
    await served.rest.run_one()

    async def age(tx: Any) -> None:
        await tx.run("test.started_earlier", id=ids.parse_job(job_id), by=90_000_000)

    await served.rest.house.database.write(age)
    [warning] = (await served.result(f"schedules/{made['id']}"))["warnings"]
    assert re.fullmatch(r"Its last runs took 1 min 3\d s, longer than the 1 s between two; they overlap\.", warning)


# -- what is wrong ------------------------------------------------------------------------------------------


async def test_everything_that_is_wrong_is_told_at_once_and_nothing_is_created(served: Scheduled) -> None:
    body = {
        "name": " ",
        "runMode": "Daily",
        "startDateTime": "tomorrow",
        "timeZone": "Europe/Pragu",
        "recurringScheduleParts": [{"repeatInterval": 1.5, "repeatIntervalUnit": "Fortnights", "startTime": "9am"}],
        "excludedDates": ["24.12.2026"],
        "overlapPolicy": "wait",
        "catchUpLimit": 5000,
        "jobTemplateIds": ["nonsense"],
        "jobTemplates": [{"taskTemplates": [{"engineId": "unknown", "executionPreferences": {"dueDateTime": "x"}}]}],
    }
    answer = await served.ask("POST", "schedules", body)
    assert answer.status_code == 400
    told = answer.json()["detail"].splitlines()
    assert sorted(line.split(":")[0] for line in told) == sorted([
        "name", "runMode", "startDateTime", "timeZone", "recurringScheduleParts[0].repeatIntervalUnit",
        "recurringScheduleParts[0].repeatInterval", "recurringScheduleParts[0].startTime", "excludedDates[0]",
        "overlapPolicy", "catchUpLimit", "jobTemplateIds[0]", "jobTemplates[0].taskTemplates[0].engineId",
        "jobTemplates[0].taskTemplates[0].executionPreferences.dueDateTime",
    ]), answer.text  # fmt: skip
    assert 'timeZone: "Europe/Pragu" is not an IANA zone. Did you mean "Europe/Prague"?' in told
    assert await served.result("schedules") == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"name": 5}, "name: string, got 5."),
        ({"jobTemplates": [{"taskTemplates": [{"ioFolders": 3}]}]}, "taskTemplates[0].ioFolders: list, got 3."),
        ({"weeklyScheduleParts": [{"scheduledDay": "Funday"}]}, "weeklyScheduleParts[0].scheduledDay: one of Monday"),
        ({"recurringScheduleParts": [{}]}, "recurringScheduleParts[0].repeatIntervalUnit: required."),
        ({"dstPolicy": {"gap": "before"}}, 'dstPolicy.gap: one of after, skip, got "before".'),
    ],
)
async def test_a_value_of_the_wrong_kind_is_named_by_its_path(
    served: Scheduled, body: dict[str, Any], text: str
) -> None:
    answer = await served.ask("POST", "schedules", {"name": "x", "runMode": "Once"} | body)
    assert answer.status_code == 400
    assert text in answer.json()["detail"]


async def test_payloads_of_inline_templates_keep_their_keys(served: Scheduled) -> None:
    template = {"taskTemplates": [{"engineId": BATCH, "payload": {"engineID": 1, "jobId": 2, "x": {"userID": 3}}}]}
    made = await served.create(runMode="Once", jobTemplates=[template])
    [job_id] = (await served.do("run", made["id"]))["jobIds"]
    shown = (await served.rest.get(f"/proc/job/{job_id}/detail")).json()["job"]
    assert shown["tasks"][0]["taskPayloadJSON"] == '{"engineID":1,"jobId":2,"x":{"userID":3}}'


async def test_a_foreign_schedule_is_not_found_and_a_reader_changes_none(served: Scheduled) -> None:
    made = await served.create(runMode="Once")
    stranger = replace(served, own=await served.own.another_organization())
    root = await identity.authenticate(served.rest.house, served.own.token)
    issued = await identity.create_token(served.rest.house, root, role=Role.READER)
    reader = replace(served, own=replace(served.own, token=issued.secret))
    changes = [("PATCH", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/run")]
    for method, verb in [*changes, ("GET", ""), ("GET", "/preview"), ("GET", "/explain"), ("GET", "/slots")]:
        body: dict[str, Any] | None = None if method in ("GET", "DELETE") else {}
        answer = await stranger.ask(method, f"schedules/{made['id']}{verb}", body)
        assert (answer.status_code, answer.json()["id"]) == (404, "not_found"), verb
        expected = 403 if (method, verb) in changes else 200
        assert (await reader.ask(method, f"schedules/{made['id']}{verb}", body)).status_code == expected, verb
    assert (await served.ask("DELETE", f"schedules/{made['id']}")).status_code == 204
    assert (await served.own.get(f"schedules/{made['id']}")).status_code == 404


async def test_the_jobs_of_a_public_schedule_are_its_organization_s_alone(served: Scheduled) -> None:
    made = await served.create(runMode="Now", isPublic=True)
    await served.fire()
    stranger = replace(served, own=await served.own.another_organization())
    [slot] = await stranger.result(f"schedules/{made['id']}/slots")
    assert (slot["outcome"], slot.get("jobIds")) == ("fired", None)
    shown = await stranger.result(f"schedules/{made['id']}")
    assert "jobTemplateIds" not in shown
    assert (await stranger.ask("POST", f"schedules/{made['id']}/pause", {})).status_code == 403


# -- the same fields as GraphQL -------------------------------------------------------------------------------


def test_a_schedule_is_created_with_the_fields_it_is_changed_with() -> None:
    """The bodies of both are read as the input of the change, so that nothing is missing for the other."""
    created, changed = (_fields(name) for name in ("CreateScheduledJob", "UpdateScheduledJob"))
    assert created - changed == {"organizationId", "applicationId"}
    assert changed - created == {"id", "migrateIfLegacy"}


def test_a_body_has_the_types_of_the_graphql_input() -> None:
    inputs = {name: each for name, each in schema().type_map.items() if isinstance(each, GraphQLInputObjectType)}
    ours = msgspec.inspect.type_info(sdl.struct("UpdateScheduledJob"))
    assert isinstance(ours, msgspec.inspect.StructType)
    seen = dict(_structs(ours))
    assert seen.keys() >= {"CreateJobTemplate", "CreateTaskTemplate", "CreateExecutionPreferences", "CreateRoute"}
    for name, struct in seen.items():
        required = {field.encode_name for field in struct.fields if field.required}
        assert {field.encode_name for field in struct.fields} == set(inputs[name].fields)
        assert required == {each for each, field in inputs[name].fields.items() if is_non_null_type(field.type)}


def _fields(name: str) -> set[str]:
    known = schema().type_map[name]
    assert isinstance(known, GraphQLInputObjectType)
    return set(known.fields)


def _structs(found: msgspec.inspect.Type) -> Iterator[tuple[str, msgspec.inspect.StructType]]:
    match found:
        case msgspec.inspect.StructType():
            yield found.cls.__name__, found
            for field in found.fields:
                yield from _structs(field.type)
        case msgspec.inspect.ListType():
            yield from _structs(found.item_type)
        case msgspec.inspect.UnionType():
            for each in found.types:
                yield from _structs(each)
