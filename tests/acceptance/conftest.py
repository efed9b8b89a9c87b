"""One real server for each module of acceptance tests."""

import signal
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.acceptance.servers import Server, serving
from tests.postgres import PostgresServer

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts the tests in the background makes them ignore Ctrl-C, and their servers too.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
async def postgres_dsn(postgres: PostgresServer, postgres_template: str) -> AsyncIterator[str]:
    """Yields the DSN of a new database. No later test gets it: what a test has killed may still be connected."""
    name = await postgres.create(postgres_template)
    yield postgres.dsn(name)
    await postgres.drop(name)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # Each engine keeps its process for the next test: to load some of them takes a second.
    with serving(tmp_path_factory.mktemp("data"), "--python-slots", "8") as up:
        yield up
