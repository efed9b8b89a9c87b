"""What an engine is: how it runs, its inputs and its outputs."""

from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec

from enginehouse.domain.resources import Resources

PUSH_ADAPTER: Final = "bb544ade-461c-11ea-8604-a3b3a83f5182"
"""The engine that stands for a push endpoint at the root of a job (rest-contract §3.4)."""


class EngineKind(StrEnum):
    """Where an engine's code runs. It is also the pool whose worker slots the engine uses."""

    NATIVE = "native"  # a coroutine in the server's process: adapters, chunkers, writers
    PYTHON = "python"  # a warm child process, found through the entry points
    HTTP = "http"  # an engine container speaking GET ready, POST process


class EngineMode(StrEnum):
    """How an engine takes its input (engine-contract a.10)."""

    CHUNK = "chunk"
    STREAM = "stream"
    BATCH = "batch"


class EngineAddress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where an engine of kind `http` answers: `GET {url}{ready}` and `POST {url}{process}`.

    `private`: an operator registered the address, so it may be that of a private machine.
    """

    url: str
    ready: str = "/ready"
    process: str = "/process"
    private: bool = False

    @property
    def ready_url(self) -> str:
        """The whole address of the readiness check."""
        return self.url.rstrip("/") + self.ready

    @property
    def process_url(self) -> str:
        """The whole address that gets the work."""
        return self.url.rstrip("/") + self.process


class EngineSpec(msgspec.Struct, frozen=True, kw_only=True):
    """The declaration of an engine: the server declares native ones, an entry point declares a Python one.

    `ingests`: it may start a job from outside data (adapters). `gathers`: it has exactly one item over all chunks of
    all its input folders. `shared`: a warm child may serve several organizations one after the other.
    `network`: it may open connections to other machines. Limits: `timeout_seconds` per item, `memory_mb` and `disk_mb`
    (files that it keeps) per tree of child processes.
    """

    id: str
    name: str
    category_id: str
    kind: EngineKind
    mode: EngineMode = EngineMode.CHUNK
    slug: str | None = None
    description: str = ""
    ingests: bool = False
    gathers: bool = False
    shared: bool = False
    aliases: tuple[str, ...] = ()  # further published ids of the same engine
    inputs: tuple[str, ...] = ()  # media types it takes, "*/*" for any
    outputs: tuple[str, ...] = ()
    timeout_seconds: int = 1800
    memory_mb: int = 1024
    disk_mb: int = 4096
    network: bool = False
    resources: Resources = Resources()  # what one item takes of a machine, besides a worker slot
    task_type: str | None = None  # its name in `taskType` of the older createJob shape
    entry_point: str | None = None
    python: str | None = None  # on this machine: the interpreter of its own environment, None for the server's
    address: EngineAddress | None = None  # of an engine of kind `http`; without one nothing of it starts
    manifest: dict[str, Any] = {}


CATEGORY_TYPES: Final = ("Cognition", "Ingestion", "Aggregator")


class EngineCategory(NamedTuple):
    """A kind of engine: Transcription, Sentiment …; `type` is one of CATEGORY_TYPES.

    `organization_id` is None for a built-in category: every organization may read it, and none may change it.
    """

    id: str
    name: str
    type: str
    description: str = ""
    organization_id: int | None = None
    created_at: int = 0
    modified_at: int = 0


class CategoryRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of a category that a client sets; None for a field that it does not set."""

    name: str | None = None
    type: str | None = None
    description: str | None = None


class EngineDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What administrators set besides the declaration (graphql-contract §3.6).

    `templates`: own texts of standalone templates by their use, in place of the default ones.
    """

    deployment_model: str = "FullyNetworkIsolated"
    price: int | None = None
    fields: tuple[dict[str, Any], ...] = ()
    icon_path: str | None = None
    logo_path: str | None = None
    library_required: bool = False
    creates_tdo: bool = False
    use_cases: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    templates: dict[str, str] = {}
    created_by: str | None = None
    modified_by: str | None = None


class EngineRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of an engine that a client sets; None for a field that it does not set.

    `templates`: pairs of a use and a text; an empty list brings the default templates back.
    """

    name: str | None = None
    description: str | None = None
    category_id: str | None = None
    mode: EngineMode | None = None
    manifest: dict[str, Any] | None = None
    deployment_model: str | None = None
    price: int | None = None
    fields: tuple[dict[str, Any], ...] | None = None
    icon_path: str | None = None
    logo_path: str | None = None
    library_required: bool | None = None
    creates_tdo: bool | None = None
    use_cases: tuple[str, ...] | None = None
    industries: tuple[str, ...] | None = None
    templates: tuple[tuple[str, str], ...] | None = None


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """A stored engine. `organization_id` is None for one that every organization may use."""

    spec: EngineSpec
    organization_id: int | None
    state: str  # active, paused, disabled, deleted
    created_at: int
    modified_at: int
    running_limit: int | None = None
    details: EngineDetails = EngineDetails()

    @property
    def id(self) -> str:
        """The id of the declaration."""
        return self.spec.id


WHITELIST: Final = "whitelist"
BLACKLIST: Final = "blacklist"


class EngineAccess(NamedTuple):
    """Which engines an organization may use, by their ids. An empty whitelist allows all."""

    whitelist: frozenset[str] = frozenset()
    blacklist: frozenset[str] = frozenset()

    def allows(self, engine: Engine) -> bool:
        """True if the organization may use the engine. Its own engine need not be on the whitelist."""
        if engine.spec.id in self.blacklist:
            return False
        return engine.organization_id is not None or not self.whitelist or engine.spec.id in self.whitelist
