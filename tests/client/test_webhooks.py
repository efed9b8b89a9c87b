"""The client follows the pages of deliveries."""

import httpx
import pytest

from enginehouse.client import Client, webhooks

STORED = [str(number) for number in range(2500, 0, -1)]


def pages(request: httpx.Request) -> httpx.Response:
    query = request.url.params
    limit, before = int(query["limit"]), int(query.get("before", 2501))
    assert 1 <= limit <= 1000
    assert query["status"] == "failed"
    rest = [number for number in STORED if int(number) < before]
    page = [{"id": number} for number in rest[:limit]]
    answer = {"deliveries": page, **({"next": page[-1]["id"]} if len(rest) > limit else {})}
    return httpx.Response(200, json={"result": answer})


@pytest.mark.parametrize(("limit", "count"), [(None, 2500), (1, 1), (1000, 1000), (1001, 1001), (9000, 2500)])
def test_as_many_pages_as_it_takes(limit: int | None, count: int) -> None:
    with Client("http://test", None, transport=httpx.MockTransport(pages)) as client:
        found = [each["id"] for each in webhooks.newest(client, status="failed", limit=limit)]
    assert found == STORED[:count]
