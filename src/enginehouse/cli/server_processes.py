"""Several server processes on one port: their parent starts them, starts again those that die, and hands signals on.

Each process is a whole server. The parent takes no request and opens no database.
"""

import asyncio
import signal
import sys
from dataclasses import replace
from pathlib import Path

import msgspec

from enginehouse import logs
from enginehouse.cli import banner, data_folder, file_modes, port, stop_input
from enginehouse.cli.errors import CommandError
from enginehouse.cli.process_messages import COUNTS_SECONDS
from enginehouse.cli.server_process import ProcessLife
from enginehouse.domain.totals import Totals
from enginehouse.settings import Settings


def keep_up(settings: Settings, *, config: Path | None = None, while_stdin_is_open: bool = False) -> None:
    """The processes have run and stopped. `config` is the file of their settings.

    Raises CommandError when one of them cannot start the first time, or did not stop by itself. With
    `while_stdin_is_open` the end of standard input counts as a signal.
    """
    logs.set_up(settings.log_format, level=logs.LEVELS[settings.log_level])
    data_folder.prepare(settings.data)
    with port.bind(settings) as bound:
        parent = _Parent(replace(settings, port=bound.getsockname()[1]), config)
        try:
            asyncio.run(parent.keep_up(sys.stdin.fileno() if while_stdin_is_open else None))
        finally:
            data_folder.withdraw(settings.data)


class _Parent:
    def __init__(self, settings: Settings, config: Path | None) -> None:
        self._settings = settings
        self._config = config
        self._lives: list[ProcessLife] = []
        self._is_ready = False
        self._stops = False

    async def keep_up(self, orders: int | None) -> None:
        """All processes have ended. Raises CommandError for those with a fault."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._receive_signal)
        if orders is not None:
            stop_input.listen(orders, self._receive_signal)
        numbers = range(1, self._settings.processes + 1)
        self._lives = [ProcessLife(number, self._settings, self._ready, self._end) for number in numbers]
        with file_modes.tightening(self._settings.data):
            sharing = asyncio.create_task(self._share_totals())
            await asyncio.gather(*(life.live() for life in self._lives))
            sharing.cancel()
        faults = [life.fault for life in self._lives if life.fault is not None]
        if faults:
            # At a start all of them usually have the same fault.
            raise CommandError("\n".join(dict.fromkeys(faults)))
        if self._is_ready:
            banner.say("enginehouse stopped")

    def _ready(self) -> None:
        """One more process takes requests. With the last of them the server is ready."""
        found = [life.report for life in self._lives if life.report is not None]
        if len(found) < len(self._lives) or self._stops:
            return
        self._is_ready = True
        data_folder.announce(self._settings.data, self._settings.local_url)
        # One of them has made the secrets, whichever was the first in the database.
        secrets = [file for report in found for file in report.secrets]
        banner.show(self._settings, self._config, msgspec.structs.replace(found[0], secrets=secrets))

    async def _share_totals(self) -> None:
        while True:
            await asyncio.sleep(COUNTS_SECONDS)
            for life in self._lives:
                elsewhere = Totals()
                for other in self._lives:
                    elsewhere.merge(other.totals_before if other is life else other.totals())
                life.tell(elsewhere)

    def _receive_signal(self) -> None:
        if self._is_ready and not self._stops:
            data_folder.withdraw(self._settings.data)
            banner.say("enginehouse stopping")
        self._end()

    def _end(self) -> None:
        self._stops = True
        for life in self._lives:
            life.receive_signal()
