"""Too many requests of a token are answered with 429 in the form of each interface, and change nothing."""

from typing import Any

import pytest
from tests.api.clients import Api
from tests.api.samples import single

from enginehouse.domain.identity import Role
from enginehouse.operations.throttle import RequestRates

CREATE_TDO = "mutation { createTDO(input: {startDateTime: 1, stopDateTime: 2}) { id } }"
TEXT = "Too many requests with this token: at most 2 in 10 seconds are allowed. Try again in 5 s."
REQUESTS: list[tuple[str, Any]] = [
    ("POST /edge/v1/proc/job/create", {"jobs": [single()]}),
    ("GET /api/v1/organizations", None),
    (CREATE_TDO, None),
    ("{ __schema { queryType { name } } }", None),
]


def limit(api: Api, per_token: int, per_organization: int = 0) -> None:
    rates = RequestRates(per_token, per_organization, clock=lambda: 0.0)
    object.__setattr__(api.house, "request_rates", rates)


@pytest.mark.parametrize(("request_", "body"), REQUESTS)
async def test_a_token_with_too_many_requests_waits(sqlite_api: Api, request_: str, body: Any) -> None:
    limit(sqlite_api, 2)
    answers = [await sqlite_api.ask(request_, body) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    refused = answers[2]
    assert refused.outcome == ("rate_limited", TEXT)
    assert refused.response.headers["retry-after"] == "5"
    if request_ == CREATE_TDO:
        [error] = refused.body["errors"]
        assert set(error) == {"message", "name", "time_thrown", "data"}
        assert (error["data"]["retry_after"], error["data"]["allowed"]) == (5, 2)
    assert not (await (await sqlite_api.in_role(Role.ADMIN)).ask(request_, body)).error


async def test_all_interfaces_count_together_and_a_refused_request_changes_nothing(sqlite_api: Api) -> None:
    limit(sqlite_api, 3)
    for request_, body in REQUESTS[:3]:
        assert (await sqlite_api.ask(request_, body)).status == 200
    for request_, body in REQUESTS:
        assert (await sqlite_api.ask(request_, body)).status == 429
    limit(sqlite_api, 0)
    assert (await sqlite_api.graphql.ask("{ jobs { count } }"))["jobs"]["count"] == 1


async def test_what_needs_no_token_is_not_counted(sqlite_api: Api) -> None:
    limit(sqlite_api, 1, 1)
    for _ in range(3):
        assert (await sqlite_api.edge.client.get("/ping")).status_code == 200
        assert (await sqlite_api.holding("wrong").ask("GET /edge/v1/proc/jobs")).status == 401
    assert (await sqlite_api.ask("GET /edge/v1/proc/jobs")).status == 200
