"""The columns of the table: the product on both databases, and its peers."""

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from bench.figures import Sample, Subject
from bench.house import Enginehouse
from bench.neighbours import install, on_file, on_postgres, on_the_web
from bench.scale import Scale
from tests.postgres import PostgresServer, started

DATABASES = ("sqlite", "postgres")


class Contender(Protocol):
    """One column of the table. It measures a round of a subject."""

    @property
    def name(self) -> str: ...

    def measure(self, subject: str, scale: Scale) -> Sample: ...


def contenders(
    databases: Collection[str],
    subjects: Sequence[Subject],
    place: Path,
    closing: ExitStack,
    say: Callable[[str], None],
    *,
    peers: bool,
) -> list[Contender]:
    """Returns those that measure one of the subjects. Their environments are installed, their PostgreSQL runs."""
    postgres: PostgresServer | None = None
    found: list[Contender] = []
    if "sqlite" in databases:
        found.append(Enginehouse("Enginehouse SQLite", place, None))
    if "postgres" in databases:
        # On a memory disk a durable commit would cost nothing, so the data is where SQLite's is.
        postgres = closing.enter_context(started("shared_buffers=256MB", "max_connections=200", place=place))
        found.append(Enginehouse("Enginehouse PostgreSQL", place, postgres))
    if peers:
        beside = [
            *(() if postgres is None else on_postgres(postgres)),
            *(on_file(place) if "sqlite" in databases else ()),
            *on_the_web(place, postgres, on_sqlite="sqlite" in databases),
        ]
        needed = [one for one in beside if any(subject.measures(one.name) for subject in subjects)]
        for environment in dict.fromkeys(one.environment for one in needed):
            install(environment, say)
        found += needed
    return found
