"""The public Python client: every part has a docstring, which names the failures."""

import inspect
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from enginehouse import client
from enginehouse.client import Client

PUBLIC = [getattr(client, name) for name in client.__all__]


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yields every public function of the exported modules, and every public method of a Client."""
    for module in PUBLIC:
        if isinstance(module, ModuleType):
            for name, member in vars(module).items():
                if inspect.isfunction(member) and member.__module__ == module.__name__ and not name.startswith("_"):
                    yield f"{module.__name__.rpartition('.')[2]}.{name}", member
    for name, method in vars(Client).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            yield f"Client.{name}", method


def _sends(function: Callable[..., Any]) -> bool:
    first = next(iter(inspect.signature(function).parameters), "")
    return first in ("client", "self") and function.__name__ != "close"


def test_everything_that_is_exported_is_explained() -> None:
    assert client.__all__ == sorted(client.__all__)
    for public in PUBLIC:
        assert public.__doc__, public
        # A dataclass without a docstring gets its signature as its docstring.
        assert not inspect.isclass(public) or not public.__doc__.startswith(f"{public.__name__}("), public


@pytest.mark.parametrize("name", dict(functions()))
def test_a_function_says_what_it_raises(name: str) -> None:
    function = dict(functions())[name]
    words = " ".join((function.__doc__ or "").split())
    assert words, name
    assert not _sends(function) or re.search(r"Raises (\w+, )*RequestFailed", words), name


def test_the_example_of_the_package_names_what_there_is() -> None:
    example = client.__doc__ or ""
    named = set(re.findall(r"\b(events|files|jobs)\.(\w+)\(", example))
    assert len(named) == 5
    assert {f"{module}.{name}" for module, name in named} <= {name for name, _ in functions()}
