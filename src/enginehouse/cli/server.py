"""Runs a server in one process: the port, the keeper, the event loop, the signals."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast

import uvicorn
import uvloop

from enginehouse import app, logs
from enginehouse.api.asgi import Application
from enginehouse.cli import banner, data_folder, file_modes, port, stop_input
from enginehouse.cli.banner import StartReport
from enginehouse.cli.errors import CommandError
from enginehouse.domain.errors import Refusal
from enginehouse.engines.keeper import Keeper
from enginehouse.engines.sandbox.sandbox import SandboxMissing
from enginehouse.http_protocol.limits import ConnectionLimits
from enginehouse.http_protocol.protocol import protocol
from enginehouse.operations.house import House
from enginehouse.operations.throttle import client_network
from enginehouse.server.error_lines import ErrorLines
from enginehouse.settings import Settings

_BACKLOG = 2048
_GRACEFUL_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Moments:
    """What happens when the server is ready, when it takes no more requests, and at a piece of its input."""

    ready: Callable[[StartReport, House], None]
    stopping: Callable[[], None]
    heard: Callable[[bytes], None] | None = None


def keep_up(settings: Settings, *, config: Path | None = None, while_stdin_is_open: bool = False) -> None:
    """The server has run and stopped. `config` is the file of its settings. Raises CommandError when it cannot start.

    With `while_stdin_is_open` the end of standard input counts as a signal, for a parent that may be killed.
    """
    set_up_logs(settings)
    data_folder.prepare(settings.data)
    # The port is bound before anything starts. The server listens only at the end; until then connections are refused.
    with port.bind(settings) as bound:
        settings = replace(settings, port=bound.getsockname()[1])

        def ready(report: StartReport, _: House) -> None:
            data_folder.announce(settings.data, settings.local_url)
            banner.show(settings, config, report)

        def stopping() -> None:
            data_folder.withdraw(settings.data)
            banner.say("enginehouse stopping")

        orders = sys.stdin.fileno() if while_stdin_is_open else None
        try:
            stopped = run(settings, bound, Moments(ready, stopping), orders, file_modes.tightening(settings.data))
        finally:
            data_folder.withdraw(settings.data)
        if stopped:
            banner.say("enginehouse stopped")


def set_up_logs(settings: Settings, *, process: int | None = None) -> None:
    """The log lines of this process, which is one of several if it has a number, go to stderr as the settings say."""
    logs.set_up(settings.log_format, level=logs.LEVELS[settings.log_level], process=process)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(ErrorLines(lambda: client_network() or None))


def run(
    settings: Settings,
    bound: socket.socket,
    moments: Moments,
    orders: int | None = None,
    meanwhile: contextlib.AbstractContextManager[None] | None = None,
) -> bool:
    """A server has run on this socket. Returns False if it was stopped before it was ready, or by a third signal.

    The end of the input `orders` counts as a signal. Raises CommandError when it cannot start.
    """
    keeper = app.start_keeper(settings)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, keeper, bound, moments, orders, meanwhile or contextlib.nullcontext()))
    except Refusal as refusal:
        raise CommandError(refusal.message) from None
    except SandboxMissing as missing:
        text = f"--engine-sandbox {settings.engine_sandbox} cannot be used: {missing}."
        raise CommandError(text) from None
    except OSError as error:
        raise CommandError(f"The server cannot start: {error}.") from error
    except asyncio.CancelledError:
        return False
    finally:
        keeper.close()
    return True


async def _serve(
    settings: Settings,
    keeper: Keeper,
    bound: socket.socket,
    moments: Moments,
    orders: int | None,
    meanwhile: contextlib.AbstractContextManager[None],
) -> None:
    signals = _Signals(asyncio.current_task())
    if orders is not None:
        stop_input.listen(orders, signals.receive, moments.heard)
    async with app.running(settings, keeper) as running:
        secrets = data_folder.keep_secrets(settings.data, running.first_start)
        kinds = Counter(engine.spec.kind.value for engine in running.house.catalogue.by_id.values())
        report = StartReport(kinds, running.sandbox, list(running.engine_problems), [str(path) for path in secrets])
        server = _Server(
            running.application,
            _limits(settings),
            lambda: moments.ready(report, running.house),
            running.end_streams,
            settings.trusted_proxy,
        )
        signals.attach(server, running.hurry)
        with meanwhile:
            await server.serve(sockets=[bound])
        moments.stopping()


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


class _Signals:
    """The first signal lets attempts end, the second gives them back, the third ends the process at once."""

    def __init__(self, task: asyncio.Task[None] | None) -> None:
        self._server: _Server | None = None
        self._hurry: Callable[[], None] | None = None
        self._count = 0
        self._task = task
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.receive)

    def attach(self, server: "_Server", hurry: Callable[[], None]) -> None:
        """From now on a signal stops this server. Before, a signal cancels the start."""
        self._server, self._hurry = server, hurry

    def receive(self) -> None:
        """A signal has come."""
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
