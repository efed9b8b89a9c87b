"""Whether tests try all their cases. Without `make chaos`, those that become better with more cases try a part."""

import os
from typing import Final

import pytest

THOROUGH: Final = bool(os.environ.get("ENGINEHOUSE_CHAOS"))

# For a test that waits long, and whose rule other tests hold in a shorter way.
slowly: Final = pytest.mark.skipif(not THOROUGH, reason="takes long; make chaos runs it")


def on_sqlite(fixture: str) -> pytest.MarkDecorator:
    """A test with this fixture runs on SQLite: what its statements do on PostgreSQL has tests of its own."""
    return pytest.mark.parametrize(fixture, ["sqlite", *(["postgres"] if THOROUGH else [])], indirect=True)


# For a sweep over all operations.
mostly_on_sqlite: Final = on_sqlite("database")
