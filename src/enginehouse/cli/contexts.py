"""The contexts of a person: names for servers and their tokens, in a file that nobody else can read."""

import json
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from enginehouse.cli.errors import CommandError
from enginehouse.cli.near_words import did_you_mean
from enginehouse.server import private_file

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


@dataclass(frozen=True, slots=True)
class ServerContext:
    """A server under a name: its address and a token, or the data folder of a server on this machine."""

    name: str
    server: str | None = None
    token: str | None = None
    data: Path | None = None

    @property
    def place(self) -> str:
        """Where its server is, as people read it."""
        return self.server or f"the server on {self.data}"


@dataclass(frozen=True, slots=True)
class ContextFile:
    """The contexts, and the name of the one that is used when nothing else names a server."""

    current: str | None = None
    contexts: dict[str, ServerContext] = field(default_factory=dict)

    def get(self, name: str) -> ServerContext:
        """Returns the context with this name. Raises CommandError."""
        if name not in self.contexts:
            text = f'There is no context "{name}".{did_you_mean(name, self.contexts)} See: enginehouse context list'
            raise CommandError(text, exit_code=2)
        return self.contexts[name]

    def with_context(self, context: ServerContext) -> "ContextFile":
        """Returns the contexts with this one. The first is the current one."""
        return replace(self, current=self.current or context.name, contexts=self.contexts | {context.name: context})

    def without(self, name: str) -> "ContextFile":
        """Returns the contexts without this one."""
        rest = {other: context for other, context in self.contexts.items() if other != name}
        return ContextFile(None if self.current == name else self.current, rest)


def check_name(name: str) -> None:
    """Raises CommandError if no context can have this name."""
    if not _NAME.fullmatch(name):
        text = f'NAME: letters, digits, ".", "_" and "-", at most 60 and not a sign first, got "{name}".'
        raise CommandError(text, exit_code=2)


def path() -> Path:
    """Returns where the contexts of this person are."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "enginehouse" / "contexts.json"


def read() -> ContextFile:
    """Returns the contexts of this person. Raises CommandError if their file cannot be read."""
    try:
        content = json.loads(path().read_bytes())
        found = {name: _context(name, fields) for name, fields in content["contexts"].items()}
        current = content.get("current")
    except FileNotFoundError:
        return ContextFile()
    except OSError as error:
        raise CommandError(f"{path()} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        text = f"{path()} is not a file of contexts ({type(error).__name__}: {error}). Mend it, or remove it."
        raise CommandError(text) from None
    return ContextFile(current if current in found else None, found)


def write(contexts: ContextFile) -> None:
    """The contexts are in their file, which only this person can read. Raises CommandError."""
    content = {"current": contexts.current, "contexts": {one.name: _fields(one) for one in contexts.contexts.values()}}
    try:
        path().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        private_file.write(path(), json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise CommandError(f"{path()} cannot be written: {error.strerror}.") from None


def _context(name: str, fields: Any) -> ServerContext:
    data = fields.get("data")
    return ServerContext(name, fields.get("server"), fields.get("token"), None if data is None else Path(data))


def _fields(context: ServerContext) -> dict[str, str]:
    data = None if context.data is None else str(context.data)
    found = {"server": context.server, "token": context.token, "data": data}
    return {name: value for name, value in found.items() if value is not None}
