"""Which server a command calls, and with which token: a flag goes before a variable, a variable before a context.

The rule is in docs/how-to/use-the-command-line.md, and `enginehouse context show` says what came of it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from enginehouse.cli.contexts import ContextFile

DEFAULT_SERVER: Final = "http://localhost:9000"
DEFAULT: Final = "default"  # the source of that one
SERVER_VARIABLES: Final = ("ENGINEHOUSE_SERVER", "ENGINEHOUSE_URL")
TOKEN_VARIABLE: Final = "ENGINEHOUSE_TOKEN"  # noqa: S105 - it is a name
DATA_VARIABLE: Final = "ENGINEHOUSE_DATA"
CONTEXT_VARIABLE: Final = "ENGINEHOUSE_CONTEXT"

Option = Literal["server", "token", "data", "context"]
_VARIABLES: Final[dict[Option, tuple[str, ...]]] = {
    "server": SERVER_VARIABLES,
    "token": (TOKEN_VARIABLE,),
    "data": (DATA_VARIABLE,),
    "context": (CONTEXT_VARIABLE,),
}
_PLACES: Final[tuple[Option, ...]] = ("server", "data", "context")


@dataclass(frozen=True, slots=True)
class Given:
    """What flags and variables say, and whether a flag says it."""

    values: dict[Option, str]
    typed: frozenset[Option]

    def source(self, option: Option) -> str:
        """Returns the flag or the variable that names the option."""
        if option in self.typed:
            return f"--{option}"
        return next((name for name in _VARIABLES[option] if os.environ.get(name)), _VARIABLES[option][0])

    def first_place(self) -> Option | None:
        """Returns what names the server: the flags come first, then the variables. None if none does."""
        order = sorted(_PLACES, key=lambda option: option not in self.typed)
        return next((option for option in order if option in self.values), None)


@dataclass(frozen=True, slots=True)
class ServerChoice:
    """The server that is called: an address or the data folder of one on this machine; and where each part is from.

    `token_data` is a data folder whose token is sent, if there is no `token`.
    """

    server: str | None
    data: Path | None
    server_source: str
    token: str | None = None
    token_data: Path | None = None
    token_source: str | None = None
    context: str | None = None


def choose(given: Given, read: Callable[[], ContextFile]) -> ServerChoice:
    """Returns the server that the command calls. Raises CommandError for a context that is not there.

    A token that belongs to a context or a data folder is sent to no other server than theirs.
    """
    match given.first_place():
        case "server":
            return _named(given, read)
        case "data":
            folder = Path(given.values["data"])
            return _with_token(given, ServerChoice(None, folder, given.source("data")), own=(None, folder))
        case "context":
            return _of_context(given, read(), given.values["context"], given.source("context"))
        case _:
            contexts = read()
            if contexts.current is not None:
                return _of_context(given, contexts, contexts.current, f"context {contexts.current}", is_weak=True)
            return _with_token(given, ServerChoice(DEFAULT_SERVER, None, DEFAULT))


def _named(given: Given, read: Callable[[], ContextFile]) -> ServerChoice:
    server, source = given.values["server"].rstrip("/"), given.source("server")
    chosen = ServerChoice(server, None, source)
    if "token" in given.values:
        return _with_token(given, chosen)
    if "data" in given.values and ("data" in given.typed) == ("server" in given.typed):
        return _with_token(given, chosen, own=(None, Path(given.values["data"])), source=given.source("data"))
    for context in read().contexts.values():
        if context.token is not None and context.server == server:
            return _with_token(given, chosen, own=(context.token, None), source=f"context {context.name}")
    return chosen


def _of_context(given: Given, contexts: ContextFile, name: str, source: str, *, is_weak: bool = False) -> ServerChoice:
    """Returns the server of a context. A variable with a token goes before a context that no flag names."""
    context = contexts.get(name)
    chosen = ServerChoice(context.server, context.data, source, context=name)
    own = (context.token, context.data)
    return _with_token(given, chosen, own=own, source=f"context {name}", is_weak=is_weak)


def _with_token(
    given: Given,
    chosen: ServerChoice,
    *,
    own: tuple[str | None, Path | None] = (None, None),
    source: str | None = None,
    is_weak: bool = False,
) -> ServerChoice:
    """Returns the choice with a token: a typed one, else `own` if a flag names its owner, else that of a variable."""
    token, folder = own
    place = given.first_place()
    owner_is_typed = place is not None and place in given.typed and not is_weak
    has_own = token is not None or folder is not None
    if "token" in given.values and ("token" in given.typed or not (owner_is_typed and has_own)):
        token, folder, source = given.values["token"], None, given.source("token")
    elif has_own:
        source = source or chosen.server_source
    else:
        source = None
    return replace(chosen, token=token, token_data=folder, token_source=source)
