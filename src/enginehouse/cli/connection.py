"""How a command finds its server, and how it reports refusals of the server."""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from enginehouse.cli import contexts, data_folder, server_choice
from enginehouse.cli.errors import CommandError
from enginehouse.cli.options import RenamedOption
from enginehouse.cli.server_choice import Given, Option, ServerChoice
from enginehouse.cli.transfer import opened_with_bar
from enginehouse.client import Client, RequestFailed
from enginehouse.client.http import SILENCE

_HOW: Final = (
    "Give --server and --token, set ENGINEHOUSE_SERVER and ENGINEHOUSE_TOKEN, keep both with: enginehouse context add, "
    "or give --data with the data folder of a server on this machine."
)
_HASTE: Final = 1.0  # seconds that a shell which completes a word waits for the server
_NAMES: Final[tuple[Option, ...]] = ("server", "token", "data", "context")


@dataclass(frozen=True, slots=True)
class ServerFlags:
    """What flags and environment say about the server."""

    given: Given

    def choice(self) -> ServerChoice:
        """Returns the server that they name, or the context, or the default. Raises CommandError."""
        return server_choice.choose(self.given, contexts.read)

    def names_server(self) -> bool:
        """True if a server is configured: with an address, or with a data folder on which one runs."""
        return self.choice().server_source != server_choice.DEFAULT and self.offline_data() is None

    def is_typed(self) -> bool:
        """True if a flag names the address of the server, or a context."""
        return not self.given.typed.isdisjoint({"server", "context"})

    def offline_data(self) -> Path | None:
        """Returns the data folder if that is what is named and no server runs on it, else None."""
        data = self.choice().data
        return None if data is None or data_folder.server(data) is not None else data


def server_options(command: Callable[..., Any], *, old: tuple[str, ...] = ("--url",)) -> Callable[..., Any]:
    """The command takes --server, --token, --data and --context, and gets them as ServerFlags, its first argument."""

    @click.option(
        "--server",
        "server_server",
        cls=RenamedOption,
        old=old,
        metavar="URL",
        envvar=server_choice.SERVER_VARIABLES,
        help="The server, as in http://localhost:9000.",
    )
    @click.option(
        "--token",
        "server_token",
        envvar=server_choice.TOKEN_VARIABLE,
        help="The token. Other users of the machine can see a flag; the variable is safer.",
    )
    @click.option(
        "--data",
        "server_data",
        metavar="DIR",
        envvar=server_choice.DATA_VARIABLE,
        help="The data folder of a server on this machine.",
    )
    @click.option(
        "--context",
        "server_context",
        metavar="NAME",
        envvar=server_choice.CONTEXT_VARIABLE,
        help="A server that was named with: enginehouse context add.",
    )
    @functools.wraps(command)
    def with_flags(*args: Any, **options: Any) -> Any:
        return command(ServerFlags(_given(options, click.get_current_context())), *args, **options)

    return with_flags


def _given(options: dict[str, Any], context: click.Context) -> Given:
    """Returns the values of the options, and takes them out of `options`."""
    values = {name: options.pop(f"server_{name}", None) for name in _NAMES}
    typed = (name for name in _NAMES if _is_typed(context, f"server_{name}"))
    return Given({name: value for name, value in values.items() if value}, frozenset(typed))


def with_client(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command takes those options and gets a Client as its first argument. A refusal ends it with CommandError."""
    return server_options(_connect(command))


def with_client_of_server(command: Callable[..., Any]) -> Callable[..., Any]:
    """Like `with_client`, for a command whose own --url is something else: only --server names the server."""
    return server_options(_connect(command), old=())


@contextmanager
def connect(flags: ServerFlags) -> Iterator[Client]:
    """A client of the server that the flags name. Raises CommandError, also when the server refuses something."""
    with _client(flags) as client:
        try:
            yield client
        except RequestFailed as failure:
            raise as_error(failure) from None


def hasty_client(context: click.Context) -> Client:
    """Returns a client of the server that an unfinished command would call. It waits a second. Raises CommandError."""
    return _client(ServerFlags(_given(dict(context.params), context)), timeout=_HASTE)


def as_error(failure: RequestFailed) -> CommandError:
    """Returns the refusal in the server's words, and adds what helps if they do not say it."""
    message = "; ".join(failure.message.splitlines())
    match failure.code:
        case "authentication_error":
            message += " Check --token or ENGINEHOUSE_TOKEN."
        case "unreachable":
            message += " See: enginehouse context show. Start one with: enginehouse serve --data DIR"
    return CommandError(message)


def _connect(command: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(command)
    def connected(flags: ServerFlags, /, *args: Any, **options: Any) -> Any:
        with connect(flags) as client:
            return command(client, *args, **options)

    return connected


def _client(flags: ServerFlags, *, timeout: float = SILENCE) -> Client:
    chosen = flags.choice()
    url = chosen.server or _url_in(chosen.data)
    token = chosen.token or (None if chosen.token_data is None else _token_in(chosen.token_data))
    if not url.startswith(("http://", "https://")):
        raise CommandError(f'{chosen.server_source}: http:// or https:// and a host, got "{url}".')
    if not token:
        raise CommandError(f"No token is given for {url} ({chosen.server_source}). {_HOW}")
    return Client(url, token, timeout=timeout, open_file=opened_with_bar)


def _url_in(data: Path | None) -> str:
    if data is None:
        raise AssertionError("a choice has an address or a data folder")
    server = data_folder.server(data)
    if server is None:
        if others := data_folder.other_machines(data):
            raise CommandError(f"The servers on {data} run on {', '.join(others)}. Name one of them with --server.")
        raise CommandError(f"No server runs on {data}. Start one with: enginehouse serve --data {data}")
    return server.url


def _token_in(data: Path) -> str:
    try:
        token = data_folder.token(data) or os.environ.get(server_choice.TOKEN_VARIABLE)
    except OSError as error:
        raise CommandError(f"The token in {data} cannot be read: {error.strerror}.") from None
    if token is None:
        raise CommandError(
            f"There is no token in {data}, because this server got its token in AIWARE_INIT_TOKEN. "
            "Set ENGINEHOUSE_TOKEN."
        )
    return token


def _is_typed(context: click.Context, parameter: str) -> bool:
    return context.get_parameter_source(parameter) is ParameterSource.COMMANDLINE
