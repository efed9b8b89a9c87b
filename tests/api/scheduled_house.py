"""Both REST interfaces on one house, with what a test does to schedules."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from tests.api.conftest import TOKEN
from tests.api.rest_client import BATCH, Rest

from enginehouse.api.asgi import application
from enginehouse.operations.house import House
from enginehouse.operations.schedules import firing

TEMPLATE: dict[str, Any] = {"taskTemplates": [{"engineId": BATCH, "payload": {"url": "https://example.com/a.mp3"}}]}


@dataclass(frozen=True)
class Scheduled:
    """`rest` is the published interface, `own` ours."""

    rest: Rest
    own: Rest
    made: firing.JobCache

    async def create(self, **given: Any) -> dict[str, Any]:
        """The schedule as ours shows it; it launches one job of one task unless it says otherwise."""
        answer = await self.own.post("schedules", {"name": "nightly", "jobTemplates": [TEMPLATE], **given})
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()["result"]
        return shown

    async def result(self, path: str, **query: Any) -> Any:
        answer = await self.own.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Any method of ours, whatever comes of it."""
        headers = {"Authorization": f"Bearer {self.own.token}"}
        return await self.own.client.request(method, path, json=body, headers=headers)

    async def do(self, verb: str, schedule_id: str, body: Any = None) -> Any:
        answer = await self.own.post(f"schedules/{schedule_id}/{verb}", body or {})
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    async def fire(self) -> int:
        """What is due by now fires; answers how many jobs it started."""
        fired, _ = await firing.fire_due(self.rest.house, self.made)
        return len(fired.jobs)


@asynccontextmanager
async def scheduled(house: House, token: str = TOKEN) -> AsyncIterator[Scheduled]:
    transport = httpx.ASGITransport(app=application(house), raise_app_exceptions=True)
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://test/edge/v1") as published,
        httpx.AsyncClient(transport=transport, base_url="http://test/api/v1") as own,
    ):
        yield Scheduled(Rest(published, house, token), Rest(own, house, token), firing.JobCache())
