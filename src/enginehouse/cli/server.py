"""Runs a server in one process: the port, the keeper, the event loop, the signals."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast

import uvicorn
import uvloop

from enginehouse import __version__, app, logs
from enginehouse.api.asgi import Application
from enginehouse.cli import data_folder, file_modes, terminal
from enginehouse.cli.errors import CommandError
from enginehouse.domain.errors import Refusal
from enginehouse.engines.keeper import Keeper
from enginehouse.engines.sandbox.levels import SandboxLevel
from enginehouse.engines.sandbox.sandbox import SandboxMissing
from enginehouse.http_protocol.limits import ConnectionLimits
from enginehouse.http_protocol.protocol import protocol
from enginehouse.operations.throttle import client_network
from enginehouse.server.error_lines import ErrorLines
from enginehouse.settings import Settings

_BACKLOG = 2048
_GRACEFUL_SECONDS = 10


def keep_up(settings: Settings, *, config: Path | None = None, while_stdin_is_open: bool = False) -> None:
    """The server has run and stopped. `config` is the file of its settings. Raises CommandError when it cannot start.

    With `while_stdin_is_open` the end of standard input counts as a signal, for a parent that may be killed.
    """
    logs.set_up(settings.log_format, level=logs.LEVELS[settings.log_level])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(ErrorLines(lambda: client_network() or None))
    data_folder.prepare(settings.data)
    # The port is bound before anything starts. The server listens only at the end; until then connections are refused.
    with _bind(settings) as listener:
        settings = replace(settings, port=listener.getsockname()[1])
        keeper = app.start_keeper(settings)
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_serve(settings, config, keeper, listener, while_stdin_is_open=while_stdin_is_open))
        except Refusal as refusal:
            raise CommandError(refusal.message) from None
        except SandboxMissing as missing:
            text = f"--engine-sandbox {settings.engine_sandbox} cannot be used: {missing}."
            raise CommandError(text) from None
        except OSError as error:
            raise CommandError(f"The server cannot start: {error}.") from error
        except asyncio.CancelledError:
            return  # stopped before it was ready, or by a third signal
        finally:
            keeper.close()


async def _serve(
    settings: Settings, config: Path | None, keeper: Keeper, listener: socket.socket, *, while_stdin_is_open: bool
) -> None:
    signals = _Signals(asyncio.current_task())
    if while_stdin_is_open:
        signals.stop_at_end_of(sys.stdin.fileno())
    async with app.running(settings, keeper) as running:
        secrets = data_folder.keep_secrets(settings.data, running.first_start)
        url = _url(settings, listener)

        def ready() -> None:
            data_folder.announce(settings.data, url)
            print(_banner(settings, config, running, url, secrets), file=sys.stderr, flush=True)

        server = _Server(running.application, _limits(settings), ready, running.end_streams, settings.trusted_proxy)
        signals.attach(server, running.hurry)
        try:
            with file_modes.tightening(settings.data):
                await server.serve(sockets=[listener])
        finally:
            data_folder.withdraw(settings.data)
        print("enginehouse stopping", file=sys.stderr, flush=True)
    print("enginehouse stopped", file=sys.stderr, flush=True)


def _limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(
        head_bytes=settings.head_bytes,
        head_lines=settings.head_lines,
        head_seconds=settings.head_seconds,
        body_seconds=settings.body_seconds,
        body_bytes_per_second=settings.body_bytes_per_second,
        silent_seconds=settings.silent_seconds,
        per_address=settings.connections_per_address,
        silent_per_address=settings.silent_connections_per_address,
        proxies=tuple(ip_network(place) for place in settings.trusted_proxy),
    )


def _banner(settings: Settings, config: Path | None, running: app.RunningServer, url: str, secrets: list[Path]) -> str:
    """Returns the lines that a server prints when it is ready. They name the files of secrets, but show no secret."""
    kinds = Counter(engine.spec.kind.value for engine in running.house.catalogue.by_id.values())
    return "\n".join([
        f"Enginehouse {__version__}",
        f"  url       {url}",
        f"  database  {settings.database_place or settings.data / 'enginehouse.db'}",
        f"  engines   {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}",
        f"  data      {settings.data}",
        *([f"  settings  {config}"] if config is not None else []),
        *_sandbox(running.sandbox),
        *(f"  not used  {terminal.escape(problem)}" for problem in running.engine_problems),
        *(f"  {path.name.replace('-', ' '):<15} in {path}" for path in secrets),
        f"ready: {url}",
    ])  # fmt: skip


def _sandbox(level: SandboxLevel) -> list[str]:
    if level is not SandboxLevel.NONE:
        return [f"  sandbox   {level}"]
    warning = "NONE. ENGINES CAN READ AND CHANGE EVERYTHING THAT THE SERVER CAN, ALSO ITS SECRETS AND ITS DATABASE."
    advice = "Install bubblewrap and use --engine-sandbox auto, or run only engines that you trust."
    return [f"  sandbox   {warning} {advice}"]


class _Signals:
    """The first signal lets attempts end, the second gives them back, the third ends the process at once."""

    def __init__(self, task: asyncio.Task[None] | None) -> None:
        self._server: _Server | None = None
        self._hurry: Callable[[], None] | None = None
        self._count = 0
        self._task = task
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._receive)

    def stop_at_end_of(self, fd: int) -> None:
        """The end of this input counts as a signal. Anything else on it is ignored."""
        loop = asyncio.get_running_loop()

        def read() -> None:
            if not os.read(fd, 4096):
                loop.remove_reader(fd)
                self._receive()

        loop.add_reader(fd, read)

    def attach(self, server: "_Server", hurry: Callable[[], None]) -> None:
        """From now on a signal stops this server. Before, a signal cancels the start."""
        self._server, self._hurry = server, hurry

    def _receive(self) -> None:
        self._count += 1
        if self._server is None or self._hurry is None or self._count > 2:
            if self._task is not None:
                self._task.cancel()
        elif self._count == 2:
            self._server.force_exit = True
            self._hurry()
        else:
            self._server.should_exit = True


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers. It calls `ready` when it listens."""

    def __init__(
        self,
        application: Application,
        limits: ConnectionLimits,
        ready: Callable[[], None],
        end_streams: Callable[[], Awaitable[None]],
        proxies: Sequence[str],
    ) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http=cast(Any, protocol(limits)),  # uvicorn only calls it, so it needs no class
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(proxies),
                forwarded_allow_ips=list(proxies),
                backlog=_BACKLOG,
                timeout_graceful_shutdown=_GRACEFUL_SECONDS,
            )
        )
        self._ready = ready
        self._end_streams = end_streams

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals stay unchanged: `_Signals` handles them, because a server is more than HTTP."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _spare_the_collector()
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # A stream does not end by itself, so uvicorn would wait for it for ever.
        await self._end_streams()
        await super().shutdown(sockets)


def _spare_the_collector() -> None:
    """The collector ignores the objects that exist now, and full collections are rare.

    With the defaults it walks every plan in memory again and again, which takes half the time of a create.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _bind(settings: Settings) -> socket.socket:
    host, port = settings.host, settings.port
    listener = None
    try:
        [(family, _, _, _, address), *_] = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Two servers can bind the same port before one listens. Only one of them can listen.
    except OSError as error:
        if listener is not None:
            listener.close()
        raise CommandError(
            f"The server cannot listen on {host}:{port}: {error.strerror or error}. Choose another port with --port; "
            "0 means any free one."
        ) from None
    return listener


def _url(settings: Settings, listener: socket.socket) -> str:
    """Returns the URL of the server for clients on this machine."""
    return replace(settings, port=listener.getsockname()[1]).local_url
