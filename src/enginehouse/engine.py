"""Everything that an engine imports from the server. Nothing else of the server is public.

A whole engine:

    from enginehouse.engine import EngineKind, EngineSpec, Output, Work

    class Shout:
        spec = EngineSpec(
            id="5f3f6c52-6a0e-4a39-8a41-9a1c7f0c1f2e",  # a UUID of your own, which never changes
            name="Shout",
            slug="shout",
            category_id="00000000-0000-4000-8000-0000000c0005",
            kind=EngineKind.PYTHON,
        )

        def process(self, work: Work) -> list[Output]:
            return [Output(media_type="text/plain", data=chunk.path.read_bytes().upper()) for chunk in work.inputs]

    engine = Shout()

The package that holds it has an entry point in the group `enginehouse.engines`, here `shout = "shout:engine"`.
`process` is a plain blocking function that runs in a warm child process. What it prints goes to the task's log. It
fails when it raises EngineFailure or any other exception.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from enginehouse.domain.engine import EngineKind, EngineMode, EngineSpec
from enginehouse.domain.job import Folder, FolderMode, FolderType
from enginehouse.domain.resources import Resources
from enginehouse.domain.retry import FailureKind

__all__ = [
    "ENTRY_POINT_GROUP",
    "Chunk",
    "EngineFailure",
    "EngineKind",
    "EngineMode",
    "EngineSpec",
    "FailureKind",
    "Folder",
    "FolderMode",
    "FolderType",
    "Output",
    "PythonEngine",
    "Resources",
    "Work",
]

ENTRY_POINT_GROUP: Final = "enginehouse.engines"


class EngineFailure(Exception):
    """The engine could not do its work. `kind` says whether a retry may help.

    `is_final`: no retry can help, whatever the kind. `retry_after`: the seconds that another server asks to wait before
    one; more than an hour counts as an hour.
    """

    def __init__(
        self,
        message: str,
        kind: FailureKind = FailureKind.INTERNAL_ERROR,
        *,
        is_final: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.is_final = is_final
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One input: a local file to read.

    `start_ms` and `stop_ms` are its place in its media. `folder` is the position of the input folder.
    """

    path: Path
    media_type: str
    size: int
    index: int = 0
    folder: int = 0
    name: str = ""
    start_ms: int | None = None
    stop_ms: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    engine_id: str | None = None  # the engine that made it
    task_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output: bytes, or a file that the engine wrote below `Work.directory`.

    `index` None means the next free index; for chunk→chunk it means the input's own index. `folder` None means every
    output folder of the task, or the job's results if the task has none. `published` always puts it among the job's
    results.
    """

    media_type: str
    data: bytes | None = None
    path: Path | None = None
    name: str | None = None
    index: int | None = None
    folder: int | None = None
    published: bool = False
    start_ms: int | None = None
    stop_ms: int | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One work item as an engine sees it.

    `directory` is an empty folder of this item, which is removed afterwards. `job_id` and `task_id` have the form that
    clients see.
    """

    job_id: str
    task_id: str
    organization_id: int
    target_id: int | None
    engine_id: str
    payload: Any
    inputs: tuple[Chunk, ...]
    folders: tuple[Folder, ...]
    directory: Path
    attempt: int = 1
    timeout_seconds: int = 1800


class PythonEngine(Protocol):
    """An engine whose code runs in a child process."""

    @property
    def spec(self) -> EngineSpec: ...

    def process(self, work: Work) -> list[Output]: ...
