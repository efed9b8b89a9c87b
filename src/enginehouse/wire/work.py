"""A leased item on its way to a worker, with what it reads."""

from typing import Any, Final

import msgspec

from enginehouse.domain.artifact import Artifact, Asset
from enginehouse.domain.job import Folder, Plan, Route, TaskPlan
from enginehouse.domain.work import ItemKey, ItemSource, Lease
from enginehouse.wire.casing import spelled

_PARTS: Final = 4  # of the name of a lease, or of an output


class InputBody(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """An output of the job that can be read. `folder`: that of the input in which it arrives; -1 outside of inputs."""

    artifact_id: str
    url: str
    ordinal: int
    folder: int
    item: int
    part: int
    index: int
    name: str
    media_type: str
    size: int
    sha256: str
    start_ms: int | None = None
    stop_ms: int | None = None
    metadata: dict[str, Any] | None = None

    @classmethod
    def of(cls, artifact: Artifact, folder: int, base: str) -> "InputBody":
        name = artifact_name(artifact)
        return cls(
            artifact_id=name,
            url=f"{base}/artifacts/{name}",
            ordinal=artifact.ordinal,
            folder=folder,
            item=artifact.item,
            part=artifact.part,
            index=artifact.index,
            name=artifact.name,
            media_type=artifact.media_type,
            size=artifact.size,
            sha256=artifact.sha256,
            start_ms=artifact.start_ms,
            stop_ms=artifact.stop_ms,
            metadata=artifact.metadata,
        )

    def artifact(self, job_id: int) -> Artifact:
        """Returns the artifact. Its key is the address of the bytes at the server."""
        return Artifact(
            job_id=job_id,
            ordinal=self.ordinal,
            folder=self.folder,
            item=self.item,
            part=self.part,
            index=self.index,
            name=self.name,
            media_type=self.media_type,
            size=self.size,
            sha256=self.sha256,
            key=self.url,
            start_ms=self.start_ms,
            stop_ms=self.stop_ms,
            metadata=self.metadata,
        )


class TaskBody(msgspec.Struct, rename=spelled, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The part of a task that its attempts need."""

    payload: Any = None
    folders: tuple[Folder, ...] = ()
    timeout_seconds: int | None = None


class WorkBody(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """A leased item. Of the job's plan it has its own task, and the engines of the tasks whose outputs it reads.

    `lease` names the item and its fencing token. `leaseUntil` is µs of the server's storage clock, for people: nothing
    depends on a worker's clock.
    """

    lease: str
    lease_until: int
    organization_id: int
    engine_id: str
    attempt: int
    source: ItemSource
    task: TaskBody
    routes: list[Route] = []
    parents: dict[int, str] = {}
    target_id: int | None = None
    inputs: list[InputBody] = []

    @classmethod
    def of(cls, lease: Lease, inputs: list[InputBody]) -> "WorkBody":
        plan, ordinal = lease.plan, lease.key.ordinal
        task = plan.tasks[ordinal]
        routes = [route for route in plan.routes if route.child == ordinal]
        return cls(
            lease=lease_name(lease.key, lease.token),
            lease_until=lease.until,
            organization_id=lease.organization_id,
            engine_id=lease.engine_id,
            attempt=lease.attempt,
            source=lease.source,
            task=TaskBody(payload=task.payload, folders=task.folders, timeout_seconds=task.timeout_seconds),
            routes=routes,
            parents={each.ordinal: plan.tasks[each.ordinal].engine_id for each in inputs},
            target_id=lease.target_id,
            inputs=inputs,
        )

    def to_lease(self) -> Lease:
        """Returns the lease, with a plan in which every other task is empty."""
        key, token = parse_lease(self.lease)
        own = self.task
        task = TaskPlan(
            engine_id=self.engine_id, payload=own.payload, folders=own.folders, timeout_seconds=own.timeout_seconds
        )
        tasks = [TaskPlan(engine_id="")] * (max((key.ordinal, *self.parents)) + 1)
        for ordinal, engine_id in self.parents.items():
            tasks[ordinal] = TaskPlan(engine_id=engine_id)
        tasks[key.ordinal] = task
        return Lease(
            key=key,
            token=token,
            until=self.lease_until,
            organization_id=self.organization_id,
            engine_id=self.engine_id,
            attempt=self.attempt,
            source=self.source,
            plan=Plan(tasks=tuple(tasks), routes=tuple(self.routes)),
            target_id=self.target_id,
        )


class AssetBody(msgspec.Struct, rename=spelled, kw_only=True, omit_defaults=True):
    """An asset of the job's target. `url`: where its bytes are on this server; `uri`: where they are elsewhere."""

    asset_id: str
    target_id: int
    content_type: str
    asset_type: str
    name: str | None = None
    url: str | None = None
    uri: str | None = None
    size: int | None = None
    sha256: str | None = None

    @classmethod
    def of(cls, asset: Asset, base: str) -> "AssetBody":
        return cls(
            asset_id=asset.id,
            target_id=asset.target_id,
            content_type=asset.content_type,
            asset_type=asset.asset_type,
            name=asset.name,
            url=None if asset.key is None else f"{base}/primary-asset/content",
            uri=asset.uri,
            size=asset.size,
            sha256=asset.sha256,
        )

    def asset(self, organization_id: int) -> Asset:
        """Returns the asset. Its key is the address of the bytes at the server."""
        return Asset(
            id=self.asset_id,
            target_id=self.target_id,
            organization_id=organization_id,
            asset_type=self.asset_type,
            content_type=self.content_type,
            name=self.name,
            description=None,
            uri=self.uri,
            key=self.url,
            size=self.size,
            sha256=self.sha256,
            md5=None,
            is_primary=True,
            job_id=None,
            ordinal=None,
            engine_id=None,
            details=None,
            created_at=0,
            modified_at=0,
        )


def lease_name(key: ItemKey, token: int) -> str:
    """Returns the name of one lease of an item."""
    return ".".join(map(str, (*key, token)))


def parse_lease(name: str) -> tuple[ItemKey, int]:
    """Returns the item and the token that the name has. Raises ValueError."""
    job_id, ordinal, item, token = _numbers(name)
    return ItemKey(job_id, ordinal, item), token


def artifact_name(artifact: Artifact) -> str:
    """Returns the name of an output within its job."""
    return ".".join(map(str, (artifact.ordinal, artifact.folder, artifact.item, artifact.part)))


def parse_artifact(name: str) -> tuple[int, int, int, int]:
    """Returns (ordinal, folder, item, part). Raises ValueError."""
    ordinal, folder, item, part = _numbers(name)
    return ordinal, folder, item, part


def _numbers(name: str) -> tuple[int, ...]:
    numbers = tuple(int(part) for part in name.split(".") if part.lstrip("-").isdecimal() and len(part) < 20)
    if len(numbers) != _PARTS or name.count(".") != _PARTS - 1 or not name.isascii():
        raise ValueError(f"four numbers with points between them, got {name[:80]!a}")
    return numbers
