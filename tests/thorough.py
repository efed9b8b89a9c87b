"""Whether tests try all their cases. Without `make chaos`, those that become better with more cases try a part."""

import os
from typing import Final

import pytest

THOROUGH: Final = bool(os.environ.get("ENGINEHOUSE_CHAOS"))

# For a test that waits long, and whose rule other tests hold in a shorter way.
slowly: Final = pytest.mark.skipif(not THOROUGH, reason="takes long; make chaos runs it")

# For a sweep over all operations: what their statements do on either database has tests of its own.
mostly_on_sqlite: Final = pytest.mark.parametrize(
    "database", ["sqlite", *(["postgres"] if THOROUGH else [])], indirect=True
)
