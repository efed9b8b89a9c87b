"""Engines over HTTP, as a worker knows them from its server: each is read before its call."""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote

import msgspec

from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.engine_health import HEALTHY, EngineHealth, HealthEvent
from enginehouse.domain.errors import NotFound
from enginehouse.domain.resources import NOTHING, Resources
from enginehouse.domain.work import Lease
from enginehouse.engines.http.form import CallFacts
from enginehouse.wire.worker import CallBody, HealthBody, HttpEngineBody, InfoBody, ProbesBody
from enginehouse.worker.connection import ResultBody, parse

Send = Callable[[str, str, bytes], Awaitable[bytes]]
"""Sends (method, path below the worker's, body), again while the server does not answer. Returns the response."""

_TRIAL: Final = EngineHealth(probes=1)
_encode: Final = msgspec.json.Encoder().encode


class HttpEngines:
    """What the server says about engines over HTTP. `api_url`: where they find the server's interfaces."""

    def __init__(self, send: Send, api_url: str | None) -> None:
        self._send = send
        self._api_url = api_url
        self._known: dict[str, HttpEngineBody] = {}

    async def engine(self, engine_id: str) -> EngineSpec | None:
        """Returns the engine as it is now, None if it is gone or not for this worker."""
        try:
            raw = await self._send("GET", f"/engines/{quote(engine_id, safe='')}", b"")
        except NotFound:
            self._known.pop(engine_id, None)
            return None
        self._known[engine_id] = body = parse(raw, ResultBody[HttpEngineBody]).result
        return body.spec()

    def needs(self, engine_id: str) -> Resources:
        """Returns what a call takes of this machine, as it was known before the last call."""
        known = self._known.get(engine_id)
        return NOTHING if known is None else known.engine.resources.resources()

    def health(self, engine_id: str) -> EngineHealth:
        """Returns the engine's health as `engine` has read it."""
        known = self._known.get(engine_id)
        return _TRIAL if known is not None and known.on_trial else HEALTHY

    async def record(self, engine_id: str, event: HealthEvent, reason: str | None, *, probed: bool) -> None:
        """The server knows what this worker has learned."""
        body = HealthBody(event=event, reason=reason, probed=probed)
        await self._send("POST", f"/engines/{quote(engine_id, safe='')}/health", _encode(body))

    async def due_probes(self) -> tuple[list[EngineSpec], float]:
        """Returns the engines that this worker probes now, and the seconds until the next look."""
        found = parse(await self._send("POST", "/probes", b""), ResultBody[ProbesBody]).result
        return [body.spec() for body in found.engines], found.seconds

    async def call_facts(self, lease: Lease, place: str) -> CallFacts:
        """Returns what the engine is told besides its work. `place`: the path of the lease."""
        body = parse(await self._send("GET", f"{place}/call", b""), ResultBody[CallBody]).result
        return CallFacts(
            job_number=lease.key.job_id,
            ordinal=lease.key.ordinal,
            application_id=body.application_id,
            token=body.token,
            api_url=self._api_url,
            poll=body.poll,
            traceparent=body.traceparent,
        )

    async def tell(self, place: str, info: Any) -> None:
        """Clients see what the engine says of its work. `place`: the path of the lease. Raises InvalidInput."""
        await self._send("POST", f"{place}/info", _encode(InfoBody(info=info)))
