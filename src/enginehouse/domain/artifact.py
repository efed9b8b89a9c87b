"""The outputs of tasks and the assets of targets: bytes with a name, a size and a digest."""

import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

from enginehouse.domain.documents import is_json

PUBLISHED = -1  # the folder number of an output that becomes the job's result and is not routed on
_PUSHED: Final = -2  # and below: what was pushed into an input folder
MAX_OUTPUTS: Final = 10_000  # of one item
_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+*-]+( *; *[ -~]*)?")
_LONGEST_MEDIA_TYPE: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One output of one task: keyed (job, task, folder, item, part); immutable once visible.

    `index` orders chunks in their media; `key` is where the store keeps the bytes; `start_ms`/`stop_ms` place a chunk
    in its media. `folder` is PUBLISHED for a job output. `bytes_deleted_at`: since then (µs UTC) the bytes are gone.
    """

    job_id: int
    ordinal: int
    folder: int
    item: int
    part: int
    index: int
    name: str
    media_type: str
    size: int
    sha256: str
    key: str
    start_ms: int | None = None
    stop_ms: int | None = None
    metadata: dict[str, Any] | None = None
    created_at: int = 0
    bytes_deleted_at: int | None = None


class OutputPlace(NamedTuple):
    """The place of an output among those of its task."""

    folder: int
    item: int
    part: int


FIRST_PLACE: Final = OutputPlace(PUBLISHED - 1, 0, 0)  # before every output


class FilledFolder(NamedTuple):
    """An output folder that holds something: how many outputs, and the times (µs UTC) of the first and the last."""

    outputs: int
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A temporal data object: the object that assets and jobs belong to. Times in µs UTC."""

    id: int
    organization_id: int
    name: str | None
    description: str | None
    status: str
    start_at: int
    stop_at: int
    is_public: bool
    details: Any
    echo: dict[str, Any]
    created_by: str | None
    created_at: int
    modified_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file of a target, or a reference to one elsewhere (`uri`)."""

    id: str
    target_id: int
    organization_id: int
    asset_type: str
    content_type: str
    name: str | None
    description: str | None
    uri: str | None
    key: str | None
    size: int | None
    sha256: str | None
    md5: str | None
    is_primary: bool
    job_id: int | None
    ordinal: int | None
    engine_id: str | None
    details: Any
    created_at: int
    modified_at: int
    echo: dict[str, Any] = field(default_factory=dict)


TargetOrder = Literal["start_at", "stop_at", "created_at", "modified_at"]


class TargetFilter(NamedTuple):
    """One page of targets. `within` are ranges of times: the column, and its first and last moment (µs)."""

    id: int | None = None
    source_id: int | None = None
    scheduled_job_id: int | None = None
    within: tuple[tuple[TargetOrder, int, int], ...] = ()
    include_public: bool = False
    order_by: TargetOrder = "start_at"
    descending: bool = True
    offset: int = 0
    limit: int = 30


AssetOrder = Literal["created_at", "asset_type", "content_type"]


class AssetFilter(NamedTuple):
    """One page of the assets of a target. No types: of every type. `task` is the job and the ordinal that made them."""

    types: tuple[str, ...] = ()
    id: str | None = None
    task: tuple[int, int] | None = None
    order_by: AssetOrder = "created_at"
    descending: bool = True
    offset: int = 0
    limit: int = 30


def pushed_folder(position: int) -> int:
    """Returns the folder number of what is pushed into the input folder at this position of its task."""
    return _PUSHED - position


def is_pushed(folder: int) -> bool:
    """Returns True for the folder number of pushed content."""
    return folder <= _PUSHED


def result_type(media_type: str) -> str:
    """Returns the asset type of an engine's result (graphql-contract §2.6)."""
    if is_json(media_type):
        return "vtn-standard"
    match media_type.partition("/")[0].lower():
        case "text":
            return "text"
        case "audio" | "video":
            return "media"
        case _:
            return "x-output"


def is_media_type(text: str) -> bool:
    """Returns True if the text can be sent as a Content-Type: one line of ASCII, `type/subtype` and parameters."""
    return len(text) <= _LONGEST_MEDIA_TYPE and _MEDIA_TYPE.fullmatch(text) is not None


def attempt_folder(organization_id: int, job_id: int, ordinal: int) -> str:
    """Returns the store's folder for all files of a task."""
    return f"jobs/{organization_id}/{job_id}/{ordinal}"


def log_key(organization_id: int, job_id: int, ordinal: int, item: int, attempt: int) -> str:
    """Returns the store's key for the log of one attempt."""
    return f"{attempt_folder(organization_id, job_id, ordinal)}/logs/{item:06d}-{attempt:03d}.log"
