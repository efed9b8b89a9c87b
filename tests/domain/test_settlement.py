"""What follows from the ends of attempts, in jobs of every shape and in any order of the ends.

A walk claims, reports, queues, cancels and stops in a random order. After every step the checks compute the expected
rows from the plan, the outputs and the attempts so far, and from nothing that the settlement has counted itself.
"""

from collections import Counter, defaultdict
from random import Random

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec import structs
from tests.domain.plans import Families, plans
from tests.domain.requests import NOW, folder, job, joined, planned, stage, task
from tests.domain.rows import ORGANIZATION_RETRIES, POSTPONED, Key, Outcome, Rows

from enginehouse.domain.event import NOT_NEEDED, PARENT_FAILED, EventKind
from enginehouse.domain.job import FolderType, Plan
from enginehouse.domain.retry import Blame, FailureKind, GiveUp, after_failure, blame
from enginehouse.domain.status import JOB_ENDED, TASK_ENDED, JobStatus, Tally, TaskStatus, job_status
from enginehouse.domain.work import WHOLE, ItemSource

SEEDS = st.lists(st.integers(0, 9_999), min_size=20, max_size=40)  # one for each step
FAILS, CANCELS, POSTPONES = 0.35, 0.02, 0.1  # how often
KINDS = list(FailureKind)
FAILED, ABORTED, COMPLETE = TaskStatus.FAILED, TaskStatus.ABORTED, TaskStatus.COMPLETE
WITHOUT_RESULT = {FAILED, ABORTED}


# -- any order of ends --------------------------------------------------------------------------------------


def step(rows: Rows, random: Random) -> None:
    """Some attempts have started or ended, or the job is queued or cancelled."""
    free, leased = rows.free, rows.leased
    moves = ["cancel"] if random.random() < CANCELS else ["queue", "claim", "claim"] * bool(free) + ["finish"] * 3
    match random.choice(moves):
        case "claim":
            rows.claim(random.sample(free, k=random.randint(1, len(free))))
        case "finish":
            chosen = random.sample(leased, k=random.randint(0, len(leased)))
            finish(rows, {key: outcome(rows.plan, key[0], random) for key in chosen})
        case "queue":
            rows.queue({ordinal for ordinal, _ in free})
        case "cancel":
            rows.cancel(include_running=random.choice([False, True]))


def outcome(plan: Plan, ordinal: int, random: Random) -> Outcome:
    if random.random() < POSTPONES:
        return POSTPONED
    return random.choice(KINDS) if random.random() < FAILS else result(plan, ordinal, random.choice([0, 1, 1, 2]))


def result(plan: Plan, ordinal: int, parts: int) -> Outcome:
    """A result with this many parts in every output folder of the task."""
    folders = [n for n, each in enumerate(plan.tasks[ordinal].folders) if each.type is FolderType.OUTPUT]
    return tuple((folder, part) for folder in folders for part in range(parts))


def finish(rows: Rows, ends: dict[Key, Outcome]) -> None:
    """Reports the ends together. Reported one by one, and with all rows loaded at once, they must change the same."""
    singly = rows.copy()
    for key, end in sorted(ends.items(), key=lambda report: isinstance(report[1], FailureKind)):
        singly.finish({key: end}, all_rows=True)
    rows.finish(ends)
    assert rows == singly


def walk(rows: Rows, seeds: list[int]) -> None:
    """One step for each seed until nothing is left to run, each followed by all checks."""
    families = Families(rows.plan)
    check(families, rows)
    for seed in seeds:
        if not rows.items:
            break
        before = rows.copy()
        step(rows, Random(seed))
        check(families, rows)
        check_past(before, rows)


def work_off(rows: Rows) -> None:
    """Runs everything that can run, without a failure."""
    families = Families(rows.plan)
    while rows.items:
        rows.claim(rows.free)
        finish(rows, {key: result(rows.plan, key[0], 1) for key in rows.leased})
        check(families, rows)


# -- what must be true --------------------------------------------------------------------------------------


def check(families: Families, rows: Rows) -> None:
    for ordinal in rows.tasks:
        check_counts(rows, ordinal)
        if rows.job.cancelled:
            check_stopped(rows, ordinal)
        else:
            check_task(families, rows, ordinal)
    check_charges(rows)
    check_job(families, rows)


def check_counts(rows: Rows, ordinal: int) -> None:
    """The task's counts match its items and attempts, and its items are numbered without a gap."""
    state, items = rows.tasks[ordinal], [item for key, item in rows.items.items() if key[0] == ordinal]
    done, given_up = ends_of(rows, ordinal)
    assert [key[1] for key, _ in rows.sources if key[0] == ordinal] == list(range(state.items))
    assert (state.items_running, state.items_failed) == (sum(item.leased for item in items), given_up)
    if rows.job.cancelled:
        return
    assert state.items_open == len(items)
    assert rows.closed[ordinal] == done + given_up
    if state.status not in WITHOUT_RESULT:
        assert state.items == len(items) + done + given_up


