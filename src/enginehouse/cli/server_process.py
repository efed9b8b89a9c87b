"""One of several server processes, as its parent sees it: it is started, and started again whenever it dies."""

import asyncio
import contextlib
import signal
import sys
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from time import monotonic
from typing import Final, cast

import structlog

from enginehouse.cli import process_messages
from enginehouse.cli.banner import StartReport
from enginehouse.cli.process_messages import CountedTotals, Message, Ready, Refused
from enginehouse.domain.totals import Totals
from enginehouse.settings import Settings

LONGEST_PAUSE: Final = 30.0  # seconds
STEADY: Final = 60.0  # seconds that a process must have lived to be started again at once
_SHORTEST: Final = 0.1
_COMMAND: Final = (sys.executable, "-P", "-m", "enginehouse.cli.server_process_main")

_log: Final = structlog.get_logger(__name__)


def pause(deaths: int) -> float:
    """Returns the seconds before the next start, after so many deaths in a row."""
    return min(_SHORTEST * 2.0 ** min(deaths - 1, 20), LONGEST_PAUSE)


class ProcessLife:
    """The process with a number, through any number of deaths, from its first start to the end of the server.

    `fault` is why it could not start the first time, or how it ended in place of stopping. `on_ready` is called when it
    takes requests for the first time, `on_fault` when it cannot start the first time. `totals_before` is what its
    starts before this one have counted.
    """

    def __init__(
        self, number: int, settings: Settings, on_ready: Callable[[], None], on_fault: Callable[[], None]
    ) -> None:
        self.number = number
        self.report: StartReport | None = None
        self.fault: str | None = None
        self._settings = process_messages.settings_line(settings.of_process(number))
        self._on_ready, self._on_fault = on_ready, on_fault
        self._process: Process | None = None
        self._is_ready = False  # this start of it
        self._refusal: str | None = None
        self._counted: CountedTotals | None = None  # by this start of it
        self.totals_before = Totals()
        self._stops = asyncio.Event()

    def receive_signal(self) -> None:
        """The process got SIGTERM, if it runs, and is not started again."""
        self._stops.set()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    def totals(self) -> Totals:
        """Returns what the process has counted, in all its starts."""
        found = Totals()
        found.merge(self.totals_before)
        if self._counted is not None:
            found.merge(self._counted.totals())
        return found

    def tell(self, elsewhere: Totals) -> None:
        """The process knows what the others have counted, if it runs and reads."""
        if self._is_ready and self._process is not None:
            stream = cast(StreamWriter, self._process.stdin)
            if not stream.transport.get_write_buffer_size():
                stream.write(process_messages.line(CountedTotals.of(elsewhere)))

    async def live(self) -> None:
        """The process has stopped after a signal, or has a fault."""
        deaths = 0
        while not self._stops.is_set():
            began = monotonic()
            code = await self._once()
            if self._stops.is_set():
                self._stopped(code)
            elif self.report is None:
                self.fault = self._refusal or f"Server process {self.number} has ended with {_how(code)} at its start."
                self._on_fault()
                return
            else:
                deaths = 1 if monotonic() - began >= STEADY else deaths + 1
                await self._rest(code, pause(deaths))

    def _stopped(self, code: int) -> None:
        if code != 0 and self._is_ready:  # before, a signal or its own refusal has ended the start
            self.fault = f"Server process {self.number} has ended with {_how(code)} while it stopped."

    async def _rest(self, code: int, seconds: float) -> None:
        if self._refusal is None:
            _log.error(
                "a server process has ended, and is started again",
                process=self.number,
                outcome=_how(code),
                seconds=seconds,
            )
        else:
            _log.error(
                "a server process cannot start, and tries again",
                process=self.number,
                reason=self._refusal,
                seconds=seconds,
            )
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stops.wait(), seconds)

    async def _once(self) -> int:
        """Returns the exit code of one start of the process, negative for a signal."""
        self._is_ready, self._refusal = False, None
        self.totals_before, self._counted = self.totals(), None
        # In a session of its own it does not get the Ctrl-C of a terminal, which its parent hands on.
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            str(self.number),
            stdin=PIPE,
            stdout=PIPE,
            limit=process_messages.LONGEST,
            start_new_session=True,
        )
        self._process = process
        try:
            if self._stops.is_set():
                self.receive_signal()
            with contextlib.suppress(ConnectionError):
                cast(StreamWriter, process.stdin).write(self._settings)
            async for read in cast(StreamReader, process.stdout):
                self._hear(process_messages.message(read))
            return await process.wait()
        finally:
            self._process = None
            if process.returncode is None:
                process.kill()
                await process.wait()

    def _hear(self, message: Message) -> None:
        match message:
            case Ready(report):
                self._is_ready = True
                if self.report is None:
                    self.report = report
                    self._on_ready()
                else:
                    _log.warning("a server process runs again", process=self.number)
            case Refused(text):
                self._refusal = text
            case CountedTotals():
                self._counted = message


def _how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"
