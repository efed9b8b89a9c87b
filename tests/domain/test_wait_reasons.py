"""Why a task is not running: the exact sentences, and that they cannot disagree with the dispatcher."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enginehouse.domain.engine_health import EngineHealth
from enginehouse.domain.fair_order import Waiting, choose
from enginehouse.domain.fair_shares import Level
from enginehouse.domain.quotas import Lane, Obstacle, Quotas
from enginehouse.domain.status import JobStatus, TaskStatus
from enginehouse.domain.wait_reasons import explanation as wait_reasons_explanation
from enginehouse.domain.wait_reasons import reasons
from enginehouse.domain.wait_reasons.explanation import EngineFacts, HouseFacts, Later, PoolFacts, TaskFacts
from enginehouse.domain.wait_reasons.reasons import AnyReason, OtherTask

NOW = 1_790_000_000_000_000
DUE = 10
MINE = Lane(1, "speech")
ITEM = Waiting(0, DUE, 0, 7, 2, 0)
TASK = TaskFacts(
    organization_id=1, ordinal=2, status=TaskStatus.QUEUED, engine_id="speech", pool="python", waiting=1, first=ITEM
)
HOUSE = HouseFacts(
    now=NOW,
    quotas=Quotas(),
    engines={"speech": EngineFacts("Speech"), "other": EngineFacts("Other")},
    pools={"python": PoolFacts(slots=4, taken=4)},
    lanes={"python": {MINE: [ITEM]}},
)
INGEST = OtherTask(0, "ingest", TaskStatus.RUNNING)


def ahead(count: int, lane: Lane = MINE) -> list[Waiting]:
    return [Waiting(-1, DUE, 0, n, 0, 0) for n in range(count)] + ([ITEM] if lane == MINE else [])


def quotas(**fields: object) -> HouseFacts:
    return replace(HOUSE, quotas=Quotas(**fields))  # type: ignore[arg-type]


def lanes(found: Mapping[Lane, Sequence[Waiting]], pool: PoolFacts | None = None) -> HouseFacts:
    return replace(HOUSE, lanes={"python": found}, pools={"python": pool or PoolFacts(4, 4)})


def others(count: int) -> tuple[OtherTask, ...]:
    return tuple(OtherTask(n, f"e{n}", TaskStatus.PENDING) for n in range(count))


NO_ITEM = replace(TASK, waiting=0, first=None, status=TaskStatus.PENDING)
HELD = replace(TASK, first=None)

SAID = {
    "one parent": (
        replace(NO_ITEM, parents=(INGEST,)),
        HOUSE,
        'It waits for task 0 "ingest", which is running.',
        ["waits_for_parents"],
    ),
    "no route yet": (
        replace(NO_ITEM, awaits_route=True),
        HOUSE,
        "It was added with an input folder and waits for its first route.",
        ["waits_for_route"],
    ),
    "pushes": (
        replace(NO_ITEM, endpoints=("e1",)),
        HOUSE,
        "It waits for pushes to endpoint e1.",
        ["waits_for_pushes"],
    ),
    "many endpoints": (
        replace(NO_ITEM, endpoints=tuple(f"e{n}" for n in range(7))),
        HOUSE,
        "It waits for pushes to endpoints e0, e1, e2, e3, e4 and 2 more.",
        ["waits_for_pushes"],
    ),
    "two parents": (
        replace(NO_ITEM, parents=others(2)),
        HOUSE,
        'It waits for tasks 0 "e0" (pending) and 1 "e1" (pending).',
        ["waits_for_parents"],
    ),
    "many parents": (
        replace(NO_ITEM, parents=others(9)),
        HOUSE,
        (
            'It waits for tasks 0 "e0" (pending), 1 "e1" (pending), 2 "e2" (pending), 3 "e3" (pending), '
            '4 "e4" (pending) and 4 more.'
        ),
        ["waits_for_parents"],
    ),
    "standby": (
        replace(NO_ITEM, status=TaskStatus.STANDBY_PENDING, principal=INGEST, parents=others(1)),
        HOUSE,
        'It is a standby and runs only if task 0 "ingest" fails.',
        ["standby"],
    ),
    "called back": (
        replace(NO_ITEM, status=TaskStatus.PAUSED),
        HOUSE,
        'Its engine "Speech" has left until it is called back.',
        ["engine_left"],
    ),
    "asked to be called again": (
        replace(HELD, status=TaskStatus.WAITING, later=Later(NOW + 2_000_000, 2)),
        HOUSE,
        'Its engine "Speech" has asked to be called again later; attempt 2 may start at 2026-09-21T14:13:22.000Z.',
        ["engine_left", "until"],
    ),
    "job paused": (
        replace(HELD, job_paused_at=NOW),
        HOUSE,
        "Its job has been paused since 2026-09-21T14:13:20.000Z.",
        ["job_paused"],
    ),
    "parents and job paused": (
        replace(NO_ITEM, parents=(INGEST,), job_paused_at=NOW),
        HOUSE,
        'It waits for task 0 "ingest", which is running; its job has been paused since 2026-09-21T14:13:20.000Z.',
        ["waits_for_parents", "job_paused"],
    ),
    "organization paused": (
        TASK,
        quotas(paused_organizations=frozenset({1})),
        "The organization is paused.",
        ["organization_paused"],
    ),
    "engine paused": (
        TASK,
        quotas(paused_engines=frozenset({"speech"})),
        'The engine "Speech" is paused.',
        ["engine_paused"],
    ),
    "engine disabled": (
        TASK,
        replace(
            quotas(paused_engines=frozenset({"speech"})), engines={"speech": EngineFacts("Speech", state="disabled")}
        ),
        'The engine "Speech" is disabled.',
        ["engine_disabled"],
    ),
    "engine unavailable": (
        TASK,
        replace(
            quotas(unavailable_engines=frozenset({"speech"})),
            engines={"speech": EngineFacts("Speech", health=EngineHealth(NOW + 4_000_000, "it is not ready", 3))},
        ),
        'The engine "Speech" is not available: it is not ready; it is tried again at 2026-09-21T14:13:24.000Z.',
        ["engine_unavailable"],
    ),
    "engine unknown": (
        TASK,
        replace(HOUSE, engines={}),
        'The engine "speech" is not known to this server any more.',
        ["engine_unknown"],
    ),
    "no worker": (
        TASK,
        replace(HOUSE, engines={"speech": EngineFacts("Speech", offered=False)}),
        'No worker for the engine "Speech" is connected.',
        ["no_worker"],
    ),
    "not installed": (
        TASK,
        replace(HOUSE, engines={"speech": EngineFacts("Speech", offered=False, installed=False)}),
        'The engine "Speech" is not installed on any connected server or worker.',
        ["engine_not_installed"],
    ),
    "no worker has the machine": (
        TASK,
        replace(HOUSE, engines={"speech": EngineFacts("Speech", offered=False, lacking="2 GPU")}),
        'The engine "Speech" takes 2 GPU, and no connected worker has that.',
        ["no_worker"],
    ),
    "workers unable": (
        TASK,
        replace(HOUSE, engines={"speech": EngineFacts("Speech", unable="no node of the Ray cluster has 1 GPU")}),
        'No worker can start the engine "Speech" now: no node of the Ray cluster has 1 GPU.',
        ["workers_unable"],
    ),
    "workers drained": (
        TASK,
        replace(HOUSE, engines={"speech": EngineFacts("Speech", offered=False, drained=True)}),
        'Every connected worker for the engine "Speech" is drained.',
        ["workers_drained"],
    ),
    "no worker since": (
        TASK,
        replace(HOUSE, engines={"speech": EngineFacts("Speech", offered=False, last_offered=NOW - 200_000_000)}),
        'No worker for the engine "Speech" is connected; one was last seen 3 minutes ago.',
        ["no_worker"],
    ),
    "organization limit": (
        TASK,
        quotas(organization_limits={1: 2}, live={Lane(1, "other"): 2}),
        "The organization has 2 attempts running and may have 2.",
        ["organization_limit"],
    ),
    "engine limit": (
        TASK,
        quotas(engine_limits={"speech": 1}, live={Lane(2, "speech"): 1}),
        'The engine "Speech" has 1 attempt running and may have 1.',
        ["engine_limit"],
    ),
    "two at once": (
        TASK,
        quotas(paused_organizations=frozenset({1}), paused_engines=frozenset({"speech"})),
        'The organization is paused; the engine "Speech" is paused.',
        ["organization_paused", "engine_paused"],
    ),
    "task limit": (
        replace(HELD, status=TaskStatus.RUNNING, running=3, limit=3, limited=97, waiting=97),
        HOUSE,
        "It is running, 3 items of it now. 97 items of it may start when another ends: 3 of 3 run.",
        ["task_limit"],
    ),
    "until": (
        replace(HELD, later=Later(NOW + 2_000_000, 2, "url_timeout", "no answer")),
        HOUSE,
        "Attempt 2 may start at 2026-09-21T14:13:22.000Z, since attempt 1 failed (url_timeout).",
        ["until"],
    ),
    "until, and paused": (
        replace(HELD, later=Later(NOW + 2_000_000, 2, "url_timeout", None)),
        quotas(paused_engines=frozenset({"speech"})),
        (
            "Attempt 2 may start at 2026-09-21T14:13:22.000Z, since attempt 1 failed (url_timeout); "
            'the engine "Speech" is paused.'
        ),
        ["until", "engine_paused"],
    ),
    "until, for no failure": (
        replace(HELD, later=Later(NOW, 1)),
        HOUSE,
        "Attempt 1 may start at 2026-09-21T14:13:20.000Z.",
        ["until"],
    ),
    "no slot": (
        TASK,
        lanes({MINE: ahead(1), Lane(1, "other"): ahead(2, Lane(1, "other"))}),
        "All 4 python slots are taken and 3 items of its organization are ahead of it.",
        ["no_free_slot"],
    ),
    "no slot, next": (
        TASK,
        lanes({MINE: ahead(0)}, PoolFacts(1, 1)),
        "The only python slot is taken and it is the next of its organization.",
        ["no_free_slot"],
    ),
    "no slot, one ahead": (
        TASK,
        lanes({MINE: ahead(1)}),
        "All 4 python slots are taken and 1 item of its organization is ahead of it.",
        ["no_free_slot"],
    ),
    "exactly as many as are counted": (
        TASK,
        lanes({MINE: ahead(wait_reasons_explanation.COUNTED)}),
        "All 4 python slots are taken and 1000 items of its organization are ahead of it.",
        ["no_free_slot"],
    ),
    "more than are counted": (
        TASK,
        lanes({MINE: ahead(wait_reasons_explanation.COUNTED + 1)[: wait_reasons_explanation.COUNTED + 1]}),
        "All 4 python slots are taken and more than 1000 items of its organization are ahead of it.",
        ["no_free_slot"],
    ),
    "what cannot start is not ahead": (
        TASK,
        replace(
            lanes({MINE: ahead(0), Lane(1, "other"): ahead(2, Lane(1, "other"))}),
            quotas=Quotas(paused_engines=frozenset({"other"})),
        ),
        "All 4 python slots are taken and it is the next of its organization.",
        ["no_free_slot"],
    ),
    "next": (
        TASK,
        lanes({MINE: ahead(0)}, PoolFacts(4, 3)),
        "Nothing keeps it: it is the next to start.",
        ["next_up"],
    ),
    "slots are free": (
        TASK,
        lanes({MINE: ahead(2)}, PoolFacts(4, 3)),
        "Slots are free, and 2 items of its organization are ahead of it.",
        ["next_up"],
    ),
    "running": (
        replace(NO_ITEM, status=TaskStatus.RUNNING, running=1),
        HOUSE,
        "It is running, 1 item of it now.",
        [],
    ),
    "complete": (replace(NO_ITEM, status=TaskStatus.COMPLETE), HOUSE, "It is complete.", []),
    "failed": (
        replace(NO_ITEM, status=TaskStatus.FAILED, failure_reason="url_not_found"),
        HOUSE,
        "It has failed (url_not_found).",
        [],
    ),
    "cancelled": (replace(TASK, status=TaskStatus.ABORTED), HOUSE, "It is aborted.", []),
}


@pytest.mark.parametrize("case", SAID)
def test_what_is_said(case: str) -> None:
    task, house, said, kinds = SAID[case]
    explanation = wait_reasons_explanation.explain(task, house)
    assert explanation.sentence == said
    assert [reasons.kind(reason) for reason in explanation.reasons] == kinds


def test_every_kind_of_reason_and_every_obstacle_has_its_sentence() -> None:
    kinds = {kind for _, _, _, found in SAID.values() for kind in found}
    assert kinds == {reason.__struct_config__.tag for reason in get_args(AnyReason)}
    assert kinds >= set(Obstacle)


def test_a_job_says_what_its_next_tasks_wait_for() -> None:
    paused = quotas(paused_engines=frozenset({"speech"}))
    parent = replace(NO_ITEM, ordinal=3, parents=(OtherTask(2, "Speech", TaskStatus.QUEUED),))
    tasks = [
        wait_reasons_explanation.explain(TASK, paused),
        wait_reasons_explanation.explain(parent, paused),
        wait_reasons_explanation.explain(TASK, paused),
    ]
    explanation = wait_reasons_explanation.explain_job(JobStatus.QUEUED, tasks)
    assert explanation.sentence == 'The engine "Speech" is paused.'
    assert [reasons.kind(reason) for reason in explanation.reasons] == ["engine_paused"]
    assert explanation.tasks == tuple(tasks)


def test_a_job_is_as_far_from_its_start_as_its_first_task() -> None:
    house = lanes({MINE: ahead(5), Lane(1, "other"): []})
    last = wait_reasons_explanation.explain(TASK, house)
    first = wait_reasons_explanation.explain(replace(TASK, first=Waiting(-1, DUE, 0, 2, 0, 0)), house)
    for tasks in ([last, first], [first, last]):
        said = wait_reasons_explanation.explain_job(JobStatus.QUEUED, tasks).sentence
        assert said == "All 4 python slots are taken and 2 items of its organization are ahead of it."


def test_a_job_that_runs_or_has_ended_says_so() -> None:
    running = wait_reasons_explanation.explain(replace(NO_ITEM, status=TaskStatus.RUNNING, running=1), HOUSE)
    waits = wait_reasons_explanation.explain(TASK, quotas(paused_organizations=frozenset({1})))
    assert wait_reasons_explanation.explain_job(JobStatus.RUNNING, [running, running]).sentence == "It is running."
    said = wait_reasons_explanation.explain_job(JobStatus.RUNNING, [running, waits]).sentence
    assert said == "1 of its 2 tasks runs. Of the rest: the organization is paused."
    assert wait_reasons_explanation.explain_job(JobStatus.ABORTED, [waits]).sentence == "It is aborted."
    assert wait_reasons_explanation.explain_job(JobStatus.FAILED, []).sentence == "It has failed."


@pytest.mark.parametrize(("stopping", "left"), [(1, "1 attempt of it has"), (2, "2 attempts of it have")])
def test_a_job_that_is_being_stopped_says_how_much_of_it_is_left(stopping: int, left: str) -> None:
    running = wait_reasons_explanation.explain(replace(NO_ITEM, status=TaskStatus.RUNNING, running=stopping), HOUSE)
    said = wait_reasons_explanation.explain_job(JobStatus.RUNNING, [running], stopping=stopping)
    assert (said.sentence, said.reasons) == (f"It is cancelled: {left} still to stop.", ())


# -- the explanation agrees with the dispatcher ---------------------------------------------------------------

ORGANIZATIONS, ENGINES = (1, 2, 3), ("a", "b", "c")
ALL_LANES = [Lane(organization_id, engine) for organization_id in ORGANIZATIONS for engine in ENGINES]


@st.composite
def scenes(draw: st.DrawFn) -> HouseFacts:
    """A house with any limits, pauses and running attempts, and any items in its lanes."""
    limits = st.integers(0, 4)
    found = {
        lane: sorted(
            Waiting(priority, due, 0, 10 * lane.organization_id + ENGINES.index(lane.engine_id), n, 0)
            for n, (priority, due) in enumerate(
                draw(st.lists(st.tuples(st.integers(-1, 1), st.integers(0, 1)), max_size=4))
            )
        )
        for lane in ALL_LANES
    }
    house = Quotas(
        weights=draw(st.dictionaries(st.sampled_from(ORGANIZATIONS), st.integers(1, 5))),
        organization_limits=draw(st.dictionaries(st.sampled_from(ORGANIZATIONS), limits, max_size=2)),
        engine_limits=draw(st.dictionaries(st.sampled_from(ENGINES), limits, max_size=2)),
        paused_organizations=draw(st.frozensets(st.sampled_from(ORGANIZATIONS), max_size=1)),
        paused_engines=draw(st.frozensets(st.sampled_from(ENGINES), max_size=1)),
        live=draw(st.dictionaries(st.sampled_from(ALL_LANES), limits, max_size=4)),
    )
    return HouseFacts(
        now=NOW,
        quotas=house,
        engines={engine: EngineFacts(engine) for engine in ENGINES},
        pools={"python": PoolFacts(4, draw(st.integers(0, 4)))},
        lanes={"python": found},
    )


def explained(lane: Lane, item: Waiting, house: HouseFacts) -> tuple[AnyReason, ...]:
    task = replace(TASK, organization_id=lane.organization_id, engine_id=lane.engine_id, first=item)
    return wait_reasons_explanation.explain(task, house).reasons


@given(scenes())
def test_what_has_an_obstacle_is_not_chosen_and_what_has_none_is_when_it_is_its_turn(house: HouseFacts) -> None:
    found = house.lanes["python"]
    chosen = {item for _, item in choose(found, house.quotas, Level(), limit=10_000)}
    for lane, items in found.items():
        for item in items:
            [first, *_] = explained(lane, item, house)
            if not isinstance(first, reasons.NoFreeWorkerSlot | reasons.NextUp):
                assert item not in chosen
                continue
            # Remove the items ahead, and those of other organizations, which only take turns with this one.
            left = {
                mine: [other for other in waits if other >= item]
                for mine, waits in found.items()
                if mine.organization_id == lane.organization_id
            }
            assert choose(left, house.quotas, Level(), limit=1) == [(lane, item)]


@given(scenes())
def test_as_many_are_ahead_as_are_chosen_before_it(house: HouseFacts) -> None:
    """Limits that are not reached yet are left out, because they would end the choice and not change its order."""
    found = house.lanes["python"]
    free = replace(house.quotas, organization_limits={}, engine_limits={})
    chosen = choose(found, free, Level(), limit=10_000)
    house = replace(house, quotas=free)
    for organization_id in ORGANIZATIONS:
        mine = [(lane, item) for lane, item in chosen if lane.organization_id == organization_id]
        for place, (lane, item) in enumerate(mine):
            [reason] = explained(lane, item, house)
            assert isinstance(reason, reasons.NoFreeWorkerSlot | reasons.NextUp)
            assert (reason.ahead, reason.more) == (place, False)
