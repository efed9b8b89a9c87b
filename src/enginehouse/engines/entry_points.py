"""The Python engines that are installed on this machine: the entry points in the group `enginehouse.engines`.

They are in the server's environment, and in the environments of their own that a file names. An engine's module is read
in a child, as everything that an engine does: the server imports no engine.
"""

import asyncio
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from itertools import groupby
from typing import NamedTuple

from msgspec import structs

from enginehouse.engine import ENTRY_POINT_GROUP, EngineFailure, EngineKind, EngineSpec, FailureKind
from enginehouse.engines.child_pool import ChildPool
from enginehouse.engines.environments import PythonEnvironment
from enginehouse.engines.extras import has_extras, is_whole
from enginehouse.engines.frames import EntryPointName, LoadedReply
from enginehouse.engines.interpreter import Interpreter

_SERVERS_PACKAGE = "enginehouse"


class InstalledEngine(NamedTuple):
    """An entry point, and what stands behind it: the spec of an engine, or why there is none.

    `environment` is None for that of the server.
    """

    entry: EntryPointName
    environment: PythonEnvironment | None
    found: EngineSpec | EngineFailure
    code_digest: str = ""

    @property
    def place(self) -> str:
        """The entry point and its environment, as people write them."""
        return _place(self.entry.name, self.environment)


class BrokenEnvironment(NamedTuple):
    """An environment whose interpreter cannot say what is installed there."""

    environment: PythonEnvironment
    failure: EngineFailure


def installed() -> list[EntryPoint]:
    """Returns the entry points in the server's environment, in the order of their names.

    One that names an extra is among them only if the packages of the extra are installed.
    """
    return sorted(filter(is_whole, entry_points(group=ENTRY_POINT_GROUP)), key=lambda entry: entry.name)


async def read_engines(
    children: ChildPool, environments: Sequence[PythonEnvironment] = ()
) -> list[InstalledEngine | BrokenEnvironment]:
    """Returns what is installed: that in the server's environment first, then that of each other one."""
    own = [
        EntryPointName(one.name, one.value, one.dist.name if one.dist else one.value.partition(":")[0])
        for one in installed()
    ]
    found = await asyncio.gather(_read_all(children, own, None), *(_read_one(children, each) for each in environments))
    return [each for of_one in found for each in of_one]


async def _read_one(
    children: ChildPool, environment: PythonEnvironment
) -> Sequence[InstalledEngine | BrokenEnvironment]:
    try:
        names = await children.list_engines(Interpreter(environment.python))
    except EngineFailure as failure:
        return [BrokenEnvironment(environment, failure)]
    # The server's own package may be installed there too. Its engines are the server's, except those of its extras.
    theirs = [one for one in names if one.package != _SERVERS_PACKAGE or has_extras(one.value)]
    return await _read_all(children, theirs, environment)


async def _read_all(
    children: ChildPool, names: Sequence[EntryPointName], environment: PythonEnvironment | None
) -> list[InstalledEngine]:
    """Returns the engines. Those of one package trust each other, so one child reads them."""
    packages = [[*group] for _, group in groupby(sorted(names, key=lambda one: one.package), lambda one: one.package)]
    python = Interpreter(environment.python if environment else None)
    replies = await asyncio.gather(*(children.read_engines([one.name for one in each], python) for each in packages))
    read = [
        _engine(entry, environment, reply)
        for package, of_package in zip(packages, replies, strict=True)
        for entry, reply in zip(package, of_package, strict=True)
    ]
    return sorted(read, key=lambda engine: engine.entry.name)


def _engine(
    entry: EntryPointName, environment: PythonEnvironment | None, reply: LoadedReply | EngineFailure
) -> InstalledEngine:
    if isinstance(reply, EngineFailure):
        return InstalledEngine(entry, environment, reply)
    spec = reply.spec
    if spec is None or spec.kind is not EngineKind.PYTHON:
        text = f"{entry.value} has no EngineSpec of kind python."
        return InstalledEngine(entry, environment, EngineFailure(text, FailureKind.INTERNAL_ERROR))
    python = environment.python if environment else None
    spec = structs.replace(spec, entry_point=entry.name, python=python, address=None)
    return InstalledEngine(entry, environment, spec, reply.code_digest)


def _place(entry: str, environment: PythonEnvironment | None) -> str:
    return f"engine {entry}" if environment is None else f"engine {entry} of environment {environment.name}"
