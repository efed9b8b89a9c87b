"""The lanes of a pool: which of them have waiting items, and the first items of each."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, Protocol

from enginehouse.domain.fair_order import Waiting, turns
from enginehouse.domain.fair_shares import Level, Shares
from enginehouse.domain.quotas import Lane, Quotas, obstacles
from enginehouse.domain.resources import Room
from enginehouse.storage.database.database import Tx
from enginehouse.storage.database.rows import Select
from enginehouse.storage.database.sql import shape

# The share of time that the search for lanes may take while the known lanes fill every claim.
LOOKING: Final = 0.05
# Items read beyond the requested ones, because another transaction may hold the jobs of the first ones.
SPARE: Final = 16
_MOST_PROMISES: Final = 8  # lanes that a claim reads without a look


class LaneSettings(Protocol):
    """A lane with the settings of its organization and its engine; None if there is no such row."""

    @property
    def organization_id(self) -> int: ...
    @property
    def engine_id(self) -> str: ...
    @property
    def weight(self) -> int | None: ...
    @property
    def organization_limit(self) -> int | None: ...
    @property
    def paused_at(self) -> int | None: ...
    @property
    def state(self) -> str | None: ...
    @property
    def engine_limit(self) -> int | None: ...
    @property
    def unavailable_until(self) -> int | None: ...


class WaitingLane(NamedTuple):
    """A lane with an item that may start now."""

    organization_id: int
    engine_id: str
    weight: int | None
    organization_limit: int | None
    paused_at: int | None
    state: str | None
    engine_limit: int | None
    unavailable_until: int | None


class OpenLane(NamedTuple):
    """A lane that is not paused, and whose engine is available. `barred`: a bulk cancel of its organization is open."""

    organization_id: int
    engine_id: str
    weight: int | None
    organization_limit: int | None
    paused_at: int | None
    state: str | None
    engine_limit: int | None
    unavailable_until: int | None
    barred: bool


class FirstItem(NamedTuple):
    """One of the first items of an open lane. `read_at`: when it was read."""

    organization_id: int
    engine_id: str
    weight: int | None
    organization_limit: int | None
    paused_at: int | None
    state: str | None
    engine_limit: int | None
    unavailable_until: int | None
    barred: bool
    priority: int
    due_at: int
    turn_at: int
    job_id: int
    ordinal: int
    item: int
    read_at: int


class CountRow(NamedTuple):
    """A number of items."""

    items: int


_COUNT: Final = Select("lanes.count", CountRow)
_WAITING: Final = Select(shape("lanes.waiting", ()), WaitingLane)
_SETTINGS: Final = Select("lanes.settings", OpenLane)
_FIRST: Final = Select("lanes.first", Waiting)
_FIRST_OF_EACH: Final = Select("lanes.first_of_each", FirstItem)


@dataclass(frozen=True, slots=True)
class Outlook:
    """The lanes with items that may start, and their quotas."""

    lanes: tuple[Lane, ...] = ()
    quotas: Quotas = field(default_factory=Quotas)
    owners: frozenset[int] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "owners", frozenset(lane.organization_id for lane in self.lanes))

    @property
    def open(self) -> bool:
        """True if a lane has no obstacle now."""
        return any(not obstacles(lane, self.quotas) for lane in self.lanes)


@dataclass(slots=True, eq=False, weakref_slot=True)
class Queue:
    """What one process remembers of a pool between claims. It only says where to look first; storage decides.

    `level` is the level of the shares before the current claim, which may run in another thread. `more`: the last claim
    left items in a lane that it read. `offers`: True for an engine that this process runs, so that only their lanes are
    read; None for any engine. `owners`: the organizations whose lanes are read; None for any. `room`: what the worker's
    machine has left for them.
    """

    shares: Shares = field(default_factory=Shares)
    level: Level = field(default_factory=Level)
    outlook: Outlook = field(default_factory=Outlook)
    stale: bool = True
    more: bool = False
    offers: Callable[[str], bool] | None = None
    owners: frozenset[int] | None = None
    room: Room | None = None
    _until: float = 0.0
    _nothing_waits: bool = False  # as far as the last look knows
    _promises: frozenset[Lane] = frozenset()

    def see(self, outlook: Outlook, *, began: float, ended: float) -> None:
        """Stores the outlook. It is fresh until a new search is cheap enough (`LOOKING`). Seconds of any clock."""
        if not all(self._takes(lane) for lane in outlook.lanes):
            outlook = replace(outlook, lanes=tuple(lane for lane in outlook.lanes if self._takes(lane)))
        self.outlook = outlook
        self._until = ended + (ended - began) * (1 / LOOKING - 1)
        self._nothing_waits, self._promises = not outlook.lanes, frozenset()
        self.stale = False

    def promise(self, lane: Lane) -> None:
        """Items of the lane are stored next, or were just stored. A claim that would look need only read there."""
        if self.stale and lane not in self._promises:
            self._promises |= {lane}

    def see_promises(self) -> bool:
        """True if lanes were promised since a look found nothing. They are all that this claim reads.

        The next one looks. So a lane that waits is never passed over for those that were promised.
        """
        promises = self._promises
        if not self._nothing_waits or not 0 < len(promises) <= _MOST_PROMISES:
            return False
        self.see(Outlook(tuple(promises)), began=0.0, ended=0.0)
        self.stale, self._nothing_waits = True, False
        return True

    def offer(self, engines: Callable[[str], bool]) -> None:
        """From now on only the lanes of these engines are read."""
        self.offers, self.stale = engines, True

    def give_room(self, room: Room | None) -> None:
        """From now on only lanes are read of which an item has room."""
        if room != self.room:
            self.room, self.stale = room, True

    def _takes(self, lane: Lane) -> bool:
        return self.may_take(lane) and (self.room is None or self.room.fits(lane.engine_id))

    def may_take(self, lane: Lane) -> bool:
        """True if the lane is one of those that this process reads when it has room."""
        return (self.offers is None or self.offers(lane.engine_id)) and (
            self.owners is None or lane.organization_id in self.owners
        )

    def take_turns(self) -> None:
        """Computes the level of the shares for the next claim."""
        quotas = self.outlook.quotas
        self.shares.weigh(quotas.weights)
        self.level = self.shares.level(turns(self.outlook.lanes, quotas, self.level))

    def fresh(self, now: float) -> bool:
        return not self.stale and now < self._until and self.outlook.open

    def note(self, organization_id: int | None) -> None:
        """Makes the outlook stale if it has no lane of this organization, which has new items. None: always stale."""
        if organization_id not in self.outlook.owners:
            self.stale = True


@dataclass(frozen=True, slots=True)
class FirstItems:
    """The first items of some lanes, and the current quotas of these lanes.

    `barred`: organizations with an open bulk cancel. `more`: lanes that have further items.
    """

    lanes: dict[Lane, list[Waiting]]
    quotas: Quotas
    barred: frozenset[int]
    more: frozenset[Lane]


async def look(tx: Tx, *, pool: str) -> Outlook:
    """Returns the lanes of the pool that have waiting items. It is one statement, and counts no leases."""
    rows = await _WAITING.all(tx, pool=pool, before=tx.now)
    return Outlook(tuple(Lane(row.organization_id, row.engine_id) for row in rows), quotas_of(rows))


async def count(tx: Tx, lane: Lane, *, pool: str, most: int) -> int:
    """Returns how many items of the lane may start now, counted up to `most`."""
    [row] = await _COUNT.all(tx, pool=pool, now=tx.now, most=most, **lane._asdict())
    return row.items


async def first_items(tx: Tx, queue: Queue, *, pool: str, limit: int) -> FirstItems:
    """Returns the items that a claim of `limit` may need, from the lanes in turn. On PostgreSQL they are locked.

    If there are some, `now` is the time at which they were read.
    """
    most = _items_of_lanes(queue, limit)
    first = await (_first_of_each if tx.dialect == "postgres" else _first_lane_by_lane)(tx, most, pool=pool)
    lanes = {lane: items for lane, (_, items) in first.items()}
    settings = [row for row, _ in first.values()]
    return FirstItems(
        lanes,
        quotas_of(settings),
        frozenset(row.organization_id for row in settings if row.barred),
        frozenset(lane for lane, items in lanes.items() if len(items) >= most[lane]),
    )


async def unmarked(tx: Tx, *, pool: str, limit: int) -> list[tuple[int, int]]:
    """Returns up to about `limit` of the next tasks that wait for a slot and are not `queued` yet."""
    lanes = (await look(tx, pool=pool)).lanes[:limit]
    most = -(-limit // max(len(lanes), 1))
    if tx.dialect == "postgres":
        tasks = await tx.each("lanes.unmarked_of_each", [(pool, *lane, tx.now, most) for lane in lanes])
    else:
        tasks = []
        for lane in lanes:
            tasks += await tx.all("lanes.unmarked", pool=pool, now=tx.now, most=most, **lane._asdict())
    return sorted((job_id, ordinal) for job_id, ordinal in tasks)


def _items_of_lanes(queue: Queue, limit: int) -> dict[Lane, int]:
    """Returns how many items to read from each lane: enough to fill the claim, and few more."""
    items = limit + SPARE
    outlook = queue.outlook
    if len(outlook.lanes) == 1:
        return {outlook.lanes[0]: items}
    first = set(turns(outlook.lanes, outlook.quotas, queue.level)[:items])
    lanes = [lane for lane in outlook.lanes if lane.organization_id in first]
    most = min(items, 2 * items // max(len(lanes), 1) + 4)
    return dict.fromkeys(lanes, most)


async def _first_of_each(tx: Tx, most: dict[Lane, int], *, pool: str) -> dict[Lane, tuple[FirstItem, list[Waiting]]]:
    """Returns the first items of each lane that is not paused, with a row of the lane's settings; in one round trip."""
    rows = await _FIRST_OF_EACH.each(tx, [(pool, *lane, items) for lane, items in most.items()])
    if rows:
        tx.set_now(rows[0].read_at)
    first: dict[Lane, tuple[FirstItem, list[Waiting]]] = {}
    lane: Lane | None = None
    for row in rows:
        if lane is None or row.engine_id != lane.engine_id or row.organization_id != lane.organization_id:
            lane = Lane(row.organization_id, row.engine_id)
            _, items = first.setdefault(lane, (row, []))
        items.append(Waiting(row.priority, row.due_at, row.turn_at, row.job_id, row.ordinal, row.item))
    for _, items in first.values():
        items.sort()  # a join does not guarantee an order
    return first


