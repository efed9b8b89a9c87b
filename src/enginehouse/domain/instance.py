"""A worker on another machine: what it registered with, and under which name the server knows it."""

from typing import NamedTuple

import msgspec

from enginehouse.domain.resources import NOTHING, Resources


class RegisteredInstance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The worker slots by pool and the engines of the worker. `version`: of its program.

    `calls_engines`: it also takes the work of engines over HTTP, of those that come later too.
    """

    pools: dict[str, int]
    engines: tuple[str, ...]
    version: str = ""
    resources: Resources = NOTHING
    calls_engines: bool = False


class Instance(NamedTuple):
    """The worker `worker`, which the token `token_id` has registered."""

    id: str
    worker: str
    token_id: str
    registered: RegisteredInstance
