"""The files of an export: a folder for each target, in it the results of engines and the media, and a manifest."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from mimetypes import guess_extension
from pathlib import PurePath
from typing import Any, Final

import msgspec

from enginehouse.artifacts.archive import ArchiveFile
from enginehouse.domain.artifact import Asset, Target
from enginehouse.domain.documents import LARGEST, DocumentError, read_document
from enginehouse.domain.errors import IntegrityError, NotFound
from enginehouse.domain.exports import AION, Export, ExportDocument, FormatOptions, FormatRequest
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.refs import Ref
from enginehouse.domain.times import rest
from enginehouse.operations import export_results, target_assets, targets
from enginehouse.operations.export_results import ExportResult
from enginehouse.operations.house import House
from enginehouse.storage.exports import ExportProgress
from enginehouse.text.subtitles import FORMATS
from enginehouse.text.transcript import Cue, CueRules, cues, words

MANIFEST: Final = "manifest.json"
_UNSAFE: Final = re.compile(r"[^\w.-]+")
_LONGEST_NAME: Final = 80
_DELETED: Final = "The target was deleted before it was its turn."
_NO_WORDS: Final = "The result has no words with times."
_NO_MEDIA: Final = "The target has no media."
_ONLY_REFERENCE: Final = "The media is not stored here, it is only named: "
_NO_LIBRARIES: Final = "This server keeps no results of libraries."


@dataclass(slots=True)
class _Part:
    """What the export takes from a target."""

    target_id: int
    results: list[ExportResult] = field(default_factory=list)
    media: Asset | None = None


class ExportArchive:
    """The files of one export, which are read while they are written. `progress` is how far that is."""

    def __init__(self, house: House, export: Export) -> None:
        self._house = house
        self._export = export
        self._wish = msgspec.json.decode(export.document, type=ExportDocument)
        self._reader = Principal(export.organization_id, None, "export", Role.READER)
        self._paths = set[str]()
        self._targets = list[dict[str, Any]]()
        self._left_out = list[dict[str, Any]]()
        self.progress = ExportProgress()

    @property
    def message(self) -> str | None:
        """A sentence about what was left out, None if everything is there."""
        left = len(self._left_out) + sum(len(target["leftOut"]) for target in self._targets)
        things = "1 thing was" if left == 1 else f"{left} things were"
        return f"{things} left out. {MANIFEST} says which, and why." if left else None

    @property
    def is_empty(self) -> bool:
        """True if no target is there any more."""
        return not self._targets

    async def files(self) -> AsyncIterator[ArchiveFile]:
        """Yields the files, the manifest last. What is gone or cannot be read is left out."""
        if self._wish.include_library_results:
            self._left_out.append({"what": "includeLibraryResults", "reason": _NO_LIBRARIES})
        for part in await self._plan():
            # It may have been deleted while the files of others were written.
            target = (await targets.get_many(self._house, self._reader, [part.target_id])).get(part.target_id)
            if target is None:
                self._left_out.append({"tdoId": str(part.target_id), "reason": _DELETED})
                continue
            async for file in self._of_target(target, part):
                yield file
        yield ArchiveFile(MANIFEST, self._manifest())

    async def _plan(self) -> list[_Part]:
        """Returns what to take from each target, and sets how much that is."""
        known = await targets.get_many(self._house, self._reader, self._wish.target_ids)
        parts = [_Part(target_id) for target_id in self._wish.target_ids]
        for part in parts:
            if part.target_id in known:
                part.results = await export_results.of_target(
                    self._house, self._reader, part.target_id, self._wish.outputs
                )
                if self._wish.include_media:
                    ref = Ref.of(part.target_id)
                    part.media = await target_assets.primary_asset(self._house, self._reader, ref)
        media = [part.media.size or 0 for part in parts if part.media is not None and part.media.key is not None]
        results = [result for part in parts for result in part.results]
        files = len(media) + sum(len(result.formats) for result in results)
        self.progress = ExportProgress(files, 0, sum(media) + sum(result.asset.size or 0 for result in results), 0)
        return parts

    async def _of_target(self, target: Target, part: _Part) -> AsyncIterator[ArchiveFile]:
        name = _safe(target.name or "")
        folder = f"{target.id}-{name}" if name else str(target.id)
        shown: dict[str, Any] = {"tdoId": str(target.id), "name": target.name, "folder": folder, "files": []}
        shown["leftOut"] = []
        self._targets.append(shown)
        for result in part.results:
            async for file in self._of_result(folder, result, shown):
                yield file
        if self._wish.include_media:
            async for file in self._media(folder, part.media, shown):
                yield file

    async def _of_result(self, folder: str, result: ExportResult, shown: dict[str, Any]) -> AsyncIterator[ArchiveFile]:
        """Yields the result in each of its formats. It is read once."""
        engine = result.engine
        about = {"engineId": result.engine_id, "assetId": result.asset.id}
        if engine is not None:
            about["engineName"] = engine.spec.name
        try:
            raw = await self._read(result.asset)
        except (DocumentError, IntegrityError, NotFound) as fault:
            shown["leftOut"].append({**about, "reason": str(fault)})
            return
        name = _safe((engine.spec.slug or engine.spec.name) if engine is not None else "") or result.engine_id
        document: Any = None
        for wanted in result.formats:
            content: bytes | None = raw
            if wanted.extension != AION:
                try:
                    document = document or await asyncio.to_thread(read_document, raw)
                    content = await asyncio.to_thread(_written, document, wanted)
                except DocumentError as fault:
                    shown["leftOut"].append({**about, "format": wanted.extension, "reason": f"It is {fault}"})
                    continue
            if content is None:
                shown["leftOut"].append({**about, "format": wanted.extension, "reason": _NO_WORDS})
                continue
            path = self._path(f"{folder}/{name}", f".{wanted.extension}")
            shown["files"].append({"path": path, "format": wanted.extension, **about})
            yield ArchiveFile(path, content)
            self._done(files=1)
        self._done(size=len(raw))

    async def _read(self, asset: Asset) -> bytes:
        if (asset.size or 0) > LARGEST:
            raise DocumentError(f"It has {asset.size} bytes; at most {LARGEST} are read as a document.")
        return await target_assets.read(self._house, asset)

    async def _media(self, folder: str, media: Asset | None, shown: dict[str, Any]) -> AsyncIterator[ArchiveFile]:
        if media is None:
            shown["leftOut"].append({"what": "media", "reason": _NO_MEDIA})
            return
        about = {"what": "media", "assetId": media.id}
        if media.key is None:
            shown["leftOut"].append({**about, "reason": f"{_ONLY_REFERENCE}{media.uri}"})
            return
        try:
            content = await target_assets.content(self._house, media)
        except (IntegrityError, NotFound) as fault:
            shown["leftOut"].append({**about, "reason": fault.message})
            return
        given = PurePath(_safe(media.name or "") or "media")
        suffix = given.suffix or guess_extension(media.content_type.partition(";")[0].strip()) or ""
        path = self._path(f"{folder}/{given.stem}", suffix)
        shown["files"].append({"path": path, "contentType": media.content_type, **about})
        yield ArchiveFile(path, self._counted(content.stream()), compressed=False)
        self._done(files=1)

    async def _counted(self, blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for block in blocks:
            yield block
            self._done(size=len(block))

    def _done(self, *, files: int = 0, size: int = 0) -> None:
        now = self.progress
        self.progress = now._replace(files_done=now.files_done + files, bytes_done=now.bytes_done + size)

    def _path(self, stem: str, suffix: str) -> str:
        """Returns a path that no other file of the archive has."""
        path, number = f"{stem}{suffix}", 1
        while path.casefold() in self._paths:
            number += 1
            path = f"{stem}-{number}{suffix}"
        self._paths.add(path.casefold())
        return path

    def _manifest(self) -> bytes:
        about = {
            "exportRequestId": self._export.id,
            "organizationId": str(self._export.organization_id),
            "createdDateTime": rest(self._export.created_at),
            "targets": self._targets,
            "leftOut": self._left_out,
        }
        return msgspec.json.format(msgspec.json.encode(about), indent=2)


def _written(document: Any, wanted: FormatRequest) -> bytes | None:
    """Returns the transcript in this format, None if the document is no transcript."""
    spoken = words(document)
    if not spoken:
        return None
    return FORMATS[wanted.extension][1](_cues(cues(spoken, _rules(wanted.options)), wanted.options)).encode()


def _rules(options: FormatOptions) -> CueRules:
    usual = CueRules()
    return CueRules(
        characters=options.maxCharacterPerLine or usual.characters,
        lines=options.linesPerScreen or usual.lines,
        at_punctuation=bool(options.newlineOnPunctuation),
    )


def _cues(shown: Sequence[Cue], options: FormatOptions) -> Sequence[Cue]:
    if options.withSpeakerData is not False:
        return shown
    return [Cue(cue.start_ms, cue.stop_ms, cue.lines) for cue in shown]


def _safe(name: str) -> str:
    """Returns the name as a part of a path that every system can unpack."""
    return _UNSAFE.sub("_", name)[:_LONGEST_NAME].strip("._")
