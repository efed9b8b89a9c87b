"""What is wrong with a schedule is told in its own words, by GraphQL and by our REST interface alike."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from graphql import GraphQLInputObjectType, is_non_null_type
from tests.api.clients import Api
from tests.api.samples import DAILY, TEMPLATE, TRANSCRIBE

from enginehouse.api.graphql.schema import schema
from enginehouse.api.input import sdl

PART = {"repeatInterval": 5, "repeatIntervalUnit": "Minutes"}
CYCLE = {
    "taskTemplates": [
        {
            "engineId": TRANSCRIBE,
            "ioFolders": [
                {"referenceId": f"i{n}", "mode": "chunk", "type": "input"},
                {"referenceId": f"o{n}", "mode": "chunk", "type": "output"},
            ],
        }
        for n in range(2)
    ],
    "routes": [
        {"parentIoFolderReferenceId": "o0", "childIoFolderReferenceId": "i1"},
        {"parentIoFolderReferenceId": "o1", "childIoFolderReferenceId": "i0"},
    ],
}


def recurring(**part: Any) -> dict[str, Any]:
    return {"runMode": "Recurring", "recurringScheduleParts": [{**PART, **part}]}


async def over_graphql(api: Api, **given: Any) -> list[str]:
    """What is said about each field, whoever found it: the type of a variable, or the request as a whole."""
    response = await api.graphql.post(*api.graphql.mutation("createScheduledJob", **{"name": "n", **given}))
    [error] = response.json()["errors"]
    assert error["name"] == "invalid_input"
    return [each["message"] for each in error["data"]["all"]]


async def over_rest(api: Api, **given: Any) -> list[str]:
    answer = await api.v1.post("schedules", {"name": "n", **given})
    assert answer.status_code == 400, answer.text
    lines: list[str] = answer.json()["detail"].splitlines()
    return lines


BOTH = [
    (
        {"startDateTime": "2030-01-01T11:00:00Z", "stopDateTime": "2030-01-01T10:00:00Z"},
        "stopDateTime: 2030-01-01T10:00:00.000Z must be after startDateTime (2030-01-01T11:00:00.000Z).",
    ),
    ({**DAILY, "stopDateTime": "2020-01-01"}, "stopDateTime: is in the past; this schedule would never fire."),
    (
        {**recurring(), "cron": "0 0 * * *"},
        "Give exactly one of recurringScheduleParts, weeklyScheduleParts, cron; got recurringScheduleParts, cron.",
    ),
    ({**recurring(), "runMode": "Once"}, "runMode Once does not take recurringScheduleParts."),
    ({"runMode": "Recurring"}, "runMode: Recurring needs recurringScheduleParts, weeklyScheduleParts or cron."),
    ({"runMode": "Now", "startDateTime": "2030-01-01"}, "runMode Now does not take startDateTime."),
    (
        recurring(repeatInterval=0),
        "recurringScheduleParts[0].repeatInterval: integer ≥ 1, got 0; the shortest allowed period is 1 s.",
    ),
    (
        recurring(repeatInterval=-5),
        "recurringScheduleParts[0].repeatInterval: integer ≥ 1, got -5; the shortest allowed period is 1 s.",
    ),
    (
        recurring(repeatIntervalUnit="Days"),
        "recurringScheduleParts[0].startTime: is required when repeatIntervalUnit is Days.",
    ),
    (
        recurring(startTime="25:00"),
        'recurringScheduleParts[0].startTime: HH:MM or HH:MM:SS (24 h), got "25:00".',
    ),
    (
        {"runMode": "Recurring", "weeklyScheduleParts": [{"startTime": "9am"}]},
        'weeklyScheduleParts[0].startTime: HH:MM or HH:MM:SS (24 h), got "9am".',
    ),
    ({**DAILY, "timeZone": "Europe/Pragu"}, 'timeZone: "Europe/Pragu" is not an IANA zone. Did you mean "Europe/P'),
    ({"runMode": "Recurring", "cron": "0 25 * * *"}, 'cron: field 2 (hour): "25" is not 0–23.'),
    ({"runMode": "Recurring", "cron": "0 0 31 2 *"}, 'cron: "0 0 31 2 *" never fires.'),
    ({"jobTemplates": [{}]}, "jobTemplates[0].taskTemplates: at least 1 task is required."),
    ({**DAILY, "catchUp": "all", "catchUpLimit": 525600}, "catchUpLimit: 1–1000 runs, got 525600."),
    ({**DAILY, "excludedDates": ["24.12."]}, 'excludedDates[0]: a date like 2026-12-24, got "24.12.".'),
    ({**DAILY, "jitterSeconds": -1}, "jitterSeconds: 0–86400, got -1."),
    ({"name": " "}, "name: must be given."),
    ({"primarySourceId": "x"}, 'primarySourceId: "x" was not found.'),
]


@pytest.mark.parametrize(("given", "text"), BOTH)
async def test_what_is_wrong_is_told_in_its_own_words(api: Api, given: dict[str, Any], text: str) -> None:
    for told in (await over_graphql(api, **given), await over_rest(api, **given)):
        [line] = told
        assert line.startswith(text)
    assert await api.v1.result("schedules") == []


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            recurring(repeatInterval=1.5),
            "recurringScheduleParts[0].repeatInterval: integer from -2147483648 to 2147483647, got 1.5.",
        ),
        ({"jobTemplates": []}, "jobTemplates: at least 1 template is required."),
    ],
)
async def test_graphql_knows_the_types_of_its_input(api: Api, given: dict[str, Any], text: str) -> None:
    [line] = await over_graphql(api, **given)
    assert line.startswith(text)
    assert await api.v1.result("schedules") == []


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"name": 5}, "name: string, got 5."),
        ({"jobTemplates": [{"taskTemplates": [{"ioFolders": 3}]}]}, "taskTemplates[0].ioFolders: list, got 3."),
        ({"weeklyScheduleParts": [{"scheduledDay": "Funday"}]}, "weeklyScheduleParts[0].scheduledDay: one of Monday"),
        ({"recurringScheduleParts": [{}]}, "recurringScheduleParts[0].repeatIntervalUnit: required."),
        ({"dstPolicy": {"gap": "before"}}, 'dstPolicy.gap: one of after, skip, got "before".'),
    ],
)
async def test_rest_names_a_value_of_the_wrong_kind_by_its_path(api: Api, given: dict[str, Any], text: str) -> None:
    assert any(text in line for line in await over_rest(api, **{"runMode": "Once", **given}))


async def test_a_cycle_in_a_template_is_refused_where_it_stands(api: Api) -> None:
    for told in (over_graphql, over_rest):
        lines = await told(api, jobTemplates=[TEMPLATE, CYCLE])
        assert all(line.startswith("jobTemplates[1].") for line in lines)
        assert any("cycle" in line for line in lines)


async def test_all_that_is_wrong_is_told_at_once(api: Api) -> None:
    given = {
        **recurring(repeatInterval=0), "name": "", "timeZone": "Mars", "jobTemplateIds": ["x"], "jobTemplates": [{}],
    }  # fmt: skip
    for told in (over_graphql, over_rest):
        assert {line.split(":")[0] for line in await told(api, **given)} == {
            "name", "timeZone", "jobTemplateIds[0]", "recurringScheduleParts[0].repeatInterval",
            "jobTemplates[0].taskTemplates",
        }  # fmt: skip
    wrong = {
        "name": " ", "runMode": "Daily", "startDateTime": "tomorrow", "timeZone": "Europe/Pragu",
        "recurringScheduleParts": [{"repeatInterval": 1.5, "repeatIntervalUnit": "Fortnights", "startTime": "9am"}],
        "excludedDates": ["24.12.2026"], "overlapPolicy": "wait", "catchUpLimit": 5000, "jobTemplateIds": ["nonsense"],
        "jobTemplates": [{"taskTemplates": [{"engineId": "unknown", "executionPreferences": {"dueDateTime": "x"}}]}],
    }  # fmt: skip
    assert sorted(line.split(":")[0] for line in await over_rest(api, **wrong)) == sorted([
        "name", "runMode", "startDateTime", "timeZone", "recurringScheduleParts[0].repeatIntervalUnit",
        "recurringScheduleParts[0].repeatInterval", "recurringScheduleParts[0].startTime", "excludedDates[0]",
        "overlapPolicy", "catchUpLimit", "jobTemplateIds[0]", "jobTemplates[0].taskTemplates[0].engineId",
        "jobTemplates[0].taskTemplates[0].executionPreferences.dueDateTime",
    ])  # fmt: skip
    assert await api.v1.result("schedules") == []


async def test_an_organization_has_so_many_schedules_and_no_more(api: Api) -> None:
    object.__setattr__(api.house, "limits", replace(api.house.limits, schedules=1))
    await api.schedule()
    error = await api.graphql.refused(*api.graphql.mutation("createScheduledJob", name="m"))
    assert error["name"] == "capacity_exceeded"
    assert error["message"] == "Organization limit of 1 schedules reached."


# -- the same fields in both --------------------------------------------------------------------------------


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
