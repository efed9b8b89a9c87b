"""A place for what a measurement stores."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def place() -> Iterator[Path]:
    """Yields a folder that others may enter, as those of pytest may not: for root, PostgreSQL runs as nobody."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o711)
        yield folder
