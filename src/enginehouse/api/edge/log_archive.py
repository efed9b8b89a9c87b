"""The logs of attempts as one zip file."""

import asyncio
import tempfile
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from starlette.background import BackgroundTask
from starlette.responses import FileResponse

from enginehouse.domain.errors import NotFound
from enginehouse.operations import artifacts
from enginehouse.operations.artifacts import LogFile
from enginehouse.operations.house import House


async def log_archive(house: House, logs: Iterable[LogFile], name: str) -> FileResponse:
    """Returns a zip with these logs. One that is not there, or not any more, is left out."""
    archive = await _zip(house, logs)
    return FileResponse(
        archive,
        media_type="application/zip",
        filename=f"{name}-logs.zip",
        background=BackgroundTask(archive.unlink, missing_ok=True),
    )


async def _zip(house: House, logs: Iterable[LogFile]) -> Path:
    with (
        tempfile.NamedTemporaryFile(prefix="enginehouse-logs-", suffix=".zip", delete=False) as target,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for log in logs:
            with suppress(NotFound):
                async with artifacts.open_log(house, log) as path:
                    await asyncio.to_thread(archive.write, path, log.name)
    return Path(target.name)
