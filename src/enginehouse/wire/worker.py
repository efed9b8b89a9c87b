"""The bodies of `/api/v1/instances`, version 1: a worker registers, waits for work, takes it, and reports.

A field that is added later has a default, and an unknown one is ignored. So a worker and a server of different minor
versions understand each other. Whatever else changes makes another version.
"""

from typing import Any, Final

import msgspec
from msgspec import structs

from enginehouse.domain.engine import EngineAddress, EngineKind, EngineMode, EngineSpec
from enginehouse.domain.engine_health import HealthEvent
from enginehouse.domain.resources import Resources
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Done, Failed, NewArtifact, Outcome, Postponed, Report
from enginehouse.wire.casing import spelled
from enginehouse.wire.work import WorkBody, lease_name

VERSION: Final = 1
LONGEST_WAIT: Final = 20.0  # seconds of one request that waits for work
POOLS: Final = tuple(kind.value for kind in EngineKind)  # that a worker may have
CONTENT_DIGEST: Final = "content-digest"  # RFC 9530; of an output that is uploaded


class ResourcesBody(msgspec.Struct, rename=spelled, frozen=True, kw_only=True, omit_defaults=True):
    """What a machine has or an engine takes: the fields of `Resources`."""

    cpus: float = 0.0
    gpus: float = 0.0
    memory_mb: int = 0
    labels: dict[str, float] = {}

    @classmethod
    def of(cls, resources: Resources) -> "ResourcesBody":
        return cls(**structs.asdict(resources))

    def resources(self) -> Resources:
        return Resources(**structs.asdict(self))


class EngineDeclaration(msgspec.Struct, rename=spelled, frozen=True, kw_only=True, omit_defaults=True):
    """An engine as a worker declares it: the fields of `EngineSpec`."""

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
    aliases: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    timeout_seconds: int = 1800
    memory_mb: int = 1024
    disk_mb: int = 4096
    network: bool = False
    resources: ResourcesBody = ResourcesBody()
    task_type: str | None = None
    entry_point: str | None = None
    manifest: dict[str, Any] = {}

    @classmethod
    def of(cls, spec: EngineSpec) -> "EngineDeclaration":
        same = {name: getattr(spec, name) for name in cls.__struct_fields__}
        return cls(**same | {"resources": ResourcesBody.of(spec.resources)})

    def spec(self) -> EngineSpec:
        return EngineSpec(**structs.asdict(self) | {"resources": self.resources.resources()})


class AddressOfEngine(msgspec.Struct, rename=spelled, frozen=True, kw_only=True):
    """Where an engine over HTTP answers: the fields of `EngineAddress`."""

    url: str
    ready: str
    process: str
    private: bool


class HttpEngineBody(msgspec.Struct, rename=spelled, frozen=True, kw_only=True):
    """An engine over HTTP. `onTrial`: it gets one call, which decides whether it is available."""

    engine: EngineDeclaration
    address: AddressOfEngine
    on_trial: bool = False

    @classmethod
    def of(cls, spec: EngineSpec, *, on_trial: bool) -> "HttpEngineBody":
        at = spec.address or EngineAddress(url="")
        return cls(engine=EngineDeclaration.of(spec), address=AddressOfEngine(**structs.asdict(at)), on_trial=on_trial)

    def spec(self) -> EngineSpec:
        return structs.replace(self.engine.spec(), address=EngineAddress(**structs.asdict(self.address)))


class ProbesBody(msgspec.Struct, rename=spelled, frozen=True, kw_only=True):
    """The engines that the worker probes now, and the seconds until it should look again."""

    engines: list[HttpEngineBody]
    seconds: float


class HealthBody(msgspec.Struct, rename=spelled, frozen=True, kw_only=True, omit_defaults=True):
    """What a worker has learned about an engine over HTTP. `probed`: a probe has found it, not a call."""

    event: HealthEvent
    reason: str | None = None
    probed: bool = False


class CallBody(msgspec.Struct, rename=spelled, frozen=True, kw_only=True, omit_defaults=True):
    """What an engine over HTTP is told besides its work: a token for the task, and the organization's application.

    `poll` is the payload with which a polling engine asked to be called again. `traceparent`: the span of the attempt,
    if the server records spans.
    """

    token: str
    application_id: str | None = None
    poll: Any = None
    traceparent: str | None = None


class InfoBody(msgspec.Struct, rename=spelled, frozen=True, kw_only=True):
    """What an engine says of its work while it runs."""

    info: Any


