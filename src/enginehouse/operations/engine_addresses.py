"""Adds and removes engines over HTTP, and finds the address that a manifest names.

An operator's engine may have a private address, because an operator knows the network of the server. The address of an
organization's administrator may not, unless the server allows private addresses to everybody.
"""

import re
from collections.abc import Sequence
from typing import Any, Final
from uuid import uuid4

import msgspec
from msgspec import structs

from enginehouse.domain import ids
from enginehouse.domain.artifact import is_media_type
from enginehouse.domain.engine import (
    Engine,
    EngineAddress,
    EngineCategory,
    EngineDetails,
    EngineKind,
    EngineMode,
    EngineSpec,
)
from enginehouse.domain.engine_health import HEALTHY, EngineHealth
from enginehouse.domain.errors import Problem, excerpt
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.resources import Resources
from enginehouse.engines.native.categories import OTHER
from enginehouse.operations import bounds, engine_categories, engine_health, engines
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.limits import LARGEST_LIMIT
from enginehouse.operations.permission import is_super_admin, require, require_super_admin
from enginehouse.operations.references import not_found
from enginehouse.outgoing.send import url_fault
from enginehouse.storage import engine_categories as stored_categories
from enginehouse.storage import engines as storage
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx

ENGINE: Final = "Engine"
_LONGEST_URL: Final = 2048
_LONGEST_PATH: Final = 512
_MOST_NEEDS: Final = 20
_LABEL: Final = re.compile(r"[A-Za-z0-9._-]{1,60}")  # as in --label of a worker
_MOST_TYPES: Final = 100
_PATH: Final = re.compile(r"/[!-~]*")
_ANY: Final = ("*/*",)


class NewHttpEngine(msgspec.Struct, frozen=True, kw_only=True):
    """An engine over HTTP to add. `category` is a name or an id; `public`: for every organization.

    `needs`: the labels that a machine must have to call it, with what a call takes of them.
    """

    name: str | None = None
    url: str | None = None
    ready: str = "/ready"
    process: str = "/process"
    category: str | None = None
    description: str | None = None
    concurrency: int = 1
    mode: EngineMode = EngineMode.CHUNK
    inputs: tuple[str, ...] | None = None
    public: bool = False
    needs: dict[str, float] = {}


@trail.mutation("createEngine", ENGINE)
async def add(
    house: House, principal: Principal, request: NewHttpEngine, known_problems: Sequence[Problem] = ()
) -> Engine:
    """Adds an engine over HTTP, which may get work at once. Raises NotAllowed, InvalidInput with all problems."""
    require(principal, Role.ADMIN)
    if request.public:
        require_super_admin(principal)
    private = is_super_admin(principal)
    categories = await engine_categories.list_(house, principal)
    category = _category(categories, request.category)
    problems = _problems(house, request, private=private)
    if category is None:
        problems.append(not_found("category", request.category or "", ids.UUID_FORM))
    bounds.refuse(problems, known_problems)
    entry = trail.entry(principal, "createEngine", object_type=ENGINE)
    spec = EngineSpec(
        id=str(uuid4()),
        name=request.name or "",
        description=request.description or "",
        category_id="" if category is None else category.id,
        kind=EngineKind.HTTP,
        mode=request.mode,
        inputs=_inputs(request.inputs, request.mode),
        outputs=("application/json",),
        resources=Resources(labels=dict(request.needs)),
        address=EngineAddress(
            url=(request.url or "").strip(), ready=request.ready, process=request.process, private=private
        ),
    )

    async def make(tx: Tx) -> Engine:
        await stored_categories.lock(tx, principal.organization_id, spec.category_id)  # it must not be deleted now
        if spec.category_id not in await stored_categories.by_ids(tx, principal.organization_id, [spec.category_id]):
            bounds.refuse([not_found("category", spec.category_id, ids.UUID_FORM)])
        made = Engine(
            spec=spec,
            organization_id=None if request.public else principal.organization_id,
            state="active",
            created_at=tx.now,
            modified_at=tx.now,
            running_limit=request.concurrency,
            details=EngineDetails(created_by=principal.user_id),
        )
        await storage.insert(tx, made)
        await entries.record(tx, [entry.about(made.id)])
        return made

    made = await house.database.write(make)
    await engines.refresh(house)
    return made


async def get(house: House, principal: Principal, name: str) -> tuple[Engine, EngineHealth]:
    """Returns the engine and its health. Who does not administer it sees no address. Raises NotFound."""
    engine = await engines.get(house, principal, name)
    health = (await engine_health.unavailable(house, principal)).get(engine.id, HEALTHY)
    if not administers(principal, engine):
        engine = structs.replace(engine, spec=structs.replace(engine.spec, address=None))
    return engine, health


def administers(principal: Principal, engine: Engine) -> bool:
    """True if the caller may change the engine."""
    if engine.organization_id is None:
        return is_super_admin(principal)
    return principal.role is Role.ADMIN and engine.organization_id == principal.organization_id


