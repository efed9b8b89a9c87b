"""Which cases of the tests run, and in which order: what takes long comes first, so that nobody waits for it alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.thorough import THOROUGH

# What the statements of the interfaces do on PostgreSQL, the tests of the storage and of the operations hold too.
_INTERFACES: Final = Path(__file__).parent / "api"
# A process that has started a cluster of Ray runs all that needs one.
_FIRST: Final = ("slow", "cluster")


def left_out(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """Yields cases of the interfaces' tests on PostgreSQL that run on SQLite too, except for the first of each test."""
    known, seen = {item.nodeid for item in items}, set[tuple[Path, str]]()
    for item in items:
        if isinstance(item, pytest.Function) and item.path.is_relative_to(_INTERFACES) and _on_postgres(item):
            test = (item.path, item.originalname)
            if test in seen and item.nodeid.replace("postgres", "sqlite") in known:
                yield item
            seen.add(test)


def arrange(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The items are those to run, in their order. `make chaos` runs all of them."""
    if not THOROUGH and (out := {*left_out(items)}):
        config.hook.pytest_deselected(items=[*out])
        items[:] = [item for item in items if item not in out]
    items.sort(key=_place)


def _on_postgres(item: pytest.Function) -> bool:
    return hasattr(item, "callspec") and item.callspec.params.get("database") == "postgres"


def _place(item: pytest.Item) -> int:
    return next((place for place, name in enumerate(_FIRST) if item.get_closest_marker(name)), len(_FIRST))
