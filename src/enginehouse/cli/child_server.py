"""A server that lives as long as this command."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from enginehouse.cli import config_file, data_folder
from enginehouse.cli.errors import CommandError

_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.02
_OF_OTHERS = frozenset({"ENGINEHOUSE_DATA", "ENGINEHOUSE_DATABASE", "ENGINEHOUSE_ARTIFACTS", "ENGINEHOUSE_PROCESSES"})


class ChildServer:
    """`enginehouse serve` on a data folder, ready inside the `with`, gone after it."""

    def __init__(self, data: Path, port: int, *, allow_private_urls: bool = False) -> None:
        self._data = data
        self._log = data / "server.log"
        self._command = [sys.executable, "-P", "-m", "enginehouse", "serve", "--data", str(data), "--port", str(port)]
        # When this command is killed, its end of the pipe closes, and the server stops.
        self._command.append("--while-stdin-is-open")
        if allow_private_urls:
            self._command.append("--allow-private-urls")
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.token = ""

    def __enter__(self) -> Self:
        # The environment may say where another server keeps its data.
        environment = {name: value for name, value in os.environ.items() if name not in _OF_OTHERS}
        environment[config_file.VARIABLE] = config_file.NONE
        try:
            self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(  # noqa: S603 - our own command
                    self._command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment
                )
        except OSError as error:
            raise CommandError(f"The data folder {self._data} cannot be used: {error.strerror}.") from None
        try:
            self._await_ready(self._process)
            self.token = os.environ.get("AIWARE_INIT_TOKEN") or data_folder.token(self._data) or ""
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def wait(self) -> None:
        """A person has interrupted this command. Raises CommandError when the server has ended by itself."""
        if self._process is None:
            return
        with suppress(KeyboardInterrupt):
            if (code := self._process.wait()) != 0:
                raise self._end_error(code)

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if (code := process.poll()) is not None:
                raise self._end_error(code)
            for server in data_folder.servers(self._data):
                if server.pid == process.pid:
                    self.url = server.url
                    return
            time.sleep(_POLL_SECONDS)
        raise CommandError(f"The server was not ready within {_READY_SECONDS:.0f} s. Its log is {self._log}.")

    def _end_error(self, code: int) -> CommandError:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        last = lines[-1].removeprefix("enginehouse: ") if lines else f"exit code {code}, and an empty log"
        return CommandError(f"The server has ended: {last}")

    def _stop(self) -> None:
        process = self._process
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
