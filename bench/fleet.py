"""Many simulated workers in one event loop. Each says over HTTP what a real one says, while its engine only sleeps."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from bench.load import Place

from enginehouse.domain.work import BEAT_SECONDS
from enginehouse.engines.native.noop import Noop
from enginehouse.wire.worker import LONGEST_WAIT, VERSION
from enginehouse.worker.backoff import Backoff

POOL: Final = "native"
RUNS: Final = 5.0  # seconds of the engine
_INSTANCES: Final = "/api/v1/instances"
_AWAY: Final = (OSError, asyncio.IncompleteReadError)


class Line:
    """A keep-alive connection. It opens when something is sent."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, body: Any) -> Any:
        """Returns the response as JSON. Raises OSError or IncompleteReadError if there is none, or no success."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._place.host, self._place.port)
        reader, writer = self._streams
        try:
            writer.write(self._place.request("POST", path, body))
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            content = await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
            if head[9:10] != b"2":
                raise OSError(content[:300].decode(errors="replace"))
        except BaseException:
            self.close()
            raise
        return json.loads(content)

    def close(self) -> None:
        """The connection is closed."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


@dataclass(slots=True)
class Tally:
    """What the fleet has counted: the milliseconds of its claims, the moments of its leases, and who had an answer."""

    claims: list[float] = field(default_factory=list)
    leased_at: list[float] = field(default_factory=list)
    answered: set[int] = field(default_factory=set)

    def reset(self) -> None:
        """Nothing is counted yet."""
        self.claims, self.leased_at, self.answered = [], [], set()


class SimulatedWorker:
    """One worker slot for native no-ops: it waits, claims, reports and beats."""

    def __init__(self, place: Place, number: int, tally: Tally) -> None:
        self._waiting, self._speaking = Line(place), Line(place)
        self._turn = asyncio.Lock()  # one exchange at a time
        self._number, self._tally = number, tally
        self._path = ""

    async def register(self) -> None:
        """The server knows the worker."""
        spec = Noop.spec
        engine = {"id": spec.id, "name": spec.name, "categoryID": spec.category_id, "kind": spec.kind.value}
        body = {"wireVersion": VERSION, "name": f"sim-{self._number}", "slots": {POOL: 1}, "engines": [engine]}
        self._path = f"{_INSTANCES}/{(await self._speaking.post(_INSTANCES, body))['instanceID']}"

    async def run(self) -> None:
        """The worker takes work until it is cancelled."""
        try:
            async with asyncio.TaskGroup() as loops:
                loops.create_task(self._again(self._work))
                loops.create_task(self._again(self._beat))
        finally:
            self._waiting.close()
            self._speaking.close()

    async def _again(self, turn: Callable[[], Awaitable[None]]) -> None:
        backoff = Backoff()
        while True:
            try:
                await turn()
            except _AWAY:
                await asyncio.sleep(backoff.next())
            else:
                backoff.reset()

    async def _beat(self) -> None:
        await self._exchange({})
        await asyncio.sleep(BEAT_SECONDS)

    async def _work(self) -> None:
        found = await self._waiting.post(f"{self._path}/wait", {"pools": [POOL], "seconds": LONGEST_WAIT})
        self._tally.answered.add(self._number)
        reports = list[Any]()
        while reports or found.get("ready"):
            began = time.perf_counter()
            said = await self._exchange({"reports": reports, "claims": {POOL: 1}})
            ended = time.perf_counter()
            self._tally.claims.append((ended - began) * 1e3)
            self._tally.leased_at += [ended] * len(said.get("work", ()))
            reports = [{"lease": work["lease"]} for work in said.get("work", ())]
            if reports:
                await asyncio.sleep(RUNS)
            found = said

    async def _exchange(self, body: Any) -> Any:
        async with self._turn:
            said = await self._speaking.post(f"{self._path}/exchange", body)
        self._tally.answered.add(self._number)
        return said


@asynccontextmanager
async def simulated(place: Place, count: int) -> AsyncIterator[Tally]:
    """Yields the tally of `count` workers, which are all known to the server, and wait."""
    tally = Tally()
    workers = [SimulatedWorker(place, number, tally) for number in range(count)]
    for first in range(0, count, 50):
        await asyncio.gather(*(worker.register() for worker in workers[first : first + 50]))
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(worker.run()) for worker in workers]
        yield tally
        for task in running:
            task.cancel()
