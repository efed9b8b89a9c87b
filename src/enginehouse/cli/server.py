"""A server's life in one process: the port, the keeper, the event loop, the signals."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator

import uvicorn
import uvloop

from enginehouse import app, logs
from enginehouse.api.asgi import Application
from enginehouse.cli import banner, folder
from enginehouse.cli.problem import FailureError
from enginehouse.domain.errors import Refusal
from enginehouse.engines.keeper import Keeper
from enginehouse.settings import Settings

_BACKLOG = 2048
_GRACEFUL_SECONDS = 10


def keep_up(settings: Settings, *, while_stdin_is_open: bool = False) -> None:
    """The server was ready, served, and has stopped as it was told. Raises FailureError when it cannot start.

    `while_stdin_is_open`: the end of standard input is a signal as well, for a parent that may be killed.
    """
    logs.set_up(settings.log_format)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    _check_folder(settings)
    # Bound before anything is started, and listened on only when everything is: until then connections are refused.
    with _bound(settings) as listener:
        keeper = app.start_keeper(settings)
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_serve(settings, keeper, listener, while_stdin_is_open=while_stdin_is_open))
        except Refusal as refused:
            raise FailureError(refused.message) from None
        except OSError as error:
            raise FailureError(f"The server cannot start: {error}.") from error
        except asyncio.CancelledError:
            return  # told to stop before it was ready, or told twice
        finally:
            keeper.close()


async def _serve(settings: Settings, keeper: Keeper, listener: socket.socket, *, while_stdin_is_open: bool) -> None:
    stopping = _Stopping(asyncio.current_task())
    if while_stdin_is_open:
        stopping.at_end_of(sys.stdin.fileno())
    async with app.running(settings, keeper) as running:
        secrets = folder.keep_secrets(settings.data, running.first_start)
        url = _url(settings, listener)

        def ready() -> None:
            folder.describe(settings.data, url)
            banner.show(settings, running, url, secrets)

        server = _Server(running.application, ready, running.end_streams)
        stopping.of(server, running.hurry)
        try:
            await server.serve(sockets=[listener])
        finally:
            folder.forget(settings.data)
        banner.say("stopping")
    banner.say("stopped")


class _Stopping:
    """What signals do: the first lets everything end, the second gives back what runs, the third waits for nothing."""

    def __init__(self, task: asyncio.Task[None] | None) -> None:
        self._server: _Server | None = None
        self._hurry: Callable[[], None] | None = None
        self._told = 0
        self._task = task
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._stop)

    def at_end_of(self, fd: int) -> None:
        """The end of this input, on which nothing else is expected, is the first signal."""
        loop = asyncio.get_running_loop()

        def read() -> None:
            if not os.read(fd, 4096):
                loop.remove_reader(fd)
                self._stop()

        loop.add_reader(fd, read)

    def of(self, server: "_Server", hurry: Callable[[], None]) -> None:
        """From now on there is a server to stop; before, a signal only ends the start."""
        self._server, self._hurry = server, hurry

    def _stop(self) -> None:
        self._told += 1
        if self._server is None or self._hurry is None or self._told > 2:
            if self._task is not None:
                self._task.cancel()
        elif self._told == 2:
            self._server.force_exit = True
            self._hurry()
        else:
            self._server.should_exit = True


class _Server(uvicorn.Server):
    """uvicorn without its own signals, and with a word when it is ready."""

    def __init__(
        self, application: Application, ready: Callable[[], None], end_streams: Callable[[], Awaitable[None]]
    ) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=_BACKLOG,
                timeout_graceful_shutdown=_GRACEFUL_SECONDS,
            )
        )
        self._ready = ready
        self._end_streams = end_streams

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The signals are ours for the server's whole life, of which HTTP is only a part."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _spare_the_collector()
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # An answer that has no end of its own would be waited for in vain.
        await self._end_streams()
        await super().shutdown(sockets)


def _spare_the_collector() -> None:
    """What the start made is never looked through again, and full collections are rare.

    With the defaults the collector walks every plan in memory again and again: half the time of a create.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _check_folder(settings: Settings) -> None:
    data = settings.data
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise FailureError(
            f"The data folder {data} cannot be made: {error.strerror}. Name another with --data."
        ) from None
    if not os.access(data, os.W_OK | os.X_OK):
        raise FailureError(
            f"The data folder {data} cannot be written to. Name another with --data, or change its owner."
        )


def _bound(settings: Settings) -> socket.socket:
    host, port = settings.host, settings.port
    listener = None
    try:
        [(family, _, _, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Two servers may both bind a port that nobody listens on yet; only one may listen.
    except OSError as error:
        if listener is not None:
            listener.close()
        raise FailureError(
            f"{host}:{port} cannot be listened on: {error.strerror or error}. Choose another with --port, or --port 0 "
            "for any free one."
        ) from None
    return listener


def _url(settings: Settings, listener: socket.socket) -> str:
    """Where clients on this machine reach the server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
