"""One house behind all its interfaces, and what a test does to its jobs behind their backs."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import httpx
from tests.api import samples
from tests.api.samples import CATEGORIES, ENGINES, TEMPLATE

from enginehouse.api.asgi import application
from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.artifact import PUBLISHED
from enginehouse.domain.audit import NOBODYS, AuditFilter, RecordedEntry
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Done, Failed, Lease, NewArtifact, Report
from enginehouse.operations import accounts, engines, identity, work
from enginehouse.operations.house import House
from enginehouse.operations.schedules import firing
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Database

TOKEN = "7f9bfa70-93f4-4a4e-a5b0-3ba8c2f32f4a"
ADDRESS = "192.0.2.7"  # of every client
GRAPHQL: Final = "/v3/graphql"

Interface = Literal["REST", "GraphQL"]


class Verb(NamedTuple):
    """One thing to do, in the words of each interface.

    `rest` is "METHOD /path" with {id} where the id goes; the document has the variables $id and $in.
    """

    rest: str
    graphql: str


def document(name: str, fields: str = "id") -> str:
    """The document of a mutation that takes its input from $in."""
    return f"mutation($in: {name[0].upper()}{name[1:]}!) {{ {name}(input: $in) {{ {fields} }} }}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an interface returns to a request, read the same way for each of them."""

    response: httpx.Response

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def body(self) -> Any:
        return self.response.json() if self.response.content else {}

    @property
    def outcome(self) -> tuple[str, Any]:
        """The name and the message of the only error; or an empty name and the result.

        The result of GraphQL is that of the only field, the records of a list.
        """
        body = self.body
        if self.response.url.path != GRAPHQL:
            return ("", body.get("result", body)) if self.response.is_success else (body["id"], body["detail"])
        if "errors" in body:
            [error] = body["errors"]
            return error["name"], error["message"]
        [field] = body["data"].values()
        return "", field.get("records", field) if isinstance(field, dict) else field

    @property
    def error(self) -> str:
        return self.outcome[0]

    @property
    def message(self) -> str:
        """What the only error says; there must be one."""
        error, message = self.outcome
        assert error, message
        return str(message)

    @property
    def result(self) -> Any:
        """There must be no error."""
        error, result = self.outcome
        assert not error, result
        return result