def with_manifest(engine: Engine, manifest: Any, *, private: bool) -> Engine:
    """Returns the engine with the address, mode and formats of a manifest; without a `url` in it, unchanged.

    At first as many calls run at once as the manifest says (`maxConcurrency`), one if it does not say.
    """
    if not isinstance(manifest, dict) or not manifest.get("url"):
        return engine
    spec = engine.spec
    word = manifest.get("engineMode")
    mode = EngineMode(word) if word in set(EngineMode) else spec.mode
    formats = manifest.get("supportedInputFormats")
    known = [one for one in formats if isinstance(one, str)] if isinstance(formats, list) else []
    old = spec.address or EngineAddress(url="")
    spec = structs.replace(
        spec,
        address=structs.replace(old, url=manifest["url"].strip(), private=private),
        mode=mode,
        inputs=_inputs(tuple(known) or None, mode),
    )
    most = manifest.get("maxConcurrency")
    is_limit = isinstance(most, int) and not isinstance(most, bool) and 1 <= most <= LARGEST_LIMIT
    limit = engine.running_limit or (most if is_limit else 1)
    return structs.replace(engine, spec=spec, running_limit=limit)


def manifest_problems(house: House, principal: Principal, manifest: Any) -> list[Problem]:
    """Returns what is wrong with the `url` of a manifest, if it has one."""
    if not isinstance(manifest, dict) or not manifest.get("url"):
        return []
    url = manifest["url"]
    if not isinstance(url, str):
        return [Problem("manifest.url", f"a text, got {excerpt(url)}.")]
    return _url_problems(house, "manifest.url", url, private=is_super_admin(principal))


def _problems(house: House, request: NewHttpEngine, *, private: bool) -> list[Problem]:
    problems = bounds.text("name", request.name, longest=bounds.LONGEST_NAME, required=True)
    problems += bounds.text("description", request.description)
    if not request.url or not request.url.strip():
        problems.append(Problem("url", "must be given."))
    else:
        problems += _url_problems(house, "url", request.url, private=private)
    for field, path in (("ready", request.ready), ("process", request.process)):
        if len(path) > _LONGEST_PATH or not _PATH.fullmatch(path):
            text = f"a path that begins with / and has at most {_LONGEST_PATH} visible characters, got {excerpt(path)}."
            problems.append(Problem(field, text, excerpt(path), "/…"))
    if not 1 <= request.concurrency <= LARGEST_LIMIT:
        given = str(request.concurrency)
        problems.append(Problem("concurrency", f"1–{LARGEST_LIMIT}, got {given}.", given, f"1–{LARGEST_LIMIT}"))
    if len(request.needs) > _MOST_NEEDS:
        problems.append(Problem("needs", f"at most {_MOST_NEEDS}, got {len(request.needs)}.", str(len(request.needs))))
    problems += [
        Problem(f"needs.{excerpt(name)}", f"a name like speech, and a number over 0, got {amount:g}.", f"{amount:g}")
        for name, amount in request.needs.items()
        if not (_LABEL.fullmatch(name) and 0 < amount <= LARGEST_LIMIT)
    ]
    inputs = request.inputs or ()
    if len(inputs) > _MOST_TYPES:
        problems.append(Problem("inputs", f"at most {_MOST_TYPES}, got {len(inputs)}.", str(len(inputs))))
    problems += [
        Problem(f"inputs[{number}]", f"a media type like text/plain or audio/*, got {excerpt(one)}.", excerpt(one))
        for number, one in enumerate(inputs[:_MOST_TYPES])
        if not is_media_type(one.replace("*/*", "any/*"))
    ]
    return problems


def _url_problems(house: House, path: str, url: str, *, private: bool) -> list[Problem]:
    given = url.strip()
    fault = None
    if len(given) > _LONGEST_URL:
        fault = f"at most {_LONGEST_URL} characters, has {len(given)}."
    elif not bounds.storable(given):
        fault = "must not contain a NUL character or half of a surrogate pair."
    elif "?" in given or "#" in given:
        fault = "must have no query and no fragment: the paths of ready and process come after it."
    else:
        fault = url_fault(given, allow_private=private or house.limits.private_urls)
        if fault is not None and url_fault(given, allow_private=True) is None:
            fault += " Only an operator (a super administrator) registers an engine with a private address."
    return [] if fault is None else [Problem(path, fault, excerpt(given), "http://host:port or https://host")]


def _category(categories: Sequence[EngineCategory], name: str | None) -> EngineCategory | None:
    wanted = (name or OTHER.id).casefold()
    return next((one for one in categories if wanted in {one.id.casefold(), one.name.casefold()}), None)


def _inputs(given: tuple[str, ...] | None, mode: EngineMode) -> tuple[str, ...]:
    """Returns the formats that the engine takes. A batch engine works on its payload alone, unless it names some."""
    if given:
        return given
    return () if mode is EngineMode.BATCH else _ANY
