"""The numbers of an organization and of its engines in our own interface."""

import msgspec

from enginehouse.api.http.json.casing import spelled


class WaitingView(msgspec.Struct, rename=spelled, kw_only=True):
    """How many items wait for a worker slot of the engine, counted up to 1000."""

    engine_id: str
    engine_name: str
    items: int


class RatePointView(msgspec.Struct, rename=spelled, kw_only=True):
    """What jobs did in a part of the time."""

    date_time: str
    created: int
    started: int
    complete: int
    failed: int
    aborted: int


class OverviewView(msgspec.Struct, rename=spelled, kw_only=True):
    """The organization now: jobs by status, waiting items by engine, running attempts by pool.

    `failures`: how many tasks failed within the hour by reason, of the last 200 jobs that failed.
    """

    date_time: str
    jobs: dict[str, int]
    waiting: list[WaitingView]
    running: dict[str, int]
    failures: dict[str, int]


class CountsView(msgspec.Struct, rename=spelled, kw_only=True):
    """A message of the stream: jobs by status."""

    jobs: dict[str, int]


class FailureView(msgspec.Struct, rename=spelled, kw_only=True):
    """A task that has failed, and when its job failed."""

    core_job_id: str
    core_task_id: str
    reason: str | None
    date_time: str


class EngineNumbersView(msgspec.Struct, rename=spelled, kw_only=True):
    """What waits for an engine (up to 1000 items), what runs of it, and what has failed within the hour.

    `failures` counts tasks by reason, of the last 200 jobs that failed. `unavailable`: why an engine over HTTP gets no
    work now. `offered`: whether a connected worker takes its work.
    """

    engine_id: str
    engine_name: str
    state: str
    running_limit: int | None
    waiting: int
    running: int
    failures: dict[str, int]
    last_failures: list[FailureView]
    unavailable: str | None
    offered: bool
