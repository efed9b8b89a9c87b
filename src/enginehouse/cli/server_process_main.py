"""One of several server processes: `python -m enginehouse.cli.server_process_main NUMBER`, started by their parent."""

import asyncio
import os
import sys
from typing import Final

from enginehouse.cli import file_modes, port, process_messages, server
from enginehouse.cli.banner import StartReport
from enginehouse.cli.errors import CommandError
from enginehouse.cli.process_messages import Ready, Refused
from enginehouse.cli.process_totals import TotalsExchange
from enginehouse.operations.house import House

_INPUT: Final = 0
_OUTPUT: Final = 1
_ERRORS: Final = 2


def main() -> None:
    """The server has run and stopped. Why it could not start is told to the parent."""
    number = int(sys.argv[1])
    # The output is the parent's. What anything else prints there, also a child of this process, goes to the log.
    parent = os.dup(_OUTPUT)
    os.dup2(_ERRORS, _OUTPUT)
    try:
        _Member(number, parent).run()
    except CommandError as error:
        os.write(parent, process_messages.line(Refused(error.message)))
        sys.exit(error.exit_code)


class _Member:
    def __init__(self, number: int, parent: int) -> None:
        self._number = number
        self._parent = parent
        self._exchange: TotalsExchange | None = None
        self._telling: asyncio.Task[None] | None = None

    def run(self) -> None:
        """The server has run and stopped. Raises CommandError."""
        settings = process_messages.settings(_first_line())
        server.set_up_logs(settings, process=self._number)
        file_modes.restrict_umask()
        with port.bind(settings, is_shared=True) as bound:
            server.run(settings, bound, server.Moments(self._ready, self._stopping, self._hear), orders=_INPUT)

    def _ready(self, report: StartReport, house: House) -> None:
        os.write(self._parent, process_messages.line(Ready(report)))
        self._exchange = TotalsExchange(house.commits, self._parent)
        self._telling = asyncio.create_task(self._exchange.tell())

    def _stopping(self) -> None:
        if self._telling is not None:
            self._telling.cancel()

    def _hear(self, piece: bytes) -> None:
        if self._exchange is not None:
            self._exchange.hear(piece)


def _first_line() -> bytes:
    """Returns the first line of the input. The parent sends nothing more until this process is ready."""
    read = b""
    while not read.endswith(b"\n"):
        piece = os.read(_INPUT, process_messages.LONGEST)
        if not piece:
            sys.exit(0)  # the parent is gone
        read += piece
    return read


if __name__ == "__main__":
    main()
