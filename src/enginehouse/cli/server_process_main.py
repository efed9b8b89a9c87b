"""One of several server processes: `python -m enginehouse.cli.server_process_main NUMBER`, started by their parent."""

import os
import sys
from collections.abc import Callable
from typing import Final

from enginehouse.cli import file_modes, port, process_messages, server
from enginehouse.cli.banner import StartReport
from enginehouse.cli.errors import CommandError
from enginehouse.cli.process_messages import Ready, Refused

_INPUT: Final = 0
_OUTPUT: Final = 1
_ERRORS: Final = 2


def main() -> None:
    """The server has run and stopped. Why it could not start is told to the parent."""
    number = int(sys.argv[1])
    # The output is the parent's. What anything else prints there, also a child of this process, goes to the log.
    parent = os.dup(_OUTPUT)
    os.dup2(_ERRORS, _OUTPUT)

    def tell(message: Ready | Refused) -> None:
        os.write(parent, process_messages.line(message))

    try:
        _run(number, tell_ready=lambda report: tell(Ready(report)))
    except CommandError as error:
        tell(Refused(error.message))
        sys.exit(error.exit_code)


def _run(number: int, tell_ready: Callable[[StartReport], None]) -> None:
    settings = process_messages.settings(_first_line())
    server.set_up_logs(settings, process=number)
    file_modes.restrict_umask()
    with port.bind(settings, is_shared=True) as bound:
        server.run(settings, bound, server.Moments(tell_ready, stopping=lambda: None), orders=_INPUT)


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
