"""The REST operation that pushes content to an endpoint (rest-contract §3.5). Its body is stored as it is sent."""

from typing import Final

from enginehouse.api.edge.job_shapes import CreatedJobs
from enginehouse.api.http import body as http_body
from enginehouse.api.http.call import Answer, Call, json
from enginehouse.api.http.declaration import ANY, answers
from enginehouse.api.http.download import Download
from enginehouse.domain import ids
from enginehouse.domain.errors import TooLarge
from enginehouse.operations import pushes

TYPES: Final = (
    *("application/json", "application/octet-stream", "audio/*", "image/*"),
    *("text/html", "text/plain", "text/xml", "video/*"),
)
_NO_RESULT: Final = "The engine returned no result."


@answers(CreatedJobs, content=TYPES, media_type=ANY, idempotent=True, warns=True)
async def push(call: Call) -> Answer:
    """POST proc/endpoint/{Endpoint}: the body is a chunk for every route with the endpoint. May wait for its result."""
    limit, length = call.house.limits.upload_bytes, call.headers.content_length
    if length is not None and length.isdigit() and int(length[:20]) > limit:
        raise TooLarge(f"At most {limit} bytes can be pushed at once ({limit >> 20} MiB).")
    answer = await pushes.push(
        call.house,
        call.principal,
        call.id,
        http_body.stream(call.receive),
        content_type=(call.headers.content_type or b"").decode("latin-1") or pushes.ANY_TYPE,
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in call.headers.others.items()},
        key=call.key,
    )
    created = CreatedJobs([ids.job_uuid(job_id) for job_id in answer.pushed.job_ids])
    if answer.pushed.wait is None:
        return json(created, replayed=answer.replayed)
    found = await http_body.unless_gone(call.receive, pushes.result(call.house, call.principal, answer.pushed))
    if found is None:
        return json(created, replayed=answer.replayed, warnings=[_NO_RESULT])
    output, content = found
    return Download(content, media_type=output.media_type)
