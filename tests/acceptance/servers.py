"""The real command in its own processes: a running server, and the result of one call."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx
from tests import commands

COMMAND = commands.BY_MODULE
DEADLINE = 60.0
TOKEN = "5d1f3c52-7a56-4c0c-9f3e-5b0a64f3a911"


@dataclass(frozen=True, slots=True)
class Said:
    """The exit code and the output of a call."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Server:
    """A server that has printed that it is ready. `heard` gets every line of its stderr."""

    url: str
    data: Path
    process: commands.Process
    heard: list[str] = field(default_factory=list)
    news: threading.Condition = field(default_factory=threading.Condition)

    @property
    def token(self) -> str:
        return (self.data / "token").read_text().strip()

    def client(self, token: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, verify=False)  # there is no TLS

    def cli(self, *arguments: str, **more: Any) -> Said:
        """Calls the command for this server, which it finds by its data folder."""
        return call(*arguments, environment={"ENGINEHOUSE_DATA": str(self.data)}, **more)

    def heard_until(self, text: str) -> None:
        """The server has printed a line with this text."""
        with self.news:
            assert self.news.wait_for(lambda: any(text in line for line in self.heard), DEADLINE), self.heard

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The server has stopped after the signal. Returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(DEADLINE)


def call(
    *arguments: str,
    environment: dict[str, str] | None = None,
    stdin: str | IO[bytes] = "",
    folder: Path | None = None,
) -> Said:
    """The command has ended. Returns its output."""
    ended = commands.run(
        [*COMMAND, *arguments], environment=clean(environment), stdin=stdin, folder=folder, timeout=DEADLINE * 2
    )
    return Said(ended.returncode, ended.stdout, ended.stderr)


def clean(more: dict[str, str] | None = None) -> dict[str, str]:
    """Returns the environment without the settings of other servers."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("ENGINEHOUSE_", "AIWARE_"))} | (more or {})


@contextmanager
def serving(data: Path, *flags: str, environment: dict[str, str] | None = None) -> Iterator[Server]:
    """Yields `enginehouse serve` on a free port, ready inside the block and gone after it."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as stderr:
        command = [*COMMAND, "serve", "--data", str(data), "--port", "0", *flags]
        process = commands.start(command, environment=clean(environment), stderr=stderr)
    server = Server("", data, process)
    overdue = threading.Timer(DEADLINE, process.kill)
    overdue.start()
    printed = os.fdopen(reading)
    try:
        for line in printed:
            server.heard.append(line.rstrip("\n"))
            if line.startswith("ready: "):
                server.url = line.split()[1]
                break
        overdue.cancel()
        assert server.url, server.heard
        reader = threading.Thread(target=_hear, args=(server, printed), daemon=True)
        reader.start()
        yield server
        server.stop()
        reader.join(DEADLINE)
    finally:
        overdue.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
        printed.close()


def _hear(server: Server, printed: IO[str]) -> None:
    for line in printed:
        with server.news:
            server.heard.append(line.rstrip("\n"))
            server.news.notify_all()
