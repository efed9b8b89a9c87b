"""Creates, changes, enables, disables and deletes engines. An organization's own engine is only for itself."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from uuid import uuid4

from msgspec import structs

from enginehouse.domain import handlebars, ids
from enginehouse.domain.engine import Engine, EngineDetails, EngineKind, EngineMode, EngineRequest, EngineSpec
from enginehouse.domain.errors import NotAllowed, NotFound, Problem, excerpt
from enginehouse.domain.identity import Principal, Role
from enginehouse.operations import bounds, engine_addresses, engines
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.permission import is_super_admin, require
from enginehouse.operations.references import not_found
from enginehouse.storage import engine_categories, limits
from enginehouse.storage import engines as storage
from enginehouse.storage.audit import entries
from enginehouse.storage.database import barrier_lock
from enginehouse.storage.database.database import Tx

ENGINE: Final = "Engine"
_DECLARED: Final = ("name", "description", "category_id", "mode", "manifest")
_MOST: Final = 100  # fields, use cases and industries
_LARGEST_PRICE: Final = 2**31 - 1


@trail.mutation("createEngine", ENGINE)
async def create(
    house: House, principal: Principal, request: EngineRequest, known_problems: Sequence[Problem] = ()
) -> Engine:
    """Creates an engine of the organization. Until its manifest or its deployed build names a `url`, its tasks wait.

    Raises NotAllowed, InvalidInput with all problems.
    """
    require(principal, Role.ADMIN)
    entry = trail.entry(principal, "createEngine", object_type=ENGINE)
    author = principal.user_id

    async def make(tx: Tx) -> Engine:
        found = [*known_problems, *engine_addresses.manifest_problems(house, principal, request.manifest)]
        await _check(tx, principal, request, found, new=True)
        spec = EngineSpec(
            id=str(uuid4()),
            name=request.name or "",
            category_id=request.category_id or "",
            kind=EngineKind.HTTP,
            mode=EngineMode.CHUNK,
        )
        new = Engine(
            spec=spec,
            organization_id=principal.organization_id,
            state="active",
            created_at=tx.now,
            modified_at=tx.now,
            details=EngineDetails(created_by=author),
        )
        made = engine_addresses.with_manifest(
            _changed(new, request, author), request.manifest, private=is_super_admin(principal)
        )
        await storage.insert(tx, made)
        await entries.record(tx, [entry.about(made.id)])
        return made

    made = await house.database.write(make)
    await engines.refresh(house)
    return made


@trail.mutation("updateEngine", ENGINE, names="name")
async def update(
    house: House,
    principal: Principal,
    name: str,
    request: EngineRequest,
    known_problems: Sequence[Problem] = (),
    *,
    check: Callable[[Engine], list[Problem]] = lambda engine: [],
) -> Engine:
    """Updates the fields that the request sets. Of an engine of the server a super administrator sets the templates.

    `check` returns further problems of the request for this engine.

    Raises NotFound, NotAllowed, InvalidInput with all problems.
    """

    async def change(tx: Tx, old: Engine) -> Engine:
        found = [*known_problems, *check(old)]
        found += engine_addresses.manifest_problems(house, principal, request.manifest)
        await _check(tx, principal, request, found, shared=old.organization_id is None)
        changed = _changed(old, request, principal.user_id)
        changed = engine_addresses.with_manifest(changed, request.manifest, private=is_super_admin(principal))
        new = structs.replace(changed, modified_at=tx.now)
        await storage.put(tx, new)
        return new

    return await _change(house, principal, name, "updateEngine", change)


@trail.mutation("engineWorkflow", ENGINE, names="name")
async def set_state(house: House, principal: Principal, name: str, *, enabled: bool) -> Engine:
    """Enables the engine, or disables it: running tasks go on, and nothing more of it starts.

    Raises NotFound, NotAllowed.
    """
    state = "active" if enabled else "disabled"

    async def change(tx: Tx, old: Engine) -> Engine:
        await limits.set_engine_state(tx, principal.organization_id, old.id, was=old.state, state=state)
        return structs.replace(old, state=state)

    return await _change(house, principal, name, "engineWorkflow", change, stops=True)


@trail.mutation("deleteEngine", ENGINE, names="name")
async def delete(house: House, principal: Principal, name: str) -> Engine:
    """Deletes the organization's engine: nobody can name it any more, and nothing of it starts. Old jobs show it.

    Raises NotFound, NotAllowed for an engine of the server.
    """

    async def change(tx: Tx, old: Engine) -> Engine:
        if old.organization_id is None and old.spec.address is None:
            raise NotAllowed("This engine belongs to the server; it can be disabled, not deleted.")
        await limits.set_engine_state(tx, principal.organization_id, old.id, was=old.state, state="deleted")
        return structs.replace(old, state="deleted")

    return await _change(house, principal, name, "deleteEngine", change, stops=True)


async def _change(
    house: House,
    principal: Principal,
    name: str,
    event: str,
    work: Callable[[Tx, Engine], Awaitable[Engine]],
    *,
    stops: bool = False,
) -> Engine:
    """Changes an engine that the caller administers with `work`, which gets it locked, and records that.

    `stops`: after the change nothing may start that it forbids.
    """
    require(principal, Role.ADMIN)
    known = await engines.get(house, principal, name)
    if known.organization_id is None and not is_super_admin(principal):
        raise NotAllowed("This engine belongs to the server; only a super administrator changes it.")
    entry = trail.entry(principal, event, object_type=ENGINE, object_id=known.id)

    async def apply(tx: Tx) -> Engine:
        if stops:
            await barrier_lock.take_exclusive(tx)  # first, as every other change of a state does
        old = await storage.lock(tx, principal.organization_id, known.id)
        if old is None:
            raise NotFound(ENGINE, name)
        new = await work(tx, old)
        await entries.record(tx, [entry])
        return new

    changed = await house.database.write(apply)
    await engines.refresh(house)
    house.waiting()
    return changed


def _changed(old: Engine, request: EngineRequest, author: str | None) -> Engine:
    given = {name: value for name, value in structs.asdict(request).items() if value is not None}
    declared = {name: given.pop(name) for name in _DECLARED if name in given}
    if "templates" in given:
        given["templates"] = dict(given["templates"])
    details = structs.replace(old.details, **given, modified_by=author)
    return structs.replace(old, spec=structs.replace(old.spec, **declared), details=details)


# -- checks -------------------------------------------------------------------------------------------------


async def _check(
    tx: Tx,
    principal: Principal,
    request: EngineRequest,
    known_problems: Sequence[Problem],
    *,
    new: bool = False,
    shared: bool = False,
) -> None:
    """Raises InvalidInput with all that is wrong with the request."""
    problems = _of_the_server(request) if shared else []
    problems += bounds.text("name", request.name, longest=bounds.LONGEST_NAME, required=new or request.name is not None)
    for path, text in (("description", request.description), ("iconPath", request.icon_path),
                       ("logoPath", request.logo_path)):  # fmt: skip
        problems += bounds.text(path, text)
    if new and request.category_id is None:
        problems.append(Problem("categoryId", "must be given."))
    if request.category_id is not None:
        readable = False
        if bounds.storable(request.category_id):
            await engine_categories.lock(
                tx, principal.organization_id, request.category_id
            )  # it must not be deleted now
            readable = bool(await engine_categories.by_ids(tx, principal.organization_id, [request.category_id]))
        problems += [] if readable else [not_found("categoryId", request.category_id, ids.UUID_FORM)]
    if request.price is not None and not 0 <= request.price <= _LARGEST_PRICE:
        problems.append(Problem("price", f"0–{_LARGEST_PRICE}, got {request.price}.", str(request.price)))
    for path, texts in (("useCases", request.use_cases), ("industries", request.industries)):
        problems += _list_problems(path, texts or ())
        for number, each in enumerate((texts or ())[:_MOST]):
            problems += bounds.text(f"{path}[{number}]", each, longest=bounds.LONGEST_NAME, required=True)
    problems += _list_problems("fields", request.fields or ()) + bounds.json("fields", request.fields)
    if request.manifest is not None and not isinstance(request.manifest, dict):
        problems.append(Problem("manifest", f"an object, got {excerpt(request.manifest)}."))
    problems += bounds.json("manifest", request.manifest)
    bounds.refuse(problems + _template_problems(request.templates or ()), known_problems)


def _of_the_server(request: EngineRequest) -> list[Problem]:
    spelled = {"category_id": "categoryId", "deployment_model": "deploymentModel", "icon_path": "iconPath",
               "logo_path": "logoPath", "library_required": "libraryRequired", "use_cases": "useCases"}  # fmt: skip
    text = "is declared by the server; only standaloneJobTemplates can be set here."
    return [
        Problem(spelled.get(name, name), text)
        for name, value in structs.asdict(request).items()
        if value is not None and name != "templates"
    ]


def _list_problems(path: str, values: Sequence[Any]) -> list[Problem]:
    return [Problem(path, f"at most {_MOST}, got {len(values)}.", str(len(values)))] if len(values) > _MOST else []


def _template_problems(templates: Sequence[tuple[str, str]]) -> list[Problem]:
    problems, seen = list[Problem](), set[str]()
    for number, (use, text) in enumerate(templates):
        path = f"standaloneJobTemplates[{number}]"
        if use in seen:
            problems.append(Problem(f"{path}.type", f"{use} is given twice.", use))
        seen.add(use)
        if not text.strip():
            problems.append(Problem(f"{path}.template", "must be given."))
            continue
        if not bounds.storable(text):
            problems += bounds.text(f"{path}.template", text, longest=handlebars.MAX_TEMPLATE)
            continue
        try:
            handlebars.parse(text)
        except handlebars.BadTemplate as fault:
            problems.append(Problem(f"{path}.template", str(fault)))
    return problems
