"""A house behind all its interfaces, with clients for them, and workers that a test moves by hand."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
from tests.api import declared, described, samples
from tests.api.samples import CATEGORIES, ENGINES, TEMPLATE
from tests.api.verbs import GRAPHQL, Answer, Interface, Verb, document

from enginehouse.api.asgi import application
from enginehouse.artifacts.disk import DiskStore
from enginehouse.domain.artifact import PUBLISHED
from enginehouse.domain.audit import NOBODYS, AuditFilter, RecordedEntry
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Done, Failed, Lease, NewArtifact, Report
from enginehouse.operations import accounts, engines, identity, work
from enginehouse.operations.first_start import first_start
from enginehouse.operations.house import House
from enginehouse.operations.schedules import firing
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Database

TOKEN = "7f9bfa70-93f4-4a4e-a5b0-3ba8c2f32f4a"
ADDRESS = "192.0.2.7"  # of every client


@dataclass(frozen=True, slots=True)
class Rest:
    """A REST interface with a token, and a worker for the jobs of its house."""

    client: httpx.AsyncClient
    house: House
    token: str

    async def request(self, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        """Returns the response, also an error."""
        return await self.client.request(method, path, json=body, headers=self._headers(), params=query or None)

    async def result(self, path: str, body: Any = None, **query: Any) -> Any:
        """Returns the result of a GET, or of a POST if there is a body. Fails with an error."""
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
        """Creates the jobs. Returns the id of the last one."""
        answer = await self.post("/proc/job/create", {"jobs": list(jobs or (samples.single(),))})
        assert answer.status_code == 200, answer.text
        created: str = answer.json()["internalJobIds"][-1]
        return created

    async def detail(self, job_id: str) -> Any:
        """Returns the job as the published interface shows it."""
        answer = await self.get(f"/proc/job/{job_id}/detail")
        assert answer.status_code == 200, answer.text
        return answer.json()["job"]

    async def own_detail(self, job_id: str) -> Any:
        """Returns the job as our own interface shows it."""
        answer = await self.get(str(self.client.base_url.join(f"/api/v1/jobs/{job_id}")))
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    async def own_task_detail(self, task_id: str) -> Any:
        """Returns the task as our own interface shows it."""
        answer = await self.get(str(self.client.base_url.join(f"/api/v1/tasks/{task_id}")))
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    async def another_organization(self) -> "Rest":
        """Returns the same interface with the token of a new organization."""
        root = await identity.authenticate(self.house, self.token)
        other = await accounts.create_organization(self.house, root, "Other")
        issued = await identity.create_token(self.house, root, organization_id=other.id, as_uuid=True)
        return Rest(self.client, self.house, issued.secret)

    async def run_one(self, *outputs: tuple[str, str, bytes], folder: int = PUBLISHED) -> None:
        """One runnable item has run to its end, with `outputs` (name, media type, bytes) in the folder."""
        while not (leases := await work.claim(self.house, pool="native", limit=1, worker="test")):
            # What is known of the lanes is from before the item was runnable.
            assert await work.ready(self.house, pool="native")
        [lease] = leases
        made = []
        for part, (name, media_type, content) in enumerate(outputs):
            key = f"jobs/{lease.organization_id}/{lease.key.job_id}/{lease.key.ordinal}/{part:06d}"
            await self.house.store.put(key, content)
            made.append(
                NewArtifact(
                    folder=folder,
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
        """One runnable item is running. Returns its lease."""
        [lease] = await work.claim(self.house, pool="native", limit=1, worker="test")
        return lease

    async def end_stopped(self, lease: Lease) -> None:
        """The attempt has ended, because its job was cancelled."""
        stopped = Failed(FailureKind.STOP_REQUESTED, "stopped")
        await work.finish(self.house, Report(lease.key, lease.token, stopped))

    async def fail_one(self, kind: FailureKind) -> None:
        await self.fail_leased(await self.start_one(), kind)

    async def fail_leased(self, lease: Lease, kind: FailureKind) -> None:
        await work.finish(self.house, Report(lease.key, lease.token, Failed(kind, "it broke")))

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def warnings(answer: httpx.Response) -> list[str]:
    """Returns the warnings of a REST response."""
    return [unquote(text) for text in answer.headers.get_list("X-Enginehouse-Warning")]


@dataclass(frozen=True, slots=True)
class GraphQL:
    """The GraphQL interface with a token, or without one."""

    http: httpx.AsyncClient
    token: str | None

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def post(self, query: str, variables: Any = None, **more: Any) -> httpx.Response:
        body = {"query": query, **({} if variables is None else {"variables": variables}), **more}
        return await self.http.post(GRAPHQL, json=body, headers=self.headers())

    async def ask(self, query: str, variables: Any = None) -> dict[str, Any]:
        """Returns the data. Fails with an error."""
        response = await self.post(query, variables)
        body: dict[str, Any] = response.json()
        assert response.status_code == 200, body
        assert "errors" not in body, body
        data: dict[str, Any] = body["data"]
        return data

    async def refused(self, query: str, variables: Any = None) -> dict[str, Any]:
        """Returns the only error of a response with HTTP 200."""
        response = await self.post(query, variables)
        assert response.status_code == 200, response.text
        [error] = response.json()["errors"]
        only: dict[str, Any] = error
        return only

    async def change(self, mutation: str, fields: str = "id", /, **values: Any) -> Any:
        """Returns the result of the mutation, whose input has these fields."""
        return (await self.ask(*self.mutation(mutation, fields, **values)))[mutation]

    @staticmethod
    def mutation(name: str, fields: str = "id", /, **values: Any) -> tuple[str, dict[str, Any]]:
        """Returns the document and the variables."""
        return document(name, fields), {"in": values}

    async def schedule(self, schedule_id: str, fields: str) -> Any:
        """Returns these fields of the schedule."""
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
    """The published REST interface, our own, and GraphQL, for one caller: at first the administrator."""

    edge: Rest
    v1: Rest
    graphql: GraphQL
    house: House
    password: str  # the administrator's
    cache: firing.JobCache
    interface: Interface = "REST"  # of `do`

    async def ask(self, request: str, body: Any = None, **headers: str) -> Answer:
        """Sends "METHOD /path" with a body, or a GraphQL document with variables. Returns the response.

        The body may stand behind the path, as JSON; bytes are sent unchanged.
        """
        named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
        signed = {name.encode(): value.encode() for name, value in self.graphql.headers().items()}
        method, *rest = request.split(" ", 2)
        if not method.isupper():
            method, rest, body = "POST", [GRAPHQL], {"query": request, "variables": body}
        path, *text = rest
        sent = {"content": body} if isinstance(body, bytes) else {"json": json.loads(text[0]) if text else body}
        return Answer(await self.graphql.http.request(method, path, headers={**signed, **named}, **sent))

    async def do(self, verb: Verb, id: str = "", **fields: Any) -> Answer:
        """Carries out the verb over `interface`. Returns the response."""
        known = {"id": id} if id else {}
        if self.interface == "GraphQL":
            return await self.ask(verb.graphql, {**known, "in": known | fields})
        takes_body = verb.rest.startswith(("POST", "PATCH"))
        return await self.ask(verb.rest.replace("{id}", id), fields if takes_body else None)

    def each(self) -> "tuple[Api, Api]":
        """Returns the same caller over REST, and over GraphQL."""
        return replace(self, interface="REST"), replace(self, interface="GraphQL")

    def holding(self, token: str | None) -> "Api":
        """Returns the same interfaces with another token, or without one."""
        rest = {name: replace(getattr(self, name), token=token or "") for name in ("edge", "v1")}
        return replace(self, **rest, graphql=replace(self.graphql, token=token))

    async def principal(self) -> Principal:
        return await identity.authenticate(self.house, self.edge.token)

    async def in_role(self, role: Role) -> "Api":
        """Returns the same interfaces with a token of the same organization that has this role."""
        return self.holding((await identity.create_token(self.house, await self.principal(), role=role)).secret)

    async def another_organization(self) -> "Api":
        """Returns the same interfaces with the token of a new organization."""
        return self.holding((await self.edge.another_organization()).token)

    async def audit(self) -> list[RecordedEntry]:
        """Returns the audit of the first organizations and of nobody, the oldest entry first."""
        organizations, all_ = (NOBODYS, 1, 2, 3, 4), AuditFilter(limit=1000)
        return (await self.house.database.read(lambda tx: entries.page(tx, organizations, all_)))[::-1]

    def limit(self, **limits: Any) -> None:
        """The house has these limits from now on."""
        object.__setattr__(self.house, "limits", replace(self.house.limits, **limits))

    async def schedule(self, **fields: Any) -> dict[str, Any]:
        """Creates a schedule, which launches one job of one task unless the fields say otherwise. Returns it."""
        made: dict[str, Any] = await self.v1.result("schedules", {"name": "n", "jobTemplates": [TEMPLATE], **fields})
        return made

    async def run(self, schedule: dict[str, Any], times: int = 1) -> list[str]:
        """Runs the schedule by hand so many times. Returns the ids of its jobs."""
        runs = [await self.v1.result(f"schedules/{schedule['id']}/run", {}) for _ in range(times)]
        return [job_id for each in runs for job_id in each["jobIds"]]

    async def fire(self) -> int:
        """Due slots have fired. Returns how many jobs they started."""
        fired, _ = await firing.fire_due(self.house, self.cache)
        return len(fired.jobs)


Callers = dict[str, Api]
"""The callers of a test, by their names in its tables."""


@asynccontextmanager
async def serving(database: Database, folder: Path) -> AsyncIterator[Api]:
    """Yields the interfaces of a house with all engines of `samples`, for its first administrator."""
    async with AsyncExitStack() as closing:
        store = DiskStore(folder / "store")
        closing.callback(store.close)
        house = House.build(database, store)
        first = await first_start(house, init_token=TOKEN)
        await engines.register(house, ENGINES, CATEGORIES)
        transport = httpx.ASGITransport(app=application(house), raise_app_exceptions=True, client=(ADDRESS, 4711))
        hooks = {"response": [described.check, declared.check]}
        closing.enter_context(declared.watched())
        edge, v1, http = [
            await closing.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url=f"http://test{base}", event_hooks=hooks)
            )
            for base in ("/edge/v1", "/api/v1", "")
        ]
        yield Api(
            Rest(edge, house, TOKEN), Rest(v1, house, TOKEN), GraphQL(http, TOKEN), house, first.admin_password or "",
            firing.JobCache(),
        )  # fmt: skip