def check_stopped(rows: Rows, ordinal: int) -> None:
    """A task of a cancelled job runs while one of its attempts runs, and is aborted when the last has stopped."""
    state = rows.tasks[ordinal]
    if state.items_running:
        assert state.status is TaskStatus.RUNNING
    elif any(attempt.end == "stopped" and attempt.key[0] == ordinal for attempt in rows.attempts):
        assert (state.status, state.items_open) == (ABORTED, 0)


def ends_of(rows: Rows, ordinal: int) -> tuple[int, int]:
    """How many items of the task have a result, and how many have given up."""
    ends = [attempt for attempt in rows.attempts if attempt.key[0] == ordinal]
    return sum(end.end == "complete" for end in ends), sum(isinstance(end.verdict, GiveUp) for end in ends)


def check_task(families: Families, rows: Rows, ordinal: int) -> None:
    state = rows.tasks[ordinal]
    waiting = [head for head in families.parents[ordinal] if not is_complete(rows, families.members[head])]
    active = is_active(rows, ordinal)
    assert state.waits_for == len(waiting)

    made = Counter(source for key, source in rows.sources if key[0] == ordinal)
    expected = expected_items(rows, ordinal, ready=active and not waiting)
    assert made <= expected if state.status in WITHOUT_RESULT else made == expected
    assert state.status in statuses(families, rows, ordinal, ready=active and not waiting, active=active)
    reason = None
    if state.status is FAILED:
        verdicts = [each.verdict for each in rows.attempts if each.key[0] == ordinal]
        reason = [each.kind.value for each in verdicts if isinstance(each, GiveUp)][-1]
    elif state.status is ABORTED:
        reason = PARENT_FAILED if active else NOT_NEEDED
    assert state.failure_reason == reason


def is_active(rows: Rows, ordinal: int) -> bool:
    """True for a listed task, and for a standby whose principal has failed."""
    principal = rows.plan.tasks[ordinal].standby_for
    return principal is None or rows.tasks[principal].status is FAILED


def is_complete(rows: Rows, family: list[int]) -> bool:
    return any(rows.tasks[member].status is COMPLETE for member in family)


def expected_items(rows: Rows, ordinal: int, *, ready: bool) -> Counter[ItemSource]:
    """The sources of all items that the task must have now. `ready`: it is active and waits for no parent."""
    plan = rows.plan.tasks[ordinal]
    if ordinal in rows.reused:
        return Counter()
    if not plan.per_chunk or not rows.edges.parents[ordinal]:
        return Counter([WHOLE] if ready else [])
    at_once = not plan.parents_first and plan.standby_for is None
    return Counter(rows.routed(ordinal) if ready or at_once else [])


def statuses(families: Families, rows: Rows, ordinal: int, *, ready: bool, active: bool) -> set[TaskStatus]:
    """The allowed statuses of the task; more than one only while no item of it runs or is done.

    It waits for its engine if the last attempt that ended was postponed.
    """
    state, plan = rows.tasks[ordinal], rows.plan.tasks[ordinal]
    done, given_up = ends_of(rows, ordinal)
    if ordinal in rows.reused:
        return {COMPLETE}
    if given_up > plan.max_failed_chunks:
        return {FAILED}
    if ready and state.items == done + given_up:
        return {COMPLETE}
    unneeded = plan.standby_for is not None and rows.tasks[plan.standby_for].status in {COMPLETE, ABORTED}
    families_before = [families.members[head] for head in families.before[ordinal]]
    if unneeded or any(all(rows.tasks[n].status in WITHOUT_RESULT for n in family) for family in families_before):
        return {ABORTED}
    if not active:
        return {TaskStatus.STANDBY_PENDING}
    if state.items_running or done:
        return {TaskStatus.RUNNING}
    last = [attempt.end for attempt in rows.attempts if attempt.key[0] == ordinal][-1:]
    free = {TaskStatus.WAITING} if last == [POSTPONED] else {TaskStatus.PENDING, TaskStatus.QUEUED}
    return free | ({TaskStatus.RUNNING} if given_up else set())


def check_charges(rows: Rows) -> None:
    """Every item is charged for its failures, and gives up when its task's retries are used up."""
    charges: dict[Key, Counter[Blame]] = defaultdict(Counter)
    for attempt in rows.attempts:
        if attempt.end != "failed":
            continue
        assert isinstance(attempt.outcome, FailureKind)
        charges[attempt.key][blame(attempt.outcome)] += 1
        failures, lost = charged(charges[attempt.key])
        assert attempt.verdict == after_failure(
            attempt.outcome,
            failures=failures,
            lost=lost,
            max_retries=rows.plan.tasks[attempt.key[0]].max_retries,
            organization_retries=ORGANIZATION_RETRIES,
            now=NOW,
        )
    for key, item in rows.items.items():
        assert (item.failures, item.lost) == charged(charges[key])