@dataclass(frozen=True, slots=True)
class Rest:
    """Requests with a token, and what a test does to jobs behind the interface's back."""

    client: httpx.AsyncClient
    house: House
    token: str

    async def request(self, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        """Any method, whatever comes of it."""
        return await self.client.request(method, path, json=body, headers=self._headers(), params=query or None)

    async def result(self, path: str, body: Any = None, **query: Any) -> Any:
        """What a GET returns, or the POST of a body; it must have gone well."""
        answer = await self.request("GET" if body is None else "POST", path, body, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(path, headers=self._headers(), **more)

    async def post(
        self, path: str, body: Any = None, *, raw: bytes | str | None = None, **headers: str
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"content": raw} if raw is not None else {"json": body}
        return await self.client.post(path, headers=self._headers() | named, **sent)

    async def create(self, *jobs: dict[str, Any]) -> str:
        """The id of the (last) job."""
        answer = await self.post("/proc/job/create", {"jobs": list(jobs or (samples.single(),))})
        assert answer.status_code == 200, answer.text
        created: str = answer.json()["internalJobIds"][-1]
        return created

    async def detail(self, job_id: str) -> Any:
        """The job as the published interface shows it."""
        answer = await self.get(f"/proc/job/{job_id}/detail")
        assert answer.status_code == 200, answer.text
        return answer.json()["job"]

    async def another_organization(self) -> "Rest":
        """The same interface with the token of a second organization."""
        root = await identity.authenticate(self.house, self.token)
        other = await accounts.create_organization(self.house, root, "Other")
        issued = await identity.create_token(self.house, root, organization_id=other.id, as_uuid=True)
        return Rest(self.client, self.house, issued.secret)

    async def run_one(self, *outputs: tuple[str, str, bytes]) -> None:
        """One runnable item runs to its end and publishes `outputs` (name, media type, bytes)."""
        [lease] = await work.claim(self.house, pool="native", limit=1, worker="test")
        made = []
        for part, (name, media_type, content) in enumerate(outputs):
            key = f"jobs/{lease.organization_id}/{lease.key.job_id}/{lease.key.ordinal}/{part:06d}"
            await self.house.store.put(key, content)
            made.append(
                NewArtifact(
                    folder=PUBLISHED,
                    part=part,
                    index=part,
                    name=name,
                    media_type=media_type,
                    size=len(content),
                    sha256=hashlib.sha256(content).hexdigest(),
                    key=key,
                )
            )
        await work.finish(self.house, Report(lease.key, lease.token, Done(tuple(made))))

    async def start_one(self) -> Lease:
        """One runnable item is running."""
        [lease] = await work.claim(self.house, pool="native", limit=1, worker="test")
        return lease

    async def end_stopped(self, lease: Lease) -> None:
        """The attempt has ended as it was asked to."""
        stopped = Failed(FailureKind.STOP_REQUESTED, "stopped")
        await work.finish(self.house, Report(lease.key, lease.token, stopped))

    async def fail_one(self, kind: FailureKind) -> None:
        [lease] = await work.claim(self.house, pool="native", limit=1, worker="test")
        await work.finish(self.house, Report(lease.key, lease.token, Failed(kind, "it broke")))

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True, slots=True)
class GraphQL:
    """Speaks GraphQL with one token, or with none."""

    http: httpx.AsyncClient
    token: str | None

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def post(self, query: str, variables: Any = None, **more: Any) -> httpx.Response:
        body = {"query": query, **({} if variables is None else {"variables": variables}), **more}
        return await self.http.post(GRAPHQL, json=body, headers=self.headers())

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
        only: dict[str, Any] = error
        return only

    async def change(self, mutation: str, fields: str = "id", /, **given: Any) -> Any:
        """What the mutation returns; its input has these fields."""
        return (await self.ask(*self.mutation(mutation, fields, **given)))[mutation]

    @staticmethod
    def mutation(name: str, fields: str = "id", /, **given: Any) -> tuple[str, dict[str, Any]]:
        """The document and the variables."""
        return document(name, fields), {"in": given}

    async def schedule(self, schedule_id: str, fields: str) -> Any:
        """These fields of the schedule."""
        query = f"query($id: ID!) {{ scheduledJob(id: $id) {{ {fields} }} }}"
        return (await self.ask(query, {"id": schedule_id}))["scheduledJob"]

    async def create_job(self, **fields: Any) -> str:
        variables = {
            "in": {"tasks": [{"engineId": samples.WEBSTREAM, "payload": {"url": "https://h.example/a.mp4"}}], **fields}
        }
        created = await self.ask("mutation J($in: CreateJob) { createJob(input: $in) { id } }", variables)
        job_id: str = created["createJob"]["id"]
        return job_id


@dataclass(frozen=True, slots=True)
class Api:
    """The published REST interface, our own, and GraphQL, as one caller sees them; first the administrator."""

    edge: Rest
    v1: Rest
    graphql: GraphQL
    house: House
    password: str  # the administrator's
    cache: firing.JobCache
    interface: Interface = "REST"  # the one that `do` speaks

    async def ask(self, request: str, given: Any = None, **headers: str) -> Answer:
        """What comes of a request: "METHOD /path" and its body, or a GraphQL document and its variables.

        The body may stand behind the path, as JSON; bytes are sent as they are.
        """
        named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
        signed = {name.encode(): value.encode() for name, value in self.graphql.headers().items()}
        method, *rest = request.split(" ", 2)
        if not method.isupper():
            method, rest, given = "POST", [GRAPHQL], {"query": request, "variables": given}
        path, *text = rest
        sent = {"content": given} if isinstance(given, bytes) else {"json": json.loads(text[0]) if text else given}
        return Answer(await self.graphql.http.request(method, path, headers={**signed, **named}, **sent))

    async def do(self, verb: Verb, id: str = "", **fields: Any) -> Answer:
        """What comes of it over the interface that is spoken here."""
        known = {"id": id} if id else {}
        if self.interface == "GraphQL":
            return await self.ask(verb.graphql, {**known, "in": known | fields})
        takes_body = verb.rest.startswith(("POST", "PATCH"))
        return await self.ask(verb.rest.replace("{id}", id), fields if takes_body else None)

    def each(self) -> "tuple[Api, Api]":
        """The same caller over REST, and over GraphQL."""
        return replace(self, interface="REST"), replace(self, interface="GraphQL")

    def holding(self, token: str | None) -> "Api":
        """The same interfaces with another token, or with none over GraphQL."""
        rest = {name: replace(getattr(self, name), token=token or "") for name in ("edge", "v1")}
        return replace(self, **rest, graphql=replace(self.graphql, token=token))

    async def principal(self) -> Principal:
        return await identity.authenticate(self.house, self.edge.token)

    async def in_role(self, role: Role) -> "Api":
        """The same interfaces with a token of the same organization that has this role."""
        return self.holding((await identity.create_token(self.house, await self.principal(), role=role)).secret)

    async def another_organization(self) -> "Api":
        """The same interfaces with the token of a second organization."""
        return self.holding((await self.edge.another_organization()).token)

    async def audit(self) -> list[RecordedEntry]:
        """All that is recorded of the first organizations and of nobody, the oldest first."""
        organizations, all_ = (NOBODYS, 1, 2, 3, 4), AuditFilter(limit=1000)
        return (await self.house.database.read(lambda tx: entries.page(tx, organizations, all_)))[::-1]

    def limit(self, **limits: int) -> None:
        """The house has these limits from now on."""
        object.__setattr__(self.house, "limits", replace(self.house.limits, **limits))

    async def schedule(self, **fields: Any) -> dict[str, Any]:
        """The schedule as ours shows it; it launches one job of one task unless it says otherwise."""
        made: dict[str, Any] = await self.v1.result("schedules", {"name": "n", "jobTemplates": [TEMPLATE], **fields})
        return made

    async def run(self, schedule: dict[str, Any], times: int = 1) -> list[str]:
        """The ids of the jobs that it starts when it is run by hand so often."""
        runs = [await self.v1.result(f"schedules/{schedule['id']}/run", {}) for _ in range(times)]
        return [job_id for each in runs for job_id in each["jobIds"]]

    async def fire(self) -> int:
        """What is due by now fires; returns how many jobs it started."""
        fired, _ = await firing.fire_due(self.house, self.cache)
        return len(fired.jobs)


Callers = dict[str, Api]
"""Everybody who speaks in a test, by the name that its tables have for them."""


@asynccontextmanager
async def serving(database: Database, folder: Path) -> AsyncIterator[Api]:
    """A house with all engines of `samples`, served to its first administrator."""
    async with AsyncExitStack() as closing:
        store = DiskStore(folder / "store")
        closing.callback(store.close)
        house = House.build(database, store)
        first = await accounts.first_start(house, init_token=TOKEN)
        await engines.register(house, ENGINES, CATEGORIES)
        transport = httpx.ASGITransport(app=application(house), raise_app_exceptions=True, client=(ADDRESS, 4711))
        edge, v1, http = [
            await closing.enter_async_context(httpx.AsyncClient(transport=transport, base_url=f"http://test{base}"))
            for base in ("/edge/v1", "/api/v1", "")
        ]
        yield Api(
            Rest(edge, house, TOKEN), Rest(v1, house, TOKEN), GraphQL(http, TOKEN), house, first.admin_password or "",
            firing.JobCache(),
        )  # fmt: skip
