"""The figures in the order in which they are shown, and their targets."""

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

Sample = dict[str, float]
"""The result of one round of one contender: figure key → value in the figure's unit."""


@dataclass(frozen=True, slots=True)
class Figure:
    """`target` is the least value that is enough, or the most if `less` is better. It is None without a promise."""

    key: str
    title: str
    unit: str
    target: float | None = None
    less: bool = False

    @property
    def rises(self) -> bool:
        """True if more is better: the figure is a rate."""
        return self.unit.endswith("/s")

    def reached(self, value: float) -> bool | None:
        """Returns True if the value reaches the target, None without a target."""
        if self.target is None:
            return None
        return value <= self.target if self.less else value >= self.target


TASK_QUEUES: Final = (
    "Procrastinate PostgreSQL",
    "PgQueuer PostgreSQL",
    "DBOS PostgreSQL",
    "Huey SQLite",
    "Prefect SQLite",
)
WEB: Final = ("FastAPI SQLite", "FastAPI PostgreSQL")
SCHEDULERS: Final = ("APScheduler 3 SQLite", "APScheduler 4 SQLite")


@dataclass(frozen=True, slots=True)
class Subject:
    """A group of figures that are measured together, on their own servers, side by side with `peers`."""

    key: str
    title: str
    figures: tuple[Figure, ...]
    peers: tuple[str, ...] = TASK_QUEUES

    def measures(self, contender: str) -> bool:
        """Returns True if this contender does something comparable."""
        return contender.startswith("Enginehouse") or contender in self.peers


# The reads of the subject `history`.
HISTORY: Final = {
    "job": "one job with its retries",
    "newest": "30 jobs, the newest first",
    "oldest": "… the oldest first",
    "last": "… the last page",
    "status": "… of a status",
    "target": "… of a target",
    "engine": "… of an engine",
    "changed": "… by their last change",
    "range": "10 jobs of an hour, with their number",
    "tasks": "10 tasks, with the number of all",
}

# The calls of the subject `rest` by 64 clients, with the least number a second that is enough.
REST: Final = {
    "status": ("status of a job", 15_000),
    "create": ("create of a job of 5 tasks, 4 routes", 5_000),
    "page": ("10 jobs of a status with their number", 1_500),
}


# The pages of the subject `pages`, with the most milliseconds and kilobytes that one may take.
PAGES: Final = {
    "overview": ("overview", 50, 60),
    "jobs": ("list of jobs", 50, 60),
    "jobs_status": ("… of a status", 50, 60),
    "jobs_page": ("… a page in its middle", 50, 60),
    "jobs_engine": ("… of an engine", 50, 60),
    "job": ("a job", 50, 60),
    "job_wide": ("a job of 200 tasks", 80, None),
    "job_new": ("new job", 50, 60),
    "engines": ("engines", 50, 60),
    "workers": ("workers", 50, 60),
    "schedules": ("schedules", 50, 60),
    "webhooks": ("webhooks", 50, 60),
    "audit": ("audit", 50, 60),
    "docs": ("interfaces", 50, 60),
    "reference": ("reference of an interface", 50, None),
}


def _pages() -> Iterator[Figure]:
    for key, (title, milliseconds, kilobytes) in PAGES.items():
        yield Figure(f"pages_{key}", title, "ms", milliseconds, less=True)
        yield Figure(f"pages_{key}_html", "… its HTML", "KB", kilobytes, less=True)
    yield Figure("pages_open", "100 open pages of jobs that wait", "% of a core", 5, less=True)


def _rest() -> Iterator[Figure]:
    for key, (title, least) in REST.items():
        yield Figure(f"rest_{key}", title, "calls/s", least)
        yield Figure(f"rest_{key}_server", "… processor time, server", "µs", 1e6 / least, less=True)
        yield Figure(f"rest_{key}_database", "… processor time, PostgreSQL", "µs")
        yield Figure(f"rest_{key}_ratio", "… both, times as with 1 000 jobs", "", 1.5, less=True)
    yield Figure("rest_create_new", "create, no two graphs alike", "calls/s")
    yield Figure("rest_create_new_server", "… processor time, server", "µs")
    yield Figure("rest_create_new_database", "… processor time, PostgreSQL", "µs")


