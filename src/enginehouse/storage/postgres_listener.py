"""Knows how servers on one PostgreSQL wake each other up."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import asyncpg

from enginehouse.storage.channels import Channels

_PREFIX: Final = "enginehouse_"
_PAUSE: Final = 1.0


class Listener:
    """One connection that hears and sends; it comes back by itself when it is lost.

    Notifications carry nothing but their channel: polling is the truth, and they only shorten the wait.
    """

    def __init__(self, connect: Callable[[], Awaitable[Any]], channels: Channels) -> None:
        self._connect = connect
        self._channels = channels
        self._wanted: dict[str, asyncio.Event] = {}
        self._unsent: set[str] = set()
        self._something_to_do = asyncio.Event()
        self._task = asyncio.create_task(self._stay_connected(), name="postgres-listener")

    async def hears(self, channel: str, timeout: float) -> bool:  # noqa: ASYNC109 - part of the caller's own timeout
        """True once notifications of `channel` arrive here, within `timeout` seconds."""
        heard = self._wanted.get(channel)
        if heard is None:
            heard = self._wanted[channel] = asyncio.Event()
            self._something_to_do.set()
        try:
            async with asyncio.timeout(timeout):
                await heard.wait()
        except TimeoutError:
            return False
        return True

    def send(self, channel: str) -> None:
        """The other servers hear of `channel` soon; what is asked while one is being sent goes out once."""
        self._unsent.add(channel)
        self._something_to_do.set()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _stay_connected(self) -> None:
        while True:
            with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection = await self._connect()
                try:
                    await self._talk(connection)
                finally:
                    connection.terminate()
            for heard in self._wanted.values():
                heard.clear()
            # Whatever was sent meanwhile was not heard, so everybody looks for themselves.
            self._channels.notify_all()
            await asyncio.sleep(_PAUSE)

    async def _talk(self, connection: Any) -> None:
        connection.add_termination_listener(lambda _: self._something_to_do.set())
        self._something_to_do.set()
        while not connection.is_closed():
            await self._something_to_do.wait()
            self._something_to_do.clear()
            for channel, heard in list(self._wanted.items()):
                if not heard.is_set():
                    await connection.add_listener(_PREFIX + channel, self._hear)
                    heard.set()
            unsent, self._unsent = self._unsent, set()
            if unsent:
                await connection.execute(";".join(f'NOTIFY "{_PREFIX}{channel}"' for channel in sorted(unsent)))

    def _hear(self, connection: Any, process: int, channel: str, _payload: object) -> None:
        if process != connection.get_server_pid():  # what this server says it has already told itself
            self._channels.notify(channel.removeprefix(_PREFIX))
