"""A real house with two organizations, and a client that speaks to its GraphQL endpoint over ASGI."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from enginehouse.api.graphql import graphql
from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.engine import EngineCategory, EngineKind, EngineMode, EngineSpec
from enginehouse.operations import accounts, engines, identity
from enginehouse.operations.house import House
from enginehouse.storage.database.database import Database

TOKEN = "3f8b3a0e-6f0e-4a62-9c7e-2d8f7f6f0a11"
ADAPTER = "9e611ad7-2d3b-48f6-a51b-0a1ba40fe255"
CHUNKER = "8bdb0e3b-ff28-4f6e-a3ba-887bd06e6440"
WRITER = "8eccf9cc-6b6d-4d7d-8cb3-7ebf4950c5f3"
TRANSCRIBER = "c0e55cde-340b-44d7-bb42-2e0d65e98255"
CATEGORIES = (
    EngineCategory(id="67cd4dd0-2f75-445d-a6f0-2f297d6cd182", name="Transcription", type="Cognition"),
    EngineCategory(id="00000000-0000-4000-8000-0000000c0001", name="Adapter", type="Ingestion"),
)


def _spec(engine_id: str, name: str, **more: Any) -> EngineSpec:
    category = CATEGORIES[1 if more.get("ingests") else 0].id
    return EngineSpec(id=engine_id, name=name, category_id=category, kind=EngineKind.NATIVE, **more)


SPECS = (
    _spec(
        ADAPTER,
        "Webstream adapter",
        ingests=True,
        mode=EngineMode.STREAM,
        aliases=("9e611ad7-2d3b-48f6-a51b-0a1ba40feab4",),
    ),
    _spec(CHUNKER, "Chunker", ingests=True, mode=EngineMode.STREAM),
    _spec(TRANSCRIBER, "Transcription", slug="transcription"),
    _spec(WRITER, "Output writer", gathers=True),
)


@dataclass(frozen=True, slots=True)
class Client:
    """Speaks GraphQL with one token, or with none."""

    http: httpx.AsyncClient
    token: str | None

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def post(self, query: str, variables: Any = None, **more: Any) -> httpx.Response:
        body = {"query": query, **({} if variables is None else {"variables": variables}), **more}
        return await self.http.post("/v3/graphql", json=body, headers=self.headers())

    async def ask(self, query: str, variables: Any = None) -> dict[str, Any]:
        """The data; the request must have gone well."""
        response = await self.post(query, variables)
        body: dict[str, Any] = response.json()
        assert response.status_code == 200, body
        assert "errors" not in body, body
        data: dict[str, Any] = body["data"]
        return data

    async def refused(self, query: str, variables: Any = None) -> dict[str, Any]:
        """The only error; it must have come with HTTP 200."""
        response = await self.post(query, variables)
        assert response.status_code == 200, response.text
        [error] = response.json()["errors"]
        found: dict[str, Any] = error
        return found

    async def create_job(self, **given: Any) -> str:
        variables = {"in": {"tasks": [{"engineId": ADAPTER, "payload": {"url": "https://h.example/a.mp4"}}], **given}}
        created = await self.ask("mutation J($in: CreateJob) { createJob(input: $in) { id } }", variables)
        job_id: str = created["createJob"]["id"]
        return job_id


@dataclass(frozen=True, slots=True)
class Served:
    """A house that is served, its administrator's client, a foreign organization's and a stranger's."""

    house: House
    client: Client
    foreign: Client
    stranger: Client
    password: str


@asynccontextmanager
async def serving(database: Database, folder: Path) -> AsyncIterator[Served]:
    house = House.build(database, DiskStore(folder / "store"))
    first = await accounts.first_start(house, init_token=TOKEN)
    await engines.register(house, SPECS, CATEGORIES)
    principal = await identity.authenticate(house, TOKEN)
    other = await accounts.create_organization(house, principal, "Other")
    issued = await identity.create_token(house, principal, organization_id=other.id)
    transport = httpx.ASGITransport(app=graphql(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://house.example") as http:
        yield Served(
            house, Client(http, TOKEN), Client(http, issued.secret), Client(http, None), first.admin_password or ""
        )
