"""The task operations of the REST interface: detail and logs."""

import asyncio
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.responses import FileResponse

from enginehouse.api.edge import task_view
from enginehouse.api.http.call import Call, Reply, json
from enginehouse.api.http.declaration import answers, sends_file
from enginehouse.api.input import refs
from enginehouse.domain.errors import NotFound
from enginehouse.operations import artifacts, jobs
from enginehouse.operations.house import House


@answers(task_view.TaskAnswer)
async def detail(call: Call) -> Reply:
    """GET proc/task/{TaskID}/detail."""
    job, task = await jobs.task(call.house, call.principal, await refs.named_task(call.house, call.principal, call.id))
    categories = await task_view.category_names(call.house, call.principal)
    progress = await task_view.progress(call.house, call.principal, job, [task])
    shown = task_view.task_detail(call.house, call.principal, job, task, categories, progress)
    return json(task_view.TaskAnswer(shown))


@sends_file("application/zip")
async def logs(call: Call) -> FileResponse:
    """GET proc/task/{TaskID}/logs: a zip with a file for each attempt so far."""
    files = await artifacts.logs(call.house, call.principal, await refs.named_task(call.house, call.principal, call.id))
    archive = await _zip(call.house, files)
    return FileResponse(
        archive,
        media_type="application/zip",
        filename=f"{call.id}-logs.zip",
        background=BackgroundTask(archive.unlink, missing_ok=True),
    )


async def _zip(house: House, files: tuple[artifacts.LogFile, ...]) -> Path:
    """Returns a temporary archive of the files. A file that retention has deleted meanwhile is left out."""
    with (
        tempfile.NamedTemporaryFile(prefix="enginehouse-logs-", suffix=".zip", delete=False) as target,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for file in files:
            with suppress(NotFound):
                async with artifacts.open_log(house, file) as path:
                    await asyncio.to_thread(archive.write, path, file.name)
    return Path(target.name)
