"""The list of jobs: its filters are in the address, and it shows only the organization's own."""

import re
from html import unescape
from urllib.parse import quote

import pytest
from msgspec import structs
from tests import make
from tests.web.conftest import Place
from tests.web.reader import text

from enginehouse.domain.ids import job_graphql
from enginehouse.domain.refs import Ref
from enginehouse.operations import jobs, limits

SCRIPT = '"><svg onload=alert(1)>\u202e'


async def created(place: Place, *names: str | None) -> list[int]:
    requests = [structs.replace(make.independent(2), name=name) for name in names]
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
    assert "2 jobs, newest first" in text(answer)
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
        ("status=aborted&status=pending", "status: pending", 3),
        ("engine=noop&engine=read", "engine: read", 3),
        ("failure=invalid_data", "failure: invalid_data", 0),
        ("paused=yes", "paused: yes", 1),
        ("created-after=2020-01-01", "created after: 2020-01-01", 3),
        ("created-before=2020-01-01T10:00", "created before: 2020-01-01T10:00", 0),
        ("changed-after=2020-01-01&changed-before=2120-01-01&status=pending", "changed before: 2120-01-01", 2),
    ],
)
async def test_a_filter_is_in_the_address_and_can_be_seen_and_removed(
    place: Place, query: str, chip: str, count: int
) -> None:
    [first, second, _] = await created(place, "first", "second", SCRIPT)
    await jobs.cancel(place.house, place.caller, Ref.of(first))
    await limits.pause_job(place.house, place.caller, Ref.of(second))
    reader = await place.signed_in()
    answer = await reader.get(f"/jobs?{query}")
    shown = text(answer)
    assert chip in shown
    assert (f"{count} job" in shown) if count else ("No job matches" in shown)
    assert 'title="Remove this filter"' in answer.text
    assert (await reader.get(f"/jobs?job={job_graphql(first)}")).text.count('class="status aborted"') == 1


async def test_filters_that_do_not_exist_are_refused_with_those_that_do(place: Place) -> None:
    reader = await place.signed_in()
    answer = await reader.get("/jobs?status=sleeping&failure=odd&created-after=soon")
    assert answer.status_code == 400
    shown = text(answer)
    assert 'status: one of pending, queued, running, complete, failed, aborted, got "sleeping".' in shown
    assert "failure: one of internal_error" in shown
    assert "created-after: " in shown


async def test_several_values_of_a_filter_stay_when_another_one_is_set(place: Place) -> None:
    await created(place, "one")
    reader = await place.signed_in()
    answer = await reader.get("/jobs?status=pending&status=failed")
    assert '<input type="hidden" name="status" value="pending">' in answer.text
    assert '<input type="hidden" name="status" value="failed">' in answer.text
    assert 'href="/jobs?status=failed" title="Remove this filter"' in answer.text


async def test_pages_follow_one_another_by_the_jobs_at_their_ends_and_keep_the_filter(place: Place) -> None:
    ids = (await created(place, *["same"] * 120))[::-1]
    names = [job_graphql(job_id) for job_id in ids]
    reader = await place.signed_in()

    async def page(address: str) -> tuple[list[str], dict[str, str]]:
        answer = await reader.get(address)
        assert "120 jobs, newest first" in text(answer)
        links = re.findall(r'<a href="([^"]+)" rel="(prev|next)"', answer.text)
        return re.findall(r'<a href="/jobs/([^"/?]+)">', answer.text), {rel: unescape(href) for href, rel in links}

    first, beside = await page("/jobs?name=same")
    assert (first, beside) == (names[:50], {"next": f"/jobs?name=same&before={names[49]}"})
    second, beside = await page(beside["next"])
    assert (second, set(beside)) == (names[50:100], {"prev", "next"})
    third, last = await page(beside["next"])
    assert (third, set(last)) == (names[100:], {"prev"})
    assert (await page(last["prev"]))[0] == second
    back, beside = await page(beside["prev"])
    assert (back, set(beside)) == (first, {"next"}), "the newest page has nothing newer"
    await created(place, "same")
    assert (await reader.get(f"/jobs?name=same&before={names[49]}")).text.count("<tr>") == 51, "a new job moves nothing"
    for odd in ("0", "-1", "x", "9" * 30, "²"):
        assert (await reader.get(f"/jobs?before={quote(odd)}&after={quote(odd)}")).status_code == 200


async def test_another_organization_sees_nothing_of_them(place: Place) -> None:
    [job_id] = await created(place, "secret name")
    reader = await place.stranger()
    for path in ("/", "/jobs", f"/jobs?job={job_graphql(job_id)}", f"/jobs/{job_graphql(job_id)}"):
        answer = await reader.get(path)
        assert "secret name" not in answer.text
    missing = await reader.get("/jobs/26114829_0000000000")
    assert (answer.status_code, missing.status_code) == (404, 404)
    assert text(answer).replace(job_graphql(job_id), "") == text(missing).replace("26114829_0000000000", "")