async def _first_lane_by_lane(
    tx: Tx, most: dict[Lane, int], *, pool: str
) -> dict[Lane, tuple[OpenLane, list[Waiting]]]:
    """The same for SQLite, where a statement costs almost nothing."""
    first: dict[Lane, tuple[OpenLane, list[Waiting]]] = {}
    for row in await _SETTINGS.each(tx, list(most)):
        lane = Lane(row.organization_id, row.engine_id)
        first[lane] = row, await _FIRST.all(tx, pool=pool, now=tx.now, most=most[lane], **lane._asdict())
    return first


def quotas_of(settings: Sequence[LaneSettings]) -> Quotas:
    """Returns the quotas in the rows, which are one for each lane. They count no leases."""
    return Quotas(
        weights={row.organization_id: row.weight for row in settings if row.weight not in (None, 1)},
        organization_limits={
            row.organization_id: row.organization_limit for row in settings if row.organization_limit is not None
        },
        engine_limits={row.engine_id: row.engine_limit for row in settings if row.engine_limit is not None},
        paused_organizations=frozenset(row.organization_id for row in settings if row.paused_at is not None),
        paused_engines=frozenset(row.engine_id for row in settings if row.state not in (None, "active")),
        unavailable_engines=frozenset(row.engine_id for row in settings if row.unavailable_until is not None),
    )


def without(lanes: dict[Lane, list[Waiting]], refused: Iterable[int]) -> dict[Lane, list[Waiting]]:
    """Returns the lanes without the items of these jobs."""
    gone = set(refused)
    return {lane: [item for item in items if item.job_id not in gone] for lane, items in lanes.items()}
