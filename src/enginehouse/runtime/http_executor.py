"""Calls engines over HTTP: asks whether an engine is ready, calls it, waits for its webhooks, watches its health."""

import asyncio
import shutil
from collections import defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Final

from enginehouse.domain.engine import EngineAddress, EngineMode, EngineSpec
from enginehouse.domain.engine_health import HealthEvent
from enginehouse.domain.retry import FailureKind
from enginehouse.engine import EngineFailure, Output, Work
from enginehouse.engines.http import call, readiness
from enginehouse.engines.http.call import CallReply
from enginehouse.engines.http.callbacks import Callbacks
from enginehouse.engines.http.circuit import CALLS, FAILURES, Circuit
from enginehouse.engines.http.client import EngineTrouble, HttpClient, NotReached
from enginehouse.engines.http.exchange import Exchange
from enginehouse.engines.http.form import EngineInput, folder_ids, form_of
from enginehouse.engines.http.messages import CallAgain
from enginehouse.engines.threads import run_to_end
from enginehouse.runtime.attempt import AttemptRun
from enginehouse.runtime.attempt_info import AttemptInfo
from enginehouse.runtime.source import WorkSource

_MIB: Final = 1 << 20


class HttpExecutor:
    """Calls engines of kind `http`. It remembers which of them were ready, and how their last calls ended."""

    def __init__(self, source: WorkSource, client: HttpClient, callbacks: Callbacks) -> None:
        self._source = source
        self._client = client
        self._callbacks = callbacks
        self._ready: dict[str, EngineAddress] = {}
        self._circuits: dict[str, Circuit] = defaultdict(Circuit)

    async def call(self, attempt: AttemptRun, work: Work) -> list[Output]:
        """Returns the engine's outputs. Raises EngineFailure; of the kind ENGINE_UNAVAILABLE if it never got the work.

        Raises CallAgain for a polling engine that has no result yet.

        When the task is cancelled, the connection is closed, and the addresses of the attempt do not exist any more.
        """
        spec = attempt.spec
        address = spec.address
        if address is None:
            raise EngineFailure(f"{spec.name} has no address.", FailureKind.SYSTEM_DEPENDENCY_MISSING)
        await self._check_ready(spec, address)
        on_trial = (await self._source.engine_health(spec.id)).on_trial
        try:
            outputs = await self._called(attempt, work, address)
        except NotReached as trouble:
            await self._unready(spec, HealthEvent.NOT_READY, str(trouble))
            raise _given_back(spec, str(trouble)) from None
        except EngineTrouble as trouble:
            await self._failed(spec, trouble, on_trial=on_trial)
            raise
        except (EngineFailure, CallAgain):
            await self._works(spec, on_trial=on_trial)  # the engine answered; it is the work that failed, or waits
            raise
        await self._works(spec, on_trial=on_trial)
        return outputs

    async def probe(self, spec: EngineSpec) -> None:
        """The engine was asked whether it is ready, and the source knows its answer."""
        if spec.address is None:
            return
        found = await readiness.ask(self._client, spec.address)
        if found.reason is None:
            self._ready[spec.id] = spec.address
            await self._source.record_engine_health(spec.id, HealthEvent.READY, None, probed=True)
            return
        event = HealthEvent.GIVEN_UP if found.given_up else HealthEvent.NOT_READY
        await self._source.record_engine_health(spec.id, event, found.reason, probed=True)

    # -- the health of the engine ----------------------------------------------------------------------------

    async def _check_ready(self, spec: EngineSpec, address: EngineAddress) -> None:
        """The engine is ready: it was before, or it says so now. Raises EngineFailure if it is not."""
        if self._ready.get(spec.id) == address:
            return
        found = await readiness.ask(self._client, address)
        if found.reason is not None:
            await self._unready(spec, HealthEvent.GIVEN_UP if found.given_up else HealthEvent.NOT_READY, found.reason)
            raise _given_back(spec, found.reason)
        self._ready[spec.id] = address

    async def _unready(self, spec: EngineSpec, event: HealthEvent, reason: str) -> None:
        self._ready.pop(spec.id, None)
        await self._source.record_engine_health(spec.id, event, reason, probed=False)

    async def _failed(self, spec: EngineSpec, trouble: EngineTrouble, *, on_trial: bool) -> None:
        self._ready.pop(spec.id, None)
        opens = self._circuits[spec.id].failed()
        if opens or on_trial:
            how = "its first call since then failed" if on_trial else f"{FAILURES} of its last {CALLS} calls failed"
            said = " ".join(trouble.message.split())[:200]
            await self._unready(spec, HealthEvent.GIVEN_UP, f"{how} ({said.rstrip('.')})")

    async def _works(self, spec: EngineSpec, *, on_trial: bool) -> None:
        self._circuits[spec.id].succeeded()
        if on_trial:
            await self._source.record_engine_health(spec.id, HealthEvent.WORKS, None, probed=False)

    # -- one call --------------------------------------------------------------------------------------------

    async def _called(self, attempt: AttemptRun, work: Work, address: EngineAddress) -> list[Output]:
        try:
            await self._callbacks.start()
        except OSError as error:
            text = f"The server cannot listen for what engines send: {error.strerror or error}."
            raise EngineFailure(text, FailureKind.SYSTEM_ERROR) from error
        facts = await self._source.call_facts(attempt.lease)
        if facts.poll is not None:
            work = replace(work, payload=facts.poll)
        source = await run_to_end(asyncio.to_thread(_input_of, work))
        info = AttemptInfo(partial(self._source.tell, attempt.lease), attempt.log.line)
        exchange = Exchange(
            work.directory,
            source=source,
            folders=folder_ids(work, facts),
            room=attempt.spec.disk_mb * _MIB,
            log=attempt.log.line,
            tell=info.say,
        )
        limit = asyncio.timeout(attempt.timeout_seconds)
        with self._callbacks.opened(exchange) as webhooks:
            context = f"{0 if source is None else source.index:06d}_{attempt.lease.token}_{token_hex(8)}.in"
            form = form_of(work, attempt.spec.mode, source, facts, webhooks, context=context)
            target = work.directory / "answer"
            try:
                async with limit:
                    reply = await call.process(self._client, address, form, target=target, room=exchange.room)
                    return await _ended(attempt.spec.mode, exchange, reply)
            except TimeoutError:
                text = f"{attempt.spec.name} took longer than {attempt.timeout_seconds} s, and the call was given up."
                raise EngineTrouble(text, FailureKind.CHUNK_TIMEOUT) from None
            except EngineFailure:
                if exchange.failure is not None:  # what the engine itself says is more exact than the status
                    raise exchange.failure from None
                raise
            finally:
                await run_to_end(info.close())


