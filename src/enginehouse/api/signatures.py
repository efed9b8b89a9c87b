"""The addresses that a signature opens, without a token: the bytes of assets, exports, logs of tasks, uploads."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

import msgspec
from starlette.background import BackgroundTask
from starlette.responses import FileResponse

from enginehouse.api.auth import authenticate
from enginehouse.api.http import body as http_body
from enginehouse.api.http.call import Answer, Reply, Request, redirect
from enginehouse.api.http.download import Download
from enginehouse.api.http.interface import ForAnybody, Interface, Operations
from enginehouse.api.http.paths import Paths
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.domain.errors import NotFound, TooLarge
from enginehouse.domain.identity import Principal
from enginehouse.domain.signatures import Purpose
from enginehouse.operations import artifacts, exports, signatures, target_assets, uploads
from enginehouse.operations.house import House

BASE: Final = signatures.BASE


class Uploaded(msgspec.Struct):
    """The bytes that are stored: how many, and their digests."""

    size: int
    md5sum: str
    sha256: str


# A browser must neither run what an engine or a client has made, nor pass the URL on.
_GUARDS: Final = (
    (b"content-security-policy", b"sandbox"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"private"),
)


def interface(house: Callable[[], House]) -> Interface:
    """Returns the application for everything under `/signed`."""
    return Interface(house, authenticate, base=BASE, operations=operations(), own=True)


def operations() -> Operations:
    """Returns every operation of signed URLs."""
    paths: Operations = Paths()
    paths.add("GET", "/asset/{AssetID}", ForAnybody(asset))
    paths.add("GET", "/export/{ExportID}", ForAnybody(export))
    paths.add("GET", "/log/{TaskID}", ForAnybody(log))
    paths.add("GET", "/upload/{UploadID}", ForAnybody(get_upload))
    paths.add("PUT", "/upload/{UploadID}", ForAnybody(put_upload))
    return paths


async def asset(request: Request) -> Answer:
    """GET asset/{AssetID}: the unchanged bytes of the asset, as an attachment; all or the ranges of the request."""
    principal = await _granted(request, Purpose.GET_ASSET)
    found = await target_assets.asset(request.house, principal, request.id)
    if _may_redirect(request) and (address := await target_assets.address(request.house, found)) is not None:
        return redirect(address)
    stored = await target_assets.content(request.house, found)
    answer = Download(stored, media_type=found.content_type, filename=found.name or found.id)
    answer.raw_headers += _GUARDS
    return answer


async def export(request: Request) -> Answer:
    """GET export/{ExportID}: the zip of the export, as an attachment; all or the ranges of the request."""
    principal = await _granted(request, Purpose.GET_EXPORT)
    if _may_redirect(request) and (address := await exports.address(request.house, principal, request.id)) is not None:
        return redirect(address)
    stored = await exports.content(request.house, principal, request.id)
    answer = Download(stored, media_type="application/zip", filename=f"export-{request.id}.zip")
    answer.raw_headers += _GUARDS
    return answer


async def log(request: Request) -> FileResponse:
    """GET log/{TaskID}: what the engine has printed, attempt by attempt, as text."""
    principal = await _granted(request, Purpose.GET_LOG)
    files = await artifacts.logs(request.house, principal, refs.task(request.id))
    whole = await _joined(request.house, files)
    answer = FileResponse(
        whole,
        media_type="text/plain",
        filename=f"{request.id}.log",
        background=BackgroundTask(whole.unlink, missing_ok=True),
    )
    answer.raw_headers += (*_GUARDS, (b"x-content-type-options", b"nosniff"))
    return answer


async def get_upload(request: Request) -> Answer:
    """GET upload/{UploadID}: what was uploaded there, also after an asset has taken it over."""
    principal = await _granted(request, Purpose.GET_UPLOAD)
    if _may_redirect(request) and (address := await uploads.address(request.house, principal, request.id)) is not None:
        return redirect(address)
    found, stored = await uploads.content(request.house, principal, request.id)
    answer = Download(stored, media_type=found.content_type, filename=found.id)
    answer.raw_headers += _GUARDS
    return answer


async def put_upload(request: Request) -> Reply:
    """PUT upload/{UploadID}: the body is durable, and replaces what was uploaded there before."""
    principal = await _granted(request, Purpose.PUT_UPLOAD)
    limit = request.house.limits.signed_upload_bytes
    length = request.headers.content_length
    if length is not None and length.isdigit() and int(length[:20]) > limit:
        raise TooLarge(f"At most {limit} bytes can be uploaded to this URL.")
    stored = await uploads.put(
        request.house,
        principal,
        request.id,
        http_body.stream(request.receive),
        content_type=(request.headers.content_type or b"").decode("latin-1") or uploads.ANY_TYPE,
        expires_at=int(Query(request.query).text("expires") or 0) * 1_000_000,
    )
    answer = Uploaded(stored.size, stored.md5, stored.sha256)
    return Reply(msgspec.json.encode(answer), headers=((b"etag", f'"{stored.md5}"'.encode()),))


def _may_redirect(request: Request) -> bool:
    """Returns True for a GET: an address at the store is signed for nothing else."""
    return request.method == "GET"


async def _joined(house: House, files: tuple[artifacts.LogFile, ...]) -> Path:
    """Returns a temporary file with all logs. One that retention has deleted meanwhile is left out."""
    with tempfile.NamedTemporaryFile(prefix="enginehouse-log-", suffix=".log", delete=False) as whole:
        try:
            for file in files:
                with suppress(NotFound):
                    async with artifacts.open_log(house, file) as path:
                        await asyncio.to_thread(_append, path, whole)
        except BaseException:
            await asyncio.to_thread(os.unlink, whole.name)  # nobody will send it
            raise
    return Path(whole.name)


def _append(path: Path, target: IO[bytes]) -> None:
    with path.open("rb") as source:
        shutil.copyfileobj(source, target, 1 << 20)


async def _granted(request: Request, purpose: Purpose) -> Principal:
    """Returns the principal for whom the URL was signed. Raises NotAllowed if the signature does not allow this."""
    query = Query(request.query)
    given = {name: query.text(name) or "" for name in ("organization", "expires", "signature")}
    return await signatures.verify(request.house, purpose, request.id, **given)
