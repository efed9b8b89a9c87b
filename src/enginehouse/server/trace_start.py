"""Begins to record spans, if the extra `otel` is installed."""

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from enginehouse.domain.errors import Unavailable
from enginehouse.operations.house import House
from enginehouse.operations.traces import JobTraces

if TYPE_CHECKING:
    from enginehouse.server.traces import TraceExport


def start(house: House, closing: AsyncExitStack) -> "TraceExport":
    """From now on the spans of jobs are recorded. Returns what records those of requests. Raises Unavailable."""
    try:
        from enginehouse.server.traces import TraceExport  # noqa: PLC0415 - an extra, which few servers have
    except ModuleNotFoundError as missing:
        if not (missing.name or "").startswith("opentelemetry"):
            raise
        text = 'Traces need a package that is not installed: pip install "enginehouse[otel]", or use --traces off.'
        raise Unavailable(text) from None
    export = TraceExport()
    closing.push_async_callback(asyncio.to_thread, export.close)
    house.commits.traces = JobTraces(house.database, send=export.send, root=export.root)
    closing.push_async_callback(house.commits.traces.close)
    return export
