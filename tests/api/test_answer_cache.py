"""Answers about jobs are kept as bytes as long as the job is as it was read, and never longer."""

import gc
from typing import Any

import pytest
from msgspec import structs
from tests.api.clients import Api
from tests.api.test_query_plan import Library, text

from enginehouse.api.graphql.context import Context
from enginehouse.api.graphql.execution.answer_cache import AnswerCache
from enginehouse.api.graphql.executor import GraphQLRequest, RequestExecutor
from enginehouse.api.graphql.fields import job_fields, paging, tasks
from enginehouse.api.graphql.schema import answers, schema
from enginehouse.domain.ids import parse_job
from enginehouse.domain.job import Job
from enginehouse.domain.refs import Ref
from enginehouse.operations import identity, jobs

ALL = " ".join(sorted(job_fields.OF_ITSELF - {"tasks"}))
ALL_OF_TASKS = " ".join(sorted(tasks.OF_ITSELF))
LIST = f"{{ jobs {{ records {{ {ALL} tasks(limit: 5) {{ count records {{ {ALL_OF_TASKS} }} }} }} }} }}"


class Counted(AnswerCache):
    """Counts what had to be made."""

    made = 0

    def keep(self, selection: int, value: Any, answer: dict[str, Any]) -> Any:
        self.made += 1
        return super().keep(selection, value, answer)


def counted() -> Counted:
    plain = answers()
    return Counted(plain.classes, plain._fields)


async def read(api: Api, job_id: str) -> Job:
    return await jobs.get(api.house, await api.principal(), Ref.of(parse_job(job_id) or 0))


async def test_only_what_has_changed_is_made_again(api: Api) -> None:
    ids = [await api.graphql.create_job() for _ in range(3)]
    caller = await identity.authenticate(api.house, api.graphql.token or "")
    kept = counted()
    ours, library = RequestExecutor(schema(), kept), Library(schema())

    async def both() -> str:
        request = GraphQLRequest(LIST, {}, None)
        first, second = [
            text(await executor.execute(request, Context(api.house, caller))) for executor in (ours, library)
        ]
        assert first == second
        return first

    assert await both() == await both()
    assert kept.made == 3
    await api.graphql.ask(f'mutation {{ cancelJob(id: "{ids[1]}") {{ id }} }}')
    assert '"aborted"' in await both()
    assert kept.made == 4
    await api.graphql.ask(f'mutation {{ retryJob(id: "{ids[1]}") {{ id }} }}')  # it shows in the old one too
    await both()
    assert kept.made == 6


@pytest.mark.parametrize(("query", "variables", "is_kept"), [
    ("{ jobs { records { id status } } }", {}, True),
    ("{ jobs { records { id tasks(limit: 1) { records { __typename id } } } } }", {}, True),
    ('{ job(id: "%s") { s: status tasks(status: [pending]) { count } } }', {}, False),
    ('{ job(id: "%s") { s: status tasks(limit: 2) { count } } }', {}, True),
    ("query ($n: Int) { jobs { records { id tasks(limit: $n) { count } } } }", {"n": 1}, False),
    ("{ jobs { records { id target { id } } } }", {}, False),
    ("{ jobs { records { id tasks { records { id output } } } } }", {}, False),
    ("{ jobs { records { id ... on Job { events { id } } } } }", {}, False),
])  # fmt: skip
async def test_which_answers_follow_from_the_job_alone(
    sqlite_api: Api, query: str, variables: dict[str, Any], is_kept: bool
) -> None:
    job_id = await sqlite_api.graphql.create_job()
    caller = await identity.authenticate(sqlite_api.house, sqlite_api.graphql.token or "")
    kept = counted()
    request = GraphQLRequest(query.replace("%s", job_id), variables, None)
    _, body = await RequestExecutor(schema(), kept).execute(request, Context(sqlite_api.house, caller))
    assert "errors" not in body
    assert (kept.made > 0) == is_kept


def test_these_fields_look_at_nothing_but_their_object() -> None:
    """A resolver that does not use its info calls it `_`. That of tasks only makes the job known to a loader."""
    for name, fields in (("Job", job_fields.OF_ITSELF), ("Task", tasks.OF_ITSELF), ("TaskList", paging.OF_ITSELF)):
        declared = schema().type_map[name].fields  # type: ignore[attr-defined]
        assert fields <= declared.keys()
        for field in fields:
            resolve = declared[field].resolve
            if resolve is None:
                assert hasattr(paging.Page, field), (name, field)
            elif resolve is not job_fields.tasks_of:
                assert resolve.__code__.co_varnames[1] == "_", (name, field)


async def test_the_bytes_are_bounded_and_no_object_is_kept_alive(sqlite_api: Api) -> None:
    job = await read(sqlite_api, await sqlite_api.graphql.create_job())
    cache = AnswerCache({"Job": Job}, {}, max_bytes=64 * 1_000)
    alike = [structs.replace(job) for _ in range(200)]
    for each in alike:
        cache.keep(1, each, {"text": "x" * 300})
        assert cache.size <= 64 * 1_000
    assert cache.find(1, alike[0]) is None
    assert bytes(cache.find(1, alike[-1]) or b"") == b'{"text":"' + b"x" * 300 + b'"}'
    assert cache.find(2, alike[-1]) is None
    cache.keep(3, job, {"text": "x" * 2_000})
    assert cache.find(3, job) is None  # too large a part of the whole
    for each in alike:
        cache.keep(1, each, {})
        cache.keep(1, each, {})
    assert cache.size == len(cache._kept) * (500 + 2)


async def test_an_object_in_the_place_of_another_has_no_answer(sqlite_api: Api) -> None:
    job = await read(sqlite_api, await sqlite_api.graphql.create_job())
    cache, reused = AnswerCache({"Job": Job}, {}), 0
    for _ in range(1_000):
        one = structs.replace(job)
        cache.keep(1, one, {})
        place = id(one)
        del one
        other = structs.replace(job)
        reused += id(other) == place
        assert cache.find(1, other) is None
        if reused:
            break
    gc.collect()
    assert reused
