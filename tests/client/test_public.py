"""The public Python client: every part has a docstring, which names the failures."""

import inspect
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from enginehouse import client
from enginehouse.client import AsyncClient, Client
from enginehouse.client.async_verbs import AsyncEngines, AsyncJobs, AsyncPipelines, AsyncSchedules
from enginehouse.client.sync_verbs import Engines, Jobs, Pipelines, Schedules

CLASSES = {
    Client: AsyncClient,
    Jobs: AsyncJobs,
    Schedules: AsyncSchedules,
    Engines: AsyncEngines,
    Pipelines: AsyncPipelines,
}
PUBLIC = [getattr(client, name) for name in client.__all__]


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yields every public function of the exported modules, and every public method of a Client."""
    for module in PUBLIC:
        if isinstance(module, ModuleType):
            for name, member in vars(module).items():
                if inspect.isfunction(member) and member.__module__ == module.__name__ and not name.startswith("_"):
                    yield f"{module.__name__.rpartition('.')[2]}.{name}", member
    for class_ in (*CLASSES, *CLASSES.values()):
        for name, method in _public(class_):
            yield f"{class_.__name__}.{name}", method


def _public(class_: type) -> list[tuple[str, Callable[..., Any]]]:
    members = inspect.getmembers(class_, inspect.isfunction)
    return [(name, method) for name, method in members if not name.startswith("_")]


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
    named = set(re.findall(r"client\.(?:(\w+)\.)?(\w+)\(", client.__doc__ or ""))
    assert len(named) == 4
    assert {f"{noun.title() or 'Client'}.{verb}" for noun, verb in named} <= set(dict(functions()))


@pytest.mark.parametrize("blocking", CLASSES, ids=lambda class_: class_.__name__)
def test_both_clients_have_the_same_verbs_with_the_same_arguments_and_words(blocking: type) -> None:
    twins, others = dict(_public(blocking)), dict(_public(CLASSES[blocking]))
    # The command line has more of the blocking client.
    assert set(others) <= set(twins) if blocking is Client else set(others) == set(twins)
    for name, method in others.items():
        assert _form(method) == _form(twins[name]), name
        assert (method.__doc__ or "").split(".")[0] == (twins[name].__doc__ or "").split(".")[0], name


def _form(method: Callable[..., Any]) -> list[tuple[str, object, object]]:
    """Returns the parameters of a method, and what it gives, without whether that is awaited."""
    signature = inspect.signature(method)
    parameters = [(one.name, one.kind, one.default) for one in signature.parameters.values()]
    returned = str(signature.return_annotation).replace("AsyncIterator", "Iterator")
    return [*parameters, ("", returned, None)]
