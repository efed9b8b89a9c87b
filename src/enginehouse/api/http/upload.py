"""A multipart request: its text parts, and one file, which goes to disk while it arrives."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from enginehouse.api.http.json.reader import refuse_nul
from enginehouse.http_protocol.multipart import FileTooLarge, FormKind, MultipartForm

_WRITE_AT: Final = 1024 * 1024


@dataclass(slots=True)
class Upload:
    """The file of a multipart request: its path here, the client's name for it, and its size."""

    path: Path
    name: str | None
    content_type: str | None
    size: int
    taken: bool = False


@dataclass(slots=True)
class Form:
    """The parts of a multipart request."""

    texts: dict[str, str]
    upload: Upload | None = None

    def discard(self) -> None:
        """The uploaded file is gone. If an operation has put it into the store, it stays there."""
        if self.upload is not None:
            self.upload.path.unlink(missing_ok=True)


async def read_form(
    body: AsyncIterator[bytes], content_type: bytes, folder: Path, kind: FormKind, max_bytes: int | None
) -> Form:
    """Returns the parts of the request. Its file is in `folder` under its own name, and is at most `max_bytes` long.

    `max_bytes` None means that this caller may not send a file: AuthenticationFailed. Raises InvalidInput, and
    FileTooLarge or TextsTooLarge over the limits. Then no file is left.
    """
    upload = Upload(folder / f"upload-{uuid4().hex}", None, None, 0)
    try:
        form = MultipartForm(content_type, kind, takes_files=max_bytes is not None)
        await _receive(body, form, upload, max_bytes=max_bytes or 0)
        texts = form.texts()
        # As in a JSON body, NUL is refused, because the database cannot store it.
        refuse_nul(texts)
    except BaseException:
        upload.path.unlink(missing_ok=True)
        raise
    if not form.has_file:
        return Form(texts)
    upload.name, upload.content_type = form.file_name, form.content_type
    return Form(texts, upload)


async def _receive(body: AsyncIterator[bytes], form: MultipartForm, upload: Upload, *, max_bytes: int) -> None:
    async for piece in body:
        form.feed(piece)
        if (received := upload.size + form.waiting) > max_bytes:
            raise FileTooLarge(received, max_bytes)
        if form.waiting >= _WRITE_AT:
            await _flush(form, upload)
    form.end()
    if form.has_file:
        await _flush(form, upload)


async def _flush(form: MultipartForm, upload: Upload) -> None:
    data = form.take()
    await asyncio.to_thread(_append, upload.path, data)
    upload.size += len(data)


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
