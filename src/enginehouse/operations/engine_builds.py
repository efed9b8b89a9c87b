"""The operations on engine builds of an organization's own engines."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import msgspec

from enginehouse.domain import engine_builds
from enginehouse.domain.engine_builds import DEPLOYED, PENDING, BuildDocument, EngineBuild
from enginehouse.domain.errors import InvalidInput, NotAllowed, NotFound, Problem
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import UuidRef
from enginehouse.operations import bounds, engine_addresses, engines, owned
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.owned import OwnedKind
from enginehouse.operations.permission import is_super_admin, require
from enginehouse.storage import engine_builds as storage
from enginehouse.storage import engines as stored_engines
from enginehouse.storage.database.database import Tx

BUILD: Final = "Build"
KIND: Final = OwnedKind(BUILD, "engine build", by_ids=storage.by_ids, lock=storage.lock, role=Role.ADMIN)


async def get(house: House, principal: Principal, ref: UuidRef) -> EngineBuild:
    """Returns the build. Raises NotFound, also for a foreign one."""
    return await owned.get(house, KIND, principal, ref)


async def get_many(house: House, principal: Principal, ids: Sequence[str]) -> Mapping[str, EngineBuild]:
    """Returns those of the builds that are the organization's own."""
    require(principal, Role.READER)
    return await house.database.read(lambda tx: storage.by_ids(tx, principal.organization_id, sorted(set(ids))))


async def of_engine(house: House, principal: Principal, engine_id: str) -> list[EngineBuild]:
    """Returns the builds of the organization's engine, the newest first. An engine of the server has none."""
    require(principal, Role.READER)
    return await house.database.read(lambda tx: storage.of_engine(tx, principal.organization_id, engine_id))


async def page(
    house: House, principal: Principal, statuses: Sequence[str], *, offset: int, limit: int
) -> list[EngineBuild]:
    """Returns a page of the builds of the organization's engines with these statuses, the newest first."""
    require(principal, Role.READER)
    bounds.page(offset, limit, largest=house.limits.page_size)
    owner = principal.organization_id
    return await house.database.read(lambda tx: storage.page(tx, owner, statuses, offset=offset, limit=limit))


@trail.mutation("createEngineBuild", BUILD)
async def create(
    house: House,
    principal: Principal,
    engine_id: str,
    document: BuildDocument,
    known_problems: Sequence[Problem] = (),
) -> EngineBuild:
    """Creates the next version of the organization's engine. Raises NotAllowed, InvalidInput."""
    require(principal, Role.ADMIN)
    known = await _engine(house, principal, engine_id)
    faults = engine_addresses.manifest_problems(house, principal, document.manifest)
    bounds.refuse(_problems(document) + faults, known_problems)

    async def make(tx: Tx) -> EngineBuild:
        if await stored_engines.lock(tx, principal.organization_id, known) is None:
            raise NotFound("Engine", engine_id, path="engineId")
        stored = msgspec.structs.replace(document, created_by=principal.user_id, modified_by=principal.user_id)
        return await storage.insert(tx, principal.organization_id, known, str(uuid4()), PENDING, stored)

    return await owned.create(house, KIND, principal, "createEngineBuild", make)


@trail.mutation("updateEngineBuild", BUILD, names="ref")
async def update(
    house: House, principal: Principal, ref: UuidRef, engine_id: str, action: str, docker_image: str | None = None
) -> EngineBuild:
    """Does the action, which leads to another status. A deployed build pauses the one that was deployed before.

    Raises NotAllowed, NotFound, and InvalidInput for an action that its status does not allow.
    """
    require(principal, Role.ADMIN)
    known = await _engine(house, principal, engine_id)
    bounds.refuse(_problems(BuildDocument(docker_image=docker_image)))

    async def change(tx: Tx, old: EngineBuild) -> EngineBuild:
        new = await _acted(tx, old, known, action, docker_image, principal.user_id, ref)
        if new.status == DEPLOYED:
            bounds.refuse(engine_addresses.manifest_problems(house, principal, new.document.manifest))
            await _use_manifest(tx, principal, new)
        return new

    changed = await owned.change(house, KIND, principal, "updateEngineBuild", ref, change)
    if changed.status == DEPLOYED:
        await engines.refresh(house)
        house.waiting()
    return changed


@trail.mutation("deleteEngineBuild", BUILD, names="ref")
async def delete(house: House, principal: Principal, ref: UuidRef, engine_id: str) -> EngineBuild:
    """Deletes the build, which stays in lists of deleted ones. Raises as `update`."""
    require(principal, Role.ADMIN)
    known = await _engine(house, principal, engine_id)

    def change(tx: Tx, old: EngineBuild) -> Awaitable[EngineBuild]:
        return _acted(tx, old, known, "delete", None, principal.user_id, ref)

    return await owned.change(house, KIND, principal, "deleteEngineBuild", ref, change)


async def _engine(house: House, principal: Principal, engine_id: str) -> str:
    """Returns the id of the organization's own engine."""
    engine = engines.find(house, principal, engine_id)
    if engine is None:
        raise NotFound("Engine", engine_id, path="engineId")
    if engine.organization_id is None:
        raise NotAllowed("This engine belongs to the server; it has no builds.")
    return engine.id


async def _acted(
    tx: Tx, old: EngineBuild, engine_id: str, action: str, docker_image: str | None, author: str | None, ref: UuidRef
) -> EngineBuild:
    if old.engine_id != engine_id:
        raise NotFound(BUILD, ref.text)
    status = engine_builds.after(old.status, action)
    if status is None:
        allowed = engine_builds.actions(old.status)
        now = f"now it allows {', '.join(allowed)}" if allowed else "it allows no action"
        raise InvalidInput([Problem("action", f"{action} is not possible: the build is {old.status}; {now}.", action)])
    known: dict[str, Any] = {"modified_by": author} | ({} if docker_image is None else {"docker_image": docker_image})
    new = old._replace(status=status, document=msgspec.structs.replace(old.document, **known), modified_at=tx.now)
    await storage.put(tx, new)
    if status == DEPLOYED:
        await storage.pause_others(tx, new)
    return new


async def _use_manifest(tx: Tx, principal: Principal, build: EngineBuild) -> None:
    """The engine answers where the manifest of its deployed build says, if it says so."""
    engine = await stored_engines.lock(tx, principal.organization_id, build.engine_id)
    if engine is None:
        return
    new = engine_addresses.with_manifest(engine, build.document.manifest, private=is_super_admin(principal))
    if new != engine:
        await stored_engines.put(tx, new)


def deployed(builds: Sequence[EngineBuild]) -> EngineBuild | None:
    """Returns the deployed one of an engine's builds."""
    return next((build for build in builds if build.status == DEPLOYED), None)


def _problems(document: BuildDocument) -> list[Problem]:
    problems = bounds.text("dockerImage", document.docker_image)
    return problems + bounds.json("manifest", document.manifest) + bounds.json("taskRuntime", document.runtime)
