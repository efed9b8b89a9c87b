"""Pushes: content that a client sends to an endpoint becomes a chunk of every job that waits for it."""

import re
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

from enginehouse.artifacts.integrity import Expected
from enginehouse.artifacts.store import Content
from enginehouse.domain import ids
from enginehouse.domain.artifact import Artifact
from enginehouse.domain.errors import (
    InvalidInput,
    MalformedId,
    NoResult,
    Problem,
    Refusal,
    Unavailable,
    excerpt,
)
from enginehouse.domain.identity import Principal, Role
from enginehouse.domain.planning.pushes import endpoint_id
from enginehouse.domain.pushes import NewPush, Pushed
from enginehouse.operations import bounds, idempotency
from enginehouse.operations.audit import trail
from enginehouse.operations.file_types import TypedSource
from enginehouse.operations.house import House
from enginehouse.operations.permission import require
from enginehouse.storage.audit import entries
from enginehouse.storage.database.database import Tx
from enginehouse.storage.pushes import pushes as storage

ENDPOINT: Final = "Endpoint"
ANY_TYPE: Final = "application/octet-stream"
HEADERS: Final = "x-aiware-"
MOST_HEADERS: Final = 20
LONGEST_HEADER: Final = 1_000
_NAME: Final = re.compile(r"x-aiware-[a-z0-9_-]{1,64}")
_VALUE: Final = re.compile(rf"[\x20-\x7e]{{0,{LONGEST_HEADER}}}")


@dataclass(frozen=True, slots=True)
class PushAnswer:
    """The jobs that have the content. `replayed`: an earlier request with the same key pushed it."""

    pushed: Pushed
    replayed: bool = False


@trail.mutation("pushContentToEndpoint", ENDPOINT)
async def push(
    house: House,
    principal: Principal,
    text: str,
    source: AsyncIterator[bytes],
    *,
    content_type: str,
    headers: Mapping[str, str],
    key: str | None = None,
) -> PushAnswer:
    """The content is a chunk in every input folder that a live route of the organization's jobs gives the endpoint.

    `headers` that begin with `x-aiware-` become metadata of the chunk. A repeated request with the same `key` pushes
    nothing. Raises MalformedId, NotFound for an endpoint without a job, EndpointClosed if all its jobs have ended,
    InvalidInput for an empty body, TooLarge, KeyReused.
    """
    require(principal, Role.USER)
    endpoint = endpoint_id(text)
    if endpoint is None:
        raise MalformedId(ENDPOINT, text, "a UUID")
    metadata = _metadata(headers)
    house.push_waits.refuse_more(principal.organization_id)
    if key is None:
        # Nobody should send much to an endpoint that takes nothing. With a key the answer may be an earlier one.
        await house.database.peek(lambda tx: storage.refuse_closed(tx, principal.organization_id, endpoint))
    name = secrets.token_hex(16)
    place = f"pushes/{principal.organization_id}/{name[:2]}/{name}"
    typed = TypedSource(source, content_type)
    stored = await house.store.put(place, typed.content, max_bytes=house.limits.upload_bytes)
    new = NewPush(
        organization_id=principal.organization_id,
        endpoint=endpoint,
        media_type=await typed.media_type(),
        size=stored.size,
        sha256=stored.sha256,
        key=stored.key,
        metadata=metadata,
    )
    try:
        answer = await _record(house, principal, new, key)
    except Unavailable:
        raise  # the commit may have happened
    except Refusal:
        await house.store.delete([stored.key])
        raise
    if answer.replayed:
        await house.store.delete([stored.key])
    else:
        house.watches.changed(answer.value.job_ids)
        house.waiting(principal.organization_id)
    return PushAnswer(answer.value, answer.replayed)


async def result(house: House, principal: Principal, pushed: Pushed) -> tuple[Artifact, Content] | None:
    """Returns the result that a push waits for; None if it waits for none, or if the engines made none.

    Raises Unavailable after the time of the route, NoResult if the engine failed or the job was cancelled.
    """
    wait = pushed.wait
    if wait is None:
        return None
    found = await house.push_waits.result(principal.organization_id, wait)
    if found is None:
        job = ids.job_graphql(wait.job_id)
        text = f"There was no result within {wait.seconds} s. The content is stored, and job {job} still works on it."
        raise Unavailable(text)
    if found.failure is not None:
        raise NoResult(found.failure)
    if found.output is None:
        return None
    output = found.output
    return output, await house.integrity.content(Expected(output.key, output.size, output.sha256))


async def _record(house: House, principal: Principal, new: NewPush, key: str | None) -> idempotency.OnceAnswer[Pushed]:
    if not new.size:
        raise InvalidInput("The body is empty; it is what is pushed.")
    what = {"endpoint": new.endpoint, "type": new.media_type, "sha256": new.sha256, "metadata": new.metadata}
    request_key = idempotency.request_key(principal, "pushContentToEndpoint", key, what)
    if (earlier := await idempotency.earlier(house, request_key, Pushed)) is not None:
        return idempotency.OnceAnswer(earlier, replayed=True)
    entry = trail.entry(principal, "pushContentToEndpoint", object_type=ENDPOINT, object_id=new.endpoint)

    async def write(tx: Tx) -> Pushed:
        pushed = await storage.push(tx, house.plans, new)
        await entries.record(tx, [entry])
        return pushed

    return await idempotency.once(house, request_key, Pushed, write, starts_work=True)


def _metadata(headers: Mapping[str, str]) -> dict[str, str]:
    """Returns the headers that become metadata. Raises InvalidInput for those that could not be passed on."""
    chosen = {name: value for name, value in sorted(headers.items()) if name.startswith(HEADERS)}
    problems = list[Problem]()
    if len(chosen) > MOST_HEADERS:
        problems.append(Problem("", f"At most {MOST_HEADERS} headers {HEADERS}*, got {len(chosen)}."))
    allowed = f"at most {LONGEST_HEADER} visible ASCII characters"
    for name, value in chosen.items():
        if not _NAME.fullmatch(name):
            problems.append(Problem(name[:80], "letters, digits, - and _ in the name, at most 64 after x-aiware-."))
        elif not _VALUE.fullmatch(value):
            problems.append(Problem(name, f"{allowed}.", excerpt(value), allowed))
    bounds.refuse(problems)
    return chosen