class Registration(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """A worker that starts. `slots`: its worker slots by pool. `version` is that of its program.

    `elastic`: what its machines have may change, so it takes work for all its engines, and says of which it cannot.
    """

    wire_version: int
    version: str = ""
    name: str
    slots: dict[str, int]
    resources: ResourcesBody = ResourcesBody()
    engines: list[EngineDeclaration] = []
    elastic: bool = False


class Registered(msgspec.Struct, rename=spelled, kw_only=True):
    """The worker is known under `name`, and takes work for `engineIDs`. The server does not know `unknownEngineIDs`."""

    instance_id: str
    name: str
    wire_version: int
    lease_seconds: float
    engine_ids: list[str]
    unknown_engine_ids: list[str]


class FailureBody(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """Why an attempt has no result. `retryAfter`: seconds before another try makes sense."""

    reason: FailureKind
    message: str = ""
    is_final: bool = False
    retry_after: float | None = None


class PostponedBody(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """The engine asked to be called again after so many seconds, with this payload; without one, with the same."""

    seconds: float
    payload: Any = None


class OutputBody(msgspec.Struct, rename=spelled, frozen=True, kw_only=True, omit_defaults=True):
    """An output that was uploaded before, in one place where it is visible. `key` is what the upload answered."""

    folder: int
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


class ReportBody(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """How the attempt under `lease` has ended: with a failure, with a wish for another call, or with these outputs."""

    lease: str
    failure: FailureBody | None = None
    postponed: PostponedBody | None = None
    outputs: list[OutputBody] = []

    @classmethod
    def of(cls, report: Report) -> "ReportBody":
        lease = lease_name(report.key, report.token)
        match report.outcome:
            case Done(outputs):
                return cls(lease=lease, outputs=[OutputBody(**structs.asdict(each)) for each in outputs])
            case Failed(kind, message, is_final, retry_after):
                failure = FailureBody(reason=kind, message=message, is_final=is_final, retry_after=retry_after)
                return cls(lease=lease, failure=failure)
            case Postponed(seconds, payload):
                again = PostponedBody(seconds=seconds, payload=payload and msgspec.json.decode(payload))
                return cls(lease=lease, postponed=again)

    def outcome(self) -> Outcome:
        if self.failure is not None:
            why = self.failure
            return Failed(why.reason, why.message, why.is_final, why.retry_after)
        if self.postponed is not None:
            payload = self.postponed.payload
            return Postponed(self.postponed.seconds, None if payload is None else msgspec.json.encode(payload).decode())
        return Done(tuple(NewArtifact(**structs.asdict(each)) for each in self.outputs))


class ExchangeBody(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """What a worker says at once: ended attempts, leases to prolong, engines that got a stop signal, and free slots.

    `claims`: how many items it takes now, by pool. `full`: pools without a free slot. `free`: what no engine takes of
    its machine. `most`: engines of which it takes fewer items. `resources`: what its machines have, where that changes.
    `unable`: the engines that it cannot start now, by the sentence that says why. With `isComplete` it has no lease but
    those in `held` and `reports`; the server takes back any other, which an answer that was lost has named.
    """

    reports: list[ReportBody] = []
    held: list[str] = []
    signalled: list[str] = []
    claims: dict[str, int] = {}
    full: list[str] = []
    free: ResourcesBody | None = None
    most: dict[str, int] = {}
    resources: ResourcesBody | None = None
    unable: dict[str, list[str]] = {}
    is_complete: bool = False


class AnswerBody(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """What became of a report: accepted, stale, or refused with a sentence."""

    lease: str
    status: str
    message: str | None = None


class ProlongedLease(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """A lease that was prolonged. `stop`: its job was cancelled, and its engine must end."""

    lease: str
    stop: bool = False


class Exchanged(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """`ready`: the pools for which there is more work. A lease that is missing in `held` is lost."""

    answers: list[AnswerBody] = []
    held: list[ProlongedLease] = []
    work: list[WorkBody] = []
    ready: list[str] = []


class Wait(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """The pools for which the worker waits, and how many seconds at most. `free`, `most`: as in an exchange."""

    pools: list[str] = []
    seconds: float = LONGEST_WAIT
    free: ResourcesBody | None = None
    most: dict[str, int] = {}


class Waited(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """The pools with work. `stop`: a lease of the worker may have to stop, so it should prolong them now."""

    ready: list[str] = []
    stop: bool = False


DIRECT: Final = "x-enginehouse-direct"  # the header of a worker that follows an address at the store
STORE_AWAY: Final = "x-enginehouse-store-away"  # the header of a refusal because the store of the bytes is away


class UploadBody(msgspec.Struct, rename=spelled, kw_only=True):
    """An output that a worker wants to put directly at the store of the bytes."""

    size: int
    sha256: str
    md5: str


class AddressBody(msgspec.Struct, rename=spelled, kw_only=True):
    """Where the bytes go with one PUT, null for to the server."""

    address: str | None


class Demand(msgspec.Struct, rename=spelled, kw_only=True):
    """How many items of each engine of the worker could start now, if it had room for them."""

    items: dict[str, int]


class UploadedBody(msgspec.Struct, rename=spelled, kw_only=True):
    """An uploaded output: durable, and visible when a report names it."""

    key: str
    size: int
    sha256: str
    md5: str


class LogEnd(msgspec.Struct, rename=spelled, kw_only=True):
    """Where the log of an attempt ends."""

    offset: int