async def _ended(mode: EngineMode, exchange: Exchange, reply: CallReply) -> list[Output]:
    """Returns all results of the call. An asynchronous engine has ended then. Raises CallAgain."""
    if reply.again is not None and exchange.failure is None:
        if exchange.outputs:
            raise EngineFailure("The engine has sent results and asks to be called again; it can only do one of them.")
        raise reply.again
    if reply.wait_seconds is not None:
        await exchange.ended(mode, reply.wait_seconds)
    elif exchange.failure is not None:
        raise exchange.failure
    return [*exchange.outputs, *([] if reply.output is None else [reply.output])]


def _given_back(spec: EngineSpec, reason: str) -> EngineFailure:
    return EngineFailure(f"{spec.name} is not available: {reason}.", FailureKind.ENGINE_UNAVAILABLE)


def _input_of(work: Work) -> EngineInput | None:
    """Returns the item's bytes as one file: its only input, all inputs in their order, or the text of the payload."""
    if len(work.inputs) == 1:
        [only] = work.inputs
        return EngineInput(
            path=only.path, size=only.size, media_type=only.media_type, index=only.index, folder=only.folder,
            start_ms=only.start_ms, stop_ms=only.stop_ms, metadata=only.metadata,
        )  # fmt: skip
    joined: Path = work.directory / "input"
    if work.inputs:
        with joined.open("wb") as target:
            for chunk in work.inputs:
                with chunk.path.open("rb") as file:
                    shutil.copyfileobj(file, target)
        first, last = work.inputs[0], work.inputs[-1]
        return EngineInput(
            path=joined, size=joined.stat().st_size, media_type=first.media_type, index=first.index,
            folder=first.folder, start_ms=first.start_ms, stop_ms=last.stop_ms, metadata=first.metadata,
        )  # fmt: skip
    text = work.payload.get("text") if isinstance(work.payload, dict) else None
    if not isinstance(text, str):
        return None
    joined.write_text(text, encoding="utf-8", errors="replace")
    return EngineInput(path=joined, size=joined.stat().st_size, media_type="text/plain", metadata={})
