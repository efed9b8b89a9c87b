"""A server with faults, for tests. Each fault raises an exception that quotes everything that it knows."""

import asyncio
import threading
from typing import Any, NoReturn

from enginehouse.cli.main import main
from enginehouse.engines.native.noop import Noop
from enginehouse.operations import identity, jobs, maintenance, target_assets

PAYLOAD = "patient-4711-has-a-cold"


def fail(*known: object) -> NoReturn:
    """Raises exceptions that quote everything known: as a cause, in a chain, and in a group."""
    quoted = f"{PAYLOAD} {known!r}"
    try:
        try:
            dict[str, str]()[quoted]
        except KeyError as error:
            error.add_note(quoted)
            raise ValueError(quoted) from error
    finally:
        raise ExceptionGroup(quoted, [RuntimeError(quoted), OSError(28, quoted, quoted)])


async def _fails(*known: object, **more: object) -> Any:
    fail(known, more)


async def _duty_fails(*known: object, **_: object) -> int:
    loop = asyncio.get_running_loop()
    loop.call_soon(fail, PAYLOAD)
    lost = loop.create_future()
    lost.set_exception(ValueError(PAYLOAD))
    del lost  # nobody reads it
    thread = threading.Thread(target=fail, args=(PAYLOAD,))
    thread.start()
    thread.join()
    fail(known)


def serve() -> None:
    """Runs the command with the faults."""
    create = jobs.create

    async def create_or_fail(house: Any, principal: Any, requests: Any, **more: Any) -> Any:
        if PAYLOAD in repr(requests) and "fails" in repr(requests):
            fail(house, principal, requests, more)
        return await create(house, principal, requests, **more)

    jobs.create = create_or_fail
    jobs.list_ = _fails
    identity.login = _fails
    target_assets.create_with_asset = _fails
    maintenance.expire_leases = _duty_fails
    Noop.process = _fails  # type: ignore[method-assign]
    main()
