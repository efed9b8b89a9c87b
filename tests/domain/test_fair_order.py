"""Which item is next, by simulation in virtual time and by example: fair between organizations, in order within one."""

import heapq
import itertools
import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enginehouse.domain.fair_order import Waiting, choose, turns
from enginehouse.domain.fair_shares import Level, Shares
from enginehouse.domain.quotas import Lane, Obstacle, Quotas, obstacles

FOR_EVER = 1e12
Length = Callable[[random.Random], float]


@dataclass
class Backlog:
    """What waits in one lane, with its length. An item is made when it comes near the front: most never do."""

    front: deque[tuple[Waiting, float]] = field(default_factory=deque)
    rest: Iterator[tuple[Waiting, float]] = field(default_factory=lambda: iter(()))

    def first(self, count: int) -> list[Waiting]:
        self.front.extend(itertools.islice(self.rest, max(0, count - len(self.front))))
        return [item for item, _ in itertools.islice(self.front, count)]


@dataclass
class House:
    """Slots, shares and lanes in virtual time. A free slot is used at once, by the choice of the product."""

    slots: int
    quotas: Quotas = field(default_factory=Quotas)
    dispatchers: int = 1
    seed: int = 1
    now: float = 0.0
    lanes: dict[Lane, Backlog] = field(default_factory=dict)
    begun: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    had: dict[int, float] = field(default_factory=lambda: defaultdict(float))

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.shares = [Shares() for _ in range(self.dispatchers)]
        self.free = [self.slots] * self.dispatchers
        self._tokens = itertools.count()
        self._jobs = 0
        self._ends: list[tuple[float, int, int, int]] = []
        self._arrivals: list[tuple[float, int, Callable[[], None]]] = []

    def wait(self, organization_id: int, count: int, length: Length, *, at: float = 0.0, engine: str = "e") -> None:
        """Adds `count` items of the organization at the time `at`."""

        def arrive() -> None:
            backlog = self.lanes.setdefault(Lane(organization_id, engine), Backlog())
            jobs, self._jobs = range(self._jobs, self._jobs + count), self._jobs + count
            items = ((Waiting(0, 0, 0, job_id, 0, 0), length(self.random)) for job_id in jobs)
            backlog.rest = itertools.chain(backlog.rest, items)

        heapq.heappush(self._arrivals, (at, next(self._tokens), arrive))

    def run(self, until: float) -> None:
        while True:
            nexts = [heap[0][0] for heap in (self._ends, self._arrivals) if heap]
            if not nexts or min(nexts) > until:
                break
            self.now = min(nexts)
            while self._arrivals and self._arrivals[0][0] <= self.now:
                heapq.heappop(self._arrivals)[2]()
            while self._ends and self._ends[0][0] <= self.now:
                _, token, dispatcher, _ = heapq.heappop(self._ends)
                self.shares[dispatcher].ended(token, at=self.now)
                self.free[dispatcher] += 1
            for dispatcher in range(self.dispatchers):
                self._claim(dispatcher)

    def _claim(self, dispatcher: int) -> None:
        shares, limit = self.shares[dispatcher], self.free[dispatcher]
        lanes = {lane: items for lane, backlog in self.lanes.items() if (items := backlog.first(limit))}
        if not limit or not lanes:
            return
        shares.weigh(self.quotas.weights)
        level = shares.level(turns(lanes, self.quotas, Level()))
        for lane, item in choose(lanes, self.quotas, level, limit=limit):
            found, seconds = self.lanes[lane].front.popleft()
            assert found == item
            token = next(self._tokens)
            shares.started(token, lane.organization_id, at=self.now, until=FOR_EVER)
            self.free[dispatcher] -= 1
            self.begun[lane.organization_id].append(self.now)
            self.had[lane.organization_id] += seconds
            heapq.heappush(self._ends, (self.now + seconds, token, dispatcher, lane.organization_id))


def even(_: random.Random) -> float:
    return 1.0


def mixed(chance: random.Random) -> float:
    return chance.choice((0.02, 0.3, 1.0, 5.0))


@pytest.mark.parametrize("slots", [1, 2, 8])
@pytest.mark.parametrize("length", [even, mixed])
@pytest.mark.parametrize("newcomer_id", [1, 9])
def test_a_hundred_thousand_jobs_of_one_delay_the_first_of_another_by_one_task(
    slots: int, length: Length, newcomer_id: int
) -> None:
    house = House(slots)
    house.wait(5, 100_000, length)
    house.wait(newcomer_id, 1, even, at=100.5)
    house.run(until=120)
    [begun] = house.begun[newcomer_id]
    assert begun - 100.5 <= (1.0 if length is even else 5.0)


