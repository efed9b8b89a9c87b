"""Calls `POST process` of an engine, and reads its answer (engine-contract a.3, a.7)."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from enginehouse.domain.artifact import is_media_type
from enginehouse.domain.engine import EngineAddress
from enginehouse.engine import EngineFailure, FailureKind, Output
from enginehouse.engines.http import messages
from enginehouse.engines.http.client import AddressRefused, Broken, CallAnswer, EngineTrouble, HttpClient, NotReached
from enginehouse.engines.http.form import ProcessForm
from enginehouse.engines.http.messages import BadMessage, CallAgain

PAUSES: Final = (0.1, 0.2)  # seconds before the second and the third try
LONGEST_MESSAGE: Final = 64 * 1024  # bytes of an answer that says why it failed
_IN_MEMORY: Final = 1 << 20  # a longer answer is no announcement of an asynchronous engine
_BY_STATUS: Final = {
    400: FailureKind.INVALID_DATA,
    401: FailureKind.API_NOT_ALLOWED,
    403: FailureKind.API_NOT_ALLOWED,
    404: FailureKind.API_NOT_FOUND,
    405: FailureKind.API_NOT_FOUND,
    413: FailureKind.INVALID_DATA,
    415: FailureKind.INVALID_DATA,
    422: FailureKind.INVALID_DATA,
    429: FailureKind.RATE_LIMITED,
}
_AGAIN: Final = frozenset({408, 425, 429})  # of the answers below 500 those after which a second try may succeed


@dataclass(frozen=True, slots=True)
class CallReply:
    """An accepted answer: the output in it, if any, and how long an asynchronous engine expects to work.

    `again`: a polling engine has nothing yet and wants another call.
    """

    output: Output | None = None
    wait_seconds: float | None = None
    again: CallAgain | None = None


async def process(
    client: HttpClient, address: EngineAddress, form: ProcessForm, *, target: Path, room: int
) -> CallReply:
    """Returns the engine's reply; its body is the file `target`, of at most `room` bytes.

    Tries three times, but again only after an answer that refuses the work for now, or when the engine did not take the
    connection. Raises NotReached, EngineFailure; EngineTrouble if the engine itself is at fault.
    """
    tries = iter((*PAUSES, None))
    while True:
        pause = next(tries)
        try:
            async with client.post(address.process_url, form.headers, form.blocks, private=address.private) as answer:
                if answer.status in (200, 204):
                    return await _reply(answer, target, room)
                failure = await _refusal(answer)
                if pause is None or not (answer.status >= 500 or answer.status in _AGAIN):
                    raise failure
        except NotReached:
            if pause is None:
                raise
        except Broken as broken:
            text = f"The connection to the engine ended while it worked: {broken}."
            raise EngineTrouble(text, FailureKind.WORKER_LOST) from None
        except AddressRefused as refused:
            raise EngineFailure(str(refused), FailureKind.URL_NOT_ALLOWED) from None
        await asyncio.sleep(pause)


async def _reply(answer: CallAnswer, target: Path, room: int) -> CallReply:
    """Returns what an answer without an error means. An empty one means that there is nothing to keep."""
    start = bytearray()
    size = 0
    file = None
    try:
        async for block in answer.blocks:
            size += len(block)
            if size > room:
                text = f"The engine answered more than {room} bytes, which is all that one call may keep."
                raise EngineFailure(text, FailureKind.INVALID_DATA)
            if file is None and size > _IN_MEMORY:
                file = await asyncio.to_thread(target.open, "wb")
                await asyncio.to_thread(file.write, start)
            if file is None:
                start += block
            else:
                await asyncio.to_thread(file.write, block)
    finally:
        if file is not None:
            file.close()
    if not size or answer.status == 204:
        return CallReply()
    media_type = answer.media_type or "application/octet-stream"
    if not is_media_type(media_type):
        raise EngineFailure(f"The engine answered with the content type {media_type[:100]!a}, which is none.")
    kind = media_type.partition(";")[0].strip().lower()
    is_json = kind == "application/json" or kind.endswith("+json")
    if file is None and is_json and (announced := _announcement(bytes(start))) is not None:
        return announced
    stored = kind if is_json else media_type
    return CallReply(Output(media_type=stored, path=target) if file else Output(media_type=stored, data=bytes(start)))


def _announcement(body: bytes) -> CallReply | None:
    """Returns what the answer announces, None if it is a result. Raises EngineFailure."""
    try:
        document = messages.read_json(body)
    except BadMessage:
        return None
    try:
        again = messages.call_again(document, time.time())
    except BadMessage as fault:
        raise EngineFailure(f"The engine asks to be called again and does not say when: {fault}") from None
    seconds = messages.wait_seconds(document)
    return None if again is None and seconds is None else CallReply(wait_seconds=seconds, again=again)


async def _refusal(answer: CallAnswer) -> EngineFailure:
    """Returns the failure that the answer tells: its body is the message, whatever its type."""
    start = bytearray()
    try:
        async for block in answer.blocks:
            start += block
            if len(start) >= LONGEST_MESSAGE:
                break
    except Broken:
        pass  # the status says that it failed
    text = start[:LONGEST_MESSAGE].decode("utf-8", "replace").strip()
    said = f"{answer.status}: {text}" if text else f"The engine answered {answer.status} and did not say why."
    kind = _BY_STATUS.get(answer.status, FailureKind.INTERNAL_ERROR)
    if answer.status >= 500:
        return EngineTrouble(said, kind, retry_after=answer.retry_after)
    return EngineFailure(said, kind, retry_after=answer.retry_after)
