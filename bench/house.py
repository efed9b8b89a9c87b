"""Measures Enginehouse: it calls the function of each subject, on either database."""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvloop
from bench.figures import Sample
from bench.scale import Scale
from bench.server import Server, folder, serving
from bench.subjects import (
    bulk,
    cancel,
    create,
    documents,
    follow,
    history,
    latency,
    losses,
    memory,
    pages,
    processes,
    ray,
    reads,
    remote,
    rest,
    schedules,
    start,
    stop,
    stores,
    tasks,
    workers,
)
from tests.postgres import PostgresServer

from bench import processors

# The functions that start their servers themselves.
_ALONE: Final[dict[str, Callable[[Path, str | None, Scale], Sample]]] = {
    "start": start.measure,
    "bulk": lambda home, database, scale: uvloop.run(bulk.measure(home, database, scale)),
    "schedules": schedules.measure,
    "rest": lambda home, database, scale: uvloop.run(rest.measure(home, database, scale)),
    "pages": lambda home, database, scale: uvloop.run(pages.measure(home, database, scale)),
    "remote": remote.measure,
    "losses": losses.measure,
    "workers": workers.measure,
    "processes": processes.measure,
    "ray": ray.measure,
    "stores": lambda home, database, scale: uvloop.run(stores.measure(home, database, scale)),
    "history": lambda home, database, scale: uvloop.run(history.measure(home, database, scale)),
}
# One worker slot for Python engines. A job that holds it makes all others wait.
_HELD: Final = ("--python-slots", "1")
_ON_ONE_CORE: Final = ("reads", "cancel", "documents")
_MEASURES: Final[dict[str, tuple[Callable[[Server, Scale], Coroutine[Any, Any, Sample]], tuple[str, ...]]]] = {
    "create": (create.measure, _HELD),
    "tasks": (tasks.measure, ()),
    "latency": (latency.measure, ()),
    "reads": (reads.measure, ()),
    "cancel": (cancel.measure, _HELD),
    "documents": (documents.measure, _HELD),
    "stop": (stop.measure, ()),
    "follow": (follow.measure, _HELD),
    "memory": (memory.measure, ()),
}


@dataclass(frozen=True, slots=True)
class Enginehouse:
    """The product on SQLite, or on `postgres`."""

    name: str
    place: Path
    postgres: PostgresServer | None

    def measure(self, subject: str, scale: Scale) -> Sample:
        """Returns the figures of one round of the subject, on its own server."""
        if subject in _ALONE:
            with self._home() as (home, database):
                return _ALONE[subject](home, database, scale)
        measured, flags = _MEASURES[subject]
        core = processors.SERVER if subject in _ON_ONE_CORE else None
        with self._home() as (home, database), serving(home, database, core=core, flags=flags) as server:
            processors.keep_to(processors.CLIENTS)
            try:
                return uvloop.run(measured(server, scale))
            finally:
                processors.keep_to(None)

    @contextmanager
    def _home(self) -> Iterator[tuple[Path, str | None]]:
        """Yields an empty folder and, on PostgreSQL, an empty database. Both are gone afterwards."""
        with folder(self.place) as home:
            if self.postgres is None:
                yield home, None
                return
            name = uvloop.run(self.postgres.create())
            try:
                yield home, self.postgres.dsn(name)
            finally:
                uvloop.run(self.postgres.drop(name))
