"""A server that lives as long as this command: started, waited for, and stopped with everything it runs."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from enginehouse.cli import folder
from enginehouse.cli.problem import FailureError

_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0
_LOOK_SECONDS = 0.02


class ChildServer:
    """`enginehouse serve` on a data folder, ready inside the `with`, gone after it."""

    def __init__(self, data: Path, port: int, *, allow_private_urls: bool = False) -> None:
        self._data = data
        self._log = data / "server.log"
        self._command = [sys.executable, "-P", "-m", "enginehouse", "serve", "--data", str(data), "--port", str(port)]
        # Were this command killed, its end of the pipe would close, and the server with it.
        self._command.append("--while-stdin-is-open")
        if allow_private_urls:
            self._command.append("--allow-private-urls")
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.token = ""

    def __enter__(self) -> Self:
        # Settings of another server in the environment are not meant for this one.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ENGINEHOUSE_")}
        try:
            self._data.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(  # noqa: S603 - our own command
                    self._command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment
                )
        except OSError as error:
            raise FailureError(f"The data folder {self._data} cannot be used: {error.strerror}.") from None
        try:
            self._await_ready(self._process)
            self.token = os.environ.get("AIWARE_INIT_TOKEN") or folder.token(self._data) or ""
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def wait(self) -> None:
        """Somebody has stopped this command, as a kept server is ended. Raises FailureError when it ended otherwise."""
        if self._process is None:
            return
        with suppress(KeyboardInterrupt):
            if (code := self._process.wait()) != 0:
                raise self._ended(code)

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            if (code := process.poll()) is not None:
                raise self._ended(code)
            found = folder.server(self._data)
            if found is not None and found.pid == process.pid:
                self.url = found.url
                return
            time.sleep(_LOOK_SECONDS)
        raise FailureError(f"The server was not ready within {_READY_SECONDS:.0f} s. Its log is {self._log}.")

    def _ended(self, code: int) -> FailureError:
        said = self._log.read_text(errors="replace").strip().splitlines()
        last = said[-1].removeprefix("enginehouse: ") if said else f"it ended with code {code} and said nothing"
        return FailureError(f"The server did not stay up: {last}")

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
