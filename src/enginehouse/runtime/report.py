"""Reports to the source how an attempt has ended."""

import asyncio

import structlog

from enginehouse.domain.errors import IntegrityError, NotFound, TooLarge, Unavailable
from enginehouse.domain.retry import FailureKind
from enginehouse.domain.store_errors import BytesMissing, StoreUnavailable
from enginehouse.domain.work import Failed, Report, Stale
from enginehouse.engine import EngineFailure
from enginehouse.runtime.outage import Outage
from enginehouse.runtime.outputs import printable
from enginehouse.runtime.source import WorkSource

log = structlog.get_logger(__name__)

_PAUSES = (0.05, 0.2, 1.0, 3.0)
_LONGEST_MESSAGE = 2000


async def deliver(source: WorkSource, report: Report, outage: Outage) -> None:
    """The report has reached the source.

    Only the report is retried, so an error there does not run the engine again.
    """
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
            # The storage may not be able to take the outputs. Then the engine would run again each time the lease runs
            # out.
            text = "What the engine answered could not be recorded; the server's log says why."
            report = Report(report.key, report.token, Failed(FailureKind.INTERNAL_ERROR, text))
        else:
            if isinstance(answer, Stale):
                log.info("a late report was refused", item=report.key, token=report.token)
            return


def failure(error: Exception, *, engine: str, task_id: str) -> Failed:
    """Returns how an attempt that raised has ended.

    An unexpected exception is logged: it may be a fault of the server.
    """
    match error:
        case EngineFailure():
            return Failed(error.kind, _text(error.message), error.is_final, error.retry_after)
        case BytesMissing() | NotFound():
            # The bytes of an input are not there. That is not the engine's fault.
            return Failed(FailureKind.STREAM_READ_ERROR, _text(error.message))
        case TooLarge() | IntegrityError():
            return Failed(FailureKind.INVALID_DATA, error.message)
        case StoreUnavailable(data={"retry_after": int(seconds)}):
            return Failed(FailureKind.STORE_UNAVAILABLE, error.message, retry_after=seconds)
        case Unavailable():
            return Failed(FailureKind.SYSTEM_ERROR, error.message)
        case _:
            log.error("an engine of the server failed", engine=engine, task=task_id, exc_info=error)
            return Failed(FailureKind.INTERNAL_ERROR, _text(f"{engine}: {type(error).__name__}: {error}"))


def _text(message: str) -> str:
    """Returns the message as it is stored. An engine may have sent any text, of any length."""
    text = printable(message[: _LONGEST_MESSAGE + 1])
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[: _LONGEST_MESSAGE - 1]}…"
