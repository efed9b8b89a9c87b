"""The result of a job as people and programs read it: a page of text, subtitles, a table, JSON, or AION as it is."""

from typing import Final

from enginehouse.api.http.call import Answer, Call, Reply
from enginehouse.api.http.declaration import one_of, sends_file
from enginehouse.api.http.download import Download
from enginehouse.api.http.query import Query
from enginehouse.api.input import refs
from enginehouse.operations import job_results
from enginehouse.text.findings_formats import AION, FORMS

_USUAL: Final = "json"


@sends_file(query={"format": one_of(*sorted(FORMS)), "output": str})
async def results(call: Call) -> Answer:
    """GET jobs/{JobID}/results: what the engines of the job found. `output` names one output instead of the result."""
    query = Query(call.query)
    form = query.word("format", sorted(FORMS)) or _USUAL
    output = query.text("output")
    query.finish()
    ref = refs.job(call.id)
    media_type, name = FORMS[form][0], job_results.file_name(ref, form)
    if form == AION:
        content = await job_results.stored(call.house, call.principal, ref, output)
        if content is not None:
            return Download(content, media_type=media_type, filename=name)
    body = await job_results.result(call.house, call.principal, ref, form, output)
    headers = (
        (b"content-disposition", f'attachment; filename="{name}"'.encode()),
        (b"x-content-type-options", b"nosniff"),
    )
    return Reply(body, headers=headers, media_type=media_type.encode())
