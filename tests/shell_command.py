"""What a shell of the tests starts as `enginehouse`: the fork server runs the command on the streams of this process.

`tests/commands.py` writes it into a file, with the descriptor of the fork server as its first argument.
"""

import json
import os
import signal
import socket
import sys

STREAMS = (0, 1, 2)


def main() -> int:
    """The command has ended. Returns its exit code, as a shell has it."""
    control = socket.socket(fileno=int(sys.argv[1]))
    reading, writing = os.pipe()
    order = {"arguments": sys.argv[2:], "environment": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109 - to import pathlib takes longer than the rest
    socket.send_fds(control, [json.dumps(order).encode()], [*STREAMS, writing])
    os.close(writing)
    with os.fdopen(reading) as told:
        pid = int(told.readline())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda given, _: os.kill(pid, given))
        code = int(told.readline())
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
