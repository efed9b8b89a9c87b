"""Reads the form of a new job. Its file goes into the store while it arrives, after the form has proved its origin."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from starlette.requests import ClientDisconnect

from enginehouse.domain.errors import InvalidInput, TooLarge
from enginehouse.http_protocol.multipart import MultipartForm
from enginehouse.operations import bounds, uploads
from enginehouse.web.new_job_draft import FORM, Draft, draft_of
from enginehouse.web.page_request import PageRequest
from enginehouse.web.session import CSRF, refuse_forged


@dataclass(frozen=True, slots=True)
class Filled:
    """The draft in a form, the button that was pressed, and what is wrong with the file, "" for nothing.

    `seen` is the digest of the draft whose graph the person has seen.
    """

    draft: Draft
    act: str
    seen: str
    file_fault: str = ""


async def read(request: PageRequest) -> Filled:
    """Returns what was filled in. A file is in the store. Raises ForgedForm before it has read the file, InvalidInput.

    The proof is checked when the file begins: so it must stand before it in the form.
    """
    incoming = _Incoming(request)
    has_file = await incoming.until_file()
    refuse_forged(request.house, request.http, incoming.texts().get(CSRF, ""), request.session.secret)
    kept, fault = None, ""
    try:
        kept = await incoming.store_file() if has_file else None
    except TooLarge as refused:
        fault = refused.message
    texts = {name: _storable(name, value) for name, value in incoming.texts().items()}
    draft = draft_of(texts)
    if kept is not None:
        draft = replace(draft, upload=kept, file_name=incoming.file_name)
    return Filled(draft, texts.get("act", ""), texts.get("seen", ""), fault)


class _Incoming:
    """The form as far as it has come."""

    def __init__(self, request: PageRequest) -> None:
        self._request = request
        self._form = MultipartForm(request.http.headers.get("content-type", "").encode("latin-1"), FORM)
        self._body = request.http.stream()

    @property
    def file_name(self) -> str:
        """The name of the file without its folders. A browser writes a quotation mark in it as %22."""
        name = (self._form.file_name or "").replace("%22", '"').replace("\\", "/")
        return name.rpartition("/")[2][: bounds.LONGEST_NAME]

    def texts(self) -> dict[str, str]:
        """Returns the fields that have come."""
        return self._form.texts()

    async def until_file(self) -> bool:
        """Returns True when the file begins, False at the end of a form without one."""
        async for piece in self._pieces():
            self._form.feed(piece)
            if self._form.has_file and (self._form.file_name or self._form.waiting):
                return True
        self._form.end()
        return False

    async def store_file(self) -> str | None:
        """Returns the id of the upload that the file is now, None for an empty one. Raises TooLarge."""
        house, principal = self._request.house, self._request.principal
        [place] = await uploads.offer(house, principal)
        kind = self._form.content_type or uploads.ANY_TYPE
        stored = await uploads.put(
            house, principal, place.id, self._file(), content_type=kind, expires_at=place.expires_at
        )
        return place.id if stored.size else None

    async def _file(self) -> AsyncIterator[bytes]:
        yield self._form.take()
        async for piece in self._pieces():
            self._form.feed(piece)
            if self._form.waiting:
                yield self._form.take()
        self._form.end()

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._body:
                yield piece
        except ClientDisconnect:
            raise InvalidInput("The form ends too early.") from None


def _storable(name: str, value: str) -> str:
    if not bounds.storable(value):
        raise InvalidInput("must not contain a NUL character.", name)
    return value.replace("\r\n", "\n")
