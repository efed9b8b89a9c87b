"""The state of the server as JSON, as a page, as text and as a table (rest-contract §1.9.7)."""

from collections.abc import Mapping
from html import escape
from typing import Final

import msgspec

from enginehouse import __version__
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import ANY, answers, one_of
from enginehouse.api.http.json.casing import spelled
from enginehouse.api.http.query import Query
from enginehouse.domain import times
from enginehouse.operations import workers

_MEDIA_TYPES: Final = {
    "json": b"application/json",
    "html": b"text/html; charset=utf-8",
    "txt": b"text/plain; charset=utf-8",
    "csv": b"text/csv; charset=utf-8",
}
_FORMATS: Final = {
    "application/json": "json",
    "text/html": "html",
    "text/plain": "txt",
    "text/csv": "csv",
    "*/*": "json",
}
_PAGE: Final = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Enginehouse: status</title>
<h1>Enginehouse</h1>
<table>
{rows}
</table>
</html>
"""


class StatusDetail(msgspec.Struct, rename=spelled, kw_only=True):
    """What the published description has room for: the version, the time of the storage clock, and that it answers."""

    engine_toolkit_version: str
    last_update: str
    status: str = "active"


@answers(StatusDetail, media_type=ANY, query={"format": one_of(*_MEDIA_TYPES)})
async def status(call: Call) -> Reply:
    """GET admin/status: in the `format`, else as `Accept` asks, else as JSON."""
    query = Query(call.query)
    wanted = query.word("format", tuple(_MEDIA_TYPES)) or _accepted(call.headers.accept)
    query.finish()
    found = await workers.summary(call.house, call.principal)
    if wanted == "json":
        return json(StatusDetail(engine_toolkit_version=__version__, last_update=times.rest(found.now)))
    return Reply(_written(wanted, _facts(found)).encode(), media_type=_MEDIA_TYPES[wanted])


def _facts(found: workers.WorkerSummary) -> dict[str, str]:
    return {
        "status": "active",
        "version": __version__,
        "time": times.rest(found.now),
        "connected workers": str(found.workers),
        "worker slots": str(found.slots),
        "running attempts": str(found.running),
        "offered engines": str(found.engines),
    }


def _written(wanted: str, facts: Mapping[str, str]) -> str:
    if wanted == "html":
        rows = "\n".join(f"<tr><th>{escape(name)}<td>{escape(value)}" for name, value in facts.items())
        return _PAGE.format(rows=rows)
    if wanted == "csv":
        return "name,value\r\n" + "".join(f"{name},{value}\r\n" for name, value in facts.items())
    return "".join(f"{name}: {value}\n" for name, value in facts.items())


def _accepted(accept: bytes | None) -> str:
    """Returns the format of the first media type in `Accept` that there is, the most wanted first."""
    ranges = [part.partition(";") for part in (accept or b"").decode("latin-1").lower().split(",")]
    ranked = sorted(ranges, key=lambda one: -_quality(one[2]))
    named = (_FORMATS.get(kind.strip()) for kind, _, more in ranked if _quality(more) > 0)
    return next(filter(None, named), "json")


def _quality(parameters: str) -> float:
    for one in parameters.split(";"):
        name, _, value = one.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
