"""The list of jobs: its filters are in the address, and it shows only the organization's own."""

from dataclasses import replace
from urllib.parse import quote

import pytest
from tests import make
from tests.web.conftest import Place
from tests.web.reader import text

from enginehouse.domain.ids import job_graphql
from enginehouse.domain.refs import Ref
from enginehouse.operations import jobs

SCRIPT = '"><svg onload=alert(1)>\u202e'


async def created(place: Place, *names: str | None) -> list[int]:
    requests = [replace(make.independent(2), name=name) for name in names]
    return [job.job_id for job in await jobs.create(place.house, place.caller, requests)]


async def test_an_empty_list_says_what_to_do(place: Place) -> None:
    reader = await place.signed_in()
    assert "enginehouse job create" in text(await reader.get("/jobs"))
    assert "enginehouse job create" in text(await reader.get("/"))
    filtered = await reader.get("/jobs?status=failed")
    assert "No job matches" in text(filtered)
    assert 'href="/jobs"' in filtered.text


async def test_jobs_are_listed_with_a_link_and_a_name_cannot_be_markup(place: Place) -> None:
    one, two = await created(place, None, SCRIPT)
    reader = await place.signed_in()
    answer = await reader.get("/jobs")
    assert "1–2 of 2" in text(answer)
    for job_id in (one, two):
        assert f'href="/jobs/{job_graphql(job_id)}"' in answer.text
    assert "<svg onload" not in answer.text
    assert SCRIPT in text(answer)


@pytest.mark.parametrize(
    ("query", "chip", "count"),
    [
        ("status=aborted", "status: aborted", 1),
        ("status=pending", "status: pending", 2),
        ("engine=noop", "engine: noop", 3),
        ("engine=read", "engine: read", 0),
        ("engine=unknown", "engine: unknown", 0),
        ("name=second", "name: second", 1),
        (f"name={quote(SCRIPT)}", f"name: {SCRIPT}", 1),
        ("status=pending&name=second", "name: second", 1),
        ("target=77", "target: 77", 0),
        ("schedule=77", "schedule: 77", 0),
        ("job=77", "job: 77", 0),
    ],
)
async def test_a_filter_is_in_the_address_and_can_be_seen_and_removed(
    place: Place, query: str, chip: str, count: int
) -> None:
    [first, *_] = await created(place, "first", "second", SCRIPT)
    await jobs.cancel(place.house, place.caller, Ref.of(first))
    reader = await place.signed_in()
    answer = await reader.get(f"/jobs?{query}")
    shown = text(answer)
    assert chip in shown
    assert (f"of {count}" in shown) if count else ("No job matches" in shown)
    assert 'title="Remove this filter"' in answer.text
    assert (await reader.get(f"/jobs?job={job_graphql(first)}")).text.count('class="status aborted"') == 1


async def test_a_status_that_does_not_exist_is_refused_with_those_that_do(place: Place) -> None:
    reader = await place.signed_in()
    answer = await reader.get("/jobs?status=sleeping")
    assert answer.status_code == 400
    assert "pending, queued, running, complete, failed, aborted, got sleeping" in text(answer)


async def test_pages_follow_one_another_and_keep_the_filter(place: Place) -> None:
    await created(place, *["same"] * 51)
    reader = await place.signed_in()
    answer = await reader.get("/jobs?name=same")
    assert "1–50 of 51" in text(answer)
    assert 'rel="prev"' not in answer.text
    answer = await reader.get("/jobs?name=same&page=2")
    assert "51–51 of 51" in text(answer)
    assert 'href="/jobs?name=same" rel="prev"' in answer.text
    assert 'rel="next"' not in answer.text
    for odd in ("0", "-1", "x", "9" * 30, "²"):
        assert (await reader.get(f"/jobs?page={quote(odd)}")).status_code == 200


async def test_another_organization_sees_nothing_of_them(place: Place) -> None:
    [job_id] = await created(place, "secret name")
    reader = await place.stranger()
    for path in ("/", "/jobs", f"/jobs?job={job_graphql(job_id)}", f"/jobs/{job_graphql(job_id)}"):
        answer = await reader.get(path)
        assert "secret name" not in answer.text
    missing = await reader.get("/jobs/26114829_0000000000")
    assert (answer.status_code, missing.status_code) == (404, 404)
    assert text(answer).replace(job_graphql(job_id), "") == text(missing).replace("26114829_0000000000", "")
