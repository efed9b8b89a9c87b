"""What an engine is: how it is called, what it takes, what it gives."""

from enum import StrEnum
from typing import Any, Final, NamedTuple

import msgspec


class EngineKind(StrEnum):
    """Where an engine's code runs, which is also the pool of slots it takes."""

    NATIVE = "native"  # a coroutine in the server's process: adapters, chunkers, writers
    PYTHON = "python"  # a warm child process, found through the entry points
    HTTP = "http"  # an engine container speaking GET ready, POST process


class EngineMode(StrEnum):
    """How an engine takes its input (engine-contract a.10)."""

    CHUNK = "chunk"
    STREAM = "stream"
    BATCH = "batch"


class EngineSpec(msgspec.Struct, frozen=True, kw_only=True):
    """An engine as it is declared: by the server for native ones, by an entry point for Python ones.

    `ingests`: may start a job from outside data (adapters). `gathers`: has exactly one item over all chunks of all its
    input folders. `shared`: a warm child may serve several organizations one after the other.
    Limits: `timeout_seconds` per item, `memory_mb` per child tree.
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
    task_type: str | None = None  # what `taskType` of the older createJob shape calls it
    entry_point: str | None = None
    manifest: dict[str, Any] = {}


CATEGORY_TYPES: Final = ("Cognition", "Ingestion", "Aggregator")


class EngineCategory(NamedTuple):
    """A kind of engine: Transcription, Sentiment …; `type` is one of CATEGORY_TYPES.

    `organization_id` is None for a built-in one, which every organization may read and none may change.
    """

    id: str
    name: str
    type: str
    description: str = ""
    organization_id: int | None = None
    created_at: int = 0
    modified_at: int = 0


class CategoryRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a client says of a category; None where it says nothing."""

    name: str | None = None
    type: str | None = None
    description: str | None = None


class Engine(msgspec.Struct, frozen=True, kw_only=True):
    """An engine as it is stored. `organization_id` is None for one that every organization may use."""

    spec: EngineSpec
    organization_id: int | None
    state: str  # active, paused, disabled
    created_at: int
    modified_at: int
    running_limit: int | None = None
