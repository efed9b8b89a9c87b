"""Runs a worker in one process: the keeper, the event loop, the signals."""

import asyncio
import contextlib
import json
import signal
from collections import Counter
from typing import Final

import uvloop

from enginehouse import __version__, logs, worker_app
from enginehouse.cli import terminal
from enginehouse.cli.errors import CommandError
from enginehouse.domain.errors import Refusal
from enginehouse.engines.keeper import Keeper
from enginehouse.engines.ray.access import ClusterRefused
from enginehouse.engines.sandbox.levels import SandboxLevel
from enginehouse.engines.sandbox.sandbox import SandboxMissing
from enginehouse.worker.connection import TokenRefused
from enginehouse.worker_app import RunningWorker
from enginehouse.worker_settings import WorkerSettings

_ADVICE: Final = "Create a token with: enginehouse token create --worker"


def keep_up(settings: WorkerSettings, *, as_json: bool) -> None:
    """The worker has run and stopped. Raises CommandError when it cannot start, or when its token is not valid."""
    logs.set_up(settings.log_format, level=logs.LEVELS[settings.log_level])
    keeper = worker_app.start_keeper(settings)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_work(settings, keeper, as_json=as_json))
    except TokenRefused as refused:
        raise CommandError(f"The server at {settings.server} refuses the worker: {refused} {_ADVICE}") from None
    except Refusal as refusal:
        raise CommandError(f"The server at {settings.server} refuses the worker: {refusal.message}") from None
    except ClusterRefused as refused:
        raise CommandError(str(refused)) from None
    except SandboxMissing as missing:
        raise CommandError(f"--engine-sandbox {settings.engine_sandbox} cannot be used: {missing}.") from None
    except OSError as error:
        raise CommandError(f"The worker cannot start: {error}.") from error
    except asyncio.CancelledError:
        return  # stopped before it was ready, or by a third signal
    finally:
        keeper.close()


async def _work(settings: WorkerSettings, keeper: Keeper, *, as_json: bool) -> None:
    stopped = _StopSignals(asyncio.current_task())
    refusal: str | None = None
    async with worker_app.running(settings, keeper) as worker:
        stopped.attach(worker)
        _announce(settings, worker, as_json=as_json)
        worker.refused.add_done_callback(lambda _: stopped.event.set())
        await stopped.event.wait()
        if worker.refused.done():
            refusal = worker.refused.result()
            worker.supervisor.hurry()  # nobody would accept what they do
        terminal.echo("enginehouse worker stopping", err=True)
    terminal.echo("enginehouse worker stopped", err=True)
    if refusal is not None:
        raise TokenRefused(refusal)


def _announce(settings: WorkerSettings, worker: RunningWorker, *, as_json: bool) -> None:
    registry = worker.registry
    if as_json:
        line = {
            "instanceID": registry.path.rpartition("/")[2],
            "name": registry.name,
            "engineIDs": sorted(registry.engines),
            "unknownEngineIDs": list(registry.unknown),
        }
        with contextlib.suppress(BrokenPipeError):
            terminal.echo_raw(json.dumps(line))
    kinds = Counter(spec.kind.value for spec in worker.specs if spec.id in registry.engines)
    lines = [
        f"Enginehouse worker {__version__}",
        f"  server    {settings.server}",
        f"  name      {registry.name}",
        f"  engines   {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items())) or 'none'}",
    ]
    if registry.unknown:
        lines.append(f"  unknown   {', '.join(registry.unknown)}: the server does not have these engines")
    if settings.on_ray:
        lines.append(f"  runs on   the Ray cluster at {settings.ray_address}, {settings.max_hosts} engines at most")
    if worker.sandbox is SandboxLevel.NONE:
        lines.append("  sandbox   NONE. ENGINES CAN READ AND CHANGE EVERYTHING THAT THE WORKER CAN.")
    else:
        lines.append(f"  sandbox   {worker.sandbox}")
    lines += [f"  not used  {terminal.escape(problem)}" for problem in worker.engine_problems]
    terminal.echo("\n".join([*lines, f"ready: {registry.name}"]), err=True)


class _StopSignals:
    """The first signal lets attempts end, the second gives them back, the third ends the process at once."""

    def __init__(self, task: "asyncio.Task[None] | None") -> None:
        self.event = asyncio.Event()
        self._task = task
        self._worker: RunningWorker | None = None
        self._count = 0
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._receive)

    def attach(self, worker: RunningWorker) -> None:
        """From now on a signal stops this worker. Before, it cancels the start."""
        self._worker = worker

    def _receive(self) -> None:
        self._count += 1
        self.event.set()
        if self._worker is None or self._count > 2:
            if self._task is not None:
                self._task.cancel()
        elif self._count == 2:
            self._worker.supervisor.hurry()