@pytest.mark.parametrize("slots", [1, 2, 8])
@pytest.mark.parametrize("lengths", [(even, even), (mixed, mixed), (even, mixed), (mixed, even)])
def test_weights_of_one_to_three_give_slot_seconds_of_one_to_three(slots: int, lengths: tuple[Length, Length]) -> None:
    house = House(slots, Quotas(weights={2: 3}))
    house.wait(1, 20_000 * slots, lengths[0])
    house.wait(2, 20_000 * slots, lengths[1])
    house.run(until=5_000)
    assert house.had[2] / house.had[1] == pytest.approx(3, rel=0.04)


def test_attempts_too_short_to_be_measured_are_charged_for_their_start() -> None:
    shares, starts = Shares(), Counter[int]()
    shares.weigh({2: 3})
    for token in range(400):
        chosen = min((1, 2), key=shares.level([1, 2]).of)
        starts[chosen] += 1
        shares.started(token, chosen, at=7.0, until=FOR_EVER)
        shares.ended(token, at=7.0)
    assert starts[2] == pytest.approx(3 * starts[1], abs=3)


def test_whoever_could_not_start_for_a_while_is_owed_nothing_afterwards() -> None:
    """Its limit is one attempt at a time, while the other fills four slots; afterwards both begin equal."""
    shares = Shares()
    shares.started(0, 7, at=0.0, until=FOR_EVER)
    for token in range(1, 5):
        shares.started(token, 8, at=0.0, until=FOR_EVER)
    shares.lapse(100.0)
    assert shares.level([8]).floor == 400.0
    assert shares.level([7, 8]).of(7)[0] == 400.0
    shares.ended(0, at=110.0)
    assert shares.level([7, 8]).of(7)[0] == pytest.approx(410.0)


def test_several_dispatchers_share_as_one_does() -> None:
    house = House(2, Quotas(weights={2: 3}), dispatchers=3)
    house.wait(1, 50_000, mixed)
    house.wait(2, 50_000, even)
    house.wait(7, 1, even, at=1_000.5)
    house.run(until=3_000)
    assert house.had[2] / house.had[1] == pytest.approx(3, rel=0.04)
    assert house.begun[7][0] - 1_000.5 <= 5.0


def test_nobody_starves_beside_many() -> None:
    house = House(2)
    for organization_id in range(1, 41):
        house.wait(organization_id, 1_000, mixed)
    house.run(until=2_000)
    assert min(house.had[organization_id] for organization_id in range(1, 41)) > 0.7 * 2_000 * 2 / 40


def test_a_newcomer_is_owed_nothing_for_the_time_it_was_away() -> None:
    house = House(1)
    house.wait(1, 100_000, even)
    house.wait(2, 100, even)
    house.wait(2, 100_000, even, at=10_000)
    house.run(until=11_000)
    since = {each: sum(at >= 10_001 for at in house.begun[each]) for each in (1, 2)}
    assert since[2] == pytest.approx(since[1], abs=2)


def test_whoever_runs_and_has_nothing_waiting_is_not_forgotten() -> None:
    """An organization that adds an item only when the last has ended gets no more than its share of a slot."""
    house = House(1)
    house.wait(1, 10_000, lambda chance: 1.0)
    for at in range(0, 2_000, 10):
        house.wait(2, 1, lambda chance: 5.0, at=at + 0.5)
    house.run(until=2_000)
    assert house.had[1] == pytest.approx(1_000, rel=0.05)
    assert house.had[2] == pytest.approx(1_000, rel=0.05)


def test_an_end_that_was_never_told_stops_counting_when_its_lease_is_over() -> None:
    shares = Shares()
    shares.started(1, 7, at=0.0, until=30.0)
    shares.started(2, 8, at=0.0, until=30.0)
    shares.prolonged(2, until=90.0)
    shares.lapse(60.0)
    shares.ended(2, at=80.0)
    level = shares.level([7, 8])
    assert level.of(7)[0] == 60.0
    assert level.of(8)[0] == 80.0


def test_a_weight_counts_from_when_it_is_given() -> None:
    shares = Shares()
    shares.started(1, 7, at=0.0, until=FOR_EVER)
    shares.ended(99, at=10.0)  # the clock is at 10
    shares.weigh({7: 10})
    shares.ended(1, at=20.0)
    assert shares.level([7]).of(7)[0] == pytest.approx(11.0)


ITEM = Waiting(0, 0, 0, 1, 0, 0)


