"""The operations on exports: request one, get and list them, end one, read its zip, and delete old ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from msgspec import json

from enginehouse.artifacts.integrity import Expected
from enginehouse.artifacts.store import Content
from enginehouse.domain.errors import CapacityExceeded, InvalidInput, NotFound, Problem, unknown_word
from enginehouse.domain.exports import (
    LONGEST_LINE,
    MOST_FORMATS,
    MOST_LINES,
    MOST_OUTPUTS,
    MOST_TARGETS,
    Export,
    ExportDocument,
    ExportFilter,
    ExportStatus,
    FormatOptions,
    FormatRequest,
    OutputRequest,
    folder,
    formats,
)
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.ids import NUMBER_FORM, UUID_FORM, parse_number, parse_uuid
from enginehouse.domain.refs import UuidRef
from enginehouse.operations import bounds, engine_categories, engines, export_results, owned, targets
from enginehouse.operations.audit import trail
from enginehouse.operations.house import House
from enginehouse.operations.owned import OwnedKind
from enginehouse.operations.permission import require
from enginehouse.operations.references import not_found
from enginehouse.operations.work import MICROS
from enginehouse.storage import exports as storage
from enginehouse.storage.database.database import Tx

EXPORT: Final = "ExportRequest"
KIND: Final = OwnedKind(EXPORT, "export", by_ids=storage.by_ids, lock=storage.lock)
_STOPPED: Final = "It was stopped before it was complete."


@dataclass(frozen=True, slots=True)
class ExportWish:
    """What a client asks for, with the ids as it has written them."""

    target_ids: tuple[str, ...]
    outputs: tuple[OutputRequest, ...] = ()
    include_media: bool = False
    include_library_results: bool = False


@trail.mutation("createExportRequest", EXPORT)
async def create(house: House, principal: Principal, wish: ExportWish) -> Export:
    """The export waits for a server that makes it, and is durable.

    Raises InvalidInput with all problems, CapacityExceeded if too many exports of the organization wait already.
    """
    require(principal, Role.USER)
    own, problems = await _targets(house, principal, wish.target_ids)
    outputs, faults = await _outputs(house, principal, wish.outputs)
    if own and not faults:
        faults = await _without_results(house, principal, own, outputs)
    bounds.refuse(problems + faults)
    document = ExportDocument(own, outputs, wish.include_media, wish.include_library_results)

    async def make(tx: Tx) -> Export:
        most = house.limits.exports
        if await storage.incomplete(tx, principal.organization_id, most) >= most:
            raise CapacityExceeded(f"Organization limit of {most} exports that wait reached.")
        new = Export(
            id=str(uuid4()), organization_id=principal.organization_id, requestor_id=principal.user_id,
            status=ExportStatus.INCOMPLETE, document=json.encode(document).decode(), files=0, files_done=0, bytes=0,
            bytes_done=0, message=None, storage_key=None, size=None, sha256=None, tries=0, fence=0, created_at=tx.now,
            modified_at=tx.now, expires_at=tx.now + house.limits.export_seconds * MICROS,
        )  # fmt: skip
        await storage.insert(tx, new)
        return new

    return await owned.create(house, KIND, principal, "createExportRequest", make)


async def get(house: House, principal: Principal, ref: UuidRef) -> Export:
    """Returns the export. Raises NotFound, also for a foreign one."""
    return await owned.get(house, KIND, principal, ref)


async def list_(house: House, principal: Principal, criteria: ExportFilter) -> list[Export]:
    """Returns a page of the organization's exports. Raises InvalidInput for a page out of bounds."""
    return await owned.page(
        house, principal, criteria.offset, criteria.limit, lambda tx, owner: storage.page(tx, owner, criteria)
    )


@trail.mutation("updateExportRequest", EXPORT, names="ref")
async def update(house: House, principal: Principal, ref: UuidRef, status: ExportStatus) -> Export:
    """A complete export is `downloaded`, a downloaded one `complete` again, and an incomplete one stops as `failed`.

    Raises NotFound, InvalidInput for any other change.
    """

    async def change(tx: Tx, old: Export) -> Export:
        if status == old.status:
            return old
        match ExportStatus(old.status), status:
            case ExportStatus.INCOMPLETE, ExportStatus.FAILED:
                new = old._replace(status=status.value, message=_STOPPED, modified_at=tx.now)
            case ((ExportStatus.COMPLETE | ExportStatus.DOWNLOADED), (ExportStatus.COMPLETE | ExportStatus.DOWNLOADED)):
                new = old._replace(status=status.value, modified_at=tx.now)
            case was, _:
                text = f'an export that is "{was}" cannot become "{status}".'
                raise InvalidInput([Problem("status", text, status.value)])
        await storage.change(tx, new)
        return new

    return await owned.change(house, KIND, principal, "updateExportRequest", ref, change)


async def content(house: House, principal: Principal, export_id: str) -> Content:
    """Returns the zip. Raises NotFound, also for an export that is not complete."""
    expected = await _expected(house, principal, export_id)
    try:
        return await house.integrity.content(expected)
    except NotFound:
        raise NotFound(EXPORT, export_id) from None


async def address(house: House, principal: Principal, export_id: str) -> str | None:
    """Returns the address of the zip at its store, if readers are sent there. Raises as `content`."""
    expected = await _expected(house, principal, export_id)
    try:
        return await house.address(expected)
    except NotFound:
        raise NotFound(EXPORT, export_id) from None


