"""How a command finds its server, and how it reports refusals of the server."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from enginehouse.cli import data_folder
from enginehouse.cli.errors import CommandError
from enginehouse.client import Client, RequestFailed

_HOW = (
    "Give --url and --token, set ENGINEHOUSE_URL and ENGINEHOUSE_TOKEN, or give --data with the data folder of a "
    "server on this machine."
)


@dataclass(frozen=True, slots=True)
class ServerFlags:
    """What flags and environment say about the server."""

    url: str | None
    token: str | None
    data: Path | None

    def offline_data(self) -> Path | None:
        """Returns the data folder if the flags name one and no server runs on it, else None."""
        if self.data is None or self.url is not None or data_folder.server(self.data) is not None:
            return None
        return self.data


def server_options(
    command: Callable[..., Any], *, names: tuple[str, ...] = ("--url", "--server")
) -> Callable[..., Any]:
    """The command takes --url, --token and --data, and gets their values as ServerFlags, its first argument."""

    @click.option(*names, "server_url", envvar="ENGINEHOUSE_URL", help="The server, as in http://localhost:9000.")
    @click.option(
        "--token",
        "server_token",
        envvar="ENGINEHOUSE_TOKEN",
        help="The token. Other users of the machine can see a flag; the variable is safer.",
    )
    @click.option(
        "--data", envvar="ENGINEHOUSE_DATA", type=click.Path(path_type=Path), help="The server's data folder."
    )
    @functools.wraps(command)
    def with_flags(
        *args: Any, server_url: str | None, server_token: str | None, data: Path | None, **options: Any
    ) -> Any:
        url, token = server_url, server_token
        if data is not None and _is_typed("data"):
            # A flag goes before the environment.
            url, token = (url if _is_typed("server_url") else None), (token if _is_typed("server_token") else None)
        return command(ServerFlags(url, token, data), *args, **options)

    return with_flags


def with_client(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command takes those options and gets a Client as its first argument. A refusal ends it with CommandError."""
    return server_options(_connect(command))


def with_client_of_server(command: Callable[..., Any]) -> Callable[..., Any]:
    """Like `with_client`, for a command whose own --url is something else: only --server names the server."""
    return server_options(_connect(command), names=("--server",))


@contextmanager
def connect(flags: ServerFlags) -> Iterator[Client]:
    """A client of the server that the flags name. Raises CommandError, also when the server refuses something."""
    with _client(flags) as client:
        try:
            yield client
        except RequestFailed as failure:
            raise as_error(failure) from None


def as_error(failure: RequestFailed) -> CommandError:
    """Returns the refusal in the server's words, and adds what helps if they do not say it."""
    message = "; ".join(failure.message.splitlines())
    match failure.code:
        case "authentication_error":
            message += " Check --token or ENGINEHOUSE_TOKEN."
        case "unreachable":
            message += " Check --url, or start a server with: enginehouse serve --data DIR"
    return CommandError(message)


def _connect(command: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(command)
    def connected(flags: ServerFlags, /, *args: Any, **options: Any) -> Any:
        with connect(flags) as client:
            return command(client, *args, **options)

    return connected


def _client(flags: ServerFlags) -> Client:
    url, token = flags.url, flags.token
    if flags.data is not None:
        url = url or _url_in(flags.data)
        token = token or _token_in(flags.data)
    if not url:
        raise CommandError(f"No server is named. {_HOW}")
    if not url.startswith(("http://", "https://")):
        raise CommandError(f'--url: http:// or https:// and a host, got "{url}".')
    if not token:
        raise CommandError(f"No token is given. {_HOW}")
    return Client(url, token)


def _url_in(data: Path) -> str:
    server = data_folder.server(data)
    if server is None:
        if others := data_folder.other_machines(data):
            raise CommandError(f"The servers on {data} run on {', '.join(others)}. Name one of them with --url.")
        raise CommandError(f"No server runs on {data}. Start one with: enginehouse serve --data {data}")
    return server.url


def _token_in(data: Path) -> str:
    try:
        token = data_folder.token(data)
    except OSError as error:
        raise CommandError(f"The token in {data} cannot be read: {error.strerror}.") from None
    if token is None:
        raise CommandError(
            f"There is no token in {data}, because this server got its token in AIWARE_INIT_TOKEN. "
            "Set ENGINEHOUSE_TOKEN."
        )
    return token


def _is_typed(parameter: str) -> bool:
    return click.get_current_context().get_parameter_source(parameter) is ParameterSource.COMMANDLINE