def charged(charges: Counter[Blame]) -> tuple[int, int]:
    return charges[Blame.ATTEMPT] + charges[Blame.FINAL], charges[Blame.LOST]


def check_job(families: Families, rows: Rows) -> None:
    """The job's counts and status follow from all its tasks, and it has ended when nothing is left to run."""
    job, tally, leased = rows.job, recount(families, rows), len(rows.leased)
    assert job.tally() == tally
    assert job.stopping == (leased if job.cancelled else 0)
    assert job.status is job_status(
        tally, cancel_accepted=job.cancelled, attempts_open=job.stopping, ever_started=rows.leases > 0
    )
    assert (job.status in JOB_ENDED) == (not rows.items)
    begun = tally.running or tally.complete or tally.failed or tally.aborted
    assert rows.cancellable == (job.status not in JOB_ENDED and not job.cancelled and not begun)
    assert not (rows.cancellable and leased)
    assert not (job.cancelled and rows.free)
    ends = {EventKind.COMPLETED: COMPLETE, EventKind.REUSED: COMPLETE}
    ends |= {EventKind.FAILED: FAILED, EventKind.ABORTED: ABORTED}
    written = sorted((ordinal, ends[kind]) for ordinal, kind, _ in rows.events if kind in ends)
    assert written == [(n, state.status) for n, state in sorted(rows.tasks.items()) if state.status in TASK_ENDED]


def recount(families: Families, rows: Rows) -> Tally:
    """The tally from the tasks alone: of each family the last active task counts, unless it is reused."""
    found = Counter[TaskStatus]()
    for head, family in families.members.items():
        if head not in rows.reused:
            active = [n for n in family if is_active(rows, n)]
            found[rows.tasks[active[-1]].status] += 1
    return Tally(
        total=found.total(),
        queued=found[TaskStatus.QUEUED],
        running=found[TaskStatus.RUNNING] + found[TaskStatus.WAITING],
        complete=found[COMPLETE],
        failed=found[FAILED],
        aborted=found[ABORTED],
    )


def check_past(before: Rows, rows: Rows) -> None:
    """Tasks that had ended are unchanged."""
    for ordinal, state in before.tasks.items():
        if state.status in TASK_ENDED:
            assert structs.replace(rows.tasks[ordinal], waits_for=state.waits_for) == state


def check_end(rows: Rows) -> None:
    """No verb changes a job that has ended."""
    before = rows.copy()
    rows.cancel(include_running=True)
    if not rows.job.cancelled:
        rows.queue(rows.tasks)
    assert rows == before


# -- the tests ----------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(plans(), SEEDS)
def test_a_job_is_at_every_step_what_its_plan_and_its_attempts_make_it(plan: Plan, seeds: list[int]) -> None:
    rows = Rows.create(plan)
    walk(rows, seeds)
    work_off(rows)
    check_end(rows)


@settings(max_examples=100, deadline=None)
@given(plans(), SEEDS)
def test_a_retry_goes_on_from_what_is_complete(plan: Plan, seeds: list[int]) -> None:
    rows = Rows.create(plan)
    walk(rows, seeds[::2])
    assume(rows.job.status is not JobStatus.COMPLETE)
    again = rows.retry()
    walk(again, seeds[1::2])
    work_off(again)
    check_end(again)


@settings(max_examples=20, deadline=None)
@given(plans())
def test_a_job_without_a_failure_is_complete(plan: Plan) -> None:
    rows = Rows.create(plan)
    work_off(rows)
    assert rows.job.status is JobStatus.COMPLETE


def test_the_standby_of_a_task_that_reads_nothing_has_its_one_item_too() -> None:
    rows = Rows.create(planned(job(task("transcribe", folder("i"), standby=task("transcribe")))).plan)
    rows.claim(rows.free)
    rows.finish({(0, 0): FailureKind.INVALID_DATA})
    assert (rows.free, rows.job.status) == ([(1, 0)], JobStatus.RUNNING)


def test_no_standby_of_a_complete_task_is_left_pending() -> None:
    rows = Rows.create(planned(job(task("batch", standby=task("batch", standby=task("batch"))))).plan)
    work_off(rows)
    assert [rows.tasks[n].status for n in range(3)] == [COMPLETE, ABORTED, ABORTED]


def test_what_depends_on_a_failed_task_is_aborted_and_its_standby_is_not_needed() -> None:
    routes = joined("abc", "ab bc").routes
    rows = Rows.create(planned(job(stage("a"), stage("b", standby=task("batch")), stage("c"), routes=routes)).plan)
    rows.claim(rows.free)
    rows.finish({(0, 0): FailureKind.INVALID_DATA})
    reasons = [(rows.tasks[n].status, rows.tasks[n].failure_reason) for n in range(4)]
    assert reasons == [(FAILED, "invalid_data"), *[(ABORTED, PARENT_FAILED)] * 2, (ABORTED, NOT_NEEDED)]
    assert rows.job.tally() == Tally(3, failed=1, aborted=2)
