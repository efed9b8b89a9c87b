"""The installed engines of a server: declared at its start, and read again at every reload."""

from collections.abc import Callable, Mapping
from typing import Final

import structlog

from enginehouse.domain.engine import EngineSpec
from enginehouse.domain.engine_reload import ReloadReport, bounded
from enginehouse.domain.resources import Resources
from enginehouse.engines.installation import Difference, Installation
from enginehouse.engines.native import CATEGORIES, ENGINES
from enginehouse.operations import engine_reload, engines, workers
from enginehouse.operations.house import House
from enginehouse.runtime.loop import Loop
from enginehouse.runtime.presence import WorkerPresence
from enginehouse.runtime.source import WorkerOffer, offered

log = structlog.get_logger(__name__)

_SECONDS: Final = 10.0  # a notice of a reload may be lost


class ServerInstallation:
    """What a server knows of its machine's engines. `report` is what it says of them."""

    def __init__(self, house: House, installation: Installation) -> None:
        self._house = house
        self._installation = installation
        self.tell_others: Callable[[], None] = lambda: None  # they see the engines that this server has declared
        self._presence: WorkerPresence | None = None
        self.report = ReloadReport(revision=0, engines=0)
        self.loop = Loop("installed engines", self.tick)

    async def start(self) -> None:
        """The engines are read and declared."""
        await self._read(await engine_reload.last(self._house))

    @property
    def specs(self) -> list[EngineSpec]:
        """The engines of this machine, as they were last read."""
        return [engine.spec for engine in ENGINES] + [*self._installation.specs]

    def find(self, engine_id: str) -> EngineSpec | None:
        """Returns the Python engine as it is installed on this machine, None if it is not."""
        return self._installation.find(engine_id)

    def offer(self, name: str, pools: Mapping[str, int], resources: Resources) -> WorkerOffer:
        """Returns what a worker of this name offers with these worker slots and resources."""
        runs = offered(self.specs, pools, resources)
        return WorkerOffer(name=name, pools=pools, engines=runs, resources=resources, reload=self.report)

    def attach(self, presence: WorkerPresence) -> None:
        """After a reload the server offers what it has found."""
        self._presence = presence

    async def tick(self) -> float:
        """The last reload is done, and what others have declared is known. Returns the seconds until the next look."""
        wanted = await engine_reload.last(self._house)
        if wanted <= self.report.revision:
            await workers.look(self._house)
        else:
            difference = await self._read(wanted)
            await self._offer()
            self.tell_others()
            log.info(
                "the installed engines are read again",
                added=len(difference.added),
                changed=len(difference.changed),
                removed=len(difference.removed),
                problems=len(self.report.problems),
            )
        return _SECONDS

    async def _read(self, revision: int) -> Difference:
        reading = await self._installation.read()
        difference = self._installation.use(reading)
        declared = [engine.spec for engine in ENGINES] + [*reading.specs.values()]
        problems = await engines.register(self._house, declared, CATEGORIES)
        self.report = ReloadReport(
            revision=revision,
            engines=len(reading.specs),
            added=difference.added,
            changed=difference.changed,
            removed=difference.removed,
            problems=bounded((*reading.problems, *problems)),
        )
        return difference

    async def _offer(self) -> None:
        if self._presence is None:
            return
        before = self._presence.offer
        offer = self.offer(before.name, before.pools, before.resources)
        workers.offer(self._house, pools=offer.pools, engines=offer.engines)
        await self._presence.change(offer)
        self._house.waiting()
