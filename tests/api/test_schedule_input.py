"""GraphQL and our REST interface refuse a wrong schedule with the same messages at the same paths."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from graphql import GraphQLInputObjectType, is_non_null_type
from tests.api.clients import Api
from tests.api.samples import DAILY, TEMPLATE, TRANSCRIBE
from tests.api.verbs import Answer, Interface, Verb, document
from tests.thorough import mostly_on_sqlite

from enginehouse.api.graphql.schema import schema
from enginehouse.api.input import sdl

CREATE = Verb("POST /api/v1/schedules", document("createScheduledJob"))
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


async def create(api: Api, **values: Any) -> Answer:
    """Returns the refusal, which is the same from both interfaces. No schedule is created."""
    rest, graphql = [await each.do(CREATE, **{"name": "n", **values}) for each in api.each()]
    assert rest.status == 400
    assert rest.outcome == graphql.outcome
    assert rest.error in {"invalid_input", "not_found"}
    assert await api.v1.result("schedules") == []
    return rest


def places(answer: Answer) -> list[str]:
    """Returns the paths of the problems."""
    return sorted(line.split(":")[0] for line in answer.message.splitlines())


@pytest.mark.parametrize(
    ("values", "beginning"),
    [
        ({"startDateTime": "2030-01-01T11:00:00Z", "stopDateTime": "2030-01-01T10:00:00Z"}, "stopDateTime: "),
        ({**DAILY, "stopDateTime": "2020-01-01"}, "stopDateTime: "),
        ({**recurring(), "cron": "0 0 * * *"}, "Give exactly one of recurringScheduleParts, "),
        ({**recurring(), "runMode": "Once"}, "runMode Once "),
        ({"runMode": "Recurring"}, "runMode: "),
        ({"runMode": "Now", "startDateTime": "2030-01-01"}, "runMode Now "),
        (recurring(repeatInterval=0), "recurringScheduleParts[0].repeatInterval: "),
        (recurring(repeatInterval=-5), "recurringScheduleParts[0].repeatInterval: "),
        (recurring(repeatIntervalUnit="Days"), "recurringScheduleParts[0].startTime: "),
        (recurring(startTime="25:00"), "recurringScheduleParts[0].startTime: "),
        ({"runMode": "Recurring", "weeklyScheduleParts": [{"startTime": "9am"}]}, "weeklyScheduleParts[0].startTime: "),
        ({**DAILY, "timeZone": "Europe/Pragu"}, "timeZone: "),
        ({"runMode": "Recurring", "cron": "0 25 * * *"}, "cron: "),
        ({"runMode": "Recurring", "cron": "0 0 31 2 *"}, "cron: "),
        ({"jobTemplates": [{}]}, "jobTemplates[0].taskTemplates: at least 1 task is required."),
        ({**DAILY, "catchUp": "all", "catchUpLimit": 525600}, "catchUpLimit: "),
        ({**DAILY, "excludedDates": ["24.12."]}, "excludedDates[0]: "),
        ({**DAILY, "jitterSeconds": -1}, "jitterSeconds: "),
        ({"name": " "}, "name: must be given."),
        ({"primarySourceId": "x"}, 'primarySourceId: "x" was not found.'),
    ],
)
@mostly_on_sqlite
async def test_both_name_the_same_path_of_a_problem(api: Api, values: dict[str, Any], beginning: str) -> None:
    [line] = (await create(api, **values)).message.splitlines()
    assert line.startswith(beginning)


@pytest.mark.parametrize(
    ("interface", "values", "text"),
    [
        (
            "GraphQL",
            recurring(repeatInterval=1.5),
            "recurringScheduleParts[0].repeatInterval: integer from -2147483648 to 2147483647, got 1.5.",
        ),
        ("GraphQL", {"jobTemplates": []}, "jobTemplates: at least 1 template is required."),
        ("REST", {"name": 5}, "name: string, got 5."),
        ("REST", {"jobTemplates": [{"taskTemplates": [{"ioFolders": 3}]}]}, "taskTemplates[0].ioFolders: list, got 3."),
        ("REST", {"weeklyScheduleParts": [{"scheduledDay": "Funday"}]}, "weeklyScheduleParts[0].scheduledDay: one of"),
        ("REST", {"recurringScheduleParts": [{}]}, "recurringScheduleParts[0].repeatIntervalUnit: required."),
        ("REST", {"dstPolicy": {"gap": "before"}}, 'dstPolicy.gap: one of after, skip, got "before".'),
    ],
)
@mostly_on_sqlite
async def test_each_names_a_value_of_the_wrong_kind_by_its_path(
    api: Api, interface: Interface, values: dict[str, Any], text: str
) -> None:
    answer = await replace(api, interface=interface).do(CREATE, **{"name": "n", **values})
    assert answer.error == "invalid_input"
    assert any(text in line for line in answer.message.splitlines())
    assert await api.v1.result("schedules") == []


async def test_a_cycle_in_a_template_is_refused_where_it_stands(api: Api) -> None:
    lines = (await create(api, jobTemplates=[TEMPLATE, CYCLE])).message.splitlines()
    assert all(line.startswith("jobTemplates[1].") for line in lines)
    assert any("cycle" in line for line in lines)


async def test_all_problems_are_named_at_once(api: Api) -> None:
    values = {
        **recurring(repeatInterval=0), "name": "", "timeZone": "Mars", "jobTemplateIds": ["x"], "jobTemplates": [{}],
    }  # fmt: skip
    assert places(await create(api, **values)) == [
        "jobTemplateIds[0]", "jobTemplates[0].taskTemplates", "name", "recurringScheduleParts[0].repeatInterval",
        "timeZone",
    ]  # fmt: skip
    wrong: dict[str, Any] = {
        "name": " ", "runMode": "Daily", "startDateTime": "tomorrow", "timeZone": "Europe/Pragu",
        "recurringScheduleParts": [{"repeatInterval": 1.5, "repeatIntervalUnit": "Fortnights", "startTime": "9am"}],
        "excludedDates": ["24.12.2026"], "overlapPolicy": "wait", "catchUpLimit": 5000, "jobTemplateIds": ["nonsense"],
        "jobTemplates": [{"taskTemplates": [{"engineId": "unknown", "executionPreferences": {"dueDateTime": "x"}}]}],
    }  # fmt: skip
    assert places(await api.do(CREATE, **wrong)) == [
        "catchUpLimit", "excludedDates[0]", "jobTemplateIds[0]", "jobTemplates[0].taskTemplates[0].engineId",
        "jobTemplates[0].taskTemplates[0].executionPreferences.dueDateTime", "name", "overlapPolicy",
        "recurringScheduleParts[0].repeatInterval", "recurringScheduleParts[0].repeatIntervalUnit",
        "recurringScheduleParts[0].startTime", "runMode", "startDateTime", "timeZone",
    ]  # fmt: skip
    assert await api.v1.result("schedules") == []


async def test_an_organization_has_a_limited_number_of_schedules(api: Api) -> None:
    api.limit(schedules=1)
    await api.schedule()
    for each in api.each():
        refused = await each.do(CREATE, name="m")
        assert refused.outcome == ("capacity_exceeded", "Organization limit of 1 schedules reached.")


# -- the same fields in both --------------------------------------------------------------------------------


def test_a_schedule_is_created_with_the_fields_it_is_changed_with() -> None:
    """A body of either is read as the input of a change, so that neither lacks a field of the other."""
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
