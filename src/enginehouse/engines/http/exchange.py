"""One call of an engine while it lasts: its input, and what the engine sends to its webhooks."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from enginehouse.domain.artifact import MAX_OUTPUTS
from enginehouse.engine import EngineFailure, EngineMode, FailureKind, Output
from enginehouse.engines.http.client import EngineTrouble
from enginehouse.engines.http.form import EngineInput
from enginehouse.engines.http.messages import BadMessage, EngineHeartbeat, SentResult

SILENT_SECONDS: Final = 90.0  # without a sign of life the engine counts as gone (engine-contract a.7)
QUIET_SECONDS: Final = 5.0  # after its result, an engine that sent heartbeats may still send more


class TooMuch(Exception):
    """The engine has sent more than this call may keep."""


class Exchange:
    """Takes what arrives for one attempt, until it is closed. Its `secret` is in the addresses of its webhooks.

    Results are files below `folder`, `room` bytes in all. `folders` are the output folders by their ids. `log` gets the
    lines of heartbeats, `tell` what the engine says of its work.
    """

    def __init__(
        self,
        folder: Path,
        *,
        source: EngineInput | None = None,
        folders: dict[str, int] | None = None,
        room: int,
        log: Callable[[str], None] = lambda line: None,
        tell: Callable[[Any], None] = lambda info: None,
    ) -> None:
        self.secret = secrets.token_urlsafe(32)
        self.source = source
        self.outputs: list[Output] = []
        self.open = True
        self.room = room
        self._folder = folder
        self._folders = folders or {}
        self._log = log
        self._tell = tell
        self._logged = ""
        self._files = 0
        self._beats = 0
        self._complete = False
        self._failure: EngineFailure | None = None
        self._life_at: float | None = None
        self._changed = asyncio.Event()

    @property
    def failure(self) -> EngineFailure | None:
        """What the engine has reported as its failure, if it has."""
        return self._failure

    def close(self) -> None:
        """Nothing more is taken. No file is written from now on."""
        self.open = False
        self._changed.set()

    def beat(self, beat: EngineHeartbeat) -> None:
        """The engine lives, and has perhaps ended. What it says is in the log once, until it says something else."""
        self._beats += 1
        if beat.progress and beat.progress != self._logged:
            self._logged = beat.progress
            self._log(beat.progress)
        if beat.info is not None:
            self._tell(beat.info)
        if not self._complete and self._failure is None:
            self._complete = beat.status == "complete"
            self._failure = beat.failure
        self._alive()

    def add(self, result: SentResult, media_type: str, source: bytes | Path, name: str | None = None) -> None:
        """The result is one of the call's outputs. Raises BadMessage, TooMuch."""
        folder = None if result.folder is None else self._folders.get(result.folder)
        if result.folder is not None and folder is None:
            raise BadMessage(f"outputFolderID: {result.folder[:60]!a} is no output folder of the task.")
        if len(self.outputs) >= MAX_OUTPUTS:
            raise TooMuch(f"At most {MAX_OUTPUTS} results are taken.")
        self.outputs.append(
            Output(
                media_type=media_type,
                data=source if isinstance(source, bytes) else None,
                path=source if isinstance(source, Path) else None,
                name=name,
                index=result.index,
                folder=folder,
                start_ms=result.start_ms,
                stop_ms=result.stop_ms,
                metadata=dict(result.metadata),
            )
        )
        if result.info is not None:
            self._tell(result.info)
        self._alive()

    def take_room(self, size: int) -> None:
        """The bytes count against the room. Raises TooMuch."""
        self.room -= size
        if self.room < 0:
            raise TooMuch("The engine has sent more bytes than one call may keep.")

    def new_file(self) -> Path:
        """Returns a path for a result."""
        self._files += 1
        return self._folder / f"result-{self._files:05d}"

    async def ended(self, mode: EngineMode, estimate: float) -> None:
        """The engine has ended its work, or the result of its chunk is here. Raises EngineFailure.

        A stream or batch engine ends with the heartbeat `complete`. So does a chunk engine that sends heartbeats; one
        that sends none has ended with its result. `estimate` (seconds) is how long it may be silent at first.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            self._changed.clear()
            if self._failure is not None:
                raise self._failure
            if self._complete:
                return
            has_result = mode is EngineMode.CHUNK and bool(self.outputs)
            if has_result and not self._beats:
                return
            if has_result:
                limit = QUIET_SECONDS
            else:
                limit = SILENT_SECONDS if self._life_at is not None else max(SILENT_SECONDS, estimate)
            left = (began if self._life_at is None else self._life_at) + limit - loop.time()
            if left <= 0 and has_result:
                return
            if left <= 0:
                text = f"The engine has sent neither a heartbeat nor a result for {limit:g} s."
                raise EngineTrouble(text, FailureKind.HEARTBEAT_TIMEOUT)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)

    def _alive(self) -> None:
        self._life_at = asyncio.get_running_loop().time()
        self._changed.set()
