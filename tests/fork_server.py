"""A process that has made ready what every `enginehouse` does, and starts the command by a fork, in milliseconds.

`tests/commands.py` runs this file, and sends an order for each command: JSON with its arguments, its environment and
its folder, and four descriptors: stdin, stdout, stderr and a pipe. Into that pipe go the command's process id and, at
its end, its exit code. The forked process runs `main` like a fresh one: its descriptors, signals, streams, path and
environment are those of the order.
"""

import atexit
import gc
import json
import os
import selectors
import signal
import socket
import sys
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

STREAMS = 3
LONGEST = 1 << 20

_code = 1  # with which an error ends that nobody catches


def _leave() -> None:
    """This process ends without the last step of Python, which takes all modules apart one by one."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(_code)


def serve(control: socket.socket) -> None:
    """Returns in the process of each command. The process that has called it ends inside."""
    waker, wakened = socket.socketpair()
    for end in (control, waker, wakened):
        end.setblocking(False)
    signal.set_wakeup_fd(wakened.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, and when they are over, so is this process
    pipes: dict[int, int] = {}  # of the running commands, by their process ids
    with selectors.DefaultSelector() as ready:
        ready.register(control, selectors.EVENT_READ)
        ready.register(waker, selectors.EVENT_READ)
        while True:
            ready.select()
            with suppress(BlockingIOError):
                waker.recv(4096)
            _report(pipes)
            with suppress(BlockingIOError):
                order, descriptors, *_ = socket.recv_fds(control, LONGEST, STREAMS + 1)
                if not order:
                    os._exit(0)
                if (pid := os.fork()) == 0:
                    break
                *streams, pipes[pid] = descriptors
                for stream in streams:
                    os.close(stream)
                _tell(pipes[pid], pid)
    _become(json.loads(order), descriptors)


def _report(pipes: dict[int, int]) -> None:
    """The exit codes of the commands that have ended are in their pipes."""
    while pipes:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        _tell(pipes[pid], os.waitstatus_to_exitcode(status))
        os.close(pipes.pop(pid))


def _tell(pipe: int, number: int) -> None:
    with suppress(BrokenPipeError):
        os.write(pipe, f"{number}\n".encode())


def _become(order: dict[str, Any], descriptors: list[int]) -> None:
    """This process is like one that has been started for the order."""
    processes.die_with_parent()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, descriptor in enumerate(descriptors[:STREAMS]):
        os.dup2(descriptor, number)
    for descriptor in [int(path.name) for path in Path("/dev/fd").iterdir()]:
        if descriptor >= STREAMS:
            with suppress(OSError):  # the list itself had one
                os.close(descriptor)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.argv = order["arguments"]
    sys.stdin, sys.stdout = os.fdopen(0, encoding="utf-8"), os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)


if __name__ == "__main__":
    atexit.register(_leave)  # the first that is registered is the last that is called
    from enginehouse import cli
    from enginehouse.api.graphql.schema import schema
    from enginehouse.cli.main import main
    from enginehouse.engines import processes
    from enginehouse.storage.database.sql import statements

    for found in iter_modules(cli.__path__, f"{cli.__name__}."):
        import_module(found.name)
    schema()
    statements("sqlite")
    statements("postgres")
    assert threading.active_count() == 1, "a fork has only the thread that forks"
    gc.collect()
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
    try:
        main()
    except SystemExit as ended:
        _code = ended.code if isinstance(ended.code, int) else 1
        raise
