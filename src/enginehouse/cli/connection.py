"""How a command finds the server it talks to, and how it says that there is none."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from enginehouse.cli import folder
from enginehouse.cli.problem import FailureError
from enginehouse.client.http import Connection, RequestFailed

_HOW = (
    "Give --url and --token, set ENGINEHOUSE_URL and ENGINEHOUSE_TOKEN, or give --data with the data folder of a "
    "server on this machine."
)


@dataclass(frozen=True, slots=True)
class Where:
    """What was said about the server, by flags or environment."""

    url: str | None
    secret: str | None
    data: Path | None

    def unattended(self) -> Path | None:
        """The data folder that is meant, when no server runs on it; None when one does or another was named."""
        if self.data is None or self.url is not None or folder.server(self.data) is not None:
            return None
        return self.data


def server_options(
    command: Callable[..., Any], *, names: tuple[str, ...] = ("--url", "--server")
) -> Callable[..., Any]:
    """The command takes --url, --token and --data, and is called with what they say, a Where, first."""

    @click.option(*names, "server_url", envvar="ENGINEHOUSE_URL", help="The server, as in http://localhost:9000.")
    @click.option("--token", "secret", envvar="ENGINEHOUSE_TOKEN", help="Better in ENGINEHOUSE_TOKEN than here.")
    @click.option(
        "--data", envvar="ENGINEHOUSE_DATA", type=click.Path(path_type=Path), help="The server's data folder."
    )
    @functools.wraps(command)
    def told_where(*args: Any, server_url: str | None, secret: str | None, data: Path | None, **more: Any) -> Any:
        url = server_url
        if data is not None and _typed("data"):
            # What is typed goes before what is set.
            url, secret = (url if _typed("server_url") else None), (secret if _typed("secret") else None)
        return command(Where(url, secret, data), *args, **more)

    return told_where


def at_server(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command takes those options and is called with a Connection first; a refusal becomes its failure."""
    return server_options(_asked(command))


def at_named_server(command: Callable[..., Any]) -> Callable[..., Any]:
    """Like `at_server`, for a command whose own --url is something else: the server is --server."""
    return server_options(_asked(command), names=("--server",))


def _asked(command: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(command)
    def at(where: Where, *args: Any, **more: Any) -> Any:
        with asking(where) as server:
            return command(server, *args, **more)

    return at


@contextmanager
def asking(where: Where) -> Iterator[Connection]:
    """A connection to the server that is meant. What it refuses is raised as FailureError."""
    with connected(where.url, where.secret, where.data) as server:
        try:
            yield server
        except RequestFailed as refused:
            raise told(refused) from None


def connected(url: str | None, secret: str | None, data: Path | None) -> Connection:
    """A connection to the server that is named. Raises FailureError when none is, or it is not running."""
    if data is not None:
        url = url or _running(data)
        secret = secret or _token(data)
    if not url:
        raise FailureError(f"No server is named. {_HOW}")
    if not url.startswith(("http://", "https://")):
        raise FailureError(f'--url: http:// or https:// and a host, got "{url}".')
    if not secret:
        raise FailureError(f"No token is given. {_HOW}")
    return Connection(url, secret)


def told(refused: RequestFailed) -> FailureError:
    """What the server refused, in its own words, with what helps where it is not in them."""
    message = "; ".join(refused.message.splitlines())
    match refused.code:
        case "authentication_error":
            message += " Check --token or ENGINEHOUSE_TOKEN."
        case "unreachable":
            message += " Check --url, or start one with: enginehouse serve --data DIR"
    return FailureError(message)


def _running(data: Path) -> str:
    found = folder.server(data)
    if found is None:
        raise FailureError(f"No server runs on {data}. Start one with: enginehouse serve --data {data}")
    return found.url


def _token(data: Path) -> str:
    try:
        found = folder.token(data)
    except OSError as error:
        raise FailureError(f"The token in {data} cannot be read: {error.strerror}.") from None
    if found is None:
        raise FailureError(
            f"There is no token in {data}: this server was given AIWARE_INIT_TOKEN. Set ENGINEHOUSE_TOKEN."
        )
    return found


def _typed(parameter: str) -> bool:
    return click.get_current_context().get_parameter_source(parameter) is ParameterSource.COMMANDLINE