async def _expected(house: House, principal: Principal, export_id: str) -> Expected:
    require(principal, Role.READER)
    key = parse_uuid(export_id)
    found = None
    if key is not None:
        found = (await house.database.peek(lambda tx: storage.by_ids(tx, principal.organization_id, [key]))).get(key)
    if found is None or found.storage_key is None or found.size is None or found.sha256 is None:
        raise NotFound(EXPORT, export_id)
    return Expected(found.storage_key, found.size, found.sha256)


async def prune(house: House, *, now: int, limit: int = 200) -> int:
    """Deletes a bounded batch of exports whose time is over, with their bytes. Returns how many."""
    gone = await house.database.write(lambda tx: storage.prune(tx, now=now, limit=limit))
    for export_id, organization_id in gone:
        await house.store.delete(await house.store.keys(folder(organization_id, export_id)))
    return len(gone)


async def _targets(house: House, principal: Principal, texts: Sequence[str]) -> tuple[tuple[int, ...], list[Problem]]:
    """Returns the targets in the order of the request, and a problem for each that is not the organization's own."""
    if not 1 <= len(texts) <= MOST_TARGETS:
        text = f"1–{MOST_TARGETS} targets, got {len(texts)}."
        return (), [Problem("tdoData", text, str(len(texts)), f"1–{MOST_TARGETS}")]
    numbers = [parse_number(text) or 0 for text in texts]
    known = await targets.get_many(house, principal, numbers)
    own = {number for number, target in known.items() if target.organization_id == principal.organization_id}
    problems = [
        not_found(f"tdoData[{n}].tdoId", text, NUMBER_FORM)
        for n, (number, text) in enumerate(zip(numbers, texts, strict=True))
        if number not in own
    ]
    return tuple(dict.fromkeys(number for number in numbers if number in own)), problems


async def _outputs(
    house: House, principal: Principal, wanted: Sequence[OutputRequest]
) -> tuple[tuple[OutputRequest, ...], list[Problem]]:
    """Returns the outputs with the ids of their engines and categories, and everything that is wrong with them."""
    if len(wanted) > MOST_OUTPUTS:
        text = f"at most {MOST_OUTPUTS}, got {len(wanted)}."
        return (), [Problem("outputConfigurations", text, str(len(wanted)), f"0–{MOST_OUTPUTS}")]
    categories = {one.id for one in await engine_categories.list_(house, principal)} if wanted else set()
    problems, outputs = list[Problem](), list[OutputRequest]()
    for n, one in enumerate(wanted):
        path = f"outputConfigurations[{n}]"
        engine = None if one.engine_id is None else engines.shown(house, principal, one.engine_id)
        category = None if one.category_id is None else one.category_id.lower()
        if one.engine_id is not None and engine is None:
            problems.append(not_found(f"{path}.engineId", one.engine_id))
        if one.category_id is not None and category not in categories:
            problems.append(not_found(f"{path}.categoryId", one.category_id, UUID_FORM))
            category = None
        if one.engine_id is None and one.category_id is None:
            problems.append(Problem(path, "give engineId or categoryId."))
        if engine is not None and category is not None and engine.spec.category_id != category:
            problems.append(Problem(f"{path}.categoryId", f'the engine "{engine.spec.name}" is in another category.'))
        known = engine.spec.category_id if engine is not None else category
        problems += _format_problems(f"{path}.formats", one.formats, None if known is None else formats(known))
        outputs.append(OutputRequest(None if engine is None else engine.spec.id, category, one.formats))
    return tuple(outputs), problems


def _format_problems(path: str, wanted: Sequence[FormatRequest], known: Sequence[str] | None) -> list[Problem]:
    """Returns what is wrong with the formats. `known` are those of the category, None if there is no such category."""
    if len(wanted) > MOST_FORMATS:
        return [Problem(path, f"at most {MOST_FORMATS}, got {len(wanted)}.", str(len(wanted)), f"0–{MOST_FORMATS}")]
    problems = list[Problem]()
    for n, one in enumerate(wanted):
        if known is not None and one.extension not in known:
            problems.append(unknown_word(f"{path}[{n}].extension", one.extension, known))
        problems += _option_problems(f"{path}[{n}].options", one.options)
    return problems


def _option_problems(path: str, options: FormatOptions) -> list[Problem]:
    numbers = (
        ("maxCharacterPerLine", options.maxCharacterPerLine, LONGEST_LINE),
        ("linesPerScreen", options.linesPerScreen, MOST_LINES),
    )
    return [
        Problem(f"{path}.{name}", f"1–{most}, got {value}.", str(value), f"1–{most}")
        for name, value, most in numbers
        if value is not None and not 1 <= value <= most
    ]


async def _without_results(
    house: House, principal: Principal, target_ids: Sequence[int], outputs: Sequence[OutputRequest]
) -> list[Problem]:
    """Returns a problem for each output without a result of any of the targets."""
    missing = await export_results.without(house, principal, target_ids, outputs)
    problems = []
    for n in missing:
        engine_id, category_id = outputs[n].engine_id, outputs[n].category_id
        engine = None if engine_id is None else engines.shown(house, principal, engine_id)
        who = f'no engine of the category "{category_id}"' if engine is None else f'the engine "{engine.spec.name}"'
        what = "has results" if engine is None else "has no results"
        field = "categoryId" if engine is None else "engineId"
        problems.append(Problem(f"outputConfigurations[{n}].{field}", f"{who} {what} for these targets."))
    return problems
