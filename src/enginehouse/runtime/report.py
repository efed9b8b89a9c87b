"""How an attempt has ended, and how the source comes to know it."""

import asyncio

import structlog

from enginehouse.domain.errors import TooLarge, Unavailable
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.work import Failed, Report, Stale
from enginehouse.engine import EngineFailure
from enginehouse.runtime.outage import Outage
from enginehouse.runtime.outputs import printable
from enginehouse.runtime.source import WorkSource

log = structlog.get_logger(__name__)

_PAUSES = (0.05, 0.2, 1.0, 3.0)
_LONGEST_MESSAGE = 2000


async def deliver(source: WorkSource, report: Report, outage: Outage) -> None:
    """The report has reached the source; it is retried alone, so that trouble there never runs the engine again."""
    for pause in (*_PAUSES, None):
        try:
            answer = await source.finish(report)
        except Unavailable:
            if pause is None:
                outage.lose_report(report.key)
                return
            await asyncio.sleep(pause)
        except Exception:
            log.exception("a report could not be recorded", item=report.key)
            if isinstance(report.outcome, Failed):
                return
            # Outputs that storage cannot take would otherwise run the engine again each time the lease runs out.
            text = "What the engine answered could not be recorded; the server's log says why."
            report = Report(report.key, report.token, Failed(FailureKind.INTERNAL_ERROR, text))
        else:
            if isinstance(answer, Stale):
                log.info("a late report was refused", item=report.key, token=report.token)
            return


def failure(error: Exception, *, engine: str, task_id: str) -> Failed:
    """How an attempt that raised has ended. What is no engine's own word is logged: it may be a fault of ours."""
    match error:
        case EngineFailure():
            return Failed(error.kind, printable(error.message))
        case TooLarge():
            return Failed(FailureKind.INVALID_DATA, error.message)
        case Unavailable():
            return Failed(FailureKind.SYSTEM_ERROR, error.message)
        case _:
            log.error("an engine of the server failed", engine=engine, task=task_id, exc_info=error)
            text = printable(f"{engine}: {type(error).__name__}: {error}")
            return Failed(FailureKind.INTERNAL_ERROR, text[:_LONGEST_MESSAGE])
