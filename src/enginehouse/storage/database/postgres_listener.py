"""Lets the servers on one PostgreSQL database wake each other."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import asyncpg

from enginehouse.domain.errors import Unavailable
from enginehouse.storage.database.channels import Channels

_PREFIX: Final = "enginehouse_"
_PAUSE: Final = 1.0
_GAP: Final = 0.01  # seconds between two sendings: under load each costs all servers more than it tells


class Listener:
    """One connection that receives and sends notifications. It reconnects after a loss.

    A notification carries only its channel. Correctness depends on polling; notifications only shorten the wait.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]], channels: Channels) -> None:
        self._connect = connect
        self._channels = channels
        self._wanted: set[str] = set()
        self._unsent: set[str] = set()
        self._something_to_do = asyncio.Event()
        self._connection: Any = None
        self._task = asyncio.create_task(self._stay_connected(), name="postgres-listener")

    def hear(self, channel: str) -> None:
        """Subscribes to `channel` soon. When the subscription begins, everyone who waits for it wakes once."""
        if channel not in self._wanted:
            self._wanted.add(channel)
            self._something_to_do.set()

    def send(self, channel: str) -> None:
        """Notifies the other servers of `channel` soon. Several calls during one sending are sent as one."""
        self._unsent.add(channel)
        self._something_to_do.set()

    def reconnect(self) -> None:
        """The connection is replaced, because the database was silent and it may have lost something."""
        if self._connection is not None:
            self._connection.terminate()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _stay_connected(self) -> None:
        while True:
            with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, Unavailable):
                self._connection = connection = await self._connect()
                try:
                    await self._talk(connection)
                finally:
                    self._connection = None
                    connection.terminate()
            await asyncio.sleep(_PAUSE)

    async def _talk(self, connection: Any) -> None:
        connection.add_termination_listener(lambda _: self._something_to_do.set())
        self._something_to_do.set()
        heard: set[str] = set()
        while not connection.is_closed():
            await self._something_to_do.wait()
            self._something_to_do.clear()
            for channel in self._wanted - heard:
                await connection.add_listener(_PREFIX + channel, self._heard)
                heard.add(channel)
                # Notifications from before the subscription are lost, so everyone who waits looks again.
                self._channels.notify(channel)
            unsent, self._unsent = self._unsent, set()
            if unsent:
                await connection.execute(";".join(f'NOTIFY "{_PREFIX}{channel}"' for channel in sorted(unsent)))
                await asyncio.sleep(_GAP)

    def _heard(self, connection: Any, process: int, channel: str, _payload: object) -> None:
        if process != connection.get_server_pid():  # this server has already woken its own waiters
            self._channels.notify(channel.removeprefix(_PREFIX))