SUBJECTS: Final = (
    Subject(
        "create",
        "Durable creates of jobs of 5 tasks, 4 routes",
        (
            Figure("create_1", "one job a request, 1 client", "jobs/s"),
            Figure("create_64", "one job a request, 64 clients", "jobs/s", 10_000),
            Figure("create_64_keyed", "… each with an idempotency key", "jobs/s"),
            Figure("create_64_running", "… while their tasks run", "jobs/s", 4000),
            Figure("create_batch", "1000 jobs a request, 1 client", "jobs/s", 20_000),
        ),
    ),
    Subject(
        "tasks",
        "No-op tasks, first create to last completion",
        (
            Figure("tasks_1", "native, 1 client, 1000 tasks a request", "tasks/s", 20_000),
            Figure("tasks_64", "native, 64 clients, 5 tasks a request", "tasks/s"),
            Figure("tasks_python", "in warm children, 1 client, 1000 a request", "tasks/s", 2000),
        ),
    ),
    Subject(
        "latency",
        "Client's send to engine's start, idle server",
        (
            Figure("latency_native_p50", "native, median", "ms", 0.8, less=True),
            Figure("latency_native_p99", "native, 99th percentile", "ms", 1.5, less=True),
            Figure("latency_python_p50", "in a warm child, median", "ms", 3, less=True),
            Figure("latency_python_p99", "in a warm child, 99th percentile", "ms", 10, less=True),
        ),
    ),
    Subject(
        "remote",
        "No-op tasks in 4 children, in the server and in a worker over loopback",
        (
            Figure("local_rate", "in the server", "tasks/s"),
            Figure("remote_rate", "in one worker over HTTP", "tasks/s", 400),
            Figure("local_p50", "client's send to engine's start in the server, median", "ms"),
            Figure("remote_p50", "… in one worker over HTTP, median", "ms"),
        ),
        peers=(),
    ),
    Subject(
        "workers",
        "1 000 workers on other machines, with one worker slot each",
        (
            Figure("workers_idle", "processor time of the server while all wait", "% of a core", 15, less=True),
            Figure("workers_memory", "its memory for all", "MB", 150, less=True),
            Figure("workers_single", "one item comes: client's send to a worker's lease, median", "ms"),
            Figure("workers_single_claims", "… claims until it is leased", "", 2, less=True),
            Figure("workers_claim_p50", "1 000 items come at once: a claim, median", "ms"),
            Figure("workers_claim_p99", "… 99th percentile", "ms", 50, less=True),
            Figure("workers_claims", "… claims for each item", ""),
            Figure("workers_all", "… client's send to the last lease", "ms"),
            Figure("workers_back", "all are back after a restart of the server", "s", 10, less=True),
        ),
        peers=(),
    ),
    Subject(
        "losses",
        "Engines elsewhere: cancels, and losses with leases of 5 s",
        (
            Figure(
                "remote_stop_p50",
                "cancel of an engine on a worker, median",
                "ms",
                1000,
                less=True,
            ),
            Figure("remote_stop_p99", "… 99th percentile", "ms"),
            Figure("server_lost", "kill -9 of a server of two: its engines run again", "s", 7, less=True),
        ),
        peers=(),
    ),
    Subject(
        "processes",
        "One server process and two on the same PostgreSQL",
        (
            Figure("processes_create_1", "creates, 64 clients, 1 process", "jobs/s"),
            Figure("processes_create_2", "… 2 processes", "jobs/s"),
            Figure("processes_create_1_cost", "… processor time, server and PostgreSQL, 1 process", "µs", less=True),
            Figure("processes_create_2_cost", "… 2 processes", "µs", less=True),
            Figure("processes_tasks_1", "no-op tasks, native, 1 process", "tasks/s"),
            Figure("processes_tasks_2", "… 2 processes", "tasks/s"),
            Figure("processes_tasks_1_cost", "… processor time, server and PostgreSQL, 1 process", "µs", less=True),
            Figure("processes_tasks_2_cost", "… 2 processes", "µs", less=True),
        ),
        peers=(),
    ),
    Subject(
        "ray",
        "Calls of a no-op in 4 children, and in 4 hosts on 2 Ray nodes",
        (
            Figure("here_first", "here: the first call", "s"),
            Figure("here_p50", "… of a warm child, median", "ms"),
            Figure("here_p99", "… 99th percentile", "ms"),
            Figure("here_rate", "… 4 at a time", "calls/s"),
            Figure("ray_first", "on Ray: the first call", "s", 1.5, less=True),
            Figure("ray_p50", "… of a warm host, median", "ms", 5, less=True),
            Figure("ray_p99", "… 99th percentile", "ms"),
            Figure("ray_rate", "… 4 at a time", "calls/s", 250),
            Figure("ray_lost", "a node is killed, until its call has ended", "s", 5, less=True),
            Figure("ray_again", "… and another call has ended elsewhere", "s", 8, less=True),
        ),
        peers=(),
    ),
    Subject(
        "reads",
        "Reads, the server on one core",
        (
            Figure("status_1", "status of a job, 1 client", "calls/s"),
            Figure("status_64", "status of a job, 64 clients", "calls/s", 15_000),
            Figure("list_1", "30 jobs with their tasks, 1 client", "calls/s"),
            Figure("list_64", "30 jobs with their tasks, 64 clients", "calls/s", 3000),
        ),
    ),
    Subject(
        "history",
        "Reads with 1 000 000 stored jobs, and beside 1 000",
        tuple(
            figure
            for key, title in HISTORY.items()
            for figure in (
                Figure(f"history_{key}", title, "ms"),
                Figure(f"history_{key}_ratio", "… times as long as with 1 000", "", 1.5, less=True),
            )
        ),
        peers=(),
    ),
    Subject(
        "rest",
        "REST with 1 000 000 stored jobs, 64 clients",
        tuple(_rest()),
        peers=WEB,
    ),
    Subject(
        "pages",
        "Pages of the dashboard with 1 000 000 stored jobs, one reader",
        tuple(_pages()),
        peers=(),
    ),
    Subject(
        "cancel",
        "cancelJob, the server on one core",
        (
            Figure("cancel_1", "the id in a variable, 1 client", "calls/s"),
            Figure("cancel_64", "the id in a variable, 64 clients", "calls/s", 10_000),
            Figure("cancel_inline_64", "the id in the document, 64 clients", "calls/s"),
        ),
    ),
    Subject(
        "stop",
        "Stop of a running engine, cancel to aborted",
        (
            Figure("stop_p50", "that ends when told to, median", "ms"),
            Figure("stop_p99", "… 99th percentile", "ms", 1000, less=True),
        ),
    ),
    Subject(
        "follow",
        "Event streams, each on a waiting job",
        (
            Figure("follow_p50", "from the cancel to the line at a client, median", "ms"),
            Figure("follow_p99", "… 99th percentile", "ms"),
            Figure("follow_processor", "processor time for all quiet streams", "% of a core"),
            Figure("follow_memory", "memory for each", "KB"),
        ),
    ),
    Subject(
        "bulk",
        "Bulk cancel of 1 000 000 waiting jobs of 5 tasks",
        (
            Figure("bulk_commit_p50", "from then on nothing starts, median", "ms"),
            Figure("bulk_commit_p99", "… 99th percentile, 4 claimers at work", "ms", 5, less=True),
            Figure("bulk_reply", "the whole reply, with the exact count", "ms", 150, less=True),
            Figure("bulk_settle", "until every row says so", "s", 6, less=True),
            Figure("bulk_update", "a plain UPDATE of the same rows", "s"),
            Figure("bulk_each", "cancelled one by one, 64 clients", "s"),
            Figure("bulk_ids", "cancelled by their ids, many in a call", "s"),
        ),
    ),
    Subject(
        "schedules",
        "50 000 active schedules",
        (
            Figure("schedules_idle", "processor while nothing is due", "% of core", 2, less=True),
            Figure("schedules_none", "… without a schedule", "% of core"),
            Figure("schedules_due", "5000 due at once, until all have fired", "s", 2, less=True),
        ),
        peers=SCHEDULERS,
    ),
    Subject(
        "documents",
        "GraphQL documents, processor time before they are executed",
        (
            Figure("documents_shape_new", "by shape: a new document", "µs"),
            Figure("documents_shape_literals", "… a known one with another id in its text", "µs"),
            Figure("documents_shape_text", "… a known text", "µs"),
            Figure("documents_text_new", "by text: a new document", "µs"),
            Figure("documents_text_literals", "… a known one with another id in its text", "µs"),
            Figure("documents_text_text", "… a known text", "µs"),
            Figure("documents_none_text", "without a cache: any document", "µs"),
            Figure("documents_request_new", "the server per request: a new document", "µs"),
            Figure("documents_request_literals", "… a known one with another id in its text", "µs"),
            Figure("documents_request_text", "… a known text", "µs"),
        ),
        peers=(),
    ),
    Subject(
        "start",
        "From exec to the first answered ping",
        (
            Figure("start_first", "on an empty folder or database", "s", 1.5, less=True),
            Figure("start_again", "on one that is there already", "s", 1.5, less=True),
        ),
    ),
    Subject(
        "memory",
        "Resident memory",
        (
            Figure("memory_server", "the idle server process", "MB", 120, less=True),
            Figure("memory_after", "… after 100 000 jobs", "MB", 250, less=True),
            Figure("memory_keeper", "the keeper of its engine processes", "MB"),
            Figure("memory_child", "one warm engine process (no-op)", "MB"),
        ),
    ),
    Subject(
        "stores",
        "Bytes, one at a time, on a disk and in a bucket on the same machine",
        tuple(
            Figure(f"stores_{verb}_{size}_{store}", f"{verb} {bytes_}, {place}", "ms", less=True)
            for size, bytes_ in (("small", "4 KiB"), ("large", "64 MiB"))
            for verb in ("put", "get")
            for store, place in (("disk", "disk"), ("s3", "bucket"))
        ),
        peers=(),
    ),
)


def medians(samples: Iterable[Sample]) -> Sample:
    """Returns the median of every figure over the rounds that measured it."""
    seen: dict[str, list[float]] = {}
    for sample in samples:
        for key, value in sample.items():
            seen.setdefault(key, []).append(value)
    return {key: statistics.median(values) for key, values in seen.items()}