def test_every_obstacle_of_a_lane_is_told() -> None:
    lane = Lane(1, "e")
    quotas = Quotas(
        organization_limits={1: 2},
        engine_limits={"e": 1},
        paused_organizations=frozenset({1}),
        paused_engines=frozenset({"e"}),
        unavailable_engines=frozenset({"e"}),
        live={lane: 1, Lane(1, "f"): 1},
    )
    assert obstacles(lane, quotas) == tuple(Obstacle)
    assert obstacles(Lane(2, "f"), quotas) == ()
    assert choose({lane: [ITEM]}, quotas, Level(), limit=1) == []


def test_the_order_within_an_organization_is_priority_then_due_time_then_age_across_its_engines() -> None:
    lanes = {
        Lane(1, "a"): [Waiting(0, 5, 0, 3, 0, 0), Waiting(9, 0, 0, 1, 0, 0)],
        Lane(1, "b"): [Waiting(-1, 9, 0, 8, 0, 0), Waiting(0, 4, 0, 9, 0, 0), Waiting(0, 5, 0, 2, 1, 0)],
    }
    chosen = [item for _, item in choose(lanes, Quotas(), Level(), limit=9)]
    assert chosen == sorted(chosen)
    assert len(chosen) == 5


def test_what_goes_on_behind_the_items_given_is_not_overtaken() -> None:
    lanes = {Lane(1, "a"): [Waiting(0, 0, 0, 1, 0, 0)], Lane(1, "b"): [Waiting(5, 0, 0, 2, 0, 0)], Lane(2, "a"): [ITEM]}
    chosen = choose(lanes, Quotas(), Level(), limit=9, more={Lane(1, "a")})
    assert sorted(lane for lane, _ in chosen) == [Lane(1, "a"), Lane(2, "a")]


@st.composite
def situations(draw: st.DrawFn) -> tuple[dict[Lane, list[Waiting]], Quotas, Level, int]:
    small = st.integers(0, 4)
    lanes = draw(st.dictionaries(st.builds(Lane, st.integers(1, 4), st.sampled_from("abc")), st.integers(0, 6)))
    items: dict[Lane, list[Waiting]] = {}
    number = itertools.count()
    for lane, count in lanes.items():
        items[lane] = sorted(Waiting(draw(small), draw(small), 0, next(number), 0, 0) for _ in range(count))
    quotas = Quotas(
        weights=draw(st.dictionaries(st.integers(1, 4), st.integers(1, 5))),
        organization_limits=draw(st.dictionaries(st.integers(1, 4), small)),
        engine_limits=draw(st.dictionaries(st.sampled_from("abc"), small)),
        paused_organizations=frozenset(draw(st.sets(st.integers(1, 4), max_size=1))),
        paused_engines=frozenset(draw(st.sets(st.sampled_from("abc"), max_size=1))),
        live=draw(st.dictionaries(st.builds(Lane, st.integers(1, 4), st.sampled_from("abc")), small)),
    )
    accounts = draw(st.dictionaries(st.integers(1, 4), st.tuples(st.floats(0, 9), st.integers(-1, 20))))
    return items, quotas, Level(0.0, 21, accounts), draw(st.integers(1, 12))


@given(situations())
def test_a_choice_is_in_order_within_the_limits_and_leaves_no_room_unused(
    situation: tuple[dict[Lane, list[Waiting]], Quotas, Level, int],
) -> None:
    items, quotas, level, limit = situation
    chosen = choose(items, quotas, level, limit=limit)
    assert len(chosen) <= limit
    assert len(set(chosen)) == len(chosen)
    taken = Counter(lane for lane, _ in chosen)
    for lane in taken:
        assert [item for found, item in chosen if found == lane] == items[lane][: taken[lane]]
        assert lane.organization_id not in quotas.paused_organizations
        assert lane.engine_id not in quotas.paused_engines
    for organization_id in {lane.organization_id for lane in taken}:
        mine = [item for lane, item in chosen if lane.organization_id == organization_id]
        assert mine == sorted(mine)
    after = Quotas(
        quotas.weights,
        quotas.organization_limits,
        quotas.engine_limits,
        quotas.paused_organizations,
        quotas.paused_engines,
        _sum(quotas.live, taken),
    )
    for lane in taken:
        assert after.live_of_organization(lane.organization_id) <= _most(quotas.organization_limits, lane[0])
        assert after.live_of_engine(lane.engine_id) <= _most(quotas.engine_limits, lane[1])
    if len(chosen) < limit:
        assert all(taken[lane] == len(waiting) or obstacles(lane, after) for lane, waiting in items.items())


def _sum(first: Mapping[Lane, int], second: Mapping[Lane, int]) -> dict[Lane, int]:
    return dict(Counter(first) + Counter(second))


def _most(limits: Mapping[int, int] | Mapping[str, int], key: object) -> float:
    return limits.get(key, float("inf"))  # type: ignore[call-overload, no-any-return]
