"""The lanes of a pool: which have something waiting, and the first items of each. In memory only what was seen last."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from enginehouse.domain.fair_order import Waiting, turns
from enginehouse.domain.fair_shares import Level, Shares
from enginehouse.domain.quotas import Lane, Standing, obstacles
from enginehouse.storage.database.database import Row, Tx

# Looking for lanes may take this part of the time while every claim is filled from the lanes already known.
LOOKING: Final = 0.05
# Items looked at beyond those asked for, since somebody may hold the jobs of the first ones.
SPARE: Final = 16


@dataclass(frozen=True, slots=True)
class Outlook:
    """The lanes in which something may start, and what stands in their way."""

    lanes: tuple[Lane, ...] = ()
    standing: Standing = field(default_factory=Standing)

    @property
    def open(self) -> bool:
        """Whether something of it may start now."""
        return any(not obstacles(lane, self.standing) for lane in self.lanes)


@dataclass(slots=True)
class Queue:
    """What one process remembers of a pool between claims. Storage is the truth: this only says where to look first.

    `level` is what the shares said before the claim under way, which may run in another thread. `more`: the last claim
    left something behind in a lane it looked into. `offers`: the engines whose lanes it looks into, those that this
    process runs; None for any.
    """

    shares: Shares = field(default_factory=Shares)
    level: Level = field(default_factory=Level)
    outlook: Outlook = field(default_factory=Outlook)
    stale: bool = True
    more: bool = False
    offers: frozenset[str] | None = None
    _until: float = 0.0

    def see(self, outlook: Outlook, *, began: float, ended: float) -> None:
        """This is how it looks; good for as long as looking again would cost too much. Seconds of any clock."""
        if self.offers is not None and not self.offers.issuperset([lane.engine_id for lane in outlook.lanes]):
            outlook = replace(outlook, lanes=tuple(lane for lane in outlook.lanes if lane.engine_id in self.offers))
        self.outlook = outlook
        self._until = ended + (ended - began) * (1 / LOOKING - 1)
        self.stale = False

    def offer(self, engines: Iterable[str]) -> None:
        """From now on only the lanes of these engines are looked into."""
        self.offers, self.stale = frozenset(engines), True

    def take_turns(self) -> None:
        """The shares are levelled for the claim that comes."""
        standing = self.outlook.standing
        self.shares.weigh(standing.weights)
        self.level = self.shares.level(turns(self.outlook.lanes, standing, self.level))

    def fresh(self, now: float) -> bool:
        return not self.stale and now < self._until and self.outlook.open

    def note(self, organization_id: int | None) -> None:
        """Something of the organization waits: one that was not seen must not be overlooked. None: all may differ."""
        if not self.stale and all(lane.organization_id != organization_id for lane in self.outlook.lanes):
            self.stale = True


@dataclass(frozen=True, slots=True)
class Found:
    """The first items of some lanes, what is set for those at this moment, and what was left behind.

    `barred`: organizations with an open bulk cancel. `more`: lanes that hold further items than these.
    """

    lanes: dict[Lane, list[Waiting]]
    standing: Standing
    barred: frozenset[int]
    more: frozenset[Lane]


async def look(tx: Tx, *, pool: str) -> Outlook:
    """The lanes of the pool in which something waits; one statement, and no lease is counted."""
    rows = await tx.all("lanes.waiting", pool=pool, now=tx.now)
    return Outlook(tuple(Lane(row[0], row[1]) for row in rows), _standing(rows))


async def first_items(tx: Tx, queue: Queue, *, pool: str, limit: int) -> Found:
    """The items a claim of `limit` may need, from the lanes whose turn it is; locked where others claim too."""
    wanted = _wanted(queue, limit)
    first = await (_first_of_each if tx.dialect == "postgres" else _first_lane_by_lane)(tx, wanted, pool=pool)
    lanes = {lane: items for lane, (_, items) in first.items()}
    settings = [row for row, _ in first.values()]
    return Found(
        lanes,
        _standing(settings),
        frozenset(row[0] for row in settings if row[7]),
        frozenset(lane for lane, items in lanes.items() if len(items) >= wanted[lane]),
    )


async def unmarked(tx: Tx, *, pool: str, limit: int) -> list[tuple[int, int]]:
    """Up to about `limit` tasks next in turn that do not say yet that they wait for a slot."""
    lanes = (await look(tx, pool=pool)).lanes[:limit]
    most = -(-limit // max(len(lanes), 1))
    if tx.dialect == "postgres":
        found = await tx.each("lanes.unmarked_of_each", [(pool, *lane, tx.now, most) for lane in lanes])
    else:
        found = list[Row]()
        for lane in lanes:
            found += await tx.all("lanes.unmarked", pool=pool, now=tx.now, most=most, **lane._asdict())
    return sorted((row[0], row[1]) for row in found)


def _wanted(queue: Queue, limit: int) -> dict[Lane, int]:
    """How many items to look at in which lanes: enough to fill the claim, and little more, whoever has how many."""
    asked = limit + SPARE
    outlook = queue.outlook
    if len(outlook.lanes) == 1:
        return {outlook.lanes[0]: asked}
    first = set(turns(outlook.lanes, outlook.standing, queue.level)[:asked])
    lanes = [lane for lane in outlook.lanes if lane.organization_id in first]
    most = min(asked, 2 * asked // max(len(lanes), 1) + 4)
    return dict.fromkeys(lanes, most)


async def _first_of_each(tx: Tx, wanted: dict[Lane, int], *, pool: str) -> dict[Lane, tuple[Row, list[Waiting]]]:
    """The first items of each lane that is not paused, with the row of what is set for it; in one trip."""
    rows = await tx.each("lanes.first_of_each", [(pool, *lane, tx.now, most) for lane, most in wanted.items()])
    found: dict[Lane, tuple[Row, list[Waiting]]] = {}
    lane: Lane | None = None
    for row in rows:
        if lane is None or row[1] != lane.engine_id or row[0] != lane.organization_id:
            lane = Lane(row[0], row[1])
            _, items = found.setdefault(lane, (row, []))
        items.append(Waiting._make(row[8:]))
    for _, items in found.values():
        items.sort()  # the order of a join is nobody's promise
    return found


async def _first_lane_by_lane(tx: Tx, wanted: dict[Lane, int], *, pool: str) -> dict[Lane, tuple[Row, list[Waiting]]]:
    """The same, where a statement costs next to nothing."""
    found: dict[Lane, tuple[Row, list[Waiting]]] = {}
    for row in await tx.each("lanes.settings", list(wanted)):
        lane = Lane(row[0], row[1])
        items = await tx.all("lanes.first", pool=pool, now=tx.now, most=wanted[lane], **lane._asdict())
        found[lane] = row, [Waiting._make(item) for item in items]
    return found


def _standing(settings: Sequence[Row]) -> Standing:
    """What the rows say, one for each lane, that begin as a lane and what is set for it."""
    return Standing(
        weights={row[0]: row[2] for row in settings if row[2] not in (None, 1)},
        organization_limits={row[0]: row[3] for row in settings if row[3] is not None},
        engine_limits={row[1]: row[6] for row in settings if row[6] is not None},
        paused_organizations=frozenset(row[0] for row in settings if row[4] is not None),
        paused_engines=frozenset(row[1] for row in settings if row[5] not in (None, "active")),
    )


def without(lanes: dict[Lane, list[Waiting]], refused: Iterable[int]) -> dict[Lane, list[Waiting]]:
    """The same lanes without the items of these jobs."""
    gone = set(refused)
    return {lane: [item for item in items if item.job_id not in gone] for lane, items in lanes.items()}
